"""Open a database: connect, bring its tables up to date, hand out the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from sqlite3 import Connection as SqliteConnection
from threading import Lock

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.tables import REVISION
from pipeline.adapters.database.trouble import translated
from pipeline.model.errors import ConfigError, LedgerConflict

#: How long one writer waits for another before it gives up with a `LedgerConflict`.
_PATIENCE_S = 30.0
#: Any number: names the lock that one hub at a time holds while it works.
_WORKING = 7_309_402


def open_ledger(url: str) -> SqlLedger:
    """Open a ledger, creating or upgrading its tables.

    Args:
        url: ``sqlite:///path/to/file`` or ``postgresql://user@host/name``.

    Raises:
        ConfigError: The address cannot be used, or the database was written by a
            newer version of this software.
        LedgerConflict: The database does not answer now.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        writing, reading = _sqlite(address)
    else:
        writing, reading = _postgresql(address)
    try:
        with translated():
            _upgrade(writing, reading)
    except BaseException:
        writing.dispose()
        raise
    turn = _Turn() if address.get_backend_name() == "sqlite" else nullcontext()
    return SqlLedger(writing, reading, turn)


class _Turn:
    """Lets the writing threads of one process in one by one.

    SQLite lets one writer in as well, but those who wait look again by chance, so that
    one of them may starve.
    """

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=_PATIENCE_S):
            raise LedgerConflict("another thread of this process does not end its transaction")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@contextmanager
def sole_worker(url: str) -> Iterator[None]:
    """Hold the one right to work on a ledger that several machines can reach.

    A SQLite file is guarded by the lock of its workspace. On PostgreSQL the right ends
    with the connection, however that ends.

    Raises:
        ConfigError: Another machine has it.
        LedgerConflict: The database does not answer.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        yield
        return
    engine, _ = _postgresql(address)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        with translated():
            connection = stack.enter_context(engine.connect())
            taken = connection.execute(text(f"SELECT pg_try_advisory_lock({_WORKING})")).scalar()
            connection.commit()
        if not taken:
            raise ConfigError(
                "un autre hub travaille déjà sur cette base / "
                "another hub is working on this database"
            )
        yield


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            f"adresse de base de données illisible / database address not readable: {error}"
        ) from error
    backend = address.get_backend_name()
    if backend == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and address.database not in {None, "", ":memory:"}:
        return address.set(drivername="sqlite")
    shown = address.render_as_string(hide_password=True)
    raise ConfigError(
        f"{shown}: il faut un fichier SQLite ou PostgreSQL / use a SQLite file or PostgreSQL"
    )


def _sqlite(address: URL) -> tuple[Engine, Engine]:
    """Return engines on a file in WAL mode, where readers never wait for the writer.

    The driver's own transaction control (which begins late, and as a reader) is
    switched off: each transaction begins as what it is. A new file is its owner's alone.
    """
    with suppress(OSError):  # it is there already, or SQLite will say why it cannot be
        os.close(os.open(str(address.database), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    engine = create_engine(address, connect_args={"timeout": _PATIENCE_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: SqliteConnection, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine.execution_options(begin="BEGIN IMMEDIATE"), engine


def _postgresql(address: URL) -> tuple[Engine, Engine]:
    """Return engines on a server; readers see one snapshot."""
    options = f"-c timezone=UTC -c lock_timeout={_PATIENCE_S * 1000:.0f}"
    engine = create_engine(
        address,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"options": options, "connect_timeout": int(_PATIENCE_S)},
    )
    snapshot = engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    return engine, snapshot


def _upgrade(writing: Engine, reading: Engine) -> None:
    """Bring the tables up to date; Alembic is only loaded where they are not."""
    with reading.connect() as connection:
        if _revision(connection) == REVISION:
            return
    from pipeline.adapters.database.migrate import migrate

    with writing.begin() as connection:
        migrate(connection)


def _revision(connection: Connection) -> str | None:
    """Return the migration that the tables stand at, None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return found
