"""Tables for spreadsheets: the only door of pandas."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

#: First characters that a spreadsheet would take for a formula.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")


def write_rows(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write `rows` as CSV (UTF-8 with BOM, semicolons) that no spreadsheet will execute.

    Text that starts like a formula gets an apostrophe before it; numbers are left alone.

    Raises:
        OSError: The file cannot be written; nothing half-written is left.
    """
    cells = [{key: _inert(value) for key, value in row.items()} for row in rows]
    # as objects, so that a column with a gap keeps its whole numbers whole
    frame = pd.DataFrame(cells, dtype=object)
    part = path.with_name(f".{path.name}.part")
    try:
        # every text quoted: a bare carriage return would start a row of the sender's making
        frame.to_csv(
            part, index=False, sep=";", encoding="utf-8-sig", quoting=csv.QUOTE_NONNUMERIC
        )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _inert(value: object) -> object:
    if isinstance(value, str) and value.startswith(_ACTIVE):
        return f"'{value}"
    return value
