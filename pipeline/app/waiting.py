"""Who owes the next word about an invoice, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from pipeline.app.lives import bearers_of
from pipeline.app.receipts import unacknowledged
from pipeline.model.document import Document
from pipeline.model.life import Entry, Event, Life, Status
from pipeline.model.life_table import ACTIVE, MISNAMED, WAITS
from pipeline.ports.ledger import Ledger, Sheets


class WaitingFor(Enum):
    """Who, or what, an invoice waits for."""

    DELIVERY = "delivery"
    RECIPIENT = "recipient"
    SUPPLIER = "supplier"
    VALIDATOR = "validator"
    ACKNOWLEDGEMENT = "acknowledgement"


#: Where an invoice stands that waits for somebody.
AT: Mapping[WaitingFor, frozenset[Status]] = MappingProxyType(
    {
        WaitingFor.DELIVERY: frozenset({Status.DEPOSEE, Status.EN_COURS_ACHEMINEMENT}),
        WaitingFor.RECIPIENT: frozenset(
            one for one in Status if one in ACTIVE and one is not Status.SUSPENDUE
        ),
        WaitingFor.SUPPLIER: MISNAMED | {Status.SUSPENDUE, Status.A_RECYCLER, Status.REJETEE},
        WaitingFor.VALIDATOR: WAITS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One invoice, or one file, that somebody owes a word about.

    Attributes:
        subject: Id of the document, or key of the outbox row.
        number: BT-1; of a file its name.
        status: Where the invoice stands; None of a file.
        owner: Partner who owes the word; the hub itself for a delivery.
        since: Since when (aware, UTC).
        age: How long that is.
    """

    subject: str
    number: str
    status: Status | None
    owner: str
    since: datetime
    age: timedelta


def awaited(
    ledger: Ledger,
    sheets: Sheets,
    what: WaitingFor,
    now: datetime,
    *,
    longer_than: timedelta = timedelta(),
    limit: int = 1_000,
) -> Sequence[Awaited]:
    """Return what waits for somebody, the longest first.

    Args:
        ledger: Where it is looked up.
        sheets: The configuration in force, which says whose a connection is.
        what: For whom.
        now: The moment (aware).
        longer_than: Only what has waited so long.
        limit: Invoices looked at, at most: those that have waited longest.
    """
    if what is WaitingFor.ACKNOWLEDGEMENT:
        found = list(_files(ledger, sheets, now))
    else:
        lives = ledger.lives_at(AT[what], limit)
        found = list(_invoices(ledger, sheets, what, lives, now))
    return [one for one in found if one.age >= longer_than]


def _files(ledger: Ledger, sheets: Sheets, now: datetime) -> Iterator[Awaited]:
    for one in unacknowledged(ledger, sheets, now):
        yield Awaited(
            subject=one.row,
            number=one.name,
            status=None,
            owner=one.partner,
            since=one.sent_at,
            age=now - one.sent_at,
        )


def _invoices(
    ledger: Ledger, sheets: Sheets, what: WaitingFor, lives: Sequence[Life], now: datetime
) -> Iterator[Awaited]:
    bearers = bearers_of(ledger, lives)
    for life in lives:
        document = bearers[life.id]
        if life.status is Status.REJETEE and _is_processed(ledger, life):
            continue
        yield Awaited(
            subject=life.id,
            number=document.header.number or document.name,
            status=life.status,
            owner=_owner(ledger, sheets, what, document, life),
            since=life.since,
            age=now - life.since,
        )


def _is_processed(ledger: Ledger, life: Life) -> bool:
    """Tell whether the supplier took note of the last reject: it is off its list then."""
    since = (one for one in reversed(ledger.history(life.id)) if _settles(one))
    last = next(since, None)
    return last is not None and last.event is Event.PROCESS_REJECT


def _settles(one: Entry) -> bool:
    return one.moved or one.event is Event.PROCESS_REJECT


def _owner(
    ledger: Ledger, sheets: Sheets, what: WaitingFor, document: Document, life: Life
) -> str:
    if what is WaitingFor.VALIDATOR and life.asked is not None:
        siret = life.asked.validator
        found = (one.partner for one in sheets.connections.values() if one.structure == siret)
        return next(found, siret)
    if what is WaitingFor.SUPPLIER:
        flow = ledger.interchange(document.interchange)
        return flow.partner if flow else ""
    sheet = sheets.connections.get(document.route or "")
    return sheet.partner if sheet else document.route or ""
