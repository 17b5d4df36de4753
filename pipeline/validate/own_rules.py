"""Holds a subject against rules of our own: from breaches to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from pipeline.model.finding import Finding
from pipeline.model.profile import Profile
from pipeline.model.rule import Breach, Rule
from pipeline.validate.place import Place, cut

Subject = TypeVar("Subject")

#: Breaches of one rule that are listed; one more says that there are others.
MOST_BREACHES = 1001
#: Breaches of one rule whose place is looked for: on a long invoice, each costs a walk.
_LOCATED = 20
_NOWHERE = Place("", None, None)


def nowhere(breach: Breach) -> Place:  # noqa: ARG001  # the signature of what finds a place
    """Return no place: of a subject that is no document."""
    return _NOWHERE


def check_rules(
    rules: Iterable[Rule[Subject]],
    subject: Subject,
    profile: Profile,
    locate: Callable[[Breach], Place] = nowhere,
) -> Iterator[Finding]:
    """Yield a finding for every breach of every rule.

    Args:
        rules: In any order.
        subject: What they look at.
        profile: Gives single rules another weight than the published one.
        locate: Finds the place of a breach; asked about the first ones of each rule.
    """
    for rule in rules:
        for number, breach in enumerate(islice(rule.check(subject), MOST_BREACHES)):
            place = locate(breach) if number < _LOCATED else _NOWHERE
            yield Finding(
                rule=rule.identifier,
                severity=profile.weigh_ours(rule.identifier, breach.severity or rule.severity),
                term=breach.term,
                xpath=place.xpath,
                line=place.line,
                value=cut(breach.value),
                expected=breach.expected,
                message=rule.explain(breach),
            )
