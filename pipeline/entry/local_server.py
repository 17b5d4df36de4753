"""The embedded SFTP server beside a hub, for development and first steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline import bootstrap
from pipeline.entry import showcase, small_world
from pipeline.model.connection import Connection, Protocol
from pipeline.model.errors import ConfigError

#: Where it listens unless told otherwise.
PORT = 2222
_HERE = {"127.0.0.1", "localhost"}


@contextmanager
def serve(place: bootstrap.Workspace, port: int) -> Iterator[dict[str, Path]]:
    """Serve the folders of every proposed sheet whose door leads to this server.

    An account opens to the hub's own key, and to the partner's public key where
    ``partners/ACCOUNT.pub`` has one.

    Yields:
        The folder of each account.

    Raises:
        ConfigError: No sheet leads here, or the port is taken.
    """
    sheets = bootstrap.offered(place).connections
    local = {one.door.user: one for one in sheets.values() if _leads_here(one, port)}
    if not local:
        raise ConfigError(
            f"aucune fiche n'a pour porte 127.0.0.1:{port} ; « edi up --example » en écrit"
            f" / no sheet has 127.0.0.1:{port} as its door; 'edi up --example' writes some"
        )
    root = place.home / "sftp"
    accounts = {user: _keys(place.home, user, sheet) for user, sheet in local.items()}
    for user, sheet in local.items():
        for folder in (sheet.inbox, sheet.archive, *sheet.outgoing):
            (root / user / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    with bootstrap.embedded_server(root, place.home / "host_key", accounts, port):
        yield {user: root / user for user in local}


def furnish(place: bootstrap.Workspace, port: int) -> None:
    """Write the partners of the demonstration into a workspace that has none.

    Raises:
        ConfigError: There are sheets already.
    """
    if bootstrap.proposed_sheets(place).connections:
        raise ConfigError(f"{place.config}: il y a déjà des fiches / there are sheets already")
    for name, keys in small_world.open_accounts(place.home, showcase.SHEETS).items():
        (place.home / "partners" / f"{name}.pub").write_text(f"{keys[1]}\n", encoding="ascii")
    host_key = bootstrap.generate_key(place.home / "host_key")
    showcase.write_sheets(place, port, host_key)


def _leads_here(sheet: Connection, port: int) -> bool:
    door = sheet.door
    return door.protocol is Protocol.SFTP and door.host in _HERE and door.port == port


def _keys(home: Path, user: str, sheet: Connection) -> tuple[str, ...]:
    ours = (bootstrap.generate_key(home / sheet.door.key),) if sheet.door.key else ()
    theirs = home / "partners" / f"{user}.pub"
    lines = theirs.read_text(encoding="ascii").splitlines() if theirs.exists() else []
    return (*ours, *(line for line in lines if line.strip()))


def addresses(accounts: Mapping[str, Path], port: int) -> list[str]:
    """Return how each account is reached."""
    return [f"sftp -P {port} {user}@127.0.0.1" for user in sorted(accounts)]
