"""Put due files where partners pick them up: commit before send, send before mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from structlog import get_logger

from pipeline.app.hub import Hub, sheet_of
from pipeline.app.lanes import in_lanes
from pipeline.app.open_flow import open_flow, spool_name
from pipeline.app.settle import close_if_done
from pipeline.model.connection import Connection, Envelope, RetryPolicy
from pipeline.model.document import Document
from pipeline.model.errors import ArchiveError, PipelineError
from pipeline.model.identity import InterchangeId
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState, Step
from pipeline.ports.ledger import Claim, Query, Sheets, Transaction
from pipeline.ports.outside import Session
from pipeline.route.pack import pack_tar_gz
from pipeline.route.plan import member_name
from pipeline.route.retry import after_failure

log = get_logger(__name__)

#: Files put before their rows are marked by one commit.
GROUP = 48


@dataclass(frozen=True, slots=True)
class Put:
    """What one attempt did.

    Attributes:
        sha256: Of the bytes that now stand at the partner's.
        sent: False if they stood there already.
    """

    sha256: str
    sent: bool


def deliver(hub: Hub, sheets: Sheets, name: str, horizon: datetime) -> int:
    """Attempt one group of the files due to leave through one connection.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        name: The connection.
        horizon: Rows due before this moment are tried.

    Returns:
        How many rows were tried; 0 when none is left.
    """
    now = hub.clock.now()
    until = now + hub.settings.lease
    claimed = hub.ledger.claim_outbox(hub.by, horizon, until, GROUP, name)
    if not claimed:
        return 0
    rows = [row for row, _ in claimed]
    try:
        connection = sheet_of(sheets, name)
        documents = _documents(hub, rows)
        with hub.doors.open(connection) as session:
            results = _put_all(hub, sheets, connection, session, rows, documents)
    except PipelineError as error:
        log.warning("deliver.closed_door", connection=name, code=error.code, error=str(error))
        results = [error] * len(rows)
    _mark(hub, sheets, name, claimed, results)
    return len(claimed)


def _put_all(
    hub: Hub,
    sheets: Sheets,
    connection: Connection,
    session: Session,
    rows: Sequence[OutboxRow],
    documents: Mapping[str, Document],
) -> list[Put | PipelineError]:
    def put(_: Hub, connection: Connection, session: Session, row: OutboxRow) -> Put:
        payload = payload_of(hub, sheets, row, documents)
        sent = session.put(connection.out, row.name, payload)
        return Put(sha256(payload).hexdigest(), sent)

    return in_lanes(hub, connection, rows, put, first=session)


def payload_of(
    hub: Hub, sheets: Sheets, row: OutboxRow, documents: Mapping[str, Document]
) -> bytes:
    """Return the bytes of an outbox row: always the same for the same row.

    Raises:
        ArchiveError: A document can no longer be taken out of its interchange.
    """
    if row.payload is not None:
        return row.payload
    carried = [documents[one] for one in row.documents]
    members = [(member_name(one), _bytes_of(hub, sheets, one)) for one in carried]
    return pack_tar_gz(members) if row.envelope is Envelope.TAR_GZ else members[0][1]


def _bytes_of(hub: Hub, sheets: Sheets, document: Document) -> bytes:
    """Return a document as received, out of scratch space or else out of the archive."""
    name = spool_name(document.interchange, document.seq)
    for taken_again in (False, True):
        if taken_again:
            _take_again(hub, sheets, document.interchange)
        payload = hub.spool.read(name)
        if payload is not None and sha256(payload).hexdigest() == document.sha256:
            return payload
    raise ArchiveError(f"{document.id}: its bytes are not those that were judged")


def _take_again(hub: Hub, sheets: Sheets, subject: InterchangeId) -> None:
    interchange = hub.ledger.interchange(subject)
    if interchange is None:
        raise ArchiveError(f"{subject}: no such interchange")
    open_flow(hub, interchange, sheet_of(sheets, interchange.connection))


def _documents(hub: Hub, rows: Sequence[OutboxRow]) -> dict[str, Document]:
    flows = {row.interchange for row in rows if row.kind is OutboxKind.DELIVERY}
    return {
        document.id: document
        for flow in flows
        for document in hub.ledger.documents(Query(interchange=flow, limit=1_000_000))
    }


def _mark(
    hub: Hub,
    sheets: Sheets,
    name: str,
    claimed: Sequence[tuple[OutboxRow, Claim]],
    results: Sequence[Put | PipelineError],
) -> None:
    """Write how every attempt of the group ended, by one commit."""
    with hub.ledger.transaction() as tx:
        touched: set[InterchangeId] = set()
        for (row, claim), result in zip(claimed, results, strict=True):
            if isinstance(result, PipelineError):
                _mark_failed(hub, sheets, tx, row, claim, result)
            else:
                done = replace(row, attempts=row.attempts + 1, error="")
                tx.settle_outbox(
                    done,
                    OutboxState.SENT,
                    claim=claim,
                    by=hub.by,
                    at=hub.clock.now(),
                    sha256=result.sha256,
                )
            if row.kind is OutboxKind.DELIVERY:
                touched.add(row.interchange)
        for subject in sorted(touched):
            _step_documents(hub, tx, subject)
    for (row, _), result in zip(claimed, results, strict=True):
        if isinstance(result, Put):
            log.info("deliver.done", connection=name, row=row.key, file=row.name, sent=result.sent)


def _mark_failed(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    row: OutboxRow,
    claim: Claim,
    error: PipelineError,
) -> None:
    sheet = sheets.connections.get(row.connection)
    now = hub.clock.now()
    tried, after = after_failure(row, error, sheet.retry if sheet else RetryPolicy(), now)
    log.warning(
        "deliver.failed",
        connection=row.connection,
        row=row.key,
        file=row.name,
        code=error.code,
        error=str(error),
        abandoned=after is OutboxState.ABANDONED,
    )
    tx.settle_outbox(tried, after, claim=claim, by=hub.by, at=now)


def _step_documents(hub: Hub, tx: Transaction, subject: InterchangeId) -> None:
    """Move routed documents whose every delivery is sent, or one of which is abandoned."""
    rows = [row for row in tx.outbox_of(subject) if row.kind is OutboxKind.DELIVERY]
    # of several generations only the last one counts
    latest = {
        one: row.state
        for row in sorted(rows, key=lambda row: row.generation)
        for one in row.documents
    }
    routed = [one for one in tx.documents_of(subject) if one.step is Step.ROUTED]
    now = hub.clock.now()
    sent = [one for one in routed if latest[one.id] is OutboxState.SENT]
    lost = [one for one in routed if latest[one.id] is OutboxState.ABANDONED]
    if sent:
        tx.move_documents(sent, Step.DELIVERED, by=hub.by, at=now)
    if lost:
        tx.move_documents(lost, Step.ABANDONED, by=hub.by, at=now)
    if (interchange := tx.interchange(subject)) is not None:
        close_if_done(hub, tx, interchange)
