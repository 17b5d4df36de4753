"""The safe parser: what it refuses, how fast, and that nothing is ever fetched."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.model.limits import Limits
from pipeline.syntax.parse import ATTACHMENTS, XmlRefused, cut_attachments, parse

LIMITS = Limits()
SECRET = "TOP-SECRET"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
XI = "http://www.w3.org/2001/XInclude"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"

#: How each encoding is told: the declared name, the bytes before, the codec.
ENCODINGS = {
    "utf-8": ("UTF-8", b"", "utf-8"),
    "utf-8-with-mark": ("UTF-8", b"\xef\xbb\xbf", "utf-8"),
    "utf-16-little-endian": ("UTF-16", b"\xff\xfe", "utf-16-le"),
    "utf-16-big-endian": ("UTF-16", b"\xfe\xff", "utf-16-be"),
    "latin-1": ("ISO-8859-1", b"", "latin-1"),
}

DOCTYPES = {
    "bare": "<!DOCTYPE a>",
    "internal-entity": '<!DOCTYPE a [<!ENTITY x "99">]>',
    "file-entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "{file}">]>',
    "http-entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "{http}/entity">]>',
    "file-parameter-entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "{file}"> %p;]>',
    "http-parameter-entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "{http}/parameter"> %p;]>',
    "exfiltration": (
        '<!DOCTYPE a [<!ENTITY % f SYSTEM "{file}"><!ENTITY % e SYSTEM "{http}/e.dtd"> %e;]>'
    ),
    "file-dtd": '<!DOCTYPE a SYSTEM "{file}">',
    "http-dtd": '<!DOCTYPE a SYSTEM "{http}/a.dtd">',
    "public-dtd": '<!DOCTYPE a PUBLIC "-//X//Y//EN" "{http}/public.dtd">',
    "notation": (
        '<!DOCTYPE a [<!NOTATION n SYSTEM "{http}/n"><!ENTITY x SYSTEM "{file}" NDATA n>]>'
    ),
    "default-attribute": '<!DOCTYPE a [<!ATTLIST a href CDATA "{http}/default">]>',
}


@dataclass(frozen=True)
class Canary:
    """A file and a server that nobody is to ask for anything."""

    file: str
    http: str
    hits: list[str]


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A file that holds a secret and a server that notes every request."""
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    file = tmp_path_factory.mktemp("canary") / "secret.txt"
    file.write_text(SECRET)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Canary(file.as_uri(), f"http://127.0.0.1:{server.server_port}", hits)
    server.shutdown()
    thread.join()
    server.server_close()


def _refusal(data: bytes, limits: Limits = LIMITS) -> XmlRefused:
    with pytest.raises(XmlRefused) as caught:
        parse(data, limits)
    assert set(caught.value.message) == {"fr", "en"}
    assert all(caught.value.message.values())
    return caught.value


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_document_type_is_refused_and_never_read(
    canary: Canary, doctype: str, encoding: str
) -> None:
    """Entities make two readers see two amounts, and let a document choose what we fetch."""
    declared, mark, codec = ENCODINGS[encoding]
    text = DOCTYPES[doctype].replace("{file}", canary.file).replace("{http}", canary.http)
    use = "&x;" if "ENTITY x" in text and "NDATA" not in text else ""
    document = f'<?xml version="1.0" encoding="{declared}"?>\n{text}<a>1{use}</a>'

    refusal = _refusal(mark + document.encode(codec))

    assert (refusal.code, refusal.line) == ("XML-DTD", 2)
    assert canary.hits == []


@pytest.mark.parametrize(
    "subset",
    [
        "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)),
        f'<!ENTITY l0 "{"x" * 100_000}"><!ENTITY l9 "{"&l0;" * 20_000}">',
    ],
    ids=["billion", "quadratic"],
)
def test_laughs_are_refused_at_once(subset: str) -> None:
    """A kilobyte must not become gigabytes."""
    document = f'<!DOCTYPE a [<!ENTITY l0 "ha">{subset}]><a b="&l9;">&l9;</a>'.encode()
    started = time.perf_counter()

    refusal = _refusal(document)

    assert refusal.code == "XML-DTD"
    assert time.perf_counter() - started < 0.5


