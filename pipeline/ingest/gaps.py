"""Which flow numbers were skipped, and which of them came late."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pipeline.model.gap import Gap

#: More numbers than this between two flows are no gap but a new count: some senders put
#: the date into the number (202610050000001).
MOST_MISSING = 1000
#: Digits of a sequence number.
DIGITS = 15
#: The highest number there is.
LAST_NUMBER = 10**DIGITS - 1

_ALL_DIGITS = re.compile(f"[0-9]{{{DIGITS}}}")


def numbers_of(series: str, names: Iterable[tuple[str, datetime]]) -> Mapping[int, datetime]:
    """Return when each number of a series was first seen, from names as received.

    Args:
        series: Which one.
        names: Each with a moment of receipt, in any order; names of no flow of that series
            are passed over.
    """
    prefix = name_of(series, 0)[:-DIGITS]
    seen: dict[int, datetime] = {}
    for name, at in names:
        digits = name[-DIGITS:]
        if name != f"{prefix}{digits}" or not _ALL_DIGITS.fullmatch(digits):
            continue
        number = int(digits)
        if number not in seen or at < seen[number]:
            seen[number] = at
    return seen


def series_of(code: str, application: str) -> str:
    """Return what the names of one count have in common.

    >>> series_of("FSO1100A", "ABC123")
    'FSO1100A_ABC123'
    """
    return f"{code}_{application}"


def name_of(series: str, number: int) -> str:
    """Return the name of the flow with a number of a series.

    >>> name_of("FSO1100A_ABC123", 7)
    'FSO1100A_ABC123_ABC1231100000000000000007'
    """
    code, _, application = series.partition("_")
    return f"{series}_{application}{code[3:7]}{number:0{DIGITS}d}"


def find_gaps(connection: str, series: str, seen: Mapping[int, datetime]) -> tuple[Gap, ...]:
    """Return the numbers that are missing between those seen, lowest first.

    Nothing is said of numbers below the lowest seen, and a jump of more than
    `MOST_MISSING` is taken for a new count.
    """
    gaps: list[Gap] = []
    since: datetime | None = None
    higher: int | None = None
    for number in sorted(seen, reverse=True):
        if higher is not None and since is not None and 1 < higher - number <= MOST_MISSING + 1:
            gaps.append(
                Gap(
                    connection=connection,
                    series=series,
                    first=number + 1,
                    last=higher - 1,
                    since=since,
                )
            )
        since = seen[number] if since is None else min(since, seen[number])
        higher = number
    return tuple(reversed(gaps))


def to_report(
    gaps: Sequence[Gap], reported: Sequence[Gap], after: timedelta, now: datetime
) -> tuple[Gap, ...]:
    """Return the gaps that are due and of which nobody has been told.

    Args:
        gaps: What is missing now.
        reported: What was told before, closed or not. A gap that a late flow has split
            lies in one of these: its parts are not told again.
        after: Delay between the first higher number and the report.
        now: The moment.
    """
    return tuple(
        gap
        for gap in gaps
        if gap.since + after <= now and not any(_covers(told, gap) for told in reported)
    )


def is_closed(gap: Gap, seen: Mapping[int, datetime]) -> bool:
    """Tell whether every number of a gap has come."""
    return all(number in seen for number in range(gap.first, gap.last + 1))


def _covers(told: Gap, gap: Gap) -> bool:
    same = (told.connection, told.series) == (gap.connection, gap.series)
    return same and told.first <= gap.first and gap.last <= told.last
