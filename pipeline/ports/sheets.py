"""The configuration in force, and the versions that sheets had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.model.api_sheet import ApiSheet
from pipeline.model.connection import Connection
from pipeline.model.directory import Directory
from pipeline.model.standing import SheetState, Standing


@dataclass(frozen=True, slots=True)
class Sheets:
    """The configuration in force.

    Attributes:
        connections: The connection sheets, by name.
        directory: Who can be billed, and where to.
        apis: The sheets of partners that come by the API, by name; no two sheets of either kind
            have one name.
        standing: Where sheets stand, by name, those among them that are not in force any more.
            Only the ledger knows: what `config/` proposes has none, and applying looks at none.
        since: When the version in force of each sheet was put in force, as far as the ledger
            told.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)
    apis: Mapping[str, ApiSheet] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)

    def state(self, connection: str) -> SheetState:
        """Return where a sheet stands; in production if nothing else is known of it."""
        known = self.standing.get(connection)
        return known.state if known else SheetState.PRODUCTION

    def agreed(self, connection: str) -> SheetState:
        """Return where a sheet stands, and of a suspended one where it will go on."""
        known = self.standing.get(connection)
        return known.agreed if known else SheetState.PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetVersion:
    """One version of a sheet that was ever put in force.

    Attributes:
        version: From 1.
        connection: What it says; None where this version of the code cannot read it.
        applied_at: When it was put in force (aware, UTC).
        by: Who did.
        ended_at: When another one took its place, or none did; None while it is in force.
    """

    version: int
    connection: Connection | ApiSheet | None
    applied_at: datetime
    by: str
    ended_at: datetime | None

    def held_at(self, moment: datetime) -> bool:
        """Tell whether it was in force at a moment."""
        return self.applied_at <= moment and (self.ended_at is None or moment < self.ended_at)
