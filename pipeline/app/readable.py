"""Shows one document to a person: reads it, and puts what the checks found beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import BinaryIO

from pipeline.app import original as originals
from pipeline.app.hub import Hub
from pipeline.ingest.unwrap import MANIFEST_SEQ, EnvelopeRefused, Kind, kind_of, unwrap
from pipeline.model.conversion import Lost, Reading
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, Unreadable
from pipeline.model.identity import InterchangeId
from pipeline.model.labels import Language
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Syntax, ValidationReport
from pipeline.ports.engine import Engine, Job
from pipeline.ports.ledger import Query
from pipeline.ports.outside import Printer, Spool
from pipeline.syntax import cii, ubl
from pipeline.syntax.attachments import Attachment
from pipeline.syntax.parse import XmlRefused, parse
from pipeline.syntax.readable.build import Source, build_view
from pipeline.syntax.readable.plain import write_text
from pipeline.syntax.readable.view import View
from pipeline.syntax.readable.write import write_html, write_paper
from pipeline.syntax.recognise import guess_family, is_pdf, recognise

_HEAD = 4096
#: Characters of a name that is told as lost.
_LOST = 200
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


class Shape(Enum):
    """As what an invoice is shown to people."""

    TEXT = "text"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class Taken:
    """One document out of a file.

    Attributes:
        name: Its name inside the file; the file's own where it is the document.
        data: Its bytes.
        seq: Its place in the file, from 1.
    """

    name: str
    data: bytes
    seq: int = 1


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
        name=taken.name.rpartition("/")[2],
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
            yield Taken(member.name, b"".join(member.chunks), member.seq)
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


def view_of_document(hub: Hub, subject: str, language: Language, *, findings: bool) -> View:
    """Make the view of a document that the hub received, named by its id.

    The id of a flow will do where it holds one document.

    Raises:
        ConfigError: There is no such document, or its original was erased or never kept.
        ArchiveError: It cannot be read.
        Unreadable: It is no invoice.
    """
    document = _document(hub, subject)
    flow = hub.ledger.interchange(document.interchange)
    if flow is None:
        raise ConfigError(f"{document.id}: aucun flux / no such flow")
    sheet = hub.ledger.sheets().connections.get(flow.connection)
    limits = sheet.limits if sheet else Limits()  # the sheet may be closed by now
    report = hub.ledger.report(document.id) if findings else None
    with originals.original(hub, document.id) as stream:
        for taken in take_out(stream, flow.name, limits):
            if taken.seq == document.seq:
                return view_of(replace(taken, name=document.name), language, limits, report)
    raise ConfigError(f"{document.id}: absent de son flux / not in its flow")


def _document(hub: Hub, subject: str) -> Document:
    found = hub.ledger.document(subject)
    if found is not None:
        return found
    inside = hub.ledger.documents(Query(interchange=InterchangeId(subject)))
    if len(inside) == 1:
        return inside[0]
    if not inside:
        raise ConfigError(f"{subject}: aucun document / no such document")
    ids = ", ".join(each.id for each in inside)
    raise ConfigError(f"{subject}: plusieurs documents / several documents: {ids}")


def judge_one(taken: Taken, engine: Engine, spool: Spool, profile: Profile) -> ValidationReport:
    """Say what the checks find in one document."""
    scrap = spool.write("shown.xml", (taken.data,))
    job = Job(
        path=scrap.path,
        profile=profile,
        limits=Limits(),
        affinity=guess_family(scrap.head),
    )
    (judged,) = engine.judge((job,))
    return judged.report


def written(view: View, form: Shape, printer: Callable[[], Printer]) -> bytes:
    """Write a view down.

    Args:
        view: What is shown.
        form: As what.
        printer: Gives what prints; asked only where something is to be printed.

    Raises:
        ConfigError: The machine lacks what printing needs.
    """
    match form:
        case Shape.TEXT:
            return write_text(view).encode()
        case Shape.HTML:
            return write_html(view).encode()
        case Shape.PDF:
            return printer().print(write_paper(view))


def _read(taken: Taken, limits: Limits) -> tuple[Syntax, Reading]:
    """Read a document into the model, whatever is wrong with it; say what it is."""
    if is_pdf(taken.data):
        return Syntax.FACTURX, _read_pdf(taken, limits)
    return _read_xml(taken, limits)


def _read_xml(taken: Taken, limits: Limits) -> tuple[Syntax, Reading]:
    try:
        root = parse(taken.data, limits)
    except XmlRefused as refused:
        raise _unreadable(taken.name, refused.code, refused.message) from refused
    syntax = recognise(root)
    if syntax is None:
        raise _no_invoice(taken.name)
    return syntax, (cii if syntax is Syntax.CII else ubl).read_invoice(root)


def _read_pdf(taken: Taken, limits: Limits) -> Reading:
    # 15 MB: loaded when there is a PDF to open
    from pipeline.syntax.facturx import PdfRefused, open_facturx

    try:
        opened = open_facturx(taken.data, limits)
    except PdfRefused as refused:
        raise _unreadable(taken.name, refused.code, refused.message) from refused
    syntax, reading = _read_xml(Taken(taken.name, opened.invoice), limits)
    if syntax is not Syntax.CII:
        raise _no_invoice(taken.name)
    beside = tuple(_beside(one) for one in opened.others)
    return replace(reading, lost=(*reading.lost, *beside))


def _beside(attached: Attachment) -> Lost:
    content = attached.read()
    told = f"{attached.label[:_LOST]} · {len(content)} o · SHA-256 {sha256(content).hexdigest()}"
    return Lost(term=None, place="PDF", value=told, why=_BESIDE)


def _no_invoice(name: str) -> Unreadable:
    fr = "ce n'est une facture ni UBL, ni CII, ni Factur-X"
    return Unreadable(f"{name}: {fr} / no UBL, CII or Factur-X invoice")


def _unreadable(name: str, code: str, message: Mapping[str, str]) -> Unreadable:
    return Unreadable(f"{name}: {code}: {message['fr']} / {message['en']}")
