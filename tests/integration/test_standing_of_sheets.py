"""What a sheet's standing means for the traffic: real ledger, real folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from pipeline.app.clean_days import clean_days
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.redeliver import Again, redeliver
from pipeline.app.operate.release import release
from pipeline.app.pull import pull
from pipeline.app.reconcile import look_for_differences
from pipeline.app.run import run_once
from pipeline.app.standing import close, move, promote, resume, suspend
from pipeline.app.status import look
from pipeline.app.verify import verify
from pipeline.app.why import why
from pipeline.model.agreement import Takes
from pipeline.model.carriage import Carriage
from pipeline.model.connection import Copies, Trial
from pipeline.model.conversion import Form
from pipeline.model.directory import Route
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.outbox import OutboxKind
from pipeline.model.run import RunState
from pipeline.model.standing import MoveCause, SheetState, Standing
from pipeline.model.status import OutboxState, Step
from pipeline.ports import failpoint
from pipeline.ports.ledger import Query
from tests.hubs import HOUR, MINUTE, World, invoice, opened, samples


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two senders and three receivers, all in production."""
    with opened(tmp_path) as made:
        yield made
    failpoint.disarm()


def run(world: World) -> None:
    """Run once, a minute later."""
    world.clock.move(MINUTE)
    run_once(world.hub, insist=True)


def stand(world: World, name: str, *states: SheetState) -> None:
    """Begin a new sheet, and take it through some states."""
    for which in ("in", "archive", "out", "test"):
        world.folder(name, which).mkdir(parents=True, exist_ok=True)
    hub, now = world.hub, world.clock.now()
    sheets = replace(hub.ledger.sheets(), connections=world.connections)
    hub.ledger.apply(sheets, "operator:test", now, begin=SheetState.DRAFT)
    before = hub.ledger.standing()[name]
    for state in states:
        world.clock.move(timedelta(seconds=1))
        after = Standing(
            connection=name,
            state=state,
            since=world.clock.now(),
            by="operator:test",
            cause=MoveCause.OPERATOR,
        )
        hub.ledger.move_sheet(before, after)
        before = after


def files(world: World, partner: str, which: str = "out") -> list[str]:
    """Return the names of what stands in a partner's folder."""
    return sorted(path.name for path in world.folder(partner, which).iterdir())


def steps(world: World) -> dict[str | None, tuple[Step, str | None]]:
    """Return where each document stands and goes, by number."""
    found = world.hub.ledger.documents(Query())
    return {one.header.number: (one.step, one.route) for one in found}


def test_nothing_comes_in_or_leaves_while_a_sheet_is_suspended_and_nothing_is_lost(
    world: World,
) -> None:
    """The partner's files wait in its folder, what is for it waits here; others go on."""
    suspend(world.hub, "caterer", "clé perdue")
    suspend(world.hub, "ville", "travaux")
    world.drop("caterer", "waits.xml", invoice("S1"))
    world.drop("supplier", "FSO1100A_SUP001_SUP0011100000000000000001", invoice("S2"))
    world.drop("supplier", "FSO1100A_SUP001_SUP0011100000000000000002", invoice("S3", "HOPITAL"))
    run(world)
    run(world)

    assert files(world, "caterer", "in") == ["waits.xml"]
    assert steps(world) == {"S2": (Step.ROUTED, "ville"), "S3": (Step.DELIVERED, "hopital")}
    assert files(world, "ville") == []
    (skipped, *_) = world.hub.ledger.runs(job="pull:caterer", limit=1)
    assert skipped.state is RunState.SKIPPED
    assert "clé perdue" in skipped.reason
    (document,) = world.hub.ledger.documents(Query(text="S2"))
    codes = [one.code for one in why(world.hub.ledger, document.id)]
    assert codes == ["SHEET_SUSPENDED"]
    to_do = look(world.hub, world.hub.ledger.sheets()).to_do
    assert {one.subject for one in to_do if "suspend" in one.what} == {"caterer", "ville"}

    resume(world.hub, "caterer", "clé retrouvée")
    resume(world.hub, "ville", "fini")
    run(world)

    assert steps(world)["S1"] == (Step.DELIVERED, "ville")
    assert len(files(world, "ville")) == 2


