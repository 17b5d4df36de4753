"""Run `edi` many times a second: each command in a process forked from a warm parent.

The parent has imported everything, compiled the XSDs and started nothing: it has one thread,
no worker of the engine and no SaxonC, so that what is forked is whole. A child judges its
documents itself, by the product's own function and under profiles without rule packs: what
is tried here is the order of acts, and the engine's workers have tests of their own.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from pipeline import bootstrap
from pipeline.__main__ import main
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.printer import WeasyPrinter
from pipeline.bootstrap import Workspace, writing
from pipeline.bootstrap import hub as wiring
from pipeline.entry import cli
from pipeline.model.errors import ConfigError
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine, Job

Judge = Callable[[Job], Judged]

#: What the commands need that they import on first use.
_WARM = (
    "pipeline.adapters.archive",
    "pipeline.adapters.configuration",
    "pipeline.adapters.database",
    "pipeline.adapters.failpoints",
    "pipeline.adapters.holidays",
    "pipeline.adapters.local",
    "pipeline.adapters.logs",
    "pipeline.adapters.sftp",
    "pipeline.adapters.clamd",
    "pipeline.adapters.eicar",
    "pipeline.acknowledge.compose",
    "pipeline.app.convert",
    "pipeline.app.vet",
    "pipeline.adapters.seals",
    "pipeline.adapters.vault",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)

#: The verbs that are given.
_VERBS = ("run", "work", "apply", "verify", "documents", "pause", "resume", "release", "reject")

#: A command that takes longer is stuck.
_PATIENCE_S = 600.0
_LOOK_S = 0.004


class Stuck(Exception):
    """A command does not end."""


class InlineEngine:
    """An `Engine` that judges in this very process."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def judge(self, jobs: Iterable[Job]) -> Iterator[Judged]:
        """Yield one result a job, in the order of the jobs."""
        return map(self._judge, jobs)

    def close(self) -> None:
        """Nothing was started."""


def _printer() -> WeasyPrinter | None:
    """Return what prints pages; None where the machine lacks what it needs."""
    try:
        return WeasyPrinter()
    except ConfigError:
        return None


class Nursery:
    """Forks commands of one kind of workspace."""

    def __init__(self, place: Workspace) -> None:
        """Import what commands need, and compile what judging needs on first use.

        Args:
            place: Any workspace with the profiles that commands will use.
        """
        for name in _WARM:
            import_module(name)
        for verb in _VERBS:
            cli.command_line([verb])
        self._judge: Judge = bootstrap.document_judge(bootstrap.worker_settings(place, Settings()))
        self._means = bootstrap.answer_means(place, Settings())
        self._printer = _printer()

    def warm(self, payloads: Iterable[bytes], scratch: Path) -> None:
        """Judge some documents, so that what they need is compiled once for all children."""
        for payload in payloads:
            scratch.write_bytes(payload)
            profile = Profile(name="warm", packs={})
            self._judge(Job(path=str(scratch), profile=profile, limits=Limits()))
        scratch.unlink()

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        shift: timedelta,
        spoil: Callable[[], None],
    ) -> int:
        """Start one command; return its process.

        Args:
            arguments: After ``edi``.
            environment: Variables besides ours.
            log: File that what it prints is added to.
            shift: How far its clock is ahead.
            spoil: Called in the child before the command begins: seeds a bug.
        """
        assert threading.active_count() == 1, "a fork would copy locks that nobody releases"
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self._be_edi(arguments, environment, log, shift, spoil)
        return child

    def wait(self, children: Sequence[int], meanwhile: Callable[[], None]) -> list[int]:
        """Wait for commands that run side by side; return their exit codes.

        Args:
            children: Their processes.
            meanwhile: Called again and again while they run.

        Raises:
            Stuck: One takes too long; all are ended.
        """
        ended: dict[int, int] = {}
        until = time.monotonic() + _PATIENCE_S
        while len(ended) < len(children):
            for child in children:
                if child not in ended:
                    done, status = os.waitpid(child, os.WNOHANG)
                    if done:
                        ended[child] = os.waitstatus_to_exitcode(status)
            meanwhile()
            if time.monotonic() > until:
                for child in children:
                    if child not in ended:
                        os.kill(child, 9)
                        os.waitpid(child, 0)
                raise Stuck(f"a command takes longer than {_PATIENCE_S:g} s")
            time.sleep(_LOOK_S)
        return [ended[child] for child in children]

    def _be_edi(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        shift: timedelta,
        spoil: Callable[[], None],
    ) -> NoReturn:
        """Be the command ``edi``, and nothing after it."""
        code = 1
        try:
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            os.environ.update(environment)
            sys.argv = ["edi", *arguments]
            self._patch(shift)
            spoil()
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        except BaseException:  # noqa: BLE001  # it must not go on as the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _patch(self, shift: timedelta) -> None:
        """Judge and print in this process, by a clock that may be ahead; take what is made."""

        def make_engine(*_: object, **__: object) -> Engine:
            return InlineEngine(self._judge)

        vars(wiring)["make_engine"] = make_engine
        vars(wiring)["answer_means"] = lambda *_: self._means
        if self._printer:
            vars(writing)["printer"] = lambda *_: self._printer
        if shift:
            setattr(SystemClock, "now", lambda _: datetime.now(UTC) + shift)  # noqa: B010  # mypy
