"""Tables that a spreadsheet shows as they are and never executes."""

from __future__ import annotations

import csv
import errno
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.spreadsheet import write_rows

ACTIVE = ("=", "+", "-", "@", "\t", "\r")


def read_back(path: Path) -> list[list[str]]:
    """Read a table as a spreadsheet does: any line end ends a row that is not quoted."""
    with path.open(encoding="utf-8-sig", newline=None) as file:
        return list(csv.reader(file, delimiter=";"))


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1:A2)",
        "\t=1+1",
        "\r=1+1",
        '=HYPERLINK("http://x/";"y")',
    ],
)
def test_text_that_starts_like_a_formula_is_shown_as_text(tmp_path: Path, text: str) -> None:
    """An apostrophe says so to every spreadsheet; nothing else is changed."""
    path = tmp_path / "out.csv"

    write_rows([{"nom": text}], path)

    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file, delimiter=";")) == [["nom"], [f"'{text}"]]


@pytest.mark.parametrize("breaks", ["\r", "\n", "\r\n", ";", '";', '"\r'])
def test_no_text_starts_a_cell_of_its_own(tmp_path: Path, breaks: str) -> None:
    """A formula behind a line end or a separator would be one as well."""
    path = tmp_path / "out.csv"

    row: dict[str, object] = {"nom": f"facture{breaks}=1+1", "numéro": 1}

    write_rows([row], path)

    assert [len(row) for row in read_back(path)] == [2, 2]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    """Negative amounts are added up, and whole numbers stay whole beside a gap."""
    path = tmp_path / "out.csv"
    rows: list[dict[str, object]] = [
        {"lignes": 3, "montant": Decimal("-12.50"), "numéro": "007"},
        {"lignes": None, "montant": Decimal("0.10"), "numéro": None},
    ]

    write_rows(rows, path)

    assert path.read_text(encoding="utf-8-sig").splitlines() == [
        '"lignes";"montant";"numéro"',
        '3;-12.50;"007"',
        '"";0.10;""',
    ]


def test_a_table_opens_with_its_accents(tmp_path: Path) -> None:
    """French spreadsheets want semicolons and a byte order mark."""
    path = tmp_path / "out.csv"

    write_rows([{"état": "à revoir", "où": "file; 1"}], path)

    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_back(path) == [["état", "où"], ["à revoir", "file; 1"]]


def test_a_table_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a part of it nor the loss of the one before."""
    path = tmp_path / "out.csv"
    path.mkdir()

    with pytest.raises(OSError, match=os.strerror(errno.EISDIR)):
        write_rows([{"a": 1}], path)

    assert list(tmp_path.iterdir()) == [path]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@settings(max_examples=50)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=4))
def test_any_text_comes_back_and_none_is_active(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, str]]
) -> None:
    """Whatever a sender wrote in a name or a number."""
    path = tmp_path_factory.getbasetemp() / "any.csv"

    write_rows([{"a": a, "b": b} for a, b in written], path)

    with path.open(encoding="utf-8-sig", newline="") as file:
        _, *found = csv.reader(file, delimiter=";")
    assert not any(cell.startswith(ACTIVE) for row in found for cell in row)
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [cell.removeprefix("'") for cell in row] for row in written
    ]
