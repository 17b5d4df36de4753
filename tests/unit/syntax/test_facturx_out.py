"""A Factur-X of ours: read back by others, by ourselves, and held against PDF/A-3."""

from __future__ import annotations

import hashlib
import os
import re
import resource
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import facturx
import pikepdf
import pytest
from facturx.facturx import FACTURX_LEVEL2xmp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.adapters.configuration import read_profiles
from pipeline.model.facturx import FacturxProfile, Relationship
from pipeline.model.invoice import Binary, Invoice, Note, Support
from pipeline.model.limits import Limits
from pipeline.syntax import cii
from pipeline.syntax.facturx import INVOICE_NAMES, PdfRefused, open_facturx
from pipeline.syntax.facturx_out import (
    Enclosure,
    PageUnfit,
    embeddable,
    enclose,
    write_facturx,
)
from pipeline.syntax.parse import parse
from pipeline.syntax.pdfa import broken_clauses

SAMPLES = Path(__file__).parents[3] / "samples" / "invoices"
PROFILES = read_profiles(Path(__file__).parents[3] / "config" / "profiles.toml")
XML_OF_A_PROFILE = (
    b"<rsm:CrossIndustryInvoice"
    b' xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
    b' xmlns:ram="urn:un:unece:uncefact:data:standard:'
    b'ReusableAggregateBusinessInformationEntity:100"><rsm:ExchangedDocumentContext>'
    b"<ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>URN</ram:ID>"
    b"</ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>"
    b"</rsm:CrossIndustryInvoice>"
)
AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
XML = b'<?xml version="1.0" encoding="UTF-8"?><invoice>\xc3\xa9 ]]&gt;</invoice>'


def a_file(name: str | None, content: bytes = b"x", mime: str | None = None) -> Enclosure:
    return Enclosure(file=Binary(content, mime, name))


def names_of(data: bytes) -> list[str]:
    return [each.name for each in open_facturx(data, Limits()).others]


@pytest.mark.parametrize("profile", FacturxProfile)
def test_the_xml_is_found_again_to_the_byte(page: bytes, profile: FacturxProfile) -> None:
    """By us, and by whoever walks the name tree or the associated files."""
    made = enclose(page, XML, profile, [], AT)

    with pikepdf.open(BytesIO(made)) as pdf:
        listed = pdf.attachments["factur-x.xml"]
        (associated,) = list(pdf.Root.AF)
        params = listed.obj.EF.F.Params
        assert listed.get_file().read_bytes() == XML
        assert listed.obj.objgen == associated.objgen
        assert str(associated.AFRelationship) == f"/{profile.relationship.value}"
        assert str(associated.EF.F.Subtype) == "/text/xml"
        assert int(params.Size) == len(XML)
        assert bytes(params.CheckSum) == hashlib.md5(XML, usedforsecurity=False).digest()
        assert str(params.ModDate) == "D:20260901083000Z"
    assert open_facturx(made, Limits()).invoice == XML


def test_an_xml_that_says_less_than_the_page_is_data_one_that_says_the_same_an_alternative() -> (
    None
):
    """So that nobody books an invoice by what is no more than a cover sheet."""
    assert [profile.relationship for profile in FacturxProfile] == [
        Relationship.DATA,
        Relationship.DATA,
        *[Relationship.ALTERNATIVE] * 3,
    ]


def test_the_metadata_say_what_the_file_is(page: bytes) -> None:
    """In clear, where a reader that knows no PDF finds it; the document information agrees."""
    made = enclose(page, XML, FacturxProfile.BASIC_WL, [], AT)

    found = re.search(rb"<\?xpacket begin.*?<\?xpacket end=\"r\"\?>", made, re.DOTALL)
    assert found is not None
    root = etree.fromstring(found[0])
    said = {etree.QName(each).localname: each.text for each in root.iter("{*}Description", "{*}*")}
    assert [said[key] for key in ("part", "conformance")] == ["3", "B"]
    assert [
        said[key] for key in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")
    ] == ["INVOICE", "factur-x.xml", "1.0", "BASIC WL"]
    assert said["CreateDate"] == said["ModifyDate"] == "2026-09-01T08:30:00Z"
    with pikepdf.open(BytesIO(made)) as pdf:
        assert str(pdf.docinfo.ModDate) == "D:20260901083000Z"
        assert str(pdf.docinfo.Title) == "Facture F-1 é"


