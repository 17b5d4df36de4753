"""Writes reports as `edi validate` prints them: an object for programs, a page for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.model.controls import CONTROL
from pipeline.model.finding import Finding, Layer, Outcome, Severity
from pipeline.model.registration import Registration
from pipeline.model.report import Judged, PackRun, ValidationReport
from pipeline.syntax.characters import shorten
from pipeline.syntax.page import Element, both, el, finding_item, said, todo, write_page


class Judgement(NamedTuple):
    """One judged document.

    Attributes:
        path: Where it was read from, as typed.
        document: Its name inside that file.
        judged: What was found.
        registration: What the directory says of it; None where nobody meant to ask.
        counts: Whether that is part of the document's outcome, or shown beside it.
    """

    path: str
    document: str
    judged: Judged
    registration: Registration | None = None
    counts: bool = False

    @property
    def outcome(self) -> Outcome:
        """Return the outcome of the document."""
        return worst(self.judged, self.registration if self.counts else None)


#: Findings shown of one document; JSON holds them all, and the page says how many there are.
_FINDINGS = 200

_OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.VALID: ("valide", "valid"),
    Outcome.INVALID: ("invalide", "invalid"),
    Outcome.UNCLEAR: ("indéterminé", "unclear"),
    Outcome.SKIPPED: ("non contrôlé", "skipped"),
}
_LAYERS: Mapping[Layer, tuple[str, str]] = {
    Layer.SYNTAX: ("syntaxe", "syntax"),
    Layer.STRUCTURE: ("structure", "structure"),
    Layer.SEMANTICS: ("sémantique", "semantics"),
    Layer.PROFILE: ("profil", "profile"),
}
#: The control that speaks of a layer, and so says what to do when it fails.
_CONTROLS: Mapping[Layer, str] = {
    Layer.SYNTAX: "IRR_SYNTAX",
    Layer.STRUCTURE: "IRR_SYNTAX",
    Layer.SEMANTICS: "REJ_SEMAN",
    Layer.PROFILE: "REJ_SEMAN",
}
_UNCLEAR = {
    "fr": "Le contrôle n'a pas abouti : rien n'est dit de ce document. Voyez le détail,"
    " remédiez-y (« edi packs list » montre les règles installées) et recommencez.",
    "en": "The check did not come to an end: nothing is said of this document. See the detail,"
    " mend it ('edi packs list' shows the rules installed) and try again.",
}


def report_object(
    path: str,
    document: str | None,
    judged: Judged,
    registration: Registration | None = None,
    *,
    counts: bool = False,
) -> Mapping[str, Any]:
    """Return what was found in one document, JSON values only.

    Args:
        path: Where it was read from, as the user named it.
        document: Its name inside that file, or None where the file is the document.
        judged: What was found.
        registration: What the directory says of it; None where nobody meant to ask.
        counts: Whether that is part of the document's outcome.

    Returns:
        Keys in a fixed order: path, document, syntax, outcome, partial,
        profile, agreement, layers, registration, packs, findings.
    """
    report = judged.report
    return {
        "path": path,
        "document": document,
        "syntax": report.syntax.value if report.syntax else None,
        "outcome": worst(judged, registration if counts else None).value,
        "partial": report.partial,
        "profile": report.profile,
        "agreement": _agreement(registration),
        "layers": [
            {"layer": result.layer.value, "outcome": result.outcome.value}
            for result in report.layers
        ],
        "registration": _registration(registration),
        "packs": [_pack(run) for run in report.packs],
        "findings": [_finding(finding) for finding in report.findings],
    }


def report_page(judged: Sequence[Judgement], profile: str) -> bytes:
    """Write what was found in some documents as one HTML page, UTF-8, self-contained and inert.

    Args:
        judged: Shown in this order, those that need attention first.
        profile: What they were held against.
    """
    counts = Counter(one.outcome for one in judged)
    return write_page(
        "Contrôle de factures",
        _head(counts, len(judged), profile),
        _tiles(counts),
        el("section", *map(_card, sorted(judged, key=_urgency))),
        _packs(judged),
    )


def _head(counts: Mapping[Outcome, int], total: int, profile: str) -> Element:
    """Say in one look whether all is well; the worst outcome gives the colour."""
    order = (Outcome.UNCLEAR, Outcome.INVALID, Outcome.VALID)
    worst = next((one for one in order if counts[one]), Outcome.UNCLEAR)
    titles = {
        Outcome.VALID: ("Tout est valide", "All valid"),
        Outcome.INVALID: ("À corriger", "To be corrected"),
        Outcome.UNCLEAR: ("Contrôle incomplet", "Check incomplete"),
    }
    told = both(f"{total} document(s), profil {profile}", f"profile {profile}")
    return el(
        "header",
        el("p", both("Contrôle de factures", "Judging invoices"), css="kicker"),
        el("h1", both(*titles[worst])),
        el("p", told, css="said"),
        css=f"verdict {worst.value}",
    )


def _tiles(counts: Mapping[Outcome, int]) -> Element:
    tiles = (
        el("li", el("strong", str(counts[one])), both(*_OUTCOMES[one]), css=f"tile {one.value}")
        for one in (Outcome.VALID, Outcome.INVALID, Outcome.UNCLEAR)
        if counts[one]
    )
    return el("section", el("ul", *tiles, css="tiles"))


def _urgency(one: Judgement) -> int:
    order = (Outcome.UNCLEAR, Outcome.INVALID, Outcome.VALID, Outcome.SKIPPED)
    return order.index(one.outcome)


def _card(one: Judgement) -> Element:
    """Show one document: outcome, layers, what to do, and every finding with its place."""
    report, header = one.judged.report, one.judged.header
    inside = () if one.document == one.path else (el("p", el("bdi", one.document), css="mono"),)
    parts = (header.number, header.issue_date and f"{header.issue_date:%d/%m/%Y}")
    known = " · ".join(part for part in (*parts, _syntax(report)) if part)
    return el(
        "article",
        el("h3", el("bdi", shorten(one.path, 200)), " ", both(*_OUTCOMES[one.outcome])),
        *inside,
        *((el("p", el("bdi", known), css="context"),) if known else ()),
        el("ul", *_steps(report, one.registration), css="layers"),
        *((el("p", _named(report.packs), css="note"),) if report.packs else ()),
        *_actions(report),
        *_findings(list(report.findings)),
        *_registered(one.registration),
        css=f"card {one.outcome.value}",
    )


def worst(judged: Judged, registration: Registration | None) -> Outcome:
    """Return the outcome of a document: of its layers, and of what the directory says."""
    order = (Outcome.INVALID, Outcome.UNCLEAR, Outcome.VALID)
    seen = {judged.report.outcome, registration.outcome if registration else Outcome.SKIPPED}
    return next((one for one in order if one in seen), Outcome.UNCLEAR)


def _steps(report: ValidationReport, registration: Registration | None) -> Iterator[Element]:
    yield from (_layer(_LAYERS[one.layer], one.outcome) for one in report.layers)
    if registration is not None:
        yield _layer(("annuaire et accord", "directory and agreement"), registration.outcome)


def _registered(registration: Registration | None) -> Iterator[Element]:
    """Yield what the directory and the receiver say, why nobody asked, and the agreement."""
    if registration is None:
        return
    for one in registration.reasons:
        place = el("p", el("code", one.code), " ", el("bdi", one.place), css="mono")
        yield el("div", place, *said(one.message))
    if registration.skipped:
        told = both(registration.skipped["fr"], registration.skipped["en"])
        yield el("p", told, css="note")
    if registration.agreement is not None:
        label = both("Accord", "Agreement")
        yield el("p", label, " ", el("bdi", str(registration.agreement)), css="note")


def _named(packs: Iterable[PackRun]) -> str:
    told = (f"{run.name} {run.version}, {run.rules} règles" for run in packs)
    return " · ".join(told)


def _syntax(report: ValidationReport) -> str:
    partial = "(couches choisies, selected layers)" if report.partial else ""
    return " ".join(part for part in (report.syntax and report.syntax.value, partial) if part)


def _layer(names: tuple[str, str], outcome: Outcome) -> Element:
    (layer_fr, layer_en), (fr, en) = names, _OUTCOMES[outcome]
    told = both(f"{layer_fr} : {fr}", f"{layer_en}: {en}")
    return el("li", told, css=outcome.value)


def _actions(report: ValidationReport) -> Iterator[Element]:
    """Yield what has to be done, each once, and the engine's own words on trouble."""
    told: dict[str, Mapping[str, str]] = {}
    for result in report.layers:
        for finding in result.findings:
            if finding.severity is Severity.FATAL:
                code = finding.rule if finding.rule in CONTROL else _CONTROLS[result.layer]
                told[CONTROL[code].action["fr"]] = CONTROL[code].action
    if report.outcome is Outcome.UNCLEAR:
        told = {"": _UNCLEAR}
    yield from (todo(action) for action in told.values())
    if report.trouble is not None:
        detail = el("bdi", report.trouble_detail)
        yield el("p", el("code", report.trouble.value), " ", detail, css="mono")


