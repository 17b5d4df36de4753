"""Returned invoices come back by a new deposit: put right, completed, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.app.corrected import Corrected
from pipeline.app.erase import erase
from pipeline.app.links import links_of
from pipeline.app.operate.acting import Order, Target
from pipeline.app.operate.correct import put_right
from pipeline.app.operate.redeliver import Again, redeliver
from pipeline.app.operate.release import release
from pipeline.app.operate.withdraw import withdraw
from pipeline.app.verify import verify
from pipeline.app.waiting import WaitingFor, awaited
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.identity import document_id
from pipeline.model.life import Actor, Attached, Event, Given, Status
from pipeline.model.limits import WIDE
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import Step
from pipeline.syntax.correcting import Correction
from pipeline.syntax.parse import parse
from tests.hubs import World, invoice, opened, samples
from tests.returned import (
    ENGAGEMENT,
    HOPITAL,
    REJECT,
    RETURN,
    SUSPEND,
    VILLE,
    answer,
    bearer,
    deposit,
    elsewhere,
    engaged,
    listening,
    naming,
    returned,
    say,
    spoken,
    told,
    with_paper,
)
from tests.statuses import (
    FLOW,
    STATUT,
    Said,
    deliver,
    found,
    history,
    life,
    pack,
    read_statut,
    run,
    statut,
    subscribe,
)

PAPER = Attached(name="bl.pdf", mime="application/pdf", payload=b"%PDF-1.4 bl")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub whose partners hear of statuses as JSON."""
    with opened(tmp_path) as made:
        listening(made)
        yield made


def stands(one: Document) -> tuple[Step, tuple[str, ...]]:
    """Return where a document stands, and for which reasons."""
    return one.step, tuple(dict.fromkeys(why.code for why in one.reasons))


def test_a_returned_invoice_goes_on_to_its_right_recipient_under_its_number(world: World) -> None:
    """One invoice, one life: another document bears it since, and reaches another partner."""
    first = returned(world, RETURN)

    (again,) = deposit(world, "again.xml", elsewhere(invoice("A1")))

    assert (stands(again), again.route, again.first) == ((Step.DELIVERED, ()), "hopital", first.id)
    now = life(world, "A1")
    assert (now.status, now.bearer) == (Status.MISE_A_DISPOSITION, again.id)
    assert [(one.event, one.bearer) for one in history(world, "A1")][2:] == [
        (Event.MAKE_AVAILABLE, None),
        (Event.RETURN, None),
        (Event.RESEND, again.id),
        (Event.MAKE_AVAILABLE, None),
    ]
    assert answer(world, "again.xml")["documents"][0]["outcome"] == "accepted"
    assert told(world, "caterer") == ["make-available", "make-available", "return"]
    assert told(world, "ville") == []
    assert told(world, "hopital") == ["resend"]
    assert verify(world.hub.ledger, world.hub.archive).sound


def test_a_suspended_invoice_is_completed_by_the_same_with_one_paper_more(world: World) -> None:
    """Its recipient finds a file of its own, and goes on with it."""
    returned(world, SUSPEND)

    (again,) = deposit(world, "again.xml", with_paper(invoice("A1")))

    assert (stands(again), again.route) == ((Step.DELIVERED, ()), "ville")
    now = life(world, "A1")
    assert (now.status, now.bearer) == (Status.COMPLETEE, again.id)
    assert told(world, "ville") == ["complete"]
    say(world, "A1", (Event.BOOK, Given()), Actor.RECIPIENT)
    assert life(world, "A1").status is Status.COMPTABILISEE


def price(_: bytes) -> bytes:
    """Bill more, sums and all: a sound invoice, and not this one."""
    return invoice("A1", times=2)


