"""What every verb of an operator begins with and ends with: its target, its audit, its answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub, sheet_at, sheet_of
from pipeline.ingest.admission import interface_of
from pipeline.model.bulk import BulkId, ItemState, Verb
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, Fenced
from pipeline.model.event import Fact
from pipeline.model.finding import Finding
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Query, Sheets, Transaction

#: Why nothing can be done any more with a flow whose bytes were destroyed.
ORIGINAL_GONE = "effacé : l'original n'existe plus / erased: the original is gone"
#: Why a verb did nothing that another worker was first at.
MOVED = "changé entre-temps par un autre, regardez / changed meanwhile by somebody else, look"
#: Ids that one log line names; the events name them all.
LOGGED = 5


@dataclass(frozen=True, slots=True)
class Target:
    """What a verb is to act on.

    Attributes:
        interchange: The flow.
        documents: Which of its documents; None for the flow with all it holds.
    """

    interchange: InterchangeId
    documents: frozenset[DocumentId] | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return the ids that events of the verb bear: the flow's, or each document's."""
        return (self.interchange,) if self.documents is None else tuple(sorted(self.documents))

    def of(self, documents: Iterable[Document]) -> tuple[Document, ...]:
        """Return those of the flow's documents that are meant."""
        wanted = self.documents
        return tuple(one for one in documents if wanted is None or one.id in wanted)


@dataclass(frozen=True, slots=True)
class Order:
    """Why a verb is asked for, and by which list.

    Attributes:
        reason: In the operator's words; told to senders where the verb answers them.
        bulk: The frozen list that names the target, or None.
    """

    reason: str = ""
    bulk: BulkId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a verb did, or would do.

    Attributes:
        target: What it was given.
        done: Ids that it moved, each with what was done, French first.
        idle: Ids that stand already as asked, each with how.
        refused: Ids that it cannot act on, each with why.
        documents: The flow's documents that were meant, as they now stand.
    """

    target: Target
    done: Mapping[str, str] = field(default_factory=dict)
    idle: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom the answers of a flow go to: its sheet, and what the flow came under."""

    connection: Connection
    interface: Interface | None


def find(hub: Hub, subject: str) -> Target:
    """Return what an id names.

    Raises:
        ConfigError: Nothing.
    """
    document = hub.ledger.document(subject)
    if document is not None:
        return Target(document.interchange, frozenset({document.id}))
    if hub.ledger.interchange(subject) is None:
        raise ConfigError(f"{subject}: aucun flux ni document / no such flow or document")
    return Target(InterchangeId(subject))


def flow_of(tx: Transaction, target: Target) -> Interchange:
    """Return the flow of a target, locked until the transaction ends.

    Raises:
        ConfigError: There is none.
    """
    flow = tx.interchange(target.interchange)
    if flow is None:
        raise ConfigError(f"{target.interchange}: aucun flux / no such flow")
    return flow


def held_as_a_whole(flow: Interchange, target: Target) -> str:
    """Say that a document cannot be acted on alone; empty where it can."""
    if flow.step is not InterchangeStep.HELD or target.documents is None:
        return ""
    return (
        f"tout le flux est suspendu, agissez sur {flow.id}"
        f" / the whole flow is held, act on {flow.id}"
    )


def sender_of(hub: Hub, sheets: Sheets, flow: Interchange) -> Sender:
    """Return whom the answers of a flow go to, and what was agreed with them when it came.

    Raises:
        ConfigError: Its sheet is no longer in force.
    """
    return _sender(hub, sheet_of(sheets, flow.connection), flow)


def sender_at(hub: Hub, sheets: Sheets, flow: Interchange) -> Sender:
    """Return its sender as was agreed when a flow was received: by that it is decided on.

    Raises:
        ConfigError: Its sheet is no longer in force.
    """
    return _sender(hub, sheet_at(hub, sheets, flow), flow)


def _sender(hub: Hub, connection: Connection, flow: Interchange) -> Sender:
    return Sender(connection, interface_of(flow, connection, hub.interfaces))


def demand_reason(order: Order) -> None:
    """Refuse to act without a reason.

    Raises:
        ConfigError: None is given.
    """
    if not order.reason.strip():
        raise ConfigError("donnez un motif / give a reason: --reason")


def latest_rows(
    rows: Iterable[OutboxRow], documents: Collection[Document]
) -> dict[DocumentId, OutboxRow]:
    """Return the newest delivery of each document that has one: of one in a group, its file.

    Of one generation there may be several files, where a document left one for another: all
    but the last are cancelled.
    """
    found: dict[DocumentId, OutboxRow] = {}
    wanted = {one.id for one in documents}
    for row in rows:
        if row.kind is not OutboxKind.DELIVERY or row.state is OutboxState.GROUPED:
            continue
        for one in wanted.intersection(row.documents):
            if one not in found or _rank(found[one]) < _rank(row):
                found[one] = row
    return found


