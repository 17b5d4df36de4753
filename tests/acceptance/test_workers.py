"""Several processes on one PostgreSQL ledger: shared work, dead, frozen and returning workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from pipeline import bootstrap
from pipeline.app.pull import pull
from pipeline.app.sessions import Sessions
from pipeline.app.work import Desk

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

LEASE_S = 3.0


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class Site:
    """The settled workspace on a PostgreSQL ledger, with a short lease."""

    def __init__(self, world: Any, url: str, patch: pytest.MonkeyPatch) -> None:
        self.world, self._url = world, url
        patch.setenv("EDI_DATABASE", url)
        patch.setenv("EDI_HOME", str(world.home))
        settings = world.home / "config" / "pipeline.toml"
        settings.write_text(f"lease_s = {LEASE_S}\nevery_s = 1\n", encoding="utf-8")
        assert world.edi("init").code == 0
        assert world.edi("apply").code == 0

    def drop(self, name: str, payload: bytes) -> None:
        """Leave a file as the caterer does."""
        (self.world.folders["caterer"] / "in" / name).write_bytes(payload)

    def take_in(self) -> int:
        """Record what was dropped as the leader would, and judge nothing."""
        place = bootstrap.workspace()
        with bootstrap.open_hub(place, by="run:intake") as hub:
            sheets = hub.ledger.sheets()
            connections = sheets.connections.values()
            with Sessions(hub.doors, hub.breaker, hub.clock, connections) as sessions:
                return pull(replace(hub, doors=sessions), sheets.connections["caterer"]).taken

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the ledger."""
        with psycopg.connect(self._url, autocommit=True) as server:
            return server.execute(statement.encode()).fetchall()

    def owners(self, table: str = "interchange") -> set[str]:
        """Return who holds something now."""
        rows = self.sql(f"SELECT DISTINCT lease_owner FROM {table} WHERE lease_owner IS NOT NULL")
        return {owner for (owner,) in rows}

    def is_stopped(self, running: subprocess.Popen[bytes], table: str) -> bool:
        """Stop a worker while it holds something, and stands in no transaction."""
        if not self.owners(table):
            return False
        running.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        (writing,) = self.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            " AND datname = current_database() AND backend_xid IS NOT NULL"
        )
        if self.owners(table) and not int(writing[0]):
            return True
        running.send_signal(signal.SIGCONT)
        return False

    def at_work(self) -> int:
        """Count the workers that the leader can see."""
        return int(
            self.sql(
                "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted"
                " AND locktype = 'advisory'"
            )[0][0]
        )

    def is_done(self) -> bool:
        """Tell whether everything was decided and sent."""
        open_, due = self.sql(
            "SELECT (SELECT count(*) FROM interchange WHERE step IN ('received', 'opened')),"
            " (SELECT count(*) FROM outbox WHERE state = 'pending')"
        )[0]
        return (open_, due) == (0, 0)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of one name."""
        return [line for line in self.world.log() if line["event"] == event]

    def check_once(self, files: dict[str, bytes], **environment: str) -> None:
        """Hold what the town found against what it was to get: each file once."""
        assert Counter(self.world.out("ville-exemple").values()) == Counter(files.values())
        sent = self.sql("SELECT count(*) FROM attempt WHERE error = '' AND sha256 <> ''")[0][0]
        assert sent == self.sql("SELECT count(*) FROM outbox WHERE state = 'sent'")[0][0]
        assert self.world.edi("verify", **environment).code == 0


@pytest.fixture
def site(world: Any, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give a site with nothing in hand."""
    return Site(world, postgresql_url, monkeypatch)


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``edi`` beside the test, and leave nothing of it behind."""
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "edi"), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGCONT)
                running.kill()


def worker(*arguments: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Start ``edi work``."""
    return started("work", *arguments)


def ended(running: subprocess.Popen[bytes]) -> None:
    """End a worker in an orderly way."""
    running.terminate()
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err.decode()) == (0, "")


