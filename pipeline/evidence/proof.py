"""Stretches of the chain of events: what happened to one invoice, up to a signed head.

Events of others stand in a stretch as the SHA-256 of what they say, which is enough to go on
from one to the next, and tells nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.model.errors import EvidenceFault
from pipeline.model.event import Fact, fact_digest, link_hash

_HEX = frozenset("0123456789abcdef")
_DIGEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Events that follow each other in the chain.

    Attributes:
        start: Place of the first.
        previous: Hash of the event before it.
        links: The events, in order: what happened, or its SHA-256 where it is not shown.
        seal: Name of the seal that ends it; None where no seal covers it yet.
    """

    start: int
    previous: str
    links: Sequence[Fact | str]
    seal: str | None

    def end(self) -> tuple[int, str]:
        """Return place and hash of its last event, as its links lead there."""
        seq, reached = self.start - 1, self.previous
        for seq, link in enumerate(self.links, self.start):
            digest = link if isinstance(link, str) else fact_digest(link)
            reached = link_hash(seq, digest, reached)
        return seq, reached

    def shown(self) -> Iterator[tuple[int, Fact]]:
        """Yield the events that are shown, with their places."""
        for seq, link in enumerate(self.links, self.start):
            if isinstance(link, Fact):
                yield seq, link


def written(stretches: Sequence[Stretch]) -> dict[str, object]:
    """Return stretches as JSON values."""
    return {
        "stretches": [
            {
                "start": one.start,
                "previous": one.previous,
                "seal": one.seal,
                "links": [_written(link) for link in one.links],
            }
            for one in stretches
        ]
    }


def _written(link: Fact | str) -> object:
    if isinstance(link, str):
        return link
    return {
        "at": link.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "subject": link.subject,
        "what": link.what,
        "by": link.by,
        "data": dict(link.data),
    }


def read(found: Mapping[str, Any]) -> tuple[Stretch, ...]:
    """Read stretches from JSON values.

    Raises:
        EvidenceFault: These are none.
    """
    try:
        return tuple(_read(one) for one in found["stretches"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise EvidenceFault("la preuve est illisible", "the proof cannot be read") from None


def _read(found: Mapping[str, Any]) -> Stretch:
    start, links, seal = found["start"], found["links"], found["seal"]
    if not isinstance(start, int) or not isinstance(links, list) or start < 1 or not links:
        raise TypeError
    if seal is not None and not isinstance(seal, str):
        raise TypeError
    return Stretch(
        start=start,
        previous=_digest(found["previous"]),
        links=tuple(_link(one) for one in links),
        seal=seal,
    )


def _link(found: object) -> Fact | str:
    if not isinstance(found, dict):
        return _digest(found)
    at = datetime.fromisoformat(found["at"])
    texts = (found["subject"], found["what"], found["by"])
    if at.tzinfo is None or not all(isinstance(one, str) for one in texts):
        raise TypeError
    return Fact(
        at=at, subject=found["subject"], what=found["what"], by=found["by"], data=found["data"]
    )


def _digest(found: object) -> str:
    if not isinstance(found, str) or len(found) != _DIGEST or not _HEX.issuperset(found):
        raise TypeError
    return found
