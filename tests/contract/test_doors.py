"""What every door must be to us: OpenSSH, our own server, and a folder of this machine."""

from __future__ import annotations

import io
import os
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from pipeline.adapters.doors import DoorsByProtocol
from pipeline.adapters.embedded_sftp import generate_key
from pipeline.adapters.local import LocalDoors
from pipeline.adapters.sftp import SftpDoors
from pipeline.model.connection import Connection, Protocol
from pipeline.model.errors import (
    ConfigError,
    ConnectError,
    Fenced,
    FileChanged,
    FileTooLarge,
    HostKeyMismatch,
    LoginRefused,
    NameTaken,
    PipelineError,
    SessionLost,
    TransferError,
)
from pipeline.model.interchange import RemoteFile
from pipeline.model.names import shown_name
from pipeline.ports.outside import Doors, Session

pytestmark = pytest.mark.contract

#: `conftest.Partner`, `conftest.Server` and the factories: conftest cannot be imported.
Partner = Any
Server = Any
Factory = Callable[..., Any]

DOORS: Doors = DoorsByProtocol(
    {Protocol.SFTP: SftpDoors(Path("/")), Protocol.LOCAL: LocalDoors(Path("/"))}
)
LIMIT = 100_000_000
BIG = 5_000_000


@contextmanager
def session_with(partner: Partner) -> Iterator[Session]:
    with DOORS.open(partner.connection) as session:
        yield session


def drop(
    folder: Path, name: str | bytes, payload: bytes, mtime: int = 1_700_000_000
) -> RemoteFile:
    """Write a file as a partner would; return how it is to be listed."""
    raw = os.fsencode(name)
    path = os.path.join(os.fsencode(folder), raw)  # noqa: PTH118 - Path takes no bytes
    Path(os.fsdecode(path)).write_bytes(payload)
    os.utime(path, (mtime, mtime))
    return RemoteFile(shown_name(raw), len(payload), mtime)


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a local folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# -- listing


def test_files_are_listed_by_name_with_size_and_mtime(partner: Partner) -> None:
    """Old and future clocks are told as they are; temporary names are selection's business."""
    listed = [
        drop(partner.inbox, "b.xml", b"12345"),
        drop(partner.inbox, "a.xml", b"", mtime=0),
        drop(partner.inbox, "c.xml", b"1", mtime=4_070_908_800),
        drop(partner.inbox, ".d.xml.part", b"1"),
    ]

    with session_with(partner) as session:
        files = session.list_files(partner.connection.inbox)

    assert files == sorted(listed, key=lambda file: file.name)


def test_links_folders_and_devices_are_left_out(partner: Partner) -> None:
    """Opening follows links, so a link to /etc/passwd must never look like a file."""
    wanted = drop(partner.inbox, "a.xml", b"1")
    (partner.inbox / "link.xml").symlink_to("/etc/passwd")
    (partner.inbox / "inner.xml").symlink_to("a.xml")
    (partner.inbox / "dangling.xml").symlink_to("nowhere")
    (partner.inbox / "folder.xml").mkdir()
    os.mkfifo(partner.inbox / "pipe.xml")

    with session_with(partner) as session:
        files = session.list_files(partner.connection.inbox)

    assert files == [wanted]


