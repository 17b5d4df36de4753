"""Sessions on partners' servers, kept for a run: a login costs more than moving ten files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from pipeline.model.connection import Connection
from pipeline.ports.outside import Doors, Session


class Sessions:
    """Doors that stay open behind whoever went through.

    A session goes to one user at a time. One that was left by an error is closed, since
    nobody knows what it would answer next.
    """

    def __init__(self, doors: Doors) -> None:
        """Take the doors that logins go through."""
        self._doors = doors
        self._idle: dict[str, list[tuple[Session, ExitStack]]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Session]:
        """Lend an idle session of `connection`, or log in.

        Raises:
            ConnectError: The server cannot be reached, or refuses our key.
            HostKeyMismatch: It is not the server that was pinned; nothing was sent.
        """
        session, stack = self._take(connection)
        try:
            yield session
        except BaseException:
            stack.close()
            raise
        with self._lock:
            self._idle.setdefault(connection.name, []).append((session, stack))

    def close(self) -> None:
        """Close every idle session."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for sessions in idle.values():
            for _, stack in sessions:
                stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, connection: Connection) -> tuple[Session, ExitStack]:
        with self._lock:
            idle = self._idle.get(connection.name)
            if idle:
                return idle.pop()
        stack = ExitStack()
        return stack.enter_context(self._doors.open(connection)), stack
