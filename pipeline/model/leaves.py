"""Every single value that an invoice holds, each at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.model.invoice import Invoice
from pipeline.model.terms import TERM_AT, Step, fields_of, is_value


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value.

    Attributes:
        term: The business term; empty where the model has a field and the norm no term.
        path: Fields that lead to it, as in `model.terms`.
        place: The groups that lead to it, numbered from 1, and its term: ``BG-25[3]/BT-153``.
        value: What stands there.
    """

    term: str
    path: str
    place: str
    value: object


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the model, at one path.

    Attributes:
        step: Of the path.
        path: All of it, as in `pipeline.model.terms`.
        term: What stands there; empty where nothing of its own does.
        name: What its items are called in a place: their group, or the term of their values.
        inner: What that value holds; none for a leaf.
    """

    step: Step
    path: str
    term: str
    name: str
    inner: tuple[Field, ...]


@cache
def fields_below(kind: type, prefix: str = "") -> tuple[Field, ...]:
    """Return the fields of a class of the model with all that they hold, in its order."""
    return tuple(_field(step, prefix + step.name) for step in fields_of(kind).values())


def _field(step: Step, path: str) -> Field:
    term = TERM_AT.get(path, "")
    return Field(
        step=step,
        path=path,
        term=term,
        name=term or TERM_AT.get(f"{path}.value", path),
        inner=fields_below(step.kind, f"{path}.") if is_value(step.kind) else (),
    )


def leaves_of(invoice: Invoice) -> Iterator[Leaf]:
    """Yield every value of an invoice in the order of the model; what is absent is left out.

    >>> [leaf.place for leaf in leaves_of(Invoice(number="F1", currency="EUR"))]
    ['BT-1', 'BT-5']
    """
    yield from _below(invoice, fields_below(Invoice), "")


def _below(holder: object, inner: tuple[Field, ...], place: str) -> Iterator[Leaf]:
    for field in inner:
        held = getattr(holder, field.step.name)
        if held is None:
            continue
        items = held if field.step.many else (held,)
        for number, item in enumerate(items, 1):
            at = f"[{number}]" if field.step.many else ""
            if field.inner:
                inside = f"{place}{field.name}{at}/" if field.step.many else place
                yield from _below(item, field.inner, inside)
            else:
                term = field.term or field.path
                yield Leaf(field.term, field.path, f"{place}{term}{at}", item)
