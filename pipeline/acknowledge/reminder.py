"""Reminders to validators: letters for people, and the same as JSON for their software."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.document import Document
from pipeline.model.identity import derived
from pipeline.model.letter import Letter
from pipeline.model.profile import TIMEZONE

#: Invoices that a reminder names; of more, it tells how many.
_NAMED = 50
_SCHEMA = "edi-reminder/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """Invoices that one validator has to look at until one moment.

    Attributes:
        validator: Its SIRET.
        deadline: Until when (aware).
        days: Days before the end at which this is said; 0 once it is over.
        tacit: Whether they go on by themselves then.
        invoices: The documents, by id.
        more: How many others wait until the same moment.
    """

    validator: str
    deadline: datetime
    days: int
    tacit: bool
    invoices: tuple[Document, ...]
    more: int = 0


def reminder_letter(to: str, reminder: Reminder) -> Letter:
    """Write one letter, in French, then in English."""
    day = reminder.deadline.astimezone(ZoneInfo(TIMEZONE))
    count = len(reminder.invoices) + reminder.more
    when = f"{day:%d/%m/%Y %H:%M}"
    then = _THEN[reminder.tacit]
    over = not reminder.days
    fr = "le délai est dépassé depuis le" if over else "réponse attendue avant le"
    en = "overdue since" if over else "an answer is expected before"
    heads = (
        (
            f"Bonjour,\n\n{count} facture(s) attendent le valideur {reminder.validator} ;"
            f" {fr} {when} (heure de Paris)."
        ),
        (
            f"Hello,\n\n{count} invoice(s) wait for validator {reminder.validator};"
            f" {en} {when} (Paris time)."
        ),
    )
    texts = [
        f"{head}\n\n{_list(reminder)}\n\n{how} {after}"
        for head, how, after in zip(heads, _HOW, then, strict=True)
    ]
    subject = f"EDI {reminder.validator} : {count} facture(s) à valider / invoice(s) to validate"
    return Letter(to, subject, "\n\n-- \n\n".join(texts) + "\n")


#: How to answer, French and English, and what happens without an answer.
_HOW = (
    (
        "Répondez par un flux de statuts, ou par l'exploitant du hub (« edi declare NUMÉRO"
        " validate|refuse --as validator »)."
    ),
    (
        "Answer by a status flow, or through the operator of the hub ('edi declare NUMBER"
        " validate|refuse --as validator')."
    ),
)
_THEN = {
    True: (
        "Sans réponse, elles poursuivent leur chemin vers le destinataire.",
        "Without an answer they go on to their recipient.",
    ),
    False: (
        "Sans réponse, elles n'avancent pas.",
        "Without an answer they do not move.",
    ),
}


def reminder_file(reminder: Reminder) -> AnswerFile:
    """Write the same for software; named by what it says, so that it comes once."""
    body = {
        "schema": _SCHEMA,
        "validator": reminder.validator,
        "deadline": reminder.deadline.isoformat(timespec="seconds"),
        "days": reminder.days,
        "tacit": reminder.tacit,
        "invoices": [_object(one) for one in reminder.invoices],
        "more": reminder.more,
    }
    ident = derived(reminder.validator, reminder.deadline.isoformat(), str(reminder.days))
    payload = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    return AnswerFile(f"reminder-{ident}.json", payload.encode())


def named_in(documents: Sequence[Document]) -> tuple[tuple[Document, ...], int]:
    """Part invoices into those that a reminder names, and how many more there are."""
    return tuple(documents[:_NAMED]), max(len(documents) - _NAMED, 0)


def _list(reminder: Reminder) -> str:
    lines = [f"  {_number(one)}  {one.header.seller_name or ''}" for one in reminder.invoices]
    more = [f"  … (+{reminder.more})"] if reminder.more else []
    return "\n".join(line.rstrip() for line in (*lines, *more))


def _object(one: Document) -> dict[str, object]:
    header = one.header
    return {
        "number": _number(one),
        "seller": header.seller_siren or header.seller_vat or header.seller_name,
        "document": one.id,
    }


def _number(one: Document) -> str:
    return one.header.number or one.name
