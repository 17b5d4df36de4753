"""Wires a hub: what it holds open, and what it reads of its workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.engines import make_engine
from pipeline.bootstrap.keeping import archive, seals
from pipeline.bootstrap.outside import credentials, doors, mail, scanners
from pipeline.bootstrap.places import (
    Workspace,
    arm_failpoints,
    interfaces,
    must_exist,
    profiles,
    settings,
    table_of,
    takes,
)
from pipeline.bootstrap.workers import message_worker
from pipeline.bootstrap.writing import answer_means, compose_answers, converter, tell_statuses
from pipeline.model.connection import Scanning
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine
from pipeline.ports.ledger import Ledger
from pipeline.ports.outside import Archive, Scanner

if TYPE_CHECKING:
    from pipeline.app.hub import Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a hub holds open.

    Attributes:
        ledger: The database.
        originals: The archive.
        scratch: A folder of this process alone.
        engine: Judges what comes in.
        rules: Holds messages, ours and partners', against their rules.
        leaving: Judges what leaves, while `engine` is at work on what comes in.
    """

    ledger: Ledger
    originals: Archive
    scratch: Path
    engine: Engine
    rules: Engine
    leaving: Engine


@contextmanager
def open_hub(place: Workspace, *, by: str, log_to_file: bool = False) -> Iterator[Hub]:
    """Wire a hub on a workspace; the engine's workers start with the first document."""
    from pipeline.adapters import logs

    must_exist(place)
    arm_failpoints()
    wanted = settings(place)
    known_scanners = scanners(wanted.clamd)
    log_folder = place.home / "logs" if log_to_file else None
    with _opened(place, wanted) as opened:
        hub = _wire(place, wanted, opened, known_scanners, by)
        with logs.logging_to(log_folder, by=by, keep_days=wanted.keep_logs_days):
            yield hub


@contextmanager
def _opened(place: Workspace, wanted: Settings) -> Iterator[_Opened]:
    """Open what a hub holds open; engines are closed first, scratch space last."""
    from pipeline.adapters.database import open_ledger
    from pipeline.adapters.owned import OwnedFolder
    from pipeline.adapters.resources import data_folder

    spool, one_worker = place.home / "spool", replace(wanted, workers=1)
    spool.mkdir(exist_ok=True, mode=0o700)  # there before a worker may read it
    with ExitStack() as stack:
        scratch = stack.enter_context(closing(OwnedFolder(spool)))
        originals = stack.enter_context(closing(archive(place)))
        ledger = stack.enter_context(closing(open_ledger(place.database)))
        leaving = stack.enter_context(closing(make_engine(place, one_worker)))
        readable = (spool, place.originals, data_folder("schemas"))
        rules = stack.enter_context(
            closing(make_engine(place, one_worker, entry=message_worker, readable=readable))
        )
        engine = stack.enter_context(closing(make_engine(place, wanted)))
        yield _Opened(
            ledger=ledger,
            originals=originals,
            scratch=scratch.path,
            engine=engine,
            rules=rules,
            leaving=leaving,
        )


def _wire(
    place: Workspace,
    wanted: Settings,
    opened: _Opened,
    known_scanners: Mapping[Scanning, Scanner],
    by: str,
) -> Hub:
    from pipeline.adapters.archive import FolderSpool
    from pipeline.adapters.clock import SystemClock
    from pipeline.adapters.configuration import read_retention
    from pipeline.adapters.holidays import french_holidays
    from pipeline.adapters.transfer_log import TransferLogs
    from pipeline.app.hub import Hub
    from pipeline.app.vet import Vetter

    spool = FolderSpool(opened.scratch)
    vetter, means = Vetter(opened.rules, spool), answer_means(place, wanted)
    return Hub(
        clock=SystemClock(),
        ledger=opened.ledger,
        archive=opened.originals,
        spool=spool,
        engine=opened.engine,
        doors=doors(place.home),
        scanners=known_scanners,
        interfaces=interfaces(place),
        profiles=profiles(place),
        takes=takes(place),
        settings=wanted,
        compose=partial(compose_answers, means),
        tell=partial(tell_statuses, means),
        vet=vetter.vet,
        examine=vetter.examine,
        converter=converter(opened.leaving, wanted),
        by=by,
        holidays=french_holidays,
        retention=read_retention(table_of(place, "retention.toml")),
        seals=seals(place),
        transfer_log=TransferLogs(place.home),
        credentials=credentials(place.home),
        mail=mail(place.home, wanted.mail),
    )
