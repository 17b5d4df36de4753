"""SFTP version 3 over a byte stream: names are bytes, every wait ends, requests overlap.

A client library's file functions would do, but for three things seen to go wrong: one
name that is not UTF-8 makes a whole listing fail, a transfer of a file that was cut
meanwhile counts as a success, and a server that stops answering is waited for without
end. So the packets are written and read here; whose stream carries them is no matter.

Source: draft-ietf-secsh-filexfer-02. Its section 6.1 has servers handle requests on one
file in the order they were sent, which lets us send several without waiting.
"""

from __future__ import annotations

import stat
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from struct import pack, unpack
from time import monotonic
from typing import Protocol

from pipeline.model.names import shown_name
from pipeline.ports.failpoint import failpoint

_VERSION = 3
_INIT, _VERSION_ANSWER = 1, 2
_OPEN, _CLOSE, _READ, _WRITE, _LSTAT, _FSTAT = 3, 4, 5, 6, 7, 8
_OPENDIR, _READDIR, _REMOVE, _MKDIR, _RENAME = 11, 12, 13, 14, 18
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED = 101, 102, 103, 104, 105, 200

_OK, _EOF, _NO_SUCH_FILE = 0, 1, 2
_FOR_READING = 0x01
_FOR_WRITING_ANEW = 0x02 | 0x08 | 0x10  # write, create, truncate

_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 0x1, 0x2, 0x4, 0x8
_HAS_EXTENSIONS = 0x80000000
_NO_ATTRIBUTES = pack(">I", 0)

_POSIX_RENAME = b"posix-rename@openssh.com"

#: What every server must take in one request (section 3).
_BLOCK = 32_768
#: Requests in flight: bounds memory to 1 MiB, and hides the line's delay.
_WINDOW = 32
#: A longer packet is garbage: a full listing answer has about 60 KB.
_LONGEST_PACKET = 4_194_304


class WireError(Exception):
    """The server said something that is not SFTP version 3."""


class Refused(Exception):
    """The server answered a request with an error.

    Attributes:
        code: Of section 7 (2 no such file, 3 permission denied, 4 failure ...).
    """

    def __init__(self, code: int, text: bytes) -> None:
        words = shown_name(text).strip() or "no reason given"
        super().__init__(f"{words} (SFTP status {code})")
        self.code = code

    @property
    def absent(self) -> bool:
        """Tell whether the file, or a folder on its path, does not exist."""
        return self.code == _NO_SUCH_FILE


class Stream(Protocol):
    """What carries the packets: a socket, or an SSH channel."""

    def send(self, data: bytes, /) -> int:
        """Send a part of `data`; return how many bytes that was."""

    def recv(self, limit: int, /) -> bytes:
        """Return between 1 and `limit` bytes; none when the peer has closed."""

    def settimeout(self, seconds: float, /) -> None:
        """Make `send` and `recv` raise TimeoutError after `seconds`."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the server says of one file; None where it says nothing.

    Attributes:
        size: Bytes.
        mtime: Seconds since the epoch, by the server's clock.
        mode: Type and permissions, as in ``st_mode``.
    """

    size: int | None
    mtime: int | None
    mode: int | None

    @property
    def regular(self) -> bool:
        """Tell whether this is a plain file, neither link, folder nor device."""
        return self.mode is not None and stat.S_ISREG(self.mode)

    @property
    def link(self) -> bool:
        """Tell whether this is a symbolic link."""
        return self.mode is not None and stat.S_ISLNK(self.mode)


@dataclass(frozen=True, slots=True)
class Read:
    """What was seen of a file while it was read.

    Attributes:
        count: How many bytes it gave.
        before: Its attributes before the first byte.
        after: Its attributes after the last one.
    """

    count: int
    before: Attributes
    after: Attributes


