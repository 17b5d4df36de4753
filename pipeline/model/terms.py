"""Every business term, and where it stands in `Invoice`.

A term that the extension's published rules name by no number bears the name of its group and
of its field: ``EXT-FR-FE-BG-12/vat_id``.

Source:
    EN 16931-1:2017, table 2; for ``EXT-FR-FE-…`` the rule packs BR-FR-Flux 2 and
    EXTENDED-CTC-FR (contexts and messages) and XP Z12-012 annex A, in which the parties of the
    extension repeat one block of 23 numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import get_args, get_origin, get_type_hints

from pipeline.model.invoice import Invoice


class Kind(Enum):
    """What a term holds (EN 16931-1, clause 6.5)."""

    GROUP = "group"
    TEXT = "text"
    CODE = "code"
    IDENTIFIER = "identifier"  #: references to documents among them
    AMOUNT = "amount"
    PRICE = "price"
    QUANTITY = "quantity"
    PERCENT = "percent"
    DATE = "date"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Term:
    """One business term.

    Attributes:
        name: ``BT-1``, ``BT-29-1``, ``BG-25``, ``EXT-FR-FE-163``.
        path: Fields that lead to it from `Invoice`, with dots between, through every item of a
            tuple: ``lines.quantity.value``. A group leads to the value that holds its terms,
            which is empty for the invoice itself.
        kind: What it holds.
        many: Whether it may occur more than once in one occurrence of its group.
    """

    name: str
    path: str
    kind: Kind
    many: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One field on a path.

    Attributes:
        name: Of the field.
        kind: Type of what it holds, of one item where it holds several.
        many: Whether it is a tuple.
    """

    name: str
    kind: type
    many: bool


def fields_of(kind: type) -> Mapping[str, Step]:
    """Return every field of a class of the model, by its name, in the order of the class."""
    return _fields_of(kind)


@cache
def _fields_of(kind: type) -> Mapping[str, Step]:
    return MappingProxyType(
        {name: _step(name, hint) for name, hint in get_type_hints(kind).items()}
    )


@cache
def steps_of(path: str) -> tuple[Step, ...]:
    """Return the fields that a path of a term leads through, from `Invoice` on.

    Raises:
        KeyError: There is no such field: our bug.

    >>> [(step.name, step.many) for step in steps_of("lines.quantity.value")]
    [('lines', True), ('quantity', False), ('value', False)]
    """
    steps: list[Step] = []
    kind: type = Invoice
    for name in path.split(".") if path else ():
        step = fields_of(kind)[name]
        steps.append(step)
        kind = step.kind
    return tuple(steps)


def _step(name: str, hint: object) -> Step:
    if get_origin(hint) is tuple:
        return Step(name, get_args(hint)[0], many=True)
    kinds = [each for each in get_args(hint) if each is not type(None)] or [hint]
    (kind,) = kinds
    if not isinstance(kind, type):
        raise TypeError(f"{name} is of no plain type: {kind}")
    return Step(name, kind, many=False)


