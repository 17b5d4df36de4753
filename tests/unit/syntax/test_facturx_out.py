"""A Factur-X of ours: read back by others, by ourselves, and held against PDF/A-3."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import facturx
import pikepdf
import pytest
from facturx.facturx import FACTURX_LEVEL2xmp
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.adapters.configuration import read_profiles
from pipeline.model.facturx import FacturxProfile, Relationship
from pipeline.model.invoice import Binary
from pipeline.model.limits import Limits
from pipeline.syntax.facturx import INVOICE_NAMES, open_facturx
from pipeline.syntax.facturx_out import Enclosure, PageUnfit, embeddable, enclose
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


@settings(max_examples=40)
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
