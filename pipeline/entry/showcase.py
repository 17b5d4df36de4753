"""The demonstration: a small world of partners around a hub of its own.

Suppliers and recipients log in with keys of their own, drop and read files over SFTP,
and see nothing of the hub's ledger. What is told at the end is what they found.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.hub import Hub
from pipeline.app.run import Progress, run_once
from pipeline.app.views import (
    Became,
    Conservation,
    became,
    conserve_documents,
    conserve_interchanges,
)
from pipeline.model.connection import Connection, Envelope
from pipeline.model.conversion import Form
from pipeline.model.errors import ConfigError
from pipeline.model.names import shown_name
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.settings import Encryption
from pipeline.ports.ledger import Query
from pipeline.ports.outside import Doors

#: Says that a folder was made by an earlier demonstration and may be made anew.
_MARK = ".edi-demo"
_SUPPLIERS = ("papeterie", "traiteur", "plateforme", "regie")
_RECIPIENTS = (
    "ville-exemple",
    "hopital-exemple",
    "imprimerie-exemple",
    "lycee-exemple",
    "musee-exemple",
)
#: Stands in a sample for the EICAR test file: scanners would find the file itself in every
#: clone. An attachment, so in base 64.
_EICAR_STAND_IN = b64encode(b"[edi demo: EICAR]")
#: Passes after which the demonstration stops waiting for files that are not whole.
_MOST_PASSES = 40
_BETWEEN_PASSES_S = 0.5


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demonstration saw.

    Attributes:
        files: What became of each file that was dropped.
        read_back: Interchanges whose every answer a supplier read, with the bytes
            that the ledger says were sent.
        documents: The documents' conservation line.
        interchanges: The interchanges' conservation line.
        delivered: Documents that recipients found in their folders, by recipient.
        forms: The form that each of them asked for.
        notices: Names of the notices that belong to no file (a number is missing), as
            suppliers found them.
        whole: Whether every answer and every notice was read back as it was sent.
    """

    files: tuple[Became, ...]
    read_back: frozenset[str]
    documents: Conservation
    interchanges: Conservation
    delivered: Mapping[str, int]
    forms: Mapping[str, Form]
    notices: tuple[str, ...]
    whole: bool


def show(home: Path, files: Path, progress: Progress) -> Shown:
    """Drop every file of `files` as its supplier, run the jobs, and read the answers.

    Args:
        home: Folder of the demonstration; made anew at every call.
        files: One folder a supplier, with the files it drops.
        progress: Told of every step.

    Raises:
        ConfigError: `home` holds something that no demonstration made, or `files`
            has no folder of a known supplier.
    """
    dropped = _dropped(files)
    _make_anew(home)
    place = bootstrap.workspace(home)
    with _world(home) as partners:
        _configure(place, partners)
        _drop(partners, dropped)
        with (
            bootstrap.alone(place),
            bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
        ):
            apply(hub, bootstrap.proposed_sheets(place))
            _run_until_quiet(hub, progress)
            return _look(hub, partners)


def _dropped(files: Path) -> dict[str, list[Path]]:
    found = {
        name: sorted(path for path in (files / name).iterdir() if path.is_file())
        for name in _SUPPLIERS
        if (files / name).is_dir()
    }
    if not found:
        names = ", ".join(_SUPPLIERS)
        raise ConfigError(f"{files}: aucun dossier fournisseur / no supplier's folder ({names})")
    return found


def _make_anew(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise ConfigError(f"{home}: n'est pas un dossier de démonstration / not a demo folder")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARK).touch()


@dataclass(frozen=True, slots=True)
class _Partners:
    """The partners' side: their own way into their own account."""

    doors: Doors
    sheets: Mapping[str, Connection]


@contextmanager
def _world(home: Path) -> Iterator[_Partners]:
    """Start the SFTP server with an account, a key and the folders of each partner."""
    accounts = open_accounts(home)
    with bootstrap.embedded_server(home / "sftp", home / "host_key", accounts) as server:
        port, host_key = server
        doors = bootstrap.doors(home)
        yield _Partners(
            doors,
            {name: bootstrap.read_sheet(_sheet_text(name, port, host_key)) for name in accounts},
        )


def open_accounts(home: Path) -> dict[str, tuple[str, str]]:
    """Make folders and keys for each partner; return by name the keys that may log in."""
    names = (*_SUPPLIERS, *_RECIPIENTS)
    for name in names:
        for folder in ("in", "out", "archive"):
            (home / "sftp" / name / folder).mkdir(parents=True, exist_ok=True)
    return {name: (_key(home / "keys" / name), _key(home / "partners" / name)) for name in names}


def _key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return bootstrap.generate_key(path)


def _configure(place: bootstrap.Workspace, partners: _Partners) -> None:
    bootstrap.initialise(place, Encryption.NONE)  # its files are the samples of the project
    door = next(iter(partners.sheets.values())).door
    write_sheets(place, door.port, door.host_key)


