"""Processes of our own that can be killed: how they start, what they take, how they end.

What reads or lays out what anybody may have written runs in such a process, and in no other.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

#: Time between two looks at the limits, and what a process may take to start.
POLL_S = 0.025
START_LIMIT_S = 60.0

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1

#: What an entry is told.
S = TypeVar("S")


@dataclass(slots=True)
class Child:
    """One such process as the parent knows it.

    Attributes:
        process: The process.
        connection: Our end of its pipe.
        statm: Descriptor of its file in /proc.
    """

    process: multiprocessing.process.BaseProcess
    connection: Connection
    statm: int

    def resident(self) -> int:
        """Return its resident memory in bytes; 0 once it has ended."""
        try:
            return int(os.pread(self.statm, 100, 0).split()[1]) * _PAGE
        except ProcessLookupError:
            return 0

    def end(self) -> None:
        """Kill it and forget it."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        os.close(self.statm)


def start(entry: Callable[[Connection, S], None], settings: S, name: str) -> Child:
    """Spawn a process; call this from a thread that stays, for Linux ends it with that one.

    Args:
        entry: Runs in it: calls `attend`, and answers through the pipe. Importable.
        settings: Handed to `entry`; can be pickled.
        name: Of the process.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=entry, args=(there, settings), name=name, daemon=True)
    with _uninterrupted():
        process.start()
    there.close()
    return Child(process, here, os.open(f"/proc/{process.pid}/statm", os.O_RDONLY))


def attend() -> None:
    """Leave Ctrl-C to the parent, and end with it; called in the process's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C for later, and from what is started meanwhile: it is the parent's to act on."""
    resource_tracker.ensure_running()  # to start it would let interrupts in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with_parent() -> None:
    """Ask Linux to kill this process with its parent, even in the middle of a document."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os._exit(0)
