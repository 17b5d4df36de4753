"""Changes that wait for a second person: kept, settled once, never put in force by half."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.directory import Directory, Route, Structure
from pipeline.model.errors import Fenced
from pipeline.model.event import Fact
from pipeline.model.proposal import IMPORT, Proposal, ProposalState
from pipeline.ports.ledger import Sheets

pytestmark = pytest.mark.contract

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ANA, BOB = "operator:ana", "operator:bob"

ACME = Connection(name="acme", partner="ACME", role=Role.SENDER, door=Door(host="a", host_key="k"))
CITY = Connection(name="city", partner="City", role=Role.RECEIVER, door=Door(host="c"))
DIRECTORY = Directory(
    {"00000000000018": Structure(siret="00000000000018", name="Mairie")},
    (Route(connection="city"),),
)
SHEETS = Sheets({"acme": ACME, "city": CITY}, DIRECTORY)
#: The same with another host key for one, and another name of a structure.
CHANGED = replace(ACME, door=replace(ACME.door, host_key="other"))
RENAMED = replace(
    DIRECTORY,
    structures={"00000000000018": Structure(siret="00000000000018", name="Ville")},
)
WANTED = Sheets({"acme": CHANGED, "city": CITY}, RENAMED)


@pytest.fixture
def in_force(ledger: SqlLedger) -> SqlLedger:
    """A ledger with two connections and a directory in force."""
    ledger.apply(SHEETS, ANA, NOW)
    return ledger


def settle(
    ledger: SqlLedger, proposal: Proposal, after: ProposalState = ProposalState.APPROVED
) -> ProposalState:
    return ledger.settle_proposal(proposal, after, by=BOB, at=LATER)


def states(ledger: SqlLedger) -> dict[str, ProposalState]:
    return {one.id: one.state for one in ledger.proposals()}


def told(ledger: SqlLedger) -> list[tuple[str, str, str]]:
    return [
        (event.fact.what, event.fact.subject, event.fact.by)
        for event in ledger.events()
        if event.fact.at != NOW or event.fact.what.startswith("proposal.")
    ]


def test_what_is_proposed_is_not_in_force(in_force: SqlLedger) -> None:
    """One proposal a connection, and one for all that changes of the directory."""
    made = in_force.propose(WANTED, ANA, NOW)

    assert sorted(one.subject for one in made) == ["connection acme", "directory"]
    assert {(one.state, one.by) for one in made} == {(ProposalState.OPEN, ANA)}
    assert in_force.sheets().connections == SHEETS.connections
    assert in_force.sheets().directory == DIRECTORY


def test_what_a_proposal_would_change_can_be_looked_at(in_force: SqlLedger) -> None:
    """It alone: the other one is another decision."""
    by_subject = {one.subject: one.id for one in in_force.propose(WANTED, ANA, NOW)}

    sheet = in_force.as_proposed(by_subject["connection acme"])
    directory = in_force.as_proposed(by_subject["directory"])

    assert (sheet.connections["acme"], sheet.directory) == (CHANGED, DIRECTORY)
    assert (directory.connections["acme"], directory.directory) == (ACME, RENAMED)


def test_an_approved_proposal_is_in_force_with_both_names(in_force: SqlLedger) -> None:
    """Who made it and who agreed are told for ever."""
    acme = next(one for one in in_force.propose(WANTED, ANA, NOW) if "acme" in one.subject)

    stands = settle(in_force, acme)

    assert stands is ProposalState.APPROVED
    assert in_force.sheets().connections["acme"] == CHANGED
    assert in_force.sheets().directory == DIRECTORY
    approved, applied = list(in_force.events())[-2:]
    assert approved.fact.what == "proposal.approved"
    assert (approved.fact.by, approved.fact.data["author"]) == (BOB, ANA)
    assert applied.fact.what == "sheet.applied"
    assert applied.fact.data == {
        "kind": "connection",
        "version": 2,
        "proposal": acme.id,
        "author": ANA,
    }


def test_a_proposal_is_settled_once(in_force: SqlLedger) -> None:
    """Of two who act at the same moment one decides, and nothing is done twice."""
    made = in_force.propose(WANTED, ANA, NOW)[0]
    settle(in_force, made)
    before = told(in_force)

    with pytest.raises(Fenced, match=made.id):
        settle(in_force, made)
    with pytest.raises(Fenced, match=made.id):
        settle(in_force, made, ProposalState.REFUSED)

    assert told(in_force) == before


def test_what_was_changed_meanwhile_makes_a_proposal_stale(in_force: SqlLedger) -> None:
    """It was agreed to as a change of what is no longer there."""
    acme = next(one for one in in_force.propose(WANTED, ANA, NOW) if "acme" in one.subject)
    third = replace(ACME, inbox="drop")
    in_force.apply(Sheets({"acme": third, "city": CITY}, DIRECTORY), BOB, LATER)

    stands = settle(in_force, acme)

    assert stands is ProposalState.STALE
    assert states(in_force)[acme.id] is ProposalState.STALE
    assert in_force.sheets().connections["acme"] == third


def test_the_same_proposed_again_stays_that_of_who_was_first(in_force: SqlLedger) -> None:
    """Else the one who made it could have it proposed by another, and approve it."""
    first = in_force.propose(WANTED, ANA, NOW)
    before = told(in_force)

    again = in_force.propose(WANTED, BOB, LATER)

    assert again == first
    assert told(in_force) == before


def test_another_proposal_takes_the_place_of_the_one_before(in_force: SqlLedger) -> None:
    """What config/ says now is what is proposed, and nothing of last week's."""
    before = {one.subject: one for one in in_force.propose(WANTED, ANA, NOW)}
    other = replace(WANTED, connections={"acme": replace(ACME, out="o"), "city": CITY})

    after = {one.subject: one for one in in_force.propose(other, BOB, LATER)}
    none = in_force.propose(SHEETS, BOB, LATER)
    back = in_force.propose(WANTED, BOB, LATER)

    assert after["directory"] == before["directory"]
    assert after["connection acme"].id != before["connection acme"].id
    assert list(none) == []
    assert {one.id for one in back} == {one.id for one in before.values()}
    assert {one.by for one in back} == {BOB}, "whoever proposes it now is its author"
    assert states(in_force)[after["connection acme"].id] is ProposalState.REPLACED


