"""Slots and pauses in the ledger: each slot has one owner, on both databases."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.identity import interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.run import EVERYBODY, JobRun, Pause, RunState

pytestmark = pytest.mark.contract

NOW = datetime(2026, 3, 1, 8, 0, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_run(job: str = "pull:caterer", minutes: int = 0, run: str = "run:1") -> JobRun:
    """Return a pass that starts now."""
    return JobRun(
        job=job, slot=NOW + minutes * MINUTE, run=run, state=RunState.STARTED, started_at=NOW
    )


def test_two_schedulers_share_the_slots_and_run_none_twice(ledger: SqlLedger) -> None:
    """Each row is written by one of them, however they race."""
    slots = [a_run(minutes=minute) for minute in range(20)]

    def begin(run: str) -> list[datetime]:
        begun: list[datetime] = []
        for slot in slots:
            begun += [one.slot for one in ledger.begin_runs([replace(slot, run=run)])]
        return begun

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(begin, ("run:1", "run:2"))

    assert sorted(first + second) == [slot.slot for slot in slots]
    assert {one.slot: one.run for one in ledger.runs()} == {
        **dict.fromkeys(first, "run:1"),
        **dict.fromkeys(second, "run:2"),
    }


def test_a_pass_is_kept_with_how_it_ended(ledger: SqlLedger) -> None:
    """What was begun is read back as it was written."""
    begun = a_run()
    ended = replace(
        begun,
        state=RunState.DONE,
        ended_at=NOW + MINUTE,
        reason="en retard / late",
        summary={"taken": 3, "waiting": 1},
    )
    ledger.begin_runs([begun])

    ledger.end_runs([ended])

    assert list(ledger.runs(job=begun.job)) == [ended]
    assert ledger.last_slots() == {begun.job: begun.slot}


def test_only_the_run_that_began_a_pass_ends_it(ledger: SqlLedger) -> None:
    """A run that was taken for dead does not overwrite what was said of it."""
    ledger.begin_runs([a_run()])
    ledger.break_off_runs(NOW, "interrompu / broken off")

    ledger.end_runs([replace(a_run(), state=RunState.DONE)])
    ledger.end_runs([replace(a_run(run="run:2"), state=RunState.DONE)])

    assert [(one.state, one.reason) for one in ledger.runs()] == [
        (RunState.FAILED, "interrompu / broken off")
    ]


def test_old_passes_are_forgotten_but_never_the_newest_of_a_job(ledger: SqlLedger) -> None:
    """Else a job that sleeps over the holidays would look as if it had never run."""
    rows = [a_run(minutes=minute) for minute in range(3)] + [a_run("pull:other")]
    ledger.begin_runs(rows)
    ledger.end_runs([replace(one, state=RunState.DONE, ended_at=NOW) for one in rows])
    ledger.begin_runs([replace(a_run(minutes=-1), state=RunState.FAILED)])

    removed = ledger.forget_runs(NOW + timedelta(days=1))

    assert removed == 2
    assert {(one.job, one.slot) for one in ledger.runs()} == {
        ("pull:caterer", NOW - MINUTE),  # what went wrong is kept
        ("pull:caterer", NOW + 2 * MINUTE),
        ("pull:other", NOW),
    }


def test_a_pause_is_set_once_lifted_once_and_told(ledger: SqlLedger) -> None:
    """A second click has no second effect, and the chain says who did it."""
    pause = Pause(partner="caterer", since=NOW, by="operator:ana", reason="migration")

    assert [ledger.pause(pause), ledger.pause(pause)] == [True, False]
    assert list(ledger.pauses()) == [pause]
    resumed = [ledger.resume("caterer", "operator:bob", NOW) for _ in range(2)]
    assert resumed == [True, False]
    assert list(ledger.pauses()) == []
    assert ledger.resume(EVERYBODY, "operator:bob", NOW) is False
    told = [(one.fact.what, one.fact.by, one.fact.data) for one in ledger.events("caterer")]
    assert told == [
        ("partner.paused", "operator:ana", {"reason": "migration"}),
        ("partner.resumed", "operator:bob", {}),
    ]
    assert list(ledger.verify()) == []


def test_the_number_of_the_sheets_grows_with_each_change(ledger: SqlLedger) -> None:
    """A scheduler that keeps them in memory sees when to read them again."""
    before = ledger.sheets_version()
    ledger.apply(ledger.sheets(), "operator:ana", NOW)

    assert ledger.sheets_version() == before


def a_flow(connection: str, number: int, size: int = 10) -> Interchange:
    """Return a received file; lower numbers are older."""
    sha256 = f"{number:064x}"
    return Interchange(
        id=interchange_id(connection, f"{number}", sha256, number),
        connection=connection,
        partner=connection,
        name=f"{number:04d}",
        size=size,
        mtime=number,
        sha256=sha256,
        received_at=NOW + timedelta(seconds=number),
    )


def test_connections_take_turns(ledger: SqlLedger) -> None:
    """A thousand files of one sender do not keep another's first one waiting."""
    with ledger.transaction() as tx:
        for flow in [*(a_flow("large", number) for number in range(30)), a_flow("small", 99)]:
            tx.record(flow, "run:1")

    claimed = ledger.claim_interchanges("run:1", NOW, NOW + MINUTE, 3)

    assert [(one.connection, one.name) for one, _ in claimed] == [
        ("large", "0000"),
        ("small", "0099"),
        ("large", "0001"),
    ]


def test_turns_are_counted_in_bytes(ledger: SqlLedger) -> None:
    """Ten small files weigh no more than one large one, and do not wait for ten of those."""
    with ledger.transaction() as tx:
        for number in range(10):
            tx.record(a_flow("large", number, size=100), "run:1")
            tx.record(a_flow("small", 50 + number, size=10), "run:1")

    claimed = ledger.claim_interchanges("run:1", NOW, NOW + MINUTE, 100, 200)

    assert Counter(one.connection for one, _ in claimed) == {"large": 1, "small": 10}


def test_a_batch_ends_where_it_is_heavy_enough_and_is_never_empty(ledger: SqlLedger) -> None:
    """What arrives meanwhile waits for the batch: it is small. A giant goes alone."""
    with ledger.transaction() as tx:
        for number in range(4):
            tx.record(a_flow("large", number, size=100), "run:1")

    sizes = [
        len(ledger.claim_interchanges("run:1", NOW, NOW + MINUTE, 10, limit))
        for limit in (150, 1, 1000, 1000)
    ]

    assert sizes == [2, 1, 1, 0]
