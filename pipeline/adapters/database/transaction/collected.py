"""What one transaction has collected, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Table, insert

from pipeline.adapters.database import chain, reading, rows, statements, tables
from pipeline.adapters.database.trouble import translated
from pipeline.model.connection import Environment
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import Fenced, PipelineError
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.outbox import OutboxRow
from pipeline.model.report import ValidationReport


class Collected:
    """What the acts of one transaction share: an open connection, and what is not written yet.

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

    def append(self, fact: Fact) -> None:
        """Add a fact that no move above tells."""
        self._facts.append(fact)

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

    def _add_reports(self, reports: Sequence[tuple[DocumentId, ValidationReport]]) -> None:
        self._insert_all(tables.report, [rows.report_values(*one) for one in reports])
        findings = [finding for one in reports for finding in rows.finding_values(*one)]
        self._insert_all(tables.finding, findings)

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
