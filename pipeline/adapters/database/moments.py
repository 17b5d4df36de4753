"""Moments that are waited for, moved when somebody sets the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from pipeline.adapters.database.tables import interchange, listing_seen, outbox
from pipeline.model.status import OutboxState


def move(connection: Connection, by: timedelta) -> None:
    """Move since when files stand in senders' folders, and when files to leave are due."""
    seen = listing_seen.c
    sights = connection.execute(
        select(seen.connection, seen.name, seen.first_seen, seen.stable_since)
    ).all()
    if sights:
        connection.execute(
            update(listing_seen)
            .where(seen.connection == bindparam("of"), seen.name == bindparam("named"))
            .values(first_seen=bindparam("first"), stable_since=bindparam("stable")),
            [
                {"of": of, "named": name, "first": first + by, "stable": stable + by}
                for of, name, first, stable in sights
            ],
        )
    pending = outbox.c.state == OutboxState.PENDING.value
    waiting = connection.execute(select(outbox.c.key, outbox.c.due).where(pending)).all()
    if waiting:
        connection.execute(
            update(outbox).where(outbox.c.key == bindparam("row")).values(due=bindparam("new")),
            [{"row": key, "new": due + by} for key, due in waiting],
        )


def end_claims_by(connection: Connection, latest: datetime) -> None:
    """Let no claim last beyond `latest`."""
    for table in (interchange, outbox):
        connection.execute(
            update(table).where(table.c.lease_until > latest).values(lease_until=latest)
        )
