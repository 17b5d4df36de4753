"""Original bytes on a local disk: a content-addressed archive, and scratch space."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipeline.adapters.files import sync, sync_all
from pipeline.adapters.forms import Form, PlainForm
from pipeline.adapters.owned import OwnedFolder
from pipeline.model.errors import ArchiveError
from pipeline.ports.failpoint import failpoint
from pipeline.ports.outside import Blob, Scrap

_ENDS = 4096
_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_SPOOL_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_SHA256 = re.compile("[0-9a-f]{64}")


class FileArchive:
    """`ports.outside.Archive` as ``blobs/ab/<name>`` under one folder.

    A blob is written under ``incoming/``, into a folder that is this object's alone, synced,
    renamed to the name that stands for its hash, and its folder synced: a name under
    ``blobs/`` always stands for whole bytes. Of encrypted ones the keys are synced before
    the rename.
    """

    def __init__(self, folder: Path, form: Form | None = None) -> None:
        self._folder = folder
        self._form = form or PlainForm()
        # what was kept before encryption was turned on
        self._forms = (self._form,) if self._form.plain else (self._form, PlainForm())
        self._blobs = folder / "blobs"
        self._incoming = folder / "incoming"
        self._own: OwnedFolder | None = None
        self._taking = threading.Lock()
        for each in (self._incoming, self._blobs):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        for first in range(256):  # once and for all, so that keeping a blob makes no folder
            (self._blobs / f"{first:02x}").mkdir(exist_ok=True, mode=0o700)

    def receive(self, chunks: Iterable[bytes]) -> Blob:
        """Write `chunks` down, not yet durable."""
        digest, size, head, tail = sha256(), 0, b"", b""
        with self._new_part() as (place, file):
            failpoint("pull.blob.opened")
            writer = self._form.writer(file)
            for chunk in chunks:
                writer.write(chunk)
                failpoint("pull.blob.half")
                digest.update(chunk)
                size += len(chunk)
                head += chunk[: _ENDS - len(head)]
                tail = (tail + chunk[-_ENDS:])[-_ENDS:]
            writer.finish(digest.digest())
            file.flush()
            failpoint("pull.blob.written")
        return Blob(digest.hexdigest(), size, head, tail, str(place))

    def keep(self, blobs: Sequence[Blob]) -> None:
        """Make received blobs durable under their hash, as one group."""
        try:
            places = [Path(blob.place) for blob in blobs]
            sync_all([*places, *self._form.settle(places)])
            failpoint("pull.blob.synced")
            targets = [self._path(blob.sha256) for blob in blobs]
            superseded: list[Callable[[], None]] = []
            for place, target in zip(places, targets, strict=True):
                superseded.append(self._form.farewell(target))
                place.replace(target)
                failpoint("pull.blob.renamed")
            sync_all({self._blobs, *(target.parent for target in targets)})
            failpoint("pull.blob.kept")
            for destroy_old_key in superseded:
                destroy_old_key()
        except OSError as error:
            for blob in blobs:
                _drop(blob.place)
            raise ArchiveError(f"{error.filename or self._blobs}: {error.strerror}") from error

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let nothing be erased while inside."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody keep or erase anything while inside."""
        with self._locked(fcntl.LOCK_EX):
            yield

    def discard(self, blob: Blob) -> None:
        """Drop a received blob that is not to be kept."""
        Path(blob.place).unlink(missing_ok=True)

    def open_received(self, blob: Blob) -> BinaryIO:
        """Open a received blob for reading, before it is kept."""
        return self._form.reader(Path(blob.place), blob.sha256, kept=False)

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept blob for reading."""
        try:
            return self._open(sha256)
        except ArchiveError:
            # kept anew between a look at the file and one at its key: it has another key now
            return self._open(sha256)

    def path(self, sha256: str) -> str | None:
        """Return the file that holds a kept blob as received; None if it is encrypted."""
        return str(self._path(sha256)) if self._form.plain else None

    def check(self, sha256: str) -> bool:
        """Read a kept blob again and tell whether it is there, with that hash."""
        with suppress(ArchiveError, OSError), self.open(sha256) as stream:
            return _digest(stream) == sha256
        return False

    def kept(self) -> Iterator[str]:
        """Yield the SHA-256 of every kept blob; what stands elsewhere cannot be opened."""
        for form in self._forms:
            for digest, _ in self.files(form):
                yield digest

    def files(self, form: Form) -> Iterator[tuple[str, Path]]:
        """Yield the SHA-256 and the file of every kept blob of one form."""
        for path in self._blobs.glob("??/*"):
            digest = form.digest(path.name)
            if digest is not None and path == self._path(digest, form):
                yield digest, path

    def erase(self, sha256: str, still_needed: Callable[[], bool]) -> bool:
        """Destroy a kept blob in every form it has: its key first, then its bytes."""
        with self.alone():
            places = [(form, self._path(sha256, form)) for form in self._forms]
            there = [(form, path) for form, path in places if path.exists()]
            if still_needed() or not there:
                return False
            try:
                for form, path in there:
                    form.farewell(path)()
                    failpoint("erase.key")
                    path.unlink()
                    failpoint("erase.blob")
                    sync(path.parent)
            except OSError as error:
                raise ArchiveError(f"{sha256}: {error.strerror}") from error
        return True

    def kept_at(self, sha256: str) -> datetime:
        """Return when a kept blob was last written."""
        _, path = self._find(sha256)
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError as error:
            raise ArchiveError(f"{sha256}: {error.strerror}") from error

    def close(self) -> None:
        """Remove what was received and neither kept nor discarded; it may be used again."""
        with self._taking:
            if self._own is not None:
                self._own.close()
                self._own = None

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the one lock between those who keep and those who erase."""
        try:
            handle = os.open(self._folder / "lock", _LOCK_FILE, 0o600)
        except OSError as error:
            raise ArchiveError(f"{self._folder}: {error.strerror}") from error
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _new_part(self) -> Iterator[tuple[Path, BinaryIO]]:
        """Open a file under a name nobody else has; it is gone again if filling it fails."""
        try:
            handle, name = tempfile.mkstemp(".part", "", self._own_folder())
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

    def _own_folder(self) -> Path:
        """Return where this object alone writes; only who receives has such a folder."""
        with self._taking:
            if self._own is None:
                self._own = OwnedFolder(self._incoming)
            return self._own.path

    def _open(self, digest: str) -> BinaryIO:
        form, path = self._find(digest)
        try:
            return form.reader(path, digest, kept=True)
        except OSError as error:
            raise ArchiveError(f"{digest}: {error.strerror}") from error

    def _find(self, digest: str) -> tuple[Form, Path]:
        """Return the form and the file of a kept blob; the form in force if there is none."""
        places = [(form, self._path(digest, form)) for form in self._forms]
        return next((one for one in places if one[1].exists()), places[0])

    def _path(self, digest: str, form: Form | None = None) -> Path:
        if not _SHA256.fullmatch(digest):
            raise ArchiveError(f"{digest!r}: not a SHA-256")
        name = (form or self._form).name(digest)
        return self._blobs / name[:2] / name


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
            with os.fdopen(os.open(part, _SPOOL_FILE, 0o600), "wb") as file:
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


def _digest(stream: BinaryIO) -> str:
    digest = sha256()
    for chunk in _chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(1 << 20):
        yield chunk
