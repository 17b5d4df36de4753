"""What comes with the events of an invoice's life, where a test wants them taken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pipeline.model.life import Cash, Circuit, Event, Given

#: What some events need; everything else gets a comment.
_WITH = {
    Event.APPROVE_PARTLY: Given(reasons=("QTE_ERR",)),
    Event.DISPUTE: Given(reasons=("PU_ERR",)),
    Event.SUSPEND: Given(reasons=("CMD_ERR",), comment="bon de commande inconnu"),
    Event.REJECT: Given(reasons=("DOUBLON",), comment="déjà payée"),
    Event.REFUSE: Given(reasons=("DEST_ERR",), comment="pas à nous"),
    Event.NAME_VALIDATOR: Given(validator="73282932000074"),
    Event.CASH: Given(cash=(Cash(amount=Decimal(120), rate=Decimal(20)),)),
    Event.COMPLETE: Given(attachments=1),
    Event.GIVE_UP: Given(comment="erreur", stopped=True),
    Event.RESEND: Given(changed=frozenset({"BT-13"})),
}


def everything(event: Event, circuit: Circuit = Circuit.DIRECT) -> Given:
    """Return all that an event may need."""
    wanted = _WITH.get(event, Given(comment="vu"))
    return replace(wanted, circuit=circuit)
