"""What goes between the hub and its judges comes out as it went in."""

from __future__ import annotations

from pipeline.adapters.process_wire import read_judged, write_judged
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.report import Judged, RoutingHeader, SchemaRun, Syntax, ValidationReport


def test_a_sound_document_that_breaks_a_receivers_schema_comes_back() -> None:
    """Its report has findings in no layer, and all the same some: those are told by XSD."""
    finding = Finding(
        rule="XSD",
        severity=Severity.FATAL,
        term=None,
        xpath="/Invoice",
        line=1,
        value=None,
        message={"fr": "élément manquant", "en": "element missing"},
    )
    report = ValidationReport(
        syntax=Syntax.UBL_INVOICE,
        layers=(LayerResult(Layer.SYNTAX, Outcome.VALID),),
        receivers=(SchemaRun("receiver-ubl", (finding,)),),
    )
    judged = Judged(report, RoutingHeader(), None)

    assert read_judged(write_judged(judged)) == judged
