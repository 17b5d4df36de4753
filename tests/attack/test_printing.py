"""What a page could reach that took over the process that prints it: nothing (S13, S20, S25)."""

from __future__ import annotations

import os
import socket
import subprocess
from functools import partial
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from pipeline.adapters.confined_printer import ConfinedPrinter, PrintLimits, confine_printer
from pipeline.adapters.printer import WeasyPrinter, load
from tests.attack.test_workers import SECRET, Try

pytestmark = pytest.mark.usefixtures("printer")


def _environment() -> object:
    block = Path("/proc/self/environ").read_bytes()
    return SECRET in repr(dict(os.environ)) + block.decode("utf-8", "replace")


def _reads(path: Path) -> object:
    return path.read_bytes()[:10]


def _writes(path: Path) -> object:
    return path.write_bytes(b"x")


def _calls(port: int) -> object:
    with socket.create_connection(("127.0.0.1", port), 2):
        return "connected"


def _starts_a_program() -> object:
    return subprocess.run(["/bin/true"], check=True).returncode


def _kills_its_parent() -> object:
    os.kill(os.getppid(), 0)
    return "signalled"


def _reads_its_parent() -> object:
    return Path(f"/proc/{os.getppid()}/environ").read_bytes()[:10]


def _entry(connection: Connection, attempts: tuple[Try, ...]) -> None:
    load()  # as the real one does, whose threads would not be held
    confine_printer(connection)
    WeasyPrinter()
    connection.send([_came_of(attempt) for attempt in attempts])


def _came_of(attempt: Try) -> object:
    try:
        return attempt()
    except OSError as error:
        return type(error).__name__


def confined(*attempts: Try) -> object:
    """Return what came of attempts in a process that is ready to print."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_entry, args=(theirs, attempts))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        ours.close()
        process.join()


def test_no_secret_is_left_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps what fonts are found by, and nothing else of it."""
    monkeypatch.setenv("EDI_PASSWORD_OF_THE_CITY", SECRET)

    assert confined(_environment) == [False]


def test_it_reads_no_key_and_no_document(tmp_path: Path) -> None:
    """A page comes through its pipe: there is no file of the hub that it needs."""
    files = [tmp_path / folder / "one" for folder in ("keys", "spool", "archive")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(b"PRIVATE KEY")

    read = confined(*(partial(_reads, file) for file in (*files, Path("/etc/passwd"))))

    assert read == ["PermissionError"] * 4


def test_it_changes_nothing_on_disk(tmp_path: Path) -> None:
    """Neither in the workspace nor beside it."""
    (tmp_path / "one").write_bytes(b"<Invoice/>")

    written = confined(*(partial(_writes, tmp_path / name) for name in ("one", "new")))

    assert written == ["PermissionError"] * 2
    assert (tmp_path / "one").read_bytes() == b"<Invoice/>"


def test_it_reaches_no_network() -> None:
    """Not this machine's either: a database may listen there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        called = confined(partial(_calls, server.getsockname()[1]))

    assert called in (["OSError"], ["PermissionError"])


def test_it_starts_nothing_and_touches_no_other_process() -> None:
    """Its parent has every key in memory."""
    tried = confined(_starts_a_program, _kills_its_parent, _reads_its_parent)

    assert tried == ["PermissionError"] * 3


def test_the_one_that_prints_is_such_a_process() -> None:
    """Seen from outside, while it waits for its next page: another network, no descriptor."""
    others = printers()
    printer = ConfinedPrinter(PrintLimits())
    printer.print("<p>Facture</p>")
    try:
        (worker,) = printers() - others
        of_it, ours = (Path(f"/proc/{one}/ns/net").readlink() for one in (worker, os.getpid()))
        fields = Path(f"/proc/{worker}/status").read_text(encoding="utf-8").split("\n")
        targets = {str(each.readlink()) for each in Path(f"/proc/{worker}/fd").iterdir()}
        assert of_it != ours
        assert "NoNewPrivs:\t1" in fields
        assert {each for each in targets if not each.startswith("socket:")} == {"/dev/null"}
    finally:
        printer.close()


def printers() -> set[int | None]:
    """Return the ids of this process's printers: another test may have left one at work."""
    return {child.pid for child in active_children() if child.name == "edi-print"}
