"""A small world of partners around a hub of its own, for what is shown and not only told.

Each partner logs in with a key of its own to its own folders on the embedded SFTP server, and
sees nothing of the hub's ledger.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.hub import Hub
from pipeline.app.run import Progress, run_once
from pipeline.app.views import conserve_documents, conserve_interchanges
from pipeline.model.connection import Connection
from pipeline.model.errors import ConfigError
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Ledger
from pipeline.ports.outside import Doors

#: Says that a folder was made by an earlier demonstration and may be made anew.
_MARK = ".edi-demo"
#: Passes after which files that are not whole are waited for no more.
_MOST_PASSES = 40
_BETWEEN_PASSES_S = 0.5
_STABLE_S = 0.2
_LARGEST_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Partners:
    """The partners' side: their own way into their own account.

    Attributes:
        doors: What their sessions are opened by.
        sheets: The hub's sheet for each account, by name.
    """

    doors: Doors
    sheets: Mapping[str, Connection]

    def drop(self, name: str, files: Iterable[tuple[str, bytes]]) -> None:
        """Drop files, by name, as one partner."""
        with self.doors.open(self._as_partner(name)) as session:
            for file, payload in files:
                session.put("in", file, payload)

    def read(self, name: str, folder: str = "out") -> dict[str, bytes]:
        """Read a folder of a partner through its own account."""
        with self.doors.open(self._as_partner(name)) as session:
            return {
                file.name: b"".join(session.fetch(folder, file, _LARGEST_BYTES))
                for file in session.list_files(folder)
            }

    def _as_partner(self, name: str) -> Connection:
        sheet = self.sheets[name]
        return replace(sheet, door=replace(sheet.door, key=f"partners/{name}"))


def make_anew(home: Path) -> None:
    """Make the folder of a demonstration, in place of an earlier one.

    Raises:
        ConfigError: It holds something that no demonstration made.
    """
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise ConfigError(f"{home}: n'est pas un dossier de démonstration / not a demo folder")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARK).touch()


@contextmanager
def open_world(home: Path, sheets: Mapping[str, str]) -> Iterator[Partners]:
    """Start the SFTP server with an account, a key and the folders of each partner.

    Args:
        home: Folder of the demonstration.
        sheets: What is particular to each sheet, by the name of sheet and account.
    """
    accounts = open_accounts(home, sheets)
    with bootstrap.embedded_server(home / "sftp", home / "host_key", accounts) as server:
        port, host_key = server
        doors = bootstrap.doors(home)
        yield Partners(
            doors,
            {
                name: bootstrap.read_sheet(sheet_text(name, own, port, host_key))
                for name, own in sheets.items()
            },
        )


def open_accounts(home: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Make folders and keys for each partner; return by name the keys that may log in."""
    for name in names:
        for folder in ("in", "out", "archive"):
            (home / "sftp" / name / folder).mkdir(parents=True, exist_ok=True)
    return {name: (_key(home / "keys" / name), _key(home / "partners" / name)) for name in names}


def _key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return bootstrap.generate_key(path)


def write_sheet(place: bootstrap.Workspace, text: str) -> None:
    """Propose a sheet, as an operator would."""
    name = bootstrap.read_sheet(text).name
    path = place.config / "connections" / f"{name}.toml"
    path.write_text(text, encoding="utf-8")


def sheet_text(
    name: str, own: str, port: int, host_key: str, *, stable_s: float = _STABLE_S
) -> str:
    """Return a sheet whose door is an account of its name on the embedded server.

    Args:
        name: Of the sheet and its account.
        own: What is particular to it. Its partner has the name of the sheet, unless it says
            otherwise.
        port: Where the server listens.
        host_key: What it shows.
        stable_s: How long a file has to stay as it is before it counts as whole.
    """
    partner = "" if "partner = " in own else f'partner = "{name}"\n'
    return f"""name = "{name}"
{partner}{own}
[door]
host = "127.0.0.1"
port = {port}
user = "{name}"
key = "keys/{name}"
host_key = "{host_key}"

[completeness]
stable_s = {stable_s}
partial_wait_s = 2
"""


def run_until_quiet(hub: Hub, progress: Progress) -> None:
    """Run the jobs until no file waits to be whole.

    Raises:
        ConfigError: A connection could not be used.
    """
    for _ in range(_MOST_PASSES):
        summary = run_once(hub, insist=True, progress=progress)
        if summary.failed:
            raise ConfigError("; ".join(summary.failed.values()))
        if not any(summary.waiting.values()):
            return
        hub.clock.sleep(_BETWEEN_PASSES_S)


def all_agrees(ledger: Ledger, partners: Partners) -> bool:
    """Tell whether all that came is accounted for, and all that was put lies where it was put.

    Each partner looks for its files, through its own account: what the ledger says was put has
    to be there, with those bytes where the ledger has them.
    """
    rows = ledger.outbox()
    folders = {(row.connection, row.folder or "out") for row in rows}
    found = {folder: partners.read(*folder) for folder in folders}
    return (
        conserve_documents(ledger).holds
        and conserve_interchanges(ledger).holds
        and all(row.state is OutboxState.SENT for row in rows)
        and all(_lies(row, found[row.connection, row.folder or "out"]) for row in rows)
    )


def _lies(row: OutboxRow, found: Mapping[str, bytes]) -> bool:
    """Tell whether its reader finds a file; where the ledger has its bytes, with those bytes."""
    payload = found.get(row.name)
    return payload is not None and row.payload in {None, payload}
