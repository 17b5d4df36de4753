"""Every row beside its events, whatever was done to it behind the hub's back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Column, Connection, bindparam, select, union
from sqlalchemy.exc import DBAPIError

from pipeline.adapters.database.chain import read_events
from pipeline.adapters.database.codec import UNREADABLE
from pipeline.adapters.database.lives import find_histories, find_lives
from pipeline.adapters.database.reading import find_named, find_outbox
from pipeline.adapters.database.rows import interchange_of
from pipeline.adapters.database.statements import OUTBOX_NAMED
from pipeline.adapters.database.tables import (
    document,
    event,
    interchange,
    life,
    life_entry,
    outbox,
)
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry, Life
from pipeline.model.outbox import OutboxRow
from pipeline.ports.ledger import Subject

_Row = Interchange | Document | OutboxRow | Life
_Key = TypeVar("_Key", bound=str)
_Found = TypeVar("_Found")

#: Rows held at once; those of the outbox bring the bytes of answers with them.
_PAGE = 100
_INTERCHANGES_NAMED = select(interchange).where(
    interchange.c.id.in_(bindparam("ids", expanding=True))
)


class _Kind(NamedTuple):
    """How rows of one kind are named and read.

    Attributes:
        name: What the names of its events begin with.
        keys: Columns that hold what its events name it by; the first is that of its rows.
        attribute: The value's attribute that holds it.
        read: Returns the rows of some keys.
    """

    name: str
    keys: tuple[Column[str], ...]
    attribute: str
    read: Callable[[Connection, Sequence[str]], Sequence[_Row]]


def _interchanges(connection: Connection, keys: Sequence[str]) -> list[Interchange]:
    return [interchange_of(row) for row in connection.execute(_INTERCHANGES_NAMED, {"ids": keys})]


def _documents(connection: Connection, keys: Sequence[str]) -> list[Document]:
    return find_named(connection, [DocumentId(key) for key in keys])


def _outbox(connection: Connection, keys: Sequence[str]) -> list[OutboxRow]:
    return find_outbox(connection, OUTBOX_NAMED, {"keys": keys})


def _lives(connection: Connection, keys: Sequence[str]) -> list[Life]:
    return list(find_lives(connection, keys).values())


_KINDS = (
    _Kind("interchange", (interchange.c.id,), "id", _interchanges),
    _Kind("document", (document.c.id,), "id", _documents),
    _Kind("life", (life.c.document, life_entry.c.document), "id", _lives),
    _Kind("outbox", (outbox.c.key,), "key", _outbox),
)


def read_subjects(connection: Connection) -> Iterator[Subject]:
    """Yield all that has a row or an event, by kind; a page of each is held at a time."""
    for kind in _KINDS:
        told = select(event.c.subject).where(event.c.what.startswith(f"{kind.name}."))
        rows = (select(key) for key in kind.keys)
        either = union(told, *rows).execution_options(yield_per=_PAGE)
        with connection.execute(either) as found:
            for keys in found.scalars().partitions():
                yield from _page(connection, kind, keys)


def _page(connection: Connection, kind: _Kind, keys: Sequence[str]) -> Iterator[Subject]:
    def rows_of(some: Sequence[str]) -> Mapping[str, _Row]:
        return {getattr(row, kind.attribute): row for row in kind.read(connection, some)}

    def lines_of(some: Sequence[str]) -> Mapping[DocumentId, Sequence[Entry]]:
        return find_histories(connection, some) if kind.name == "life" else {}

    rows, no_row = _read(rows_of, keys)
    lines, no_lines = _read(lines_of, keys)
    facts: dict[str, list[Fact]] = {}
    for one in read_events(connection, event.c.subject.in_(keys)):
        facts.setdefault(one.fact.subject, []).append(one.fact)
    for key in keys:
        # an edited key may be no text any more
        yield Subject(
            kind=kind.name,
            id=str(key),
            row=rows.get(key),
            trouble=no_row.get(key, "") or no_lines.get(key, ""),
            facts=facts.get(key, ()),
            lines=lines.get(DocumentId(key), ()),
        )


def _read(
    find: Callable[[Sequence[str]], Mapping[_Key, _Found]], keys: Sequence[str]
) -> tuple[Mapping[_Key, _Found], Mapping[str, str]]:
    """Return what is found of some keys, and why that of others cannot be read."""
    try:
        return find(keys), {}
    except (*UNREADABLE, DBAPIError) as error:
        if len(keys) == 1:
            return {}, {keys[0]: str(getattr(error, "orig", error))}
    # one of them is at fault: each for itself
    found: dict[_Key, _Found] = {}
    troubles: dict[str, str] = {}
    for each in keys:
        one, trouble = _read(find, [each])
        found |= one
        troubles |= trouble
    return found, troubles
