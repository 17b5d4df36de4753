"""What OpenSSH writes down of transfers, over rotations and half a line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.transfer_log import TransferLogs
from pipeline.model.errors import ConfigError
from pipeline.model.pickup import LogPlace, Taken
from pipeline.ports.pickups import Read

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
AT = "2026-03-31T11:00:00.000001+00:00 depot internal-sftp"
OPENED = f"{AT}[42]: session opened for local user ville from [192.0.2.7]\n"
TAKEN = (
    f'{AT}[42]: open "/out/F-1.xml" flags READ mode 0666\n'
    f'{AT}[42]: close "/out/F-1.xml" bytes read 512 written 0\n'
)


def names(read: Read) -> list[str]:
    return [one.name for one in read.taken]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a log with one session that took one file."""
    (tmp_path / "sftp.log").write_text(OPENED + TAKEN, encoding="utf-8")
    return tmp_path / "sftp.log"


def read(path: Path, place: LogPlace | None = None) -> Read:
    return TransferLogs(path.parent).read(path.name, place, NOON)


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_file_that_was_read_is_told_with_who_when_and_how_much(path: Path) -> None:
    """The account is that of the session's first line."""
    moment = datetime(2026, 3, 31, 11, 0, 0, 1, tzinfo=UTC)

    assert read(path).taken == (
        Taken(user="ville", folder="/out", name="F-1.xml", bytes=512, at=moment),
    )


def test_only_what_is_new_is_read_and_half_a_line_waits(path: Path) -> None:
    """The place and the open sessions are all that has to be remembered."""
    first = read(path)
    line = f'{AT}[42]: close "/out/F-2.xml" bytes read 7 written 0'
    add(path, line)
    half = read(path, first.place)
    add(path, "\n")
    whole = read(path, half.place)

    assert (names(first), names(half), names(whole)) == (["F-1.xml"], [], ["F-2.xml"])
    assert read(path, whole.place) == Read((), whole.place)


@pytest.mark.parametrize("how", ["renamed", "copied and emptied"])
def test_a_log_that_was_rotated_is_read_to_its_end_first(path: Path, how: str) -> None:
    """What was written just before the rotation is not lost, nor read twice after it."""
    first = read(path)
    add(path, f'{AT}[42]: close "/out/F-2.xml" bytes read 7 written 0\n')
    old = path.with_name("sftp.log.1")
    if how == "renamed":
        path.rename(old)
    else:
        old.write_bytes(path.read_bytes())
    path.write_text(f'{AT}[42]: close "/out/F-3.xml" bytes read 7 written 0\n', encoding="utf-8")

    after = read(path, first.place)

    assert names(after) == ["F-2.xml", "F-3.xml"]
    assert names(read(path, after.place)) == []


def test_times_of_either_kind_are_read(path: Path) -> None:
    """A year is not told by all: it is the one that ends now."""
    path.write_text(
        "<38>Dec 31 23:59:59 depot internal-sftp[7]: session opened for local user v from [::1]\n"
        '<38>Dec 31 23:59:59 internal-sftp[7]: close "out/a.xml" bytes read 1 written 0\n',
        encoding="utf-8",
    )

    (taken,) = read(path).taken

    assert taken.at is not None
    assert (taken.at.year, taken.at.month, taken.at.tzinfo is not None) == (2025, 12, True)


def test_a_name_cannot_speak_for_another_file(path: Path) -> None:
    """What a partner calls a file stands between quotes, up to the last one."""
    hostile = 'x" bytes read 512 written 0 "/out/F-9.xml'
    add(path, f'{AT}[42]: close "/out/{hostile}" bytes read 3 written 0\n')
    add(path, f'{AT}[99]: close "/out/F-8.xml" bytes read 512 written 0\n')

    told = read(path).taken

    assert [(one.name, one.bytes) for one in told] == [("F-1.xml", 512), ("F-9.xml", 3)]


def test_a_log_that_is_not_there_is_told_with_its_key(tmp_path: Path) -> None:
    """Whoever wrote the sheet can put it right."""
    with pytest.raises(ConfigError, match=r"pickup\.log"):
        read(tmp_path / "nowhere.log")