def _rank(row: OutboxRow) -> tuple[int, bool]:
    return row.generation, row.state is not OutboxState.CANCELLED


def record(hub: Hub, tx: Transaction, verb: Verb, told: Told, order: Order) -> None:
    """Write down who asked for what and why, what came of it, and settle the list's items.

    An event stands on the flow, or on each document: one that had no effect says so.
    """
    now = hub.clock.now()
    for subject in told.target.subjects:
        data: dict[str, object] = {}
        if order.reason:
            data["reason"] = order.reason
        if order.bulk is not None:
            data["list"] = order.bulk
        effect = effect_on(told, subject)
        if effect is not ItemState.DONE:
            data["effect"] = effect.value
        what = f"operator.{verb.value}"
        tx.append(Fact(at=now, subject=subject, what=what, by=hub.by, data=data))
    if order.bulk is not None:
        settle_items(hub, tx, order.bulk, told)


def record_alone(hub: Hub, verb: Verb, told: Told, order: Order) -> Told:
    """Write down a verb that changed nothing, since somebody else was first; return `told`."""
    atomically(hub, lambda tx: record(hub, tx, verb, told, order), "operator.note")
    return told


def unless_beaten(
    hub: Hub, verb: Verb, target: Target, order: Order, change: Callable[[], Told], beaten: str
) -> Told:
    """Return what a change came to, and how what was meant now stands.

    Args:
        hub: The hub.
        verb: On whose behalf.
        target: What it is to act on.
        order: Why.
        change: Acts by one transaction, and records it there.
        beaten: What is told, and noted, where somebody else was first at it.
    """
    try:
        told = change()
    except Fenced:
        told = Told(target=target, refused=dict.fromkeys(target.subjects, beaten))
        return record_alone(hub, verb, told, order)
    return replace(told, documents=now_standing(hub, target))


def settle_items(hub: Hub, tx: Transaction, bulk: BulkId, told: Told) -> int:
    """Write what became of the items of a list that a verb was given.

    Returns:
        How many; none where another execution of the list was first.
    """
    notes: dict[tuple[ItemState, str], list[str]] = {}
    for subject in told.target.subjects:
        effect = effect_on(told, subject)
        notes.setdefault((effect, note_on(told, subject, effect)), []).append(subject)
    now = hub.clock.now()
    return sum(
        tx.settle_items(bulk, subjects, effect, note=note, by=hub.by, at=now)
        for (effect, note), subjects in notes.items()
    )


def effect_on(told: Told, subject: str) -> ItemState:
    """Return what a verb came to for one of its subjects; of a flow, for what is in it."""
    ids = _inside(told, subject)
    if ids.intersection(told.done):
        return ItemState.DONE
    if ids.intersection(told.refused):
        return ItemState.REFUSED
    return ItemState.NOTHING


def note_on(told: Told, subject: str, effect: ItemState) -> str:
    """Return the first sentence that explains the effect on one subject."""
    by_effect = {ItemState.DONE: told.done, ItemState.REFUSED: told.refused}
    said = by_effect.get(effect, told.idle)
    ids = _inside(told, subject)
    return next((text for key, text in said.items() if key in ids), "")


def _inside(told: Told, subject: str) -> set[str]:
    if subject != told.target.interchange:
        return {subject}
    return {*told.done, *told.idle, *told.refused}


def logged(told: Told) -> Mapping[str, object]:
    """Return the fields of the log line of a verb that had an effect."""
    return {"subject": ", ".join(told.target.subjects[:LOGGED]), "documents": len(told.done)}


def now_standing(hub: Hub, target: Target) -> tuple[Document, ...]:
    """Return the documents that are meant, as they now stand."""
    return target.of(hub.ledger.documents(Query(interchange=target.interchange, limit=None)))


def everything_in(hub: Hub, flow: Interchange) -> Sequence[Document]:
    """Return all documents of a flow, by place."""
    return hub.ledger.documents(Query(interchange=flow.id, limit=None))


def stored_findings(
    hub: Hub, documents: Iterable[Document]
) -> dict[DocumentId, Sequence[Finding]]:
    """Return what judging found in documents, as far as it is stored."""
    reports = {one.id: hub.ledger.report(one.id) for one in documents}
    return {subject: tuple(report.findings) for subject, report in reports.items() if report}
