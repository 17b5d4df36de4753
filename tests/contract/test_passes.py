"""The record of slots on nights when the clock changes: one pass each, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.app.jobs import Job, Passes, Task
from pipeline.model.calendar import moment
from pipeline.model.connection import Connection, Door, Role, Schedule
from pipeline.model.directory import Directory
from pipeline.model.run import RunState
from pipeline.ports.ledger import Sheets

pytestmark = pytest.mark.contract

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
NIGHTS = [pytest.param(SPRING, id="spring"), pytest.param(AUTUMN, id="autumn")]

#: The first moment there is, and the first time it comes.
HALF_PAST_TWO = {
    SPRING: datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    AUTUMN: datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
}
AT_HALF_PAST_TWO = Schedule(at=(time(2, 30),))
HOURLY = Schedule(every=timedelta(hours=1))


@dataclass(slots=True)
class SetClock:
    """A clock that shows what it is told to.

    Attributes:
        at: What it shows.
    """

    at: datetime

    def now(self) -> datetime:
        """Return what it shows."""
        return self.at


def a_scheduler(ledger: SqlLedger, clock: SetClock, schedule: Schedule, by: str) -> Passes:
    """Return the passes of one scheduler, for a caterer with `schedule`.

    Of the hub there is what passes are begun with.
    """
    sheet = Connection(
        name="caterer", partner="caterer", role=Role.SENDER, door=Door(), schedule=schedule
    )
    hub: Any = SimpleNamespace(
        clock=clock,
        ledger=ledger,
        by=by,
        settings=SimpleNamespace(every=MINUTE),
        holidays=lambda _: (),
    )
    return Passes(hub, Sheets({"caterer": sheet}, Directory()), clock.now(), {})


def from_evening_to_evening(day: date) -> Sequence[datetime]:
    """Return every ten minutes from 18:00 in Paris, the day before, to 18:00."""
    start = moment(day - DAY, time(18), "Europe/Paris")
    end = moment(day, time(18), "Europe/Paris")
    return [start + step * 10 * MINUTE for step in range((end - start) // (10 * MINUTE) + 1)]


@pytest.mark.parametrize("night", NIGHTS)
def test_a_fixed_time_is_run_once_in_the_night_of_the_change(
    ledger: SqlLedger, night: date
) -> None:
    """02:30 does not exist in spring and comes twice in autumn; 23 and 25 hours have one pass."""
    moments = from_evening_to_evening(night)
    clock = SetClock(moments[0])
    passes = a_scheduler(ledger, clock, AT_HALF_PAST_TWO, "run:1")

    for clock.at in moments:
        for job in passes.due():
            passes.ended(job, {})

    (row,) = ledger.runs()
    assert (row.slot, row.state, row.reason) == (HALF_PAST_TWO[night], RunState.DONE, "")


@pytest.mark.parametrize("night", NIGHTS)
def test_an_interval_neither_skips_nor_repeats_in_the_night_of_the_change(
    ledger: SqlLedger, night: date
) -> None:
    """An hour is an hour, whatever the wall shows."""
    moments = from_evening_to_evening(night)
    clock = SetClock(moments[0])
    passes = a_scheduler(ledger, clock, HOURLY, "run:1")

    for clock.at in moments:
        for job in passes.due():
            passes.ended(job, {})

    slots = sorted(row.slot for row in ledger.runs(limit=99))
    hours = (moments[-1] - moments[0]) // timedelta(hours=1)
    assert hours == {SPRING: 23, AUTUMN: 25}[night]
    assert slots == [moments[0] + hour * timedelta(hours=1) for hour in range(hours + 1)]
    assert {row.state for row in ledger.runs(limit=99)} == {RunState.DONE}


@pytest.mark.parametrize("night", NIGHTS)
def test_slots_missed_over_the_change_are_caught_up_by_one_pass(
    ledger: SqlLedger, night: date
) -> None:
    """Down from before the change until three nights later: three rows, one of them a pass."""
    evening = moment(night - DAY, time(18), "Europe/Paris")
    clock = SetClock(evening)
    passes = a_scheduler(ledger, clock, AT_HALF_PAST_TWO, "run:1")
    assert passes.due() == []
    clock.at = moment(night + 2 * DAY, time(8), "Europe/Paris")

    assert passes.due() == [Job(Task.PULL, "caterer")]
    assert passes.due() == []

    newest, *missed = sorted(ledger.runs(), key=lambda row: row.slot, reverse=True)
    assert newest.slot == moment(night + 2 * DAY, time(2, 30), "Europe/Paris")
    assert "catch-up of 2 slot(s)" in newest.reason
    assert [(row.slot, row.state) for row in missed] == [
        (moment(day, time(2, 30), "Europe/Paris"), RunState.SKIPPED)
        for day in (night + DAY, night)
    ]
    assert all("caught up by that of" in row.reason for row in missed)


@pytest.mark.parametrize("night", NIGHTS)
def test_two_schedulers_started_by_mistake_share_the_night(ledger: SqlLedger, night: date) -> None:
    """Each looks by itself at the same moments; each slot has one pass, of one of them."""
    moments = from_evening_to_evening(night)

    def watch(by: str) -> list[str]:
        clock = SetClock(moments[0])
        passes = a_scheduler(ledger, clock, HOURLY, by)
        worked = []
        for clock.at in moments:
            for job in passes.due():
                worked.append(clock.at.isoformat())
                passes.ended(job, {})
        return worked

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(watch, ("run:1", "run:2"))

    rows = ledger.runs(limit=99)
    assert sorted(first + second) == sorted(row.slot.isoformat() for row in rows)
    assert [row.slot.isoformat() for row in rows if row.run == "run:1"][::-1] == first
    assert {row.state for row in rows} == {RunState.DONE}
