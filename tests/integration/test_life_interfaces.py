"""Every interface of the life cycle, in and out, and what is said of each flow that went out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from pipeline.adapters.configuration import read_interfaces
from pipeline.model.carriage import Carriage
from pipeline.model.conversion import Form
from pipeline.model.interface import Carries, Direction
from pipeline.model.status import InterchangeStep
from pipeline.ports.ledger import Query
from pipeline.syntax import cdar
from tests.hubs import ROOT, World, opened
from tests.statuses import (
    SELLER,
    cdar_schema,
    deliver,
    found,
    message,
    pack,
    read_cdars,
    run,
    subscribe,
    subscribe_platforms,
)

pytestmark = pytest.mark.slow

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHY = (cdar.Detail(sequence=1, reason="CMD_ERR", note="commande inconnue"),)
SLIP = cdar.Attachment(payload=b"%PDF-1.4 bon", mime="application/pdf", name="bon.pdf")
TABLE = read_interfaces(ROOT / "config" / "interfaces.toml")
#: Whose sheet each application code is on.
SHEETS = {"SUP001": "supplier", "VIL001": "ville"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A hub, and the numbers that its partners take for their flows."""

    world: World
    numbers: Iterator[int]

    def say(self, code: str, application: str, *said: cdar.Cdar) -> InterchangeStep:
        """Have a partner leave a flow; return what became of it."""
        number = f"{code[3:7]}{next(self.numbers):015d}"
        name = f"{code}_{application}_{application}{number}"
        payload = [cdar.write(one, cdar_schema()) for one in said]
        self.world.drop(SHEETS[application], name, pack(payload) if len(said) > 1 else payload[0])
        run(self.world)
        (flow,) = self.world.hub.ledger.interchanges(Query(text=name))
        return flow.step

    def refuse(self, code: str, application: str, answered: str) -> list[str]:
        """Have a partner say that it could not take the last flow under a code.

        Returns:
            The statuses that are on record of that flow then.
        """
        path = found(self.world, SHEETS[application], answered)[-1]
        detail = (cdar.Detail(sequence=1, reason="IRR_SYNTAX", text="illisible"),)
        said = message(path.name, 501, AT, details=detail, seller=None, issue_date=None)
        assert self.say(code, application, said) is InterchangeStep.CLOSED
        with self.world.hub.ledger.transaction() as tx:
            (row,) = tx.rows_named([path.name])
        told = self.world.hub.ledger.events(row.key)
        return [one.fact.what for one in told if one.fact.what.startswith("receipt.")]


def a_refusal(path: Path) -> cdar.Cdar:
    """Return the 601 by which a partner does not take a status of ours."""
    ours = read_cdars(path)[-1]
    return message(ours.id, 601, AT, details=WHY)


def test_between_a_public_sender_and_a_platform_everything_can_be_said(tmp_path: Path) -> None:
    """G2B: each side tells, each side refuses what it is told, and what it could not read."""
    with opened(tmp_path) as world:
        subscribe_platforms(world)
        deliver(world, "A1", flow="FSO3110A_SUP001_SUP0013110{:015d}")
        scene, closed = Scene(world, count(100)), InterchangeStep.CLOSED
        missing = cdar.Detail(sequence=1, reason="JUSTIF_ABS", note="bon absent")
        suspended = message("A1", 208, AT, details=(missing,))
        completed = message("A1", 209, AT + HOUR, attachments=(SLIP,), issuer=_seller())

        said = [
            scene.say("FSO3301A", "VIL001", suspended),
            scene.say("FSO3302A", "SUP001", completed),
            scene.say("FSO3301A", "VIL001", message("ZZ", 204, AT)),
            scene.say("FSO3300A", "SUP001", message("ZZ", 209, AT, issuer=_seller())),
            scene.say("FSO3303A", "VIL001", a_refusal(found(world, "ville", "FEN4001A")[-1])),
        ]

        assert said == [closed] * 5
        assert scene.refuse("CEI4000A", "SUP001", "FEN4000A") == ["receipt.refused"]
        assert scene.refuse("CEI4001A", "VIL001", "FEN4001A") == ["receipt.refused"]
        assert scene.refuse("CEI4002A", "SUP001", "FEN4002A") == ["receipt.refused"]
        assert scene.refuse("CEI4003A", "VIL001", "FEN4003A") == ["receipt.refused"]


def test_with_a_platform_that_deposits_everything_can_be_said(tmp_path: Path) -> None:
    """B2G: the same, under the codes of AFNOR deposits."""
    with opened(tmp_path) as world:
        subscribe(world)
        world.connections["supplier"] = replace(
            world.connections["supplier"], interfaces=("FSO1150A",), matricule="0417"
        )
        world.apply("ville", "hopital")
        deliver(world, "A1", flow="FSO1150A_SUP001_SUP0011150{:015d}")
        scene, closed = Scene(world, count(100)), InterchangeStep.CLOSED

        said = [
            scene.say("FSO1304A", "SUP001", message("ZZ", 209, AT, issuer=_seller())),
            scene.say("FSO1305A", "SUP001", a_refusal(found(world, "supplier", "FEN1204A")[-1])),
        ]

        assert said == [closed] * 2
        assert scene.refuse("CEN1204A", "SUP001", "FEN1204A") == ["receipt.refused"]
        assert scene.refuse("CEN1205A", "SUP001", "FEN1205A") == ["receipt.refused"]


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A hub that nothing here changes: whatever is said is irrecevable."""
    with opened(tmp_path_factory.mktemp("platforms")) as world:
        subscribe_platforms(world)
        yield Scene(world, count(1))


@pytest.mark.parametrize(
    "code",
    [
        one.code
        for one in TABLE.values()
        if one.carries is Carries.STATUSES and one.direction is Direction.IN and not one.unserved
    ],
)
def test_an_irrecevable_flow_of_statuses_is_answered_under_its_own_code(
    platforms: Scene, code: str
) -> None:
    """Whatever the family: the sheet that may send it gets the answer."""
    world = platforms.world
    principal = next(one for one in TABLE.values() if code in one.brings and not one.unserved)
    sheet = world.connections["supplier" if principal.is_deposit else "ville"]
    forms = {"FEN0036A": Form.PIVOT, "FEN3036A": Form.UBL}
    kept = {**world.connections}
    world.connections[sheet.name] = replace(
        sheet,
        interfaces=(principal.code,),
        matricule="0417",
        siren=None,
        carriage=Carriage(form=forms.get(principal.code, Form.AS_RECEIVED)),
    )
    world.apply("ville")
    application = sheet.application_code or ""
    number = f"{code[3:7]}{next(platforms.numbers):015d}"
    name = f"{code}_{application}_{application}{number}"

    world.drop(sheet.name, name, b"<a/>")
    run(world)
    world.connections.update(kept)

    (flow,) = world.hub.ledger.interchanges(Query(text=name))
    (row,) = world.hub.ledger.outbox(interchange=flow.id)
    assert (flow.step, flow.reason) == (InterchangeStep.REFUSED, "IRR_SYNTAX")
    assert row.name.startswith(f"{TABLE[code].refused_by}_{application}_")


def _seller() -> cdar.Party:
    return cdar.Party(cdar.SELLER, SELLER.siret[:9], cdar.SIREN)
