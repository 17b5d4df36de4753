"""Whether a file that has stopped growing looks whole: cheap, and never sure.

Asked of files that were only seen to be stable, before they are taken. A file that does
not look whole waits; whether it is any good is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from pipeline.ingest.entry import CHUNK, ArchiveFault
from pipeline.ingest.gunzip import Gunzip
from pipeline.ingest.p7m import take_content
from pipeline.ingest.unwrap import Kind, kind_of

#: One thing that may stand before the root element.
_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
#: A PDF's end mark stands within so many bytes of its end (ISO 32000-1, annex H, note 18).
_PDF_END = 1024
#: Length of a zip's end record; its last two bytes are that of the comment behind it.
_ZIP_END = 22
_ROOT = re.compile(r"<([^\s/>!?]+)")
#: How things that may stand behind it end, and how they begin.
_EPILOG: Mapping[str, str] = MappingProxyType({"-->": "<!--", "?>": "<?"})


def looks_whole(head: bytes, tail: bytes) -> bool:
    """Tell whether a file looks whole by its two ends.

    Args:
        head: Its first bytes; all of them where it is short.
        tail: Its last bytes, as many; of a short file the same as `head`.

    Returns:
        For XML whether the root element is closed and at most comments, instructions and
        white space follow; for a zip whether its end record is there, with its comment; for
        a PDF whether its end mark is; False for an empty file; True for anything else,
        which its ends say nothing about.
    """
    kind = kind_of(head)
    if kind is Kind.ZIP:
        return _zip_ends(tail)
    if kind is Kind.PDF:
        return b"%%EOF" in tail[-_PDF_END:]
    return _xml_ends(head, tail) if kind is Kind.XML else kind is not Kind.EMPTY


def _zip_ends(tail: bytes) -> bool:
    """Look for the last end record; a comment that hides it makes the file wait, no more."""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _ZIP_END:
        return False
    comment = int.from_bytes(tail[at + _ZIP_END - 2 : at + _ZIP_END], "little")
    return len(tail) - at >= _ZIP_END + comment


def _xml_ends(head: bytes, tail: bytes) -> bool:
    codec = _codec(head)
    start = head.decode(codec, "replace").lstrip("\ufeff")
    at = 0
    while found := _PROLOG.match(start, at):
        at = found.end()
    root = _ROOT.match(start, at)
    if root is None:
        # a prolog that is longer than the head says nothing; one that ends there is cut off
        return head != tail
    return _closes(tail.decode(codec, "replace"), root[1], alone=start[at:])


def gzip_whole(stream: BinaryIO, limit: int) -> bool:
    """Tell whether a gzip stream reaches its end, by reading it.

    Args:
        stream: From its first byte.
        limit: Bytes made of it after which it is taken for whole unseen: opening it decides.

    Returns:
        False where it is truncated, or damaged as a file is that is written out of order.
    """
    source = Gunzip(stream, ratio=limit, most=limit)
    try:
        while source.read(CHUNK):
            pass
    except ArchiveFault as fault:
        return not fault.partial
    return True


def p7m_whole(stream: BinaryIO, limit: int) -> bool:
    """Tell whether a signed envelope reaches its end, by reading it.

    Args:
        stream: From its first byte.
        limit: Bytes beyond which it is taken for whole unseen: opening it decides.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        return True
    try:
        take_content(data)
    except ArchiveFault as fault:
        return not fault.partial
    return True


def _codec(head: bytes) -> str:
    """Return a codec that reads signs and plain letters; other letters do not matter."""
    if head.startswith((b"\xff\xfe", b"<\0")):
        return "utf-16-le"
    return "utf-16-be" if head.startswith((b"\xfe\xff", b"\0<")) else "utf-8"


def _closes(end: str, root: str, *, alone: str) -> bool:
    """Tell whether `end` closes the element `root`.

    Args:
        end: The last characters of the file.
        root: Name of the root element, with its prefix.
        alone: The file from its root element on, as far as it is known: a root element
            that closes itself is the whole of it.
    """
    end = _without_epilog(end)
    if re.search(rf"</{re.escape(root)}\s*>\Z", end):
        return True
    return end.endswith("/>") and _without_epilog(alone) == end[end.rfind("<") :]


def _without_epilog(end: str) -> str:
    """Cut off white space, comments and instructions behind the root element."""
    while True:
        end = end.rstrip()
        opening = next((_EPILOG[sign] for sign in _EPILOG if end.endswith(sign)), None)
        if opening is None or opening not in end:
            return end
        end = end[: end.rindex(opening)]
