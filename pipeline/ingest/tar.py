"""Reads a tar stream forwards, regular files only, and stops at the first thing that is odd.

The standard library's ``tarfile`` reads extended headers of any size into memory, and takes
a damaged header in mid-archive for its end: the files behind it would be lost in silence.
Here only its parser of one header block is used.

Source:
    POSIX.1-2017, pax: ustar and pax interchange formats; GNU tar manual, "Basic Tar Format"
    (type L).
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

#: Tar's own unit.
BLOCK = 512
#: Bytes handed out at a time.
CHUNK = 1 << 16
#: Longest extended header (long names, times, attributes of a file system), in bytes.
HEADER_BYTES = 1 << 16

_RECORD = re.compile(rb"([0-9]{1,6}) ([^=]+)=")
_DIGITS = re.compile(rb"[0-9]{1,18}")
_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_DRIVE = re.compile(rb"[A-Za-z]:")


class TarFault(Exception):
    """A tar stream that is not to be read on.

    Attributes:
        name: The entry it stopped at, as bytes; empty where there is none.
        fr: What is wrong.
        en: The same in English.
    """

    def __init__(self, name: bytes, fr: str, en: str) -> None:
        super().__init__(en)
        self.name = name
        self.fr = fr
        self.en = en


class Source(Protocol):
    """Where a tar's bytes come from."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none only at the end."""


class Body:
    """The bytes of one file, in order and once."""

    def __init__(self, source: Source, name: bytes, size: int) -> None:
        self._source = source
        self._name = name
        self._left = size
        self._over = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is left of it.

        Raises:
            TarFault: The stream ends within it.
            ValueError: The next file has been asked for already: our bug.
        """
        if self._over:
            raise ValueError("read before the next file is asked for")
        while self._left:
            yield self.read(CHUNK)

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes of what is left; none only at the end.

        Raises:
            TarFault: The stream ends within it.
        """
        part = self._source.read(min(size, self._left)) if self._left else b""
        if self._left and not part:
            raise _truncated(self._name)
        self._left -= len(part)
        return part

    def close(self) -> None:
        """Pass over what is left.

        Raises:
            TarFault: The stream ends within it.
        """
        while self._left:
            self.read(CHUNK)
        self._over = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file.

    Attributes:
        name: As the archive has it, without ``./`` before it.
        size: Bytes.
        body: To be read before the next entry is asked for.
    """

    name: bytes
    size: int
    body: Body


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the next entry: its name and size, where they do."""

    name: bytes | None = None
    size: int | None = None


def entries(source: Source) -> Iterator[Entry]:
    """Yield the regular files of a tar, in order; folders are passed over.

    Raises:
        TarFault: It is no tar, damaged or truncated; something follows its end; it holds a
            link, a device, a sparse file or a name that leads out of its folder.
    """
    extended = _Extended()
    while (header := _header(source)) is not None:
        if header.type in {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME}:
            _extend(extended, header, _all(source, header))
            continue
        name = extended.name if extended.name is not None else _raw(header.name)
        size = extended.size if extended.size is not None else header.size
        extended = _Extended()
        _check_name(name)
        if header.type == tarfile.DIRTYPE:
            continue
        if header.type not in _FILES:
            raise TarFault(
                name, "lien, périphérique ou fichier à trous", "link, device or sparse file"
            )
        body = Body(source, name, size)
        yield Entry(name.removeprefix(b"./"), size, body)
        body.close()
        _skip_padding(source, name, size)
    _check_end(source)


def _header(source: Source) -> tarfile.TarInfo | None:
    """Read one header block; None at the mark of the end."""
    block = _exactly(source, BLOCK, b"")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the stubs lack it
        return None
    except tarfile.HeaderError as error:
        raise TarFault(
            b"", "ce n'est pas un tar, ou il est endommagé", "no tar, or damaged"
        ) from error
    if header.size < 0:
        raise TarFault(_raw(header.name), "taille négative", "negative size")
    return header


def _all(source: Source, header: tarfile.TarInfo) -> bytes:
    """Read an extended header whole."""
    if header.size > HEADER_BYTES:
        raise TarFault(
            b"",
            f"en-tête étendu de {header.size} octets ; limite : {HEADER_BYTES}",
            f"extended header of {header.size} bytes; limit: {HEADER_BYTES}",
        )
    data = _exactly(source, header.size, b"")
    _skip_padding(source, b"", header.size)
    return data


def _extend(extended: _Extended, header: tarfile.TarInfo, data: bytes) -> None:
    if header.type == tarfile.GNUTYPE_LONGNAME:
        extended.name = data.rstrip(b"\0")
        return
    for key, value in _records(data):
        if key.startswith(b"GNU.sparse."):
            raise TarFault(b"", "fichier à trous", "sparse file")
        if header.type == tarfile.XGLTYPE:
            continue  # says things of every file that follows: none that is of use here
        if key == b"path":
            extended.name = value
        elif key == b"size":
            extended.size = _size(value)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the key and value of each pax record, ``length key=value`` and a line end."""
    at = 0
    while at < len(data):
        found = _RECORD.match(data, at)
        end = at + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise _bad_header()
        yield found[2], data[found.end() : end - 1]
        at = end


def _size(value: bytes) -> int:
    if not _DIGITS.fullmatch(value):
        raise _bad_header()
    return int(value)


def _bad_header() -> TarFault:
    return TarFault(b"", "en-tête étendu mal formé", "malformed extended header")


def _check_name(name: bytes) -> None:
    """Refuse names that lead out of the archive, on any system."""
    plain = name.replace(b"\\", b"/")
    if plain.startswith(b"/") or _DRIVE.match(plain) or b".." in plain.split(b"/"):
        raise TarFault(name, "nom qui sort de l'archive", "name that leads out of the archive")


def _skip_padding(source: Source, name: bytes, size: int) -> None:
    _exactly(source, -size % BLOCK, name)


def _check_end(source: Source) -> None:
    """Read to the end: behind the mark there may be null blocks, and nothing else."""
    while block := source.read(CHUNK):
        if block.strip(b"\0"):
            raise TarFault(
                b"", "contenu après la fin de l'archive", "content after the end of the archive"
            )


def _exactly(source: Source, size: int, name: bytes) -> bytes:
    parts: list[bytes] = []
    while size:
        part = source.read(size)
        if not part:
            raise _truncated(name)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _truncated(name: bytes) -> TarFault:
    return TarFault(name, "archive tar tronquée", "tar truncated")


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
