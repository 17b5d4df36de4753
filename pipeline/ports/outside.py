"""The clock, partners' folders and the archive of original bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from pipeline.model.connection import Connection
from pipeline.model.interchange import RemoteFile
from pipeline.model.letter import Letter


def nothing() -> None:
    """Do nothing."""


class Clock(Protocol):
    """Tells the time, which passes evenly between two calls of `adopt`."""

    def now(self) -> datetime:
        """Return the moment (aware, UTC)."""

    def adopt(self) -> timedelta:
        """Take over what the machine's clock says; return by how much it was set.

        Where nobody set it that is next to nothing. Only for whoever sees to it that what
        was written down by the old time is put right (`app.clock`).
        """

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands in a partner's folder, each sorted by name.

    Attributes:
        files: Regular files.
        links: Symbolic links, wherever they lead: nobody follows them. Size and time are
            those of the link itself.
    """

    files: tuple[RemoteFile, ...] = ()
    links: tuple[RemoteFile, ...] = ()


class Inbound(Protocol):
    """One open session on the folders a sender uses.

    Folders are as the sheet names them; names are shown forms (`model.names`). Any method
    raises `SessionLost` where the session itself is at its end; after a `TransferError`
    it is as good as before.
    """

    def list_files(self, folder: str) -> Sequence[RemoteFile]:
        """List the regular files of `folder`, sorted by name.

        Links, folders and devices are left out. One unreadable name never hides
        the others.

        Raises:
            SessionLost: As every method.
            TransferError: The folder cannot be listed.
        """

    def look(self, folder: str) -> Listing:
        """List `folder` as `list_files` does, and its links beside the files.

        Raises:
            SessionLost: As every method.
            TransferError: The folder cannot be listed.
        """

    def fetch(self, folder: str, file: RemoteFile, limit_bytes: int) -> Iterator[bytes]:
        """Yield the file's bytes in order, in chunks.

        Raises:
            FileChanged: The file was not the one listed, or changed while it was
                read; raised at the latest after the last chunk, so nothing may be
                believed before the iterator has ended.
            FileTooLarge: It holds more than `limit_bytes`.
            TransferError: Anything else, the time limit included.
        """

    def set_aside(self, folder: str, file: RemoteFile, archive: str, as_name: str) -> bool:
        """Move a taken file to `archive` under `as_name`, replacing what is there.

        The archive folder is made if it does not exist. A file that is no longer
        the one listed (size or mtime differ) is left alone.

        Returns:
            True when the file as listed is no longer in `folder`; absence is success.

        Raises:
            TransferError: It is still there and could not be moved.
        """


class Outbound(Protocol):
    """One open session that puts files where a partner picks them up.

    Any method raises `SessionLost` where the session itself is at its end.
    """

    def put(
        self, folder: str, name: str, payload: bytes, last_look: Callable[[], None] = nothing
    ) -> bool:
        """Make `payload` appear as `name`, whole or not at all.

        Written under a temporary name, then renamed. A file of that name, size and
        bytes that is already there counts as put.

        Args:
            folder: Where.
            name: What it is called.
            payload: What it holds.
            last_look: Called when all is written and only the rename is left; what it
                raises keeps the file from appearing, and the temporary name stays: it
                may be that of another worker by now.

        Returns:
            True if the bytes were sent now, False if they were found there.

        Raises:
            NameTaken: Other bytes stand under that name.
            TransferError: The file is not there, or only its temporary name is.
        """

    def remove(self, folder: str, file: RemoteFile) -> bool:
        """Remove a file as it was listed from `folder`.

        Returns:
            True when the file as listed is no longer there; absence is success. False
            where another one (size or mtime) stands under its name, which is left alone.

        Raises:
            TransferError: It is still there and could not be removed.
        """

    def find(self, folder: str, name: str) -> RemoteFile | None:
        """Return the regular file of that name as it now stands; None where there is none.

        Raises:
            TransferError: It cannot be looked at.
        """

    def names(self, folder: str) -> Sequence[str]:
        """List the finished files of `folder`, sorted, temporary names left out."""


class Session(Inbound, Outbound, Protocol):
    """Both directions over one transport."""


