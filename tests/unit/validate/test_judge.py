"""Judging one document, the rule packs played by a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lxml import etree

from pipeline.model.errors import EngineError, PackMissing
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, PackRun, Syntax, Trouble
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

    def missing(_: Syntax) -> etree.XMLSchema:
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
        "layers": [
            {"layer": "syntax", "outcome": "valid"},
            {"layer": "structure", "outcome": "valid"},
            {"layer": "semantics", "outcome": "invalid"},
            {"layer": "profile", "outcome": "skipped"},
        ],
        "packs": [{"name": "one", "version": "1.3.16", "sha256": "ab" * 32, "rules": 979}],
        "findings": [
            {
                "rule": "BR-02",
                "severity": "fatal",
                "term": "BT-1",
                "xpath": "/",
                "line": None,
                "value": None,
                "message": {"fr": "[en] No number (BT-1)", "en": "No number (BT-1)"},
            }
        ],
    }
