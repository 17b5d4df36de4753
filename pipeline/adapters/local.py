"""Partners' folders on a disk of ours: a mount, or the drop box of another program.

The partner may write there, so nothing that stands there is trusted: folders and files are
opened one step at a time and no link is followed, neither as a file nor on the way to one.
Only the door's own path, which our sheet names, may be or hold a link.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from pipeline.model.connection import Connection
from pipeline.model.errors import (
    ConnectError,
    FileChanged,
    FileTooLarge,
    NameTaken,
    TransferError,
)
from pipeline.model.interchange import RemoteFile
from pipeline.model.names import raw_name, shown_name
from pipeline.model.path_trouble import path_told
from pipeline.ports.failpoint import failpoint
from pipeline.ports.outside import Listing, nothing

_BLOCK = 262_144
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: A named pipe that took a file's place is not waited for.
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TO_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SECOND_NS = 1_000_000_000
#: What a file can take over from the mode of its folder.
_READ_AND_WRITE = 0o666


class LocalDoors:
    """Opens folders of this machine."""

    def __init__(self, workspace: Path) -> None:
        """Remember where relative door paths begin.

        Args:
            workspace: The hub's folder; a door's absolute path is taken as it is.
        """
        self._workspace = workspace

    @contextmanager
    def open(self, connection: Connection) -> Iterator[LocalSession]:
        """Open the folder of `connection`'s door; it is let go with the block.

        Raises:
            ConnectError: It is not there or not ours to enter.
        """
        path = self._workspace / connection.door.path
        try:
            base = os.open(path, _FOLDER)
        except OSError as error:
            raise ConnectError(connection.name, f"{path}: {path_told(error)}") from error
        try:
            yield LocalSession(connection, base)
        finally:
            os.close(base)


class LocalSession:
    """Both directions in one partner's folder."""

    def __init__(self, connection: Connection, base: int) -> None:
        """Take the open folder that holds the partner's folders."""
        self._connection = connection
        self._base = base

    def list_files(self, folder: str) -> Sequence[RemoteFile]:
        """List the regular files of `folder`, sorted by name.

        Links, folders and devices are left out.

        Raises:
            TransferError: The folder cannot be listed.
        """
        return list(self.look(folder).files)

    def look(self, folder: str) -> Listing:
        """List the regular files of `folder`, and its links, each sorted by name.

        Raises:
            TransferError: The folder cannot be listed.
        """
        with self._telling(folder), self._folder(folder) as here, os.scandir(here) as entries:
            found = [(entry.name, status) for entry in entries if (status := _status(entry))]
        files, links = (
            sorted(
                (_listed(name, status) for name, status in found if is_one(status.st_mode)),
                key=lambda file: file.name,
            )
            for is_one in (stat.S_ISREG, stat.S_ISLNK)
        )
        return Listing(tuple(files), tuple(links))

    def names(self, folder: str) -> Sequence[str]:
        """List the finished files of `folder`, sorted, our temporary names left out.

        Raises:
            TransferError: The folder cannot be listed.
        """
        return [
            file.name
            for file in self.list_files(folder)
            if not (file.name.startswith(".") and file.name.endswith(".part"))
        ]

    def fetch(self, folder: str, file: RemoteFile, limit_bytes: int) -> Iterator[bytes]:
        """Yield the file's bytes in order, in chunks of up to 256 KiB.

        The open file must have the listed size and mtime before the first byte, not have
        changed after the last one, and give exactly that many bytes.

        Raises:
            FileChanged: The file was not the one listed, or changed while it was read;
                raised at the latest after the last chunk.
            FileTooLarge: It holds more than `limit_bytes`; nothing was read.
            TransferError: Anything else, the time limit included.
        """
        shown = posixpath.join(folder, file.name)
        if file.size > limit_bytes:
            reason = f"{file.size} bytes, the limit is {limit_bytes}"
            raise FileTooLarge(self._connection.name, shown, reason)
        with self._telling(shown):
            descriptor = self._open_listed(folder, file, shown)
            try:
                before = os.fstat(descriptor)
                self._check_listed(before, file, shown)
                count = yield from self._blocks(descriptor, file.size)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        if _identity(before) != _identity(after):
            raise self._changed(shown, "it changed while it was read")
        if count != file.size:
            raise self._changed(shown, f"{count} of {file.size} bytes could be read")

    def set_aside(self, folder: str, file: RemoteFile, archive: str, as_name: str) -> bool:
        """Move a taken file to `archive` under `as_name`, replacing what is there.

        There are no locks: a file that replaces the listed one in the instant between our
        look and our move is moved in its place.

        Returns:
            True when it was moved or is no longer there; False when another file
            (other size or mtime) stands under its name now, which is left alone.

        Raises:
            TransferError: It is still there and could not be moved.
        """
        raw = raw_name(file.name)
        with self._telling(posixpath.join(folder, file.name)), self._folder(folder) as here:
            found = _stat(raw, here)
            if found is None:
                return True
            if not _is_listed(found, file):
                return False
            self._make(archive)
            with self._folder(archive) as there:
                failpoint("aside.before")
                os.rename(raw, raw_name(as_name), src_dir_fd=here, dst_dir_fd=there)
                failpoint("aside.moved")
            return True

    def put(
        self, folder: str, name: str, payload: bytes, last_look: Callable[[], None] = nothing
    ) -> bool:
        """Make `payload` appear as `name`, whole or not at all, and last.

        Written as ``.<name>.part`` and synced, then renamed. The folder is the partner's
        and is never made here.

        Returns:
            True if the bytes were written now, False if they were found there.

        Raises:
            NameTaken: Other bytes stand under that name.
            TransferError: The file is not there, or only its temporary name is.
        """
        shown, raw = posixpath.join(folder, name), raw_name(name)
        temporary = raw_name(f".{name}.part")
        with self._telling(shown), self._folder(folder) as here:
            found = _stat(raw, here)
            if found is not None:
                self._check_same(raw, here, found, payload, shown)
                return False
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=here)  # and not what a link there leads to
            with os.fdopen(os.open(temporary, _TO_MAKE, 0o666, dir_fd=here), "wb") as file:
                failpoint("put.opened")
                file.write(payload)
                failpoint("put.half")
                # for whom the folder is, whatever our own habits are
                os.fchmod(file.fileno(), os.fstat(here).st_mode & _READ_AND_WRITE)
                file.flush()
                os.fsync(file.fileno())
            failpoint("put.written")
            last_look()
            os.rename(temporary, raw, src_dir_fd=here, dst_dir_fd=here)
            failpoint("put.renamed")
            os.fsync(here)
            failpoint("put.synced")
            return True

    def find(self, folder: str, name: str) -> RemoteFile | None:
        """Return the regular file of that name as it now stands; None where there is none.

        Raises:
            TransferError: It cannot be looked at.
        """
        raw = raw_name(name)
        with self._telling(posixpath.join(folder, name)), self._folder(folder) as here:
            found = _stat(raw, here)
        return _listed(os.fsdecode(raw), found) if found and stat.S_ISREG(found.st_mode) else None

    def remove(self, folder: str, file: RemoteFile) -> bool:
        """Remove a file as it was listed from `folder`.

        Returns:
            True when the file as listed is no longer there; False where another one stands
            under its name.

        Raises:
            TransferError: It is still there and could not be removed.
        """
        raw = raw_name(file.name)
        with self._telling(posixpath.join(folder, file.name)), self._folder(folder) as here:
            found = _stat(raw, here)
            if found is not None and not _is_listed(found, file):
                return False
            with suppress(FileNotFoundError):
                os.unlink(raw, dir_fd=here)
            return True

    @contextmanager
    def _folder(self, folder: str) -> Iterator[int]:
        """Open a folder below the door's, no link being followed on the way."""
        here = os.dup(self._base)
        try:
            for step in folder.encode().split(b"/"):
                if step in {b"", b"."}:
                    continue
                if step == b"..":
                    raise PermissionError("leads out of the door's path")
                inner = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    def _make(self, folder: str) -> None:
        parent, name = posixpath.split(folder.rstrip("/"))
        with suppress(FileExistsError), self._folder(parent) as here:
            os.mkdir(name.encode(), dir_fd=here)
            with self._folder(folder) as made:
                os.fchmod(made, stat.S_IMODE(os.fstat(here).st_mode))

    def _open_listed(self, folder: str, file: RemoteFile, shown: str) -> int:
        with self._folder(folder) as here:
            try:
                return os.open(raw_name(file.name), _TO_READ, dir_fd=here)
            except FileNotFoundError as error:
                raise self._changed(shown, "it is no longer there") from error

    def _check_listed(self, found: os.stat_result, file: RemoteFile, shown: str) -> None:
        if not _is_listed(found, file):
            reason = f"listed with {file.size} bytes, now {found.st_size}"
            raise self._changed(shown, reason)

    def _blocks(self, descriptor: int, size: int) -> Generator[bytes, None, int]:
        """Yield up to `size` bytes; return how many that were."""
        until = monotonic() + self._connection.door.transfer_timeout_s
        count = 0
        while count < size and (data := os.read(descriptor, min(_BLOCK, size - count))):
            if monotonic() > until:
                raise TimeoutError("it took longer than the time limit")
            count += len(data)
            yield data
        return count

    def _check_same(
        self, raw: bytes, here: int, found: os.stat_result, payload: bytes, shown: str
    ) -> None:
        same = stat.S_ISREG(found.st_mode) and found.st_size == len(payload)
        if same:
            with os.fdopen(os.open(raw, _TO_READ, dir_fd=here), "rb") as file:
                same = file.read(len(payload) + 1) == payload
        if not same:
            reason = "other bytes stand under this name already"
            raise NameTaken(self._connection.name, shown, reason)

    def _changed(self, shown: str, reason: str) -> FileChanged:
        return FileChanged(self._connection.name, shown, reason)

    @contextmanager
    def _telling(self, shown: str) -> Iterator[None]:
        """Turn what the system says into the error that says so."""
        try:
            yield
        except OSError as error:
            words = error.strerror or str(error)
            raise TransferError(self._connection.name, shown, words) from error


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what is known of one entry, links not followed; None if it is gone."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _listed(name: str, status: os.stat_result) -> RemoteFile:
    return RemoteFile(shown_name(os.fsencode(name)), status.st_size, _mtime(status))


def _stat(raw: bytes, here: int) -> os.stat_result | None:
    try:
        return os.stat(raw, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_listed(found: os.stat_result, file: RemoteFile) -> bool:
    now = found.st_size, _mtime(found)
    return stat.S_ISREG(found.st_mode) and now == (file.size, file.mtime)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _mtime(status: os.stat_result) -> int:
    return status.st_mtime_ns // _SECOND_NS
