"""The answer that a sender's program reads: one JSON object, keys that stay.

========================  ==============================================================
key                       value
========================  ==============================================================
``schema``                ``edi-answer/1``; the number grows when a key changes meaning
``answered_at``           moment, ISO 8601, UTC
``interchange``           ``id, name, sha256, size, received_at``: what was received
``outcome``               ``accepted``, ``partly accepted``, ``rejected``, ``duplicate``
                          or ``held``
``environment``           ``production``, or ``qualification``: nothing of it counts
``final``                 false on an interim notice; a final answer follows
``round``                 1; one more on each further answer, which replaces those before
``final_by``              on an interim notice, moment of the final answer at the latest
``answer_by``             moment by which the final answer was agreed to be there, or ``null``
``antivirus``             who looked for malware: ``clamd``, or ``none`` for nobody
``summary``               one sentence: ``fr, en``
``reasons[]``             why the flow as a whole is refused or held, in the order of the
                          controls: ``code, label{fr,en}, place, message{fr,en}``
``manifest[]``            figures of the flow's manifest: ``what, announced, found, holds``
``counts``                documents: ``received, accepted, rejected, duplicate, held``
``amounts[]``             sums of totals with VAT, credit notes taken off: ``currency,
                          accepted, rejected, duplicate, held``; amounts are text
``documents[]``           by place: ``id, name, number, issue_date, type, seller, buyer,
                          total_with_vat, currency, outcome, agreement, reasons[],
                          findings_total{fatal,warning}, findings[]``
``agreement``             what the document was held against, or ``null``: ``day, profile,
                          receiver, takes``, the versions of that day
``seller``                ``name, siret, siren, vat``
``buyer``                 ``name, siret, siren, service``
``findings[]``            the first 50, fatal ones first: ``rule, severity, term, xpath,
                          line, value, expected, message{fr,en}``
========================  ==============================================================

What could not be read is ``null``. Text of the sender's is shortened to 1,000
characters, and characters that XML cannot carry are shown as U+FFFD.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from pipeline.acknowledge.summary import (
    Bucket,
    amount_text,
    bucket,
    counts,
    sentence,
    totals,
)
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts
from pipeline.model.controls import CONTROL, first_by_step
from pipeline.model.decision import Reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.report import RoutingHeader
from pipeline.syntax.characters import shorten

#: Name and version of the shape above.
SCHEMA = "edi-answer/1"

#: Findings carried for one document; their number is always told.
MOST_FINDINGS = 50

_MOST_TEXT = 1_000


def answer_json(facts: AnswerFacts) -> bytes:
    """Write the answer as one line of UTF-8 JSON; the same facts give the same bytes."""
    flow = facts.interchange
    answer = {
        "schema": SCHEMA,
        "answered_at": _moment(facts.at),
        "interchange": {
            "id": flow.id,
            "name": _text(flow.name),
            "sha256": flow.sha256,
            "size": flow.size,
            "received_at": _moment(flow.received_at),
        },
        "outcome": facts.outcome.value,
        "environment": flow.environment.value,
        "final": facts.final,
        "round": facts.correction.number if facts.correction else 1,
        "final_by": None if facts.final_by is None else _moment(facts.final_by),
        "answer_by": None if facts.answer_by is None else _moment(facts.answer_by),
        "antivirus": facts.scanner.value,
        "summary": _texts(sentence(facts)),
        "reasons": _reasons(facts.reasons),
        "manifest": [
            {
                "what": _text(one.what),
                "announced": _text(one.announced),
                "found": _text(one.found),
                "holds": one.holds,
            }
            for one in facts.figures
        ],
        "counts": {
            "received": len(facts.documents),
            **{each.value: number for each, number in counts(facts.documents).items()},
        },
        "amounts": [
            {"currency": _text(one.currency), **_sums(one.amounts)}
            for one in totals(facts.documents)
        ],
        "documents": [_document(one) for one in facts.documents],
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _document(one: AnsweredDocument) -> dict[str, object]:
    document, header = one.document, one.document.header
    number = Counter(finding.severity for finding in one.findings)
    return {
        "id": document.id,
        "name": _text(document.name),
        "number": _text(header.number),
        "issue_date": header.issue_date.isoformat() if header.issue_date else None,
        "type": _text(header.type_code),
        **_parties(header),
        "total_with_vat": amount_text(header.total_with_vat),
        "currency": _text(header.currency),
        "outcome": bucket(document).value,
        "agreement": document.agreement.as_object() if document.agreement else None,
        "reasons": _reasons(document.reasons),
        "findings_total": {each.value: number[each] for each in Severity},
        "findings": [_finding(finding) for finding in one.findings[:MOST_FINDINGS]],
    }


def _parties(header: RoutingHeader) -> dict[str, object]:
    return {
        "seller": {
            "name": _text(header.seller_name),
            "siret": _text(header.seller_siret),
            "siren": _text(header.seller_siren),
            "vat": _text(header.seller_vat),
        },
        "buyer": {
            "name": _text(header.buyer_name),
            "siret": _text(header.buyer_siret),
            "siren": _text(header.buyer_siren),
            "service": _text(header.buyer_service),
        },
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": _text(finding.rule),
        "severity": finding.severity.value,
        "term": finding.term,
        "xpath": _text(finding.xpath),
        "line": finding.line,
        "value": _text(finding.value),
        "expected": finding.expected,
        "message": _texts(finding.message),
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, object]]:
    return [
        {
            "code": reason.code,
            "label": dict(CONTROL[reason.code].label),
            "place": _text(reason.place),
            "message": _texts(reason.message),
        }
        for reason in first_by_step(reasons)
    ]


def _sums(amounts: Mapping[Bucket, Decimal]) -> dict[str, str | None]:
    return {each.value: amount_text(amount) for each, amount in amounts.items()}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _texts(texts: Mapping[str, str]) -> dict[str, str | None]:
    return {key: _text(texts[key]) for key in ("fr", "en")}


def _text(text: str | None) -> str | None:
    return None if text is None else shorten(text, _MOST_TEXT)
