"""Four eyes: what one person proposes another one puts in force, and nobody alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.app.apply import carry_out
from pipeline.app.approve import approve, candidates, pending, refuse
from pipeline.app.hub import Hub
from pipeline.app.rollover import switch
from pipeline.app.standing import note_passed, promote, resume, suspend
from pipeline.model.connection import Connection, Role, Successors
from pipeline.model.directory import Route
from pipeline.model.errors import ConfigError, Fenced, LedgerConflict
from pipeline.model.settings import Approval, Settings
from pipeline.model.standing import MoveCause, SheetState
from pipeline.ports.failpoint import PHASES
from pipeline.ports.ledger import Sheets
from tests.authority import issue
from tests.clocks import NOON
from tests.hubs import MINUTE, World, opened

ANA, BOB = "operator:ana", "operator:bob"
YEAR = timedelta(days=365)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with its partners in production."""
    with opened(tmp_path) as made:
        yield made


def person(world: World, name: str, approval: Approval = Approval.FOUR_EYES) -> Hub:
    """Return the hub as one person uses it."""
    return replace(world.hub, by=name, settings=Settings(approval=approval))


def changed(world: World, **sheets: Connection) -> Sheets:
    """Return what is in force with other sheets beside it, or in its place."""
    known = world.hub.ledger.sheets()
    return Sheets({**known.connections, **sheets}, known.directory)


def a_receiver(world: World, name: str) -> Connection:
    """Return the sheet of a new receiver behind the door of another one."""
    known = world.hub.ledger.sheets().connections.values()
    return replace(next(one for one in known if one.role is Role.RECEIVER), name=name)


def other_key(world: World) -> tuple[str, Connection]:
    """Return a sheet in force with another inbox, and its name."""
    name, sheet = min(world.hub.ledger.sheets().connections.items())
    return name, replace(sheet, inbox="drop")


def test_a_change_waits_for_another_person(world: World) -> None:
    """Its author is refused, another puts it in force, a third time nothing happens."""
    ana, bob = person(world, ANA), person(world, BOB)
    name, sheet = other_key(world)

    done = carry_out(ana, changed(world, **{name: sheet}))
    (waiting,) = pending(bob)
    with pytest.raises(ConfigError, match="another person has to approve"):
        approve(ana, waiting.proposal.id)
    before = world.hub.ledger.sheets().connections[name]
    approved = [approve(bob, waiting.proposal.id), approve(bob, waiting.proposal.id)]

    assert (done.changes, [one.by for one in done.proposals]) == ((), [ANA])
    assert [(one.key, one.after) for one in waiting.changes] == [("inbox", "drop")]
    assert before.inbox == "in"
    assert approved == [(f"connection {name}", True), (f"connection {name}", False)]
    assert world.hub.ledger.sheets().connections[name] == sheet
    assert world.hub.ledger.sheets().state(name) is SheetState.PRODUCTION


def test_a_stale_proposal_is_refused_and_says_so(world: World) -> None:
    """It was made of a version that is in force no more."""
    ana, bob = person(world, ANA), person(world, BOB)
    name, sheet = other_key(world)
    carry_out(ana, changed(world, **{name: sheet}))
    (waiting,) = pending(bob)
    third = changed(world, **{name: replace(sheet, inbox="third")})
    carry_out(person(world, ANA, Approval.NONE), third)

    with pytest.raises(ConfigError, match="stale"):
        approve(bob, waiting.proposal.id)
    with pytest.raises(ConfigError, match="stale by operator:bob"):
        approve(bob, waiting.proposal.id)

    assert world.hub.ledger.sheets().connections[name].inbox == "third"


def test_a_refused_proposal_tells_by_whom(world: World) -> None:
    """A reason is asked for: its author reads it."""
    ana, bob = person(world, ANA), person(world, BOB)
    name, sheet = other_key(world)
    carry_out(ana, changed(world, **{name: sheet}))
    (waiting,) = pending(bob)

    with pytest.raises(ConfigError, match="--reason"):
        refuse(bob, waiting.proposal.id, " ")
    refuse(bob, waiting.proposal.id, "the key was not confirmed")

    with pytest.raises(ConfigError, match="refused by operator:bob"):
        approve(bob, waiting.proposal.id)
    assert pending(bob) == ()
    assert world.hub.ledger.proposals()[-1].reason == "the key was not confirmed"


