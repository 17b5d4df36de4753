"""A rule of our own: what it asks, how it says so, what it weighs, and the check, as one value.

Official rules come in packs and are run by an engine; those here were published as sentences
only. What a rule looks at is its subject: an `Invoice` where the document alone decides, or a
value that also holds what is known beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from pipeline.model.finding import Severity
from pipeline.model.labels import LABELS

Subject = TypeVar("Subject")

#: Longest value that a sentence repeats, in characters; the finding itself keeps more.
_TOLD = 60
_NOTHING = MappingProxyType({"fr": "(absent)", "en": "(missing)"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place where one rule does not hold.

    Attributes:
        term: The business term that is wrong, or that is missing.
        value: What stands there, as text; None where nothing does.
        expected: What should: a bound, codes, an amount; None where the sentence says it.
        at: Which occurrence is meant: the number, from 0, of each item on the term's way from
            the invoice (`Term.path`), outermost first: line, then price. May be shorter than
            that, or empty: then the value tells which.
        severity: Where this breach weighs other than its rule; None where it does not.
    """

    term: str
    value: str | None = None
    expected: str | None = None
    at: tuple[int, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Subject]):
    """One rule.

    Attributes:
        identifier: As its source names it, e.g. ``BR-FR-CPRO-10``.
        terms: The business terms it looks at.
        fr: What it says when it is broken: one sentence, with ``{v}`` for the value found,
            ``{n}`` for what was expected where that differs from one invoice to another,
            ``{term}`` for the name of the term.
        en: The same in English.
        severity: As published; a profile may weigh it anew.
        source: Where it is published: document and clause.
        check: Yields one breach a place where it does not hold. Raises nothing, whatever it
            is given, and gives the same for the same.
    """

    identifier: str
    terms: tuple[str, ...]
    fr: str
    en: str
    severity: Severity
    source: str
    check: Callable[[Subject], Iterable[Breach]]

    def explain(self, breach: Breach) -> Mapping[str, str]:
        """Return the sentence in both languages, filled with what was found.

        >>> rule = Rule(identifier="X-1", terms=("BT-1",), fr="{term} trop long : {v} (max {n}).",
        ...     en="{term} too long: {v} (max {n}).", severity=Severity.FATAL, source="",
        ...     check=lambda invoice: ())
        >>> rule.explain(Breach(term="BT-1", value="A-1", expected="2"))["fr"]
        'Numéro (BT-1) trop long : A-1 (max 2).'
        """
        label = LABELS.get(breach.term)
        names = {"fr": "", "en": ""} if label is None else {"fr": label.fr, "en": label.en}
        return {
            lang: sentence.format(
                v=_NOTHING[lang] if breach.value is None else _told(breach.value),
                n=breach.expected,
                term=f"{names[lang]} ({breach.term})" if names[lang] else breach.term,
            )
            for lang, sentence in (("fr", self.fr), ("en", self.en))
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet(Generic[Subject]):
    """Rules that are agreed on together.

    Attributes:
        name: What profiles and reports call it, e.g. ``cpro``.
        title: What it is, by language (``fr``, ``en``).
        rules: Its rules, in the order of their source; no identifier twice.
    """

    name: str
    title: Mapping[str, str]
    rules: tuple[Rule[Subject], ...]


def _told(value: str) -> str:
    """Return a value as a sentence repeats it: on one line, cut."""
    line = " ".join(value.split())
    return line if len(line) <= _TOLD else f"{line[: _TOLD - 1]}…"
