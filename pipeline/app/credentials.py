"""The inventory of certificates and keys: what sheets name, until when it holds, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.app.hub import Hub
from pipeline.model.connection import Connection
from pipeline.model.credential import (
    ENDED,
    Credential,
    CredentialKind,
    Fault,
    Turn,
    faults_of,
    refusals,
)
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One certificate or key, who uses it, and how it stands at a moment.

    Attributes:
        credential: What was found.
        sheets: Names of the sheets that use it, sorted; none of our own and of authorities.
        faults: What is wrong with it, what is refused first.
        days_left: Whole days until it ends, negative once it has; None if it never does.
    """

    credential: Credential
    sheets: tuple[str, ...]
    faults: tuple[Fault, ...]
    days_left: int | None


def inventory(hub: Hub, sheets: Sheets, now: datetime) -> tuple[Entry, ...]:
    """Return every certificate and key, each once, what ends first before the others."""
    found = [(one, "") for one in hub.credentials.of_hub()]
    for name, sheet in sheets.connections.items():
        found += [(one, name) for one in hub.credentials.of_sheet(sheet)]
    users: dict[tuple[object, ...], tuple[Credential, list[str]]] = {}
    for one, name in found:
        faults = tuple(each.code for each in one.found)
        same = (one.kind, one.turn, one.place, one.fingerprint, one.until, faults)
        users.setdefault(same, (one, []))[1].extend([name] if name else [])
    entries = [_entry(one, names, now) for one, names in users.values()]
    return tuple(sorted(entries, key=_by_end))


def of_sheet(hub: Hub, sheet: Connection, now: datetime) -> tuple[Entry, ...]:
    """Return what one sheet names, the ones in use first."""
    return tuple(_entry(one, [sheet.name], now) for one in hub.credentials.of_sheet(sheet))


def refused(hub: Hub, known: Connection | None, sheet: Connection, now: datetime) -> Iterator[str]:
    """Yield why a proposed sheet cannot be put in force: sheet, key, file, fault.

    What is in force already and is not changed is not refused for what came with time: it is
    suspended. Nor is a file of ours that is not there yet: it is needed at the first login.

    Args:
        hub: The hub.
        known: The version in force; None without one.
        sheet: The one proposed.
        now: The moment (aware).
    """
    same = known is not None and _named(known) == _named(sheet)
    for entry in of_sheet(hub, sheet, now):
        for each in refusals(entry.faults):
            if not (same and each.code in ENDED) and not _may_come_later(entry, each):
                place = f"{key_of(entry.credential)}: {entry.credential.place}"
                yield f"{sheet.name}: {place}: {each}"


def ended(entries: Sequence[Entry]) -> Mapping[str, tuple[str, ...]]:
    """Return for each sheet that uses something that has run out what that is, in words."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        over = [each for each in entry.faults if each.code in ENDED]
        if over and entry.credential.turn is Turn.CURRENT:
            for name in entry.sheets:
                found.setdefault(name, []).append(f"{in_words(entry.credential)}: {over[0]}")
    return {name: tuple(said) for name, said in found.items()}


def in_words(one: Credential) -> str:
    """Name a credential for people: what it is, and where it lies."""
    fr, en = one.kind.words
    return f"{fr} / {en} {one.place}"


#: The key of a sheet that names each kind, in use and to come.
_KEYS: Mapping[tuple[CredentialKind, Turn], str] = {
    (CredentialKind.CERTIFICATE, Turn.CURRENT): "certificate",
    (CredentialKind.CERTIFICATE, Turn.NEXT): "next.certificate",
    (CredentialKind.KEY, Turn.CURRENT): "door.key",
    (CredentialKind.KEY, Turn.NEXT): "next.key",
    (CredentialKind.KEY_CERTIFICATE, Turn.CURRENT): "door.certificate",
    (CredentialKind.KEY_CERTIFICATE, Turn.NEXT): "next.key_certificate",
    (CredentialKind.HOST_KEY, Turn.CURRENT): "door.host_key",
    (CredentialKind.HOST_KEY, Turn.NEXT): "next.host_key",
}


def key_of(one: Credential) -> str:
    """Return the key of a sheet that names a credential."""
    return _KEYS[one.kind, one.turn]


def _may_come_later(entry: Entry, each: Fault) -> bool:
    ours = {CredentialKind.KEY, CredentialKind.KEY_CERTIFICATE}
    return each.code == "ABSENT" and entry.credential.kind in ours


def _named(sheet: Connection) -> tuple[object, ...]:
    door = sheet.door
    own = (door.key, door.certificate, door.key_expires, door.host_key, door.host_key_expires)
    return (sheet.certificate, sheet.next, *own)


def _entry(one: Credential, names: Sequence[str], now: datetime) -> Entry:
    return Entry(
        credential=one,
        sheets=tuple(sorted(names)),
        faults=faults_of(one, now),
        days_left=one.days_left(now),
    )


def _by_end(entry: Entry) -> tuple[bool, str, str, str, str]:
    one = entry.credential
    ends = one.ends.isoformat() if one.ends else ""
    return (not ends, ends, one.kind.value, one.turn.value, one.place)
