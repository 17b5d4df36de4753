"""Flow numbers that were skipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers of one series that have not come, though a higher one has.

    Attributes:
        connection: Name of the sender's connection.
        series: What the flow names have in common: ``FSO1100A_ABC123``.
        first: Lowest number that is missing.
        last: Highest one; all between are missing too.
        since: When the first flow with a higher number was received (aware, UTC).
    """

    connection: str
    series: str
    first: int
    last: int
    since: datetime

    @property
    def count(self) -> int:
        """Return how many flows are missing."""
        return self.last - self.first + 1
