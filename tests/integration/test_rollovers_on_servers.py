"""Keys give way to others without a file lost, on real OpenSSH servers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.expiry import look_after_ends
from pipeline.app.pausing import pause
from pipeline.app.rollover import Trial, stops, switch, try_out
from pipeline.app.run import run_once
from pipeline.model.connection import Connection, Successors
from pipeline.model.credential import CredentialKind, Turn
from pipeline.model.errors import ConfigError, HostKeyMismatch
from pipeline.model.standing import SheetState
from pipeline.ports.ledger import Sheets
from tests.authority import DAY, certify, generate
from tests.clocks import NOON
from tests.hubs import HOUR, World, invoice, opened

KEY, HOST_KEY = CredentialKind.KEY, CredentialKind.HOST_KEY
CURRENT, NEXT = Turn.CURRENT, Turn.NEXT
#: Works, for each thing that is tried.
Seen = dict[tuple[CredentialKind, Turn], bool | None]


@dataclass
class Partner:
    """A partner's server, whose keys can be changed while it runs, and ours for it.

    Attributes:
        server: A real ``sshd`` with one account.
        folder: Of its keys.
        spare: Public lines of further host keys.
    """

    server: Any
    folder: Path
    spare: dict[str, str]

    def trust(self, *keys: Path) -> None:
        """Let those in who have one of these keys, and nobody else."""
        lines = [bootstrap.generate_key(key) for key in keys]
        (self.folder / "authorized_keys").write_text("\n".join(lines) + "\n")

    def show(self, name: str) -> None:
        """Have the server show another host key from now on."""
        for ending in ("", ".pub"):
            key = self.folder / f"host_ed25519{ending}"
            key.write_bytes((self.folder / f"{name}{ending}").read_bytes())
        os.kill(self._pid(), signal.SIGHUP)
        _wait_until(lambda: self.log.count("Server listening on 127.0.0.1") > self._listened)
        self._listened += 1

    _listened: int = 1

    @property
    def log(self) -> str:
        """Return what the server wrote down."""
        text: str = self.server.log.read_text()
        return text

    def _pid(self) -> int:
        """Return the process that reads this server's configuration."""
        wanted = str(self.folder / "sshd_config").encode()
        for found in Path("/proc").glob("[0-9]*/cmdline"):
            title = b""
            with suppress(OSError):  # it may end at this moment
                title = found.read_bytes()
            if wanted in title and b"[listener]" in title:
                return int(found.parent.name)
        pytest.fail("no such server runs")


def _wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("the server does not listen again")


@pytest.fixture
def partner(start_sshd: Callable[..., Any]) -> Partner:
    """A server that nobody else uses."""
    server = start_sshd()
    folder = server.log.parent
    spare = {name: generate(folder / name) for name in ("second", "third")}
    generate(folder / "next_key")
    return Partner(server, folder, spare)


@pytest.fixture
def world(tmp_path: Path, partner: Partner) -> Iterator[World]:
    """A hub whose partners live on that server."""
    with opened(tmp_path, account=partner.server) as made:
        yield made


def propose(world: World, partner: Partner, name: str = "caterer", **more: Any) -> None:
    """Name what takes over on a sheet, and put that in force."""
    after = Successors(
        key=str(partner.folder / "next_key"), host_key=partner.spare["second"], **more
    )
    world.connections[name] = replace(world.connections[name], next=after)
    world.apply("ville", "hopital")


def sheet(world: World, name: str = "caterer") -> Connection:
    """Return a sheet in force."""
    return world.hub.ledger.sheets().connections[name]


def seen(trials: tuple[Trial, ...]) -> Seen:
    """Return what was found to work."""
    return {(one.part, one.turn): one.works for one in trials}


def test_two_rollovers_at_once_lose_no_file(world: World, partner: Partner) -> None:
    """Ours is known there before it is used, theirs is pinned before it is shown."""
    propose(world, partner)
    old, new = partner.folder / "client_key", partner.folder / "next_key"
    taken: list[object] = []

    def take(number: str) -> Seen:
        world.drop("caterer", f"{number}.xml", invoice(number), mtime=1_700_000_000)
        summary = run_once(world.hub, insist=False)
        failed = {name for name in summary.failed if name == "caterer"}
        taken.append((summary.pulled.get("caterer"), failed))
        return seen(try_out(world.hub, sheet(world)))

    before = take("A1")
    partner.trust(old, new)
    known = take("A2")
    switch(world.hub, "caterer", (KEY,))
    partner.trust(new)
    ours = take("A3")
    partner.show("second")
    theirs = take("A4")
    switch(world.hub, "caterer", (HOST_KEY,))
    take("A5")

    assert before == {(HOST_KEY, CURRENT): True, (HOST_KEY, NEXT): False, (KEY, NEXT): False}
    assert known == {**before, (KEY, NEXT): True}
    assert ours == {(HOST_KEY, CURRENT): True, (HOST_KEY, NEXT): False, (KEY, CURRENT): True}
    assert theirs == {(HOST_KEY, CURRENT): False, (HOST_KEY, NEXT): True, (KEY, CURRENT): True}
    assert (sheet(world).door.key, sheet(world).next) == (str(new), None)
    assert taken == [(1, set())] * 5


def test_either_host_key_is_taken_until_the_switch_and_no_third(
    world: World, partner: Partner
) -> None:
    """The partner's night of maintenance is nobody's incident; a stranger still is."""
    propose(world, partner)
    with world.hub.doors.open(sheet(world)) as session:
        before = session.names(sheet(world).inbox)
    partner.show("second")
    with world.hub.doors.open(sheet(world)) as session:
        after = session.names(sheet(world).inbox)

    switch(world.hub, "caterer", (HOST_KEY,))
    with world.hub.doors.open(sheet(world)):
        pass
    partner.show("third")

    assert before == after == []
    assert sheet(world).door.host_key == partner.spare["second"]
    with pytest.raises(HostKeyMismatch):
        world.hub.doors.open(sheet(world)).__enter__()