@pytest.mark.parametrize(
    ("word", "change", "shown"),
    [
        pytest.param(RETURN, price, "BT-131", id="recycled-amounts"),
        pytest.param(
            RETURN, with_paper, None, id="recycled-nothing-put-right", marks=pytest.mark.slow
        ),
        pytest.param(SUSPEND, engaged, "BT-13", id="completed-engagement"),
        pytest.param(
            SUSPEND, elsewhere, "BT-46", id="completed-recipient", marks=pytest.mark.slow
        ),
    ],
)
def test_what_may_not_change_is_named_with_both_values(
    world: World, word: tuple[Event, Given], change: object, shown: str | None
) -> None:
    """The supplier sees each differing term: where, what was found, what was expected."""
    first = returned(world, word)
    assert callable(change)

    (again,) = deposit(world, "again.xml", change(invoice("A1")))

    assert (stands(again), again.first) == ((Step.REJECTED, ("RETURN_CHANGED",)), first.id)
    assert bearer(world, "A1") == first.id
    whys = answer(world, "again.xml")["documents"][0]["reasons"]
    assert {one["code"] for one in whys} == {"RETURN_CHANGED"}
    if shown is not None:
        named = [one for one in whys if one["place"].endswith(shown)]
        assert named
        assert all(
            "trouvé" in one["message"]["fr"] and "attendu" in one["message"]["fr"] for one in named
        )


def test_nothing_comes_back_under_the_number_of_a_rejected_invoice(world: World) -> None:
    """What its recipient rejected takes a new number, and the answer says so."""
    returned(world, REJECT)

    (again,) = deposit(world, "again.xml", engaged(invoice("A1")))

    assert stands(again) == (Step.REJECTED, ("RETURN_REJECTED",))
    (why,) = answer(world, "again.xml")["documents"][0]["reasons"]
    assert "BT-25" in why["message"]["fr"]


def test_the_same_bytes_again_stay_a_duplicate(world: World) -> None:
    """Whoever sends the returned invoice as it was has put nothing right."""
    returned(world, RETURN)

    (again,) = deposit(world, "again.xml", invoice("A1"))

    assert stands(again) == (Step.DUPLICATE, ("IRR_UNICITE",))
    assert life(world, "A1").status is Status.A_RECYCLER


def test_a_new_number_that_names_the_rejected_one_sees_to_the_reject(world: World) -> None:
    """The supplier's list is empty then, and whoever reads one finds the other."""
    old = returned(world, REJECT)
    assert waits(world) == ["A1"]

    (new,) = deposit(world, "new.xml", naming(invoice("A2"), "A1"))

    assert waits(world) == []
    ledger = world.hub.ledger
    assert links_of(ledger, old).replaced_by == (new.id,)
    assert links_of(ledger, new).replaces == old.id
    assert [one.event for one in history(world, "A1")][-1] is Event.PROCESS_REJECT


def waits(world: World) -> list[str]:
    """Return the numbers that wait for the supplier."""
    sheets, now = world.hub.ledger.sheets(), world.clock.now()
    return [one.number for one in awaited(world.hub.ledger, sheets, WaitingFor.SUPPLIER, now)]


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["erased", "lost"])
def test_what_cannot_be_held_against_the_invoice_is_held_for_a_person(
    world: World, gone: str
) -> None:
    """Nothing is guessed: once the original is back, releasing decides."""
    first = returned(world, RETURN)
    path = Path(world.hub.archive.path(first.sha256) or "")
    kept = path.read_bytes()
    if gone == "erased":
        run(world)  # what was told of it is sent
        erase(world.hub, first.interchange, "demande")
    else:
        path.unlink()

    (again,) = deposit(world, "again.xml", elsewhere(invoice("A1")))

    assert stands(again) == (Step.HELD, ("RETURN_LOST",))
    if gone == "lost":
        path.write_bytes(kept)
        target = Target(again.interchange, frozenset({again.id}))
        release(world.hub, world.hub.ledger.sheets(), target, Order("rétabli"))
        run(world)
        assert bearer(world, "A1") == again.id


@pytest.mark.slow
def test_of_several_that_come_back_the_first_counts(world: World) -> None:
    """Two in one flow, one more while it is on its way, and one when all is over."""
    returned(world, RETURN)
    both = pack([elsewhere(invoice("A1")), elsewhere(engaged(invoice("A1")))])

    one, two = deposit(world, "both.tar.gz", both)
    (late,) = deposit(world, "late.xml", elsewhere(engaged(invoice("A1"), "EJ-7")))

    assert (one.step, stands(two)) == (Step.DELIVERED, (Step.REJECTED, ("DOUBLON",)))
    assert two.first == one.id
    assert stands(late) == (Step.REJECTED, ("DOUBLON",))
    assert bearer(world, "A1") == one.id


