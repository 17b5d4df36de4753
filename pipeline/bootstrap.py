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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline import __version__
from pipeline.model.acknowledgement import AnswerFacts, AnswerFile
from pipeline.model.connection import Protocol, Scanning, Secret, SecretKind
from pipeline.model.directory import Directory, Validity
from pipeline.model.directory_update import Update
from pipeline.model.errors import ConfigError
from pipeline.model.figures import Figures, Table
from pipeline.model.gauge import Gauge
from pipeline.model.identity import derived
from pipeline.model.interface import Interface
from pipeline.model.limits import Limits
from pipeline.model.offered import Offered
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, PackRun, Syntax
from pipeline.model.settings import Encryption, MailSettings, Settings
from pipeline.model.telling import StatusNews
from pipeline.ports.credentials import Credentials
from pipeline.ports.engine import Engine, Job
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Ledger, Sheets
from pipeline.ports.outside import Doors, Mail, Printer, Scanner, Spool

if TYPE_CHECKING:
    import xmlschema
    from lxml import etree

    from pipeline.acknowledge.means import Means
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.baselines import MeasuredProcess
    from pipeline.adapters.confinement import Confinement
    from pipeline.adapters.custody import Custody
    from pipeline.adapters.database import Seat
    from pipeline.adapters.directory_files import Numbers
    from pipeline.adapters.log_reader import LogReader
    from pipeline.adapters.own_authority import OwnAuthority
    from pipeline.adapters.packs import Pack, PackShelf
    from pipeline.adapters.process_wire import JobWriter
    from pipeline.adapters.seals import SealFolder
    from pipeline.adapters.vault import Vault
    from pipeline.app.convert import Converter
    from pipeline.app.hub import Hub
    from pipeline.app.proposal import Change
    from pipeline.app.registered import Register
    from pipeline.app.trial import Sample
    from pipeline.model.connection import Connection as Sheet
    from pipeline.model.conversion import Written
    from pipeline.model.invoice import Invoice
    from pipeline.model.rule import RuleSet
    from pipeline.model.sentences import Sentences
    from pipeline.syntax.cpp_parties import Envelope
    from pipeline.syntax.cpp_status import StatusMessage
    from pipeline.syntax.pivot import PivotInvoice
    from pipeline.validate.judge import Artefacts

#: Tables that belong to the product: a workspace may override them, but gets no copy.
_PRODUCT_TABLES = (
    "packs.toml",
    "interfaces.toml",
    "profiles.toml",
    "reasons.toml",
    "retention.toml",
    "sentences.toml",
)

_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_WRITABLE_BY_OTHERS = 0o022
#: So long, in seconds, whoever wants to run a workspace's jobs waits for those who only ask.
_LOOKS_S = 2.0

#: An F14 is one document, and a large one: so many elements are kept in memory at most.
_F14_LIMITS = Limits(elements=5_000_000)

#: Pack that our own answers are held against as they are written.
_CDAR_SCHEMA = "cdar-d22b-xsd"
#: Schemas that this project writes itself, of those that messages are held against.
_OWN_SCHEMAS = frozenset({"CPPStatut-V1_19"})


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


