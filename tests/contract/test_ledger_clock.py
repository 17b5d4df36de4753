"""What waits for a moment moves when the clock is set, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.event import Fact
from pipeline.model.identity import OutboxKey
from pipeline.model.interchange import RemoteFile, Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow

pytestmark = pytest.mark.contract

NOW = datetime(2026, 3, 1, 8, 0, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def notice(key: str, due: datetime) -> OutboxRow:
    """Return a file that is to leave and belongs to no flow."""
    return OutboxRow(
        key=OutboxKey(key),
        kind=OutboxKind.NOTICE,
        interchange=None,
        connection="caterer",
        name=f"{key}.json",
        due=due,
        payload=b"{}",
    )


def was_set(by: timedelta) -> Fact:
    """Return the event that tells of it."""
    data = {"seconds": by.total_seconds()}
    return Fact(at=NOW + by, subject="clock", what="clock.set", by="run:1", data=data)


@pytest.mark.parametrize("by", [-HOUR, 24 * HOUR], ids=["back", "forward"])
def test_files_that_stand_and_files_that_are_due_move_with_the_clock(
    ledger: SqlLedger, by: timedelta
) -> None:
    """As long as they waited, and as long as they still have to."""
    seen = Sighting(
        file=RemoteFile("a.xml", 3, 1), first_seen=NOW - HOUR, stable_since=NOW - MINUTE
    )
    ledger.note_sightings("caterer", [seen])
    with ledger.transaction() as tx:
        tx.enqueue(notice("N1", NOW + MINUTE), "run:1", NOW)

    ledger.follow_clock(by, NOW + by + MINUTE, was_set(by))

    moved = ledger.sightings("caterer")["a.xml"]
    assert (moved.first_seen, moved.stable_since) == (NOW - HOUR + by, NOW - MINUTE + by)
    assert [row.due for row in ledger.outbox()] == [NOW + MINUTE + by]
    assert ledger.newest_event() == NOW + by
    assert list(ledger.verify()) == []


def test_no_claim_lasts_beyond_the_latest_moment(ledger: SqlLedger) -> None:
    """Set back by an hour, a dead worker's claim would last an hour longer."""
    with ledger.transaction() as tx:
        tx.enqueue(notice("N1", NOW), "run:1", NOW)
    ledger.claim_outbox("dead", NOW, NOW + MINUTE, 1, "caterer")

    ledger.follow_clock(-HOUR, NOW - HOUR + MINUTE, was_set(-HOUR))

    now = NOW - HOUR + MINUTE
    ((row, _),) = ledger.claim_outbox("heir", now, now + MINUTE, 1, "caterer")
    assert row.key == "N1"


def test_a_ledger_without_events_has_no_newest(ledger: SqlLedger) -> None:
    """A new workspace knows of no time."""
    assert ledger.newest_event() is None
