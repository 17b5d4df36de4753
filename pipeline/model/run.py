"""Passes of scheduled jobs, and what stops them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

#: Stands for every partner in a pause.
EVERYBODY = "*"
#: Stands for what senders drop: nothing new is taken in, what is in goes on.
INTAKE = "*intake"


class RunState(Enum):
    """How the pass of a slot ended."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  #: nothing was done; the reason says why


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One slot of one job.

    Attributes:
        job: ``pull:NAME`` or ``deliver:NAME``, after the connection.
        slot: When it was due (aware, UTC); no two rows of a job have the same.
        run: Who did it, as events and log lines name it: ``run:<id>``.
        state: How it stands.
        started_at: When it was begun, or skipped.
        ended_at: When it ended; None while it runs.
        reason: Why it was skipped, late, caught up or failed, French first; else empty.
        summary: What it did: names of counts and their values.
    """

    job: str
    slot: datetime
    run: str
    state: RunState
    started_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    summary: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A stop that an operator set.

    Attributes:
        partner: Whose connections are left alone, or `EVERYBODY`, or `INTAKE`.
        since: When it was set.
        by: Who set it.
        reason: Why; may be empty.
    """

    partner: str
    since: datetime
    by: str
    reason: str = ""
