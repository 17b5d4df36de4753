"""Tables that a spreadsheet shows as they are and never executes."""

from __future__ import annotations

import csv
import errno
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.adapters.spreadsheet import long_csv, tabulate, workbook, write_rows
from pipeline.model.figures import (
    Cell,
    Column,
    DocumentFigures,
    Figures,
    FlowFigures,
    Period,
    RuleCount,
    Table,
)
from pipeline.model.identity import InterchangeId
from pipeline.model.status import InterchangeStep, Step

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
        "\n=1+1",
        "＝1+1",
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


PARIS = "Europe/Paris"
COLUMNS = (Column("name", "Nom", "Name"), Column("value", "Valeur", "Value"))


def a_table(*rows: tuple[Cell, ...], key: str = "t", fr: str = "Table") -> Table:
    """Make a table of names and values."""
    return Table(key, fr, "Table", COLUMNS, rows)


def sheet_cells(book: bytes, number: int = 1) -> dict[str, tuple[str, str | None, bool]]:
    """Return the cells of a sheet: type, text or number, and whether a formula is there."""
    with zipfile.ZipFile(io.BytesIO(book)) as file:
        texts = etree.fromstring(file.read("xl/sharedStrings.xml"))
        sheet = etree.fromstring(file.read(f"xl/worksheets/sheet{number}.xml"))
    shared = ["".join(map(str, one.itertext())) for one in texts]
    found = {}
    for cell in sheet.iter("{*}c"):
        kind = cell.get("t", "n")
        value = cell.findtext("{*}v")
        text = shared[int(value)] if kind == "s" and value else value
        found[cell.get("r", "")] = (kind, text, cell.find("{*}f") is not None)
    return found


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "http://x.example/", "007", "\t=1"])
def test_no_text_of_a_workbook_is_a_formula_a_link_or_a_number(text: str) -> None:
    """A spreadsheet shows it as it was written, and keeps it so when it is edited."""
    book = workbook([a_table((text, 1))], PARIS)

    assert sheet_cells(book)["A2"] == ("s", text, False)
    with zipfile.ZipFile(io.BytesIO(book)) as file:
        assert (b'quotePrefix="1"' in file.read("xl/styles.xml")) is text.startswith(ACTIVE)
        assert not [name for name in file.namelist() if "rels" in name and "sheet" in name]


def test_cells_of_a_workbook_are_of_their_own_type() -> None:
    """They can be added up and sorted; a number too long for a spreadsheet stays exact."""
    rows: list[tuple[Cell, ...]] = [
        ("entier", 3),
        ("secondes", 1.5),
        ("montant", Decimal("-12.50")),
        ("trop long", Decimal("12345678901234567.89")),
        ("moment", datetime(2026, 11, 24, 23, 30, tzinfo=UTC)),
        ("rien", None),
    ]

    cells = sheet_cells(workbook([a_table(*rows)], PARIS))

    assert {place: cells[place][:2] for place in ("A1", "B1", "B2", "B3", "B4", "B5", "B6")} == {
        "A1": ("s", "Nom / Name"),
        "B1": ("s", "Valeur / Value"),
        "B2": ("n", "3"),
        "B3": ("n", "1.5"),
        "B4": ("n", "-12.50"),
        "B5": ("s", "12345678901234567.89"),
        # half past midnight in Paris
        "B6": ("n", "46351.02083333334"),
    }
    assert "B7" not in cells


def test_each_table_has_a_sheet_of_its_own() -> None:
    """Empty ones too, so that readers find what they look for."""
    book = workbook([a_table(("a", 1)), a_table(fr="Vide")], PARIS)

    with zipfile.ZipFile(io.BytesIO(book)) as file:
        names = etree.fromstring(file.read("xl/workbook.xml")).iter("{*}sheet")
        assert [one.get("name") for one in names] == ["Table", "Vide"]
    assert list(sheet_cells(book, 2)) == ["A1", "B1"]


def test_a_report_is_one_csv_of_single_figures() -> None:
    """Any program filters it by table and column; nothing in it is executed."""
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    tables = [a_table(("=x", Decimal("-1E+1"))), a_table((at, None), key="u")]

    text = long_csv(tables).decode("utf-8-sig")

    assert text.splitlines() == [
        '"table";"row";"column";"value"',
        '"t";1;"name";"\'=x"',
        '"t";1;"value";-10',
        '"u";1;"name";"2026-11-24T12:00:00+00:00"',
        '"u";1;"value";""',
    ]


