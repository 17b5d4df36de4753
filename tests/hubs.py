"""A hub inside the test's process: real ledger, archive, doors and stages, a settable clock.

Only two parts stand in for something: the clock, and the engine, which calls the real judge
in this very process. What a test makes fail, it makes fail from outside.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from pipeline import bootstrap
from pipeline.adapters.archive import FileArchive, FolderSpool
from pipeline.adapters.database import open_ledger
from pipeline.app.breaker import Breaker
from pipeline.app.hub import Hub
from pipeline.app.vet import Vetter
from pipeline.model.connection import (
    Completeness,
    Connection,
    Door,
    Envelope,
    Naming,
    RetryPolicy,
    Role,
)
from pipeline.model.connection import Protocol as Transport
from pipeline.model.directory import Directory, Route, Structure
from pipeline.model.errors import EngineError
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.model.settings import Settings
from pipeline.ports.engine import Job
from pipeline.ports.ledger import Sheets
from pipeline.ports.outside import Mail
from tests.clocks import SetClock

_numbers = count(1)
ROOT = Path(__file__).resolve().parents[1]
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

#: Structure only: no rule pack is run, so that a document costs a millisecond.
LIGHT = Profile(name="light", packs={})
#: The same, and a pack that is not installed: whatever is judged is held.
PACK_GONE = Profile(name="light", packs={"ubl": ("not-installed",), "cii": ("not-installed",)})


@cache
def samples() -> ModuleType:
    """Return ``samples/build.py``: invoices as values, and what makes files of them."""
    folder = str(ROOT / "samples")
    sys.path.insert(0, folder)
    try:
        import build
    finally:
        sys.path.remove(folder)
    return build


@cache
def invoice(number: str, buyer: str = "VILLE", times: int = 1) -> bytes:
    """Return a good UBL invoice; `times` changes its amounts and nothing else."""
    made = samples()
    model = made.billed_to(made.BY_KEY["ubl-380-fournitures"], getattr(made, buyer), number, times)
    written: bytes = made.to_ubl(model)
    return written


@cache
def _judge() -> Any:
    return bootstrap.document_judge(_settings())


@cache
def judge_messages() -> Any:
    """Return what judges messages."""
    return bootstrap.message_judge(_settings())


@cache
def judge_without_packs() -> Any:
    """Return what judges messages where no rules are installed."""
    settings = _settings()
    catalogue = settings.catalogue.replace("[packs.br-fr-cdv]", "[packs.gone]")
    return bootstrap.message_judge(replace(settings, catalogue=catalogue))


def _settings() -> bootstrap.WorkerSettings:
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    packs = Path(sys.prefix) / "share" / "edi" / "packs"
    return bootstrap.WorkerSettings(catalogue=catalogue, packs=packs)


@dataclass(slots=True)
class Engine:
    """The real judge, without worker processes.

    Attributes:
        down: True where no worker can be started.
        judge_one: Gives what judges one job; by default the judge of documents.
    """

    down: bool = False
    judge_one: Callable[[], Any] | None = None

    def judge(self, jobs: Iterable[Job]) -> Iterator[Judged]:
        """Yield one result a job."""
        for job in jobs:
            if self.down:
                raise EngineError("a worker could not start: exit code 1")
            yield (self.judge_one or _judge)()(job)

    def close(self) -> None:
        """Nothing is open."""


class Account(Protocol):
    """One account of an SFTP server of this machine, and the folder that it sees."""

    port: int
    host_key: str
    user: str
    key: Path
    root: Path


def partners(root: Path, account: Account | None = None) -> dict[str, Connection]:
    """Return two senders and three receivers, each in a folder of its own under `root`.

    Args:
        root: In a folder of this machine, or inside that of `account`.
        account: How they are reached; each partner has its own folders there.
    """
    common: dict[str, Any] = {
        "completeness": Completeness(stable_for=MINUTE, partial_wait=timedelta(hours=1)),
        "retry": RetryPolicy((MINUTE,)),
        "profile": "light",
    }

    def sheet(name: str, role: Role, **more: Any) -> Connection:
        terms = {**common, **more}
        if account is None:
            terms["door"] = Door(protocol=Transport.LOCAL, path=str(root / name))
        else:
            inside = root.relative_to(account.root) / name
            terms["door"] = door_of(account)
            terms |= {"inbox": f"{inside}/in", "archive": f"{inside}/archive"}
            terms["out"] = f"{inside}/out"
        return Connection(name=name, partner=name, role=role, **terms)

    at_once = Completeness(stable_for=timedelta(0), partial_wait=timedelta(hours=1))
    grammar = {"naming": Naming.GRAMMAR, "application_code": "SUP001", "interfaces": ("FSO1100A",)}
    made = (
        sheet("caterer", Role.SENDER, completeness=at_once),
        sheet("supplier", Role.SENDER, **grammar),
        sheet("ville", Role.RECEIVER),
        sheet("hopital", Role.RECEIVER, envelope=Envelope.TAR_GZ),
        sheet("imprimerie", Role.RECEIVER),
    )
    return {one.name: one for one in made}


def door_of(account: Account, port: int = 0, timeout_s: float = 5.0) -> Door:
    """Return the door to an account, through another port of this machine if one is given."""
    return Door(
        host="127.0.0.1",
        port=port or account.port,
        user=account.user,
        key=str(account.key),
        host_key=account.host_key,
        timeout_s=timeout_s,
        transfer_timeout_s=timeout_s,
    )


def directory(*routed: str) -> Directory:
    """Return a directory that knows every buyer, with routes to those named."""
    made = samples()
    buyers = {name: getattr(made, name.upper()).siret for name in ("ville", "hopital")}
    buyers["imprimerie"] = made.IMPRIMERIE.siret
    return Directory(
        {siret: Structure(siret=siret, name=name) for name, siret in buyers.items()},
        tuple(Route(connection=name, buyer_siret=buyers[name]) for name in routed),
    )


@dataclass(slots=True)
class World:
    """One workspace and its partners' folders; hubs come and go on it.

    Attributes:
        home: Holds ledger, archive and spool.
        url: Of the ledger.
        root: Holds a folder a partner: ``in``, ``archive``, ``out``.
        connections: The partners' sheets.
        clock: Of every hub.
        engine: Of every hub.
        messages: What judges messages, of every hub.
        hub: The hub at work.
        profiles: Of every hub.
        mail: Of every hub; nobody is written to without.
    """

    home: Path
    url: str
    root: Path
    connections: dict[str, Connection]
    clock: SetClock = field(default_factory=SetClock)
    engine: Engine = field(default_factory=Engine)
    messages: Engine = field(default_factory=lambda: Engine(judge_one=judge_messages))
    profiles: Mapping[str, Profile] = field(default_factory=lambda: {"light": LIGHT})
    mail: Mail | None = None
    hub: Hub = field(init=False)
    _count: int = 0

    def start(self) -> Hub:
        """Begin a hub on what the one before left, as a new process would."""
        self._count += 1
        spool = FolderSpool(self.home / "spool" / str(self._count))
        self.hub = replace(
            _base(),
            clock=self.clock,
            ledger=open_ledger(self.url),
            archive=FileArchive(self.home / "archive"),
            spool=spool,
            engine=self.engine,
            doors=bootstrap.doors(self.home),
            credentials=bootstrap.credentials(self.home),
            mail=self.mail,
            profiles=self.profiles,
            vet=Vetter(self.messages, spool).vet,
            examine=Vetter(self.messages, spool).examine,
            converter=bootstrap.converter(self.engine, Settings()),
            by=f"run:{self._count}",
            breaker=Breaker(),
        )
        return self.hub

    def judge_by(self, profile: Profile) -> None:
        """Hold documents against another profile of that name."""
        self.profiles = {**self.profiles, profile.name: profile}
        self.hub = replace(self.hub, profiles=self.profiles)

    def apply(self, *routed: str) -> None:
        """Put the partners in force, with routes to those named."""
        sheets = Sheets(self.connections, directory(*routed))
        self.hub.ledger.apply(sheets, "operator:test", self.clock.now())

    def through(self, partner: str, door: Door) -> None:
        """Reach a partner by another door from now on."""
        self.connections[partner] = replace(self.connections[partner], door=door)
        self.apply("ville", "hopital")

    def stop(self) -> None:
        """Let go of the ledger; nothing else of a hub is kept open."""
        _ledger(self.hub).close()

    def folder(self, partner: str, which: str) -> Path:
        """Return one of a partner's folders."""
        return self.root / partner / which

    def drop(self, sender: str, name: str, payload: bytes, mtime: int | None = None) -> Path:
        """Leave a whole file in a sender's inbox, at once."""
        path = self.folder(sender, "in") / name
        part = path.with_name(f"{name}.part")
        part.write_bytes(payload)
        if mtime is not None:
            os.utime(part, (mtime, mtime))
        part.replace(path)
        return path


