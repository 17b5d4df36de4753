"""Each limit, at the limit and one beyond (S2, S4, S6, S10): taken, then refused with its code.

The limits of the XML parser that a sheet does not set are held to the unit by
tests/unit/syntax/test_parse.py; here is every other one, each through the way a file goes.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from asn1crypto import cms

from pipeline.ingest import gunzip, p7m, tar, unwrap
from pipeline.ingest import zip as zip_
from pipeline.ingest.admission import admit
from pipeline.ingest.entry import RATIO_FROM, ArchiveFault
from pipeline.ingest.manifest import MANIFEST_BYTES, MANIFEST_NAME, ManifestFault, read_manifest
from pipeline.ingest.unwrap import EnvelopeRefused, Kind
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.limits import Limits
from pipeline.model.names import shown_name
from pipeline.syntax import facturx, parse
from pipeline.syntax.facturx import PdfRefused, open_facturx
from pipeline.syntax.parse import XmlRefused

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
SMALL = Limits(
    flow_bytes=30_000,
    file_bytes=5_000,
    attachment_bytes=600,
    documents=4,
    text_bytes=1_500,
    depth=6,
    elements=20,
    attributes=5,
)
_TAKEN = "taken"


def envelope(data: bytes, limits: Limits = SMALL) -> str:
    """Unwrap a flow; return what it, or its first faulty file, is refused with."""
    try:
        for member in unwrap.unwrap(io.BytesIO(data), limits, "flow"):
            if member.fault is not None:
                return member.fault.code
            for _ in member.chunks:
                pass
    except EnvelopeRefused as refused:
        return refused.code
    return _TAKEN


def xml(data: bytes, limits: Limits = SMALL) -> str:
    """Parse a document; return what it is refused with."""
    try:
        parse.parse(data, limits)
    except XmlRefused as refused:
        return refused.code
    return _TAKEN


def pdf(data: bytes, limits: Limits = SMALL) -> str:
    """Open a PDF; return what it is refused with."""
    try:
        open_facturx(data, limits)
    except PdfRefused as refused:
        return refused.code
    return _TAKEN


def listed(data: bytes) -> str:
    """Read a manifest; return what it is refused with."""
    try:
        read_manifest(data)
    except ManifestFault as fault:
        return fault.reason.code
    return _TAKEN


def admitted(size: int, a_flow: Callable[..., Any]) -> str:
    """Admit a flow of that size; return what it is refused with."""
    sheet = Connection(
        name="acme", partner="Acme", role=Role.SENDER, door=Door(path="/"), limits=SMALL
    )
    decision = admit(a_flow("a.xml", size=size), sheet, Kind.XML, {}, ()).decision
    return decision.reasons[0].code if decision.reasons else _TAKEN


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Pack files into a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*files: tuple[str, bytes]) -> bytes:
    """Pack files into a tar.gz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


def several(count: int, size: int = 4) -> list[tuple[str, bytes]]:
    """Return so many files of that size."""
    return [(f"{n}.xml", b"<" + b"a" * (size - 1)) for n in range(count)]


def folders(count: int) -> bytes:
    """Return a zip with so many entries beside its one document."""
    return zipped(("a.xml", b"<a/>"), *((f"{n}/", b"") for n in range(count)))


def attached(size: int) -> bytes:
    """Return a UBL fragment with an attachment of that size."""
    inside = base64.b64encode(bytes(size)).decode()
    tag = "EmbeddedDocumentBinaryObject"
    return f'<b xmlns="{CBC}"><{tag}>{inside}</{tag}></b>'.encode()


def attributes(count: int) -> bytes:
    """Return an element with so many attributes."""
    return b"<a %s/>" % b" ".join(b'k%d=""' % n for n in range(count))


def pieces(count: int) -> bytes:
    """Return a signed envelope whose content comes in so many elements, all others counted."""
    start = bytes.fromhex("3080 06092a864886f70d010702 a080 3080 020101 3100 3080")
    start += bytes.fromhex("06092a864886f70d010701 a080 2480")
    others = 11  # the elements around: the last is the empty set of signers
    body = b"\4\1<" + b"\4\0" * (count - others - 1)
    return start + body + bytes(6) + b"\x31\x00" + bytes(6)


def nested(levels: int) -> bytes:
    """Return a signed envelope whose content is that deeply nested."""
    start = bytes.fromhex("3080 06092a864886f70d010702 a080 3080 020101 3100 3080")
    start += bytes.fromhex("06092a864886f70d010701 a080")
    inside = levels - 5
    return start + b"\x24\x80" * inside + b"\4\1<" + bytes(2 * inside + 4) + b"\x31\x00" + bytes(6)


