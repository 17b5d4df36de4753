"""What a scenario tells is compared, and its days pass at a word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.entry.scenario import Step, StoryClock, Told
from tests.clocks import NOON, SetClock


def step(seen: int) -> Step:
    """Return a step that expects one file."""
    return Step(name="one", says=("un", "one"), expected={"files": 1}, seen={"files": seen})


@pytest.mark.parametrize(
    ("seen", "consistent", "whole"),
    [(1, True, True), (2, True, False), (1, False, False)],
)
def test_a_story_is_whole_when_all_was_seen_and_all_agrees(
    seen: int, *, consistent: bool, whole: bool
) -> None:
    """One step that went otherwise, or a file that is not there, and it is not."""
    assert Told((step(1), step(seen)), consistent).whole is whole


def test_days_pass_at_a_word_and_time_goes_on_between() -> None:
    """Whatever the clock beneath says when the story begins."""
    beneath = SetClock(NOON)
    clock = StoryClock(beneath, NOON + timedelta(hours=20))

    clock.move(timedelta(days=2))
    clock.sleep(30)
    beneath.set(timedelta(seconds=-5))

    assert clock.adopt() == timedelta(seconds=-5)
    assert clock.now() == NOON + timedelta(days=2, hours=20, seconds=25)
