"""Original bytes: whole under their hash or not there at all; scratch space stays inside."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.archive import FileArchive, FolderSpool
from pipeline.adapters.forms import SealedForm
from pipeline.adapters.vault import MasterKey, Vault
from pipeline.model.errors import ArchiveError, FileChanged
from pipeline.ports.outside import Blob, Scrap

BIG = os.urandom(20_000)
#: Folders of an archive that hold bytes of blobs.
BLOBS = {"blobs", "incoming"}


@dataclass(frozen=True, slots=True)
class Store:
    """An archive of one form, to be opened as often as a test likes.

    Attributes:
        folder: Where it lies.
        master: What its keys are wrapped by; None where it is not encrypted.
    """

    folder: Path
    master: MasterKey | None

    def open(self) -> FileArchive:
        """Open it, as another process would."""
        sealed = SealedForm(Vault(self.folder, self.master)) if self.master else None
        return FileArchive(self.folder, sealed)

    def name(self, digest: str) -> str:
        """Return the file of a blob, from the folder on."""
        name = Vault(self.folder, self.master).names.name(digest) if self.master else digest
        return f"blobs/{name[:2]}/{name}"

    def files(self) -> list[str]:
        """Return every file of blobs, kept or not."""
        found = [path for path in files_in(self.folder) if path.split("/")[0] in BLOBS]
        return [path for path in found if not path.endswith(".lock")]


@pytest.fixture(params=["plain", "sealed"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    """An archive with nothing in it, once in each form."""
    master = MasterKey(bytes(range(32)), "a master key") if request.param == "sealed" else None
    return Store(tmp_path / "archive", master)


@pytest.fixture
def folder(store: Store) -> Path:
    """Where the archive under test lies."""
    return store.folder


@pytest.fixture
def archive(store: Store) -> FileArchive:
    """The archive under test."""
    return store.open()


@pytest.fixture
def spool(tmp_path: Path) -> FolderSpool:
    """Scratch space with nothing in it."""
    return FolderSpool(tmp_path / "spool")


def files_in(folder: Path) -> list[str]:
    """Return every file below a folder, by its relative path."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: a write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def breaking_off(error: Exception) -> Iterator[bytes]:
    """Yield some bytes, then fail, as a transfer does."""
    yield BIG
    raise error


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([], id="empty"),
        pytest.param([b"<a/>"], id="small"),
        pytest.param([b"<", b"a", b"/>"], id="in-bits"),
        pytest.param([BIG], id="one-chunk"),
        pytest.param([BIG[:4095], BIG[4095:4097], BIG[4097:]], id="cut-around-the-ends"),
        pytest.param([b"", BIG, b""], id="empty-chunks"),
    ],
)
def test_what_is_received_is_known_by_hash_size_and_ends(
    archive: FileArchive, chunks: list[bytes]
) -> None:
    """However the bytes arrive."""
    whole = b"".join(chunks)

    blob = archive.receive(chunks)

    assert blob == Blob(
        sha256=sha256(whole).hexdigest(),
        size=len(whole),
        head=whole[:4096],
        tail=whole[-4096:],
        place=blob.place,
    )
    with archive.open_received(blob) as stream:
        assert stream.read() == whole


def test_what_is_kept_is_there_for_whoever_comes_later(archive: FileArchive, store: Store) -> None:
    """Another process opens it by its hash, and nothing else is left of it."""
    blobs = [archive.receive([payload]) for payload in (b"<a/>", BIG, b"")]

    archive.keep(blobs)

    assert store.files() == sorted(store.name(blob.sha256) for blob in blobs)
    for blob, payload in zip(blobs, (b"<a/>", BIG, b""), strict=True):
        with store.open().open(blob.sha256) as stream:
            assert stream.read() == payload


def test_nothing_is_readable_by_others(archive: FileArchive, folder: Path) -> None:
    """Invoices name people."""
    archive.keep([archive.receive([b"<a/>"])])

    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_the_same_content_is_kept_once_however_often_it_comes(
    archive: FileArchive, store: Store
) -> None:
    """In one group, in the next, and after a crash between blob and row."""
    archive.keep([archive.receive([b"<a/>"]), archive.receive([b"<a", b"/>"])])
    archive.keep([archive.receive([b"<a/>"])])

    digest = sha256(b"<a/>").hexdigest()
    assert store.files() == [store.name(digest)]
    assert archive.check(digest)


