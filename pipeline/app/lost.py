"""Tell of claims that went from one worker to another: who took them, who came back too late."""

from __future__ import annotations

from collections.abc import Collection

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.model.event import Fact
from pipeline.ports.ledger import LEASE_LOST, Claim, Transaction

log = get_logger(__name__)


def tell_taken_over(claims: Collection[Claim]) -> None:
    """Log the claims that had run out in another worker's hands; the ledger has noted them."""
    for claim in claims:
        if claim.taken_from:
            log.warning("work.taken_over", subject=claim.subject, taken_from=claim.taken_from)


def tell_fenced(hub: Hub, subjects: Collection[str]) -> None:
    """Note that this worker lost some claims before it was done: another one does that work."""
    log.warning("work.fenced", subjects=sorted(subjects))

    def note(tx: Transaction) -> None:
        for subject in sorted(subjects):
            now = hub.clock.now()
            tx.append(Fact(at=now, subject=subject, what=LEASE_LOST, by=hub.by, data={}))

    atomically(hub, note, "work.fenced")
