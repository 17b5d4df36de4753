"""How documents move, and which of them hold business keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, update

from pipeline.adapters.database import reading, rows, statements, tables
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.amount import signed_total
from pipeline.model.connection import Environment
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import LedgerConflict
from pipeline.model.identity import DocumentId
from pipeline.model.report import ValidationReport
from pipeline.model.status import FOLLOWS, Step, check_step


class Documents(Collected):
    """Changes of documents."""

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


def _amount(one: Document) -> Mapping[str, str]:
    """Return what the event of a new document says of its amount, if it has a usable one."""
    total = signed_total(one)
    if total is None or one.header.currency is None:
        return {}
    return {"currency": one.header.currency, "total": format(total, "f")}