def test_the_same_arguments_give_the_same_bytes(page: bytes) -> None:
    """No clock and no chance: what left can be made again, and compared."""
    there = AT.astimezone(timezone(timedelta(hours=2)))

    first = enclose(page, XML, FacturxProfile.BASIC, [a_file("a.csv")], AT)

    assert enclose(page, XML, FacturxProfile.BASIC, [a_file("a.csv")], there) == first
    assert enclose(page, XML, FacturxProfile.BASIC, [a_file("b.csv")], AT) != first


def test_what_travels_beside_keeps_its_bytes_name_and_type(page: bytes) -> None:
    """Whatever would not get smaller is not packed."""
    beside = [
        Enclosure(
            file=Binary(b"%PDF-1.4", "application/pdf", "bon de commande n\u00b07.pdf"),
            description="BON_COMMANDE / 7",
        ),
        Enclosure(
            file=Binary(b"<Invoice/>" * 50, None, "r.xml"), relationship=Relationship.SOURCE
        ),
        a_file("photo.png", b"\x89PNG", "image/png\x00evil"),
    ]

    made = enclose(page, XML, FacturxProfile.EN16931, beside, AT)

    assert [(each.name, each.read()) for each in open_facturx(made, Limits()).others] == [
        (each.file.filename, each.file.content) for each in beside
    ]
    with pikepdf.open(BytesIO(made)) as pdf:
        specifications = list(pdf.Root.AF)[1:]
        kept = [
            (str(each.AFRelationship), str(each.EF.F.Subtype), "/Filter" in each.EF.F)
            for each in specifications
        ]
        assert str(specifications[0].Desc) == "BON_COMMANDE / 7"
    assert kept == [
        ("/Supplement", "/application/pdf", False),
        ("/Source", "/application/octet-stream", True),
        ("/Supplement", "/application/octet-stream", False),
    ]


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        pytest.param("../../etc/passwd", ".._.._etc_passwd", id="a-path"),
        pytest.param("a\x00b\n.pdf", "a_b_.pdf", id="control-characters"),
        pytest.param(None, "annexe", id="none"),
        pytest.param(" \t ", "annexe", id="blank"),
        pytest.param("factur-x.xml", "factur-x (2).xml", id="the-invoice-s-own"),
        pytest.param(" ZUGFeRD-invoice.xml ", "ZUGFeRD-invoice (2).xml", id="an-older-invoice-s"),
        pytest.param(
            "\u65e5\u672c\u8a9e\U0001f600.csv", "\u65e5\u672c\u8a9e\U0001f600.csv", id="any-script"
        ),
        pytest.param("\ud800.csv", "\ufffd.csv", id="half-a-character"),
        pytest.param("a" * 5000 + ".pdf", "a" * 228 + ".pdf", id="long"),
    ],
)
def test_a_strange_name_becomes_one_that_every_reader_takes(
    page: bytes, stated: str | None, kept: str
) -> None:
    """And never that of the invoice: two of them would make two readers bill two amounts."""
    made = enclose(page, XML, FacturxProfile.EN16931, [a_file(stated)], AT)

    assert names_of(made) == [kept]


def test_files_of_one_name_are_told_apart(page: bytes) -> None:
    """A name tree holds each name once; a folder on a disk often each case of it once."""
    beside = [a_file("plan.pdf", b"1"), a_file("PLAN.pdf", b"2"), a_file("plan.pdf", b"3")]

    made = enclose(page, XML, FacturxProfile.EN16931, beside, AT)

    assert names_of(made) == ["plan.pdf", "PLAN (2).pdf", "plan (3).pdf"]


@settings(max_examples=20)
@given(
    files=st.lists(
        st.tuples(st.none() | st.text(), st.binary(), st.none() | st.text()), max_size=6
    )
)
def test_whatever_is_written_can_be_read(
    page: bytes, files: list[tuple[str | None, bytes, str | None]]
) -> None:
    """By our own reader, which refuses what it does not trust, and as PDF/A-3."""
    wished = [a_file(name, content, mime) for name, content, mime in files]
    beside, _ = embeddable(wished, len(XML), Limits())

    made = enclose(page, XML, FacturxProfile.EN16931, beside, AT)

    opened = open_facturx(made, Limits())
    assert opened.invoice == XML
    assert [each.read() for each in opened.others] == [each.file.content for each in beside]
    assert not INVOICE_NAMES & {each.name.strip().lower() for each in opened.others}
    assert broken_clauses(made) == ()


