"""What the hub is doing when it dies: its main job, operators' verbs, a day's end, trouble."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pipeline.adapters.failpoints import KILLED
from tests.crash.lab import RUN, Lab, Scenario, Stage, change_directory, take_all
from tests.crash.world import (
    DELIVERED,
    PIVOTS,
    REFUSED,
    WATCHED,
    Flow,
    flows,
    pivot_flows,
    samples,
)

#: Exit codes of a verb that is given again, and has nothing left to do.
_NOTHING_LEFT = (1, 2)
_WHY = ("--reason", "essai", "--yes")
#: After so long a day is summed up even where something in it is open.
_LATER = timedelta(hours=73)
#: After so long a day is over.
_A_DAY = timedelta(hours=25)
#: After so long a claim has run out, and what waited for a little has waited enough.
_SOON = timedelta(hours=2)
#: After so long what nobody picked up is announced; and removed.
_SIX_DAYS, _NINE_DAYS = timedelta(days=6), timedelta(days=9)
#: After so long nothing has to be kept any more.
_YEARS = timedelta(days=365 * 12)
#: Documents that wait for the two recipients that `lists` keeps shut.
_ROUTED = 5
#: A port at which nobody answers.
_NOBODY = 9
#: What a run hits is tried in the main job: in a run that is for one thing, only that is.
_NOTHING = ("-",)
_LEAVING = ("deliver.", "put.")
#: Beginnings of failpoints that no scenario tries, and why.
NOT_TRIED: Mapping[str, str] = {
    "ledger.renew.": "only where work takes longer than a third of a lease",
    "work.fenced.": "only where another worker took a claim over",
    "ledger.forget_runs.": "only of a hub by the clock, every few hours",
    "ledger.propose.": "of no file's fate; each is tried by tests/integration/test_approve.py",
    "ledger.settle_proposal.": "the same",
    "ledger.move_sheet.": "the same",
    "change.": "no change is without a name",
    "credential.warn.": "of no file's fate; tests/integration/test_expiry.py tries each",
    "letter.sent": "the same",
    "status.": "of no deposit's fate; tests/integration/test_statuses_crash.py tries each",
    "operator.declare.": "the same",
    "validation.": "no deposit there waits for one; test_validation_crash.py tries each",
    "invoice.correct.": "what it deposits nobody dropped: test_statuses_crash.py tries each",
    "pickup.note.": "a recipient takes files where nobody looks: test_pickups.py",
    "pickup.noted": "only where a sheet names a transfer log: test_reference_client.py",
    "ledger.pickups.": "likewise",
    "pickup.changed.": "only where a file is replaced between record and removal: test_pickups.py",
    "operator.resend.": "the same file comes twice, on purpose: test_pickups.py",
    "notice.links.": "of no file's fate; each is tried by tests/integration/test_links.py",
}


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
    _finish(lab, main)
    lab.snapshot("day")
    end = replace(RUN, shift=_LATER, tries=("notice.", "seal.", "deliver.", "put.", "run."))
    # by now the record is days ahead of the clock
    back = replace(RUN, tries=("ledger.follow_clock.", "run.started"))
    return replace(main, name="day", fresh=False, stages=(end, back))


def pivots(lab: Lab, _main: Scenario) -> Scenario:
    """A recipient takes numbered pivots: two full ones at once, the rest when the day is over."""
    lab.restore("main")
    lab.world.have("ville-exemple", PIVOTS)
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    lab.snapshot("pivots")
    tries = ("work.settle.", "group.", "carry.", "ledger.begin_files.", *_LEAVING)
    stages = (replace(RUN, tries=tries), replace(RUN, shift=_A_DAY, tries=tries))
    return Scenario("pivots", pivot_flows(), stages)


def uncollected(lab: Lab, _main: Scenario) -> Scenario:
    """A recipient wants sums and markers, and takes nothing: it is announced, then removed."""
    lab.restore("main")
    lab.world.have("ville-exemple", WATCHED)
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    lab.snapshot("uncollected")

    tries = ("pickup.", "purge.")
    stages = (
        replace(RUN, tries=_LEAVING),
        replace(RUN, shift=_SIX_DAYS, tries=(*tries, "deliver.mark.")),
        replace(RUN, shift=_NINE_DAYS, tries=tries),
    )
    alone = tuple(one for one in pivot_flows() if one.name.endswith(".xml"))
    return Scenario("uncollected", alone, stages)


def operator(lab: Lab, main: Scenario) -> Scenario:
    """An operator pauses, changes sheets, resumes, releases and rejects."""
    _finish(lab, main)
    lab.world.add_route()
    held = _ids(lab, "held")
    lab.snapshot("operator")
    verbs = (
        Stage(("pause", "--partner", "caterer")),
        Stage(("apply",)),
        Stage(("resume", "--partner", "caterer")),
        _again("release", held["C-3"]),
        _again("release", held["C-3"], tries=("operator.note.",)),
        _again("reject", held["C-5"], *_WHY),
        replace(RUN, tries=_LEAVING),
    )
    became = {"c.tar.gz": (DELIVERED, DELIVERED), "e.xml": (REFUSED,)}
    return Scenario("operator", _become(main.flows, became), verbs, fresh=False)


def given_up(lab: Lab, main: Scenario) -> Scenario:
    """A delivery that was given up is asked for once more, held back and let go."""
    lab.restore("main")
    lab.drop(main)
    missing = lab.world.root / "imprimerie-exemple" / "out"
    missing.rmdir()
    while _ids(lab, "routed", "accepted", "received") or not _ids(lab, "abandoned"):
        lab.edi(RUN)
    missing.mkdir()
    (abandoned,) = _ids(lab, "abandoned").values()
    lab.snapshot("redeliver")
    verbs = (
        _again("redeliver", abandoned, "--generation", "2", *_WHY),
        _again("hold", abandoned, *_WHY),
        _again("release", abandoned),
        replace(RUN, tries=_LEAVING),
    )
    return replace(main, name="redeliver", stages=verbs, fresh=False)


def lists(lab: Lab, main: Scenario) -> Scenario:
    """An operator holds back and lets go many deliveries at once, and takes one back."""
    lab.restore("main")
    lab.drop(main)
    shut = ("ville-exemple", "hopital-exemple")
    for partner in shut:
        assert lab.edi(Stage(("pause", "--partner", partner))) == 0, lab.said()
    while _ids(lab, "accepted", "received") or len(_ids(lab, "routed")) < _ROUTED:
        lab.edi(RUN)
    for partner in shut:
        assert lab.edi(Stage(("resume", "--partner", partner))) == 0, lab.said()
    routed = _ids(lab, "routed")
    lab.snapshot("lists")
    waiting = ("--partner", "caterer", "--step", "routed")
    verbs = (
        _again("hold", *waiting, *_WHY),
        _again("release", *waiting, "--yes"),
        _again("withdraw", routed["C-6"], *_WHY),
        replace(RUN, tries=_NOTHING),
    )
    flows = tuple(
        replace(one, withdrawn=one.name == "f.xml")
        for one in _become(main.flows, {"f.xml": (REFUSED,)})
    )
    return Scenario("lists", flows, verbs, fresh=False)


def replayed(lab: Lab, main: Scenario) -> Scenario:
    """An operator judges anew what is held and what was delivered, and rejects what is held."""
    _finish(lab, main)
    lab.snapshot("replay")
    held = ("--partner", "caterer", "--step", "held")
    verbs = (
        _again("replay", *held, *_WHY),
        _again("replay", "--partner", "mill", *_WHY, tries=("operator.replay.",)),
        _again("reject", *held, *_WHY),
        replace(RUN, tries=_NOTHING),
    )
    became = {"c.tar.gz": (DELIVERED, REFUSED), "e.xml": (REFUSED,)}
    return Scenario("replay", _become(main.flows, became), verbs, fresh=False)


def erasing(lab: Lab, main: Scenario) -> Scenario:
    """A flow is kept by law, then not any more; one is erased by hand, all when time is over."""
    _finish(lab, main)
    delivered = _ids(lab, "delivered")
    kept, gone = (delivered[number].partition("-")[0] for number in ("C-6", "M-1"))
    lab.snapshot("erasing")
    verbs = (
        _again("legal-hold", kept, "--reason", "essai"),
        _again("legal-hold", kept, "--reason", "essai", "--lift"),
        Stage(("erase", gone, "--reason", "essai")),
        Stage(("retention", "--apply"), shift=_YEARS),
    )
    return replace(main, name="erasing", stages=verbs, fresh=False)


def returned(lab: Lab, main: Scenario) -> Scenario:
    """A recipient sends an invoice back, and its supplier deposits it for the right one."""
    _finish(lab, main)
    assert lab.edi(Stage(("declare", "C-6", "return", "--as", "recipient"))) == 0, lab.said()
    make = samples()
    (before,) = (one.payload for one in main.flows if one.name == "f.xml")
    after = before.replace(make.HOPITAL.siret.encode(), make.VILLE.siret.encode())
    after = after.replace(make.HOPITAL.siret[:9].encode(), make.VILLE.siret[:9].encode())
    again = Flow("caterer", "again.xml", after, (DELIVERED,), returned=True)
    lab.drop(Scenario("returned", (again,), fresh=False))
    lab.snapshot("returned")
    stages = (replace(RUN, tries=("work.settle.", "work.judged", "deliver.mark.")),)
    return Scenario("returned", (*main.flows, again), stages, fresh=False)


def lost_original(lab: Lab, main: Scenario) -> Scenario:
    """An original is lost before it is read; it is put back, and its keys are changed."""
    lab.restore("main")
    (flow,) = (one for one in main.flows if one.name == "f.xml")
    scenario = Scenario("original", (flow,), fresh=False)
    lab.drop(scenario)
    _take_in(lab)
    for blob in (lab.world.home / "archive" / "blobs").glob("??/*"):
        blob.unlink()
    backup = lab.world.home / "backup.xml"
    backup.write_bytes(flow.payload)
    assert lab.edi(Stage(("keys", "new", "master/next.key"))) == 0, lab.said()
    lab.world.use_master_key("master/next.key")
    lab.snapshot(scenario.name)
    (subject,) = (one["id"] for one in _all_flows(lab))
    stages = (
        replace(RUN, tries=("work.",)),
        Stage(("original", subject, "--put", str(backup))),
        Stage(("original", subject, "-o", str(lab.world.home / "out.xml")), accepts=_NOTHING_LEFT),
        Stage(("keys", "rotate")),
        Stage(("keys", "check"), tries=_NOTHING),
        _again("release", subject, tries=("operator.",)),
        replace(RUN, tries=_NOTHING),
    )
    return replace(scenario, stages=stages)


def half_a_file(lab: Lab, main: Scenario) -> Scenario:
    """A file that is not whole is left to grow, and taken as it is when its time is over."""
    lab.restore("main")
    (flow,) = (one for one in main.flows if one.name == "f.xml")
    half = Flow("caterer", "h.xml", flow.payload[: len(flow.payload) // 2], (REFUSED,))
    scenario = Scenario("half", (half,), fresh=False)
    lab.drop(scenario)
    lab.snapshot(scenario.name)
    first = replace(RUN, leaves=True, tries=("pull.", "ledger.sightings."))
    return replace(scenario, stages=(first, replace(RUN, shift=_SOON, tries=("pull.",))))


def shut_door(lab: Lab, main: Scenario) -> Scenario:
    """A recipient's server does not answer, and comes back."""
    lab.restore("main")
    lab.drop(main)
    name = "hopital-exemple"
    assert lab.edi(Stage(("pause", "--partner", name))) == 0, lab.said()
    assert lab.edi(RUN) == 0, lab.said()
    lab.world.propose_sheet(name, port=_NOBODY)
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    assert lab.edi(Stage(("resume", "--partner", name))) == 0, lab.said()
    lab.snapshot("door")
    stages = (
        replace(RUN, leaves=True, tries=("ledger.release_files.", "deliver.")),
        Stage(("apply",), before=lambda lab: lab.world.propose_sheet(name), tries=_NOTHING),
        replace(RUN, tries=("put.", "deliver.")),
    )
    return replace(main, name="door", fresh=False, stages=stages)


