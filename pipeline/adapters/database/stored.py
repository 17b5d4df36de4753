"""The directory where it lies: each line is read when it is asked for.

A country's directory has a million structures; a run asks for those that it has invoices for.
What was read is kept for a while, so that the invoices of one recipient ask once. Whoever needs
all of it goes through `items`, which reads line after line.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Generic, TypeVar

from sqlalchemy import Connection as Database
from sqlalchemy import Select, func, select

from pipeline.adapters.database.tables import sheet

T = TypeVar("T")
#: Opens the ledger for reading.
Reading = Callable[[], AbstractContextManager[Database]]

#: Lines, and legal units, that one mapping keeps.
KEPT = 4096
#: Lines fetched at a time.
_FETCHED = 1000


class Stored(Mapping[str, T]):
    """The sheets of one kind that are in force, by name, as long as the ledger is open."""

    def __init__(self, reading: Reading, kind: str, read: Callable[[str, str], T]) -> None:
        """Hold what is needed to look them up; nothing is read yet.

        Args:
            reading: Opens the ledger.
            kind: Of the sheets.
            read: Makes a value of a sheet's name and body; may raise `ConfigError`.
        """
        self._reading, self._kind, self._read = reading, kind, read
        self._kept = lru_cache(maxsize=KEPT)(self._find)
        self._kept_between = lru_cache(maxsize=KEPT)(self._find_between)

    def __getitem__(self, name: str) -> T:
        """Return one sheet's value.

        Raises:
            KeyError: None of this name is in force.
        """
        found = self._kept(name)
        if found is None:
            raise KeyError(name)
        return found

    def between(self, first: str, last: str) -> tuple[T, ...]:
        """Return the values of the names from `first` to `last`, both included, by name."""
        return self._kept_between(first, last)

    def __iter__(self) -> Iterator[str]:
        """Yield the names, sorted."""
        return (name for name, _ in self._rows())

    def __len__(self) -> int:
        """Count them."""
        with self._reading() as database:
            counted: int = database.execute(
                select(func.count()).select_from(self._in_force().subquery())
            ).scalar_one()
        return counted

    def __bool__(self) -> bool:
        """Tell whether there is one, without counting them."""
        with self._reading() as database:
            return database.execute(self._in_force().limit(1)).first() is not None

    def items(self) -> ItemsView[str, T]:
        """Return names and values, which are read in one go."""
        return _Items(self)

    def values(self) -> ValuesView[T]:
        """Return the values, likewise."""
        return _Values(self)

    def read_all(self) -> Iterator[tuple[str, T]]:
        """Yield names and values, by name; nothing of it is kept."""
        return ((name, self._read(name, body)) for name, body in self._rows())

    def _rows(self) -> Iterator[tuple[str, str]]:
        with self._reading() as database:
            rows = database.execution_options(yield_per=_FETCHED).execute(
                self._in_force().order_by(sheet.c.name)
            )
            for row in rows:
                yield row.name, row.body

    def _find(self, name: str) -> T | None:
        found = self._find_between(name, name)
        return found[0] if found else None

    def _find_between(self, first: str, last: str) -> tuple[T, ...]:
        statement = self._in_force().where(sheet.c.name >= first, sheet.c.name <= last)
        with self._reading() as database:
            rows = database.execute(statement.order_by(sheet.c.name)).all()
        return tuple(self._read(row.name, row.body) for row in rows)

    def _in_force(self) -> Select[tuple[str, str]]:
        columns = sheet.c
        return select(columns.name, columns.body).where(
            columns.kind == self._kind, columns.ended_at.is_(None)
        )


class _Items(ItemsView[str, T], Generic[T]):
    def __init__(self, stored: Stored[T]) -> None:
        super().__init__(stored)
        self._stored = stored

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return self._stored.read_all()


class _Values(ValuesView[T], Generic[T]):
    def __init__(self, stored: Stored[T]) -> None:
        super().__init__(stored)
        self._stored = stored

    def __iter__(self) -> Iterator[T]:
        return (value for _, value in self._stored.read_all())
