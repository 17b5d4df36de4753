"""The answer that a person reads: one self-contained page, French with English beside it.

Every text goes through `syntax.page`, so that whatever a sender wrote is escaped,
shortened and kept to its own line direction by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from pipeline.acknowledge.summary import (
    Bucket,
    bucket,
    counts,
    moment,
    sentence,
    totals,
)
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, Figure, FlowOutcome
from pipeline.model.amount import is_credit_note, signed_total
from pipeline.model.connection import Scanning
from pipeline.model.controls import CONTROL, first_by_step, found
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Severity
from pipeline.syntax.characters import shorten
from pipeline.syntax.page import (
    Child,
    Element,
    both,
    el,
    finding_item,
    money,
    said,
    todo,
    write_page,
)

#: Findings shown for one document that is not accepted, and for one that is; the JSON
#: answer beside the page holds more, and both tell how many there are.
_FINDINGS, _WARNINGS = 10, 3

#: Agreements named; one for each receiver of a flow, nearly always.
_AGREEMENTS = 10

#: Characters shown of one name or number.
_NAME = 120

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

_SCANNED: Mapping[Scanning, str] = {
    Scanning.NONE: "aucun (none)",
    Scanning.CLAMD: "ClamAV (clamd)",
    Scanning.EICAR: "fichier d'essai EICAR seulement (EICAR test file only)",
}


def answer_page(facts: AnswerFacts) -> bytes:
    """Write the answer as one HTML page, UTF-8; the same facts give the same bytes."""
    flow = facts.interchange
    title = f"{_TITLES[facts.outcome][0]} – {shorten(flow.name, 80)}"
    return write_page(title, *_verdict(facts), *_sections(facts), _identity(facts))


def _verdict(facts: AnswerFacts) -> Iterator[Element]:
    """Yield the head of the page: what became of the file, in one look."""
    fr, en = _TITLES[facts.outcome]
    in_words = sentence(facts)
    yield el(
        "header",
        el("p", both("Réponse à votre flux", "Answer to your flow"), css="kicker"),
        el("h1", both(fr, en)),
        el("p", el("bdi", facts.interchange.name), css="file"),
        el("p", in_words["fr"], css="said"),
        el("p", in_words["en"], css="en", lang="en"),
        css=f"verdict {facts.outcome.name.lower()}",
    )
    if facts.documents:
        yield _tiles(facts)


def _tiles(facts: AnswerFacts) -> Element:
    """Show how many documents became what, with their amounts by currency."""
    sums = totals(facts.documents)
    tiles = [_tile(str(len(facts.documents)), "reçues", "received", (), "all")]
    for kind, number in counts(facts.documents).items():
        if number:
            amounts = [money(one.amounts[kind], one.currency) for one in sums if one.amounts[kind]]
            tiles.append(_tile(str(number), *_TILES[kind], amounts, kind.value))
    note = both("Montants TTC, avoirs déduits.", "Amounts with VAT, credit notes taken off.")
    return el("section", el("ul", *tiles, css="tiles"), el("p", note, css="note"))


def _tile(number: str, fr: str, en: str, amounts: Sequence[str], css: str) -> Element:
    return el(
        "li",
        el("strong", number),
        both(fr, en),
        *(el("span", amount, css="sum") for amount in amounts),
        css=f"tile {css}",
    )


def _sections(facts: AnswerFacts) -> Iterator[Element]:
    """Yield what needs somebody's attention first, what is in order last."""
    if facts.figures:
        title = both("Bordereau du flux", "Manifest of the flow")
        yield _section(title, [_manifest(facts.figures)])
    told = {(one.code, one.place) for doc in facts.documents for one in doc.document.reasons}
    own = [one for one in facts.reasons if (one.code, one.place) not in told]
    if own:
        title = both("Motifs pour le flux entier", "Reasons for the flow as a whole")
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
        title = both(f"Factures acceptées ({len(taken)})", "Accepted invoices")
        yield _section(title, [_table(taken)])


def _manifest(figures: Sequence[Figure]) -> Element:
    """Show each figure as announced and as found."""
    heads = (
        ("Donnée", "Figure"),
        ("Annoncée", "Announced"),
        ("Trouvée", "Found"),
        ("Concorde", "Agrees"),
    )
    rows = (
        el(
            "tr",
            *(el("td", el("bdi", text or "–")) for text in (one.what, one.announced, one.found)),
            el("td", both("oui", "yes") if one.holds else both("NON", "NO")),
            css="holds" if one.holds else "differs",
        )
        for one in figures
    )
    return el(
        "table",
        el("thead", el("tr", *(el("th", both(fr, en)) for fr, en in heads))),
        el("tbody", *rows),
        css="figures",
    )


def _section(title: Element, content: Iterable[Element]) -> Element:
    return el("section", el("h2", title), *content)


def _cards(fr: str, en: str, documents: Sequence[AnsweredDocument]) -> Element:
    """Show documents that did not pass, one card each, by place in the flow."""
    title = both(f"{fr} ({len(documents)})", en)
    return _section(title, (_card(one) for one in documents))


def _lost(documents: Sequence[AnsweredDocument]) -> Element:
    """List sound files of a flow that was refused as a whole."""
    control = CONTROL["FLOW_IRR"]
    title = both(f"{control.label['fr']} ({len(documents)})", control.label["en"])
    return _section(title, [todo(control.action), _table(documents)])


