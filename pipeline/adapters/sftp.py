"""Partners' folders over SFTP: whom we talk to is proven before we say who we are.

What the sheet names opens a door and nothing else: a key, with its certificate if there is
one, or a password; no agent, no key looked for elsewhere. The server must show the very host
key of the sheet, by a signature and a key exchange without SHA-1, else no login is tried.
Nothing here is shared between sessions, so any number may be open in any threads; one
session is for one thread at a time.
"""

from __future__ import annotations

import base64
import logging
import posixpath
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import IncompatiblePeer

from pipeline.adapters.secrets import check_closed, reveal
from pipeline.adapters.sftp_wire import Attributes, Refused, Wire, WireError
from pipeline.model.connection import Connection, Door
from pipeline.model.errors import (
    ConfigError,
    ConnectError,
    FileChanged,
    FileTooLarge,
    HostKeyMismatch,
    LoginRefused,
    NameTaken,
    SessionLost,
    TransferError,
)
from pipeline.model.interchange import RemoteFile
from pipeline.model.names import raw_name, shown_name
from pipeline.ports.failpoint import failpoint
from pipeline.ports.outside import Listing, nothing

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: What the world may do to a session in the middle of a request.
_TROUBLE = (Refused, WireError, paramiko.SSHException, EOFError, OSError)

# What goes wrong is told by the errors raised here. Without a handler Python would print
# paramiko's own tracebacks on the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SftpDoors:
    """Opens sessions on partners' SFTP servers."""

    def __init__(self, workspace: Path) -> None:
        """Remember where relative paths of keys, certificates and passwords begin.

        Args:
            workspace: The hub's folder; an absolute path is taken as it is.
        """
        self._workspace = workspace

    @contextmanager
    def open(self, connection: Connection) -> Iterator[SftpSession]:
        """Log in through `connection`'s door; the session ends with the block.

        Raises:
            ConfigError: Our key, certificate or password, or the pinned host key, cannot
                be used.
            ConnectError: The server cannot be reached.
            LoginRefused: It is there and does not let us in.
            HostKeyMismatch: It is not the server that was pinned; nothing was sent.
        """
        login = _login(connection, self._workspace)
        pins = _pinned_keys(connection)
        with ExitStack() as stack:
            yield SftpSession(connection, _through_one(stack, connection, login, pins))


