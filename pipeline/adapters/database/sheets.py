"""The configuration in force, and every version of it that ever was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection as Database
from sqlalchemy import bindparam, func, insert, select, update

from pipeline.adapters.database import standings
from pipeline.adapters.database.codec import dump, load
from pipeline.adapters.database.stored import Reading, Stored
from pipeline.adapters.database.tables import event, sheet
from pipeline.model.api_sheet import ApiSheet
from pipeline.model.connection import Connection
from pipeline.model.directory import Address, Directory, Platform, Route, Structure
from pipeline.model.errors import ConfigError
from pipeline.model.event import Fact
from pipeline.model.standing import SheetState
from pipeline.ports.ledger import Sheets, SheetVersion

T = TypeVar("T")

CONNECTION, API = "connection", "api"
#: Kinds of sheets that are agreements: each has a standing.
AGREEMENTS: Mapping[str, type[Connection | ApiSheet]] = MappingProxyType(
    {CONNECTION: Connection, API: ApiSheet}
)
_STRUCTURE, _ROUTES = "structure", "routes"
_ADDRESSES, _PLATFORM, _ORIGIN = "addresses", "platform", "origin"
#: Kinds of sheets that make up the directory.
DIRECTORY_KINDS = (_STRUCTURE, _ROUTES, _ADDRESSES, _PLATFORM, _ORIGIN)
#: Those of which a country has too many to hold.
_MANY = (_STRUCTURE, _ADDRESSES)
#: Kind and name of a sheet.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes in order, as one sheet."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The electronic addresses of one SIREN, as one sheet."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the directory came from, as one sheet; there is one once it came by import."""

    imported: bool


def read_sheets(database: Database, reading: Reading) -> Sheets:
    """Return the configuration in force; structures and addresses are read when asked for.

    Args:
        database: The ledger, open for reading.
        reading: Opens it again.

    Raises:
        ConfigError: A stored sheet cannot be read by this version of the code.
    """
    return read_sheets_of(database, bodies_in_force(database, but=_MANY), reading)


def read_sheets_of(
    database: Database, bodies: Mapping[Key, str], reading: Reading | None = None
) -> Sheets:
    """Return the configuration that the texts of sheets say, as connections now stand.

    Args:
        database: The ledger, open for reading.
        bodies: The texts.
        reading: Opens the ledger again, where structures and addresses are not among the texts.

    Raises:
        ConfigError: A stored sheet cannot be read by this version of the code.
    """
    connections = {
        name: _read(Connection, kind, name, body)
        for (kind, name), body in bodies.items()
        if kind == CONNECTION
    }
    apis = {
        name: _read(ApiSheet, kind, name, body)
        for (kind, name), body in bodies.items()
        if kind == API
    }
    standing, since = standings.read_standings(database), _since(database)
    directory = _directory(bodies)
    if reading is not None:
        directory = _lying(directory, reading)
    return Sheets(connections, directory, apis, standing, since)


def read_versions(database: Database, name: str) -> list[SheetVersion]:
    """Return every version of an agreement, oldest first."""
    columns = sheet.c
    statement = select(sheet).where(columns.kind.in_(AGREEMENTS), columns.name == name)
    return [
        SheetVersion(
            version=row.version,
            connection=_readable(AGREEMENTS[row.kind], row.body),
            applied_at=row.applied_at,
            by=row.applied_by,
            ended_at=row.ended_at,
        )
        for row in database.execute(statement.order_by(columns.version))
    ]


def _readable(kind: type[T], body: str) -> T | None:
    try:
        return load(kind, body)
    except ValueError:
        return None  # of a version of the code that wrote sheets in another way


def _since(database: Database) -> dict[str, datetime]:
    columns = sheet.c
    statement = select(columns.name, columns.applied_at).where(
        columns.kind.in_(AGREEMENTS), columns.ended_at.is_(None)
    )
    return {row.name: row.applied_at for row in database.execute(statement)}


def read_directory_at(database: Database, moment: datetime) -> Directory:
    """Return the directory as it was in force at a moment.

    Raises:
        ConfigError: A stored sheet cannot be read by this version of the code.
    """
    columns = sheet.c
    statement = select(columns.kind, columns.name, columns.body).where(
        columns.kind.in_(DIRECTORY_KINDS),
        columns.applied_at <= moment,
        columns.ended_at.is_(None) | (columns.ended_at > moment),
    )
    ordered = statement.order_by(columns.kind, columns.name, columns.version)
    rows = database.execute(ordered)
    return _directory({(kind, name): body for kind, name, body in rows})


def _directory(bodies: Mapping[Key, str]) -> Directory:
    structures: dict[str, Structure] = {}
    addresses: dict[str, tuple[Address, ...]] = {}
    platforms: dict[str, Platform] = {}
    routes: tuple[Route, ...] = ()
    for (kind, name), body in bodies.items():
        if kind == _STRUCTURE:
            structures[name] = _read(Structure, kind, name, body)
        elif kind == _ADDRESSES:
            addresses[name] = _read(Addresses, kind, name, body).addresses
        elif kind == _PLATFORM:
            platforms[name] = _read(Platform, kind, name, body)
        elif kind == _ROUTES:
            routes = _read(Routes, kind, name, body).routes
    return Directory(structures, routes, addresses, platforms, (_ORIGIN, _ORIGIN) in bodies)


def _lying(directory: Directory, reading: Reading) -> Directory:
    """Return a directory whose structures and addresses stay where they lie."""

    def structure(name: str, body: str) -> Structure:
        return _read(Structure, _STRUCTURE, name, body)

    def addresses(name: str, body: str) -> tuple[Address, ...]:
        return _read(Addresses, _ADDRESSES, name, body).addresses

    return replace(
        directory,
        structures=Stored(reading, _STRUCTURE, structure),
        addresses=Stored(reading, _ADDRESSES, addresses),
    )


