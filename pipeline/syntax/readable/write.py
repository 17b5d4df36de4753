"""Writes a view as a page: the one door of Jinja2.

The template is part of the program, as this module is: it lies beside it in the package and is
read once a process. Every text goes through its escaping; the page has no script, asks for
nothing from outside, and its own policy forbids both.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.model.labels import LABELS
from pipeline.syntax.page import policy
from pipeline.syntax.readable.view import View

#: Characters of a word that fits the narrowest column.
_LONG_WORD = 12


def write_html(view: View) -> str:
    """Write a readable invoice as one page for a screen; the same view gives the same text."""
    return _write(view, screen=True)


def write_paper(view: View) -> str:
    """Write it as a page to be printed: the same, without what only a screen can use."""
    return _write(view, screen=False)


def _write(view: View, *, screen: bool) -> str:
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
    loader = PackageLoader("pipeline.syntax.readable", "")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        keep_trailing_newline=True,
    )
    environment.filters["long_words"] = _has_long_words
    css, _, _ = loader.get_source(environment, "invoice.css")
    return environment.get_template("invoice.html.j2"), css


def _has_long_words(text: str) -> bool:
    """Tell whether a text has a word that might be wider than its column."""
    return len(text) > _LONG_WORD and any(len(word) > _LONG_WORD for word in text.split())
