"""Reads what a compiled Schematron reports (SVRL) into findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial

from lxml import etree

from pipeline.model.finding import Finding, Severity
from pipeline.model.profile import Profile
from pipeline.model.sentences import Sentences
from pipeline.syntax.characters import shorten
from pipeline.validate.figures import Figures, figurer
from pipeline.validate.place import cut, find, place_of, text_of

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
ROOT = f"{_SVRL}schematron-output"
_FAILED = f"{_SVRL}failed-assert"
_REPORTED = f"{_SVRL}successful-report"

#: Longest sentence that is kept, in characters: packs quote what they complain of.
MOST_SENTENCE = 2000

#: Every word by which a pack can say that something does not hold. An output with
#: none of them needs no second look.
MARKS = ("failed-assert", "successful-report")

#: How packs name a rule in its text: ``[BR-02]-``, ``[BR-FR-01/BT-1] : ``, ``BR-FR-01/BT-1 : ``,
#: some behind what they found.
_LABEL = re.compile(
    r"^(?:\[(?P<name>[^\]]*)\]|BR-FR-[\w/.-]+(?=\s*:)|.{0,400}?\[(?P<late>BR-FREXT-[^\]]*)\])"
    r"\s*[-:]?\s*"
)
_TERM = re.compile(r"\b(?:EXT-FR-FE-(?:BG-)?\d+|B[TG]-\d+(?:-\d+)?|MD[TG]-\d+(?:-\d+)?)\b")

#: Rules whose packs speak French (BR-FREXT are not of these).
_FRENCH = "BR-FR-"
#: What a Factur-X profile has no use for; its pack gives these reports no name.
_NOT_IN_PROFILE = re.compile(r"^(?:Element|Attribute)\b.* marked as not used\b")
#: How the Factur-X packs number what they also name in the text: only the name tells something.
_NUMBERED = re.compile(r"FX-SCH-A-\d+")

#: Findings of one rule that figures are told of; the others, of a long invoice, say the rule.
_TOLD = 20


def read_svrl(
    output: etree._Element, root: etree._Element, profile: Profile, sentences: Sentences
) -> Iterator[Finding]:
    """Yield the findings of one run of one rule pack.

    Args:
        output: Root of the SVRL.
        root: The document, as our parser read it.
        profile: Gives each rule its weight.
        sentences: Say a rule in the language that its pack does not speak.

    Yields:
        One finding for each failed assertion and each successful report, in the
        pack's order. A failed assertion without a flag is fatal, a successful
        report without one is a warning.
    """
    figures = figurer(root)
    say = cache(partial(_said, sentences))  # a long invoice breaks one rule on every line
    seen: Counter[str] = Counter()
    for entry in output.iter(_FAILED, _REPORTED):
        default = Severity.FATAL if entry.tag == _FAILED else Severity.WARNING
        words = shorten(" ".join(text_of(entry).split()), MOST_SENTENCE)
        rule = _rule(entry.get("id") or "", words)
        sentence = _LABEL.sub("", words)
        place, element = find(root, (entry.get("location") or "").strip())
        seen[rule] += 1
        told = None
        if figures and element is not None and seen[rule] <= _TOLD:
            told = figures.tell(rule, sentence, element)
        if told is not None and told.node is not None:
            place = place_of(told.node)
        term = _TERM.search(words)
        yield Finding(
            rule=rule,
            severity=profile.weigh(rule, _published(entry.get("flag"), default)),
            term=(told and told.term) or (term.group() if term else None),
            xpath=place.xpath,
            line=place.line,
            value=cut(told.value) if told and told.value is not None else place.value,
            expected=told.expected if told else None,
            message=_message(say(rule, sentence), told),
        )


def _rule(identifier: str, words: str) -> str:
    """Name a rule; where its pack gives it no identifier, or a mere number, by its label.

    >>> _rule("BR-02", ""), _rule("FX-SCH-A-000012", "[BR-O-05]-No rate.")
    ('BR-02', 'BR-O-05')
    >>> _rule("", "[BR-FXEXT-04]-Only values from the list should be used.")
    'BR-FXEXT-04'
    >>> _rule("FX-SCH-A-000013", "Value is not allowed."), _rule("", "Anything else")
    ('FX-SCH-A-000013', 'UNNAMED')
    >>> _rule("", "Attribute @currencyID' marked as not used in the given context.")
    'FX-NOT-USED'
    """
    if identifier and not _NUMBERED.fullmatch(identifier):
        return identifier
    if not identifier and _NOT_IN_PROFILE.match(words):
        return "FX-NOT-USED"
    label = _LABEL.match(words)
    return (label["name"] if label else None) or identifier or "UNNAMED"


def _published(flag: str | None, default: Severity) -> Severity:
    return {"fatal": Severity.FATAL, "error": Severity.FATAL, "warning": Severity.WARNING}.get(
        flag or "", default
    )


def _said(sentences: Sentences, rule: str, words: str) -> tuple[tuple[str, str], ...]:
    """Return, in French then in English, what the rule asks and what to do about it.

    What nobody has a sentence for keeps the pack's words, behind their language.

    >>> _said(Sentences(), "BR-FR-01", "35 caractères au plus.")
    (('35 caractères au plus.', ''), ('[fr] 35 caractères au plus.', ''))
    """
    if rule.startswith(_FRENCH):
        return (words, ""), (sentences.english(rule, words) or f"[fr] {words}", "")
    action = sentences.what_to_do(rule) or {"fr": "", "en": ""}
    fr = sentences.french(rule, words) or f"[en] {words}"
    return (fr, action["fr"]), (sentences.english(rule, words) or words, action["en"])


def _message(said: tuple[tuple[str, str], ...], told: Figures | None) -> dict[str, str]:
    """Say what a rule asks, then what was found and expected, then what to do about it."""
    figures = (told.fr, told.en) if told else ("", "")
    return {
        lang: _joined(asked, figure, action)
        for lang, (asked, action), figure in zip(("fr", "en"), said, figures, strict=True)
    }


def _joined(*sentences: str) -> str:
    """Put sentences one after the other, each with its end, where more than one is said."""
    said = [each for each in sentences if each]
    if len(said) > 1 and not said[0].endswith((".", "!", "?", "…")):
        said[0] = f"{said[0]}."
    return " ".join(said)
