"""The database: the only truth about interchanges, documents, outbox rows and events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pipeline.model.connection import Connection
from pipeline.model.directory import Directory
from pipeline.model.document import BusinessKey, Document
from pipeline.model.event import Event, Fact
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange, Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import ValidationReport
from pipeline.model.status import InterchangeStep, OutboxState, Step


@dataclass(frozen=True, slots=True)
class Sheets:
    """The configuration in force: connections by name, and the directory."""

    connections: Mapping[str, Connection] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on one interchange or outbox row until a deadline.

    Attributes:
        subject: Its id or key.
        token: Grows with each claim of that row; a write with an old one is fenced.
    """

    subject: str
    token: int


class Transaction(Protocol):
    """One atomic change. Facts read inside it hold until it commits.

    Every move appends its event to the chain, with `data` merged into it. Moves are
    checked against the step tables (ValueError) and are updates ``WHERE step = ?``
    with exactly one row changed, else `Fenced` is raised and nothing is written.
    """

    # -- facts
    def interchange(self, subject: InterchangeId) -> Interchange | None:
        """Return one interchange."""

    def documents_of(self, subject: InterchangeId) -> Sequence[Document]:
        """Return its documents by place."""

    def document(self, subject: DocumentId) -> Document | None:
        """Return one document."""

    def documents_named(self, subjects: Collection[DocumentId]) -> Sequence[Document]:
        """Return the documents of these ids, by id; unknown ones are left out."""

    def finished(self, subjects: Collection[InterchangeId]) -> Sequence[Interchange]:
        """Return those of these interchanges that are OPENED and whose every document is final."""

    def repeated(self, subjects: Collection[InterchangeId]) -> Collection[InterchangeId]:
        """Return those that share bytes, or connection and name, with another interchange."""

    def outbox_of(self, subject: InterchangeId) -> Sequence[OutboxRow]:
        """Return the outbox rows that come from one interchange, by key."""

    def same_bytes(self, sha256: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges with these bytes, of any connection, oldest first."""

    def same_name(self, connection: str, name: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges of this connection with this name, oldest first."""

    def holders(self, keys: Collection[BusinessKey]) -> Mapping[BusinessKey, DocumentId]:
        """Return which accepted document holds each key that is held."""

    def next_number(self, series: str) -> int:
        """Take the next number of a series, from 1, without gaps if this commits."""

    # -- acts
    def record(self, interchange: Interchange, by: str) -> bool:
        """Write a received interchange; False if it is known already (nothing new)."""

    def mark_removed(self, subject: InterchangeId, by: str, at: datetime) -> None:
        """Note that the remote file was taken out of the partner's folder."""

    def move_interchange(
        self,
        interchange: Interchange,
        after: InterchangeStep,
        *,
        by: str,
        at: datetime,
        claim: Claim | None = None,
    ) -> None:
        """Move `interchange` from its `step` to `after`.

        Its reason, detail, first and documents are written as they are in the value.
        With a claim, its token must still be the row's; the claim ends.
        """

    def add_documents(
        self, documents: Sequence[tuple[Document, ValidationReport | None]], by: str, at: datetime
    ) -> None:
        """Write documents as RECEIVED, with their reports and findings."""

    def replace_report(self, subject: DocumentId, report: ValidationReport) -> None:
        """Put the newer report of a document that was judged again in place of the old."""

    def move_documents(
        self, documents: Sequence[Document], after: Step, *, by: str, at: datetime
    ) -> None:
        """Move each document from its `step` to `after`.

        Its reasons, route, first, syntax and header are written as they are in the value.
        """

    def hold_keys(self, keys: Mapping[BusinessKey, DocumentId]) -> None:
        """Let accepted documents hold their keys.

        Raises:
            LedgerConflict: Another document got one first; run the transaction again.
                Raised at the latest when the transaction ends.
        """

    def free_keys(self, documents: Collection[DocumentId]) -> None:
        """Take the keys back from documents that are accepted no more."""

    def enqueue(self, row: OutboxRow, by: str, at: datetime) -> None:
        """Write an outbox row as PENDING; a row with that key already there is left alone."""

    def settle_outbox(
        self,
        row: OutboxRow,
        after: OutboxState | None,
        *,
        claim: Claim,
        by: str,
        at: datetime,
        sha256: str = "",
    ) -> None:
        """Write how one attempt at `row` ended: its attempts, due and error, as in the value.

        `after` None keeps it PENDING (to be tried again when due). The claim ends. An
        attempt row is added either way; `sha256` is that of the bytes that were put.
        """

    def move_outbox(self, row: OutboxRow, after: OutboxState, *, by: str, at: datetime) -> None:
        """Pause, resume or cancel a row that nobody has claimed."""

    def append(self, fact: Fact) -> None:
        """Add a fact that no move above tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which interchanges or documents to list; None matches anything."""

    partner: str | None = None
    steps: tuple[str, ...] = ()
    interchange: InterchangeId | None = None
    text: str | None = None  #: part of an id, name, invoice number, reason code or hash
    connection: str | None = None  #: the sender's
    received_from: datetime | None = None  #: interchanges received at this moment or later
    received_before: datetime | None = None  #: and before this one
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain of events does not hold.

    Attributes:
        seq: The event's place.
        what: ``edited``, ``removed``, ``swapped`` or ``tail removed``.
    """

    seq: int
    what: str


class Ledger(Protocol):
    """Opens transactions, hands out claims and answers questions."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open one; it commits at the end of the block, or leaves nothing.

        Raises:
            LedgerConflict: Another writer was first; run the block again.
        """

    # -- configuration
    def sheets(self) -> Sheets:
        """Return the configuration in force."""

    def apply(self, sheets: Sheets, by: str, at: datetime) -> None:
        """Put `sheets` in force; each changed sheet becomes a new version, with an event."""

    # -- intake
    def sightings(self, connection: str) -> Mapping[str, Sighting]:
        """Return what earlier listings said, by file name."""

    def note_sightings(self, connection: str, sightings: Sequence[Sighting]) -> None:
        """Replace what is known of a connection's folder by what was seen now."""

    def still_there(self, connection: str) -> Sequence[Interchange]:
        """Return recorded interchanges whose remote file is not marked removed."""

    # -- claims
    def claim_interchanges(
        self, owner: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[tuple[Interchange, Claim]]:
        """Claim RECEIVED interchanges that nobody holds, oldest first."""

    def claim_outbox(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        connection: str,
    ) -> Sequence[tuple[OutboxRow, Claim]]:
        """Claim due PENDING rows of one connection that nobody holds, by due, then key."""

    def due_connections(self, now: datetime) -> Sequence[str]:
        """Return the names of connections with due PENDING rows, sorted."""

    def hasten(self, now: datetime) -> int:
        """Make every PENDING acknowledgement due at `now`; return how many were not.

        Deliveries keep the waits of their sheet: each attempt of theirs counts.
        """

    def void_claims(self) -> int:
        """End every claim; only for a process that knows it is alone."""

    # -- reading
    def interchanges(self, query: Query) -> Sequence[Interchange]:
        """List interchanges, newest first."""

    def documents(self, query: Query) -> Sequence[Document]:
        """List documents, by interchange (newest first) and place."""

    def interchange(self, subject: str) -> Interchange | None:
        """Return one interchange."""

    def document(self, subject: str) -> Document | None:
        """Return one document."""

    def documents_named(self, subjects: Collection[DocumentId]) -> Sequence[Document]:
        """Return the documents of these ids, by id; unknown ones are left out."""

    def report(self, subject: DocumentId) -> ValidationReport | None:
        """Return the stored report of a document."""

    def outbox(
        self,
        *,
        interchange: InterchangeId | None = None,
        document: DocumentId | None = None,
        kind: OutboxKind | None = None,
        states: Collection[OutboxState] = (),
    ) -> Sequence[OutboxRow]:
        """List outbox rows by key; None and empty match anything."""

    def events(self, subject: str | None = None) -> Iterator[Event]:
        """Yield events in order; of one subject and of what lies inside it if given."""

    def count_documents(self) -> Mapping[Step, int]:
        """Count documents by step."""

    def count_interchanges(self) -> Mapping[InterchangeStep, int]:
        """Count interchanges by step."""

    def count_events(self, what: str) -> int:
        """Count the events of one name."""

    def verify(self) -> Sequence[Break]:
        """Recompute the chain of events; return every place where it breaks."""