class Wire:
    """One SFTP conversation, for one thread.

    Every method may raise `Refused`; `OSError` or `EOFError` (also what the stream
    raises) when the session is lost, after which nothing but losing it again can happen;
    `WireError` when the server does not keep to the protocol.
    """

    def __init__(self, stream: Stream, timeout_s: float) -> None:
        """Greet the server.

        Args:
            stream: Connected to the server's SFTP subsystem.
            timeout_s: Wall-clock limit of each answer.
        """
        self._stream = stream
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._number = 0
        self._awaited: set[int] = set()
        self._early: dict[int, tuple[int, _Fields]] = {}
        self._lost = False
        self._send(_INIT, pack(">I", _VERSION))
        kind, fields = self._receive()
        if kind != _VERSION_ANSWER or fields.number() < _VERSION:
            raise WireError("the server does not speak SFTP version 3")
        self._extensions = frozenset(fields.extensions())

    @property
    def lost(self) -> bool:
        """Tell whether the conversation broke off in the middle of a packet."""
        return self._lost

    # -- folders and names

    def entries(self, folder: bytes, until: float) -> Iterator[tuple[bytes, Attributes]]:
        """Yield name and attributes (links not followed) of what `folder` holds, unsorted.

        Args:
            folder: Its path.
            until: Moment of `time.monotonic` at which to give up (TimeoutError).
        """
        handle = self._handle(self._ask(_OPENDIR, _string(folder)))
        try:
            while (names := self._names(self._ask(_READDIR, _string(handle)))) is not None:
                yield from names
                _check_time(until)
        finally:
            self.close(handle)

    def lstat(self, path: bytes) -> Attributes | None:
        """Return what stands at `path`, links not followed; None if nothing does."""
        try:
            return self._attributes(self._ask(_LSTAT, _string(path)))
        except Refused as refused:
            if refused.absent:
                return None
            raise

    def mkdir(self, path: bytes) -> None:
        """Make a folder."""
        self._done(self._ask(_MKDIR, _string(path), _NO_ATTRIBUTES))

    def remove(self, path: bytes) -> None:
        """Remove a file; one that is not there is gone already."""
        try:
            self._done(self._ask(_REMOVE, _string(path)))
        except Refused as refused:
            if not refused.absent:
                raise

    def replace(self, old: bytes, new: bytes) -> None:
        """Rename `old` to `new`, in place of what may stand there.

        In one step where the server can. Where it cannot, whatever has the new name
        is removed first.
        """
        if _POSIX_RENAME in self._extensions:
            names = _string(_POSIX_RENAME), _string(old), _string(new)
            self._done(self._ask(_EXTENDED, *names))
            return
        if self.lstat(new) is not None:
            self._done(self._ask(_REMOVE, _string(new)))
        self._done(self._ask(_RENAME, _string(old), _string(new)))

    # -- open files

    def open(self, path: bytes) -> bytes:
        """Open a file for reading; return its handle."""
        return self._handle(
            self._ask(_OPEN, _string(path), pack(">I", _FOR_READING), _NO_ATTRIBUTES)
        )

    def create(self, path: bytes) -> bytes:
        """Open a new or emptied file for writing; return its handle."""
        return self._handle(
            self._ask(_OPEN, _string(path), pack(">I", _FOR_WRITING_ANEW), _NO_ATTRIBUTES)
        )

    def close(self, handle: bytes) -> None:
        """Close a handle without waiting for the answer, which for a reader says nothing.

        On a lost session there is nothing to close.
        """
        with suppress(OSError, EOFError):
            self._forget(self._ask(_CLOSE, _string(handle)))

    def read(self, handle: bytes, size: int, until: float) -> Generator[bytes, None, Read]:
        """Yield the first `size` bytes of an open file, fewer if it ends before.

        Up to a window of requests is in flight, so a small file takes one round trip.

        Args:
            handle: Of a file open for reading.
            size: How much to ask for; not a byte more is.
            until: Moment of `time.monotonic` at which to give up (TimeoutError); the
                session lives on.

        Returns:
            What was seen of the file besides its bytes.
        """
        blocks = _Blocks(self, handle, size)
        before = self._ask(_FSTAT, _string(handle))
        after = count = 0
        try:
            while True:
                if blocks.ask_ahead() and not after:
                    after = self._ask(_FSTAT, _string(handle))
                data = blocks.take()
                _check_time(until)
                if not data:
                    break
                count += len(data)
                yield data
            if after < blocks.asked_last:
                self._forget(after)
                after = self._ask(_FSTAT, _string(handle))
            return Read(count, self._attributes(before), self._attributes(after))
        finally:
            self._forget(before, after, *blocks.awaited())

    def ask_block(self, handle: bytes, start: int, length: int) -> int:
        """Ask for a part of a file; return the number that `block` takes."""
        return self._ask(_READ, _string(handle), pack(">QI", start, length))

    def block(self, number: int) -> bytes:
        """Wait for a part of a file; it is empty at the file's end."""
        try:
            return self._answer(number, _DATA).string()
        except Refused as refused:
            if refused.code == _EOF:
                return b""
            raise

    def write(self, handle: bytes, payload: bytes, until: float) -> Attributes:
        """Write `payload` from the start, close the file, return its attributes before closing.

        Args:
            handle: Of a file just created. It is closed even when this fails.
            payload: Everything the file is to hold.
            until: Moment of `time.monotonic` at which to give up (TimeoutError).
        """
        waiting: deque[int] = deque()
        try:
            for start in range(0, len(payload), _BLOCK):
                block = payload[start : start + _BLOCK]
                place = _string(handle) + pack(">Q", start)
                waiting.append(self._ask(_WRITE, place, _string(block)))
                failpoint("put.half")
                if len(waiting) == _WINDOW:
                    self._done(waiting.popleft())
                    _check_time(until)
            stated = self._ask(_FSTAT, _string(handle))
            closed = self._ask(_CLOSE, _string(handle))
        except BaseException:
            self._forget(*waiting)
            self.close(handle)
            raise
        try:
            while waiting:
                self._done(waiting.popleft())
            attributes = self._attributes(stated)
            self._done(closed)  # a full disk may be told only here
        finally:
            self._forget(stated, closed, *waiting)
        return attributes

    # -- answers, by what they hold

    def _done(self, number: int) -> None:
        self._answer(number, _STATUS)

    def _handle(self, number: int) -> bytes:
        return self._answer(number, _HANDLE).string()

    def _attributes(self, number: int) -> Attributes:
        return self._answer(number, _ATTRS).attributes()

    def _names(self, number: int) -> list[tuple[bytes, Attributes]] | None:
        """Return some entries of a folder; None when all have been told."""
        try:
            fields = self._answer(number, _NAME)
        except Refused as refused:
            if refused.code == _EOF:
                return None
            raise
        return [fields.entry() for _ in range(fields.number())]

    # -- requests and answers

    def _ask(self, kind: int, *fields: bytes) -> int:
        """Send a request; return the number its answer will carry."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._send(kind, pack(">I", self._number), *fields)
        self._awaited.add(self._number)
        return self._number

    def _answer(self, number: int, wanted: int) -> _Fields:
        """Wait for one answer, keeping those that come before it for later."""
        while number not in self._early:
            kind, fields = self._receive()
            answered = fields.number()
            if answered in self._awaited:  # the others were forgotten
                self._early[answered] = kind, fields
        kind, fields = self._early.pop(number)
        self._awaited.discard(number)
        if kind == _STATUS:
            code = fields.number()
            if code != _OK:
                raise Refused(code, fields.string_if_any())
        if kind != wanted:
            raise WireError(f"answer of kind {kind}, expected {wanted}")
        return fields

    def _forget(self, *numbers: int) -> None:
        """Let answers that nobody will wait for pass unread."""
        for number in numbers:
            self._awaited.discard(number)
            self._early.pop(number, None)

    # -- packets

    def _send(self, kind: int, *fields: bytes) -> None:
        body = b"".join(fields)
        packet = memoryview(pack(">IB", len(body) + 1, kind) + body)
        deadline = self._take_line()
        while packet:
            self._stream.settimeout(self._left(deadline))
            sent = self._stream.send(bytes(packet))
            if not sent:
                raise EOFError("the server closed the connection")
            packet = packet[sent:]
        self._lost = False

    def _receive(self) -> tuple[int, _Fields]:
        deadline = self._take_line()
        length = unpack(">I", self._bytes(4, deadline))[0]
        if not 0 < length <= _LONGEST_PACKET:
            raise WireError(f"packet of {length} bytes")
        packet = self._bytes(length, deadline)
        self._lost = False
        return packet[0], _Fields(packet, 1)

    def _take_line(self) -> float:
        """Return when to give up; until the packet is through the session counts as lost."""
        if self._lost:
            raise ConnectionAbortedError("the session was lost before")
        self._lost = True
        return monotonic() + self._timeout_s

    def _bytes(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._stream.settimeout(self._left(deadline))
            try:
                received = self._stream.recv(2 * _BLOCK)
            except TimeoutError as error:
                raise TimeoutError(self._silence()) from error
            if not received:
                raise EOFError("the server closed the connection")
            self._buffer += received
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _left(self, deadline: float) -> float:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError(self._silence())
        return left

    def _silence(self) -> str:
        return f"no answer within {self._timeout_s:g} s"


class _Blocks:
    """The parts of one file, asked for ahead and taken in order.

    Attributes:
        asked_last: Number of the latest request; 0 before the first.
    """

    def __init__(self, wire: Wire, handle: bytes, size: int) -> None:
        self.asked_last = 0
        self._wire = wire
        self._handle = handle
        self._size = size
        self._asked = 0
        self._waiting: deque[tuple[int, int, int]] = deque()

    def ask_ahead(self) -> bool:
        """Fill the window; tell whether the whole file has been asked for."""
        while self._asked < self._size and len(self._waiting) < _WINDOW:
            length = min(_BLOCK, self._size - self._asked)
            self._waiting.append(self._ask(self._asked, length))
            self._asked += length
        return self._asked == self._size

    def take(self) -> bytes:
        """Return the next part, or nothing at the end."""
        if not self._waiting:
            return b""
        number, start, length = self._waiting.popleft()
        data = self._wire.block(number)
        if len(data) > length:
            raise WireError(f"{len(data)} bytes where {length} were asked for")
        if 0 < len(data) < length:  # allowed to servers with smaller blocks
            rest = self._ask(start + len(data), length - len(data))
            self._waiting.appendleft(rest)
        return data

    def awaited(self) -> list[int]:
        """Return the numbers of the parts not taken."""
        return [number for number, _, _ in self._waiting]

    def _ask(self, start: int, length: int) -> tuple[int, int, int]:
        self.asked_last = self._wire.ask_block(self._handle, start, length)
        return self.asked_last, start, length


class _Fields:
    """The fields of one packet, read one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def number(self) -> int:
        """Read 32 bits."""
        return int.from_bytes(self._take(4))

    def string(self) -> bytes:
        """Read a string: its length, then its bytes."""
        return self._take(self.number())

    def string_if_any(self) -> bytes:
        """Read a string that old servers leave out."""
        return self.string() if self._at < len(self._data) else b""

    def attributes(self) -> Attributes:
        """Read file attributes (section 5)."""
        flags = self.number()
        size = int.from_bytes(self._take(8)) if flags & _HAS_SIZE else None
        if flags & _HAS_OWNER:
            self._take(8)
        mode = self.number() if flags & _HAS_MODE else None
        mtime = int.from_bytes(self._take(8)[4:]) if flags & _HAS_TIMES else None
        if flags & _HAS_EXTENSIONS:
            for _ in range(2 * self.number()):
                self.string()
        return Attributes(size, mtime, mode)

    def entry(self) -> tuple[bytes, Attributes]:
        """Read one entry of a listing; the line meant for people is passed over."""
        name = self.string()
        self.string()
        return name, self.attributes()

    def extensions(self) -> Iterator[bytes]:
        """Read the names of the server's extensions up to the packet's end."""
        while self._at < len(self._data):
            yield self.string()
            self.string()

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise WireError("a packet ends before its fields do")
        self._at += count
        return taken


def _string(raw: bytes) -> bytes:
    return pack(">I", len(raw)) + raw


def _check_time(until: float) -> None:
    if monotonic() > until:
        raise TimeoutError("it took longer than the time limit")
