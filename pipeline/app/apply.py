"""Put the configuration in force: show what would change, then change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from pipeline.app.credentials import refused
from pipeline.app.hub import Hub
from pipeline.app.subscriptions import subscription_faults
from pipeline.model.connection import Connection, Role
from pipeline.model.directory import Address, Directory, Kind, Route, Validity, day_of
from pipeline.model.errors import ConfigError
from pipeline.model.offered import Offered
from pipeline.model.rollover import kept
from pipeline.ports.ledger import Sheets
from pipeline.syntax.check_digits import is_siret

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
    changes = list(_differ_by_name("connection", before.connections, after.connections))
    old, new = before.directory, after.directory
    if new.is_at_hand:  # else it is the one in force, which stays where it lies
        old = old.loaded()
        changes += _differ_by_name("structure", old.structures, new.structures)
    changes += _differ_by_name("platform", old.platforms, new.platforms)
    if new.is_at_hand:
        changes += _differ_by_name("address", _lines(old), _lines(new))
    changes.extend(_differ_routes(before.directory.routes, after.directory.routes))
    return tuple(changes)


def _differ_by_name(
    kind: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        yield from _differ(f"{kind} {name}", old.get(name), new.get(name))


def key_differences(
    name: str, before: Connection | None, after: Connection | None
) -> tuple[Change, ...]:
    """Return every key in which two versions of a connection sheet differ."""
    return tuple(_differ(f"connection {name}", before, after))


def proposed(hub: Hub, sheets: Sheets) -> Sheets:
    """Return what ``config/`` may put in force: of an imported directory the routes alone."""
    known = hub.ledger.sheets()
    directory = _merged(known, sheets.directory)
    return replace(
        sheets, connections=_rolled_over(known, sheets.connections), directory=directory
    )


def _rolled_over(known: Sheets, offered: Mapping[str, Connection]) -> Mapping[str, Connection]:
    """Return offered sheets without the keys and certificates that gave way since."""
    return {
        name: kept(known.connections[name], sheet) if name in known.connections else sheet
        for name, sheet in offered.items()
    }


def _merged(known: Sheets, directory: Directory) -> Directory:
    if not known.directory.imported:
        return directory
    return replace(known.directory, routes=directory.routes)


def _lines(directory: Directory) -> Mapping[str, Address]:
    """Return the lines of a directory by address, and the first day where there is one."""
    return {
        " ".join((one.identifier, *(str(day) for day in (one.validity.since,) if day))): one
        for lines in directory.addresses.values()
        for one in lines
    }


@dataclass(frozen=True, slots=True)
class Fit:
    """What of an offered configuration may be put in force.

    Attributes:
        sheets: All that then is: where something is wrong with a sheet, the version in force
            stays, and so do the routes in force where one of those offered leads nowhere.
        faults: What is wrong, one sentence each.
    """

    sheets: Sheets
    faults: tuple[str, ...]


def fit(hub: Hub, offered: Offered) -> Fit:
    """Tell what of a configuration may be put in force, and what is wrong with the rest.

    A bad sheet is refused alone. Routes are taken whole or not at all, since the first that
    matches wins: without one of them what it is for would go where the next one leads.
    """
    known, now = hub.ledger.sheets(), hub.clock.now()
    day, in_force = day_of(now), known.connections
    offered = replace(offered, connections=_rolled_over(known, offered.connections))
    directory = _merged(known, offered.directory or known.directory)
    all_faults = offered.blamed(
        {
            name: (
                *_faults(hub, one),
                *_agreement_faults(one, directory, offered.pilot, day),
                *refused(hub, in_force.get(name), one, now),
            )
            for name, one in offered.connections.items()
        }
    ).faults
    connections = {
        name: one for name, one in offered.connections.items() if name not in all_faults
    }
    # of a file that nobody can read it is not known whose it is: nothing is withdrawn meanwhile
    staying = in_force if offered.strays else {*all_faults} & {*in_force}
    connections = {**{name: in_force[name] for name in staying}, **connections}
    lost = tuple(_lost_routes(directory.routes, connections))
    if lost:
        directory = replace(directory, routes=known.directory.routes)
        needed = {route.connection for route in directory.routes} & {*known.connections}
        connections = {**{name: known.connections[name] for name in needed}, **connections}
    faults = (
        *(fault for name in sorted(all_faults) for fault in all_faults[name]),
        *(_stays(name, known) for name in sorted(all_faults)),
        *offered.strays,
        *((_NOTHING_WITHDRAWN,) if offered.strays else ()),
        *offered.directory_faults,
        *((_DIRECTORY_STAYS,) if offered.directory_faults else ()),
        *lost,
        *((_ROUTES_STAY,) if lost else ()),
    )
    return Fit(Sheets(connections, directory), faults)


_NOTHING_WITHDRAWN = (
    "aucune fiche n'est retirée tant qu'un fichier reste illisible"
    " / no sheet is withdrawn while a file cannot be read"
)
_DIRECTORY_STAYS = "l'annuaire en vigueur reste / the directory in force stays"
_ROUTES_STAY = (
    "les routes en vigueur restent, avec les fiches où elles mènent"
    " / the routes in force stay, with the sheets that they lead to"
)


def _stays(name: str, known: Sheets) -> str:
    if name in known.connections:
        return f"{name}: la version en vigueur reste / the version in force stays"
    return f"{name}: n'est pas mise en vigueur / is not put in force"


def check_sheets(hub: Hub, sheets: Sheets) -> None:
    """Refuse a configuration that names things which do not exist.

    Raises:
        ConfigError: Every fault, one a line.
    """
    faults = [
        *(fault for one in sheets.connections.values() for fault in _faults(hub, one)),
        *_lost_routes(sheets.directory.routes, sheets.connections),
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


def _lost_routes(routes: Iterable[Route], connections: Collection[str]) -> Iterator[str]:
    for place, route in enumerate(routes, 1):
        if route.connection not in connections:
            yield (
                f"routes.toml: route {place}: connection: « {route.connection} » n'existe pas"
                " / does not exist"
            )


def _faults(hub: Hub, one: Connection) -> Iterator[str]:
    """Yield what a sheet names that is not there: with such a sheet no run can be made."""
    if one.profile is not None and one.profile not in hub.profiles:
        known = ", ".join(sorted(hub.profiles))
        yield f"{one.name}: profile: « {one.profile} » inconnu / unknown ({known})"
    if one.takes is not None and one.takes not in hub.takes:
        known = ", ".join(sorted(hub.takes))
        yield f"{one.name}: takes: « {one.takes} » inconnu / unknown ({known})"
    if one.retention not in hub.retention:
        known = ", ".join(sorted(hub.retention))
        yield f"{one.name}: retention: « {one.retention} » inconnu / unknown ({known})"
    yield from subscription_faults(one, hub.interfaces)


def _agreement_faults(
    one: Connection, directory: Directory, pilot: Mapping[str, Collection[Validity]], today: date
) -> Iterator[str]:
    """Yield what is wrong with who a sheet says that its partner is."""
    if one.structure is None:
        return
    if not is_siret(one.structure):
        yield (
            f"{one.name}: structure: « {one.structure} » n'est pas un SIRET, sa clé est fausse :"
            " vérifiez-le / is no SIRET, its check digit is wrong: check it"
        )
        return
    listed = directory.structures.get(one.structure)
    private = one.private or (listed is not None and listed.kind is Kind.PRIVATE)
    day = max(today, one.start_date or today)
    siren = one.structure[:9]
    registered = any(time.covers(day) for time in pilot.get(siren, ()))
    if one.role is Role.RECEIVER and private and not registered:
        yield (
            f"{one.name}: structure: le SIREN {siren}, entreprise privée, n'est pas inscrit au"
            f" pilote B2B le {day} : inscrivez-le dans config/directory/pilot.csv, ou changez"
            f" start_date / a private company, not registered for the B2B pilot on {day}:"
            " register it in config/directory/pilot.csv, or change start_date"
        )


def _differ(subject: str, old: object, new: object) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield Change(subject, "", _short(old), _short(new))
        return
    before, after = dict(flat(old)), dict(flat(new))
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


def flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf of a dataclass with its dotted path."""
    inside = value if isinstance(value, Mapping) else asdict(value)  # type: ignore[call-overload]  # only sheets and structures come here
    for key, item in inside.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(item, Mapping):
            yield from flat(item, where)
        else:
            yield where, str(getattr(item, "value", item))
