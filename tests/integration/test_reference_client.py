"""The client of docs/pick_up.py against the server of a partner, and what the log then tells."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.adapters.embedded_sftp import (
    Account,
    EmbeddedServer,
    ServerSettings,
    generate_key,
)
from pipeline.app.pickup import look_after_pickups
from pipeline.app.reconcile import look_for_differences
from pipeline.app.run import run_once
from pipeline.model.connection import ReplyForm
from pipeline.model.handover import Handover, Pickup
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import Known, PickupState
from pipeline.ports.failpoint import arm, disarm
from tests.hubs import World, door_of, invoice, opened

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Site:
    """A hub, and the server on which its city has an account of its own.

    Attributes:
        world: The hub; it reaches the city's folders by the account ``hub``.
        port: Of the server.
        host_key: Of the server.
        key: The city's private key.
        home: What both accounts see.
    """

    world: World
    port: int
    host_key: str
    user: str
    key: Path
    home: Path

    def deliver(self, number: str) -> OutboxRow:
        self.world.drop("caterer", f"{number}.xml", invoice(number))
        run_once(self.world.hub, insist=True)
        return self.rows()[-1]

    def rows(self) -> list[OutboxRow]:
        return list(self.world.hub.ledger.outbox(kind=OutboxKind.DELIVERY))

    def look(self) -> None:
        look_after_pickups(self.world.hub, self.world.hub.ledger.sheets())

    def pick_up(self, target: Path) -> list[tuple[str, str]]:
        """Run the reference client."""
        place = ("127.0.0.1", str(self.port), "ville", str(self.key), self.host_key)
        found: list[tuple[str, str]] = client().main(*place, str(target))
        return found


@dataclass
class _Account:
    port: int
    host_key: str
    user: str
    key: Path
    root: Path


def client() -> ModuleType:
    """Load the client as a receiver would run it."""
    spec = importlib.util.spec_from_file_location("pick_up", ROOT / "docs" / "pick_up.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a hub whose city picks files up by an account of its own, which the server logs."""
    keys = {user: generate_key(tmp_path / f"{user}.key") for user in ("hub", "ville")}
    settings = ServerSettings(
        root=tmp_path / "sftp",
        host_key=tmp_path / "host_key",
        accounts={user: Account((line,), "home") for user, line in keys.items()},
        log=tmp_path / "sftp.log",
    )
    home = tmp_path / "sftp" / "home"
    with EmbeddedServer(settings) as server, opened(tmp_path / "site") as world:
        account = _Account(server.port, server.host_key, "hub", tmp_path / "hub.key", home)
        for folder in ("in", "archive", "out"):
            (home / folder).mkdir()
        world.clock.moment = datetime.now(UTC)
        world.connections["ville"] = replace(
            world.connections["ville"],
            door=door_of(account),
            replies=(ReplyForm.CSV,),
            handover=Handover(
                done=".done",
                sums=".sha256",
                pickup=Pickup(log=str(settings.log), user="ville"),
            ),
        )
        world.apply("ville", "hopital")
        yield Site(world, server.port, server.host_key, "ville", tmp_path / "ville.key", home)


def test_the_client_takes_checks_and_answers_and_the_log_tells_when(
    site: Site, tmp_path: Path
) -> None:
    """Thirty lines are enough for a receiver to start with, and both sides know what was taken."""
    row = site.deliver("F-1")
    before = (site.home / "out" / row.name).read_bytes()

    results = site.pick_up(tmp_path)
    site.look()
    site.world.clock.moment += timedelta(hours=2)
    run_once(site.world.hub, insist=True)
    site.world.clock.moment += timedelta(hours=2)
    run_once(site.world.hub, insist=True)

    assert results == [(row.name, "")]
    assert (tmp_path / row.name).read_bytes() == before
    assert list((site.home / "out").glob(f"{row.name}*")) == []
    watched = site.world.hub.ledger.pickups.of([row.key])[row.key]
    assert (watched.state, watched.known) == (PickupState.PICKED_UP, Known.LOG)
    assert watched.sha256 == sha256(before).hexdigest()
    assert "receipt.taken" in {one.fact.what for one in site.world.hub.ledger.events()}


def test_an_altered_file_is_refused_by_its_sum(site: Site, tmp_path: Path) -> None:
    """What does not have the sum that was told is not kept."""
    row = site.deliver("F-1")
    (site.home / "out" / row.name).write_bytes(b"altered on the way")

    ((name, why),) = site.pick_up(tmp_path)

    assert (name, "altered" in why) == (row.name, True)
    assert not (tmp_path / row.name).exists()


def test_what_the_hub_itself_reads_back_is_no_pick_up(site: Site) -> None:
    """The log tells of its account, too."""
    row = site.deliver("F-1")

    look_for_differences(
        site.world.hub, site.world.hub.ledger.sheets(), everywhere=True, read_back=True
    )
    site.look()

    assert 'close "out/' in (site.home.parents[1] / "sftp.log").read_text(encoding="utf-8")
    assert site.world.hub.ledger.pickups.of([row.key])[row.key].state is PickupState.LYING


def test_a_crash_between_noting_and_the_logs_place_notes_nothing_twice(
    site: Site, tmp_path: Path
) -> None:
    """The log is read once more from where it was."""
    row = site.deliver("F-1")
    site.pick_up(tmp_path)

    def crash(name: str) -> None:
        if name == "pickup.noted":
            raise KeyboardInterrupt

    arm(crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            site.look()
    finally:
        disarm()
    site.look()

    told = [one.fact.what for one in site.world.hub.ledger.events(row.key)]
    assert told.count("delivery.picked_up") == 1
