"""An operator says a status in the name of a supplier, recipient or validator who cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.app.atomic import atomically
from pipeline.app.comeback import followed_by
from pipeline.app.hub import Hub
from pipeline.app.lives import Register, bearers_of, tell
from pipeline.app.operate.acting import Order, demand_reason
from pipeline.app.statuses import tells_payment
from pipeline.app.validation import go_on, is_known, unknown
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.life import Actor, Entry, Event, Given, entry_id
from pipeline.model.life_step import Refused
from pipeline.model.status import Step
from pipeline.ports.ledger import Ledger, Sheets, Transaction

#: Where a document stands that was taken.
_TAKEN = frozenset({Step.ACCEPTED, Step.ROUTED, Step.DELIVERED, Step.ABANDONED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is said, and in whose name.

    Attributes:
        event: What happens.
        actor: Supplier, recipient or validator.
        given: What comes with it; its comment is what the other side reads.
        said_at: When it happened (aware); None for now.
        source: The flow that it goes back to, or None.
    """

    event: Event
    actor: Actor
    given: Given
    said_at: datetime | None = None
    source: InterchangeId | None = None


def find_invoice(ledger: Ledger, subject: str) -> Document:
    """Return the document by which the invoice of an id or a number was taken.

    A document that corrects or completes an invoice is none of its own.

    Raises:
        ConfigError: There is none, or several have that number: their ids are named.
    """
    named = ledger.documents_named([DocumentId(subject)])
    corrected = [one.first for one in named if one.first and one.step in _TAKEN]
    named = ledger.documents_named(corrected) or named
    found = [*named, *ledger.invoices_numbered([subject])]
    if not found:
        raise ConfigError(
            f"{subject}: aucune facture prise en charge de ce numéro ou de cet identifiant"
            " / no invoice that was taken has this number or id"
        )
    if len({one.id for one in found}) > 1:
        ids = ", ".join(one.id for one in found)
        raise ConfigError(f"{subject}: plusieurs factures, nommez l'identifiant / several: {ids}")
    return found[0]


def see_to_reject(
    hub: Hub, sheets: Sheets, subject: str, by: str, order: Order, *, dry: bool
) -> Entry:
    """Take a rejected invoice off its supplier's list, in the supplier's name.

    Args:
        hub: The hub; its `by` names the operator.
        sheets: The configuration in force.
        subject: Number or id of the rejected invoice.
        by: Number or id of the invoice that follows it; empty for none.
        order: Why.
        dry: True to show what would be written.

    Raises:
        ConfigError: No reason, the invoice is not rejected, or the other one is another
            seller's; nothing has changed.
    """
    if not dry:
        demand_reason(order)
    old = find_invoice(hub.ledger, subject)
    comment, source = order.reason, None
    if by:
        new = find_invoice(hub.ledger, by)
        mine, theirs = new.business_key, old.business_key
        if new.id == old.id or not mine or not theirs or mine.seller != theirs.seller:
            raise ConfigError(
                f"{by}: n'est pas une autre facture du même vendeur que {subject}"
                " / is no other invoice of the same seller"
            )
        comment = f"{comment} ; {followed_by(new)}".removeprefix(" ; ")
        source = new.interchange
    given = Given(comment=comment)
    declared = Declared(
        event=Event.PROCESS_REJECT, actor=Actor.SUPPLIER, given=given, source=source
    )
    return declare(hub, sheets, old.id, declared, dry=dry)


def _check_validator(
    hub: Hub, sheets: Sheets, tx: Transaction, document: Document, *, given: Given
) -> None:
    flow = tx.interchange(document.interchange)
    if not given.validator or flow is None:
        return
    if not is_known(hub, sheets, given.validator, flow.environment):
        why = unknown(given.validator)
        raise ConfigError(f"{document.id}: {why.fr} / {why.en}")


def declare(
    hub: Hub, sheets: Sheets, subject: DocumentId, declared: Declared, *, dry: bool
) -> Entry:
    """Write what an operator says in a partner's name, and tell who has to hear of it.

    Returns:
        The line of the history.

    Raises:
        ConfigError: It may not be said, or was said already; nothing has changed.
    """

    def act(tx: Transaction) -> Entry:
        register = Register(tx.lives([subject]))
        life = register.standing(subject)
        if life is None:
            raise ConfigError(f"{subject}: jamais prise en charge / was never taken")
        bearers = bearers_of(tx, [life])
        now = hub.clock.now()
        said_at = declared.said_at or now
        known = entry_id(subject, declared.event, declared.actor, said_at, declared.given)
        if tx.entries_known([known]):
            raise ConfigError(f"{subject}: déjà dit / said already")
        _check_validator(hub, sheets, tx, bearers[subject], given=declared.given)
        given = replace(
            declared.given,
            late=life.is_late(declared.actor, said_at),
            tells_payment=tells_payment(sheets, bearers[subject].header),
        )
        said = register.add(
            subject,
            declared.event,
            declared.actor,
            given,
            by=hub.by,
            said_at=said_at,
            taken_at=now,
            source=declared.source,
        )
        if isinstance(said, Refused):
            raise ConfigError(f"{subject}: {said.fr} / {said.en}")
        if not dry:
            go_on(hub, sheets, tx, register, bearers)
            tx.live(register.before, register.entries)
            tell(hub, sheets, tx, bearers, register.entries)
        return said

    return atomically(hub, act, "operator.declare")
