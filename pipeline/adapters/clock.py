"""The machine's clock: the only place that asks it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _wall() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """`ports.outside.Clock` on the machine's own clock.

    Time passes evenly, whoever sets the machine's clock meanwhile, until `adopt` takes over
    what it says.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = _wall,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with what the machine's clock says.

        Args:
            wall: Tells what it says (aware, UTC).
            elapsed: Tells seconds that pass evenly; only differences mean something.
        """
        self._wall = wall
        self._elapsed = elapsed
        #: What the clock said when, in one value: another thread may look at any time.
        self._set = (wall(), elapsed())

    def now(self) -> datetime:
        """Return the moment (aware, UTC)."""
        moment, at = self._set
        return moment + timedelta(seconds=self._elapsed() - at)

    def adopt(self) -> timedelta:
        """Take over what the machine's clock says; return by how much it was set."""
        before = self.now()
        self._set = (self._wall(), self._elapsed())
        return self.now() - before

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)