def _ledger(hub: Hub) -> Any:
    return hub.ledger


@cache
def _base() -> Hub:
    """Wire a hub once; what differs from world to world is put in its place."""
    place = _template()
    context = bootstrap.open_hub(place, by="test")
    hub = context.__enter__()
    _ledger(hub).close()
    hub.engine.close()
    _OPEN.append(context)  # as long as the session: its answers are written by compiled schemas
    return hub


_OPEN: list[object] = []


@cache
def _template() -> bootstrap.Workspace:
    import atexit
    import tempfile

    home = Path(tempfile.mkdtemp(prefix="edi-template-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    place = bootstrap.workspace(home)
    bootstrap.initialise(place)
    return place


def make_world(
    folder: Path,
    *,
    url: str | None = None,
    home: Path | None = None,
    account: Account | None = None,
) -> World:
    """Make a workspace, with a SQLite ledger and local folders where nothing else is given.

    Args:
        folder: Where both are made.
        url: Of another ledger.
        home: Of the workspace.
        account: Where the partners live.
    """
    home = home or folder / "var"
    root = (account.root if account else folder) / f"partners-{next(_numbers)}"
    home.mkdir(parents=True)
    if url is None:
        shutil.copyfile(_template().home / "ledger.sqlite", home / "ledger.sqlite")
        url = f"sqlite:///{home / 'ledger.sqlite'}"
    world = World(home, url, root, partners(root, account))
    for name in world.connections:
        for which in ("in", "archive", "out"):
            world.folder(name, which).mkdir(parents=True)
    world.start()
    world.apply("ville", "hopital")
    return world


@contextmanager
def opened(folder: Path, **given: Any) -> Iterator[World]:
    """Make a world, and let go of its ledger at the end."""
    world = make_world(folder, **given)
    try:
        yield world
    finally:
        world.stop()
