"""What looks like a difference and is none, and what must outlive that it is put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.app.erase import erase
from pipeline.app.pull import pull
from pipeline.app.reconcile import Reconciled, look_for_differences, put_right
from pipeline.app.run import run_once
from pipeline.model.difference import Difference, Kind
from pipeline.model.event import Fact
from pipeline.ports import failpoint
from pipeline.ports.ledger import Query
from tests.hubs import World, invoice, opened

LONG_AGO = 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One invoice of the caterer's, delivered, its file set aside."""
    with opened(tmp_path) as made:
        made.drop("caterer", "b.xml", invoice("E2"), LONG_AGO)
        run_once(made.hub, insist=True)
        assert look(made) == Reconciled((), {})
        yield made


def look(world: World) -> Reconciled:
    """Look everywhere."""
    return look_for_differences(world.hub, world.hub.ledger.sheets(), everywhere=True)


def mend(world: World, found: Reconciled) -> Reconciled:
    """Put right what can be."""
    return put_right(world.hub, world.hub.ledger.sheets(), found, alone=False)


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def armed() -> Iterator[Callable[[str], None]]:
    """Return what lets the process end at a failpoint."""

    def arm_at(point: str) -> None:
        def hook(name: str) -> None:
            if name == point:
                raise Crash

        failpoint.arm(hook)

    yield arm_at
    failpoint.disarm()


def claim(world: World) -> str:
    """Let a worker claim a flow and never come back; return which."""
    world.drop("caterer", "c.xml", invoice("C1"))
    sheets = world.hub.ledger.sheets()
    pull(world.hub, sheets.connections["caterer"])
    now, ahead = world.clock.now(), world.hub.settings.lease
    ((flow, _),) = world.hub.ledger.claim_interchanges("run:dead", now, now + ahead, 1)
    world.clock.move(3 * ahead)
    return flow.id


def names(folder: Path) -> list[str]:
    """Return what stands in a folder."""
    return sorted(one.name for one in folder.iterdir())


def test_another_invoice_under_a_used_name_and_moment_is_left_to_be_pulled(world: World) -> None:
    """Some senders give every file the same moment, and invoices of one size are common."""
    waiting = world.drop("caterer", "b.xml", invoice("E3"), LONG_AGO)
    assert waiting.stat().st_size == len(invoice("E2"))

    found = look(world)
    assert found.differences == ()
    mend(world, found)
    assert waiting.read_bytes() == invoice("E3")

    run_once(world.hub, insist=True)
    assert len(world.hub.ledger.interchanges(Query())) == 2
    archive = world.folder("caterer", "archive")
    assert {one.read_bytes() for one in archive.iterdir()} == {invoice("E2"), invoice("E3")}


def test_a_file_replaced_after_the_look_is_left_to_be_pulled(world: World) -> None:
    """Between a list on the screen and the act on it a sender may drop the next one."""
    waiting = world.drop("caterer", "b.xml", invoice("E2"), LONG_AGO)
    found = look(world)
    assert [one.kind for one in found.differences] == [Kind.NOT_REMOVED]
    world.drop("caterer", "b.xml", invoice("E3"), LONG_AGO)

    assert mend(world, found).left == 1
    assert waiting.read_bytes() == invoice("E3")
    assert world.hub.ledger.count_events("reconcile.not_removed") == 0


def test_a_file_set_aside_is_not_replaced_by_other_bytes(world: World) -> None:
    """Whatever stands under that name in a partner's archive may be its only copy."""
    world.drop("caterer", "b.xml", invoice("E2"), LONG_AGO)
    (kept,) = world.folder("caterer", "archive").iterdir()
    kept.write_bytes(b"something else")

    assert mend(world, look(world)).left == 1
    assert kept.read_bytes() == b"something else"
    assert names(world.folder("caterer", "in")) == ["b.xml"]


def test_an_erased_original_is_not_lost(world: World) -> None:
    """It was destroyed because somebody asked for it: no alarm is raised for ever after."""
    (flow,) = world.hub.ledger.interchanges(Query())
    assert erase(world.hub, flow.id, "retention").destroyed

    assert look(world) == Reconciled((), {})


def test_a_blob_that_an_interrupted_erasing_left_is_no_orphan(world: World) -> None:
    """Erasing is what finishes it: its rows name it still."""
    (flow,) = world.hub.ledger.interchanges(Query())
    with world.hub.ledger.transaction() as tx:
        tx.erase(flow, by="operator:me", at=world.hub.clock.now(), reason="retention")

    assert flow.sha256 in world.hub.ledger.upkeep.named_blobs()
    assert flow.sha256 not in world.hub.ledger.upkeep.needed_blobs()
    assert look(world) == Reconciled((), {})


def test_what_is_put_right_outside_of_the_ledger_was_told_before(
    world: World, armed: Callable[[str], None]
) -> None:
    """A crash right behind the move leaves no file moved of which no event tells."""
    world.drop("caterer", "b.xml", invoice("E2"), LONG_AGO)
    found = look(world)
    armed("aside.moved")
    with pytest.raises(Crash):
        mend(world, found)

    assert names(world.folder("caterer", "in")) == []
    assert world.hub.ledger.count_events("reconcile.not_removed") == 1


def test_a_claim_that_is_let_go_is_told_by_the_same_change(
    world: World, armed: Callable[[str], None]
) -> None:
    """Both are there or neither is, wherever it dies."""
    claimed = claim(world)
    found = look(world)
    armed("ledger.upkeep.after")
    with pytest.raises(Crash):
        mend(world, found)

    assert claimed not in {one.subject for one in world.hub.ledger.upkeep.held()}
    assert world.hub.ledger.count_events("reconcile.lease") == 1


def test_a_counter_that_was_raised_meanwhile_is_not_told_as_raised(world: World) -> None:
    """The answers of another process went beyond the number first."""
    series = "CPP001:CSO1100A"
    upkeep, now = world.hub.ledger.upkeep, world.hub.clock.now()
    fact = Fact(at=now, subject=series, what="reconcile.counter", by="operator:me", data={})
    assert upkeep.raise_counter(series, 12, fact)
    late = Difference(kind=Kind.COUNTER, subject=series, fr="", en="", number=12)

    (told,) = mend(world, Reconciled((late,), {})).done
    assert "already" in told
    assert world.hub.ledger.count_events("reconcile.counter") == 1


def test_a_flow_that_was_closed_meanwhile_is_not_told_as_closed(world: World) -> None:
    """The run that was at it came back."""
    (flow,) = world.hub.ledger.interchanges(Query())
    late = Difference(kind=Kind.UNCLOSED, subject=flow.id, fr="", en="")

    (told,) = mend(world, Reconciled((late,), {})).done
    assert "already" in told
    assert world.hub.ledger.count_events("reconcile.unclosed") == 0
