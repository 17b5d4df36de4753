"""What is fuzzed: each reader of foreign bytes, as a function that may only do as documented.

A target returns for whatever it is given; what it raises is a find. Beside that it holds
what a reader promises: a name leads back to its bytes, an archive gives no more than its
limits, what was read once is read the same again.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType

from lxml import etree

from pipeline.adapters.configuration import read_sheet
from pipeline.ingest.completeness import gzip_whole, looks_whole, p7m_whole
from pipeline.ingest.entry import ArchiveFault
from pipeline.ingest.manifest import ManifestFault, read_manifest
from pipeline.ingest.naming import read_flow_name
from pipeline.ingest.p7m import take_content
from pipeline.ingest.unwrap import HEAD, EnvelopeRefused, kind_of, unwrap
from pipeline.model.errors import ConfigError
from pipeline.model.limits import Limits
from pipeline.model.names import raw_name, shown_name, slug
from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.attachments import attachments_of
from pipeline.syntax.facturx import PdfRefused, open_facturx
from pipeline.syntax.parse import XmlRefused, cut_attachments, parse
from pipeline.syntax.recognise import guess_family, recognise

#: Small enough that a limit is met within a few kilobytes.
LIMITS = Limits(
    flow_bytes=300_000,
    file_bytes=100_000,
    attachment_bytes=50_000,
    documents=20,
    text_bytes=20_000,
    depth=30,
    elements=2_000,
)


def xml(data: bytes) -> None:
    """Parse a document, recognise it, read its header, its attachments and all of it."""
    guess_family(data[:HEAD])
    try:
        root = parse(data, LIMITS)
    except XmlRefused as refused:
        _told(refused.message)
        return
    syntax = recognise(root)
    if syntax is not None:
        _carried(root, cii if syntax is Syntax.CII else ubl)
    if ubl.read_header(root) != ubl.read_header(root):
        raise AssertionError("two readings gave two headers")
    cii.read_header(root)
    for attachment in attachments_of(root):
        if len(attachment.read()) > LIMITS.attachment_bytes:
            raise AssertionError("an attachment is larger than its limit")
    cut_attachments(root)


def _carried(root: etree._Element, syntax: ModuleType) -> None:
    """Convert a document: whatever was in it, what comes out is one that can be read."""
    reading = syntax.read_invoice(root)
    for target in (ubl, cii):
        written = target.write_invoice(reading.invoice)
        if target.write_invoice(reading.invoice) != written:
            raise AssertionError("two writings gave two documents")
        target.read_invoice(parse(written.payload, Limits()))
        for loss in (*reading.lost, *written.lost):
            _told(loss.why)


def flow(data: bytes) -> None:
    """Unwrap a flow of any kind; all of it stays within its limits."""
    kind_of(data[:HEAD])
    looks_whole(data[:HEAD], data[-HEAD:])
    gzip_whole(io.BytesIO(data), LIMITS.flow_bytes)
    made = 0
    try:
        for member in unwrap(io.BytesIO(data), LIMITS, "flow"):
            size = sum(map(len, member.chunks))
            made += size
            if size > LIMITS.file_bytes * 10 or made > LIMITS.flow_bytes:
                raise AssertionError(f"{size} bytes in one file, {made} in all")
            if member.fault is not None:
                _told(member.fault.message)
    except EnvelopeRefused as refused:
        _told(refused.message)


def p7m(data: bytes) -> None:
    """Take the content out of a signed envelope."""
    p7m_whole(io.BytesIO(data), LIMITS.file_bytes)
    try:
        content = take_content(data)
    except ArchiveFault as fault:
        _told({"fr": fault.fr, "en": fault.en})
        return
    if len(content) > len(data):
        raise AssertionError("more came out than went in")


def pdf(data: bytes) -> None:
    """Take the invoice out of a PDF."""
    try:
        opened = open_facturx(data, LIMITS)
    except PdfRefused as refused:
        _told(refused.message)
        return
    if len(opened.invoice) + sum(len(one.read()) for one in opened.others) > LIMITS.file_bytes:
        raise AssertionError("more came out than may")


def name(data: bytes) -> None:
    """Show a file's name, read it as a flow's, make a name of ours of it."""
    shown = shown_name(data)
    if raw_name(shown) != data or not shown.isprintable():
        raise AssertionError(f"{data!r} is shown as {shown!r}")
    if not slug(shown).isascii() or "/" in slug(shown) or slug(shown).startswith((".", "-")):
        raise AssertionError(f"{data!r} becomes {slug(shown)!r}")
    read_flow_name(shown)


def manifest(data: bytes) -> None:
    """Read a manifest."""
    try:
        read_manifest(data)
    except ManifestFault as fault:
        _told(fault.reason.message)


def sheet(data: bytes) -> None:
    """Read a connection sheet."""
    try:
        read_sheet(data.decode("utf-8", "replace"))
    except ConfigError as error:
        str(error)


def _told(message: Mapping[str, str]) -> None:
    """A refusal says why, in both languages."""
    if not message["fr"] or not message["en"]:
        raise AssertionError(f"a refusal without a word: {message}")


#: Every target, and the seeds it starts from: a folder of ``seeds/``.
TARGETS: Mapping[str, tuple[Callable[[bytes], None], str]] = MappingProxyType(
    {
        "xml": (xml, "xml"),
        "zip": (flow, "zip"),
        "tar": (flow, "tar"),
        "p7m": (p7m, "p7m"),
        "pdf": (pdf, "pdf"),
        "name": (name, "name"),
        "manifest": (manifest, "manifest"),
        "sheet": (sheet, "sheet"),
    }
)
