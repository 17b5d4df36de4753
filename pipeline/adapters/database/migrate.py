"""Bring the tables of a database up to date, by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from pipeline.model.errors import ConfigError

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Any number: names the lock under which one process at a time changes tables.
_MIGRATING = 7_309_401


def migrate(connection: Connection) -> None:
    """Run the migrations that a database has not seen, inside the open transaction.

    Raises:
        ConfigError: It has seen one that this software does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    _refuse_newer(connection, ScriptDirectory.from_config(config))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> None:
    found = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in scripts.walk_revisions()}
    if found - known:
        raise ConfigError(
            f"la base est au schéma {', '.join(sorted(found))}, plus récent que ce logiciel "
            f"({scripts.get_current_head()}) : installez la version qui l'a écrite / the "
            "database was written by a newer version of this software: install that one"
        )
