"""CPPFacturePivot V2_02: invoices on their way to a public recipient.

Each invoice is made ready by `write_invoice`, which says what of it gets lost, or why it cannot
be written at all; `write_pivot` puts those that could into one flow. Only written, never read:
it is what a platform sends and a recipient takes.

Source:
    CPPFacturePivot V2_02 (4 April 2022); our schema of it is
    ``schemas/CPPFacturePivot-V2_02.xsd``.
"""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import TypeAlias

from lxml import etree

from pipeline.model.conversion import Lost, Unwritable, Written
from pipeline.model.fitting import shown
from pipeline.model.invoice import Invoice
from pipeline.syntax import cpp_parties
from pipeline.syntax.cpp_parties import Envelope
from pipeline.syntax.cpp_table import fill, hold, put
from pipeline.syntax.pivot_files import PivotFile, files_of
from pipeline.syntax.pivot_lost import lost_of
from pipeline.syntax.pivot_subject import PivotContext, Subject, choose
from pipeline.syntax.pivot_table import TABLE, Row

#: What the root's Version attribute says.
VERSION = "V2_02"

#: Where a flow has its invoices.
_UNIT = "CPPFactures/CPPFacturePivotUnitaire"
#: How an element reads whose bytes are yet to be put in. Text cannot read so: its ``<`` is
#: escaped.
_NO_CONTENT, _OPEN, _CLOSE = b"<Contenu/>", b"<Contenu>", b"</Contenu>"
#: What every entry of a zip is dated: the first day it can say.
_ZIP_DAY = (1980, 1, 1, 0, 0, 0)

#: A path and its text; None opens a new element there, which the next paths go through.
Cell: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotInvoice:
    """One invoice, ready to take its place in a flow.

    Attributes:
        cells: What is written, in the order of the schema.
        files: Bytes of each of its files, in their order.
        lost: What the pivot does not hold of it.
    """

    cells: tuple[Cell, ...]
    files: tuple[bytes, ...]
    lost: tuple[Lost, ...]


def write_invoice(invoice: Invoice, context: PivotContext) -> PivotInvoice | Unwritable:
    """Make one invoice ready, or say why the pivot cannot hold it.

    Args:
        invoice: Any; what the pivot requires may be missing.
        context: What it does not say itself.

    Returns:
        What `write_pivot` takes; or every reason why the pivot is impossible: something that
        it requires is missing, too long, or has no code in it.
    """
    subject = choose(invoice, context)
    cells: list[Cell] = []
    reasons: list[Lost] = []
    for found in _render(subject):
        if isinstance(found, Lost):
            reasons.append(found)
        else:
            cells.append(found)
    if reasons:
        return Unwritable(tuple(reasons))
    files = tuple(_content(file, context) for file in files_of(subject))
    return PivotInvoice(cells=tuple(cells), files=files, lost=lost_of(subject))


def write_pivot(
    invoices: Sequence[PivotInvoice], envelope: Envelope, schema: etree.XMLSchema
) -> Written:
    """Write a flow as UTF-8 with an XML declaration; the same invoices, the same bytes.

    Characters that XML cannot carry are written as U+FFFD.

    Args:
        invoices: One at least, in the order they are to have.
        envelope: Who sends the flow to whom.
        schema: Compiled ``CPPFacturePivot-V2_02.xsd``; nothing leaves that it does not accept.

    Returns:
        The flow, and what it does not hold of its invoices, in their order.

    Raises:
        ValueError: The flow breaks the schema: our bug.
    """
    root = etree.Element("CPPFacturePivot", Version=VERSION)
    holder, tag = hold(root, cpp_parties.ENVELOPES.path)
    fill(etree.SubElement(holder, tag, NumOrdre="1"), envelope, cpp_parties.TABLE)
    for number, invoice in enumerate(invoices, start=1):
        holder, tag = hold(root, _UNIT)
        _fill(etree.SubElement(holder, tag, NumOrdre=str(number)), invoice.cells)
    root[-1].set("Compteur", str(len(invoices)))
    if not schema.validate(root):
        raise ValueError(f"CPPFacturePivot breaks its own schema: {schema.error_log}")
    written = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    files = chain.from_iterable(invoice.files for invoice in invoices)
    lost = tuple(chain.from_iterable(invoice.lost for invoice in invoices))
    return Written(b"".join(_with_contents(written, files)), lost)


def _render(subject: Subject) -> Iterator[Cell | Lost]:
    """Yield what is written of an invoice, and what is in the way, in the table's order."""
    for entry in TABLE:
        if isinstance(entry, Row):
            yield from _cells(entry, subject, "", "")
            continue
        for number, (at, value) in enumerate(entry.read(subject), start=1):
            yield entry.path, None
            if entry.numbered:
                yield f"{entry.path}/@NumOrdre", str(number)
            place = f"{entry.term}[{at}]/"
            for row in entry.rows:
                yield from _cells(row, value, f"{entry.path}/", place)


def _cells(row: Row, source: object, prefix: str, place: str) -> Iterator[Cell | Lost]:
    """Yield the cell of one row, or what is in its way; nothing where there is no value."""
    value = row.read(source)
    if value is None or value == "":
        if row.needed:
            yield _missing(row, place)
        return
    text = row.write(value)
    if text is None or (row.facet is not None and not row.facet.pattern.fullmatch(text)):
        yield _unfit(row, place, str(value))
    else:
        yield prefix + row.path, text


def _missing(row: Row, place: str) -> Lost:
    fr, en = row.name
    return _reason(row, place, "", f"absent : {fr}", f"missing: {en}")


def _unfit(row: Row, place: str, value: str) -> Lost:
    fr, en = row.name
    rule_fr, rule_en = row.facet.rule if row.facet is not None else ("", "")
    return _reason(
        row,
        place,
        value,
        f"{fr} non admis, attendu : {rule_fr}",
        f"{en} not allowed, expected: {rule_en}",
    )


def _reason(row: Row, place: str, value: str, fr: str, en: str) -> Lost:
    term = row.terms.partition(" ")[0]
    return Lost(
        term=term,
        place=place + term,
        value=shown(value),
        why={
            "fr": f"Impossible en CPPFacturePivot, {fr}.",
            "en": f"Impossible as CPPFacturePivot, {en}.",
        },
    )


def _fill(unit: etree._Element, cells: Iterable[Cell]) -> None:
    for path, text in cells:
        holder, last = hold(unit, path)
        if text:
            put(holder, last, text)
        else:
            etree.SubElement(holder, last)


def _content(file: PivotFile, context: PivotContext) -> bytes:
    """Return what is written in base 64: the file, or a zip that holds nothing else."""
    if not context.zipped:
        return file.content
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(file.name, _ZIP_DAY), file.content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _with_contents(written: bytes, files: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a flow with each file put in its place: none of them is ever text in a tree."""
    first, *others = written.split(_NO_CONTENT)
    yield first
    for file, other in zip(files, others, strict=True):
        yield _OPEN
        yield base64.b64encode(file)
        yield _CLOSE
        yield other
