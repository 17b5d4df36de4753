"""The door of the stage: which family, which names, and when there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.acknowledge.compose import compose
from pipeline.acknowledge.means import Means
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, FlowOutcome
from pipeline.model.controls import reason
from pipeline.model.status import InterchangeStep, Step

Facts = Callable[..., AnswerFacts]
Doc = Callable[..., AnsweredDocument]


def no_number(series: str) -> int:
    """Free names need no number."""
    raise AssertionError(series)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(FlowOutcome.ACCEPTED, "ack"), (FlowOutcome.HELD, "held")],
    ids=["final", "interim"],
)
def test_free_names_are_answered_by_a_json_file_and_a_page(
    some_facts: Facts,
    a_document: Doc,
    means: Means,
    outcome: FlowOutcome,
    kind: str,
) -> None:
    """Names are derived, safe on any file system, and tell the interim from the final."""
    facts = some_facts(outcome, (a_document(),), free=True, name="../Fact né.xml")

    files = compose(facts, next_number=no_number, means=means)

    assert [file.name for file in files] == [
        f"Fact-n-.xml.F0123456789ABCDEF.{kind}.json",
        f"Fact-n-.xml.F0123456789ABCDEF.{kind}.html",
    ]
    assert files == compose(facts, next_number=no_number, means=means)


@pytest.mark.parametrize("free", [True, False], ids=["free-names", "historical"])
def test_what_cannot_be_told_is_our_bug(
    some_facts: Facts, a_document: Doc, means: Means, free: bool
) -> None:
    """No answer before the judgement, none without a reason, none that is final too early."""
    unsaid = {
        "not judged": some_facts(FlowOutcome.RECEIVED, free=free),
        "refused without": some_facts(
            FlowOutcome.REJECTED, step=InterchangeStep.REFUSED, free=free
        ),
        "-0001 is refused without": some_facts(
            FlowOutcome.REJECTED, (a_document(1, Step.REJECTED),), free=free
        ),
        "cannot be final": some_facts(
            FlowOutcome.ACCEPTED, (a_document(1, Step.HELD),), free=free
        ),
        "says when the final": some_facts(FlowOutcome.HELD, free=free, final_by=None),
    }

    for message, facts in unsaid.items():
        with pytest.raises(ValueError, match=message):
            compose(facts, next_number=lambda _: 1, means=means)


def test_a_flow_refused_as_a_whole_needs_no_reason_for_each_document(
    some_facts: Facts, a_document: Doc, means: Means
) -> None:
    """A duplicate is unwrapped only to be counted."""
    facts = some_facts(
        FlowOutcome.DUPLICATE,
        (a_document(1, Step.DUPLICATE),),
        (reason("IRR_UNICITE", "", "déjà reçu", "already received"),),
        step=InterchangeStep.DUPLICATE,
        free=True,
    )

    assert len(compose(facts, next_number=no_number, means=means)) == 2
