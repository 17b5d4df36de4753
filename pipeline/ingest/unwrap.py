"""Takes the documents out of a flow, one after the other, as it is read.

What is wrong with the flow itself ends it (`EnvelopeRefused`); what is wrong with one
file in it is said of that file (`Member.fault`), and the others go on.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from pipeline.ingest.gunzip import Gunzip, GzipFault
from pipeline.ingest.tar import Entry, TarFault, entries
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.limits import Limits
from pipeline.model.names import shown_name

#: How much of a file tells what it is.
HEAD = 4096
#: Longest name of a file in a flow, in bytes.
NAME_BYTES = 1024

_CHUNK = 1 << 16
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class Kind(Enum):
    """What first bytes say a file is."""

    XML = "xml"
    GZIP = "gzip"
    ZIP = "zip"
    PDF = "pdf"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class EnvelopeRefused(Exception):
    """A flow that cannot be opened.

    Attributes:
        code: Of the control table, steps 5 to 7.
        place: The flow, and the file in it where one is to blame; shown form.
        message: What was found and expected, without what to do: ``fr`` and ``en``.
    """

    def __init__(self, code: str, place: str, fr: str, en: str) -> None:
        super().__init__(f"{code}: {place}: {en}")
        self.code = code
        self.place = place
        self.message: Mapping[str, str] = {"fr": fr, "en": en}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a flow.

    Attributes:
        seq: Place in the flow, from 1. Two files may have one name, never one place.
        name: Its name in the flow, shown form; the flow's own for a file that came alone.
        chunks: Its bytes, to be read once, before the next member is asked for; none where
            there is a fault. Reading them raises `EnvelopeRefused` where the flow is damaged.
        fault: Why it is not to be read (step 8 of the control table), or None.
    """

    seq: int
    name: str
    chunks: Iterable[bytes]
    fault: Reason | None = None


def kind_of(head: bytes) -> Kind:
    """Tell what a file is from its first bytes (`HEAD` of them are enough).

    Encodings that the parser refuses are XML here: the parser says it better.

    >>> kind_of(b"<Invoice/>"), kind_of("<a/>".encode("utf-16")), kind_of(b"")
    (<Kind.XML: 'xml'>, <Kind.XML: 'xml'>, <Kind.EMPTY: 'empty'>)
    """
    if not head:
        return Kind.EMPTY
    if head.startswith(b"\x1f\x8b"):
        return Kind.GZIP
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind.ZIP
    if head.startswith(b"%PDF-"):
        return Kind.PDF
    text = head.replace(b"\0", b"")
    for mark in _MARKS:
        text = text.removeprefix(mark)
    return Kind.XML if text.lstrip().startswith(b"<") else Kind.UNKNOWN


