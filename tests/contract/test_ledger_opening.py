"""Opening a ledger: its tables, its versions, and the processes that share it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.open import open_ledger
from pipeline.adapters.database.tables import REVISION, metadata
from pipeline.model.errors import ConfigError, LedgerConflict, PipelineError
from pipeline.model.status import InterchangeStep

pytestmark = pytest.mark.contract

#: A process that records flows, one transaction each: url, its own name, how many.
WRITER = """
import sys
from datetime import UTC, datetime
from pipeline.adapters.database.open import open_ledger
from pipeline.model.identity import interchange_id
from pipeline.model.interchange import Interchange

url, own, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
ledger = open_ledger(url)
for number in range(many):
    with ledger.transaction() as tx:
        name = f"{own}-{tx.next_number('flows')}.xml"
        tx.record(
            Interchange(
                id=interchange_id("acme", name, "00", 1), connection="acme", partner="ACME",
                name=name, size=1, mtime=1, sha256="00",
                received_at=datetime(2025, 3, 1, tzinfo=UTC),
            ),
            "run:1",
        )
        if many == 1:
            print("inside", flush=True)
            sys.stdin.read()
"""


def test_the_migrations_make_the_tables_that_the_code_speaks_of(empty: Any) -> None:
    """A column that only one of the two knows would fail on the first real write."""
    open_ledger(empty.url).close()

    engine = create_engine(empty.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        difference = compare_metadata(context, metadata)
        heads = context.get_current_heads()
    engine.dispose()

    assert difference == []
    assert heads == (REVISION,)


def test_a_ledger_opened_again_holds_what_was_written(database: Any) -> None:
    """Opening is not a migration each time."""
    subprocess.run([sys.executable, "-c", WRITER, database.url, "a", "2"], check=True)

    again = open_ledger(database.url)
    names = {one.name for one in again.still_there("acme")}
    again.close()

    assert names == {"a-1.xml", "a-2.xml"}


def test_a_newer_schema_is_refused(database: Any) -> None:
    """Old code must not write into tables it does not know."""
    database.sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match=r"9999.*newer version of this software"):
        open_ledger(database.url)

    assert database.sql("SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ledger.db", id="no-scheme"),
        pytest.param("sqlite://", id="memory"),
        pytest.param("mysql://root:secret@host/edi", id="other-database"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    """The operator reads what to write instead, and no password."""
    with pytest.raises(ConfigError) as refused:
        open_ledger(url)

    assert "secret" not in str(refused.value)


def test_processes_that_open_an_empty_database_at_once_make_one(empty: Any) -> None:
    """Two machines, or two commands, may be the first."""
    command = [sys.executable, "-c", WRITER, empty.url]
    first = subprocess.Popen([*command, "a", "15"])
    second = subprocess.Popen([*command, "b", "15"])
    ended = [first.wait(60), second.wait(60)]

    ledger = open_ledger(empty.url)
    names = [one.name for one in ledger.still_there("acme")]
    breaks, events = ledger.verify(), len(list(ledger.events()))
    ledger.close()

    assert ended == [0, 0]
    assert sorted(int(name[2:-4]) for name in names) == list(range(1, 31))
    assert (breaks, events) == ([], 30)
    if empty.kind == "sqlite":
        assert empty.sql("PRAGMA integrity_check") == [("ok",)]


def test_a_process_killed_inside_a_transaction_leaves_nothing(
    database: Any, ledger: SqlLedger
) -> None:
    """Nothing of it is seen, and nobody waits for it."""
    command = [sys.executable, "-c", WRITER, database.url, "a", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)

    with ledger.transaction() as tx:
        number = tx.next_number("flows")

    assert number == 1
    assert ledger.count_interchanges()[InterchangeStep.RECEIVED] == 0
    assert list(ledger.events()) == []


@contextmanager
def held(database: Any) -> Iterator[None]:
    """Hold, behind the ledger's back, what every writer needs."""
    if database.kind == "sqlite":
        with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as file:
            file.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(database.url) as server:
            server.execute("LOCK TABLE counter, chain_head")
            yield


def test_a_writer_that_waited_too_long_is_told_of_a_conflict(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that somebody else does not let go is no crash, and readers do not mind."""
    monkeypatch.setattr("pipeline.adapters.database.open._PATIENCE_S", 0.1)
    ledger = open_ledger(database.url)

    def write() -> None:
        with ledger.transaction() as tx:
            tx.next_number("flows")

    with held(database):
        with pytest.raises(LedgerConflict):
            write()
        assert ledger.count_interchanges()[InterchangeStep.RECEIVED] == 0
    write()
    ledger.close()


def test_threads_of_one_process_take_turns(
    sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not end its transaction stops the others with a sentence."""
    monkeypatch.setattr("pipeline.adapters.database.open._PATIENCE_S", 0.1)
    ledger = open_ledger(f"sqlite:///{sqlite_file}")

    def nested() -> None:
        with ledger.transaction(), ledger.transaction():
            raise AssertionError

    with pytest.raises(LedgerConflict, match="another thread of this process"):
        nested()
    with ledger.transaction():
        pass
    ledger.close()


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    """Trouble of the world, in words; never the library's own error."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(PipelineError, match="file is not a database"):
        open_ledger(f"sqlite:///{path}")


def test_a_folder_that_is_not_there_is_a_conflict(tmp_path: Path) -> None:
    """The disk may be mounted in a minute."""
    with pytest.raises(LedgerConflict, match="unable to open"):
        open_ledger(f"sqlite:///{tmp_path}/absent/ledger.db")


def test_the_file_is_as_safe_as_sqlite_can_be(sqlite_file: Path) -> None:
    """Readers beside the writer (WAL), a sync for every commit, and foreign keys."""
    ledger = open_ledger(f"sqlite:///{sqlite_file}")
    with ledger._writing.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    ledger.close()

    assert found == ["wal", 2, 1, 30_000]
