"""What must become of everything that partners drop, in forty lines that know no hub.

Two drops that hold the same invoice number, or the same bytes, race: the model does not say
which of them wins, only that one does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

#: Terminal classes of one document.
DELIVERED, REJECTED, DUPLICATE = "delivered", "rejected", "duplicate"


@dataclass(frozen=True, slots=True)
class Drop:
    """One file as it stood whole in an inbox: the model's view of it.

    Attributes:
        place: Sender, name and mtime: two drops never share it.
        payload: Its bytes.
        inside: Number and hash of every invoice inside, as it was before it was spoilt.
        good: Numbers of those that are to be delivered, but for a rival.
        grammar: True where a name counts once.
    """

    place: tuple[str, str, int]
    payload: bytes
    inside: tuple[tuple[str, str], ...]
    good: frozenset[str]
    grammar: bool

    @property
    def numbers(self) -> frozenset[str]:
        """Return the numbers of the invoices inside."""
        return frozenset(number for number, _ in self.inside)


@dataclass(slots=True)
class Model:
    """Every drop, and what people did that changes what may become of it."""

    drops: dict[tuple[str, str, int], Drop] = field(default_factory=dict)
    #: Those that were replaced or completed while they stood: the hub may have missed them.
    unsure: set[tuple[str, str, int]] = field(default_factory=set)
    #: Numbers of which an operator refused one.
    refused: set[str] = field(default_factory=set)

    def faults(self, found: Mapping[tuple[str, str, int], Collection[str]]) -> Iterable[str]:
        """Yield what is wrong with the classes found, by place; the number of each follows it."""
        yield from (f"{place}: nobody dropped it" for place in found if place not in self.drops)
        won: Counter[str] = Counter()
        for place, drop in self.drops.items():
            if place not in found:
                if place not in self.unsure:
                    yield f"{place}: lost"
                continue
            classes = found[place]
            won.update(number for one in classes for number in _number_of(one, DELIVERED))
            for one in classes:
                yield from (f"{place}: {fault}" for fault in self._wrong(drop, one))
        for number in self._certain() - self.refused:
            if won[number] != 1:
                yield f"{number}: delivered {won[number]} times"
        yield from (f"{number}: delivered {n} times" for number, n in won.items() if n > 1)

    def _wrong(self, drop: Drop, one: str) -> Iterable[str]:
        said, _, number = one.partition(" ")
        others = [other for other in self.drops.values() if other is not drop]
        rivals = [other for other in others if number in other.numbers]
        twins = [other for other in others if set(other.inside) & set(drop.inside)]
        taken = drop.grammar and any(other.place[1] == drop.place[1] for other in others)
        good = number in drop.good
        if said == DELIVERED and not good:
            yield f"{one}, though it is spoilt"
        if said == DUPLICATE and not twins:
            yield f"{one}, though nobody dropped these bytes before"
        if said == REJECTED and good and not (rivals or taken or number in self.refused):
            yield f"{one}, for no reason"

    def _certain(self) -> set[str]:
        """Return the numbers that somebody must get: in a flow that was surely taken."""
        return {
            number
            for place, drop in self.drops.items()
            if not drop.grammar and place not in self.unsure
            for number in drop.good
        }


def _number_of(one: str, wanted: str) -> tuple[str, ...]:
    said, _, number = one.partition(" ")
    return (number,) if said == wanted else ()