def unwrap(stream: BinaryIO, limits: Limits, name: str) -> Iterator[Member]:
    """Yield the files of a flow: one XML file alone, or those of a tar.gz.

    Args:
        stream: The flow from its first byte; it can be sought.
        limits: `file_bytes`, `documents` and `ratio` are obeyed; `flow_bytes` was before.
        name: The flow's name, shown form.

    Raises:
        EnvelopeRefused: Nothing is to be taken from this flow, not even what was yielded.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    kind = kind_of(stream.read(HEAD))
    stream.seek(0)
    if kind is Kind.EMPTY:
        raise EnvelopeRefused("IRR_VIDE", name, "fichier de 0 octet", "file of 0 bytes")
    if kind is Kind.GZIP:
        yield from _tar_gz(stream, limits, name)
    elif kind is Kind.XML:
        fault = _too_large(name, size, limits)
        yield Member(1, name, () if fault else iter(lambda: stream.read(_CHUNK), b""), fault)
    else:
        raise EnvelopeRefused(
            "IRR_TYPE",
            name,
            f"contenu de type {kind.value} ; attendu : un fichier XML ou une archive tar.gz",
            f"content of type {kind.value}; expected one XML file or a tar.gz archive",
        )


def _tar_gz(stream: BinaryIO, limits: Limits, flow: str) -> Iterator[Member]:
    seq = 0
    with _refusing(flow):
        for seq, entry in enumerate(entries(Gunzip(stream, limits.ratio)), 1):
            if seq > limits.documents:
                raise EnvelopeRefused(
                    "IRR_EXTRAC",
                    flow,
                    f"plus de {limits.documents} fichiers ; répartissez-les sur plusieurs flux",
                    f"more than {limits.documents} files; spread them over several flows",
                )
            yield _member(seq, entry, limits, flow)
    if seq == 0:
        raise EnvelopeRefused("IRR_VIDE", flow, "archive sans fichier", "archive without a file")


@contextmanager
def _refusing(flow: str) -> Iterator[None]:
    """Turn what is wrong with the archive into the refusal of the flow."""
    try:
        yield
    except GzipFault as fault:
        raise EnvelopeRefused("IRR_EXTRAC", flow, fault.fr, fault.en) from fault
    except TarFault as fault:
        place = f"{flow} / {shown_name(fault.name)}" if fault.name else flow
        raise EnvelopeRefused("IRR_EXTRAC", place, fault.fr, fault.en) from fault


def _member(seq: int, entry: Entry, limits: Limits, flow: str) -> Member:
    """Look at the name, the size and the first bytes of one file of an archive."""
    name = shown_name(entry.name[:NAME_BYTES])
    fault = (
        _empty(name, entry.size) or _bad_name(name, entry.name) or _bad_suffix(name, entry.name)
    )
    fault = fault or _too_large(name, entry.size, limits)
    if fault is not None:
        return Member(seq, name, (), fault)
    head = _head(entry)
    fault = _bad_kind(name, kind_of(head))
    return Member(seq, name, () if fault else _chunks(flow, head, entry), fault)


def _chunks(flow: str, head: bytes, entry: Entry) -> Iterator[bytes]:
    yield head
    with _refusing(flow):
        yield from entry.body


def _head(entry: Entry) -> bytes:
    head = b""
    while len(head) < HEAD and (part := entry.body.read(HEAD - len(head))):
        head += part
    return head


def _empty(name: str, size: int) -> Reason | None:
    if size:
        return None
    return reason("IRR_VIDE_F", name, "fichier de 0 octet", "file of 0 bytes")


def _bad_name(name: str, raw: bytes) -> Reason | None:
    if raw and len(raw) <= NAME_BYTES and not _CONTROL.search(raw):
        return None
    return reason(
        "IRR_NOM_F",
        name,
        f"nom vide, de plus de {NAME_BYTES} octets, ou avec un caractère de contrôle",
        f"name empty, over {NAME_BYTES} bytes, or with a control character",
    )


def _bad_suffix(name: str, raw: bytes) -> Reason | None:
    """A name may do without a suffix, as flow names do; if it has one, it is ``.xml``."""
    _, dot, suffix = re.split(rb"[/\\]", raw)[-1].rpartition(b".")
    if not dot or suffix.lower() == b"xml":
        return None
    shown = shown_name(suffix)
    return reason(
        "IRR_TYPE_F",
        name,
        f"extension « .{shown} » ; attendu : .xml",
        f"extension '.{shown}'; expected .xml",
    )


def _bad_kind(name: str, kind: Kind) -> Reason | None:
    if kind is Kind.XML:
        return None
    return reason(
        "IRR_TYPE_F",
        name,
        f"contenu de type {kind.value} ; attendu : XML",
        f"content of type {kind.value}; expected XML",
    )


def _too_large(name: str, size: int, limits: Limits) -> Reason | None:
    if size <= limits.file_bytes:
        return None
    return reason(
        "IRR_TAILLE_F",
        name,
        f"fichier de {size} octets ; limite : {limits.file_bytes}",
        f"file of {size} bytes; limit: {limits.file_bytes}",
    )
