"""Put due files where partners pick them up: commit before send, send before mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.breaker import is_told
from pipeline.app.carry import carry, composed, forget, make
from pipeline.app.copies import untaken
from pipeline.app.handover import Placed, lay_out, place
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.lanes import in_lanes
from pipeline.app.lease import Lease
from pipeline.app.leave import leave
from pipeline.app.levels import trouble
from pipeline.app.lives import make_available
from pipeline.app.lost import tell_fenced, tell_taken_over
from pipeline.app.received import bytes_of
from pipeline.model.carriage import Conversion
from pipeline.model.connection import Connection, Copies, RetryPolicy
from pipeline.model.document import Document
from pipeline.model.errors import (
    CircuitOpen,
    EngineClosed,
    Fenced,
    LedgerConflict,
    MailError,
    NotCarried,
    PipelineError,
)
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.letter import Letter, leaves_by_mail
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Claim, Sheets, Transaction
from pipeline.ports.outside import Session
from pipeline.route.pack import pack
from pipeline.route.plan import member_name
from pipeline.route.retry import after_failure

log = get_logger(__name__)

#: Files put before their rows are marked by one commit.
GROUP = 48
#: What may hold messages that the official rules are about.
_VETTED = frozenset({OutboxKind.ACKNOWLEDGEMENT, OutboxKind.STATUS})
#: After these nothing was attempted, or nobody knows whether it may be.
_UNTOUCHED = (CircuitOpen, LedgerConflict, Fenced, EngineClosed)


@dataclass(frozen=True, slots=True)
class Sent:
    """How one group of attempts through one connection ended.

    Attributes:
        tried: Rows attempted.
        sent: Rows whose file now stands at the partner's.
        error: The first failure, with its code; empty if none failed.
    """

    tried: int
    sent: int
    error: str


def deliver(hub: Hub, sheets: Sheets, name: str, horizon: datetime) -> Sent:
    """Attempt one group of the files due to leave through one connection.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        name: The connection.
        horizon: Rows due before this moment are tried.

    Returns:
        How it went; nothing tried when none is left.
    """
    now = hub.clock.now()
    until = now + hub.settings.lease
    claimed = hub.ledger.claim_outbox(hub.by, horizon, until, GROUP, name)
    if not claimed:
        return Sent(0, 0, "")
    failpoint("deliver.claimed")
    claims = [claim for _, claim in claimed]
    tell_taken_over(claims)
    with hub.hold(claims, until, hub.ledger.renew_outbox) as lease:
        if leaves_by_mail(name):
            letters = [_mailed(hub, row, lease) for row, _ in claimed]
            return _ended(hub, sheets, name, claimed, letters, {}, lease)
        return _attempt(hub, sheets, name, claimed, lease)


def _attempt(
    hub: Hub,
    sheets: Sheets,
    name: str,
    claimed: Sequence[tuple[OutboxRow, Claim]],
    lease: Lease,
) -> Sent:
    rows = [row for row, _ in claimed]
    results: Sequence[Placed | PipelineError]
    conversions: Mapping[OutboxKey, Sequence[Conversion]] = {}
    try:
        connection = sheet_of(sheets, name)
        documents = _documents(hub, rows)
        carried = carry(hub, sheets, rows, documents, partial(bytes_of, hub, sheets))
        conversions = carried.conversions
        fit = [claim for row, claim in claimed if row.recipe and row.key not in carried.unfit]
        hub.ledger.begin_outbox(fit)
        results = _put_all(hub, sheets, connection, rows, documents, carried.unfit, lease)
    except PipelineError as error:
        trouble(log, "deliver.closed_door", error, {"connection": name})
        results = [error] * len(rows)
    sent = _ended(hub, sheets, name, claimed, results, conversions, lease)
    forget(hub, name)
    return sent


def _mailed(hub: Hub, row: OutboxRow, lease: Lease) -> Placed | PipelineError:
    """Hand a letter to the mail server; one sent again after a crash has the same name."""
    payload = row.payload or b""
    try:
        lease.check(row.key)
        if hub.mail is None:
            raise MailError(
                "pas de serveur de courrier, voyez [mail] / no mail server, see [mail]"
            )
        hub.mail.send(Letter.read(payload), row.key, row.planned or row.due)
        failpoint("letter.sent")
    except PipelineError as error:
        return error
    return Placed(sha256(payload).hexdigest(), len(payload), sent=True)


def _ended(
    hub: Hub,
    sheets: Sheets,
    name: str,
    claimed: Sequence[tuple[OutboxRow, Claim]],
    results: Sequence[Placed | PipelineError],
    conversions: Mapping[OutboxKey, Sequence[Conversion]],
    lease: Lease,
) -> Sent:
    """Write down how a group of attempts ended, and let go of what was not attempted."""
    pairs = list(zip(claimed, results, strict=True))
    tried = [(row, result) for row, result in pairs if not isinstance(result, _UNTOUCHED)]
    if len(tried) < len(claimed):
        # to these nothing happened: no attempt of theirs is used up, they just stay due
        keys = {row.key for (row, _), _ in tried}
        hub.ledger.release_outbox([claim for row, claim in claimed if row.key not in keys])
    lost = [row.key for (row, _), result in pairs if isinstance(result, Fenced)]
    if lost:
        tell_fenced(hub, lost)
    _mark_held(hub, sheets, name, tried, conversions, lease)
    failed = [one for one in results if isinstance(one, PipelineError)]
    told = [f"{one.code}: {one}" for one in failed if not isinstance(one, Fenced)]
    return Sent(len(tried), len(claimed) - len(failed), told[0] if told else "")


def _put_all(
    hub: Hub,
    sheets: Sheets,
    connection: Connection,
    rows: Sequence[OutboxRow],
    documents: Mapping[str, Document],
    uncarried: Mapping[OutboxKey, PipelineError],
    lease: Lease,
) -> list[Placed | PipelineError]:
    def put(_: Hub, connection: Connection, session: Session, row: OutboxRow) -> Placed:
        lease.check(row.key)
        payload = payload_of(hub, sheets, row, documents)
        failpoint("deliver.composed")
        # again when all is written: it may have taken long
        placed = place(session, connection, row, payload, lambda: lease.check(row.key))
        failpoint("deliver.put")
        return placed

    unfit = {**uncarried, **_vet(hub, rows), **untaken(hub, connection, rows, documents)}
    failpoint("deliver.vetted")
    told = _only_told(hub, sheets, connection, rows, documents)
    known: Mapping[OutboxKey, Placed | PipelineError] = {**told, **unfit}
    results = iter(in_lanes(hub, connection, [row for row in rows if row.key not in known], put))
    return [known[row.key] if row.key in known else next(results) for row in rows]


def _only_told(
    hub: Hub,
    sheets: Sheets,
    connection: Connection,
    rows: Sequence[OutboxRow],
    documents: Mapping[str, Document],
) -> dict[OutboxKey, Placed | PipelineError]:
    """Make the copies that a sheet in shadow has only told of; nobody is bothered for them."""
    told: dict[OutboxKey, Placed | PipelineError] = {}
    for row in rows:
        if row.kind is OutboxKind.COPY and connection.trial.copies is Copies.REPORT:
            try:
                payload = payload_of(hub, sheets, row, documents)
            except PipelineError as error:
                told[row.key] = error
            else:
                told[row.key] = Placed(sha256(payload).hexdigest(), len(payload), sent=False)
    return told


def _vet(hub: Hub, rows: Sequence[OutboxRow]) -> dict[OutboxKey, PipelineError]:
    """Return why answers may not leave, by row; before anybody is bothered with a login."""
    unfit: dict[OutboxKey, PipelineError] = {}
    for row in rows:
        if row.kind in _VETTED and row.payload is not None:
            try:
                hub.vet(row.payload)
            except PipelineError as error:
                unfit[row.key] = error
    return unfit


def payload_of(
    hub: Hub, sheets: Sheets, row: OutboxRow, documents: Mapping[str, Document]
) -> bytes:
    """Return the bytes of an outbox row: always the same for the same row.

    Raises:
        ArchiveError: A document can no longer be taken out of its interchange.
    """
    if row.payload is not None:
        return row.payload
    read = partial(bytes_of, hub, sheets)
    if row.recipe is not None:
        return composed(hub, row) or make(hub, row, documents, read).payload(row)
    carried = [documents[one] for one in row.documents]
    members = [(member_name(one), read(one)) for one in carried]
    return pack(row, members)


def _documents(hub: Hub, rows: Sequence[OutboxRow]) -> dict[str, Document]:
    wanted = {one for row in rows for one in row.documents}
    return {one.id: one for one in hub.ledger.documents_named(wanted)} if wanted else {}


def _mark_held(
    hub: Hub,
    sheets: Sheets,
    name: str,
    tried: Sequence[tuple[tuple[OutboxRow, Claim], Placed | PipelineError]],
    conversions: Mapping[OutboxKey, Sequence[Conversion]],
    lease: Lease,
) -> None:
    """Write how the attempts ended, but for those whose row another worker has by now."""
    if not tried:
        return
    try:
        claimed, results = [one for one, _ in tried], [result for _, result in tried]
        _mark(hub, sheets, name, claimed, results, conversions)
    except Fenced:
        lease.renew()
        lost = [row.key for (row, _), _ in tried if not lease.holds(row.key)]
        if not lost:
            raise  # it was no claim that somebody else moved
        tell_fenced(hub, lost)
        held = [one for one in tried if lease.holds(one[0][0].key)]
        _mark_held(hub, sheets, name, held, conversions, lease)


def _mark(
    hub: Hub,
    sheets: Sheets,
    name: str,
    claimed: Sequence[tuple[OutboxRow, Claim]],
    results: Sequence[Placed | PipelineError],
    conversions: Mapping[OutboxKey, Sequence[Conversion]],
) -> None:
    """Write how every attempt of the group ended, by one commit."""

    def mark(tx: Transaction) -> None:
        ended: dict[OutboxState, set[DocumentId]] = {}
        for (row, claim), result in zip(claimed, results, strict=True):
            if isinstance(result, PipelineError):
                after = _mark_failed(hub, sheets, tx, row, claim, result)
            else:
                after = OutboxState.SENT
                done = replace(row, attempts=row.attempts + 1, error="")
                now = hub.clock.now()
                tx.settle_outbox(done, after, claim=claim, by=hub.by, at=now, sha256=result.sha256)
                lay_out(tx, sheets, row, result, now)
            if after is not None and row.kind is OutboxKind.DELIVERY:
                tx.note_conversions(row.key, conversions.get(row.key, ()))
                ended.setdefault(after, set()).update(row.documents)
        _step_documents(hub, sheets, tx, ended)

    atomically(hub, mark, "deliver.mark")
    for (row, _), result in zip(claimed, results, strict=True):
        if isinstance(result, Placed):
            log.info("deliver.done", connection=name, row=row.key, file=row.name, sent=result.sent)


def _mark_failed(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    row: OutboxRow,
    claim: Claim,
    error: PipelineError,
) -> OutboxState | None:
    sheet = sheets.connections.get(row.connection)
    now = hub.clock.now()
    policy = sheet.retry if sheet else RetryPolicy()
    if isinstance(error, NotCarried) and row.kind is not OutboxKind.COPY:
        return _hold_back(hub, sheets, tx, row, claim, error, now + policy.waits[0])
    tried, after = after_failure(row, error, policy, now)
    abandoned = after is OutboxState.ABANDONED
    if abandoned or not is_told(error):
        facts = {
            "connection": row.connection,
            "row": row.key,
            "file": row.name,
            "abandoned": abandoned,
        }
        trouble(log, "deliver.failed", error, facts, final=abandoned)
    if tried.attempts == row.attempts:
        tx.put_off_outbox(tried, claim=claim, by=hub.by, at=now)
    else:
        tx.settle_outbox(tried, after, claim=claim, by=hub.by, at=now)
    return after


def _hold_back(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    row: OutboxRow,
    claim: Claim,
    error: NotCarried,
    later: datetime,
) -> OutboxState | None:
    """Hold what cannot leave in its form; no attempt at the partner's is counted.

    Of a file of several those documents only: it goes on without them.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        tx: The transaction.
        row: The delivery.
        claim: On it.
        error: Why, and which documents.
        later: When it is tried again where an earlier attempt was cut short: what came of
            that one is to be seen first.
    """
    now, why = hub.clock.now(), f"{error.code}: {error}"
    tx.put_off_outbox(replace(row, error=why), claim=claim, by=hub.by, at=now)
    goes_on = row.is_group or 0 < len(error.documents) < len(row.documents)
    if goes_on:
        paused = OutboxState.PAUSED
        held = leave(hub, sheets, tx, row, error.documents, paused, error=why)
    else:
        held = tx.stop_outbox(row, OutboxState.PAUSED, by=hub.by, at=now)
    if not held:
        tx.put_off_outbox(replace(row, due=later, error=why), claim=claim, by=hub.by, at=now)
    facts = {"connection": row.connection, "row": row.key, "file": row.name}
    trouble(log, "deliver.held", error, facts, final=True)
    return OutboxState.PAUSED if held and not goes_on else None


def _step_documents(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    ended: Mapping[OutboxState, Collection[DocumentId]],
) -> None:
    """Move the documents of deliveries that ended, and close what is then finished.

    A routed document has one delivery: that of its latest generation.
    """
    now = hub.clock.now()
    touched: set[InterchangeId] = set()
    for state, step in (
        (OutboxState.SENT, Step.DELIVERED),
        (OutboxState.ABANDONED, Step.ABANDONED),
    ):
        documents = tx.documents_named(ended.get(state, ()))
        routed = [one for one in documents if one.step is Step.ROUTED]
        if routed:
            tx.move_documents(routed, step, by=hub.by, at=now)
            touched.update(one.interchange for one in routed)
        if state is OutboxState.SENT:
            make_available(hub, sheets, tx, documents)
    for interchange in tx.finished(touched):
        tx.move_interchange(interchange, InterchangeStep.CLOSED, by=hub.by, at=now)
