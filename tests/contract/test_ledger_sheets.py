"""The configuration in force: read back as it was applied, every version kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.connection import (
    Atomicity,
    Completeness,
    Connection,
    Door,
    Envelope,
    Naming,
    RetryPolicy,
    Role,
)
from pipeline.model.directory import (
    Address,
    Directory,
    Flags,
    Kind,
    Platform,
    Route,
    Service,
    Structure,
    Validity,
)
from pipeline.model.errors import ConfigError, Fenced, LedgerConflict
from pipeline.model.event import Fact
from pipeline.model.limits import Limits
from pipeline.model.standing import MoveCause, SheetState, Standing
from pipeline.ports.ledger import Sheets

pytestmark = pytest.mark.contract

NOW = datetime(2025, 3, 1, 8, tzinfo=UTC)
BY = "operator:zoe"

DOOR = Door(host="sftp.example", port=22, user="acme", key="keys/acme", host_key="ssh-ed25519 AA")
SENDER = Connection(
    name="acme",
    partner="ACME",
    role=Role.SENDER,
    door=DOOR,
    application_code="ACM001",
    naming=Naming.GRAMMAR,
    interfaces=("FSO1100A", "FSO1117A"),
    atomicity=Atomicity.FLOW,
    profile="cius",
    completeness=Completeness(marker=".done", stable_for=timedelta(milliseconds=2500)),
    limits=Limits(documents=7),
)
RECEIVER = Connection(
    name="city",
    partner="City",
    role=Role.RECEIVER,
    door=replace(DOOR, timeout_s=1.5),
    envelope=Envelope.TAR_GZ,
    retry=RetryPolicy((timedelta(seconds=1), timedelta(days=2))),
)
DIRECTORY = Directory(
    {
        "00000000000018": Structure(
            siret="00000000000018",
            name="Mairie",
            active=False,
            services={"A": Service(), "B": Service(active=False)},
        )
    },
    (
        Route(connection="city", buyer_siret="00000000000018", type_codes=("380", "381")),
        Route(connection="city"),
    ),
)
SHEETS = Sheets({"acme": SENDER, "city": RECEIVER}, DIRECTORY)
STANDING = {
    name: Standing(
        connection=name,
        state=SheetState.PRODUCTION,
        since=NOW,
        by=BY,
        cause=MoveCause.APPLIED,
    )
    for name in SHEETS.connections
}

SINCE = dict.fromkeys(SHEETS.connections, NOW)


def told(ledger: SqlLedger) -> list[Fact]:
    return [event.fact for event in ledger.events()]


def fact(subject: str, kind: str, version: int, what: str = "sheet.applied") -> Fact:
    data: dict[str, object] = {"kind": kind, "version": version}
    if kind == "connection" and version == 1 and what == "sheet.applied":
        data["state"] = "production"
    return Fact(at=NOW, subject=subject, what=what, by=BY, data=data)


def test_sheets_read_back_are_those_that_were_applied(ledger: SqlLedger) -> None:
    """Every field of every sheet, and the order of the routes."""
    ledger.apply(SHEETS, BY, NOW)

    assert ledger.sheets() == replace(SHEETS, standing=STANDING, since=SINCE)
    assert told(ledger) == [
        fact("acme", "connection", 1),
        fact("city", "connection", 1),
        fact("routes", "routes", 1),
        fact("00000000000018", "structure", 1),
    ]


def test_nothing_is_in_force_before_anything_was_applied(ledger: SqlLedger) -> None:
    """A new hub knows nobody."""
    assert ledger.sheets() == Sheets()


def test_applying_the_same_again_changes_nothing(ledger: SqlLedger) -> None:
    """No version, no event."""
    ledger.apply(SHEETS, BY, NOW)
    before = told(ledger)

    ledger.apply(SHEETS, BY, NOW)

    assert told(ledger) == before


def test_only_what_changed_becomes_a_new_version(database: Any, ledger: SqlLedger) -> None:
    """The old version is kept, with the moments between which it was in force."""
    ledger.apply(SHEETS, BY, NOW)
    changed = replace(SENDER, profile=None)
    routes = DIRECTORY.routes[:1]

    ledger.apply(
        Sheets({"acme": changed, "city": RECEIVER}, replace(DIRECTORY, routes=routes)), BY, NOW
    )

    assert ledger.sheets().connections["acme"] == changed
    assert ledger.sheets().directory.routes == routes
    assert told(ledger)[4:] == [fact("acme", "connection", 2), fact("routes", "routes", 2)]
    assert database.sql(
        "SELECT version, ended_at IS NULL FROM sheet WHERE name = 'acme' ORDER BY version"
    ) == [(1, False), (2, True)]


def test_what_vanishes_is_closed_and_may_come_back(database: Any, ledger: SqlLedger) -> None:
    """A partner that leaves is no longer served, and its history stays."""
    ledger.apply(SHEETS, BY, NOW)

    ledger.apply(Sheets({"acme": SENDER}), BY, NOW)
    assert ledger.sheets() == Sheets({"acme": SENDER}, standing=STANDING, since={"acme": NOW})

    ledger.apply(SHEETS, BY, NOW)

    assert ledger.sheets() == replace(SHEETS, standing=STANDING, since=SINCE)
    assert told(ledger)[4:] == [
        fact("city", "connection", 1, "sheet.closed"),
        fact("routes", "routes", 1, "sheet.closed"),
        fact("00000000000018", "structure", 1, "sheet.closed"),
        fact("city", "connection", 2),
        fact("routes", "routes", 2),
        fact("00000000000018", "structure", 2),
    ]
    assert database.sql("SELECT count(*) FROM sheet WHERE name = 'city'") == [(2,)]


def test_a_sheet_that_cannot_be_read_is_named(database: Any, ledger: SqlLedger) -> None:
    """The operator learns which one, and what to do."""
    ledger.apply(SHEETS, BY, NOW)
    database.sql("UPDATE sheet SET body = '{\"name\": 3}' WHERE name = 'acme'")

    with pytest.raises(ConfigError, match=r"connection acme: .*not a stored Connection"):
        ledger.sheets()


LINE = Address(identifier="000000000", platform="0417", validity=Validity(date(2026, 1, 1)))
IMPORTED = Directory(
    {
        "00000000000018": Structure(
            siret="00000000000018",
            name="Mairie",
            kind=Kind.PUBLIC,
            unit_active=False,
            validity=Validity(date(2026, 1, 1), date(2027, 1, 1)),
            services={"A": Service(name="Eau", engagement=Validity(None, date(2027, 1, 1)))},
            flags=Flags(engagement=True, works_only=True),
        )
    },
    DIRECTORY.routes,
    addresses={"000000000": (LINE, replace(LINE, masked=True, validity=Validity()))},
    platforms={"0417": Platform(matricule="0417", name="Une", active=False)},
    imported=True,
)


def test_a_directory_reads_back_as_it_was_imported(ledger: SqlLedger) -> None:
    """Every field: dates, flags, addresses, platforms, and that it came by import."""
    sheets = replace(SHEETS, directory=IMPORTED)

    ledger.apply(sheets, BY, NOW)

    assert ledger.sheets().directory == IMPORTED


def test_the_directory_of_a_moment_is_the_one_that_was_in_force_then(ledger: SqlLedger) -> None:
    """History is kept: who asks why an invoice was refused asks about that day."""
    later = NOW + timedelta(days=1)
    ledger.apply(SHEETS, BY, NOW)
    ledger.apply(replace(SHEETS, directory=IMPORTED), BY, later)

    found = [ledger.directory_at(moment) for moment in (NOW - timedelta(seconds=1), NOW, later)]

    assert found == [Directory(), DIRECTORY, IMPORTED]


def test_what_was_made_from_an_older_configuration_is_not_applied(ledger: SqlLedger) -> None:
    """It would take back what somebody else put in force meanwhile; nothing of it is written."""
    ledger.apply(SHEETS, BY, NOW)
    version = ledger.sheets_version()
    ledger.apply(replace(SHEETS, directory=IMPORTED), BY, NOW)
    before = told(ledger)
    extra = Fact(at=NOW, subject="directory", what="directory.imported", by=BY, data={})

    with pytest.raises(LedgerConflict):
        ledger.apply(SHEETS, BY, NOW, expected=version, facts=[extra])

    assert ledger.sheets().directory == IMPORTED
    assert told(ledger) == before


def test_a_fact_is_told_with_what_is_applied(ledger: SqlLedger) -> None:
    """In the same transaction: which file a directory came from."""
    extra = Fact(at=NOW, subject="directory", what="directory.imported", by=BY, data={"file": "a"})

    ledger.apply(Sheets(), BY, NOW, expected=ledger.sheets_version(), facts=[extra])

    assert told(ledger) == [extra]


LATER = NOW + timedelta(days=1)


def suspended(by: str = "operator:ana") -> Standing:
    return Standing(
        connection="acme",
        state=SheetState.SUSPENDED,
        since=LATER,
        by=by,
        cause=MoveCause.CERTIFICATE,
        reason="certificat expiré / expired",
        resumes=SheetState.PRODUCTION,
    )


def test_a_sheet_moves_with_an_event_that_proves_it(ledger: SqlLedger) -> None:
    """Who stopped a partner, when and why is asked about for years."""
    ledger.apply(SHEETS, BY, NOW)
    version = ledger.sheets_version()

    ledger.move_sheet(STANDING["acme"], suspended())

    assert ledger.sheets().standing == {**STANDING, "acme": suspended()}
    assert told(ledger)[-1] == Fact(
        at=LATER,
        subject="acme",
        what="sheet.moved",
        by="operator:ana",
        data={
            "from": "production",
            "to": "suspended",
            "cause": "certificate",
            "reason": "certificat expiré / expired",
        },
    )
    assert ledger.sheets_version() > version, "a hub that is running reads its sheets again"


def test_of_two_who_move_a_sheet_the_second_is_fenced(ledger: SqlLedger) -> None:
    """Both saw it in production: one decision is taken, and told once."""
    ledger.apply(SHEETS, BY, NOW)
    ledger.move_sheet(STANDING["acme"], suspended())
    before = told(ledger)

    with pytest.raises(Fenced, match="acme: "):
        ledger.move_sheet(STANDING["acme"], suspended("operator:bob"))

    assert ledger.sheets().standing["acme"] == suspended()
    assert told(ledger) == before


def test_a_move_that_the_table_lacks_is_not_written(ledger: SqlLedger) -> None:
    """The table of states holds for whoever calls."""
    ledger.apply(SHEETS, BY, NOW)

    with pytest.raises(ValueError, match="tested cannot follow production"):
        ledger.move_sheet(
            STANDING["acme"], replace(STANDING["acme"], state=SheetState.TESTED, since=LATER)
        )

    assert ledger.sheets().standing == STANDING


def test_applying_lifts_no_suspension(ledger: SqlLedger) -> None:
    """Neither a new version of a sheet, nor one that was gone and comes back, lets it go on."""
    ledger.apply(SHEETS, BY, NOW)
    ledger.move_sheet(STANDING["acme"], suspended())
    changed = Sheets({"acme": replace(SENDER, profile=None), "city": RECEIVER}, DIRECTORY)

    ledger.apply(changed, BY, LATER)
    ledger.apply(Sheets({"city": RECEIVER}, DIRECTORY), BY, LATER)
    gone = ledger.sheets()
    ledger.apply(SHEETS, BY, LATER)

    assert "acme" not in gone.connections
    assert gone.standing["acme"] == suspended()
    assert ledger.sheets().standing["acme"] == suspended()


@pytest.mark.parametrize("state", [SheetState.TESTED, SheetState.APPROVED])
def test_a_sheet_that_changes_before_its_traffic_is_a_draft_again(
    ledger: SqlLedger, state: SheetState
) -> None:
    """What was tested and approved was another sheet."""
    ledger.apply(SHEETS, BY, NOW, begin=SheetState.DRAFT)
    stands = ledger.sheets().standing["acme"]
    for after in (SheetState.TESTED, SheetState.APPROVED):
        if stands.state is not state:
            moved = replace(stands, state=after)
            ledger.move_sheet(stands, moved)
            stands = moved

    ledger.apply(
        Sheets({"acme": replace(SENDER, profile=None), "city": RECEIVER}, DIRECTORY), BY, LATER
    )

    found = ledger.sheets().standing
    assert found["acme"].state is SheetState.DRAFT
    assert found["city"].state is SheetState.DRAFT
    assert told(ledger)[-1].data == {
        "from": state.value,
        "to": "draft",
        "cause": "applied",
        "reason": "la fiche a changé / the sheet changed",
    }


def test_every_version_of_a_sheet_is_kept_with_its_days(ledger: SqlLedger) -> None:
    """Whoever asks what was agreed in March gets what held then."""
    ledger.apply(SHEETS, BY, NOW)
    changed = replace(SENDER, profile=None)
    ledger.apply(Sheets({"acme": changed}, DIRECTORY), "operator:ana", LATER)

    first, second = ledger.versions("acme")

    assert (first.version, first.connection, first.by) == (1, SENDER, BY)
    assert (first.applied_at, first.ended_at) == (NOW, LATER)
    assert (second.version, second.connection, second.by) == (2, changed, "operator:ana")
    assert [one.held_at(NOW) for one in (first, second)] == [True, False]
    assert [one.held_at(LATER) for one in (first, second)] == [False, True]
    assert ledger.versions("nobody") == []
    assert ledger.sheets().since == {"acme": LATER}


def test_whoever_tests_a_draft_that_changes_meanwhile_is_fenced(ledger: SqlLedger) -> None:
    """What was seen to work is not what is in force."""
    ledger.apply(SHEETS, BY, NOW, begin=SheetState.DRAFT)
    seen = ledger.sheets().standing["acme"]
    ledger.apply(Sheets({"acme": replace(SENDER, profile=None)}, DIRECTORY), BY, LATER)

    with pytest.raises(Fenced):
        ledger.move_sheet(seen, replace(seen, state=SheetState.TESTED))

    assert ledger.sheets().standing["acme"] == replace(seen, since=LATER)
