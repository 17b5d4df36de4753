"""Qualification beside production: the same partners, the same invoices, and nothing in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.app.apply import check_sheets
from pipeline.app.conserve import balance
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.redeliver import Again, redeliver
from pipeline.app.reconcile import look_for_differences
from pipeline.app.report import balances, conservation, day_at, day_period, gather
from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.model.connection import AnswerFormat, Door, Environment, Protocol
from pipeline.model.errors import ConfigError
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, invoice, opened

#: What trials of supplier are counted by.
Q = "supplier (qualification)"
FLOW = "FSO1100A_SUP001_SUP0011100000000000000001"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Supplier and Ville have both: a sheet in production, and one in qualification."""
    with opened(tmp_path) as made:
        for name in ("supplier", "ville"):
            sheet = made.connections[name]
            trial = f"{name}-q"
            door = Door(protocol=Protocol.LOCAL, path=str(made.root / trial))
            made.connections[trial] = replace(
                sheet, name=trial, door=door, environment=Environment.QUALIFICATION
            )
            for which in ("in", "archive", "out"):
                made.folder(trial, which).mkdir(parents=True)
        made.connections["supplier-q"] = replace(
            made.connections["supplier-q"], answers=(AnswerFormat.JSON,)
        )
        made.apply("ville", "hopital")
        yield made


def run(world: World) -> None:
    """Work until everything is answered."""
    for _ in range(2):
        world.clock.move(2 * MINUTE)
        run_once(world.hub, insist=True)


def files(world: World, partner: str) -> list[str]:
    """Return the names of what stands in a partner's folder."""
    return sorted(path.name for path in world.folder(partner, "out").iterdir())


def stands(world: World, connection: str) -> list[tuple[str | None, Step, str | None]]:
    """Return number, step and route of what came through a sender's sheet."""
    found = world.hub.ledger.documents(Query(connection=connection))
    return [(one.header.number, one.step, one.route) for one in found]


def test_the_same_invoice_is_taken_in_both_and_neither_stands_in_the_others_way(
    world: World,
) -> None:
    """Same flow name, number and bytes at once: no duplicate, no answer missed."""
    for sender in ("supplier-q", "supplier"):
        world.drop(sender, FLOW, invoice("A1"))

    run(world)

    assert stands(world, "supplier-q") == [("A1", Step.DELIVERED, "ville-q")]
    assert stands(world, "supplier") == [("A1", Step.DELIVERED, "ville")]
    assert [len(files(world, name)) for name in ("ville", "ville-q", "hopital")] == [1, 1, 0]
    answers = files(world, "supplier")
    in_trial = [name for name in files(world, "supplier-q") if not name.endswith(".json")]
    assert answers
    assert answers == in_trial


def test_a_trial_without_a_receiver_is_judged_and_its_answer_says_so(world: World) -> None:
    """The hospital has no qualification sheet: nothing reaches it, and nobody waits for it."""
    world.drop("supplier-q", FLOW, invoice("B1", buyer="HOPITAL"))

    run(world)

    assert stands(world, "supplier-q") == [("B1", Step.TRIED, None)]
    assert not world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    (path,) = world.folder("supplier-q", "out").glob("*.json")
    answer = json.loads(path.read_text(encoding="utf-8"))
    assert (answer["environment"], answer["outcome"]) == ("qualification", "accepted")
    assert "1 facture jugée sans être remise" in answer["summary"]["fr"]
    assert [one["code"] for one in answer["documents"][0]["reasons"]] == ["TRIED_ONLY"]


def test_a_trial_never_blocks_the_number_of_a_real_invoice(world: World) -> None:
    """Other content under one number: refused where it repeats, in its own environment alone."""
    world.drop("supplier-q", FLOW, invoice("C1"))
    world.drop("supplier-q", f"{FLOW[:-1]}2", invoice("C1", times=2))
    run(world)

    world.drop("supplier", FLOW, invoice("C1", times=3))
    run(world)

    trials = sorted(step.value for _, step, _ in stands(world, "supplier-q"))
    assert trials == ["delivered", "rejected"]
    assert stands(world, "supplier") == [("C1", Step.DELIVERED, "ville")]


def test_reports_and_conservation_say_which_environment(world: World) -> None:
    """Counted on lines of their own; ledger, events and folders agree about both."""
    world.drop("supplier", FLOW, invoice("E1"))
    world.drop("supplier-q", FLOW, invoice("E2"))
    world.drop("supplier-q", f"{FLOW[:-1]}2", invoice("E3", buyer="HOPITAL"))
    run(world)
    hub = world.hub

    lines = balance(hub.ledger, Query(partner="supplier"), amounts=True)

    received = {(one.partner, one.line): one.received for one in lines if one.line != "EUR"}
    assert received == {
        ("supplier", "flows"): 1,
        ("supplier", "documents"): 1,
        ("supplier (qualification)", "flows"): 2,
        ("supplier (qualification)", "documents"): 2,
    }
    assert not any(one.difference for one in lines)
    figures = hub.ledger.document_figures(Query(environment=Environment.PRODUCTION))
    assert [one.partner for one in figures] == ["supplier"]
    period = day_period(day_at(hub.clock.now(), "Europe/Paris"), "Europe/Paris")
    for where, partner in ((Environment.PRODUCTION, "supplier"), (Environment.QUALIFICATION, Q)):
        given = gather(hub.ledger, hub.ledger.sheets(), period, None, hub.clock.now(), where)
        table = conservation(given)
        assert {row[0] for row in table.rows} == {partner}
        assert balances(table)
    assert verify(hub.ledger, hub.archive).sound
    sheets = hub.ledger.sheets()
    assert not look_for_differences(hub, sheets, everywhere=True).differences


def test_nobody_can_carry_a_trial_over_into_production(world: World) -> None:
    """Neither a route of production alone, nor an operator's hand."""
    world.drop("supplier-q", FLOW, invoice("F1"))
    run(world)
    hub = world.hub
    (one,) = hub.ledger.documents(Query())

    with pytest.raises(ConfigError, match="rien ne passe de l'une à l'autre"):
        redeliver(hub, hub.ledger.sheets(), find(hub, one.id), Order("x"), Again("ville"))
    assert not files(world, "ville")


def test_environments_share_no_folder(world: World) -> None:
    """Else a trial would be pulled, or picked up, as an invoice."""
    shared = replace(world.connections["ville-q"], door=world.connections["ville"].door)
    sheets = replace(
        world.hub.ledger.sheets(), connections={**world.connections, "ville-q": shared}
    )

    with pytest.raises(ConfigError, match=r"ville-q: folders: .* est aussi un dossier de ville"):
        check_sheets(world.hub, sheets)
