"""Starts engines: worker processes of a number, with limits."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.places import Workspace, table_of, workspace
from pipeline.bootstrap.workers import WorkerSettings, confine_worker, judge_worker
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine
from pipeline.ports.outside import Spool

if TYPE_CHECKING:
    from pipeline.adapters.confinement import Confinement


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
    catalogue = table_of(place, "packs.toml").read_text(encoding="utf-8")
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

    path = table_of(place, "sentences.toml")
    text = path.read_text(encoding="utf-8")
    if path.is_relative_to(place.config):
        read_sentences(text)
    return text


def confinement(place: Workspace) -> Confinement:
    """Return what workers are held to on this machine, found out by starting one."""
    from pipeline.adapters.configuration import read_settings
    from pipeline.adapters.confinement import tried

    settings = read_settings(place.config / "pipeline.toml")
    return tried(_confined, worker_settings(place, settings))


def _confined(connection: Connection, settings: WorkerSettings) -> None:
    connection.send(confine_worker(settings, spare=(connection.fileno(),)))
