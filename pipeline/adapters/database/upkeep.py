"""Questions about the whole ledger, and small repairs: `pipeline.ports.upkeep`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from pipeline.adapters.database import chain
from pipeline.adapters.database.claims import ENDED
from pipeline.adapters.database.codec import dump
from pipeline.adapters.database.figures import ID_LENGTH, total_of
from pipeline.adapters.database.reading import filtered, party, sliced
from pipeline.adapters.database.rows import header_of, interchange_of
from pipeline.adapters.database.statements import UNCLOSED
from pipeline.adapters.database.tables import (
    attempt,
    counter,
    document,
    event,
    interchange,
    outbox,
    outbox_document,
    pulse,
)
from pipeline.model.connection import Environment
from pipeline.model.conserved import Became, Weighed
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import Syntax
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Query
from pipeline.ports.upkeep import Held, Leaving, Pulse

Opened = Callable[[], AbstractContextManager[Connection]]

#: ``CODE8_APPLICATION6_HUB6`` + four digits + fifteen digits: where its parts begin, from 1.
_NUMBERED = 41
_HUB_AT, _NUMBER_AT = 17, 27
#: Rows whose names may bear a number of ours: answers, and deliveries in another form.
_NUMBERS = or_(outbox.c.payload.is_not(None), outbox.c.recipe.is_not(None))
#: Rows whose files are no deliveries, wherever they stand.
_IS_COPY = outbox.c.kind == OutboxKind.COPY.value
_NAMED = select(interchange.c.sha256).where(interchange.c.sha256 != "").distinct()


class SqlUpkeep:
    """A `pipeline.ports.upkeep.Upkeep`.

    Args:
        read: Opens a connection that sees one moment.
        write: Opens one that may write, committed at its end.
    """

    def __init__(self, read: Opened, write: Opened) -> None:
        self._read = read
        self._write = write

    def held(self) -> Sequence[Held]:
        """Return every claim that has not ended, by subject."""
        with self._read() as connection:
            found = [
                _held_of(row, is_flow=table is interchange)
                for table in (interchange, outbox)
                for row in connection.execute(_held_in(table))
            ]
        return sorted(found, key=lambda one: one.subject)

    def overdue(self, before: datetime) -> Sequence[Leaving]:
        """Return PENDING rows that were due before a moment and that nobody holds, by due."""
        statement = _LEAVING.where(
            outbox.c.state == OutboxState.PENDING.value,
            outbox.c.due < before,
            outbox.c.lease_owner.is_(None),
        ).order_by(outbox.c.due, outbox.c.key)
        with self._read() as connection:
            return [_leaving_of(row) for row in connection.execute(statement)]

    def unclosed(self) -> Sequence[Interchange]:
        """Return OPENED interchanges whose every document is final, by id."""
        with self._read() as connection:
            return [interchange_of(row) for row in connection.execute(UNCLOSED)]

    def named_blobs(self) -> Collection[str]:
        """Return the SHA-256 of every original that a row names, erased ones among them."""
        with self._read() as connection:
            return set(connection.scalars(_NAMED))

    def needed_blobs(self) -> Collection[str]:
        """Return the SHA-256 of every original that is to be kept: its row is not erased."""
        with self._read() as connection:
            return set(connection.scalars(_NAMED.where(interchange.c.erased.is_(False))))

    def unsent(self) -> Sequence[str]:
        """Return the ids of DELIVERED documents that no SENT row carries, in order."""
        carried = exists().where(
            outbox_document.c.document == document.c.id,
            outbox.c.key == outbox_document.c.key,
            outbox.c.state == OutboxState.SENT.value,
            ~_IS_COPY,
        )
        statement = select(document.c.id).where(document.c.step == Step.DELIVERED.value, ~carried)
        with self._read() as connection:
            return list(connection.scalars(statement.order_by(document.c.id)))

    def counters(self) -> Mapping[str, int]:
        """Return the last number given in each series of answer names."""
        with self._read() as connection:
            rows = connection.execute(select(counter.c.series, counter.c.value))
            return {row.series: row.value for row in rows}

    def highest_numbers(self) -> Mapping[str, int]:
        """Return the highest number that an outbox row's name has, by series."""
        code = func.substr(outbox.c.name, 1, 8)
        hub = func.substr(outbox.c.name, _HUB_AT, 6)
        highest = func.max(func.substr(outbox.c.name, _NUMBER_AT))
        # a group comes from no single flow, but its documents are all of one environment
        flow = func.coalesce(outbox.c.interchange, document.c.interchange)
        first = (outbox_document.c.key == outbox.c.key) & (outbox_document.c.place == 1)
        statement = (
            select(interchange.c.environment, code, hub, highest)
            .select_from(outbox)
            .outerjoin(outbox_document, first)
            .outerjoin(document, document.c.id == outbox_document.c.document)
            .join(interchange, interchange.c.id == flow)
            .where(func.length(outbox.c.name) == _NUMBERED, _NUMBERS, ~_IS_COPY)
            .group_by(interchange.c.environment, code, hub)
        )
        with self._read() as connection:
            rows = connection.execute(statement).all()
        return {
            Environment(where).series(f"{hub}:{code}"): int(number)
            for where, code, hub, number in rows
            if number.isdigit()
        }

    def known_flows(self, subjects: Collection[str]) -> Collection[str]:
        """Return those ids that an interchange has."""
        with self._read() as connection:
            return {
                found
                for part in sliced(sorted(subjects))
                for found in connection.scalars(
                    select(interchange.c.id).where(interchange.c.id.in_(part))
                )
            }

    def removed(self, connection: str, names: Collection[str]) -> Sequence[Interchange]:
        """Return interchanges of these names whose remote file is marked removed."""
        with self._read() as database:
            return [
                interchange_of(row)
                for part in sliced(sorted(names))
                for row in database.execute(
                    select(interchange).where(
                        interchange.c.connection == connection,
                        interchange.c.name.in_(part),
                        interchange.c.removed.is_(True),
                    )
                )
            ]

    def leaving(self, connection: str, names: Collection[str]) -> Mapping[str, Leaving]:
        """Return the files of these names that leave through a connection, by name.

        Of a file that was sent again the newest row.
        """
        with self._read() as database:
            found = [
                _leaving_of(row)
                for part in sliced(sorted(names))
                for row in database.execute(
                    _LEAVING.where(
                        outbox.c.connection == connection, outbox.c.name.in_(part)
                    ).order_by(outbox.c.generation)
                )
            ]
        return {one.name: one for one in found}

    def end_claim(self, held: Held, fact: Fact) -> bool:
        """End a claim, with an event; False, and nothing told, if it is another's by now."""
        table = interchange if held.is_flow else outbox
        key = table.c.id if held.is_flow else table.c.key
        statement = (
            update(table)
            .where(
                key == held.subject,
                table.c.lease_token == held.token,
                table.c.lease_until == held.until,
            )
            .values(lease_token=table.c.lease_token + 1, **ENDED)
        )
        with self._write() as connection:
            ended = bool(connection.execute(statement).rowcount)
            chain.append(connection, [fact] if ended else [])
            return ended

    def raise_counter(self, series: str, number: int, fact: Fact) -> bool:
        """Let a series go on after `number`, with an event; False if it does already."""
        raised = update(counter).where(counter.c.series == series, counter.c.value < number)
        known = select(counter.c.value).where(counter.c.series == series).with_for_update()
        with self._write() as connection:
            if connection.execute(known).first() is None:
                connection.execute(insert(counter).values(series=series, value=number))
            elif not connection.execute(raised.values(value=number)).rowcount:
                return False
            chain.append(connection, [fact])
            return True

    def oldest_received(self) -> datetime | None:
        """Return when the oldest RECEIVED interchange came; None if there is none."""
        statement = select(func.min(interchange.c.received_at)).where(
            interchange.c.step == InterchangeStep.RECEIVED.value
        )
        with self._read() as connection:
            found: datetime | None = connection.execute(statement).scalar()
            return found

    def oldest_due(self, now: datetime) -> datetime | None:
        """Return since when the oldest due PENDING row is due; None if none is."""
        statement = select(func.min(outbox.c.due)).where(
            outbox.c.state == OutboxState.PENDING.value, outbox.c.due <= now
        )
        with self._read() as connection:
            found: datetime | None = connection.execute(statement).scalar()
            return found

    def became(
        self, partner: str | None, start: datetime | None, end: datetime | None
    ) -> Sequence[Became]:
        """Count what was received from a moment on and before another, by partner and step."""
        sender = party()
        first = document.c.first.is_not(None)
        flows = select(sender, interchange.c.step, func.count(), false())
        documents = select(sender, document.c.step, func.count(), first).join_from(
            interchange, document, document.c.interchange == interchange.c.id
        )
        query = Query(partner=partner, received_from=start, received_before=end)
        counted: list[Became] = []
        with self._read() as connection:
            for statement, step, steps, parted in (
                (flows, interchange.c.step, InterchangeStep, ()),
                (documents, document.c.step, Step, (first,)),
            ):
                grouped = filtered(statement, query, step).group_by(sender, step, *parted)
                rows = connection.execute(grouped)
                counted += [Became(row[0], steps(row[1]), row[2], bool(row[3])) for row in rows]
        return counted

    def weighed(
        self, partner: str | None, start: datetime | None, end: datetime | None
    ) -> Iterator[Weighed]:
        """Yield documents received meanwhile whose amount their first event tells."""
        inside = func.substr(event.c.subject, 1, ID_LENGTH)
        statement = (
            select(
                event.c.data,
                party().label("partner"),
                document.c.step,
                document.c.header,
                document.c.syntax,
                document.c.first,
            )
            .select_from(event)
            .join(interchange, interchange.c.id == inside)
            .outerjoin(document, document.c.id == event.c.subject)
            .where(event.c.what == "document.received")
        )
        query = Query(partner=partner, received_from=start, received_before=end)
        with self._read() as connection:
            rows = connection.execution_options(yield_per=1000).execute(
                filtered(statement, query, document.c.step)
            )
            for row in rows:
                told = json.loads(row.data)
                if "total" in told:
                    yield _weighed(row, told["currency"], Decimal(told["total"]))

    def beat(self, name: str, pulse_: Pulse) -> None:
        """Write a sign of life in place of the one before."""
        values = {"name": name, "at": pulse_.at, "data": dump(dict(pulse_.data))}
        with self._write() as connection:
            connection.execute(delete(pulse).where(pulse.c.name == name))
            connection.execute(insert(pulse).values(values))

    def pulses(self) -> Mapping[str, Pulse]:
        """Return the last sign of life of each, by name."""
        with self._read() as connection:
            rows = connection.execute(select(pulse)).all()
        return {row.name: Pulse(row.at, json.loads(row.data)) for row in rows}


