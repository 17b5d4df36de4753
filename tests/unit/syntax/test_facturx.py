"""The invoice inside a PDF: taken out, or a reason why not; nothing else is ever done."""

from __future__ import annotations

import resource
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.model.limits import Limits
from pipeline.syntax.facturx import MOST_FILES, PdfRefused, open_facturx
from pipeline.syntax.recognise import is_pdf

MakePdf = Callable[..., bytes]
XML = b"<invoice/>"
INVOICE = {"factur-x.xml": XML}


def refusal(data: bytes, limits: Limits | None = None) -> str:
    """Return the code a PDF is refused with; both languages must say why."""
    with pytest.raises(PdfRefused) as refused:
        open_facturx(data, limits or Limits())
    assert all(refused.value.message[language] for language in ("fr", "en"))
    return refused.value.code


@pytest.mark.parametrize(
    "name", ["factur-x.xml", "zugferd-invoice.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml"]
)
def test_an_invoice_is_found_by_its_name(make_pdf: MakePdf, name: str) -> None:
    """Each generation of the format has one; what stands beside it is told apart."""
    opened = open_facturx(make_pdf({name: XML, "../../photo.png": b"\x89PNG"}), Limits())

    assert opened.invoice == XML
    assert [(each.name, each.read()) for each in opened.others] == [
        ("../../photo.png", b"\x89PNG")
    ]


def test_one_file_listed_twice_is_one_file(make_pdf: MakePdf) -> None:
    """PDF/A-3 wants it in the name tree and among the associated files."""

    def associate(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AF = Array([pdf.attachments["factur-x.xml"].obj])

    opened = open_facturx(make_pdf(INVOICE, associate), Limits())

    assert (opened.invoice, opened.others) == (XML, ())


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "PDF-XML-MISSING"),
        ({"invoice.xml": XML}, "PDF-XML-MISSING"),
        ({"order-x.xml": XML}, "PDF-XML-MISSING"),
        ({"factur-x.xml": XML, "xrechnung.xml": XML}, "PDF-XML-SEVERAL"),
    ],
)
def test_there_is_exactly_one_invoice(
    make_pdf: MakePdf, files: dict[str, bytes], code: str
) -> None:
    """With two, two readers might bill two amounts."""
    assert refusal(make_pdf(files)) == code


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7", b"%PDF-1.7\n" + b"x" * 1000, b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"],
    ids=["empty", "junk", "no-table"],
)
def test_what_is_no_pdf_is_broken(data: bytes) -> None:
    """Nothing is guessed: another reader might guess another document."""
    assert is_pdf(data)
    assert refusal(data) == "PDF-BROKEN"


@pytest.mark.parametrize(
    "value",
    [5, 2.5, True, pikepdf.String("x"), Name.X, Array([1]), Array([Array([2])]), Dictionary(A=1)],
    ids=repr,
)
@pytest.mark.parametrize("place", ["AF", "Names", "EmbeddedFiles", "EF", "F", "UF", "Filter"])
def test_what_is_of_the_wrong_kind_is_refused_never_a_crash(
    make_pdf: MakePdf, place: str, value: object
) -> None:
    """A PDF may have anything anywhere; a crash would hold it as if the fault were ours."""

    def edit(pdf: pikepdf.Pdf) -> None:
        specification = pdf.attachments["factur-x.xml"].obj
        holders = {
            "AF": pdf.Root,
            "Names": pdf.Root,
            "EmbeddedFiles": pdf.Root.Names,
            "EF": specification,
            "F": specification.EF,
            "UF": specification,
            "Filter": specification.EF.F,
        }
        holders[place][f"/{place}"] = value

    said = "the writer itself would not have it"
    with suppress(pikepdf.PdfError, TypeError, ValueError):
        said = outcome(make_pdf(INVOICE, edit))

    assert said.startswith(("PDF-", "read", "the writer"))


def outcome(data: bytes) -> str:
    """Return the code a PDF is refused with, or that it was read."""
    try:
        opened = open_facturx(data, Limits())
    except PdfRefused as refused:
        return refused.code
    return f"read {opened.invoice!r}"


