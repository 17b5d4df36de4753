"""Tell senders what belongs to no flow: a day summed up, missing numbers, links.

What was told stands in the outbox and in the chain of events, so everything here may be
done again: nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from structlog import get_logger

from pipeline.acknowledge.gap import gap_notice
from pipeline.acknowledge.link import link_notice
from pipeline.acknowledge.recapitulation import (
    Day,
    DayFlow,
    recapitulate,
    recapitulation_names,
)
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.ingest.gaps import (
    LAST_NUMBER,
    find_gaps,
    is_closed,
    name_of,
    numbers_of,
    series_of,
    to_report,
)
from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.calendar import moment
from pipeline.model.connection import Connection, Role
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.gap import Gap
from pipeline.model.identity import InterchangeId, OutboxKey, outbox_key
from pipeline.model.interchange import Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Ledger, Query, Sheets, Transaction

log = get_logger(__name__)

#: Days that are still summed up when nobody did so in time.
DAYS_BACK = 7
#: How long a day waits for what is open in it, before it is summed up as it stands.
PATIENCE = timedelta(days=1)
#: How far back numbers are looked at.
NUMBERED = timedelta(days=90)

#: Gaps told by one change of the ledger; the others follow in the next pass.
_GROUP = 100
#: Links that one log line names.
_NAMED = 5
_ONE_DAY = timedelta(days=1)
_FOUND, _CLOSED = "gap.found", "gap.closed"


def make_notices(hub: Hub, sheets: Sheets, now: datetime) -> int:
    """Put every notice that is due into the outbox; return how many files that is."""
    made = 0
    for connection in sheets.connections.values():
        if connection.role is Role.SENDER and connection.recapitulation:
            made += sum(
                _sum_up(hub, connection, day, now) for day in _due_days(hub, connection, now)
            )
        if connection.gap_after is not None:
            made += _tell_gaps(hub, connection, connection.gap_after, now)
    return made


def open_gaps(ledger: Ledger, sheets: Sheets, now: datetime) -> Sequence[Gap]:
    """Return the gaps that senders were told of and that are not closed, oldest first.

    After `NUMBERED` nobody waits for them any more.
    """
    told = [
        gap
        for connection in sheets.connections.values()
        if connection.gap_after is not None
        for gap in _told(ledger, connection.name)[1]
        if gap.since >= now - NUMBERED
    ]
    return sorted(told, key=lambda gap: (gap.since, gap.connection, gap.series, gap.first))


# -- days
def _due_days(hub: Hub, connection: Connection, now: datetime) -> Iterator[date]:
    """Yield the days that are over, and that nobody has summed up."""
    today = now.astimezone(ZoneInfo(connection.schedule.timezone)).date()
    days = [today - _ONE_DAY * back for back in range(DAYS_BACK, 0, -1)]
    keys = {day: _key(connection, recapitulation_names(day)[0]) for day in days}
    known = hub.ledger.known_rows(list(keys.values()))
    yield from (day for day in days if keys[day] not in known)


def _sum_up(hub: Hub, connection: Connection, day: date, now: datetime) -> int:
    """Sum up one day of a sender, if it can be; return how many files that made."""
    zone = connection.schedule.timezone
    start, end = moment(day, time(), zone), moment(day + _ONE_DAY, time(), zone)
    before = Query(connection=connection.name, received_before=end, limit=1)
    if not hub.ledger.interchanges(before):
        return 0  # it had never sent anything yet
    if now < end + PATIENCE and _is_open(hub.ledger, connection, start, end):
        return 0
    files = recapitulate(
        Day(
            sender=connection.partner,
            connection=connection.name,
            day=day,
            timezone=zone,
            zone=ZoneInfo(zone),
            start=start,
            end=end,
            made_at=now,
            flows=_flows(hub.ledger, connection, start, end),
        )
    )
    atomically(hub, lambda tx: enqueue(hub, tx, connection, files, now), "notice.day")
    log.info("day.summed_up", connection=connection.name, day=day.isoformat())
    return len(files)


def _is_open(ledger: Ledger, connection: Connection, start: datetime, end: datetime) -> bool:
    """Tell whether something of a day is not decided."""
    flows = (InterchangeStep.RECEIVED.value, InterchangeStep.HELD.value)
    documents = (Step.RECEIVED.value, Step.HELD.value)
    return bool(
        ledger.interchanges(_within(connection, start, end, steps=flows, limit=1))
        or ledger.documents(_within(connection, start, end, steps=documents, limit=1))
    )


def _flows(
    ledger: Ledger, connection: Connection, start: datetime, end: datetime
) -> tuple[DayFlow, ...]:
    """Return the flows of a day with their documents, oldest first."""
    documents: dict[InterchangeId, list[Document]] = {}
    for one in ledger.documents(_within(connection, start, end)):
        documents.setdefault(one.interchange, []).append(one)
    flows = ledger.interchanges(_within(connection, start, end))
    return tuple(DayFlow(one, tuple(documents.get(one.id, ()))) for one in reversed(flows))


def _within(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    steps: tuple[str, ...] = (),
    limit: int | None = None,
) -> Query:
    return Query(
        connection=connection.name,
        received_from=start,
        received_before=end,
        steps=steps,
        limit=limit,
    )


# -- gaps
def _tell_gaps(hub: Hub, connection: Connection, after: timedelta, now: datetime) -> int:
    """Report new gaps and note those that closed; return how many files that made."""
    seen = _numbers(hub, connection, now)
    told, still_open = _told(hub.ledger, connection.name)
    gaps = [
        gap
        for series, numbers in seen.items()
        for gap in find_gaps(connection.name, series, numbers)
    ]
    found = to_report(gaps, told, after, now)[:_GROUP]
    closed = [gap for gap in still_open if is_closed(gap, seen.get(gap.series, {}))]
    if not found and not closed:
        return 0
    made = atomically(
        hub, lambda tx: _write_gaps(hub, tx, connection, found, closed, now), "notice.gaps"
    )
    for gap in found:
        log.warning("gap.found", **_logged(gap))
    for gap in closed:
        log.info("gap.closed", **_logged(gap))
    return made


def _logged(gap: Gap) -> Mapping[str, object]:
    return {
        "connection": gap.connection,
        "series": gap.series,
        "first": gap.first,
        "last": gap.last,
    }


def _numbers(
    hub: Hub, connection: Connection, now: datetime
) -> Mapping[str, Mapping[int, datetime]]:
    """Return when each flow number of the last months was first seen, by series."""
    application, since = connection.application_code or "", now - NUMBERED
    seen: dict[str, Mapping[int, datetime]] = {}
    for code in connection.interfaces:
        series = series_of(code, application)
        lowest, highest = name_of(series, 0), name_of(series, LAST_NUMBER)
        names = hub.ledger.names_between(connection.name, lowest, highest, since)
        seen[series] = numbers_of(series, names)
    return seen


def _told(ledger: Ledger, connection: str) -> tuple[list[Gap], list[Gap]]:
    """Return the gaps of a connection that were told, and those of them that are open."""
    told: dict[tuple[object, ...], Gap] = {}
    still_open: dict[tuple[object, ...], Gap] = {}
    for event in ledger.events(_subject(connection)):
        gap = _gap_of(connection, event.fact.data)
        key = (gap.series, gap.first, gap.last)
        if event.fact.what == _FOUND:
            told[key] = still_open[key] = gap
        else:
            still_open.pop(key, None)
    return list(told.values()), list(still_open.values())


def _write_gaps(
    hub: Hub,
    tx: Transaction,
    connection: Connection,
    found: Sequence[Gap],
    closed: Sequence[Gap],
    now: datetime,
) -> int:
    made = 0
    for what, gaps in ((_FOUND, found), (_CLOSED, closed)):
        for gap in gaps:
            subject = _subject(connection.name)
            tx.append(Fact(at=now, subject=subject, what=what, by=hub.by, data=_data_of(gap)))
    for gap in found:
        names = name_of(gap.series, gap.first), name_of(gap.series, gap.last)
        made += enqueue(hub, tx, connection, gap_notice(gap, *names, now), now)
    return made


def _subject(connection: str) -> str:
    """Return whom events about the numbers of a connection belong to."""
    return f"gaps:{connection}"


def _data_of(gap: Gap) -> Mapping[str, object]:
    since = gap.since.isoformat()
    return {"series": gap.series, "first": gap.first, "last": gap.last, "since": since}


def _gap_of(connection: str, data: Mapping[str, object]) -> Gap:
    return Gap(
        connection=connection,
        series=str(data["series"]),
        first=int(str(data["first"])),
        last=int(str(data["last"])),
        since=datetime.fromisoformat(str(data["since"])),
    )


# -- links
def tell_links(hub: Hub, connection: Connection, links: Sequence[Sighting], now: datetime) -> None:
    """Tell operator and sender of links in its folder that nobody was told of yet.

    One notice tells of all of them. It is named by what they are: told again after a crash,
    before the sightings were noted, it is the same one.
    """
    if not links:
        return
    files = link_notice([one.file for one in links], now)
    atomically(hub, lambda tx: enqueue(hub, tx, connection, files, now), "notice.links")
    names = [one.file.name for one in links[:_NAMED]]
    log.warning("pull.links", connection=connection.name, count=len(links), files=names)


# -- all
def enqueue(
    hub: Hub,
    tx: Transaction,
    connection: Connection,
    files: Sequence[AnswerFile],
    now: datetime,
) -> int:
    """Put the files of one notice into the outbox; return how many they are."""
    for file in files:
        row = OutboxRow(
            key=_key(connection, file.name),
            kind=OutboxKind.NOTICE,
            interchange=None,
            connection=connection.name,
            name=file.name,
            due=now,
            payload=file.payload,
        )
        tx.enqueue(row, hub.by, now)
    return len(files)


def _key(connection: Connection, name: str) -> OutboxKey:
    """Name a notice: it belongs to no interchange."""
    return outbox_key(OutboxKind.NOTICE.value, InterchangeId(""), connection.name, name)
