"""Hold the history of an invoice, line by line, against what the chain tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pipeline.app.verify_erased import Erasures
from pipeline.model.event import Fact
from pipeline.model.life import Entry, Life, lived
from pipeline.ports.ledger import Subject

#: What of a life its events do not tell, so that its lines have to; and how that is called.
_BY_LINES = {"actor": "acteur / actor", "said_at": "dit / said", "since": "depuis / since"}


def compare_lines(subject: Subject, erasures: Erasures) -> Iterator[str]:
    """Yield what is wrong with the lines of a history, French first.

    The words of erased lines are gone, and their hash with them: their names are compared, and
    whether the others still follow each other over them.
    """
    if subject.kind != "life" or subject.trouble or not subject.facts:
        return
    wrong = list(_edited(subject, erasures))
    yield from wrong
    if not wrong and isinstance(subject.row, Life):
        yield from _ends_elsewhere(subject.row, subject.lines)


def _edited(subject: Subject, erasures: Erasures) -> Iterator[str]:
    names, hashes = _told(subject.facts, "said"), _told(subject.facts, "lines")
    found = {line.place: line for line in subject.lines}
    last = max(len(hashes), *found, 0)
    told = zip_longest(range(1, last + 1), names, hashes)
    for place, name, digest in told:
        line = found.get(place)
        if line is None:
            yield f"ligne / line {place}: absente / missing"
        elif digest is None:
            yield f"ligne / line {place}: aucun événement / no event"
        elif line.digest != digest and not (line.id == name and erasures.is_blank(line)):
            yield f"ligne / line {place}: modifiée / edited ({line.event.value}, {line.by})"


def _told(facts: Sequence[Fact], name: str) -> list[str]:
    """Return what events of a life tell of its lines, in order."""
    mine = (fact.data.get(name) for fact in facts if fact.what.startswith("life."))
    return [str(one) for told in mine if isinstance(told, Sequence) for one in told]


def _ends_elsewhere(row: Life, lines: Sequence[Entry]) -> Iterator[str]:
    """Yield where a life does not stand where its lines end."""
    try:
        told = lived(None, lines)
    except ValueError as error:
        yield f"les lignes ne se suivent pas / the lines do not follow each other: {error}"
        return
    for name, called in _BY_LINES.items():
        found, said = getattr(row, name), getattr(told, name)
        if found != said:
            yield f"{called} « {found} », lignes / lines « {said} »"
