"""Files that lie for receivers: `pipeline.ports.pickups`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select

from pipeline.adapters.database.codec import dump, load
from pipeline.adapters.database.reading import sliced
from pipeline.adapters.database.rows import Values
from pipeline.adapters.database.tables import pickup, transfer_log
from pipeline.model.identity import OutboxKey
from pipeline.model.pickup import Known, LogPlace, Pickup, PickupState

Opened = Callable[[], AbstractContextManager[Connection]]


class SqlPickups:
    """A `pipeline.ports.pickups.Pickups`.

    Args:
        read: Opens a connection that sees one moment.
        write: Opens one that may write, committed at its end.
    """

    def __init__(self, read: Opened, write: Opened) -> None:
        self._read = read
        self._write = write

    def standing(
        self, states: Collection[PickupState], connection: str | None = None
    ) -> Sequence[Pickup]:
        """Return the files in these states, of one receiver or of all, oldest first."""
        columns = pickup.c
        wanted: Select[Any] = select(pickup).where(
            columns.state.in_(sorted(state.value for state in states))
        )
        if connection is not None:
            wanted = wanted.where(columns.connection == connection)
        with self._read() as database:
            found = database.execute(wanted.order_by(columns.since, columns.key))
            return [pickup_of(row) for row in found]

    def of(self, keys: Collection[OutboxKey]) -> Mapping[OutboxKey, Pickup]:
        """Return those of these outbox rows whose file is watched."""
        with self._read() as database:
            found = [
                pickup_of(row)
                for part in sliced(sorted(keys))
                for row in database.execute(select(pickup).where(pickup.c.key.in_(part)))
            ]
        return {one.key: one for one in found}

    def place(self, log: str) -> LogPlace | None:
        """Return how far a transfer log was read; None if it never was."""
        with self._read() as database:
            text = database.scalar(select(transfer_log.c.place).where(transfer_log.c.log == log))
        return None if text is None else load(LogPlace, text)

    def note_place(self, log: str, place: LogPlace) -> None:
        """Remember how far a transfer log was read."""
        with self._write() as database:
            database.execute(delete(transfer_log).where(transfer_log.c.log == log))
            database.execute(insert(transfer_log).values(log=log, place=dump(place)))


def pickup_values(value: Pickup) -> Values:
    """Return the row of a file that lies for a receiver."""
    return {
        "key": value.key,
        "connection": value.connection,
        "folder": value.folder,
        "name": value.name,
        "size": value.size,
        "sha256": value.sha256,
        "since": value.since,
        "state": value.state.value,
        "at": value.at,
        "known": value.known.value if value.known else None,
    }


def pickup_of(row: Row[Any]) -> Pickup:
    """Read a file that lies for a receiver."""
    return Pickup(
        key=OutboxKey(row.key),
        connection=row.connection,
        folder=row.folder,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        since=row.since,
        state=PickupState(row.state),
        at=row.at,
        known=Known(row.known) if row.known else None,
    )
