"""Keys: rotated without a moment of doubt, missed without harm, destroyed for good."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.custody import Custody
from pipeline.adapters.forms import SealedForm
from pipeline.adapters.vault import MasterKey, Vault, make_master_key
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

    done = opened(folder, NEW, OLD).rotate()

    assert (done.rewrapped, done.already) == (4, 0)  # the key of names among them
    assert all(archive_of(folder, NEW).check(digest) for digest in digests)
    assert snapshot(folder / "blobs") == blobs
    with pytest.raises(ConfigError, match=OLD.id.hex()):
        Vault(folder, OLD)


def test_a_rotation_that_was_done_is_not_done_again(filled: tuple[Path, list[str]]) -> None:
    """It may be run as often as one likes."""
    folder, _ = filled
    opened(folder, NEW, OLD).rotate()
    before = snapshot(folder / "keys")

    done = opened(folder, NEW, OLD).rotate()

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
            opened(folder, NEW, OLD).rotate()

    between = FileArchive(folder, SealedForm(Vault(folder, NEW, OLD)))
    assert all(between.check(digest) for digest in digests)
    opened(folder, NEW, OLD).rotate()
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


def test_keys_of_a_crash_are_found_and_destroyed(filled: tuple[Path, list[str]]) -> None:
    """Keys are written before the originals that need them."""
    folder, digests = filled
    archive = archive_of(folder)
    blob = archive.receive([b"<d/>"])
    SealedForm(Vault(folder, OLD)).settle([Path(blob.place)])
    archive.sweep()
    assert opened(folder).check().spare == 1

    assert opened(folder).rotate().dropped == 1

    assert opened(folder).check().spare == 0
    assert all(archive.check(digest) for digest in digests)


def test_originals_from_before_encryption_are_read_then_sealed(tmp_path: Path) -> None:
    """An archive in clear can be encrypted later, without a moment of doubt."""
    clear = FileArchive(tmp_path)
    blobs = [clear.receive([content]) for content in CONTENTS]
    clear.keep(blobs)
    archive = archive_of(tmp_path)
    assert all(archive.check(blob.sha256) for blob in blobs)
    assert opened(tmp_path).check().plain == len(CONTENTS)

    assert opened(tmp_path).rotate().sealed == len(CONTENTS)

    assert all(archive.check(blob.sha256) for blob in blobs)
    assert list(FileArchive(tmp_path).kept()) == []
    assert opened(tmp_path).check().opened == len(CONTENTS)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 62, "a" * 66, "é" * 64])
def test_a_master_key_is_sixty_four_digits_and_its_text_is_never_told(text: str) -> None:
    """Messages end up in logs."""
    with pytest.raises(ConfigError) as caught:
        MasterKey.read(text, "x.key")

    assert str(caught.value).startswith("x.key: 64 chiffres")
    assert text not in str(caught.value) or text == ""
    assert caught.value.__cause__ is None


def test_a_master_key_shows_nowhere() -> None:
    """Not even where a value is printed by mistake."""
    assert OLD.key.hex() not in repr(OLD)
    assert str(OLD.key) not in repr(OLD)


def test_a_master_key_file_is_ours_alone_and_never_replaced(tmp_path: Path) -> None:
    """It is made once."""
    path = tmp_path / "master" / "archive.key"

    assert [make_master_key(path), make_master_key(path)] == [True, False]

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert MasterKey.read(path.read_text(), "x").key
