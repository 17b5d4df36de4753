"""What a readable invoice shows, as values: texts in one language, in their order.

Every text in it is fit to be shown: it holds no character that turns the direction of what
stands around it, and none that a page cannot carry. Whoever writes it down decides how it
looks, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.labels import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A finding, beside what it speaks of.

    Attributes:
        number: In the list of findings, from 1.
        rule: Its name.
        fatal: Whether it is one that blocks.
        message: What is wrong.
        told: What was found and expected, or nothing.
        place: Where: term, line of the document and path; for the list.
    """

    number: int
    rule: str
    fatal: bool
    message: str
    told: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value under its name.

    Attributes:
        term: The business term, or several where one text shows them together.
        label: What it is called; empty where it needs no name.
        value: The text; empty where the document has none and a finding says so.
        note: What a code stands for, or a scheme; shown beside the value.
        style: How it is set: ``""``, ``number``, ``mono``, ``strong`` or ``long``.
        marks: Findings about it.
        aside: The same amount computed anew, in words, where it differs.
    """

    term: str
    label: str = ""
    value: str = ""
    note: str = ""
    style: str = ""
    marks: tuple[Mark, ...] = ()
    aside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A few values under one title."""

    title: str
    term: str = ""
    items: tuple[Item, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its head, the term under it, its share of the width in percent."""

    label: str
    term: str = ""
    width: int = 0
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes:
        cells: One a column.
        details: More values, below the row.
        marks: Findings about the row that stand beside none of its values.
        kind: ``detail``, ``group`` or ``information``; only lines have one.
        depth: How many rows it is within.
    """

    cells: tuple[Item, ...]
    details: tuple[Item, ...] = ()
    marks: tuple[Mark, ...] = ()
    kind: str = "detail"
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table under its title."""

    title: str
    term: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """One total: as stated, and as it comes out.

    Attributes:
        item: As stated.
        computed: As it comes out; empty where it is no sum, or cannot be told.
        agrees: Whether both are the same; None where there is nothing to compare.
        main: Whether it is one that people look for.
    """

    item: Item
    computed: str = ""
    agrees: bool | None = None
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Something in the original that no part of the page shows."""

    place: str
    value: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A whole readable invoice.

    Attributes:
        language: Of every text in it.
        title: What the page is called.
        kind: What the document is: invoice, credit note…
        words: Fixed texts by key.
        headline: Number, dates, currency.
        verdict: One sentence on the checks, and its kind (``valid``, ``invalid``,
            ``unclear``); both empty where none were made.
        parties: Seller and buyer first.
        cards: References, process, period, delivery.
        lines: The lines.
        grids: Allowances, charges, VAT breakdown: in the order of a calculation.
        totals: The totals.
        totals_marks: Findings about the totals as a whole.
        settlement: Payment: means, accounts, terms.
        legal: The notes that the law asks for.
        notes: The others.
        supports: Supporting documents.
        marks: Every finding.
        unlisted: How many findings more there are than `marks` holds.
        beyond: What the original holds beside all this.
        source: What the page was made from.
        packs: The rules that were run.
    """

    language: Language
    title: str
    kind: str
    words: dict[str, str]
    headline: tuple[Item, ...]
    verdict: tuple[str, str]
    parties: tuple[Card, ...]
    cards: tuple[Card, ...]
    lines: Grid
    grids: tuple[Grid, ...]
    totals: tuple[Total, ...]
    totals_marks: tuple[Mark, ...]
    settlement: tuple[Card, ...]
    legal: Card | None
    notes: Card | None
    supports: Grid | None
    marks: tuple[Mark, ...]
    unlisted: int
    beyond: tuple[Beyond, ...]
    source: tuple[Item, ...]
    packs: tuple[str, ...]
