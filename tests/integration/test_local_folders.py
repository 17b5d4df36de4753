"""A folder that a partner may write to is a stranger's server: no link in it leads anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.adapters.local import LocalDoors
from pipeline.model.connection import Connection, Door, Protocol, Role
from pipeline.model.errors import ConnectError, FileChanged, TransferError
from pipeline.model.interchange import RemoteFile


def sheet(path: str, **folders: str) -> Connection:
    door = Door(protocol=Protocol.LOCAL, path=path)
    return Connection(name="acme", partner="Acme", role=Role.SENDER, door=door, **folders)  # type: ignore[arg-type]  # folders are texts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The door's folder in a workspace, with a file outside that nobody may reach through it."""
    for folder in ("in", "archive", "out"):
        (tmp_path / "drop" / folder).mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.xml").write_bytes(b"ours")
    return tmp_path / "drop"


def listed(path: Path) -> RemoteFile:
    return RemoteFile(path.name, path.stat().st_size, int(path.stat().st_mtime))


def test_a_path_is_relative_to_the_workspace(home: Path) -> None:
    """A workspace can be moved with its drop boxes; an absolute path is taken as it is."""
    (home / "in" / "a.xml").write_bytes(b"1")

    for doors, path in ((LocalDoors(home.parent), "drop"), (LocalDoors(Path("/x")), str(home))):
        with doors.open(sheet(path)) as session:
            assert [file.name for file in session.list_files("in")] == ["a.xml"]


@pytest.mark.parametrize("path", ["nowhere", "secret/a.xml"])
def test_a_door_that_is_no_folder_cannot_be_opened(home: Path, path: str) -> None:
    """An unmounted disk is not an empty inbox."""
    with (
        pytest.raises(ConnectError, match=f"{home.parent}/{path}: "),
        LocalDoors(home.parent).open(sheet(path)),
    ):
        pass


@pytest.mark.parametrize("folder", ["link", "in/../../secret", "..", "../secret", "deep/link"])
def test_no_folder_leads_out_of_the_door(home: Path, folder: str) -> None:
    """Neither dots nor a link that the partner made."""
    (home / "deep").mkdir()
    (home / "link").symlink_to("../secret")
    (home / "deep" / "link").symlink_to(home.parent / "secret")
    (home / "in" / "a.xml").write_bytes(b"1")
    outside, mine = home.parent / "secret", listed(home / "in" / "a.xml")

    with LocalDoors(home.parent).open(sheet("drop")) as session:
        with pytest.raises(TransferError):
            session.list_files(folder)
        with pytest.raises(TransferError):
            list(session.fetch(folder, listed(outside / "a.xml"), 100))
        with pytest.raises(TransferError):
            session.put(folder, "b.xml", b"x")
        with pytest.raises(TransferError):
            session.set_aside("in", mine, folder, "b.xml")
        with pytest.raises(TransferError):
            session.set_aside(folder, listed(outside / "a.xml"), "archive", "b.xml")

    assert [path.name for path in outside.iterdir()] == ["a.xml"]
    assert [path.name for path in (home / "in").iterdir()] == ["a.xml"]


def test_an_absolute_folder_begins_at_the_door(home: Path) -> None:
    """As on a server that shows each account its own root."""
    (home / "in" / "a.xml").write_bytes(b"1")

    with LocalDoors(home.parent).open(sheet("drop")) as session:
        assert [file.name for file in session.list_files("/in/")] == ["a.xml"]


def test_a_link_or_a_pipe_that_took_a_files_place_is_not_read(home: Path) -> None:
    """Whatever was listed, what is opened is looked at again; a pipe is not waited for."""
    path = home / "in" / "a.xml"
    path.write_bytes(b"ours")
    file = listed(path)

    with LocalDoors(home.parent).open(sheet("drop")) as session:
        path.unlink()
        path.symlink_to(home.parent / "secret" / "a.xml")
        with pytest.raises(TransferError):
            list(session.fetch("in", file, 100))
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(FileChanged):
            list(session.fetch("in", file, 100))
        moved = session.set_aside("in", file, "archive", "a.xml")

    assert not moved


def test_a_link_under_the_temporary_name_is_replaced_not_followed(home: Path) -> None:
    """Else a partner could have us overwrite a file of our own."""
    for kind in (Path.symlink_to, Path.hardlink_to):
        kind(home / "out" / f".{kind.__name__}.part", home.parent / "secret" / "a.xml")

    with LocalDoors(home.parent).open(sheet("drop")) as session:
        sent = [session.put("out", kind, b"answer") for kind in ("symlink_to", "hardlink_to")]

    assert sent == [True, True]
    assert (home.parent / "secret" / "a.xml").read_bytes() == b"ours"
    assert {path.name: path.read_bytes() for path in (home / "out").iterdir()} == {
        "symlink_to": b"answer",
        "hardlink_to": b"answer",
    }


def test_no_descriptor_stays_open(home: Path) -> None:
    """A hub runs for months."""
    (home / "in" / "a.xml").write_bytes(b"1")
    file = listed(home / "in" / "a.xml")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counted, not walked

    for _ in range(3):
        with LocalDoors(home.parent).open(sheet("drop")) as session:
            list(session.fetch("in", file, 100))
            session.put("out", "a.xml", b"1")
            with pytest.raises(TransferError):
                session.list_files("in/nowhere")

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # counted, not walked
