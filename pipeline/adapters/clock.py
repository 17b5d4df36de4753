"""The machine's clock: the only place that asks it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """`ports.outside.Clock` on the machine's own clock."""

    def now(self) -> datetime:
        """Return the moment (aware, UTC)."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)
