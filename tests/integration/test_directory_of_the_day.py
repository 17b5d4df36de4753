"""A directory whose lines begin and end: each document is decided on by the day it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.app.directory import carry_out_import, plan_import
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.run import run_once
from pipeline.model.directory import Structure, Validity, day_of
from pipeline.model.directory_update import Update
from pipeline.model.errors import LedgerConflict
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, invoice, opened, samples

#: The city's last day is the second of March; by Paris it ends at 23:00 UTC.
ENDS = Validity(None, date(2026, 3, 3))
EVENING = datetime(2026, 3, 2, 22, 50, tzinfo=UTC)
SOON = timedelta(minutes=20)


def city() -> Structure:
    """Return the city as the samples know it."""
    buyer = samples().VILLE
    return Structure(siret=buyer.siret, name=buyer.name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub on the evening before the city ends."""
    with opened(tmp_path) as found:
        found.clock.move(EVENING - found.clock.now())
        found.judge_by(LIGHT)
        yield found


def bring(world: World, structure: Structure) -> None:
    """Import one structure."""
    update = Update(structures={structure.siret: structure})
    plan = plan_import(world.hub, update, days=30, on=day_of(world.clock.now()))
    carry_out_import(world.hub, plan, "structures.csv", update)


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


def test_what_came_on_the_last_day_is_delivered_however_late_it_is_decided(world: World) -> None:
    """Its sender kept to the directory; what comes a minute after midnight is refused."""
    bring(world, replace(city(), validity=ENDS))
    world.judge_by(PACK_GONE)
    world.drop("caterer", "before.xml", invoice("A1"))
    run(world)
    (held,) = world.hub.ledger.documents(Query())
    world.judge_by(LIGHT)
    world.clock.move(SOON)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    world.drop("caterer", "after.xml", invoice("A2"))
    run(world)

    assert steps(world) == {
        "before.xml": (Step.DELIVERED, []),
        "after.xml": (Step.REJECTED, ["DEST_INC"]),
    }


def test_an_import_tells_what_it_closes_and_what_it_opens_again(world: World) -> None:
    """On the day that is asked about: the same change is none before it begins."""
    world.drop("caterer", "a.xml", invoice("A1"))
    run(world)
    today = day_of(world.clock.now())
    closing = Update(structures={city().siret: replace(city(), validity=ENDS)})

    now = plan_import(world.hub, closing, days=30, on=today)
    (then,) = plan_import(world.hub, closing, days=30, on=date(2026, 3, 3)).redirected
    bring(world, replace(city(), active=False))
    opening = Update(structures={city().siret: city()})
    (again,) = plan_import(world.hub, opening, days=30, on=today).redirected

    assert (now.looked_at, now.redirected) == (1, ())
    assert (then.before.codes, then.after.codes) == ((), ("DEST_INC",))
    assert (again.before.codes, again.after.codes) == (("DEST_INC",), ())
    assert (then.before.route, again.after.route) == (again.after.route, then.before.route)
    assert set(then.why) == {"fr", "en"}


def test_an_import_that_was_overtaken_changes_nothing(world: World) -> None:
    """What was shown is not what would be applied any more."""
    update = Update(structures={city().siret: replace(city(), active=False)})
    plan = plan_import(world.hub, update, days=30, on=day_of(world.clock.now()))
    bring(world, replace(city(), name="Ville nouvelle"))

    with pytest.raises(LedgerConflict):
        carry_out_import(world.hub, plan, "structures.csv", update)

    assert world.hub.ledger.sheets().directory.structures[city().siret].active
