"""A workspace is its account's alone, and nothing in it is written through a link."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from pipeline import bootstrap
from pipeline.adapters import logs
from pipeline.adapters.archive import FolderSpool
from pipeline.adapters.local import LocalDoors
from pipeline.model.connection import Connection, Door, Protocol, Role
from pipeline.model.errors import ConfigError, PipelineError


@pytest.fixture
def place(tmp_path: Path) -> bootstrap.Workspace:
    """A fresh workspace."""
    found = bootstrap.workspace(tmp_path / "var")
    bootstrap.initialise(found)
    return found


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file outside that a link leads to; it must stay as it is."""
    path = tmp_path / "victim"
    path.write_bytes(b"precious")
    yield path
    assert path.read_bytes() == b"precious"


def test_what_edi_init_makes_is_closed_to_others(tmp_path: Path) -> None:
    """Whatever habits the account has: an umask of 0 here."""
    command = [str(Path(sys.executable).parent / "edi"), "init"]
    environment = {**os.environ, "EDI_HOME": str(tmp_path / "var")}

    subprocess.run(command, check=True, env=environment, capture_output=True, umask=0)

    made = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert {path.name for path in made} >= {"ledger.sqlite", "archive.key", "pipeline.toml"}
    open_to_others = [path for path in made if path.stat().st_mode & 0o077]
    assert open_to_others == []


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_workspace_where_others_may_write_is_refused(
    place: bootstrap.Workspace, mode: int
) -> None:
    """They could put links, or a master key of their own, in the way."""
    place.home.chmod(mode)

    with pytest.raises(ConfigError, match=f"chmod 700 {place.home}"), bootstrap.alone(place):
        pass


def take_lock(place: bootstrap.Workspace) -> None:
    """Begin to run the workspace's jobs."""
    with bootstrap.alone(place):
        pass


def keep(place: bootstrap.Workspace) -> None:
    """Keep an original, and erase it."""
    archive = bootstrap.archive(place)
    with archive.holding():
        blob = archive.receive([b"<a/>"])
        archive.keep([blob])
    archive.erase(blob.sha256, lambda: False)


def log(place: bootstrap.Workspace) -> None:
    """Write a log line of today."""
    with logs.logging_to(place.home / "logs", by="run:test"):
        structlog.get_logger().info("run.done")


TODAY = f"logs/edi-{datetime.now(UTC):%Y-%m-%d}.jsonl"


@pytest.mark.parametrize(
    ("name", "act"),
    [
        pytest.param("run.lock", take_lock, id="run-lock"),
        pytest.param("archive/lock", keep, id="archive-lock"),
        pytest.param("archive/keys/lock", keep, id="keys-lock"),
    ],
)
def test_a_link_in_place_of_a_file_of_ours_is_not_written_through(
    place: bootstrap.Workspace,
    victim: Path,
    name: str,
    act: Callable[[bootstrap.Workspace], None],
) -> None:
    """Whoever won the race to plant it: the act fails, and says so."""
    (place.home / name).parent.mkdir(exist_ok=True)
    (place.home / name).unlink(missing_ok=True)
    (place.home / name).symlink_to(victim)

    with pytest.raises((OSError, PipelineError), match="symbolic link"):
        act(place)


def test_a_link_in_place_of_todays_log_is_not_written_through(
    place: bootstrap.Workspace, victim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The work goes on, and what cannot be logged there is told on standard error."""
    before = victim.read_bytes()
    (place.home / TODAY).parent.mkdir(exist_ok=True)
    (place.home / TODAY).symlink_to(victim)

    log(place)

    assert victim.read_bytes() == before
    assert "run.done" in capsys.readouterr().err


def test_a_link_in_the_spool_is_not_written_through(tmp_path: Path, victim: Path) -> None:
    """Neither as the document nor as its unfinished file: it is replaced, or refused."""
    spool = FolderSpool(tmp_path / "spool")
    spool.write("F1/000001.xml", [b"<a/>"])
    path = tmp_path / "spool" / "F1" / "000001.xml"
    path.unlink()
    path.symlink_to(victim)

    spool.write("F1/000001.xml", [b"<b/>"])

    assert not path.is_symlink()
    assert spool.read("F1/000001.xml") == b"<b/>"
    assert {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in path.parents[1].rglob("*")} == {0}


def test_a_link_that_is_called_a_seal_is_kept_as_evidence(
    place: bootstrap.Workspace, victim: Path
) -> None:
    """A seal is linked into place, never over or through what has its name."""
    (place.home / "seals" / "2026-03-01.seal").symlink_to(victim)
    with bootstrap.open_hub(place, by="run:test") as hub:
        found = hub.seals.read("2026-03-01")

    assert found.seal is None


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o770, 0o755])
def test_what_is_put_into_a_local_folder_is_for_whom_the_folder_is(
    tmp_path: Path, mode: int
) -> None:
    """Our own files are closed; a drop box belongs to another program."""
    drop = tmp_path / "drop"
    for folder in ("in", "out"):
        (drop / folder).mkdir(parents=True)
    (drop / "out").chmod(mode)
    drop.chmod(mode)
    door = Door(protocol=Protocol.LOCAL, path=str(drop))
    sheet = Connection(name="acme", partner="Acme", role=Role.SENDER, door=door)
    (drop / "in" / "a.xml").write_bytes(b"1")
    before = os.umask(0o077)
    try:
        with LocalDoors(tmp_path).open(sheet) as session:
            session.put("out", "b.xml", b"2")
            (file,) = session.list_files("in")
            session.set_aside("in", file, "archive", "a.xml")
    finally:
        os.umask(before)

    assert stat.S_IMODE((drop / "out" / "b.xml").stat().st_mode) == mode & 0o666
    assert stat.S_IMODE((drop / "archive").stat().st_mode) == mode


def test_a_question_keeps_nobody_from_running(place: bootstrap.Workspace) -> None:
    """A status page may look in the very moment in which a timer begins a run."""
    with (place.home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as whoever asks has it, for a moment
        assert not bootstrap.is_running(place)
        asked = threading.Timer(0.3, fcntl.flock, [lock, fcntl.LOCK_UN])
        asked.start()
        with bootstrap.alone(place):
            assert bootstrap.is_running(place)
        asked.join()
    assert not bootstrap.is_running(place)


def test_who_runs_keeps_everybody_else_from_running(place: bootstrap.Workspace) -> None:
    """Patience is for those who only ask."""
    with (
        bootstrap.alone(place),
        pytest.raises(ConfigError, match="another 'edi run'"),
        bootstrap.alone(place),
    ):
        pass
