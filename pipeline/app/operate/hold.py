"""Keep something from going on until a person lets it: a hold of ours, not the sender's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.leave import leave
from pipeline.app.operate.acting import (
    Order,
    Target,
    Told,
    demand_reason,
    flow_of,
    latest_rows,
    logged,
    record,
    sender_of,
    unless_beaten,
)
from pipeline.app.settle import Settled
from pipeline.model.bulk import Verb
from pipeline.model.controls import reason
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

#: Code of what an operator holds back.
HELD_BACK = "OPERATOR_HOLD"
BUSY = (
    "une remise est en cours ou a été interrompue : réessayez après le prochain passage qui la"
    " tente (aucun pendant une pause) ; pour la reprendre sans attendre, demandez au destinataire,"
    " puis edi withdraw --unseen / being delivered now, or cut short: try again after the next run"
    " that tries it (none during a pause); to take it back now, ask the recipient, then edi"
    " withdraw --unseen"
)
JUDGED_NOW = "le flux est en cours de contrôle, réessayez / being judged now, try again"
_NOT_OPENED = (InterchangeStep.RECEIVED, InterchangeStep.HELD)
_IDLE_FLOW = {
    InterchangeStep.HELD: "déjà suspendu / held already",
    InterchangeStep.REFUSED: "refusé, rien n'en sera remis / refused, nothing of it leaves",
    InterchangeStep.DUPLICATE: "doublon, rien n'en sera remis / duplicate, nothing of it leaves",
}
_IDLE_STEP = {
    Step.ACCEPTED: "attend son valideur, rien ne part / waits for its validator, nothing leaves",
    Step.HELD: "déjà suspendu / held already",
    Step.REJECTED: "refusé, ne sera pas remis / rejected, it does not leave",
    Step.DUPLICATE: "doublon, ne sera pas remis / duplicate, it does not leave",
}


@dataclass(slots=True)
class _Plan:
    """What is to be paused, and what cannot be."""

    rows: list[OutboxRow] = field(default_factory=list)
    parted: dict[OutboxKey, tuple[OutboxRow, list[DocumentId]]] = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def hold(hub: Hub, sheets: Sheets, target: Target, order: Order, *, dry: bool = False) -> Told:
    """Hold a flow back before it is judged, or its deliveries before they are sent.

    A flow that nobody has judged becomes HELD, and its sender gets the interim notice of
    any held flow. Deliveries of an accepted flow are paused: that is ours alone, so no
    answer changes, and the documents keep their step.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        target: A flow or some of its documents.
        order: Why.
        dry: True to say what would be done, and do nothing.

    Raises:
        ConfigError: No reason, no such flow, or its sender has no sheet any more.
    """
    if not dry:
        demand_reason(order)

    def act(tx: Transaction) -> Told:
        flow = flow_of(tx, target)
        if flow.step in _NOT_OPENED or flow.step in _IDLE_FLOW:
            return _hold_flow(hub, sheets, tx, flow, target, order, dry=dry)
        told = _hold_rows(hub, sheets, tx, target, dry=dry)
        if not dry:
            record(hub, tx, Verb.HOLD, told, order)
        return told

    def change() -> Told:
        return atomically(hub, act, "operator.hold")

    told = unless_beaten(hub, Verb.HOLD, target, order, change, JUDGED_NOW)
    if told.done and not dry:
        log.info("operator.hold", **logged(told))
    return told


def _hold_flow(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    flow: Interchange,
    target: Target,
    order: Order,
    *,
    dry: bool,
) -> Told:
    """Hold a flow that is not judged yet; a worker that has it in hand is not disturbed."""
    if flow.step in _IDLE_FLOW:
        told = Told(target=target, idle=dict.fromkeys(target.subjects, _IDLE_FLOW[flow.step]))
    else:
        said = "retenu avant contrôle / held back before it is judged"
        told = Told(target=target, done={flow.id: said})
    if dry:
        return told
    if told.done:
        # the operator's own words are kept, but not told: the sender has not asked for this
        why = reason(
            HELD_BACK,
            flow.name,
            "un opérateur du hub a retenu le flux avant son contrôle",
            "an operator of the hub held the flow back before it was judged",
        )
        held = replace(flow, reason=why.code, detail=order.reason)
        tx.move_interchange(held, InterchangeStep.HELD, by=hub.by, at=hub.clock.now())
        settled = Settled(replace(held, step=InterchangeStep.HELD), (), (why,))
        sender = sender_of(hub, sheets, flow)
        answer(hub, tx, sender.connection, sender.interface, settled, {}, was_held=False)
    record(hub, tx, Verb.HOLD, told, order)
    return told


def _hold_rows(hub: Hub, sheets: Sheets, tx: Transaction, target: Target, *, dry: bool) -> Told:
    rows = tx.outbox_of(target.interchange)
    plan = _plan(sheets, rows, target.of(tx.documents_of(target.interchange)))
    done = _part(hub, sheets, tx, plan, dry=dry)
    for row in plan.rows:
        at = hub.clock.now()
        if dry or tx.stop_outbox(row, OutboxState.PAUSED, by=hub.by, at=at):
            said = f"remise retenue / delivery held back: {row.name} → {row.connection}"
            done.update(dict.fromkeys(row.documents, said))
        else:
            plan.refused.update(dict.fromkeys(row.documents, BUSY))
    return Told(target=target, done=done, idle=plan.idle, refused=plan.refused)


def _part(hub: Hub, sheets: Sheets, tx: Transaction, plan: _Plan, *, dry: bool) -> dict[str, str]:
    """Take documents out of files that carry others too; return what was done."""
    done: dict[str, str] = {}
    for row, subjects in plan.parted.values():
        if dry or leave(hub, sheets, tx, row, subjects, OutboxState.PAUSED):
            said = f"sorti du fichier et retenu / taken out of its file, held back: {row.name}"
            done.update(dict.fromkeys(subjects, said))
        else:
            plan.refused.update(dict.fromkeys(subjects, BUSY))
    return done


def _plan(sheets: Sheets, rows: Iterable[OutboxRow], documents: tuple[Document, ...]) -> _Plan:
    """Sort documents by what their newest delivery allows."""
    plan = _Plan()
    meant = {one.id for one in documents}
    carried = latest_rows(rows, documents)
    for one in documents:
        row = carried.get(one.id)
        if row is None:
            plan.idle[one.id] = _IDLE_STEP.get(one.step, "rien à retenir / nothing to hold")
        elif row.state is OutboxState.SENT:
            plan.refused[one.id] = f"déjà remis à {row.connection} / delivered already"
        elif row.state not in {OutboxState.PENDING, OutboxState.WAITING}:
            plan.idle[one.id] = f"ne part pas / does not leave: {row.state.value}"
        elif why := inseparable(sheets, row, meant):
            plan.refused[one.id] = why
        elif row.is_group or not meant.issuperset(row.documents):
            plan.parted.setdefault(row.key, (row, []))[1].append(one.id)
        elif row not in plan.rows:
            plan.rows.append(row)
    return plan


def inseparable(sheets: Sheets, row: OutboxRow, meant: Collection[DocumentId]) -> str:
    """Say why documents cannot be taken out of a file and leave the others in it; else "".

    A file of their own is named as the receiver's sheet says, so there must be one.
    """
    others = set(row.documents).difference(meant)
    if row.is_group or not others or row.connection in sheets.connections:
        return ""
    return (
        f"part dans {row.name} avec {len(others)} autre(s), et la fiche de {row.connection} est"
        f" close : agissez sur le flux {row.interchange} / leaves with {len(others)} other(s), and"
        f" the sheet of {row.connection} is closed: act on the flow {row.interchange}"
    )
