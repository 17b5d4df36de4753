"""Frozen values to JSON text and back, by their own type hints.

A field that is None by default and None in the value is left out; on the way back a
field that is not there takes its default, so that yesterday's text is read by
tomorrow's class.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Read = Callable[[Any], Any]

#: ASCII, so that no character of a partner's can be one that a database refuses.
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode

#: What reading something of another form raises.
UNREADABLE = (TypeError, KeyError, AttributeError, ValueError, ArithmeticError, RecursionError)
_ATOMS = (str, int, float, NoneType)
_FORMS: Sequence[tuple[type, Callable[[Any], object]]] = (
    (Enum, attrgetter("value")),
    (Decimal, str),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, timedelta.total_seconds),
)
_SCALARS: Mapping[object, _Read] = {
    Decimal: Decimal,
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: lambda seconds: timedelta(seconds=seconds),
    float: float,
}


def dump(value: object) -> str:
    """Write a value as JSON text: the same text for equal values.

    Raises:
        TypeError: It holds something this module has no form for: our bug.
    """
    return _encode(_plain(value))


def load(kind: type[T], text: str) -> T:
    """Read a value of `kind` (a dataclass) back from `text`.

    Raises:
        ValueError: The text does not hold such a value.
    """
    try:
        found: T = _reader(cast("Any", kind))(json.loads(text))
    except UNREADABLE as error:
        raise ValueError(f"not a stored {kind.__name__}: {error}") from error
    return found


def load_all(kind: type[T], text: str) -> tuple[T, ...]:
    """Read a tuple of values of `kind` back from `text`.

    Raises:
        ValueError: The text does not hold such values.
    """
    try:
        found: tuple[T, ...] = tuple(map(_reader(cast("Any", kind)), json.loads(text)))
    except UNREADABLE as error:
        raise ValueError(f"not stored {kind.__name__} values: {error}") from error
    return found


def _plain(value: object) -> object:
    """Return what `json` can write of a value."""
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {
            name: _plain(item)
            for name, optional in _names(cast("Any", type(value)))
            if (item := getattr(value, name)) is not None or not optional
        }
    for kind, form in _FORMS:
        # a moment is a date to Python, but would lose its time here
        if isinstance(value, kind) and not isinstance(value, datetime):
            return form(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


@cache
def _names(kind: type) -> tuple[tuple[str, bool], ...]:
    """Return the fields of a dataclass, each with whether None is its default."""
    return tuple((field.name, field.default is None) for field in fields(kind))


@cache
def _reader(kind: Any) -> _Read:  # noqa: ANN401  type hints have no common type
    """Return the function that turns JSON into a value of type hint `kind`."""
    origin = get_origin(kind)
    if origin is not None:
        return _generic_reader(origin, get_args(kind))
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, NewType):
        return _reader(kind.__supertype__)
    if is_dataclass(kind):
        return _record_reader(kind)
    if issubclass(kind, Enum):
        return cast("_Read", kind)
    return _exactly(kind)


def _generic_reader(origin: object, args: Sequence[Any]) -> _Read:
    if origin in (Union, UnionType):
        (inner,) = (_reader(arm) for arm in args if arm is not NoneType)
        return lambda data: None if data is None else inner(data)
    if origin is tuple:
        item = _reader(args[0])
        return lambda data: tuple(map(item, data))
    if origin is Mapping:
        value = _reader(args[1])
        return lambda data: {key: value(one) for key, one in data.items()}
    raise TypeError(f"no JSON form for {origin}")


def _exactly(kind: type) -> _Read:
    def read(data: object) -> object:
        if not isinstance(data, kind):
            raise TypeError(f"expected {kind.__name__}, found {data!r}")
        return data

    return read


def _record_reader(kind: Any) -> _Read:  # noqa: ANN401  a dataclass has no type of its own
    hints = get_type_hints(kind)
    readers = [(field.name, _reader(hints[field.name]), _needed(field)) for field in fields(kind)]

    def read(data: Mapping[str, object]) -> object:
        return kind(
            **{
                name: inner(data[name])
                for name, inner, needed in readers
                if needed or name in data
            }
        )

    return read


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
