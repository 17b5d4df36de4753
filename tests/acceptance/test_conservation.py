"""Was anything lost? Counts and amounts of a day, told by the events and by the rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def day(world: Any, samples: ModuleType) -> Any:
    """Give a workspace with a flow accepted in part, and its duplicate, both of today."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    good = samples.to_ubl(samples.billed_to(model, samples.VILLE, "C1"))
    lost = samples.to_ubl(samples.billed_to(model, samples.COLLEGE, "C2"))
    whole = samples.to_ubl(samples.billed_to(model, samples.VILLE, "C3"))
    broken = samples.without_issue_date(whole)
    lot = samples.tar_gz({"1.xml": good, "2.xml": lost, "3.xml": broken})
    for name in ("lot.tar.gz", "again.tar.gz"):
        (world.folders["caterer"] / "in" / name).write_bytes(lot)
    assert world.edi("run", "--once").code == 0
    return world


def lines(told: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the lines of a balance by partner and what they count."""
    return {(one["partner"], one["line"]): one for one in told.json["lines"]}


def behind_its_back(world: Any, statement: str) -> None:
    """Change the ledger as nobody may."""
    with closing(sqlite3.connect(world.home / "ledger.sqlite")) as file, file:
        assert file.execute(statement).rowcount == 1


def test_both_lines_and_amounts_balance(day: Any) -> None:
    """Received by the events = what became of it by the rows, in files, documents and euros."""
    told = day.edi("conservation", "--json")

    assert told.code == 0, told.out + told.err
    found = lines(told)
    assert told.json["balanced"]
    flows, documents = found["caterer", "flows"], found["caterer", "documents"]
    assert (flows["received"], flows["accepted"], flows["duplicate"]) == (2, 1, 1)
    assert documents["received"] == 6
    became = [documents[one] for one in ("accepted", "rejected", "duplicate", "held")]
    assert became == [1, 1, 3, 1]
    assert found["caterer", "EUR"]["difference"] in {"0", "0.00"}
    assert float(found["caterer", "EUR"]["received"]) > 0
    assert day.edi("conservation", "--partner", "caterer").code == 0
    assert day.edi("conservation", "--day", "2020-01-01").out.strip() == (
        "Rien reçu / nothing received"
    )


#: What nobody may do to a ledger, and the lines that then do not balance.
WRONGS: tuple[tuple[str, set[tuple[str, str]]], ...] = (
    (
        "DELETE FROM document WHERE step = 'delivered'",
        {("caterer", "documents"), ("caterer", "EUR")},
    ),
    (
        "UPDATE document SET header = replace(header, 'EUR', 'USD') WHERE step = 'delivered'",
        {("caterer", "EUR")},
    ),
    (
        "DELETE FROM interchange WHERE step = 'duplicate'",
        {("caterer", "flows"), ("?", "flows"), ("?", "documents"), ("caterer", "documents")},
    ),
)


def test_a_difference_is_told(day: Any) -> None:
    """Exit 1, and the lines that do not balance."""
    ledger = day.home / "ledger.sqlite"
    sound = ledger.read_bytes()
    for statement, wrong in WRONGS:
        ledger.write_bytes(sound)
        behind_its_back(day, statement)

        told = day.edi("conservation", "--json")

        assert (told.code, "edi reconcile" in told.err) == (1, True), statement
        found = {key for key, one in lines(told).items() if float(one["difference"])}
        assert found, statement
        assert found <= wrong, statement


def test_a_question_that_means_nothing_is_refused(world: Any) -> None:
    """Exit 2 and what was expected."""
    for asked in (
        ("--day", "2026-13-01"),
        ("--day", "2026-01-01", "--from", "2026-01-01"),
        ("--from", "2026-02-01", "--to", "2026-01-01"),
        ("--timezone", "Mars/Olympus"),
    ):
        told = world.edi("conservation", *asked)

        assert (told.code, "Traceback" in told.err) == (2, False), asked
