"""Take in what partners say of what we delivered to them; list what they owe."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from structlog import get_logger

from pipeline.app.arrived import Arrived, Read, examine, is_table, payload_of
from pipeline.app.hub import Hub
from pipeline.ingest.receipts import (
    MOST_FAULTS,
    Line,
    not_admitted,
    of_cdar,
    of_status,
    of_table,
)
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.limits import Limits
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Receipt, Said, Statement, Unacknowledged, latest
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Ledger, Sheets, Transaction
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.parse import parse

log = get_logger(__name__)

#: The part of a flow name that is the flow's own, and the digits of its interface in it.
_IDENTIFIER = re.compile(r"[A-Z0-9]{6}(?P<digits>[0-9]{4})[A-Z0-9]{15}")
#: States in which a file never left, nor will.
_NEVER = frozenset({OutboxState.CANCELLED, OutboxState.GROUPED})


def read_acknowledgements(hub: Hub, sheets: Sheets, arrived: Arrived) -> Read:
    """Read a flow that acknowledges deliveries, in XML or as a table.

    Raises:
        ArchiveError: Scratch space was emptied meanwhile.
    """
    if is_table(arrived):
        said = list(_of_tables(hub, arrived))
    else:
        examined = examine(hub, arrived)
        if examined.refused or examined.held:
            return Read(refused=examined.refused, held=examined.held)
        messages = examined.messages
        said = [one for each in messages for one in _of_message(each.name, each.payload)]
        said = [_admitted(arrived, one) for one in said]
    faults = tuple(one for one in said if isinstance(one, Reason))
    if faults:
        return Read(refused=faults[:MOST_FAULTS])
    statements = tuple(one for one in said if isinstance(one, Statement))
    desk = _Desk(hub, arrived, _own(sheets, arrived))
    return Read(take=lambda tx: desk.take(tx, statements))


def _of_tables(hub: Hub, arrived: Arrived) -> Iterator[Line]:
    sheet = arrived.connection
    for file in arrived.opened.files:
        payload = payload_of(hub, arrived, file)
        yield from of_table(payload, file.name, sheet.replies, sheet.limits.documents)


def _of_message(name: str, payload: bytes) -> Iterator[Line]:
    root = parse(payload, Limits())
    try:
        if root.tag == cdar.ROOT:
            yield of_cdar(cdar.read(root), name)
        else:
            yield from of_status(cpp_status.read(root), name)
    except (ValueError, ArithmeticError) as error:
        # schemas make nearly everything optional, and know years that no clock shows
        fr, en = f"message illisible : {error}", f"message cannot be read: {error}"
        yield reason("IRR_SYNTAX", name, fr, en)


def _admitted(arrived: Arrived, said: Line) -> Line:
    """Let a status pass that the flow's interface carries."""
    interface = arrived.interface
    if interface is None or isinstance(said, Reason) or said.status in interface.statuses:
        return said
    return not_admitted(said, interface.code, interface.statuses)


def _own(sheets: Sheets, arrived: Arrived) -> Collection[str]:
    """Return the connections of the partner that says it."""
    partner, environment = arrived.connection.partner, arrived.connection.environment
    named = {
        name
        for name, one in sheets.connections.items()
        if one.partner == partner and one.environment is environment
    }
    return named | {arrived.connection.name}


