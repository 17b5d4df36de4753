"""Lives of invoices: to rows and back, and the questions asked of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from pipeline.adapters.database.codec import dump, load_all
from pipeline.adapters.database.reading import sliced
from pipeline.adapters.database.rows import Values, document_of
from pipeline.adapters.database.tables import document, life, life_entry
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.life import Actor, Asked, Cash, Circuit, Entry, Event, Life, Status
from pipeline.model.validation import Due

_NO_CASH = "[]"

_LIVES = select(life).where(life.c.document.in_(bindparam("ids", expanding=True)))
_BORNE = select(life).where(life.c.bearer.in_(bindparam("ids", expanding=True)))
_ENTRIES = (
    select(life_entry)
    .where(life_entry.c.document == bindparam("b_document"))
    .order_by(life_entry.c.place)
)
_HISTORIES = (
    select(life_entry)
    .where(life_entry.c.document.in_(bindparam("ids", expanding=True)))
    .order_by(life_entry.c.document, life_entry.c.place)
)
_KNOWN = select(life_entry.c.id).where(life_entry.c.id.in_(bindparam("ids", expanding=True)))
_SAID = (
    select(life_entry)
    .where(life_entry.c.source == bindparam("b_source"))
    .order_by(life_entry.c.document, life_entry.c.place)
)
#: Invoices that were taken, by number and id.
_NUMBERED = (
    select(document)
    .where(document.c.number.in_(bindparam("numbers", expanding=True)))
    .where(document.c.id.in_(select(life.c.document)))
    .order_by(document.c.number, document.c.id)
)
ADD_LIFE = insert(life)
#: Moves a life that nobody moved meanwhile.
MOVE_LIFE = update(life).where(
    life.c.document == bindparam("b_document"),
    life.c.status == bindparam("b_status"),
    life.c.entries == bindparam("b_entries"),
)


def find_lives(connection: Connection, subjects: Collection[str]) -> dict[DocumentId, Life]:
    """Return where invoices stand; those that were never taken are left out."""
    return {
        DocumentId(row.document): life_of(row)
        for part in sliced(sorted(subjects))
        for row in connection.execute(_LIVES, {"ids": part})
    }


def find_borne(connection: Connection, documents: Collection[str]) -> dict[DocumentId, Life]:
    """Return where invoices stand, by the document that bears each; others bear none."""
    return {
        DocumentId(row.bearer): life_of(row)
        for part in sliced(sorted(documents))
        for row in connection.execute(_BORNE, {"ids": part})
    }


def find_lives_at(connection: Connection, statuses: Collection[Status], limit: int) -> list[Life]:
    """Return where invoices stand that stand at one of these statuses, the longest first."""
    wanted = sorted(status.value for status in statuses)
    statement = select(life).where(life.c.status.in_(wanted))
    ordered = statement.order_by(life.c.since, life.c.document).limit(limit)
    return [life_of(row) for row in connection.execute(ordered)]


def find_lives_due(connection: Connection, due: Due) -> list[Life]:
    """Return where invoices stand whose validators' time ends then, soonest first."""
    columns = life.c
    statement = select(life).where(
        columns.status.in_(sorted(status.value for status in due.statuses)),
        columns.circuit.in_(sorted(circuit.value for circuit in due.circuits)),
        columns.deadline <= due.until,
    )
    if due.after is not None:
        statement = statement.where(columns.deadline > due.after)
    ordered = statement.order_by(columns.deadline, columns.document).limit(due.limit)
    return [life_of(row) for row in connection.execute(ordered)]


def find_history(connection: Connection, subject: str) -> list[Entry]:
    """Return the history of one invoice, in order."""
    return [entry_of(row) for row in connection.execute(_ENTRIES, {"b_document": subject})]


def find_histories(
    connection: Connection, subjects: Collection[str]
) -> dict[DocumentId, list[Entry]]:
    """Return the histories of some invoices, each in order; those without one are left out."""
    found = (
        entry_of(row)
        for part in sliced(sorted(subjects))
        for row in connection.execute(_HISTORIES, {"ids": part})
    )
    return by_document(found)


