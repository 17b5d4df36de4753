"""The demonstration: suppliers drop every kind of file, and recipients and suppliers read.

What is told at the end is what they found.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.hub import Hub
from pipeline.app.run import Progress
from pipeline.app.views import (
    Became,
    Conservation,
    became,
    conserve_documents,
    conserve_interchanges,
)
from pipeline.entry.small_world import (
    Partners,
    make_anew,
    open_world,
    run_until_quiet,
    sheet_text,
    write_sheet,
)
from pipeline.model.connection import Connection, Envelope
from pipeline.model.conversion import Form
from pipeline.model.errors import ConfigError
from pipeline.model.names import shown_name
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.settings import Encryption
from pipeline.ports.ledger import Query

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
    make_anew(home)
    place = bootstrap.workspace(home)
    with open_world(home, SHEETS) as partners:
        _configure(place, partners)
        _drop(partners, dropped)
        with (
            bootstrap.alone(place),
            bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
        ):
            apply(hub, bootstrap.proposed_sheets(place))
            run_until_quiet(hub, progress)
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


def _configure(place: bootstrap.Workspace, partners: Partners) -> None:
    bootstrap.initialise(place, Encryption.NONE)  # its files are the samples of the project
    door = next(iter(partners.sheets.values())).door
    write_sheets(place, door.port, door.host_key)


def write_sheets(place: bootstrap.Workspace, port: int, host_key: str) -> None:
    """Write the partners' sheets, the directory and the routes, as an operator would."""
    for name, own in SHEETS.items():
        write_sheet(place, sheet_text(name, own, port, host_key))
    samples = bootstrap.samples()
    for table in ("structures.csv", "services.csv"):
        shutil.copyfile(samples / "directory" / table, place.config / "directory" / table)
    routes = [
        (samples / "directory" / table).read_text(encoding="utf-8")
        for table in ("routes.toml", "routes-converted.toml")
    ]
    (place.config / "directory" / "routes.toml").write_text("\n".join(routes), encoding="utf-8")


#: What is particular to each sheet. A missing number is told at once, which no real sheet would
#: ask for.
SHEETS = {
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


def _drop(partners: Partners, dropped: Mapping[str, Sequence[Path]]) -> None:
    infected = b64encode(bootstrap.malware_test_file())
    for name, paths in dropped.items():
        partners.drop(
            name,
            (
                (
                    shown_name(os.fsencode(path.name)),
                    path.read_bytes().replace(_EICAR_STAND_IN, infected),
                )
                for path in paths
            ),
        )


def _look(hub: Hub, partners: Partners) -> Shown:
    flows = sorted(
        hub.ledger.interchanges(Query(limit=None)), key=lambda one: (one.partner, one.name)
    )
    found = {name: partners.read(name) for name in _SUPPLIERS}
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
                for payload in partners.read(name).values()
            )
            for name in _RECIPIENTS
        },
        forms={name: partners.sheets[name].carriage.form for name in _RECIPIENTS},
        notices=tuple(sorted(row.name for row in notices if _was_read(row, found))),
        whole=len(read_back) == len(flows) and all(_was_read(row, found) for row in notices),
    )


def _was_read(row: OutboxRow, found: Mapping[str, Mapping[str, bytes]]) -> bool:
    """Tell whether its reader found a file with the bytes that the ledger says were sent."""
    return found[row.connection].get(row.name) == row.payload


def _count_documents(sheet: Connection, payload: bytes) -> int:
    if sheet.envelope is Envelope.SINGLE:
        return 1
    with tarfile.open(fileobj=io.BytesIO(payload), mode="r:gz") as lot:
        return len(lot.getnames())
