"""A hub under continuous drops: memory, open files and disk must not grow (`make soak`).

``python soak.py --minutes 5`` starts `edi run` on a workspace of its own and lets a supplier
drop good invoices, lots, damaged and hostile files, several a second, while it watches the
process and its workers. It prints what it saw, and ends with 1 where a budget was exceeded,
or where a dropped file was not answered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "samples"))
#: The samples' makers, by path.
build: Any = import_module("build")

#: Time in which caches fill and workers start; what is there then is compared with the end.
WARM_UP_S = 60.0
#: Drops a second, and seconds between two looks.
RATE, LOOK_S = 4, 5.0
#: What may be more at the end than after the warm-up: megabytes of the hub's own process,
#: its open files; and what one worker may hold at all, in megabytes.
MORE_MB, MORE_FILES, WORKER_MB = 60, 10, 600

SHEET = """name = "{name}"
partner = "{name}"
role = "{role}"
{more}
[door]
protocol = "local"
path = "{folder}"
[completeness]
stable_s = 0
partial_wait_s = 0
[schedule]
every_s = 1
"""


@dataclass(frozen=True)
class Look:
    """What was seen of the hub at one moment.

    Attributes:
        at: Seconds since the start.
        own_mb: Resident memory of its own process.
        worker_mb: That of its largest worker.
        files: Open files of its own process.
        workers: How many workers there are.
    """

    at: float
    own_mb: float
    worker_mb: float
    files: int
    workers: int


def prepare(home: Path, folders: Path) -> None:
    """Make a workspace with a supplier and a recipient in local folders."""
    edi(home, "init")
    connections = home / "config" / "connections"
    for name, role, more in (
        ("caterer", "sender", 'scanner = "none"'),
        ("ville-exemple", "receiver", ""),
    ):
        for each in ("in", "out", "archive"):
            (folders / name / each).mkdir(parents=True)
        text = SHEET.format(name=name, role=role, more=more, folder=folders / name)
        (connections / f"{name}.toml").write_text(text, encoding="utf-8")
    directory = ROOT / "samples" / "directory"
    for table in ("structures.csv", "services.csv"):
        target = home / "config" / "directory" / table
        target.write_bytes((directory / table).read_bytes())
    routes = home / "config" / "directory" / "routes.toml"
    routes.write_text('[[route]]\nconnection = "ville-exemple"\n', encoding="utf-8")
    edi(home, "apply")


def edi(home: Path, *verb: str) -> str:
    """Run one verb and return what it printed."""
    command = [str(Path(sys.executable).parent / "edi"), *verb]
    environment = {**os.environ, "EDI_HOME": str(home)}
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield what the supplier drops, without end: most of it good."""
    hostile = [
        *(path.read_bytes() for path in sorted((ROOT / "samples" / "broken").iterdir())),
        *(path.read_bytes() for path in sorted((ROOT / "tests/fuzz/seeds").rglob("*"))
          if path.is_file()),
    ]  # fmt: skip
    model = build.BY_KEY["ubl-380-une-ligne"]

    def bill(number: str) -> bytes:
        payload: bytes = build.to_ubl(build.billed_to(model, build.VILLE, number))
        return payload

    for number in count(1):
        match number % 4:
            case 0:
                files = {f"{place}.xml": bill(f"S{number}-{place}") for place in range(5)}
                yield f"lot-{number}.tar.gz", build.tar_gz(files)
            case 1:
                # other bytes each time: the same would only be told to be there already
                yield f"hostile-{number}", hostile[number // 4 % len(hostile)] + b" " * number
            case _:
                yield f"facture-{number}.xml", bill(f"S{number}")


def look(pid: int, at: float) -> Look:
    """Look at a hub and its workers."""
    workers = [child for child in _children(pid) if _resident_mb(child) > 0]
    return Look(
        at=at,
        own_mb=_resident_mb(pid),
        worker_mb=max(map(_resident_mb, workers), default=0.0),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        workers=len(workers),
    )


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def soak(home: Path, folders: Path, seconds: float, say: Callable[[str], object]) -> list[str]:
    """Drop, watch, stop; return what exceeded its budget."""
    prepare(home, folders)
    command = [str(Path(sys.executable).parent / "edi"), "run"]
    environment = {**os.environ, "EDI_HOME": str(home)}
    inbox = folders / "caterer" / "in"
    seen: list[Look] = []
    dropped, source = 0, drops()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as hub:
        started = time.monotonic()
        while (at := time.monotonic() - started) < seconds and hub.poll() is None:
            for name, payload in (next(source) for _ in range(RATE)):
                (inbox / f".{name}").write_bytes(payload)
                (inbox / f".{name}").rename(inbox / name)
                dropped += 1
            if not seen or at - seen[-1].at >= LOOK_S:
                seen.append(look(hub.pid, at))
            time.sleep(max(0.0, dropped / RATE - (time.monotonic() - started)))
        alive = hub.poll() is None
        hub.send_signal(signal.SIGTERM)
        hub.wait(timeout=120)
    edi(home, "drain")
    return _told(home, folders, seen, dropped, alive=alive, say=say)


def _told(
    home: Path,
    folders: Path,
    seen: list[Look],
    dropped: int,
    *,
    alive: bool,
    say: Callable[[str], object],
) -> list[str]:
    """Print what was seen; return what exceeded its budget."""
    last = seen[-1]
    warm = next(one for one in seen if one.at >= min(WARM_UP_S, last.at / 2))
    answers = [path.read_bytes() for path in (folders / "caterer" / "out").glob("*.json")]
    answered = {json.loads(one)["interchange"]["name"] for one in answers}
    left = list((home / "spool").rglob("*"))
    log = sum(path.stat().st_size for path in (home / "logs").iterdir())
    say(f"{last.at:.0f} s, {dropped} files dropped, {len(answered)} answered")
    for name, one in (("first", seen[0]), ("warm", warm), ("last", last)):
        say(
            f"{name}: at {one.at:.0f} s {one.own_mb:.0f} MB, {one.files} open files, "
            f"{one.workers} workers, the largest {one.worker_mb:.0f} MB"
        )
    say(f"scratch space: {len(left)} entries left; logs: {log / 1000:.0f} kB")
    say(edi(home, "verify").strip().splitlines()[-1])
    return [
        words
        for exceeded, words in (
            (not alive, "the hub ended by itself"),
            (len(answered) < dropped, f"{dropped - len(answered)} files were not answered"),
            (last.own_mb - warm.own_mb > MORE_MB, "the hub grew"),
            (last.files - warm.files > MORE_FILES, "open files grew"),
            (max(one.worker_mb for one in seen) > WORKER_MB, "a worker grew"),
            (bool(left), "scratch space was not emptied"),
        )
        if exceeded
    ]


def main(arguments: list[str]) -> int:
    """Run as the docstring of this file says; return the exit code."""
    minutes = float(arguments[arguments.index("--minutes") + 1])
    with tempfile.TemporaryDirectory(prefix="edi-soak-") as folder:
        place = Path(folder)

        def say(line: str) -> None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

        exceeded = soak(place / "var", place / "folders", minutes * 60, say)
        for words in exceeded:
            say(f"! {words}")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