class SftpSession:
    """Both directions over one transport."""

    def __init__(self, connection: Connection, wire: Wire) -> None:
        """Take over a conversation that has just begun."""
        self._connection = connection
        self._wire = wire
        self._made: set[str] = set()

    def list_files(self, folder: str) -> Sequence[RemoteFile]:
        """List the regular files of `folder`, sorted by name.

        Links, folders and devices are left out, and so is what cannot be a file's name.

        Raises:
            SessionLost: The session is at its end, as from every method.
            TransferError: The folder cannot be listed.
        """
        return list(self.look(folder).files)

    def look(self, folder: str) -> Listing:
        """List the regular files of `folder`, and its links, each sorted by name.

        Raises:
            SessionLost: The session is at its end, as from every method.
            TransferError: The folder cannot be listed.
        """
        files: list[RemoteFile] = []
        links: list[RemoteFile] = []
        with self._telling(folder):
            for name, attributes in self._wire.entries(folder.encode(), self._until()):
                if b"/" in name:
                    continue
                if attributes.regular:
                    files.append(_listed(name, attributes))
                elif attributes.link:
                    links.append(_link(name, attributes))
        files.sort(key=lambda file: file.name)
        links.sort(key=lambda link: link.name)
        return Listing(tuple(files), tuple(links))

    def names(self, folder: str) -> Sequence[str]:
        """List the finished files of `folder`, sorted, our temporary names left out.

        Raises:
            SessionLost: The session is at its end, as from every method.
            TransferError: The folder cannot be listed.
        """
        return [
            file.name
            for file in self.list_files(folder)
            if not (file.name.startswith(".") and file.name.endswith(".part"))
        ]

    def fetch(self, folder: str, file: RemoteFile, limit_bytes: int) -> Iterator[bytes]:
        """Yield the file's bytes in order, in chunks of up to 32 KiB.

        The open file must have the listed size and mtime before the first byte and
        after the last one, and give exactly that many bytes.

        Raises:
            FileChanged: The file was not the one listed, or changed while it was read;
                raised at the latest after the last chunk.
            FileTooLarge: It holds more than `limit_bytes`; nothing was read.
            TransferError: Anything else, the time limit included.
        """
        path = _Path(folder, file.name)
        if file.size > limit_bytes:
            reason = f"{file.size} bytes, the limit is {limit_bytes}"
            raise FileTooLarge(self._connection.name, path.shown, reason)
        with self._telling(path.shown):
            handle = self._open_listed(path)
            try:
                seen = yield from self._wire.read(handle, file.size, self._until())
            finally:
                self._wire.close(handle)
        for then in seen.before, seen.after:
            if (then.size, then.mtime) != (file.size, file.mtime):
                raise self._changed(path, f"listed with {file.size} bytes, now {then.size}")
        if seen.count != file.size:
            raise self._changed(path, f"{seen.count} of {file.size} bytes could be read")

    def set_aside(self, folder: str, file: RemoteFile, archive: str, as_name: str) -> bool:
        """Move a taken file to `archive` under `as_name`, replacing what is there.

        SFTP has no locks: a file that replaces the listed one in the instant between
        our look and our move is moved in its place.

        Returns:
            True when it was moved or is no longer there; False when another file
            (other size or mtime) stands under its name now, which is left alone.

        Raises:
            TransferError: It is still there and could not be moved.
        """
        path = _Path(folder, file.name)
        with self._telling(path.shown):
            found = self._wire.lstat(path.raw)
            if found is None:
                return True
            if not found.regular or (found.size, found.mtime) != (file.size, file.mtime):
                return False
            self._make_once(archive)
            failpoint("aside.before")
            self._wire.replace(path.raw, _Path(archive, as_name).raw)
            failpoint("aside.moved")
            return True

    def put(
        self, folder: str, name: str, payload: bytes, last_look: Callable[[], None] = nothing
    ) -> bool:
        """Make `payload` appear as `name`, whole or not at all.

        Written as ``.<name>.part``, then renamed. The folder is the partner's and is
        never made here.

        Returns:
            True if the bytes were sent now, False if they were found there.

        Raises:
            NameTaken: Other bytes stand under that name.
            TransferError: The file is not there, or only its temporary name is.
        """
        path, temporary = _Path(folder, name), _Path(folder, f".{name}.part")
        with self._telling(path.shown):
            found = self._wire.lstat(path.raw)
            if found is not None:
                self._check_same(path, found, payload)
                return False
            handle = self._wire.create(temporary.raw)
            failpoint("put.opened")
            written = self._wire.write(handle, payload, self._until())
            if written.size != len(payload):
                reason = f"{written.size} of {len(payload)} bytes were written"
                raise TransferError(self._connection.name, path.shown, reason)
            failpoint("put.written")
            last_look()
            self._wire.replace(temporary.raw, path.raw)
            failpoint("put.renamed")
            return True

    def find(self, folder: str, name: str) -> RemoteFile | None:
        """Return the regular file of that name as it now stands; None where there is none.

        Raises:
            TransferError: It cannot be looked at.
        """
        path = _Path(folder, name)
        with self._telling(path.shown):
            found = self._wire.lstat(path.raw)
            return _listed(raw_name(name), found) if found and found.regular else None

    def remove(self, folder: str, file: RemoteFile) -> bool:
        """Remove a file as it was listed from `folder`.

        Returns:
            True when the file as listed is no longer there; False where another one stands
            under its name.

        Raises:
            TransferError: It is still there and could not be removed.
        """
        path = _Path(folder, file.name)
        with self._telling(path.shown):
            found = self._wire.lstat(path.raw)
            if found is not None:
                if not found.regular or (found.size, found.mtime) != (file.size, file.mtime):
                    return False
                self._wire.remove(path.raw)
            return True

    def _open_listed(self, path: _Path) -> bytes:
        try:
            return self._wire.open(path.raw)
        except Refused as refused:
            if refused.absent:
                raise self._changed(path, "it is no longer there") from refused
            raise

    def _check_same(self, path: _Path, found: Attributes, payload: bytes) -> None:
        taken = NameTaken(
            self._connection.name, path.shown, "other bytes stand under this name already"
        )
        if not found.regular or found.size != len(payload):
            raise taken
        handle = self._wire.open(path.raw)
        try:
            at = 0
            for chunk in self._wire.read(handle, len(payload), self._until()):
                if chunk != payload[at : at + len(chunk)]:
                    raise taken
                at += len(chunk)
        finally:
            self._wire.close(handle)
        if at != len(payload):
            raise taken

    def _make_once(self, folder: str) -> None:
        """Make a folder the first time it is needed in this session."""
        if folder in self._made:
            return
        if self._wire.lstat(folder.encode()) is None:
            self._wire.mkdir(folder.encode())
        self._made.add(folder)

    def _until(self) -> float:
        return monotonic() + self._connection.door.transfer_timeout_s

    def _changed(self, path: _Path, reason: str) -> FileChanged:
        return FileChanged(self._connection.name, path.shown, reason)

    @contextmanager
    def _telling(self, shown: str) -> Iterator[None]:
        """Turn what the world did into the error that says so."""
        try:
            yield
        except _TROUBLE as error:
            name = self._connection.name
            if self._wire.lost:
                raise SessionLost(name, f"{shown}: {_words(error)}") from error
            raise TransferError(name, shown, _words(error)) from error


