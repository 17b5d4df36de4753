"""Reads a zip by its directory, which must tell of every byte before it, and of nothing else.

The standard library's ``zipfile`` builds as many entries as it is told, takes the first
directory that it finds from the end, hands out no more of a file than its announced size
whatever follows, and passes over what no entry names, or two do: two readers may then see
two archives. Here a flow is refused unless its files, as announced, lie one behind the other
from its first byte to its directory. So whether it is too much is known before anything is
unzipped; unzipping then holds each file to what was announced of it.

Source:
    PKWARE, APPNOTE.TXT 6.3.10, 4.3 (records), 4.4 (fields), 4.5.3 (zip64).
"""

from __future__ import annotations

import io
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.ingest.entry import (
    CHUNK,
    RATIO_FROM,
    ArchiveFault,
    Body,
    Entry,
    plain_name,
    swollen,
    too_much,
    truncated,
)
from pipeline.model.limits import Limits

#: Entries beside the documents: folders.
MOST_FOLDERS = 1000
#: Most bytes of the directory for each entry, on average: its name, times, attributes.
ENTRY_BYTES = 2048

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCATOR_SIGN, _END64_SIGN = b"PK\x06\x07", b"PK\x06\x06"
_MOST_COMMENT = 0xFFFF
#: What stands in a field whose value is elsewhere (zip64), by the field's width.
_ELSEWHERE16, _ELSEWHERE = 0xFFFF, 0xFFFFFFFF
_ZIP64 = 1
_EXTRA = struct.Struct("<HH")

_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_DESCRIBED = 1 << 3  # sizes and checksum stand behind the file, too
#: Lengths of what then stands there: with or without a sign, in 32 or 64 bits.
_DESCRIPTORS = frozenset({12, 16, 20, 24})
_STORED, _DEFLATED = 0, 8
#: Systems whose file types stand in the upper half of the attributes.
_UNIX, _DARWIN = 3, 19
#: How the name of a folder ends.
_SLASHES = (b"/", b"\\")