def long_header(size: int) -> bytes:
    """Return a tar whose one file has an extended header of that size."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    name = (b"a" * 1000).ljust(size, b"\0")
    block = info.tobuf(tarfile.GNU_FORMAT) + name + bytes(-size % 512)
    file = tarfile.TarInfo("x")
    file.size = 4
    return gzip.compress(
        block + file.tobuf(tarfile.GNU_FORMAT) + b"<a/>" + bytes(508) + bytes(1024)
    )


def swelling(made: int) -> bytes:
    """Return a gzip that makes so many bytes of a hundredth of `RATIO_FROM` and more."""
    # stored blocks make one of one, so that the ratio can be set to the byte
    start = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = start.compress(b"<" * made) + start.flush()
    head = bytes.fromhex("1f8b0800000000000003")
    tail = struct.pack("<2I", zlib.crc32(b"<" * made), made)
    return head + body + tail


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        most: Its value.
        make: Makes a file that has so many of what is limited.
        say: Says what becomes of it.
        code: What one more is refused with.
        step: By how much one more is more.
    """

    most: int
    make: Callable[[int], Any]
    say: Callable[[Any], str]
    code: str
    step: int = 1


INVOICE = {"factur-x.xml": b"<a/>"}


def limits(make_pdf: Callable[..., bytes], a_flow: Callable[..., Any]) -> dict[str, Limit]:
    """Return every limit by its name."""

    def files(count: int) -> bytes:
        return make_pdf({**INVOICE, **{f"{n}.txt": b"x" for n in range(count - 1)}})

    return {
        # of a sheet
        "flow_bytes": Limit(
            SMALL.flow_bytes, lambda n: n, lambda n: admitted(n, a_flow), "IRR_TAILLE"
        ),
        "flow_bytes in a zip": Limit(
            30_000,
            lambda n: zipped(*several(7, 4000), ("z.xml", b"<" * (n - 7 * 4000))),
            lambda data: envelope(data, replace(SMALL, documents=10)),
            "IRR_EXTRAC",
        ),
        "flow_bytes in a gzip": Limit(
            SMALL.flow_bytes // 512 * 512,
            lambda n: gzip.compress(bytes(n)),
            lambda data: gunzipped(data, SMALL.flow_bytes),
            "too much",
            step=512,
        ),
        "file_bytes": Limit(5000, lambda n: b"<" * n, envelope, "IRR_TAILLE_F"),
        "file_bytes in a zip": Limit(
            5000, lambda n: zipped(("a.xml", b"<" * n)), envelope, "IRR_TAILLE_F"
        ),
        "file_bytes in a tar": Limit(
            5000, lambda n: tarred(("a.xml", b"<" * n)), envelope, "IRR_TAILLE_F"
        ),
        "file_bytes in a gzip": Limit(
            5000, lambda n: gzip.compress(b"<" * n), envelope, "IRR_TAILLE_F"
        ),
        "file_bytes of the parser": Limit(
            5000, lambda n: b"<a/>" + b" " * (n - 4), xml, "XML-LIMIT"
        ),
        "file_bytes in a pdf": Limit(
            5000,
            lambda n: make_pdf({"factur-x.xml": bytes(n - 500), "a.txt": bytes(500)}),
            lambda data: pdf(data, replace(SMALL, attachment_bytes=6000)),
            "IRR_TAILLE_PJ",
        ),
        "attachment_bytes": Limit(600, attached, xml, "IRR_TAILLE_PJ", step=3),
        "attachment_bytes in a pdf": Limit(
            600, lambda n: make_pdf({**INVOICE, "a.txt": bytes(n)}), pdf, "IRR_TAILLE_PJ"
        ),
        "documents in a zip": Limit(4, lambda n: zipped(*several(n)), envelope, "IRR_EXTRAC"),
        "documents in a tar": Limit(4, lambda n: tarred(*several(n)), envelope, "IRR_EXTRAC"),
        "ratio": Limit(
            RATIO_FROM,
            lambda n: zipped(("a.xml", b"<" * n), method=zipfile.ZIP_DEFLATED),
            lambda data: envelope(data, Limits()),
            "IRR_EXTRAC",
        ),
        "ratio in a gzip": Limit(
            RATIO_FROM, swelling, lambda data: envelope(data, Limits()), "IRR_EXTRAC"
        ),
        "text_bytes": Limit(1500, lambda n: b"<a>" + b"x" * n + b"</a>", xml, "XML-LIMIT"),
        "depth": Limit(6, lambda n: b"<a>" * n + b"</a>" * n, xml, "XML-LIMIT"),
        "elements": Limit(20, lambda n: b"<a>" + b"<b/>" * (n - 1) + b"</a>", xml, "XML-LIMIT"),
        "attributes": Limit(5, attributes, xml, "XML-LIMIT"),
        # that no sheet sets
        "parse.NAME_CHARS": Limit(
            parse.NAME_CHARS, lambda n: b"<" + b"x" * n + b"/>", xml, "XML-LIMIT"
        ),
        "parse.MOST_DIGITS": Limit(
            parse.MOST_DIGITS,
            lambda n: b"<a>%s<b>%s</b></a>" % (b"<c>text</c>" * 7000, b"1" * n),
            lambda data: xml(data, Limits()),
            "XML-LIMIT",
        ),
        "manifest.MANIFEST_BYTES": Limit(
            MANIFEST_BYTES,
            lambda n: zipped(
                (MANIFEST_NAME, json.dumps({"count": 1}).encode().ljust(n)), ("a.xml", b"<a/>")
            ),
            lambda data: envelope(data, Limits()),
            "MANIFEST",
        ),
        "manifests": Limit(
            1,
            lambda n: (
                zipped(*[(MANIFEST_NAME, b'{"count": 1}')] * n, ("a.xml", b"<a/>"))
                if n == 1
                else tarred(*[(MANIFEST_NAME, b'{"count": 1}')] * n, ("a.xml", b"<a/>"))
            ),
            envelope,
            "MANIFEST",
        ),
        "digits of an amount announced": Limit(
            20, lambda n: json.dumps({"sums": {"EUR": "1" * n}}).encode(), listed, "MANIFEST"
        ),
        "unwrap.NAME_BYTES": Limit(
            unwrap.NAME_BYTES,
            lambda n: zipped(("d/" * 400 + "n" * (n - 804) + ".xml", b"<a/>")),
            envelope,
            "IRR_NOM_F",
        ),
        "nesting of envelopes": Limit(1, lambda n: _signed(b"<a/>", n), envelope, "IRR_EXTRAC"),
        "nesting of archives": Limit(1, _nested_zip, envelope, "IRR_TYPE_F"),
        "gunzip.MOST_MEMBERS": Limit(
            gunzip.MOST_MEMBERS,
            lambda n: gzip.compress(b"<a/>") + gzip.compress(b"") * (n - 1),
            envelope,
            "IRR_EXTRAC",
        ),
        "tar.HEADER_BYTES": Limit(
            tar.HEADER_BYTES,
            long_header,
            lambda data: envelope(data, Limits()),
            "IRR_EXTRAC",
        ),
        "zip.MOST_FOLDERS": Limit(
            zip_.MOST_FOLDERS + SMALL.documents - 1, folders, envelope, "IRR_EXTRAC"
        ),
        "p7m.MOST_ELEMENTS": Limit(
            p7m.MOST_ELEMENTS, pieces, lambda data: envelope(data, Limits()), "IRR_EXTRAC"
        ),
        "p7m.MOST_LEVELS": Limit(p7m.MOST_LEVELS, nested, envelope, "IRR_EXTRAC"),
        "facturx.MOST_FILES": Limit(facturx.MOST_FILES, files, pdf, "PDF-LIMIT"),
    }


