"""The parties of an invoice, each as a card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pipeline.model.invoice import Address, Contact, Delivery, Invoice, Party
from pipeline.syntax.readable import formats
from pipeline.syntax.readable.shower import Shower, present
from pipeline.syntax.readable.view import Card, Item

#: The term of each field of a party, by the part that it takes; the group stands under "".
_TERMS: Mapping[str, Mapping[str, str]] = MappingProxyType({})

_ADDRESS = ("line_1", "line_2", "line_3", "postcode", "city", "subdivision", "country")


def party_cards(invoice: Invoice, show: Shower) -> tuple[Card, ...]:
    """Show everybody who takes part, seller and buyer first."""
    parts: tuple[tuple[str, Party | None], ...] = (
        ("seller", invoice.seller),
        ("buyer", invoice.buyer),
        ("payee", invoice.payee),
        ("representative", invoice.representative),
        ("buyer_agent", invoice.buyer_agent),
        ("payer", invoice.payer),
        ("seller_agent", invoice.seller_agent),
        ("invoicee", invoice.invoicee),
        ("invoicer", invoice.invoicer),
    )
    cards = [_card(part, party or Party(), show) for part, party in parts]
    cards.append(_delivery(invoice.delivery or Delivery(), show))
    return tuple(card for card in cards if card.items or card.marks)


def _card(part: str, party: Party, show: Shower) -> Card:
    terms = _TERMS[part]
    group = terms[""]
    return Card(
        title=show.label(group),
        term=group,
        items=present(_items(party, terms, show)),
        marks=show.marks.take(group),
    )


def _delivery(delivery: Delivery, show: Shower) -> Card:
    terms = _TERMS["delivery.to"]
    on = show.day("BT-72", delivery.on)
    return Card(
        title=show.label("BG-13"),
        term="BG-13",
        items=present((on, *_items(delivery.to or Party(), terms, show))),
        marks=show.marks.take("BG-13", "BG-15"),
    )


def _items(party: Party, terms: Mapping[str, str], show: Shower) -> Iterator[Item | None]:
    """Yield what there is of a party; a term that the part does not have is never asked for."""
    words = show.words
    if "name" in terms:
        yield show.line(terms["name"], party.name, label="", style="strong")
    if "trading_name" in terms:
        yield show.line(terms["trading_name"], party.trading_name, label=words["trading_name"])
    if "legal_form" in terms:
        yield show.text(terms["legal_form"], party.legal_form, label="")
    yield _address(party.address or Address(), terms, show)
    if "legal_id" in terms:
        yield show.identifier(terms["legal_id"], party.legal_id, label=words["registration"])
    if "identifiers" in terms:
        for each in party.identifiers or (None,):
            yield show.identifier(terms["identifiers"], each, label=words["identifier"])
    if "vat_id" in terms:
        yield show.line(terms["vat_id"], party.vat_id, label=words["vat_id"])
    if "tax_id" in terms:
        yield show.line(terms["tax_id"], party.tax_id, label=words["tax_id"])
    if "endpoint" in terms:
        yield show.identifier(terms["endpoint"], party.endpoint, label=words["endpoint"])
    if "role" in terms:
        yield show.line(terms["role"], party.role, label=words["role"])
    for contact in party.contacts:
        yield from _contact(contact, terms, show)


def _address(address: Address, terms: Mapping[str, str], show: Shower) -> Item | None:
    """Show an address as one would write it on an envelope."""
    fields = {name: getattr(address, name) for name in _ADDRESS}
    known = {name: formats.one_line(value) for name, value in fields.items() if value}
    town = " ".join(known[name] for name in ("postcode", "city") if name in known)
    lines = [known.get(name, "") for name in ("line_1", "line_2", "line_3")]
    lines += [town, known.get("subdivision", ""), known.get("country", "")]
    named = tuple(
        terms[f"address.{name}"]
        for name in _ADDRESS
        if f"address.{name}" in terms and (name in known or not known)
    )
    written = "\n".join(line for line in lines if line)
    return show.item(named, written, label="", style="long") if named else None


def _contact(contact: Contact, terms: Mapping[str, str], show: Shower) -> Iterator[Item | None]:
    label = show.words["contact"]
    for name in ("name", "department", "phone", "email"):
        term = terms.get(f"contacts.{name}")
        if term is not None:
            yield show.line(term, getattr(contact, name), label=label)
            label = "" if getattr(contact, name) else label