def _findings(every: Sequence[Finding]) -> Iterator[Element]:
    """Yield the list of findings, fatal ones first."""
    ordered = sorted(every, key=lambda one: one.severity is not Severity.FATAL)
    if ordered:
        yield el("ol", *(finding_item(one) for one in ordered[:_FINDINGS]), css="findings")
    more = len(every) - _FINDINGS
    if more > 0:
        told = both(f"… et {more} autres, avec --format json", f"… and {more} more")
        yield el("p", told, css="note")


def _packs(judged: Iterable[Judgement]) -> Element:
    """Name every rule pack that ran, with its version and hash: who reads this can repeat it."""
    runs = sorted(
        {pack for one in judged for pack in one.judged.report.packs}, key=lambda run: run.name
    )
    heads = (
        ("Règles", "Rule pack"),
        ("Version", "Version"),
        ("Nombre", "Rules"),
        ("SHA-256", "SHA-256"),
    )
    rows = (
        el(
            "tr",
            el("td", run.name),
            el("td", run.version),
            el("td", str(run.rules), css="number"),
            el("td", run.sha256, css="mono"),
        )
        for run in runs
    )
    head = el("tr", *(el("th", both(*one), attributes={"scope": "col"}) for one in heads))
    table = el("table", el("thead", head), el("tbody", *rows), css="figures")
    title = el("h2", both("Règles appliquées", "Rules that were run"))
    none = el("p", both("Aucune", "None"))
    return el("section", title, el("div", table, css="wide") if runs else none)


def _agreement(registration: Registration | None) -> Mapping[str, Any] | None:
    found = registration.agreement if registration else None
    return found.as_object() if found else None


def _registration(registration: Registration | None) -> Mapping[str, Any] | None:
    if registration is None:
        return None
    return {
        "outcome": registration.outcome.value,
        "skipped": dict(registration.skipped) or None,
        "reasons": [
            {"code": one.code, "place": one.place, "message": dict(one.message)}
            for one in registration.reasons
        ],
    }


def _pack(run: PackRun) -> Mapping[str, Any]:
    return {"name": run.name, "version": run.version, "sha256": run.sha256, "rules": run.rules}


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "term": finding.term,
        "xpath": finding.xpath,
        "line": finding.line,
        "value": finding.value,
        "expected": finding.expected,
        "message": {"fr": finding.message["fr"], "en": finding.message["en"]},
    }