def test_a_pdf_cut_anywhere_is_refused_or_read_never_a_crash(make_pdf: MakePdf) -> None:
    """Half a transfer, at every length."""
    whole = make_pdf(INVOICE)

    for length in range(len(b"%PDF-"), len(whole) - 8, 7):
        assert refusal(whole[:length]) == "PDF-BROKEN"


@pytest.mark.parametrize("user", ["", "secret"], ids=["owner-password", "user-password"])
def test_an_encrypted_pdf_is_refused(make_pdf: MakePdf, user: str) -> None:
    """Even where no password is needed to open it: PDF/A never is."""
    how = pikepdf.Encryption(owner="owner", user=user)

    assert refusal(make_pdf(INVOICE, encryption=how)) == "PDF-ENCRYPTED"


def on_opening(action: Dictionary) -> Callable[[pikepdf.Pdf], None]:
    def edit(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = action

    return edit


def on_a_link(action: Dictionary) -> Callable[[pikepdf.Pdf], None]:
    def edit(pdf: pikepdf.Pdf) -> None:
        note = Dictionary(
            Type=Name.Annot, Subtype=Name.Link, Contents="/S /JavaScript /JS (x)", A=action
        )
        pdf.pages[0].obj.Annots = Array([note])

    return edit


@pytest.mark.parametrize("place", [on_opening, on_a_link])
@pytest.mark.parametrize(
    "action",
    [
        Dictionary(S=Name.JavaScript, JS="app.alert(1)"),
        Dictionary(S=Name.Launch, F="calc.exe"),
        Dictionary(S=Name.SubmitForm, F="http://example.org"),
        Dictionary(S=Name.Named, N=Name.NextPage, Next=Dictionary(S=Name.JavaScript, JS="1")),
    ],
    ids=["javascript", "launch", "submit", "chained"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "object-streams"])
def test_what_acts_is_refused_wherever_it_is(
    make_pdf: MakePdf,
    place: Callable[[Dictionary], Callable[[pikepdf.Pdf], None]],
    action: Dictionary,
    packed: bool,
) -> None:
    """Also where it can only be seen after decoding."""
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable

    assert refusal(make_pdf(INVOICE, place(action), object_stream_mode=mode)) == "PDF-ACTIVE"


@pytest.mark.parametrize(
    "edit",
    [
        on_a_link(Dictionary(S=Name.URI, URI="https://example.org")),
        on_opening(Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]))),
    ],
    ids=["link", "first-page"],
)
def test_links_and_bookmarks_are_no_programs(
    make_pdf: MakePdf, edit: Callable[[pikepdf.Pdf], None]
) -> None:
    """Nor is a text that merely speaks of JavaScript."""
    assert open_facturx(make_pdf(INVOICE, edit), Limits()).invoice == XML


@pytest.mark.parametrize(
    ("name", "payload"),
    [("evil.exe", b"x"), ("../../x.SH ", b"x"), ("photo.png", b"MZ\x90"), ("a.txt", b"\x7fELF")],
)
def test_an_embedded_program_is_active_content(
    make_pdf: MakePdf, name: str, payload: bytes
) -> None:
    """By its name or by how it starts: the PDF travels on as it is."""
    assert refusal(make_pdf({**INVOICE, name: payload})) == "PDF-ACTIVE"


def test_limits_hold_for_one_file_and_for_all_of_them(make_pdf: MakePdf) -> None:
    """To the byte."""
    data = make_pdf({**INVOICE, "a.csv": b"a" * 1000, "b.csv": b"b" * 1000})
    total = 2000 + len(XML)
    enough = Limits(attachment_bytes=1000, file_bytes=total)

    assert len(open_facturx(data, enough).others) == 2
    assert refusal(data, replace(enough, attachment_bytes=999)) == "IRR_TAILLE_PJ"
    assert refusal(data, replace(enough, file_bytes=total - 1)) == "IRR_TAILLE_PJ"


