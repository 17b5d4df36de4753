"""What an operator reads of a run, and what nobody must ever read there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline import bootstrap

CANARY = "CANARI-7f3a91"


def an_invoice(samples: Any, number: str, buyer: Any = None) -> bytes:
    """Write a small sound UBL invoice."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    written: bytes = samples.to_ubl(samples.billed_to(model, buyer or samples.VILLE, number))
    return written


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def started(world: Any, *arguments: str) -> subprocess.Popen[str]:
    """Start a verb and go on."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", str(Path(sys.executable).parent / "edi"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDI_HOME": str(world.home), "COLUMNS": "200"},
    )


def until(true: Callable[[], bool]) -> None:
    """Wait for something that is to happen soon."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_reads_as_a_story(world: Any, samples: ModuleType) -> None:
    """Who, when, what, which file, figures; and in the end who must act, with the command."""
    drop(world, "caterer", "bonne.xml", an_invoice(samples, "S1"))
    drop(world, "caterer", "sans-route.xml", an_invoice(samples, "S2", samples.COLLEGE))
    drop(world, "caterer", "vide.xml", b"")
    assert world.edi("run", "--once").code == 0
    assert world.edi("run", "--once").code == 0  # has nothing to tell

    story = world.edi("log")

    assert story.code == 0, story.err
    (held,) = world.edi("documents", "--step", "held", "--json").json
    flows = {one["name"]: one["id"] for one in world.edi("interchanges", "--json").json}
    ordered = [
        r"^Passage / run \d{8}T\d{6}Z-[0-9A-F]{4}$",
        r"^  pull:caterer, créneau / slot [-\d]+ [:\d]+ UTC : done ; taken 3, waiting 0",
        r"^[:\d]{8}   caterer : 3 fichier\(s\) à prendre, 0 en attente / files ready",
        rf"^[:\d]{{8}}   bonne.xml reçu de caterer, \d+ octets \[{flows['bonne.xml']}\] / rec",
        rf"^[:\d]{{8}}   bonne.xml \[{flows['bonne.xml']}\] : décidé, 1 document\(s\) : 1 accepté",
        rf"^[:\d]{{8}} ✗ sans-route.xml \[{flows['sans-route.xml']}\] : décidé, .*: 1 held$",
        r"^[:\d]{8}   fin du passage : 3 flux traité\(s\), \d+ envoi\(s\) tenté\(s\) / end",
        r"^Fichiers / files : 3 reçu\(s\) / received, 1 refusé\(s\) / refused, 0 déjà",
        r"^Documents : 2 ; 1 accepté\(s\) / accepted, 0 refusé.*, 1 suspendu\(s\) / held$",
        r"^Envois / sent : 1 remise / delivery, 6 réponse / answer, 0 avis / notice, .* ; 0 aband",
        r"^Incidents : 1 erreur\(s\) / errors, 0 avertissement\(s\) / warnings$",
        r"^À faire / to do :$",
        rf"^  edi release {held['id']}   \({held['id']} : NO_ROUTE",
    ]
    place = 0
    for pattern in ordered:
        match = re.compile(pattern, re.MULTILINE).search(story.out, place)
        assert match, f"{pattern}\n{story.out}"
        place = match.end()
    assert "vide.xml" in story.out


def test_a_run_is_named_by_the_beginning_of_its_id(world: Any, samples: ModuleType) -> None:
    """With or without ``run:``; what fits several runs, or none, is said."""
    drop(world, "caterer", "a.xml", an_invoice(samples, "N1"))
    world.edi("run", "--once")
    world.edi("run", "--once")
    first, second = dict.fromkeys(line["by"] for line in world.log() if "run" in line["by"])

    for given in (first, first.removeprefix("run:"), first[: len(first) - 1]):
        lines = [json.loads(line) for line in world.edi("log", given, "--json").out.splitlines()]
        assert lines == [line for line in world.log() if line["by"] == first]
    assert world.edi("log", second).out.startswith(f"Passage / run {second[4:]}")
    unknown = world.edi("log", "20200101")
    several = world.edi("log", first[4:12])
    assert (unknown.code, several.code) == (2, 2)
    assert "no such run" in unknown.err
    assert first[4:] in several.err.replace("\n", "")


