"""What was agreed with sender and receiver on the day a flow was received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.app.hub import Hub
from pipeline.model.agreement import Agreement, Takes
from pipeline.model.connection import Connection
from pipeline.model.directory import day_of
from pipeline.model.errors import ConfigError
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Both sides' conditions, as they stood when a flow was received.

    Attributes:
        moment: When that was (aware).
        profile: Version of what its sender may send.
        takes: What receivers take, by name: every version.
    """

    moment: datetime
    profile: str
    takes: Mapping[str, Takes] = field(default_factory=dict)

    def receivers_schemas(self) -> Mapping[str, tuple[str, ...]]:
        """Return the XSDs of all that receivers took on that day, by syntax.

        Each once, in a fixed order.
        """
        found: dict[str, dict[str, None]] = {}
        for name in sorted(self.takes):
            for syntax, schemas in self.takes[name].at(self.moment).schemas.items():
                found.setdefault(syntax, {}).update(dict.fromkeys(schemas))
        return {syntax: tuple(schemas) for syntax, schemas in found.items()}

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
        if receiver is None or receiver.takes is None:
            return None
        if receiver.takes not in self.takes:
            raise ConfigError(f"{receiver.name}: takes: « {receiver.takes} » inconnu / unknown")
        return self.takes[receiver.takes].at(self.moment)


def agreed_on(
    hub: Hub, connection: Connection, interface: Interface | None, flow: Interchange
) -> Agreed:
    """Return what was agreed when a flow was received.

    Args:
        hub: The hub.
        connection: The sender's sheet.
        interface: Of the flow, or None.
        flow: The flow.

    Raises:
        ConfigError: The sheet names a profile that does not exist.
    """
    profile = hub.profile_for(connection, interface, flow.received_at)
    return Agreed(moment=flow.received_at, profile=profile.version, takes=hub.takes)