def test_keeping_the_same_content_again_heals_it(archive: FileArchive, store: Store) -> None:
    """A name that stands for other bytes is worth nothing."""
    digest = archive.receive([b"<a/>"]).sha256
    damaged = store.folder / store.name(digest)
    damaged.write_bytes(b"<b/>")

    archive.keep([archive.receive([b"<a/>"])])

    assert archive.check(digest)


@pytest.mark.parametrize("limit", [0, 5_000, 19_999])
def test_a_full_disk_leaves_nothing_behind(archive: FileArchive, store: Store, limit: int) -> None:
    """What is half-written would only keep the disk full."""
    with disk_full_after(limit), pytest.raises(ArchiveError):
        archive.receive([BIG[:7_000], BIG[7_000:]])

    assert store.files() == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        pytest.param(FileChanged("acme", "in/a.xml", "grew"), FileChanged, id="changed"),
        pytest.param(ZeroDivisionError(), ZeroDivisionError, id="our-bug"),
        pytest.param(OSError(errno.ENOSPC, "No space left"), ArchiveError, id="disk-full"),
    ],
)
def test_a_transfer_that_breaks_off_leaves_nothing_behind(
    archive: FileArchive, store: Store, error: Exception, raised: type[Exception]
) -> None:
    """Whose fault it was is told as it was."""
    with pytest.raises(raised):
        archive.receive(breaking_off(error))

    assert store.files() == []


def test_an_archive_that_is_gone_cannot_receive(archive: FileArchive, folder: Path) -> None:
    """Its disk may not be mounted."""
    shutil.rmtree(folder)

    with pytest.raises(ArchiveError, match="No such file"):
        archive.receive([b"<a/>"])


def test_a_group_that_cannot_be_kept_whole_is_not_left_half_written(
    archive: FileArchive, store: Store
) -> None:
    """No row will name it, so it is pulled again; what was renamed already does no harm."""
    blobs = [archive.receive([payload]) for payload in (b"<a/>", b"<b/>", b"<c/>")]
    in_the_way = (store.folder / store.name(blobs[1].sha256)).parent
    in_the_way.rmdir()
    in_the_way.write_bytes(b"a file in the way")

    with pytest.raises(ArchiveError):
        archive.keep(blobs)

    assert [path for path in store.files() if path.startswith("incoming/")] == []
    assert not archive.check(blobs[1].sha256)
    assert not archive.check(blobs[2].sha256)


def test_a_blob_that_vanished_is_not_said_to_be_kept(archive: FileArchive) -> None:
    """A person may have made room while it was being received."""
    blob = archive.receive([b"<a/>"])
    Path(blob.place).unlink()

    with pytest.raises(ArchiveError, match="No such file"):
        archive.keep([blob])


def test_what_is_discarded_is_gone(archive: FileArchive, store: Store) -> None:
    """A file that was not whole yet comes again later; discarding twice does no harm."""
    kept, dropped = archive.receive([b"<a/>"]), archive.receive([b"<b/>"])

    archive.discard(dropped)
    archive.discard(dropped)
    archive.keep([kept])

    assert not archive.check(dropped.sha256)
    assert store.files() == [store.name(kept.sha256)]


def test_when_a_blob_was_kept_is_known_as_long_as_it_is_there(archive: FileArchive) -> None:
    """One that was kept a moment ago may belong to a file that is pulled."""
    before = datetime.now(UTC) - timedelta(seconds=1)  # file systems round
    blob = archive.receive([b"nobody's"])
    archive.keep([blob])

    assert before <= archive.kept_at(blob.sha256) <= datetime.now(UTC)
    assert archive.erase(blob.sha256, lambda: False)
    with pytest.raises(ArchiveError):
        archive.kept_at(blob.sha256)


def test_every_kept_blob_is_listed_and_nothing_else(archive: FileArchive, folder: Path) -> None:
    """`edi verify` asks whose they are; what cannot be opened by its hash is no blob."""
    blobs = [archive.receive([payload]) for payload in (b"<a/>", b"<b/>", b"<c/>")]
    archive.keep(blobs[:2])
    for stray in ("README", "ab/README", f"ab/{'c' * 64}"):
        (folder / "blobs" / stray).write_bytes(b"no blob")

    assert sorted(archive.kept()) == sorted(blob.sha256 for blob in blobs[:2])


def test_two_processes_never_take_the_same_place(store: Store) -> None:
    """In containers every process has the same number."""
    one, other = store.open(), store.open()

    first, second = one.receive([b"<a/>"]), other.receive([b"<b/>"])

    assert first.place != second.place
    with one.open_received(second) as theirs, other.open_received(first) as ours:
        assert (ours.read(), theirs.read()) == (b"<a/>", b"<b/>")


