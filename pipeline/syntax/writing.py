"""Writes an invoice of the model by a format's table, in the order of its schema.

The same invoice always gives the same bytes. What the format has no place for is stated as lost;
whether what is written satisfies the format's schema and rules is for those to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

from pipeline.model.conversion import Lost, Written
from pipeline.model.invoice import Invoice
from pipeline.model.terms import TERM_AT, TERMS, fields_of, is_value, steps_of
from pipeline.syntax.characters import carriable
from pipeline.syntax.losses import Losses
from pipeline.syntax.table import Fixed, Of, Row, Table
from pipeline.syntax.tree import Node, Slot, Text, tree
from pipeline.syntax.values import Form

#: Longest text that is repeated wherever others are told by it, in characters: a currency as
#: long as a book, at each of a thousand amounts, would be a library.
MOST_KNOWN = 255

_PLACELESS = {
    "fr": "{format} n'a pas de place pour cette donnée.",
    "en": "{format} has no place for this.",
}
_ONE_ONLY = {
    "fr": "{format} n'admet qu'une valeur de ce terme : la première est reprise.",
    "en": "{format} admits one value of this term: the first is carried.",
}
_ELSEWISE = {
    "fr": "Écrite en {format}, cette donnée serait lue autrement.",
    "en": "Written in {format}, this would be read as something else.",
}
_UNWRITABLE = {
    "fr": "Ce nombre est trop grand, ou trop long, pour être écrit en {format}.",
    "en": "This number is too large, or too long, to be written in {format}.",
}
_CHARACTERS = {
    "fr": "XML ne peut pas écrire certains de ces caractères ; U+FFFD les remplace.",
    "en": "XML cannot write some of these characters; U+FFFD stands for them.",
}
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)

_Get: TypeAlias = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class _Value:
    """Where a text comes from: the item at hand, or what the format fixes."""

    form: Form
    get: _Get | None
    up: bool
    row: Row
    fixed: str | Of | None
    shared: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Plan:
    """How one element is written.

    Attributes:
        start: Its start tag, after line end and indentation, without the ``>``.
        end: Its end tag, indented where it holds elements.
        term: The group that it is an occurrence of, or empty.
        enter: From the item at hand to the one whose fields stand within; None for the same.
        up: That way starts at the invoice.
        items: Returns the occurrences, for a group; None for one that occurs once.
        value: Its text; None for one that holds elements.
        plain: Returns its value where that is all there is to it: without one, nothing is written.
        guard: Returns the fields that it is all about, as seen from the item around it.
        empty: What that is where nothing is to be written.
    """

    start: str
    end: str
    term: str = ""
    enter: _Get | None = None
    up: bool = False
    items: _Get | None = None
    value: _Value | None = None
    many: bool = False
    attributes: tuple[tuple[str, _Value], ...] = ()
    kids: tuple[_Plan, ...] = ()
    when: Callable[[Any], bool] | None = None
    most: int = 0
    always: bool = False
    first: bool = False
    plain: _Get | None = None
    guard: _Get | None = None
    empty: object = None


def write(table: Table, root: int, invoice: Invoice) -> Written:
    """Write one document.

    Args:
        table: Of its format.
        root: Number of its root element in that format.
        invoice: What to write.

    Returns:
        The document in UTF-8, and what the format does not hold in the order of the model.
    """
    writer = _Writer(table, root, invoice)
    return Written(writer.document(), writer.losses())


class _Writer:
    """Writes one document."""

    def __init__(self, table: Table, root: int, invoice: Invoice) -> None:
        self._table = table
        self._number = root
        self._invoice = invoice
        self._out: list[str] = []
        self._real = 0
        self._lost = Losses()
        self._within: list[tuple[str, int]] = []
        self._known = {
            term: carriable(str(_follow(tuple(TERMS[term].path.split(".")))(invoice) or ""))[
                :MOST_KNOWN
            ]
            for term in _known_terms(table)
        }
        self._first = True

    def document(self) -> bytes:
        """Return the document."""
        plan = _plans(self._table, self._number)
        self._element(plan, self._invoice)
        return "".join(['<?xml version="1.0" encoding="UTF-8"?>', *self._out, "\n"]).encode()

    def losses(self) -> tuple[Lost, ...]:
        """Return what was lost."""
        absent = _absent(self._table, self._number)
        self._placeless(absent, self._invoice, "")
        for term, group in _borrowed(self._table, self._number):
            if not getattr(self._invoice, group):
                value = _follow(tuple(TERMS[term].path.split(".")))(self._invoice)
                if value is not None:
                    self._lose(term, value, _PLACELESS)
        return self._lost.all()

    def _branch(self, plan: _Plan, item: object) -> None:
        if plan.up:
            item = self._invoice
        if plan.enter is not None:
            item = plan.enter(item)
            if item is None:
                return
        if plan.items is None:
            self._element(plan, item)
            return
        written, around = 0, self._first
        for number, each in enumerate(plan.items(item) or (), 1):
            if plan.when is not None and not plan.when(each):
                continue
            if plan.most and written >= plan.most:
                self._lose(plan.term, each, _ONE_ONLY)
                continue
            self._first = written == 0
            written += 1
            self._within.append((plan.term, number))
            self._element(plan, each)
            self._within.pop()
        self._first = around

    def _element(self, plan: _Plan, item: object) -> None:
        if plan.value is not None:
            self._leaf(plan, plan.value, item)
            return
        if plan.first and not self._first:
            return
        out, real = self._out, self._real
        mark = len(out)
        out.append(plan.start + ">")
        for kid in plan.kids:
            if kid.plain is not None:
                found = kid.plain(item)
                if found is not None and kid.value is not None:
                    self._leaf(kid, kid.value, item)
            elif kid.guard is not None and kid.guard(item) == kid.empty:
                continue
            elif kid.value is not None and kid.items is None:
                self._leaf(kid, kid.value, item)
            else:
                self._branch(kid, item)
        if self._real == real and not plan.always:
            del out[mark:]
        elif len(out) == mark + 1:
            out[mark] = f"{plan.start}/>"  # a schema may admit not even white space in it
        else:
            out.append(plan.end)

    def _leaf(self, plan: _Plan, value: _Value, item: object) -> None:
        if value.get is None:
            if value.fixed is not None:
                self._out.append(f"{plan.start}>{self._fixed(value.fixed)}{plan.end}")
            return
        found = value.get(self._invoice if value.up else item)
        if value.shared:
            found = self._shared(value, found)
        row = value.row
        if not found and (found is None or found in ("", ())):
            if row.stand_in:
                borne = "".join([self._attribute(*each, item) for each in plan.attributes])
                self._out.append(f"{plan.start}{borne}>{row.stand_in}{plan.end}")
            return
        if row.first and not self._first:
            return
        if row.when is not None and not row.when(found, self._invoice):
            return
        writable = value.form.writable
        for each in found if plan.many else (found,):
            if writable is None or writable(each):
                self._text(plan, value, each, item)
            else:
                self._lose(row.term, each, _UNWRITABLE)

    def _text(self, plan: _Plan, value: _Value, found: object, item: object) -> None:
        form = value.form
        text = form.write(found)
        if not form.safe:
            text = self._escaped(value, text, _ESCAPES)
            if form.faithful is not None and not form.faithful(found):
                self._lose(value.row.term, text, _ELSEWISE)
        attributes = "".join([self._attribute(name, each, item) for name, each in plan.attributes])
        self._real += 1
        self._out.append(f"{plan.start}{attributes}>{text}{plan.end}")

    def _attribute(self, name: str, value: _Value, item: object) -> str:
        if value.get is None:
            fixed = "" if value.fixed is None else self._fixed(value.fixed)
            return f' {name}="{fixed}"' if fixed else ""
        found = value.get(self._invoice if value.up else item)
        if found is None or found == "":
            return ""
        return f' {name}="{self._escaped(value, value.form.write(found), _ATTRIBUTE_ESCAPES)}"'

    def _escaped(self, value: _Value, text: str, escapes: Mapping[int, str]) -> str:
        if text.isprintable() and not ("&" in text or "<" in text or ">" in text or '"' in text):
            return text  # nearly every text
        safe = carriable(text)
        if safe != text:
            self._lose(value.row.term, text, _CHARACTERS)
        return safe.translate(escapes)

    def _fixed(self, fixed: str | Of) -> str:
        if isinstance(fixed, Of):
            return self._known[fixed.term].translate(_ATTRIBUTE_ESCAPES)
        return fixed

    def _shared(self, value: _Value, items: Iterable[Any]) -> object:
        """Return the one value that all items of a tuple have; state any other as lost."""
        follow = _follow(value.shared)
        found = [each for each in map(follow, items or ()) if each is not None]
        distinct = list(dict.fromkeys(found))
        for other in distinct[1:]:
            self._lose(value.row.term, other, _ONE_ONLY)
        return distinct[0] if distinct else None

    def _placeless(self, absent: _Absent, value: object, path: str) -> None:
        """State every field as lost that no row of the table writes."""
        for name, inner in absent.items():
            found = getattr(value, name)
            if found is None or found == ():
                continue
            here = f"{path}.{name}" if path else name
            if not inner:
                self._lose(TERM_AT.get(here, here), found, _PLACELESS)
            elif isinstance(found, tuple):
                for number, each in enumerate(found, 1):
                    self._within.append((TERM_AT.get(here, here), number))
                    self._placeless(inner, each, here)
                    self._within.pop()
            else:
                self._placeless(inner, found, here)

    def _lose(self, term: str, value: object, why: Mapping[str, str]) -> None:
        """State a value as lost: of a term, or of a field that bears none here."""
        around = [f"{group}[{number}]" for group, number in self._within]
        shown = value if isinstance(value, str) else _shown(value)
        told = {
            language: text.format(format=self._table.grammar.title)
            for language, text in why.items()
        }
        self._lost.add(term if term in TERMS else None, "/".join([*around, term]), shown, told)


def _shown(value: object) -> str:
    """Write a value for people: of one with fields, what they hold."""
    if is_value(type(value)):
        held = (getattr(value, name) for name in fields_of(type(value)))
        return " ".join(_shown(each) for each in held if each is not None and each != ())
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    if isinstance(value, bytes):
        return f"{len(value)} octets / bytes"
    return str(value.value if isinstance(value, Enum) else value)


#: Fields that no row writes; under a field that holds values of the model, their own.
_Absent: TypeAlias = Mapping[str, "Mapping[str, Any]"]


@cache
def _absent(table: Table, root: int) -> _Absent:
    written = {
        TERMS[name].path
        for term in _written(tree(table, root))
        for name in (term, term.removesuffix("/further"))
    }
    return _missing(Invoice, "", written)


def _missing(kind: type, path: str, written: set[str]) -> _Absent:
    missing: dict[str, Mapping[str, Any]] = {}
    for name, step in fields_of(kind).items():
        here = f"{path}.{name}" if path else name
        if here in written:
            continue
        if not is_value(step.kind):
            missing[name] = {}
        elif inner := _missing(step.kind, here, written):
            missing[name] = inner
    return missing


def _written(node: Node) -> Iterator[str]:
    """Yield the term of every row that is written."""
    for text in (node.text, *node.attributes.values()):
        if text is not None and text.row.term and not text.read_only:
            yield text.row.term
            if text.row.term == "BT-127-00":
                yield from ("BT-127", "EXT-FR-FE-183")
    for kid in node.kids:
        yield from _written(kid)


@cache
def _borrowed(table: Table, root: int) -> Sequence[tuple[str, str]]:
    """Return each term of the invoice that is written in the items of a group, and that group."""
    inside = dict(_up(tree(table, root), ""))
    outside = set(_own(tree(table, root)))
    return [(term, group) for term, group in inside.items() if term not in outside]


def _up(node: Node, group: str) -> Iterator[tuple[str, str]]:
    group = node.base if node.group is not None and not group else group
    for text in (node.text, *node.attributes.values()):
        if text is not None and text.slot.up:
            yield text.row.term, group
    for kid in node.kids:
        yield from _up(kid, group)


def _own(node: Node) -> Iterator[str]:
    for text in (node.text, *node.attributes.values()):
        if text is not None and text.row.term and not text.slot.up:
            yield text.row.term
    for kid in node.kids:
        yield from _own(kid)


@cache
def _known_terms(table: Table) -> frozenset[str]:
    """Return the terms that others are told by."""
    return frozenset(
        fixed.value.term
        for root in range(len(table.grammar.roots))
        for fixed in _fixes(tree(table, root))
        if isinstance(fixed.value, Of)
    )


def _fixes(node: Node) -> Iterator[Fixed]:
    for text in (node.text, *node.attributes.values()):
        if text is not None and text.fixed is not None:
            yield text.fixed
    for kid in node.kids:
        yield from _fixes(kid)


@cache
def _plans(table: Table, root: int) -> _Plan:
    node = tree(table, root)
    plan = _plan(node, (), 0, table)
    spaces = dict(table.grammar.namespaces)
    own = node.tag[1:].partition("}")[0]
    prefix = next((prefix for prefix, uri in spaces.items() if uri == own), "")
    name = f"{prefix}:{node.name}" if prefix else node.name
    declared = "".join(f' xmlns:{each}="{uri}"' for each, uri in spaces.items())
    plan.start = f"\n<{name}" + ("" if prefix else f' xmlns="{own}"') + declared
    plan.end = f"\n</{name}>"
    plan.always = True
    return plan


def _plan(node: Node, entered: tuple[str, ...], depth: int, table: Table) -> _Plan:
    """Plan how an element is written.

    Args:
        node: The element.
        entered: Fields already gone through, from the item that is being written.
        depth: How far it is indented.
        table: Of the format.
    """
    indent = "\n" + " " * depth
    part = node.part
    holds = bool(node.kids)
    plan = _Plan(f"{indent}<{node.name}", f"{indent if holds else ''}</{node.name}>")
    inner = entered
    if node.group is not None:
        slot = node.group
        names = (*slot.trail, part.via if part and part.via else slot.name)
        plan.up = slot.up
        plan.items = _follow(names if slot.up else names[len(entered) :])
        plan.when = part.when if part else None
        plan.most = part.most if part else 0
        inner = ()
    elif holds and depth:
        common = _common(node)
        if len(common) > len(entered):
            plan.enter, inner = _follow(common[len(entered) :]), common
    if part is not None:
        plan.term, plan.always, plan.first = part.term, part.always, part.first
    if holds:
        kids = [_plan(kid, inner, depth + 1, table) for kid in node.kids if _is_written(kid)]
        plan.kids = tuple(kids)
        # One that bears no term, or tells what is around it apart, is there whenever that is.
        bare = not any(True for _ in _written(node))
        tells = part is None and any(each.tells for each in _fixes(node))
        plan.always = plan.always or bare or tells
        _guard(plan, node, entered)
    elif node.text is not None:
        plan.value = _value(node.text, inner)
        if node.text.plain and node.group is None:
            plan.plain = plan.value.get
        plan.many = node.text.many
        plan.attributes = tuple(
            (name, _value(text, inner))
            for name, text in node.attributes.items()
            if not text.read_only
        )
    return plan


def _guard(plan: _Plan, node: Node, entered: tuple[str, ...]) -> None:
    """Let an element be passed over at one look, where it is about fields of the item alone."""
    ways = list(_ways(node))
    if plan.always or not all(ways):
        return
    names = tuple(dict.fromkeys(way[len(entered)] for way in ways))
    kinds = fields_of(_kind_around(node, entered))
    empty = tuple(None if name in kinds and not kinds[name].many else () for name in names)
    plan.guard = attrgetter(*names)
    plan.empty = empty if len(empty) > 1 else empty[0]


def _kind_around(node: Node, entered: tuple[str, ...]) -> type:
    """Return the type of the item that an element's fields are seen from."""
    path = node.base.split(".") if node.base else []
    if node.group is not None:
        path = path[: len(path) - len(node.group.trail) - 1]
    steps = steps_of(".".join([*path, *entered]))
    return steps[-1].kind if steps else Invoice


