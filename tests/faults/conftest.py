"""A ledger that another process locks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def held(path: Path) -> Iterator[Callable[[], None]]:
    """Let another process hold the one right to write to a SQLite file; yields its end."""
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        def let_go() -> None:
            holder.communicate()

        yield let_go
        if holder.poll() is None:
            let_go()


@pytest.fixture
def hold() -> Callable[[Path], Any]:
    """Lock a SQLite file from another process, in a block that is told how to let go."""
    return held
