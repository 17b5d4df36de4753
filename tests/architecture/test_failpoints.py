"""The table of failpoints names what the code has, and the code has what the table names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pipeline.ports.failpoint import CHANGES, PHASES, POINTS

ROOT = Path(__file__).resolve().parents[2]
CODE = {
    path: ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
}
#: Where the phases of a change are told, by a name that their callers give.
TELLERS = {"pipeline/app/atomic.py", "pipeline/adapters/database/ledger.py"}


def test_every_failpoint_of_the_code_stands_in_the_table() -> None:
    """A test arms a failpoint by its name: one that nobody knows of is never tried."""
    told = {
        call.args[0].value
        for _, call in _calls("failpoint")
        if isinstance(call.args[0], ast.Constant)
    }

    assert told == set(POINTS)


def test_every_change_of_the_ledger_has_a_name_in_the_table() -> None:
    """Between the acts of a change and its commit is where most promises break."""
    named = {
        argument.value
        for name in ("atomically", "_write", "partial")
        for _, call in _calls(name)
        for argument in call.args[-1:]
        if isinstance(argument, ast.Constant)
    }

    assert named | {"change"} == set(CHANGES)


def test_only_changes_are_told_by_a_name_that_is_not_written_there() -> None:
    """A name that is put together while running cannot be held against a table."""
    told = [
        (path, ast.literal_eval(call.args[1]))
        for path, call in _calls("failpoint")
        if not isinstance(call.args[0], ast.Constant)
    ]

    assert sorted(told) == sorted((path, phase) for path in TELLERS for phase in PHASES)


def test_names_are_words_and_stay_apart() -> None:
    """They are written into documents, and one is no other's beginning with a phase."""
    names = [*POINTS, *CHANGES]

    assert all(name.replace(".", "").replace("_", "").isalpha() for name in names)
    assert all(name.islower() for name in names)
    assert not {f"{change}.{phase}" for change in CHANGES for phase in PHASES} & set(POINTS)


def _calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of a function or method of this name, with its module."""
    for path, tree in CODE.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if name == (called.attr if isinstance(called, ast.Attribute) else None) or name == (
                called.id if isinstance(called, ast.Name) else None
            ):
                yield path.relative_to(ROOT).as_posix(), node
