"""What validators say, and what is told of it, in the formats of Chorus Pro and of AFNOR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.app.operate.declare import Declared, declare
from pipeline.model.carriage import Carriage, LossRule
from pipeline.model.connection import Naming, StatusTerms
from pipeline.model.conversion import Form
from pipeline.model.life import Actor, Event, Given, Numbering
from pipeline.model.status import Step
from pipeline.syntax import cdar
from tests.hubs import World, invoice, opened
from tests.statuses import (
    FLOW,
    Said,
    cdar_schema,
    document,
    found,
    life,
    message,
    read_cdars,
    read_statut,
    run,
    statut,
    subscribe,
    subscribe_platforms,
)
from tests.validating import FIRST, framed

pytestmark = pytest.mark.slow

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)


def through_grammar(world: World, interface: str, form: Form, numbering: Numbering) -> None:
    """Let the validator be a receiver that drops status flows of a family."""
    world.connections["imprimerie"] = replace(
        world.connections["imprimerie"],
        naming=Naming.GRAMMAR,
        application_code="TIT001",
        interfaces=(interface,),
        carriage=Carriage(form=form, loss=LossRule.ALLOW),
        statuses=StatusTerms(tell=True, numbering=numbering),
        structure=FIRST,
    )
    world.apply("ville", "hopital")


@pytest.fixture
def platforms(tmp_path: Path) -> Iterator[World]:
    """A hub whose supplier deposits through a platform, and whose validator has one."""
    with opened(tmp_path) as world:
        subscribe_platforms(world)
        world.connections["supplier"] = replace(
            world.connections["supplier"],
            interfaces=("FSO1150A",),
            matricule="0417",
            structure=None,
        )
        through_grammar(world, "FEN3036A", Form.UBL, Numbering.N1)
        yield world


def deposited(world: World, frame: str, flow: str = "FSO1150A_SUP001_SUP0011150{:015d}") -> None:
    """Drop an invoice of a frame and work."""
    world.drop("supplier", flow.format(1), framed(invoice("A1"), frame))
    run(world)
    assert document(world, "A1").step is Step.ACCEPTED


def by_cdar(world: World, status: int, place: int, *details: cdar.Detail) -> None:
    """Drop a CDAR of the validator's and work."""
    said = message("A1", status, AT, details=details)
    name = f"FSO3301A_TIT001_TIT0013301{place:015d}"
    world.drop("imprimerie", name, cdar.write(said, cdar_schema()))
    run(world)


@pytest.mark.parametrize(
    ("frame", "status", "reason", "ends", "told"),
    [
        pytest.param("S3", 205, None, Step.DELIVERED, 205, id="sub-contractor-validated"),
        pytest.param("S3", 206, "QTE_ERR", Step.DELIVERED, 206, id="sub-contractor-refused"),
        pytest.param("S6", 214, None, Step.DELIVERED, 214, id="co-contractor-seen"),
        pytest.param("S6", 210, "DEST_ERR", Step.REJECTED, 210, id="co-contractor-refused"),
    ],
)
def test_a_validator_speaks_cdar(
    platforms: World, frame: str, status: int, reason: str | None, ends: Step, told: int
) -> None:
    """The words of the annex both ways; what is told is held against the official rules."""
    deposited(platforms, frame)

    by_cdar(platforms, status, 1, cdar.Detail(sequence=1, reason=reason, note="lu et vu"))

    assert document(platforms, "A1").step is ends
    words = [one for path in found(platforms, "supplier", "FEN1204A") for one in read_cdars(path)]
    (word,) = [one for one in words if one.status != 203]
    assert word.status == told
    assert (word.issuer.role, word.issuer.id) == (cdar.REPRESENTATIVE, FIRST)
    assert word.details[0].reason == reason
    assert "lu et vu" in (word.details[0].note or "")


def test_a_reason_that_only_validators_have_is_told_by_the_nearest(platforms: World) -> None:
    """The rules list no such reason with 210: the words say which it was."""
    deposited(platforms, "S6")
    given = Given(reasons=("ERR_VALIDEUR",), comment="ce marché n'est pas le nôtre")
    declared = Declared(event=Event.REFUSE, actor=Actor.VALIDATOR, given=given)
    sheets = platforms.hub.ledger.sheets()
    declare(platforms.hub, sheets, document(platforms, "A1").id, declared, dry=False)
    run(platforms)

    (word,) = read_cdars(found(platforms, "supplier", "FEN1204A")[-1])
    assert (word.status, word.details[0].reason) == (210, "NON_CONFORME")
    assert "ERR_VALIDEUR" in (word.details[0].note or "")


def test_silence_is_told_as_an_approval(platforms: World) -> None:
    """205, with words that make clear that nobody said anything."""
    deposited(platforms, "S3")
    asked = life(platforms, "A1").asked
    assert asked is not None
    platforms.clock.moment = asked.deadline
    run(platforms)

    words = [one for path in found(platforms, "supplier", "FEN1204A") for one in read_cdars(path)]
    (word,) = [one for one in words if one.status == 205]
    assert "Absence de validation 1 hors délai" in (word.details[0].note or "")


@pytest.mark.parametrize(
    ("frame", "number", "complement", "ends", "told"),
    [
        pytest.param("A9", 4, None, Step.DELIVERED, [1, 1, 4, 14], id="validated"),
        pytest.param("A9", 3, None, Step.DELIVERED, [1, 1, 3, 14], id="refused-and-sent-on"),
        pytest.param("A12", 3, "ERR_VALIDEUR", Step.REJECTED, [1, 1, 3], id="stopped"),
        pytest.param("A9", 2, None, Step.ACCEPTED, [1, 1, 2], id="not-ours"),
    ],
)
def test_a_validator_speaks_cppstatut(
    tmp_path: Path, frame: str, number: int, complement: str | None, ends: Step, told: list[int]
) -> None:
    """By the places of Chorus Pro's list, both ways; the first 1 is the answer to the flow."""
    with opened(tmp_path) as world:
        subscribe(world, Numbering.N2)
        through_grammar(world, "FEN0036A", Form.PIVOT, Numbering.N2)
        deposited(world, frame, FLOW)

        said = Said(number="A1", status=number, at=AT, comment="vu", complement=complement)
        world.drop("imprimerie", f"FSO1301A_TIT001_TIT0011301{1:015d}", statut([said]))
        run(world)

        assert document(world, "A1").step is ends
        paths = found(world, "supplier", "FEN1200A")
        assert [one.status for path in paths for one in read_statut(path).invoices] == told
        asked = found(world, "imprimerie", "FEN1200A")
        assert asked == []  # a recipient of pivots has no flow of statuses of its own


def test_numbering_n1_tells_at_least_that_it_stopped(tmp_path: Path) -> None:
    """It has no words for validations, but an end has to be known: 05, with the reason."""
    with opened(tmp_path) as world:
        subscribe(world)
        through_grammar(world, "FEN0036A", Form.PIVOT, Numbering.N2)
        deposited(world, "A12", FLOW)

        said = Said(number="A1", status=3, at=AT, comment="pas à nous", complement="DEST_ERR")
        world.drop("imprimerie", f"FSO1301A_TIT001_TIT0011301{1:015d}", statut([said]))
        run(world)

        (last,) = read_statut(found(world, "supplier", "FEN1200A")[-1]).invoices
        assert (last.status, last.complement, last.producer) == (5, "DEST_ERR", FIRST)
