"""Who an invoice is between, as messages about it name them."""

from __future__ import annotations

from pipeline.model.report import RoutingHeader
from pipeline.syntax.cdar import BUYER, SELLER, SIREN, SIRET, Party
from pipeline.syntax.characters import shorten
from pipeline.syntax.cpp_parties import EU, SupplierId, foreign_id
from pipeline.syntax.cpp_status import Debtor, Supplier

#: Limits of CPPStatut (CodeService), and of our own courtesy.
_SERVICE, _NAME = 100, 255
#: What stands in a CDAR for a SIREN that cannot be read (G1.114).
NO_SIREN = "0" * 9


def supplier_of(header: RoutingHeader) -> Supplier:
    """Return who issued an invoice, as a CPPStatut names it."""
    kind, identifier = _supplier_identifier(header)
    country = header.seller_country
    return Supplier(
        id_type=kind,
        id=shorten(identifier, _NAME),
        name=shorten(header.seller_name or identifier, _NAME),
        country=country if country and len(country) == 2 else None,  # noqa: PLR2004  # ISO 3166-1 alpha-2
    )


def _supplier_identifier(header: RoutingHeader) -> tuple[SupplierId, str]:
    """Choose the best identifier there is: SIRET, EU VAT number, country and name, else what is.

    Outside the EU Chorus Pro identifies a supplier by its country code and the first
    16 characters of its name. A supplier inside the EU that gives neither SIRET nor VAT
    number is told as being registered, by its SIREN or name.
    """
    name = header.seller_name or ""
    country = header.seller_country or ""
    if header.seller_siret:
        return SupplierId.SIRET, header.seller_siret
    if header.seller_vat and header.seller_vat[:2] in EU:
        return SupplierId.EU_VAT, header.seller_vat
    if country and country not in EU:
        return SupplierId.OUTSIDE_EU, foreign_id(country, name)
    return SupplierId.BEING_REGISTERED, header.seller_siren or name


def debtor_siret(header: RoutingHeader) -> str:
    """Return the recipient's SIRET, else its SIREN with an establishment number nobody has.

    The format knows only SIRETs. Whoever writes it says so beside it.
    """
    if header.buyer_siret and len(header.buyer_siret) == 14:  # noqa: PLR2004  # a SIRET
        return header.buyer_siret
    return (header.buyer_siren or "")[:9].ljust(14, "0")


def debtor_of(header: RoutingHeader) -> Debtor:
    """Return who is billed, as a CPPStatut names it."""
    return Debtor(
        siret=debtor_siret(header),
        name=None if header.buyer_name is None else shorten(header.buyer_name, _NAME),
        service=None if header.buyer_service is None else header.buyer_service[:_SERVICE],
    )


def seller_of(header: RoutingHeader) -> Party:
    """Return who issued an invoice, as a CDAR names it."""
    return Party(SELLER, header.seller_siren or NO_SIREN, SIREN)


def buyer_of(header: RoutingHeader) -> Party | None:
    """Return who is billed, as a CDAR names it; None if nothing says so."""
    if header.buyer_siret:
        return Party(BUYER, header.buyer_siret, SIRET)
    return Party(BUYER, header.buyer_siren, SIREN) if header.buyer_siren else None
