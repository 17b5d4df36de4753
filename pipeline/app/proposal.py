"""A change that is proposed and not made: one sheet, profile or pack beside what is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from pipeline.app.apply import check_sheets
from pipeline.app.hub import Hub
from pipeline.model.connection import Connection, Role
from pipeline.model.errors import ConfigError
from pipeline.model.profile import Profile
from pipeline.ports.ledger import Sheets


class Touches(Enum):
    """What kind of thing a change changes."""

    SENDER = "sender"  #: the sheet of a sender
    RECEIVER = "receiver"  #: the sheet of a receiver
    PROFILE = "profile"
    PACK = "pack"  #: rules
    SCHEMA = "schema"


class Named(Enum):
    """As what a name was understood."""

    SHEET = "sheet"
    PROFILE = "profile"
    PACK = "pack"


@dataclass(frozen=True, slots=True)
class Change:
    """A hub and its sheets as they are, and as they would be.

    Attributes:
        kind: What is changed.
        name: Of it.
        hub: As it is.
        sheets: In force.
        new_hub: As proposed; the same one where only a sheet is.
        new_sheets: As proposed; the same where no sheet is.
    """

    kind: Touches
    name: str
    hub: Hub
    sheets: Sheets
    new_hub: Hub
    new_sheets: Sheets


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a configuration holds that may be put in force.

    Attributes:
        place: Where it is, for people.
        connections: Its sheets, by name.
        profiles: Its profiles, by name.
    """

    place: str
    connections: Mapping[str, Connection]
    profiles: Mapping[str, Profile]


def understand(
    hub: Hub, sheets: Sheets, offer: Offer, subject: str, *, is_file: bool
) -> tuple[Named, str]:
    """Return what a subject names, and its name.

    Args:
        hub: The hub.
        sheets: In force.
        offer: What is proposed.
        subject: As typed: a name, or ``sheet:NAME``, ``profile:NAME``, ``pack:PATH``.
        is_file: Whether it is, without such a beginning, the path of a file.

    Raises:
        ConfigError: It names nothing, or several things.
    """
    beginning, _, rest = subject.partition(":")
    asked = [one for one in Named if one.value == beginning and rest]
    name = rest if asked else subject
    known_sheets = {*sheets.connections, *offer.connections}
    known_profiles = {*hub.profiles, *offer.profiles}
    found = {
        Named.SHEET: name in known_sheets,
        Named.PROFILE: name in known_profiles,
        Named.PACK: is_file or asked == [Named.PACK],
    }
    kinds = [kind for kind in asked or Named if found[kind]]
    if len(kinds) == 1:
        return kinds[0], name
    if kinds:
        ways = ", ".join(f"{one.value}:{name}" for one in kinds)
        raise ConfigError(
            f"{subject}: plusieurs choses portent ce nom, précisez / several things have this"
            f" name, say which: {ways}"
        )
    raise ConfigError(
        f"{subject}: ni fiche, ni profil, ni fichier de règles / no sheet, profile or file of"
        f" rules; fiches / sheets: {_listed(known_sheets)}; profils / profiles:"
        f" {_listed(known_profiles)}"
    )


def sheet_change(hub: Hub, sheets: Sheets, offer: Offer, name: str) -> Change:
    """Return the hub with one sheet as it is offered.

    Raises:
        ConfigError: It cannot be put in force, or nothing about it would change.
    """
    before, after = sheets.connections.get(name), offer.connections.get(name)
    if after is None:
        raise ConfigError(
            f"{name}: absente de {offer.place}, l'appliquer clorait la fiche : rien à rejouer"
            " / not there, applying that would close the sheet: nothing to rehearse"
        )
    if before == after:
        raise _unchanged(name, offer)
    check_sheets(hub, Sheets({name: after}))
    role = before.role if before else after.role
    kind = Touches.SENDER if role is Role.SENDER else Touches.RECEIVER
    proposed = replace(sheets, connections={**sheets.connections, name: after})
    return Change(kind, name, hub, sheets, hub, proposed)


def profile_change(hub: Hub, sheets: Sheets, offer: Offer, name: str) -> Change:
    """Return the hub with one profile as it is offered: of several versions, the last.

    Raises:
        ConfigError: It is not offered, or nothing about it would change.
    """
    before, after = hub.profiles.get(name), offer.profiles.get(name)
    if after is None:
        raise ConfigError(
            f"{name}: absent de {offer.place} / not there: {_listed(offer.profiles)}"
        )
    newest = replace(after.later[-1] if after.later else after, later=())
    if before is not None and replace(before.at(hub.clock.now()), later=()) == newest:
        raise _unchanged(name, offer)
    new_hub = replace(hub, profiles={**hub.profiles, name: newest})
    return Change(Touches.PROFILE, name, hub, sheets, new_hub, sheets)


def _unchanged(name: str, offer: Offer) -> ConfigError:
    return ConfigError(
        f"{name}: {offer.place} dit ce qui est en vigueur, rien à rejouer ; --config DIR en lit un"
        " autre / says what is in force, nothing to rehearse; --config DIR reads another one"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "—"