@dataclass(frozen=True, slots=True)
class _Found:
    """What a statement is about."""

    row: OutboxRow
    document: DocumentId | None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Matches the statements of one flow with deliveries, and writes them down.

    Attributes:
        hub: The hub.
        arrived: The flow.
        own: Connections through which its partner gets deliveries.
    """

    hub: Hub
    arrived: Arrived
    own: Collection[str]

    def take(self, tx: Transaction, statements: Sequence[Statement]) -> tuple[Reason, ...]:
        """Write every statement down, or say which cannot be, and then write none."""
        receipts: list[Receipt] = []
        faults: list[Reason] = []
        for statement in statements:
            found = self._find(tx, statement)
            if isinstance(found, _Found):
                receipt = self._receipt(tx, statement, found)
                faults += [_early(statement)] if receipt is None else []
                receipts += [receipt] if receipt is not None else []
            else:
                faults.append(found)
        if faults:
            return tuple(faults[:MOST_FAULTS])
        now = self.hub.clock.now()
        new = [one for one in receipts if tx.acknowledge(one, self.hub.by, now)]
        log.info("receipts.taken", interchange=self.arrived.interchange.id, new=len(new))
        return ()

    def _receipt(self, tx: Transaction, statement: Statement, found: _Found) -> Receipt | None:
        """Return what is written down; None where the file never left."""
        sent = found.row.state is OutboxState.SENT
        if not sent and not tx.claimed(found.row.key):
            return None
        flow = self.arrived.interchange
        return Receipt(
            row=found.row.key,
            document=found.document,
            said=statement.said,
            status=statement.status,
            text=statement.text,
            said_at=statement.said_at or flow.received_at,
            received_at=flow.received_at,
            interchange=flow.id,
            early=not sent,
        )

    def _find(self, tx: Transaction, statement: Statement) -> _Found | Reason:
        if statement.number is None or statement.seller is None:
            return self._find_file(tx, statement)
        return self._find_document(tx, statement, statement.number, statement.seller)

    def _find_file(self, tx: Transaction, statement: Statement) -> _Found | Reason:
        rows = tx.rows_named(self._names(statement.flow or ""))
        ours = self._of_partner(rows)
        if not ours:
            self._tell_foreign(statement, rows)
            return _unknown(statement, statement.flow or "")
        return _Found(_newest(ours), None)

    def _find_document(
        self, tx: Transaction, statement: Statement, number: str, seller: str
    ) -> _Found | Reason:
        names = self._names(statement.flow) if statement.flow else None
        found: list[_Found] = []
        foreign: list[OutboxRow] = []
        for one in tx.documents_numbered(number, seller):
            issued = one.header.issue_date
            if statement.year is not None and (not issued or issued.year != statement.year):
                continue
            rows = tx.rows_carrying(one.id)
            ours = [row for row in self._of_partner(rows) if names is None or row.name in names]
            foreign += rows
            found += [_Found(_newest(ours), one.id)] if ours else []
        shown = " ".join(str(part) for part in (number, statement.year, seller) if part)
        if not found:
            self._tell_foreign(statement, foreign)
            return _unknown(statement, shown)
        if len(found) > 1:
            return _several(statement, shown, len(found))
        return found[0]

    def _names(self, flow: str) -> Collection[str]:
        """Return the file names that a reference may stand for."""
        identifier = _IDENTIFIER.fullmatch(flow)
        application = self.arrived.connection.application_code
        if identifier is None or application is None:
            return {flow}
        return {flow, f"FEN{identifier['digits']}A_{application}_{flow}"}

    def _of_partner(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        return [one for one in rows if one.connection in self.own and one.state not in _NEVER]

    def _tell_foreign(self, statement: Statement, rows: Sequence[OutboxRow]) -> None:
        """Log that somebody acknowledges what another got; the answer does not tell them."""
        others = [one.key for one in rows if one.connection not in self.own]
        if others:
            flow = self.arrived.interchange.id
            log.warning("receipt.foreign", interchange=flow, place=statement.place, rows=others)


def _newest(rows: Sequence[OutboxRow]) -> OutboxRow:
    return max(rows, key=lambda one: (one.generation, one.state is OutboxState.SENT, one.key))


def _unknown(statement: Statement, found: str) -> Reason:
    return reason(
        "ACK_UNKNOWN",
        statement.place,
        f"« {found} » ne vous a pas été remis",
        f"'{found}' was not delivered to you",
    )


def _several(statement: Statement, found: str, count: int) -> Reason:
    return reason(
        "ACK_UNKNOWN",
        statement.place,
        f"« {found} » désigne {count} factures ; donnez aussi la date ou le flux",
        f"'{found}' stands for {count} invoices; give the date or the flow too",
    )


def _early(statement: Statement) -> Reason:
    found = statement.number or statement.flow or ""
    return reason(
        "ACK_EARLY",
        statement.place,
        f"« {found} » n'est pas encore parti",
        f"'{found}' has not left yet",
    )


def last_word(ledger: Ledger, documents: Collection[DocumentId]) -> Mapping[DocumentId, Receipt]:
    """Return what was said last of each document, or of the file that carries it.

    What was said of a delivery counts until the document is delivered once more.
    """
    said = ledger.receipts(documents=documents) if documents else ()
    by_row: dict[str, list[Receipt]] = {}
    for one in said:
        by_row.setdefault(one.row, []).append(one)
    found: dict[DocumentId, Receipt] = {}
    for subject in documents if by_row else ():
        sent = ledger.outbox(document=subject, kind=OutboxKind.DELIVERY)
        rows = [row for row in sent if row.state not in _NEVER]
        newest = max((row.generation for row in rows), default=0)
        last = latest(
            one
            for row in rows
            if row.generation == newest
            for one in by_row.get(row.key, ())
            if one.document in {subject, None}
        )
        if last is not None:
            found[subject] = last
    return found


def refused_answers(ledger: Ledger, flow: InterchangeId) -> Sequence[tuple[OutboxRow, Receipt]]:
    """Return what we told of a flow that nobody could take, each with why: answers, statuses."""
    rows = ledger.outbox(interchange=flow)
    answers = [row for row in rows if row.kind is not OutboxKind.DELIVERY]
    if not answers:
        return []
    told = {one for row in answers for one in row.documents}
    receipts = [*ledger.receipts(documents=told), *ledger.receipts(interchange=flow)]
    said = {one.row: one for one in receipts}
    refused = ((row, said.get(row.key)) for row in answers)
    return [(row, one) for row, one in refused if one and one.said is not Said.TAKEN]


def unacknowledged(ledger: Ledger, sheets: Sheets, now: datetime) -> Sequence[Unacknowledged]:
    """Return the files of which nothing was said within the time agreed, longest overdue first.

    Args:
        ledger: Where it is looked up.
        sheets: The configuration in force; sheets that agree on no time owe nothing.
        now: The moment (aware).
    """
    owed = [
        Unacknowledged(
            row=key,
            connection=sheet.name,
            partner=sheet.partner,
            name=name,
            sent_at=sent_at,
            due=sent_at + sheet.acknowledge_within,
        )
        for sheet in sheets.connections.values()
        if sheet.acknowledge_within is not None
        for key, name, sent_at in ledger.unsaid(sheet.name, now - sheet.acknowledge_within)
    ]
    return sorted(owed, key=lambda one: (one.due, one.row))
