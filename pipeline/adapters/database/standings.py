"""Where connections stand: one row each, moved by a fenced update, with an event as its proof."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from pipeline.adapters.database.rows import Values
from pipeline.adapters.database.tables import standing
from pipeline.model.errors import Fenced
from pipeline.model.event import Fact
from pipeline.model.standing import SHEET_FOLLOWS, MoveCause, SheetState, Standing
from pipeline.model.status import check_step

#: Event of a move; that of a sheet's first version tells where it began.
SHEET_MOVED = "sheet.moved"
#: What was done to a sheet before it changed says nothing of how it is now.
_BEFORE_THE_TRAFFIC = frozenset({SheetState.TESTED, SheetState.APPROVED})


def read_standings(connection: Connection) -> dict[str, Standing]:
    """Return where every connection stands that ever was in force, by name."""
    rows = connection.execute(select(standing).order_by(standing.c.connection))
    return {row.connection: _standing_of(row) for row in rows}


def begin(
    connection: Connection, names: Iterable[str], state: SheetState, by: str, at: datetime
) -> Collection[str]:
    """Write where connections begin that are new; return which are."""
    known = set(connection.execute(select(standing.c.connection)).scalars())
    new = [
        Standing(connection=name, state=state, since=at, by=by, cause=MoveCause.APPLIED)
        for name in names
        if name not in known
    ]
    for one in new:
        check_step(SHEET_FOLLOWS, None, one.state)
    if new:
        connection.execute(insert(standing), [_values(one) for one in new])
    return {one.connection for one in new}


def back_to_draft(
    connection: Connection, changed: Collection[str], by: str, at: datetime
) -> list[Fact]:
    """Take changed connections back that were tested or approved as they were before.

    A draft stays one, of this moment: whoever is testing the older one is fenced.
    """
    columns = standing.c
    connection.execute(
        update(standing)
        .where(columns.connection.in_(changed), columns.state == SheetState.DRAFT.value)
        .values(since=at, actor=by)
    )
    return [
        move(
            connection,
            one,
            Standing(
                connection=one.connection,
                state=SheetState.DRAFT,
                since=at,
                by=by,
                cause=MoveCause.APPLIED,
                reason="la fiche a changé / the sheet changed",
            ),
        )
        for one in read_standings(connection).values()
        if one.connection in changed and one.state in _BEFORE_THE_TRAFFIC
    ]


def move(connection: Connection, before: Standing, after: Standing) -> Fact:
    """Move a connection from where it was seen to stand; return what happened.

    Raises:
        ValueError: There is no such move: our bug.
        Fenced: It stands elsewhere, or was moved meanwhile.
    """
    check_step(SHEET_FOLLOWS, before.state, after.state)
    columns = standing.c
    moved = connection.execute(
        update(standing)
        .where(
            columns.connection == before.connection,
            columns.state == before.state.value,
            columns.since == before.since,
        )
        .values(_values(after))
    )
    if moved.rowcount != 1:
        raise Fenced(
            f"{before.connection}: déplacée entre-temps par un autre, regardez : edi connections"
            " show / moved meanwhile by somebody else, look: edi connections show"
        )
    data = {"from": before.state.value, "to": after.state.value, "cause": after.cause.value}
    return Fact(
        at=after.since,
        subject=after.connection,
        what=SHEET_MOVED,
        by=after.by,
        data={**data, "reason": after.reason} if after.reason else data,
    )


def _values(one: Standing) -> Values:
    return {
        "connection": one.connection,
        "state": one.state.value,
        "since": one.since,
        "actor": one.by,
        "cause": one.cause.value,
        "reason": one.reason,
        "resumes": one.resumes.value if one.resumes else None,
    }


def _standing_of(row: Row[Any]) -> Standing:
    return Standing(
        connection=row.connection,
        state=SheetState(row.state),
        since=row.since,
        by=row.actor,
        cause=MoveCause(row.cause),
        reason=row.reason,
        resumes=SheetState(row.resumes) if row.resumes else None,
    )
