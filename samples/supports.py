"""Small files made from nothing: a PDF, a Factur-X, a PNG, a CSV table, a signed envelope.

Every byte is decided here, so that the samples are the same wherever they are built.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding


def tiny_pdf(*lines: str) -> bytes:
    """Return a one-page PDF 1.4 that shows `lines` (Latin-1)."""
    return _pdf(b"%PDF-1.4\n", (b"<< /Type /Catalog /Pages 2 0 R >>", *_page(lines)))


def facturx_pdf(xml: bytes, *lines: str) -> bytes:
    """Return a PDF 1.7 that shows `lines` and carries `xml` as Factur-X does, profile EN 16931.

    It is no PDF/A-3, nor says so: its font is not embedded.
    """
    catalogue = (
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R /AF [7 0 R]"
        b" /Names << /EmbeddedFiles << /Names [(factur-x.xml) 7 0 R] >> >> >>"
    )
    described = (
        b"<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /AFRelationship /Data"
        b" /Desc (Factur-X) /EF << /F 8 0 R /UF 8 0 R >> >>"
    )
    embedded = b"/Type /EmbeddedFile /Subtype /text#2Fxml /Params << /Size %d >> " % len(xml)
    objects = (
        catalogue,
        *_page(lines),
        _stream(b"/Type /Metadata /Subtype /XML ", _XMP),
        described,
        _stream(embedded, xml),
    )
    return _pdf(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", objects)


#: What a Factur-X says of itself (Factur-X 1.09 §6.3).
_XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
   <fx:DocumentType>INVOICE</fx:DocumentType>
   <fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
   <fx:Version>1.0</fx:Version>
   <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def _page(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Return objects 2 to 5 of a PDF: one page that shows `lines`."""
    shown = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 760 Td {shown} ET".encode("latin-1")
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    return (
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s >>" % fonts,
        _stream(b"", stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _pdf(head: bytes, objects: Sequence[bytes]) -> bytes:
    """Number `objects` from 1, the catalogue first, and write the file."""
    body, places = head, []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def tiny_png(side: int = 8) -> bytes:
    """Return a grey checkerboard, `side` pixels square."""
    rows = b"".join(b"\0" + bytes(255 * ((x + y) % 2) for x in range(side)) for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stored(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def tiny_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return `rows` as French spreadsheets write them: semicolons, UTF-8, CR LF."""
    return "".join(";".join(row) + "\r\n" for row in rows).encode()


def signed(content: bytes) -> bytes:
    """Return `content` in a signed envelope (CMS SignedData, ECDSA on P-256).

    The signature is true, and worth nothing: everybody can make the key, which is computed
    from a word, so that the same content always gives the same envelope.
    """
    key = ec.derive_private_key(int.from_bytes(sha256(b"samples").digest()), ec.SECP256R1())
    certificate = cms.Certificate.load(_certificate(key))
    digest = sha256(content).digest()
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "message_digest", "values": [digest]},
        ]
    )
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.IssuerAndSerialNumber(
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signed_attrs": attributes,
            "signature": key.sign(
                attributes.untag().dump(), ec.ECDSA(SHA256(), deterministic_signing=True)
            ),
        }
    )
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data", "content": content},
        "certificates": [certificate],
        "signer_infos": [signer],
    }
    envelope = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})
    return bytes(envelope.dump())


def _certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate that `key` gives itself, for as long as certificates last."""
    name = x509.Name.from_rfc4514_string("CN=Beaufils Traiteur SARL,C=FR")
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        .sign(key, SHA256(), ecdsa_deterministic=True)
    )
    return made.public_bytes(Encoding.DER)


def stored(data: bytes) -> bytes:
    """Return `data` (under 64 KiB) as a zlib stream that no compressor has touched.

    What a compressor makes differs from one version of zlib to the next.
    """
    block = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF) + data
    return b"\x78\x01" + block + struct.pack(">I", zlib.adler32(data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