#: The norm's terms and groups that stand directly in the invoice or in a value of its own, as
#: ``name path``; the kind is the heading's.
_NORM: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.GROUP: """
            BG-1 notes | BG-2 | BG-3 preceding | BG-4 seller | BG-5 seller.address
            BG-6 seller.contacts | BG-7 buyer | BG-8 buyer.address | BG-9 buyer.contacts
            BG-10 payee | BG-11 representative | BG-12 representative.address | BG-13 delivery
            BG-14 period | BG-15 delivery.to.address | BG-16 payments | BG-17 payments.accounts
            BG-18 payments.card | BG-19 payments | BG-20 allowances | BG-21 charges
            BG-22 totals | BG-23 vat | BG-24 supports | BG-25 lines | BG-26 lines.period
            BG-27 lines.allowances | BG-28 lines.charges | BG-29 lines | BG-30 lines
            BG-31 lines | BG-32 lines.attributes | BT-127-00 lines.further_notes""",
        Kind.IDENTIFIER: """
            BT-1 number | BT-10 buyer_reference | BT-11 project | BT-12 contract | BT-13 order
            BT-14 sales_order | BT-15 receiving_advice | BT-16 despatch_advice | BT-17 tender
            BT-18 object.value | BT-18-1 object.scheme | BT-18/further further_objects.value
            BT-18-1/further further_objects.scheme | BT-23 frame | BT-24 specification
            BT-25 preceding.number
            BT-29 seller.identifiers.value | BT-29-1 seller.identifiers.scheme
            BT-30 seller.legal_id.value | BT-30-1 seller.legal_id.scheme | BT-31 seller.vat_id
            BT-32 seller.tax_id | BT-34 seller.endpoint.value | BT-34-1 seller.endpoint.scheme
            BT-46 buyer.identifiers.value | BT-46-1 buyer.identifiers.scheme
            BT-47 buyer.legal_id.value | BT-47-1 buyer.legal_id.scheme | BT-48 buyer.vat_id
            BT-49 buyer.endpoint.value | BT-49-1 buyer.endpoint.scheme
            BT-60 payee.identifiers.value | BT-60-1 payee.identifiers.scheme
            BT-61 payee.legal_id.value | BT-61-1 payee.legal_id.scheme
            BT-63 representative.vat_id
            BT-71 delivery.to.identifiers.value | BT-71-1 delivery.to.identifiers.scheme
            BT-84 payments.accounts.number | BT-86 payments.accounts.provider
            BT-89 payments.mandate | BT-90 payments.creditor | BT-91 payments.debited
            BT-122 supports.reference
            BT-126 lines.id | BT-128 lines.object.value | BT-128-1 lines.object.scheme
            BT-128/further lines.further_objects.value
            BT-128-1/further lines.further_objects.scheme
            BT-132 lines.order_line | BT-155 lines.seller_item | BT-156 lines.buyer_item
            BT-157 lines.standard_item.value | BT-157-1 lines.standard_item.scheme
            BT-158 lines.classifications.value | BT-158-1 lines.classifications.scheme
            BT-158-2 lines.classifications.version""",
        Kind.DATE: """
            BT-2 issue_date | BT-7 tax_point | BT-9 due_date | BT-26 preceding.issue_date
            BT-72 delivery.on | BT-73 period.start | BT-74 period.end
            BT-134 lines.period.start | BT-135 lines.period.end""",
        Kind.CODE: """
            BT-3 type_code | BT-5 currency | BT-6 tax_currency | BT-8 vat_point
            BT-21 notes.subject | BT-40 seller.address.country | BT-55 buyer.address.country
            BT-69 representative.address.country | BT-80 delivery.to.address.country
            BT-81 payments.means | BT-95 allowances.vat_category | BT-98 allowances.reason_code
            BT-102 charges.vat_category | BT-105 charges.reason_code | BT-118 vat.category
            BT-121 vat.exemption_code
            BT-125-1 supports.attachment.mime | BT-130 lines.quantity.unit
            BT-140 lines.allowances.reason_code | BT-145 lines.charges.reason_code
            BT-150 lines.price_base.unit | BT-151 lines.vat_category | BT-159 lines.origin""",
        Kind.TEXT: """
            BT-19 accounting_reference | BT-20 payment_terms | BT-22 notes.text
            BT-27 seller.name | BT-28 seller.trading_name | BT-33 seller.legal_form
            BT-35 seller.address.line_1 | BT-36 seller.address.line_2
            BT-37 seller.address.city | BT-38 seller.address.postcode
            BT-39 seller.address.subdivision | BT-162 seller.address.line_3
            BT-41 seller.contacts.name | BT-42 seller.contacts.phone
            BT-43 seller.contacts.email | BG-6/department seller.contacts.department
            BT-44 buyer.name | BT-45 buyer.trading_name
            BT-50 buyer.address.line_1 | BT-51 buyer.address.line_2 | BT-52 buyer.address.city
            BT-53 buyer.address.postcode | BT-54 buyer.address.subdivision
            BT-163 buyer.address.line_3 | BT-56 buyer.contacts.name
            BT-57 buyer.contacts.phone | BT-58 buyer.contacts.email
            BG-9/department buyer.contacts.department | BT-59 payee.name
            BT-62 representative.name | BT-64 representative.address.line_1
            BT-65 representative.address.line_2 | BT-66 representative.address.city
            BT-67 representative.address.postcode | BT-68 representative.address.subdivision
            BT-164 representative.address.line_3
            BT-70 delivery.to.name | BT-75 delivery.to.address.line_1
            BT-76 delivery.to.address.line_2 | BT-77 delivery.to.address.city
            BT-78 delivery.to.address.postcode | BT-79 delivery.to.address.subdivision
            BT-165 delivery.to.address.line_3
            BT-82 payments.means_text | BT-83 payments.reference | BT-85 payments.accounts.name
            BT-87 payments.card.number | BT-88 payments.card.holder
            BT-97 allowances.reason | BT-104 charges.reason | BT-120 vat.exemption
            BT-123 supports.description | BT-124 supports.location
            BT-125-2 supports.attachment.filename
            BT-127 lines.note | BT-127/further lines.further_notes.text
            BT-133 lines.accounting_reference
            BT-139 lines.allowances.reason | BT-144 lines.charges.reason
            BT-153 lines.name | BT-154 lines.description
            BT-160 lines.attributes.name | BT-161 lines.attributes.value""",
        Kind.AMOUNT: """
            BT-92 allowances.amount | BT-93 allowances.base
            BT-99 charges.amount | BT-100 charges.base
            BT-106 totals.lines | BT-107 totals.allowances | BT-108 totals.charges
            BT-109 totals.without_vat | BT-110 totals.vat | BT-111 totals.vat_accounting
            BT-112 totals.with_vat | BT-113 totals.paid | BT-114 totals.rounding
            BT-115 totals.due | BT-116 vat.base | BT-117 vat.amount | BT-131 lines.net
            BT-136 lines.allowances.amount | BT-137 lines.allowances.base
            BT-141 lines.charges.amount | BT-142 lines.charges.base""",
        Kind.PERCENT: """
            BT-94 allowances.percent | BT-96 allowances.vat_rate
            BT-101 charges.percent | BT-103 charges.vat_rate | BT-119 vat.rate
            BT-138 lines.allowances.percent | BT-143 lines.charges.percent
            BT-152 lines.vat_rate""",
        Kind.PRICE: """
            BT-146 lines.price | BT-147 lines.price_discount | BT-148 lines.gross_price""",
        Kind.QUANTITY: "BT-129 lines.quantity.value | BT-149 lines.price_base.value",
        Kind.BINARY: "BT-125 supports.attachment.content",
    }
)

