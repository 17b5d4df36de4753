"""Hostile PDFs from drop to answer (S10)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pdf-script.pdf", "PDF-ACTIVE"),
        ("pdf-launch.pdf", "PDF-ACTIVE"),
        ("pdf-program.pdf", "PDF-ACTIVE"),
        ("pdf-hidden-program.pdf", "PDF-ACTIVE"),
        ("pdf-path.pdf", "PDF-ACTIVE"),
        ("pdf-two.pdf", "PDF-XML-SEVERAL"),
        ("pdf-bomb.pdf", "IRR_TAILLE_PJ"),
    ],
)
def test_what_a_pdf_brings_besides_its_invoice_decides(day: Any, name: str, rule: str) -> None:
    """A script, a program, a second invoice, a bomb: each has its own answer."""
    assert day.rules(name) == {rule}
    assert day.answers[name]["outcome"] == "rejected"


def test_no_attached_file_reaches_a_disk_or_a_recipient(day: Any) -> None:
    """Whatever they are called."""
    places = [*day.home.rglob("*"), *(day.city / "out").iterdir()]

    assert not [path for path in places if path.suffix in {".exe", ".sh", ".png", ".bin"}]
