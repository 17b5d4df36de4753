"""Unzips a gzip stream as it is read, and stops at the first thing that is wrong with it.

The standard library's ``gzip`` has no bound on what it makes of few bytes, and passes over
what follows the last gzip member.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

#: Bytes read, and bytes made, at a time.
CHUNK = 1 << 16
#: Below this many bytes made the ratio is not looked at: a few similar invoices compress well.
RATIO_FROM = 10_000_000
#: Gzip members in one stream (``cat a.gz b.gz`` makes two); each costs time, even an empty one.
MOST_MEMBERS = 1000

_MAGIC = b"\x1f\x8b"


class GzipFault(Exception):
    """A gzip stream that cannot be read on.

    Attributes:
        fr: What is wrong.
        en: The same in English.
        partial: True where a transfer that has not ended could be the cause.
    """

    def __init__(self, fr: str, en: str, *, partial: bool = False) -> None:
        super().__init__(en)
        self.fr = fr
        self.en = en
        self.partial = partial


class Gunzip:
    """Reads what a gzip stream holds.

    Several gzip members, one after the other, are one stream (RFC 1952, 2.2). After the last
    there may be null bytes, as tapes pad with, and nothing else.
    """

    def __init__(self, stream: BinaryIO, ratio: int) -> None:
        """Start at the first byte of `stream`, and read it once, forwards.

        Args:
            stream: The zipped bytes.
            ratio: Most bytes made of one byte read, counted on both from the start.
        """
        self._stream = stream
        self._ratio = ratio
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
            GzipFault: Truncated, corrupt, swelling beyond the ratio, or followed by
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
            raise GzipFault(
                f"gzip corrompu après {self.made} octets",
                f"corrupt gzip after {self.made} bytes",
                partial=True,
            ) from error
        if not zipped and not made and not self._member.eof:
            raise GzipFault(
                f"gzip tronqué après {self.made} octets",
                f"gzip truncated after {self.made} bytes",
                partial=True,
            )
        self._zipped = self._member.unconsumed_tail
        self._fed += len(zipped) - len(self._zipped) - len(self._member.unused_data)
        self.made += len(made)
        if self.made > RATIO_FROM and self.made > self._ratio * self._fed:
            raise GzipFault(
                f"taux de compression supérieur à {self._ratio}",
                f"compression ratio above {self._ratio}",
            )
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
                raise GzipFault(
                    "octets superflus après la fin du gzip", "bytes after the end of the gzip"
                )
            rest = self._stream.read(CHUNK)
        return False
