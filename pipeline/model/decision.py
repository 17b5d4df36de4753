"""What is to become of a document or a flow: a recommendation, kept apart from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Accept, refuse or keep for a person."""

    ACCEPT = "accept"
    REJECT = "reject"
    DUPLICATE = "duplicate"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is refused or held, in words that somebody can act on.

    Attributes:
        code: Of the control table (`model.controls`), e.g. ``IRR_SYNTAX``.
        place: Where: file inside the flow, line, path; may be empty.
        message: What was found, what was expected, what to do: ``fr`` and ``en``.
    """

    code: str
    place: str
    message: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reasons; reasons are empty only on accept."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
