"""What partners write never breaks or forges a line, nor moves a terminal (S15)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


def documents(day: Any) -> dict[str, Any]:
    """Return the documents that carry a hostile text, by file name."""
    listed = day.edi("documents", "--limit", "1000", "--json").json
    return {one["name"]: one for one in listed if one["name"].startswith("text-")}


def test_one_event_is_one_line_of_the_log(day: Any) -> None:
    """Whatever stood in names and invoices: each line is one object, ASCII, ours."""
    for path in (day.home / "logs").glob("edi-*.jsonl"):
        data = path.read_bytes()
        assert data.isascii()
        lines = data.splitlines(keepends=True)
        assert all(line.endswith(b"\n") for line in lines)
        read = [json.loads(line) for line in lines]
        assert all({"event", "level", "by", "timestamp"} <= set(one) for one in read)
        delivered = [one for one in read if one["event"] == "deliver.done"]
        assert all("connection" in one for one in delivered)  # the forged one has none


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb",
    [
        ("documents", "--limit", "1000"),
        ("interchanges", "--limit", "1000"),
        ("log",),
        ("log", "--json"),
        ("status",),
        ("runs",),
        ("documents", "--limit", "1000", "--json"),
        ("interchanges", "--limit", "1000", "--json"),
        ("trace", "text-"),
        ("trace", "text-", "--json"),
    ],
    ids=" ".join,
)
def test_a_listing_holds_nothing_that_a_terminal_obeys(
    day: Any, one_line: Callable[[str], None], verb: tuple[str, ...]
) -> None:
    """Names, numbers and parties are shown, never obeyed; JSON goes to terminals too."""
    one_line(day.edi(*verb).out)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["newline", "escape", "right-to-left", "separator", "markup"])
def test_one_document_is_shown_without_a_line_it_wrote_itself(
    day: Any, one_line: Callable[[str], None], kind: str
) -> None:
    """`edi show` is what an operator decides by."""
    one = documents(day)[f"text-{kind}.xml"]

    shown = day.edi("show", one["id"])

    one_line(shown.out)
    one_line(day.edi("show", one["id"], "--json").out)
    assert not [line for line in shown.out.splitlines() if line.startswith('{"event"')]
    one_line(day.edi("why", one["id"]).out + day.edi("why", one["id"]).err)


@pytest.mark.slow
def test_markup_is_shown_as_it_was_written(day: Any) -> None:
    """Else a text could hide part of itself."""
    one = documents(day)["text-markup.xml"]

    assert "[red]rouge[/red]" in day.edi("show", one["id"]).out
