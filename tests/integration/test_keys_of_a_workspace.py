"""The keys of a workspace: made once, rotated by command, never replaced by mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.entry.cli import command_line
from pipeline.model.errors import ConfigError
from pipeline.model.settings import Encryption

CONTENT = b"<Invoice/>"
MASTER = 'master_key = { file = "master/archive.key" }'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bootstrap.Workspace:
    """A fresh workspace, the one that commands act on."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    monkeypatch.delenv("EDI_DATABASE", raising=False)
    found = bootstrap.workspace()
    bootstrap.initialise(found)
    return found


def keep(place: bootstrap.Workspace, content: bytes = CONTENT) -> str:
    """Keep some bytes in the archive; return their SHA-256."""
    archive = bootstrap.archive(place)
    blob = archive.receive([content])
    archive.keep([blob])
    return blob.sha256


def keys(*arguments: str) -> dict[str, object]:
    """Run ``edi keys … --json`` in this process."""
    ran = CliRunner().invoke(
        command_line(()), ["keys", *arguments, "--json"], catch_exceptions=False
    )
    found: dict[str, object] = json.loads(ran.output)
    return {**found, "code": ran.exit_code}


def change(place: bootstrap.Workspace, old: str, new: str) -> None:
    """Edit the settings."""
    path = place.config / "pipeline.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_master_key_is_made_once_for_its_owner_alone(place: bootstrap.Workspace) -> None:
    """Beside the keys of partners, not among them: those are backed up."""
    key = place.home / "master" / "archive.key"
    before = key.read_bytes()

    bootstrap.initialise(place)

    assert key.read_bytes() == before
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_a_rotation_as_the_runbook_says(place: bootstrap.Workspace) -> None:
    """A new key, both in force, rotate, the old one gone."""
    digest = keep(place)
    made = CliRunner().invoke(command_line(()), ["keys", "new", "master/archive-2.key"])
    assert made.exit_code == 0
    new = MASTER.replace("archive", "archive-2")
    change(place, MASTER, f"{new}\nprevious_{MASTER}")
    assert "keep it" in CliRunner().invoke(command_line(()), ["keys", "check"]).output

    rotated = keys("rotate")

    assert (rotated["code"], rotated["rewrapped"]) == (0, 2)
    assert "take it out" in CliRunner().invoke(command_line(()), ["keys", "check"]).output
    change(place, f"previous_{MASTER}", "")
    (place.home / "master" / "archive.key").unlink()
    assert bootstrap.archive(place).check(digest)
    assert keys("rotate")["rewrapped"] == 0
    assert keys("check")["opened"] == 1


def test_a_new_master_key_never_takes_the_place_of_a_file(place: bootstrap.Workspace) -> None:
    """It may be the one in force."""
    with pytest.raises(ConfigError, match="nothing is changed"):
        bootstrap.new_master_key(place, "master/archive.key")


def test_originals_whose_keys_are_lost_are_named(place: bootstrap.Workspace) -> None:
    """With the file that is missing, and exit code 1."""
    digest = keep(place)
    (path,) = (place.home / "archive" / "keys").glob("??/*")
    path.unlink()

    found = keys("check")

    assert (found["code"], found["opened"]) == (1, 0)
    assert found["lost"] == [[digest, f"{path}: No such file or directory"]]


def test_a_key_that_is_not_the_one_is_refused_by_name(place: bootstrap.Workspace) -> None:
    """It opens nothing, and must not be taken for the old one; its text is told nowhere."""
    keep(place)
    other = "0123456789abcdef" * 4
    (place.home / "master" / "archive.key").write_text(f"{other}\n", encoding="ascii")

    with pytest.raises(ConfigError, match="put the right key back") as caught:
        bootstrap.archive(place)

    assert other not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_master_key_that_others_may_read_is_not_used(
    place: bootstrap.Workspace, mode: int
) -> None:
    """The message says what to type."""
    key = place.home / "master" / "archive.key"
    key.chmod(mode)

    with pytest.raises(ConfigError, match=f"chmod 600 {key}"):
        bootstrap.archive(place)


def test_the_master_key_may_come_from_the_environment(
    place: bootstrap.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every other secret may; then no file is made."""
    change(place, MASTER, 'master_key = { env = "EDI_TEST_MASTER" }')
    (place.home / "master" / "archive.key").unlink()
    monkeypatch.setenv("EDI_TEST_MASTER", "ab" * 32)

    bootstrap.initialise(place)

    assert not (place.home / "master" / "archive.key").exists()
    assert bootstrap.archive(place).check(keep(place))


def test_encryption_is_not_turned_off_under_encrypted_originals(
    place: bootstrap.Workspace,
) -> None:
    """They would look lost, every one of them."""
    keep(place)
    change(place, '"aes-256-gcm"', '"none"')

    with pytest.raises(ConfigError, match="originals are encrypted"):
        bootstrap.archive(place)


def test_encryption_that_is_off_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a decision, for trials; there are no keys to speak of then."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    bootstrap.initialise(bootstrap.workspace(), Encryption.NONE)
    assert not (tmp_path / "var" / "master" / "archive.key").exists()

    ran = CliRunner().invoke(command_line(()), ["status"], catch_exceptions=False)

    assert "originals in clear" in ran.output
    with pytest.raises(ConfigError, match="no keys"):
        bootstrap.custody(bootstrap.workspace())
