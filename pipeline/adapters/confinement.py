"""Takes from a process that reads hostile documents everything it has no need of.

A judge runs parsers and rule engines on bytes that anybody may have written. Should one of
them be taken over, it finds no secret in its environment or memory of its start, no open
file but the pipe it answers through, no network, no other program to start, and on disk
only what it reads documents and rules from: no key, no ledger, nothing to write to.

Where the kernel does not allow a part of this, the rest still holds, and what is missing
is told (`edi status`).

Source:
    Linux, ``landlock(7)``, ``unshare(2)``, ``network_namespaces(7)``, ``getrlimit(2)``,
    ``proc_pid_stat(5)`` (env_start, env_end).
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import struct
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from mimetypes import knownfiles
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from pipeline.model.errors import EngineError

#: Variables that are left: how texts and times are shown.
_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
#: What the loader, the clock and the engines look up, beside programs and libraries.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
    "/proc/self",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
)
#: What the name of a scanner's host is looked up in.
_NAMES = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
)
#: Most files open at once: the pipe, and schemas or packs while they are compiled.
MOST_FILES = 64

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ABI_ONLY = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_CONNECT_TCP = 1 << 1
#: Rights on files that a ruleset may handle, by the version of Landlock that knows them.
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NET_SINCE, _NET_RIGHTS = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11
#: Fields of ``/proc/self/stat``, counted behind the name: where the environment stood.
_ENV_START, _ENV_END = 47, 48


#: What an entry is told.
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process may not do any more.

    Attributes:
        files: It can read nothing but what it needs, and can write and start nothing.
        network: It has no network at all. Where it was left a port to call, or cannot have
            a network of its own, what Landlock forbids of TCP is a second belt, not this.
    """

    files: bool
    network: bool


def confine(
    readable: Iterable[Path], *, spare: Collection[int], port: int | None = None
) -> Confinement:
    """Confine this very process, for good; it must have one thread only.

    Args:
        readable: Folders it goes on reading, beside programs and libraries.
        spare: Descriptors that stay open; the three standard ones lead nowhere from now on.
        port: TCP port that may still be called; None for no network at all.
    """
    _forget_environment()
    _close_all_but({0, 1, 2, *spare})
    _mute()
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    os.chdir("/")
    network = port is None and _leave_network()
    abi = _landlock_abi()
    files = abi > 0 and _lock(abi, [*readable, *_own(port)], port)
    return Confinement(files=files, network=network)


def tried(entry: Callable[[Connection, S], None], settings: S) -> Confinement:
    """Start a process as workers are started, and return what it says it is held to.

    Args:
        entry: Confines itself, and sends what came of it. Importable.
        settings: Handed to `entry`.

    Raises:
        EngineError: It ended without a word.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=entry, args=(theirs, settings), daemon=True)
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        raise EngineError("a process that was to confine itself ended without a word") from None
    finally:
        ours.close()
        process.join()
    if not isinstance(found, Confinement):
        raise EngineError(f"a process that was to confine itself said {found!r}")
    return found


def _forget_environment() -> None:
    """Drop every variable but a few, and what the kernel keeps of how this process started."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    os.environ.clear()
    with suppress(OSError):  # without /proc the kernel shows nothing either
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
        ctypes.memset(start, 0, end - start)
    os.environ.update(kept)


def _close_all_but(spare: Collection[int]) -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # names are all that is wanted
        if int(name) not in spare:
            with suppress(OSError):  # that of the listing itself is closed already
                os.close(int(name))


def _mute() -> None:
    """Drop what native code writes: it is in the error too, as an exception."""
    sink = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(sink, standard)
    os.close(sink)


def _leave_network() -> bool:
    """Go into a network of one's own, in which there is nothing; tell whether that worked."""
    unshare = ctypes.CDLL(None).unshare
    return not unshare(_CLONE_NEWNET) or not unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _own(port: int | None) -> Iterator[Path]:
    """Yield what any process of this project reads: the interpreter, libraries, own data."""
    package = Path(__file__).resolve().parent.parent
    yield package
    for name in ("schemas", "config"):
        yield package.parent / name  # beside the package in a clone, inside it in a wheel
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    yield from map(Path, (*_SYSTEM, *knownfiles))
    if port is not None:
        yield from map(Path, _NAMES)


def _landlock_abi() -> int:
    """Return the version of Landlock that this kernel has; 0 or less where it has none."""
    return int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _ABI_ONLY))


def _lock(abi: int, readable: Iterable[Path], port: int | None) -> bool:
    """Let this process read what is `readable` and nothing else, for good."""
    libc = ctypes.CDLL(None)
    rights = sum(bits for since, bits in _FILE_RIGHTS if abi >= since)
    handled = struct.pack(
        "=QQQ",
        rights,
        _NET_RIGHTS if abi >= _NET_SINCE else 0,
        _SCOPES if abi >= _SCOPES_SINCE else 0,
    )[: 24 if abi >= _SCOPES_SINCE else 16 if abi >= _NET_SINCE else 8]
    ruleset = libc.syscall(_CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0:
        return False
    try:
        rules = [_beneath(ruleset, path) for path in readable if path.exists()]
        if port is not None and abi >= _NET_SINCE:
            called = struct.pack("=QQ", _CONNECT_TCP, port)
            rules.append(libc.syscall(_ADD_RULE, ruleset, _NET_PORT, called, 0) == 0)
        return (
            all(rules)
            and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            and libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
        )
    finally:
        os.close(ruleset)


def _beneath(ruleset: int, path: Path) -> bool:
    """Allow that a file is read, or every one in a folder."""
    rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, place)
        return bool(ctypes.CDLL(None).syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0)
    finally:
        os.close(place)