def test_what_would_leave_a_route_without_a_door_is_not_approved(world: World) -> None:
    """Two proposals of one apply may depend on each other: the order is told, not guessed."""
    ana, bob = person(world, ANA), person(world, BOB)
    known = world.hub.ledger.sheets()
    routed = known.directory.routes[0].connection
    others = {name: one for name, one in known.connections.items() if name != routed}
    kept = tuple(route for route in known.directory.routes if route.connection != routed)
    wanted = Sheets(others, replace(known.directory, routes=kept))
    carry_out(ana, wanted)
    by_subject = {one.proposal.subject: one.proposal.id for one in pending(bob)}

    with pytest.raises(ConfigError, match=r"routes.toml: route 1: .*does not exist"):
        approve(bob, by_subject[f"connection {routed}"])
    approve(bob, by_subject["directory"])
    approve(bob, by_subject[f"connection {routed}"])

    assert dict(world.hub.ledger.sheets().connections) == others


def test_a_new_sheet_goes_by_test_and_second_person_into_shadow(world: World) -> None:
    """Draft, tested, approved, shadow: nothing of it counts before somebody else agreed."""
    ana, bob = person(world, ANA), person(world, BOB)
    ledger = world.hub.ledger

    carry_out(ana, changed(world, new=a_receiver(world, "new")))
    begun = ledger.sheets().standing["new"]
    with pytest.raises(ConfigError, match="test it first"):
        promote(ana, "new", "go")
    with pytest.raises(ConfigError, match="cannot become approved"):
        approve(bob, "new")
    note_passed(ana, begun)
    (candidate,) = candidates(bob)
    with pytest.raises(ConfigError, match="proposed by yourself"):
        approve(ana, "new")
    approved = [approve(bob, "new"), approve(bob, "new")]
    promoted = promote(ana, "new", "go")

    assert (begun.state, begun.by) == (SheetState.DRAFT, ANA)
    assert (candidate.standing.connection, candidate.author) == ("new", ANA)
    assert approved == [("connection new", True), ("connection new", False)]
    assert promoted.state is SheetState.SHADOW


def test_a_draft_is_changed_by_one_person_and_what_was_tested_is_a_draft_again(
    world: World,
) -> None:
    """No traffic depends on it, and what was seen to work was another sheet."""
    ana = person(world, ANA)
    new = a_receiver(world, "new")
    carry_out(ana, changed(world, new=new))
    note_passed(ana, world.hub.ledger.sheets().standing["new"])

    done = carry_out(ana, changed(world, new=replace(new, out="invoices")))

    assert ([one.key for one in done.changes], done.proposals) == (["out"], ())
    assert world.hub.ledger.sheets().state("new") is SheetState.DRAFT


def test_whoever_tested_what_changed_meanwhile_is_told(world: World) -> None:
    """The test took a minute; the sheet that passed is not the one in force."""
    ana = person(world, ANA)
    new = a_receiver(world, "new")
    carry_out(ana, changed(world, new=new))
    seen = world.hub.ledger.sheets().standing["new"]
    world.clock.move(MINUTE)
    carry_out(ana, changed(world, new=replace(new, out="invoices")))

    with pytest.raises(Fenced):
        note_passed(ana, seen)

    assert world.hub.ledger.sheets().state("new") is SheetState.DRAFT


def test_a_rollover_makes_nobody_else_the_author_of_a_sheet(world: World) -> None:
    """What takes over stood in the sheet; else its author would approve it, once it did."""
    ana, bob = person(world, ANA), person(world, BOB)
    new = replace(a_receiver(world, "new"), next=Successors(certificate="next.pem"))
    root = issue("Root", authority=True, until=NOON + YEAR)
    (world.home / "config" / "anchors").mkdir(parents=True)
    (world.home / "config" / "anchors" / "root.pem").write_bytes(root.pem)
    (world.home / "next.pem").write_bytes(issue("next", root, until=NOON + YEAR).pem)
    carry_out(ana, changed(world, new=new))
    switch(bob, "new")
    note_passed(ana, world.hub.ledger.sheets().standing["new"])

    with pytest.raises(ConfigError, match="proposed by yourself"):
        approve(ana, "new")

    assert approve(bob, "new") == ("connection new", True)


