"""A path that leads nowhere is told as whoever typed it needs it: what, expected, what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.bootstrap import export_rows
from pipeline.entry import cli
from pipeline.entry.cli.output import whole_file
from pipeline.model.errors import ConfigError
from pipeline.model.path_trouble import path_told


@pytest.mark.parametrize(
    ("line", "fr", "en"),
    [
        pytest.param("convert {}/no.xml --to ubl", "n'existe pas", "does not exist", id="nothing"),
        pytest.param(
            "convert {}/a/b --to ubl", "passe par un fichier", "through a file", id="file"
        ),
        pytest.param("verify {}/no.zip", "n'existe pas", "does not exist", id="evidence"),
        pytest.param("verify {}", "est un dossier", "is a folder", id="folder"),
    ],
)
def test_what_was_named_what_is_expected_and_what_to_do_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    fr: str,
    en: str,
) -> None:
    """In both tongues, whatever the tongue of the system is."""
    (tmp_path / "a").write_bytes(b"a file")
    monkeypatch.setattr(sys, "argv", ["edi", *line.format(tmp_path).split()])

    with pytest.raises(SystemExit) as left:
        cli.run()

    told = capsys.readouterr().err
    assert left.value.code == 2
    assert str(tmp_path) in told
    assert fr in told
    assert "attendu" in told
    assert en in told
    assert "expected" in told


def test_a_folder_that_an_export_goes_to_has_to_exist(tmp_path: Path) -> None:
    """The file is not there yet: it is its folder that is missed."""
    with pytest.raises(ConfigError, match="en écriture, son dossier"):
        export_rows([{"a": 1}], tmp_path / "none" / "rows.csv")


def test_words_of_ours_are_told_as_they_are(tmp_path: Path) -> None:
    """What speaks both tongues already is not said twice."""
    there = tmp_path / "there"
    there.write_bytes(b"mine")

    with pytest.raises(FileExistsError) as found, whole_file(there) as file:
        file.write(b"x")

    assert path_told(found.value) == "existe déjà / exists already"
