"""Where a hub keeps what changes: the workspace, its settings and its tables."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model.agreement import Takes
from pipeline.model.errors import ConfigError
from pipeline.model.interface import Interface
from pipeline.model.profile import Profile
from pipeline.model.settings import Settings

if TYPE_CHECKING:
    from pipeline.adapters.packs import PackShelf

_WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one hub keeps everything that changes.

    Attributes:
        home: The folder (``EDI_HOME``).
        database: SQLAlchemy URL (``EDI_DATABASE``; by default a SQLite file in `home`).
        packs: Folder of installed packs (``EDI_PACKS``).
    """

    home: Path
    database: str
    packs: Path

    @property
    def config(self) -> Path:
        """Return the folder that proposes: sheets, directory, settings."""
        return self.home / "config"

    @property
    def originals(self) -> Path:
        """Return the folder of the archive: originals, and the names of their keys."""
        return self.home / "archive"


def workspace(home: Path | None = None) -> Workspace:
    """Find the workspace in the environment, or take `home` (with a SQLite ledger)."""
    from pipeline.adapters.configuration import Environment

    given = Environment()
    folder = (home or given.home).resolve()
    sqlite = f"sqlite:///{folder / 'ledger.sqlite'}"
    return Workspace(
        home=folder,
        database=sqlite if home else given.database or sqlite,
        packs=given.packs or Path(sys.prefix) / "share" / "edi" / "packs",
    )


def must_exist(place: Workspace) -> None:
    """Refuse to work where there is no workspace, or one that others may write in.

    Raises:
        ConfigError: It is so; the message tells what to do.
    """
    if not place.config.is_dir():
        raise ConfigError(
            f"{place.home}: pas d'espace de travail ; lancez « edi init »"
            " / no workspace; run 'edi init' first"
        )
    found = place.home.stat()
    if found.st_mode & _WRITABLE_BY_OTHERS or found.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(
            f"{place.home}: d'autres peuvent y écrire / others may write there:"
            f" chown, chmod 700 {place.home}"
        )


def table_of(place: Workspace, name: str) -> Path:
    """Return where a table of the product is: the workspace's own, or the packaged one."""
    from pipeline.adapters.resources import data_folder

    own = place.config / name
    return own if own.exists() else data_folder("config") / name


def settings(place: Workspace) -> Settings:
    """Read the settings of a workspace.

    Raises:
        ConfigError: They cannot be used; the message names key and fault.
    """
    from pipeline.adapters.configuration import read_settings

    return read_settings(place.config / "pipeline.toml")


def profiles(place: Workspace) -> dict[str, Profile]:
    """Return the validation profiles by name, each with the versions that take its place."""
    return profiles_in(table_of(place, "profiles.toml"))


def interfaces(place: Workspace) -> dict[str, Interface]:
    """Return what flows may carry, by interface code."""
    from pipeline.adapters.configuration import read_interfaces

    return read_interfaces(table_of(place, "interfaces.toml"))


def takes(place: Workspace) -> dict[str, Takes]:
    """Return what receivers may take, by name."""
    from pipeline.adapters.configuration import read_takes

    return read_takes(table_of(place, "profiles.toml"))


def profiles_in(path: Path) -> dict[str, Profile]:
    """Read the profiles of one table."""
    from pipeline.adapters.configuration import read_profiles
    from pipeline.validate.rules.sets import SETS

    known = {group.name: frozenset(rule.identifier for rule in group.rules) for group in SETS}
    return read_profiles(path, known)


def shelf(place: Workspace) -> PackShelf:
    """Return the shelf of official packs."""
    from pipeline.adapters.packs import PackShelf

    catalogue = table_of(place, "packs.toml").read_text(encoding="utf-8")
    return PackShelf(catalogue, place.packs)


def arm_failpoints() -> None:
    """Arm what ``EDI_FAILPOINT`` and ``EDI_FAILPOINT_TRACE`` ask for: nothing outside of tests.

    Raises:
        ConfigError: There is no such failpoint, or the trace cannot be written.
    """
    from pipeline.adapters.configuration import Environment
    from pipeline.adapters.failpoints import arm_from

    given = Environment()
    arm_from(given.failpoint, given.failpoint_trace)
