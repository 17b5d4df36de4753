"""Operators' verbs on one id: release, reject, redeliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from structlog import get_logger

from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.manifest import kept_figures
from pipeline.app.open_flow import Opened, note_signature, open_flow
from pipeline.app.scan import (
    Scanned,
    infected_flow,
    note_scan,
    scan_flow,
    scan_signed,
    still_silent,
    tell,
    with_attachments,
)
from pipeline.app.settle import Candidate, Settled, close_if_done, settle_flow
from pipeline.app.work import findings_of, jobs_for, rework
from pipeline.ingest.admission import interface_of
from pipeline.model.connection import Connection, Interface
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.event import Fact
from pipeline.model.finding import Finding
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import Judged
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query, Sheets, Transaction
from pipeline.route.plan import plan_deliveries

log = get_logger(__name__)

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Acted:
    """What a verb did.

    Attributes:
        subject: The id it was given.
        documents: Documents it moved, as they now stand.
    """

    subject: str
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    interchange: Interchange
    documents: tuple[Document, ...]
    connection: Connection
    interface: Interface | None


def release(hub: Hub, sheets: Sheets, subject: str) -> Acted:
    """Have what is held looked at and judged once more, and let go what now passes.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        subject: A held document's id, or an interchange's for all it holds.

    Raises:
        ConfigError: Nothing of that id is held.
        ScannerSilent: The scanner that the sheet requires gives no verdict; nothing changed.
    """
    whole = hub.ledger.interchange(subject)
    if whole is not None and whole.step is InterchangeStep.HELD and whole.documents == 0:
        rework(hub, sheets, whole)
        return Acted(subject, tuple(hub.ledger.documents(Query(interchange=whole.id, limit=_ALL))))
    held = _held(hub, sheets, subject)
    opened, judged, scanned = _look_again(hub, held)
    if scanned.silent:
        raise still_silent(scanned)

    def note(tx: Transaction) -> None:
        _note(hub, tx, subject, "operator.release")
        note_scan(hub, tx, held.interchange, scanned)

    if scanned.found is not None:
        own = infected_flow(held.interchange, scanned.found)
        return _refuse(hub, subject, held, own, own.message["fr"], note)
    _decide_again(hub, sheets, held, _candidates(held, opened, judged), opened, note)
    return _acted(hub, subject, held.documents)


def _decide_again(
    hub: Hub,
    sheets: Sheets,
    held: _Subject,
    candidates: Sequence[Candidate],
    opened: Opened,
    note: Callable[[Transaction], None],
) -> None:
    """Decide on what was held by what was found in it now, and answer its sender."""
    flow = held.interchange
    found = {**_stored_findings(hub, flow), **findings_of(candidates)}
    figures = kept_figures(hub.ledger, flow.id)
    connection, interface = held.connection, held.interface

    def decide(tx: Transaction) -> None:
        note(tx)
        for one in candidates:
            if one.report is not None:
                tx.replace_report(one.document.id, one.report)
        settled = settle_flow(
            hub, sheets, tx, connection, interface, flow, candidates, opened.manifest
        )
        everything = tuple(tx.documents_of(flow.id))
        now = replace(settled, documents=everything, figures=settled.figures or figures)
        answer(hub, tx, connection, interface, now, found, was_held=True)

    atomically(hub, decide, "operator.decide")
    hub.spool.clear(flow.id)


def _look_again(hub: Hub, held: _Subject) -> tuple[Opened, Mapping[int, Judged], Scanned]:
    """Have a flow looked at, opened and what is held of it judged, by what is in force now.

    Returns:
        What was taken out of it, what the engine said by place in it, and what the scanner
        said of all this. Nothing is opened or judged where that was not clean before.
    """
    flow, connection = held.interchange, held.connection
    opened, judged = Opened(), dict[int, Judged]()
    scanned = scan_flow(hub, flow, connection)
    if scanned.clean:
        opened = open_flow(hub, flow, connection)
        scanned = scan_signed(hub, flow, connection, opened, scanned)
    if scanned.clean:
        wanted = {document.seq for document in held.documents}
        jobs = dict(jobs_for(hub, opened, connection, held.interface))
        asked = [seq for seq in jobs if seq in wanted]
        said = hub.engine.judge(jobs[seq] for seq in asked)
        judged = dict(zip(asked, said, strict=True))
    for seq, one in judged.items():
        scanned = with_attachments(scanned, opened.files[seq - 1].name, one)
    tell(flow, scanned)
    return opened, judged, scanned


def _candidates(
    held: _Subject, opened: Opened, judged: Mapping[int, Judged]
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            replace(one, syntax=judged[one.seq].report.syntax, header=judged[one.seq].header),
            note_signature(judged[one.seq].report, signed=opened.files[one.seq - 1].signed),
        )
        if one.seq in judged
        else Candidate(one, fault=opened.files[one.seq - 1].fault)
        for one in held.documents
    )


def reject(hub: Hub, sheets: Sheets, subject: str, why: str) -> Acted:
    """Refuse what is held, with the operator's reason in the answer.

    Raises:
        ConfigError: Nothing of that id is held, or no reason is given.
    """
    if not why.strip():
        raise ConfigError("donnez un motif / give a reason: --reason")
    held = _held(hub, sheets, subject)
    own = reason("OPERATOR", subject, why, why)

    def note(tx: Transaction) -> None:
        _note(hub, tx, subject, "operator.reject", reason=why)

    return _refuse(hub, subject, held, own, why, note)


def _refuse(
    hub: Hub,
    subject: str,
    held: _Subject,
    own: Reason,
    detail: str,
    note: Callable[[Transaction], None],
) -> Acted:
    """Refuse what is held, and its flow where that is held as a whole."""
    earlier = _stored_findings(hub, held.interchange)
    figures = kept_figures(hub.ledger, held.interchange.id)

    def refuse(tx: Transaction) -> None:
        note(tx)
        now = hub.clock.now()
        refused = [replace(one, reasons=(own,)) for one in held.documents]
        tx.move_documents(refused, Step.REJECTED, by=hub.by, at=now)
        interchange, reasons = held.interchange, tuple[Reason, ...]()
        if interchange.step is InterchangeStep.HELD:
            interchange = replace(interchange, reason=own.code, detail=detail)
            tx.move_interchange(interchange, InterchangeStep.REFUSED, by=hub.by, at=now)
            interchange = replace(interchange, step=InterchangeStep.REFUSED)
            reasons = (own,)
        interchange = close_if_done(hub, tx, interchange)
        documents = tuple(tx.documents_of(interchange.id))
        now_stands = Settled(interchange, documents, reasons, figures)
        answer(hub, tx, held.connection, held.interface, now_stands, earlier, was_held=True)

    atomically(hub, refuse, "operator.refuse")
    return _acted(hub, subject, held.documents)


def redeliver(hub: Hub, sheets: Sheets, subject: str) -> Acted:
    """Deliver abandoned documents again, as a new generation.

    Raises:
        ConfigError: Nothing of that id was abandoned, or its recipient has no sheet.
    """
    interchange, documents = _find(hub, subject, Step.ABANDONED)
    for document in documents:
        sheet_of(sheets, document.route or "")

    def route(tx: Transaction) -> None:
        _note(hub, tx, subject, "operator.redeliver")
        now = hub.clock.now()
        carried = [row for row in tx.outbox_of(interchange.id) if row.kind is OutboxKind.DELIVERY]
        wanted = {one.id for one in documents}
        last = max(row.generation for row in carried if wanted & set(row.documents))
        tx.move_documents(documents, Step.ROUTED, by=hub.by, at=now)
        routed = [replace(one, step=Step.ROUTED) for one in documents]
        for row in plan_deliveries(routed, sheets.connections, now, last + 1):
            tx.enqueue(row, hub.by, now)

    atomically(hub, route, "operator.redeliver")
    return _acted(hub, subject, documents)


def _held(hub: Hub, sheets: Sheets, subject: str) -> _Subject:
    interchange, documents = _find(hub, subject, Step.HELD)
    if interchange.step is InterchangeStep.HELD and subject != interchange.id:
        raise ConfigError(
            f"{subject}: tout le flux est suspendu, agissez sur {interchange.id}"
            f" / the whole flow is held, act on {interchange.id}"
        )
    connection = sheet_of(sheets, interchange.connection)
    interface = interface_of(interchange, connection, hub.interfaces)
    return _Subject(interchange, tuple(documents), connection, interface)


def _find(hub: Hub, subject: str, step: Step) -> tuple[Interchange, Sequence[Document]]:
    document = hub.ledger.document(subject)
    flow = document.interchange if document else subject
    interchange = hub.ledger.interchange(flow)
    if interchange is None:
        raise ConfigError(f"{subject}: aucun flux ni document / no such flow or document")
    documents = [
        one
        for one in atomically(
            hub, lambda tx: tx.documents_of(InterchangeId(flow)), "operator.find"
        )
        if one.step is step and (document is None or one.id == document.id)
    ]
    whole = step is Step.HELD and interchange.step is InterchangeStep.HELD
    if not documents and not whole:
        raise ConfigError(
            f"{subject}: rien n'y est au stade « {step.value} » / nothing is {step.value} there"
        )
    return interchange, documents


def _stored_findings(hub: Hub, interchange: Interchange) -> dict[DocumentId, Sequence[Finding]]:
    """Return what earlier judging found in the other documents of the flow."""
    documents = hub.ledger.documents(Query(interchange=interchange.id, limit=_ALL))
    reports = {one.id: hub.ledger.report(one.id) for one in documents}
    return {subject: tuple(report.findings) for subject, report in reports.items() if report}


def _note(hub: Hub, tx: Transaction, subject: str, what: str, **data: str) -> None:
    tx.append(Fact(at=hub.clock.now(), subject=subject, what=what, by=hub.by, data=data))
    log.info(what, subject=subject, by=hub.by)


def _acted(hub: Hub, subject: str, documents: Sequence[Document]) -> Acted:
    now = (hub.ledger.document(one.id) for one in documents)
    return Acted(subject, tuple(one for one in now if one is not None))
