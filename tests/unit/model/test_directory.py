"""What is known on a day, and what an import makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipeline.model.directory import (
    Address,
    Directory,
    Kind,
    Platform,
    Service,
    Structure,
    Validity,
)
from pipeline.model.directory_update import Table, Unit, Update, merge, orphans

CITY, BRANCH, CLINIC = "21000123600012", "21000123600020", "26000456900018"
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 1)
DAY = timedelta(days=1)
IN_MARCH = Validity(FIRST, LAST)

KNOWN = Directory(
    {
        CITY: Structure(
            siret=CITY, name="Ville", kind=Kind.PUBLIC, services={"EAU": Service(name="Eau")}
        ),
        CLINIC: Structure(siret=CLINIC, name="Clinique", kind=Kind.PRIVATE),
    },
    addresses={"210001236": (Address(identifier="210001236", platform="0001"),)},
    platforms={"0001": Platform(matricule="0001", name="Une")},
)


@pytest.mark.parametrize(
    ("day", "holds"),
    [(FIRST - DAY, False), (FIRST, True), (LAST - DAY, True), (LAST, False)],
)
def test_the_first_day_counts_and_the_last_does_not(day: date, *, holds: bool) -> None:
    """As the directory's own dates do: start included, end excluded."""
    structure = Structure(
        siret=CITY, name="Ville", validity=IN_MARCH, services={"A": Service(validity=IN_MARCH)}
    )
    platform = Platform(matricule="0001", name="Une", validity=IN_MARCH)
    line = Address(identifier="210001236", validity=IN_MARCH)
    directory = Directory({CITY: structure}, addresses={"210001236": (line,)})

    found = (
        structure.is_active(day),
        structure.has_service("A", day),
        platform.is_connected(day),
        directory.owns_active("210001236", day),
        directory.address("210001236", day) == line,
    )

    assert found == (holds,) * 5


def test_of_two_lines_of_an_address_the_one_that_began_last_counts() -> None:
    """A recipient changes its platform; a line that hides an address hides it."""
    old = Address(identifier="210001236", platform="0001")
    new = replace(old, platform="0002", validity=Validity(FIRST))
    hidden = replace(old, masked=True, validity=Validity(LAST))
    directory = Directory(addresses={"210001236": (hidden, new, old)})

    lines = [directory.address("210001236", day) for day in (FIRST - DAY, FIRST, LAST)]

    assert lines == [old, new, None]


def test_a_structure_told_anew_keeps_its_services() -> None:
    """They come in a table, and in blocks, of their own."""
    told = Structure(siret=CITY, name="Ville nouvelle")

    made = merge(KNOWN, Update(structures={CITY: told})).structures

    assert made[CITY] == replace(told, services={"EAU": Service(name="Eau")})
    assert made[CLINIC] == KNOWN.structures[CLINIC]


def test_what_a_full_table_leaves_out_goes_and_other_tables_stay() -> None:
    """Full is each table for itself: a list of structures says nothing of platforms."""
    told = Structure(siret=CITY, name="Ville")
    update = Update(structures={CITY: told}, full=frozenset({Table.STRUCTURES}))

    made = merge(KNOWN, update)

    assert made.structures.keys() == {CITY}
    assert (made.addresses, made.platforms) == (KNOWN.addresses, KNOWN.platforms)
    assert made.imported


def test_a_legal_unit_told_apart_governs_all_its_establishments() -> None:
    """One that ceases takes them along, and gives them back as they were when it returns."""
    branch = Structure(siret=BRANCH, name="Annexe", active=False)
    ceased = Update(units={"210001236": Unit(Kind.PUBLIC, active=False)}, apart=True)
    back = Update(units={"210001236": Unit(Kind.PUBLIC, active=True)}, apart=True)
    known = merge(KNOWN, Update(structures={BRANCH: branch}))

    closed, opened = merge(known, ceased), merge(merge(known, ceased), back)

    assert not closed.owns_active("210001236", FIRST)
    assert [one.is_active(FIRST) for one in opened.of_siren("210001236")] == [True, False]


def test_an_establishment_told_without_its_unit_takes_after_its_sisters() -> None:
    """A differential flow may bring the one without the other."""
    update = Update(structures={BRANCH: Structure(siret=BRANCH, name="Annexe")}, apart=True)

    assert merge(KNOWN, update).structures[BRANCH].kind is Kind.PUBLIC


def test_services_of_nobody_are_found_with_their_place() -> None:
    """They would be lost in silence."""
    update = Update(services={BRANCH: {"A": Service()}}, places={BRANCH: "services.csv:2"})

    assert list(orphans(KNOWN, update)) == [(BRANCH, "services.csv:2")]


def test_what_an_update_takes_out_is_gone() -> None:
    """Structure, and service of one that stays."""
    update = Update(removed=frozenset({CLINIC}), removed_services=frozenset({(CITY, "EAU")}))

    made = merge(KNOWN, update).structures

    assert made == {CITY: replace(KNOWN.structures[CITY], services={})}
