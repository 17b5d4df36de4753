"""A hub that dies between a validator's word, or its silence, and what follows: all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from pipeline.adapters.database import open_ledger
from pipeline.app.validation import look_after_validations
from pipeline.app.verify import verify
from pipeline.model.life import Event, Status
from pipeline.model.settings import MailSettings
from pipeline.model.status import Step
from pipeline.ports.failpoint import PHASES, disarm
from tests.dying import Died, die_at
from tests.hubs import World, opened
from tests.statuses import document, history, life, run
from tests.validating import deposit, heard, listening, received, said

#: Where it dies while a word comes in by a file, and while the clock says it.
BY_WORD = (
    "validation.routed",
    "status.told",
    *(f"work.settle.{phase}" for phase in PHASES),
)
BY_CLOCK = ("validation.routed", *(f"validation.lapse.{phase}" for phase in PHASES))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with an invoice of a sub-contractor that waits for its validator."""
    with opened(tmp_path) as made:
        listening(made)
        deposit(made, "A1", "A9")
        yield made
        disarm()


def finish(world: World) -> None:
    """Start a new process on what the dead one left, and let it work."""
    disarm()
    world.stop()
    world.start()
    for _ in range(3):
        run(world, 1)
        world.clock.move(world.hub.settings.lease)


def ends_well(world: World, event: Event, status: str) -> None:
    """Hold what stands against one word, one departure, one telling."""
    assert document(world, "A1").step is Step.DELIVERED
    assert received(world) == 1
    events = [one.event for one in history(world, "A1")]
    assert events == [
        Event.DEPOSIT,
        Event.ASK_VALIDATION,
        event,
        Event.ROUTE,
        Event.MAKE_AVAILABLE,
    ]
    assert heard(world, "caterer").count(status) == 1
    assert verify(world.hub.ledger, world.hub.archive).sound


@pytest.mark.slow
@pytest.mark.parametrize("point", BY_WORD)
def test_a_word_and_its_departure_are_one(world: World, point: str) -> None:
    """Wherever it dies, the invoice leaves once, and everybody hears of it once."""
    died = die_at(point)
    with pytest.raises(Died):
        said(world, "imprimerie", "A1", "validate")

    finish(world)

    assert died == [point]
    ends_well(world, Event.VALIDATE, "VALIDEE_1")


@pytest.mark.parametrize("point", BY_CLOCK)
def test_silence_and_its_departure_are_one(world: World, point: str) -> None:
    """The clock says it once, whichever process looks."""
    asked = life(world, "A1").asked
    assert asked is not None
    world.clock.moment = asked.deadline
    died = die_at(point)
    with pytest.raises(Died):
        look_after_validations(world.hub, world.hub.ledger.sheets())

    finish(world)

    assert died == [point]
    ends_well(world, Event.LAPSE, "ABSENCE_VALIDATION_1_HORS_DELAI")


@pytest.mark.parametrize("phase", PHASES)
def test_a_reminder_is_whole_or_not_there(world: World, phase: str) -> None:
    """That it was given, and its letters, are one change."""
    mail = MailSettings(host="localhost", sender="a@example.org", operators=("b@example.org",))
    world.hub = replace(world.hub, settings=replace(world.hub.settings, mail=mail))
    asked = life(world, "A1").asked
    assert asked is not None
    world.clock.moment = asked.deadline - (asked.deadline - world.clock.moment) / 15
    died = die_at(f"validation.remind.{phase}")
    with pytest.raises(Died):
        look_after_validations(world.hub, world.hub.ledger.sheets())
    disarm()

    look_after_validations(world.hub, world.hub.ledger.sheets())

    assert died == [f"validation.remind.{phase}"]
    reminders = [one for one in world.hub.ledger.outbox() if one.name.startswith("reminder-")]
    assert len(reminders) == 1


def test_of_two_hubs_at_once_one_lets_it_go(world: World) -> None:
    """Two that take themselves for the leader end where one would."""
    asked = life(world, "A1").asked
    assert asked is not None
    world.clock.moment = asked.deadline
    gone: list[int] = []

    def look() -> None:
        hub = replace(world.hub, ledger=open_ledger(world.url))
        gone.append(look_after_validations(hub, hub.ledger.sheets()))

    both = [Thread(target=look) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert sorted(gone) == [0, 1]
    assert life(world, "A1").status is Status.EN_COURS_ACHEMINEMENT
    run(world)
    ends_well(world, Event.LAPSE, "ABSENCE_VALIDATION_1_HORS_DELAI")
