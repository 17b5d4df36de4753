"""What an operator's verbs do to flows that are judged already, on both databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.acknowledge.platform import messages_in
from pipeline.app.answer import answer
from pipeline.app.erase import erase
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, Target, Told, find
from pipeline.app.operate.bulk import carry_out, find_list, freeze, matching, try_out
from pipeline.app.operate.hold import hold
from pipeline.app.operate.redeliver import Again, redeliver
from pipeline.app.operate.reject import reject
from pipeline.app.operate.release import release
from pipeline.app.operate.verbs import Ask, act
from pipeline.app.operate.withdraw import withdraw
from pipeline.app.settle import Candidate, settle_flow
from pipeline.app.status import look
from pipeline.app.verify import verify
from pipeline.app.why import why, with_previews
from pipeline.entry.cli import command_line
from pipeline.ingest.admission import interface_of
from pipeline.model.bulk import ItemState, Verb, sums
from pipeline.model.connection import Connection, Door, Envelope, Naming, Protocol, Role
from pipeline.model.directory import Directory, Route, Structure
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, Fenced
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.identity import document_id, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Syntax, ValidationReport
from pipeline.model.run import Pause
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Claim, Query, Sheets

pytestmark = pytest.mark.contract

AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
CITY, HOSPITAL, SCHOOL = "21750001600019", "26750045200011", "19750001600017"
FINE = ValidationReport(
    syntax=Syntax.UBL_INVOICE,
    layers=tuple(LayerResult(layer, Outcome.VALID) for layer in Layer),
)


def _sheet(name: str, role: Role, **more: Any) -> Connection:
    return Connection(name=name, partner=name.upper(), role=role, door=Door(), **more)


CONNECTIONS = (
    _sheet("caterer", Role.SENDER),
    _sheet(
        "stationer",
        Role.SENDER,
        naming=Naming.GRAMMAR,
        application_code="SUP001",
        interfaces=("FSO1100A",),
    ),
    _sheet(
        "platform",
        Role.SENDER,
        naming=Naming.GRAMMAR,
        application_code="PLA001",
        matricule="1234",
        interfaces=("FSO1150A",),
    ),
    _sheet("city", Role.RECEIVER),
    _sheet("other", Role.RECEIVER),
    _sheet("hospital", Role.RECEIVER, envelope=Envelope.TAR_GZ),
)
SHEETS = Sheets(
    {one.name: one for one in CONNECTIONS},
    Directory(
        {siret: Structure(siret=siret, name=siret) for siret in (CITY, HOSPITAL, SCHOOL)},
        (
            Route(connection="city", buyer_siret=CITY),
            Route(connection="hospital", buyer_siret=HOSPITAL),
        ),
    ),
)


WITHDRAW = Ask(verb=Verb.WITHDRAW, reason="émis par erreur")
REPLAY = Ask(verb=Verb.REPLAY, reason="règles corrigées")
CATERER = Query(partner="CATERER")


@dataclass(frozen=True, slots=True)
class Desk:
    """One hub with its operator.

    Attributes:
        hub: The hub, acting as ``operator:ada``.
        sheets: What is in force.
    """

    hub: Hub
    sheets: Sheets

    def flow(
        self, name: str = "a.xml", *buyers: str, sender: str = "caterer", stop: bool = False
    ) -> Interchange:
        """Record a flow with one sound invoice a buyer, and settle it unless `stop`."""
        sheet = self.sheets.connections[sender]
        digest = sha256(name.encode()).hexdigest()
        one = Interchange(
            id=interchange_id(sender, name, digest, 1),
            connection=sender,
            partner=sheet.partner,
            name=name,
            size=10,
            mtime=1,
            sha256=digest,
            received_at=AT,
        )
        with self.hub.ledger.transaction() as tx:
            assert tx.record(one, "run:1")
        if not stop:
            self.settle(one, buyers or (CITY,))
        return self.again(one)

    def settle(self, flow: Interchange, buyers: tuple[str, ...]) -> None:
        """Accept or hold every document of a flow, and answer it, as a run does."""
        ((_, claim),) = self.hub.ledger.claim_interchanges(
            "run:1", self.hub.clock.now(), self.hub.clock.now() + timedelta(hours=1), 1
        )
        sheet = self.sheets.connections[flow.connection]
        interface = interface_of(flow, sheet, self.hub.interfaces)
        found = [invoice(flow, seq, buyer) for seq, buyer in enumerate(buyers, 1)]
        with self.hub.ledger.transaction() as tx:
            tx.add_documents([(one, FINE) for one in found], "run:1", AT)
            settled = settle_flow(
                self.hub,
                self.sheets,
                tx,
                sheet,
                interface,
                replace(flow, documents=len(found)),
                [Candidate(one, FINE) for one in found],
                None,
                claim,
            )
            answer(self.hub, tx, sheet, interface, settled, {}, was_held=False)

    def again(self, flow: Interchange) -> Interchange:
        """Return a flow as it stands."""
        found = self.hub.ledger.interchange(flow.id)
        assert found is not None
        return found

    def documents(self, flow: Interchange) -> list[Document]:
        """Return its documents as they stand."""
        return list(self.hub.ledger.documents(Query(interchange=flow.id)))

    def steps(self, flow: Interchange) -> list[str]:
        """Return the steps of its documents."""
        return [one.step.value for one in self.documents(flow)]

    def rows(self, flow: Interchange, kind: OutboxKind = OutboxKind.DELIVERY) -> list[OutboxRow]:
        """Return its outbox rows of one kind, oldest generation first."""
        found = self.hub.ledger.outbox(interchange=flow.id, kind=kind)
        return sorted(found, key=lambda row: (row.generation, row.name))

    def answers(self, flow: Interchange) -> dict[str, Any]:
        """Return its JSON answers by the end of their names."""
        rows = self.rows(flow, OutboxKind.ACKNOWLEDGEMENT)
        return {
            row.name.split(".")[-2]: json.loads(row.payload or b"")
            for row in rows
            if row.name.endswith(".json")
        }

    def claim(self, connection: str = "city") -> list[tuple[OutboxRow, Claim]]:
        """Claim what is due through a connection, as a courier does."""
        now = self.hub.clock.now()
        until = now + timedelta(hours=1)
        return list(self.hub.ledger.claim_outbox("run:2", now, until, 9, connection))

    def end(self, rows: list[tuple[OutboxRow, Claim]], after: OutboxState, step: Step) -> None:
        """End claimed deliveries, as a courier does."""
        with self.hub.ledger.transaction() as tx:
            for row, claim in rows:
                tried = replace(row, attempts=row.attempts + 1)
                tx.settle_outbox(tried, after, claim=claim, by="run:2", at=AT)
                moving = [d for d in tx.documents_named(row.documents) if d.step is Step.ROUTED]
                tx.move_documents(moving, step, by="run:2", at=AT)

    def deliver(self, connection: str = "city") -> None:
        """Put everything that is due through a connection."""
        self.end(self.claim(connection), OutboxState.SENT, Step.DELIVERED)

    def give_up(self, connection: str = "city") -> None:
        """Give up everything that is due through a connection."""
        self.end(self.claim(connection), OutboxState.ABANDONED, Step.ABANDONED)

    def target(self, subject: str) -> Target:
        """Return what an id names."""
        return find(self.hub, subject)

    def told_events(self, subject: str, what: str) -> list[Mapping[str, object]]:
        """Return the data of the events of one name on exactly one subject."""
        events = self.hub.ledger.events(subject)
        return [
            one.fact.data
            for one in events
            if one.fact.what == what and one.fact.subject == subject
        ]


def invoice(flow: Interchange, seq: int, buyer: str) -> Document:
    """Build one sound invoice of 100 euros, its number made of flow and place."""
    number = f"{flow.name}-{seq}"
    return Document(
        id=document_id(flow.id, seq),
        interchange=flow.id,
        seq=seq,
        name=f"{seq}.xml",
        size=5,
        sha256=sha256(number.encode()).hexdigest(),
        syntax=Syntax.UBL_INVOICE,
        header=RoutingHeader(
            number=number,
            issue_date=date(2026, 10, 2),
            type_code="380",
            currency="EUR",
            seller_name="Traiteur",
            seller_siren="732829320",
            seller_siret="73282932000074",
            buyer_siret=buyer,
            buyer_siren=buyer[:9],
            total_with_vat=Decimal("100.00"),
        ),
    )


def order(reason: str = "demandé par téléphone") -> Order:
    """Ask for something, with a reason."""
    return Order(reason)


def effects(told: Told) -> tuple[int, int, int]:
    """Count what a verb did, found done, and refused."""
    return len(told.done), len(told.idle), len(told.refused)


def with_folders(home: Path) -> Sheets:
    """Give every partner a folder of this machine as its door."""
    for name in SHEETS.connections:
        (home / "doors" / name / "out").mkdir(parents=True, exist_ok=True)
    doors = {
        name: Door(protocol=Protocol.LOCAL, path=str(home / "doors" / name))
        for name in SHEETS.connections
    }
    connections = {
        name: replace(one, door=doors[name]) for name, one in SHEETS.connections.items()
    }
    return Sheets(connections, SHEETS.directory)


@contextmanager
def open_desk(home: Path, url: str) -> Iterator[Desk]:
    """Open a hub in a workspace of its own on the database at `url`."""
    place = bootstrap.Workspace(home=home, database=url, packs=bootstrap.workspace().packs)
    bootstrap.initialise(place)
    with bootstrap.open_hub(place, by="operator:ada") as hub:
        sheets = with_folders(home)
        hub.ledger.apply(sheets, "operator:ada", AT)
        yield Desk(hub, sheets)


@pytest.fixture
def desk(database: Any, tmp_path: Path) -> Iterator[Desk]:
    """Give a hub on an empty ledger."""
    with open_desk(tmp_path / "var", database.url) as opened:
        yield opened


def standing_at(desk: Desk, connection: str) -> Path:
    """Return the folder where a recipient finds its files."""
    folder = Path(desk.sheets.connections[connection].door.path) / "out"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sound(desk: Desk) -> bool:
    """Tell whether rows, events and their chain say the same."""
    found = verify(desk.hub.ledger, desk.hub.archive)
    return not (found.breaks or found.differences)


# -- withdraw


def test_a_withdrawal_cancels_rejects_frees_and_answers_at_once(desk: Desk) -> None:
    """The recipient gets nothing, the number is free, and a further answer says so."""
    flow = desk.flow("a.xml", CITY, CITY)

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order("erreur de tarif"))

    assert effects(told) == (2, 0, 0)
    assert [row.state.value for row in desk.rows(flow)] == ["cancelled", "cancelled"]
    assert desk.steps(flow) == ["rejected", "rejected"]
    assert desk.again(flow).step.value == "closed"
    assert desk.claim() == []
    said = desk.answers(flow)
    assert (said["ack"]["outcome"], said["ack"]["round"]) == ("accepted", 1)
    assert (said["ack2"]["outcome"], said["ack2"]["round"]) == ("rejected", 2)
    (why,) = said["ack2"]["documents"][0]["reasons"]
    assert why["code"] == "WITHDRAWN"
    assert "erreur de tarif" in why["message"]["fr"]
    again = desk.flow("b.xml", CITY)
    same = replace(invoice(flow, 1, CITY), id=document_id(again.id, 9))
    with desk.hub.ledger.transaction() as tx:
        key = same.business_key
        assert key is not None
        assert tx.holders([key]) == {}
    assert sound(desk)


def test_a_second_withdrawal_has_no_second_effect(desk: Desk) -> None:
    """Two clicks are two entries in the record, and one answer."""
    flow = desk.flow()
    target = desk.target(flow.id)
    withdraw(desk.hub, desk.sheets, target, order())
    rows = desk.hub.ledger.outbox()

    told = withdraw(desk.hub, desk.sheets, target, order())

    assert effects(told) == (0, 1, 0)
    assert desk.hub.ledger.outbox() == rows
    assert [one.get("effect") for one in desk.told_events(flow.id, "operator.withdraw")] == [
        None,
        "nothing to do",
    ]


def test_a_delivery_in_somebodys_hands_is_not_withdrawn(desk: Desk) -> None:
    """The claim decides: either it is sent, or it is withdrawn, never both."""
    flow = desk.flow("a.xml", CITY)
    claimed = desk.claim()

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (0, 0, 1)
    assert "réessayez" in next(iter(told.refused.values()))
    assert (desk.steps(flow), list(desk.answers(flow))) == (["routed"], ["ack"])
    desk.hub.ledger.release_outbox([claim for _, claim in claimed])
    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())
    assert effects(told) == (1, 0, 0)
    with pytest.raises(Fenced):
        desk.end(claimed, OutboxState.SENT, Step.DELIVERED)


def test_what_was_delivered_stays_while_the_rest_is_withdrawn(desk: Desk) -> None:
    """Each invoice stands for itself; the answer tells both."""
    flow = desk.flow("a.xml", CITY, HOSPITAL)
    desk.deliver("city")

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (1, 0, 1)
    assert desk.steps(flow) == ["delivered", "rejected"]
    assert desk.answers(flow)["ack2"]["outcome"] == "partly accepted"
    assert desk.again(flow).step.value == "closed"


def carried(desk: Desk, flow: Interchange) -> list[tuple[int, str]]:
    """Return how many documents each delivery of a flow holds, and its state."""
    return [(len(row.documents), row.state.value) for row in desk.rows(flow)]


def test_one_invoice_of_a_lot_is_withdrawn_and_the_others_leave(desk: Desk) -> None:
    """A wrong invoice among five hundred must not stop the four hundred and ninety-nine."""
    flow = desk.flow("a.xml", HOSPITAL, HOSPITAL, HOSPITAL)
    first, second, third = desk.documents(flow)

    told = withdraw(desk.hub, desk.sheets, desk.target(second.id), order())
    desk.deliver("hospital")

    assert effects(told) == (1, 0, 0)
    assert carried(desk, flow) == [(2, "sent"), (1, "cancelled")]
    assert desk.rows(flow)[0].documents == (first.id, third.id)
    assert desk.steps(flow) == ["delivered", "rejected", "delivered"]
    assert desk.answers(flow)["ack2"]["outcome"] == "partly accepted"
    assert sound(desk)


def test_one_of_a_lot_that_may_be_on_its_way_is_not_withdrawn(desk: Desk) -> None:
    """A courier has the file in hand: neither of them is taken out of it any more."""
    flow = desk.flow("a.xml", HOSPITAL, HOSPITAL)
    desk.claim("hospital")

    told = withdraw(desk.hub, desk.sheets, desk.target(desk.documents(flow)[0].id), order())

    assert effects(told) == (0, 0, 1)
    assert carried(desk, flow) == [(2, "pending")]


@pytest.mark.parametrize("verb", [hold, withdraw])
def test_a_lot_for_a_closed_sheet_is_not_parted(desk: Desk, verb: Any) -> None:
    """Nothing says how a file of its own would be called: the flow is to be acted on."""
    flow = desk.flow("a.xml", HOSPITAL, HOSPITAL)
    one = desk.documents(flow)[0]
    left = {name: each for name, each in desk.sheets.connections.items() if name != "hospital"}

    told = verb(desk.hub, replace(desk.sheets, connections=left), desk.target(one.id), order())

    assert effects(told) == (0, 0, 1)
    assert flow.id in told.refused[one.id]


def test_a_flow_that_nobody_judged_is_refused_and_answered_once(desk: Desk) -> None:
    """Its sender was told nothing yet: this is the first and final answer."""
    flow = desk.flow(stop=True)

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (1, 0, 0)
    assert desk.again(flow).step.value == "refused"
    assert {name: one["outcome"] for name, one in desk.answers(flow).items()} == {
        "ack": "rejected"
    }
    assert sound(desk)


@pytest.mark.parametrize("verb", [hold, withdraw])
def test_a_flow_that_is_judged_now_is_not_disturbed(desk: Desk, verb: Any) -> None:
    """A worker has it in hand, and must not be fenced by a click."""
    flow = desk.flow(stop=True)
    now = desk.hub.clock.now()
    desk.hub.ledger.claim_interchanges("run:2", now, now + timedelta(hours=1), 1)

    told = verb(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (0, 0, 1)
    assert desk.again(flow).step.value == "received"


def test_an_abandoned_delivery_can_be_withdrawn(desk: Desk) -> None:
    """It never arrived, as far as anybody knows; that attempts were made is said."""
    flow = desk.flow()
    desk.give_up()

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert desk.steps(flow) == ["rejected"]
    assert "1 essai(s)" in next(iter(told.done.values()))
    assert sound(desk)


def test_a_file_that_a_dead_worker_put_is_found_before_it_is_withdrawn(desk: Desk) -> None:
    """The ledger cannot know of it: the recipient's folder is asked."""
    flow = desk.flow()
    ((row, claim),) = desk.claim()
    (standing_at(desk, "city") / row.name).write_bytes(b"<a/>")
    desk.hub.ledger.release_outbox([claim])

    told = withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (0, 0, 1)
    assert "--unseen" in next(iter(told.refused.values())), "its bytes cannot be compared"
    assert desk.steps(flow) == ["routed"]


