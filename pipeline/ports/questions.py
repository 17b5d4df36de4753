"""What the ledger is asked with, and what it answers beside the values of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.model.connection import Environment
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry, Life
from pipeline.model.outbox import OutboxRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which interchanges or documents to list; None matches anything."""

    partner: str | None = None
    steps: tuple[str, ...] = ()
    interchange: InterchangeId | None = None
    text: str | None = None  #: part of an id, name, invoice number, reason code or hash
    reason: str | None = None  #: a whole code: why it is held, refused or a duplicate
    connection: str | None = None  #: the sender's
    interface: str | None = None  #: code that the flow's name begins with
    route: str | None = None  #: the recipient's connection; interchanges match by their documents
    received_from: datetime | None = None  #: interchanges received at this moment or later
    received_before: datetime | None = None  #: and before this one
    erased: bool | None = None  #: whether the interchange is erased
    environment: Environment | None = None  #: that of the interchange
    limit: int | None = 100  #: at most so many, the newest; None for all


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """When an interchange was answered for good.

    Attributes:
        interchange: The interchange.
        answered_at: When the last file of its final answer was put (aware, UTC); None
            while one is missing.
    """

    interchange: Interchange
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain of events does not hold.

    Attributes:
        seq: The event's place.
        what: ``edited``, ``removed``, ``swapped`` or ``tail removed``.
    """

    seq: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something that a row stands for, beside what the chain tells of it.

    Attributes:
        kind: ``interchange``, ``document``, ``outbox`` or ``life``.
        id: As events name it.
        row: As it stands, true or not; None if there is none, or none that can be read.
        trouble: What cannot be read in its row or lines; empty if nothing is wrong with them.
        facts: What happened to it, in order.
        lines: Of a life its history, by place, as it stands, true or not.
    """

    kind: str
    id: str
    row: Interchange | Document | OutboxRow | Life | None
    trouble: str = ""
    facts: Sequence[Fact] = ()
    lines: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for its group at one connection.

    Attributes:
        documents: How many.
        bytes: Of them as received.
        due: The earliest moment at which one of them leaves, full or not.
    """

    documents: int
    bytes: int
    due: datetime
