"""Reads business terms out of one document, whichever group they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

from lxml import etree

from pipeline.syntax.table import Table

#: One element of the document.
Element: TypeAlias = etree._Element  # noqa: SLF001  # lxml gives its element class no public name

#: Text without comments, as the rule packs read it.
_STRING = etree.XPath("string()", smart_strings=False)


class TermReader:
    """The terms of one document; each group is looked for once."""

    def __init__(self, table: Table, root: Element) -> None:
        """Read `root`, a document of the format that `table` describes."""
        self._table = table
        self._root = root
        self._found: dict[str, dict[Element, None]] = {}

    def group(self, term: str) -> Sequence[Element]:
        """Return every element of a group, in document order; none if it is not known."""
        return tuple(self._group(term))

    def around(self, element: Element, term: str) -> Element | None:
        """Return the element of a group that `element` is, or lies in."""
        members = self._group(term)
        return next((one for one in (element, *element.iterancestors()) if one in members), None)

    def nodes(self, term: str, at: Element) -> Sequence[Element | str]:
        """Return every element, or text of an attribute, that bears a term.

        Args:
            term: Its name in EN 16931-1.
            at: A place. Where it lies in an element of the term's group, only that one
                is read, where it holds some, only these, else all of the document.

        Returns:
            In document order; what is empty is left out.
        """
        found = [
            node
            for group, path in self._table.places.get(term, ())
            for member in self._members(group, at)
            for node in cast("list[Element | str]", path(member))
        ]
        return [node for node in dict.fromkeys(found) if text(node)]

    def texts(self, term: str, at: Element) -> Sequence[str]:
        """Return every text of a term that bears on a place, stripped; as `nodes`."""
        return [text(node) for node in self.nodes(term, at)]

    def _group(self, term: str) -> dict[Element, None]:
        if term not in self._found:
            path = self._table.groups.get(term)
            nodes = [] if path is None else cast("list[Element]", path(self._root))
            self._found[term] = dict.fromkeys(nodes)
        return self._found[term]

    def _members(self, group: str, at: Element) -> Sequence[Element]:
        own = self.around(at, group)
        if own is not None:
            return (own,)
        inside = self._inside(group, at)
        outer = self._table.within(group)
        if inside or (outer and self.around(at, outer) is not None):
            return inside
        return self.group(group)

    def _inside(self, group: str, at: Element) -> Sequence[Element]:
        members = self._group(group)
        tags = {str(each.tag) for each in members}
        if not tags or at is self._root:
            return ()
        return tuple(each for each in at.iterdescendants(*tags) if each in members)


def text(node: Element | str) -> str:
    """Return what is written in a node, stripped."""
    return (node if isinstance(node, str) else str(_STRING(node))).strip()
