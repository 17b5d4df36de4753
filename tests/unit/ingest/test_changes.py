"""What a deposit changes of the invoice under its number: each thing once, at its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest

from pipeline.ingest.changes import changes_of
from pipeline.model.comeback import Changes
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.limits import Limits
from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.parse import parse
from tests.hubs import invoice, samples
from tests.returned import VILLE, elsewhere, engaged, with_paper


def a_document(payload: bytes, subject: str, syntax: Syntax = Syntax.UBL_INVOICE) -> Document:
    """Return a judged document."""
    root = parse(payload, Limits())
    module = cii if syntax is Syntax.CII else ubl
    return Document(
        id=DocumentId(subject),
        interchange=InterchangeId("F"),
        seq=1,
        name="a.xml",
        size=len(payload),
        sha256=subject,
        syntax=syntax,
        header=module.read_header(root),
    )


def compared(before: bytes, after: bytes) -> Changes:
    """Compare two UBL invoices."""
    old, new = a_document(before, "F-0001"), a_document(after, "G-0001")
    return changes_of((old, before), (new, after), Limits())


def told(changes: Changes) -> list[tuple[str, str, str]]:
    """Return term, expected and found."""
    return [(one.term, one.expected, one.found) for one in changes.changed]


def reordered(payload: bytes) -> bytes:
    """Put whitespace elsewhere, and a comment."""
    return payload.replace(b"><", b">\n<").replace(b"</Invoice>", b"<!-- x --></Invoice>")


@pytest.mark.parametrize("change", [lambda one: one, reordered], ids=["same", "written-anew"])
def test_what_says_the_same_changes_nothing(change: Callable[[bytes], bytes]) -> None:
    """Bytes may differ where words do not."""
    changes = compared(invoice("A1"), change(invoice("A1")))

    assert (changes.changed, changes.added, changes.bearer) == ((), (), "F-0001")


def test_another_recipient_is_one_change_whoever_says_it_again() -> None:
    """SIREN and electronic address follow the SIRET; no more than that may follow."""
    changed = told(compared(invoice("A1"), elsewhere(invoice("A1"))))

    assert changed == [("BT-46", VILLE.siret, samples().HOPITAL.siret)]


def test_a_siren_that_is_not_the_recipients_is_a_change() -> None:
    """BT-47 alone, or another one than the SIRET's, is another recipient's."""
    siren = VILLE.siret[:9].encode()
    other = invoice("A1").replace(b'"0002">' + siren, b'"0002">111111111')

    assert told(compared(invoice("A1"), other)) == [("BT-47", VILLE.siret[:9], "111111111")]


def test_amounts_of_lines_are_told_with_their_line() -> None:
    """Whoever reads it finds the line."""
    changes = compared(invoice("A1"), invoice("A1", times=2))

    places = [one.place for one in changes.changed]
    assert "BG-25[1]/BT-131" in places
    assert "BT-112" in places
    assert changes.given.changed >= {"BT-129", "BT-131", "BT-112"}


def test_papers_are_told_apart_by_what_they_hold() -> None:
    """One more counts; one that went, or the same under another name, is a change."""
    one = with_paper(invoice("A1"))

    added = compared(invoice("A1"), one)
    gone = compared(one, invoice("A1"))
    renamed = compared(one, with_paper(one, "copie.pdf"))

    assert ([paper.name for paper in added.added], added.changed) == (["bl.pdf"], ())
    assert told(gone) == [("BG-24", "bl.pdf", "")]
    assert (renamed.added, told(renamed)) == ((), [("BG-24", "", "copie.pdf")])


def test_an_engagement_is_one_term() -> None:
    """The only other one that a returned invoice may change."""
    assert told(compared(invoice("A1"), engaged(invoice("A1")))) == [
        ("BT-13", "EJ-2026-00117", "EJ-2026-99")
    ]


def test_the_same_in_another_syntax_is_no_change() -> None:
    """UBL or CII: only what an invoice says is compared."""
    sample = samples().BY_KEY["ubl-380-fournitures"]
    made = samples().billed_to(sample, VILLE, "A1")
    before, after = samples().to_ubl(made), samples().to_cii(made)
    old = a_document(before, "F-0001")
    new = a_document(after, "G-0001", Syntax.CII)

    changes = changes_of((old, before), (new, after), Limits())

    assert [one.place for one in changes.changed] == []


def a_pdf(files: dict[str, bytes]) -> bytes:
    """Return a PDF that carries files."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        for name, payload in files.items():
            pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, payload, filename=name)
        written = BytesIO()
        pdf.save(written)
        return written.getvalue()


def test_a_paper_beside_the_xml_of_a_pdf_counts_as_one() -> None:
    """Who completes a Factur-X attaches the paper to the PDF, where readers look for it."""
    sample = samples().BY_KEY["ubl-380-fournitures"]
    xml: bytes = samples().to_cii(samples().billed_to(sample, VILLE, "A1"))
    header = a_document(xml, "F-0001", Syntax.CII)
    old = replace(header, syntax=Syntax.FACTURX)
    new = replace(old, id=DocumentId("G-0001"))
    before = a_pdf({"factur-x.xml": xml, "annexe.csv": b"a;b"})
    paper = {"factur-x.xml": xml, "annexe.csv": b"a;b", "bon.csv": b"c;d"}

    completed = changes_of((old, before), (new, a_pdf(paper)), Limits())
    bared = changes_of((old, before), (new, a_pdf({"factur-x.xml": xml})), Limits())

    assert ([one.name for one in completed.added], completed.changed) == (["bon.csv"], ())
    assert told(bared) == [("BG-24", "annexe.csv", "")]
