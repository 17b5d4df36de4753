"""The three step tables: what may follow what, for documents, interchanges and outbox rows.

Code obeys these tables, tests close them, and the documentation's diagrams are
drawn from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TypeVar


class Step(Enum):
    """Where a document is in the pipeline."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    HELD = "held"
    ROUTED = "routed"
    DELIVERED = "delivered"
    ABANDONED = "abandoned"
    TRIED = "tried"  #: accepted in qualification, where it goes to nobody


class InterchangeStep(Enum):
    """Where a file as received is in the pipeline."""

    RECEIVED = "received"
    HELD = "held"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    OPENED = "opened"
    CLOSED = "closed"


class OutboxState(Enum):
    """Where a file that is to leave stands."""

    WAITING = "waiting"  #: for the others of its group
    GROUPED = "grouped"  #: what it carries leaves with the others, in another row
    PENDING = "pending"
    PAUSED = "paused"
    SENT = "sent"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


#: What may follow what. ``None`` stands for a document not yet seen. A retry
#: is not a step: it is an attempt, kept with its outbox row. Nor is an
#: acknowledgement: it is an outbox row with states of its own.
FOLLOWS: Mapping[Step | None, frozenset[Step]] = {
    None: frozenset({Step.RECEIVED}),
    Step.RECEIVED: frozenset({Step.ACCEPTED, Step.REJECTED, Step.DUPLICATE, Step.HELD}),
    Step.HELD: frozenset({Step.ACCEPTED, Step.REJECTED}),
    # rejected from these two: withdrawn before any delivery was sent
    Step.ACCEPTED: frozenset({Step.ROUTED, Step.TRIED, Step.REJECTED}),
    Step.ROUTED: frozenset({Step.DELIVERED, Step.ABANDONED, Step.REJECTED}),
    Step.ABANDONED: frozenset({Step.ROUTED}),
    Step.REJECTED: frozenset(),
    Step.DUPLICATE: frozenset(),
    Step.DELIVERED: frozenset(),
    Step.TRIED: frozenset(),
}

#: The same for interchanges. OPENED to REFUSED happens when steps 8 to 10 of the
#: control table fail in an atomic flow, or a manifest does not hold; its documents are
#: then rejected.
INTERCHANGE_FOLLOWS: Mapping[InterchangeStep | None, frozenset[InterchangeStep]] = {
    None: frozenset({InterchangeStep.RECEIVED}),
    InterchangeStep.RECEIVED: frozenset(
        {
            InterchangeStep.HELD,
            InterchangeStep.REFUSED,
            InterchangeStep.DUPLICATE,
            InterchangeStep.OPENED,
        }
    ),
    InterchangeStep.HELD: frozenset({InterchangeStep.REFUSED, InterchangeStep.OPENED}),
    InterchangeStep.OPENED: frozenset({InterchangeStep.CLOSED, InterchangeStep.REFUSED}),
    InterchangeStep.REFUSED: frozenset(),
    InterchangeStep.DUPLICATE: frozenset(),
    InterchangeStep.CLOSED: frozenset(),
}

#: The same for outbox rows.
OUTBOX_FOLLOWS: Mapping[OutboxState | None, frozenset[OutboxState]] = {
    None: frozenset({OutboxState.PENDING, OutboxState.WAITING}),
    OutboxState.WAITING: frozenset(
        {OutboxState.GROUPED, OutboxState.PAUSED, OutboxState.CANCELLED}
    ),
    # paused or cancelled from here: its document left the group before that was sent
    OutboxState.GROUPED: frozenset({OutboxState.PAUSED, OutboxState.CANCELLED}),
    OutboxState.PENDING: frozenset(
        {OutboxState.SENT, OutboxState.ABANDONED, OutboxState.PAUSED, OutboxState.CANCELLED}
    ),
    # sent from these two: its file was found at the recipient's after all
    OutboxState.PAUSED: frozenset(
        {
            OutboxState.PENDING,
            OutboxState.WAITING,
            OutboxState.SENT,
            OutboxState.CANCELLED,
        }
    ),
    OutboxState.ABANDONED: frozenset(
        {OutboxState.PENDING, OutboxState.SENT, OutboxState.CANCELLED}
    ),
    OutboxState.SENT: frozenset(),
    OutboxState.CANCELLED: frozenset(),
}

#: What people read for a step or state, French and English; machines read its value. Steps of
#: documents and interchanges that have a word in common mean the same by it.
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "received": ("reçu", "received"),
        "accepted": ("accepté", "accepted"),
        "partly accepted": ("accepté en partie", "partly accepted"),
        "rejected": ("refusé", "rejected"),
        "duplicate": ("déjà reçu", "duplicate"),
        "held": ("suspendu", "held"),
        "routed": ("acheminé", "routed"),
        "delivered": ("remis", "delivered"),
        "abandoned": ("abandonné", "abandoned"),
        "tried": ("essayé", "tried"),
        "refused": ("irrecevable", "refused"),
        "opened": ("décidé", "decided"),
        "closed": ("clos", "closed"),
        "waiting": ("attend son groupe", "waits for its group"),
        "grouped": ("groupé", "grouped"),
        "pending": ("à envoyer", "pending"),
        "paused": ("en pause", "paused"),
        "sent": ("envoyé", "sent"),
        "cancelled": ("annulé", "cancelled"),
        "taken": ("pris", "taken"),
        "partly taken": ("pris en partie", "partly taken"),
    }
)

S = TypeVar("S", bound=Enum)


def check_step(follows: Mapping[S | None, frozenset[S]], before: S | None, after: S) -> None:
    """Let a thing move from one step to another, or refuse.

    Raises:
        ValueError: `after` cannot follow `before`: our bug, never a partner's.
    """
    if after not in follows[before]:
        raise ValueError(f"{after.value} cannot follow {before.value if before else 'nothing'}")


def in_words(value: object) -> object:
    """Return what people read for a step or state; anything else as it is.

    >>> in_words("rejected"), in_words(None)
    ('refusé / rejected', None)
    """
    found = WORDS.get(value) if isinstance(value, str) else None
    return value if found is None else " / ".join(found)


def is_final(follows: Mapping[S | None, frozenset[S]], step: S) -> bool:
    """Tell whether nothing can follow `step`."""
    return not follows[step]
