"""Keep qualification and production apart where they could meet: in a folder of a partner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from posixpath import join, normpath

from pipeline.model.connection import Connection, Protocol

#: Where a folder is: of a server, of an account, its path.
_Place = tuple[str, int, str, str]


def shared_folders(connections: Iterable[Connection]) -> Iterator[str]:
    """Yield a fault for each folder that sheets of different environments both use.

    What lies there could be taken for the other: a trial for an invoice, or the other way round.
    """
    for one, other in combinations(connections, 2):
        if one.environment is other.environment:
            continue
        for place in sorted(_places(one) & _places(other)):
            names = ", ".join(f"{each.name} ({each.environment.value})" for each in (one, other))
            yield (
                f"{one.name}: folders: « {place[-1]} » sert à deux environnements, donnez à chacun"
                f" ses dossiers / is used by two environments, give each its own folders: {names}"
            )


def _places(sheet: Connection) -> set[_Place]:
    door = sheet.door
    server = ("", 0, "") if door.protocol is Protocol.LOCAL else (door.host, door.port, door.user)
    folders = (sheet.inbox, sheet.archive, sheet.out)
    return {(*server, normpath(join(door.path, folder))) for folder in folders}
