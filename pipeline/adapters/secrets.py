"""Where passwords and keys are kept, and what must hold before one is used.

A secret is read when a connection is opened and forgotten with it. What it is appears in
no message and in no exception, nor in the chain of what caused one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from secrets import token_hex

from pipeline.adapters.files import sync_all, write_new
from pipeline.model.connection import Secret, SecretKind
from pipeline.model.errors import ConfigError
from pipeline.model.path_trouble import path_told

_OF_OTHERS = 0o077
_LONGEST = 4096
#: Bytes of a key of ours.
_KEY = 32
_CREDENTIALS = "CREDENTIALS_DIRECTORY"


def reveal(secret: Secret, workspace: Path) -> str:
    """Return the first line of what a reference leads to.

    Args:
        secret: Where to look.
        workspace: Where a relative file path begins.

    Raises:
        ConfigError: It is not there, open to others, empty or no text; where, never what.
    """
    match secret.kind:
        case SecretKind.ENV:
            return _first_line(os.environb.get(os.fsencode(secret.name)), f"${secret.name}")
        case SecretKind.CREDENTIAL:
            path = _credential(secret.name)
            return _first_line(_read(path, closed=False), str(path))
        case SecretKind.FILE:
            path = workspace / secret.name
            return _first_line(_read(path, closed=True), str(path))


def reveal_key(secret: Secret, workspace: Path) -> bytes:
    """Return the key that a reference leads to, written as 64 hexadecimal digits.

    Args:
        secret: Where to look.
        workspace: Where a relative file path begins.

    Raises:
        ConfigError: As `reveal`, or it is no such key.
    """
    try:
        key = bytes.fromhex(reveal(secret, workspace))
    except ValueError:
        key = b""  # the error would carry the text along
    if len(key) != _KEY:
        raise ConfigError(
            f"{secret.name}: 64 chiffres hexadécimaux attendus / 64 hexadecimal digits expected"
        )
    return key


def make_key_file(path: Path) -> bool:
    """Make a file that `reveal_key` reads, if there is none; return whether it was made now."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return False
    write_new(path, f"{token_hex(_KEY)}\n".encode())
    sync_all((path, path.parent))
    return True


def check_closed(path: Path) -> None:
    """Let a private file be used, or refuse: it must be ours, and nobody else's to read.

    Raises:
        ConfigError: It is open to others, another user's, or not there.
    """
    _read(path, closed=True)


def _credential(name: str) -> Path:
    folder = os.environ.get(_CREDENTIALS)
    if not folder:
        raise ConfigError(
            f"{name}: ${_CREDENTIALS} absent ; lancez le service par systemd avec LoadCredential"
            " / not set; run the service under systemd with LoadCredential"
        )
    if Path(name).name != name:
        raise ConfigError(f"{name}: un simple nom est attendu / a plain name is expected")
    return Path(folder) / name


def _read(path: Path, *, closed: bool) -> bytes:
    """Read a small file; `closed` demands that its mode shuts everybody else out.

    systemd guards its credentials by the folder and by an ACL, which shows in the mode as
    if a group could read them: of those nothing is demanded.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if closed:
                _check_owner_and_mode(path, status)
            return file.read(_LONGEST)
    except OSError as error:
        raise ConfigError(f"{path}: illisible / cannot be read: {path_told(error)}") from error


def _check_owner_and_mode(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OF_OTHERS:
        raise ConfigError(
            f"{path}: mode {mode:04o}, d'autres peuvent le lire / others may read it:"
            f" chmod 600 {path}"
        )
    if status.st_uid != os.geteuid():
        raise ConfigError(
            f"{path}: appartient à l'utilisateur / belongs to user {status.st_uid},"
            f" pas à / not to {os.geteuid()}"
        )


def _first_line(content: bytes | None, where: str) -> str:
    if content is None:
        raise ConfigError(f"{where}: variable absente / not set")
    line = content.splitlines()[0] if content else b""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        # the error would carry the bytes along
        raise ConfigError(f"{where}: n'est pas du texte UTF-8 / is not UTF-8 text") from None
    if not text:
        raise ConfigError(f"{where}: première ligne vide / its first line is empty")
    return text
