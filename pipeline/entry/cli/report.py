"""``edi report``: a day or a month in figures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from pipeline import bootstrap
from pipeline.app.report import (
    balances,
    conservation,
    day_period,
    gather,
    is_empty,
    month_period,
)
from pipeline.app.report_page import report_page
from pipeline.entry.cli.output import complain, say, say_table, typed
from pipeline.model.connection import Environment
from pipeline.model.errors import ConfigError
from pipeline.model.figures import Cell, Figures, Period, Table
from pipeline.model.status import in_words

#: The unfinished file may stand in a folder of others: never written through a link.
_PART = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


class Format(Enum):
    """How a report is written."""

    TEXT = "text"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"
    JSON = "json"


def report(
    day: Annotated[str | None, typer.Option(help="Jour de réception / day of receipt.")] = None,
    month: Annotated[str | None, typer.Option(help="Mois / month: YYYY-MM.")] = None,
    partner: Annotated[
        str | None, typer.Option(help="Un seul émetteur / one sender only.", parser=typed)
    ] = None,
    environment: Annotated[
        Environment, typer.Option(help="Dont les flux comptent / whose flows are counted.")
    ] = Environment.PRODUCTION,
    timezone: Annotated[
        str, typer.Option(help="Dont les minuits comptent / whose midnights are meant.")
    ] = "Europe/Paris",
    output: Annotated[
        Format, typer.Option("--format", help="text | csv | xlsx | html | json")
    ] = Format.TEXT,
    file: Annotated[
        Path | None, typer.Option("-o", "--output", help="Fichier / file; default: the screen.")
    ] = None,
) -> None:
    """Faire le bilan d'un jour ou d'un mois / a day or a month in figures.

    Code de sortie / exit code 1 : le compte n'y est pas / received is not what became of it.
    """
    period = _period(day, month, timezone)
    if output is Format.XLSX and file is None:
        raise ConfigError("xlsx : précisez -o FICHIER / say -o FILE")
    if output is Format.TEXT and file is not None:
        raise ConfigError("text : à l'écran seulement / on the screen only")
    with bootstrap.reading() as ledger:
        figures = gather(ledger, ledger.sheets(), period, partner, bootstrap.now(), environment)
    kept = conservation(figures)
    tables = (*bootstrap.report_tables(figures), kept)
    match output:
        case Format.TEXT:
            _print(figures, tables)
        case Format.CSV:
            _write(bootstrap.report_csv(tables), file)
        case Format.XLSX:
            _write(bootstrap.report_workbook(tables, timezone), file)
        case Format.HTML:
            _write(report_page(figures, tables), file)
        case Format.JSON:
            _write(_json(figures, tables), file)
    if not balances(kept):
        complain("le compte n'y est pas / the count is not right: edi verify")
        raise typer.Exit(1)


def _period(day: str | None, month: str | None, timezone: str) -> Period:
    if (day is None) == (month is None):
        raise ConfigError("précisez --day ou --month / say --day or --month")
    text = day if day is not None else f"{month}-01"
    try:
        first = date.fromisoformat(text)
        period = day_period if day is not None else month_period
        return period(first, timezone)
    except (ValueError, OverflowError):
        raise ConfigError(f"date : YYYY-MM-DD, YYYY-MM ; trouvé / found: {day or month}") from None


def _print(figures: Figures, tables: Sequence[Table]) -> None:
    period = figures.period
    who = f"{figures.partner or 'tous / all'}, {figures.environment.value}"
    say(f"{period.name}, {period.timezone}, {who}")
    if is_empty(tables):
        say("Rien reçu / nothing received")
    for table in tables:
        if table.rows:
            heads = [one.fr for one in table.columns]
            told = [row for row in table.rows if table.key != "course" or any(row[1:])]
            steps = [one.key == "step" for one in table.columns]
            rows = [
                [
                    in_words(value) if step else _shown(value, period.timezone)
                    for step, value in zip(steps, row, strict=True)
                ]
                for row in told
            ]
            say_table(f"{table.fr} / {table.en}", heads, rows)


def _shown(value: Cell, timezone: str) -> object:
    if isinstance(value, datetime):
        return f"{value.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S}"
    return format(value, "f") if isinstance(value, Decimal) else value


def _json(figures: Figures, tables: Sequence[Table]) -> bytes:
    period = figures.period
    told = {
        "period": period.name,
        "timezone": period.timezone,
        "start": _plain(period.start),
        "end": _plain(period.end),
        "partner": figures.partner,
        "environment": figures.environment.value,
        "balanced": all(balances(one) for one in tables if one.key == "conservation"),
        "tables": {
            table.key: [
                {one.key: _plain(value) for one, value in zip(table.columns, row, strict=True)}
                for row in table.rows
            ]
            for table in tables
        },
    }
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _plain(value: Cell) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return value


def _write(payload: bytes, file: Path | None) -> None:
    """Write a report to a file, whole or not at all, or to standard output."""
    if file is None:
        sys.stdout.buffer.write(payload)
        sys.stdout.flush()
        return
    part = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(part, _PART, 0o600), "wb") as unfinished:
            unfinished.write(payload)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
