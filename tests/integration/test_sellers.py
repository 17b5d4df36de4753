"""A connection bound to the sellers it may send for, from the file to the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.run import run_once
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, invoice, opened, samples

#: Who bills every invoice here.
SELLER = samples().BY_KEY["ubl-380-fournitures"].seller.siret[:9]
OTHER = "217500016"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with two senders, bound to nobody yet."""
    with opened(tmp_path) as found:
        yield found


def bind(world: World, sender: str, *sellers: str) -> None:
    """Put a sheet in force that names sellers."""
    sheet = world.connections[sender]
    world.connections[sender] = replace(sheet, sellers=sellers or None)
    world.apply("ville", "hopital")


def run(world: World) -> None:
    """Work until everything is answered."""
    for _ in range(2):
        world.clock.move(MINUTE)
        run_once(world.hub, insist=True)


def steps(world: World) -> dict[str, Step]:
    """Return where each document stands, by the name of its file."""
    return {one.name: one.step for one in world.hub.ledger.documents(Query())}


def answers(world: World, sender: str) -> list[dict[str, Any]]:
    """Return the JSON answers that a sender finds."""
    out = world.folder(sender, "out")
    return [json.loads(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def test_an_invoice_of_another_seller_is_refused_with_its_code(world: World) -> None:
    """The answer says what was found, what was agreed and what to do; nothing is delivered."""
    bind(world, "caterer", OTHER)
    world.drop("caterer", "a.xml", invoice("A1"))

    run(world)

    (answer,) = answers(world, "caterer")
    (document,) = answer["documents"]
    (why,) = document["reasons"]
    assert (document["outcome"], why["code"]) == ("rejected", "REJ_COH")
    assert SELLER in json.dumps(why)
    assert OTHER in json.dumps(why)
    assert list(world.folder("ville", "out").iterdir()) == []


def test_nobody_takes_the_numbers_of_a_seller_that_is_not_theirs(world: World) -> None:
    """The seller's own invoice of that number is no duplicate."""
    bind(world, "caterer", OTHER)
    world.drop("caterer", "taken.xml", invoice("A1", times=7))
    run(world)
    bind(world, "caterer")
    bind(world, "supplier", SELLER)

    world.drop("supplier", "FSO1100A_SUP001_SUP0011100000000000000001", invoice("A1"))
    run(world)

    assert sorted(steps(world).values(), key=str) == [Step.DELIVERED, Step.REJECTED]
    assert [path.read_bytes() for path in world.folder("ville", "out").iterdir()] == [
        invoice("A1")
    ]


def test_a_flow_with_a_chorus_name_is_answered_in_its_own_way(world: World) -> None:
    """The code stands in the status flow, where that sender's program reads it."""
    bind(world, "supplier", OTHER)
    world.drop("supplier", "FSO1100A_SUP001_SUP0011100000000000000001", invoice("A1"))

    run(world)

    told = [path.read_bytes() for path in world.folder("supplier", "out").iterdir()]
    assert any(b"REJ_COH" in one for one in told)


@pytest.mark.parametrize("sellers", [(), (SELLER,), (OTHER, SELLER)])
def test_what_the_sheet_allows_is_delivered(world: World, sellers: tuple[str, ...]) -> None:
    """A sheet without the line binds nobody: platforms send for anybody."""
    bind(world, "caterer", *sellers)
    world.drop("caterer", "a.xml", invoice("A1"))

    run(world)

    assert steps(world) == {"a.xml": Step.DELIVERED}


def test_a_seller_that_is_added_may_be_sent_for_under_the_same_number(world: World) -> None:
    """What was refused holds no number."""
    bind(world, "caterer", OTHER)
    world.drop("caterer", "a.xml", invoice("A1"))
    run(world)

    bind(world, "caterer", OTHER, SELLER)
    world.drop("caterer", "again.xml", invoice("A1"))
    run(world)

    assert sorted(one.step.value for one in world.hub.ledger.documents(Query())) == [
        Step.DELIVERED.value,
        Step.REJECTED.value,
    ]


def test_what_is_let_go_later_is_held_against_the_sheet_of_then(world: World) -> None:
    """A hold is no way around it."""
    world.judge_by(PACK_GONE)
    world.drop("caterer", "a.xml", invoice("A1"))
    run(world)
    assert steps(world) == {"a.xml": Step.HELD}
    (held,) = world.hub.ledger.documents(Query())
    world.judge_by(LIGHT)
    bind(world, "caterer", OTHER)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    run(world)

    (after,) = world.hub.ledger.documents(Query())
    assert (after.step, after.reasons[0].code) == (Step.REJECTED, "REJ_COH")
