"""One atomic change of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.model.bulk import BulkId, BulkList, ItemState
from pipeline.model.carriage import Conversion
from pipeline.model.connection import Environment
from pipeline.model.document import BusinessKey, Document
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry, Life
from pipeline.model.outbox import OutboxRow
from pipeline.model.pickup import Pickup
from pipeline.model.receipt import Receipt
from pipeline.model.report import ValidationReport
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.claims import Claim


class Transaction(Protocol):
    """One atomic change. Facts read inside it hold until it commits.

    Every move appends its event to the chain, with `data` merged into it. Moves are
    checked against the step tables (ValueError) and are updates ``WHERE step = ?``
    with exactly one row changed, else `Fenced` is raised, at the latest where the
    transaction ends, and nothing is written.
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
        """Return the outbox rows that come from one interchange, or carry of it, by key."""

    def telling_of(self, flow: Interchange) -> Sequence[OutboxRow]:
        """Return the files that may tell others what a flow said of invoices, by key."""

    def waiting(self, connection: str) -> Sequence[OutboxRow]:
        """Return the WAITING rows of one connection, by due, then key."""

    def same_bytes(self, sha256: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges with these bytes, of any connection, oldest first."""

    def same_name(self, connection: str, name: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges of this connection with this name, oldest first."""

    def holders(
        self, keys: Collection[BusinessKey], environment: Environment = Environment.PRODUCTION
    ) -> Mapping[BusinessKey, DocumentId]:
        """Return which accepted document holds each key that is held in one environment."""

    def count_routed(self, connection: str, since: datetime, before: datetime) -> int:
        """Count documents that go to a connection, received from a moment on before another."""

    def rows_named(self, names: Collection[str]) -> Sequence[OutboxRow]:
        """Return the outbox rows, of any connection, whose file has one of these names."""

    def rows_carrying(self, subject: DocumentId) -> Sequence[OutboxRow]:
        """Return the deliveries that carry a document, by key."""

    def documents_numbered(self, number: str, seller: str) -> Sequence[Document]:
        """Return the documents that a seller numbered so, by id.

        Args:
            number: As the invoice says it (BT-1).
            seller: As a `BusinessKey` names it.
        """

    def claimed(self, key: OutboxKey) -> bool:
        """Tell whether somebody ever had an outbox row in hand: its file may be there."""

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
        With a claim, its token must still be the row's; the claim ends. Without one nobody
        may hold it: a person never takes a flow out of a worker's hands.
        """

    def erase(self, interchange: Interchange, *, by: str, at: datetime, reason: str) -> None:
        """Blank what rows quote of a flow: `model.retention.erased_document` says what stays.

        Values and messages of findings, texts of reasons and the bytes of answers go; a
        business key goes where its seller is named by what is blanked.

        Raises:
            Fenced: It is erased already, on legal hold, or moved meanwhile.
        """

    def set_legal_hold(
        self, interchange: Interchange, *, held: bool, by: str, at: datetime, reason: str
    ) -> bool:
        """Note that a flow must not be erased, or may be again; False if it stood so."""

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

    def reroute_documents(
        self, documents: Sequence[Document], route: str, *, by: str, at: datetime
    ) -> None:
        """Write another route for documents that stay at their step, with an event each.

        Each is updated ``WHERE step = ? AND route = ?``, else `Fenced` is raised.
        """

    def hold_keys(
        self,
        keys: Mapping[BusinessKey, DocumentId],
        environment: Environment = Environment.PRODUCTION,
    ) -> None:
        """Let accepted documents hold their keys in one environment.

        Raises:
            LedgerConflict: Another document got one first; run the transaction again.
                Raised at the latest when the transaction ends.
        """

    def free_keys(self, documents: Collection[DocumentId]) -> None:
        """Take the keys back from documents that are accepted no more."""

    def enqueue(self, row: OutboxRow, by: str, at: datetime) -> None:
        """Write an outbox row, PENDING or WAITING; one whose key is there is left alone."""

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

    def put_off_outbox(self, row: OutboxRow, *, claim: Claim, by: str, at: datetime) -> None:
        """Let go of a row that was not attempted, and leave it until its due.

        Due and error are written as in the value, no attempt row is. What an earlier claim
        began stays begun.
        """

    def move_outbox(self, row: OutboxRow, after: OutboxState, *, by: str, at: datetime) -> None:
        """Pause, resume or cancel a row that nobody has claimed."""

    def stop_outbox(
        self,
        row: OutboxRow,
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
    ) -> bool:
        """Do as `move_outbox`; False, and nothing done, where somebody claimed or moved it.

        Nor is a row stopped whose last attempt was cut short: its file may have been put;
        unless its recipient confirmed that nothing came of all claims up to token `unseen`.
        """

    def see_outbox(
        self, row: OutboxRow, *, token: int, sha256: str, by: str, at: datetime
    ) -> bool:
        """Write as SENT a row whose file was found at its recipient's, with these bytes.

        False, and nothing done, where somebody moved it, or claimed it after `token`.
        """

    def leave_group(
        self,
        group: OutboxRow,
        members: Sequence[OutboxRow],
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
        error: str = "",
    ) -> bool:
        """Take documents out of the file of a group, their own GROUPED rows to `after`.

        The file goes without them; without any it is CANCELLED. False, and nothing done,
        where `stop_outbox` would do nothing: the file may be on its way.

        Args:
            group: The file's row, PENDING or PAUSED.
            members: Rows of the documents that leave, each GROUPED.
            after: PAUSED or CANCELLED.
            by: Who acts.
            at: When.
            unseen: As for `stop_outbox`.
            error: Why, where it is the hub that takes them out.
        """

    def split_outbox(
        self,
        row: OutboxRow,
        parts: Sequence[OutboxRow],
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
        error: str = "",
    ) -> bool:
        """Take documents out of a file of several of one flow, which goes without them.

        False, and nothing done, where `stop_outbox` would do nothing.

        Args:
            row: The file's row, PENDING or PAUSED.
            parts: New rows for the documents that leave it, not for all.
            after: PAUSED or CANCELLED: what becomes of the new rows.
            by: Who acts.
            at: When.
            unseen: As for `stop_outbox`.
            error: Why, where it is the hub that takes them out.
        """

    def lay_out(self, lying: Pickup) -> None:
        """Remember a file that lies for its receiver from now on; LYING."""

    def move_pickup(
        self,
        before: Pickup,
        after: Pickup,
        *,
        by: str,
        at: datetime,
        data: Mapping[str, object],
    ) -> bool:
        """Write what became of a file that lies for its receiver, with an event.

        Returns:
            False, and nothing done, where somebody moved it first.

        Raises:
            ValueError: That cannot follow: our bug.
        """

    def note_conversions(self, key: OutboxKey, conversions: Sequence[Conversion]) -> None:
        """Write what became of the documents of an outbox row, in place of what it said."""

    # -- lives
    def lives(self, subjects: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand; those that were never taken are left out."""

    def lives_borne(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand, by the document that bears each; others bear none."""

    def invoices_numbered(self, numbers: Collection[str]) -> Sequence[Document]:
        """Return the invoices that were taken under these numbers, by number and id."""

    def entries_known(self, ids: Collection[str]) -> Collection[str]:
        """Return those ids that a line of a history has."""

    def live(self, before: Mapping[DocumentId, Life], entries: Sequence[Entry]) -> None:
        """Write new lines of histories, and where their invoices stand then, with an event each.

        Args:
            before: Where the invoices stood, as `lives` said; none of those that begin.
            entries: The lines, those of one invoice in order; none is known yet.

        Raises:
            Fenced: One of them was moved meanwhile.
            ValueError: A line does not follow the one before: our bug.
        """

    def acknowledge(self, receipt: Receipt, by: str, at: datetime) -> bool:
        """Write what a partner says of a delivery, with an event on what it is about.

        False, and nothing done, where the same was said before.
        """

    # -- frozen lists
    def freeze(self, bulk: BulkList) -> bool:
        """Write a list with its items, and an event; False if it is there already."""

    def settle_items(
        self,
        bulk: BulkId,
        subjects: Collection[str],
        state: ItemState,
        *,
        note: str,
        by: str,
        at: datetime,
    ) -> int:
        """Write what became of items that are still to be done, or were refused.

        Returns:
            How many; those that somebody else settled meanwhile are left alone.
        """

    def warn_once(self, subject: str, days: int, at: datetime) -> bool:
        """Note that the warning of so many days left is given; False if it was before.

        Of two processes at once one gets True, if its transaction commits.
        """

    def append(self, fact: Fact) -> None:
        """Add a fact that no move above tells."""
