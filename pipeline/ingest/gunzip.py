"""Unzips a gzip stream as it is read, and stops at the first thing that is wrong with it.

The standard library's ``gzip`` has no bound on what it makes of few bytes, and passes over
what follows the last gzip member.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

from pipeline.ingest.entry import CHUNK, RATIO_FROM, ArchiveFault, swollen, too_much

#: Gzip members in one stream (``cat a.gz b.gz`` makes two); each costs time, even an empty one.
MOST_MEMBERS = 1000

_MAGIC = b"\x1f\x8b"


class Gunzip:
    """Reads what a gzip stream holds.

    Several gzip members, one after the other, are one stream (RFC 1952, 2.2). After the last
    there may be null bytes, as tapes pad with, and nothing else.
    """

    def __init__(self, stream: BinaryIO, ratio: int, most: int) -> None:
        """Start at the first byte of `stream`, and read it once, forwards.

        Args:
            stream: The zipped bytes.
            ratio: Most bytes made of one byte read, counted on both from the start.
            most: Most bytes made.
        """
        self._stream = stream
        self._ratio = ratio
        self._most = most
        self._member = zlib.decompressobj(wbits=31)
        self._members = 1
        self._zipped = b""
        self._fed = 0
        self._buffer = b""
        self._at = 0
        #: Bytes made so far.
        self.made = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none only at the end.

        Raises:
            ArchiveFault: Truncated, corrupt, swelling beyond the ratio, or followed by
                something else. What was returned before is then not to be trusted.
        """
        if self._at == len(self._buffer):
            self._buffer, self._at = self._more(), 0
        part = self._buffer[self._at : self._at + size]
        self._at += len(part)
        return part

    def _more(self) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            made = self._unzip(self._zipped or self._stream.read(CHUNK))
            if made:
                return made

    def _unzip(self, zipped: bytes) -> bytes:
        try:
            made = self._member.decompress(zipped, CHUNK)
        except zlib.error as error:
            raise ArchiveFault(
                f"gzip corrompu après {self.made} octets",
                f"corrupt gzip after {self.made} bytes",
                partial=True,
            ) from error
        if not zipped and not made and not self._member.eof:
            raise ArchiveFault(
                f"gzip tronqué après {self.made} octets",
                f"gzip truncated after {self.made} bytes",
                partial=True,
            )
        self._zipped = self._member.unconsumed_tail
        self._fed += len(zipped) - len(self._zipped) - len(self._member.unused_data)
        self.made += len(made)
        if self.made > RATIO_FROM and self.made > self._ratio * self._fed:
            raise swollen(self._ratio)
        if self.made > self._most:
            raise too_much(self._most)
        return made

    def _next_member(self) -> bool:
        """Go on behind a gzip member; return whether there is another."""
        rest = self._member.unused_data
        while len(rest) < len(_MAGIC) and (more := self._stream.read(CHUNK)):
            rest += more
        if rest.startswith(_MAGIC) and self._members < MOST_MEMBERS:
            self._members += 1
            self._member = zlib.decompressobj(wbits=31)
            self._zipped = rest
            return True
        while rest:
            if rest.strip(b"\0"):
                raise ArchiveFault(
                    "octets superflus après la fin du gzip", "bytes after the end of the gzip"
                )
            rest = self._stream.read(CHUNK)
        return False
