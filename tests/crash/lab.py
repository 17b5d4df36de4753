"""Try one crash: put a world back to where it was, let the hub die, restart it, judge."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pipeline.adapters.failpoints import KILLED
from tests.crash.backends import Backend
from tests.crash.checker import check
from tests.crash.observer import History
from tests.crash.process import Nursery
from tests.crash.world import RECIPIENTS, Flow, World

#: How often a stage is tried again before it counts as one that never ends well.
_TRIES = 4
#: What only reads, and `ledger.change`, which is told right beside the name of each change:
#: what is durable at its ``before``, ``inside`` and ``after`` is what is durable at theirs.
_ALIKE = (
    "ledger.change.",
    "work.gather.",
    "operator.find.",
    "operator.compare.",
    "erase.find.",
)


@dataclass(frozen=True)
class Stage:
    """One command, and how far the clock is ahead by then.

    Attributes:
        arguments: After ``edi``.
        shift: Of the clock.
        accepts: Exit codes that are fine besides 0 when it is given again: an operator's
            verb has nothing left to do then.
        leaves: Whether something may be left for a later stage, and be told by exit code 1.
        before: Done to the world before it, where it is not the first stage.
        tries: Beginnings of the failpoints at which it is killed; all of them by default.
    """

    arguments: tuple[str, ...]
    shift: timedelta = timedelta(0)
    accepts: tuple[int, ...] = ()
    leaves: bool = False
    before: Callable[[Lab], None] = lambda _: None
    tries: tuple[str, ...] = ("",)


RUN = Stage(("run", "--once", "--json"))


@dataclass(frozen=True)
class Scenario:
    """What a crash is tried in.

    Attributes:
        name: Also of the snapshot it starts from.
        flows: Everything that was ever dropped; `fresh` ones are dropped when it starts.
        stages: The commands, one after the other.
        fresh: False where the flows were worked on before it starts.
        expects: Whether each flow must become what it says.
        between: Done between crash and restart.
        may_come_back: As `checker.check` takes it.
        beside: A command that works beside the one of a stage while that is to die; it is
            asked to end once that has ended.
        other_dies: Whether it is the one beside that dies.
    """

    name: str
    flows: tuple[Flow, ...]
    stages: tuple[Stage, ...] = (RUN,)
    fresh: bool = True
    expects: bool = True
    between: Callable[[Lab], None] = lambda _: None
    may_come_back: bool = False
    beside: tuple[str, ...] = ()
    other_dies: bool = False


@dataclass(frozen=True)
class Point:
    """The `number`-th hit of a failpoint in one stage of a scenario."""

    stage: int
    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}:{self.number}" + (f" in stage {self.stage + 1}" if self.stage else "")


@dataclass
class Outcome:
    """What came of one try.

    Attributes:
        died: False where the point was not reached.
        judged: What the checker said.
        troubles: What `edi verify` or a stage said.
        again: Files that came back under the same name.
        kept: Where everything lies, if something was wrong.
    """

    died: bool
    judged: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    kept: Path | None = None

    @property
    def violations(self) -> list[str]:
        """Return everything that was wrong."""
        return [*self.judged, *self.troubles]


class Lab:
    """A world, a ledger, and a nursery of commands."""

    def __init__(self, world: World, backend: Backend, nursery: Nursery) -> None:
        self.world = world
        self.backend = backend
        self._nursery = nursery
        self._folder = world.base / "lab" / backend.name
        self._log = self._folder / "log"
        self._number = 0
        self._folder.mkdir(parents=True)

    # -- worlds
    def snapshot(self, name: str) -> None:
        """Remember how workspace, folders and ledger are."""
        place = self._folder / name
        shutil.copytree(self.world.home, place / "var")
        shutil.copytree(self.world.root, place / "home")
        self.backend.snapshot(name)

    def restore(self, name: str) -> None:
        """Put everything back."""
        place = self._folder / name
        for source, target in (("var", self.world.home), ("home", self.world.root)):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(place / source, target)
        self.backend.restore(name)

    def history(self, scenario: Scenario) -> History:
        """Begin a history, and drop what the scenario begins with."""
        self._number += 1
        history = History(self._folder / f"history-{self._number}", self.world.partners)
        for flow in scenario.flows:
            expected = flow.expected if scenario.expects else None
            act = history.drop if scenario.fresh else history.note
            asked = {"withdrawn": flow.withdrawn, "returned": flow.returned}
            act(flow.supplier, flow.name, flow.payload, expected, **asked)
            if scenario.fresh and flow.supplier == "mill":
                (self.world.root / "mill" / "in" / f"{flow.name}.done").touch()
        return history

    def drop(self, scenario: Scenario) -> None:
        """Drop what a scenario begins with, and keep no record of it."""
        shutil.rmtree(self.history(replace(scenario, fresh=True)).folder)

    # -- commands
    def edi(
        self,
        stage: Stage,
        history: History | None = None,
        spoil: Callable[[], None] = lambda: None,
        **environment: str,
    ) -> int:
        """Run one command; return its exit code."""
        self._log.unlink(missing_ok=True)
        self._log.touch()
        child = self._start(stage, spoil, environment)
        return self._nursery.wait([child], history.look if history else lambda: None)[0]

    def said(self) -> str:
        """Return what the last command printed."""
        return self._log.read_text(encoding="utf-8")

    # -- crashes
    def trace(self, scenario: Scenario) -> Mapping[tuple[int, str], int]:
        """Run a scenario to its end; count the hits of each failpoint in each stage.

        How all is before each further stage is remembered, so that none is run only to get
        to a later one.

        Raises:
            AssertionError: It does not keep the promise even when nothing happens.
        """
        self.restore(scenario.name)
        history = self.history(scenario)
        hits: Counter[tuple[int, str]] = Counter()
        for place, stage in enumerate(scenario.stages):
            if place:
                stage.before(self)
                self.snapshot(_before(scenario, place))
            trace = self._folder / "trace"
            trace.write_text("")  # some commands reach none
            code = self.edi(stage, history, EDI_FAILPOINT_TRACE=str(trace))
            told = f"edi {' '.join(stage.arguments)} ended with {code}: {self.said()}"
            assert code in {0, int(stage.leaves)}, told
            hits.update((place, name) for name in trace.read_text().split())
        outcome = self._judge(history, replace(scenario, may_come_back=False), [])
        assert not outcome.violations, "\n".join(outcome.violations)
        return hits

    def crash(
        self, scenario: Scenario, point: Point, spoil: Callable[[], None] = lambda: None
    ) -> Outcome:
        """Let the hub die at a point, restart it until it is quiet, and judge."""
        self.restore(_before(scenario, point.stage))
        # by a later stage everything was dropped before what was put back was remembered
        history = self.history(replace(scenario, fresh=scenario.fresh and not point.stage))
        first, *further = scenario.stages[point.stage :]
        died = self._die(scenario, first, history, spoil, point)
        scenario.between(self)
        troubles = self._to_the_end(first, history, spoil, again=True)
        for stage in further:
            stage.before(self)
            troubles += self._to_the_end(stage, history, spoil, again=False)
        outcome = self._judge(history, scenario, troubles)
        outcome.died = died
        return outcome

    def _die(
        self,
        scenario: Scenario,
        stage: Stage,
        history: History,
        spoil: Callable[[], None],
        point: Point,
    ) -> bool:
        """Run a stage that is to die at a point; tell whether it did."""
        armed = {"EDI_FAILPOINT": f"{point.name}:{point.number}"}
        if not scenario.beside:
            return self.edi(stage, history, spoil, **armed) == KILLED
        worker = self._start(Stage(scenario.beside), spoil, armed if scenario.other_dies else {})
        leader = self._start(stage, spoil, {} if scenario.other_dies else armed)
        (led,) = self._nursery.wait([leader], history.look)
        os.kill(worker, signal.SIGTERM)
        (worked,) = self._nursery.wait([worker], history.look)
        return (worked if scenario.other_dies else led) == KILLED

    def _start(
        self, stage: Stage, spoil: Callable[[], None], environment: Mapping[str, str]
    ) -> int:
        ours = {"EDI_HOME": str(self.world.home), "EDI_DATABASE": self.backend.url}
        return self._nursery.start(
            stage.arguments, {**ours, **environment}, self._log, stage.shift, spoil
        )

    def _to_the_end(
        self, stage: Stage, history: History, spoil: Callable[[], None], *, again: bool
    ) -> list[str]:
        """Give a command until all is quiet; return what stays wrong."""
        accepted = {0, int(stage.leaves), *(stage.accepts if again else ())}
        for _ in range(_TRIES):
            code = self.edi(stage, history, spoil)
            quiet = stage.leaves or stage.arguments[0] != "run" or self._is_quiet()
            if code in accepted and quiet:
                return []
        last = self.said().strip().splitlines()[-1:]
        return [f"edi {' '.join(stage.arguments)} ends with {code}: {' '.join(last)}"]

    def _is_quiet(self) -> bool:
        summary = json.loads(self.said().strip().splitlines()[-1])
        return not summary["failed"] and not any(summary["waiting"].values())

    def _judge(self, history: History, scenario: Scenario, troubles: list[str]) -> Outcome:
        history.write()
        found = check(history.folder, may_come_back=scenario.may_come_back)
        if self.edi(Stage(("verify",))) != 0:
            troubles = [*troubles, f"edi verify: {self.said()}"]
        outcome = Outcome(
            died=False, judged=found.violations, troubles=troubles, again=found.again
        )
        if outcome.violations:
            outcome.kept = history.folder
        else:
            shutil.rmtree(history.folder)
        return outcome


def _before(scenario: Scenario, stage: int) -> str:
    """Name how all is before a stage of a scenario."""
    return f"{scenario.name}_{stage}" if stage else scenario.name


def take_all(lab: Lab) -> None:
    """Let every recipient take away what it finds."""
    for name in RECIPIENTS:
        for path in (lab.world.root / name / "out").iterdir():
            if not path.name.startswith("."):
                path.unlink()


def change_directory(lab: Lab) -> None:
    """Put another directory in force: no recipient is there any more."""
    lab.world.close_structures()
    assert lab.edi(Stage(("apply",))) == 0, lab.said()


def points(
    hits: Mapping[tuple[int, str], int], stages: Sequence[Stage], most: int
) -> tuple[list[Point], Sequence[tuple[str, int]]]:
    """Return the points to try: of each name the first ones and the last, `most` in all.

    What leaves the world as it was, or as the failpoint beside it does, is tried once.

    Returns:
        The points, and the names that have more hits than are tried, with how many.
    """
    chosen: list[Point] = []
    capped: list[tuple[str, int]] = []
    for (stage, name), count in hits.items():
        if not name.startswith(stages[stage].tries):
            continue
        # nothing is durable inside of a change that was not before it: that is tried further
        tried = 1 if name.startswith(_ALIKE) or name.endswith(".before") else most
        numbers = list(range(1, count + 1))
        if count > tried:
            numbers = [*numbers[: tried - 1], count] if tried > 1 else [1]
            capped.append((name, count))
        chosen += [Point(stage, name, number) for number in numbers]
    return chosen, capped
