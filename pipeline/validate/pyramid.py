"""The order of the layers, and which one gates which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.report import PackRun, Trouble

#: Layers that must not fail before those above them are run. Semantics and profile
#: both run, so that a supplier sees the findings of both at once.
GATES = frozenset({Layer.SYNTAX, Layer.STRUCTURE})

_MORE = Finding(
    rule="MORE-FINDINGS",
    severity=Severity.WARNING,
    term=None,
    xpath="",
    line=None,
    value=None,
    message={
        "fr": "D'autres constats ne sont pas listés.",
        "en": "There are more findings, not listed.",
    },
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one layer has to say.

    Attributes:
        result: Its outcome with its findings.
        packs: Rule packs that ran to their end.
        trouble: Why it could not be carried out, or None.
        detail: The engine's own words to that.
    """

    result: LayerResult
    packs: tuple[PackRun, ...] = ()
    trouble: Trouble | None = None
    detail: str = ""


def climb(
    checks: Iterable[tuple[Layer, Callable[[], Checked]]], asked: Collection[Layer]
) -> tuple[Checked, ...]:
    """Run the checks that are asked for, as far as the gates let through.

    Args:
        checks: Each layer with its check, lowest first. A check is called at most
            once, and only if every gate below it that was run came out valid.
        asked: Layers to run. One that was not asked for holds nobody up.

    Returns:
        One value a layer, in the order given. What was not run is
        `Outcome.SKIPPED`, never left out: a reader sees what was *not* looked at.

    >>> broken = Checked(LayerResult(Layer.SYNTAX, Outcome.INVALID))
    >>> sound = Checked(LayerResult(Layer.STRUCTURE, Outcome.VALID))
    >>> checks = [(Layer.SYNTAX, lambda: broken), (Layer.STRUCTURE, lambda: sound)]
    >>> [checked.result.outcome.name for checked in climb(checks, set(Layer))]
    ['INVALID', 'SKIPPED']
    """
    results: list[Checked] = []
    open_ = True
    for layer, check in checks:
        run = open_ and layer in asked
        checked = check() if run else Checked(LayerResult.skipped(layer))
        if run and layer in GATES:
            open_ = checked.result.outcome is Outcome.VALID
        results.append(checked)
    return tuple(results)


def stopped(at: Layer, finding: Finding) -> tuple[Checked, ...]:
    """Say that a document goes no further than `at`: valid below, skipped above.

    >>> from pipeline.model.finding import Severity
    >>> finding = Finding(rule="X", severity=Severity.FATAL, term=None, xpath="", line=None,
    ...     value=None, message={"fr": "", "en": ""})
    >>> [checked.result.outcome.name for checked in stopped(Layer.STRUCTURE, finding)]
    ['VALID', 'INVALID', 'SKIPPED', 'SKIPPED']
    """
    order = list(Layer)
    place = order.index(at)
    return (
        *(Checked(LayerResult.of(layer, ())) for layer in order[:place]),
        Checked(LayerResult.of(at, (finding,))),
        *(Checked(LayerResult.skipped(layer)) for layer in order[place + 1 :]),
    )


def ended(first: Checked) -> tuple[Checked, ...]:
    """Say that a document goes no further than its lowest layer, whatever that one found."""
    above = list(Layer)[1:]
    return (first, *(Checked(LayerResult.skipped(layer)) for layer in above))


def layer_result(layer: Layer, findings: Iterable[Finding], most: int) -> LayerResult:
    """Judge a layer by its findings and keep the first of them.

    Args:
        layer: Whose findings they are.
        findings: All of them, in any order.
        most: How many to keep.

    Returns:
        The outcome, to which every finding counted, and the findings ordered by rule,
        line and place, so that one document always gives one report, byte for byte.
        Where there are too many, fatal ones are kept first and a last warning
        says that there are more.
    """
    ordered = sorted(findings, key=_by_rule_and_place)
    outcome = LayerResult.of(layer, tuple(ordered)).outcome
    if len(ordered) <= most:
        return LayerResult(layer, outcome, tuple(ordered))
    fatal_first = sorted(ordered, key=lambda finding: finding.severity is not Severity.FATAL)
    kept = sorted(fatal_first[:most], key=_by_rule_and_place)
    return LayerResult(layer, outcome, (*kept, _MORE))


def _by_rule_and_place(finding: Finding) -> tuple[str, int, str, str]:
    return (finding.rule, finding.line or 0, finding.xpath, finding.message["en"])
