"""A report of a day or a month: its period, its figures, and whether they add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.model.calendar import moment
from pipeline.model.connection import Environment
from pipeline.model.errors import ConfigError
from pipeline.model.figures import Cell, Column, Figures, FlowFigures, Period, Table
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import AnswerTime, Ledger, Query, Sheets

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

#: What became of an interchange, in the words of conservation; an opened one was let in.
FLOW_OUTCOME: Mapping[InterchangeStep, str] = {
    InterchangeStep.RECEIVED: "waiting",
    InterchangeStep.HELD: "held",
    InterchangeStep.REFUSED: "rejected",
    InterchangeStep.DUPLICATE: "duplicate",
    InterchangeStep.OPENED: "accepted",
    InterchangeStep.CLOSED: "accepted",
}
#: The same for a document; one that could not be delivered is accepted all the same.
DOCUMENT_OUTCOME: Mapping[Step, str] = {
    Step.RECEIVED: "waiting",
    Step.HELD: "held",
    Step.REJECTED: "rejected",
    Step.DUPLICATE: "duplicate",
    Step.ACCEPTED: "accepted",
    Step.ROUTED: "accepted",
    Step.DELIVERED: "accepted",
    Step.ABANDONED: "accepted",
    Step.TRIED: "accepted",
}
_OUTCOMES = ("accepted", "rejected", "duplicate", "held", "waiting")


def day_at(now: datetime, timezone: str) -> date:
    """Return which day it is by the clock of a time zone.

    Raises:
        ConfigError: There is no such time zone.

    >>> day_at(datetime.fromisoformat("2026-11-27T23:30:00+00:00"), "Europe/Paris").isoformat()
    '2026-11-28'
    """
    return now.astimezone(_zone(timezone)).date()


def day_period(day: date, timezone: str) -> Period:
    """Return a day by the clock of a time zone, with its 23, 24 or 25 hours.

    Raises:
        ConfigError: There is no such time zone.
    """
    start, end = _midnight(day, timezone), _midnight(day + _DAY, timezone)
    hours = [start]
    while hours[-1] + _HOUR < end:
        hours.append(hours[-1] + _HOUR)
    return Period(
        name=day.isoformat(), start=start, end=end, parts=tuple(hours), timezone=timezone
    )


def month_period(first: date, timezone: str) -> Period:
    """Return the month that begins at `first` by the calendar of a time zone.

    Raises:
        ConfigError: There is no such time zone.
    """
    days = [first]
    while (following := days[-1] + _DAY).month == first.month:
        days.append(following)
    return Period(
        name=f"{first:%Y-%m}",
        start=_midnight(first, timezone),
        end=_midnight(following, timezone),
        parts=tuple(_midnight(day, timezone) for day in days),
        timezone=timezone,
    )


def gather(
    ledger: Ledger,
    sheets: Sheets,
    period: Period,
    partner: str | None,
    now: datetime,
    environment: Environment = Environment.PRODUCTION,
) -> Figures:
    """Return all that a report is made of.

    Args:
        ledger: Where it is counted.
        sheets: The configuration in force: it knows the deadlines that were agreed.
        period: Of receipt.
        partner: The only sender to be counted, or None.
        now: Of the report.
        environment: The only one that is counted: sums of trials and of invoices say nothing.
    """
    query = Query(
        partner=partner,
        received_from=period.start,
        received_before=period.end,
        environment=environment,
        limit=None,
    )
    return Figures(
        period=period,
        partner=partner,
        at=now,
        environment=environment,
        flows=tuple(_flow(one, sheets) for one in ledger.answer_times(query)),
        documents=tuple(ledger.document_figures(query)),
        rules=tuple(ledger.count_rules(query)),
        received=tuple(ledger.received(query)),
    )


def conservation(figures: Figures) -> Table:
    """Hold what was received against what became of it, by partner, counted two ways.

    What was received is counted from the chain of events, what became of it from the rows.
    """
    flows = _by_partner((one.partner, FLOW_OUTCOME[one.step]) for one in figures.flows)
    documents = _by_partner((one.partner, DOCUMENT_OUTCOME[one.step]) for one in figures.documents)
    received = {one.partner: one for one in figures.received}
    rows: list[tuple[Cell, ...]] = []
    for partner in sorted({*flows, *documents, *received}):
        told = received.get(partner)
        counted = (
            ("flux / flows", told.interchanges if told else 0, flows),
            ("documents", told.documents if told else 0, documents),
        )
        for what, count, found in counted:
            parts = [found.get(partner, Counter())[one] for one in _OUTCOMES]
            rows.append((partner, what, count, *parts, count - sum(parts)))
    return Table("conservation", "Conservation", "Conservation", _CONSERVATION, tuple(rows))


def balances(table: Table) -> bool:
    """Tell whether nothing is missing in a table of conservation, and nothing too many."""
    return not any(row[-1] for row in table.rows)


_CONSERVATION = (
    Column("partner", "Partenaire", "Partner"),
    Column("what", "Quoi", "What"),
    Column("received", "Reçus", "Received"),
    Column("accepted", "Acceptés", "Accepted"),
    Column("rejected", "Refusés", "Rejected"),
    Column("duplicate", "Déjà reçus", "Duplicate"),
    Column("held", "Suspendus", "Held"),
    Column("waiting", "En cours", "Waiting"),
    Column("difference", "Écart", "Difference"),
)


def _by_partner(found: Iterable[tuple[str, str]]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for partner, outcome in found:
        counts.setdefault(partner, Counter())[outcome] += 1
    return counts


def _flow(one: AnswerTime, sheets: Sheets) -> FlowFigures:
    flow = one.interchange
    sheet = sheets.connections.get(flow.connection)
    within = sheet.answer_within if sheet else None
    return FlowFigures(
        id=flow.id,
        partner=flow.party,
        name=flow.name,
        received_at=flow.received_at,
        step=flow.step,
        reason=flow.reason,
        answered_at=one.answered_at,
        answer_by=flow.received_at + within if within is not None else None,
    )


def _midnight(day: date, timezone: str) -> datetime:
    _zone(timezone)
    return moment(day, time(), timezone)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"fuseau inconnu / unknown time zone: {timezone}") from None


def is_empty(tables: Sequence[Table]) -> bool:
    """Tell whether a report has nothing to tell."""
    return not any(table.rows for table in tables)
