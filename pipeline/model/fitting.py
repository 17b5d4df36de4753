"""What is left of an invoice in a profile of Factur-X, and what is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from pipeline.model.conversion import Lost
from pipeline.model.facturx import FacturxProfile
from pipeline.model.invoice import Identifier, Invoice
from pipeline.model.terms import TERM_AT, TERMS, Kind, Step, fields_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: Longest text of a value that is told as lost.
MOST_VALUE = 200


def fit(invoice: Invoice, profile: FacturxProfile) -> tuple[Invoice, tuple[Lost, ...]]:
    """Reduce an invoice to what a profile holds.

    Args:
        invoice: All of it.
        profile: The one asked for.

    Returns:
        The invoice as the profile tells it, claiming that profile (BT-24); and every term that
        it has no place for, in the order of the model. An amount is never recomputed: where
        what is lost was part of a sum, the rules of the profile will say so.
    """
    found = _Fitting(profile, _touched(profile))
    left = found.of(invoice, "", "")
    kept = left if isinstance(left, Invoice) else Invoice()
    return replace(kept, specification=profile.urn), tuple(found.lost)


def smallest_profile(invoice: Invoice) -> FacturxProfile:
    """Return the smallest profile that loses nothing of an invoice, or else the largest.

    >>> smallest_profile(Invoice(number="F-1")).level
    'MINIMUM'
    >>> smallest_profile(Invoice(number="F-1", contract_type="BC")).level
    'EXTENDED'
    """
    fitting = (each for each in FacturxProfile if not fit(invoice, each)[1])
    return next(fitting, FacturxProfile.EXTENDED)


def shown(value: object) -> str:
    """Return a value of the model as one line that a person reads, cut at `MOST_VALUE`.

    >>> shown(Decimal("1E+3")), shown(b"abc")
    ('1000', '3 octets / bytes')
    """
    if isinstance(value, bytes):
        return f"{len(value)} octets / bytes"
    if isinstance(value, Enum):
        value = value.value
    text = " ".join((f"{value:f}" if isinstance(value, Decimal) else str(value)).split())
    return text if len(text) <= MOST_VALUE else f"{text[: MOST_VALUE - 1]}…"


@dataclass(frozen=True, slots=True)
class _Fitting:
    """One invoice on its way into one profile.

    Attributes:
        profile: Where it goes.
        touched: Every path at which, or below which, the profile may lack something.
        lost: What was found to have no place, so far.
    """

    profile: FacturxProfile
    touched: frozenset[str]
    lost: list[Lost] = field(default_factory=list)

    def of(self, value: DataclassInstance, path: str, place: str) -> DataclassInstance | None:
        """Return what is left of a value that is made of fields; None where nothing is.

        Args:
            value: The value.
            path: Fields that lead to it, as in `Term.path`.
            place: The groups that it lies in, with their numbers: ``BG-25[3]/``.
        """
        changes: dict[str, object] = {}
        for name, step in fields_of(type(value)).items():
            inner = f"{path}.{name}" if path else name
            held = getattr(value, name)
            if inner in self.touched and held is not None and held != ():
                changes[name] = self._field(held, inner, step, place)
        if not changes:
            return value
        left = replace(value, **changes)
        return None if _is_empty(left) else left

    def _field(self, held: object, path: str, step: Step, place: str) -> object:
        if isinstance(held, tuple):
            return tuple(self._items(held, path, place))
        if is_dataclass(held) and not isinstance(held, type):
            left = self.of(held, path, place)
            return step.kind() if left is None and path in _ALWAYS_THERE else left
        term = TERM_AT[path]
        if not self.profile.holds(term):
            self._lose(term, held, place, _no_place(term, self.profile))
        elif path == _DEBITED and not _IBAN.fullmatch(str(held)):
            self._lose(term, held, place, _no_iban(term))
        else:
            return held
        return None

    def _items(
        self, held: tuple[DataclassInstance, ...], path: str, place: str
    ) -> Iterator[DataclassInstance]:
        """Yield what is left of each item that may stay."""
        taken: set[str] = set()
        name = TERM_AT.get(path) or TERM_AT.get(f"{path}.value", path)
        for number, item in enumerate(held, 1):
            inside = f"{place}{name}[{number}]/"
            kind = _once(item, path, self.profile)
            if kind in taken:
                self._lose_all(item, path, inside, _too_many(name, self.profile))
            elif (left := self.of(item, path, inside)) is not None:
                yield left
                taken |= {kind} if kind else set()

    def _lose_all(
        self, item: DataclassInstance, path: str, place: str, why: Mapping[str, str]
    ) -> None:
        for name in fields_of(type(item)):
            if (value := getattr(item, name)) is not None:
                self._lose(TERM_AT[f"{path}.{name}"], value, place, why)

    def _lose(self, term: str, value: object, place: str, why: Mapping[str, str]) -> None:
        self.lost.append(Lost(term=term, place=f"{place}{term}", value=shown(value), why=why))


#: The account to be debited (BT-91), which Factur-X holds only as an IBAN.
_DEBITED = "payments.debited"
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,40}")
#: Contacts, of which the norm admits one.
_CONTACTS = frozenset({"seller.contacts", "buyer.contacts"})
#: Earlier invoices of a line, of which Factur-X admits one.
_PRECEDING = "lines.preceding"
#: Identifiers of a party, of which each profile admits one without a scheme, and all but
#: EXTENDED one with a scheme. Those of the sellers may be any number.
_IDENTIFIERS = frozenset(
    term.path.removesuffix(".value")
    for term in TERMS.values()
    if term.path.endswith(".identifiers.value")
) - {"seller.identifiers", "lines.seller.identifiers"}


def _once(item: object, path: str, profile: FacturxProfile) -> str:
    """Return a kind of items of which a profile admits one; empty for any number."""
    extended = profile is FacturxProfile.EXTENDED
    if path in _IDENTIFIERS and isinstance(item, Identifier):
        return "bare" if item.scheme is None else "" if extended else "of a scheme"
    return "any" if path == _PRECEDING or (path in _CONTACTS and not extended) else ""


#: What an invoice is never without, empty as it may be.
_ALWAYS_THERE = frozenset({"seller", "buyer", "totals"})


@cache
def _touched(profile: FacturxProfile) -> frozenset[str]:
    """Return every path at which, or below which, a profile may lack something."""
    lacking = [
        term.path
        for name, term in TERMS.items()
        if term.kind is not Kind.GROUP and not profile.holds(name)
    ]
    lacking += [*_CONTACTS, *_IDENTIFIERS, _PRECEDING, _DEBITED]
    parts = (path.split(".") for path in lacking)
    return frozenset(".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1))


def _is_empty(value: DataclassInstance) -> bool:
    held = (getattr(value, name) for name in fields_of(type(value)))
    return all(
        each is None
        or each == ()
        or (is_dataclass(each) and not isinstance(each, type) and _is_empty(each))
        for each in held
    )


def _no_place(term: str, profile: FacturxProfile) -> Mapping[str, str]:
    return {
        "fr": f"Le profil Factur-X {profile.level} n'a pas de place pour {term}.",
        "en": f"The Factur-X profile {profile.level} has no place for {term}.",
    }


def _too_many(term: str, profile: FacturxProfile) -> Mapping[str, str]:
    return {
        "fr": f"Le profil Factur-X {profile.level} n'admet qu'une fois {term}, ou qu'une fois"
        " de cette sorte.",
        "en": f"The Factur-X profile {profile.level} admits {term} only once, or once of this"
        " kind.",
    }


def _no_iban(term: str) -> Mapping[str, str]:
    return {
        "fr": f"Factur-X n'admet en {term} qu'un IBAN.",
        "en": f"Factur-X admits only an IBAN in {term}.",
    }
