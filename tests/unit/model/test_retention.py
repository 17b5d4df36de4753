"""Spans of the calendar, always to the day after, never a day too early."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.retention import CountedFrom, Period, RetentionClass


def kept(period: str, counted_from: CountedFrom = CountedFrom.RECEIPT) -> RetentionClass:
    """Return a class that keeps things so long."""
    return RetentionClass(
        name="x", keep=Period.read(period), counted_from=counted_from, source="test"
    )


@pytest.mark.parametrize(
    ("period", "received", "ends"),
    [
        ("30d", date(2026, 1, 1), date(2026, 2, 1)),
        ("1m", date(2026, 1, 31), date(2026, 3, 2)),
        ("1m", date(2028, 1, 31), date(2028, 3, 2)),
        ("13m", date(2026, 11, 30), date(2027, 12, 31)),
        ("1m", date(2026, 12, 15), date(2027, 1, 16)),
        ("1y", date(2028, 2, 29), date(2029, 3, 2)),
        ("10y", date(2026, 11, 27), date(2036, 11, 28)),
    ],
)
def test_a_period_ends_on_the_day_after(period: str, received: date, ends: date) -> None:
    """The last day belongs to it, and a day that does not exist is the next one."""
    assert kept(period).ends(received) == ends


@pytest.mark.parametrize("received", [date(2026, 1, 1), date(2026, 12, 31)])
def test_a_financial_year_counts_from_its_end(received: date) -> None:
    """Ten years from the close of the year, whenever in it something came."""
    assert kept("10y", CountedFrom.YEAR_END).ends(received) == date(2037, 1, 1)


@pytest.mark.parametrize("text", ["", "10", "y", "0d", "-1d", "10 y", "1.5y", "10Y", "99999d"])
def test_only_a_number_and_a_unit_is_a_period(text: str) -> None:
    """A slip of the pen must not erase anything."""
    with pytest.raises(ValueError, match="10y"):
        Period.read(text)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.builds(lambda count, unit: f"{count}{unit}", st.integers(1, 600), st.sampled_from("ymd")),
    st.sampled_from(CountedFrom),
)
def test_what_is_not_looked_at_has_not_come_to_its_end(
    today: date, period: str, counted_from: CountedFrom
) -> None:
    """Only what was received before a certain day is asked of the ledger."""
    one = kept(period, counted_from)

    assert one.ends(one.may_end_before(today)) > today


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 600))
def test_months_are_never_shorter_than_their_days(received: date, months: int) -> None:
    """Twenty-eight days each at least, whatever the month."""
    ends = kept(f"{months}m").ends(received)

    assert ends > received + timedelta(days=28 * months)
    assert ends <= received + timedelta(days=31 * months + 1)