#: The same for EXTENDED-CTC-FR, without its parties; 01 stands for EXT-FR-FE-01.
_EXTENSION: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.GROUP: """
            BG-01 buyer_agent | BG-02 payer | BG-03 seller_agent | BG-04 invoicee
            BG-05 invoicer | BG-06 lines.preceding | BG-10 lines.delivery
            BG-12 lines.seller | 150 lines.delivery.to.address""",
        Kind.CODE: """
            01 contract_type | 02 preceding.type_code | 26 payee.role
            137 lines.preceding.type_code | 157 lines.delivery.to.address.country
            159 lines.attributes.code | 161 lines.attributes.measure.unit
            163 lines.kind | 177 lines.seller.address.country | 179 lines.exemption_code
            183 lines.note_subject | 185 delivery_terms.code
            188 allowances.exemption_code | 190 charges.exemption_code
            193 lines.delivery_terms.code | 196 lines.discount_reason_code
            183/further lines.further_notes.subject""",
        Kind.IDENTIFIER: """
            135 lines.order | 136 lines.preceding.number | 139 lines.preceding.line
            140 lines.despatch_advice | 141 lines.despatch_advice_line
            142 lines.receiving_advice | 143 lines.receiving_advice_line
            144 lines.sales_order | 145 lines.sales_order_line
            146 lines.delivery.to.identifiers.value | 148 lines.delivery.to.identifiers.scheme
            162 lines.parent | 167 lines.seller.legal_id.value
            BG-12/legal_id.scheme lines.seller.legal_id.scheme
            BG-12/identifiers.value lines.seller.identifiers.value
            BG-12/identifiers.scheme lines.seller.identifiers.scheme
            BG-12/vat_id lines.seller.vat_id
            BG-12/endpoint.value lines.seller.endpoint.value
            BG-12/endpoint.scheme lines.seller.endpoint.scheme""",
        Kind.TEXT: """
            149 lines.delivery.to.name | 151 lines.delivery.to.address.line_1
            152 lines.delivery.to.address.line_2 | 153 lines.delivery.to.address.line_3
            154 lines.delivery.to.address.city | 155 lines.delivery.to.address.postcode
            156 lines.delivery.to.address.subdivision | 164 lines.seller.name
            BG-12/trading_name lines.seller.trading_name
            BG-12/address.line_1 lines.seller.address.line_1
            BG-12/address.line_2 lines.seller.address.line_2
            BG-12/address.line_3 lines.seller.address.line_3
            BG-12/address.city lines.seller.address.city
            BG-12/address.postcode lines.seller.address.postcode
            BG-12/address.subdivision lines.seller.address.subdivision
            178 lines.exemption | 186 delivery_terms.place | 187 allowances.exemption
            189 charges.exemption | 194 lines.delivery_terms.place | 195 lines.discount_reason""",
        Kind.DATE: """
            138 lines.preceding.issue_date | 158 lines.delivery.on | 197 order_date
            198 despatch_advice_date | 199 contract_date | 200 lines.order_date""",
        Kind.AMOUNT: "181 lines.vat | 182 lines.vat_accounting | 184 lines.with_vat",
        Kind.QUANTITY: "160 lines.attributes.measure.value",
    }
)

