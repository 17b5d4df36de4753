"""The JSON answer: keys that stay, facts that add up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.acknowledge.machine import MOST_FINDINGS, answer_json
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, Figure, FlowOutcome
from pipeline.model.agreement import Agreement
from pipeline.model.connection import Scanning
from pipeline.model.controls import reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.report import Syntax
from pipeline.model.status import InterchangeStep, Step

Facts = Callable[..., AnswerFacts]
Doc = Callable[..., AnsweredDocument]
FLOW_NAME = "FSO1100A_ABC123_ABC1231100000000000000042"
DEST_INC = reason("DEST_INC", "facture-002.xml BT-46", "SIRET inconnu : 1", "unknown SIRET: 1")


def test_every_key_is_there(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """A sender's program is written once against this shape."""
    bad = a_document(2, Step.REJECTED, reasons=(DEST_INC,), findings=(a_finding(),))
    good = a_document(1)
    agreement = Agreement(day=date(2026, 10, 5), profile="fr-b2g", receiver="ville", takes="v@1")
    good = replace(good, document=replace(good.document, agreement=agreement))
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, (good, bad), free=True)

    answer = json.loads(answer_json(facts))

    seller = {
        "name": "Papeterie du Lac SARL",
        "siret": "73282932000074",
        "siren": "732829320",
        "vat": "FR44732829320",
    }
    buyer = {
        "name": "Ville exemple",
        "siret": "21750001600019",
        "siren": "217500016",
        "service": "SRV-ACHATS",
    }
    same = {
        "issue_date": "2026-10-02",
        "type": "380",
        "seller": seller,
        "buyer": buyer,
        "total_with_vat": "300.00",
        "currency": "EUR",
    }
    assert answer == {
        "schema": "edi-answer/1",
        "answered_at": "2026-10-05T08:31:07.250000Z",
        "interchange": {
            "id": "F0123456789ABCDEF",
            "name": FLOW_NAME,
            "sha256": "a3" * 32,
            "size": 48213,
            "received_at": "2026-10-05T08:29:07.250000Z",
        },
        "outcome": "partly accepted",
        "environment": "production",
        "final": True,
        "round": 1,
        "final_by": None,
        "answer_by": None,
        "antivirus": "none",
        "summary": {
            "fr": "Flux intégré en partie : 1 facture acceptée sur 2.",
            "en": "Flow taken in part: 1 of 2 invoices accepted.",
        },
        "reasons": [],
        "manifest": [],
        "counts": {"received": 2, "accepted": 1, "rejected": 1, "duplicate": 0, "held": 0},
        "amounts": [
            {
                "currency": "EUR",
                "accepted": "300.00",
                "rejected": "300.00",
                "duplicate": "0",
                "held": "0",
            }
        ],
        "documents": [
            {
                "id": "F0123456789ABCDEF-0001",
                "name": "facture-001.xml",
                "number": "FA-2026-0001",
                **same,
                "outcome": "accepted",
                "agreement": {
                    "day": "2026-10-05",
                    "profile": "fr-b2g",
                    "receiver": "ville",
                    "takes": "v@1",
                },
                "reasons": [],
                "findings_total": {"fatal": 0, "warning": 0},
                "findings": [],
            },
            {
                "id": "F0123456789ABCDEF-0002",
                "name": "facture-002.xml",
                "number": "FA-2026-0002",
                **same,
                "outcome": "rejected",
                "agreement": None,
                "reasons": [
                    {
                        "code": "DEST_INC",
                        "label": {
                            "fr": "Destinataire inconnu ou inactif",
                            "en": "Recipient unknown or inactive",
                        },
                        "place": "facture-002.xml BT-46",
                        "message": dict(DEST_INC.message),
                    }
                ],
                "findings_total": {"fatal": 1, "warning": 0},
                "findings": [
                    {
                        "rule": "BR-CO-15",
                        "severity": "fatal",
                        "term": "BT-112",
                        "xpath": "/*:Invoice[namespace-uri()='urn:x'][1]/*:TaxInclusiveAmount[1]",
                        "line": 42,
                        "value": "299.99",
                        "expected": "288.00",
                        "message": {
                            "fr": "Le total TTC est faux.",
                            "en": "The total with VAT is wrong.",
                        },
                    }
                ],
            },
        ],
    }


def test_an_interim_notice_says_so(some_facts: Facts, a_document: Doc) -> None:
    """A program must not take it for the last word."""
    facts = some_facts(FlowOutcome.HELD, (a_document(1, Step.RECEIVED),), free=True)

    answer = json.loads(answer_json(facts))

    assert {key: answer[key] for key in ("outcome", "final", "final_by", "counts")} == {
        "outcome": "held",
        "final": False,
        "final_by": "2026-10-06T08:31:07.250000Z",
        "counts": {"received": 1, "accepted": 0, "rejected": 0, "duplicate": 0, "held": 1},
    }


