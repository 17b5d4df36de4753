"""Slots of schedules: every moment once, whatever the clocks do."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.calendar import is_workday, moment, next_slot, slots_between
from pipeline.model.connection import Schedule

EVERY = timedelta(minutes=1)
DAY = timedelta(days=1)


def holidays(year: int) -> Collection[date]:
    """Keep two days of each year free."""
    return {date(year, 5, 1), date(year, 12, 25)}


def slots(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """Return the slots of a period."""
    return list(slots_between(schedule, after, until, every=EVERY, holidays=holidays))


def test_a_schedule_that_says_nothing_keeps_the_hubs_interval() -> None:
    """Slots stand on the same moments for everybody, whenever the hub was started."""
    start = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)

    found = slots(Schedule(), start, start + timedelta(minutes=3))

    assert found == [datetime(2026, 3, 2, 8, minute, tzinfo=UTC) for minute in (1, 2, 3)]


def test_the_start_is_left_out_and_the_end_is_in() -> None:
    """Periods that follow one another never share a slot, nor lose one."""
    first, second = datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, 1, tzinfo=UTC)

    assert slots(Schedule(), first, second) == [second]


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        pytest.param(date(2026, 3, 29), "2026-03-29T01:00:00+00:00", id="the hour left out"),
        pytest.param(date(2026, 10, 25), "2026-10-25T00:30:00+00:00", id="the hour that is twice"),
    ],
)
def test_both_nights_of_the_clock_change_have_each_fixed_time_once(
    night: date, expected: str
) -> None:
    """02:30 in Paris runs once: at the first moment there is, or the first time it comes."""
    schedule = Schedule(at=(time(2, 30),))
    start = moment(night, time(), "Europe/Paris") - timedelta(seconds=1)
    end = moment(night + DAY, time(), "Europe/Paris") - timedelta(seconds=1)

    assert [slot.isoformat() for slot in slots(schedule, start, end)] == [expected]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_intervals_do_not_care_for_the_clock_change(day: date) -> None:
    """An hour is an hour: 24 passes in 24 hours, on 23- and 25-hour days too."""
    start = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=12)

    found = slots(Schedule(every=timedelta(hours=1)), start, start + DAY)

    assert [later - earlier for earlier, later in itertools.pairwise(found)] == (
        [timedelta(hours=1)] * 23
    )


def test_two_times_that_a_clock_change_makes_one_are_one_slot() -> None:
    """02:15 and 02:45 do not exist that night; both come at 03:00, which is run once."""
    schedule = Schedule(at=(time(2, 15), time(2, 45), time(3, 0)))
    start = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)

    assert slots(schedule, start, start + timedelta(hours=4)) == [
        datetime(2026, 3, 29, 1, tzinfo=UTC)
    ]


def test_weekends_and_holidays_are_kept_free_where_asked() -> None:
    """1 May 2026 is a Friday: nothing runs from Thursday to Monday."""
    schedule = Schedule(at=(time(8),), workdays=True)
    thursday = datetime(2026, 4, 30, 12, tzinfo=UTC)

    found = next_slot(schedule, thursday, every=EVERY, holidays=holidays)

    assert found == datetime(2026, 5, 4, 6, tzinfo=UTC)
    assert not any(is_workday(date(2026, 5, day), holidays) for day in (1, 2, 3))


def test_a_calendar_without_a_day_is_an_error_and_no_endless_search() -> None:
    """Whoever wrote it hears of it."""
    everyday = {date(2026, 1, 1) + n * DAY for n in range(800)}

    with pytest.raises(ValueError, match="no day"):
        next_slot(
            Schedule(workdays=True),
            datetime(2026, 1, 1, tzinfo=UTC),
            every=EVERY,
            holidays=lambda _: everyday,
        )


MOMENTS = st.integers(0, 2 * 366 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SCHEDULES = st.builds(
    Schedule,
    at=st.lists(st.times().map(lambda at: at.replace(tzinfo=None)), max_size=3).map(tuple),
    timezone=st.sampled_from(["Europe/Paris", "UTC", "America/New_York", "Australia/Lord_Howe"]),
    workdays=st.booleans(),
)


@given(schedule=SCHEDULES, start=MOMENTS, spans=st.lists(st.integers(1, 200_000), max_size=6))
def test_looking_more_often_finds_the_same_slots(
    schedule: Schedule, start: datetime, spans: list[int]
) -> None:
    """Whether the hub looks each second or once a week, each slot is found once."""
    every = timedelta(hours=3)
    looks = [start]
    for span in spans:
        looks.append(looks[-1] + timedelta(seconds=span))

    def found(after: datetime, until: datetime) -> list[datetime]:
        return list(slots_between(schedule, after, until, every=every, holidays=holidays))

    parts = [slot for after, until in itertools.pairwise(looks) for slot in found(after, until)]
    assert parts == found(looks[0], looks[-1])
    assert parts == sorted(set(parts))


@given(schedule=SCHEDULES, start=MOMENTS)
def test_the_next_slot_is_the_first_of_those_that_follow(
    schedule: Schedule, start: datetime
) -> None:
    """What status announces is what the clock does."""
    every = timedelta(hours=3)

    found = next_slot(schedule, start, every=every, holidays=holidays)

    between = slots_between(schedule, start, found, every=every, holidays=holidays)
    assert list(between) == [found]


@given(day=st.dates(date(2026, 1, 1), date(2027, 12, 31)), at=st.times())
def test_a_fixed_time_is_read_on_the_wall_clock(day: date, at: time) -> None:
    """Where the wall shows that time at all, it shows it at that moment."""
    zone = ZoneInfo("Europe/Paris")
    at = at.replace(tzinfo=None, fold=0)

    shown = moment(day, at, "Europe/Paris").astimezone(zone).replace(tzinfo=None, fold=0)

    wanted = datetime.combine(day, at)
    assert shown == wanted or (shown > wanted and shown.hour == 3 and shown.minute == 0)
