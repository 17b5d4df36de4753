"""A Factur-X of ours, judged by the official rules of the profile it claims."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from facturx import get_xml_from_pdf

from pipeline.adapters.configuration import read_profiles
from pipeline.adapters.packs import PackShelf
from pipeline.adapters.printer import WeasyPrinter
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.conversion import Reading
from pipeline.model.facturx import FacturxProfile, Relationship
from pipeline.model.finding import Outcome, Severity
from pipeline.model.invoice import Binary
from pipeline.model.labels import Language
from pipeline.model.limits import Limits
from pipeline.model.report import Judged, Syntax, ValidationReport
from pipeline.ports.engine import Job
from pipeline.syntax import cii, ubl
from pipeline.syntax.facturx import open_facturx
from pipeline.syntax.facturx_out import Enclosure, write_facturx
from pipeline.syntax.parse import parse
from pipeline.syntax.readable.build import Source, build_view
from pipeline.syntax.readable.write import write_paper
from pipeline.syntax.recognise import recognise

ROOT = Path(__file__).parents[2]
PROFILES = read_profiles(ROOT / "config" / "profiles.toml")
SAMPLES = {path.stem: path for path in sorted((ROOT / "samples" / "invoices").glob("*.xml"))}
AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
#: Each of these has something that few others have.
TELLING = (
    "cii-380-service-destinataire",
    "cii-380-toutes-references",
    "ubl-380-arrondi",
    "ubl-380-toutes-references",
    "ubl-380-trois-pieces-jointes",
    "ubl-381-avoir",
)
#: Below EN 16931 the rounding (BT-114) is lost, which was part of a sum.
ROUNDED = {"cii-380-acompte-et-arrondi", "ubl-380-arrondi"}
WITHOUT_ROUNDING = {FacturxProfile.BASIC_WL, FacturxProfile.BASIC}
#: What Factur-X asks for beyond what the source's own rules did.
KNOWN = {
    # VAT category B, of Italy alone
    ("FT G2G_TD01 con Allegato, Bonifico e Split Payment.xml", "en16931"): [
        "FX-SCH-A-000587",
        "FX-SCH-A-000619",
    ],
    # BT-6 is the currency of the invoice itself: CII cannot say the amount (BT-111) twice
    ("sample-discount-price.xml", "en16931"): ["BR-53", "BR-53"],
    ("sample-discount-price.xml", "extended"): ["BR-53"],
    # a credit note without a day to pay it by: only UBL tells it from an invoice there
    ("ubl-tc434-creditnote1.xml", "extended"): ["BR-CO-25"],
    # no VAT amount (BT-110) in all the invoice
    ("CII_example7.xml", "extended"): ["BR-FXEXT-CO-15"],
    ("XRechnung-O.xml", "extended"): ["BR-FXEXT-CO-15", "FX-SCH-A-000855"],
    # a VATEX code in lower case
    ("XRechnung-O.xml", "en16931"): ["FX-SCH-A-000589"],
}

Judge = Callable[[bytes], Judged]


@pytest.fixture(scope="module")
def printer() -> WeasyPrinter:
    """The printer of pages."""
    return WeasyPrinter()


@pytest.fixture(scope="module")
def page(printer: WeasyPrinter) -> bytes:
    """A page that says little: what it says is for another test."""
    return printer.print("<p>Facture</p>")


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


def read(data: bytes) -> Reading:
    root = parse(data, Limits())
    reader = cii.read_invoice if recognise(root) is Syntax.CII else ubl.read_invoice
    return reader(root)


def told(report: ValidationReport) -> tuple[Outcome, list[str]]:
    fatal = [each.rule for each in report.findings if each.severity is Severity.FATAL]
    return (report.outcome, fatal)


def check(judge: Judge, page: bytes, name: str, data: bytes) -> None:
    """Write an invoice in every profile and have it judged by what it claims."""
    invoice = read(data).invoice
    for profile in FacturxProfile:
        made = write_facturx(page, invoice, profile, AT)
        report = judge(made.payload).report

        rounded = name in ROUNDED and profile in WITHOUT_ROUNDING
        assert report.syntax is Syntax.FACTURX
        assert f"factur-x-{profile.value.replace('-', '')}" in {run.name for run in report.packs}
        assert set(told(report)[1]) == ({"BR-CO-16"} if rounded else set()), (name, profile)
        assert report.outcome is (Outcome.INVALID if rounded else Outcome.VALID)
        assert not rounded or "BT-114" in {each.term for each in made.lost}


@pytest.mark.parametrize("name", TELLING)
def test_a_clean_invoice_is_valid_in_every_profile(judge: Judge, page: bytes, name: str) -> None:
    """By the structure and the rules of the profile, and by the norm where that binds it."""
    check(judge, page, name, SAMPLES[name].read_bytes())


@pytest.mark.slow
def test_every_clean_invoice_is_valid_in_every_profile(judge: Judge, page: bytes) -> None:
    """Of all samples."""
    for name, path in SAMPLES.items():
        check(judge, page, name, path.read_bytes())


@pytest.mark.slow
@pytest.mark.corpora
@pytest.mark.parametrize(
    "folder", ["en16931/examples-ubl", "en16931/examples-cii", "xml-rechnung"]
)
def test_every_clean_invoice_of_others_is_a_valid_factur_x(
    judge: Judge, page: bytes, folder: str
) -> None:
    """At the norm's profile and at the extended one."""
    corpora = os.environ.get("EDI_CORPORA")
    if not corpora:
        pytest.skip("EDI_CORPORA names no folder of corpora")
    broken, seen = {}, 0
    for path in sorted((Path(corpora) / folder).rglob("*.xml")):
        data = path.read_bytes()
        if judge(data).report.outcome is not Outcome.VALID:
            continue
        seen += 1
        for profile in (FacturxProfile.EN16931, FacturxProfile.EXTENDED):
            made = write_facturx(page, read(data).invoice, profile, AT)
            outcome, fatal = told(judge(made.payload).report)
            if outcome is not Outcome.VALID:
                broken[path.name, profile.value] = fatal

    assert seen
    assert broken == {each: rules for each, rules in KNOWN.items() if each in broken}


@pytest.mark.parametrize("name", ["ubl-380-longue", "cii-380-pieces-jointes"])
def test_the_readable_invoice_makes_its_page(
    printer: WeasyPrinter, judge: Judge, name: str
) -> None:
    """What people read and what machines read, in one file; each file of it is found again."""
    data = SAMPLES[name].read_bytes()
    invoice = read(data).invoice
    shown = Source(
        sha256=sha256(data).hexdigest(), size=len(data), name=name, syntax="ubl-invoice"
    )
    html = write_paper(build_view(invoice, shown, Language.FRENCH, None))
    original = Enclosure(
        file=Binary(data, "application/xml", f"{name}.xml"), relationship=Relationship.SOURCE
    )

    made = write_facturx(printer.print(html), invoice, FacturxProfile.EN16931, AT, [original])

    opened = open_facturx(made.payload, Limits())
    attached = [each.attachment for each in invoice.supports if each.attachment]
    assert made.lost == ()
    assert judge(made.payload).report.outcome is Outcome.VALID
    assert read(opened.invoice) == Reading(invoice)
    assert get_xml_from_pdf(made.payload, check_xsd=True) == ("factur-x.xml", opened.invoice)
    assert [each.read() for each in opened.others] == [*(each.content for each in attached), data]
