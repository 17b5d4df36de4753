"""Takes the documents out of a flow, one after the other, as it is read.

What is wrong with the flow itself ends it (`EnvelopeRefused`); what is wrong with one
file in it is said of that file (`Member.fault`), and the others go on.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import BinaryIO

from pipeline.ingest import tar
from pipeline.ingest import zip as zip_
from pipeline.ingest.entry import CHUNK, ArchiveFault, Body, Entry, Source
from pipeline.ingest.gunzip import Gunzip
from pipeline.ingest.manifest import (
    MANIFEST_BYTES,
    MANIFEST_NAME,
    too_large,
    twice,
)
from pipeline.ingest.p7m import is_p7m, take_content
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.limits import Limits
from pipeline.model.names import shown_name

#: How much of a file tells what it is.
HEAD = 4096
#: Place of the manifest, which is no file of the flow.
MANIFEST_SEQ = 0
#: Longest name of a file in a flow, in bytes.
NAME_BYTES = 1024

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class Kind(Enum):
    """What first bytes say a file is."""

    XML = "xml"
    GZIP = "gzip"
    ZIP = "zip"
    PDF = "pdf"
    P7M = "p7m"
    EMPTY = "empty"
    UNKNOWN = "unknown"

    @property
    def fr(self) -> str:
        """Return the word for it in French."""
        return {"empty": "vide", "unknown": "inconnu"}.get(self.value, self.value)


#: What documents are, and what flows are.
DOCUMENTS = frozenset({Kind.XML, Kind.PDF})
FLOWS = DOCUMENTS | {Kind.GZIP, Kind.ZIP, Kind.P7M}

#: Suffixes that a file in a flow may have, and what it then is; it may also have none.
_SUFFIXES: Mapping[bytes, Kind] = MappingProxyType(
    {b"xml": Kind.XML, b"pdf": Kind.PDF, b"p7m": Kind.P7M}
)


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
            The manifest has `MANIFEST_SEQ`.
        name: Its name in the flow, shown form; the flow's own for a file that came alone.
        chunks: Its bytes, to be read once, before the next member is asked for; none where
            there is a fault. Reading them raises `EnvelopeRefused` where the flow is damaged.
        fault: Why it is not to be read (step 8 of the control table), or None.
        signed: True where it came in a signed envelope, whose signature nobody judged.
    """

    seq: int
    name: str
    chunks: Iterable[bytes]
    fault: Reason | None = None
    signed: bool = False


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
    if is_p7m(head):
        return Kind.P7M
    text = head.replace(b"\0", b"")
    for mark in _MARKS:
        text = text.removeprefix(mark)
    return Kind.XML if text.lstrip().startswith(b"<") else Kind.UNKNOWN


def wrong_type(kind: Kind) -> tuple[str, str]:
    """Say, in French and in English, that a flow of this kind is not taken, and what is."""
    fr = "une facture XML ou PDF (Factur-X), un gzip, un tar.gz ou un zip, signés (p7m) ou non"
    en = "an XML or PDF (Factur-X) invoice, a gzip, a tar.gz or a zip, signed (p7m) or not"
    return (
        f"contenu de type {kind.fr} ; attendu : {fr}",
        f"content of type {kind.value}; expected {en}",
    )


def unwrap(stream: BinaryIO, limits: Limits, name: str) -> Iterator[Member]:
    """Yield the files of a flow, always the same for the same bytes.

    A flow is one document alone, one zipped by gzip, or those of a tar.gz or zip; each of
    these may lie in a signed envelope, and so may each file of an archive.

    Args:
        stream: The flow from its first byte; it can be sought.
        limits: `file_bytes`, `documents` and `ratio` are obeyed, and `flow_bytes` for all
            files together, unzipped; for the flow as sent it was before.
        name: The flow's name, shown form.

    Raises:
        EnvelopeRefused: Nothing is to be taken from this flow, not even what was yielded.
    """
    yield from _open(stream, limits, name, name)