def test_a_flow_refused_as_a_whole_gives_its_reasons_in_order(some_facts: Facts) -> None:
    """The first reason is the one of the earliest control."""
    facts = some_facts(
        FlowOutcome.REJECTED,
        reasons=(reason("IRR_SYNTAX", "b", "", ""), reason("IRR_VIDE_F", "a", "", "")),
        step=InterchangeStep.REFUSED,
        free=True,
    )

    answer = json.loads(answer_json(facts))

    assert [(one["code"], one["place"]) for one in answer["reasons"]] == [
        ("IRR_VIDE_F", "a"),
        ("IRR_SYNTAX", "b"),
    ]
    assert answer["summary"]["en"] == (
        "Flow refused as a whole, nothing was taken in. Reason: Empty file in the flow; "
        "File not well-formed or not valid against the schema."
    )


def test_amounts_add_up_by_currency_and_credit_notes_come_off(
    some_facts: Facts, a_document: Doc
) -> None:
    """Sums are exact; what is no amount of this world is left out instead of spoiling the sum."""
    documents = (
        a_document(1, total_with_vat=Decimal("0.1")),
        a_document(2, total_with_vat=Decimal("0.2")),
        a_document(3, total_with_vat=Decimal("1000000000000000000000000.001")),
        a_document(4, total_with_vat=Decimal(5), type_code="381"),
        a_document(5, total_with_vat=Decimal(6), syntax=Syntax.UBL_CREDIT_NOTE),
        a_document(6, Step.REJECTED, reasons=(DEST_INC,), total_with_vat=Decimal("1E+999999")),
        a_document(7, Step.REJECTED, reasons=(DEST_INC,), total_with_vat=Decimal("NaN")),
        a_document(8, Step.REJECTED, reasons=(DEST_INC,), total_with_vat=None),
        a_document(9, Step.REJECTED, reasons=(DEST_INC,), currency=None),
        a_document(10, Step.DUPLICATE, reasons=(DEST_INC,), currency="CHF"),
    )

    answer = json.loads(answer_json(some_facts(FlowOutcome.PARTLY_ACCEPTED, documents, free=True)))

    zero = {"accepted": "0", "rejected": "0", "duplicate": "0", "held": "0"}
    assert answer["amounts"] == [
        {"currency": None, **zero, "rejected": "300.00"},
        {"currency": "CHF", **zero, "duplicate": "300.00"},
        {"currency": "EUR", **zero, "accepted": "999999999999999999999989.301"},
    ]
    assert [one["total_with_vat"] for one in answer["documents"][5:8]] == [None, None, None]


def test_findings_are_capped_and_counted(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """One document with thousands of faults must not make an answer nobody can open."""
    findings = tuple(a_finding() for _ in range(60)) + tuple(
        a_finding(severity=Severity.WARNING) for _ in range(7)
    )
    document = a_document(1, Step.REJECTED, reasons=(DEST_INC,), findings=findings)

    answer = json.loads(answer_json(some_facts(FlowOutcome.REJECTED, (document,), free=True)))

    (one,) = answer["documents"]
    assert (len(one["findings"]), one["findings_total"]) == (
        MOST_FINDINGS,
        {"fatal": 60, "warning": 7},
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param('"</script>\n', '"</script>\n', id="markup"),
        pytest.param("a\x00\ud800b", "a��b", id="no-xml-character"),
        pytest.param("x" * 5_000, "x" * 999 + "…", id="long"),
    ],
)
def test_hostile_text_stays_text(
    some_facts: Facts, a_document: Doc, text: str, shown: str
) -> None:
    """It is valid JSON in valid UTF-8, whatever a sender wrote."""
    facts = some_facts(
        FlowOutcome.ACCEPTED, (a_document(1, number=text, buyer_name=text),), free=True, name=text
    )

    answer = json.loads(answer_json(facts).decode("utf-8"))

    (one,) = answer["documents"]
    assert (answer["interchange"]["name"], one["number"], one["buyer"]["name"]) == (shown,) * 3


def test_what_was_agreed_and_counted_is_told(some_facts: Facts, a_document: Doc) -> None:
    """Who looked for malware, by when the answer was agreed, and the manifest figure by figure."""
    facts = some_facts(
        FlowOutcome.ACCEPTED,
        (a_document(),),
        scanner=Scanning.CLAMD,
        answer_by=datetime(2026, 10, 6, 8, tzinfo=UTC),
        figures=(Figure("count", "1", "1"), Figure("sum EUR", "300.00", None)),
    )

    answer = json.loads(answer_json(facts))

    assert (answer["antivirus"], answer["answer_by"], answer["manifest"]) == (
        "clamd",
        "2026-10-06T08:00:00Z",
        [
            {"what": "count", "announced": "1", "found": "1", "holds": True},
            {"what": "sum EUR", "announced": "300.00", "found": None, "holds": False},
        ],
    )
