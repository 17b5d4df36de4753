"""Every kind of door behind one: the sheet says which protocol leads to a partner."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from pipeline.model.connection import Connection, Protocol
from pipeline.ports.outside import Doors, Session


class DoorsByProtocol:
    """Opens each connection through the adapter of its door's protocol."""

    def __init__(self, adapters: Mapping[Protocol, Doors]) -> None:
        """Take one adapter a protocol; all must be there."""
        self._adapters = adapters

    def open(self, connection: Connection) -> AbstractContextManager[Session]:
        """Open `connection`'s door; see `ports.outside.Doors`."""
        return self._adapters[connection.door.protocol].open(connection)
