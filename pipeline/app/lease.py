"""Claims kept alive while their work goes on; who lost one learns it before acting on it.

A thread beside the work puts the end of every claim in hand off. A process that stands
still renews nothing, since that thread stands still with it: when it goes on, its claims
may be another worker's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import Self

from structlog import get_logger

from pipeline.model.errors import Fenced, PipelineError
from pipeline.ports.ledger import Claim
from pipeline.ports.outside import Clock

log = get_logger(__name__)

#: Puts the end of claims off; returns those still held.
Renew = Callable[[Sequence[Claim], datetime], Sequence[Claim]]

#: A claim is renewed so many times in the time that it lasts.
_RENEWALS = 3
#: A claim that ends within this part of its time is not trusted: it is renewed first.
_NEAR = 6


class Lease:
    """Some claims that are worked on together; any thread may ask.

    Args:
        claims: What was claimed.
        until: When the claims end unless they are renewed.
        span: How long a claim lasts.
        clock: Tells whether that is over.
        renew: How the ledger puts their end off.
        keeper: Renews them until `end`.
    """

    def __init__(
        self,
        claims: Sequence[Claim],
        until: datetime,
        *,
        span: timedelta,
        clock: Clock,
        renew: Renew,
        keeper: Keeper,
    ) -> None:
        self._span = span
        self._held = {claim.subject: claim for claim in claims}
        self._until = until
        self._clock = clock
        self._renew = renew
        self._keeper = keeper
        self._turn = threading.Lock()
        #: When it is to be renewed, by the clock that no one sets.
        self.due_at = self._next()
        keeper.begin(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def check(self, subject: str | None = None) -> None:
        """Make sure that the claim on `subject` is held, or without it any claim at all.

        The ledger is asked only where the claim is near its end by our own clock.

        Raises:
            Fenced: Another worker has it now.
            LedgerConflict: It may be over, and the ledger does not tell.
        """
        if self._clock.now() >= self._until - self._span / _NEAR:
            self.renew()
        if not (self._held if subject is None else self.holds(subject)):
            raise Fenced(f"{subject or 'claim'}: taken over by another worker")

    def holds(self, subject: str) -> bool:
        """Tell whether the claim on `subject` was held when it was last looked at."""
        return subject in self._held

    def renew(self) -> None:
        """Put the end of what is still held off, and forget what is not.

        Raises:
            LedgerConflict: The ledger does not answer; nothing is known.
        """
        with self._turn:
            self.due_at = self._next()
            until = self._clock.now() + self._span
            held = self._renew(list(self._held.values()), until)
            self._held = {claim.subject: claim for claim in held}
            self._until = until

    def end(self) -> None:
        """Renew nothing any more; what was not settled runs out."""
        self._keeper.end(self)

    def _next(self) -> float:
        return monotonic() + self._span.total_seconds() / _RENEWALS


class Keeper:
    """Renews every lease in time, by one thread that lives while there is any."""

    def __init__(self) -> None:
        """Begin without any."""
        self._leases: list[Lease] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._changed:
            self._leases.append(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
                self._thread.start()

    def end(self, lease: Lease) -> None:
        """Leave a lease alone from now on; one that was left already is nothing."""
        with self._changed:
            if lease in self._leases:
                self._leases.remove(lease)
            self._changed.notify_all()

    def _keep(self) -> None:
        while (leases := self._wait()) is not None:
            for lease in leases:
                _renew(lease)

    def _wait(self) -> list[Lease] | None:
        """Return the leases to be renewed once one is due; None when none is left."""
        with self._changed:
            while self._leases:
                pause = min(lease.due_at for lease in self._leases) - monotonic()
                if pause <= 0:
                    return [lease for lease in self._leases if lease.due_at <= monotonic()]
                self._changed.wait(pause)
            self._thread = None
            return None


def _renew(lease: Lease) -> None:
    """Renew one lease; what cannot be told now is asked again before anybody acts on it."""
    try:
        lease.renew()
    except PipelineError as error:
        log.warning("lease.not_renewed", code=error.code, error=str(error))
