"""Same business key again: a duplicate, refused, or an invoice that comes back put right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pipeline.model.comeback import COMES_BACK, Beside, Change, Changes, Comeback, Holder
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId
from pipeline.model.labels import LABELS
from pipeline.model.life import STATUS_WORDS, Actor, Event, Life, Status
from pipeline.model.life_step import ROUTING_TERMS, Refused, step

#: Differing terms that an answer names.
MOST_TERMS = 20
_SERVICE = ("code service du destinataire", "recipient's service")
_PAPER = ("pièce jointe", "attachment")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A document whose key is held already.

    Attributes:
        first: The document that holds it.
        decision: What becomes of it.
        comeback: What it does to the invoice, where it is accepted.
    """

    first: DocumentId
    decision: Decision
    comeback: Comeback | None = None


def find_duplicates(
    documents: Iterable[Document],
    holders: Mapping[BusinessKey, Holder],
    others: Collection[DocumentId] = (),
    beside: Mapping[DocumentId, Beside] | None = None,
) -> dict[DocumentId, Repeat]:
    """Find documents whose key is held already, or by an earlier one of the same flow.

    Args:
        documents: Candidates for acceptance, in order of arrival.
        holders: What holds each key.
        others: Those holders that other partners sent: of these the answer says no more
            than that they are there.
        beside: By document what it changes of the invoice that its number is of, where that
            invoice may come back; or why that is not known.

    Returns:
        For each one found the document that was first, and the decision: accepted where it
        puts right or completes a returned invoice, duplicate where the bytes are the same,
        else rejected.
    """
    first = dict(holders)
    found: dict[DocumentId, Repeat] = {}
    for document in documents:
        key = document.business_key
        if key is None:
            continue
        held = first.setdefault(key, Holder(document=document, bearer=document))
        if document.id in {held.document.id, held.bearer.id}:
            continue
        told = held.document.id not in others
        repeat = _repeat(document, key, held, (beside or {}).get(document.id), told=told)
        found[document.id] = repeat
        if repeat.comeback is not None:  # of one invoice one comes back at a time
            first[key] = Holder(document=document, bearer=document)
    return found


def may_come_back(document: Document, held: Holder) -> bool:
    """Tell whether what a document changes of the invoice under its number decides on it."""
    return (
        held.life is not None
        and held.life.status in COMES_BACK
        and document.id not in {held.document.id, held.bearer.id}
        and document.sha256 not in {held.document.sha256, held.bearer.sha256}
    )


def _repeat(
    document: Document, key: BusinessKey, held: Holder, beside: Beside | None, *, told: bool
) -> Repeat:
    """Decide on one document under a taken number."""
    life = held.life
    if told and life is not None and may_come_back(document, held):
        return _come_back(document, held, life, beside)
    same = document.sha256 in {held.document.sha256, held.bearer.sha256}
    if told and not same and life is not None and life.status is Status.REJETEE:
        return Repeat(held.document.id, _rejected_before(document, key))
    return Repeat(held.document.id, _duplicate(document, key, held, same=same, told=told))


def _come_back(document: Document, held: Holder, life: Life, beside: Beside | None) -> Repeat:
    """Hold what a deposit changes against what its supplier may change now."""
    if isinstance(beside, Reason):
        return Repeat(held.document.id, Decision(Verdict.HOLD, (beside,)))
    if beside is None or beside.bearer != life.bearer:
        raise ValueError(f"{document.id} was not held against {life.bearer}")
    event = COMES_BACK[life.status]
    said = step(life.status, event, Actor.SUPPLIER, beside.given)
    if isinstance(said, Refused):
        return Repeat(held.document.id, _more_changed(document, life, event, beside, said))
    comeback = Comeback(invoice=held.document.id, event=event, changes=beside)
    return Repeat(held.document.id, Decision(Verdict.ACCEPT), comeback)


def _more_changed(
    document: Document, life: Life, event: Event, changes: Changes, said: Refused
) -> Decision:
    """Refuse a deposit that changes what may not be, or nothing; show each differing term."""
    fr, en = STATUS_WORDS[life.status]
    allowed = ROUTING_TERMS if event is Event.RESEND else frozenset[str]()
    wrong = [one for one in changes.changed if one.term not in allowed]
    more = f" (+{len(wrong) - MOST_TERMS})" if len(wrong) > MOST_TERMS else ""
    why = reason(
        "RETURN_CHANGED",
        document.name,
        f"facture {document.header.number} « {fr} » : {said.fr}{more}",
        f"invoice {document.header.number} '{en}': {said.en}{more}",
    )
    return Decision(Verdict.REJECT, (why, *(_told(document, one) for one in wrong[:MOST_TERMS])))


def _told(document: Document, one: Change) -> Reason:
    fr, en = _label(one)
    return reason(
        "RETURN_CHANGED",
        f"{document.name} {one.place}",
        f"{fr} : trouvé « {one.found or 'rien'} », attendu « {one.expected or 'rien'} »",
        f"{en}: found '{one.found or 'nothing'}', expected '{one.expected or 'nothing'}'",
    )


def _label(one: Change) -> tuple[str, str]:
    if one.term == "BG-24":
        return _PAPER
    if one.term.endswith("-SERVICE"):
        return _SERVICE
    label = LABELS.get(one.term)
    return (label.fr, label.en) if label else ("donnée hors norme", "no term of the norm")


def _rejected_before(document: Document, key: BusinessKey) -> Decision:
    """Refuse a document under the number of an invoice that its recipient rejected."""
    return Decision(
        Verdict.REJECT,
        (
            reason(
                "RETURN_REJECTED",
                f"{document.name} BT-1",
                f"facture {key.number} de {key.seller} pour {key.year} : rejetée par son"
                " destinataire ; rien ne peut être renvoyé sous ce numéro ; attendu : un numéro"
                f" nouveau, qui nomme {key.number} en BT-25",
                f"invoice {key.number} of {key.seller} for {key.year}: rejected by its"
                " recipient; nothing may be sent again under this number; expected: a new"
                f" number, which names {key.number} in BT-25",
            ),
        ),
    )


def _duplicate(
    document: Document, key: BusinessKey, held: Holder, *, same: bool, told: bool
) -> Decision:
    """Refuse a document, naming the first where its sender may be `told` of it."""
    fr = f"({'même' if same else 'autre'} contenu) : document {held.document.id}"
    en = f"({'same' if same else 'other'} content): document {held.document.id}"
    if not told:
        fr = "d'un autre déposant ; adressez-vous à l'exploitant du hub"
        en = "from another sender; ask the hub's operator"
    return Decision(
        Verdict.DUPLICATE if same else Verdict.REJECT,
        (
            reason(
                "DOUBLON",
                f"{document.name} BT-1",
                f"facture {key.number} de {key.seller} pour {key.year} déjà reçue {fr}",
                f"invoice {key.number} of {key.seller} for {key.year} already received {en}",
            ),
        ),
    )
