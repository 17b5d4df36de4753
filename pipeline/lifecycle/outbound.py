"""Statuses for those who have to hear of them, and refused ones for those who said them.

======================  ==========================================================
addressee               file
======================  ==========================================================
historical supplier     CPPStatut, invoice branch, one status an invoice
platform, public sender one CDAR a status, packed into one tar.gz
free names              JSON
======================  ==========================================================

A status that a form has no word for is not told in it: AFNOR's own words in a CPPStatut, the
acts of a supplier that are no business of its recipient.

Source:
    DSE FE – Chorus Pro v1.0 §4.2.1.1, §5.4.2; A7 v1.8 P1.14 (one status of one object).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.connection import Connection, Role
from pipeline.model.identity import derived
from pipeline.model.life import STATUS_WORDS, Actor, Circuit, Entry, Event, Numbering, Status
from pipeline.model.life_reasons import NEAREST, REASONS, UNCODED, present_name
from pipeline.model.life_step import is_stopped
from pipeline.model.life_table import WAITS
from pipeline.model.names import flow_name
from pipeline.model.report import RoutingHeader
from pipeline.model.telling import Refusal, StatusNews, Telling
from pipeline.syntax.cdar import (
    BUYER,
    INVOICE_TYPES,
    MATRICULE,
    NO_DATE,
    PLATFORM,
    RECEIVED,
    REPRESENTATIVE,
    SELLER,
    SIREN,
    SIRET,
    TRANSMISSION,
    Attachment,
    Cdar,
    Characteristic,
    Detail,
    Party,
    write,
)
from pipeline.syntax.characters import shorten
from pipeline.syntax.cpp_parties import Envelope
from pipeline.syntax.cpp_status import (
    ErrorLine,
    FactureStatus,
    FlowState,
    FluxStatus,
    StatusMessage,
)
from pipeline.syntax.cpp_status import write as write_statut
from pipeline.syntax.status_codes import AS_TAKEN_IN_CHARGE, CODES, VALIDATION_N2, cdar_code
from pipeline.syntax.told_parties import buyer_of, debtor_of, seller_of, supplier_of

#: Statuses told in one file; more of them make more files.
MOST = 1_000
#: Name and version of the JSON's shape.
SCHEMA = "edi-statuses/1"
#: What a partner's status is refused with, and the code that the rules list for it.
_REFUSED, _REFUSED_LABEL, _REFUSED_REASON = 601, "Rejeté", "AUTRE"
#: What is about a validation, and the circuits of sub-contractors.
_VALIDATIONS = frozenset({Event.VALIDATE, Event.REFUSE, Event.LAPSE})
_SUBCONTRACTED = frozenset({Circuit.SUBCONTRACT, Circuit.SUBCONTRACT_TWICE})
#: Limits: MDT-87, names, MDT-114, MDT-126; complement of a CPPStatut.
_REFERENCE, _NAME, _REASON, _NOTE, _COMPLEMENT = 100, 150, 250, 2_000, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Pens:
    """What statuses are written with.

    Attributes:
        statut: Compiled ``CPPStatut-V1_19.xsd``.
        cdar: Compiled CDAR D22B schema.
        matricule: The four digits that name us among platforms.
        pack: Packs named payloads into one tar.gz, always the same bytes.
    """

    statut: etree.XMLSchema
    cdar: etree.XMLSchema
    matricule: str
    pack: Callable[[Iterable[tuple[str, bytes]]], bytes]


def has_word(entry: Entry, addressee: Connection, codes: Sequence[str], *, cdar: bool) -> bool:
    """Tell whether a line of a history can be told in the form that an addressee reads.

    Args:
        entry: The line.
        addressee: Its sheet.
        codes: Statuses that the interface may carry; empty for all.
        cdar: Whether it reads CDAR, and not CPPStatut.
    """
    if not cdar:
        return _number(entry, addressee.statuses.numbering) is not None
    code = cdar_code(said_event(entry)).cdar
    return code is not None and (not codes or str(code) in codes)


def said_event(entry: Entry) -> Event:
    """Return what is told of a line, in the words that a form has.

    A reject that became a suspension is told as such. A validator's word is told by what comes
    of it: a refusal that stops an invoice is a reject; of a sub-contractor's, which goes on all
    the same, it is told as an approval in part (DSE §4.2.1.1).
    """
    if entry.event is Event.REJECT and entry.after is Status.SUSPENDUE:
        return Event.SUSPEND
    if entry.asked is None or entry.event not in _VALIDATIONS:
        return entry.event
    circuit = entry.asked.circuit
    if entry.event is Event.REFUSE and is_stopped(entry.after, circuit):
        return Event.REJECT
    if circuit in _SUBCONTRACTED:
        return Event.APPROVE_PARTLY if entry.event is Event.REFUSE else Event.APPROVE
    return entry.event


def write_news(
    news: StatusNews, *, next_number: Callable[[str], int], pens: Pens
) -> tuple[AnswerFile, ...]:
    """Write statuses, or the refusal of some, in the form that the addressee reads.

    Args:
        news: What may be said; every telling has a word in that form.
        next_number: Takes the next number of a series, from 1; once a file.
        pens: What it is written with.

    Returns:
        The files; none where there is nothing to say.

    Raises:
        ValueError: What was written breaks its schema: our bug.
    """
    parts = [news.tellings[at : at + MOST] for at in range(0, len(news.tellings), MOST)]
    files = [_write_part(news, part, next_number, pens) for part in parts]
    if news.refusals:
        files.append(_write_refusals(news, next_number, pens))
    return tuple(files)


def _write_part(
    news: StatusNews, part: Sequence[Telling], next_number: Callable[[str], int], pens: Pens
) -> AnswerFile:
    if news.interface is None:
        ids = [one.entry.id for one in part]
        name = f"statuses-{derived(news.addressee.name, *ids)}.json"
        return AnswerFile(name, _json([_object(one) for one in part], news))
    name, identifier = _flow(news, next_number)
    if news.interface.form != "CDAR":
        invoices = tuple(_facture(one, news.addressee.statuses.numbering) for one in part)
        message = StatusMessage(envelopes=(_envelope(news, identifier),), invoices=invoices)
        return AnswerFile(name, write_statut(message, pens.statut))
    members = []
    for place, one in enumerate(part, 1):
        message_id = f"{identifier}-{place:04d}"
        payload = write(_message(news, one, message_id, pens), pens.cdar)
        members.append((f"{message_id}.xml", payload))
    return AnswerFile(name, pens.pack(members))


def _flow(news: StatusNews, next_number: Callable[[str], int]) -> tuple[str, str]:
    """Take the next name, and its last twenty-five characters."""
    application = news.addressee.application_code
    if news.interface is None or application is None:
        raise ValueError("statuses of this family are named after an application code")
    code = news.interface.code
    name = flow_name(code, application, news.hub_code, next_number(f"{news.hub_code}:{code}"))
    return name, name.rpartition("_")[2]


def _envelope(news: StatusNews, identifier: str) -> Envelope:
    receiver = news.addressee.application_code or ""
    return Envelope.of(identifier, news.at, receiver=receiver, sender=news.hub_code)


# -- CPPStatut
def _number(entry: Entry, numbering: Numbering) -> int | None:
    """Return the IdStatut of a line; numbering N1 has none but a reject for validations."""
    if entry.asked is not None and numbering is Numbering.N2 and entry.moved:
        return VALIDATION_N2.get(entry.after) or _coded(entry.event, numbering)
    return _coded(said_event(entry), numbering)


def _coded(event: Event, numbering: Numbering) -> int | None:
    code = CODES.get(event)
    return code.number(numbering) if code else None


def _facture(one: Telling, numbering: Numbering) -> FactureStatus:
    entry, header = one.entry, one.document.header
    number = _number(entry, numbering)
    if number is None:
        raise ValueError(f"{entry.event.value} has no number in {numbering.value}")
    return FactureStatus(
        supplier=supplier_of(header),
        debtor=debtor_of(header),
        status=number,
        complement=" ".join(entry.reasons) or None,
        comment=shorten(entry.comment, _NOTE) or None,
        at=entry.said_at.replace(microsecond=0),
        number=header.number or one.document.name,
        issue_date=header.issue_date,
        producer=_producer(entry, header),
    )


def _producer(entry: Entry, header: RoutingHeader) -> str | None:
    """Return the SIRET of who decided, where that is a recipient or a validator."""
    if entry.actor is Actor.VALIDATOR and entry.asked is not None:
        return entry.asked.validator
    return header.buyer_siret if entry.actor is Actor.RECIPIENT else None


# -- CDAR
def _message(news: StatusNews, one: Telling, ident: str, pens: Pens) -> Cdar:
    entry, header = one.entry, one.document.header
    code = cdar_code(said_event(entry))
    if code.cdar is None:
        raise ValueError(f"a CDAR has no word for {entry.event.value}")
    us = Party(PLATFORM, pens.matricule, MATRICULE)
    return Cdar(
        id=ident,
        name=f"CDV-{code.cdar} {code.label}",
        issued_at=news.at,
        sender=us,
        issuer=us if code.phase == TRANSMISSION else _issuer(entry, header),
        recipients=(_addressee(news.addressee, header),),
        phase=code.phase,
        set_at=entry.said_at,
        reference=shorten(header.number or one.document.name, _REFERENCE),
        transmission=code.transmission,
        type_code=header.type_code if header.type_code in INVOICE_TYPES else None,
        flow=shorten(one.flow.name, _NAME),
        received_at=one.flow.received_at,
        attachments=tuple(
            Attachment(payload=file.payload, mime=file.mime, name=file.name) for file in one.files
        ),
        issue_date=header.issue_date or NO_DATE,
        status=code.cdar,
        label=code.label,
        seller=seller_of(header),
        buyer=buyer_of(header),
        details=tuple(_details(entry)),
    )


def _issuer(entry: Entry, header: RoutingHeader) -> Party:
    """Name who decided: seller, validator, or the buyer, by its SIRET if it has one."""
    if entry.asked is not None and entry.actor in {Actor.VALIDATOR, Actor.CLOCK}:
        return Party(REPRESENTATIVE, entry.asked.validator, SIRET)
    if entry.actor is Actor.SUPPLIER:
        return Party(SELLER, header.seller_siren, SIREN, _short(header.seller_name))
    if header.buyer_siret:
        return Party(BUYER, header.buyer_siret, SIRET, _short(header.buyer_name))
    return Party(BUYER, header.buyer_siren, SIREN, _short(header.buyer_name))


def _short(name: str | None) -> str | None:
    return shorten(name, _NAME) if name else None


def _addressee(sheet: Connection, header: RoutingHeader) -> Party:
    """Name who reads it: a platform by its matricule, another by who it is in the invoice."""
    name = shorten(sheet.partner, _NAME)
    if sheet.matricule is not None:
        return Party(PLATFORM, sheet.matricule, MATRICULE, name)
    if sheet.role is Role.SENDER:
        siren = sheet.siren or header.seller_siren
        if siren:
            return Party(SELLER, siren, SIREN, name, siren)
    elif header.buyer_siren:
        address = header.buyer_endpoint or header.buyer_siren
        return Party(BUYER, header.buyer_siren, SIREN, name, address)
    return Party(PLATFORM, None, None, name)


def _details(entry: Entry) -> Iterator[Detail]:
    """Say why and how much, with the words that make a common code clear."""
    event = said_event(entry)
    reasons = [_reason_told(code, event) for code in entry.reasons]
    if not reasons and event in UNCODED and cdar_code(event).cdar is not None:
        reasons = [UNCODED[event]]
    note = " ".join(filter(None, (*_clear(entry, event), entry.comment)))
    figures = tuple(
        Characteristic(code=RECEIVED, amount=one.amount, currency=one.currency, percent=one.rate)
        for one in entry.cash
    )
    if not (reasons or note or figures):
        return
    first: str | None = reasons[0] if reasons else None
    yield Detail(
        sequence=1,
        reason=first,
        text=None if entry.reasons or first is None else "Motif donné en clair",
        note=shorten(note, _NOTE) or None,
        characteristics=figures,
    )
    for place, code in enumerate(reasons[1:], 2):
        yield Detail(sequence=place, reason=code)


def _reason_told(code: str, event: Event) -> str:
    """Return the code of a reason that the rules list for an event."""
    present = present_name(code, event)
    listed = REASONS.get(event, frozenset({present}))
    if present in listed:
        return present
    nearest = NEAREST.get(present, "")
    return nearest if nearest in listed else UNCODED[event]


def _clear(entry: Entry, event: Event) -> Iterator[str]:
    """Yield the words that make clear which case a common code stands for."""
    yield AS_TAKEN_IN_CHARGE.get(event, "")
    if entry.asked is not None and entry.event in _VALIDATIONS:
        codes = " ".join(entry.reasons)
        yield f"{STATUS_WORDS[entry.after][0]}{f' ({codes})' if codes else ''} :"


# -- refusals
def _write_refusals(news: StatusNews, next_number: Callable[[str], int], pens: Pens) -> AnswerFile:
    if news.source is None:
        raise ValueError("refusals of no flow")
    if news.interface is None:
        name = f"statuses-refused-{news.source.id}.json"
        return AnswerFile(name, _json([_refused_object(one) for one in news.refusals], news))
    name, identifier = _flow(news, next_number)
    if news.interface.form != "CDAR":
        return AnswerFile(name, write_statut(_partly(news, identifier), pens.statut))
    members = []
    for place, one in enumerate(news.refusals, 1):
        message_id = f"{identifier}-{place:04d}"
        payload = write(_refused(news, one, message_id, pens), pens.cdar)
        members.append((f"{message_id}.xml", payload))
    return AnswerFile(name, pens.pack(members))


def _partly(news: StatusNews, identifier: str) -> StatusMessage:
    """Say which statuses of a flow were not taken: one line each."""
    lines = tuple(
        ErrorLine(
            nature=shorten(f"Facture {one.saying.number}", _NAME),
            code=one.code,
            label=f"Statut {one.saying.status} non pris en compte",
            description=shorten(f"{one.saying.place} : {one.fr}", _NOTE),
        )
        for one in news.refusals
    )
    flow = FluxStatus(
        status=FlowState.PARTLY_INTEGRATED,
        complement=shorten(f"{len(lines)} statut(s) non pris en compte", _COMPLEMENT),
        comment="Les autres statuts de ce flux sont pris en compte.",
        at=news.at.replace(microsecond=0),
        flow_id=news.source.name.rpartition("_")[2] if news.source else "",
        errors=lines,
    )
    return StatusMessage(envelopes=(_envelope(news, identifier),), flows=(flow,))


def _refused(news: StatusNews, one: Refusal, ident: str, pens: Pens) -> Cdar:
    """Say that one message of theirs changes nothing, and why."""
    us, saying = Party(PLATFORM, pens.matricule, MATRICULE), one.saying
    received = news.source.received_at if news.source else news.at
    return Cdar(
        id=ident,
        name=f"CDV-{_REFUSED} {_REFUSED_LABEL}",
        issued_at=news.at,
        sender=us,
        issuer=us,
        recipients=(_addressee(news.addressee, RoutingHeader()),),
        set_at=news.at,
        reference=shorten(saying.message or saying.number, _REFERENCE),
        received_at=received,
        issue_date=saying.said_at.date(),
        status=_REFUSED,
        label=_REFUSED_LABEL,
        seller=Party(SELLER, saying.seller[:9] or "0" * 9, SIREN),
        details=(
            Detail(
                sequence=1,
                reason=_REFUSED_REASON,
                text=shorten(f"{one.code} : statut {saying.status} non pris en compte", _REASON),
                note=shorten(one.fr, _NOTE),
                subject="MDT-87",
            ),
        ),
    )


# -- JSON
def _json(objects: Sequence[Mapping[str, object]], news: StatusNews) -> bytes:
    key = "refused" if news.refusals and not news.tellings else "statuses"
    body = {"schema": SCHEMA, "at": news.at.isoformat(timespec="seconds"), key: objects}
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()


def _object(one: Telling) -> Mapping[str, object]:
    entry, header = one.entry, one.document.header
    fr, en = STATUS_WORDS[entry.after]
    return {
        "number": header.number,
        "issue_date": header.issue_date.isoformat() if header.issue_date else None,
        "seller": header.seller_siren or header.seller_vat or header.seller_name,
        "event": entry.event.value,
        "status": entry.after.value,
        "words": {"fr": fr, "en": en},
        "by": entry.actor.value,
        "said_at": entry.said_at.isoformat(timespec="seconds"),
        "reasons": list(entry.reasons),
        "comment": entry.comment,
        "cash": [
            {"amount": str(one.amount), "rate": str(one.rate), "currency": one.currency}
            for one in entry.cash
        ],
        "validator": entry.asked.validator if entry.asked else None,
        "deadline": _deadline(entry),
        "document": one.document.id,
        "flow": one.flow.name,
    }


def _deadline(entry: Entry) -> str | None:
    """Return until when a validator has, while it is asked."""
    if entry.asked is None or entry.after not in WAITS:
        return None
    return entry.asked.deadline.isoformat(timespec="seconds")


def _refused_object(one: Refusal) -> Mapping[str, object]:
    saying = one.saying
    return {
        "number": saying.number,
        "seller": saying.seller,
        "status": saying.status,
        "place": saying.place,
        "code": one.code,
        "message": {"fr": one.fr, "en": one.en},
    }