def test_a_document_type_is_refused_before_the_body_is_read() -> None:
    """However long the body is: a refusal costs what it is worth."""
    document = b"<!DOCTYPE a><a>" + b"<b k='v'>x</b>" * 3_000_000 + b"</a>"
    started = time.perf_counter()

    refusal = _refusal(document)

    assert refusal.code == "XML-DTD"
    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize(
    "document",
    [
        f'<a xmlns:x="{XI}"><x:include href="{{file}}" parse="text"/></a>',
        f'<a xmlns:x="{XI}"><x:include href="{{http}}/x"/></a>',
        f'<a xmlns:i="{XSI}" i:schemaLocation="u {{http}}/x"/>',
        f'<a xmlns:i="{XSI}" i:noNamespaceSchemaLocation="{{http}}/x"/>',
        '<?xml-stylesheet type="text/xsl" href="{http}/x.xsl"?><a/>',
        '<?xml-model href="{http}/x.rng"?><a/>',
    ],
    ids=["xinclude-file", "xinclude-http", "schema", "no-schema", "stylesheet", "model"],
)
def test_what_a_document_points_at_is_not_looked_at(canary: Canary, document: str) -> None:
    """Such hints are legal and partners send them; they are kept as they are."""
    text = document.replace("{file}", canary.file).replace("{http}", canary.http)

    root = parse(text.encode(), LIMITS)

    assert root.tag == "a"
    assert SECRET not in etree.tostring(root.getroottree(), encoding="unicode")
    assert canary.hits == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_allowed_encoding_gives_the_same_tree(encoding: str) -> None:
    """What an amount is does not hang on how it was written down."""
    declared, mark, codec = ENCODINGS[encoding]
    document = f'<?xml version="1.0" encoding="{declared}"?><a b="é">Fa\xe7ade</a>'

    root = parse(mark + document.encode(codec), LIMITS)

    assert etree.tostring(root, encoding="unicode") == '<a b="é">Fa\xe7ade</a>'


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("windows-1252", "cp1252"),
        ("ISO-8859-15", "iso-8859-15"),
        ("utf-8", "utf-8"),
        ("Utf-16Le", "utf-16-le"),
        ("UTF-16BE", "utf-16-be"),
    ],
)
def test_the_euro_sign_survives(declared: str, codec: str) -> None:
    """The one letter by which the western code pages differ."""
    document = f"<?xml version='1.0' encoding='{declared}' standalone='yes'?><a>12 €</a>"

    assert parse(document.encode(codec), LIMITS).text == "12 €"


def test_without_a_declaration_it_is_utf_8() -> None:
    """So says XML 1.0, 4.3.3."""
    assert parse("<a>é</a>".encode(), LIMITS).text == "é"
    assert _refusal("<a>é</a>".encode("latin-1")).code == "XML-ENC"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("<a/>".encode("utf-32"), id="utf-32-with-mark"),
        pytest.param("<a/>".encode("utf-32-be"), id="utf-32-big-endian"),
        pytest.param("<a/>".encode("utf-32-le"), id="utf-32-little-endian"),
        pytest.param(b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-', id="utf-7"),
        pytest.param(b"+ADw-a/+AD4-", id="utf-7-undeclared"),
        pytest.param('<?xml version="1.0"?><a/>'.encode("cp037"), id="ebcdic"),
        pytest.param(b'<?xml version="1.0" encoding="cp037"?><a/>', id="ebcdic-declared"),
        pytest.param(b'<?xml version="1.0" encoding="windows-1250"?><a/>', id="not-on-the-list"),
        pytest.param(b'<?xml version="1.0" encoding="UTF-16"?><a/>', id="utf-16-is-ascii"),
        pytest.param(
            b'\xef\xbb\xbf<?xml version="1.0" encoding="ISO-8859-1"?><a/>', id="mark-disagrees"
        ),
        pytest.param(
            '<?xml version="1.0" encoding="UTF-8"?><a/>'.encode("utf-16"), id="utf-8-is-utf-16"
        ),
        pytest.param(
            b"\xfe\xff" + '<?xml version="1.0" encoding="UTF-16LE"?><a/>'.encode("utf-16-be"),
            id="byte-order-disagrees",
        ),
        pytest.param(b"<a>\xc0\xbc</a>", id="overlong"),
        pytest.param(b"<a>\xed\xa0\x80</a>", id="surrogate"),
        pytest.param(b"<a>\0</a>", id="nul"),
        pytest.param(b"\xff\xfe<\0a\0>\0\x00\xd8<\0/\0a\0>\0", id="lone-surrogate"),
        pytest.param(b'<?xml version="1.0" encoding="windows-1252"?><a>\x81</a>', id="no-letter"),
    ],
)
def test_other_encodings_are_refused(document: bytes) -> None:
    """Two readers must not see two documents in the same bytes."""
    assert _refusal(document).code == "XML-ENC"


