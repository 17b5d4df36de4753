"""A change tried on archived traffic: what it would do is told, and nothing is done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.app.proposal import Change, Named, Offer, profile_change, sheet_change, understand
from pipeline.app.rehearse import Rehearsal, rehearse
from pipeline.app.run import run_once
from pipeline.model.carriage import Carriage
from pipeline.model.connection import Connection
from pipeline.model.conversion import Form
from pipeline.model.decision import Verdict
from pipeline.model.errors import ConfigError
from pipeline.model.profile import Profile
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, World, invoice, opened, samples

#: A contract reference may have fifty characters.
STRICT = replace(LIGHT, rules=("cpro",))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One sender's two files were delivered, one to each receiver; a third was refused."""
    with opened(tmp_path) as found:
        found.drop("caterer", "plain.xml", invoice("A1"))
        found.drop("caterer", "long.xml", long_contract("A2"))
        found.drop("caterer", "nobody.xml", invoice("A3").replace(b"<cbc:ID>A3", b"<cbc:Id>A3"))
        found.drop("supplier", "FSO1100A_SUP001_SUP0011100000000000000001", invoice("B1"))
        run(found)
        yield found


def long_contract(number: str) -> bytes:
    """Return an invoice that breaks a rule of the stricter profile, and no other."""
    made = samples()
    model = made.billed_to(made.BY_KEY["ubl-380-fournitures"], made.VILLE, number)
    written: bytes = made.to_ubl(replace(model, contract="M" * 51))
    return written


def run(world: World) -> None:
    """Work until everything is answered."""
    for _ in range(2):
        world.clock.move(2 * MINUTE)
        run_once(world.hub, insist=True)


def offer(*sheets: Connection, profiles: dict[str, Profile] | None = None) -> Offer:
    """Return a configuration that holds these sheets and profiles alone."""
    return Offer(
        place="DIR", connections={one.name: one for one in sheets}, profiles=profiles or {}
    )


def of_profile(world: World, profile: Profile) -> Change:
    """Return the change of a profile."""
    hub = world.hub
    offered = offer(profiles={profile.name: profile})
    return profile_change(hub, hub.ledger.sheets(), offered, profile.name)


def of_sheet(world: World, sheet: Connection) -> Change:
    """Return the change of a sheet."""
    return sheet_change(world.hub, world.hub.ledger.sheets(), offer(sheet), sheet.name)


def told(done: Rehearsal) -> list[tuple[str | None, Verdict | None, Verdict | None, str]]:
    """Return of each document that differs its number, its ways and what is against it."""
    return [
        (one.document.header.number, one.before, one.after, ", ".join(one.against))
        for one in done.differing
    ]


def fingerprint(world: World) -> dict[str, str]:
    """Return the hash of every file of the hub and its partners, and of every ledger row."""
    files = {
        str(path): sha256(path.read_bytes()).hexdigest()
        for folder in (world.home, world.root)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "spool" not in path.parts
    }
    with sqlite3.connect(world.home / "ledger.sqlite") as rows:
        files["rows"] = sha256("\n".join(rows.iterdump()).encode()).hexdigest()
    return files


def test_a_stricter_profile_tells_whom_it_would_refuse_and_changes_nothing(world: World) -> None:
    """By partner, rule and amount; ledger and folders stay byte for byte as they were."""
    before = fingerprint(world)

    done = rehearse(of_profile(world, STRICT), 100)

    assert told(done) == [("A2", Verdict.ACCEPT, Verdict.REJECT, "BR-FR-CPRO-14 fatal")]
    (summed,) = done.summed
    assert (summed.partner, summed.documents) == ("caterer", 1)
    assert summed.amounts == {"EUR": done.differing[0].document.header.total_with_vat}
    assert (done.documents, done.worse, done.left_out) == (4, True, ())
    assert fingerprint(world) == before
    assert not list((world.home / "spool").rglob("*.xml"))


def test_a_version_to_come_is_tried_on_what_came_before_it(world: World) -> None:
    """Its first day has not come; what was sent until now is what there is to try it on."""
    later = replace(STRICT, valid_from=world.clock.now().date().replace(year=2099))

    done = rehearse(of_profile(world, replace(LIGHT, later=(later,))), 100)

    assert [one.document.header.number for one in done.differing] == ["A2"]


