"""Changes of the configuration that wait for a second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType

#: Subject of a change of the directory, or of the routes, that ``config/`` proposes.
DIRECTORY = "directory"
#: Subject of a change of the directory by import.
IMPORT = "import"


class ProposalState(Enum):
    """How a proposal stands."""

    OPEN = "open"
    APPROVED = "approved"  #: in force since then
    REFUSED = "refused"
    REPLACED = "replaced"  #: something else was proposed in its place, or nothing any more
    STALE = "stale"  #: what it was to change was changed meanwhile


#: What may follow what; the same may be proposed again that was refused or replaced.
PROPOSAL_FOLLOWS: Mapping[ProposalState | None, frozenset[ProposalState]] = MappingProxyType(
    {
        None: frozenset({ProposalState.OPEN}),
        ProposalState.OPEN: frozenset(
            {
                ProposalState.APPROVED,
                ProposalState.REFUSED,
                ProposalState.REPLACED,
                ProposalState.STALE,
            }
        ),
        ProposalState.REFUSED: frozenset({ProposalState.OPEN}),
        ProposalState.REPLACED: frozenset({ProposalState.OPEN}),
        ProposalState.APPROVED: frozenset(),
        ProposalState.STALE: frozenset(),
    }
)

#: What people read for a state, French and English; machines read its value.
PROPOSAL_WORDS: Mapping[ProposalState, tuple[str, str]] = MappingProxyType(
    {
        ProposalState.OPEN: ("à approuver", "to be approved"),
        ProposalState.APPROVED: ("approuvée", "approved"),
        ProposalState.REFUSED: ("refusée", "refused"),
        ProposalState.REPLACED: ("remplacée", "replaced"),
        ProposalState.STALE: ("périmée", "stale"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One change that somebody proposed. What it says is in the ledger.

    Attributes:
        id: Derived from what it says and from what that was to change.
        subject: ``connection NAME``, or `DIRECTORY` or `IMPORT`.
        made_at: When it was proposed (aware, UTC).
        by: Who did.
        state: How it stands.
        settled_at: When it was settled; None while it is open.
        settled_by: Who did; empty while it is open.
        reason: Why it was refused; empty otherwise.
    """

    id: str
    subject: str
    made_at: datetime
    by: str
    state: ProposalState = ProposalState.OPEN
    settled_at: datetime | None = None
    settled_by: str = ""
    reason: str = ""
