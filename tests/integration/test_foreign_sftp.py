"""Servers that are neither OpenSSH nor ours: slow, odd or lying; each a few lines of script."""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from struct import pack, unpack_from

import pytest

from pipeline.adapters.sftp import SftpSession, _Line
from pipeline.adapters.sftp_wire import Refused, Wire, WireError
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.errors import FileChanged, SessionLost, TransferError
from pipeline.model.interchange import RemoteFile

VERSION, STATUS, HANDLE, DATA, NAME, ATTRS = 2, 101, 102, 103, 104, 105
INIT, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, OPENDIR, READDIR = 1, 3, 4, 5, 6, 7, 8, 11, 12

#: Kind and body of a request (number included) to kind and body of its answer.
Script = Callable[[int, bytes], tuple[int, bytes]]

FILE = RemoteFile("a.xml", 200_000, 1_700_000_000)
CONNECTION = Connection(
    name="acme",
    partner="Acme",
    role=Role.SENDER,
    door=Door(host="127.0.0.1", port=0, user="u", key="k", host_key="h", timeout_s=2),
)


def string(raw: bytes) -> bytes:
    return pack(">I", len(raw)) + raw


def status(code: int, text: bytes = b"") -> tuple[int, bytes]:
    return STATUS, pack(">I", code) + string(text) + string(b"")


def attributes(size: int) -> bytes:
    return pack(">IQIII", 0x1 | 0x4 | 0x8, size, stat.S_IFREG | 0o644, 0, FILE.mtime)


def a_server(payload: bytes, *, block: int = 32_768, size: int | None = None) -> Script:
    """Script a server that holds one file.

    Args:
        payload: The file's bytes.
        block: How many bytes it gives at most an answer.
        size: The size it claims; the true one by default.
    """

    def answer(kind: int, body: bytes) -> tuple[int, bytes]:
        if kind == OPEN:
            return HANDLE, string(b"h")
        if kind in {FSTAT, LSTAT}:
            return ATTRS, attributes(len(payload) if size is None else size)
        if kind == READ:
            start, length = unpack_from(">QI", body, 4 + 4 + 1)
            data = payload[start : start + min(length, block)]
            return (DATA, string(data)) if data else status(1, b"end of file")
        return status(0)

    return answer


@contextmanager
def served(
    script: Script, *, backwards: bool = False, version: int = 3
) -> Iterator[socket.socket]:
    """Run a script behind a socket; `backwards` answers what has come together last first."""
    ours, theirs = socket.socketpair()

    def work() -> None:
        # the client may be gone before our last answer
        with theirs, suppress(ConnectionError):
            theirs.recv(4 + 1 + 4, socket.MSG_WAITALL)
            theirs.sendall(pack(">IBI", 5, VERSION, version))
            held: list[bytes] = []
            while header := theirs.recv(5, socket.MSG_WAITALL):
                length, kind = unpack_from(">IB", header)
                body = theirs.recv(length - 1, socket.MSG_WAITALL)
                answer_kind, answer = script(kind, body)
                held.append(pack(">IB", 5 + len(answer), answer_kind) + body[:4] + answer)
                if not backwards or not readable(theirs):
                    theirs.sendall(b"".join(reversed(held)))
                    held.clear()

    thread = threading.Thread(target=work)
    thread.start()
    with ours:
        yield ours
        ours.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def readable(line: socket.socket) -> bool:
    return bool(select.select([line], [], [], 0.02)[0])


def session_on(line: socket.socket) -> SftpSession:
    return SftpSession(CONNECTION, Wire(line, CONNECTION.door.timeout_s))


@pytest.mark.parametrize("block", [32_768, 32_767, 10_000])
def test_smaller_blocks_than_asked_for_make_the_same_file(block: int) -> None:
    """A server may give less than it was asked for."""
    payload = os.urandom(FILE.size)

    with served(a_server(payload, block=block)) as line:
        fetched = b"".join(session_on(line).fetch("in", FILE, FILE.size))

    assert fetched == payload


def test_answers_in_any_order_make_the_same_file() -> None:
    """Answers carry numbers, so their order means nothing."""
    payload = os.urandom(FILE.size)

    with served(a_server(payload, block=20_000), backwards=True) as line:
        fetched = b"".join(session_on(line).fetch("in", FILE, FILE.size))

    assert fetched == payload


def test_a_file_that_ends_before_its_size_is_refused() -> None:
    """However sure the server is of the size it tells."""
    with (
        served(a_server(b"x" * 1000, size=FILE.size)) as line,
        pytest.raises(FileChanged, match="1000 of 200000 bytes"),
    ):
        list(session_on(line).fetch("in", FILE, FILE.size))


def test_bytes_that_were_not_all_written_are_not_renamed() -> None:
    """A server that says yes to every write is asked for the size in the end."""
    asked: list[int] = []

    def full_disk(kind: int, body: bytes) -> tuple[int, bytes]:
        asked.append(kind)
        return status(2) if kind == LSTAT else a_server(b"", size=3)(kind, body)

    with (
        served(full_disk) as line,
        pytest.raises(TransferError, match="3 of 5 bytes were written"),
    ):
        session_on(line).put("out", "a.xml", b"12345")

    assert asked == [LSTAT, OPEN, WRITE, FSTAT, CLOSE]