#: What the block of a party of the extension holds, by its distance from the first number.
_BLOCK: Mapping[int, tuple[str, Kind]] = MappingProxyType(
    {
        0: ("name", Kind.TEXT),
        1: ("role", Kind.CODE),
        2: ("trading_name", Kind.TEXT),
        3: ("identifiers.value", Kind.IDENTIFIER),
        4: ("identifiers.scheme", Kind.IDENTIFIER),
        5: ("legal_id.value", Kind.IDENTIFIER),
        6: ("legal_id.scheme", Kind.IDENTIFIER),
        7: ("vat_id", Kind.IDENTIFIER),
        9: ("endpoint.value", Kind.IDENTIFIER),
        10: ("endpoint.scheme", Kind.IDENTIFIER),
        11: ("address", Kind.GROUP),
        12: ("address.line_1", Kind.TEXT),
        13: ("address.line_2", Kind.TEXT),
        14: ("address.line_3", Kind.TEXT),
        15: ("address.city", Kind.TEXT),
        16: ("address.postcode", Kind.TEXT),
        17: ("address.subdivision", Kind.TEXT),
        18: ("address.country", Kind.CODE),
        19: ("contacts", Kind.GROUP),
        20: ("contacts.name", Kind.TEXT),
        21: ("contacts.phone", Kind.TEXT),
        22: ("contacts.email", Kind.TEXT),
    }
)
#: First number of each party's block. The payee has the block from its VAT identifier on: what
#: comes before bears terms of the norm.
_BLOCKS: Mapping[str, int] = MappingProxyType(
    {"buyer_agent": 3, "payer": 43, "seller_agent": 66, "invoicee": 89, "invoicer": 112}
)
_PAYEE, _PAYEE_FROM = 20, 7


def _rows(table: Mapping[Kind, str], prefix: str = "") -> Iterator[tuple[str, str, Kind]]:
    for kind, rows in table.items():
        for row in chain.from_iterable(line.split("|") for line in rows.split("\n")):
            name, _, path = row.strip().partition(" ")
            if name:
                yield prefix + name, path.strip(), kind


def _blocks() -> Iterator[tuple[str, str, Kind]]:
    for party, first in _BLOCKS.items():
        for distance, (path, kind) in _BLOCK.items():
            yield f"EXT-FR-FE-{first + distance:02}", f"{party}.{path}", kind
        yield f"EXT-FR-FE-{first + 19:02}/department", f"{party}.contacts.department", Kind.TEXT
    for distance, (path, kind) in _BLOCK.items():
        if distance >= _PAYEE_FROM:
            yield f"EXT-FR-FE-{_PAYEE + distance:02}", f"payee.{path}", kind
    yield f"EXT-FR-FE-{_PAYEE + 19:02}/department", "payee.contacts.department", Kind.TEXT


def _number(name: str) -> tuple[str, list[int]]:
    """Order names by family, BG and BT before the extension's, each by its number."""
    kind, _, rest = name.rpartition("BG-" if "BG-" in name else "FE-" if "FE-" in name else "BT-")
    numbers = [int(part) for part in rest.replace("/", "-").split("-") if part.isdigit()]
    return (kind + ("BG" if "BG-" in name else "BT"), numbers)


def _terms() -> Mapping[str, Term]:
    rows = [*_rows(_NORM), *_rows(_EXTENSION, "EXT-FR-FE-"), *_blocks()]
    groups: dict[str, str] = {}
    for name, path, kind in rows:
        if kind is Kind.GROUP:
            groups.setdefault(path, name)
    return MappingProxyType(
        {
            name: Term(name, path, kind, many=_is_many(name, path, kind, groups))
            for name, path, kind in sorted(rows, key=lambda row: _number(row[0]))
        }
    )


def _is_many(name: str, path: str, kind: Kind, groups: Mapping[str, str]) -> bool:
    """Tell whether a tuple lies between a term and the group around it."""
    steps = steps_of(path)
    if kind is Kind.GROUP and groups[path] != name:  # no value of its own
        return False
    depth = len(steps) - (1 if kind is Kind.GROUP else 0)
    names = [step.name for step in steps]
    while depth and ".".join(names[:depth]) not in groups:
        depth -= 1
    return any(step.many for step in steps[depth:])


#: Every term by its name, in the order of the norm; groups first.
TERMS: Mapping[str, Term] = _terms()

#: The name of the term at a path; of a group's own path, its first group.
TERM_AT: Mapping[str, str] = MappingProxyType(
    {term.path: name for name, term in reversed(list(TERMS.items()))}
)


def is_value(kind: type) -> bool:
    """Tell whether a type of the model is made of fields."""
    return is_dataclass(kind)
