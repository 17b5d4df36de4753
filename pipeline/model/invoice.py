"""An invoice or credit note in the words of the norm, whichever syntax it was written in.

Every field bears one business term of EN 16931-1, or one of the extension EXTENDED-CTC-FR;
`pipeline.model.terms` says which. A field that the document does not hold is None or empty:
whether it had to be there is for the rules to say, so that an invoice that breaks them can still
be read, shown and carried. Amounts are in whole units of the invoice currency (BT-5), BT-111 in
that of BT-6; a percentage of twenty is 20.

Source:
    EN 16931-1:2017, table 2; XP Z12-012 annex A for the terms named ``EXT-FR-FE-…``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum


class VatCategory(Enum):
    """How VAT applies (UNCL 5305, the codes that the norm admits)."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUT_OF_SCOPE = "O"
    CANARY_ISLANDS = "L"
    CEUTA_MELILLA = "M"
    SPLIT_PAYMENT = "B"  #: paid to the treasury by the buyer, in Italy


class VatPoint(Enum):
    """When VAT falls due (BT-8), by the code of UNCL 2005 that the norm gives."""

    ISSUE = "3"
    DELIVERY = "35"
    PAYMENT = "432"


class LineKind(Enum):
    """What a line is for (EXT-FR-FE-163)."""

    DETAIL = "DETAIL"
    GROUP = "GROUP"
    INFORMATION = "INFORMATION"


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier with the scheme it belongs to.

    Attributes:
        value: As written.
        scheme: Code of the scheme (ISO 6523, EAS, UNCL 1153 or 7143), or None.
        version: Version of the scheme; only an item classification has one (BT-158-2).
    """

    value: str
    scheme: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of units.

    Attributes:
        value: How many.
        unit: Code of UN/ECE Recommendation 20 or 21, or None.
    """

    value: Decimal
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """A file inside the document.

    Attributes:
        content: Its bytes, decoded.
        mime: Its type as the document states it, or None.
        filename: Its name as the document states it, or None.
    """

    content: bytes
    mime: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """BG-1: a remark, and what it is about."""

    subject: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preceding:
    """An earlier invoice that this one (BG-3), or a line of it (EXT-FR-FE-BG-06), refers to.

    Attributes:
        number: BT-25; of a line EXT-FR-FE-136.
        issue_date: BT-26; of a line EXT-FR-FE-138.
        type_code: EXT-FR-FE-02; of a line EXT-FR-FE-137.
        line: Which line of it (EXT-FR-FE-139); of a line only.
    """

    number: str | None = None
    issue_date: date | None = None
    type_code: str | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address (BG-5, BG-8, BG-12, BG-15 and those of the extension's parties)."""

    line_1: str | None = None
    line_2: str | None = None
    line_3: str | None = None
    city: str | None = None
    postcode: str | None = None
    subdivision: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask (BG-6, BG-9 and those of the extension's parties)."""

    name: str | None = None
    department: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whoever takes part in the deal; which terms its fields bear depends on the part taken.

    Attributes:
        name: Full legal name (BT-27, BT-44, BT-59, BT-62, BT-70).
        trading_name: Name by which it is known beside that (BT-28, BT-45).
        identifiers: Private identifiers, SIRET (0009) and service (0224) among them (BT-29,
            BT-46, BT-60, BT-71). Their order says nothing; a reader puts those without a
            scheme first.
        legal_id: Registration, in France SIREN with scheme 0002 (BT-30, BT-47, BT-61).
        vat_id: VAT identifier (BT-31, BT-48, BT-63).
        tax_id: Local tax registration (BT-32).
        legal_form: Further legal facts (BT-33).
        endpoint: Electronic address (BT-34, BT-49).
        address: Postal address, or None.
        contacts: Whom to ask; the norm admits one, the extension several.
        role: Role code of the extension's parties (UNCL 3035), or None.
    """

    name: str | None = None
    trading_name: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    legal_id: Identifier | None = None
    vat_id: str | None = None
    tax_id: str | None = None
    legal_form: str | None = None
    endpoint: Identifier | None = None
    address: Address | None = None
    contacts: tuple[Contact, ...] = ()
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time from one day to another, both included (BG-14, BG-26)."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where and when the goods or services were delivered (BG-13; a line's EXT-FR-FE-BG-10).

    Attributes:
        to: Whom to: name (BT-70), identifiers (BT-71), address (BG-15).
        on: Actual day (BT-72).
    """

    to: Party | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTerms:
    """Who bears what on the way.

    Attributes:
        code: Incoterm (EXT-FR-FE-185; a line's EXT-FR-FE-193).
        place: Where it applies (EXT-FR-FE-186; a line's EXT-FR-FE-194).
    """

    code: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """BG-17: an account to pay to."""

    number: str | None = None
    name: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """BG-18: the card that paid; its number is cut by whoever wrote it."""

    number: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """BG-16: one way of paying.

    Attributes:
        means: Code (BT-81, UNCL 4461).
        means_text: In words (BT-82).
        reference: What to state when paying (BT-83).
        accounts: Where to pay to (BG-17).
        card: The card that paid (BG-18), or None.
        mandate: Reference of the direct debit mandate (BT-89).
        creditor: Identifier of the creditor (BT-90).
        debited: Account to be debited (BT-91).
    """

    means: str | None = None
    means_text: str | None = None
    reference: str | None = None
    accounts: tuple[Account, ...] = ()
    card: Card | None = None
    mandate: str | None = None
    creditor: str | None = None
    debited: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An allowance or a charge, of the document (BG-20, BG-21) or of a line (BG-27, BG-28).

    Attributes:
        amount: Without VAT (BT-92, BT-99, BT-136, BT-141).
        base: What the percentage is of (BT-93, BT-100, BT-137, BT-142).
        percent: Of `base` (BT-94, BT-101, BT-138, BT-143).
        vat_category: BT-95, BT-102; a line's follows the line.
        vat_rate: BT-96, BT-103.
        reason: In words (BT-97, BT-104, BT-139, BT-144).
        reason_code: UNCL 5189 or 7161 (BT-98, BT-105, BT-140, BT-145).
        exemption: Why it bears no VAT, in words (EXT-FR-FE-187, 189); the document's only.
        exemption_code: VATEX code of that (EXT-FR-FE-188, 190); the document's only.
    """

    amount: Decimal | None = None
    base: Decimal | None = None
    percent: Decimal | None = None
    vat_category: VatCategory | None = None
    vat_rate: Decimal | None = None
    reason: str | None = None
    reason_code: str | None = None
    exemption: str | None = None
    exemption_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """BG-22: the amounts of the whole document, as stated.

    Attributes:
        lines: Sum of the lines' net amounts (BT-106).
        allowances: BT-107.
        charges: BT-108.
        without_vat: BT-109.
        vat: In the invoice currency (BT-110).
        vat_accounting: In the currency of BT-6 (BT-111).
        with_vat: BT-112.
        paid: BT-113.
        rounding: BT-114.
        due: BT-115.
    """

    lines: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    without_vat: Decimal | None = None
    vat: Decimal | None = None
    vat_accounting: Decimal | None = None
    with_vat: Decimal | None = None
    paid: Decimal | None = None
    rounding: Decimal | None = None
    due: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBreakdown:
    """BG-23: what falls under one category and rate.

    Attributes:
        base: BT-116.
        amount: BT-117.
        category: BT-118.
        rate: BT-119, in percent.
        exemption: Reason in words (BT-120).
        exemption_code: VATEX code (BT-121).
    """

    base: Decimal | None = None
    amount: Decimal | None = None
    category: VatCategory | None = None
    rate: Decimal | None = None
    exemption: str | None = None
    exemption_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """BG-24: a document that supports the claims of the invoice.

    Attributes:
        reference: BT-122.
        description: BT-123; in France the kind of document (``LISIBLE`` among them).
        location: Where it can be fetched from (BT-124): shown, never followed.
        attachment: The file itself (BT-125), or None.
    """

    reference: str | None = None
    description: str | None = None
    location: str | None = None
    attachment: Binary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """BG-32: a property of an item.

    Attributes:
        name: BT-160.
        value: BT-161.
        code: Code of the property (EXT-FR-FE-159).
        measure: Its value as a quantity (EXT-FR-FE-160, unit EXT-FR-FE-161).
    """

    name: str | None = None
    value: str | None = None
    code: str | None = None
    measure: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """BG-25: one line.

    Attributes:
        id: BT-126.
        note: BT-127, the first where there are several.
        note_subject: What that one is about (EXT-FR-FE-183).
        further_notes: The others, which the extension admits.
        object: Object the line is about (BT-128), the first where there are several.
        further_objects: The others, which the extension admits.
        quantity: How much is billed (BT-129, unit BT-130).
        net: Net amount of the line (BT-131).
        order_line: Line of the order referred to (BT-132).
        accounting_reference: BT-133.
        period: BG-26, or None.
        allowances: BG-27.
        charges: BG-28.
        price: Net price of an item (BT-146).
        price_discount: BT-147.
        gross_price: BT-148.
        price_base: Number of items the price is for (BT-149, unit BT-150).
        vat_category: BT-151.
        vat_rate: BT-152, in percent.
        name: Of the item (BT-153).
        description: BT-154.
        seller_item: BT-155.
        buyer_item: BT-156.
        standard_item: BT-157.
        classifications: BT-158.
        origin: Country of origin (BT-159).
        attributes: BG-32.
        kind: Detail, group or information (EXT-FR-FE-163), or None.
        parent: Line this one is part of (EXT-FR-FE-162).
        preceding: Earlier invoices the line refers to (EXT-FR-FE-BG-06).
        order: Order that `order_line` is of (EXT-FR-FE-135).
        order_date: EXT-FR-FE-200.
        sales_order: EXT-FR-FE-144.
        sales_order_line: EXT-FR-FE-145.
        despatch_advice: EXT-FR-FE-140.
        despatch_advice_line: EXT-FR-FE-141.
        receiving_advice: EXT-FR-FE-142.
        receiving_advice_line: EXT-FR-FE-143.
        delivery: Where to and when this line's goods went (EXT-FR-FE-BG-10), or None.
        delivery_terms: EXT-FR-FE-193 and 194, or None.
        seller: Who sold this line's item (EXT-FR-FE-BG-12), or None.
        discount_reason: Why `price_discount`, in words (EXT-FR-FE-195).
        discount_reason_code: UNCL 5189 code of that (EXT-FR-FE-196).
        exemption: Why the line bears no VAT, in words (EXT-FR-FE-178).
        exemption_code: VATEX code of that (EXT-FR-FE-179).
        vat: VAT of the line, in the invoice currency (EXT-FR-FE-181).
        vat_accounting: The same in the currency of BT-6 (EXT-FR-FE-182).
        with_vat: EXT-FR-FE-184.
    """

    id: str | None = None
    note: str | None = None
    note_subject: str | None = None
    further_notes: tuple[Note, ...] = ()
    object: Identifier | None = None
    further_objects: tuple[Identifier, ...] = ()
    quantity: Quantity | None = None
    net: Decimal | None = None
    order_line: str | None = None
    accounting_reference: str | None = None
    period: Period | None = None
    allowances: tuple[Adjustment, ...] = ()
    charges: tuple[Adjustment, ...] = ()
    price: Decimal | None = None
    price_discount: Decimal | None = None
    gross_price: Decimal | None = None
    price_base: Quantity | None = None
    vat_category: VatCategory | None = None
    vat_rate: Decimal | None = None
    name: str | None = None
    description: str | None = None
    seller_item: str | None = None
    buyer_item: str | None = None
    standard_item: Identifier | None = None
    classifications: tuple[Identifier, ...] = ()
    origin: str | None = None
    attributes: tuple[Attribute, ...] = ()
    kind: LineKind | None = None
    parent: str | None = None
    preceding: tuple[Preceding, ...] = ()
    order: str | None = None
    order_date: date | None = None
    sales_order: str | None = None
    sales_order_line: str | None = None
    despatch_advice: str | None = None
    despatch_advice_line: str | None = None
    receiving_advice: str | None = None
    receiving_advice_line: str | None = None
    delivery: Delivery | None = None
    delivery_terms: DeliveryTerms | None = None
    seller: Party | None = None
    discount_reason: str | None = None
    discount_reason_code: str | None = None
    exemption: str | None = None
    exemption_code: str | None = None
    vat: Decimal | None = None
    vat_accounting: Decimal | None = None
    with_vat: Decimal | None = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """Return every note of the line."""
        if self.note is None and self.note_subject is None:
            return self.further_notes
        return (Note(subject=self.note_subject, text=self.note), *self.further_notes)

    @property
    def objects(self) -> tuple[Identifier, ...]:
        """Return every object that the line is about."""
        return (*((self.object,) if self.object else ()), *self.further_objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice or credit note.

    Attributes:
        number: BT-1.
        issue_date: BT-2.
        type_code: BT-3 (UNCL 1001).
        currency: BT-5.
        tax_currency: BT-6.
        tax_point: Day on which VAT falls due (BT-7).
        vat_point: Event on which it does (BT-8).
        due_date: BT-9.
        buyer_reference: BT-10.
        project: BT-11.
        contract: BT-12.
        order: Engagement (BT-13).
        sales_order: BT-14.
        receiving_advice: BT-15.
        despatch_advice: BT-16.
        tender: BT-17.
        object: Object billed (BT-18), the first where there are several.
        further_objects: The others, which the extension admits.
        accounting_reference: BT-19.
        payment_terms: BT-20.
        notes: BG-1.
        frame: Business process (BT-23).
        specification: What it claims to follow (BT-24).
        preceding: BG-3.
        seller: BG-4.
        buyer: BG-7.
        payee: BG-10, or None.
        representative: Tax representative of the seller (BG-11), or None.
        delivery: BG-13, or None.
        period: BG-14, or None.
        payments: BG-16; the norm admits one, both syntaxes several.
        allowances: BG-20.
        charges: BG-21.
        totals: BG-22.
        vat: BG-23.
        supports: BG-24.
        lines: BG-25.
        buyer_agent: EXT-FR-FE-BG-01, or None.
        payer: EXT-FR-FE-BG-02, or None.
        seller_agent: EXT-FR-FE-BG-03, or None.
        invoicee: Whom the invoice is addressed to (EXT-FR-FE-BG-04), or None.
        invoicer: Who issues it for the seller (EXT-FR-FE-BG-05), or None.
        contract_type: EXT-FR-FE-01.
        contract_date: EXT-FR-FE-199.
        order_date: EXT-FR-FE-197.
        despatch_advice_date: EXT-FR-FE-198.
        delivery_terms: EXT-FR-FE-185 and 186, or None.
    """

    number: str | None = None
    issue_date: date | None = None
    type_code: str | None = None
    currency: str | None = None
    tax_currency: str | None = None
    tax_point: date | None = None
    vat_point: VatPoint | None = None
    due_date: date | None = None
    buyer_reference: str | None = None
    project: str | None = None
    contract: str | None = None
    order: str | None = None
    sales_order: str | None = None
    receiving_advice: str | None = None
    despatch_advice: str | None = None
    tender: str | None = None
    object: Identifier | None = None
    further_objects: tuple[Identifier, ...] = ()
    accounting_reference: str | None = None
    payment_terms: str | None = None
    notes: tuple[Note, ...] = ()
    frame: str | None = None
    specification: str | None = None
    preceding: tuple[Preceding, ...] = ()
    seller: Party = field(default_factory=Party)
    buyer: Party = field(default_factory=Party)
    payee: Party | None = None
    representative: Party | None = None
    delivery: Delivery | None = None
    period: Period | None = None
    payments: tuple[Payment, ...] = ()
    allowances: tuple[Adjustment, ...] = ()
    charges: tuple[Adjustment, ...] = ()
    totals: Totals = field(default_factory=Totals)
    vat: tuple[VatBreakdown, ...] = ()
    supports: tuple[Support, ...] = ()
    lines: tuple[Line, ...] = ()
    buyer_agent: Party | None = None
    payer: Party | None = None
    seller_agent: Party | None = None
    invoicee: Party | None = None
    invoicer: Party | None = None
    contract_type: str | None = None
    contract_date: date | None = None
    order_date: date | None = None
    despatch_advice_date: date | None = None
    delivery_terms: DeliveryTerms | None = None

    @property
    def objects(self) -> tuple[Identifier, ...]:
        """Return every object billed."""
        return (*((self.object,) if self.object else ()), *self.further_objects)
