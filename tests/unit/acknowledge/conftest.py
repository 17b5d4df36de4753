"""One flow of a paper supplier, in every state an answer may have to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from pipeline.acknowledge.means import Means
from pipeline.bootstrap import answer_means, workspace
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, FlowOutcome
from pipeline.model.connection import AnswerFamily, Atomicity
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Severity
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.settings import Settings
from pipeline.model.status import InterchangeStep, Step

AT = datetime(2026, 10, 5, 8, 31, 7, 250_000, tzinfo=UTC)
FLOW = Interchange(
    id=InterchangeId("F0123456789ABCDEF"),
    connection="papeterie",
    partner="Papeterie du Lac",
    name="FSO1100A_ABC123_ABC1231100000000000000042",
    size=48_213,
    mtime=0,
    sha256="a3" * 32,
    received_at=AT - timedelta(minutes=2),
    step=InterchangeStep.OPENED,
)
FSO1100A = Interface(
    code="FSO1100A",
    title="UBL (E1)",
    syntaxes=("ubl-invoice", "ubl-credit-note"),
    refused_by="CSO1100A",
    taken_by="FEN1200A",
    atomicity=Atomicity.FLOW,
    profile="chorus-historical",
    source="DSE §5.4.2.1.1",
)
HEADER = RoutingHeader(
    number="FA-2026-0001",
    issue_date=date(2026, 10, 2),
    type_code="380",
    currency="EUR",
    seller_name="Papeterie du Lac SARL",
    seller_siret="73282932000074",
    seller_siren="732829320",
    seller_vat="FR44732829320",
    seller_country="FR",
    buyer_name="Ville exemple",
    buyer_siret="21750001600019",
    buyer_siren="217500016",
    buyer_service="SRV-ACHATS",
    total_with_vat=Decimal("300.00"),
)


FSO1150A = replace(
    FSO1100A,
    code="FSO1150A",
    refused_by="CSO1150A",
    taken_by="FEN1214A",
    profile="fr-b2g",
    answers=AnswerFamily.AFNOR,
)
FSO3110A = replace(
    FSO1100A,
    code="FSO3110A",
    refused_by="CSI3110A",
    taken_by="CSO3110A",
    profile="fr-b2b",
    answers=AnswerFamily.G2B,
)


@pytest.fixture(scope="session")
def means() -> Means:
    """What the shipped hub writes with: schemas, reasons, matricule 9999."""
    return answer_means(workspace(), Settings())


@pytest.fixture
def interfaces() -> dict[AnswerFamily, Interface]:
    """One interface a family."""
    return {one.answers: one for one in (FSO1100A, FSO1150A, FSO3110A)}


@pytest.fixture
def a_document() -> Callable[..., AnsweredDocument]:
    """Build the `seq`-th document; keywords that are no field of `Document` go to its header."""

    def build(
        seq: int = 1,
        step: Step = Step.ROUTED,
        *,
        reasons: tuple[Reason, ...] = (),
        findings: tuple[Finding, ...] = (),
        name: str | None = None,
        syntax: Syntax = Syntax.UBL_INVOICE,
        **header: object,
    ) -> AnsweredDocument:
        terms = {"number": f"FA-2026-{seq:04d}", **header}
        document = Document(
            id=document_id(FLOW.id, seq),
            interchange=FLOW.id,
            seq=seq,
            name=f"facture-{seq:03d}.xml" if name is None else name,
            size=100,
            sha256="b" * 64,
            step=step,
            syntax=syntax,
            header=replace(HEADER, **terms),  # type: ignore[arg-type]  # keywords of RoutingHeader
            reasons=reasons,
        )
        return AnsweredDocument(document, findings)

    return build


@pytest.fixture
def a_finding() -> Callable[..., Finding]:
    """Build a fatal finding of BR-CO-15; any field may be given."""

    def build(**terms: object) -> Finding:
        found = Finding(
            rule="BR-CO-15",
            severity=Severity.FATAL,
            term="BT-112",
            xpath="/*:Invoice[namespace-uri()='urn:x'][1]/*:TaxInclusiveAmount[1]",
            line=42,
            value="299.99",
            expected="288.00",
            message={"fr": "Le total TTC est faux.", "en": "The total with VAT is wrong."},
        )
        return replace(found, **terms)  # type: ignore[arg-type]  # keywords of Finding

    return build


@pytest.fixture
def some_facts() -> Callable[..., AnswerFacts]:
    """Build facts; historical unless `free`; the interchange's step follows the outcome."""

    def build(
        outcome: FlowOutcome,
        documents: tuple[AnsweredDocument, ...] = (),
        reasons: tuple[Reason, ...] = (),
        *,
        step: InterchangeStep = InterchangeStep.OPENED,
        name: str | None = None,
        free: bool = False,
        **terms: object,
    ) -> AnswerFacts:
        facts = AnswerFacts(
            interchange=replace(FLOW, step=step, name=FLOW.name if name is None else name),
            outcome=outcome,
            reasons=reasons,
            documents=documents,
            at=AT,
            final_by=AT + timedelta(days=1) if outcome is FlowOutcome.HELD else None,
            interface=None if free else FSO1100A,
            application_code=None if free else "ABC123",
            hub_code="EDIHUB",
        )
        return replace(facts, **terms)  # type: ignore[arg-type]  # keywords of AnswerFacts

    return build


@pytest.fixture
def numbers() -> Callable[[str], int]:
    """Count each series from 57, as a ledger that has answered before."""
    last: dict[str, int] = {}

    def take(series: str) -> int:
        last[series] = last.get(series, 56) + 1
        return last[series]

    return take
