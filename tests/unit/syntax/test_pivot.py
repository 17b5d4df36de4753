"""CPPFacturePivot: what is carried, what is told as lost, and what cannot be written."""

from __future__ import annotations

import base64
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipeline.model.conversion import Unwritable
from pipeline.model.invoice import (
    Account,
    Address,
    Binary,
    Delivery,
    Identifier,
    Invoice,
    Line,
    LineKind,
    Note,
    Party,
    Payment,
    Preceding,
    Quantity,
    Support,
    Totals,
    VatBreakdown,
    VatCategory,
    VatPoint,
)
from pipeline.model.terms import TERMS, Kind, fields_of, is_value, steps_of
from pipeline.syntax.cpp_parties import Envelope, SupplierId
from pipeline.syntax.parse import compile_schema
from pipeline.syntax.pivot import PivotInvoice, write_invoice, write_pivot
from pipeline.syntax.pivot_lost import LOSSES
from pipeline.syntax.pivot_subject import (
    Emission,
    PivotContext,
    Resubmission,
    Validation,
    Validator,
)
from pipeline.syntax.pivot_table import CARRIED

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = compile_schema(str(ROOT / "schemas" / "CPPFacturePivot-V2_02.xsd"))
ENVELOPE = Envelope.of(
    "VIL0070036000000000000118",
    datetime(2026, 11, 9, 20, 15, tzinfo=UTC),
    receiver="VIL007",
    sender="EDIHUB",
)
ORIGINAL = Binary(b"<Invoice/>", "application/xml", "2026-0412.xml")
CONTEXT = PivotContext(received_on=date(2026, 11, 9), original=ORIGINAL)
LINE = Line(
    id="1",
    quantity=Quantity(Decimal(4)),
    net=Decimal("1480.00"),
    price=Decimal("370.00"),
    vat_rate=Decimal("20.00"),
    seller_item="PORTE-CH-83",
)
INVOICE = Invoice(
    number="2026-0412",
    issue_date=date(2026, 11, 6),
    type_code="380",
    currency="EUR",
    order="EJ-2026-118",
    frame="A1",
    seller=Party(
        name="Menuiserie des Trois Chênes",
        identifiers=(Identifier("81234567600017", "0009"),),
        address=Address(country="FR"),
    ),
    buyer=Party(
        name="Commune de Sainte-Colline", identifiers=(Identifier("21000123600012", "0009"),)
    ),
    payments=(Payment(means="30", accounts=(Account(number="FR7630006000011234567890189"),)),),
    totals=Totals(
        without_vat=Decimal("1480.00"), with_vat=Decimal("1776.00"), due=Decimal("1776.00")
    ),
    vat=(VatBreakdown(base=Decimal("1480.00"), amount=Decimal("296.00"), rate=Decimal("20.00")),),
    lines=(LINE,),
)


def ready(invoice: Invoice, context: PivotContext = CONTEXT) -> PivotInvoice:
    """Make an invoice ready that can be."""
    made = write_invoice(invoice, context)
    assert isinstance(made, PivotInvoice), made
    return made


def written(invoice: Invoice, context: PivotContext = CONTEXT) -> etree._Element:
    """Write an invoice in a flow of its own, and return the invoice's element."""
    flow = etree.fromstring(write_pivot([ready(invoice, context)], ENVELOPE, SCHEMA).payload)
    SCHEMA.assertValid(flow)  # now with what the files hold
    return flow[1][0]


def texts(unit: etree._Element, path: str) -> list[str]:
    """Return every text at a path of an invoice; ``@`` marks an attribute."""
    owner, _, attribute = path.partition("/@")
    found = unit.findall(owner)
    return [one.get(attribute, "") if attribute else one.text or "" for one in found]


def told(invoice: Invoice, context: PivotContext = CONTEXT) -> dict[str, str]:
    """Return what is told as lost: its place, and its value."""
    return {one.place: one.value for one in ready(invoice, context).lost}


def test_a_usual_invoice_is_written_the_same_way_every_time() -> None:
    """To the byte: the committed sample is what the writer makes."""
    readable = Binary(b"%PDF-1.7\n", "application/pdf")
    context = replace(CONTEXT, readable=readable)

    flow = write_pivot([ready(INVOICE, context)], ENVELOPE, SCHEMA)

    assert flow.payload == (ROOT / "samples/pivot/pass-facture.xml").read_bytes()
    assert flow.lost == ()


# ---- conversions ----


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, "380") for code in ("380", "389", "393", "386", "384", "471", "472", "473")),
        *((code, "380") for code in ("500", "501", "326", "875")),
        *((code, "381") for code in ("381", "261", "262", "396", "502", "503")),
        *((code, "381") for code in ("81", "83", "308", "532")),
    ],
)
def test_every_type_is_an_invoice_or_a_credit_note(code: str, kind: str) -> None:
    """A credit note must never become an invoice; the exact type is told as lost."""
    invoice = replace(INVOICE, type_code=code)

    assert texts(written(invoice), "DonneesFacture/Type") == [kind]
    assert told(invoice) == ({} if code == kind else {"BT-3": code})


