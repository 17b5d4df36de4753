"""Keep qualification and production apart where they could meet: in a folder of a partner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from posixpath import join, normpath

from pipeline.model.connection import Connection, Environment, Protocol

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
    for place in sorted(_places(one) & _places(other)):
        yield (
            f"{one.name}: folders: « {place[-1]} » est aussi un dossier de {other.name}"
            f" ({other.environment.value}), donnez à chaque environnement les siens"
            " / is a folder of that sheet too, give each environment its own"
        )


def _places(sheet: Connection) -> set[_Place]:
    door = sheet.door
    server = ("", 0, "") if door.protocol is Protocol.LOCAL else (door.host, door.port, door.user)
    folders = (sheet.inbox, sheet.archive, sheet.out)
    return {(*server, normpath(join(door.path, folder))) for folder in folders}
