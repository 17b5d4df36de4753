"""The alarm clock of `edi run`: it rings, the use cases decide what is due."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from apscheduler.schedulers.blocking import BlockingScheduler
from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.jobs import KEPT, Passes
from pipeline.app.levels import trouble
from pipeline.app.run import may_leave, run_passes, start_run
from pipeline.model.errors import PipelineError
from pipeline.ports.ledger import Sheets

log = get_logger(__name__)

#: Time between two looks at what is due, in seconds.
TICK_S = 1
#: A run that goes on for longer is followed by a new one, which reads the sheets again.
LONGEST_RUN = timedelta(minutes=10)
#: Time between two clean-ups of the record of passes.
_CLEANUP = timedelta(hours=6)


def keep_running(
    hub: Hub, new_run: Callable[[], str], acting_as: Callable[[str], AbstractContextManager[None]]
) -> None:
    """Work on every connection when its slot comes, until interrupted or terminated.

    A slot that comes while the run before goes on is served by that run; two runs never
    overlap. When the end comes, what is being judged or sent is finished first.

    Args:
        hub: The hub of a process that is alone on its workspace.
        new_run: Names a run.
        acting_as: Lets log lines name one.

    Raises:
        PipelineError: A run met a mistake of our own: a supervisor may start us again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # a ring that comes while a run goes on is no event: that run looks for itself what is due
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BlockingScheduler(timezone=UTC)
    alarm = _Alarm(hub, new_run, acting_as, crashed=lambda: scheduler.shutdown(wait=False))
    scheduler.add_job(
        alarm.ring,
        "interval",
        seconds=TICK_S,
        next_run_time=hub.clock.now(),
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
    if alarm.crash is not None:
        raise PipelineError(
            "erreur interne, le détail est au journal / internal error, details are in the log: "
            f"{type(alarm.crash).__name__}: {alarm.crash}"
        ) from alarm.crash


class _Alarm:
    """What happens at each ring: nothing, or a run."""

    def __init__(
        self,
        hub: Hub,
        new_run: Callable[[], str],
        acting_as: Callable[[str], AbstractContextManager[None]],
        crashed: Callable[[], None],
    ) -> None:
        self.stop = Event()
        self.crash: Exception | None = None
        self._crashed = crashed
        self._hub = hub
        self._new_run = new_run
        self._acting_as = acting_as
        self._since = self._not_before = hub.clock.now()
        self._last: dict[str, datetime] | None = None
        self._sheets: tuple[int, Sheets] | None = None
        self._cleaned = hub.clock.now() - _CLEANUP

    def ring(self) -> None:
        """Look what is due, and do it; trouble is logged, and tried again after a while."""
        if self.stop.is_set() or self._hub.clock.now() < self._not_before:
            return
        hub = replace(self._hub, by=self._new_run())
        with self._acting_as(hub.by):
            try:
                self._ring(hub)
            except PipelineError as error:
                self._last = None  # what was begun and not ended is broken off by a new start
                self._not_before = self._hub.clock.now() + self._hub.settings.every
                trouble(log, "run.failed", error, {})
            except Exception as error:
                log.exception("run.crashed")
                self.crash = error
                self._crashed()

    def _ring(self, hub: Hub) -> None:
        starting = self._last is None
        if self._last is None:
            start_run(hub)
            self._last = dict(hub.ledger.last_slots())
        sheets = self._sheets_in_force(hub)
        passes = Passes(hub, sheets, self._since, self._last)
        due = passes.due()
        if not (due or starting or self._waiting(hub, sheets)):
            return
        self._run(hub, sheets, passes, due)
        self._clean_up(hub)

    def _run(self, hub: Hub, sheets: Sheets, passes: Passes, due: Sequence[str]) -> None:
        started = hub.clock.now()
        first = iter([due])

        def ending() -> bool:
            return self.stop.is_set() or hub.clock.now() - started > LONGEST_RUN

        def more(busy: Collection[str]) -> Sequence[str]:
            given = next(first, None)
            if given is not None:
                return given
            return [] if ending() else passes.due(busy)

        run_passes(hub, sheets, passes, more, stopping=ending)

    def _waiting(self, hub: Hub, sheets: Sheets) -> bool:
        """Tell whether something that was put off is due now, and may be tried."""
        names = hub.ledger.due_connections(hub.clock.now())
        return any(may_leave(hub, sheets, name) for name in names)

    def _sheets_in_force(self, hub: Hub) -> Sheets:
        """Return the sheets, read again only when they changed."""
        version = hub.ledger.sheets_version()
        if self._sheets is None or self._sheets[0] != version:
            self._sheets = (version, hub.ledger.sheets())
        return self._sheets[1]

    def _clean_up(self, hub: Hub) -> None:
        now = hub.clock.now()
        if now - self._cleaned > _CLEANUP:
            self._cleaned = now
            hub.ledger.forget_runs(now - KEPT)
