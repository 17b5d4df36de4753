"""One run of the pipeline: pull, judge and deliver side by side until nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.apply import check_sheets
from pipeline.app.breaker import is_told
from pipeline.app.clock import follow_record
from pipeline.app.deliver import Sent, deliver
from pipeline.app.expiry import look_after_ends
from pipeline.app.group import close_groups
from pipeline.app.hub import Hub
from pipeline.app.jobs import Job, Passes, Task, has_hours, stops_of
from pipeline.app.levels import trouble
from pipeline.app.notices import make_notices
from pipeline.app.pickup import look_after_pickups
from pipeline.app.pull import Pulled, pull
from pipeline.app.seal import seal_days
from pipeline.app.sessions import Sessions
from pipeline.app.validation import look_after_validations
from pipeline.app.work import Desk
from pipeline.model.errors import CircuitOpen, PipelineError
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets

log = get_logger(__name__)

#: Tells a person at a terminal how far a run is: a word and a number.
Progress = Callable[[str, int], None]

#: How long the judging loop sleeps when pulls are still running, in seconds.
_NAP_S = 0.05


@dataclass(slots=True)
class RunSummary:
    """What one run did; every figure is counted, none is guessed.

    Attributes:
        pulled: Interchanges recorded, by connection.
        waiting: Files left for later, by connection.
        failed: Why a connection could not be used, by connection: the first reason.
        settled: Interchanges judged and decided.
        tried: Outbox rows attempted.
        sent: Those of them whose file now stands at the partner's.
    """

    pulled: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    settled: int = 0
    tried: int = 0
    sent: int = 0


def run_once(
    hub: Hub,
    *,
    insist: bool,
    intake: bool = True,
    progress: Progress = lambda _what, _count: None,
) -> RunSummary:
    """Work on every connection once, whatever its schedule says, until nothing is left.

    Args:
        hub: The hub; only one run at a time may lead on its ledger.
        insist: Try every pending answer, even if its next attempt is not due yet.
            Deliveries keep the waits of their sheet, so that runs in quick succession
            do not use them up.
        intake: False to take nothing new in.
        progress: Told of every step, from this thread.

    Raises:
        ConfigError: A sheet in force names an interface or a profile that is gone.
    """
    sheets = start_run(hub)
    if intake:
        look_after_pickups(hub, sheets)
    if insist:
        hub.ledger.hasten(hub.clock.now())
    passes = Passes(hub, sheets, hub.clock.now(), {})
    first = passes.by_hand() if intake else []
    waves = iter([first])
    return run_passes(hub, sheets, passes, lambda _busy: next(waves, []), progress=progress)


def start_run(hub: Hub) -> Sheets:
    """Return the configuration in force, once what a killed run left is put in order.

    Raises:
        ConfigError: A sheet in force names an interface or a profile that is gone.
    """
    follow_record(hub)
    sheets = look_after_ends(hub, hub.ledger.sheets())
    check_sheets(hub, sheets)
    voided = hub.ledger.void_claims()
    if voided:
        log.info("run.voided", claims=voided)
    hub.ledger.break_off_runs(hub.clock.now(), "interrompu / broken off")
    hub.spool.clear("")
    failpoint("run.started")
    look_after_validations(hub, sheets)
    return sheets


def work_off(
    hub: Hub,
    sheets: Sheets,
    *,
    stopping: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _what, _count: None,
) -> RunSummary:
    """Judge what waits and deliver what is due, beside the leader and other workers.

    Nothing is pulled, no pass is begun, no notice made: that is the leader's. So are the
    connections with times of their own.

    Args:
        hub: The hub; its `by` names the run.
        sheets: The configuration in force.
        stopping: True to leave what still waits to others.
        progress: Told of every step, from this thread.
    """
    passes = Passes(hub, sheets, hub.clock.now(), {})
    return run_passes(
        hub, sheets, passes, lambda _: [], leading=False, stopping=stopping, progress=progress
    )


def is_idle(hub: Hub, sheets: Sheets) -> bool:
    """Tell whether nothing waits that this process could judge or deliver now."""
    now = hub.clock.now()
    due = hub.ledger.due_connections(now, hub.by)
    return not (any(may_leave(hub, sheets, name) for name in due) or hub.ledger.any_to_judge(now))


def run_passes(
    hub: Hub,
    sheets: Sheets,
    passes: Passes,
    due: Callable[[Collection[Job]], Sequence[Job]],
    *,
    leading: bool = True,
    stopping: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _what, _count: None,
) -> RunSummary:
    """Pull what is due, judge what came in, deliver what is due, until nothing is left.

    Pulling, judging and delivering overlap, since each waits for something else: the
    network, the rule engine, the disk. What becomes due meanwhile is pulled meanwhile.

    Args:
        hub: The hub; its `by` names the run.
        sheets: The configuration in force.
        passes: Told how each pass ended.
        due: Asked again and again for jobs that are due, given those that are being done.
        leading: True to make the notices that what came in calls for.
        stopping: True to leave what still waits to the next run.
        progress: Told of every step, from this thread.
    """
    in_force = sheets.connections.values()
    with Sessions(hub.doors, hub.breaker, hub.clock, in_force) as sessions:
        at_work = replace(hub, doors=sessions)

        def complete(at_end: bool) -> int:  # noqa: FBT001  as it is called below
            if not leading:
                return 0
            closed = close_groups(hub, sheets, at_end=at_end)
            return closed + (make_notices(hub, sheets, hub.clock.now()) if at_end else 0)

        summary = _run(at_work, sheets, passes, due, complete, stopping, progress)
    hub.spool.clear("")
    seal_days(hub)
    failpoint("run.done")
    log.info("run.done", settled=summary.settled, tried=summary.tried, failed=summary.failed)
    return summary


def _run(
    hub: Hub,
    sheets: Sheets,
    passes: Passes,
    due: Callable[[Collection[Job]], Sequence[Job]],
    complete: Callable[[bool], int],
    stopping: Callable[[], bool],
    progress: Progress,
) -> RunSummary:
    summary = RunSummary()
    pulls: dict[str, Future[Pulled]] = {}
    with ThreadPoolExecutor(max_workers=2 * len(sheets.connections) + 2) as pool:
        courier = _Courier(hub, sheets, pool, stopping)
        with Desk(hub, sheets) as desk:
            all_in, judging = False, pool.submit(desk.step)
            while True:
                for job in due([Job(Task.PULL, name) for name in pulls]):
                    if job.task is Task.PULL:
                        sheet = sheets.connections[job.connection]
                        pulls[job.connection] = pool.submit(pull, hub, sheet)
                    else:
                        courier.open(job.connection)
                _end_pulls(summary, passes, pulls)
                judged = judging in wait([judging], timeout=_NAP_S).done
                courier.go()  # once a turn, after that look: it finds what was settled by then
                if not judged:
                    continue
                settled = judging.result()
                summary.settled += settled
                progress("settled", settled)
                done = all_in and not settled and courier.idle
                # what a day, a gap or a group calls for is known once all is in, and leaves with
                # this run; what is full or ripe leaves before
                if stopping() or (not complete(done) and done):
                    break
                if not settled:
                    hub.clock.sleep(_NAP_S)
                # only a look that begins after the last pull can tell that nothing is left
                all_in, judging = not pulls, pool.submit(desk.step)
        courier.finish()
        wait(pulls.values())
        _end_pulls(summary, passes, pulls)
    summary.tried, summary.sent = courier.tried, courier.sent
    for name, error in (*desk.put_off.items(), *courier.failed.items()):
        summary.failed.setdefault(name, error)
    for name in courier.opened:
        passes.ended(Job(Task.DELIVER, name), courier.counts(name), courier.failed.get(name, ""))
    return summary


def _end_pulls(summary: RunSummary, passes: Passes, pulls: dict[str, Future[Pulled]]) -> None:
    """Add the pulls that ended to the summary, and to the record."""
    for name in [name for name, pulling in pulls.items() if pulling.done()]:
        job = Job(Task.PULL, name)
        try:
            pulled = pulls.pop(name).result()
        except PipelineError as error:
            if not is_told(error):
                trouble(log, "pull.failed", error, {"connection": name})
            summary.failed[name] = f"{error.code}: {error}"
            passes.ended(job, {}, summary.failed[name])
        else:
            summary.pulled[name] = summary.pulled.get(name, 0) + pulled.taken
            summary.waiting[name] = pulled.waiting
            if pulled.trouble:
                summary.failed[name] = pulled.trouble
            counts = {"taken": pulled.taken, "waiting": pulled.waiting}
            passes.ended(job, counts, pulled.trouble)


def may_leave(hub: Hub, sheets: Sheets, name: str, opened: Collection[str] = ()) -> bool:
    """Tell whether what is due to leave through a connection can be tried now.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        name: The connection.
        opened: Receivers with times of their own whose time it is.
    """
    sheet = sheets.connections.get(name)
    if sheet is None:
        return True  # each attempt says that the sheet is gone
    if has_hours(sheet) and name not in opened:
        return False
    if hub.breaker.standing(sheet.door, hub.clock.now()) is not None:
        return False
    return not stops_of(hub).why_shut(sheet)


class _Courier:
    """Empties the outbox, one thread a connection, beside everything else.

    Connections of receivers with times of their own stay shut until they are due.
    """

    def __init__(
        self, hub: Hub, sheets: Sheets, pool: ThreadPoolExecutor, stopping: Callable[[], bool]
    ) -> None:
        self._hub = hub
        self._stopping = stopping
        self._sheets = sheets
        self._pool = pool
        self._rounds: dict[str, Future[Sent]] = {}
        self._done: dict[str, Sent] = {}
        self.opened: set[str] = set()
        self.failed: dict[str, str] = {}

    @property
    def tried(self) -> int:
        """Return how many outbox rows were attempted."""
        return sum(done.tried for done in self._done.values())

    @property
    def sent(self) -> int:
        """Return how many files now stand at the partners'."""
        return sum(done.sent for done in self._done.values())

    def counts(self, name: str) -> dict[str, int]:
        """Return what was done through one connection."""
        done = self._done.get(name, Sent(0, 0, ""))
        return {"tried": done.tried, "sent": done.sent}

    def open(self, name: str) -> None:
        """Serve a connection that has times of its own, for the rest of this run."""
        self.opened.add(name)

    def go(self) -> None:
        """Start a round on every open connection with due files and no round running."""
        for name in [name for name, running in self._rounds.items() if running.done()]:
            self._end(name)
        for name in self._hub.ledger.due_connections(self._hub.clock.now(), self._hub.by):
            if name not in self._rounds and self._is_open(name):
                self._rounds[name] = self._pool.submit(self._round, name)

    def finish(self) -> None:
        """Wait for the rounds that run."""
        for name in list(self._rounds):
            self._end(name)

    @property
    def idle(self) -> bool:
        """Tell whether no round runs."""
        return not self._rounds

    def _is_open(self, name: str) -> bool:
        if may_leave(self._hub, self._sheets, name, self.opened):
            return True
        try:
            self._hub.breaker.check(self._sheets.connections[name], self._hub.clock.now())
        except CircuitOpen as error:
            self.failed.setdefault(name, f"{error.code}: {error}")
        return False

    def _end(self, name: str) -> None:
        ended, before = self._rounds.pop(name).result(), self._done.get(name, Sent(0, 0, ""))
        self._done[name] = Sent(before.tried + ended.tried, before.sent + ended.sent, "")
        if ended.error:
            self.failed.setdefault(name, ended.error)

    def _round(self, name: str) -> Sent:
        total = Sent(0, 0, "")
        while not self._stopping() and self._is_open(name):
            one = deliver(self._hub, self._sheets, name, self._hub.clock.now())
            if not one.tried:
                break
            error = total.error or one.error
            total = Sent(total.tried + one.tried, total.sent + one.sent, error)
        return total
