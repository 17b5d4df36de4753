"""A table as a tree of elements: what `reading` and `writing` walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache

from pipeline.model.terms import TERMS, Kind, steps_of
from pipeline.syntax.table import Entry, Fixed, Grammar, Of, Part, Row, Table, variant
from pipeline.syntax.values import TEXT, Form


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value belongs in the invoice, as seen from a place in the document.

    Attributes:
        up: In the invoice itself, whatever item of it is being read.
        trail: Fields that lead to the value that holds it.
        name: Its field.
        inner: Fields that lead on from each item of `name`, which is a tuple that the format
            states only once; empty for any other.
    """

    up: bool
    trail: tuple[str, ...]
    name: str
    inner: tuple[str, ...] = ()


_NO_ROW = Row(term="", path="")
_NOWHERE = Slot(up=False, trail=(), name="")


@dataclass(slots=True, eq=False)
class Text:
    """What the text of an element, or one of its attributes, stands for.

    Attributes:
        row: The term; one of no name for a text that bears none.
        slot: Where its value belongs.
        form: How that is written.
        many: The value is one of several in its slot.
        fixed: The text that the format asks for, or None.
        read_only: It is never written.
        plain: It is the value of one field of the item at hand, with nothing special about it.
        name: That field.
        read: Reads the value.
    """

    row: Row = _NO_ROW
    slot: Slot = _NOWHERE
    form: Form = TEXT
    many: bool = False
    fixed: Fixed | None = None
    read_only: bool = False
    plain: bool = False
    name: str = ""
    read: Callable[[str], object | None] = TEXT.read


@dataclass(slots=True, eq=False)
class Node:
    """One element.

    Attributes:
        tag: Clark name.
        name: With the prefix of the format.
        part: What the table says of it, or None for one on the way to a row.
        group: The tuple of which it is one item, or None.
        needs: Fields without which there is no such item.
        base: Path in the model of what is read within it.
        text: What its text stands for, or None for one that holds elements.
        attributes: What each of its attributes stands for.
        bound: Those of them that hold what another term of the document does, a currency.
        tests: What tells it from others of its tag.
        kids: What stands in it, in the order of the schema.
        by_tag: The same by Clark name: the one that every element of this name is, or those of
            which it may be one; those that are told come first.
    """

    tag: str
    name: str
    part: Part | None = None
    group: Slot | None = None
    needs: frozenset[str] = frozenset()
    base: str = ""
    text: Text | None = None
    attributes: dict[str, Text] = field(default_factory=dict)
    bound: tuple[tuple[str, Fixed], ...] = ()
    tests: list[tuple[tuple[str, ...], Fixed]] = field(default_factory=list)
    kids: list[Node] = field(default_factory=list)
    by_tag: dict[str, Node | tuple[Node, ...]] = field(default_factory=dict)


@cache
def tree(table: Table, root: int) -> Node:
    """Return the tree of a table for one of its roots.

    Raises:
        KeyError: The table names a term or a prefix that there is not: our bug.
    """
    tag = table.grammar.roots[root]
    node = Node(tag, tag.rpartition("}")[2])
    _Grower(table.grammar, root).grow(node, table.entries)
    for group, name, before in table.grammar.moved.get(tag, ()):
        _move(next(each for each in _all(node) if _is_group(each, group)), name, before)
    for each in _all(node):
        _index(each)
    return node


def _is_group(node: Node, term: str) -> bool:
    return (node.part.term if node.part else "") == term


def _all(node: Node) -> Iterator[Node]:
    yield node
    for kid in node.kids:
        yield from _all(kid)


def _move(node: Node, name: str, before: str) -> None:
    moved = [kid for kid in node.kids if kid.name == name]
    node.kids = [kid for kid in node.kids if kid.name != name]
    at = next(place for place, kid in enumerate(node.kids) if kid.name == before)
    node.kids[at:at] = moved


def _index(node: Node) -> None:
    node.bound = tuple(
        (name, text.fixed)
        for name, text in node.attributes.items()
        if text.fixed is not None and isinstance(text.fixed.value, Of)
    )
    by_tag: dict[str, list[Node]] = {}
    for kid in sorted(node.kids, key=lambda each: not each.tests):
        by_tag.setdefault(kid.tag, []).append(kid)
    for tag, kids in by_tag.items():
        alone = len(kids) == 1 and not kids[0].tests
        node.by_tag[tag] = kids[0] if alone else tuple(kids)


