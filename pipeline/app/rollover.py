"""Rollovers: the next key or certificate is tried without touching a file, then put to use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from structlog import get_logger

from pipeline.app.breaker import host_of
from pipeline.app.credentials import key_of, of_sheet
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.levels import trouble
from pipeline.model.connection import Connection, Protocol, Successors
from pipeline.model.credential import ENDED, CredentialKind, Turn, refusals
from pipeline.model.directory import day_of
from pipeline.model.duties import DUTIES, Duty, Work
from pipeline.model.errors import ConfigError, HostKeyMismatch, LoginRefused, PipelineError
from pipeline.model.event import Fact
from pipeline.model.rollover import bare, starts, taken_over, to_come
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Query, Sheets
from pipeline.ports.upkeep import Pulse

log = get_logger(__name__)

#: Time between two tries of a rollover whose day has come and that does not work yet: servers
#: lock out whoever fails to log in too often.
_TRY_AGAIN = timedelta(hours=1)
_OPEN_FLOWS = (InterchangeStep.RECEIVED.value, InterchangeStep.HELD.value)
_OPEN_FILES = (OutboxState.PENDING, OutboxState.WAITING, OutboxState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one key or certificate did.

    Attributes:
        part: What was tried.
        turn: The one in use, or the one to come.
        works: None where nobody could tell.
        told: What was seen, French then English.
    """

    part: CredentialKind
    turn: Turn
    works: bool | None
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A sheet that would stop once what is in use is no longer taken.

    Attributes:
        connection: Its name.
        parts: What it shares with the sheet that is looked at.
        ready: Whether it names what takes over, too.
        flows: Ids of its flows that are not decided.
        files: Names of files that wait to leave through it.
    """

    connection: str
    parts: tuple[CredentialKind, ...]
    ready: bool
    flows: tuple[str, ...]
    files: tuple[str, ...]


def try_out(hub: Hub, sheet: Connection) -> tuple[Trial, ...]:
    """Try what is to come on a sheet: the door is opened and closed, no file is touched.

    The server is asked for each pinned host key apart, so that both are told.
    """
    return (*_certificates(hub, sheet), *_doors(hub, sheet))


def switch(hub: Hub, name: str, parts: Sequence[CredentialKind] = ()) -> tuple[Trial, ...]:
    """Put to use what is to come on a sheet, once it was seen to work.

    Args:
        hub: The hub.
        name: The sheet.
        parts: Which; all that are named where empty.

    Returns:
        What was seen.

    Raises:
        ConfigError: There is no such sheet, nothing to come, or it does not work; nothing is
            changed.
        LedgerConflict: The configuration changed meanwhile; nothing is changed.
    """
    version, sheets = hub.ledger.sheets_version(), hub.ledger.sheets()
    sheet = sheet_of(sheets, name)
    wanted = tuple(parts) or to_come(sheet)
    missing = [part for part in wanted if part not in to_come(sheet)]
    if missing or not wanted:
        named = ", ".join(" / ".join(part.words) for part in missing)
        raise ConfigError(
            f"{name}: rien à mettre en service sous [next] {named}"
            f" / nothing under [next] of the sheet takes over {named}".rstrip()
        )
    trials = try_out(hub, sheet)
    failed = [f"{' / '.join(one.part.words)}: {one.told}" for one in _not_ready(trials, wanted)]
    if failed:
        raise ConfigError(f"{name}: rien n'est changé / nothing is changed: {'; '.join(failed)}")
    _take_over(hub, sheets, version, sheet, wanted)
    return trials


def roll_over(hub: Hub, sheets: Sheets, now: datetime) -> bool:
    """Put to use whatever takes over by now: on its day, or when what is in use has ended.

    Returns:
        Whether anything was.
    """
    switched = False
    for name in sorted(sheets.connections):
        sheet = sheets.connections[name]
        # no login at a partner's before a person tried it, nor once the agreement is over
        works = DUTIES[sheets.state(name)][Work.PULL] is not Duty.NOT
        due = tuple(_due(hub, sheet, now)) if sheet.next and works else ()
        if due and not _tried_lately(hub, name, now):
            hub.ledger.upkeep.beat(_pulse(name), Pulse(now, {}))
            for part in due:
                try:
                    switch(hub, name, (part,))
                    switched = True
                except PipelineError as error:
                    facts = {"connection": name, "part": part.value}
                    trouble(log, "credential.not_switched", error, facts)
    return switched


def stops(hub: Hub, sheets: Sheets, name: str) -> tuple[Stop, ...]:
    """Return the sheets that stop where the server, or we, give up what a sheet uses now.

    Raises:
        ConfigError: There is no such sheet.
    """
    sheet = sheet_of(sheets, name)
    rows = hub.ledger.outbox(states=_OPEN_FILES)
    found = []
    for other in sorted(sheets.connections.values(), key=lambda one: one.name):
        shared = tuple(_shared(sheet, other))
        if not shared:
            continue
        query = Query(connection=other.name, steps=_OPEN_FLOWS, limit=None)
        stop = Stop(
            connection=other.name,
            parts=shared,
            ready=set(shared) <= set(to_come(other)) or not to_come(sheet),
            flows=tuple(one.id for one in hub.ledger.interchanges(query)),
            files=tuple(row.name for row in rows if row.connection == other.name),
        )
        found.append(stop)
    return tuple(found)


# -- trying
def _certificates(hub: Hub, sheet: Connection) -> Iterator[Trial]:
    """Yield what files alone tell of what is to come: it must be sound today."""
    for entry in of_sheet(hub, sheet, hub.clock.now()):
        one = entry.credential
        wrong = refusals(entry.faults)
        early = one.since is not None and hub.clock.now() < one.since
        if one.turn is Turn.NEXT and (wrong or early or one.kind is CredentialKind.CERTIFICATE):
            told = "; ".join(map(str, wrong)) or (
                f"valable à partir du {one.since:%Y-%m-%d %H:%M} UTC / valid from then on"
                if early
                else f"lu, {one.fingerprint} / read"
            )
            works = not wrong and not early
            yield Trial(part=one.part, turn=one.turn, works=works, told=f"{key_of(one)}: {told}")


def _doors(hub: Hub, sheet: Connection) -> Iterator[Trial]:
    door, after = sheet.door, sheet.next or Successors()
    if door.protocol is not Protocol.SFTP:
        return
    pins = [(Turn.CURRENT, door.host_key)]
    if after.host_key:
        pins.append((Turn.NEXT, after.host_key))
    if after.key:
        door = replace(door, key=after.key, certificate=after.key_certificate)
    logins: list[tuple[bool | None, str]] = []
    for turn, pin in pins:
        shown, login = _knock(hub, replace(sheet, door=replace(door, host_key=pin), next=None))
        logins.append(login)
        yield Trial(part=CredentialKind.HOST_KEY, turn=turn, works=shown[0], told=shown[1])
    turn = Turn.NEXT if after.key else Turn.CURRENT
    best = max(logins, key=lambda one: -1 if one[0] is None else int(one[0]))
    yield Trial(part=CredentialKind.KEY, turn=turn, works=best[0], told=best[1])


def _knock(hub: Hub, sheet: Connection) -> tuple[tuple[bool | None, str], tuple[bool | None, str]]:
    """Log in and out; return whether the server showed the pinned key, and took ours."""
    seen = (True, "montrée par le serveur / shown by the server")
    try:
        with hub.doors.open(sheet):
            return seen, (True, "accepté par le serveur / accepted by the server")
    except HostKeyMismatch as error:
        other = f"non montrée, mais {error.offered} / not shown, but that"
        return (False, other), (None, "pas essayé / not tried")
    except LoginRefused as error:
        return seen, (False, error.reason)
    except PipelineError as error:
        return (None, str(error)), (None, str(error))


def _not_ready(trials: Sequence[Trial], parts: Sequence[CredentialKind]) -> Iterator[Trial]:
    """Yield what keeps parts from taking over."""
    for one in trials:
        if one.part in parts and one.turn is Turn.NEXT and not one.works:
            yield one


# -- switching
def _take_over(
    hub: Hub, sheets: Sheets, version: int, sheet: Connection, parts: Sequence[CredentialKind]
) -> None:
    after, now = sheet, hub.clock.now()
    for part in parts:
        after = taken_over(after, part)
    names = [part.value for part in parts]
    fact = Fact(
        at=now, subject=sheet.name, what="sheet.rolled_over", by=hub.by, data={"parts": names}
    )
    connections = {**sheets.connections, sheet.name: after}
    new = replace(sheets, connections=connections)
    hub.ledger.apply(new, hub.by, now, expected=version, facts=(fact,))
    log.info("credential.switched", connection=sheet.name, parts=names, by=hub.by)


def _due(hub: Hub, sheet: Connection, now: datetime) -> Iterator[CredentialKind]:
    over = {
        entry.credential.part
        for entry in of_sheet(hub, sheet, now)
        if entry.credential.turn is Turn.CURRENT
        and any(each.code in ENDED for each in entry.faults)
    }
    for part in to_come(sheet):
        day = starts(sheet, part)
        if part in over or (day is not None and day <= day_of(now)):
            yield part


def _tried_lately(hub: Hub, name: str, now: datetime) -> bool:
    last = hub.ledger.upkeep.pulses().get(_pulse(name))
    # what was tried by a clock that was set back since was tried nobody knows when
    return last is not None and timedelta() <= now - last.at < _TRY_AGAIN


def _pulse(name: str) -> str:
    return f"rollover:{name}"


def _shared(sheet: Connection, other: Connection) -> Iterator[CredentialKind]:
    """Yield what two sheets use alike, so that both stop where one does."""
    if sheet.certificate and sheet.certificate == other.certificate:
        yield CredentialKind.CERTIFICATE
    if sheet.door.protocol is Protocol.LOCAL or host_of(sheet.door) != host_of(other.door):
        return
    if sheet.door.key and (sheet.door.key, sheet.door.user) == (other.door.key, other.door.user):
        yield CredentialKind.KEY
    if bare(sheet.door.host_key) == bare(other.door.host_key):
        yield CredentialKind.HOST_KEY