def initialise(place: Workspace, encryption: Encryption = Encryption.AES_256_GCM) -> list[Path]:
    """Fill a workspace from the packaged defaults; what is there already is left alone.

    Args:
        place: The workspace.
        encryption: How its originals will lie on the disk, where no settings say so yet.

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
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source, target)
        if target == place.config / "pipeline.toml":
            _set_encryption(target, encryption)
        made.append(target)
    made += _make_master_key(place)
    made += _make_seal_key(place)
    open_ledger(place.database).close()
    return made


def _make_seal_key(place: Workspace) -> Iterator[Path]:
    """Make the key that seals are signed with, and put its public half beside them."""
    from pipeline.adapters.secrets import make_key_file

    wanted = settings(place).seal
    (place.home / wanted.folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    path = place.home / wanted.key.name
    if wanted.key.kind is SecretKind.FILE and make_key_file(path):
        yield path
        yield seals(place).publish()


def _set_encryption(path: Path, encryption: Encryption) -> None:
    text = path.read_text(encoding="utf-8")
    default = f'encryption = "{Settings().archive.encryption.value}"'
    path.write_text(text.replace(default, f'encryption = "{encryption.value}"'), encoding="utf-8")


def _make_master_key(place: Workspace) -> Iterator[Path]:
    """Make the master key file that the settings name, but never in place of a lost one."""
    from pipeline.adapters.secrets import make_key_file
    from pipeline.adapters.vault import names_file

    wanted = settings(place).archive
    path = place.home / wanted.master_key.name
    asked = wanted.encryption is not Encryption.NONE and wanted.master_key.kind is SecretKind.FILE
    if not asked or path.exists():
        return
    if names_file(_originals(place)).exists():
        raise ConfigError(
            f"{path}: la clé maîtresse des originaux est absente ; remettez-la, une nouvelle ne"
            " les ouvrirait pas / the master key of the originals is missing; put it back, a"
            " new one would not open them"
        )
    make_key_file(path)
    yield path


def shelf(place: Workspace) -> PackShelf:
    """Return the shelf of official packs."""
    from pipeline.adapters.packs import PackShelf

    catalogue = _table(place, "packs.toml").read_text(encoding="utf-8")
    return PackShelf(catalogue, place.packs)


def profiles(place: Workspace) -> dict[str, Profile]:
    """Return the validation profiles by name, each with the versions that take its place."""
    return _profiles_in(_table(place, "profiles.toml"))


def _profiles_in(path: Path) -> dict[str, Profile]:
    from pipeline.adapters.configuration import read_profiles
    from pipeline.validate.rules.sets import SETS

    known = {group.name: frozenset(rule.identifier for rule in group.rules) for group in SETS}
    return read_profiles(path, known)


def proposed_sheets(place: Workspace) -> Sheets:
    """Read what ``config/`` proposes."""
    from pipeline.adapters.configuration import read_sheets
    from pipeline.adapters.directory_files import read_directory

    read = read_sheets(place.config / "connections")
    directory = read_directory(place.config / "directory", _numbers())
    return Sheets(read.connections, directory, read.apis)


@contextmanager
def proposed_change(
    place: Workspace, hub: Hub, subject: str, config: Path | None
) -> Iterator[Change]:
    """Return a hub in which one sheet, profile or pack is as proposed, beside what is in force.

    Args:
        place: The workspace.
        hub: Its hub.
        subject: Name of a sheet or profile, or path of a pack.
        config: Folder to read the sheet or profile from; None for the workspace's own.

    Raises:
        ConfigError: The subject names nothing, or several things, or nothing would change.
    """
    from pipeline.adapters.configuration import read_connections
    from pipeline.app.proposal import (
        Named,
        Offer,
        profile_change,
        sheet_change,
        understand,
    )

    folder, table = config or place.config, (config or place.config) / "profiles.toml"
    offer = Offer(
        place=str(folder),
        connections=read_connections(folder / "connections"),
        profiles=_profiles_in(table) if table.exists() else hub.profiles,
    )
    sheets = hub.ledger.sheets()
    is_file = Path(subject).is_file() or ("=" in subject and Path(subject.split("=")[1]).is_file())
    kind, name = understand(hub, sheets, offer, subject, is_file=is_file)
    if kind is Named.SHEET:
        yield sheet_change(hub, sheets, offer, name)
    elif kind is Named.PROFILE:
        yield profile_change(hub, sheets, offer, name)
    else:
        with _pack_change(place, hub, name) as change:
            yield change


@contextmanager
def _pack_change(place: Workspace, hub: Hub, subject: str) -> Iterator[Change]:
    from pipeline.adapters.packs import PackKind
    from pipeline.app.proposal import Change, Touches

    pack, path = _pack_named(place, subject)
    wanted = settings(place)
    engine = make_engine(place, wanted, instead={pack.name: path})
    sheets = hub.ledger.sheets()
    new_hub = replace(hub, engine=engine, converter=converter(engine, wanted))
    kind = Touches.SCHEMA if pack.kind is PackKind.SCHEMA else Touches.PACK
    try:
        yield Change(kind, pack.name, hub, sheets, new_hub, sheets)
    finally:
        engine.close()


def _pack_named(place: Workspace, subject: str) -> tuple[Pack, Path]:
    """Return which pack a file, ``PATH`` or ``NAME=PATH``, stands in for.

    Raises:
        ConfigError: There is no such file, or its name does not tell which pack it is.
    """
    name, _, rest = subject.rpartition("=")
    path, known = Path(rest), shelf(place)
    if not path.is_file():
        raise ConfigError(f"{rest}: fichier absent / no such file")
    packs = [one.pack for one in known.list() if one.pack.name == name]
    found = packs if name else known.named_like(path)
    if len(found) == 1:
        return found[0], path
    names = ", ".join(one.name for one in found or [one.pack for one in known.list()])
    raise ConfigError(
        f"{subject}: dites quel paquet ce fichier remplacerait, NOM={rest} / say which pack this"
        f" file would replace, NAME={rest}: {names}"
    )


def offered(place: Workspace) -> Offered:
    """Read what ``config/`` proposes, as far as it can be read."""
    from pipeline.adapters.configuration import offered_connections
    from pipeline.adapters.directory_files import PILOT, read_directory, read_pilot

    read = offered_connections(place.config / "connections")
    folder, faults = place.config / "directory", list[str]()
    directory: Directory | None = None
    pilot: Mapping[str, tuple[Validity, ...]] = {}
    try:
        pilot = read_pilot(folder / PILOT, _numbers())
        directory = read_directory(folder, _numbers())
    except ConfigError as error:
        faults += str(error).splitlines()
    return replace(read, directory=directory, directory_faults=tuple(faults), pilot=pilot)


def directory_update(path: Path, *, full: bool) -> Update:
    """Read what a file, or a folder of files, says of the directory.

    Raises:
        ConfigError: It cannot be used; every fault with its line and field.
    """
    from pipeline.adapters.directory_files import read_update

    return read_update(path, full=full, numbers=_numbers(), read_flow=_read_f14)


def _numbers() -> Numbers:
    """Return what checks the keys of SIREN and SIRET."""
    from pipeline.adapters.directory_files import Numbers
    from pipeline.syntax.check_digits import is_siren, is_siret

    return Numbers(is_siren, is_siret)


def _read_f14(data: bytes, full: bool) -> tuple[Update, Sequence[tuple[int, str]]]:  # noqa: FBT001  # as the adapter calls it
    """Read an F14 by the one parser that is safe."""
    from pipeline.syntax import f14
    from pipeline.syntax.parse import XmlRefused, parse

    try:
        found = f14.read(parse(data, _F14_LIMITS), full=full)
    except XmlRefused as refused:
        return Update(), [(refused.line or 1, " / ".join(refused.message.values()))]
    return found.update, [
        (one.line, f"{one.name}: {one.fr} / {one.en} (trouvé / found: {one.found!r:.80})")
        for one in found.faults
    ]


def check_directory_update(known: Directory, update: Update) -> None:
    """Refuse an update that does not fit what the directory holds.

    Raises:
        ConfigError: It tells of services of a structure that nobody knows.
    """
    from pipeline.adapters.directory_files import check_update

    check_update(known, update)


def settings(place: Workspace) -> Settings:
    """Read the settings of a workspace.

    Raises:
        ConfigError: They cannot be used; the message names key and fault.
    """
    from pipeline.adapters.configuration import read_settings

    return read_settings(place.config / "pipeline.toml")


def archive(place: Workspace) -> FileArchive:
    """Open the archive of originals, as its settings say.

    Raises:
        ConfigError: Its keys cannot be used, or it is encrypted and the settings say not.
    """
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.forms import SealedForm

    found = vault(place)
    return FileArchive(_originals(place), SealedForm(found) if found else None)


def seals(place: Workspace) -> SealFolder:
    """Open the folder of seals; its key is read when it is first needed."""
    from pipeline.adapters.seals import SealFolder
    from pipeline.adapters.secrets import reveal_key

    wanted = settings(place).seal
    return SealFolder(
        place.home / wanted.folder, partial(reveal_key, wanted.key, place.home), wanted.trusted
    )


def custody(place: Workspace) -> Custody:
    """Return what looks after the keys of the archive.

    Raises:
        ConfigError: It is not encrypted, or its keys cannot be used.
    """
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.custody import Custody
    from pipeline.adapters.forms import SealedForm

    _must_exist(place)
    found = vault(place)
    if found is None:
        raise ConfigError(
            'archive.encryption = "none" : aucune clé, les originaux sont en clair'
            " / no keys, originals are not encrypted"
        )
    arm_failpoints()
    form = SealedForm(found)
    return Custody(FileArchive(_originals(place), form), form, found)


def new_master_key(place: Workspace, name: str) -> Path:
    """Make a master key file, relative to the workspace; it is not in force yet.

    Raises:
        ConfigError: A file of that name is there.
    """
    from pipeline.adapters.secrets import make_key_file

    _must_exist(place)
    path = place.home / name
    if not make_key_file(path):
        raise ConfigError(f"{path}: existe déjà, rien n'est modifié / exists, nothing is changed")
    return path


def vault(place: Workspace) -> Vault | None:
    """Open the keys of the archive; None where it is not encrypted.

    Raises:
        ConfigError: They cannot be used, or they are there and the settings say "none".
    """
    from pipeline.adapters.secrets import reveal_key
    from pipeline.adapters.vault import MasterKey, Vault, names_file

    wanted = settings(place).archive
    names = names_file(_originals(place))
    if wanted.encryption is Encryption.NONE:
        if names.exists():
            raise ConfigError(
                f'{place.config / "pipeline.toml"}: archive.encryption = "none", mais les'
                f" originaux sont chiffrés / but originals are encrypted ({names})"
            )
        return None

    def master(secret: Secret) -> MasterKey:
        return MasterKey(reveal_key(secret, place.home), secret.name)

    previous = wanted.previous_master_key
    return Vault(
        _originals(place), master(wanted.master_key), master(previous) if previous else None
    )


def _originals(place: Workspace) -> Path:
    return place.home / "archive"


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
    from pipeline.adapters.configuration import read_interfaces, read_retention, read_takes
    from pipeline.adapters.database import open_ledger
    from pipeline.adapters.holidays import french_holidays
    from pipeline.adapters.owned import OwnedFolder
    from pipeline.adapters.resources import data_folder
    from pipeline.adapters.transfer_log import TransferLogs
    from pipeline.app.hub import Hub
    from pipeline.app.vet import Vetter

    _must_exist(place)
    arm_failpoints()
    wanted = settings(place)
    known_scanners = scanners(wanted.clamd)
    (place.home / "spool").mkdir(exist_ok=True, mode=0o700)  # there before a worker may read it
    log_folder = place.home / "logs" if log_to_file else None
    originals = archive(place)
    ledger = open_ledger(place.database)
    engine = make_engine(place, wanted)
    rules = make_engine(
        place,
        replace(wanted, workers=1),
        entry=message_worker,
        readable=(place.home / "spool", place.home / "archive", data_folder("schemas")),
    )
    # of its own: the other engine is at work on what comes in while this one judges what leaves
    leaving = make_engine(place, replace(wanted, workers=1))
    scratch = OwnedFolder(place.home / "spool")
    spool = FolderSpool(scratch.path)
    vetter = Vetter(rules, spool)
    means = answer_means(place, wanted)
    hub = Hub(
        clock=SystemClock(),
        ledger=ledger,
        archive=originals,
        spool=spool,
        engine=engine,
        doors=doors(place.home),
        scanners=known_scanners,
        interfaces=read_interfaces(_table(place, "interfaces.toml")),
        profiles=profiles(place),
        takes=read_takes(_table(place, "profiles.toml")),
        settings=wanted,
        compose=partial(_compose, means),
        tell=partial(_tell, means),
        vet=vetter.vet,
        examine=vetter.examine,
        converter=converter(leaving, wanted),
        by=by,
        holidays=french_holidays,
        retention=read_retention(_table(place, "retention.toml")),
        seals=seals(place),
        transfer_log=TransferLogs(place.home),
        credentials=credentials(place.home),
        mail=mail(place.home, wanted.mail),
    )
    try:
        with logs.logging_to(log_folder, by=by, keep_days=wanted.keep_logs_days):
            yield hub
    finally:
        engine.close()
        rules.close()
        leaving.close()
        ledger.close()
        originals.close()
        scratch.close()


def arm_failpoints() -> None:
    """Arm what ``EDI_FAILPOINT`` and ``EDI_FAILPOINT_TRACE`` ask for: nothing outside of tests.

    Raises:
        ConfigError: There is no such failpoint, or the trace cannot be written.
    """
    from pipeline.adapters.configuration import Environment
    from pipeline.adapters.failpoints import arm_from

    given = Environment()
    arm_from(given.failpoint, given.failpoint_trace)


def is_running(place: Workspace) -> bool:
    """Tell whether a process runs this workspace's jobs now; whoever asks is in no one's way."""
    from pipeline.adapters.database import is_led

    _must_exist(place)
    with _lock_file(place) as lock:
        is_free = _takes(lock, fcntl.LOCK_SH)
    return not is_free or is_led(place.database)


@contextmanager
def alone(place: Workspace) -> Iterator[Seat]:
    """Hold the one right to run this workspace's jobs, and those of its ledger.

    Raises:
        ConfigError: Another process has it, here or on another machine.
    """
    from pipeline.adapters.database import leading

    _must_exist(place)
    with _lock_file(place) as lock:
        until = time.monotonic() + _LOOKS_S
        while not _takes(lock, fcntl.LOCK_EX):
            if time.monotonic() > until:
                raise ConfigError(
                    f"{place.home}: un autre « edi run » tourne déjà"
                    " / another 'edi run' is running"
                )
            time.sleep(_LOOKS_S / 20)
        with leading(place.database) as seat:
            yield seat


def _lock_file(place: Workspace) -> IO[str]:
    return os.fdopen(os.open(place.home / "run.lock", _LOCK_FILE, 0o600), "w")


def _takes(lock: IO[str], kind: int) -> bool:
    """Take a lock until its file is closed; False where somebody has one against it."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def beside(place: Workspace) -> Iterator[Seat]:
    """Be at work beside the process that runs this workspace's jobs.

    Raises:
        ConfigError: There is no workspace, or its ledger lets one process write.
    """
    from pipeline.adapters.database import beside_others

    _must_exist(place)
    with beside_others(place.database) as seat:
        yield seat