def without_a_sheet(lab: Lab, main: Scenario) -> Scenario:
    """A flow came in, and then nothing is agreed with its sender for a while."""
    lab.restore("main")
    (flow,) = (one for one in main.flows if one.supplier == "mill")
    scenario = Scenario("sheet", (flow,), fresh=False)
    lab.drop(scenario)
    assert lab.edi(RUN, EDI_FAILPOINT="pull.record.after:1") == KILLED, lab.said()
    lab.world.drop_sheet("mill")
    assert lab.edi(Stage(("apply",))) == 0, lab.said()
    lab.snapshot(scenario.name)
    stages = (
        replace(RUN, tries=("ledger.release_flows.", "work.")),
        Stage(("apply",), before=lambda lab: lab.world.propose_sheet("mill"), tries=_NOTHING),
        replace(RUN, shift=_SOON, tries=("work.claimed", "work.settle.", "pull.mark_removed.")),
    )
    return replace(scenario, stages=stages)


def differences(lab: Lab, main: Scenario) -> Scenario:
    """Record and world do not agree in many ways; what can be is put right."""
    lab.restore("main")
    (late,) = (one for one in main.flows if one.name == "f.xml")
    lab.drop(replace(main, flows=tuple(one for one in main.flows if one is not late)))
    assert lab.edi(RUN) == 0, lab.said()
    lab.drop(replace(main, flows=(late,)))
    _take_in(lab)
    _disagree(lab)
    lab.snapshot("differences")
    stages = (
        Stage(
            ("reconcile", "--fix"), shift=_SOON, tries=("reconcile.", "ledger.upkeep.", "aside.")
        ),
        Stage(("reconcile",), shift=_SOON, tries=_NOTHING),
        replace(RUN, tries=_NOTHING),
    )
    return replace(main, name="differences", fresh=False, stages=stages)


