"""From a broken rule about a document's header to the reason that refuses the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.rule import Breach, Rule

Subject = TypeVar("Subject")


def decide_by(rules: Sequence[tuple[str, Rule[Subject]]], subject: Subject, name: str) -> Decision:
    """Hold a subject against rules.

    Args:
        rules: Each with the code of the control table under which it refuses.
        subject: What they look at.
        name: The document's name, for the place.

    Returns:
        Accept, or reject with every rule that is broken.
    """
    reasons = tuple(
        refused(code, name, rule, breach) for code, rule in rules for breach in rule.check(subject)
    )
    return Decision(Verdict.REJECT, reasons) if reasons else Decision(Verdict.ACCEPT)


def refused(code: str, name: str, rule: Rule[Subject], breach: Breach) -> Reason:
    """Return why a rule refuses a document: rule, place, value found, what was expected."""
    said, place = rule.explain(breach), f"{name} {breach.term}"
    return reason(
        code, place, f"{rule.identifier} : {said['fr']}", f"{rule.identifier}: {said['en']}"
    )
