"""An operator's verbs on accepted and held flows, by the installed command and real SFTP."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.app import pausing
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.replay import Stage, replay
from pipeline.app.pull import pull
from pipeline.app.run import run_once
from pipeline.model.decision import Verdict
from pipeline.model.directory import Route
from pipeline.ports.ledger import Query, Sheets

WHY = Order("nouvelles règles")


def an_invoice(
    samples: Any, number: str, buyer: Any = None, model: str = "ubl-380-une-ligne"
) -> Any:
    """Write a small sound UBL invoice."""
    model = samples.BY_KEY[model]
    return samples.to_ubl(samples.billed_to(model, buyer or samples.VILLE, number))


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def run(world: Any, **environment: str) -> Any:
    """Do one pass."""
    ran = world.edi("run", "--once", "--json", **environment)
    assert "Traceback" not in ran.err, ran.err
    return ran


def only(world: Any, *arguments: str, **environment: str) -> Any:
    """Return the only row that a listing has."""
    (row,) = world.edi(*arguments, "--json", **environment).json
    return row


def undelivered(world: Any, **environment: str) -> None:
    """Have flows judged while nothing is delivered to the city."""
    assert world.edi("pause", "--partner", "ville-exemple", **environment).code == 0
    run(world, **environment)
    assert world.edi("resume", "--partner", "ville-exemple", **environment).code == 0


def answers(world: Any, partner: str, end: str) -> list[dict[str, Any]]:
    """Return the JSON answers of one kind that a supplier finds, by name."""
    return [json.loads(p) for n, p in sorted(world.out(partner).items()) if n.endswith(end)]


def events(world: Any, subject: str, **environment: str) -> list[str]:
    """Return what happened to something, in order."""
    shown = world.edi("show", subject, "--json", **environment)
    return [one["what"] for one in shown.json["events"]]


@pytest.mark.slow
def test_a_delivery_that_is_held_back_waits_until_it_is_let_go(
    world: Any, samples: ModuleType
) -> None:
    """A hold is ours: the supplier's answer stands as it was given, and nothing leaves."""
    payload = an_invoice(samples, "H1")
    drop(world, "caterer", "h1.xml", payload)
    undelivered(world)
    document = only(world, "documents")
    given = world.out("caterer")

    held = world.edi("hold", document["id"], "--reason", "montant à vérifier")
    run(world)

    assert held.code == 0, held.err
    assert world.out("ville-exemple") == {}
    assert world.out("caterer") == given
    assert only(world, "documents")["step"] == "routed"
    why = only(world, "why", document["id"])
    assert (why["code"], why["who"]) == ("OPERATOR_HOLD", "operator")
    assert why["command"] == f"edi release {document['id']}"
    assert "repart" in why["preview"], "the command was run dry"
    again = world.edi("hold", document["id"], "--reason", "encore")
    assert again.code == 0, "a second click has nothing to do"
    assert "rien à faire" in again.out
    assert world.edi("status").code == 1, "somebody has to let it go"

    assert world.edi("release", document["id"]).code == 0
    run(world)

    assert list(world.out("ville-exemple").values()) == [payload]
    assert world.edi("hold", document["id"], "--reason", "trop tard").code == 2
    assert world.edi("verify").code == 0
    assert events(world, document["id"]).count("operator.hold") == 3


def test_a_flow_is_held_before_anybody_judged_it(world: Any, samples: ModuleType) -> None:
    """Its sender gets the interim notice of any held flow, without the operator's words."""
    drop(world, "caterer", "h2.xml", an_invoice(samples, "H2"))
    received = _received_but_not_judged(world)

    assert world.edi("hold", received, "--reason", "soupçon").code == 0
    run(world)

    (notice,) = answers(world, "caterer", "held.json")
    assert (notice["outcome"], notice["final"]) == ("held", False)
    assert [one["code"] for one in notice["reasons"]] == ["OPERATOR_HOLD"]
    assert "soupçon" not in json.dumps(notice, ensure_ascii=False)
    assert world.edi("release", received).code == 0
    run(world)
    assert len(world.out("ville-exemple")) == 1
    assert world.edi("verify").code == 0


