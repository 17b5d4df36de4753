"""Reads what OpenSSH's internal-sftp, or our own server, writes down of transfers.

The lines are those of ``internal-sftp -l INFO`` (or ``-l VERBOSE``), as a syslog daemon
keeps them, with a time of either kind in front::

    2026-03-31T12:00:01.5+02:00 depot internal-sftp[42]: session opened for local user ville from …
    Mar 31 12:00:02 depot internal-sftp[42]: close "/out/F-1.xml" bytes read 5120 written 0

A file counts as read only with how many bytes; whether that is all of it is for others to say.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from pipeline.model.errors import ConfigError
from pipeline.model.pickup import LogPlace, Taken
from pipeline.ports.pickups import Read

#: Bytes read at once: what is more waits for the next pass.
_MOST = 8_000_000
#: First bytes by which a log is told from the one that took its inode.
_HEAD = 256
_LINE = re.compile(
    r"(?:<\d+>)?(?P<at>\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?:\S+ )?"
    r"(?P<session>[\w.-]*sftp[\w.-]*\[\d+\]): (?P<said>.*)"
)
_OPENED = re.compile(r"session opened for local user (?P<user>\S+) from .*")
_CLOSED = re.compile(r"session closed for local user .*")
#: Greedy up to the last quote: a name may hold anything.
_READ = re.compile(r'(?:forced )?close "(?P<path>.*)" bytes read (?P<bytes>\d+) written \d+')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TransferLogs:
    """A `pipeline.ports.pickups.TransferLog`."""

    def __init__(self, workspace: Path) -> None:
        """Remember where relative paths of logs begin.

        Args:
            workspace: The hub's folder; an absolute path is taken as it is.
        """
        self._workspace = workspace

    def read(self, log: str, place: LogPlace | None, now: datetime) -> Read:
        """Return what was read through the server since a place in its log.

        Raises:
            ConfigError: It cannot be read.
        """
        path = self._workspace / log
        try:
            if place is not None and not _is_at(path, place):
                rest = _rotated(path, place)
                if rest is not None:
                    first = _read_on(rest, place, now)
                    if first.place.offset < rest.stat().st_size:
                        return first  # the rest of it in the next pass
                    second = _read_on(path, _beginning(first.place.sessions), now)
                    return Read((*first.taken, *second.taken), second.place)
                place = _beginning(place.sessions)
            return _read_on(path, place or _beginning({}), now)
        except OSError as error:
            raise ConfigError(
                f"{path} : journal des transferts illisible, voyez pickup.log / the transfer log"
                f" cannot be read, see pickup.log: {error.strerror}"
            ) from error


def _beginning(sessions: Mapping[str, str]) -> LogPlace:
    head = sha256().hexdigest()
    return LogPlace(inode=0, head=head, head_bytes=0, offset=0, sessions=sessions)


def _is_at(path: Path, place: LogPlace) -> bool:
    """Tell whether a place is one in this very file."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            return status.st_ino == place.inode and _continues(file, status.st_size, place)
    except FileNotFoundError:
        return False


def _continues(file: BinaryIO, size: int, place: LogPlace) -> bool:
    head = sha256(file.read(place.head_bytes)).hexdigest()
    return size >= place.offset and head == place.head


def _rotated(path: Path, place: LogPlace) -> Path | None:
    """Return the file beside a log that holds what it held at a place; None if none does."""
    for other in sorted(path.parent.glob(f"{path.name}[.-]*")):
        if other.is_file() and not other.is_symlink():
            with other.open("rb") as file:
                if _continues(file, os.fstat(file.fileno()).st_size, place):
                    return other
    return None


def _read_on(path: Path, place: LogPlace, now: datetime) -> Read:
    """Read whole lines from a place on; what is not ended yet is left for the next pass."""
    with path.open("rb") as file:
        inode = os.fstat(file.fileno()).st_ino
        head = file.read(_HEAD)
        file.seek(place.offset)
        block = file.read(_MOST)
    ended = block.rfind(b"\n") + 1
    if not ended and len(block) == _MOST:
        ended = len(block)  # no line of a server is so long
    offset = place.offset + ended
    sessions = dict(place.sessions)
    taken = tuple(_taken(block[:ended].decode(errors="replace"), sessions, now))
    head = head[: min(len(head), offset)]
    return Read(
        taken,
        LogPlace(
            inode=inode,
            head=sha256(head).hexdigest(),
            head_bytes=len(head),
            offset=offset,
            sessions=sessions,
        ),
    )


def _taken(text: str, sessions: dict[str, str], now: datetime) -> Iterator[Taken]:
    """Yield the files that were read; `sessions` is kept up to date."""
    for line in text.split("\n"):
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            continue
        session, said = match["session"], match["said"]
        if opened := _OPENED.fullmatch(said):
            sessions[session] = opened["user"]
        elif _CLOSED.fullmatch(said):
            sessions.pop(session, None)
        elif session in sessions and (read := _READ.fullmatch(said)):
            folder, name = posixpath.split(read["path"])
            yield Taken(
                user=sessions[session],
                folder=folder,
                name=name,
                bytes=int(read["bytes"]),
                at=_moment(match["at"], now),
            )


def _moment(text: str, now: datetime) -> datetime | None:
    """Read the time of a line; without a year it is that of the year that ends now."""
    try:
        if text[0].isdigit():
            at = datetime.fromisoformat(text)
            return at if at.tzinfo else at.astimezone()
        month, day, time = text.split()
        hour, minute, second = map(int, time.split(":"))
        local = datetime(
            now.year, _MONTHS.index(month) + 1, int(day), hour, minute, second
        ).astimezone()
        return local if local <= now + timedelta(days=1) else local.replace(year=now.year - 1)
    except ValueError:
        return None
