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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ports.failpoint import names
from tests.crash import scenarios, world
from tests.crash.backends import Backend, Postgresql, Sqlite, postgresql_server
from tests.crash.bugs import BUGS, Bug
from tests.crash.lab import Lab, Outcome, Point, Scenario, points
from tests.crash.process import Nursery

BACKENDS = ("sqlite", "postgresql")
#: Hits of one failpoint that are tried in one scenario: the first ones and the last.
MOST = 4
#: So many where they were all tried in the main job, and who reaches how many is up to chance.
FEW = 2
#: Where a file stands at a partner's and is not marked.
_SENT = ("put.renamed", "put.synced", "deliver.put", "deliver.mark.before", "deliver.mark.inside")
#: Where something could leave before its decision is committed.
_DECIDING = ("work.", "deliver.", "put.")
#: What a worker does beside the leader.
_SHARED = ("work.", "deliver.", "put.", "spool.", "ledger.claim_")


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


@dataclass
class Bench:
    """One ledger, and everything that the parts of the enumeration share.

    Attributes:
        lab: Tries crashes.
        main: The scenario of the main job.
        tried: Its points.
        most: Hits of one failpoint that are tried.
    """

    lab: Lab
    main: Scenario
    tried: Sequence[Point]
    most: int
    tally: Tally = field(default_factory=Tally)


def enumerate_on(lab: Lab, parts: Sequence[str], most: int) -> Tally:
    """Work through some parts of the enumeration on one ledger."""
    main = scenarios.main_job(lab)
    bench = Bench(lab, main, _points(lab, "main", main, most), most)
    for part in parts:
        PARTS[part](bench)
    return bench.tally


def _main_job(bench: Bench) -> None:
    _try(bench, "main", bench.main, bench.tried)


def _emptied(bench: Bench) -> None:
    """Recipients take their files away between crash and restart."""
    _try_some(bench, "folders emptied", scenarios.emptied(bench.main), _SENT, most=MOST)


def _other_directory(bench: Bench) -> None:
    """No recipient is known any more after the restart."""
    other = scenarios.other_directory(bench.main)
    _try_some(bench, "other directory", other, _DECIDING, most=FEW)


def _two_workers(bench: Bench) -> None:
    """A worker is beside the leader: on SQLite there is none."""
    if bench.lab.backend.name == "sqlite":
        return
    for victim in ("leader", "worker"):
        scenario = scenarios.two_workers(bench.main, other_dies=victim == "worker")
        _try_some(bench, f"two workers, the {victim} dies", scenario, _SHARED, most=FEW)


def _day_end(bench: Bench) -> None:
    scenario = scenarios.day_end(bench.lab, bench.main)
    _try(bench, "day's end", scenario, _points(bench.lab, "day's end", scenario, FEW))


def _pivots(bench: Bench) -> None:
    """Documents wait for each other, and leave in another form under a number."""
    scenario = scenarios.pivots(bench.lab)
    _try(bench, "pivots", scenario, _points(bench.lab, "pivots", scenario, FEW))


def _operator(bench: Bench) -> None:
    scenario = scenarios.operator(bench.lab, bench.main)
    _try(bench, "operator", scenario, _points(bench.lab, "operator", scenario, FEW))


def _bugs(bench: Bench) -> None:
    for bug in BUGS:
        _seed(bench, bug)


#: In the order in which they are worked through.
PARTS: Mapping[str, Callable[[Bench], None]] = {
    "main": _main_job,
    "emptied": _emptied,
    "directory": _other_directory,
    "workers": _two_workers,
    "day": _day_end,
    "pivots": _pivots,
    "operator": _operator,
    "bugs": _bugs,
}
CORE = ("main", "bugs")


def _points(lab: Lab, title: str, scenario: Scenario, most: int) -> Sequence[Point]:
    """Return every point of a scenario that is to be tried."""
    hits = lab.trace(scenario)
    chosen, capped = points(hits, most)
    told = ", ".join(f"{name} {count}" for name, count in capped)
    _say(
        f"{lab.backend.name}, {title}: {sum(hits.values())} hits, {len(chosen)} points"
        + (f"; of these not every hit: {told}" if told else "")
    )
    return chosen


def _try_some(
    bench: Bench, title: str, scenario: Scenario, prefixes: tuple[str, ...], most: int
) -> None:
    """Try the points of some rooms once more, in other circumstances."""
    wanted = [
        point for point in bench.tried if point.name.startswith(prefixes) and point.number <= most
    ]
    _say(f"{bench.lab.backend.name}, {title}: {len(wanted)} points")
    _try(bench, title, scenario, wanted)


def _try(bench: Bench, title: str, scenario: Scenario, tried: Sequence[Point]) -> None:
    lab, tally = bench.lab, bench.tally
    began, before = time.monotonic(), len(tally.violations)
    for number, point in enumerate(tried, 1):
        outcome = lab.crash(scenario, point)
        tally.add(title, point, outcome)
        if number % 50 == 0:
            _say(f"  {lab.backend.name}, {title}: {number} tried")
        for violation in outcome.violations:
            _say(f"  VIOLATION {title} {point}: {violation} (see {outcome.kept})")
    spent, found = time.monotonic() - began, len(tally.violations) - before
    _say(f"  {lab.backend.name}, {title}: {found} violations, {spent:.0f} s")


def _seed(bench: Bench, bug: Bug) -> None:
    """Seed one bug and look for a point at which the checker sees it."""
    tally, name = bench.tally, bench.lab.backend.name
    first = [Point(0, name, 1) for name in bug.shows_at]
    scenario = bug.among(bench.main)
    for number, point in enumerate([*first, *bench.tried], 1):
        outcome = bench.lab.crash(scenario, point, bug.seed)
        if outcome.kept is not None:
            shutil.rmtree(outcome.kept)
        if outcome.judged:
            _say(f"  {name}, seeded: {bug.name}: caught at {point}: {outcome.judged[0]}")
            if number > len(first):
                _say(f"  {name}, seeded: {bug.name}: only after {number} tries")
            tally.caught.append(bug.name)
            return
    _say(f"  {name}, seeded: {bug.name}: MISSED at all of {len(bench.tried)} points")
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
    _say(f"  {name}: failpoints at which nothing died: {', '.join(sorted(names() - tally.names))}")
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
    reader.add_argument(
        "--only", choices=PARTS, action="append", help="some parts; all by default"
    )
    asked = reader.parse_args(arguments)
    if len(asked.backend) != 1:
        return _side_by_side(asked.backend or BACKENDS, arguments)
    parts = asked.only or (CORE if asked.core else tuple(PARTS))
    tally = _enumerate(asked.backend[0], asked.server, parts, 1 if asked.core else MOST)
    _say(_sum_up(asked.backend[0], tally))
    return int(bool(tally.violations or tally.missed))


def _enumerate(backend: str, server: str, parts: Sequence[str], most: int) -> Tally:
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
        return enumerate_on(Lab(made, ledger, nursery), parts, most)


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
