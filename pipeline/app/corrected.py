"""The corrected document of a returned invoice, made from its original and deposited.

It is a deposit of its supplier's like any: the next run judges, routes, answers and delivers it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.received import bytes_of
from pipeline.ingest.changes import changes_of
from pipeline.ingest.naming import read_flow_name
from pipeline.model.comeback import COMES_BACK, Changes
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, document_id, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.life import STATUS_WORDS, Actor, Life
from pipeline.model.life_step import Refused, step
from pipeline.model.limits import WIDE
from pipeline.model.names import slug
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.syntax.correcting import Correction, Uncorrectable, correct

log = get_logger(__name__)

#: First digit of the numbers of flows that are deposited for a supplier: its own count, which
#: begins at one, is not taken for having gaps by them.
_OURS = "9"
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected document, ready to be deposited.

    Attributes:
        invoice: The document that was taken first.
        flow: The flow that it is deposited as.
        payload: Its bytes.
        changes: What it changes.
    """

    invoice: Document
    flow: Interchange
    payload: bytes
    changes: Changes


def make_corrected(
    hub: Hub, sheets: Sheets, subject: DocumentId, correction: Correction
) -> Corrected:
    """Make the corrected document of an invoice; nothing is written.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        subject: The document by which the invoice was taken.
        correction: What is put right.

    Raises:
        ConfigError: It may not be put right so, or not now.
        ArchiveError: The document that bears it cannot be read.
    """
    invoice = hub.ledger.documents_named([subject])[0]
    life = hub.ledger.lives([subject]).get(subject)
    if life is None or life.status not in COMES_BACK:
        raise ConfigError(_not_back(invoice, life))
    bearer = hub.ledger.documents_named([life.bearer])[0]
    came = hub.ledger.interchange(invoice.interchange)
    if came is None or bearer.syntax is None:
        raise ValueError(f"{invoice.id} was taken without a flow or a syntax")
    sheet, before = sheet_of(sheets, came.connection), bytes_of(hub, sheets, bearer)
    try:
        payload, header = correct(before, bearer.syntax, bearer.header, correction, WIDE)
    except Uncorrectable as error:
        raise ConfigError(f"{invoice.header.number}: {error}") from error
    flow = _flow_of(hub, sheet, came, payload, invoice)
    made = replace(bearer, id=document_id(flow.id, 1), header=header)
    changes = changes_of((bearer, before), (made, payload), WIDE)
    said = step(life.status, COMES_BACK[life.status], Actor.SUPPLIER, changes.given)
    if isinstance(said, Refused):
        raise ConfigError(f"{invoice.header.number}: {said.fr} / {said.en}")
    return Corrected(invoice, flow, payload, changes)


def _not_back(invoice: Document, life: Life | None) -> str:
    fr, en = STATUS_WORDS[life.status] if life else ("jamais prise en charge", "never taken")
    wanted = [STATUS_WORDS[one] for one in COMES_BACK]
    return (
        f"{invoice.header.number or invoice.id}: « {fr} » ; seule une facture"
        f" {' / '.join(f'« {one} »' for one, _ in wanted)} se corrige"
        f" / '{en}'; only one that is {' or '.join(repr(one) for _, one in wanted)} is put right"
    )


def _flow_of(
    hub: Hub, sheet: Connection, came: Interchange, payload: bytes, invoice: Document
) -> Interchange:
    """Return the flow that a corrected document is deposited as: its name says whose."""
    digest = sha256(payload).hexdigest()
    named = read_flow_name(came.name)
    if named is None:
        name = f"correct-{slug(invoice.header.number or 'document', 40)}-{digest[:8]}.xml"
    else:
        number = int(digest, 16) % 10 ** (_DIGITS - 1)
        stem = came.name.rpartition("_")[0]
        count = f"{_OURS}{number:0{_DIGITS - 1}d}"
        name = f"{stem}_{named.identifier[:-_DIGITS]}{count}"
    return Interchange(
        id=interchange_id(sheet.name, name, digest, 0),
        connection=sheet.name,
        partner=sheet.partner,
        name=name,
        size=len(payload),
        mtime=0,
        sha256=digest,
        received_at=hub.clock.now(),
        environment=came.environment,
    )


def deposit_corrected(hub: Hub, made: Corrected, reason: str) -> bool:
    """Keep the bytes, then record the flow with why; False where it is there already.

    It never lay in the supplier's inbox: nothing is to be removed from there.
    """
    flow, now = made.flow, hub.clock.now()
    blob = hub.archive.receive([made.payload])
    data = {"reason": reason, "flow": flow.id}
    fact = Fact(at=now, subject=made.invoice.id, what="invoice.corrected", by=hub.by, data=data)

    def record(tx: Transaction) -> bool:
        new = tx.record(flow, hub.by)
        if new:
            tx.mark_removed(flow.id, hub.by, now)
            tx.append(fact)
        return new

    with hub.archive.holding():
        hub.archive.keep([blob])
        new = atomically(hub, record, "invoice.correct")
    log.info("invoice.corrected", flow=flow.id, invoice=made.invoice.id, new=new)
    return new