@pytest.mark.parametrize(
    ("beside", "limits", "why"),
    [
        pytest.param([a_file("evil.exe")], Limits(), "programme", id="a-program-by-its-name"),
        pytest.param([a_file("evil.exe\n")], Limits(), "programme", id="or-nearly-so"),
        pytest.param([a_file("a.txt", b"MZ\x90")], Limits(), "programme", id="by-how-it-starts"),
        pytest.param([a_file("a.txt")] * 99, Limits(), "100 fichiers", id="one-too-many"),
        pytest.param(
            [a_file("a.txt", XML + b".")],
            Limits(attachment_bytes=len(XML)),
            "taille",
            id="too-large",
        ),
        pytest.param(
            [a_file("a.txt", b"1234")],
            Limits(file_bytes=len(XML) + 3),
            "taille",
            id="too-large-together",
        ),
    ],
)
def test_what_a_reader_would_refuse_is_told_apart(
    page: bytes, beside: list[Enclosure], limits: Limits, why: str
) -> None:
    """The one that is too much would take all the others with it."""
    kept, others = embeddable([a_file("fine.csv", b""), *beside], len(XML), limits)

    ((refused, reason),) = others
    assert (refused, why in reason["fr"], bool(reason["en"])) == (beside[-1], True, True)
    made = enclose(page, XML, FacturxProfile.EN16931, kept, AT)
    assert len(open_facturx(made, limits).others) == len(kept)


def test_a_page_that_is_no_pdf_a_makes_no_facturx(make_pdf: Callable[..., bytes]) -> None:
    """It would be refused by every receiver that looks."""
    bare = make_pdf({}, lambda pdf: pdf.Root.__setattr__("AA", pikepdf.Dictionary()))

    with pytest.raises(PageUnfit, match=re.escape("6.5.2 Something happens by itself")):
        enclose(bare, XML, FacturxProfile.EN16931, [], AT)


@pytest.mark.parametrize("profile", FacturxProfile)
def test_a_profile_is_called_what_everyone_calls_it(profile: FacturxProfile) -> None:
    """By its URN a reader finds the rules, by its level a person the profile."""
    xml = XML_OF_A_PROFILE.replace(b"URN", profile.urn.encode())
    level = facturx.get_level(etree.fromstring(xml))

    assert FACTURX_LEVEL2xmp[level] == profile.level


@pytest.mark.parametrize("profile", FacturxProfile)
def test_the_hub_holds_each_profile_against_an_xsd_and_rules(profile: FacturxProfile) -> None:
    """By what it claims."""
    claim = PROFILES["auto"].claim(profile.urn, "factur-x")

    assert claim is not None
    assert claim.schema == f"factur-x-{profile.value.replace('-', '')}-xsd"
    assert claim.packs == (f"factur-x-{profile.value.replace('-', '')}",)


def test_the_library_of_the_format_reads_it(page: bytes) -> None:
    """Someone else's idea of what a Factur-X is: the first XML that is an invoice."""
    xml = (SAMPLES / "cii-380-fournitures.xml").read_bytes()

    beside = [a_file("a.csv"), a_file("a.xml", xml + b"<!-- another -->")]
    made = enclose(page, xml, FacturxProfile.EN16931, beside, AT)

    assert names_of(made) == ["a.csv", "a.xml"]
    assert facturx.get_xml_from_pdf(made, check_xsd=True) == ("factur-x.xml", xml)


def supported(*files: Binary) -> Invoice:
    """Return an invoice that these files support."""
    return Invoice(
        number="F-1", supports=tuple(Support(reference="R", attachment=each) for each in files)
    )


def test_a_file_is_not_lost_where_only_the_pdf_holds_it(page: bytes) -> None:
    """Its reference is: a small profile has no place for that, wherever the file is."""
    invoice = supported(Binary(b"x", "text/csv", "a.csv"))

    made = write_facturx(page, invoice, FacturxProfile.BASIC, AT)

    (beside,) = open_facturx(made.payload, Limits()).others
    assert (beside.name, beside.read()) == ("a.csv", b"x")
    assert [each.place for each in made.lost] == ["BG-24[1]/BT-122"]


