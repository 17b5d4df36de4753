"""Invoices that a validator has to see first: they wait, go on by word or silence, or stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.adapters.mail import SmtpMail
from pipeline.app.conserve import balance, is_balanced
from pipeline.app.erase import erase
from pipeline.app.operate.acting import Order, Target
from pipeline.app.operate.declare import Declared, declare
from pipeline.app.operate.hold import hold
from pipeline.app.operate.redeliver import redeliver
from pipeline.app.operate.withdraw import withdraw
from pipeline.app.reconcile import look_for_differences
from pipeline.app.reminders import remind_validators
from pipeline.app.validation import look_after_validations
from pipeline.app.verify import verify
from pipeline.app.waiting import WaitingFor, awaited
from pipeline.app.why import why
from pipeline.model.errors import ConfigError
from pipeline.model.letter import Letter
from pipeline.model.life import Actor, Event, Given, Status
from pipeline.model.outbox import OutboxKind
from pipeline.model.settings import MailSettings
from pipeline.model.status import InterchangeStep, Step
from pipeline.model.validation import ValidationTerms
from pipeline.ports.ledger import Query
from tests.hubs import World, invoice, opened
from tests.statuses import document, history, life, run
from tests.validating import (
    FIRST,
    MOA,
    MOE,
    MOE_MOA,
    SECOND,
    TWICE,
    deposit,
    framed,
    govern,
    heard,
    listening,
    received,
    said,
)

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub whose supplier, recipient and validators hear and say statuses as JSON."""
    with opened(tmp_path) as made:
        listening(made)
        yield made


def test_what_has_a_validator_waits_for_it(world: World) -> None:
    """Nothing goes to the recipient; supplier and validator both hear whose turn it is."""
    step = deposit(world, "A1", "A9")

    assert step is Step.ACCEPTED
    assert life(world, "A1").status is Status.A_VALIDER_1
    assert received(world) == 0
    assert heard(world, "caterer") == heard(world, "imprimerie") == ["A_VALIDER_1"]
    assert heard(world, "ville") == []
    (flow,) = world.hub.ledger.interchanges(Query())
    assert flow.step is InterchangeStep.OPENED


def test_a_deadline_is_the_end_of_the_last_day_in_france(world: World) -> None:
    """Asked on 2 March: the fifteenth day after is the 17th, all of it, by the French clock."""
    deposit(world, "A1", "A9")

    asked = life(world, "A1").asked
    assert asked is not None
    assert (asked.validator, asked.deadline) == (FIRST, datetime(2026, 3, 17, 23, tzinfo=UTC))


def test_a_validated_invoice_goes_to_its_recipient(world: World) -> None:
    """As if it had just been accepted; every line says in whose name."""
    deposit(world, "A1", "A9")

    assert said(world, "imprimerie", "A1", "validate") is None

    assert document(world, "A1").step is Step.DELIVERED
    assert received(world) == 1
    assert [(one.event, one.actor) for one in history(world, "A1")] == [
        (Event.DEPOSIT, Actor.HUB),
        (Event.ASK_VALIDATION, Actor.HUB),
        (Event.VALIDATE, Actor.VALIDATOR),
        (Event.ROUTE, Actor.HUB),
        (Event.MAKE_AVAILABLE, Actor.HUB),
    ]
    assert sorted(heard(world, "caterer")) == ["A_VALIDER_1", "MISE_A_DISPOSITION", "VALIDEE_1"]
    assert verify(world.hub.ledger, world.hub.archive).differences == ()


@pytest.mark.slow
def test_a_sub_contractors_invoice_goes_on_though_it_is_refused(world: World) -> None:
    """The recipient decides itself: it gets the request with its validator's refusal on record."""
    deposit(world, "A1", "S3")

    said(world, "imprimerie", "A1", "refuse", comment="montant contesté")

    assert document(world, "A1").step is Step.DELIVERED
    assert "REFUSEE_1" in heard(world, "caterer")


