"""Custody of the keys of an encrypted archive: whether each opens, and new ones for old."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.forms import PlainForm, SealedForm
from pipeline.adapters.vault import KeyPlace, Vault
from pipeline.model.errors import ArchiveError

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look at every key found.

    Attributes:
        master: Id of the master key in force.
        opened: Originals whose key opens.
        plain: Originals that lie there as received.
        lost: SHA-256 of originals whose key does not open, each with the reason.
        spare: Keys that no original needs: a crash leaves some.
        older: Keys that are not under the master key in force yet, that of names among them.
        previous: Whether another master key is named that still opens keys; without `older`
            ones it may be taken out.
    """

    master: str
    opened: int
    plain: int
    lost: tuple[tuple[str, str], ...]
    spare: int
    older: int
    previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a rotation did.

    Attributes:
        master: Id of the master key in force.
        rewrapped: Keys that are now under it.
        already: Keys that were before.
        sealed: Originals that lay there as received and are encrypted now.
        dropped: Keys that no original needed, destroyed.
        spared: Keys that no original here needs, left because some may be those of `missing`.
        missing: SHA-256 of originals that are needed and cannot be opened, in order; looked
            for only where there are keys to spare.
    """

    master: str
    rewrapped: int
    already: int
    sealed: int
    dropped: int
    spared: int
    missing: tuple[str, ...]


class Custody:
    """The keys of one encrypted archive, beside its originals."""

    def __init__(self, archive: FileArchive, form: SealedForm, vault: Vault) -> None:
        self._archive = archive
        self._form = form
        self._vault = vault

    def check(self) -> Checked:
        """Open the key of every original, and nothing else; nothing is changed.

        Beside a hub at work keys that were written this moment may count as spare.
        """
        opened = 0
        lost: list[tuple[str, str]] = []
        with self._archive.holding():
            spare = set(self._vault.places())
            for digest, path in self._archive.files(self._form):
                try:
                    place = self._form.key_place(path)
                    spare.discard(place)
                    self._vault.read(place)
                except (ArchiveError, OSError) as error:
                    lost.append((digest, str(error)))
                else:
                    opened += 1
            plain = sum(1 for _ in self._archive.files(PlainForm()))
            older = self._vault.older()
        return Checked(
            master=self._vault.master_id,
            opened=opened,
            plain=plain,
            lost=tuple(sorted(lost)),
            spare=len(spare),
            older=older,
            previous=self._vault.has_previous,
        )

    def rotate(self, needed: Callable[[], Collection[str]]) -> Renewed:
        """Bring every key under the master key in force, and every original under a key.

        It may be broken off at any moment and run again; meanwhile both master keys open
        what they wrapped.

        Args:
            needed: Returns the SHA-256 of every original that must not be lost. While one of
                them cannot be opened no key is destroyed: its file may come back from a backup.

        Raises:
            ArchiveError: A key is damaged, or wrapped by a third master key.
        """
        dropped, spared, missing = self._drop_spare(needed)
        done = self._vault.rotate()
        sealed = sum(self._seal(digest, path) for digest, path in self._plain())
        return Renewed(
            master=self._vault.master_id,
            rewrapped=done.rewrapped,
            already=done.already,
            sealed=sealed,
            dropped=dropped,
            spared=spared,
            missing=missing,
        )

    def _drop_spare(
        self, needed: Callable[[], Collection[str]]
    ) -> tuple[int, int, tuple[str, ...]]:
        """Destroy keys that no original needs; the hub waits only if there seem to be any.

        Returns:
            How many were destroyed, how many were left, and for which missing originals.
        """
        if not self._spare():
            return 0, 0, ()
        with self._archive.alone():
            spare = self._spare()
            missing = tuple(digest for digest in sorted(needed()) if not self._opens(digest))
            if missing:
                return 0, len(spare), missing
            for place in spare:
                self._vault.destroy(place)
        return len(spare), 0, ()

    def _opens(self, digest: str) -> bool:
        with suppress(ArchiveError), self._archive.open(digest):
            return True
        return False

    def _spare(self) -> set[KeyPlace]:
        spare = set(self._vault.places())
        for _, path in self._archive.files(self._form):
            spare -= set(self._place_of(path))
        return spare

    def _place_of(self, path: Path) -> Iterator[KeyPlace]:
        try:
            yield self._form.key_place(path)
        except (ArchiveError, FileNotFoundError):
            return  # erased meanwhile, or damaged: `check` and `edi verify` name it

    def _plain(self) -> list[tuple[str, Path]]:
        return list(self._archive.files(PlainForm()))

    def _seal(self, digest: str, path: Path) -> int:
        """Keep an original again, encrypted, before the file as received is removed.

        It is opened only while nothing can be erased: else bytes that an erasing destroys
        meanwhile would be kept anew.
        """
        with self._archive.holding():
            try:
                file = path.open("rb")
            except FileNotFoundError:
                return 0  # erased, or encrypted by another rotation, since it was listed
            with file:
                blob = self._archive.receive(iter(lambda: file.read(_PIECE), b""))
            if blob.sha256 != digest:
                self._archive.discard(blob)
                return 0  # changed since it was received: `edi verify` names it
            self._archive.keep([blob])
            path.unlink(missing_ok=True)
        return 1
