"""What demonstrations and measurements stand on: servers, keys, samples, bare processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.engines import worker_settings
from pipeline.bootstrap.places import Workspace, shelf
from pipeline.bootstrap.workers import judge_worker
from pipeline.model.errors import ConfigError
from pipeline.model.interface import Interface
from pipeline.model.path_trouble import path_told
from pipeline.model.report import Syntax
from pipeline.model.settings import Settings

if TYPE_CHECKING:
    from pipeline.adapters.baselines import MeasuredProcess
    from pipeline.adapters.own_authority import OwnAuthority
    from pipeline.adapters.process_wire import JobWriter
    from pipeline.app.trial import Sample
    from pipeline.model.connection import Connection as Sheet


@contextmanager
def embedded_server(
    root: Path, host_key: Path, accounts: Mapping[str, tuple[str, ...]], port: int = 0
) -> Iterator[tuple[int, str]]:
    """Run the embedded SFTP server in a process of its own; yield its port and host key."""
    from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings

    settings = ServerSettings(
        root=root,
        host_key=host_key,
        accounts={name: Account(keys, name) for name, keys in accounts.items()},
        port=port,
    )
    with EmbeddedServer(settings) as server:
        yield server.port, server.host_key


@contextmanager
def openssh_server(folder: Path, public_key: str) -> Iterator[tuple[int, str, str]]:
    """Run OpenSSH's sshd for one key; yield its port, its host key and the account."""
    from pipeline.adapters.baselines import login_name
    from pipeline.adapters.baselines import openssh_server as serve

    with serve(folder, public_key) as (port, host_key):
        yield port, host_key, login_name()


def plain_get(port: int, key: Path, folder: str, target: Path) -> int:
    """Fetch a folder of a local server by paramiko's own `get`; return how many files."""
    from pipeline.adapters.baselines import plain_get as fetch

    return fetch(port, key, folder, target)


def measured_worker(place: Workspace, readable: Sequence[Path]) -> MeasuredProcess:
    """Start a worker as the engine would, to be asked one job at a time."""
    from pipeline.adapters.baselines import MeasuredProcess

    return MeasuredProcess(judge_worker, worker_settings(place, Settings(), readable))


def job_writer() -> JobWriter:
    """Return what writes jobs for a worker's pipe."""
    from pipeline.adapters.process_wire import JobWriter

    return JobWriter()


def measured_saxonc(place: Workspace, pack: str) -> MeasuredProcess:
    """Start a process that runs one rule pack and nothing else."""
    from pipeline.adapters.baselines import MeasuredProcess, bare_saxonc

    return MeasuredProcess(bare_saxonc, str(shelf(place).path(pack)))


def samples() -> Path:
    """Return the folder of the project's own samples."""
    from pipeline.adapters.resources import data_folder

    return data_folder("samples")


def sample_flow(sheet: Sheet, interfaces: Mapping[str, Interface], own: Path | None) -> Sample:
    """Return a flow to try a sheet with: a file of one's own, or an invoice of ours.

    Raises:
        ConfigError: The file cannot be read, or none of ours is what the sheet's interface takes.
    """
    from pipeline.app.trial import Sample

    if own is not None:
        try:
            return Sample(own.name, own.read_bytes())
        except OSError as error:
            raise ConfigError(f"{own}: {path_told(error)}") from error
    taken = [interfaces[code].syntaxes for code in sheet.interfaces[:1]]
    for syntax, name in _SAMPLES.items():
        if not taken or syntax.value in taken[0]:
            return Sample(name, (samples() / "invoices" / name).read_bytes())
    raise ConfigError(
        f"{sheet.name}: aucun exemple à nous pour / no sample of ours for {sheet.interfaces[0]}"
        f" ({', '.join(taken[0])}) : donnez le vôtre / give yours: --sample"
    )


#: Which of our samples is tried for a sheet, by syntax.
_SAMPLES = {
    Syntax.UBL_INVOICE: "ubl-380-fournitures.xml",
    Syntax.CII: "cii-380-fournitures.xml",
}


def malware_test_file() -> bytes:
    """Return what every scanner agrees to find, for demonstrations."""
    from pipeline.adapters.eicar import TEST_FILE

    return TEST_FILE


def generate_key(path: Path) -> str:
    """Make a private key file if there is none; return its public line."""
    from pipeline.adapters.embedded_sftp import generate_key as make

    return make(path)


def own_authority(name: str, since: datetime) -> OwnAuthority:
    """Make an authority that issues certificates, for demonstrations."""
    from pipeline.adapters.own_authority import OwnAuthority

    return OwnAuthority.found(name, since)
