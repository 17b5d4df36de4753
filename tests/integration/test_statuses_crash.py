"""A hub that dies between a status and its telling: none is lost, none is told twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Order
from pipeline.app.operate.correct import put_right
from pipeline.app.operate.declare import Declared, declare
from pipeline.app.verify import verify
from pipeline.model.identity import document_id
from pipeline.model.life import Actor, Event, Given, Status
from pipeline.ports.failpoint import PHASES, disarm
from pipeline.syntax import cdar
from pipeline.syntax.correcting import Correction
from tests.dying import Died, die_at
from tests.hubs import World, opened
from tests.statuses import (
    STATUT,
    Said,
    cdar_schema,
    deliver,
    document,
    found,
    history,
    life,
    message,
    read_statut,
    run,
    statut,
    subscribe,
    subscribe_platforms,
)

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)

#: Where the hub dies while a status comes in, is applied, told and sent.
POINTS = (
    "status.told",
    "status.refused",
    *(f"work.settle.{phase}" for phase in PHASES),
    "put.renamed",
    "deliver.put",
    *(f"deliver.mark.{phase}" for phase in PHASES),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub whose supplier hears of statuses, with two invoices delivered."""
    with opened(tmp_path) as made:
        subscribe(made)
        deliver(made, "A1", "A2")
        yield made
        disarm()


def told(world: World) -> list[tuple[str, int]]:
    """Return every status that the supplier found, by number."""
    files = [read_statut(path) for path in found(world, "supplier", "FEN1200A")]
    return sorted((one.number, one.status) for file in files for one in file.invoices)


def finish(world: World) -> None:
    """Start a new process on what the dead one left, and let it work."""
    disarm()
    world.stop()
    world.start()
    for _ in range(3):
        run(world, 1)
        world.clock.move(world.hub.settings.lease)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_wherever_it_dies_each_status_is_told_once(world: World, point: str) -> None:
    """One status is told, one refused; the one that dies has done both, neither, or it is done."""
    said = [
        Said(number="A1", status=7, at=AT),
        Said(number="A2", status=10, at=AT),
        Said(number="ZZ", status=10, at=AT),
    ]
    before = told(world)
    world.drop("ville", STATUT.format(1), statut(said))
    died = die_at(point)
    with pytest.raises(Died):
        run(world)

    finish(world)

    assert died == [point]
    assert told(world) == sorted([*before, ("A1", 7), ("A2", 10)])
    assert (life(world, "A1").status, life(world, "A2").status) == (
        Status.SERVICE_FAIT,
        Status.COMPTABILISEE,
    )
    assert [len(history(world, number)) for number in ("A1", "A2")] == [4, 4]
    assert len(found(world, "ville", "CSO1301A")) == 1


@pytest.mark.parametrize("phase", PHASES)
def test_an_operators_word_is_whole_or_not_there(world: World, phase: str) -> None:
    """Line and file are one change."""
    declared = Declared(
        event=Event.BOOK, actor=Actor.RECIPIENT, given=Given(comment="par téléphone"), said_at=AT
    )
    subject = document(world, "A1").id
    die_at(f"operator.declare.{phase}")
    with pytest.raises(Died):
        declare(world.hub, world.hub.ledger.sheets(), subject, declared, dry=False)

    finish(world)

    done = phase == "after"
    assert (life(world, "A1").status is Status.COMPTABILISEE) is done
    assert (("A1", 10) in told(world)) is done


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_an_operator_who_corrects_again_after_a_crash_deposits_once(
    world: World, phase: str
) -> None:
    """The flow is named by what is in it: recorded or not, asking once more gives the same."""
    declared = Declared(
        event=Event.RETURN, actor=Actor.RECIPIENT, given=Given(reasons=("CMD_ERR",))
    )
    sheets = world.hub.ledger.sheets()
    declare(world.hub, sheets, document(world, "A1").id, declared, dry=False)
    wanted, order = Correction(engagement="EJ-9"), Order("essai")
    died = die_at(f"invoice.correct.{phase}")
    with pytest.raises(Died):
        put_right(world.hub, sheets, "A1", wanted, order)
    disarm()
    world.stop()
    world.start()

    made, new = put_right(world.hub, world.hub.ledger.sheets(), "A1", wanted, order)
    finish(world)

    assert died == [f"invoice.correct.{phase}"]
    assert new is (phase != "after")
    assert life(world, "A1").bearer == document_id(made.flow.id, 1)
    assert verify(world.hub.ledger, world.hub.archive).sound


@pytest.mark.slow
@pytest.mark.parametrize("point", ["invoice.correct.after", "work.settle.after"])
def test_papers_that_travel_with_the_invoice_complete_it_once(tmp_path: Path, point: str) -> None:
    """The deposit is made before the status is taken: dead in between, both are done once."""
    with opened(tmp_path) as world:
        subscribe(world)
        ville = world.connections["ville"]
        subscribe_platforms(world)
        world.connections["ville"] = ville
        world.apply("ville", "hopital")
        deliver(world, "A1", flow="FSO3110A_SUP001_SUP0013110{:015d}")
        world.drop(
            "ville", STATUT.format(1), statut([Said(number="A1", status=6, at=AT, comment="x")])
        )
        run(world)
        paper = cdar.Attachment(payload=b"%PDF", mime="application/pdf", name="bon.pdf")
        said = message("A1", 209, AT, attachments=(paper,))
        name = f"FSO3302A_SUP001_SUP0013302{1:015d}"
        world.drop("supplier", name, cdar.write(said, cdar_schema()))
        died = die_at(point)
        with pytest.raises(Died):
            run(world)

        finish(world)

        assert died == [point]
        assert life(world, "A1").status is Status.COMPLETEE
        assert [one.event for one in history(world, "A1")].count(Event.COMPLETE) == 1
        assert len(found(world, "ville", "FEN0036A")) == 2
        assert found(world, "supplier", "FEN4002A") == []
