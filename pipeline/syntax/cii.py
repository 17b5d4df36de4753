"""UN/CEFACT Cross Industry Invoice (D16B, D22B): which element holds which business term.

Source:
    EN 16931-3-3 (the names of the terms); for SIRET, SIREN and service the schemes 0009,
    0002 and 0224 of ISO 6523 as XP Z12-012 uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lxml import etree

from pipeline.model.report import RoutingHeader
from pipeline.syntax.table import Group, Row, Table

_CEFACT = "urn:un:unece:uncefact:data:standard:"

RSM = _CEFACT + "CrossIndustryInvoice:100"
RAM = _CEFACT + "ReusableAggregateBusinessInformationEntity:100"
UDT = _CEFACT + "UnqualifiedDataType:100"

#: Prefixes of the paths below.
NAMESPACES: Mapping[str, str] = MappingProxyType({"rsm": RSM, "ram": RAM, "udt": UDT})

#: The element that holds an attachment's bytes (BT-125), as a Clark name.
ATTACHMENT = f"{{{RAM}}}AttachmentBinaryObject"

_CONTEXT = "rsm:ExchangedDocumentContext/"
_DOCUMENT = "rsm:ExchangedDocument/"
_DEAL = "rsm:SupplyChainTradeTransaction/"
_AGREEMENT = _DEAL + "ram:ApplicableHeaderTradeAgreement/"
_SETTLEMENT = _DEAL + "ram:ApplicableHeaderTradeSettlement/"
_TOTALS = _SETTLEMENT + "ram:SpecifiedTradeSettlementHeaderMonetarySummation/"
_SELLER = _AGREEMENT + "ram:SellerTradeParty/"
_BUYER = _AGREEMENT + "ram:BuyerTradeParty/"
_ENDPOINT = _BUYER + "ram:URIUniversalCommunication/ram:URIID"
_SIRET = "ram:GlobalID[@schemeID='0009']"
_BARE_SIRET = (
    "ram:ID[(not(@schemeID) or @schemeID='0009')"
    " and string-length(normalize-space()) = 14"
    " and translate(normalize-space(), '0123456789', '') = '']"
)
_SIREN = "ram:SpecifiedLegalOrganization/ram:ID[@schemeID='0002']"

_DELIVERY = _DEAL + "ram:ApplicableHeaderTradeDelivery/"
_SHIP_TO = _DELIVERY + "ram:ShipToTradeParty/"
_AGENT = _AGREEMENT + "ram:SellerTaxRepresentativeTradeParty/"
_PAYEE = _SETTLEMENT + "ram:PayeeTradeParty/"
_ADDRESS = "ram:PostalTradeAddress/"
_CONTACT = "ram:DefinedTradeContact/"
_TERMS = _SETTLEMENT + "ram:SpecifiedTradePaymentTerms/"
_PERIOD = _SETTLEMENT + "ram:BillingSpecifiedPeriod/"
_REFERENCED = _AGREEMENT + "ram:AdditionalReferencedDocument"
_LINE = _DEAL + "ram:IncludedSupplyChainTradeLineItem"
_LINE_DEAL = "ram:SpecifiedLineTradeAgreement/"
_LINE_SETTLEMENT = "ram:SpecifiedLineTradeSettlement/"
_GROSS = _LINE_DEAL + "ram:GrossPriceProductTradePrice/"
_NET = _LINE_DEAL + "ram:NetPriceProductTradePrice/"
_ITEM = "ram:SpecifiedTradeProduct/"
_VAT = "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']"
_ALLOWANCE = (
    "ram:SpecifiedTradeAllowanceCharge[ram:ChargeIndicator/udt:Indicator = 'false'"
    " or ram:ChargeIndicator/udt:Indicator = '0']"
)
_CHARGE = (
    "ram:SpecifiedTradeAllowanceCharge[ram:ChargeIndicator/udt:Indicator = 'true'"
    " or ram:ChargeIndicator/udt:Indicator = '1']"
)
_ACCOUNT = "ram:PayeePartyCreditorFinancialAccount/"
_DAY = "/udt:DateTimeString"
_CURRENCY = "ancestor::ram:ApplicableHeaderTradeSettlement/ram:InvoiceCurrencyCode"
_TAX_CURRENCY = "ancestor::ram:ApplicableHeaderTradeSettlement/ram:TaxCurrencyCode"

#: Every term that is no field of the header, group by group.
GROUPS = (
    Group(
        "",
        ".",
        (
            ("BT-6", _SETTLEMENT + "ram:TaxCurrencyCode"),
            (
                "BT-7",
                _SETTLEMENT + "ram:ApplicableTradeTax/ram:TaxPointDate/udt:DateString",
            ),
            ("BT-8", _SETTLEMENT + "ram:ApplicableTradeTax/ram:DueDateTypeCode"),
            ("BT-9", _TERMS + "ram:DueDateDateTime" + _DAY),
            ("BT-10", _AGREEMENT + "ram:BuyerReference"),
            ("BT-11", _AGREEMENT + "ram:SpecifiedProcuringProject/ram:ID"),
            ("BT-12", _AGREEMENT + "ram:ContractReferencedDocument/ram:IssuerAssignedID"),
            ("BT-14", _AGREEMENT + "ram:SellerOrderReferencedDocument/ram:IssuerAssignedID"),
            (
                "BT-15",
                _DELIVERY + "ram:ReceivingAdviceReferencedDocument/ram:IssuerAssignedID",
            ),
            (
                "BT-16",
                _DELIVERY + "ram:DespatchAdviceReferencedDocument/ram:IssuerAssignedID",
            ),
            ("BT-17", _REFERENCED + "[ram:TypeCode = '50']/ram:IssuerAssignedID"),
            ("BT-18", _REFERENCED + "[ram:TypeCode = '130']/ram:IssuerAssignedID"),
            (
                "BT-19",
                _SETTLEMENT + "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID",
            ),
            ("BT-20", _TERMS + "ram:Description"),
            ("BT-28", _SELLER + "ram:SpecifiedLegalOrganization/ram:TradingBusinessName"),
            ("BT-32", _SELLER + "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='FC']"),
            ("BT-33", _SELLER + "ram:Description"),
            ("BT-34", _SELLER + "ram:URIUniversalCommunication/ram:URIID"),
            ("BT-34-1", _SELLER + "ram:URIUniversalCommunication/ram:URIID/@schemeID"),
            ("BT-35", _SELLER + _ADDRESS + "ram:LineOne"),
            ("BT-36", _SELLER + _ADDRESS + "ram:LineTwo"),
            ("BT-37", _SELLER + _ADDRESS + "ram:CityName"),
            ("BT-38", _SELLER + _ADDRESS + "ram:PostcodeCode"),
            ("BT-39", _SELLER + _ADDRESS + "ram:CountrySubDivisionName"),
            ("BT-41", _SELLER + _CONTACT + "ram:PersonName"),
            (
                "BT-42",
                _SELLER + _CONTACT + "ram:TelephoneUniversalCommunication/ram:CompleteNumber",
            ),
            ("BT-43", _SELLER + _CONTACT + "ram:EmailURIUniversalCommunication/ram:URIID"),
            ("BT-45", _BUYER + "ram:SpecifiedLegalOrganization/ram:TradingBusinessName"),
            ("BT-48", _BUYER + _VAT),
            ("BT-50", _BUYER + _ADDRESS + "ram:LineOne"),
            ("BT-51", _BUYER + _ADDRESS + "ram:LineTwo"),
            ("BT-52", _BUYER + _ADDRESS + "ram:CityName"),
            ("BT-53", _BUYER + _ADDRESS + "ram:PostcodeCode"),
            ("BT-54", _BUYER + _ADDRESS + "ram:CountrySubDivisionName"),
            ("BT-55", _BUYER + _ADDRESS + "ram:CountryID"),
            ("BT-56", _BUYER + _CONTACT + "ram:PersonName"),
            (
                "BT-57",
                _BUYER + _CONTACT + "ram:TelephoneUniversalCommunication/ram:CompleteNumber",
            ),
            ("BT-58", _BUYER + _CONTACT + "ram:EmailURIUniversalCommunication/ram:URIID"),
            ("BT-59", _PAYEE + "ram:Name"),
            ("BT-60", _PAYEE + "ram:ID | " + _PAYEE + "ram:GlobalID"),
            ("BT-61", _PAYEE + "ram:SpecifiedLegalOrganization/ram:ID"),
            ("BT-62", _AGENT + "ram:Name"),
            ("BT-63", _AGENT + _VAT),
            ("BT-64", _AGENT + _ADDRESS + "ram:LineOne"),
            ("BT-65", _AGENT + _ADDRESS + "ram:LineTwo"),
            ("BT-66", _AGENT + _ADDRESS + "ram:CityName"),
            ("BT-67", _AGENT + _ADDRESS + "ram:PostcodeCode"),
            ("BT-68", _AGENT + _ADDRESS + "ram:CountrySubDivisionName"),
            ("BT-69", _AGENT + _ADDRESS + "ram:CountryID"),
            ("BT-70", _SHIP_TO + "ram:Name"),
            ("BT-71", _SHIP_TO + "ram:ID | " + _SHIP_TO + "ram:GlobalID"),
            (
                "BT-72",
                _DELIVERY + "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime" + _DAY,
            ),
            ("BT-73", _PERIOD + "ram:StartDateTime" + _DAY),
            ("BT-74", _PERIOD + "ram:EndDateTime" + _DAY),
            ("BT-75", _SHIP_TO + _ADDRESS + "ram:LineOne"),
            ("BT-76", _SHIP_TO + _ADDRESS + "ram:LineTwo"),
            ("BT-77", _SHIP_TO + _ADDRESS + "ram:CityName"),
            ("BT-78", _SHIP_TO + _ADDRESS + "ram:PostcodeCode"),
            ("BT-79", _SHIP_TO + _ADDRESS + "ram:CountrySubDivisionName"),
            ("BT-80", _SHIP_TO + _ADDRESS + "ram:CountryID"),
            ("BT-83", _SETTLEMENT + "ram:PaymentReference"),
            ("BT-89", _TERMS + "ram:DirectDebitMandateID"),
            ("BT-90", _SETTLEMENT + "ram:CreditorReferenceID"),
            ("BT-106", _TOTALS + "ram:LineTotalAmount"),
            ("BT-107", _TOTALS + "ram:AllowanceTotalAmount"),
            ("BT-108", _TOTALS + "ram:ChargeTotalAmount"),
            ("BT-110", f"{_TOTALS}ram:TaxTotalAmount[@currencyID = {_CURRENCY}]"),
            ("BT-111", f"{_TOTALS}ram:TaxTotalAmount[@currencyID = {_TAX_CURRENCY}]"),
            ("BT-113", _TOTALS + "ram:TotalPrepaidAmount"),
            ("BT-114", _TOTALS + "ram:RoundingAmount"),
        ),
    ),
    Group(
        "BG-1",
        _DOCUMENT + "ram:IncludedNote",
        (("BT-21", "ram:SubjectCode"), ("BT-22", "ram:Content")),
    ),
    Group(
        "BG-3",
        _SETTLEMENT + "ram:InvoiceReferencedDocument",
        (
            ("BT-25", "ram:IssuerAssignedID"),
            ("BT-26", "ram:FormattedIssueDateTime/*"),
        ),
    ),
    Group(
        "BG-16",
        _SETTLEMENT + "ram:SpecifiedTradeSettlementPaymentMeans",
        (
            ("BT-81", "ram:TypeCode"),
            ("BT-82", "ram:Information"),
            ("BT-84", f"{_ACCOUNT}ram:IBANID | {_ACCOUNT}ram:ProprietaryID"),
            ("BT-85", _ACCOUNT + "ram:AccountName"),
            ("BT-86", "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID"),
            ("BT-87", "ram:ApplicableTradeSettlementFinancialCard/ram:ID"),
            ("BT-88", "ram:ApplicableTradeSettlementFinancialCard/ram:CardholderName"),
            ("BT-91", "ram:PayerPartyDebtorFinancialAccount/ram:IBANID"),
        ),
    ),
    Group(
        "BG-20",
        _SETTLEMENT + _ALLOWANCE,
        (
            ("BT-92", "ram:ActualAmount"),
            ("BT-93", "ram:BasisAmount"),
            ("BT-94", "ram:CalculationPercent"),
            ("BT-95", "ram:CategoryTradeTax/ram:CategoryCode"),
            ("BT-96", "ram:CategoryTradeTax/ram:RateApplicablePercent"),
            ("BT-97", "ram:Reason"),
            ("BT-98", "ram:ReasonCode"),
        ),
    ),
    Group(
        "BG-21",
        _SETTLEMENT + _CHARGE,
        (
            ("BT-99", "ram:ActualAmount"),
            ("BT-100", "ram:BasisAmount"),
            ("BT-101", "ram:CalculationPercent"),
            ("BT-102", "ram:CategoryTradeTax/ram:CategoryCode"),
            ("BT-103", "ram:CategoryTradeTax/ram:RateApplicablePercent"),
            ("BT-104", "ram:Reason"),
            ("BT-105", "ram:ReasonCode"),
        ),
    ),
    Group(
        "BG-23",
        _SETTLEMENT + "ram:ApplicableTradeTax",
        (
            ("BT-116", "ram:BasisAmount"),
            ("BT-117", "ram:CalculatedAmount"),
            ("BT-118", "ram:CategoryCode"),
            ("BT-119", "ram:RateApplicablePercent"),
            ("BT-120", "ram:ExemptionReason"),
            ("BT-121", "ram:ExemptionReasonCode"),
        ),
    ),
    Group(
        "BG-24",
        _REFERENCED + "[ram:TypeCode = '916']",
        (
            ("BT-122", "ram:IssuerAssignedID"),
            ("BT-123", "ram:Name"),
            ("BT-124", "ram:URIID"),
        ),
    ),
    Group(
        "BG-25",
        _LINE,
        (
            ("BT-126", "ram:AssociatedDocumentLineDocument/ram:LineID"),
            ("BT-127", "ram:AssociatedDocumentLineDocument/ram:IncludedNote/ram:Content"),
            (
                "BT-128",
                _LINE_SETTLEMENT
                + "ram:AdditionalReferencedDocument[ram:TypeCode = '130']/ram:IssuerAssignedID",
            ),
            ("BT-129", "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity"),
            ("BT-130", "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity/@unitCode"),
            (
                "BT-131",
                _LINE_SETTLEMENT
                + "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
            ),
            ("BT-132", _LINE_DEAL + "ram:BuyerOrderReferencedDocument/ram:LineID"),
            (
                "BT-133",
                _LINE_SETTLEMENT + "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID",
            ),
            (
                "BT-134",
                _LINE_SETTLEMENT + "ram:BillingSpecifiedPeriod/ram:StartDateTime" + _DAY,
            ),
            ("BT-135", _LINE_SETTLEMENT + "ram:BillingSpecifiedPeriod/ram:EndDateTime" + _DAY),
            ("BT-146", _NET + "ram:ChargeAmount"),
            ("BT-147", _GROSS + "ram:AppliedTradeAllowanceCharge/ram:ActualAmount"),
            ("BT-148", _GROSS + "ram:ChargeAmount"),
            ("BT-149", _NET + "ram:BasisQuantity"),
            ("BT-150", _NET + "ram:BasisQuantity/@unitCode"),
            ("BT-151", _LINE_SETTLEMENT + "ram:ApplicableTradeTax/ram:CategoryCode"),
            ("BT-152", _LINE_SETTLEMENT + "ram:ApplicableTradeTax/ram:RateApplicablePercent"),
            ("BT-153", _ITEM + "ram:Name"),
            ("BT-154", _ITEM + "ram:Description"),
            ("BT-155", _ITEM + "ram:SellerAssignedID"),
            ("BT-156", _ITEM + "ram:BuyerAssignedID"),
            ("BT-157", _ITEM + "ram:GlobalID"),
            ("BT-158", _ITEM + "ram:DesignatedProductClassification/ram:ClassCode"),
            ("BT-159", _ITEM + "ram:OriginTradeCountry/ram:ID"),
        ),
    ),
    Group(
        "BG-27",
        f"{_LINE}/{_LINE_SETTLEMENT}{_ALLOWANCE}",
        (
            ("BT-136", "ram:ActualAmount"),
            ("BT-137", "ram:BasisAmount"),
            ("BT-138", "ram:CalculationPercent"),
            ("BT-139", "ram:Reason"),
            ("BT-140", "ram:ReasonCode"),
        ),
        within="BG-25",
    ),
    Group(
        "BG-28",
        f"{_LINE}/{_LINE_SETTLEMENT}{_CHARGE}",
        (
            ("BT-141", "ram:ActualAmount"),
            ("BT-142", "ram:BasisAmount"),
            ("BT-143", "ram:CalculationPercent"),
            ("BT-144", "ram:Reason"),
            ("BT-145", "ram:ReasonCode"),
        ),
        within="BG-25",
    ),
    Group(
        "BG-32",
        f"{_LINE}/{_ITEM}ram:ApplicableProductCharacteristic",
        (("BT-160", "ram:Description"), ("BT-161", "ram:Value")),
        within="BG-25",
    ),
)

TABLE = Table(
    NAMESPACES,
    (
        Row("number", "BT-1", (_DOCUMENT + "ram:ID",)),
        Row(
            "issue_date",
            "BT-2",
            (_DOCUMENT + "ram:IssueDateTime/udt:DateTimeString[@format='102']",),
        ),
        Row("type_code", "BT-3", (_DOCUMENT + "ram:TypeCode",)),
        Row("currency", "BT-5", (_SETTLEMENT + "ram:InvoiceCurrencyCode",)),
        Row(
            "frame",
            "BT-23",
            (_CONTEXT + "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",),
        ),
        Row(
            "customization",
            "BT-24",
            (_CONTEXT + "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID",),
        ),
        Row(
            "order_reference",
            "BT-13",
            (_AGREEMENT + "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID",),
        ),
        Row("seller_name", "BT-27", (_SELLER + "ram:Name",)),
        Row("seller_siret", "BT-29", (_SELLER + _SIRET, _SELLER + _BARE_SIRET)),
        Row("seller_siren", "BT-30", (_SELLER + _SIREN,)),
        Row(
            "seller_vat",
            "BT-31",
            (_SELLER + _VAT,),
        ),
        Row("seller_country", "BT-40", (_SELLER + "ram:PostalTradeAddress/ram:CountryID",)),
        Row("buyer_name", "BT-44", (_BUYER + "ram:Name",)),
        Row("buyer_siret", "BT-46", (_BUYER + _SIRET, _BUYER + _BARE_SIRET)),
        Row("buyer_service", "BT-46", (_BUYER + "ram:GlobalID[@schemeID='0224']",)),
        Row("buyer_siren", "BT-47", (_BUYER + _SIREN,)),
        Row("buyer_endpoint", "BT-49", (_ENDPOINT,)),
        Row("buyer_endpoint_scheme", "BT-49-1", (_ENDPOINT + "/@schemeID",)),
        Row("total_without_vat", "BT-109", (_TOTALS + "ram:TaxBasisTotalAmount",)),
        Row("total_with_vat", "BT-112", (_TOTALS + "ram:GrandTotalAmount",)),
        Row("amount_due", "BT-115", (_TOTALS + "ram:DuePayableAmount",)),
    ),
    GROUPS,
)


def read_header(root: etree._Element) -> RoutingHeader:
    """Read the routing header of a CrossIndustryInvoice; see `Table.read_header`."""
    return TABLE.read_header(root)


def term_of(path: str) -> str | None:
    """Return the business term at a path of a CrossIndustryInvoice, if there is one.

    >>> term_of("/rsm:CrossIndustryInvoice/rsm:ExchangedDocument/ram:TypeCode")
    'BT-3'
    """
    return TABLE.term_of(path)
