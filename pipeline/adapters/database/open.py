"""Open a database: connect, bring its tables up to date, hand out the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from sqlite3 import Connection as SqliteConnection
from threading import Lock

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from pipeline.adapters.database.claims import BESIDE
from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.tables import REVISION
from pipeline.adapters.database.trouble import translated
from pipeline.model.errors import ConfigError, LedgerConflict

#: How long one writer waits for another before it gives up with a `LedgerConflict`.
_PATIENCE_S = 30.0
#: How long a transaction may stand still on PostgreSQL before its locks are taken from it.
_STILL_S = 20.0
#: Any number: names the lock that one hub at a time holds while it leads.
_LEADING = 7_309_402
#: A lock of one number is shown in two halves, of which the first is 0 here.
_LED = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND classid = 0 AND objid = :key AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


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


class Seat:
    """A place at work on a ledger, held by a lock that ends with its connection.

    It outlives an interruption of the database: `check` takes it again, unless somebody
    else has it by now.
    """

    def __init__(self, engine: Engine, statement: str, taken_by_others: str) -> None:
        self._engine = engine
        self._statement = text(statement)
        self._taken_by_others = taken_by_others
        self._connection: Connection | None = None

    def check(self) -> None:
        """Make sure that the place is still held.

        Raises:
            ConfigError: Somebody else has it.
            LedgerConflict: The database does not answer now.
        """
        with translated():
            if self._connection is not None:
                try:
                    self._connection.execute(text("SELECT 1"))
                    self._connection.commit()
                except DBAPIError:
                    self._drop()
                else:
                    return
            self._take()

    def leave(self) -> None:
        """Give the place up: at once where the database answers, else with the connection."""
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
                self._connection.commit()
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _take(self) -> None:
        connection = self._engine.connect()
        try:
            taken = connection.execute(self._statement).scalar()
            connection.commit()
        except BaseException:
            connection.close()
            raise
        if taken is False:
            connection.close()
            raise ConfigError(self._taken_by_others)
        self._connection = connection


class _NoSeat(Seat):
    """On a SQLite file: the lock of its workspace guards it."""

    def __init__(self) -> None:
        """Hold nothing."""

    def check(self) -> None:
        """Do nothing."""


@contextmanager
def leading(url: str) -> Iterator[Seat]:
    """Hold the one right to lead on a ledger that several machines can reach.

    A SQLite file is guarded by the lock of its workspace. On PostgreSQL the right ends
    with the connection, however that ends.

    Raises:
        ConfigError: Another machine has it.
        LedgerConflict: The database does not answer.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        yield _NoSeat()
        return
    taken = "un autre hub travaille déjà sur cette base / another hub is working on this database"
    with _seat(address, f"SELECT pg_try_advisory_lock({_LEADING})", taken) as seat:
        yield seat


def is_led(url: str) -> bool:
    """Tell whether somebody has the right to lead on a PostgreSQL ledger, without taking it.

    Raises:
        ConfigError: The address cannot be read.
        LedgerConflict: The database does not answer.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return False
    engine, _ = _postgresql(address)
    try:
        with translated(), engine.connect() as connection:
            return bool(connection.execute(_LED, {"key": _LEADING}).scalar_one())
    finally:
        engine.dispose()


@contextmanager
def beside_others(url: str) -> Iterator[Seat]:
    """Be at work beside the leader and other workers, and let the leader know.

    Raises:
        ConfigError: The ledger is a SQLite file, which has one writer.
        LedgerConflict: The database does not answer.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        raise ConfigError(
            "un grand livre SQLite n'a qu'un processus qui écrit, « edi run » ; plusieurs"
            " processus demandent PostgreSQL (EDI_DATABASE) / a SQLite ledger has one writing"
            " process, 'edi run'; several need PostgreSQL (EDI_DATABASE)"
        )
    with _seat(address, f"SELECT pg_advisory_lock_shared({BESIDE})", "") as seat:
        yield seat


@contextmanager
def _seat(address: URL, statement: str, taken_by_others: str) -> Iterator[Seat]:
    engine, _ = _postgresql(address)
    seat = Seat(engine, statement, taken_by_others)
    try:
        seat.check()
        yield seat
    finally:
        seat.leave()
        engine.dispose()


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
    """Return engines on a server; readers see one snapshot.

    The server ends the session of a process that stands still in a transaction, or whose
    machine is gone: what it had locked would keep everybody waiting.
    """
    settings = {
        "timezone": "UTC",
        "lock_timeout": f"{_PATIENCE_S * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{_STILL_S * 1000:.0f}",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
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
