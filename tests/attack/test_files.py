"""What lies on disk is its owner's, and no link leads the hub's hand elsewhere (S25).

Links and pipes in partners' local folders: tests/integration/test_local_folders.py; keys and
passwords that others may read: tests/attack/test_secrets.py.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.archive import FileArchive, FolderSpool
from pipeline.model.errors import ArchiveError


def open_to_others(root: Path) -> list[str]:
    """Return what another user could read or reach into, below a folder."""
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]


def test_a_workspace_is_its_owners_alone(edi: Any, tmp_path: Path) -> None:
    """Also where the folder was made by somebody who was not so careful."""
    home = tmp_path / "var"
    home.mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        assert edi("init").code == 0
    finally:
        os.umask(before)

    for folder in ("keys", "archive", "spool", "logs"):
        assert stat.S_IMODE((home / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "ledger.sqlite").stat().st_mode) == 0o600


def test_a_day_of_work_leaves_nothing_open_to_others(day: Any) -> None:
    """Originals, documents and logs hold what is in invoices."""
    for folder in ("archive", "spool", "logs"):
        shut = stat.S_IMODE((day.home / folder).stat().st_mode) & 0o077 == 0
        assert shut or open_to_others(day.home / folder) == []
    ledgers = list(day.home.glob("ledger.sqlite*"))
    assert ledgers
    assert [path.name for path in ledgers if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("name", ["../out/1.xml", "/etc/edi", "a/../../out", "..", ""])
def test_no_name_leads_out_of_scratch_space(tmp_path: Path, name: str) -> None:
    """Names of documents are ours; were one not, it would still stay inside."""
    spool = FolderSpool(tmp_path / "spool")

    with pytest.raises((ValueError, ArchiveError, OSError)):
        spool.write(name, [b"x"])

    assert not (tmp_path / "out").exists()


def test_a_link_in_the_place_of_a_blob_is_not_written_through(tmp_path: Path) -> None:
    """What a link leads to keeps its bytes, whatever is kept under the link's name."""
    archive = FileArchive(tmp_path / "archive")
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    blob = archive.receive([b"content"])
    place = tmp_path / "archive" / "blobs" / blob.sha256[:2] / blob.sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(victim)

    archive.keep([blob])

    assert victim.read_bytes() == b"untouched"
    assert archive.check(blob.sha256)
    assert not place.is_symlink()
