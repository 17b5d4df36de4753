"""Kill the hub at every failpoint, restart it, and have the checker judge: ``make crash``.

One run writes down every failpoint that is reached. Then, for each of them, everything is
put back, the hub runs and dies there, it is started again until it is quiet, and the checker
reads what the partners saw. At the end bugs are seeded, one at a time, and the checker must
see each: a checker that misses one proves nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import scenarios, world
from tests.crash.backends import Backend, Postgresql, Sqlite, postgresql_server
from tests.crash.bugs import BUGS, Bug
from tests.crash.lab import Lab, Outcome, Point, Scenario, points
from tests.crash.process import Nursery

BACKENDS = ("sqlite", "postgresql")
#: Hits of one failpoint that are tried in one scenario: the first ones and the last.
MOST = 4
#: Where two workers share the work, only so many: who reaches how many is up to chance.
MOST_SHARED = 2
_SHARED = ("work.", "deliver.", "put.", "spool.", "ledger.claim_")
#: Where a crash leaves a delivery unmarked, or an answer.
_OUTWARD = ("put.", "deliver.")
#: Where something could leave before its decision is committed.
_DECIDING = ("work.", "deliver.", "put.", "pull.record")


@dataclass
class Tally:
    """What was tried on one ledger, and what came of it."""

    crashes: int = 0
    unreached: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    again: int = 0
    names: set[str] = field(default_factory=set)
    caught: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, scenario: str, point: Point, outcome: Outcome) -> None:
        """Add one try."""
        where = f"{scenario} {point}"
        self.violations += [f"{where}: {one} (see {outcome.kept})" for one in outcome.violations]
        self.again += bool(outcome.again)
        if outcome.died:
            self.crashes += 1
            self.names.add(point.name)
        else:
            self.unreached.append(where)


def enumerate_on(lab: Lab, *, core: bool, bugs: Sequence[Bug]) -> Tally:
    """Try every point of every scenario on one ledger, then the seeded bugs."""
    tally = Tally()
    main = scenarios.main_job(lab)
    tried = _try_all(lab, tally, "main", main, most=1 if core else MOST)
    if not core:
        few = [point for point in tried if point.number <= MOST_SHARED]
        _try_some(lab, tally, "folders emptied", scenarios.emptied(main), tried, _OUTWARD)
        other = scenarios.other_directory(main)
        _try_some(lab, tally, "other directory", other, tried, _DECIDING)
        if lab.backend.name == "postgresql":
            for victim in ("leader", "worker"):
                scenario = scenarios.two_workers(main, other_dies=victim == "worker")
                _try_some(lab, tally, f"two workers, the {victim} dies", scenario, few, _SHARED)
        _try_all(lab, tally, "day's end", scenarios.day_end(lab, main), most=MOST)
        _try_all(lab, tally, "operator", scenarios.operator(lab, main), most=MOST)
    for bug in bugs:
        _seed(lab, tally, main, tried, bug)
    return tally


def _try_all(lab: Lab, tally: Tally, title: str, scenario: Scenario, most: int) -> Sequence[Point]:
    """Try every point of a scenario; return those that were tried."""
    hits = lab.trace(scenario)
    tried, capped = points(hits, most)
    told = ", ".join(f"{name} {count}" for name, count in capped)
    _say(
        f"{lab.backend.name}, {title}: {sum(hits.values())} hits, {len(tried)} points"
        + (f"; of these not every hit: {told}" if told else "")
    )
    _try(lab, tally, title, scenario, tried)
    return tried


def _try_some(  # a title, and what it stands for
    lab: Lab,
    tally: Tally,
    title: str,
    scenario: Scenario,
    tried: Sequence[Point],
    prefixes: tuple[str, ...],
) -> None:
    """Try the points of some rooms once more, in other circumstances."""
    wanted = [point for point in tried if point.name.startswith(prefixes)]
    _say(f"{lab.backend.name}, {title}: {len(wanted)} points")
    _try(lab, tally, title, scenario, wanted)


def _try(lab: Lab, tally: Tally, title: str, scenario: Scenario, tried: Sequence[Point]) -> None:
    began, before = time.monotonic(), len(tally.violations)
    for number, point in enumerate(tried, 1):
        outcome = lab.crash(scenario, point)
        tally.add(title, point, outcome)
        if number % 50 == 0:
            _say(f"  {lab.backend.name}, {title}: {number} tried")
        for violation in outcome.violations:
            _say(f"  VIOLATION {title} {point}: {violation} (see {outcome.kept})")
    spent = time.monotonic() - began
    _say(f"  {len(tally.violations) - before} violations, {spent:.0f} s")


def _seed(lab: Lab, tally: Tally, main: Scenario, tried: Sequence[Point], bug: Bug) -> None:
    """Seed one bug and look for a point at which the checker sees it."""
    first = [Point(0, name, 1) for name in bug.shows_at]
    scenario = bug.among(main)
    for number, point in enumerate([*first, *tried], 1):
        outcome = lab.crash(scenario, point, bug.seed)
        if outcome.kept is not None:
            shutil.rmtree(outcome.kept)
        if outcome.judged:
            _say(f"  seeded: {bug.name}: caught at {point} ({number}. try): {outcome.judged[0]}")
            tally.caught.append(bug.name)
            return
    _say(f"  seeded: {bug.name}: MISSED at all of {len(tried)} points")
    tally.missed.append(bug.name)


# -- from the outside in


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards, unless something in it must be looked at."""
    memory = Path("/dev/shm")  # a folder of our own in it
    place = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="edi-crash-", dir=place))
    try:
        yield folder
    finally:
        if not list(folder.glob("lab/*/history-*")):
            shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a program of its own


