"""Wires stages, use cases and adapters into a running application: the only place that may.

It also holds the entry function of the worker processes, so that no adapter needs to
know a stage. Adapters are imported where they are used: a worker loads no database, and
a cold ``edi`` starts fast.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model.acknowledgement import AnswerFacts, AnswerFile
from pipeline.model.errors import ConfigError
from pipeline.model.identity import derived
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, PackRun, Syntax
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine, Job
from pipeline.ports.ledger import Ledger, Sheets
from pipeline.ports.outside import Archive, Doors, Spool

if TYPE_CHECKING:
    import xmlschema
    from lxml import etree

    from pipeline.adapters.baselines import MeasuredProcess
    from pipeline.adapters.packs import PackShelf
    from pipeline.adapters.process_wire import JobWriter
    from pipeline.app.hub import Hub
    from pipeline.model.connection import Connection as Sheet
    from pipeline.validate.judge import Artefacts

#: Tables that belong to the product: a workspace may override them, but gets no copy.
_PRODUCT_TABLES = ("packs.toml", "interfaces.toml", "profiles.toml")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one hub keeps everything that changes.

    Attributes:
        home: The folder (``EDI_HOME``).
        database: SQLAlchemy URL (``EDI_DATABASE``; by default a SQLite file in `home`).
        packs: Folder of installed packs (``EDI_PACKS``).
    """

    home: Path
    database: str
    packs: Path

    @property
    def config(self) -> Path:
        """Return the folder that proposes: sheets, directory, settings."""
        return self.home / "config"


def workspace(home: Path | None = None) -> Workspace:
    """Find the workspace in the environment, or take `home` (with a SQLite ledger)."""
    from pipeline.adapters.configuration import Environment

    given = Environment()
    folder = (home or given.home).resolve()
    sqlite = f"sqlite:///{folder / 'ledger.sqlite'}"
    return Workspace(
        home=folder,
        database=sqlite if home else given.database or sqlite,
        packs=given.packs or Path(sys.prefix) / "share" / "edi" / "packs",
    )