def test_links_are_told_beside_the_files(partner: Partner) -> None:
    """Whoever dropped one waits for an answer; nothing is told of where it leads."""
    wanted = drop(partner.inbox, "m.xml", b"1")
    for name, target in (("z.xml", "/etc/passwd"), ("b.xml", "m.xml"), ("a.xml", "nowhere")):
        (partner.inbox / name).symlink_to(target)
        os.utime(partner.inbox / name, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    (partner.inbox / "folder.xml").mkdir()
    os.mkfifo(partner.inbox / "pipe.xml")

    with session_with(partner) as session:
        found = session.look(partner.connection.inbox)

    assert found.files == (wanted,)
    assert [link.name for link in found.links] == ["a.xml", "b.xml", "z.xml"]
    assert {link.mtime for link in found.links} == {1_600_000_000}


def test_a_folder_of_thousands_is_listed_whole(partner: Partner) -> None:
    """Servers tell about a hundred names an answer."""
    for number in range(3000):
        (partner.inbox / f"{number:05}.xml").touch()

    with session_with(partner) as session:
        files = session.list_files(partner.connection.inbox)

    assert [file.name for file in files] == [f"{number:05}.xml" for number in range(3000)]


def test_a_folder_that_is_not_there_cannot_be_listed(partner: Partner) -> None:
    """A mistaken sheet is not an empty folder."""
    with session_with(partner) as session, pytest.raises(TransferError, match="nowhere"):
        session.list_files("nowhere")


NAMES = [
    pytest.param(b"caf\xe9.xml", id="latin-1"),
    pytest.param("facture-é.xml".encode(), id="utf-8"),
    pytest.param(b"a\nb.xml", id="newline"),
    pytest.param(b"back\\x41slash.xml", id="backslash"),
    pytest.param("a\u202elmx.exe".encode(), id="right-to-left"),
    pytest.param(b"-rf *;$(id)", id="shell"),
    pytest.param(b"n" * 248, id="long"),
]


@pytest.mark.parametrize("raw", NAMES)
def test_any_name_is_listed_fetched_put_and_set_aside(partner: Partner, raw: bytes) -> None:
    """One name that is not UTF-8 hides neither itself nor the others."""
    strange = drop(partner.inbox, raw, b"strange")
    plain = drop(partner.inbox, "plain.xml", b"plain")
    connection = partner.connection

    with session_with(partner) as session:
        files = session.list_files(connection.inbox)
        fetched = b"".join(session.fetch(connection.inbox, strange, LIMIT))
        moved = session.set_aside(connection.inbox, strange, connection.archive, strange.name)
        sent = session.put(connection.out, strange.name, b"answer")

    assert set(files) == {strange, plain}
    assert fetched == b"strange"
    assert (moved, sent) == (True, True)
    assert contents(partner.inbox) == {"plain.xml": b"plain"}
    assert contents(partner.archive) == {os.fsdecode(raw): b"strange"}
    assert contents(partner.out) == {os.fsdecode(raw): b"answer"}


# -- fetching


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 32_769, 1_048_576, 1_048_577, BIG])
def test_a_file_is_fetched_whole(partner: Partner, size: int) -> None:
    """Sizes around a block and around the window of requests lose and add nothing."""
    payload = os.urandom(size)
    file = drop(partner.inbox, "a.xml", payload)

    with session_with(partner) as session:
        fetched = b"".join(session.fetch(partner.connection.inbox, file, size))

    assert fetched == payload


def test_a_file_over_the_limit_is_not_read(partner: Partner) -> None:
    """One byte too many is too many, and says so."""
    file = drop(partner.inbox, "a.xml", b"12345")

    with session_with(partner) as session, pytest.raises(FileTooLarge, match="limit is 4"):
        list(session.fetch(partner.connection.inbox, file, 4))


def test_a_file_that_is_not_the_one_listed_is_refused(partner: Partner) -> None:
    """Other size, other mtime or gone: whatever was listed is not to be had any more."""
    file = drop(partner.inbox, "a.xml", b"12345")
    other = [
        replace(file, size=4),
        replace(file, size=6),
        replace(file, mtime=file.mtime + 1),
        replace(file, name="gone.xml"),
    ]

    with session_with(partner) as session:
        for one in other:
            with pytest.raises(FileChanged):
                list(session.fetch(partner.connection.inbox, one, LIMIT))
        fetched = b"".join(session.fetch(partner.connection.inbox, file, LIMIT))

    assert fetched == b"12345"


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    os.truncate(path, 1000)


def replace_by_same_size(path: Path) -> None:
    path.with_suffix(".new").write_bytes(os.urandom(BIG))
    path.with_suffix(".new").replace(path)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