def gunzipped(data: bytes, most: int) -> str:
    """Unzip a gzip stream held to so many bytes."""
    source = gunzip.Gunzip(io.BytesIO(data), ratio=100_000, most=most)
    try:
        while source.read(1 << 16):
            pass
    except ArchiveFault:
        return "too much"
    return _TAKEN


def _signed(content: bytes, times: int) -> bytes:
    for _ in range(times):
        data = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "data", "content": content},
                "signer_infos": [],
            }
        )
        whole = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
        assert isinstance(whole, bytes)
        content = whole
    return content


def _nested_zip(times: int) -> bytes:
    data = b"<a/>"
    for _ in range(times):
        data = zipped(("a.xml", data))
    return data


NAMES = (
    "flow_bytes",
    "flow_bytes in a zip",
    "flow_bytes in a gzip",
    "file_bytes",
    "file_bytes in a zip",
    "file_bytes in a tar",
    "file_bytes in a gzip",
    "file_bytes of the parser",
    "file_bytes in a pdf",
    "attachment_bytes",
    "attachment_bytes in a pdf",
    "documents in a zip",
    "documents in a tar",
    "ratio",
    "ratio in a gzip",
    "text_bytes",
    "depth",
    "elements",
    "attributes",
    "parse.NAME_CHARS",
    "parse.MOST_DIGITS",
    "manifest.MANIFEST_BYTES",
    "manifests",
    "digits of an amount announced",
    "unwrap.NAME_BYTES",
    "nesting of envelopes",
    "nesting of archives",
    "gunzip.MOST_MEMBERS",
    "tar.HEADER_BYTES",
    "zip.MOST_FOLDERS",
    "p7m.MOST_ELEMENTS",
    "p7m.MOST_LEVELS",
    "facturx.MOST_FILES",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_holds_to_the_unit(
    name: str, make_pdf: Callable[..., bytes], a_flow: Callable[..., Any]
) -> None:
    """What is allowed is taken, one more is refused, and says why by its code."""
    limit = limits(make_pdf, a_flow)[name]

    assert limit.say(limit.make(limit.most)) == _TAKEN
    assert limit.say(limit.make(limit.most + limit.step)) == limit.code


def test_every_limit_of_a_sheet_is_in_the_table(
    make_pdf: Callable[..., bytes], a_flow: Callable[..., Any]
) -> None:
    """Whoever adds one shows where it holds."""
    known = limits(make_pdf, a_flow)

    assert set(known) == set(NAMES)
    assert {field.name for field in fields(Limits)} <= {name.split()[0] for name in known}


def test_a_name_is_shown_no_longer_than_it_may_be() -> None:
    """A refusal does not repeat what it refuses at any length."""
    data = tarred(("n" * 60_000 + ".xml", b"<a/>"))

    (member,) = unwrap.unwrap(io.BytesIO(data), Limits(), "flow")

    assert member.fault is not None
    assert len(shown_name(member.name.encode())) <= unwrap.NAME_BYTES
