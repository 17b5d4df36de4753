"""A secret is read where its sheet says, from nobody else's file, and never told."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from pipeline.adapters.secrets import check_closed, make_key_file, reveal, reveal_key
from pipeline.model.connection import Secret, SecretKind
from pipeline.model.errors import ConfigError

CANARY = "kanarienvogel-7f3a"
FILE = Secret(SecretKind.FILE, "secrets/acme")
ENV = Secret(SecretKind.ENV, "ACME_PASSWORD")
CREDENTIAL = Secret(SecretKind.CREDENTIAL, "acme")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file that `FILE` names, with a password of its owner alone."""
    path = tmp_path / FILE.name
    path.parent.mkdir()
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    return path


def refusal(secret: Secret, workspace: Path) -> str:
    """Return why a secret cannot be used; the whole chain of causes must not tell it."""
    with pytest.raises(ConfigError) as caught:
        reveal(secret, workspace)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
@pytest.mark.parametrize("text", [CANARY, f"{CANARY}\n", f"{CANARY}\r\n", f"{CANARY}\nnote"])
def test_a_file_gives_its_first_line(kept: Path, tmp_path: Path, mode: int, text: str) -> None:
    """As editors and password managers write it."""
    kept.write_text(text)
    kept.chmod(mode)

    assert reveal(FILE, tmp_path) == CANARY
    assert reveal(Secret(SecretKind.FILE, str(kept)), Path("/nowhere")) == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_read_is_refused_with_its_mode(
    kept: Path, tmp_path: Path, mode: int
) -> None:
    """The message says what to type."""
    kept.chmod(mode)

    assert refusal(FILE, tmp_path) == (
        f"{kept}: mode {mode:04o}, d'autres peuvent le lire / others may read it: chmod 600 {kept}"
    )
    with pytest.raises(ConfigError, match=f"mode {mode:04o}"):
        check_closed(kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(kept: Path, tmp_path: Path) -> None:
    """Who owns it can change it, and its mode."""
    os.chown(kept, 12_345, -1)

    assert "belongs to user 12345, pas à / not to 0" in refusal(FILE, tmp_path)


def test_a_link_is_judged_by_what_it_leads_to(kept: Path, tmp_path: Path) -> None:
    """Its own mode means nothing."""
    moved = kept.rename(tmp_path / "moved")
    kept.symlink_to(moved)

    assert reveal(FILE, tmp_path) == CANARY
    moved.chmod(0o644)
    assert "mode 0644" in refusal(FILE, tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its first line is empty"),
        (b"\n" + CANARY.encode(), "its first line is empty"),
        (CANARY.encode() + b"\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_without_a_password_is_refused(
    kept: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    """Nothing is guessed, and no part of it is shown."""
    kept.write_bytes(content)

    assert refusal(FILE, tmp_path).endswith(why)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the whole path."""
    assert refusal(FILE, tmp_path).startswith(f"{tmp_path}/secrets/acme: ")


def test_the_environment_gives_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named when it is missing or empty."""
    absent = refusal(ENV, tmp_path)
    monkeypatch.setenv("ACME_PASSWORD", "")
    empty = refusal(ENV, tmp_path)
    monkeypatch.setenv("ACME_PASSWORD", CANARY)

    assert reveal(ENV, tmp_path) == CANARY
    assert absent == "$ACME_PASSWORD: variable absente / not set"
    assert empty == "$ACME_PASSWORD: première ligne vide / its first line is empty"


def test_systemd_gives_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder and its ACL guard it: the mode shows the ACL's mask."""
    (tmp_path / "acme").write_text(CANARY)
    (tmp_path / "acme").chmod(0o440)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    outside = refusal(CREDENTIAL, tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert reveal(CREDENTIAL, Path("/nowhere")) == CANARY
    assert "LoadCredential" in outside
    assert "absent" in refusal(Secret(SecretKind.CREDENTIAL, "absent"), tmp_path)


@pytest.mark.parametrize("name", ["../acme", "/etc/passwd", "a/b"])
def test_a_credential_is_a_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No path leads out of the folder that systemd made."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert "a plain name is expected" in refusal(Secret(SecretKind.CREDENTIAL, name), tmp_path)


@pytest.mark.parametrize("text", ["abc", "g" * 64, "a" * 62, "a" * 66, "é" * 64])
def test_a_key_is_sixty_four_digits_and_its_text_is_never_told(tmp_path: Path, text: str) -> None:
    """Messages end up in logs."""
    path = tmp_path / "x.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)

    with pytest.raises(ConfigError, match=r"^x\.key: 64 chiffres") as caught:
        reveal_key(Secret(SecretKind.FILE, "x.key"), tmp_path)

    assert text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert text not in str(caught.value.__context__)


def test_a_key_file_is_ours_alone_and_never_replaced(tmp_path: Path) -> None:
    """It is made once, in a folder that is closed too."""
    path = tmp_path / "master" / "archive.key"

    assert [make_key_file(path), make_key_file(path)] == [True, False]

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    key = reveal_key(Secret(SecretKind.FILE, "master/archive.key"), tmp_path)
    assert (len(key), key.hex()) == (32, path.read_text().strip())
