"""Who is asked to validate an invoice, when it is taken and when it is another's turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.app.hub import Hub
from pipeline.app.lives import Register, act, tell
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Asked, Event
from pipeline.model.validation import Course, deadline_of
from pipeline.ports.ledger import Sheets, Transaction


def ask_validators(
    hub: Hub, sheets: Sheets, tx: Transaction, taken: Sequence[tuple[Document, Course]]
) -> None:
    """Write that invoices were taken and wait for their first validators, and tell of it."""
    register = Register(tx.lives([one.id for one, _ in taken]))
    for document, course in taken:
        act(hub, register, document.id, Event.DEPOSIT)
        asked = Asked(
            circuit=course.circuit,
            validators=course.validators[:1],
            following=course.validators[1:],
            deadline=hub.clock.now(),
        )
        ask(hub, register, document.id, Event.ASK_VALIDATION, asked)
    tx.live(register.before, register.entries)
    tell(hub, sheets, tx, {one.id: one for one, _ in taken}, register.entries)


def ask_next(hub: Hub, register: Register, subject: DocumentId, asked: Asked) -> None:
    """Ask whoever reads after the one who has answered, or was silent."""
    following, *later = asked.following
    turned = replace(asked, validators=(*asked.validators, following), following=tuple(later))
    ask(hub, register, subject, Event.ASK_SECOND_VALIDATION, turned)


def ask(hub: Hub, register: Register, subject: DocumentId, event: Event, asked: Asked) -> None:
    """Ask the last of those named, from now on; the deadline is computed here, once."""
    terms, now = hub.settings.validation, hub.clock.now()
    deadline = deadline_of(asked.circuit, now, terms, hub.holidays)
    act(hub, register, subject, event, asked=replace(asked, deadline=deadline))