def figures(
    flows: Sequence[FlowFigures] = (),
    documents: Sequence[DocumentFigures] = (),
    rules: Sequence[RuleCount] = (),
) -> Figures:
    """Make the figures of a day of two hours."""
    start = datetime(2026, 11, 24, 10, tzinfo=UTC)
    period = Period(
        name="2026-11-24",
        start=start,
        end=start + timedelta(hours=2),
        parts=(start, start + timedelta(hours=1)),
        timezone=PARIS,
    )
    return Figures(
        period=period,
        partner=None,
        at=start + timedelta(hours=3),
        flows=tuple(flows),
        documents=tuple(documents),
        rules=tuple(rules),
        received=(),
    )


def a_flow(minute: int, answered_s: float | None, **changes: Any) -> FlowFigures:
    """Make a closed flow of ACME, received so many minutes after ten."""
    at = datetime(2026, 11, 24, 10, tzinfo=UTC) + timedelta(minutes=minute)
    answered = None if answered_s is None else at + timedelta(seconds=answered_s)
    flow = FlowFigures(
        id=InterchangeId(f"F{minute}"),
        partner="ACME",
        name=f"{minute}.xml",
        received_at=at,
        step=InterchangeStep.CLOSED,
        reason=None,
        answered_at=answered,
        answer_by=None,
    )
    return replace(flow, **changes)


def a_document(minute: int, total: str | None, **changes: Any) -> DocumentFigures:
    """Make a delivered document of ACME in euro."""
    document = DocumentFigures(
        partner="ACME",
        received_at=datetime(2026, 11, 24, 10, tzinfo=UTC) + timedelta(minutes=minute),
        step=Step.DELIVERED,
        codes=(),
        currency="EUR",
        total=None if total is None else Decimal(total),
    )
    return replace(document, **changes)


def test_an_empty_period_gives_empty_tables() -> None:
    """It is not an error."""
    tables = tabulate(figures())

    assert [(table.key, table.rows) for table in tables] == [
        (key, ())
        for key in ("volumes", "amounts", "rules", "refusals", "latency", "late", "course")
    ]


def test_a_day_is_summed_up() -> None:
    """Every table, in one look."""
    refused = {"step": InterchangeStep.REFUSED, "reason": "IRR_VIDE"}
    deadline = datetime(2026, 11, 24, 10, 1, tzinfo=UTC)
    flows = [
        a_flow(0, 10.0),
        a_flow(1, 20.0, answer_by=deadline),
        a_flow(59, 30.0, **refused),
        a_flow(60, None, partner="Bolt", answer_by=deadline),
        a_flow(61, 7.0, partner="Cie"),
    ]
    rejected = {"step": Step.REJECTED, "codes": ("REJ_SEMAN", "DOUBLON")}
    documents = [
        a_document(0, "10.10"),
        a_document(0, "-0.20"),
        a_document(61, "1.00", currency="CHF"),
        a_document(61, None, partner="Bolt", currency=None, **rejected),
        a_document(1, "5", step=Step.HELD, codes=("NO_ROUTE",)),
    ]
    rules = [RuleCount("ACME", "BR-1", 2), RuleCount("Bolt", "BR-1", 1), RuleCount("Bolt", "A", 3)]

    found = {table.key: table.rows for table in tabulate(figures(flows, documents, rules))}

    assert found == {
        "volumes": (
            ("flux / flows", "refused", 1),
            ("flux / flows", "closed", 4),
            ("documents", "rejected", 1),
            ("documents", "held", 1),
            ("documents", "delivered", 3),
        ),
        "amounts": (
            ("CHF", "delivered", 1, Decimal("1.00")),
            ("EUR", "delivered", 2, Decimal("9.90")),
            ("EUR", "held", 1, Decimal(5)),
        ),
        "rules": (("A", 3, 1), ("BR-1", 3, 2)),
        "refusals": (
            ("ACME", "IRR_VIDE", 1, 0),
            ("Bolt", "DOUBLON", 0, 1),
            ("Bolt", "REJ_SEMAN", 0, 1),
        ),
        "latency": (
            ("ACME", 3, 3, 20.0, 29.0, 30.0),
            ("Bolt", 1, 0, None, None, None),
            ("Cie", 1, 1, 7.0, 7.0, 7.0),
        ),
        "late": (
            ("ACME", "F1", "1.xml", deadline, flows[1].answered_at, 20.0),
            ("Bolt", "F60", "60.xml", deadline, None, 10740.0),
        ),
        "course": (
            (datetime(2026, 11, 24, 10, tzinfo=UTC), 3, 3),
            (datetime(2026, 11, 24, 11, tzinfo=UTC), 2, 2),
        ),
    }


@given(st.lists(st.decimals(-(10**20), 10**20, places=6), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_amounts_are_added_up_without_rounding(amounts: list[Decimal]) -> None:
    """A report's totals are the ledger's, to the last digit."""
    documents = [a_document(0, str(amount)) for amount in amounts]

    ((*_, total),) = tabulate(figures([a_flow(0, 1.0)], documents))[1].rows

    assert Fraction(str(total)) == sum(Fraction(str(amount)) for amount in amounts)
