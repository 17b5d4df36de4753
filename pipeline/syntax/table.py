"""One table a format: business term, and where the format writes it.

`ubl` and `cii` each hold one `Table`, a tree in the order of the format's schema. All else is
derived from it: how a document is read (`reading`) and written (`writing`), the routing header,
which term stands at a path, and where the terms of a group are found (`terms`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from lxml import etree

from pipeline.model.invoice import Invoice
from pipeline.model.report import RoutingHeader
from pipeline.model.terms import TERM_AT, Kind
from pipeline.syntax.values import Form, read_date, read_decimal

#: Longest text a header keeps, in characters: it goes into database keys and file
#: names, and no real number, name or identifier is longer.
MOST_TEXT = 255

#: Stands between the texts of one evaluation: a private character that no invoice has use for.
_BETWEEN = "\ue000"

_SIRET = re.compile(r"[0-9]{14}")
_NUMBERING = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True, slots=True)
class Of:
    """What another term of the same document holds, e.g. its currency."""

    term: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One term at one place.

    A path leads from the element around it: ``cac:OrderReference/cbc:ID``, ``@schemeID``, or
    ``.`` for that element itself. Where a format has several roots, ``A|B`` is a path for each
    of them in turn, and an empty one says that this root has no place for the term.

    Attributes:
        term: Its name.
        path: Where its text stands.
        form: How it is written, where not as its kind always is.
        when: Given the value and the invoice, tells whether it is written here; of several
            rows of one term, one has to take it. Every row is read.
        stand_in: What is written where the schema demands an element that the invoice has no
            value for; read as nothing where it does not stand alone.
        beside: The element beside which a stand-in is one; empty for any.
        keeps: What is written as stand-in is a value like any other where it is read.
        among: For a term that the format states once and the model in every item of a tuple:
            which items it is for, where there are any of those.
        first: Written in the first of the elements around it alone, for it is the invoice's.
        read_only: Read here, and written by another row.
        via: Attribute of the model to be written, where it is not the field that is read.
        bears: The term found here by whoever looks for one, where `term` is a whole group.
    """

    term: str
    path: str
    form: Form | None = None
    when: Callable[[Any, Invoice], bool] | None = None
    stand_in: str = ""
    beside: str = ""
    keeps: bool = False
    among: Callable[[Mapping[str, object]], bool] | None = None
    first: bool = False
    read_only: bool = False
    via: str = ""
    bears: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A text that bears no term, which the format asks for beside those that do.

    Attributes:
        path: As of a `Row`.
        value: What is written.
        also: What says the same; ``None`` among them where its absence does.
        tells: Only elements that hold it are meant by what is around it.
        any: Another text is none the worse: nothing is lost with it.
    """

    path: str
    value: str | Of
    also: tuple[str | None, ...] = ()
    tells: bool = False
    any: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An element, with what stands in it in the order of the schema.

    Attributes:
        path: As of a `Row`.
        of: What stands in it.
        term: The group of which each such element is one occurrence; or a term that occurs
            once in each, where it may occur several times.
        via: Attribute of the model to be written, where it is not the field that is read.
        when: Which occurrences are written here, of those that several parts share.
        most: Most occurrences that the schema admits; 0 for any number.
        always: Written even if nothing stands in it.
        first: Stands in the first of the elements around it, and is not about that one alone.
        mixes: Several such elements say together what one could.
    """

    path: str
    of: tuple[Entry, ...]
    term: str = ""
    via: str = ""
    when: Callable[[Any], bool] | None = None
    most: int = 0
    always: bool = False
    first: bool = False
    mixes: bool = False


Entry: TypeAlias = Row | Fixed | Part


