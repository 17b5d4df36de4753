"""Gather all that proves what became of one invoice, for people who do not trust us.

Files that speak of other invoices too are named with their SHA-256 and left out, unless they
are asked for: a judge, or one partner, is not to read what others exchange.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC
from enum import Enum
from hashlib import sha256

from structlog import get_logger

from pipeline.app.deliver import payload_of
from pipeline.app.hub import Hub
from pipeline.app.received import bytes_of
from pipeline.evidence.bundle import (
    ANSWERED,
    DELIVERED,
    INVOICE,
    README,
    SAID,
    SEALS,
    TOLD,
    Bundle,
)
from pipeline.evidence.page import page_of
from pipeline.evidence.proof import Stretch, written
from pipeline.model.document import Document
from pipeline.model.errors import PipelineError
from pipeline.model.event import Event, Fact, fact_digest
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Entry, Life
from pipeline.model.names import slug
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Receipt
from pipeline.model.seal import Seal
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Ledger, Query, Sheets

log = get_logger(__name__)

_FOLDERS: Mapping[OutboxKind, str] = {
    OutboxKind.DELIVERY: DELIVERED,
    OutboxKind.ACKNOWLEDGEMENT: ANSWERED,
    OutboxKind.STATUS: TOLD,
}


@dataclass(slots=True)
class _Gathered:
    """What was found of one invoice.

    Attributes:
        documents: Those that bore it, the first that was taken first.
        flows: What they came in, and what said something of them, by id.
        rows: Files that left for it.
        receipts: What partners said of those.
        life: Where it stands; None where it was never taken.
        lines: How it got there.
        files: What goes along, by name.
    """

    documents: Sequence[Document]
    flows: dict[str, Interchange] = field(default_factory=dict)
    rows: list[OutboxRow] = field(default_factory=list)
    receipts: Sequence[Receipt] = ()
    life: Life | None = None
    lines: Sequence[Entry] = ()
    files: dict[str, bytes] = field(default_factory=dict)

    def subjects(self) -> set[str]:
        """Return all that events may be about."""
        keys = {*(one.key for one in self.rows), *(one.subject for one in self.receipts)}
        return {*self.flows, *(one.id for one in self.documents), *keys}


def gather(hub: Hub, sheets: Sheets, subject: Document, *, whole: bool = False) -> bytes:
    """Write the evidence of one invoice.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        subject: A document that bears the invoice, or ever did.
        whole: Whether files go along that speak of other invoices too.

    Returns:
        One zip; the same bytes as long as nothing new happens to the invoice.
    """
    found = _look_up(hub, subject)
    documents = [_document(hub, sheets, found, one) for one in found.documents]
    flows = [_flow(hub, found, one, whole=whole) for one in found.flows.values()]
    events = hub.ledger.events_about(found.subjects())
    leaving = [_row(hub, sheets, found, row, events, whole=whole) for row in found.rows]
    stretches = list(_stretches(hub, found, events))
    record: dict[str, object] = {
        "invoice": _invoice(found),
        "documents": documents,
        "flows": flows,
        "leaving": leaving,
        "receipts": [_receipt(one) for one in found.receipts],
        "life": [_line(found, one, events) for one in found.lines],
    }
    found.files[README] = page_of(record, stretches)
    log.info("operator.evidence", subject=subject.id, events=len(events))
    return Bundle(record, written(stretches), found.files).write()


def _look_up(hub: Hub, subject: Document) -> _Gathered:
    """Find everything that rows say of an invoice."""
    ledger = hub.ledger
    found = _lived(ledger, subject)
    ids = [one.id for one in found.documents]
    found.receipts = ledger.receipts(documents=ids)
    sources = [one.source for one in found.lines if one.source]
    said = [one.interchange for one in found.receipts]
    came = [one.interchange for one in found.documents]
    for flow in dict.fromkeys([*came, *sources, *said]):
        interchange = ledger.interchange(flow)
        if interchange is not None:
            found.flows[flow] = interchange
    rows = {row.key: row for one in ids for row in ledger.outbox(document=one)}
    for one in dict.fromkeys(came):
        answers = ledger.outbox(interchange=one, kind=OutboxKind.ACKNOWLEDGEMENT)
        rows.update((row.key, row) for row in answers)
    found.rows = [rows[key] for key in sorted(rows) if rows[key].kind in _FOLDERS]
    return found


def _lived(ledger: Ledger, subject: Document) -> _Gathered:
    """Return the documents that bore an invoice, with its life; else the one alone.

    What only repeats a number is no part of the invoice that has it: that may be another's.
    """
    known = [one for one in (subject.id, subject.first) if one]
    for life in ledger.lives(known).values():
        lines = ledger.history(life.id)
        ids = list(dict.fromkeys([life.id, *(one.bearer for one in lines if one.bearer)]))
        if subject.id in ids:
            named = {one.id: one for one in ledger.documents_named(ids)}
            return _Gathered(documents=[named[one] for one in ids], life=life, lines=lines)
    return _Gathered(documents=[subject])


def _invoice(found: _Gathered) -> dict[str, object]:
    bearer = found.documents[-1]
    told = _plain(asdict(bearer.header))
    standing = found.life.status.value if found.life else None
    return {"id": found.documents[0].id, "bearer": bearer.id, "status": standing, **told}


def _document(hub: Hub, sheets: Sheets, found: _Gathered, one: Document) -> dict[str, object]:
    """Tell of one document, and take its bytes along."""
    erased = found.flows[one.interchange].erased
    name = None
    if not erased:
        name = f"{INVOICE}{one.id}-{slug(one.name)}"
        found.files[name] = bytes_of(hub, sheets, one)
    report = hub.ledger.report(one.id)
    return {
        "id": one.id,
        "flow": one.interchange,
        "name": one.name,
        "size": one.size,
        "sha256": one.sha256,
        "file": name,
        "erased": erased,
        "step": one.step.value,
        "reasons": [reason.code for reason in one.reasons],
        "why": [_plain(asdict(reason)) for reason in one.reasons],
        "first": one.first,
        "route": one.route,
        "agreement": _plain(asdict(one.agreement)) if one.agreement else None,
        "report": _plain(asdict(report)) if report else None,
    }


def _flow(hub: Hub, found: _Gathered, one: Interchange, *, whole: bool) -> dict[str, object]:
    """Tell of a flow, and take its bytes along where they speak of this invoice alone."""
    name = None
    if not one.erased and (whole or _is_alone(hub, found, one)):
        name = f"{SAID}{one.id}-{slug(one.name)}"
        with hub.archive.open(one.sha256) as stream:
            found.files[name] = stream.read()
    return {
        "id": one.id,
        "name": one.name,
        "partner": one.partner,
        "connection": one.connection,
        "size": one.size,
        "sha256": one.sha256,
        "environment": one.environment.value,
        "received_at": one.received_at.astimezone(UTC).isoformat(),
        "step": one.step.value,
        "file": name,
        "erased": one.erased,
    }


def _is_alone(hub: Hub, found: _Gathered, flow: Interchange) -> bool:
    """Tell whether a flow speaks of this invoice and of no other."""
    ours: set[str] = {one.id for one in found.documents}
    inside = hub.ledger.documents(Query(interchange=flow.id, limit=None))
    said = {one.document for one in hub.ledger.said_by(flow.id)}
    acknowledged = {one.document for one in hub.ledger.receipts(interchange=flow.id)}
    rows = hub.ledger.receipts(interchange=flow.id)
    carried = {one for row in _carrying(hub, rows) for one in row.documents}
    told: set[str] = {*(one.id for one in inside), *said, *carried}
    told |= {one for one in acknowledged if one}
    return bool(told) and told <= ours


def _carrying(hub: Hub, receipts: Sequence[Receipt]) -> Sequence[OutboxRow]:
    keys = {one.row for one in receipts}
    return hub.ledger.outbox(keys=keys) if keys else ()


def _row(
    hub: Hub,
    sheets: Sheets,
    found: _Gathered,
    row: OutboxRow,
    events: Sequence[Event],
    *,
    whole: bool,
) -> dict[str, object]:
    """Tell of a file that left, and take it along where it can be made again as it was."""
    sent = [
        one.fact
        for one in events
        if one.fact.subject == row.key and one.fact.what == "outbox.sent"
    ]
    digest = str(sent[-1].data.get("sha256") or "") if sent else ""
    ours: set[str] = {one.id for one in found.documents}
    alone = whole or (set(row.documents) or _deposited(hub, row)) <= ours
    content = _made_again(hub, sheets, row) if sent and alone else None
    name = None
    if content is not None and sha256(content).hexdigest() == digest:
        name = f"{_FOLDERS[row.kind]}{row.key}-{slug(row.name)}"
        found.files[name] = content
    sheet = sheets.connections.get(row.connection)
    return {
        "key": row.key,
        "kind": row.kind.value,
        "connection": row.connection,
        "partner": sheet.partner if sheet else None,
        "name": row.name,
        "folder": row.folder or None,
        "generation": row.generation,
        "state": row.state.value,
        "sent_at": sent[-1].at.astimezone(UTC).isoformat() if sent else None,
        "sha256": digest or None,
        "file": name,
    }


def _deposited(hub: Hub, row: OutboxRow) -> set[str]:
    """Return what the flow holds that an answer is to."""
    if row.interchange is None:
        return set()
    inside = hub.ledger.documents(Query(interchange=InterchangeId(row.interchange), limit=None))
    return {one.id for one in inside}


def _made_again(hub: Hub, sheets: Sheets, row: OutboxRow) -> bytes | None:
    """Return the bytes of a file that was sent; None where they cannot be had any more."""
    if row.state is not OutboxState.SENT:
        return None
    carried: dict[str, Document] = {
        one.id: one for one in hub.ledger.documents_named(row.documents)
    }
    try:
        return payload_of(hub, sheets, row, carried)
    except PipelineError as error:
        log.warning("evidence.not_made_again", row=row.key, code=error.code, error=str(error))
        return None


def _receipt(one: Receipt) -> dict[str, object]:
    return {
        "subject": one.subject,
        "row": one.row,
        "said": one.said.value,
        "status": one.status,
        "text": one.text,
        "said_at": one.said_at.isoformat(),
        "received_at": one.received_at.astimezone(UTC).isoformat(),
        "interchange": one.interchange,
    }


def _line(found: _Gathered, one: Entry, events: Sequence[Event]) -> dict[str, object]:
    """Tell of one line; where its words were erased, so that it is not proven, it says so.

    They go with the flow that said them, and with any that the invoice came in.
    """
    came = {document.interchange for document in found.documents}
    flows = (found.flows.get(flow) for flow in {one.source, *came} if flow)
    gone = any(flow is not None and flow.erased for flow in flows)
    proven = any(one.digest in str(event.fact.data.get("lines")) for event in events)
    return {**one.told(), "erased": gone and not proven}


# -- proof
def _stretches(hub: Hub, found: _Gathered, events: Sequence[Event]) -> Iterator[Stretch]:
    """Yield how the events hang together, each stretch up to the next seal behind it."""
    seals = sorted(
        (one.seal for one in hub.seals.all() if one.seal is not None and one.seal.seq),
        key=lambda seal: seal.seq,
    )
    shown = {event.seq: event.fact for event in events}
    left = sorted(shown)
    for seal in seals:
        covered = [seq for seq in left if seq <= seal.seq]
        if covered:
            left = left[len(covered) :]
            _take_seal(hub, found, seal)
            yield _stretch(hub, shown, covered[0], seal.seq, seal.name)
    if left:
        yield _stretch(hub, shown, left[0], left[-1], None)


def _take_seal(hub: Hub, found: _Gathered, seal: Seal) -> None:
    signed = hub.seals.signed(seal)
    found.files[f"{SEALS}{seal.name}.seal"] = signed.content
    found.files[f"{SEALS}{signed.key}.pub"] = signed.public


def _stretch(
    hub: Hub, shown: Mapping[int, Fact], start: int, end: int, seal: str | None
) -> Stretch:
    events = list(hub.ledger.events_between(start, end))
    links = tuple(shown.get(one.seq) or fact_digest(one.fact) for one in events)
    return Stretch(start=start, previous=events[0].previous, links=links, seal=seal)


# -- values
def _plain(value: object) -> dict[str, object]:
    """Return the fields of a value as JSON knows them."""
    found: dict[str, object] = json.loads(json.dumps(value, default=_form))
    return found


def _form(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case bytes():
            return sha256(value).hexdigest()
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value, key=str)
        case _:
            return str(value)
