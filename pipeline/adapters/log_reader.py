"""Finds the lines of a run in the daily log files, and follows those still to come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipeline.adapters.clock import SystemClock
from pipeline.adapters.logs import day_files

#: One line: its fields.
Line = Mapping[str, Any]

_BY = re.compile(rb'"by": "(run:[^"\\]+)"')
_ONE_DAY = timedelta(days=1)
#: Time between two looks at a file that has no new line, in seconds.
_LOOK_S = 0.2
#: Looks in vain after which it is asked whether the run's process still lives.
_VAIN = 10
#: Events that are the last of their run.
_LAST = frozenset({"run.done", "run.failed", "run.crashed"})


class LogReader:
    """The logs of one workspace; a line that was cut off is passed over.

    Args:
        folder: Where the daily files lie; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def runs(self, prefix: str = "") -> list[str]:
        """Return the runs whose name begins like this, in order of their first line.

        Args:
            prefix: Begins with ``run:``, or is empty.
        """
        wanted = prefix.removeprefix("run:")[:8]
        found: dict[str, None] = {}
        for day, path in day_files(self._folder).items():
            # a run just before midnight may have its first line after it
            days = (f"{day:%Y%m%d}", f"{day - _ONE_DAY:%Y%m%d}")
            if not any(one.startswith(wanted) for one in days):
                continue
            for raw in _whole_lines(path, 0):
                match = _BY.search(raw[0])
                if match and (name := match[1].decode("ascii")).startswith(prefix):
                    found.setdefault(name)
        return list(found)

    def last_run(self, counts: Callable[[Line], bool]) -> str | None:
        """Return the newest run with a line that counts; else the newest of all, or None."""
        for path in reversed(day_files(self._folder).values()):
            counted = None
            for raw, _ in _whole_lines(path, 0):
                line = _parsed(raw)
                if line is not None and str(line.get("by")).startswith("run:") and counts(line):
                    counted = str(line["by"])
            if counted is not None:
                return counted
        return next(reversed(self.runs()), None)

    def lines(self, run: str) -> Iterator[Line]:
        """Yield the lines of a run: those of its day and of the next."""
        start = _day_of(run)
        for day, path in day_files(self._folder).items():
            if start is None or start <= day <= start + _ONE_DAY:
                for raw, _ in _whole_lines(path, 0):
                    line = _line_of(run, raw)
                    if line is not None:
                        yield line

    def follow(self, run: str, is_running: Callable[[], bool]) -> Iterator[Line]:
        """Yield the lines of a run as they come, until it ends.

        Its end is its last line, the first one of another run, or the death of its process.

        Args:
            run: Its name.
            is_running: Tells whether any run's process is alive.
        """
        vain, seen = 0, False
        for raw in self._tail(_day_of(run)):
            if raw is None:
                vain += 1
                if vain % _VAIN == 0 and not is_running():
                    return
                SystemClock().sleep(_LOOK_S)
                continue
            vain = 0
            line = _line_of(run, raw)
            if line is not None:
                seen = True
                yield line
            if (line is not None and line["event"] in _LAST) or (seen and _of_another(run, raw)):
                return

    def _tail(self, start: date | None) -> Iterator[bytes | None]:
        """Yield whole lines of every day from `start`, and None whenever there is no more yet."""
        place: tuple[date, int] | None = None
        while True:
            days = day_files(self._folder)
            after = place[0] if place else start
            waiting = True
            for day in (day for day in days if after is None or day >= after):
                offset = place[1] if place and place[0] == day else 0
                place = (day, offset)
                for raw, end in _whole_lines(days[day], offset):
                    waiting = False
                    place = (day, end)
                    yield raw
            if waiting:
                yield None


def _whole_lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """Yield each whole line from a place on, with the place where it ends."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # it grew too old a moment ago
        return
    with file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            yield raw, offset


def _line_of(run: str, raw: bytes) -> Line | None:
    """Return a line if it belongs to this run."""
    if run.encode() not in raw:
        return None
    line = _parsed(raw)
    return line if line is not None and line.get("by") == run else None


def _of_another(run: str, raw: bytes) -> bool:
    """Tell whether a line belongs to another run: no two of a workspace overlap."""
    match = _BY.search(raw)
    return match is not None and match[1] != run.encode()


def _parsed(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "event" in line else None


def _day_of(run: str) -> date | None:
    """Return the day that a run's name begins with, or None where it does not."""
    digits = run.removeprefix("run:")[:8]
    try:
        return date.fromisoformat(digits)
    except ValueError:
        return None
