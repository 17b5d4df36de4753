"""Folders that sheets of different environments both use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.app.apart import shared_folders
from pipeline.model.connection import Connection, Copies, Door, Environment, Role, Trial
from pipeline.model.handover import Filter, Handover

REAL = Connection(
    name="ville",
    partner="Ville",
    role=Role.RECEIVER,
    door=Door(host="h", user="u", key="k", host_key="ssh-ed25519 A"),
)
REHEARSED = replace(
    REAL,
    name="ville-q",
    environment=Environment.QUALIFICATION,
    inbox="q/in",
    archive="q/archive",
    out="q/out",
)
WATER = Handover(filters=(Filter(folder="q/out", service="EAU"),))


@pytest.mark.parametrize(
    ("real", "rehearsed", "folder"),
    [
        ({"trial": Trial(folder="q/out")}, {}, "q/out"),
        ({}, {"trial": Trial(folder="out")}, "out"),
        ({"handover": WATER}, {}, "q/out"),
        (
            {"trial": Trial(folder="eau")},
            {"handover": Handover(filters=(Filter(folder="eau"),))},
            "eau",
        ),
    ],
)
def test_folders_of_copies_and_of_some_documents_are_held_apart_too(
    real: dict[str, Any], rehearsed: dict[str, Any], folder: str
) -> None:
    """What lies there would be taken for a trial though it counts, or the other way round."""
    found = shared_folders([replace(REAL, **real), replace(REHEARSED, **rehearsed)])

    ((name, (told,)),) = found.items()
    assert name == "ville-q"
    assert f"« {folder} » est aussi un dossier de ville" in told


@pytest.mark.parametrize(
    "real",
    [
        {},  # neither environment's copies count: they may lie in one folder
        {"trial": Trial(copies=Copies.REPORT, folder="q/out")},
        {"role": Role.SENDER, "trial": Trial(folder="q/out")},
    ],
)
def test_where_no_copy_meets_what_counts_nothing_is_said(real: dict[str, Any]) -> None:
    """A folder that nothing is ever put into is nobody's fault."""
    assert shared_folders([replace(REAL, **real), REHEARSED]) == {}
