"""What partners say of invoices, out of the messages that carry it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.model.life import Attached, Cash, Event, Given, Numbering, Saying
from pipeline.model.life_reasons import KNOWN, MISSING_ATTACHMENT, PUBLIC_ONLY
from pipeline.syntax.cdar import NO_DATE, RECEIVED, SELLER, Cdar, Detail
from pipeline.syntax.cpp_status import FactureStatus, StatusMessage
from pipeline.syntax.status_codes import event_of_code, event_of_number

#: A comment is kept so far; what a partner writes beyond is cut.
MOST_COMMENT = 2_000
#: Status of a message that refuses a status of ours.
REFUSED_STATUS = 601
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
