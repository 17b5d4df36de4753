"""What a receiver takes binds its documents, in the version of the day they came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.app.apply import check_sheets
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.operate.replay import replay
from pipeline.app.run import run_once
from pipeline.model.agreement import Agreement, Takes
from pipeline.model.connection import AnswerFormat
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.status import Step
from pipeline.ports.ledger import Query, Sheets
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, directory, invoice, opened

#: From the third of March on, only credit notes: what is an invoice is refused.
LATER = Takes(name="ville", types=("381",), valid_from=date(2026, 3, 3))
TAKES = Takes(name="ville", later=(LATER,))
EVENING = datetime(2026, 3, 2, 22, 50, tzinfo=UTC)
SOON = timedelta(minutes=20)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub on the evening before the change; the city's sheet says what it takes."""
    with opened(tmp_path) as found:
        found.clock.move(EVENING - found.clock.now())
        found.hub = replace(found.hub, takes={"ville": TAKES})
        found.connections["ville"] = replace(found.connections["ville"], takes="ville")
        found.connections["caterer"] = replace(
            found.connections["caterer"], answers=(AnswerFormat.JSON, AnswerFormat.HTML)
        )
        found.apply("ville", "hopital")
        yield found


def run(world: World) -> None:
    """Work until everything is answered."""
    for _ in range(2):
        world.clock.move(MINUTE)
        run_once(world.hub, insist=True)


def by_name(world: World) -> dict[str, Document]:
    """Return every document by the name of its file."""
    return {one.name: one for one in world.hub.ledger.documents(Query())}


def steps(world: World) -> dict[str, tuple[Step, list[str]]]:
    """Return where each document stands and why."""
    return {
        name: (one.step, [why.code for why in one.reasons]) for name, one in by_name(world).items()
    }


def test_two_versions_around_midnight_in_paris(world: World) -> None:
    """The evening of the second ends at 23:00 UTC; each document names what bound it."""
    world.drop("caterer", "before.xml", invoice("A1"))
    run(world)
    world.clock.move(SOON)
    world.drop("caterer", "after.xml", invoice("A2"))
    world.drop("caterer", "other.xml", invoice("A3", "HOPITAL"))
    run(world)

    assert steps(world) == {
        "before.xml": (Step.DELIVERED, []),
        "after.xml": (Step.REJECTED, ["NOT_TAKEN"]),
        "other.xml": (Step.DELIVERED, []),
    }
    third = date(2026, 3, 3)
    assert {name: one.agreement for name, one in by_name(world).items()} == {
        "before.xml": Agreement(
            day=date(2026, 3, 2), profile="light", receiver="ville", takes="ville"
        ),
        "after.xml": Agreement(
            day=third, profile="light", receiver="ville", takes="ville@2026-03-03"
        ),
        "other.xml": Agreement(day=third, profile="light", receiver="hopital"),
    }


def test_the_answer_names_the_agreement(world: World) -> None:
    """For the program that reads it, and for the person."""
    world.clock.move(SOON)
    world.drop("caterer", "after.xml", invoice("A2"))
    run(world)

    out = world.folder("caterer", "out")
    (answer,) = (json.loads(path.read_text()) for path in out.glob("*.json"))
    (document,) = answer["documents"]
    assert document["agreement"] == {
        "day": "2026-03-03",
        "profile": "light",
        "receiver": "ville",
        "takes": "ville@2026-03-03",
    }
    (page,) = (path.read_text() for path in out.glob("*.html"))
    assert "light × ville@2026-03-03 (ville), 2026-03-03" in page
    assert "TAKES-02" in page


