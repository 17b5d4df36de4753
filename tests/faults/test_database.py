"""A database that is locked, or restarted in the middle of anything: no loss, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.model.errors import LedgerConflict, PipelineError
from pipeline.model.status import OutboxState
from pipeline.ports.failpoint import arm, disarm
from tests.crash.checker import check
from tests.crash.observer import History
from tests.hubs import HOUR, MINUTE, World, invoice, opened, samples

#: Where the database goes away: between any two acts that a file meets.
POINTS = [
    "pull.blob.kept",
    "pull.record.inside",
    "pull.record.after",
    "work.judged",
    "work.settle.inside",
    "deliver.put",
    "deliver.mark.inside",
]

#: Where another program gets the write lock: between two transactions of ours.
LOCKED = ["pull.blob.kept", "pull.record.after", "work.judged", "deliver.put"]
_PATIENCE = "pipeline.adapters.database.open._PATIENCE_S"


@contextmanager
def watched(folder: Path, **given: Any) -> Iterator[tuple[World, History]]:
    """Make a world in local folders, and a witness; drop three flows into it."""
    with opened(folder, **given) as world:
        folders = {name: world.root / name for name in world.connections}
        history = History(folder / "history", folders)
        with history.watching():
            made = samples()
            packed = {"2.xml": invoice("F2", "HOPITAL"), "3.xml": invoice("F3")}
            history.drop("caterer", "1.xml", invoice("F1"))
            history.drop("caterer", "4.xml", made.without_issue_date(invoice("F4")))
            flow = f"FSO1100A_SUP001_SUP0011100{1:015d}"
            history.drop("supplier", flow, made.tar_gz(packed))
            yield world, history


@contextmanager
def once_at(point: str, act: Callable[[], None]) -> Iterator[list[str]]:
    """Do something when a failpoint is first reached."""
    reached: list[str] = []

    def hook(name: str) -> None:
        if name == point and not reached:
            reached.append(name)
            act()

    arm(hook)
    try:
        yield reached
    finally:
        disarm()


def run(world: World) -> list[PipelineError]:
    """Run twice, as the hub would; return what stopped it."""
    stopped: list[PipelineError] = []
    for _ in range(2):
        world.clock.move(2 * MINUTE)
        try:
            run_once(world.hub, insist=True)
        except PipelineError as error:
            stopped.append(error)
    return stopped


def check_all(world: World) -> None:
    """Hold what everybody saw against the promise, and the record against itself."""
    ledger = world.hub.ledger
    assert {row.state for row in ledger.outbox()} == {OutboxState.SENT}
    assert ledger.count_events("interchange.received") == 3
    assert verify(ledger, world.hub.archive).sound


@pytest.mark.parametrize("point", LOCKED)
def test_a_locked_ledger_is_waited_for_and_then_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold: Any, point: str
) -> None:
    """Another program holds the write lock for longer than we wait: a backup that hangs, say."""
    monkeypatch.setattr(_PATIENCE, 0.2)
    with watched(tmp_path) as (world, _), ExitStack() as stack:
        locked: list[Callable[[], None]] = []

        def lock() -> None:
            locked.append(stack.enter_context(hold(world.home / "ledger.sqlite")))

        with once_at(point, lock) as reached, capture_logs():
            stopped = run(world)
        assert reached
        assert stopped
        assert all(isinstance(one, LedgerConflict) for one in stopped), stopped

        locked[0]()
        monkeypatch.setattr(_PATIENCE, 30.0)
        world.clock.move(HOUR)
        assert run(world) == []
        check_all(world)
    assert check(tmp_path / "history").violations == []


@pytest.mark.slow
@pytest.mark.parametrize("stays_down", [False, True], ids=["restarted", "stays-down"])
@pytest.mark.parametrize("point", POINTS)
def test_postgresql_may_be_restarted_in_the_middle_of_anything(
    tmp_path: Path, postgres: Any, point: str, stays_down: bool
) -> None:
    """`-m immediate`, as a power cut: each open transaction is gone, and done again."""
    with watched(tmp_path, url=postgres.database()) as (world, _):

        def restart() -> None:
            postgres.stop()
            if not stays_down:
                postgres.start()

        try:
            with once_at(point, restart) as reached, capture_logs():
                stopped = run(world)
        finally:
            postgres.start()
        assert reached
        assert all(isinstance(one, LedgerConflict) for one in stopped), stopped
        assert stopped or not stays_down

        world.clock.move(HOUR)
        assert run(world) == []
        check_all(world)
    assert check(tmp_path / "history").violations == []
