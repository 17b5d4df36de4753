"""Which of the routes that match takes a document."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline.model.connection import Connection, Door, Environment, Role, Trial
from pipeline.model.decision import Verdict
from pipeline.model.directory import Directory, Route
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.report import RoutingHeader
from pipeline.model.standing import SheetState
from pipeline.route.choice import Choice, Passed, Receivers, choose, not_delivered, not_live

DAY = date(2026, 11, 28)
SELLER, OTHER = "732829320", "552100554"
FLOW = InterchangeId("F0123456789ABCDEF")
ROUTES = Directory({}, (Route(connection="new"), Route(connection="old")))


def a_sheet(name: str, **more: object) -> Connection:
    """Return a receiver's sheet of Ville."""
    door = Door(host="h", user="u", key="k", host_key="ssh-ed25519 A")
    made = Connection(name=name, partner="Ville", role=Role.RECEIVER, door=door)
    return replace(made, **more)  # type: ignore[arg-type]  # by name


def receivers(state: SheetState = SheetState.PRODUCTION, **more: object) -> Receivers:
    """Return Ville's old sheet, in production, and its new one in some state."""
    sheets = {"old": a_sheet("old"), "new": a_sheet("new", **more)}
    return Receivers(sheets=sheets, states={"new": state}, day=DAY)


def a_document(seller: str = SELLER) -> Document:
    """Return an invoice of one seller."""
    return Document(
        id=document_id(FLOW, 1),
        interchange=FLOW,
        seq=1,
        name="a.xml",
        size=10,
        sha256="ab" * 32,
        header=RoutingHeader(seller_siren=seller),
    )


@pytest.mark.parametrize(
    ("state", "choice"),
    [
        (SheetState.DRAFT, Choice("old", (), (("new", Passed.STATE),))),
        (SheetState.TESTED, Choice("old", (), (("new", Passed.STATE),))),
        (SheetState.APPROVED, Choice("old", (), (("new", Passed.STATE),))),
        (SheetState.SHADOW, Choice("old", ("new",), (("new", Passed.STATE),))),
        (SheetState.PILOT, Choice("old", (), (("new", Passed.SUPPLIER),))),
        (SheetState.PRODUCTION, Choice("new")),
        (SheetState.CLOSED, Choice("old", (), (("new", Passed.STATE),))),
    ],
)
def test_a_sheet_takes_by_its_state_and_else_the_next_route_does(
    state: SheetState, choice: Choice
) -> None:
    """Before production, and after, invoices go as if the route were not there."""
    assert choose(a_document(), "Papeterie", ROUTES, receivers(state)) == choice


@pytest.mark.parametrize(
    ("seller", "taken", "route"),
    [(SELLER, 0, "new"), (SELLER, 1, "new"), (SELLER, 2, "old"), (OTHER, 0, "old")],
)
def test_a_pilot_takes_its_suppliers_up_to_its_volume(seller: str, taken: int, route: str) -> None:
    """All others go as before."""
    trial = Trial(suppliers=(SELLER,), documents_a_day=2)
    pilot = replace(receivers(SheetState.PILOT, trial=trial), taken={"new": taken})

    assert choose(a_document(seller), "Papeterie", ROUTES, pilot).route == route


def test_what_a_full_pilot_took_already_stays_its_own() -> None:
    """Decided on again, a document is not one more."""
    trial = Trial(suppliers=(SELLER,), documents_a_day=1)
    pilot = replace(receivers(SheetState.PILOT, trial=trial), taken={"new": 1})
    taken = replace(a_document(), route="new")

    assert choose(taken, "Papeterie", ROUTES, pilot).route == "new"


@pytest.mark.parametrize(
    ("start", "end", "route"),
    [
        (None, None, "new"),
        (DAY, None, "new"),
        (date(2026, 11, 29), None, "old"),
        (None, date(2026, 11, 29), "new"),
        (None, DAY, "old"),
    ],
)
def test_an_agreement_takes_from_its_first_day_until_its_end(
    start: date | None, end: date | None, route: str
) -> None:
    """The day it ends is not its own."""
    dated = receivers(start_date=start, end_date=end)

    assert choose(a_document(), "Papeterie", ROUTES, dated).route == route


@pytest.mark.parametrize(
    ("environment", "new", "route"),
    [
        (Environment.PRODUCTION, Environment.QUALIFICATION, "old"),
        (Environment.QUALIFICATION, Environment.QUALIFICATION, "new"),
        (Environment.QUALIFICATION, Environment.PRODUCTION, None),
    ],
)
def test_nothing_goes_from_one_environment_to_the_other(
    environment: Environment, new: Environment, route: str | None
) -> None:
    """Whatever the routes say."""
    known = replace(receivers(environment=new), environment=environment)

    assert choose(a_document(), "Papeterie", ROUTES, known).route == route


def test_a_route_to_production_stands_for_the_partners_qualification_sheet() -> None:
    """Nobody has to write each route twice; but never for somebody else's."""
    trial, other = a_sheet("trial"), a_sheet("other", partner="Hôpital")
    apart = {
        one.name: replace(one, environment=Environment.QUALIFICATION) for one in (trial, other)
    }
    known = replace(
        receivers(),
        sheets={"old": a_sheet("old"), **apart},
        environment=Environment.QUALIFICATION,
    )
    routes = Directory({}, (Route(connection="old"),))

    assert choose(a_document(), "Papeterie", routes, known) == Choice("trial")


def test_a_sheet_that_vanished_is_no_reason_to_go_elsewhere() -> None:
    """A gap of ours is held, and mended, not worked around."""
    known = replace(receivers(), sheets={"old": a_sheet("old")})

    assert choose(a_document(), "Papeterie", ROUTES, known) == Choice()


def test_a_document_that_no_sheet_takes_is_held_and_says_which_and_why() -> None:
    """An operator reads what to move; its sender need not act."""
    alone = Directory({}, (Route(connection="new"),))
    shadow = receivers(SheetState.SHADOW)
    document = a_document()

    decision = not_live(document, choose(document, "Papeterie", alone, shadow), shadow)

    (why,) = decision.reasons
    assert (decision.verdict, why.code) == (Verdict.HOLD, "NOT_LIVE")
    assert "new" in why.message["fr"]
    assert "à blanc" in why.message["fr"]
    assert "shadow" in why.message["en"]


def test_a_trial_without_recipient_is_accepted_and_says_so() -> None:
    """It was judged, and that is what a trial is for."""
    decision = not_delivered(a_document())

    assert (decision.verdict, [why.code for why in decision.reasons]) == (
        Verdict.ACCEPT,
        ["TRIED_ONLY"],
    )
