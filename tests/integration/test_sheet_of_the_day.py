"""A sheet that is edited during a run: each flow is judged by what was agreed when it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.pull import pull
from pipeline.app.run import run_once
from pipeline.app.work import Desk
from pipeline.model.connection import Connection
from pipeline.model.limits import Limits
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, invoice, opened

#: A SIREN whose invoices the caterer does not send.
ANOTHER = "552100554"
#: No invoice is nested so little.
STRICTER = Limits(depth=2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with its partners in force."""
    with opened(tmp_path) as made:
        yield made


def edit(world: World, **said: object) -> None:
    """Put another version of the caterer's sheet in force."""
    sheet: Connection = replace(world.connections["caterer"], **said)  # type: ignore[arg-type]  # as the caller names them
    world.connections["caterer"] = sheet
    world.apply("ville", "hopital")


def take(world: World, name: str, number: str) -> None:
    """Let the caterer drop an invoice, and take it in without looking at it."""
    world.drop("caterer", name, invoice(number))
    for _ in range(2):
        world.clock.move(MINUTE)
        pull(world.hub, world.connections["caterer"])


def steps(world: World) -> dict[str, Step]:
    """Return where each document stands, by the name of its file."""
    return {one.name: one.step for one in world.hub.ledger.documents(Query())}


def judge(world: World) -> None:
    """Judge what was taken in."""
    with Desk(world.hub, world.hub.ledger.sheets()) as desk:
        while desk.step():
            pass


def test_what_came_before_an_edit_is_judged_as_was_agreed_then(world: World) -> None:
    """Its sender kept to it; what comes after is held against the new one."""
    take(world, "before.xml", "A1")
    edit(world, limits=STRICTER)
    judge(world)
    take(world, "after.xml", "A2")
    judge(world)

    assert steps(world) == {"before.xml": Step.ROUTED, "after.xml": Step.REJECTED}


def test_a_run_that_began_before_an_edit_judges_by_it_what_comes_later(world: World) -> None:
    """A run lasts for hours: what it knew when it began is not what is agreed now."""
    begun = world.hub.ledger.sheets()
    edit(world, sellers=(ANOTHER,))
    take(world, "after.xml", "A1")

    with Desk(world.hub, begun) as desk:
        while desk.step():
            pass

    assert steps(world) == {"after.xml": Step.REJECTED}


def test_what_was_held_over_an_edit_is_released_as_was_agreed_then(world: World) -> None:
    """That a pack was missing on our side is not its sender's to mend."""
    world.judge_by(PACK_GONE)
    take(world, "before.xml", "A1")
    judge(world)
    (held,) = world.hub.ledger.documents(Query())
    edit(world, limits=STRICTER)
    world.judge_by(LIGHT)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    world.clock.move(MINUTE)
    run_once(world.hub, insist=True)

    assert held.step is Step.HELD
    assert steps(world) == {"before.xml": Step.DELIVERED}
