"""Where a connection sheet stands: on its way into production, in it, stopped, or over.

The configuration proposes what a sheet says; the ledger alone knows where it stands, and
putting a sheet in force never changes that: neither a suspension nor a closing is lifted by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from pipeline.model.connection import Role


class SheetState(Enum):
    """Where a connection sheet stands."""

    DRAFT = "draft"  #: written down, nobody has tried it
    TESTED = "tested"  #: its door was tried, and a sample flow judged
    APPROVED = "approved"  #: a second person agreed to it
    SHADOW = "shadow"  #: does all of its work, and nothing of it counts
    PILOT = "pilot"  #: in production for a few suppliers
    PRODUCTION = "production"
    SUSPENDED = "suspended"  #: nothing moves, until a person resumes it
    CLOSED = "closed"  #: over, for ever


class MoveCause(Enum):
    """What led to a move."""

    APPLIED = "applied"  #: the sheet was put in force, new or changed
    TEST = "test"  #: `edi connections test` went well
    APPROVAL = "approval"  #: a second person agreed
    OPERATOR = "operator"  #: a person wanted it
    CERTIFICATE = "certificate"  #: a certificate or key has run out
    DATES = "dates"  #: the end date of the sheet is past


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one connection sheet stands, and since when, by whom and why.

    Attributes:
        connection: Name of the sheet.
        state: Where it stands.
        since: When it got there (aware, UTC).
        by: Who moved it: ``operator:<name>`` or ``run:<id>``.
        cause: What led to it.
        reason: In words, for people; may be empty where the cause says it all.
        resumes: What it goes back to when it is resumed; None but for a suspended sheet.
    """

    connection: str
    state: SheetState
    since: datetime
    by: str
    cause: MoveCause
    reason: str = ""
    resumes: SheetState | None = None

    def __post_init__(self) -> None:
        if (self.resumes is not None) != (self.state is SheetState.SUSPENDED):
            raise ValueError("a suspended sheet, and no other, knows what it goes back to")

    @property
    def agreed(self) -> SheetState:
        """What was agreed on: where it stands, or, of a suspended sheet, where it goes on.

        A suspension stops what moves; it widens nothing of what a sheet takes.
        """
        return self.resumes or self.state


#: Where a new sheet may begin: in production where nobody has to approve anything.
BEGINNINGS = frozenset({SheetState.DRAFT, SheetState.PRODUCTION})

#: Where nobody has agreed to it yet: it may be changed by one person.
BEFORE_TRAFFIC = frozenset({SheetState.DRAFT, SheetState.TESTED})

#: What may follow what. A sheet that is changed before it was let into the traffic has to be
#: tested again. What carries no traffic yet is not suspended; a closed sheet does not open
#: again: the next agreement gets a name of its own.
SHEET_FOLLOWS: Mapping[SheetState | None, frozenset[SheetState]] = MappingProxyType(
    {
        None: BEGINNINGS,
        SheetState.DRAFT: frozenset({SheetState.TESTED, SheetState.CLOSED}),
        SheetState.TESTED: frozenset({SheetState.DRAFT, SheetState.APPROVED, SheetState.CLOSED}),
        SheetState.APPROVED: frozenset(
            {
                SheetState.DRAFT,
                SheetState.SHADOW,
                SheetState.PRODUCTION,
                SheetState.SUSPENDED,
                SheetState.CLOSED,
            }
        ),
        SheetState.SHADOW: frozenset({SheetState.PILOT, SheetState.SUSPENDED, SheetState.CLOSED}),
        SheetState.PILOT: frozenset(
            {SheetState.PRODUCTION, SheetState.SUSPENDED, SheetState.CLOSED}
        ),
        SheetState.PRODUCTION: frozenset({SheetState.SUSPENDED, SheetState.CLOSED}),
        SheetState.SUSPENDED: frozenset(
            {
                SheetState.APPROVED,
                SheetState.SHADOW,
                SheetState.PILOT,
                SheetState.PRODUCTION,
                SheetState.CLOSED,
            }
        ),
        SheetState.CLOSED: frozenset(),
    }
)

#: What `promote` leads to. A sender has no shadow: what it sends is answered, or is not taken.
_NEXT: Mapping[Role, Mapping[SheetState, SheetState]] = MappingProxyType(
    {
        Role.SENDER: {SheetState.APPROVED: SheetState.PRODUCTION},
        Role.RECEIVER: {
            SheetState.APPROVED: SheetState.SHADOW,
            SheetState.SHADOW: SheetState.PILOT,
            SheetState.PILOT: SheetState.PRODUCTION,
        },
    }
)

#: What people read for a state, French and English; machines read its value.
SHEET_WORDS: Mapping[SheetState, tuple[str, str]] = MappingProxyType(
    {
        SheetState.DRAFT: ("brouillon", "draft"),
        SheetState.TESTED: ("essayée", "tested"),
        SheetState.APPROVED: ("approuvée", "approved"),
        SheetState.SHADOW: ("à blanc", "shadow"),
        SheetState.PILOT: ("pilote", "pilot"),
        SheetState.PRODUCTION: ("en production", "production"),
        SheetState.SUSPENDED: ("suspendue", "suspended"),
        SheetState.CLOSED: ("close", "closed"),
    }
)


def next_state(role: Role, state: SheetState) -> SheetState | None:
    """Return what a sheet is promoted to; None where a promotion is not what it needs."""
    return _NEXT[role].get(state)
