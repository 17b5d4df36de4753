"""What goes through a worker's pipe: what many documents have in common is pickled once.

A run's jobs differ by their path, and most of its reports not at all. Pickling each
anew cost about as much as reading the document.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import lru_cache
from typing import cast

from pipeline.model.report import Judged, RoutingHeader, ValidationReport
from pipeline.ports.engine import Job

#: A job on the pipe: its path, and all the rest of it pickled.
SentJob = tuple[str, bytes]
#: An answer on the pipe: the report pickled, the header, and what the scanner found.
SentJudged = tuple[bytes, RoutingHeader, str | None]


class JobWriter:
    """Writes jobs; one that asks the same as the one before costs next to nothing."""

    def __init__(self) -> None:
        self._last: Job | None = None
        self._pickled = b""

    def write(self, job: Job) -> SentJob:
        """Return `job` as it goes through the pipe."""
        last = self._last
        alike = last is not None and (
            job.profile is last.profile
            and job.scanner is last.scanner
            and (job.limits, job.layers, job.syntaxes) == (last.limits, last.layers, last.syntaxes)
        )
        if not alike:
            self._last = job
            self._pickled = pickle.dumps(replace(job, path="", affinity=""))
        return job.path, self._pickled


def read_job(sent: SentJob) -> Job:
    """Return the job that `JobWriter.write` was given, but for its affinity."""
    path, pickled = sent
    return replace(_question(pickled), path=path)


def write_judged(judged: Judged) -> SentJudged:
    """Return an answer as it goes through the pipe."""
    report = judged.report
    plain = not any(result.findings for result in report.layers)
    pickled = _pickled(report) if plain else pickle.dumps(report)
    return pickled, judged.header, judged.infected


def read_judged(sent: SentJudged) -> Judged:
    """Return the answer that `write_judged` was given."""
    pickled, header, infected = sent
    return Judged(_report(pickled), header, infected)


@lru_cache(maxsize=16)
def _question(pickled: bytes) -> Job:
    return cast("Job", pickle.loads(pickled))  # noqa: S301  # from our own parent process


@lru_cache(maxsize=16)
def _pickled(report: ValidationReport) -> bytes:
    return pickle.dumps(report)


@lru_cache(maxsize=64)
def _report(pickled: bytes) -> ValidationReport:
    return cast("ValidationReport", pickle.loads(pickled))  # noqa: S301  # from our own worker
