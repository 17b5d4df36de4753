"""The printer of pages: what it makes, what it keeps out, and what it says it lacks."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
from lxml import html

from pipeline.adapters.printer import DEFAULTS, PACKAGES, WeasyPrinter
from pipeline.model.conversion import Lost
from pipeline.model.labels import Language
from pipeline.syntax.readable.build import build_view
from pipeline.syntax.readable.write import write_paper
from tests.unit.syntax.readable.examples import SOURCE, finding, report, usual
from tests.unit.syntax.readable.filling import filled

PAGE = """<!DOCTYPE html>
<html lang="fr"><head><title>Facture 1</title><style>@page { size:A4 } p { color:#123 }</style>
</head><body><p>Été à Noël : 12,50 €</p></body></html>"""


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_page_is_printed_as_pdf_a_3(printer: WeasyPrinter) -> None:
    """A reader of the file finds the claim, the colours and whole fonts: what PDF/A-3 asks."""
    printed = printer.print(PAGE)

    with pikepdf.open(io.BytesIO(printed)) as pdf:
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
            assert metadata["dc:title"] == "Facture 1"
        intents = pdf.Root.OutputIntents
        assert isinstance(intents, pikepdf.Array)
        assert str(intents[0].S) == "/GTS_PDFA1"
        fonts = [each for each in pdf.objects if _type(each) == "/FontDescriptor"]
        assert fonts
        assert all(any(key.startswith("/FontFile") for key in font.keys()) for font in fonts)  # noqa: SIM118  # of a PDF object
        assert "/ID" in pdf.trailer
        assert "/Names" not in pdf.Root


def _type(each: pikepdf.Object) -> str:
    return str(each.get("/Type")) if isinstance(each, pikepdf.Dictionary) else ""


def test_the_same_page_gives_the_same_bytes(printer: WeasyPrinter) -> None:
    """So in another process, whatever was printed before: no clock and no chance is inside."""
    other = PAGE.replace("12,50", "99,99 ça")
    first = hashlib.sha256(printer.print(PAGE)).hexdigest()

    printer.print(other)
    again = hashlib.sha256(printer.print(PAGE)).hexdigest()
    elsewhere = _run(
        "import hashlib, os; from pipeline.adapters.printer import WeasyPrinter;"
        "print(hashlib.sha256(WeasyPrinter().print(os.environ['PAGE'])).hexdigest())",
        PAGE=PAGE,
        PYTHONHASHSEED="4711",
        SOURCE_DATE_EPOCH="1",
    )

    assert again == first
    assert elsewhere.stdout.strip() == first


@pytest.mark.parametrize(
    "asking",
    [
        '<img src="{}">',
        '<link rel="stylesheet" href="{}">',
        '<link rel="attachment" href="{}">',
        "<style>@import url({});</style>",
        "<style>@font-face {{ font-family:x; src:url({}) }} p {{ font-family:x }}</style>",
        '<p style="background:url({})">x</p>',
        '<object data="{}"></object>',
        '<svg><image href="{}" width="9" height="9"/></svg>',
        '<base href="{}"><img src="x.png">',
    ],
)
def test_nothing_is_fetched(printer: WeasyPrinter, tmp_path: Path, asking: str) -> None:
    """A page that asks for the network, or for a file of this machine, is printed without."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the key of the house")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        for target in (address, secret.as_uri()):
            wanted = PAGE.replace("</body>", asking.format(target) + "</body>")
            printed = printer.print(wanted)
            with pikepdf.open(io.BytesIO(printed)) as pdf:
                streams = [each for each in pdf.objects if isinstance(each, pikepdf.Stream)]
                held = b"".join(each.read_bytes() for each in streams if _type(each) != "/Font")
                assert b"the key of the house" not in held
                assert "/EmbeddedFiles" not in str(pdf.Root.get("/Names", ""))

        with pytest.raises(TimeoutError):
            listener.accept()


def test_an_invoice_of_many_lines_goes_on_over_pages(printer: WeasyPrinter) -> None:
    """And is the same file when it is printed again; style sheets are kept between pages."""
    view = build_view(usual(60), SOURCE, Language.FRENCH)

    printed = [printer.print(write_paper(view)) for _ in range(2)]

    assert printed[0] == printed[1]
    with pikepdf.open(io.BytesIO(printed[0])) as pdf:
        assert len(pdf.pages) >= 3
        assert str(pdf.docinfo["/Title"]) == "Facture FA-2026-0187"


def test_the_printer_knows_every_element_of_an_invoice() -> None:
    """One that it is not told of would run into the line of text before it."""
    lost = Lost(term=None, place="/Invoice/cbc:Note", value="x", why={"fr": "non", "en": "no"})
    found = report(finding("BT-112", None, "/Invoice"))
    page = write_paper(build_view(filled(), SOURCE, Language.FRENCH, found, [lost]))

    body = html.document_fromstring(page).find("body")
    assert body is not None

    used = {str(each.tag) for each in body.iter()}
    assert {"table", "li", "footer"} <= used
    assert used - {"a", "b", "span"} <= set(re.findall(r"[a-z0-9]+", DEFAULTS))


def test_a_machine_without_fonts_is_told_what_to_install(tmp_path: Path) -> None:
    """Without any font WeasyPrint would print boxes, and only warn."""
    bare = tmp_path / "fonts.conf"
    bare.write_text("<fontconfig/>")

    told = _run(
        "from pipeline.adapters.printer import WeasyPrinter; WeasyPrinter()",
        FONTCONFIG_FILE=str(bare),
    )

    assert "ConfigError" in told.stderr
    assert f"apt-get install {PACKAGES}" in told.stderr


@pytest.mark.parametrize("library", ["pango-1", "pangoft2", "harfbuzz-subset"])
def test_a_machine_without_a_library_is_told_what_to_install(library: str) -> None:
    """Whoever installs the package with pip alone lacks what Debian must bring."""
    told = _run(f"""
import cffi
known = cffi.FFI.dlopen
def dlopen(self, name, *flags):
    if {library!r} in name:
        raise OSError(f"cannot load library '{{name}}'")
    return known(self, name, *flags)
cffi.FFI.dlopen = dlopen
from pipeline.adapters.printer import WeasyPrinter
WeasyPrinter()
""")

    assert "ConfigError" in told.stderr
    assert f"apt-get install {PACKAGES}" in told.stderr
    assert not told.stdout


def test_nothing_loads_the_printer_before_it_is_needed() -> None:
    """The command line starts fast, and a judging worker stays small."""
    told = _run(
        "import sys; import pipeline.bootstrap, pipeline.entry.cli.show,"
        " pipeline.adapters.process_engine, pipeline.adapters.confined_printer;"
        "print([each for each in sys.modules if each.startswith(('weasyprint', 'jinja2'))])"
    )

    assert told.stdout.strip() == "[]", told.stderr
