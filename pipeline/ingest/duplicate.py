"""Same business key, other content: the second one is refused, naming the first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Verdict
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId


def find_duplicates(
    documents: Iterable[Document],
    holders: Mapping[BusinessKey, Document],
    others: Collection[DocumentId] = (),
) -> dict[DocumentId, tuple[DocumentId, Decision]]:
    """Find documents whose key is held already, or by an earlier one of the same flow.

    Args:
        documents: Candidates for acceptance, in order of arrival.
        holders: The accepted document that holds each key.
        others: Those holders that other partners sent: of these the answer says no more
            than that they are there.

    Returns:
        For each one found the document that was first, and the decision: duplicate
        where the bytes are the same, rejected where they are not.
    """
    first = dict(holders)
    found: dict[DocumentId, tuple[DocumentId, Decision]] = {}
    for document in documents:
        key = document.business_key
        if key is None:
            continue
        holder = first.setdefault(key, document)
        if holder.id != document.id:
            refusal = _refusal(document, key, holder, told=holder.id not in others)
            found[document.id] = (holder.id, refusal)
    return found


def _refusal(document: Document, key: BusinessKey, holder: Document, *, told: bool) -> Decision:
    """Refuse a document, naming the first where its sender may be `told` of it."""
    same = document.sha256 == holder.sha256
    fr = f"({'même' if same else 'autre'} contenu) : document {holder.id}"
    en = f"({'same' if same else 'other'} content): document {holder.id}"
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
