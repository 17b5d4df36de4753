"""Where CPPFacturePivot V2_02 writes each business term: one row an element.

Rows stand in the order of the schema. A row also says what the format asks of its value: whether
it must be there, how long it may be, which codes there are. What does not fit is no reason to
bend it: the invoice then cannot be written, and `pivot.write_invoice` says why.

Source:
    CPPFacturePivot V2_02. Which term stands where is published nowhere: it is deduced, and
    gathered here (``docs/pivot.md`` says with what certainty).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from datetime import date
from decimal import Context, Decimal
from operator import attrgetter
from typing import Any, TypeAlias

from pipeline.model.amount import is_usable
from pipeline.model.invoice import Line, VatBreakdown, VatCategory
from pipeline.syntax.characters import carriable
from pipeline.syntax.pivot_files import files_of
from pipeline.syntax.pivot_subject import Subject, account_type
from pipeline.syntax.ubl import CREDITS

#: BT-23 (XP Z12-012) that has a frame of its own; every other one is A1, a supplier's invoice.
_FRAMES = {"S3": "A9", "S6": "A12", "B2": "A2", "S2": "A2", "M2": "A2"}
#: Frames of the historical channel stand for themselves; there is no A11.
_OWN_FRAMES = frozenset(f"A{number}" for number in range(1, 26)) - {"A11"}
_A_FRAME = re.compile("A[0-9]+")

#: BT-81: codes that the format has, and others of the same nature.
_MEANS = {code: code for code in ("10", "20", "30", "31", "42", "48", "49", "97")} | {
    "54": "48",
    "55": "48",
    "58": "30",
    "59": "49",
}

#: What an invoice without BT-23 is taken for.
_USUAL_FRAME = "A1"

#: VAT categories under which nothing is due: their rate is zero, stated or not.
_UNTAXED = frozenset(
    {
        VatCategory.ZERO_RATED,
        VatCategory.EXEMPT,
        VatCategory.REVERSE_CHARGE,
        VatCategory.INTRA_COMMUNITY,
        VatCategory.EXPORT,
        VatCategory.OUT_OF_SCOPE,
    }
)

#: To what a unit price is rounded that does not come out even.
_PRICE = Decimal("0.000001")
#: Wide enough for any amount that `is_usable` lets through.
_WIDE = Context(prec=100)

#: A word or a sentence, French and English.
Name: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Facet:
    """What the text of an element must be like.

    Attributes:
        pattern: All of the text.
        rule: The same in words, French and English.
    """

    pattern: re.Pattern[str]
    rule: Name


@dataclass(frozen=True, slots=True)
class Row:
    """One element or attribute.

    Attributes:
        path: Where it stands below its group; ``@`` marks an attribute.
        terms: Business terms that it carries, spaces between; none for what an invoice does
            not say itself.
        read: Takes the value out of what the group is written from.
        write: Gives its text; None where the format has none for it.
        name: What it is called, French and English; given where it can be in the way.
        needed: Whether the format cannot do without.
        facet: What its text must be like, or None.
    """

    path: str
    terms: str
    read: Callable[[Any], Any]
    write: Callable[[Any], str | None] = carriable
    _: KW_ONLY
    name: Name = ("", "")
    needed: bool = False
    facet: Facet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Elements that repeat, each with rows of its own.

    Attributes:
        path: Where they stand below the invoice's element.
        term: The business group that they are, or empty.
        read: Takes out of a `Subject` what each of them is written from, each with its place
            in the invoice, from 1.
        rows: Below each of them.
        numbered: Whether each says its place, from 1.
    """

    path: str
    term: str = ""
    read: Callable[[Subject], Iterable[tuple[int, Any]]]
    rows: tuple[Row, ...]
    numbered: bool = False


def _decimal(value: Decimal) -> str | None:
    """Write a number out, unless it was made to exhaust whoever does."""
    return format(value, "f") if is_usable(value) else None


