"""Encrypted blobs: chunks that can be read from anywhere, and cannot be cut, moved or swapped.

A blob is a header of 64 bytes, then chunks of 65,536 bytes of content, the last one shorter,
each sealed by AES-256-GCM under a key that no other blob has (16 bytes more a chunk). The nonce
is the chunk's place and whether it is the last, so that none can be left out, repeated or put
elsewhere; the last chunk is also sealed with the SHA-256 of the whole, so that no blob passes
for another. (The STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015.)
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.adapters.files import REPLACED
from pipeline.adapters.vault import GROUP_NAME, SLOT, KeyPlace
from pipeline.model.errors import ArchiveError

CHUNK = 1 << 16
_TAG = 16
_SEALED = CHUNK + _TAG
_HEADER = 64
#: Before a blob is kept its header holds its wrapped key; afterwards, where that key is.
_RECEIVED, _KEPT = b"EDIPART1", b"EDIBLOB1"
_MARK = len(_KEPT)
_SLOT_NUMBER = 4


class SealedWriter:
    """Seals what is written to one file."""

    def __init__(self, file: BinaryIO, key: bytes, slot: bytes) -> None:
        """Start a file.

        Args:
            file: New and empty.
            key: Never used for another file.
            slot: The same key as it may be stored.
        """
        self._file = file
        self._cipher = AESGCM(key)
        self._pending = bytearray()
        self._place = 0
        file.write((_RECEIVED + slot).ljust(_HEADER, b"\0"))

    def write(self, data: bytes) -> None:
        """Add to the content."""
        self._pending += data
        whole = 0
        # what fills a chunk exactly waits: it may be the last one
        while len(self._pending) - whole > CHUNK:
            self._seal(self._pending[whole : whole + CHUNK], None)
            whole += CHUNK
        del self._pending[:whole]

    def finish(self, digest: bytes) -> None:
        """Seal the last chunk with the SHA-256 of the whole."""
        self._seal(self._pending, digest)

    def _seal(self, chunk: bytes | bytearray, digest: bytes | None) -> None:
        nonce = _nonce(self._place, last=digest is not None)
        self._file.write(self._cipher.encrypt(nonce, bytes(chunk), digest))
        self._place += 1


class SealedReader(io.RawIOBase):
    """Reads a sealed file, from any place; one chunk is held at a time."""

    def __init__(self, handle: int, key: bytes, digest: bytes, where: object) -> None:
        """Take over an open file, and look at its end.

        Raises:
            ArchiveError: It is cut, or not the file of that SHA-256.
        """
        self._file = os.fdopen(handle, "rb", buffering=0)
        self._cipher = AESGCM(key)
        self._digest = digest
        self._where = where
        self._at = 0
        self._held = -1
        self._chunk = b""
        try:
            body = os.fstat(handle).st_size - _HEADER
            self._last = max(body - 1, 0) // _SEALED
            self._size = body - (self._last + 1) * _TAG
            self._read_chunk(self._last)
        except BaseException:
            self._file.close()
            raise

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as io calls it
        """Fill `buffer` from one chunk; 0 only at the end."""
        if self._at >= self._size:
            return 0
        place, skip = divmod(self._at, CHUNK)
        part = memoryview(self._read_chunk(place))[skip : skip + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the content."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        """Return the place in the content."""
        return self._at

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from anywhere."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _read_chunk(self, place: int) -> bytes:
        if place != self._held:
            last = place == self._last
            sealed = os.pread(self._file.fileno(), _SEALED, _HEADER + place * _SEALED)
            try:
                digest = self._digest if last else None
                chunk = self._cipher.decrypt(_nonce(place, last=last), sealed, digest)
            except (InvalidTag, ValueError):
                raise ArchiveError(
                    f"{self._where}: endommagé ou modifié / damaged or changed"
                ) from None
            self._chunk, self._held = chunk, place
        return self._chunk


def open_sealed(handle: int, key: bytes, digest: str, where: object) -> BinaryIO:
    """Return the content of an open sealed file, as a stream.

    Raises:
        ArchiveError: It is cut, or not the file of that SHA-256.
    """
    raw = SealedReader(handle, key, bytes.fromhex(digest), where)
    return io.BufferedReader(raw, CHUNK)


def received_slot(handle: int, where: object) -> bytes:
    """Return the wrapped key of a blob that is not kept yet.

    Raises:
        ArchiveError: It is no such file.
    """
    return _header(handle, _RECEIVED, where)[:SLOT]


def key_place(handle: int, where: object) -> KeyPlace:
    """Return where the key of a kept blob is.

    Raises:
        ArchiveError: It is no kept blob.
    """
    found = _header(handle, _KEPT, where)
    number = found[GROUP_NAME : GROUP_NAME + _SLOT_NUMBER]
    return KeyPlace(found[:GROUP_NAME], int.from_bytes(number, "big"))


def refer(path: Path, place: KeyPlace) -> None:
    """Write into a received blob where its key is now, in place of the key."""
    header = _KEPT + place.group + place.slot.to_bytes(_SLOT_NUMBER, "big")
    handle = os.open(path, REPLACED)
    try:
        os.pwrite(handle, header.ljust(_HEADER, b"\0"), 0)
    finally:
        os.close(handle)


def _header(handle: int, mark: bytes, where: object) -> bytes:
    found = os.pread(handle, _HEADER, 0)
    if len(found) != _HEADER or not found.startswith(mark):
        raise ArchiveError(f"{where}: endommagé ou modifié / damaged or changed")
    return found[_MARK:]


def _nonce(place: int, *, last: bool) -> bytes:
    return place.to_bytes(11, "big") + bytes([last])
