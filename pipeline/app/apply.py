"""Put the configuration in force: show what would change, then change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TypeVar

from pipeline.app.apart import shared_folders
from pipeline.app.credentials import refused
from pipeline.app.hub import Hub
from pipeline.app.subscriptions import subscription_faults
from pipeline.model.api_sheet import Access, ApiSheet
from pipeline.model.connection import Connection, Role
from pipeline.model.directory import Address, Directory, Kind, Route, Validity, day_of
from pipeline.model.errors import ConfigError
from pipeline.model.offered import Offered
from pipeline.model.proposal import Proposal
from pipeline.model.rollover import kept
from pipeline.model.settings import Approval
from pipeline.model.standing import BEFORE_TRAFFIC, SheetState
from pipeline.ports.ledger import Sheets
from pipeline.syntax.check_digits import is_siret

S = TypeVar("S")

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
    changes += _differ_by_name("api", before.apis, after.apis)
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
    name: str, before: Connection | ApiSheet | None, after: Connection | ApiSheet | None
) -> tuple[Change, ...]:
    """Return every key in which two versions of a sheet differ."""
    kind = "api" if isinstance(after, ApiSheet) else "connection"
    return tuple(_differ(f"{kind} {name}", before, after))


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
    known = hub.ledger.sheets()
    offered = replace(offered, connections=_rolled_over(known, offered.connections))
    directory = _merged(known, offered.directory or known.directory)
    by_sheet = offered.blamed(_faults_by_sheet(hub, known, offered, directory)).faults
    # of a file that nobody can read it is not known whose it is: nothing is withdrawn meanwhile
    staying = {*known.connections, *known.apis} if offered.strays else {*by_sheet}
    connections = _good(offered.connections, known.connections, by_sheet, staying)
    lost = tuple(_lost_routes(directory.routes, connections))
    if lost:
        directory = replace(directory, routes=known.directory.routes)
        needed = {route.connection for route in directory.routes}
        connections = _good(connections, known.connections, (), needed)
    apis = _good(offered.apis, known.apis, by_sheet, staying)
    faults = (
        *(fault for name in sorted(by_sheet) for fault in by_sheet[name]),
        *(_stays(name, known) for name in sorted(by_sheet)),
        *offered.strays,
        *((_NOTHING_WITHDRAWN,) if offered.strays else ()),
        *offered.directory_faults,
        *((_DIRECTORY_STAYS,) if offered.directory_faults else ()),
        *lost,
        *((_ROUTES_STAY,) if lost else ()),
    )
    return Fit(Sheets(connections, directory, apis), faults)


def _good(
    offered: Mapping[str, S],
    in_force: Mapping[str, S],
    bad: Collection[str],
    staying: Collection[str],
) -> dict[str, S]:
    """Return the sheets that are not bad, over those in force that are to stay."""
    kept = {name: one for name, one in in_force.items() if name in staying}
    return kept | {name: one for name, one in offered.items() if name not in bad}


def _faults_by_sheet(
    hub: Hub, known: Sheets, offered: Offered, directory: Directory
) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with the sheets that could be read."""
    now, shared = hub.clock.now(), shared_folders(offered.connections.values())
    doors = {
        name: (
            *_faults(hub, one),
            *_agreement_faults(one, directory, offered.pilot, day_of(now)),
            *shared.get(name, ()),
            *refused(hub, known.connections.get(name), one, now),
        )
        for name, one in offered.connections.items()
    }
    apis = {
        name: tuple(_api_faults(hub, known.apis.get(name), one))
        for name, one in offered.apis.items()
    }
    return doors | apis


def _api_faults(hub: Hub, known: ApiSheet | None, one: ApiSheet) -> Iterator[str]:
    """Yield what is wrong with a sheet of the API; one by certificate is only renewed."""
    if one.structure is not None and not is_siret(one.structure):
        yield _wrong_siret(one.name, one.structure)
    for code in one.interfaces:
        if code not in hub.interfaces:
            yield f"{one.name}: interfaces: « {code} » inconnu / unknown"
    if one.access is not Access.CERTIFICATE:
        return
    last = hub.settings.api_certificates_until
    is_brought = one.start_date is not None and last is not None and one.start_date < last
    if not is_brought and (known is None or not one.renews(known)):
        yield (
            f"{one.name}: access: « certificate » : un accès par certificat se renouvelle, il ne"
            " se crée plus ; utilisez access = 'oauth2' / access by certificate is renewed, never"
            " made anew; use access = 'oauth2'"
        )
    before = known.doorless if known else None
    yield from refused(hub, before, one.doorless, hub.clock.now())


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
    if name in {*known.connections, *known.apis}:
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
        *(
            fault
            for each in shared_folders(sheets.connections.values()).values()
            for fault in each
        ),
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


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a configuration that was to be put in force.

    Attributes:
        changes: What is in force now and was not before.
        proposals: What waits for a second person.
    """

    changes: tuple[Change, ...]
    proposals: tuple[Proposal, ...] = ()


def carry_out(hub: Hub, sheets: Sheets, *, draft: bool = False) -> Carried:
    """Put `sheets` in force, as far as nobody else has to agree; propose the rest.

    Args:
        hub: The hub; where it asks for four eyes, only what carries no traffic is in force at
            once: new sheets, as drafts, and those that are not approved yet.
        sheets: What fits.
        draft: True to let new sheets begin as drafts, whoever has to agree.

    Raises:
        ConfigError: It names things which do not exist.
    """
    check_sheets(hub, sheets)
    known, now = hub.ledger.sheets(), hub.clock.now()
    four_eyes = hub.settings.approval is Approval.FOUR_EYES
    at_once = _at_once(known, sheets) if four_eyes else sheets
    changes = differences(known, at_once)
    begin = SheetState.DRAFT if draft or four_eyes else SheetState.PRODUCTION
    if changes:
        hub.ledger.apply(at_once, hub.by, now, begin=begin)
    proposals = hub.ledger.propose(sheets, hub.by, now) if four_eyes else ()
    return Carried(changes, tuple(proposals))


def _at_once(known: Sheets, wanted: Sheets) -> Sheets:
    """Return what is in force with every change that no traffic depends on."""
    names = {*known.connections, *wanted.connections, *known.apis, *wanted.apis}
    free = {
        name for name in names if name not in known.standing or known.state(name) in BEFORE_TRAFFIC
    }
    return Sheets(
        _mixed(known.connections, wanted.connections, free),
        known.directory,
        _mixed(known.apis, wanted.apis, free),
    )


def _mixed(before: Mapping[str, S], after: Mapping[str, S], free: Collection[str]) -> dict[str, S]:
    """Return sheets as they were, but for those that are free to change."""
    stays = {name: one for name, one in before.items() if name not in free}
    return stays | {name: one for name, one in after.items() if name in free}


def _wrong_siret(name: str, structure: str) -> str:
    return (
        f"{name}: structure: « {structure} » n'est pas un SIRET, sa clé est fausse : vérifiez-le"
        " / is no SIRET, its check digit is wrong: check it"
    )


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
        yield _wrong_siret(one.name, one.structure)
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
