"""What several processes write side by side: each has its own, and the dead have nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.adapters.archive import FileArchive
from pipeline.adapters.owned import OwnedFolder, sweep
from pipeline.model.errors import ArchiveError

#: Takes a folder, writes a file into it, says which it is, and waits.
OWNER = """
import sys
from pathlib import Path
from pipeline.adapters.owned import OwnedFolder

mine = OwnedFolder(Path(sys.argv[1]))
(mine.path / "half.part").write_bytes(b"half of an invoice")
print(mine.path, flush=True)
sys.stdin.read()
"""
#: Receives a file into an archive, says where it is, keeps it when it is told to.
RECEIVER = """
import sys
from pathlib import Path
from pipeline.adapters.archive import FileArchive

archive = FileArchive(Path(sys.argv[1]))
blob = archive.receive([b"<a/>"])
print(blob.place, flush=True)
sys.stdin.readline()
archive.keep([blob])
print(archive.check(blob.sha256), flush=True)
"""


class Other:
    """Another process, and what it said first: a path."""

    def __init__(self, script: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.path = Path(self.read().strip())

    def read(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def go_on(self) -> None:
        """Let it do the rest."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def _started(script: str, folder: Path) -> Iterator[Other]:
    other = Other(script, folder)
    try:
        yield other
    finally:
        other.kill()
        for pipe in (other.process.stdin, other.process.stdout):
            assert pipe is not None
            pipe.close()


def test_each_process_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """In containers all of them may have the same name and number."""
    with _started(OWNER, tmp_path) as one, _started(OWNER, tmp_path) as other:
        mine = OwnedFolder(tmp_path)

        assert len({one.path, other.path, mine.path}) == 3
        assert list(mine.path.iterdir()) == []
        mine.close()


def test_a_sweep_takes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    """What another is writing would be missing to it; what the dead left lies in clear."""
    with _started(OWNER, tmp_path) as living, _started(OWNER, tmp_path) as dead:
        dead.kill()

        swept = (sweep(tmp_path), sweep(tmp_path))

        assert swept == (1, 0)
        assert (living.path / "half.part").read_bytes() == b"half of an invoice"
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == [living.path]
        living.kill()
        assert sweep(tmp_path) == 1
        assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_taken_over_empty(tmp_path: Path) -> None:
    """However often a process is killed, it leaves one folder at most."""
    for _ in range(2):
        with _started(OWNER, tmp_path) as other:
            other.kill()

    mine = OwnedFolder(tmp_path)

    assert (mine.path, list(mine.path.iterdir())) == (other.path, [])
    mine.close()


def test_what_is_closed_is_gone(tmp_path: Path) -> None:
    """Closing twice does no harm, not even to whoever has the number now."""
    mine = OwnedFolder(tmp_path)
    (mine.path / "scrap").write_bytes(b"x")
    mine.close()
    assert list(tmp_path.iterdir()) == []
    other = OwnedFolder(tmp_path)

    mine.close()

    assert (other.path.is_dir(), sweep(tmp_path)) == (True, 0)
    other.close()


def test_a_process_forked_from_the_owner_takes_nothing_from_it(tmp_path: Path) -> None:
    """It ends like any other, with what it inherited in its hands."""
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from pipeline.adapters.owned import OwnedFolder\n"
        "mine = OwnedFolder(Path(sys.argv[1]))\n"
        "if os.fork() == 0: sys.exit()\n"
        "os.wait()\nprint(mine.path.is_dir())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True
    )

    assert ran.stdout == "True\n"