def test_a_held_document_is_judged_again_by_the_day_it_came(world: World) -> None:
    """Its sender kept to what was agreed then; that we were late is not theirs to mend."""
    world.judge_by(PACK_GONE)
    world.drop("caterer", "before.xml", invoice("A1"))
    run(world)
    (held,) = world.hub.ledger.documents(Query())
    assert held.step is Step.HELD
    world.judge_by(LIGHT)
    world.clock.move(SOON)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    run(world)

    assert steps(world) == {"before.xml": (Step.DELIVERED, [])}
    assert by_name(world)["before.xml"].agreement == Agreement(
        day=date(2026, 3, 2), profile="light", receiver="ville", takes="ville"
    )


def test_a_replay_asks_what_the_receiver_took_on_that_day(world: World) -> None:
    """A receiver that takes less by now does not make a delivered document wrong."""
    world.drop("caterer", "before.xml", invoice("A1"))
    run(world)
    world.clock.move(SOON)
    (document,) = world.hub.ledger.documents(Query())
    sheets = world.hub.ledger.sheets()

    same = replay(world.hub, sheets, find(world.hub, document.id), Order(""), dry=True)
    world.hub = replace(world.hub, takes={"ville": Takes(name="ville", types=("381",))})
    stricter = replay(world.hub, sheets, find(world.hub, document.id), Order(""), dry=True)

    assert [one.changes for one in same.compared] == [False]
    assert [(one.changes, one.codes) for one in stricter.compared] == [(True, ("NOT_TAKEN",))]


def test_a_receivers_schema_refuses_its_documents_alone(world: World) -> None:
    """With the place in the document, and what was found there; another's go on."""
    schemas = {"ubl-invoice": ("receiver-public-ubl-invoice",)}
    world.hub = replace(world.hub, takes={"ville": Takes(name="ville", schemas=schemas)})
    world.drop("caterer", "mine.xml", invoice("N" * 21))
    world.drop("caterer", "theirs.xml", invoice("H" * 21, "HOPITAL"))
    run(world)

    assert steps(world) == {
        "mine.xml": (Step.REJECTED, ["NOT_TAKEN"]),
        "theirs.xml": (Step.DELIVERED, []),
    }
    (why,) = by_name(world)["mine.xml"].reasons
    assert why.place == "mine.xml /ubl:Invoice/cbc:ID ligne 5"
    assert "receiver-public-ubl-invoice" in why.message["fr"]
    assert "N" * 21 in why.message["fr"]


def test_a_sheet_edited_while_flows_wait_binds_what_comes_from_then_on(world: World) -> None:
    """Whoever sent before could not know; what their receiver and sender agreed then, counts."""
    strict = Takes(name="strict", types=("381",))
    world.hub = replace(world.hub, takes={"ville": TAKES, "strict": strict})
    world.judge_by(PACK_GONE)
    world.drop("caterer", "before.xml", invoice("A1"))
    run(world)
    (held,) = world.hub.ledger.documents(Query())
    world.judge_by(LIGHT)
    world.judge_by(replace(LIGHT, name="other"))
    world.clock.move(MINUTE)
    world.connections["ville"] = replace(world.connections["ville"], takes="strict")
    world.connections["caterer"] = replace(world.connections["caterer"], profile="other")
    world.apply("ville", "hopital")
    world.clock.move(MINUTE)

    world.drop("caterer", "after.xml", invoice("A2"))
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, held.id), Order("installé"))
    run(world)

    assert steps(world) == {
        "before.xml": (Step.DELIVERED, []),
        "after.xml": (Step.REJECTED, ["NOT_TAKEN"]),
    }
    named = {name: one.agreement for name, one in by_name(world).items()}
    assert {name: (one.profile, one.takes) for name, one in named.items() if one} == {
        "before.xml": ("light", "ville"),
        "after.xml": ("other", "strict"),
    }


def test_a_sheet_that_names_what_does_not_exist_is_refused(world: World) -> None:
    """Before anything arrives, and with the names that do."""
    connections = dict(world.connections)
    connections["ville"] = replace(connections["ville"], takes="mairie")

    with pytest.raises(ConfigError, match="ville: takes: « mairie » inconnu"):
        check_sheets(world.hub, Sheets(connections, directory("ville")))
