"""A small SFTP server of our own, for the demonstration, for development and for tests.

Production uses OpenSSH. This one runs in a process of its own, listens on the loopback
only, knows no passwords and no shell, and keeps each account to its own key and folder.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from pipeline.model.errors import ConfigError

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in, and what they then see.

    Attributes:
        keys: Public keys, each as one OpenSSH line; any of them opens this account.
        folder: What the account sees as ``/``, relative to the server's root; made
            if it does not exist.
    """

    keys: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What an embedded server serves.

    Attributes:
        root: Folder under which the accounts' folders lie.
        host_key: File of the server's private key; made at the first start.
        accounts: By user name.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        log: File to which transfers are told as OpenSSH's server does; None for none.
    """

    root: Path
    host_key: Path
    accounts: Mapping[str, Account] = field(default_factory=dict)
    port: int = 0
    log: Path | None = None


class EmbeddedServer:
    """The server in a process of its own, from `start` (or ``with``) to `stop`.

    It also ends when our process does, however that ends.

    Attributes:
        port: Where it listens on 127.0.0.1; 0 until it was started.
        host_key: Its public key as one OpenSSH line; empty until it was started.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Prepare; nothing runs yet."""
        self._settings = settings
        # spawn: a fork would copy our threads' locks and open sessions
        context = multiprocessing.get_context("spawn")
        self._lifeline, theirs = context.Pipe()
        self._theirs = theirs
        self._process = context.Process(
            target=serve, args=(settings, theirs), name="embedded-sftp", daemon=True
        )
        self.port = 0
        self.host_key = ""

    def start(self) -> Self:
        """Start it and wait until it listens.

        Raises:
            ConfigError: It could not, and why: port taken, key unusable.
        """
        self.host_key = generate_key(self._settings.host_key)
        self._process.start()
        self._theirs.close()
        try:
            said = self._lifeline.recv() if self._lifeline.poll(_START_TIMEOUT_S) else "no sign"
        except EOFError:
            said = "its process ended"
        if not isinstance(said, int):
            self.stop()
            raise ConfigError(f"embedded SFTP server on port {self._settings.port}: {said}")
        self.port = said
        return self

    def stop(self) -> None:
        """End it, with the sessions that are open."""
        self._lifeline.close()
        self._process.join(_STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def serve(settings: ServerSettings, lifeline: Pipe) -> None:
    """Serve until the other end of `lifeline` is closed; blocks.

    Args:
        settings: What to serve.
        lifeline: Told the port once the server listens, or a text why it cannot.
    """
    # Ctrl-C reaches the whole terminal; our owner may still have work in flight with us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(settings, lifeline))


def generate_key(path: Path) -> str:
    """Write a new ed25519 private key, unless there is one; return its public line.

    Args:
        path: File to hold it, in OpenSSH format, readable by its owner only.

    Raises:
        ConfigError: What stands there is no private key, or it cannot be written.
    """
    try:
        if not path.exists():
            _write_key(path)
        key = asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigError(f"{path}: no private key can be kept there: {error}") from error
    return key.export_public_key().decode().strip()


def _write_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.export_private_key())
    unfinished.replace(path)


async def _serve(settings: ServerSettings, lifeline: Pipe) -> None:
    abandoned = asyncio.Event()
    asyncio.get_running_loop().add_reader(lifeline.fileno(), abandoned.set)
    try:
        accounts = {
            user: _Opened.of(settings, account) for user, account in settings.accounts.items()
        }
        server = await _listen(settings, accounts)
    except (OSError, asyncssh.KeyImportError) as error:
        lifeline.send(str(error))
        return
    lifeline.send(server.get_port())
    await abandoned.wait()
    server.close()


async def _listen(
    settings: ServerSettings, accounts: Mapping[str, _Opened]
) -> asyncssh.SSHAcceptor:
    told = itertools.count(1)

    def home_of(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        user = channel.get_extra_info("username")
        folder = accounts[user].folder
        if settings.log is None:
            return _Home(channel, folder)
        session = f"edi-sftp[{os.getpid()}{next(told):06d}]"
        return _ToldHome(channel, folder, _Teller(settings.log, session, user))

    return await asyncssh.listen(
        _HOST,
        settings.port,
        server_factory=lambda: _Gate(accounts),
        server_host_keys=[str(settings.host_key)],
        sftp_factory=home_of,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """An account as the server uses it: keys read, folder there."""

    keys: tuple[asyncssh.SSHKey, ...]
    folder: bytes

    @classmethod
    def of(cls, settings: ServerSettings, account: Account) -> Self:
        folder = settings.root / account.folder
        folder.mkdir(parents=True, exist_ok=True)
        keys = tuple(asyncssh.import_public_key(line) for line in account.keys)
        return cls(keys, os.fsencode(folder.resolve()))


class _Gate(asyncssh.SSHServer):
    """Lets a user in with one of the user's own keys; with nothing else."""

    def __init__(self, accounts: Mapping[str, _Opened]) -> None:
        self._accounts = accounts

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        account = self._accounts.get(username)
        return account is not None and key in account.keys


class _Home(asyncssh.SFTPServer):
    """One account's folder, which no path and no link leads out of."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], folder: bytes) -> None:
        super().__init__(channel, chroot=folder)
        self._folder = folder

    def map_path(self, path: bytes) -> bytes:
        """Refuse a path that a link leads elsewhere; asyncssh would follow it."""
        local = super().map_path(path)
        real = os.path.realpath(local)
        if real != self._folder and not real.startswith(self._folder + b"/"):
            raise asyncssh.SFTPPermissionDenied("outside of this account's folder")
        return local

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        """Leave out the line for people: it costs more than the rest of a listing."""
        name.longname = name.filename


class _Teller:
    """Writes down what one session does, in the words of OpenSSH's internal-sftp."""

    def __init__(self, path: Path, session: str, user: str) -> None:
        self._path = path
        self._session = session
        self.user = user

    def tell(self, said: str) -> None:
        """Write one line; the file is opened anew, so that it may be rotated at any time."""
        at = datetime.fromtimestamp(time.time(), UTC).isoformat()
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{at} localhost {self._session}: {said}\n")


class _ToldHome(_Home):
    """A home whose transfers are written down."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], folder: bytes, teller: _Teller
    ) -> None:
        super().__init__(channel, folder)
        self._teller = teller
        self._reads: dict[int, tuple[str, int]] = {}
        teller.tell(f"session opened for local user {teller.user} from [{_HOST}]")

    def exit(self) -> None:
        """Tell that the session ends."""
        self._teller.tell(f"session closed for local user {self._teller.user} from [{_HOST}]")
        super().exit()

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file, and remember its name."""
        opened = super().open(path, pflags, attrs)
        self._reads[id(opened)] = (os.fsdecode(path).replace("\n", "\\n"), 0)
        return opened

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read a part of a file, and count it."""
        data = super().read(file_obj, offset, size)
        if not isinstance(data, bytes):
            raise TypeError("asyncssh's own files are read at once")
        if id(file_obj) in self._reads:
            name, count = self._reads[id(file_obj)]
            self._reads[id(file_obj)] = (name, count + len(data))
        return data

    def close(self, file_obj: object) -> None:
        """Close a file, and tell how much of it was read."""
        super().close(file_obj)
        name, count = self._reads.pop(id(file_obj), ("", 0))
        self._teller.tell(f'close "{name}" bytes read {count} written 0')
