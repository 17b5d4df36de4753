"""How a page that people read is written down: HTML, self-contained and inert.

No script, no outside resource: the style is inline and the page's own policy allows
nothing else. Every text goes through `el`, so that whatever a partner wrote is escaped,
shortened and kept to its own line direction by construction.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import TypeAlias

from lxml import etree, html
from lxml.html.builder import E

from pipeline.model.finding import Finding, Severity
from pipeline.syntax.characters import shorten, undirected
from pipeline.syntax.style import CSS

#: One element of a page.
Element: TypeAlias = etree._Element  # noqa: SLF001  # lxml gives its element class no public name
#: What an element holds: elements, and texts that still have to be made fit.
Child: TypeAlias = Element | str

#: Characters shown of one text.
_TEXT = 800

#: What a rule engine writes into a path and a bookkeeper cannot use.
_PATH_NOISE = re.compile(r"\*:|\[namespace-uri\(\)='[^']*'\]")

#: A pack's own text that has no French yet stands in `fr` behind this mark.
_UNTRANSLATED = "[en] "


def policy(css: str) -> str:
    """Return the policy of a page that holds this one style sheet, and asks for nothing."""
    digest = b64encode(sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"


_POLICY = policy(CSS)


def write_page(title: str, *content: Child) -> bytes:
    """Write one page, UTF-8; the same content gives the same bytes."""
    page = E.html(
        {"lang": "fr"},
        E.head(
            E.meta({"charset": "utf-8"}),
            E.meta({"http-equiv": "Content-Security-Policy", "content": _POLICY}),
            E.meta({"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            E.meta({"name": "referrer", "content": "no-referrer"}),
            el("title", title),
            E.style(CSS),
        ),
        E.body(el("main", *content)),
    )
    written: bytes = html.tostring(page, doctype="<!DOCTYPE html>", encoding="utf-8")
    return written + b"\n"


def el(
    tag: str,
    *children: Child,
    css: str = "",
    lang: str = "",
    attributes: Mapping[str, str] | None = None,
) -> Element:
    """Make an element; texts are made fit to be shown, then escaped by the serialiser.

    Args:
        tag: Its name.
        children: What it holds.
        css: Its class, or nothing.
        lang: Its language, where it is not that of the page.
        attributes: Others: of our own making, never a partner's.
    """
    own = {key: value for key, value in (("class", css), ("lang", lang)) if value}
    shown = [_shown(child) if isinstance(child, str) else child for child in children]
    element: Element = E(tag, {**own, **(attributes or {})}, *shown)
    return element


def _shown(text: str) -> str:
    return undirected(shorten(text, _TEXT))


def both(fr: str, en: str, css: str = "") -> Element:
    """French first, English beside it where it says it otherwise."""
    beside = (" ", el("span", en, css="en", lang="en")) if en != fr else ()
    return el("span", fr, *beside, css=css)


def said(message: Mapping[str, str]) -> Iterator[Element]:
    """French then English, or the English alone where there is no French yet."""
    if not message["fr"].startswith(_UNTRANSLATED):
        yield el("p", message["fr"])
    yield el("p", message["en"], css="en", lang="en")


def todo(action: Mapping[str, str]) -> Element:
    """Say what the reader has to do."""
    return el(
        "p",
        el("b", "À faire : "),
        action["fr"],
        " ",
        el("span", el("b", "To do: "), action["en"], css="en", lang="en"),
        css="todo",
    )


def finding_item(finding: Finding) -> Element:
    """Show one finding as an item of a list: rule, place, weight, message, value, path."""
    fatal = finding.severity is Severity.FATAL
    weight = both("bloquant", "fatal") if fatal else both("avertissement", "warning")
    rows = [
        el("p", el("code", finding.rule), " ", *_where(finding), " ", el("span", weight)),
        *said(finding.message),
    ]
    figures = [*_figures(finding)]
    if figures:
        rows.append(el("p", *figures))
    if finding.xpath:
        rows.append(el("p", el("bdi", _PATH_NOISE.sub("", finding.xpath)), css="mono path"))
    return el("li", *rows, css=finding.severity.value)


def _figures(finding: Finding) -> Iterator[Child]:
    """Yield what was found and what was expected, as far as they are known."""
    told = (("Trouvé :", "Found:", finding.value), ("Attendu :", "Expected:", finding.expected))
    for fr, en, value in told:
        if value:
            yield both(fr, en, css="label")
            yield " "
            yield el("q", el("bdi", value), css="mono")
            yield " "


def _where(finding: Finding) -> Iterator[Child]:
    """Yield term and line, where they are known."""
    if finding.term:
        yield el("span", finding.term, css="term")
    if finding.line is not None:
        yield both(f"ligne {finding.line}", f"line {finding.line}", css="line")


def money(amount: Decimal, currency: str | None) -> str:
    """Write a usable amount with its currency, as the document names it."""
    return f"{digits(amount)} {shorten(currency or '?', 12)}"


def digits(amount: Decimal) -> str:
    r"""Write a usable amount the French way, thousands apart by a narrow unbreakable space.

    >>> digits(Decimal("-1234567.5")).replace("\u202f", " ")
    '-1 234 567,50'
    """
    whole, _, cents = format(abs(amount), "f").partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u202f")
    sign = "-" if amount < 0 else ""
    return f"{sign}{grouped},{cents.ljust(2, '0')}"