def invoices(samples: Any, mark: str, count: int) -> dict[str, bytes]:
    """Write small sound invoices to the town, by name."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return {
        f"{mark}-{number:03d}.xml": samples.to_ubl(
            samples.billed_to(model, samples.VILLE, f"{mark}-{number}")
        )
        for number in range(count)
    }


def test_a_sqlite_ledger_has_one_process_at_work(world: Any) -> None:
    """Its one writer is `edi run`; whoever asks for more is told what it takes."""
    ran = world.edi("work", "--until-idle")

    assert ran.code == 2
    assert "a SQLite ledger has one writing process, 'edi run'" in ran.err


def test_two_workers_share_what_waits(site: Site, samples: ModuleType) -> None:
    """Each flow is judged once, each file put once, and both end when nothing is left."""
    files = invoices(samples, "S", 40)
    for name, payload in files.items():
        site.drop(name, payload)
    assert site.take_in() == len(files)

    with worker("--until-idle") as first, worker("--until-idle") as second:
        ends = [running.wait(timeout=120) for running in (first, second)]

    assert ends == [0, 0]
    assert site.is_done()
    site.check_once(files)


def test_a_worker_that_is_terminated_finishes_what_it_holds(
    site: Site, samples: ModuleType
) -> None:
    """Nothing is left claimed, so that nobody has to wait for a lease."""
    site.drop("lot.tar.gz", samples.tar_gz(invoices(samples, "T", 60)))
    site.take_in()

    with worker() as running:
        until(site.owners)
        ended(running)

    assert site.owners() == site.owners("outbox") == set()
    assert site.sql("SELECT step FROM interchange") != [("received",)]
    assert site.logged("work.fenced") == []


def test_a_repeated_flow_waits_until_the_first_one_is_decided_on(
    site: Site, samples: ModuleType
) -> None:
    """Another worker has the first one in hand: else both would be delivered."""
    (payload,) = invoices(samples, "R", 1).values()
    site.drop("first.xml", payload)
    site.take_in()
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by="run:other") as hub:
        now = hub.clock.now()
        until_ = now + timedelta(hours=1)
        ((_, claim),) = hub.ledger.claim_interchanges("run:elsewhere", now, until_, 1)
        site.drop("again.xml", payload)
        site.take_in()

        with Desk(hub, hub.ledger.sheets()) as desk:
            assert desk.step() == 1
        waiting = site.sql("SELECT name, step, lease_owner FROM interchange ORDER BY name DESC")
        hub.ledger.release_interchanges([claim])
        with Desk(hub, hub.ledger.sheets()) as desk:
            while desk.step():
                pass

    assert waiting == [("first.xml", "received", "run:elsewhere"), ("again.xml", "received", None)]
    ends = site.sql("SELECT name, step FROM interchange ORDER BY name DESC")
    assert ends == [("first.xml", "opened"), ("again.xml", "duplicate")]


def test_draining_waits_for_what_others_hold(site: Site, samples: ModuleType) -> None:
    """A worker that died beside it keeps its claim for a lease: then that is worked off here."""
    files = invoices(samples, "D", 1)
    site.drop("d.xml", files["D-000.xml"])
    site.take_in()
    with bootstrap.open_hub(bootstrap.workspace(), by="run:other") as hub:
        now = hub.clock.now()
        until_ = now + timedelta(seconds=LEASE_S + 5)
        assert hub.ledger.claim_interchanges("run:dead", now, until_, 1)
    with bootstrap.beside(bootstrap.workspace()):  # else the claims of the dead are ended at once
        drained = site.world.edi("drain")

    assert drained.code == 0, drained.err
    assert site.is_done()
    site.check_once(files)


def test_a_leader_that_lost_its_session_makes_way_for_the_next(
    site: Site, samples: ModuleType, tmp_path: Path
) -> None:
    """Its place went with its connection: another machine leads now, and each slot is run once."""
    other = str(tmp_path / "other")
    shutil.copytree(site.world.home, other)
    (payload,) = invoices(samples, "L", 1).values()

    with started("run") as first:
        until(lambda: site.sql("SELECT 1 FROM job_run"))
        until((site.world.home / "metrics" / "edi.prom").exists)
        first.send_signal(signal.SIGSTOP)
        ended_ = site.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
        )
        with started("run", EDI_HOME=other) as second:
            until(lambda: len(site.sql("SELECT DISTINCT run FROM job_run")) > 1)
            first.send_signal(signal.SIGCONT)
            _, err = first.communicate(timeout=60)
            site.drop("l.xml", payload)
            until(lambda: site.world.out("ville-exemple") and site.is_done())
            ended(second)

    assert ended_ == [(True,)]
    assert first.returncode == 2
    assert "another hub is working on this database" in err.decode()
    assert site.sql("SELECT count(*) FROM interchange") == [(1,)]
    metrics = (site.world.home / "metrics" / "edi.prom").read_text(encoding="utf-8")
    assert "edi_heartbeat_timestamp_seconds" in metrics
    site.check_once({"l.xml": payload}, EDI_HOME=other)


def test_what_a_killed_worker_held_is_done_by_another(
    site: Site, samples: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five hundred documents in hand: all done within the lease and thirty seconds."""
    files = invoices(samples, "K", 500)
    site.drop("lot.tar.gz", samples.tar_gz(files))

    with worker() as heir, worker() as victim:
        until(lambda: site.at_work() == 2)
        heir.send_signal(signal.SIGSTOP)  # so that it is the other one that claims
        site.take_in()
        until(site.owners)
        victim.kill()
        heir.send_signal(signal.SIGCONT)
        killed = time.monotonic()
        until(site.is_done, LEASE_S + 120)
        took = time.monotonic() - killed
        ended(heir)

    with capsys.disabled():
        sys.stdout.write(f"\n500 documents of a killed worker were done {took:.1f} s later\n")
    assert len(site.logged("work.taken_over")) == 1
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)  # by what else this machine does
    assert took < LEASE_S + 30 * max(1.0, busy)
    site.check_once(files)


@pytest.mark.parametrize("table", ["interchange", "outbox"], ids=["judging", "delivering"])
def test_a_worker_that_stood_still_for_longer_than_its_lease_is_fenced(
    site: Site, samples: ModuleType, table: str
) -> None:
    """Another one did its work meanwhile: it writes and sends nothing of that, and goes on."""
    files = invoices(samples, "F", 150)
    site.drop("lot.tar.gz", samples.tar_gz(files))

    with worker() as heir, worker() as frozen:
        until(lambda: site.at_work() == 2)
        heir.send_signal(signal.SIGSTOP)
        site.take_in()
        until(lambda: site.is_stopped(frozen, table))
        heir.send_signal(signal.SIGCONT)
        until(site.is_done, 120)
        heir.send_signal(signal.SIGSTOP)
        frozen.send_signal(signal.SIGCONT)
        until(lambda: site.logged("work.fenced"))
        more = invoices(samples, "G", 1)
        site.drop("more.xml", more["G-000.xml"])
        site.take_in()
        until(site.is_done)  # by the one that was fenced
        ended(frozen)

    site.check_once(files | more)
