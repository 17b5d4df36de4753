"""A dead server is one incident: whom it touches, when it is tried again, when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.app.breaker import WAITS, Breaker, Incident, is_told
from pipeline.model.connection import Connection, Door, Protocol, Role
from pipeline.model.errors import (
    ArchiveError,
    CircuitOpen,
    ConnectError,
    HostKeyMismatch,
    LoginRefused,
    PipelineError,
    SessionLost,
    TransferError,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

ACME = Door(host="SFTP.example.org", port=22, user="acme", key="keys/a", host_key="ssh-ed25519 A")
#: Another account of the same server.
BOLT = replace(ACME, host="sftp.example.org", user="bolt", key="keys/b")
#: The same server, whose key was pinned wrongly.
MISPINNED = replace(ACME, user="cork", host_key="ssh-ed25519 B")
#: Others: another port, another host, a folder.
OTHERS = (
    replace(ACME, port=2222),
    replace(ACME, host="sftp.example.net"),
    Door(protocol=Protocol.LOCAL, path="/srv/edi"),
)

DEAD = ConnectError("acme", "no answer within 30 s")
LOST = SessionLost("acme", "in/a.xml: no answer within 30 s")


def sheet(door: Door) -> Connection:
    return Connection(name="acme", partner="Acme", role=Role.SENDER, door=door)


def open_doors(breaker: Breaker, now: datetime) -> list[Door]:
    """Return which of all doors are not to be tried at `now`."""
    return [door for door in (ACME, BOLT, MISPINNED, *OTHERS) if breaker.standing(door, now)]


@pytest.mark.parametrize(
    ("error", "shut"),
    [
        pytest.param(DEAD, [ACME, BOLT, MISPINNED], id="dead"),
        pytest.param(HostKeyMismatch("acme", "A", "C"), [ACME, BOLT], id="other-host-key"),
        pytest.param(LoginRefused("acme", "acme is refused"), [ACME], id="refused-login"),
    ],
)
def test_trouble_keeps_from_being_tried_what_it_is_about_and_nothing_else(
    error: PipelineError, shut: list[Door]
) -> None:
    """A revoked key of one partner must not stop the fifty others on that server."""
    breaker = Breaker()

    breaker.failed(ACME, error, NOON, NOON)

    assert open_doors(breaker, NOON) == shut


def test_a_refused_attempt_says_why_and_until_when() -> None:
    """It reaches `edi why` and the summary of the run."""
    breaker = Breaker()
    breaker.failed(BOLT, DEAD, NOON, NOON + 30 * SECOND)

    with pytest.raises(CircuitOpen) as caught:
        breaker.check(sheet(ACME), NOON + 31 * SECOND)

    assert str(caught.value) == (
        "acme: sftp.example.org:22 failed at 12:00:30Z, next try at 12:01:30Z: "
        "CONNECT: acme: no answer within 30 s"
    )


def test_an_attempt_is_let_through_before_any_trouble_and_after_the_wait() -> None:
    """To the second."""
    breaker = Breaker()
    breaker.check(sheet(ACME), NOON)
    breaker.failed(ACME, DEAD, NOON, NOON)

    assert breaker.standing(ACME, NOON + WAITS[0] - SECOND) is not None
    breaker.check(sheet(ACME), NOON + WAITS[0])


def test_each_failure_in_a_row_doubles_the_patience_up_to_a_bound() -> None:
    """A server that comes back is met again within ten minutes."""
    breaker = Breaker()
    now, waits = NOON, []

    for _ in range(6):
        incident = breaker.failed(ACME, DEAD, now, now)
        assert incident is not None
        waits.append(incident.next_try - now)
        now = incident.next_try

    assert waits == [*WAITS, WAITS[-1], WAITS[-1]]
    assert incident == Incident(
        host="sftp.example.org:22",
        code="CONNECT",
        error="acme: no answer within 30 s",
        since=NOON,
        tried_at=now - WAITS[-1],
        failures=6,
        next_try=now,
    )


def test_attempts_that_were_under_way_together_fail_once() -> None:
    """Four lanes and ten connections that meet one dead server make one incident."""
    breaker = Breaker()
    first = breaker.failed(ACME, DEAD, NOON, NOON + 30 * SECOND)

    others = [breaker.failed(BOLT, DEAD, NOON + SECOND, NOON + 31 * SECOND) for _ in range(9)]

    assert first is not None
    assert others == [None] * 9
    assert breaker.standing(ACME, first.next_try) is None


def test_work_that_was_done_ends_every_incident_of_its_door() -> None:
    """The next trouble is a new one, with the first wait."""
    breaker = Breaker()
    began = breaker.failed(ACME, DEAD, NOON, NOON)
    refused = breaker.failed(ACME, LoginRefused("acme", "x"), NOON, NOON)
    other = breaker.failed(OTHERS[0], DEAD, NOON, NOON)

    ended = breaker.worked(ACME)

    assert ended == [began, refused]
    assert breaker.worked(ACME) == []
    assert open_doors(breaker, NOON) == [OTHERS[0]]
    assert breaker.worked(OTHERS[0]) == [other]
    again = breaker.failed(ACME, DEAD, NOON, NOON)
    assert again is not None
    assert again.failures == 1


def test_one_lost_session_is_a_cut_line_and_two_in_a_row_a_dead_server() -> None:
    """A server that lets us in and then hangs costs two time limits, not one a file."""
    breaker = Breaker()

    first = breaker.lost(ACME, LOST, NOON, NOON)
    still_tried = breaker.standing(BOLT, NOON) is None
    second = breaker.lost(BOLT, LOST, NOON, NOON)

    assert (first, still_tried) == (None, True)
    assert second is not None
    assert (second.code, second.failures) == ("LOST", 1)
    assert open_doors(breaker, NOON) == [ACME, BOLT, MISPINNED]


def test_lost_sessions_with_work_between_them_are_not_in_a_row() -> None:
    """A server that hangs up after every tenth file is slow, not dead."""
    breaker = Breaker()

    for _ in range(5):
        breaker.lost(ACME, LOST, NOON, NOON)
        breaker.worked(ACME)

    assert open_doors(breaker, NOON) == []


def test_a_changed_sheet_is_tried_at_once() -> None:
    """Whoever puts the new host key or another key in force does not wait for the old one."""
    breaker = Breaker()
    breaker.failed(ACME, HostKeyMismatch("acme", "A", "C"), NOON, NOON)
    breaker.failed(ACME, LoginRefused("acme", "x"), NOON, NOON)

    mended = replace(ACME, host_key="ssh-ed25519 C", key="keys/new")

    assert breaker.standing(ACME, NOON) is not None
    assert breaker.standing(mended, NOON) is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DEAD, True),
        (CircuitOpen("acme", "x"), True),
        (LoginRefused("acme", "x"), True),
        (HostKeyMismatch("acme", "A", "B"), True),
        (LOST, False),
        (TransferError("acme", "a.xml", "x"), False),
        (ArchiveError("x"), False),
    ],
)
def test_what_an_incident_tells_is_not_told_of_each_file_again(
    error: PipelineError, told: bool
) -> None:
    """What befell one file alone is."""
    assert is_told(error) is told
