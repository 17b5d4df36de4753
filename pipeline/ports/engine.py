"""Judging documents in worker processes that can be killed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.model.agreement import ReceiverSchemas
from pipeline.model.connection import Scanning
from pipeline.model.finding import Layer
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Syntax


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One document to be judged.

    Attributes:
        path: File that holds its bytes.
        profile: What it is held against.
        limits: Caps of the safe parser.
        layers: Layers to run; all by default.
        syntaxes: Syntaxes that are allowed here; empty for any.
        affinity: Syntax family guessed from the first bytes (``ubl``, ``cii`` or
            empty): jobs of one family go to one worker, which then holds only its packs.
        scanner: Who looks at the attachments.
        receivers: XSDs of those who may receive it, asked beside the layers.
    """

    path: str
    profile: Profile
    limits: Limits
    layers: frozenset[Layer] = frozenset(Layer)
    syntaxes: tuple[Syntax, ...] = ()
    affinity: str = ""
    scanner: Scanning = Scanning.NONE
    receivers: tuple[ReceiverSchemas, ...] = ()


class Engine(Protocol):
    """Runs the validation pyramid on documents, several at a time."""

    def judge(self, jobs: Iterable[Job]) -> Iterator[Judged]:
        """Yield one result a job, in the order of the jobs.

        A document that exceeds the time or memory limit, or that ends its worker,
        comes back with the layers that are known without the rule packs and
        the rest unclear, its `trouble` saying why; the others are not touched.
        `jobs` is read as workers become free, so it may be a long iterator.
        """

    def close(self) -> None:
        """End the workers."""
