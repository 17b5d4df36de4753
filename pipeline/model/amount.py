"""What a document weighs in money: its total with VAT, with its sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from functools import reduce

from pipeline.model.document import Document
from pipeline.model.report import Syntax

#: BT-3 values of credit notes.
CREDIT_TYPES = frozenset({"261", "262", "381", "396", "502", "503"})

#: Exact for any sum of amounts that `is_usable` lets through.
_EXACT = Context(prec=100)


def is_credit_note(document: Document) -> bool:
    """Tell whether the document takes money off."""
    return document.syntax is Syntax.UBL_CREDIT_NOTE or document.header.type_code in CREDIT_TYPES


def signed_total(document: Document) -> Decimal | None:
    """Return BT-112, negated for a credit note; None where there is no usable amount."""
    total = document.header.total_with_vat
    if total is None or not is_usable(total):
        return None
    return total.copy_negate() if total and is_credit_note(document) else total


def totals_of(documents: Iterable[Document]) -> Mapping[str, Decimal]:
    """Add the totals of documents by currency, in its alphabetical order, with their sign."""
    amounts: dict[str, list[Decimal]] = {}
    for one in documents:
        total, currency = signed_total(one), one.header.currency
        if total is not None and currency:
            amounts.setdefault(currency, []).append(total)
    return {currency: exact_sum(amounts[currency]) for currency in sorted(amounts)}


def is_usable(amount: Decimal) -> bool:
    """Tell an amount from a number made to exhaust whoever writes it out (1E+999999).

    >>> is_usable(Decimal("-12.50")), is_usable(Decimal("1E+999999")), is_usable(Decimal("NaN"))
    (True, False, False)
    """
    if not amount.is_finite():
        return False
    exponent = amount.as_tuple().exponent
    return amount.adjusted() < 30 and isinstance(exponent, int) and exponent > -30  # noqa: PLR2004  # sums then fit _EXACT


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add usable amounts without rounding, however many; 0 if there are none.

    >>> exact_sum([Decimal("0.10"), Decimal("-0.30")])
    Decimal('-0.20')
    """
    return reduce(_EXACT.add, amounts, Decimal(0))
