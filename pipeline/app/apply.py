"""Put the configuration in force: show what would change, then change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from pipeline.app.apart import shared_folders
from pipeline.app.hub import Hub
from pipeline.model.connection import Connection, Naming
from pipeline.model.directory import Address, Directory, Route
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Sheets

#: How many routes are shown of each kind of difference; all are counted.
ROUTES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs between the sheet in force and the one proposed.

    Attributes:
        subject: ``connection NAME``, ``structure SIRET``, ``platform
            MATRICULE``, ``address IDENTIFIER``, ``routes`` (how many, of what
            kind) or ``route CRITERIA``.
        key: Dotted path, or empty where the whole thing is new or gone; of a route
            ``connection``, or ``rank`` among the routes that stay.
        before: Value in force, as text; None if there was none.
        after: Value proposed, as text; None if there is none.
    """

    subject: str
    key: str
    before: str | None
    after: str | None


def differences(before: Sheets, after: Sheets) -> tuple[Change, ...]:
    """Return every key that differs, in a stable order."""
    changes: list[Change] = []
    for kind, old, new in (
        ("connection", before.connections, after.connections),
        ("structure", before.directory.structures, after.directory.structures),
        ("platform", before.directory.platforms, after.directory.platforms),
        ("address", _lines(before.directory), _lines(after.directory)),
    ):
        for name in sorted({*old, *new}):
            changes.extend(_differ(f"{kind} {name}", old.get(name), new.get(name)))
    changes.extend(_differ_routes(before.directory.routes, after.directory.routes))
    return tuple(changes)


def proposed(hub: Hub, sheets: Sheets) -> Sheets:
    """Return what ``config/`` may put in force: of an imported directory the routes alone."""
    known = hub.ledger.sheets().directory
    if not known.imported:
        return sheets
    return replace(sheets, directory=replace(known, routes=sheets.directory.routes))


def _lines(directory: Directory) -> Mapping[str, Address]:
    """Return the lines of a directory by address, and the first day where there is one."""
    return {
        " ".join((one.identifier, *(str(day) for day in (one.validity.since,) if day))): one
        for lines in directory.addresses.values()
        for one in lines
    }


def check_sheets(hub: Hub, sheets: Sheets) -> None:
    """Refuse a configuration that names things which do not exist.

    Raises:
        ConfigError: Every fault, one a line.
    """
    faults = [
        *(fault for one in sheets.connections.values() for fault in _faults(hub, one)),
        *(
            f"routes.toml: route {place}: connection: « {route.connection} » n'existe pas"
            " / does not exist"
            for place, route in enumerate(sheets.directory.routes, 1)
            if route.connection not in sheets.connections
        ),
        *shared_folders(sheets.connections.values()),
    ]
    if faults:
        raise ConfigError("\n".join(faults))


def apply(hub: Hub, sheets: Sheets) -> tuple[Change, ...]:
    """Put `sheets` in force and return what changed; an imported directory stays as it is."""
    sheets = proposed(hub, sheets)
    check_sheets(hub, sheets)
    changes = differences(hub.ledger.sheets(), sheets)
    if changes:
        hub.ledger.apply(sheets, hub.by, hub.clock.now())
    return changes


def _faults(hub: Hub, one: Connection) -> Iterator[str]:
    if one.profile is not None and one.profile not in hub.profiles:
        known = ", ".join(sorted(hub.profiles))
        yield f"{one.name}: profile: « {one.profile} » inconnu / unknown ({known})"
    if one.retention not in hub.retention:
        known = ", ".join(sorted(hub.retention))
        yield f"{one.name}: retention: « {one.retention} » inconnu / unknown ({known})"
    if one.naming is Naming.GRAMMAR:
        for code in one.interfaces:
            if code not in hub.interfaces:
                known = ", ".join(sorted(hub.interfaces))
                yield f"{one.name}: interfaces: « {code} » inconnu / unknown ({known})"


def _differ(subject: str, old: object, new: object) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield Change(subject, "", _short(old), _short(new))
        return
    before, after = dict(_flat(old)), dict(_flat(new))
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield Change(subject, key, before.get(key), after.get(key))


def _differ_routes(before: tuple[Route, ...], after: tuple[Route, ...]) -> Iterator[Change]:
    """Yield how many routes differ, and the first of each kind, by their criteria."""
    if before == after:
        return
    old, new = _by_criteria(before), _by_criteria(after)
    old_ranks = {key: rank for rank, key in enumerate((key for key in old if key in new), 1)}
    new_ranks = {key: rank for rank, key in enumerate((key for key in new if key in old), 1)}
    removed = [Change(str(key), "", old[key], None) for key in old if key not in new]
    added = [Change(str(key), "", None, new[key]) for key in new if key not in old]
    changed = [
        Change(str(key), "connection", old[key], new[key])
        for key in new_ranks
        if old[key] != new[key]
    ]
    moved = [
        Change(str(key), "rank", str(old_ranks[key]), str(rank))
        for key, rank in new_ranks.items()
        if old_ranks[key] != rank
    ]
    counts = (
        f"{len(removed)} retirée(s) / removed, {len(added)} ajoutée(s) / added,"
        f" {len(changed)} modifiée(s) / changed, {len(moved)} déplacée(s) / moved"
    )
    yield Change("routes", "", f"{len(before)} route(s)", f"{len(after)} route(s): {counts}")
    for kind in (removed, added, changed, moved):
        yield from kind[:ROUTES_SHOWN]


@dataclass(frozen=True, slots=True)
class _Criteria:
    """What a route matches: `text`, for people; `nth` of those that match the same."""

    text: str
    nth: int

    def __str__(self) -> str:
        return f"route {self.text}" + (f" ({self.nth})" if self.nth > 1 else "")


def _by_criteria(routes: tuple[Route, ...]) -> dict[_Criteria, str]:
    """Return the name of each route's connection, in order, by what the route matches."""
    found: dict[_Criteria, str] = {}
    seen: Counter[str] = Counter()
    for route in routes:
        criteria = {**asdict(route), "type_codes": ",".join(route.type_codes)}
        connection = criteria.pop("connection")
        text = " ".join(f"{key}={value}" for key, value in criteria.items() if value) or "*"
        seen[text] += 1
        found[_Criteria(text, seen[text])] = connection
    return found


def _short(value: object) -> str | None:
    return None if value is None else "présent / present"


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf of a dataclass with its dotted path."""
    inside = value if isinstance(value, Mapping) else asdict(value)  # type: ignore[call-overload]  # only sheets and structures come here
    for key, item in inside.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(item, Mapping):
            yield from _flat(item, where)
        else:
            yield where, str(getattr(item, "value", item))
