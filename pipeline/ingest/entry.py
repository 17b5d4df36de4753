"""What every reader of archives hands out: plain files, or what is wrong with the archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

#: Bytes handed out at a time.
CHUNK = 1 << 16
#: Below this many bytes made the ratio is not looked at: a few similar invoices compress well.
RATIO_FROM = 10_000_000

_DRIVE = re.compile(rb"[A-Za-z]:")


class ArchiveFault(Exception):
    """Something that is not to be read on: an archive, a zipped stream, a signed envelope.

    Attributes:
        fr: What is wrong.
        en: The same in English.
        name: The entry it stopped at, as bytes; empty where there is none.
        partial: True where a transfer that has not ended could be the cause.
    """

    def __init__(self, fr: str, en: str, *, name: bytes = b"", partial: bool = False) -> None:
        super().__init__(en)
        self.fr = fr
        self.en = en
        self.name = name
        self.partial = partial


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none only at the end."""


class Body:
    """The bytes of one file, in order and once."""

    def __init__(self, source: Source, name: bytes, size: int) -> None:
        self._source = source
        self._name = name
        self._left = size
        self._over = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is left of it.

        Raises:
            ArchiveFault: The archive ends within it.
            ValueError: The next file has been asked for already: our bug.
        """
        if self._over:
            raise ValueError("read before the next file is asked for")
        while self._left:
            yield self.read(CHUNK)

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes of what is left; none only at the end.

        Raises:
            ArchiveFault: The archive ends within it.
        """
        part = self._source.read(min(size, self._left)) if self._left else b""
        if self._left and not part:
            raise truncated(self._name)
        self._left -= len(part)
        return part

    def close(self) -> None:
        """Pass over what is left.

        Raises:
            ArchiveFault: The archive ends within it.
        """
        while self._left:
            self.read(CHUNK)
        self._over = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file.

    Attributes:
        name: As the archive has it, without ``./`` before it.
        size: Bytes.
        body: To be read before the next entry is asked for.
    """

    name: bytes
    size: int
    body: Body


def plain_name(raw: bytes) -> bytes:
    """Return a name without ``./`` before it.

    Raises:
        ArchiveFault: It leads out of the archive, on one system or another.
    """
    slashed = raw.replace(b"\\", b"/")
    if slashed.startswith(b"/") or _DRIVE.match(slashed) or b".." in slashed.split(b"/"):
        raise ArchiveFault(
            "nom qui sort de l'archive", "name that leads out of the archive", name=raw
        )
    return raw.removeprefix(b"./")


def truncated(name: bytes) -> ArchiveFault:
    """Say that an archive ends within the file `name`, or within itself."""
    return ArchiveFault("archive tronquée", "archive truncated", name=name, partial=True)


def swollen(ratio: int) -> ArchiveFault:
    """Say that more than `ratio` bytes are made of one."""
    return ArchiveFault(
        f"taux de compression supérieur à {ratio}", f"compression ratio above {ratio}"
    )


def too_much(most: int) -> ArchiveFault:
    """Say that more than `most` bytes are made of a flow."""
    return ArchiveFault(
        f"plus de {most} octets une fois décompressé", f"more than {most} bytes when unzipped"
    )