@pytest.mark.parametrize("change", [grow, cut, overwrite])
def test_a_file_that_changes_while_it_is_read_is_refused(
    partner: Partner, change: Callable[[Path], None]
) -> None:
    """Half old, half new is never taken for a file, nor is a cut one for a whole one."""
    file = drop(partner.inbox, "a.xml", os.urandom(BIG))

    with session_with(partner) as session:
        chunks = session.fetch(partner.connection.inbox, file, LIMIT)
        next(chunks)
        change(partner.inbox / "a.xml")

        with pytest.raises(FileChanged):
            list(chunks)


def test_a_file_replaced_while_it_is_read_is_read_to_its_end(partner: Partner) -> None:
    """Whoever replaces by renaming leaves us the old file, whole."""
    payload = os.urandom(BIG)
    file = drop(partner.inbox, "a.xml", payload)

    with session_with(partner) as session:
        chunks = session.fetch(partner.connection.inbox, file, LIMIT)
        first = next(chunks)
        replace_by_same_size(partner.inbox / "a.xml")
        fetched = first + b"".join(chunks)

    assert fetched == payload


def test_a_large_file_needs_little_memory(partner: Partner) -> None:
    """50 MB pass through a window of a few."""
    size = 50_000_000
    path = partner.inbox / "large"
    path.touch()
    os.truncate(path, size)
    file = RemoteFile("large", size, int(path.stat().st_mtime))

    with session_with(partner) as session:
        tracemalloc.start()
        count = sum(len(chunk) for chunk in session.fetch(partner.connection.inbox, file, size))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert count == size
    assert peak < 10_000_000


def test_a_fetch_that_was_given_up_leaves_the_session_usable(partner: Partner) -> None:
    """Answers still on their way belong to nobody, least of all to the next question."""
    big = drop(partner.inbox, "big", os.urandom(BIG))
    small = drop(partner.inbox, "small", b"small")

    with session_with(partner) as session:
        given_up = session.fetch(partner.connection.inbox, big, LIMIT)
        next(given_up)
        del given_up
        fetched = b"".join(session.fetch(partner.connection.inbox, small, LIMIT))
        files = session.list_files(partner.connection.inbox)

    assert fetched == b"small"
    assert files == [big, small]


def test_a_transfer_over_its_time_limit_fails_and_the_session_lives_on(partner: Partner) -> None:
    """One slow file does not take the others down."""
    big = drop(partner.inbox, "big", os.urandom(BIG))

    with DOORS.open(partner.through(transfer_timeout_s=0.5)) as session:
        chunks = session.fetch(partner.connection.inbox, big, LIMIT)
        next(chunks)
        time.sleep(0.6)
        with pytest.raises(TransferError, match="time limit"):
            list(chunks)
        files = session.list_files(partner.connection.inbox)

    assert files == [big]


# -- setting aside


def test_a_taken_file_moves_to_the_archive_folder_which_is_made(partner: Partner) -> None:
    """What an earlier, interrupted move left there is replaced."""
    first = drop(partner.inbox, "a.xml", b"1")
    second = drop(partner.inbox, "b.xml", b"2")
    partner.archive.rmdir()
    connection = partner.connection

    with session_with(partner) as session:
        moved = [
            session.set_aside(connection.inbox, first, connection.archive, "F1-a.xml"),
            session.set_aside(connection.inbox, second, connection.archive, "F1-a.xml"),
        ]

    assert moved == [True, True]
    assert contents(partner.archive) == {"F1-a.xml": b"2"}
    assert contents(partner.inbox) == {}


def test_a_file_that_is_gone_counts_as_set_aside(partner: Partner) -> None:
    """After a crash between the move and our note of it, absence is success."""
    file = drop(partner.inbox, "a.xml", b"1")
    connection = partner.connection

    with session_with(partner) as session:
        moved = [
            session.set_aside(connection.inbox, file, connection.archive, "F1-a.xml")
            for _ in range(2)
        ]

    assert moved == [True, True]


@pytest.mark.parametrize(
    ("payload", "mtime"),
    [
        pytest.param(b"longer", 1_700_000_000, id="other-size"),
        pytest.param(b"2", 1_700_000_001, id="other-mtime"),
    ],
)
def test_a_file_that_was_replaced_is_left_alone(
    partner: Partner, payload: bytes, mtime: int
) -> None:
    """It is a new file, not pulled yet."""
    file = drop(partner.inbox, "a.xml", b"1")
    drop(partner.inbox, "a.xml", payload, mtime)
    connection = partner.connection

    with session_with(partner) as session:
        moved = session.set_aside(connection.inbox, file, connection.archive, "F1-a.xml")

    assert not moved
    assert contents(partner.inbox) == {"a.xml": payload}
    assert contents(partner.archive) == {}


