"""What becomes of an invoice when something happens to it: the table obeyed, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pipeline.model.life import STATUS_WORDS, Actor, Circuit, Event, Given, Status
from pipeline.model.life_reasons import REASONS, VALIDATOR_REASONS, present_name
from pipeline.model.life_table import (
    ACTIVE,
    LATE,
    MISNAMED,
    MOVES,
    REACHED,
    USUAL_ORDER,
    Doubt,
    Move,
    Need,
)


class Why(Enum):
    """Why an event is refused."""

    NOT_YOURS = "not-yours"  #: nobody in that role may say it
    NOT_NOW = "not-now"  #: not where the invoice stands
    REASON_MISSING = "reason-missing"
    REASON_UNKNOWN = "reason-unknown"
    COMMENT_MISSING = "comment-missing"
    CASH_MISSING = "cash-missing"
    ATTACHMENT_MISSING = "attachment-missing"
    VALIDATOR_MISSING = "validator-missing"
    MORE_CHANGED = "more-changed"
    NOTHING_CHANGED = "nothing-changed"
    NOT_STOPPED = "not-stopped"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where the invoice stands then, and what is unusual about it (codes)."""

    to: Status
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing changes: a code, French and English."""

    code: Why
    fr: str
    en: str


#: Terms that a returned invoice may change: recipient, its service, the engagement.
ROUTING_TERMS = frozenset({"BT-46", "BT-46-SERVICE", "BT-13"})

#: Where an invoice stands that a validator refused.
_REFUSED = frozenset({Status.REFUSEE_1, Status.REFUSEE_2, Status.REFUSEE_MOE, Status.REFUSEE_MOA})
_SIRET_LENGTH = 14
_ROLES = {
    Actor.HUB: ("la plateforme", "the platform"),
    Actor.CLOCK: ("l'horloge", "the clock"),
    Actor.SUPPLIER: ("le fournisseur", "the supplier"),
    Actor.RECIPIENT: ("le destinataire", "the recipient"),
    Actor.VALIDATOR: ("le valideur", "the validator"),
}


def step(
    status: Status | None, event: Event, actor: Actor, given: Given | None = None
) -> Accepted | Refused:
    """Say where an event leads from a status, or why it leads nowhere.

    Args:
        status: Where the invoice stands; None before it was taken.
        event: What happens.
        actor: In whose name.
        given: What comes with it; nothing if left out.

    Returns:
        What the first fitting row of the table says; a refusal names the status found, who
        may say it, or what is missing. What was said late by whoever may say it is noted and
        leaves the invoice where it is.

    >>> step(Status.MISE_A_DISPOSITION, Event.BOOK, Actor.RECIPIENT).to.value
    'COMPTABILISEE'
    >>> step(Status.REJETEE, Event.BOOK, Actor.RECIPIENT).code.value
    'not-now'
    """
    given = given or Given()
    mine = [move for move in MOVES if move.event is event and move.actor is actor]
    fitting = [move for move in mine if _fits(move, given)]
    if not fitting:
        return _not_yours(event, actor)
    here = [move for move in fitting if status in move.before]
    if given.late and status in REACHED:
        late = [move for move in fitting if move.before & ACTIVE]
        if late and status is not None:
            return _missing(late[0], given) or Accepted(status, (LATE,))
    if not here:
        return _not_now(status, event)
    move = here[0]
    refused = _missing(move, given)
    if refused is not None:
        return refused
    after = move.after or status
    if after is None:
        raise ValueError(f"{event.value} leaves an invoice nowhere: a row of the table is wrong")
    return Accepted(after, tuple(doubt.value for doubt in _doubts(move, status, given)))


def onward(status: Status, circuit: Circuit) -> Event | None:
    """Return what the hub does by itself once a validator has answered, or was silent.

    Returns:
        To ask the next validator, or to let it leave; None where it waits or has stopped.

    >>> onward(Status.REFUSEE_1, Circuit.SUBCONTRACT).value
    'route'
    >>> onward(Status.REFUSEE_1, Circuit.COCONTRACT)
    """
    if status in MISNAMED:
        return None  # whoever is asked then has to be named first
    acts = (Event.ASK_SECOND_VALIDATION, Event.ROUTE)
    given = Given(circuit=circuit)
    allowed = (act for act in acts if isinstance(step(status, act, Actor.HUB, given), Accepted))
    return next(allowed, None)


def asking(status: Status, circuit: Circuit) -> Event:
    """Return how the hub asks another validator than the one who was named by mistake.

    >>> asking(Status.ERREUR_COTRAITANT_SUR_VALIDEUR, Circuit.SUBCONTRACT_TWICE).value
    'ask-second-validation'
    """
    second = step(status, Event.ASK_SECOND_VALIDATION, Actor.HUB, Given(circuit=circuit))
    return Event.ASK_SECOND_VALIDATION if isinstance(second, Accepted) else Event.ASK_VALIDATION


def is_stopped(status: Status, circuit: Circuit) -> bool:
    """Tell whether a validator's refusal keeps an invoice from its recipient for good.

    >>> is_stopped(Status.REFUSEE_1, Circuit.COCONTRACT)
    True
    >>> is_stopped(Status.REFUSEE_1, Circuit.SUBCONTRACT)
    False
    """
    return status in _REFUSED and onward(status, circuit) is None


def _fits(move: Move, given: Given) -> bool:
    """Tell whether a row speaks of this circuit, and of these reasons."""
    reasons = {present_name(code, move.event) for code in given.reasons}
    of_circuit = not move.circuits or given.circuit in move.circuits
    return of_circuit and (move.reason is None or move.reason in reasons)


def _not_yours(event: Event, actor: Actor) -> Refused:
    may = sorted({move.actor for move in MOVES if move.event is event}, key=lambda one: one.value)
    role_fr, role_en = _ROLES[actor]
    who_fr = ", ".join(_ROLES[one][0] for one in may)
    who_en = ", ".join(_ROLES[one][1] for one in may)
    return Refused(
        Why.NOT_YOURS,
        f"« {event.value} » ne peut être dit par {role_fr} ; seulement par : {who_fr}",
        f"'{event.value}' may not be said by {role_en}; only by: {who_en}",
    )


def _not_now(status: Status | None, event: Event) -> Refused:
    fr, en = STATUS_WORDS[status] if status else ("non déposée", "not deposited")
    may = {one for move in MOVES if move.event is event for one in move.before if one}
    allowed = [one for one in Status if one in may]
    names_fr = ", ".join(STATUS_WORDS[one][0] for one in allowed) or "non déposée"
    names_en = ", ".join(STATUS_WORDS[one][1] for one in allowed) or "not deposited"
    return Refused(
        Why.NOT_NOW,
        f"la facture est « {fr} » ; attendu pour « {event.value} » : {names_fr}",
        f"the invoice is '{en}'; expected for '{event.value}': {names_en}",
    )


def _missing(move: Move, given: Given) -> Refused | None:
    """Return what is wanting, the first in a fixed order; None if nothing is."""
    return next(_wanting(move, given), None)


def _wanting(move: Move, given: Given) -> Iterator[Refused]:
    """Yield everything that a row asks for and that was not given."""
    if Need.VALIDATOR_REASON in move.needs:
        yield from _reason_fault(move.event, VALIDATOR_REASONS, given, needed=True)
    elif move.event in REASONS:
        allowed = REASONS[move.event]
        yield from _reason_fault(move.event, allowed, given, needed=Need.REASON in move.needs)
    if Need.COMMENT in move.needs and not given.comment.strip():
        yield Refused(
            Why.COMMENT_MISSING,
            f"commentaire absent ; « {move.event.value} » doit être expliqué",
            f"comment missing; '{move.event.value}' has to be explained",
        )
    if Need.CASH in move.needs:
        yield from _cash_fault(given)
    if Need.ATTACHMENT in move.needs:
        yield from _completion_fault(given)
    if Need.ROUTING_ONLY in move.needs:
        yield from _routing_fault(given)
    if Need.VALIDATOR in move.needs and not is_siret(given.validator):
        yield Refused(
            Why.VALIDATOR_MISSING,
            f"valideur « {given.validator[:40]} » ; SIRET attendu : 14 chiffres",
            f"validator '{given.validator[:40]}'; a SIRET is expected: 14 digits",
        )
    if Need.STOPPED in move.needs and not given.stopped:
        yield Refused(
            Why.NOT_STOPPED,
            "sa remise n'est pas arrêtée ; demandez à l'exploitant du hub de la retirer",
            "its delivery is not stopped; ask the hub's operator to withdraw it",
        )


def is_siret(text: str) -> bool:
    """Tell whether a text has the form of a SIRET.

    >>> is_siret("73282932000074"), is_siret("732829320"), is_siret("7328293200007٤")
    (True, False, False)
    """
    return len(text) == _SIRET_LENGTH and text.isascii() and text.isdecimal()


def _reason_fault(
    event: Event, allowed: frozenset[str], given: Given, *, needed: bool
) -> Iterator[Refused]:
    known = ", ".join(sorted(allowed))
    wrong = [code for code in given.reasons if present_name(code, event) not in allowed]
    if wrong:
        yield Refused(
            Why.REASON_UNKNOWN,
            f"motif {wrong[0][:40]} non admis pour « {event.value} » ; admis : {known}",
            f"reason {wrong[0][:40]} not allowed with '{event.value}'; allowed: {known}",
        )
    if needed and not given.reasons and given.coded:
        yield Refused(
            Why.REASON_MISSING,
            f"motif absent ; « {event.value} » demande un de : {known}",
            f"reason missing; '{event.value}' asks for one of: {known}",
        )


def _cash_fault(given: Given) -> Iterator[Refused]:
    rates = [(one.rate, one.currency) for one in given.cash]
    if not rates or len(set(rates)) < len(rates):
        yield Refused(
            Why.CASH_MISSING,
            "un montant encaissé par taux de TVA est attendu (MEN, montant et taux)",
            "one amount received for each VAT rate is expected (MEN, amount and rate)",
        )
    if any(one.amount < 0 for one in given.cash) and not given.comment.strip():
        yield Refused(
            Why.COMMENT_MISSING,
            "un encaissement négatif doit être expliqué par un commentaire",
            "a negative amount received has to be explained by a comment",
        )


def _completion_fault(given: Given) -> Iterator[Refused]:
    if not given.attachments:
        yield Refused(
            Why.ATTACHMENT_MISSING,
            "aucune pièce jointe ; au moins une est attendue pour compléter la facture",
            "no attachment; at least one is expected to complete the invoice",
        )
    if given.changed:
        yield _more_changed(given.changed, "aucune donnée ne peut changer", "no term")


def _routing_fault(given: Given) -> Iterator[Refused]:
    more = given.changed - ROUTING_TERMS
    if more:
        yield _more_changed(
            more,
            "seuls BT-46 (SIRET et service) et BT-13 (engagement) peuvent changer",
            "only BT-46 (SIRET and service) and BT-13 (engagement)",
        )
    if not given.changed:
        yield Refused(
            Why.NOTHING_CHANGED,
            "rien n'est corrigé ; SIRET du destinataire, service ou engagement attendus",
            "nothing is corrected; the recipient's SIRET, service or engagement is expected",
        )


def _more_changed(terms: frozenset[str], fr: str, en: str) -> Refused:
    found = ", ".join(sorted(terms))
    return Refused(
        Why.MORE_CHANGED,
        f"termes modifiés : {found} ; {fr}",
        f"terms changed: {found}; {en} may change",
    )


def _doubts(move: Move, status: Status | None, given: Given) -> Iterator[Doubt]:
    """Yield what is unusual, in the order of the enum."""
    before, after = _usual_place(status), _usual_place(move.after)
    if Doubt.BACKWARDS in move.doubts and after < before:
        yield Doubt.BACKWARDS
    if Doubt.UNANNOUNCED_PAYMENT in move.doubts and not given.tells_payment:
        yield Doubt.UNANNOUNCED_PAYMENT
    if Doubt.AFTER_WORK_BEGAN in move.doubts and before > 0:
        yield Doubt.AFTER_WORK_BEGAN


def _usual_place(status: Status | None) -> int:
    """Return how far along the usual order a status is; 0 for one that is not in it."""
    return USUAL_ORDER.index(status) if status in USUAL_ORDER else 0
