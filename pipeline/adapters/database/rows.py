"""Values to rows and back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Row

from pipeline.adapters.database.codec import dump, load, load_all
from pipeline.model.agreement import Agreement
from pipeline.model.carriage import Conversion, Recipe
from pipeline.model.connection import Envelope, Environment
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Layer, Severity
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange, RemoteFile, Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Syntax, ValidationReport
from pipeline.model.status import InterchangeStep, OutboxState, Step

#: A row to write: column to value.
Values = dict[str, object]

_NONE = "[]"
#: Headers and bare reports kept at hand: the documents of a flow are written and read
#: several times on their way, and most reports are alike.
_AT_HAND = 2048


@lru_cache(_AT_HAND)
def _text(value: Hashable) -> str:
    return dump(value)


@lru_cache(_AT_HAND)
def header_of(text: str) -> RoutingHeader:
    """Read the header of a document."""
    return load(RoutingHeader, text)


@lru_cache(_AT_HAND)
def _agreement_of(text: str) -> Agreement:
    return load(Agreement, text)


def interchange_values(value: Interchange) -> Values:
    """Return the row of an interchange, unclaimed."""
    return {
        "id": value.id,
        "connection": value.connection,
        "partner": value.partner,
        "name": value.name,
        "size": value.size,
        "mtime": value.mtime,
        "sha256": value.sha256,
        "received_at": value.received_at,
        "step": value.step.value,
        "removed": value.removed,
        "erased": value.erased,
        "legal_hold": value.legal_hold,
        "environment": value.environment.value,
        "lease_token": 0,
        **interchange_outcome(value),
    }


def interchange_outcome(value: Interchange) -> Values:
    """Return the columns that a move writes."""
    return {
        "reason": value.reason,
        "detail": value.detail,
        "first": value.first,
        "documents": value.documents,
    }


def interchange_of(row: Row[Any]) -> Interchange:
    """Read an interchange."""
    return Interchange(
        id=InterchangeId(row.id),
        connection=row.connection,
        partner=row.partner,
        name=row.name,
        size=row.size,
        mtime=row.mtime,
        sha256=row.sha256,
        received_at=row.received_at,
        step=InterchangeStep(row.step),
        removed=row.removed,
        reason=row.reason,
        detail=row.detail,
        first=InterchangeId(row.first) if row.first else None,
        documents=row.documents,
        erased=row.erased,
        legal_hold=row.legal_hold,
        environment=Environment(row.environment),
    )


def document_values(value: Document) -> Values:
    """Return the row of a document."""
    return {
        "id": value.id,
        "interchange": value.interchange,
        "seq": value.seq,
        "name": value.name,
        "size": value.size,
        "sha256": value.sha256,
        "step": value.step.value,
        **document_outcome(value),
    }


def document_outcome(value: Document) -> Values:
    """Return the columns that a move writes."""
    header = value.header
    return {
        "syntax": value.syntax.value if value.syntax else None,
        "header": _text(header),
        "reasons": dump(value.reasons) if value.reasons else _NONE,
        "codes": " ".join(reason.code for reason in value.reasons),
        "route": value.route,
        "first": value.first,
        "agreement": _text(value.agreement) if value.agreement else None,
        "number": header.number,
        "seller": header.seller_siren or header.seller_vat or header.seller_name,
        "buyer_siret": header.buyer_siret,
    }


def document_of(row: Row[Any]) -> Document:
    """Read a document."""
    return Document(
        id=DocumentId(row.id),
        interchange=InterchangeId(row.interchange),
        seq=row.seq,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        step=Step(row.step),
        syntax=Syntax(row.syntax) if row.syntax else None,
        header=header_of(row.header),
        reasons=load_all(Reason, row.reasons) if row.reasons != _NONE else (),
        route=row.route,
        first=DocumentId(row.first) if row.first else None,
        agreement=_agreement_of(row.agreement) if row.agreement else None,
    )


def report_values(subject: DocumentId, value: ValidationReport) -> Values:
    """Return the row of a report, without its findings."""
    layers = tuple(replace(result, findings=()) for result in value.layers)
    bare = replace(value, layers=layers)
    # what a receiver's XSD finds is of this document alone, and stays in the body
    return {"document": subject, "body": dump(bare) if bare.receivers else _text(bare)}


def finding_values(subject: DocumentId, value: ValidationReport) -> list[Values]:
    """Return the rows of a report's findings, in order."""
    found = ((result.layer, one) for result in value.layers for one in result.findings)
    return [
        {
            "document": subject,
            "place": place,
            "layer": layer.value,
            "rule": one.rule,
            "severity": one.severity.value,
            "term": one.term,
            "xpath": one.xpath,
            "line": one.line,
            "value": one.value,
            "expected": one.expected,
            "message": dump(one.message),
        }
        for place, (layer, one) in enumerate(found, 1)
    ]


