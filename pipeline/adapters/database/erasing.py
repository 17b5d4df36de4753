"""Blank what rows still say of a flow that is erased, or note that it must be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Select, Update, delete, select, text, update

from pipeline.adapters.database import reading, receipts, rows
from pipeline.adapters.database.codec import dump, load
from pipeline.adapters.database.tables import (
    business_key,
    conversion,
    document,
    finding,
    interchange,
    life_entry,
    outbox,
    outbox_document,
    report,
)
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import ValidationReport
from pipeline.model.retention import ERASED, erased_document
from pipeline.model.status import OutboxState


def blank(connection: Connection, flow: Interchange) -> int:
    """Blank all rows of a flow that is not erased yet; return how many flows that were."""
    if connection.dialect.name == "sqlite":
        # else the old text stays in the file until its page is used again
        connection.execute(text("PRAGMA secure_delete = ON"))
    columns = interchange.c
    here = (columns.id == flow.id, columns.step == flow.step.value)
    statement = update(interchange).where(
        *here, columns.erased.is_(False), columns.legal_hold.is_(False)
    )
    changed = connection.execute(statement.values(erased=True, detail="")).rowcount
    if changed:
        _blank_documents(connection, flow)
        _blank_reports(connection, flow)
        answers = update(outbox).where(
            outbox.c.interchange == flow.id, outbox.c.payload.is_not(None)
        )
        connection.execute(answers.values(payload=b""))
        connection.execute(_statuses_of(flow).values(payload=b""))
        _blank_sayings(connection, flow)
        receipts.blank(connection, flow.id)
    return changed


def _statuses_of(flow: Interchange) -> Update:
    """Return the files that told of its invoices, perhaps of others too; all of them are sent."""
    told = (
        select(outbox_document.c.key)
        .join(document, document.c.id == outbox_document.c.document)
        .where(document.c.interchange == flow.id)
    )
    return update(outbox).where(outbox.c.key.in_(told), outbox.c.payload.is_not(None))


def told_of(flow: Interchange) -> Select[tuple[str]]:
    """Select the keys of the files that may tell others what a flow said of invoices."""
    spoken_of = select(life_entry.c.document).where(life_entry.c.source == flow.id)
    return (
        select(outbox.c.key)
        .join(outbox_document, outbox_document.c.key == outbox.c.key)
        .where(
            outbox_document.c.document.in_(spoken_of),
            outbox.c.kind == OutboxKind.STATUS.value,
            outbox.c.due >= flow.received_at,
        )
    )


def _blank_sayings(connection: Connection, flow: Interchange) -> None:
    """Blank in which words a flow said what it said of invoices, and what told others of it."""
    said = update(life_entry).where(life_entry.c.source == flow.id)
    connection.execute(said.values(comment="", cash=dump(())))
    told = update(outbox).where(
        outbox.c.key.in_(told_of(flow)), outbox.c.state == OutboxState.SENT.value
    )
    connection.execute(told.values(payload=b""))


def set_legal_hold(connection: Connection, flow: Interchange, *, held: bool) -> int:
    """Note whether a flow must be kept; return how many flows that changed."""
    columns = interchange.c
    statement = update(interchange).where(
        columns.id == flow.id, columns.legal_hold.is_(not held), columns.erased.is_(False)
    )
    return connection.execute(statement.values(legal_hold=held)).rowcount


def _blank_documents(connection: Connection, flow: Interchange) -> None:
    for one in reading.find_documents(connection, flow.id):
        values: Mapping[str, object] = rows.document_outcome(erased_document(one))
        connection.execute(update(document).where(document.c.id == one.id).values(values))
        if one.header.seller_siren is None:
            # its key names the seller by what is erased
            connection.execute(delete(business_key).where(business_key.c.document == one.id))


def _blank_reports(connection: Connection, flow: Interchange) -> None:
    ours = select(document.c.id).where(document.c.interchange == flow.id)

    def inside(column: ColumnElement[str]) -> ColumnElement[bool]:
        return column.in_(ours)

    quoted = update(finding).where(inside(finding.c.document))
    connection.execute(quoted.values(value=None, message=dump(ERASED)))
    said = update(life_entry).where(inside(life_entry.c.document))
    connection.execute(said.values(comment="", cash=dump(())))
    # what a form did not hold is quoted there
    connection.execute(delete(conversion).where(inside(conversion.c.document)))
    bodies = select(report.c.document, report.c.body).where(inside(report.c.document))
    for subject, body in connection.execute(bodies).all():
        bare = load(ValidationReport, body)
        bare = replace(bare, trouble_detail="", attached=(), receivers=())
        blanked = update(report).where(report.c.document == subject)
        connection.execute(blanked.values(body=dump(bare)))
