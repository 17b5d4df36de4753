"""Where a finding is: one short path for people and tools, its line, what stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from pipeline.model.finding import Finding, Severity
from pipeline.syntax.paths import PREFIXES, path_of, shown_tag

__all__ = [
    "MOST_VALUE",
    "PREFIXES",
    "Place",
    "cut",
    "find",
    "line_of",
    "path_of",
    "place_of",
    "shown_tag",
    "structure_finding",
    "text_of",
]

#: Longest value that a report repeats, in characters.
MOST_VALUE = 200

#: One step of the location paths that compiled Schematrons write, e.g.
#: ``/*:TaxTotal[namespace-uri()='urn:…'][1]``, ``/ram:ID[2]``, ``/@*:schemeID``.
_STEP = re.compile(
    r"/(?P<attribute>@?)(?:\*:|\w[\w.-]*:)?(?P<name>\w[\w.-]*)"
    r"(?:\[namespace-uri\(\)\s*=\s*'(?P<space>[^']*)'\])?"
    r"(?:\[(?P<nth>\d+)\])?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a document.

    Attributes:
        xpath: Path in the prefixes of `PREFIXES`; a number only where siblings of
            the same name stand beside.
        line: Line in the document as received, from 1; None if unknown.
        value: Text found there, cut at `MOST_VALUE`; None for a group.
    """

    xpath: str
    line: int | None
    value: str | None


def place_of(element: etree._Element, attribute: str | None = None) -> Place:
    """Describe an element, or one of its attributes (Clark name)."""
    path = path_of(element)
    if attribute is not None:
        path = f"{path}/@{shown_tag(attribute)}"
        return Place(path, line_of(element), cut(element.get(attribute)))
    return Place(path, line_of(element), None if _is_group(element) else cut(text_of(element)))


def text_of(element: etree._Element) -> str:
    """Return the text of an element and of all below it, stripped, comments left out."""
    return etree.tostring(element, method="text", encoding="unicode", with_tail=False).strip()


def line_of(element: etree._Element) -> int | None:
    """Return the line an element starts on, from 1."""
    return element.sourceline  # type: ignore[return-value]  # the stubs leave this one blank


def structure_finding(rule: str, place: Place, fr: str, en: str) -> Finding:
    """Return a fatal finding of the structure layer."""
    return Finding(
        rule=rule,
        severity=Severity.FATAL,
        term=None,
        xpath=place.xpath,
        line=place.line,
        value=place.value,
        message={"fr": fr, "en": en},
    )


def find(root: etree._Element, location: str) -> tuple[Place, etree._Element | None]:
    """Find the place that a compiled Schematron names.

    Args:
        root: The document.
        location: Path from the root, with a number at every step.

    Returns:
        The place and its element, of an attribute the one that bears it; where `location`
        leads nowhere in `root`, `location` itself.
    """
    nowhere = Place(location, None, None), None
    steps = list(_STEP.finditer(location))
    if not steps or "".join(step.group() for step in steps) != location:
        return nowhere
    found: etree._Element | None = root
    for step in steps[1:]:
        if found is None:
            break
        if step["attribute"]:
            return place_of(found, _attribute(found, step["name"])), found
        found = _child(found, step)
    return nowhere if found is None else (place_of(found), found)


def cut(value: str | None) -> str | None:
    """Return the beginning of a value that is too long for a report."""
    if value is None or len(value) <= MOST_VALUE:
        return value
    return value[: MOST_VALUE - 1] + "…"


def _is_group(element: etree._Element) -> bool:
    return next(element.iterchildren("*"), None) is not None


def _child(parent: etree._Element, step: re.Match[str]) -> etree._Element | None:
    """Return the child that one step names; without a namespace any will do."""
    space = step["space"]
    tag = f"{{{'*' if space is None else space}}}{step['name']}"
    nth = int(step["nth"] or 1)
    return next(islice(parent.iterchildren(tag), nth - 1, None), None)


def _attribute(element: etree._Element, name: str) -> str | None:
    """Return the Clark name of the attribute with this local name, if there is one."""
    return next(
        (str(key) for key in element.attrib if etree.QName(str(key)).localname == name), None
    )
