"""Reads what a compiled Schematron reports (SVRL) into findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from pipeline.model.finding import Finding, Severity
from pipeline.model.profile import Profile
from pipeline.syntax.characters import shorten
from pipeline.validate.place import find, text_of

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
ROOT = f"{_SVRL}schematron-output"
_FAILED = f"{_SVRL}failed-assert"
_REPORTED = f"{_SVRL}successful-report"

#: Longest sentence that is kept, in characters: packs quote what they complain of.
MOST_SENTENCE = 2000

#: Every word by which a pack can say that something does not hold. An output with
#: none of them needs no second look.
MARKS = ("failed-assert", "successful-report")

#: How packs name a rule in its text: ``[BR-02]-``, ``[BR-FR-01/BT-1] : ``, ``BR-FR-01/BT-1 : ``.
_LABEL = re.compile(r"^(?:\[(?P<name>[^\]]*)\]|BR-FR-[\w/.-]+(?=\s*:))\s*[-:]?\s*")
_TERM = re.compile(r"\b(?:EXT-FR-FE-(?:BG-)?\d+|B[TG]-\d+(?:-\d+)?|MD[TG]-\d+(?:-\d+)?)\b")

#: Rules whose packs speak French (BR-FREXT are not of these).
_FRENCH = "BR-FR-"
#: What a Factur-X profile has no use for; its pack gives these reports no name.
_NOT_IN_PROFILE = re.compile(
    r"^(?:Element|Attribute)(?: variant)? '?(?P<what>@?[\w:]+)'? (?:is )?marked as not used"
)

#: The hundreds of rules that only say which elements EN 16931 has a use for.
_STRUCTURAL = re.compile(r"^(?:UBL|CII)-(?:CR|DT|SR)-\d+$")
_NOT_FOR_US = re.compile(
    r"^(?!.*(?: or it |simultaneously))"
    r"(?:A UBL (?:invoice|credit note) (?:should|shall) not include )?(?:the )?(?P<what>.+?)"
    r"(?: (?:should|shall|must) not be (?:present|used)\.?)?$"
)
_ONCE = re.compile(
    r"^(?P<what>.+?) (?:shall|should|must) (?:occur|exist) (?:at most|maximum) once\b"
)


def read_svrl(output: etree._Element, root: etree._Element, profile: Profile) -> Iterator[Finding]:
    """Yield the findings of one run of one rule pack.

    Args:
        output: Root of the SVRL.
        root: The document, as our parser read it.
        profile: Gives each rule its weight.

    Yields:
        One finding for each failed assertion and each successful report, in the
        pack's order. A failed assertion without a flag is fatal, a successful
        report without one is a warning.
    """
    for entry in output.iter(_FAILED, _REPORTED):
        default = Severity.FATAL if entry.tag == _FAILED else Severity.WARNING
        text = shorten(" ".join(text_of(entry).split()), MOST_SENTENCE)
        rule = entry.get("id") or _name(text)
        sentence = _LABEL.sub("", text)
        term = _TERM.search(text)
        place = find(root, (entry.get("location") or "").strip())
        yield Finding(
            rule=rule,
            severity=profile.weigh(rule, _published(entry.get("flag"), default)),
            term=term.group() if term else None,
            xpath=place.xpath,
            line=place.line,
            value=place.value,
            message=_message(rule, sentence),
        )


def _name(text: str) -> str:
    """Name a rule that its pack left without an identifier.

    >>> _name("[BR-FXEXT-04]-Only values from the list should be used."), _name("Anything else")
    ('BR-FXEXT-04', 'UNNAMED')
    >>> _name("Attribute @currencyID' marked as not used in the given context.")
    'FX-NOT-USED'
    """
    if _NOT_IN_PROFILE.match(text):
        return "FX-NOT-USED"
    label = _LABEL.match(text)
    return (label["name"] if label else None) or "UNNAMED"


def _published(flag: str | None, default: Severity) -> Severity:
    return {"fatal": Severity.FATAL, "error": Severity.FATAL, "warning": Severity.WARNING}.get(
        flag or "", default
    )


def _message(rule: str, sentence: str) -> dict[str, str]:
    """Say a rule in both languages, as far as its pack does.

    >>> _message("BR-FR-01", "35 caractères au plus.")["en"]
    '[fr] 35 caractères au plus.'
    """
    if rule.startswith(_FRENCH):
        return {"fr": sentence, "en": f"[fr] {sentence}"}
    return {"fr": _french(rule, sentence), "en": sentence}


def _french(rule: str, sentence: str) -> str:
    """Say a structural rule in French; other rules keep the pack's words.

    >>> _french("UBL-CR-024", "A UBL invoice should not include the BillingReference UUID")
    "« BillingReference UUID » n'a pas d'emploi dans EN 16931 : à retirer (règle UBL-CR-024)."
    >>> _french("UBL-SR-05", "Payment terms shall occur maximum once")
    "« Payment terms » ne peut figurer qu'une fois (règle UBL-SR-05)."
    >>> _french("BR-02", "An Invoice shall have an Invoice number (BT-1).")
    '[en] An Invoice shall have an Invoice number (BT-1).'
    """
    useless = _NOT_IN_PROFILE.match(sentence)
    if useless:
        return f"« {useless['what']} » n'a pas d'emploi ici dans ce profil Factur-X : à retirer."
    if not _STRUCTURAL.match(rule):
        return f"[en] {sentence}"
    once = _ONCE.match(sentence)
    if once:
        return f"« {once['what']} » ne peut figurer qu'une fois (règle {rule})."
    unused = _NOT_FOR_US.match(sentence)
    if unused and unused["what"] != sentence:
        return f"« {unused['what']} » n'a pas d'emploi dans EN 16931 : à retirer (règle {rule})."
    return f"Écriture non conforme à EN 16931, règle {rule} : « {sentence} »."
