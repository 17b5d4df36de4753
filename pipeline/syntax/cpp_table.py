"""One table a CPP format: value, and where the format writes it.

A table says for each value which of its attributes stands under which path, in the order that
the format fixes. `fill` and `take` both walk it, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, TypeAlias, TypeVar

from lxml import etree

from pipeline.syntax.characters import carriable


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of text is written and read back."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Series:
    """How repeated elements are numbered, and where they are counted.

    Attributes:
        number: Attribute that carries each one's place, from 1.
        digits: Least number of digits of that place.
        count: Attribute of the parent that carries how many there are, or None.
    """

    number: str
    digits: int = 1
    count: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        name: Attribute of the value.
        path: Where it stands, below the value's own element; ``@`` marks an XML attribute.
        form: How it is written; a class stands for a value with rows of its own.
        series: Given where the attribute is a tuple.
    """

    name: str
    path: str
    form: Form | type
    series: Series | None = None


#: The rows of each value of a format.
Table: TypeAlias = Mapping[type, tuple[Row, ...]]


def write_moment(moment: datetime) -> str:
    """Write a moment (aware) in UTC.

    >>> write_moment(datetime.fromisoformat("2026-10-05T10:31:07+02:00"))
    '2026-10-05T08:31:07Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_moment(text: str) -> datetime:
    """Read a moment; one without an offset is taken as UTC, for none is published."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


TEXT = Form(carriable, str)
NUMBER = Form(str, int)
MOMENT = Form(write_moment, _read_moment)
#: A date may carry an offset, which says nothing about an invoice.
DATE = Form(date.isoformat, lambda text: date.fromisoformat(text.strip()[:10]))

V = TypeVar("V")


def fill(element: etree._Element, value: object, table: Table) -> None:
    """Write each attribute of `value` that is there under its path, in the table's order."""
    for row in table[type(value)]:
        held = getattr(value, row.name)
        if held is None or held == ():
            continue
        holder, last = hold(element, row.path)
        if row.series is not None:
            _fill_series(holder, last, row.series, held, table)
        elif isinstance(row.form, type):
            fill(etree.SubElement(holder, last), held, table)
        else:
            put(holder, last, row.form.write(held))


def hold(element: etree._Element, path: str) -> tuple[etree._Element, str]:
    """Go down to the element that holds the last step of `path`, making what is missing.

    A table keeps one parent's rows together: it is the last child or there is none yet.
    """
    *steps, last = path.split("/")
    for step in steps:
        found = element[-1] if len(element) else None
        there = found is not None and found.tag == step
        element = found if found is not None and there else etree.SubElement(element, step)
    return element, last


def put(holder: etree._Element, last: str, text: str) -> None:
    """Write `text` in a new element, or in an attribute where `last` starts with ``@``."""
    if last.startswith("@"):
        holder.set(last[1:], text)
    else:
        etree.SubElement(holder, last).text = text


def _fill_series(
    holder: etree._Element, tag: str, series: Series, values: tuple[object, ...], table: Table
) -> None:
    if series.count is not None:
        holder.set(series.count, str(len(values)))
    for place, value in enumerate(values, start=1):
        item = etree.SubElement(holder, tag, {series.number: f"{place:0{series.digits}d}"})
        fill(item, value, table)


def take(kind: type[V], element: etree._Element, table: Table) -> V:
    """Build a value from the element that holds it.

    Raises:
        ValueError: It lacks an attribute that has no default.
    """
    found = dict(_attributes(kind, element, table))
    missing = [
        field.name
        for field in fields(kind)  # type: ignore[arg-type]  # every class of a table is a dataclass
        if field.default is MISSING and field.name not in found
    ]
    if missing:
        raise ValueError(f"{element.tag!s} lacks {', '.join(missing)}")
    return kind(**found)


def _attributes(kind: type, element: etree._Element, table: Table) -> Iterator[tuple[str, object]]:
    """Yield each attribute of `kind` that `element` holds."""
    for row in table[kind]:
        path, _, attribute = row.path.partition("/@")
        items = element.findall(path)
        if row.series is not None and isinstance(row.form, type):
            yield row.name, tuple(take(row.form, item, table) for item in items)
        elif items and isinstance(row.form, type):
            yield row.name, take(row.form, items[0], table)
        elif items and isinstance(row.form, Form):
            text = items[0].get(attribute) if attribute else "".join(map(str, items[0].itertext()))
            if text is not None:
                yield row.name, row.form.read(text)