def test_a_withdrawal_is_proposed_like_any_change(in_force: SqlLedger) -> None:
    """To stop a partner by deleting a file takes two, too."""
    without = Sheets({"city": CITY}, DIRECTORY)
    (made,) = in_force.propose(without, ANA, NOW)

    settle(in_force, made)

    assert set(in_force.sheets().connections) == {"city"}
    assert list(in_force.events())[-1].fact.what == "sheet.closed"


def test_an_import_is_proposed_beside_what_config_proposes(in_force: SqlLedger) -> None:
    """Neither replaces the other, and what is to be told waits with it."""
    config = in_force.propose(WANTED, ANA, NOW)
    fact = Fact(at=NOW, subject="directory", what="directory.imported", by=ANA, data={"file": "f"})
    imported = Sheets({"city": CITY}, replace(RENAMED, imported=True))

    (made,) = in_force.propose(imported, ANA, NOW, directory=IMPORT, facts=[fact])
    still_open = [one for one in in_force.proposals() if one.state is ProposalState.OPEN]
    settle(in_force, made)

    assert made.subject == IMPORT, "of connections an import says nothing"
    assert {one.id for one in still_open} == {made.id, *(one.id for one in config)}
    assert in_force.sheets().directory == replace(RENAMED, imported=True)
    assert set(in_force.sheets().connections) == {"acme", "city"}
    assert ("directory.imported", "directory", ANA) in told(in_force)