def test_a_file_that_cannot_be_moved_stays_and_says_so(partner: Partner) -> None:
    """An archive folder that is none is the partner's mistake, not a lost file."""
    file = drop(partner.inbox, "a.xml", b"1")
    partner.archive.rmdir()
    partner.archive.write_bytes(b"not a folder")
    connection = partner.connection

    with session_with(partner) as session, pytest.raises(TransferError):
        session.set_aside(connection.inbox, file, connection.archive, "F1-a.xml")

    assert contents(partner.inbox) == {"a.xml": b"1"}


# -- putting


@pytest.mark.parametrize("size", [0, 1, 32_768, 32_769, BIG])
def test_what_is_put_stands_there_whole_under_its_name_alone(partner: Partner, size: int) -> None:
    """No temporary name stays behind."""
    payload = os.urandom(size)

    with session_with(partner) as session:
        sent = session.put(partner.connection.out, "a.xml", payload)
        names = session.names(partner.connection.out)

    assert sent
    assert names == ["a.xml"]
    assert contents(partner.out) == {"a.xml": payload}


def test_nothing_appears_where_the_last_look_says_no(partner: Partner) -> None:
    """Who learned meanwhile that the work is another's leaves only a temporary name behind."""

    def taken_over() -> None:
        assert contents(partner.out) == {".a.xml.part": b"whole"}
        raise Fenced("a.xml")

    with session_with(partner) as session:
        with pytest.raises(Fenced):
            session.put(partner.connection.out, "a.xml", b"whole", taken_over)
        assert session.names(partner.connection.out) == []
        assert session.put(partner.connection.out, "a.xml", b"whole")

    assert contents(partner.out) == {"a.xml": b"whole"}


@pytest.mark.parametrize("size", [0, 5, BIG])
def test_putting_again_sends_nothing(partner: Partner, size: int) -> None:
    """A retry after a lost answer finds its own file."""
    payload = os.urandom(size)

    with session_with(partner) as session:
        sent = [session.put(partner.connection.out, "a.xml", payload) for _ in range(2)]

    assert sent == [True, False]
    assert contents(partner.out) == {"a.xml": payload}


def test_a_temporary_name_is_removed_as_it_was_listed(partner: Partner) -> None:
    """Another file under that name is left alone; what is gone is gone."""
    out = partner.connection.out
    (partner.out / ".a.xml.part").write_bytes(b"half")
    with session_with(partner) as session:
        (listed,) = session.list_files(out)
        (partner.out / ".a.xml.part").write_bytes(b"longer")

        assert not session.remove(out, listed)
        assert contents(partner.out) == {".a.xml.part": b"longer"}
        (listed,) = session.list_files(out)
        assert session.remove(out, listed)
        assert session.remove(out, listed)

    assert contents(partner.out) == {}


@pytest.mark.parametrize("other", [b"12346", b"123456", b""])
def test_other_bytes_under_the_name_are_never_overwritten(partner: Partner, other: bytes) -> None:
    """Whoever wrote them, they are not ours to take away."""
    drop(partner.out, "a.xml", other)

    with session_with(partner) as session, pytest.raises(NameTaken):
        session.put(partner.connection.out, "a.xml", b"12345")

    assert contents(partner.out) == {"a.xml": other}


def test_a_folder_under_the_name_is_a_taken_name(partner: Partner) -> None:
    """Only a file can be ours."""
    (partner.out / "a.xml").mkdir()

    with session_with(partner) as session, pytest.raises(NameTaken):
        session.put(partner.connection.out, "a.xml", b"12345")


