"""What goes into one CPPFacturePivotUnitaire: the invoice, what was chosen of it, and its context.

Where the norm admits several of a thing and the pivot one, `choose` says which. What it leaves
out is kept in mind, so that it can be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

from pipeline.model.invoice import (
    Account,
    Binary,
    Identifier,
    Invoice,
    Line,
    LineKind,
    Party,
    Payment,
)
from pipeline.syntax.check_digits import is_iban
from pipeline.syntax.cpp_parties import EU, SupplierId, foreign_id
from pipeline.syntax.ubl import CREDITS

#: One item of a tuple: the path of the tuple, as in `pipeline.model.terms`, and its place.
Item: TypeAlias = tuple[str, int]

#: What a supplier's identifier is, by its scheme (ISO 6523); the best first.
SCHEMES: Mapping[str, SupplierId] = MappingProxyType(
    {
        "0009": SupplierId.SIRET,
        "0223": SupplierId.EU_VAT,
        "0227": SupplierId.OUTSIDE_EU,
        "0228": SupplierId.RIDET,
        "0229": SupplierId.TAHITI,
        "0226": SupplierId.NATURAL_PERSON,
    }
)
_SIRET, _SERVICE = "0009", "0224"
#: Suppliers of this country are not identified by their VAT number.
_HOME = "FR"
#: A line that says nothing of its kind is one of detail.
_DETAIL = frozenset({None, LineKind.DETAIL})
#: How historical files mark a SIRET: not at all, or by the type of identifier.
_BARE = (None, "1")
_BARE_SIRET = re.compile("[0-9]{14}")


class Emission(Enum):
    """How an invoice reached the platform (ModeEmission)."""

    FLOW = "flux"
    SCAN = "numérisation"
    ENTRY = "saisie"
    PDF = "PDF"


class Resubmission(Enum):
    """Whether an invoice was made available before (Renvoi)."""

    NONE = "Non"
    COMPLETED = "Complétée"  #: it was suspended, and attachments were added
    RECYCLED = "Recyclée"  #: recipient, service or commitment was put right


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """Who set one status of the validation cycle.

    Attributes:
        id_type: What the identifier is; never a natural person's.
        id: Identifier of that type.
        name: Registered name.
        country: Two letters.
        note: Any text.
    """

    id_type: SupplierId
    id: str
    name: str
    country: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One status of the validation cycle, of the frames that have one.

    Attributes:
        on: The day it was set.
        status: Its number; none are published for this place.
        complement: Any text.
        comment: Any text.
        by: Who set it.
    """

    on: date
    status: int
    complement: str | None = None
    comment: str | None = None
    by: Validator


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotContext:
    """What an invoice itself does not say.

    Attributes:
        received_on: When the platform received it.
        original: The document as received. It is the main file (type 01), unless `main` is.
        main: The invoice in the form that the receiver is to take for it, where that is not
            the document as received; that one then goes with it (type 02).
        original_category: What the document as received is called as a kind of attachment
            where it goes with another main file. How Chorus Pro calls the original of an
            AFNOR flow is not published.
        emission: How it reached the platform.
        resubmission: Whether it was made available before; None says nothing.
        platform_id: Its identifier in Chorus Pro (IdCPRO), or None.
        works_on: Works: when the project manager (MOE) had it, or None.
        service_name: Name of the debtor's service, or None.
        readable: A PDF for people, or None.
        validations: The validation cycle, in order; none where there is none.
        zipped: Whether each file is zipped before it is written in base 64, as some
            receivers want it.
    """

    received_on: date
    original: Binary
    main: Binary | None = None
    original_category: str = "Flux d'origine"
    emission: Emission = Emission.FLOW
    resubmission: Resubmission | None = None
    platform_id: int | None = None
    works_on: date | None = None
    service_name: str | None = None
    readable: Binary | None = None
    validations: tuple[Validation, ...] = ()
    zipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One invoice as the pivot takes it.

    Attributes:
        invoice: All of it.
        context: What it does not say.
        supplier: What identifies the supplier, and how; None where nothing does.
        debtor: SIRET of the debtor, or None.
        service: Code of its service, or None.
        payment: The way of paying; an empty one where there is none.
        account: The account to pay to; an empty one where there is none.
        cashed_by: Whose account it is, where that is said.
        origin: Number of the invoice that is credited, or None.
        lines: Those that are billed, neither groups nor information; each with its place, from 1.
        left_out: What was not chosen of several.
        moved: Paths at which, for this once, something else stands than the table says: True
            where the value was taken in place of a missing one, False where one was taken
            in its place.
    """

    invoice: Invoice
    context: PivotContext
    supplier: tuple[SupplierId, str] | None
    debtor: str | None
    service: str | None
    payment: Payment
    account: Account
    cashed_by: str | None
    origin: str | None
    lines: tuple[tuple[int, Line], ...]
    left_out: frozenset[Item]
    moved: Mapping[str, bool]


def choose(invoice: Invoice, context: PivotContext) -> Subject:
    """Choose what the pivot takes where the norm admits more.

    The first way of paying, its first account and the first preceding invoice (of a credit
    note) are taken; of the supplier's identifiers the best by `SCHEMES`, of lines those of
    detail.
    """
    supplier, supplier_at = _supplier(invoice.seller)
    debtor, debtor_at = _siret(invoice.buyer.identifiers)
    service, service_at = _with_scheme(invoice.buyer.identifiers, _SERVICE)
    payment = invoice.payments[0] if invoice.payments else Payment()
    account = payment.accounts[0] if payment.accounts else Account()
    payee = invoice.payee.name if invoice.payee is not None else None
    origin = _origin(invoice, context)
    details = {at for at, line in enumerate(invoice.lines) if line.kind in _DETAIL}
    left_out = {
        *_but(supplier_at, invoice.seller.identifiers, "seller.identifiers"),
        *_but(debtor_at | service_at, invoice.buyer.identifiers, "buyer.identifiers"),
        *_but({0}, invoice.payments, "payments"),
        *_but({0}, payment.accounts, "payments.accounts"),
        *_but({0} if origin else set(), invoice.preceding, "preceding"),
        *_but(details, invoice.lines, "lines"),
    }
    return Subject(
        invoice=invoice,
        context=context,
        supplier=supplier,
        debtor=debtor,
        service=service,
        payment=payment,
        account=account,
        cashed_by=payee or account.name,
        origin=origin,
        lines=tuple((at + 1, invoice.lines[at]) for at in sorted(details)),
        left_out=frozenset(left_out),
        moved=_moved(invoice, by_vat=supplier == _by_vat(invoice.seller) and not supplier_at),
    )


def account_type(number: str) -> str:
    """Tell an IBAN by its check digits; any other account is told as a RIB.

    >>> account_type("FR76 3000 6000 0112 3456 7890 189")
    'IBAN'
    >>> account_type("FR77 3000 6000 0112 3456 7890 189"), account_type("30006000011234567890189")
    ('RIB', 'RIB')
    """
    return "IBAN" if is_iban(number) else "RIB"


def _supplier(seller: Party) -> tuple[tuple[SupplierId, str] | None, set[int]]:
    """Return what identifies the supplier, and which of its identifiers that is.

    One that has none of the schemes is identified as the schemes would have it: a SIRET that
    is not marked as one, the VAT number inside the EU, country and name outside it.
    """
    for scheme, kind in SCHEMES.items():
        value, at = _with_scheme(seller.identifiers, scheme)
        if value:
            return (kind, value), at
    value, at = _siret(seller.identifiers)
    if value:
        return (SupplierId.SIRET, value), at
    country = (seller.address.country if seller.address is not None else None) or ""
    if (seller.vat_id or "")[:2] in EU - {_HOME}:
        return _by_vat(seller), set()
    if country and country not in EU and seller.name:
        return (SupplierId.OUTSIDE_EU, foreign_id(country, seller.name)), set()
    return None, set()


def _by_vat(seller: Party) -> tuple[SupplierId, str]:
    return SupplierId.EU_VAT, seller.vat_id or ""


def _moved(invoice: Invoice, *, by_vat: bool) -> dict[str, bool]:
    """Return `Subject.moved`; `by_vat` says that the VAT number identifies the supplier."""
    moved = {"seller.vat_id": True} if by_vat else {}
    if invoice.payee is not None and invoice.payee.name:
        moved["payments.accounts.name"] = False
    return moved


def _siret(identifiers: tuple[Identifier, ...]) -> tuple[str | None, set[int]]:
    """Return the SIRET among a party's identifiers, and its place."""
    value, at = _with_scheme(identifiers, _SIRET)
    if value:
        return value, at
    for place, one in enumerate(identifiers):
        if one.scheme in _BARE and _BARE_SIRET.fullmatch(one.value):
            return one.value, {place}
    return None, set()


def _with_scheme(identifiers: tuple[Identifier, ...], scheme: str) -> tuple[str | None, set[int]]:
    """Return the first identifier of a scheme, and its place."""
    for place, one in enumerate(identifiers):
        if one.scheme == scheme and one.value:
            return one.value, {place}
    return None, set()


def _origin(invoice: Invoice, context: PivotContext) -> str | None:
    """Return which invoice is credited; of a scan which one it refers to, whatever it is."""
    wanted = invoice.type_code in CREDITS or context.emission is Emission.SCAN
    return invoice.preceding[0].number if wanted and invoice.preceding else None


def _but(kept: set[int], values: Sized, path: str) -> Iterator[Item]:
    """Yield each of `values` but those that are kept."""
    return ((path, at) for at in range(len(values)) if at not in kept)
