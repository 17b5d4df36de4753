"""Small supporting documents made from nothing: a PDF, a PNG, a CSV table.

Every byte is decided here, so that the samples are the same wherever they are built.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence


def tiny_pdf(*lines: str) -> bytes:
    """Return a one-page PDF 1.4 that shows `lines` (Latin-1)."""
    shown = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 760 Td {shown} ET".encode("latin-1")
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    body, places = b"%PDF-1.4\n", []
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
