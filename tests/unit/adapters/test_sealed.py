"""Encrypted originals: nothing of them shows, and nothing done to them passes unseen."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.forms import SealedForm
from pipeline.adapters.sealed import CHUNK
from pipeline.adapters.vault import MasterKey, Vault
from pipeline.model.errors import ArchiveError
from pipeline.ports.outside import Blob

MASTER = MasterKey(bytes(range(32)), "a master key")
SECRET = b"<Invoice>Jeanne Dupont</Invoice>"
#: Sizes around the edges of chunks.
SIZES = [0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 17]
HEADER, SEALED = 64, CHUNK + 16


@pytest.fixture
def archive(tmp_path: Path) -> FileArchive:
    """An encrypted archive with nothing in it."""
    return open_archive(tmp_path)


def open_archive(folder: Path) -> FileArchive:
    """Open the encrypted archive of a folder."""
    return FileArchive(folder, SealedForm(Vault(folder, MASTER)))


def keep(archive: FileArchive, content: bytes) -> Blob:
    """Keep some bytes."""
    blob = archive.receive([content])
    archive.keep([blob])
    return blob


def file_of(archive: FileArchive, folder: Path, blob: Blob) -> Path:
    """Return the file that holds a blob."""
    form = SealedForm(Vault(folder, MASTER))
    return next(path for digest, path in archive.files(form) if digest == blob.sha256)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_read_back_whole(archive: FileArchive, size: int) -> None:
    """However it falls onto chunks."""
    content = Random(size).randbytes(size)

    blob = keep(archive, content)

    with archive.open(blob.sha256) as stream:
        assert stream.read() == content
    assert archive.check(blob.sha256)


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 2 * CHUNK + 99), st.integers(0, CHUNK + 9)), max_size=9
    )
)
def test_it_is_read_from_anywhere(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, int]]
) -> None:
    """Readers of zip files begin at the end, and jump."""
    archive = open_archive(tmp_path_factory.getbasetemp() / "anywhere")
    content = Random(1).randbytes(2 * CHUNK + 17)
    blob = keep(archive, content)

    with archive.open(blob.sha256) as stream:
        assert stream.seek(0, os.SEEK_END) == len(content)
        for start, count in moves:
            assert stream.seek(start) == start
            assert stream.read(count) == content[start : start + count]


def test_nothing_on_the_disk_shows_what_is_kept(archive: FileArchive, tmp_path: Path) -> None:
    """Neither content nor hash: who sees the files cannot even tell whether one is known."""
    blob = keep(archive, SECRET)

    for path in tmp_path.rglob("*"):
        assert blob.sha256 not in path.name
        if path.is_file():
            assert SECRET not in path.read_bytes()
            assert bytes.fromhex(blob.sha256) not in path.read_bytes()


def test_the_same_content_is_never_sealed_alike(tmp_path: Path) -> None:
    """No two files share a key, so nothing is told by comparing them."""
    files = []
    for name in ("one", "other"):
        archive = open_archive(tmp_path / name)
        files.append(file_of(archive, tmp_path / name, keep(archive, SECRET)).read_bytes())

    assert files[0][HEADER:] != files[1][HEADER:]


def cut_last_chunk(data: bytes) -> bytes:
    """End where a chunk ends."""
    return data[: HEADER + 2 * SEALED]


def cut_to_header(data: bytes) -> bytes:
    """Leave no chunk at all."""
    return data[:HEADER]


def swap_chunks(data: bytes) -> bytes:
    """Let the first two chunks change places."""
    first, second = data[HEADER : HEADER + SEALED], data[HEADER + SEALED : HEADER + 2 * SEALED]
    return data[:HEADER] + second + first + data[HEADER + 2 * SEALED :]


def repeat_chunk(data: bytes) -> bytes:
    """Let the first chunk come twice."""
    return data[: HEADER + SEALED] + data[HEADER:]


def drop_chunk(data: bytes) -> bytes:
    """Leave the first chunk out."""
    return data[:HEADER] + data[HEADER + SEALED :]


def append(data: bytes) -> bytes:
    """Let something follow the end."""
    return data + b"\0"


def flip(at: int) -> Callable[[bytes], bytes]:
    """Change one bit."""

    def damage(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        cut_last_chunk,
        cut_to_header,
        swap_chunks,
        repeat_chunk,
        drop_chunk,
        append,
        *(pytest.param(flip(at), id=f"flip-{at}") for at in (0, 8, 24, 64, SEALED, -1, -17)),
    ],
)
def test_a_file_that_was_tampered_with_is_never_believed(
    archive: FileArchive, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Cut, moved, repeated or changed: it is an error before the end is reached."""
    blob = keep(archive, Random(2).randbytes(2 * CHUNK + 17))
    path = file_of(archive, tmp_path, blob)
    path.write_bytes(damage(path.read_bytes()))

    assert not archive.check(blob.sha256)
    with pytest.raises(ArchiveError), archive.open(blob.sha256) as stream:
        stream.read()


def test_one_original_never_passes_for_another(archive: FileArchive, tmp_path: Path) -> None:
    """A file put in another's place opens by its own key, and is refused all the same."""
    one, other = keep(archive, b"<a/>"), keep(archive, b"<b/>")
    file_of(archive, tmp_path, one).write_bytes(file_of(archive, tmp_path, other).read_bytes())

    with pytest.raises(ArchiveError, match="damaged or changed"):
        archive.open(one.sha256)


def test_a_link_in_place_of_an_original_is_not_followed(
    archive: FileArchive, tmp_path: Path
) -> None:
    """It may lead anywhere."""
    blob = keep(archive, b"<a/>")
    path = file_of(archive, tmp_path, blob)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArchiveError, match="symbolic link"):
        archive.open(blob.sha256)


def test_memory_does_not_grow_with_what_is_kept(archive: FileArchive) -> None:
    """A flow may hold a gigabyte, and several are received side by side."""
    piece = bytes(1 << 18)
    tracemalloc.start()
    try:
        blob = archive.receive(piece for _ in range(128))
        archive.keep([blob])
        with archive.open(blob.sha256) as stream:
            while stream.read(1 << 18):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert blob.size == 128 * len(piece)
    assert peak < 4_000_000
