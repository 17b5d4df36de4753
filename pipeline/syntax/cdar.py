"""CDAR (Cross Domain Acknowledgement and Response, D22B), the life-cycle message of flux 6.

One message tells one status of one object. One table says, term by term, which attribute
of which value stands where; messages are written from it and read by it. Its rows are in
the order of the schema. Only what this hub writes is in it: a message of somebody else may
hold more, which is not read.

Moments are written in UTC: format 204 knows no offset.

Source:
    UN/CEFACT CrossDomainAcknowledgementAndResponse 100 D22B; names of the terms (MDT-n,
    MDG-n): Annexe 2 « format sémantique CDV flux 6 » v2.2.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

from lxml import etree

from pipeline.syntax.characters import carriable

_STANDARD = "urn:un:unece:uncefact:data:standard:"
NAMESPACES: Mapping[str, str] = MappingProxyType(
    {
        "rsm": f"{_STANDARD}CrossDomainAcknowledgementAndResponse:100",
        "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
        "qdt": f"{_STANDARD}QualifiedDataType:100",
        "udt": f"{_STANDARD}UnqualifiedDataType:100",
    }
)
ROOT = f"{{{NAMESPACES['rsm']}}}CrossDomainAcknowledgementAndResponse"

#: MDT-3 of messages between platforms (BR-FR-CDV-02).
GUIDELINE = "urn.cpro.gouv.fr:1p0:CDV:invoice"
#: MDT-2 of invoices under the reform (BR-FR-CDV-CL-01).
REGULATED = "REGULATED"
#: MDT-77: a status of transmission, set by a platform; one of processing, set by a party.
TRANSMISSION, PROCESSING = "305", "23"
#: MDT-207: an amount received, with VAT.
RECEIVED = "MEN"

#: Types that BR-FR-04 takes; any other is left out.
INVOICE_TYPES = frozenset(
    "261 262 380 381 384 386 389 393 396 471 472 473 500 501 502 503".split()  # noqa: SIM905  # one line, not 16
)

#: What stands for a date that cannot be read (G1.114).
NO_DATE = date(1900, 1, 1)

#: Schemes of identifiers (ISO 6523).
SIREN, SIRET, ADDRESS, MATRICULE = "0002", "0009", "0225", "0238"
#: Roles (UNTDID 3035): seller, buyer, platform, and who represents the seller.
SELLER, BUYER, PLATFORM, REPRESENTATIVE = "SE", "BY", "WK", "SR"


@dataclass(frozen=True, slots=True)
class Party:
    """One party of a message, or of the object it speaks of.

    Attributes:
        role: A role code; None where a partner leaves it out.
        id: Identifier; the first of several.
        scheme: What the identifier is.
        name: At most 150 characters.
        address: Electronic address, scheme 0225.
    """

    role: str | None = None
    id: str | None = None
    scheme: str | None = None
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic:
    """One figure that goes with a status.

    Attributes:
        code: What it is, e.g. ``MEN``.
        amount: An amount; None for another kind of figure.
        currency: Of the amount.
        percent: VAT rate in percent.
    """

    code: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file that completes an invoice.

    Attributes:
        payload: Its bytes.
        mime: What they are.
        name: As it is called.
    """

    payload: bytes
    mime: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One reason of a status.

    Attributes:
        sequence: Place among the details, from 1.
        reason: Code of the reason.
        text: The reason in words, at most 250 characters.
        action: What is asked for, e.g. ``NIN`` (new invoice).
        rule: Rule that failed, at most 30 characters.
        note: What was found, at most 2,000 characters.
        subject: Faulty file, line or term, at most 200 characters.
        characteristics: Figures, in order.
    """

    sequence: int
    reason: str | None = None
    text: str | None = None
    action: str | None = None
    rule: str | None = None
    note: str | None = None
    subject: str | None = None
    characteristics: tuple[Characteristic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdar:
    """One message: one status of one flow or one invoice.

    Attributes:
        id: Identifier of this message, at most 50 characters.
        name: What it is, in words.
        issued_at: When it was written (aware).
        sender: The platform that sends.
        issuer: Who decided.
        recipients: One at least.
        set_at: When the status was set (aware).
        reference: Number of the invoice, or name of the flow; at most 100 characters.
        transmission: UNTDID 1373 code that goes with the status; None for a flow.
        type_code: Type of the invoice (BT-3), or None.
        flow: Name of the flow that held the invoice.
        received_at: When the object was received (aware).
        attachments: What completes it, in order.
        issue_date: Date of the invoice, or of the flow.
        status: 200 to 601.
        label: The status in words.
        seller: Who issued the invoice.
        buyer: Who is billed.
        details: Why, in order.
        process: Frame of the exchange.
        guideline: Dialect of the message.
        phase: Transmission or processing.
        multiple: Whether it speaks of several objects; never in France.
    """

    id: str
    name: str | None = None
    issued_at: datetime
    sender: Party
    issuer: Party
    recipients: tuple[Party, ...]
    set_at: datetime | None = None
    reference: str
    transmission: str | None = None
    type_code: str | None = None
    flow: str | None = None
    received_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    issue_date: date | None = None
    status: int
    label: str | None = None
    seller: Party | None = None
    buyer: Party | None = None
    details: tuple[Detail, ...] = ()
    process: str = REGULATED
    guideline: str = GUIDELINE
    phase: str = TRANSMISSION
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of text is written and read back.

    Attributes:
        write: Value to text.
        read: Text to value.
        attributes: What its element always says of itself.
    """

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Block:
    """A value with rows of its own.

    Attributes:
        kind: Its class.
        rows: Where its attributes stand.
        many: Whether the attribute holds several of them, in order.
    """

    kind: type
    rows: tuple[_Row, ...]
    many: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table.

    Attributes:
        mdt: The term, or the group of a block.
        term: Attribute of the value.
        path: Where it stands below the element of its block, which is ``.``; the last step
            may be ``@NAME``.
        form: How it is written.
    """

    mdt: str
    term: str
    path: str
    form: _Form | _Block


_TEXT = _Form(carriable, str)
_NUMBER = _Form(str, int)
_FLAG = _Form(lambda flag: str(flag).lower(), lambda text: text.strip() in {"true", "1"})
_MOMENT = _Form(
    lambda moment: moment.astimezone(UTC).strftime("%Y%m%d%H%M%S"),
    lambda text: datetime.strptime(text.strip(), "%Y%m%d%H%M%S").replace(tzinfo=UTC),
    {"format": "204"},
)
#: BT-2 stands as a day; the moment that some write there is read as its day.
_DAY = _Form(
    lambda day: day.isoformat().replace("-", ""),
    lambda text: datetime.strptime(text.strip()[:8], "%Y%m%d").replace(tzinfo=UTC).date(),
    {"format": "102"},
)
_URI = _Form(carriable, str, {"schemeID": ADDRESS})
_DECIMAL = _Form(lambda figure: format(figure, "f"), lambda text: Decimal(text.strip()))
_BYTES = _Form(
    lambda payload: b64encode(payload).decode("ascii"),
    lambda text: b64decode("".join(text.split()), validate=True),
)


def _party(
    ident: str, scheme: str, role: str, name: str = "", address: str = ""
) -> tuple[_Row, ...]:
    """Return the rows of a party, whose terms have other numbers in every block."""
    rows = (
        _Row(ident, "id", "ram:GlobalID", _TEXT),
        _Row(scheme, "scheme", "ram:GlobalID/@schemeID", _TEXT),
        _Row(name, "name", "ram:Name", _TEXT),
        _Row(role, "role", "ram:RoleCode", _TEXT),
        _Row(address, "address", "ram:URIUniversalCommunication/ram:URIID", _URI),
    )
    return tuple(row for row in rows if row.mdt)


_CHARACTERISTIC = (
    _Row("MDT-207", "code", "ram:TypeCode", _TEXT),
    _Row("MDT-215", "amount", "ram:ValueAmount", _DECIMAL),
    _Row("MDT-216", "currency", "ram:ValueAmount/@currencyID", _TEXT),
    _Row("MDT-224", "percent", "ram:ValuePercent", _DECIMAL),
)

_ATTACHMENT = (
    _Row("MDT-96", "payload", ".", _BYTES),
    _Row("MDT-96-1", "mime", "./@mimeCode", _TEXT),
    _Row("MDT-96-2", "name", "./@filename", _TEXT),
)

_DETAIL = (
    _Row("MDT-113", "reason", "ram:ReasonCode", _TEXT),
    _Row("MDT-114", "text", "ram:Reason", _TEXT),
    _Row("MDT-121", "action", "ram:RequestedActionCode", _TEXT),
    _Row("MDT-124-2", "sequence", "ram:SequenceNumeric", _NUMBER),
    _Row("MDT-125", "rule", "ram:IncludedNote/ram:ContentCode", _TEXT),
    _Row("MDT-126", "note", "ram:IncludedNote/ram:Content", _TEXT),
    _Row("MDT-127", "subject", "ram:IncludedNote/ram:SubjectCode", _TEXT),
    _Row(
        "MDG-43",
        "characteristics",
        "ram:SpecifiedDocumentCharacteristic",
        _Block(Characteristic, _CHARACTERISTIC, many=True),
    ),
)

_CONTEXT = "rsm:ExchangedDocumentContext"
_MESSAGE = "rsm:ExchangedDocument"
_ANSWER = "rsm:AcknowledgementDocument"
_OBJECT = f"{_ANSWER}/ram:ReferenceReferencedDocument"
_AT = "udt:DateTimeString"
_DIALECT = f"{_CONTEXT}/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"
_SELLERS_SIREN = f"{_OBJECT}/ram:IssuerTradeParty/ram:GlobalID[@schemeID='{SIREN}']"

TABLE: tuple[_Row, ...] = (
    _Row(
        "MDT-2",
        "process",
        f"{_CONTEXT}/ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",
        _TEXT,
    ),
    _Row(
        "MDT-3",
        "guideline",
        _DIALECT,
        _TEXT,
    ),
    _Row("MDT-4", "id", f"{_MESSAGE}/ram:ID", _TEXT),
    _Row("MDT-5", "name", f"{_MESSAGE}/ram:Name", _TEXT),
    _Row("MDT-8", "issued_at", f"{_MESSAGE}/ram:IssueDateTime/{_AT}", _MOMENT),
    _Row(
        "MDG-9",
        "sender",
        f"{_MESSAGE}/ram:SenderTradeParty",
        _Block(Party, _party("MDT-19", "MDT-18", "MDT-21", "MDT-20", "MDT-35")),
    ),
    _Row(
        "MDG-16",
        "issuer",
        f"{_MESSAGE}/ram:IssuerTradeParty",
        _Block(Party, _party("MDT-38", "MDT-37", "MDT-40", "MDT-39")),
    ),
    _Row(
        "MDG-23",
        "recipients",
        f"{_MESSAGE}/ram:RecipientTradeParty",
        _Block(Party, _party("MDT-57", "MDT-56", "MDT-59", "MDT-58", "MDT-73"), many=True),
    ),
    _Row("MDT-74", "multiple", f"{_ANSWER}/ram:MultipleReferencesIndicator/udt:Indicator", _FLAG),
    _Row("MDT-77", "phase", f"{_ANSWER}/ram:TypeCode", _TEXT),
    _Row("MDT-78", "set_at", f"{_ANSWER}/ram:IssueDateTime/{_AT}", _MOMENT),
    _Row("MDT-87", "reference", f"{_OBJECT}/ram:IssuerAssignedID", _TEXT),
    _Row("MDT-88", "transmission", f"{_OBJECT}/ram:StatusCode", _TEXT),
    _Row("MDT-91", "type_code", f"{_OBJECT}/ram:TypeCode", _TEXT),
    _Row("MDT-94", "flow", f"{_OBJECT}/ram:Name", _TEXT),
    _Row("MDT-95", "received_at", f"{_OBJECT}/ram:ReceiptDateTime/{_AT}", _MOMENT),
    _Row(
        "MDG-33",
        "attachments",
        f"{_OBJECT}/ram:AttachmentBinaryObject",
        _Block(Attachment, _ATTACHMENT, many=True),
    ),
    _Row(
        "MDT-100",
        "issue_date",
        f"{_OBJECT}/ram:FormattedIssueDateTime/qdt:DateTimeString",
        _DAY,
    ),
    _Row("MDT-105", "status", f"{_OBJECT}/ram:ProcessConditionCode", _NUMBER),
    _Row("MDT-106", "label", f"{_OBJECT}/ram:ProcessCondition", _TEXT),
    _Row(
        "MDG-40",
        "seller",
        f"{_OBJECT}/ram:IssuerTradeParty",
        _Block(Party, _party("MDT-129", "MDT-130", "MDT-132")),
    ),
    _Row(
        "MDG-41",
        "buyer",
        f"{_OBJECT}/ram:RecipientTradeParty",
        _Block(Party, _party("MDT-155", "MDT-156", "MDT-158", "MDT-157")),
    ),
    _Row(
        "MDG-37",
        "details",
        f"{_OBJECT}/ram:SpecifiedDocumentStatus",
        _Block(Detail, _DETAIL, many=True),
    ),
)

V = TypeVar("V")


def write(message: Cdar, schema: etree.XMLSchema) -> bytes:
    """Write a message as UTF-8 with an XML declaration; one message, one sequence of bytes.

    Characters that XML cannot carry are written as U+FFFD.

    Args:
        message: What to write.
        schema: Compiled D22B schema; nothing leaves that it does not accept.

    Raises:
        ValueError: The message breaks the schema: our bug.
    """
    root = etree.Element(ROOT, nsmap=dict(NAMESPACES))
    _fill(root, message, TABLE)
    if not schema.validate(root):
        raise ValueError(f"CDAR breaks its schema: {schema.error_log}")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def read(root: etree._Element) -> Cdar:
    """Read a message whose structure has been checked against the schema.

    Raises:
        ValueError: `root` is no CDAR, or lacks what every message has.
    """
    if root.tag != ROOT:
        raise ValueError(f"not a CDAR: {root.tag!s}")
    message = _take(Cdar, TABLE, root)
    # a seller may bear other identifiers too: its SIREN is the one that is always there
    siren = root.findtext(_SELLERS_SIREN, namespaces=dict(NAMESPACES))
    if message.seller is None or siren is None:
        return message
    return replace(message, seller=replace(message.seller, id=siren, scheme=SIREN))


def guideline_of(root: etree._Element) -> str:
    """Return what a message says of its dialect (MDT-3); empty where it says nothing."""
    return (root.findtext(_DIALECT, namespaces=dict(NAMESPACES)) or "").strip()


def _fill(element: etree._Element, value: object, rows: tuple[_Row, ...]) -> None:
    """Write each attribute of `value` that is there under its path, in the table's order."""
    for row in rows:
        held = getattr(value, row.term)
        if held is None:
            continue
        *steps, last = row.path.split("/")
        holder = element
        for step in steps:
            holder = _open(holder, step)
        if isinstance(row.form, _Block):
            for one in held if row.form.many else (held,):
                _fill(etree.SubElement(holder, _tag(last)), one, row.form.rows)
        elif last == ".":
            element.text = row.form.write(held)
        elif last.startswith("@"):
            holder.set(last[1:], row.form.write(held))
        else:
            item = etree.SubElement(holder, _tag(last), dict(row.form.attributes))
            item.text = row.form.write(held)


