"""Database errors in our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline.model.errors import LedgerConflict, PipelineError

_UNIQUE_SQLITE = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
_UNIQUE_POSTGRESQL = "23505"


@contextmanager
def translated() -> Iterator[None]:
    """Let no error of the database library out of the block.

    Raises:
        LedgerConflict: Another writer was first (a unique key, a lock, a deadlock), or
            the database does not answer now.
        PipelineError: The database says it is damaged, or that a statement is wrong.
        ValueError: A row breaks another constraint: our bug.
    """
    try:
        yield
    except IntegrityError as error:
        if _is_unique(error):
            raise LedgerConflict(str(error.orig)) from error
        raise ValueError(str(error.orig)) from error
    except (OperationalError, InterfaceError, InternalError) as error:
        raise LedgerConflict(f"base de données / database: {error.orig}") from error
    except PoolTimeout as error:
        raise LedgerConflict(f"base de données / database: {error}") from error
    except DBAPIError as error:
        raise PipelineError(str(error.orig)) from error


def _is_unique(error: IntegrityError) -> bool:
    return (
        getattr(error.orig, "sqlite_errorname", None) in _UNIQUE_SQLITE
        or getattr(error.orig, "sqlstate", None) == _UNIQUE_POSTGRESQL
    )
