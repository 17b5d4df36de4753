"""Every row beside its events, whatever was done to it behind the hub's back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Column, Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from pipeline.adapters.database.chain import read_events
from pipeline.adapters.database.codec import UNREADABLE
from pipeline.adapters.database.lives import find_lives
from pipeline.adapters.database.reading import find_named, find_outbox
from pipeline.adapters.database.rows import interchange_of
from pipeline.adapters.database.statements import OUTBOX_NAMED
from pipeline.adapters.database.tables import document, event, interchange, life, outbox
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Life
from pipeline.model.outbox import OutboxRow
from pipeline.ports.ledger import Subject

_Row = Interchange | Document | OutboxRow | Life

#: Rows held at once; those of the outbox bring the bytes of answers with them.
_PAGE = 100
_INTERCHANGES_NAMED = select(interchange).where(
    interchange.c.id.in_(bindparam("ids", expanding=True))
)


class _Kind(NamedTuple):
    """How rows of one kind are named and read.

    Attributes:
        name: What the names of its events begin with.
        key: Column that its events name it by.
        attribute: The value's attribute that holds it.
        read: Returns the rows of some keys.
    """

    name: str
    key: Column[str]
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
    _Kind("interchange", interchange.c.id, "id", _interchanges),
    _Kind("document", document.c.id, "id", _documents),
    _Kind("outbox", outbox.c.key, "key", _outbox),
    _Kind("life", life.c.document, "id", _lives),
)


def read_subjects(connection: Connection) -> Iterator[Subject]:
    """Yield all that has a row or an event, by kind; a page of each is held at a time."""
    for kind in _KINDS:
        told = select(event.c.subject).where(event.c.what.startswith(f"{kind.name}."))
        either = select(kind.key).union(told).execution_options(yield_per=_PAGE)
        with connection.execute(either) as found:
            for keys in found.scalars().partitions():
                yield from _page(connection, kind, keys)


def _page(connection: Connection, kind: _Kind, keys: Sequence[str]) -> Iterator[Subject]:
    rows = _read(connection, kind, keys)
    facts: dict[str, list[Fact]] = {}
    for one in read_events(connection, event.c.subject.in_(keys)):
        facts.setdefault(one.fact.subject, []).append(one.fact)
    for key in keys:
        row, trouble = rows.get(key, (None, ""))
        # an edited key may be no text any more
        yield Subject(
            kind=kind.name, id=str(key), row=row, trouble=trouble, facts=facts.get(key, ())
        )


def _read(
    connection: Connection, kind: _Kind, keys: Sequence[str]
) -> Mapping[str, tuple[_Row | None, str]]:
    """Return the rows of some keys, or why one cannot be read; absent ones are left out."""
    try:
        return {getattr(row, kind.attribute): (row, "") for row in kind.read(connection, keys)}
    except (*UNREADABLE, DBAPIError) as error:
        if len(keys) == 1:
            return {keys[0]: (None, str(getattr(error, "orig", error)))}
    # one of them is at fault: each for itself
    return {key: one for each in keys for key, one in _read(connection, kind, [each]).items()}
