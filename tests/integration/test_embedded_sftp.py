"""The embedded server keeps partners apart, and itself out of the way."""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings, generate_key
from pipeline.adapters.sftp import SftpDoors
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.errors import ConfigError, LoginRefused, TransferError
from pipeline.model.interchange import RemoteFile


def settings_at(root: Path, port: int = 0) -> ServerSettings:
    """Two accounts, each with its own key and folder."""
    return ServerSettings(
        root=root / "folders",
        host_key=root / "host_key",
        accounts={
            user: Account(keys=(generate_key(root / f"{user}_key"),), folder=user)
            for user in ("alice", "bob")
        },
        port=port,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where keys and folders lie."""
    return tmp_path_factory.mktemp("embedded-pair")


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[EmbeddedServer]:
    """A server for alice and bob; bob has one invoice waiting."""
    with EmbeddedServer(settings_at(root)) as running:
        inbox = root / "folders" / "bob" / "in"
        inbox.mkdir()
        (inbox / "secret.xml").write_bytes(b"bob's")
        yield running


def connection_of(server: EmbeddedServer, user: str, key: str) -> Connection:
    """A sheet to log in as `user` with the key of `key`."""
    door = Door(
        host="127.0.0.1",
        port=server.port,
        user=user,
        key=f"{key}_key",
        host_key=server.host_key,
        timeout_s=10,
    )
    return Connection(name=user, partner=user, role=Role.SENDER, door=door)


@pytest.mark.parametrize("user", ["bob", "root", "carol", ""])
def test_alices_key_opens_no_other_account(root: Path, server: EmbeddedServer, user: str) -> None:
    """A key belongs to one user, not to the server."""
    connection = connection_of(server, user, key="alice")

    with pytest.raises(LoginRefused, match="refused"):
        SftpDoors(root).open(connection).__enter__()


@pytest.mark.parametrize("folder", ["../bob/in", "/../bob/in", "../../bob/in", "in/../../bob/in"])
def test_no_path_leads_out_of_an_account(root: Path, server: EmbeddedServer, folder: str) -> None:
    """Dots end at the account's own root."""
    secret = RemoteFile("secret.xml", 5, int(bobs_file(root).stat().st_mtime))

    with SftpDoors(root).open(connection_of(server, "alice", key="alice")) as session:
        with pytest.raises(TransferError):
            session.list_files(folder)
        with pytest.raises(TransferError):
            list(session.fetch(folder, secret, 100))
        with pytest.raises(TransferError):
            session.put(folder, "mine.xml", b"x")

    assert [path.name for path in bobs_file(root).parent.iterdir()] == ["secret.xml"]


@pytest.mark.parametrize("target", ["../bob/in", "{root}/folders/bob/in"])
def test_no_link_leads_out_of_an_account(
    root: Path, server: EmbeddedServer, target: str, tmp_path: Path
) -> None:
    """Not even one that stands there already; it is not listed as a file either."""
    link = root / "folders" / "alice" / tmp_path.name
    link.symlink_to(target.format(root=root))
    secret = RemoteFile("secret.xml", 5, int(bobs_file(root).stat().st_mtime))

    with SftpDoors(root).open(connection_of(server, "alice", key="alice")) as session:
        with pytest.raises(TransferError, match="outside"):
            session.list_files(link.name)
        with pytest.raises(TransferError, match="outside"):
            list(session.fetch(link.name, secret, 100))
        with pytest.raises(TransferError, match="outside"):
            session.put(link.name, "mine.xml", b"x")
        with pytest.raises(TransferError, match="outside"):
            session.set_aside(link.name, secret, "archive", "mine.xml")
        listed = session.list_files(".")

    assert listed == []
    assert bobs_file(root).read_bytes() == b"bob's"


def test_a_link_made_by_a_partner_leads_nowhere_outside(
    root: Path, server: EmbeddedServer
) -> None:
    """Neither straight, nor by moving a harmless one to where it points elsewhere."""
    (root / "folders" / "alice" / "deep" / "bob").mkdir(parents=True)
    with raw_transport(root, server, "alice") as transport:
        client = transport.open_sftp_client()
        assert client is not None
        client.symlink("../../etc", "straight")
        client.symlink("../bob", "deep/moved")
        client.posix_rename("deep/moved", "moved")

        for link in ("straight", "moved"):
            with pytest.raises(OSError, match=r"outside|No such file"):
                client.listdir(link)


def test_there_is_no_shell_no_command_and_no_password(root: Path, server: EmbeddedServer) -> None:
    """SFTP and keys only."""
    with raw_transport(root, server, "alice") as transport:
        with pytest.raises(paramiko.SSHException):
            transport.open_session().invoke_shell()
        with pytest.raises(paramiko.SSHException):
            transport.open_session().exec_command("id")
        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1))
    stranger = paramiko.Transport(("127.0.0.1", server.port))
    stranger.start_client(timeout=10)
    with pytest.raises(paramiko.BadAuthenticationType):
        stranger.auth_password("alice", "")
    stranger.close()