@dataclass(frozen=True, slots=True)
class Head:
    """One field of `RoutingHeader`.

    Attributes:
        name: Of the field.
        term: Where it is read from.
        which: Number of one of its places, in the order of the table, and a predicate on it,
            the best first; the first that finds text wins.
        instead: Another term, whose place is read where `term` has none.
    """

    name: str
    term: str
    which: tuple[tuple[int, str], ...] = ((0, ""),)
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one entry of the table stands, as XPath.

    Attributes:
        group: The business group (BG) around it; empty for the document itself.
        path: From an element of that group.
        plain: The same without what tells it from the places beside it that are told.
        whole: From the root element, numbers and predicates left out.
    """

    group: str
    path: str
    plain: str
    whole: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that every element of a kind bears.

    Attributes:
        name: Its name.
        value: What it holds.
        written: Whether it is written; it is read in any case.
    """

    name: str
    value: str | Of
    written: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What holds for a whole format.

    Attributes:
        title: Its name, for people.
        namespaces: Prefixes of the paths.
        roots: Root elements, in the order of the paths' ``|``.
        forms: How values of a kind, or of a closed list, are written.
        bears: The attribute that every element of a kind bears.
        ignored: Clark names of attributes and elements that say nothing, whatever they hold.
        moved: Where a root's schema has another order: group, element, the one it precedes.
    """

    title: str
    namespaces: Mapping[str, str]
    roots: tuple[str, ...]
    forms: Mapping[object, Form] = field(default_factory=dict)
    bears: Mapping[Kind, Attribute] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    moved: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Header:
    """The paths of the routing header, compiled.

    Attributes:
        fields: Each field, how its text is read, and which of the paths are its own.
        all: Returns the text at every path at once: one evaluation costs about as much as
            thirty strings.
        each: The same one by one.
    """

    fields: tuple[tuple[str, Callable[[str], object], range], ...]
    all: etree.XPath
    each: tuple[etree.XPath, ...]


class Table:
    """The tree of one format, and what is found by it in a document.

    Paths are compiled when they are first needed.
    """

    def __init__(
        self, grammar: Grammar, entries: tuple[Entry, ...], heads: Sequence[Head]
    ) -> None:
        """Hold a table.

        Args:
            grammar: What holds for all of it.
            entries: What stands in the root element.
            heads: The fields of the header, in any order.
        """
        self.grammar = grammar
        self.entries = entries
        self._heads = tuple(heads)
        self._texts_at: dict[str, etree.XPath] = {}

    def read_header(self, root: etree._Element) -> RoutingHeader:
        """Read the header of a document of this format.

        Returns:
            What is there. A date or an amount that is none is None, as is what is absent.
        """
        found: dict[str, object] = {}
        texts = self._texts(root)
        for name, read, places in self._header.fields:
            for place in places:
                if texts[place]:
                    found[name] = read(texts[place])
                    break
        for party in ("seller", "buyer"):
            siret = found.get(f"{party}_siret")
            if isinstance(siret, str) and _SIRET.fullmatch(siret):
                found.setdefault(f"{party}_siren", siret[:9])
        return RoutingHeader(**found)  # type: ignore[arg-type]  # fields and values pair in _VALUES

    def text_at(self, root: etree._Element, term: str) -> str:
        """Return the text of a term of the document itself; empty where it is absent."""
        if term not in self._texts_at:
            self._texts_at[term] = self._compiled(f"string({_union(self._places[term])})")
        return str(self._texts_at[term](root)).strip()

    def _texts(self, root: etree._Element) -> list[str]:
        """Return the text at every path, stripped; empty where there is none."""
        header = self._header
        texts = str(header.all(root)).split(_BETWEEN)
        if len(texts) != len(header.each):  # the document itself holds the mark
            texts = [str(path(root)) for path in header.each]
        return [text.strip() for text in texts]

    @cached_property
    def _header(self) -> _Header:
        texts: list[str] = []
        fields: list[tuple[str, Callable[[str], object], range]] = []
        for head in self._heads:
            start = len(texts)
            texts += [f"string({path})" for path in self._head_paths(head)]
            read = _VALUES.get(head.name, _text)
            fields.append((head.name, read, range(start, len(texts))))
        mark = f", '{_BETWEEN}', "
        return _Header(
            tuple(fields),
            self._compiled(f"concat({mark.join(texts)})"),
            tuple(map(self._compiled, texts)),
        )

    @cached_property
    def _places(self) -> Mapping[str, Sequence[Place]]:
        return _places(self.entries, len(self.grammar.roots))

    def term_of(self, path: str) -> str | None:
        """Return the business term at a path, or None where the table has no single one.

        Args:
            path: From the root, which comes first, in the prefixes of this format;
                numbers of elements are not looked at.
        """
        _, _, inner = _NUMBERING.sub("", path).lstrip("/").partition("/")
        terms = self._terms.get(inner, ())
        return next(iter(terms)) if len(terms) == 1 else None

    @cached_property
    def _terms(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for term, places in self._places.items():
            for place in places:
                found.setdefault(place.whole, set()).add(term)
        for head in self._heads:
            for place in self._places[head.instead] if head.instead else ():
                found[place.whole].add(head.term)
        return found

    @cached_property
    def groups(self) -> Mapping[str, etree.XPath]:
        """Return what finds the elements of each group from the root element, by its name."""
        found = {group: self._compiled(path) for group, (path, _) in self._groups.items()}
        return {"": self._compiled("."), **found}

    @cached_property
    def _groups(self) -> Mapping[str, tuple[str, str]]:
        """Return each group's path from the root element, and the group around it."""
        found: dict[str, tuple[str, str]] = {}
        for term, places in self._places.items():
            if not term.startswith("BG-"):
                continue
            around = {place.group for place in places}
            outer = next(iter(around))
            paths = [
                f"{outside}/{place.path}" if outside else place.path
                for place in places
                for outside in (found[place.group][0].split(" | ") if place.group else [""])
            ]
            found[term] = (" | ".join(dict.fromkeys(paths)), outer)
        return found

    def within(self, group: str) -> str:
        """Return the group that a group's elements lie in; empty for none."""
        return self._groups[group][1] if group in self._groups else ""

    @cached_property
    def places(self) -> Mapping[str, Sequence[tuple[str, etree.XPath]]]:
        """Return where each term stands: its group, and what finds it from there.

        A term that is written in several ways has a place for each of them.
        """
        found: dict[str, list[tuple[str, etree.XPath]]] = {}
        for term, places in self._places.items():
            if term.startswith("BG-"):
                continue
            by_group: dict[str, list[Place]] = {}
            for place in places:
                by_group.setdefault(place.group, []).append(place)
            found[term] = [
                (group, self._compiled(_union(same))) for group, same in by_group.items()
            ]
        return found

    def _head_paths(self, head: Head) -> Iterator[str]:
        places = self._places[head.term]
        for number, predicate in head.which:
            place = places[number]
            # in a group that repeats: in the first of them that has one
            yield f"{place.whole if place.group else place.plain}{predicate}"
        if head.instead:
            instead = self._places[head.instead][0].plain
            yield f"{instead}[not({_from(instead, places[0].plain)})]"

    def _compiled(self, path: str) -> etree.XPath:
        return etree.XPath(path, namespaces=dict(self.grammar.namespaces), smart_strings=False)


