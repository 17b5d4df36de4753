"""The alarm clock of `edi run`: it rings, the use case decides."""

from __future__ import annotations

import signal
from datetime import UTC

from apscheduler.schedulers.blocking import BlockingScheduler
from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.run import run_once
from pipeline.model.errors import PipelineError

log = get_logger(__name__)


def keep_running(hub: Hub) -> None:
    """Run one pass now and then one each `settings.every`, until interrupted or terminated.

    A pass that takes longer than the interval is followed by one pass, not by all
    those it covered; two never overlap. A pass at work when the end comes is finished.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scheduler = BlockingScheduler(timezone=UTC)
    scheduler.add_job(
        lambda: _pass(hub),
        "interval",
        seconds=hub.settings.every.total_seconds(),
        next_run_time=hub.clock.now(),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    try:
        scheduler.start()
    except KeyboardInterrupt:
        log.info("run.interrupted")
        scheduler.shutdown(wait=True)


def _pass(hub: Hub) -> None:
    try:
        run_once(hub, insist=False)
    except PipelineError as error:
        log.warning("run.failed", code=error.code, error=str(error))
