"""How the hub stands: what waits, what is at risk, what runs next, who must act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.app.caretaker import differences_of
from pipeline.app.credentials import inventory
from pipeline.app.deadlines import late_answers
from pipeline.app.hub import Hub
from pipeline.app.jobs import Upcoming, upcoming
from pipeline.app.notices import open_gaps
from pipeline.model.calendar import moment
from pipeline.model.connection import Connection, Role, Schedule
from pipeline.model.credential import THRESHOLDS, refusals
from pipeline.model.gap import Gap
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind
from pipeline.model.run import JobRun, Pause, RunState
from pipeline.model.settings import Encryption
from pipeline.model.standing import SheetState
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Ledger, Query, Sheets

#: Things of one kind that are listed with their command; more are only counted.
LISTED = 20
#: What has not left.
_LEAVING_STATES = (OutboxState.WAITING, OutboxState.PENDING, OutboxState.PAUSED)
#: Days before the end of a certificate from which on somebody has to act.
URGENT_DAYS = 30
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Flows that came before a cut-off and have no final answer yet.

    Attributes:
        connection: The sender's.
        cutoff: The last cut-off that has passed (aware, UTC).
        answer_by: End of its day: until then they are at risk, from then on missed.
        flows: How many.
    """

    connection: str
    cutoff: datetime
    answer_by: datetime
    flows: int


@dataclass(frozen=True, slots=True)
class ToDo:
    """Something that stays as it is until a person acts.

    Attributes:
        what: In one sentence, French first.
        subject: Its id or name.
        command: What to type.
    """

    what: str
    subject: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """A certificate or key that somebody should look at.

    Attributes:
        what: Its kind, French and English.
        place: Its file, or the key of a sheet that holds it.
        sheets: Those that use it.
        days_left: Whole days until it ends; None where it is only at fault.
        faults: For which a sheet is refused, in words.
    """

    what: str
    place: str
    sheets: tuple[str, ...]
    days_left: int | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the hub stands at one moment.

    Attributes:
        at: That moment (aware, UTC).
        interchanges: How many, by step.
        documents: How many, by step.
        outbox: How many files to leave, by state.
        oldest: The interchange that waits longest to be closed, or None.
        cutoffs: Cut-offs at risk or missed.
        gaps: Flow numbers that were skipped.
        next: When each job is due, soonest first.
        pauses: What an operator has stopped.
        to_do: What somebody must act on.
        expiring: Certificates and keys at fault, or that end within 90 days.
        encryption: How originals lie on the disk.
    """

    at: datetime
    interchanges: Mapping[InterchangeStep, int]
    documents: Mapping[Step, int]
    outbox: Mapping[OutboxState, int]
    oldest: Interchange | None
    cutoffs: tuple[Cutoff, ...]
    gaps: tuple[Gap, ...]
    next: tuple[Upcoming, ...]
    pauses: tuple[Pause, ...]
    to_do: tuple[ToDo, ...]
    encryption: Encryption
    expiring: tuple[Expiring, ...] = ()


def look(hub: Hub, sheets: Sheets) -> Status:
    """Return how the hub stands now."""
    now, ledger = hub.clock.now(), hub.ledger
    cutoffs = tuple(cutoffs_at_risk(ledger, sheets, now))
    expiring = tuple(_expiring(hub, sheets, now))
    return Status(
        at=now,
        interchanges=ledger.count_interchanges(),
        documents=ledger.count_documents(),
        outbox=ledger.count_outbox(),
        oldest=ledger.oldest_open(),
        cutoffs=cutoffs,
        gaps=tuple(open_gaps(ledger, sheets, now)),
        next=tuple(upcoming(hub, sheets)),
        pauses=tuple(ledger.pauses()),
        to_do=(
            *_held(ledger),
            *_held_back(ledger),
            *_out_of_traffic(ledger, sheets),
            *_abandoned(ledger),
            *_failed(ledger, sheets),
            *_late(ledger, sheets, now),
            *_missed(cutoffs, now),
            *_differences(ledger),
            *_credentials(expiring),
            *_letters(ledger),
        ),
        expiring=expiring,
        encryption=hub.settings.archive.encryption,
    )


def cutoffs_at_risk(ledger: Ledger, sheets: Sheets, now: datetime) -> Iterator[Cutoff]:
    """Yield each connection whose last cut-off has flows without a final answer."""
    for connection in sheets.connections.values():
        passed = _last_cutoff(connection.schedule, now)
        if passed is None or connection.role is not Role.SENDER:
            continue
        cutoff, end = passed
        query = Query(connection=connection.name, received_before=cutoff, limit=None)
        waiting = ledger.answer_times(query, waiting=True)
        if waiting:
            yield Cutoff(connection.name, cutoff, end, len(waiting))


def _last_cutoff(schedule: Schedule, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the newest cut-off before `now`, and the end of its day."""
    if schedule.cutoff is None:
        return None
    day = now.astimezone(ZoneInfo(schedule.timezone)).date()
    cutoff = moment(day, schedule.cutoff, schedule.timezone)
    if cutoff > now:
        day -= _DAY
        cutoff = moment(day, schedule.cutoff, schedule.timezone)
    return cutoff, moment(day + _DAY, time(), schedule.timezone)


def _held(ledger: Ledger) -> Iterator[ToDo]:
    for flow in ledger.interchanges(Query(steps=(InterchangeStep.HELD.value,), limit=LISTED)):
        what = f"flux suspendu ({flow.reason}) / flow held"
        yield ToDo(what, flow.id, f"edi why {flow.id}")
    for one in ledger.documents(Query(steps=(Step.HELD.value,), limit=LISTED)):
        code = one.reasons[0].code if one.reasons else ""
        yield ToDo(f"document suspendu ({code}) / document held", one.id, f"edi why {one.id}")


