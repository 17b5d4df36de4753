"""What worker processes run: the judges, and what these are told and held to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.artefacts import open_artefacts
from pipeline.bootstrap.outside import scanners
from pipeline.model.connection import Scanning
from pipeline.model.report import Judged
from pipeline.model.settings import Settings
from pipeline.ports.engine import Job
from pipeline.ports.outside import Scanner

if TYPE_CHECKING:
    from pipeline.adapters.confinement import Confinement
    from pipeline.validate.judge import Artefacts


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
    from pipeline.adapters.packs import PackShelf

    shelf = PackShelf(settings.catalogue, settings.packs, settings.instead)
    return open_artefacts(shelf, settings.sentences)