def test_a_third_host_key_is_refused_while_two_are_pinned(world: World, partner: Partner) -> None:
    """Nothing is said to it: neither account nor key."""
    propose(world, partner)
    partner.show("third")
    said = partner.log.count("publickey")

    with pytest.raises(HostKeyMismatch, match=" or "):
        world.hub.doors.open(sheet(world)).__enter__()

    assert partner.log.count("publickey") == said


def test_a_server_that_knows_only_the_next_key_lets_us_in(world: World, partner: Partner) -> None:
    """The partner may forget the old one before we switch."""
    propose(world, partner)
    partner.trust(partner.folder / "next_key")

    with world.hub.doors.open(sheet(world)) as session:
        assert session.names(sheet(world).inbox) == []


def test_what_does_not_work_is_not_switched_to(world: World, partner: Partner) -> None:
    """The refusal tells what the server said, and nothing changed."""
    propose(world, partner)
    before = sheet(world)

    with pytest.raises(ConfigError, match="rien n'est changé") as told:
        switch(world.hub, "caterer")

    assert "is refused with key" in str(told.value)
    assert "non montrée" in str(told.value)
    assert sheet(world) == before


def test_nothing_to_come_is_told(world: World) -> None:
    """Whoever types a verb on the wrong sheet sees it."""
    with pytest.raises(ConfigError, match="rien à mettre en service"):
        switch(world.hub, "caterer")


def test_a_try_touches_no_file(world: World, partner: Partner) -> None:
    """Files stay where they are, with their times."""
    propose(world, partner)
    dropped = world.drop("caterer", "x.xml", b"<x/>")
    before = dropped.stat()

    try_out(world.hub, sheet(world))

    assert (dropped.stat().st_mtime_ns, dropped.stat().st_ino) == (
        before.st_mtime_ns,
        before.st_ino,
    )
    assert [one.name for one in dropped.parent.iterdir()] == ["x.xml"]


def test_a_key_takes_over_on_its_day_once_it_works(world: World, partner: Partner) -> None:
    """Until the partner is ready nothing is changed; the hub asks again each hour, no more."""
    propose(world, partner, key_from=date(2026, 3, 3))
    old, new = partner.folder / "client_key", partner.folder / "next_key"
    keys = []
    for step in (timedelta(), DAY, timedelta(minutes=1), HOUR):
        if step == timedelta(minutes=1):
            partner.trust(old, new)
        world.clock.move(step)
        look_after_ends(world.hub, world.hub.ledger.sheets())
        keys.append(sheet(world).door.key == str(new))

    assert keys == [False, False, False, True]
    assert sheet(world).next == Successors(host_key=partner.spare["second"])


def test_a_file_that_names_both_does_not_switch_back(world: World, partner: Partner) -> None:
    """`config/` proposes, the ledger decides: it is applied for other reasons every day."""
    propose(world, partner)
    partner.trust(partner.folder / "client_key", partner.folder / "next_key")
    switch(world.hub, "caterer", (KEY,))

    directory = world.hub.ledger.sheets().directory
    changes = apply(world.hub, Sheets(world.connections, directory))

    assert changes == ()
    assert sheet(world).door.key == str(partner.folder / "next_key")


def test_who_else_stops_is_told_with_what_waits(world: World, partner: Partner) -> None:
    """One server changes its key for everybody who pinned it."""
    propose(world, partner)
    world.drop("caterer", "a.xml", invoice("A1"), mtime=1_700_000_000)
    pause(world.hub, "ville", "on regarde")
    run_once(world.hub, insist=False)
    sheets = world.hub.ledger.sheets()

    found = {one.connection: one for one in stops(world.hub, sheets, "caterer")}

    assert set(found) == set(world.connections)
    assert (found["caterer"].ready, found["ville"].ready) == (True, False)
    assert [name.endswith(".xml") for name in found["ville"].files] == [True]


def test_an_openssh_certificate_that_ends_gives_way_with_its_key(
    world: World, partner: Partner
) -> None:
    """It is the certificate that the server looks at; without the next one the sheet stops."""
    folder = partner.folder
    generate(folder / "authority")
    for name in ("one", "two"):
        generate(folder / name)
    user = partner.server.user
    certify(folder / "authority", folder / "one", user, days=(-1, 1))
    certify(folder / "authority", folder / "two", user, days=(-1, 9000))
    authority = (folder / "authority.pub").read_text()
    (folder / "authorized_keys").write_text(f"cert-authority {authority}")
    for name in ("caterer", "supplier"):
        known = world.connections[name]
        door = replace(
            known.door, key=str(folder / "one"), certificate=str(folder / "one-cert.pub")
        )
        world.connections[name] = replace(known, door=door)
    after = Successors(key=str(folder / "two"), key_certificate=str(folder / "two-cert.pub"))
    world.connections["caterer"] = replace(world.connections["caterer"], next=after)
    world.apply("ville", "hopital")
    world.clock.moment = NOON + 2 * DAY

    look_after_ends(world.hub, world.hub.ledger.sheets())

    states = {name: one.state for name, one in world.hub.ledger.sheets().standing.items()}
    assert sheet(world).door.certificate == str(folder / "two-cert.pub")
    assert (states["caterer"], states["supplier"]) == (
        SheetState.PRODUCTION,
        SheetState.SUSPENDED,
    )
    assert states["ville"] is SheetState.PRODUCTION
