"""Files that lie for receivers, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.identity import InterchangeId, OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import PICKUP_FOLLOWS, THERE, Known, LogPlace, Pickup, PickupState

pytestmark = pytest.mark.contract

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
LYING = Pickup(
    key=OutboxKey("D1"),
    connection="ville",
    folder="out",
    name="F-1.xml",
    size=512,
    sha256="ab" * 32,
    since=NOON,
    at=NOON,
)


def lay_out(ledger: SqlLedger, *lying: Pickup) -> None:
    """Have files lie there, each with the row that it left by."""
    with ledger.transaction() as tx:
        for one in lying:
            row = OutboxRow(
                key=one.key,
                kind=OutboxKind.NOTICE,
                interchange=None,
                connection=one.connection,
                name=one.name,
                due=NOON,
                payload=b"",
            )
            tx.enqueue(row, "test", NOON)
        tx.documents_of(InterchangeId(""))  # rows are there before what names them
        for one in lying:
            tx.lay_out(one)


def move(ledger: SqlLedger, before: Pickup, after: PickupState) -> bool:
    with ledger.transaction() as tx:
        moved = replace(before, state=after, at=NOON, known=Known.LOG)
        return tx.move_pickup(before, moved, by="test", at=NOON, data={"known": "log"})


def test_what_lies_there_is_listed_oldest_first(ledger: SqlLedger) -> None:
    """Of one receiver, or of all; and by the key of its row."""
    older = replace(LYING, key=OutboxKey("D2"), since=NOON - timedelta(days=1), name="F-2.xml")
    other = replace(LYING, key=OutboxKey("D3"), connection="hopital")
    lay_out(ledger, LYING, older, other)

    assert ledger.pickups.standing(THERE, "ville") == [older, LYING]
    assert len(ledger.pickups.standing(THERE)) == 3
    assert ledger.pickups.of([LYING.key, OutboxKey("D9")]) == {LYING.key: LYING}


def test_who_comes_second_changes_nothing_and_tells_nothing(ledger: SqlLedger) -> None:
    """Two processes may look at one folder."""
    lay_out(ledger, LYING)

    moved = [move(ledger, LYING, PickupState.PICKED_UP) for _ in range(2)]

    told = [one.fact for one in ledger.events(LYING.key) if "delivery" in one.fact.what]
    assert moved == [True, False]
    assert [one.what for one in told] == ["delivery.picked_up"]
    assert told[0].data == {"connection": "ville", "file": "F-1.xml", "known": "log"}


@pytest.mark.parametrize("before", PickupState)
def test_no_step_that_the_table_does_not_know_is_taken(
    ledger: SqlLedger, before: PickupState
) -> None:
    """Picked up is picked up: nothing is removed afterwards."""
    lay_out(ledger, LYING)
    for after in set(PickupState) - PICKUP_FOLLOWS[before]:
        with pytest.raises(ValueError, match="cannot follow"):
            move(ledger, replace(LYING, state=before), after)

    assert ledger.pickups.of([LYING.key])[LYING.key].state is PickupState.LYING


def test_the_place_in_a_log_is_remembered(ledger: SqlLedger) -> None:
    """With the sessions that had not ended there."""
    place = LogPlace(inode=7, head="ab", head_bytes=2, offset=99, sessions={"sftp[1]": "ville"})

    assert ledger.pickups.place("sftp.log") is None
    for offset in (99, 120):
        ledger.pickups.note_place("sftp.log", replace(place, offset=offset))

    assert ledger.pickups.place("sftp.log") == replace(place, offset=120)
