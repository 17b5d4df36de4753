"""Whether a sender may send the invoices of a seller: step 13 of the control table."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Verdict
from pipeline.model.document import Document

#: Sellers that a refusal names.
_NAMED = 5


def check_seller(document: Document, sellers: Collection[str] | None) -> Decision:
    """Hold a document's seller against those that its sender may send for.

    An accepted invoice takes its number from its seller: who may send for anybody may take
    the numbers of others. A seller without a SIREN is none of those agreed.

    Args:
        document: As it was read.
        sellers: SIREN of each seller that its sheet names; None for any seller.

    Returns:
        Accept, or reject with REJ_COH.
    """
    siren = document.header.seller_siren
    if sellers is None or siren in sellers:
        return Decision(Verdict.ACCEPT)
    agreed = ", ".join(sorted(sellers)[:_NAMED]) + (", …" if len(sellers) > _NAMED else "")
    fr, en = f"SIREN du vendeur {siren}", f"seller's SIREN {siren}"
    if siren is None:
        fr, en = "vendeur sans SIREN", "seller without a SIREN"
    return Decision(
        Verdict.REJECT,
        (
            reason(
                "REJ_COH",
                f"{document.name} BT-30",
                f"{fr} ; votre fiche vous autorise à envoyer pour : {agreed}",
                f"{en}; your sheet lets you send for: {agreed}",
            ),
        ),
    )
