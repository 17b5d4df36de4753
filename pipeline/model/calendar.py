"""The slots of a schedule: when a connection's next pass is due.

A slot is a moment in UTC. Fixed times are read on the wall clock of the schedule's time
zone: a time that a clock change leaves out comes at the first moment that exists, a time
that comes twice counts once, the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.model.connection import Schedule

#: Public holidays of a year.
Holidays = Callable[[int], Collection[date]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_SATURDAY = 5
#: Days within which any schedule has a slot.
_SEARCH_DAYS = 400


def slots_between(
    schedule: Schedule,
    after: datetime,
    until: datetime,
    *,
    every: timedelta,
    holidays: Holidays,
) -> Iterator[datetime]:
    """Yield the slots after `after`, up to and including `until`, in order (UTC).

    Args:
        schedule: Of a sheet.
        after: Aware.
        until: Aware.
        every: The hub's own interval, for schedules that say nothing.
        holidays: Public holidays by year, kept free where the schedule says so.
    """
    zone = ZoneInfo(schedule.timezone)
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        if not schedule.workdays or is_workday(day, holidays):
            start = max(after, moment(day, time(), schedule.timezone) - _TICK)
            end = min(until, moment(day + _DAY, time(), schedule.timezone) - _TICK)
            yield from _slots_of(schedule, day, start, end, every)
        day += _DAY


def next_slot(
    schedule: Schedule, after: datetime, *, every: timedelta, holidays: Holidays
) -> datetime:
    """Return the first slot after `after` (UTC).

    Raises:
        ValueError: There is none within a year: the calendar leaves no day.
    """
    start = after
    for _ in range(_SEARCH_DAYS):
        end = start + _DAY
        slots = slots_between(schedule, start, end, every=every, holidays=holidays)
        found = next(slots, None)
        if found is not None:
            return found
        start = end
    raise ValueError("the calendar leaves no day for this schedule")


def next_cutoff(schedule: Schedule, now: datetime, holidays: Holidays) -> datetime:
    """Return the first cut-off after `now` (UTC): at midnight where the schedule names none.

    Days that the schedule keeps free have none.

    Raises:
        ValueError: There is none within a year: the calendar leaves no day.
    """
    day = now.astimezone(ZoneInfo(schedule.timezone)).date()
    for _ in range(_SEARCH_DAYS):
        if schedule.cutoff is None:
            end = moment(day + _DAY, time(), schedule.timezone)
        else:
            end = moment(day, schedule.cutoff, schedule.timezone)
        if end > now and (not schedule.workdays or is_workday(day, holidays)):
            return end
        day += _DAY
    raise ValueError("the calendar leaves no day for this schedule")


def moment(day: date, at: time, timezone: str) -> datetime:
    """Return when a wall clock shows `at` on `day` (UTC).

    A time that the clock jumps over is the end of the jump; of one that comes twice, the
    first counts.

    >>> moment(date(2026, 3, 29), time(2, 30), "Europe/Paris").isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    zone = ZoneInfo(timezone)
    wall = datetime.combine(day, at, tzinfo=zone)
    found = wall.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # in the gap: fold 1 reads the wall with the offset after the jump, which is before it
    before = wall.replace(fold=1).astimezone(UTC)
    return before + _to_the_jump(before, found, zone)


def is_workday(day: date, holidays: Holidays) -> bool:
    """Tell whether `day` is neither on a weekend nor a public holiday."""
    return day.weekday() < _SATURDAY and day not in holidays(day.year)


def _slots_of(
    schedule: Schedule, day: date, after: datetime, until: datetime, every: timedelta
) -> Iterator[datetime]:
    """Yield the slots of one day after `after` up to `until`."""
    if schedule.at:
        slots = sorted({moment(day, at, schedule.timezone) for at in schedule.at})
        yield from (slot for slot in slots if after < slot <= until)
        return
    step = schedule.every or every
    slot = _EPOCH + ((after - _EPOCH) // step + 1) * step
    while slot <= until:
        yield slot
        slot += step


def _to_the_jump(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """Return how long after `start` the clock's offset changes, to the second."""
    low, high = 0, int((end - start).total_seconds())
    offset = start.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if (start + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return timedelta(seconds=high)
