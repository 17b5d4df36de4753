"""Which rejected invoice a new one stands for, told both ways."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.app.comeback import followed_by
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Entry, Event, Life
from pipeline.ports.ledger import Ledger, Query


@dataclass(frozen=True, slots=True)
class Links:
    """What stands beside one document.

    Attributes:
        life: Of the invoice that it is, corrects or completes; None where it was not taken.
        replaces: The rejected invoice that it names (BT-25), or None.
        replaced_by: Invoices that name this rejected one.
        told: The same in lines for a person.
    """

    life: Life | None = None
    replaces: DocumentId | None = None
    replaced_by: tuple[DocumentId, ...] = ()
    told: tuple[str, ...] = ()


def links_of(ledger: Ledger, document: Document) -> Links:
    """Return which invoice a document is, which rejected one it follows, and which follow it."""
    subjects = [document.id] if document.first is None else [document.first, document.id]
    lives = ledger.lives(subjects)
    life = next((lives[one] for one in subjects if one in lives), None)
    if life is None or (document.first == life.id and not _has_borne(ledger, life, document)):
        return Links()
    before, after = _before(ledger, document), _after(ledger, life.id)
    told = [
        f"après le rejet de / after the reject of: {one.header.number} {one.id}" for one in before
    ]
    told += [f"suivie de / followed by: {one.header.number} {one.id}" for one in after]
    first = before[0].id if before else None
    return Links(life, first, tuple(one.id for one in after), tuple(told))


def _has_borne(ledger: Ledger, life: Life, document: Document) -> bool:
    """Tell whether a document ever bore an invoice: what was refused under its number did not."""
    return any(one.bearer == document.id for one in ledger.history(life.id))


def _before(ledger: Ledger, document: Document) -> list[Document]:
    """Return the rejected invoices that a document follows: their lives go back to its flow."""
    said = ledger.said_by(document.interchange)
    found = {one.document for one in said if _names(one, document)}
    return list(ledger.documents_named(found))


def _after(ledger: Ledger, invoice: DocumentId) -> list[Document]:
    """Return the invoices that follow a rejected one."""
    return [
        document
        for one in ledger.history(invoice)
        if one.event is Event.PROCESS_REJECT and one.source
        for document in ledger.documents(Query(interchange=one.source, limit=None))
        if _names(one, document)
    ]


def _names(one: Entry, document: Document) -> bool:
    processed = one.event is Event.PROCESS_REJECT
    return processed and one.comment.endswith(followed_by(document))