def sweep(place: Workspace) -> None:
    """Remove what killed processes left: half-written blobs, and scratch space.

    What living ones are writing stays, so that anybody may sweep at any time.
    """
    from pipeline.adapters import owned

    for folder in (_originals(place) / "incoming", place.home / "spool"):
        owned.sweep(folder)
    failpoint("run.swept")


def new_run() -> str:
    """Return who acts in a new run."""
    from pipeline.adapters.clock import SystemClock

    moment = SystemClock().now()
    return f"run:{moment:%Y%m%dT%H%M%SZ}-{derived(moment.isoformat(), os.getpid(), length=4)}"


def acting_as(by: str) -> AbstractContextManager[None]:
    """Let every log line name `by` while inside."""
    from pipeline.adapters.logs import acting_as as name

    return name(by)


def log_reader(place: Workspace) -> LogReader:
    """Return what finds the log lines of runs."""
    from pipeline.adapters.log_reader import LogReader

    return LogReader(place.home / "logs")


def operator() -> str:
    """Return who acts when a person types a verb: as told, else who called sudo, else the login.

    Raises:
        ConfigError: ``EDI_OPERATOR`` is no name.
    """
    from pipeline.adapters.configuration import operator_name

    return f"operator:{operator_name() or getpass.getuser()}"


