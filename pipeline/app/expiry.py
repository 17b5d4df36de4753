"""What ends with time: people are warned of it, it is rolled over, and then its sheet stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from structlog import get_logger

from pipeline.acknowledge.expiry import Ending, expiry_letter
from pipeline.app.atomic import atomically
from pipeline.app.credentials import Entry, ended, inventory
from pipeline.app.hub import Hub
from pipeline.app.rollover import roll_over
from pipeline.app.standing import suspend
from pipeline.model.calendar import moment
from pipeline.model.connection import Connection
from pipeline.model.credential import THRESHOLDS, Credential, Turn, threshold
from pipeline.model.directory import day_of
from pipeline.model.errors import Fenced
from pipeline.model.event import Fact
from pipeline.model.identity import InterchangeId, derived, outbox_key
from pipeline.model.letter import Letter
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.profile import TIMEZONE
from pipeline.model.rollover import to_come
from pipeline.model.standing import MoveCause, SheetState
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

_DAY = timedelta(days=1)
#: More days than any threshold: of what was never warned of.
_NEVER = max(THRESHOLDS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A warning that is due.

    Attributes:
        subject: What ends, and when: with another end it is warned of anew.
        days: The threshold that was reached.
        ending: What the letters tell.
        sheets: Those that stop with it.
    """

    subject: str
    days: int
    ending: Ending
    sheets: tuple[Connection, ...]


def look_after_ends(hub: Hub, sheets: Sheets) -> Sheets:
    """Roll over what is due, warn of what ends, suspend the sheets of what has ended.

    Everything here may be done again at any time: what was done is found done.

    Args:
        hub: The hub.
        sheets: The configuration in force.

    Returns:
        What is in force then.
    """
    now, version = hub.clock.now(), hub.ledger.sheets_version()
    if roll_over(hub, sheets, now):
        sheets = hub.ledger.sheets()
    entries, told = inventory(hub, sheets, now), hub.ledger.warned()
    for due in warnings_due(sheets, entries, now):
        if due.days < told.get(due.subject, _NEVER):
            _warn(hub, due, now)
    _suspend(hub, sheets, entries, now)
    return sheets if hub.ledger.sheets_version() == version else hub.ledger.sheets()


def warnings_due(sheets: Sheets, entries: Sequence[Entry], now: datetime) -> Iterator[Due]:
    """Yield the nearest threshold that each thing has reached, told before or not."""
    alive = {
        name: sheet
        for name, sheet in sheets.connections.items()
        if sheets.standing[name].state is not SheetState.CLOSED
    }
    for entry in entries:
        one, days = entry.credential, threshold(entry.credential.ends, now)
        users = tuple(alive[name] for name in entry.sheets if name in alive)
        if days is None or one.ends is None or one.turn is Turn.NEXT:
            continue
        if users or not entry.sheets:
            subject = f"{one.kind.value}:{one.fingerprint}:{one.ends:%Y-%m-%d}"
            ending = _ending(one, one.ends, users, now)
            yield Due(subject=subject, days=days, ending=ending, sheets=users)
    for name, sheet in alive.items():
        end = end_of(sheet)
        days = threshold(end, now)
        if end is not None and days is not None:
            ending = Ending(
                what=("accord", "agreement"),
                place="end_date",
                subject=sheet.partner,
                fingerprint="",
                ends=end,
                days=(end - now) // _DAY,
                over=end <= now,
                successor=False,
            )
            yield Due(subject=f"sheet:{name}:{end}", days=days, ending=ending, sheets=(sheet,))


def end_of(sheet: Connection) -> datetime | None:
    """Return when the agreement of a sheet ends; None where it does not."""
    return moment(sheet.end_date, time(), TIMEZONE) if sheet.end_date else None


def _ending(one: Credential, ends: datetime, users: Sequence[Connection], now: datetime) -> Ending:
    return Ending(
        what=one.kind.words,
        place=one.place,
        subject=one.subject,
        fingerprint=one.fingerprint,
        ends=ends,
        days=(ends - now) // _DAY,
        over=ends <= now,
        successor=bool(users) and all(one.part in to_come(sheet) for sheet in users),
    )


def _warn(hub: Hub, due: Due, now: datetime) -> None:
    """Give a warning, unless another process does at this moment."""
    if atomically(hub, lambda tx: _give(hub, tx, due, now), "credential.warn"):
        log.warning(
            "credential.expiring",
            kind=due.ending.what[1],
            place=due.ending.place,
            ends=due.ending.ends.isoformat(),
            days=due.ending.days,
            connections=[sheet.name for sheet in due.sheets],
        )


def _give(hub: Hub, tx: Transaction, due: Due, now: datetime) -> bool:
    if not tx.warn_once(due.subject, due.days, now):
        return False
    letters = tuple(_letters(hub, due)) if hub.mail is not None else ()
    data = {
        "days": due.days,
        "ends": due.ending.ends.isoformat(),
        "sheets": [sheet.name for sheet in due.sheets],
        "letters": len(letters),
    }
    what, subject = "credential.expiring", f"credential:{due.subject}"
    tx.append(Fact(at=now, subject=subject, what=what, by=hub.by, data=data))
    name = f"{due.ending.what[1].replace(' ', '-')}-{due.days}-{derived(due.subject, length=8)}"
    for letter in letters:
        tx.enqueue(_row(letter, due, name, now), hub.by, now)
    return True


def _row(letter: Letter, due: Due, name: str, now: datetime) -> OutboxRow:
    kind, subject = OutboxKind.LETTER, f"{due.subject}:{due.days}"
    return OutboxRow(
        key=outbox_key(kind.value, InterchangeId(""), letter.door, subject),
        kind=kind,
        interchange=None,
        connection=letter.door,
        name=name,
        due=now,
        planned=now,
        payload=letter.written(),
    )


def _letters(hub: Hub, due: Due) -> Iterator[Letter]:
    """Yield one letter an operator, and one a partner's contact that tells of its sheets alone."""
    named = [sheet.name for sheet in due.sheets] or ["hub"]
    for address in hub.settings.mail.operators:
        yield expiry_letter(address, due.ending, named, partner=False)
    by_contact: dict[str, list[str]] = {}
    for sheet in due.sheets:
        if sheet.contact and sheet.contact not in hub.settings.mail.operators:
            by_contact.setdefault(sheet.contact, []).append(sheet.name)
    for address, names in by_contact.items():
        yield expiry_letter(address, due.ending, names, partner=True)


def _suspend(hub: Hub, sheets: Sheets, entries: Sequence[Entry], now: datetime) -> None:
    """Suspend each sheet alone that uses what has ended, or has ended itself."""
    for name, said in ended(entries).items():
        _stop(hub, sheets, name, "; ".join(said), MoveCause.CERTIFICATE)
    today = day_of(now)
    for name, sheet in sheets.connections.items():
        if sheet.end_date is not None and sheet.end_date <= today:
            reason = f"l'accord a pris fin le / the agreement ended on {sheet.end_date}"
            _stop(hub, sheets, name, reason, MoveCause.DATES)


def _stop(hub: Hub, sheets: Sheets, name: str, reason: str, cause: MoveCause) -> None:
    if sheets.standing[name].state is SheetState.SUSPENDED:
        return
    with suppress(Fenced):  # somebody else moves it at this moment: looked at again in a minute
        suspend(hub, name, reason, cause)
