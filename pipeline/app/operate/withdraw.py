"""Take back what its sender asks back, as long as nothing of it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.answer import Findings, answer
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.leave import leave
from pipeline.app.lives import give_up
from pipeline.app.manifest import kept_figures
from pipeline.app.operate.acting import (
    Order,
    Sender,
    Target,
    Told,
    demand_reason,
    flow_of,
    latest_rows,
    logged,
    record,
    sender_of,
    stored_findings,
    unless_beaten,
)
from pipeline.app.operate.hold import BUSY, JUDGED_NOW, inseparable
from pipeline.app.operate.sight import Sight, look_for, newest_at, note_found
from pipeline.app.settle import Settled, close_if_done
from pipeline.model.acknowledgement import Figure
from pipeline.model.bulk import Verb
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Status
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Query, Sheets, Transaction

log = get_logger(__name__)

_CODE = "WITHDRAWN"
_TAKEN_BACK = "retiré, l'émetteur est répondu / withdrawn, its sender is answered"
_TRIED = (
    "retiré après {0} essai(s) de remise en échec : demandez au destinataire s'il l'a reçu"
    " / withdrawn after {0} failed attempt(s): ask the recipient whether they have it"
)
_OVER = "déjà refusé ou retiré / rejected or withdrawn already"
_DELIVERED = "déjà remis : voyez avec le destinataire / delivered already: ask the recipient"
_COMPLETED = (
    "complète une facture que le destinataire a déjà, et qui en est averti : remettez-le"
    " / completes an invoice that its recipient has, and was told of: deliver it"
)
_ENDED = (Step.REJECTED, Step.DUPLICATE)
#: Its sender may have been told of these that they are accepted.
_ACCEPTED = (Step.ACCEPTED, Step.ROUTED, Step.ABANDONED)
_LEAVING = (OutboxState.WAITING, OutboxState.PENDING, OutboxState.PAUSED)
_NOT_SENT = (*_LEAVING, OutboxState.ABANDONED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is asked for, and what is known before anything is locked.

    Attributes:
        target: A flow or some of its documents.
        order: Why.
        dry: True to say what would be done, and do nothing.
        unseen: True where a recipient has confirmed that nothing came.
        sight: Which deliveries stand at their recipient's.
        findings: What judging found in the flow's documents.
        figures: The flow's manifest beside what was found, as it was checked last.
    """

    target: Target
    order: Order
    dry: bool
    unseen: bool
    sight: Sight
    findings: Findings
    figures: tuple[Figure, ...]


@dataclass(slots=True)
class _Plan:
    """What is to be taken back, and what cannot be.

    Attributes:
        documents: To be rejected, each with what will be said of it.
        rows: Their deliveries, to be cancelled first.
        flow: Whether the flow itself is refused: it was not decided on.
        idle: Ids that are rejected already, each with how.
        refused: Ids that were sent, or cannot be parted from others, each with why.
    """

    documents: dict[str, str] = field(default_factory=dict)
    rows: list[OutboxRow] = field(default_factory=list)
    flow: bool = False
    idle: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def withdraw(
    hub: Hub,
    sheets: Sheets,
    target: Target,
    order: Order,
    *,
    unseen: bool = False,
    dry: bool = False,
) -> Told:
    """Cancel the deliveries of documents and reject them, because their sender asked for it.

    Deliveries, steps, business keys and the answer change in one transaction. A delivery
    that somebody has claimed may be on its way: the claim wins, and the operator is told. One
    that a worker has had in hand before is looked for in the recipient's folder first.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        target: A flow or some of its documents.
        order: Why; it reaches the sender word for word.
        unseen: True where a recipient has confirmed that nothing came: their folder cannot
            be looked at, or an attempt was cut short and no run will make it again.
        dry: True to say what would be done, and do nothing.

    Raises:
        ConfigError: No reason, no such flow, or its sender has no sheet any more.
    """
    if not dry:
        demand_reason(order)
    wish = _look(hub, sheets, target, order, unseen=unseen, dry=dry)

    def change() -> Told:
        return atomically(hub, lambda tx: _withdraw(hub, sheets, tx, wish), "operator.withdraw")

    told = unless_beaten(hub, Verb.WITHDRAW, target, order, change, JUDGED_NOW)
    if told.done and not dry:
        log.info("operator.withdraw", **logged(told))
    return told