def _must_exist(place: Workspace) -> None:
    if not place.config.is_dir():
        raise ConfigError(
            f"{place.home}: pas d'espace de travail ; lancez « edi init »"
            " / no workspace; run 'edi init' first"
        )
    found = place.home.stat()
    if found.st_mode & _WRITABLE_BY_OTHERS or found.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(
            f"{place.home}: d'autres peuvent y écrire / others may write there:"
            f" chown, chmod 700 {place.home}"
        )


def _table(place: Workspace, name: str) -> Path:
    from pipeline.adapters.resources import data_folder

    own = place.config / name
    return own if own.exists() else data_folder("config") / name


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
    from pipeline.adapters.configuration import read_interfaces, read_takes
    from pipeline.app.agreed import Agreed
    from pipeline.app.registered import Register, channel_of

    takes = read_takes(_table(place, "profiles.toml"))
    known = Register(
        sheets=None,
        agreed=Agreed(moment=now(), profile=profile.version, takes=takes),
        channel=channel_of(
            profile.name, read_interfaces(_table(place, "interfaces.toml")).values()
        ),
        missing=why_not or {},
    )
    if why_not is not None:
        yield known
    elif folder is not None:
        from pipeline.adapters.directory_files import read_directory

        if not folder.is_dir():
            raise ConfigError(f"{folder}: pas un dossier / no folder")
        yield replace(known, sheets=Sheets(directory=read_directory(folder, _numbers())))
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


