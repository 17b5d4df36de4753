"""What was agreed with sender and receiver on the day a flow was received."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.app.hub import Hub, held_at
from pipeline.model.agreement import Agreement, ReceiverSchemas, Takes
from pipeline.model.connection import Connection
from pipeline.model.directory import Route, day_of
from pipeline.model.errors import ConfigError
from pipeline.model.interface import Interface
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Both sides' conditions, as they stood when a flow was received.

    Attributes:
        moment: When that was (aware).
        profile: Version of what its sender may send.
        takes: What receivers take, by name: every version.
        then: Gives a sheet in force what it said of the agreement at that moment.
    """

    moment: datetime
    profile: str
    takes: Mapping[str, Takes] = field(default_factory=dict)
    then: Callable[[Connection], Connection] = lambda sheet: sheet

    def receivers(self, sheets: Sheets) -> tuple[ReceiverSchemas, ...]:
        """Return the XSDs of every receiver that named some on that day, by name of its sheet."""
        found: list[ReceiverSchemas] = []
        for name in sorted(sheets.connections):
            taken = self.taken_by(sheets.connections[name])
            if taken is not None and taken.schemas:
                routes = [one for one in sheets.directory.routes if one.connection == name]
                found.append(ReceiverSchemas(taken.schemas, _buyers(routes)))
        return tuple(found)

    def with_receiver(self, receiver: Connection | None) -> Agreement:
        """Return the agreement on a document.

        Args:
            receiver: Whom it is for; None where it leads to nobody.

        Raises:
            ConfigError: The receiver's sheet names what does not exist.
        """
        taken = self.taken_by(receiver)
        return Agreement(
            day=day_of(self.moment),
            profile=self.profile,
            receiver=receiver.name if receiver else "",
            takes=taken.version if taken else "",
        )

    def taken_by(self, receiver: Connection | None) -> Takes | None:
        """Return what a receiver took on that day; None where it says nothing.

        Raises:
            ConfigError: Its sheet names what does not exist.
        """
        named = self.then(receiver).takes if receiver is not None else None
        if receiver is None or named is None:
            return None
        if named not in self.takes:
            raise ConfigError(f"{receiver.name}: takes: « {named} » inconnu / unknown")
        return self.takes[named].at(self.moment)


def _buyers(routes: Iterable[Route]) -> frozenset[str] | None:
    """Return the numbers that routes are for; None where one of them asks for none."""
    numbers = [one.buyer_siret or one.buyer_siren for one in routes]
    return None if None in numbers else frozenset(filter(None, numbers))


def as_agreed(hub: Hub, sheets: Sheets, sheet: Connection, moment: datetime) -> Connection:
    """Return a sheet in force with what it said of the agreement at a moment (aware).

    That is its profile, and what it takes: a sheet that is edited while flows wait binds what
    comes from then on. How its partner is reached is as it is now, and so is for whom it may
    send: a permission that was withdrawn stays so.

    Args:
        hub: The hub; asked only where the sheet changed since.
        sheets: The configuration in force.
        sheet: One of it.
        moment: When what is judged was received.
    """
    since = sheets.since.get(sheet.name)
    if since is None or since <= moment:
        return sheet
    then = held_at(hub.ledger.versions(sheet.name), moment)
    return sheet if then is None else replace(sheet, profile=then.profile, takes=then.takes)


def agreed_on(
    hub: Hub,
    sheets: Sheets,
    connection: Connection,
    interface: Interface | None,
    moment: datetime,
) -> Agreed:
    """Return what was agreed when a flow was received.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        connection: The sender's sheet, as it judges.
        interface: Of the flow, or None.
        moment: When it was received (aware).

    Raises:
        ConfigError: The sheet names a profile that does not exist.
    """
    known: dict[str, Connection] = {}

    def then(sheet: Connection) -> Connection:
        if sheet.name not in known:
            known[sheet.name] = as_agreed(hub, sheets, sheet, moment)
        return known[sheet.name]

    profile = hub.profile_for(connection, interface, moment)
    return Agreed(moment=moment, profile=profile.version, takes=hub.takes, then=then)
