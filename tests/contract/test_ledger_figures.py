"""What reports and stories ask of the ledger, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.connection import Environment
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.figures import DocumentFigures, Received, RuleCount
from pipeline.model.finding import Finding, Layer, LayerResult, Severity
from pipeline.model.identity import document_id, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.report import RoutingHeader, Syntax, ValidationReport
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query

pytestmark = pytest.mark.contract

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = Query(received_from=NOON, received_before=NOON + DAY)


def flow(name: str, partner: str, at: datetime) -> Interchange:
    """Make a received file."""
    return Interchange(
        id=interchange_id("c", name, "ab", 1),
        connection=f"sheet-{partner}",
        partner=partner,
        name=name,
        size=1,
        mtime=1,
        sha256="ab",
        received_at=at,
    )


def inside(one: Interchange, seq: int, **header: Any) -> Document:
    """Make a document of a file."""
    return Document(
        id=document_id(one.id, seq),
        interchange=one.id,
        seq=seq,
        name=f"{seq}.xml",
        size=1,
        sha256="ab",
        syntax=Syntax.UBL_INVOICE,
        header=RoutingHeader(**header),
    )


def broken(*rules: str, severity: Severity = Severity.FATAL) -> ValidationReport:
    """Make a report in which rules are broken."""
    found = tuple(
        Finding(
            rule=rule,
            severity=severity,
            term=None,
            xpath="/",
            line=None,
            value=None,
            message={"fr": "f", "en": "e"},
        )
        for rule in rules
    )
    return ValidationReport(syntax=None, layers=(LayerResult.of(Layer.SEMANTICS, found),))


@pytest.fixture
def filled(ledger: SqlLedger) -> SqlLedger:
    """Two partners' flows of a day, one of the day before, documents of all sorts."""
    early = flow("early", "ACME", NOON - timedelta(microseconds=1))
    one, two = flow("one", "ACME", NOON), flow("two", "Bolt", NOON + DAY / 2)
    late = flow("late", "Bolt", NOON + DAY)
    money = {"currency": "EUR", "total_with_vat": Decimal("12.50")}
    good = inside(one, 1, **money)
    credit = inside(one, 2, type_code="381", **money)
    bad = inside(one, 3, currency="CHF", total_with_vat=Decimal("1E+999999"))
    other = inside(two, 1)
    why = Reason(code="REJ_SEMAN", place="", message={"fr": "f", "en": "e"})
    with ledger.transaction() as tx:
        for each in (late, two, one, early):
            assert tx.record(each, "run:1")
        reports = [
            (good, broken("BR-W", severity=Severity.WARNING)),
            (credit, broken("BR-1")),
            (bad, broken("BR-1", "BR-1", "BR-2")),
            (other, broken("BR-1")),
            (inside(early, 1), broken("BR-1")),
        ]
        tx.add_documents(reports, "run:1", NOON)
    with ledger.transaction() as tx:
        reasons = (why, why)
        refused = [Document(**{**_fields(each), "reasons": reasons}) for each in (bad, other)]
        tx.move_documents(refused, Step.REJECTED, by="run:2", at=NOON)
        tx.move_documents([credit], Step.HELD, by="run:2", at=NOON)
        tx.move_interchange(one, InterchangeStep.HELD, by="run:2", at=NOON)
    return ledger


def _fields(one: Document) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Document.__slots__}


