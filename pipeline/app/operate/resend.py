"""Send files once more under their own names: what a receiver lost, or came too late for.

A file that is sent again is a row of its own, of the next generation, with the same name and
the same bytes. It is refused where a file of that name still lies there, and where the bytes
could not be made the same: then another delivery, under another name, is what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.deliver import payload_of
from pipeline.app.handover import folder_of
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.operate.acting import ORIGINAL_GONE, Order, demand_reason, latest_rows
from pipeline.app.sessions import Sessions
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, PipelineError
from pipeline.model.event import Fact
from pipeline.model.identity import InterchangeId, OutboxKey, outbox_key
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import THERE, Known, PickupState
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Query, Sheets, Transaction

log = get_logger(__name__)

_NOT_SENT = "pas encore remis ({0}) / not delivered yet"
_STILL_THERE = (
    "y est encore, sous ce nom : à relever / still lies there under that name: pick it up"
)
_LEAVING_NOW = "son retrait est en cours, réessayez / it is being removed just now, try again"
_OTHER = (
    "les mêmes octets ne peuvent plus être faits : edi redeliver, sous un autre nom"
    " / the same bytes cannot be made any more: edi redeliver, under another name"
)


@dataclass(slots=True)
class Resent:
    """What leaves again, and what does not.

    Attributes:
        done: Where to, by file name; French first.
        refused: Why not, by file name.
    """

    done: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def find_files(hub: Hub, sheets: Sheets, subject: str) -> Sequence[OutboxRow]:
    """Return the newest deliveries that a flow, a document or the name of a file stands for.

    Raises:
        ConfigError: Nothing that was ever to be delivered.
    """
    ledger = hub.ledger
    if ledger.interchange(subject) is not None:
        flow = InterchangeId(subject)
        documents = ledger.documents(Query(interchange=flow, limit=None))
        rows = ledger.outbox(interchange=flow, kind=OutboxKind.DELIVERY)
    elif (document := ledger.document(subject)) is not None:
        documents = [document]
        rows = ledger.outbox(document=document.id, kind=OutboxKind.DELIVERY)
    else:
        documents, rows = _named(hub, sheets, subject)
    newest = {row.key: row for row in latest_rows(rows, documents).values()}
    if not newest:
        raise ConfigError(
            f"{subject}: ni flux, ni document, ni fichier remis"
            " / no flow, no document and no delivered file"
        )
    return [newest[key] for key in sorted(newest)]


def _named(hub: Hub, sheets: Sheets, name: str) -> tuple[Sequence[Document], Sequence[OutboxRow]]:
    """Return the deliveries of a file of that name, and what they carry."""
    keys = {
        OutboxKey(found[name].key)
        for connection in sheets.connections
        if name in (found := hub.ledger.upkeep.leaving(connection, [name]))
    }
    rows = [row for row in hub.ledger.outbox(keys=keys) if row.kind is OutboxKind.DELIVERY]
    carried = {one for row in rows for one in row.documents}
    return (hub.ledger.documents_named(carried) if carried else [], rows)


def resend(
    hub: Hub, sheets: Sheets, rows: Sequence[OutboxRow], order: Order, *, dry: bool = False
) -> Resent:
    """Send files once more, each under its own name.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        rows: The newest deliveries of what is meant.
        order: Why.
        dry: True to say what would leave, and do nothing.

    Raises:
        ConfigError: No reason is given.
    """
    if not dry:
        demand_reason(order)
    resent = Resent()
    leaving: list[OutboxRow] = []
    with Sessions(hub.doors, hub.breaker, hub.clock, sheets.connections.values()) as sessions:
        at_work = replace(hub, doors=sessions)
        for row in rows:
            why = _objection(at_work, sheets, row)
            if why:
                resent.refused[row.name] = why
            else:
                leaving.append(row)
                resent.done[row.name] = f"renvoi / sent again → {row.connection}"
    if leaving and not dry:
        atomically(hub, lambda tx: _enqueue(hub, tx, leaving, order), "operator.resend")
        log.info("operator.resend", files=len(leaving), reason=order.reason)
    return resent


def _objection(hub: Hub, sheets: Sheets, row: OutboxRow) -> str:
    """Say why a file cannot be sent again; empty where it can."""
    if row.state is not OutboxState.SENT:
        return _NOT_SENT.format(row.state.value)
    watched = hub.ledger.pickups.of([row.key]).get(row.key)
    if watched is not None and watched.state is PickupState.PURGING:
        return _LEAVING_NOW
    documents: dict[str, Document] = {
        one.id: one for one in hub.ledger.documents_named(row.documents)
    }
    if any(_is_erased(hub, one.interchange) for one in documents.values()):
        return ORIGINAL_GONE
    try:
        sheet = sheet_of(sheets, row.connection)
        with hub.doors.open(sheet) as session:
            if session.find(folder_of(sheet, row), row.name) is not None:
                return _STILL_THERE
        return "" if _is_same(hub, sheets, row, documents) else _OTHER
    except PipelineError as error:
        return f"{error.code}: {error}"


def _is_erased(hub: Hub, flow: InterchangeId) -> bool:
    interchange = hub.ledger.interchange(flow)
    return interchange is None or interchange.erased


def _is_same(hub: Hub, sheets: Sheets, row: OutboxRow, documents: dict[str, Document]) -> bool:
    """Tell whether the bytes that were put can be made again.

    A file that was found at its receiver's was held against our bytes then.
    """
    put = hub.ledger.upkeep.leaving(row.connection, [row.name])[row.name].sha256
    payload = payload_of(hub, sheets, row, documents)
    return put in {"", sha256(payload).hexdigest()}


def _enqueue(hub: Hub, tx: Transaction, leaving: Sequence[OutboxRow], order: Order) -> None:
    now = hub.clock.now()
    watched = hub.ledger.pickups.of([row.key for row in leaving])
    for row in leaving:
        again = _again(tx, row)
        before = watched.get(row.key)
        if before is not None and before.state in THERE:
            gone = replace(before, state=PickupState.PICKED_UP, at=now, known=Known.ABSENCE)
            tx.move_pickup(before, gone, by=hub.by, at=now, data={"known": Known.ABSENCE.value})
        tx.enqueue(replace(again, due=now), hub.by, now)
        data = {"reason": order.reason, "generation": again.generation, "file": row.name}
        for subject in (row.key, *row.documents):
            fact = Fact(at=now, subject=subject, what="operator.resend", by=hub.by, data=data)
            tx.append(fact)


def _again(tx: Transaction, row: OutboxRow) -> OutboxRow:
    """Return the row of the same file, one generation later: nothing else of it differs."""
    generation = row.generation + 1
    (first, *_) = tx.documents_named(row.documents[:1])
    key = outbox_key("delivery", first.interchange, row.connection, row.name, generation)
    return replace(
        row, key=key, generation=generation, state=OutboxState.PENDING, attempts=0, error=""
    )
