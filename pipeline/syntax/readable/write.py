"""Writes a view as a page: the one door of Jinja2.

The template is part of the program, as this module is: it lies beside it in the package and is
read once a process. Every text goes through its escaping; the page has no script, asks for
nothing from outside, and its own policy forbids both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.model.labels import LABELS
from pipeline.syntax.page import policy
from pipeline.syntax.readable.view import Item, View

if TYPE_CHECKING:
    from jinja2 import Template

#: Characters of a word that fits the narrowest column.
_LONG_WORD = 12


def write_html(view: View) -> str:
    """Write a readable invoice as one page for a screen; the same view gives the same text."""
    return _write(view, screen=True)


def write_paper(view: View) -> str:
    """Write it as a page to be printed: the same, without what only a screen can use."""
    return _write(view, screen=False)


def _write(view: View, *, screen: bool) -> str:
    from markupsafe import Markup

    template, css = _loaded()
    return template.render(
        view=view,
        words=view.words,
        screen=screen,
        css=Markup(css),  # noqa: S704  # of our own making
        policy=Markup(policy(css)),  # noqa: S704  # of our own making: no double quote in it
        totals_label=LABELS["BG-22"].in_(view.language),
    )


@cache
def _loaded() -> tuple[Template, str]:
    # a tenth of a second: loaded when a page is written
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("pipeline.syntax.readable", "")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        keep_trailing_newline=True,
    )
    environment.filters["long_words"] = _has_long_words
    environment.filters["runs"] = _runs
    css, _, _ = loader.get_source(environment, "invoice.css")
    return environment.get_template("invoice.html.j2"), css


def _has_long_words(text: str, most: int = _LONG_WORD) -> bool:
    """Tell whether a text has a word that might be wider than its column."""
    return len(text) > most and any(len(word) > most for word in text.split())


@dataclass(frozen=True, slots=True)
class _Run:
    """Items that stand in one run of text, or one that needs more than that."""

    text: str = ""
    strong: bool = False
    item: Item | None = None


def _runs(items: Sequence[Item], colon: str, between: str = "\n") -> list[_Run]:
    """Put items that follow each other into runs of text, those with findings apart."""
    runs: list[_Run] = []
    named = True
    for item in items:
        if item.marks or item.aside or not item.value or item.style == "mono":
            runs.append(_Run(item=item))
            continue
        label = f"{item.label}{colon} " if item.label else ""
        told = f"{label}{item.value} ({item.note})" if item.note else f"{label}{item.value}"
        strong = item.style == "strong"
        last = runs[-1] if runs else _Run(strong=not strong)
        if last.item or last.strong is not strong:
            runs.append(_Run(told, strong))
        else:
            gap = between if named and item.label and item.style != "long" else "\n"
            runs[-1] = _Run(f"{last.text}{gap}{told}", strong)
        named = bool(item.label)
    return runs
