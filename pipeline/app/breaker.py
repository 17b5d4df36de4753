"""Which servers failed a moment ago, so that a dead one is one incident and not thousands.

Trouble is remembered for what it is about: a server that does not answer for every
connection to it; a key that is not the pinned one for those that pin the same; a refused
login for that account alone. Whatever is about others is not held up.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.model.connection import Connection, Door, Protocol
from pipeline.model.errors import (
    CircuitOpen,
    ConnectError,
    HostKeyMismatch,
    LoginRefused,
    PipelineError,
    SessionLost,
)

#: How long a server is left alone after its first, second … failure in a row. Slow enough
#: for servers that lock out whoever fails to log in five times in ten minutes.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10))
#: So many sessions lost one after the other, each before it did anything, are a dead server.
LOSSES = 2

Scope = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One trouble of one server, however many connections and files it touches.

    Attributes:
        host: ``HOST:PORT``, or the path of a local door.
        code: Of the latest failure.
        error: Its words.
        since: When the first attempt failed.
        tried_at: When the latest one did.
        failures: Attempts that failed in a row; those under way together count once.
        next_try: Until then nothing is tried.
    """

    host: str
    code: str
    error: str
    since: datetime
    tried_at: datetime
    failures: int
    next_try: datetime


class Breaker:
    """Remembers the incidents of a running hub; any thread may ask and tell."""

    def __init__(self) -> None:
        """Begin without any."""
        self._incidents: dict[Scope, Incident] = {}
        self._losses: dict[Scope, int] = {}
        self._lock = threading.Lock()

    def standing(self, door: Door, now: datetime) -> Incident | None:
        """Return the incident for which `door` is not to be tried at `now`, if there is one."""
        with self._lock:
            found = [self._incidents.get(scope) for scope in _scopes(door)]
        return next((one for one in found if one is not None and now < one.next_try), None)

    def check(self, connection: Connection, now: datetime) -> None:
        """Let an attempt through, or refuse it.

        Raises:
            CircuitOpen: Its server failed a moment ago; the message says when and why.
        """
        incident = self.standing(connection.door, now)
        if incident is not None:
            raise CircuitOpen(
                connection.name,
                f"{incident.host} failed at {incident.tried_at:%H:%M:%SZ}, next try at"
                f" {incident.next_try:%H:%M:%SZ}: {incident.code}: {incident.error}",
            )

    def failed(
        self, door: Door, error: PipelineError, began: datetime, now: datetime
    ) -> Incident | None:
        """Note that nobody could log in.

        Args:
            door: Where.
            error: A ConnectError or a HostKeyMismatch.
            began: When the attempt was begun.
            now: When it had failed.

        Returns:
            The incident as it stands now; None if the attempt was under way when another
            one failed, and belongs to the incident that stands.
        """
        scope = _scope(door, error)
        with self._lock:
            known = self._incidents.get(scope)
            if known is not None and began < known.tried_at:
                return None
            failures = known.failures + 1 if known else 1
            incident = Incident(
                host=host_of(door),
                code=error.code,
                error=str(error),
                since=known.since if known else now,
                tried_at=now,
                failures=failures,
                next_try=now + WAITS[min(failures, len(WAITS)) - 1],
            )
            self._incidents[scope] = incident
            return incident

    def lost(
        self, door: Door, error: SessionLost, began: datetime, now: datetime
    ) -> Incident | None:
        """Note that a session was lost before it did anything.

        One loss is a cut line; several in a row are a server that lets in and then hangs.

        Returns:
            The incident, if this loss began or prolonged one.
        """
        scope = _scope(door, error)
        with self._lock:
            losses = self._losses[scope] = self._losses.get(scope, 0) + 1
        return self.failed(door, error, began, now) if losses >= LOSSES else None

    def worked(self, door: Door) -> Sequence[Incident]:
        """Note that a session did its work; return the incidents that this ends."""
        with self._lock:
            self._losses.pop((host_of(door),), None)
            found = [self._incidents.pop(scope, None) for scope in _scopes(door)]
        return [incident for incident in found if incident is not None]


def host_of(door: Door) -> str:
    """Return what stands or falls together: ``HOST:PORT``, or the path of a local door."""
    local = door.protocol is Protocol.LOCAL
    return door.path if local else f"{door.host.lower()}:{door.port}"


def is_told(error: PipelineError) -> bool:
    """Tell whether an incident tells of `error`, so that not each file needs to."""
    door = isinstance(error, (ConnectError, HostKeyMismatch))
    return door and not isinstance(error, SessionLost)


def touched(error: PipelineError, door: Door, other: Door) -> bool:
    """Tell whether `error`, met at `door`, keeps `other` from being tried as well."""
    return _scope(door, error) in _scopes(other)


def _scopes(door: Door) -> tuple[Scope, Scope, Scope]:
    host = host_of(door)
    return (host,), (host, door.host_key), (host, door)


def _scope(door: Door, error: PipelineError) -> Scope:
    server, pinned, account = _scopes(door)
    match error:
        case HostKeyMismatch():
            return pinned
        case LoginRefused():
            return account
        case _:
            return server
