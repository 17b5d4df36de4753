"""What partners say of invoices, out of the messages that carry it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType

from pipeline.model.connection import ReplyForm
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.life import Actor, Attached, Cash, Event, Given, Numbering, Saying
from pipeline.model.life_reasons import KNOWN, MISSING_ATTACHMENT, PUBLIC_ONLY
from pipeline.model.life_step import is_siret
from pipeline.model.life_table import MOVES
from pipeline.syntax.cdar import NO_DATE, RECEIVED, SELLER, Cdar, Detail
from pipeline.syntax.characters import shorten
from pipeline.syntax.cpp_status import FactureStatus, StatusMessage
from pipeline.syntax.replies import Shape, TableUnreadable, read_moment, read_table
from pipeline.syntax.status_codes import event_of_code, event_of_number

#: A comment is kept so far; what a partner writes beyond is cut.
MOST_COMMENT = 2_000
#: Status of a message that refuses a status of ours.
REFUSED_STATUS = 601
#: The shape of a table of statuses; ``status`` is an event (``book``) or a status of Chorus
#: Pro's (``COMPTABILISEE``), ``cash`` amounts with their rates (``120.00@20``), ``validator``
#: the SIRET of another one.
COLUMNS = (
    "number",
    "date",
    "seller",
    "status",
    "at",
    "reason",
    "comment",
    "cash",
    "validator",
)
SHAPE = Shape(
    columns=COLUMNS,
    needed=frozenset({"number", "seller", "status"}),
    schema="edi-statuses/1",
    key="statuses",
)
#: What a table may call an event: its own name, or that of the status it leads to.
_WORDS: Mapping[str, Event] = MappingProxyType(
    {
        **{
            move.after.value.lower(): move.event
            for move in MOVES
            if move.after
            and move.actor in {Actor.RECIPIENT, Actor.VALIDATOR}
            and move.reason is None
        },
        **{event.value: event for event in Event},
    }
)
_CASH = re.compile(
    r"(?P<amount>-?[0-9]{1,15}([.][0-9]{1,6})?)@(?P<rate>[0-9]{1,3}([.][0-9]{1,2})?)"
)
#: What a reason looks like in a table, known or not, and how many a line may give.
_CODE, _MOST_REASONS = re.compile("[A-Z][A-Z0-9_]{1,39}"), 20
_SHOWN = 80
#: What stands for a seller that nobody can be.
_NOBODY = ""


def read_statut(message: StatusMessage, numbering: Numbering, place: str) -> Iterator[Saying]:
    """Yield what a CPPStatut says, one status an invoice, in order; nothing of a flow.

    Args:
        message: Checked against the schema.
        numbering: Which of the two numberings its partner speaks.
        place: Name of its file.
    """
    for number, one in enumerate(message.invoices, 1):
        yield Saying(
            place=f"{place}, CPPFactureStatutUnitaire {number}",
            number=one.number,
            issue_date=one.issue_date,
            seller=one.supplier.id,
            event=event_of_number(one.status, numbering),
            status=f"{one.status:02d} ({numbering.value})",
            said_at=one.at,
            given=_given_of(one),
        )


def _given_of(one: FactureStatus) -> Given:
    """Return what came with a status that has no place of its own for a reason.

    Some write its code in the complement, others in the words of it.
    """
    complement = (one.complement or "").strip()
    codes = tuple(word for word in complement.replace(",", " ").split() if is_reason(word))
    words = [one.comment or "", "" if codes else complement]
    comment = " ".join(filter(None, (word.strip() for word in words)))
    return Given(reasons=codes, comment=comment[:MOST_COMMENT], coded=False)


def read_status_table(
    payload: bytes, place: str, forms: Collection[ReplyForm], most: int, received: datetime
) -> Iterator[Saying | Reason]:
    """Yield what the lines of a CSV or JSON table say, or what is wrong with them.

    Args:
        payload: The file.
        place: Its name.
        forms: Those that were agreed.
        most: Most lines that it may have.
        received: When it was received: the moment of lines that tell none (aware).
    """
    try:
        lines = read_table(payload, SHAPE, forms, most)
    except TableUnreadable as found:
        yield reason(found.code, place, *found.told)
        return
    for number, line in enumerate(lines, 1):
        yield _of_line(line, f"{place} n° {number}", received)


def _of_line(line: Mapping[str, str], place: str, received: datetime) -> Saying | Reason:
    """Return what one line says, or the first thing that is wrong with it."""
    given = {name: line.get(name) or "" for name in COLUMNS}
    at, day = read_moment(given["at"]), _day(given["date"])
    cash, reasons = _cash_in(given["cash"]), given["reason"].replace(",", " ").split()
    checks = (
        (not given["number"], "number", "BT-1"),
        (not given["seller"], "seller", "SIREN, SIRET, TVA / VAT"),
        (bool(given["date"]) and day is None, "date", "2026-11-28"),
        (bool(given["at"]) and at is None, "at", "2026-11-28T09:30:00+01:00"),
        (cash is None, "cash", "120.00@20 50.00@5.5"),
        (not _are_codes(reasons), "reason", "CMD_ERR JUSTIF_ABS"),
        (
            bool(given["validator"]) and not is_siret(given["validator"]),
            "validator",
            "SIRET",
        ),
    )
    for is_wrong, column, expected in checks:
        if is_wrong:
            shown = shorten(given[column], _SHOWN)
            fr = f"{column} : « {shown} » ; attendu : {expected}"
            return reason("IRR_SYNTAX", place, fr, f"{column}: '{shown}'; expected: {expected}")
    return Saying(
        place=place,
        number=given["number"],
        issue_date=day,
        seller=given["seller"],
        event=_WORDS.get(given["status"].lower()),
        status=shorten(given["status"], _SHOWN),
        said_at=at or received,
        given=Given(
            reasons=tuple(reasons),
            comment=given["comment"][:MOST_COMMENT],
            cash=cash or (),
            validator=given["validator"],
        ),
    )


def _are_codes(words: Sequence[str]) -> bool:
    """Tell whether words may be codes: those stay on record when what was said in words goes."""
    return len(words) <= _MOST_REASONS and all(_CODE.fullmatch(word) for word in words)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _cash_in(text: str) -> tuple[Cash, ...] | None:
    """Read amounts with their rates; None where they cannot be read."""
    found: list[Cash] = []
    for word in text.split():
        match = _CASH.fullmatch(word)
        if match is None:
            return None
        found.append(Cash(amount=Decimal(match["amount"]), rate=Decimal(match["rate"])))
    return tuple(found)


def read_cdar(message: Cdar, place: str) -> Saying:
    """Return what a CDAR says of one invoice.

    Args:
        message: Checked against the schema and the published rules.
        place: Name of its file.
    """
    event = event_of_code(message.status)
    reasons = tuple(detail.reason for detail in message.details if detail.reason)
    if event is Event.REJECT and MISSING_ATTACHMENT in reasons:
        reasons = (MISSING_ATTACHMENT,)
    files = tuple(
        Attached(
            name=one.name or f"{place}-{number}",
            mime=one.mime or "application/octet-stream",
            payload=one.payload,
        )
        for number, one in enumerate(message.attachments, 1)
    )
    dated = message.issue_date
    return Saying(
        place=place,
        number=message.reference,
        issue_date=None if dated == NO_DATE else dated,
        seller=_seller_of(message),
        event=event,
        status=str(message.status),
        said_at=message.set_at or message.issued_at,
        given=Given(
            reasons=tuple(dict.fromkeys(reasons)),
            comment=_comment_of(message.details)[:MOST_COMMENT],
            cash=tuple(_cash_of(message.details)),
            attachments=len(files),
            contents=tuple(sha256(one.payload).hexdigest() for one in files),
        ),
        message=message.id,
        files=files,
    )


def _seller_of(message: Cdar) -> str:
    """Return the seller's SIREN, or what else identifies it."""
    seller = message.seller
    if seller is None or seller.id is None or seller.role not in {SELLER, None}:
        return _NOBODY
    return seller.id


def _comment_of(details: tuple[Detail, ...]) -> str:
    found = (text.strip() for one in details for text in (one.note or one.text or "",))
    return " ".join(dict.fromkeys(filter(None, found)))


def _cash_of(details: tuple[Detail, ...]) -> Iterator[Cash]:
    for figure in (one for detail in details for one in detail.characteristics):
        if figure.code == RECEIVED and figure.amount is not None:
            rate = Decimal(0) if figure.percent is None else figure.percent
            yield Cash(amount=figure.amount, rate=rate, currency=figure.currency or "EUR")


def is_reason(word: str) -> bool:
    """Tell whether a word is the code of a reason, by any of its names."""
    return word in KNOWN or word in PUBLIC_ONLY