def initialise(place: Workspace) -> list[Path]:
    """Fill a workspace from the packaged defaults; what is there already is left alone.

    Returns:
        The files that were made.
    """
    from pipeline.adapters.database import open_ledger
    from pipeline.adapters.resources import data_folder

    made: list[Path] = []
    for folder in ("", "keys", "archive", "spool", "logs"):
        (place.home / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    defaults = data_folder("config")
    for source in sorted(defaults.rglob("*")):
        target = place.config / source.relative_to(defaults)
        if source.is_dir() or source.name in _PRODUCT_TABLES or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        made.append(target)
    open_ledger(place.database).close()
    return made


def shelf(place: Workspace) -> PackShelf:
    """Return the shelf of official packs."""
    from pipeline.adapters.packs import PackShelf

    catalogue = _table(place, "packs.toml").read_text(encoding="utf-8")
    return PackShelf(catalogue, place.packs)


def profiles(place: Workspace) -> dict[str, Profile]:
    """Return the validation profiles by name."""
    from pipeline.adapters.configuration import read_profiles

    return read_profiles(_table(place, "profiles.toml"))


def proposed_sheets(place: Workspace) -> Sheets:
    """Read what ``config/`` proposes."""
    from pipeline.adapters.configuration import read_connections, read_directory

    return Sheets(
        read_connections(place.config / "connections"),
        read_directory(place.config / "directory"),
    )


def archive(place: Workspace) -> Archive:
    """Open the archive of originals."""
    from pipeline.adapters.archive import FileArchive

    return FileArchive(place.home / "archive")


@contextmanager
def reading(place: Workspace | None = None) -> Iterator[Ledger]:
    """Open the ledger to look things up."""
    from pipeline.adapters.database import open_ledger

    found = place or workspace()
    _must_exist(found)
    ledger = open_ledger(found.database)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def open_hub(place: Workspace, *, by: str, log_to_file: bool = False) -> Iterator[Hub]:
    """Wire a hub on a workspace; the engine's workers start with the first document."""
    from pipeline.adapters import logs
    from pipeline.adapters.archive import FolderSpool
    from pipeline.adapters.clock import SystemClock
    from pipeline.adapters.configuration import read_interfaces, read_settings
    from pipeline.adapters.database import open_ledger
    from pipeline.adapters.resources import data_folder
    from pipeline.app.hub import Hub
    from pipeline.syntax.parse import compile_schema

    _must_exist(place)
    settings = read_settings(place.config / "pipeline.toml")
    log_file = place.home / "logs" / "edi.jsonl" if log_to_file else None
    schema = compile_schema(str(data_folder("schemas") / "CPPStatut-V1_19.xsd"))
    ledger = open_ledger(place.database)
    engine = make_engine(place, settings)
    hub = Hub(
        clock=SystemClock(),
        ledger=ledger,
        archive=archive(place),
        spool=FolderSpool(place.home / "spool" / str(os.getpid())),
        engine=engine,
        doors=doors(place.home),
        interfaces=read_interfaces(_table(place, "interfaces.toml")),
        profiles=profiles(place),
        settings=settings,
        compose=partial(_compose, schema),
        by=by,
    )
    try:
        with logs.logging_to(log_file, by=by):
            yield hub
    finally:
        engine.close()
        ledger.close()
        shutil.rmtree(place.home / "spool" / str(os.getpid()), ignore_errors=True)


@contextmanager
def alone(place: Workspace) -> Iterator[None]:
    """Hold the one right to run this workspace's jobs.

    Raises:
        ConfigError: Another process has it.
    """
    _must_exist(place)
    with (place.home / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"{place.home}: un autre « edi run » tourne déjà / another 'edi run' is running"
            ) from None
        yield


def sweep(place: Workspace) -> None:
    """Remove what killed processes left: half-written blobs, scratch space of dead ones.

    Only for the process that is `alone`: another's half-written blob is its own.
    """
    archive(place).sweep()
    for folder in (place.home / "spool").iterdir():
        if folder.name.isdigit() and not Path(f"/proc/{folder.name}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def new_run() -> str:
    """Return who acts in a new run."""
    from pipeline.adapters.clock import SystemClock

    moment = SystemClock().now()
    return f"run:{moment:%Y%m%dT%H%M%SZ}-{derived(moment.isoformat(), os.getpid(), length=4)}"


def operator() -> str:
    """Return who acts when a person types a verb."""
    return f"operator:{getpass.getuser()}"


def _must_exist(place: Workspace) -> None:
    if not place.config.is_dir():
        raise ConfigError(
            f"{place.home}: pas d'espace de travail ; lancez « edi init »"
            " / no workspace; run 'edi init' first"
        )


def _table(place: Workspace, name: str) -> Path:
    from pipeline.adapters.resources import data_folder

    own = place.config / name
    return own if own.exists() else data_folder("config") / name


@contextmanager
def checking(*, workers: int) -> Iterator[tuple[Engine, Spool]]:
    """Open an engine and scratch space for judging files of one's own."""
    from pipeline.adapters.archive import FolderSpool

    place = workspace()
    settings = replace(Settings(), workers=workers)
    engine = make_engine(place, settings)
    with tempfile.TemporaryDirectory(prefix="edi-") as folder:
        try:
            yield engine, FolderSpool(Path(folder))
        finally:
            engine.close()


def make_engine(place: Workspace, settings: Settings) -> Engine:
    """Return the engine; its workers start with the first document."""
    from pipeline.adapters.process_engine import EngineLimits, ProcessEngine

    return ProcessEngine(
        judge_worker,
        worker_settings(place),
        workers=settings.workers or os.cpu_count() or 1,
        limits=EngineLimits(
            time_s=settings.time_limit_s,
            memory_bytes=settings.memory_limit_mb * 1_000_000,
        ),
    )


def worker_settings(place: Workspace) -> WorkerSettings:
    """Return what a worker process needs to know."""
    catalogue = _table(place, "packs.toml").read_text(encoding="utf-8")
    return WorkerSettings(catalogue=catalogue, packs=place.packs)


def doors(home: Path) -> Doors:
    """Return the way to partners' servers, with the keys of a workspace."""
    from pipeline.adapters.sftp import SftpDoors

    return SftpDoors(home)


@contextmanager
def embedded_server(
    root: Path, host_key: Path, accounts: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, str]]:
    """Run the embedded SFTP server in a process of its own; yield its port and host key."""
    from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings

    settings = ServerSettings(
        root=root,
        host_key=host_key,
        accounts={name: Account(keys, name) for name, keys in accounts.items()},
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


def measured_worker(place: Workspace) -> MeasuredProcess:
    """Start a worker as the engine would, to be asked one job at a time."""
    from pipeline.adapters.baselines import MeasuredProcess

    return MeasuredProcess(judge_worker, worker_settings(place))


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


def export_rows(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write rows as a CSV file that spreadsheets open and never execute.

    Raises:
        ConfigError: The file cannot be written.
    """
    from pipeline.adapters.spreadsheet import write_rows

    try:
        write_rows(rows, path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error


def _compose(
    schema: etree.XMLSchema, facts: AnswerFacts, next_number: Callable[[str], int]
) -> tuple[AnswerFile, ...]:
    from pipeline.acknowledge.compose import compose

    return compose(facts, next_number=next_number, schema=schema)


def generate_key(path: Path) -> str:
    """Make a private key file if there is none; return its public line."""
    from pipeline.adapters.embedded_sftp import generate_key as make

    return make(path)


def read_sheet(text: str) -> Sheet:
    """Read one connection sheet from its TOML text."""
    from pipeline.adapters.configuration import read_sheet as read

    return read(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker process needs to know.

    Attributes:
        catalogue: Text of ``packs.toml``.
        packs: The packs folder.
    """

    catalogue: str
    packs: Path


def judge_worker(connection: Connection, settings: WorkerSettings) -> None:
    """Run a worker process: the entry that `adapters.process_engine` is given."""
    from pipeline.adapters.process_engine import serve

    serve(connection, document_judge(settings))


def document_judge(settings: WorkerSettings) -> Callable[[Job], Judged]:
    """Return a function that judges one document in this very process.

    Schemas and packs are checked, compiled and kept on first use. SaxonC must stay in
    the thread that used it first.
    """
    from pipeline.validate.judge import Question, judge_document

    artefacts = _artefacts(settings)

    def judge(job: Job) -> Judged:
        with Path(job.path).open("rb") as file:
            # one byte too many is enough for the parser to refuse it
            data = file.read(min(os.fstat(file.fileno()).st_size, job.limits.file_bytes + 1))
        question = Question(
            profile=job.profile, limits=job.limits, layers=job.layers, syntaxes=job.syntaxes
        )
        return judge_document(data, question, artefacts)

    return judge


def _artefacts(settings: WorkerSettings) -> Artefacts:
    """Open the shelf; what is taken from it is kept, a pack that is missing is asked for again."""
    from pipeline.adapters.packs import PackShelf
    from pipeline.adapters.saxon_worker import SaxonPacks
    from pipeline.syntax.parse import compile_schema
    from pipeline.validate.judge import Artefacts
    from pipeline.validate.structure import SCHEMAS

    shelf = PackShelf(settings.catalogue, settings.packs)
    saxon = cache(SaxonPacks)

    @cache
    def schema(syntax: Syntax) -> etree.XMLSchema:
        return compile_schema(str(shelf.path(SCHEMAS[syntax])))

    @cache
    def explainer(syntax: Syntax) -> xmlschema.XMLSchema:
        import xmlschema

        path = str(shelf.path(SCHEMAS[syntax]))
        return xmlschema.XMLSchema(path, allow="local", defuse="always")

    @cache
    def opened(name: str) -> tuple[Path, PackRun]:
        pack = shelf.pack(name)
        return shelf.path(name), PackRun(name, pack.version, pack.sha256, pack.rules)

    def run_pack(name: str, text: str) -> tuple[str, PackRun]:
        path, run = opened(name)
        return saxon().run(path, text), run

    return Artefacts(schema=schema, explainer=explainer, run_pack=run_pack)
