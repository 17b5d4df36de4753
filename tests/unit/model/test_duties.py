"""What is done for a sheet in each state: the table is closed, and says what its words mean."""

from __future__ import annotations

import pytest

from pipeline.model.connection import Role
from pipeline.model.duties import DUTIES, Duty, Work, is_done, is_open
from pipeline.model.standing import SHEET_FOLLOWS, SheetState


def test_every_state_says_something_of_every_work() -> None:
    """A state that is added has to say what is done for it."""
    assert {state: set(row) for state, row in DUTIES.items()} == {
        state: set(Work) for state in SheetState
    }


def test_every_duty_is_somewhere() -> None:
    """A word that stands in no cell is no word of this table."""
    assert {duty for row in DUTIES.values() for duty in row.values()} == set(Duty)


@pytest.mark.parametrize("work", [Work.PULL, Work.DELIVER, Work.ANSWER])
def test_a_sheet_that_is_suspended_waits_with_everything_but_judging(work: Work) -> None:
    """Nothing moves and nothing is lost; what was taken in is judged, since others wait for it."""
    assert DUTIES[SheetState.SUSPENDED][work] is Duty.WAITS
    assert DUTIES[SheetState.SUSPENDED][Work.JUDGE] is Duty.DONE


def test_nothing_is_delivered_for_good_before_a_second_person_and_a_trial() -> None:
    """Whole deliveries in production alone; a pilot's are limited, a shadow's do not count."""
    done = {state: row[Work.DELIVER] for state, row in DUTIES.items()}

    assert {state for state, duty in done.items() if duty is Duty.DONE} == {SheetState.PRODUCTION}
    assert done[SheetState.PILOT] is Duty.LIMITED
    assert done[SheetState.SHADOW] is Duty.COPIED


@pytest.mark.parametrize("state", list(SheetState))
def test_a_door_is_open_where_its_role_has_something_to_put(state: SheetState) -> None:
    """A sender's door is for answers, a receiver's for deliveries."""
    assert is_open(state, Role.SENDER) is is_done(state, Work.ANSWER)
    assert is_open(state, Role.RECEIVER) is is_done(state, Work.DELIVER)


def test_what_waits_may_go_on_and_what_is_over_may_not() -> None:
    """'Waits' is said only where the step table lets the sheet come back."""
    for state, row in DUTIES.items():
        if Duty.WAITS in row.values():
            assert any(is_done(after, Work.DELIVER) for after in SHEET_FOLLOWS[state])