def write_sheets(place: bootstrap.Workspace, port: int, host_key: str) -> None:
    """Write the partners' sheets, the directory and the routes, as an operator would."""
    for name in _SHEETS:
        text = _sheet_text(name, port, host_key)
        (place.config / "connections" / f"{name}.toml").write_text(text, encoding="utf-8")
    samples = bootstrap.samples()
    for table in ("structures.csv", "services.csv"):
        shutil.copyfile(samples / "directory" / table, place.config / "directory" / table)
    routes = [
        (samples / "directory" / table).read_text(encoding="utf-8")
        for table in ("routes.toml", "routes-converted.toml")
    ]
    (place.config / "directory" / "routes.toml").write_text("\n".join(routes), encoding="utf-8")


#: A missing number is told at once, which no real sheet would ask for.
_SHEETS = {
    "papeterie": """role = "sender"
scanner = "none"
naming = "grammar"
application_code = "PAP001"
interfaces = ["FSO1100A", "FSO1106A", "FSO1117A"]
""",
    "traiteur": 'role = "sender"\nscanner = "eicar"\n',
    "plateforme": """role = "sender"
scanner = "none"
naming = "grammar"
application_code = "PLA001"
matricule = "0417"
interfaces = ["FSO1150A", "FSO1156A", "FSO1157A"]
gap_after_h = 0.00001
""",
    "regie": """role = "sender"
scanner = "none"
naming = "grammar"
application_code = "REG001"
siren = "250006541"
interfaces = ["FSO3110A", "FSO3117A"]
answers = ["html"]
""",
    "ville-exemple": 'role = "receiver"\nenvelope = "single"\n',
    "hopital-exemple": 'role = "receiver"\nenvelope = "tar.gz"\n',
    "imprimerie-exemple": 'role = "receiver"\nenvelope = "single"\n',
    "lycee-exemple": """role = "receiver"
envelope = "single"
format = "pivot"
application_code = "LYC001"
""",
    "musee-exemple": """role = "receiver"
envelope = "single"
format = "cii"
original = "none"
""",
}


def _sheet_text(name: str, port: int, host_key: str) -> str:
    return f"""name = "{name}"
partner = "{name}"
{_SHEETS[name]}
[door]
host = "127.0.0.1"
port = {port}
user = "{name}"
key = "keys/{name}"
host_key = "{host_key}"

[completeness]
stable_s = 0.2
partial_wait_s = 2
"""


def _as_partner(partners: _Partners, name: str) -> Connection:
    sheet = partners.sheets[name]
    return replace(sheet, door=replace(sheet.door, key=f"partners/{name}"))


def _drop(partners: _Partners, dropped: Mapping[str, Sequence[Path]]) -> None:
    infected = b64encode(bootstrap.malware_test_file())
    for name, paths in dropped.items():
        with partners.doors.open(_as_partner(partners, name)) as session:
            for path in paths:
                payload = path.read_bytes().replace(_EICAR_STAND_IN, infected)
                session.put("in", shown_name(os.fsencode(path.name)), payload)


def _run_until_quiet(hub: Hub, progress: Progress) -> None:
    for _ in range(_MOST_PASSES):
        summary = run_once(hub, insist=True, progress=progress)
        if summary.failed:
            raise ConfigError("; ".join(summary.failed.values()))
        if not any(summary.waiting.values()):
            return
        hub.clock.sleep(_BETWEEN_PASSES_S)


def _look(hub: Hub, partners: _Partners) -> Shown:
    flows = sorted(
        hub.ledger.interchanges(Query(limit=None)), key=lambda one: (one.partner, one.name)
    )
    found = {name: _read_out(partners, name) for name in _SUPPLIERS}
    answers = hub.ledger.outbox(kind=OutboxKind.ACKNOWLEDGEMENT)
    notices = hub.ledger.outbox(kind=OutboxKind.NOTICE)
    unread = {row.interchange for row in answers if not _was_read(row, found)}
    told = {row.interchange for row in answers} - unread
    read_back = frozenset(one.id for one in flows if one.id in told)
    return Shown(
        files=tuple(became(hub.ledger, one) for one in flows),
        read_back=read_back,
        documents=conserve_documents(hub.ledger),
        interchanges=conserve_interchanges(hub.ledger),
        delivered={
            name: sum(
                _count_documents(partners.sheets[name], payload)
                for payload in _read_out(partners, name).values()
            )
            for name in _RECIPIENTS
        },
        forms={name: partners.sheets[name].carriage.form for name in _RECIPIENTS},
        notices=tuple(sorted(row.name for row in notices if _was_read(row, found))),
        whole=len(read_back) == len(flows) and all(_was_read(row, found) for row in notices),
    )


def _read_out(partners: _Partners, name: str) -> dict[str, bytes]:
    """Read a partner's pick-up folder through its own account."""
    with partners.doors.open(_as_partner(partners, name)) as session:
        return {
            file.name: b"".join(session.fetch("out", file, 1_000_000_000))
            for file in session.list_files("out")
        }


def _was_read(row: OutboxRow, found: Mapping[str, Mapping[str, bytes]]) -> bool:
    """Tell whether its reader found a file with the bytes that the ledger says were sent."""
    return found[row.connection].get(row.name) == row.payload


def _count_documents(sheet: Connection, payload: bytes) -> int:
    if sheet.envelope is Envelope.SINGLE:
        return 1
    with tarfile.open(fileobj=io.BytesIO(payload), mode="r:gz") as lot:
        return len(lot.getnames())
