"""What a scenario tells: step by step what was expected, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pipeline.ports.outside import Clock


class Scenario(Enum):
    """The stories that can be shown."""

    B2B = "b2b"  #: a receiver of the B2B pilot on its way to production
    LIFE_CYCLE = "life-cycle"  #: two months of invoices, from deposit to payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a scenario.

    Attributes:
        name: For machines.
        says: What is done: French, English.
        expected: What is to be seen, by name.
        seen: What was, under the same names.
    """

    name: str
    says: tuple[str, str]
    expected: Mapping[str, object]
    seen: Mapping[str, object]

    @property
    def ok(self) -> bool:
        """Tell whether what was seen is what was expected."""
        return self.seen == self.expected


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario as it went.

    Attributes:
        steps: In order.
        consistent: Whether at the end everything that came in is accounted for, and every file
            that the ledger says was put lies at its partner's with those bytes.
    """

    steps: tuple[Step, ...]
    consistent: bool

    @property
    def whole(self) -> bool:
        """Tell whether all of it went as expected."""
        return self.consistent and all(step.ok for step in self.steps)


class StoryClock:
    """A clock on which days pass at a word; between words time passes as on the one beneath."""

    def __init__(self, beneath: Clock, begins: datetime) -> None:
        """Begin at a moment (aware, UTC)."""
        self._beneath = beneath
        self._ahead = begins - beneath.now()

    def now(self) -> datetime:
        """Return the moment (aware, UTC)."""
        return self._beneath.now() + self._ahead

    def adopt(self) -> timedelta:
        """Take over what the clock beneath says; return by how much it was set."""
        return self._beneath.adopt()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, really."""
        self._beneath.sleep(seconds)

    def move(self, by: timedelta) -> None:
        """Let time pass at once."""
        self._ahead += by