class _Path:
    """A file in a partner's folder: as its server knows it, and as people read it."""

    def __init__(self, folder: str, name: str) -> None:
        self.raw = posixpath.join(folder.encode(), raw_name(name))
        self.shown = posixpath.join(folder, name)


class _Line(socket.socket):
    """A connected socket on which a send that gets nowhere fails in the end.

    paramiko tries a send again for ever while the peer keeps the connection open
    but takes nothing.
    """

    def __init__(self, connected: socket.socket, patience_s: float) -> None:
        super().__init__(fileno=connected.detach())
        self._patience_s = patience_s
        self._moved_at = monotonic()
        self._stuck = False

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        """Send a part of `data`; after `patience_s` without any progress, give up."""
        if not self._stuck:
            self._moved_at = monotonic()
        try:
            sent = super().send(data, flags)
        except TimeoutError as error:
            self._stuck = True
            if monotonic() - self._moved_at > self._patience_s:
                raise ConnectionAbortedError("the server takes nothing any more") from error
            raise
        self._stuck = False
        return sent


@dataclass(frozen=True, slots=True)
class _Login:
    """What we prove who we are with; it lives as long as its session.

    Attributes:
        words: How to name it to people, without giving it away.
        keys: Our private key, with its certificate if there is one; then the one that takes
            its place, which the server may know already and alone.
        password: Alone, or where the server asks for it besides the key.
    """

    words: str
    keys: tuple[paramiko.PKey, ...]
    password: str | None = field(repr=False)


def _login(connection: Connection, workspace: Path) -> _Login:
    """Read what the sheet refers to.

    Raises:
        ConfigError: Some of it cannot be used; of a key that is to come nothing is said.
    """
    door, after = connection.door, connection.next
    words, keys = [], []
    if door.key:
        keys.append(_key_with(door.key, door.certificate, workspace))
        words.append(f"key {keys[0].fingerprint}")
        words += [f"certificate {door.certificate}"] if door.certificate else []
    if after is not None and after.key:
        with suppress(ConfigError):
            keys.append(_key_with(after.key, after.key_certificate, workspace))
            words.append(f"next key {keys[-1].fingerprint}")
    password = reveal(door.password, workspace) if door.password else None
    if door.password:
        words.append(f"the password of {door.password.kind.value} {door.password.name}")
    return _Login(" and ".join(words), tuple(keys), password)


def _key_with(name: str, certificate: str | None, workspace: Path) -> paramiko.PKey:
    """Load a key of ours, to be shown with its certificate if it has one.

    Raises:
        ConfigError: One of the two cannot be used.
    """
    key = _private_key(workspace / name)
    if certificate:
        _add_certificate(key, workspace / certificate)
    return key