@pytest.mark.parametrize(
    ("document", "line", "fr"),
    [
        (b"", 1, "document vide ou tronqué"),
        (b"<a>\n<b></a>", 2, "balise fermante sans balise ouvrante de ce nom"),
        (b"<a>\n\n<b", 3, "balise non terminée, fichier peut-être tronqué"),
        (b"<a/>\n<b/>", 2, "contenu après la fin du document"),
        (b"<a>&nbsp;</a>", 1, "entité inconnue"),
        (b"\n<?xml version='1.0'?><a/>", 2, "déclaration XML qui n'est pas au tout début"),
        (b"<x:a/>", 1, "préfixe d'espace de noms non déclaré"),
        (b"<?xml version='1.1'?><a/>", 1, "XML 1.1 ; attendu : 1.0"),
        (b'<a><b xml:id="1x"/></a>', 1, "xml:id"),
    ],
)
def test_what_is_not_well_formed_says_where_and_why(document: bytes, line: int, fr: str) -> None:
    """A line number and a French reason are what a bookkeeper's supplier can act on."""
    refusal = _refusal(document)

    assert (refusal.code, refusal.line) == ("XML-WF", line)
    assert fr in refusal.message["fr"]


SMALL = Limits(
    file_bytes=2000, attachment_bytes=300, text_bytes=100, depth=5, elements=8, attributes=3
)