def _union(places: Sequence[Place]) -> str:
    return " | ".join(dict.fromkeys(place.path for place in places))


def _from(place: str, other: str) -> str:
    """Return the path that leads from one place to another, both given from the same element.

    >>> _from("a/b/c", "a/d/e")
    '../../d/e'
    """
    steps, wanted = place.split("/"), other.split("/")
    while steps and wanted and steps[0] == wanted[0]:
        steps, wanted = steps[1:], wanted[1:]
    return "/".join([".."] * len(steps) + wanted)


def row_at(field: str, path: str, *, read_only: bool = False) -> tuple[Row, ...]:
    """Return the row of the term that stands at a field of the model, if there is one.

    Args:
        field: Path in the model, as of a term.
        path: As of a `Row`.
        read_only: Likewise.
    """
    if field not in TERM_AT:
        return ()
    return (Row(term=TERM_AT[field], path=path, read_only=read_only),)


def variant(path: str, root: int) -> str | None:
    """Return the path that holds for one root of a format; None where it has none."""
    if "|" not in path:
        return path
    return path.split("|")[root] or None


def _places(entries: tuple[Entry, ...], roots: int) -> Mapping[str, Sequence[Place]]:
    """Return every place of each term, in the order of the table."""
    found: dict[str, dict[Place, None]] = {}
    for root in range(roots):
        start = Place("", "", "", "")
        for term, place in _walk(entries, start, root, entries):
            found.setdefault(term, {})[place] = None
    return MappingProxyType({term: tuple(places) for term, places in found.items()})


