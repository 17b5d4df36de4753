"""``edi life|declare|documents --waiting-for``: what operators see and say of an invoice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.app.caretaker import measure
from pipeline.app.waiting import overdue
from pipeline.entry.cli import command_line
from pipeline.model.settings import Encryption
from tests.clocks import SetClock
from tests.hubs import World, opened
from tests.statuses import deliver, document, found, life, subscribe

Typed = Callable[..., Any]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with one invoice made available."""
    with opened(tmp_path) as made:
        subscribe(made)
        deliver(made, "A1")
        yield made


@pytest.fixture
def typed(world: World, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Run a verb on that hub; give its exit code and JSON, or its text."""
    monkeypatch.setenv("EDI_HOME", str(world.home))
    bootstrap.initialise(bootstrap.workspace(world.home), Encryption.NONE)

    def run(*arguments: str, code: int = 0) -> Any:
        ran = CliRunner().invoke(command_line(()), [*arguments])
        if code:
            assert ran.exit_code, ran.output
            return str(ran.exception)
        assert ran.exit_code == 0, (ran.output, ran.exception)
        return json.loads(ran.output) if "--json" in arguments else ran.output

    return run


def test_the_history_of_an_invoice_is_read_by_its_number(world: World, typed: Typed) -> None:
    """Who asks for an invoice knows its number; every line says who, when and what."""
    told = typed("life", "A1", "--json")

    assert (told["number"], told["status"]) == ("A1", "MISE_A_DISPOSITION")
    assert [(one["event"], one["actor"]) for one in told["history"]] == [
        ("deposit", "hub"),
        ("route", "hub"),
        ("make-available", "hub"),
    ]
    assert "Mise à disposition" in typed("life", document(world, "A1").id)
    assert "no invoice" in typed("life", "ZZ", code=1)


def test_an_operator_says_what_a_recipient_cannot(world: World, typed: Typed) -> None:
    """It is held against the same table, recorded with who said it, and told on."""
    refused = typed("declare", "A1", "reject", "--as", "recipient", code=1)
    shown = typed("declare", "A1", "book", "--as", "recipient", "--dry-run", "--json")
    done = typed(
        *("declare", "A1", "suspend", "--as", "recipient", "--reason", "CMD_ERR"),
        *("--comment", "par téléphone", "--json"),
    )

    assert "reason missing" in refused
    assert (shown["status"], shown["done"]) == ("COMPTABILISEE", False)
    assert (done["status"], done["by"][:9]) == ("SUSPENDUE", "operator:")
    assert life(world, "A1").status.value == "SUSPENDUE"
    assert len(world.hub.ledger.outbox(document=document(world, "A1").id)) == 3
    assert len(found(world, "supplier", "FEN1200A")) == 2  # the third leaves with the next run


def test_what_is_owed_is_listed_with_its_owner(typed: Typed) -> None:
    """Silence has a name and an age."""
    waiting = typed("documents", "--waiting-for", "recipient", "--json")
    typed("declare", "A1", "suspend", "--as", "recipient", "--reason", "CMD_ERR", "--comment", "x")

    assert [(one["number"], one["owner"]) for one in waiting] == [("A1", "ville")]
    assert typed("documents", "--waiting-for", "recipient", "--json") == []
    (owed,) = typed("documents", "--waiting-for", "supplier", "--json")
    assert (owed["number"], owed["status"], owed["owner"]) == ("A1", "SUSPENDUE", "supplier")
    assert typed("documents", "--waiting-for", "acknowledgement", "--json") == []


def test_evidence_is_written_by_number_and_verified_by_file(typed: Typed, tmp_path: Path) -> None:
    """Who is asked to prove something types two lines; who gets it types one."""
    made = tmp_path / "preuve.zip"

    typed("evidence", "A1", "-o", str(made))
    told = typed("verify", str(made))
    found = typed("verify", str(made), "--json")
    made.write_bytes(made.read_bytes()[:-1])
    broken = typed("verify", str(made), code=1)

    assert "A1: le dossier tient" in told
    assert "pas encore scellés" in told
    assert (found["sound"], found["number"]) == (True, "A1")
    assert broken == "1"


def test_what_does_not_come_in_time_is_listed_with_whom_to_write_to(
    world: World, typed: Typed
) -> None:
    """A word that was agreed on has a deadline, an owner, and somebody behind it."""
    ville = world.connections["ville"]
    terms = replace(ville.statuses, within=timedelta(days=30))
    world.connections["ville"] = replace(ville, statuses=terms, contact="compta@ville.example")
    world.apply("ville", "hopital")
    since = life(world, "A1").since
    ledger, sheets = world.hub.ledger, world.hub.ledger.sheets()

    in_time = overdue(ledger, sheets, since + timedelta(days=29), 100)
    (late,) = overdue(ledger, sheets, since + timedelta(days=31), 100)
    (listed,) = typed("documents", "--waiting-for", "recipient", "--json")

    assert in_time == []
    assert (late.number, late.owner, late.contact) == ("A1", "ville", "compta@ville.example")
    assert (late.deadline, late.age) == (since + timedelta(days=30), timedelta(days=31))
    assert datetime.fromisoformat(listed["deadline"]) == late.deadline
    told = typed("documents", "--overdue", "--json")
    assert [one["number"] for one in told] == ["A1"] * (datetime.now(UTC) > late.deadline)
    assert typed("life", "A1", "--json")["owner"] == "ville"
    late_hub = replace(world.hub, clock=SetClock(since + timedelta(days=31)))
    gauges = {one.name: one.values for one in measure(late_hub)}
    assert gauges["edi_overdue"] == {("ville",): 1}
