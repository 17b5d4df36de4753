"""Runs a workspace's jobs: alone or beside others, under a name, with a log."""

from __future__ import annotations

import fcntl
import getpass
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING

from pipeline.bootstrap.places import Workspace, must_exist
from pipeline.model.errors import ConfigError
from pipeline.model.identity import derived
from pipeline.ports.failpoint import failpoint

if TYPE_CHECKING:
    from pipeline.adapters.database import Seat
    from pipeline.adapters.log_reader import LogReader

_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
#: So long, in seconds, whoever wants to run a workspace's jobs waits for those who only ask.
_LOOKS_S = 2.0


def is_running(place: Workspace) -> bool:
    """Tell whether a process runs this workspace's jobs now; whoever asks is in no one's way."""
    from pipeline.adapters.database import is_led

    must_exist(place)
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

    must_exist(place)
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

    must_exist(place)
    with beside_others(place.database) as seat:
        yield seat


def sweep(place: Workspace) -> None:
    """Remove what killed processes left: half-written blobs, and scratch space.

    What living ones are writing stays, so that anybody may sweep at any time.
    """
    from pipeline.adapters import owned

    for folder in (place.originals / "incoming", place.home / "spool"):
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


def now() -> datetime:
    """Return the moment."""
    from pipeline.adapters.clock import SystemClock

    return SystemClock().now()