def type_of(code: str) -> str:
    """Return what a type of document (BT-3) is in the pivot: invoice or credit note."""
    return "381" if code in CREDITS else "380"


def frame_of(code: str) -> str | None:
    """Return the frame of a business process (BT-23); None for one that the pivot lacks.

    >>> frame_of("S3"), frame_of("B1"), frame_of("A13"), frame_of("A11")
    ('A9', 'A1', 'A13', None)
    """
    if _A_FRAME.fullmatch(code):
        return code if code in _OWN_FRAMES else None
    return _FRAMES.get(code, "A1")


def means_of(code: str) -> str | None:
    """Return the code of a way of paying (BT-81); None for one that the pivot lacks."""
    return _MEANS.get(code)


def unit_price(line: Line) -> Decimal | None:
    """Return the price of one unit: BT-146 is that of as many as BT-149 says.

    >>> from pipeline.model.invoice import Quantity
    >>> unit_price(Line(price=Decimal("12.50"), price_base=Quantity(Decimal(100))))
    Decimal('0.125')
    """
    base = line.price_base.value if line.price_base is not None else Decimal(1)
    if line.price is None or base == 1 or not base or not is_usable(base):
        return line.price
    price = _WIDE.divide(line.price, base)
    rounded = price.quantize(_PRICE, context=_WIDE)
    return price if price == rounded else rounded


def _rate(taxed: VatBreakdown) -> Decimal | None:
    """Return the rate of a share of VAT: what is exempt has none, or zero."""
    return Decimal(0) if taxed.rate is None and taxed.category in _UNTAXED else taxed.rate


def _most(length: int) -> Facet:
    rule = (f"{length} caractères au plus", f"at most {length} characters")
    return Facet(re.compile(f"(?s:.{{0,{length}}})"), rule)


_COUNTRY = Facet(re.compile("(?s:.{2})"), ("deux caractères", "two characters"))
_SIRET = Facet(re.compile("[0-9]{14}"), ("14 chiffres", "14 digits"))
_CURRENCY = Facet(re.compile("[A-Z]{3}"), ("trois capitales", "three capital letters"))
#: What `_decimal` lets through.
_NUMBER = Facet(
    re.compile("[-.0-9]+"),
    (
        "un nombre, moins de 30 chiffres devant et derrière la virgule",
        "a number, fewer than 30 digits before and after the point",
    ),
)
_FRAME = Facet(re.compile("A.*"), ("A1 à A25 sauf A11", "A1 to A25 but A11"))
_MEANS_FACET = Facet(
    re.compile("[0-9]+"),
    (f"un de {' '.join(sorted(_MEANS))}", f"one of {' '.join(sorted(_MEANS))}"),
)


def _amount(path: str, terms: str, read: Callable[[Any], Any], name: Name) -> Row:
    """Return the row of a number that must be there."""
    return Row(path, terms, read, _decimal, name=name, needed=True, facet=_NUMBER)


_date = date.isoformat
_number = "{:d}".format

