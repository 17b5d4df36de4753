"""Files that are to leave: deliveries and acknowledgements."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pipeline.model.carriage import Recipe
from pipeline.model.connection import Envelope
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.status import OutboxState


class OutboxKind(Enum):
    """Why a file leaves."""

    DELIVERY = "delivery"
    ACKNOWLEDGEMENT = "acknowledgement"
    COPY = "copy"  #: a delivery that does not count: for a receiver in shadow
    STATUS = "status"  #: statuses of invoices, or which of a partner's were not taken
    NOTICE = "notice"  #: what belongs to no single flow: a day's recapitulation, a gap
    LETTER = "letter"  #: to a person, by mail: its door is ``mailto:ADDRESS``


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One file that is to appear, whole, in one folder of one partner.

    Attributes:
        key: Derived; the row is written once.
        kind: Why it leaves.
        interchange: The flow it comes from; None for a notice.
        connection: Whose door it goes through.
        name: File name in that folder, for ever.
        folder: Folder of the partner's; empty for the connection's `out`.
        payload: Bytes of whatever is no delivery; None for a delivery, whose bytes are
            taken out of the interchange again, always the same.
        documents: What a delivery carries, or statuses speak of, in order.
        envelope: How a delivery is packed.
        recipe: In which form the documents leave; None as received.
        planned: When the row was written: the only moment that its bytes may tell.
        generation: 1, or one more for each redelivery, and for each further answer.
        final: False for an interim notice.
        state: Where it stands.
        due: Not before this moment.
        attempts: Tries so far.
        error: What the last try met; empty if none failed.
    """

    key: OutboxKey
    kind: OutboxKind
    interchange: InterchangeId | None
    connection: str
    name: str
    due: datetime
    folder: str = ""
    payload: bytes | None = None
    documents: tuple[DocumentId, ...] = ()
    envelope: Envelope = Envelope.SINGLE
    recipe: Recipe | None = None
    planned: datetime | None = None
    generation: int = 1
    final: bool = True
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    error: str = ""

    @property
    def is_group(self) -> bool:
        """Tell whether it carries documents, of any flow, that waited for each other."""
        return self.kind is OutboxKind.DELIVERY and self.interchange is None


def members_of(
    group: OutboxRow, rows: Iterable[OutboxRow], documents: Collection[str]
) -> tuple[OutboxRow, ...]:
    """Return the rows of documents that leave in the file of a group, in the order of `rows`.

    Args:
        group: The file's row.
        rows: Of the documents' flows.
        documents: Which of them, by id.
    """
    inside = set(group.documents).intersection(documents)
    return tuple(
        row
        for row in rows
        if row.state is OutboxState.GROUPED
        and row.generation == group.generation
        and inside.issuperset(row.documents)
    )