def _held_back(ledger: Ledger) -> Iterator[ToDo]:
    for row in ledger.outbox(states=[OutboxState.PAUSED])[:LISTED]:
        subject = row.documents[0] if len(row.documents) == 1 else row.interchange or row.key
        what = f"remise retenue, {row.name} / delivery held back"
        yield ToDo(what, subject, f"edi why {subject}")


def _out_of_traffic(ledger: Ledger, sheets: Sheets) -> Iterator[ToDo]:
    """Name sheets that are suspended, and closed ones that something still waits for."""
    for name, standing in sorted(ledger.standing().items()):
        if standing.state is SheetState.SUSPENDED and name in sheets.connections:
            what = f"fiche suspendue ({standing.reason}) / sheet suspended"
            yield ToDo(what, name, f"edi connections show {name}")
        elif standing.state is SheetState.CLOSED:
            rows = ledger.outbox(connection=name, kind=OutboxKind.DELIVERY, states=_LEAVING_STATES)
            for row in rows[:LISTED]:
                subject = row.documents[0]
                what = f"remise pour une fiche close, {name} / delivery for a closed sheet"
                yield ToDo(what, subject, f"edi why {subject}")


def _abandoned(ledger: Ledger) -> Iterator[ToDo]:
    given_up = Query(steps=(Step.ABANDONED.value,), erased=False, limit=LISTED)
    documents = ledger.documents(given_up)
    for one in documents:
        what = f"remise abandonnée vers {one.route} / delivery abandoned"
        yield ToDo(what, one.id, f'edi redeliver {one.id} --reason "…"')
    told = {one.id for one in documents}
    # a second copy that was given up: its documents stay delivered
    rows = ledger.outbox(kind=OutboxKind.DELIVERY, states=[OutboxState.ABANDONED])
    for row in [row for row in rows if row.generation > 1][:LISTED]:
        for one in ledger.documents_named(row.documents):
            if one.step is Step.DELIVERED and one.id not in told:
                told.add(one.id)
                what = f"nouvelle remise abandonnée, {row.name} / redelivery abandoned"
                yield ToDo(what, one.id, f"edi why {one.id}")


def _failed(ledger: Ledger, sheets: Sheets) -> Iterator[ToDo]:
    """Name connections whose newest pass that did something failed."""
    for name in sorted(sheets.connections):
        newest = next(_passes(ledger, sheets.connections[name]), None)
        if newest is not None and newest.state is RunState.FAILED:
            what = f"dernier passage en échec / last pass failed: {newest.reason}"
            yield ToDo(what, name, f"edi runs --job {newest.job}")


def _passes(ledger: Ledger, connection: Connection) -> Iterator[JobRun]:
    for job in (f"pull:{connection.name}", f"deliver:{connection.name}"):
        for one in ledger.runs(job=job, limit=LISTED):
            if one.state in {RunState.DONE, RunState.FAILED}:
                yield one


def _late(ledger: Ledger, sheets: Sheets, now: datetime) -> Iterator[ToDo]:
    late: Sequence[Interchange] = [one.interchange for one in late_answers(ledger, sheets, now)]
    for flow in late[:LISTED]:
        what = f"réponse en retard à {flow.partner} / answer overdue"
        yield ToDo(what, flow.id, f"edi why {flow.id}")


def _differences(ledger: Ledger) -> Iterator[ToDo]:
    """Name what the last look of the reconciler found."""
    for kind, count in differences_of(ledger.upkeep.pulses()).items():
        what = f"{count} écart(s) entre registre et dossiers / difference(s) from the record"
        yield ToDo(what, kind, "edi reconcile")


def _expiring(hub: Hub, sheets: Sheets, now: datetime) -> Iterator[Expiring]:
    for entry in inventory(hub, sheets, now):
        soon = entry.days_left is not None and entry.days_left <= max(THRESHOLDS)
        faults = refusals(entry.faults)
        if soon or faults:
            yield Expiring(
                what=" / ".join(entry.credential.kind.words),
                place=entry.credential.place,
                sheets=entry.sheets,
                days_left=entry.days_left,
                faults=tuple(map(str, faults)),
            )


def _credentials(expiring: Sequence[Expiring]) -> Iterator[ToDo]:
    """Name what is at fault, and what ends so soon that a new one may come too late."""
    for one in expiring:
        if one.faults or (one.days_left or 0) <= URGENT_DAYS:
            told = one.faults[0] if one.faults else f"{one.days_left} jour(s) / days left"
            subject = ", ".join(one.sheets) or one.place
            yield ToDo(f"{one.what}: {told}", subject, f"edi certificates show {one.place}")


def _letters(ledger: Ledger) -> Iterator[ToDo]:
    """Name letters that the mail server did not take."""
    rows = ledger.outbox(kind=OutboxKind.LETTER, states=[OutboxState.PENDING])
    for row in [row for row in rows if row.error][:LISTED]:
        what = f"courrier non parti, essayé {row.attempts} fois / letter not sent: {row.error}"
        yield ToDo(what, row.connection, "edi run --once")


def _missed(cutoffs: Sequence[Cutoff], now: datetime) -> Iterator[ToDo]:
    for one in cutoffs:
        if now >= one.answer_by:
            what = f"{one.flows} flux non répondu(s) le jour même / cut-off missed"
            yield ToDo(what, one.connection, "edi interchanges --step held --step received")