def _disagree(lab: Lab) -> None:
    """Let a taken file stand in the inbox again, a temporary name be left, a flow be open."""
    root = lab.world.root
    (taken,) = (root / "caterer" / "archive").glob("*-e.xml")
    shutil.copy2(taken, root / "caterer" / "in" / "e.xml")
    sent = min((root / "ville-exemple" / "out").iterdir())
    sent.with_name(f".{sent.name}.part").write_bytes(b"half")
    (closed,) = (one["id"] for one in _all_flows(lab) if one["name"] == "d.xml")
    lab.backend.execute(f"UPDATE interchange SET step = 'opened' WHERE id = '{closed}'")


def _finish(lab: Lab, main: Scenario) -> None:
    """Let the main job be done to its end."""
    lab.restore("main")
    lab.drop(main)
    assert lab.edi(RUN) == 0, lab.said()


def _take_in(lab: Lab) -> None:
    """Let a run die when it has taken in what was dropped, and claimed it."""
    assert lab.edi(RUN, EDI_FAILPOINT="work.gathered:1") == KILLED, lab.said()


def _again(*arguments: str, tries: tuple[str, ...] = ("",)) -> Stage:
    """Return an operator's verb that may have nothing left to do when it is given again."""
    return Stage(arguments, accepts=_NOTHING_LEFT, tries=tries)


def _become(flows: tuple[Flow, ...], became: Mapping[str, tuple[str, ...]]) -> tuple[Flow, ...]:
    return tuple(replace(one, expected=became.get(one.name, one.expected)) for one in flows)


def _ids(lab: Lab, *steps: str) -> Mapping[str, str]:
    """Return the ids of the documents at some steps, by invoice number."""
    found: dict[str, str] = {}
    for step in steps:
        assert lab.edi(Stage(("documents", "--step", step, "--json"))) == 0, lab.said()
        found |= {one["number"]: one["id"] for one in json.loads(lab.said())}
    return found


def _all_flows(lab: Lab) -> Sequence[Mapping[str, str]]:
    """Return every flow as ``edi interchanges`` tells it."""
    assert lab.edi(Stage(("interchanges", "--json"))) == 0, lab.said()
    found: Sequence[Mapping[str, str]] = json.loads(lab.said())
    return found
