"""Put the configuration in force: show what would change, then change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from pipeline.app.hub import Hub
from pipeline.model.connection import Connection, Naming
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs between the sheet in force and the one proposed.

    Attributes:
        subject: ``connection NAME``, ``structure SIRET`` or ``routes``.
        key: Dotted path, or empty where the whole thing is new or gone.
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
    ):
        for name in sorted({*old, *new}):
            changes.extend(_differ(f"{kind} {name}", old.get(name), new.get(name)))
    if before.directory.routes != after.directory.routes:
        routes = (str(len(s.directory.routes)) + " route(s)" for s in (before, after))
        changes.append(Change("routes", "", *routes))
    return tuple(changes)


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
    ]
    if faults:
        raise ConfigError("\n".join(faults))


def apply(hub: Hub, sheets: Sheets) -> tuple[Change, ...]:
    """Put `sheets` in force and return what changed."""
    check_sheets(hub, sheets)
    changes = differences(hub.ledger.sheets(), sheets)
    if changes:
        hub.ledger.apply(sheets, hub.by, hub.clock.now())
    return changes


def _faults(hub: Hub, one: Connection) -> Iterator[str]:
    if one.profile is not None and one.profile not in hub.profiles:
        known = ", ".join(sorted(hub.profiles))
        yield f"{one.name}: profile: « {one.profile} » inconnu / unknown ({known})"
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
