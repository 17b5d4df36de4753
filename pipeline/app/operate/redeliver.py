"""Deliver once more: what was abandoned, what a recipient lost, what went to the wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.leave import leave
from pipeline.app.lives import reroute
from pipeline.app.operate.acting import (
    MOVED,
    ORIGINAL_GONE,
    Order,
    Target,
    Told,
    demand_reason,
    flow_of,
    latest_rows,
    logged,
    record,
    unless_beaten,
)
from pipeline.app.operate.sight import FOUND, Sight, look_for, newest_at, note_found
from pipeline.app.settle import close_if_done, planning_of
from pipeline.model.bulk import Verb
from pipeline.model.connection import Role
from pipeline.model.document import Document
from pipeline.model.duties import DUTIES, Duty, Work
from pipeline.model.errors import ConfigError, Fenced
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.standing import SHEET_WORDS, SheetState
from pipeline.model.status import OutboxState, Step
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.route.plan import plan_deliveries

log = get_logger(__name__)

_NOT_YET = "sa remise est en cours / not delivered yet, its delivery is under way"
_CORRECTED = "corrigée ou complétée depuis : remettez {0} / corrected or completed since"
_NOT_VALIDATED = "attend son valideur, rien n'est parti / waits for its validator: nothing left"
_NOT_ACCEPTED = "n'est pas accepté : rien à remettre / is not accepted: nothing to deliver"


@dataclass(frozen=True, slots=True)
class Again:
    """How a redelivery is asked for.

    Attributes:
        to: Connection it goes to instead of the one that it went to; None for the same.
        generation: Which copy this is to be, where another was made already; None for the
            next one of what was abandoned, and for the second of what was delivered.
    """

    to: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is asked for, and what was seen before anything is locked.

    Attributes:
        target: A flow or some of its documents.
        order: Why.
        dry: True to say what would leave, and do nothing.
        unseen: True where a recipient has confirmed that nothing came.
        asked: Where to, and which copy.
        sight: Which of the deliveries that were given up stand at their recipient's.
    """

    target: Target
    order: Order
    dry: bool
    unseen: bool
    asked: Again
    sight: Sight


@dataclass(slots=True)
class _Plan:
    """What leaves again, beside the deliveries it replaces, and what does not."""

    documents: list[Document] = field(default_factory=list)
    before: dict[str, OutboxRow] = field(default_factory=dict)
    found: dict[str, OutboxRow] = field(default_factory=dict)
    stranded: dict[str, OutboxRow] = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """Return the number that all new deliveries bear: one more than any before."""
        return 1 + max((row.generation for row in self.before.values()), default=0)


def redeliver(
    hub: Hub,
    sheets: Sheets,
    target: Target,
    order: Order,
    again: Again | None = None,
    *,
    unseen: bool = False,
    dry: bool = False,
) -> Told:
    """Deliver documents once more, as a new generation under a name of its own.

    An abandoned document is routed again, and so is one that waits for a sheet that was
    closed. A delivered one stays delivered: its second copy is a row of the outbox and no
    step. A second copy that exists, or is on its way, is not made twice: whoever wants a third
    names it. One that was given up may stand at its recipient's all the same, where a reply was
    lost: it is looked for, and noted if found.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        target: A flow or some of its documents; of a flow the abandoned ones, and only
            where there are none those that were delivered.
        order: Why.
        again: Where to, and which copy.
        unseen: True where the recipient of what was given up confirmed that nothing came.
        dry: True to say what would leave, and do nothing.

    Raises:
        ConfigError: No reason, no such flow, or the connection receives nothing.
    """
    if not dry:
        demand_reason(order)
    asked = again or Again()
    if asked.to is not None:
        _check_receiver(hub, sheets, target, asked.to)
    # the last attempt at what was given up may have put it, and lost the reply
    given_up = newest_at(hub, target, [OutboxState.ABANDONED])
    stranded = newest_at(hub, target, [OutboxState.PENDING, OutboxState.PAUSED])
    over = [row for row in stranded if _is_over(sheets, row.connection)]
    sight = look_for(hub, sheets, [*given_up, *over])
    wish = _Wish(target=target, order=order, dry=dry, unseen=unseen, asked=asked, sight=sight)

    def change() -> Told:
        return atomically(hub, lambda tx: _redeliver(hub, sheets, tx, wish), "operator.redeliver")

    told = unless_beaten(hub, Verb.REDELIVER, target, order, change, MOVED)
    if told.done and not dry:
        log.info("operator.redeliver", **logged(told))
    return told


