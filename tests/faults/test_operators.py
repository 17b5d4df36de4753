"""What an operator may ask for while nobody knows whether a file was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Told, find
from pipeline.app.operate.verbs import Ask, act
from pipeline.app.run import run_once, start_run
from pipeline.app.verify import verify
from pipeline.model.bulk import Verb
from pipeline.model.outbox import OutboxKind
from pipeline.model.run import Pause
from pipeline.model.status import InterchangeStep, OutboxState, Step
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


def ask(world: World, verb: Verb, *, unseen: bool = False) -> Told:
    """Ask something of the one document there is."""
    hub = replace(world.hub, by="operator:test")
    (document,) = hub.ledger.documents(Query())
    asked = Ask(verb=verb, reason="motif", unseen=unseen)
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


def settled(world: World) -> tuple[Step, set[OutboxState], int]:
    """Return the step of the one document, the states of its deliveries, and the files there."""
    (document,) = world.hub.ledger.documents(Query())
    rows = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    files = list(world.folder("ville", "out").iterdir())
    return document.step, {row.state for row in rows}, len(files)


def give_up(world: World, folder: str = "ville") -> None:
    """Write that the delivery was given up, as where the reply to its last attempt was lost."""
    hub, now = world.hub, world.clock.now()
    hub.ledger.void_claims()
    ((row, claim),) = hub.ledger.claim_outbox(hub.by, now, now + MINUTE, 9, folder)
    with hub.ledger.transaction() as tx:
        tried = replace(row, attempts=row.attempts + 1, error="LOST")
        tx.settle_outbox(tried, OutboxState.ABANDONED, claim=claim, by=hub.by, at=now)
        tx.move_documents(tx.documents_named(row.documents), Step.ABANDONED, by=hub.by, at=now)


def pause(world: World, connection: str = "ville") -> None:
    """Keep a recipient from being served, after its worker died."""
    hub = world.hub
    hub.ledger.void_claims()
    at = world.clock.now()
    (partner,) = {
        one.partner for one in hub.ledger.sheets().connections.values() if one.name == connection
    }
    hub.ledger.pause(Pause(partner=partner, since=at, by="operator:test"))


def test_what_was_given_up_but_arrived_is_not_delivered_a_second_time(world: World) -> None:
    """The reply to the last attempt was lost: the recipient's folder knows better."""
    give_up(world)

    told = ask(world, Verb.REDELIVER)
    run_once(world.hub, insist=True)

    assert len(told.done) == 1
    assert settled(world) == (Step.DELIVERED, {OutboxState.SENT}, 1)
    (flow,) = world.hub.ledger.interchanges(Query())
    assert flow.step is InterchangeStep.CLOSED
    found = verify(world.hub.ledger, world.hub.archive)
    assert (list(found.breaks), list(found.differences)) == ([], [])


def test_other_bytes_under_its_name_do_not_stand_in_for_a_delivery(world: World) -> None:
    """What we put never replaces a file: it was given up for that, and gets another name."""
    give_up(world)
    (file,) = world.folder("ville", "out").iterdir()
    file.write_bytes(b"<other/>")

    told = ask(world, Verb.REDELIVER)
    run_once(world.hub, insist=True)

    assert ".g2" in next(iter(told.done.values()))
    assert settled(world) == (Step.DELIVERED, {OutboxState.ABANDONED, OutboxState.SENT}, 2)


def test_a_folder_that_cannot_be_looked_at_keeps_what_was_given_up(world: World) -> None:
    """Nobody knows whether it arrived: a second copy needs the recipient's word."""
    give_up(world)
    out = world.folder("ville", "out")
    out.rename(out.with_name("gone"))

    refused, done = ask(world, Verb.REDELIVER), ask(world, Verb.REDELIVER, unseen=True)

    assert (refused.done, len(refused.refused), len(done.done)) == ({}, 1, 1)
    assert "--unseen" in next(iter(refused.refused.values()))


def fail_and_hold(world: World) -> None:
    """Lose the reply to an attempt that is not the last; an operator holds the next one back."""
    hub, now = world.hub, world.clock.now()
    hub.ledger.void_claims()
    ((row, claim),) = hub.ledger.claim_outbox(hub.by, now, now + MINUTE, 9, "ville")
    with hub.ledger.transaction() as tx:
        tried = replace(row, attempts=row.attempts + 1, error="LOST")
        tx.settle_outbox(tried, None, claim=claim, by=hub.by, at=now)
    assert ask(world, Verb.HOLD).done


@pytest.mark.parametrize("stop", [give_up, pause, fail_and_hold])
def test_what_is_found_at_its_recipients_is_noted_by_the_withdrawal_itself(
    world: World, stop: Callable[[World], None]
) -> None:
    """No run tries what was given up, nor what is paused: nothing else would ever note it."""
    stop(world)

    told = ask(world, Verb.WITHDRAW)

    assert (told.done, len(told.refused)) == ({}, 1)
    assert settled(world)[:2] == (Step.DELIVERED, {OutboxState.SENT})


def test_a_delivery_cut_short_towards_a_paused_recipient_is_withdrawn_on_their_word(
    world: World,
) -> None:
    """They may have taken it away: only they know, and no run will ask before the resume."""
    pause(world)
    for file in world.folder("ville", "out").iterdir():
        file.unlink()

    first, second = ask(world, Verb.WITHDRAW), ask(world, Verb.WITHDRAW, unseen=True)

    assert (first.done, len(first.refused)) == ({}, 1)
    assert "--unseen" in next(iter(first.refused.values()))
    assert second.done
    assert settled(world) == (Step.REJECTED, {OutboxState.CANCELLED}, 0)


def test_a_word_that_was_given_before_a_new_attempt_does_not_cancel_it(world: World) -> None:
    """What a recipient confirmed is true of the attempts until then."""
    hub, now = world.hub, world.clock.now()
    hub.ledger.void_claims()
    (row,) = hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    token = hub.ledger.claimed_ever([row.key])[row.key]
    assert hub.ledger.claim_outbox("run:later", now, now + MINUTE, 9, "ville")
    hub.ledger.void_claims()

    with hub.ledger.transaction() as tx:
        cancelled = tx.stop_outbox(row, OutboxState.CANCELLED, by="x", at=now, unseen=token)
        seen = tx.see_outbox(row, token=token, sha256="0", by="x", at=now)

    assert (cancelled, seen) == (False, False)


def test_a_recipient_that_does_not_answer_is_waited_for_once(world: World) -> None:
    """A list asks flow by flow: a time limit for each of them would stop an operator for hours."""
    give_up(world)
    ville = world.folder("ville", "out").parent
    ville.rename(ville.with_name("gone"))

    told = [ask(world, Verb.REDELIVER), ask(world, Verb.REDELIVER)]

    first, second = (next(iter(one.refused.values())) for one in told)
    assert "(CONNECT)" in first
    assert "(CIRCUIT)" in second
