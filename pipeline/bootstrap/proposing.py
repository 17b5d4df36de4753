"""Reads what ``config/`` and files of the operator propose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.engines import make_engine
from pipeline.bootstrap.places import Workspace, profiles_in, settings, shelf
from pipeline.bootstrap.writing import converter
from pipeline.model.directory import Directory, Validity
from pipeline.model.directory_update import Update
from pipeline.model.errors import ConfigError
from pipeline.model.limits import Limits
from pipeline.model.offered import Offered
from pipeline.ports.ledger import Sheets

if TYPE_CHECKING:
    from pipeline.adapters.directory_files import Numbers
    from pipeline.adapters.packs import Pack
    from pipeline.app.hub import Hub
    from pipeline.app.proposal import Change
    from pipeline.model.connection import Connection as Sheet

#: An F14 is one document, and a large one: so many elements are kept in memory at most.
_F14_LIMITS = Limits(elements=5_000_000)


def proposed_sheets(place: Workspace) -> Sheets:
    """Read what ``config/`` proposes."""
    from pipeline.adapters.configuration import read_sheets
    from pipeline.adapters.directory_files import read_directory

    read = read_sheets(place.config / "connections")
    directory = read_directory(place.config / "directory", numbers())
    return Sheets(read.connections, directory, read.apis)


@contextmanager
def proposed_change(
    place: Workspace, hub: Hub, subject: str, config: Path | None
) -> Iterator[Change]:
    """Return a hub in which one sheet, profile or pack is as proposed, beside what is in force.

    Args:
        place: The workspace.
        hub: Its hub.
        subject: Name of a sheet or profile, or path of a pack.
        config: Folder to read the sheet or profile from; None for the workspace's own.

    Raises:
        ConfigError: The subject names nothing, or several things, or nothing would change.
    """
    from pipeline.adapters.configuration import read_connections
    from pipeline.app.proposal import (
        Named,
        Offer,
        profile_change,
        sheet_change,
        understand,
    )

    folder, table = config or place.config, (config or place.config) / "profiles.toml"
    offer = Offer(
        place=str(folder),
        connections=read_connections(folder / "connections"),
        profiles=profiles_in(table) if table.exists() else hub.profiles,
    )
    sheets = hub.ledger.sheets()
    is_file = Path(subject).is_file() or ("=" in subject and Path(subject.split("=")[1]).is_file())
    kind, name = understand(hub, sheets, offer, subject, is_file=is_file)
    if kind is Named.SHEET:
        yield sheet_change(hub, sheets, offer, name)
    elif kind is Named.PROFILE:
        yield profile_change(hub, sheets, offer, name)
    else:
        with _pack_change(place, hub, name) as change:
            yield change


@contextmanager
def _pack_change(place: Workspace, hub: Hub, subject: str) -> Iterator[Change]:
    from pipeline.adapters.packs import PackKind
    from pipeline.app.proposal import Change, Touches

    pack, path = _pack_named(place, subject)
    wanted = settings(place)
    engine = make_engine(place, wanted, instead={pack.name: path})
    sheets = hub.ledger.sheets()
    new_hub = replace(hub, engine=engine, converter=converter(engine, wanted))
    kind = Touches.SCHEMA if pack.kind is PackKind.SCHEMA else Touches.PACK
    try:
        yield Change(kind, pack.name, hub, sheets, new_hub, sheets)
    finally:
        engine.close()


def _pack_named(place: Workspace, subject: str) -> tuple[Pack, Path]:
    """Return which pack a file, ``PATH`` or ``NAME=PATH``, stands in for.

    Raises:
        ConfigError: There is no such file, or its name does not tell which pack it is.
    """
    name, _, rest = subject.rpartition("=")
    path, known = Path(rest), shelf(place)
    if not path.is_file():
        raise ConfigError(f"{rest}: fichier absent / no such file")
    packs = [one.pack for one in known.list() if one.pack.name == name]
    found = packs if name else known.named_like(path)
    if len(found) == 1:
        return found[0], path
    names = ", ".join(one.name for one in found or [one.pack for one in known.list()])
    raise ConfigError(
        f"{subject}: dites quel paquet ce fichier remplacerait, NOM={rest} / say which pack this"
        f" file would replace, NAME={rest}: {names}"
    )


def offered(place: Workspace) -> Offered:
    """Read what ``config/`` proposes, as far as it can be read."""
    from pipeline.adapters.configuration import offered_connections
    from pipeline.adapters.directory_files import PILOT, read_directory, read_pilot

    read = offered_connections(place.config / "connections")
    folder, faults = place.config / "directory", list[str]()
    directory: Directory | None = None
    pilot: Mapping[str, tuple[Validity, ...]] = {}
    try:
        pilot = read_pilot(folder / PILOT, numbers())
        directory = read_directory(folder, numbers())
    except ConfigError as error:
        faults += str(error).splitlines()
    return replace(read, directory=directory, directory_faults=tuple(faults), pilot=pilot)


def directory_update(path: Path, *, full: bool) -> Update:
    """Read what a file, or a folder of files, says of the directory.

    Raises:
        ConfigError: It cannot be used; every fault with its line and field.
    """
    from pipeline.adapters.directory_files import read_update

    return read_update(path, full=full, numbers=numbers(), read_flow=_read_f14)


def numbers() -> Numbers:
    """Return what checks the keys of SIREN and SIRET."""
    from pipeline.adapters.directory_files import Numbers
    from pipeline.syntax.check_digits import is_siren, is_siret

    return Numbers(is_siren, is_siret)


def _read_f14(data: bytes, full: bool) -> tuple[Update, Sequence[tuple[int, str]]]:  # noqa: FBT001  # as the adapter calls it
    """Read an F14 by the one parser that is safe."""
    from pipeline.syntax import f14
    from pipeline.syntax.parse import XmlRefused, parse

    try:
        found = f14.read(parse(data, _F14_LIMITS), full=full)
    except XmlRefused as refused:
        return Update(), [(refused.line or 1, " / ".join(refused.message.values()))]
    return found.update, [
        (one.line, f"{one.name}: {one.fr} / {one.en} (trouvé / found: {one.found!r:.80})")
        for one in found.faults
    ]


def check_directory_update(known: Directory, update: Update) -> None:
    """Refuse an update that does not fit what the directory holds.

    Raises:
        ConfigError: It tells of services of a structure that nobody knows.
    """
    from pipeline.adapters.directory_files import check_update

    check_update(known, update)


def read_sheet(text: str) -> Sheet:
    """Read one connection sheet from its TOML text."""
    from pipeline.adapters.configuration import read_sheet as read

    return read(text)
