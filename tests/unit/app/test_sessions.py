"""Sessions are kept, lent to one at a time, and not begun where a server just failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.adapters.local import LocalDoors
from pipeline.app.breaker import WAITS, Breaker
from pipeline.app.sessions import Sessions
from pipeline.model.connection import Connection, Door, Protocol, Role
from pipeline.model.errors import CircuitOpen, ConnectError, TransferError
from tests.clocks import NOON, SetClock


def folder(name: str, path: str) -> Connection:
    door = Door(protocol=Protocol.LOCAL, path=path)
    return Connection(name=name, partner=name, role=Role.SENDER, door=door)


ACME, BOLT, CORK = folder("acme", "shared"), folder("bolt", "shared"), folder("cork", "own")


@pytest.fixture
def clock() -> SetClock:
    """Noon."""
    return SetClock()


@pytest.fixture
def breaker() -> Breaker:
    """No incident so far."""
    return Breaker()


@pytest.fixture
def sessions(tmp_path: Path, clock: SetClock, breaker: Breaker) -> Any:
    """Sessions in local folders; only that of cork is there."""
    (tmp_path / "own").mkdir()
    return Sessions(LocalDoors(tmp_path), breaker, clock, (CORK, BOLT, ACME))


def listed(sessions: Sessions, connection: Connection) -> list[str]:
    with sessions.open(connection) as session:
        return [file.name for file in session.list_files(".")]


def test_a_session_is_used_again_until_it_was_idle_for_long(
    sessions: Sessions, clock: SetClock
) -> None:
    """Servers hang up on silent clients: an old session would fail the file it is used for."""
    with sessions.open(CORK) as first:
        pass
    with sessions.open(CORK) as second, sessions.open(CORK) as beside:
        pass
    clock.sleep(61)
    with sessions.open(CORK) as later:
        pass

    assert second is first
    assert beside is not first
    assert later not in (first, beside)


def test_a_session_left_by_an_error_is_not_used_again(sessions: Sessions) -> None:
    """Nobody knows what it would answer next."""
    with pytest.raises(TransferError), sessions.open(CORK) as first:
        first.list_files("nowhere")
    with sessions.open(CORK) as second:
        pass

    assert second is not first


def test_a_dead_host_is_one_incident_that_names_all_it_touches(sessions: Sessions) -> None:
    """The first connection finds out; the other one and every file are spared the attempt."""
    with capture_logs() as logs:
        with pytest.raises(ConnectError) as found:
            listed(sessions, ACME)
        for _ in range(100):
            with pytest.raises(CircuitOpen):
                listed(sessions, BOLT)

    assert type(found.value) is ConnectError
    assert listed(sessions, CORK) == []
    assert logs == [
        {
            "event": "host.failed",
            "log_level": "warning",
            "host": "shared",
            "code": "CONNECT",
            "error": str(found.value),
            "connections": ["acme", "bolt"],
            "next_try": (NOON + WAITS[0]).isoformat(),
        }
    ]


def test_a_host_that_is_back_is_used_at_once_by_all(
    sessions: Sessions, clock: SetClock, tmp_path: Path
) -> None:
    """The end of the incident is told with its length."""
    for _ in range(2):
        with pytest.raises(ConnectError):
            listed(sessions, ACME)
        clock.sleep(WAITS[0].total_seconds())
    clock.sleep(WAITS[1].total_seconds())
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.xml").touch()

    with capture_logs() as logs:
        found = [listed(sessions, one) for one in (ACME, BOLT, ACME)]

    assert found == [["a.xml"]] * 3
    assert logs == [
        {
            "event": "host.back",
            "log_level": "info",
            "host": "shared",
            "since": NOON.isoformat(),
            "failures": 2,
        }
    ]


def test_an_incident_outlives_the_run_that_met_it(
    sessions: Sessions, clock: SetClock, breaker: Breaker, tmp_path: Path
) -> None:
    """`edi run` makes a pass a minute: a dead server is not news each time."""
    with pytest.raises(ConnectError):
        listed(sessions, ACME)
    sessions.close()
    clock.sleep(WAITS[0].total_seconds() - 1)

    following = Sessions(LocalDoors(tmp_path), breaker, clock, (ACME,))
    with capture_logs() as quiet, pytest.raises(CircuitOpen):
        listed(following, ACME)
    clock.sleep(1)
    with capture_logs() as logs, pytest.raises(ConnectError):
        listed(following, ACME)

    assert quiet == []
    assert [(line["event"], line["log_level"], line["failures"]) for line in logs] == [
        ("host.still_failed", "info", 2)
    ]
