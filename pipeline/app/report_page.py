"""A report as a page for people: its tables, with charts beside the two that have a shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pipeline.app.report import balances, is_empty
from pipeline.model.connection import Environment
from pipeline.model.figures import Cell, Figures, Table
from pipeline.model.status import WORDS
from pipeline.syntax.chart import Bar, bar_chart
from pipeline.syntax.page import Element, both, digits, el, write_page

#: Tables that get a chart, and where its bars grow.
_DRAWN = {"course": "up", "rules": "right"}


def report_page(figures: Figures, tables: Sequence[Table]) -> bytes:
    """Write a report as one self-contained page, UTF-8, that needs no script.

    Args:
        figures: What it is about.
        tables: What it says, that of conservation among them.
    """
    zone = ZoneInfo(figures.period.timezone)
    sections = (_section(table, zone) for table in tables if table.rows)
    return write_page(f"Rapport {figures.period.name}", _head(figures, tables), *sections)


def _head(figures: Figures, tables: Sequence[Table]) -> Element:
    """Say what the report is about, and whether it adds up."""
    kept = all(balances(table) for table in tables if table.key == "conservation")
    if is_empty(tables):
        verdict, css = both("Rien reçu", "Nothing received"), "duplicate"
    elif kept:
        verdict, css = both("Le compte est bon", "The count is right"), "accepted"
    else:
        verdict, css = both("Le compte n'y est pas", "The count is not right"), "rejected"
    about = f"{figures.period.name}, {figures.period.timezone}"
    who = figures.partner or "tous les partenaires (all partners)"
    if figures.environment is not Environment.PRODUCTION:
        who = f"{who}, {figures.environment.value}"
    made = figures.at.astimezone(ZoneInfo(figures.period.timezone))
    counted = f"{len(figures.flows)} flux (flows), {len(figures.documents)} documents"
    return el(
        "header",
        el("p", both("Rapport", "Report"), css="kicker"),
        el("h1", verdict),
        el("p", f"{about} – ", el("bdi", who), css="file"),
        el("p", counted, css="said"),
        el("p", f"{made:%Y-%m-%d %H:%M:%S}", css="note"),
        css=f"verdict {css}",
    )


def _section(table: Table, zone: ZoneInfo) -> Element:
    title = el("h2", both(table.fr, table.en))
    return el("section", title, *_chart(table, zone), _table(table, zone))


def _chart(table: Table, zone: ZoneInfo) -> Iterator[Element]:
    match _DRAWN.get(table.key):
        case "up":
            bars = [
                Bar(_part(row[0], zone, len(table.rows)), _count(row[2])) for row in table.rows
            ]
            description = "Documents reçus, par heure du jour ou par jour du mois."
            yield el("div", bar_chart(table.key, "Documents", description, bars, "up"), css="wide")
        case "right":
            bars = [Bar(str(row[0]), _count(row[1])) for row in table.rows]
            description = "Documents refusés par chaque règle, la plus fréquente d'abord."
            yield el("div", bar_chart(table.key, table.fr, description, bars, "right"), css="wide")
        case _:
            return


def _part(value: Cell, zone: ZoneInfo, parts: int) -> str:
    """Name an hour of a day, or a day of a month."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is no moment")
    hours = 25  # a day has no more
    return f"{value.astimezone(zone):{'%H:%M' if parts <= hours else '%d'}}"


def _count(value: Cell) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no count")
    return value


def _table(table: Table, zone: ZoneInfo) -> Element:
    heads = (
        el(
            "th",
            both(one.fr, one.en),
            css="number" if _is_number(table.rows[0][place]) else "",
            attributes={"scope": "col"},
        )
        for place, one in enumerate(table.columns)
    )
    steps = [one.key == "step" for one in table.columns]
    rows = (
        el(
            "tr",
            *(
                _step(value) if step else _cell(value, zone)
                for step, value in zip(steps, row, strict=True)
            ),
        )
        for row in table.rows
    )
    inside = el("table", el("thead", el("tr", *heads)), el("tbody", *rows), css="figures")
    return el("div", inside, css="wide")


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float, Decimal))


def _step(value: Cell) -> Element:
    """Say a step in words."""
    word = str(value)
    return el("td", both(*WORDS.get(word, (word, word))))


def _cell(value: Cell, zone: ZoneInfo) -> Element:
    match value:
        case None:
            return el("td", "–")
        case str():
            return el("td", el("bdi", value))
        case datetime():
            return el("td", f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}", css="day")
        case Decimal():
            return el("td", digits(value), css="number")
        case int():
            return el("td", f"{value:,}".replace(",", "\u202f"), css="number")
        case float():
            return el("td", digits(Decimal(str(value))), css="number")
