"""The command ``edi`` in a process of its own, without the time that loading it takes.

One process has loaded the program, and forks itself for each command: what runs there has
arguments, environment, folder, streams and an exit code of its own, and ends as any process
does. To load the program anew takes most of the time of a short command, and is tried by
``tests/acceptance/test_command_line.py``, which starts each from nothing.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).resolve().parents[1]
#: Loaded besides the verbs' modules: what nearly every verb loads once it runs.
_BESIDES = (
    "pipeline.adapters.archive",
    "pipeline.adapters.configuration",
    "pipeline.adapters.custody",
    "pipeline.adapters.database",
    "pipeline.adapters.local",
    "pipeline.adapters.logs",
    "pipeline.adapters.process_engine",
    "pipeline.adapters.sftp",
    "pipeline.acknowledge.compose",
)
_REQUEST_BYTES = 1 << 20
_START = "from tests.warm import serve; command = serve({place!r}); command and command()"


class Warm:
    """Runs commands in forks of a process that has loaded the program."""

    def __init__(self, place: str, process: subprocess.Popen[bytes]) -> None:
        self._place = place
        self._process = process

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        """Run ``edi`` with `arguments`; return its exit code and what it wrote."""
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            asked = {"arguments": list(arguments), "environment": dict(environment)}
            asked["folder"] = os.getcwd()  # noqa: PTH109  # as a string
            streams = [given.fileno(), out.fileno(), err.fileno()]
            code = self._ask(json.dumps(asked).encode(), streams)
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def _ask(self, asked: bytes, streams: Sequence[int]) -> int:
        told = b""
        with (
            suppress(ConnectionError),
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server,
        ):
            server.settimeout(300)
            server.connect(self._place)
            socket.send_fds(server, [asked], list(streams))
            told = server.recv(16)
        if not told:
            raise RuntimeError(f"no answer: the process that forks ended: {self._process.poll()}")
        return int(told)


@contextmanager
def warm(folder: Path) -> Iterator[Warm]:
    """Keep a process that has loaded the program; its socket lies in `folder`."""
    place = os.path.relpath(folder / "edi")  # a socket's path is 108 bytes at most
    command = [sys.executable, "-c", _START.format(place=str(folder / "edi"))]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.read(1) == b"."
        yield Warm(place, server)
        server.stdin.close()  # it ends when nobody can ask it any more


def serve(place: str) -> object:
    """Fork for each command that is asked for, until standard input ends.

    Returns:
        In a fork, what runs its command; None in the end.
    """
    _load()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(place)
        listener.listen()
        os.write(1, b".")
        while listener.fileno() in select.select([listener.fileno(), 0], [], [])[0]:
            _reap()
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    listener.close()
                    return _fork(client)
    return None


def _load() -> None:
    sys.path[:] = [str(ROOT) if each == "" else each for each in sys.path]
    verbs = import_module("pipeline.entry.cli").VERBS.values()
    for name in (*(f"pipeline.entry.cli.{verb}" for verb in verbs), *_BESIDES):
        import_module(name)
    threads = os.listdir("/proc/self/task")  # noqa: PTH208  # names are all that is wanted
    assert len(threads) == 1, "a process with threads cannot be forked"


def _reap() -> None:
    """Let those go that have told an exit code."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork(client: socket.socket) -> object:
    """Fork the command, and tell its exit code once it has ended; that code is told, not ours."""
    message, streams, _, _ = socket.recv_fds(client, _REQUEST_BYTES, 3)
    asked = json.loads(message)
    child = os.fork()
    if child == 0:
        client.close()
        return lambda: _command(asked, streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    client.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _command(asked: Mapping[str, object], streams: Sequence[int]) -> None:
    """Become the command: as the entry point of the installed ``edi`` does."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]  # as it was sent
    os.chdir(asked["folder"])  # type: ignore[arg-type]  # as it was sent
    sys.argv = ["edi", *asked["arguments"]]  # type: ignore[misc]  # as it was sent
    sys.stdin, sys.stdout, sys.stderr = (
        open(0, encoding="utf-8", closefd=False),  # noqa: SIM115  # for as long as we live
        open(1, "w", encoding="utf-8", closefd=False),  # noqa: SIM115
        open(2, "w", encoding="utf-8", closefd=False),  # noqa: SIM115
    )
    from pipeline.__main__ import main

    main()
