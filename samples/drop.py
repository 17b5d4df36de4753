"""What a supplier of the demonstration drops, and what must become of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalogue import HOPITAL, IMPRIMERIE, LYCEE, MUSEE, VILLE
from invoice_maker import Invoice

#: Partner that receives for each recipient who takes what was sent.
RECIPIENTS = {
    VILLE.siret: "ville-exemple",
    HOPITAL.siret: "hopital-exemple",
    IMPRIMERIE.siret: "imprimerie-exemple",
}
#: The same for those who ask for another form; only the demo has them.
CONVERTED = {LYCEE.siret: "lycee-exemple", MUSEE.siret: "musee-exemple"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One file that a supplier of the demo leaves, and what must become of it.

    Attributes:
        supplier: Whose folder.
        name: As dropped.
        payload: Its bytes.
        outcome: As `edi demo` words it.
        answer: Interface code of the answer's first file, or its suffix with free names.
        reason: Code of the control table; empty when all is accepted.
        documents: How many of its documents end in each way.
        delivered: How many documents each recipient gets.
        why: One sentence for people.
    """

    supplier: str
    name: str
    payload: bytes
    outcome: str
    answer: str
    why: str
    reason: str = ""
    documents: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, int] = field(default_factory=dict)


def delivered_to(invoices: Iterable[Invoice]) -> Mapping[str, int]:
    """Count good invoices by the partner that receives them."""
    known = RECIPIENTS | CONVERTED
    return Counter(known[invoice.buyer.siret] for invoice in invoices)


def flow_name(seq: int, interface: str, application: str) -> str:
    """Return a flow name by the grammar."""
    return f"{interface}_{application}_{application}{interface[3:7]}{seq:015d}"


def expected(drops: Iterable[Drop]) -> bytes:
    """Write what must become of each dropped file, as TOML."""
    blocks = [_PREFACE]
    for drop in drops:
        counts = {way: drop.documents.get(way, 0) for way in _WAYS}
        texts = (
            ("supplier", drop.supplier),
            ("name", drop.name),
            ("outcome", drop.outcome),
            ("reason", drop.reason),
            ("answer", drop.answer),
            ("why", drop.why),
        )
        lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in texts]
        lines.append(_table("documents", {"received": sum(counts.values())} | counts))
        lines.append(_table("delivered", dict(sorted(drop.delivered.items()))))
        blocks.append("\n".join(("[[file]]", *lines)) + "\n")
    return "\n".join(blocks).encode()


_WAYS = ("accepted", "rejected", "duplicate", "held")
_PREFACE = """\
# Made by samples/build.py. Read by a test only: the demo computes its outcomes.
# Files are listed in the order in which they are taken: supplier, then name.
"""


def _table(key: str, numbers: Mapping[str, int]) -> str:
    inside = ", ".join(f"{name} = {number}" for name, number in numbers.items())
    return f"{key} = {{ {inside} }}" if inside else f"{key} = {{}}"