@pytest.mark.parametrize(
    ("code", "frame"),
    [
        *((code, "A1") for code in ("B1", "S1", "M1", "B4", "S7", "M8", "S5", "urn:any:process")),
        *((code, "A2") for code in ("B2", "S2", "M2")),
        ("S3", "A9"),
        ("S6", "A12"),
        *((code, code) for code in ("A1", "A2", "A9", "A10", "A12", "A25")),
    ],
)
def test_every_process_has_a_frame(code: str, frame: str) -> None:
    """Frames of the historical channel stand for themselves."""
    invoice = replace(INVOICE, frame=code)

    assert texts(written(invoice), "DonneesFacture/Cadre") == [frame]
    assert told(invoice) == ({} if code == frame else {"BT-23": code})


def test_without_a_process_the_frame_is_a_suppliers_invoice() -> None:
    """The format needs one, the norm does not; nothing is lost."""
    invoice = replace(INVOICE, frame=None)

    assert texts(written(invoice), "DonneesFacture/Cadre") == ["A1"]
    assert told(invoice) == {}


@pytest.mark.parametrize(
    ("code", "means"),
    [
        *((code, code) for code in ("10", "20", "30", "31", "42", "48", "49", "97")),
        ("54", "48"),
        ("55", "48"),
        ("58", "30"),
        ("59", "49"),
    ],
)
def test_ways_of_paying_keep_their_nature(code: str, means: str) -> None:
    """A SEPA transfer is a transfer; that it is one of SEPA is told as lost."""
    invoice = replace(INVOICE, payments=(Payment(means=code, means_text="à 30 jours"),))
    unit = written(invoice)

    assert texts(unit, "DonneesFacture/ModePaiement/Code") == [means]
    assert texts(unit, "DonneesFacture/ModePaiement/Libelle") == ["à 30 jours"]
    assert told(invoice) == ({} if code == means else {"BG-16[1]/BT-81": code})


@pytest.mark.parametrize(
    ("seller", "kind", "identifier"),
    [
        *(
            (Party(identifiers=(Identifier("X1", scheme),)), kind, "X1")
            for scheme, kind in (
                ("0009", SupplierId.SIRET),
                ("0223", SupplierId.EU_VAT),
                ("0227", SupplierId.OUTSIDE_EU),
                ("0228", SupplierId.RIDET),
                ("0229", SupplierId.TAHITI),
                ("0226", SupplierId.NATURAL_PERSON),
            )
        ),
        (
            Party(identifiers=(Identifier("RIDET", "0228"), Identifier("SIRET", "0009"))),
            SupplierId.SIRET,
            "SIRET",
        ),
        (Party(identifiers=(Identifier("73282932000074"),)), SupplierId.SIRET, "73282932000074"),
        (
            Party(identifiers=(Identifier("73282932000074", "1"),)),
            SupplierId.SIRET,
            "73282932000074",
        ),
        (Party(vat_id="DE123456789"), SupplierId.EU_VAT, "DE123456789"),
        (
            Party(address=Address(country="CH"), vat_id="CHE123"),
            SupplierId.OUTSIDE_EU,
            "CHPapeterie du Lém",
        ),
    ],
)
def test_a_supplier_is_identified_by_the_best_there_is(
    seller: Party, kind: SupplierId, identifier: str
) -> None:
    """The schemes of XP Z12-012 first; who has none is identified as they would have it."""
    address = seller.address or Address(country="FR")
    seller = replace(seller, name="Papeterie du Léman SA", address=address)
    unit = written(replace(INVOICE, seller=seller))

    assert texts(unit, "Fournisseur/TypeIdentifiant") == [str(int(kind))]
    assert texts(unit, "Fournisseur/Identifiant") == [identifier]


def test_what_identifies_the_supplier_is_not_lost_and_the_rest_is() -> None:
    """A VAT number that stands in for an identifier is carried; beside one it is lost."""
    german = Party(name="K", vat_id="DE123456789", address=Address(country="DE"))
    known = replace(INVOICE.seller, vat_id="FR41812345676")
    several = replace(INVOICE.seller, identifiers=(Identifier("X"), *known.identifiers))
    other = replace(german, identifiers=(Identifier("GLN", "0088"),))
    same = replace(german, identifiers=(Identifier("DE123456789", "0223"),))

    assert told(replace(INVOICE, seller=german)) == {}
    assert told(replace(INVOICE, seller=known)) == {"BT-31": "FR41812345676"}
    assert told(replace(INVOICE, seller=several)) == {"BT-29[1]/BT-29": "X"}
    assert told(replace(INVOICE, seller=other)) == {
        "BT-29[1]/BT-29": "GLN",
        "BT-29[1]/BT-29-1": "0088",
    }
    assert told(replace(INVOICE, seller=same)) == {"BT-31": "DE123456789"}


