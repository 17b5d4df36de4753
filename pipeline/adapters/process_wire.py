"""What goes through a worker's pipe: what many documents have in common is pickled once.

A run's jobs differ by their path, and most of its reports not at all. Pickling each
anew cost about as much as reading the document.

A worker reads what anybody may have written, so what it says is read with suspicion: its
answers can make values of the model, and nothing else.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from typing import cast

from pipeline.model.report import Judged, RoutingHeader, ValidationReport
from pipeline.ports.engine import Job

#: A job on the pipe: its path, and all the rest of it pickled.
SentJob = tuple[str, bytes]
#: An answer on the pipe: the report pickled, the header, and what the scanner found.
SentJudged = tuple[bytes, RoutingHeader, str | None]


#: Classes beside the model's that an answer is made of.
_PLAIN = frozenset({("decimal", "Decimal"), ("datetime", "date")})
_MODEL = "pipeline.model."
#: Those that were named before, and found to be such a class: few, and never others.
_KNOWN: dict[tuple[str, str], type] = {}


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker's word that judging raised an exception: a bug of ours, or a file gone."""

    detail: str


class NotAnAnswer(Exception):
    """A worker said what no worker of ours says: it is not to be trusted any more."""


class _Answers(pickle.Unpickler):
    """Reads values of the model; whatever else is named in a pickle is refused."""

    def find_class(self, module: str, name: str) -> object:
        """Return a class that an answer may be made of.

        Raises:
            NotAnAnswer: It is another, or no class at all.
        """
        known = _KNOWN.get((module, name))
        if known is not None:
            return known
        found = None
        if module.startswith(_MODEL) or (module, name) in _PLAIN or module == __name__:
            found = super().find_class(module, name)
        if isinstance(found, type) and (found.__module__, found.__qualname__) == (module, name):
            _KNOWN[module, name] = found
            return found
        raise NotAnAnswer(f"an answer names {module}.{name}")


def read_answer(sent: bytes) -> object:
    """Return what a worker said.

    Raises:
        NotAnAnswer: It is no value of ours.
    """
    try:
        return _Answers(BytesIO(sent)).load()
    except NotAnAnswer:
        raise
    except Exception as error:
        raise NotAnAnswer(f"an answer cannot be read: {type(error).__name__}") from error


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
            and job.receivers == last.receivers
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
    found = (each.findings for told in (report.layers, report.receivers) for each in told)
    plain = not any(found)
    pickled = _pickled(report) if plain else pickle.dumps(report)
    return pickled, judged.header, judged.infected


def read_judged(sent: object) -> Judged:
    """Return the answer that `write_judged` was given.

    Raises:
        NotAnAnswer: It is no answer.
    """
    match sent:
        case (bytes() as pickled, RoutingHeader() as header, None | str() as infected):
            return Judged(_report(pickled), header, infected)
        case _:
            raise NotAnAnswer(f"an answer is {type(sent).__name__}")


@lru_cache(maxsize=16)
def _question(pickled: bytes) -> Job:
    return cast("Job", pickle.loads(pickled))  # noqa: S301  # from our own parent process


@lru_cache(maxsize=16)
def _pickled(report: ValidationReport) -> bytes:
    return pickle.dumps(report)


@lru_cache(maxsize=64)
def _report(pickled: bytes) -> ValidationReport:
    report = read_answer(pickled)
    if not isinstance(report, ValidationReport):
        raise NotAnAnswer(f"an answer holds {type(report).__name__}")
    return report
