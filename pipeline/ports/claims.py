"""The right to act on one thing for a while."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on one interchange or outbox row until a deadline.

    Attributes:
        subject: Its id or key.
        token: Grows with each claim of that row; a write with an old one is fenced.
        taken_from: Who had it before and let it run out; empty if nobody did.
    """

    subject: str
    token: int
    taken_from: str = ""


#: Event of a claim that was taken over, since whoever held it let it run out.
LEASE_TAKEN_OVER = "lease.taken_over"
#: Event of a claim that its holder found lost when it came back to it.
LEASE_LOST = "lease.lost"

#: More bytes than any batch holds.
UNLIMITED_BYTES = 2**60
