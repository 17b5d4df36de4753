"""The ledger on a SQL database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from enum import Enum
from typing import TypeVar

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Engine,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from pipeline.adapters.database import chain, claims, reading, rows, tables
from pipeline.adapters.database.sheets import apply_sheets, read_sheets
from pipeline.adapters.database.statements import BY_AGE, outbox_where
from pipeline.adapters.database.transaction import SqlTransaction
from pipeline.adapters.database.trouble import translated
from pipeline.model.document import Document
from pipeline.model.event import Event
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange, Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import ValidationReport
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Break, Claim, Query, Sheets

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
        with self._write() as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            transaction.finish()

    # -- configuration
    def sheets(self) -> Sheets:
        """Return the configuration in force.

        Raises:
            ConfigError: A stored sheet cannot be read by this version of the code.
        """
        with self._read() as connection:
            return read_sheets(connection)

    def apply(self, sheets: Sheets, by: str, at: datetime) -> None:
        """Put `sheets` in force; each changed sheet becomes a new version, with an event.

        A sheet that is not among them any more is closed; its versions are kept.
        """
        with self._write() as connection:
            chain.append(connection, apply_sheets(connection, sheets, by, at))

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
        with self._write() as database:
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
        self, owner: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[tuple[Interchange, Claim]]:
        """Claim RECEIVED interchanges that nobody holds, oldest first."""
        with self._write() as connection:
            return claims.claim_interchanges(connection, owner, now, until, limit)

    def claim_outbox(
        self,
        owner: str,
        now: datetime,
        until: datetime,
        limit: int,
        connection: str,
    ) -> Sequence[tuple[OutboxRow, Claim]]:
        """Claim due PENDING rows of one connection that nobody holds, by due, then key."""
        with self._write() as database:
            return claims.claim_outbox(database, owner, now, until, limit, connection)

    def due_connections(self, now: datetime) -> Sequence[str]:
        """Return the names of connections with due PENDING rows, sorted."""
        columns = tables.outbox.c
        statement = (
            select(columns.connection)
            .where(columns.state == OutboxState.PENDING.value, columns.due <= now)
            .distinct()
        )
        with self._read() as connection:
            return sorted(connection.scalars(statement))

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
        with self._write() as connection:
            return connection.execute(statement).rowcount

    def void_claims(self) -> int:
        """End every claim; only for a process that knows it is alone."""
        with self._write() as connection:
            return claims.void_claims(connection)

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

    def outbox(
        self,
        *,
        interchange: InterchangeId | None = None,
        document: DocumentId | None = None,
        kind: OutboxKind | None = None,
        states: Collection[OutboxState] = (),
    ) -> Sequence[OutboxRow]:
        """List outbox rows by key; None and empty match anything."""
        columns, carried = tables.outbox.c, tables.outbox_document.c
        where = []
        if interchange is not None:
            where.append(columns.interchange == interchange)
        if document is not None:
            where.append(columns.key.in_(select(carried.key).where(carried.document == document)))
        if kind is not None:
            where.append(columns.kind == kind.value)
        if states:
            where.append(columns.state.in_([state.value for state in states]))
        with self._read() as connection:
            return reading.find_outbox(connection, outbox_where(*where))

    def events(self, subject: str | None = None) -> Iterator[Event]:
        """Yield events in order; of one subject and of what lies inside it if given.

        Raises:
            PipelineError: One was edited so that it cannot be read any more.
        """
        where = [] if subject is None else [tables.event.c.subject.in_(_inside(subject))]
        with self._read() as connection:
            yield from chain.read_events(connection, *where)

    def count_documents(self) -> Mapping[Step, int]:
        """Count documents by step; every step is there, with 0 too."""
        return self._count(tables.document, Step)

    def count_interchanges(self) -> Mapping[InterchangeStep, int]:
        """Count interchanges by step; every step is there, with 0 too."""
        return self._count(tables.interchange, InterchangeStep)

    def count_events(self, what: str) -> int:
        """Count the events of one name."""
        statement = select(func.count()).where(tables.event.c.what == what)
        with self._read() as connection:
            return connection.execute(statement).scalar_one()

    def verify(self) -> Sequence[Break]:
        """Recompute the chain of events; return every place where it breaks."""
        with self._read() as connection:
            return chain.verify(connection)

    # -- how
    def _count(self, table: Table, steps: type[_S]) -> Mapping[_S, int]:
        statement = select(table.c.step, func.count()).group_by(table.c.step)
        with self._read() as connection:
            found = {steps(step): count for step, count in connection.execute(statement)}
        return {step: found.get(step, 0) for step in steps}

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with translated(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with translated(), self._turn, self._writing.begin() as connection:
            yield connection


def _inside(subject: str) -> CompoundSelect[tuple[str]]:
    """Select `subject` and, if it is an interchange, its documents and outbox rows."""
    documents, files = tables.document.c, tables.outbox.c
    return union_all(
        select(literal(subject)),
        select(documents.id).where(documents.interchange == subject),
        select(files.key).where(files.interchange == subject),
    )
