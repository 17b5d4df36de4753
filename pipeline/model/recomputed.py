"""The sums of an invoice, computed anew from what it states, beside what it states.

Each sum is made of the amounts that the norm makes it of, as they are stated, so that one
wrong amount shows in one place. Sums are exact. Products are not: whoever wrote the invoice
rounded them to the cent, one way or the other, and either way is right.

Source:
    EN 16931-1, BR-CO-10 to BR-CO-17 and §6.4.3; for lines within lines BR-FREXT-CO-10, by
    which groups and remarks are no part of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from pipeline.model.amount import exact_sum, is_usable
from pipeline.model.invoice import Adjustment, Invoice, Line, LineKind, VatBreakdown, VatCategory

_CENT = Decimal("0.01")
_HALF_CENT = Decimal("0.005")
#: Exact for a product of a few usable amounts; a quotient has more digits than it needs.
_WIDE = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One amount as stated, and as it comes out.

    Attributes:
        stated: As the invoice says, or None.
        computed: As it comes out, a product rounded to the cent; None where it cannot be
            told.
        agrees: None where one of both is missing.
    """

    stated: Decimal | None
    computed: Decimal | None
    agrees: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """All that can be computed anew.

    Attributes:
        totals: By the name of the field of `Totals`: those that are sums.
        bases: Of each VAT breakdown, in the order of the invoice.
        taxes: Likewise.
        lines: Net amount of each line, in the order of the invoice.
    """

    totals: dict[str, Recomputed]
    bases: tuple[Recomputed, ...]
    taxes: tuple[Recomputed, ...]
    lines: tuple[Recomputed, ...]


def recompute(invoice: Invoice) -> Sums:
    """Compute every sum of an invoice anew; time grows with its lines, whatever they hold."""
    # a breakdown is of lines: there is nothing to compare in a profile that has none
    shares = _shares(invoice) if invoice.lines else None
    return Sums(
        totals=_totals(invoice),
        bases=tuple(_base(each, shares) for each in invoice.vat),
        taxes=tuple(_tax(each) for each in invoice.vat),
        lines=tuple(_line(each) for each in invoice.lines),
    )


def _totals(invoice: Invoice) -> dict[str, Recomputed]:
    stated = invoice.totals
    counted = [line.net for line in invoice.lines if _counts(line)]
    without_vat = (stated.lines, _minus(stated.allowances), stated.charges)
    due = (stated.with_vat, _minus(stated.paid), stated.rounding)
    # lines and breakdown that a profile has no place for (MINIMUM, BASIC WL) are no zero
    return {
        "lines": _sum(stated.lines, counted if invoice.lines else [None]),
        "allowances": _sum(stated.allowances, [each.amount for each in invoice.allowances]),
        "charges": _sum(stated.charges, [each.amount for each in invoice.charges]),
        "without_vat": _sum(stated.without_vat, _present(without_vat)),
        "vat": _sum(stated.vat, [each.amount for each in invoice.vat] or [None]),
        "with_vat": _sum(stated.with_vat, _present((stated.without_vat, stated.vat))),
        "due": _sum(stated.due, _present(due)),
    }


def _present(parts: tuple[Decimal | None, ...]) -> list[Decimal | None]:
    """Leave out what is not stated, but for the first, without which there is no sum."""
    return [parts[0], *(each for each in parts[1:] if each is not None)]


def _minus(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.copy_negate()


def _sum(stated: Decimal | None, parts: Iterable[Decimal | None]) -> Recomputed:
    amounts = list(parts)
    known = [each for each in amounts if each is not None and is_usable(each)]
    if len(known) < len(amounts):
        return Recomputed(stated, None, None)
    computed = exact_sum(known)
    told = stated is not None and is_usable(stated)
    return Recomputed(stated, computed, stated == computed if told else None)


#: What lines, allowances and charges bring to a VAT category at a rate; None where one of
#: them states no amount.
_Shares = dict[tuple[VatCategory | None, Decimal], list[Decimal | None]]


def _shares(invoice: Invoice) -> _Shares:
    shares: _Shares = {}
    for line in invoice.lines:
        if _counts(line):
            key = (line.vat_category, _rate(line.vat_rate))
            shares.setdefault(key, []).append(line.net)
    for each in invoice.allowances:
        shares.setdefault(_key(each), []).append(_minus(each.amount))
    for each in invoice.charges:
        shares.setdefault(_key(each), []).append(each.amount)
    return shares


def _key(each: Adjustment | VatBreakdown) -> tuple[VatCategory | None, Decimal]:
    if isinstance(each, Adjustment):
        return each.vat_category, _rate(each.vat_rate)
    return each.category, _rate(each.rate)


def _rate(rate: Decimal | None) -> Decimal:
    """Return a rate to compare: none is zero."""
    return rate if rate is not None and is_usable(rate) else Decimal(0)


def _counts(line: Line) -> bool:
    return line.kind in {None, LineKind.DETAIL}


def _base(breakdown: VatBreakdown, shares: _Shares | None) -> Recomputed:
    parts: Iterable[Decimal | None] = [None] if shares is None else shares.get(_key(breakdown), [])
    return _sum(breakdown.base, parts)


def _tax(breakdown: VatBreakdown) -> Recomputed:
    rate = Decimal(0) if breakdown.rate is None else breakdown.rate
    if breakdown.base is None or not (is_usable(breakdown.base) and is_usable(rate)):
        return Recomputed(breakdown.amount, None, None)
    exact = _WIDE.divide(_WIDE.multiply(breakdown.base, rate), Decimal(100))
    return _rounded(breakdown.amount, exact)


def _line(line: Line) -> Recomputed:
    """Quantity times price, less allowances, plus charges."""
    quantity = line.quantity.value if line.quantity else None
    per = line.price_base.value if line.price_base else Decimal(1)
    parts = [
        quantity,
        line.price,
        per,
        *(each.amount for each in (*line.allowances, *line.charges)),
    ]
    if any(each is None or not is_usable(each) for each in parts) or not per:
        return Recomputed(line.net, None, None)
    gross = _WIDE.divide(_WIDE.multiply(quantity or 0, line.price or 0), per)
    less = exact_sum(each.amount or Decimal(0) for each in line.allowances)
    more = exact_sum(each.amount or Decimal(0) for each in line.charges)
    return _rounded(line.net, _WIDE.add(_WIDE.subtract(gross, less), more))


def _rounded(stated: Decimal | None, exact: Decimal) -> Recomputed:
    computed = exact.quantize(_CENT, ROUND_HALF_UP, _WIDE)
    if stated is None or not is_usable(stated):
        return Recomputed(stated, computed, None)
    difference = _WIDE.subtract(stated, exact).copy_abs()
    return Recomputed(stated, computed, difference <= _HALF_CENT)