def _private_key(path: Path) -> paramiko.PKey:
    """Load our key.

    Raises:
        ConfigError: It is missing, readable by others, or no plain private key.
    """
    check_closed(path)
    try:
        key = paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnknownKeyType) as error:
        raise ConfigError(
            f"{path}: not an ed25519, ecdsa or rsa private key without passphrase"
        ) from error
    key.public_blob = None  # a certificate that happens to lie beside it: the sheet decides
    return key


def _add_certificate(key: paramiko.PKey, path: Path) -> None:
    """Let `key` be shown with its certificate.

    Raises:
        ConfigError: The file is not there, or no certificate of such a key.
    """
    try:
        line = path.read_text(encoding="ascii").strip()
        key.load_certificate(line)
    except OSError as error:
        raise ConfigError(f"{path}: illisible / cannot be read: {error.strerror}") from error
    except (ValueError, paramiko.SSHException) as error:
        raise ConfigError(f"{path}: not an OpenSSH certificate of our {key.get_name()}") from error
    if "-cert-" not in line.split()[0]:
        raise ConfigError(f"{path}: a public key without certificate")


def _pinned_keys(connection: Connection) -> list[paramiko.PKey]:
    """Read the host key of the sheet, and the one that takes its place if there is one.

    Raises:
        ConfigError: One of them is no public key of a kind in use.
    """
    after = connection.next.host_key if connection.next else ""
    lines = [connection.door.host_key, *([after] if after else [])]
    try:
        return [
            paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
            for kind, encoded in (line.split()[:2] for line in lines)
        ]
    except (ValueError, paramiko.SSHException, UnknownKeyType) as error:
        raise ConfigError(
            f"{connection.name}: host_key: une ligne « type base64 » d'une clé ed25519, ecdsa ou"
            f" rsa est attendue (trouvé : {' ; '.join(lines)!r:.80}) ; ssh-keyscan la"
            " montre, le partenaire la confirme / host_key is not a line 'type base64' of an"
            " ed25519, ecdsa or rsa key; ssh-keyscan shows it, the partner confirms it"
        ) from error


def _through_one(
    stack: ExitStack, connection: Connection, login: _Login, pins: Sequence[paramiko.PKey]
) -> Wire:
    """Log in to a server that shows one of the pinned keys; `stack` ends the conversation.

    Keys of two kinds are asked for one after the other: a server may have other keys of one
    of these kinds than the pinned one, and would show that.

    Raises:
        HostKeyMismatch: It has none of them.
    """
    by_kind: dict[str, list[paramiko.PKey]] = {}
    for pin in pins:
        by_kind.setdefault(pin.get_name(), []).append(pin)
    *first, last = by_kind.values()
    for pinned in first:
        with suppress(HostKeyMismatch):
            return _on_a_line(stack, connection, login, pinned)
    return _on_a_line(stack, connection, login, last)


def _on_a_line(
    stack: ExitStack, connection: Connection, login: _Login, pinned: Sequence[paramiko.PKey]
) -> Wire:
    """Connect and log in; what fails is closed at once, the rest by `stack`."""
    with ExitStack() as opened:
        transport = paramiko.Transport(opened.enter_context(_line_to(connection)))
        opened.callback(transport.close)
        wire = _logged_in(connection, transport, login, pinned)
        stack.push(opened.pop_all())
        return wire


def _line_to(connection: Connection) -> _Line:
    """Connect; small packets leave at once (three to four times more small files a second)."""
    door = connection.door
    try:
        connected = socket.create_connection((door.host, door.port), timeout=door.timeout_s)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ConnectError(connection.name, f"{door.host}:{door.port}: {_words(error)}") from error
    return _Line(connected, door.timeout_s)


def _logged_in(
    connection: Connection,
    transport: paramiko.Transport,
    login: _Login,
    pinned: Sequence[paramiko.PKey],
) -> Wire:
    """Negotiate, check the host key, log in, begin SFTP; all of it within `timeout_s`."""
    door = connection.door
    trouble: type[ConnectError] = ConnectError
    deadline = monotonic() + door.timeout_s
    # Some of paramiko's waits know no time limit; closing the transport ends them all.
    alarm = threading.Timer(door.timeout_s, transport.close)
    alarm.start()
    try:
        _negotiate(connection, transport, pinned)
        # from here on the server is there: hanging up is its answer to this account
        trouble = LoginRefused
        _authenticate(door.user, transport, login)
        channel = transport.open_session(timeout=door.timeout_s)
        channel.settimeout(door.timeout_s)
        channel.invoke_subsystem("sftp")
        return Wire(channel, door.timeout_s)
    except HostKeyMismatch:
        raise
    except Exception as error:  # paramiko hands on whatever its thread met
        late = _late(door, deadline)
        if late:
            raise ConnectError(connection.name, late) from error
        raise trouble(connection.name, _words(error)) from error
    finally:
        alarm.cancel()