def test_what_an_interrupted_put_left_is_written_anew(partner: Partner) -> None:
    """A longer rest under the temporary name does not shine through."""
    drop(partner.out, ".a.xml.part", b"a longer rest of an earlier attempt")

    with session_with(partner) as session:
        before = session.names(partner.connection.out)
        sent = session.put(partner.connection.out, "a.xml", b"12345")

    assert before == []
    assert sent
    assert contents(partner.out) == {"a.xml": b"12345"}


def test_a_missing_folder_is_not_made(partner: Partner) -> None:
    """Pick-up folders are the partner's; a typing error must not make a new one."""
    partner.out.rmdir()

    with session_with(partner) as session, pytest.raises(TransferError):
        session.put(partner.connection.out, "a.xml", b"12345")

    assert not partner.out.exists()


def test_a_file_that_cannot_be_written_leaves_no_name(partner: Partner) -> None:
    """Something in the way of the temporary name stops the put before the final one."""
    (partner.out / ".a.xml.part").mkdir()

    with session_with(partner) as session, pytest.raises(TransferError):
        session.put(partner.connection.out, "a.xml", b"12345")

    assert contents(partner.out) == {}


def test_a_read_only_account_can_fetch_but_not_put(
    start_sshd: Factory, connection_factory: Factory
) -> None:
    """The server's refusal is told, and nothing has appeared."""
    partner = connection_factory(start_sshd(sftp_options="-R"))
    file = drop(partner.inbox, "a.xml", b"1")

    with session_with(partner) as session:
        fetched = b"".join(session.fetch(partner.connection.inbox, file, LIMIT))
        with pytest.raises(TransferError, match="ermission denied"):
            session.put(partner.connection.out, "a.xml", b"12345")

    assert fetched == b"1"
    assert contents(partner.out) == {}


def test_a_server_without_posix_rename_serves_as_well(
    start_sshd: Factory, connection_factory: Factory
) -> None:
    """Many commercial servers know only the standard's rename, which replaces nothing."""
    partner = connection_factory(start_sshd(sftp_options="-P posix-rename"))
    file = drop(partner.inbox, "a.xml", b"new")
    drop(partner.archive, "F1-a.xml", b"old")
    connection = partner.connection

    with session_with(partner) as session:
        moved = session.set_aside(connection.inbox, file, connection.archive, "F1-a.xml")
        sent = session.put(connection.out, "b.xml", b"12345")

    assert (moved, sent) == (True, True)
    assert contents(partner.archive) == {"F1-a.xml": b"new"}
    assert contents(partner.out) == {"b.xml": b"12345"}


# -- who is there


def stranger(tmp_path: Path) -> str:
    return generate_key(tmp_path / "stranger")


def test_another_host_key_is_a_mismatch(remote: Partner, tmp_path: Path) -> None:
    """Whoever answers is not the one we know."""
    with (
        pytest.raises(HostKeyMismatch) as caught,
        DOORS.open(remote.through(host_key=stranger(tmp_path))),
    ):
        pass

    assert caught.value.connection == remote.connection.name
    assert caught.value.expected.startswith("ssh-ed25519 SHA256:")
    assert caught.value.offered.startswith("ssh-ed25519 SHA256:")
    assert caught.value.offered != caught.value.expected


def test_on_a_mismatch_no_login_is_tried(
    sshd: Server, connection_factory: Factory, tmp_path: Path
) -> None:
    """The stranger learns neither our name nor our key; a good login shows the log works."""
    partner = connection_factory(sshd)
    with session_with(partner):
        pass
    good = log_of(sshd, "Disconnected|closed", 0)

    with pytest.raises(HostKeyMismatch), DOORS.open(partner.through(host_key=stranger(tmp_path))):
        pass
    bad = log_of(sshd, "preauth", len(good))

    assert "userauth-request" in good
    assert "userauth-request" not in bad


