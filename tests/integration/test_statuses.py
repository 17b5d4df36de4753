"""Statuses both ways: from a recipient's file to its supplier's, each once or refused."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from pipeline.app.erase import erase
from pipeline.app.operate.acting import Order, Target
from pipeline.app.operate.withdraw import withdraw
from pipeline.app.pausing import pause, resume
from pipeline.app.verify import verify
from pipeline.lifecycle.inbound import read_cdar
from pipeline.model.connection import Environment, ReplyForm, StatusTerms
from pipeline.model.errors import ConfigError
from pipeline.model.identity import DocumentId
from pipeline.model.life import Actor, Event, Numbering, Status, entry_id
from pipeline.model.limits import WIDE
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import InterchangeStep
from pipeline.ports.ledger import Query
from pipeline.syntax import cdar
from pipeline.syntax.parse import parse
from tests.hubs import World, invoice, opened
from tests.statuses import (
    BUYER,
    FLOW,
    LIFE,
    SELLER,
    STATUT,
    Said,
    cdar_schema,
    deliver,
    document,
    found,
    history,
    life,
    message,
    pack,
    read_cdars,
    read_statut,
    run,
    statut,
    subscribe,
    subscribe_platforms,
)

#: A moment that recipients say, after any delivery here.
AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub whose supplier hears of statuses, and whose recipient says them."""
    with opened(tmp_path) as made:
        subscribe(made)
        yield made


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One with an invoice that nothing here may touch: what is refused leaves no trace."""
    with opened(tmp_path_factory.mktemp("settled")) as made:
        subscribe(made)
        deliver(made, "A1")
        yield made


_places = count(1)


def say(world: World, place: int, *said: Said, partner: str = "ville") -> str:
    """Drop a status flow and work; return what became of it."""
    name = STATUT.format(place)
    world.drop(partner, name, statut(said))
    run(world)
    flow = world.hub.ledger.interchanges(Query(text=name))[0]
    return f"{flow.step.value} {flow.reason or ''}".strip()


def test_a_delivery_is_told_as_made_available(world: World) -> None:
    """The supplier hears it in its own format, under its own code, once."""
    deliver(world, "A1")

    told = [
        one for path in found(world, "supplier", "FEN1200A") for one in read_statut(path).invoices
    ]
    assert [(one.number, one.status) for one in told] == [("A1", 1), ("A1", 3)]
    assert life(world, "A1").status is Status.MISE_A_DISPOSITION
    assert [(one.event, one.actor) for one in history(world, "A1")] == [
        (Event.DEPOSIT, Actor.HUB),
        (Event.ROUTE, Actor.HUB),
        (Event.MAKE_AVAILABLE, Actor.HUB),
    ]


def test_what_a_recipient_says_reaches_the_supplier(world: World) -> None:
    """Status, words and moment arrive as they were said."""
    deliver(world, "A1")

    ended = say(world, 1, Said(number="A1", status=6, at=AT, comment="Bon de commande inconnu"))

    assert ended == "closed"
    assert life(world, "A1").status is Status.SUSPENDUE
    (last,) = read_statut(found(world, "supplier", "FEN1200A")[-1]).invoices
    assert (last.number, last.status, last.at) == ("A1", 6, AT)
    assert last.comment == "Bon de commande inconnu"
    assert last.producer == BUYER.siret


@pytest.mark.slow
def test_the_same_number_means_what_was_agreed(tmp_path: Path) -> None:
    """06 suspends in one numbering and validates in the other; 16 the other way round."""
    with opened(tmp_path) as world:
        subscribe(world, Numbering.N2)
        deliver(world, "A1")

        wrong = say(world, 1, Said(number="A1", status=6, at=AT, comment="x"))
        right = say(world, 2, Said(number="A1", status=16, at=AT, comment="x"))

        assert (wrong, right) == ("refused ST_UNREADABLE", "closed")
        (last,) = read_statut(found(world, "supplier", "FEN1200A")[-1]).invoices
        assert last.status == 16


def test_a_status_said_twice_counts_once(world: World) -> None:
    """Another flow that says the same adds no line and tells nobody anything."""
    deliver(world, "A1")
    say(world, 1, Said(number="A1", status=7, at=AT))
    told = len(found(world, "supplier", "FEN1200A"))

    again = say(world, 2, Said(number="A1", status=7, at=AT), Said(number="A1", status=7, at=AT))

    assert again == "closed"
    assert len(found(world, "supplier", "FEN1200A")) == told
    assert [one.event for one in history(world, "A1")].count(Event.SERVICE_DONE) == 1


@pytest.mark.slow
def test_what_overtakes_is_not_undone(world: World) -> None:
    """A late file is written into the history and moves nothing."""
    deliver(world, "A1")
    now = world.clock.now()
    say(world, 1, Said(number="A1", status=11, at=now))

    late = say(world, 2, Said(number="A1", status=8, at=now - HOUR))

    assert late == "closed"
    assert life(world, "A1").status is Status.MISE_EN_PAIEMENT
    assert history(world, "A1")[-1].warnings == ("late",)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param({"number": "ZZ"}, "ST_UNKNOWN", id="unknown-invoice"),
        pytest.param({"siret": "55208131700013"}, "ST_UNKNOWN", id="another-seller"),
        pytest.param({"status": 1}, "ST_FORBIDDEN", id="not-a-recipients-status"),
        pytest.param({"status": 12}, "ST_FORBIDDEN", id="a-suppliers-status"),
        pytest.param({"status": 5}, "ST_INCOMPLETE", id="reject-without-a-word"),
        pytest.param({"status": 41}, "ST_UNREADABLE", id="no-meaning"),
    ],
)
def test_what_may_not_be_said_is_refused_and_touches_nothing(
    settled: World, said: dict[str, object], code: str
) -> None:
    """The flow is irrecevable, answered with its reason; the invoice stands where it stood."""
    world, place = settled, next(_places)
    before, told = history(world, "A1"), found(world, "supplier", "FEN1200A")
    given = {"number": "A1", "status": 7, "at": AT, **said}

    ended = say(world, place, Said(**given))  # type: ignore[arg-type]  # as the cases give them

    assert ended == f"refused {code}"
    assert history(world, "A1") == before
    assert found(world, "supplier", "FEN1200A") == told
    answer = read_statut(found(world, "ville", "CSO1301A")[-1])
    assert [(one.status, one.errors[0].code) for one in answer.flows] == [(93, code)]


def test_an_invoice_of_another_recipient_does_not_exist(world: World) -> None:
    """Nobody says anything of what was delivered to somebody else, nor learns of it."""
    deliver(world, "A1")
    sheet = world.connections["ville"]
    world.connections["hopital"] = replace(
        world.connections["hopital"],
        naming=sheet.naming,
        application_code="VIL001",
        interfaces=sheet.interfaces,
        carriage=sheet.carriage,
    )
    world.apply("ville", "hopital")

    ended = say(world, 1, Said(number="A1", status=7, at=AT), partner="hopital")

    assert ended == "refused ST_UNKNOWN"
    assert life(world, "A1").status is Status.MISE_A_DISPOSITION


def test_a_rehearsal_says_nothing_of_what_counts(world: World) -> None:
    """The same partner's qualification sheet moves no invoice of production."""
    deliver(world, "A1")
    ville = replace(world.connections["ville"], environment=Environment.QUALIFICATION)
    world.connections["ville"] = ville
    world.apply("ville", "hopital")

    ended = say(world, 1, Said(number="A1", status=7, at=AT))

    assert ended == "refused ST_UNKNOWN"
    assert life(world, "A1").status is Status.MISE_A_DISPOSITION


