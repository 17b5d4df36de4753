"""Questions of the notices: numbers of flows, answers that are due, what was told already."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, case, exists, func, null, select

from pipeline.adapters.database.reading import filtered, sliced
from pipeline.adapters.database.rows import interchange_of
from pipeline.adapters.database.statements import BY_AGE, OUTBOX_KNOWN
from pipeline.adapters.database.tables import attempt, expiry_warning, interchange, outbox
from pipeline.model.identity import OutboxKey
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import AnswerTime, Query


def warned(connection: Connection) -> dict[str, int]:
    """Return the last warning of each subject that was ever warned of, by days left."""
    columns = expiry_warning.c
    statement = select(columns.subject, func.min(columns.days)).group_by(columns.subject)
    return {subject: days for subject, days in connection.execute(statement)}  # noqa: C416  rows are no pairs to mypy


def names_between(
    connection: Connection, sender: str, lowest: str, highest: str, since: datetime
) -> list[tuple[str, datetime]]:
    """Return the names from the lowest received since a moment, with their first receipt."""
    columns = interchange.c
    ours = and_(columns.connection == sender, columns.name.between(lowest, highest))
    start = select(func.min(columns.name)).where(ours, columns.received_at >= since)
    statement = (
        select(columns.name, func.min(columns.received_at))
        .where(ours, columns.name >= start.scalar_subquery())
        .group_by(columns.name)
        .order_by(columns.name)
    )
    return [(name, at) for name, at in connection.execute(statement)]


def known_rows(connection: Connection, keys: Collection[OutboxKey]) -> set[OutboxKey]:
    """Return those keys that an outbox row has."""
    return {
        OutboxKey(key)
        for part in sliced(sorted(keys))
        for key in connection.scalars(OUTBOX_KNOWN, {"keys": part})
    }


def answer_times(connection: Connection, query: Query, *, waiting: bool) -> list[AnswerTime]:
    """Return when each interchange got its final answer, oldest first."""
    final = and_(
        outbox.c.interchange == interchange.c.id,
        outbox.c.kind == OutboxKind.ACKNOWLEDGEMENT.value,
        outbox.c.final.is_(True),
        # a further answer, to a withdrawal, is no late first one
        outbox.c.generation == 1,
    )
    unsent = exists().where(final, outbox.c.state != OutboxState.SENT.value)
    put = (
        select(func.max(attempt.c.at))
        .join_from(outbox, attempt, attempt.c.key == outbox.c.key)
        .where(final, attempt.c.error == "")
        .correlate(interchange)
        .scalar_subquery()
    )
    answered_at = case((unsent, null()), else_=put)
    statement = filtered(
        select(interchange, answered_at.label("answered_at")), query, interchange.c.step
    )
    if waiting:
        statement = statement.where(answered_at.is_(None))
    rows = connection.execute(statement.order_by(*BY_AGE).limit(query.limit))
    return [AnswerTime(interchange_of(row), row.answered_at) for row in rows]
