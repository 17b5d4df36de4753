"""A link in a sender's folder: never followed, left where it is, and told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.app.run import run_once
from pipeline.app.why import why
from pipeline.model.outbox import OutboxKind
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, invoice, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with partners in local folders."""
    with opened(tmp_path) as found:
        (tmp_path / "secret.xml").write_bytes(invoice("SECRET"))
        (found.folder("caterer", "in") / "lien.xml").symlink_to(tmp_path / "secret.xml")
        yield found


def run(world: World, times: int = 1) -> list[dict[str, Any]]:
    """Work once a minute; return what was logged of links."""
    with capture_logs() as lines:
        for _ in range(times):
            world.clock.move(MINUTE)
            run_once(world.hub, insist=True)
    return [dict(one) for one in lines if one["event"] == "pull.links"]


def notices(world: World) -> list[dict[str, Any]]:
    """Return what the sender was told of links."""
    return [
        json.loads(path.read_bytes())
        for path in sorted(world.folder("caterer", "out").glob("link-*.json"))
    ]


def test_operator_and_sender_hear_of_a_link_once(world: World) -> None:
    """An alert a poll is no alert; a sender that hears nothing waits for ever."""
    logged = run(world, times=5)

    assert [(one["connection"], one["count"], one["files"]) for one in logged] == [
        ("caterer", 1, ["lien.xml"])
    ]
    assert [(one["schema"], one["links"]) for one in notices(world)] == [
        ("edi-link/1", ["lien.xml"])
    ]
    (text,) = world.folder("caterer", "out").glob("link-*.txt")
    assert "  lien.xml" in text.read_text(encoding="utf-8")


def test_a_link_stays_where_it_is_and_nothing_of_it_is_taken(world: World) -> None:
    """The files beside it are; where it leads is told to nobody."""
    world.drop("caterer", "a.xml", invoice("A1"))

    run(world, times=2)

    (link,) = world.folder("caterer", "in").iterdir()
    assert link.is_symlink()
    assert [one.name for one in world.hub.ledger.interchanges(Query())] == ["a.xml"]
    told = b"".join(path.read_bytes() for path in world.folder("caterer", "out").iterdir())
    assert b"secret" not in told.lower()


def test_why_tells_what_becomes_of_a_link(world: World) -> None:
    """Whoever asks after the file gets who acts, and what is to be done."""
    run(world)

    (found,) = why(world.hub.ledger, "lien.xml")

    assert (found.code, found.who) == ("LINK", "sender")
    assert "lien symbolique" in found.cause
    assert "link removed" in found.first


def test_another_link_is_told_and_the_old_one_not_again(world: World) -> None:
    """What was told stays told as long as it stands there."""
    run(world)
    (world.folder("caterer", "in") / "autre.xml").symlink_to("lien.xml")
    (world.folder("caterer", "in") / "en-cours.xml.part").symlink_to("lien.xml")

    logged = run(world, times=3)

    assert [one["files"] for one in logged] == [["autre.xml"]]
    assert sorted(one["links"] for one in notices(world)) == [["autre.xml"], ["lien.xml"]]


def test_the_file_itself_is_taken_once_it_stands_in_the_links_place(world: World) -> None:
    """What was asked of the sender is all there is to do."""
    run(world)
    (world.folder("caterer", "in") / "lien.xml").unlink()
    world.drop("caterer", "lien.xml", invoice("A1"))

    logged = run(world, times=2)

    assert logged == []
    assert [one.name for one in world.hub.ledger.interchanges(Query())] == ["lien.xml"]


@pytest.mark.parametrize(
    "point", ["notice.links.inside", "notice.links.after", "ledger.sightings.before"]
)
def test_a_crash_makes_no_second_notice(world: World, point: str) -> None:
    """It is told before it is noted as told, under a name that is made of what it tells."""

    def die(reached: str) -> None:
        if reached == point:
            raise KeyboardInterrupt

    arm(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(world)
    finally:
        disarm()
    world.stop()
    world.start()

    run(world, times=3)

    rows = [one.name for one in world.hub.ledger.outbox(kind=OutboxKind.NOTICE)]
    assert len(rows) == len(set(rows)) == 2
    assert len(notices(world)) == 1
