"""Real databases for the ledger's contract: SQLite, and a PostgreSQL that comes as a wheel."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.open import open_ledger
from pipeline.adapters.database.tables import REVISION, metadata
from pipeline.model.event import GENESIS


def _unheard(word: str) -> str:
    """Return the name of a database to be: the hostile names' tests load this file once more."""
    return f"{word}_{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Database:
    """One database of its own for one test.

    Attributes:
        kind: ``sqlite`` or ``postgresql``.
        url: What `open_ledger` takes.
    """

    kind: str
    url: str

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement behind the ledger's back and return its rows."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file, file:
                return file.execute(statement).fetchall()
        with psycopg.connect(self.url, options="-c lock_timeout=10s") as server:
            cursor = server.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file, tables made."""
    path = tmp_path_factory.mktemp("sqlite") / "ready.db"
    open_ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgresql_ready(postgresql: str) -> str:
    """Give the address of a PostgreSQL database, tables made."""
    with psycopg.connect(postgresql, autocommit=True) as admin:
        name = _unheard("ready")
        admin.execute(f"CREATE DATABASE {name}".encode())
    address = _named(postgresql, name)
    open_ledger(address).close()
    return address


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Give a database without any table."""
    if request.param == "sqlite":
        return Database("sqlite", f"sqlite:///{tmp_path}/empty.db")
    address, name = request.getfixturevalue("postgresql"), _unheard("empty")
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return Database("postgresql", _named(address, name))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Give a database whose tables are made and empty."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "ledger.db")
        return Database("sqlite", f"sqlite:///{path}")
    emptied = Database("postgresql", request.getfixturevalue("postgresql_ready"))
    with psycopg.connect(emptied.url, options="-c lock_timeout=10s") as server:
        for table in reversed(metadata.sorted_tables):
            if table.name != "chain_head":
                server.execute(f"DELETE FROM {table.name}".encode())
        server.execute("UPDATE chain_head SET seq = 0, hash = %s", [GENESIS])
        server.execute("UPDATE alembic_version SET version_num = %s", [REVISION])
    return emptied


@pytest.fixture
def ledger(database: Database) -> Iterator[SqlLedger]:
    """Give an empty ledger."""
    opened = open_ledger(database.url)
    yield opened
    opened.close()


def _named(address: str, database: str) -> str:
    """Return the address of another database on the same server."""
    return address.replace("/postgres?", f"/{database}?")
