"""Claims: the right to act on one row until a deadline, handed to one worker at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    func,
    or_,
    select,
    update,
)

from pipeline.adapters.database.reading import find_outbox
from pipeline.adapters.database.rows import Values, interchange_of
from pipeline.adapters.database.statements import BY_AGE, OUTBOX_NAMED
from pipeline.adapters.database.tables import interchange, outbox
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Claim

#: What a move writes besides: nobody holds the row any more.
ENDED: Values = {"lease_owner": None, "lease_until": None}


def is_free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Match rows that nobody holds at `now`."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def claim_interchanges(
    connection: Connection,
    owner: str,
    now: datetime,
    until: datetime,
    limit: int,
    limit_bytes: int,
) -> Sequence[tuple[Interchange, Claim]]:
    """Claim received interchanges, connections taking turns by bytes.

    What a connection has waiting before an interchange, in bytes, is that one's turn: a
    sender of many small files is not kept waiting by one of few large ones, nor by one
    of thousands.
    """
    columns = interchange.c
    own = func.sum(columns.size).over(
        partition_by=columns.connection, order_by=BY_AGE, rows=(None, 0)
    )
    turn = (own - columns.size).label("turn")
    free = (columns.step == InterchangeStep.RECEIVED.value, is_free(interchange, now))
    queue = (
        select(columns.id, columns.size, columns.received_at, columns.name, turn)
        .where(*free)
        .subquery()
    )
    in_turn = (queue.c.turn, queue.c.received_at, queue.c.name)
    up_to_here = func.sum(queue.c.size).over(order_by=in_turn, rows=(None, 0))
    measured = select(
        queue.c.id, queue.c.turn, (up_to_here - queue.c.size).label("before")
    ).subquery()
    waiting = (
        select(interchange)
        .join(measured, measured.c.id == columns.id)
        # once more: PostgreSQL looks again at the row it locks, not at what was computed before
        .where(*free, measured.c.before < limit_bytes)
        .order_by(measured.c.turn, *BY_AGE)
        .limit(limit)
    )
    rows = _take(connection, waiting, columns.id, owner, until)
    return [(interchange_of(row), Claim(row.id, row.lease_token + 1)) for row in rows]


def claim_outbox(
    connection: Connection, owner: str, now: datetime, until: datetime, limit: int, door: str
) -> Sequence[tuple[OutboxRow, Claim]]:
    """Claim due rows of the connection `door`, in order of due, then key."""
    waiting = (
        select(outbox.c.key, outbox.c.lease_token)
        .where(
            outbox.c.state == OutboxState.PENDING.value,
            outbox.c.connection == door,
            outbox.c.due <= now,
            is_free(outbox, now),
        )
        .order_by(outbox.c.due, outbox.c.key)
        .limit(limit)
    )
    taken = _take(connection, waiting, outbox.c.key, owner, until)
    if not taken:
        return ()
    keys = [row.key for row in taken]
    values = {row.key: row for row in find_outbox(connection, OUTBOX_NAMED, {"keys": keys})}
    return [(values[row.key], Claim(row.key, row.lease_token + 1)) for row in taken]


def release_outbox(connection: Connection, claims: Sequence[Claim]) -> None:
    """End claims whose rows were not tried; one that was lost meanwhile is left alone."""
    for claim in claims:
        held = (outbox.c.key == claim.subject) & (outbox.c.lease_token == claim.token)
        connection.execute(update(outbox).where(held).values(**ENDED))


def void_claims(connection: Connection) -> int:
    """End every claim, so that whoever held one is fenced; return how many there were."""
    ended = 0
    for table in (interchange, outbox):
        held = table.c.lease_owner.is_not(None)
        statement = update(table).where(held).values(lease_token=table.c.lease_token + 1, **ENDED)
        ended += connection.execute(statement).rowcount
    return ended


def _take(
    connection: Connection,
    waiting: Select[Any],
    key: Column[str],
    owner: str,
    until: datetime,
) -> Sequence[Row[Any]]:
    """Lock the rows that no other worker has locked, and note who holds them."""
    locked = waiting.with_for_update(skip_locked=True, key_share=True, of=key.table)
    rows = connection.execute(locked).all()
    if rows:
        names = [getattr(row, key.name) for row in rows]
        token = key.table.c.lease_token + 1
        connection.execute(
            update(key.table)
            .where(key.in_(names))
            .values(lease_owner=owner, lease_until=until, lease_token=token)
        )
    return rows
