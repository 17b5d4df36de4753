"""Claims: the right to act on one row until a deadline, handed to one worker at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from pipeline.adapters.database.reading import find_outbox, sliced
from pipeline.adapters.database.rows import Values, interchange_of
from pipeline.adapters.database.statements import BY_AGE, OUTBOX_NAMED
from pipeline.adapters.database.tables import interchange, outbox
from pipeline.model.identity import OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Claim

#: What a move writes besides: nobody holds the row any more.
ENDED: Values = {"lease_owner": None, "lease_until": None}
#: What notes that a row's file may stand at its recipient's, by the first such claim.
_BEGIN: Values = {"begun": func.coalesce(outbox.c.begun, outbox.c.lease_token)}
#: Any number: names the lock that each worker shares while it is at work.
BESIDE = 7_309_403
#: Any number: names the locks of those who claim of one connection.
_DOORS = 7_309_404


def _senders_waiting() -> Select[str]:
    """Select each connection that has something received, by one look into the index each."""
    received = interchange.c.step == InterchangeStep.RECEIVED.value
    first = select(func.min(interchange.c.connection).label("name")).where(received)
    found = first.cte("found", recursive=True)
    following = (
        select(func.min(interchange.c.connection))
        .where(received, interchange.c.connection > found.c.name)
        .scalar_subquery()
    )
    every = found.union_all(select(following).where(found.c.name.is_not(None)))
    return select(every.c.name).where(every.c.name.is_not(None)).order_by(every.c.name)


_SENDERS_WAITING = _senders_waiting()


def is_free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Match rows that nobody holds at `now`."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


#: The connections through which somebody but `owner` puts files at `now`.
_DOORS_OF_OTHERS = (
    select(outbox.c.connection)
    .where(
        outbox.c.lease_owner.is_not(None),
        outbox.c.lease_owner != bindparam("owner"),
        outbox.c.lease_until > bindparam("now"),
    )
    .distinct()
)
_DUE = (
    select(outbox.c.connection)
    .where(outbox.c.state == OutboxState.PENDING.value, outbox.c.due <= bindparam("now"))
    .distinct()
)
_DUE_AND_FREE = _DUE.where(outbox.c.connection.not_in(_DOORS_OF_OTHERS))


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
    of thousands. Only the oldest of each connection are looked at, so that a claim costs
    the same however many wait.
    """
    waiting = [
        row
        for name in connection.scalars(_SENDERS_WAITING).all()
        for row in _lock(connection, _oldest_of(name, now, limit))
    ]
    taken = _in_turn(waiting, limit, limit_bytes)
    _hold(connection, interchange.c.id, [row.id for row in taken], owner, until)
    return [(interchange_of(row), _claim(row.id, row)) for row in taken]


def _oldest_of(sender: str, now: datetime, limit: int) -> Select[Any]:
    return (
        select(interchange)
        .where(
            interchange.c.step == InterchangeStep.RECEIVED.value,
            interchange.c.connection == sender,
            is_free(interchange, now),
        )
        .order_by(*BY_AGE)
        .limit(limit)
    )


def _in_turn(waiting: Sequence[Row[Any]], limit: int, limit_bytes: int) -> list[Row[Any]]:
    """Return what is claimed of `waiting`, which has each connection's in order of age."""
    before: Counter[str] = Counter()
    turns: list[tuple[int, Row[Any]]] = []
    for row in waiting:
        turns.append((before[row.connection], row))
        before[row.connection] += row.size
    turns.sort(key=lambda turn: (turn[0], turn[1].received_at, turn[1].name))
    taken: list[Row[Any]] = []
    size = 0
    for _, row in turns[:limit]:
        if taken and size >= limit_bytes:
            break
        taken.append(row)
        size += row.size
    return taken


def claim_outbox(
    connection: Connection, owner: str, now: datetime, until: datetime, limit: int, door: str
) -> Sequence[tuple[OutboxRow, Claim]]:
    """Claim due rows of the connection `door`, in order of due, then key.

    None while another owner holds some of it: a server then meets no more sessions at once
    than its sheet agrees to, however many workers there are.
    """
    _take_turns(connection, door)
    waiting = (
        select(outbox.c.key, outbox.c.lease_token, outbox.c.lease_owner)
        .where(
            outbox.c.state == OutboxState.PENDING.value,
            outbox.c.connection == door,
            outbox.c.due <= now,
            is_free(outbox, now),
            outbox.c.connection.not_in(_DOORS_OF_OTHERS),
        )
        .order_by(outbox.c.due, outbox.c.key)
        .limit(limit)
    )
    taken = _lock(connection, waiting, {"owner": owner, "now": now})
    if not taken:
        return ()
    keys = [row.key for row in taken]
    _hold(connection, outbox.c.key, keys, owner, until)
    at_once = outbox.c.key.in_(keys), outbox.c.recipe.is_(None)
    connection.execute(update(outbox).where(*at_once).values(**_BEGIN))
    values = {row.key: row for row in find_outbox(connection, OUTBOX_NAMED, {"keys": keys})}
    return [(values[row.key], _claim(row.key, row)) for row in taken]


