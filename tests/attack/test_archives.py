"""Hostile archives from drop to answer (S6, S7); their cost is measured in test_cost.py."""

from __future__ import annotations

from typing import Any

import pytest

#: What an archive is refused for that is not simply unreadable.
OTHER = {"zip-nested.zip": "IRR_TYPE_F"}


def test_every_hostile_archive_is_refused_with_its_code(day: Any) -> None:
    """Bombs, links, devices, names that lead out, files that overlap or lie."""
    names = [name for name in day.dropped if name.startswith(("tar-", "zip-", "gzip-"))]

    assert len(names) >= 18
    assert {name: day.code(name) for name in names} == {
        name: OTHER.get(name, "IRR_EXTRAC") for name in names
    }
    assert {day.answers[name]["outcome"] for name in names} == {"rejected"}


def test_the_answer_names_the_file_that_is_to_blame(day: Any) -> None:
    """Who packed it must be able to find it."""
    for name, blamed in {
        "zip-up.zip": "../../a.xml",
        "tar-symlink.tar.gz": "a.xml",
        "zip-link.zip": "a.xml",
    }.items():
        (reason,) = day.answers[name]["reasons"]
        assert reason["place"] == f"{name} / {blamed}"


def test_nothing_is_written_beside_the_workspace(day: Any) -> None:
    """No member of an archive ever gets the name it asks for."""
    around = {path.name for path in day.home.parent.iterdir()}

    assert around == {"var", "caterer", "ville-exemple", "lock", "told.json"}
    assert not list(day.home.rglob("a.xml"))
    assert not list(day.home.rglob("x.sh"))
    assert list((day.home / "spool").iterdir()) == []


@pytest.mark.parametrize("folder", ["archive", "spool", "logs", "keys"])
def test_no_link_or_device_came_into_the_workspace(day: Any, folder: str) -> None:
    """What a tar may ask for is never made."""
    odd = [
        path
        for path in (day.home / folder).rglob("*")
        if path.is_symlink() or not (path.is_file() or path.is_dir())
    ]

    assert odd == []
