"""Opens what documents of one's own are registered by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.keeping import reading
from pipeline.bootstrap.places import Workspace, interfaces, settings, takes
from pipeline.bootstrap.proposing import numbers
from pipeline.bootstrap.running import now
from pipeline.model.errors import ConfigError
from pipeline.model.profile import Profile
from pipeline.ports.ledger import Sheets

if TYPE_CHECKING:
    from pipeline.app.registered import Register


@contextmanager
def register(
    place: Workspace,
    profile: Profile,
    folder: Path | None,
    why_not: Mapping[str, str] | None,
) -> Iterator[Register]:
    """Open what documents of one's own are registered by.

    Args:
        place: The workspace; need not exist.
        profile: What they are judged by.
        folder: A directory as it lies in ``config/directory``; None for the workspace's.
        why_not: Why nothing is to be asked, by language; None where it is.

    Raises:
        ConfigError: The folder cannot be read as a directory.
    """
    from pipeline.app.agreed import Agreed
    from pipeline.app.registered import Register, channel_of

    known = Register(
        sheets=None,
        agreed=Agreed(moment=now(), profile=profile.version, takes=takes(place)),
        channel=channel_of(profile.name, interfaces(place).values()),
        missing=why_not or {},
    )
    if why_not is not None:
        yield known
    elif folder is not None:
        from pipeline.adapters.directory_files import read_directory

        if not folder.is_dir():
            raise ConfigError(f"{folder}: pas un dossier / no folder")
        yield replace(known, sheets=Sheets(directory=read_directory(folder, numbers())))
    else:
        with _own_sheets(place) as found:
            sheets, missing = found
            wanted = settings(place).check_suppliers if sheets else False
            yield replace(known, sheets=sheets, missing=missing, check_suppliers=wanted)


@contextmanager
def _own_sheets(place: Workspace) -> Iterator[tuple[Sheets | None, Mapping[str, str]]]:
    """Open a workspace's directory; where there is none to ask, say why."""
    if not place.config.is_dir():
        yield (
            None,
            {
                "fr": f"pas d'espace de travail ({place.home}), donc pas d'annuaire",
                "en": f"no workspace ({place.home}), so no directory",
            },
        )
        return
    with reading(place) as ledger:
        sheets = ledger.sheets()
        if sheets.directory.structures:
            yield sheets, {}
        else:
            yield None, {"fr": "l'annuaire est vide", "en": "the directory is empty"}
