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

from pipeline.ingest.entry import CHUNK, ArchiveFault, Body, Entry, Source, plain_name, truncated

#: Tar's own unit.
BLOCK = 512
#: Longest extended header (long names, times, attributes of a file system), in bytes.
HEADER_BYTES = 1 << 16

_RECORD = re.compile(rb"([0-9]{1,6}) ([^=]+)=")
_DIGITS = re.compile(rb"[0-9]{1,18}")
_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the next entry: its name and size, where they do."""

    name: bytes | None = None
    size: int | None = None


def is_tar(head: bytes) -> bool:
    """Tell whether a file that starts with `head` starts as a tar, empty ones included."""
    try:
        tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the stubs lack it
        return True
    except tarfile.HeaderError:
        return False
    return True


def entries(source: Source) -> Iterator[Entry]:
    """Yield the regular files of a tar, in order; folders are passed over.

    Raises:
        ArchiveFault: It is no tar, damaged or truncated; something follows its end; it holds a
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
        plain = plain_name(name)
        if header.type == tarfile.DIRTYPE:
            continue
        if header.type not in _FILES:
            raise ArchiveFault(
                "lien, périphérique ou fichier à trous", "link, device or sparse file", name=name
            )
        body = Body(source, name, size)
        yield Entry(plain, size, body)
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
        raise ArchiveFault(
            "ce n'est pas un tar, ou il est endommagé", "no tar, or damaged"
        ) from error
    if header.size < 0:
        raise ArchiveFault("taille négative", "negative size", name=_raw(header.name))
    return header


def _all(source: Source, header: tarfile.TarInfo) -> bytes:
    """Read an extended header whole."""
    if header.size > HEADER_BYTES:
        raise ArchiveFault(
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
            raise ArchiveFault("fichier à trous", "sparse file")
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


def _bad_header() -> ArchiveFault:
    return ArchiveFault("en-tête étendu mal formé", "malformed extended header")


def _skip_padding(source: Source, name: bytes, size: int) -> None:
    _exactly(source, -size % BLOCK, name)


def _check_end(source: Source) -> None:
    """Read to the end: behind the mark there may be null blocks, and nothing else."""
    while block := source.read(CHUNK):
        if block.strip(b"\0"):
            raise ArchiveFault(
                "contenu après la fin de l'archive", "content after the end of the archive"
            )


def _exactly(source: Source, size: int, name: bytes) -> bytes:
    parts: list[bytes] = []
    while size:
        part = source.read(size)
        if not part:
            raise truncated(name)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
