"""Judges hostile files one by one and notes what each cost: a program of its own.

Every file is judged in a child of this program, made for it alone, so that its time and its
memory can be told. Prints one JSON object a line: the name, what was said, processor
seconds, and by how many megabytes the child grew.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import resource
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

import pikepdf

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipeline.bootstrap import profiles, shelf, workspace  # noqa: E402
from pipeline.ingest.completeness import gzip_whole, looks_whole, p7m_whole  # noqa: E402
from pipeline.ingest.unwrap import HEAD, EnvelopeRefused, unwrap  # noqa: E402
from pipeline.model.errors import PackMissing  # noqa: E402
from pipeline.model.finding import Layer  # noqa: E402
from pipeline.model.limits import Limits  # noqa: E402
from pipeline.syntax.parse import compile_schema  # noqa: E402
from pipeline.validate.judge import Artefacts, Question, judge_document  # noqa: E402

LIMITS = Limits()
MB = 1_000_000
UBL = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
SAMPLE = ROOT / "samples" / "invoices" / "ubl-380-une-ligne.xml"


def _invoice(extra: str = "", attributes: str = "") -> bytes:
    """Return an invoice with something more in its first note."""
    text = SAMPLE.read_text(encoding="utf-8")
    at = text.index("<cbc:IssueDate>")
    return f"{text[:at]}{extra}{text[at:]}".replace(
        "<Invoice ", f"<Invoice {attributes} "
    ).encode()


def _attributes(count: int) -> bytes:
    return _invoice(attributes=" ".join(f'k{n}=""' for n in range(count)))


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><a b="&l9;">&l9;</a>'.encode()


def _quadratic() -> bytes:
    return f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]><a>{"&x;" * 20_000}</a>'.encode()


def _many_entries(count: int) -> bytes:
    """Return a zip that announces, and has, so many entries, all over one file."""
    name = b"a"
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + name
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )  # fmt: skip
    directory = (entry + name) * count
    wide = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(local)
    )
    where = struct.pack("<4sIQI", b"PK\6\7", 0, len(local) + len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + directory + wide + where + end


def _overlapping(count: int) -> bytes:
    """Return a zip whose entries all lead to one body that swells."""
    zipped = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = zipped.compress(b"<" * 10_000_000) + zipped.flush()
    crc = zlib.crc32(b"<" * 10_000_000)
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(body), 10_000_000, 5, 0
    )  # fmt: skip
    entries = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(body), 10_000_000,
            5, 0, 0, 0, 0, 0, 0,
        ) + b"%04dx" % n
        for n in range(count)
    )  # fmt: skip
    files = local + b"0000x" + body
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(entries), len(files), 0)
    return files + entries + end


def _zip(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def _long_header() -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 900 * MB
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(40 * MB), 1)


def _pdf(**files: bytes) -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        for name, payload in {"factur-x.xml": b"<a/>", **files}.items():
            pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, payload, filename=name)
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


#: What a judge takes at most before it is killed, all its packs aside.
FILES: dict[str, Callable[[], bytes]] = {
    "billion-laughs": _laughs,
    "quadratic-entities": _quadratic,
    "attribute-laughs": lambda: _laughs().replace(b">&l9;<", b"><"),
    "attributes-4000": lambda: _attributes(4000),
    "attributes-60000": lambda: _attributes(60_000),
    "attributes-200000": lambda: _attributes(200_000),
    "namespaces-60000": lambda: _invoice(
        attributes=" ".join(f'xmlns:k{n}="u{n}"' for n in range(60_000))
    ),
    "text-11-mb": lambda: _invoice(f"<cbc:Note>{'x' * 11 * MB}</cbc:Note>"),
    "attribute-11-mb": lambda: _invoice(attributes=f'k="{"x" * 11 * MB}"'),
    "comment-11-mb": lambda: _invoice(f"<!--{'x' * 11 * MB}-->"),
    "name-1-mb": lambda: _invoice(f"<{'x' * MB}/>"),
    "depth-300": lambda: _invoice("<a>" * 300 + "</a>" * 300),
    "depth-3000": lambda: _invoice("<a>" * 3000 + "</a>" * 3000),
    "depth-endless": lambda: b"<a>" * 3 * MB,
    "elements-2-million": lambda: _invoice("<a/>" * 2 * MB),
    "comments-2-million": lambda: _invoice("<!---->" * 2 * MB),
    "unfinished-tag": lambda: b"<a b='" + b"x" * 20 * MB,
    "unfinished-comment": lambda: b"<a><!--" + b"-" * 20 * MB,
    "digits-10000": lambda: SAMPLE.read_bytes().replace(b"275.00", b"9" * 10_000),
    "digits-million": lambda: SAMPLE.read_bytes().replace(b"275.00", b"9" * MB),
    "digits-between-comments": lambda: SAMPLE.read_bytes().replace(
        b"275.00", (b"9" * 900 + b"<!---->") * 1000
    ),
    "digits-by-reference": lambda: SAMPLE.read_bytes().replace(b"275.00", b"&#57;" * 100_000),
    "zip-million-entries": lambda: _many_entries(MB),
    "zip-overlapping": lambda: _overlapping(500),
    "zip-1000-to-1": lambda: _zip("a.xml", b"<" * 50 * MB),
    "zip-nested": lambda: _zip("a.zip", _zip("a.xml", b"<" * 20 * MB)),
    "gzip-1000-to-1": lambda: gzip.compress(b"<" * 50 * MB),
    "gzip-members": lambda: gzip.compress(b"") * 200_000,
    "tar-long-header": _long_header,
    "pdf-bomb": lambda: _pdf(**{"a.bin": bytes(110 * MB)}),
    "p7m-pieces": lambda: b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80"
     b"\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80"
     b"\x24\x80" + b"\x04\x01<" * 1_000_000,
    "p7m-levels": lambda: b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
    + b"\xa0\x80" * 500_000,
    "base64-blanks": lambda: base64.b64encode(
        b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
    ) + b" \n" * 5 * MB,
}  # fmt: skip


@cache
def _artefacts() -> Artefacts:
    packs = shelf(workspace())
    schema = cache(lambda name: compile_schema(str(packs.path(name))))
    schema("ubl-2.1-invoice-xsd")
    return Artefacts(schema=schema, explainer=_never, run_pack=_never)  # type: ignore[arg-type]  # not asked


def _never(name: str, *_: object) -> object:
    raise PackMissing(name, "left out: what is measured here stands below the rules")


def say(data: bytes) -> str:
    """Return what is said of one file, or of its first document."""
    looks_whole(data[:HEAD], data[-HEAD:])
    gzip_whole(io.BytesIO(data), LIMITS.file_bytes)
    p7m_whole(io.BytesIO(data), LIMITS.file_bytes)
    question = Question(
        profile=profiles(workspace())["auto"],
        limits=LIMITS,
        layers=frozenset({Layer.SYNTAX, Layer.STRUCTURE}),
    )
    try:
        for member in unwrap(io.BytesIO(data), LIMITS, "flow"):
            if member.fault is not None:
                return member.fault.code
            report = judge_document(b"".join(member.chunks), question, _artefacts()).report
            first = next(iter(report.findings), None)
            return first.rule if first else "XSD" if report.trouble else "valid"
    except EnvelopeRefused as refused:
        return refused.code
    return "empty"


def measure(name: str) -> dict[str, object]:
    """Judge one file in a child made for it."""
    data = FILES[name]()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF)
        said = say(data)
        after = resource.getrusage(resource.RUSAGE_SELF)
        told = {
            "name": name,
            "said": said,
            "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "mb": (after.ru_maxrss - before.ru_maxrss) / 1000,
            "size": len(data),
            "sha256": sha256(data).hexdigest(),
        }
        os.write(sending, json.dumps(told).encode())
        os._exit(0)
    os.close(sending)
    os.waitpid(child, 0)
    told = json.loads(os.read(receiving, 1 << 16) or b"{}")
    os.close(receiving)
    return told or {"name": name, "said": "the child ended", "seconds": 0, "mb": 0}


def main(names: list[str]) -> None:
    """Measure the files named, or all."""
    _artefacts()
    for name in names or FILES:
        sys.stdout.write(json.dumps(measure(name)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
