"""A profile that changes at midnight: each document is judged by the version of its own day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.run import run_once
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, opened, samples

#: From the third of March on, a contract reference may have fifty characters.
STRICT = replace(LIGHT, rules=("cpro",), valid_from=date(2026, 3, 3))
CHANGING = replace(LIGHT, later=(STRICT,))
EVENING = datetime(2026, 3, 2, 22, 50, tzinfo=UTC)
SOON = timedelta(minutes=20)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub on the evening before the change."""
    with opened(tmp_path) as found:
        found.clock.move(EVENING - found.clock.now())
        found.judge_by(CHANGING)
        yield found


def long_contract(number: str) -> bytes:
    """Return an invoice that breaks a rule of the version to come, and no other."""
    made = samples()
    model = made.billed_to(made.BY_KEY["ubl-380-fournitures"], made.VILLE, number)
    written: bytes = made.to_ubl(replace(model, contract="M" * 51))
    return written


def run(world: World) -> None:
    """Work until everything is answered."""
    for _ in range(2):
        world.clock.move(MINUTE)
        run_once(world.hub, insist=True)


def steps(world: World) -> dict[str, tuple[Step, list[str]]]:
    """Return where each document stands and why, by the name of its file."""
    return {
        one.name: (one.step, [why.code for why in one.reasons])
        for one in world.hub.ledger.documents(Query())
    }


def test_what_was_fine_before_midnight_is_refused_after(world: World) -> None:
    """By Paris, where the evening of the second ends at 23:00 UTC."""
    world.drop("caterer", "before.xml", long_contract("A1"))
    run(world)
    world.clock.move(SOON)
    world.drop("caterer", "after.xml", long_contract("A2"))
    run(world)

    assert steps(world) == {
        "before.xml": (Step.DELIVERED, []),
        "after.xml": (Step.REJECTED, ["REJ_CONT_B2G"]),
    }


def test_what_waited_over_midnight_is_judged_by_the_day_it_came(world: World) -> None:
    """Its sender kept to what was agreed then; that we were late is not theirs to mend."""
    world.judge_by(replace(PACK_GONE, later=(STRICT,)))
    world.drop("caterer", "before.xml", long_contract("A1"))
    run(world)
    assert steps(world)["before.xml"][0] is Step.HELD
    (held,) = world.hub.ledger.documents(Query())
    world.judge_by(CHANGING)
    world.clock.move(SOON)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    run(world)

    assert steps(world) == {"before.xml": (Step.DELIVERED, [])}
