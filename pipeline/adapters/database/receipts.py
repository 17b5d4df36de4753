"""What partners say of deliveries: what it may be about, what was said, what is owed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    exists,
    func,
    or_,
    select,
    update,
)

from pipeline.adapters.database import reading, rows
from pipeline.adapters.database.columns import storable
from pipeline.adapters.database.statements import outbox_where
from pipeline.adapters.database.tables import attempt, document, outbox, outbox_document, receipt
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Receipt, Said
from pipeline.model.status import OutboxState

_BY_AGE = (receipt.c.received_at, receipt.c.said_at, receipt.c.id)


def rows_named(connection: Connection, names: Collection[str]) -> Sequence[OutboxRow]:
    """Return the outbox rows whose file has one of these names, copies left out, by key."""
    named = outbox.c.name.in_([storable(name) for name in names])
    counts = outbox.c.kind != OutboxKind.COPY.value
    return reading.find_outbox(connection, outbox_where(named, counts))


def rows_carrying(connection: Connection, subject: DocumentId) -> Sequence[OutboxRow]:
    """Return the deliveries that carry a document, by key."""
    carried = select(outbox_document.c.key).where(outbox_document.c.document == subject)
    delivers = outbox.c.kind == OutboxKind.DELIVERY.value
    return reading.find_outbox(connection, outbox_where(outbox.c.key.in_(carried), delivers))


def documents_numbered(connection: Connection, number: str, seller: str) -> Sequence[Document]:
    """Return the documents that a seller numbered so, by id."""
    columns = document.c
    wanted = select(document).where(
        columns.number == storable(number), columns.seller == storable(seller)
    )
    return [rows.document_of(row) for row in connection.execute(wanted.order_by(document.c.id))]


def claimed(connection: Connection, key: OutboxKey) -> bool:
    """Tell whether somebody ever had an outbox row in hand."""
    token = select(outbox.c.lease_token).where(outbox.c.key == key)
    return bool(connection.execute(token).scalar())


def find(
    connection: Connection,
    *,
    documents: Collection[str] = (),
    interchange: InterchangeId | None = None,
) -> Sequence[Receipt]:
    """Return receipts, oldest first.

    Args:
        connection: Where they are looked up.
        documents: Those about these documents, or about files that carry them.
        interchange: Those that this flow told, or about files that left for it.
    """
    if interchange is not None:
        left = select(outbox.c.key).where(outbox.c.interchange == interchange)
        either = or_(receipt.c.interchange == interchange, receipt.c.row.in_(left))
        return [_receipt(row) for row in connection.execute(_where(either))]
    found: dict[str, Row[Any]] = {}
    for part in reading.sliced(sorted(documents)):
        carrying = select(outbox_document.c.key).where(outbox_document.c.document.in_(part))
        whole = receipt.c.document.is_(None) & receipt.c.row.in_(carrying)
        either = or_(receipt.c.document.in_(part), whole)
        found |= {row.id: row for row in connection.execute(_where(either))}
    ordered = sorted(found.values(), key=lambda row: (row.received_at, row.said_at, row.id))
    return [_receipt(row) for row in ordered]


def unsaid(
    connection: Connection, name: str, sent_before: datetime
) -> Sequence[tuple[OutboxKey, str, datetime]]:
    """Return the deliveries through one connection of which nothing was said.

    Returns:
        Key, name and when the file was put, for those put before a moment, oldest first. Of a
        delivery that was made again the later one counts.
    """
    sent = (
        select(attempt.c.key, func.max(attempt.c.at).label("at"))
        .where(attempt.c.sha256 != "")
        .group_by(attempt.c.key)
        .subquery()
    )
    said = exists().where(receipt.c.row == outbox.c.key)
    wanted = (
        select(outbox.c.key, outbox.c.name, sent.c.at)
        .join(sent, sent.c.key == outbox.c.key)
        .where(
            outbox.c.connection == name,
            outbox.c.kind == OutboxKind.DELIVERY.value,
            outbox.c.state == OutboxState.SENT.value,
            sent.c.at < sent_before,
            ~said,
        )
        .order_by(sent.c.at, outbox.c.key)
    )
    return [(OutboxKey(row.key), row.name, row.at) for row in connection.execute(wanted)]


def blank(connection: Connection, flow: InterchangeId) -> None:
    """Blank what partners said in words: in this flow, or of what came in it."""
    inside = select(document.c.id).where(document.c.interchange == flow)
    left = select(outbox.c.key).where(outbox.c.interchange == flow)
    either = or_(
        receipt.c.interchange == flow, receipt.c.document.in_(inside), receipt.c.row.in_(left)
    )
    connection.execute(update(receipt).where(either).values(text=""))


def _where(where: ColumnElement[bool]) -> Select[Any]:
    return select(receipt).where(where).order_by(*_BY_AGE)


def values_of(one: Receipt) -> rows.Values:
    """Return the row of a receipt."""
    return {
        "id": one.id,
        "row": one.row,
        "document": one.document,
        "said": one.said.value,
        "status": storable(one.status),
        "text": one.text,
        "said_at": one.said_at,
        "received_at": one.received_at,
        "interchange": one.interchange,
        "early": one.early,
    }


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(
        row=OutboxKey(row.row),
        document=DocumentId(row.document) if row.document else None,
        said=Said(row.said),
        status=row.status,
        text=row.text,
        said_at=row.said_at,
        received_at=row.received_at,
        interchange=InterchangeId(row.interchange),
        early=row.early,
    )
