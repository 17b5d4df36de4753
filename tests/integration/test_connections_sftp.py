"""How we prove who we are, and which servers we refuse: against real OpenSSH, and others."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
)
from paramiko.server import InteractiveQuery
from structlog.testing import capture_logs

from pipeline.adapters.embedded_sftp import generate_key
from pipeline.adapters.sftp import SftpDoors
from pipeline.app.breaker import Breaker
from pipeline.app.sessions import Sessions
from pipeline.model.connection import Connection, Door, Role, Secret, SecretKind
from pipeline.model.errors import (
    CircuitOpen,
    ConfigError,
    ConnectError,
    HostKeyMismatch,
    LoginRefused,
    SessionLost,
)

Partner = Any
Factory = Callable[..., Any]

DOORS = SftpDoors(Path("/"))
CANARY = "kanarienvogel-7f3a"


class SystemTime:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def adopt(self) -> timedelta:
        return timedelta()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True)


# -- certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority for users."""
    path = tmp_path_factory.mktemp("authority") / "ca"
    keygen("-t", "ed25519", "-N", "", "-f", str(path))
    return path


@pytest.fixture(scope="module")
def certified(start_sshd: Factory, authority: Path) -> Any:
    """An sshd that knows no user's key, only the authority."""
    return start_sshd(
        more=(f"TrustedUserCAKeys {authority}.pub",), sftp_options="", host_key_types=("ed25519",)
    )


def signed(authority: Path, key: Path, user: str, validity: str = "+1h") -> Path:
    """Sign `key` for `user`; return the certificate."""
    sign = ("-s", str(authority), "-I", "edi", "-n", user, "-V", validity)
    keygen(*sign, str(key.with_suffix(".pub")))
    return key.with_name(f"{key.name}-cert.pub")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_opens_a_server_that_knows_only_its_authority(
    certified: Any, connection_factory: Factory, authority: Path, tmp_path: Path, kind: str
) -> None:
    """The key alone does not, even with the certificate lying beside it: the sheet decides."""
    key = tmp_path / "key"
    keygen("-t", kind, "-N", "", "-f", str(key))
    certificate = signed(authority, key, certified.user)
    partner = connection_factory(certified)

    with pytest.raises(LoginRefused):
        DOORS.open(partner.through(key=str(key))).__enter__()
    with DOORS.open(partner.through(key=str(key), certificate=str(certificate))) as session:
        assert session.list_files(partner.connection.inbox) == []


@pytest.mark.parametrize(
    ("user", "validity"),
    [
        pytest.param("somebody", "+1h", id="other-user"),
        pytest.param(None, "-2d:-1d", id="expired"),
    ],
)
def test_a_certificate_that_the_server_does_not_take_is_named(
    certified: Any,
    connection_factory: Factory,
    authority: Path,
    tmp_path: Path,
    user: str | None,
    validity: str,
) -> None:
    """So that somebody looks at it with `ssh-keygen -L`."""
    key = tmp_path / "key"
    keygen("-t", "ed25519", "-N", "", "-f", str(key))
    certificate = signed(authority, key, user or certified.user, validity)
    partner = connection_factory(certified)

    with pytest.raises(LoginRefused, match=f"with key SHA256:.* and certificate {certificate}: "):
        DOORS.open(partner.through(key=str(key), certificate=str(certificate))).__enter__()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"", "not an OpenSSH certificate"),
        (b"nonsense\xff", "not an OpenSSH certificate"),
        (b"ssh-ed25519-cert-v01@openssh.com AAAA", "not an OpenSSH certificate"),
        ("public key", "a public key without certificate"),
        ("of another kind", "not an OpenSSH certificate of our ssh-ed25519"),
    ],
)
def test_a_file_that_is_no_certificate_of_the_key_is_named(
    connection_factory: Factory,
    local_folder: Any,
    authority: Path,
    tmp_path: Path,
    content: bytes | str | None,
    why: str,
) -> None:
    """Before anything is connected to."""
    key, path = tmp_path / "key", tmp_path / "cert"
    line = generate_key(key)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "public key":
        path.write_text(line)
    elif content:
        keygen("-t", "ecdsa", "-N", "", "-f", str(tmp_path / "other"))
        signed(authority, tmp_path / "other", "edi").rename(path)
    door = Door(host="127.0.0.1", port=1, user="u", key=str(key), host_key=line)
    partner = connection_factory(local_folder)

    with pytest.raises(ConfigError, match=why) as caught:
        DOORS.open(
            replace(partner.connection, door=replace(door, certificate=str(path)))
        ).__enter__()

    assert str(path) in str(caught.value)


# -- passwords


