"""The ledger on a SQL database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Engine,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from pipeline.adapters.database import (
    bulks,
    chain,
    claims,
    figures,
    jobs,
    lives,
    moments,
    notices,
    proposals,
    reading,
    receipts,
    rows,
    standings,
    tables,
)
from pipeline.adapters.database.pickups import SqlPickups
from pipeline.adapters.database.sheets import (
    apply_sheets,
    newest_change,
    read_directory_at,
    read_sheets,
    read_versions,
)
from pipeline.adapters.database.statements import BY_AGE, WAITING, outbox_where
from pipeline.adapters.database.subjects import read_subjects
from pipeline.adapters.database.transaction import SqlTransaction
from pipeline.adapters.database.trouble import translated
from pipeline.adapters.database.upkeep import SqlUpkeep
from pipeline.model.bulk import BulkId, BulkList
from pipeline.model.carriage import Conversion
from pipeline.model.directory import Directory
from pipeline.model.document import Document
from pipeline.model.errors import LedgerConflict
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
from pipeline.model.status import (
    INTERCHANGE_FOLLOWS,
    InterchangeStep,
    OutboxState,
    Step,
    is_final,
)
from pipeline.model.validation import Due
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import (
    LEASE_TAKEN_OVER,
    UNLIMITED_BYTES,
    AnswerTime,
    Break,
    Claim,
    Query,
    Sheets,
    SheetVersion,
    Subject,
    Waiting,
)

_S = TypeVar("_S", bound=Enum)


class SqlLedger:
    """A `pipeline.ports.ledger.Ledger`; may be used by several threads at once.

    Args:
        writing: Engine whose transactions may write.
        reading: Engine whose transactions see one moment and keep nobody waiting.
        turn: What a writing thread must hold first; may be used again and again.
    """

    def __init__(
        self, writing: Engine, reading: Engine, turn: AbstractContextManager[None]
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._turn = turn

    def close(self) -> None:
        """Close every connection to the database."""
        self._writing.dispose()

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Open one; it commits at the end of the block, or leaves nothing.

        Raises:
            LedgerConflict: Another writer was first; run the block again.
        """
        with self._write("ledger.change") as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            transaction.finish()

    @property
    def upkeep(self) -> SqlUpkeep:
        """Return what holds the ledger against the world."""
        return SqlUpkeep(self._read, partial(self._write, "ledger.upkeep"))

    @property
    def pickups(self) -> SqlPickups:
        """Return what is remembered of files that lie for receivers."""
        return SqlPickups(self._read, partial(self._write, "ledger.pickups"))

    # -- configuration
    def standing(self) -> Mapping[str, Standing]:
        """Return where every sheet stands that ever was in force, by name."""
        with self._read() as connection:
            return standings.read_standings(connection)

    def sheets(self) -> Sheets:
        """Return the configuration in force.

        Raises:
            ConfigError: A stored sheet cannot be read by this version of the code.
        """
        with self._read() as connection:
            return read_sheets(connection, self._read)

    def directory_at(self, moment: datetime) -> Directory:
        """Return the directory as it was in force at a moment (aware)."""
        with self._read() as connection:
            return read_directory_at(connection, moment)

    def sheets_version(self) -> int:
        """Return a number that grows whenever a sheet changes, moves or is closed."""
        with self._read() as connection:
            return newest_change(connection)

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

        A sheet that is not among them any more is closed; its versions are kept.
        """
        with self._write("ledger.apply") as connection:
            if expected is not None:
                chain.lock(connection)  # so that nobody else's change comes in between
            if expected not in {None, newest_change(connection)}:
                raise LedgerConflict(
                    "la configuration a changé entre-temps : rien n'est appliqué, recommencez / "
                    "the configuration changed meanwhile: nothing is applied, try again"
                )
            applied = apply_sheets(connection, sheets, by, at, begin)
            chain.append(connection, [*facts, *applied])

    def versions(self, connection: str) -> Sequence[SheetVersion]:
        """Return every version of a sheet with a door, or of the API, oldest first."""
        with self._read() as database:
            return read_versions(database, connection)

    def move_sheet(self, before: Standing, after: Standing) -> None:
        """Move a connection sheet from where it was seen to stand, with an event.

        Raises:
            Fenced: It stands elsewhere, or was moved meanwhile; nothing is done.
        """
        with self._write("ledger.move_sheet") as connection:
            chain.append(connection, [standings.move(connection, before, after)])

    def propose(
        self,
        sheets: Sheets,
        by: str,
        at: datetime,
        *,
        directory: str = DIRECTORY,
        facts: Sequence[Fact] = (),
    ) -> Sequence[Proposal]:
        """Keep `sheets` for a second person; return the proposals that stand for them."""
        with self._write("ledger.propose") as connection:
            chain.lock(connection)  # so that nobody else's change comes in between
            made, told = proposals.propose(
                connection, sheets, directory=directory, by=by, at=at, facts=facts
            )
            chain.append(connection, told)
            return made

    def proposals(self) -> Sequence[Proposal]:
        """Return every proposal, oldest first."""
        with self._read() as connection:
            return proposals.read_proposals(connection)

    def as_proposed(self, subject: str) -> Sheets:
        """Return the configuration as it would be with one proposal in force."""
        with self._read() as connection:
            return proposals.as_proposed(connection, subject)

    def settle_proposal(
        self, proposal: Proposal, after: ProposalState, *, by: str, at: datetime, reason: str = ""
    ) -> ProposalState:
        """Settle an open proposal; return how it then stands.

        Raises:
            Fenced: It is not open any more; nothing is done.
        """
        with self._write("ledger.settle_proposal") as connection:
            chain.lock(connection)  # as above
            stands, told = proposals.settle(connection, proposal, after, by, at, reason)
            chain.append(connection, told)
            return stands

    # -- intake
    def sightings(self, connection: str) -> Mapping[str, Sighting]:
        """Return what earlier listings said, by file name."""
        seen = tables.listing_seen
        with self._read() as database:
            found = database.execute(select(seen).where(seen.c.connection == connection))
            return {row.name: rows.sighting_of(row) for row in found}

    def note_sightings(self, connection: str, sightings: Sequence[Sighting]) -> None:
        """Replace what is known of a connection's folder by what was seen now."""
        seen = tables.listing_seen
        with self._write("ledger.sightings") as database:
            database.execute(delete(seen).where(seen.c.connection == connection))
            if sightings:
                values = [rows.sighting_values(connection, one) for one in sightings]
                database.execute(insert(seen), values)

    def still_there(self, connection: str) -> Sequence[Interchange]:
        """Return recorded interchanges whose remote file is not marked removed."""
        columns = tables.interchange.c
        statement = (
            select(tables.interchange)
            .where(columns.connection == connection, columns.removed.is_(False))
            .order_by(*BY_AGE)
        )
        with self._read() as database:
            return [rows.interchange_of(row) for row in database.execute(statement)]

    # -- claims
    def claim_interchanges(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        limit_bytes: int = UNLIMITED_BYTES,
    ) -> Sequence[tuple[Interchange, Claim]]:
        """Claim RECEIVED interchanges that nobody holds, connections taking turns."""
        with self._write("ledger.claim_flows") as connection:
            claimed = claims.claim_interchanges(connection, owner, now, until, limit, limit_bytes)
            chain.append(connection, _taken_over(claimed, owner, now))
            return claimed

    def claim_outbox(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        connection: str,
    ) -> Sequence[tuple[OutboxRow, Claim]]:
        """Claim due PENDING rows of one connection that nobody holds, by due, then key."""
        with self._write("ledger.claim_files") as database:
            claimed = claims.claim_outbox(database, owner, now, until, limit, connection)
            chain.append(database, _taken_over(claimed, owner, now))
            return claimed

    def renew_interchanges(self, held: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        """Put the end of claims on interchanges off; return those still held."""
        with self._write("ledger.renew") as connection:
            return claims.renew(connection, tables.interchange.c.id, held, until)

    def renew_outbox(self, held: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        """Put the end of claims on outbox rows off; return those still held."""
        with self._write("ledger.renew") as connection:
            return claims.renew(connection, tables.outbox.c.key, held, until)

    def release_interchanges(
        self, ended: Sequence[Claim], not_before: datetime | None = None
    ) -> None:
        """End claims on interchanges that were not decided on: they stay RECEIVED."""
        with self._write("ledger.release_flows") as connection:
            claims.release(connection, tables.interchange.c.id, ended, not_before)

    def begin_outbox(self, held: Sequence[Claim]) -> None:
        """Note that the files of claimed rows with a recipe are put from now on."""
        if held:
            with self._write("ledger.begin_files") as connection:
                claims.begin(connection, held)

    def release_outbox(self, ended: Sequence[Claim]) -> None:
        """End claims whose rows were not tried: they stay as they are, and due."""
        with self._write("ledger.release_files") as connection:
            claims.release(connection, tables.outbox.c.key, ended)

    def any_to_judge(self, now: datetime) -> bool:
        """Tell whether an interchange is RECEIVED and held by nobody."""
        with self._read() as connection:
            return claims.any_to_judge(connection, now)

    def due_connections(self, now: datetime, owner: str | None = None) -> Sequence[str]:
        """Return the names of connections with due PENDING rows, sorted.

        With an `owner` without those that somebody else is serving now.
        """
        with self._read() as connection:
            return claims.due_connections(connection, now, owner)

    def waiting(self) -> Mapping[str, Waiting]:
        """Return what waits for its group, by connection."""
        with self._read() as connection:
            return {
                row.connection: Waiting(documents=row.documents, bytes=int(row.bytes), due=row.due)
                for row in connection.execute(WAITING)
            }

    def hasten(self, now: datetime) -> int:
        """Make every PENDING acknowledgement due at `now`; return how many were not."""
        columns = tables.outbox.c
        statement = (
            update(tables.outbox)
            .where(
                columns.kind == OutboxKind.ACKNOWLEDGEMENT.value,
                columns.state == OutboxState.PENDING.value,
                columns.due > now,
            )
            .values(due=now)
        )
        with self._write("ledger.hasten") as connection:
            return connection.execute(statement).rowcount

    def void_claims(self) -> int:
        """End every claim, unless workers are beside the leader; return how many it ended."""
        with self._write("ledger.void_claims") as connection:
            return claims.void_claims(connection)

    def newest_event(self) -> datetime | None:
        """Return the moment that the last event tells; None without any."""
        columns = tables.event.c
        with self._read() as connection:
            return connection.scalar(select(columns.at).order_by(columns.seq.desc()).limit(1))

    def follow_clock(self, by: timedelta, latest: datetime, fact: Fact) -> None:
        """Move what waits for a moment by as much as the clock was set, with an event."""
        with self._write("ledger.follow_clock") as connection:
            moments.move(connection, by)
            moments.end_claims_by(connection, latest)
            chain.append(connection, [fact])

    # -- scheduled passes
    def begin_runs(self, runs: Sequence[JobRun]) -> Sequence[JobRun]:
        """Write the rows whose slot nobody has yet; return those that were written."""
        with self._write("ledger.begin_runs") as connection:
            return jobs.begin(connection, runs)

    def end_runs(self, runs: Sequence[JobRun]) -> None:
        """Write how passes ended that this run has begun."""
        with self._write("ledger.end_runs") as connection:
            jobs.end(connection, runs)

    def break_off_runs(self, at: datetime, reason: str) -> int:
        """Mark passes that were begun and never ended as failed; return how many."""
        with self._write("ledger.break_off_runs") as connection:
            return jobs.break_off(connection, at, reason)

    def forget_runs(self, before: datetime) -> int:
        """Remove passes that ended well before a moment; the newest of a job stays."""
        with self._write("ledger.forget_runs") as connection:
            return jobs.forget(connection, before)

    def last_slots(self) -> Mapping[str, datetime]:
        """Return the newest slot of every job."""
        with self._read() as connection:
            return jobs.last_slots(connection)

    def runs(
        self, *, job: str | None = None, run: str | None = None, limit: int = 100
    ) -> Sequence[JobRun]:
        """List passes, newest first; None matches anything."""
        with self._read() as connection:
            return jobs.find(connection, job, run, limit)

    def pauses(self) -> Sequence[Pause]:
        """Return what is paused, by partner."""
        with self._read() as connection:
            return jobs.pauses(connection)

    def pause(self, pause: Pause) -> bool:
        """Set a pause, with an event; False where it stands already."""
        with self._write("ledger.pause") as connection:
            if not jobs.set_pause(connection, pause):
                return False
            chain.append(connection, [_paused(pause)])
            return True

    def resume(self, partner: str, by: str, at: datetime) -> bool:
        """Lift a pause, with an event; False where there is none."""
        with self._write("ledger.resume") as connection:
            if not jobs.lift_pause(connection, partner):
                return False
            fact = Fact(at=at, subject=partner, what="partner.resumed", by=by, data={})
            chain.append(connection, [fact])
            return True

    # -- reading
    def interchanges(self, query: Query) -> Sequence[Interchange]:
        """List interchanges, newest first."""
        with self._read() as connection:
            return reading.list_interchanges(connection, query)

    def documents(self, query: Query) -> Sequence[Document]:
        """List documents, by interchange (newest first) and place."""
        with self._read() as connection:
            return reading.list_documents(connection, query)

    def interchange(self, subject: str) -> Interchange | None:
        """Return one interchange."""
        with self._read() as connection:
            return reading.find_interchange(connection, subject)

    def document(self, subject: str) -> Document | None:
        """Return one document."""
        with self._read() as connection:
            return reading.find_document(connection, subject)

    def documents_named(self, subjects: Collection[DocumentId]) -> Sequence[Document]:
        """Return the documents of these ids, by id; unknown ones are left out."""
        with self._read() as connection:
            return reading.find_named(connection, subjects)

    def report(self, subject: DocumentId) -> ValidationReport | None:
        """Return the stored report of a document."""
        with self._read() as connection:
            return reading.find_report(connection, subject)

    def conversions(
        self, documents: Collection[DocumentId]
    ) -> Mapping[DocumentId, Sequence[Conversion]]:
        """Return what became of documents written in other forms, oldest delivery first."""
        with self._read() as connection:
            return reading.find_conversions(connection, documents)

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
        columns, carried = tables.outbox.c, tables.outbox_document.c
        where: list[ColumnElement[bool]] = []
        if interchange is not None:
            inside = select(tables.document.c.id).where(
                tables.document.c.interchange == interchange
            )
            either = select(columns.key).where(columns.interchange == interchange)
            in_groups = select(carried.key).where(carried.document.in_(inside))
            where.append(columns.key.in_(either.union(in_groups)))
        if document is not None:
            where.append(columns.key.in_(select(carried.key).where(carried.document == document)))
        if keys is not None:
            where.append(columns.key.in_(sorted(keys)))
        if kind is not None:
            where.append(columns.kind == kind.value)
        if states:
            where.append(columns.state.in_([state.value for state in states]))
        if connection is not None:
            where.append(columns.connection == connection)
        if planned_from is not None:
            where.append(columns.planned_at >= planned_from)
        with self._read() as database:
            return reading.find_outbox(database, outbox_where(*where))

    def receipts(
        self,
        *,
        documents: Collection[DocumentId] = (),
        interchange: InterchangeId | None = None,
    ) -> Sequence[Receipt]:
        """Return what partners said of deliveries, oldest first."""
        with self._read() as connection:
            return receipts.find(connection, documents=documents, interchange=interchange)

    def unsaid(
        self, connection: str, sent_before: datetime
    ) -> Sequence[tuple[OutboxKey, str, datetime]]:
        """Return the files put through a connection of which nothing was said."""
        with self._read() as database:
            return receipts.unsaid(database, connection, sent_before)

    def claimed_ever(self, keys: Collection[OutboxKey]) -> Mapping[OutboxKey, int]:
        """Return those of these outbox rows that a worker has had in hand, however it ended.

        Each with the token of its last claim: a later claim has a greater one.
        """
        with self._read() as connection:
            return claims.claimed_ever(connection, keys)

    def known_rows(self, keys: Collection[OutboxKey]) -> Collection[OutboxKey]:
        """Return those keys that an outbox row has."""
        with self._read() as connection:
            return notices.known_rows(connection, keys)

    def warned(self) -> Mapping[str, int]:
        """Return the last warning of each subject that was ever warned of, by days left."""
        with self._read() as connection:
            return notices.warned(connection)

    def names_between(
        self, connection: str, lowest: str, highest: str, since: datetime
    ) -> Sequence[tuple[str, datetime]]:
        """Return names of a sender's interchanges, in order, each with its first receipt."""
        with self._read() as database:
            return notices.names_between(database, connection, lowest, highest, since)

    def answer_times(self, query: Query, *, waiting: bool = False) -> Sequence[AnswerTime]:
        """Return when each interchange was answered for good, oldest first."""
        with self._read() as connection:
            return notices.answer_times(connection, query, waiting=waiting)

    def lives(self, subjects: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand; those that were never taken are left out."""
        with self._read() as connection:
            return lives.find_lives(connection, subjects)

    def lives_borne(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand, by the document that bears each; others bear none."""
        with self._read() as connection:
            return lives.find_borne(connection, documents)

    def lives_due(self, due: Due) -> Sequence[Life]:
        """Return where invoices stand whose validators' time ends then, soonest first."""
        with self._read() as connection:
            return lives.find_lives_due(connection, due)

    def lives_at(self, statuses: Collection[Status], limit: int) -> Sequence[Life]:
        """Return where invoices stand that stand at one of these, the longest first."""
        with self._read() as connection:
            return lives.find_lives_at(connection, statuses, limit)

    def history(self, subject: DocumentId) -> Sequence[Entry]:
        """Return the history of one invoice, in the order in which the hub took it."""
        with self._read() as connection:
            return lives.find_history(connection, subject)

    def said_by(self, flow: InterchangeId) -> Sequence[Entry]:
        """Return what one flow said of invoices, by document and place."""
        with self._read() as connection:
            return lives.find_said(connection, flow)

    def invoices_numbered(self, numbers: Collection[str]) -> Sequence[Document]:
        """Return the invoices that were taken under these numbers, by number and id."""
        with self._read() as connection:
            return lives.find_numbered(connection, numbers)

    def bulk(self, subject: BulkId) -> BulkList | None:
        """Return a frozen list with its items as they stand, in order."""
        with self._read() as connection:
            return bulks.find(connection, subject)

    def bulks(self, limit: int) -> Sequence[BulkList]:
        """List frozen lists without their items, newest first."""
        with self._read() as connection:
            return bulks.newest(connection, limit)

    def last_events(self, subjects: Collection[str]) -> Mapping[str, int]:
        """Return the place of the newest event of each subject that has one."""
        with self._read() as connection:
            return chain.last_of(connection, subjects)

    def events(self, subject: str | None = None) -> Iterator[Event]:
        """Yield events in order; of one subject and of what lies inside it if given.

        Raises:
            PipelineError: One was edited so that it cannot be read any more.
        """
        where = [] if subject is None else [tables.event.c.subject.in_(_inside(subject))]
        with self._read() as connection:
            yield from chain.read_events(connection, *where)

    def connections_seen(self) -> Sequence[str]:
        """Return the names of all connections that an interchange ever came through, sorted."""
        statement = select(tables.interchange.c.connection).distinct()
        with self._read() as connection:
            return sorted(connection.scalars(statement))

    def oldest_open(self) -> Interchange | None:
        """Return the interchange that waits longest to be closed."""
        open_ = [step.value for step in InterchangeStep if not is_final(INTERCHANGE_FOLLOWS, step)]
        statement = select(tables.interchange).where(tables.interchange.c.step.in_(open_))
        with self._read() as connection:
            row = connection.execute(statement.order_by(*BY_AGE).limit(1)).first()
            return rows.interchange_of(row) if row else None

    def count_outbox(self) -> Mapping[OutboxState, int]:
        """Count outbox rows by state, without copies; every state is there, with 0 too."""
        counts = tables.outbox.c.kind != OutboxKind.COPY.value
        return self._count(tables.outbox.c.state, OutboxState, counts)

    def count_documents(self) -> Mapping[Step, int]:
        """Count documents by step; every step is there, with 0 too."""
        return self._count(tables.document.c.step, Step)

    def count_interchanges(self) -> Mapping[InterchangeStep, int]:
        """Count interchanges by step; every step is there, with 0 too."""
        return self._count(tables.interchange.c.step, InterchangeStep)

    def count_events(self, what: str | None = None) -> int:
        """Count the events of one name, or all of them."""
        statement = select(func.count()).select_from(tables.event)
        if what is not None:
            statement = statement.where(tables.event.c.what == what)
        with self._read() as connection:
            return connection.execute(statement).scalar_one()

    # -- reports
    def count_acts(self, by: str) -> Mapping[str, int]:
        """Count the events that somebody (a run, an operator) made, by their name."""
        with self._read() as connection:
            return figures.count_acts(connection, by)

    def acted_on(self, by: str, what: Collection[str], limit: int) -> Sequence[str]:
        """Return the subjects of somebody's events of these names, in order, each once."""
        with self._read() as connection:
            return figures.acted_on(connection, by, what, limit)

    def received(self, query: Query) -> Sequence[Received]:
        """Count what the chain of events says was received, by partner."""
        with self._read() as connection:
            return figures.received(connection, query)

    def document_figures(self, query: Query) -> Iterator[DocumentFigures]:
        """Yield what a report counts of each document, by interchange (oldest first) and place."""
        with self._read() as connection:
            yield from figures.document_figures(connection, query)

    def count_rules(self, query: Query) -> Sequence[RuleCount]:
        """Count the rejected documents that break each rule, by partner; most first."""
        with self._read() as connection:
            return figures.count_rules(connection, query)

    def head_before(self, moment: datetime | None = None) -> Event | None:
        """Return the last event whose moment is before `moment`; the last of all for None."""
        columns = tables.event.c
        newest = select(func.max(columns.seq))
        if moment is not None:
            newest = newest.where(columns.at < moment)
        with self._read() as connection:
            return _only(chain.read_events(connection, columns.seq == newest.scalar_subquery()))

    def event_at(self, seq: int) -> Event | None:
        """Return the event at one place of the chain."""
        with self._read() as connection:
            return _only(chain.read_events(connection, tables.event.c.seq == seq))

    def events_about(self, subjects: Collection[str]) -> Sequence[Event]:
        """Return the events of these subjects alone, in order."""
        with self._read() as connection:
            found = [
                event
                for part in reading.sliced(sorted(subjects))
                for event in chain.read_events(connection, tables.event.c.subject.in_(part))
            ]
        return sorted(found, key=lambda event: event.seq)

    def events_between(self, first: int, last: int) -> Iterator[Event]:
        """Yield the events from one place of the chain to another, both included."""
        place = tables.event.c.seq
        with self._read() as connection:
            yield from chain.read_events(connection, place >= first, place <= last)

    def count_between(self, after: int, last: int) -> Mapping[str, int]:
        """Count the events behind place `after`, up to `last`, by their name."""
        columns = tables.event.c
        statement = (
            select(columns.what, func.count())
            .where(columns.seq > after, columns.seq <= last)
            .group_by(columns.what)
        )
        with self._read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def verify(self) -> Sequence[Break]:
        """Recompute the chain of events; return every place where it breaks."""
        with self._read() as connection:
            return chain.verify(connection)

    def subjects(self) -> Iterator[Subject]:
        """Yield all that has a row or an event, as it stood at one moment.

        A row that cannot be read hides no other.
        """
        with self._read() as connection:
            yield from read_subjects(connection)

    # -- how
    def _count(
        self, column: Column[str], steps: type[_S], *where: ColumnElement[bool]
    ) -> Mapping[_S, int]:
        statement = select(column, func.count()).where(*where).group_by(column)
        with self._read() as connection:
            found = {steps(step): count for step, count in connection.execute(statement)}
        return {step: found.get(step, 0) for step in steps}

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with translated(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _write(self, point: str) -> Iterator[Connection]:
        """Open a transaction that writes; `point` names it among `ports.failpoint.CHANGES`."""
        with translated(), self._turn:
            failpoint(point, "before")
            with self._writing.begin() as connection:
                yield connection
                failpoint(point, "inside")
            failpoint(point, "after")


def _only(events: Iterator[Event]) -> Event | None:
    return next(iter(list(events)), None)


def _inside(subject: str) -> CompoundSelect[tuple[str]]:
    """Select `subject` and, if it is an interchange, its documents and outbox rows."""
    documents, files = tables.document.c, tables.outbox.c
    return union_all(
        select(literal(subject)),
        select(documents.id).where(documents.interchange == subject),
        select(files.key).where(files.interchange == subject),
    )


def _taken_over(
    claimed: Sequence[tuple[Interchange | OutboxRow, Claim]], owner: str, now: datetime
) -> list[Fact]:
    """Tell which claims had run out in somebody's hands."""
    return [
        Fact(
            at=now,
            subject=claim.subject,
            what=LEASE_TAKEN_OVER,
            by=owner,
            data={"from": claim.taken_from},
        )
        for _, claim in claimed
        if claim.taken_from
    ]


def _paused(pause: Pause) -> Fact:
    data = {"reason": pause.reason} if pause.reason else {}
    return Fact(
        at=pause.since, subject=pause.partner, what="partner.paused", by=pause.by, data=data
    )
