"""Let go what is held: what we could not judge is judged again, what we held back goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from structlog import get_logger

from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.comeback import knowing
from pipeline.app.hub import Hub
from pipeline.app.manifest import kept_figures
from pipeline.app.operate.acting import (
    Order,
    Sender,
    Target,
    Told,
    everything_in,
    flow_of,
    held_as_a_whole,
    latest_rows,
    logged,
    now_standing,
    record,
    record_alone,
    sender_at,
    stored_findings,
)
from pipeline.app.operate.again import Looked, candidates, look_again
from pipeline.app.operate.reject import refuse_held
from pipeline.app.scan import infected_flow, note_scan, still_silent
from pipeline.app.settle import planning_of, receivers_of, settle_flow
from pipeline.app.work import findings_of, rework
from pipeline.model.bulk import Verb
from pipeline.model.carriage import WAITING_GROUPS
from pipeline.model.comeback import Beside
from pipeline.model.connection import Connection
from pipeline.model.directory import day_of
from pipeline.model.document import Document
from pipeline.model.errors import Fenced
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.route.choice import choose
from pipeline.route.plan import is_to_wait, plan_deliveries

log = get_logger(__name__)

_NOT_HELD = "rien n'y est suspendu / nothing is held there"
_GONE_ON = "un autre a déjà agi / somebody else acted first"


@dataclass(frozen=True, slots=True)
class Held:
    """What of a target is held.

    Attributes:
        flow: The flow.
        documents: Those that wait to be judged again.
        rows: Deliveries that an operator holds back.
        meant: Every document that is meant, held or not.
    """

    flow: Interchange
    documents: tuple[Document, ...]
    rows: tuple[OutboxRow, ...]
    meant: tuple[Document, ...]

    @property
    def unopened(self) -> bool:
        """Tell whether the flow is held as a whole and was never opened."""
        return self.whole and self.flow.documents == 0

    @property
    def whole(self) -> bool:
        """Tell whether the flow is held as a whole."""
        return self.flow.step is InterchangeStep.HELD


def release(hub: Hub, sheets: Sheets, target: Target, order: Order, *, dry: bool = False) -> Told:
    """Have what is held looked at and judged once more, and let go what now passes.

    Deliveries that an operator held back go on as they are: they were judged already.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        target: A held document, or a flow for all it holds.
        order: Why; it may be empty.
        dry: True to say what would be let go; what judging would then say, `replay` tells.

    Raises:
        ConfigError: No such flow, or its sender has no sheet any more.
        ScannerSilent: The scanner that the sheet requires gives no verdict; nothing changed.
        ArchiveError: The original is gone; nothing changed.
    """
    held = atomically(hub, lambda tx: held_of(tx, target), "operator.find")
    told = _told(sheets, target, held)
    if dry or told.refused:
        return replace(told, documents=held.meant)
    if not told.done:
        atomically(hub, lambda tx: record(hub, tx, Verb.RELEASE, told, order), "operator.note")
        return replace(told, documents=held.meant)
    try:
        _let_go(hub, sheets, held, told, order)
    except Fenced:
        told = Told(target=target, idle=dict.fromkeys(target.subjects, _GONE_ON))
        record_alone(hub, Verb.RELEASE, told, order)
        return replace(told, documents=now_standing(hub, target))
    log.info("operator.release", **logged(told))
    return replace(told, documents=now_standing(hub, target))


def held_of(tx: Transaction, target: Target) -> Held:
    """Gather what of a target is held.

    Raises:
        ConfigError: No such flow.
    """
    flow = flow_of(tx, target)
    meant = target.of(tx.documents_of(flow.id))
    newest = latest_rows(tx.outbox_of(flow.id), meant).values()
    paused = {row.key: row for row in newest if row.state is OutboxState.PAUSED}
    return Held(
        flow,
        tuple(one for one in meant if one.step is Step.HELD),
        tuple(paused[key] for key in sorted(paused)),
        meant,
    )


def _told(sheets: Sheets, target: Target, held: Held) -> Told:
    """Say what will be let go, and how far the directory of now would let it."""
    if why := held_as_a_whole(held.flow, target):
        return Told(target=target, refused=dict.fromkeys(target.subjects, why))
    done: dict[str, str] = {
        one.id: f"rejugé / judged again{_routed(sheets, held.flow, one)}" for one in held.documents
    }
    if held.whole:
        done[held.flow.id] = "le flux est contrôlé à nouveau / the flow is judged again"
    for row in held.rows:
        said = f"la remise repart / the delivery goes on: {row.name} → {row.connection}"
        done.update({one.id: said for one in held.meant if one.id in row.documents})
    others: Iterable[str] = [one.id for one in held.meant if one.id not in done]
    if target.documents is None and not done:
        others = target.subjects
    return Told(target=target, done=done, idle=dict.fromkeys(others, _NOT_HELD))


def _routed(sheets: Sheets, flow: Interchange, one: Document) -> str:
    """Say where a document without a route would go now."""
    if one.reasons[0].code not in {"NO_ROUTE", "NOT_LIVE"}:
        return ""
    receivers = receivers_of(sheets, flow.environment, day_of(flow.received_at))
    route = choose(one, flow.partner, sheets.directory, receivers).route
    known = route is not None
    return f" ; route : {route}" if known else " ; toujours sans route / still no route"


def _let_go(hub: Hub, sheets: Sheets, held: Held, told: Told, order: Order) -> None:
    sender = sender_at(hub, sheets, held.flow)

    def note(tx: Transaction) -> None:
        record(hub, tx, Verb.RELEASE, told, order)
        _let_leave(hub, sheets, tx, held)

    if held.unopened:
        rework(hub, sheets, held.flow, note)
    elif held.documents or held.whole:
        looked = look_again(hub, held.flow, sender, {one.seq for one in held.documents}, sheets)
        settle_again(hub, sheets, held, sender, looked, note)
    else:
        atomically(hub, note, "operator.release")


def _let_leave(hub: Hub, sheets: Sheets, tx: Transaction, held: Held) -> None:
    """Let deliveries go on: as they were planned, or anew where the sheet asks otherwise now.

    What the hub could not write in one form is not tried in it for ever. What had a file of its
    own keeps it; what waited for a group had none, and gets one where there is none to wait for.
    """
    now = hub.clock.now()
    for row in held.rows:
        sheet = sheets.connections.get(row.connection)
        if sheet is None or row.is_group or _is_as_asked(row, sheet):
            after = OutboxState.WAITING if is_to_wait(row) else OutboxState.PENDING
            tx.move_outbox(row, after, by=hub.by, at=now)
            continue
        tx.move_outbox(row, OutboxState.CANCELLED, by=hub.by, at=now)
        carried = tx.documents_named(row.documents)
        planning = planning_of(hub, tx)
        for anew in plan_deliveries(carried, sheets.connections, planning, row.generation + 1):
            tx.enqueue(anew, hub.by, now)


def _is_as_asked(row: OutboxRow, sheet: Connection) -> bool:
    """Tell whether a delivery may still be made as it was planned."""
    groups = sheet.grouping in WAITING_GROUPS and sheet.envelope is row.envelope
    return sheet.recipe == row.recipe and (groups or not is_to_wait(row))


def settle_again(
    hub: Hub,
    sheets: Sheets,
    held: Held,
    sender: Sender,
    looked: Looked,
    note: Callable[[Transaction], None],
) -> None:
    """Settle what is held by what a further look at it found.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        held: What is held: some documents, or a flow that was opened.
        sender: Whom the answer goes to.
        looked: What was found.
        note: Written first, by the transaction that decides.

    Raises:
        ScannerSilent: Nobody could look for malware; nothing changed.
        Fenced: Somebody moved one of the documents meanwhile; nothing changed.
    """
    if looked.scanned.silent:
        raise still_silent(looked.scanned)

    def note_both(tx: Transaction) -> None:
        note(tx)
        note_scan(hub, tx, held.flow, looked.scanned)

    own = looked.opened.refused
    if looked.scanned.found is not None:
        own = infected_flow(held.flow, looked.scanned.found)
    if own is not None:
        refuse_held(hub, held.flow, held.documents, sender, own, own.message["fr"], note_both)
    else:
        _decide_again(hub, sheets, held, sender, looked, note_both)


def _decide_again(
    hub: Hub,
    sheets: Sheets,
    held: Held,
    sender: Sender,
    looked: Looked,
    note: Callable[[Transaction], None],
) -> None:
    """Decide on what was held by what was found in it now, and answer its sender."""
    flow, judged = held.flow, candidates(held.documents, looked)
    found = {**stored_findings(hub, everything_in(hub, flow)), **findings_of(judged)}
    figures = kept_figures(hub.ledger, flow.id)
    beside: dict[DocumentId, Beside] = {}

    def decide(tx: Transaction) -> None:
        note(tx)
        for one in judged:
            if one.report is not None:
                tx.replace_report(one.document.id, one.report)
        settled = settle_flow(
            hub,
            sheets,
            tx,
            sender.connection,
            sender.interface,
            flow,
            [replace(one, beside=beside.get(one.document.id)) for one in judged],
            looked.opened.manifest,
        )
        now = replace(
            settled,
            documents=tuple(tx.documents_of(flow.id)),
            figures=settled.figures or figures,
        )
        answer(hub, tx, sender.connection, sender.interface, now, found, was_held=True)

    knowing(hub, sheets, beside, lambda: atomically(hub, decide, "operator.decide"))
    hub.spool.clear(flow.id)