def test_a_folder_that_cannot_be_looked_at_needs_the_recipients_word(desk: Desk) -> None:
    """What nobody ever had in hand needs no look; what may be there does."""
    tried, fresh = desk.flow("a.xml", CITY), desk.flow("b.xml", HOSPITAL)
    desk.hub.ledger.release_outbox([claim for _, claim in desk.claim("city")])
    for name in ("city", "hospital"):
        standing_at(desk, name).rmdir()

    told = [
        withdraw(desk.hub, desk.sheets, desk.target(one.id), order(), unseen=unseen)
        for one, unseen in ((tried, False), (tried, True), (fresh, False))
    ]

    assert [effects(one) for one in told] == [(0, 0, 1), (1, 0, 0), (1, 0, 0)]
    assert "--unseen" in next(iter(told[0].refused.values()))


def test_a_further_answer_is_no_late_one(desk: Desk) -> None:
    """What was answered in time stays so in every report, however late it is withdrawn."""
    flow = desk.flow()
    query = Query(interchange=flow.id)
    desk.deliver("caterer")
    (before,) = desk.hub.ledger.answer_times(query)

    withdraw(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert before.answered_at is not None
    (after,) = desk.hub.ledger.answer_times(query)
    assert after.answered_at == before.answered_at


@pytest.mark.parametrize(
    ("sender", "name", "code"),
    [
        pytest.param("stationer", f"FSO1100A_SUP001_SUP0011100{7:015d}", "FEN1200A", id="cpp"),
        pytest.param("platform", f"FSO1150A_PLA001_PLA0011150{7:015d}", "FEN1214A", id="cdar"),
    ],
)
def test_a_withdrawal_is_told_in_the_words_of_the_family(
    desk: Desk, sender: str, name: str, code: str
) -> None:
    """One further file, about what was withdrawn only."""
    flow = desk.flow(name, CITY, CITY, CITY, sender=sender)
    before = {row.name for row in desk.rows(flow, OutboxKind.ACKNOWLEDGEMENT)}
    second = desk.documents(flow)[1]

    withdraw(desk.hub, desk.sheets, desk.target(second.id), order("double envoi"))

    rows = desk.rows(flow, OutboxKind.ACKNOWLEDGEMENT)
    (further,) = [row for row in rows if row.name not in before]
    assert (further.name[:8], further.generation, further.final) == (code, 2, True)
    assert further.payload is not None
    messages = messages_in(further.payload) or (further.payload,)
    assert len(messages) == 1
    text = messages[0].decode()
    assert "double envoi" in text
    assert f"{flow.name}-2" in text
    assert f"{flow.name}-1" not in text
    for message in messages_in(further.payload):
        desk.hub.vet(message)


# -- hold and release


def test_a_hold_pauses_deliveries_and_a_release_lets_them_go(desk: Desk) -> None:
    """Documents keep their step, the sender's answer stands, nothing leaves meanwhile."""
    flow = desk.flow("a.xml", CITY, CITY)
    first, second = desk.documents(flow)
    said = desk.answers(flow)

    told = hold(desk.hub, desk.sheets, desk.target(first.id), order())
    again = hold(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert (effects(told), effects(again)) == ((1, 0, 0), (1, 1, 0))
    assert (desk.claim(), desk.steps(flow)) == ([], ["routed", "routed"])
    assert desk.answers(flow) == said
    released = release(desk.hub, desk.sheets, desk.target(second.id), Order())
    assert effects(released) == (1, 0, 0)
    assert [row.documents for row, _ in desk.claim()] == [(second.id,)]
    assert sound(desk)


def test_what_was_sent_is_not_held(desk: Desk) -> None:
    """Too late is said plainly; what still waits in the same flow is held."""
    flow = desk.flow("a.xml", CITY, HOSPITAL)
    desk.deliver("city")

    told = hold(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (1, 0, 1)
    assert "déjà remis" in next(iter(told.refused.values()))
    assert desk.claim("hospital") == []


def test_one_of_a_lot_is_held_and_let_go_by_itself(desk: Desk) -> None:
    """The others do not wait for it; let go, it leaves in a file of its own."""
    flow = desk.flow("a.xml", HOSPITAL, HOSPITAL, HOSPITAL)
    one = desk.documents(flow)[0]

    told = hold(desk.hub, desk.sheets, desk.target(one.id), order())
    desk.deliver("hospital")
    left = desk.steps(flow)
    release(desk.hub, desk.sheets, desk.target(one.id), order())
    desk.deliver("hospital")

    assert effects(told) == (1, 0, 0)
    assert left == ["routed", "delivered", "delivered"]
    assert carried(desk, flow) == [(1, "sent"), (2, "sent")]
    assert len({row.name for row in desk.rows(flow)}) == 2
    assert desk.steps(flow) == ["delivered"] * 3
    assert sound(desk)


def test_a_delivery_in_somebodys_hands_is_not_held(desk: Desk) -> None:
    """It may be there already when the hold is written."""
    flow = desk.flow()
    desk.claim()

    told = hold(desk.hub, desk.sheets, desk.target(flow.id), order())

    assert effects(told) == (0, 0, 1)
    assert [row.state.value for row in desk.rows(flow)] == ["pending"]


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    """It tells what would be done, in the words of the deed."""
    flow = desk.flow()
    before = desk.hub.ledger.count_events()
    target = desk.target(flow.id)

    told = [
        act(desk.hub, desk.sheets, Ask(verb=verb), target, dry=True).told
        for verb in (Verb.HOLD, Verb.WITHDRAW)
    ]

    assert [effects(one) for one in told] == [(1, 0, 0), (1, 0, 0)]
    assert desk.hub.ledger.count_events() == before
    assert desk.steps(flow) == ["routed"]


@pytest.mark.parametrize("verb", [hold, withdraw, reject, redeliver])
def test_every_verb_but_release_asks_why(desk: Desk, verb: Any) -> None:
    """An act without a reason cannot be explained to anybody later."""
    flow = desk.flow()

    with pytest.raises(ConfigError, match="--reason"):
        verb(desk.hub, desk.sheets, desk.target(flow.id), Order("  "))


# -- redeliver


def test_a_recipient_that_lost_a_file_gets_a_second_copy_once(desk: Desk) -> None:
    """Under a name of its own; the second click makes no third."""
    flow = desk.flow()
    desk.deliver()
    target = desk.target(flow.id)

    first = redeliver(desk.hub, desk.sheets, target, order())
    under_way = redeliver(desk.hub, desk.sheets, target, order())
    desk.deliver()
    there = redeliver(desk.hub, desk.sheets, target, order())

    assert [effects(one) for one in (first, under_way, there)] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 1, 0),
    ]
    assert "--generation 3" in next(iter(there.idle.values()))
    assert [row.name.split(".")[-2] for row in desk.rows(flow)][1:] == ["g2"]
    assert desk.steps(flow) == ["delivered"]
    assert sound(desk)


def test_a_third_copy_is_made_where_it_is_named(desk: Desk) -> None:
    """Whoever asks for it twice gets it once."""
    flow = desk.flow()
    desk.deliver()
    target = desk.target(flow.id)
    redeliver(desk.hub, desk.sheets, target, order())
    desk.deliver()

    told = [
        redeliver(desk.hub, desk.sheets, target, order(), Again(generation=number))
        for number in (3, 3, 5)
    ]

    assert [effects(one) for one in told] == [(1, 0, 0), (0, 1, 0), (0, 1, 0)]
    assert "en route" in next(iter(told[2].idle.values())), "a fifth waits for the third"
    assert [row.generation for row in desk.rows(flow)] == [1, 2, 3]


def test_a_wrong_delivery_goes_to_the_right_recipient_and_the_old_one_says_so(
    desk: Desk,
) -> None:
    """The route changes, the old row keeps its name and bears an event."""
    flow = desk.flow()
    desk.deliver()

    told = redeliver(desk.hub, desk.sheets, desk.target(flow.id), order(), Again("other"))
    again = redeliver(desk.hub, desk.sheets, desk.target(flow.id), order(), Again("other"))

    assert (effects(told), effects(again)) == ((1, 0, 0), (0, 1, 0))
    old, new = desk.rows(flow)
    assert (old.connection, old.state.value) == ("city", "sent")
    assert (new.connection, new.generation) == ("other", 2)
    assert [one.route for one in desk.documents(flow)] == ["other"]
    (noted,) = desk.told_events(old.key, "operator.redeliver")
    assert (noted["to"], noted["generation"]) == ("other", 2)
    assert sound(desk)


def test_an_abandoned_document_can_go_elsewhere(desk: Desk) -> None:
    """It is routed again, and its new delivery moves it."""
    flow = desk.flow()
    desk.give_up()

    redeliver(desk.hub, desk.sheets, desk.target(flow.id), order(), Again("other"))
    desk.deliver("other")

    assert desk.steps(flow) == ["delivered"]
    assert sound(desk)


@pytest.mark.parametrize("to", ["caterer", "nobody"])
def test_only_a_receiver_in_force_is_delivered_to(desk: Desk, to: str) -> None:
    """A sender's folder is no place for an invoice."""
    flow = desk.flow()
    desk.deliver()

    with pytest.raises(ConfigError, match=to):
        redeliver(desk.hub, desk.sheets, desk.target(flow.id), order(), Again(to))


def test_what_is_not_accepted_is_not_delivered(desk: Desk) -> None:
    """Neither what is held, nor what waits for its first delivery."""
    held, waiting = desk.flow("a.xml", SCHOOL), desk.flow("b.xml", CITY)

    told = [
        redeliver(desk.hub, desk.sheets, desk.target(one.id), order()) for one in (held, waiting)
    ]

    assert [effects(one) for one in told] == [(0, 0, 1), (0, 0, 1)]


def test_what_was_erased_is_neither_delivered_nor_judged_again(desk: Desk) -> None:
    """Its bytes are gone: a second copy would only fail later, at the recipient's door."""
    flow = desk.flow()
    desk.deliver("city")
    desk.deliver("caterer")
    with desk.hub.ledger.transaction() as tx:
        tx.mark_removed(flow.id, "run:2", AT)
        for one in tx.finished([flow.id]):
            tx.move_interchange(one, InterchangeStep.CLOSED, by="run:2", at=AT)
    erase(desk.hub, flow.id, "fin de conservation")
    target = desk.target(flow.id)

    told = [
        act(desk.hub, desk.sheets, Ask(verb=verb, reason="perdu"), target).told
        for verb in (Verb.REDELIVER, Verb.REPLAY)
    ]

    assert [effects(one) for one in told] == [(0, 0, 1), (0, 0, 1)]
    assert len(desk.rows(flow)) == 1


# -- lists


def test_a_frozen_list_is_carried_out_over_what_it_names_and_nothing_else(desk: Desk) -> None:
    """What comes in after it was looked at is not touched."""
    flows = [desk.flow(f"{n}.xml", CITY) for n in range(3)]
    frozen = freeze(desk.hub, WITHDRAW, CATERER)
    late = desk.flow("late.xml", CITY)

    after = carry_out(desk.hub, desk.sheets, frozen.id)

    assert (len(frozen.items), sums(frozen.items)) == (3, {"EUR": Decimal("300.00")})
    assert {one.state for one in after.items} == {ItemState.DONE}
    assert {step for one in flows for step in desk.steps(one)} == {"rejected"}
    assert desk.steps(late) == ["routed"]
    (told,) = desk.told_events(flows[0].id + "-0001", "operator.withdraw")
    assert told == {"reason": WITHDRAW.reason, "list": frozen.id}
    assert sound(desk)


def test_the_same_question_about_the_same_things_is_the_same_list(desk: Desk) -> None:
    """Two operators who look at the same time share one list; a change makes another."""
    flow = desk.flow()

    first, second = freeze(desk.hub, WITHDRAW, CATERER), freeze(desk.hub, WITHDRAW, CATERER)
    hold(desk.hub, desk.sheets, desk.target(flow.id + "-0001"), order())
    third = freeze(desk.hub, WITHDRAW, CATERER)

    assert first == second
    assert third.id != first.id
    assert [one.id for one in desk.hub.ledger.bulks(9)] == [third.id, first.id]


def test_a_second_execution_finds_nothing_to_do_and_says_so(desk: Desk) -> None:
    """One effect, two entries in the record."""
    desk.flow()
    frozen = freeze(desk.hub, WITHDRAW, CATERER)
    carry_out(desk.hub, desk.sheets, frozen.id)
    rows = desk.hub.ledger.outbox()

    carry_out(desk.hub, desk.sheets, frozen.id)

    assert desk.hub.ledger.outbox() == rows
    assert desk.told_events(frozen.id, "bulk.executed") == [
        {"done": 1},
        {"effect": "nothing to do"},
    ]


def test_what_changed_meanwhile_is_skipped_and_told(desk: Desk) -> None:
    """The operator saw it at another step: it is not theirs to act on any more."""
    desk.flow("a.xml", CITY)
    desk.flow("b.xml", HOSPITAL)
    frozen = freeze(desk.hub, WITHDRAW, CATERER)
    desk.deliver("city")

    after = carry_out(desk.hub, desk.sheets, frozen.id)

    assert sorted((one.state.value, one.note) for one in after.items) == [
        ("done", "retiré, l'émetteur est répondu / withdrawn, its sender is answered"),
        ("skipped", "« delivered » au lieu de / instead of « routed »"),
    ]


def test_a_list_that_broke_off_goes_on_where_it_was(desk: Desk) -> None:
    """What was refused is tried again too, and what was done is left alone."""
    flows = [desk.flow(f"{n}.xml", CITY) for n in range(3)]
    frozen = freeze(desk.hub, WITHDRAW, CATERER)
    done = f"{flows[0].id}-0001"
    withdraw(desk.hub, desk.sheets, desk.target(done), Order(WITHDRAW.reason, frozen.id))
    claims = [claim for _, claim in desk.claim()]

    broken_off = carry_out(desk.hub, desk.sheets, frozen.id)
    desk.hub.ledger.release_outbox(claims)
    after = carry_out(desk.hub, desk.sheets, frozen.id)

    assert Counter(one.state.value for one in broken_off.items) == {"done": 1, "refused": 2}
    assert Counter(one.state.value for one in after.items) == {"done": 3}
    assert len(desk.told_events(done, "operator.withdraw")) == 1


def test_a_list_holds_what_the_filters_let_through(desk: Desk) -> None:
    """Each filter narrows; a code is a whole one."""
    desk.flow("a.xml", CITY)
    desk.flow("b.xml", SCHOOL)
    desk.flow(f"FSO1100A_SUP001_SUP0011100{7:015d}", HOSPITAL, sender="stationer")
    queries = {
        "partner": Query(partner="CATERER"),
        "connection": Query(connection="stationer"),
        "recipient": Query(route="hospital"),
        "interface": Query(interface="FSO1100A"),
        "step": Query(steps=("held",)),
        "reason": Query(reason="NO_ROUTE"),
        "day": Query(received_from=AT, received_before=AT + timedelta(days=1)),
        "text": Query(text="a.xml-1"),
    }

    found = {name: len(matching(desk.hub.ledger, Verb.WITHDRAW, q)) for name, q in queries.items()}

    assert found == {
        "partner": 2,
        "connection": 1,
        "recipient": 1,
        "interface": 1,
        "step": 1,
        "reason": 1,
        "day": 3,
        "text": 1,
    }


def test_a_list_of_everything_or_of_nothing_is_not_made(desk: Desk) -> None:
    """The one would be a mistake, the other is told."""
    desk.flow()

    for query in (Query(), Query(reason="NO_ROUT")):
        with pytest.raises(ConfigError):
            freeze(desk.hub, WITHDRAW, query)


def test_what_operators_hold_back_is_let_go_by_one_list(desk: Desk) -> None:
    """Flows that were not judged do not mix with deliveries that were."""
    flows = [desk.flow(f"{n}.xml", CITY) for n in range(3)]
    for one in flows:
        hold(desk.hub, desk.sheets, desk.target(one.id), order())

    frozen = freeze(desk.hub, Ask(verb=Verb.RELEASE), Query(reason="OPERATOR_HOLD"))
    carry_out(desk.hub, desk.sheets, frozen.id)

    assert len(desk.claim()) == 3


def test_a_list_is_tried_out_to_its_end_and_nothing_is_written(desk: Desk) -> None:
    """What cannot be tried is told with the rest; only who carries a list out freezes it."""
    gone, fine = desk.flow("a.xml"), desk.flow("b.xml")
    without = Sheets({"city": desk.sheets.connections["city"]}, desk.sheets.directory)
    items = matching(desk.hub.ledger, Verb.WITHDRAW, CATERER)
    events = desk.hub.ledger.count_events()

    did = list(try_out(desk.hub, desk.sheets, WITHDRAW, items))
    refused = list(try_out(desk.hub, without, REPLAY, items))

    assert [effects(one.told) for one in did] == [(1, 0, 0), (1, 0, 0)]
    assert {one.told.target.interchange for one in refused} == {gone.id, fine.id}
    assert [effects(one.told) for one in refused] == [(0, 0, 1), (0, 0, 1)]
    assert desk.hub.ledger.count_events() == events
    assert desk.hub.ledger.bulks(9) == []


@dataclass(frozen=True, slots=True)
class Typed:
    """How a command ended."""

    code: int
    shown: str


@pytest.fixture
def typed(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Typed]:
    """Give what types a command, beside the hub of `desk` and on its ledger, at no terminal."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("EDI_DATABASE", database.url)

    def run(*arguments: str) -> Typed:
        ran = CliRunner().invoke(command_line(()), [*arguments], catch_exceptions=False)
        return Typed(ran.exit_code, ran.output)

    return run


def test_a_dry_run_of_a_list_shows_what_would_be_done_and_freezes_nothing(
    desk: Desk, typed: Callable[..., Typed]
) -> None:
    """To look is not to act: not even a list is left behind."""
    flow = desk.flow()
    events = desk.hub.ledger.count_events()

    ran = typed("withdraw", "--partner", "CATERER", "--dry-run", "--json")

    (document,) = desk.documents(flow)
    assert (ran.code, list(json.loads(ran.shown)["done"])) == (0, [document.id])
    assert "ferait / would do" in typed("withdraw", "--partner", "CATERER", "--dry-run").shown
    assert (desk.hub.ledger.count_events(), desk.steps(flow)) == (events, ["routed"])
    assert desk.hub.ledger.bulks(9) == []


def test_a_list_that_nobody_agreed_to_is_no_success(
    desk: Desk, typed: Callable[..., Typed], tmp_path: Path
) -> None:
    """A script that forgot --yes must not believe that it was done."""
    flow = desk.flow()
    asked = ("withdraw", "--partner", "CATERER", "--reason", "émis par erreur")

    planned = typed(*asked, "--plan", str(tmp_path / "list.csv"))
    forgotten = typed(*asked)
    before = desk.steps(flow)
    agreed = typed(*asked, "--yes")

    assert [one.code for one in (planned, forgotten, agreed)] == [0, 2, 0]
    assert (before, desk.steps(flow)) == (["routed"], ["rejected"])


def test_two_executions_at_once_have_one_effect(desk: Desk, database: Any, tmp_path: Path) -> None:
    """Two operators, each with a hub of their own, carry out one list at the same moment."""
    flows = [desk.flow(f"{n}.xml", CITY) for n in range(6)]
    frozen = freeze(desk.hub, WITHDRAW, CATERER)
    start = Barrier(2)

    def execute(hub: Hub) -> None:
        start.wait()
        carry_out(hub, desk.sheets, frozen.id)

    with (
        open_desk(tmp_path / "second", database.url) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        for end in [pool.submit(execute, one.hub) for one in (desk, other)]:
            end.result()

    assert {step for one in flows for step in desk.steps(one)} == {"rejected"}
    assert [sorted(desk.answers(one)) for one in flows] == [["ack", "ack2"]] * 6
    assert len(desk.told_events(frozen.id, "bulk.executed")) == 2
    assert {one.state for one in find_list(desk.hub.ledger, frozen.id).items} == {ItemState.DONE}
    assert sound(desk)


def test_a_route_is_changed_only_where_it_stands(desk: Desk) -> None:
    """Another worker may have moved the document, or its route, meanwhile."""
    flow = desk.flow()
    (document,) = desk.documents(flow)

    with pytest.raises(Fenced), desk.hub.ledger.transaction() as tx:
        tx.reroute_documents([replace(document, route="other")], "city", by="x", at=AT)

    assert desk.documents(flow) == [document]


# -- why


def causes(desk: Desk, subject: str) -> list[tuple[str, str]]:
    """Return code and command of everything that keeps something waiting."""
    told = with_previews(desk.hub, desk.sheets, why(desk.hub.ledger, subject))
    return [(one.code, one.command) for one in told]


def test_whatever_keeps_a_delivery_has_its_cause_and_command(desk: Desk) -> None:
    """A person's hold, a pause, the last attempt, a closed sheet: one row each."""
    flow = desk.flow()
    subject = f"{flow.id}-0001"
    now = desk.hub.clock.now()

    waiting = causes(desk, subject)
    desk.hub.ledger.pause(Pause(partner="CITY", since=now, by="operator:ada", reason=""))
    paused = causes(desk, subject)
    desk.hub.ledger.resume("CITY", "operator:ada", now)
    hold(desk.hub, desk.sheets, desk.target(subject), order())
    held = causes(desk, subject)
    release(desk.hub, desk.sheets, desk.target(subject), Order())
    desk.give_up()
    given_up = causes(desk, subject)
    redeliver(desk.hub, desk.sheets, desk.target(subject), order())
    again = causes(desk, subject)
    others = {name: one for name, one in SHEETS.connections.items() if name != "city"}
    desk.hub.ledger.apply(Sheets(others, SHEETS.directory), "operator:ada", now)
    closed = causes(desk, subject)

    assert waiting == [("NOT_TRIED", "edi run --once")]
    assert paused == [("PARTNER_PAUSED", 'edi resume --partner "CITY"')]
    assert held == [("OPERATOR_HOLD", f"edi release {subject}")]
    assert given_up == [("DELIVERY_ABANDONED", f'edi redeliver {subject} --reason "…"')]
    assert again == [("NOT_TRIED", "edi run --once")], "the one given up is replaced"
    assert closed == [("SHEET_CLOSED", "edi apply")]


def test_a_preview_tells_whether_the_directory_of_now_would_let_it_go(desk: Desk) -> None:
    """The operator sees that the route is missing still, before clicking in vain."""
    flow = desk.flow("a.xml", SCHOOL)
    told = why(desk.hub.ledger, flow.id)
    route = Route(connection="other", buyer_siret=SCHOOL)
    better = Sheets(SHEETS.connections, Directory(SHEETS.directory.structures, (route,)))

    before, *_ = with_previews(desk.hub, desk.sheets, told)
    after, *_ = with_previews(desk.hub, better, told)

    assert (before.code, before.who) == ("NO_ROUTE", "operator")
    assert "toujours sans route" in before.preview
    assert "route : other" in after.preview


def test_a_redelivery_that_was_given_up_is_something_to_act_on(desk: Desk) -> None:
    """Its document stays delivered: nothing else would show that the copy never came."""
    flow = desk.flow()
    desk.deliver()
    redeliver(desk.hub, desk.sheets, desk.target(flow.id), order())
    desk.give_up()

    to_do = [(one.subject, one.command) for one in look(desk.hub, desk.sheets).to_do]

    assert desk.steps(flow) == ["delivered"]
    assert (f"{flow.id}-0001", f"edi why {flow.id}-0001") in to_do