def _is_written(node: Node) -> bool:
    if node.kids:
        return any(map(_is_written, node.kids))
    return node.text is not None and not node.text.read_only


def _value(text: Text, entered: tuple[str, ...]) -> _Value:
    if text.fixed is not None:
        return _Value(text.form, None, up=False, row=text.row, fixed=text.fixed.value, shared=())
    slot, via = text.slot, text.row.via
    names = (*slot.trail, via or slot.name)
    get = _follow(names if slot.up else names[len(entered) :])
    return _Value(text.form, get, slot.up, text.row, None, slot.inner)


def _common(node: Node) -> tuple[str, ...]:
    """Return the fields that all that stands in an element has in common."""
    ways = [way[:-1] for way in _ways(node)]
    common = ways[0] if ways else ()
    for way in ways[1:]:
        same = [one == other for one, other in zip(common, way, strict=False)]
        common = common[: same.index(False) if False in same else len(same)]
    return common


def _ways(node: Node) -> Iterator[tuple[str, ...]]:
    """Yield the fields that lead to each value in an element, or to a group of them.

    Of one that is not a field of the item at hand nothing leads there.
    """
    if node.group is not None:
        yield _way(node.group, node.part.via if node.part else "")
        return
    for text in (node.text, *node.attributes.values()):
        if text is not None and text.row.term and not text.read_only:
            yield _way(text.slot, text.row.via)
    for kid in node.kids:
        yield from _ways(kid)


def _way(slot: Slot, via: str) -> tuple[str, ...]:
    return () if slot.up else (*slot.trail, via or slot.name)


def _follow(names: tuple[str, ...]) -> _Get:
    """Return what leads from a value through its fields; to None where one of them is None."""
    if len(names) == 1:
        return attrgetter(names[0])

    def follow(value: object) -> object:
        for name in names:
            value = getattr(value, name)
            if value is None:
                return None
        return value

    return follow