def test_it_listens_on_the_loopback_only(server: EmbeddedServer) -> None:
    """A demonstration is nobody else's business."""
    with socket.socket() as line:
        # another address of this machine: a server bound to all of them would answer
        assert line.connect_ex(("127.0.0.2", server.port)) != 0


def test_its_host_key_stays_and_is_its_owners_alone(tmp_path: Path) -> None:
    """A restart must not look like another server."""
    with EmbeddedServer(settings_at(tmp_path)) as first:
        before = first.host_key
    with EmbeddedServer(settings_at(tmp_path)) as second:
        after = second.host_key

    assert before == after
    assert before.startswith("ssh-ed25519 AAAA")
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """At once, with the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=str(port)):
            EmbeddedServer(settings_at(tmp_path, port)).start()


def test_a_line_that_is_no_key_is_told(tmp_path: Path) -> None:
    """A broken sheet does not start a server that lets nobody in."""
    broken = ServerSettings(
        root=tmp_path,
        host_key=tmp_path / "host_key",
        accounts={"alice": Account(keys=("cert-authority nonsense",), folder="alice")},
    )

    with pytest.raises(ConfigError, match="embedded SFTP server"):
        EmbeddedServer(broken).start()


def test_a_key_is_generated_once(tmp_path: Path) -> None:
    """Asking again gives the same key; a file that is none is told, not overwritten."""
    (tmp_path / "other").write_text("mine")

    lines = {generate_key(tmp_path / "keys" / "key") for _ in range(2)}

    assert len(lines) == 1
    assert (tmp_path / "keys" / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="other"):
        generate_key(tmp_path / "other")
    assert (tmp_path / "other").read_text() == "mine"


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """Nothing listens and no process stays."""
    others = set(multiprocessing.active_children())

    with EmbeddedServer(settings_at(tmp_path)) as running:
        port = running.port
        assert listens(port)

    assert not listens(port)
    assert set(multiprocessing.active_children()) == others


ORPHAN = """
import os, pathlib, signal, sys
from pipeline.adapters.embedded_sftp import EmbeddedServer, ServerSettings

if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    server = EmbeddedServer(ServerSettings(root=root, host_key=root / "key")).start()
    print(server.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    """`kill -9` of the hub leaves no server behind on the port."""
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        timeout=30,
        check=False,
    )

    assert ends_listening(int(done.stdout))


# -- helpers


def bobs_file(root: Path) -> Path:
    """The file that alice must not get at."""
    return root / "folders" / "bob" / "in" / "secret.xml"


def raw_transport(root: Path, server: EmbeddedServer, user: str) -> paramiko.Transport:
    """A login without our own client's restraint."""
    transport = paramiko.Transport(("127.0.0.1", server.port))
    transport.start_client(timeout=10)
    transport.auth_publickey(user, paramiko.PKey.from_path(root / f"{user}_key"))
    return transport


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections."""
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def ends_listening(port: int) -> bool:
    """Tell whether nobody accepts connections any more within five seconds."""
    for _ in range(50):
        if not listens(port):
            return True
        time.sleep(0.1)
    return False
