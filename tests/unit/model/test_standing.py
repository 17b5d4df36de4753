"""Where a sheet may go from where it stands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.model.connection import Role
from pipeline.model.standing import (
    BEGINNINGS,
    SHEET_FOLLOWS,
    SHEET_WORDS,
    MoveCause,
    SheetState,
    Standing,
    next_state,
)
from pipeline.model.status import check_step, is_final

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("after", list(SheetState))
@pytest.mark.parametrize("before", [None, *SheetState])
def test_a_move_that_the_table_lacks_is_our_bug(
    before: SheetState | None, after: SheetState
) -> None:
    """Every pair is either in the table or refused, loudly."""
    if after in SHEET_FOLLOWS[before]:
        check_step(SHEET_FOLLOWS, before, after)
        return

    with pytest.raises(ValueError, match=f"^{after.value} cannot follow "):
        check_step(SHEET_FOLLOWS, before, after)


def test_every_state_can_be_reached_and_only_a_closed_sheet_is_final() -> None:
    """A state that nothing leads to is a word without a meaning."""
    reached, found = set(BEGINNINGS), set[SheetState]()
    while reached != found:
        found = set(reached)
        reached |= {after for state in found for after in SHEET_FOLLOWS[state]}

    assert reached == set(SheetState)
    assert {one for one in SheetState if is_final(SHEET_FOLLOWS, one)} == {SheetState.CLOSED}


def test_what_can_be_suspended_can_be_resumed_where_it_was() -> None:
    """A suspension that cannot be lifted is a closing."""
    suspended = {one for one in SheetState if SheetState.SUSPENDED in SHEET_FOLLOWS[one]}

    assert suspended == SHEET_FOLLOWS[SheetState.SUSPENDED] - {SheetState.CLOSED}


@pytest.mark.parametrize("role", list(Role))
def test_promotions_lead_to_production_by_moves_of_the_table(role: Role) -> None:
    """From approved on, one step at a time; a receiver passes by shadow and pilot."""
    path = [SheetState.APPROVED]
    while (after := next_state(role, path[-1])) is not None:
        assert after in SHEET_FOLLOWS[path[-1]]
        path.append(after)

    receivers = [SheetState.SHADOW, SheetState.PILOT] if role is Role.RECEIVER else []
    assert path == [SheetState.APPROVED, *receivers, SheetState.PRODUCTION]


def test_every_state_has_words_in_both_languages() -> None:
    """A page that shows a machine's word makes its reader look it up."""
    assert set(SHEET_WORDS) == set(SheetState)
    assert all(fr and en and fr != en for fr, en in SHEET_WORDS.values())


@pytest.mark.parametrize(
    ("state", "resumes"),
    [(SheetState.SUSPENDED, None), (SheetState.PRODUCTION, SheetState.PILOT)],
)
def test_a_suspended_sheet_and_no_other_knows_where_it_goes_back_to(
    state: SheetState, resumes: SheetState | None
) -> None:
    """Else resuming would be a guess."""
    with pytest.raises(ValueError, match="suspended"):
        Standing(
            connection="acme",
            state=state,
            since=NOW,
            by="operator:ana",
            cause=MoveCause.OPERATOR,
            resumes=resumes,
        )
