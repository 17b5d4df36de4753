"""What the checks of a document found: facts, before anybody decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Self


class Severity(Enum):
    """Weight of a finding under the profile in force."""

    FATAL = "fatal"
    WARNING = "warning"


class Layer(Enum):
    """The validation pyramid, lowest first."""

    SYNTAX = "syntax"
    STRUCTURE = "structure"
    SEMANTICS = "semantics"
    PROFILE = "profile"


class Outcome(Enum):
    """Result of one layer. A layer that never ran is not a layer that passed."""

    VALID = "valid"
    INVALID = "invalid"
    SKIPPED = "skipped"  #: not run: a lower layer was not valid, or it was not asked for
    UNCLEAR = "unclear"  #: the check itself failed; a person decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken rule at one place in one document.

    Attributes:
        rule: Identifier in the rule catalogue, e.g. ``BR-CO-15``.
        severity: Weight under the profile in force, not as published.
        term: The business term it speaks of (``BT-112``), or None below the
            semantic layer.
        xpath: The place, always; empty where the document has none (not XML).
        line: Line in the document as received, from 1, or None.
        value: What was found there, as written, cut at 200 characters.
        expected: What should stand there instead, where it can be computed: an amount as
            ``xs:decimal`` writes it, or a bound such as ``> 0``.
        message: One sentence a partner's bookkeeper can act on, by language:
            keys ``fr`` and ``en``, both always filled.
    """

    rule: str
    severity: Severity
    term: str | None
    xpath: str
    line: int | None
    value: str | None
    expected: str | None = None
    message: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LayerResult:
    """Outcome of one layer and the findings that explain it."""

    layer: Layer
    outcome: Outcome
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, layer: Layer, findings: tuple[Finding, ...]) -> Self:
        """Judge `findings`: one fatal finding makes the layer invalid."""
        fatal = any(finding.severity is Severity.FATAL for finding in findings)
        return cls(layer, Outcome.INVALID if fatal else Outcome.VALID, findings)

    @classmethod
    def skipped(cls, layer: Layer) -> Self:
        """Say that `layer` was not looked at."""
        return cls(layer, Outcome.SKIPPED)
