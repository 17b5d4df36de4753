"""Somebody sets the machine's clock: nothing is stuck, nothing runs out early, and it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.adapters.clock import SystemClock
from pipeline.app.caretaker import CHAIN, RECONCILE
from pipeline.app.run import run_once
from pipeline.entry.schedule import Shift, _Leader
from pipeline.model.errors import ConnectError
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Query
from tests.hubs import HOUR, MINUTE, World, invoice, opened

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Partners in local folders, and nothing dropped."""
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def leader(world: World) -> _Leader:
    """`edi run`, whose bell the test rings; it has looked at every folder once."""
    return new_leader(world)


def new_leader(world: World) -> _Leader:
    """Begin `edi run` on what is there, as a new process would."""
    runs = count(1)
    shift = Shift(
        hub=world.hub,
        new_run=lambda: f"run:{next(runs)}",
        acting_as=lambda _: nullcontext(),
        check_seat=lambda: None,
        write_metrics=lambda _: None,
        sweep=lambda: None,
    )
    made = _Leader(shift)
    ring(world, made, 2)
    return made


def ring(world: World, leader: _Leader, times: int, every: timedelta = MINUTE) -> None:
    """Ring as often, some time apart."""
    for _ in range(times):
        world.clock.move(every)
        leader.ring()


def steps(world: World) -> list[InterchangeStep]:
    """Return where each flow stands."""
    return [one.step for one in world.hub.ledger.interchanges(Query())]