def _card(one: AnsweredDocument) -> Element:
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
    return el(
        "article",
        el("h3", _reference(document), " ", _amount(document)),
        el("p", *_context(document), css="context"),
        *heads,
        *_reasons(untold),
        *_findings(one.findings, shown),
        css=f"card {bucket(document).value}",
    )


def _context(document: Document) -> Iterator[Child]:
    """Yield the file's name, the issue date and the recipient, as far as they are known."""
    header = document.header
    yield el("bdi", document.name, css="mono")
    if header.issue_date:
        yield f" · {header.issue_date:%d/%m/%Y}"
    buyer = _buyer(document)
    if buyer:
        yield " · "
        yield both("destinataire", "recipient")
        yield " "
        yield el("bdi", buyer)


def _reasons(reasons: Iterable[Reason]) -> Iterator[Element]:
    """Yield reasons by code: its label and what to do once, then each place."""
    for code, group in groupby(first_by_step(reasons), key=lambda reason: reason.code):
        yield _head(code)
        yield el("ul", *(_place(reason) for reason in group), css="places")


def _head(code: str) -> Element:
    """Name a control, and say what to do when it fails."""
    control = CONTROL[code]
    return el(
        "div",
        el("p", el("code", code), " ", both(control.label["fr"], control.label["en"])),
        todo(control.action),
        css="head",
    )


def _place(reason: Reason) -> Element:
    where = [el("p", el("bdi", reason.place), css="mono")] if reason.place else []
    told = {key: f"{text[:1].upper()}{text[1:]}" for key, text in found(reason).items()}
    return el("li", *where, *said(told))


def _findings(every: Sequence[Finding], shown: Sequence[Finding]) -> Iterator[Element]:
    """Yield what was found in one document, each with its place and the value found there."""
    if shown:
        yield el("ol", *(finding_item(finding) for finding in shown), css="findings")
    more = len(every) - len(shown)
    if more:
        yield el(
            "p",
            both(
                f"… et {more} autres constats, dans la réponse JSON.",
                f"… and {more} more findings, in the JSON answer.",
            ),
            css="note",
        )


def _table(documents: Sequence[AnsweredDocument]) -> Element:
    """Show documents that need nothing, one line each, with their first warnings."""
    heads = (
        ("N°", "N°"),
        ("Facture", "Invoice"),
        ("Date", "Date"),
        ("Destinataire", "Recipient"),
        ("Montant TTC", "Total with VAT"),
    )
    return el(
        "table",
        el("thead", el("tr", *(el("th", both(fr, en)) for fr, en in heads))),
        el("tbody", *(row for one in documents for row in _rows(one))),
    )


def _rows(one: AnsweredDocument) -> Iterator[Element]:
    document, header = one.document, one.document.header
    yield el(
        "tr",
        el("td", str(document.seq)),
        el("td", _reference(document)),
        el("td", f"{header.issue_date:%d/%m/%Y}" if header.issue_date else "–", css="day"),
        el("td", el("bdi", _buyer(document) or "–")),
        el("td", _amount(document), css="amount"),
    )
    if one.findings:
        content = _findings(one.findings, one.findings[:_WARNINGS])
        cell = el("td", *content)
        cell.set("colspan", "5")
        yield el("tr", cell, css="warnings")


def _reference(document: Document) -> Element:
    """Name a document as its sender does: by number, else by file name."""
    number = document.header.number
    if number is None:
        return el("bdi", shorten(document.name, _NAME))
    kind = ("Avoir", "Credit note") if is_credit_note(document) else ("Facture", "Invoice")
    return el("span", both(*kind, css="kind"), " ", el("bdi", shorten(number, _NAME)))


def _amount(document: Document) -> Element:
    total = signed_total(document)
    text = "–" if total is None else money(total, document.header.currency)
    return el("span", text, css="sum")


def _buyer(document: Document) -> str:
    """Return the recipient's name and best identifier, as far as they are known."""
    header = document.header
    number = header.buyer_siret or header.buyer_siren or header.buyer_endpoint
    return " ".join(shorten(part, _NAME) for part in (header.buyer_name, number) if part)


def _agreements(facts: AnswerFacts) -> str:
    """Name what the documents were held against, each agreement once."""
    found = (one.document.agreement for one in facts.documents)
    named = list(dict.fromkeys(str(one) for one in found if one is not None))
    return "; ".join(named[:_AGREEMENTS]) + (" …" if len(named) > _AGREEMENTS else "")


def _identity(facts: AnswerFacts) -> Element:
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
        ("Antivirus", "Malware scanner", _SCANNED[facts.scanner]),
    ]
    if facts.answer_by is not None:
        agreed = moment(facts.answer_by)
        rows.append(("Réponse convenue avant le", "Agreed by", f"{agreed['fr']} ({agreed['en']})"))
    if facts.final_by is not None:
        due = moment(facts.final_by)
        rows.append(
            ("Réponse définitive avant le", "Final answer by", f"{due['fr']} ({due['en']})")
        )
    if shown := _agreements(facts):
        rows.append(("Accord (profil × ce que prend le destinataire)", "Agreement", shown))
    terms = [
        child
        for fr, en, value in rows
        for child in (el("dt", both(fr, en)), el("dd", el("bdi", value)))
    ]
    return el("footer", el("h2", both("Ce qui a été reçu", "What was received")), el("dl", *terms))
