"""The alarm clock of `edi run` and `edi work`: it rings, the use cases decide what is due."""

from __future__ import annotations

import logging
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event

from apscheduler.schedulers.blocking import BlockingScheduler
from structlog import get_logger

from pipeline.app.apply import check_sheets
from pipeline.app.breaker import Breaker
from pipeline.app.caretaker import Caretaker
from pipeline.app.clock import UNNOTICED, follow
from pipeline.app.hub import Hub
from pipeline.app.jobs import KEPT, Job, Passes
from pipeline.app.levels import trouble
from pipeline.app.pickup import look_after_pickups
from pipeline.app.run import is_idle, run_passes, start_run, work_off
from pipeline.model.errors import ConfigError, PipelineError
from pipeline.model.gauge import Gauge
from pipeline.ports.ledger import Sheets

log = get_logger(__name__)

#: Time between two looks at what is due, in seconds.
TICK_S = 1
#: Time between two looks after the hub itself, in seconds.
CARE_S = 60
#: A run that goes on for longer is followed by a new one, which reads the sheets again.
LONGEST_RUN = timedelta(minutes=10)
#: The same for a worker, which ends and begins again at no cost.
LONGEST_SHIFT = timedelta(minutes=1)
#: Time between two clean-ups of the record of passes.
_CLEANUP = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a process at work is given.

    Attributes:
        hub: The hub.
        new_run: Names a run.
        acting_as: Lets log lines name one.
        check_seat: Makes sure that its place at work is still held; raises ConfigError
            where somebody else has it.
        write_metrics: Takes the figures that a leader is watched by.
        sweep: Removes what killed processes left half-written.
    """

    hub: Hub
    new_run: Callable[[], str]
    acting_as: Callable[[str], AbstractContextManager[None]]
    check_seat: Callable[[], None]
    write_metrics: Callable[[Sequence[Gauge]], None]
    sweep: Callable[[], None]


def keep_running(shift: Shift) -> None:
    """Work on every connection when its slot comes, until interrupted or terminated.

    A slot that comes while the run before goes on is served by that run; two runs never
    overlap. When the end comes, what is being judged or sent is finished first.

    Args:
        shift: Of the one process that leads.

    Raises:
        ConfigError: Another process leads now.
        PipelineError: A run met a mistake of our own: a supervisor may start us again.
    """
    leader = _Leader(shift)
    _ring_until_stopped(leader, {leader.look_after: CARE_S})


def keep_working(shift: Shift, *, until_idle: bool) -> None:
    """Judge and deliver what waits, beside the leader, until interrupted or terminated.

    When the end comes, what is being judged or sent is finished first.

    Args:
        shift: Of a worker.
        until_idle: True to end as soon as nothing waits that it could do.

    Raises:
        PipelineError: It met a mistake of our own: a supervisor may start us again.
    """
    _ring_until_stopped(_Worker(shift, until_idle=until_idle), {})


def _ring_until_stopped(alarm: _Alarm, beside: Mapping[Callable[[], None], int]) -> None:
    """Let `alarm` ring each second, and beside it what else is to be done every so often."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # a ring that comes while a run goes on is no event: that run looks for itself what is due
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BlockingScheduler(timezone=UTC)
    alarm.switch_off = lambda: scheduler.shutdown(wait=False)
    for act, seconds in {alarm.ring: TICK_S, **beside}.items():
        scheduler.add_job(
            act,
            "interval",
            seconds=seconds,
            next_run_time=alarm.hub.clock.now(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    try:
        scheduler.start()
    except KeyboardInterrupt:
        log.info("run.interrupted")
        alarm.stop.set()
        scheduler.shutdown(wait=True)
    if isinstance(alarm.crash, ConfigError):
        raise alarm.crash
    if alarm.crash is not None:
        raise PipelineError(
            "erreur interne, le détail est au journal / internal error, details are in the log: "
            f"{type(alarm.crash).__name__}: {alarm.crash}"
        ) from alarm.crash


class _Alarm(ABC):
    """What happens at each ring: nothing, or a run."""

    def __init__(self, shift: Shift) -> None:
        self.hub = shift.hub
        self.stop = Event()
        self.crash: Exception | None = None
        self.switch_off: Callable[[], None] = self.stop.set
        self._shift = shift
        self._not_before = self.hub.clock.now()
        self._set_by = timedelta()
        self._sheets: tuple[int, Sheets] | None = None

    def ring(self) -> None:
        """Look what is due, and do it; trouble is logged, and tried again after a while."""
        if self.stop.is_set():
            return
        self._look_at_clock()
        if self.hub.clock.now() < self._not_before:
            return
        hub = replace(self.hub, by=self._shift.new_run())
        with self._shift.acting_as(hub.by):
            try:
                if self._is_seated():
                    self._ring(hub)
            except PipelineError as error:
                self._after_trouble()
                self._not_before = self.hub.clock.now() + self.hub.settings.every
                trouble(log, "run.failed", error, {})
            except Exception as error:
                log.exception("run.crashed")
                self._end(error)

    def _look_at_clock(self) -> None:
        """Go by the machine's clock again, between two runs; note by how much it was set."""
        by = self.hub.clock.adopt()
        if abs(by) > UNNOTICED:
            self._set_by += by
            self._not_before = self.hub.clock.now()
            self.hub = replace(self.hub, breaker=Breaker())  # it knows moments of before

    @abstractmethod
    def _ring(self, hub: Hub) -> None:
        """Do what is due."""

    @abstractmethod
    def _after_trouble(self) -> None:
        """Forget what a run that failed may have left half done."""

    def _is_seated(self) -> bool:
        """Tell whether the place at work is still ours; where it is another's, this ends."""
        try:
            self._shift.check_seat()
        except ConfigError as error:
            log.error("run.unseated", error=str(error))  # noqa: TRY400  its words say it all
            self._end(error)
            return False
        return True

    def _end(self, error: Exception | None = None) -> None:
        self.crash = error
        self.stop.set()
        self.switch_off()

    def _sheets_in_force(self, hub: Hub) -> Sheets:
        """Return the sheets, read again only when they changed."""
        version = hub.ledger.sheets_version()
        if self._sheets is None or self._sheets[0] != version:
            self._sheets = (version, hub.ledger.sheets())
        return self._sheets[1]

    def _ending(self, hub: Hub, longest: timedelta) -> Callable[[], bool]:
        """Return what tells a run that begins now when to end."""
        started = hub.clock.now()
        return lambda: self.stop.is_set() or hub.clock.now() - started > longest


class _Leader(_Alarm):
    """`edi run`: passes in their slots, and all that they bring."""

    def __init__(self, shift: Shift) -> None:
        super().__init__(shift)
        self._since = self.hub.clock.now()
        self._last: dict[str, datetime] | None = None
        self._used_until: datetime | None = None
        self._cleaned = self.hub.clock.now() - _CLEANUP
        self._caretaker = Caretaker(lambda: self.hub, shift.write_metrics)

    def look_after(self) -> None:
        """Look for differences, sweep, write figures; trouble is logged, and tried again."""
        if self.stop.is_set():
            return
        try:
            self._shift.sweep()
            self._caretaker.look_after()
            look_after_pickups(self.hub, self.hub.ledger.sheets())
        except (PipelineError, OSError) as error:
            log.warning("care.failed", error=str(error))
        except Exception:  # a defect of ours that only reports stops no flow
            log.exception("care.crashed")

    def _after_trouble(self) -> None:
        self._last = None  # what was begun and not ended is broken off by a new start

    def _ring(self, hub: Hub) -> None:
        if self._set_by:
            follow(hub, self._set_by)
            self._since += self._set_by
            self._cleaned += self._set_by
            self._set_by, self._last = timedelta(), None
        starting = self._last is None
        if self._last is None:
            start_run(hub)
            slots, now = hub.ledger.last_slots(), hub.clock.now()
            self._used_until = max((slot for slot in slots.values() if slot > now), default=None)
            self._last = {job: min(slot, now) for job, slot in slots.items()}
        sheets = self._sheets_in_force(hub)
        passes = Passes(hub, sheets, self._since, self._last, self._used_until)
        due = passes.due()
        # else what was put off may be due again, or a worker has left its work behind
        if not (due or starting) and is_idle(hub, sheets):
            return
        self._run(hub, sheets, passes, due)
        self._clean_up(hub)

    def _run(self, hub: Hub, sheets: Sheets, passes: Passes, due: Sequence[Job]) -> None:
        ending = self._ending(hub, LONGEST_RUN)
        first = iter([due])

        def more(busy: Collection[Job]) -> Sequence[Job]:
            given = next(first, None)
            if given is not None:
                return given
            return [] if ending() else passes.due(busy)

        run_passes(hub, sheets, passes, more, stopping=ending)

    def _clean_up(self, hub: Hub) -> None:
        now = hub.clock.now()
        if now - self._cleaned > _CLEANUP:
            self._cleaned = now
            hub.ledger.forget_runs(now - KEPT)


class _Worker(_Alarm):
    """`edi work`: what waits to be judged or delivered, whoever took it in."""

    def __init__(self, shift: Shift, *, until_idle: bool) -> None:
        super().__init__(shift)
        self._until_idle = until_idle

    def _after_trouble(self) -> None:
        self._sheets = None  # they are checked again

    def _ring(self, hub: Hub) -> None:
        known = self._sheets
        sheets = self._sheets_in_force(hub)
        if self._sheets is not known:
            check_sheets(hub, sheets)
        if not is_idle(hub, sheets):
            work_off(hub, sheets, stopping=self._ending(hub, LONGEST_SHIFT))
        elif self._until_idle:
            self._end()
