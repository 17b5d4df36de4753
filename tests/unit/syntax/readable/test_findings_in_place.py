"""Findings stand beside what they speak of, and in the list."""

from __future__ import annotations

import pytest

from pipeline.model.finding import Finding, Severity
from pipeline.model.invoice import Invoice
from pipeline.model.labels import Language
from pipeline.model.terms import TERMS
from pipeline.syntax.readable.build import build_view
from pipeline.syntax.readable.marks import MOST, Marks
from pipeline.syntax.readable.view import Mark, View
from pipeline.syntax.readable.write import write_html
from tests.unit.syntax.readable.examples import SOURCE, finding, report, usual, wrong

SECOND_LINE = [
    "/Invoice/cac:InvoiceLine[2]/cac:Price/cbc:PriceAmount",
    "/*:Invoice[namespace-uri()='urn:x'][1]/*:InvoiceLine[namespace-uri()='urn:y'][2]",
    "/CreditNote/cac:CreditNoteLine[2]",
    "/rsm:CrossIndustryInvoice/rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem[2]",
]


def _view(*findings: Finding, invoice: Invoice | None = None) -> View:
    return build_view(invoice or usual(), SOURCE, Language.FRENCH, report(*findings))


def test_a_finding_on_a_total_stands_in_its_row() -> None:
    """The figure that does not add up is marked where it is read, with what comes out."""
    view = _view(finding(), invoice=wrong())

    (row,) = [total for total in view.totals if total.item.marks]

    assert row.item.term == "BT-112"
    assert row.agrees is False
    assert view.verdict[1] == "invalid"
    assert [mark.rule for mark in view.marks] == ["BR-CO-15"]


@pytest.mark.parametrize("xpath", SECOND_LINE)
@pytest.mark.parametrize("term", ["BT-146", "BT-159", None])
def test_a_finding_on_a_line_stands_on_that_line(xpath: str, term: str | None) -> None:
    """Also where it speaks of something the line lacks, or of nothing by name."""
    view = _view(finding("R", term, xpath))

    marked = [place for place, row in enumerate(view.lines.rows) if _marks_of(row)]

    assert marked == [1]


def _marks_of(row: object) -> list[Mark]:
    found: list[Mark] = [*row.marks]  # type: ignore[attr-defined]  # of a Row
    for item in (*row.cells, *row.details):  # type: ignore[attr-defined]
        found += item.marks
    return found


def test_a_finding_on_a_vat_breakdown_stands_on_it() -> None:
    """In either syntax."""
    for xpath in (
        "/Invoice/cac:TaxTotal[1]/cac:TaxSubtotal/cbc:TaxAmount",
        "/x/ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax[1]",
    ):
        view = _view(finding("BR-S-08", "BT-116", xpath))

        assert [mark.rule for mark in view.grids[-1].rows[0].cells[2].marks] == ["BR-S-08"]


def test_every_term_has_a_place_for_its_finding() -> None:
    """Also where the invoice does not hold it: what is missing is marked as missing."""
    unplaced = []
    for name, term in TERMS.items():
        of_line = term.path.startswith("lines.") or name in {"BG-29", "BG-30", "BG-31"}
        xpath = "/Invoice/cac:InvoiceLine[1]" if of_line else "/Invoice"
        view = _view(finding("RULE-1", name, xpath), invoice=usual(1))
        if write_html(view).count("RULE-1</b>") != 2:  # in place and in the list
            unplaced.append(name)

    assert unplaced == []


def test_those_that_block_come_first_and_the_rest_is_counted() -> None:
    """A page of thousands of findings helps nobody."""
    warnings = [finding(f"W-{number}", None, "/x", Severity.WARNING) for number in range(MOST)]
    marks = Marks([*warnings, finding("F-1")], Language.ENGLISH)

    assert marks.all[0].rule == "F-1"
    assert len(marks.all) == MOST
    assert marks.unlisted == 1


def test_a_rule_without_french_is_told_in_english_without_its_mark() -> None:
    """The packs' own words stand in for a translation."""
    told = Finding(
        rule="X-1",
        severity=Severity.WARNING,
        term=None,
        xpath="/x",
        line=None,
        value=None,
        message={"fr": "[en] Must be so.", "en": "Must be so."},
    )

    assert Marks([told], Language.FRENCH).all[0].message == "Must be so."