def test_too_many_files_are_refused(make_pdf: MakePdf) -> None:
    """Each would be decoded and scanned."""
    files = {f"{number}.txt": b"x" for number in range(MOST_FILES)}

    assert refusal(make_pdf({**INVOICE, **files})) == "PDF-LIMIT"


def with_stream(raw: bytes, filters: Array) -> Callable[[pikepdf.Pdf], None]:
    """Attach a file whose stream is written as it is."""

    def edit(pdf: pikepdf.Pdf) -> None:
        stream = pikepdf.Stream(pdf, b"")
        stream.write(raw, filter=filters)
        entry = Dictionary(Type=Name.Filespec, F="more.txt", EF=Dictionary(F=stream))
        pdf.Root.Names.EmbeddedFiles.Names.append("more.txt")
        pdf.Root.Names.EmbeddedFiles.Names.append(entry)

    return edit


AS_IT_IS = {
    "compress_streams": False,
    "stream_decode_level": pikepdf.StreamDecodeLevel.none,
}


@pytest.mark.parametrize(
    "filters",
    [
        Array([Name.FlateDecode, Name.FlateDecode]),
        Array([Name.ASCII85Decode, Name.ASCIIHexDecode, Name.FlateDecode]),
        Array([Name.LZWDecode]),
    ],
    ids=["twice", "three", "lzw"],
)
def test_stacked_filters_are_refused(make_pdf: MakePdf, filters: Array) -> None:
    """A bomb inside a bomb; nobody embeds an invoice that way."""
    payload = zlib.compress(zlib.compress(b"x" * 1000))

    assert refusal(make_pdf(INVOICE, with_stream(payload, filters), **AS_IT_IS)) == "PDF-LIMIT"


def test_a_bomb_is_stopped_at_the_cap(make_pdf: MakePdf) -> None:
    """Two hundred megabytes out of two hundred kilobytes: never held in memory."""
    bomb = with_stream(zlib.compress(bytes(200_000_000), 9), Array([Name.FlateDecode]))
    data = make_pdf(INVOICE, bomb, **AS_IT_IS)
    assert len(data) < 250_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    code = refusal(data, Limits(attachment_bytes=10_000_000))

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (code, grown_kb < 100_000) == ("IRR_TAILLE_PJ", True)


def test_a_bomb_in_the_files_own_structure_is_stopped() -> None:
    """A stream that holds objects is decoded before anything can be looked at."""
    body = b"1 0 << /Type /Catalog /Pages 2 0 R >>" + b" " * 60_000_000
    packed = zlib.compress(body, 9)
    data = b"%PDF-1.5\n"
    offsets = [0, 0]
    for number, content in (
        (2, b"<< /Type /Pages /Kids [] /Count 0 >>"),
        (
            3,
            b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n"
            % len(packed)
            + packed
            + b"\nendstream",
        ),
    ):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    offsets.append(len(data))
    rows = [(0, 0, 65535), (2, 3, 0), *((1, offset, 0) for offset in offsets[2:])]
    table = b"".join(
        bytes([kind]) + where.to_bytes(4) + generation.to_bytes(2)
        for kind, where, generation in rows
    )
    data += (
        b"4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R /Length %d >>\nstream\n%s\n"
        b"endstream\nendobj\nstartxref\n%d\n%%%%EOF" % (len(table), table, offsets[-1])
    )

    assert refusal(data) == "PDF-BROKEN"


def test_everything_at_once_gets_one_answer(make_pdf: MakePdf) -> None:
    """A program, a script, a bomb and two invoices: refused as active, always."""

    def edit(pdf: pikepdf.Pdf) -> None:
        with_stream(zlib.compress(bytes(50_000_000), 9), Array([Name.FlateDecode]))(pdf)
        on_opening(Dictionary(S=Name.JavaScript, JS="app.alert(1)"))(pdf)

    files = {**INVOICE, "xrechnung.xml": XML, "evil.exe": b"MZ"}

    assert refusal(make_pdf(files, edit, **AS_IT_IS)) == "PDF-ACTIVE"
