"""Letters to people, by electronic mail."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

#: What the door of an outbox row begins with that leaves by mail; its address follows.
_MAILTO = "mailto:"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one address.

    Attributes:
        to: Address.
        subject: One line.
        text: What it says, French first.
    """

    to: str
    subject: str
    text: str

    @property
    def door(self) -> str:
        """Return the door that it leaves through, as outbox rows name it.

        >>> Letter("a@example.org", "", "").door
        'mailto:a@example.org'
        """
        return f"{_MAILTO}{self.to}"

    def written(self) -> bytes:
        """Return it as the bytes of an outbox row."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def read(cls, payload: bytes) -> Letter:
        """Read it back from the bytes of an outbox row."""
        return cls(**json.loads(payload))


def leaves_by_mail(door: str) -> bool:
    """Tell whether an outbox row's door is a mailbox, and no connection."""
    return door.startswith(_MAILTO)
