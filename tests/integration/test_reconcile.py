"""What looks like a difference and is none, and what must outlive that it is put right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.app.erase import erase
from pipeline.app.reconcile import Reconciled, look_for_differences
from pipeline.app.run import run_once
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
