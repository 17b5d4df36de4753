"""UBL 2.1 Invoice and CreditNote: which element holds which business term.

Source:
    EN 16931-3-2 (the names of the terms); the rule packs BR-FR-Flux 2 and EXTENDED-CTC-FR for
    those of the extension; for SIRET, SIREN and service the schemes 0009, 0002 and 0224 of
    ISO 6523 as XP Z12-012 uses them. Historical Chorus Pro files give a SIRET without a scheme,
    or with ``schemeName="1"``. The order is that of the OASIS schemas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from lxml import etree

from pipeline.model.amount import exact_sum
from pipeline.model.conversion import Reading, Written
from pipeline.model.invoice import Invoice, LineKind, Note, Payment, VatCategory, VatPoint
from pipeline.model.report import RoutingHeader
from pipeline.model.terms import TERM_AT, Kind
from pipeline.syntax import reading, writing
from pipeline.syntax.paths import CAC, CBC, CREDIT_NOTE, INVOICE, XSI, Element
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
from pipeline.syntax.values import BASE64, DATE, NUMBER, TEXT, Form, codes_of

__all__ = [
    "ATTACHMENT",
    "CAC",
    "CBC",
    "CREDIT_NOTE",
    "INVOICE",
    "NAMESPACES",
    "TABLE",
    "read_header",
    "read_invoice",
    "term_of",
    "write_invoice",
]

#: Prefixes of the paths below.
NAMESPACES: Mapping[str, str] = MappingProxyType({"cac": CAC, "cbc": CBC})

_BINARY = "EmbeddedDocumentBinaryObject"
#: The element that holds an attachment's bytes (BT-125), as a Clark name.
ATTACHMENT = f"{{{CBC}}}{_BINARY}"

#: Types of document (BT-3) that UBL writes as a CreditNote; every other is an Invoice (BR-CL-01).
CREDITS = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)

#: What the schema is given where it demands a reference that the invoice does not have.
_NONE = "NA"
#: "Instrument not defined" (UNCL 4461): what stands for a missing way of paying.
_UNDEFINED = "1"
_SEPA = "SEPA"

_SUBJECT = re.compile(r"#(?P<subject>[A-Z]{3})#(?P<text>.*)", re.DOTALL)


def _read_note(text: str) -> Mapping[str, str]:
    """Read the fields of a note; BT-21 stands between two hashes at its beginning.

    >>> _read_note("#AAB#Pas d'escompte"), _read_note("C# or F#")
    ({'subject': 'AAB', 'text': "Pas d'escompte"}, {'text': 'C# or F#'})
    """
    found = _SUBJECT.fullmatch(text)
    if found is None:
        return {"text": text}
    return {name: part.strip() for name, part in found.groupdict().items() if part.strip()}


def _write_note(note: Note) -> str:
    subject = f"#{note.subject}#" if note.subject else ""
    return f"{subject}{note.text or ''}"


def _is_faithful(note: Note) -> bool:
    """Tell whether a note without a subject does not begin like one that has one."""
    fields = {"subject": note.subject, "text": note.text}
    return _read_note(_write_note(note)) == {
        name: text for name, text in fields.items() if text is not None
    }


_NOTE = Form(_read_note, _write_note, "une note", "a note", safe=False, faithful=_is_faithful)


def _is_credit(value: object, invoice: Invoice) -> bool:  # noqa: ARG001  # a condition's signature
    return invoice.type_code in CREDITS


def _pays_seller(value: object, invoice: Invoice) -> bool:  # noqa: ARG001  # a condition's signature
    return invoice.payee is None


def _pays_another(value: object, invoice: Invoice) -> bool:  # noqa: ARG001  # a condition's signature
    return invoice.payee is not None


def _address(of: str, path: str) -> tuple[Entry, ...]:
    address = f"{of}.address"
    return (
        Part(
            path=path,
            of=(
                *row_at(f"{address}.line_1", "cbc:StreetName"),
                *row_at(f"{address}.line_2", "cbc:AdditionalStreetName"),
                *row_at(f"{address}.city", "cbc:CityName"),
                *row_at(f"{address}.postcode", "cbc:PostalZone"),
                *row_at(f"{address}.subdivision", "cbc:CountrySubentity"),
                *row_at(f"{address}.line_3", "cac:AddressLine/cbc:Line"),
                *row_at(f"{address}.country", "cac:Country/cbc:IdentificationCode"),
            ),
        ),
    )


def _identification(of: str, *inside: Entry) -> tuple[Entry, ...]:
    value = f"{of}.identifiers.value"
    if value not in TERM_AT:
        return ()
    return (
        Part(
            term=TERM_AT[value],
            path="cac:PartyIdentification",
            of=(*row_at(value, "cbc:ID"), *row_at(f"{of}.identifiers.scheme", "cbc:ID/@schemeID")),
        ),
        *inside,
    )


def _creditor(when: Callable[[object, Invoice], bool]) -> Part:
    """Return BT-90, which UBL writes among the identifiers of whoever is paid."""
    return Part(
        path="cac:PartyIdentification",
        of=(
            Row(term="BT-90", path="cbc:ID", when=when, among=is_direct_debit),
            Fixed(path="cbc:ID/@schemeID", value=_SEPA, tells=True),
        ),
    )


def _tax_scheme(of: str) -> tuple[Entry, ...]:
    scheme = "cac:TaxScheme/cbc:ID"
    vat, other = row_at(f"{of}.vat_id", "cbc:CompanyID"), row_at(f"{of}.tax_id", "cbc:CompanyID")
    told = Fixed(path=scheme, value="VAT", tells=True)
    free = Fixed(path=scheme, value="FC", any=True)
    return tuple(
        Part(path="cac:PartyTaxScheme", of=(*rows, fixed))
        for rows, fixed in ((vat, told), (other, free))
        if rows
    )


def _contacts(of: str) -> tuple[Entry, ...]:
    contacts = f"{of}.contacts"
    if contacts not in TERM_AT:
        return ()
    return (
        Part(
            term=TERM_AT[contacts],
            path="cac:Contact",
            most=1,
            of=(
                *row_at(f"{contacts}.name", "cbc:Name"),
                *row_at(f"{contacts}.phone", "cbc:Telephone"),
                *row_at(f"{contacts}.email", "cbc:ElectronicMail"),
            ),
        ),
    )


def _party(of: str, *identified: Entry, legal: bool = True) -> tuple[Entry, ...]:
    """Return what stands in the party that the field `of` of the model holds.

    Args:
        of: Path of the party in the model.
        identified: What else stands among its identifiers.
        legal: Whether its name (BT-27 …) is that of a legal entity, beside which the trading
            name stands; else it is the only one.
    """
    name = row_at(f"{of}.{'trading_name' if legal else 'name'}", "cac:PartyName/cbc:Name")
    registered = row_at(f"{of}.name", "cbc:RegistrationName") if legal else ()
    return (
        *row_at(f"{of}.endpoint.value", "cbc:EndpointID"),
        *row_at(f"{of}.endpoint.scheme", "cbc:EndpointID/@schemeID"),
        *row_at(f"{of}.role", "cbc:IndustryClassificationCode"),
        *_identification(of, *identified),
        *name,
        *_address(of, "cac:PostalAddress"),
        *_tax_scheme(of),
        Part(
            path="cac:PartyLegalEntity",
            of=(
                *registered,
                *row_at(f"{of}.legal_id.value", "cbc:CompanyID"),
                *row_at(f"{of}.legal_id.scheme", "cbc:CompanyID/@schemeID"),
                *row_at(f"{of}.legal_form", "cbc:CompanyLegalForm"),
            ),
        ),
        *_contacts(of),
    )


def _delivery(of: str) -> Part:
    return Part(
        path="cac:Delivery",
        of=(
            *row_at(f"{of}.on", "cbc:ActualDeliveryDate"),
            Part(
                path="cac:DeliveryLocation",
                of=(
                    Part(
                        term=TERM_AT[f"{of}.to.identifiers.value"],
                        path="cbc:ID",
                        most=1,
                        of=(
                            *row_at(f"{of}.to.identifiers.value", "."),
                            *row_at(f"{of}.to.identifiers.scheme", "@schemeID"),
                        ),
                    ),
                    *_address(f"{of}.to", "cac:Address"),
                ),
            ),
            *row_at(f"{of}.to.name", "cac:DeliveryParty/cac:PartyName/cbc:Name"),
        ),
    )


def _delivery_terms(of: str) -> Part:
    return Part(
        path="cac:DeliveryTerms",
        of=(
            *row_at(f"{of}.code", "cbc:ID"),
            *row_at(f"{of}.place", "cac:DeliveryLocation/cbc:Name"),
        ),
    )


def _tax_category(path: str, of: str, category: str, rate: str) -> Part:
    return Part(
        path=path,
        of=(
            *row_at(f"{of}.{category}", "cbc:ID"),
            *row_at(f"{of}.{rate}", "cbc:Percent"),
            *row_at(f"{of}.exemption_code", "cbc:TaxExemptionReasonCode"),
            *row_at(f"{of}.exemption", "cbc:TaxExemptionReason"),
            Fixed(path="cac:TaxScheme/cbc:ID", value="VAT"),
        ),
    )


def _adjustment(of: str, *, charge: bool) -> Part:
    told = ("true", "1") if charge else ("false", "0")
    taxed = f"{of}.vat_category" in TERM_AT
    return Part(
        term=TERM_AT[of],
        path="cac:AllowanceCharge",
        of=(
            Fixed(path="cbc:ChargeIndicator", value=told[0], also=told[1:], tells=True),
            *row_at(f"{of}.reason_code", "cbc:AllowanceChargeReasonCode"),
            *row_at(f"{of}.reason", "cbc:AllowanceChargeReason"),
            *row_at(f"{of}.percent", "cbc:MultiplierFactorNumeric"),
            *row_at(f"{of}.amount", "cbc:Amount"),
            *row_at(f"{of}.base", "cbc:BaseAmount"),
            *(
                (_tax_category("cac:TaxCategory", of, "vat_category", "vat_rate"),)
                if taxed
                else ()
            ),
        ),
    )


def _in_currency(of: str, *inside: Entry) -> Part:
    """Return the tax total that is in the currency of a term."""
    also = (None,) if of == "BT-5" else ()
    told = Fixed(path="cbc:TaxAmount/@currencyID", value=Of(of), also=also, tells=True)
    return Part(path="cac:TaxTotal", of=(*inside, told))


_LINE = (
    Row(term="BT-126", path="cbc:ID"),
    Row(term="BT-127-00", path="cbc:Note", form=_NOTE, bears="BT-127", via="notes"),
    Row(term="BT-129", path="cbc:InvoicedQuantity|cbc:CreditedQuantity"),
    Row(term="BT-130", path="cbc:InvoicedQuantity/@unitCode|cbc:CreditedQuantity/@unitCode"),
    Row(term="BT-131", path="cbc:LineExtensionAmount"),
    Row(term="BT-133", path="cbc:AccountingCost"),
    Row(term="BT-134", path="cac:InvoicePeriod/cbc:StartDate"),
    Row(term="BT-135", path="cac:InvoicePeriod/cbc:EndDate"),
    Part(
        path="cac:OrderLineReference",
        of=(
            Row(term="BT-132", path="cbc:LineID", stand_in=_NONE),
            Row(term="EXT-FR-FE-145", path="cbc:SalesOrderLineID"),
            Part(
                path="cac:OrderReference",
                of=(
                    Row(term="EXT-FR-FE-135", path="cbc:ID", stand_in=_NONE),
                    Row(term="EXT-FR-FE-144", path="cbc:SalesOrderID"),
                    Row(term="EXT-FR-FE-200", path="cbc:IssueDate"),
                ),
            ),
        ),
    ),
    Part(
        path="cac:DespatchLineReference",
        of=(
            Row(term="EXT-FR-FE-141", path="cbc:LineID", stand_in=_NONE),
            Row(term="EXT-FR-FE-140", path="cac:DocumentReference/cbc:ID"),
        ),
    ),
    Part(
        path="cac:ReceiptLineReference",
        of=(
            Row(term="EXT-FR-FE-143", path="cbc:LineID", stand_in=_NONE),
            Row(term="EXT-FR-FE-142", path="cac:DocumentReference/cbc:ID"),
        ),
    ),
    # One that refers to this very invoice says what kind of line it is, and of which a part.
    Part(
        path="cac:BillingReference",
        of=(
            Fixed(path="cac:InvoiceDocumentReference/cbc:ID", value=Of("BT-1"), tells=True),
            Row(term="EXT-FR-FE-163", path="cac:InvoiceDocumentReference/cbc:DocumentStatusCode"),
            Row(term="EXT-FR-FE-162", path="cac:BillingReferenceLine/cbc:ID"),
        ),
    ),
    Part(
        term="EXT-FR-FE-BG-06",
        path="cac:BillingReference",
        of=(
            Row(term="EXT-FR-FE-136", path="cac:InvoiceDocumentReference/cbc:ID"),
            Row(term="EXT-FR-FE-138", path="cac:InvoiceDocumentReference/cbc:IssueDate"),
            Row(term="EXT-FR-FE-137", path="cac:InvoiceDocumentReference/cbc:DocumentTypeCode"),
            Row(term="EXT-FR-FE-139", path="cac:BillingReferenceLine/cbc:ID"),
        ),
    ),
    Part(
        term="BT-128/further",
        path="cac:DocumentReference",
        via="objects",
        of=(
            Row(term="BT-128/further", path="cbc:ID"),
            Row(term="BT-128-1/further", path="cbc:ID/@schemeID"),
            Fixed(path="cbc:DocumentTypeCode", value="130", also=(None,)),
        ),
    ),
    _delivery("lines.delivery"),
    _adjustment("lines.allowances", charge=False),
    _adjustment("lines.charges", charge=True),
    _in_currency("BT-5", Row(term="EXT-FR-FE-181", path="cbc:TaxAmount")),
    _in_currency("BT-6", Row(term="EXT-FR-FE-182", path="cbc:TaxAmount")),
    Part(
        path="cac:Item",
        always=True,
        of=(
            Row(term="BT-154", path="cbc:Description"),
            Row(term="BT-153", path="cbc:Name"),
            Row(term="BT-156", path="cac:BuyersItemIdentification/cbc:ID"),
            Row(term="BT-155", path="cac:SellersItemIdentification/cbc:ID"),
            Row(term="BT-157", path="cac:StandardItemIdentification/cbc:ID"),
            Row(term="BT-157-1", path="cac:StandardItemIdentification/cbc:ID/@schemeID"),
            Row(term="BT-159", path="cac:OriginCountry/cbc:IdentificationCode"),
            Part(
                term="BT-158",
                path="cac:CommodityClassification",
                of=(
                    Row(term="BT-158", path="cbc:ItemClassificationCode"),
                    Row(term="BT-158-1", path="cbc:ItemClassificationCode/@listID"),
                    Row(term="BT-158-2", path="cbc:ItemClassificationCode/@listVersionID"),
                ),
            ),
            _tax_category("cac:ClassifiedTaxCategory", "lines", "vat_category", "vat_rate"),
            Part(
                term="BG-32",
                path="cac:AdditionalItemProperty",
                of=(
                    Row(term="BT-160", path="cbc:Name", stand_in=_NONE, beside="cbc:NameCode"),
                    Row(term="EXT-FR-FE-159", path="cbc:NameCode"),
                    Row(term="BT-161", path="cbc:Value"),
                    Row(term="EXT-FR-FE-160", path="cbc:ValueQuantity"),
                    Row(term="EXT-FR-FE-161", path="cbc:ValueQuantity/@unitCode"),
                ),
            ),
            Part(path="cac:ManufacturerParty", of=_party("lines.seller")),
        ),
    ),
    Part(
        path="cac:Price",
        of=(
            Row(term="BT-146", path="cbc:PriceAmount"),
            Row(term="BT-149", path="cbc:BaseQuantity"),
            Row(term="BT-150", path="cbc:BaseQuantity/@unitCode"),
            Part(
                path="cac:AllowanceCharge",
                of=(
                    Fixed(path="cbc:ChargeIndicator", value="false", also=("0", None), tells=True),
                    Row(term="EXT-FR-FE-196", path="cbc:AllowanceChargeReasonCode"),
                    Row(term="EXT-FR-FE-195", path="cbc:AllowanceChargeReason"),
                    Row(term="BT-147", path="cbc:Amount", stand_in="0"),
                    Row(term="BT-148", path="cbc:BaseAmount"),
                ),
            ),
        ),
    ),
    _delivery_terms("lines.delivery_terms"),
)

_PAYMENT = (
    Row(term="BT-81", path="cbc:PaymentMeansCode", stand_in=_UNDEFINED, keeps=True),
    Row(term="BT-82", path="cbc:PaymentMeansCode/@name"),
    Row(term="BT-9", path="cbc:PaymentDueDate", when=_is_credit),
    Row(term="BT-83", path="cbc:PaymentID"),
    Part(
        path="cac:CardAccount",
        of=(
            Row(term="BT-87", path="cbc:PrimaryAccountNumberID", stand_in=_NONE),
            Fixed(path="cbc:NetworkID", value=_NONE, any=True),
            Row(term="BT-88", path="cbc:HolderName"),
        ),
    ),
    Part(
        path="cac:PayeeFinancialAccount",
        of=(
            Row(term="BT-84", path="cbc:ID"),
            Row(term="BT-85", path="cbc:Name"),
            Row(term="BT-86", path="cac:FinancialInstitutionBranch/cbc:ID"),
        ),
    ),
    Part(
        path="cac:PaymentMandate",
        of=(
            Row(term="BT-89", path="cbc:ID"),
            Part(path="cac:PayerParty", first=True, of=_party("payer")),
            Row(term="BT-91", path="cac:PayerFinancialAccount/cbc:ID"),
        ),
    ),
)

_ENTRIES: tuple[Entry, ...] = (
    Row(term="BT-24", path="cbc:CustomizationID"),
    Row(term="BT-23", path="cbc:ProfileID"),
    Row(term="BT-1", path="cbc:ID"),
    Row(term="BT-2", path="cbc:IssueDate"),
    Row(term="BT-9", path="cbc:DueDate|"),
    Row(term="BT-3", path="cbc:InvoiceTypeCode|cbc:CreditNoteTypeCode"),
    Row(term="BG-1", path="cbc:Note", form=_NOTE, bears="BT-22"),
    Row(term="BT-7", path="cbc:TaxPointDate"),
    Row(term="BT-5", path="cbc:DocumentCurrencyCode"),
    Row(term="BT-6", path="cbc:TaxCurrencyCode"),
    Row(term="BT-19", path="cbc:AccountingCost"),
    Row(term="BT-10", path="cbc:BuyerReference"),
    Part(
        path="cac:InvoicePeriod",
        mixes=True,
        of=(
            Row(term="BT-73", path="cbc:StartDate"),
            Row(term="BT-74", path="cbc:EndDate"),
            Row(term="BT-8", path="cbc:DescriptionCode"),
        ),
    ),
    Part(
        path="cac:OrderReference",
        of=(
            Row(term="BT-13", path="cbc:ID", stand_in=_NONE),
            Row(term="BT-14", path="cbc:SalesOrderID"),
            Row(term="EXT-FR-FE-197", path="cbc:IssueDate"),
        ),
    ),
    Part(
        term="BG-3",
        path="cac:BillingReference",
        of=(
            Row(term="BT-25", path="cac:InvoiceDocumentReference/cbc:ID"),
            Row(term="BT-26", path="cac:InvoiceDocumentReference/cbc:IssueDate"),
            Row(term="EXT-FR-FE-02", path="cac:InvoiceDocumentReference/cbc:DocumentTypeCode"),
        ),
    ),
    Part(
        path="cac:DespatchDocumentReference",
        of=(
            Row(term="BT-16", path="cbc:ID", stand_in=_NONE),
            Row(term="EXT-FR-FE-198", path="cbc:IssueDate"),
        ),
    ),
    Row(term="BT-15", path="cac:ReceiptDocumentReference/cbc:ID"),
    Row(term="BT-17", path="cac:OriginatorDocumentReference/cbc:ID"),
    Part(
        path="cac:ContractDocumentReference",
        of=(
            Row(term="BT-12", path="cbc:ID", stand_in=_NONE),
            Row(term="EXT-FR-FE-199", path="cbc:IssueDate"),
            Row(term="EXT-FR-FE-01", path="cbc:DocumentType"),
        ),
    ),
    Part(
        path="|cac:AdditionalDocumentReference",
        of=(
            Row(term="BT-11", path="cbc:ID"),
            Fixed(path="cbc:DocumentTypeCode", value="50", tells=True),
        ),
    ),
    Part(
        term="BT-18/further",
        path="cac:AdditionalDocumentReference",
        via="objects",
        of=(
            Row(term="BT-18/further", path="cbc:ID"),
            Row(term="BT-18-1/further", path="cbc:ID/@schemeID"),
            Fixed(path="cbc:DocumentTypeCode", value="130", tells=True),
        ),
    ),
    Part(
        term="BG-24",
        path="cac:AdditionalDocumentReference",
        of=(
            Row(term="BT-122", path="cbc:ID"),
            Fixed(path="cbc:DocumentTypeCode", value="", also=("916",)),
            Row(term="BT-123", path="cbc:DocumentDescription"),
            Part(
                path="cac:Attachment",
                of=(
                    Row(term="BT-125", path=f"cbc:{_BINARY}"),
                    Row(term="BT-125-1", path=f"cbc:{_BINARY}/@mimeCode"),
                    Row(term="BT-125-2", path=f"cbc:{_BINARY}/@filename"),
                    Row(term="BT-124", path="cac:ExternalReference/cbc:URI"),
                ),
            ),
        ),
    ),
    Row(term="BT-11", path="cac:ProjectReference/cbc:ID|"),
    Part(
        path="cac:AccountingSupplierParty/cac:Party",
        always=True,
        of=(
            *_party("seller", _creditor(_pays_seller)),
            Part(path="cac:AgentParty", of=_party("seller_agent")),
            Part(path="cac:ServiceProviderParty/cac:Party", of=_party("invoicer")),
        ),
    ),
    Part(
        path="cac:AccountingCustomerParty/cac:Party",
        always=True,
        of=(
            *_party("buyer"),
            Part(path="cac:AgentParty", of=_party("buyer_agent")),
            Part(path="cac:ServiceProviderParty/cac:Party", of=_party("invoicee")),
        ),
    ),
    Part(path="cac:PayeeParty", of=_party("payee", _creditor(_pays_another), legal=False)),
    Part(path="cac:TaxRepresentativeParty", of=_party("representative", legal=False)),
    _delivery("delivery"),
    _delivery_terms("delivery_terms"),
    Part(term="BG-16", path="cac:PaymentMeans", of=_PAYMENT),
    Row(term="BT-20", path="cac:PaymentTerms/cbc:Note"),
    _adjustment("allowances", charge=False),
    _adjustment("charges", charge=True),
    _in_currency(
        "BT-5",
        Row(term="BT-110", path="cbc:TaxAmount"),
        Part(
            term="BG-23",
            path="cac:TaxSubtotal",
            of=(
                Row(term="BT-116", path="cbc:TaxableAmount"),
                Row(term="BT-117", path="cbc:TaxAmount"),
                _tax_category("cac:TaxCategory", "vat", "category", "rate"),
            ),
        ),
    ),
    _in_currency("BT-6", Row(term="BT-111", path="cbc:TaxAmount")),
    Part(
        path="cac:LegalMonetaryTotal",
        always=True,
        of=(
            Row(term="BT-106", path="cbc:LineExtensionAmount"),
            Row(term="BT-109", path="cbc:TaxExclusiveAmount"),
            Row(term="BT-112", path="cbc:TaxInclusiveAmount"),
            Row(term="BT-107", path="cbc:AllowanceTotalAmount"),
            Row(term="BT-108", path="cbc:ChargeTotalAmount"),
            Row(term="BT-113", path="cbc:PrepaidAmount"),
            Row(term="BT-114", path="cbc:PayableRoundingAmount"),
            Row(term="BT-115", path="cbc:PayableAmount"),
        ),
    ),
    Part(term="BG-25", path="cac:InvoiceLine|cac:CreditNoteLine", of=_LINE),
)


def _settle(draft: dict[str, Any]) -> None:
    """Put right what UBL says by the absence of something else."""
    settle(draft)
    parties = [draft.get(name) for name in _LEGAL] + [
        line.get("seller") for line in draft.get("lines", ())
    ]
    for party in parties:
        if party and "name" not in party and "trading_name" in party:
            party["name"] = party.pop("trading_name")


#: Parties whose legal name stands beside a trading name; where there is no legal name, as in
#: historical files, the other stands in for it.
_LEGAL = ("seller", "buyer", "buyer_agent", "payer", "seller_agent", "invoicee", "invoicer")

_CURRENCY = Attribute("currencyID", Of("BT-5"))
_VAT = codes_of(VatCategory, "un code de catégorie de TVA", "a VAT category code")

_GRAMMAR = Grammar(
    namespaces=NAMESPACES,
    roots=(f"{{{INVOICE}}}Invoice", f"{{{CREDIT_NOTE}}}CreditNote"),
    forms=MappingProxyType(
        {
            str: TEXT,
            Decimal: NUMBER,
            date: DATE,
            bytes: BASE64,
            VatCategory: _VAT,
            VatPoint: codes_of(VatPoint, "un code 3, 35 ou 432", "a code 3, 35 or 432"),
            LineKind: codes_of(
                LineKind, "DETAIL, GROUP ou INFORMATION", "DETAIL, GROUP or INFORMATION"
            ),
        }
    ),
    bears=MappingProxyType({Kind.AMOUNT: _CURRENCY, Kind.PRICE: _CURRENCY}),
    title="UBL 2.1",
    ignored=frozenset({f"{{{CBC}}}UBLVersionID", f"{{{XSI}}}schemaLocation"}),
    moved=MappingProxyType(
        {
            f"{{{CREDIT_NOTE}}}CreditNote": (
                ("", "cbc:TaxPointDate", "cbc:CreditNoteTypeCode"),
                ("", "cac:OriginatorDocumentReference", "cac:AccountingSupplierParty"),
                ("BG-25", "cac:TaxTotal", "cac:AllowanceCharge"),
            )
        }
    ),
)

_SIRET = "[@schemeID='0009']"
_BARE_SIRET = (
    "[(not(@schemeID) or @schemeName='1')"
    " and string-length(normalize-space()) = 14"
    " and translate(normalize-space(), '0123456789', '') = '']"
)

TABLE = Table(
    _GRAMMAR,
    _ENTRIES,
    (
        Head("number", "BT-1"),
        Head("issue_date", "BT-2"),
        Head("type_code", "BT-3", ((0, ""), (1, ""))),
        Head("currency", "BT-5"),
        Head("frame", "BT-23"),
        Head("customization", "BT-24"),
        Head("order_reference", "BT-13"),
        Head("contract_reference", "BT-12"),
        Head("preceding", "BT-25"),
        Head("seller_name", "BT-27", instead="BT-28"),
        Head("seller_siret", "BT-29", ((0, _SIRET), (0, _BARE_SIRET))),
        Head("seller_siren", "BT-30", ((0, "[@schemeID='0002']"),)),
        Head("seller_vat", "BT-31"),
        Head("seller_country", "BT-40"),
        Head("agent_siret", "EXT-FR-FE-69", ((0, _SIRET),)),
        Head("buyer_name", "BT-44", instead="BT-45"),
        Head("buyer_siret", "BT-46", ((0, _SIRET), (0, _BARE_SIRET))),
        Head("buyer_service", "BT-46", ((0, "[@schemeID='0224']"),)),
        Head("buyer_siren", "BT-47", ((0, "[@schemeID='0002']"),)),
        Head("buyer_endpoint", "BT-49"),
        Head("buyer_endpoint_scheme", "BT-49-1"),
        Head("total_without_vat", "BT-109"),
        Head("total_with_vat", "BT-112"),
        Head("amount_due", "BT-115"),
    ),
)


def read_header(root: etree._Element) -> RoutingHeader:
    """Read the routing header of an Invoice or CreditNote; see `Table.read_header`."""
    return TABLE.read_header(root)


def read_invoice(root: Element) -> Reading:
    """Read an Invoice or CreditNote into the model; see `reading.read`."""
    return reading.read(TABLE, root, _settle)


def write_invoice(invoice: Invoice) -> Written:
    """Write an Invoice, or a CreditNote where the type (BT-3) is one of `CREDITS`.

    See `writing.write`.
    """
    root = 1 if invoice.type_code in CREDITS else 0
    return writing.write(TABLE, root, _complete(split_payments(invoice)))


def _complete(invoice: Invoice) -> Invoice:
    """Return the invoice with what UBL demands where CII may do without it.

    The sum of VAT (BT-110) beside a breakdown is, by BR-CO-14, the sum of that. The due date of a
    credit note, and whoever pays, stand within a way of paying.
    """
    amounts = [each.amount for each in invoice.vat if each.amount is not None]
    if invoice.totals.vat is None and amounts:
        invoice = replace(invoice, totals=replace(invoice.totals, vat=exact_sum(amounts)))
    held = invoice.payer is not None or (invoice.type_code in CREDITS and invoice.due_date)
    if held and not invoice.payments:
        invoice = replace(invoice, payments=(Payment(),))
    return invoice


def term_of(path: str) -> str | None:
    """Return the business term at a path of an Invoice or CreditNote, if there is one.

    >>> term_of("/ubl:Invoice/cac:LegalMonetaryTotal[1]/cbc:PayableAmount[1]")
    'BT-115'
    >>> term_of("/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID")
    'BT-126'
    """
    return TABLE.term_of(path)
