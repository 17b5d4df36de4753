"""What a scanner said of a flow, and of what was in it, becomes one word."""

from __future__ import annotations

import pytest

from pipeline.app.scan import Scanned, with_attachments
from pipeline.model.connection import Scanning
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.report import Judged, Trouble, ValidationReport

CLEAN = Scanned(Scanning.CLAMD)


def judged(infected: str | None = None, trouble: Trouble | None = None) -> Judged:
    """Return what a worker says, with the attachment's part in it."""
    report = ValidationReport(
        syntax=None,
        layers=tuple(LayerResult(layer, Outcome.UNCLEAR) for layer in Layer),
        trouble=trouble,
        trouble_detail="unix:/run/clamd: gone" if trouble else "",
    )
    return Judged(report, infected=infected)


INFECTED = judged(infected="a.pdf: Eicar-Test")
SILENT = judged(trouble=Trouble.SCANNER_SILENT)
FOUND = Scanned(Scanning.CLAMD, found="b.xml / a.pdf: Eicar-Test")
MUTE = Scanned(Scanning.CLAMD, silent="unix:/run/clamd: gone")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([judged()], CLEAN, id="clean"),
        pytest.param([judged(trouble=Trouble.ENGINE_CRASH)], CLEAN, id="another-trouble"),
        pytest.param([INFECTED], FOUND, id="infected"),
        pytest.param([SILENT], MUTE, id="silent"),
        pytest.param([INFECTED, SILENT], FOUND, id="infected-then-silent"),
        pytest.param([SILENT, INFECTED], FOUND, id="silent-then-infected"),
        pytest.param([INFECTED, judged(infected="z: Other")], FOUND, id="the-first-is-named"),
    ],
)
def test_malware_says_more_than_silence_and_silence_more_than_clean(
    said: list[Judged], expected: Scanned
) -> None:
    """One infected attachment refuses, whatever could not be looked at besides."""
    scanned = CLEAN
    for one in said:
        scanned = with_attachments(scanned, "b.xml", one)

    assert scanned == expected
    assert scanned.clean == (expected == CLEAN)
