"""Refuse what is held, with the operator's reason in the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from structlog import get_logger

from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.manifest import kept_figures
from pipeline.app.operate.acting import (
    MOVED,
    Order,
    Sender,
    Target,
    Told,
    demand_reason,
    everything_in,
    flow_of,
    held_as_a_whole,
    logged,
    now_standing,
    record,
    record_alone,
    sender_of,
    stored_findings,
)
from pipeline.app.settle import Settled, close_if_done
from pipeline.model.bulk import Verb
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.errors import Fenced
from pipeline.model.interchange import Interchange
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

_REFUSED = "refusé, l'émetteur est répondu / rejected, its sender is answered"
_OVER = "déjà refusé / rejected already"
_ACCEPTED = (
    "accepté : seul « edi withdraw » le reprend, à la demande de l'émetteur"
    " / accepted: only 'edi withdraw' takes it back, when its sender asks"
)
_NOT_JUDGED = "pas encore contrôlé / not judged yet"
_ENDED = (Step.REJECTED, Step.DUPLICATE)


def reject(hub: Hub, sheets: Sheets, target: Target, order: Order, *, dry: bool = False) -> Told:
    """Refuse what is held.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        target: A held document, or a flow for all it holds.
        order: Why; it reaches the sender word for word.
        dry: True to say what would be refused, and do nothing.

    Raises:
        ConfigError: No reason, no such flow, or its sender has no sheet any more.
    """
    if not dry:
        demand_reason(order)
    flow, meant = atomically(hub, lambda tx: _gather(tx, target), "operator.find")
    told = _told(target, flow, meant)
    if dry or (told.refused and not told.done):
        return replace(told, documents=meant)
    if not told.done:
        atomically(hub, lambda tx: record(hub, tx, Verb.REJECT, told, order), "operator.note")
        return replace(told, documents=meant)
    held = [one for one in meant if one.step is Step.HELD]
    own = reason("OPERATOR", ", ".join(target.subjects[:5]), order.reason, order.reason)
    sender = sender_of(hub, sheets, flow)
    try:
        refuse_held(
            hub,
            flow,
            held,
            sender,
            own,
            order.reason,
            lambda tx: record(hub, tx, Verb.REJECT, told, order),
        )
    except Fenced:
        told = Told(target=target, refused=dict.fromkeys(target.subjects, MOVED))
        return record_alone(hub, Verb.REJECT, told, order)
    log.info("operator.reject", **logged(told))
    return replace(told, documents=now_standing(hub, target))


def _gather(tx: Transaction, target: Target) -> tuple[Interchange, tuple[Document, ...]]:
    flow = flow_of(tx, target)
    return flow, target.of(tx.documents_of(flow.id))


def _told(target: Target, flow: Interchange, meant: Sequence[Document]) -> Told:
    """Sort what is meant by whether it is held."""
    if why := held_as_a_whole(flow, target):
        return Told(target=target, refused=dict.fromkeys(target.subjects, why))
    if flow.step is InterchangeStep.HELD:
        return Told(
            target=target, done=dict.fromkeys((flow.id, *(one.id for one in meant)), _REFUSED)
        )
    if not meant:
        waits = flow.step is InterchangeStep.RECEIVED
        if waits:
            return Told(target=target, refused={flow.id: _NOT_JUDGED})
        return Told(target=target, idle={flow.id: _OVER})
    held: dict[str, str] = {one.id: _REFUSED for one in meant if one.step is Step.HELD}
    # of a flow, what is held in it is meant, whatever became of the rest
    others = () if held and target.documents is None else meant
    return Told(
        target=target,
        done=held,
        idle={one.id: _OVER for one in others if one.step in _ENDED},
        refused={one.id: _ACCEPTED for one in others if one.step not in {Step.HELD, *_ENDED}},
    )


def refuse_held(
    hub: Hub,
    flow: Interchange,
    held: Sequence[Document],
    sender: Sender,
    own: Reason,
    detail: str,
    note: Callable[[Transaction], None],
) -> None:
    """Refuse held documents, and their flow where that is held as a whole; answer its sender.

    Args:
        hub: The hub.
        flow: The flow.
        held: Its documents that are refused, all HELD.
        sender: Whom the answer goes to.
        own: The reason that each of them bears.
        detail: What the flow's row says of it.
        note: Written first, by the same transaction.

    Raises:
        Fenced: Somebody moved one of them meanwhile; nothing changed.
    """
    earlier = stored_findings(hub, everything_in(hub, flow))
    figures = kept_figures(hub.ledger, flow.id)

    def refuse(tx: Transaction) -> None:
        note(tx)
        now = hub.clock.now()
        refused = [replace(one, reasons=(own,)) for one in held]
        tx.move_documents(refused, Step.REJECTED, by=hub.by, at=now)
        interchange, reasons = flow, tuple[Reason, ...]()
        if interchange.step is InterchangeStep.HELD:
            interchange = replace(interchange, reason=own.code, detail=detail)
            tx.move_interchange(interchange, InterchangeStep.REFUSED, by=hub.by, at=now)
            interchange = replace(interchange, step=InterchangeStep.REFUSED)
            reasons = (own,)
        interchange = close_if_done(hub, tx, interchange)
        documents = tuple(tx.documents_of(interchange.id))
        stands = Settled(interchange, documents, reasons, figures)
        answer(hub, tx, sender.connection, sender.interface, stands, earlier, was_held=True)

    atomically(hub, refuse, "operator.refuse")
