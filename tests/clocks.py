"""The clock of every test in which time matters."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class SetClock:
    """A clock that a test sets; sleeping moves it on, and takes no time."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment
        self._set_by = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.move(timedelta(seconds=seconds))

    def set(self, by: timedelta) -> None:
        """Let somebody set the machine's clock, while no time passes."""
        self._set_by += by

    def adopt(self) -> timedelta:
        """Take over what the machine's clock says."""
        by, self._set_by = self._set_by, timedelta()
        self.move(by)
        return by

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        with self._lock:
            self.moment += by
