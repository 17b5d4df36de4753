"""What a judge could reach that a hostile document took over: nothing (S13, S14, S20, S25)."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from pipeline.adapters.process_engine import EngineLimits, ProcessEngine, serve
from pipeline.adapters.process_wire import NotAnAnswer, read_answer, read_judged
from pipeline.bootstrap import WorkerSettings, confine_worker
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, RoutingHeader, Trouble, ValidationReport
from pipeline.ports.engine import Job

SECRET = "canary-of-the-environment"

#: What a worker is asked to try once it is confined.
Try = Callable[[], object]


def _environment() -> object:
    block = Path("/proc/self/environ").read_bytes()
    return SECRET in repr(dict(os.environ)) + block.decode("utf-8", "replace")


def _descriptors() -> object:
    there = {}
    for link in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # that of the listing
            there[int(link.name)] = str(link.readlink())
    return there


def _core() -> object:
    import resource

    return [resource.getrlimit(one) for one in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)]


def _folder() -> object:
    return str(Path.cwd())


class _Reads:
    """Opens a file; says its first bytes."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self) -> object:
        with Path(self.path).open("rb") as file:
            return file.read(10)


class _Writes(_Reads):
    """Makes a file, or adds to one."""

    def __call__(self) -> object:
        with Path(self.path).open("ab") as file:
            return file.write(b"x")


class _Removes(_Reads):
    """Removes a file."""

    def __call__(self) -> object:
        Path(self.path).unlink()
        return "removed"


