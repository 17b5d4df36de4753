"""The routing header, read from both syntaxes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from pipeline.model.limits import Limits
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.parse import parse
from pipeline.syntax.recognise import family, guess_family, recognise

HEADER = RoutingHeader(
    number="F-1",
    issue_date=date(2026, 9, 1),
    type_code="380",
    currency="EUR",
    frame="A1",
    customization="urn:cen.eu:en16931:2017",
    order_reference="ENG-7",
    seller_name="Vendeur SAS",
    seller_siret="11111111100011",
    seller_siren="111111111",
    seller_vat="FR01111111111",
    seller_country="FR",
    buyer_name="Mairie d'Exemple",
    buyer_siret="22222222200022",
    buyer_service="SERVICE-9",
    buyer_siren="222222222",
    buyer_endpoint="222222222_22222222200022",
    buyer_endpoint_scheme="0225",
    total_without_vat=Decimal("100.00"),
    total_with_vat=Decimal("120.00"),
    amount_due=Decimal("20.00"),
)

UBL = f"""
<Invoice xmlns="{ubl.INVOICE}" xmlns:cac="{ubl.CAC}" xmlns:cbc="{ubl.CBC}">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ProfileID>A1</cbc:ProfileID>
  <cbc:ID> F-1 </cbc:ID>
  <cbc:IssueDate>2026-09-01</cbc:IssueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:OrderReference><cbc:ID>ENG-7</cbc:ID></cac:OrderReference>
  <cac:AccountingSupplierParty><cac:Party>
    <cbc:EndpointID schemeID="0225">111111111</cbc:EndpointID>
    <cac:PartyIdentification><cbc:ID schemeID="0088">1</cbc:ID></cac:PartyIdentification>
    <cac:PartyIdentification>
      <cbc:ID schemeID="0009">11111111100011</cbc:ID>
    </cac:PartyIdentification>
    <cac:PartyName><cbc:Name>Le Vendeur</cbc:Name></cac:PartyName>
    <cac:PostalAddress><cac:Country><cbc:IdentificationCode>FR</cbc:IdentificationCode>
    </cac:Country></cac:PostalAddress>
    <cac:PartyTaxScheme><cbc:CompanyID>local</cbc:CompanyID>
      <cac:TaxScheme><cbc:ID>LOC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyTaxScheme><cbc:CompanyID>FR01111111111</cbc:CompanyID>
      <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>Vendeur SAS</cbc:RegistrationName>
      <cbc:CompanyID schemeID="0002">111111111</cbc:CompanyID></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cbc:EndpointID schemeID="0225">222222222_22222222200022</cbc:EndpointID>
    <cac:PartyIdentification>
      <cbc:ID schemeID="0224">SERVICE-9</cbc:ID>
    </cac:PartyIdentification>
    <cac:PartyIdentification>
      <cbc:ID schemeID="0009">22222222200022</cbc:ID>
    </cac:PartyIdentification>
    <cac:PartyLegalEntity><cbc:RegistrationName>Mairie d'Exemple</cbc:RegistrationName>
      <cbc:CompanyID schemeID="0002">222222222</cbc:CompanyID></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:LegalMonetaryTotal>
    <cbc:TaxExclusiveAmount currencyID="EUR">100.00</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">120.00</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">20.00</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
  <cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>
</Invoice>
"""

CII = f"""
<rsm:CrossIndustryInvoice xmlns:rsm="{cii.RSM}" xmlns:ram="{cii.RAM}" xmlns:udt="{cii.UDT}">
  <rsm:ExchangedDocumentContext>
    <ram:BusinessProcessSpecifiedDocumentContextParameter><ram:ID>A1</ram:ID>
    </ram:BusinessProcessSpecifiedDocumentContextParameter>
    <ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID>
    </ram:GuidelineSpecifiedDocumentContextParameter>
  </rsm:ExchangedDocumentContext>
  <rsm:ExchangedDocument>
    <ram:ID> F-1 </ram:ID><ram:TypeCode>380</ram:TypeCode>
    <ram:IssueDateTime><udt:DateTimeString format="102">20260901</udt:DateTimeString>
    </ram:IssueDateTime>
  </rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:ApplicableHeaderTradeAgreement>
      <ram:SellerTradeParty>
        <ram:GlobalID schemeID="0088">1</ram:GlobalID>
        <ram:GlobalID schemeID="0009">11111111100011</ram:GlobalID>
        <ram:Name>Vendeur SAS</ram:Name>
        <ram:SpecifiedLegalOrganization><ram:ID schemeID="0002">111111111</ram:ID>
        </ram:SpecifiedLegalOrganization>
        <ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">local</ram:ID>
        </ram:SpecifiedTaxRegistration>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">FR01111111111</ram:ID>
        </ram:SpecifiedTaxRegistration>
      </ram:SellerTradeParty>
      <ram:BuyerTradeParty>
        <ram:GlobalID schemeID="0224">SERVICE-9</ram:GlobalID>
        <ram:GlobalID schemeID="0009">22222222200022</ram:GlobalID>
        <ram:Name>Mairie d'Exemple</ram:Name>
        <ram:SpecifiedLegalOrganization><ram:ID schemeID="0002">222222222</ram:ID>
        </ram:SpecifiedLegalOrganization>
        <ram:URIUniversalCommunication>
          <ram:URIID schemeID="0225">222222222_22222222200022</ram:URIID>
        </ram:URIUniversalCommunication>
      </ram:BuyerTradeParty>
      <ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>ENG-7</ram:IssuerAssignedID>
      </ram:BuyerOrderReferencedDocument>
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeSettlement>
      <ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
        <ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
        <ram:GrandTotalAmount>120.00</ram:GrandTotalAmount>
        <ram:DuePayableAmount>20.00</ram:DuePayableAmount>
      </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    </ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