def test_a_mandataires_refusal_stops_a_co_contractors_invoice(world: World) -> None:
    """It is over: rejected with the reason, its flow closed, its number taken for good."""
    deposit(world, "A1", "A12")

    missing = said(world, "imprimerie", "A1", "refuse", comment="pas à nous")
    said(world, "imprimerie", "A1", "refuse", reason="DEST_ERR", comment="pas à nous")

    stopped = document(world, "A1")
    assert missing is not None
    assert missing["reason"] == "ST_INCOMPLETE"
    assert (stopped.step, stopped.reasons[0].code) == (Step.REJECTED, "VALIDATOR_REFUSED")
    assert "DEST_ERR" in stopped.reasons[0].message["fr"]
    assert received(world) == 0
    (flow,) = world.hub.ledger.interchanges(Query(text="A1.xml"))
    assert flow.step is InterchangeStep.CLOSED
    world.drop("caterer", "again.xml", framed(invoice("A1", times=2), "A12"))
    run(world)
    again = world.hub.ledger.documents(Query(text="again.xml"))
    assert [one.step for one in again] in ([Step.REJECTED], [Step.DUPLICATE])


def test_a_sub_contractor_of_a_co_contractor_is_read_twice(world: World) -> None:
    """The co-contractor first, its mandataire then, each in its own time; then it leaves."""
    govern(world, TWICE)
    deposit(world, "A1", "A9")
    first = life(world, "A1").asked

    early = said(world, "hopital", "A1", "validate")
    said(world, "imprimerie", "A1", "validate")
    second = life(world, "A1")
    late = said(world, "imprimerie", "A1", "refuse")
    said(world, "hopital", "A1", "validate")

    assert first is not None
    assert (first.validators, first.following) == ((FIRST,), (SECOND,))
    assert early is not None
    assert early["reason"] == "ST_UNKNOWN"
    assert second.status is Status.A_VALIDER_2
    assert late is not None
    assert late["reason"] == "ST_FORBIDDEN"
    assert document(world, "A1").step is Step.DELIVERED
    assert heard(world, "hopital") == ["A_VALIDER_2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terms", "frame", "who", "ends"),
    [
        pytest.param(MOE, "A4", ["imprimerie"], "PRISE_EN_COMPTE_MOE", id="moe"),
        pytest.param(
            MOE_MOA, "A7", ["imprimerie", "hopital"], "PRISE_EN_COMPTE_MOA", id="moe-and-moa"
        ),
        pytest.param(MOA, "A15", ["hopital"], "PRISE_EN_COMPTE_MOA", id="moa"),
    ],
)
def test_works_are_read_by_their_moe_and_moa(
    world: World, terms: ValidationTerms, frame: str, who: list[str], ends: str
) -> None:
    """Whom the settings name for the recipient; nobody else is asked."""
    govern(world, terms)
    assert deposit(world, "A1", frame, agent=None) is Step.ACCEPTED

    for partner in who:
        assert said(world, partner, "A1", "validate") is None

    assert document(world, "A1").step is Step.DELIVERED
    assert {ends, "MISE_A_DISPOSITION"} <= set(heard(world, "caterer"))


@pytest.mark.slow
def test_a_moe_that_refuses_stops_works(world: World) -> None:
    """Nothing of it reaches the owner or the recipient."""
    govern(world, MOE_MOA)
    deposit(world, "A1", "A4", agent=None)

    said(world, "imprimerie", "A1", "refuse")

    assert document(world, "A1").step is Step.REJECTED
    assert life(world, "A1").status is Status.REFUSEE_MOE


@pytest.mark.slow
def test_works_without_a_supervisor_go_straight_to_their_recipient(world: World) -> None:
    """Where the settings name nobody there is nobody to wait for."""
    assert deposit(world, "A1", "A4", agent=None) is Step.DELIVERED


def test_silence_lets_a_sub_contractors_invoice_go_on(world: World) -> None:
    """Not a minute before the end; the line says that it was the clock, and why."""
    deposit(world, "A1", "A9")
    asked = life(world, "A1").asked
    assert asked is not None
    world.clock.moment = asked.deadline - timedelta(seconds=1)
    early = look_after_validations(world.hub, world.hub.ledger.sheets())

    world.clock.moment = asked.deadline
    counts = [look_after_validations(world.hub, world.hub.ledger.sheets()) for _ in range(2)]
    run(world)

    assert (early, counts) == (0, [1, 0])
    (lapse,) = [one for one in history(world, "A1") if one.event is Event.LAPSE]
    assert (lapse.actor, lapse.said_at) == (Actor.CLOCK, asked.deadline)
    assert "15 jours" in lapse.comment
    assert document(world, "A1").step is Step.DELIVERED
    assert "ABSENCE_VALIDATION_1_HORS_DELAI" in heard(world, "caterer")