def test_the_debtor_is_found_among_the_buyers_identifiers() -> None:
    """SIRET and service have schemes of their own; what has another is lost."""
    identifiers = (
        Identifier("GLN", "0088"),
        Identifier("ACHATS", "0224"),
        Identifier("21000123600012", "0009"),
        Identifier("AUTRE", "0224"),
    )
    invoice = replace(INVOICE, buyer=Party(name="Ville", identifiers=identifiers))
    unit = written(invoice, replace(CONTEXT, service_name="Direction des achats"))

    assert [(one.tag, one.text) for one in unit.findall("Debiteur/*")] == [
        ("TypeIdentifiant", "1"),
        ("Identifiant", "21000123600012"),
        ("Nom", "Ville"),
        ("CodeService", "ACHATS"),
        ("NomService", "Direction des achats"),
    ]
    lost = [(one.term, one.value) for one in ready(invoice).lost]
    assert lost == [("BT-46", "GLN"), ("BT-46-1", "0088"), ("BT-46", "AUTRE"), ("BT-46-1", "0224")]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("FR7630006000011234567890189", "IBAN"),
        ("fr76 3000 6000 0112 3456 7890 189", "IBAN"),
        ("FR7730006000011234567890189", "RIB"),
        ("30006000011234567890189", "RIB"),
        ("CH9300762011623852957", "IBAN"),
        ("IBAN", "RIB"),
    ],
)
def test_an_account_is_an_iban_if_its_check_digits_hold(number: str, kind: str) -> None:
    """It is written as it stands either way."""
    account = Account(number=number, name="Trois Chênes", provider="AGRIFRPP")
    unit = written(replace(INVOICE, payments=(Payment(means="30", accounts=(account,)),)))

    assert texts(unit, "Fournisseur/ReferenceBancaire/@Type") == [kind]
    assert [one.text for one in unit.findall("Fournisseur/ReferenceBancaire/*")] == [
        number,
        "AGRIFRPP",
        "Trois Chênes",
    ]


def test_who_cashes_is_the_payee_where_there_is_one() -> None:
    """The account's own name then has no place any more."""
    payments = (Payment(means="30", accounts=(Account(number="1", name="Compte 1"),)),)
    invoice = replace(INVOICE, payments=payments, payee=Party(name="Exemple Factor", role="DL"))
    unit = written(invoice)

    place = "Fournisseur/ReferenceBancaire/RaisonSocialeEncaisseur"
    assert texts(unit, place) == ["Exemple Factor"]
    assert told(invoice) == {
        "BG-16[1]/BG-17[1]/BT-85": "Compte 1",
        "EXT-FR-FE-26": "DL",
    }


@pytest.mark.parametrize("category", "Z E AE K G O".split())  # noqa: SIM905  # one line, not six
def test_what_is_exempt_has_a_rate_of_zero(category: str) -> None:
    """The format needs a rate where the norm forbids one."""
    share = VatBreakdown(
        base=Decimal(100), amount=Decimal(0), category=VatCategory(category), exemption="x"
    )
    unit = written(replace(INVOICE, vat=(share,)))

    assert [one.text for one in unit.findall("DonneesFacture/TVAs/TVA/*")] == ["0", "100", "0"]


@pytest.mark.parametrize(
    ("price", "base", "text"),
    [
        ("370.00", None, "370.00"),
        ("370.00", "1", "370.00"),
        ("370.00", "1.000", "370.00"),
        ("12.50", "100", "0.125"),
        ("10", "3", "3.333333"),
        ("20", "3", "6.666667"),
        ("-12.50", "100", "-0.125"),
        ("10", "0", "10"),
    ],
)
def test_a_unit_price_is_the_price_of_one(price: str, base: str | None, text: str) -> None:
    """Else quantity times price would be far from the amount of the line."""
    line = replace(
        LINE, price=Decimal(price), price_base=Quantity(Decimal(base)) if base else None
    )
    invoice = replace(INVOICE, lines=(line,))

    assert texts(written(invoice), "DonneesFacture/Lignes/Ligne/PrixUnitaire") == [text]
    lost = {} if base is None or Decimal(base) == 1 else {"BG-25[1]/BT-149": base}
    assert told(invoice) == lost


def test_only_lines_of_detail_are_written() -> None:
    """Groups and information would be counted twice; lines are numbered anew."""
    group = replace(LINE, id="G", kind=LineKind.GROUP)
    first = replace(LINE, id="1", kind=LineKind.DETAIL, seller_item="UN")
    second = replace(LINE, id="2", seller_item="DEUX", parent="G")
    invoice = replace(INVOICE, lines=(group, first, second))
    lines = written(invoice).findall("DonneesFacture/Lignes/Ligne")

    assert [(one.get("NumOrdre"), one[0].text) for one in lines] == [("1", "UN"), ("2", "DEUX")]
    assert told(invoice) == {
        "BG-25[1]/BT-126": "G",
        "BG-25[1]/BT-129": "4",
        "BG-25[1]/BT-131": "1480.00",
        "BG-25[1]/BT-146": "370.00",
        "BG-25[1]/BT-152": "20.00",
        "BG-25[1]/BT-155": "PORTE-CH-83",
        "BG-25[1]/EXT-FR-FE-163": "GROUP",
        "BG-25[3]/EXT-FR-FE-162": "G",
    }


def test_an_invoice_without_lines_has_none() -> None:
    """Factur-X MINIMUM and BASIC WL have no lines at all."""
    assert written(replace(INVOICE, lines=())).find("DonneesFacture/Lignes") is None


@pytest.mark.parametrize(
    ("kind", "emission", "origin"),
    [
        ("381", Emission.FLOW, ["FA-1"]),
        ("384", Emission.FLOW, []),
        ("380", Emission.SCAN, ["FA-1"]),
    ],
)
def test_the_original_invoice_is_named_by_credit_notes_and_scans(
    kind: str, emission: Emission, origin: list[str]
) -> None:
    """The format has one, and has no use for it elsewhere; what is left out is told."""
    preceding = (Preceding(number="FA-1"), Preceding(number="FA-2"))
    invoice = replace(INVOICE, type_code=kind, preceding=preceding)
    context = replace(CONTEXT, emission=emission)

    assert texts(written(invoice, context), "DonneesFacture/IdFactureOrigine") == origin
    lost = [one.value for one in ready(invoice, context).lost if one.term == "BT-25"]
    assert lost == ["FA-1", "FA-2"][len(origin) :]


