"""What to say to whom: the one door of this stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.acknowledge.historical import answer_historical
from pipeline.acknowledge.machine import answer_json
from pipeline.acknowledge.means import Means
from pipeline.acknowledge.page import answer_page
from pipeline.acknowledge.platform import answer_cdar
from pipeline.acknowledge.summary import Bucket, bucket, is_irrecevable
from pipeline.model.acknowledgement import AnswerFacts, AnswerFile, FlowOutcome
from pipeline.model.connection import AnswerFamily, AnswerFormat
from pipeline.model.interface import Carries, Interface
from pipeline.model.names import slug


def compose(
    facts: AnswerFacts, *, next_number: Callable[[str], int], means: Means
) -> tuple[AnswerFile, ...]:
    """Write the answer to one interchange, in the family its sender agreed to.

    Args:
        facts: Everything that may be said.
        next_number: Takes the next number of a series, from 1; asked only for names of
            the grammar, once a file.
        means: What answers are written with.

    Returns:
        The files of the interface family, then the forms that the sheet asks for besides.
        With free names, and where the family has no word for how the flow stands, these
        forms are the answer. That what a partner answered was taken is said only where the
        sheet asks for it. Names and bytes follow from the arguments alone.

    Raises:
        ValueError: There is no answer to give yet, something is refused without a reason,
            or a message breaks its schema: our bug.
    """
    _check(facts)
    if facts.interface is None:
        return tuple(_forms(facts, frozenset(AnswerFormat)))
    if facts.about is not Carries.INVOICES and facts.outcome is FlowOutcome.ACCEPTED:
        return tuple(_forms(facts, frozenset(facts.formats)))
    files = _of_family(facts, facts.interface, next_number, means)
    forms = frozenset(facts.formats) if files else frozenset({AnswerFormat.JSON, *facts.formats})
    return (*files, *_forms(facts, forms))


def _of_family(
    facts: AnswerFacts, interface: Interface, next_number: Callable[[str], int], means: Means
) -> tuple[AnswerFile, ...]:
    if facts.about is not Carries.INVOICES and not (
        interface.refused_by and is_irrecevable(facts)
    ):
        return ()
    if interface.answers is AnswerFamily.HISTORICAL:
        return answer_historical(facts, interface, next_number=next_number, means=means)
    return answer_cdar(facts, interface, next_number=next_number, means=means)


def _forms(facts: AnswerFacts, wanted: frozenset[AnswerFormat]) -> Iterator[AnswerFile]:
    """Yield the answer for a program and for a person, under names of their own."""
    stem = f"{slug(facts.interchange.name)}.{facts.interchange.id}"
    kind = "ack" if facts.final else "held"
    if facts.correction is not None:
        kind = f"{kind}{facts.correction.number}"
    if AnswerFormat.JSON in wanted:
        yield AnswerFile(f"{stem}.{kind}.json", answer_json(facts))
    if AnswerFormat.HTML in wanted:
        yield AnswerFile(f"{stem}.{kind}.html", answer_page(facts))


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
