"""Sessions on partners' servers, kept for a run: a login costs more than moving ten files.

Who failed a moment ago is left alone (`app.breaker`), and what fails is told once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from structlog import get_logger

from pipeline.app.breaker import Breaker, Incident, touched
from pipeline.app.levels import trouble
from pipeline.model.connection import Connection
from pipeline.model.errors import ConnectError, HostKeyMismatch, PipelineError, SessionLost
from pipeline.ports.outside import Clock, Doors, Session

log = get_logger(__name__)

#: An idle session older than this is not used again: servers hang up on silent ones.
_KEPT_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Open:
    """One session; `stack` ends it, `at` is when it was opened or last used."""

    session: Session
    stack: ExitStack
    at: datetime
    used: bool


class Sessions:
    """Doors that stay open behind whoever went through.

    A session goes to one user at a time. One that was left by an error is closed, since
    nobody knows what it would answer next.
    """

    def __init__(
        self, doors: Doors, breaker: Breaker, clock: Clock, connections: Collection[Connection]
    ) -> None:
        """Take what logins go through.

        Args:
            doors: Open the sessions.
            breaker: Outlives these sessions.
            clock: Tells when something failed.
            connections: All that are in force, to name those that an incident touches.
        """
        self._doors = doors
        self._breaker = breaker
        self._clock = clock
        self._connections = connections
        self._idle: dict[str, list[_Open]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Session]:
        """Lend an idle session of `connection`, or log in.

        Raises:
            ConnectError: The server cannot be reached, refuses us, or did so a moment ago
                (`CircuitOpen`: nothing was attempted).
            HostKeyMismatch: It is not the server that was pinned; nothing was sent.
        """
        lent = self._idle_one(connection) or self._log_in(connection)
        try:
            yield lent.session
        except BaseException as error:
            lent.stack.close()
            if isinstance(error, SessionLost) and not lent.used:
                now = self._clock.now()
                incident = self._breaker.lost(connection.door, error, lent.at, now)
                if incident is not None:
                    self._tell(connection, error, incident)
            raise
        for incident in self._breaker.worked(connection.door):
            log.info(
                "host.back",
                host=incident.host,
                since=incident.since.isoformat(),
                failures=incident.failures,
            )
        kept = _Open(lent.session, lent.stack, self._clock.now(), used=True)
        with self._lock:
            self._idle.setdefault(connection.name, []).append(kept)

    def close(self) -> None:
        """Close every idle session."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for sessions in idle.values():
            for one in sessions:
                one.stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _idle_one(self, connection: Connection) -> _Open | None:
        """Return the idle session used last; those that are too old are closed."""
        oldest = self._clock.now() - _KEPT_FOR
        while True:
            with self._lock:
                idle = self._idle.get(connection.name)
                if not idle:
                    return None
                one = idle.pop()
            if one.at >= oldest:
                return one
            one.stack.close()

    def _log_in(self, connection: Connection) -> _Open:
        began = self._clock.now()
        self._breaker.check(connection, began)
        stack = ExitStack()
        try:
            session = stack.enter_context(self._doors.open(connection))
        except (ConnectError, HostKeyMismatch) as error:
            now = self._clock.now()
            incident = self._breaker.failed(connection.door, error, began, now)
            if incident is None:
                self._breaker.check(connection, now)
            else:
                self._tell(connection, error, incident)
            raise
        return _Open(session, stack, began, used=False)

    def _tell(self, connection: Connection, error: PipelineError, incident: Incident) -> None:
        """Tell an incident when it begins; each further try that fails is for the curious."""
        facts: dict[str, object] = {
            "host": incident.host,
            "connections": sorted(
                one.name for one in self._connections if touched(error, connection.door, one.door)
            ),
            "next_try": incident.next_try.isoformat(),
        }
        if incident.failures == 1:
            trouble(log, "host.failed", error, facts)
        else:
            log.info(
                "host.still_failed",
                failures=incident.failures,
                code=error.code,
                error=str(error),
                **facts,
            )
