"""Reads what a compiled Schematron reports (SVRL) into findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from pipeline.model.finding import Finding, Severity
from pipeline.model.profile import Profile
from pipeline.validate.place import find, text_of

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
ROOT = f"{_SVRL}schematron-output"
_FAILED = f"{_SVRL}failed-assert"
_REPORTED = f"{_SVRL}successful-report"

#: Every word by which a pack can say that something does not hold. An output with
#: none of them needs no second look.
MARKS = ("failed-assert", "successful-report")

_LABEL = re.compile(r"^\[[^\]]*\]\s*-?\s*")
_TERM = re.compile(r"\bB[TG]-\d+(?:-\d+)?\b")

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
        rule = entry.get("id") or "UNNAMED"
        text = " ".join(text_of(entry).split())
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
            message={"fr": _french(rule, sentence), "en": sentence},
        )


def _published(flag: str | None, default: Severity) -> Severity:
    return {"fatal": Severity.FATAL, "error": Severity.FATAL, "warning": Severity.WARNING}.get(
        flag or "", default
    )


def _french(rule: str, sentence: str) -> str:
    """Say a structural rule in French; other rules keep the pack's words.

    >>> _french("UBL-CR-024", "A UBL invoice should not include the BillingReference UUID")
    "« BillingReference UUID » n'a pas d'emploi dans EN 16931 : à retirer (règle UBL-CR-024)."
    >>> _french("UBL-SR-05", "Payment terms shall occur maximum once")
    "« Payment terms » ne peut figurer qu'une fois (règle UBL-SR-05)."
    >>> _french("BR-02", "An Invoice shall have an Invoice number (BT-1).")
    '[en] An Invoice shall have an Invoice number (BT-1).'
    """
    if not _STRUCTURAL.match(rule):
        return f"[en] {sentence}"
    once = _ONCE.match(sentence)
    if once:
        return f"« {once['what']} » ne peut figurer qu'une fois (règle {rule})."
    unused = _NOT_FOR_US.match(sentence)
    if unused and unused["what"] != sentence:
        return f"« {unused['what']} » n'a pas d'emploi dans EN 16931 : à retirer (règle {rule})."
    return f"Écriture non conforme à EN 16931, règle {rule} : « {sentence} »."
