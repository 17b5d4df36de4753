"""The answer that a person reads: one self-contained page, French with English beside it.

No script, no outside resource: the style is inline and the page's own policy allows
nothing else. Every text goes through `_el`, so that whatever a sender wrote is escaped,
shortened and kept to its own line direction by construction.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import groupby

from lxml import etree, html
from lxml.html.builder import E

from pipeline.acknowledge.style import CSS
from pipeline.acknowledge.summary import (
    Bucket,
    amount_text,
    bucket,
    counts,
    is_credit_note,
    moment,
    sentence,
    shorten,
    signed_total,
    totals,
)
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, FlowOutcome
from pipeline.model.controls import CONTROL, first_by_step, found
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Severity

#: Findings shown for one document that is not accepted, and for one that is; the JSON
#: answer beside the page holds more, and both tell how many there are.
_FINDINGS, _WARNINGS = 10, 3

#: Characters shown of one text, and of one name or number.
_TEXT, _NAME = 800, 120

#: Characters that turn the direction of text around them: shown, never obeyed.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")

#: What a rule engine writes into a path and a bookkeeper cannot use.
_PATH_NOISE = re.compile(r"\*:|\[namespace-uri\(\)='[^']*'\]")

#: A pack's own text that has no French yet stands in `fr` behind this mark.
_UNTRANSLATED = "[en] "

_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src "
    f"'sha256-{b64encode(sha256(CSS.encode()).digest()).decode()}'"
)

_TITLES: Mapping[FlowOutcome, tuple[str, str]] = {
    FlowOutcome.ACCEPTED: ("Accepté", "Accepted"),
    FlowOutcome.PARTLY_ACCEPTED: ("Accepté en partie", "Accepted in part"),
    FlowOutcome.REJECTED: ("Refusé", "Refused"),
    FlowOutcome.DUPLICATE: ("Déjà reçu", "Already received"),
    FlowOutcome.HELD: ("Reçu, contrôle en cours", "Received, being checked"),
}

_TILES: Mapping[Bucket, tuple[str, str]] = {
    Bucket.ACCEPTED: ("acceptées", "accepted"),
    Bucket.REJECTED: ("refusées", "refused"),
    Bucket.DUPLICATE: ("déjà reçues", "already received"),
    Bucket.HELD: ("en attente", "waiting"),
}

_Child = etree._Element | str  # noqa: SLF001  # lxml gives its element class no public name


def answer_page(facts: AnswerFacts) -> bytes:
    """Write the answer as one HTML page, UTF-8; the same facts give the same bytes."""
    flow = facts.interchange
    page = E.html(
        {"lang": "fr"},
        E.head(
            E.meta({"charset": "utf-8"}),
            E.meta({"http-equiv": "Content-Security-Policy", "content": _POLICY}),
            E.meta({"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            E.meta({"name": "referrer", "content": "no-referrer"}),
            _el("title", f"{_TITLES[facts.outcome][0]} – {shorten(flow.name, 80)}"),
            E.style(CSS),
        ),
        E.body(_el("main", *_verdict(facts), *_sections(facts), _identity(facts))),
    )
    written: bytes = html.tostring(page, doctype="<!DOCTYPE html>", encoding="utf-8")
    return written + b"\n"


def _el(tag: str, *children: _Child, css: str = "", lang: str = "") -> etree._Element:
    """Make an element; texts are made fit to be shown, then escaped by the serialiser."""
    attributes = {key: value for key, value in (("class", css), ("lang", lang)) if value}
    shown = [_shown(child) if isinstance(child, str) else child for child in children]
    element: etree._Element = E(tag, attributes, *shown)
    return element


def _shown(text: str) -> str:
    shown = shorten(text, _TEXT)
    return shown if shown.isprintable() else _BIDI_CONTROLS.sub("\ufffd", shown)


def _both(fr: str, en: str, css: str = "") -> etree._Element:
    """French first, English beside it where it says it otherwise."""
    beside = (" ", _el("span", en, css="en", lang="en")) if en != fr else ()
    return _el("span", fr, *beside, css=css)


def _said(message: Mapping[str, str]) -> Iterator[etree._Element]:
    """French then English, or the English alone where there is no French yet."""
    if not message["fr"].startswith(_UNTRANSLATED):
        yield _el("p", message["fr"])
    yield _el("p", message["en"], css="en", lang="en")


def _verdict(facts: AnswerFacts) -> Iterator[etree._Element]:
    """Yield the head of the page: what became of the file, in one look."""
    fr, en = _TITLES[facts.outcome]
    said = sentence(facts)
    yield _el(
        "header",
        _el("p", _both("Réponse à votre flux", "Answer to your flow"), css="kicker"),
        _el("h1", _both(fr, en)),
        _el("p", _el("bdi", facts.interchange.name), css="file"),
        _el("p", said["fr"], css="said"),
        _el("p", said["en"], css="en", lang="en"),
        css=f"verdict {facts.outcome.name.lower()}",
    )
    if facts.documents:
        yield _tiles(facts)


def _tiles(facts: AnswerFacts) -> etree._Element:
    """Show how many documents became what, with their amounts by currency."""
    sums = totals(facts.documents)
    tiles = [_tile(str(len(facts.documents)), "reçues", "received", (), "all")]
    for kind, number in counts(facts.documents).items():
        if number:
            amounts = [
                _money(one.amounts[kind], one.currency) for one in sums if one.amounts[kind]
            ]
            tiles.append(_tile(str(number), *_TILES[kind], amounts, kind.value))
    note = _both("Montants TTC, avoirs déduits.", "Amounts with VAT, credit notes taken off.")
    return _el("section", _el("ul", *tiles, css="tiles"), _el("p", note, css="note"))


def _tile(number: str, fr: str, en: str, amounts: Sequence[str], css: str) -> etree._Element:
    return _el(
        "li",
        _el("strong", number),
        _both(fr, en),
        *(_el("span", amount, css="sum") for amount in amounts),
        css=f"tile {css}",
    )


def _sections(facts: AnswerFacts) -> Iterator[etree._Element]:
    """Yield what needs somebody's attention first, what is in order last."""
    told = {(one.code, one.place) for doc in facts.documents for one in doc.document.reasons}
    own = [one for one in facts.reasons if (one.code, one.place) not in told]
    if own:
        title = _both("Motifs pour le flux entier", "Reasons for the flow as a whole")
        yield _section(title, _reasons(own))
    by_kind: dict[Bucket, list[AnsweredDocument]] = {kind: [] for kind in Bucket}
    lost: list[AnsweredDocument] = []
    for one in facts.documents:
        sound = {reason.code for reason in one.document.reasons} == {"FLOW_IRR"}
        (lost if sound else by_kind[bucket(one.document)]).append(one)
    refused = by_kind[Bucket.REJECTED] + by_kind[Bucket.DUPLICATE]
    if refused and any(one.document.reasons or one.findings for one in refused):
        yield _cards("Factures refusées", "Refused invoices", refused)
    if by_kind[Bucket.HELD]:
        yield _cards("Factures en attente", "Invoices waiting", by_kind[Bucket.HELD])
    if lost:
        yield _lost(lost)
    if by_kind[Bucket.ACCEPTED]:
        taken = by_kind[Bucket.ACCEPTED]
        title = _both(f"Factures acceptées ({len(taken)})", "Accepted invoices")
        yield _section(title, [_table(taken)])


