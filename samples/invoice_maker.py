"""Invoices as values that compute their own totals, written as UBL 2.1 or CII D22B.

An `Invoice` is a frozen value named by the business terms of EN 16931-1 (BT, BG).
To make another one, replace a field and write it again::

    other = dataclasses.replace(invoice, number="F-2", buyer=somebody_else)
    to_ubl(other)

Amounts are in the invoice currency (BT-5), in whole units, rounded half up to the
cent. Nothing here reads a clock, a file or the network.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from lxml import etree

#: Types that UBL writes as a CreditNote (UNTDID 1001, EN 16931 code list BR-CL-01).
CREDIT_NOTES = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CII = "urn:un:unece:uncefact:data:standard:"
_NAMESPACES = {
    "cac": f"{_UBL}CommonAggregateComponents-2",
    "cbc": f"{_UBL}CommonBasicComponents-2",
    "rsm": f"{_CII}CrossIndustryInvoice:100",
    "ram": f"{_CII}ReusableAggregateBusinessInformationEntity:100",
    "qdt": f"{_CII}QualifiedDataType:100",
    "udt": f"{_CII}UnqualifiedDataType:100",
}
#: BT-8 as UBL codes it (UNTDID 2005) to what CII wants (UNTDID 2475).
_DUE_DATE_CODES = {"3": "5", "35": "29", "432": "72"}


# --------------------------------------------------------------- identifiers


def luhn_key(digits: str) -> str:
    """Return the digit that makes `digits` plus it pass the Luhn check.

    >>> luhn_key("73282932")
    '0'
    """
    doubled = (int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(digits)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def make_siren(first_eight: str) -> str:
    """Return a SIREN: eight digits and their key."""
    return first_eight + luhn_key(first_eight)


def make_siret(siren: str, establishment: str = "0001") -> str:
    """Return a SIRET: a SIREN, an establishment's four digits and the key of it all."""
    return siren + establishment + luhn_key(siren + establishment)


def french_vat(siren: str) -> str:
    """Return the French VAT identifier of a SIREN.

    >>> french_vat("732829320")
    'FR44732829320'
    """
    return f"FR{(12 + 3 * int(siren)) % 97:02d}{siren}"


def make_iban(country: str, account: str) -> str:
    """Return an IBAN with its two check digits (ISO 7064, modulo 97)."""
    figures = "".join(str(int(char, 36)) for char in f"{account}{country}00")
    return f"{country}{98 - int(figures) % 97:02d}{account}"


def french_iban(bank: str, branch: str, account: str) -> str:
    """Return a French IBAN: bank (5 digits), branch (5), account (11 digits), both keys."""
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    return make_iban("FR", f"{bank}{branch}{account}{key:02d}")


# --------------------------------------------------------------- values