def test_before_its_delivery_nothing_can_be_said(world: World) -> None:
    """An invoice that nobody has yet can be neither booked nor paid."""
    world.folder("ville", "out").rmdir()  # nothing can be put there
    deliver(world, "A1")

    ended = say(world, 1, Said(number="A1", status=7, at=AT))

    assert ended == "refused ST_EARLY"
    assert life(world, "A1").status is Status.EN_COURS_ACHEMINEMENT


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[World]:
    """A supplier with free names that writes tables, and an invoice on its way."""
    with opened(tmp_path) as made:
        caterer = made.connections["caterer"]
        made.connections["caterer"] = replace(caterer, replies=(ReplyForm.CSV,))
        made.apply("ville", "hopital")
        pause(made.hub, "ville", "fermé")
        made.drop("caterer", "a.xml", invoice("A1"))
        run(made)
        yield made


def say_plainly(world: World, event: str) -> None:
    """Say something of A1 as its supplier, and work."""
    table = f"number;seller;status\nA1;{SELLER.siret[:9]};{event}\n"
    world.drop("caterer", f"statuts-{event}.csv", table.encode())
    run(world)


def test_a_cancelled_invoice_is_delivered_and_stays_cancelled(plain: World) -> None:
    """What corrects it names it: its recipient needs both."""
    say_plainly(plain, "cancel")
    resume(plain.hub, "ville")
    run(plain)

    assert list(plain.folder("ville", "out").iterdir())
    assert life(plain, "A1").status is Status.ANNULEE
    assert [one.event for one in history(plain, "A1")[-2:]] == [
        Event.CANCEL,
        Event.MAKE_AVAILABLE,
    ]