def test_what_the_pdf_says_otherwise_of_a_file_is_lost(page: bytes) -> None:
    """A type and a name that no PDF can hold."""
    invoice = supported(Binary(b"x", "text / csv", "a/b.csv"))

    made = write_facturx(page, invoice, FacturxProfile.BASIC, AT)

    assert [each.place for each in made.lost][1:] == ["BG-24[1]/BT-125-1", "BG-24[1]/BT-125-2"]


@pytest.mark.parametrize(
    ("profile", "lost"),
    [
        pytest.param(FacturxProfile.EN16931, [], id="the-xml-holds-it"),
        pytest.param(FacturxProfile.BASIC, ["BT-122", "BT-125", "BT-125-2"], id="nothing-does"),
    ],
)
def test_a_program_never_travels_in_the_pdf(
    page: bytes, profile: FacturxProfile, lost: list[str]
) -> None:
    """Whoever reads it would refuse the whole invoice."""
    made = write_facturx(page, supported(Binary(b"MZ", None, "run.exe")), profile, AT)

    assert open_facturx(made.payload, Limits()).others == ()
    assert [each.term for each in made.lost] == lost
    assert all("programme" in each.why["fr"] for each in made.lost if each.term == "BT-125")


def test_an_original_that_cannot_travel_is_told(page: bytes) -> None:
    """It is in no part of the Factur-X then."""
    original = a_file("flux.xml", b"12345")

    made = write_facturx(
        page,
        Invoice(number="F-1"),
        FacturxProfile.MINIMUM,
        AT,
        [original],
        Limits(attachment_bytes=1000, file_bytes=1000),
    )
    squeezed = write_facturx(
        page,
        Invoice(number="F-1"),
        FacturxProfile.MINIMUM,
        AT,
        [original],
        Limits(file_bytes=len(open_facturx(made.payload, Limits()).invoice) + 4),
    )

    assert made.lost == ()
    ((term, place, value),) = [(each.term, each.place, each.value) for each in squeezed.lost]
    assert (term, place, value) == (None, "flux.xml", "5 octets / bytes")


def test_an_invoice_that_no_reader_would_take_is_not_written(page: bytes) -> None:
    """Its XML alone is over the limit."""
    with pytest.raises(PdfRefused, match="IRR_TAILLE_PJ"):
        write_facturx(
            page, Invoice(number="F-1"), FacturxProfile.MINIMUM, AT, (), Limits(file_bytes=10)
        )


@settings(max_examples=15)
@given(
    text=st.text(), name=st.text(), content=st.binary(), profile=st.sampled_from(FacturxProfile)
)
@example(text="]]>", name="]]>.xml", content=b"]]>", profile=FacturxProfile.EN16931)
@example(text="\x00\x1b\ufffe\ud800", name="\x00", content=b"\x00", profile=FacturxProfile.EN16931)
def test_no_text_breaks_what_is_written(
    page: bytes, text: str, name: str, content: bytes, profile: FacturxProfile
) -> None:
    """Ours and the XML's reader take it, whatever a partner wrote."""
    invoice = replace(
        supported(Binary(b"." + content, text, name)), notes=(Note(text=text),), number=text
    )

    made = write_facturx(page, invoice, profile, AT)

    opened = open_facturx(made.payload, Limits())
    reading = cii.read_invoice(parse(opened.invoice, Limits()))
    assert reading.invoice.specification == profile.urn
    assert [each.read() for each in opened.others] in ([b"." + content], [])


@pytest.mark.slow
def test_the_largest_file_is_held_a_few_times_and_no_more(page: bytes) -> None:
    """Ninety megabytes that do not shrink: once here, and not much more than twice to write."""
    large = a_file("plan.pdf", os.urandom(90_000_000), "application/pdf")
    enclose(page, XML, FacturxProfile.EN16931, [], AT)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    made = enclose(page, XML, FacturxProfile.EN16931, [large], AT)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(made) < 90_100_000
    assert grown_kb < 300_000
    assert names_of(made) == ["plan.pdf"]


@pytest.mark.slow
def test_memory_stays_flat(page: bytes) -> None:
    """However many are written."""
    for _ in range(50):
        enclose(page, XML, FacturxProfile.EN16931, [a_file("a.csv")], AT)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(500):
        enclose(page, XML, FacturxProfile.EN16931, [a_file("a.csv")], AT)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000
