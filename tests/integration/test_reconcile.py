"""What looks like a difference and is none, and what must outlive that it is put right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.app.erase import erase
from pipeline.app.reconcile import Reconciled, look_for_differences, put_right
from pipeline.app.run import run_once
from pipeline.model.difference import Kind
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
