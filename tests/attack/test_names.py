"""Hostile file names from drop to answer (S8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.model.names import raw_name, shown_name


def test_every_name_gets_its_answer(day: Any, hostile_names: tuple[bytes, ...]) -> None:
    """A name is no reason to leave a sender without one; none hides the others."""
    for name in hostile_names:
        assert day.answers[shown_name(name)]["outcome"] == "accepted"
    assert set(day.dropped) == set(day.answers)
    assert day.ran == [0, ""]


def test_a_shown_name_is_printable_and_leads_back(hostile_names: tuple[bytes, ...]) -> None:
    """It breaks no line and no terminal, and the remote file can still be addressed."""
    for name in hostile_names:
        assert shown_name(name).isprintable()
        assert raw_name(shown_name(name)) == name


def test_what_the_hub_makes_has_names_of_its_own(day: Any) -> None:
    """Nothing a partner wrote becomes a path; deliveries and answers take any file system."""
    made = [
        path.relative_to(day.home).as_posix()
        for folder in ("archive", "spool", "logs")
        for path in (day.home / folder).rglob("*")
    ]
    sent = [
        path.name for path in (*(day.city / "out").iterdir(), *(day.caterer / "out").iterdir())
    ]

    plain = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")
    assert [path for path in (*made, *sent) if set(path) - plain] == []
    assert [name for name in sent if name.startswith(("-", "."))] == []
    assert max(map(len, sent)) <= 200


def test_a_link_or_a_pipe_in_the_folder_is_left_alone(day: Any) -> None:
    """It is no file of the partner's: nobody follows it, waits for it or moves it (S9)."""
    left = sorted(path.name for path in (day.caterer / "in").iterdir())

    assert left == ["lien.xml", "tube.xml"]


@pytest.mark.slow
def test_a_name_can_be_typed_back_as_it_is_shown(
    day: Any, hostile_names: tuple[bytes, ...], one_line: Callable[[str], None]
) -> None:
    """An operator copies what the screen shows."""
    shown = shown_name(hostile_names[0])

    found = day.edi("trace", shown, "--json").json

    assert {one["name"] for one in found["interchanges"]} == {shown}
    one_line(day.edi("trace", shown).out)
