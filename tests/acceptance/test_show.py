"""`edi show`: an invoice as people read it, from a file or from what the hub received."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import pikepdf
import pytest

from pipeline.route.pack import pack_tar_gz

ROOT = Path(__file__).resolve().parents[2]
INVOICES = ROOT / "samples" / "invoices"
BROKEN = ROOT / "samples" / "broken"
GOOD = INVOICES / "ubl-380-toutes-references.xml"

Edi = Callable[..., Any]


def test_a_file_is_shown_as_text_with_what_the_checks_find(edi: Edi) -> None:
    """By default in French, on the terminal, and judged."""
    shown = edi("show", str(GOOD))

    assert (shown.code, shown.err) == (0, "")
    assert "Facture F26-0026" in shown.out
    assert "Contrôlé : aucune anomalie bloquante." in shown.out
    assert "= 1\u202f360,80" in shown.out
    assert "l'original fait foi" in shown.out


def test_a_file_that_is_not_there_is_said_to_be_none(edi: Edi) -> None:
    """Whoever mistypes a name is not sent to make a workspace."""
    shown = edi("show", "factrue.xml")

    assert shown.code == 2
    assert "factrue.xml: aucun fichier de ce nom" in shown.err
    assert "/ no such file" in shown.err


def test_a_page_is_written_to_a_new_file_by_its_name(edi: Edi, tmp_path: Path) -> None:
    """Never over a file that is there, nor through a link."""
    page = tmp_path / "facture.html"

    first = edi("show", str(GOOD), "--lang", "en", "--no-findings", "-o", str(page))
    again = edi("show", str(GOOD), "--no-findings", "-o", str(page))

    assert (first.code, again.code) == (0, 2)
    assert '<html lang="en">' in page.read_text(encoding="utf-8")
    assert "facture.html" in again.err


@pytest.mark.usefixtures("printer")
def test_a_pdf_is_printed(edi: Edi, tmp_path: Path) -> None:
    """PDF/A-3, from the command line and without a workspace."""
    made = tmp_path / "facture.pdf"

    shown = edi("show", str(INVOICES / "cii-381-avoir.xml"), "--no-findings", "-o", str(made))

    assert shown.code == 0, shown.err
    with pikepdf.open(made) as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "3B"
        assert metadata["dc:title"].startswith("Avoir")


@pytest.mark.usefixtures("printer")
@pytest.mark.parametrize(
    "asked",
    [
        ("show", "--no-findings", "--pdf"),
        ("convert", "--to", "factur-x"),
    ],
)
def test_a_page_that_takes_too_long_is_told_in_one_line(
    edi: Edi, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    """It names the setting that allows more, and nothing is made."""
    made = tmp_path / "facture.pdf"
    settings = tmp_path / "home" / "config" / "pipeline.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("print_limit_s = 0.01\n", encoding="utf-8")

    shown = edi(*asked, str(GOOD), "-o", str(made), EDI_HOME=str(tmp_path / "home"))

    assert shown.code == 2
    assert "print_limit_s" in shown.err
    assert "Traceback" not in shown.err
    assert not made.exists()


def test_an_invoice_that_breaks_its_schema_is_shown_with_its_findings(
    edi: Edi, tmp_path: Path
) -> None:
    """Who has to mend it must see it."""
    broken = tmp_path / "x.xml"
    text = GOOD.read_text(encoding="utf-8")
    broken.write_text(
        text.replace("<cbc:IssueDate>", "<cbc:IssueDate>not-").replace(
            "<cbc:DueDate>", "<cbc:Nothing/><cbc:DueDate>"
        ),
        encoding="utf-8",
    )

    shown = edi("show", str(broken))

    assert shown.code == 0, shown.err
    assert "Contrôlé : anomalies bloquantes." in shown.out
    assert "Papeterie Durand SAS" in shown.out
    assert "CONSTATS DU CONTRÔLE" in shown.out


@pytest.mark.parametrize("name", ["billion-laughs.xml", "unknown-root.xml"])
def test_what_cannot_be_read_is_answered_clearly(edi: Edi, name: str) -> None:
    """One line in both languages, no traceback, exit code 2."""
    (path,) = BROKEN.rglob(name)

    shown = edi("show", str(path), "--html")

    assert shown.code == 2
    assert "Traceback" not in shown.err
    assert name in shown.err
    assert " / " in shown.err
    assert not shown.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lang", "de"), "langue / language: fr, en"),
        (("--json",), "--json"),
        (("--document", "other.xml"), "pas dans ce fichier"),
    ],
)
def test_what_cannot_be_done_is_said(edi: Edi, arguments: tuple[str, ...], said: str) -> None:
    """The message names what there is."""
    shown = edi("show", str(GOOD), *arguments)

    assert shown.code == 2
    assert said in shown.err


def test_of_several_documents_one_is_named(edi: Edi, tmp_path: Path) -> None:
    """An archive is opened as a flow would be."""
    flow = tmp_path / "lot.tar.gz"
    other = INVOICES / "ubl-381-avoir.xml"
    flow.write_bytes(pack_tar_gz([("a.xml", GOOD.read_bytes()), ("b.xml", other.read_bytes())]))

    asked = edi("show", str(flow), "--no-findings")
    shown = edi("show", str(flow), "--no-findings", "--document", "b.xml")

    assert asked.code == 2
    assert "a.xml, b.xml" in asked.err
    assert shown.code == 0
    assert shown.out.startswith("Avoir")


def test_standard_input_is_a_file_too(edi: Edi) -> None:
    """As for the other verbs that read files."""
    shown = edi("show", "-", "--no-findings", stdin=GOOD.read_bytes())

    assert shown.code == 0
    assert "F26-0026" in shown.out


def test_a_document_of_the_hub_is_shown_from_its_original(world: Any, samples: ModuleType) -> None:
    """What the hub found then stands beside it; nothing is judged again."""
    invoice = samples.billed_to(samples.BY_KEY["ubl-380-fournitures"], samples.VILLE, "SHOW-1")
    inbox = world.folders["caterer"] / "in" / "show.xml"
    inbox.write_bytes(samples.to_ubl(invoice))
    world.edi("run", "--once")
    (row,) = [each for each in world.edi("documents", "--json").json if each["number"] == "SHOW-1"]

    known = world.edi("show", row["id"])
    page = world.edi("show", row["id"], "--html")
    flow = world.edi("show", row["id"].rpartition("-")[0], "--html")

    assert flow.out == page.out
    assert known.code == page.code == 0, page.err
    assert "step" in known.out
    plain = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page.out)))
    assert "SHOW-1" in plain
    assert "Contrôlé" in plain
    assert "show.xml" in plain


def test_an_id_that_is_neither_file_nor_document_is_unknown(edi: Edi) -> None:
    """As before."""
    edi("init")

    assert edi("show", "nothing-of-the-kind").code == 2
    assert "nothing-of-the-kind" in edi("show", "nothing-of-the-kind", "--html").err
