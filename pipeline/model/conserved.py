"""Nothing may be lost: what was received, beside what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipeline.model.status import InterchangeStep, Step

#: What can become of something received; accepted is whatever was let in. Again is what puts
#: right or completes an invoice that was accepted before, so that its amount counts once there.
OUTCOMES = ("accepted", "again", "rejected", "duplicate", "held", "waiting")


@dataclass(frozen=True, slots=True)
class Became:
    """How many rows of a partner stand at one step.

    Attributes:
        partner: Whose they are.
        step: Of flows or documents.
        count: How many.
        follows: Of documents, whether they name an earlier one (`Document.first`).
    """

    partner: str
    step: InterchangeStep | Step
    count: int
    follows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One document whose amount the chain of events tells, beside its row.

    Attributes:
        partner: Sender of its interchange; ``?`` where that has no row.
        currency: As the event tells.
        told: Total with VAT as the event tells, negative for a credit note.
        step: Where its row stands; None if there is none.
        found: The same total by the row, in the same currency; None where it tells none.
        follows: Whether its row names an earlier document.
    """

    partner: str
    currency: str
    told: Decimal
    step: Step | None
    found: Decimal | None
    follows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conserved:
    """One line of the balance of a partner and a day.

    Attributes:
        partner: Who sent it.
        line: ``flows``, ``documents``, or the currency of amounts.
        received: By the chain of events.
        became: By the rows: for each of `OUTCOMES`, in order.
    """

    partner: str
    line: str
    received: int | Decimal
    became: Mapping[str, int | Decimal]

    @property
    def difference(self) -> int | Decimal:
        """Return what is missing; negative where there is more than was received."""
        return self.received - sum(self.became.values())
