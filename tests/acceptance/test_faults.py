"""Leader and worker on PostgreSQL, both killed, the database too: the witness finds no fault."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from tests.crash.checker import check
from tests.crash.observer import History

KILLS = 8
LEASE_S = 2.0


class Site:
    """The settled workspace on PostgreSQL, its processes, and who watches the partners."""

    def __init__(self, world: Any, url: str, folder: Path, samples: ModuleType) -> None:
        self.world, self._url, self._samples = world, url, samples
        self._environment = {**os.environ, "EDI_HOME": str(world.home), "EDI_DATABASE": url}
        settings = world.home / "config" / "pipeline.toml"
        settings.write_text(f"lease_s = {LEASE_S}\nevery_s = 1\n", encoding="utf-8")
        assert world.edi("init", EDI_DATABASE=url).code == 0
        assert world.edi("apply", EDI_DATABASE=url).code == 0
        self.folder = folder
        self.history = History(folder, world.folders)
        self._dropped = 0

    def start(self, *verb: str) -> subprocess.Popen[bytes]:
        """Start ``edi run`` or ``edi work`` as a service would."""
        command = [str(Path(sys.executable).parent / "edi"), *verb]
        with (self.folder / "processes.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def drop(self) -> None:
        """Leave three files: an invoice, an archive of two, one that is spoilt."""
        made, model = self._samples, self._samples.BY_KEY["ubl-380-une-ligne"]

        def xml(buyer: Any) -> bytes:
            self._dropped += 1
            written: bytes = made.to_ubl(made.billed_to(model, buyer, f"K{self._dropped:03d}"))
            return written

        number = self._dropped
        self.history.drop("caterer", f"{number}-a.xml", xml(made.VILLE))
        pair = {"1.xml": xml(made.HOPITAL), "2.xml": xml(made.VILLE)}
        self.history.drop("caterer", f"{number}-b.tar.gz", made.tar_gz(pair))
        self.history.drop("caterer", f"{number}-c.xml", made.without_issue_date(xml(made.VILLE)))

    def left(self) -> list[Any]:
        """Return what is not taken, not decided on or not sent."""
        waiting: list[Any] = list((self.world.folders["caterer"] / "in").iterdir())
        with psycopg.connect(self._url) as server:
            waiting += server.execute(
                "SELECT name, step, reason, lease_owner, lease_until FROM interchange"
                " WHERE step NOT IN ('closed', 'refused')"
            ).fetchall()
            waiting += server.execute(
                "SELECT name, state, attempts, error, due FROM outbox WHERE state <> 'sent'"
            ).fetchall()
        return waiting

    def check(self, rounds: int) -> None:
        """Hold what everybody saw against the promise, and the record against itself."""
        verdict = check(self.folder)
        assert verdict.violations == []
        assert verdict.counts == {"delivered": 3 * rounds, "refused": rounds}
        verified = self.world.edi("verify", EDI_DATABASE=self._url)
        assert verified.code == 0, verified.out + verified.err


def until_nothing(left: Callable[[], list[Any]], seconds: float = 120) -> None:
    """Wait until nothing is left."""
    end = time.monotonic() + seconds
    while found := left():
        assert time.monotonic() < end, found
        time.sleep(0.5)


@contextmanager
def at_work(site: Site) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Have a leader and a worker at work; whoever stands in the mapping is ended at last."""
    running = {verb: site.start(verb) for verb in ("run", "work")}
    try:
        yield running
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.slow
def test_leader_and_worker_may_be_killed_at_any_moment(
    world: Any, postgresql_url: str, samples: ModuleType, tmp_path: Path
) -> None:
    """Alone or both at once, again and again, while files keep coming."""
    site = Site(world, postgresql_url, tmp_path / "history", samples)
    dice = random.Random(20261127)
    with site.history.watching(), at_work(site) as running:
        until_nothing(lambda: _still_to_start(world))
        for _ in range(KILLS):
            site.drop()
            time.sleep(dice.uniform(0.5, 3.0))
            victims = dice.choice([("run",), ("work",), ("run", "work"), ("run", "work")])
            for verb in victims:
                running[verb].send_signal(signal.SIGKILL)
            for verb in victims:
                running[verb].wait()
                running[verb] = site.start(verb)
        until_nothing(site.left)
    site.check(KILLS)


@pytest.mark.slow
def test_leader_and_worker_outlive_their_database(
    world: Any, postgres: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """It is restarted as by a power cut: they wait, go on, and never end."""
    site = Site(world, postgres.database(), tmp_path / "history", samples)
    dice = random.Random(20261128)
    with site.history.watching(), at_work(site) as running:
        until_nothing(lambda: _still_to_start(world))
        for _ in range(4):
            site.drop()
            time.sleep(dice.uniform(0.5, 2.5))
            postgres.stop()
            time.sleep(dice.uniform(0.0, 2.0))
            postgres.start()
        until_nothing(site.left)
        assert [process.poll() for process in running.values()] == [None, None]
    site.check(4)


def _still_to_start(world: Any) -> list[str]:
    """Return the leader, until it has looked at a folder."""
    return [] if any(line["event"] == "pull.listed" for line in world.log()) else ["edi run"]
