"""Keep something from going on until a person lets it: a hold of ours, not the sender's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
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
from pipeline.model.identity import OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow, members_of
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
    Step.HELD: "déjà suspendu / held already",
    Step.REJECTED: "refusé, ne sera pas remis / rejected, it does not leave",
    Step.DUPLICATE: "doublon, ne sera pas remis / duplicate, it does not leave",
}


@dataclass(slots=True)
class _Plan:
    """What is to be paused, and what cannot be."""

    rows: list[OutboxRow] = field(default_factory=list)
    groups: dict[OutboxKey, OutboxRow] = field(default_factory=dict)
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
        told = _hold_rows(hub, tx, target, dry=dry)
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


def _hold_rows(hub: Hub, tx: Transaction, target: Target, *, dry: bool) -> Told:
    rows = tx.outbox_of(target.interchange)
    meant = target.of(tx.documents_of(target.interchange))
    plan = _plan(rows, meant)
    done = _leave_groups(hub, tx, plan, rows, meant, dry=dry)
    for row in plan.rows:
        at = hub.clock.now()
        if dry or tx.stop_outbox(row, OutboxState.PAUSED, by=hub.by, at=at):
            said = f"remise retenue / delivery held back: {row.name} → {row.connection}"
            done.update(dict.fromkeys(row.documents, said))
        else:
            plan.refused.update(dict.fromkeys(row.documents, BUSY))
    return Told(target=target, done=done, idle=plan.idle, refused=plan.refused)


def _leave_groups(
    hub: Hub,
    tx: Transaction,
    plan: _Plan,
    rows: Sequence[OutboxRow],
    meant: Sequence[Document],
    *,
    dry: bool,
) -> dict[str, str]:
    """Take documents out of files of groups that are not under way; return what was done."""
    done: dict[str, str] = {}
    for group in plan.groups.values():
        members = members_of(group, rows, [one.id for one in meant])
        subjects = [subject for row in members for subject in row.documents]
        at, paused = hub.clock.now(), OutboxState.PAUSED
        if dry or tx.leave_group(group, members, paused, by=hub.by, at=at):
            said = f"sorti du groupe et retenu / taken out of its group, held back: {group.name}"
            done.update(dict.fromkeys(subjects, said))
        else:
            plan.refused.update(dict.fromkeys(subjects, BUSY))
    return done


def _plan(rows: Iterable[OutboxRow], documents: tuple[Document, ...]) -> _Plan:
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
        elif row.is_group:
            plan.groups[row.key] = row
        elif others := set(row.documents) - meant:
            plan.refused[one.id] = in_a_lot(row, len(others))
        elif row not in plan.rows:
            plan.rows.append(row)
    return plan


def in_a_lot(row: OutboxRow, others: int) -> str:
    """Say that a document leaves in one file with others, and what to act on instead."""
    return (
        f"part dans {row.name} avec {others} autre(s) : agissez sur le flux {row.interchange}"
        f" / leaves with {others} other(s): act on the flow {row.interchange}"
    )
