"""Whether answers left within the time that was agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.model.connection import Connection, Role
from pipeline.model.interchange import Interchange
from pipeline.ports.ledger import AnswerTime, Ledger, Query, Sheets


@dataclass(frozen=True, slots=True)
class AnswerDelay:
    """One flow, and how long its final answer took.

    Attributes:
        interchange: The flow.
        deadline: When the final answer was agreed to be there (aware, UTC).
        answered_at: When it was; None while it is not all sent.
    """

    interchange: Interchange
    deadline: datetime
    answered_at: datetime | None

    @property
    def latency(self) -> timedelta | None:
        """Return the time from receipt to final answer; None while there is none."""
        return self.answered_at - self.interchange.received_at if self.answered_at else None

    def is_late(self, now: datetime) -> bool:
        """Tell whether the answer came, or still stays out, after its deadline."""
        return (self.answered_at or now) > self.deadline


def late_answers(ledger: Ledger, sheets: Sheets, now: datetime) -> Sequence[AnswerDelay]:
    """Return flows past their deadline without a final answer, the longest overdue first."""
    late = [
        _delay(one, within)
        for connection, within in _agreed(sheets)
        for one in ledger.answer_times(
            Query(connection=connection.name, received_before=now - within, limit=None),
            waiting=True,
        )
    ]
    return sorted(late, key=lambda one: (one.deadline, one.interchange.id))


def answer_delays(
    ledger: Ledger, sheets: Sheets, received_from: datetime, received_before: datetime
) -> Sequence[AnswerDelay]:
    """Return every flow of a period for which a time was agreed, oldest first.

    Args:
        ledger: Where it is looked up.
        sheets: The configuration in force: a time that was agreed later counts for
            earlier flows too.
        received_from: First moment of the period.
        received_before: End of it.
    """
    delays = [
        _delay(one, within)
        for connection, within in _agreed(sheets)
        for one in ledger.answer_times(
            Query(
                connection=connection.name,
                received_from=received_from,
                received_before=received_before,
                limit=None,
            )
        )
    ]
    return sorted(delays, key=lambda one: (one.interchange.received_at, one.interchange.id))


def _agreed(sheets: Sheets) -> Iterator[tuple[Connection, timedelta]]:
    for connection in sheets.connections.values():
        if connection.answer_within is not None and connection.role is Role.SENDER:
            yield connection, connection.answer_within


def _delay(one: AnswerTime, within: timedelta) -> AnswerDelay:
    return AnswerDelay(one.interchange, one.interchange.received_at + within, one.answered_at)
