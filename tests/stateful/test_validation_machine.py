"""Whoever answers or is silent, in whatever order: an invoice leaves once, or it has stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipeline.app.asking import ask_validators
from pipeline.app.statuses import apply_sayings
from pipeline.app.validation import go_on, look_after_validations
from pipeline.model.connection import StatusTerms
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.life import Actor, Circuit, Event, Given, Life, Saying, Status
from pipeline.model.life_step import is_stopped
from pipeline.model.life_table import MISNAMED, MOVES, WAITS
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import RoutingHeader
from pipeline.model.status import InterchangeStep, Step
from pipeline.model.validation import Course
from tests.hubs import World, opened
from tests.validating import FIRST, SECOND, TOWN, listening

SIREN = "732829320"
DAY = timedelta(days=1)
#: Who reads first and second in each circuit.
READERS = {
    Circuit.SUBCONTRACT: (FIRST,),
    Circuit.SUBCONTRACT_TWICE: (FIRST, SECOND),
    Circuit.COCONTRACT: (FIRST,),
    Circuit.WORKS: (FIRST,),
    Circuit.WORKS_TWICE: (FIRST, SECOND),
    Circuit.WORKS_OWNER: (SECOND,),
}
SHEETS = {FIRST: "imprimerie", SECOND: "hopital"}
WORDS = (Event.VALIDATE, Event.REFUSE, Event.NAME_WRONG_VALIDATOR)
#: Every row of the table that is about a validation, as what leads where in which circuit.
ROWS = frozenset(
    (circuit, before, move.event)
    for move in MOVES
    for circuit in move.circuits - {Circuit.DIRECT}
    for before in move.before
    if before is not None
)


class Validations(RuleBasedStateMachine):
    """One invoice after the other, each of a circuit, answered by anybody."""

    world: ClassVar[World]
    places: ClassVar[Iterator[int]] = count(1)
    taken: ClassVar[Counter[tuple[Circuit, Status, Event]]] = Counter()

    @initialize()
    def take(self) -> None:
        """Let an invoice be taken that has a validator: each circuit in turn."""
        hub, place = self.world.hub, next(self.places)
        circuit = list(READERS)[place % len(READERS)]
        flow = Interchange(
            id=InterchangeId(f"F{place}"),
            connection="caterer",
            partner="caterer",
            name=f"{place}.xml",
            size=1,
            mtime=place,
            sha256=f"{place:064x}",
            received_at=hub.clock.now(),
        )
        header = RoutingHeader(
            number=f"N{place}", issue_date=date(2026, 1, 2), seller_siren=SIREN, buyer_siret=TOWN
        )
        document = Document(
            id=document_id(flow.id, 1),
            interchange=flow.id,
            seq=1,
            name=flow.name,
            size=1,
            sha256=flow.sha256,
            route="ville",
            header=header,
        )
        self.circuit, self.flow, self.subject = circuit, flow, document.id
        with hub.ledger.transaction() as tx:
            tx.record(flow, hub.by)
            tx.add_documents([(document, None)], hub.by, hub.clock.now())
            tx.move_documents([document], Step.ACCEPTED, by=hub.by, at=hub.clock.now())
            tx.move_interchange(flow, InterchangeStep.OPENED, by=hub.by, at=hub.clock.now())
            accepted = replace(document, step=Step.ACCEPTED)
            course = Course(circuit, READERS[circuit])
            ask_validators(hub, hub.ledger.sheets(), tx, [(accepted, course)])

    @property
    def life(self) -> Life:
        """Return where the invoice stands."""
        return self.world.hub.ledger.lives([self.subject])[self.subject]

    @rule()
    def go_where_few_went(self) -> None:
        """Take the row of this place that was taken least so far."""
        life = self.life
        rows = [row for row in ROWS if row[:2] == (self.circuit, life.status)]
        if not rows or life.asked is None:
            return
        event = min(rows, key=lambda row: (self.taken[row], row[2].value))[2]
        if life.status in MISNAMED:
            self._say("caterer", Event.NAME_VALIDATOR, Given(validator=life.asked.validator))
        elif event is Event.LAPSE:
            self._wait(20)
        else:
            given = Given(comment="vu", reasons=("DEST_ERR",))
            self._say(SHEETS[life.asked.validator], event, given)

    @rule(
        event=st.sampled_from(WORDS),
        who=st.sampled_from([FIRST, SECOND]),
        wise=st.integers(0, 3),
        complete=st.integers(0, 5),
    )
    def answer(self, event: Event, who: str, wise: int, complete: int) -> None:
        """Say a validator's word: mostly by the one who is asked, now and then without reason."""
        asked = self.life.asked
        assert asked is not None
        who = asked.validator if wise else who
        given = Given(comment="vu", reasons=("DEST_ERR",)) if complete else Given()
        self._say(SHEETS[who], event, given)

    @rule(who=st.sampled_from([FIRST, SECOND]), whole=st.booleans())
    def name(self, who: str, *, whole: bool) -> None:
        """Let the supplier name a validator."""
        self._say("caterer", Event.NAME_VALIDATOR, Given(validator=who if whole else "12"))

    @rule(event=st.sampled_from([Event.VALIDATE, Event.BOOK, Event.REJECT]))
    def meddle(self, event: Event) -> None:
        """Let the recipient say something of what it has not had."""
        self._say("ville", event, Given(comment="vu", reasons=("DOUBLON",)))

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        """Let time pass, and the leader look."""
        self._wait(days)

    def _wait(self, days: int) -> None:
        before = self.life
        self.world.clock.move(days * DAY)
        look_after_validations(self.world.hub, self.world.hub.ledger.sheets())
        self._count(before)

    def _say(self, sheet: str, event: Event, given: Given) -> None:
        hub, sheets = self.world.hub, self.world.hub.ledger.sheets()
        before = self.life
        self.world.clock.move(timedelta(minutes=1))
        saying = Saying(
            place="x",
            number=f"N{self.flow.mtime}",
            issue_date=None,
            seller=SIREN,
            event=event,
            status=event.value,
            said_at=hub.clock.now(),
            given=given,
        )
        with hub.ledger.transaction() as tx:
            outcome = apply_sayings(
                hub, sheets, tx, sheets.connections[sheet], self.flow, [saying]
            )
            go_on(hub, sheets, tx, outcome.register, outcome.documents)
            tx.live(outcome.register.before, outcome.register.entries)
        self._count(before)

    def _count(self, before: Life) -> None:
        """Note which rows were taken, and hold everything against where the invoice stands."""
        ledger = self.world.hub.ledger
        history = ledger.history(self.subject)
        for line in history[before.entries :]:
            if line.before is not None:
                self.taken[self.circuit, line.before, line.event] += 1
        life, document = self.life, ledger.document(self.subject)
        assert document is not None
        deliveries = ledger.outbox(document=self.subject, kind=OutboxKind.DELIVERY)
        waits = life.status in WAITS | MISNAMED
        left = life.status is Status.EN_COURS_ACHEMINEMENT
        stopped = is_stopped(life.status, life.circuit)
        assert [waits, left, stopped].count(True) == 1, life
        assert (document.step is Step.ACCEPTED) is waits
        assert (document.step is Step.ROUTED) is left
        assert (document.step is Step.REJECTED) is stopped
        assert len(deliveries) == left
        assert all(
            line.actor in {Actor.HUB, Actor.CLOCK, Actor.VALIDATOR, Actor.SUPPLIER}
            for line in history
        )


@pytest.mark.parametrize(
    "examples", [pytest.param(8, id="few"), pytest.param(120, id="many", marks=pytest.mark.slow)]
)
def test_every_invoice_leaves_once_or_has_stopped(
    tmp_path: Path, examples: int, request: pytest.FixtureRequest
) -> None:
    """No sequence leaves one that waits for nobody; with many each row is taken."""
    with opened(tmp_path) as world:
        listening(world)
        for name in ("caterer", "ville", "imprimerie", "hopital"):
            quiet = replace(world.connections[name], statuses=StatusTerms())
            world.connections[name] = quiet
        world.apply("ville", "hopital")
        Validations.world = world
        Validations.taken = Counter()
        run_state_machine_as_test(
            Validations,
            settings=settings(
                max_examples=examples,
                stateful_step_count=8,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        broken = world.hub.ledger.verify()

    assert broken == []
    assert Validations.taken
    if "many" in request.node.name:
        asked = {row for row in ROWS if row[1] is not Status.DEPOSEE}
        assert set(Validations.taken) >= asked
