"""Which connections are due, and the row that each slot of a job leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.model.calendar import next_slot, slots_between
from pipeline.model.connection import Connection, Role
from pipeline.model.directory import day_of
from pipeline.model.duties import DUTIES, Duty, Work, is_done, is_open
from pipeline.model.run import EVERYBODY, INTAKE, JobRun, Pause, RunState
from pipeline.model.standing import SHEET_WORDS, SheetState, Standing
from pipeline.ports.ledger import Sheets

log = get_logger(__name__)

#: Slots older than this are forgotten: a hub that stood still for longer starts anew.
HORIZON = timedelta(days=7)
#: Missed slots that get a row each; of more, only the newest.
MISSED_ROWS = 100
#: A pass that starts later than this after its slot is late.
LATE = timedelta(minutes=1)
#: How long passes without any event are kept.
KEPT = timedelta(days=30)


class Task(Enum):
    """What is done through a connection at its times."""

    PULL = "pull"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that is done again and again through one connection."""

    task: Task
    connection: str

    def __str__(self) -> str:
        """Return how rows name it."""
        return f"{self.task.value}:{self.connection}"


_TICK = timedelta(microseconds=1)
_MANUAL = "lancé à la main / by hand"


def jobs_of(connection: Connection) -> tuple[Job, ...]:
    """Return the jobs of a connection; none for a receiver that is served at any time."""
    pull = (Job(Task.PULL, connection.name),) if connection.drops_files else ()
    return (*pull, Job(Task.DELIVER, connection.name)) if has_hours(connection) else pull


def has_hours(connection: Connection) -> bool:
    """Tell whether a receiver is served at times of its own only."""
    schedule = connection.schedule
    timed = bool(schedule.at or schedule.every or schedule.workdays)
    return connection.role is Role.RECEIVER and timed


@dataclass(frozen=True, slots=True)
class Stops:
    """What keeps connections from being worked on now.

    Attributes:
        pauses: What operators paused, by partner.
        standing: Where sheets stand, by name.
        day: Today, in France: by it agreements begin and end.
    """

    pauses: Mapping[str, Pause]
    standing: Mapping[str, Standing]
    day: date

    def state(self, sheet: Connection) -> SheetState:
        """Return where a sheet stands."""
        known = self.standing.get(sheet.name)
        return known.state if known else SheetState.PRODUCTION

    def works_on(self, sheet: Connection) -> bool:
        """Tell whether a sheet has jobs at all: not before it is let in, nor once it is over."""
        return DUTIES[self.state(sheet)][Work.PULL] is not Duty.NOT

    def why_idle(self, job: Job, sheet: Connection) -> str:
        """Say why a job is not done, French and English; empty if it is."""
        pauses = self.pauses
        pause = pauses.get(EVERYBODY) or pauses.get(sheet.partner)
        if pause is None and job.task is Task.PULL:
            pause = pauses.get(INTAKE)
        if pause is not None:
            why = f" : {pause.reason}" if pause.reason else ""
            return f"en pause depuis / paused since {pause.since:%Y-%m-%d %H:%M} UTC{why}"
        if not is_done(self.state(sheet), Work.PULL):
            return self._stands(sheet)
        return "" if sheet.agreed_on(self.day) else _out_of_date(sheet)

    def why_shut(self, sheet: Connection) -> str:
        """Say why nothing may be put through a connection now; empty if it may."""
        if EVERYBODY in self.pauses or sheet.partner in self.pauses:
            return "en pause / paused"
        if not is_open(self.state(sheet), sheet.role):
            return self._stands(sheet)
        return "" if sheet.agreed_on(self.day) else _out_of_date(sheet)

    def _stands(self, sheet: Connection) -> str:
        fr, en = SHEET_WORDS[self.state(sheet)]
        known = self.standing[sheet.name]
        why = f" : {known.reason}" if known.reason else ""
        return f"fiche {fr} depuis / sheet {en} since {known.since:%Y-%m-%d %H:%M} UTC{why}"


def _out_of_date(sheet: Connection) -> str:
    return (
        f"hors des dates de l'accord / outside the dates of the agreement:"
        f" {sheet.start_date or '…'} – {sheet.end_date or '…'}"
    )