def damage_edit(path: Path) -> None:
    """Change a byte."""
    path.write_bytes(b"<b/>")


def damage_cut(path: Path) -> None:
    """Lose the end."""
    path.write_bytes(b"<a/")


def damage_disk(path: Path) -> None:
    """Make every read fail, as a bad sector does."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize("damage", [damage_edit, damage_cut, damage_disk, Path.unlink])
def test_a_blob_that_is_not_what_it_was_is_found(
    archive: FileArchive, store: Store, damage: object
) -> None:
    """`edi verify` must end, and name it, whatever became of it."""
    blob = archive.receive([b"<a/>"])
    archive.keep([blob])
    assert archive.check(blob.sha256)

    assert callable(damage)
    damage(store.folder / store.name(blob.sha256))

    assert not archive.check(blob.sha256)


@pytest.mark.parametrize(
    "digest",
    ["", "ab", "../../secret", "/etc/hostname", "A" * 64, "g" * 64, "../" * 21 + "x", "a" * 64],
)
def test_only_a_hash_opens_anything(archive: FileArchive, folder: Path, digest: str) -> None:
    """The archive is no way to other files, whatever stands in the ledger."""
    (folder.parent / "secret").write_bytes(b"secret")

    with pytest.raises(ArchiveError):
        archive.open(digest)

    assert not archive.check(digest)


def test_nothing_is_kept_under_what_is_no_hash(archive: FileArchive, folder: Path) -> None:
    """A blob is told by its content, never by a name."""
    blob = replace(archive.receive([b"<a/>"]), sha256="../../x")

    with pytest.raises(ArchiveError, match="not a SHA-256"):
        archive.keep([blob])

    assert not (folder.parent / "x").exists()


@given(st.lists(st.binary(max_size=6000), max_size=4))
def test_what_was_spooled_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """Workers open it by its path, others by its name."""
    spool, whole = FolderSpool(tmp_path_factory.getbasetemp() / "spooled"), b"".join(chunks)

    scrap = spool.write("F1/000001.xml", chunks)

    assert scrap == Scrap(scrap.path, len(whole), sha256(whole).hexdigest(), whole[:4096])
    assert spool.read("F1/000001.xml") == Path(scrap.path).read_bytes() == whole


def test_what_was_not_spooled_is_not_there(spool: FolderSpool) -> None:
    """It may be emptied at any time: whoever reads must be ready to make it anew."""
    assert spool.read("F1/000001.xml") is None


def test_writing_again_replaces_what_was_there(spool: FolderSpool) -> None:
    """A second round of work finds no trace of the first."""
    spool.write("F1/000001.xml", [b"<long/>"])
    spool.write("F1/000001.xml", [b"<a/>"])

    assert spool.read("F1/000001.xml") == b"<a/>"


@pytest.mark.parametrize(
    ("folder", "left"),
    [
        pytest.param("F1", ["F2/000001.xml"], id="one-flow"),
        pytest.param("", [], id="everything"),
        pytest.param("F3", ["F1/000001.xml", "F2/000001.xml"], id="never-there"),
    ],
)
def test_clearing_takes_one_flow_away(
    spool: FolderSpool, tmp_path: Path, folder: str, left: list[str]
) -> None:
    """The others are still being judged; absence is success."""
    for flow in ("F1", "F2"):
        spool.write(f"{flow}/000001.xml", [b"<a/>"])

    spool.clear(folder)

    assert files_in(tmp_path / "spool") == left
    spool.write("F9/000001.xml", [b"<a/>"])


def test_a_document_that_does_not_fit_leaves_nothing_behind(
    spool: FolderSpool, tmp_path: Path
) -> None:
    """Half a document must not be taken for a whole one."""
    with disk_full_after(5_000), pytest.raises(ArchiveError):
        spool.write("F1/000001.xml", [BIG])

    assert files_in(tmp_path / "spool") == []


@pytest.mark.parametrize("name", ["../x.xml", "F1/../../x.xml", "/tmp/x.xml", ".."])
def test_no_name_leads_out_of_the_spool(spool: FolderSpool, tmp_path: Path, name: str) -> None:
    """Names here are ours; one that is not would be our bug, and a costly one to clear."""
    (tmp_path / "x.xml").write_bytes(b"not ours")

    for act in (spool.read, spool.clear, lambda name: spool.write(name, [b"<a/>"])):
        with pytest.raises(ValueError, match="leads out"):
            act(name)

    assert (tmp_path / "x.xml").read_bytes() == b"not ours"