def newest_change(database: Database) -> int:
    """Return the place of the newest event of a sheet, 0 if there is none."""
    columns = event.c
    changes = columns.what.in_(("sheet.applied", "sheet.closed", standings.SHEET_MOVED))
    return database.execute(select(func.max(columns.seq)).where(changes)).scalar() or 0


def apply_sheets(
    database: Database,
    sheets: Sheets,
    by: str,
    at: datetime,
    begin: SheetState = SheetState.PRODUCTION,
) -> list[Fact]:
    """Put `sheets` in force: new versions of what changed, an end to what vanished.

    Returns:
        What happened: one fact for each sheet, in order of kind and name; then which have to
        be tested again.
    """
    before, wanted = compared(database, sheets)
    said: dict[Key, str | None] = dict.fromkeys(before.keys() - wanted.keys())
    said |= {key: body for key, body in wanted.items() if before.get(key) != body}
    return put_in_force(database, said, by, at, begin)


def put_in_force(
    database: Database,
    said: Mapping[Key, str | None],
    by: str,
    at: datetime,
    begin: SheetState = SheetState.PRODUCTION,
    *,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> list[Fact]:
    """Put the texts of sheets in force in place of what is; None ends one.

    Returns:
        As `apply_sheets`; each sheet's fact tells `extra`, too.
    """
    changed = sorted(key for key, body in said.items() if body is not None)
    closed = sorted(key for key, body in said.items() if body is None)
    versions = _versions(database)
    rows = [
        {
            "kind": kind,
            "name": name,
            "version": versions.get((kind, name), 0) + 1,
            "body": said[kind, name],
            "applied_at": at,
            "applied_by": by,
        }
        for kind, name in changed
    ]
    _end(database, [*changed, *closed], at)
    if rows:
        database.execute(insert(sheet), rows)
    doors = [name for kind, name in changed if kind in AGREEMENTS]
    new = standings.begin(database, doors, begin, by, at)
    told = [(key, "sheet.applied", versions.get(key, 0) + 1) for key in changed]
    told += [(key, "sheet.closed", versions[key]) for key in closed]
    facts = []
    for (kind, name), what, version in told:
        data: dict[str, object] = {"kind": kind, "version": version, **extra}
        if kind in AGREEMENTS and name in new:
            data["state"] = begin.value
        facts.append(Fact(at=at, subject=name, what=what, by=by, data=data))
    return [*facts, *standings.back_to_draft(database, doors, by, at)]


def compared(database: Database, sheets: Sheets) -> tuple[Mapping[Key, str], dict[Key, str]]:
    """Return the texts in force, and those of a configuration that is to take their place.

    Structures and addresses are in neither where the configuration leaves them where they lie.
    """
    stay = isinstance(sheets.directory.structures, Stored)
    return bodies_in_force(database, but=_MANY if stay else ()), dict(bodies_of(sheets))


def bodies_of(sheets: Sheets) -> Iterator[tuple[Key, str]]:
    """Yield a configuration as it is stored: the text of each sheet, by kind and name."""
    for name, connection in sheets.connections.items():
        yield (CONNECTION, name), dump(connection)
    for name, api in sheets.apis.items():
        yield (API, name), dump(api)
    directory = sheets.directory
    if not isinstance(directory.structures, Stored):
        for siret, structure in directory.structures.items():
            yield (_STRUCTURE, siret), dump(structure)
        for siren, addresses in directory.addresses.items():
            yield (_ADDRESSES, siren), dump(Addresses(addresses))
    for matricule, platform in directory.platforms.items():
        yield (_PLATFORM, matricule), dump(platform)
    if directory.routes:
        yield (_ROUTES, _ROUTES), dump(Routes(directory.routes))
    if directory.imported:
        yield (_ORIGIN, _ORIGIN), dump(Origin(imported=True))


def bodies_in_force(database: Database, but: Sequence[str] = ()) -> Mapping[Key, str]:
    """Return the text of every sheet in force but those of some kinds, by kind and name."""
    statement = select(sheet.c.kind, sheet.c.name, sheet.c.body).where(
        sheet.c.ended_at.is_(None), sheet.c.kind.not_in(but)
    )
    rows = database.execute(statement.order_by(sheet.c.kind, sheet.c.name))
    return {(kind, name): body for kind, name, body in rows}


def _versions(database: Database) -> Mapping[Key, int]:
    """Return the highest version of every sheet there ever was."""
    statement = select(sheet.c.kind, sheet.c.name, func.max(sheet.c.version))
    rows = database.execute(statement.group_by(sheet.c.kind, sheet.c.name))
    return {(kind, name): version for kind, name, version in rows}


def _end(database: Database, keys: Sequence[Key], at: datetime) -> None:
    statement = (
        update(sheet)
        .where(
            sheet.c.kind == bindparam("b_kind"),
            sheet.c.name == bindparam("b_name"),
            sheet.c.ended_at.is_(None),
        )
        .values(ended_at=at)
    )
    if keys:
        database.execute(statement, [{"b_kind": kind, "b_name": name} for kind, name in keys])


def _read(kind: type[T], sort: str, name: str, body: str) -> T:
    try:
        return load(kind, body)
    except ValueError as error:
        raise ConfigError(
            f"{sort} {name}: fiche illisible par cette version, appliquez à nouveau la "
            f"configuration / sheet not readable by this version, apply the configuration "
            f"again: {error}"
        ) from error
