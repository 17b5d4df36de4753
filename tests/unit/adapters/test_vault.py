"""Keys: rotated without a moment of doubt, missed without harm, destroyed for good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.custody import Custody
from pipeline.adapters.forms import SealedForm
from pipeline.adapters.vault import KeyPlace, MasterKey, Vault
from pipeline.model.errors import ArchiveError, ConfigError

OLD = MasterKey(bytes(range(32)), "old.key")
NEW = MasterKey(bytes(range(32, 64)), "new.key")
CONTENTS = (b"<a/>", b"<b/>", b"<c/>")


def opened(folder: Path, master: MasterKey = OLD, previous: MasterKey | None = None) -> Custody:
    """Open an encrypted archive with its keys, as another process would."""
    keys = Vault(folder, master, previous)
    form = SealedForm(keys)
    return Custody(FileArchive(folder, form), form, keys)


def archive_of(folder: Path, master: MasterKey = OLD) -> FileArchive:
    """Open the archive alone."""
    return FileArchive(folder, SealedForm(Vault(folder, master)))


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, list[str]]:
    """An archive of three originals: two kept together, one alone; and their SHA-256."""
    archive = archive_of(tmp_path)
    blobs = [archive.receive([content]) for content in CONTENTS]
    archive.keep(blobs[:2])
    archive.keep(blobs[2:])
    return tmp_path, [blob.sha256 for blob in blobs]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_rotation_moves_every_key_to_the_new_master_key(
    filled: tuple[Path, list[str]],
) -> None:
    """Afterwards the old one may be forgotten; the originals are not written anew."""
    folder, digests = filled
    blobs = snapshot(folder / "blobs")

    done = opened(folder, NEW, OLD).rotate(list)

    assert (done.rewrapped, done.already) == (4, 0)  # the key of names among them
    assert all(archive_of(folder, NEW).check(digest) for digest in digests)
    assert snapshot(folder / "blobs") == blobs
    with pytest.raises(ConfigError, match=OLD.id.hex()):
        Vault(folder, OLD)


def test_a_check_tells_whether_the_old_master_key_is_still_needed(
    filled: tuple[Path, list[str]],
) -> None:
    """Taken out too early it would shut every original that it still opens."""
    folder, _ = filled

    before = opened(folder, NEW, OLD).check()
    opened(folder, NEW, OLD).rotate(list)
    after = opened(folder, NEW, OLD).check()

    assert (before.opened, before.older, before.previous) == (len(CONTENTS), 4, True)
    assert (after.opened, after.older, after.previous) == (len(CONTENTS), 0, True)
    assert not opened(folder, NEW).check().previous


def test_a_rotation_that_was_done_is_not_done_again(filled: tuple[Path, list[str]]) -> None:
    """It may be run as often as one likes."""
    folder, _ = filled
    opened(folder, NEW, OLD).rotate(list)
    before = snapshot(folder / "keys")

    done = opened(folder, NEW, OLD).rotate(list)

    assert (done.rewrapped, done.already) == (0, 4)
    assert snapshot(folder / "keys") == before


@pytest.mark.parametrize("point", range(6))
def test_a_rotation_may_be_killed_anywhere(
    filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """Each key is under one of the two master keys, whole; the next rotation ends it."""
    folder, digests = filled
    left, fsync = iter([True] * point), os.fsync

    def dying(handle: int) -> None:
        if not next(left, False):
            raise KeyboardInterrupt
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dying)
        with pytest.raises(KeyboardInterrupt):
            opened(folder, NEW, OLD).rotate(list)

    between = FileArchive(folder, SealedForm(Vault(folder, NEW, OLD)))
    assert all(between.check(digest) for digest in digests)
    opened(folder, NEW, OLD).rotate(list)
    assert all(archive_of(folder, NEW).check(digest) for digest in digests)


def test_without_its_master_key_an_archive_stays_shut_and_untouched(
    filled: tuple[Path, list[str]],
) -> None:
    """The message names the key that is missing and the one that is there."""
    folder, digests = filled
    before = snapshot(folder)

    with pytest.raises(ConfigError, match=rf"{OLD.id.hex()}.*new\.key.*{NEW.id.hex()}"):
        Vault(folder, NEW)

    assert snapshot(folder) == before
    assert all(archive_of(folder).check(digest) for digest in digests)


def test_names_that_lost_their_key_are_not_given_a_new_one(
    filled: tuple[Path, list[str]],
) -> None:
    """A new one would hide every original for ever."""
    folder, _ = filled
    (folder / "keys" / "names.key").unlink()

    with pytest.raises(ConfigError, match="backup"):
        Vault(folder, OLD)

    assert not (folder / "keys" / "names.key").exists()


def test_a_check_names_the_originals_whose_key_is_gone(filled: tuple[Path, list[str]]) -> None:
    """One file of keys was lost: the others are not touched by that."""
    folder, digests = filled
    found = SealedForm(Vault(folder, OLD)).key_place(
        next(
            path
            for digest, path in archive_of(folder).files(SealedForm(Vault(folder, OLD)))
            if digest == digests[2]
        )
    )
    (folder / "keys" / found.group.hex()[:2] / found.group.hex()).unlink()

    checked = opened(folder).check()

    assert checked.opened == 2
    assert [digest for digest, _ in checked.lost] == [digests[2]]
    assert found.group.hex() in checked.lost[0][1]


def dying_at(point: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die at the `point`-th of the acts that make something last."""
    left = iter([True] * point)

    def dying(act: Callable[..., object]) -> Callable[..., object]:
        def do(*arguments: Any, **options: Any) -> object:
            if not next(left, False):
                raise KeyboardInterrupt
            return act(*arguments, **options)

        return do

    for owner, name in ((os, "fsync"), (os, "pwrite"), (Path, "replace"), (Path, "unlink")):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


