"""The ledger's contract: what notices and deadlines ask of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.identity import InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import AnswerTime, Query

pytestmark = pytest.mark.contract

NOW = datetime(2026, 10, 5, 8, 0, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY = "run:1"


def name_of(number: int, code: str = "FSO1100A") -> str:
    """Name a flow."""
    return f"{code}_ABC123_ABC123{code[3:7]}{number:015d}"


LOWEST, HIGHEST = name_of(0), name_of(10**15 - 1)


def a_flow(name: str, at: datetime = NOW, connection: str = "acme") -> Interchange:
    """Build a received flow."""
    return Interchange(
        id=InterchangeId(f"F-{connection}-{name}-{at:%d%H%M}"),
        connection=connection,
        partner=connection.upper(),
        name=name,
        size=10,
        mtime=0,
        sha256=sha256(name.encode()).hexdigest(),
        received_at=at,
    )


def an_answer(flow: Interchange, name: str, *, final: bool = True) -> OutboxRow:
    """Build one file of an answer."""
    return OutboxRow(
        key=OutboxKey(f"A-{flow.id}-{name}"),
        kind=OutboxKind.ACKNOWLEDGEMENT,
        interchange=flow.id,
        connection=flow.connection,
        name=name,
        due=flow.received_at,
        payload=b"x",
        final=final,
    )


def a_notice(name: str) -> OutboxRow:
    """Build a file that belongs to no flow."""
    return OutboxRow(
        key=OutboxKey(f"N-{name}"),
        kind=OutboxKind.NOTICE,
        interchange=None,
        connection="acme",
        name=name,
        due=NOW,
        payload=b"x",
    )


Record = Callable[..., None]


@pytest.fixture
def record(ledger: SqlLedger) -> Record:
    """Write received flows, and outbox rows that leave."""

    def write(*flows: Interchange, leaving: Sequence[OutboxRow] = ()) -> None:
        with ledger.transaction() as tx:
            for flow in flows:
                assert tx.record(flow, BY)
            for row in leaving:
                tx.enqueue(row, BY, NOW)

    return write


def attempt(ledger: SqlLedger, name: str, at: datetime, error: str = "") -> None:
    """Try the row of that name, well or not."""
    claimed = ledger.claim_outbox(BY, at, at + HOUR, 100, "acme")
    with ledger.transaction() as tx:
        for row, claim in claimed:
            mine = row.name == name
            after = OutboxState.SENT if mine and not error else None
            tried = replace(row, attempts=row.attempts + mine, error=error if mine else "")
            if mine:
                tx.settle_outbox(tried, after, claim=claim, by=BY, at=at)
    ledger.void_claims()


def test_names_are_listed_in_order_with_their_first_receipt(
    ledger: SqlLedger, record: Record
) -> None:
    """Only those of the range and the connection."""
    record(
        a_flow(name_of(12), NOW + HOUR),
        a_flow(name_of(12), NOW),
        a_flow(name_of(9)),
        a_flow(name_of(10, "FSO1106A")),
        a_flow(name_of(11), connection="other"),
        a_flow("facture.xml"),
    )

    found = ledger.names_between("acme", LOWEST, HIGHEST, NOW)

    assert found == [(name_of(9), NOW), (name_of(12), NOW)]


def test_names_start_at_the_lowest_of_late_and_none_is_left_out_above(
    ledger: SqlLedger, record: Record
) -> None:
    """Number 7 came long ago, but 5 after it: without 7 there would be a gap."""
    record(
        a_flow(name_of(4), NOW - 9 * HOUR),
        a_flow(name_of(7), NOW - 8 * HOUR),
        a_flow(name_of(5), NOW),
    )

    assert ledger.names_between("acme", LOWEST, HIGHEST, NOW) == [
        (name_of(5), NOW),
        (name_of(7), NOW - 8 * HOUR),
    ]
    assert ledger.names_between("acme", LOWEST, HIGHEST, NOW + HOUR) == []


def test_rows_that_are_there_are_known(ledger: SqlLedger, record: Record) -> None:
    """A notice belongs to no flow, and is found by its key all the same."""
    record(leaving=[a_notice("day")])

    assert ledger.known_rows([OutboxKey("N-day"), OutboxKey("N-other")]) == {OutboxKey("N-day")}
    assert ledger.known_rows([]) == set()


def test_a_flow_is_answered_when_the_last_final_file_is_put(
    ledger: SqlLedger, record: Record
) -> None:
    """Neither an interim notice nor half an answer counts, nor a try that failed."""
    flow = a_flow("a.xml")
    waiting = [AnswerTime(flow, None)]
    record(flow, leaving=[an_answer(flow, "held", final=False)])
    attempt(ledger, "held", NOW + HOUR)
    assert ledger.answer_times(Query()) == waiting

    record(leaving=[an_answer(flow, "1"), an_answer(flow, "2")])
    attempt(ledger, "1", NOW + 2 * HOUR)
    attempt(ledger, "2", NOW + 3 * HOUR, error="TRANSFER: no")
    assert ledger.answer_times(Query(), waiting=True) == waiting

    attempt(ledger, "2", NOW + 4 * HOUR)

    assert ledger.answer_times(Query()) == [AnswerTime(flow, NOW + 4 * HOUR)]
    assert ledger.answer_times(Query(), waiting=True) == []


def test_answer_times_are_those_of_the_flows_asked_for(ledger: SqlLedger, record: Record) -> None:
    """By connection and moment of receipt, oldest first."""
    flows = [a_flow(f"{n}.xml", NOW + n * HOUR) for n in range(4)]
    record(*flows, a_flow("x.xml", NOW + HOUR, connection="other"))

    query = Query(
        connection="acme", received_from=NOW + HOUR, received_before=NOW + 3 * HOUR, limit=10
    )

    assert ledger.answer_times(query) == [AnswerTime(flow, None) for flow in flows[1:3]]
