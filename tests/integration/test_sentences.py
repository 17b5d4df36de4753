"""Every rule of every installed pack, as it is told to people."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from pipeline.adapters.packs import PackShelf
from pipeline.adapters.sentences import read_sentences
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.finding import Finding, Layer
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.sentences import Sentences
from pipeline.ports.engine import Job
from pipeline.syntax import cii, ubl
from pipeline.validate.svrl import read_svrl

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
CATALOGUE = (CONFIG / "packs.toml").read_text(encoding="utf-8")
SENTENCES = (CONFIG / "sentences.toml").read_text(encoding="utf-8")
PACKS = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
PROFILE = Profile(name="auto", packs={"ubl": ("en16931-ubl",), "cii": ("en16931-cii",)})
NAMES = {**ubl.NAMESPACES, **cii.NAMESPACES}

RULE_PACKS = [
    name for name, pack in tomllib.loads(CATALOGUE)["packs"].items() if pack["kind"] == "rules"
]
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
XSL = "{http://www.w3.org/1999/XSL/Transform}"

Judge = Callable[[etree._Element], list[Finding]]


@pytest.fixture(scope="module")
def shelf() -> PackShelf:
    """The packs, the one that is not packaged fetched if need be."""
    found = PackShelf(CATALOGUE, PACKS)
    found.install()
    return found


@pytest.fixture(scope="module")
def judge(shelf: PackShelf, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge one document in this process with the real packs and the shipped sentences."""
    assert shelf.path("en16931-ubl").is_file()
    ask = document_judge(WorkerSettings(catalogue=CATALOGUE, packs=PACKS, sentences=SENTENCES))
    path = tmp_path_factory.mktemp("judged") / "invoice.xml"

    def judge_root(root: etree._Element) -> list[Finding]:
        path.write_bytes(etree.tostring(root))
        layers = frozenset({Layer.SEMANTICS})
        job = Job(path=str(path), profile=PROFILE, limits=Limits(), layers=layers)
        return list(ask(job).report.findings)

    return judge_root


@pytest.mark.parametrize("pack", RULE_PACKS)
def test_every_rule_of_a_pack_is_said_in_both_languages(shelf: PackShelf, pack: str) -> None:
    """A pack that is renewed may bring rules that nobody has a sentence for: this says which."""
    entries = list(said_by(shelf.path(pack)))

    told = list(read_svrl(output_of(entries), etree.Element("x"), PROFILE, sentences()))

    assert len(told) == shelf.pack(pack).rules
    assert [
        (one.rule, one.message)
        for one in told
        if one.message["fr"].startswith("[en]") or one.message["en"].startswith("[fr]")
    ] == []
    assert all(one.message["fr"] and one.message["en"] for one in told)
    assert not [one for one in told if "{" in one.message["fr"].replace("{…}", "")]


#: A total, where it stands, and the rule that looks at it.
TOTALS = [
    ("ubl-380-remise-document.xml", "cac:LegalMonetaryTotal/cbc:LineExtensionAmount", "BR-CO-10"),
    ("ubl-380-remise-document.xml", "cac:LegalMonetaryTotal/cbc:AllowanceTotalAmount", "BR-CO-11"),
    ("ubl-380-frais-de-port.xml", "cac:LegalMonetaryTotal/cbc:ChargeTotalAmount", "BR-CO-12"),
    ("ubl-380-remise-document.xml", "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", "BR-CO-13"),
    ("ubl-380-quatre-taux.xml", "cac:TaxTotal/cbc:TaxAmount", "BR-CO-14"),
    ("ubl-380-remise-document.xml", "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", "BR-CO-15"),
    ("ubl-380-acompte-deduit.xml", "cac:LegalMonetaryTotal/cbc:PayableAmount", "BR-CO-16"),
    ("ubl-380-quatre-taux.xml", "//cac:TaxSubtotal[3]/cbc:TaxAmount", "BR-CO-17"),
    ("ubl-380-quatre-taux.xml", "//cac:TaxSubtotal[2]/cbc:TaxableAmount", "BR-S-08"),
    ("ubl-380-quatre-taux.xml", "//cac:TaxSubtotal[2]/cbc:TaxAmount", "BR-S-09"),
    ("ubl-380-sante-exoneree.xml", "//cac:TaxSubtotal/cbc:TaxableAmount", "BR-E-08"),
    ("ubl-380-sante-exoneree.xml", "//cac:TaxSubtotal/cbc:TaxAmount", "BR-E-09"),
    ("ubl-380-sante-exoneree.xml", "//cac:ClassifiedTaxCategory/cbc:Percent", "BR-E-05"),
    ("ubl-380-intracommunautaire.xml", "//cac:TaxSubtotal/cbc:TaxableAmount", "BR-IC-08"),
    ("cii-380-deux-taux-remise.xml", "//ram:GrandTotalAmount", "BR-CO-15"),
    ("cii-380-deux-taux-remise.xml", "//ram:DuePayableAmount", "BR-CO-16"),
    ("cii-380-deux-taux-remise.xml", "//ram:TaxTotalAmount", "BR-CO-14"),
    ("cii-380-deux-taux-remise.xml", "//ram:TaxBasisTotalAmount", "BR-CO-13"),
    ("cii-380-deux-taux-remise.xml", "//ram:ChargeTotalAmount", "BR-CO-12"),
    ("cii-380-deux-taux-remise.xml", "//ram:AllowanceTotalAmount", "BR-CO-11"),
    ("cii-380-deux-taux-remise.xml", "//ram:ApplicableTradeTax[2]/ram:BasisAmount", "BR-S-08"),
    (
        "cii-380-deux-taux-remise.xml",
        "//ram:ApplicableTradeTax[2]/ram:CalculatedAmount",
        "BR-CO-17",
    ),
    ("cii-380-formation-exoneree.xml", "//ram:CalculatedAmount", "BR-E-09"),
]


@pytest.mark.parametrize(("name", "path", "rule"), TOTALS)
def test_what_is_expected_makes_the_rule_hold(
    judge: Judge, name: str, path: str, rule: str
) -> None:
    """The official rule is the oracle: broken by another amount, whole by the one we tell."""
    root = etree.parse(ROOT / "samples" / "invoices" / name).getroot()
    found = root.xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    amount = found[0]
    assert isinstance(amount, etree._Element)
    amount.text = "7.77"

    broken = [one for one in judge(root) if one.rule == rule]

    assert [one.value for one in broken] == ["7.77"]
    assert broken[0].expected is not None
    assert "7,77" in broken[0].message["fr"]
    amount.text = broken[0].expected
    assert rule not in {one.rule for one in judge(root)}


def sentences() -> Sentences:
    """Read the shipped sentences."""
    return read_sentences(SENTENCES)


def said_by(pack: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the words of every assertion and report of a compiled pack."""
    for entry in etree.parse(pack).iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"):
        words = entry.find(f"{SVRL}text")
        assert words is not None
        given = [
            str(each.xpath("string()"))
            for each in entry.iterchildren(f"{XSL}attribute")
            if each.get("name") == "id"
        ]
        for value in words.iter(f"{XSL}value-of"):
            value.text = "X"
        yield (given[0].strip() if given else entry.get("id") or ""), str(words.xpath("string()"))


def output_of(entries: list[tuple[str, str]]) -> etree._Element:
    """Write an SVRL in which all of them fail."""
    output = etree.Element(f"{SVRL}schematron-output")
    for name, words in entries:
        entry = etree.SubElement(output, f"{SVRL}failed-assert", {"id": name} if name else {})
        etree.SubElement(entry, f"{SVRL}text").text = words
    return output