def test_words_give_up_no_invoice_that_is_on_its_way(plain: World) -> None:
    """Who wants it back has it withdrawn; what is merely said leaves both as they are."""
    say_plainly(plain, "give-up")

    assert life(plain, "A1").status is Status.EN_COURS_ACHEMINEMENT
    (flow,) = plain.hub.ledger.interchanges(Query(text="statuts-give-up.csv"))
    assert (flow.step, flow.reason) == (InterchangeStep.REFUSED, "ST_FORBIDDEN")


@pytest.mark.parametrize("number", ["A1", "A2"])
def test_of_a_number_used_again_the_invoice_that_left_is_meant(world: World, number: str) -> None:
    """One that was withdrawn frees its number; whichever id sorts first, it has no say left."""
    out = world.folder("ville", "out")
    out.rmdir()  # nothing can be put there
    deliver(world, number)
    first = document(world, number)
    target = Target(interchange=first.interchange, documents=None)
    sheets = world.hub.ledger.sheets()
    withdraw(world.hub, sheets, target, Order(reason="erreur"), unseen=True)
    out.mkdir()
    world.drop("supplier", FLOW.format(9), invoice(number) + b"<!-- corrected -->")
    run(world)

    ended = say(world, 1, Said(number=number, status=7, at=AT))

    (second,) = [one for one in world.hub.ledger.invoices_numbered([number]) if one.id != first.id]
    lives = world.hub.ledger.lives([first.id, second.id])
    assert ended == "closed"
    assert lives[first.id].status is Status.ABANDONNEE
    assert lives[second.id].status is Status.SERVICE_FAIT


def test_a_date_far_ahead_does_not_silence_who_wrote_it(world: World) -> None:
    """A wrong year is no later word: what its recipient says next still moves the invoice."""
    deliver(world, "A1")
    say(world, 1, Said(number="A1", status=7, at=datetime(2099, 1, 1, tzinfo=UTC)))

    ended = say(world, 2, Said(number="A1", status=11, at=AT))

    assert ended == "closed"
    assert life(world, "A1").status is Status.MISE_EN_PAIEMENT


def test_words_of_a_recipient_go_when_its_flow_is_erased(world: World) -> None:
    """What it said stays; in which words does not, nor in what told its supplier."""
    deliver(world, "A1")
    say(world, 1, Said(number="A1", status=6, at=AT, comment="Mme Berthelot absente"))
    flow = world.hub.ledger.interchanges(Query(text=STATUT.format(1)))[0]

    erase(world.hub, flow.id, "demandé")

    last = history(world, "A1")[-1]
    told = [one.payload or b"" for one in world.hub.ledger.outbox(kind=OutboxKind.STATUS)]
    assert (last.after, last.comment) == (Status.SUSPENDUE, "")
    assert not [one for one in told if b"Berthelot" in one]
    assert verify(world.hub.ledger, world.hub.archive).sound


