"""Questions to the tables, for transactions and for readers alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    exists,
    literal,
    literal_column,
    or_,
    select,
)

from pipeline.adapters.database.codec import load
from pipeline.adapters.database.columns import storable
from pipeline.adapters.database.rows import (
    document_of,
    interchange_of,
    outbox_of,
    report_of,
)
from pipeline.adapters.database.statements import (
    BY_AGE,
    CONVERSIONS,
    DOCUMENT,
    DOCUMENTS_NAMED,
    DOCUMENTS_OF,
    FINDINGS,
    INTERCHANGE,
    REPORT,
    Outbox,
)
from pipeline.adapters.database.tables import document, interchange
from pipeline.model.carriage import Conversion
from pipeline.model.connection import Environment
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.report import ValidationReport
from pipeline.ports.ledger import Query

_NEWEST_FIRST = tuple(column.desc() for column in BY_AGE)

T = TypeVar("T")

#: Constants of an expression that rows are grouped by: as parameters they would be another
#: expression each time.
_PRODUCTION = literal_column(f"'{Environment.PRODUCTION.value}'", Text)
_OPENS, _CLOSES = literal_column("' ('", Text), literal_column("')'", Text)

#: Values named by one statement; databases limit how many that may be.
_SLICE = 1000


def sliced(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield `values` in parts that one statement may name."""
    rest = iter(values)
    while part := list(islice(rest, _SLICE)):
        yield part


def find_interchange(connection: Connection, subject: str) -> Interchange | None:
    """Return one interchange."""
    row = connection.execute(INTERCHANGE, {"b_id": subject}).first()
    return interchange_of(row) if row else None


def find_document(connection: Connection, subject: str) -> Document | None:
    """Return one document."""
    row = connection.execute(DOCUMENT, {"b_id": subject}).first()
    return document_of(row) if row else None


def find_documents(connection: Connection, subject: str) -> list[Document]:
    """Return the documents of an interchange by place."""
    return [
        document_of(row) for row in connection.execute(DOCUMENTS_OF, {"b_interchange": subject})
    ]


def find_named(connection: Connection, subjects: Collection[DocumentId]) -> list[Document]:
    """Return the documents of some ids, by id."""
    return [
        document_of(row)
        for part in sliced(sorted(subjects))
        for row in connection.execute(DOCUMENTS_NAMED, {"ids": part})
    ]


def find_report(connection: Connection, subject: DocumentId) -> ValidationReport | None:
    """Return the stored report of a document."""
    body = connection.execute(REPORT, {"b_document": subject}).scalar()
    if body is None:
        return None
    return report_of(body, connection.execute(FINDINGS, {"b_document": subject}))


def find_outbox(
    connection: Connection, wanted: Outbox, values: Mapping[str, object] | None = None
) -> list[OutboxRow]:
    """Return outbox rows by key, with the documents they carry."""
    carried: dict[str, list[DocumentId]] = {}
    for key, subject in connection.execute(wanted.carried, values):
        carried.setdefault(key, []).append(DocumentId(subject))
    return [outbox_of(row, carried) for row in connection.execute(wanted.rows, values)]


def find_conversions(
    connection: Connection, documents: Collection[DocumentId]
) -> dict[DocumentId, list[Conversion]]:
    """Return what became of documents written in other forms, oldest delivery first."""
    found: dict[DocumentId, list[Conversion]] = {}
    for part in sliced(sorted(documents)):
        for body in connection.execute(CONVERSIONS, {"documents": part}).scalars():
            one = load(Conversion, body)
            found.setdefault(one.document, []).append(one)
    return found


def list_interchanges(connection: Connection, query: Query) -> Sequence[Interchange]:
    """Answer a query about interchanges, newest first."""
    statement = filtered(select(interchange), query, interchange.c.step)
    if query.reason is not None:
        statement = statement.where(interchange.c.reason == query.reason)
    if query.route is not None:
        routed = exists().where(
            document.c.interchange == interchange.c.id, document.c.route == query.route
        )
        statement = statement.where(routed)
    if query.text is not None:
        numbered = exists().where(
            document.c.interchange == interchange.c.id,
            _contains(query.text, document.c.number),
        )
        columns = interchange.c
        own = _contains(query.text, columns.id, columns.name, columns.reason, columns.sha256)
        statement = statement.where(or_(own, numbered))
    rows = connection.execute(statement.order_by(*_NEWEST_FIRST).limit(query.limit))
    return [interchange_of(row) for row in rows]


def list_documents(connection: Connection, query: Query) -> Sequence[Document]:
    """Answer a query about documents, by interchange (newest first) and place."""
    joined = select(document).join(interchange, document.c.interchange == interchange.c.id)
    statement = filtered(joined, query, document.c.step)
    if query.reason is not None:
        codes = literal(" ").concat(document.c.codes).concat(" ")
        statement = statement.where(codes.contains(f" {query.reason} ", autoescape=True))
    if query.route is not None:
        statement = statement.where(document.c.route == query.route)
    if query.text is not None:
        columns = document.c
        statement = statement.where(
            _contains(
                query.text,
                columns.id,
                columns.name,
                columns.number,
                columns.codes,
                columns.sha256,
            )
        )
    ordered = statement.order_by(*_NEWEST_FIRST, document.c.seq).limit(query.limit)
    return [document_of(row) for row in connection.execute(ordered)]


def party() -> ColumnElement[str]:
    """Return who sent an interchange, as it is counted: qualification apart from production."""
    columns = interchange.c
    return case(
        (columns.environment == _PRODUCTION, columns.partner),
        else_=columns.partner + _OPENS + columns.environment + _CLOSES,
    )


def filtered(statement: Select[Any], query: Query, step: ColumnElement[str]) -> Select[Any]:
    """Narrow a statement on interchanges to what a query asks, its text and limit aside."""
    if query.partner is not None:
        statement = statement.where(interchange.c.partner == query.partner)
    if query.interchange is not None:
        statement = statement.where(interchange.c.id == query.interchange)
    if query.connection is not None:
        statement = statement.where(interchange.c.connection == query.connection)
    if query.interface is not None:
        named = interchange.c.name.startswith(f"{query.interface}_", autoescape=True)
        statement = statement.where(named)
    if query.received_from is not None:
        statement = statement.where(interchange.c.received_at >= query.received_from)
    if query.received_before is not None:
        statement = statement.where(interchange.c.received_at < query.received_before)
    if query.erased is not None:
        statement = statement.where(interchange.c.erased.is_(query.erased))
    if query.environment is not None:
        statement = statement.where(interchange.c.environment == query.environment.value)
    if query.steps:
        statement = statement.where(step.in_(query.steps))
    return statement


def _contains(text: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Match columns that hold `text`, its wildcards taken literally, whatever its case."""
    return or_(*(column.icontains(storable(text), autoescape=True) for column in columns))
