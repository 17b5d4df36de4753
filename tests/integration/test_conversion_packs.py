"""What is converted is clean under the official packs of its new syntax."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from pipeline.adapters.packs import PackShelf
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.finding import Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.ports.engine import Job
from pipeline.syntax import cii, ubl
from tests.invoices import SAMPLES, invoices_in

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROFILES = {
    "EN 16931": Profile(name="en16931", packs={"ubl": ("en16931-ubl",), "cii": ("en16931-cii",)}),
    "BR-FR": Profile(
        name="br-fr",
        packs={"ubl": ("br-fr-flux2-ubl",), "cii": ("br-fr-flux2-cii",)},
    ),
}

#: Every rule that a conversion breaks though its source was clean, and why.
EXCEPTIONS = {
    # The norm admits one identifier of the buyer (BT-46). The pack for CII lets several pass,
    # as the French extension does; the pack for UBL counts them.
    ("cii-380-service-destinataire.xml", "UBL-SR-16"),
    # The source states the currency of VAT accounting (BT-6), and it is that of the invoice.
    # The pack for UBL lets that pass, the one for CII does not.
    ("sample-discount-price.xml", "BR-53"),
}

Judge = Callable[[bytes, str], Judged]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge bytes in this process with a real pack, named as in `PROFILES`."""
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    packs = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
    PackShelf(catalogue, packs).install()
    judge_job = document_judge(WorkerSettings(catalogue=catalogue, packs=packs))
    path = tmp_path_factory.mktemp("converted") / "document"

    def judge(data: bytes, profile: str) -> Judged:
        path.write_bytes(data)
        return judge_job(Job(path=str(path), profile=PROFILES[profile], limits=Limits()))

    return judge


def broken(judged: Judged) -> set[str]:
    """Return the rules that refuse a document; the layer where it is refused without a rule."""
    layers = {
        result.layer.value
        for result in judged.report.layers
        if result.outcome not in (Outcome.VALID, Outcome.SKIPPED)
    }
    fatal = {each.rule for each in judged.report.findings if each.severity is Severity.FATAL}
    return fatal or layers


def converted(name: str, root: etree._Element, judge: Judge, pack: str) -> set[tuple[str, str]]:
    """Return what is broken in both syntaxes of a document that is clean itself."""
    if broken(judge(etree.tostring(root), pack)):
        return set()
    module = cii if str(root.tag) == f"{{{cii.RSM}}}CrossIndustryInvoice" else ubl
    invoice = module.read_invoice(root).invoice
    return {
        (name, rule)
        for target in (ubl, cii)
        for rule in broken(judge(target.write_invoice(invoice).payload, pack))
    }


@pytest.mark.parametrize("pack", PROFILES)
def test_our_samples_stay_clean(judge: Judge, pack: str) -> None:
    """Nobody who sent a good invoice is to blame for what became of it on the way."""
    found: set[tuple[str, str]] = set()
    for name, root in invoices_in(SAMPLES):
        found |= converted(name, root, judge, pack)

    assert found <= EXCEPTIONS


@pytest.mark.corpora
def test_the_corpora_stay_clean(judge: Judge) -> None:
    """Nor who sent one of the documents of others."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA is not set: no corpora here")
    found: set[tuple[str, str]] = set()
    for name, root in invoices_in(Path(folder)):
        found |= converted(name, root, judge, "EN 16931")

    assert found <= EXCEPTIONS
