"""The invoices of `samples/invoices`: who bills whom for what, as values.

Every firm, town and number is made up; SIREN, SIRET, VAT and bank numbers only pass
their own checks. Each entry shows something that the others do not; its key says what.
A new one goes at the end: its place gives it its number and its day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from invoice_maker import (
    Account,
    Address,
    Adjustment,
    Attachment,
    Contact,
    Delivery,
    Id,
    Invoice,
    Line,
    Note,
    Party,
    Payment,
    Period,
    Vat,
    french_iban,
    french_vat,
    make_iban,
    make_siren,
    make_siret,
    to_cii,
    to_ubl,
)
from supports import tiny_csv, tiny_pdf, tiny_png

FIRST_DAY = date(2026, 9, 1)

# --------------------------------------------------------------- VAT


def _taxed(rate: str) -> Vat:
    return Vat("S", Decimal(rate))


S20, S10, S55, S21, S85 = (_taxed(rate) for rate in ("20", "10", "5.5", "2.1", "8.5"))
ZERO = Decimal(0)
REVERSE = Vat("AE", ZERO, "Autoliquidation, article 283-2 nonies du CGI", "VATEX-EU-AE")
INTRA = Vat("K", ZERO, "Livraison intracommunautaire, article 138 directive TVA", "VATEX-EU-IC")
EXPORT = Vat("G", ZERO, "Exportation, article 262 I du CGI", "VATEX-EU-G")
OUTSIDE = Vat("O", None, "Hors champ d'application de la TVA", "VATEX-EU-O")
FRANCHISE = Vat("E", ZERO, "TVA non applicable, article 293 B du CGI", "VATEX-FR-FRANCHISE")
HEALTH = Vat("E", ZERO, "Exonération, article 261-4 du CGI", "VATEX-FR-CGI261-4")
CHARITY = Vat("E", ZERO, "Exonération, article 261-7 du CGI", "VATEX-FR-CGI261-7")
TRAINING = Vat("E", ZERO, "Exonération, article 261-4-4° du CGI", "VATEX-EU-132-1I")
ZERO_RATED = Vat("Z", ZERO)

# --------------------------------------------------------------- who


def _address(street: str, postcode: str, city: str, **more: str) -> Address:
    return Address(street=street, postcode=postcode, city=city, **more)


def _firm(digits: str, name: str, address: Address, *, vat: bool = True, **more: Any) -> Party:  # noqa: ANN401  # the other fields of Party
    """Make a French party from eight digits."""
    siren = make_siren(digits)
    number = french_vat(siren) if vat else None
    return Party(name=name, address=address, siret=make_siret(siren), vat=number, **more)


def _public(digits: str, name: str, address: Address, **more: Any) -> Party:  # noqa: ANN401  # the other fields of Party
    """Make a public buyer; its electronic address is SIREN_SIRET."""
    party = _firm(digits, name, address, vat=False, **more)
    siret = party.siret or ""
    return replace(party, endpoint=Id(f"{siret[:9]}_{siret}", "0225"))


PAPETERIE = _firm(
    "09100001",
    "Papeterie Durand SAS",
    _address("12 rue des Encriers", "59999", "Exemple-en-Flandre"),
    legal_info="SAS au capital de 40 000 €, RCS Exemple-en-Flandre",
    contact=Contact("Service facturation", "+33 3 00 00 00 01", "factures@durand.example"),
)
TRAITEUR = _firm(
    "09100002",
    "Beaufils Traiteur SARL",
    _address("3 place du Marché", "69999", "Exemple-sur-Saône"),
    trading_name="Le Comptoir Beaufils",
    legal_info="SARL au capital de 8 000 €",
    contact=Contact("Inès Beaufils", "+33 4 00 00 00 02", "ines@beaufils.example"),
)
LIBRAIRIE = _firm(
    "09100003",
    "Librairie des Arcades",
    _address("8 passage Couvert", "21999", "Exemple-lès-Dijon"),
)
PRESSE = _firm(
    "09100004", "Le Quotidien du Val SA", _address("1 quai Vert", "37999", "Exemple-le-Val")
)
MENUISERIE = _firm(
    "09100005",
    "Menuiserie Le Goff & Fils",
    _address("ZA de Kerexemple", "29999", "Lann-Exemple", more="Bâtiment C"),
    legal_info="EURL au capital de 5 000 €",
)
ELECTRICITE = _firm(
    "09100006", "Électricité Renan SARL", _address("27 bis, rue Ampère", "35999", "Exemple-Forge")
)
ETUDES = _firm(
    "09100007",
    "Cabinet Rivière Études",
    _address("5 rue de l'Aqueduc", "34999", "Exemple-les-Pins", third="3e étage, porte 12"),
    contact=Contact("Hélène Rivière", None, "h.riviere@riviere-etudes.example"),
)
GRAPHISTE = _firm(
    "09100008",
    "Chloé Nuñez, graphiste",
    _address("14 rue des Lilas", "31999", "Exemple-Garonne"),
    vat=False,
    tax_registration=make_siren("09100008"),
    legal_info="Entrepreneur individuel, dispensé d'immatriculation au RCS",
)
LABORATOIRE = _firm(
    "09100009",
    "Laboratoire d'analyses de l'Œuvre",
    _address("2 avenue Pasteur", "44999", "Saint-Exemple"),
)
ASSOCIATION = _firm(
    "09100010",
    "Association Les Ateliers du Cœur",
    _address("Maison des associations", "63999", "Exemple-d'Auvergne"),
    vat=False,
    tax_registration=make_siren("09100010"),
)
ANTILLES = _firm(
    "09100011",
    "Madinina Bureau SARL",
    _address("Zone de la Lézarde", "97299", "Exemple-Lamentin", region="Martinique"),
)
ENERGIE = _firm(
    "09100012",
    "Énergies d'Exemple SA",
    _address("100 boulevard du Réseau", "92999", "Exemple-la-Défense"),
    legal_info="SA au capital de 1 200 000 €",
)
AFFACTURAGE = Party(name="Facto-Exemple SA", siret=make_siret(make_siren("09100013")))
MUELLER = Party(
    name="Müller Büromöbel GmbH",
    address=_address("Hauptstraße 5", "10999", "Beispielstadt", country="DE"),
    registration=Id("HRB 99999"),
    endpoint=Id("DE999999999", "9930"),
    vat="DE999999999",
)
GRAFEAS = Party(
    name="Ο Γραφέας Α.Ε.",
    address=_address("Οδός Παραδείγματος 7", "10999", "Αθήνα", country="GR"),
    registration=Id("099999999000"),
    endpoint=Id("EL999999999", "9933"),
    vat="EL999999999",
)
ZOLC = Party(
    name="Zakład Żółć Sp. z o.o.",
    address=_address("ul. Przykładowa 3/5", "00-999", "Łódź", country="PL"),
    registration=Id("0000999999"),
    endpoint=Id("PL9999999999", "9945"),
    vat="PL9999999999",
)
ALPES = Party(
    name="Alpes Instruments Sàrl",
    address=_address("Chemin de l'Exemple 9", "1299", "Genève", country="CH", region="GE"),
    registration=Id("CHE-999.999.996"),
    endpoint=Id("CHE999999996TVA", "9927"),
    vat=french_vat(make_siren("09100014")),
)
FISCAL = Party(
    name="Représentation fiscale du Léman SAS",
    address=_address("4 rue du Lac", "74999", "Exemple-les-Bains"),
    vat=french_vat(make_siren("09100015")),
)

VILLE = _public(
    "21000123",
    "Ville d'Exemple",
    _address("1 place de la Mairie", "49999", "Exemple-sur-Loire"),
)
HOPITAL = _public(
    "26000456",
    "Centre hospitalier d'Exemple",
    _address("10 avenue de l'Hôpital", "49999", "Exemple-sur-Loire"),
    contact=Contact("Pharmacie centrale"),
)
COLLEGE = _public(
    "19000789", "Collège Marie-Exemple", _address("6 rue des Écoles", "49998", "Exemple-Bourg")
)
SYNDICAT = _public(
    "25000321", "Syndicat des eaux d'Exemple", _address("Le Moulin", "49997", "Exemple-l'Étang")
)
#: Two that ask for another form than the one they are billed in.
LYCEE = _public(
    "19000791", "Lycée Jean-Exemple", _address("3 rue du Stade", "49999", "Exemple-sur-Loire")
)
MUSEE = _public(
    "18000457", "Musée de l'Exemple", _address("1 place du Musée", "49999", "Exemple-sur-Loire")
)
#: Known to nobody: not in `samples/directory`.
INCONNUE = _public(
    "21000999", "Ville de Nulle-Part", _address("1 rue Perdue", "49996", "Nulle-Part")
)
#: A public body that bills companies, and two companies; only the first can be billed.
REGIE = _firm(
    "25000654",
    "Régie des eaux d'Exemple",
    _address("2 quai du Château-d'Eau", "49999", "Exemple-sur-Loire"),
    legal_info="Régie à personnalité morale",
)
IMPRIMERIE = _firm(
    "09100016", "Imprimerie de l'Exemple SAS", _address("7 rue des Presses", "49998", "Exemple")
)
INCONNUE_SARL = _firm(
    "09100017", "Sans-Adresse SARL", _address("1 rue Perdue", "49996", "Nulle-Part")
)
#: Public structures of the directory, each with its services and whether they are open.
SERVICES: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    VILLE.siret or "": (
        ("SCOLAIRE", "Affaires scolaires", True),
        ("TECHNIQUE", "Services techniques", True),
        ("CULTURE", "Affaires culturelles", True),
        ("FETES", "Comité des fêtes", False),
    ),
    HOPITAL.siret or "": (
        ("PHARMACIE", "Pharmacie centrale", True),
        ("CUISINE", "Restauration", True),
    ),
    COLLEGE.siret or "": (("INTENDANCE", "Intendance", True),),
}
VAT_NUMBERS = {
    party.siret: french_vat((party.siret or "")[:9]) for party in (VILLE, HOPITAL, COLLEGE)
}


def liable(buyer: Party) -> Party:
    """Return a public buyer with its VAT number, as reverse charge wants it."""
    return replace(buyer, vat=VAT_NUMBERS[buyer.siret])


# --------------------------------------------------------------- shared terms

IBAN_DURAND = french_iban("99999", "00001", "00000000001")
IBAN_BEAUFILS = french_iban("99999", "00002", "00000000002")
TRANSFER = Payment(
    code="30", text="Virement", accounts=(Account(IBAN_DURAND, "Papeterie Durand", "EXPLFRPP"),)
)
SEPA_TRANSFER = Payment(code="58", accounts=(Account(IBAN_BEAUFILS),))
LEGAL_NOTES = (
    Note("Indemnité forfaitaire pour frais de recouvrement : 40 €", "PMT"),
    Note("Pénalités de retard : taux BCE majoré de huit points", "PMD"),
    Note("Pas d'escompte pour paiement anticipé", "AAB"),
)


def line(name: str, quantity: str, price: str, vat: Vat = S20, **terms: Any) -> Line:  # noqa: ANN401  # the other fields of Line
    """Make a line from numbers as text."""
    return Line(name=name, quantity=Decimal(quantity), price=Decimal(price), vat=vat, **terms)


def allowance(reason: str, amount: str, vat: Vat | None = None, **terms: Any) -> Adjustment:  # noqa: ANN401  # the other fields of Adjustment
    """Make an allowance of a fixed amount; on the document if `vat` is given."""
    return Adjustment(reason=reason, amount=Decimal(amount), vat=vat, **terms)


@dataclass(frozen=True, slots=True)
class Sample:
    """One invoice of the catalogue.

    Attributes:
        key: File name without its ending.
        syntax: ``ubl`` or ``cii``.
        invoice: The value; it can be written in either syntax.
    """

    key: str
    syntax: str
    invoice: Invoice

    def written(self) -> bytes:
        """Return the XML."""
        writers: dict[str, Callable[[Invoice], bytes]] = {"ubl": to_ubl, "cii": to_cii}
        return writers[self.syntax](self.invoice)


_ENTRIES: list[tuple[str, str, Party, Party, tuple[Line, ...], dict[str, Any]]] = []


def _add(key: str, seller: Party, buyer: Party, *lines: Line, **terms: Any) -> None:  # noqa: ANN401  # the other fields of Invoice
    """Enter one sample; `key` begins with its syntax."""
    _ENTRIES.append((key, key.partition("-")[0], seller, buyer, lines, terms))


def _sample(seq: int) -> Sample:
    key, syntax, seller, buyer, lines, terms = _ENTRIES[seq]
    issued = FIRST_DAY + timedelta(days=seq)
    usual: dict[str, Any] = {
        "number": f"F26-{seq + 1:04d}",
        "issued": issued,
        "due": issued + timedelta(days=30),
        "frame": "B1",
        "notes": LEGAL_NOTES,
        "payment": TRANSFER,
    }
    invoice = Invoice(seller=seller, buyer=buyer, lines=lines, **(usual | terms))
    return Sample(key, syntax, invoice)


# --------------------------------------------------------------- UBL invoices

_add(
    "ubl-380-fournitures",
    PAPETERIE,
    VILLE,
    line("Ramette A4 80 g", "40", "4.35", unit="XPK", seller_item="RAM-A4-80"),
    order="EJ-2026-00117",
)
_add("ubl-380-une-ligne", TRAITEUR, VILLE, line("Petit-déjeuner d'accueil", "1", "250", S10))
_add(
    "ubl-380-deux-taux",
    TRAITEUR,
    HOPITAL,
    line("Plateau-repas", "60", "14.50", S10),
    line("Bouteille de vin, 75 cl", "6", "11.90", S20),
    payment=SEPA_TRANSFER,
    frame="M1",
)
_add(
    "ubl-380-quatre-taux",
    PAPETERIE,
    HOPITAL,
    line("Classeur à levier", "120", "2.05", S20),
    line("Repas de chantier", "12", "13.64", S10),
    line("Manuel de soins infirmiers", "25", "34.12", S55),
    line("Abonnement de presse, un an", "2", "186.09", S21),
    contract="MP-2025-014",
)
_add(
    "ubl-380-livres-55",
    LIBRAIRIE,
    VILLE,
    line(
        "Album jeunesse « L'Île aux œufs »",
        "30",
        "12.32",
        S55,
        gtin="9780000000002",
        attributes=(("Éditeur", "Éditions de l'Exemple"), ("Reliure", "cartonnée")),
    ),
    line("Dictionnaire illustré", "4", "31.18", S55, gtin="9780000000019"),
    buyer_reference="CULTURE",
)
_add(
    "ubl-380-presse-21",
    PRESSE,
    VILLE,
    line(
        "Abonnement quotidien",
        "3",
        "412.34",
        S21,
        period=Period(date(2026, 9, 1), date(2027, 8, 31)),
    ),
    frame="S1",
)
_add(
    "ubl-380-martinique-85",
    ANTILLES,
    VILLE,
    line("Toner noir", "5", "74.90", S85, origin="DE"),
    line("Papier photo", "10", "8.20", S85),
)
_add(
    "ubl-380-autoliquidation",
    MENUISERIE,
    liable(VILLE),
    line("Pose de fenêtres, école du Centre", "18", "412.00", REVERSE, unit="C62"),
    project="PRJ-ECOLE-CENTRE",
    contract="2026-TRX-03",
    terms="Situation n° 2, paiement à 30 jours",
    frame="S1",
)
_add(
    "ubl-380-franchise",
    GRAPHISTE,
    VILLE,
    line("Affiche de la fête de la musique", "1", "650", FRANCHISE),
    frame="S1",
)
_add(
    "ubl-380-sante-exoneree",
    LABORATOIRE,
    HOPITAL,
    line("Analyse bactériologique", "42", "27.00", HEALTH),
    order="EJ-9001",
    period=Period(date(2026, 8, 1), date(2026, 8, 31)),
    frame="S1",
)
_add(
    "ubl-380-association-hors-champ",
    ASSOCIATION,
    VILLE,
    line("Subvention d'animation, solde", "1", "1800", OUTSIDE),
    frame="S1",
)
_add(
    "ubl-380-intracommunautaire",
    MUELLER,
    liable(HOPITAL),
    line("Höhenverstellbarer Schreibtisch", "8", "389.00", INTRA, origin="DE"),
    delivery=Delivery(
        day=date(2026, 9, 8), name="Centre hospitalier d'Exemple", address=HOPITAL.address
    ),
    payment=Payment(
        code="58", accounts=(Account(make_iban("DE", "999999990000000001"), "Müller GmbH"),)
    ),
    notes=(Note("Steuerfreie innergemeinschaftliche Lieferung"),),
)
_add(
    "ubl-380-export",
    PAPETERIE,
    VILLE,
    line("Cahiers de jumelage", "500", "0.85", EXPORT),
    delivery=Delivery(
        day=date(2026, 9, 10),
        address=_address("Rue de la Francophonie", "101", "Antananarivo", country="MG"),
    ),
)
_add(
    "ubl-380-taux-zero",
    GRAFEAS,
    VILLE,
    line("Βιβλίο τέχνης", "3", "45.00", ZERO_RATED),
    payment=Payment(
        code="30",
        accounts=(Account(make_iban("GR", "99999990000000000000001"), None, "EXPLGRAA"),),
    ),
    notes=(Note("Ευχαριστούμε για την προτίμηση"),),
)
_add(
    "ubl-380-remise-document",
    PAPETERIE,
    VILLE,
    line("Cartouche d'encre", "20", "18.90"),
    line("Stylo bille", "300", "0.45"),
    adjustments=(allowance("Remise de fidélité", "25.00", S20, code="95"),),
)
_add(
    "ubl-380-remise-pourcent",
    TRAITEUR,
    VILLE,
    line("Buffet froid, par personne", "85", "22.50", S10),
    adjustments=(Adjustment(reason="Remise sur volume", code="100", percent=Decimal(5), vat=S10),),
    payment=SEPA_TRANSFER,
)
_add(
    "ubl-380-frais-de-port",
    LIBRAIRIE,
    HOPITAL,
    line("Roman en gros caractères", "16", "15.17", S55),
    adjustments=(
        Adjustment(
            reason="Frais de port", code="FC", amount=Decimal("12.40"), charge=True, vat=S20
        ),
    ),
)
_add(
    "ubl-380-remises-de-ligne",
    PAPETERIE,
    HOPITAL,
    line(
        "Chemise cartonnée, lot de 100",
        "15",
        "21.40",
        adjustments=(
            Adjustment(reason="Remise promotionnelle", code="95", percent=Decimal(10)),
            Adjustment(reason="Emballage", code="ABL", amount=Decimal("3.00"), charge=True),
        ),
    ),
    line("Agrafeuse", "15", "7.80", adjustments=(allowance("Article d'exposition", "9.50"),)),
)
_add(
    "ubl-380-prix-brut-et-base",
    PAPETERIE,
    VILLE,
    line(
        "Vis à bois 4 x 40",
        "2500",
        "3.20",
        base_quantity=Decimal(100),
        discount=Decimal("0.80"),
    ),
    line("Colle à papier, le litre", "7.5", "6.3333", unit="LTR"),
)
_add(
    "ubl-380-arrondi",
    TRAITEUR,
    COLLEGE,
    line("Goûter des élèves", "111", "1.37", S55),
    rounding=Decimal("0.04"),
    payment=SEPA_TRANSFER,
)
_add(
    "ubl-380-acompte-deduit",
    MENUISERIE,
    HOPITAL,
    line("Mobilier de la salle d'attente", "1", "4200"),
    prepaid=Decimal("1512.00"),
    terms="Solde à 30 jours, acompte du 10 septembre déduit",
)
_add(
    "ubl-380-deja-payee",
    PAPETERIE,
    VILLE,
    line("Achat au comptoir", "1", "87.42"),
    settled=True,
    frame="B2",
    payment=Payment(code="48", text="Carte", card="XXXXXX1234", holder="Régie d'avances"),
)
_add(
    "ubl-380-prelevement",
    ENERGIE,
    VILLE,
    line(
        "Électricité, site mairie",
        "10432.5",
        "0.1387",
        unit="KWH",
        object_id=Id("PDL-00000000000001", "AVE"),
    ),
    line("Abonnement", "1", "38.20", S55, unit="MON"),
    payment=Payment(
        code="59",
        reference="ENERGIE 2026-09",
        mandate="RUM-000123",
        creditor="FR99ZZZ999999",
        debited=french_iban("99999", "00003", "00000000003"),
    ),
    period=Period(date(2026, 8, 15), date(2026, 9, 14)),
    object_id=Id("CONTRAT-ELEC-7", "CT"),
)
_add(
    "ubl-380-pdf-joint",
    ETUDES,
    VILLE,
    line("Étude de circulation, phase 1", "12", "640", unit="DAY"),
    attachments=(
        Attachment(
            reference="FACTURE",
            description="LISIBLE",
            file_name="facture.pdf",
            mime="application/pdf",
            content=tiny_pdf("Facture", "Étude de circulation, phase 1"),
        ),
    ),
    frame="S1",
)
_add(
    "ubl-380-trois-pieces-jointes",
    LABORATOIRE,
    HOPITAL,
    line("Forfait mensuel d'analyses", "1", "5230.00", HEALTH),
    attachments=(
        Attachment(
            reference="DETAIL",
            description="DOCUMENT_ANNEXE",
            file_name="détail des actes.csv",
            mime="text/csv",
            content=tiny_csv((("Acte", "Nombre"), ("Numération", "118"), ("Glycémie", "74"))),
        ),
        Attachment(
            reference="BL-2026-77",
            description="BON_LIVRAISON",
            file_name="signature.png",
            mime="image/png",
            content=tiny_png(),
        ),
        Attachment(reference="CONDITIONS", url="https://www.laboratoire.example/conditions"),
    ),
    frame="S1",
)
_add(
    "ubl-380-toutes-references",
    PAPETERIE,
    VILLE,
    line(
        "Fauteuil de bureau",
        "6",
        "189.00",
        order_line="3",
        accounting="2184",
        buyer_item="MOB-77",
        seller_item="FAU-21",
        classification=Id("39112100", "STI"),
        note="Livré monté",
    ),
    buyer_reference="TECHNIQUE",
    order="EJ-2026-00441",
    sales_order="CDE-DURAND-981",
    contract="MP-2026-002",
    project="REAMENAGEMENT",
    despatch="BL-5521",
    receiving="REC-118",
    tender="LOT-2",
    accounting="60632",
    delivery=Delivery(
        day=date(2026, 9, 24),
        name="Atelier municipal",
        location=Id(VILLE.siret or "", "0009"),
        address=_address("Chemin des Ateliers", "49999", "Exemple-sur-Loire"),
    ),
)
_add(
    "ubl-380-affacturage",
    ELECTRICITE,
    VILLE,
    line("Mise aux normes du gymnase", "1", "6890.00"),
    payee=AFFACTURAGE,
    payment=Payment(
        code="30", accounts=(Account(french_iban("99999", "00004", "00000000004"), "Facto"),)
    ),
    notes=(
        *LEGAL_NOTES,
        Note("Créance cédée à Facto-Exemple SA, subrogée dans nos droits", "ACC"),
    ),
    frame="S1",
)
_add(
    "ubl-380-representant-fiscal",
    ALPES,
    HOPITAL,
    line("Étalonnage de balance de précision", "4", "310.00"),
    representative=FISCAL,
    payment=Payment(
        code="30", accounts=(Account(make_iban("CH", "99999000000000001"), None, "EXPLCHGG"),)
    ),
    notes=(Note("Facture établie par l'intermédiaire de notre représentant fiscal"),),
)
_add(
    "ubl-380-francs-suisses",
    ALPES,
    VILLE,
    line("Théodolite d'occasion", "1", "2750.00"),
    currency="CHF",
    tax_currency="EUR",
    exchange_rate=Decimal("1.0612"),
    payment=Payment(code="30", accounts=(Account(make_iban("CH", "99999000000000002")),)),
    notes=(Note("1 CHF = 1,0612 EUR"),),
)
_add(
    "ubl-380-exigibilite-encaissement",
    ETUDES,
    HOPITAL,
    line("Assistance à maîtrise d'ouvrage", "9.5", "720", unit="DAY"),
    tax_point_code="432",
    notes=(*LEGAL_NOTES, Note("TVA sur les encaissements", "AAI")),
    frame="S1",
)
_add(
    "ubl-380-retour-consigne",
    TRAITEUR,
    VILLE,
    line("Fût de jus de pomme, 30 l", "5", "64.00", S55),
    line("Reprise de fûts consignés", "-5", "10.00", S55),
    adjustments=(
        allowance("Remise de fin de saison", "8.00", S55),
        Adjustment(
            reason="Livraison le samedi", code="DL", amount=Decimal(20), charge=True, vat=S20
        ),
    ),
)
_add(
    "ubl-386-acompte",
    MENUISERIE,
    VILLE,
    line("Acompte de 30 %, préau de l'école", "0.3", "14500.00", unit="C62"),
    type_code="386",
    order="EJ-2026-00502",
    frame="S1",
)
_add(
    "ubl-384-rectificative",
    PAPETERIE,
    VILLE,
    line("Ramette A4 80 g, prix corrigé", "40", "4.15", unit="XPK"),
    type_code="384",
    preceding=(("F26-0001", date(2026, 9, 1)),),
)
_add(
    "ubl-389-autofacturation",
    LIBRAIRIE,
    COLLEGE,
    line("Manuels repris aux familles", "64", "5.00", S55),
    type_code="389",
    notes=(*LEGAL_NOTES, Note("Autofacturation", "AAI")),
)
_add(
    "ubl-380-longue",
    PAPETERIE,
    VILLE,
    *(
        line(f"Cahier {pages} pages, couverture {colour}", str(10 + n), f"{0.9 + n / 100:.2f}")
        for n, (pages, colour) in enumerate(
            (pages, colour)
            for pages in (48, 96, 140, 192)
            for colour in ("rouge", "verte", "bleue", "jaune", "violette", "noire")
        )
    ),
)

# --------------------------------------------------------------- UBL credit notes

_add(
    "ubl-381-avoir",
    PAPETERIE,
    VILLE,
    line("Ramette A4 80 g, retour", "4", "4.35", unit="XPK"),
    type_code="381",
    preceding=(("F26-0001", date(2026, 9, 1)),),
    order="EJ-2026-00117",
)
_add(
    "ubl-381-avoir-deux-taux",
    TRAITEUR,
    HOPITAL,
    line("Plateau-repas non servi", "3", "14.50", S10),
    line("Bouteille de vin rendue", "1", "11.90", S20),
    type_code="381",
    preceding=(("F26-0003", date(2026, 9, 3)),),
    payment=SEPA_TRANSFER,
    attachments=(
        Attachment(
            reference="RETOUR",
            description="PJA",
            file_name="retour.png",
            mime="image/png",
            content=tiny_png(6),
        ),
    ),
)
_add(
    "ubl-381-avoir-exonere",
    LABORATOIRE,
    HOPITAL,
    line("Analyse facturée deux fois", "1", "27.00", HEALTH),
    type_code="381",
    preceding=(("F26-0010", date(2026, 9, 10)),),
    due=None,
    payment=None,
    terms="À déduire du prochain règlement",
)
_add(
    "ubl-396-avoir-affacture",
    ELECTRICITE,
    VILLE,
    line("Reprise de câble", "35", "1.20", unit="MTR"),
    type_code="396",
    preceding=(("F26-0027", date(2026, 9, 27)),),
    payee=AFFACTURAGE,
    project="GYMNASE",
    contract="2026-TRX-07",
)
_add(
    "ubl-381-remise-annuelle",
    PAPETERIE,
    HOPITAL,
    line("Remise de fin d'année", "1", "480.00"),
    type_code="381",
    contract="MP-2025-014",
    period=Period(date(2026, 1, 1), date(2026, 9, 30)),
    preceding=(("F26-0004", date(2026, 9, 4)), ("F26-0018", date(2026, 9, 18))),
)

# --------------------------------------------------------------- CII

_add(
    "cii-380-fournitures",
    PAPETERIE,
    HOPITAL,
    line("Bloc-notes A5", "150", "1.12", seller_item="BLOC-A5"),
    order="EJ-2026-00612",
)
_add(
    "cii-380-service-destinataire",
    PAPETERIE,
    replace(HOPITAL, service="PHARMACIE"),
    line("Étiquettes thermiques, le rouleau", "48", "3.90"),
    buyer_reference="PHARMACIE",
)
_add(
    "cii-380-deux-taux-remise",
    TRAITEUR,
    VILLE,
    line("Cocktail dînatoire", "120", "18.00", S10),
    line("Location de vaisselle", "120", "1.50", S20),
    adjustments=(
        Adjustment(reason="Geste commercial", code="95", percent=Decimal(3), vat=S10),
        Adjustment(reason="Transport", code="FC", amount=Decimal(45), charge=True, vat=S20),
    ),
    payment=SEPA_TRANSFER,
    frame="M1",
)
_add(
    "cii-380-autoliquidation",
    ELECTRICITE,
    liable(HOPITAL),
    line("Sous-traitance, tirage de câbles", "420", "6.75", REVERSE, unit="MTR"),
    contract="2026-TRX-11",
    frame="S1",
)
_add(
    "cii-380-formation-exoneree",
    ETUDES,
    HOPITAL,
    line("Formation aux gestes d'urgence", "2", "1150.00", TRAINING, unit="DAY"),
    period=Period(date(2026, 10, 5), date(2026, 10, 6)),
    frame="S1",
)
_add(
    "cii-380-hors-champ",
    ASSOCIATION,
    HOPITAL,
    line("Cotisation annuelle", "1", "90.00", OUTSIDE),
    frame="S1",
)
_add(
    "cii-380-intracommunautaire",
    ZOLC,
    liable(VILLE),
    line("Świeca dekoracyjna", "200", "1.80", INTRA, origin="PL"),
    delivery=Delivery(day=date(2026, 10, 12), name="Ville d'Exemple", address=VILLE.address),
    payment=Payment(
        code="58",
        accounts=(
            Account(make_iban("PL", "999999990000000000000001"), "Żółć", "EXPLPLPW"),
            Account(make_iban("PL", "999999990000000000000002")),
        ),
    ),
    notes=(Note("Dziękujemy za zamówienie"),),
)
_add(
    "cii-380-prelevement",
    ENERGIE,
    HOPITAL,
    line(
        "Gaz naturel, chaufferie",
        "88210",
        "0.0614",
        unit="KWH",
        object_id=Id("PCE-00000000000002", "AVE"),
        period=Period(date(2026, 9, 1), date(2026, 9, 30)),
    ),
    line("Contribution tarifaire d'acheminement", "1", "96.11", S55),
    payment=Payment(
        code="49",
        reference="GAZ 2026-09",
        mandate="RUM-000124",
        creditor="FR99ZZZ999999",
        debited=french_iban("99999", "00005", "00000000005"),
    ),
    object_id=Id("CONTRAT-GAZ-3", "CT"),
)
_add(
    "cii-380-pieces-jointes",
    ETUDES,
    VILLE,
    line("Relevé topographique", "3", "540.00", unit="DAY"),
    attachments=(
        Attachment(
            reference="PLAN",
            description="DOCUMENT_ANNEXE",
            file_name="plan.pdf",
            mime="application/pdf",
            content=tiny_pdf("Plan de situation", "Échelle 1/500 (réduit)"),
        ),
        Attachment(
            reference="POINTS",
            description="PJA",
            file_name="points.csv",
            mime="text/csv",
            content=tiny_csv((("Point", "X", "Y"), ("A1", "12,50", "7,25"))),
        ),
    ),
    frame="S1",
)
_add(
    "cii-380-toutes-references",
    PAPETERIE,
    VILLE,
    line(
        "Tableau blanc 120 x 90",
        "4",
        "76.40",
        order_line="1",
        accounting="2184",
        buyer_item="TAB-12",
        seller_item="TBL-120",
        gtin="3000000000007",
        classification=Id("44111905", "STI"),
        description="Surface émaillée, garantie dix ans",
        attributes=(("Couleur", "blanc"), ("Poids", "9 kg")),
        note="Fixations comprises",
        discount=Decimal("8.50"),
    ),
    buyer_reference="SCOLAIRE",
    order="EJ-2026-00630",
    sales_order="CDE-DURAND-1022",
    contract="MP-2026-002",
    project="RENTREE",
    despatch="BL-5610",
    receiving="REC-131",
    tender="LOT-4",
    accounting="6067",
    tax_point=date(2026, 10, 14),
    delivery=Delivery(
        day=date(2026, 10, 14), name="École du Centre", location=Id("3000000000106", "0088")
    ),
)
_add(
    "cii-380-acompte-et-arrondi",
    TRAITEUR,
    HOPITAL,
    line("Repas de Noël du personnel", "310", "27.27", S10),
    prepaid=Decimal("2500.00"),
    rounding=Decimal("-0.03"),
    terms="Solde le jour de la prestation",
    payment=SEPA_TRANSFER,
)
_add(
    "cii-380-dollars",
    MUELLER,
    VILLE,
    line("Ergonomic keyboard", "25", "61.00", ZERO_RATED),
    currency="USD",
    tax_currency="EUR",
    exchange_rate=Decimal("0.8531"),
    payment=Payment(code="30", accounts=(Account(make_iban("DE", "999999990000000002")),)),
    notes=(Note("Prices in US dollars"),),
)
_add(
    "cii-386-acompte",
    MENUISERIE,
    HOPITAL,
    line("Acompte sur mobilier", "1", "1260.00"),
    type_code="386",
    frame="S1",
)
_add(
    "cii-384-rectificative",
    TRAITEUR,
    VILLE,
    line("Cocktail dînatoire, effectif corrigé", "112", "18.00", S10),
    type_code="384",
    preceding=(("F26-0043", date(2026, 10, 13)),),
    payment=SEPA_TRANSFER,
)
_add(
    "cii-381-avoir",
    PAPETERIE,
    HOPITAL,
    line("Bloc-notes A5, retour", "20", "1.12"),
    type_code="381",
    preceding=(("F26-0041", date(2026, 10, 11)),),
)
_add(
    "cii-381-avoir-remise",
    LIBRAIRIE,
    VILLE,
    line("Dictionnaire illustré, exemplaire abîmé", "1", "31.18", S55),
    type_code="381",
    preceding=(("F26-0005", date(2026, 9, 5)),),
    adjustments=(allowance("Frais de remise en rayon", "4.00", S55),),
)
_add(
    "cii-389-autofacturation",
    GRAPHISTE,
    HOPITAL,
    line("Illustrations du livret d'accueil", "7", "85.00", FRANCHISE),
    type_code="389",
    notes=(*LEGAL_NOTES, Note("Autofacturation", "AAI")),
    frame="S1",
)
_add(
    "cii-380-association-exoneree",
    ASSOCIATION,
    VILLE,
    line("Atelier de réparation de vélos", "6", "45.00", CHARITY),
    tax_point_code="35",
    frame="S1",
)

SAMPLES: tuple[Sample, ...] = tuple(_sample(seq) for seq in range(len(_ENTRIES)))
