"""Files that a verb makes for whoever asks: whole or not at all, and never over another."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.entry.cli.output import whole_file


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes: as on a full disk, a write fails half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    """Half a page would be taken for the invoice."""
    made = tmp_path / "facture.html"

    with (
        files_of_at_most(100),
        pytest.raises(OSError, match="too large"),
        whole_file(made) as file,
    ):
        file.write(b"x" * 1000)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link that leads nowhere"])
def test_what_stands_under_that_name_stays(tmp_path: Path, kind: str) -> None:
    """Nothing is written over, nor through a link."""
    there = tmp_path / "there"
    if kind == "file":
        there.write_bytes(b"mine")
    elif kind == "folder":
        there.mkdir()
    else:
        there.symlink_to(tmp_path / "nowhere")

    with pytest.raises(FileExistsError, match="there"), whole_file(there) as file:
        file.write(b"x")

    assert list(tmp_path.iterdir()) == [there]


def test_what_another_began_is_no_obstacle_and_is_left_alone(tmp_path: Path) -> None:
    """One that was killed leaves its part behind; one that runs still needs it."""
    part = tmp_path / ".facture.html.part"
    part.write_bytes(b"half")

    with whole_file(tmp_path / "facture.html") as file:
        file.write(b"whole")

    assert part.read_bytes() == b"half"
    assert (tmp_path / "facture.html").read_bytes() == b"whole"


def test_a_folder_that_is_not_there_is_named_as_it_was_typed(tmp_path: Path) -> None:
    """Not by a name that nobody typed."""
    with pytest.raises(FileNotFoundError) as raised, whole_file(tmp_path / "no" / "x.pdf") as file:
        file.write(b"x")

    assert raised.value.filename == str(tmp_path / "no" / "x.pdf")
