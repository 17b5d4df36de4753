"""How long one sender waits for its answers while another has a backlog."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.entry.measure import numbered, recipients, tar_gz
from pipeline.ports.ledger import Query

#: Flows of the large sender, and invoices in each: a backlog that outlasts the measuring.
_FLOWS = 50
_FLOW = 200
#: Files of the small sender, one at a time.
_DROPS = 30
_BETWEEN_S = 0.5
#: How often both are looked at.
_EVERY_S = 10
_LIMIT_S = 300


def measure_fairness(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Measure a small sender's time from drop to answer, alone and beside a large one.

    `edi run` works on local folders, looked at every ten seconds. The small sender drops
    one invoice each half second; then the same again while 10,000 invoices of another
    sender wait. The backlog must outlast the measuring, else the figure says nothing.

    Returns:
        ``p95_ratio``, ``alone_p95_s``, ``beside_p95_s``, ``alone_p50_s``,
        ``beside_p50_s``, ``backlog`` (invoices), ``backlog_left`` (flows not opened yet at
        the end), ``drops``.
    """
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        home = Path(scratch)
        own = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", place.packs)
        _lay_out(own)
        files = numbered(_FLOWS * _FLOW + 2 * _DROPS + 1)
        with _running(own):
            _latencies(home, files, 1)  # the workers are warm from here on
            alone = _latencies(home, files, _DROPS)
            _drop_backlog(home, files)
            beside = _latencies(home, files, _DROPS)
            with bootstrap.reading(own) as ledger:
                left = len(ledger.interchanges(Query(steps=("received",), limit=_FLOWS)))
    return {
        "p95_ratio": round(_p95(beside) / _p95(alone), 2),
        "alone_p95_s": round(_p95(alone), 2),
        "beside_p95_s": round(_p95(beside), 2),
        "alone_p50_s": round(sorted(alone)[len(alone) // 2], 2),
        "beside_p50_s": round(sorted(beside)[len(beside) // 2], 2),
        "drops": _DROPS,
        "backlog": _FLOWS * _FLOW,
        "backlog_left": left,
        "every_s": _EVERY_S,
    }


def _lay_out(place: bootstrap.Workspace) -> None:
    bootstrap.initialise(place)
    sheets = place.config / "connections"
    for name, role in (("large", "sender"), ("small", "sender"), ("recipient", "receiver")):
        root = place.home / "partners" / name
        for folder in ("in", "out", "archive"):
            (root / folder).mkdir(parents=True)
        (sheets / f"{name}.toml").write_text(
            f'name = "{name}"\npartner = "{name}"\nrole = "{role}"\n'
            'scanner = "none"\nprofile = "en16931"\nenvelope = "tar.gz"\n'
            f'[door]\nprotocol = "local"\npath = "{root}"\n'
            "[completeness]\nstable_s = 0\n"
            f"{f'[schedule]{chr(10)}every_s = {_EVERY_S}' if role == 'sender' else ''}\n",
            encoding="utf-8",
        )
    directory = place.config / "directory"
    (directory / "routes.toml").write_text('[[route]]\nconnection = "recipient"\n')
    (directory / "structures.csv").write_text(recipients("recipient"))
    with bootstrap.open_hub(place, by="operator:bench") as hub:
        apply(hub, bootstrap.proposed_sheets(place))


@contextmanager
def _running(place: bootstrap.Workspace) -> Iterator[None]:
    """Let ``edi run`` work in a process of its own."""
    environment = {**os.environ, "EDI_HOME": str(place.home), "EDI_PACKS": str(place.packs)}
    environment.pop("EDI_DATABASE", None)
    command = [sys.executable, "-m", "pipeline", "run"]
    with subprocess.Popen(command, env=environment) as running:  # noqa: S603  # ourselves
        try:
            yield
        finally:
            running.terminate()
            running.wait(_LIMIT_S)


def _latencies(home: Path, files: Iterator[tuple[str, bytes]], count: int) -> list[float]:
    """Drop files one after the other; return how long each waited for its answer (s)."""
    root = home / "partners" / "small"
    dropped: dict[str, float] = {}
    answered: dict[str, float] = {}
    end = time.monotonic() + _LIMIT_S
    while len(answered) < count and time.monotonic() < end:
        due = min(dropped.values(), default=0) + len(dropped) * _BETWEEN_S
        if len(dropped) < count and time.monotonic() >= due:
            name, payload = next(files)
            _drop(root, name, payload)
            dropped[name] = time.monotonic()
        there = {path.name for path in (root / "out").iterdir()}
        for name in dropped.keys() - answered.keys():
            if any(one.startswith(name) and one.endswith(".ack.json") for one in there):
                answered[name] = time.monotonic()
        time.sleep(0.02)
    waits = [answered.get(name, end) - at for name, at in dropped.items()]
    for path in (root / "out").iterdir():
        path.unlink()
    return waits


def _drop_backlog(home: Path, files: Iterator[tuple[str, bytes]]) -> None:
    for flow in range(_FLOWS):
        payload = tar_gz([next(files) for _ in range(_FLOW)])
        _drop(home / "partners" / "large", f"{flow:03d}.tar.gz", payload)
    while next((home / "partners" / "large" / "in").iterdir(), None) is not None:
        time.sleep(0.05)  # what counts is what is in: the pull itself is another sender's


def _drop(root: Path, name: str, payload: bytes) -> None:
    partial = root / "in" / f".{name}"
    partial.write_bytes(payload)
    partial.rename(root / "in" / name)


def _p95(waits: list[float]) -> float:
    return sorted(waits)[max(0, round(len(waits) * 0.95) - 1)]
