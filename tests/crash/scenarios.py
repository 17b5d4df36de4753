"""What the hub is doing when it dies: its main job, an operator's verbs, a day's end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from tests.crash.lab import RUN, Lab, Scenario, Stage, change_directory, take_all
from tests.crash.world import DELIVERED, PIVOTS, REFUSED, flows, pivot_flows

#: Exit codes of a verb that is given again, and has nothing left to do.
_NOTHING_LEFT = (1, 2)
_WHY = ("--reason", "essai", "--yes")
#: After so long a day is summed up even where something in it is open.
_LATER = timedelta(hours=73)
#: After so long a day is over.
_A_DAY = timedelta(hours=25)


def main_job(lab: Lab) -> Scenario:
    """Flows are dropped on a hub that has done nothing yet."""
    lab.world.build()
    lab.world.clear_folders()
    lab.backend.clear()
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    lab.snapshot("main")
    return Scenario("main", flows())


def emptied(main: Scenario) -> Scenario:
    """Recipients take their files away between crash and restart."""
    return replace(main, between=take_all, may_come_back=True)


def other_directory(main: Scenario) -> Scenario:
    """Another directory is put in force between crash and restart.

    What was decided stays decided, and what was not is decided by the new one: nothing
    may have left before its decision was committed.
    """
    return replace(main, between=change_directory, expects=False)


def two_workers(main: Scenario, *, other_dies: bool) -> Scenario:
    """A worker is beside the leader; one of the two dies, the other goes on."""
    return replace(main, beside=("work",), other_dies=other_dies)


def day_end(lab: Lab, main: Scenario) -> Scenario:
    """The day is over, and a number is missing: notices."""
    lab.restore("main")
    lab.drop(main)
    assert lab.edi(RUN) == 0, lab.said()
    lab.snapshot("day")
    return replace(main, name="day", fresh=False, stages=(replace(RUN, shift=_LATER),))


def pivots(lab: Lab) -> Scenario:
    """A recipient takes numbered pivots: two full ones at once, the rest when the day is over."""
    lab.restore("main")
    lab.world.have("ville-exemple", PIVOTS)
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    lab.snapshot("pivots")
    stages = (RUN, replace(RUN, shift=_A_DAY))
    return Scenario("pivots", pivot_flows(), stages)


def operator(lab: Lab, main: Scenario) -> Scenario:
    """An operator pauses, changes sheets, releases, rejects, redelivers, holds and erases."""
    lab.restore("main")
    lab.drop(main)
    missing = lab.world.root / "imprimerie-exemple" / "out"
    missing.rmdir()
    while _ids(lab, "routed", "accepted", "received") or not _ids(lab, "abandoned"):
        lab.edi(RUN)
    missing.mkdir()
    lab.world.add_route()
    held, delivered = _ids(lab, "held"), _ids(lab, "delivered")
    (abandoned,) = _ids(lab, "abandoned").values()
    lab.snapshot("operator")
    verbs = (
        Stage(("pause", "--partner", "caterer")),
        Stage(("apply",)),
        Stage(("resume", "--partner", "caterer")),
        Stage(("release", held["C-3"]), accepts=_NOTHING_LEFT),
        Stage(("reject", held["C-5"], *_WHY), accepts=_NOTHING_LEFT),
        Stage(("redeliver", abandoned, "--generation", "2", *_WHY), accepts=_NOTHING_LEFT),
        Stage(("hold", abandoned, *_WHY), accepts=_NOTHING_LEFT),
        Stage(("release", abandoned), accepts=_NOTHING_LEFT),
        RUN,
        Stage(("erase", delivered["C-6"].partition("-")[0], "--reason", "essai")),
    )
    became = {"c.tar.gz": (DELIVERED, DELIVERED), "e.xml": (REFUSED,)}
    after = tuple(replace(one, expected=became.get(one.name, one.expected)) for one in main.flows)
    return Scenario("operator", after, verbs, fresh=False)


def _ids(lab: Lab, *steps: str) -> Mapping[str, str]:
    """Return the ids of the documents at some steps, by invoice number."""
    found: dict[str, str] = {}
    for step in steps:
        assert lab.edi(Stage(("documents", "--step", step, "--json"))) == 0, lab.said()
        found |= {one["number"]: one["id"] for one in json.loads(lab.said())}
    return found
