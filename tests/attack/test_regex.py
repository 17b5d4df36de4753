"""No pattern of ours takes its time over a text written for it (S22)."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline.adapters.sentences import read_sentences
from pipeline.validate.svrl import MOST_SENTENCE

Pattern = re.Pattern[Any]
ROOT = Path(pipeline.__file__).parent
#: What one search may take, in seconds of processor time.
MOST_S = 0.1

#: Characters that make a quantifier go on, and one that makes the whole fail.
BAITS = (
    "a", "0", " ", "\n", "-", "_", ".", "<", "<!", "<!--", "<?", "</a", "]", "] ", "[", "[a",
    "'", "='", '"', "=", "&", ";", "/", "\\", "\\x0", "*", "*:", ":", "::", "a:", "A", "AB", "=a",
    "a=", "a.", "é", "\u202e", "0.", "+0", "1 1=", "T0:", "(a", "),", "BR-", "[BR-", "BT-0",
    "FSO1100A_ABC123_", "-----BEGIN CMS-----", "<!DOCTYPE a [", "<?xml a ", " encoding=",
    "/S /", "attribute ", "{a:b}", "EXT-FR-FE-", "(see ", "x" * 7,
)  # fmt: skip
ENDS = ("", "!", "\n", "\0", ">", "a", "=")
LENGTHS = (30, 10_000)


@dataclass(frozen=True)
class Use:
    """One pattern and the ways in which it is used.

    Attributes:
        pattern: The pattern; None where it is put together when it is used.
        ways: Methods of it that are called.
    """

    pattern: Pattern | None
    ways: frozenset[str]


def found() -> dict[str, Use]:
    """Return every pattern of the package, by where it stands."""
    uses: dict[str, Use] = {}
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(("pipeline", *path.relative_to(ROOT).with_suffix("").parts))
        called = list(_calls(tree))
        for holder, way, call in called:
            place = f"{module}:{call.lineno}"
            if holder != "re" or way == "escape":
                continue
            if way != "compile":
                uses[place] = Use(_literal(call), frozenset({way}))
                continue
            name = _assigned(tree, call)
            if name is None:  # handed on: used in whichever way
                uses[place] = Use(_literal(call), frozenset({"fullmatch", "search"}))
                continue
            held = getattr(importlib.import_module(module), name)
            ways = {one for other, one, _ in called if other == name}
            uses[f"{module}.{name}"] = Use(held, frozenset(ways))
    return uses


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield what is called on what: ``("re", "compile", node)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr, node


def _literal(call: ast.Call) -> Pattern | None:
    try:
        return re.compile(ast.literal_eval(call.args[0]))
    except ValueError:
        return None


def _assigned(tree: ast.Module, call: ast.Call) -> str | None:
    """Return the name that a module gives to a compiled pattern."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.value is call:
            return ast.unparse(node.targets[0])
    return None


USES = found()
#: Modules that put patterns together when they use them: from the name of a root element, tried
#: in test_cost.py; from ``sentences.toml``, tried below; and from a length alone.
MADE = {
    "pipeline.syntax.pivot_table",
    "pipeline.ingest.completeness",
    "pipeline.adapters.sentences",
    "pipeline.model.sentences",
}
SENTENCES = read_sentences((ROOT.parent / "config/sentences.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name, use in USES.items() if use.pattern])
def test_a_pattern_is_soon_done_with_the_worst_of_texts(name: str) -> None:
    """Thirty characters show what is exponential, ten thousand what is quadratic."""
    use = USES[name]
    assert use.pattern is not None

    spent, text = slowest(use.pattern, LENGTHS, anywhere=bool(use.ways - {"match", "fullmatch"}))

    assert spent < MOST_S, text


@pytest.mark.parametrize("number", range(len(SENTENCES.patterns)))
def test_a_pattern_of_the_shipped_sentences_is_soon_done(number: int) -> None:
    """It is searched in what a pack says, of which so much is kept."""
    one = SENTENCES.patterns[number]

    spent, text = slowest(re.compile(one.text), (30, MOST_SENTENCE), anywhere=True)

    assert spent < MOST_S, text


def slowest(pattern: Pattern, lengths: Iterable[int], *, anywhere: bool) -> tuple[float, str]:
    """Try a pattern with every bait; return the longest time and what took it."""
    worst = (0.0, "")
    for bait, length, end in product(BAITS, lengths, ENDS):
        text: str | bytes = (bait * (length // len(bait) + 1))[:length] + end
        if isinstance(pattern.pattern, bytes):
            text = str(text).encode()
        started = time.process_time()
        pattern.match(text)
        pattern.fullmatch(text)
        if anywhere:
            pattern.search(text)
        spent = time.process_time() - started
        worst = max(worst, (spent, f"{bait!r} to {length} characters, then {end!r}"))
    return worst


def test_the_search_sees_every_pattern() -> None:
    """One that is put together elsewhere would be tried by nobody."""
    assert len(USES) > 40
    assert "pipeline.ingest.naming._NAME" in USES
    assert {name.split(":")[0] for name, use in USES.items() if use.pattern is None} == MADE
