"""Folders that are one owner's for as long as it lives, and nobody's afterwards.

Whose a folder is says a lock on an open file beside it. The system lets go of it when its
owner ends, however that ends; a process number says nothing of processes in other containers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import weakref
from contextlib import suppress
from itertools import count
from pathlib import Path

_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_LOCK = ".lock"


class OwnedFolder:
    """The first numbered folder below another that nobody has: empty, and ours until closed.

    Attributes:
        path: The folder.
        close: Removes it, with all that is in it, and lets go of it; the second time it does
            nothing. Done too when nothing refers to this object any more, or the process
            ends by itself.
    """

    def __init__(self, parent: Path) -> None:
        """Take one.

        Raises:
            OSError: `parent` is not there, or nobody may write to it.
        """
        self.path, lock = next(
            (path, lock)
            for path in (parent / str(number) for number in count(1))
            if (lock := _take(path)) is not None
        )
        self.close = weakref.finalize(self, _remove_own, os.getpid(), self.path, lock)
        _empty(self.path)  # its last owner may have been killed
        self.path.mkdir(mode=0o700)


def sweep(parent: Path) -> int:
    """Remove what is nobody's below a folder; return how many files that was."""
    found = 0
    if not parent.is_dir():
        return found
    for name in sorted({path.name.removesuffix(_LOCK) for path in parent.iterdir()}):
        lock = _take(parent / name)
        if lock is not None:
            found += sum(path.is_file() for path in (parent / name).rglob("*"))
            _remove(parent / name, lock)
    return found


def _take(folder: Path) -> int | None:
    """Return the open file whose lock stands for `folder`; None if it is another's."""
    name = _lock_of(folder)
    while True:
        try:
            lock = os.open(name, _LOCK_FILE, 0o600)
        except PermissionError:
            if name.exists():
                return None  # that of another account, such as root's
            raise
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(lock, name):
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # its owner removed it between our two calls


def _is(opened: int, path: Path) -> bool:
    """Tell whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(opened), path.lstat())
    except FileNotFoundError:
        return False


def _remove_own(owner: int, folder: Path, lock: int) -> None:
    """Remove a folder of this process; in one that was forked from its owner, nothing."""
    if os.getpid() == owner:
        _remove(folder, lock)


def _remove(folder: Path, lock: int) -> None:
    """Remove a folder, then its lock, which keeps others out until then."""
    try:
        _empty(folder)
        with suppress(OSError):  # what stays is taken by the next owner
            _lock_of(folder).unlink()
    finally:
        os.close(lock)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_LOCK}")