def half(number: str) -> bytes:
    """Return an invoice that is still being written."""
    whole = invoice(number)
    return whole[: len(whole) // 2]


def subcontracted(number: str) -> bytes:
    """Return an invoice of a sub-contractor."""
    frame = b"<cbc:ProfileID>A9</cbc:ProfileID>"
    return re.sub(rb"<cbc:ProfileID>.*?</cbc:ProfileID>", frame, invoice(number))


@pytest.mark.parametrize("by", [-HOUR, DAY], ids=["an-hour-back", "a-day-forward"])
def test_a_half_file_gets_the_time_it_was_promised(
    world: World, leader: _Leader, by: timedelta
) -> None:
    """It may wait for an hour, and neither a minute nor a day because the clock says so."""
    path = world.drop("caterer", "1.xml", half("F1"))
    ring(world, leader, 2)
    world.clock.set(by)
    ring(world, leader, 50)
    assert path.exists()

    path.write_bytes(invoice("F1"))
    ring(world, leader, 2)
    assert steps(world) == [InterchangeStep.CLOSED]


@pytest.mark.parametrize("by", [-HOUR, DAY], ids=["an-hour-back", "a-day-forward"])
def test_a_half_file_is_refused_when_its_time_is_over(
    world: World, leader: _Leader, by: timedelta
) -> None:
    """Not an hour later either."""
    world.drop("caterer", "1.xml", half("F1"))
    ring(world, leader, 2)
    world.clock.set(by)
    ring(world, leader, 62)

    (flow,) = world.hub.ledger.interchanges(Query())
    assert flow.step in {InterchangeStep.REFUSED, InterchangeStep.CLOSED}


@pytest.mark.parametrize("by", [-HOUR, DAY], ids=["an-hour-back", "a-day-forward"])
def test_the_hub_goes_on_working_and_says_what_happened(
    world: World, leader: _Leader, by: timedelta
) -> None:
    """Slots of the hour that comes twice are run again; the alert is in the log and the record."""
    world.clock.set(by)
    with capture_logs() as logged:
        ring(world, leader, 1)
    world.drop("caterer", "1.xml", invoice("F1"))
    ring(world, leader, 2)

    assert steps(world) == [InterchangeStep.CLOSED]
    told = [(one["log_level"], one["seconds"]) for one in logged if one["event"] == "clock.set"]
    assert told == [("error", by.total_seconds())]
    assert world.hub.ledger.count_events("clock.set") == 1


def test_a_restart_after_the_clock_was_set_back_is_no_standstill(
    world: World, leader: _Leader
) -> None:
    """The record says that it is later than it is: a new process cannot know by how much more."""
    world.drop("caterer", "1.xml", invoice("F1"))
    ring(world, leader, 3)
    world.clock.move(-HOUR)
    again = new_leader(world)
    world.drop("caterer", "2.xml", invoice("F2", "HOPITAL"))
    ring(world, again, 3)

    assert steps(world) == [InterchangeStep.CLOSED] * 2
    assert world.hub.ledger.count_events("clock.set") == 1


def test_no_claim_of_a_dead_worker_outlives_a_clock_that_was_set_back(
    world: World, leader: _Leader
) -> None:
    """Its end lay a minute ahead, and then an hour and a minute."""
    ledger, now = world.hub.ledger, world.clock.now
    world.drop("caterer", "1.xml", invoice("F1"))
    world.engine.down = True
    run_once(world.hub, insist=True)
    world.engine.down = False
    lease = world.hub.settings.lease
    due = ledger.due_connections(now() + HOUR)
    for name in due:
        ledger.claim_outbox("dead", now() + HOUR, now() + lease, 50, name)
    world.clock.set(-HOUR)
    ring(world, leader, 2, lease)

    assert {row.state for row in ledger.outbox()} == {OutboxState.SENT}


@pytest.mark.parametrize("by", [-HOUR, DAY], ids=["an-hour-back", "a-day-forward"])
def test_a_retry_keeps_its_wait(world: World, leader: _Leader, by: timedelta) -> None:
    """Neither is an attempt used up early, nor does a file wait for the hour to come again."""
    door = world.root / "ville"
    away = door.rename(world.root / "away")
    world.drop("caterer", "1.xml", invoice("F1"))
    ring(world, leader, 1)
    (row,) = [one for one in world.hub.ledger.outbox() if one.connection == "ville"]
    wait = row.due - world.clock.now()
    world.clock.set(by)
    leader.ring()

    (row,) = [one for one in world.hub.ledger.outbox() if one.connection == "ville"]
    assert abs(row.due - world.clock.now() - wait) <= timedelta(seconds=2)
    away.rename(door)
    ring(world, leader, 2)
    assert steps(world) == [InterchangeStep.CLOSED]


def test_time_passes_evenly_whoever_sets_the_clock() -> None:
    """A run goes by one time from its beginning to its end."""
    wall, elapsed = [datetime(2026, 3, 2, 12, tzinfo=UTC)], [100.0]
    clock = SystemClock(lambda: wall[0], lambda: elapsed[0])
    began = clock.now()
    wall[0] -= HOUR
    elapsed[0] += 5

    assert clock.now() - began == timedelta(seconds=5)
    assert clock.adopt() == -HOUR - timedelta(seconds=5)
    assert clock.now() == wall[0]
    assert clock.adopt() == timedelta()


@pytest.mark.parametrize("by", [-2 * HOUR, DAY], ids=["two-hours-back", "a-day-forward"])
def test_the_same_bytes_are_delivered_once(world: World, leader: _Leader, by: timedelta) -> None:
    """Sub-contracting has no business key: that its flow came before is all that is known."""
    world.drop("caterer", "a.xml", subcontracted("F1"))
    ring(world, leader, 3)
    world.clock.set(by)
    world.drop("caterer", "z.xml", subcontracted("F1"))
    ring(world, leader, 3)

    stand = {one.name: one for one in world.hub.ledger.interchanges(Query())}
    assert stand["a.xml"].step is InterchangeStep.CLOSED
    assert stand["z.xml"].step is InterchangeStep.DUPLICATE
    assert stand["z.xml"].first == stand["a.xml"].id
    assert len(list(world.folder("ville", "out").iterdir())) == 1


def test_a_flow_name_is_used_up_whatever_hour_it_seems_to_be(
    world: World, leader: _Leader
) -> None:
    """It has a number of a series, which the sender does not give twice."""
    name = "FSO1100A_SUP001_SUP0011100000000000000001"
    world.drop("supplier", name, invoice("F1"))
    ring(world, leader, 4)
    world.clock.set(-2 * HOUR)
    world.drop("supplier", name, invoice("F2"))
    ring(world, leader, 4)

    refused = world.hub.ledger.interchanges(Query(steps=(InterchangeStep.REFUSED.value,)))
    assert [(one.name, one.reason) for one in refused] == [(name, "IRR_UNICITE")]


def test_the_hub_looks_after_itself_when_the_clock_was_set_back(
    world: World, leader: _Leader
) -> None:
    """The last look seems to lie a month ahead: a break in the record is found now, not then."""
    leader.look_after()
    world.clock.move(HOUR)
    leader.look_after()
    assert world.hub.ledger.upkeep.pulses()[CHAIN].at == world.clock.now()

    world.clock.set(-30 * DAY)
    leader.ring()
    leader.look_after()
    assert world.hub.ledger.upkeep.pulses()[CHAIN].at == world.clock.now()


def test_the_hub_looks_behind_a_door_that_was_down_when_the_clock_was_set_back(
    world: World, leader: _Leader
) -> None:
    """That it is left alone for a minute is no reason to leave it alone for a month."""
    leader.look_after()
    (world.folder("ville", "out") / "B1.F0123456789ABCDEF-0001.xml").write_bytes(b"<a/>")
    door, now = world.connections["ville"].door, world.clock.now()
    world.hub.breaker.failed(door, ConnectError("ville", "away"), now, now)
    world.clock.set(-30 * DAY)
    leader.ring()
    leader.look_after()

    assert world.hub.ledger.upkeep.pulses()[RECONCILE].data["unknown_file"] == 1
