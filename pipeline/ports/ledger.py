"""The database: the only truth about interchanges, documents, outbox rows and events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.model.bulk import BulkId, BulkList
from pipeline.model.carriage import Conversion
from pipeline.model.directory import Directory
from pipeline.model.document import Document
from pipeline.model.event import Event, Fact
from pipeline.model.figures import DocumentFigures, Received, RuleCount
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange, Sighting
from pipeline.model.life import Entry, Life, Status
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.proposal import DIRECTORY, Proposal, ProposalState
from pipeline.model.receipt import Receipt
from pipeline.model.report import ValidationReport
from pipeline.model.run import JobRun, Pause
from pipeline.model.standing import SheetState, Standing
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.model.validation import Due
from pipeline.ports.claims import LEASE_LOST, LEASE_TAKEN_OVER, UNLIMITED_BYTES, Claim
from pipeline.ports.pickups import Pickups
from pipeline.ports.questions import AnswerTime, Break, Query, Subject, Waiting
from pipeline.ports.sheets import Sheets, SheetVersion
from pipeline.ports.transaction import Transaction
from pipeline.ports.upkeep import Upkeep

__all__ = [
    "LEASE_LOST",
    "LEASE_TAKEN_OVER",
    "UNLIMITED_BYTES",
    "AnswerTime",
    "Break",
    "Claim",
    "Ledger",
    "Query",
    "SheetVersion",
    "Sheets",
    "Subject",
    "Transaction",
    "Waiting",
]


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

    def lives_due(self, due: Due) -> Sequence[Life]:
        """Return where invoices stand whose validators' time ends then, soonest first, by id."""

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

    def events_about(self, subjects: Collection[str]) -> Sequence[Event]:
        """Return the events of these subjects alone, in order."""

    def events_between(self, first: int, last: int) -> Iterator[Event]:
        """Yield the events from one place of the chain to another, both included."""

    def count_between(self, after: int, last: int) -> Mapping[str, int]:
        """Count the events behind place `after`, up to `last`, by their name."""

    def verify(self) -> Sequence[Break]:
        """Recompute the chain of events; return every place where it breaks."""

    def subjects(self) -> Iterator[Subject]:
        """Yield all that has a row or an event, as it stood at one moment.

        A row that cannot be read hides no other.
        """
