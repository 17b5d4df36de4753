"""Numbers that were skipped are told once, after the delay; late flows close them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.gaps import (
    MOST_MISSING,
    find_gaps,
    is_closed,
    name_of,
    numbers_of,
    to_report,
)
from pipeline.model.gap import Gap

NOW = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERIES = "FSO1100A_ABC123"


def seen(*numbers: int, at: datetime = NOW) -> dict[int, datetime]:
    """Return numbers as seen at one moment."""
    return dict.fromkeys(numbers, at)


def a_gap(first: int, last: int, since: datetime = NOW) -> Gap:
    """Build a gap of the series."""
    return Gap(connection="acme", series=SERIES, first=first, last=last, since=since)


def test_a_number_counts_from_its_first_receipt_and_for_its_own_series() -> None:
    """Each interface has a count of its own; other names say nothing."""
    names = [
        (name_of(SERIES, 2), NOW + HOUR),
        (name_of(SERIES, 2), NOW),
        (name_of("FSO1106A_ABC123", 7), NOW),
        (f"{name_of(SERIES, 8)}.xml", NOW),
        (name_of(SERIES, 9)[:-1], NOW),
        (f"{name_of(SERIES, 9)[:-1]}\u0663", NOW),
        ("facture.xml", NOW),
    ]

    assert numbers_of(SERIES, names) == {2: NOW}


def test_missing_numbers_are_found_as_ranges() -> None:
    """Nothing is said of what came before the first."""
    assert find_gaps("acme", SERIES, seen(4, 5, 7, 11)) == (a_gap(6, 6), a_gap(8, 10))


def test_a_gap_is_known_since_the_first_higher_number_of_any_height() -> None:
    """Number 10 came first: 2 to 4 are missing since then, not since 5 came."""
    numbers = {1: NOW, 10: NOW + HOUR, 5: NOW + 5 * HOUR}

    assert find_gaps("acme", SERIES, numbers) == (
        a_gap(2, 4, NOW + HOUR),
        a_gap(6, 9, NOW + HOUR),
    )


def test_a_jump_is_a_new_count_and_no_gap() -> None:
    """Dates in the number jump every day."""
    start, last = 202610050000001, 202610050000001 + MOST_MISSING + 1

    assert find_gaps("acme", SERIES, seen(202610040000009, start)) == ()
    assert find_gaps("acme", SERIES, seen(start, last)) == (a_gap(start + 1, last - 1),)
    assert find_gaps("acme", SERIES, seen(start, last + 1)) == ()


def test_a_gap_is_told_when_the_delay_is_over_and_once() -> None:
    """Not a moment before, and never again."""
    gap = a_gap(2, 3)

    assert to_report([gap], [], HOUR, NOW + HOUR - timedelta(microseconds=1)) == ()
    assert to_report([gap], [], HOUR, NOW + HOUR) == (gap,)
    assert to_report([gap], [gap], HOUR, NOW + HOUR) == ()


def test_the_rest_of_a_gap_that_a_late_flow_split_is_not_told_again() -> None:
    """Two to nine were told; five comes: the sender knows of the others."""
    rest = find_gaps("acme", SERIES, seen(1, 5, 10))

    assert to_report(rest, [a_gap(2, 9)], HOUR, NOW + HOUR) == ()


def test_the_same_numbers_of_another_interface_are_another_gap() -> None:
    """What was told of one count says nothing of another."""
    other = Gap(connection="acme", series="FSO1106A_ABC123", first=2, last=3, since=NOW)

    assert to_report([a_gap(2, 3)], [other], HOUR, NOW + HOUR) == (a_gap(2, 3),)


def test_a_gap_is_closed_by_its_last_number() -> None:
    """One that is still missing keeps it open."""
    assert not is_closed(a_gap(2, 4), seen(1, 2, 4, 5))
    assert is_closed(a_gap(2, 4), seen(1, 2, 3, 4, 5))


@given(st.sets(st.integers(min_value=0, max_value=300), max_size=40))
def test_seen_and_missing_make_up_every_number_between(numbers: set[int]) -> None:
    """None is forgotten, none invented, and the ranges are as long as they can be."""
    gaps = find_gaps("acme", SERIES, seen(*numbers))

    missing = [number for gap in gaps for number in range(gap.first, gap.last + 1)]
    between = range(min(numbers, default=0), max(numbers, default=-1) + 1)
    assert missing == [number for number in between if number not in numbers]
    assert all({gap.first - 1, gap.last + 1} <= numbers for gap in gaps)
    assert sum(gap.count for gap in gaps) == len(missing)


@given(
    st.dictionaries(
        st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=20), max_size=20
    ),
    st.integers(min_value=0, max_value=30),
)
def test_told_in_many_looks_or_in_one_each_number_is_told_once(
    arrivals: dict[int, int], delay: int
) -> None:
    """Every hour somebody looks; a number is told if it was missing when its time was up."""
    hours = {number: NOW + HOUR * hour for number, hour in arrivals.items()}
    told: list[Gap] = []
    for hour in range(60):
        now = NOW + HOUR * hour
        here = {number: at for number, at in hours.items() if at <= now}
        told += to_report(find_gaps("acme", SERIES, here), told, HOUR * delay, now)

    numbers = [number for gap in told for number in range(gap.first, gap.last + 1)]
    assert len(numbers) == len(set(numbers))
    for number in range(61):
        higher = [hour for other, hour in arrivals.items() if other > number]
        lower = [hour for other, hour in arrivals.items() if other < number]
        if not higher or not lower:
            continue
        due = max(min(higher) + delay, min(lower), min(higher))
        assert (number in numbers) == (arrivals.get(number, 99) > due)
