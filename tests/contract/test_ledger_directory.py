"""A directory of any size: what is asked for is read, the rest stays where it lies."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.app.apply import differences
from pipeline.model.directory import Address, Directory, Structure
from pipeline.ports.ledger import Sheets

pytestmark = pytest.mark.contract

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BY = "operator:test"
DAY = date(2026, 3, 2)


def structure(siret: str, *, active: bool = True) -> Structure:
    """Return a structure of this number."""
    return Structure(siret=siret, name=f"S {siret}", active=active)


#: Two legal units, beside one whose number lies between theirs.
KNOWN = {
    one.siret: one
    for one in (
        structure("10000000000017"),
        structure("10000000000025", active=False),
        structure("10000000100014"),
        structure("20000000000016"),
    )
}
LINES = {"100000000": (Address(identifier="100000000_10000000000017"),)}
DIRECTORY = Directory(KNOWN, addresses=LINES, imported=True)


def test_each_structure_is_found_by_its_number(ledger: SqlLedger) -> None:
    """And none that is not there, nor any more."""
    ledger.apply(Sheets(directory=DIRECTORY), BY, NOW)
    found = ledger.sheets().directory

    assert found == DIRECTORY
    assert found.structures["10000000000025"] == KNOWN["10000000000025"]
    assert found.structures.get("10000000000099") is None
    assert "10000000100014" in found.structures
    assert (len(found.structures), list(found.structures)) == (4, sorted(KNOWN))
    assert list(found.structures.values()) == [KNOWN[siret] for siret in sorted(KNOWN)]


def test_a_legal_unit_has_its_own_structures_and_no_others(ledger: SqlLedger) -> None:
    """They lie side by side with those of the next number."""
    ledger.apply(Sheets(directory=DIRECTORY), BY, NOW)
    found = ledger.sheets().directory

    assert [one.siret for one in found.of_siren("100000000")] == [
        "10000000000017",
        "10000000000025",
    ]
    assert [one.siret for one in found.of_siren("100000001")] == ["10000000100014"]
    assert found.of_siren("100000002") == ()
    assert found.owns_active("100000000", DAY)
    assert not found.owns_active("300000000", DAY)
    assert found.address("100000000_10000000000017", DAY) is not None
    assert found.address("100000001_10000000100014", DAY) is None


def test_it_is_empty_before_anything_is_known(ledger: SqlLedger) -> None:
    """Who asks whether there is a directory at all does not count it."""
    found = ledger.sheets().directory

    assert not found.structures
    assert (len(found.structures), found) == (0, Directory())


def test_what_stays_where_it_lies_is_neither_compared_nor_written_again(
    ledger: SqlLedger,
) -> None:
    """To change a sheet does not cost what a country's directory does, nor close any of it."""
    ledger.apply(Sheets(directory=DIRECTORY), BY, NOW)
    known = ledger.sheets()
    before = ledger.sheets_version()

    ledger.apply(known, BY, NOW)

    assert differences(ledger.sheets(), known) == ()
    assert ledger.sheets_version() == before
    assert ledger.sheets().directory == DIRECTORY


def test_what_is_at_hand_is_compared_and_closed(ledger: SqlLedger) -> None:
    """An import that leaves something out takes it out."""
    ledger.apply(Sheets(directory=DIRECTORY), BY, NOW)
    less = replace(DIRECTORY, structures={"20000000000016": KNOWN["20000000000016"]})

    told = differences(ledger.sheets(), Sheets(directory=less))
    ledger.apply(Sheets(directory=less), BY, NOW)

    assert [change.subject for change in told] == [
        "structure 10000000000017",
        "structure 10000000000025",
        "structure 10000000100014",
    ]
    assert ledger.sheets().directory == less
    assert ledger.sheets().directory.loaded() == less
