"""docs/security.md tells of tests that exist, of every attack, and of nothing else."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (S\d+) \| (.*?) \| (.*?) \|(.*)\|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
#: Attacks on what there is not yet: a web console with sessions, roles and logins.
NOT_YET = {"S18", "S19"}


@cache
def defined_in(path: str) -> set[str]:
    """Return the tests that a file defines."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_attack_has_a_row_and_every_row_a_test() -> None:
    """An attack that nobody tries is not defended against."""
    assert [row[0] for row in ROWS] == [f"S{number}" for number in range(1, 26)]
    assert {number for number, _, _, tests in ROWS if "::" not in tests} == NOT_YET


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    """A control is what a test shows, and the page names the test."""
    assert name.startswith("test_")
    assert name in defined_in(path)


def test_every_module_of_attacks_is_named() -> None:
    """Whoever adds an attack tells of it."""
    named = {path for path, _ in NAMED}
    modules = {f"tests/attack/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}

    assert modules - named == {"tests/attack/test_page.py"}
