"""Reads a document of any syntax into the model, and writes the model in either of the norm's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pipeline.model.conversion import Form, Lost, Reading, Written
from pipeline.model.invoice import Invoice
from pipeline.model.limits import Limits
from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.attachments import Attachment
from pipeline.syntax.parse import parse

#: The form that a document of each syntax is in already.
OWN_FORM: Mapping[Syntax, Form] = {
    Syntax.UBL_INVOICE: Form.UBL,
    Syntax.UBL_CREDIT_NOTE: Form.UBL,
    Syntax.CII: Form.CII,
    Syntax.FACTURX: Form.FACTURX,
}
#: Where files stand that a PDF attaches beside its XML.
IN_THE_PDF = "PDF"
_NOT_IN_THE_XML = {
    "fr": "Fichier joint au PDF et absent de son XML : il ne voyage qu'avec l'original.",
    "en": "A file attached to the PDF and not in its XML: it travels with the original only.",
}


def read_document(data: bytes, syntax: Syntax, limits: Limits) -> Reading:
    """Read a document that was judged, of any syntax, into the model.

    Args:
        data: Its bytes, as received.
        syntax: What it was recognised as.
        limits: Caps of the safe parser.

    Returns:
        The invoice, and what the model does not hold: of a PDF also what it attaches
        beside its XML.

    Raises:
        XmlRefused, PdfRefused: It cannot be read.
    """
    if syntax is Syntax.FACTURX:
        # 15 MB: loaded when there is a PDF to open
        from pipeline.syntax.facturx import open_facturx

        opened = open_facturx(data, limits)
        reading = cii.read_invoice(parse(opened.invoice, limits))
        return replace(reading, lost=(*reading.lost, *_beside(opened.others)))
    read = cii.read_invoice if syntax is Syntax.CII else ubl.read_invoice
    return read(parse(data, limits))


def write_document(invoice: Invoice, form: Form) -> Written:
    """Write an invoice as UBL or CII.

    Raises:
        ValueError: It is neither of the two that is asked for: our bug.
    """
    if form is Form.UBL:
        return ubl.write_invoice(invoice)
    if form is Form.CII:
        return cii.write_invoice(invoice)
    raise ValueError(f"{form.value} is written elsewhere")


def _beside(attached: tuple[Attachment, ...]) -> Iterator[Lost]:
    for one in attached:
        yield Lost(term=None, place=IN_THE_PDF, value=one.name[:200], why=_NOT_IN_THE_XML)
