"""Erasing rows: what was quoted goes, what counts and proves stays; each move is fenced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.decision import Reason
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import Fenced
from pipeline.model.finding import Finding, Layer, LayerResult, Severity
from pipeline.model.identity import document_id, interchange_id, outbox_key
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Trouble, ValidationReport
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query

pytestmark = pytest.mark.contract

NOW = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
BY = "operator:tests"
HEADER = RoutingHeader(
    number="F-1",
    issue_date=date(2025, 2, 1),
    type_code="380",
    currency="EUR",
    order_reference="ENG-7",
    seller_name="Jeanne Dupont",
    seller_siret="12345678200010",
    seller_siren="123456782",
    seller_vat="FR00123456782",
    buyer_name="Jean Martin",
    buyer_siret="98765432100012",
    buyer_endpoint="jean.martin",
    total_with_vat=Decimal("12.00"),
)
REPORT = ValidationReport(
    syntax=None,
    layers=(
        LayerResult.of(
            Layer.SEMANTICS,
            (
                Finding(
                    rule="BR-CO-15",
                    severity=Severity.FATAL,
                    term="BT-112",
                    xpath="/Invoice",
                    line=3,
                    value="Jean Martin",
                    message={"fr": "« Jean Martin »", "en": "'Jean Martin'"},
                ),
            ),
        ),
    ),
    trouble=Trouble.PACK_ERROR,
    trouble_detail="at 'Jean Martin'",
)


def flow(name: str) -> Interchange:
    """Return a file as received."""
    return Interchange(
        id=interchange_id("baker", name, "a" * 64, 0),
        connection="baker",
        partner="Baker",
        name=name,
        size=1,
        mtime=0,
        sha256="a" * 64,
        received_at=NOW,
    )


def inside(one: Interchange, header: RoutingHeader = HEADER) -> Document:
    """Return the only document of a flow, refused for what stands in it."""
    quoted = Reason(code="REJ_SEMAN", place="Jean Martin", message={"fr": "x", "en": "x"})
    return Document(
        id=document_id(one.id, 1),
        interchange=one.id,
        seq=1,
        name=one.name,
        size=1,
        sha256="b" * 64,
        header=header,
        reasons=(quoted,),
    )


def take_in(ledger: SqlLedger, name: str, header: RoutingHeader = HEADER) -> Interchange:
    """Record a flow that was refused, with its report and its answer; return it as it stands."""
    one = flow(name)
    document = inside(one, header)
    key = BusinessKey(seller=header.seller_siren or name, number=name, year=2025)
    answer = OutboxRow(
        key=outbox_key("acknowledgement", one.id, "baker", name),
        kind=OutboxKind.ACKNOWLEDGEMENT,
        interchange=one.id,
        connection="baker",
        name=name,
        due=NOW,
        payload=b"Jean Martin",
    )
    with ledger.transaction() as tx:
        tx.record(one, BY)
        tx.add_documents([(document, REPORT)], BY, NOW)
        tx.move_documents([document], Step.REJECTED, by=BY, at=NOW)
        tx.hold_keys({key: document.id})
        refused = replace(one, reason="REJ_SEMAN", detail="« Jean Martin »", documents=1)
        tx.move_interchange(refused, InterchangeStep.REFUSED, by=BY, at=NOW)
        tx.enqueue(answer, BY, NOW)
    found = ledger.interchange(one.id)
    assert found is not None
    return found


def erase(ledger: SqlLedger, one: Interchange) -> None:
    """Erase a flow."""
    with ledger.transaction() as tx:
        tx.erase(one, by=BY, at=NOW, reason="asked")


def test_what_was_quoted_goes_and_what_counts_stays(ledger: SqlLedger) -> None:
    """Rule, place, codes, number, amount, seller's SIREN: enough to count and to recognise."""
    one = take_in(ledger, "1.xml")

    erase(ledger, one)

    assert ledger.interchange(one.id) == replace(one, detail="", erased=True)
    document = ledger.document(inside(one).id)
    assert document is not None
    assert document.header == RoutingHeader(
        number="F-1",
        issue_date=date(2025, 2, 1),
        type_code="380",
        currency="EUR",
        seller_siren="123456782",
        total_with_vat=Decimal("12.00"),
    )
    assert [(r.code, r.place, r.message["fr"]) for r in document.reasons] == [
        ("REJ_SEMAN", "", "(effacé)")
    ]
    report = ledger.report(document.id)
    assert report is not None
    (finding,) = report.findings
    assert (finding.rule, finding.xpath, finding.line) == ("BR-CO-15", "/Invoice", 3)
    assert (finding.value, finding.message["fr"]) == (None, "(effacé)")
    assert (report.trouble, report.trouble_detail) == (Trouble.PACK_ERROR, "")
    assert [row.payload for row in ledger.outbox(interchange=one.id)] == [b""]
    assert ledger.verify() == []


def test_no_other_flow_is_touched(ledger: SqlLedger) -> None:
    """Its neighbour may be on legal hold."""
    one, other = take_in(ledger, "1.xml"), take_in(ledger, "2.xml")

    erase(ledger, one)

    assert ledger.interchange(other.id) == other
    kept = ledger.document(inside(other).id)
    assert kept is not None
    assert (kept.header, kept.reasons[0].place) == (HEADER, "Jean Martin")
    assert [row.payload for row in ledger.outbox(interchange=other.id)] == [b"Jean Martin"]
    assert [one.id for one in ledger.interchanges(Query(erased=False))] == [other.id]
    assert [found.id for found in ledger.interchanges(Query(erased=True))] == [one.id]


@pytest.mark.parametrize(
    ("header", "left"),
    [
        pytest.param(HEADER, 1, id="a-siren-stays"),
        pytest.param(replace(HEADER, seller_siren=None), 0, id="a-name-goes"),
    ],
)
def test_a_business_key_stays_unless_it_names_somebody(
    ledger: SqlLedger, header: RoutingHeader, left: int
) -> None:
    """The number must not be taken twice; a seller without a SIREN is named in its key."""
    one = take_in(ledger, "1.xml", header)
    key = BusinessKey(seller=header.seller_siren or "1.xml", number="1.xml", year=2025)

    erase(ledger, one)

    with ledger.transaction() as tx:
        assert len(tx.holders([key])) == left


def test_a_flow_is_erased_once(ledger: SqlLedger) -> None:
    """A second operator has no second effect."""
    one = take_in(ledger, "1.xml")
    erase(ledger, one)

    with pytest.raises(Fenced):
        erase(ledger, one)

    assert ledger.count_events("interchange.erased") == 1


def test_legal_hold_fences_an_erasing_that_was_decided_before(ledger: SqlLedger) -> None:
    """Whoever looked a moment ago may be late."""
    one = take_in(ledger, "1.xml")
    with ledger.transaction() as tx:
        assert tx.set_legal_hold(one, held=True, by=BY, at=NOW, reason="court")

    with pytest.raises(Fenced):
        erase(ledger, one)

    assert ledger.interchange(one.id) == replace(one, legal_hold=True)
    with ledger.transaction() as tx:
        assert not tx.set_legal_hold(one, held=True, by=BY, at=NOW, reason="court")
        assert tx.set_legal_hold(one, held=False, by=BY, at=NOW, reason="settled")
    erase(ledger, one)
    assert ledger.verify() == []


def test_connections_are_known_after_they_are_closed(ledger: SqlLedger) -> None:
    """Their flows are still to be kept, and once to be erased."""
    assert ledger.connections_seen() == []
    take_in(ledger, "1.xml")
    take_in(ledger, "2.xml")

    assert ledger.connections_seen() == ["baker"]