def log_of(sshd: Server, last: str, start: int) -> str:
    """Return the log from `start`, once one of the words `last` stands there."""
    for _ in range(100):
        text: str = sshd.log.read_text()[start:]
        if any(word in text for word in last.split("|")):
            return text
        time.sleep(0.05)
    raise AssertionError(f"never logged: {last}")


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_server_with_several_keys_shows_the_pinned_one(
    start_sshd: Factory, connection_factory: Factory, kind: str
) -> None:
    """A server that got a further key is still the same server."""
    others = {"ed25519", "rsa", "ecdsa"} - {kind}
    partner = connection_factory(start_sshd(host_key_types=(kind, *sorted(others))))

    with session_with(partner) as session:
        assert session.list_files(partner.connection.inbox) == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"host_key_types": ("ed25519",)}, id="other-kind"),
        pytest.param(
            {"host_key_types": ("rsa",), "more": ("HostKeyAlgorithms ssh-rsa",)}, id="sha1-only"
        ),
    ],
)
def test_a_server_without_a_key_of_the_pinned_kind_is_a_mismatch(
    start_sshd: Factory, connection_factory: Factory, options: dict[str, Any]
) -> None:
    """A changed kind of key is a changed key; SHA-1 signatures are none."""
    partner = connection_factory(start_sshd(**options))
    pinned = f"ssh-rsa {paramiko.RSAKey.generate(2048).get_base64()}"

    with pytest.raises(HostKeyMismatch, match="no rsa-sha2-512 or rsa-sha2-256 key"):
        DOORS.open(partner.through(host_key=pinned)).__enter__()


def test_a_key_the_server_does_not_know_is_refused(remote: Partner, tmp_path: Path) -> None:
    """The error names the account, for whoever must ask the remote."""
    stranger(tmp_path)

    with (
        pytest.raises(LoginRefused, match=f"{remote.server.user} is refused with key SHA256:"),
        DOORS.open(remote.through(key=str(tmp_path / "stranger"))),
    ):
        pass


def test_a_key_that_others_may_read_is_not_used(remote: Partner, tmp_path: Path) -> None:
    """The message says what to type."""
    key = tmp_path / "key"
    key.write_bytes(remote.server.key.read_bytes())
    key.chmod(0o640)

    with pytest.raises(ConfigError, match=f"chmod 600 {key}"):
        DOORS.open(remote.through(key=str(key))).__enter__()


def test_a_key_path_is_relative_to_the_workspace(remote: Partner) -> None:
    """A workspace can be moved with its keys."""
    doors = SftpDoors(remote.server.key.parent)

    with doors.open(remote.through(key=remote.server.key.name)) as session:
        assert session.list_files(remote.connection.inbox) == []


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3M="]
)
def test_a_host_key_that_cannot_be_read_is_a_fault_of_the_sheet(
    remote: Partner, text: str
) -> None:
    """Nothing is connected without something to compare with."""
    with pytest.raises(ConfigError, match="acme: host_key"):
        DOORS.open(remote.through(host_key=text)).__enter__()


def locked_key() -> bytes:
    """A private key that needs a passphrase, which nobody would be there to type."""
    text = io.StringIO()
    paramiko.ECDSAKey.generate().write_private_key(text, password="secret")
    return text.getvalue().encode()


@pytest.mark.parametrize(
    "content", [None, b"", b"not a key", locked_key()], ids=["missing", "empty", "text", "locked"]
)
def test_a_private_key_that_cannot_be_read_is_named(
    remote: Partner, tmp_path: Path, content: bytes | None
) -> None:
    """Missing, empty, locked or something else: the file is named."""
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
        key.chmod(0o600)

    with pytest.raises(ConfigError, match=str(key)):
        DOORS.open(remote.through(key=str(key))).__enter__()


# -- a world that fails


def test_a_port_where_nobody_listens_is_told(remote: Partner) -> None:
    """The address is in the message."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        with pytest.raises(ConnectError, match=f"127.0.0.1:{port}"):
            DOORS.open(remote.through(port=port)).__enter__()


def test_a_server_that_never_answers_is_given_up(remote: Partner) -> None:
    """A listener that accepts and stays silent costs one time limit."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()

        with pytest.raises(ConnectError, match=r"no answer within 0\.5 s"):
            DOORS.open(remote.through(port=silent.getsockname()[1], timeout_s=0.5)).__enter__()

    assert time.monotonic() - started < 30


PLACES = [1, 20, 700, 1500, 2200, 3000, 3700, 4500, 5500, 7000, 50_000, 250_000]


