"""Which rejected invoice a new one stands for, told both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.app.comeback import names
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Entry, Event, Life, Status
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
    history = ledger.history(life.id)
    before, after = _before(ledger, document), _after(ledger, document, history)
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
    if document.header.preceding is None:
        return []
    found = ledger.invoices_numbered([document.header.preceding])
    lives = ledger.lives([one.id for one in found])
    return [
        one for one in found if names(document, one) and lives[one.id].status is Status.REJETEE
    ]


def _after(ledger: Ledger, document: Document, history: Sequence[Entry]) -> list[Document]:
    flows = {one.source for one in history if one.event is Event.PROCESS_REJECT and one.source}
    return [
        one
        for flow in sorted(flows)
        for one in ledger.documents(Query(interchange=flow, limit=None))
        if names(one, document)
    ]
