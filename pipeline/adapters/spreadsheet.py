"""Tables for people and spreadsheets: the only door of pandas."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from pipeline.model.amount import exact_sum
from pipeline.model.figures import Cell, Column, Figures, Period, Table
from pipeline.model.status import InterchangeStep, Step

#: First characters that a spreadsheet would take for a formula, or skip before one; the
#: wide forms are taken so where Japanese is set.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Digits that a spreadsheet's numbers hold; longer ones stay text.
_EXACT_DIGITS = 15
#: Rows of a list of the most frequent; the rest is in the ledger.
_TOP = 20
#: Shares of a latency's distribution that are shown.
_SHARES = (0.5, 0.95, 1.0)


def write_rows(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write `rows` as CSV (UTF-8 with BOM, semicolons) that no spreadsheet will execute.

    Text that starts like a formula gets an apostrophe before it; numbers are left alone.

    Raises:
        OSError: The file cannot be written; nothing half-written is left.
    """
    cells = [{key: _inert(value) for key, value in row.items()} for row in rows]
    # as objects, so that a column with a gap keeps its whole numbers whole
    frame = pd.DataFrame(cells, dtype=object)
    # opened here: of a folder that is not there pandas says it in words of its own
    with _whole(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        # every text quoted: a bare carriage return would start a row of the sender's making
        frame.to_csv(file, index=False, sep=";", quoting=csv.QUOTE_NONNUMERIC)


def tabulate(figures: Figures) -> tuple[Table, ...]:
    """Sum figures up: volumes, amounts, refusals, latency, late answers, and their course."""
    flows = pd.DataFrame(
        [
            {
                "partner": one.partner,
                "step": one.step.value,
                "code": one.reason if one.step in _FLOW_REFUSED else None,
                "received_at": one.received_at,
                "latency_s": (one.answered_at - one.received_at).total_seconds()
                if one.answered_at
                else None,
            }
            for one in figures.flows
        ],
        columns=["partner", "step", "code", "received_at", "latency_s"],
    )
    documents = pd.DataFrame(
        [
            {
                "partner": one.partner,
                "step": one.step.value,
                "code": one.codes if one.step in _REFUSED else (),
                "received_at": one.received_at,
                "currency": one.currency or "?",
                "total": one.total,
            }
            for one in figures.documents
        ],
        columns=["partner", "step", "code", "received_at", "currency", "total"],
    )
    return (
        _volumes(flows, documents),
        _amounts(documents),
        _rules(figures),
        _refusals(flows, documents),
        _latency(flows),
        _late(figures),
        _course(figures.period, flows, documents),
    )


_FLOW_REFUSED = frozenset({InterchangeStep.REFUSED, InterchangeStep.DUPLICATE})
_REFUSED = frozenset({Step.REJECTED, Step.DUPLICATE})


def _volumes(flows: pd.DataFrame, documents: pd.DataFrame) -> Table:
    rows: list[tuple[Cell, ...]] = []
    kinds = (("flux / flows", flows, InterchangeStep), ("documents", documents, Step))
    for what, frame, steps in kinds:
        counts = frame["step"].value_counts().to_dict()
        rows.extend(
            (what, step.value, counts[step.value]) for step in steps if step.value in counts
        )
    columns = (
        Column("what", "Quoi", "What"),
        Column("step", "Étape", "Step"),
        Column("count", "Nombre", "Count"),
    )
    return Table("volumes", "Volumes", "Volumes", columns, tuple(rows))


def _amounts(documents: pd.DataFrame) -> Table:
    """Sum totals with VAT by currency and step, exactly; what has no usable total is left out."""
    weighed = documents[documents["total"].notna()]
    groups = weighed.groupby(["currency", "step"])["total"]
    rows: list[tuple[Cell, ...]] = [
        (str(currency), str(step), len(totals), exact_sum(totals))
        for (currency, step), totals in groups
    ]
    columns = (
        Column("currency", "Devise", "Currency"),
        Column("step", "Étape", "Step"),
        Column("documents", "Documents", "Documents"),
        Column("total", "Total TTC, avoirs déduits", "Total with VAT, credit notes taken off"),
    )
    return Table("amounts", "Montants", "Amounts", columns, tuple(rows))


def _rules(figures: Figures) -> Table:
    found = [(one.rule, one.partner, one.documents) for one in figures.rules]
    frame = pd.DataFrame(found, columns=["rule", "partner", "documents"])
    summed = frame.groupby("rule").agg(
        documents=("documents", "sum"), partners=("partner", "nunique")
    )
    top = summed.sort_values(["documents", "rule"], ascending=[False, True]).head(_TOP)
    columns = (
        Column("rule", "Règle", "Rule"),
        Column("documents", "Documents refusés", "Documents refused"),
        Column("partners", "Partenaires", "Partners"),
    )
    rows = tuple((str(row[0]), int(row[1]), int(row[2])) for row in top.itertuples())
    return Table("rules", "Refus par règle", "Refusals by rule", columns, rows)


def _refusals(flows: pd.DataFrame, documents: pd.DataFrame) -> Table:
    """Count refused flows and documents by partner and reason; a document may have several."""
    parts = (flows[["partner", "code"]], documents[["partner", "code"]].explode("code"))
    counts = [part.dropna().groupby(["partner", "code"]).size() for part in parts]
    summed = pd.concat(counts, axis=1, keys=["flows", "documents"]).fillna(0).astype(int)
    summed["all"] = summed["flows"] + summed["documents"]
    top = summed.reset_index(names=["partner", "code"]).sort_values(
        ["all", "partner", "code"], ascending=[False, True, True]
    )
    columns = (
        Column("partner", "Partenaire", "Partner"),
        Column("code", "Motif", "Reason"),
        Column("flows", "Flux", "Flows"),
        Column("documents", "Documents", "Documents"),
    )
    rows = tuple(
        map(tuple, top[["partner", "code", "flows", "documents"]].head(_TOP).to_numpy().tolist())
    )
    return Table("refusals", "Refus par partenaire", "Refusals by partner", columns, rows)


def _latency(flows: pd.DataFrame) -> Table:
    """Tell how long final answers took, from receipt until the last file stood there."""
    rows: list[tuple[Cell, ...]] = []
    for partner, times in flows.groupby("partner")["latency_s"]:
        given = times.dropna()
        shares = given.astype(float).quantile(list(_SHARES)).round(3).tolist()
        seconds = shares if len(given) else [None] * len(_SHARES)
        rows.append((str(partner), len(times), len(given), *seconds))
    columns = (
        Column("partner", "Partenaire", "Partner"),
        Column("flows", "Flux", "Flows"),
        Column("answered", "Répondus", "Answered"),
        Column("p50_s", "Médiane (s)", "Median (s)"),
        Column("p95_s", "95 % en moins de (s)", "95 % within (s)"),
        Column("max_s", "Le plus long (s)", "Longest (s)"),
    )
    return Table("latency", "Délai de réponse", "Time to answer", columns, tuple(rows))


def _late(figures: Figures) -> Table:
    """List flows whose final answer came, or still stays out, after its deadline."""
    rows: list[tuple[Cell, ...]] = []
    for one in figures.flows:
        if one.answer_by is None or (one.answered_at or figures.at) <= one.answer_by:
            continue
        late_s = round(((one.answered_at or figures.at) - one.answer_by).total_seconds(), 3)
        rows.append((one.partner, one.id, one.name, one.answer_by, one.answered_at, late_s))
    columns = (
        Column("partner", "Partenaire", "Partner"),
        Column("flow", "Flux", "Flow"),
        Column("name", "Fichier", "File"),
        Column("answer_by", "Échéance", "Deadline"),
        Column("answered_at", "Répondu le", "Answered"),
        Column("late_s", "Retard (s)", "Late by (s)"),
    )
    return Table("late", "Réponses en retard", "Late answers", columns, tuple(rows))


def _course(period: Period, flows: pd.DataFrame, documents: pd.DataFrame) -> Table:
    """Count by hour of the day, or by day of the month; nothing where nothing came."""
    columns = (
        Column("start", "Début", "From"),
        Column("flows", "Flux", "Flows"),
        Column("documents", "Documents", "Documents"),
    )
    parts = pd.DatetimeIndex(period.parts)
    counts = [_count_parts(parts, frame) for frame in (flows, documents)]
    rows = tuple(zip(period.parts, *counts, strict=True)) if len(flows) else ()
    return Table("course", "Arrivées", "Arrivals", columns, rows)


def _count_parts(parts: pd.DatetimeIndex, frame: pd.DataFrame) -> list[int]:
    moments = pd.DatetimeIndex(pd.to_datetime(frame["received_at"], utc=True))
    places = pd.Series(parts.searchsorted(moments, side="right") - 1)
    counts: list[int] = places.value_counts().reindex(range(len(parts)), fill_value=0).tolist()
    return counts


def long_csv(tables: Sequence[Table]) -> bytes:
    """Write tables as one CSV: a row a figure, with its table, its row and its column.

    Like `write_rows`: UTF-8 with BOM, semicolons, texts quoted, nothing to be executed.
    """
    rows = [
        (table.key, number, column.key, _inert(_written(value)))
        for table in tables
        for number, cells in enumerate(table.rows, 1)
        for column, value in zip(table.columns, cells, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["table", "row", "column", "value"], dtype=object)
    text: str = frame.to_csv(index=False, sep=";", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode("utf-8-sig")


def workbook(tables: Sequence[Table], timezone: str) -> bytes:
    """Write tables as an Excel workbook, one sheet each, every cell of its own type.

    No text becomes a formula, a link or a number, and one that looks like a formula stays
    text when it is edited. Moments are shown by the clock of `timezone`.
    """
    file = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        cells = _Cells(book, ZoneInfo(timezone))
        for table in tables:
            sheet = book.add_worksheet(table.fr)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(table.columns) - 1, 22)
            for place, column in enumerate(table.columns):
                cells.head(sheet, place, column)
            for line, row in enumerate(table.rows, 1):
                for place, value in enumerate(row):
                    cells.write(sheet, line, place, value)
    return file.getvalue()


class _Cells:
    """Writes cells of a workbook, each as what it is."""

    def __init__(self, book: xlsxwriter.Workbook, zone: ZoneInfo) -> None:
        self._zone = zone
        self._head = book.add_format({"bold": True, "text_wrap": True, "bottom": 1})
        self._money = book.add_format({"num_format": "#,##0.00"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._quoted = book.add_format({"quote_prefix": True})

    def head(self, sheet: Worksheet, place: int, column: Column) -> None:
        """Name a column in both languages."""
        title = column.fr if column.fr == column.en else f"{column.fr} / {column.en}"
        sheet.write_string(0, place, title, self._head)

    def write(self, sheet: Worksheet, line: int, place: int, value: Cell) -> None:
        """Write one value; None leaves the cell empty."""
        match value:
            case None:
                return
            case str():
                active = self._quoted if value.startswith(_ACTIVE) else None
                sheet.write_string(line, place, value, active)
            case datetime():
                wall = value.astimezone(self._zone).replace(tzinfo=None)
                sheet.write_datetime(line, place, wall, self._moment)
            case Decimal() if len(value.as_tuple().digits) > _EXACT_DIGITS:
                sheet.write_string(line, place, format(value, "f"))
            case Decimal():
                sheet.write_number(line, place, value, self._money)
            case int() | float():
                sheet.write_number(line, place, value)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Lend a name beside `path`, which takes its place if all goes well."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _written(value: Cell) -> object:
    """Return a value as programs read it."""
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case Decimal():
            return Decimal(format(value, "f"))
        case _:
            return value


def _inert(value: object) -> object:
    if isinstance(value, str) and value.startswith(_ACTIVE):
        return f"'{value}"
    return value