def cents(value: Decimal) -> Decimal:
    """Round half up to two decimals."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


class Id(NamedTuple):
    """An identifier with its scheme (ISO 6523 or EAS code), if it has one."""

    value: str
    scheme: str | None = None


class Period(NamedTuple):
    """First and last day."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Vat:
    """One VAT treatment.

    Attributes:
        category: BT-151, e.g. ``S``.
        rate: Percent; None where VAT does not apply at all (category ``O``).
        reason: BT-120.
        reason_code: BT-121.
    """

    category: str
    rate: Decimal | None
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address (BG-5, BG-8, BG-12, BG-15)."""

    street: str
    city: str
    postcode: str
    country: str = "FR"
    more: str | None = None
    third: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or desk (BG-6, BG-9)."""

    name: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller, a buyer, a payee or a tax representative.

    Attributes:
        name: Registered name (BT-27, BT-44, BT-59, BT-62).
        address: Where it is; a payee has none.
        siret: Fourteen digits, written under scheme 0009; gives the SIREN (0002)
            and, unless `endpoint` is given, the electronic address (0225).
        service: Service code of a public buyer, written as a second identifier
            (BT-46, scheme 0224). The UBL rules of EN 16931 allow only one
            (UBL-SR-16); the French ones want both.
        registration: BT-30, BT-47 of a party without SIRET.
        endpoint: Electronic address (BT-34, BT-49).
        vat: VAT identifier (BT-31, BT-48, BT-63).
        tax_registration: Tax number of a seller without VAT identifier (BT-32).
        trading_name: BT-28, BT-45.
        legal_info: Legal form and capital of a seller (BT-33).
        contact: BG-6, BG-9.
    """

    name: str
    address: Address | None = None
    siret: str | None = None
    service: str | None = None
    registration: Id | None = None
    endpoint: Id | None = None
    vat: str | None = None
    tax_registration: str | None = None
    trading_name: str | None = None
    legal_info: str | None = None
    contact: Contact | None = None

    @property
    def identifiers(self) -> tuple[Id, ...]:
        """Return BT-29, BT-46 or BT-60: SIRET, then service code."""
        pairs = ((self.siret, "0009"), (self.service, "0224"))
        return tuple(Id(value, scheme) for value, scheme in pairs if value)

    @property
    def legal_id(self) -> Id | None:
        """Return the SIREN, or the foreign registration."""
        return Id(self.siret[:9], "0002") if self.siret else self.registration

    @property
    def address_id(self) -> Id | None:
        """Return the electronic address."""
        return self.endpoint or (Id(self.siret[:9], "0225") if self.siret else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An allowance or a charge, on a line or on the document.

    Attributes:
        reason: BT-97, 104, 139, 144.
        code: BT-98 (UNTDID 5189) or BT-105 (UNTDID 7161), and on lines.
        amount: Fixed amount; None where `percent` says it.
        percent: Of the line's quantity times price, or of the document's lines
            under the same VAT treatment.
        charge: False for an allowance.
        vat: Treatment; document level only.
    """

    reason: str
    code: str | None = None
    amount: Decimal | None = None
    percent: Decimal | None = None
    charge: bool = False
    vat: Vat | None = None

    def worth(self, base: Decimal) -> Decimal:
        """Return its amount, never signed."""
        if self.amount is not None:
            return self.amount
        return cents(base * (self.percent or Decimal(0)) / 100)

    def signed(self, base: Decimal) -> Decimal:
        """Return its amount, negative for an allowance."""
        return self.worth(base) if self.charge else -self.worth(base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One invoice line (BG-25).

    Attributes:
        name: BT-153.
        quantity: BT-129.
        price: Item net price (BT-146).
        unit: BT-130 (UN/ECE Recommendation 20).
        vat: BT-151, BT-152.
        base_quantity: BT-149, how many units `price` is for.
        discount: BT-147; the gross price (BT-148) is the price plus it.
        adjustments: BG-27, BG-28.
        description: BT-154.
        seller_item: BT-155.
        buyer_item: BT-156.
        gtin: BT-157, scheme 0160.
        classification: BT-158 with its list.
        origin: BT-159, country.
        attributes: BG-32, name and value.
        note: BT-127.
        object_id: BT-128 with its scheme.
        order_line: BT-132.
        accounting: BT-133.
        period: BG-26.
    """

    name: str
    quantity: Decimal
    price: Decimal
    vat: Vat
    unit: str = "C62"
    base_quantity: Decimal | None = None
    discount: Decimal | None = None
    adjustments: tuple[Adjustment, ...] = ()
    description: str | None = None
    seller_item: str | None = None
    buyer_item: str | None = None
    gtin: str | None = None
    classification: Id | None = None
    origin: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    note: str | None = None
    object_id: Id | None = None
    order_line: str | None = None
    accounting: str | None = None
    period: Period | None = None

    @property
    def gross(self) -> Decimal:
        """Return quantity times price, before the line's adjustments."""
        return cents(self.quantity * self.price / (self.base_quantity or 1))

    @property
    def net(self) -> Decimal:
        """Return the line net amount (BT-131)."""
        return self.gross + sum((a.signed(self.gross) for a in self.adjustments), Decimal(0))


@dataclass(frozen=True, slots=True)
class Note:
    """A note (BT-22) with its subject (BT-21, UNTDID 4451)."""

    text: str
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A supporting document (BG-24): bytes inside, or an address outside."""

    reference: str
    description: str | None = None
    file_name: str = ""
    mime: str = ""
    content: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A credit transfer account (BG-17)."""

    iban: str
    name: str | None = None
    bic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Payment instructions (BG-16).

    Attributes:
        code: BT-81 (UNTDID 4461): 30, 58 transfers, 49, 59 direct debits, 48 card.
        text: BT-82.
        reference: BT-83.
        accounts: BG-17.
        mandate: BT-89.
        creditor: BT-90, the SEPA creditor identifier.
        debited: BT-91, IBAN.
        card: BT-87, last digits only.
        holder: BT-88.
    """

    code: str
    text: str | None = None
    reference: str | None = None
    accounts: tuple[Account, ...] = ()
    mandate: str | None = None
    creditor: str | None = None
    debited: str | None = None
    card: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where and when goods were handed over (BG-13)."""

    day: date | None = None
    name: str | None = None
    location: Id | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class VatGroup:
    """One VAT breakdown (BG-23)."""

    vat: Vat
    base: Decimal

    @property
    def amount(self) -> Decimal:
        """Return the VAT of the group (BT-117)."""
        return cents(self.base * (self.vat.rate or Decimal(0)) / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Document totals (BG-22), BT-106 to BT-115."""

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    without_vat: Decimal
    vat: Decimal
    with_vat: Decimal
    prepaid: Decimal
    rounding: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice or credit note.

    Attributes:
        number: BT-1.
        issued: BT-2.
        seller: BG-4.
        buyer: BG-7.
        lines: BG-25, numbered from 1 as they stand.
        type_code: BT-3.
        currency: BT-5.
        tax_currency: BT-6.
        exchange_rate: Units of `tax_currency` for one of `currency` (gives BT-111).
        tax_point: BT-7.
        tax_point_code: BT-8 as UBL codes it: 3, 35 or 432.
        due: BT-9.
        buyer_reference: BT-10.
        project: BT-11.
        contract: BT-12.
        order: BT-13.
        sales_order: BT-14; UBL wants `order` beside it.
        receiving: BT-15.
        despatch: BT-16.
        tender: BT-17.
        object_id: BT-18.
        accounting: BT-19.
        terms: BT-20.
        notes: BG-1.
        frame: BT-23.
        customization: BT-24.
        preceding: BG-3, number and day.
        payee: BG-10.
        representative: BG-11.
        delivery: BG-13.
        period: BG-14.
        payment: BG-16.
        adjustments: BG-20, BG-21.
        prepaid: BT-113.
        settled: True where all was paid before; BT-113 is then the whole total.
        rounding: BT-114.
        attachments: BG-24.
    """

    number: str
    issued: date
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    type_code: str = "380"
    currency: str = "EUR"
    tax_currency: str | None = None
    exchange_rate: Decimal = Decimal(1)
    tax_point: date | None = None
    tax_point_code: str | None = None
    due: date | None = None
    buyer_reference: str | None = None
    project: str | None = None
    contract: str | None = None
    order: str | None = None
    sales_order: str | None = None
    receiving: str | None = None
    despatch: str | None = None
    tender: str | None = None
    object_id: Id | None = None
    accounting: str | None = None
    terms: str | None = None
    notes: tuple[Note, ...] = ()
    frame: str | None = None
    customization: str = "urn:cen.eu:en16931:2017"
    preceding: tuple[tuple[str, date], ...] = ()
    payee: Party | None = None
    representative: Party | None = None
    delivery: Delivery | None = None
    period: Period | None = None
    payment: Payment | None = None
    adjustments: tuple[Adjustment, ...] = ()
    prepaid: Decimal = Decimal(0)
    settled: bool = False
    rounding: Decimal = Decimal(0)
    attachments: tuple[Attachment, ...] = field(default=())

    @property
    def is_credit_note(self) -> bool:
        """Tell whether UBL writes it as a CreditNote."""
        return self.type_code in CREDIT_NOTES

    def base_of(self, adjustment: Adjustment) -> Decimal:
        """Return what a document-level percentage is taken of."""
        return sum((x.net for x in self.lines if x.vat == adjustment.vat), Decimal(0))

    @property
    def vat_groups(self) -> tuple[VatGroup, ...]:
        """Return the VAT breakdown, in order of first appearance."""
        bases: dict[tuple[str, Decimal | None], Decimal] = {}
        treatments: dict[tuple[str, Decimal | None], Vat] = {}
        shares = [(line.vat, line.net) for line in self.lines]
        shares += [(a.vat, a.signed(self.base_of(a))) for a in self.adjustments if a.vat]
        for vat, share in shares:
            key = (vat.category, vat.rate)
            treatments.setdefault(key, vat)
            bases[key] = bases.get(key, Decimal(0)) + share
        return tuple(VatGroup(treatments[key], base) for key, base in bases.items())

    @property
    def totals(self) -> Totals:
        """Compute BG-22."""
        lines = sum((line.net for line in self.lines), Decimal(0))
        worth = [(a.charge, a.worth(self.base_of(a))) for a in self.adjustments]
        allowances = sum((amount for charge, amount in worth if not charge), Decimal(0))
        charges = sum((amount for charge, amount in worth if charge), Decimal(0))
        without_vat = lines - allowances + charges
        vat = sum((group.amount for group in self.vat_groups), Decimal(0))
        with_vat = without_vat + vat
        prepaid = with_vat if self.settled else self.prepaid
        return Totals(
            lines=lines,
            allowances=allowances,
            charges=charges,
            without_vat=without_vat,
            vat=vat,
            with_vat=with_vat,
            prepaid=prepaid,
            rounding=self.rounding,
            due=with_vat - prepaid + self.rounding,
        )


# --------------------------------------------------------------- writing XML


def _put(parent: etree._Element, path: str, text: str | None = None, **marks: str | None) -> None:
    """Append the elements of `path` one inside the other; text and attributes on the last."""
    node = _node(parent, path)
    node.text = text
    for name, value in marks.items():
        if value is not None:
            node.set(name, value)


def _maybe(parent: etree._Element, path: str, text: str | None, **marks: str | None) -> None:
    """Do the same unless there is nothing to say."""
    if text:
        _put(parent, path, text, **marks)


def _node(parent: etree._Element, path: str) -> etree._Element:
    for step in path.split("/"):
        prefix, name = step.split(":")
        parent = etree.SubElement(parent, f"{{{_NAMESPACES[prefix]}}}{name}")
    return parent


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _amount(value: Decimal) -> str:
    return _plain(cents(value))


def _serialised(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


# --------------------------------------------------------------- UBL 2.1


def to_ubl(invoice: Invoice, totals: Totals | None = None) -> bytes:
    """Write `invoice` as a UBL 2.1 Invoice or CreditNote, in UTF-8.

    Args:
        invoice: What to write.
        totals: Written in place of the computed ones: how a wrong total is made.
    """
    kind = "CreditNote" if invoice.is_credit_note else "Invoice"
    home = f"{_UBL}{kind}-2"
    used = {None: home, "cac": _NAMESPACES["cac"], "cbc": _NAMESPACES["cbc"]}
    root = etree.Element(f"{{{home}}}{kind}", nsmap=used)  # type: ignore[arg-type]  # the stub knows no default namespace
    _ubl_head(root, invoice, kind)
    _ubl_references(root, invoice)
    _ubl_parties(root, invoice)
    _ubl_delivery(root, invoice)
    _ubl_payment(root, invoice)
    for adjustment in invoice.adjustments:
        _ubl_adjustment(root, adjustment, invoice.base_of(adjustment), invoice.currency)
    _ubl_totals(root, invoice, totals or invoice.totals)
    for seq, line in enumerate(invoice.lines, 1):
        _ubl_line(_node(root, f"cac:{kind}Line"), invoice, seq, line)
    return _serialised(root)


def _ubl_head(root: etree._Element, invoice: Invoice, kind: str) -> None:
    credit = invoice.is_credit_note
    tax_point = invoice.tax_point.isoformat() if invoice.tax_point else None
    _put(root, "cbc:CustomizationID", invoice.customization)
    _maybe(root, "cbc:ProfileID", invoice.frame)
    _put(root, "cbc:ID", invoice.number)
    _put(root, "cbc:IssueDate", invoice.issued.isoformat())
    if credit:
        _maybe(root, "cbc:TaxPointDate", tax_point)
    elif invoice.due:
        _put(root, "cbc:DueDate", invoice.due.isoformat())
    _put(root, f"cbc:{kind}TypeCode", invoice.type_code)
    for note in invoice.notes:
        _put(root, "cbc:Note", f"#{note.subject}#{note.text}" if note.subject else note.text)
    if not credit:
        _maybe(root, "cbc:TaxPointDate", tax_point)
    _put(root, "cbc:DocumentCurrencyCode", invoice.currency)
    _maybe(root, "cbc:TaxCurrencyCode", invoice.tax_currency)
    _maybe(root, "cbc:AccountingCost", invoice.accounting)
    _maybe(root, "cbc:BuyerReference", invoice.buyer_reference)


def _ubl_references(root: etree._Element, invoice: Invoice) -> None:
    if invoice.period or invoice.tax_point_code:
        _ubl_period(root, invoice.period, invoice.tax_point_code)
    if invoice.order:
        order = _node(root, "cac:OrderReference")
        _put(order, "cbc:ID", invoice.order)
        _maybe(order, "cbc:SalesOrderID", invoice.sales_order)
    for number, day in invoice.preceding:
        earlier = _node(root, "cac:BillingReference/cac:InvoiceDocumentReference")
        _put(earlier, "cbc:ID", number)
        _put(earlier, "cbc:IssueDate", day.isoformat())
    _maybe(root, "cac:DespatchDocumentReference/cbc:ID", invoice.despatch)
    _maybe(root, "cac:ReceiptDocumentReference/cbc:ID", invoice.receiving)
    if invoice.is_credit_note:
        _maybe(root, "cac:ContractDocumentReference/cbc:ID", invoice.contract)
        _ubl_supports(root, invoice)
        _maybe(root, "cac:OriginatorDocumentReference/cbc:ID", invoice.tender)
        return
    _maybe(root, "cac:OriginatorDocumentReference/cbc:ID", invoice.tender)
    _maybe(root, "cac:ContractDocumentReference/cbc:ID", invoice.contract)
    _ubl_supports(root, invoice)
    _maybe(root, "cac:ProjectReference/cbc:ID", invoice.project)


def _ubl_period(parent: etree._Element, period: Period | None, code: str | None = None) -> None:
    node = _node(parent, "cac:InvoicePeriod")
    if period:
        _put(node, "cbc:StartDate", period.start.isoformat())
        _put(node, "cbc:EndDate", period.end.isoformat())
    _maybe(node, "cbc:DescriptionCode", code)


def _ubl_supports(root: etree._Element, invoice: Invoice) -> None:
    if invoice.object_id:
        node = _node(root, "cac:AdditionalDocumentReference")
        _put(node, "cbc:ID", invoice.object_id.value, schemeID=invoice.object_id.scheme)
        _put(node, "cbc:DocumentTypeCode", "130")
    if invoice.project and invoice.is_credit_note:  # a CreditNote has no ProjectReference
        node = _node(root, "cac:AdditionalDocumentReference")
        _put(node, "cbc:ID", invoice.project)
        _put(node, "cbc:DocumentTypeCode", "50")
    for one in invoice.attachments:
        node = _node(root, "cac:AdditionalDocumentReference")
        _put(node, "cbc:ID", one.reference)
        _maybe(node, "cbc:DocumentDescription", one.description)
        if one.content is not None:
            path = "cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
            _put(node, path, _encoded(one.content), mimeCode=one.mime, filename=one.file_name)
        _maybe(node, "cac:Attachment/cac:ExternalReference/cbc:URI", one.url)


def _ubl_parties(root: etree._Element, invoice: Invoice) -> None:
    creditor = invoice.payment.creditor if invoice.payment else None
    sepa = (Id(creditor, "SEPA"),) if creditor else ()
    seller = _node(root, "cac:AccountingSupplierParty/cac:Party")
    _ubl_party(seller, invoice.seller, (*invoice.seller.identifiers, *sepa))
    _ubl_party(_node(root, "cac:AccountingCustomerParty/cac:Party"), invoice.buyer)
    if invoice.payee:
        payee = _node(root, "cac:PayeeParty")
        _ubl_identifiers(payee, invoice.payee.identifiers[:1])
        _put(payee, "cac:PartyName/cbc:Name", invoice.payee.name)
        if legal := invoice.payee.legal_id:
            path = "cac:PartyLegalEntity/cbc:CompanyID"
            _put(payee, path, legal.value, schemeID=legal.scheme)
    if invoice.representative:
        agent = _node(root, "cac:TaxRepresentativeParty")
        _put(agent, "cac:PartyName/cbc:Name", invoice.representative.name)
        _ubl_address(agent, "cac:PostalAddress", invoice.representative.address)
        _ubl_tax_scheme(agent, invoice.representative.vat, "VAT")


def _ubl_party(node: etree._Element, party: Party, ids: Iterable[Id] | None = None) -> None:
    if endpoint := party.address_id:
        _put(node, "cbc:EndpointID", endpoint.value, schemeID=endpoint.scheme)
    _ubl_identifiers(node, party.identifiers if ids is None else ids)
    _maybe(node, "cac:PartyName/cbc:Name", party.trading_name)
    _ubl_address(node, "cac:PostalAddress", party.address)
    _ubl_tax_scheme(node, party.vat, "VAT")
    _ubl_tax_scheme(node, party.tax_registration, "FC")
    entity = _node(node, "cac:PartyLegalEntity")
    _put(entity, "cbc:RegistrationName", party.name)
    if legal := party.legal_id:
        _put(entity, "cbc:CompanyID", legal.value, schemeID=legal.scheme)
    _maybe(entity, "cbc:CompanyLegalForm", party.legal_info)
    if party.contact:
        contact = _node(node, "cac:Contact")
        _put(contact, "cbc:Name", party.contact.name)
        _maybe(contact, "cbc:Telephone", party.contact.phone)
        _maybe(contact, "cbc:ElectronicMail", party.contact.email)


def _ubl_identifiers(node: etree._Element, ids: Iterable[Id]) -> None:
    for one in ids:
        _put(node, "cac:PartyIdentification/cbc:ID", one.value, schemeID=one.scheme)


def _ubl_tax_scheme(node: etree._Element, number: str | None, scheme: str) -> None:
    if number:
        tax = _node(node, "cac:PartyTaxScheme")
        _put(tax, "cbc:CompanyID", number)
        _put(tax, "cac:TaxScheme/cbc:ID", scheme)


def _ubl_address(parent: etree._Element, path: str, address: Address | None) -> None:
    if address is None:
        return
    node = _node(parent, path)
    _put(node, "cbc:StreetName", address.street)
    _maybe(node, "cbc:AdditionalStreetName", address.more)
    _put(node, "cbc:CityName", address.city)
    _put(node, "cbc:PostalZone", address.postcode)
    _maybe(node, "cbc:CountrySubentity", address.region)
    _maybe(node, "cac:AddressLine/cbc:Line", address.third)
    _put(node, "cac:Country/cbc:IdentificationCode", address.country)


def _ubl_delivery(root: etree._Element, invoice: Invoice) -> None:
    delivery = invoice.delivery
    if delivery is None:
        return
    node = _node(root, "cac:Delivery")
    if delivery.day:
        _put(node, "cbc:ActualDeliveryDate", delivery.day.isoformat())
    if delivery.location or delivery.address:
        place = _node(node, "cac:DeliveryLocation")
        if delivery.location:
            _put(place, "cbc:ID", delivery.location.value, schemeID=delivery.location.scheme)
        _ubl_address(place, "cac:Address", delivery.address)
    _maybe(node, "cac:DeliveryParty/cac:PartyName/cbc:Name", delivery.name)


def _ubl_payment(root: etree._Element, invoice: Invoice) -> None:
    payment = invoice.payment
    if payment:
        for account in payment.accounts or (None,):
            _ubl_means(_node(root, "cac:PaymentMeans"), invoice, payment, account)
    _maybe(root, "cac:PaymentTerms/cbc:Note", invoice.terms)


def _ubl_means(
    node: etree._Element, invoice: Invoice, payment: Payment, account: Account | None
) -> None:
    _put(node, "cbc:PaymentMeansCode", payment.code, name=payment.text)
    if invoice.due and invoice.is_credit_note:  # a CreditNote has no DueDate
        _put(node, "cbc:PaymentDueDate", invoice.due.isoformat())
    _maybe(node, "cbc:PaymentID", payment.reference)
    if payment.card:
        card = _node(node, "cac:CardAccount")
        _put(card, "cbc:PrimaryAccountNumberID", payment.card)
        _put(card, "cbc:NetworkID", "NA")
        _maybe(card, "cbc:HolderName", payment.holder)
    if account:
        to = _node(node, "cac:PayeeFinancialAccount")
        _put(to, "cbc:ID", account.iban)
        _maybe(to, "cbc:Name", account.name)
        _maybe(to, "cac:FinancialInstitutionBranch/cbc:ID", account.bic)
    if payment.mandate:
        mandate = _node(node, "cac:PaymentMandate")
        _put(mandate, "cbc:ID", payment.mandate)
        _maybe(mandate, "cac:PayerFinancialAccount/cbc:ID", payment.debited)


def _ubl_adjustment(
    parent: etree._Element, adjustment: Adjustment, base: Decimal, currency: str
) -> None:
    node = _node(parent, "cac:AllowanceCharge")
    _put(node, "cbc:ChargeIndicator", "true" if adjustment.charge else "false")
    _maybe(node, "cbc:AllowanceChargeReasonCode", adjustment.code)
    _put(node, "cbc:AllowanceChargeReason", adjustment.reason)
    if adjustment.percent is not None:
        _put(node, "cbc:MultiplierFactorNumeric", _plain(adjustment.percent))
    _put(node, "cbc:Amount", _amount(adjustment.worth(base)), currencyID=currency)
    if adjustment.percent is not None:
        _put(node, "cbc:BaseAmount", _amount(base), currencyID=currency)
    if adjustment.vat:
        _ubl_vat(_node(node, "cac:TaxCategory"), adjustment.vat)


def _ubl_vat(node: etree._Element, vat: Vat, *, with_reason: bool = False) -> None:
    _put(node, "cbc:ID", vat.category)
    if vat.rate is not None:
        _put(node, "cbc:Percent", _plain(vat.rate))
    if with_reason:
        _maybe(node, "cbc:TaxExemptionReasonCode", vat.reason_code)
        _maybe(node, "cbc:TaxExemptionReason", vat.reason)
    _put(node, "cac:TaxScheme/cbc:ID", "VAT")


def _ubl_totals(root: etree._Element, invoice: Invoice, totals: Totals) -> None:
    currency = invoice.currency
    tax = _node(root, "cac:TaxTotal")
    _put(tax, "cbc:TaxAmount", _amount(totals.vat), currencyID=currency)
    for group in invoice.vat_groups:
        part = _node(tax, "cac:TaxSubtotal")
        _put(part, "cbc:TaxableAmount", _amount(group.base), currencyID=currency)
        _put(part, "cbc:TaxAmount", _amount(group.amount), currencyID=currency)
        _ubl_vat(_node(part, "cac:TaxCategory"), group.vat, with_reason=True)
    if invoice.tax_currency:
        other = _amount(totals.vat * invoice.exchange_rate)
        _put(root, "cac:TaxTotal/cbc:TaxAmount", other, currencyID=invoice.tax_currency)
    sums = _node(root, "cac:LegalMonetaryTotal")
    for name, amount, always in (
        ("LineExtensionAmount", totals.lines, True),
        ("TaxExclusiveAmount", totals.without_vat, True),
        ("TaxInclusiveAmount", totals.with_vat, True),
        ("AllowanceTotalAmount", totals.allowances, False),
        ("ChargeTotalAmount", totals.charges, False),
        ("PrepaidAmount", totals.prepaid, False),
        ("PayableRoundingAmount", totals.rounding, False),
        ("PayableAmount", totals.due, True),
    ):
        if always or amount:
            _put(sums, f"cbc:{name}", _amount(amount), currencyID=currency)


def _ubl_line(node: etree._Element, invoice: Invoice, seq: int, line: Line) -> None:
    currency = invoice.currency
    quantity = "CreditedQuantity" if invoice.is_credit_note else "InvoicedQuantity"
    _put(node, "cbc:ID", str(seq))
    _maybe(node, "cbc:Note", line.note)
    _put(node, f"cbc:{quantity}", _plain(line.quantity), unitCode=line.unit)
    _put(node, "cbc:LineExtensionAmount", _amount(line.net), currencyID=currency)
    _maybe(node, "cbc:AccountingCost", line.accounting)
    if line.period:
        _ubl_period(node, line.period)
    _maybe(node, "cac:OrderLineReference/cbc:LineID", line.order_line)
    if line.object_id:
        reference = _node(node, "cac:DocumentReference")
        _put(reference, "cbc:ID", line.object_id.value, schemeID=line.object_id.scheme)
        _put(reference, "cbc:DocumentTypeCode", "130")
    for adjustment in line.adjustments:
        _ubl_adjustment(node, adjustment, line.gross, currency)
    _ubl_item(_node(node, "cac:Item"), line)
    _ubl_price(_node(node, "cac:Price"), line, currency)


def _ubl_item(item: etree._Element, line: Line) -> None:
    _maybe(item, "cbc:Description", line.description)
    _put(item, "cbc:Name", line.name)
    _maybe(item, "cac:BuyersItemIdentification/cbc:ID", line.buyer_item)
    _maybe(item, "cac:SellersItemIdentification/cbc:ID", line.seller_item)
    _maybe(item, "cac:StandardItemIdentification/cbc:ID", line.gtin, schemeID="0160")
    _maybe(item, "cac:OriginCountry/cbc:IdentificationCode", line.origin)
    if line.classification:
        code, scheme = line.classification
        path = "cac:CommodityClassification/cbc:ItemClassificationCode"
        _put(item, path, code, listID=scheme)
    _ubl_vat(_node(item, "cac:ClassifiedTaxCategory"), line.vat)
    for name, value in line.attributes:
        attribute = _node(item, "cac:AdditionalItemProperty")
        _put(attribute, "cbc:Name", name)
        _put(attribute, "cbc:Value", value)


def _ubl_price(price: etree._Element, line: Line, currency: str) -> None:
    _put(price, "cbc:PriceAmount", _plain(line.price), currencyID=currency)
    if line.base_quantity:
        _put(price, "cbc:BaseQuantity", _plain(line.base_quantity), unitCode=line.unit)
    if line.discount:
        rebate = _node(price, "cac:AllowanceCharge")
        _put(rebate, "cbc:ChargeIndicator", "false")
        _put(rebate, "cbc:Amount", _plain(line.discount), currencyID=currency)
        _put(rebate, "cbc:BaseAmount", _plain(line.price + line.discount), currencyID=currency)


# --------------------------------------------------------------- CII D22B


def to_cii(invoice: Invoice, totals: Totals | None = None) -> bytes:
    """Write `invoice` as a CII CrossIndustryInvoice, in UTF-8.

    Args:
        invoice: What to write.
        totals: Written in place of the computed ones: how a wrong total is made.
    """
    used = {prefix: _NAMESPACES[prefix] for prefix in ("rsm", "ram", "qdt", "udt")}
    root = etree.Element(f"{{{used['rsm']}}}CrossIndustryInvoice", nsmap=used)
    context = _node(root, "rsm:ExchangedDocumentContext")
    business = "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID"
    _maybe(context, business, invoice.frame)
    guideline = "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"
    _put(context, guideline, invoice.customization)
    document = _node(root, "rsm:ExchangedDocument")
    _put(document, "ram:ID", invoice.number)
    _put(document, "ram:TypeCode", invoice.type_code)
    _cii_day(document, "ram:IssueDateTime", invoice.issued)
    for note in invoice.notes:
        node = _node(document, "ram:IncludedNote")
        _put(node, "ram:Content", note.text)
        _maybe(node, "ram:SubjectCode", note.subject)
    deal = _node(root, "rsm:SupplyChainTradeTransaction")
    for seq, line in enumerate(invoice.lines, 1):
        _cii_line(_node(deal, "ram:IncludedSupplyChainTradeLineItem"), seq, line)
    _cii_agreement(_node(deal, "ram:ApplicableHeaderTradeAgreement"), invoice)
    _cii_delivery(_node(deal, "ram:ApplicableHeaderTradeDelivery"), invoice)
    settlement = _node(deal, "ram:ApplicableHeaderTradeSettlement")
    _cii_settlement(settlement, invoice, totals or invoice.totals)
    return _serialised(root)


def _cii_day(parent: etree._Element, path: str, day: date | None, kind: str = "udt") -> None:
    if day:
        tag = f"{path}/{kind}:DateTimeString"
        _put(parent, tag, day.strftime("%Y%m%d"), format="102")


def _cii_period(parent: etree._Element, period: Period | None) -> None:
    if period:
        node = _node(parent, "ram:BillingSpecifiedPeriod")
        _cii_day(node, "ram:StartDateTime", period.start)
        _cii_day(node, "ram:EndDateTime", period.end)


def _cii_line(node: etree._Element, seq: int, line: Line) -> None:
    document = _node(node, "ram:AssociatedDocumentLineDocument")
    _put(document, "ram:LineID", str(seq))
    _maybe(document, "ram:IncludedNote/ram:Content", line.note)
    _cii_product(_node(node, "ram:SpecifiedTradeProduct"), line)
    _cii_price(_node(node, "ram:SpecifiedLineTradeAgreement"), line)
    quantity = "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity"
    _put(node, quantity, _plain(line.quantity), unitCode=line.unit)
    settlement = _node(node, "ram:SpecifiedLineTradeSettlement")
    _cii_vat(_node(settlement, "ram:ApplicableTradeTax"), line.vat)
    _cii_period(settlement, line.period)
    for adjustment in line.adjustments:
        _cii_adjustment(settlement, adjustment, line.gross)
    total = "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount"
    _put(settlement, total, _amount(line.net))
    if line.object_id:
        reference = _node(settlement, "ram:AdditionalReferencedDocument")
        _put(reference, "ram:IssuerAssignedID", line.object_id.value)
        _put(reference, "ram:TypeCode", "130")
        _maybe(reference, "ram:ReferenceTypeCode", line.object_id.scheme)
    account = "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"
    _maybe(settlement, account, line.accounting)


def _cii_product(product: etree._Element, line: Line) -> None:
    _maybe(product, "ram:GlobalID", line.gtin, schemeID="0160")
    _maybe(product, "ram:SellerAssignedID", line.seller_item)
    _maybe(product, "ram:BuyerAssignedID", line.buyer_item)
    _put(product, "ram:Name", line.name)
    _maybe(product, "ram:Description", line.description)
    for name, value in line.attributes:
        attribute = _node(product, "ram:ApplicableProductCharacteristic")
        _put(attribute, "ram:Description", name)
        _put(attribute, "ram:Value", value)
    if line.classification:
        code, scheme = line.classification
        _put(product, "ram:DesignatedProductClassification/ram:ClassCode", code, listID=scheme)
    _maybe(product, "ram:OriginTradeCountry/ram:ID", line.origin)


def _cii_price(agreement: etree._Element, line: Line) -> None:
    _maybe(agreement, "ram:BuyerOrderReferencedDocument/ram:LineID", line.order_line)
    if line.discount:
        gross = _node(agreement, "ram:GrossPriceProductTradePrice")
        _put(gross, "ram:ChargeAmount", _plain(line.price + line.discount))
        rebate = _node(gross, "ram:AppliedTradeAllowanceCharge")
        _put(rebate, "ram:ChargeIndicator/udt:Indicator", "false")
        _put(rebate, "ram:ActualAmount", _plain(line.discount))
    net = _node(agreement, "ram:NetPriceProductTradePrice")
    _put(net, "ram:ChargeAmount", _plain(line.price))
    if line.base_quantity:
        _put(net, "ram:BasisQuantity", _plain(line.base_quantity), unitCode=line.unit)


def _cii_vat(node: etree._Element, vat: Vat) -> None:
    _put(node, "ram:TypeCode", "VAT")
    _put(node, "ram:CategoryCode", vat.category)
    if vat.rate is not None:
        _put(node, "ram:RateApplicablePercent", _plain(vat.rate))


def _cii_adjustment(parent: etree._Element, adjustment: Adjustment, base: Decimal) -> None:
    node = _node(parent, "ram:SpecifiedTradeAllowanceCharge")
    _put(node, "ram:ChargeIndicator/udt:Indicator", "true" if adjustment.charge else "false")
    if adjustment.percent is not None:
        _put(node, "ram:CalculationPercent", _plain(adjustment.percent))
        _put(node, "ram:BasisAmount", _amount(base))
    _put(node, "ram:ActualAmount", _amount(adjustment.worth(base)))
    _maybe(node, "ram:ReasonCode", adjustment.code)
    _put(node, "ram:Reason", adjustment.reason)
    if adjustment.vat:
        _cii_vat(_node(node, "ram:CategoryTradeTax"), adjustment.vat)


def _cii_agreement(node: etree._Element, invoice: Invoice) -> None:
    _maybe(node, "ram:BuyerReference", invoice.buyer_reference)
    _cii_party(_node(node, "ram:SellerTradeParty"), invoice.seller)
    _cii_party(_node(node, "ram:BuyerTradeParty"), invoice.buyer)
    if invoice.representative:
        _cii_party(_node(node, "ram:SellerTaxRepresentativeTradeParty"), invoice.representative)
    _maybe(node, "ram:SellerOrderReferencedDocument/ram:IssuerAssignedID", invoice.sales_order)
    _maybe(node, "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", invoice.order)
    _maybe(node, "ram:ContractReferencedDocument/ram:IssuerAssignedID", invoice.contract)
    _cii_supports(node, invoice)
    if invoice.project:
        project = _node(node, "ram:SpecifiedProcuringProject")
        _put(project, "ram:ID", invoice.project)
        _put(project, "ram:Name", "Project reference")


def _cii_supports(node: etree._Element, invoice: Invoice) -> None:
    if invoice.tender:
        reference = _node(node, "ram:AdditionalReferencedDocument")
        _put(reference, "ram:IssuerAssignedID", invoice.tender)
        _put(reference, "ram:TypeCode", "50")
    if invoice.object_id:
        reference = _node(node, "ram:AdditionalReferencedDocument")
        _put(reference, "ram:IssuerAssignedID", invoice.object_id.value)
        _put(reference, "ram:TypeCode", "130")
        _maybe(reference, "ram:ReferenceTypeCode", invoice.object_id.scheme)
    for one in invoice.attachments:
        reference = _node(node, "ram:AdditionalReferencedDocument")
        _put(reference, "ram:IssuerAssignedID", one.reference)
        _maybe(reference, "ram:URIID", one.url)
        _put(reference, "ram:TypeCode", "916")
        _maybe(reference, "ram:Name", one.description)
        if one.content is not None:
            path = "ram:AttachmentBinaryObject"
            _put(reference, path, _encoded(one.content), mimeCode=one.mime, filename=one.file_name)


def _cii_party(node: etree._Element, party: Party) -> None:
    for one in party.identifiers:
        _put(node, "ram:GlobalID", one.value, schemeID=one.scheme)
    _put(node, "ram:Name", party.name)
    _maybe(node, "ram:Description", party.legal_info)
    legal = party.legal_id
    if legal or party.trading_name:
        organisation = _node(node, "ram:SpecifiedLegalOrganization")
        if legal:
            _put(organisation, "ram:ID", legal.value, schemeID=legal.scheme)
        _maybe(organisation, "ram:TradingBusinessName", party.trading_name)
    if party.contact:
        contact = _node(node, "ram:DefinedTradeContact")
        _put(contact, "ram:PersonName", party.contact.name)
        phone = "ram:TelephoneUniversalCommunication/ram:CompleteNumber"
        _maybe(contact, phone, party.contact.phone)
        _maybe(contact, "ram:EmailURIUniversalCommunication/ram:URIID", party.contact.email)
    _cii_address(node, party.address)
    if endpoint := party.address_id:
        path = "ram:URIUniversalCommunication/ram:URIID"
        _put(node, path, endpoint.value, schemeID=endpoint.scheme)
    registration = "ram:SpecifiedTaxRegistration/ram:ID"
    _maybe(node, registration, party.vat, schemeID="VA")
    _maybe(node, registration, party.tax_registration, schemeID="FC")


def _cii_address(parent: etree._Element, address: Address | None) -> None:
    if address is None:
        return
    node = _node(parent, "ram:PostalTradeAddress")
    _put(node, "ram:PostcodeCode", address.postcode)
    _put(node, "ram:LineOne", address.street)
    _maybe(node, "ram:LineTwo", address.more)
    _maybe(node, "ram:LineThree", address.third)
    _put(node, "ram:CityName", address.city)
    _put(node, "ram:CountryID", address.country)
    _maybe(node, "ram:CountrySubDivisionName", address.region)


def _cii_delivery(node: etree._Element, invoice: Invoice) -> None:
    delivery = invoice.delivery or Delivery()
    if delivery.name or delivery.location or delivery.address:
        place = _node(node, "ram:ShipToTradeParty")
        if delivery.location:
            tag = "ram:GlobalID" if delivery.location.scheme else "ram:ID"
            _put(place, tag, delivery.location.value, schemeID=delivery.location.scheme)
        _maybe(place, "ram:Name", delivery.name)
        _cii_address(place, delivery.address)
    _cii_day(node, "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime", delivery.day)
    _maybe(node, "ram:DespatchAdviceReferencedDocument/ram:IssuerAssignedID", invoice.despatch)
    _maybe(node, "ram:ReceivingAdviceReferencedDocument/ram:IssuerAssignedID", invoice.receiving)


def _cii_settlement(node: etree._Element, invoice: Invoice, totals: Totals) -> None:
    payment = invoice.payment
    _maybe(node, "ram:CreditorReferenceID", payment.creditor if payment else None)
    _maybe(node, "ram:PaymentReference", payment.reference if payment else None)
    _maybe(node, "ram:TaxCurrencyCode", invoice.tax_currency)
    _put(node, "ram:InvoiceCurrencyCode", invoice.currency)
    if invoice.payee:
        _cii_payee(_node(node, "ram:PayeeTradeParty"), invoice.payee)
    if payment:
        for account in payment.accounts or (None,):
            means = _node(node, "ram:SpecifiedTradeSettlementPaymentMeans")
            _cii_means(means, payment, account)
    for group in invoice.vat_groups:
        _cii_vat_group(_node(node, "ram:ApplicableTradeTax"), group, invoice)
    _cii_period(node, invoice.period)
    for adjustment in invoice.adjustments:
        _cii_adjustment(node, adjustment, invoice.base_of(adjustment))
    _cii_terms(node, invoice)
    _cii_totals(node, invoice, totals)
    for number, day in invoice.preceding:
        earlier = _node(node, "ram:InvoiceReferencedDocument")
        _put(earlier, "ram:IssuerAssignedID", number)
        _cii_day(earlier, "ram:FormattedIssueDateTime", day, "qdt")
    account_id = "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"
    _maybe(node, account_id, invoice.accounting)


def _cii_payee(node: etree._Element, payee: Party) -> None:
    for one in payee.identifiers[:1]:
        _put(node, "ram:GlobalID", one.value, schemeID=one.scheme)
    _put(node, "ram:Name", payee.name)
    if legal := payee.legal_id:
        path = "ram:SpecifiedLegalOrganization/ram:ID"
        _put(node, path, legal.value, schemeID=legal.scheme)


def _cii_means(node: etree._Element, payment: Payment, account: Account | None) -> None:
    _put(node, "ram:TypeCode", payment.code)
    _maybe(node, "ram:Information", payment.text)
    if payment.card:
        card = _node(node, "ram:ApplicableTradeSettlementFinancialCard")
        _put(card, "ram:ID", payment.card)
        _maybe(card, "ram:CardholderName", payment.holder)
    _maybe(node, "ram:PayerPartyDebtorFinancialAccount/ram:IBANID", payment.debited)
    if account:
        to = _node(node, "ram:PayeePartyCreditorFinancialAccount")
        _put(to, "ram:IBANID", account.iban)
        _maybe(to, "ram:AccountName", account.name)
        bank = "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID"
        _maybe(node, bank, account.bic)


def _cii_vat_group(node: etree._Element, group: VatGroup, invoice: Invoice) -> None:
    _put(node, "ram:CalculatedAmount", _amount(group.amount))
    _put(node, "ram:TypeCode", "VAT")
    _maybe(node, "ram:ExemptionReason", group.vat.reason)
    _put(node, "ram:BasisAmount", _amount(group.base))
    _put(node, "ram:CategoryCode", group.vat.category)
    _maybe(node, "ram:ExemptionReasonCode", group.vat.reason_code)
    if invoice.tax_point:
        day = invoice.tax_point.strftime("%Y%m%d")
        _put(node, "ram:TaxPointDate/udt:DateString", day, format="102")
    if invoice.tax_point_code:
        _put(node, "ram:DueDateTypeCode", _DUE_DATE_CODES[invoice.tax_point_code])
    if group.vat.rate is not None:
        _put(node, "ram:RateApplicablePercent", _plain(group.vat.rate))


def _cii_terms(node: etree._Element, invoice: Invoice) -> None:
    mandate = invoice.payment.mandate if invoice.payment else None
    if invoice.terms or invoice.due or mandate:
        terms = _node(node, "ram:SpecifiedTradePaymentTerms")
        _maybe(terms, "ram:Description", invoice.terms)
        _cii_day(terms, "ram:DueDateDateTime", invoice.due)
        _maybe(terms, "ram:DirectDebitMandateID", mandate)


def _cii_totals(node: etree._Element, invoice: Invoice, totals: Totals) -> None:
    sums = _node(node, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    _put(sums, "ram:LineTotalAmount", _amount(totals.lines))
    _maybe(sums, "ram:ChargeTotalAmount", _amount(totals.charges) if totals.charges else None)
    allowances = _amount(totals.allowances) if totals.allowances else None
    _maybe(sums, "ram:AllowanceTotalAmount", allowances)
    _put(sums, "ram:TaxBasisTotalAmount", _amount(totals.without_vat))
    _put(sums, "ram:TaxTotalAmount", _amount(totals.vat), currencyID=invoice.currency)
    if invoice.tax_currency:
        other = _amount(totals.vat * invoice.exchange_rate)
        _put(sums, "ram:TaxTotalAmount", other, currencyID=invoice.tax_currency)
    _maybe(sums, "ram:RoundingAmount", _amount(totals.rounding) if totals.rounding else None)
    _put(sums, "ram:GrandTotalAmount", _amount(totals.with_vat))
    _maybe(sums, "ram:TotalPrepaidAmount", _amount(totals.prepaid) if totals.prepaid else None)
    _put(sums, "ram:DuePayableAmount", _amount(totals.due))
