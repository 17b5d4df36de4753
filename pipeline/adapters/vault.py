"""Data keys of the archive, one a blob, wrapped by a master key that lies elsewhere.

Keys are written in groups, as blobs are: ``keys/ab/<name>`` is a row of slots of one size,
each the wrapped key of one blob, whose header says which file and slot. So a group costs one
file, a blob's key can be destroyed in its place, and a blob that is kept anew takes its key
along in the one rename that shows it: there is no moment at which blob and key differ.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from pipeline.adapters.files import REPLACED, sync, sync_all, write_new
from pipeline.model.errors import ArchiveError, ConfigError, MasterKeyMissing
from pipeline.ports.failpoint import failpoint

#: Bytes of a key, and of what says under which master key it is wrapped.
KEY, ID = 32, 8
#: Bytes of a wrapped key with that id (RFC 3394 adds eight).
SLOT = ID + KEY + 8
#: Bytes of the name of a group of keys.
GROUP_NAME = 16
_ERASED = bytes(SLOT)
#: A key that names are made with: one half authenticates, the other hides.
_NAMES_KEY = 2 * KEY
#: Hexadecimal digits of a blob's name: a digest, and what authenticates it.
_NAME = 2 * (32 + 16)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps keys.

    Attributes:
        key: 32 bytes.
        where: Where it was found, as messages tell it; never what it is.
    """

    key: bytes = field(repr=False)
    where: str

    @property
    def id(self) -> bytes:
        """Return what stands beside all that it wraps; nothing of the key can be told from it."""
        return hmac.digest(self.key, b"edi master key", "sha256")[:ID]

    def wrap(self, key: bytes) -> bytes:
        """Return `key` as it may be stored."""
        return self.id + aes_key_wrap(self.key, key)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a blob's key is: the file of its group, and the slot in it, from 0."""

    group: bytes
    slot: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes:
        rewrapped: Keys that are now under the master key in force.
        already: Keys that were before.
    """

    rewrapped: int = 0
    already: int = 0


class Names:
    """Names of blobs: each stands for one SHA-256, which only the key can tell.

    The name is the digest sealed by AES-SIV (RFC 5297): a keyed digest of it that the
    holder of the key can read back.
    """

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)

    def name(self, digest: str) -> str:
        """Return the name that stands for a SHA-256 in hexadecimal."""
        return self._siv.encrypt(bytes.fromhex(digest), None).hex()

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that a name stands for, or None if this key did not make it."""
        try:
            return self._siv.decrypt(bytes.fromhex(name), None).hex()
        except (ValueError, InvalidTag):
            return None


