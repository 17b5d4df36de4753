"""Turns single values of an invoice into items of a view: name, text, findings beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from pipeline.model.codes import SCHEMES, UNITS
from pipeline.model.invoice import Identifier, Period, Quantity
from pipeline.model.labels import LABELS, Language, Name
from pipeline.model.recomputed import Recomputed
from pipeline.syntax.readable import formats
from pipeline.syntax.readable.marks import Marks, Place
from pipeline.syntax.readable.view import Item
from pipeline.syntax.readable.words import words


class Shower:
    """Makes items in one language.

    A value that is not there gives none, unless a finding speaks of it.
    """

    def __init__(self, language: Language, marks: Marks, currency: str | None) -> None:
        """Prepare for one invoice, whose amounts are in `currency`."""
        self.language = language
        self.marks = marks
        self.words = words(language)
        self.currency = formats.one_line(currency or "")

    def label(self, term: str) -> str:
        """Return what a term is called."""
        return LABELS[term].in_(self.language)

    def item(  # each is a column of the item
        self,
        terms: str | Sequence[str],
        value: str | None,
        *,
        label: str | None = None,
        note: str = "",
        style: str = "",
        place: Place = None,
        aside: str = "",
    ) -> Item | None:
        """Make an item of a text; None where there is neither text nor finding.

        Args:
            terms: The terms that the text shows; the first names the item.
            value: The text, already fit to be shown.
            label: Its name, where it is not that of the term.
            note: What stands beside it.
            style: How it is set.
            place: Which of several groups it is in.
            aside: What stands below it, as a warning.
        """
        named = (terms,) if isinstance(terms, str) else tuple(terms)
        marks = self.marks.take(*named, place=place)
        if not value:
            value, note = note, ""
        if not value and not marks:
            return None
        return Item(
            term=named[0] if named else "",
            label=self.label(named[0]) if label is None else label,
            value=value or "",
            note=note,
            style=style,
            marks=marks,
            aside=aside,
        )

    def cell(
        self,
        terms: str | Sequence[str],
        value: str | None,
        *,
        note: str = "",
        style: str = "",
        place: Place = None,
        aside: str = "",
    ) -> Item:
        """Make an item for a table: there even where it is empty, and named by its column."""
        found = self.item(terms, value, label="", note=note, style=style, place=place, aside=aside)
        return found or Item(term="", style=style)

    def text(
        self,
        terms: str | Sequence[str],
        value: str | None,
        *,
        label: str | None = None,
        place: Place = None,
    ) -> Item | None:
        """Make an item of a partner's text, its lines kept."""
        shown = "" if value is None else formats.text(value).strip("\n")
        style = "long" if "\n" in shown else ""
        return self.item(terms, shown, label=label, place=place, style=style)

    def line(
        self,
        terms: str | Sequence[str],
        value: str | None,
        *,
        label: str | None = None,
        place: Place = None,
        style: str = "",
    ) -> Item | None:
        """Make an item of a partner's text on one line."""
        shown = None if value is None else formats.one_line(value)
        return self.item(terms, shown, label=label, place=place, style=style)

    def code(
        self,
        term: str,
        value: str | None,
        names: Mapping[str, Name] | Name | None,
        *,
        label: str | None = None,
        place: Place = None,
    ) -> Item | None:
        """Make an item of a code: its name with the code beside it, or the code alone."""
        text, note = self.named(value, names)
        return self.item(term, text, note=note, label=label, place=place)

    def named(self, value: str | None, names: Mapping[str, Name] | Name | None) -> tuple[str, str]:
        """Return the name of a code and the code; the code and nothing where it has none."""
        if value is None:
            return "", ""
        shown = formats.one_line(value)
        name = names if isinstance(names, Name) or names is None else names.get(value)
        return (name.in_(self.language), shown) if name else (shown, "")

    def day(self, term: str, value: date | None) -> Item | None:
        """Make an item of a day."""
        return self.item(term, self.written_day(value))

    def written_day(self, value: date | None) -> str:
        """Write a day, or nothing."""
        return formats.day(value, self.language) if value else ""

    def period(
        self, terms: tuple[str, str], value: Period | None, place: Place = None
    ) -> Item | None:
        """Make an item of a period."""
        start = self.written_day(value.start) if value else ""
        end = self.written_day(value.end) if value else ""
        parts = ((self.words["from"], start), (self.words["to"], end))
        told = " ".join(f"{word} {day}" for word, day in parts if day)
        label = LABELS["BG-14" if terms[0] == "BT-73" else "BG-26"].in_(self.language)
        return self.item(terms, told, label=label, place=place)

    def identifier(
        self,
        terms: Sequence[str],
        value: Identifier | None,
        *,
        label: str | None = None,
        place: Place = None,
    ) -> Item | None:
        """Make an item of an identifier: named by its scheme where that has a name."""
        if value is None:
            return self.item(terms, None, label=label, place=place)
        scheme = SCHEMES.get(value.scheme or "")
        parts = (value.scheme, value.version)
        return self.item(
            terms,
            formats.identifier(value.value, value.scheme),
            label=scheme.in_(self.language) if scheme else label,
            note=" ".join(formats.one_line(part) for part in parts if part),
            place=place,
        )

    def amount(self, value: Decimal | None) -> str:
        """Write an amount, or nothing."""
        return "" if value is None else formats.amount(value, self.language)

    def number(self, value: Decimal | None, unit: str = "") -> str:
        """Write a number, or nothing."""
        return "" if value is None else formats.number(value, self.language) + unit

    def percent(self, value: Decimal | None) -> str:
        """Write a percentage, or nothing."""
        return self.number(value, "\u202f%")

    def quantity(self, value: Quantity | None) -> tuple[str, str]:
        """Write a quantity: the number with the name of its unit, and the unit's code."""
        if value is None:
            return "", ""
        name, code = self.named(value.unit, UNITS)
        number = self.number(value.value)
        return (f"{number} {name}", code) if code else (number, name)

    def aside(self, found: Recomputed) -> str:
        """Say that an amount comes out otherwise than stated, or nothing."""
        if found.agrees is not False or found.computed is None:
            return ""
        return f"{self.words['computed'].lower()} : {self.amount(found.computed)}"


def present(items: Iterable[Item | None]) -> tuple[Item, ...]:
    """Leave out what is not there."""
    return tuple(item for item in items if item is not None)
