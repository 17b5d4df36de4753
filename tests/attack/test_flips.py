"""Golden files with one byte wrong, or cut short, at every place: an answer, never a crash.

Half a transfer and one flipped bit are what lines and disks really do, and find more than
clever attacks. `flipper.py` says what is done with each file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FLIPPER = Path(__file__).with_name("flipper.py")
#: What reading one file may take at most: processor seconds, and megabytes of the whole program.
MOST_S, MOST_MB = 1.0, 200


def flipped(every: int, *more: str) -> dict[str, Any]:
    """Damage the golden files twice, side by side, hashes seeded otherwise; both must agree."""
    command = [sys.executable, str(FLIPPER), str(every), *more]
    runs = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    said = [json.loads(run.communicate()[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    first, second = said
    assert first["digest"] == second["digest"], "two runs gave two answers"
    found: dict[str, Any] = first
    return found


def check(found: dict[str, Any]) -> None:
    """Nothing was raised, and nothing was excessive."""
    assert found["raised"] == {}, "\n".join(found["told"])
    assert found["slowest_s"] < MOST_S, found["slowest"]


def test_a_damaged_file_is_answered_the_same_way_every_time() -> None:
    """A sample of the places, the same one every time."""
    found = flipped(40)

    assert found["files"] >= 20
    assert found["tried"] > 3000
    check(found)
    assert found["peak_mb"] < MOST_MB


@pytest.mark.slow
def test_a_file_damaged_at_any_place_is_answered() -> None:
    """Every byte of every golden file, flipped, and every length."""
    found = flipped(1)

    assert found["tried"] > 100_000
    check(found)
    assert found["peak_mb"] < MOST_MB


@pytest.mark.slow
def test_what_is_damaged_is_explained_and_judged_too() -> None:
    """With explanations and rule packs, which see what structure lets through."""
    found = flipped(150, "--packs")

    assert found["tried"] > 500
    check(found)
