"""Shows one document to a person: reads it, and puts what the checks found beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import BinaryIO

from pipeline.app import original as originals
from pipeline.app.hub import Hub, sheet_of
from pipeline.ingest.unwrap import MANIFEST_SEQ, EnvelopeRefused, Kind, kind_of, unwrap
from pipeline.model.conversion import Lost, Reading
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, Unreadable
from pipeline.model.labels import Language
from pipeline.model.limits import Limits
from pipeline.model.report import Syntax, ValidationReport
from pipeline.syntax import cii, ubl
from pipeline.syntax.parse import XmlRefused, parse
from pipeline.syntax.readable.build import Source, build_view
from pipeline.syntax.readable.view import View
from pipeline.syntax.recognise import is_pdf, recognise

_HEAD = 4096
#: How each syntax is called on the page.
_SYNTAXES = {
    Syntax.UBL_INVOICE: "UBL 2.1 Invoice",
    Syntax.UBL_CREDIT_NOTE: "UBL 2.1 CreditNote",
    Syntax.CII: "UN/CEFACT CII",
    Syntax.FACTURX: "Factur-X (PDF, CII)",
}
_BESIDE = {
    "fr": "Fichier joint au PDF et absent de son XML : ouvrez l'original.",
    "en": "A file attached to the PDF and not in its XML: open the original.",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One document out of a file.

    Attributes:
        name: Its name inside the file; the file's own where it is the document.
        data: Its bytes.
    """

    name: str
    data: bytes


def view_of(
    taken: Taken, language: Language, limits: Limits, report: ValidationReport | None
) -> View:
    """Make the view of one document.

    Args:
        taken: The document, as received.
        language: Of the view.
        limits: Caps of the safe readers.
        report: What the checks found, or None where none were made.

    Raises:
        Unreadable: It is no invoice, or is not to be read.
    """
    syntax, reading = _read(taken, limits)
    source = Source(
        sha256=sha256(taken.data).hexdigest(),
        size=len(taken.data),
        name=taken.name,
        syntax=_SYNTAXES[syntax],
    )
    return build_view(reading.invoice, source, language, report, reading.lost)


def take_out(stream: BinaryIO, name: str, limits: Limits) -> Iterator[Taken]:
    """Yield every document of a file: of one alone, or of an archive, signed or not.

    Raises:
        Unreadable: The file cannot be opened, or a document in it is not to be taken.
    """
    kind = kind_of(stream.read(_HEAD))
    stream.seek(0)
    if kind is Kind.UNKNOWN:
        # no flow would take it, but whoever asks wants to hear what the parser says
        yield Taken(name, stream.read(limits.file_bytes + 1))
        return
    try:
        for member in unwrap(stream, limits, name):
            if member.seq == MANIFEST_SEQ:
                continue
            if member.fault is not None:
                raise _unreadable(member.name, member.fault.code, member.fault.message)
            yield Taken(member.name, b"".join(member.chunks))
    except EnvelopeRefused as refused:
        raise _unreadable(refused.place, refused.code, refused.message) from refused


def one_of(documents: Iterator[Taken], wanted: str | None) -> Taken:
    """Return the one document of a file, or the one that is wanted by its name.

    Raises:
        ConfigError: There are several and none is named, or none has that name.
    """
    found = [each for each in documents if wanted in {None, each.name}]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"{wanted}: pas dans ce fichier / not in this file")
    names = ", ".join(each.name for each in found)
    raise ConfigError(
        f"plusieurs documents, nommez-en un avec --document / several documents, name one with"
        f" --document: {names}"
    )


def view_of_document(hub: Hub, document: Document, language: Language, *, findings: bool) -> View:
    """Make the view of a document that the hub received.

    Raises:
        ConfigError: Its original was erased, or never kept.
        ArchiveError: It cannot be read.
        Unreadable: It is no invoice.
    """
    flow = hub.ledger.interchange(document.interchange)
    if flow is None:
        raise ConfigError(f"{document.id}: aucun flux / no such flow")
    limits = sheet_of(hub.ledger.sheets(), flow.connection).limits
    report = hub.ledger.report(document.id) if findings else None
    with originals.original(hub, document.id) as stream:
        for seq, taken in enumerate(_members(stream, flow.name, limits), start=1):
            if seq == document.seq:
                return view_of(replace(taken, name=document.name), language, limits, report)
    raise ConfigError(f"{document.id}: absent de son flux / not in its flow")
