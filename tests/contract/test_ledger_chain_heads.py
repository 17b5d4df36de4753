"""What a seal asks of the chain: its head at a moment, one event, counts between two places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.event import Fact

pytestmark = pytest.mark.contract

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHAT = ("interchange.received", "document.received", "document.received", "run.done")


@pytest.fixture
def told(ledger: SqlLedger) -> SqlLedger:
    """Four events, an hour apart; the third by a clock that was a day late."""
    late = {3: timedelta(days=1)}
    with ledger.transaction() as tx:
        for seq, what in enumerate(WHAT, 1):
            at = NOON + seq * HOUR - late.get(seq, timedelta())
            tx.append(Fact(at=at, subject="F1", what=what, by="run:1", data={}))
    return ledger


@pytest.mark.parametrize(
    ("moment", "seq"),
    [
        (None, 4),
        (NOON + 9 * HOUR, 4),
        (NOON + 4 * HOUR, 3),
        (NOON, 3),
        (NOON - 23 * HOUR, None),
    ],
)
def test_the_head_before_a_moment_is_the_last_event_with_an_earlier_one(
    told: SqlLedger, moment: datetime | None, seq: int | None
) -> None:
    """By place, not by moment: whatever the clock said, what came before is covered."""
    found = told.head_before(moment)

    assert (found.seq if found else None) == seq


def test_one_event_is_found_by_its_place(told: SqlLedger) -> None:
    """As `events` tells it; there is none before the first and behind the last."""
    assert told.event_at(2) == list(told.events())[1]
    assert (told.event_at(0), told.event_at(5)) == (None, None)


def test_events_are_counted_between_two_places(told: SqlLedger) -> None:
    """The first place left out, the last one counted."""
    assert told.count_between(0, 4) == {
        "interchange.received": 1,
        "document.received": 2,
        "run.done": 1,
    }
    assert told.count_between(1, 2) == {"document.received": 1}
    assert told.count_between(4, 9) == {}


def test_an_empty_chain_has_no_head(ledger: SqlLedger) -> None:
    """Nothing happened yet."""
    assert (ledger.head_before(), ledger.event_at(1), ledger.count_between(0, 9)) == (
        None,
        None,
        {},
    )
