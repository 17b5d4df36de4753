"""Files that lie for a receiver: beside what, until when, and how we learn that they are gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.app.operate.acting import Order
from pipeline.app.operate.resend import Resent, find_files, resend
from pipeline.app.pickup import look_after_pickups
from pipeline.app.run import run_once
from pipeline.entry.cli import command_line
from pipeline.model.carriage import Carriage, Grouping
from pipeline.model.connection import Envelope
from pipeline.model.errors import ConfigError
from pipeline.model.handover import Filter, Handover, Pickup
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import Known, PickupState
from pipeline.model.settings import Encryption
from pipeline.ports.failpoint import arm, disarm
from pipeline.route.pack import pack_tar_gz
from tests.hubs import World, invoice, opened

DAY = timedelta(days=1)
#: Number of the order in the samples' invoices.
ORDERED = "EJ-2026-00117"
WHY = Order("perdu chez nous")
WATCHED = Pickup(purge_after=7 * DAY, notice=2 * DAY)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a hub whose city asks for markers and sums, and is watched."""
    with opened(tmp_path) as made:
        ask(made, Handover(done=".done", sums=".sha256", pickup=WATCHED))
        yield made


def ask(world: World, handover: Handover) -> None:
    world.connections["ville"] = replace(world.connections["ville"], handover=handover)
    world.apply("ville", "hopital")


def deliver(world: World, *numbers: str) -> list[OutboxRow]:
    """Have invoices delivered to the city; return their rows, by name."""
    for number in numbers:
        world.drop("caterer", f"{number}.xml", invoice(number))
    run_once(world.hub, insist=True)
    run_once(world.hub, insist=True)
    return list(world.hub.ledger.outbox(kind=OutboxKind.DELIVERY))


def out(world: World) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in world.folder("ville", "out").iterdir()
        if not path.name.startswith("purge-")
    }


def told(world: World, row: OutboxRow) -> list[str]:
    return [
        one.fact.what
        for one in world.hub.ledger.events(row.key)
        if one.fact.what.startswith("delivery.")
    ]


def later(world: World, by: timedelta) -> None:
    """Let time pass, look after what lies there, and put what there is to tell."""
    look(world, by)
    run_once(world.hub, insist=True)


def look(world: World, by: timedelta) -> None:
    """Let time pass, and look after what lies there."""
    world.clock.moment += by
    look_after_pickups(world.hub, world.hub.ledger.sheets())


def test_a_file_has_its_sum_and_its_marker_beside_it(world: World) -> None:
    """The sum is what sha256sum -c reads, and the marker is empty."""
    (row,) = deliver(world, "F-1")

    files = out(world)

    digest = sha256(files[row.name]).hexdigest()
    assert files == {
        row.name: files[row.name],
        f"{row.name}.done": b"",
        f"{row.name}.sha256": f"{digest}  {row.name}\n".encode(),
    }


def test_a_file_that_is_gone_was_picked_up_and_is_noted_once(world: World) -> None:
    """Where no log tells, absence does; what stands beside it is the partner's business."""
    (row,) = deliver(world, "F-1")
    (world.folder("ville", "out") / row.name).unlink()

    later(world, timedelta(minutes=5))
    later(world, timedelta(minutes=5))

    found = world.hub.ledger.pickups.of([row.key])[row.key]
    assert (found.state, found.known) == (PickupState.PICKED_UP, Known.ABSENCE)
    assert told(world, row) == ["delivery.picked_up"]