@pytest.mark.parametrize("point", range(24))
def test_keeping_may_be_killed_anywhere(
    filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """What was kept before opens still, what can be seen opens, and it may be done again."""
    folder, digests = filled
    archive = archive_of(folder)
    # one that is new, and one that is known: its file and its key are replaced
    blobs = [archive.receive([content]) for content in (b"<new/>", CONTENTS[0])]

    with monkeypatch.context() as patch:
        dying_at(point, patch)
        with suppress(KeyboardInterrupt):
            archive.keep(blobs)

    later = archive_of(folder)
    assert all(later.check(digest) for digest in digests)
    assert all(later.check(digest) for digest in later.kept())
    again = [later.receive([content]) for content in (b"<new/>", CONTENTS[0])]
    later.keep(again)
    assert all(later.check(digest) for digest in (*digests, again[0].sha256))
    opened(folder).rotate(list)
    assert opened(folder).check().spare == 0


def test_keys_are_durable_before_an_original_shows(
    filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could leave an original without its key; a group syncs one file more."""
    folder, _ = filled
    archive = archive_of(folder)
    blobs = [archive.receive([content]) for content in (b"<new/>", b"<newer/>")]
    known = {path.name for path in (folder / "keys").glob("??/*")}
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noting(handle: int) -> None:
        done.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def showing(path: Path, target: Path) -> Path:
        done.append("shown")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(Path, "replace", showing)

    archive.keep(blobs)

    (key,) = [path for path in (folder / "keys").glob("??/*") if path.name not in known]
    before = done[: done.index("shown")]
    places = [*(blob.place for blob in blobs), key, key.parent, folder / "keys"]
    assert sorted(before) == sorted(map(str, places))


@pytest.mark.parametrize("point", range(8))
def test_erasing_may_be_killed_anywhere(
    filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """Done again it is done; the others are whole."""
    folder, digests = filled

    with monkeypatch.context() as patch:
        dying_at(point, patch)
        with suppress(KeyboardInterrupt):
            archive_of(folder).erase(digests[0], lambda: False)

    archive_of(folder).erase(digests[0], lambda: False)
    later = archive_of(folder)
    assert sorted(later.kept()) == sorted(digests[1:])
    assert all(later.check(digest) for digest in digests[1:])
    assert opened(folder).check().spare == 0


def test_erasing_destroys_the_key_and_spares_its_neighbour(
    filled: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Even a copy of the encrypted file opens no more; the one kept beside it does."""
    folder, digests = filled
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(folder / "blobs", copy / "blobs")

    assert archive_of(folder).erase(digests[0], lambda: False)

    shutil.copytree(folder / "keys", copy / "keys")
    assert [archive_of(folder).check(digest) for digest in digests] == [False, True, True]
    with pytest.raises(ArchiveError, match="key destroyed"):
        archive_of(copy).open(digests[0])
    assert archive_of(copy).check(digests[1])


def test_erasing_reaches_the_copy_that_a_broken_off_rotation_left(
    filled: tuple[Path, list[str]],
) -> None:
    """Under the new master key it would open for years."""
    folder, digests = filled
    keys = sorted((folder / "keys").glob("??/*"))
    for path in keys:
        path.with_name(f"{path.name}.part").write_bytes(path.read_bytes())

    for digest in digests:
        archive_of(folder).erase(digest, lambda: False)

    assert not list((folder / "keys").glob("??/*"))


def test_the_file_of_keys_goes_with_the_last_of_them(filled: tuple[Path, list[str]]) -> None:
    """Nothing is left to gather dust."""
    folder, digests = filled
    archive = archive_of(folder)

    for digest in digests:
        archive.erase(digest, lambda: False)

    assert not list((folder / "keys").glob("??/*"))
    assert list(archive.kept()) == []


def test_erasing_again_does_no_harm(filled: tuple[Path, list[str]]) -> None:
    """A crash may come between key and file, and between file and record."""
    folder, digests = filled
    archive = archive_of(folder)

    assert [archive.erase(digests[0], lambda: False) for _ in range(2)] == [True, False]
    assert [archive.check(digest) for digest in digests] == [False, True, True]


def test_what_is_still_needed_is_not_erased(filled: tuple[Path, list[str]]) -> None:
    """Another flow may have the same bytes."""
    folder, digests = filled

    assert not archive_of(folder).erase(digests[0], lambda: True)
    assert archive_of(folder).check(digests[0])


def test_erasing_destroys_a_copy_in_clear_beside_the_encrypted_one(tmp_path: Path) -> None:
    """What came before encryption and came again after it lies there in both forms."""
    clear = FileArchive(tmp_path)
    clear.keep([clear.receive([CONTENTS[0]])])
    archive = archive_of(tmp_path)
    blob = archive.receive([CONTENTS[0]])
    archive.keep([blob])

    assert archive.erase(blob.sha256, lambda: False)

    assert not archive.check(blob.sha256)
    assert list(archive.kept()) == []
    assert not archive.erase(blob.sha256, lambda: False)


def test_content_that_comes_again_leaves_no_old_key_behind(
    filled: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Else erasing would miss the copies of the first file."""
    folder, digests = filled
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(folder / "blobs", copy / "blobs")
    archive = archive_of(folder)

    archive.keep([archive.receive([CONTENTS[0]])])

    assert archive.check(digests[0])
    assert opened(folder).check().spare == 0
    shutil.copytree(folder / "keys", copy / "keys")
    with pytest.raises(ArchiveError):
        archive_of(copy).open(digests[0])


class Late(Vault):
    """Keys that are looked at a moment late: the same content was kept anew before."""

    def read(self, place: KeyPlace) -> bytes:
        """Let another process keep it first, once."""
        for content in self.come_first:
            archive = archive_of(self.folder)
            archive.keep([archive.receive([content])])
        self.come_first = []
        return super().read(place)

    folder: Path
    come_first: list[bytes]


def test_content_that_comes_again_while_it_is_opened_is_read_all_the_same(
    filled: tuple[Path, list[str]],
) -> None:
    """The file was found, its key destroyed, the new file has a new one."""
    folder, digests = filled
    late = Late(folder, OLD)
    late.folder, late.come_first = folder, [CONTENTS[0]]

    with FileArchive(folder, SealedForm(late)).open(digests[0]) as stream:
        assert stream.read() == CONTENTS[0]

    assert late.come_first == []


def test_keys_of_a_crash_are_found_and_destroyed(filled: tuple[Path, list[str]]) -> None:
    """Keys are written before the originals that need them."""
    folder, digests = filled
    archive = archive_of(folder)
    blob = archive.receive([b"<d/>"])
    SealedForm(Vault(folder, OLD)).settle([Path(blob.place)])
    archive.discard(blob)
    assert opened(folder).check().spare == 1

    assert opened(folder).rotate(list).dropped == 1

    assert opened(folder).check().spare == 0
    assert all(archive.check(digest) for digest in digests)


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_no_key_is_destroyed_while_an_original_that_is_needed_is_missing(
    filled: tuple[Path, list[str]], how: str
) -> None:
    """Half of a backup is back: the key that waits for the other half must be there then."""
    folder, digests = filled
    path = next(path for path in (folder / "blobs").glob("??/*"))
    content = path.read_bytes()
    (digest,) = [each for each in digests if path == archive_of(folder)._path(each)]
    path.unlink() if how == "missing" else path.write_bytes(bytes(len(content)))

    done = opened(folder).rotate(lambda: digests)

    assert (done.dropped, done.spared, done.missing) == (0, 1, (digest,))
    path.write_bytes(content)
    assert all(archive_of(folder).check(each) for each in digests)


def test_originals_from_before_encryption_are_read_then_sealed(tmp_path: Path) -> None:
    """An archive in clear can be encrypted later, without a moment of doubt."""
    clear = FileArchive(tmp_path)
    blobs = [clear.receive([content]) for content in CONTENTS]
    clear.keep(blobs)
    archive = archive_of(tmp_path)
    assert all(archive.check(blob.sha256) for blob in blobs)
    assert opened(tmp_path).check().plain == len(CONTENTS)

    assert opened(tmp_path).rotate(list).sealed == len(CONTENTS)

    assert all(archive.check(blob.sha256) for blob in blobs)
    assert list(FileArchive(tmp_path).kept()) == []
    assert opened(tmp_path).check().opened == len(CONTENTS)


class Erasing(FileArchive):
    """An archive in which an erasing is done just before a rotation may begin to read."""

    erased: str

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let another process have the lock first."""
        archive_of(self._folder).erase(self.erased, lambda: False)
        with super().holding():
            yield


def test_what_is_erased_beside_a_rotation_does_not_come_back(tmp_path: Path) -> None:
    """Its file was listed to be encrypted; when its turn comes it is gone, or about to go."""
    clear = FileArchive(tmp_path)
    blobs = [clear.receive([content]) for content in CONTENTS]
    clear.keep(blobs)
    keys = Vault(tmp_path, OLD)
    form = SealedForm(keys)
    archive = Erasing(tmp_path, form)
    archive.erased = blobs[0].sha256

    done = Custody(archive, form, keys).rotate(list)

    assert done.sealed == len(CONTENTS) - 1
    assert [archive_of(tmp_path).check(blob.sha256) for blob in blobs] == [False, True, True]


def test_a_master_key_shows_nowhere() -> None:
    """Not even where a value is printed by mistake."""
    assert OLD.key.hex() not in repr(OLD)
    assert str(OLD.key) not in repr(OLD)