def stops_of(hub: Hub) -> Stops:
    """Return what keeps connections from being worked on now."""
    pauses = {pause.partner: pause for pause in hub.ledger.pauses()}
    return Stops(pauses, hub.ledger.standing(), day_of(hub.clock.now()))


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a job is due next."""

    job: str
    connection: str
    slot: datetime


def upcoming(hub: Hub, sheets: Sheets) -> Sequence[Upcoming]:
    """Return the next slot of every job, soonest first."""
    now, stops = hub.clock.now(), stops_of(hub)
    found = [
        Upcoming(
            str(job),
            one.name,
            next_slot(one.schedule, now, every=hub.settings.every, holidays=hub.holidays),
        )
        for one in sheets.connections.values()
        if stops.works_on(one)
        for job in jobs_of(one)
    ]
    return sorted(found, key=lambda one: (one.slot, one.job))


class Passes:
    """The passes of one run: begins the slots that are due, and writes how they ended.

    Args:
        hub: Its `by` is the run that every row names.
        sheets: The configuration in force.
        since: Moment from which the slots of a job count that never ran before.
        last: The newest slot of every job; kept up to date here, so that runs that follow
            one another need not ask the ledger each time.
        used_until: Newest slot that lay in the future when the clock was set back: until
            then slots of intervals have rows from before, and are told apart from them by
            a microsecond.
    """

    def __init__(
        self,
        hub: Hub,
        sheets: Sheets,
        since: datetime,
        last: dict[str, datetime],
        used_until: datetime | None = None,
    ) -> None:
        self._hub = hub
        self._sheets = sheets
        self._since = since
        self._last = last
        self._used_until = used_until
        self._open: dict[Job, JobRun] = {}

    def due(self, busy: Collection[Job] = ()) -> list[Job]:
        """Begin every slot that is due; return the jobs to be done now.

        Args:
            busy: Jobs whose last pass still runs: their slot is skipped.
        """
        now = self._hub.clock.now()
        pending = [
            (one, job, slots)
            for one in self._sheets.connections.values()
            for job in jobs_of(one)
            if (slots := self._slots(one, job, now))
        ]
        if not pending:
            return []
        stops = stops_of(self._hub)
        rows = [
            row
            for one, job, slots in pending
            if stops.works_on(one)
            for row in self._rows(job, slots, now, stops.why_idle(job, one), busy)
        ]
        return self._begin(rows)

    def by_hand(self) -> list[Job]:
        """Begin a pass of every connection that is not paused, whatever its schedule says."""
        now = self._hub.clock.now()
        stops = stops_of(self._hub)
        rows = [
            _skipped_if(self._row(job, now, now, _MANUAL), stops.why_idle(job, one))
            for one in self._sheets.connections.values()
            if stops.works_on(one)
            for job in jobs_of(one)
        ]
        return self._begin(rows)

    def ended(self, job: Job, summary: Mapping[str, int], error: str = "") -> None:
        """Write how the pass of a job ended; one that was not begun is nothing."""
        row = self._open.pop(job, None)
        if row is None:
            return
        reason = "; ".join(part for part in (row.reason, error) if part)
        ended = replace(
            row,
            state=RunState.FAILED if error else RunState.DONE,
            ended_at=self._hub.clock.now(),
            reason=reason,
            summary=dict(summary),
        )
        self._hub.ledger.end_runs([ended])

    def _begin(self, rows: Sequence[JobRun]) -> list[Job]:
        if not rows:
            return []
        written = self._hub.ledger.begin_runs(rows)
        for row in rows:
            self._last[row.job] = max(row.slot, self._last.get(row.job, row.slot))
        begun = {(row.job, row.slot) for row in written}
        for row in rows:
            if (row.job, row.slot) not in begun:
                log.info("job.taken", job=row.job, slot=row.slot.isoformat())
        for row in written:
            if row.state is RunState.SKIPPED or row.reason not in {"", _MANUAL}:
                log.info(
                    "job.noted",
                    job=row.job,
                    slot=row.slot.isoformat(),
                    state=row.state.value,
                    reason=row.reason,
                )
        started = [row for row in written if row.state is RunState.STARTED]
        begun_now = {_job_named(row.job): row for row in started}
        self._open.update(begun_now)
        return list(begun_now)

    def _slots(self, connection: Connection, job: Job, now: datetime) -> list[datetime]:
        """Return the slots of a job since its last one."""
        after = max(self._last.get(str(job)) or self._first(connection), now - HORIZON)
        every, holidays = self._hub.settings.every, self._hub.holidays
        slots = slots_between(connection.schedule, after, now, every=every, holidays=holidays)
        if self._used_until is None or connection.schedule.at:
            return list(slots)
        return [slot + _TICK if slot <= self._used_until else slot for slot in slots]

    def _rows(
        self,
        job: Job,
        slots: Sequence[datetime],
        now: datetime,
        idle: str,
        busy: Collection[Job],
    ) -> list[JobRun]:
        """Return a row for the newest slot that is due, and one for each that was missed."""
        *missed, slot = slots
        row = _skipped_if(self._row(job, slot, now, _why(missed, slot, now)), idle)
        if row.state is RunState.STARTED and job in busy:
            row = _skipped(row, "le passage précédent dure encore / the last pass still runs")
        told = f"rattrapé par le passage de / caught up by that of {slot:%Y-%m-%d %H:%M} UTC"
        return [
            *(_skipped(self._row(job, one, now, ""), told) for one in missed[-MISSED_ROWS:]),
            row,
        ]

    def _first(self, connection: Connection) -> datetime:
        """Return where a job that never ran starts: at once, or with its next fixed time."""
        schedule = connection.schedule
        if schedule.at:
            return self._since
        return self._since - (schedule.every or self._hub.settings.every)

    def _row(self, job: Job, slot: datetime, now: datetime, reason: str) -> JobRun:
        return JobRun(
            job=str(job),
            slot=slot,
            run=self._hub.by,
            state=RunState.STARTED,
            started_at=now,
            reason=reason,
        )


def _job_named(name: str) -> Job:
    task, _, connection = name.partition(":")
    return Job(Task(task), connection)


def _why(missed: Sequence[datetime], slot: datetime, now: datetime) -> str:
    """Return what is worth noting of a pass that starts now: caught up, late, or nothing."""
    if missed:
        first = f"{missed[0]:%Y-%m-%d %H:%M} UTC"
        return (
            f"rattrapage de {len(missed)} créneau(x) depuis {first}"
            f" / catch-up of {len(missed)} slot(s) since {first}"
        )
    if now - slot > LATE:
        seconds = int((now - slot).total_seconds())
        return f"en retard de {seconds} s / {seconds} s late"
    return ""


def _skipped(row: JobRun, reason: str) -> JobRun:
    return replace(row, state=RunState.SKIPPED, ended_at=row.started_at, reason=reason)


def _skipped_if(row: JobRun, idle: str) -> JobRun:
    return _skipped(row, idle) if idle else row