class _Grower:
    """Grows the tree of one root."""

    def __init__(self, grammar: Grammar, root: int) -> None:
        self._grammar = grammar
        self._root = root

    def grow(self, node: Node, entries: Sequence[Entry]) -> None:
        """Add what the table says of an element."""
        plain: dict[tuple[Node, str], Node] = {}
        for entry in entries:
            path = variant(entry.path, self._root)
            if path is None:
                continue
            if isinstance(entry, Part):
                self._part(node, entry, path.split("/"))
            else:
                self._entry(node, entry, path, plain)

    def _part(self, node: Node, part: Part, steps: Sequence[str]) -> None:
        for step in steps:
            node = self._kid(node, step)
            node.part = part
            part_of_way = part.term == "" or step == steps[0]
            if part.term and part_of_way:
                node.group, node.base = _group(part.term, node.base)
                node.needs = _needs(steps_of(node.base)[-1].kind)
        if part.term and len(steps) > 1:
            raise ValueError(f"{part.term} has more than one step: {steps}")
        node.tests = [
            (tuple(map(self._clark, _steps(each.path, self._root))), each)
            for each in part.of
            if isinstance(each, Fixed) and each.tells
        ]
        self.grow(node, part.of)

    def _entry(
        self, node: Node, entry: Row | Fixed, path: str, plain: dict[tuple[Node, str], Node]
    ) -> None:
        *steps, last = path.split("/")
        if last != "." and not last.startswith("@"):
            steps.append(last)
        for step in steps:
            if (node, step) not in plain:
                plain[node, step] = self._kid(node, step)
            node = plain[node, step]
        text = self._row(entry, node.base) if isinstance(entry, Row) else Text(fixed=entry)
        text.read_only = entry.read_only if isinstance(entry, Row) else entry.value == ""
        if last.startswith("@"):
            node.attributes[last[1:]] = text
        else:
            node.text = text
            self._borne(node, entry)

    def _borne(self, node: Node, entry: Row | Fixed) -> None:
        """Add the attribute that every element of the kind bears."""
        kind = TERMS[entry.term].kind if isinstance(entry, Row) else None
        borne = self._grammar.bears.get(kind) if kind else None
        if borne is not None:
            fixed = Fixed(path="@" + borne.name, value=borne.value, also=(None,))
            text = Text(fixed=fixed, read_only=not borne.written)
            node.attributes.setdefault(borne.name, text)

    def _row(self, row: Row, base: str) -> Text:
        term = TERMS[row.term]
        slot = _slot(term.path, base)
        kind = steps_of(term.path)[-1].kind
        form = row.form or self._grammar.forms[kind]
        many = term.kind is Kind.GROUP
        plain = not (many or slot.up or slot.trail or slot.inner or row.stand_in)
        return Text(row, slot, form, many=many, plain=plain, name=slot.name, read=form.read)

    def _kid(self, node: Node, step: str) -> Node:
        kid = Node(self._clark(step), step, base=node.base)
        node.kids.append(kid)
        return kid

    def _clark(self, step: str) -> str:
        prefix, _, name = step.rpartition(":")
        return f"{{{self._grammar.namespaces[prefix]}}}{name}" if prefix else name


def _steps(path: str, root: int) -> Sequence[str]:
    return (variant(path, root) or "").split("/")


def _group(term: str, base: str) -> tuple[Slot, str]:
    """Return the tuple that a group, or a term that occurs several times, is an item of."""
    steps = steps_of(TERMS[term].path)
    last = max(place for place, step in enumerate(steps) if step.many)
    path = ".".join(step.name for step in steps[: last + 1])
    up, names = _from(path, base)
    return Slot(up, tuple(names[:-1]), names[-1]), path


def _needs(kind: type) -> frozenset[str]:
    """Return the fields without which a value of the model cannot be made."""
    return frozenset(
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    )


def _slot(path: str, base: str) -> Slot:
    up, names = _from(path, base)
    steps = steps_of(path)[-len(names) :]
    many = [place for place, step in enumerate(steps[:-1]) if step.many]
    if not many:
        return Slot(up, tuple(names[:-1]), names[-1])
    at = many[-1]
    return Slot(up, tuple(names[:at]), names[at], tuple(names[at + 1 :]))


def _from(path: str, base: str) -> tuple[bool, list[str]]:
    if not base:
        return False, path.split(".")
    if path.startswith(base + "."):
        return False, path[len(base) + 1 :].split(".")
    return True, path.split(".")
