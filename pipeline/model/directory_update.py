"""What a file says of the directory, and the directory that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum

from pipeline.model.directory import (
    Address,
    Directory,
    Kind,
    Platform,
    Service,
    Structure,
)


class Table(Enum):
    """One sort of lines in the directory."""

    STRUCTURES = "structures"
    SERVICES = "services"
    ADDRESSES = "addresses"
    PLATFORMS = "platforms"


@dataclass(frozen=True, slots=True)
class Unit:
    """A legal unit, as far as its establishments depend on it.

    Attributes:
        kind: Public or private; None where it is not said.
        active: Whether it takes part.
    """

    kind: Kind | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a file says.

    Attributes:
        structures: By SIRET, their services left out. Each takes the place of what was known
            of it, but for its services.
        units: Legal units by SIREN, where the file tells of them apart from their
            establishments; these get kind and status from there, or keep those they have.
        services: By SIRET, then by code.
        addresses: Each takes the place of the line of the same identifier and first day.
        platforms: By matricule.
        removed: SIRET of structures that the file takes out.
        removed_services: SIRET and code of services that it takes out.
        full: The tables of which it holds every line: what it leaves out is taken out.
        apart: Whether it tells of legal units apart from establishments.
        places: Where in the file the services of a SIRET are first told.
        sha256: Of its bytes.
    """

    structures: Mapping[str, Structure] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Service]] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    removed_services: frozenset[tuple[str, str]] = frozenset()
    full: frozenset[Table] = frozenset()
    apart: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""


def orphans(directory: Directory, update: Update) -> Iterator[tuple[str, str]]:
    """Yield the SIRET of services whose structure is nowhere, each with its place in the file."""
    known = _kept(directory, update).keys() | update.structures.keys()
    for siret in update.services:
        if siret not in known:
            yield siret, update.places.get(siret, "")


def merge(directory: Directory, update: Update) -> Directory:
    """Return the directory that an update makes of another; routes stay."""
    platforms = {} if Table.PLATFORMS in update.full else dict(directory.platforms)
    return Directory(
        structures=dict(_structures(directory, update)),
        routes=directory.routes,
        addresses=_addresses(directory, update),
        platforms={**platforms, **update.platforms},
        imported=True,
    )


def _kept(directory: Directory, update: Update) -> Mapping[str, Structure]:
    """Return the structures that stay whatever the update says of them."""
    if Table.STRUCTURES in update.full:
        return {}
    return {
        siret: one for siret, one in directory.structures.items() if siret not in update.removed
    }


def _structures(directory: Directory, update: Update) -> Iterator[tuple[str, Structure]]:
    units = {one.siren: Unit(one.kind, one.unit_active) for one in directory.structures.values()}
    units |= update.units
    merged = {**_kept(directory, update), **update.structures}
    for siret in sorted(merged.keys() - update.removed):
        one = merged[siret]
        unit = units.get(one.siren) if update.apart else None
        if unit is not None:
            one = replace(one, kind=unit.kind, unit_active=unit.active)
        yield siret, replace(one, services=_services(directory, update, siret))


def _services(directory: Directory, update: Update, siret: str) -> Mapping[str, Service]:
    before = directory.structures.get(siret)
    kept = {} if before is None or Table.SERVICES in update.full else before.services
    merged = {**kept, **update.services.get(siret, {})}
    return {
        code: one for code, one in merged.items() if (siret, code) not in update.removed_services
    }


def _addresses(directory: Directory, update: Update) -> Mapping[str, tuple[Address, ...]]:
    before = () if Table.ADDRESSES in update.full else directory.addresses.values()
    lines = {_key(one): one for lines in before for one in lines}
    lines |= {_key(one): one for one in update.addresses}
    found: dict[str, tuple[Address, ...]] = {}
    for _, one in sorted(lines.items()):
        found[one.siren] = (*found.get(one.siren, ()), one)
    return found


def _key(address: Address) -> tuple[str, date]:
    return address.identifier, address.validity.since or date.min
