"""The clock at work: slots, catch-up, pauses and draining, by the installed command."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

RECEIVER = 'role = "receiver"\nenvelope = "single"\n'
SENDER = 'role = "sender"\nscanner = "none"\n'
EACH_SECOND = "\n[schedule]\nevery_s = 1\n"


def an_invoice(samples: Any, number: str) -> Any:
    """Write a small sound invoice to the town."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return samples.to_ubl(samples.billed_to(model, samples.VILLE, number))


def drop(world: Any, name: str, payload: bytes) -> None:
    """Leave a file as the caterer does: whole at once."""
    inbox = world.folders["caterer"] / "in"
    (inbox / f".{name}.tmp").write_bytes(payload)
    (inbox / f".{name}.tmp").rename(inbox / name)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


@contextmanager
def started(home: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``edi`` as from a terminal, and leave nothing of it behind."""
    # tests that run in the background have interrupts ignored, and would pass that on
    terminal = ("env", "--default-signal=INT")
    with subprocess.Popen(
        [*terminal, str(Path(sys.executable).parent / "edi"), *arguments],
        env={**os.environ, "EDI_HOME": str(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def scheduler(world: Any, **environment: str) -> Iterator[None]:
    """Let ``edi run`` work beside the test, and end it in an orderly way."""
    with started(world.home, "run", **environment) as running:
        yield
        running.terminate()
        _, err = running.communicate(timeout=60)
        assert (running.returncode, err.decode()) == (0, "")


def runs(world: Any, job: str = "pull:caterer") -> list[dict[str, Any]]:
    """Return the passes of a job, newest first."""
    found: list[dict[str, Any]] = world.edi("runs", "--job", job, "--json").json
    return found


def passed(world: Any, count: int) -> bool:
    """Tell whether so many passes of the caterer are done."""
    return [one["state"] for one in runs(world)].count("done") >= count


def make_older(world: Any, by: timedelta) -> None:
    """Move every slot back, as if the hub had been down since."""
    with closing(sqlite3.connect(world.home / "ledger.sqlite")) as file, file:
        for job, slot in file.execute("SELECT job, slot FROM job_run").fetchall():
            older = (datetime.fromisoformat(slot) - by).isoformat(timespec="microseconds")
            assert len(older) == len(slot)
            file.execute("UPDATE job_run SET slot = ? WHERE job = ?", (older, job))


def test_files_are_worked_on_as_they_come(world: Any, samples: ModuleType) -> None:
    """Pass after pass, by the sheet's own interval, and each leaves its row."""
    world.sheet("caterer", SENDER + EACH_SECOND)
    assert world.edi("apply").code == 0

    with scheduler(world):
        for number in range(3):
            drop(world, f"{number}.xml", an_invoice(samples, f"W{number}"))
            until(lambda count=number + 1: len(world.out("ville-exemple")) == count)  # type: ignore[misc]  # an int

    found = runs(world)
    slots = [one["slot"] for one in found]
    assert len(slots) == len(set(slots)) >= 3
    assert sum(one["summary"].get("taken", 0) for one in found) == 3
    assert world.edi("verify").code == 0


def test_a_sheet_applied_meanwhile_is_obeyed(world: Any, samples: ModuleType) -> None:
    """Nobody has to restart the hub for a new interval."""
    with scheduler(world):
        until(lambda: passed(world, 1))
        world.sheet("caterer", SENDER + EACH_SECOND)
        assert world.edi("apply").code == 0
        drop(world, "a.xml", an_invoice(samples, "M1"))

        until(lambda: len(world.out("ville-exemple")) == 1)


def test_three_missed_slots_are_caught_up_once(world: Any, samples: ModuleType) -> None:
    """After downtime there is one pass, which says so; each missed slot has its row."""
    world.sheet("caterer", SENDER + "\n[schedule]\nevery_s = 3600\n")
    assert world.edi("apply").code == 0
    with scheduler(world):
        until(lambda: passed(world, 1))
    make_older(world, timedelta(hours=4))
    before = {one["slot"] for one in runs(world)}
    drop(world, "a.xml", an_invoice(samples, "C1"))

    with scheduler(world):
        until(lambda: len(world.out("ville-exemple")) == 1)

    after = [one for one in runs(world) if one["slot"] not in before]
    assert [one["state"] for one in after].count("done") == 1
    assert [one["state"] for one in after].count("skipped") == 3
    (done,) = [one for one in after if one["state"] == "done"]
    assert "3 créneau(x)" in done["reason"]
    assert "catch-up of 3 slot(s)" in done["reason"]
    assert all("caught up by" in one["reason"] for one in after if one["state"] == "skipped")


def test_a_paused_partner_is_left_alone_until_resumed(world: Any, samples: ModuleType) -> None:
    """What they drop stays where it is; the row of each slot says why."""
    world.sheet("caterer", SENDER + EACH_SECOND)
    assert world.edi("apply").code == 0
    paused = world.edi("pause", "--partner", "caterer", "--reason", "migration")
    assert paused.code == 0
    drop(world, "a.xml", an_invoice(samples, "P1"))

    with scheduler(world):
        until(lambda: any(one["state"] == "skipped" for one in runs(world)))
        assert "migration" in runs(world)[0]["reason"]
        assert (world.folders["caterer"] / "in" / "a.xml").exists()
        assert world.edi("resume", "--partner", "caterer").code == 0
        until(lambda: len(world.out("ville-exemple")) == 1)

    assert world.edi("pause", "--partner", "nosuch").code == 2


def test_nothing_is_delivered_to_a_paused_partner(world: Any, samples: ModuleType) -> None:
    """The invoice waits in the outbox, whole and untried."""
    assert world.edi("pause", "--partner", "ville-exemple").code == 0
    drop(world, "a.xml", an_invoice(samples, "P2"))

    assert world.edi("run", "--once").code == 0
    assert world.out("ville-exemple") == {}
    assert [one["step"] for one in world.edi("documents", "--json").json] == ["routed"]

    assert world.edi("resume").code == 0
    assert world.edi("resume", "--partner", "ville-exemple").code == 0
    assert world.edi("run", "--once").code == 0
    assert len(world.out("ville-exemple")) == 1


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a running hub"])
def test_draining_takes_nothing_new_and_ends(
    world: Any, samples: ModuleType, *, beside: bool
) -> None:
    """Before an upgrade: what is in goes out, what comes stays with the supplier."""
    world.sheet("caterer", SENDER + EACH_SECOND)
    assert world.edi("apply").code == 0
    drop(world, "a.xml", an_invoice(samples, "D1"))
    assert world.edi("run", "--once").code == 0
    # what waits for a paused partner keeps nobody from draining
    assert world.edi("pause", "--partner", "hopital-exemple").code == 0
    model = samples.BY_KEY["ubl-380-une-ligne"]
    held_up = samples.to_ubl(samples.billed_to(model, samples.HOPITAL, "D0"))
    drop(world, "hospital.xml", held_up)
    assert world.edi("run", "--once").code == 0

    def drained() -> None:
        assert world.edi("drain").code == 0
        drop(world, "b.xml", an_invoice(samples, "D2"))
        time.sleep(2)
        assert (world.folders["caterer"] / "in" / "b.xml").exists()

    if beside:
        with scheduler(world):
            until(lambda: passed(world, 1))
            drained()
            assert world.edi("resume").code == 0
            until(lambda: len(world.out("ville-exemple")) == 2)
    else:
        drained()
        assert world.edi("run", "--once").code == 0
        assert len(world.out("ville-exemple")) == 1
        assert world.edi("resume").code == 0
        assert world.edi("run", "--once").code == 0
        assert len(world.out("ville-exemple")) == 2


def test_a_receiver_with_times_of_its_own_is_served_then(world: Any, samples: ModuleType) -> None:
    """Deliveries wait for the recipient's slot; the supplier's answer does not."""
    world.sheet("ville-exemple", RECEIVER + '\n[schedule]\nat = ["00:00"]\ntimezone = "UTC"\n')
    world.sheet("caterer", SENDER + EACH_SECOND)
    assert world.edi("apply").code == 0
    drop(world, "a.xml", an_invoice(samples, "T1"))

    with scheduler(world):
        until(lambda: any(name.endswith(".json") for name in world.out("caterer")))
        time.sleep(2)
        assert world.out("ville-exemple") == {}
    world.sheet("ville-exemple", RECEIVER + EACH_SECOND)
    assert world.edi("apply").code == 0

    with scheduler(world):
        until(lambda: len(world.out("ville-exemple")) == 1)
    passes = runs(world, "deliver:ville-exemple")
    assert sum(one["summary"].get("sent", 0) for one in passes) == 1


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_scheduler_ends_when_it_is_told_to(
    world: Any, samples: ModuleType, sign: signal.Signals
) -> None:
    """Ctrl-C, or a service manager's word: what is at work is finished, then it ends."""
    for number in range(40):
        drop(world, f"{number}.xml", an_invoice(samples, f"S{number}"))
    with started(world.home, "run") as running:
        until(world.log)
        running.send_signal(sign)
        _, err = running.communicate(timeout=60)

    assert (running.returncode, err.decode()) == (0, "")
    assert world.edi("documents", "--step", "held", "--json").json == []
    assert world.edi("verify").code == 0
    assert world.edi("run", "--once").code == 0
    assert len(world.out("ville-exemple")) == 40


def test_an_impatient_second_interrupt_holds_nobody(world: Any, samples: ModuleType) -> None:
    """What was not judged yet is judged by the next run: an end is no fault of a document."""
    for number in range(40):
        drop(world, f"{number}.xml", an_invoice(samples, f"I{number}"))
    with started(world.home, "run") as running:
        until(lambda: any(line["event"] == "interchange.received" for line in world.log()))
        for _ in range(2):
            running.send_signal(signal.SIGINT)
            time.sleep(0.3)
        running.communicate(timeout=60)

    assert world.edi("run", "--once").code == 0

    assert world.edi("interchanges", "--step", "held", "--json").json == []
    assert not [name for name in world.out("caterer") if ".held." in name]
    assert len(world.out("ville-exemple")) == 40


def test_a_second_scheduler_is_turned_away(world: Any) -> None:
    """Started by mistake on the same workspace, it says so and touches nothing."""
    with scheduler(world):
        until(lambda: passed(world, 1))

        second = world.edi("run", "--once")

    assert second.code == 2
    assert "another 'edi run' is running" in second.err


def test_a_second_machine_on_the_same_database_is_turned_away(
    world: Any, postgresql_url: str, tmp_path: Path
) -> None:
    """Two workspaces, one ledger: only one of them works at a time."""
    database = {"EDI_DATABASE": postgresql_url}
    assert world.edi("init", **database).code == 0
    assert world.edi("apply", **database).code == 0
    other = str(tmp_path / "other")
    assert world.edi("init", EDI_HOME=other, **database).code == 0

    with scheduler(world, **database):
        until(lambda: world.edi("runs", "--json", **database).json)
        second = world.edi("run", "--once", EDI_HOME=other, **database)

    assert second.code == 2
    assert "another hub is working on this database" in second.err
    assert world.edi("run", "--once", **database).code == 0


def test_status_calls_whoever_must_act(world: Any, samples: ModuleType) -> None:
    """Exit 0 while nothing waits for a person; else 1, with what to type."""
    assert world.edi("status").code == 0
    model = samples.BY_KEY["ubl-380-une-ligne"]
    drop(world, "a.xml", samples.to_ubl(samples.billed_to(model, samples.COLLEGE, "S1")))
    assert world.edi("run", "--once").code == 0

    told = world.edi("status", "--json")

    assert told.code == 1
    (held,) = world.edi("documents", "--json").json
    assert [(one["subject"], one["command"]) for one in told.json["to_do"]] == [
        (held["id"], f"edi why {held['id']}")
    ]
    assert told.json["running"] is False
    assert {one["job"] for one in told.json["next"]} == {"pull:caterer", "pull:supplier"}
    assert held["id"] in world.edi("status").out


def test_a_dead_server_shows_in_status_and_in_the_record(world: Any) -> None:
    """A pass that failed is a row with its reason, and somebody's business."""
    path = world.home / "config" / "connections" / "caterer.toml"
    path.write_text(path.read_text().replace(f"port = {world.port}", "port = 1"))
    assert world.edi("apply").code == 0

    assert world.edi("run", "--once").code == 1

    (failed,) = runs(world)
    assert (failed["state"], failed["summary"]) == ("failed", {})
    assert "CONNECT" in failed["reason"]
    told = world.edi("status", "--json")
    assert told.code == 1
    assert [one["subject"] for one in told.json["to_do"]] == ["caterer"]


def test_up_serves_local_folders_and_works(edi: Callable[..., Any], tmp_path: Path) -> None:
    """A newcomer's first minute: one command, folders to drop files into."""
    home = tmp_path / "var"
    assert edi("init").code == 0
    assert edi("up", "--port", "22022").code == 2  # no sheet leads there yet
    with started(home, "up", "--example", "--port", "22022") as running:
        until(lambda: edi("runs", "--json").json)
        assert (home / "sftp" / "papeterie" / "in").is_dir()
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=60)

    assert (running.returncode, err.decode()) == (0, "")
    assert "sftp -P 22022 papeterie@127.0.0.1" in out.decode()
