"""Frozen lists and what became of their items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Update, select, update

from pipeline.adapters.database.codec import dump
from pipeline.adapters.database.rows import Values
from pipeline.adapters.database.tables import bulk, bulk_item
from pipeline.model.bulk import OPEN_ITEMS, BulkId, BulkItem, BulkList, ItemState, Verb


def bulk_values(one: BulkList) -> Values:
    """Return the row of a list."""
    return {
        "id": one.id,
        "verb": one.verb.value,
        "reason": one.reason,
        "options": dump(dict(one.options)),
        "made_at": one.made_at,
        "actor": one.by,
    }


def item_values(one: BulkList) -> list[Values]:
    """Return the rows of its items, in order."""
    return [
        {
            "bulk": one.id,
            "place": place,
            "subject": item.subject,
            "interchange": item.interchange,
            "seen": item.seen,
            "event": item.event,
            "currency": item.currency,
            "amount": None if item.amount is None else str(item.amount),
            "state": item.state.value,
            "note": item.note,
            "at": item.at,
            "actor": item.by,
        }
        for place, item in enumerate(one.items, 1)
    ]


def settle(
    subject: BulkId, items: Sequence[str], state: ItemState, note: str, by: str, at: datetime
) -> Update:
    """Build the update of items that are still to be done, or were refused."""
    columns = bulk_item.c
    return (
        update(bulk_item)
        .where(
            columns.bulk == subject,
            columns.subject.in_(items),
            columns.state.in_([one.value for one in OPEN_ITEMS]),
        )
        .values(state=state.value, note=note, at=at, actor=by)
    )


def find(connection: Connection, subject: BulkId) -> BulkList | None:
    """Return a list with its items, in order."""
    row = connection.execute(select(bulk).where(bulk.c.id == subject)).first()
    if row is None:
        return None
    columns = bulk_item.c
    items = select(bulk_item).where(columns.bulk == subject).order_by(columns.place)
    return replace(_list_of(row), items=tuple(map(_item_of, connection.execute(items))))


def newest(connection: Connection, limit: int) -> list[BulkList]:
    """Return lists without their items, newest first."""
    ordered = select(bulk).order_by(bulk.c.made_at.desc(), bulk.c.id).limit(limit)
    return [_list_of(row) for row in connection.execute(ordered)]


def _list_of(row: Row[Any]) -> BulkList:
    return BulkList(
        id=BulkId(row.id),
        verb=Verb(row.verb),
        reason=row.reason,
        options=json.loads(row.options),
        made_at=row.made_at,
        by=row.actor,
    )


def _item_of(row: Row[Any]) -> BulkItem:
    return BulkItem(
        subject=row.subject,
        interchange=row.interchange,
        seen=row.seen,
        event=row.event,
        currency=row.currency,
        amount=None if row.amount is None else Decimal(row.amount),
        state=ItemState(row.state),
        note=row.note,
        at=row.at,
        by=row.actor,
    )
