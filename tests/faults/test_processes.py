"""A worker of the rule engine that stands still: one document is put aside, the others go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.model.limits import Limits
from pipeline.model.report import Judged, Trouble
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine, Job
from tests.hubs import LIGHT, invoice

LIMIT_S = 6.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The real engine, with one worker and little patience."""
    place = bootstrap.workspace(tmp_path / "var")
    settings = Settings(workers=1, time_limit_s=LIMIT_S)
    made = bootstrap.make_engine(place, settings)
    yield made
    made.close()


def workers() -> set[int]:
    """Return the worker processes of this test."""
    children = multiprocessing.active_children()
    return {child.pid or 0 for child in children if child.name == "edi-judge"}


def test_a_worker_that_is_stopped_costs_one_document_its_verdict(
    engine: Engine, tmp_path: Path
) -> None:
    """It does not end, so nobody is told: it is the time limit that ends it."""
    path = tmp_path / "var" / "spool" / "1.xml"  # all that a judge may read
    path.parent.mkdir(parents=True)
    path.write_bytes(invoice("F1"))
    before = workers()

    def jobs() -> Iterator[Job]:
        for place in range(8):
            if place == 4:
                (stopped,) = workers() - before
                os.kill(stopped, signal.SIGSTOP)
            yield Job(path=str(path), profile=LIGHT, limits=Limits(), affinity="ubl")

    began = time.monotonic()
    results = judged_slowly(engine, jobs())
    took = time.monotonic() - began

    troubles = [one.report.trouble for one in results]
    assert troubles.count(Trouble.ENGINE_TIMEOUT) == 1
    assert troubles.count(None) == 7
    assert took < 60


def judged_slowly(engine: Engine, jobs: Iterator[Job]) -> list[Judged]:
    """Judge; a job is handed out only when the one before is answered."""
    results: list[Judged] = []
    for job in jobs:
        results += engine.judge([job])
    return results
