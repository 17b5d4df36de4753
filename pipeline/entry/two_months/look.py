"""What became of the two months: as the ledger has it, and as both sides see it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.app.hub import Hub
from pipeline.app.views import became
from pipeline.entry.small_world import Partners, all_agrees
from pipeline.entry.two_months.parties import PARTIES
from pipeline.entry.two_months.reading import Word, messages, read_words, told, view
from pipeline.entry.two_months.story import Row
from pipeline.model.finding import Outcome
from pipeline.model.life import Entry, Status
from pipeline.ports.ledger import Ledger, Query

#: Files of the hub's that hold a CPPStatut or CDARs.
_MESSAGES = re.compile("(FEN1|FEN4|CSO|CSI|CEN|CEI).*")
#: Where in scratch space they are held against their rules.
_SCRATCH = "demo-messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice that was taken, as it ended.

    Attributes:
        row: What the story says of it.
        final: Where it stands in the ledger.
        supplier_sees: Where it stands by what its supplier said and read.
        recipient_sees: By what its recipient said and read, or the validator that it stopped at.
        history: Its lines, in order.
    """

    row: Row
    final: Status | None
    supplier_sees: Status | None
    recipient_sees: Status | None
    history: tuple[Entry, ...]

    @property
    def agreed(self) -> bool:
        """Tell whether both sides see it where the ledger has it."""
        return self.final is self.supplier_sees is self.recipient_sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """One invoice that was refused at the door.

    Attributes:
        row: What the story says of it.
        code: What it was refused for; empty if it was not.
        read: Whether its supplier found that code in an answer.
    """

    row: Row
    code: str
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """The two months as they went.

    Attributes:
        documents: Invoices that were taken.
        refused: Invoices that were not.
        conserved: Whether all that came is accounted for, and all that was put lies there.
        valid: Whether every message that left holds against its schema and its rules.
    """

    documents: tuple[Invoice, ...]
    refused: tuple[Turned, ...]
    conserved: bool
    valid: bool

    @property
    def consistent(self) -> bool:
        """Tell whether ledger and folders agree, and both sides with them."""
        heard = all(one.agreed for one in self.documents) and all(one.read for one in self.refused)
        return self.conserved and self.valid and heard

    @property
    def whole(self) -> bool:
        """Tell whether all of it went as the story says."""
        taken = all(one.final is one.row.final for one in self.documents)
        refused = all(one.code == one.row.refused for one in self.refused)
        return self.consistent and taken and refused


def look(
    hub: Hub,
    partners: Partners,
    rows: Sequence[Row],
    deposits: Mapping[Row, str],
    known: Mapping[str, Sequence[Word]],
) -> Lived:
    """Ask the ledger and every partner what became of the invoices.

    Args:
        hub: The hub.
        partners: Their side.
        rows: The story.
        deposits: Name of the flow that each row came in.
        known: What each partner said, and which invoices it found.
    """
    folders = {name: partners.read(name) for name in PARTIES}
    views = {
        name: view([*known.get(name, ()), *read_words(PARTIES[name], told(folder))])
        for name, folder in folders.items()
    }
    documents = tuple(_invoice(hub.ledger, row, views) for row in rows if not row.refused)
    refused = tuple(
        _turned(hub.ledger, row, deposits[row], folders[row.supplier])
        for row in rows
        if row.refused
    )
    return Lived(
        documents=documents,
        refused=refused,
        conserved=all_agrees(hub.ledger, partners),
        valid=_all_valid(hub, folders),
    )


def _invoice(ledger: Ledger, row: Row, views: Mapping[str, Mapping[str, Status]]) -> Invoice:
    ids = [one.id for one in ledger.invoices_numbered([row.number])]
    lives = ledger.lives(ids)
    life = next((lives[one] for one in ids if one in lives), None)
    # who has it: its recipient, or whoever has to validate it first
    others = [row.holder(), *reversed(row.way.validators if row.way else ())]
    seen = (views[name].get(row.number) for name in others)
    return Invoice(
        row=row,
        final=life.status if life else None,
        supplier_sees=views[row.supplier].get(row.number),
        recipient_sees=next(filter(None, seen), None),
        history=tuple(ledger.history(life.id)) if life else (),
    )


def _turned(ledger: Ledger, row: Row, name: str, folder: Mapping[str, bytes]) -> Turned:
    flow = next(one for one in ledger.interchanges(Query(text=name)) if one.name == name)
    code = next(iter(became(ledger, flow).reasons), "")
    answers = [folder[one.name] for one in ledger.outbox(interchange=flow.id)]
    said = [message for answer in answers for message in messages(answer)]
    return Turned(row=row, code=code, read=any(code.encode() in one for one in said))


def _all_valid(hub: Hub, folders: Mapping[str, Mapping[str, bytes]]) -> bool:
    """Hold every CPPStatut and CDAR that partners found against schema and rules."""
    found = [
        message
        for folder in folders.values()
        for name, payload in folder.items()
        if _MESSAGES.match(name)
        for message in messages(payload)
    ]
    scraps = [
        hub.spool.write(f"{_SCRATCH}/{place}", (message,)) for place, message in enumerate(found)
    ]
    judged = hub.examine([scrap.path for scrap in scraps])
    hub.spool.clear(_SCRATCH)
    return bool(found) and all(one.report.outcome is Outcome.VALID for one in judged)
