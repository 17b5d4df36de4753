"""Tell the sender: the answer's files become outbox rows of the deciding transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pipeline.app.hub import Hub
from pipeline.app.settle import Settled
from pipeline.ingest.admission import kind_of_flow
from pipeline.model.acknowledgement import (
    AnsweredDocument,
    AnswerFacts,
    Correction,
    FlowOutcome,
    flow_outcome,
)
from pipeline.model.connection import Connection
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Severity
from pipeline.model.identity import DocumentId, outbox_key
from pipeline.model.interface import Interface
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Transaction

Findings = Mapping[DocumentId, Sequence[Finding]]


def answer(
    hub: Hub,
    tx: Transaction,
    connection: Connection,
    interface: Interface | None,
    settled: Settled,
    findings: Findings,
    *,
    was_held: bool,
    withdrawn: Collection[DocumentId] = (),
) -> None:
    """Enqueue the answer to an interchange as it now stands, once.

    An interim notice goes out while something is held; the final answer follows
    when nothing is. What was said already is not said again; but what was accepted and
    withdrawn after the final answer is told by a further one.

    Args:
        hub: The hub.
        tx: The deciding transaction.
        connection: The sender's sheet.
        interface: What the flow came under, or None with free names.
        settled: The flow and all that it holds, as they now stand.
        findings: Of its documents, by id, as far as they are known.
        was_held: Whether something in it was held before, so that something was said.
        withdrawn: Documents that this transaction takes back, accepted before.
    """
    interchange = settled.interchange
    outcome = flow_outcome(interchange.step, (document.step for document in settled.documents))
    final = outcome is not FlowOutcome.HELD
    rows = tx.outbox_of(interchange.id) if was_held or withdrawn else ()
    said = [row for row in rows if row.kind is OutboxKind.ACKNOWLEDGEMENT]
    correction = _correction(said, withdrawn)
    if correction is None and any(row.final or not final for row in said):
        return
    facts = _facts(hub, connection, interface, settled, outcome, findings)
    facts = replace(facts, said=tuple(row.name for row in said), correction=correction)
    numbers = interchange.environment.series
    for file in hub.compose(facts, lambda series: tx.next_number(numbers(series))):
        row = OutboxRow(
            key=outbox_key("acknowledgement", interchange.id, connection.name, file.name),
            kind=OutboxKind.ACKNOWLEDGEMENT,
            interchange=interchange.id,
            connection=connection.name,
            name=file.name,
            due=facts.at,
            payload=file.payload,
            final=final,
            generation=correction.number if correction else 1,
        )
        tx.enqueue(row, hub.by, facts.at)
        failpoint("work.answered")


def _correction(said: Sequence[OutboxRow], withdrawn: Collection[DocumentId]) -> Correction | None:
    """Return what makes an answer a further one; None before the final answer was given."""
    given = [row.generation for row in said if row.final]
    if not given or not withdrawn:
        return None
    return Correction(max(given) + 1, frozenset(withdrawn))


def _facts(
    hub: Hub,
    connection: Connection,
    interface: Interface | None,
    settled: Settled,
    outcome: FlowOutcome,
    findings: Findings,
) -> AnswerFacts:
    """Gather what may be said, now and for the first time."""
    interchange, final = settled.interchange, outcome is not FlowOutcome.HELD
    received, within = interchange.received_at, connection.answer_within
    return AnswerFacts(
        interchange=interchange,
        outcome=outcome,
        reasons=settled.reasons or _reasons_of_held(settled.documents, final=final),
        documents=tuple(
            AnsweredDocument(document, _worst_first(findings.get(document.id, ())))
            for document in settled.documents
        ),
        at=hub.clock.now(),
        final_by=None if final else received + hub.settings.held_for,
        interface=interface,
        application_code=connection.application_code,
        hub_code=hub.settings.hub_code,
        scanner=connection.scanner,
        formats=connection.answers,
        figures=settled.figures,
        answer_by=received + within if within else None,
        matricule=connection.matricule,
        siren=connection.siren,
        about=kind_of_flow(interchange, connection, interface),
    )


def _reasons_of_held(documents: Sequence[Document], *, final: bool) -> tuple[Reason, ...]:
    if final:
        return ()
    held = (document for document in documents if document.step.value == "held")
    return tuple(reason for document in held for reason in document.reasons)


def _worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity is not Severity.FATAL))