"""


def _read(text: str) -> RoutingHeader:
    root = parse(text.encode(), Limits())
    return cii.read_header(root) if recognise(root) is Syntax.CII else ubl.read_header(root)


@pytest.mark.parametrize("text", [UBL, CII], ids=["ubl", "cii"])
def test_every_term_is_read_from_its_place(text: str) -> None:
    """Both syntaxes say the same things, and routing does not ask which it was."""
    assert _read(text) == HEADER


def test_a_credit_note_is_read_like_an_invoice() -> None:
    """Only the root and the type's element have other names."""
    text = UBL.replace(ubl.INVOICE, ubl.CREDIT_NOTE).replace(
        "InvoiceTypeCode", "CreditNoteTypeCode"
    )
    text = text.replace("<Invoice ", "<CreditNote ").replace("</Invoice>", "</CreditNote>")

    assert recognise(parse(text.encode(), Limits())) is Syntax.UBL_CREDIT_NOTE
    assert _read(text) == HEADER


@pytest.mark.parametrize(
    "text",
    [
        f'<Invoice xmlns="{ubl.INVOICE}"/>',
        f'<CrossIndustryInvoice xmlns="{cii.RSM}"/>',
    ],
    ids=["ubl", "cii"],
)
def test_what_is_absent_is_none(text: str) -> None:
    """A document that lacks everything is still answered."""
    assert _read(text) == RoutingHeader()


@pytest.mark.parametrize(
    "written",
    ["2026-02-30", "01/09/2026", "2026-9-1", "2026-0901", "20260901T", "٢٠٢٦-٠٩-٠١", "0000-01-01"],
)
@pytest.mark.parametrize("text", [UBL, CII], ids=["ubl", "cii"])
def test_a_date_that_is_none_is_left_out(text: str, written: str) -> None:
    """The structure layer says what is wrong with it; here it must not break anything."""
    broken = re.sub("2026-?09-?01", written, text)

    assert _read(broken) == replace(HEADER, issue_date=None)


@pytest.mark.parametrize("written", ["2026-09-01Z", "2026-09-01+02:00"])
def test_a_time_zone_is_not_part_of_the_day(written: str) -> None:
    """Allowed by ``xs:date``, forbidden by EN 16931 only: the day is clear all the same."""
    assert _read(UBL.replace("2026-09-01", written)) == HEADER


@pytest.mark.parametrize(
    "written", ["120,00", "1 200.00", "NaN", "Infinity", "1e3", ".", "+", "0x10", "١٢٠", "9" * 50]
)
@pytest.mark.parametrize("text", [UBL, CII], ids=["ubl", "cii"])
def test_an_amount_that_is_none_is_left_out(text: str, written: str) -> None:
    """`Decimal` takes more than ``xs:decimal`` does, and a database less."""
    assert _read(text.replace("120.00", written)) == replace(HEADER, total_with_vat=None)


@pytest.mark.parametrize(("written", "value"), [("-120", "-120"), ("+.5", "0.5"), ("7.", "7")])
def test_every_way_to_write_a_decimal_is_read(written: str, value: str) -> None:
    """Credit may be negative, and ``xs:decimal`` has short forms."""
    assert _read(UBL.replace("120.00", written)).total_with_vat == Decimal(value)


@pytest.mark.parametrize(
    "written",
    [
        "<cbc:ID>22222222200022</cbc:ID>",
        '<cbc:ID schemeName="1">22222222200022</cbc:ID>',
        '<cbc:ID schemeID="SIRET" schemeName="1"> 22222222200022 </cbc:ID>',
    ],
)
def test_historical_files_name_the_siret_without_scheme(written: str) -> None:
    """Chorus Pro took such files for years, and they still come."""
    text = UBL.replace('<cbc:ID schemeID="0009">22222222200022</cbc:ID>', written)
    text = text.replace('<cbc:CompanyID schemeID="0002">222222222</cbc:CompanyID>', "")

    assert _read(text) == HEADER


