"""Kill the hub at every failpoint, restart it, and have the checker judge: ``make crash``.

One run writes down every failpoint that is reached. Then, for each of them, everything is
put back, the hub runs and dies there, it is started again until it is quiet, and the checker
reads what the partners saw. At the end bugs are seeded, one at a time, and the checker must
see each: a checker that misses one proves nothing.

Parts of it are worked through side by side, each by a process with partners, a server and a
ledger of its own, forked from one that has imported everything.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from pipeline.ports.failpoint import names
from tests.crash import scenarios, world
from tests.crash.backends import Backend, Postgresql, Sqlite, postgresql_server
from tests.crash.bugs import BUGS, Bug
from tests.crash.lab import Lab, Outcome, Point, Scenario, points
from tests.crash.process import Nursery

BACKENDS = ("postgresql", "sqlite")
#: Hits of one failpoint that are tried in the main job: the first ones and the last.
MOST = 3
#: So many elsewhere.
FEW = 2
#: Where a file stands at a partner's and is not marked.
_SENT = ("put.renamed", "put.synced", "deliver.put", "deliver.mark.before", "deliver.mark.inside")
#: Where something could leave before its decision is committed.
_DECIDING = ("work.", "deliver.", "put.")
#: What a worker does beside the leader.
_SHARED = ("work.", "deliver.", "put.", "spool.", "ledger.claim_")
#: How long the process that waits for the others sleeps between two looks, in seconds.
_LOOK_S = 0.05


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

    def take(self, other: Tally) -> None:
        """Add what another process tried."""
        self.crashes += other.crashes
        self.unreached += other.unreached
        self.violations += other.violations
        self.again += other.again
        self.names |= other.names
        self.caught += other.caught
        self.missed += other.missed


@dataclass(frozen=True)
class Job:
    """A share of one part on one ledger: what one process works through.

    Attributes:
        backend: The ledger.
        part: One of `PARTS`.
        share: Which share of it, from 0.
        shares: In how many it is divided.
    """

    backend: str
    part: str
    share: int
    shares: int

    def __str__(self) -> str:
        return f"{self.backend}_{self.part}_{self.share}"


@dataclass
class Bench:
    """One ledger, and everything that a part of the enumeration needs.

    Attributes:
        lab: Tries crashes.
        main: The scenario of the main job.
        job: What is worked through.
        most: Hits of one failpoint that are tried in the main job, and at most elsewhere.
        tracing: Whether only to write down which failpoints would be tried.
        tally: What came of it.
        scenes: What bugs were seeded in so far, by what makes it.
    """

    lab: Lab
    main: Scenario
    job: Job
    most: int
    tracing: bool
    tally: Tally = field(default_factory=Tally)
    scenes: dict[object, Scenario] = field(default_factory=dict)

    def scene(self, bug: Bug) -> Scenario:
        """Return what a bug is seeded in, prepared once for all that share it."""
        if bug.among not in self.scenes:
            scenario = bug.among(self.lab, self.main)
            if bug.stage(scenario):
                self.lab.trace(scenario)  # it remembers how all is before each stage
            self.scenes[bug.among] = scenario
        return self.scenes[bug.among]

    @cached_property
    def tried(self) -> Sequence[Point]:
        """Return the points of the main job."""
        return _points(self, "main", self.main, self.most)

    def mine(self, every: Sequence[Point]) -> Sequence[Point]:
        """Return the share of this process."""
        return every[self.job.share :: self.job.shares]


def _main_job(bench: Bench) -> None:
    _try(bench, "main", bench.main, bench.tried)


def _emptied(bench: Bench) -> None:
    """Recipients take their files away between crash and restart."""
    _try_some(bench, "folders emptied", scenarios.emptied(bench.main), _SENT)


def _other_directory(bench: Bench) -> None:
    """No recipient is known any more after the restart."""
    _try_some(bench, "other directory", scenarios.other_directory(bench.main), _DECIDING)


def _two_workers(bench: Bench) -> None:
    """A worker is beside the leader: on SQLite there is none."""
    if bench.lab.backend.name == "sqlite":
        return
    for victim in ("leader", "worker"):
        scenario = scenarios.two_workers(bench.main, other_dies=victim == "worker")
        _try_some(bench, f"two workers, the {victim} dies", scenario, _SHARED)


def _scenario(make: Callable[[Lab, Scenario], Scenario]) -> Callable[[Bench], None]:
    """Return what tries a scenario that begins where others ended."""

    def work(bench: Bench) -> None:
        scenario = make(bench.lab, bench.main)
        _try(
            bench,
            scenario.name,
            scenario,
            _points(bench, scenario.name, scenario, min(FEW, bench.most)),
        )

    return work


def _bugs(bench: Bench) -> None:
    if not bench.tracing:
        for bug in BUGS[bench.job.share :: bench.job.shares]:
            _seed(bench, bug)


#: In the order in which they are begun: the longest first.
PARTS: Mapping[str, Callable[[Bench], None]] = {
    "main": _main_job,
    "workers": _two_workers,
    "directory": _other_directory,
    "pivots": _scenario(scenarios.pivots),
    "lists": _scenario(scenarios.lists),
    "operator": _scenario(scenarios.operator),
    "redeliver": _scenario(scenarios.given_up),
    "replay": _scenario(scenarios.replayed),
    "returned": _scenario(scenarios.returned),
    "erasing": _scenario(scenarios.erasing),
    "uncollected": _scenario(scenarios.uncollected),
    "bugs": _bugs,
    "day": _scenario(scenarios.day_end),
    "original": _scenario(scenarios.lost_original),
    "differences": _scenario(scenarios.differences),
    "emptied": _emptied,
    "door": _scenario(scenarios.shut_door),
    "sheet": _scenario(scenarios.without_a_sheet),
    "half": _scenario(scenarios.half_a_file),
}
#: Parts that several processes divide.
SHARES = {"main": 3, "workers": 2}
CORE = ("main", "bugs")


def _points(bench: Bench, title: str, scenario: Scenario, most: int) -> Sequence[Point]:
    """Return every point of a scenario that is to be tried."""
    hits = bench.lab.trace(scenario)
    chosen, capped = points(hits, scenario.stages, most)
    told = ", ".join(f"{name} {count}" for name, count in capped)
    if bench.job.share == 0:
        _say(
            f"{bench.job.backend}, {title}: {sum(hits.values())} hits, {len(chosen)} points"
            + (f"; of these not every hit: {told}" if told else "")
        )
    return chosen


def _try_some(bench: Bench, title: str, scenario: Scenario, prefixes: tuple[str, ...]) -> None:
    """Try the points of some rooms once more, in other circumstances."""
    wanted = [
        point for point in bench.tried if point.name.startswith(prefixes) and point.number <= FEW
    ]
    _try(bench, title, scenario, wanted)


def _try(bench: Bench, title: str, scenario: Scenario, every: Sequence[Point]) -> None:
    lab, tally, tried = bench.lab, bench.tally, bench.mine(every)
    if bench.tracing:
        tally.names |= {point.name for point in every}
        return
    began, before = time.monotonic(), len(tally.violations)
    for point in tried:
        outcome = lab.crash(scenario, point)
        tally.add(title, point, outcome)
        for violation in outcome.violations:
            _say(f"  VIOLATION {title} {point}: {violation} (see {outcome.kept})")
    spent, found = time.monotonic() - began, len(tally.violations) - before
    _say(
        f"  {bench.job.backend}, {title}: {len(tried)} of {len(every)} points,"
        f" {found} violations, {spent:.0f} s"
    )


def _seed(bench: Bench, bug: Bug) -> None:
    """Seed one bug and look for a point at which the checker sees it."""
    tally, name = bench.tally, bench.lab.backend.name
    scenario = bench.scene(bug)
    first = [Point(bug.stage(scenario), place, 1) for place in bug.shows_at]
    for number, point in enumerate(_first_then(first, bench), 1):
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


def _first_then(first: Sequence[Point], bench: Bench) -> Iterator[Point]:
    yield from first
    yield from bench.tried


# -- from the outside in


@dataclass(frozen=True)
class Setting:
    """What all processes share.

    Attributes:
        base: Everything lies below it.
        nursery: Forks commands.
        postgresql: Address of the server's first database, or None without one.
        server: What partners are reached through.
        most: As `Bench` takes it.
        tracing: Likewise.
    """

    base: Path
    nursery: Nursery
    postgresql: str | None
    server: str
    most: int
    tracing: bool


@contextmanager
def _setting(asked: argparse.Namespace, backends: Sequence[str]) -> Iterator[Setting]:
    with ExitStack() as stack:
        base = stack.enter_context(_folder())
        address = None
        if "postgresql" in backends:
            address = stack.enter_context(postgresql_server(base))
        anywhere = world.World(base / "warm", 1, "", "", "")
        anywhere.build()
        nursery = Nursery(anywhere.place(""))
        nursery.warm((flow.payload for flow in world.flows()), base / "warm" / "payload")
        gc.freeze()
        most = 1 if asked.core else MOST
        yield Setting(base, nursery, address, asked.server, most, asked.trace)


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards, unless something in it must be looked at."""
    memory = Path("/dev/shm")  # a folder of our own in it
    place = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="edi-crash-", dir=place))
    try:
        yield folder
    finally:
        if not list(folder.glob("*/lab/*/history-*")):
            shutil.rmtree(folder, ignore_errors=True)


