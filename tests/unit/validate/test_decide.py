"""From facts to a recommendation: what is not seen to pass is never accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.decision import Decision, Verdict
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.report import Syntax, Trouble, ValidationReport
from pipeline.validate.decide import MOST_REASONS, decide


def a_finding(
    rule: str = "BR-CO-15", severity: Severity = Severity.FATAL, line: int | None = 12
) -> Finding:
    """Build a finding of a semantic rule."""
    return Finding(
        rule=rule,
        severity=severity,
        term="BT-112",
        xpath="/a",
        line=line,
        value="1",
        message={"fr": "total faux", "en": "wrong total"},
    )


def a_report(**layers: LayerResult) -> ValidationReport:
    """Build a report in which every layer passed but those given by name."""
    results = (layers.get(layer.value, LayerResult(layer, Outcome.VALID)) for layer in Layer)
    return ValidationReport(syntax=Syntax.UBL_INVOICE, layers=tuple(results))


def broken(layer: Layer, *findings: Finding) -> LayerResult:
    """Build the result of a layer that found something."""
    return LayerResult.of(layer, findings or (a_finding(),))


def unclear(layer: Layer) -> LayerResult:
    """Build the result of a layer that could not tell."""
    return LayerResult(layer, Outcome.UNCLEAR)


def test_a_document_that_passed_is_accepted() -> None:
    """With or without warnings."""
    warned = a_report(
        semantics=broken(Layer.SEMANTICS, a_finding(severity=Severity.WARNING)),
    )

    assert decide(a_report(), "a.xml") == Decision(Verdict.ACCEPT)
    assert decide(warned, "a.xml") == Decision(Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        pytest.param(Layer.SYNTAX, "IRR_SYNTAX", id="not-well-formed"),
        pytest.param(Layer.STRUCTURE, "IRR_SYNTAX", id="xsd"),
        pytest.param(Layer.SEMANTICS, "REJ_SEMAN", id="rule"),
        pytest.param(Layer.PROFILE, "REJ_SEMAN", id="profile-rule"),
    ],
)
def test_a_faulty_document_is_refused_by_the_layer_that_failed(layer: Layer, code: str) -> None:
    """Below the semantics the flow may fall with it, above only the invoice does."""
    decision = decide(a_report(**{layer.value: broken(layer)}), "a.xml")

    (reason,) = decision.reasons
    assert (decision.verdict, reason.code) == (Verdict.REJECT, code)
    assert reason.place == "a.xml BT-112 ligne 12"
    assert reason.message["fr"].startswith("BR-CO-15 : total faux. ")
    assert reason.message["en"].startswith("BR-CO-15: wrong total. ")


@pytest.mark.parametrize(
    "code", ["IRR_VID_PJ", "IRR_NOM_PJ", "IRR_EXT_DOC", "IRR_TAILLE_PJ", "IRR_ANTIVIRUS"]
)
def test_a_finding_that_is_a_control_of_the_table_keeps_its_code(code: str) -> None:
    """Step 9 and the scanner speak for themselves, and are not said twice."""
    result = broken(Layer.SYNTAX, a_finding(code), a_finding("PDF-ACTIVE"))

    first, second = decide(a_report(syntax=result), "a.xml").reasons

    assert (first.code, second.code) == (code, "IRR_SYNTAX")
    assert first.message["fr"].startswith("total faux. ")


def test_a_place_says_what_is_known() -> None:
    """Some findings have neither term nor line."""
    bare = replace(a_finding(line=None), term=None)

    decision = decide(a_report(structure=broken(Layer.STRUCTURE, bare)), "a.xml")

    assert [reason.place for reason in decision.reasons] == ["a.xml"]


def test_only_what_is_fatal_is_a_reason() -> None:
    """A warning never explains a refusal."""
    findings = (
        a_finding("W-1", Severity.WARNING),
        a_finding("F-1"),
        a_finding("W-2", Severity.WARNING),
        a_finding("F-2"),
    )

    decision = decide(a_report(semantics=broken(Layer.SEMANTICS, *findings)), "a.xml")

    rules = [reason.message["en"].partition(":")[0] for reason in decision.reasons]
    assert rules == ["F-1", "F-2"]


def test_a_document_full_of_faults_is_told_the_first_of_them() -> None:
    """An answer stays readable; the report keeps every finding."""
    findings = [a_finding(f"R-{number}") for number in range(MOST_REASONS + 5)]

    decision = decide(a_report(semantics=broken(Layer.SEMANTICS, *findings)), "a.xml")

    rules = [reason.message["en"].partition(":")[0] for reason in decision.reasons]
    assert rules == [f"R-{number}" for number in range(MOST_REASONS)]


@pytest.mark.parametrize("trouble", Trouble)
def test_what_could_not_be_checked_is_held_with_the_trouble_s_code(trouble: Trouble) -> None:
    """Never accepted, and never blamed on the sender."""
    report = replace(a_report(semantics=unclear(Layer.SEMANTICS)), trouble=trouble)

    decision = decide(report, "a.xml")

    assert decision.verdict is Verdict.HOLD
    assert [(one.code, one.place) for one in decision.reasons] == [(trouble.value, "a.xml")]


def test_what_is_unclear_without_a_cause_is_held_all_the_same() -> None:
    """A report in which nothing ran says nothing for the document."""
    skipped = {layer.value: LayerResult.skipped(layer) for layer in Layer}

    decision = decide(a_report(**skipped), "a.xml")

    assert decision.verdict is Verdict.HOLD
    assert [reason.code for reason in decision.reasons] == ["PACK_ERROR"]


def test_an_established_fault_outweighs_a_check_that_broke_off() -> None:
    """Whatever the other check had said, the document would be refused."""
    report = replace(
        a_report(semantics=broken(Layer.SEMANTICS), profile=unclear(Layer.PROFILE)),
        trouble=Trouble.PACK_ERROR,
    )

    decision = decide(report, "a.xml")

    assert [reason.code for reason in decision.reasons] == ["REJ_SEMAN"]


@pytest.mark.parametrize("outcome", [Outcome.VALID, Outcome.INVALID, Outcome.UNCLEAR])
def test_a_partial_report_is_never_acted_on(outcome: Outcome) -> None:
    """Layers that nobody asked for might have said otherwise."""
    report = a_report(semantics=LayerResult(Layer.SEMANTICS, outcome))

    with pytest.raises(ValueError, match="partial"):
        decide(replace(report, partial=True), "a.xml")
