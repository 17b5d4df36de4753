"""What the ledger remembers of files that lie for receivers, and what tells of transfers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.model.identity import OutboxKey
from pipeline.model.pickup import LogPlace, Pickup, PickupState, Taken


class Pickups(Protocol):
    """Questions about files that lie for receivers; each change is one transaction."""

    def standing(
        self, states: Collection[PickupState], connection: str | None = None
    ) -> Sequence[Pickup]:
        """Return the files in these states, of one receiver or of all, oldest first."""

    def of(self, keys: Collection[OutboxKey]) -> Mapping[OutboxKey, Pickup]:
        """Return those of these outbox rows whose file is watched."""

    def place(self, log: str) -> LogPlace | None:
        """Return how far a transfer log was read; None if it never was."""

    def note_place(self, log: str, place: LogPlace) -> None:
        """Remember how far a transfer log was read."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a transfer log told since it was last read.

    Attributes:
        taken: Files read, in the order of the log.
        place: How far it was read now.
    """

    taken: tuple[Taken, ...]
    place: LogPlace


class TransferLog(Protocol):
    """Reads the transfer log of a server of this machine."""

    def read(self, log: str, place: LogPlace | None, now: datetime) -> Read:
        """Return what was read through the server since a place in its log.

        A log that was rotated meanwhile is read to its end first, where it still lies
        beside the new one.

        Args:
            log: File, relative to the workspace.
            place: Where reading goes on; None for the beginning.
            now: The moment, for lines that do not tell the year.

        Raises:
            ConfigError: It cannot be read.
        """
