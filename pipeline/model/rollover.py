"""Rollovers: a key or certificate of a sheet gives way to the one that was named beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from pipeline.model.connection import Connection, Successors
from pipeline.model.credential import CredentialKind

#: What can give way, each on its own. A key takes its OpenSSH certificate along.
PARTS = (CredentialKind.CERTIFICATE, CredentialKind.KEY, CredentialKind.HOST_KEY)


def to_come(sheet: Connection) -> tuple[CredentialKind, ...]:
    """Return the parts of a sheet that something is named to take the place of."""
    return tuple(part for part in PARTS if _successor(sheet, part))


def starts(sheet: Connection, part: CredentialKind) -> date | None:
    """Return the first day of what takes over; None where an operator says when."""
    after = sheet.next or Successors()
    match part:
        case CredentialKind.CERTIFICATE:
            return after.certificate_from
        case CredentialKind.KEY:
            return after.key_from
        case _:
            return after.host_key_from


def taken_over(sheet: Connection, part: CredentialKind) -> Connection:
    """Return a sheet whose successor is the one in use; the other is named no more."""
    after = sheet.next or Successors()
    match part:
        case CredentialKind.CERTIFICATE:
            left = replace(after, certificate=None, certificate_from=None)
            sheet = replace(sheet, certificate=after.certificate)
        case CredentialKind.KEY:
            left = replace(after, key="", key_certificate=None, key_from=None, key_expires=None)
            door = replace(
                sheet.door,
                key=after.key,
                certificate=after.key_certificate,
                key_expires=after.key_expires,
            )
            sheet = replace(sheet, door=door)
        case _:
            left = replace(after, host_key="", host_key_from=None, host_key_expires=None)
            door = replace(
                sheet.door, host_key=after.host_key, host_key_expires=after.host_key_expires
            )
            sheet = replace(sheet, door=door)
    return replace(sheet, next=None if left == Successors() else left)


def kept(in_force: Connection, proposed: Connection) -> Connection:
    """Return a proposed sheet with the rollovers that the one in force has behind it.

    A file that still names both says the same as when they were put in force: what took over
    since is not taken back by it.
    """
    for part in _behind(in_force, proposed):
        proposed = taken_over(proposed, part)
    return proposed


def is_rollover(before: Connection, after: Connection) -> bool:
    """Tell whether nothing but what was named to take over tells two versions of a sheet apart."""
    return before != after and kept(after, before) == after


def _behind(in_force: Connection, proposed: Connection) -> Iterator[CredentialKind]:
    for part in PARTS:
        now = _current(in_force, part)
        if now == _successor(proposed, part) and now != _current(proposed, part) and now:
            yield part


def _current(sheet: Connection, part: CredentialKind) -> str:
    match part:
        case CredentialKind.CERTIFICATE:
            return sheet.certificate or ""
        case CredentialKind.KEY:
            return sheet.door.key
        case _:
            return bare(sheet.door.host_key)


def _successor(sheet: Connection, part: CredentialKind) -> str:
    after = sheet.next or Successors()
    match part:
        case CredentialKind.CERTIFICATE:
            return after.certificate or ""
        case CredentialKind.KEY:
            return after.key
        case _:
            return bare(after.host_key)


def bare(host_key: str) -> str:
    """Return a line of a public key without its comment.

    >>> bare("ssh-ed25519 AAAA root@sftp"), bare("")
    ('ssh-ed25519 AAAA', '')
    """
    return " ".join(host_key.split()[:2])