class Doors(Protocol):
    """Opens sessions on partners' servers."""

    def open(self, connection: Connection) -> AbstractContextManager[Session]:
        """Log in through `connection`'s door.

        Raises:
            ConfigError: Our own key, password or pinned key cannot be used.
            ConnectError: The server cannot be reached.
            LoginRefused: It is there and does not let this account in.
            HostKeyMismatch: It is not the server that was pinned; nothing was sent.
        """


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were written down.

    Attributes:
        sha256: Hexadecimal; the name they are kept under.
        size: Bytes.
        head: The first 4,096 bytes.
        tail: The last 4,096 bytes.
        place: Where the adapter put them for now; meaningless to others.
    """

    sha256: str
    size: int
    head: bytes
    tail: bytes
    place: str


class Archive(Protocol):
    """The content-addressed store of bytes as received. Nothing but `erase` changes it."""

    def receive(self, chunks: Iterable[bytes]) -> Blob:
        """Write `chunks` down, not yet durable, and return what they are.

        Raises:
            ArchiveError: They could not be written; nothing is left behind.
        """

    def keep(self, blobs: Sequence[Blob]) -> None:
        """Make received blobs durable under their hash, as one group.

        Raises:
            ArchiveError: At least one may not be durable: no row may name it.
        """

    def holding(self) -> AbstractContextManager[None]:
        """Let nothing be erased while inside: from `keep` until the rows are committed."""

    def discard(self, blob: Blob) -> None:
        """Drop a received blob that is not to be kept."""

    def open_received(self, blob: Blob) -> BinaryIO:
        """Open a received blob for reading, before it is kept."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept blob for reading.

        Raises:
            ArchiveError: It is not there.
        """

    def path(self, sha256: str) -> str | None:
        """Return the file that holds a kept blob as received, for the engine's workers.

        It is to be read only. None where no file does, because the blob is encrypted: its
        bytes are then to be had from `open` alone.
        """

    def check(self, sha256: str) -> bool:
        """Read a kept blob again and tell whether it is there, with that hash."""

    def kept(self) -> Iterator[str]:
        """Yield the SHA-256 of every kept blob, in no order; none is read."""

    def kept_at(self, sha256: str) -> datetime:
        """Return when a kept blob was last written (aware, UTC).

        Raises:
            ArchiveError: It is not there.
        """

    def erase(self, sha256: str, still_needed: Callable[[], bool]) -> bool:
        """Destroy a kept blob for ever; its key first, so that no copy of it can be read.

        Args:
            sha256: Which.
            still_needed: Asked while nobody can be `holding`; if it says so nothing is done.

        Returns:
            True if it was destroyed now, False if it was not there or is still needed.

        Raises:
            ArchiveError: It could not be destroyed, or not wholly: to be done again.
        """


class Scanner(Protocol):
    """Looks for malware."""

    def scan(self, chunks: Iterable[bytes]) -> str | None:
        """Return the name of what was found, or None.

        Raises:
            ScannerSilent: No verdict could be had.
        """


class Mail(Protocol):
    """Hands letters to a mail server."""

    def send(self, letter: Letter, key: str, at: datetime) -> None:
        """Send one letter.

        Args:
            letter: To one address.
            key: Names it for ever: sent once more after a crash, it is known as the same.
            at: When it was written (aware).

        Raises:
            MailError: It was not taken.
            ConfigError: The password cannot be used.
        """


class Printer(Protocol):
    """Prints pages that people read."""

    def print(self, page: str) -> bytes:
        """Return a page as a PDF/A-3 file that holds its fonts and no attachment.

        Args:
            page: HTML, whole, with its style inside. What it asks for from outside of
                itself is left out.

        Returns:
            The file; the same page gives the same bytes.

        Raises:
            NotPrinted: The page takes longer or more than it may, or printing broke off.
            ConfigError: The machine lacks what printing needs.
        """


@dataclass(frozen=True, slots=True)
class Scrap:
    """One document in scratch space.

    Attributes:
        path: File that holds it, for the engine's workers.
        size: Bytes.
        sha256: Of its bytes.
        head: Its first 4,096 bytes.
    """

    path: str
    size: int
    sha256: str
    head: bytes


class Spool(Protocol):
    """Scratch space for documents taken out of interchanges; may be emptied at any time.

    Nothing in it is durable: what is read back must be held against its SHA-256.
    """

    def write(self, name: str, chunks: Iterable[bytes]) -> Scrap:
        """Write one document under `name` (slashes make folders), replacing what is there.

        Raises:
            ArchiveError: It could not be written.
        """

    def read(self, name: str) -> bytes | None:
        """Return a document's bytes, or None if it is not there."""

    def clear(self, folder: str) -> None:
        """Remove a folder of documents; absence is success."""