@dataclass(frozen=True, slots=True)
class _Record:
    """What the directory says of one entry; `plain` is its name without ``./``."""

    name: bytes
    plain: bytes
    flags: int
    method: int
    crc: int
    zipped: int
    size: int
    offset: int

    @property
    def folder(self) -> bool:
        return self.name.endswith(_SLASHES)


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the directory lies and how many entries it announces."""

    entries: int
    size: int
    offset: int


def entries(stream: BinaryIO, limits: Limits) -> Iterator[Entry]:
    """Yield the regular files of a zip, as its directory orders them; folders are passed over.

    Args:
        stream: The archive; it can be sought.
        limits: `documents`, `flow_bytes` (of all files, unzipped) and `ratio` are obeyed.

    Raises:
        ArchiveFault: It is damaged, truncated, encrypted or excessive; a byte of it belongs to
            no file or to two; two files have one name; it holds a link, a device, a method
            other than stored and deflate, or a name that leads out of its folder.
    """
    directory = _find_directory(stream)
    records = _read_directory(stream, directory, limits)
    _check_names(records)
    _check_sums(records, limits)
    starts = _lay_out(stream, records, directory.offset)
    for record, start in zip(records, starts, strict=True):
        if record.folder:
            continue
        stream.seek(start)
        unzipped = _Unzipped(stream, record)
        body = Body(unzipped, record.name, record.size)
        yield Entry(record.plain, record.size, body)
        body.close()
        unzipped.close()


def _find_directory(stream: BinaryIO) -> _Directory:
    """Read the end record: the last thing of the archive, its comment included."""
    whole = stream.seek(0, io.SEEK_END)
    tail_at = max(0, whole - _END.size - _MOST_COMMENT)
    tail = _read_at(stream, tail_at, whole - tail_at)
    at = tail.rfind(_END_SIGN)
    if at < 0 or len(tail) - at < _END.size:
        raise truncated(b"")
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(tail, at)
    if len(tail) - at < _END.size + comment:
        raise truncated(b"")
    if len(tail) - at > _END.size + comment:
        raise ArchiveFault(
            "contenu après la fin de l'archive", "content after the end of the archive"
        )
    found = (disk, first_disk, here, count, size, offset)
    end = tail_at + at
    wide = _find_wide_end(stream, end)
    if wide is not None:
        end, told = wide
        for narrow, full in zip(found, told, strict=True):
            if narrow not in {full, _ELSEWHERE16, _ELSEWHERE}:
                raise _damaged()
        disk, first_disk, here, count, size, offset = told
    if (disk, first_disk) != (0, 0) or here != count:
        raise ArchiveFault("archive en plusieurs volumes", "archive in several volumes")
    if offset + size != end:
        raise _damaged()
    return _Directory(count, size, offset)


def _find_wide_end(stream: BinaryIO, end: int) -> tuple[int, tuple[int, ...]] | None:
    """Read the zip64 end record, if there is one: its place and the fields of the other."""
    locator_at = end - _LOCATOR.size
    if locator_at < _END64.size:
        return None
    sign, _, at, _ = _LOCATOR.unpack(_read_at(stream, locator_at, _LOCATOR.size))
    if sign != _LOCATOR_SIGN:
        return None
    if at + _END64.size > locator_at:
        raise _damaged()
    sign, length, _, _, *fields = _END64.unpack(_read_at(stream, at, _END64.size))
    if sign != _END64_SIGN or at + 12 + length != locator_at:
        raise _damaged()
    return at, tuple(fields)


def _read_directory(stream: BinaryIO, directory: _Directory, limits: Limits) -> list[_Record]:
    """Read every entry; how many there are, and how long it is, is looked at first."""
    most = limits.documents + MOST_FOLDERS
    if directory.entries > most or directory.size > most * ENTRY_BYTES:
        raise ArchiveFault(
            f"{directory.entries} entrées dans un répertoire de {directory.size} octets ;"
            f" limite : {limits.documents} fichiers",
            f"{directory.entries} entries in a directory of {directory.size} bytes;"
            f" limit: {limits.documents} files",
        )
    data = _read_at(stream, directory.offset, directory.size)
    records: list[_Record] = []
    at = 0
    for _ in range(directory.entries):
        record, at = _read_record(data, at)
        records.append(record)
    if at != len(data):
        raise _damaged()
    return records


def _read_record(data: bytes, at: int) -> tuple[_Record, int]:
    """Read the entry at `at`, and say where the next one is."""
    if len(data) - at < _CENTRAL.size:
        raise _damaged()
    (sign, made, _, flags, method, _, _, crc, zipped, size, name_, extra_, comment_, disk, _,
     attributes, offset) = _CENTRAL.unpack_from(data, at)  # fmt: skip
    names_at = at + _CENTRAL.size
    extra_at = names_at + name_
    end = extra_at + extra_ + comment_
    if sign != _CENTRAL_SIGN or end > len(data):
        raise _damaged()
    name = data[names_at:extra_at]
    if disk not in {0, _ELSEWHERE16}:
        raise ArchiveFault("archive en plusieurs volumes", "archive in several volumes", name=name)
    if _ELSEWHERE in {size, zipped, offset}:
        size, zipped, offset = _wide(data[extra_at : extra_at + extra_], (size, zipped, offset))
    _check_kind(name, flags, method, made >> 8, attributes >> 16)
    plain = plain_name(name)
    return _Record(name, plain, flags, method, crc, zipped, size, offset), end


def _wide(extra: bytes, narrow: tuple[int, int, int]) -> tuple[int, int, int]:
    """Take size, zipped size and offset out of the zip64 field, those that stand there."""
    at = 0
    while len(extra) - at >= _EXTRA.size:
        tag, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        value = extra[at : at + length]
        if tag == _ZIP64:
            wanted = narrow.count(_ELSEWHERE)
            if len(value) < 8 * wanted:
                raise _damaged()
            told = iter(struct.unpack_from(f"<{wanted}Q", value))
            size, zipped, offset = (next(told) if one == _ELSEWHERE else one for one in narrow)
            return size, zipped, offset
        at += length
    return narrow


def _check_kind(name: bytes, flags: int, method: int, system: int, mode: int) -> None:
    """Refuse what is no plain file or folder that anybody can read."""
    if flags & _ENCRYPTED:
        raise ArchiveFault("fichier chiffré", "encrypted file", name=name)
    if method not in {_STORED, _DEFLATED}:
        raise ArchiveFault(
            f"méthode de compression {method} ; attendu : stored ou deflate",
            f"compression method {method}; expected stored or deflate",
            name=name,
        )
    if name.endswith(_SLASHES) or system not in {_UNIX, _DARWIN}:
        return  # of folders, some tools write types that do not exist
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise ArchiveFault("lien ou périphérique", "link or device", name=name)


def _check_names(records: Sequence[_Record]) -> None:
    """Refuse a folder with content, and a name that stands twice."""
    seen: set[bytes] = set()
    for record in records:
        if record.folder and record.size:
            raise ArchiveFault("dossier avec contenu", "folder with content", name=record.name)
        if record.plain in seen:
            raise ArchiveFault(
                "deux entrées de ce nom", "two entries of this name", name=record.name
            )
        seen.add(record.plain)


def _check_sums(records: Sequence[_Record], limits: Limits) -> None:
    """Refuse what would swell too much; no file will give more than is announced here."""
    made = sum(record.size for record in records)
    if made > RATIO_FROM and made > limits.ratio * sum(record.zipped for record in records):
        raise swollen(limits.ratio)
    if made > limits.flow_bytes:
        raise too_much(limits.flow_bytes)


def _lay_out(stream: BinaryIO, records: Sequence[_Record], end: int) -> list[int]:
    """Return where each file's bytes start, once it is sure that they tile the archive."""
    starts: dict[int, int] = {}
    at, before = 0, None
    for record in sorted(records, key=lambda record: record.offset):
        _check_gap(at, record.offset, before, record.name)
        start = _start(stream, record)
        starts[record.offset] = start
        at, before = start + record.zipped, record
    _check_gap(at, end, before, before.name if before else b"")
    return [starts[record.offset] for record in records]