def _weighed(row: Row[Any], currency: str, told: Decimal) -> Weighed:
    found = None
    if row.header is not None:
        syntax = Syntax(row.syntax) if row.syntax else None
        header = header_of(row.header)
        found = total_of(syntax, header) if header.currency == currency else None
    return Weighed(
        partner=row.partner,
        currency=currency,
        told=told,
        step=Step(row.step) if row.step is not None else None,
        found=found,
        follows=row.first is not None,
    )


def _held_in(table: Table) -> Select[Any]:
    key = table.c.id if table is interchange else table.c.key
    columns = table.c
    return select(
        key.label("subject"),
        columns.connection,
        columns.lease_owner,
        columns.lease_token,
        columns.lease_until,
    ).where(columns.lease_owner.is_not(None))


def _held_of(row: Row[Any], *, is_flow: bool) -> Held:
    return Held(
        subject=row.subject,
        connection=row.connection,
        owner=row.lease_owner,
        token=row.lease_token,
        until=row.lease_until,
        is_flow=is_flow,
    )


def _leaving() -> Select[Any]:
    """Select files that leave, with the attempt that put each, if one did."""
    put = (attempt.c.key == outbox.c.key) & (attempt.c.sha256 != "")
    columns = outbox.c
    return (
        select(
            columns.key,
            columns.connection,
            columns.name,
            columns.state,
            columns.due,
            attempt.c.sha256,
            attempt.c.at,
        )
        .outerjoin(attempt, put)
        .where(~_IS_COPY)
    )


_LEAVING = _leaving()


def _leaving_of(row: Row[Any]) -> Leaving:
    return Leaving(
        key=row.key,
        connection=row.connection,
        name=row.name,
        state=OutboxState(row.state),
        due=row.due,
        sha256=row.sha256 or "",
        sent_at=row.at,
    )