def test_an_earlier_invoice_of_no_credit_note_is_told_for_what_it_is() -> None:
    """The pivot of a corrected invoice holds none: « only one » would send people looking."""
    corrected = replace(INVOICE, type_code="384", preceding=(Preceding(number="F-1"),))

    (loss,) = [one for one in ready(corrected).lost if one.term == "BT-25"]

    assert loss.why["fr"].startswith("Le pivot ne nomme une facture d'origine que pour un avoir")
    assert loss.why["en"].startswith("The pivot names an original invoice for credit notes only")


def test_the_context_is_written_in_its_places() -> None:
    """What the invoice itself does not say, the validation cycle included."""
    validator = Validator(
        id_type=SupplierId.SIRET, id="81234567600017", name="Titulaire", country="FR", note="n"
    )
    bare = replace(validator, note=None)
    context = replace(
        CONTEXT,
        emission=Emission.PDF,
        resubmission=Resubmission.RECYCLED,
        platform_id=90412,
        works_on=date(2026, 11, 4),
        validations=(
            Validation(on=date(2026, 11, 5), status=14, complement="c", comment="d", by=validator),
            Validation(on=date(2026, 11, 6), status=15, by=bare),
        ),
    )
    invoice = replace(INVOICE, contract="M-1", delivery=Delivery(on=date(2026, 10, 28)))
    unit = written(invoice, context)

    assert texts(unit, "Fournisseur/ModeEmission") == ["PDF"]
    assert [(one.tag, one.text) for one in unit.findall("DonneesFacture/*") if not len(one)] == [
        ("Id", "2026-0412"),
        ("IdCPRO", "90412"),
        ("Renvoi", "Recyclée"),
        ("Type", "380"),
        ("Cadre", "A1"),
        ("DateEmissionFacture", "2026-11-06"),
        ("DateLivraison", "2026-10-28"),
        ("DateReception", "2026-11-09"),
        ("DateMiseADispositionMOE", "2026-11-04"),
        ("Devise", "EUR"),
    ]
    assert [one.text for one in unit.findall("DonneesFacture/Engagement/*")] == [
        "M-1",
        "EJ-2026-118",
    ]
    cycle = unit.findall("CycleDeValidation/ValidationUnitaire")
    assert [[text for text in one.itertext() if text.strip()] for one in cycle] == [
        ["2026-11-05", "14", "c", "d", "1", "81234567600017", "Titulaire", "FR", "n"],
        ["2026-11-06", "15", "1", "81234567600017", "Titulaire", "FR"],
    ]


# ---- what cannot be written ----


def with_line(**changes: object) -> Invoice:
    """Return the invoice with a second line that differs by `changes`."""
    return replace(INVOICE, lines=(LINE, replace(LINE, **changes)))  # type: ignore[arg-type]