@pytest.mark.slow
def test_who_had_it_before_may_say_nothing_more(world: World) -> None:
    """Statuses are the new recipient's to say; to the old one the invoice is none of its own."""
    first = returned(world, RETURN)
    (again,) = deposit(world, "again.xml", elsewhere(invoice("A1")))

    outcomes = {
        name: spoken(world, name, place) for place, name in enumerate(("ville", "hopital"))
    }

    assert outcomes == {"ville": ["ST_UNKNOWN"], "hopital": []}
    assert life(world, "A1").status is Status.COMPTABILISEE
    files = [
        {row.key for row in world.hub.ledger.outbox(document=one.id, kind=OutboxKind.STATUS)}
        for one in (first, again)
    ]
    assert files[1] < files[0]  # whoever erases either flow finds what told of the invoice


@pytest.mark.slow
@pytest.mark.parametrize("word", [RETURN, REJECT], ids=["returned", "rejected"])
def test_a_redelivery_to_another_recipient_takes_the_word_with_it(
    world: World, word: tuple[Event, Given]
) -> None:
    """The hub had sent it to the wrong one: whoever gets it now may say what becomes of it."""
    first = returned(world, word)
    target = Target(first.interchange, frozenset({first.id}))

    redeliver(world.hub, world.hub.ledger.sheets(), target, Order("routage"), Again(to="hopital"))
    run(world)

    assert life(world, "A1").status is Status.MISE_A_DISPOSITION
    assert spoken(world, "hopital", 1) == []
    assert spoken(world, "ville", 2) == ["ST_UNKNOWN"]


@pytest.mark.slow
def test_a_comeback_that_is_withdrawn_frees_the_number(world: World) -> None:
    """Taken back before it left, nothing of the invoice is left but its history."""
    first = returned(world, RETURN)
    out = world.folder("hopital", "out")
    out.rmdir()  # nothing can be put there
    (again,) = deposit(world, "again.xml", elsewhere(invoice("A1")))
    order, sheets = Order("erreur"), world.hub.ledger.sheets()
    withdraw(world.hub, sheets, Target(again.interchange), order, unseen=True)
    out.mkdir()

    (anew,) = deposit(world, "anew.xml", elsewhere(engaged(invoice("A1"))))

    lives = world.hub.ledger.lives([first.id, anew.id])
    assert stands(anew) == (Step.DELIVERED, ())
    assert lives[first.id].status is Status.ABANDONNEE
    assert lives[anew.id].status is Status.MISE_A_DISPOSITION


def put(world: World, correction: Correction, *, dry: bool = False) -> tuple[Corrected, bool]:
    """Have an operator put A1 right."""
    sheets, order = world.hub.ledger.sheets(), Order("demandé par téléphone")
    return put_right(world.hub, sheets, "A1", correction, order, dry=dry)