@pytest.mark.parametrize("phase", ["before", "inside", "after"])
def test_a_crash_while_a_pick_up_is_noted_notes_it_once(world: World, phase: str) -> None:
    """The next look sees the same absence."""
    (row,) = deliver(world, "F-1")
    (world.folder("ville", "out") / row.name).unlink()

    def crash(name: str) -> None:
        if name == f"pickup.note.{phase}":
            raise KeyboardInterrupt

    arm(crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            later(world, timedelta(minutes=1))
    finally:
        disarm()
    later(world, timedelta(minutes=1))

    assert told(world, row) == ["delivery.picked_up"]


def test_what_nobody_picks_up_is_announced_then_removed_with_what_stands_beside_it(
    world: World,
) -> None:
    """Never sooner than announced; the record says so before it is done."""
    (row,) = deliver(world, "F-1")

    later(world, 4 * DAY)
    before = dict(out(world))
    later(world, 1 * DAY)
    notices = list(world.folder("ville", "out").glob("purge-*.json"))
    later(world, 1 * DAY)
    kept = dict(out(world))
    later(world, 1 * DAY)

    assert kept == before
    assert out(world) == {}
    (notice,) = [json.loads(path.read_bytes()) for path in notices]
    assert [(one["name"], one["sha256"]) for one in notice["files"]] == [
        (row.name, sha256(before[row.name]).hexdigest())
    ]
    assert told(world, row) == ["delivery.announced", "delivery.purging", "delivery.purged"]


def test_nothing_is_removed_before_its_announcement_has_arrived(world: World) -> None:
    """A notice that waits in our outbox has warned nobody."""
    (row,) = deliver(world, "F-1")

    look(world, 6 * DAY)
    look(world, 9 * DAY)
    kept = row.name in out(world)
    run_once(world.hub, insist=True)
    later(world, timedelta(minutes=1))

    assert kept
    assert out(world) == {}


def test_a_file_that_was_changed_is_left_and_told(world: World) -> None:
    """Only what we put is ours to remove."""
    (row,) = deliver(world, "F-1")
    (world.folder("ville", "out") / row.name).write_bytes(b"somebody else's")

    later(world, 6 * DAY)
    later(world, 3 * DAY)
    later(world, 3 * DAY)

    assert out(world)[row.name] == b"somebody else's"
    assert told(world, row) == ["delivery.announced", "delivery.changed"]


def test_a_file_that_is_replaced_between_record_and_removal_is_left(world: World) -> None:
    """A crash came between; what stands there now is looked at once more."""
    (row,) = deliver(world, "F-1")
    later(world, 6 * DAY)

    def crash(name: str) -> None:
        if name == "purge.recorded":
            raise KeyboardInterrupt

    arm(crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            later(world, 3 * DAY)
    finally:
        disarm()
    (world.folder("ville", "out") / row.name).write_bytes(b"somebody else's")
    later(world, timedelta(minutes=1))

    assert out(world)[row.name] == b"somebody else's"
    assert told(world, row)[1:] == ["delivery.purging", "delivery.changed"]


def test_documents_lie_in_the_folder_of_the_first_filter_that_takes_them(world: World) -> None:
    """A lot never mixes folders, and what no filter takes lies in out."""
    for folder in ("nobody", "ordered"):
        (world.folder("ville", "out") / folder).mkdir()
    world.connections["ville"] = replace(
        world.connections["ville"],
        envelope=Envelope.TAR_GZ,
        carriage=Carriage(group=Grouping.FLOW),
    )
    filters = (
        Filter(folder="out/nobody", service="NOBODY", order_prefix=ORDERED[:3]),
        Filter(folder="out/ordered", order_prefix=ORDERED[:3]),
    )
    ask(world, Handover(filters=filters))
    two = [("a.xml", invoice("F-1")), ("b.xml", invoice("F-2").replace(ORDERED.encode(), b"Z"))]
    world.drop("caterer", "two.tar.gz", pack_tar_gz(two))

    run_once(world.hub, insist=True)

    rows = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    lots = sorted((row.folder, len(row.documents)) for row in rows)
    assert lots == [("", 1), ("out/ordered", 1)]
    for row in rows:
        place: Path = world.root / "ville" / (row.folder or "out")
        assert (place / row.name).is_file()


def again(world: World, subject: str) -> Resent:
    """Ask for something to be sent again, and let it leave."""
    hub, sheets = world.hub, world.hub.ledger.sheets()
    resent = resend(hub, sheets, find_files(hub, sheets, subject), WHY)
    run_once(world.hub, insist=True)
    return resent


def test_what_was_removed_is_sent_again_under_the_same_name(world: World) -> None:
    """Same bytes, same name, watched anew: the receiver's program needs to know nothing."""
    (row,) = deliver(world, "F-1")
    before = out(world)
    for _ in range(3):
        later(world, 5 * DAY)

    resent = again(world, row.name)

    assert list(resent.done) == [row.name]
    assert out(world) == before
    rows = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    watched = world.hub.ledger.pickups.of([one.key for one in rows])
    states = {watched[one.key].state: one.generation for one in rows}
    assert states == {PickupState.PURGED: 1, PickupState.LYING: 2}


def test_what_still_lies_there_is_not_sent_again(world: World) -> None:
    """Nothing is put over a file; the answer says where it is."""
    (row,) = deliver(world, "F-1")

    resent = again(world, str(row.interchange))

    assert resent.done == {}
    assert "still lies there" in resent.refused[row.name]
    assert len(world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)) == 1


def test_a_marker_that_was_left_does_not_stand_before_its_file(world: World) -> None:
    """A receiver who waits for markers would take it for the sign that the file is whole."""
    (row,) = deliver(world, "F-1")
    place = world.folder("ville", "out")
    (place / row.name).unlink()
    there: list[bool] = []

    def look(name: str) -> None:
        if name == "deliver.summed":
            there.append((place / f"{row.name}.done").exists())

    arm(look)
    try:
        resent = again(world, row.documents[0])
    finally:
        disarm()

    assert list(resent.done) == [row.name]
    assert there == [False]
    assert (place / f"{row.name}.done").exists()


@pytest.mark.parametrize("phase", ["before", "inside", "after"])
def test_a_crash_while_a_file_is_sent_again_sends_it_once(world: World, phase: str) -> None:
    """Asked for once more, it is the same row; it leaves with the next run."""
    (row,) = deliver(world, "F-1")
    for file in world.folder("ville", "out").iterdir():
        file.unlink()

    def crash(name: str) -> None:
        if name == f"operator.resend.{phase}":
            raise KeyboardInterrupt

    arm(crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            again(world, row.name)
    finally:
        disarm()
    if phase != "after":
        again(world, row.name)
    run_once(world.hub, insist=True)

    rows = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    assert sorted((one.generation, one.name) for one in rows) == [(1, row.name), (2, row.name)]
    assert row.name in out(world)


def test_an_unknown_name_is_told(world: World) -> None:
    """An operator mistyped: nothing is guessed."""
    with pytest.raises(ConfigError, match="no delivered file"):
        again(world, "nothing-of-that-name.xml")


def test_nothing_to_pick_up_is_said_in_one_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sliver of an empty table: whoever asks hears that all was picked up."""
    monkeypatch.setenv("EDI_HOME", str(world.home))
    bootstrap.initialise(bootstrap.workspace(world.home), Encryption.NONE)

    ran = CliRunner().invoke(command_line(()), ["pickups"])

    assert (ran.exit_code, ran.output) == (0, "À relever / to pick up : rien / nothing\n")


def test_a_local_door_without_successor_has_nothing_to_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no server to knock at: that is said, and why."""
    monkeypatch.setenv("EDI_HOME", str(world.home))
    bootstrap.initialise(bootstrap.workspace(world.home), Encryption.NONE)

    ran = CliRunner().invoke(command_line(()), ["certificates", "try", "ville"])

    assert ran.exit_code == 0, ran.exception
    assert ran.output.splitlines()[0] == (
        "Ni serveur à joindre ni certificat à venir : rien à essayer"
        " / no server to reach, no certificate to come: nothing to try"
    )
    assert "─" not in ran.output