@pytest.mark.parametrize(
    ("build", "most"),
    [
        pytest.param(lambda n: b"<a>" * n + b"</a>" * n, 5, id="depth"),
        pytest.param(lambda n: b"<a>" + b"<b/>" * (n - 1) + b"</a>", 8, id="elements"),
        pytest.param(
            lambda n: b"<a %s/>" % b" ".join(b'k%d=""' % i for i in range(n)), 3, id="attributes"
        ),
        pytest.param(
            lambda n: b"<a k='' %s/>" % b" ".join(b'xmlns:k%d="u"' % i for i in range(n - 1)),
            3,
            id="namespaces",
        ),
        pytest.param(lambda n: b"<a>" + b"x" * n + b"</a>", 100, id="text"),
        pytest.param(lambda n: b"<a><b/>" + b"x" * n + b"</a>", 100, id="tail"),
        pytest.param(
            lambda n: f'<b xmlns="{CBC}"><EmbeddedDocumentBinaryObject/>{"x" * n}</b>'.encode(),
            100,
            id="behind-an-attachment",
        ),
        pytest.param(lambda n: b"<a><![CDATA[" + b"x" * n + b"]]></a>", 100, id="cdata"),
        pytest.param(
            lambda n: b"<a>" + b"x<!---->" * 5 + b"x" * (n - 5) + b"</a>", 100, id="text-in-pieces"
        ),
        pytest.param(
            lambda n: "<a>{}</a>".format("é" * (n // 2) + "x" * (n % 2)).encode(),
            100,
            id="text-counts-bytes",
        ),
        pytest.param(lambda n: b'<a k="%s"/>' % (b"x" * (n - 1)), 100, id="attribute"),
        pytest.param(lambda n: b"<!--" + b"x" * n + b"--><a/>", 100, id="comment"),
        pytest.param(lambda n: b"<?p " + b"x" * (n - 1) + b"?><a/>", 100, id="instruction"),
        pytest.param(lambda n: b"<a/>" + b"<!---->" * n + b" " * 300, 8, id="comments"),
        pytest.param(
            lambda n: (
                b"<a><b i='' j='' k=''/><b i='' j='' k=''/><b %s/></a>%s"
                % (b" ".join(b"k%d=''" % i for i in range(n - 6)), b" " * 300)
            ),
            8,
            id="attributes-in-all",
        ),
        pytest.param(lambda n: b"<" + b"x" * n + b"/>", 1000, id="name"),
        pytest.param(lambda n: b"<a " + b"x" * n + b'=""/>', 1000, id="attribute-name"),
        pytest.param(lambda n: b"<a/>" + b" " * (n - 4), 2000, id="file"),
        pytest.param(
            lambda n: (
                f'<b xmlns="{CBC}"><EmbeddedDocumentBinaryObject>'
                f"{base64.encodebytes(bytes(n)).decode()}</EmbeddedDocumentBinaryObject></b>".encode()
            ),
            300,
            id="ubl-attachment",
        ),
    ],
)
def test_a_limit_is_kept_to_the_unit(build: Callable[[int], bytes], most: int) -> None:
    """What is allowed is allowed, and one more is not."""
    limits = SMALL
    if most == 1000:  # the cap on names is no setting: keep the others out of its way
        limits = replace(SMALL, text_bytes=1100, attachment_bytes=1100)

    parse(build(most), limits)
    refusal = _refusal(build(most + (3 if most == 300 else 1)), limits)

    assert refusal.code == ("IRR_TAILLE_PJ" if most == 300 else "XML-LIMIT")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"<a>" + b"x" * 11_000_000 + b"</a>", id="text"),
        pytest.param(b'<a b="' + b"x" * 11_000_000 + b'"/>', id="attribute"),
        pytest.param(b"<!--" + b"x" * 11_000_000 + b"--><a/>", id="comment"),
        pytest.param(b"<" + b"x" * 1_000_000 + b"/>", id="name"),
        pytest.param(
            b"<a %s/>" % b" ".join(b'k%d=""' % n for n in range(200_000)), id="attributes"
        ),
        pytest.param(
            b"<a %s/>" % b" ".join(b'xmlns:k%d="u"' % n for n in range(200_000)), id="namespaces"
        ),
        pytest.param(b"<a>" * 300 + b"</a>" * 300, id="depth-300"),
        pytest.param(b"<a>" * 3000 + b"</a>" * 3000, id="depth-3000"),
        pytest.param(b"<a>" * 3_000_000, id="depth-endless"),
        pytest.param(b"<a><!--" + b"x" * 40_000_000, id="comment-endless"),
        pytest.param(b"<a b='" + b"x" * 40_000_000, id="attribute-endless"),
    ],
)
def test_the_excessive_is_refused(document: bytes) -> None:
    """One document must not keep the others waiting."""
    refusal = _refusal(document)

    assert refusal.code == "XML-LIMIT"


def test_an_attachment_may_be_held_to_less_than_a_text() -> None:
    """The two caps are two settings of a sheet."""
    limits = replace(LIMITS, attachment_bytes=30)
    document = b'<AttachmentBinaryObject xmlns="%s">%s</AttachmentBinaryObject>'

    parse(document % (RAM.encode(), b"QUJD" * 10), limits)

    assert _refusal(document % (RAM.encode(), b"QUJD" * 11), limits).code == "IRR_TAILLE_PJ"


def test_libxml2s_own_caps_are_told_as_limits() -> None:
    """A sheet that allows more depth than libxml2 does is still answered, not crashed."""
    refusal = _refusal(b"<a>" * 500 + b"</a>" * 500, replace(LIMITS, depth=1000))

    assert refusal.code == "XML-LIMIT"