def _check_receiver(hub: Hub, sheets: Sheets, target: Target, name: str) -> None:
    """Refuse a sheet that may not take what is asked for.

    Raises:
        ConfigError: It receives nothing, is not in production, or of another environment.
    """
    sheet, state = sheet_of(sheets, name), sheets.agreed(name)
    if sheet.role is not Role.RECEIVER:
        raise ConfigError(f"{name}: ne reçoit pas de factures / is no receiver's connection")
    if DUTIES[state][Work.DELIVER] in {Duty.NOT, Duty.COPIED}:
        fr, en = SHEET_WORDS[state]
        raise ConfigError(f"{name}: la fiche est {fr} / the sheet is {en}: edi connections show")
    flow = hub.ledger.interchange(target.interchange)
    if flow is not None and flow.environment is not sheet.environment:
        raise ConfigError(
            f"{name}: fiche de / sheet of {sheet.environment.value}, flux de / flow of"
            f" {flow.environment.value}: rien ne passe de l'une à l'autre / nothing goes across"
        )


def _redeliver(hub: Hub, sheets: Sheets, tx: Transaction, wish: _Wish) -> Told:
    """Let leave again what can, and write down what came of it."""
    flow = flow_of(tx, wish.target)
    plan = _plan(tx, sheets, flow, wish)
    leaving = _leaving(hub, sheets, tx, plan, wish)
    told = _told(wish.target, plan, leaving)
    if not wish.dry:
        record(hub, tx, Verb.REDELIVER, told, wish.order)
        _take_along(hub, sheets, tx, plan, wish)
        _enqueue(hub, sheets, tx, plan, leaving, wish.order, wish.asked)
        if note_found(hub, sheets, tx, plan.found.values(), wish.sight):
            close_if_done(hub, tx, flow)
    return told


def _plan(tx: Transaction, sheets: Sheets, flow: Interchange, wish: _Wish) -> _Plan:
    """Sort what is meant by whether it can be delivered once more."""
    if flow.erased:
        return _Plan(refused=dict.fromkeys(wish.target.subjects, ORIGINAL_GONE))
    meant = wish.target.of(tx.documents_of(flow.id))
    rows = latest_rows(tx.outbox_of(flow.id), meant)
    plan = _Plan()
    lives = tx.lives([one.first or one.id for one in meant])
    for one in _chosen(wish.target, meant):
        row = rows.get(one.id)
        life = lives.get(one.first or one.id)
        if life is not None and life.bearer != one.id and one.step is Step.DELIVERED:
            plan.refused[one.id] = _CORRECTED.format(life.bearer)
        elif row is not None and one.step is Step.ROUTED and _is_over(sheets, row.connection):
            _strand(plan, one, row, wish.asked)
        else:
            _sort(plan, one, row, wish.asked)
    _object(plan, wish.sight, unseen=wish.unseen)
    return plan


def _object(plan: _Plan, sight: Sight, *, unseen: bool) -> None:
    """Take out of a plan what arrived after all, or may have arrived."""
    for one in list(plan.documents):
        row = plan.before[one.id]
        why = sight.objection(row, unseen=unseen)
        if not why:
            continue
        plan.documents.remove(one)
        del plan.before[one.id]
        if row.key in sight.ours:
            plan.found[one.id] = row
        else:
            plan.refused[one.id] = why


def _chosen(target: Target, meant: Sequence[Document]) -> Sequence[Document]:
    """Return what is meant; of a flow what was abandoned, else what was delivered."""
    if target.documents is not None:
        return meant
    abandoned = [one for one in meant if one.step is Step.ABANDONED]
    return abandoned or [one for one in meant if one.step is Step.DELIVERED] or meant


def _is_over(sheets: Sheets, name: str) -> bool:
    """Tell whether nothing will ever leave through a connection any more."""
    return name not in sheets.connections or sheets.state(name) is SheetState.CLOSED


def _strand(plan: _Plan, one: Document, row: OutboxRow, asked: Again) -> None:
    """Let a document go elsewhere that waits for a sheet which is closed."""
    if asked.to is None:
        plan.refused[one.id] = (
            f"la fiche {row.connection} est close : dites où remettre, --to"
            " / the sheet is closed: say where to deliver, --to"
        )
        return
    plan.documents.append(one)
    plan.before[one.id] = plan.stranded[one.id] = row


def _sort(plan: _Plan, one: Document, row: OutboxRow | None, asked: Again) -> None:
    """Put one document where its step and its newest delivery allow."""
    if one.step is Step.ACCEPTED:
        plan.refused[one.id] = _NOT_VALIDATED
        return
    if row is None or one.step not in {Step.ROUTED, Step.ABANDONED, Step.DELIVERED}:
        plan.refused[one.id] = _NOT_ACCEPTED
        return
    if one.step is Step.ROUTED and (row.generation == 1 or asked.to not in {None, row.connection}):
        plan.refused[one.id] = _NOT_YET
        return
    if why := _made_already(one, row, asked):
        plan.idle[one.id] = why
    elif asked.generation not in {None, row.generation + 1}:
        following = row.generation + 1
        plan.refused[one.id] = f"la suivante est la {following} / the next one is {following}"
    else:
        plan.documents.append(one)
        plan.before[one.id] = row


