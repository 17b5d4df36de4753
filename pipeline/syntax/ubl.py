"""UBL 2.1 Invoice and CreditNote: which element holds which business term.

Source:
    EN 16931-3-2 (the names of the terms); for SIRET, SIREN and service the schemes 0009,
    0002 and 0224 of ISO 6523 as XP Z12-012 uses them. Historical Chorus Pro files give a
    SIRET without a scheme, or with ``schemeName="1"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lxml import etree

from pipeline.model.report import RoutingHeader
from pipeline.syntax.table import Group, Row, Table

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd:"

INVOICE = _OASIS + "Invoice-2"
CREDIT_NOTE = _OASIS + "CreditNote-2"
CAC = _OASIS + "CommonAggregateComponents-2"
CBC = _OASIS + "CommonBasicComponents-2"

#: Prefixes of the paths below.
NAMESPACES: Mapping[str, str] = MappingProxyType({"cac": CAC, "cbc": CBC})

#: The element that holds an attachment's bytes (BT-125), as a Clark name.
ATTACHMENT = f"{{{CBC}}}EmbeddedDocumentBinaryObject"

_SELLER = "cac:AccountingSupplierParty/cac:Party/"
_BUYER = "cac:AccountingCustomerParty/cac:Party/"
_TOTALS = "cac:LegalMonetaryTotal/"
_SIRET = "cac:PartyIdentification/cbc:ID[@schemeID='0009']"
_BARE_SIRET = (
    "cac:PartyIdentification/cbc:ID[(not(@schemeID) or @schemeName='1')"
    " and string-length(normalize-space()) = 14"
    " and translate(normalize-space(), '0123456789', '') = '']"
)
_SERVICE = "cac:PartyIdentification/cbc:ID[@schemeID='0224']"
_SIREN = "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0002']"
_LEGAL_NAME = "cac:PartyLegalEntity/cbc:RegistrationName"
#: Stands in for the legal name in historical files; beside one it is BT-28 or BT-45.
_TRADE_NAME = "cac:PartyName/cbc:Name[not(../../cac:PartyLegalEntity/cbc:RegistrationName)]"
_VAT = "cac:PartyTaxScheme[normalize-space(cac:TaxScheme/cbc:ID) = 'VAT']/cbc:CompanyID"

_ADDRESS = "cac:PostalAddress/"
_PAYEE = "cac:PayeeParty/"
_AGENT = "cac:TaxRepresentativeParty/"
_DELIVERY = "cac:Delivery/"
_PLACE = _DELIVERY + "cac:DeliveryLocation/cac:Address/"
_LINE = "cac:InvoiceLine | cac:CreditNoteLine"
_OTHER_TAX = "cac:PartyTaxScheme[normalize-space(cac:TaxScheme/cbc:ID) != 'VAT']/cbc:CompanyID"
_ALLOWANCE = "cac:AllowanceCharge[cbc:ChargeIndicator = 'false' or cbc:ChargeIndicator = '0']"
_CHARGE = "cac:AllowanceCharge[cbc:ChargeIndicator = 'true' or cbc:ChargeIndicator = '1']"

#: Every term that is no field of the header, group by group.
GROUPS = (
    Group(
        "",
        ".",
        (
            ("BT-6", "cbc:TaxCurrencyCode"),
            ("BT-7", "cbc:TaxPointDate"),
            ("BT-8", "cac:InvoicePeriod/cbc:DescriptionCode"),
            ("BT-9", "cbc:DueDate | cac:PaymentMeans/cbc:PaymentDueDate"),
            ("BT-10", "cbc:BuyerReference"),
            ("BT-11", "cac:ProjectReference/cbc:ID"),
            ("BT-12", "cac:ContractDocumentReference/cbc:ID"),
            ("BT-14", "cac:OrderReference/cbc:SalesOrderID"),
            ("BT-15", "cac:ReceiptDocumentReference/cbc:ID"),
            ("BT-16", "cac:DespatchDocumentReference/cbc:ID"),
            ("BT-17", "cac:OriginatorDocumentReference/cbc:ID"),
            ("BT-18", "cac:AdditionalDocumentReference[cbc:DocumentTypeCode = '130']/cbc:ID"),
            ("BT-19", "cbc:AccountingCost"),
            ("BT-20", "cac:PaymentTerms/cbc:Note"),
            ("BT-22", "cbc:Note"),
            ("BT-28", _SELLER + "cac:PartyName/cbc:Name"),
            ("BT-32", _SELLER + _OTHER_TAX),
            ("BT-33", _SELLER + "cac:PartyLegalEntity/cbc:CompanyLegalForm"),
            ("BT-34", _SELLER + "cbc:EndpointID"),
            ("BT-34-1", _SELLER + "cbc:EndpointID/@schemeID"),
            ("BT-35", _SELLER + _ADDRESS + "cbc:StreetName"),
            ("BT-36", _SELLER + _ADDRESS + "cbc:AdditionalStreetName"),
            ("BT-37", _SELLER + _ADDRESS + "cbc:CityName"),
            ("BT-38", _SELLER + _ADDRESS + "cbc:PostalZone"),
            ("BT-39", _SELLER + _ADDRESS + "cbc:CountrySubentity"),
            ("BT-41", _SELLER + "cac:Contact/cbc:Name"),
            ("BT-42", _SELLER + "cac:Contact/cbc:Telephone"),
            ("BT-43", _SELLER + "cac:Contact/cbc:ElectronicMail"),
            ("BT-45", _BUYER + "cac:PartyName/cbc:Name"),
            ("BT-48", _BUYER + _VAT),
            ("BT-50", _BUYER + _ADDRESS + "cbc:StreetName"),
            ("BT-51", _BUYER + _ADDRESS + "cbc:AdditionalStreetName"),
            ("BT-52", _BUYER + _ADDRESS + "cbc:CityName"),
            ("BT-53", _BUYER + _ADDRESS + "cbc:PostalZone"),
            ("BT-54", _BUYER + _ADDRESS + "cbc:CountrySubentity"),
            ("BT-55", _BUYER + _ADDRESS + "cac:Country/cbc:IdentificationCode"),
            ("BT-56", _BUYER + "cac:Contact/cbc:Name"),
            ("BT-57", _BUYER + "cac:Contact/cbc:Telephone"),
            ("BT-58", _BUYER + "cac:Contact/cbc:ElectronicMail"),
            ("BT-59", _PAYEE + "cac:PartyName/cbc:Name"),
            ("BT-60", _PAYEE + "cac:PartyIdentification/cbc:ID"),
            ("BT-61", _PAYEE + "cac:PartyLegalEntity/cbc:CompanyID"),
            ("BT-62", _AGENT + "cac:PartyName/cbc:Name"),
            ("BT-63", _AGENT + "cac:PartyTaxScheme/cbc:CompanyID"),
            ("BT-64", _AGENT + _ADDRESS + "cbc:StreetName"),
            ("BT-65", _AGENT + _ADDRESS + "cbc:AdditionalStreetName"),
            ("BT-66", _AGENT + _ADDRESS + "cbc:CityName"),
            ("BT-67", _AGENT + _ADDRESS + "cbc:PostalZone"),
            ("BT-68", _AGENT + _ADDRESS + "cbc:CountrySubentity"),
            ("BT-69", _AGENT + _ADDRESS + "cac:Country/cbc:IdentificationCode"),
            ("BT-70", _DELIVERY + "cac:DeliveryParty/cac:PartyName/cbc:Name"),
            ("BT-71", _DELIVERY + "cac:DeliveryLocation/cbc:ID"),
            ("BT-72", _DELIVERY + "cbc:ActualDeliveryDate"),
            ("BT-73", "cac:InvoicePeriod/cbc:StartDate"),
            ("BT-74", "cac:InvoicePeriod/cbc:EndDate"),
            ("BT-75", _PLACE + "cbc:StreetName"),
            ("BT-76", _PLACE + "cbc:AdditionalStreetName"),
            ("BT-77", _PLACE + "cbc:CityName"),
            ("BT-78", _PLACE + "cbc:PostalZone"),
            ("BT-79", _PLACE + "cbc:CountrySubentity"),
            ("BT-80", _PLACE + "cac:Country/cbc:IdentificationCode"),
            ("BT-106", _TOTALS + "cbc:LineExtensionAmount"),
            ("BT-107", _TOTALS + "cbc:AllowanceTotalAmount"),
            ("BT-108", _TOTALS + "cbc:ChargeTotalAmount"),
            (
                "BT-110",
                "cac:TaxTotal/cbc:TaxAmount[@currencyID = ../../cbc:DocumentCurrencyCode]",
            ),
            ("BT-111", "cac:TaxTotal/cbc:TaxAmount[@currencyID = ../../cbc:TaxCurrencyCode]"),
            ("BT-113", _TOTALS + "cbc:PrepaidAmount"),
            ("BT-114", _TOTALS + "cbc:PayableRoundingAmount"),
        ),
    ),
    Group(
        "BG-3",
        "cac:BillingReference/cac:InvoiceDocumentReference",
        (("BT-25", "cbc:ID"), ("BT-26", "cbc:IssueDate")),
    ),
    Group(
        "BG-16",
        "cac:PaymentMeans",
        (
            ("BT-81", "cbc:PaymentMeansCode"),
            ("BT-82", "cbc:PaymentMeansCode/@name"),
            ("BT-83", "cbc:PaymentID"),
            ("BT-84", "cac:PayeeFinancialAccount/cbc:ID"),
            ("BT-85", "cac:PayeeFinancialAccount/cbc:Name"),
            ("BT-86", "cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cbc:ID"),
            ("BT-87", "cac:CardAccount/cbc:PrimaryAccountNumberID"),
            ("BT-88", "cac:CardAccount/cbc:HolderName"),
            ("BT-89", "cac:PaymentMandate/cbc:ID"),
            ("BT-91", "cac:PaymentMandate/cac:PayerFinancialAccount/cbc:ID"),
        ),
    ),
    Group(
        "BG-20",
        _ALLOWANCE,
        (
            ("BT-92", "cbc:Amount"),
            ("BT-93", "cbc:BaseAmount"),
            ("BT-94", "cbc:MultiplierFactorNumeric"),
            ("BT-95", "cac:TaxCategory/cbc:ID"),
            ("BT-96", "cac:TaxCategory/cbc:Percent"),
            ("BT-97", "cbc:AllowanceChargeReason"),
            ("BT-98", "cbc:AllowanceChargeReasonCode"),
        ),
    ),
    Group(
        "BG-21",
        _CHARGE,
        (
            ("BT-99", "cbc:Amount"),
            ("BT-100", "cbc:BaseAmount"),
            ("BT-101", "cbc:MultiplierFactorNumeric"),
            ("BT-102", "cac:TaxCategory/cbc:ID"),
            ("BT-103", "cac:TaxCategory/cbc:Percent"),
            ("BT-104", "cbc:AllowanceChargeReason"),
            ("BT-105", "cbc:AllowanceChargeReasonCode"),
        ),
    ),
    Group(
        "BG-23",
        "cac:TaxTotal/cac:TaxSubtotal",
        (
            ("BT-116", "cbc:TaxableAmount"),
            ("BT-117", "cbc:TaxAmount"),
            ("BT-118", "cac:TaxCategory/cbc:ID"),
            ("BT-119", "cac:TaxCategory/cbc:Percent"),
            ("BT-120", "cac:TaxCategory/cbc:TaxExemptionReason"),
            ("BT-121", "cac:TaxCategory/cbc:TaxExemptionReasonCode"),
        ),
    ),
    Group(
        "BG-24",
        "cac:AdditionalDocumentReference[not(cbc:DocumentTypeCode = '130')]",
        (
            ("BT-122", "cbc:ID"),
            ("BT-123", "cbc:DocumentDescription"),
            ("BT-124", "cac:Attachment/cac:ExternalReference/cbc:URI"),
        ),
    ),
    Group(
        "BG-25",
        _LINE,
        (
            ("BT-126", "cbc:ID"),
            ("BT-127", "cbc:Note"),
            ("BT-128", "cac:DocumentReference/cbc:ID"),
            ("BT-129", "cbc:InvoicedQuantity | cbc:CreditedQuantity"),
            ("BT-130", "cbc:InvoicedQuantity/@unitCode | cbc:CreditedQuantity/@unitCode"),
            ("BT-131", "cbc:LineExtensionAmount"),
            ("BT-132", "cac:OrderLineReference/cbc:LineID"),
            ("BT-133", "cbc:AccountingCost"),
            ("BT-134", "cac:InvoicePeriod/cbc:StartDate"),
            ("BT-135", "cac:InvoicePeriod/cbc:EndDate"),
            ("BT-146", "cac:Price/cbc:PriceAmount"),
            ("BT-147", "cac:Price/cac:AllowanceCharge/cbc:Amount"),
            ("BT-148", "cac:Price/cac:AllowanceCharge/cbc:BaseAmount"),
            ("BT-149", "cac:Price/cbc:BaseQuantity"),
            ("BT-150", "cac:Price/cbc:BaseQuantity/@unitCode"),
            ("BT-151", "cac:Item/cac:ClassifiedTaxCategory/cbc:ID"),
            ("BT-152", "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent"),
            ("BT-153", "cac:Item/cbc:Name"),
            ("BT-154", "cac:Item/cbc:Description"),
            ("BT-155", "cac:Item/cac:SellersItemIdentification/cbc:ID"),
            ("BT-156", "cac:Item/cac:BuyersItemIdentification/cbc:ID"),
            ("BT-157", "cac:Item/cac:StandardItemIdentification/cbc:ID"),
            ("BT-158", "cac:Item/cac:CommodityClassification/cbc:ItemClassificationCode"),
            ("BT-159", "cac:Item/cac:OriginCountry/cbc:IdentificationCode"),
        ),
    ),
    Group(
        "BG-27",
        f"(cac:InvoiceLine | cac:CreditNoteLine)/{_ALLOWANCE}",
        (
            ("BT-136", "cbc:Amount"),
            ("BT-137", "cbc:BaseAmount"),
            ("BT-138", "cbc:MultiplierFactorNumeric"),
            ("BT-139", "cbc:AllowanceChargeReason"),
            ("BT-140", "cbc:AllowanceChargeReasonCode"),
        ),
        within="BG-25",
    ),
    Group(
        "BG-28",
        f"(cac:InvoiceLine | cac:CreditNoteLine)/{_CHARGE}",
        (
            ("BT-141", "cbc:Amount"),
            ("BT-142", "cbc:BaseAmount"),
            ("BT-143", "cbc:MultiplierFactorNumeric"),
            ("BT-144", "cbc:AllowanceChargeReason"),
            ("BT-145", "cbc:AllowanceChargeReasonCode"),
        ),
        within="BG-25",
    ),
    Group(
        "BG-32",
        "(cac:InvoiceLine | cac:CreditNoteLine)/cac:Item/cac:AdditionalItemProperty",
        (("BT-160", "cbc:Name"), ("BT-161", "cbc:Value")),
        within="BG-25",
    ),
)

TABLE = Table(
    NAMESPACES,
    (
        Row("number", "BT-1", ("cbc:ID",)),
        Row("issue_date", "BT-2", ("cbc:IssueDate",)),
        Row("type_code", "BT-3", ("cbc:InvoiceTypeCode", "cbc:CreditNoteTypeCode")),
        Row("currency", "BT-5", ("cbc:DocumentCurrencyCode",)),
        Row("frame", "BT-23", ("cbc:ProfileID",)),
        Row("customization", "BT-24", ("cbc:CustomizationID",)),
        Row("order_reference", "BT-13", ("cac:OrderReference/cbc:ID",)),
        Row("seller_name", "BT-27", (_SELLER + _LEGAL_NAME, _SELLER + _TRADE_NAME)),
        Row("seller_siret", "BT-29", (_SELLER + _SIRET, _SELLER + _BARE_SIRET)),
        Row("seller_siren", "BT-30", (_SELLER + _SIREN,)),
        Row("seller_vat", "BT-31", (_SELLER + _VAT,)),
        Row(
            "seller_country",
            "BT-40",
            (_SELLER + "cac:PostalAddress/cac:Country/cbc:IdentificationCode",),
        ),
        Row("buyer_name", "BT-44", (_BUYER + _LEGAL_NAME, _BUYER + _TRADE_NAME)),
        Row("buyer_siret", "BT-46", (_BUYER + _SIRET, _BUYER + _BARE_SIRET)),
        Row("buyer_service", "BT-46", (_BUYER + _SERVICE,)),
        Row("buyer_siren", "BT-47", (_BUYER + _SIREN,)),
        Row("buyer_endpoint", "BT-49", (_BUYER + "cbc:EndpointID",)),
        Row("buyer_endpoint_scheme", "BT-49-1", (_BUYER + "cbc:EndpointID/@schemeID",)),
        Row("total_without_vat", "BT-109", (_TOTALS + "cbc:TaxExclusiveAmount",)),
        Row("total_with_vat", "BT-112", (_TOTALS + "cbc:TaxInclusiveAmount",)),
        Row("amount_due", "BT-115", (_TOTALS + "cbc:PayableAmount",)),
    ),
    GROUPS,
)


def read_header(root: etree._Element) -> RoutingHeader:
    """Read the routing header of an Invoice or CreditNote; see `Table.read_header`."""
    return TABLE.read_header(root)


def term_of(path: str) -> str | None:
    """Return the business term at a path of an Invoice or CreditNote, if there is one.

    >>> term_of("/ubl:Invoice/cac:LegalMonetaryTotal[1]/cbc:PayableAmount[1]")
    'BT-115'
    >>> term_of("/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID")
    """
    return TABLE.term_of(path)
