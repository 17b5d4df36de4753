"""One table a format: business term, and where the format writes it.

`ubl` and `cii` each hold one `Table`. It reads the routing header, tells which term
stands at a path, and finds the others, which occur once a group: once a line, for instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import islice

from lxml import etree

from pipeline.model.report import RoutingHeader

#: Longest text a header keeps, in characters: it goes into database keys and file
#: names, and no real number, name or identifier is longer.
MOST_TEXT = 255

#: ``2026-09-01``, with or without a time zone, and ``20260901``.
_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?P<dash>-?)(?P<m>[0-9]{2})(?P=dash)(?P<d>[0-9]{2})"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
#: As ``xs:decimal`` writes it, and short enough for any database.
_DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,20}(?:\.[0-9]{0,20})?")
#: Stands between the texts of one evaluation: a private character that no invoice has use for.
_BETWEEN = "\ue000"

_SIRET = re.compile(r"[0-9]{14}")
_NUMBERING = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One term.

    Attributes:
        field: Field of `RoutingHeader` it fills.
        term: Its name in EN 16931-1, e.g. ``BT-1``.
        paths: XPaths from the root element, best first; the first that holds text wins.
    """

    field: str
    term: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Terms that occur together, as often as their group does.

    Attributes:
        term: Its name in EN 16931-1, e.g. ``BG-25``; empty for the document itself.
        path: XPath of its elements from the root element.
        terms: Each term with its XPath from an element of the group.
        within: The group that each of its elements lies in, where there is one.
    """

    term: str
    path: str
    terms: tuple[tuple[str, str], ...]
    within: str = ""


class Table:
    """The rows of one format, ready to be read by."""

    def __init__(
        self, namespaces: Mapping[str, str], rows: Sequence[Row], groups: Sequence[Group] = ()
    ) -> None:
        """Compile the paths of the header; those of the groups are when they are first needed.

        Args:
            namespaces: Prefixes the paths use.
            rows: In any order; one a field.
            groups: The terms that are no field of the header.

        Raises:
            lxml.etree.XPathSyntaxError: A path is none: our bug.
        """
        self._prefixes = prefixes = dict(namespaces)
        self._rows = tuple(rows)
        self._groups = tuple(groups)
        paths = [f"string({path})" for row in rows for path in row.paths]
        self._each = [_compiled(path, prefixes) for path in paths]
        # one evaluation costs about as much as thirty strings: all are read by one
        mark = f", '{_BETWEEN}', "
        self._all = _compiled(f"concat({mark.join(paths)})", prefixes)
        # One with a condition is never asked for: without it, its element has several terms.
        self._terms = {path: row.term for row in rows for path in row.paths}

    def read_header(self, root: etree._Element) -> RoutingHeader:
        """Read the header of a document of this format.

        Returns:
            What is there. A date or an amount that is none is None, as is what is absent.
        """
        found: dict[str, object] = {}
        texts = iter(self._texts(root))
        for row in self._rows:
            there = [text for text in islice(texts, len(row.paths)) if text]
            if there:
                found[row.field] = _VALUES.get(row.field, _text)(there[0])
        for party in ("seller", "buyer"):
            siret = found.get(f"{party}_siret")
            if isinstance(siret, str) and _SIRET.fullmatch(siret):
                found.setdefault(f"{party}_siren", siret[:9])
        return RoutingHeader(**found)  # type: ignore[arg-type]  # fields and values pair in _VALUES

    def _texts(self, root: etree._Element) -> list[str]:
        """Return the text at every path, stripped; empty where there is none."""
        texts = str(self._all(root)).split(_BETWEEN)
        if len(texts) != len(self._each):  # the document itself holds the mark
            texts = [str(path(root)) for path in self._each]
        return [text.strip() for text in texts]

    def term_of(self, path: str) -> str | None:
        """Return the business term at a path, or None where the table has no single one.

        Args:
            path: From the root, which comes first, in the prefixes of this format;
                numbers of elements are not looked at.
        """
        _, _, inner = _NUMBERING.sub("", path).lstrip("/").partition("/")
        return self._terms.get(inner)

    @cached_property
    def groups(self) -> Mapping[str, etree.XPath]:
        """Return what finds the elements of each group from the root element, by its name."""
        found = {each.term: _compiled(each.path, self._prefixes) for each in self._groups}
        return {"": _compiled(".", self._prefixes), **found}

    def within(self, group: str) -> str:
        """Return the group that a group's elements lie in; empty for none."""
        return next((each.within for each in self._groups if each.term == group), "")

    @cached_property
    def places(self) -> Mapping[str, Sequence[tuple[str, etree.XPath]]]:
        """Return where each term stands: its group, and what finds it from there.

        A header field that is written in several ways has a place for each of them.
        """
        found: dict[str, list[tuple[str, etree.XPath]]] = {}
        written = [("", row.term, path) for row in self._rows for path in row.paths]
        written += [(each.term, term, path) for each in self._groups for term, path in each.terms]
        for group, term, path in written:
            found.setdefault(term, []).append((group, _compiled(path, self._prefixes)))
        return found


def _compiled(path: str, prefixes: dict[str, str]) -> etree.XPath:
    return etree.XPath(path, namespaces=prefixes, smart_strings=False)


def _text(text: str) -> str:
    return text[:MOST_TEXT]


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:  # no such day
        return None


def read_decimal(text: str) -> Decimal | None:
    """Read an amount as ``xs:decimal`` writes it; None where it is none, or too long."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


#: How a text becomes a value; every other field is text.
_VALUES: Mapping[str, Callable[[str], object]] = {
    "issue_date": _date,
    "total_without_vat": read_decimal,
    "total_with_vat": read_decimal,
    "amount_due": read_decimal,
}
