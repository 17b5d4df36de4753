"""Each clause of PDF/A-3 that is looked at: a page that keeps it, and one that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from pipeline.model.facturx import FacturxProfile
from pipeline.model.invoice import Binary
from pipeline.syntax.facturx_out import Enclosure, enclose
from pipeline.syntax.pdfa import broken_clauses

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
AS_IT_IS = {
    "compress_streams": False,
    "stream_decode_level": pikepdf.StreamDecodeLevel.none,
    "fix_metadata_version": False,
    "object_stream_mode": pikepdf.ObjectStreamMode.disable,
}
Edit = Callable[[Pdf], None]


@pytest.fixture(scope="module")
def sound(page: bytes) -> bytes:
    """A Factur-X of ours."""
    beside = [Enclosure(file=Binary(b"x", "text/csv", "a.csv"))]
    return enclose(page, b"<invoice/>", FacturxProfile.EN16931, beside, AT)


def changed(sound: bytes, edit: Edit, **how: Any) -> bytes:
    """Return the same PDF with one thing changed."""
    with pikepdf.open(BytesIO(sound)) as pdf:
        edit(pdf)
        written = BytesIO()
        pdf.save(written, **{**AS_IT_IS, **how})
        return written.getvalue()


def clauses(data: bytes) -> list[str]:
    found = broken_clauses(data)
    assert all(each.fr and each.en and each.fr != each.en for each in found)
    return [each.clause for each in found]


def part_of(pdf: Pdf, **keys: Any) -> Dictionary | Stream:
    """Return the first object that has these values."""
    for each in pdf.objects:
        if isinstance(each, Dictionary | Stream) and all(
            each.get(f"/{key}") == value for key, value in keys.items()
        ):
            return each
    raise AssertionError(keys)


def setting(key: str, value: object, **keys: Any) -> Edit:
    """Set a key of the first object that has these values; None takes it away."""

    def edit(pdf: Pdf) -> None:
        part = part_of(pdf, **keys)
        if value is None:
            del part[f"/{key}"]
        else:
            part[f"/{key}"] = value

    return edit


def in_the_catalog(key: str, value: object) -> Edit:
    return setting(key, value, Type=Name.Catalog)


def adding(**parts: Any) -> Edit:
    """Add one more object, used by nothing."""

    def edit(pdf: Pdf) -> None:
        pdf.Root.Extra = pdf.make_indirect(Dictionary(**parts))

    return edit


def adding_a_stream(**keys: Any) -> Edit:
    def edit(pdf: Pdf) -> None:
        pdf.Root.Extra = pdf.make_indirect(Stream(pdf, b"", Dictionary(**keys)))

    return edit


def adding_a_form(operators: bytes) -> Edit:
    def edit(pdf: Pdf) -> None:
        form = Stream(pdf, operators, Dictionary(Subtype=Name.Form))
        pdf.Root.Extra = pdf.make_indirect(form)

    return edit


def filtered(by: Name) -> Edit:
    def edit(pdf: Pdf) -> None:
        stream = Stream(pdf, b"")
        stream.write(b"x", filter=by)
        pdf.Root.Extra = pdf.make_indirect(stream)

    return edit


def drawing(operators: bytes) -> Edit:
    def edit(pdf: Pdf) -> None:
        pdf.pages[0].contents_add(operators)

    return edit


def without_intent(pdf: Pdf) -> None:
    del pdf.Root.OutputIntents


def with_a_profile_that_is_none(pdf: Pdf) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile = pdf.make_indirect(Stream(pdf, b"x", N=3))


def with_a_profile_of_another_count(pdf: Pdf) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile.N = 4


#: Colours and blending hang on the output intent: without it they are wrong too.
INTENTS = (without_intent, with_a_profile_that_is_none, with_a_profile_of_another_count)


def noting(**keys: Any) -> Edit:
    """Put an annotation on the page."""

    def edit(pdf: Pdf) -> None:
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(Dictionary(Type=Name.Annot, **keys))])

    return edit


def saying(old: bytes, new: bytes) -> Edit:
    """Change the metadata."""

    def edit(pdf: Pdf) -> None:
        text = pdf.Root.Metadata.read_bytes()
        assert old in text
        pdf.Root.Metadata.write(text.replace(old, new))

    return edit


def informing(key: str, value: str) -> Edit:
    def edit(pdf: Pdf) -> None:
        pdf.trailer.Info[f"/{key}"] = String(value)

    return edit


def embedding(key: str, value: object) -> Edit:
    """Change the file specification of what travels beside the invoice."""

    def edit(pdf: Pdf) -> None:
        specification = pdf.attachments["a.csv"].obj
        if value is None:
            del specification[f"/{key}"]
        else:
            specification[f"/{key}"] = value

    return edit


def embedded_without(key: str) -> Edit:
    def edit(pdf: Pdf) -> None:
        del pdf.attachments["a.csv"].obj.EF.F[f"/{key}"]

    return edit


def test_a_facturx_of_ours_breaks_nothing_that_is_looked_at(sound: bytes) -> None:
    """Nor does the same file, read and written by another program."""
    assert clauses(sound) == []
    assert clauses(changed(sound, lambda _: None)) == []


@pytest.mark.parametrize(
    ("clause", "edit"),
    [
        pytest.param("6.1.7.1", adding_a_stream(F=String("elsewhere.bin")), id="outside"),
        pytest.param("6.1.7.2", filtered(Name.LZWDecode), id="lzw"),
        pytest.param("6.2.3", with_a_profile_that_is_none, id="no-icc"),
        pytest.param("6.2.3", with_a_profile_of_another_count, id="wrong-icc"),
        pytest.param("6.2.4.3", without_intent, id="no-intent"),
        pytest.param("6.2.4.3", drawing(b"0 0 0 1 k"), id="cmyk-drawn"),
        pytest.param("6.2.4.3", adding_a_form(b"0 0 0 1 K"), id="cmyk-drawn-within"),
        pytest.param("6.2.4.3", adding_a_stream(ColorSpace=Name.DeviceCMYK), id="cmyk-image"),
        pytest.param("6.2.5", adding(TR=Name.Identity), id="transfer"),
        pytest.param("6.2.8", adding_a_stream(Subtype=Name.Image, Interpolate=True), id="smooth"),
        pytest.param("6.2.9", adding_a_stream(Subtype=Name.Form, Ref=Dictionary()), id="ref"),
        pytest.param("6.2.9.3", adding_a_stream(Subtype=Name.PS), id="postscript"),
        pytest.param("6.2.10", adding(BM=Name.Bright), id="blend-mode"),
        pytest.param("6.2.10", without_intent, id="blending-without-intent"),
        pytest.param(
            "6.2.11.4.1", setting("FontFile2", None, Type=Name.FontDescriptor), id="font"
        ),
        pytest.param(
            "6.2.11.3.2", setting("CIDToGIDMap", None, Subtype=Name.CIDFontType2), id="glyphs"
        ),
        pytest.param("6.3.1", noting(Subtype=Name.Movie, F=4, AP=Dictionary()), id="movie"),
        pytest.param("6.3.2", noting(Subtype=Name.Link), id="link-not-printed"),
        pytest.param("6.3.2", noting(Subtype=Name.Link, F=4 | 2), id="link-hidden"),
        pytest.param("6.3.3", noting(Subtype=Name.Text, F=4), id="no-appearance"),
        pytest.param("6.4.1", in_the_catalog("AcroForm", Dictionary(XFA="x")), id="xfa"),
        pytest.param("6.5.1", adding(S=Name.JavaScript, JS="1"), id="javascript"),
        pytest.param("6.5.1", adding(S=Name.Named, N=Name.Print), id="named"),
        pytest.param("6.5.2", in_the_catalog("AA", Dictionary()), id="events"),
        pytest.param("6.6.2.1", in_the_catalog("Metadata", None), id="no-metadata"),
        pytest.param("6.6.2.1", saying(b"<rdf:RDF", b"<!DOCTYPE x><rdf:RDF"), id="bad-metadata"),
        pytest.param("6.6.2.3.1", saying(b"schema#", b"schemata#"), id="schema-not-described"),
        pytest.param("PDF/A-1 6.7.3", informing("Title", "autre"), id="title"),
        pytest.param("PDF/A-1 6.7.3", informing("ModDate", "D:20260901083001Z"), id="date"),
        pytest.param("PDF/A-1 6.7.3", informing("ModDate", "hier"), id="no-date"),
        pytest.param("PDF/A-1 6.7.3", informing("Keywords", "a"), id="keywords"),
        pytest.param("6.6.4", saying(b"part>3<", b"part>2<"), id="pdf-a-2"),
        pytest.param("6.8", embedding("AFRelationship", None), id="no-relationship"),
        pytest.param("6.8", embedding("F", None), id="no-name"),
        pytest.param("6.8", in_the_catalog("AF", Array()), id="not-associated"),
        pytest.param("6.8", embedded_without("Subtype"), id="no-type"),
        pytest.param("6.8", embedded_without("Params"), id="no-date-of-file"),
        pytest.param("6.11", in_the_catalog("Requirements", Array()), id="requirements"),
    ],
)
def test_a_broken_clause_is_named(sound: bytes, clause: str, edit: Edit) -> None:
    """By its number in the norm, and no other clause with it that has nothing to do with it."""
    found = set(clauses(changed(sound, edit)))

    assert clause in found
    assert found <= {clause} | ({"6.2.4.3", "6.2.10"} if edit in INTENTS else set())


@pytest.mark.parametrize(
    ("clause", "spoil"),
    [
        pytest.param(
            "6.1.2", lambda data: data.replace(b"%\xbf\xf7\xa2\xfe", b"%abcd", 1), id="header"
        ),
        pytest.param("6.1.3", lambda data: data + b"more", id="behind-the-end"),
        pytest.param("6.1.3", lambda data: data.replace(b"/ID [", b"/IX ["), id="no-identifier"),
    ],
)
def test_a_file_is_held_against_the_clauses_of_its_frame(
    sound: bytes, clause: str, spoil: Callable[[bytes], bytes]
) -> None:
    """What only the bytes tell."""
    assert clauses(spoil(sound)) == [clause]


def test_an_encrypted_file_is_told(sound: bytes) -> None:
    """Whoever archives it could not read it without its owner."""
    written = BytesIO()
    with pikepdf.open(BytesIO(sound)) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user="", metadata=False))

    assert clauses(written.getvalue()) == ["6.1.3"]


def test_packed_metadata_are_told(page: bytes) -> None:
    """A reader that knows no PDF would not find them: so they leave the printer."""
    assert clauses(page) == ["PDF/A-1 6.7.2"]


def test_the_same_fault_is_told_once(sound: bytes) -> None:
    """However many pages have it."""

    def edit(pdf: Pdf) -> None:
        for _ in range(3):
            pdf.pages.append(pdf.pages[0])
        for page in pdf.pages:
            page.contents_add(b"0 0 0 1 k")

    assert clauses(changed(sound, edit)) == ["6.2.4.3"]
