"""What travels inside a document: step 9 of the control table, and the scanner."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import pytest
from lxml import etree

from pipeline.model.errors import ScannerSilent
from pipeline.model.finding import Finding, Outcome
from pipeline.model.profile import AttachmentRules
from pipeline.model.report import Trouble
from pipeline.syntax.attachments import Attachment, attachments_of
from pipeline.syntax.ubl import CBC, INVOICE
from pipeline.validate.attached import look_into

RULES = AttachmentRules(extensions=frozenset({"pdf", "csv"}), forbidden="/\\:")


def a_file(name: str = "a.pdf", payload: bytes = b"x") -> Attachment:
    return Attachment(name, None, lambda: payload)


def found(*attachments: Attachment, rules: AttachmentRules | None = RULES) -> tuple[Finding, ...]:
    return look_into(attachments, rules, None).checked.result.findings


@pytest.mark.parametrize(
    ("attachment", "codes"),
    [
        (a_file(), []),
        (a_file("Bon de livraison n°1.PDF"), []),
        (a_file("a.tar.csv"), []),
        (a_file(""), []),  # that a name is needed is for the rule packs to say
        (a_file(payload=b""), ["IRR_VID_PJ"]),
        (a_file("../a.pdf"), ["IRR_NOM_PJ"]),
        (a_file("C:\\a.pdf"), ["IRR_NOM_PJ"]),
        (a_file("a\nb.pdf"), ["IRR_NOM_PJ"]),
        (a_file("a.exe"), ["IRR_EXT_DOC"]),
        (a_file("a.pdf.exe"), ["IRR_EXT_DOC"]),
        (a_file("a"), ["IRR_EXT_DOC"]),
        (a_file("/a.exe", b""), ["IRR_EXT_DOC", "IRR_NOM_PJ", "IRR_VID_PJ"]),
    ],
)
def test_step_9_names_each_fault(attachment: Attachment, codes: list[str]) -> None:
    """Content, name and extension, each by its public code."""
    assert [finding.rule for finding in found(attachment)] == codes


def test_where_nothing_was_agreed_nothing_is_found() -> None:
    """Steps of Chorus Pro's table bind its families only."""
    assert found(a_file("/a.exe", b""), rules=None) == ()


def test_any_extension_will_do_where_none_is_listed() -> None:
    """The AFNOR list is not public."""
    assert found(a_file("a.dwg"), rules=AttachmentRules()) == ()


def test_a_fault_is_told_with_its_place_and_a_name_that_is_safe_to_show() -> None:
    """Partners choose names; ours are the screens and logs they end on."""
    payload = base64.b64encode(b"x").decode()
    root = etree.fromstring(
        f'<Invoice xmlns="{INVOICE}" xmlns:c="{CBC}">\n'
        f'<c:EmbeddedDocumentBinaryObject filename="a&#10;b.exe">{payload}'
        "</c:EmbeddedDocumentBinaryObject></Invoice>"
    )

    extension, name = found(*attachments_of(root))

    assert (extension.rule, name.rule) == ("IRR_EXT_DOC", "IRR_NOM_PJ")
    assert (name.term, name.line, name.value) == ("BT-125", 2, "a\\x0ab.exe")
    assert name.xpath == "/ubl:Invoice/cbc:EmbeddedDocumentBinaryObject"
    assert extension.message == {
        "fr": "Type de la pièce jointe a\\x0ab.exe non admis ; admis : csv, pdf.",
        "en": "Type of the attachment a\\x0ab.exe not allowed; allowed: csv, pdf.",
    }


def test_every_attachment_is_scanned_decoded_until_one_is_infected() -> None:
    """The first infection is the answer; it is the only finding."""
    seen: list[bytes] = []

    def scan(payload: bytes) -> str | None:
        seen.append(payload)
        return "Eicar" if payload == b"bad" else None

    files = (a_file("a.exe", b"good"), a_file("b\n.pdf", b"bad"), a_file("c.pdf", b"never"))
    looked = look_into(files, RULES, scan)

    assert seen == [b"good", b"bad"]
    assert looked.infected == "b\\x0a.pdf: Eicar"
    assert [finding.rule for finding in looked.checked.result.findings] == ["IRR_ANTIVIRUS"]
    assert looked.checked.result.outcome is Outcome.INVALID


def test_a_silent_scanner_leaves_the_document_unclear() -> None:
    """Nobody looked: it may not pass, nor is it the sender's fault."""

    def scan(_: bytes) -> str | None:
        raise ScannerSilent("no answer")

    checked = look_into((a_file("a.exe"),), RULES, scan).checked

    assert checked.result.outcome is Outcome.UNCLEAR
    assert (checked.trouble, checked.detail) == (Trouble.SCANNER_SILENT, "no answer")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Zm9v", b"foo"),
        (" Zm\n9v ", b"foo"),
        ("Zm9", b"fo"),
        ("Zm9v!!", b"foo"),
        ("", b""),
        ("Zm<!-- -->9v<?x?>Zm9v", b"foofoo"),
        ("<!---->Zm9v", b"foo"),
    ],
)
def test_what_is_scanned_is_what_a_lenient_reader_would_decode(written: str, read: bytes) -> None:
    """Neither bad letters in base 64 nor comments in it may hide anything from the scanner."""
    name = "EmbeddedDocumentBinaryObject"
    root = etree.fromstring(f'<{name} xmlns="{CBC}">{written}</{name}>')

    payloads: Iterable[bytes] = [each.read() for each in attachments_of(root)]

    assert payloads == [read]