def _made_already(one: Document, row: OutboxRow, asked: Again) -> str:
    """Say which delivery stands for what is asked; empty where none does."""
    if asked.generation is not None and row.generation >= asked.generation:
        return f"existe déjà : {row.name} ({row.state.value}) / is there already"
    if one.step is Step.ABANDONED or row.state is OutboxState.ABANDONED:
        return ""
    if row.state is not OutboxState.SENT:
        return f"en route : {row.name} → {row.connection} / on its way"
    same = asked.to in {None, row.connection}
    if asked.generation is None and same and (row.generation > 1 or asked.to):
        return (
            f"remis déjà sous {row.name} à {row.connection} ; pour un autre exemplaire :"
            f" --generation {row.generation + 1} / delivered already under that name"
        )
    return ""


def _leaving(
    hub: Hub, sheets: Sheets, tx: Transaction, plan: _Plan, wish: _Wish
) -> tuple[OutboxRow, ...]:
    """Lay out the files of the new generation; where nothing is done no number is taken.

    Raises:
        ConfigError: A recipient has no sheet any more.
    """
    routed = [replace(one, route=wish.asked.to or one.route) for one in plan.documents]
    for one in routed:
        sheet_of(sheets, one.route or "")
    planning = planning_of(hub, tx)
    if wish.dry:
        planning = replace(planning, next_number=lambda _: 0)
    return plan_deliveries(routed, sheets.connections, planning, plan.generation)


def _told(target: Target, plan: _Plan, leaving: Sequence[OutboxRow]) -> Told:
    done: dict[str, str] = {
        one: f"nouvelle remise / new delivery: {row.name} → {row.connection}"
        for row in leaving
        for one in row.documents
    }
    found = {one: FOUND.format(row.name, row.connection) for one, row in plan.found.items()}
    done.update(found)
    return Told(target=target, done=done, idle=plan.idle, refused=plan.refused)


def _take_along(hub: Hub, sheets: Sheets, tx: Transaction, plan: _Plan, wish: _Wish) -> None:
    """Cancel the rows that waited for a closed sheet, and route their documents elsewhere.

    Raises:
        Fenced: A file of theirs may be on its way after all.
    """
    by_row: dict[OutboxKey, list[DocumentId]] = {}
    rows = {row.key: row for row in plan.stranded.values()}
    for one in plan.documents:
        if one.id in plan.stranded:
            by_row.setdefault(plan.stranded[one.id].key, []).append(one.id)
    for key, subjects in by_row.items():
        row, unseen = rows[key], wish.sight.tokens.get(key, 0)
        cancelled = OutboxState.CANCELLED
        if row.is_group or len(subjects) < len(row.documents):
            done = leave(hub, sheets, tx, row, subjects, cancelled, unseen=unseen)
        else:
            now = hub.clock.now()
            done = tx.stop_outbox(row, cancelled, by=hub.by, at=now, unseen=unseen)
        if not done:
            raise Fenced(f"{key}: moved by another worker meanwhile")
    moved = [one for one in plan.documents if one.id in plan.stranded]
    if moved and wish.asked.to is not None:
        tx.reroute_documents(moved, wish.asked.to, by=hub.by, at=hub.clock.now())


def _enqueue(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    plan: _Plan,
    leaving: Sequence[OutboxRow],
    order: Order,
    asked: Again,
) -> None:
    now = hub.clock.now()
    abandoned = [one for one in plan.documents if one.step is Step.ABANDONED]
    routed = [replace(one, route=asked.to or one.route) for one in abandoned]
    tx.move_documents(routed, Step.ROUTED, by=hub.by, at=now)
    delivered = [one for one in plan.documents if one.step is Step.DELIVERED]
    if asked.to is not None:
        elsewhere = [one for one in delivered if one.route != asked.to]
        tx.reroute_documents(elsewhere, asked.to, by=hub.by, at=now)
        partner = sheet_of(sheets, asked.to).partner
        others = [one for one in elsewhere if _partner_of(sheets, one) != partner]
        reroute(hub, tx, others, order.reason)
    for row in leaving:
        tx.enqueue(row, hub.by, now)
    for key in sorted({row.key for row in plan.before.values()}):
        data = {"reason": order.reason, "generation": plan.generation, "to": asked.to}
        known = {name: value for name, value in data.items() if value is not None}
        tx.append(Fact(at=now, subject=key, what="operator.redeliver", by=hub.by, data=known))


def _partner_of(sheets: Sheets, one: Document) -> str | None:
    """Return who was to have a document; None where that sheet is no more."""
    sheet = sheets.connections.get(one.route or "")
    return sheet.partner if sheet else None