def _section(title: etree._Element, content: Iterable[etree._Element]) -> etree._Element:
    return _el("section", _el("h2", title), *content)


def _cards(fr: str, en: str, documents: Sequence[AnsweredDocument]) -> etree._Element:
    """Show documents that did not pass, one card each, by place in the flow."""
    title = _both(f"{fr} ({len(documents)})", en)
    return _section(title, (_card(one) for one in documents))


def _lost(documents: Sequence[AnsweredDocument]) -> etree._Element:
    """List sound files of a flow that was refused as a whole."""
    control = CONTROL["FLOW_IRR"]
    title = _both(f"{control.label['fr']} ({len(documents)})", control.label["en"])
    return _section(title, [_todo(control.action), _table(documents)])


def _card(one: AnsweredDocument) -> etree._Element:
    """Show one document: which it is, why it stopped, what to do, and every place."""
    document, shown = one.document, one.findings[:_FINDINGS]
    fatal = {each.message["fr"] for each in one.findings if each.severity is Severity.FATAL}
    untold = [
        reason
        for reason in document.reasons
        if not any(message in reason.message["fr"] for message in fatal)
    ]
    codes = dict.fromkeys(reason.code for reason in first_by_step(document.reasons))
    told_alone = {reason.code for reason in untold}
    heads = [_head(code) for code in codes if code not in told_alone]
    return _el(
        "article",
        _el("h3", _reference(document), " ", _amount(document)),
        _el("p", *_context(document), css="context"),
        *heads,
        *_reasons(untold),
        *_findings(one.findings, shown),
        css=f"card {bucket(document).value}",
    )


