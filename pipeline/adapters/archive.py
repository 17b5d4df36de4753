"""Original bytes on a local disk: a content-addressed archive, and scratch space."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipeline.model.errors import ArchiveError
from pipeline.ports.failpoint import failpoint
from pipeline.ports.outside import Blob, Scrap

_ENDS = 4096
#: Files synced side by side: the file system joins their flushes.
_SYNCERS = 8
_SHA256 = re.compile("[0-9a-f]{64}")


class FileArchive:
    """`ports.outside.Archive` as ``blobs/ab/<sha256>`` under one folder.

    A blob is written under ``incoming/``, synced, renamed to its hash, and its
    folder synced: a name under ``blobs/`` always stands for whole bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._incoming = folder / "incoming"
        for each in (self._incoming, self._blobs):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        for first in range(256):  # once and for all, so that keeping a blob makes no folder
            (self._blobs / f"{first:02x}").mkdir(exist_ok=True, mode=0o700)

    def receive(self, chunks: Iterable[bytes]) -> Blob:
        """Write `chunks` down, not yet durable."""
        digest, size, head, tail = sha256(), 0, b"", b""
        with self._new_part() as (place, file):
            failpoint("pull.blob.opened")
            for chunk in chunks:
                file.write(chunk)
                failpoint("pull.blob.half")
                digest.update(chunk)
                size += len(chunk)
                head += chunk[: _ENDS - len(head)]
                tail = (tail + chunk[-_ENDS:])[-_ENDS:]
            file.flush()
            failpoint("pull.blob.written")
        return Blob(digest.hexdigest(), size, head, tail, str(place))

    def keep(self, blobs: Sequence[Blob]) -> None:
        """Make received blobs durable under their hash, as one group."""
        try:
            with ThreadPoolExecutor(_SYNCERS) as pool:
                deque(pool.map(_sync, (blob.place for blob in blobs)), maxlen=0)
            failpoint("pull.blob.synced")
            folders = {self._blobs}
            for blob in blobs:
                target = self._path(blob.sha256)
                Path(blob.place).replace(target)
                failpoint("pull.blob.renamed")
                folders.add(target.parent)
            with ThreadPoolExecutor(_SYNCERS) as pool:
                deque(pool.map(_sync, folders), maxlen=0)
            failpoint("pull.blob.kept")
        except OSError as error:
            for blob in blobs:
                _drop(blob.place)
            raise ArchiveError(f"{error.filename or self._blobs}: {error.strerror}") from error

    def discard(self, blob: Blob) -> None:
        """Drop a received blob that is not to be kept."""
        Path(blob.place).unlink(missing_ok=True)

    def open_received(self, blob: Blob) -> BinaryIO:
        """Open a received blob for reading, before it is kept."""
        return Path(blob.place).open("rb")

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept blob for reading."""
        try:
            return self._path(sha256).open("rb")
        except OSError as error:
            raise ArchiveError(f"{sha256}: {error.strerror}") from error

    def path(self, sha256: str) -> str:
        """Return the file that holds a kept blob."""
        return str(self._path(sha256))

    def check(self, sha256: str) -> bool:
        """Read a kept blob again and tell whether it is there, with that hash."""
        with suppress(ArchiveError, OSError), self.open(sha256) as stream:
            return _digest(stream) == sha256
        return False

    def kept(self) -> Iterator[str]:
        """Yield the SHA-256 of every kept blob; what stands elsewhere cannot be opened."""
        for path in self._blobs.glob("??/*"):
            if _SHA256.fullmatch(path.name) and path == self._path(path.name):
                yield path.name

    def sweep(self) -> int:
        """Remove what a crash left half-written."""
        left = list(self._incoming.iterdir())
        for each in left:
            each.unlink()
        return len(left)

    @contextmanager
    def _new_part(self) -> Iterator[tuple[Path, BinaryIO]]:
        """Open a file under a name nobody else has; it is gone again if filling it fails."""
        try:
            handle, name = tempfile.mkstemp(".part", "", self._incoming)
        except OSError as error:
            raise ArchiveError(f"{self._incoming}: {error.strerror}") from error
        try:
            with os.fdopen(handle, "wb") as file:
                yield Path(name), file
        except OSError as error:
            _drop(name)
            raise ArchiveError(f"{name}: {error.strerror or error}") from error
        except BaseException:
            _drop(name)
            raise

    def _path(self, digest: str) -> Path:
        if not _SHA256.fullmatch(digest):
            raise ArchiveError(f"{digest!r}: not a SHA-256")
        return self._blobs / digest[:2] / digest


class FolderSpool:
    """`ports.outside.Spool` as plain files; nothing is synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, name: str, chunks: Iterable[bytes]) -> Scrap:
        """Write one document, replacing what is there."""
        path = self._place(name)
        # two lanes may take the same flow apart: neither may see the other's half
        part = path.with_name(f"{path.name}.{threading.get_ident()}.part")
        digest, size, head = sha256(), 0, b""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with part.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                    failpoint("spool.half")
                    digest.update(chunk)
                    size += len(chunk)
                    head += chunk[: _ENDS - len(head)]
            failpoint("spool.written")
            part.replace(path)
        except OSError as error:
            _drop(part)
            raise ArchiveError(f"{name}: {error.strerror or error}") from error
        return Scrap(str(path), size, digest.hexdigest(), head)

    def read(self, name: str) -> bytes | None:
        """Return a document's bytes, or None if it is not there."""
        try:
            return self._place(name).read_bytes()
        except FileNotFoundError:
            return None

    def clear(self, folder: str) -> None:
        """Remove a folder of documents; all of them if the name is empty."""
        shutil.rmtree(self._place(folder), ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _place(self, name: str) -> Path:
        """Return where `name` lies.

        Raises:
            ValueError: It would lie outside: our bug, as names here are ours.
        """
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts:
            raise ValueError(f"{name!r} leads out of the spool")
        return self._folder / inside


def _drop(place: str | Path) -> None:
    """Remove a half-written file while another error is told; what stays is swept later."""
    with suppress(OSError):
        Path(place).unlink()


def _sync(place: str | Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(stream: BinaryIO) -> str:
    digest = sha256()
    for chunk in _chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(1 << 20):
        yield chunk
