"""Frozen lists: what one verb of an operator acts on, as it stood when it was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import NewType

from pipeline.model.amount import exact_sum
from pipeline.model.identity import derived

BulkId = NewType("BulkId", str)


class Verb(Enum):
    """What an operator may ask for of one thing, or of a list of things."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    REDELIVER = "redeliver"
    REPLAY = "replay"


class ItemState(Enum):
    """What became of one item of a list."""

    TO_DO = "to do"
    DONE = "done"
    NOTHING = "nothing to do"
    SKIPPED = "skipped"  #: it is not at the step any more at which it was frozen
    REFUSED = "refused"  #: could not be done; a further execution tries it again


#: What a further execution takes up.
OPEN_ITEMS = (ItemState.TO_DO, ItemState.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """One thing of a list.

    Attributes:
        subject: Id of a document, or of a flow that is not opened.
        interchange: The flow it belongs to; the same as `subject` for a flow.
        seen: Step at which it stood when the list was frozen.
        event: Place of its newest event then; 0 if it had none.
        currency: Of its total; None where there is no usable one.
        amount: Total with VAT, with its sign; None where there is no usable one.
        state: What became of it.
        note: Why, where it was not done; French first.
        at: When that was written; None while it is to be done.
        by: Who did it; empty while it is to be done.
    """

    subject: str
    interchange: str
    seen: str
    event: int = 0
    currency: str | None = None
    amount: Decimal | None = None
    state: ItemState = ItemState.TO_DO
    note: str = ""
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkList:
    """A frozen list.

    Attributes:
        id: Derived from all below but who made it when: the same question about the same
            things that stand the same gives the same list.
        verb: What is to be done with each item.
        reason: Why; told to senders where the verb answers them.
        options: Further arguments of the verb, by name.
        made_at: When it was frozen first (aware, UTC).
        by: Who did that.
        items: In order; empty where a list is only named.
    """

    id: BulkId
    verb: Verb
    reason: str
    made_at: datetime
    by: str
    options: Mapping[str, str] = field(default_factory=dict)
    items: tuple[BulkItem, ...] = ()

    @property
    def open(self) -> tuple[BulkItem, ...]:
        """Return what a further execution takes up."""
        return tuple(one for one in self.items if one.state in OPEN_ITEMS)


def bulk_id(
    verb: Verb, reason: str, options: Mapping[str, str], items: Sequence[BulkItem]
) -> BulkId:
    """Name a list by what it asks and by how each thing stood.

    >>> one = BulkItem(subject="F1", interchange="F1", seen="held", event=7)
    >>> bulk_id(Verb.RELEASE, "", {}, [one]) == bulk_id(Verb.RELEASE, "", {}, [one])
    True
    """
    stood = (f"{one.subject}@{one.seen}#{one.event}" for one in items)
    asked = (f"{name}={value}" for name, value in sorted(options.items()))
    return BulkId(f"L{derived(verb.value, reason, *asked, '', *stood)}")


def sums(items: Iterable[BulkItem]) -> Mapping[str, Decimal]:
    """Add the totals of items by currency, in its alphabetical order."""
    amounts: dict[str, list[Decimal]] = {}
    for one in items:
        if one.currency is not None and one.amount is not None:
            amounts.setdefault(one.currency, []).append(one.amount)
    return {currency: exact_sum(amounts[currency]) for currency in sorted(amounts)}
