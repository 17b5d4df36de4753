"""Agreements: what a sender may send, and what a receiver takes, on the day of reception.

The sender's side is a `Profile`, the receiver's is `Takes`. Both have versions that begin at
midnight in Paris; an `Agreement` names the two that met in one document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

from pipeline.model.profile import in_force


class Need(Enum):
    """What a receiver wants in every invoice, whatever the directory says of it."""

    SERVICE = "service"  #: a service code (BT-46, scheme 0224)
    ENGAGEMENT = "engagement"  #: an engagement number (BT-13), or a contract's (BT-12)
    EITHER = "engagement-or-service"  #: one of the two


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAttachments:
    """Which attachments a receiver takes; what is None or empty is not limited.

    Attributes:
        extensions: Lower case, without the point.
        file_bytes: Most bytes of one, decoded.
        total_bytes: Most bytes of all together.
        files: How many; 0 where it takes none.
    """

    extensions: frozenset[str] = frozenset()
    file_bytes: int | None = None
    total_bytes: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What a receiver takes; what is empty is not limited.

    Attributes:
        name: What receivers' sheets call it.
        syntaxes: Values of `report.Syntax`, as a document arrives at the hub.
        types: Types of document (BT-3).
        frames: Billing frames (BT-23).
        currencies: BT-5.
        needs: What must be given.
        attachments: Which it takes, or None where nothing is said.
        schemas: XSDs of ours by syntax: how it must be written to be taken.
        valid_from: First day on which it holds, or None for ever before.
        later: The versions that take its place, by rising `valid_from`.
    """

    name: str
    syntaxes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    attachments: TakenAttachments | None = None
    schemas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    valid_from: date | None = None
    later: tuple[Takes, ...] = ()

    @property
    def version(self) -> str:
        """Return what reports name it by: ``mairie``, ``mairie@2027-01-01``."""
        return f"{self.name}@{self.valid_from}" if self.valid_from else self.name

    def at(self, moment: datetime) -> Takes:
        """Return the version in force at a moment (aware)."""
        return in_force(self, self.later, moment)


@dataclass(frozen=True, slots=True)
class ReceiverSchemas:
    """The XSDs of one receiver, and whom it receives for.

    Attributes:
        schemas: Names by syntax.
        buyers: SIRET and SIREN of its routes; None where one of them is for anybody.
    """

    schemas: Mapping[str, tuple[str, ...]]
    buyers: frozenset[str] | None = None

    def names(self, syntax: str, *numbers: str | None) -> tuple[str, ...]:
        """Return the XSDs to ask of a document whose buyer may have these numbers."""
        is_meant = self.buyers is None or not self.buyers.isdisjoint(filter(None, numbers))
        return self.schemas.get(syntax, ()) if is_meant else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What one document was held against.

    Attributes:
        day: In Paris, on which its flow was received: it says which versions count.
        profile: Version of what its sender may send.
        receiver: Connection it is for; empty where the document leads to none.
        takes: Version of what that receiver takes; empty where its sheet says nothing.
    """

    day: date
    profile: str
    receiver: str = ""
    takes: str = ""

    def as_object(self) -> dict[str, str | None]:
        """Return it as reports and answers give it to programs."""
        return {
            "day": self.day.isoformat(),
            "profile": self.profile,
            "receiver": self.receiver or None,
            "takes": self.takes or None,
        }

    def __str__(self) -> str:
        """Return it on one line, as listings and answers show it.

        >>> str(Agreement(day=date(2026, 9, 1), profile="fr-b2g", receiver="ville", takes="v@1"))
        'fr-b2g × v@1 (ville), 2026-09-01'
        """
        takes = f" × {self.takes or '–'} ({self.receiver})" if self.receiver else ""
        return f"{self.profile}{takes}, {self.day}"
