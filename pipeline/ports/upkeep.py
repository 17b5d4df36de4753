"""What the ledger tells those who hold it against the world, and lets them put right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.model.conserved import Became, Weighed
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange
from pipeline.model.status import OutboxState


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claim that has not ended.

    Attributes:
        subject: Id of the interchange, or key of the outbox row.
        connection: Its connection.
        owner: Who has it.
        token: Of the claim.
        until: When it ends unless it is renewed (aware, UTC).
        is_flow: True for an interchange, False for an outbox row.
    """

    subject: str
    connection: str
    owner: str
    token: int
    until: datetime
    is_flow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A file that leaves or has left.

    Attributes:
        key: Of its outbox row.
        connection: Its connection.
        name: Its name there.
        state: Of the row.
        due: When it is due, or was.
        sha256: Of the bytes that were put; empty if none were.
        sent_at: When they were; None if they were not.
    """

    key: str
    connection: str
    name: str
    state: OutboxState
    due: datetime
    sha256: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A sign of life of something that is to happen again and again.

    Attributes:
        at: When it last did (aware, UTC).
        data: What came of it.
    """

    at: datetime
    data: Mapping[str, int]


class Upkeep(Protocol):
    """Questions about the whole ledger, and small repairs; each is one transaction."""

    def held(self) -> Sequence[Held]:
        """Return every claim that has not ended, by subject."""

    def overdue(self, before: datetime) -> Sequence[Leaving]:
        """Return PENDING rows that were due before a moment and that nobody holds, by due."""

    def unclosed(self) -> Sequence[Interchange]:
        """Return OPENED interchanges whose every document is final, by id."""

    def named_blobs(self) -> Collection[str]:
        """Return the SHA-256 of every original that a row names, erased ones among them."""

    def needed_blobs(self) -> Collection[str]:
        """Return the SHA-256 of every original that is to be kept: its row is not erased."""

    def unsent(self) -> Sequence[str]:
        """Return the ids of DELIVERED documents that no SENT row carries, in order."""

    def counters(self) -> Mapping[str, int]:
        """Return the last number given in each series of answer names."""

    def highest_numbers(self) -> Mapping[str, int]:
        """Return the highest number that an outbox row's name has, by series."""

    def known_flows(self, subjects: Collection[str]) -> Collection[str]:
        """Return those ids that an interchange has."""

    def removed(self, connection: str, names: Collection[str]) -> Sequence[Interchange]:
        """Return interchanges of these names whose remote file is marked removed."""

    def leaving(self, connection: str, names: Collection[str]) -> Mapping[str, Leaving]:
        """Return the files of these names that leave through a connection, by name.

        Of a file that was sent again the newest row.
        """

    def end_claim(self, held: Held, fact: Fact) -> bool:
        """End a claim, so that its holder is fenced; False if it is another's by now.

        What was done is told with it, by `fact`; the same holds for `raise_counter`.
        """

    def raise_counter(self, series: str, number: int, fact: Fact) -> bool:
        """Let a series go on after `number`; False if it does already."""

    def oldest_received(self) -> datetime | None:
        """Return when the oldest RECEIVED interchange came; None if there is none."""

    def oldest_due(self, now: datetime) -> datetime | None:
        """Return since when the oldest due PENDING row is due; None if none is."""

    def became(
        self, partner: str | None, start: datetime | None, end: datetime | None
    ) -> Sequence[Became]:
        """Count what was received from a moment on and before another, by partner and step."""

    def weighed(
        self, partner: str | None, start: datetime | None, end: datetime | None
    ) -> Iterator[Weighed]:
        """Yield documents received meanwhile whose amount their first event tells."""

    def beat(self, name: str, pulse: Pulse) -> None:
        """Write a sign of life in place of the one before."""

    def pulses(self) -> Mapping[str, Pulse]:
        """Return the last sign of life of each, by name."""
