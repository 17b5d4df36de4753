"""What an operator may ask for while nobody knows whether a file was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Told, find
from pipeline.app.operate.verbs import Ask, act
from pipeline.app.run import run_once, start_run
from pipeline.model.bulk import Verb
from pipeline.model.status import OutboxState, Step
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, invoice, opened


class Crash(BaseException):
    """The end of a process."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub that died when a delivery had its name at the recipient's, and another that began."""
    with opened(tmp_path) as made:
        made.drop("caterer", "1.xml", invoice("F1"))
        made.clock.move(MINUTE)
        arm(_die_when_renamed)
        with pytest.raises(Crash):
            run_once(made.hub, insist=True)
        disarm()
        made.stop()
        made.start()
        yield made


def _die_when_renamed(name: str) -> None:
    if name == "put.renamed":
        raise Crash(name)


def ask(world: World, verb: Verb) -> Told:
    """Ask something of the one document there is."""
    hub = replace(world.hub, by="operator:test")
    (document,) = hub.ledger.documents(Query())
    asked = Ask(verb=verb, reason="motif")
    return act(hub, hub.ledger.sheets(), asked, find(hub, document.id)).told


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.WITHDRAW])
@pytest.mark.parametrize("late", [False, True], ids=["another-run-began", "its-lease-ran-out"])
def test_a_delivery_that_was_cut_short_is_neither_held_nor_withdrawn(
    world: World, verb: Verb, *, late: bool
) -> None:
    """It may stand at the recipient's: nobody may be told that it does not leave."""
    if late:
        world.clock.move(2 * world.hub.settings.lease)
    else:
        start_run(world.hub)

    told = ask(world, verb)

    assert (told.done, len(told.refused)) == ({}, 1)
    world.clock.move(MINUTE)
    run_once(world.hub, insist=True)
    (document,) = world.hub.ledger.documents(Query())
    assert document.step is Step.DELIVERED
    assert {row.state for row in world.hub.ledger.outbox()} == {OutboxState.SENT}
    assert len(list(world.folder("ville", "out").iterdir())) == 1
