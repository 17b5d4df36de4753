"""What becomes of a file after it was put where its receiver finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pipeline.model.identity import OutboxKey


class PickupState(Enum):
    """Where a file stands that was put for a receiver whose sheet asks to watch it."""

    LYING = "lying"
    ANNOUNCED = "announced"  #: that it will be removed was told to its receiver
    PICKED_UP = "picked_up"
    PURGING = "purging"  #: on record as removed, and about to be
    PURGED = "purged"
    CHANGED = "changed"  #: other bytes stand in its place: no longer ours to remove


class Known(Enum):
    """How it is known that a file was picked up."""

    LOG = "log"  #: the server's transfer log says that it was read to its end
    ABSENCE = "absence"  #: it is not there any more


#: What may follow what. What is sent again is another file's row, under the same name.
PICKUP_FOLLOWS: Mapping[PickupState | None, frozenset[PickupState]] = {
    None: frozenset({PickupState.LYING}),
    PickupState.LYING: frozenset(
        {PickupState.ANNOUNCED, PickupState.PICKED_UP, PickupState.CHANGED}
    ),
    PickupState.ANNOUNCED: frozenset(
        {PickupState.PURGING, PickupState.PICKED_UP, PickupState.CHANGED}
    ),
    PickupState.PURGING: frozenset({PickupState.PURGED, PickupState.CHANGED}),
    PickupState.PICKED_UP: frozenset(),
    PickupState.PURGED: frozenset(),
    PickupState.CHANGED: frozenset(),
}

#: In these a file of ours is to be found in its receiver's folder.
THERE = (PickupState.LYING, PickupState.ANNOUNCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup:
    """One file that was put for a receiver, and what became of it.

    Attributes:
        key: Of its outbox row.
        connection: Its receiver's.
        folder: Where it was put.
        name: Its name there.
        size: Bytes.
        sha256: Of its bytes.
        since: When it was put (aware, UTC).
        state: Where it stands.
        at: Since when.
        known: How it is known that it was picked up; None where it was not.
    """

    key: OutboxKey
    connection: str
    folder: str
    name: str
    size: int
    sha256: str
    since: datetime
    state: PickupState = PickupState.LYING
    at: datetime
    known: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """How far a server's transfer log was read.

    Attributes:
        inode: Of the file that was read; another one stands there after a rotation.
        head: SHA-256 of its first bytes, `head_bytes` of them: an inode may be used again.
        head_bytes: How many.
        offset: Bytes read, up to the end of a line.
        sessions: User of each session that had not ended, by what its lines are marked with.
    """

    inode: int
    head: str
    head_bytes: int
    offset: int
    sessions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One file that a transfer log says was read.

    Attributes:
        user: Account that read it.
        folder: Where, as that account sees it.
        name: Its name.
        bytes: How many were read.
        at: When (aware); None where the log does not tell.
    """

    user: str
    folder: str
    name: str
    bytes: int
    at: datetime | None
