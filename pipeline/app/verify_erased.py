"""Look whether what was erased is blank: rows of flows, what they said, what told others of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from pipeline.model.document import Document
from pipeline.model.identity import flow_of
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.retention import erased_document
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Subject

_LEFT = "effacé, mais des valeurs y sont / erased, but values are there"


class _Erased(NamedTuple):
    """When a flow came and when it was erased (aware), as events say."""

    received_at: datetime
    at: datetime


class Erasures:
    """What was erased, as events say; learned of in the order in which the ledger tells it."""

    def __init__(self) -> None:
        self._flows: dict[str, _Erased] = {}
        #: Flows that said something of an invoice and are erased, by the invoice.
        self._spoken: dict[str, list[_Erased]] = {}

    def learn(self, subject: Subject) -> None:
        """Note whether a flow was erased, and of which invoices an erased flow spoke."""
        if subject.kind == "interchange":
            for fact in subject.facts:
                if fact.what == "interchange.erased":
                    self._flows[subject.id] = _Erased(subject.facts[0].at, fact.at)
        for line in subject.lines:
            if line.source in self._flows:
                flows = self._spoken.setdefault(line.document, [])
                flows.append(self._flows[line.source])

    def is_blank(self, line: Entry) -> bool:
        """Tell whether the words of a line are gone, as they are to be."""
        return not _words(line) and any(self._gone(line))

    def left_of(self, subject: Subject) -> Iterator[str]:
        """Yield what is wrong with what is left of something that was erased, French first."""
        match subject.row:
            case Interchange():
                left = subject.id in self._flows and bool(subject.row.detail)
            case Document():
                row = subject.row
                left = row.interchange in self._flows and erased_document(row) != row
            case OutboxRow():
                left = bool(subject.row.payload) and self._ended(subject, subject.row)
            case _:
                left = False
        if left:
            yield _LEFT
        for line in subject.lines:
            # what is said of an invoice that was erased before says nothing of what was erased
            if _words(line) and any(line.taken_at <= one.at for one in self._gone(line)):
                yield f"ligne / line {line.place}: {_LEFT}"

    def _gone(self, line: Entry) -> Iterator[_Erased]:
        """Yield the erasures of the flow that a line is of, and of the one that said it."""
        for flow in {flow_of(line.document), line.source}:
            if flow in self._flows:
                yield self._flows[flow]

    def _ended(self, subject: Subject, row: OutboxRow) -> bool:
        """Tell whether an erasing ended what a file said."""
        if row.interchange in self._flows:
            return True
        if not subject.facts:
            return False
        made = subject.facts[0].at
        inside = (self._flows.get(flow_of(one)) for one in row.documents)
        if any(one is not None and made <= one.at for one in inside):
            return True
        if row.kind is not OutboxKind.STATUS or row.state is not OutboxState.SENT:
            return False
        spoken = (one for document in row.documents for one in self._spoken.get(document, ()))
        return any(one.received_at <= made <= one.at for one in spoken)


def _words(line: Entry) -> bool:
    return bool(line.comment or line.cash)
