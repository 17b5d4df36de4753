"""Holds a subject against rules of our own: from breaches to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from pipeline.model.finding import Finding, LayerResult, Outcome
from pipeline.model.invoice import Invoice
from pipeline.model.profile import Profile
from pipeline.model.report import PackRun
from pipeline.model.rule import Breach, Rule, RuleSet
from pipeline.syntax import cii, ubl
from pipeline.syntax.terms import Element
from pipeline.validate.locate import Locator
from pipeline.validate.place import Place, cut
from pipeline.validate.pyramid import Checked, layer_result
from pipeline.validate.rule_packs import MOST_FINDINGS

Subject = TypeVar("Subject")

#: Breaches of one rule that are looked at: enough to know that a layer has more than it lists.
MOST_BREACHES = MOST_FINDINGS + 1
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


def with_own_rules(
    checked: Checked,
    sets: Sequence[tuple[RuleSet[Invoice], PackRun]],
    root: Element,
    light: Callable[[], Element],
    family: str,
    profile: Profile,
) -> Checked:
    """Add what rules of our own find in a document to what packs found.

    Args:
        checked: What the packs of the layer say; skipped where there was none.
        sets: Sets of rules, each with what the report says of it. One rule of two sets is
            asked once.
        root: The document.
        light: Returns it, or a copy of the same lines with its attachments cut.
        family: ``ubl`` or ``cii``.
        profile: Gives single rules another weight.

    Returns:
        The layer with all findings. What the model does not hold of the document is not looked
        at. A layer that was unclear stays so, unless something fatal was found.
    """
    invoice = {"ubl": ubl, "cii": cii}[family].read_invoice(light()).invoice
    rules = {rule.identifier: rule for group, _ in sets for rule in group.rules}
    ours = check_rules(rules.values(), invoice, profile, Locator(root, family).place)
    result = layer_result(checked.result.layer, (*checked.result.findings, *ours), MOST_FINDINGS)
    if checked.trouble is not None and result.outcome is not Outcome.INVALID:
        result = LayerResult(result.layer, Outcome.UNCLEAR, result.findings)
    return replace(checked, result=result, packs=(*checked.packs, *(run for _, run in sets)))
