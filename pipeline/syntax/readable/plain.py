"""Writes a view as plain text: for a terminal, a screen reader, or a mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.labels import LABELS
from pipeline.syntax.readable.view import Card, Grid, Item, Mark, Row, View

#: Widths of the totals: their names, and each amount.
_TOTAL, _AMOUNT = 40, 20
_STEP = "  "


def write_text(view: View) -> str:
    """Write a readable invoice as lines of text; the same view gives the same text."""
    return "\n".join(line.rstrip() for line in _lines(view)) + "\n"


def _lines(view: View) -> Iterator[str]:
    words = view.words
    yield view.title
    yield words["notice"]
    if view.verdict[0]:
        yield view.verdict[0]
    yield ""
    yield from _items(view.headline, view, "")
    for card in (*view.parties, *view.cards):
        yield from _card(card, view)
    yield from _grid(view.lines, view)
    for grid in view.grids:
        yield from _grid(grid, view)
    yield from _totals(view)
    for each in (*view.settlement, view.legal, view.notes):
        if each:
            yield from _card(each, view)
    if view.supports:
        yield from _grid(view.supports, view)
    yield from _findings(view)
    yield from _beyond(view)
    yield from _head(words["original"])
    yield from _items(view.source, view, _STEP)
    if view.packs:
        yield f"{_STEP}{words['checks']}{words['colon']} {', '.join(view.packs)}"


def _head(title: str) -> tuple[str, str]:
    return "", title.upper()


def _card(card: Card, view: View) -> Iterator[str]:
    yield from _head(card.title)
    yield from _items(card.items, view, _STEP)
    yield from _marks(card.marks, _STEP)


def _items(items: Sequence[Item], view: View, indent: str) -> Iterator[str]:
    for item in items:
        first, *others = _said(item, view).split("\n")
        label = f"{item.label}{view.words['colon']} " if item.label else ""
        yield f"{indent}{label}{first}"
        yield from (f"{indent}{_STEP if label else ''}{other}" for other in others)
        yield from _marks(item.marks, indent + _STEP)


def _said(item: Item, view: View) -> str:
    """Return a value with what stands beside it."""
    value = item.value or (f"({view.words['missing']})" if item.marks else "")
    note = f" ({item.note})" if item.note else ""
    aside = f" [{item.aside}]" if item.aside else ""
    return f"{value}{note}{aside}"


def _grid(grid: Grid, view: View) -> Iterator[str]:
    yield from _head(grid.title)
    yield from _marks(grid.marks, _STEP)
    for row in grid.rows:
        yield from _row(row, grid, view, _STEP * (1 + row.depth))


def _row(row: Row, grid: Grid, view: View, indent: str) -> Iterator[str]:
    """Write what names the row, its figures below, each under the name of its column."""
    pairs = list(zip(grid.columns, row.cells, strict=True))
    names = [_said(cell, view) for column, cell in pairs if not column.number]
    figures = [
        f"{column.label}{view.words['colon']} {_said(cell, view)}"
        for column, cell in pairs
        if column.number and (cell.value or cell.marks)
    ]
    first, *others = "  ".join(name for name in names if name).split("\n")
    yield f"{indent}{first}"
    yield from (f"{indent}{_STEP}{other}" for other in others)
    if figures:
        yield f"{indent}{_STEP}{'   '.join(figures)}"
    for cell in row.cells:
        yield from _marks(cell.marks, indent + _STEP)
    yield from _items(row.details, view, indent + _STEP)
    yield from _marks(row.marks, indent + _STEP)


def _totals(view: View) -> Iterator[str]:
    words = view.words
    yield from _head(LABELS["BG-22"].in_(view.language))
    yield from _marks(view.totals_marks, _STEP)
    yield f"{'':{_TOTAL}}{words['stated']:>{_AMOUNT}}{words['computed']:>{_AMOUNT}}"
    for total in view.totals:
        sign = {True: "= ", False: "≠ ", None: ""}[total.agrees]
        computed = f"{sign}{total.computed}" if total.computed else ""
        stated = total.item.value or "—"
        name = f"{_STEP}{total.item.label}"
        yield f"{name:{_TOTAL}}{stated:>{_AMOUNT}}{computed:>{_AMOUNT}}"
        yield from _marks(total.item.marks, _STEP * 2)


def _marks(marks: Sequence[Mark], indent: str) -> Iterator[str]:
    for mark in marks:
        yield f"{indent}{'!' if mark.fatal else '?'} [{mark.number}] {mark.rule} {mark.message}"


def _findings(view: View) -> Iterator[str]:
    if not view.marks:
        return
    words = view.words
    yield from _head(words["findings"])
    for mark in view.marks:
        weight = words["fatal"] if mark.fatal else words["warning"]
        yield f"{_STEP}[{mark.number}] {mark.rule} ({weight}) {mark.message}"
        for more in (mark.told, mark.place):
            if more:
                yield f"{_STEP * 3}{more}"
    if view.unlisted:
        yield f"{_STEP}+ {view.unlisted} {words['unlisted']}"


def _beyond(view: View) -> Iterator[str]:
    if not view.beyond:
        return
    yield from _head(view.words["beyond"])
    for each in view.beyond:
        yield f"{_STEP}{each.value}"
        yield f"{_STEP * 2}{each.place} {each.why}"
