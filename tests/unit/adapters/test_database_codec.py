"""Values to JSON text and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum

import pytest

from pipeline.adapters.database.codec import dump, load, load_all


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    name: str
    weight: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    parts: tuple[Part, ...]
    colour: Colour
    day: date
    wait: timedelta
    ratio: float
    count: int
    sound: bool
    by_name: Mapping[str, Part] = field(default_factory=dict)
    note: str | None = "none given"


WHOLE = Whole(
    parts=(Part("a", Decimal("1.20")), Part("caf\u00e9\0")),
    colour=Colour.RED,
    day=date(2025, 2, 28),
    wait=timedelta(days=2, milliseconds=1),
    ratio=0.1,
    count=5_000_000_000,
    sound=True,
    by_name={"b": Part("b")},
    note=None,
)


def test_a_value_comes_back_equal() -> None:
    """Each kind of field, nested; None where it is not the default too."""
    assert load(Whole, dump(WHOLE)) == WHOLE


def test_the_text_is_ascii_sorted_and_short() -> None:
    """One text for one value, and no character that a database refuses."""
    assert dump((Part("é\0"), Part("b", Decimal("1.20")))) == (
        r'[{"name":"\u00e9\u0000"},{"name":"b","weight":"1.20"}]'
    )


def test_a_field_of_tomorrow_takes_its_default() -> None:
    """Text that was written before a field existed is still read."""
    assert load_all(Part, '[{"name":"a"}]') == (Part("a"),)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no-json"),
        pytest.param("[]", id="no-object"),
        pytest.param("{}", id="a-field-is-missing"),
        pytest.param('{"name":3}', id="wrong-type"),
        pytest.param('{"name":"a","weight":"x"}', id="no-number"),
    ],
)
def test_text_that_holds_no_such_value_is_refused(text: str) -> None:
    """One kind of error, which names what was expected."""
    with pytest.raises(ValueError, match="not a stored Part"):
        load(Part, text)
    with pytest.raises(ValueError, match="not stored Part values"):
        load_all(Part, f"[{text}]")


def test_a_value_without_a_form_is_our_bug() -> None:
    """Not written as something else in silence."""
    with pytest.raises(TypeError, match="no JSON form for bytes"):
        dump((b"",))


def test_a_moment_is_not_taken_for_a_day() -> None:
    """`date` is read back as a day, so a `datetime` would lose its time."""
    with pytest.raises(TypeError, match="no JSON form for datetime"):
        dump((datetime(2025, 1, 1, tzinfo=UTC),))
