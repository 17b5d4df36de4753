"""A run that is killed anywhere loses nothing and does nothing twice."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

KILLS = 20
_MOST_TRIALS = 60


@pytest.mark.slow
def test_a_run_killed_at_any_moment_loses_nothing_and_repeats_nothing(
    world: Any, samples: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty seeded ``kill -9``, each between the first listing and the last mark."""
    files, wanted = _flows(samples)
    span = _undisturbed(world, files, wanted)
    dice = random.Random(20261123)
    counted = trials = 0
    while counted < KILLS and trials < _MOST_TRIALS:
        trials += 1
        world.clear()
        _drop(world, files)
        if _killed_in_between(world, dice.uniform(0.0, span)):
            counted += 1
            _check_after_restart(world, files, wanted)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{counted} kills between the first listing and the last mark, {trials} trials\n"
        )
    assert counted == KILLS


def _flows(samples: ModuleType) -> tuple[dict[str, bytes], dict[str, Counter[bytes]]]:
    """Return files to drop, and the documents each recipient must find."""
    wanted: dict[str, Counter[bytes]] = {"ville-exemple": Counter(), "hopital-exemple": Counter()}
    files: dict[str, bytes] = {}
    for flow in range(1, 13):
        members = {}
        for place in range(1 if flow > 4 else 20):
            name, buyer = (
                ("ville-exemple", samples.VILLE)
                if place % 2
                else ("hopital-exemple", samples.HOPITAL)
            )
            model = samples.BY_KEY[samples.MENU[place % len(samples.MENU)]]
            payload = samples.to_ubl(
                samples.as_historical(samples.billed_to(model, buyer, f"K{flow:02d}-{place:03d}"))
            )
            members[f"{place}.xml"] = payload
            wanted[name][payload] += 1
        packed = samples.tar_gz(members) if flow <= 4 else next(iter(members.values()))
        files[f"FSO1100A_SUP001_SUP0011100{flow:015d}"] = packed
    return files, wanted


def _drop(world: Any, files: dict[str, bytes]) -> None:
    for name, payload in files.items():
        (world.folders["supplier"] / "in" / name).write_bytes(payload)


def _undisturbed(world: Any, files: dict[str, bytes], wanted: dict[str, Counter[bytes]]) -> float:
    """Run once without a kill; return the seconds from the listing to the end."""
    _drop(world, files)
    ran = world.edi("run", "--once")
    assert ran.code == 0, ran.err
    _check(world, files, wanted)
    log = world.log()
    start = next(line["timestamp"] for line in log if line["event"] == "pull.listed")
    end = next(line["timestamp"] for line in log if line["event"] == "run.done")
    return _seconds(end) - _seconds(start)


def _seconds(moment: str) -> float:
    clock = moment.partition("T")[2].rstrip("Z").split(":")
    return int(clock[0]) * 3600 + int(clock[1]) * 60 + float(clock[2])


def _killed_in_between(world: Any, delay: float) -> bool:
    """Kill a run `delay` seconds after its first listing; tell whether it was still at work."""
    command = [str(Path(sys.executable).parent / "edi"), "run", "--once"]
    environment = {**os.environ, "EDI_HOME": str(world.home)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        while not _logged(world, "pull.listed") and run.poll() is None:
            time.sleep(0.005)
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        run.wait()
    return run.returncode == -signal.SIGKILL and not _logged(world, "run.done")


def _logged(world: Any, event: str) -> bool:
    days = (world.home / "logs").glob("edi-*.jsonl")
    return any(f'"{event}"' in path.read_text(encoding="utf-8") for path in days)


def _check_after_restart(
    world: Any, files: dict[str, bytes], wanted: dict[str, Counter[bytes]]
) -> None:
    ran = world.edi("run", "--once")
    assert ran.code == 0, ran.err
    _check(world, files, wanted)
    verified = world.edi("verify")
    assert verified.code == 0, verified.err


def _check(world: Any, files: dict[str, bytes], wanted: dict[str, Counter[bytes]]) -> None:
    """Hold the partners' folders, and nothing else, against what was dropped."""
    assert list((world.folders["supplier"] / "in").iterdir()) == []
    for recipient, documents in wanted.items():
        assert Counter(_documents(world.out(recipient))) == documents
    answers = world.out("supplier")
    assert len(answers) == len(files)
    for name in files:
        taken = [
            p.name for p in (world.folders["supplier"] / "archive").iterdir() if name in p.name
        ]
        assert len(taken) == 1, name


def _documents(found: dict[str, bytes]) -> list[bytes]:
    documents: list[bytes] = []
    for name, payload in found.items():
        if name.endswith(".xml"):
            documents.append(payload)
            continue
        with tarfile.open(fileobj=io.BytesIO(payload), mode="r:gz") as lot:
            for member in lot:
                content = lot.extractfile(member)
                assert content is not None
                documents.append(content.read())
    return documents
