"""Hold the record against itself: the chain, the originals, and steps against events."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ports.ledger import Break, Ledger, Query
from pipeline.ports.outside import Archive

_ALL = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes:
        events: Events in the chain.
        blobs: Originals that are named by an interchange.
        breaks: Places where the chain does not hold.
        lost: SHA-256 of originals that are missing or changed.
        differences: Documents and interchanges whose step is not what their last
            event says.
    """

    events: int
    blobs: int
    breaks: tuple[Break, ...]
    lost: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.breaks or self.lost or self.differences)


def verify(ledger: Ledger, archive: Archive) -> Verified:
    """Recompute the chain, read every original again, compare steps with events."""
    breaks = tuple(ledger.verify())
    if breaks:
        # an edited event may not even be readable: what it said is of no more use
        return Verified(events=0, blobs=0, breaks=breaks, lost=(), differences=())
    last: dict[str, str] = {}
    events = 0
    for event in ledger.events():
        events += 1
        kind, _, step = event.fact.what.partition(".")
        if kind in {"interchange", "document"} and step != "removed":
            last[event.fact.subject] = step
    flows = ledger.interchanges(Query(limit=_ALL))
    digests = sorted({one.sha256 for one in flows if one.sha256})
    steps: dict[str, str] = {one.id: one.step.value for one in flows}
    steps.update((one.id, one.step.value) for one in ledger.documents(Query(limit=_ALL)))
    return Verified(
        events=events,
        blobs=len(digests),
        breaks=(),
        lost=tuple(digest for digest in digests if not archive.check(digest)),
        differences=tuple(
            f"{subject}: étape / step « {steps.get(subject)} »,"
            f" événement / event « {last.get(subject)} »"
            for subject in sorted({*steps, *last})
            if steps.get(subject) != last.get(subject)
        ),
    )