def test_a_file_in_the_folder_of_a_suspended_sender_says_why_it_waits(world: World) -> None:
    """Whoever asks gets the command that lets it go on."""
    world.connections["caterer"] = replace(
        world.connections["caterer"],
        completeness=replace(world.connections["caterer"].completeness, stable_for=HOUR),
    )
    world.apply("ville", "hopital")
    world.drop("caterer", "seen.xml", invoice("S4"))
    run(world)
    suspend(world.hub, "caterer", "clé perdue")

    (told,) = why(world.hub.ledger, "seen.xml")

    assert told.code == "SHEET_SUSPENDED"
    assert told.command.startswith("edi connections resume caterer")


def test_a_flow_that_was_taken_in_is_judged_whatever_became_of_its_sheet(world: World) -> None:
    """Its recipients wait for it; its answer waits for the sheet."""
    world.drop("caterer", "a.xml", invoice("J1"))
    pull(world.hub, world.connections["caterer"])
    suspend(world.hub, "caterer", "travaux")
    run(world)

    assert steps(world) == {"J1": (Step.DELIVERED, "ville")}
    assert files(world, "caterer") == []
    (answer, *_) = world.hub.ledger.outbox(kind=OutboxKind.ACKNOWLEDGEMENT)
    assert answer.state is OutboxState.PENDING

    resume(world.hub, "caterer", "fini")
    run(world)

    assert files(world, "caterer")


def test_an_agreement_that_has_not_begun_or_has_ended_moves_nothing(world: World) -> None:
    """Its files wait in the folder, in the words of the pass; the day it begins they go on."""
    begins = world.clock.now().date() + timedelta(days=1)
    world.connections["caterer"] = replace(world.connections["caterer"], start_date=begins)
    world.apply("ville", "hopital")
    world.drop("caterer", "early.xml", invoice("D1"))
    run(world)
    (skipped, *_) = world.hub.ledger.runs(job="pull:caterer", limit=1)
    assert skipped.state is RunState.SKIPPED
    assert str(begins) in skipped.reason
    assert files(world, "caterer", "in") == ["early.xml"]

    world.clock.move(timedelta(days=1))
    run(world)
    assert steps(world) == {"D1": (Step.DELIVERED, "ville")}

    ended = world.clock.now().date()
    world.connections["caterer"] = replace(
        world.connections["caterer"], start_date=None, end_date=ended
    )
    world.apply("ville", "hopital")
    world.drop("caterer", "late.xml", invoice("D2"))
    run(world)

    assert files(world, "caterer", "in") == ["late.xml"]
    standing = world.hub.ledger.standing()
    assert standing["caterer"].state is SheetState.SUSPENDED
    assert standing["caterer"].cause is MoveCause.DATES
    assert standing["supplier"].state is SheetState.PRODUCTION


# -- shadow


def shadowed(world: World, **more: object) -> None:
    """Let a new sheet of Ville stand in shadow, its route before the one in production."""
    sheet = world.connections["ville"]
    door = replace(sheet.door, path=str(world.root / "new"))
    world.connections["new"] = replace(sheet, name="new", door=door, **more)  # type: ignore[arg-type]  # by name
    stand(world, "new", *(SheetState.TESTED, SheetState.APPROVED, SheetState.SHADOW))


def route_first(world: World, *names: str) -> None:
    """Lead Ville's invoices to these sheets, in this order."""
    hub = world.hub
    known = hub.ledger.sheets()
    ville = samples().VILLE.siret
    routes = tuple(Route(connection=name, buyer_siret=ville) for name in names)
    kept = tuple(one for one in known.directory.routes if one.buyer_siret != ville)
    directory = replace(known.directory, routes=(*routes, *kept))
    hub.ledger.apply(replace(known, directory=directory), "operator:test", world.clock.now())


def test_a_shadow_gets_a_copy_in_its_test_folder_and_the_delivery_goes_on(world: World) -> None:
    """The same document, made as the new sheet asks, and counted nowhere as delivered."""
    shadowed(world, carriage=Carriage(form=Form.CII))
    route_first(world, "new", "ville")
    world.drop("caterer", "a.xml", invoice("C1"))
    run(world)
    hub = world.hub

    assert steps(world) == {"C1": (Step.DELIVERED, "ville")}
    assert (files(world, "new"), len(files(world, "new", "test"))) == ([], 1)
    assert len(files(world, "ville")) == 1
    (copy,) = world.folder("new", "test").iterdir()
    assert b"CrossIndustryInvoice" in copy.read_bytes()
    assert hub.ledger.count_outbox()[OutboxState.SENT] == len(
        [one for one in hub.ledger.outbox() if one.kind is not OutboxKind.COPY]
    )
    assert verify(hub.ledger, hub.archive).sound
    sheets = hub.ledger.sheets()
    assert not look_for_differences(hub, sheets, everywhere=True).differences


