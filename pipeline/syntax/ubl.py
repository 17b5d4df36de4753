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
from pipeline.syntax.table import Row, Table

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
