"""Sums computed anew: exact, and never where an amount is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.invoice import Invoice, Line, LineKind, Quantity, Totals, VatCategory
from pipeline.model.recomputed import recompute
from tests.unit.syntax.readable.examples import usual

amounts = st.decimals(
    min_value=-(10**12), max_value=10**12, places=2, allow_nan=False, allow_infinity=False
)


def test_all_agrees_in_a_right_invoice() -> None:
    """Whoever reads the page sees at once that nothing is wrong."""
    sums = recompute(usual(30))

    found = [*sums.totals.values(), *sums.bases, *sums.taxes, *sums.lines]
    assert {each.agrees for each in found} == {True}


@pytest.mark.parametrize("field", ["lines", "allowances", "charges", "without_vat", "vat", "due"])
def test_one_wrong_total_is_marked(field: str) -> None:
    """By one cent: no tolerance in a sum."""
    good = usual()
    totals: Totals = good.totals
    wrong = replace(
        good, totals=replace(totals, **{field: getattr(totals, field) + Decimal("0.01")})
    )

    assert recompute(wrong).totals[field].agrees is False
    assert recompute(wrong).totals[field].computed == getattr(totals, field)


@given(st.lists(amounts, min_size=1, max_size=40))
def test_the_sum_of_lines_is_exact(nets: list[Decimal]) -> None:
    """As integers of cents say it."""
    invoice = Invoice(lines=tuple(Line(net=net) for net in nets), totals=Totals(lines=Decimal(0)))

    computed = recompute(invoice).totals["lines"].computed

    assert computed is not None
    assert int(computed * 100) == sum(int(net * 100) for net in nets)


def test_groups_and_remarks_are_no_part_of_the_sums() -> None:
    """A group states the sum of its lines: counted too, it would be billed twice."""
    lines = (
        Line(id="1", net=Decimal(30), kind=LineKind.GROUP),
        Line(id="2", net=Decimal(10), kind=LineKind.DETAIL, parent="1"),
        Line(id="3", net=Decimal(20), parent="1"),
        Line(id="4", net=Decimal(99), kind=LineKind.INFORMATION),
    )

    sums = recompute(Invoice(lines=lines, totals=Totals(lines=Decimal(30))))

    assert sums.totals["lines"].agrees is True


@pytest.mark.parametrize(
    ("stated", "agrees"), [("10.12", True), ("10.13", True), ("10.14", False)]
)
def test_half_a_cent_may_be_rounded_either_way(stated: str, agrees: bool) -> None:
    """81 × 0.125 is 10.125."""
    line = Line(quantity=Quantity(Decimal(81)), price=Decimal("0.125"), net=Decimal(stated))

    assert recompute(Invoice(lines=(line,))).lines[0].agrees is agrees


@pytest.mark.parametrize(
    "line",
    [
        Line(net=Decimal(1)),
        Line(net=Decimal(1), quantity=Quantity(Decimal(1))),
        Line(net=Decimal(1), quantity=Quantity(Decimal("1E+999999")), price=Decimal(1)),
        Line(net=Decimal(1), quantity=Quantity(Decimal(1)), price=Decimal("NaN")),
        Line(
            net=Decimal(1),
            quantity=Quantity(Decimal(1)),
            price=Decimal(1),
            price_base=Quantity(Decimal(0)),
        ),
    ],
)
def test_what_cannot_be_told_is_not_told(line: Line) -> None:
    """Nor does a number made to exhaust whoever computes with it."""
    assert recompute(Invoice(lines=(line,))).lines[0].computed is None


def test_a_rate_of_none_is_a_rate_of_zero() -> None:
    """Outside the scope of VAT no rate is stated on the lines, and none or zero in the sum."""
    good = usual(1)
    line = replace(good.lines[0], vat_category=VatCategory.OUT_OF_SCOPE, vat_rate=None)
    vat = replace(
        good.vat[0],
        category=VatCategory.OUT_OF_SCOPE,
        rate=Decimal(0),
        base=line.net,
        amount=Decimal(0),
    )

    sums = recompute(replace(good, lines=(line,), allowances=(), charges=(), vat=(vat,)))

    assert sums.bases[0].agrees is True


def test_parts_that_are_not_stated_make_no_sum() -> None:
    """Factur-X MINIMUM states no VAT breakdown, BASIC WL no lines: nothing in them is wrong."""
    good = usual()

    minimum = recompute(replace(good, lines=(), vat=(), allowances=(), charges=()))
    basic_wl = recompute(replace(good, lines=()))

    assert minimum.totals["vat"].agrees is minimum.totals["lines"].agrees is None
    assert basic_wl.totals["lines"].computed is None
    assert {each.computed for each in basic_wl.bases} == {None}
    assert basic_wl.totals["vat"].agrees is True