def test_without_another_route_the_document_is_held_for_production_and_copied_once(
    world: World,
) -> None:
    """Nothing counts as delivered: once the sheet is promoted, release lets it go for good."""
    shadowed(world)
    route_first(world, "new")
    world.drop("caterer", "a.xml", invoice("C2"))
    run(world)

    (held,) = world.hub.ledger.documents(Query())
    assert (held.step, [why.code for why in held.reasons]) == (Step.HELD, ["NOT_LIVE"])
    assert len(files(world, "new", "test")) == 1

    sheets = world.hub.ledger.sheets()
    release(world.hub, sheets, find(world.hub, held.id), Order())
    run(world)
    assert len(files(world, "new", "test")) == 1

    promoted(world, "new", SheetState.PILOT, SheetState.PRODUCTION)
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order())
    run(world)

    assert steps(world) == {"C2": (Step.DELIVERED, "new")}
    assert len(files(world, "new")) == 1


def promoted(world: World, name: str, *states: SheetState) -> None:
    """Move a sheet on, whatever its days were."""
    for state in states:
        world.clock.move(timedelta(seconds=1))
        move(world.hub, name, state)


def test_a_copy_that_is_only_told_of_bothers_nobody(world: World) -> None:
    """Not even with a login: the partner's folders need not be there."""
    shadowed(world, trial=Trial(copies=Copies.REPORT))
    route_first(world, "new", "ville")
    shutil.rmtree(world.folder("new", "test").parent)
    world.drop("caterer", "a.xml", invoice("C3"))
    run(world)

    (copy,) = world.hub.ledger.outbox(kind=OutboxKind.COPY)
    assert copy.state is OutboxState.SENT
    assert steps(world) == {"C3": (Step.DELIVERED, "ville")}


def test_what_a_shadow_could_not_take_is_told_by_its_report_and_stops_its_promotion(
    world: World,
) -> None:
    """A loss that production would hold, and something it does not take: two faults, one day."""
    world.hub = replace(world.hub, takes={"cii-only": Takes(name="cii-only", syntaxes=("cii",))})
    shadowed(world, carriage=Carriage(form=Form.CII), trial=Trial(clean_days=1))
    route_first(world, "new", "ville")
    dated, time = b"</cbc:IssueDate>", b"<cbc:IssueTime>12:00:00</cbc:IssueTime>"
    world.drop("caterer", "lost.xml", invoice("C4").replace(dated, dated + time, 1))
    run(world)
    world.connections["new"] = replace(world.connections["new"], takes="cii-only")
    known = world.hub.ledger.sheets()
    changed = replace(known, connections=world.connections)
    world.hub.ledger.apply(changed, "operator:test", world.clock.now())
    world.drop("caterer", "ubl.xml", invoice("C5"))
    run(world)

    found = clean_days(
        world.hub.ledger, world.connections["new"], world.hub.ledger.standing()["new"]
    )

    (day,) = found.days
    assert sorted(why.partition(":")[0] for _, why in day.faults) == [
        "CONVERSION_LOSS",
        "NOT_TAKEN",
    ]
    assert (found.clean, found.enough) == (0, False)
    assert {step for step, _ in steps(world).values()} == {Step.DELIVERED}
    with pytest.raises(ConfigError, match="edi connections report new"):
        promote(world.hub, "new", "essai fini")


def test_clean_days_in_a_row_let_a_sheet_go_on(world: World) -> None:
    """Days without traffic are neither clean nor a fault."""
    shadowed(world, trial=Trial(clean_days=2))
    route_first(world, "new", "ville")
    world.drop("caterer", "a.xml", invoice("C6"))
    run(world)
    with pytest.raises(ConfigError, match="1 jour"):
        promote(world.hub, "new", "trop tôt")
    world.clock.move(timedelta(days=3))
    world.drop("caterer", "b.xml", invoice("C7"))
    run(world)

    assert promote(world.hub, "new", "deux jours").state is SheetState.PILOT


