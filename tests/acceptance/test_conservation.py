"""Was anything lost? Counts and amounts of a day, told by the events and by the rows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Day:
    """A workspace of its own on which nobody works any more."""

    home: Path
    run: Callable[..., Any]

    def edi(self, *arguments: str) -> Any:
        """Run a command there."""
        return self.run(*arguments, EDI_HOME=str(self.home))


@pytest.fixture(scope="module")
def day(settled: Any, samples: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Give a workspace with a flow accepted in part, and its duplicate, both of today."""
    made = Day(tmp_path_factory.mktemp("day") / "var", settled.edi)
    shutil.copytree(settled.home, made.home)
    model = samples.BY_KEY["ubl-380-une-ligne"]
    good = samples.to_ubl(samples.billed_to(model, samples.VILLE, "C1"))
    lost = samples.to_ubl(samples.billed_to(model, samples.COLLEGE, "C2"))
    whole = samples.to_ubl(samples.billed_to(model, samples.VILLE, "C3"))
    broken = samples.without_issue_date(whole)
    lot = samples.tar_gz({"1.xml": good, "2.xml": lost, "3.xml": broken})
    for root in settled.folders.values():
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("in", "out", "archive"):
            (root / folder).mkdir(parents=True)
    for name in ("lot.tar.gz", "again.tar.gz"):
        (settled.folders["caterer"] / "in" / name).write_bytes(lot)
    ran = made.edi("run", "--once")
    assert ran.code == 0, ran.err
    return made


def lines(told: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the lines of a balance by partner and what they count."""
    return {(one["partner"], one["line"]): one for one in told.json["lines"]}


def behind_its_back(day: Day, statement: str) -> None:
    """Change the ledger as nobody may."""
    with closing(sqlite3.connect(day.home / "ledger.sqlite")) as file, file:
        assert file.execute(statement).rowcount == 1


def test_both_lines_and_amounts_balance(day: Day) -> None:
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


def test_a_difference_is_told(day: Day) -> None:
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
    ledger.write_bytes(sound)


def test_a_question_that_means_nothing_is_refused(day: Day) -> None:
    """Exit 2 and what was expected."""
    for asked in (
        ("--day", "2026-13-01"),
        ("--day", "2026-01-01", "--from", "2026-01-01"),
        ("--from", "2026-02-01", "--to", "2026-01-01"),
        ("--timezone", "Mars/Olympus"),
    ):
        told = day.edi("conservation", *asked)

        assert (told.code, "Traceback" in told.err) == (2, False), asked