def with_vat(**changes: object) -> Invoice:
    """Return the invoice with a share of VAT that differs by `changes`."""
    return replace(INVOICE, vat=(replace(INVOICE.vat[0], **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("invoice", "place", "value"),
    [
        pytest.param(replace(INVOICE, number=None), "BT-1", "", id="no-number"),
        pytest.param(replace(INVOICE, number="x" * 21), "BT-1", "x" * 21, id="long-number"),
        pytest.param(replace(INVOICE, issue_date=None), "BT-2", "", id="no-date"),
        pytest.param(replace(INVOICE, type_code=None), "BT-3", "", id="no-type"),
        pytest.param(replace(INVOICE, currency=""), "BT-5", "", id="no-currency"),
        pytest.param(replace(INVOICE, currency="eur"), "BT-5", "eur", id="currency"),
        pytest.param(replace(INVOICE, contract="x" * 51), "BT-12", "x" * 51, id="contract"),
        pytest.param(replace(INVOICE, order="x" * 51), "BT-13", "x" * 51, id="order"),
        pytest.param(replace(INVOICE, frame="A11"), "BT-23", "A11", id="frame"),
        pytest.param(
            replace(INVOICE, type_code="381", preceding=(Preceding(number="x" * 21),)),
            "BT-25",
            "x" * 21,
            id="long-origin",
        ),
        pytest.param(
            replace(INVOICE, seller=replace(INVOICE.seller, name=None)), "BT-27", "", id="no-name"
        ),
        pytest.param(
            replace(INVOICE, seller=replace(INVOICE.seller, identifiers=(), vat_id="FR1")),
            "BT-29",
            "",
            id="french-seller-without-siret",
        ),
        pytest.param(
            replace(INVOICE, seller=replace(INVOICE.seller, address=None)),
            "BT-40",
            "",
            id="no-country",
        ),
        pytest.param(
            replace(INVOICE, buyer=Party(legal_id=Identifier("210001236", "0002"))),
            "BT-46",
            "",
            id="debtor-without-siret",
        ),
        pytest.param(
            replace(INVOICE, buyer=Party(identifiers=(Identifier("2100012360001", "0009"),))),
            "BT-46",
            "2100012360001",
            id="short-siret",
        ),
        pytest.param(
            replace(
                INVOICE,
                buyer=Party(
                    identifiers=(*INVOICE.buyer.identifiers, Identifier("x" * 101, "0224"))
                ),
            ),
            "BT-46",
            "x" * 101,
            id="long-service",
        ),
        pytest.param(replace(INVOICE, payments=()), "BT-81", "", id="no-means"),
        pytest.param(
            replace(INVOICE, payments=(Payment(means="57"),)), "BT-81", "57", id="unknown-means"
        ),
        pytest.param(
            replace(INVOICE, totals=replace(INVOICE.totals, without_vat=None)),
            "BT-109",
            "",
            id="no-total",
        ),
        pytest.param(
            replace(INVOICE, totals=replace(INVOICE.totals, due=Decimal("1E+999999"))),
            "BT-115",
            "1E+999999",
            id="endless-number",
        ),
        pytest.param(with_vat(rate=None), "BG-23[1]/BT-119", "", id="no-rate"),
        pytest.param(
            with_vat(rate=None, category=VatCategory.STANDARD),
            "BG-23[1]/BT-119",
            "",
            id="no-standard-rate",
        ),
        pytest.param(with_vat(base=None), "BG-23[1]/BT-116", "", id="no-base"),
        pytest.param(with_line(price=None), "BG-25[2]/BT-146", "", id="no-price"),
        pytest.param(with_line(quantity=None), "BG-25[2]/BT-129", "", id="no-quantity"),
        pytest.param(with_line(net=None), "BG-25[2]/BT-131", "", id="no-net"),
    ],
)
def test_what_the_format_cannot_hold_is_refused_with_its_reason(
    invoice: Invoice, place: str, value: str
) -> None:
    """Never cut, never made up: a person reads what is missing or does not fit."""
    refused = write_invoice(invoice, CONTEXT)

    assert isinstance(refused, Unwritable)
    assert [(one.place, one.value) for one in refused.reasons] == [(place, value)]
    assert refused.reasons[0].term == place.rpartition("/")[2]
    assert [text[:11] for text in refused.reasons[0].why.values()] == ["Impossible "] * 2


def test_every_reason_is_told_at_once() -> None:
    """Who must put it right does so once; a line is told by its place in the invoice."""
    refused = write_invoice(Invoice(lines=(Line(kind=LineKind.GROUP), Line())), CONTEXT)

    assert isinstance(refused, Unwritable)
    assert [one.place for one in refused.reasons] == [
        "BT-29",
        "BT-27",
        "BT-40",
        "BT-46",
        "BT-1",
        "BT-3",
        "BT-2",
        "BT-81",
        "BT-5",
        "BT-109",
        "BT-112",
        "BT-115",
        "BG-25[2]/BT-146",
        "BG-25[2]/BT-129",
        "BG-25[2]/BT-131",
    ]
    assert refused.reasons[3].why == {
        "fr": "Impossible en CPPFacturePivot, absent : SIRET du débiteur.",
        "en": "Impossible as CPPFacturePivot, missing: debtor's SIRET.",
    }


# ---- what is lost ----


def test_every_term_is_carried_or_in_the_closed_list() -> None:
    """A term that is added to the model fails here until somebody has decided."""
    listed = [prefix + rest for _, prefix, terms in LOSSES for rest in terms.split()]
    terms = {name for name, term in TERMS.items() if term.kind is not Kind.GROUP}

    assert len(listed) == len(set(listed))
    assert set(listed) & CARRIED == set()
    assert set(listed) | CARRIED == terms


def filled(kind: type, path: str, name: Callable[[str], str]) -> Any:
    """Make a value of the model in which no field is empty; texts are named by their paths."""
    if is_value(kind):
        held = {
            field: filled(step.kind, f"{path}.{field}".lstrip("."), name)
            for field, step in fields_of(kind).items()
        }
        many = {field for field, step in fields_of(kind).items() if step.many}
        return kind(**{key: (value,) if key in many else value for key, value in held.items()})
    if issubclass(kind, Enum):
        return next(iter(kind))
    samples: dict[type, Callable[[], object]] = {
        str: lambda: name(path),
        Decimal: lambda: Decimal(1000 + len(path)) / 100,
        date: lambda: date(2026, 1, 1 + len(path) % 28),
        bytes: path.encode,
    }
    return samples[kind]()


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every leaf of a value of the model with its path, as the table of terms has it."""
    if isinstance(value, tuple):
        for item in value:
            yield from leaves(item, path)
    elif is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}".lstrip("."))
    elif value is not None:
        yield path, value


#: What must have a certain shape for the format to take it.
SHAPES = {
    "number": "FA-1",
    "type_code": "380",
    "currency": "EUR",
    "frame": "A1",
    "seller.address.country": "FR",
    "seller.identifiers.scheme": "0009",
    "buyer.identifiers.value": "21000123600012",
    "buyer.identifiers.scheme": "0009",
    "payments.means": "30",
}


def test_every_value_of_a_full_invoice_is_written_or_told() -> None:
    """Each text is unique: it is found in the flow, or among what is lost, never in neither."""
    full: Invoice = filled(Invoice, "", lambda path: SHAPES.get(path, f"«{path}»"))
    full = replace(full, lines=(replace(full.lines[0], kind=LineKind.DETAIL),))
    lost = {one.value for one in ready(full).lost}
    flow = "".join(map(str, written(full).itertext()))

    silent = [
        path
        for path, value in leaves(full)
        if isinstance(value, str)
        and path not in SHAPES
        and value not in flow
        and value not in lost
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("invoice", "term", "sentence"),
    [
        pytest.param(
            replace(INVOICE, payee=Party(name="F", vat_id="FR1")),
            "EXT-FR-FE-27",
            "affactureur",
            id="factor",
        ),
        pytest.param(
            replace(INVOICE, invoicee=Party(name="X")),
            "EXT-FR-FE-89",
            "adressé à",
            id="addressed-to",
        ),
        pytest.param(
            replace(INVOICE, buyer_agent=Party(name="X")),
            "EXT-FR-FE-03",
            "agent d'acheteur",
            id="buyers-agent",
        ),
        pytest.param(
            replace(INVOICE, payment_terms="2 % à 10 jours"), "BT-20", "escompte", id="discount"
        ),
        pytest.param(
            replace(INVOICE, notes=(Note(subject="AAB", text="Escompte 2 %"),)),
            "BT-22",
            "escompte",
            id="discount-note",
        ),
        pytest.param(
            replace(INVOICE, notes=(Note(text="Réserve de propriété"),)),
            "BT-22",
            "clause de réserve",
            id="retention-note",
        ),
        pytest.param(replace(INVOICE, type_code="386"), "BT-3", "acompte", id="deposit"),
        pytest.param(replace(INVOICE, frame="M4"), "BT-23", "définitive", id="final"),
    ],
)
def test_published_losses_say_what_they_are(invoice: Invoice, term: str, sentence: str) -> None:
    """The six losses that are published are told in their own words, not as any other."""
    found = [one for one in ready(invoice).lost if one.term == term]

    assert [sentence in one.why["fr"] for one in found] == [True]
    assert [one.why["en"].endswith("see the attached original.") for one in found] == [True]


def test_of_several_the_first_is_written_and_the_others_are_told() -> None:
    """The format has one way of paying and one account."""
    payments = (
        Payment(means="30", accounts=(Account(number="1"), Account(number="2"))),
        Payment(means="49", mandate="M", accounts=(Account(number="3"),)),
    )
    invoice = replace(INVOICE, payments=payments)

    assert told(invoice) == {
        "BG-16[1]/BG-17[2]/BT-84": "2",
        "BG-16[2]/BT-81": "49",
        "BG-16[2]/BG-17[1]/BT-84": "3",
        "BG-16[2]/BT-89": "M",
    }


def test_values_are_told_as_a_document_says_them() -> None:
    """Dates, numbers and codes without what Python makes of them; a long text is cut."""
    invoice = replace(
        INVOICE,
        due_date=date(2026, 12, 6),
        totals=replace(INVOICE.totals, paid=Decimal("1E+2")),
        vat=(replace(INVOICE.vat[0], category=VatCategory.STANDARD),),
        payment_terms="x" * 300,
    )

    assert told(invoice) == {
        "BT-9": "2026-12-06",
        "BT-20": "x" * 199 + "…",
        "BT-113": "100",
        "BG-23[1]/BT-118": "S",
    }


# ---- files ----


def contents(unit: etree._Element) -> list[bytes]:
    """Return the bytes of every file of an invoice."""
    return [base64.b64decode(text) for text in texts(unit, "PJ/Contenu")]


ANYTHING = bytes(range(256)) * 5 + b"<Contenu/></Contenu>]]>"


def test_files_travel_byte_for_byte_in_their_order() -> None:
    """The document first, then what people read, then what the supplier attached."""
    support = Support(
        reference="BL-1",
        description="BON_LIVRAISON",
        attachment=Binary(ANYTHING, "image/png", "bon.png"),
    )
    empty = Support(reference="P/2", attachment=Binary(b"", None, None))
    away = Support(reference="W", description="PJA", location="https://example.org/a")
    invoice = replace(INVOICE, supports=(support, away, empty))
    readable = Binary(b"%PDF-1.7", "application/pdf")
    unit = written(invoice, replace(CONTEXT, readable=readable))

    assert contents(unit) == [b"<Invoice/>", b"%PDF-1.7", ANYTHING, b""]
    assert [
        [(part.tag, part.text) for part in file.findall("*")[1:]] for file in unit.findall("PJ")
    ] == [
        [
            ("NomPJ", "2026-0412.xml"),
            ("TypePJ", "01"),
            ("MimeTypePJ", "application/xml"),
        ],
        [
            ("NomPJ", "lisible_2026-0412.pdf"),
            ("CategoriePJ", "LISIBLE"),
            ("TypePJ", "02"),
            ("MimeTypePJ", "application/pdf"),
        ],
        [
            ("NomPJ", "bon.png"),
            ("NomPJOrigine", "bon.png"),
            ("CategoriePJ", "BON_LIVRAISON"),
            ("TypePJ", "02"),
            ("MimeTypePJ", "image/png"),
        ],
        [
            ("NomPJ", "P_2"),
            ("TypePJ", "02"),
            ("MimeTypePJ", "application/octet-stream"),
        ],
    ]
    assert texts(unit, "PJ/@NumOrdre") == ["1", "2", "3", "4"]
    assert told(invoice) == {
        "BG-24[1]/BT-122": "BL-1",
        "BG-24[2]/BT-122": "W",
        "BG-24[2]/BT-123": "PJA",
        "BG-24[2]/BT-124": "https://example.org/a",
        "BG-24[3]/BT-122": "P/2",
    }


def test_the_original_goes_beside_another_main_file() -> None:
    """Exactly one file is the invoice; how the original is called then can be chosen."""
    main = Binary(b"<CrossIndustryInvoice/>", "application/xml", "2026-0412.cii.xml")
    unit = written(INVOICE, replace(CONTEXT, main=main, original_category="AFNOR"))

    assert contents(unit) == [b"<CrossIndustryInvoice/>", b"<Invoice/>"]
    assert texts(unit, "PJ/TypePJ") == ["01", "02"]
    assert texts(unit, "PJ/CategoriePJ") == ["AFNOR"]
    assert texts(unit, "PJ/NomPJ") == ["2026-0412.cii.xml", "2026-0412.xml"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("bon.pdf", "bon.pdf"),
        ("x" * 46 + ".pdf", "x" * 46 + ".pdf"),
        ("x" * 47 + ".pdf", "x" * 46 + ".pdf"),
        ("x" * 90 + ".tar.gz", "x" * 43 + ".tar.gz"),
        ("x" * 90 + ".TAR.GZ", "x" * 43 + ".TAR.GZ"),
        ("a.b.c" + "x" * 90 + ".pdf", "a.b.c" + "x" * 41 + ".pdf"),
        ("x" * 90, "x" * 50),
        ("." + "x" * 90, "." + "x" * 49),
        ("é" * 60 + ".pdf", "é" * 46 + ".pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\a\tb\x00.pdf", "C__a_b_.pdf"),
        ("   ", "sans-nom"),
        ("..", "sans-nom"),
    ],
)
def test_a_name_fits_and_can_be_saved(given: str, name: str) -> None:
    """Cut before the extension; what would lead elsewhere leads nowhere; both are told."""
    support = Support(attachment=Binary(b"x", "application/pdf", given))
    invoice = replace(INVOICE, supports=(support,))
    unit = written(invoice)

    assert texts(unit, "PJ/NomPJ")[1:] == [name]
    assert texts(unit, "PJ/NomPJOrigine") == [name]
    in_one_line = " ".join(given.split())
    assert told(invoice) == ({} if given == name else {"BG-24[1]/BT-125-2": in_one_line})


def test_no_two_files_bear_one_name() -> None:
    """Whoever saves them into one folder must have them all, the invoice first of all."""
    names = ("bon.pdf", "Bon.PDF", "bon.pdf", "bon (2).pdf", "2026-0412.xml", "é" * 46 + ".pdf")
    supports = tuple(
        Support(attachment=Binary(bytes([place]), "application/pdf", name))
        for place, name in enumerate((*names, "é" * 60 + ".pdf"))
    )
    invoice = replace(INVOICE, supports=supports)
    unit = written(invoice)

    found = texts(unit, "PJ/NomPJ")
    assert found == [
        "2026-0412.xml",
        "bon.pdf",
        "Bon (2).PDF",
        "bon (3).pdf",
        "bon (2) (2).pdf",
        "2026-0412 (2).xml",
        "é" * 46 + ".pdf",
        "é" * 42 + " (2).pdf",
    ]
    assert texts(unit, "PJ/NomPJOrigine")[:5] == list(names[:5])
    assert contents(unit)[1:] == [bytes([place]) for place in range(7)]


@pytest.mark.parametrize(
    ("given", "said"),
    [("C:\\a.pdf", "Rendu tel qu'un fichier"), ("x" * 60 + ".pdf", "Coupé à 50 caractères")],
)
def test_what_became_of_a_name_is_said_as_it_is(given: str, said: str) -> None:
    """A short name with a colon in it was not cut."""
    support = Support(attachment=Binary(b"x", "application/pdf", given))

    (loss,) = ready(replace(INVOICE, supports=(support,))).lost

    assert loss.why["fr"].startswith(said)


def test_a_long_kind_of_attachment_is_cut_and_told() -> None:
    """BT-123 is free text in the norm."""
    support = Support(description="d" * 51, attachment=Binary(b"x", None, "x.csv"))
    invoice = replace(INVOICE, supports=(support,))

    assert texts(written(invoice), "PJ/CategoriePJ") == ["d" * 50]
    assert told(invoice) == {"BG-24[1]/BT-123": "d" * 51}


def test_a_file_may_be_zipped_before_it_is_written() -> None:
    """Some receivers want it so; the zip is the same every time."""
    context = replace(CONTEXT, zipped=True)
    first, second = (contents(written(INVOICE, context)) for _ in range(2))

    assert first == second
    with zipfile.ZipFile(BytesIO(first[0])) as archive:
        assert [(one, archive.read(one)) for one in archive.namelist()] == [
            ("2026-0412.xml", b"<Invoice/>")
        ]


def test_files_without_name_or_type_get_them_from_each_other() -> None:
    """The format needs both."""
    named = written(INVOICE, replace(CONTEXT, original=Binary(b"x", None, "a.PDF")))
    typed = written(INVOICE, replace(CONTEXT, original=Binary(b"x", "text/xml", None)))

    assert texts(named, "PJ/MimeTypePJ") == ["application/pdf"]
    assert texts(typed, "PJ/NomPJ") == ["facture_2026-0412.xml"]


# ---- flows ----


def test_a_flow_numbers_and_counts_its_invoices() -> None:
    """And tells what it lost of each, in their order."""
    other = replace(INVOICE, number="2", payment_terms="deux")
    flow = write_pivot(
        [ready(replace(INVOICE, payment_terms="un")), ready(other)], ENVELOPE, SCHEMA
    )
    invoices = etree.fromstring(flow.payload)[1]

    assert invoices.get("Compteur") == "2"
    assert [(one.get("NumOrdre"), one.findtext("DonneesFacture/Id")) for one in invoices] == [
        ("1", "2026-0412"),
        ("2", "2"),
    ]
    assert [one.value for one in flow.lost] == ["un", "deux"]


def test_each_file_stays_with_its_invoice() -> None:
    """Files are put in after everything else is written."""
    units = [
        ready(INVOICE, replace(CONTEXT, original=Binary(bytes([number]) * 3, None, "a")))
        for number in range(5)
    ]
    flow = etree.fromstring(write_pivot(units, ENVELOPE, SCHEMA).payload)

    assert [contents(unit) for unit in flow[1]] == [[bytes([number]) * 3] for number in range(5)]


@pytest.mark.parametrize(
    "text", ["<Contenu/>", "a\x00b\x1bc\ud800d\uffffe", " \r\n\t x ", "&lt;", "]]>", "\u202efdp"]
)
def test_hostile_text_is_carried_and_nothing_more(text: str) -> None:
    """Whatever a partner wrote comes back as text, or as a mark where XML has no way."""
    buyer = replace(INVOICE.buyer, name=text)
    unit = written(replace(INVOICE, buyer=buyer))

    carried = text.translate(dict.fromkeys([0, 0x1B, 0xD800, 0xFFFF], "�"))
    assert texts(unit, "Debiteur/Nom") == [carried]
    assert contents(unit) == [b"<Invoice/>"]


def test_nothing_leaves_that_breaks_the_schema() -> None:
    """A recipient's program must not be the first to notice a mistake of ours."""
    bad = Envelope.of("X", datetime(2026, 1, 1, tzinfo=UTC), receiver="AB", sender="EDIHUB")

    with pytest.raises(ValueError, match="breaks its own schema"):
        write_pivot([ready(INVOICE)], bad, SCHEMA)
    with pytest.raises(ValueError, match="breaks its own schema"):
        write_pivot([], ENVELOPE, SCHEMA)


# ---- any invoice ----


#: What a field of the model may hold, hostile texts and numbers among them.
VALUES: dict[type, st.SearchStrategy[Any]] = {
    str: st.one_of(
        st.text(max_size=60),
        st.sampled_from(["0009", "0224", "FR", "380", "B1", "30", "21000123600012", "EUR"]),
    ),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    date: st.dates(),
    bytes: st.binary(max_size=40),
    VatCategory: st.sampled_from(VatCategory),
    VatPoint: st.sampled_from(VatPoint),
    LineKind: st.sampled_from(LineKind),
}
PATHS = sorted(term.path for term in TERMS.values() if term.kind is not Kind.GROUP)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Change some fields of an invoice that can be written, wherever they stand."""
    invoice = INVOICE
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=12)):
        invoice = changed(invoice, path.split("."), draw(VALUES[steps_of(path)[-1].kind]))
    return invoice


def changed(holder: Any, path: list[str], value: object) -> Any:
    """Return a copy of `holder` in which `value` stands at `path`, in first items of tuples."""
    name, *rest = path
    kind: type = type(holder)
    step = fields_of(kind)[name]
    held = getattr(holder, name)
    if step.many:
        first = held[0] if held else blank(step.kind)
        return replace(holder, **{name: (changed(first, rest, value), *held[1:])})
    if rest:
        inner = blank(step.kind) if held is None else held
        return replace(holder, **{name: changed(inner, rest, value)})
    return replace(holder, **{name: value})


def blank(kind: type) -> Any:
    """Return an empty value; what has no default is given one."""
    needed: dict[type, Any] = {
        Identifier: Identifier("x"),
        Quantity: Quantity(Decimal(1)),
        Binary: Binary(b"x"),
    }
    return needed[kind] if kind in needed else kind()


@given(invoices())
def test_any_invoice_is_valid_or_refused(invoice: Invoice) -> None:
    """There is no third way: no exception, and nothing that breaks the schema."""
    made = write_invoice(invoice, CONTEXT)

    if isinstance(made, Unwritable):
        assert made.reasons
        assert {tuple(one.why) for one in made.reasons} == {("fr", "en")}
    else:
        flow = write_pivot([made], ENVELOPE, SCHEMA)
        SCHEMA.assertValid(etree.fromstring(flow.payload))
        assert contents(etree.fromstring(flow.payload)[1][0])[0] == ORIGINAL.content


def test_invoices_are_written_fast_enough() -> None:
    """Of a usual size at least 300 a second, with what is lost; in CPU time, of one core."""
    lines = tuple(replace(LINE, id=str(number), name="Porte") for number in range(1, 21))
    original = Binary(b"x" * 10_000, "application/xml", "a.xml")
    invoice = replace(INVOICE, lines=lines)
    context = replace(CONTEXT, original=original)

    start = time.process_time()
    for _ in range(100):
        write_pivot([ready(invoice, context)], ENVELOPE, SCHEMA)
    spent = time.process_time() - start

    assert 100 / spent >= 300
