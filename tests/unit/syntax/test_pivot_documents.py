"""CPPFacturePivot out of whole documents: our samples, and those of others."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from pipeline.model.conversion import Unwritable
from pipeline.model.invoice import Binary, Identifier, Invoice, Payment, Preceding
from pipeline.model.limits import Limits
from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.attachments import attachments_of
from pipeline.syntax.cpp_parties import Envelope
from pipeline.syntax.facturx import PdfRefused, open_facturx
from pipeline.syntax.parse import XmlRefused, compile_schema, parse
from pipeline.syntax.pivot import PivotInvoice, write_invoice, write_pivot
from pipeline.syntax.pivot_subject import PivotContext
from pipeline.syntax.recognise import is_pdf, recognise

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = compile_schema(str(ROOT / "schemas" / "CPPFacturePivot-V2_02.xsd"))
SAMPLES = sorted((ROOT / "samples" / "invoices").glob("*.xml"))
ENVELOPE = Envelope.of(
    "VIL0070036000000000000118",
    datetime(2026, 11, 9, 20, 15, tzinfo=UTC),
    receiver="VIL007",
    sender="EDIHUB",
)
PARSER = etree.XMLParser(huge_tree=True)

#: Samples that the pivot cannot hold: the term that is in the way.
REFUSED = {"ubl-381-avoir-exonere": ["BT-81"]}


def read(data: bytes) -> Invoice | None:
    """Read a document of either syntax, or the one inside a PDF; None if that is refused."""
    try:
        root = parse(open_facturx(data, Limits()).invoice if is_pdf(data) else data, Limits())
    except (XmlRefused, PdfRefused):
        return None
    syntax = recognise(root)
    if syntax is None:
        return None
    reading = cii.read_invoice(root) if syntax is Syntax.CII else ubl.read_invoice(root)
    return reading.invoice


def context(data: bytes, path: Path) -> PivotContext:
    """Return what is known of a document that was received."""
    return PivotContext(received_on=date(2026, 11, 9), original=Binary(data, None, path.name))


def contents(made: PivotInvoice) -> list[bytes]:
    """Write an invoice in a flow of its own, and return the bytes of its files."""
    flow = etree.fromstring(write_pivot([made], ENVELOPE, SCHEMA).payload, PARSER)
    SCHEMA.assertValid(flow)  # with what the files hold
    return [base64.b64decode(one.text or "") for one in flow.iter("Contenu")]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_a_valid_flow_with_all_its_files(path: Path) -> None:
    """Or is refused for what the table above says; its original and attachments are its own."""
    data = path.read_bytes()
    invoice = read(data)
    assert invoice is not None

    made = write_invoice(invoice, context(data, path))

    if isinstance(made, Unwritable):
        assert [one.term for one in made.reasons] == REFUSED[path.stem]
    else:
        attached = [one.read() for one in attachments_of(parse(data, Limits()))]
        assert path.stem not in REFUSED
        assert contents(made) == [data, *attached]


def test_all_samples_fit_in_one_flow() -> None:
    """In any number, each by its number, in the order they were given."""
    made = []
    for path in SAMPLES:
        data = path.read_bytes()
        invoice = read(data)
        assert invoice is not None
        one = write_invoice(invoice, context(data, path))
        if isinstance(one, PivotInvoice):
            made.append((invoice.number, one))
    flow = etree.fromstring(write_pivot([one for _, one in made], ENVELOPE, SCHEMA).payload)

    assert len(made) == len(SAMPLES) - len(REFUSED)
    assert [one.text for one in flow.iter("Id")][2:] == [number for number, _ in made]


def documents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every XML and PDF of the corpora."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".xml", ".pdf"} and path.is_file():
            yield path, path.read_bytes()


def to_a_public_buyer(invoice: Invoice) -> Invoice:
    """Give an invoice of others what a French public recipient needs, where it lacks that."""
    siret = Identifier("21000123600012", "0009")
    means = {payment.means for payment in invoice.payments} & {"30", "48", "49", "58", "59"}
    return replace(
        invoice,
        number=(invoice.number or "")[-20:],
        seller=replace(invoice.seller, identifiers=(Identifier("X", "0227"),)),
        buyer=replace(invoice.buyer, identifiers=(siret,)),
        payments=invoice.payments if means else (Payment(means="30"),),
        order=(invoice.order or "")[:50] or None,
        contract=(invoice.contract or "")[:50] or None,
        preceding=tuple(Preceding(number=(one.number or "")[:20]) for one in invoice.preceding),
    )


@pytest.mark.corpora
def test_documents_of_others_are_valid_flows_once_they_have_a_public_buyer() -> None:
    """As they are they are refused for reasons that are told; nothing else stops one."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA is not set: no corpora here")
    stopped: list[tuple[str, list[str]]] = []
    valid = 0
    for path, data in documents(Path(folder)):
        invoice = read(data)
        if invoice is None:
            continue
        as_it_is = write_invoice(invoice, context(data, path))
        assert isinstance(as_it_is, PivotInvoice) or as_it_is.reasons
        made = write_invoice(to_a_public_buyer(invoice), context(data, path))
        if isinstance(made, Unwritable):
            stopped.append((path.name, [one.place for one in made.reasons]))
        else:
            attached = [one.attachment.content for one in invoice.supports if one.attachment]
            assert contents(made) == [data, *attached], path
            valid += 1

    assert stopped == []
    assert valid >= 80


def test_documents_become_pivots_fast_enough() -> None:
    """Parsed, read and written at least 300 a second, of 10 kB; in CPU time, of one core."""
    path = ROOT / "samples/invoices/cii-380-toutes-references.xml"
    data = path.read_bytes()

    start = time.process_time()
    for _ in range(60):
        invoice = read(data)
        assert invoice is not None
        made = write_invoice(invoice, context(data, path))
        assert isinstance(made, PivotInvoice)
        write_pivot([made], ENVELOPE, SCHEMA)
    spent = time.process_time() - start

    assert 60 / spent >= 300