@pytest.mark.slow
def test_a_clock_that_is_set_back_undoes_nothing(world: World) -> None:
    """What went on has gone on, and is not asked for again."""
    deposit(world, "A1", "A9")
    before = world.clock.moment
    world.clock.moment = before + 20 * DAY
    run(world)

    world.clock.moment = before
    run(world)

    assert document(world, "A1").step is Step.DELIVERED
    assert [one.event for one in history(world, "A1")].count(Event.LAPSE) == 1


@pytest.mark.slow
def test_no_silence_stands_for_a_mandataire_or_an_owner(world: World) -> None:
    """No tacit visa is published for co-contractors: it waits for a word, however late."""
    govern(world, MOA)
    deposit(world, "A1", "A12")
    deposit(world, "A2", "A15", agent=None)
    world.clock.moment += 60 * DAY
    run(world)

    assert life(world, "A1").status is Status.A_VALIDER_1
    assert life(world, "A2").status is Status.MISE_A_DISPOSITION_MOA
    assert said(world, "imprimerie", "A1", "validate") is None
    assert document(world, "A1").step is Step.DELIVERED


def test_a_validator_named_by_mistake_hands_it_back(world: World) -> None:
    """The supplier names another one, who then has all the days; the first has no more to say."""
    deposit(world, "A1", "A9")
    said(world, "imprimerie", "A1", "name-wrong-validator")
    waits = life(world, "A1").status
    world.clock.moment += 10 * DAY

    wrong = said(world, "caterer", "A1", "name-validator", validator="12")
    named = said(world, "caterer", "A1", "name-validator", validator=SECOND)

    asked = life(world, "A1").asked
    assert waits is Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR
    assert wrong is not None
    assert named is None
    assert asked is not None
    assert (asked.validator, asked.deadline.day) == (SECOND, 27)
    assert heard(world, "hopital") == ["A_VALIDER_1"]
    assert said(world, "imprimerie", "A1", "validate") is not None
    assert said(world, "hopital", "A1", "validate") is None
    assert document(world, "A1").step is Step.DELIVERED


@pytest.mark.slow
def test_nobody_else_validates(world: World) -> None:
    """Neither the recipient, who has not had it, nor a stranger, who learns nothing."""
    deposit(world, "A1", "A9")

    by_recipient = said(world, "ville", "A1", "validate")
    by_stranger = said(world, "hopital", "A1", "validate")
    by_supplier = said(world, "caterer", "A1", "validate")

    refused = [one and one["reason"] for one in (by_recipient, by_stranger, by_supplier)]
    assert refused == ["ST_FORBIDDEN", "ST_UNKNOWN", "ST_FORBIDDEN"]
    assert life(world, "A1").status is Status.A_VALIDER_1


@pytest.mark.slow
def test_what_a_validator_says_twice_counts_once(world: World) -> None:
    """Also after the invoice has left."""
    deposit(world, "A1", "A9")
    at = "2026-03-02T13:00:00+00:00"
    said(world, "imprimerie", "A1", "validate", at=at)

    again = said(world, "imprimerie", "A1", "validate", at=at)

    assert again is None
    assert [one.event for one in history(world, "A1")].count(Event.VALIDATE) == 1
    assert received(world) == 1


@pytest.mark.slow
def test_an_invoice_leaves_though_its_recipients_sheet_was_closed(world: World) -> None:
    """What was agreed when it was accepted names its file; it waits at the closed door."""
    deposit(world, "A1", "A9")
    kept = world.connections.pop("ville")
    world.apply("hopital")

    assert said(world, "imprimerie", "A1", "validate") is None
    world_step = document(world, "A1").step
    world.connections["ville"] = kept
    world.apply("ville", "hopital")
    run(world)

    assert world_step is Step.ROUTED
    assert document(world, "A1").step is Step.DELIVERED


@pytest.mark.slow
def test_a_deadline_on_a_day_off_may_move_to_the_next_working_day(world: World) -> None:
    """16 days after 2 April 2026 is a Saturday; Monday the 20th is the last day then."""
    govern(world, replace(ValidationTerms(), subcontract_days=16, workdays=True))
    world.clock.moment = datetime(2026, 4, 2, 8, tzinfo=UTC)
    deposit(world, "A1", "A9")

    asked = life(world, "A1").asked
    assert asked is not None
    assert asked.deadline == datetime(2026, 4, 20, 22, tzinfo=UTC)


