"""What to say to whom: the one door of this stage."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from pipeline.acknowledge.historical import answer_historical
from pipeline.acknowledge.machine import answer_json
from pipeline.acknowledge.page import answer_page
from pipeline.acknowledge.summary import Bucket, bucket, is_irrecevable
from pipeline.model.acknowledgement import AnswerFacts, AnswerFile, FlowOutcome
from pipeline.model.names import slug


def compose(
    facts: AnswerFacts, *, next_number: Callable[[str], int], schema: etree.XMLSchema
) -> tuple[AnswerFile, ...]:
    """Write the answer to one interchange, in the family its sender agreed to.

    Args:
        facts: Everything that may be said.
        next_number: Takes the next number of a series, from 1; asked only for names of
            the grammar, once a file.
        schema: Compiled ``CPPStatut-V1_19.xsd``.

    Returns:
        In the historical family one or two CPPStatut files; with free names a JSON file
        and the same answer as a page. Names and bytes follow from the arguments alone.

    Raises:
        ValueError: There is no answer to give yet, something is refused without a reason,
            or a CPPStatut breaks its schema: our bug.
    """
    _check(facts)
    if facts.interface is not None:
        return answer_historical(facts, facts.interface, next_number=next_number, schema=schema)
    stem = f"{slug(facts.interchange.name)}.{facts.interchange.id}"
    kind = "ack" if facts.final else "held"
    return (
        AnswerFile(f"{stem}.{kind}.json", answer_json(facts)),
        AnswerFile(f"{stem}.{kind}.html", answer_page(facts)),
    )


def _check(facts: AnswerFacts) -> None:
    """Refuse to answer where there is nothing to say, or no reason to give."""
    if facts.outcome is FlowOutcome.RECEIVED:
        raise ValueError(f"{facts.interchange.id} is not judged yet: there is no answer")
    if is_irrecevable(facts):
        if not facts.reasons:
            raise ValueError(f"{facts.interchange.id} is refused without a reason")
        return
    for one in facts.documents:
        kind = bucket(one.document)
        if kind in {Bucket.REJECTED, Bucket.DUPLICATE} and not one.document.reasons:
            raise ValueError(f"{one.document.id} is refused without a reason")
        if kind is Bucket.HELD and facts.final:
            raise ValueError(f"{one.document.id} waits still: the answer cannot be final")