@pytest.mark.parametrize(
    "written",
    [
        '<cbc:ID schemeID="0088">22222222200022</cbc:ID>',
        "<cbc:ID>2222222220002</cbc:ID>",
        "<cbc:ID>2222222220002X</cbc:ID>",
    ],
)
def test_another_identifier_is_no_siret(written: str) -> None:
    """A GLN has fourteen digits too."""
    text = UBL.replace('<cbc:ID schemeID="0009">22222222200022</cbc:ID>', written)

    assert _read(text) == replace(HEADER, buyer_siret=None)


@pytest.mark.parametrize("text", [UBL, CII], ids=["ubl", "cii"])
def test_the_siren_is_the_beginning_of_the_siret(text: str) -> None:
    """Where only the establishment is named, the firm is known all the same."""
    without = re.sub(r'<(\w+:\w+) schemeID="0002">\d+</\1>', "", text)

    assert without != text
    assert _read(without) == HEADER


def test_a_siret_that_is_none_gives_no_siren() -> None:
    """Nine characters of anything are no SIREN."""
    text = re.sub(r'<cbc:CompanyID schemeID="0002">\d+</cbc:CompanyID>', "", UBL)

    header = _read(text.replace("22222222200022</cbc:ID>", "SIRET-22222222</cbc:ID>"))

    assert (header.buyer_siret, header.buyer_siren) == ("SIRET-22222222", None)


def test_a_name_stands_in_for_a_missing_legal_name() -> None:
    """Historical files name the seller by ``PartyName`` alone."""
    text = UBL.replace("<cbc:RegistrationName>Vendeur SAS</cbc:RegistrationName>", "")

    assert _read(text) == replace(HEADER, seller_name="Le Vendeur")


def test_an_endless_number_is_cut() -> None:
    """It becomes part of a database key."""
    number = _read(UBL.replace("F-1", "9" * 5000)).number

    assert number == "9" * 255


@pytest.mark.parametrize(
    ("path", "term"),
    [
        ("/ubl:Invoice/cbc:ID", "BT-1"),
        ("/cn:CreditNote/cbc:CreditNoteTypeCode[1]", "BT-3"),
        ("/ubl:Invoice[1]/cac:AccountingCustomerParty[1]/cac:Party[1]/cbc:EndpointID[1]", "BT-49"),
        ("/ubl:Invoice/cac:AccountingCustomerParty/cac:Party/cbc:EndpointID/@schemeID", "BT-49-1"),
        ("/ubl:Invoice/cac:InvoiceLine/cbc:ID", "BT-126"),
        ("/ubl:Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyName/cbc:Name", None),
        (
            "/ubl:Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyIdentification/cbc:ID",
            None,
        ),
        ("/ubl:Invoice", None),
        ("", None),
    ],
)
def test_a_path_has_a_term_where_it_has_only_one(path: str, term: str | None) -> None:
    """An identifier's term hangs on its scheme: better no term than a wrong one."""
    assert ubl.term_of(path) == term


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        (f'<Invoice xmlns="{ubl.INVOICE}"/>', Syntax.UBL_INVOICE),
        (f'<x:CreditNote xmlns:x="{ubl.CREDIT_NOTE}"/>', Syntax.UBL_CREDIT_NOTE),
        (f'<rsm:CrossIndustryInvoice xmlns:rsm="{cii.RSM}"/>', Syntax.CII),
        (f'<CreditNote xmlns="{ubl.INVOICE}"/>', None),
        ('<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>', None),
        ("<Invoice/>", None),
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_syntax_is_known_by_its_root(text: str, syntax: Syntax | None, codec: str) -> None:
    """By namespace and name, whatever the prefix; the guess is right where it says anything."""
    data = text.encode(codec)

    assert recognise(parse(data, Limits())) is syntax
    if syntax is not None:
        assert guess_family(data) == family(syntax)


def test_a_guess_of_nothing_is_empty() -> None:
    """Any worker may take it then."""
    assert [guess_family(head) for head in (b"", b"<html/>", b"\xff\xfe\x00")] == ["", "", ""]


@pytest.mark.corpora
def test_the_corpora_are_read() -> None:
    """Every whole example of others has a number, a date, a seller and amounts."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA is not set: no corpora here")
    read = 0
    for path in sorted(Path(folder).rglob("*.xml")):
        root = parse(path.read_bytes(), Limits())
        syntax = recognise(root)
        if syntax is None:
            assert etree.QName(root).localname == "testSet", path
            continue
        header = cii.read_header(root) if syntax is Syntax.CII else ubl.read_header(root)
        wanted = (header.number, header.issue_date, header.total_with_vat, header.amount_due)
        assert None not in (*wanted, header.total_without_vat, header.seller_name), path
        read += 1
    assert read >= 50
