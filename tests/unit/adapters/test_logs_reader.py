"""The lines of a run are found again, whatever lies around them, and followed to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.log_reader import LogReader

FIRST, SECOND, THIRD = (
    "run:20261123T235959Z-AAAA",
    "run:20261124T010000Z-BBBB",
    "run:20261124T020000Z-BBCC",
)


def line(by: str, event: str = "pull.listed", **facts: object) -> str:
    """Write a line as the log does."""
    fields = {"event": event, **facts, "level": "info", "by": by, "timestamp": "2026-11-24T01:00Z"}
    return json.dumps(fields) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs, the first over midnight; an operator, a torn line, and lines of no use."""
    (tmp_path / "edi-2026-11-23.jsonl").write_text(line(FIRST, n=1), encoding="ascii")
    (tmp_path / "edi-2026-11-24.jsonl").write_text(
        line(FIRST, n=2)
        + line("operator:ada", "operator.release", subject=FIRST)
        + '{"by": "run:20261124T010000Z-BBBB", "eve\n'
        + "[1]\n"
        + line(SECOND, n=3)
        + line(SECOND, "run.done", n=4)
        + line(THIRD, n=5)
        + '{"event": "half',
        encoding="ascii",
    )
    return tmp_path


def numbers(found: Iterator[Any]) -> list[int]:
    """Return which lines were found."""
    return [one["n"] for one in found]


def test_a_run_has_its_own_lines_over_midnight_too(folder: Path) -> None:
    """And none of another's that only names it."""
    reader = LogReader(folder)

    assert numbers(reader.lines(FIRST)) == [1, 2]
    assert numbers(reader.lines(SECOND)) == [3, 4]


@pytest.mark.parametrize(
    ("prefix", "runs"),
    [
        ("", [FIRST, SECOND, THIRD]),
        ("run:2026112", [FIRST, SECOND, THIRD]),
        ("run:20261124", [SECOND, THIRD]),
        ("run:20261123T23", [FIRST]),
        ("run:20261124T02", [THIRD]),
        ("run:20261125", []),
        ("run:x", []),
    ],
)
def test_runs_are_found_by_the_beginning_of_their_name(
    folder: Path, prefix: str, runs: list[str]
) -> None:
    """In the order in which they began."""
    assert LogReader(folder).runs(prefix) == runs


def test_the_last_run_that_counts_is_found(folder: Path) -> None:
    """Else the last of all; a workspace without any has none."""
    reader = LogReader(folder)

    assert reader.last_run(lambda one: one["event"] == "run.done") == SECOND
    assert reader.last_run(lambda one: one.get("n") == 1) == FIRST
    assert reader.last_run(lambda _one: False) == THIRD
    assert LogReader(folder / "none").last_run(lambda _one: True) is None


def test_a_run_that_ended_is_followed_to_its_end_only(folder: Path) -> None:
    """Its own last word ends it, or the first one of another run."""
    reader = LogReader(folder)

    assert numbers(reader.follow(SECOND, lambda: True)) == [3, 4]
    assert numbers(reader.follow(FIRST, lambda: True)) == [1, 2]


def test_a_run_whose_process_died_is_not_waited_for(folder: Path) -> None:
    """It has no last word."""
    assert numbers(LogReader(folder).follow(THIRD, lambda: False)) == [5]


def test_lines_are_told_while_they_come(folder: Path) -> None:
    """The half line once it is whole; the next day's file once it is there."""
    reader = LogReader(folder)
    found = reader.follow(THIRD, lambda: True)
    assert next(found)["n"] == 5

    with ThreadPoolExecutor(1) as pool:
        _later(pool, lambda: _append(folder / "edi-2026-11-24.jsonl", f'", "n": 6, {_BY}'))
        assert next(found)["n"] == 6
        _later(pool, lambda: _append(folder / "edi-2026-11-25.jsonl", line(THIRD, n=7)))
        assert next(found)["n"] == 7
        _later(
            pool, lambda: _append(folder / "edi-2026-11-25.jsonl", line(THIRD, "run.done", n=8))
        )
        assert numbers(found) == [8]


_BY = f'"by": "{THIRD}"}}\n'


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="ascii") as file:
        file.write(text)


def _later(pool: ThreadPoolExecutor, act: Callable[[], None]) -> None:
    """Let something happen beside the one who waits for it."""
    pool.submit(act)
