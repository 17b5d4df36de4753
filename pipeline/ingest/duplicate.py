"""Same business key, other content: the second one is refused, naming the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Verdict
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId


def find_duplicates(
    documents: Iterable[Document], holders: Mapping[BusinessKey, Document]
) -> dict[DocumentId, tuple[DocumentId, Decision]]:
    """Find documents whose key is held already, or by an earlier one of the same flow.

    Args:
        documents: Candidates for acceptance, in order of arrival.
        holders: The accepted document that holds each key.

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
            found[document.id] = (holder.id, _refusal(document, key, holder))
    return found


def _refusal(document: Document, key: BusinessKey, holder: Document) -> Decision:
    same = document.sha256 == holder.sha256
    fr = "même contenu" if same else "autre contenu"
    en = "same content" if same else "other content"
    return Decision(
        Verdict.DUPLICATE if same else Verdict.REJECT,
        (
            reason(
                "DOUBLON",
                f"{document.name} BT-1",
                f"facture {key.number} de {key.seller} pour {key.year} déjà reçue ({fr}) :"
                f" document {holder.id}",
                f"invoice {key.number} of {key.seller} for {key.year} already received ({en}):"
                f" document {holder.id}",
            ),
        ),
    )