def test_a_flow_is_not_erased_before_what_it_says_was_told(world: World) -> None:
    """A file that is still to leave needs its words."""
    deliver(world, "A1")
    out = world.folder("supplier", "out")
    out.rename(out.with_name("elsewhere"))  # nothing can be put there
    say(world, 1, Said(number="A1", status=6, at=AT, comment="Mme Berthelot absente"))
    flow = world.hub.ledger.interchanges(Query(text=STATUT.format(1)))[0]

    with pytest.raises(ConfigError, match="not finished"):
        erase(world.hub, flow.id, "demandé")

    assert history(world, "A1")[-1].comment == "Mme Berthelot absente"


def test_other_papers_in_the_same_second_are_another_word() -> None:
    """Two messages that only differ by what is attached: none passes for the other again."""
    papers = [
        cdar.Attachment(payload=one, mime="application/pdf", name="bon.pdf")
        for one in (b"%PDF-1.4 a", b"%PDF-1.4 a", b"%PDF-1.4 b")
    ]
    said = [read_cdar(message("A1", 209, AT, attachments=(one,)), "m.xml") for one in papers]

    names = [
        entry_id(DocumentId("F-0001"), Event.COMPLETE, Actor.SUPPLIER, AT, one.given)
        for one in said
    ]

    assert names[0] == names[1] != names[2]


def test_good_statuses_of_a_flow_count_and_the_others_are_named(world: World) -> None:
    """One wrong line does not undo the others; its sender learns which it was."""
    deliver(world, "A1")

    ended = say(world, 1, Said(number="A1", status=7, at=AT), Said(number="ZZ", status=7, at=AT))

    assert ended == "closed"
    assert life(world, "A1").status is Status.SERVICE_FAIT
    (answer,) = [read_statut(path) for path in found(world, "ville", "CSO1301A")]
    ((flow),) = answer.flows
    assert (flow.status, [one.code for one in flow.errors]) == (96, ["ST_UNKNOWN"])
    assert "ZZ" in flow.errors[0].nature


@pytest.mark.slow
def test_a_reason_in_the_complement_is_read(world: World) -> None:
    """A reject for a missing paper suspends, whichever form says it."""
    deliver(world, "A1")

    say(
        world,
        1,
        Said(number="A1", status=5, at=AT, comment="Bon absent", complement="JUSTIF_ABS"),
    )

    assert life(world, "A1").status is Status.SUSPENDUE
    assert history(world, "A1")[-1].reasons == ("JUSTIF_ABS",)
    (last,) = read_statut(found(world, "supplier", "FEN1200A")[-1]).invoices
    assert last.status == 6


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            b"<CPPStatut>&e;</CPPStatut>",
            "IRR_SYNTAX",
            id="xxe",
        ),
        pytest.param(
            b"<CPPStatut Version='V1_19'><Enveloppe/></CPPStatut>", "IRR_SYNTAX", id="torn"
        ),
        pytest.param(b"<Invoice/>", "IRR_SYNTAX", id="something-else"),
    ],
)
def test_a_hostile_flow_is_refused_unread(settled: World, payload: bytes, code: str) -> None:
    """Nothing that it asks for is done."""
    world, name = settled, STATUT.format(next(_places))

    world.drop("ville", name, payload)
    run(world)

    flow = world.hub.ledger.interchanges(Query(text=name))[0]
    assert (flow.step, flow.reason) == (InterchangeStep.REFUSED, code)
    assert len(history(world, "A1")) == 3