def _look(
    hub: Hub, sheets: Sheets, target: Target, order: Order, *, unseen: bool, dry: bool
) -> _Wish:
    """Look up what no transaction should wait for: recipients' folders, stored findings."""
    everything = hub.ledger.documents(Query(interchange=target.interchange, limit=None))
    return _Wish(
        target=target,
        order=order,
        dry=dry,
        unseen=unseen,
        sight=look_for(hub, sheets, newest_at(hub, target, _NOT_SENT)),
        findings=stored_findings(hub, everything),
        figures=kept_figures(hub.ledger, target.interchange),
    )


def _withdraw(hub: Hub, sheets: Sheets, tx: Transaction, wish: _Wish) -> Told:
    """Take back what can be, and write down what came of it."""
    flow = flow_of(tx, wish.target)
    meant = wish.target.of(tx.documents_of(flow.id))
    rows = latest_rows(tx.outbox_of(flow.id), meant)
    plan = _plan(sheets, flow, wish.target, meant, rows)
    _object(plan, rows, wish)
    _keep_completed(tx, plan)
    if wish.dry:
        return _told(wish.target, flow, plan)
    note_found(hub, sheets, tx, rows.values(), wish.sight)
    _cancel(hub, sheets, tx, plan, wish)
    told = _told(wish.target, flow, plan)
    record(hub, tx, Verb.WITHDRAW, told, wish.order)
    if not told.done:
        close_if_done(hub, tx, flow)
        return told
    taken = [one for one in meant if one.id in plan.documents]
    sender = sender_of(hub, sheets, flow)
    stands = _take_back(hub, tx, flow, taken, wish.order, whole=plan.flow)
    _answer(hub, tx, sender, replace(stands, figures=wish.figures), taken, wish.findings)
    return told


def _plan(
    sheets: Sheets,
    flow: Interchange,
    target: Target,
    meant: Sequence[Document],
    carried: Mapping[DocumentId, OutboxRow],
) -> _Plan:
    """Sort what is meant by whether it can still be taken back."""
    plan = _Plan()
    if flow.step in {InterchangeStep.RECEIVED, InterchangeStep.HELD}:
        plan.flow = target.documents is None
        if plan.flow:
            plan.documents = {one.id: _TAKEN_BACK for one in meant}
        else:
            why = f"agissez sur le flux {flow.id} / act on the flow {flow.id}"
            plan.refused = dict.fromkeys(target.subjects, why)
        return plan
    if not meant:
        plan.idle = dict.fromkeys(target.subjects, _OVER)
    for one in meant:
        row = carried.get(one.id)
        together = ""
        if row is not None and row.state in _LEAVING:
            together = inseparable(sheets, row, [each.id for each in meant])
        _sort(plan, one, row, together)
    return plan


def _sort(plan: _Plan, one: Document, row: OutboxRow | None, together: str) -> None:
    """Put one document of an opened flow where its step and its delivery allow."""
    if one.step in _ENDED:
        plan.idle[one.id] = _OVER
    elif one.step is Step.DELIVERED:
        plan.refused[one.id] = _DELIVERED
    elif together:
        plan.refused[one.id] = together
    else:
        tried = row.attempts if row else 0
        plan.documents[one.id] = _TRIED.format(tried) if tried else _TAKEN_BACK
        if row is not None and row.state in _LEAVING and row not in plan.rows:
            plan.rows.append(row)