def _context(document: Document) -> Iterator[_Child]:
    """Yield the file's name, the issue date and the recipient, as far as they are known."""
    header = document.header
    yield _el("bdi", document.name, css="mono")
    if header.issue_date:
        yield f" · {header.issue_date:%d/%m/%Y}"
    buyer = _buyer(document)
    if buyer:
        yield " · "
        yield _both("destinataire", "recipient")
        yield " "
        yield _el("bdi", buyer)


def _reasons(reasons: Iterable[Reason]) -> Iterator[etree._Element]:
    """Yield reasons by code: its label and what to do once, then each place."""
    for code, group in groupby(first_by_step(reasons), key=lambda reason: reason.code):
        yield _head(code)
        yield _el("ul", *(_place(reason) for reason in group), css="places")


def _head(code: str) -> etree._Element:
    """Name a control, and say what to do when it fails."""
    control = CONTROL[code]
    return _el(
        "div",
        _el("p", _el("code", code), " ", _both(control.label["fr"], control.label["en"])),
        _todo(control.action),
        css="head",
    )


def _todo(action: Mapping[str, str]) -> etree._Element:
    return _el(
        "p",
        _el("b", "À faire : "),
        action["fr"],
        " ",
        _el("span", _el("b", "To do: "), action["en"], css="en", lang="en"),
        css="todo",
    )


def _place(reason: Reason) -> etree._Element:
    where = [_el("p", _el("bdi", reason.place), css="mono")] if reason.place else []
    said = {key: f"{text[:1].upper()}{text[1:]}" for key, text in found(reason).items()}
    return _el("li", *where, *_said(said))


def _findings(every: Sequence[Finding], shown: Sequence[Finding]) -> Iterator[etree._Element]:
    """Yield what was found in one document, each with its place and the value found there."""
    if shown:
        yield _el("ol", *(_finding(finding) for finding in shown), css="findings")
    more = len(every) - len(shown)
    if more:
        yield _el(
            "p",
            _both(
                f"… et {more} autres constats, dans la réponse JSON.",
                f"… and {more} more findings, in the JSON answer.",
            ),
            css="note",
        )


def _finding(finding: Finding) -> etree._Element:
    fatal = finding.severity is Severity.FATAL
    weight = _both("bloquant", "fatal") if fatal else _both("avertissement", "warning")
    rows = [
        _el("p", _el("code", finding.rule), " ", *_where(finding), " ", _el("span", weight)),
        *_said(finding.message),
    ]
    if finding.value is not None:
        label = _both("Trouvé :", "Found:", css="label")
        rows.append(_el("p", label, " ", _el("q", _el("bdi", finding.value), css="mono")))
    if finding.xpath:
        rows.append(_el("p", _el("bdi", _PATH_NOISE.sub("", finding.xpath)), css="mono path"))
    return _el("li", *rows, css=finding.severity.value)


