"""The outcome of a report: never valid unless something was seen to pass."""

from __future__ import annotations

import pytest

from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.profile import Profile
from pipeline.model.report import ValidationReport

OK, BAD, SKIP, ASK = Outcome.VALID, Outcome.INVALID, Outcome.SKIPPED, Outcome.UNCLEAR


def a_report(*outcomes: Outcome) -> ValidationReport:
    """Build a report from one outcome a layer, lowest first."""
    results = (LayerResult(layer, outcome) for layer, outcome in zip(Layer, outcomes, strict=True))
    return ValidationReport(syntax=None, layers=tuple(results))


def a_finding(severity: Severity) -> Finding:
    """Build a finding of some weight."""
    return Finding(
        rule="BR-01",
        severity=severity,
        term=None,
        xpath="/a",
        line=1,
        value=None,
        message={"fr": "faux", "en": "wrong"},
    )


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        pytest.param((OK, OK, OK, OK), OK, id="all-passed"),
        pytest.param((OK, OK, OK, SKIP), OK, id="no-profile-pack"),
        pytest.param((OK, BAD, SKIP, SKIP), BAD, id="broken-below"),
        pytest.param(
            (OK, OK, BAD, ASK), BAD, id="a-fault-is-a-fault-even-where-a-check-broke-off"
        ),
        pytest.param((OK, OK, ASK, OK), ASK, id="one-could-not-tell"),
        pytest.param((SKIP, SKIP, SKIP, SKIP), ASK, id="nothing-ran"),
    ],
)
def test_a_report_is_as_good_as_its_worst_layer(
    outcomes: tuple[Outcome, ...], whole: Outcome
) -> None:
    """Not run is not passed; could not tell is not failed."""
    assert a_report(*outcomes).outcome is whole


@pytest.mark.parametrize(
    ("outcomes", "broken", "known"),
    [
        pytest.param((OK, OK, BAD, SKIP), False, True, id="semantics"),
        pytest.param((OK, BAD, SKIP, SKIP), True, True, id="structure"),
        pytest.param((BAD, SKIP, SKIP, SKIP), True, True, id="syntax"),
        pytest.param((OK, ASK, SKIP, SKIP), False, False, id="structure-could-not-be-told"),
    ],
)
def test_the_structure_is_told_apart_from_what_stands_above(
    outcomes: tuple[Outcome, ...], *, broken: bool, known: bool
) -> None:
    """An atomic flow falls by its structure alone, and only when that is known."""
    report = a_report(*outcomes)

    assert (report.structure_broken, report.structure_known) == (broken, known)


def test_only_a_fatal_finding_makes_a_layer_invalid() -> None:
    """Warnings travel with what is accepted."""
    warning, fatal = a_finding(Severity.WARNING), a_finding(Severity.FATAL)

    assert LayerResult.of(Layer.SEMANTICS, (warning,)).outcome is Outcome.VALID
    assert LayerResult.of(Layer.SEMANTICS, (warning, fatal)).outcome is Outcome.INVALID


def test_a_profile_weighs_a_rule_by_its_name_first() -> None:
    """What was agreed on one rule wins over what was agreed on all, and that over the pack."""
    kept = Profile(name="a", packs={})
    lenient = Profile(
        name="b",
        packs={},
        weigh_all=Severity.WARNING,
        reweighed={"BR-CO-15": Severity.FATAL},
    )

    assert kept.weigh("BR-01", Severity.FATAL) is Severity.FATAL
    assert lenient.weigh("BR-01", Severity.FATAL) is Severity.WARNING
    assert lenient.weigh("BR-CO-15", Severity.WARNING) is Severity.FATAL