#: The invoice, in the order of the schema; its own number is given where it takes its place.
TABLE: tuple[Row | Group, ...] = (
    Row(
        "Fournisseur/TypeIdentifiant",
        "BT-29-1",
        lambda subject: subject.supplier and subject.supplier[0],
        _number,
    ),
    Row(
        "Fournisseur/Identifiant",
        "BT-29",
        lambda subject: subject.supplier and subject.supplier[1],
        name=("identifiant du fournisseur (SIRET)", "supplier's identifier (SIRET)"),
        needed=True,
    ),
    Row(
        "Fournisseur/RaisonSociale",
        "BT-27",
        attrgetter("invoice.seller.name"),
        name=("raison sociale du fournisseur", "supplier's name"),
        needed=True,
    ),
    Row(
        "Fournisseur/CodePays",
        "BT-40",
        lambda subject: subject.invoice.seller.address and subject.invoice.seller.address.country,
        name=("pays du fournisseur", "supplier's country"),
        needed=True,
        facet=_COUNTRY,
    ),
    Row("Fournisseur/ReferenceBancaire/@Type", "", attrgetter("account.number"), account_type),
    Row("Fournisseur/ReferenceBancaire/Compte", "BT-84", attrgetter("account.number")),
    Row("Fournisseur/ReferenceBancaire/Etablissement", "BT-86", attrgetter("account.provider")),
    Row(
        "Fournisseur/ReferenceBancaire/RaisonSocialeEncaisseur",
        "BT-59 BT-85",
        attrgetter("cashed_by"),
    ),
    Row("Fournisseur/ModeEmission", "", attrgetter("context.emission.value")),
    Row("Debiteur/TypeIdentifiant", "BT-46-1", attrgetter("debtor"), lambda _: "1"),
    Row(
        "Debiteur/Identifiant",
        "BT-46",
        attrgetter("debtor"),
        name=("SIRET du débiteur", "debtor's SIRET"),
        needed=True,
        facet=_SIRET,
    ),
    Row("Debiteur/Nom", "BT-44", attrgetter("invoice.buyer.name")),
    Row(
        "Debiteur/CodeService",
        "BT-46",
        attrgetter("service"),
        name=("code service du débiteur", "debtor's service code"),
        facet=_most(100),
    ),
    Row("Debiteur/NomService", "", attrgetter("context.service_name")),
    Row(
        "DonneesFacture/Id",
        "BT-1",
        attrgetter("invoice.number"),
        name=("numéro de facture", "invoice number"),
        needed=True,
        facet=_most(20),
    ),
    Row("DonneesFacture/IdCPRO", "", attrgetter("context.platform_id"), _number),
    Row("DonneesFacture/Renvoi", "", attrgetter("context.resubmission"), attrgetter("value")),
    Row(
        "DonneesFacture/IdFactureOrigine",
        "BT-25",
        attrgetter("origin"),
        name=("numéro de la facture d'origine", "number of the original invoice"),
        facet=_most(20),
    ),
    Row(
        "DonneesFacture/Type",
        "BT-3",
        attrgetter("invoice.type_code"),
        type_of,
        name=("type de document", "type of document"),
        needed=True,
    ),
    Row(
        "DonneesFacture/Cadre",
        "BT-23",
        lambda subject: subject.invoice.frame or _USUAL_FRAME,
        frame_of,
        name=("cadre de facturation", "billing frame"),
        facet=_FRAME,
    ),
    Row(
        "DonneesFacture/DateEmissionFacture",
        "BT-2",
        attrgetter("invoice.issue_date"),
        _date,
        name=("date d'émission", "issue date"),
        needed=True,
    ),
    Row(
        "DonneesFacture/DateLivraison",
        "BT-72",
        lambda subject: subject.invoice.delivery and subject.invoice.delivery.on,
        _date,
    ),
    Row(
        "DonneesFacture/ModePaiement/Code",
        "BT-81",
        attrgetter("payment.means"),
        means_of,
        name=("mode de paiement", "payment means"),
        needed=True,
        facet=_MEANS_FACET,
    ),
    Row("DonneesFacture/ModePaiement/Libelle", "BT-82", attrgetter("payment.means_text")),
    Row("DonneesFacture/DateReception", "", attrgetter("context.received_on"), _date),
    Row("DonneesFacture/DateMiseADispositionMOE", "", attrgetter("context.works_on"), _date),
    Row(
        "DonneesFacture/Devise",
        "BT-5",
        attrgetter("invoice.currency"),
        name=("devise", "currency"),
        needed=True,
        facet=_CURRENCY,
    ),
    _amount(
        "DonneesFacture/Montants/MontantHT",
        "BT-109",
        attrgetter("invoice.totals.without_vat"),
        ("total hors TVA", "total without VAT"),
    ),
    _amount(
        "DonneesFacture/Montants/MontantTTC",
        "BT-112",
        attrgetter("invoice.totals.with_vat"),
        ("total avec TVA", "total with VAT"),
    ),
    _amount(
        "DonneesFacture/Montants/MontantNetAPayer",
        "BT-115",
        attrgetter("invoice.totals.due"),
        ("net à payer", "amount due"),
    ),
    Group(
        path="DonneesFacture/TVAs/TVA",
        term="BG-23",
        read=lambda subject: enumerate(subject.invoice.vat, 1),
        rows=(
            _amount("Taux", "BT-119", _rate, ("taux de TVA", "VAT rate")),
            _amount("BaseHt", "BT-116", attrgetter("base"), ("base de TVA", "VAT base")),
            _amount("MontantTVA", "BT-117", attrgetter("amount"), ("TVA", "VAT amount")),
        ),
    ),
    Row(
        "DonneesFacture/Engagement/NumeroMarche",
        "BT-12",
        attrgetter("invoice.contract"),
        name=("numéro de marché", "contract number"),
        facet=_most(50),
    ),
    Row(
        "DonneesFacture/Engagement/NumeroEngagement",
        "BT-13",
        attrgetter("invoice.order"),
        name=("numéro d'engagement", "commitment number"),
        facet=_most(50),
    ),
    Group(
        path="DonneesFacture/Lignes/Ligne",
        term="BG-25",
        read=attrgetter("lines"),
        numbered=True,
        rows=(
            Row("ReferenceProduit", "BT-155", attrgetter("seller_item")),
            _amount("PrixUnitaire", "BT-146 BT-149", unit_price, ("prix unitaire", "unit price")),
            _amount(
                "Quantite",
                "BT-129",
                lambda line: line.quantity and line.quantity.value,
                ("quantité", "quantity"),
            ),
            _amount(
                "MontantHT", "BT-131", attrgetter("net"), ("montant de la ligne", "line amount")
            ),
            Row(
                "TauxTVA",
                "BT-152",
                attrgetter("vat_rate"),
                _decimal,
                name=("taux de TVA de la ligne", "VAT rate of the line"),
                facet=_NUMBER,
            ),
        ),
    ),
    Group(
        path="PJ",
        term="BG-24",
        read=lambda subject: enumerate(files_of(subject), 1),
        numbered=True,
        rows=(
            # the bytes are put in when the rest is written: see `pivot.write_pivot`
            Row("Contenu", "BT-125", attrgetter("content"), lambda _: ""),
            Row("NomPJ", "BT-125-2", attrgetter("name")),
            Row("NomPJOrigine", "BT-125-2", attrgetter("given_name")),
            Row("CategoriePJ", "BT-123", attrgetter("category")),
            Row("TypePJ", "", attrgetter("kind")),
            Row("MimeTypePJ", "BT-125-1", attrgetter("mime")),
        ),
    ),
    Group(
        path="CycleDeValidation/ValidationUnitaire",
        read=lambda subject: enumerate(subject.context.validations, 1),
        rows=(
            Row("DateStatut", "", attrgetter("on"), _date),
            Row("CodeStatut", "", attrgetter("status"), _number),
            Row("ComplementStatut", "", attrgetter("complement")),
            Row("Commentaire", "", attrgetter("comment")),
            Row(
                "ProducteurStatut/TypeIdentifiant",
                "",
                attrgetter("by.id_type"),
                _number,
            ),
            Row("ProducteurStatut/Id", "", attrgetter("by.id")),
            Row("ProducteurStatut/RaisonSociale", "", attrgetter("by.name")),
            Row("ProducteurStatut/CodePays", "", attrgetter("by.country")),
            Row("ProducteurStatut/Note", "", attrgetter("by.note")),
        ),
    ),
)

#: The terms that the pivot has a place for.
CARRIED: frozenset[str] = frozenset(
    term
    for entry in TABLE
    for row in (entry.rows if isinstance(entry, Group) else (entry,))
    for term in row.terms.split()
)