def test_no_line_holds_what_is_in_an_invoice_or_opens_a_door(
    world: Any, samples: ModuleType
) -> None:
    """Whatever goes wrong: broken XML, broken rules, hostile names, refused logins."""
    # the number of an invoice is part of the name it is delivered under: no secret, and told
    sound = an_invoice(samples, "NUM-1").replace(b"</cbc:Name>", f" {CANARY}</cbc:Name>".encode())
    assert CANARY.encode() in sound
    for name, payload in {
        "bonne.xml": sound,
        "encore.xml": sound + b" ",
        "coupee.xml": f"<Invoice>{CANARY}".encode(),
        "inconnue.xml": f"<{CANARY}/>".encode(),
        "totaux.xml": re.sub(rb"(<cbc:TaxInclusiveAmount[^>]*>)[^<]+", rb"\g<1>7", sound),
        "schema.xml": sound.replace(b"<cbc:IssueDate>", f"<cbc:IssueDate>{CANARY}".encode()),
        "lot.tar.gz": samples.tar_gz({"dedans.xml": f"<a>{CANARY}</b>".encode()}),
    }.items():
        drop(world, "caterer", name, payload)
    secret = world.home / "keys" / "password"
    secret.write_text(CANARY, encoding="utf-8")
    secret.chmod(0o600)
    world.sheet("mot-de-passe", 'role = "sender"\nscanner = "none"\n')
    sheet = world.home / "config" / "connections" / "mot-de-passe.toml"
    text = sheet.read_text(encoding="utf-8")
    door = re.sub(r'key = "keys/mot-de-passe"', 'password = { file = "keys/password" }', text)
    sheet.write_text(door, encoding="utf-8")
    applied = world.edi("apply")
    assert applied.code == 0, applied.err

    ran = world.edi("run", "--once")

    assert ran.code == 1
    everything = "".join(
        path.read_text(encoding="utf-8") for path in (world.home / "logs").iterdir()
    )
    events = {line["event"] for line in world.log()}
    assert {"interchange.settled", "host.failed", "deliver.done", "run.done"} <= events
    levels = {(line["event"], line["level"]) for line in world.log()}
    assert ("host.failed", "error") in levels
    keys = [
        line
        for name in ("caterer", "ville-exemple")
        for line in (world.home / "keys" / name).read_text(encoding="ascii").splitlines()
    ]
    story = world.edi("log")
    assert CANARY not in everything + ran.out + ran.err + story.out
    assert not [line for line in keys if line in everything]


def test_a_run_is_followed_while_it_goes_on(world: Any, samples: ModuleType) -> None:
    """Its lines come as they are written; its end ends the story."""
    for number in range(5):
        drop(world, "caterer", f"{number}.xml", an_invoice(samples, f"L{number}"))
    with started(world, "run", "--once") as run:
        until(lambda: bool(world.log()))
        with started(world, "log", "--follow") as follower:
            out, err = follower.communicate(timeout=120)
        run.communicate(timeout=60)

    assert (follower.returncode, err) == (0, "")
    assert out.count(" reçu de caterer, ") == 5
    assert "fin du passage : 5 flux" in out
    assert out.index("fin du passage") < out.index("Fichiers / files : 5")


def test_who_follows_may_stop_at_any_time(world: Any) -> None:
    """Ctrl-C ends the story as it stands, without a traceback."""
    run = "run:20261124T023119Z-ABCD"
    line = {"event": "pull.listed", "connection": "caterer", "ready": 1, "waiting": 0, "by": run}
    moment = {"level": "info", "timestamp": "2026-11-24T02:31:20Z"}
    (world.home / "logs").mkdir(exist_ok=True)
    file = world.home / "logs" / "edi-2026-11-24.jsonl"
    file.write_text(json.dumps({**line, **moment}) + "\n", encoding="ascii")

    with bootstrap.alone(bootstrap.workspace(world.home)):
        follower = started(world, "log", run, "--follow")
        assert follower.stdout is not None
        shown = [follower.stdout.readline() for _ in range(2)]
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=60)

    assert shown[1].startswith("02:31:20   caterer : 1 fichier(s)")
    assert (follower.returncode, err) == (0, "")
    assert "Sans fin : tué, ou encore en cours" in out


def test_days_that_are_too_old_are_removed_when_a_run_starts(world: Any) -> None:
    """As ``keep_logs_days`` says; what else lies there is left alone."""
    settings = world.home / "config" / "pipeline.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"keep_logs_days = \d+", "keep_logs_days = 2", text))
    logs = world.home / "logs"
    for name in ("edi-2020-01-01.jsonl", "notes.txt"):
        (logs / name).touch()

    assert world.edi("run", "--once").code == 0

    left = sorted(path.name for path in logs.iterdir())
    assert len(left) == 2
    assert re.fullmatch(r"edi-\d{4}-\d\d-\d\d\.jsonl", left[0])
    assert left[1] == "notes.txt"
    assert (logs / left[0]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments", [("log",), ("log", "--follow")])
def test_a_workspace_without_a_run_says_so(edi: Any, arguments: tuple[str, ...]) -> None:
    """And does not wait for one."""
    assert edi("init").code == 0

    ran = edi(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert "aucun passage au journal / no run in the log" in ran.err
