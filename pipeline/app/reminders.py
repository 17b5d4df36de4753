"""Reminders of invoices that wait for their validators, each given once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from structlog import get_logger

from pipeline.acknowledge.reminder import Reminder, named_in, reminder_file, reminder_letter
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.lives import bearers_of, sheets_of
from pipeline.app.notices import enqueue
from pipeline.model.connection import Connection, Environment, Naming
from pipeline.model.event import Fact
from pipeline.model.identity import InterchangeId, outbox_key
from pipeline.model.letter import Letter
from pipeline.model.life import Life
from pipeline.model.life_table import WAITS
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.validation import Due, is_tacit
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

_DAY = timedelta(days=1)
#: What is over for longer is not reminded of any more: it is listed as overdue.
_LONG_OVER = timedelta(days=3)
#: Invoices looked at in one go.
_MOST = 5_000

#: Whom invoices wait for, until when.
_Group = tuple[str, datetime]


def remind_validators(hub: Hub, sheets: Sheets) -> int:
    """Remind validators and operators of what waits; return how many reminders were given.

    Invoices that are asked about on one day end at one moment, and make one reminder.
    """
    now, terms = hub.clock.now(), hub.settings.validation
    first = max(terms.remind_days, default=0)
    due = Due(statuses=WAITS, until=now + first * _DAY, after=now - _LONG_OVER, limit=_MOST)
    groups: dict[_Group, list[Life]] = defaultdict(list)
    for life in hub.ledger.lives_due(due):
        if life.asked is not None:
            groups[life.asked.validator, life.asked.deadline].append(life)
    if not groups:
        return 0
    told, given = hub.ledger.warned(), 0
    for group, lives in sorted(groups.items()):
        days = _days(group[1] - now, terms.remind_days)
        if days is not None and days < told.get(_subject(group), first + 1):
            reminder = _reminder(hub, group, lives, days)
            given += _remind(hub, sheets, group, reminder, now)
    return given


def _days(left: timedelta, remind_days: Sequence[int]) -> int | None:
    """Return which reminder is due: the nearest that was reached; 0 once the end is over."""
    reached = [one for one in (*remind_days, 0) if left <= one * _DAY]
    return min(reached, default=None)


def _subject(group: _Group) -> str:
    validator, deadline = group
    return f"validation:{validator}:{deadline.isoformat()}"


def _reminder(hub: Hub, group: _Group, lives: Sequence[Life], days: int) -> Reminder:
    bearers = bearers_of(hub.ledger, lives)
    named, more = named_in([bearers[one.id] for one in lives])
    return Reminder(
        validator=group[0],
        deadline=group[1],
        days=days,
        tacit=all(one.asked is not None and is_tacit(one.status, one.asked) for one in lives),
        invoices=named,
        more=more,
    )


def _remind(hub: Hub, sheets: Sheets, group: _Group, reminder: Reminder, now: datetime) -> int:
    """Give a reminder, unless another process does at this moment."""

    def act(tx: Transaction) -> bool:
        if not tx.warn_once(_subject(group), reminder.days, now):
            return False
        readers = sheets_of(sheets, reminder.validator, Environment.PRODUCTION)
        letters = tuple(_letters(hub, readers, reminder)) if hub.mail is not None else ()
        for letter in letters:
            tx.enqueue(_row(letter, group, reminder.days, now), hub.by, now)
        for sheet in readers:
            if sheet.statuses.tell and sheet.naming is Naming.FREE:
                enqueue(hub, tx, sheet, [reminder_file(reminder)], now)
        tx.append(_fact(hub, group, reminder, len(letters), now))
        return True

    if not atomically(hub, act, "validation.remind"):
        return 0
    log.warning(
        "validation.waits",
        validator=reminder.validator,
        deadline=reminder.deadline.isoformat(),
        days=reminder.days,
        invoices=len(reminder.invoices) + reminder.more,
    )
    return 1


def _fact(hub: Hub, group: _Group, reminder: Reminder, letters: int, now: datetime) -> Fact:
    data: Mapping[str, object] = {
        "days": reminder.days,
        "deadline": reminder.deadline.isoformat(),
        "invoices": len(reminder.invoices) + reminder.more,
        "letters": letters,
    }
    return Fact(at=now, subject=_subject(group), what="validation.waits", by=hub.by, data=data)


def _letters(hub: Hub, readers: Sequence[Connection], reminder: Reminder) -> Iterator[Letter]:
    """Yield one letter an address: of the operators, and of the validator's contacts."""
    contacts = [one.contact for one in readers if one.contact]
    for address in dict.fromkeys((*hub.settings.mail.operators, *contacts)):
        yield reminder_letter(address, reminder)


def _row(letter: Letter, group: _Group, days: int, now: datetime) -> OutboxRow:
    kind = OutboxKind.LETTER
    return OutboxRow(
        key=outbox_key(kind.value, InterchangeId(""), letter.door, f"{_subject(group)}:{days}"),
        kind=kind,
        interchange=None,
        connection=letter.door,
        name=f"reminder-{days}-{group[0]}",
        due=now,
        planned=now,
        payload=letter.written(),
    )
