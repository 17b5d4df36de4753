"""Prints pages in a process that can be killed, and that reaches nothing.

What partners wrote is laid out there, by native libraries too, and not where the keys, the
ledger and the network are: a page that takes too long, takes too much or brings its process
down is that one page's fate, and the next one is printed by another process.

Through the pipe go bytes only: a page there; back its PDF, or a sentence about what went wrong.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Self

from pipeline.adapters.child import POLL_S, START_LIMIT_S, Child, attend, start
from pipeline.adapters.confinement import Confinement, confine
from pipeline.adapters.printer import WeasyPrinter, load
from pipeline.model.errors import ConfigError, NotPrinted
from pipeline.model.names import shown_name

#: What a process says once it has all it needs; anything else is what the machine lacks.
_READY = b"ready"
_PDF = b"%PDF-"
#: Size of a page that has the whole time limit to itself: 2,000 lines, near enough. An empty
#: one has this part of it, for a machine may be busy.
_WHOLE_BYTES = 500_000
_LEAST = 0.25
#: The largest file that is taken back, and how much of a sentence.
_MOST_BYTES = 1 << 28
_TOLD = 300
#: Where fonts are told of, beside where fontconfig itself says that it looks.
_FONTS = ("/etc/fonts", "/usr/share/fontconfig", "/usr/share/xml/fontconfig")
#: Variables that fontconfig finds its files by; none is a secret.
_FONT_VARIABLES = (
    "HOME",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintLimits:
    """What one page may take.

    Attributes:
        time_s: Wall-clock limit of a large page; a small one has a part of it.
        memory_bytes: Resident memory at which the process is killed, whatever it does.
        resting_bytes: Resident memory at which an idle process is ended.
        pages: How many pages a process prints before it is replaced; each leaves some
            memory behind.
    """

    time_s: float = 120.0
    memory_bytes: int = 1_000_000_000
    resting_bytes: int = 250_000_000
    pages: int = 500

    def time_for(self, size: int) -> float:
        """Return the wall-clock limit of a page of `size` bytes, in seconds.

        >>> limits = PrintLimits(time_s=120)
        >>> limits.time_for(0), limits.time_for(250_000), limits.time_for(50_000_000)
        (30.0, 90.0, 120.0)
        """
        return self.time_s * min(1.0, _LEAST + size / _WHOLE_BYTES)


class ConfinedPrinter:
    """`ports.outside.Printer` by one confined process, started at the first page and kept.

    It ends with the process that made it, even by ``kill -9``.
    """

    def __init__(
        self, limits: PrintLimits, entry: Callable[[Connection, None], None] | None = None
    ) -> None:
        """Prepare the printer; nothing is started yet.

        Args:
            limits: What a page may take.
            entry: Runs in the process; by default `print_worker`.
        """
        self._limits = limits
        self._entry = entry or print_worker
        self._turn = threading.Lock()
        self._child: Child | None = None
        self._printed = 0
        # Linux ends a process with the thread that started it, so that is one that stays
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edi-start-printer")

    def print(self, page: str) -> bytes:
        """Print a page; see `ports.outside.Printer`. One is printed at a time.

        Raises:
            NotPrinted: It took too long, or too much, or the process ended under it.
            ConfigError: The machine lacks what printing needs; the message names the packages.
        """
        sent = page.encode()
        with self._turn:
            try:
                child = self._ready()
                answer = _asked(child, sent, self._limits)
            except BaseException:
                self._retire()  # whatever it does now, nobody waits for it
                raise
            self._printed += 1
            worn = self._printed >= self._limits.pages
            if worn or child.resident() > self._limits.resting_bytes:
                self._retire()
        if not answer.startswith(_PDF):
            raise NotPrinted(_failed(answer))
        return answer

    def close(self) -> None:
        """End the process; the next page would start another."""
        with self._turn:
            self._retire()

    def _ready(self) -> Child:
        """Return the process, started anew where there is none."""
        if self._child is not None and self._child.process.is_alive():
            return self._child
        self._retire()
        began = monotonic()
        child = self._starter.submit(start, self._entry, None, "edi-print").result()
        self._child, self._printed = child, 0
        said = b""
        with suppress(EOFError, OSError):  # it ended: without a word
            if child.connection.poll(START_LIMIT_S):
                said = child.connection.recv_bytes(_MOST_BYTES)
        if not said:
            raise NotPrinted(_ended(child, began))
        if said != _READY:
            raise ConfigError(said.decode())
        return child

    def _retire(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Watch(threading.Thread):
    """Holds a process to its limits while a page is in it, whatever the caller waits for."""

    def __init__(self, child: Child, memory_bytes: int, time_s: float) -> None:
        super().__init__(name="edi-print-limits", daemon=True)
        self._child = child
        self._memory_bytes = memory_bytes
        self._time_s = time_s
        self._done = threading.Event()
        self.over = ""  #: why it was killed, if it was

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        """Look at the limits until the page is done with, or is over one."""
        deadline = monotonic() + self._time_s
        while not self._done.wait(POLL_S):
            resident = self._child.resident()
            if resident > self._memory_bytes:
                self.over = _too_much(resident // 1_000_000)
            elif monotonic() > deadline:
                self.over = _too_long(self._time_s)
            if self.over:
                self._child.process.kill()
                return


def _asked(child: Child, sent: bytes, limits: PrintLimits) -> bytes:
    """Return what a process says to a page.

    Raises:
        NotPrinted: It was killed over a limit, or ended.
    """
    began = monotonic()
    answer = b""
    watch = _Watch(child, limits.memory_bytes, limits.time_for(len(sent)))
    with watch, suppress(EOFError, OSError):  # it ended, or says more than is taken
        child.connection.send_bytes(sent)
        answer = child.connection.recv_bytes(_MOST_BYTES)
    if watch.over:
        raise NotPrinted(watch.over)
    if not answer:
        raise NotPrinted(_ended(child, began))
    return answer


def print_worker(connection: Connection, _: None) -> None:
    """Run a process that prints pages until the parent goes away."""
    attend()
    try:
        load()  # before it is confined, so that what the machine lacks can be told
    except ConfigError as error:
        connection.send_bytes(str(error).encode())
        return
    confine_printer(connection)
    serve_pages(connection, WeasyPrinter().print)


def serve_pages(connection: Connection, printed: Callable[[str], bytes]) -> None:
    """Answer pages until the parent goes away; called in the process's main thread."""
    with suppress(EOFError, OSError):  # the parent has gone, or has no more use for us
        connection.send_bytes(_READY)
        while True:
            connection.send_bytes(_answer(printed, connection.recv_bytes()))


