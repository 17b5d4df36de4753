"""Interface codes from the sheet to the answer: what may be subscribed, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.adapters.configuration import read_interfaces
from pipeline.app.apply import check_sheets
from pipeline.app.run import run_once
from pipeline.app.subscriptions import subscription_faults
from pipeline.model.carriage import Carriage
from pipeline.model.connection import Completeness, Connection, Door, Naming, Role
from pipeline.model.conversion import Form
from pipeline.model.errors import ConfigError
from pipeline.model.interface import Carries, Direction, may_send, subscribed
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import InterchangeStep
from pipeline.ports.ledger import Query, Sheets
from tests.hubs import MINUTE, ROOT, World, opened

pytestmark = pytest.mark.contract

TABLE = read_interfaces(ROOT / "config" / "interfaces.toml")
DEPOSITS = [one for one in TABLE.values() if one.is_deposit and not one.unserved]
SENDER = Connection(
    name="a",
    partner="a",
    role=Role.SENDER,
    door=Door(),
    naming=Naming.GRAMMAR,
    application_code="SUP001",
    interfaces=("FSO1100A",),
)
RECEIVER = replace(
    SENDER, role=Role.RECEIVER, interfaces=("FEN0036A",), carriage=Carriage(form=Form.PIVOT)
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a workspace with a SQLite ledger."""
    with opened(tmp_path) as made:
        yield made


def faults(sheet: Connection) -> list[str]:
    """Return what is wrong with the interfaces of a sheet."""
    return list(subscription_faults(sheet, TABLE))


def test_every_principal_interface_that_is_served_may_be_named() -> None:
    """A deposit on a sender's sheet, a delivery on a receiver's with its format."""
    forms = {"FEN0036A": Form.PIVOT, "FEN3036A": Form.UBL, "FEN3736A": Form.FACTURX}
    served = [one for one in TABLE.values() if one.is_principal and not one.unserved]

    wrong = [
        faults(
            replace(
                SENDER,
                role=one.opens_to,
                interfaces=(one.code,),
                carriage=Carriage(form=forms.get(one.code, Form.AS_RECEIVED)),
            )
        )
        for one in served
    ]

    assert len(served) > 15
    assert wrong == [[] for _ in served]


@pytest.mark.parametrize(
    ("sheet", "parts"),
    [
        pytest.param(
            replace(SENDER, interfaces=("FSO9999A",)), ("FSO9999A", "unknown"), id="unknown"
        ),
        pytest.param(
            replace(SENDER, interfaces=("FSO1113A",)),
            ("FSO1113A", "not served", "CPPFactureMixte"),
            id="unserved",
        ),
        pytest.param(
            replace(SENDER, interfaces=("FSO1100A", "CEN1214A")),
            ("CEN1214A", "secondary", "FSO1150A"),
            id="secondary-alone",
        ),
        pytest.param(
            replace(SENDER, interfaces=("FEN0036A",)), ('role = "receiver"',), id="other-role"
        ),
        pytest.param(
            replace(RECEIVER, carriage=Carriage(form=Form.UBL)),
            ("format", "ubl", "FEN3036A"),
            id="another-format",
        ),
        pytest.param(
            replace(RECEIVER, carriage=Carriage()), ("format", "as-received"), id="no-format"
        ),
    ],
)
def test_what_cannot_be_subscribed_is_refused_with_field_and_reason(
    world: World, sheet: Connection, parts: tuple[str, ...]
) -> None:
    """By `apply`, before anything is put in force."""
    with pytest.raises(ConfigError) as refused:
        check_sheets(world.hub, Sheets({"a": replace(sheet, profile=None)}))

    assert str(refused.value).startswith("a: ")
    assert all(part in str(refused.value) for part in parts)


def test_a_principal_interface_brings_its_secondary_ones() -> None:
    """Named with its principal a secondary one changes nothing."""
    plain = replace(SENDER, interfaces=("FSO1150A",))
    named = replace(SENDER, interfaces=("FSO1150A", "CEN1214A"))

    brought = [one.code for one in subscribed(plain, TABLE)]

    assert {"CSO1150A", "FEN1214A", "CEN1214A", "FSO1304A", "CSO1305A"} < set(brought)
    assert set(brought) == {one.code for one in subscribed(named, TABLE)}
    assert faults(named) == []
    assert "CEN1214A" in [one.code for one in may_send(plain, TABLE)]


def test_every_secondary_interface_comes_with_a_principal_one() -> None:
    """What nobody brings, nobody could ever use; CEN0036A is of Chorus alone."""
    brought = {code for one in TABLE.values() for code in one.brings}
    secondary = {
        one.code
        for one in TABLE.values()
        if not one.is_principal and one.code != "CEN0036A" and not one.code.startswith("FFE")
    }

    assert secondary == brought


def test_what_answers_a_deposit_is_a_row_that_goes_out() -> None:
    """Codes of answers are no free text."""
    answered = [one for one in TABLE.values() if one.direction is Direction.IN]
    codes = {code for one in answered for code in (one.refused_by, one.taken_by) if code}

    assert len(codes) > 20
    assert {TABLE[code].direction for code in codes} == {Direction.OUT}
    assert Carries.INVOICES not in {TABLE[code].carries for code in codes}


@pytest.mark.parametrize("code", [one.code for one in DEPOSITS])
def test_an_irrecevable_deposit_is_answered_under_its_own_code(world: World, code: str) -> None:
    """The one answer that every deposit has, whatever its family."""
    sheet = replace(
        world.connections["supplier"],
        interfaces=(code,),
        matricule="0417",
        completeness=Completeness(stable_for=timedelta(0), partial_wait=timedelta(0)),
    )
    world.connections["supplier"] = sheet
    world.apply("ville")
    world.drop("supplier", f"{code}_SUP001_SUP001{code[3:7]}000000000000001", b"<a/>")
    world.clock.move(MINUTE)

    run_once(world.hub, insist=True)

    (flow,) = world.hub.ledger.interchanges(Query())
    (row,) = world.hub.ledger.outbox(kind=OutboxKind.ACKNOWLEDGEMENT)
    assert flow.step is InterchangeStep.REFUSED
    assert row.name.startswith(f"{TABLE[code].refused_by}_SUP001_")


def test_a_flow_that_is_not_subscribed_is_refused_with_the_reason(world: World) -> None:
    """A code of the table that the sheet has not, and one that the hub does not serve."""
    world.connections["supplier"] = replace(
        world.connections["supplier"],
        completeness=Completeness(stable_for=timedelta(0), partial_wait=timedelta(0)),
    )
    world.apply("ville")
    for code in ("FSO1300A", "FSO6000A"):
        world.drop("supplier", f"{code}_SUP001_SUP001{code[3:7]}000000000000001", b"<a/>")
    world.clock.move(MINUTE)

    run_once(world.hub, insist=True)

    told = {
        one.name[:8]: (one.reason, one.detail) for one in world.hub.ledger.interchanges(Query())
    }
    assert {reason for reason, _ in told.values()} == {"IRR_CODE_INTER"}
    assert "non souscrit" in told["FSO1300A"][1]
    assert "e-reporting" in told["FSO6000A"][1]