def _open(element: etree._Element, step: str) -> etree._Element:
    """Go down one step, into the last child if it is that one, else into a new one."""
    if step == ".":
        return element
    tag = _tag(step)
    if len(element) and element[-1].tag == tag:
        return element[-1]
    return etree.SubElement(element, tag)


def _tag(step: str) -> str:
    prefix, _, name = step.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{name}"


def _take(kind: type[V], rows: tuple[_Row, ...], element: etree._Element) -> V:
    """Build a value from the element that holds it."""
    found = dict(_terms(rows, element))
    missing = [
        one.name
        for one in fields(kind)  # type: ignore[arg-type]  # every class of the table is a dataclass
        if one.default is MISSING and one.name not in found
    ]
    if missing:
        raise ValueError(f"{element.tag!s} lacks {', '.join(missing)}")
    return kind(**found)


def _terms(rows: tuple[_Row, ...], element: etree._Element) -> Iterator[tuple[str, object]]:
    """Yield each attribute that `element` holds."""
    for row in rows:
        path, _, attribute = row.path.partition("/@")
        items = element.findall(path, dict(NAMESPACES))
        form = row.form
        if not items:
            continue
        if isinstance(form, _Block):
            parts: tuple[object, ...] = tuple(_take(form.kind, form.rows, item) for item in items)
            yield row.term, parts if form.many else parts[0]
            continue
        text = items[0].get(attribute) if attribute else "".join(map(str, items[0].itertext()))
        if text is not None:
            yield row.term, form.read(text)
