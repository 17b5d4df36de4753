"""What partners find in their folders, and how each of them then sees its invoices."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from lxml import etree

from pipeline.acknowledge.platform import messages_in
from pipeline.entry.two_months.parties import Party, Speech
from pipeline.lifecycle.inbound import read_cdar, read_statut
from pipeline.model.life import Event, Numbering, Saying, Status
from pipeline.model.life_reasons import MISSING_ATTACHMENT
from pipeline.model.life_table import MOVES
from pipeline.model.limits import WIDE, Limits
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.parse import parse
from pipeline.syntax.pivot_subject import Resubmission
from pipeline.syntax.status_codes import AS_TAKEN_IN_CHARGE

#: How files that tell of statuses are named: CPPStatut, CDAR, JSON.
_TOLD = ("FEN1200A_", "FEN1204A_", "FEN4000A_", "FEN4001A_", "statuses-")
#: Where an invoice's number stands in the forms that recipients of the story take.
_NUMBERS = (
    "/*[local-name()='Invoice']/*[local-name()='ID']/text()",
    "/CPPFacturePivot//DonneesFacture/Id/text()",
)
#: Why a pivot's invoice comes again.
_AGAIN = "/CPPFacturePivot//DonneesFacture/Renvoi/text()"
#: How files with invoices are named that bear no suffix.
_PIVOT = ("FEN0036A_", "FEN3036A_")
#: Where a word leads, by who says what; a reason counts apart.
_LEADS: Mapping[Event, Status] = MappingProxyType(
    {move.event: move.after for move in MOVES if move.after and move.reason is None}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One status of one invoice, as somebody said or read it.

    Attributes:
        number: BT-1.
        event: What happened.
        at: When, as it was said (aware).
        reasons: Codes.
        status: Where the invoice stands then, where that is told.
    """

    number: str
    event: Event
    at: datetime
    reasons: tuple[str, ...] = ()
    status: Status | None = None

    @property
    def leads_to(self) -> Status | None:
        """Return where the invoice stands then; None where it stays."""
        if self.status is not None:
            return self.status
        if self.event is Event.REJECT and MISSING_ATTACHMENT in self.reasons:
            return Status.SUSPENDUE
        return _LEADS.get(self.event)


def told(folder: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a folder that tell of statuses, by name."""
    return {name: body for name, body in folder.items() if name.startswith(_TOLD)}


def messages(payload: bytes) -> tuple[bytes, ...]:
    """Return the messages of one file: those of a tar.gz, or the one that it is."""
    return messages_in(payload) or (payload,)


def read_words(reader: Party, files: Mapping[str, bytes]) -> Iterator[Word]:
    """Yield what files tell a partner, each message as the partner's own system reads it."""
    for name, payload in sorted(files.items()):
        for message in messages(payload):
            yield from _of_json(message) if name.endswith(".json") else _of_xml(reader, message)


def _of_json(payload: bytes) -> Iterator[Word]:
    for one in json.loads(payload).get("statuses", ()):
        yield Word(
            number=one["number"],
            event=Event(one["event"]),
            at=datetime.fromisoformat(one["said_at"]),
            reasons=tuple(one["reasons"]),
            status=Status(one["status"]),
        )


def _of_xml(reader: Party, payload: bytes) -> Iterator[Word]:
    root = parse(payload, Limits())
    if root.tag == cdar.ROOT:
        yield from _words([read_cdar(cdar.read(root), "")])
        return
    numbering = Numbering.N2 if reader.speech is Speech.N2 else Numbering.N1
    yield from _words(read_statut(cpp_status.read(root), numbering, ""))


def _words(sayings: Iterable[Saying]) -> Iterator[Word]:
    for one in sayings:
        if one.event is None:
            continue
        events = [
            event for event, words in AS_TAKEN_IN_CHARGE.items() if words in one.given.comment
        ]
        event = events[0] if one.event is Event.TAKE_IN_CHARGE and events else one.event
        yield Word(number=one.number, event=event, at=one.said_at, reasons=one.given.reasons)


def view(words: Iterable[Word]) -> dict[str, Status]:
    """Return where each invoice stands, by number, for somebody who knows these words.

    Words count in the order in which they were said, whatever order they were read in.
    """
    found: dict[str, Status] = {}
    for word in sorted(words, key=lambda one: one.at.replace(microsecond=0)):
        after = word.leads_to
        # a second deposit is the same invoice's
        again = word.event is Event.DEPOSIT and word.number in found
        if after is not None and not again:
            found[word.number] = after
    return found


def invoices_of(folder: Mapping[str, bytes]) -> Iterator[tuple[str, Event]]:
    """Yield each invoice among files, pivots and UBL: its number, and how it came.

    A pivot says of an invoice that was there before why it comes again.
    """
    for name, payload in folder.items():
        if name.startswith(_PIVOT) or name.endswith(".xml"):
            root = parse(payload, WIDE)
            completed = Resubmission.COMPLETED.value in _texts(root, _AGAIN)
            event = Event.COMPLETE if completed else Event.MAKE_AVAILABLE
            yield from ((one, event) for path in _NUMBERS for one in _texts(root, path))


def _texts(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path)
    return [str(one) for one in found] if isinstance(found, list) else []
