"""What a report says of a document that came in a signed envelope."""

from __future__ import annotations

from pipeline.app.open_flow import note_signature
from pipeline.model.finding import Layer, LayerResult, Outcome, Severity
from pipeline.model.report import ValidationReport

REPORT = ValidationReport(
    syntax=None,
    layers=(
        LayerResult(Layer.SYNTAX, Outcome.VALID),
        *(LayerResult.skipped(layer) for layer in list(Layer)[1:]),
    ),
)


def test_a_signature_that_nobody_judged_is_told() -> None:
    """As a warning: it changes no outcome, and it is not silent."""
    noted = note_signature(REPORT, signed=True)

    (finding,) = noted.findings
    assert (finding.rule, finding.severity) == ("SIGNATURE", Severity.WARNING)
    assert "vérifiée" in finding.message["fr"]
    assert "verified" in finding.message["en"]
    assert noted.outcome is REPORT.outcome


def test_of_a_document_that_came_unsigned_nothing_is_told() -> None:
    """Its report is the engine's."""
    assert note_signature(REPORT, signed=False) == REPORT