def test_a_write_that_fails_late_is_not_a_success() -> None:
    """Some servers tell a full quota only when the file is closed."""

    def quota(kind: int, body: bytes) -> tuple[int, bytes]:
        if kind == LSTAT:
            return status(2)
        return status(4, b"quota exceeded") if kind == CLOSE else a_server(b"12345")(kind, body)

    with served(quota) as line, pytest.raises(TransferError, match="quota exceeded"):
        session_on(line).put("out", "a.xml", b"12345")


def test_a_server_that_gives_more_than_was_asked_for_is_stopped() -> None:
    """Nobody fills our disk beyond the size that was listed."""

    def generous(kind: int, body: bytes) -> tuple[int, bytes]:
        return (DATA, string(b"x" * 40_000)) if kind == READ else a_server(b"")(kind, body)

    with served(generous) as line, pytest.raises(TransferError, match="40000 bytes where 32768"):
        list(session_on(line).fetch("in", FILE, FILE.size))


def test_a_small_file_takes_two_round_trips() -> None:
    """Opening, then everything else at once: what makes many small files fast."""
    server = a_server(b"x" * 10_240)
    trips: list[int] = []

    def count(kind: int, body: bytes) -> tuple[int, bytes]:
        trips.append(kind)
        return server(kind, body)

    with served(count, backwards=True) as line:
        chunks = session_on(line).fetch("in", RemoteFile("a", 10_240, FILE.mtime), 10_240)
        next(chunks)
        asked_before_the_first_byte = tuple(trips)
        list(chunks)

    assert asked_before_the_first_byte == (OPEN, FSTAT, READ, FSTAT)


def test_a_listing_without_sizes_says_so() -> None:
    """No folder is taken for empty because its files cannot be judged."""

    def mute(kind: int, _body: bytes) -> tuple[int, bytes]:
        if kind == OPENDIR:
            return HANDLE, string(b"h")
        entry = string(b"a\xff.xml") + string(b"") + pack(">II", 0x4, stat.S_IFREG)
        return (NAME, pack(">I", 1) + entry) if kind == READDIR else status(0)

    with (
        served(mute) as line,
        pytest.raises(TransferError, match=r"a\\xff.xml: the server tells neither size nor time"),
    ):
        session_on(line).list_files("in")


def test_a_servers_words_cannot_break_a_log_line() -> None:
    """Error texts are bytes of a stranger."""
    with served(lambda _kind, _body: status(4, b"no\x1b[2J\xff\nok")) as line:
        wire = Wire(line, 2)

        with pytest.raises(Refused) as caught:
            wire.open(b"a.xml")

    assert str(caught.value) == r"no\x1b[2J\xff\x0aok (SFTP status 4)"


def test_a_server_of_an_older_version_is_told() -> None:
    """Nothing is asked of it."""
    with (
        served(a_server(b""), version=2) as line,
        pytest.raises(WireError, match="does not speak SFTP version 3"),
    ):
        Wire(line, 2)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((ATTRS, b""), id="cut"),
        pytest.param((ATTRS, b"\x00\x00\x00\x01\x00"), id="cut-in-a-field"),
        pytest.param((HANDLE, pack(">I", 0xFFFFFFFF)), id="string-longer-than-packet"),
        pytest.param((NAME, pack(">I", 0)), id="other-kind"),
        pytest.param((DATA, b"x" * 5_000_000), id="longer-than-any"),
    ],
)
def test_garbage_is_an_error_of_the_transfer(answer: tuple[int, bytes]) -> None:
    """Whatever comes over the line, what comes out is an error that can be counted."""
    with (
        served(lambda _kind, _body: answer) as line,
        pytest.raises((TransferError, SessionLost)),
    ):
        list(session_on(line).fetch("in", FILE, FILE.size))


def test_a_server_that_dribbles_is_given_up() -> None:
    """The limit is on the answer, not on each byte of it."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def dribble() -> None:
        for byte in pack(">IBI", 5, VERSION, 3) * 100:
            if stop.wait(0.1):
                return
            theirs.sendall(bytes([byte]))

    thread = threading.Thread(target=dribble)
    thread.start()
    started = time.monotonic()
    with ours, theirs:
        with pytest.raises(TimeoutError, match=r"no answer within 0\.5 s"):
            Wire(ours, 0.5)
        stop.set()
        thread.join(5)

    assert time.monotonic() - started < 30


def test_a_line_that_takes_nothing_any_more_fails_in_the_end() -> None:
    """Left alone, paramiko would try to send for ever."""
    ours, theirs = socket.socketpair()
    with theirs, _Line(ours, patience_s=0.3) as line:
        line.settimeout(0.05)
        started = time.monotonic()

        with pytest.raises(ConnectionAbortedError):
            send_for_ever(line)

    assert 0.3 < time.monotonic() - started < 30


def send_for_ever(line: socket.socket) -> None:
    """Send as paramiko does: again after each time-out."""
    while True:
        try:
            line.send(b"x" * 65_536)
        except TimeoutError:
            continue
