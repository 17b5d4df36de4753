"""What a partner says of what we delivered: receipts, of a file or of one document in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey, derived

ReceiptId = NewType("ReceiptId", str)


class Said(Enum):
    """What a partner says of a delivery."""

    TAKEN = "taken"
    PARTLY = "partly taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that an acknowledgement says, before anybody looked for what it is about.

    It is about a file, where `flow` is given, else about one document.

    Attributes:
        place: Where it stands in the acknowledgement: file, line.
        said: What is said.
        status: The code or word it is said by, as written.
        flow: Name of the file, or the identifier that its name ends with; or None.
        number: Of the document (BT-1), or None.
        seller: SIREN of the document's seller, always beside `number`, else None.
        year: Of the document's date; None where it is not given.
        said_at: When the partner set it (aware); None where it does not say.
        text: Why, in the partner's words; may be empty.
    """

    place: str
    said: Said
    status: str
    flow: str | None = None
    number: str | None = None
    seller: str | None = None
    year: int | None = None
    said_at: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One statement about one delivery, taken in once.

    Attributes:
        row: The file that was delivered.
        document: The document in it that this is about; None for the file as a whole.
        said: What is said.
        status: The code or word it is said by, as written.
        text: Why, in the partner's words; may be empty.
        said_at: When the partner set it, else when we received it (aware, UTC).
        received_at: When the flow that says it was received (aware, UTC).
        interchange: That flow.
        early: Whether it came before we knew that the file had arrived.
    """

    row: OutboxKey
    document: DocumentId | None
    said: Said
    status: str
    text: str
    said_at: datetime
    received_at: datetime
    interchange: InterchangeId
    early: bool = False

    @property
    def id(self) -> ReceiptId:
        """Name it by what it says of what: the same thing said again is the same receipt."""
        return ReceiptId(f"R{derived(self.row, self.document or '', self.status)}")

    @property
    def subject(self) -> str:
        """Return what its event stands on: the document, else the file."""
        return self.document or self.row


def latest(receipts: Iterable[Receipt]) -> Receipt | None:
    """Return what was said last; None where nothing was."""
    return max(receipts, key=lambda one: (one.received_at, one.said_at, one.id), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    """A file that was put, and of which its receiver has said nothing in the time agreed.

    Attributes:
        row: The file.
        connection: Through which it went.
        partner: Who owes the answer.
        name: The file's name.
        sent_at: When it was put (aware, UTC).
        due: When the answer was agreed to be there.
    """

    row: OutboxKey
    connection: str
    partner: str
    name: str
    sent_at: datetime
    due: datetime
