"""How log lines look and where they go: one JSON object a line, one file a day (UTC)."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, timedelta
from io import FileIO
from pathlib import Path
from traceback import format_tb
from typing import Protocol

import structlog

#: A day's file; whatever else lies in the folder is left alone.
_DAY_FILE = re.compile(r"edi-(\d{4}-\d{2}-\d{2})\.jsonl")
#: How much is kept of what an error says, in characters.
_SAID = 300
_TRACEBACK = "Traceback (most recent call last):\n"

_render = structlog.processors.JSONRenderer(default=str)


class _Actor:
    """Who acts now, as every line names it; one process has one at a time."""

    name = ""


@contextmanager
def acting_as(by: str) -> Iterator[None]:
    """Let every line name `by` while inside: the runs of one process each have a name."""
    before, _Actor.name = _Actor.name, by
    try:
        yield
    finally:
        _Actor.name = before


@contextmanager
def logging_to(folder: Path | None, *, by: str, keep_days: int = 90) -> Iterator[None]:
    """Send every log line to the day's file, or warnings and worse to standard error.

    Afterwards lines go where they went before.

    Args:
        folder: Where the files lie (each made 0600), or None for standard error.
        by: The run or operator that every line names.
        keep_days: Days that are kept, today among them.
    """
    with ExitStack() as stack:
        stack.callback(structlog.configure, **structlog.get_config())
        if folder is None:
            _configure(_Terminal(), _warnings_alone)
        else:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _configure(stack.enter_context(closing(_Days(folder, keep_days))))
        with acting_as(by):
            yield


def day_files(folder: Path) -> dict[date, Path]:
    """Return the files of a log folder by day, oldest first."""
    found = {}
    for path in folder.glob("edi-*.jsonl"):
        match = _DAY_FILE.fullmatch(path.name)
        if match:
            found[date.fromisoformat(match[1])] = path
    return dict(sorted(found.items()))


class _Sink(Protocol):
    """Where rendered lines go."""

    def write(self, day: str, line: str) -> None:
        """Write one line of one day (ISO date)."""


class _Terminal:
    """Standard error."""

    def write(self, _day: str, line: str) -> None:
        """Write a line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class _Days:
    """One file a day; those that are too old go when a new one is begun.

    A line that cannot be written there, on a full disk, is told on standard error: a log
    never stops the work it tells of.
    """

    def __init__(self, folder: Path, keep_days: int) -> None:
        self._folder = folder
        self._kept = timedelta(days=keep_days)
        self._day = ""
        self._file: FileIO | None = None
        self._lock = threading.Lock()

    def write(self, day: str, line: str) -> None:
        """Append a line to the file of its day, by one call to the system."""
        payload = f"{line}\n".encode("ascii")
        with self._lock:
            try:
                written = self._append(day, payload)
            except OSError:
                written = 0
            if written == len(payload):
                return
            self.close()
            self._file = None  # to be begun anew, behind what was torn off
        _Terminal().write(day, line)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _append(self, day: str, payload: bytes) -> int:
        """Return how much of a line was written."""
        file = self._file
        # a line that another thread began before midnight goes with those after it
        if file is None or day > self._day:
            file = self._begin(day)
        return file.write(payload)

    def _begin(self, day: str) -> FileIO:
        self.close()
        path = self._folder / f"edi-{day}.jsonl"
        self._file = FileIO(path, "ab", opener=_private)
        self._day = day
        if _is_torn(path):
            self._file.write(b"\n")
        oldest = date.fromisoformat(day) - self._kept
        for each, file in day_files(self._folder).items():
            if each <= oldest:
                file.unlink(missing_ok=True)
        return self._file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _is_torn(path: Path) -> bool:
    """Tell whether the last line of a file was cut off, by a kill or a full disk."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


class _Logger:
    """What structlog hands rendered lines to."""

    def __init__(self, sink: _Sink) -> None:
        self.info = self.warning = self.error = sink.write


def _configure(sink: _Sink, *first: structlog.typing.Processor) -> None:
    structlog.configure(
        processors=[
            *first,
            structlog.processors.add_log_level,
            _name_actor,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_exception,
            _dated_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_names: _Logger(sink),
        cache_logger_on_first_use=False,
    )


def _warnings_alone(
    _logger: object, method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Drop what is no trouble; where lines go decides that, not who writes them."""
    if method == "info":
        raise structlog.DropEvent
    return fields


def _tell_exception(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Write where an error arose, causes first, and the beginning of what it says.

    A bug that a document sets off may quote it: no more of that is kept.
    """
    error = sys.exc_info()[1] if fields.pop("exc_info", None) else None
    told: list[str] = []
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for each in reversed(chain):
        said = str(each)
        cut = f"{said[:_SAID]}…" if len(said) > _SAID else said
        told += [_TRACEBACK, *format_tb(each.__traceback__), f"{type(each).__name__}: {cut}\n"]
    if told:
        fields["exception"] = "".join(told).rstrip("\n")
    return fields


def _name_actor(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    fields["by"] = _Actor.name
    return fields


def _dated_line(
    logger: object, method: str, fields: structlog.typing.EventDict
) -> tuple[tuple[str, str], dict[str, str]]:
    """Return what `_Logger` takes: the day, and the line.

    The line is all ASCII: C1 controls, line separators and lone surrogates are escaped as
    well, so that no field can break or forge one.
    """
    return (str(fields["timestamp"])[:10], str(_render(logger, method, fields))), {}