def test_a_hundred_thousand_statuses_are_refused_as_a_whole(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow beyond the cap is refused before anything of it is looked at."""
    monkeypatch.setattr("pipeline.app.statuses.MOST", 3)
    world, place = settled, next(_places)

    ended = say(world, place, *[Said(number="A1", status=7, at=AT + n * HOUR) for n in range(4)])

    assert ended == "refused IRR_TAILLE_F"
    assert len(history(world, "A1")) == 3


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub between two partners with free names."""
    with opened(tmp_path_factory.mktemp("tables")) as made:
        replies = tuple(ReplyForm)
        made.connections["ville"] = replace(made.connections["ville"], replies=replies)
        tell = StatusTerms(tell=True)
        made.connections["caterer"] = replace(made.connections["caterer"], statuses=tell)
        made.apply("ville", "hopital")
        made.drop("caterer", "a.xml", invoice("A1"))
        run(made)
        yield made


class TestTables:
    """The same from a receiver that writes no XML, to a sender that reads none."""

    def test_a_table_is_read_and_a_table_is_told(self, tables: World) -> None:
        """Good lines count; of the others the receiver learns which, and why."""
        siren = SELLER.siret[:9]
        lines = [
            "number;seller;status;at;reason;comment",
            f"A1;{siren};suspend;2030-03-01T09:00:00Z;CMD_ERR;commande inconnue",
            f"A1;{siren};COMPTABILISEE;2030-03-02T09:00:00Z;;",
            f"ZZ;{siren};book;;;",
        ]

        tables.drop("ville", "statuts-1.csv", "\n".join(lines).encode())
        run(tables)

        assert life(tables, "A1").status is Status.COMPTABILISEE
        told = [
            one
            for path in tables.folder("caterer", "out").glob("statuses-*.json")
            for one in json.loads(path.read_bytes())["statuses"]
        ]
        assert sorted(one["status"] for one in told) == [
            "COMPTABILISEE",
            "MISE_A_DISPOSITION",
            "SUSPENDUE",
        ]
        (answer,) = tables.folder("ville", "out").glob("statuses-refused-*.json")
        (refused,) = json.loads(answer.read_bytes())["refused"]
        assert (refused["number"], refused["code"]) == ("ZZ", "ST_UNKNOWN")

    @pytest.mark.parametrize(
        "table",
        [
            pytest.param(b"number,status\nA1,book\n", id="no-seller"),
            pytest.param(b'number,seller,status\n"A1,1,book\n', id="torn"),
            pytest.param(b"number,seller,status,cash\nA1,1,cash,=1+1@20\n", id="formula"),
            pytest.param(b"number,seller,status,at\nA1,1,book,yesterday\n", id="no-moment"),
            pytest.param(b'{"schema": "edi-statuses/1", "statuses": [[]]}', id="not-lines"),
            pytest.param(b"\xff\xfe", id="not-text"),
            pytest.param(b"number,seller,status\nA\0,1,book\n", id="nul"),
            pytest.param(
                b"number,seller,status,reason\nA1,1,book,Mme Durand absente\n", id="prose"
            ),
            pytest.param(
                b'{"schema": "edi-statuses/1", "statuses":'
                b' [{"number": "A\\ud800", "seller": "1", "status": "book"}]}',
                id="half-a-character",
            ),
        ],
    )
    def test_a_broken_table_is_refused(self, tables: World, table: bytes) -> None:
        """The whole of it: what it meant to say is anybody's guess."""
        name, before = f"statuts-b{next(_places)}.csv", history(tables, "A1")
        tables.drop("ville", name, table)
        run(tables)

        (flow,) = tables.hub.ledger.interchanges(Query(text=name))
        assert (flow.step, flow.reason) == (InterchangeStep.REFUSED, "IRR_SYNTAX")
        assert history(tables, "A1") == before


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub between a public sender and the platform of a buyer."""
    with opened(tmp_path_factory.mktemp("platforms")) as made:
        subscribe_platforms(made)
        deliver(made, "A1", flow="FSO3110A_SUP001_SUP0013110{:015d}")
        yield made


class TestPlatforms:
    """The same by CDAR."""

    def say(self, world: World, *said: cdar.Cdar, name: str = LIFE) -> str:
        """Drop a flow of messages and work; return what became of it."""
        flow_name = name.format(next(_places))
        payload = pack(cdar.write(one, cdar_schema()) for one in said)
        world.drop("ville" if "VIL001" in name else "supplier", flow_name, payload)
        run(world)
        flow = world.hub.ledger.interchanges(Query(text=flow_name))[0]
        return f"{flow.step.value} {flow.reason or ''}".strip()

    def test_a_buyers_word_reaches_the_public_sender(self, platforms: World) -> None:
        """Valid against schema and rules, with reason and comment."""
        detail = cdar.Detail(sequence=1, reason="CMD_ERR", note="commande inconnue")

        ended = self.say(platforms, message("A1", 208, AT, details=(detail,)))

        assert ended == "closed"
        (last,) = read_cdars(found(platforms, "supplier", "FEN4000A")[-1])
        assert (last.reference, last.status, last.set_at) == ("A1", 208, AT)
        assert (last.details[0].reason, last.details[0].note) == ("CMD_ERR", "commande inconnue")
        assert last.issuer.role == cdar.BUYER

    def test_a_forbidden_status_is_answered_by_601(self, platforms: World) -> None:
        """It names the message and says why; the invoice stands where it stood."""
        before = history(platforms, "A1")

        ended = self.say(platforms, message("A1", 209, AT), message("ZZ", 204, AT))

        assert ended == "closed"
        assert history(platforms, "A1") == before
        (answer,) = found(platforms, "ville", "FEN4003A")
        told = [(one.status, one.reference, one.details[0].text) for one in read_cdars(answer)]
        assert told == [
            (601, "M-A1-209", "ST_FORBIDDEN : statut 209 non pris en compte"),
            (601, "M-ZZ-204", "ST_UNKNOWN : statut 204 non pris en compte"),
        ]

    def test_a_seller_completes_what_was_suspended(self, platforms: World) -> None:
        """The files go on to the buyer's platform."""
        detail = cdar.Detail(sequence=1, reason="JUSTIF_ABS", note="bon absent")
        self.say(platforms, message("A1", 208, AT, details=(detail,)))
        files = (cdar.Attachment(payload=b"%PDF-1.4 bon", mime="application/pdf", name="bon.pdf"),)
        seller = cdar.Party(cdar.SELLER, document(platforms, "A1").header.seller_siren, cdar.SIREN)

        ended = self.say(
            platforms,
            message("A1", 209, AT + HOUR, attachments=files, issuer=seller),
            name="FSO3302A_SUP001_SUP0013302{:015d}",
        )

        assert ended == "closed"
        assert life(platforms, "A1").status is Status.COMPLETEE
        (last,) = read_cdars(found(platforms, "ville", "FEN4001A")[-1])
        assert (last.status, last.attachments) == (209, files)

    def test_attachments_reach_who_gets_none_with_a_status(self, tmp_path: Path) -> None:
        """A recipient of pivots finds them in the completed invoice; once is enough."""
        with opened(tmp_path) as world:
            subscribe(world)
            ville = world.connections["ville"]
            subscribe_platforms(world)
            world.connections["ville"] = ville
            world.apply("ville", "hopital")
            deliver(world, "A1", flow="FSO3110A_SUP001_SUP0013110{:015d}")
            say(world, next(_places), Said(number="A1", status=6, at=AT, comment="bon absent"))
            files = (cdar.Attachment(payload=b"%PDF", mime="application/pdf", name="bon.pdf"),)

            for hours in (1, 2):
                self.say(
                    world,
                    message("A1", 209, AT + hours * HOUR, attachments=files),
                    name="FSO3302A_SUP001_SUP0013302{:015d}",
                )

            assert life(world, "A1").status is Status.COMPLETEE
            pivots = [parse(one.read_bytes(), WIDE) for one in found(world, "ville", "FEN0036A")]
            told = {one.findtext(".//Renvoi"): one for one in pivots}
            assert set(told) == {"Non", "Complétée"}
            papers = [one.text for one in told["Complétée"].iter("Contenu")]
            assert b64encode(files[0].payload).decode() in papers
            (answer,) = found(world, "supplier", "FEN4002A")  # of the second
            assert [one.status for one in read_cdars(answer)] == [601]