def _where(finding: Finding) -> Iterator[_Child]:
    """Yield term and line, where they are known."""
    if finding.term:
        yield _el("span", finding.term, css="term")
    if finding.line is not None:
        yield _both(f"ligne {finding.line}", f"line {finding.line}", css="line")


def _table(documents: Sequence[AnsweredDocument]) -> etree._Element:
    """Show documents that need nothing, one line each, with their first warnings."""
    heads = (
        ("N°", "N°"),
        ("Facture", "Invoice"),
        ("Date", "Date"),
        ("Destinataire", "Recipient"),
        ("Montant TTC", "Total with VAT"),
    )
    return _el(
        "table",
        _el("thead", _el("tr", *(_el("th", _both(fr, en)) for fr, en in heads))),
        _el("tbody", *(row for one in documents for row in _rows(one))),
    )


def _rows(one: AnsweredDocument) -> Iterator[etree._Element]:
    document, header = one.document, one.document.header
    yield _el(
        "tr",
        _el("td", str(document.seq)),
        _el("td", _reference(document)),
        _el("td", f"{header.issue_date:%d/%m/%Y}" if header.issue_date else "–", css="day"),
        _el("td", _el("bdi", _buyer(document) or "–")),
        _el("td", _amount(document), css="amount"),
    )
    if one.findings:
        content = _findings(one.findings, one.findings[:_WARNINGS])
        cell = _el("td", *content)
        cell.set("colspan", "5")
        yield _el("tr", cell, css="warnings")


def _reference(document: Document) -> etree._Element:
    """Name a document as its sender does: by number, else by file name."""
    number = document.header.number
    if number is None:
        return _el("bdi", shorten(document.name, _NAME))
    kind = ("Avoir", "Credit note") if is_credit_note(document) else ("Facture", "Invoice")
    return _el("span", _both(*kind, css="kind"), " ", _el("bdi", shorten(number, _NAME)))


def _amount(document: Document) -> etree._Element:
    total = signed_total(document)
    text = "–" if total is None else _money(total, document.header.currency)
    return _el("span", text, css="sum")


def _money(amount: Decimal, currency: str | None) -> str:
    r"""Write an amount the French way, thousands apart by a narrow space that does not break.

    >>> _money(Decimal("-1234567.5"), "EUR").replace("\u202f", " ")
    '-1 234 567,50 EUR'
    """
    digits = amount_text(amount) or ""
    whole, _, cents = digits.lstrip("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u202f")
    sign = "-" if amount < 0 else ""
    return f"{sign}{grouped},{cents.ljust(2, '0')} {shorten(currency or '?', 12)}"


def _buyer(document: Document) -> str:
    """Return the recipient's name and best identifier, as far as they are known."""
    header = document.header
    number = header.buyer_siret or header.buyer_siren or header.buyer_endpoint
    return " ".join(shorten(part, _NAME) for part in (header.buyer_name, number) if part)


def _identity(facts: AnswerFacts) -> etree._Element:
    """Say what was received and when, so that the page can serve as a receipt."""
    flow = facts.interchange
    received, answered = moment(flow.received_at), moment(facts.at)
    rows = [
        ("Fichier", "File", flow.name),
        ("Identifiant", "Identifier", flow.id),
        ("Taille", "Size", f"{flow.size:,}".replace(",", "\u202f") + " octets (bytes)"),
        ("SHA-256", "SHA-256", flow.sha256),
        ("Reçu le", "Received", f"{received['fr']} ({received['en']})"),
        ("Répondu le", "Answered", f"{answered['fr']} ({answered['en']})"),
    ]
    if facts.final_by is not None:
        due = moment(facts.final_by)
        rows.append(
            ("Réponse définitive avant le", "Final answer by", f"{due['fr']} ({due['en']})")
        )
    terms = [
        child
        for fr, en, value in rows
        for child in (_el("dt", _both(fr, en)), _el("dd", _el("bdi", value)))
    ]
    return _el(
        "footer", _el("h2", _both("Ce qui a été reçu", "What was received")), _el("dl", *terms)
    )
