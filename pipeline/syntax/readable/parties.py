"""The parties of an invoice: a card each, or among the details of a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.model.invoice import Address, Contact, Delivery, Identifier, Invoice, Party
from pipeline.model.terms import TERM_AT
from pipeline.syntax.readable import formats
from pipeline.syntax.readable.marks import Place
from pipeline.syntax.readable.shower import Shower, present
from pipeline.syntax.readable.view import Card, Item

_ADDRESS = ("line_1", "line_2", "line_3", "postcode", "city", "subdivision", "country")
_CONTACT = ("name", "department", "phone", "email")

#: What a field is called where it needs another name than its term has.
_Names = Mapping[str, str]


def party_cards(invoice: Invoice, show: Shower) -> tuple[Card, ...]:
    """Show everybody who takes part, seller and buyer first, and the delivery."""
    parts: tuple[tuple[str, Party | None], ...] = (
        ("seller", invoice.seller),
        ("buyer", invoice.buyer),
        ("invoicer", invoice.invoicer),
        ("seller_agent", invoice.seller_agent),
        ("representative", invoice.representative),
        ("payee", invoice.payee),
        ("invoicee", invoice.invoicee),
        ("buyer_agent", invoice.buyer_agent),
        ("payer", invoice.payer),
    )
    cards = [_card(part, party or Party(), show) for part, party in parts]
    cards.append(_delivery(invoice, show))
    return tuple(card for card in cards if card.items or card.marks)


def party_details(
    part: str, party: Party | None, show: Shower, place: Place
) -> Iterator[Item | None]:
    """Yield what there is of a party among other values, each under the name of its term."""
    yield from _items(part, party or Party(), show, {}, place)


def _card(part: str, party: Party, show: Shower) -> Card:
    group = TERM_AT[part]
    return Card(
        title=show.label(group),
        term=group,
        items=present(_items(part, party, show, _short(show), None)),
        marks=show.marks.take(group),
    )


def _delivery(invoice: Invoice, show: Shower) -> Card:
    delivery, terms = invoice.delivery or Delivery(), invoice.delivery_terms
    items = (
        show.day("BT-72", delivery.on),
        *_items("delivery.to", delivery.to or Party(), show, _short(show), None),
        show.line("EXT-FR-FE-185", terms.code if terms else None),
        show.line("EXT-FR-FE-186", terms.place if terms else None),
    )
    return Card(
        title=show.label("BG-13"),
        term="BG-13",
        items=present(items),
        marks=show.marks.take("BG-13", "BG-15"),
    )


def _short(show: Shower) -> _Names:
    """Return the names of fields on a card, whose title says whose they are."""
    words = show.words
    return {
        "name": "",
        "trading_name": words["trading_name"],
        "role": words["role"],
        "legal_form": "",
        "address": "",
        "legal_id": words["registration"],
        "identifiers": words["identifier"],
        "vat_id": words["vat_id"],
        "tax_id": words["tax_id"],
        "endpoint": words["endpoint"],
        "contacts": words["contact"],
    }


def _items(
    part: str, party: Party, show: Shower, names: _Names, place: Place
) -> Iterator[Item | None]:
    """Yield what there is of a party; what the part cannot hold is never asked for."""
    for field, style in (("name", "strong"), ("trading_name", ""), ("legal_form", "")):
        term = TERM_AT.get(f"{part}.{field}")
        if term is not None:
            value: str | None = getattr(party, field)
            yield show.line(term, value, label=names.get(field), style=style, place=place)
    yield _address(part, party.address or Address(), show, names, place)
    yield _identifier(f"{part}.legal_id", party.legal_id, show, names.get("legal_id"), place)
    for identifier in party.identifiers or (None,):
        yield _identifier(f"{part}.identifiers", identifier, show, names.get("identifiers"), place)
    for field in ("vat_id", "tax_id"):
        term = TERM_AT.get(f"{part}.{field}")
        if term is not None:
            yield show.line(term, getattr(party, field), label=names.get(field), place=place)
    yield _identifier(f"{part}.endpoint", party.endpoint, show, names.get("endpoint"), place)
    term = TERM_AT.get(f"{part}.role")
    if term is not None:
        yield show.line(term, party.role, label=names.get("role"), place=place)
    for contact in party.contacts or (Contact(),):
        yield _contact(part, contact, show, names.get("contacts"), place)


def _identifier(
    path: str, value: Identifier | None, show: Shower, label: str | None, place: Place
) -> Item | None:
    term = TERM_AT.get(f"{path}.value")
    if term is None:
        return None
    scheme = TERM_AT.get(f"{path}.scheme")
    terms = (term,) if scheme is None else (term, scheme)
    return show.identifier(terms, value, label=label, place=place)


def _address(
    part: str, address: Address, show: Shower, names: _Names, place: Place
) -> Item | None:
    """Show an address as one would write it on an envelope."""
    path = f"{part}.address"
    group = TERM_AT.get(path)
    places = (group, *(TERM_AT.get(f"{path}.{name}") for name in _ADDRESS))
    terms = [term for term in places if term is not None]
    if not terms:
        return None
    fields = {name: getattr(address, name) for name in _ADDRESS}
    known = {name: formats.one_line(value) for name, value in fields.items() if value}
    town = " ".join(known[name] for name in ("postcode", "city") if name in known)
    last = " · ".join(part for part in (town, known.get("country")) if part)
    lines = [known.get(name, "") for name in ("line_1", "line_2", "line_3")]
    lines += [known.get("subdivision", ""), last]
    return show.item(
        terms,
        "\n".join(line for line in lines if line),
        label=names.get("address") if group else show.words["address"],
        style="long",
        place=place,
    )


def _contact(
    part: str, contact: Contact, show: Shower, label: str | None, place: Place
) -> Item | None:
    """Show whom to ask in one text: name, department, phone, email."""
    path = f"{part}.contacts"
    group = TERM_AT.get(path)
    if group is None:
        return None
    known = (getattr(contact, name) for name in _CONTACT)
    terms = (TERM_AT.get(f"{path}.{name}") for name in _CONTACT)
    return show.item(
        (group, *(term for term in terms if term is not None)),
        " · ".join(formats.one_line(value) for value in known if value),
        label=label,
        place=place,
    )
