"""No export of the hub starts a formula (S17).

The recapitulation, which goes to the sender: tests/unit/acknowledge/test_recapitulation.py.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cells(data: bytes) -> list[str]:
    """Return every cell of a CSV of ours, header aside."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))
    return [cell for row in rows[1:] for cell in row]


def active(found: list[str]) -> list[str]:
    """Return the cells that a spreadsheet would take for a formula."""
    return [cell for cell in found if cell.startswith(ACTIVE) and not _is_number(cell)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["documents", "interchanges"])
def test_a_listing_exported_holds_no_formula(day: Any, tmp_path: Path, verb: str) -> None:
    """Numbers, parties and names are the sender's to choose."""
    file = tmp_path / "export.csv"
    day.edi(verb, "--limit", "1000", "--export", str(file))

    found = cells(file.read_bytes())

    assert active(found) == []
    if verb == "documents":
        assert any(cell.startswith("'=cmd|") for cell in found)
        assert any(cell.startswith("'＝1") for cell in found)


@pytest.mark.slow
def test_a_report_holds_no_formula(day: Any, tmp_path: Path) -> None:
    """As CSV, and as a workbook, whose cells have types: no cell of it is a formula."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for form in ("csv", "xlsx"):
        file = tmp_path / f"report.{form}"
        ran = day.edi(
            "report", "--day", today, "--timezone", "UTC", "--format", form, "-o", str(file)
        )
        assert ran.code == 0, ran.err

    assert active(cells((tmp_path / "report.csv").read_bytes())) == []
    with zipfile.ZipFile(tmp_path / "report.xlsx") as book:
        sheets = [book.read(name) for name in book.namelist() if "/sheet" in name]
        links = [name for name in book.namelist() if "externalLink" in name or ".rels" in name]
        assert sheets
        assert not any(b"<f>" in sheet or b"<f " in sheet for sheet in sheets)
        assert not any(b"External" in book.read(name) for name in links)