@contextmanager
def checking(*, workers: int) -> Iterator[tuple[Engine, Spool]]:
    """Open an engine and scratch space for judging files of one's own."""
    from pipeline.adapters.archive import FolderSpool

    place = workspace()
    settings = replace(Settings(), workers=workers)
    with tempfile.TemporaryDirectory(prefix="edi-") as folder:
        engine = make_engine(place, settings, readable=(Path(folder),))
        try:
            yield engine, FolderSpool(Path(folder))
        finally:
            engine.close()


def make_engine(
    place: Workspace,
    settings: Settings,
    entry: Callable[[Connection, WorkerSettings], None] | None = None,
    readable: Sequence[Path] | None = None,
    instead: Mapping[str, Path] | None = None,
) -> Engine:
    """Return an engine; its workers start with the first document.

    Args:
        place: Where the catalogue of packs is.
        settings: How many workers, and what they may take.
        entry: What a worker runs; by default the judge of documents.
        readable: Folders of the documents, all that workers may read beside the packs; by
            default the workspace's scratch space and archive.
        instead: Files to judge by in place of packs, by their names.
    """
    from pipeline.adapters.process_engine import EngineLimits, ProcessEngine

    return ProcessEngine(
        entry or judge_worker,
        replace(worker_settings(place, settings, readable), instead=dict(instead or {})),
        workers=settings.workers or os.cpu_count() or 1,
        limits=EngineLimits(
            time_s=settings.time_limit_s,
            memory_bytes=settings.memory_limit_mb * 1_000_000,
        ),
    )


