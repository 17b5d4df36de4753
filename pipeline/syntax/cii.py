"""UN/CEFACT Cross Industry Invoice (D16B, D22B): which element holds which business term.

Source:
    EN 16931-3-3 (the names of the terms); the rule packs BR-FR-Flux 2 and EXTENDED-CTC-FR for
    those of the extension; for SIRET, SIREN and service the schemes 0009, 0002 and 0224 of
    ISO 6523 as XP Z12-012 uses them. The order is that of the D22B schema, in which D16B and
    Factur-X documents are valid too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from lxml import etree

from pipeline.model.conversion import Reading, Written
from pipeline.model.invoice import Identifier, Invoice, Line, LineKind, VatCategory, VatPoint
from pipeline.model.report import RoutingHeader
from pipeline.model.terms import TERM_AT, Kind
from pipeline.syntax import reading, writing
from pipeline.syntax.paths import QDT, RAM, RSM, UDT, XSI, Element
from pipeline.syntax.special import is_direct_debit, settle, split_payments
from pipeline.syntax.table import (
    Attribute,
    Entry,
    Fixed,
    Grammar,
    Head,
    Of,
    Part,
    Row,
    Table,
    row_at,
)
from pipeline.syntax.values import BASE64, DATE_102, NUMBER, TEXT, codes, codes_of

__all__ = [
    "ATTACHMENT",
    "NAMESPACES",
    "QDT",
    "RAM",
    "RSM",
    "TABLE",
    "UDT",
    "read_header",
    "read_invoice",
    "term_of",
    "write_invoice",
]

#: Prefixes of the paths below.
NAMESPACES: Mapping[str, str] = MappingProxyType({"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT})

_BINARY = "AttachmentBinaryObject"
#: The element that holds an attachment's bytes (BT-125), as a Clark name.
ATTACHMENT = f"{{{RAM}}}{_BINARY}"

#: Begins like an IBAN; whether its check digits hold is not asked here.
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,40}")

_DAY = "/udt:DateTimeString"
_FORMATTED = "ram:FormattedIssueDateTime/qdt:DateTimeString"
_VAT = Fixed(path="ram:TypeCode", value="VAT")


def _is_iban(number: str, invoice: Invoice) -> bool:  # noqa: ARG001  # a condition's signature
    return _IBAN.fullmatch(number) is not None


def _is_no_iban(number: str, invoice: Invoice) -> bool:
    return not _is_iban(number, invoice)


def _has_scheme(identifier: Identifier) -> bool:
    return identifier.scheme is not None


def _has_no_scheme(identifier: Identifier) -> bool:
    return identifier.scheme is None


def _identifiers(of: str) -> tuple[Entry, ...]:
    value, scheme = f"{of}.identifiers.value", f"{of}.identifiers.scheme"
    if value not in TERM_AT:
        return ()
    return tuple(
        Part(
            term=TERM_AT[value],
            path=path,
            when=when,
            of=(*row_at(value, "."), *row_at(scheme, "@schemeID")),
        )
        for path, when in (("ram:ID", _has_no_scheme), ("ram:GlobalID", _has_scheme))
    )


def _contacts(of: str) -> tuple[Entry, ...]:
    contacts = f"{of}.contacts"
    if contacts not in TERM_AT:
        return ()
    email = "ram:EmailURIUniversalCommunication/ram:URIID"
    return (
        Part(
            term=TERM_AT[contacts],
            path="ram:DefinedTradeContact",
            of=(
                *row_at(f"{contacts}.name", "ram:PersonName"),
                *row_at(f"{contacts}.department", "ram:DepartmentName"),
                *row_at(
                    f"{contacts}.phone",
                    "ram:TelephoneUniversalCommunication/ram:CompleteNumber",
                ),
                *row_at(f"{contacts}.email", email),
                Fixed(path=f"{email}/@schemeID", value="", also=("SMTP",)),
            ),
        ),
    )


def _address(of: str) -> Part:
    address = f"{of}.address"
    return Part(
        path="ram:PostalTradeAddress",
        of=(
            *row_at(f"{address}.postcode", "ram:PostcodeCode"),
            *row_at(f"{address}.line_1", "ram:LineOne"),
            *row_at(f"{address}.line_2", "ram:LineTwo"),
            *row_at(f"{address}.line_3", "ram:LineThree"),
            *row_at(f"{address}.city", "ram:CityName"),
            *row_at(f"{address}.country", "ram:CountryID"),
            *row_at(f"{address}.subdivision", "ram:CountrySubDivisionName"),
        ),
    )


def _registration(of: str) -> tuple[Entry, ...]:
    return tuple(
        Part(
            path="ram:SpecifiedTaxRegistration",
            of=(
                Fixed(path="ram:ID/@schemeID", value=scheme, tells=True),
                *row_at(f"{of}.{field}", "ram:ID"),
            ),
        )
        for field, scheme in (("vat_id", "VA"), ("tax_id", "FC"))
        if f"{of}.{field}" in TERM_AT
    )


def _party(path: str, of: str) -> Part:
    """Return the party that the field `of` of the model holds."""
    uri = "ram:URIUniversalCommunication/ram:URIID"
    return Part(
        path=path,
        of=(
            *_identifiers(of),
            *row_at(f"{of}.name", "ram:Name"),
            *row_at(f"{of}.role", "ram:RoleCode"),
            *row_at(f"{of}.legal_form", "ram:Description"),
            Part(
                path="ram:SpecifiedLegalOrganization",
                of=(
                    *row_at(f"{of}.legal_id.value", "ram:ID"),
                    *row_at(f"{of}.legal_id.scheme", "ram:ID/@schemeID"),
                    *row_at(f"{of}.trading_name", "ram:TradingBusinessName"),
                ),
            ),
            *_contacts(of),
            _address(of),
            *row_at(f"{of}.endpoint.value", uri),
            *row_at(f"{of}.endpoint.scheme", f"{uri}/@schemeID"),
            *_registration(of),
        ),
    )


def _delivery_terms(of: str) -> Part:
    return Part(
        path="ram:ApplicableTradeDeliveryTerms",
        of=(
            *row_at(f"{of}.code", "ram:DeliveryTypeCode"),
            *row_at(f"{of}.place", "ram:RelevantTradeLocation/ram:Name"),
        ),
    )


def _delivered(of: str) -> tuple[Entry, ...]:
    event = "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime"
    return (_party("ram:ShipToTradeParty", f"{of}.to"), *row_at(f"{of}.on", event + _DAY))


def _period(of: str) -> Part:
    return Part(
        path="ram:BillingSpecifiedPeriod",
        of=(
            *row_at(f"{of}.start", "ram:StartDateTime" + _DAY),
            *row_at(f"{of}.end", "ram:EndDateTime" + _DAY),
        ),
    )


def _adjustment(of: str, *, charge: bool) -> Part:
    told = ("true", "1") if charge else ("false", "0")
    tax = Part(
        path="ram:CategoryTradeTax",
        of=(
            _VAT,
            *row_at(f"{of}.exemption", "ram:ExemptionReason"),
            *row_at(f"{of}.vat_category", "ram:CategoryCode"),
            *row_at(f"{of}.exemption_code", "ram:ExemptionReasonCode"),
            *row_at(f"{of}.vat_rate", "ram:RateApplicablePercent"),
        ),
    )
    return Part(
        term=TERM_AT[of],
        path="ram:SpecifiedTradeAllowanceCharge",
        of=(
            Fixed(
                path="ram:ChargeIndicator/udt:Indicator", value=told[0], also=told[1:], tells=True
            ),
            *row_at(f"{of}.percent", "ram:CalculationPercent"),
            *row_at(f"{of}.base", "ram:BasisAmount"),
            *row_at(f"{of}.amount", "ram:ActualAmount"),
            *row_at(f"{of}.reason_code", "ram:ReasonCode"),
            *row_at(f"{of}.reason", "ram:Reason"),
            *((tax,) if f"{of}.vat_category" in TERM_AT else ()),
        ),
    )


def _tax_total(term: str, currency: str, *also: None) -> Part:
    """Return the amount of VAT that is in the currency of a term."""
    return Part(
        path="ram:TaxTotalAmount",
        of=(
            Row(term=term, path="."),
            Fixed(path="@currencyID", value=Of(currency), also=also, tells=True),
        ),
    )


def _account(term: str) -> tuple[Row, Row]:
    """Return the number of an account, which is an IBAN or is not."""
    return (
        Row(term=term, path="ram:IBANID", when=_is_iban),
        Row(term=term, path="ram:ProprietaryID", when=_is_no_iban),
    )


def _reference(path: str, number: str, *inside: Entry, dated: str = "") -> Part:
    """Return a reference to another document."""
    issued = (Row(term=dated, path=_FORMATTED),) if dated else ()
    return Part(path=path, of=(Row(term=number, path="ram:IssuerAssignedID"), *inside, *issued))


def _line_reference(path: str, number: str, line: str, dated: str = "") -> Part:
    return _reference(path, number, Row(term=line, path="ram:LineID"), dated=dated)


def _preceding(term: str, of: str) -> Part:
    return Part(
        term=term,
        path="ram:InvoiceReferencedDocument",
        of=(
            *row_at(f"{of}.number", "ram:IssuerAssignedID"),
            *row_at(f"{of}.line", "ram:LineID"),
            *row_at(f"{of}.type_code", "ram:TypeCode"),
            *row_at(f"{of}.issue_date", _FORMATTED),
        ),
    )


def _objects(of: str, told: Fixed) -> Part:
    """Return the objects billed, of the invoice or of a line."""
    return Part(
        term=TERM_AT[f"{of}.value"],
        path="ram:AdditionalReferencedDocument",
        via="objects",
        of=(
            *row_at(f"{of}.value", "ram:IssuerAssignedID"),
            told,
            *row_at(f"{of}.scheme", "ram:ReferenceTypeCode"),
        ),
    )


def _quantity(of: str, path: str, *, read_only: bool = False) -> tuple[Entry, ...]:
    return (
        *row_at(f"{of}.value", path, read_only=read_only),
        *row_at(f"{of}.unit", f"{path}/@unitCode", read_only=read_only),
    )


_PRODUCT = (
    Row(term="BT-157", path="ram:GlobalID"),
    Row(term="BT-157-1", path="ram:GlobalID/@schemeID"),
    Row(term="BT-155", path="ram:SellerAssignedID"),
    Row(term="BT-156", path="ram:BuyerAssignedID"),
    Row(term="BT-153", path="ram:Name"),
    Row(term="BT-154", path="ram:Description"),
    Part(
        term="BG-32",
        path="ram:ApplicableProductCharacteristic",
        of=(
            Row(term="EXT-FR-FE-159", path="ram:TypeCode"),
            Row(term="BT-160", path="ram:Description"),
            *_quantity("lines.attributes.measure", "ram:ValueMeasure"),
            Row(term="BT-161", path="ram:Value"),
        ),
    ),
    Part(
        term="BT-158",
        path="ram:DesignatedProductClassification",
        of=(
            Row(term="BT-158", path="ram:ClassCode"),
            Row(term="BT-158-1", path="ram:ClassCode/@listID"),
            Row(term="BT-158-2", path="ram:ClassCode/@listVersionID"),
        ),
    ),
    Row(term="BT-159", path="ram:OriginTradeCountry/ram:ID"),
)

_LINE_AGREEMENT = (
    _delivery_terms("lines.delivery_terms"),
    _line_reference("ram:SellerOrderReferencedDocument", "EXT-FR-FE-144", "EXT-FR-FE-145"),
    _line_reference(
        "ram:BuyerOrderReferencedDocument", "EXT-FR-FE-135", "BT-132", dated="EXT-FR-FE-200"
    ),
    Part(
        path="ram:GrossPriceProductTradePrice",
        of=(
            Row(term="BT-148", path="ram:ChargeAmount"),
            *_quantity("lines.price_base", "ram:BasisQuantity", read_only=True),
            Part(
                path="ram:AppliedTradeAllowanceCharge",
                of=(
                    Fixed(
                        path="ram:ChargeIndicator/udt:Indicator",
                        value="false",
                        also=("0", None),
                        tells=True,
                    ),
                    Row(term="BT-147", path="ram:ActualAmount"),
                    Row(term="EXT-FR-FE-196", path="ram:ReasonCode"),
                    Row(term="EXT-FR-FE-195", path="ram:Reason"),
                ),
            ),
        ),
    ),
    Part(
        path="ram:NetPriceProductTradePrice",
        of=(
            Row(term="BT-146", path="ram:ChargeAmount"),
            *_quantity("lines.price_base", "ram:BasisQuantity"),
        ),
    ),
    _party("ram:ItemSellerTradeParty", "lines.seller"),
)

_LINE_SETTLEMENT = (
    Part(
        path="ram:ApplicableTradeTax",
        of=(
            _VAT,
            Row(term="EXT-FR-FE-178", path="ram:ExemptionReason"),
            Row(term="BT-151", path="ram:CategoryCode"),
            Row(term="EXT-FR-FE-179", path="ram:ExemptionReasonCode"),
            Row(term="BT-152", path="ram:RateApplicablePercent"),
        ),
    ),
    _period("lines.period"),
    _adjustment("lines.allowances", charge=False),
    _adjustment("lines.charges", charge=True),
    Part(
        path="ram:SpecifiedTradeSettlementLineMonetarySummation",
        of=(
            Row(term="BT-131", path="ram:LineTotalAmount"),
            _tax_total("EXT-FR-FE-181", "BT-5", None),
            _tax_total("EXT-FR-FE-182", "BT-6"),
            Row(term="EXT-FR-FE-184", path="ram:GrandTotalAmount"),
        ),
    ),
    _preceding("EXT-FR-FE-BG-06", "lines.preceding"),
    _objects("lines.further_objects", Fixed(path="ram:TypeCode", value="130", also=(None,))),
    Row(term="BT-133", path="ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"),
)

_LINE = (
    Part(
        path="ram:AssociatedDocumentLineDocument",
        of=(
            Row(term="BT-126", path="ram:LineID"),
            Row(term="EXT-FR-FE-162", path="ram:ParentLineID"),
            Row(term="EXT-FR-FE-163", path="ram:LineStatusReasonCode"),
            Part(
                term="BT-127-00",
                path="ram:IncludedNote",
                via="notes",
                of=(
                    Row(term="BT-127/further", path="ram:Content"),
                    Row(term="EXT-FR-FE-183/further", path="ram:SubjectCode"),
                ),
            ),
        ),
    ),
    Part(path="ram:SpecifiedTradeProduct", of=_PRODUCT),
    Part(path="ram:SpecifiedLineTradeAgreement", of=_LINE_AGREEMENT),
    Part(
        path="ram:SpecifiedLineTradeDelivery",
        of=(
            *_quantity("lines.quantity", "ram:BilledQuantity"),
            *_delivered("lines.delivery"),
            _line_reference(
                "ram:DespatchAdviceReferencedDocument", "EXT-FR-FE-140", "EXT-FR-FE-141"
            ),
            _line_reference(
                "ram:ReceivingAdviceReferencedDocument", "EXT-FR-FE-142", "EXT-FR-FE-143"
            ),
        ),
    ),
    Part(path="ram:SpecifiedLineTradeSettlement", always=True, of=_LINE_SETTLEMENT),
)

_AGREEMENT = (
    Row(term="BT-10", path="ram:BuyerReference"),
    _party("ram:SellerTradeParty", "seller"),
    _party("ram:BuyerTradeParty", "buyer"),
    _party("ram:SalesAgentTradeParty", "seller_agent"),
    _party("ram:SellerTaxRepresentativeTradeParty", "representative"),
    _delivery_terms("delivery_terms"),
    _reference("ram:SellerOrderReferencedDocument", "BT-14"),
    _reference("ram:BuyerOrderReferencedDocument", "BT-13", dated="EXT-FR-FE-197"),
    _reference(
        "ram:ContractReferencedDocument",
        "BT-12",
        Row(term="EXT-FR-FE-01", path="ram:ReferenceTypeCode"),
        dated="EXT-FR-FE-199",
    ),
    _reference(
        "ram:AdditionalReferencedDocument",
        "BT-17",
        Fixed(path="ram:TypeCode", value="50", tells=True),
    ),
    _objects("further_objects", Fixed(path="ram:TypeCode", value="130", tells=True)),
    Part(
        term="BG-24",
        path="ram:AdditionalReferencedDocument",
        of=(
            Row(term="BT-122", path="ram:IssuerAssignedID"),
            Row(term="BT-124", path="ram:URIID"),
            Fixed(path="ram:TypeCode", value="916"),
            Row(term="BT-123", path="ram:Name"),
            Row(term="BT-125", path=f"ram:{_BINARY}"),
            Row(term="BT-125-1", path=f"ram:{_BINARY}/@mimeCode"),
            Row(term="BT-125-2", path=f"ram:{_BINARY}/@filename"),
        ),
    ),
    _party("ram:BuyerAgentTradeParty", "buyer_agent"),
    Part(
        path="ram:SpecifiedProcuringProject",
        of=(
            Row(term="BT-11", path="ram:ID"),
            Fixed(path="ram:Name", value="Project reference"),
        ),
    ),
)

_PAYMENT = (
    Row(term="BT-81", path="ram:TypeCode"),
    Row(term="BT-82", path="ram:Information"),
    Part(
        path="ram:ApplicableTradeSettlementFinancialCard",
        of=(
            Row(term="BT-87", path="ram:ID"),
            Row(term="BT-88", path="ram:CardholderName"),
        ),
    ),
    Part(path="ram:PayerPartyDebtorFinancialAccount", of=_account("BT-91")),
    Part(
        path="ram:PayeePartyCreditorFinancialAccount",
        of=(
            _account("BT-84")[0],
            Row(term="BT-85", path="ram:AccountName"),
            _account("BT-84")[1],
        ),
    ),
    Row(term="BT-86", path="ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID"),
)

_SETTLEMENT = (
    Row(term="BT-90", path="ram:CreditorReferenceID", among=is_direct_debit),
    Row(term="BT-83", path="ram:PaymentReference"),
    Row(term="BT-6", path="ram:TaxCurrencyCode"),
    Row(term="BT-5", path="ram:InvoiceCurrencyCode"),
    _party("ram:InvoicerTradeParty", "invoicer"),
    _party("ram:InvoiceeTradeParty", "invoicee"),
    _party("ram:PayeeTradeParty", "payee"),
    _party("ram:PayerTradeParty", "payer"),
    Part(term="BG-16", path="ram:SpecifiedTradeSettlementPaymentMeans", of=_PAYMENT),
    Part(
        term="BG-23",
        path="ram:ApplicableTradeTax",
        of=(
            Row(term="BT-117", path="ram:CalculatedAmount"),
            _VAT,
            Row(term="BT-120", path="ram:ExemptionReason"),
            Row(term="BT-116", path="ram:BasisAmount"),
            Row(term="BT-118", path="ram:CategoryCode"),
            Row(term="BT-121", path="ram:ExemptionReasonCode"),
            Row(term="BT-7", path="ram:TaxPointDate/udt:DateString", first=True),
            Row(term="BT-8", path="ram:DueDateTypeCode"),
            Row(term="BT-119", path="ram:RateApplicablePercent"),
        ),
    ),
    _period("period"),
    _adjustment("allowances", charge=False),
    _adjustment("charges", charge=True),
    Part(
        path="ram:SpecifiedTradePaymentTerms",
        mixes=True,
        of=(
            Row(term="BT-20", path="ram:Description"),
            Row(term="BT-9", path="ram:DueDateDateTime" + _DAY),
            Row(term="BT-89", path="ram:DirectDebitMandateID", among=is_direct_debit),
        ),
    ),
    Part(
        path="ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        of=(
            Row(term="BT-106", path="ram:LineTotalAmount"),
            Row(term="BT-108", path="ram:ChargeTotalAmount"),
            Row(term="BT-107", path="ram:AllowanceTotalAmount"),
            Row(term="BT-109", path="ram:TaxBasisTotalAmount"),
            _tax_total("BT-110", "BT-5", None),
            _tax_total("BT-111", "BT-6"),
            Row(term="BT-114", path="ram:RoundingAmount"),
            Row(term="BT-112", path="ram:GrandTotalAmount"),
            Row(term="BT-113", path="ram:TotalPrepaidAmount"),
            Row(term="BT-115", path="ram:DuePayableAmount"),
        ),
    ),
    _preceding("BG-3", "preceding"),
    Row(term="BT-19", path="ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"),
)

_ENTRIES: tuple[Entry, ...] = (
    Part(
        path="rsm:ExchangedDocumentContext",
        always=True,
        of=(
            Row(
                term="BT-23",
                path="ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",
            ),
            Row(term="BT-24", path="ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"),
        ),
    ),
    Part(
        path="rsm:ExchangedDocument",
        always=True,
        of=(
            Row(term="BT-1", path="ram:ID"),
            Row(term="BT-3", path="ram:TypeCode"),
            Row(term="BT-2", path="ram:IssueDateTime" + _DAY),
            Part(
                term="BG-1",
                path="ram:IncludedNote",
                of=(
                    Row(term="BT-22", path="ram:Content"),
                    Row(term="BT-21", path="ram:SubjectCode"),
                ),
            ),
        ),
    ),
    Part(
        path="rsm:SupplyChainTradeTransaction",
        always=True,
        of=(
            Part(term="BG-25", path="ram:IncludedSupplyChainTradeLineItem", of=_LINE),
            Part(path="ram:ApplicableHeaderTradeAgreement", always=True, of=_AGREEMENT),
            Part(
                path="ram:ApplicableHeaderTradeDelivery",
                always=True,
                of=(
                    *_delivered("delivery"),
                    _reference(
                        "ram:DespatchAdviceReferencedDocument", "BT-16", dated="EXT-FR-FE-198"
                    ),
                    _reference("ram:ReceivingAdviceReferencedDocument", "BT-15"),
                ),
            ),
            Part(path="ram:ApplicableHeaderTradeSettlement", always=True, of=_SETTLEMENT),
        ),
    ),
)

_CURRENCY = Attribute("currencyID", Of("BT-5"), written=False)

#: UNTDID 2475, where the norm has UNCL 2005.
_VAT_POINTS = MappingProxyType(
    {"5": VatPoint.ISSUE, "29": VatPoint.DELIVERY, "72": VatPoint.PAYMENT}
)

_GRAMMAR = Grammar(
    namespaces=NAMESPACES,
    roots=(f"{{{RSM}}}CrossIndustryInvoice",),
    forms=MappingProxyType(
        {
            str: TEXT,
            Decimal: NUMBER,
            date: DATE_102,
            bytes: BASE64,
            VatCategory: codes_of(
                VatCategory, "un code de catégorie de TVA", "a VAT category code"
            ),
            VatPoint: codes(_VAT_POINTS, "un code 5, 29 ou 72", "a code 5, 29 or 72"),
            LineKind: codes_of(
                LineKind, "DETAIL, GROUP ou INFORMATION", "DETAIL, GROUP or INFORMATION"
            ),
        }
    ),
    bears=MappingProxyType(
        {
            Kind.AMOUNT: _CURRENCY,
            Kind.PRICE: _CURRENCY,
            Kind.DATE: Attribute("format", "102"),
        }
    ),
    title="CII D22B",
    ignored=frozenset({f"{{{XSI}}}schemaLocation"}),
)

_SIRET = "[@schemeID='0009']"
_BARE_SIRET = (
    "[(not(@schemeID) or @schemeID='0009')"
    " and string-length(normalize-space()) = 14"
    " and translate(normalize-space(), '0123456789', '') = '']"
)

TABLE = Table(
    _GRAMMAR,
    _ENTRIES,
    (
        Head("number", "BT-1"),
        Head("issue_date", "BT-2"),
        Head("type_code", "BT-3"),
        Head("currency", "BT-5"),
        Head("frame", "BT-23"),
        Head("customization", "BT-24"),
        Head("order_reference", "BT-13"),
        Head("contract_reference", "BT-12"),
        Head("preceding", "BT-25"),
        Head("seller_name", "BT-27"),
        Head("seller_siret", "BT-29", ((1, _SIRET), (0, _BARE_SIRET))),
        Head("seller_siren", "BT-30", ((0, "[@schemeID='0002']"),)),
        Head("seller_vat", "BT-31"),
        Head("seller_country", "BT-40"),
        Head("agent_siret", "EXT-FR-FE-69", ((1, _SIRET),)),
        Head("buyer_name", "BT-44"),
        Head("buyer_siret", "BT-46", ((1, _SIRET), (0, _BARE_SIRET))),
        Head("buyer_service", "BT-46", ((1, "[@schemeID='0224']"),)),
        Head("buyer_siren", "BT-47", ((0, "[@schemeID='0002']"),)),
        Head("buyer_endpoint", "BT-49"),
        Head("buyer_endpoint_scheme", "BT-49-1"),
        Head("total_without_vat", "BT-109"),
        Head("total_with_vat", "BT-112"),
        Head("amount_due", "BT-115"),
    ),
)


def read_header(root: etree._Element) -> RoutingHeader:
    """Read the routing header of a CrossIndustryInvoice; see `Table.read_header`."""
    return TABLE.read_header(root)


def read_invoice(root: Element) -> Reading:
    """Read a CrossIndustryInvoice into the model; see `reading.read`."""
    return reading.read(TABLE, root, _settle)


def write_invoice(invoice: Invoice) -> Written:
    """Write a CrossIndustryInvoice of D22B; see `writing.write`."""
    return writing.write(TABLE, 0, _priced(split_payments(invoice)))


def _settle(draft: dict[str, Any]) -> None:
    """Put right what CII says in one of two elements."""
    settle(draft)
    for party in draft.values():
        for contact in party.get("contacts", ()) if isinstance(party, dict) else ():
            if "name" not in contact and "department" in contact:
                contact["name"] = contact.pop("department")


def _priced(invoice: Invoice) -> Invoice:
    """Return the invoice with a gross price (BT-148) wherever there is a discount on it.

    CII has no place for the discount without it; by definition it is the sum of the net price
    and the discount.
    """
    if not any(map(_lacks_gross, invoice.lines)):
        return invoice
    return replace(invoice, lines=tuple(map(_with_gross, invoice.lines)))


def _lacks_gross(line: Line) -> bool:
    return line.price_discount is not None and line.gross_price is None and line.price is not None


def _with_gross(line: Line) -> Line:
    if not _lacks_gross(line) or line.price is None or line.price_discount is None:
        return line
    return replace(line, gross_price=line.price + line.price_discount)


def term_of(path: str) -> str | None:
    """Return the business term at a path of a CrossIndustryInvoice, if there is one.

    >>> term_of("/rsm:CrossIndustryInvoice/rsm:ExchangedDocument/ram:TypeCode")
    'BT-3'
    """
    return TABLE.term_of(path)