def confine_printer(connection: Connection) -> Confinement:
    """Confine this very process: it goes on reading fonts and our own code, nothing else."""
    found = {name: os.environ[name] for name in _FONT_VARIABLES if name in os.environ}
    held = confine(tuple(_font_places()), spare=(connection.fileno(),))
    os.environ.update(found)
    return held


def _answer(printed: Callable[[str], bytes], sent: bytes) -> bytes:
    try:
        return printed(sent.decode())
    except Exception as error:  # noqa: BLE001  # the page's edge: it holds one document only
        return f"{type(error).__name__}: {error}"[:_TOLD].encode("utf-8", "replace")


def _font_places() -> Iterator[Path]:
    """Yield where fonts are, what is known of them, and what tells of them."""
    yield from map(Path, _FONTS)
    fontconfig = ctypes.CDLL("libfontconfig.so.1")
    fontconfig.FcStrListNext.restype = ctypes.c_char_p
    for name in ("FcConfigGetFontDirs", "FcConfigGetCacheDirs", "FcConfigGetConfigFiles"):
        listing = getattr(fontconfig, name)
        listing.restype = ctypes.c_void_p
        places = ctypes.c_void_p(listing(None))  # of the configuration in force
        while place := fontconfig.FcStrListNext(places):
            yield Path(os.fsdecode(place))
        fontconfig.FcStrListDone(places)


def _too_long(limit_s: float) -> str:
    return (
        f"impression arrêtée après {limit_s:g} s, trop longue : augmentez print_limit_s de"
        " pipeline.toml si le document le mérite"
        f" / printing was stopped after {limit_s:g} s, too long: raise print_limit_s in"
        " pipeline.toml if the document deserves it"
    )


def _too_much(megabytes: int) -> str:
    return (
        f"impression arrêtée à {megabytes} Mo, trop gourmande : augmentez memory_limit_mb de"
        " pipeline.toml si le document le mérite"
        f" / printing was stopped at {megabytes} MB, too much: raise memory_limit_mb in"
        " pipeline.toml if the document deserves it"
    )


def _ended(child: Child, began: float) -> str:
    """Say that a process ended, or had to be ended."""
    took = monotonic() - began
    child.process.kill()
    child.process.join()
    code = child.process.exitcode
    return (
        f"l'impression s'est interrompue après {took:.1f} s (code {code}) : recommencez ; si cela"
        " revient, signalez-le avec l'original"
        f" / printing broke off after {took:.1f} s (exit code {code}): try again; if it comes"
        " back, report it with the original"
    )


def _failed(answer: bytes) -> str:
    told = shown_name(answer[:_TOLD])
    return (
        f"l'impression a échoué ({told}) : signalez-le avec l'original"
        f" / printing failed ({told}): report it with the original"
    )
