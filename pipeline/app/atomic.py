"""Run one atomic change of the ledger; one that lost a race is run again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.model.errors import LedgerConflict
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Transaction

log = get_logger(__name__)

R = TypeVar("R")

#: How often a change is tried before the conflict is told.
TRIES = 5
#: Wait before the second try, doubled before each further one, in seconds.
_FIRST_WAIT_S = 0.05


def atomically(hub: Hub, act: Callable[[Transaction], R], point: str = "change") -> R:
    """Return what `act` gave, from the one run of it that was committed.

    Two workers that lock the same flows in different orders end in a deadlock that the
    database breaks by failing one of them: that is nobody's fault, and no error.

    Args:
        hub: The hub.
        act: Reads and writes through the transaction; it changes nothing else, since it
            may run several times.
        point: Its name among `ports.failpoint.CHANGES`.

    Raises:
        LedgerConflict: Others were first every time, or the database does not answer.
    """
    wait = _FIRST_WAIT_S
    for attempt in range(1, TRIES):
        try:
            return _once(hub, act, point)
        except LedgerConflict as conflict:
            log.info("ledger.conflict", attempt=attempt, error=str(conflict))
        hub.clock.sleep(wait)
        wait *= 2
    return _once(hub, act, point)


def _once(hub: Hub, act: Callable[[Transaction], R], point: str) -> R:
    failpoint(point, "before")
    with hub.ledger.transaction() as tx:
        result = act(tx)
        failpoint(point, "inside")
    failpoint(point, "after")
    return result
