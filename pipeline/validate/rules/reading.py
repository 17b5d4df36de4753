"""What rules have in common: the values of a term, and checks that many rules are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from enum import Enum

from pipeline.model.invoice import Identifier, Invoice
from pipeline.model.rule import Breach
from pipeline.model.terms import TERMS, Step, steps_of

#: A check of one document.
Check = Callable[[Invoice], Iterator[Breach]]


def values_of(invoice: Invoice, term: str) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield every value of a term, with the number of each item on its way from the invoice.

    >>> list(values_of(Invoice(number="F-1"), "BT-1")), list(values_of(Invoice(), "BT-154"))
    ([((), 'F-1')], [])
    """
    return _values(invoice, steps_of(TERMS[term].path), ())


def _values(
    holder: object, steps: tuple[Step, ...], at: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], object]]:
    if not steps:
        yield at, holder
        return
    found = getattr(holder, steps[0].name)
    if steps[0].many:
        for number, item in enumerate(found):
            yield from _values(item, steps[1:], (*at, number))
    elif found is not None:
        yield from _values(found, steps[1:], at)


def written(value: object) -> str:
    """Return a value as text.

    >>> written(Decimal("1E+2")), written("a")
    ('100', 'a')
    """
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _MOST_ZEROS:
        return format(value, "f")
    return str(value)


#: Most digits that a number is written out with: one made to exhaust whoever does stays short.
_MOST_ZEROS = 60


def at_most(limit: int, *terms: str) -> Check:
    """Return a check that no value of these terms has more than `limit` characters."""

    def check(invoice: Invoice) -> Iterator[Breach]:
        for term in terms:
            for at, value in values_of(invoice, term):
                text = written(value)
                if len(text) > limit:
                    yield Breach(term=term, value=text, expected=str(limit), at=at)

    return check


def one_of(term: str, codes: Collection[str]) -> Check:
    """Return a check that a term, where it is there, has one of these codes."""
    allowed = ", ".join(codes)

    def check(invoice: Invoice) -> Iterator[Breach]:
        for at, value in values_of(invoice, term):
            if written(value) not in codes:
                yield Breach(term=term, value=written(value), expected=allowed, at=at)

    return check


def none_of(term: str, codes: Collection[str]) -> Check:
    """Return a check that a term has none of these codes."""

    def check(invoice: Invoice) -> Iterator[Breach]:
        for at, value in values_of(invoice, term):
            if written(value) in codes:
                yield Breach(term=term, value=written(value), at=at)

    return check


def of_scheme(identifiers: Collection[Identifier], *schemes: str) -> list[Identifier]:
    """Return the identifiers of these schemes, in their order."""
    return [each for each in identifiers if each.scheme in schemes]