def test_a_sheet_that_ends_an_interface_refuses_its_flows_by_name(world: World) -> None:
    """What the sheet says of names counts too, not only what judges the documents."""
    sheet = replace(world.connections["supplier"], application_code="AUTRE1")

    done = rehearse(of_sheet(world, sheet), 100)

    assert told(done) == [("B1", Verdict.ACCEPT, Verdict.REJECT, "IRR_CODE_APP")]
    assert done.documents == 1


def test_a_receivers_new_form_tells_what_it_could_not_hold(world: World) -> None:
    """Accepted all the same, but held on its way out: for that receiver's documents alone."""
    dated, time = b"</cbc:IssueDate>", b"<cbc:IssueTime>12:00:00</cbc:IssueTime>"
    with_time = invoice("C1").replace(dated, dated + time, 1)
    world.drop("caterer", "time.xml", with_time)
    world.drop("caterer", "elsewhere.xml", invoice("C2", buyer="HOPITAL"))
    run(world)
    before = fingerprint(world)
    sheet = replace(world.connections["ville"], carriage=Carriage(form=Form.CII))

    done = rehearse(of_sheet(world, sheet), 100)

    assert told(done) == [("C1", Verdict.ACCEPT, Verdict.HOLD, "CONVERSION_LOSS")]
    assert (done.documents, fingerprint(world)) == (4, before)


def test_only_the_last_are_tried_and_only_what_the_change_itself_does_is_told(
    world: World,
) -> None:
    """A receiver that left the directory meanwhile would refuse all: that is no news of this."""
    world.apply()
    held = world.hub.ledger.documents(Query(text="A1"))[0]

    done = rehearse(of_profile(world, STRICT), 2)

    assert done.documents == 2
    assert [one.document.header.number for one in done.differing if one.document == held] == []
    assert done.anyway


def test_what_a_change_would_let_through_is_told_too(world: World) -> None:
    """Refused for a rule that the new profile does not have."""
    world.judge_by(STRICT)
    world.drop("caterer", "again.xml", long_contract("A9"))
    run(world)

    done = rehearse(of_profile(world, LIGHT), 1)

    assert told(done) == [("A9", Verdict.REJECT, Verdict.ACCEPT, "BR-FR-CPRO-14 fatal")]
    assert not done.worse


def test_a_lost_original_is_left_out_by_name_and_stops_nothing(world: World) -> None:
    """One flow that cannot be judged again is told; the others are tried."""
    (lost,) = world.hub.ledger.interchanges(Query(text="plain.xml"))
    for path in (world.home / "archive").rglob(f"{lost.sha256}*"):
        path.unlink()

    done = rehearse(of_profile(world, STRICT), 100)

    assert [(flow.id, why.partition(":")[0]) for flow, why in done.left_out] == [
        (lost.id, "ARCHIVE")
    ]
    assert done.documents == 3


@pytest.mark.parametrize(
    ("subject", "is_file", "found"),
    [
        ("caterer", False, (Named.SHEET, "caterer")),
        ("light", False, (Named.PROFILE, "light")),
        ("rules.xslt", True, (Named.PACK, "rules.xslt")),
        ("profile:both", False, (Named.PROFILE, "both")),
        ("both", False, "sheet:both, profile:both"),
        ("caterer", True, "sheet:caterer, pack:caterer"),
        ("sheet:light", False, "caterer"),
        ("nobody", False, "caterer"),
    ],
)
def test_a_name_that_is_unknown_or_means_several_things_is_answered(
    world: World, subject: str, is_file: bool, found: tuple[Named, str] | str
) -> None:
    """With what there is, or with the ways to say which."""
    both = replace(world.connections["ville"], name="both")
    offered = offer(both, profiles={"both": LIGHT})

    def understood() -> tuple[Named, str]:
        sheets = world.hub.ledger.sheets()
        return understand(world.hub, sheets, offered, subject, is_file=is_file)

    if isinstance(found, tuple):
        assert understood() == found
        return
    with pytest.raises(ConfigError, match=found):
        understood()


def test_a_sheet_that_cannot_be_put_in_force_is_not_rehearsed(world: World) -> None:
    """What it names must exist; one that says nothing new, or closes, is answered too."""
    unknown = replace(world.connections["caterer"], profile="none-such")

    with pytest.raises(ConfigError, match="caterer: profile: « none-such »"):
        of_sheet(world, unknown)
    with pytest.raises(ConfigError, match="caterer: DIR dit ce qui est en vigueur"):
        of_sheet(world, world.connections["caterer"])
    with pytest.raises(ConfigError, match="caterer: absente de DIR"):
        sheet_change(world.hub, world.hub.ledger.sheets(), offer(), "caterer")