def report_of(body: str, findings: Iterable[Row[Any]]) -> ValidationReport:
    """Read a report from its row and those of its findings, in order."""
    by_layer: dict[Layer, list[Finding]] = {}
    for row in findings:
        by_layer.setdefault(Layer(row.layer), []).append(_finding_of(row))
    bare = load(ValidationReport, body)
    layers = tuple(
        replace(result, findings=tuple(by_layer.get(result.layer, ()))) for result in bare.layers
    )
    return replace(bare, layers=layers)


def _finding_of(row: Row[Any]) -> Finding:
    return Finding(
        rule=row.rule,
        severity=Severity(row.severity),
        term=row.term,
        xpath=row.xpath,
        line=row.line,
        value=row.value,
        expected=row.expected,
        message=json.loads(row.message),
    )


def outbox_values(value: OutboxRow) -> Values:
    """Return the row of a file that is to leave, unclaimed, without its documents."""
    return {
        "key": value.key,
        "kind": value.kind.value,
        "interchange": value.interchange,
        "connection": value.connection,
        "name": value.name,
        "folder": value.folder,
        "due": value.due,
        "payload": value.payload,
        "envelope": value.envelope.value,
        "recipe": dump(value.recipe) if value.recipe else None,
        "planned_at": value.planned,
        "generation": value.generation,
        "final": value.final,
        "state": value.state.value,
        "attempts": value.attempts,
        "error": value.error,
        "lease_token": 0,
    }


def outbox_of(row: Row[Any], documents: Mapping[str, Sequence[DocumentId]]) -> OutboxRow:
    """Read a file that is to leave, with the documents it carries by key."""
    return OutboxRow(
        key=OutboxKey(row.key),
        kind=OutboxKind(row.kind),
        interchange=InterchangeId(row.interchange) if row.interchange else None,
        connection=row.connection,
        name=row.name,
        folder=row.folder,
        due=row.due,
        payload=row.payload,
        documents=tuple(documents.get(row.key, ())),
        envelope=Envelope(row.envelope),
        recipe=load(Recipe, row.recipe) if row.recipe else None,
        planned=row.planned_at,
        generation=row.generation,
        final=row.final,
        state=OutboxState(row.state),
        attempts=row.attempts,
        error=row.error,
    )


def conversion_values(key: OutboxKey, value: Conversion) -> Values:
    """Return the row of what became of one document."""
    return {"key": key, "document": value.document, "body": dump(value)}


def sighting_values(connection: str, value: Sighting) -> Values:
    """Return the row of a sighting."""
    return {
        "connection": connection,
        "name": value.file.name,
        "size": value.file.size,
        "mtime": value.file.mtime,
        "first_seen": value.first_seen,
        "stable_since": value.stable_since,
        "note": value.note,
    }


def sighting_of(row: Row[Any]) -> Sighting:
    """Read a sighting."""
    return Sighting(
        file=RemoteFile(row.name, row.size, row.mtime),
        first_seen=row.first_seen,
        stable_since=row.stable_since,
        note=row.note,
    )
