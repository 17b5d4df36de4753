"""What keeps a converted document from leaving is told without quoting it."""

from __future__ import annotations

import pytest

from pipeline.app.convert import fault_of
from pipeline.model.errors import ResultRefused, ResultUnjudged
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.report import Syntax, Trouble, ValidationReport


def test_a_broken_rule_is_named_and_nothing_of_the_document_quoted() -> None:
    """The record keeps this for ever, and an erased flow must not live on in it."""
    finding = Finding(
        rule="BR-FR-01",
        severity=Severity.FATAL,
        term="BT-44",
        xpath="/Invoice",
        line=None,
        value="Jean Martin",
        message={"fr": "BT-44 trouvé Jean Martin", "en": "BT-44 found Jean Martin"},
    )
    layers = (LayerResult.of(Layer.PROFILE, (finding,)),)

    fault = fault_of(ValidationReport(syntax=Syntax.CII, layers=layers))

    assert isinstance(fault, ResultRefused)
    assert str(fault) == "BR-FR-01 (BT-44)"


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Trouble.PACK_MISSING, "PACK_MISSING: en16931"),
        (Trouble.PACK_ERROR, "PACK_ERROR"),
    ],
)
def test_what_an_engine_said_of_the_document_is_not_quoted(trouble: Trouble, told: str) -> None:
    """Only which pack is missing is of the hub alone."""
    report = ValidationReport(
        syntax=Syntax.CII,
        layers=(LayerResult(Layer.PROFILE, Outcome.UNCLEAR),),
        trouble=trouble,
        trouble_detail="en16931",
    )

    fault = fault_of(report)

    assert isinstance(fault, ResultUnjudged)
    assert str(fault) == told
