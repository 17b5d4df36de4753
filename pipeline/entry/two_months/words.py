"""The two months as machines and people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.entry.scenario import Scenario
from pipeline.entry.two_months.look import Invoice, Lived, Turned
from pipeline.model.life import STATUS_WORDS, Entry, Status

_PARTNER = "partner:"


def as_object(lived: Lived) -> dict[str, object]:
    """Return what became of each invoice, and whether all agree, as JSON has it."""
    return {
        "scenario": Scenario.LIFE_CYCLE.value,
        "documents": [_document(one) for one in lived.documents],
        "refused": [_turned(one) for one in lived.refused],
        "conserved": lived.conserved,
        "valid": lived.valid,
        "consistent": lived.consistent,
    }


def _document(one: Invoice) -> dict[str, object]:
    return {
        "number": one.row.number,
        "supplier": one.row.supplier,
        "recipient": one.row.recipient,
        "expected_status": _name(one.row.final),
        "final_status": _name(one.final),
        "supplier_sees": _name(one.supplier_sees),
        "recipient_sees": _name(one.recipient_sees),
        "history": [_line(each) for each in one.history],
    }


def _name(status: Status | None) -> str | None:
    return status.value if status else None


def _line(entry: Entry) -> dict[str, object]:
    return {
        "status": entry.after.value,
        "event": entry.event.value,
        "at": entry.said_at.isoformat(timespec="seconds"),
        "by": _who(entry),
    }


def _who(entry: Entry) -> str:
    """Name who acted: a partner, else in whose name the hub did."""
    if entry.by.startswith(_PARTNER):
        return entry.by.removeprefix(_PARTNER)
    return entry.actor.value


def _turned(one: Turned) -> dict[str, object]:
    return {
        "number": one.row.number,
        "supplier": one.row.supplier,
        "expected_code": one.row.refused,
        "code": one.code,
        "read": one.read,
    }


def in_words(lived: Lived) -> Iterator[str]:
    """Yield the two months as lines for people: each invoice, then what they come to."""
    for one in lived.documents:
        yield _told(one)
    for turned in lived.refused:
        sign = "✓" if turned.code == turned.row.refused and turned.read else "✗"
        code = turned.code or "–"
        yield f"{sign} {turned.row.number}  {turned.row.supplier}: refusée / refused, {code}"
    counts = Counter(one.final for one in lived.documents)
    for status in Status:
        if counts[status]:
            yield f"{counts[status]:4} {' / '.join(STATUS_WORDS[status])}"
    word = "tout concorde / all agrees" if lived.consistent else "≠ : voir / see edi reconcile"
    yield f"Grand livre, fournisseurs, destinataires / ledger and both sides: {word}"


def _told(one: Invoice) -> str:
    ended = one.final is one.row.final and one.agreed
    way = " → ".join(dict.fromkeys(entry.after.value for entry in one.history))
    told = f"{'✓' if ended else '✗'} {one.row.number}  {one.row.supplier} → {one.row.recipient}"
    if ended:
        return f"{told}: {way}"
    seen = ", ".join(
        f"{who} {_name(status) or '–'}"
        for who, status in (
            ("attendu / expected", one.row.final),
            ("fournisseur / supplier", one.supplier_sees),
            ("destinataire / recipient", one.recipient_sees),
        )
    )
    return f"{told}: {way} — {seen}"
