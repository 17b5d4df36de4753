"""One atomic change of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Table,
    case,
    delete,
    insert,
    or_,
    update,
)

from pipeline.adapters.database import (
    bulks,
    chain,
    erasing,
    lives,
    pickups,
    reading,
    receipts,
    rows,
    statements,
    tables,
)
from pipeline.adapters.database.claims import ENDED, is_free
from pipeline.adapters.database.trouble import translated
from pipeline.model.amount import signed_total
from pipeline.model.bulk import BulkId, BulkList, ItemState
from pipeline.model.carriage import Conversion
from pipeline.model.connection import Environment
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import Fenced, LedgerConflict, PipelineError
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry, Life, lived
from pipeline.model.outbox import OutboxRow
from pipeline.model.pickup import PICKUP_FOLLOWS, Pickup
from pipeline.model.receipt import Receipt
from pipeline.model.report import ValidationReport
from pipeline.model.status import (
    FOLLOWS,
    INTERCHANGE_FOLLOWS,
    OUTBOX_FOLLOWS,
    InterchangeStep,
    OutboxState,
    Step,
    check_step,
)
from pipeline.ports.ledger import Claim


class SqlTransaction:
    """A `pipeline.ports.ledger.Transaction` on one open connection.

    On PostgreSQL every fact about an interchange, its documents or its outbox rows
    locks the interchange's row first, so that what was read stays true; on SQLite the
    whole transaction holds the one write lock.

    What is new (documents, reports, keys, outbox rows, attempts, events) is collected, and
    so is how interchanges move and attempts end. All of it is written in one go when a fact
    asks for its like or the transaction ends: a group of flows then costs hardly more
    statements than one. Who was fenced learns it then, and nothing is written.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._facts: list[Fact] = []
        self._attempts: list[rows.Values] = []
        self._lying: list[rows.Values] = []
        self._documents: dict[DocumentId, Document] = {}
        self._reports: list[tuple[DocumentId, ValidationReport]] = []
        self._keys: dict[tuple[Environment, BusinessKey], DocumentId] = {}
        self._rows: dict[OutboxKey, tuple[OutboxRow, str, datetime]] = {}
        self._claimed_moves: list[rows.Values] = []
        self._free_moves: list[rows.Values] = []
        self._settled: list[rows.Values] = []
        self._removed: dict[InterchangeId, tuple[str, datetime]] = {}
        self._dialect = connection.dialect.name
        self._locks = self._dialect != "sqlite"  # there a writer is alone anyway
        self._locked: set[str] = set()
        self._broken: Exception | None = None

    def finish(self) -> None:
        """Write what was collected; the transaction is then ready to commit.

        Raises:
            PipelineError, ValueError: One that an act raised before, if the caller
                swallowed it: such a transaction never commits.
        """
        if self._broken is not None:
            raise self._broken
        self._write_collected()
        self._insert_all(tables.attempt, self._attempts)
        self._insert_all(tables.pickup, self._lying)
        with self._guard():
            chain.append(self._connection, self._facts)

    # -- facts
    def interchange(self, subject: InterchangeId) -> Interchange | None:
        """Return one interchange."""
        self._write_collected()
        with self._guard():
            self._lock(subject)
            return reading.find_interchange(self._connection, subject)

    def documents_of(self, subject: InterchangeId) -> Sequence[Document]:
        """Return its documents by place."""
        self._write_collected()
        with self._guard():
            self._lock(subject)
            return reading.find_documents(self._connection, subject)

    def document(self, subject: DocumentId) -> Document | None:
        """Return one document."""
        self._write_collected()
        with self._guard():
            found = reading.find_document(self._connection, subject)
            if found is None or found.interchange in self._locked:
                return found
            self._lock(found.interchange)
            return reading.find_document(self._connection, subject)

    def documents_named(self, subjects: Collection[DocumentId]) -> Sequence[Document]:
        """Return the documents of these ids, by id; unknown ones are left out."""
        self._write_collected()
        with self._guard():
            found = reading.find_named(self._connection, subjects)
            flows = {one.interchange for one in found} - self._locked
            if not flows or not self._locks:
                return found
            for flow in sorted(flows):
                self._lock(flow)
            return reading.find_named(self._connection, subjects)

    def finished(self, subjects: Collection[InterchangeId]) -> Sequence[Interchange]:
        """Return those that are OPENED and whose every document is final."""
        self._write_collected()
        with self._guard():
            for subject in sorted(subjects):
                self._lock(subject)
        return [
            rows.interchange_of(row)
            for part in reading.sliced(sorted(subjects))
            for row in self._run(statements.FINISHED, {"ids": part})
        ]

    def repeated(self, subjects: Collection[InterchangeId]) -> Collection[InterchangeId]:
        """Return those that share bytes, or connection and name, with another interchange."""
        return {
            row.id
            for part in reading.sliced(sorted(subjects))
            for row in self._run(statements.REPEATED, {"ids": part})
        }

    def outbox_of(self, subject: InterchangeId) -> Sequence[OutboxRow]:
        """Return the outbox rows that come from one interchange, by key."""
        self._write_collected()
        with self._guard():
            self._lock(subject)
            return reading.find_outbox(
                self._connection, statements.OUTBOX_OF, {"b_interchange": subject}
            )

    def telling_of(self, flow: Interchange) -> Sequence[OutboxRow]:
        """Return the files that may tell others what a flow said of invoices, by key."""
        self._write_collected()
        with self._guard():
            wanted = statements.outbox_where(tables.outbox.c.key.in_(erasing.told_of(flow)))
            return reading.find_outbox(self._connection, wanted)

    def waiting(self, connection: str) -> Sequence[OutboxRow]:
        """Return the WAITING rows of one connection, by due, then key."""
        self._write_collected()
        with self._guard():
            asked = {"b_connection": connection}
            found = reading.find_outbox(self._connection, statements.WAITING_AT, asked)
        return sorted(found, key=lambda row: (row.due, row.key))

    def same_bytes(self, sha256: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges with these bytes; none where the bytes are not known."""
        if not sha256:
            return ()
        self._write_collected()
        found = self._run(statements.SAME_BYTES, {"b_sha256": sha256, "but": but})
        return [rows.interchange_of(row) for row in found]

    def same_name(self, connection: str, name: str, but: InterchangeId) -> Sequence[Interchange]:
        """Return other interchanges of this connection with this name, oldest first."""
        self._write_collected()
        wanted = {"b_connection": connection, "b_name": name, "but": but}
        return [rows.interchange_of(row) for row in self._run(statements.SAME_NAME, wanted)]

    def holders(
        self, keys: Collection[BusinessKey], environment: Environment = Environment.PRODUCTION
    ) -> Mapping[BusinessKey, DocumentId]:
        """Return which accepted document holds each key that is held in one environment."""
        sellers = sorted({key.seller for key in keys})
        found: dict[BusinessKey, DocumentId] = {}
        for numbers in reading.sliced(sorted({key.number for key in keys})):
            wanted = {
                "b_environment": environment.value,
                "sellers": sellers,
                "numbers": numbers,
            }
            for row in self._run(statements.HOLDERS, wanted):
                key = BusinessKey(seller=row.seller, number=row.number, year=row.year)
                found[key] = DocumentId(row.document)
        found |= {key: one for (where, key), one in self._keys.items() if where is environment}
        return {key: found[key] for key in keys if key in found}

    def count_routed(self, connection: str, since: datetime, before: datetime) -> int:
        """Count documents that go to a connection, received from a moment on before another."""
        self._write_collected()
        wanted = {"b_route": connection, "since": since, "before": before}
        return int(self._run(statements.COUNT_ROUTED, wanted).scalar_one())

    def rows_named(self, names: Collection[str]) -> Sequence[OutboxRow]:
        """Return the outbox rows whose file has one of these names, by key."""
        self._write_collected()
        with self._guard():
            return receipts.rows_named(self._connection, names)

    def rows_carrying(self, subject: DocumentId) -> Sequence[OutboxRow]:
        """Return the deliveries that carry a document, by key."""
        self._write_collected()
        with self._guard():
            return receipts.rows_carrying(self._connection, subject)

    def documents_numbered(self, number: str) -> Sequence[Document]:
        """Return the documents of this number, by id."""
        self._write_collected()
        with self._guard():
            return receipts.documents_numbered(self._connection, number)

    def claimed(self, key: OutboxKey) -> bool:
        """Tell whether somebody ever had an outbox row in hand."""
        with self._guard():
            return receipts.claimed(self._connection, key)

    def next_number(self, series: str) -> int:
        """Take the next number of a series; others wait for theirs until this ends."""
        statement = statements.NEXT_NUMBER[self._dialect]
        return int(self._run(statement, {"series": series}).scalar_one())

    # -- interchanges
    def record(self, interchange: Interchange, by: str) -> bool:
        """Write a received interchange; False if it is known already (nothing new)."""
        check_step(INTERCHANGE_FOLLOWS, None, interchange.step)
        statement = statements.ADD_INTERCHANGE[self._dialect]
        if not self._run(statement, rows.interchange_values(interchange)).rowcount:
            return False
        data = {
            "connection": interchange.connection,
            "partner": interchange.partner,
            "name": interchange.name,
            "size": interchange.size,
            "sha256": interchange.sha256,
            "environment": interchange.environment.value,
        }
        self._tell(interchange.id, "interchange.received", by, interchange.received_at, data)
        return True

    def mark_removed(self, subject: InterchangeId, by: str, at: datetime) -> None:
        """Note that the remote file was taken out of the partner's folder; once is enough.

        Raises:
            ValueError: There is no such interchange: our bug.
        """
        self._removed.setdefault(subject, (by, at))

    def move_interchange(
        self,
        interchange: Interchange,
        after: InterchangeStep,
        *,
        by: str,
        at: datetime,
        claim: Claim | None = None,
    ) -> None:
        """Move `interchange` from its `step` to `after`; a claim on it ends."""
        check_step(INTERCHANGE_FOLLOWS, interchange.step, after)
        change: rows.Values = {
            "b_id": interchange.id,
            "b_step": interchange.step.value,
            "step": after.value,
            **rows.interchange_outcome(interchange),
            **ENDED,
        }
        if claim is None:
            self._free_moves.append({**change, "b_now": at})
        else:
            self._claimed_moves.append({**change, "b_lease_token": claim.token})
        data = {
            "reason": interchange.reason,
            "first": interchange.first,
            "documents": interchange.documents or None,
        }
        self._tell(interchange.id, f"interchange.{after.value}", by, at, data)

    def erase(self, interchange: Interchange, *, by: str, at: datetime, reason: str) -> None:
        """Blank what rows quote of a flow; its steps, names, sizes and hashes stay."""
        self._write_collected()
        with self._guard():
            self._lock(interchange.id)
            changed = erasing.blank(self._connection, interchange)
        self._check(interchange.id, changed, 1)
        self._tell(interchange.id, "interchange.erased", by, at, {"reason": reason})

    def set_legal_hold(
        self, interchange: Interchange, *, held: bool, by: str, at: datetime, reason: str
    ) -> bool:
        """Note that a flow must not be erased, or may be again; False if it stood so."""
        self._write_collected()
        with self._guard():
            self._lock(interchange.id)
            changed = erasing.set_legal_hold(self._connection, interchange, held=held)
        if changed:
            what = "interchange.legal_hold" if held else "interchange.legal_hold_lifted"
            self._tell(interchange.id, what, by, at, {"reason": reason})
        return bool(changed)

    # -- documents
    def add_documents(
        self, documents: Sequence[tuple[Document, ValidationReport | None]], by: str, at: datetime
    ) -> None:
        """Write documents as RECEIVED, with their reports and findings."""
        for document, _ in documents:
            check_step(FOLLOWS, None, document.step)
        self._documents.update((one.id, one) for one, _ in documents)
        self._reports += [(one.id, report) for one, report in documents if report is not None]
        for one, _ in documents:
            data = {"name": one.name, "size": one.size, "sha256": one.sha256, **_amount(one)}
            self._tell(one.id, "document.received", by, at, data)

    def replace_report(self, subject: DocumentId, report: ValidationReport) -> None:
        """Put the newer report of a document that was judged again in place of the old."""
        self._write_collected()
        for table in (tables.finding, tables.report):
            self._run(delete(table).where(table.c.document == subject))
        self._reports.append((subject, report))

    def move_documents(
        self, documents: Sequence[Document], after: Step, *, by: str, at: datetime
    ) -> None:
        """Move each document from its `step` to `after`, all of them or none."""
        for one in documents:
            check_step(FOLLOWS, one.step, after)
        if not documents:
            return
        changes: list[rows.Values] = []
        for one in documents:
            collected = self._documents.get(one.id)
            if collected is None:
                outcome = rows.document_outcome(one)
                key = {"b_id": one.id, "b_step": one.step.value}
                changes.append({**key, "step": after.value, **outcome})
            else:
                self._check(one.id, int(collected.step is one.step), 1)
                self._documents[one.id] = replace(one, step=after)
        self._change_all(statements.MOVE_DOCUMENT, changes, "b_id")
        for one in documents:
            codes = [reason.code for reason in one.reasons]
            data = {"reasons": codes or None, "route": one.route, "first": one.first}
            self._tell(one.id, f"document.{after.value}", by, at, data)

    def reroute_documents(
        self, documents: Sequence[Document], route: str, *, by: str, at: datetime
    ) -> None:
        """Write another route for documents that stay at their step, with an event each."""
        self._write_collected()
        columns = tables.document.c
        for one in documents:
            statement = update(tables.document).where(
                columns.id == one.id, columns.step == one.step.value, columns.route == one.route
            )
            self._check(one.id, self._run(statement.values(route=route)).rowcount, 1)
            self._tell(one.id, "document.rerouted", by, at, {"route": route})

    def hold_keys(
        self,
        keys: Mapping[BusinessKey, DocumentId],
        environment: Environment = Environment.PRODUCTION,
    ) -> None:
        """Let accepted documents hold their keys in one environment.

        Raises:
            LedgerConflict: Another document got one first; run the transaction again.
        """
        wanted = {(environment, key): one for key, one in keys.items()}
        if wanted.keys() & self._keys.keys():
            self._broken = LedgerConflict("a business key is asked for twice in one transaction")
            raise self._broken
        self._keys.update(wanted)

    def free_keys(self, documents: Collection[DocumentId]) -> None:
        """Take the keys back from documents that are accepted no more."""
        self._write_collected()
        for part in reading.sliced(sorted(documents)):
            self._run(statements.FREE_KEYS, {"documents": part})

    # -- outbox
    def enqueue(self, row: OutboxRow, by: str, at: datetime) -> None:
        """Write an outbox row, PENDING or WAITING; one whose key is there is left alone."""
        check_step(OUTBOX_FOLLOWS, None, row.state)
        self._rows.setdefault(row.key, (row, by, at))

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
        """Write how one attempt at `row` ended, with its attempt row; the claim ends."""
        check_step(OUTBOX_FOLLOWS, row.state, after or OutboxState.SENT)
        change: rows.Values = {
            "b_key": row.key,
            "b_state": row.state.value,
            "b_lease_token": claim.token,
            "state": (after or row.state).value,
            "attempts": row.attempts,
            "due": row.due,
            "error": row.error,
            "begun": None,
            **ENDED,
        }
        self._settled.append(change)
        self._attempts.append(
            {
                "key": row.key,
                "number": row.attempts,
                "at": at,
                "actor": by,
                "error": row.error,
                "sha256": sha256,
            }
        )
        data = {
            "attempt": row.attempts,
            "error": row.error or None,
            "sha256": sha256 or None,
            "due": row.due.isoformat() if after is None else None,
        }
        self._tell(row.key, f"outbox.{after.value if after else 'retry'}", by, at, data)

    def put_off_outbox(self, row: OutboxRow, *, claim: Claim, by: str, at: datetime) -> None:
        """Let go of a row that was not attempted, and leave it until its due."""
        self._write_collected()
        columns = tables.outbox.c
        untried = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                columns.lease_token == claim.token,
            )
            .values(
                due=row.due,
                error=row.error,
                begun=case((columns.begun == claim.token, None), else_=columns.begun),
                **ENDED,
            )
        )
        self._check(row.key, self._run(untried).rowcount, 1)
        data = {"error": row.error, "due": row.due.isoformat()}
        self._tell(row.key, "outbox.put_off", by, at, data)

    def move_outbox(self, row: OutboxRow, after: OutboxState, *, by: str, at: datetime) -> None:
        """Pause, resume or cancel a row that nobody has claimed."""
        self._check(row.key, int(self.stop_outbox(row, after, by=by, at=at)), 1)

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
        self._write_collected()
        check_step(OUTBOX_FOLLOWS, row.state, after)
        columns = tables.outbox.c
        # a new token fences whoever let a claim run out and comes back late
        token = columns.lease_token + case((columns.lease_owner.is_(None), 0), else_=1)
        changed = {"state": after.value, "lease_token": token, "begun": None, **ENDED}
        statement = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                or_(columns.begun.is_(None), columns.lease_token == unseen),
                is_free(tables.outbox, at),
            )
            .values(**changed)
        )
        if not self._run(statement).rowcount:
            return False
        self._tell(row.key, f"outbox.{after.value}", by, at, {})
        return True

    def see_outbox(
        self, row: OutboxRow, *, token: int, sha256: str, by: str, at: datetime
    ) -> bool:
        """Write as SENT a row whose file was found at its recipient's, with these bytes.

        False, and nothing done, where somebody moved it, or claimed it after `token`.
        """
        self._write_collected()
        check_step(OUTBOX_FOLLOWS, row.state, OutboxState.SENT)
        columns = tables.outbox.c
        statement = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                columns.lease_token == token,
                is_free(tables.outbox, at),
            )
            .values(state=OutboxState.SENT.value, error="", begun=None, **ENDED)
        )
        if not self._run(statement).rowcount:
            return False
        self._tell(row.key, "outbox.sent", by, at, {"sha256": sha256, "found": True})
        return True

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
        """Take documents out of the file of a group; False where it may be on its way."""
        gone = {subject for row in members for subject in row.documents}
        last = gone >= set(group.documents)
        if last:
            left = self.stop_outbox(group, OutboxState.CANCELLED, by=by, at=at, unseen=unseen)
        else:
            left = self._touch(group, at, unseen)
        if not left:
            return False
        if not last:
            self._shorten(group, gone, by, at)
        for row in members:
            check_step(OUTBOX_FOLLOWS, row.state, after)
            columns = tables.outbox.c
            here = (columns.key == row.key, columns.state == row.state.value)
            moved = update(tables.outbox).where(*here)
            changed = self._run(moved.values(state=after.value, error=error)).rowcount
            self._check(row.key, changed, 1)
            self._tell(row.key, f"outbox.{after.value}", by, at, {"error": error or None})
        return True

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
        """Take documents out of a file, into files of their own; False if it is too late."""
        self._write_collected()
        if not self._touch(row, at, unseen):
            return False
        self._shorten(row, {one for part in parts for one in part.documents}, by, at)
        for part in parts:
            self.enqueue(replace(part, error=error), by, at)
            self.move_outbox(part, after, by=by, at=at)
        return True

    def _touch(self, row: OutboxRow, at: datetime, unseen: int) -> bool:
        """Fence whoever might still come back to a row that stays as it is."""
        columns = tables.outbox.c
        token = columns.lease_token + case((columns.lease_owner.is_(None), 0), else_=1)
        statement = update(tables.outbox).where(
            columns.key == row.key,
            columns.state == row.state.value,
            or_(columns.begun.is_(None), columns.lease_token == unseen),
            is_free(tables.outbox, at),
        )
        return bool(self._run(statement.values(lease_token=token, begun=None, **ENDED)).rowcount)

    def _shorten(
        self, group: OutboxRow, gone: Collection[DocumentId], by: str, at: datetime
    ) -> None:
        """Let a file leave without some documents; the others keep their order."""
        carried = tables.outbox_document.c
        for part in reading.sliced(sorted(gone)):
            self._run(
                delete(tables.outbox_document).where(
                    carried.key == group.key, carried.document.in_(part)
                )
            )
        left = len(set(group.documents) - set(gone))
        self._tell(group.key, "outbox.shortened", by, at, {"documents": left})

    def note_conversions(self, key: OutboxKey, conversions: Sequence[Conversion]) -> None:
        """Write what became of the documents of an outbox row, in place of what it said."""
        if not conversions:
            return
        self._write_collected()
        self._run(statements.FORGET_CONVERSIONS, {"b_key": key})
        self._insert_all(tables.conversion, [rows.conversion_values(key, c) for c in conversions])

    # -- files that lie for receivers
    def lay_out(self, lying: Pickup) -> None:
        """Remember a file that lies for its receiver from now on; LYING."""
        check_step(PICKUP_FOLLOWS, None, lying.state)
        self._lying.append(pickups.pickup_values(lying))

    def move_pickup(
        self,
        before: Pickup,
        after: Pickup,
        *,
        by: str,
        at: datetime,
        data: Mapping[str, object],
    ) -> bool:
        """Write what became of a file that lies; False where somebody moved it first."""
        check_step(PICKUP_FOLLOWS, before.state, after.state)
        columns = tables.pickup.c
        known = after.known.value if after.known else None
        moved = (
            update(tables.pickup)
            .where(columns.key == before.key, columns.state == before.state.value)
            .values(state=after.state.value, at=after.at, known=known)
        )
        if not self._run(moved).rowcount:
            return False
        told = {"connection": before.connection, "file": before.name, **data}
        self._tell(before.key, f"delivery.{after.state.value}", by, at, told)
        return True

    # -- lives
    def lives(self, subjects: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand, and keep others from moving them."""
        self._write_collected()
        with self._guard():
            if self._locks:
                named = reading.find_named(self._connection, subjects)
                for flow in sorted({one.interchange for one in named}):
                    self._lock(flow)
            return lives.find_lives(self._connection, subjects)

    def lives_borne(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return the lives that documents bear, and keep others from moving them."""
        self._write_collected()
        with self._guard():
            found = lives.find_borne(self._connection, documents)
            if not self._locks or not found:
                return found
            named = reading.find_named(self._connection, [one.id for one in found.values()])
            for flow in sorted({one.interchange for one in named}):
                self._lock(flow)
            return lives.find_borne(self._connection, documents)

    def invoices_numbered(self, numbers: Collection[str]) -> Sequence[Document]:
        """Return the invoices that were taken under these numbers, by number and id."""
        self._write_collected()
        with self._guard():
            return lives.find_numbered(self._connection, numbers)

    def entries_known(self, ids: Collection[str]) -> Collection[str]:
        """Return those ids that a line of a history has."""
        self._write_collected()
        with self._guard():
            return lives.find_known(self._connection, ids)

    def live(self, before: Mapping[DocumentId, Life], entries: Sequence[Entry]) -> None:
        """Write new lines of histories, and where their invoices stand then."""
        self._write_collected()
        parted = lives.by_document(entries)
        now = {one: lived(before.get(one), mine) for one, mine in parted.items()}
        born = [lives.life_values(now[one]) for one in parted if one not in before]
        moved = [lives.move_values(parted[one][0], now[one]) for one in parted if one in before]
        if born:
            self._run(lives.ADD_LIFE, born)
        self._change_all(lives.MOVE_LIFE, moved, "b_document")
        self._insert_all(tables.life_entry, [lives.entry_values(one) for one in entries])
        for subject, mine in parted.items():
            last = mine[-1]
            data = {
                "entries": now[subject].entries,
                "bearer": now[subject].bearer,
                "said": [one.id for one in mine],
                "source": last.source,
                "reasons": list(last.reasons) or None,
            }
            self._tell(subject, f"life.{now[subject].status.value}", last.by, last.taken_at, data)

    def acknowledge(self, receipt: Receipt, by: str, at: datetime) -> bool:
        """Write what a partner says of a delivery; False if the same was said before."""
        self._write_collected()
        statement = statements.ADD_RECEIPT[self._dialect]
        if not self._run(statement, receipts.values_of(receipt)).rowcount:
            return False
        data = {
            "row": receipt.row,
            "status": receipt.status,
            "interchange": receipt.interchange,
            "said_at": receipt.said_at.isoformat(),
            "early": receipt.early or None,
        }
        what = f"receipt.{receipt.said.value.replace(' ', '_')}"
        self._tell(receipt.subject, what, by, at, data)
        return True

    # -- frozen lists
    def freeze(self, bulk: BulkList) -> bool:
        """Write a list with its items, and an event; False if it is there already."""
        statement = statements.ADD_BULK[self._dialect]
        if not self._run(statement, bulks.bulk_values(bulk)).rowcount:
            return False
        self._insert_all(tables.bulk_item, bulks.item_values(bulk))
        data = {"verb": bulk.verb.value, "reason": bulk.reason or None, "items": len(bulk.items)}
        self._tell(bulk.id, "bulk.frozen", bulk.by, bulk.made_at, data)
        return True

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
        """Write what became of items that are still to be done, or were refused."""
        settled = 0
        for part in reading.sliced(sorted(subjects)):
            statement = bulks.settle(bulk, part, state, note, by, at)
            settled += self._run(statement).rowcount
        return settled

    def warn_once(self, subject: str, days: int, at: datetime) -> bool:
        """Note that a warning is given; whoever comes second waits for this, and gives none."""
        values = {"subject": subject, "days": days, "at": at}
        return bool(self._run(statements.ADD_WARNING[self._dialect], values).rowcount)

    def append(self, fact: Fact) -> None:
        """Add a fact that no move above tells."""
        self._facts.append(fact)

    # -- how
    def _tell(
        self, subject: str, what: str, by: str, at: datetime, data: Mapping[str, object]
    ) -> None:
        known = {key: value for key, value in data.items() if value is not None}
        self._facts.append(Fact(at=at, subject=subject, what=what, by=by, data=known))

    def _lock(self, subject: str) -> None:
        """Keep others from changing an interchange, and what lies inside, until this ends."""
        if self._locks and subject not in self._locked:
            self._connection.execute(statements.LOCK, {"b_id": subject})
            self._locked.add(subject)

    def _write_collected(self) -> None:
        """Write what was collected so far: documents before what refers to them."""
        self._write_removed()
        self._write_moves()
        documents, self._documents = self._documents, {}
        self._insert_all(
            tables.document, [rows.document_values(one) for one in documents.values()]
        )
        reports, self._reports = self._reports, []
        self._add_reports(reports)
        keys, self._keys = self._keys, {}
        # in one order for everybody, so that no two wait for each other
        held: list[rows.Values] = [
            {
                "environment": environment.value,
                "seller": key.seller,
                "number": key.number,
                "year": key.year,
                "document": holder,
            }
            for (environment, key), holder in keys.items()
        ]
        order = ("environment", "seller", "number", "year")
        held.sort(key=lambda row: [str(row[name]) for name in order])
        self._insert_all(tables.business_key, held)
        self._write_rows()
        settled, self._settled = self._settled, []  # some may be rows that are new
        self._change_all(statements.SETTLE_OUTBOX, settled, "b_key")

    def _write_moves(self) -> None:
        """Move interchanges: each out of a worker's hands first, then as nobody's."""
        claimed, self._claimed_moves = self._claimed_moves, []
        free, self._free_moves = self._free_moves, []
        self._change_all(statements.MOVE_CLAIMED_INTERCHANGE, claimed, "b_id")
        self._change_all(statements.MOVE_FREE_INTERCHANGE, free, "b_id")

    def _write_removed(self) -> None:
        """Note which remote files are gone, and tell of those that were still there."""
        collected, self._removed = self._removed, {}
        for part in reading.sliced(sorted(collected)):
            marked = set(self._run(statements.MARK_REMOVED, {"ids": part}).scalars())
            known = set(self._run(statements.KNOWN, {"ids": part}).scalars())
            for subject in part:
                if subject not in known:
                    self._broken = ValueError(f"{subject}: no such interchange")
                    raise self._broken
                if subject in marked:
                    self._tell(subject, "interchange.removed", *collected[subject], {})

    def _write_rows(self) -> None:
        """Write the new outbox rows but for those whose key is there already."""
        collected, self._rows = self._rows, {}
        known = {
            row.key
            for part in reading.sliced(sorted(collected))
            for row in self._run(statements.OUTBOX_KNOWN, {"keys": part})
        }
        new = [one for key, one in collected.items() if key not in known]
        self._insert_all(tables.outbox, [rows.outbox_values(row) for row, _, _ in new])
        carried = [
            {"key": row.key, "place": place, "document": subject}
            for row, _, _ in new
            for place, subject in enumerate(row.documents, 1)
        ]
        self._insert_all(tables.outbox_document, carried)
        for row, by, at in new:
            self._tell(row.key, f"outbox.{row.state.value}", by, at, _told(row))

    def _change_all(self, statement: Executable, changes: Sequence[rows.Values], key: str) -> None:
        """Change one row by each of `changes`, all of them or none.

        Raises:
            Fenced: Another worker moved one of them first.
        """
        if changes:
            changed = self._run(statement, changes).rowcount
            self._check(f"{changes[0][key]} … {changes[-1][key]}", changed, len(changes))

    def _insert_all(self, table: Table, values: Sequence[rows.Values]) -> None:
        if values:
            self._run(insert(table), values)

    def _add_reports(self, reports: Sequence[tuple[DocumentId, ValidationReport]]) -> None:
        self._insert_all(tables.report, [rows.report_values(*one) for one in reports])
        findings = [finding for one in reports for finding in rows.finding_values(*one)]
        self._insert_all(tables.finding, findings)

    def _run(
        self,
        statement: Executable,
        values: Mapping[str, object] | Sequence[rows.Values] | None = None,
    ) -> CursorResult[Any]:
        with self._guard():
            return self._connection.execute(statement, values)

    def _check(self, subject: str, changed: int, expected: int) -> None:
        """Stop where another worker moved the thing first."""
        if changed != expected:
            self._broken = Fenced(f"{subject}: moved by another worker meanwhile")
            raise self._broken

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Translate the database's errors, and let no transaction commit that met one."""
        try:
            with translated():
                yield
        except (PipelineError, ValueError) as error:
            self._broken = error
            raise


def _amount(one: Document) -> Mapping[str, str]:
    """Return what the event of a new document says of its amount, if it has a usable one."""
    total = signed_total(one)
    if total is None or one.header.currency is None:
        return {}
    return {"currency": one.header.currency, "total": format(total, "f")}


def _told(row: OutboxRow) -> Mapping[str, object]:
    """Return what the event of a new outbox row says of it."""
    return {
        "kind": row.kind.value,
        "interchange": row.interchange,
        "connection": row.connection,
        "name": row.name,
        "folder": row.folder or None,
        "documents": len(row.documents) or None,
        "generation": row.generation,
        "final": row.final,
    }