def test_a_process_that_ends_by_itself_leaves_nothing(tmp_path: Path) -> None:
    """Verbs of a moment too: nobody has to think of closing."""
    subprocess.run([sys.executable, "-c", OWNER, str(tmp_path)], check=True, input=b"")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_what_another_account_has_is_left_to_it() -> None:
    """A verb that somebody typed as root must not keep the service from its work."""
    nobody = 65534
    with tempfile.TemporaryDirectory(prefix="edi-owned-") as name:
        parent = Path(name)
        os.chown(parent, nobody, nobody)
        (parent / "1").mkdir(mode=0o700)
        (parent / "1" / "half.part").write_bytes(b"x")
        (parent / "1.lock").touch(mode=0o600)
        os.seteuid(nobody)
        try:
            swept, mine = sweep(parent), OwnedFolder(parent)
            took = mine.path.name
            mine.close()
        finally:
            os.seteuid(0)

        assert (swept, took) == (0, "2")
        assert sweep(parent) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_a_place_that_nobody_may_write_to_is_told() -> None:
    """Looking for a free number there would never end."""
    with tempfile.TemporaryDirectory(prefix="edi-owned-") as name:
        Path(name).chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                OwnedFolder(Path(name))
        finally:
            os.seteuid(0)


def test_takers_and_sweepers_may_all_come_at_once(tmp_path: Path) -> None:
    """A lock is removed with its folder: whoever got hold of the old one must look again."""
    clashes: list[str] = []

    def take_and_let_go() -> None:
        for number in range(100):
            mine = OwnedFolder(tmp_path)
            own = mine.path / f"{threading.get_ident()}-{number}"
            own.write_bytes(b"")
            if list(mine.path.iterdir()) != [own]:
                clashes.append(str(mine.path))
            mine.close()

    def clean() -> None:
        for _ in range(100):
            sweep(tmp_path)

    _side_by_side([take_and_let_go] * 4 + [clean] * 2)

    assert clashes == []
    assert sweep(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def _side_by_side(acts: list[Callable[[], None]]) -> None:
    troubles: list[BaseException] = []

    def tell(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test tells it
            troubles.append(error)

    threads = [threading.Thread(target=tell, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    """Nobody gets us to make or hold a file elsewhere."""
    (tmp_path / "victim").write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "1.lock").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic links"):
        OwnedFolder(tmp_path / "below")


@pytest.fixture
def place(tmp_path: Path) -> bootstrap.Workspace:
    """A workspace of today."""
    made = bootstrap.workspace(tmp_path / "var")
    bootstrap.initialise(made)
    return made


def test_a_run_that_begins_spares_what_another_process_is_receiving(
    place: bootstrap.Workspace,
) -> None:
    """``edi original --put`` and a rotation of keys write beside it; their dead do not."""
    archive = place.home / "archive"
    with _started(RECEIVER, archive) as busy, _started(RECEIVER, archive) as dead:
        dead.kill()

        bootstrap.sweep(place)

        assert (busy.path.exists(), dead.path.exists()) == (True, False)
        busy.go_on()
        assert busy.read() == "True\n"


def test_a_run_that_begins_empties_the_scratch_space_of_the_dead_alone(
    place: bootstrap.Workspace,
) -> None:
    """Documents lie there in clear."""
    with (
        bootstrap.open_hub(place, by="run:test") as hub,
        _started(OWNER, place.home / "spool") as dead,
    ):
        hub.spool.write("F1/1.xml", [b"<a/>"])
        dead.kill()

        bootstrap.sweep(place)

        assert not dead.path.exists()
        assert hub.spool.read("F1/1.xml") == b"<a/>"
    assert list((place.home / "spool").iterdir()) == []


def test_an_archive_that_is_closed_leaves_no_half_written_file(tmp_path: Path) -> None:
    """It may receive again afterwards."""
    archive = FileArchive(tmp_path)
    archive.receive([b"<a/>"])

    archive.close()

    assert list((tmp_path / "incoming").iterdir()) == []
    again = archive.receive([b"<b/>"])
    archive.keep([again])
    assert archive.check(again.sha256)
    archive.close()


def test_an_archive_whose_disk_cannot_be_written_says_so(tmp_path: Path) -> None:
    """As it does for every other trouble with it."""
    archive = FileArchive(tmp_path)
    (tmp_path / "incoming").rmdir()
    (tmp_path / "incoming").write_bytes(b"a file in the way")

    with pytest.raises(ArchiveError, match="Not a directory"):
        archive.receive([b"<a/>"])