def worker_settings(
    place: Workspace, settings: Settings, readable: Sequence[Path] | None = None
) -> WorkerSettings:
    """Return what a worker process needs to know; `readable` as of `make_engine`.

    Raises:
        ConfigError: The workspace's own table of sentences is none.
    """
    catalogue = _table(place, "packs.toml").read_text(encoding="utf-8")
    own = (place.home / "spool", place.home / "archive")
    return WorkerSettings(
        catalogue=catalogue,
        sentences=_sentences(place),
        packs=place.packs,
        readable=own if readable is None else tuple(readable),
        clamd=settings.clamd,
        patience_s=settings.time_limit_s / 2,  # so that it is the scanner that gets the blame
    )


def _sentences(place: Workspace) -> str:
    """Return the text of the sentences; a worker reads it at its first finding.

    One of the workspace's own is tried out here, where a fault can be told to somebody.
    """
    from pipeline.adapters.sentences import read_sentences

    path = _table(place, "sentences.toml")
    text = path.read_text(encoding="utf-8")
    if path.is_relative_to(place.config):
        read_sentences(text)
    return text


def doors(home: Path) -> Doors:
    """Return the way to partners' servers and folders, with the secrets of a workspace."""
    from pipeline.adapters.doors import DoorsByProtocol
    from pipeline.adapters.local import LocalDoors
    from pipeline.adapters.sftp import SftpDoors

    return DoorsByProtocol({Protocol.SFTP: SftpDoors(home), Protocol.LOCAL: LocalDoors(home)})


def credentials(home: Path) -> Credentials:
    """Return what reads the certificates and keys of a workspace."""
    from pipeline.adapters.credential_files import CredentialFiles

    return CredentialFiles(home, home / "config" / "anchors", home / "host_key")


def mail(home: Path, wanted: MailSettings) -> Mail | None:
    """Return the way to people's mailboxes, or None where nobody is written to."""
    from pipeline.adapters.mail import SmtpMail

    return SmtpMail(wanted, home) if wanted.host else None


def scanners(clamd: str, patience_s: float = 150.0) -> Mapping[Scanning, Scanner]:
    """Return who can look for malware; nobody for ``none``.

    Args:
        clamd: Where ClamAV's daemon listens.
        patience_s: How long it is waited for; its own limit for one scan is 120 s.

    Raises:
        ConfigError: `clamd` is no address.
    """
    from pipeline.adapters.clamd import ClamdScanner
    from pipeline.adapters.eicar import EicarScanner

    return {Scanning.CLAMD: ClamdScanner(clamd, patience_s), Scanning.EICAR: EicarScanner()}


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
            raise ConfigError(f"{own}: {error.strerror or error}") from error
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


def printer(settings: Settings) -> Printer:
    """Return what prints pages; its process starts with the first page, and is kept."""
    return _printer(settings.print_limit_s, settings.memory_limit_mb)


@cache
def _printer(limit_s: float, memory_mb: int) -> Printer:
    from pipeline.adapters.confined_printer import ConfinedPrinter, PrintLimits

    limits = PrintLimits(time_s=limit_s, memory_bytes=memory_mb * 1_000_000)
    return ConfinedPrinter(limits)


def converter(engine: Engine, settings: Settings) -> Converter:
    """Return what writes documents in other forms; `engine` judges what was written."""
    from pipeline.app.convert import Converter

    return Converter(engine=engine, printer=partial(printer, settings), write_pivot=_write_pivot)


def _write_pivot(invoices: Sequence[PivotInvoice], envelope: Envelope) -> Written:
    from pipeline.syntax.pivot import write_pivot

    return write_pivot(invoices, envelope, _pivot_schema())


@cache
def _pivot_schema() -> etree.XMLSchema:
    from pipeline.adapters.resources import data_folder
    from pipeline.syntax.parse import compile_schema

    return compile_schema(str(data_folder("schemas") / "CPPFacturePivot-V2_02.xsd"))


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


def write_metrics(place: Workspace, gauges: Sequence[Gauge]) -> None:
    """Write the figures that a running hub is watched by."""
    from pipeline.adapters.metrics import write_metrics as write

    write(gauges, place.home / "metrics" / "edi.prom")


def status_bytes(message: StatusMessage) -> bytes:
    """Write a CPPStatut as a partner would; it is held against our schema of it."""
    from pipeline.adapters.resources import data_folder
    from pipeline.syntax.cpp_status import write
    from pipeline.syntax.parse import compile_schema

    return write(message, compile_schema(str(data_folder("schemas") / "CPPStatut-V1_19.xsd")))