def begin(connection: Connection, claims: Sequence[Claim]) -> None:
    """Note of claims that their files are put from now on; one that was lost is left alone."""
    for claim in claims:
        held = _is_held(outbox.c.key, claim)
        connection.execute(update(outbox).where(held).values(**_BEGIN))


def due_connections(connection: Connection, now: datetime, owner: str | None) -> list[str]:
    """Return the names of connections with due PENDING rows, sorted; as of the ledger."""
    statement = _DUE if owner is None else _DUE_AND_FREE
    return sorted(connection.scalars(statement, {"owner": owner, "now": now}))


def any_to_judge(connection: Connection, now: datetime) -> bool:
    """Tell whether an interchange is RECEIVED and held by nobody."""
    received = interchange.c.step == InterchangeStep.RECEIVED.value
    waiting = select(interchange.c.id).where(received, is_free(interchange, now)).limit(1)
    return connection.execute(waiting).first() is not None


def renew(
    connection: Connection, key: Column[str], claims: Sequence[Claim], until: datetime
) -> list[Claim]:
    """Put the end of claims off; return those that are still held."""
    return [
        claim
        for claim in claims
        if connection.execute(
            update(key.table).where(_is_held(key, claim)).values(lease_until=until)
        ).rowcount
    ]


def release(
    connection: Connection,
    key: Column[str],
    claims: Sequence[Claim],
    not_before: datetime | None = None,
) -> None:
    """End claims whose subjects stay as they are; one that was lost is left alone.

    What an earlier claim began stays begun: this one has not tried. A row that is to be left
    alone until a moment has no owner, so that nobody is said to have lost it then.
    """
    ended: Values = {**ENDED, "lease_until": not_before}
    for claim in claims:
        if key.table is outbox:
            untried = and_(_is_held(key, claim), outbox.c.begun == claim.token)
            connection.execute(update(outbox).where(untried).values(begun=None))
        connection.execute(update(key.table).where(_is_held(key, claim)).values(**ended))


def claimed_ever(connection: Connection, keys: Collection[OutboxKey]) -> dict[OutboxKey, int]:
    """Return the token of those of these rows for which a claim ever raised it."""
    columns = outbox.c.key, outbox.c.lease_token
    return {
        OutboxKey(row.key): row.lease_token
        for part in sliced(sorted(keys))
        for row in connection.execute(
            select(*columns).where(outbox.c.key.in_(part), outbox.c.lease_token > 0)
        )
    }


def void_claims(connection: Connection) -> int:
    """End every claim, so that whoever held one is fenced; return how many there were.

    What was put off may be claimed at once: a new process may have what the old one lacked.
    None is ended while another worker is at work (`open.beside_others`).
    """
    if not _is_alone(connection):
        return 0
    ended = 0
    for table in (interchange, outbox):
        held = table.c.lease_owner.is_not(None)
        statement = update(table).where(held).values(lease_token=table.c.lease_token + 1, **ENDED)
        ended += connection.execute(statement).rowcount
        put_off = update(table).where(table.c.lease_until.is_not(None))
        connection.execute(put_off.values(**ENDED))
    return ended


def _lock(
    connection: Connection, waiting: Select[Any], values: Mapping[str, object] | None = None
) -> Sequence[Row[Any]]:
    """Return rows that no other worker has locked, locked until the transaction ends."""
    locking = waiting.with_for_update(skip_locked=True, key_share=True)
    return connection.execute(locking, values).all()


def _claim(subject: str, row: Row[Any]) -> Claim:
    """Return the claim that follows the one a row tells of, and whose that was."""
    return Claim(subject, row.lease_token + 1, row.lease_owner or "")


def _is_held(key: Column[str], claim: Claim) -> ColumnElement[bool]:
    """Match the row of a claim that nobody has taken over, nor ended."""
    columns = key.table.c
    return and_(
        key == claim.subject,
        columns.lease_token == claim.token,
        columns.lease_owner.is_not(None),
    )


def _take_turns(connection: Connection, door: str) -> None:
    """Let those who claim of one connection in one by one, until their transaction ends."""
    if connection.dialect.name != "sqlite":  # there a writer is alone anyway
        connection.execute(select(func.pg_advisory_xact_lock(_DOORS, func.hashtext(door))))


def _is_alone(connection: Connection) -> bool:
    """Tell whether no worker is beside this process, and keep any from coming meanwhile."""
    if connection.dialect.name == "sqlite":
        return True
    taken = connection.execute(select(func.pg_try_advisory_xact_lock(BESIDE))).scalar_one()
    return bool(taken)


def _hold(
    connection: Connection, key: Column[str], names: Sequence[str], owner: str, until: datetime
) -> None:
    """Note who holds some rows, and until when."""
    if names:
        token = key.table.c.lease_token + 1
        connection.execute(
            update(key.table)
            .where(key.in_(names))
            .values(lease_owner=owner, lease_until=until, lease_token=token)
        )
