"""What partners find in their folders, and how each of them then sees its invoices."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pipeline.acknowledge.platform import messages_in
from pipeline.entry.two_months.parties import Party, Speech
from pipeline.lifecycle.inbound import read_cdar
from pipeline.model.life import STATUS_WORDS, Event, Numbering, Saying, Status
from pipeline.model.life_reasons import MISSING_ATTACHMENT
from pipeline.model.life_table import MOVES
from pipeline.model.limits import WIDE, Limits
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.parse import parse
from pipeline.syntax.pivot_subject import Resubmission
from pipeline.syntax.status_codes import AS_TAKEN_IN_CHARGE, VALIDATION_N2, event_of_number

#: How files that tell of statuses are named: CPPStatut, CDAR, JSON.
_TOLD = ("FEN1200A_", "FEN1204A_", "FEN4000A_", "FEN4001A_", "statuses-")
#: How files with invoices begin that bear no suffix.
_UNNAMED = ("FEN0036A_", "FEN3036A_")
#: Where an invoice's number stands in a pivot and in UBL.
_PIVOT_ROOT = "CPPFacturePivot"
_IN_PIVOT, _IN_UBL = ".//DonneesFacture/Id", "{*}ID"
#: Why an invoice of a pivot comes again.
_AGAIN = ".//DonneesFacture/Renvoi"
#: Where an event leads; validations, which lead to several places, are read by these.
_LEADS: Mapping[Event, Status] = MappingProxyType(
    {move.event: move.after for move in MOVES if move.after and move.reason is None}
)
_OF_VALIDATIONS: Mapping[int, Status] = MappingProxyType(
    {number: status for status, number in VALIDATION_N2.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One status of one invoice, as somebody said or read it.

    Attributes:
        number: BT-1.
        status: Where the invoice stands then.
        at: When, as it was said (aware).
    """

    number: str
    status: Status
    at: datetime


def leads_to(event: Event, reasons: Collection[str] = ()) -> Status | None:
    """Return where an event leads an invoice; None where it leaves it."""
    if event is Event.REJECT and MISSING_ATTACHMENT in reasons:
        return Status.SUSPENDUE
    return _LEADS.get(event)


#: What the words of a CDAR call a status of a validation.
_BY_WORDS: Mapping[str, Status] = MappingProxyType(
    {
        words: status
        for status, (words, _) in STATUS_WORDS.items()
        if status in VALIDATION_N2 or status not in _LEADS.values()
    }
)


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
            status=Status(one["status"]),
            at=datetime.fromisoformat(one["said_at"]),
        )


def _of_xml(reader: Party, payload: bytes) -> Iterator[Word]:
    root = parse(payload, Limits())
    if root.tag == cdar.ROOT:
        one = read_cdar(cdar.read(root), "")
        status = _clear(one) or (one.event and leads_to(one.event))
        if status:
            yield Word(number=one.number, status=status, at=one.said_at)
        return
    numbering = Numbering.N2 if reader.speech is Speech.N2 else Numbering.N1
    for each in cpp_status.read(root).invoices:
        of_validation = _OF_VALIDATIONS.get(each.status) if numbering is Numbering.N2 else None
        event = event_of_number(each.status, numbering)
        status = of_validation or (event and leads_to(event))
        if status:
            yield Word(number=each.number, status=status, at=each.at)


def _clear(one: Saying) -> Status | None:
    """Return what the words of a CDAR say that its code, which stands for several, does not."""
    comment = one.given.comment
    for event, words in AS_TAKEN_IN_CHARGE.items():
        if one.event is Event.TAKE_IN_CHARGE and words in comment:
            return leads_to(event)
    told = re.match(r"(?P<status>[^(:]+?)( \([A-Z_ ]+\))? :", comment)
    return _BY_WORDS.get(told["status"]) if told else None


def view(words: Iterable[Word]) -> dict[str, Status]:
    """Return where each invoice stands, by number, for somebody who knows these words.

    Words count in the order in which they were said, whatever order they were read in.
    """
    found: dict[str, Status] = {}
    for word in sorted(words, key=lambda one: one.at.replace(microsecond=0)):
        # that it was deposited is told by the answer to its flow, which may come last
        if word.status is not Status.DEPOSEE or word.number not in found:
            found[word.number] = word.status
    return found


def invoices_of(folder: Mapping[str, bytes]) -> Iterator[tuple[str, Status]]:
    """Yield each invoice among files, pivots and UBL: its number, and where it stands then.

    A pivot says of an invoice that was there before why it comes again.
    """
    for name, payload in folder.items():
        if name.startswith(_UNNAMED) or name.endswith(".xml"):
            root = parse(payload, WIDE)
            completed = root.findtext(_AGAIN) == Resubmission.COMPLETED.value
            status = Status.COMPLETEE if completed else Status.MISE_A_DISPOSITION
            found = root.iterfind(_IN_PIVOT if root.tag == _PIVOT_ROOT else _IN_UBL)
            yield from ((one.text or "", status) for one in found)
