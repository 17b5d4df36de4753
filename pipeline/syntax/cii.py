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
from pipeline.syntax.table import Row, Table

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
            (_SELLER + "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']",),
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
