"""Which finding stands beside which value of a readable invoice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.model.finding import Finding, Severity
from pipeline.model.labels import Language
from pipeline.syntax.readable.formats import one_line, text
from pipeline.syntax.readable.view import Mark

#: Findings shown of one document; JSON holds them all, and the page says how many there are.
MOST = 200

_FATAL_FIRST = {Severity.FATAL: 0, Severity.WARNING: 1}
#: A pack's own text that has no French yet stands in `fr` behind this mark.
_UNTRANSLATED = "[en] "
#: What a rule engine writes into a path and a bookkeeper cannot use.
_PATH_NOISE = re.compile(r"\*:|\[namespace-uri\(\)='[^']*'\]")
#: Groups that occur many times, and the elements that hold one of them in either syntax.
_REPEATED = {
    "line": re.compile(
        r"/(?:\w+:)?(?:InvoiceLine|CreditNoteLine|IncludedSupplyChainTradeLineItem)"
        r"(?:\[([0-9]+)\])?(?:/|$)"
    ),
    "vat": re.compile(
        r"(?:/(?:\w+:)?TaxSubtotal|HeaderTradeSettlement(?:\[1\])?/(?:\w+:)?ApplicableTradeTax)"
        r"(?:\[([0-9]+)\])?(?:/|$)"
    ),
}

#: A group that occurs many times and which of them, from 0; None for the whole document.
Place = tuple[str, int] | None


class Marks:
    """The findings of one document by what they speak of; each is asked for and taken once."""

    def __init__(self, findings: Sequence[Finding], language: Language) -> None:
        """Number the findings: those that block first, otherwise in their order."""
        ordered = sorted(findings, key=lambda each: _FATAL_FIRST[each.severity])
        self.unlisted = max(0, len(ordered) - MOST)
        self._found: dict[tuple[Place, str | None], list[Mark]] = {}
        self.all = tuple(
            _mark(number, finding, language)
            for number, finding in enumerate(ordered[:MOST], start=1)
        )
        for mark, finding in zip(self.all, ordered, strict=False):
            key = (_place(finding.xpath), finding.term)
            self._found.setdefault(key, []).append(mark)

    def take(self, *terms: str, place: Place = None) -> tuple[Mark, ...]:
        """Take the findings about some terms at one place that nobody has taken."""
        return self._take((place, term) for term in terms) if self._found else ()

    def rest(self, place: Place) -> tuple[Mark, ...]:
        """Take what is left of one place, whatever it speaks of."""
        if place is None:
            raise ValueError("the list of all findings is the rest of the document")
        return self._take([key for key in self._found if key[0] == place])

    def _take(self, keys: Iterable[tuple[Place, str | None]]) -> tuple[Mark, ...]:
        return tuple(mark for key in keys for mark in self._found.pop(key, ()))


def _place(xpath: str) -> Place:
    plain = _PATH_NOISE.sub("", xpath)
    for group, pattern in _REPEATED.items():
        found = pattern.search(plain)
        if found:
            return group, int(found[1] or 1) - 1
    return None


def _mark(number: int, finding: Finding, language: Language) -> Mark:
    french = language is Language.FRENCH
    message = finding.message["fr" if french else "en"].removeprefix(_UNTRANSLATED)
    figures = (
        ("trouvé : " if french else "found: ", finding.value),
        ("attendu : " if french else "expected: ", finding.expected),
    )
    line = f"{'ligne' if french else 'line'} {finding.line}" if finding.line else None
    where = (finding.term, line, _PATH_NOISE.sub("", finding.xpath))
    return Mark(
        number=number,
        rule=one_line(finding.rule),
        fatal=finding.severity is Severity.FATAL,
        message=text(message),
        told=" ; ".join(f"{label}{one_line(value)}" for label, value in figures if value),
        place=one_line(" · ".join(part for part in where if part)),
    )