class Guard(paramiko.ServerInterface):
    """Lets `acme` in by a password that it asks for in one way, and notes all that come.

    The ways are ``password``, ``interactive`` and ``both``: a key first, then a password.
    """

    def __init__(self, way: str, seen: list[str]) -> None:
        self._seen = seen
        self._allowed = {"interactive": "keyboard-interactive", "both": "publickey"}.get(way, way)

    def get_allowed_auths(self, _username: str) -> str:
        return self._allowed

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        self._allowed = "password"
        return AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_password(self, username: str, password: str) -> int:
        if self._allowed != "password":
            return AUTH_FAILED
        self._seen.append(password)
        return self._judged(username, password)

    def check_auth_interactive(self, _username: str, _submethods: str) -> Any:
        if self._allowed != "keyboard-interactive":
            return AUTH_FAILED
        return InteractiveQuery("", "", ("Password:", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self._seen.extend(responses)
        return self._judged("acme", *responses)

    def _judged(self, username: str, password: str) -> int:
        good = (username, password) == ("acme", CANARY)
        return AUTH_SUCCESSFUL if good else AUTH_FAILED


class Empty(paramiko.SFTPServerInterface):
    """An account whose every folder is empty."""

    def list_folder(self, _path: str) -> Any:
        return []


class Listening:
    """A server that asks for a password.

    Attributes:
        port: On 127.0.0.1.
        host_key: Its public key.
        seen: Every password that it was told.
    """

    def __init__(self, way: str, folder: Path) -> None:
        self.seen: list[str] = []
        self.host_key = generate_key(folder / "host_key")
        self._key = paramiko.PKey.from_path(folder / "host_key")
        self._way = way
        self._transports: list[paramiko.Transport] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """End it with its sessions."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        with suppress(OSError):  # when it is shut down
            while True:
                transport = paramiko.Transport(self._socket.accept()[0])
                self._transports.append(transport)
                transport.add_server_key(self._key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Empty)
                transport.start_server(event=threading.Event(), server=Guard(self._way, self.seen))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[[str], Listening]]:
    """Start servers that ask for a password: ``guarded(way)``."""
    with ExitStack() as stack:

        def start(way: str) -> Listening:
            server = Listening(way, tmp_path)
            stack.callback(server.close)
            return server

        yield start


def by_password(server: Listening, secret: Secret | None, **changes: Any) -> Connection:
    door = Door(
        host="127.0.0.1",
        port=server.port,
        user="acme",
        password=secret,
        host_key=server.host_key,
        timeout_s=10,
    )
    changed = replace(door, **changes)
    return Connection(name="acme", partner="Acme", role=Role.SENDER, door=changed)


@pytest.fixture
def kept(tmp_path: Path) -> Secret:
    """The right password, in a file of the workspace."""
    path = tmp_path / "secrets" / "acme"
    path.parent.mkdir()
    path.write_text(CANARY)
    path.chmod(0o600)
    return Secret(SecretKind.FILE, "secrets/acme")


@pytest.mark.parametrize(("way", "key"), [("password", ""), ("interactive", ""), ("both", "key")])
def test_a_password_opens_an_account(
    guarded: Callable[[str], Listening], kept: Secret, tmp_path: Path, way: str, key: str
) -> None:
    """Some servers ask for it only in the interactive way, some only after a key."""
    server = guarded(way)
    generate_key(tmp_path / "key")

    with SftpDoors(tmp_path).open(by_password(server, kept, key=key)) as session:
        files = session.list_files("in")

    assert files == []
    assert server.seen == [CANARY]


def test_a_password_is_never_shown_to_a_server_that_was_not_pinned(
    guarded: Callable[[str], Listening], kept: Secret, tmp_path: Path
) -> None:
    """Whoever took the server's place does not learn it."""
    server = guarded("password")
    stranger = generate_key(tmp_path / "stranger")

    with pytest.raises(HostKeyMismatch):
        SftpDoors(tmp_path).open(by_password(server, kept, host_key=stranger)).__enter__()

    assert server.seen == []


def test_a_wrong_password_is_refused_by_its_place_and_told_nowhere(
    guarded: Callable[[str], Listening], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the message nor anywhere in the chain of causes."""
    server = guarded("password")
    wrong = f"{CANARY}-wrong"
    monkeypatch.setenv("ACME_PASSWORD", wrong)
    connection = by_password(server, Secret(SecretKind.ENV, "ACME_PASSWORD"))

    with pytest.raises(LoginRefused) as caught:
        SftpDoors(tmp_path).open(connection).__enter__()

    assert server.seen == [wrong]
    assert "acme is refused with the password of env ACME_PASSWORD" in str(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_wants_a_password_besides_the_key_says_so(
    guarded: Callable[[str], Listening], tmp_path: Path
) -> None:
    """Whoever reads it knows what the sheet lacks."""
    server = guarded("both")
    generate_key(tmp_path / "key")

    with pytest.raises(LoginRefused, match="acme also needs password to log in"):
        SftpDoors(tmp_path).open(by_password(server, None, key="key")).__enter__()


def test_a_password_is_read_at_each_login(
    guarded: Callable[[str], Listening], kept: Secret, tmp_path: Path
) -> None:
    """Whoever changes the file need not restart anything."""
    server = guarded("password")
    doors, connection = SftpDoors(tmp_path), by_password(server, kept)
    (tmp_path / kept.name).write_text("old")

    with pytest.raises(LoginRefused):
        doors.open(connection).__enter__()
    (tmp_path / kept.name).write_text(CANARY)
    with doors.open(connection):
        pass

    assert server.seen == ["old", CANARY]


def test_a_password_file_that_others_may_read_stops_before_the_server(
    guarded: Callable[[str], Listening], kept: Secret, tmp_path: Path
) -> None:
    """It names file and mode."""
    server = guarded("password")
    (tmp_path / kept.name).chmod(0o644)

    with pytest.raises(ConfigError, match=r"secrets/acme: mode 0644"):
        SftpDoors(tmp_path).open(by_password(server, kept)).__enter__()

    assert server.seen == []


# -- weak servers


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("KexAlgorithms diffie-hellman-group14-sha1", "key exchange|kex"),
        ("KexAlgorithms diffie-hellman-group1-sha1", "key exchange|kex"),
        ("Ciphers aes128-cbc,3des-cbc", "cipher"),
        ("Ciphers aes128-ctr\nMACs hmac-sha1,hmac-md5", "MAC|mac"),
    ],
)
def test_a_server_that_offers_only_weak_algorithms_is_refused_and_told_why(
    start_sshd: Factory, connection_factory: Factory, line: str, named: str
) -> None:
    """Nobody's name or key goes over such a line."""
    server = start_sshd(more=(line,))
    partner = connection_factory(server)

    with pytest.raises(ConnectError, match=named) as caught:
        DOORS.open(partner.connection).__enter__()

    assert type(caught.value) is ConnectError
    assert "userauth-request" not in server.log.read_text()


# -- servers that hang


class Detour:
    """Doors that lead every login through another port, as a broken line does."""

    def __init__(self, port: int) -> None:
        self._port = port

    def open(self, connection: Connection) -> Any:
        return DOORS.open(replace(connection, door=replace(connection.door, port=self._port)))


def pull(sessions: Sessions, connection: Connection) -> None:
    """List a folder and read what stands there."""
    with sessions.open(connection) as session:
        for file in session.list_files(connection.inbox):
            list(session.fetch(connection.inbox, file, 1_000_000))


def test_a_server_that_lets_in_and_then_hangs_is_one_incident(
    sshd: Any, connection_factory: Factory, faulty_line: Factory
) -> None:
    """It costs two time limits, whatever the number of files and connections."""
    partner = connection_factory(sshd)
    (partner.inbox / "a.xml").write_bytes(b"x" * 100_000)
    connection = partner.through(timeout_s=1)
    breaker, started = Breaker(), time.monotonic()

    with capture_logs() as logs:
        for _ in range(2):
            line = Detour(faulty_line(sshd.port, 30_000, freeze=True))
            with (
                Sessions(line, breaker, SystemTime(), (connection,)) as sessions,
                pytest.raises(SessionLost),
            ):
                pull(sessions, connection)
        with Sessions(DOORS, breaker, SystemTime(), (connection,)) as sessions:
            for _ in range(100):
                with pytest.raises(CircuitOpen):
                    pull(sessions, connection)

    assert time.monotonic() - started < 30
    assert [(line["event"], line["code"], line["connections"]) for line in logs] == [
        ("host.failed", "LOST", ["acme"])
    ]


def test_a_session_that_is_lost_after_it_was_used_says_nothing_of_its_host(
    sshd: Any, connection_factory: Factory, faulty_line: Factory
) -> None:
    """A server that hangs up on idle clients, or after so many files, is not dead."""
    partner = connection_factory(sshd)
    breaker = Breaker()

    for _ in range(3):
        line = Detour(faulty_line(sshd.port, 30_000))
        with Sessions(line, breaker, SystemTime(), ()) as sessions:
            pull(sessions, partner.connection)
            (partner.inbox / "a.xml").write_bytes(b"x" * 100_000)
            with pytest.raises(SessionLost):
                pull(sessions, partner.connection)
            (partner.inbox / "a.xml").unlink()

    assert breaker.standing(partner.connection.door, SystemTime().now()) is None
