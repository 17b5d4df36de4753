"""Flows that cannot be judged yet: they wait, and no worker is said to have died over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.app.run import run_once, work_off
from pipeline.model.errors import ArchiveError
from pipeline.model.status import InterchangeStep
from pipeline.ports import failpoint
from pipeline.ports.ledger import LEASE_TAKEN_OVER, Query
from tests.hubs import MINUTE, World, invoice, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One invoice of the caterer's that waits in its folder."""
    with opened(tmp_path) as made:
        made.drop("caterer", "a.xml", invoice("E1"))
        yield made
    failpoint.disarm()


def work_for_ten_minutes(world: World) -> None:
    """Work off what waits again and again, as `edi run` does; no process dies."""
    for _ in range(5):
        work_off(world.hub, world.hub.ledger.sheets())
        world.clock.move(2 * MINUTE)


def steps(world: World) -> list[InterchangeStep]:
    """Return where each flow stands."""
    return [one.step for one in world.hub.ledger.interchanges(Query())]


def full_disk(name: str) -> None:
    """Have no room for scratch space."""
    if name == "work.opened":
        raise ArchiveError("no space left on device")


def test_a_full_disk_takes_no_claim_from_anybody(world: World) -> None:
    """The flow waits, is tried each minute, and is judged once there is room."""
    failpoint.arm(full_disk)
    run_once(world.hub, insist=True)
    work_for_ten_minutes(world)
    assert steps(world) == [InterchangeStep.RECEIVED]
    assert world.hub.ledger.upkeep.held() == []

    failpoint.disarm()
    work_for_ten_minutes(world)
    assert steps(world) == [InterchangeStep.CLOSED]
    assert world.hub.ledger.count_events(LEASE_TAKEN_OVER) == 0


def test_a_closed_sheet_takes_no_claim_from_anybody(world: World) -> None:
    """The flow waits until its sender's sheet is in force again."""
    failpoint.arm(full_disk)
    run_once(world.hub, insist=True)
    failpoint.disarm()
    sheet = world.connections.pop("caterer")
    world.apply("ville", "hopital")
    world.clock.move(2 * MINUTE)
    work_for_ten_minutes(world)
    assert steps(world) == [InterchangeStep.RECEIVED]
    assert world.hub.ledger.upkeep.held() == []

    world.connections["caterer"] = replace(sheet)
    world.apply("ville", "hopital")
    work_for_ten_minutes(world)
    assert steps(world) == [InterchangeStep.CLOSED]
    assert world.hub.ledger.count_events(LEASE_TAKEN_OVER) == 0
