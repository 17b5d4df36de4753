"""Everything the use cases need, gathered once by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.model.acknowledgement import AnswerFacts, AnswerFile
from pipeline.model.connection import Connection, Interface
from pipeline.model.errors import ConfigError
from pipeline.model.profile import Profile
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine
from pipeline.ports.ledger import Ledger, Sheets
from pipeline.ports.outside import Archive, Clock, Doors, Spool

#: Writes the answer files for some facts, taking sequence numbers as it needs them.
Compose = Callable[[AnswerFacts, Callable[[str], int]], tuple[AnswerFile, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One running hub.

    Attributes:
        by: Who acts, as events tell it: ``run:<id>`` or ``operator:<name>``.
    """

    clock: Clock
    ledger: Ledger
    archive: Archive
    spool: Spool
    engine: Engine
    doors: Doors
    interfaces: Mapping[str, Interface]
    profiles: Mapping[str, Profile]
    settings: Settings
    compose: Compose
    by: str

    def profile_for(self, connection: Connection, interface: Interface | None) -> Profile:
        """Return what a sender's documents are held against: sheet, family, default.

        Raises:
            ConfigError: The sheet names a profile that does not exist.
        """
        family = interface.profile if interface else self.settings.default_profile
        name = connection.profile or family
        if name not in self.profiles:
            raise ConfigError(f"{connection.name}: profil inconnu / unknown profile '{name}'")
        return self.profiles[name]


def sheet_of(sheets: Sheets, name: str) -> Connection:
    """Return a connection sheet by name.

    Raises:
        ConfigError: It is no longer in force.
    """
    try:
        return sheets.connections[name]
    except KeyError:
        raise ConfigError(
            f"{name}: fiche de raccordement absente ou close / connection sheet absent or closed"
        ) from None
