"""Keep qualification and production apart where they could meet: in a folder of a partner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from posixpath import join, normpath

from pipeline.model.connection import Connection, Copies, Environment, Protocol, Role

#: Where a folder is: of a server, of an account, its path.
_Place = tuple[str, int, str, str]


def shared_folders(connections: Iterable[Connection]) -> dict[str, tuple[str, ...]]:
    """Return a fault for each folder that sheets of different environments both use.

    What lies there could be taken for the other: a trial for an invoice, or the other way round.
    By the name of the sheet in qualification, which has to give way.
    """
    faults: dict[str, tuple[str, ...]] = {}
    for pair in combinations(connections, 2):
        one, other = sorted(pair, key=lambda each: each.environment is Environment.PRODUCTION)
        if one.environment is not other.environment:
            faults[one.name] = (*faults.get(one.name, ()), *_shared(one, other))
    return {name: found for name, found in faults.items() if found}


def _shared(one: Connection, other: Connection) -> Iterator[str]:
    mine, theirs = _places(one, _worked(one)), _places(other, _worked(other))
    copies, their_copies = _places(one, _copies(one)), _places(other, _copies(other))
    # two folders of copies may be one: nothing in it counts
    for place in sorted((mine & theirs) | (mine & their_copies) | (copies & theirs)):
        yield (
            f"{one.name}: folders: « {place[-1]} » est aussi un dossier de {other.name}"
            f" ({other.environment.value}), donnez à chaque environnement les siens"
            " / is a folder of that sheet too, give each environment its own"
        )


def _worked(sheet: Connection) -> tuple[str, ...]:
    """Return the folders of what counts in a sheet's environment."""
    some = (each.folder for each in sheet.handover.filters)
    return (sheet.inbox, sheet.archive, sheet.out, *some)


def _copies(sheet: Connection) -> tuple[str, ...]:
    """Return the folder of a receiver's copies in shadow, if any is put."""
    is_put = sheet.role is Role.RECEIVER and sheet.trial.copies is Copies.TEST
    return (sheet.trial.folder,) if is_put else ()


def _places(sheet: Connection, folders: Iterable[str]) -> set[_Place]:
    door = sheet.door
    server = ("", 0, "") if door.protocol is Protocol.LOCAL else (door.host, door.port, door.user)
    return {(*server, normpath(join(door.path, folder))) for folder in folders}
