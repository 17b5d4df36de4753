"""What is armed ends the process where it says, writes down where it was, or raises there."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.database import open_ledger
from pipeline.adapters.failpoints import KILLED, arm_from
from pipeline.model.errors import ArchiveError, ConfigError, LedgerConflict

FailAt = Callable[..., None]

_DIES = """
from pathlib import Path
from pipeline.adapters.failpoints import arm_from
from pipeline.ports.failpoint import failpoint
arm_from("put.half:2", Path({trace!r}))
try:
    for _ in range(3):
        failpoint("put.opened")
        failpoint("put.half")
        failpoint("deliver.mark", "inside")
finally:
    print("cleaned up")
"""


def test_a_process_ends_at_the_hit_that_was_asked_for(tmp_path: Path) -> None:
    """At once and without any clean-up, as if it were killed; the trace tells how far it came."""
    trace = tmp_path / "trace"

    died = subprocess.run(
        [sys.executable, "-c", _DIES.format(trace=str(trace))], capture_output=True, check=False
    )

    assert (died.returncode, died.stdout, died.stderr) == (KILLED, b"", b"")
    assert trace.read_text().split() == [
        "put.opened",
        "put.half",
        "deliver.mark.inside",
        "put.opened",
        "put.half",
    ]


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("put.haf:1", id="misspelt"),
        pytest.param("put.half", id="which-hit"),
        pytest.param("put.half:0", id="no-hit"),
        pytest.param("put.half:x", id="no-number"),
        pytest.param("deliver.mark:1", id="a-change-without-its-phase"),
    ],
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    """A misspelt name would never be reached, and every test of it would pass."""
    with pytest.raises(ConfigError, match="EDI_FAILPOINT"):
        arm_from(place, None)


def test_a_trace_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Whoever counts must not count nothing."""
    with pytest.raises(ConfigError, match="Is a directory"):
        arm_from(None, tmp_path)


def test_a_full_disk_leaves_nothing_of_a_file_that_came_in(
    tmp_path: Path, fail_at: FailAt
) -> None:
    """What is raised at a failpoint is met as if the system had said it."""
    fail_at("pull.blob.half", OSError(errno.ENOSPC, "No space left on device"), hit=2)
    archive = FileArchive(tmp_path)

    with pytest.raises(ArchiveError, match="No space left on device"):
        archive.receive([b"one", b"two", b"three"])

    assert list((tmp_path / "incoming").rglob("*.part")) == []
    assert archive.receive([b"one", b"two", b"three"]).size == 11


def test_a_change_that_fails_inside_leaves_nothing(tmp_path: Path, fail_at: FailAt) -> None:
    """It is undone when its commit was not reached, whoever raised what."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    fail_at("ledger.change.inside", LedgerConflict("another was first"))

    with pytest.raises(LedgerConflict), ledger.transaction() as tx:
        assert tx.next_number("series") == 1
    with ledger.transaction() as tx:
        assert tx.next_number("series") == 1
    ledger.close()