def test_validators_are_reminded_before_the_end_each_time_once(world: World) -> None:
    """By mail, the operators too, and by a file: five days before, a day before, and when over."""
    sheet = world.connections["imprimerie"]
    world.connections["imprimerie"] = replace(sheet, contact="titulaire@example.org")
    world.apply("ville", "hopital")
    mail = MailSettings(
        host="localhost", sender="edi@example.org", operators=("exploitation@example.org",)
    )
    settings = replace(world.hub.settings, mail=mail)
    world.hub = replace(world.hub, mail=SmtpMail(mail, world.home), settings=settings)
    deposit(world, "A1", "A12")
    asked = life(world, "A1").asked
    assert asked is not None

    given = []
    for before in (6 * DAY, 5 * DAY, 4 * DAY, DAY, timedelta(), -DAY):
        world.clock.moment = asked.deadline - before
        given.append(remind_validators(world.hub, world.hub.ledger.sheets()))
        assert remind_validators(world.hub, world.hub.ledger.sheets()) == 0

    assert given == [0, 1, 0, 1, 1, 0]
    rows = world.hub.ledger.outbox()
    letters = [
        Letter.read(one.payload) for one in rows if one.kind is OutboxKind.LETTER and one.payload
    ]
    assert {one.to for one in letters} == {"titulaire@example.org", "exploitation@example.org"}
    assert len(letters) == 6
    assert all("A1" in one.text and "n'avancent pas" in one.text for one in letters)
    files = [one for one in rows if one.name.startswith("reminder-") and one.payload]
    notices = [one for one in files if one.kind is OutboxKind.NOTICE]
    assert {one.connection for one in notices} == {"imprimerie"}
    told = [json.loads(one.payload) for one in notices if one.payload]
    assert sorted(one["days"] for one in told) == [0, 1, 5]
    assert told[0]["invoices"][0]["number"] == "A1"


def test_what_waits_for_a_validator_is_listed_and_explained(world: World) -> None:
    """Who owes the word, until when, and what an operator can type."""
    deposit(world, "A1", "A9")
    subject, sheets = document(world, "A1").id, world.hub.ledger.sheets()
    now = world.clock.now() + DAY

    (listed,) = awaited(world.hub.ledger, sheets, WaitingFor.VALIDATOR, now)
    (told,) = why(world.hub.ledger, subject)
    said(world, "imprimerie", "A1", "name-wrong-validator")
    (handed_back,) = why(world.hub.ledger, subject)

    assert (listed.number, listed.owner) == ("A1", "imprimerie")
    assert (told.code, told.who, told.target) == ("VALIDATION_WAITS", "validator", subject)
    assert FIRST in told.cause
    assert "2026-03-17 23:00 UTC" in told.cause
    assert "--as validator" in told.command
    assert (handed_back.code, handed_back.who) == ("VALIDATOR_WRONG", "sender")


def test_operators_verbs_meet_what_waits(world: World) -> None:
    """Nothing leaves, so nothing is held or made again; its supplier may take it back."""
    deposit(world, "A1", "A9")
    hub, sheets = world.hub, world.hub.ledger.sheets()
    one = document(world, "A1")
    target, order = Target(one.interchange, frozenset({one.id})), Order("demandé")

    held = hold(hub, sheets, target, order)
    again = redeliver(hub, sheets, target, order)
    balanced = is_balanced(balance(hub.ledger, Query(), amounts=True))
    found = look_for_differences(hub, sheets, everywhere=True).differences
    with pytest.raises(ConfigError, match="not finished"):
        erase(hub, one.interchange, "demandé")
    taken = withdraw(hub, sheets, target, order)

    assert "attend son valideur" in held.idle[one.id]
    assert "attend son valideur" in again.refused[one.id]
    assert balanced
    assert found == ()
    assert one.id in taken.done
    assert life(world, "A1").status is Status.ABANDONNEE
    assert document(world, "A1").step is Step.REJECTED
    assert said(world, "imprimerie", "A1", "validate") is not None
    world.clock.moment += 20 * DAY
    run(world)
    assert received(world) == 0


def test_an_operator_answers_for_a_validator(world: World) -> None:
    """Recorded with the operator's name, and it goes on as by a file."""
    deposit(world, "A1", "A9")
    declared = Declared(event=Event.VALIDATE, actor=Actor.VALIDATOR, given=Given(comment="vu"))

    line = declare(
        world.hub, world.hub.ledger.sheets(), document(world, "A1").id, declared, dry=False
    )
    run(world)

    assert (line.after, line.actor) == (Status.VALIDEE_1, Actor.VALIDATOR)
    assert document(world, "A1").step is Step.DELIVERED