def _object(plan: _Plan, rows: Mapping[DocumentId, OutboxRow], wish: _Wish) -> None:
    """Take out of a plan what stands at its recipient's, or may stand there."""
    for subject, row in rows.items():
        known = subject in plan.documents
        why = wish.sight.objection(row, unseen=wish.unseen) if known else ""
        if why:
            plan.refused[subject] = why
            del plan.documents[subject]
    plan.rows = [row for row in plan.rows if plan.documents.keys() & set(row.documents)]


def _keep_completed(tx: Transaction, plan: _Plan) -> None:
    """Take out of a plan what completes an invoice: its recipient was told that it does."""
    borne = tx.lives_borne([DocumentId(one) for one in plan.documents])
    for subject, life in borne.items():
        if life.id != subject and life.status is not Status.EN_COURS_ACHEMINEMENT:
            plan.refused[subject] = _COMPLETED
            del plan.documents[subject]
    plan.rows = [row for row in plan.rows if plan.documents.keys() & set(row.documents)]


def _cancel(hub: Hub, sheets: Sheets, tx: Transaction, plan: _Plan, wish: _Wish) -> None:
    """Cancel deliveries; the documents of one that somebody has claimed stay as they are.

    A file that carries others too leaves without them, where it is not under way.

    Of one that was cut short nobody knows whether it was sent, but where its recipient
    confirmed that nothing came of the claims before the look.
    """
    after, now = OutboxState.CANCELLED, hub.clock.now()
    for row in plan.rows:
        token = wish.sight.tokens.get(row.key, 0) if wish.unseen else 0
        subjects = [one for one in row.documents if one in plan.documents]
        if row.is_group or len(subjects) < len(row.documents):
            gone = leave(hub, sheets, tx, row, subjects, after, unseen=token)
        else:
            gone = tx.stop_outbox(row, after, by=hub.by, at=now, unseen=token)
        if not gone:
            for subject in subjects:
                del plan.documents[subject]
                plan.refused[subject] = BUSY


def _told(target: Target, flow: Interchange, plan: _Plan) -> Told:
    done = dict(plan.documents)
    if plan.flow:
        done[flow.id] = _TAKEN_BACK
    return Told(target=target, done=done, idle=plan.idle, refused=plan.refused)


def _take_back(
    hub: Hub,
    tx: Transaction,
    flow: Interchange,
    taken: Sequence[Document],
    order: Order,
    *,
    whole: bool,
) -> Settled:
    """Reject documents and free their keys; return how their flow then stands."""
    now = hub.clock.now()
    own = reason(_CODE, flow.name, order.reason, order.reason)
    given_up = [one for one in taken if one.step is Step.ABANDONED]
    # an abandoned delivery can be made again, so its document is one that may still leave
    tx.move_documents(given_up, Step.ROUTED, by=hub.by, at=now)
    again = {one.id: replace(one, step=Step.ROUTED) for one in given_up}
    rejected = [replace(again.get(one.id, one), reasons=(own,)) for one in taken]
    tx.move_documents(rejected, Step.REJECTED, by=hub.by, at=now)
    given_up_with = give_up(hub, tx, taken, order.reason)
    tx.free_keys({*(one.id for one in taken), *given_up_with})
    reasons: tuple[Reason, ...] = ()
    if whole:
        refused = replace(flow, reason=own.code, detail=order.reason)
        tx.move_interchange(refused, InterchangeStep.REFUSED, by=hub.by, at=now)
        flow, reasons = replace(refused, step=InterchangeStep.REFUSED), (own,)
    else:
        flow = close_if_done(hub, tx, flow)
    return Settled(flow, tuple(tx.documents_of(flow.id)), reasons)


def _answer(
    hub: Hub,
    tx: Transaction,
    sender: Sender,
    stands: Settled,
    taken: Sequence[Document],
    findings: Findings,
) -> None:
    """Tell the sender: by a further answer, where the final one said that they are accepted."""
    answer(
        hub,
        tx,
        sender.connection,
        sender.interface,
        stands,
        findings,
        was_held=True,
        withdrawn=[one.id for one in taken if one.step in _ACCEPTED],
    )