#: Ciphers that seal what they hide come first: with the others paramiko computes and
#: compares a digest of each packet in Python. None is weak.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
#: What a key exchange or a digest must not be made with.
_WEAK = ("sha1", "md5")


def _negotiate(
    connection: Connection, transport: paramiko.Transport, pinned: Sequence[paramiko.PKey]
) -> None:
    """Agree on keys with the pinned server and no other.

    Args:
        connection: The sheet.
        transport: A line to the server.
        pinned: Keys of one kind: the server must have one of them.

    Raises:
        HostKeyMismatch: The server has another key; we have not said who we are.
    """
    door = connection.door
    name = pinned[0].get_name()
    kinds = ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)
    # A server with several keys thus shows the one that was pinned.
    options = transport.get_security_options()
    options.key_types = kinds
    options.ciphers = _CIPHERS
    options.kex = _strong(options.kex)
    options.digests = _strong(options.digests)
    transport.banner_timeout = transport.handshake_timeout = door.timeout_s
    transport.auth_timeout = transport.clear_to_send_timeout = door.timeout_s
    expected = " or ".join(f"{name} {one.fingerprint}" for one in pinned)
    try:
        transport.start_client(timeout=door.timeout_s)
    except IncompatiblePeer as error:
        if "host key" not in str(error):
            raise
        offered = f"no {' or '.join(kinds)} key"
        raise HostKeyMismatch(connection.name, expected, offered) from error
    shown = transport.get_remote_server_key()
    if shown.asbytes() not in {one.asbytes() for one in pinned}:
        offered = f"{shown.get_name()} {shown.fingerprint}"
        raise HostKeyMismatch(connection.name, expected, offered)


def _strong(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not any(weak in name for weak in _WEAK))


def _authenticate(user: str, transport: paramiko.Transport, login: _Login) -> None:
    """Prove who we are; the password goes out only without a key, or if asked for besides it.

    Raises:
        paramiko.AuthenticationException: The server does not take it, or wants more.
    """
    more: Sequence[str] = ["password"]
    try:
        if login.keys:
            more = _show_keys(user, transport, login.keys)
        if login.password is not None and more:
            more = transport.auth_password(user, login.password)
    except paramiko.AuthenticationException as error:
        reason = f"{user} is refused with {login.words}: {_words(error)}"
        raise paramiko.AuthenticationException(reason) from error
    if more:
        raise paramiko.AuthenticationException(f"{user} also needs {', '.join(more)} to log in")


def _show_keys(
    user: str, transport: paramiko.Transport, keys: Sequence[paramiko.PKey]
) -> Sequence[str]:
    """Prove who we are by the first key that the server takes; return what it asks for besides.

    Raises:
        paramiko.AuthenticationException: It takes none of them.
    """
    *first, last = keys
    for key in first:
        with suppress(paramiko.AuthenticationException):
            return transport.auth_publickey(user, key)
    return transport.auth_publickey(user, last)


def _listed(name: bytes, attributes: Attributes) -> RemoteFile:
    if attributes.size is None or attributes.mtime is None:
        raise WireError(f"{shown_name(name)}: the server tells neither size nor time")
    return RemoteFile(shown_name(name), attributes.size, attributes.mtime)


def _link(name: bytes, attributes: Attributes) -> RemoteFile:
    """Return what is told of a link; it is not read, so that nothing need be known of it."""
    return RemoteFile(shown_name(name), attributes.size or 0, attributes.mtime or 0)


def _late(door: Door, deadline: float) -> str:
    """Return the true reason of a failure that came from our own alarm; else nothing."""
    return f"no answer within {door.timeout_s:g} s" if monotonic() >= deadline else ""


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
