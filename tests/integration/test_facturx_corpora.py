"""Factur-X and ZUGFeRD files of others, through the whole of our judging."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.adapters.configuration import read_profiles
from pipeline.model.limits import Limits
from pipeline.model.report import Judged, Syntax
from pipeline.ports.engine import Job
from pipeline.syntax.facturx import open_facturx
from pipeline.syntax.pdfa import broken_clauses

pytestmark = pytest.mark.corpora

ROOT = Path(__file__).parents[2]
PROFILES = read_profiles(ROOT / "config" / "profiles.toml")

Judge = Callable[[Path], Judged]

#: What does not pass although its folder calls it good, and why: code lists and profiles
#: have moved on since it was written.
OUTDATED = {
    "zugferd_2p1_EN16931_ElektronischeAdresse.pdf": {"BR-CL-25", "FX-SCH-A-000571"},
    "zugferd_2p1_EXTENDED_InnergemeinschLieferungMehrereBestellungen.pdf": {"FX-SCH-A-000704"},
    "zugferd_2p1_MINIMUM_Buchungshilfe.pdf": {"XSD-UNEXPECTED"},
}


@pytest.fixture(scope="module")
def corpora() -> Path:
    """The folder of documents that this project did not write."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA names no folder of corpora")
    return Path(folder) / "factur-x"


@pytest.fixture(scope="module")
def judge(judge_job: Callable[[Job], Judged]) -> Judge:
    """Judge one file in this process with the real packs."""
    return lambda path: judge_job(Job(path=str(path), profile=PROFILES["auto"], limits=Limits()))


def fatal(judged: Judged) -> set[str]:
    return {each.rule for each in judged.report.findings if each.severity.value == "fatal"}


def test_every_invoice_is_taken_out(corpora: Path) -> None:
    """Whatever is wrong with it: what comes out is the XML as it was embedded."""
    paths = sorted(corpora.rglob("*.pdf"))

    invoices = [open_facturx(path.read_bytes(), Limits()).invoice for path in paths]

    assert len(invoices) >= 25
    assert all(b"CrossIndustryInvoice" in invoice for invoice in invoices)


@pytest.mark.parametrize("folder", ["minimum", "basic", "en16931", "extended"])
def test_a_good_file_is_valid_by_the_profile_it_claims(
    corpora: Path, judge: Judge, folder: str
) -> None:
    """Except for what the official packs of today refuse, rule by rule."""
    paths = sorted((corpora / folder).glob("*.pdf"))

    judged = {path.name: judge(path) for path in paths}

    assert judged
    assert {each.report.syntax for each in judged.values()} == {Syntax.FACTURX}
    assert all(each.report.trouble is None for each in judged.values())
    assert {name: fatal(each) for name, each in judged.items()} == {
        path.name: OUTDATED.get(path.name, set()) for path in paths
    }


def test_a_good_file_breaks_no_clause_of_pdf_a_3(corpora: Path) -> None:
    """Ours are held against the same clauses: none that others' good files break is made up.

    Document information that differs from the metadata broke part 1 of PDF/A; part 3 lets it.
    """
    paths = [
        path
        for name in ("minimum", "basic", "en16931", "extended")
        for path in sorted((corpora / name).glob("*.pdf"))
    ]

    broken = {
        path.name: {each.clause for each in broken_clauses(path.read_bytes())} for path in paths
    }

    assert len(paths) > 15
    assert all(clauses <= {"PDF/A-1 6.7.3"} for clauses in broken.values()), broken


def test_a_bad_file_is_refused_with_a_reason(corpora: Path, judge: Judge) -> None:
    """In its container, in its structure, or by a rule. One is no more than warned of.

    BASIC WL has only a report, no assertion, against the currencies that are repeated on
    each amount there: what refuses its neighbours by CII-DT-031.
    """
    paths = [*sorted((corpora / "fail").iterdir()), *sorted((corpora / "fr-dated-fail").iterdir())]

    judged = {path.name: judge(path) for path in paths}

    passed = [name for name, each in judged.items() if not fatal(each)]
    assert passed == ["Avoir_FR_type381_BASICWL.pdf"]
    assert all(list(each.report.findings) for each in judged.values())
    assert all(each.report.trouble is None for each in judged.values())