def pull(connection: Connection) -> bytes:
    with DOORS.open(connection) as session:
        [file] = session.list_files(connection.inbox)
        return b"".join(session.fetch(connection.inbox, file, LIMIT))


@pytest.mark.parametrize("after", PLACES)
def test_a_line_cut_anywhere_fails_a_pull_and_the_next_one_succeeds(
    remote: Partner, faulty_line: Factory, after: int
) -> None:
    """Never half a file, never an error that is not ours, never a wait for the time limit."""
    payload = os.urandom(300_000)
    drop(remote.inbox, "a.xml", payload)
    started = time.monotonic()

    with pytest.raises(PipelineError) as caught:
        pull(remote.through(port=faulty_line(remote.server.port, after)))

    assert type(caught.value) in {ConnectError, LoginRefused, SessionLost}
    assert caught.value.transient
    assert time.monotonic() - started < 30
    assert pull(remote.connection) == payload


@pytest.mark.parametrize("after", [20, 1500, 4500, 50_000])
def test_a_line_that_freezes_anywhere_is_given_up(
    remote: Partner, faulty_line: Factory, after: int
) -> None:
    """A server that hangs without closing costs one time limit."""
    drop(remote.inbox, "a.xml", os.urandom(300_000))
    port = faulty_line(remote.server.port, after, freeze=True)
    started = time.monotonic()

    with pytest.raises(PipelineError, match=r"no answer within 0\.5 s") as caught:
        pull(remote.through(port=port, timeout_s=0.5))

    assert type(caught.value) in {ConnectError, SessionLost}
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("after", "freeze"), [(8_000, False), (1_000_000, False), (8_000, True), (1_000_000, True)]
)
def test_a_put_that_is_interrupted_shows_nothing_and_can_be_repeated(
    remote: Partner, faulty_line: Factory, after: int, freeze: bool
) -> None:
    """What the remote sees is nothing, then everything."""
    payload = os.urandom(2_000_000)
    port = faulty_line(remote.server.port, after, freeze=freeze)

    with (
        pytest.raises(SessionLost),
        DOORS.open(remote.through(port=port, timeout_s=1)) as session,
    ):
        session.put(remote.connection.out, "a.xml", payload)
    with session_with(remote) as session:
        seen = session.names(remote.connection.out)
        sent = session.put(remote.connection.out, "a.xml", payload)

    assert seen == []
    assert sent
    assert contents(remote.out) == {"a.xml": payload}


def test_a_lost_session_stays_lost_without_waiting_again(
    remote: Partner, faulty_line: Factory
) -> None:
    """A hundred files behind a dead line cost one time limit, not a hundred."""
    file = drop(remote.inbox, "a.xml", os.urandom(300_000))
    port = faulty_line(remote.server.port, 50_000, freeze=True)

    with DOORS.open(remote.through(port=port, timeout_s=0.7)) as session:
        with pytest.raises(SessionLost):
            list(session.fetch(remote.connection.inbox, file, LIMIT))
        started = time.monotonic()
        for _ in range(100):
            with pytest.raises(SessionLost):
                session.set_aside(remote.connection.inbox, file, "archive", "a.xml")
        with pytest.raises(SessionLost):
            session.list_files(remote.connection.inbox)

    assert time.monotonic() - started < 30  # a hundred waits of the time limit would take 70 s


def test_sessions_in_several_threads_do_not_meet(partner: Partner) -> None:
    """Each session has its own transport."""
    files = [drop(partner.inbox, f"{n}.xml", os.urandom(40_000 + n)) for n in range(4)]
    written = contents(partner.inbox)

    def work(file: RemoteFile) -> bytes:
        with DOORS.open(partner.connection) as session:
            fetched = b"".join(session.fetch(partner.connection.inbox, file, LIMIT))
            session.put(partner.connection.out, file.name, fetched)
            return fetched

    with ThreadPoolExecutor(max_workers=4) as pool:
        fetched = list(pool.map(work, files))

    assert fetched == [written[file.name] for file in files]
    assert contents(partner.out) == written
