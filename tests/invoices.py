"""Invoices to convert: one that holds every term, and any that hypothesis thinks of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from pipeline.model.amount import exact_sum
from pipeline.model.invoice import (
    Contact,
    Delivery,
    Identifier,
    Invoice,
    Line,
    Note,
    Party,
    Payment,
)
from pipeline.model.limits import Limits
from pipeline.model.terms import TERM_AT, fields_of, is_value
from pipeline.syntax.facturx import PdfRefused, open_facturx
from pipeline.syntax.parse import XmlRefused, parse
from pipeline.syntax.recognise import recognise

SAMPLES = Path(__file__).parents[1] / "samples" / "invoices"

#: What is no free text, by the end of its path in the model.
FORMED = {
    "type_code": "380",
    "currency": "EUR",
    "tax_currency": "CHF",
    "subject": "AAI",
    "note_subject": "SUR",
    "payments.reference": "REF 1",
    "payments.mandate": "RUM-1",
    "payments.creditor": "FR12ZZZ123456",
    "attachment.mime": "application/pdf",
}


def _holds_terms(path: str) -> bool:
    return any(each == path or each.startswith(path + ".") for each in TERM_AT)


def full() -> Invoice:
    """Return an invoice in which every term holds a value of its own; twice what may be twice."""
    numbers = count(1)
    made: Invoice = _made(Invoice, "", 0, lambda kind, path: _value(kind, path, next(numbers)))
    return made


def _made(kind: Any, path: str, place: int, value: Callable[[Any, str], object]) -> Any:
    made: dict[str, object] = {}
    for name, step in fields_of(kind).items():
        here = f"{path}.{name}" if path else name
        if not _holds_terms(here) or (name == "scheme" and place == 0 and ".to." not in path):
            continue
        if not is_value(step.kind):
            made[name] = value(step.kind, here)
        elif step.many:
            made[name] = tuple(_made(step.kind, here, place, value) for place in range(2))
        else:
            made[name] = _made(step.kind, here, 1, value)
    return kind(**made)


def _value(kind: Any, path: str, number: int) -> object:
    formed = next((text for end, text in FORMED.items() if f".{path}".endswith(f".{end}")), None)
    if formed is not None:
        return formed
    if issubclass(kind, Enum):
        return list(kind)[number % len(kind)]
    return {
        str: f"{TERM_AT[path]} n° {number} <&>",
        Decimal: Decimal(number) / 8,
        date: date(2026, 1, 1) + timedelta(days=number),
        bytes: bytes(range(number % 256)),
    }[kind]


_TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=8,
).map(lambda text: text.strip(" \t\r\n") or "x")
_NAME = _TEXT.filter(lambda text: text != "NA" and not text.startswith("#"))
_NUMBER = st.decimals(
    min_value=-(10**12), max_value=10**12, places=4, allow_nan=False, allow_infinity=False
)
_DAY = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _any_value(kind: Any, path: str) -> st.SearchStrategy[Any]:
    formed = next((text for end, text in FORMED.items() if f".{path}".endswith(f".{end}")), None)
    if path == "type_code":
        return st.sampled_from(["380", "381"])
    if formed is not None:
        return st.just(formed)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return {str: _NAME, Decimal: _NUMBER, date: _DAY, bytes: st.binary(max_size=6)}[kind]


#: Fields without which their value cannot be made, or is not there at all when it is read.
_NEEDED = {
    ("Identifier", "value"),
    ("Quantity", "value"),
    ("Binary", "content"),
    ("Payment", "means"),
    ("Invoice", "number"),
    ("Invoice", "currency"),
    ("Invoice", "type_code"),
    ("Account", "number"),
    ("Line", "id"),
}


@cache
def _any(kind: Any, path: str) -> st.SearchStrategy[Any]:
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, step in fields_of(kind).items():
        here = f"{path}.{name}" if path else name
        if not _holds_terms(here):
            continue
        inner = _any(step.kind, here) if is_value(step.kind) else _any_value(step.kind, here)
        if step.many:
            fields[name] = st.lists(inner.filter(_is_something), max_size=2).map(tuple)
        elif (kind.__name__, name) in _NEEDED:
            fields[name] = inner
        elif is_value(step.kind):
            fields[name] = (
                inner
                if name in ("seller", "buyer", "totals") and not path
                else (_optional(inner.filter(_is_something)))
            )
        else:
            fields[name] = _optional(inner)
    return st.builds(kind, **fields)


def _is_something(value: object) -> bool:
    return value != type(value)() if _is_empty_able(value) else True


def _is_empty_able(value: object) -> bool:
    return type(value).__name__ not in ("Identifier", "Quantity", "Binary")


def invoices() -> st.SearchStrategy[Invoice]:
    """Return any invoices that are written as the model asks; what they say need not add up."""
    return _any(Invoice, "").map(_canonical)


def _canonical(invoice: Invoice) -> Invoice:
    """Put in order what the model wants ordered, and leave out what no reader tells apart."""
    shared = next(iter(invoice.payments), Payment())
    debits = any(each.debited for each in invoice.payments)
    payments = tuple(
        replace(
            each,
            reference=shared.reference,
            mandate=shared.mandate if each.debited or not debits else None,
            creditor=shared.creditor if each.debited or not debits else None,
            means=f"{place + 1}0",
        )
        for place, each in enumerate(invoice.payments)
    )
    two_currencies = invoice.tax_currency is not None
    return replace(
        invoice,
        number=f"F-{invoice.number}",
        object=next(iter(invoice.objects), None),
        further_objects=invoice.objects[1:],
        payments=payments,
        payer=_canonical_party(invoice.payer) if payments else None,
        due_date=invoice.due_date if payments else None,
        tax_point=invoice.tax_point if invoice.vat else None,
        vat_point=invoice.vat_point if invoice.vat else None,
        totals=invoice.totals if two_currencies else replace(invoice.totals, vat_accounting=None),
        lines=tuple(_canonical_line(line, two_currencies) for line in invoice.lines),
        delivery=_canonical_delivery(invoice.delivery),
        **{name: _canonical_party(getattr(invoice, name)) for name in PARTIES},
    )


#: Fields that hold a party, but the payer, whom UBL knows within a way of paying alone.
PARTIES = (
    "seller",
    "buyer",
    "payee",
    "representative",
    "buyer_agent",
    "seller_agent",
    "invoicee",
    "invoicer",
)


def _canonical_delivery(delivery: Delivery | None) -> Delivery | None:
    return delivery and replace(delivery, to=_canonical_party(delivery.to))


def _canonical_party(party: Party | None) -> Any:  # a party where it is given one
    if party is None:
        return None
    schemes: dict[str | None, Identifier] = {each.scheme: each for each in party.identifiers}
    ordered = sorted(schemes.values(), key=lambda each: each.scheme is not None)
    contacts = [
        replace(each, department=each.department if each.name else None) for each in party.contacts
    ]
    return replace(
        party,
        identifiers=tuple(ordered),
        contacts=tuple(each for each in contacts if each != Contact()),
        name=party.name or ("N." if party.trading_name else None),
    )


def _canonical_line(line: Line, two_currencies: bool) -> Line:
    notes = line.notes
    first = notes[0] if notes else Note()
    gross = line.gross_price or Decimal(1)
    return replace(
        line,
        note=first.text,
        note_subject=first.subject,
        further_notes=notes[1:],
        object=next(iter(line.objects), None),
        further_objects=line.objects[1:],
        gross_price=line.gross_price if line.price_discount is None else gross,
        vat_accounting=line.vat_accounting if two_currencies else None,
        attributes=tuple(
            each if each.code else replace(each, name=each.name or "N.")
            for each in line.attributes
        ),
        delivery=_canonical_delivery(line.delivery),
        seller=_canonical_party(line.seller),
    )


def in_ubl(invoice: Invoice) -> Invoice:
    """Return what UBL holds of an invoice: it has fewer places, and demands the sum of VAT."""
    amounts = [each.amount for each in invoice.vat if each.amount is not None]
    vat = invoice.totals.vat
    parties = {
        name: party and replace(party, contacts=tuple(_in_ubl(party.contacts)))
        for name in (*PARTIES, "payer")
        if (party := getattr(invoice, name)) is not None
    }
    return replace(
        invoice,
        totals=replace(invoice.totals, vat=exact_sum(amounts) if vat is None and amounts else vat),
        lines=tuple(
            replace(line, with_vat=None, delivery=_delivery_in_ubl(line.delivery))
            for line in invoice.lines
        ),
        delivery=_delivery_in_ubl(invoice.delivery),
        **parties,
    )


def _in_ubl(contacts: tuple[Contact, ...]) -> Iterator[Contact]:
    for contact in contacts[:1]:
        yield replace(contact, department=None)


def _delivery_in_ubl(delivery: Delivery | None) -> Delivery | None:
    if delivery is None or delivery.to is None:
        return delivery
    return replace(delivery, to=replace(delivery.to, identifiers=delivery.to.identifiers[:1]))


def invoices_in(folder: Path) -> Iterator[tuple[str, etree._Element]]:
    """Yield every whole invoice under a folder with its name, those inside PDFs among them."""
    for path in sorted(folder.rglob("*.[xp][md][lf]")):
        root = _root(path)
        if root is not None and recognise(root) is not None:
            yield path.name, root


def _root(path: Path) -> etree._Element | None:
    """Return the invoice that a file holds; None where it holds none that can be read."""
    data = path.read_bytes()
    if path.suffix == ".xml":
        return parse(data, Limits())
    with suppress(PdfRefused, XmlRefused):
        return parse(open_facturx(data, Limits()).invoice, Limits())
    return None
