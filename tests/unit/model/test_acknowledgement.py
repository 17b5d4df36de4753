"""What became of a file, summed up from its documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.acknowledgement import FlowOutcome, flow_outcome
from pipeline.model.status import InterchangeStep, Step

OPENED = InterchangeStep.OPENED
TAKEN = {Step.ACCEPTED, Step.ROUTED, Step.DELIVERED, Step.ABANDONED, Step.TRIED}
REFUSED = {Step.REJECTED, Step.DUPLICATE}


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        pytest.param([Step.ROUTED], FlowOutcome.ACCEPTED, id="one-good"),
        pytest.param([Step.DELIVERED, Step.ABANDONED], FlowOutcome.ACCEPTED, id="one-abandoned"),
        pytest.param([Step.REJECTED], FlowOutcome.REJECTED, id="one-refused"),
        pytest.param([Step.DUPLICATE, Step.REJECTED], FlowOutcome.REJECTED, id="none-taken"),
        pytest.param([Step.ROUTED, Step.REJECTED], FlowOutcome.PARTLY_ACCEPTED, id="one-of-two"),
        pytest.param([Step.ROUTED, Step.DUPLICATE], FlowOutcome.PARTLY_ACCEPTED, id="one-repeats"),
        pytest.param([Step.HELD, Step.REJECTED, Step.ROUTED], FlowOutcome.HELD, id="one-held"),
        pytest.param([Step.ROUTED, Step.RECEIVED], FlowOutcome.RECEIVED, id="one-not-judged"),
    ],
)
def test_an_opened_flow_is_what_its_documents_are(steps: list[Step], outcome: FlowOutcome) -> None:
    """A sender reads one word a file."""
    assert flow_outcome(OPENED, steps) is outcome
    assert flow_outcome(OPENED, reversed(steps)) is outcome


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        pytest.param(InterchangeStep.REFUSED, FlowOutcome.REJECTED, id="refused"),
        pytest.param(InterchangeStep.DUPLICATE, FlowOutcome.DUPLICATE, id="duplicate"),
        pytest.param(InterchangeStep.HELD, FlowOutcome.HELD, id="held"),
        pytest.param(InterchangeStep.RECEIVED, FlowOutcome.RECEIVED, id="received"),
    ],
)
def test_a_flow_that_was_not_opened_is_what_its_own_step_says(
    step: InterchangeStep, outcome: FlowOutcome
) -> None:
    """It may hold no documents at all."""
    assert flow_outcome(step, []) is outcome


@given(st.lists(st.sampled_from(Step), min_size=1))
def test_no_document_is_forgotten_in_the_sum(steps: list[Step]) -> None:
    """Accepted means every one was taken, rejected that none was, partly that both were."""
    found = set(steps)
    outcome = flow_outcome(OPENED, steps)

    if outcome is FlowOutcome.ACCEPTED:
        assert found <= TAKEN
    elif outcome is FlowOutcome.REJECTED:
        assert found <= REFUSED
    elif outcome is FlowOutcome.PARTLY_ACCEPTED:
        assert found <= TAKEN | REFUSED
        assert found & TAKEN
        assert found & REFUSED
    elif outcome is FlowOutcome.HELD:
        assert Step.HELD in found
    else:
        assert Step.RECEIVED in found
        assert Step.HELD not in found
