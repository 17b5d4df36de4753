"""One pass of the pipeline: pull, judge and deliver side by side until nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.apply import check_sheets
from pipeline.app.deliver import Sent, deliver
from pipeline.app.hub import Hub
from pipeline.app.pull import Pulled, pull
from pipeline.app.sessions import Sessions
from pipeline.app.work import work
from pipeline.model.connection import Role
from pipeline.model.errors import PipelineError
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
    hub: Hub, *, insist: bool, progress: Progress = lambda _what, _count: None
) -> RunSummary:
    """Pull every sender once, judge what came in, deliver what is due, and return.

    Pulling, judging and delivering overlap, since each waits for something else:
    the network, the rule engine, the disk.

    Args:
        hub: The hub; only one run at a time may use its ledger.
        insist: Try every pending answer, even if its next attempt is not due yet.
            Deliveries keep the waits of their sheet, so that runs in quick succession
            do not use them up.
        progress: Told of every step, from this thread.

    Raises:
        ConfigError: A sheet in force names an interface or a profile that is gone.
    """
    sheets = hub.ledger.sheets()
    check_sheets(hub, sheets)
    hub.ledger.void_claims()
    hub.spool.clear("")
    if insist:
        hub.ledger.hasten(hub.clock.now())
    with Sessions(hub.doors) as sessions:
        summary = _run(replace(hub, doors=sessions), sheets, progress)
    hub.spool.clear("")
    log.info("run.done", settled=summary.settled, tried=summary.tried, failed=summary.failed)
    return summary


def _run(hub: Hub, sheets: Sheets, progress: Progress) -> RunSummary:
    summary = RunSummary()
    senders = [one for one in sheets.connections.values() if one.role is Role.SENDER]
    with ThreadPoolExecutor(max_workers=2 * len(sheets.connections) + 1) as pool:
        pulls = {one.name: pool.submit(pull, hub, one) for one in senders}
        courier = _Courier(hub, sheets, pool)
        while True:
            last_look = all(pulling.done() for pulling in pulls.values())
            settled = work(hub, sheets)
            summary.settled += settled
            progress("settled", settled)
            courier.go()
            if settled:
                continue
            if last_look and courier.idle:
                break
            hub.clock.sleep(_NAP_S)
    summary.tried, summary.sent = courier.tried, courier.sent
    summary.failed.update(courier.failed)
    for name, pulling in pulls.items():
        _sum_up(summary, name, pulling)
    return summary


def _sum_up(summary: RunSummary, name: str, pulling: Future[Pulled]) -> None:
    try:
        pulled = pulling.result()
    except PipelineError as error:
        log.warning("pull.failed", connection=name, code=error.code, error=str(error))
        summary.failed[name] = f"{error.code}: {error}"
    else:
        summary.pulled[name] = pulled.taken
        summary.waiting[name] = pulled.waiting


class _Courier:
    """Empties the outbox, one thread a connection, beside everything else."""

    def __init__(self, hub: Hub, sheets: Sheets, pool: ThreadPoolExecutor) -> None:
        self._hub = hub
        self._sheets = sheets
        self._pool = pool
        self._rounds: dict[str, Future[Sent]] = {}
        self.tried = 0
        self.sent = 0
        self.failed: dict[str, str] = {}

    def go(self) -> None:
        """Start a round on every connection with due files and no round running."""
        for name in [name for name, running in self._rounds.items() if running.done()]:
            done = self._rounds.pop(name).result()
            self.tried += done.tried
            self.sent += done.sent
            if done.error:
                self.failed.setdefault(name, done.error)
        for name in self._hub.ledger.due_connections(self._hub.clock.now()):
            if name not in self._rounds:
                self._rounds[name] = self._pool.submit(self._round, name)

    @property
    def idle(self) -> bool:
        """Tell whether no round runs."""
        return not self._rounds

    def _round(self, name: str) -> Sent:
        total = Sent(0, 0, "")
        while True:
            one = deliver(self._hub, self._sheets, name, self._hub.clock.now())
            if not one.tried:
                return total
            error = total.error or one.error
            total = Sent(total.tried + one.tried, total.sent + one.sent, error)
