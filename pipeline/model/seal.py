"""Where the chain of events stood at the end of a day, as it is signed and kept elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date

_KIND = "edi chain seal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The head of the chain on one day (UTC).

    Attributes:
        day: The day.
        after: Where the seal before this one ended; 0 if this is the first.
        seq: Place of the last event that is covered; `after` on a day without events.
        hash: Its hash.
        interchanges: How many files were received since `after`.
        documents: How many documents were found in files since then.
        whole: True of a day that is over, False of a moment of it.
    """

    day: date
    after: int
    seq: int
    hash: str
    interchanges: int
    documents: int
    whole: bool = True

    @property
    def name(self) -> str:
        """Return what it is called: one name for a day, or for a moment of it."""
        return self.day.isoformat() if self.whole else f"{self.day.isoformat()}-{self.seq:012d}"

    def text(self, key: str) -> bytes:
        """Return the one line that is signed, the same for equal seals.

        Args:
            key: Fingerprint of the key that signs.
        """
        fields = {**asdict(self), "day": self.day.isoformat(), "kind": _KIND, "key": key}
        return json.dumps(fields, sort_keys=True).encode("ascii") + b"\n"

    @classmethod
    def read(cls, text: bytes) -> tuple[Seal, str]:
        """Read a seal, and the fingerprint of the key that signed it.

        Raises:
            ValueError: It is no seal, or not written as `text` writes it.
        """
        try:
            fields = json.loads(text)
            key, day = str(fields.pop("key")), date.fromisoformat(fields.pop("day"))
            del fields["kind"]
            seal = cls(day=day, **fields)
            if seal.text(key) == text:
                return seal, key
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            pass  # told below, as the same fault
        raise ValueError("ce n'est pas un sceau / not a seal")