def find_said(connection: Connection, source: str) -> list[Entry]:
    """Return what one flow said, by document and place."""
    return [entry_of(row) for row in connection.execute(_SAID, {"b_source": source})]


def find_known(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those ids that a line of a history has."""
    return {
        found
        for part in sliced(sorted(ids))
        for found in connection.execute(_KNOWN, {"ids": part}).scalars()
    }


def find_numbered(connection: Connection, numbers: Collection[str]) -> list[Document]:
    """Return invoices that were taken under some numbers, by number and id."""
    return [
        document_of(row)
        for part in sliced(sorted(numbers))
        for row in connection.execute(_NUMBERED, {"numbers": part})
    ]


def life_of(row: Row[Any]) -> Life:
    """Read where an invoice stands."""
    return Life(
        id=DocumentId(row.document),
        status=Status(row.status),
        actor=Actor(row.actor),
        said_at=row.said_at,
        since=row.since,
        entries=row.entries,
        bearer=DocumentId(row.bearer),
        asked=_asked_of(row),
    )


def _asked_of(row: Row[Any]) -> Asked | None:
    """Read who is asked to validate."""
    if row.circuit is None:
        return None
    return Asked(
        circuit=Circuit(row.circuit),
        validators=tuple(row.validators.split()),
        deadline=row.deadline,
        following=tuple(row.following.split()),
    )


def _asked_values(asked: Asked | None) -> Values:
    return {
        "circuit": asked.circuit.value if asked else None,
        "validators": " ".join(asked.validators) if asked else None,
        "following": " ".join(asked.following) if asked else None,
        "deadline": asked.deadline if asked else None,
    }


def entry_of(row: Row[Any]) -> Entry:
    """Read one line of a history."""
    return Entry(
        id=row.id,
        document=DocumentId(row.document),
        place=row.place,
        event=Event(row.event),
        actor=Actor(row.actor),
        by=row.by,
        before=Status(row.before) if row.before else None,
        after=Status(row.after),
        said_at=row.said_at,
        taken_at=row.taken_at,
        source=InterchangeId(row.source) if row.source else None,
        reasons=tuple(row.reasons.split()),
        comment=row.comment,
        cash=load_all(Cash, row.cash) if row.cash != _NO_CASH else (),
        warnings=tuple(row.warnings.split()),
        bearer=DocumentId(row.bearer) if row.bearer else None,
        asked=_asked_of(row),
    )


def entry_values(entry: Entry) -> Values:
    """Return the row of one line of a history."""
    return {
        "id": entry.id,
        "document": entry.document,
        "place": entry.place,
        "event": entry.event.value,
        "actor": entry.actor.value,
        "by": entry.by,
        "before": entry.before.value if entry.before else None,
        "after": entry.after.value,
        "said_at": entry.said_at,
        "taken_at": entry.taken_at,
        "source": entry.source,
        "reasons": " ".join(entry.reasons),
        "comment": entry.comment,
        "cash": dump(entry.cash) if entry.cash else _NO_CASH,
        "warnings": " ".join(entry.warnings),
        "bearer": entry.bearer,
        **_asked_values(entry.asked),
    }


def life_values(life_now: Life) -> Values:
    """Return the row that says where an invoice stands."""
    return {
        "document": life_now.id,
        "status": life_now.status.value,
        "actor": life_now.actor.value,
        "said_at": life_now.said_at,
        "since": life_now.since,
        "entries": life_now.entries,
        "bearer": life_now.bearer,
        **_asked_values(life_now.asked),
    }


def move_values(first: Entry, life_now: Life) -> Values:
    """Return what `MOVE_LIFE` compares and sets, `first` being the first of the new lines."""
    moved: Mapping[str, object] = life_values(life_now)
    return {
        "b_document": first.document,
        "b_status": first.before.value if first.before else None,
        "b_entries": first.place - 1,
        **{name: value for name, value in moved.items() if name != "document"},
    }


def by_document(entries: Iterable[Entry]) -> dict[DocumentId, list[Entry]]:
    """Part lines by the invoice they are of, each in order."""
    found: dict[DocumentId, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.document, []).append(entry)
    return found
