"""Judging one document, the rule packs played by a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from lxml import etree

from pipeline.model.errors import EngineError, PackMissing, ScannerSilent
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import AttachmentRules, Base, Claim, Profile
from pipeline.model.report import Judged, PackRun, Syntax, Trouble
from pipeline.validate.attached import Scan
from pipeline.validate.judge import Artefacts, Question, judge_document
from pipeline.validate.render import report_object

SAMPLES = Path(__file__).parents[3] / "samples"
UBL = (SAMPLES / "invoices" / "ubl-380-une-ligne.xml").read_bytes()
CREDIT_NOTE = (SAMPLES / "invoices" / "ubl-381-avoir.xml").read_bytes()
CII = (SAMPLES / "invoices" / "cii-380-fournitures.xml").read_bytes()
ATTACHED = (SAMPLES / "invoices" / "ubl-380-pdf-joint.xml").read_bytes()

CLEAN = '<s:schematron-output xmlns:s="http://purl.oclc.org/dsdl/svrl"/>'
BROKEN = CLEAN.replace("/>", ">") + (
    '<s:failed-assert id="BR-02" flag="fatal" location="/"><s:text>[BR-02]-No number (BT-1)'
    "</s:text></s:failed-assert></s:schematron-output>"
)
ANYTHING = etree.XMLSchema(
    etree.fromstring(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'targetNamespace="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">'
        '<xs:element name="Invoice"/></xs:schema>'
    )
)

ANY_ROOT = etree.XMLSchema(
    etree.fromstring(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="'
        'urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100">'
        '<xs:element name="CrossIndustryInvoice"/></xs:schema>'
    )
)

RunPack = Callable[[str, str], tuple[str, PackRun]]
Judge = Callable[..., Judged]


def run(name: str) -> PackRun:
    return PackRun(name, "1.3.16", "ab" * 32, 979)


def packs(outputs: Mapping[str, str | Exception]) -> RunPack:
    def run_pack(name: str, text: str) -> tuple[str, PackRun]:
        assert text.startswith("<")
        output = outputs[name]
        if isinstance(output, Exception):
            raise output
        return output, run(name)

    return run_pack


def judge(
    data: bytes,
    outputs: Mapping[str, str | Exception] | None = None,
    *,
    layers: frozenset[Layer] = frozenset(Layer),
    syntaxes: tuple[Syntax, ...] = (),
    weigh_all: Severity | None = None,
    run_pack: RunPack | None = None,
) -> Judged:
    """Judge against a schema that takes any UBL invoice, and packs that say `outputs`."""
    outputs = {"one": CLEAN} if outputs is None else outputs
    profile = Profile(
        name="p", packs={"ubl": tuple(outputs), "cii": tuple(outputs)}, weigh_all=weigh_all
    )
    question = Question(profile=profile, limits=Limits(), layers=layers, syntaxes=syntaxes)
    artefacts = Artefacts(
        schema=lambda _: ANYTHING,
        explainer=lambda _: pytest.fail("nothing to explain"),
        run_pack=run_pack or packs(outputs),
    )
    return judge_document(data, question, artefacts)


def judge_as(
    data: bytes, profile: Profile, outputs: Mapping[str, str], scan: Scan | None = None
) -> tuple[Judged, list[str]]:
    """Judge under a profile; return what was said, and which artefacts were asked for."""
    asked: list[str] = []

    def schema(name: str) -> etree.XMLSchema:
        asked.append(name)
        return ANY_ROOT

    def run_pack(name: str, text: str) -> tuple[str, PackRun]:  # noqa: ARG001  # the port's signature
        asked.append(name)
        return outputs.get(name, CLEAN), run(name)

    artefacts = Artefacts(
        schema=schema,
        explainer=lambda _: pytest.fail("nothing to explain"),
        run_pack=run_pack,
        scan=scan,
    )
    return judge_document(data, Question(profile=profile, limits=Limits()), artefacts), asked


def outcomes(judged: Judged) -> str:
    return " ".join(result.outcome.value for result in judged.report.layers)


def test_a_good_document_is_valid_and_names_what_judged_it() -> None:
    """Valid is said with every pack that ran, and nothing is said of the profile layer."""
    judged = judge(UBL, {"one": CLEAN, "two": CLEAN})

    assert outcomes(judged) == "valid valid valid skipped"
    assert judged.report.outcome is Outcome.VALID
    assert judged.report.packs == (run("one"), run("two"))
    assert (judged.report.syntax, judged.report.partial) == (Syntax.UBL_INVOICE, False)
    assert (judged.header.number, judged.header.type_code) == ("F26-0002", "380")


@pytest.mark.parametrize(
    ("outputs", "semantics", "trouble", "ran"),
    [
        ({"one": PackMissing("one", "gone")}, "unclear", Trouble.PACK_MISSING, ()),
        ({"one": EngineError("boom")}, "unclear", Trouble.PACK_ERROR, ()),
        ({"one": "not svrl"}, "unclear", Trouble.PACK_ERROR, ()),
        ({"one": CLEAN, "two": EngineError("boom")}, "unclear", Trouble.PACK_ERROR, ("one",)),
        ({"one": BROKEN, "two": EngineError("boom")}, "invalid", Trouble.PACK_ERROR, ("one",)),
        (
            {"one": PackMissing("one", "x"), "two": BROKEN},
            "invalid",
            Trouble.PACK_MISSING,
            ("two",),
        ),
        ({"one": BROKEN}, "invalid", None, ("one",)),
    ],
)
def test_valid_is_said_only_when_every_pack_has_run(
    outputs: Mapping[str, str | Exception],
    semantics: str,
    trouble: Trouble | None,
    ran: tuple[str, ...],
) -> None:
    """What is fatal already stays fatal; what could not be looked at is never passed."""
    judged = judge(UBL, outputs)

    assert judged.report.result(Layer.SEMANTICS).outcome.value == semantics
    assert judged.report.trouble is trouble
    assert judged.report.packs == tuple(map(run, ran))


def test_a_missing_schema_is_our_trouble() -> None:
    """Structure is unclear, nothing above it runs, and the message names the schema."""

    def missing(_: str) -> etree.XMLSchema:
        raise PackMissing("ubl-xsd", "edi packs install")

    artefacts = Artefacts(
        schema=missing,
        explainer=lambda _: pytest.fail("nothing to explain"),
        run_pack=packs({"one": CLEAN}),
    )
    profile = Profile(name="p", packs={"ubl": ("one",)})
    judged = judge_document(UBL, Question(profile=profile, limits=Limits()), artefacts)

    assert outcomes(judged) == "valid unclear skipped skipped"
    assert judged.report.trouble is Trouble.PACK_MISSING
    assert judged.report.trouble_detail == "ubl-xsd: edi packs install"


def test_what_is_not_xml_stops_at_syntax_with_the_parsers_code() -> None:
    """The parser's refusal is a finding like any other."""
    judged = judge(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')

    assert outcomes(judged) == "invalid skipped skipped skipped"
    assert [(f.rule, f.line) for f in judged.report.findings] == [("XML-DTD", 1)]
    assert judged.report.syntax is None


@pytest.mark.parametrize(
    "layers", [frozenset(Layer), frozenset({Layer.SEMANTICS})], ids=["all", "semantics"]
)
@pytest.mark.parametrize(
    ("data", "syntaxes", "rule"),
    [
        (b"<quote/>", (), "SYNTAX-UNKNOWN"),
        (CREDIT_NOTE, (Syntax.UBL_INVOICE, Syntax.CII), "SYNTAX-NOT-AGREED"),
        (CII, (Syntax.UBL_INVOICE,), "SYNTAX-NOT-AGREED"),
    ],
)
def test_a_syntax_that_may_not_come_here_is_refused_whatever_is_asked(
    data: bytes, syntaxes: tuple[Syntax, ...], rule: str, layers: frozenset[Layer]
) -> None:
    """No rule pack is run on what was never agreed."""
    judged = judge(data, syntaxes=syntaxes, layers=layers)

    assert outcomes(judged) == "valid invalid skipped skipped"
    assert [f.rule for f in judged.report.findings] == [rule]


@pytest.mark.parametrize(
    ("data", "fr", "en"),
    [
        (b"<CPPFactureMixte/>", "seul son nom est publié", "nothing but its name is published"),
        (b'<x:CPPFactureMixte xmlns:x="urn:x"/>', "UBL 2.1, en CII ou en Factur-X", "Factur-X"),
        (b"<CPPFacturePivot/>", "non un dépôt", "not what a supplier sends"),
        (b"<CPPStatut/>", "porte des statuts", "carries statuses"),
        (b"<quote/>", "quote n'est ni", "quote is no UBL 2.1"),
    ],
)
def test_a_format_that_is_no_deposit_here_is_called_by_its_name(
    data: bytes, fr: str, en: str
) -> None:
    """Who sends a known format that is not served learns that, and what to send instead."""
    (finding,) = judge(data).report.findings

    assert finding.rule == "SYNTAX-UNKNOWN"
    assert fr in finding.message["fr"]
    assert en in finding.message["en"]


def test_a_refused_syntax_can_still_be_answered_by_its_number() -> None:
    """The header is read from whatever is recognised."""
    judged = judge(CREDIT_NOTE, syntaxes=(Syntax.CII,))

    assert judged.report.syntax is Syntax.UBL_CREDIT_NOTE
    assert judged.header.number is not None


def test_semantics_alone_runs_on_what_no_schema_takes() -> None:
    """The official rule files are fragments; the report says that it is partial."""
    fragment = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'

    judged = judge(fragment, {"one": BROKEN}, layers=frozenset({Layer.SEMANTICS}))

    assert outcomes(judged) == "valid skipped invalid skipped"
    assert judged.report.partial


def test_a_profile_that_only_warns_lets_a_broken_document_pass_with_findings() -> None:
    """Historical flows hear of EN 16931, but are not refused by it."""
    judged = judge(UBL, {"one": BROKEN}, weigh_all=Severity.WARNING)

    assert judged.report.outcome is Outcome.VALID
    assert [f.severity for f in judged.report.findings] == [Severity.WARNING]


def test_a_rule_pack_never_sees_an_attachments_bytes() -> None:
    """They cost seconds and no rule reads them; the document itself is left alone."""
    seen: list[str] = []

    def run_pack(name: str, text: str) -> tuple[str, PackRun]:
        seen.append(text)
        return CLEAN, run(name)

    data = ATTACHED.replace(
        b"</cbc:EmbeddedDocumentBinaryObject>",
        b"A" * 40_000 + b"</cbc:EmbeddedDocumentBinaryObject>",
    )
    judged = judge(data, run_pack=run_pack)

    assert judged.report.outcome is Outcome.VALID
    assert len(seen[0]) < len(data) - 30_000


def test_one_document_gives_one_report_byte_for_byte() -> None:
    """Reports are compared, stored and signed."""
    once, twice = (
        json.dumps(report_object("a.xml", None, judge(UBL, {"one": BROKEN}))) for _ in range(2)
    )

    assert once == twice


def test_the_report_object_has_the_promised_shape() -> None:
    """``edi validate --format json`` prints it; scripts depend on every key."""
    assert report_object("in/a.tar.gz", "a.xml", judge(UBL, {"one": BROKEN})) == {
        "path": "in/a.tar.gz",
        "document": "a.xml",
        "syntax": "ubl-invoice",
        "outcome": "invalid",
        "partial": False,
        "profile": "p",
        "agreement": None,
        "layers": [
            {"layer": "syntax", "outcome": "valid"},
            {"layer": "structure", "outcome": "valid"},
            {"layer": "semantics", "outcome": "invalid"},
            {"layer": "profile", "outcome": "skipped"},
        ],
        "registration": None,
        "packs": [{"name": "one", "version": "1.3.16", "sha256": "ab" * 32, "rules": 979}],
        "findings": [
            {
                "rule": "BR-02",
                "severity": "fatal",
                "term": "BT-1",
                "xpath": "/",
                "line": None,
                "value": None,
                "expected": None,
                "message": {"fr": "[en] No number (BT-1)", "en": "No number (BT-1)"},
            }
        ],
    }


URN = "urn:cen.eu:en16931:2017"


@pytest.mark.parametrize(
    ("base", "semantics", "asked"),
    [
        (Base.BINDS, "invalid", ["own-xsd", "norm", "claimed", "french"]),
        (Base.WARNS, "valid", ["own-xsd", "norm", "claimed", "french"]),
        (Base.SKIPPED, "skipped", ["own-xsd", "claimed", "french"]),
    ],
)
def test_a_claim_chooses_schema_packs_and_the_weight_of_the_norm(
    base: Base, semantics: str, asked: list[str]
) -> None:
    """An extension may depart from EN 16931, and says so by its URN."""
    claim = Claim(urn=URN, syntaxes=("cii",), schema="own-xsd", packs=("claimed",), base=base)
    profile = Profile(
        name="p",
        packs={"cii": ("norm",)},
        further={"cii": ("french",)},
        claims=(claim,),
        reweighed={"BR-02": Severity.FATAL},
    )

    judged, used = judge_as(CII, profile, {"norm": BROKEN})

    assert used == asked
    assert outcomes(judged) == f"valid valid {semantics} valid"


def test_a_claim_of_another_syntax_is_not_followed() -> None:
    """One URN means more inside a PDF than in a file of its own."""
    claim = Claim(urn=URN, syntaxes=("factur-x",), schema="own-xsd", packs=("claimed",))
    profile = Profile(name="p", packs={"cii": ("norm",)}, claims=(claim,))

    _, used = judge_as(CII, profile, {})
    _, in_pdf = judge_as(a_pdf(CII), profile, {})

    assert used == ["cii-d22b-xsd", "norm"]
    assert in_pdf == ["own-xsd", "norm", "claimed"]


def test_both_upper_layers_run_though_one_of_them_refuses() -> None:
    """A supplier hears of EN 16931 and of the French rules at once."""
    profile = Profile(name="p", packs={"cii": ("norm",)}, further={"cii": ("french",)})

    judged, _ = judge_as(CII, profile, {"norm": BROKEN, "french": BROKEN})

    assert outcomes(judged) == "valid valid invalid invalid"
    assert judged.report.packs == (run("norm"), run("french"))


def a_pdf(payload: bytes, **others: bytes) -> bytes:
    """Embed an invoice, and files beside it."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        for name, content in {"factur-x.xml": payload, **others}.items():
            pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, content, filename=name)
        written = BytesIO()
        pdf.save(written)
        return written.getvalue()


def test_a_pdf_is_judged_by_the_invoice_inside() -> None:
    """Header and findings are those of the embedded XML."""
    profile = Profile(name="p", packs={"cii": ("norm",)})

    judged, _ = judge_as(a_pdf(CII), profile, {"norm": BROKEN})
    alone, _ = judge_as(CII, profile, {"norm": BROKEN})

    assert judged.report.syntax is Syntax.FACTURX
    assert judged.header == alone.header
    assert judged.report.layers == alone.report.layers


@pytest.mark.parametrize(
    ("payload", "rule", "shape"),
    [
        (b"%PDF-1.7", "PDF-BROKEN", "invalid skipped skipped skipped"),
        (a_pdf(b"<quote"), "XML-WF", "invalid skipped skipped skipped"),
        (a_pdf(UBL), "SYNTAX-UNKNOWN", "valid invalid skipped skipped"),
    ],
    ids=["no-pdf", "no-xml", "ubl-inside"],
)
def test_a_pdf_that_cannot_be_judged_is_refused_with_a_reason(
    payload: bytes, rule: str, shape: str
) -> None:
    """Its report says what it was taken for."""
    judged, asked = judge_as(payload, Profile(name="p", packs={"cii": ("norm",)}), {})

    assert judged.report.syntax is Syntax.FACTURX
    assert ([finding.rule for finding in judged.report.findings], asked) == ([rule], [])
    assert outcomes(judged) == shape


def test_what_a_pdf_brings_along_is_looked_at_too() -> None:
    """By the same rules, and by the scanner."""
    rules = AttachmentRules(extensions=frozenset({"csv"}))
    profile = Profile(name="p", packs={}, attachments=rules)
    data = a_pdf(CII, **{"plan.png": b"bad"})

    judged, _ = judge_as(data, profile, {})
    scanned, _ = judge_as(data, profile, {}, scan=lambda payload: payload.decode()[:3])

    assert [finding.rule for finding in judged.report.findings] == ["IRR_EXT_DOC"]
    assert scanned.infected == "plan.png: bad"


def test_an_infected_document_stops_there_and_can_still_be_answered() -> None:
    """No rule pack is worth running; the header says which invoice it was."""
    profile = Profile(name="p", packs={"ubl": ("norm",)})

    judged, asked = judge_as(ATTACHED, profile, {}, scan=lambda _: "Eicar")

    assert asked == []
    assert outcomes(judged) == "invalid skipped skipped skipped"
    assert judged.header.number is not None
    assert (judged.infected or "").endswith(": Eicar")


def test_a_silent_scanner_is_our_trouble() -> None:
    """Nothing is judged that nobody has scanned."""

    def scan(_: bytes) -> str | None:
        raise ScannerSilent("clamd: no answer")

    judged, asked = judge_as(ATTACHED, Profile(name="p", packs={"ubl": ("norm",)}), {}, scan)

    assert (asked, outcomes(judged)) == ([], "unclear skipped skipped skipped")
    assert judged.report.trouble is Trouble.SCANNER_SILENT
    assert judged.report.structure_known is False
