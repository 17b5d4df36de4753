"""The order of the layers, and what a report keeps."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.validate.pyramid import Checked, climb, layer_result

MakeFinding = Callable[..., Finding]

VALID, INVALID, SKIPPED, UNCLEAR = (
    Outcome.VALID,
    Outcome.INVALID,
    Outcome.SKIPPED,
    Outcome.UNCLEAR,
)


@pytest.mark.parametrize(
    ("checks", "asked", "results"),
    [
        pytest.param(
            (VALID, VALID, VALID, VALID),
            set(Layer),
            (VALID, VALID, VALID, VALID),
            id="all sound",
        ),
        pytest.param(
            (INVALID, VALID, VALID, VALID),
            set(Layer),
            (INVALID, SKIPPED, SKIPPED, SKIPPED),
            id="syntax gates structure",
        ),
        pytest.param(
            (VALID, INVALID, VALID, VALID),
            set(Layer),
            (VALID, INVALID, SKIPPED, SKIPPED),
            id="structure gates semantics and profile",
        ),
        pytest.param(
            (VALID, UNCLEAR, VALID, VALID),
            set(Layer),
            (VALID, UNCLEAR, SKIPPED, SKIPPED),
            id="an unclear gate lets nobody through",
        ),
        pytest.param(
            (VALID, VALID, INVALID, INVALID),
            set(Layer),
            (VALID, VALID, INVALID, INVALID),
            id="semantics does not gate profile",
        ),
        pytest.param(
            (VALID, INVALID, VALID, VALID),
            {Layer.SYNTAX, Layer.SEMANTICS},
            (VALID, SKIPPED, VALID, SKIPPED),
            id="a layer not asked for holds nobody up",
        ),
    ],
)
def test_gates(
    checks: tuple[Outcome, ...], asked: set[Layer], results: tuple[Outcome, ...]
) -> None:
    """Every layer has a result; one that was not run never looks passed."""
    made = [
        (layer, lambda layer=layer, outcome=outcome: Checked(LayerResult(layer, outcome)))
        for layer, outcome in zip(Layer, checks, strict=True)
    ]

    climbed = climb(made, asked)

    assert tuple(each.result.outcome for each in climbed) == results
    assert tuple(each.result.layer for each in climbed) == tuple(Layer)


def test_findings_come_in_one_order_whatever_the_pack_did(make_finding: MakeFinding) -> None:
    """One document gives one report, byte for byte."""
    findings = [make_finding(rule, line=line) for rule in "BAC" for line in (10, 9, None)]
    shuffled = random.Random(1).sample(findings, len(findings))

    result = layer_result(Layer.SEMANTICS, shuffled, 100)

    assert [(f.rule, f.line) for f in result.findings] == [
        (rule, line) for rule in "ABC" for line in (None, 9, 10)
    ]
    assert result == layer_result(Layer.SEMANTICS, findings, 100)


def test_what_is_not_listed_still_counts(make_finding: MakeFinding) -> None:
    """A fatal finding behind a thousand warnings is kept, and the cut is said."""
    warnings = [make_finding("A", Severity.WARNING, line) for line in range(9)]

    result = layer_result(Layer.SEMANTICS, [*warnings, make_finding("Z")], 3)

    assert result.outcome is Outcome.INVALID
    assert [(f.rule, f.line) for f in result.findings] == [
        ("A", 0),
        ("A", 1),
        ("Z", 1),
        ("MORE-FINDINGS", None),
    ]
