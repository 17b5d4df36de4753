"""A line that is cut anywhere, a server that hangs anywhere: retried, and everything once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.model.status import OutboxState
from tests.crash.checker import check
from tests.crash.observer import History
from tests.faults.line import Line
from tests.hubs import MINUTE, World, door_of, invoice, opened, samples

PLACES = 20
#: What every partner's folder is called in a history.
PARTNERS = ("caterer", "supplier", "ville", "hopital", "imprimerie")


@contextmanager
def watched(folder: Path, account: Any) -> Iterator[tuple[World, History, Line]]:
    """Make a world on a server, a line to it through which all partners are reached, a witness."""
    with opened(folder, account=account) as world, Line(account.port) as line:
        for partner in PARTNERS:
            world.through(partner, door_of(account, line.port))
        folders = {name: world.root / name for name in PARTNERS}
        history = History(folder / "history", folders)
        with history.watching():
            yield world, history, line


def leave_files(history: History) -> None:
    """Let both senders drop something: four invoices, one of them spoilt."""
    made = samples()
    packed = made.tar_gz({"2.xml": invoice("F2", "HOPITAL"), "3.xml": invoice("F3")})
    history.drop("caterer", "1.xml", invoice("F1"))
    history.drop("caterer", "2.tar.gz", packed)
    history.drop("caterer", "4.xml", made.without_issue_date(invoice("F4")))
    flow = made.tar_gz({"5.xml": invoice("F5", "HOPITAL")})
    history.drop("supplier", f"FSO1100A_SUP001_SUP0011100{1:015d}", flow)


def run(world: World) -> None:
    """Run until nothing is left, and wait between two runs for as long as a breaker may last."""
    for _ in range(8):
        world.clock.move(15 * MINUTE)
        done = run_once(world.hub, insist=True)
        waiting = any(done.waiting.values()) or list(world.root.glob("*/in/*"))
        pending = world.hub.ledger.outbox(states=(OutboxState.PENDING,))
        if not (waiting or pending or done.failed):
            return


def traffic(folder: Path, account: Any) -> int:
    """Return how many bytes an undisturbed run carries."""
    with watched(folder, account) as (world, history, line):
        leave_files(history)
        run(world)
        return line.passed


def survives_a_cut(folder: Path, account: Any, after: int) -> None:
    """Cut the line once after so many bytes; whatever was not done is done later, once."""
    with watched(folder, account) as (world, history, line):
        leave_files(history)
        line.cut_after(after)
        run(world)
        ledger = world.hub.ledger
        assert ledger.count_events("interchange.received") == 4
        assert {row.state for row in ledger.outbox()} == {OutboxState.SENT}
        assert verify(ledger, world.hub.archive).sound
    verdict = check(folder / "history")
    assert verdict.violations == []
    assert verdict.counts == {"delivered": 4, "refused": 1}


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory, embedded_server: Any) -> int:
    """How many bytes pass, both ways, when nothing goes wrong."""
    return traffic(tmp_path_factory.mktemp("undisturbed"), embedded_server)


@pytest.mark.parametrize("place", [3, 11, 17])
def test_a_line_that_is_cut_costs_nothing_but_time(
    tmp_path: Path, embedded_server: Any, carried: int, place: int
) -> None:
    """In a login, in a fetch, in a put: one intake, one delivery."""
    survives_a_cut(tmp_path, embedded_server, carried * place // PLACES)


@pytest.mark.slow
@pytest.mark.parametrize("place", range(PLACES))
def test_a_line_may_be_cut_at_twenty_places(
    tmp_path: Path, embedded_server: Any, carried: int, place: int
) -> None:
    """Evenly over all that passes, from the first byte to the last but one twentieth."""
    survives_a_cut(tmp_path, embedded_server, carried * place // PLACES + 1)


@pytest.mark.slow
def test_openssh_forgives_a_cut_as_well(tmp_path: Path, sshd: Any) -> None:
    """It keeps what was written before the cut, and renames by its own rules."""
    whole = traffic(tmp_path / "whole", sshd)
    for place in (2, 9, 16):
        survives_a_cut(tmp_path / str(place), sshd, whole * place // PLACES)


# -- servers that hang


#: Where a server falls silent: bytes that it still lets through, or the part of all of them.
HANGS = [
    pytest.param(0, id="never-says-a-word"),
    pytest.param(60, id="after-its-banner"),
    pytest.param(0.25, id="in-the-login"),
    pytest.param(0.6, id="in-a-file"),
    pytest.param(0.9, id="while-files-are-put"),
]


@pytest.mark.parametrize("after", HANGS)
def test_a_server_that_hangs_holds_nobody_else_up(
    tmp_path: Path, embedded_server: Any, own_traffic: int, after: float
) -> None:
    """Each wait for it has an end; whoever has another server is served meanwhile."""
    with watched(tmp_path, embedded_server) as (world, history, line):
        for partner in PARTNERS[1:]:
            world.through(partner, door_of(embedded_server))
        world.through("caterer", door_of(embedded_server, line.port, timeout_s=1.5))
        leave_files(history)
        world.clock.move(2 * MINUTE)
        line.freeze_after(int(after * own_traffic) if 0 < after < 1 else int(after))
        run_once(world.hub, insist=True)
        world.clock.move(2 * MINUTE)
        began = time.monotonic()
        run_once(world.hub, insist=True)
        took = time.monotonic() - began

        assert took < 30
        assert len(list(world.folder("supplier", "out").iterdir())) == 1
        assert any(world.folder("hopital", "out").iterdir())
        line.heal()
        run(world)
    assert check(tmp_path / "history").violations == []


@pytest.fixture(scope="module")
def own_traffic(tmp_path_factory: pytest.TempPathFactory, embedded_server: Any) -> int:
    """How many bytes pass between the hub and one sender when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("own")
    with watched(folder, embedded_server) as (world, history, line):
        for partner in PARTNERS[1:]:
            world.through(partner, door_of(embedded_server))
        leave_files(history)
        run(world)
        return line.passed
