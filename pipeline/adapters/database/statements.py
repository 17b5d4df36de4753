"""The statements of the hot path, built once: building one costs three times its execution.

Names that begin with ``b_`` are compared; an update sets whatever else it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Executable,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.adapters.database.tables import (
    bulk,
    business_key,
    conversion,
    counter,
    document,
    expiry_warning,
    finding,
    interchange,
    job_run,
    outbox,
    outbox_document,
    pause,
    receipt,
    report,
)
from pipeline.model.status import FOLLOWS, InterchangeStep, OutboxState

#: Oldest first; files of one moment by name, as those who compare them do.
BY_AGE = (interchange.c.received_at, interchange.c.name, interchange.c.id)


class Outbox(NamedTuple):
    """Two questions: some outbox rows by key, and the documents they carry by key and place."""

    rows: Select[Any]
    carried: Select[Any]


def outbox_where(*where: ColumnElement[bool]) -> Outbox:
    """Build the questions for the outbox rows that match."""
    carried = outbox_document.c
    return Outbox(
        select(outbox).where(*where).order_by(outbox.c.key),
        select(carried.key, carried.document)
        .where(carried.key.in_(select(outbox.c.key).where(*where)))
        .order_by(carried.key, carried.place),
    )


def _equal(column: Column[Any]) -> ColumnElement[bool]:
    return column == bindparam(f"b_{column.name}")


def _any_of(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


# -- facts; on PostgreSQL those of a transaction lock what they return, on SQLite it all is
INTERCHANGE = select(interchange).where(_equal(interchange.c.id))
DOCUMENT = select(document).where(_equal(document.c.id))
DOCUMENTS_OF = select(document).where(_equal(document.c.interchange)).order_by(document.c.seq)
REPORT = select(report.c.body).where(_equal(report.c.document))
FINDINGS = select(finding).where(_equal(finding.c.document)).order_by(finding.c.place)
CONVERSIONS = (
    select(conversion.c.body)
    .join(outbox, outbox.c.key == conversion.c.key)
    .where(conversion.c.document.in_(_any_of("documents")))
    .order_by(conversion.c.document, outbox.c.generation, conversion.c.key)
)
#: Those of a flow, and those of groups that carry something of it beside others.
OUTBOX_OF = outbox_where(
    outbox.c.key.in_(
        select(outbox.c.key)
        .where(_equal(outbox.c.interchange))
        .union(
            select(outbox_document.c.key)
            .join(document, document.c.id == outbox_document.c.document)
            .where(_equal(document.c.interchange))
        )
    )
)
_WAITS = outbox.c.state == OutboxState.WAITING.value
WAITING_AT = outbox_where(_WAITS, _equal(outbox.c.connection))
WAITING = (
    select(
        outbox.c.connection,
        func.count().label("documents"),
        func.sum(document.c.size).label("bytes"),
        func.min(outbox.c.due).label("due"),
    )
    .join(outbox_document, outbox_document.c.key == outbox.c.key)
    .join(document, document.c.id == outbox_document.c.document)
    .where(_WAITS)
    .group_by(outbox.c.connection)
    .order_by(outbox.c.connection)
)
OUTBOX_NAMED = outbox_where(outbox.c.key.in_(_any_of("keys")))
LOCK = select(interchange.c.id).where(_equal(interchange.c.id)).with_for_update(key_share=True)
_OTHERS = (
    select(interchange)
    .where(interchange.c.id != bindparam("but"))
    .order_by(*BY_AGE)
    .with_for_update(key_share=True)
)
SAME_BYTES = _OTHERS.where(_equal(interchange.c.sha256))
SAME_NAME = _OTHERS.where(_equal(interchange.c.connection), _equal(interchange.c.name))
HOLDERS = (
    select(business_key)
    .where(
        _equal(business_key.c.environment),
        business_key.c.seller.in_(_any_of("sellers")),
        business_key.c.number.in_(_any_of("numbers")),
    )
    .with_for_update(key_share=True)
)

COUNT_ROUTED = (
    select(func.count())
    .select_from(document)
    .join(interchange, document.c.interchange == interchange.c.id)
    .where(
        _equal(document.c.route),
        interchange.c.received_at >= bindparam("since"),
        interchange.c.received_at < bindparam("before"),
    )
)
OUTBOX_KNOWN = select(outbox.c.key).where(outbox.c.key.in_(_any_of("keys")))
DOCUMENTS_NAMED = select(document).where(document.c.id.in_(_any_of("ids"))).order_by(document.c.id)
_UNFINISHED = exists().where(
    document.c.interchange == interchange.c.id,
    document.c.step.not_in([step.value for step, after in FOLLOWS.items() if step and not after]),
)
UNCLOSED = (
    select(interchange)
    .where(interchange.c.step == InterchangeStep.OPENED.value, ~_UNFINISHED)
    .order_by(interchange.c.id)
)
FINISHED = UNCLOSED.where(interchange.c.id.in_(_any_of("ids")))
_other = interchange.alias("other")
REPEATED = select(interchange.c.id).where(
    interchange.c.id.in_(_any_of("ids")),
    exists().where(
        _other.c.id != interchange.c.id,
        or_(
            and_(_other.c.sha256 == interchange.c.sha256, interchange.c.sha256 != ""),
            and_(
                _other.c.connection == interchange.c.connection,
                _other.c.name == interchange.c.name,
            ),
        ),
    ),
)

# -- acts
MARK_REMOVED = (
    update(interchange)
    .where(interchange.c.id.in_(_any_of("ids")), interchange.c.removed.is_(False))
    .values(removed=True)
    .returning(interchange.c.id)
)
KNOWN = select(interchange.c.id).where(interchange.c.id.in_(_any_of("ids")))
MOVE_INTERCHANGE = update(interchange).where(_equal(interchange.c.id), _equal(interchange.c.step))
MOVE_FREE_INTERCHANGE = MOVE_INTERCHANGE.where(
    or_(interchange.c.lease_until.is_(None), interchange.c.lease_until <= bindparam("b_now"))
)
MOVE_CLAIMED_INTERCHANGE = MOVE_INTERCHANGE.where(_equal(interchange.c.lease_token))
MOVE_DOCUMENT = update(document).where(_equal(document.c.id), _equal(document.c.step))
FREE_KEYS = delete(business_key).where(business_key.c.document.in_(_any_of("documents")))
FORGET_CONVERSIONS = delete(conversion).where(_equal(conversion.c.key))
SETTLE_OUTBOX = update(outbox).where(
    _equal(outbox.c.key), _equal(outbox.c.state), _equal(outbox.c.lease_token)
)

_INSERT: Mapping[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def _add(table: Table) -> Mapping[str, Executable]:
    """By dialect: insert a row unless one with its key is there.

    The library keeps the count of updates and deletions only, unless it is asked.
    """
    return {
        dialect: build(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        for dialect, build in _INSERT.items()
    }


ADD_INTERCHANGE = _add(interchange)
ADD_RUN = _add(job_run)
ADD_PAUSE = _add(pause)
ADD_BULK = _add(bulk)
ADD_RECEIPT = _add(receipt)
ADD_WARNING = _add(expiry_warning)
#: By dialect: take the next number of a series.
NEXT_NUMBER: Mapping[str, Executable] = {
    dialect: build(counter)
    .values(value=1)
    .on_conflict_do_update(index_elements=[counter.c.series], set_={"value": counter.c.value + 1})
    .returning(counter.c.value)
    for dialect, build in _INSERT.items()
}
