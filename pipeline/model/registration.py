"""What the directory and the receiver's side say of a document that nobody sent yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.agreement import Agreement
from pipeline.model.decision import Reason
from pipeline.model.finding import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Steps 12 to 17 of the control table, but for what only a history can tell.

    Attributes:
        outcome: Valid, invalid, unclear, or skipped: never left out.
        reasons: Why it would be refused, or held.
        agreement: What the document was held against; None where nobody receives it, or
            where that was not asked.
        skipped: Why it was not asked, by language; empty where it was.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    agreement: Agreement | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
