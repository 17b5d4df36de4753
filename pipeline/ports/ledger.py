"""The database: the only truth about interchanges, documents, outbox rows and events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.model.api_sheet import ApiSheet
from pipeline.model.bulk import BulkId, BulkList, ItemState
from pipeline.model.carriage import Conversion
from pipeline.model.connection import Connection, Environment
from pipeline.model.directory import Directory
from pipeline.model.document import BusinessKey, Document
from pipeline.model.event import Event, Fact
from pipeline.model.figures import DocumentFigures, Received, RuleCount
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange, Sighting
from pipeline.model.life import Entry, Life, Status
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import Pickup
from pipeline.model.proposal import DIRECTORY, Proposal, ProposalState
from pipeline.model.receipt import Receipt
from pipeline.model.report import ValidationReport
from pipeline.model.run import JobRun, Pause
from pipeline.model.standing import SheetState, Standing
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.pickups import Pickups
from pipeline.ports.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Sheets:
    """The configuration in force.

    Attributes:
        connections: The connection sheets, by name.
        directory: Who can be billed, and where to.
        apis: The sheets of partners that come by the API, by name; no two sheets of either kind
            have one name.
        standing: Where sheets stand, by name, those among them that are not in force any more.
            Only the ledger knows: what `config/` proposes has none, and applying looks at none.
        since: When the version in force of each sheet was put in force, as far as the ledger
            told.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)
    apis: Mapping[str, ApiSheet] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)

    def state(self, connection: str) -> SheetState:
        """Return where a sheet stands; in production if nothing else is known of it."""
        known = self.standing.get(connection)
        return known.state if known else SheetState.PRODUCTION

    def agreed(self, connection: str) -> SheetState:
        """Return where a sheet stands, and of a suspended one where it will go on."""
        known = self.standing.get(connection)
        return known.agreed if known else SheetState.PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetVersion:
    """One version of a sheet that was ever put in force.

    Attributes:
        version: From 1.
        connection: What it says; None where this version of the code cannot read it.
        applied_at: When it was put in force (aware, UTC).
        by: Who did.
        ended_at: When another one took its place, or none did; None while it is in force.
    """

    version: int
    connection: Connection | ApiSheet | None
    applied_at: datetime
    by: str
    ended_at: datetime | None

    def held_at(self, moment: datetime) -> bool:
        """Tell whether it was in force at a moment."""
        return self.applied_at <= moment and (self.ended_at is None or moment < self.ended_at)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on one interchange or outbox row until a deadline.

    Attributes:
        subject: Its id or key.
        token: Grows with each claim of that row; a write with an old one is fenced.
        taken_from: Who had it before and let it run out; empty if nobody did.
    """

    subject: str
    token: int
    taken_from: str = ""


#: Event of a claim that was taken over, since whoever held it let it run out.
LEASE_TAKEN_OVER = "lease.taken_over"
#: Event of a claim that its holder found lost when it came back to it.
LEASE_LOST = "lease.lost"

#: More bytes than any batch holds.
UNLIMITED_BYTES = 2**60


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

    def documents_numbered(self, number: str) -> Sequence[Document]:
        """Return the documents of this number, of any seller, by id."""

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
        trouble: What cannot be read in its row; empty if nothing is wrong with it.
        facts: What happened to it, in order.
    """

    kind: str
    id: str
    row: Interchange | Document | OutboxRow | Life | None
    trouble: str = ""
    facts: Sequence[Fact] = ()


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


