"""Two workers that lock the same flows in different orders both end, whoever is failed first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.adapters.clock import SystemClock
from pipeline.adapters.database.ledger import SqlLedger
from pipeline.app.atomic import TRIES, atomically
from pipeline.model.errors import LedgerConflict
from pipeline.model.event import Fact
from pipeline.model.identity import InterchangeId, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.ports.ledger import Transaction

pytestmark = pytest.mark.contract

NOW = datetime(2025, 3, 1, 8, tzinfo=UTC)


def _flow(name: str) -> Interchange:
    sha256 = name * 64
    return Interchange(
        id=interchange_id("caterer", name, sha256, 1),
        connection="caterer",
        partner="caterer",
        name=name,
        size=1,
        mtime=1,
        sha256=sha256,
        received_at=NOW,
    )


def _hub(ledger: object) -> Any:
    return SimpleNamespace(ledger=ledger, clock=SystemClock())


def test_locks_taken_crosswise_end_in_two_commits(ledger: SqlLedger) -> None:
    """On PostgreSQL one of the two is failed by the server, and runs again."""
    flows = [_flow("a"), _flow("b")]
    with ledger.transaction() as tx:
        for flow in flows:
            tx.record(flow, "run:1")
    both_hold_one = Barrier(2)

    def act(tx: Transaction, order: list[InterchangeId]) -> None:
        tx.interchange(order[0])
        # broken where the other waits for the only write lock there is, or has ended
        with suppress(BrokenBarrierError):
            both_hold_one.wait(timeout=1)
        tx.interchange(order[1])
        tx.append(Fact(at=NOW, subject=order[0], what="operator.release", by="run:1", data={}))

    ids = [flow.id for flow in flows]
    with ThreadPoolExecutor(2) as pool:
        ends = [
            pool.submit(atomically, _hub(ledger), lambda tx, order=order: act(tx, order))
            for order in (ids, ids[::-1])
        ]
        for end in ends:
            end.result()

    assert ledger.count_events("operator.release") == 2


def test_a_conflict_that_does_not_end_is_told(ledger: SqlLedger) -> None:
    """So many tries and no more."""
    tries = []

    def lose(_: Transaction) -> None:
        tries.append(1)
        raise LedgerConflict("always")

    with pytest.raises(LedgerConflict):
        atomically(_hub(ledger), lose)

    assert len(tries) == TRIES
