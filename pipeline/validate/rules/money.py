"""How it is paid, and what it comes to, in the historical channel."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.model.amount import exact_sum, is_usable
from pipeline.model.finding import Severity
from pipeline.model.invoice import Invoice
from pipeline.model.rule import Breach, Rule
from pipeline.model.terms import TERMS, Kind
from pipeline.syntax.check_digits import is_iban, is_rib
from pipeline.validate.rules.reading import values_of, written

_PIVOT = "CPPFacturePivot V2_02"
_THIRD_PARTY = "third parties' account of the historical channel"

_MEANS = ("10", "20", "30", "31", "42", "48", "49", "97")
_MEANS_LISTED = ", ".join(_MEANS)
#: Frame of an invoice that is paid already.
_PAID = "A2"
_POSITIONS, _DECIMALS = 19, 6
_AMOUNTS = tuple(name for name, term in TERMS.items() if term.kind in {Kind.AMOUNT, Kind.PRICE})


def means_are_known(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where no payment means is told, and for each that is not taken."""
    if not any(payment.means for payment in invoice.payments):
        yield Breach(term="BT-81", expected=_MEANS_LISTED)
    for at, value in values_of(invoice, "BT-81"):
        if value not in _MEANS:
            yield Breach(term="BT-81", value=str(value), expected=_MEANS_LISTED, at=at)


def accounts_are_well_formed(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for each account that is no IBAN and no RIB with the right key."""
    for at, value in values_of(invoice, "BT-84"):
        number = str(value)
        if not is_iban(number) and not is_rib(number):
            yield Breach(term="BT-84", value=number, at=at)


def paid_is_total(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where an invoice of frame A2 was not paid in whole."""
    totals = invoice.totals
    if invoice.frame != _PAID or totals.with_vat is None or not is_usable(totals.with_vat):
        return
    if totals.paid is None or not is_usable(totals.paid) or totals.paid != totals.with_vat:
        found = None if totals.paid is None else written(totals.paid)
        yield Breach(term="BT-113", value=found, expected=written(totals.with_vat))


def totals_add_up(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where a total is not the sum of its parts, exactly.

    Total with VAT (BT-112) = without (BT-109) + VAT (BT-110); due (BT-115) = total with VAT −
    paid (BT-113) + rounding (BT-114), which the source does not know of and EN 16931 does. A
    part that is missing is 0; without the first one nothing is said.
    """
    totals = invoice.totals
    yield from _adds_up("BT-112", totals.with_vat, totals.without_vat, totals.vat)
    paid = None if totals.paid is None else totals.paid.copy_negate()
    yield from _adds_up("BT-115", totals.due, totals.with_vat, paid, totals.rounding)


def _adds_up(term: str, total: Decimal | None, *parts: Decimal | None) -> Iterator[Breach]:
    given = [part for part in parts if part is not None]
    if total is None or parts[0] is None or not all(map(is_usable, (total, *given))):
        return
    expected = exact_sum(given)
    if total != expected:
        yield Breach(term=term, value=written(total), expected=written(expected))


def amounts_are_short(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for each amount of more than 19 digits, or of more than six decimals."""
    for term in _AMOUNTS:
        for at, value in values_of(invoice, term):
            if isinstance(value, Decimal) and not _is_short(value):
                yield Breach(term=term, value=written(value), at=at)


def _is_short(amount: Decimal) -> bool:
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int):  # no number
        return False
    decimals = max(0, -exponent)
    whole = max(1, len(amount.as_tuple().digits) + exponent)
    return decimals <= _DECIMALS and whole + decimals <= _POSITIONS


MEANS: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-13",
        terms=("BT-81",),
        fr=f"Mode de paiement absent ou non admis : {{v}} ; admis : {_MEANS_LISTED}.",
        en=f"Payment means missing or not allowed: {{v}}; allowed: {_MEANS_LISTED}.",
        severity=Severity.FATAL,
        source=f"{_PIVOT}, ModePaiement; {_THIRD_PARTY}",
        check=means_are_known,
    ),
)

VALUES: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-17",
        terms=("BT-23", "BT-112", "BT-113"),
        fr="Facture déjà payée (cadre A2) : montant payé {v}, différent du total {n}.",
        en="Paid invoice (frame A2): paid amount {v} differs from the total {n}.",
        severity=Severity.FATAL,
        source=_THIRD_PARTY,
        check=paid_is_total,
    ),
    Rule(
        identifier="CP-19",
        terms=("BT-84",),
        fr="Coordonnées bancaires mal formées, ni IBAN ni RIB : {v}.",
        en="Malformed bank details, neither IBAN nor RIB: {v}.",
        severity=Severity.FATAL,
        source="AIFE, list of changes (the text is not published)",
        check=accounts_are_well_formed,
    ),
    Rule(
        identifier="CP-21",
        terms=("BT-109", "BT-110", "BT-112", "BT-113", "BT-114", "BT-115"),
        fr="Totaux incohérents : {term} {v}, attendu {n}.",
        en="Totals do not add up: {term} {v}, expected {n}.",
        severity=Severity.FATAL,
        source=f"{_THIRD_PARTY} (the refusal is deduced)",
        check=totals_add_up,
    ),
    Rule(
        identifier="CP-22",
        terms=_AMOUNTS,
        fr="{term} : montant de plus de 19 chiffres ou de plus de 6 décimales : {v}.",
        en="{term}: amount of more than 19 digits or of more than 6 decimals: {v}.",
        severity=Severity.FATAL,
        source=f"{_THIRD_PARTY}; an empty attachment is told at step 9 (IRR_VID_PJ)",
        check=amounts_are_short,
    ),
)
