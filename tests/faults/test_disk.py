"""A disk that is full or broken at any write: nothing is taken away, and work goes on later."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.model.errors import PipelineError
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import HOUR, MINUTE, World, invoice, opened, samples

Fault = Callable[[], Exception]

SENT = {"F1": "VILLE", "F2": "HOPITAL", "F3": "VILLE", "F4": "HOPITAL"}


def full(code: int) -> Fault:
    """Return what the system says of a write to a disk that is full, or broken."""
    return lambda: OSError(code, os.strerror(code), "/srv/edi/var")


def sqlite_full() -> Exception:
    """Return what SQLite says, as the library hands it on."""
    return OperationalError("COMMIT", None, sqlite3.OperationalError("database or disk is full"))


def sqlite_broken() -> Exception:
    """Return what SQLite says of a disk that is broken."""
    return OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))


#: Every failpoint that follows a write of the archive or of scratch space, with its fault.
FILES = [
    (point, code)
    for point in (
        "pull.blob.opened",
        "pull.blob.half",
        "pull.blob.written",
        "pull.blob.synced",
        "pull.blob.renamed",
        "pull.blob.kept",
        "spool.half",
        "spool.written",
    )
    for code in (errno.ENOSPC, errno.EIO)
]
#: Every change of the ledger that a run makes.
CHANGES = [
    (f"{point}.inside", fault)
    for point in (
        "ledger.sightings",
        "pull.record",
        "pull.mark_removed",
        "ledger.claim_flows",
        "work.gather",
        "work.settle",
        "ledger.claim_files",
        "deliver.mark",
        "ledger.begin_runs",
        "ledger.end_runs",
    )
    for fault in (sqlite_full, sqlite_broken)
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three files, four invoices: one alone, an archive of two, a flow named by the grammar."""
    with opened(tmp_path) as made:
        leave_files(made)
        yield made


def leave_files(world: World) -> None:
    """Let both senders drop something, long enough ago to be stable at the next look."""
    packed = samples().tar_gz({"2.xml": invoice("F2", "HOPITAL"), "3.xml": invoice("F3")})
    flow = samples().tar_gz({"4.xml": invoice("F4", "HOPITAL")})
    world.drop("caterer", "1.xml", invoice("F1"))
    world.drop("caterer", "2.tar.gz", packed)
    world.drop("supplier", f"FSO1100A_SUP001_SUP0011100{1:015d}", flow)


@contextmanager
def failing(point: str, fault: Fault) -> Iterator[Callable[[], int]]:
    """Fail whenever a failpoint is reached, until the end of the block."""
    reached = 0

    def hook(name: str) -> None:
        nonlocal reached
        if name == point:
            reached += 1
            raise fault()

    arm(hook)
    try:
        yield lambda: reached
    finally:
        disarm()


def tried(world: World, times: int = 2) -> list[str]:
    """Run as the hub would, a minute apart; return what it tells its operator."""
    told: list[str] = []
    for _ in range(times):
        world.clock.move(MINUTE)
        try:
            told += run_once(world.hub, insist=True).failed.values()
        except PipelineError as error:
            told.append(f"{error.code}: {error}")
    return told


def check_nothing_is_lost(world: World) -> None:
    """Whatever left a sender's inbox is in the archive, and a row says so."""
    kept = Counter(flow.connection for flow in safe_flows(world))
    for sender, dropped in (("caterer", 2), ("supplier", 1)):
        left = len(list(world.folder(sender, "in").iterdir()))
        assert left + kept[sender] >= dropped


def safe_flows(world: World) -> list[Any]:
    """Return the flows whose originals can be read."""
    flows = world.hub.ledger.interchanges(Query())
    return [flow for flow in flows if world.hub.archive.check(flow.sha256)]


def check_all_is_done(world: World) -> None:
    """Every invoice is delivered once, every file answered, and nobody had to do anything."""
    ledger = world.hub.ledger
    assert [one.step for one in ledger.interchanges(Query())] == [InterchangeStep.CLOSED] * 3
    found = Counter(delivered(world))
    assert found == Counter(invoice(number, buyer) for number, buyer in SENT.items())
    assert not list(world.root.glob("*/in/*"))
    assert {row.state for row in ledger.outbox()} == {OutboxState.SENT}
    assert verify(ledger, world.hub.archive).sound


def delivered(world: World) -> Iterator[bytes]:
    """Yield every document that recipients find."""
    from tests.stateful.test_machine import unpack

    for receiver in ("ville", "hopital", "imprimerie"):
        for path in world.folder(receiver, "out").iterdir():
            yield from unpack(path.read_bytes())


@pytest.mark.parametrize(("point", "code"), FILES)
def test_a_write_that_fails_is_made_again_when_there_is_space(
    world: World, point: str, code: int
) -> None:
    """While the disk is full nothing is taken away; after it nobody has to let anything go."""
    with failing(point, full(code)) as reached:
        told = tried(world)
        check_nothing_is_lost(world)

    assert reached()
    assert any(os.strerror(code) in words for words in told), told
    world.clock.move(HOUR)
    tried(world)
    check_all_is_done(world)


@pytest.mark.parametrize(("point", "fault"), CHANGES)
def test_a_ledger_that_cannot_write_is_tried_again(world: World, point: str, fault: Fault) -> None:
    """What was decided and not written is decided again; what was sent is found there."""
    with failing(point, fault) as reached:
        told = tried(world)
        check_nothing_is_lost(world)

    assert reached()
    assert any("base de données" in words and "database" in words for words in told), told
    world.clock.move(HOUR)
    tried(world)
    check_all_is_done(world)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left", range(0, 640, 32))
def test_a_disk_that_is_really_full_is_survived(
    small_disk: Path, tmp_path: Path, left: int
) -> None:
    """Wherever it fills up: in a blob, in scratch space, in the ledger, in its log."""
    with opened(tmp_path, home=small_disk / "var") as world:
        leave_files(world)
        ballast = small_disk / "ballast"
        fill(ballast, left * 1024)
        tried(world)
        check_nothing_is_lost(world)

        ballast.unlink()
        world.clock.move(HOUR)
        tried(world)
        check_all_is_done(world)


def fill(ballast: Path, left: int) -> None:
    """Take all space of a disk but `left` bytes."""
    found = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left))