def _walk(
    entries: tuple[Entry, ...], around: Place, root: int, top: tuple[Entry, ...]
) -> Iterator[tuple[str, Place]]:
    for entry in entries:
        path = variant(entry.path, root)
        if path is None or isinstance(entry, Fixed):
            continue
        if isinstance(entry, Row):
            place = _inside(around, path)
            yield (entry.bears or entry.term).removesuffix("/further"), place
            continue
        told, others = _told(entry, root, top), _others(entry, entries, root, top)
        place = _inside(around, path, told, others)
        if entry.term.startswith("BG-"):
            yield entry.term, place
            place = Place(entry.term, "", "", place.whole)
        yield from _walk(entry.of, place, root, top)


def _inside(around: Place, path: str, told: str = "", others: str = "") -> Place:
    if path == ".":
        return around
    return Place(
        around.group,
        _joined(around.path, f"{path}{told}{others}"),
        _joined(around.plain, f"{path}{told}"),
        _joined(around.whole, path),
    )


def _joined(outer: str, inner: str) -> str:
    return f"{outer}/{inner}" if outer else inner


def _told(part: Part, root: int, top: tuple[Entry, ...]) -> str:
    """Write the predicate that tells a part from others of the same path."""
    tests = [_test(each, root, top) for each in part.of if isinstance(each, Fixed) and each.tells]
    return "".join(f"[{test}]" for test in tests)


def _others(part: Part, beside: tuple[Entry, ...], root: int, top: tuple[Entry, ...]) -> str:
    """Write the predicate that leaves the parts of the same path that are told to themselves."""
    if _told(part, root, top):
        return ""
    told = [
        _told(each, root, top)
        for each in beside
        if isinstance(each, Part) and variant(each.path, root) == variant(part.path, root)
    ]
    return "".join(f"[not({test[1:-1]})]" for test in told if test)


def _test(fixed: Fixed, root: int, top: tuple[Entry, ...]) -> str:
    path = variant(fixed.path, root)
    if isinstance(fixed.value, Of):
        places = dict(_plain_rows(top, "", root))
        tests = [f"{path} = /*/{places[fixed.value.term]}"]
    else:
        texts = [fixed.value, *(each for each in fixed.also if each is not None)]
        at = path if path is not None and "@" in path else f"normalize-space({path})"
        tests = [f"{at} = '{text}'" for text in texts]
    if None in fixed.also:
        tests.append(f"not({path})")
    return " or ".join(tests)


def _plain_rows(entries: tuple[Entry, ...], outer: str, root: int) -> Iterator[tuple[str, str]]:
    """Yield the rows that stand in no group, with their paths from the root element."""
    for entry in entries:
        path = variant(entry.path, root)
        if path is None or isinstance(entry, Fixed):
            continue
        if isinstance(entry, Row):
            yield entry.term, _joined(outer, path)
        elif not entry.term:
            yield from _plain_rows(entry.of, _joined(outer, path), root)


def _text(text: str) -> str:
    return text[:MOST_TEXT]


#: How a text becomes a value; every other field is text.
_VALUES: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "issue_date": read_date,
        "total_without_vat": read_decimal,
        "total_with_vat": read_decimal,
        "amount_due": read_decimal,
    }
)