def _work_on(job: Job, setting: Setting) -> Tally:
    """Work through one job, with partners, server and ledger of its own."""
    serve = world.embedded if setting.server == "embedded" else world.openssh
    base = setting.base / str(job)
    base.mkdir()
    with serve(base) as made:
        ledger: Backend = Sqlite(made.home)
        if job.backend == "postgresql" and setting.postgresql is not None:
            ledger = Postgresql(setting.postgresql, f"crash_{job.part}_{job.share}")
        lab = Lab(made, ledger, setting.nursery)
        bench = Bench(lab, scenarios.main_job(lab), job, setting.most, setting.tracing)
        PARTS[job.part](bench)
    return bench.tally


def _start(job: Job, setting: Setting) -> int:
    """Fork a process that works through a job; return it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _be_at_work(job, setting)
    return child


def _be_at_work(job: Job, setting: Setting) -> NoReturn:
    code = 1
    try:
        _result(job, setting).write_bytes(pickle.dumps(_work_on(job, setting)))
        code = 0
    except BaseException:  # noqa: BLE001  # it must not go on as the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _result(job: Job, setting: Setting) -> Path:
    return setting.base / f"{job}.tally"


def _all(jobs: Sequence[Job], setting: Setting, workers: int) -> Iterator[tuple[Job, Tally]]:
    """Work through jobs side by side; yield what came of each as it ends."""
    waiting, running = list(jobs), dict[int, Job]()
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            running[_start(job, setting)] = job
        for child in list(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                yield _ended(running.pop(child), status, setting)
        time.sleep(_LOOK_S)


def _ended(job: Job, status: int, setting: Setting) -> tuple[Job, Tally]:
    if status == 0:
        tally: Tally = pickle.loads(_result(job, setting).read_bytes())  # our own
        return job, tally
    return job, Tally(violations=[f"{job}: did not come to its end"])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # at once and whole: others say something too
    sys.stdout.flush()


def _sum_up(name: str, tally: Tally) -> str:
    bugs = len(tally.caught) + len(tally.missed)
    for where in tally.unreached:
        _say(f"  {name}: not reached this time: {where}")
    return (
        f"{name}: {tally.crashes} crash points, {len(tally.violations)} violations, "
        f"{len(tally.caught)} of {bugs} seeded bugs caught "
        f"({len(tally.names)} failpoints; known window: {tally.again})"
    )


def _gaps(name: str, tally: Tally) -> list[str]:
    """Return failpoints that no scenario tries without a reason, and reasons that are over."""
    excused = names() & {
        point for point in names() if point.startswith(tuple(scenarios.NOT_TRIED))
    }
    gaps = [f"{name}: no scenario tries {one}" for one in sorted(names() - tally.names - excused)]
    return gaps + [f"{name}: is tried after all: {one}" for one in sorted(tally.names & excused)]


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--backend", choices=BACKENDS, action="append", default=[])
    reader.add_argument("--server", choices=("embedded", "openssh"), default="embedded")
    reader.add_argument(
        "--core",
        action="store_true",
        help="one hit a failpoint; only the main job and the bugs, unless others are asked for",
    )
    reader.add_argument(
        "--only", choices=PARTS, action="append", help="some parts; all by default"
    )
    reader.add_argument(
        "--trace", action="store_true", help="only hold what would be tried against the table"
    )
    reader.add_argument(
        "--workers", type=int, default=(os.cpu_count() or 1) + 1, help="processes side by side"
    )
    return reader.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Enumerate; return 1 if anything was violated, any bug missed or any failpoint left out."""
    asked = _read(arguments)
    backends = asked.backend or BACKENDS
    parts = asked.only or (CORE if asked.core else tuple(PARTS))
    jobs = [
        Job(backend, part, share, SHARES.get(part, 1))
        for part in PARTS
        if part in parts
        for share in range(1 if asked.trace else SHARES.get(part, 1))
        for backend in backends
    ]
    tallies = {backend: Tally() for backend in backends}
    with _setting(asked, backends) as setting:
        for job, tally in _all(jobs, setting, asked.workers):
            tallies[job.backend].take(tally)
    whole = not (asked.only or asked.core)
    gaps = [gap for name, one in tallies.items() for gap in _gaps(name, one) if whole]
    _say("\n".join([*gaps, *(_sum_up(name, one) for name, one in tallies.items())]))
    failed = any(one.violations or one.missed for one in tallies.values())
    return int(failed or bool(gaps))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
