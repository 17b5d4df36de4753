"""Who owes the next word about an invoice, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from pipeline.app.lives import bearers_of
from pipeline.app.receipts import unacknowledged
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId
from pipeline.model.life import Entry, Event, Life, Status
from pipeline.model.life_table import ACTIVE, MISNAMED, WAITS
from pipeline.ports.ledger import Ledger, Sheets


class WaitingFor(Enum):
    """Who, or what, an invoice waits for."""

    DELIVERY = "delivery"
    VALIDATOR = "validator"
    RECIPIENT = "recipient"
    SUPPLIER = "supplier"
    ACKNOWLEDGEMENT = "acknowledgement"


#: Where an invoice stands that waits for somebody.
AT: Mapping[WaitingFor, frozenset[Status]] = MappingProxyType(
    {
        WaitingFor.DELIVERY: frozenset({Status.DEPOSEE, Status.EN_COURS_ACHEMINEMENT}),
        WaitingFor.VALIDATOR: WAITS,
        WaitingFor.RECIPIENT: frozenset(
            one for one in Status if one in ACTIVE and one is not Status.SUSPENDUE
        ),
        WaitingFor.SUPPLIER: frozenset(
            {*MISNAMED, Status.SUSPENDUE, Status.A_RECYCLER, Status.REJETEE}
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One invoice, or one file, that somebody owes a word about.

    Attributes:
        subject: Id of the document, or key of the outbox row.
        number: BT-1; of a file its name.
        status: Where the invoice stands; None of a file.
        owner: Partner who owes the word; of a validator without a sheet its SIRET.
        contact: Whom to write to; None where its sheet names nobody.
        since: Since when (aware, UTC).
        age: How long that is.
        deadline: Until when it was agreed to come (aware); None where nothing was agreed.
        overdue: Whether that is over.
    """

    subject: str
    number: str
    status: Status | None
    owner: str
    contact: str | None
    since: datetime
    age: timedelta
    deadline: datetime | None
    overdue: bool


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
            contact=_contact(sheets.connections.get(one.connection)),
            since=one.sent_at,
            age=now - one.sent_at,
            deadline=one.due,
            overdue=True,
        )


def _invoices(
    ledger: Ledger, sheets: Sheets, what: WaitingFor, lives: Sequence[Life], now: datetime
) -> Iterator[Awaited]:
    lives = [life for life in lives if life.status is not Status.REJETEE or _is_open(ledger, life)]
    bearers = bearers_of(ledger, lives)
    flows = _flows(ledger, bearers.values()) if what is WaitingFor.SUPPLIER else {}
    for life in lives:
        document = bearers[life.id]
        name = flows[document.interchange] if flows else document.route
        sheet = sheets.connections.get(name or "")
        if what is WaitingFor.VALIDATOR:
            sheet = _sheet_of(sheets, life)
        deadline = _deadline(life, sheet, what)
        yield Awaited(
            subject=life.id,
            number=document.header.number or document.name,
            status=life.status,
            owner=sheet.partner if sheet else _unnamed(life, name, what),
            contact=_contact(sheet),
            since=life.since,
            age=now - life.since,
            deadline=deadline,
            overdue=deadline is not None and deadline < now,
        )


def _is_open(ledger: Ledger, life: Life) -> bool:
    """Tell whether a supplier still has to take note of the last reject."""
    since = (one for one in reversed(ledger.history(life.id)) if _settles(one))
    last = next(since, None)
    return last is None or last.event is not Event.PROCESS_REJECT


def _settles(one: Entry) -> bool:
    return one.moved or one.event is Event.PROCESS_REJECT


def _flows(ledger: Ledger, documents: Iterable[Document]) -> Mapping[InterchangeId, str]:
    """Return through which connections documents came, by flow; each flow is asked for once."""
    found = {flow: ledger.interchange(flow) for flow in {one.interchange for one in documents}}
    return {flow: one.connection if one else "" for flow, one in found.items()}


def _sheet_of(sheets: Sheets, life: Life) -> Connection | None:
    """Return the sheet of whoever is asked to validate; None where it has none."""
    asked = life.asked.validator if life.asked else ""
    return next((one for one in sheets.connections.values() if one.structure == asked), None)


def _unnamed(life: Life, name: str | None, what: WaitingFor) -> str:
    """Name who has no sheet any more, or never had one."""
    if what is WaitingFor.VALIDATOR and life.asked is not None:
        return life.asked.validator
    return name or ""


def _deadline(life: Life, sheet: Connection | None, what: WaitingFor) -> datetime | None:
    if what is WaitingFor.VALIDATOR:
        return life.asked.deadline if life.asked else None
    within = sheet.statuses.within if sheet and what is not WaitingFor.DELIVERY else None
    return None if within is None else life.since + within


def _contact(sheet: Connection | None) -> str | None:
    return sheet.contact if sheet else None


def awaited_of(ledger: Ledger, sheets: Sheets, life: Life, now: datetime) -> Awaited | None:
    """Return who owes the next word about one invoice; None where nobody does."""
    kinds = (what for what, statuses in AT.items() if life.status in statuses)
    found = (one for what in kinds for one in _invoices(ledger, sheets, what, [life], now))
    return next(found, None)


def overdue(ledger: Ledger, sheets: Sheets, now: datetime, limit: int) -> Sequence[Awaited]:
    """Return everything that was agreed to come and did not, whoever owes it.

    Args:
        ledger: Where it is looked up.
        sheets: The configuration in force.
        now: The moment (aware).
        limit: Invoices looked at of each kind, at most: those that have waited longest.
    """
    kinds = [one for one in WaitingFor if one is not WaitingFor.DELIVERY]
    found = (one for what in kinds for one in awaited(ledger, sheets, what, now, limit=limit))
    return [one for one in found if one.overdue]
