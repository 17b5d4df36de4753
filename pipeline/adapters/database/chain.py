"""The hash chain of events: how it grows, and how a break in it is found."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Text, cast, func, insert, select, update

from pipeline.adapters.database.codec import UNREADABLE, dump
from pipeline.adapters.database.reading import sliced
from pipeline.adapters.database.tables import chain_head, event
from pipeline.model.errors import PipelineError
from pipeline.model.event import GENESIS, Event, Fact, chain_hash
from pipeline.ports.ledger import Break

#: More broken rows than this are not held against one another to see which were swapped.
_PAIRED = 100


@dataclass(frozen=True, slots=True)
class Head:
    """How many events there are, and the hash of the last."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One row as it stands, true or not.

    Attributes:
        fact: What it tells; None if it cannot be read.
    """

    seq: int
    fact: Fact | None
    previous: str
    hash: str

    def fits(self, seq: int, fact: Fact | None) -> bool:
        """Tell whether the row's hash would seal `fact` at place `seq`."""
        return fact is not None and chain_hash(seq, fact, self.previous) == self.hash


def lock(connection: Connection) -> None:
    """Keep everybody else from writing events until the transaction ends."""
    _read_head(connection, lock=True)


def append(connection: Connection, facts: Sequence[Fact]) -> None:
    """Write facts at the end of the chain.

    Locks the head until the transaction ends, so this is its last act.
    """
    if not facts:
        return
    head = _read_head(connection, lock=True)
    sealed = list(_seal(head, facts))
    rows = [
        {
            "seq": one.seq,
            "at": one.fact.at,
            "subject": one.fact.subject,
            "what": one.fact.what,
            "actor": one.fact.by,
            "data": dump(one.fact.data),
            "previous": one.previous,
            "hash": one.hash,
        }
        for one in sealed
    ]
    connection.execute(insert(event), rows)
    connection.execute(update(chain_head).values(seq=sealed[-1].seq, hash=sealed[-1].hash))


def read_events(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Event]:
    """Yield events by place.

    Raises:
        PipelineError: One was edited so that it cannot be read any more.
    """
    with closing(_stored(connection, *where)) as found:
        for row in found:
            if row.fact is None:
                raise PipelineError(
                    f"événement {row.seq} illisible, il a été modifié : lancez edi verify / "
                    f"event {row.seq} was edited and cannot be read: run edi verify"
                )
            yield Event(row.seq, row.fact, row.previous, row.hash)


def last_of(connection: Connection, subjects: Collection[str]) -> dict[str, int]:
    """Return the place of the newest event of each subject that has one."""
    found: dict[str, int] = {}
    for part in sliced(sorted(subjects)):
        statement = (
            select(event.c.subject, func.max(event.c.seq))
            .where(event.c.subject.in_(part))
            .group_by(event.c.subject)
        )
        found.update((subject, seq) for subject, seq in connection.execute(statement))
    return found


def verify(connection: Connection) -> list[Break]:
    """Return every place where the stored chain breaks; one snapshot is looked at."""
    head = _read_head(connection)
    return find_breaks(_stored(connection), head)


def find_breaks(rows: Iterable[Stored], head: Head) -> list[Break]:
    """Return every place where a chain breaks, in order.

    Args:
        rows: The events as they stand, by place.
        head: What was noted when the last of them was written.
    """
    breaks: list[Break] = []
    unsound: list[Stored] = []
    last = 0
    before: str | None = GENESIS
    for row in rows:
        if not isinstance(row.seq, int):  # SQLite keeps whatever it is given
            breaks.append(Break(last + 1, "edited"))
            continue
        if row.seq != last + 1:
            breaks.append(Break(last + 1, "removed"))
            before = None
        sound = row.fits(row.seq, row.fact)
        if not sound:
            unsound.append(row)
        elif before is not None and row.previous != before:
            # sound in itself, so the one before was sealed again after it was edited
            breaks.append(Break(max(last, 1), "edited"))
        last, before = row.seq, row.hash if sound else None
    breaks.extend(_name(unsound))
    breaks.extend(_check_tail(last, before, head))
    return sorted(set(breaks), key=lambda one: (one.seq, one.what))


def _check_tail(last: int, sealed: str | None, head: Head) -> Iterator[Break]:
    if last < head.seq:
        yield Break(last + 1, "tail removed")
    elif last > head.seq:
        yield Break(head.seq + 1, "edited")
    elif sealed is not None and sealed != head.hash:
        yield Break(max(last, 1), "edited")


def _name(unsound: Sequence[Stored]) -> Iterator[Break]:
    """Tell rows that changed places, or contents, with another from edited ones."""
    for row in unsound:
        swapped = len(unsound) <= _PAIRED and any(
            row.fits(other.seq, row.fact) or row.fits(row.seq, other.fact)
            for other in unsound
            if other is not row
        )
        yield Break(row.seq, "swapped" if swapped else "edited")


def _seal(head: Head, facts: Iterable[Fact]) -> Iterator[Event]:
    previous = head.hash
    for seq, fact in enumerate(facts, head.seq + 1):
        sealed = chain_hash(seq, fact, previous)
        yield Event(seq, fact, previous, sealed)
        previous = sealed


def _read_head(connection: Connection, *, lock: bool = False) -> Head:
    statement = select(chain_head.c.seq, chain_head.c.hash)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


def _stored(connection: Connection, *where: ColumnElement[bool]) -> Generator[Stored, None, None]:
    # the moment as text: an edited one may be no moment any more
    at = cast(event.c.at, Text).label("at")
    others = [column for column in event.c if column is not event.c.at]
    statement = select(at, *others).where(*where).order_by(event.c.seq)
    with connection.execute(statement.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield Stored(seq=row.seq, fact=_fact_of(row), previous=row.previous, hash=row.hash)


def _fact_of(row: Row[Any]) -> Fact | None:
    if not all(isinstance(one, str) for one in (row.subject, row.what, row.actor, row.previous)):
        return None
    try:
        at = datetime.fromisoformat(row.at)
        data = json.loads(row.data)
    except UNREADABLE:
        return None
    if at.tzinfo is None or not isinstance(data, dict):
        return None
    return Fact(at=at.astimezone(UTC), subject=row.subject, what=row.what, by=row.actor, data=data)