def _open(stream: BinaryIO, limits: Limits, flow: str, name: str) -> Iterator[Member]:
    """Yield the files of what may be the flow itself, or what a signed envelope held.

    Args:
        stream: As of `unwrap`.
        limits: As of `unwrap`.
        flow: Name of the flow, for its refusals.
        name: What a document is called that is alone.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    kind = kind_of(stream.read(HEAD))
    stream.seek(0)
    if kind is Kind.EMPTY:
        raise EnvelopeRefused("IRR_VIDE", flow, "fichier de 0 octet", "file of 0 bytes")
    if kind in DOCUMENTS:
        fault = _too_large(name, size, limits)
        yield Member(1, name, () if fault else iter(lambda: stream.read(CHUNK), b""), fault)
    elif kind is Kind.GZIP:
        yield from _gzip(stream, limits, flow, name)
    elif kind is Kind.ZIP:
        yield from _archive(zip_.entries(stream, limits), limits, flow)
    elif kind is Kind.P7M:
        yield from _signed(stream, limits, flow, name, size)
    else:
        raise EnvelopeRefused("IRR_TYPE", flow, *wrong_type(kind))


def _signed(stream: BinaryIO, limits: Limits, flow: str, name: str, size: int) -> Iterator[Member]:
    """Open what a signed envelope holds; it is held in memory, so it is a file by its size."""
    fault = _too_large(name, size, limits)
    if fault is not None:
        yield Member(1, name, (), fault)
        return
    with _refusing(flow):
        content = take_content(stream.read())
    if kind_of(content[:HEAD]) is Kind.P7M:
        raise EnvelopeRefused(
            "IRR_EXTRAC",
            flow,
            "enveloppe signée dans une enveloppe signée",
            "signed envelope in a signed envelope",
        )
    for member in _open(io.BytesIO(content), limits, flow, _without(name, ".p7m")):
        yield replace(member, signed=True)


def _gzip(stream: BinaryIO, limits: Limits, flow: str, name: str) -> Iterator[Member]:
    """Open a tar.gz, or one document zipped."""
    with _refusing(flow):
        head = _head(_gunzip(stream, limits))
    kind = kind_of(head)
    if kind is Kind.EMPTY:
        raise EnvelopeRefused("IRR_VIDE", flow, "gzip de 0 octet", "gzip of 0 bytes")
    if tar.is_tar(head) or kind is Kind.UNKNOWN:
        # of what is neither, the reader of archives says best what is wrong with it
        yield from _archive(tar.entries(_gunzip(stream, limits)), limits, flow)
    else:
        yield _zipped_alone(stream, limits, flow, _without(name, ".gz"))


def _zipped_alone(stream: BinaryIO, limits: Limits, flow: str, name: str) -> Member:
    """Open one document zipped by gzip: twice, since a gzip does not say how long it is."""
    most = limits.file_bytes
    size = 0
    with _refusing(flow):
        unzipped = _gunzip(stream, limits)
        while size <= most and (part := unzipped.read(CHUNK)):
            size += len(part)
    if size > most:
        fr, en = f"fichier de plus de {most} octets", f"file of more than {most} bytes"
        return Member(1, name, (), reason("IRR_TAILLE_F", name, fr, en))
    entry = Entry(b"", size, Body(_gunzip(stream, limits), b"", size))
    return _file(1, name, None, entry, limits, flow)


def _gunzip(stream: BinaryIO, limits: Limits) -> Gunzip:
    stream.seek(0)
    return Gunzip(stream, limits.ratio, limits.flow_bytes)


def _archive(entries: Iterable[Entry], limits: Limits, flow: str) -> Iterator[Member]:
    seq, manifests = 0, 0
    with _refusing(flow):
        for entry in entries:
            if entry.name == MANIFEST_NAME.encode():
                manifests += 1
                yield _manifest(entry, manifests, flow)
                continue
            seq += 1
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


def _manifest(entry: Entry, number: int, flow: str) -> Member:
    """Take the manifest of an archive aside: `number` one, of which there may be one only."""
    fault = twice() if number > 1 else too_large() if entry.size > MANIFEST_BYTES else None
    if fault is not None:
        raise EnvelopeRefused("MANIFEST", fault.full_place, fault.fr, fault.en)
    return Member(MANIFEST_SEQ, MANIFEST_NAME, _chunks(flow, b"", entry))


@contextmanager
def _refusing(flow: str) -> Iterator[None]:
    """Turn what is wrong with the archive into the refusal of the flow."""
    try:
        yield
    except ArchiveFault as fault:
        place = f"{flow} / {shown_name(fault.name[:NAME_BYTES])}" if fault.name else flow
        raise EnvelopeRefused("IRR_EXTRAC", place, fault.fr, fault.en) from fault


def _member(seq: int, entry: Entry, limits: Limits, flow: str) -> Member:
    """Look at the name of one file of an archive, and then at itself."""
    name = shown_name(entry.name[:NAME_BYTES])
    fault = (
        _empty(name, entry.size) or _bad_name(name, entry.name) or _bad_suffix(name, entry.name)
    )
    if fault is not None:
        return Member(seq, name, (), fault)
    return _file(seq, name, entry.name, entry, limits, flow)


def _file(
    seq: int, name: str, raw: bytes | None, entry: Entry, limits: Limits, flow: str
) -> Member:
    """Look at the size and the first bytes of a file.

    Args:
        seq: Its place.
        name: Its name, shown form.
        raw: Its name in an archive, which must fit what it is; None for a flow of one.
        entry: The file.
        limits: As of `unwrap`.
        flow: Name of the flow.
    """
    fault = _too_large(name, entry.size, limits)
    if fault is not None:
        return Member(seq, name, (), fault)
    head = _head(entry.body)
    kind = kind_of(head)
    fault = _bad_kind(name, kind, DOCUMENTS | {Kind.P7M}, _suffix(raw or b"")[1])
    if fault is not None:
        return Member(seq, name, (), fault)
    chunks = _chunks(flow, head, entry)
    if kind is Kind.P7M:
        return _signed_file(seq, name, raw or b"", b"".join(chunks))
    return Member(seq, name, chunks)


def _signed_file(seq: int, name: str, raw: bytes, envelope: bytes) -> Member:
    """Take one document out of a signed file of an archive: no other archive, no envelope."""
    try:
        content = take_content(envelope)
    except ArchiveFault as found:
        fault = reason("IRR_TYPE_F", name, found.fr, found.en)
        return Member(seq, name, (), fault, signed=True)
    inner = _suffix(_suffix(raw)[0])[1]
    kind = kind_of(content[:HEAD])
    unfit = _empty(name, len(content)) or _bad_kind(name, kind, DOCUMENTS, inner)
    return Member(seq, name, () if unfit else (content,), unfit, signed=True)


def _chunks(flow: str, head: bytes, entry: Entry) -> Iterator[bytes]:
    yield head
    with _refusing(flow):
        yield from entry.body


def _head(source: Source) -> bytes:
    head = b""
    while len(head) < HEAD and (part := source.read(HEAD - len(head))):
        head += part
    return head


def _without(name: str, suffix: str) -> str:
    """Return `name` without a suffix in small letters or capitals; never nothing."""
    return name[: -len(suffix)] if name.lower().endswith(suffix) and name != suffix else name


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


def _suffix(raw: bytes) -> tuple[bytes, bytes]:
    """Split the last part of a name before its suffix, which is in small letters, or empty."""
    last = re.split(rb"[/\\]", raw)[-1]
    stem, dot, suffix = last.rpartition(b".")
    return (stem, suffix.lower()) if dot else (last, b"")


def _bad_suffix(name: str, raw: bytes) -> Reason | None:
    """A name may do without a suffix, as flow names do."""
    suffix = _suffix(raw)[1]
    if suffix in _SUFFIXES or b"." not in re.split(rb"[/\\]", raw)[-1]:
        return None
    shown = shown_name(suffix)
    return reason(
        "IRR_TYPE_F",
        name,
        f"extension « .{shown} » ; attendu : .xml, .pdf ou .p7m",
        f"extension '.{shown}'; expected .xml, .pdf or .p7m",
    )


def _bad_kind(name: str, kind: Kind, allowed: Collection[Kind], suffix: bytes) -> Reason | None:
    if kind not in allowed:
        fr, en = "XML ou PDF (Factur-X)", "XML or PDF (Factur-X)"
    elif _SUFFIXES.get(suffix, kind) is not kind:
        fr = en = _SUFFIXES[suffix].value
    else:
        return None
    return reason(
        "IRR_TYPE_F",
        name,
        f"contenu de type {kind.fr} ; attendu : {fr}",
        f"content of type {kind.value}; expected {en}",
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