def test_documents_are_counted_with_their_file_whatever_their_own_moment(
    filled: SqlLedger,
) -> None:
    """Oldest file first; credit notes take off, what is no amount of this world is none."""
    found = list(filled.document_figures(TODAY))

    assert found == [
        DocumentFigures(
            partner="ACME",
            received_at=NOON,
            step=Step.RECEIVED,
            codes=(),
            currency="EUR",
            total=Decimal("12.50"),
        ),
        DocumentFigures(
            partner="ACME",
            received_at=NOON,
            step=Step.HELD,
            codes=(),
            currency="EUR",
            total=Decimal("-12.50"),
        ),
        DocumentFigures(
            partner="ACME",
            received_at=NOON,
            step=Step.REJECTED,
            codes=("REJ_SEMAN",),
            currency="CHF",
            total=None,
        ),
        DocumentFigures(
            partner="Bolt",
            received_at=NOON + DAY / 2,
            step=Step.REJECTED,
            codes=("REJ_SEMAN",),
            currency=None,
            total=None,
        ),
    ]
    assert list(filled.document_figures(Query(partner="Bolt"))) == found[3:]


def test_a_rule_counts_once_a_document_that_was_refused(filled: SqlLedger) -> None:
    """Not for warnings, nor for what was held or accepted all the same."""
    assert filled.count_rules(TODAY) == [
        RuleCount("ACME", "BR-1", 1),
        RuleCount("ACME", "BR-2", 1),
        RuleCount("Bolt", "BR-1", 1),
    ]
    assert filled.count_rules(Query(partner="Bolt")) == [RuleCount("Bolt", "BR-1", 1)]


def test_receipts_are_counted_from_the_events(filled: SqlLedger) -> None:
    """By partner and day."""
    assert filled.received(TODAY) == [Received("ACME", 1, 3), Received("Bolt", 1, 1)]
    assert filled.received(Query()) == [Received("ACME", 2, 4), Received("Bolt", 2, 1)]
    assert filled.received(Query(partner="Bolt")) == [Received("Bolt", 2, 1)]


def test_what_lost_its_row_still_counts_as_received(filled: SqlLedger, database: Any) -> None:
    """That is how a report notices."""
    database.sql("DELETE FROM finding")
    database.sql("DELETE FROM report")
    two = flow("two", "Bolt", NOON).id
    database.sql(f"DELETE FROM document WHERE interchange = '{two}'")
    assert filled.received(TODAY) == [Received("ACME", 1, 3), Received("Bolt", 1, 1)]

    database.sql(f"DELETE FROM interchange WHERE id = '{two}'")

    # files by their own moment; documents by that of their opening
    assert filled.received(TODAY) == [Received("?", 1, 1), Received("ACME", 1, 3)]


def test_a_story_counts_what_its_own_run_did(filled: SqlLedger) -> None:
    """And names what it left to a person, in order."""
    held = flow("one", "ACME", NOON).id

    assert filled.count_acts("run:2") == {
        "document.rejected": 2,
        "document.held": 1,
        "interchange.held": 1,
    }
    assert filled.count_acts("run:9") == {}
    stopped = ("document.held", "interchange.held")
    assert filled.acted_on("run:2", stopped, 10) == [f"{held}-0002", held]
    assert filled.acted_on("run:2", stopped, 1) == [f"{held}-0002"]
    assert filled.acted_on("run:1", stopped, 10) == []


def test_trials_are_counted_on_lines_of_their_own(ledger: SqlLedger) -> None:
    """By every count that goes by partner: what was received, and what became of it."""
    real = flow("real.xml", "ACME", NOON)
    trial = replace(flow("trial.xml", "ACME", NOON), environment=Environment.QUALIFICATION)
    with ledger.transaction() as tx:
        for one in (real, trial):
            tx.record(one, "run:1")
            tx.add_documents([(inside(one, 1), None)], "run:1", NOON)

    assert ledger.received(Query()) == [
        Received("ACME", 1, 1),
        Received("ACME (qualification)", 1, 1),
    ]
    counted = {one.partner for one in ledger.upkeep.became(None, None, None)}
    assert counted == {"ACME", "ACME (qualification)"}
    only = Query(environment=Environment.QUALIFICATION)
    assert [one.partner for one in ledger.document_figures(only)] == ["ACME (qualification)"]
    assert [one.id for one in ledger.interchanges(only)] == [trial.id]
    assert ledger.received(only) == [Received("ACME (qualification)", 1, 1)]