@pytest.mark.parametrize("tag", ATTACHMENTS, ids=["ubl", "cii"])
def test_an_attachment_may_be_longer_than_any_text(tag: str) -> None:
    """Chorus Pro takes attachments of 100 MB; every other text of that length is an attack."""
    qname = etree.QName(tag)
    content = b"QUJD" * 3_000_000
    document = b'<b xmlns="%s"><%s>%s</%s></b>' % (
        (qname.namespace or "").encode(),
        qname.localname.encode(),
        content,
        qname.localname.encode(),
    )

    root = parse(document, LIMITS)

    assert root[0].text == content.decode()
    assert _refusal(document.replace(b' xmlns="urn', b' xmlns="evil')).code == "XML-LIMIT"


def test_attachments_are_cut_in_a_copy() -> None:
    """Rule packs read everything: what they do not need is not given to them."""
    long, short = "QUJD" * 1000, "QUJD" * 10
    text = (
        f'<r xmlns:cbc="{CBC}" xmlns:ram="{RAM}">\n'
        '<cbc:EmbeddedDocumentBinaryObject filename="a.pdf">'
        f"{long}</cbc:EmbeddedDocumentBinaryObject>\n"
        f"<ram:AttachmentBinaryObject>{short}</ram:AttachmentBinaryObject>\n"
        "<total>12.00</total></r>"
    )
    root = parse(text.encode(), LIMITS)

    light = cut_attachments(root)

    assert light is not None
    assert [each.text for each in light] == [long[:1024], short, "12.00"]
    assert [each.sourceline for each in light] == [each.sourceline for each in root]
    assert light[0].get("filename") == "a.pdf"
    assert etree.tostring(root, encoding="unicode") == text


def test_a_comment_in_an_attachment_saves_nothing_from_the_cut() -> None:
    """Rule packs would pay for what stands behind it."""
    inside = "<!--\n-->".join(["QUJD"] * 1000)
    text = f'<r xmlns:ram="{RAM}"><ram:AttachmentBinaryObject>{inside}'
    text += "</ram:AttachmentBinaryObject>\n<total/></r>"

    light = cut_attachments(parse(text.encode(), LIMITS))

    assert light is not None
    assert etree.tostring(light[0], method="text").strip() == b"QUJD" * 256
    assert [str(child.sourceline) for child in light] == ["1", "1001"]


def test_nothing_to_cut_is_no_copy() -> None:
    """Most invoices carry no attachment, and are not copied."""
    assert cut_attachments(parse(b"<a><b>x</b></a>", LIMITS)) is None


PIECES = st.sampled_from(
    [
        b"<a>",
        b"</a>",
        b"<b/>",
        b"<?xml version='1.0'?>",
        b"<!DOCTYPE a [",
        b"]>",
        b"<!ENTITY x 'y'>",
        b"&x;",
        b"&#0;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b" xmlns:p='u'",
        b"<p:q",
        b"\xff\xfe",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xe9",
        b"=",
    ]
)


OUTCOMES = {"read", "XML-DTD", "XML-ENC", "XML-LIMIT", "IRR_TAILLE_PJ", "XML-WF"}


@given(st.lists(PIECES | st.binary(max_size=8), max_size=25).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever a partner sends, it is an answer and never a crash."""
    assert _outcome(data, SMALL) in OUTCOMES


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_invoice_is_read_or_refused(data: st.DataObject) -> None:
    """One byte changed, or the end missing: what transfers and editors really do."""
    sample = Path(__file__).parents[3] / "samples" / "invoices" / "ubl-380-fournitures.xml"
    whole = bytearray(sample.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(0, len(whole))) :]

    assert _outcome(bytes(whole), LIMITS) in OUTCOMES


def _outcome(data: bytes, limits: Limits) -> str:
    try:
        parse(data, limits)
    except XmlRefused as refusal:
        return refusal.code
    return "read"