def test_an_operator_puts_an_invoice_right_for_its_supplier(world: World) -> None:
    """What is made of the original is a deposit like any: judged, answered, delivered."""
    returned(world, RETURN)
    shown, _ = put(world, Correction(siret=HOPITAL.siret, engagement="EJ-9"), dry=True)
    assert world.hub.ledger.interchange(shown.flow.id) is None

    done, new = put(world, Correction(siret=HOPITAL.siret, engagement="EJ-9"))
    _, again = put(world, Correction(siret=HOPITAL.siret, engagement="EJ-9"))
    run(world)

    assert [one.term for one in done.changes.changed] == ["BT-46", "BT-13"]
    assert (new, again) == (True, False)
    now = life(world, "A1")
    assert (now.status, now.bearer) == (
        Status.MISE_A_DISPOSITION,
        document_id(done.flow.id, 1),
    )
    assert answer(world, done.flow.name)["documents"][0]["outcome"] == "accepted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "correction", "says"),
    [
        pytest.param(SUSPEND, Correction(papers=(PAPER,)), "", id="paper"),
        pytest.param(SUSPEND, Correction(engagement="EJ-9"), "pièce", id="not-when-suspended"),
        pytest.param(REJECT, Correction(engagement="EJ-9"), "Rejetée", id="not-when-rejected"),
        pytest.param(RETURN, Correction(engagement=ENGAGEMENT), "rien", id="nothing"),
    ],
)
@pytest.mark.parametrize("form", ["ubl", "cii"])
def test_what_may_be_put_right_is_and_nothing_else(
    world: World, word: tuple[Event, Given], correction: Correction, says: str, form: str
) -> None:
    """In both syntaxes: a correction that the table refuses deposits nothing."""
    sample = samples().BY_KEY["ubl-380-fournitures"]
    made = samples().billed_to(sample, VILLE, "A1")
    (first,) = deposit(world, "A1.xml", getattr(samples(), f"to_{form}")(made))
    say(world, "A1", word, Actor.RECIPIENT)

    if says:
        with pytest.raises(ConfigError, match=says):
            put(world, correction)
        assert bearer(world, "A1") == first.id
        return
    done, _ = put(world, correction)
    run(world)
    assert bearer(world, "A1") == document_id(done.flow.id, 1)


@pytest.mark.slow
def test_a_pivot_says_that_it_was_there_before(tmp_path: Path) -> None:
    """By EDI files alone: the recipient reads that it is completed, and finds the paper."""
    with opened(tmp_path) as world:
        subscribe(world)
        deliver(world, "A1", "A2", "A3")
        at = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
        words = [
            Said(number="A1", status=6, at=at, comment="bon absent"),
            Said(number="A2", status=4, at=at, comment="autre engagement"),
            Said(number="A3", status=4, at=at, comment="autre engagement"),
        ]
        world.drop("ville", STATUT.format(1), statut(words))
        run(world)
        world.drop("supplier", FLOW.format(8), with_paper(invoice("A1")))
        world.drop("supplier", FLOW.format(9), engaged(invoice("A2")))
        wanted, order = Correction(engagement="EJ-9"), Order("au téléphone")
        put_right(world.hub, world.hub.ledger.sheets(), "A3", wanted, order)
        run(world)

        roots = [parse(path.read_bytes(), WIDE) for path in found(world, "ville", "FEN0036A")]
        told = [
            (one.findtext(".//DonneesFacture/Id"), one.findtext(".//DonneesFacture/Renvoi"))
            for root in roots
            for one in root.iter("CPPFacturePivotUnitaire")
        ]
        assert sorted(told, key=str) == [
            ("A1", "Complétée"),
            ("A1", "Non"),
            ("A2", "Non"),
            ("A2", "Recyclée"),
            ("A3", "Non"),
            ("A3", "Recyclée"),
        ]
        answers = [
            (one.number, one.status)
            for path in found(world, "supplier", "FEN1200A")
            for one in read_statut(path).invoices
        ]
        assert sorted(answers) == [
            *[("A1", number) for number in (1, 1, 3, 6)],
            *[("A2", number) for number in (1, 1, 3, 3, 4)],
            *[("A3", number) for number in (1, 1, 3, 3, 4)],
        ]


@pytest.mark.slow
def test_what_a_recipient_was_told_is_not_taken_back(world: World) -> None:
    """A completion leaves, and what it completes is not delivered in its place."""
    first = returned(world, SUSPEND)
    out = world.folder("ville", "out")
    out.rename(out.with_name("elsewhere"))  # nothing can be put there
    (again,) = deposit(world, "again.xml", with_paper(invoice("A1")))
    sheets, order = world.hub.ledger.sheets(), Order("erreur")

    kept = withdraw(world.hub, sheets, Target(again.interchange), order, unseen=True)
    old = Target(first.interchange, frozenset({first.id}))
    repeated = redeliver(world.hub, sheets, old, order)

    assert list(kept.refused) == [again.id]
    assert again.id in repeated.refused[first.id]
    assert life(world, "A1").bearer == again.id
