"""A process that was started before the master key changed: it waits, and condemns nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.custody import Custody
from pipeline.adapters.forms import SealedForm
from pipeline.adapters.vault import MasterKey, Vault
from pipeline.app.run import RunSummary, run_once
from pipeline.app.verify import verify
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import HOUR, World, invoice, opened

OLD = MasterKey(bytes(range(32)), "old.key")
NEW = MasterKey(bytes(range(32, 64)), "new.key")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub at work that knows the old master key alone."""
    with opened(tmp_path) as found:
        begin(found, OLD)
        yield found


def begin(world: World, *masters: MasterKey) -> None:
    """Start a process on the same workspace that knows these master keys."""
    folder = world.home / "archive"
    archive = FileArchive(folder, SealedForm(Vault(folder, *masters)))
    world.hub = replace(world.start(), archive=archive)


def run_with_a_rotation(world: World, at: str) -> RunSummary:
    """Work once; an operator rotates the keys in the moment that is named."""
    turns = iter([at])

    def rotate(point: str) -> None:
        # looking for work goes by that moment, too, while there is none yet
        if point == at and world.hub.ledger.interchanges(Query()) and next(turns, None):
            folder = world.home / "archive"
            keys = Vault(folder, NEW, OLD)
            form = SealedForm(keys)
            Custody(FileArchive(folder, form), form, keys).rotate(list)
            world.hub.spool.clear("")

    arm(rotate)
    try:
        return run_once(world.hub, insist=True)
    finally:
        disarm()


def test_flows_wait_for_a_process_that_knows_the_new_key(world: World) -> None:
    """Held as lost they would all need a person, though not one of them is."""
    world.drop("caterer", "a.xml", invoice("A1"))

    ran = run_with_a_rotation(world, "work.claimed")

    (flow,) = world.hub.ledger.interchanges(Query())
    assert flow.step is InterchangeStep.RECEIVED
    assert any("MASTER_KEY" in reason for reason in ran.failed.values())
    world.clock.move(HOUR)
    begin(world, NEW, OLD)
    run_once(world.hub, insist=True)
    assert [one.step for one in world.hub.ledger.documents(Query())] == [Step.DELIVERED]


def test_no_delivery_is_given_up_meanwhile(world: World) -> None:
    """A recipient must not miss an invoice because of a restart that was forgotten."""
    world.drop("caterer", "a.xml", invoice("A1"))

    run_with_a_rotation(world, "work.answered")

    for _ in range(3):
        world.clock.move(HOUR)
        run_once(world.hub, insist=True)
    (row,) = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    assert row.state is OutboxState.PENDING
    assert row.error.startswith("MASTER_KEY")
    assert row.attempts == 0
    world.clock.move(HOUR)
    begin(world, NEW, OLD)
    run_once(world.hub, insist=True)
    assert [path.read_bytes() for path in world.folder("ville", "out").iterdir()] == [
        invoice("A1")
    ]


def test_the_agreed_attempts_are_all_left_afterwards(world: World) -> None:
    """Nothing was tried at the recipient's, whose own trouble may come on top."""
    world.drop("caterer", "a.xml", invoice("A1"))
    run_with_a_rotation(world, "work.answered")
    world.clock.move(HOUR)
    run_once(world.hub, insist=True)
    begin(world, NEW, OLD)
    out = world.folder("ville", "out")
    out.rmdir()
    world.clock.move(HOUR)

    run_once(world.hub, insist=True)

    (row,) = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    assert (row.state, row.attempts) == (OutboxState.PENDING, 1)
    assert verify(world.hub.ledger, world.hub.archive).sound
    out.mkdir()
    world.clock.move(HOUR)
    run_once(world.hub, insist=True)
    assert [one.step for one in world.hub.ledger.documents(Query())] == [Step.DELIVERED]
