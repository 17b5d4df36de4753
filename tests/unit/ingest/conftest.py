"""Builders of flows, sound and hostile."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from asn1crypto import cms

#: Header and padded body of one entry.
RawEntry = Callable[..., bytes]
#: A whole tar.gz of some files, in pax format.
TarGz = Callable[..., bytes]
#: A whole zip of some files.
Zipped = Callable[..., bytes]
#: A zip of `Piece`s.
RawZip = Callable[..., bytes]
#: A signed envelope around a content.
Signed = Callable[..., bytes]

END = bytes(1024)
#: Object identifiers, as elements.
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")


@pytest.fixture(scope="session")
def tar_gz() -> TarGz:
    """Make a tar.gz: ``tar_gz(("a.xml", b"<a/>"), ("b.xml", b"<b/>"), format=…)``."""

    def make(*files: tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002  # tarfile's word
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format) as archive:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return gzip.compress(out.getvalue())

    return make


@pytest.fixture(scope="session")
def raw_entry() -> RawEntry:
    """Make one tar entry, sound or not: ``raw_entry(name, data, type=b"2", link="/etc/passwd")``.

    ``size`` lies about the length of the data.
    """

    def make(
        name: str,
        data: bytes = b"",
        *,
        type: bytes = tarfile.REGTYPE,  # noqa: A002  # tarfile's word
        link: str = "",
        size: int | None = None,
    ) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = type, link
        info.size = len(data) if size is None else size
        return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)

    return make


@pytest.fixture(scope="session")
def zip_of() -> Zipped:
    """Make a zip: ``zip_of(("a.xml", b"<a/>"), ("b.xml", b"<b/>"), method=…, streamed=True)``.

    A streamed one is written as to a pipe: sizes and checksums stand behind the files.
    """

    def make(
        *files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, streamed: bool = False
    ) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(_Pipe(out) if streamed else out, "w", method) as archive:
            for name, data in files:
                archive.writestr(name, data)
        return out.getvalue()

    return make


class _Pipe(io.RawIOBase):
    """What can only be written to."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def write(self, data: object) -> int:
        return self._out.write(data)  # type: ignore[arg-type]  # whatever zipfile writes

    def writable(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One entry of a zip as it is told; what is None is told as it is."""

    name: bytes = b"a.xml"
    data: bytes = b"<a/>"
    body: bytes | None = None  #: as it stands in the archive, `data` else
    method: int = 0
    flags: int = 0
    made_by: int = 3
    mode: int = 0o100644
    size: int | None = None
    zipped: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    before: bytes = b""  #: stands before it in the archive
    behind: bytes = b""  #: stands behind it
    extra: bytes = b""
    disk: int = 0


@pytest.fixture(scope="session")
def raw_zip() -> RawZip:
    """Make a zip of pieces, sound or not: ``raw_zip(a_piece(name=b"../a"), count=2)``."""

    def make(
        *pieces: Piece,
        count: int | None = None,
        directory: bytes | None = None,
        comment: bytes = b"",
        told_comment: int | None = None,
        disk: int = 0,
    ) -> bytes:
        files, entries = b"", b""
        for one in pieces:
            files += one.before
            entries += _central(one, len(files))
            files += _local(one) + (one.data if one.body is None else one.body) + one.behind
        entries = entries if directory is None else directory
        told = len(pieces) if count is None else count
        length = len(comment) if told_comment is None else told_comment
        end = struct.pack(
            "<4s4H2IH", b"PK\5\6", disk, 0, told, told, len(entries), len(files), length
        )
        return files + entries + end + comment

    return make


@pytest.fixture(scope="session")
def a_piece() -> type[Piece]:
    """Return the maker of pieces."""
    return Piece


def _told(one: Piece) -> tuple[int, int, int]:
    body = one.data if one.body is None else one.body
    crc = zlib.crc32(one.data) if one.crc is None else one.crc
    zipped = len(body) if one.zipped is None else one.zipped
    return crc, zipped, len(one.data) if one.size is None else one.size


def _local(one: Piece) -> bytes:
    crc, zipped, size = _told(one)
    name = one.name if one.local_name is None else one.local_name
    size = size if one.local_size is None else one.local_size
    numbers = (20, one.flags, one.method, 0, 0, crc, zipped, size, len(name), 0)
    return struct.pack("<4s5H3I2H", b"PK\3\4", *numbers) + name


def _central(one: Piece, offset: int) -> bytes:
    at = offset if one.offset is None else one.offset
    numbers = (one.made_by << 8 | 20, 20, one.flags, one.method, 0, 0)
    places = (len(one.name), len(one.extra), 0, one.disk, 0, one.mode << 16, at)
    header = struct.pack("<4s6H3I5H2I", b"PK\1\2", *numbers, *_told(one), *places)
    return header + one.name + one.extra


@pytest.fixture(scope="session")
def signed() -> Signed:
    """Wrap a content as CMS signed data, ``signed(b"<a/>")``; it has no signer: nobody looks.

    Without a content the signature is detached; `version` 1 is that of PKCS #7.
    """

    def make(content: bytes | None, version: str = "v3") -> bytes:
        inside = {"content_type": "data"} | ({} if content is None else {"content": content})
        data = cms.SignedData(
            {
                "version": version,
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": inside,
                "signer_infos": [],
            }
        )
        whole = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
        assert isinstance(whole, bytes)
        return whole

    return make


@pytest.fixture(scope="session")
def streamed() -> Signed:
    """The same in indefinite lengths, the content in pieces, as tools stream it."""

    def make(content: bytes, piece: int = 1000) -> bytes:
        pieces = b"".join(
            _element(4, content[at : at + piece]) for at in range(0, len(content), piece)
        )
        octets = b"\x24\x80" + pieces + b"\0\0"
        inside = b"\x30\x80" + DATA + b"\xa0\x80" + octets + b"\0\0\0\0"
        algorithms = _element(0x31, _element(0x30, bytes.fromhex("0609608648016503040201")))
        signers = b"\x31\x80\0\0"
        whole = b"\x30\x80\2\1\1" + algorithms + inside + signers + b"\0\0"
        return b"\x30\x80" + SIGNED_DATA + b"\xa0\x80" + whole + b"\0\0\0\0"

    return make


def _element(tag: int, body: bytes) -> bytes:
    length = len(body).to_bytes(4)
    return bytes([tag, 0x84]) + length + body