class Vault:
    """The wrapped keys of one archive, and the master keys that open them."""

    def __init__(
        self, archive: Path, master: MasterKey, previous: MasterKey | None = None
    ) -> None:
        """Open the keys of an archive; the key of its names is made if it holds nothing yet.

        Args:
            archive: Its folder; they lie in ``keys/`` there, beside ``blobs/``.
            master: What wraps new keys.
            previous: Another master key that still opens old ones, while keys are rotated.

        Raises:
            ConfigError: The keys are wrapped by another master key, or gone.
        """
        self._folder = archive / "keys"
        self._master = master
        self._masters = {one.id: one for one in (master, previous) if one}
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._names_file = names_file(archive)
        if not self._names_file.exists() and not _holds_named(archive):
            self._make_names_key()
        self.names = Names(self._read_names_key())

    @property
    def has_previous(self) -> bool:
        """Tell whether another master key opens keys too."""
        return len(self._masters) > 1

    @property
    def master_id(self) -> str:
        """Return the id of the master key in force."""
        return self._master.id.hex()

    # -- keys of blobs
    def new_key(self) -> tuple[bytes, bytes]:
        """Return a fresh data key, and the slot that stores it."""
        key = secrets.token_bytes(KEY)
        return key, self._master.wrap(key)

    def open_slot(self, slot: bytes, where: object) -> bytes:
        """Return the data key in a slot.

        Raises:
            MasterKeyMissing: It is wrapped by a master key that is not here.
            ArchiveError: It was destroyed, or is damaged.
        """
        if slot == _ERASED:
            raise ArchiveError(f"{where}: clé détruite, original effacé / key destroyed, erased")
        master = self._masters.get(slot[:ID])
        if master is None:
            raise MasterKeyMissing(self._foreign(slot[:ID], where))
        try:
            return aes_key_unwrap(master.key, slot[ID:])
        except InvalidUnwrap:
            raise ArchiveError(f"{where}: clé endommagée / damaged key") from None

    def write(self, slots: Sequence[bytes]) -> tuple[bytes, tuple[Path, ...]]:
        """Write the keys of a group, not yet durable.

        Returns:
            The group's name, and what must be synced before any blob refers to it.
        """
        content = b"".join(slots)
        group = sha256(content).digest()[:GROUP_NAME]  # keys are random: no two are alike
        path = self._path(group)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        write_new(path, content)
        return group, (path, path.parent, self._folder)

    def read(self, place: KeyPlace) -> bytes:
        """Return a data key.

        Raises:
            ArchiveError: It is not there, or `open_slot` refuses it.
        """
        path = self._path(place.group)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                slot = os.pread(handle, SLOT, place.slot * SLOT)
            finally:
                os.close(handle)
        except OSError as error:
            raise ArchiveError(f"{path}: {error.strerror}") from error
        if len(slot) != SLOT:
            raise ArchiveError(f"{path}: clé absente / key missing")
        return self.open_slot(slot, path)

    def destroy(self, place: KeyPlace) -> None:
        """Overwrite a data key where it lies; its file goes with the last one.

        Destroying twice does no harm.
        """
        path = self._path(place.group)
        with self._alone():
            _part_of(path).unlink(missing_ok=True)  # a copy that a broken-off rotation left
            try:
                handle = os.open(path, REPLACED)
            except FileNotFoundError:
                return
            try:
                os.pwrite(handle, _ERASED, place.slot * SLOT)
                os.fsync(handle)
                left = os.pread(handle, os.fstat(handle).st_size, 0)
            finally:
                os.close(handle)
            if not left.strip(b"\0"):
                path.unlink()
                sync(path.parent)

    # -- all keys
    def places(self) -> Iterator[KeyPlace]:
        """Yield where every key is that was not destroyed."""
        for path in self._groups():
            for number, slot in enumerate(self._slots(path)):
                if slot != _ERASED:
                    yield KeyPlace(bytes.fromhex(path.name), number)

    def older(self) -> int:
        """Return how many keys, that of names among them, another master key than ours wraps."""
        paths = [self._names_file, *self._groups()]
        return sum(self._is_older(slot) for path in paths for slot in self._slots(path))

    def rotate(self) -> Rotated:
        """Wrap every key by the master key in force; what was done is not done again.

        A file is replaced whole, so a crash leaves each under one of the two master keys.

        Raises:
            ArchiveError: A key is damaged, or wrapped by a third master key; the others of
                its folder are left as they were.
        """
        with self._alone():  # another rotation may be under way
            done = self._rewrap([self._names_file])
        for folder in sorted(self._folder.glob("??")):
            with self._alone():  # else a key that is destroyed now might come back
                more = self._rewrap(sorted(folder.glob("?" * 2 * GROUP_NAME)))
            done = Rotated(done.rewrapped + more.rewrapped, done.already + more.already)
        return done

    # -- how
    def _rewrap(self, paths: Sequence[Path]) -> Rotated:
        changed: list[tuple[Path, Path]] = []
        rewrapped = already = 0
        for path in paths:
            slots = self._slots(path)
            old = [slot for slot in slots if self._is_older(slot)]
            rewrapped += len(old)
            already += sum(slot[:ID] == self._master.id for slot in slots)
            if old:
                new = [self._again(slot, path) if slot in old else slot for slot in slots]
                changed.append((path, _beside(path, b"".join(new))))
                failpoint("keys.beside")
        sync_all(part for _, part in changed)
        for path, part in changed:
            part.replace(path)
            failpoint("keys.replaced")
        sync_all({path.parent for path, _ in changed})
        return Rotated(rewrapped, already)

    def _slots(self, path: Path) -> list[bytes]:
        """Return the wrapped keys of a file; none if the last of them was destroyed meanwhile."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        size = len(content) if path == self._names_file else SLOT
        return [content[at : at + size] for at in range(0, len(content), size)]

    def _is_older(self, slot: bytes) -> bool:
        return slot[:ID] not in {bytes(ID), self._master.id}

    def _again(self, slot: bytes, where: Path) -> bytes:
        return self._master.wrap(self.open_slot(slot, where))

    def _groups(self) -> Iterator[Path]:
        for path in sorted(self._folder.glob("??/*")):
            if len(path.name) == 2 * GROUP_NAME:
                yield path

    def _path(self, group: bytes) -> Path:
        name = group.hex()
        return self._folder / name[:2] / name

    def _make_names_key(self) -> None:
        """Make the key of names, once; another process that does so too finds this one."""
        with self._alone():
            if self._names_file.exists():
                return
            wrapped = self._master.wrap(secrets.token_bytes(_NAMES_KEY))
            part = _beside(self._names_file, wrapped)
            sync(part)
            part.replace(self._names_file)
        sync(self._folder)

    def _read_names_key(self) -> bytes:
        try:
            slot = self._names_file.read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                f"{self._names_file}: absent ; les originaux ne sont pas lisibles sans ce fichier,"
                " remettez-le depuis une sauvegarde / missing: originals cannot be read without"
                " this file, put it back from a backup"
            ) from None
        if slot[:ID] not in self._masters:
            raise ConfigError(self._foreign(slot[:ID], self._names_file))
        try:
            return self.open_slot(slot, self._names_file)
        except ArchiveError as error:
            raise ConfigError(str(error)) from error

    def _foreign(self, found: bytes, where: object) -> str:
        here = ", ".join(f"{one.where} ({one.id.hex()})" for one in self._masters.values())
        return (
            f"{where}: scellé par la clé maîtresse {found.hex()}, qui n'est pas ici, ici : {here}"
            " ; rien n'a été modifié, remettez la bonne clé, ou relancez ce processus s'il date"
            f" d'avant elle / sealed by master key {found.hex()}, which is not here, here: {here};"
            " nothing was changed, put the right key back, or restart this process if it is"
            " older than the key"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from changing keys that are there already."""
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def names_file(archive: Path) -> Path:
    """Return the file without which the names of an encrypted archive mean nothing."""
    return archive / "keys" / "names.key"


def _holds_named(archive: Path) -> bool:
    return any(len(path.name) == _NAME for path in (archive / "blobs").glob("??/*"))


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _beside(path: Path, content: bytes) -> Path:
    """Write what is to replace a file, beside it; what a crash left there is replaced."""
    part = _part_of(path)
    part.unlink(missing_ok=True)
    write_new(part, content)
    return part