def _check_gap(at: int, following: int, before: _Record | None, name: bytes) -> None:
    """Refuse bytes between the end of one file and what follows, but for its descriptor."""
    if following < at:
        raise ArchiveFault("fichiers qui se chevauchent", "overlapping files", name=name)
    described = before is not None and before.flags & _DESCRIBED
    if following > at and not (described and following - at in _DESCRIPTORS):
        raise ArchiveFault(
            f"{following - at} octets qui ne sont d'aucun fichier",
            f"{following - at} bytes that belong to no file",
            name=name,
        )


def _start(stream: BinaryIO, record: _Record) -> int:
    """Read a file's own header, and return where its bytes start; it says what the directory does.

    Where the sizes stand behind the file, or in a zip64 field, it says nothing of them.
    """
    header = _read_at(stream, record.offset, _LOCAL.size)
    sign, _, flags, method, _, _, crc, zipped, size, name_, extra_ = _LOCAL.unpack(header)
    if sign != _LOCAL_SIGN:
        raise _damaged(record.name)
    name = _read_at(stream, record.offset + _LOCAL.size, name_)
    told = [(crc, record.crc), (zipped, record.zipped), (size, record.size)]
    if record.flags & _DESCRIBED:
        told = [(one, other) for one, other in told if one]
    same = all(one in {other, _ELSEWHERE} for one, other in told)
    same = same and not (flags ^ record.flags) & (_ENCRYPTED | _DESCRIBED)
    if (name, method) != (record.name, record.method) or not same:
        raise ArchiveFault(
            "l'en-tête du fichier contredit le répertoire",
            "the file's header contradicts the directory",
            name=record.name,
        )
    start: int = record.offset + _LOCAL.size + name_ + extra_
    return start


class _Unzipped:
    """What one file holds, which must be as long as was announced, with the same checksum."""

    def __init__(self, stream: BinaryIO, record: _Record) -> None:
        """Read `stream` on from where it stands."""
        self._stream = stream
        self._record = record
        self._left = record.zipped
        self._owed = record.size
        self._inflate = zlib.decompressobj(-15) if record.method == _DEFLATED else None
        self._crc = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none only at the end.

        Raises:
            ArchiveFault: Corrupt, or shorter than announced.
        """
        part = self._take(size) if self._inflate is None else self._unzip(self._inflate, size)
        self._crc = zlib.crc32(part, self._crc)
        self._owed -= len(part)
        if not part and self._owed:
            raise self._lies()
        return part

    def close(self) -> None:
        """Hold what was read, which is all that was announced, to what is left.

        Raises:
            ArchiveFault: There is more, or its checksum is another.
        """
        if self.read(1) or self._left:
            raise self._lies()
        if self._inflate is not None and (not self._inflate.eof or self._inflate.unused_data):
            raise self._lies()
        if self._crc != self._record.crc:
            raise self._corrupt()

    def _unzip(self, inflate: zlib._Decompress, size: int) -> bytes:
        while not inflate.eof:
            zipped = inflate.unconsumed_tail or self._take(CHUNK)
            try:
                part = inflate.decompress(zipped, size)
            except zlib.error as error:
                raise self._corrupt() from error
            if part or not zipped:
                return part
        return b""

    def _take(self, size: int) -> bytes:
        part = self._stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(part)
        return part

    def _lies(self) -> ArchiveFault:
        return ArchiveFault(
            "longueur autre que celle annoncée",
            "length other than announced",
            name=self._record.name,
        )

    def _corrupt(self) -> ArchiveFault:
        return ArchiveFault("fichier corrompu", "corrupt file", name=self._record.name)


def _read_at(stream: BinaryIO, at: int, size: int) -> bytes:
    stream.seek(at)
    data = stream.read(size)
    if len(data) != size:
        raise truncated(b"")
    return data


def _damaged(name: bytes = b"") -> ArchiveFault:
    return ArchiveFault("archive zip endommagée", "damaged zip", name=name)