def test_a_crash_after_a_copy_was_put_makes_no_second_one(world: World) -> None:
    """It is found under its name, and marked: a copy leaves as safely as a delivery."""
    shadowed(world)
    route_first(world, "new")
    world.drop("caterer", "a.xml", invoice("C8"))

    def die(name: str) -> None:
        if name == "deliver.mark.before":
            raise KeyboardInterrupt

    failpoint.arm(die)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    failpoint.disarm()
    put = files(world, "new", "test")
    world.stop()
    world.start()
    world.clock.move(10 * MINUTE)
    run(world)

    assert len(put) == 1
    assert files(world, "new", "test") == put
    (copy,) = world.hub.ledger.outbox(kind=OutboxKind.COPY)
    assert (copy.state, copy.attempts) == (OutboxState.SENT, 1)


# -- pilot


def test_a_pilot_takes_the_suppliers_it_names_up_to_its_volume_of_a_day(world: World) -> None:
    """What it does not take goes as before, on the same day; the next day it takes again."""
    seller = samples().BY_KEY["ubl-380-fournitures"].seller.siret
    trial = Trial(suppliers=(seller[:9],), documents_a_day=2)
    shadowed(world, trial=trial)
    route_first(world, "new", "ville")
    promoted(world, "new", SheetState.PILOT)
    for number in range(1, 4):
        world.drop("caterer", f"{number}.xml", invoice(f"P{number}"))
    run(world)

    routes = sorted(route or "" for _, route in steps(world).values())
    assert routes == ["new", "new", "ville"]
    assert (len(files(world, "new")), len(files(world, "ville"))) == (2, 1)

    world.clock.move(timedelta(days=1))
    world.drop("caterer", "next.xml", invoice("P4"))
    run(world)
    assert steps(world)["P4"] == (Step.DELIVERED, "new")


# -- closed


def waiting(world: World, number: str) -> Document:
    """Return a document that waited for Ville when its sheet was closed."""
    suspend(world.hub, "ville", "déménagement")
    world.drop("caterer", f"{number}.xml", invoice(number))
    run(world)
    close(world.hub, "ville", "accord terminé")
    (one,) = world.hub.ledger.documents(Query(text=number))
    return one


def test_what_waits_for_a_closed_sheet_is_told_and_an_operator_sends_it_elsewhere(
    world: World,
) -> None:
    """It stays accepted and waits for a person; its first row is cancelled, its route changed."""
    one = waiting(world, "X1")
    hub = world.hub
    run(world)
    (told,) = why(hub.ledger, one.id)
    assert (one.step, told.code, told.command) == (
        Step.ROUTED,
        "SHEET_OVER",
        f'edi redeliver {one.id} --to FICHE --reason "…"',
    )
    sheets, target, order = hub.ledger.sheets(), find(hub, one.id), Order("reprise")
    assert one.id in [each.subject for each in look(hub, sheets).to_do]

    nowhere = redeliver(hub, sheets, target, order)
    done = redeliver(hub, sheets, target, order, Again("hopital"))
    run(world)

    assert "--to" in nowhere.refused[one.id]
    assert list(done.done) == [one.id]
    assert steps(world) == {"X1": (Step.DELIVERED, "hopital")}
    states = [row.state for row in hub.ledger.outbox(document=one.id)]
    assert sorted(state.value for state in states) == ["cancelled", "sent"]
    assert files(world, "ville") == []
    assert verify(hub.ledger, hub.archive).sound


def test_new_documents_for_a_closed_sheet_are_held_and_say_so(world: World) -> None:
    """Nothing is routed where nothing will ever leave."""
    close(world.hub, "ville", "accord terminé")
    world.drop("caterer", "late.xml", invoice("X2"))
    run(world)

    (held,) = world.hub.ledger.documents(Query())
    assert (held.step, held.route) == (Step.HELD, None)
    assert "close" in held.reasons[0].message["fr"]


def test_one_document_of_a_file_that_waits_can_go_elsewhere_without_the_others(
    world: World,
) -> None:
    """The rest of the lot stays where it is."""
    suspend(world.hub, "hopital", "déménagement")
    lot = BytesIO()
    with ZipFile(lot, "w") as packed:
        for number in ("L1", "L2"):
            packed.writestr(f"{number}.xml", invoice(number, "HOPITAL"))
    world.drop("caterer", "lot.zip", lot.getvalue())
    run(world)
    close(world.hub, "hopital", "accord terminé")
    hub = world.hub
    (first,) = hub.ledger.documents(Query(text="L1"))

    redeliver(hub, hub.ledger.sheets(), find(hub, first.id), Order("reprise"), Again("imprimerie"))
    run(world)

    assert steps(world) == {
        "L1": (Step.DELIVERED, "imprimerie"),
        "L2": (Step.ROUTED, "hopital"),
    }