class _Calls:
    """Connects to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self) -> object:
        with socket.create_connection(("127.0.0.1", self.port), 2):
            return "connected"


def _sends_a_datagram() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        return line.sendto(b"x", ("192.0.2.1", 53))


def _starts_a_program() -> object:
    return subprocess.run(["/bin/true"], check=True).returncode


def _kills_its_parent() -> object:
    os.kill(os.getppid(), 0)
    return "signalled"


def _reads_its_parent() -> object:
    return Path(f"/proc/{os.getppid()}/environ").read_bytes()[:10]


def _entry(connection: Connection, asked: tuple[WorkerSettings, Try]) -> None:
    settings, attempt = asked
    confine_worker(settings, spare=(connection.fileno(),))
    try:
        connection.send(attempt())
    except OSError as error:
        connection.send(type(error).__name__)


def confined(attempt: Try, settings: WorkerSettings) -> object:
    """Return what came of an attempt in a process confined as workers are."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_entry, args=(theirs, (settings, attempt)))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        ours.close()
        process.join()


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    """Let workers read the folder of documents, beside a folder of keys they may not."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "1.xml").write_bytes(b"<Invoice/>")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ville").write_bytes(b"PRIVATE KEY")
    (tmp_path / "spool" / "link.xml").symlink_to(tmp_path / "keys" / "ville")
    return WorkerSettings(catalogue="", packs=tmp_path / "packs", readable=(tmp_path / "spool",))


@pytest.fixture
def port() -> Iterator[int]:
    """Something that listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_no_secret_is_left_in_its_environment(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords may come by the environment; the kernel shows its first state for ever."""
    monkeypatch.setenv("EDI_PASSWORD_OF_THE_CITY", SECRET)

    assert confined(_environment, settings) is False


def test_nothing_is_open_but_its_pipe(settings: WorkerSettings, tmp_path: Path) -> None:
    """What its parent has open, it might read or write."""
    with (tmp_path / "ledger").open("wb") as ledger:
        os.set_inheritable(ledger.fileno(), True)
        there = confined(_descriptors, settings)

    assert isinstance(there, dict)
    assert {there[0], there[1], there[2]} == {"/dev/null"}
    assert [path for fd, path in there.items() if fd > 2 and "socket" not in path] == []
    assert len(there) == 4


def test_it_leaves_no_core_and_stands_nowhere(settings: WorkerSettings) -> None:
    """A dump would hold an invoice; a relative path would mean something."""
    assert confined(_core, settings) == [(0, 0), (0, 0)]
    assert confined(_folder, settings) == "/"


def test_it_reads_documents_and_no_key(settings: WorkerSettings, tmp_path: Path) -> None:
    """Not even through a link that lies among the documents."""
    assert confined(_Reads(f"{tmp_path}/spool/1.xml"), settings) == b"<Invoice/>"
    for path in ("keys/ville", "spool/link.xml", "spool/../keys/ville"):
        assert confined(_Reads(f"{tmp_path}/{path}"), settings) == "PermissionError"
    assert confined(_Reads("/etc/passwd"), settings) == "PermissionError"


@pytest.mark.parametrize("attempt", [_Writes, _Removes])
def test_it_changes_nothing_on_disk(
    settings: WorkerSettings, tmp_path: Path, attempt: Callable[[str], Try]
) -> None:
    """Neither a document, which the hub would then deliver, nor anything new."""
    assert confined(attempt(f"{tmp_path}/spool/1.xml"), settings) == "PermissionError"
    assert confined(_Writes(f"{tmp_path}/spool/new"), settings) == "PermissionError"
    assert (tmp_path / "spool" / "1.xml").read_bytes() == b"<Invoice/>"


def test_it_reaches_no_network(settings: WorkerSettings, port: int) -> None:
    """Not this machine's either: a database may listen there."""
    assert confined(_Calls(port), settings) in {"OSError", "PermissionError"}
    assert confined(_sends_a_datagram, settings) in {"OSError", "PermissionError"}


def test_with_a_scanner_on_tcp_it_reaches_that_port_only(tmp_path: Path, port: int) -> None:
    """Who scans by TCP leaves judges one port; by a socket of this machine, none."""
    settings = WorkerSettings(catalogue="", packs=tmp_path, clamd=f"tcp:127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert confined(_Calls(port), settings) == "connected"
        assert confined(_Calls(other.getsockname()[1]), settings) == "PermissionError"


def test_it_starts_nothing_and_touches_no_other_process(settings: WorkerSettings) -> None:
    """Its parent has every key in memory."""
    assert confined(_starts_a_program, settings) == "PermissionError"
    assert confined(_kills_its_parent, settings) == "PermissionError"
    assert confined(_reads_its_parent, settings) == "PermissionError"


class _Runs:
    """Unpickles as a call."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch /tmp/edi-taken-over",)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(pickle.dumps(_Runs()), id="a-call"),
        pytest.param(b"cpipeline.model.names\nre.compile\n(S'a'\ntR.", id="through-the-model"),
        pytest.param(b"cpipeline.model.names\nshown_name\n.", id="a-function-of-the-model"),
        pytest.param(b"cbuiltins\neval\n(S'1'\ntR.", id="eval"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x80\x05garbage", id="garbage"),
    ],
)
def test_what_a_judge_says_runs_nothing(sent: bytes) -> None:
    """Its parent has the keys: an answer may be wrong, it must not be a program."""
    with pytest.raises(NotAnAnswer):
        read_answer(sent)


@pytest.mark.parametrize(
    "said",
    [
        "nonsense",
        (b"", RoutingHeader()),
        (pickle.dumps("no report"), RoutingHeader(), None),
        (pickle.dumps(_Runs()), RoutingHeader(), None),
    ],
)
def test_what_is_no_report_is_no_answer(said: object) -> None:
    """Also in the part that is packed twice."""
    with pytest.raises(NotAnAnswer):
        read_judged(said)


def _lies(connection: Connection, _: None) -> None:
    def judge(job: Job) -> Judged:
        if "honest" not in job.path:
            connection.send_bytes(pickle.dumps(_Runs()))
            signal.pause()
        return Judged(ValidationReport(syntax=None, layers=()))

    serve(connection, judge)


def test_a_judge_that_is_not_to_be_trusted_is_ended_and_its_document_held() -> None:
    """One document may cost its judge, never the hub or the other documents."""
    engine = ProcessEngine(_lies, None, 1, EngineLimits())
    jobs = [
        Job(path=path, profile=Profile(name="none", packs={}), limits=Limits())
        for path in ("hostile", "honest")
    ]
    try:
        hostile, honest = engine.judge(jobs)
    finally:
        engine.close()

    assert hostile.report.trouble is Trouble.ENGINE_CRASH
    assert "posix.system" in hostile.report.trouble_detail
    assert honest.report.trouble is None
    assert not Path("/tmp/edi-taken-over").exists()
