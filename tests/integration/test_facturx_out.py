"""A Factur-X of ours, judged by the official rules of the profile it claims."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.configuration import read_profiles
from pipeline.adapters.packs import PackShelf
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.facturx import FacturxProfile
from pipeline.model.finding import Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.report import Judged, Syntax
from pipeline.ports.engine import Job
from pipeline.syntax.facturx_out import enclose

ROOT = Path(__file__).parents[2]
PROFILES = read_profiles(ROOT / "config" / "profiles.toml")
SAMPLES = sorted((ROOT / "samples" / "invoices").glob("cii-*.xml"))
#: What the norm lets pass and Factur-X EN 16931 does not: a buyer's SIRET beside its service.
SEVERAL_IDENTIFIERS = {"cii-380-service-destinataire": ["FX-SCH-A-000164"]}
AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)

Judge = Callable[[bytes], Judged]


@pytest.fixture(scope="module")
def page() -> bytes:
    """Print a page as PDF/A-3b."""
    import weasyprint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its colour profile open
        printed: bytes = weasyprint.HTML(string="<p>Facture").write_pdf(pdf_variant="pdf/a-3b")
    return printed


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge bytes in this process with the real packs."""
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    packs = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
    PackShelf(catalogue, packs).install()
    judge_job = document_judge(WorkerSettings(catalogue=catalogue, packs=packs))
    path = tmp_path_factory.mktemp("factur-x") / "document"

    def judge(data: bytes) -> Judged:
        path.write_bytes(data)
        return judge_job(Job(path=str(path), profile=PROFILES["auto"], limits=Limits()))

    return judge


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_clean_invoice_of_the_norm_is_a_valid_factur_x(
    judge: Judge, page: bytes, sample: Path
) -> None:
    """By structure, the norm and the profile's own rules."""
    made = enclose(page, sample.read_bytes(), FacturxProfile.EN16931, [], AT)

    report = judge(made).report

    fatal = [each.rule for each in report.findings if each.severity is Severity.FATAL]
    assert report.syntax is Syntax.FACTURX
    assert fatal == SEVERAL_IDENTIFIERS.get(sample.stem, [])
    assert report.outcome is (Outcome.INVALID if fatal else Outcome.VALID)
    assert "factur-x-en16931" in {run.name for run in report.packs}
