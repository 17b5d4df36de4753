"""What an acknowledgement of a delivery says, whatever it is written in.

A partner that has a writer of CPPStatut or CDAR uses that. Another one writes a table, as CSV
or as JSON; both have the same columns:

==========  ==========================================================================
column      value
==========  ==========================================================================
``flow``    name of the file that was delivered, or the 25 characters it ends with
``number``  invoice number, where the line is about one invoice only
``seller``  SIREN of its seller, beside `number`
``date``    date of the invoice, or its year: only needed where a number came twice
``status``  ``taken``, ``partly`` or ``refused``; or the code of CPPStatut or CDAR
``at``      moment at which it was set, ISO 8601; by default when the file was received
``reason``  why, in words; needed where something was refused
==========  ==========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from pipeline.model.connection import ReplyForm
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.receipt import Said, Statement
from pipeline.syntax.cdar import SIREN, Cdar
from pipeline.syntax.characters import shorten
from pipeline.syntax.cpp_status import FluxStatus, StatusMessage
from pipeline.syntax.replies import Shape, TableUnreadable, read_moment, read_table

#: What each code says: of a flow (CPPStatut; CDAR 5xx), of one document (CDAR 2xx).
FLOW_CODES: Mapping[str, Said] = MappingProxyType(
    {
        "90": Said.TAKEN,
        "92": Said.TAKEN,
        "93": Said.REFUSED,
        "94": Said.REFUSED,
        "95": Said.REFUSED,
        "96": Said.PARTLY,
        "500": Said.TAKEN,
        "501": Said.REFUSED,
    }
)
DOCUMENT_CODES: Mapping[str, Said] = MappingProxyType({"202": Said.TAKEN, "213": Said.REFUSED})
#: What a table may say instead of a code.
WORDS: Mapping[str, Said] = MappingProxyType(
    {"taken": Said.TAKEN, "partly": Said.PARTLY, "refused": Said.REFUSED}
)
COLUMNS = ("flow", "number", "seller", "date", "status", "at", "reason")
#: Name and version of the JSON form.
SCHEMA = "edi-receipts/1"
SHAPE = Shape(columns=COLUMNS, needed=frozenset({"status"}), schema=SCHEMA, key="receipts")

#: Most faults told of a table; longest text of a partner's that is kept.
MOST_FAULTS = 20
_TEXT, _SHOWN = 2_000, 80
_SIREN = re.compile(r"[0-9]{9}")
_YEAR = re.compile(r"(?P<year>[0-9]{4})(-[0-9]{2}-[0-9]{2})?")

#: What one place of an acknowledgement says, or why it says nothing.
Line: TypeAlias = Statement | Reason


def of_status(message: StatusMessage, place: str) -> Iterator[Line]:
    """Yield what a CPPStatut says of flows, or why it says nothing."""
    for number, one in enumerate(message.flows, 1):
        yield _of_flow(one, f"{place} n° {number}")
    if not message.flows:
        yield reason(
            "IRR_SYNTAX",
            place,
            "statuts de factures ; attendu : des statuts de flux (CPPFluxStatuts)",
            "statuses of invoices; expected: statuses of flows (CPPFluxStatuts)",
        )


def _of_flow(one: FluxStatus, place: str) -> Line:
    code = str(one.status)
    if code not in FLOW_CODES:
        return _unknown_status(place, code, FLOW_CODES)
    lines = (
        " : ".join(part for part in (line.nature, line.code, line.label, line.description) if part)
        for line in one.errors
    )
    text = " ; ".join(part for part in (one.complement, one.comment, *lines) if part)
    return Statement(
        place=place,
        said=FLOW_CODES[code],
        status=code,
        flow=one.flow_id.strip(),
        said_at=one.at,
        text=shorten(text, _TEXT),
    )


def of_cdar(message: Cdar, place: str) -> Line:
    """Return what a CDAR says of a flow or of one invoice, or why it says nothing."""
    code = str(message.status)
    said = FLOW_CODES.get(code) or DOCUMENT_CODES.get(code)
    if said is None:
        return _unknown_status(place, code, (*DOCUMENT_CODES, "500", "501"))
    lines = (
        " : ".join(part for part in (one.reason, one.text, one.note, one.subject) if part)
        for one in message.details
    )
    common = {
        "place": place,
        "said": said,
        "status": code,
        "said_at": message.set_at or message.issued_at,
        "text": shorten(" ; ".join(lines), _TEXT),
    }
    if code in FLOW_CODES:
        return Statement(flow=message.reference.strip(), **common)  # type: ignore[arg-type]  # keywords of Statement
    seller = message.seller
    if seller is None or seller.scheme != SIREN or seller.id is None:
        return reason(
            "IRR_SYNTAX",
            f"{place} MDT-129",
            "SIREN du vendeur absent (schemeID 0002)",
            "the seller's SIREN is missing (schemeID 0002)",
        )
    issued = message.issue_date
    return Statement(
        number=message.reference.strip(),
        seller=seller.id,
        year=issued.year if issued else None,
        **common,  # type: ignore[arg-type]  # keywords of Statement
    )


def of_table(
    payload: bytes, place: str, forms: Collection[ReplyForm], most: int
) -> Iterator[Line]:
    """Yield what the lines of a CSV or JSON table say, or why they say nothing.

    Args:
        payload: The file.
        place: Its name.
        forms: Those that were agreed.
        most: Most lines that it may have.
    """
    try:
        lines = read_table(payload, SHAPE, forms, most)
    except TableUnreadable as found:
        yield reason(found.code, place, *found.told)
        return
    for number, line in enumerate(lines, 1):
        yield _of_line(line, f"{place} n° {number}")


def _of_line(line: Mapping[str, str], place: str) -> Line:
    """Return what one line says, or the first thing that is wrong with it."""
    flow, number = line.get("flow") or None, line.get("number") or None
    given = {name: line.get(name) or "" for name in COLUMNS}
    allowed = {**WORDS, **(DOCUMENT_CODES if number else FLOW_CODES)}
    said = allowed.get(given["status"].lower())
    year, at = _YEAR.fullmatch(given["date"]), read_moment(given["at"])
    refuses = said is not None and said is not Said.TAKEN
    checks = (
        (not flow and not number, "flow", "flow, ou / or number"),
        (said is None, "status", ", ".join(allowed)),
        (number and not _SIREN.fullmatch(given["seller"]), "seller", "9 chiffres / digits"),
        (given["date"] and year is None, "date", "2026-11-28, 2026"),
        (given["at"] and at is None, "at", "2026-11-28T09:30:00+01:00"),
        (refuses and not given["reason"], "reason", "le motif du refus / why it is refused"),
    )
    for is_wrong, column, expected in checks:
        if is_wrong:
            return _wrong(place, column, given[column], expected)
    return Statement(
        place=place,
        said=allowed[given["status"].lower()],
        status=given["status"].lower(),
        flow=flow,
        number=number,
        seller=given["seller"] if number else None,
        year=int(year["year"]) if year else None,
        said_at=at,
        text=shorten(given["reason"], _TEXT),
    )


def _wrong(place: str, column: str, value: str, expected: str) -> Reason:
    shown = shorten(value, _SHOWN)
    return reason(
        "IRR_SYNTAX",
        place,
        f"{column} : « {shown} » ; attendu : {expected}",
        f"{column}: '{shown}'; expected: {expected}",
    )


def _unknown_status(place: str, found: str, allowed: Sequence[str] | Mapping[str, Said]) -> Reason:
    return _wrong(place, "status", found, ", ".join(allowed))


def not_admitted(statement: Statement, code: str, statuses: Sequence[str]) -> Reason:
    """Say that a status is not one that an interface carries."""
    return _unknown_status(f"{statement.place} ({code})", statement.status, statuses)