def test_a_draft_that_a_route_in_force_leads_to_is_not_withdrawn_alone(world: World) -> None:
    """One person would else stop what the next route takes; both wait for the second one."""
    ana, bob = person(world, ANA), person(world, BOB)
    carry_out(ana, changed(world, new=a_receiver(world, "new")))
    without = world.hub.ledger.sheets()
    routes = (Route(connection="new"), *without.directory.routes)
    carry_out(ana, replace(without, directory=replace(without.directory, routes=routes)))
    (routed,) = pending(bob)
    approve(bob, routed.proposal.id)
    kept = {name: one for name, one in without.connections.items() if name != "new"}

    done = carry_out(ana, replace(without, connections=kept))

    assert {one.subject for one in done.proposals} == {"connection new", "directory"}
    assert "new" in world.hub.ledger.sheets().connections


@pytest.mark.parametrize("approval", list(Approval))
def test_what_was_put_in_force_meanwhile_is_not_taken_back(
    world: World, approval: Approval
) -> None:
    """Ana's configuration was read before Bob agreed to a change: hers is to be made again."""
    ana, bob = person(world, ANA, approval), person(world, BOB)
    name, sheet = other_key(world)
    carry_out(person(world, ANA), changed(world, **{name: sheet}))
    (waiting,) = pending(bob)
    version, wanted = world.hub.ledger.sheets_version(), changed(world, new=a_receiver(world, "n"))
    approve(bob, waiting.proposal.id)

    with pytest.raises(LedgerConflict):
        carry_out(ana, wanted, expected=version)

    assert world.hub.ledger.sheets().connections[name] == sheet
    assert pending(bob) == ()


def test_where_one_person_is_enough_a_new_sheet_may_still_begin_as_a_draft(world: World) -> None:
    """A small site tries a receiver in shadow, too."""
    alone = person(world, ANA, Approval.NONE)

    carry_out(alone, changed(world, new=a_receiver(world, "new")), draft=True)
    note_passed(alone, world.hub.ledger.sheets().standing["new"])
    approve(alone, "new")
    carry_out(alone, changed(world, other=a_receiver(world, "other")))

    assert world.hub.ledger.sheets().state("new") is SheetState.APPROVED
    assert world.hub.ledger.sheets().state("other") is SheetState.PRODUCTION


def test_a_suspended_sheet_goes_on_where_it_was_and_only_it_stands_still(world: World) -> None:
    """By cause and name; what was suspended before is left alone."""
    ana = person(world, ANA)
    name, other = sorted(world.hub.ledger.sheets().connections)[:2]

    stopped = suspend(ana, name, "certificat expiré / expired", MoveCause.CERTIFICATE)
    again = suspend(ana, name, "again")
    others = world.hub.ledger.sheets().state(other)
    back = resume(ana, name, "renewed")

    assert stopped is not None
    assert (stopped.state, stopped.cause) == (SheetState.SUSPENDED, MoveCause.CERTIFICATE)
    assert (again, others) == (None, SheetState.PRODUCTION)
    assert back.state is SheetState.PRODUCTION
    with pytest.raises(ConfigError, match="is not suspended"):
        resume(ana, name, "twice")
    with pytest.raises(ConfigError, match="unknown connection sheet"):
        suspend(ana, "nobody", "why")


@dataclass(frozen=True, slots=True)
class Act:
    """One change of the ledger that somebody asks for, and asks for again after a crash."""

    point: str
    event: str
    do: Callable[[World], object]


def _propose(world: World) -> object:
    name, sheet = other_key(world)
    return carry_out(person(world, ANA), changed(world, **{name: sheet}))


def _approve(world: World) -> object:
    bob = person(world, BOB)
    done = [one.id for one in world.hub.ledger.proposals()]
    return approve(bob, done[0])


def _suspend(world: World) -> object:
    return suspend(person(world, ANA), min(world.hub.ledger.sheets().connections), "audit")


ACTS = (
    Act("ledger.propose", "proposal.made", _propose),
    Act("ledger.settle_proposal", "proposal.approved", _approve),
    Act("ledger.move_sheet", "sheet.moved", _suspend),
)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("act", ACTS, ids=[one.point for one in ACTS])
def test_what_is_asked_for_again_after_a_crash_is_done_once(
    world: World, fail_at: Callable[..., None], act: Act, phase: str
) -> None:
    """Before its commit nothing of it is there, after it everything is: one event either way."""
    if act.do is _approve:
        _propose(world)
    fail_at(f"{act.point}.{phase}", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        act.do(world)
    crashed = world.hub.ledger.count_events(act.event)
    act.do(world)

    assert crashed == (1 if phase == "after" else 0)
    assert world.hub.ledger.count_events(act.event) == 1
    assert world.hub.ledger.verify() == []
