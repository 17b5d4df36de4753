"""Collects what a document loses on its way, so that no document can make it endless."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.model.conversion import Lost

#: Longest value that is told of, in characters.
MOST_VALUE = 200
#: Most losses that are told of one by one: a document of millions of unknown elements must not
#: make millions of sentences.
MOST_LOST = 1000


class Losses:
    """What was lost so far, in order."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lost: list[Lost] = []
        self._more = 0

    @property
    def full(self) -> bool:
        """Return whether any more are only counted: whoever adds may spare the details."""
        return len(self._lost) >= MOST_LOST

    def add(
        self,
        term: str | None,
        place: str,
        value: str,
        why: Mapping[str, str],
        line: int | None = None,
    ) -> None:
        """Add one; the value is shortened."""
        if self.full:
            self._more += 1
            return
        shown = shortened(value)
        self._lost.append(Lost(term=term, place=place, line=line, value=shown, why=why))

    def all(self) -> tuple[Lost, ...]:
        """Return every one; the last says how many more there are, where that are too many."""
        if not self._more:
            return tuple(self._lost)
        why = {
            "fr": f"{self._more} autres données ne sont pas reprises.",
            "en": f"{self._more} more things are not carried.",
        }
        return (*self._lost, Lost(term=None, place="", value=str(self._more), why=why))


def shortened(value: str) -> str:
    """Return the beginning of a value, in one line."""
    return " ".join(value[: 2 * MOST_VALUE].split())[:MOST_VALUE]
