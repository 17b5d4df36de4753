"""A deposit under a number that is taken already, and what it changes of the invoice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Attached, Event, Given, Life, Status

#: What a deposit under the number of an invoice does to it, by where that stands; anywhere
#: else it is a duplicate.
COMES_BACK: Mapping[Status, Event] = MappingProxyType(
    {Status.A_RECYCLER: Event.RESEND, Status.SUSPENDUE: Event.COMPLETE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs between an invoice and a deposit under its number.

    Attributes:
        term: The business term, or one of `life_step.ROUTING_TERMS`; ``BG-24`` for a paper that
            is gone, empty for something that is no term.
        place: Where it stands: ``BG-25[3]/BT-131``.
        expected: As the invoice has it, as a line that a person reads; empty where it has none.
        found: As the deposit has it.
    """

    term: str
    place: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that differs.

    Attributes:
        bearer: The document that it was held against.
        changed: Each thing, in the order of the model; attachments that were added are none.
        added: Attachments that the invoice did not have.
    """

    bearer: DocumentId
    changed: tuple[Change, ...] = ()
    added: tuple[Attached, ...] = ()

    @property
    def given(self) -> Given:
        """Return what the table of moves asks of a comeback."""
        return Given(
            changed=frozenset(one.term or one.place for one in self.changed),
            attachments=len(self.added),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What holds a business key that a deposit asks for.

    Attributes:
        document: The one that was taken first, or an earlier one of the same flow.
        bearer: The document that bears the invoice now.
        life: Where the invoice stands; None where it was not taken.
    """

    document: Document
    bearer: Document
    life: Life | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comeback:
    """A deposit that puts right or completes an invoice.

    Attributes:
        invoice: The document that was taken first.
        event: Resend or complete.
        changes: What it changes.
    """

    invoice: DocumentId
    event: Event
    changes: Changes


#: What is known of a deposit under a taken number: what it changes, or why nobody can tell.
Beside = Changes | Reason