class Ledger(Protocol):
    """Opens transactions, hands out claims and answers questions."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open one; it commits at the end of the block, or leaves nothing.

        Raises:
            LedgerConflict: Another writer was first; run the block again.
        """

    @property
    def upkeep(self) -> Upkeep:
        """Return what holds the ledger against the world."""

    @property
    def pickups(self) -> Pickups:
        """Return what is remembered of files that lie for receivers."""

    # -- configuration
    def sheets(self) -> Sheets:
        """Return the configuration in force.

        Structures and addresses of the directory stay where they lie: each is read when it is
        asked for, as it then stands, as long as this ledger is open.
        """

    def sheets_version(self) -> int:
        """Return a number that grows whenever a sheet changes, moves or is closed."""

    def directory_at(self, moment: datetime) -> Directory:
        """Return the directory as it was in force at a moment (aware)."""

    def apply(
        self,
        sheets: Sheets,
        by: str,
        at: datetime,
        *,
        expected: int | None = None,
        facts: Sequence[Fact] = (),
        begin: SheetState = SheetState.PRODUCTION,
    ) -> None:
        """Put `sheets` in force; each changed sheet becomes a new version, with an event.

        A connection that never was in force begins its standing; one that was goes on where it
        stood, whatever that is. One that was tested or approved as another version is a draft
        again.

        Args:
            sheets: All of them: one that is not there any more is closed.
            by: Who acts.
            at: When.
            begin: Where a new connection begins.
            expected: What `sheets_version` said when they were made from those in force;
                None where they were not.
            facts: What else to tell, in the same transaction.

        Raises:
            LedgerConflict: Something else was put in force since `expected`; nothing is done.
        """

    def versions(self, connection: str) -> Sequence[SheetVersion]:
        """Return every version of a sheet with a door, or of the API, oldest first."""

    def standing(self) -> Mapping[str, Standing]:
        """Return where every sheet stands that ever was in force, by name."""

    def move_sheet(self, before: Standing, after: Standing) -> None:
        """Move a connection sheet from where it was seen to stand, with an event.

        Raises:
            ValueError: `SHEET_FOLLOWS` has no such move: our bug.
            Fenced: It stands elsewhere, or was moved meanwhile; nothing is done.
        """

    def propose(
        self,
        sheets: Sheets,
        by: str,
        at: datetime,
        *,
        directory: str = DIRECTORY,
        facts: Sequence[Fact] = (),
    ) -> Sequence[Proposal]:
        """Keep `sheets` for a second person instead of putting them in force.

        Each connection that would change is a proposal of its own; all that would change of
        the directory is one. The same proposed again stays the proposal of who was first. What
        was proposed by the same way before, and is not any more, is replaced.

        Args:
            sheets: As of `apply`.
            by: Who acts.
            at: When.
            directory: `DIRECTORY` or `IMPORT`: the way by which it is proposed.
            facts: What else to tell once it is in force.

        Returns:
            The proposals that stand for these changes.
        """

    def proposals(self) -> Sequence[Proposal]:
        """Return every proposal, oldest first."""

    def as_proposed(self, subject: str) -> Sheets:
        """Return the configuration as it would be with one proposal in force."""

    def settle_proposal(
        self, proposal: Proposal, after: ProposalState, *, by: str, at: datetime, reason: str = ""
    ) -> ProposalState:
        """Settle an open proposal, APPROVED or REFUSED; approved, it is in force, whole.

        Returns:
            How it stands then: STALE where what it was to change was changed since.

        Raises:
            Fenced: It is not open any more; nothing is done.
        """

    # -- intake
    def sightings(self, connection: str) -> Mapping[str, Sighting]:
        """Return what earlier listings said, by file name."""

    def note_sightings(self, connection: str, sightings: Sequence[Sighting]) -> None:
        """Replace what is known of a connection's folder by what was seen now."""

    def still_there(self, connection: str) -> Sequence[Interchange]:
        """Return recorded interchanges whose remote file is not marked removed."""

    # -- claims
    def claim_interchanges(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        limit_bytes: int = UNLIMITED_BYTES,
    ) -> Sequence[tuple[Interchange, Claim]]:
        """Claim RECEIVED interchanges that nobody holds, connections taking turns.

        First come those that have the fewest bytes of their own connection waiting before
        them. No more are claimed once `limit_bytes` (as received) are reached; the first
        one always is.
        """

    def claim_outbox(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        connection: str,
    ) -> Sequence[tuple[OutboxRow, Claim]]:
        """Claim due PENDING rows of one connection that nobody holds, by due, then key.

        None while another owner holds some of that connection: one at a time serves it.
        A claim that had run out is taken over, by either of the two, with an event.
        Of what leaves as it is an attempt begins here; of a row with a recipe by `begin_outbox`.
        """

    def begin_outbox(self, held: Sequence[Claim]) -> None:
        """Note that the files of claimed rows with a recipe are put from now on.

        Whoever dies before has put nothing: such a row can be stopped, and leave its group.
        """

    def renew_interchanges(self, held: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        """Put the end of claims on interchanges off; return those still held."""

    def renew_outbox(self, held: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        """Put the end of claims on outbox rows off; return those still held."""

    def release_interchanges(
        self, ended: Sequence[Claim], not_before: datetime | None = None
    ) -> None:
        """End claims on interchanges that were not decided on: they stay RECEIVED.

        With `not_before` nobody claims them again before that moment, nor has them meanwhile.
        """

    def release_outbox(self, ended: Sequence[Claim]) -> None:
        """End claims whose rows were not tried: they stay as they are, and due."""

    def any_to_judge(self, now: datetime) -> bool:
        """Tell whether an interchange is RECEIVED and held by nobody."""

    def due_connections(self, now: datetime, owner: str | None = None) -> Sequence[str]:
        """Return the names of connections with due PENDING rows, sorted.

        With an `owner` without those that somebody else is serving now.
        """

    def waiting(self) -> Mapping[str, Waiting]:
        """Return what waits for its group, by connection."""

    def hasten(self, now: datetime) -> int:
        """Make every PENDING acknowledgement due at `now`; return how many were not.

        Deliveries keep the waits of their sheet: each attempt of theirs counts.
        """

    def void_claims(self) -> int:
        """End every claim, unless workers are beside the leader; return how many it ended.

        Only for the leader: then nobody is left who could be at work on one.
        """

    def newest_event(self) -> datetime | None:
        """Return the moment that the last event tells; None without any."""

    def follow_clock(self, by: timedelta, latest: datetime, fact: Fact) -> None:
        """Move what waits for a moment by as much as the clock was set, with an event.

        How long a file has stood in a folder and when a file to leave is due move along.
        No claim lasts beyond `latest`; other claims are left alone, since those who hold
        them may go by another clock.
        """

    # -- scheduled passes
    def begin_runs(self, runs: Sequence[JobRun]) -> Sequence[JobRun]:
        """Write the rows whose slot nobody has yet; return those that were written.

        Whoever wrote a row runs it: no slot of a job is run twice.
        """

    def end_runs(self, runs: Sequence[JobRun]) -> None:
        """Write how passes ended that this run has begun."""

    def break_off_runs(self, at: datetime, reason: str) -> int:
        """Mark passes that were begun and never ended as failed; return how many.

        Only for a process that knows it is alone.
        """

    def forget_runs(self, before: datetime) -> int:
        """Remove passes that ended well before a moment; the newest of a job stays."""

    def last_slots(self) -> Mapping[str, datetime]:
        """Return the newest slot of every job."""

    def runs(
        self, *, job: str | None = None, run: str | None = None, limit: int = 100
    ) -> Sequence[JobRun]:
        """List passes, newest first; None matches anything."""

    def pauses(self) -> Sequence[Pause]:
        """Return what is paused, by partner."""

    def pause(self, pause: Pause) -> bool:
        """Set a pause, with an event; False where it stands already."""

    def resume(self, partner: str, by: str, at: datetime) -> bool:
        """Lift a pause, with an event; False where there is none."""

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

    def conversions(
        self, documents: Collection[DocumentId]
    ) -> Mapping[DocumentId, Sequence[Conversion]]:
        """Return what became of documents written in other forms, oldest delivery first."""

    def outbox(
        self,
        *,
        interchange: InterchangeId | None = None,
        document: DocumentId | None = None,
        kind: OutboxKind | None = None,
        states: Collection[OutboxState] = (),
        connection: str | None = None,
        planned_from: datetime | None = None,
        keys: Collection[OutboxKey] | None = None,
    ) -> Sequence[OutboxRow]:
        """List outbox rows by key; None and empty match anything."""

    def receipts(
        self,
        *,
        documents: Collection[DocumentId] = (),
        interchange: InterchangeId | None = None,
    ) -> Sequence[Receipt]:
        """Return what partners said of deliveries, oldest first.

        Args:
            documents: Of these documents, and of files that carry them.
            interchange: What this flow said, and what was said of files that left for it; the
                documents are not looked at then.
        """

    def unsaid(
        self, connection: str, sent_before: datetime
    ) -> Sequence[tuple[OutboxKey, str, datetime]]:
        """Return the deliveries put through a connection of which its partner said nothing.

        Returns:
            Key, name and moment of those that were put before a moment, oldest first.
        """

    def claimed_ever(self, keys: Collection[OutboxKey]) -> Mapping[OutboxKey, int]:
        """Return those of these outbox rows that a worker has had in hand, however it ended.

        Each with the token of its last claim: a later claim has a greater one.
        """

    def known_rows(self, keys: Collection[OutboxKey]) -> Collection[OutboxKey]:
        """Return those keys that an outbox row has."""

    def warned(self) -> Mapping[str, int]:
        """Return the last warning of each subject that was ever warned of, by days left."""

    def names_between(
        self, connection: str, lowest: str, highest: str, since: datetime
    ) -> Sequence[tuple[str, datetime]]:
        """Return names of a sender's interchanges, in order, each with its first receipt.

        Args:
            connection: The sender's.
            lowest: First name of the range; as long as `highest`, and like it but for digits.
            highest: Last name of the range.
            since: The list starts at the lowest name that was received at this moment or
                later, and then leaves none out.
        """

    def answer_times(self, query: Query, *, waiting: bool = False) -> Sequence[AnswerTime]:
        """Return when each interchange was answered for good, oldest first.

        Args:
            query: Which interchanges; its `text` is not looked at.
            waiting: Only those whose final answer is not all sent.
        """

    def lives(self, subjects: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand; those that were never taken are left out."""

    def lives_borne(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand, by the document that bears each; others bear none."""

    def lives_at(self, statuses: Collection[Status], limit: int) -> Sequence[Life]:
        """Return where invoices stand that stand at one of these, the longest first."""

    def history(self, subject: DocumentId) -> Sequence[Entry]:
        """Return the history of one invoice, in the order in which the hub took it."""

    def said_by(self, flow: InterchangeId) -> Sequence[Entry]:
        """Return what one flow said of invoices, by document and place."""

    def invoices_numbered(self, numbers: Collection[str]) -> Sequence[Document]:
        """Return the invoices that were taken under these numbers, by number and id."""

    def bulk(self, subject: BulkId) -> BulkList | None:
        """Return a frozen list with its items as they stand, in order."""

    def bulks(self, limit: int) -> Sequence[BulkList]:
        """List frozen lists without their items, newest first."""

    def last_events(self, subjects: Collection[str]) -> Mapping[str, int]:
        """Return the place of the newest event of each subject that has one."""

    def events(self, subject: str | None = None) -> Iterator[Event]:
        """Yield events in order; of one subject and of what lies inside it if given."""

    def connections_seen(self) -> Sequence[str]:
        """Return the names of all connections that an interchange ever came through, sorted."""

    def oldest_open(self) -> Interchange | None:
        """Return the interchange that waits longest to be closed."""

    def count_outbox(self) -> Mapping[OutboxState, int]:
        """Count outbox rows by state, without copies that do not count."""

    def count_documents(self) -> Mapping[Step, int]:
        """Count documents by step."""

    def count_interchanges(self) -> Mapping[InterchangeStep, int]:
        """Count interchanges by step."""

    def count_events(self, what: str | None = None) -> int:
        """Count the events of one name, or all of them."""

    # -- reports
    def count_acts(self, by: str) -> Mapping[str, int]:
        """Count the events that somebody (a run, an operator) made, by their name."""

    def acted_on(self, by: str, what: Collection[str], limit: int) -> Sequence[str]:
        """Return the subjects of somebody's events of these names, in order, each once."""

    def received(self, query: Query) -> Sequence[Received]:
        """Count what the chain of events says was received, by partner.

        Args:
            query: Its partner and moments are looked at, nothing else.
        """

    def document_figures(self, query: Query) -> Iterator[DocumentFigures]:
        """Yield what a report counts of each document, by interchange (oldest first) and place.

        Args:
            query: Which; its text and limit are not looked at.
        """

    def count_rules(self, query: Query) -> Sequence[RuleCount]:
        """Count the rejected documents that break each rule, by partner; most first.

        Args:
            query: Which documents; its steps, text and limit are not looked at.
        """

    def head_before(self, moment: datetime | None = None) -> Event | None:
        """Return the last event whose moment is before `moment`; the last of all for None."""

    def event_at(self, seq: int) -> Event | None:
        """Return the event at one place of the chain."""

    def count_between(self, after: int, last: int) -> Mapping[str, int]:
        """Count the events behind place `after`, up to `last`, by their name."""

    def verify(self) -> Sequence[Break]:
        """Recompute the chain of events; return every place where it breaks."""

    def subjects(self) -> Iterator[Subject]:
        """Yield all that has a row or an event, as it stood at one moment.

        A row that cannot be read hides no other.
        """
