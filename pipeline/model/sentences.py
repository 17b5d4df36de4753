"""What broken rules mean, in the language their packs do not speak, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: Where a rule's name may be cut: before stands the rule, behind it one of its places.
_CUT = re.compile("[-_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One sentence for many rules.

    Attributes:
        rule: Regular expression that a rule's whole name matches.
        text: One that is found in the pack's words; empty for any.
        fr: The sentence in French, with named groups of both in braces.
        en: The same in English, or None where the pack's own words serve.
    """

    rule: str
    text: str = ""
    fr: str
    en: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about the rules whose whole name matches `rule`, in both languages."""

    rule: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Sentences by rule; without any, the packs speak alone.

    Attributes:
        fr: French sentences by rule, for packs that speak English.
        en: English sentences by rule, for packs that speak French.
        patterns: For rules without a sentence of their own, the first that fits.
        advice: What to do, the first that fits.
        categories: French names of VAT categories, as rules name them.
        terms: French names of business terms.
    """

    fr: Mapping[str, str] = field(default_factory=dict)
    en: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[Pattern, ...] = ()
    advice: tuple[Advice, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)

    def french(self, rule: str, words: str) -> str | None:
        """Say an English rule in French.

        Args:
            rule: Its name.
            words: The pack's own, without the rule's name.

        Returns:
            One sentence, or None where nothing is known of the rule.

        >>> exempt = Pattern(rule="BR-(?P<category>S)-10", fr="Pas de motif pour {category}.")
        >>> told = Sentences(
        ...     fr={"BR-02": "Le numéro (BT-1) manque."},
        ...     patterns=(exempt,),
        ...     categories={"S": "taux normal"},
        ... )
        >>> told.french("BR-02", ""), told.french("BR-S-10", ""), told.french("BR-99", "")
        ('Le numéro (BT-1) manque.', 'Pas de motif pour taux normal.', None)
        """
        own = _named(self.fr, rule)
        if own is not None:
            return own
        return next(
            (self._filled(one.fr, groups) for one, groups in self._fits(rule, words)), None
        )

    def english(self, rule: str, words: str) -> str | None:
        """Say a rule in English where its pack speaks French, or None; as `french`.

        >>> Sentences(en={"BR-FR-01": "Too long."}).english("BR-FR-01_BT-1-1", "Trop long.")
        'Too long.'
        """
        own = _named(self.en, rule)
        if own is not None:
            return own
        fitting = self._fits(rule, words)
        return next((one.en.format_map(groups) for one, groups in fitting if one.en), None)

    def what_to_do(self, rule: str) -> Mapping[str, str] | None:
        """Return what to do about a rule, by language, or None where nothing special is."""
        fitting = (one for one in self.advice if re.fullmatch(one.rule, rule))
        return next(({"fr": one.fr, "en": one.en} for one in fitting), None)

    def _fits(self, rule: str, words: str) -> Iterator[tuple[Pattern, dict[str, str]]]:
        for one in self.patterns:
            name = re.fullmatch(one.rule, rule)
            text = re.search(one.text, words) if name else None
            if name and text:
                yield one, {**name.groupdict(""), **text.groupdict("")}

    def _filled(self, template: str, groups: dict[str, str]) -> str:
        """Put the groups into a sentence, categories and terms by their French names."""
        told = dict(groups)
        for key, names in (("category", self.categories), ("term", self.terms)):
            if key in told:
                told[key] = names.get(told[key], told[key])
        return template.format_map(told)


def _named(sentences: Mapping[str, str], rule: str) -> str | None:
    """Return the sentence of a rule, else of the longest beginning of its name that has one."""
    cuts = [found.start() for found in _CUT.finditer(rule)]
    names = (rule, *(rule[:cut] for cut in reversed(cuts)))
    return next((sentences[name] for name in names if name in sentences), None)