def answer_means(place: Workspace, settings: Settings) -> Means:
    """Return what answers are written with.

    Raises:
        PackMissing: The CDAR schema is not the one that was pinned: the installation is
            broken, and no hub may start.
    """
    from pipeline.acknowledge.means import Means
    from pipeline.adapters.configuration import read_reasons
    from pipeline.adapters.resources import data_folder
    from pipeline.route.pack import pack_tar_gz
    from pipeline.syntax.parse import compile_schema

    return Means(
        statut=compile_schema(str(data_folder("schemas") / "CPPStatut-V1_19.xsd")),
        cdar=compile_schema(str(shelf(place).path(_CDAR_SCHEMA))),
        reasons=read_reasons(_table(place, "reasons.toml")),
        matricule=settings.matricule,
        pack=pack_tar_gz,
    )


def report_tables(figures: Figures) -> tuple[Table, ...]:
    """Sum the figures of a report up."""
    from pipeline.adapters.spreadsheet import tabulate

    return tabulate(figures)


def report_csv(tables: Sequence[Table]) -> bytes:
    """Write the tables of a report as one CSV file."""
    from pipeline.adapters.spreadsheet import long_csv

    return long_csv(tables)


def report_workbook(tables: Sequence[Table], timezone: str) -> bytes:
    """Write the tables of a report as an Excel workbook."""
    from pipeline.adapters.spreadsheet import workbook

    return workbook(tables, timezone)


def now() -> datetime:
    """Return the moment."""
    from pipeline.adapters.clock import SystemClock

    return SystemClock().now()


def _compose(
    means: Means, facts: AnswerFacts, next_number: Callable[[str], int]
) -> tuple[AnswerFile, ...]:
    from pipeline.acknowledge.compose import compose

    return compose(facts, next_number=next_number, means=means)


def _tell(
    means: Means, news: StatusNews, next_number: Callable[[str], int]
) -> tuple[AnswerFile, ...]:
    """Write statuses with the same pens as answers."""
    from pipeline.lifecycle.outbound import Pens, write_news

    pens = Pens(statut=means.statut, cdar=means.cdar, matricule=means.matricule, pack=means.pack)
    return write_news(news, next_number=next_number, pens=pens)


def generate_key(path: Path) -> str:
    """Make a private key file if there is none; return its public line."""
    from pipeline.adapters.embedded_sftp import generate_key as make

    return make(path)


def own_authority(name: str, since: datetime) -> OwnAuthority:
    """Make an authority that issues certificates, for demonstrations."""
    from pipeline.adapters.own_authority import OwnAuthority

    return OwnAuthority.found(name, since)


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
        readable: Folders that the documents lie in.
        sentences: Text of ``sentences.toml``; empty where the packs speak alone.
        clamd: Where ClamAV's daemon listens.
        patience_s: How long it is waited for.
        instead: Files to judge by in place of packs, by their names.
    """

    catalogue: str
    packs: Path
    readable: tuple[Path, ...] = ()
    sentences: str = ""
    clamd: str = Settings().clamd
    patience_s: float = Settings().time_limit_s / 2
    instead: Mapping[str, Path] = field(default_factory=dict)


def judge_worker(connection: Connection, settings: WorkerSettings) -> None:
    """Run a worker process: the entry that `adapters.process_engine` is given."""
    from pipeline.adapters.process_engine import serve

    judge = document_judge(settings)  # a fault of our own settings is told while there is a way
    confine_worker(settings, spare=(connection.fileno(),))
    serve(connection, judge)


def confine_worker(settings: WorkerSettings, spare: Sequence[int] = ()) -> Confinement:
    """Take from this process, for good, what a worker of these settings has no need of.

    Args:
        settings: Documents and packs stay readable, and a scanner that is called by TCP.
        spare: Descriptors that stay open.
    """
    from pipeline.adapters.clamd import tcp_port
    from pipeline.adapters.confinement import confine

    tried = (path.resolve().parent for path in settings.instead.values())
    folders = (settings.packs, *settings.readable, *tried)
    return confine(folders, spare=spare, port=tcp_port(settings.clamd))


def confinement(place: Workspace) -> Confinement:
    """Return what workers are held to on this machine, found out by starting one."""
    from pipeline.adapters.configuration import read_settings
    from pipeline.adapters.confinement import tried

    settings = read_settings(place.config / "pipeline.toml")
    return tried(_confined, worker_settings(place, settings))


def _confined(connection: Connection, settings: WorkerSettings) -> None:
    connection.send(confine_worker(settings, spare=(connection.fileno(),)))


def document_judge(settings: WorkerSettings) -> Callable[[Job], Judged]:
    """Return a function that judges one document in this very process.

    Schemas and packs are checked, compiled and kept on first use. SaxonC must stay in
    the thread that used it first.
    """
    from pipeline.validate.judge import Question, judge_document

    artefacts = _artefacts(settings)
    known = cache(scanners)

    def judge(job: Job) -> Judged:
        with Path(job.path).open("rb") as file:
            # one byte too many is enough for the parser to refuse it
            data = file.read(min(os.fstat(file.fileno()).st_size, job.limits.file_bytes + 1))
        question = Question(
            profile=job.profile,
            limits=job.limits,
            layers=job.layers,
            syntaxes=job.syntaxes,
            receivers=job.receivers,
        )
        scan = _scan_for(job.scanner, partial(known, settings.clamd, settings.patience_s))
        return judge_document(data, question, replace(artefacts, scan=scan))

    return judge


def _scan_for(
    scanner: Scanning, known: Callable[[], Mapping[Scanning, Scanner]]
) -> Callable[[bytes], str | None] | None:
    """Return what looks at one attachment, or None where the sheet says that nobody does."""
    if scanner is Scanning.NONE:
        return None
    asked = known()[scanner]
    return lambda payload: asked.scan((payload,))


def message_worker(connection: Connection, settings: WorkerSettings) -> None:
    """Run a worker process that holds messages, ours and partners', against their rules."""
    from pipeline.adapters.process_engine import serve

    judge = message_judge(settings)  # a fault of our own settings is told while there is a way
    confine_worker(settings, spare=(connection.fileno(),))
    serve(connection, judge)


