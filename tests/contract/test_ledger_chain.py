"""The chain of events: written in order, read back whole, and no change to it goes unseen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.errors import PipelineError
from pipeline.model.event import GENESIS, Event, Fact, chain_hash
from pipeline.ports.ledger import Break, Ledger

pytestmark = pytest.mark.contract

NOW = datetime(2025, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def fact(number: int, **data: object) -> Fact:
    return Fact(at=NOW, subject=f"S{number}", what="tested", by="run:1", data=data)


def write(ledger: Ledger, *facts: Fact) -> None:
    with ledger.transaction() as tx:
        for one in facts:
            tx.append(one)


@pytest.fixture
def chained(ledger: SqlLedger) -> SqlLedger:
    """Give a ledger of six events, written by two transactions."""
    write(ledger, *(fact(number) for number in range(1, 4)))
    write(ledger, *(fact(number) for number in range(4, 7)))
    return ledger


def test_events_read_back_are_those_that_were_sealed(ledger: SqlLedger) -> None:
    """Moments to the microsecond, in UTC; data as it was, whatever the characters."""
    paris = timezone(timedelta(hours=1))
    told = [
        fact(1, name="caf\u00e9 \\x00 €", codes=["A", "B"], count=3, none=None),
        Fact(at=NOW.astimezone(paris), subject="S2", what="tested", by="operator:zoé", data={}),
    ]
    write(ledger, *told)

    first = chain_hash(1, told[0], GENESIS)
    expected = [
        Event(1, told[0], GENESIS, first),
        Event(2, told[1], first, chain_hash(2, told[1], first)),
    ]

    events = list(ledger.events())

    assert events == expected
    assert [event.fact.at.utcoffset() for event in events] == [timedelta(0)] * 2
    assert ledger.verify() == []


def test_an_empty_chain_holds(ledger: SqlLedger) -> None:
    """Nothing happened, nothing is broken."""
    assert ledger.verify() == []


def test_a_transaction_that_tells_nothing_leaves_the_chain_alone(chained: SqlLedger) -> None:
    """Reading in a transaction writes nothing."""
    write(chained)

    assert len(list(chained.events())) == 6
    assert chained.verify() == []


def test_many_writers_make_one_chain(ledger: SqlLedger) -> None:
    """Each takes its place after the one before, whoever comes when."""

    def writer(own: int) -> None:
        for number in range(10):
            write(ledger, fact(own * 100 + number), fact(own * 100 + number))

    threads = [Thread(target=writer, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    subjects = [event.fact.subject for event in ledger.events()]
    assert ledger.verify() == []
    assert len(subjects) == 80
    # what one transaction tells stays together
    assert subjects[0::2] == subjects[1::2]


@pytest.mark.parametrize(
    ("tampering", "expected"),
    [
        pytest.param(
            ["UPDATE event SET subject = 'X' WHERE seq = 3"], [Break(3, "edited")], id="subject"
        ),
        pytest.param(
            ["UPDATE event SET what = 'x' WHERE seq = 6"], [Break(6, "edited")], id="last"
        ),
        pytest.param(
            ["""UPDATE event SET data = '{"a": 1}' WHERE seq = 1"""],
            [Break(1, "edited")],
            id="data-of-the-first",
        ),
        pytest.param(
            ["UPDATE event SET data = '{' WHERE seq = 2"], [Break(2, "edited")], id="no-json"
        ),
        pytest.param(
            ["UPDATE event SET actor = 'operator:eve' WHERE seq = 2"],
            [Break(2, "edited")],
            id="actor",
        ),
        pytest.param(
            ["UPDATE event SET at = '2025-03-01T08:00:00.123457+00:00' WHERE seq = 2"],
            [Break(2, "edited")],
            id="a-microsecond",
        ),
        pytest.param(
            ["UPDATE event SET hash = previous WHERE seq = 4"], [Break(4, "edited")], id="hash"
        ),
        pytest.param(["DELETE FROM event WHERE seq = 1"], [Break(1, "removed")], id="the-first"),
        pytest.param(
            ["DELETE FROM event WHERE seq IN (3, 4)"], [Break(3, "removed")], id="two-in-a-row"
        ),
        pytest.param(
            ["DELETE FROM event WHERE seq IN (2, 5)"],
            [Break(2, "removed"), Break(5, "removed")],
            id="two-apart",
        ),
        pytest.param(
            ["DELETE FROM event WHERE seq > 4"], [Break(5, "tail removed")], id="the-tail"
        ),
        pytest.param(["DELETE FROM event"], [Break(1, "tail removed")], id="everything"),
        pytest.param(
            [
                "UPDATE event SET seq = -1 WHERE seq = 2",
                "UPDATE event SET seq = 2 WHERE seq = 5",
                "UPDATE event SET seq = 5 WHERE seq = -1",
            ],
            [Break(2, "swapped"), Break(5, "swapped")],
            id="places-swapped",
        ),
        pytest.param(
            [
                "UPDATE event SET seq = -1 WHERE seq = 5",
                "UPDATE event SET seq = 5 WHERE seq = 6",
                "UPDATE event SET seq = 6 WHERE seq = -1",
            ],
            [Break(5, "swapped"), Break(6, "swapped")],
            id="neighbours-swapped",
        ),
        pytest.param(
            [
                "UPDATE event SET subject = 'S4' WHERE seq = 3",
                "UPDATE event SET subject = 'S3' WHERE seq = 4",
            ],
            [Break(3, "swapped"), Break(4, "swapped")],
            id="contents-swapped",
        ),
        pytest.param(
            [
                """INSERT INTO event SELECT seq + 1, at, subject, what, actor, data, hash, hash
                FROM event WHERE seq = 6"""
            ],
            [Break(7, "edited")],
            id="one-added",
        ),
    ],
)
def test_verify_finds(
    database: Any, chained: SqlLedger, tampering: Sequence[str], expected: Sequence[Break]
) -> None:
    """Whoever can write to the database cannot rewrite one row without being seen."""
    for statement in tampering:
        database.sql(statement)

    assert chained.verify() == expected


def test_verify_finds_an_event_that_was_edited_and_sealed_again(
    database: Any, chained: SqlLedger
) -> None:
    """The next event remembers the true seal."""
    second = list(chained.events())[1]
    forged = Fact(at=NOW, subject="S2", what="tested", by="operator:eve", data={})
    seal = chain_hash(2, forged, second.previous)

    database.sql(f"UPDATE event SET actor = 'operator:eve', hash = '{seal}' WHERE seq = 2")

    assert chained.verify() == [Break(2, "edited")]


def test_verify_finds_a_last_event_that_was_edited_and_sealed_again(
    database: Any, chained: SqlLedger
) -> None:
    """The head remembers the true seal."""
    last = list(chained.events())[-1]
    forged = Fact(at=NOW, subject="S6", what="tested", by="operator:eve", data={})
    seal = chain_hash(6, forged, last.previous)

    database.sql(f"UPDATE event SET actor = 'operator:eve', hash = '{seal}' WHERE seq = 6")

    assert chained.verify() == [Break(6, "edited")]


def test_an_event_that_cannot_be_read_says_what_to_do(database: Any, chained: SqlLedger) -> None:
    """Listing stops at the forgery with a sentence, not with a stack of calls."""
    database.sql("UPDATE event SET data = 'x' WHERE seq = 2")

    with pytest.raises(PipelineError, match=r"event 2 was edited.*run edi verify"):
        list(chained.events())


def test_events_may_be_left_half_read(chained: SqlLedger) -> None:
    """Whoever has seen enough leaves no cursor and no transaction behind."""
    events = chained.events()
    first = next(events)
    del events

    write(chained, fact(7))

    assert first.seq == 1
    assert len(list(chained.events())) == 7


def test_verify_sees_one_moment_while_others_write(chained: SqlLedger) -> None:
    """A check beside a running hub raises no false alarm."""
    found: list[Break] = []

    def write_on() -> None:
        for number in range(60):
            write(chained, fact(number))

    writer = Thread(target=write_on)
    writer.start()
    checks = 0
    while writer.is_alive():
        found.extend(chained.verify())
        checks += 1
    writer.join()

    assert checks > 1
    assert found == []
