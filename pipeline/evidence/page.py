"""What an evidence file tells, as one page for people: French, with English beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pipeline.evidence.proof import Stretch
from pipeline.model.life import STATUS_WORDS, Status
from pipeline.model.life_table import TERMINAL
from pipeline.model.status import WORDS
from pipeline.syntax.page import Element, both, el, write_page

_Told = Mapping[str, object]

#: Where an invoice ends that nobody pays.
_ENDED_BADLY = frozenset(
    {None, *(one.value for one in TERMINAL if one and one is not Status.MISE_EN_PAIEMENT)}
)
#: What files that left are called, French and English.
_LEFT: Mapping[object, tuple[str, str]] = {
    "delivery": ("remise au destinataire", "delivered to the recipient"),
    "acknowledgement": ("réponse à l'émetteur", "answer to the sender"),
    "status": ("statuts", "statuses"),
}
_SECTIONS: Mapping[str, tuple[str, str]] = {
    "documents": ("Reçu", "Received"),
    "leaving": ("Envoyé", "Sent"),
    "receipts": ("Acquittements reçus", "Acknowledgements received"),
    "life": ("Cycle de vie", "Life cycle"),
}


def page_of(record: _Told, stretches: Sequence[Stretch]) -> bytes:
    """Write the page, UTF-8.

    Args:
        record: What the file tells.
        stretches: What proves it.
    """
    invoice = _mapping(record["invoice"])
    rows = {
        "documents": list(_documents(record)),
        "leaving": list(_leaving(record)),
        "receipts": list(_receipts(record)),
        "life": list(_life(record)),
    }
    sections = [_section(name, found) for name, found in rows.items() if found]
    number = _text(invoice.get("number")) or "–"
    return write_page(f"Preuve {number}", _head(invoice, number), *sections, _proof(stretches))


def _head(invoice: _Told, number: str) -> Element:
    status = invoice.get("status")
    fr, en = STATUS_WORDS[Status(status)] if status else ("Non prise en charge", "Not taken")
    seller, buyer = _text(invoice.get("seller_name")), _text(invoice.get("buyer_name"))
    return el(
        "header",
        el("p", both("Dossier de preuve", "Evidence"), css="kicker"),
        el("h1", "Facture ", el("bdi", number)),
        el("p", el("bdi", seller or "–"), " → ", el("bdi", buyer or "–"), css="file"),
        el("p", both(fr, en), css="said"),
        css=f"verdict {'rejected' if status in _ENDED_BADLY else 'accepted'}",
    )


def _section(name: str, rows: Sequence[tuple[str, str, str]]) -> Element:
    numbered = ((str(place), *row) for place, row in enumerate(rows, 1))
    body = [el("tr", *(el("td", el("bdi", cell)) for cell in row)) for row in numbered]
    return el("section", el("h2", both(*_SECTIONS[name])), el("table", el("tbody", *body)))


def _documents(record: _Told) -> Iterator[tuple[str, str, str]]:
    flows = {one["id"]: one for one in _list(record["flows"])}
    for one in _list(record["documents"]):
        flow = flows.get(one["flow"], {})
        words = " / ".join(WORDS.get(str(one["step"]), (str(one["step"]),)))
        codes = " ".join(map(str, one["reasons"])) if isinstance(one["reasons"], list) else ""
        where = f"{_text(flow.get('name'))} ({_text(flow.get('partner'))})"
        told = f"{_text(one['name'])}, {words} {codes}".strip()
        yield f"{where} : {told}", _moment(flow.get("received_at")), _digest(one["sha256"])


def _leaving(record: _Told) -> Iterator[tuple[str, str, str]]:
    for one in sorted(_list(record["leaving"]), key=lambda row: str(row["sent_at"])):
        fr, en = _LEFT.get(one["kind"], ("envoi", "file"))
        words = " / ".join(WORDS.get(str(one["state"]), (str(one["state"]),)))
        told = f"{fr} / {en} : {one['name']} → {one['connection']}, {words}"
        yield told, _moment(one["sent_at"]), _digest(one["sha256"])


def _receipts(record: _Told) -> Iterator[tuple[str, str, str]]:
    for one in _list(record["receipts"]):
        words = " / ".join(WORDS.get(str(one["said"]).split()[0], (str(one["said"]),)))
        yield f"{one['status']} : {words}", _moment(one["received_at"]), _text(one["text"])


def _life(record: _Told) -> Iterator[tuple[str, str, str]]:
    for one in _list(record["life"]):
        fr, en = STATUS_WORDS[Status(one["after"])]
        reasons = " ".join(map(str, one["reasons"])) if isinstance(one["reasons"], list) else ""
        words = f"{reasons} {_text(one['comment'])}".strip()
        yield f"{fr} / {en} : {one['event']} ({one['by']})", _moment(one["said_at"]), words


def _proof(stretches: Sequence[Stretch]) -> Element:
    """Say how the page is checked, and up to where it is proven."""
    seals = ", ".join(one.seal for one in stretches if one.seal) or "–"
    loose = sum(len(list(one.shown())) for one in stretches if one.seal is None)
    said = both(
        f"Sceaux : {seals}. Événements pas encore scellés : {loose}.",
        f"Seals: {seals}. Events not sealed yet: {loose}.",
    )
    how = both(
        "Cette page ne prouve rien par elle-même : « edi verify FICHIER.zip » recalcule tout,"
        " hors ligne. Le format est décrit : chacun peut écrire son propre vérificateur.",
        "This page proves nothing by itself: 'edi verify FILE.zip' computes all of it anew,"
        " offline. The format is documented: anybody can write a verifier.",
    )
    return el("section", el("h2", both("Preuve", "Proof")), el("p", said), el("p", how))


def _list(value: object) -> Sequence[_Told]:
    return value if isinstance(value, list) else ()


def _mapping(value: object) -> _Told:
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> str:
    """Write a moment of the record, to the second; it is UTC there."""
    if value is None:
        return ""
    return f"{datetime.fromisoformat(str(value)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _digest(value: object) -> str:
    return f"SHA-256 {value}" if value else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)