def message_judge(settings: WorkerSettings) -> Callable[[Job], Judged]:
    """Return a function that judges one CPPStatut or CDAR message in this very process.

    A job that asks for the semantics alone is about a message of ours, which was held against
    its schema when it was written.
    """
    from pipeline.validate.message import judge_message

    artefacts = _artefacts(settings)

    def judge(job: Job) -> Judged:
        with Path(job.path).open("rb") as file:
            data = file.read(min(os.fstat(file.fileno()).st_size, job.limits.file_bytes + 1))
        return judge_message(data, job.limits, job.layers, artefacts)

    return judge


def _artefacts(settings: WorkerSettings) -> Artefacts:
    """Open the shelf; what is taken from it is kept, a pack that is missing is asked for again."""
    from pipeline.adapters.packs import PackShelf
    from pipeline.adapters.resources import data_folder
    from pipeline.adapters.saxon_worker import SaxonPacks
    from pipeline.adapters.sentences import read_sentences
    from pipeline.syntax.parse import compile_schema
    from pipeline.validate.judge import Artefacts

    shelf = PackShelf(settings.catalogue, settings.packs, settings.instead)
    saxon = cache(SaxonPacks)

    def place_of(name: str) -> Path:
        own = data_folder("schemas") / f"{name}.xsd"
        return own if name in _OWN_SCHEMAS else shelf.path(name)

    @cache
    def schema(name: str) -> etree.XMLSchema:
        return compile_schema(str(place_of(name)))

    explainers: dict[Path, xmlschema.XMLSchema] = {}

    @cache
    def explainer(name: str) -> xmlschema.XMLSchema:
        import xmlschema

        path = place_of(name)
        # the two of UBL import the same files, which are read and kept once
        beside = explainers.get(path.parent)
        # skip: the bytes are pinned and lxml has compiled them; to hold UBL against the
        # schema of schemas takes 3 s. Documents are held against all of it all the same
        made = xmlschema.XMLSchema(
            str(path),
            allow="local",
            defuse="always",
            validation="skip",
            global_maps=None if beside is None else beside.maps,
        )
        explainers.setdefault(path.parent, made)
        return made

    @cache
    def opened(name: str) -> tuple[Path, PackRun]:
        pack = shelf.pack(name)
        return shelf.path(name), PackRun(name, pack.version, pack.sha256, pack.rules)

    def run_pack(name: str, text: str) -> tuple[str, PackRun]:
        path, run = opened(name)
        return saxon().run(path, text), run

    @cache
    def sentences() -> Sentences:
        return read_sentences(settings.sentences)

    return Artefacts(
        schema=schema,
        explainer=explainer,
        run_pack=run_pack,
        sentences=sentences,
        rule_set=cache(_rule_set),
        schema_run=lambda name: opened(name)[1],
    )


def _rule_set(name: str) -> tuple[RuleSet[Invoice], PackRun]:
    """Return a set of rules of our own, known by the code and the sentences it is made of.

    Raises:
        KeyError: There is none of this name: the profile was read without a look at it.
    """
    from pipeline.validate.rules.sets import RULE_SETS

    found = RULE_SETS[name]
    return found, PackRun(name, __version__, _rules_sha256(), len(found.rules))


@cache
def _rules_sha256() -> str:
    """Return the hash of every module that rules of our own are written in."""
    from pipeline.validate import rules

    content = sha256()
    for path in sorted(Path(rules.__path__[0]).glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()
