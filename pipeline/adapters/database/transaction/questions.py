"""What a transaction may ask; the answers stay true until it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pipeline.adapters.database import erasing, reading, receipts, rows, statements, tables
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.connection import Environment
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow


class Questions(Collected):
    """What others may not change until this ends."""

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

    def documents_numbered(self, number: str, seller: str) -> Sequence[Document]:
        """Return the documents that a seller numbered so, by id."""
        self._write_collected()
        with self._guard():
            return receipts.documents_numbered(self._connection, number, seller)

    def claimed(self, key: OutboxKey) -> bool:
        """Tell whether somebody ever had an outbox row in hand."""
        with self._guard():
            return receipts.claimed(self._connection, key)

    def next_number(self, series: str) -> int:
        """Take the next number of a series; others wait for theirs until this ends."""
        statement = statements.NEXT_NUMBER[self._dialect]
        return int(self._run(statement, {"series": series}).scalar_one())