def _sum_up(name: str, tally: Tally) -> str:
    bugs = len(tally.caught) + len(tally.missed)
    for where in tally.unreached:
        _say(f"  {name}: not reached this time: {where}")
    return (
        f"{name}: {tally.crashes} crash points, {len(tally.violations)} violations, "
        f"{len(tally.caught)} of {bugs} seeded bugs caught "
        f"({len(tally.names)} failpoints; known window: {tally.again})"
    )


def main(arguments: Sequence[str]) -> int:
    """Enumerate; return 1 if anything was violated or any bug missed."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--backend", choices=BACKENDS, action="append", default=[])
    reader.add_argument("--server", choices=("embedded", "openssh"), default="embedded")
    reader.add_argument("--core", action="store_true", help="the main job, one hit a failpoint")
    asked = reader.parse_args(arguments)
    if len(asked.backend) != 1:
        return _side_by_side(asked.backend or BACKENDS, arguments)
    tally = _enumerate(asked.backend[0], asked.server, core=asked.core)
    _say(_sum_up(asked.backend[0], tally))
    return int(bool(tally.violations or tally.missed))


def _enumerate(backend: str, server: str, *, core: bool) -> Tally:
    serve = world.embedded if server == "embedded" else world.openssh
    with ExitStack() as stack:
        made = stack.enter_context(serve(stack.enter_context(_folder())))
        made.build()
        nursery = Nursery(made.place(""))
        nursery.warm((flow.payload for flow in world.flows()), made.base / "warm")
        gc.freeze()
        ledger: Backend = Sqlite(made.home)
        if backend == "postgresql":
            ledger = Postgresql(stack.enter_context(postgresql_server(made.base)))
        return enumerate_on(Lab(made, ledger, nursery), core=core, bugs=BUGS)


def _side_by_side(backends: Sequence[str], arguments: Sequence[str]) -> int:
    """Enumerate on several ledgers at once, each in a process of its own.

    What they say is passed on line by line; their last lines stand together at the end.
    """
    command = [sys.executable, "-m", "tests.crash.enumerate", *arguments]
    last: dict[str, str] = {}
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([*command, "--backend", one], stdout=subprocess.PIPE, text=True)
            )
            for one in backends
        ]

        def pass_on(name: str, process: subprocess.Popen[str]) -> None:
            for line in process.stdout or ():
                last[name] = line.rstrip()
                _say(last[name])

        with ThreadPoolExecutor() as pool:
            list(pool.map(pass_on, backends, running))
    _say("\n".join(last[one] for one in backends))
    return int(any(process.returncode for process in running))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