@pytest.mark.slow
def test_a_list_is_planned_by_one_operator_and_carried_out_by_another(
    world: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """What was looked at is what is done; a reader of the file sees the same items."""
    for number in ("L1", "L2"):
        drop(world, "caterer", f"{number}.xml", an_invoice(samples, number))
    undelivered(world)
    asked = ("withdraw", "--partner", "caterer", "--step", "routed", "--reason", "émis deux fois")
    file = tmp_path / "liste.csv"

    planned = world.edi(*asked, "--plan", str(file), "--json").json
    drop(world, "caterer", "L3.xml", an_invoice(samples, "L3"))
    undelivered(world)
    wrong = world.edi("reject", "--list", planned["list"])
    both = world.edi("withdraw", "F0", "--partner", "caterer", "--reason", "x")
    done = world.edi("withdraw", "--list", planned["list"], "--json")
    again = world.edi("withdraw", "--list", planned["list"], "--json")
    run(world)

    assert (planned["count"], len(planned["sums"]), planned["states"]) == (2, 1, {"to do": 2})
    assert all(one["id"] in file.read_text(encoding="utf-8") for one in planned["items"])
    assert (wrong.code, both.code) == (2, 2)
    assert (done.code, done.json["states"]) == (0, {"done": 2})
    assert (again.code, again.json["states"]) == (0, {"done": 2})
    assert [b"L3" in one for one in world.out("ville-exemple").values()] == [True]
    told = answers(world, "caterer", ".ack2.json")
    assert [one["outcome"] for one in told] == ["rejected", "rejected"]
    assert [one["list"] for one in world.edi("lists", "--json").json] == [planned["list"]]
    assert world.edi("verify").code == 0


@pytest.mark.slow
def test_a_person_at_a_terminal_is_shown_the_list_and_asked(
    world: Any, samples: ModuleType
) -> None:
    """No is no; yes carries out exactly what was shown."""
    drop(world, "caterer", "A1.xml", an_invoice(samples, "A1"))
    undelivered(world)
    asked = ("withdraw", "--partner", "caterer", "--reason", "émis deux fois")

    no = _at_a_terminal(world, b"n\n", *asked)
    standing = only(world, "documents")["step"]
    yes = _at_a_terminal(world, b"y\n", *asked)

    assert "1 élément(s)" in no
    assert "nothing is done" in no
    assert (standing, only(world, "documents")["step"]) == ("routed", "rejected")
    assert "1 done" in yes


def _at_a_terminal(world: Any, typed: bytes, *arguments: str) -> str:
    """Run a command as a person does, who types something; return what the screen showed."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).parent / "edi"), *arguments]
    environment = {**os.environ, "EDI_HOME": str(world.home)}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as running:
        os.close(theirs)
        os.write(ours, typed)
        shown = bytearray()
        with suppress(OSError):  # how a terminal says that the other side is gone
            while part := os.read(ours, 4096):
                shown += part
        running.wait(timeout=60)
    os.close(ours)
    return shown.decode()


def _received_but_not_judged(world: Any) -> str:
    """Record a flow as the intake does, and end before it is judged; return its id."""
    with bootstrap.open_hub(bootstrap.workspace(world.home), by="run:test") as hub:
        pull(hub, hub.ledger.sheets().connections["caterer"])
        (flow,) = hub.ledger.interchanges(Query(steps=("received",)))
        return flow.id


# -- replay


@contextmanager
def a_hub(world: Any) -> Iterator[Hub]:
    """Open a hub on the workspace, in this process."""
    with bootstrap.open_hub(bootstrap.workspace(world.home), by="operator:ada") as hub:
        yield hub


def judged_not_delivered(hub: Hub) -> None:
    """Pull and judge what was dropped; nothing leaves for the city."""
    pausing.pause(hub, "ville-exemple", "essai")
    run_once(hub, insist=False)
    pausing.resume(hub, "ville-exemple")


def with_french_rules(sheets: Sheets) -> Sheets:
    """Hold the caterer's documents against the French rules from now on."""
    strict = replace(sheets.connections["caterer"], profile="fr-b2b")
    return Sheets({**sheets.connections, "caterer": strict}, sheets.directory)


def with_a_route(sheets: Sheets, samples: Any) -> Sheets:
    """Route what the college is billed to the city."""
    route = Route(connection="ville-exemple", buyer_siret=samples.COLLEGE.siret)
    directory = replace(sheets.directory, routes=(route, *sheets.directory.routes))
    return Sheets(sheets.connections, directory)


def test_a_replay_shows_which_verdicts_would_change_and_changes_none(
    world: Any, samples: ModuleType
) -> None:
    """An accepted invoice stays accepted, with the report it was accepted on."""
    foreign = an_invoice(samples, "R1", model="ubl-380-taux-zero")
    drop(world, "caterer", "r1.xml", foreign)
    with a_hub(world) as hub:
        judged_not_delivered(hub)
        (document,) = hub.ledger.documents(Query())
        report, rows = hub.ledger.report(document.id), hub.ledger.outbox()
        events = hub.ledger.count_events()
        target, strict = find(hub, document.id), with_french_rules(hub.ledger.sheets())

        (same,) = replay(hub, hub.ledger.sheets(), target, Order(), dry=True).compared
        (shown,) = replay(hub, strict, target, Order(), dry=True).compared
        assert hub.ledger.count_events() == events, "a dry run writes nothing"
        for stage in (Stage.JUDGE, Stage.OPEN, Stage.DECIDE):
            assert not replay(hub, strict, target, WHY, stage).told.done

        assert (same.changes, same.appeared, same.note) == (False, (), "")
        assert (shown.before, shown.after) == (Verdict.ACCEPT, Verdict.REJECT)
        assert shown.codes == ("REJ_SEMAN",)
        assert any(rule.startswith("BR-FR-") for rule in shown.appeared)
        assert hub.ledger.document(document.id) == document
        assert (hub.ledger.report(document.id), hub.ledger.outbox()) == (report, rows)
        kept = [e.fact.data for e in hub.ledger.events(document.id) if "replay" in e.fact.what]
        assert [one["from"] for one in kept] == ["judge", "open", "decide"]
        assert (kept[0]["before"], kept[0]["after"]) == ("accept", "reject")
        assert kept[2]["after"] == "accept", "from 'decide' the stored report speaks"


def test_a_replay_settles_what_is_held_and_never_makes_a_second_copy(
    world: Any, samples: ModuleType
) -> None:
    """Held for want of a route: once there is one, a replay lets it go, under one name."""
    drop(world, "caterer", "r2.xml", an_invoice(samples, "R2", samples.COLLEGE))
    with a_hub(world) as hub:
        judged_not_delivered(hub)
        (document,) = hub.ledger.documents(Query())
        target, routed = find(hub, document.id), with_a_route(hub.ledger.sheets(), samples)

        (decided,) = replay(hub, routed, target, WHY, Stage.DECIDE).compared
        standing = hub.ledger.document(document.id)
        first = replay(hub, routed, target, WHY)
        rows = hub.ledger.outbox(document=document.id)
        second = replay(hub, routed, target, WHY)

        assert (decided.before, decided.after) == (Verdict.HOLD, Verdict.ACCEPT)
        assert standing == document, "nothing is let go without being judged"
        assert (len(first.told.done), len(second.told.done)) == (1, 0)
        assert [one.step.value for one in first.told.documents] == ["routed"]
        assert [(row.generation, row.state.value) for row in rows] == [(1, "pending")]
        assert hub.ledger.outbox(document=document.id) == rows


def test_a_replay_from_the_original_tells_a_flow_that_cannot_be_opened(
    world: Any, samples: ModuleType
) -> None:
    """A refused flow stays refused; what it would be now is shown."""
    drop(world, "caterer", "r3.tar.gz", b"\x1f\x8b" + bytes(40))
    drop(world, "caterer", "r4.xml", samples.without_issue_date(an_invoice(samples, "R4")))
    with a_hub(world) as hub:
        judged_not_delivered(hub)
        flows = {one.name: one for one in hub.ledger.interchanges(Query())}
        sheets = hub.ledger.sheets()

        (unopened,) = replay(
            hub, sheets, find(hub, flows["r3.tar.gz"].id), WHY, Stage.OPEN
        ).compared
        (broken,) = replay(hub, sheets, find(hub, flows["r4.xml"].id), WHY).compared

        assert (unopened.changes, unopened.codes) == (False, (flows["r3.tar.gz"].reason,))
        assert (broken.before, broken.after) == (Verdict.REJECT, Verdict.REJECT)
        assert {one.name: one for one in hub.ledger.interchanges(Query())} == flows


# -- two operators


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_operators_who_release_at_once_have_one_effect(
    world: Any, samples: ModuleType, request: pytest.FixtureRequest, database: str
) -> None:
    """Two processes, one delivery, one final answer, two entries in the record."""
    environment: dict[str, str] = {}
    if database == "postgresql":
        environment = {"EDI_DATABASE": request.getfixturevalue("postgresql_url")}
        assert world.edi("init", **environment).code == 0
        assert world.edi("apply", **environment).code == 0
    payload = an_invoice(samples, "T1", samples.COLLEGE)
    drop(world, "caterer", "t1.xml", payload)
    world.edi("run", "--once", **environment)
    (held,) = world.edi("documents", "--step", "held", "--json", **environment).json
    routes = world.home / "config" / "directory" / "routes.toml"
    extra = f'\n[[route]]\nconnection = "ville-exemple"\nbuyer_siret = "{samples.COLLEGE.siret}"\n'
    routes.write_text(routes.read_text(encoding="utf-8") + extra, encoding="utf-8")
    assert world.edi("apply", **environment).code == 0

    both = [_start(world, environment, "release", held["id"], "--json") for _ in range(2)]
    ends = [(one.communicate(timeout=120), one.returncode) for one in both]

    assert [code for _, code in ends] == [0, 0], ends
    did = sorted(len(json.loads(out)["done"]) for (out, _), _ in ends)
    assert did == [0, 1]
    world.edi("run", "--once", **environment)
    assert list(world.out("ville-exemple").values()) == [payload]
    assert len([name for name in world.out("caterer") if name.endswith("ack.json")]) == 1
    shown = world.edi("show", held["id"], "--json", **environment).json
    assert [one["what"] for one in shown["events"]].count("operator.release") == 2
    assert world.edi("verify", **environment).code == 0


def _start(world: Any, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command in the workspace, and do not wait for its end."""
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "edi"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "EDI_HOME": str(world.home), **environment},
    )
