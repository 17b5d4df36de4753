"""What every answer says, whatever its format: counts, amounts and one plain sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, FlowOutcome
from pipeline.model.amount import exact_sum, is_usable, signed_total
from pipeline.model.connection import Environment
from pipeline.model.controls import CONTROL, first_by_step
from pipeline.model.document import Document
from pipeline.model.interface import Carries
from pipeline.model.status import InterchangeStep, Step


class Bucket(Enum):
    """What became of one document, in the sender's eyes; each document is in exactly one."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    HELD = "held"


#: A delivery that was abandoned is the hub's trouble: the invoice stays accepted. A document
#: that is not judged yet waits, like one that is held.
BUCKET: Mapping[Step, Bucket] = {
    Step.RECEIVED: Bucket.HELD,
    Step.HELD: Bucket.HELD,
    Step.ACCEPTED: Bucket.ACCEPTED,
    Step.ROUTED: Bucket.ACCEPTED,
    Step.DELIVERED: Bucket.ACCEPTED,
    Step.ABANDONED: Bucket.ACCEPTED,
    Step.TRIED: Bucket.ACCEPTED,
    Step.REJECTED: Bucket.REJECTED,
    Step.DUPLICATE: Bucket.DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals with VAT of one currency.

    Attributes:
        currency: As written (BT-5); None where it could not be read.
        amounts: Sum by bucket, credit notes taken off; every bucket is there.
    """

    currency: str | None
    amounts: Mapping[Bucket, Decimal]


def bucket(document: Document) -> Bucket:
    """Return what became of `document`."""
    return BUCKET[document.step]


def counts(documents: Iterable[AnsweredDocument]) -> Mapping[Bucket, int]:
    """Count documents by bucket; every bucket is there."""
    found = Counter(bucket(one.document) for one in documents)
    return {each: found[each] for each in Bucket}


def totals(documents: Iterable[AnsweredDocument]) -> tuple[Totals, ...]:
    """Sum the totals with VAT (BT-112) by currency, in its alphabetical order.

    A total that could not be read, or that is no amount of this world, is left out:
    such a document is refused for it and shown as such.
    """
    sums: dict[str, dict[Bucket, Decimal]] = {}
    for one in documents:
        amount = signed_total(one.document)
        if amount is None:
            continue
        currency = one.document.header.currency or ""
        by_bucket = sums.setdefault(currency, {each: Decimal(0) for each in Bucket})
        kind = bucket(one.document)
        by_bucket[kind] = exact_sum((by_bucket[kind], amount))
    return tuple(Totals(currency or None, sums[currency]) for currency in sorted(sums))


def amount_text(amount: Decimal | None) -> str | None:
    """Write an amount out in full, as it was written; None where it is no usable amount.

    >>> amount_text(Decimal("-1E+3")), amount_text(Decimal("12.50")), amount_text(Decimal("NaN"))
    ('-1000', '12.50', None)
    """
    return None if amount is None or not is_usable(amount) else format(amount, "f")


def is_irrecevable(facts: AnswerFacts) -> bool:
    """Tell whether the flow as a whole was refused, so that nothing of it was taken."""
    refused = facts.interchange.step is InterchangeStep.REFUSED
    return refused or facts.outcome is FlowOutcome.DUPLICATE


def sentence(facts: AnswerFacts) -> Mapping[str, str]:
    """Say in one sentence what became of a flow that is judged or held.

    Raises:
        ValueError: It is held without a moment by which the final answer is due: our bug.
    """
    if facts.interchange.environment is Environment.PRODUCTION:
        return _said(facts)
    said = _said(facts)
    return {
        "fr": f"Qualification : rien de ce flux ne compte. {said['fr']}{_untold(facts)['fr']}",
        "en": f"Qualification: nothing of this flow counts. {said['en']}{_untold(facts)['en']}",
    }


def _untold(facts: AnswerFacts) -> Mapping[str, str]:
    """Say how many documents went to nobody; nothing where all have a recipient."""
    tried = sum(one.document.step is Step.TRIED for one in facts.documents)
    if not tried:
        return {"fr": "", "en": ""}
    s = "s" if tried > 1 else ""
    return {
        "fr": f" {tried} facture{s} jugée{s} sans être remise{s} : le destinataire n'a pas de"
        " fiche de qualification.",
        "en": f" {tried} invoice{s} judged and not delivered: the recipient has no qualification"
        " sheet.",
    }


def _said(facts: AnswerFacts) -> Mapping[str, str]:
    if facts.outcome is FlowOutcome.HELD:
        return _held(facts)
    if facts.outcome is FlowOutcome.DUPLICATE:
        return {
            "fr": "Flux déjà reçu : rien de nouveau n'a été intégré.",
            "en": "Flow already received: nothing new was taken in.",
        }
    if is_irrecevable(facts):
        return _irrecevable(facts)
    if facts.correction is not None:
        return _corrected(facts, facts.correction.number)
    return _recevable(facts)


def moment(at: datetime) -> Mapping[str, str]:
    """Return a moment in words, always UTC and saying so."""
    utc = at.astimezone(UTC)
    return {
        "fr": utc.strftime("%d/%m/%Y à %H:%M:%S UTC"),
        "en": utc.strftime("%Y-%m-%d at %H:%M:%S UTC"),
    }


def _held(facts: AnswerFacts) -> Mapping[str, str]:
    if facts.final_by is None:
        raise ValueError("an interim notice says when the final answer is due")
    due, digest = moment(facts.final_by), facts.interchange.sha256
    return {
        "fr": f"Flux reçu intact, contrôle en cours : ne le renvoyez pas. Réponse définitive au "
        f"plus tard le {due['fr']}. SHA-256 : {digest}.",
        "en": f"Flow received intact, being checked: do not send it again. Final answer by "
        f"{due['en']} at the latest. SHA-256: {digest}.",
    }


def _irrecevable(facts: AnswerFacts) -> Mapping[str, str]:
    codes = list(dict.fromkeys(reason.code for reason in first_by_step(facts.reasons)))
    labels = {
        key: mark.join(CONTROL[code].label[key] for code in codes)
        for key, mark in (("fr", " ; "), ("en", "; "))
    }
    return {
        "fr": f"Flux irrecevable, rien n'a été intégré. Motif : {labels['fr']}.",
        "en": f"Flow refused as a whole, nothing was taken in. Reason: {labels['en']}.",
    }


def _corrected(facts: AnswerFacts, number: int) -> Mapping[str, str]:
    stands = _recevable(facts)
    return {
        "fr": f"Réponse n° {number}, qui remplace la précédente. {stands['fr']}",
        "en": f"Answer no. {number}, which replaces the one before. {stands['en']}",
    }


def _recevable(facts: AnswerFacts) -> Mapping[str, str]:
    if facts.about is not Carries.INVOICES:
        return {"fr": "Flux pris en compte en entier.", "en": "Flow taken into account in full."}
    total = len(facts.documents)
    taken = counts(facts.documents)[Bucket.ACCEPTED]
    s = "s" if taken > 1 else ""
    if facts.outcome is FlowOutcome.ACCEPTED:
        return {
            "fr": f"Flux accepté en entier : {taken} facture{s}.",
            "en": f"Flow accepted in full: {taken} invoice{s}.",
        }
    if facts.outcome is FlowOutcome.PARTLY_ACCEPTED:
        return {
            "fr": f"Flux intégré en partie : {taken} facture{s} acceptée{s} sur {total}.",
            "en": f"Flow taken in part: {taken} of {total} invoices accepted.",
        }
    return {
        "fr": f"Flux recevable, mais aucune facture acceptée sur {total}.",
        "en": f"Flow readable, but none of its invoices accepted ({total} in all).",
    }
