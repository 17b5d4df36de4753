"""Where in a document a breach is: found by its term, through the table of the format."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.model.rule import Breach
from pipeline.model.terms import TERM_AT, TERMS, steps_of
from pipeline.syntax import cii, ubl
from pipeline.syntax.terms import Element, TermReader, text
from pipeline.validate.place import Place, place_of

_TABLES = {"ubl": ubl.TABLE, "cii": cii.TABLE}


class Locator:
    """Finds breaches in one document; what it reads of it is read once."""

    def __init__(self, root: Element, family: str) -> None:
        """Look in `root`, a document of a family: ``ubl`` or ``cii``."""
        self._root = root
        self._table = _TABLES[family]
        self._read = TermReader(self._table, root)

    def place(self, breach: Breach) -> Place:
        """Return where a breach is.

        Returns:
            The element that bears the value; where there is none (an attribute bears it, or it
            is missing) the group that it belongs to, and the root where that is missing too.
        """
        item = self._item(breach)
        found = self._bearing(breach, item)
        if found is None and item is not self._root:  # items may be told apart in another way
            found = self._bearing(breach, self._root)
        if found is None:
            elements = self._elements(breach.term, item)
            numbered = elements[breach.at[-1] :] if breach.at else []
            found = next(iter(numbered or elements), None)
        return place_of(self._group(breach.term, item) if found is None else found)

    def _elements(self, term: str, at: Element) -> list[Element]:
        return [node for node in self._read.nodes(term, at) if not isinstance(node, str)]

    def _bearing(self, breach: Breach, at: Element) -> Element | None:
        """Return the element that bears the very value, if there is one."""
        elements = self._elements(breach.term, at) if breach.value is not None else []
        return next((each for each in elements if text(each) == breach.value), None)

    def _item(self, breach: Breach) -> Element:
        """Return the innermost item that the breach tells the number of, else the root."""
        item, names = self._root, []
        numbers = iter(breach.at)
        for step in steps_of(TERMS[breach.term].path):
            names.append(step.name)
            if not step.many:
                continue
            number = next(numbers, None)
            members = self._members(TERM_AT.get(".".join(names), ""), item)
            if number is None or number >= len(members):
                break
            item = members[number]
        return item

    def _members(self, group: str, around: Element) -> Sequence[Element]:
        members = self._read.group(group) if group else ()
        if around is self._root:
            return members
        return [each for each in members if any(one is around for one in each.iterancestors())]

    def _group(self, term: str, item: Element) -> Element:
        """Return the element of the group that a term belongs to, or of the party."""
        if item is not self._root:
            return item
        for group, _ in self._table.places.get(term, ()):
            member = next(iter(self._read.group(group)), None) if group else None
            if member is not None:
                return member
        return self._around(term)

    def _around(self, term: str) -> Element:
        """Return the innermost element around all that is known of a term's party."""
        holder = TERMS[term].path.partition(".")[0]
        ways = [
            [*reversed([*element.iterancestors()])]
            for name, other in TERMS.items()
            if other.path.startswith(f"{holder}.")
            for element in self._elements(name, self._root)
        ]
        around = self._root
        for level in zip(*ways, strict=False):
            if any(element is not level[0] for element in level):
                break
            around = level[0]
        return around
