"""Questions of reports and of the story of a run: counts, and narrow rows by one join."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, distinct, func, select

from pipeline.adapters.database.columns import UtcDateTime
from pipeline.adapters.database.reading import filtered, party
from pipeline.adapters.database.rows import header_of
from pipeline.adapters.database.statements import BY_AGE
from pipeline.adapters.database.tables import document, event, finding, interchange
from pipeline.model.amount import signed_total
from pipeline.model.connection import Environment
from pipeline.model.document import Document
from pipeline.model.figures import DocumentFigures, Received, RuleCount
from pipeline.model.finding import Severity
from pipeline.model.identity import DocumentId, InterchangeId, interchange_id
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.status import Step
from pipeline.ports.ledger import Query

#: Stands for the partner of events whose rows are gone.
_NOBODY = "?"
#: A document's id is that of its interchange, of this length, with its place behind.
ID_LENGTH = len(interchange_id("", "", "", 0))
#: Rows fetched at a time.
_FETCHED = 1000


def count_acts(connection: Connection, by: str) -> dict[str, int]:
    """Count somebody's events by name."""
    statement = select(event.c.what, func.count()).where(event.c.actor == by)
    rows = connection.execute(statement.group_by(event.c.what))
    return {row[0]: row[1] for row in rows}


def acted_on(connection: Connection, by: str, what: Collection[str], limit: int) -> list[str]:
    """Return the subjects of somebody's events of these names, in order, each once."""
    statement = (
        select(event.c.subject)
        .where(event.c.what.in_(what), event.c.actor == by)
        .group_by(event.c.subject)
        .order_by(func.min(event.c.seq))
    )
    return list(connection.scalars(statement.limit(limit)))


def received(connection: Connection, query: Query) -> list[Received]:
    """Count receipts by partner, from the events; rows are joined only to know the partner.

    An event without its interchange counts by its own moment.
    """
    flows = _receipts(connection, query, "interchange.received", event.c.subject)
    inside = func.substr(event.c.subject, 1, ID_LENGTH)
    documents = _receipts(connection, query, "document.received", inside)
    return [
        Received(name, flows.get(name, 0), documents.get(name, 0))
        for name in sorted(flows.keys() | documents.keys())
    ]


def document_figures(connection: Connection, query: Query) -> Iterator[DocumentFigures]:
    """Yield what a report counts of each document, by interchange (oldest first) and place."""
    columns = document.c
    statement = select(
        columns.step,
        columns.syntax,
        columns.header,
        columns.codes,
        party().label("partner"),
        interchange.c.received_at,
    ).join(interchange, columns.interchange == interchange.c.id)
    rows = connection.execution_options(yield_per=_FETCHED).execute(
        filtered(statement, query, columns.step).order_by(*BY_AGE, columns.seq)
    )
    for row in rows:
        header = header_of(row.header)
        syntax = Syntax(row.syntax) if row.syntax else None
        yield DocumentFigures(
            partner=row.partner,
            received_at=row.received_at,
            step=Step(row.step),
            codes=tuple(dict.fromkeys(row.codes.split())),
            currency=header.currency,
            total=total_of(syntax, header),
        )


def count_rules(connection: Connection, query: Query) -> list[RuleCount]:
    """Count rejected documents by partner and broken rule, most first."""
    count, sender = func.count(distinct(document.c.id)), party()
    statement = (
        select(sender, finding.c.rule, count)
        .join_from(interchange, document, document.c.interchange == interchange.c.id)
        .join(finding, finding.c.document == document.c.id)
        .where(finding.c.severity == Severity.FATAL.value, document.c.step == Step.REJECTED.value)
        .group_by(sender, finding.c.rule)
        .order_by(count.desc(), sender, finding.c.rule)
    )
    everything = replace(query, steps=())
    found = connection.execute(filtered(statement, everything, document.c.step))
    return [RuleCount(*row) for row in found]


def _receipts(
    connection: Connection, query: Query, what: str, subject: ColumnElement[str]
) -> dict[str, int]:
    """Count the events of one name by the partner of the interchange they belong to."""
    partner = func.coalesce(party(), _NOBODY)
    received_at = func.coalesce(interchange.c.received_at, event.c.at, type_=UtcDateTime())
    statement = (
        select(partner, func.count())
        .select_from(event)
        .outerjoin(interchange, interchange.c.id == subject)
        .where(event.c.what == what)
        .group_by(partner)
    )
    if query.partner is not None:
        statement = statement.where(interchange.c.partner == query.partner)
    if query.environment is not None:
        # an event without its interchange is nobody's trial
        where = func.coalesce(interchange.c.environment, Environment.PRODUCTION.value)
        statement = statement.where(where == query.environment.value)
    if query.received_from is not None:
        statement = statement.where(received_at >= query.received_from)
    if query.received_before is not None:
        statement = statement.where(received_at < query.received_before)
    return {row[0]: row[1] for row in connection.execute(statement)}


def total_of(syntax: Syntax | None, header: RoutingHeader) -> Decimal | None:
    """Return a document's total with VAT as it is counted; None where there is no usable one."""
    return signed_total(
        Document(
            id=DocumentId(""),
            interchange=InterchangeId(""),
            seq=0,
            name="",
            size=0,
            sha256="",
            syntax=syntax,
            header=header,
        )
    )
