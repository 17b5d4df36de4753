"""Close the groups in which documents wait for each other: what is ripe or full leaves.

A document that waits has an outbox row of its own, so that an operator can hold it or take
it back; closing a group puts all of them into one file's row, whose number is taken by that
very transaction. A crash before its commit leaves them waiting and the number untaken.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.settle import planning_of
from pipeline.model.carriage import Grouping
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.errors import Fenced
from pipeline.model.identity import DocumentId
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import OutboxState
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets, Transaction, Waiting
from pipeline.route.plan import plan_groups

log = get_logger(__name__)


def close_groups(hub: Hub, sheets: Sheets, *, at_end: bool) -> int:
    """Give documents that waited a file to leave in; return how many files that makes.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        at_end: True where the run has nothing left to decide on: only then are its own
            groups complete. Full files leave before.
    """
    made = 0
    for name, waits in hub.ledger.waiting().items():
        connection = sheets.connections.get(name)
        if connection is None:
            continue  # nobody to send it to: `edi why` says that the sheet is closed
        ripe = _is_ripe(hub, connection, waits, at_end=at_end)
        if ripe or _is_full(connection, waits):
            made += _close_safely(hub, connection, ripe=ripe)
    return made


def _is_ripe(hub: Hub, connection: Connection, waits: Waiting, *, at_end: bool) -> bool:
    complete = at_end or connection.grouping is not Grouping.RUN
    return complete and waits.due <= hub.clock.now()


def _is_full(connection: Connection, waits: Waiting) -> bool:
    carriage = connection.carriage
    return waits.documents >= carriage.documents or waits.bytes >= carriage.bytes


def _close_safely(hub: Hub, connection: Connection, *, ripe: bool) -> int:
    try:
        made = atomically(hub, partial(_close, hub, connection, ripe=ripe), "group.close")
    except Fenced:
        return 0  # an operator took one of them out meanwhile: the next look sees the others
    for row in made:
        log.info("group.closed", connection=connection.name, file=row.name, row=row.key)
    return len(made)


def _close(hub: Hub, connection: Connection, tx: Transaction, *, ripe: bool) -> list[OutboxRow]:
    now = hub.clock.now()
    rows = [row for row in tx.waiting(connection.name) if not ripe or row.due <= now]
    waiting = _with_documents(tx, rows)
    planning = planning_of(hub, tx)
    made: list[OutboxRow] = []
    for group, members in plan_groups(waiting, connection, planning, full_only=not ripe):
        for member in members:
            tx.move_outbox(member, OutboxState.GROUPED, by=hub.by, at=now)
        tx.enqueue(group, hub.by, now)
        failpoint("group.planned")
        made.append(group)
    return made


def _with_documents(
    tx: Transaction, rows: Sequence[OutboxRow]
) -> list[tuple[OutboxRow, Document]]:
    """Return each row with its one document."""
    wanted: dict[DocumentId, OutboxRow] = {row.documents[0]: row for row in rows}
    return [(wanted[one.id], one) for one in tx.documents_named(wanted)]
