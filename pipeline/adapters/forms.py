"""The two forms an archive's files have: as received, or each sealed under a key of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from pipeline.adapters.sealed import (
    SealedWriter,
    key_place,
    open_sealed,
    received_slot,
    refer,
)
from pipeline.adapters.vault import KeyPlace, Vault
from pipeline.model.errors import ArchiveError

T = TypeVar("T")

_SHA256 = re.compile("[0-9a-f]{64}")
_READ = os.O_RDONLY | os.O_NOFOLLOW


class Writer(Protocol):
    """Writes the content of one file."""

    def write(self, data: bytes, /) -> object:
        """Add to the content."""

    def finish(self, digest: bytes) -> None:
        """End it; `digest` is the SHA-256 of the whole."""


class Form(Protocol):
    """How blobs are named and written."""

    #: Whether a blob's file holds its bytes as received.
    plain: bool

    def name(self, digest: str) -> str:
        """Return the file name of a SHA-256."""

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that a file name stands for, or None."""

    def writer(self, file: BinaryIO) -> Writer:
        """Start a new file."""

    def reader(self, path: Path, digest: str, *, kept: bool) -> BinaryIO:
        """Open a file that was received, or kept.

        Raises:
            OSError, ArchiveError: It cannot be read.
        """

    def settle(self, parts: Sequence[Path]) -> Sequence[Path]:
        """Make received files ready to be kept; return what must be synced besides them."""

    def farewell(self, path: Path) -> Callable[[], None]:
        """Return what makes a kept file, and every copy of it, unreadable once it is called."""


class PlainForm:
    """Files as received, under their SHA-256."""

    plain = True

    def name(self, digest: str) -> str:
        """Return the SHA-256 itself."""
        return digest

    def digest(self, name: str) -> str | None:
        """Return the name itself, if it is a SHA-256."""
        return name if _SHA256.fullmatch(name) else None

    def writer(self, file: BinaryIO) -> Writer:
        """Start a new file."""
        return _PlainWriter(file)

    def reader(self, path: Path, digest: str, *, kept: bool) -> BinaryIO:  # noqa: ARG002
        """Open a file, whatever it holds."""
        return os.fdopen(os.open(path, _READ), "rb")

    def settle(self, parts: Sequence[Path]) -> Sequence[Path]:  # noqa: ARG002
        """Do nothing."""
        return ()

    def farewell(self, path: Path) -> Callable[[], None]:  # noqa: ARG002
        """Return what does nothing: there is no key."""
        return lambda: None


class SealedForm:
    """Files sealed under keys of a vault, under names that only the vault can read."""

    plain = False

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def name(self, digest: str) -> str:
        """Return the name that stands for a SHA-256."""
        return self._vault.names.name(digest)

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that a file name stands for, or None."""
        return self._vault.names.digest(name)

    def writer(self, file: BinaryIO) -> Writer:
        """Start a new file under a fresh key."""
        return SealedWriter(file, *self._vault.new_key())

    def reader(self, path: Path, digest: str, *, kept: bool) -> BinaryIO:
        """Open a sealed file."""
        handle = os.open(path, _READ)
        try:
            if kept:
                key = self._vault.read(key_place(handle, path))
            else:
                key = self._vault.open_slot(received_slot(handle, path), path)
        except BaseException:
            os.close(handle)
            raise
        return open_sealed(handle, key, digest, path)

    def settle(self, parts: Sequence[Path]) -> Sequence[Path]:
        """Take the wrapped keys out of received files into one file of the vault."""
        if not parts:
            return ()
        slots = [_with(path, received_slot) for path in parts]
        group, places = self._vault.write(slots)
        for slot, path in enumerate(parts):
            refer(path, KeyPlace(group, slot))
        return places

    def farewell(self, path: Path) -> Callable[[], None]:
        """Return what destroys the key of a kept file; one that is no such file has none."""
        try:
            place = self.key_place(path)
        except (ArchiveError, FileNotFoundError):
            return lambda: None
        return partial(self._vault.destroy, place)

    def key_place(self, path: Path) -> KeyPlace:
        """Return where the key of a kept file is.

        Raises:
            OSError, ArchiveError: It is no such file.
        """
        return _with(path, key_place)


class _PlainWriter:
    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write

    def finish(self, digest: bytes) -> None:
        """Do nothing: all is written."""


def _with(path: Path, read: Callable[[int, object], T]) -> T:
    handle = os.open(path, _READ)
    try:
        return read(handle, path)
    finally:
        os.close(handle)
