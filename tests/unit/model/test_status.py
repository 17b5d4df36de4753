"""The step tables are obeyed."""

from __future__ import annotations

import pytest

from pipeline.model.acknowledgement import FlowOutcome
from pipeline.model.receipt import Said
from pipeline.model.status import (
    FOLLOWS,
    INTERCHANGE_FOLLOWS,
    OUTBOX_FOLLOWS,
    WORDS,
    InterchangeStep,
    OutboxState,
    Step,
    check_step,
    is_final,
)


@pytest.mark.parametrize("after", list(Step))
@pytest.mark.parametrize("before", [None, *Step])
def test_a_move_that_the_table_lacks_is_our_bug(before: Step | None, after: Step) -> None:
    """Every pair is either in the table or refused, loudly."""
    if after in FOLLOWS[before]:
        check_step(FOLLOWS, before, after)
        return

    with pytest.raises(ValueError, match=f"^{after.value} cannot follow "):
        check_step(FOLLOWS, before, after)


def test_what_can_be_undone_and_what_cannot() -> None:
    """A delivered, refused or repeated document is so for ever; a sent file is gone."""
    final_documents = {step for step in Step if is_final(FOLLOWS, step)}
    final_flows = {step for step in InterchangeStep if is_final(INTERCHANGE_FOLLOWS, step)}
    final_rows = {state for state in OutboxState if is_final(OUTBOX_FOLLOWS, state)}

    assert final_documents == {Step.REJECTED, Step.DUPLICATE, Step.DELIVERED, Step.TRIED}
    assert final_flows == {
        InterchangeStep.REFUSED,
        InterchangeStep.DUPLICATE,
        InterchangeStep.CLOSED,
    }
    assert final_rows == {OutboxState.SENT, OutboxState.CANCELLED}


def test_every_step_and_state_has_words_in_both_languages() -> None:
    """A page that shows a machine's word makes its reader look it up."""
    kinds = (Step, InterchangeStep, OutboxState, FlowOutcome, Said)

    assert {one.value for kind in kinds for one in kind} == set(WORDS)
    assert all(fr and en and fr != en for fr, en in WORDS.values())
