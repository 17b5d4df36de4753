"""Whoever says whatever in whatever order: no status is lost, invented, or told twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from pipeline.app.comeback import come_back
from pipeline.app.lives import begin_lives, make_available, tell
from pipeline.app.statuses import apply_sayings
from pipeline.model.comeback import COMES_BACK, Change, Changes, Comeback
from pipeline.model.connection import Connection, StatusTerms
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.life import Actor, Attached, Event, Given, Saying, Status
from pipeline.model.life_step import Accepted, step
from pipeline.model.life_table import MOVES
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import RoutingHeader
from tests.hubs import World, opened
from tests.lives import everything

AT = datetime(2030, 1, 1, tzinfo=UTC)
SIREN = "732829320"
#: Who says something through which sheet; of the two recipients one has the invoice.
SPEAKERS = {"ville": Actor.RECIPIENT, "caterer": Actor.SUPPLIER, "hopital": Actor.RECIPIENT}
#: What partners have in the table.
THEIRS = frozenset(
    (move.event, move.actor) for move in MOVES if move.actor in {Actor.RECIPIENT, Actor.SUPPLIER}
)
#: What of it is tried: of what was delivered nothing is given up, nor waits for a validator.
ROWS = frozenset(one for one in THEIRS if one[0] not in {Event.GIVE_UP, Event.NAME_VALIDATOR})
EVENTS = sorted(Event, key=lambda one: one.value)
RESENT = (Event.RESEND, Actor.SUPPLIER)
#: What of it a file can say: the other comes with a deposit.
SAID = frozenset(one for one in ROWS if one[0] is not Event.RESEND)


class Lives(RuleBasedStateMachine):
    """One invoice after the other, each said things of by everybody."""

    world: ClassVar[World]
    numbers: ClassVar[Iterator[int]] = count(1)
    flows: ClassVar[Iterator[int]] = count(1)
    taken: ClassVar[Counter[tuple[Event, Actor]]] = Counter()
    refused: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.place = next(self.numbers)
        self.clock = count(1)
        self.document = self._deliver()
        self.recipient = "ville"
        self.borne = [self.document.id]
        self.status = Status.MISE_A_DISPOSITION
        self.told = 1  # made available
        self.lines = 3

    def _deliver(self) -> Document:
        hub, sheets = self.world.hub, self.world.hub.ledger.sheets()
        flow, document = self._dropped(next(self.flows), "ville")
        with hub.ledger.transaction() as tx:
            tx.record(flow, hub.by)
            tx.add_documents([(document, None)], hub.by, AT)
            begin_lives(hub, tx, [document])
            make_available(hub, sheets, tx, [document])
        return document

    def _dropped(self, place: int, route: str) -> tuple[Interchange, Document]:
        flow = Interchange(
            id=InterchangeId(f"F{place}"),
            connection="caterer",
            partner="caterer",
            name=f"{place}.xml",
            size=1,
            mtime=place,
            sha256=f"{place:064x}",
            received_at=AT + timedelta(minutes=next(self.clock)),
        )
        header = RoutingHeader(
            number=f"N{self.place}", issue_date=date(2026, 1, 2), seller_siren=SIREN
        )
        document = Document(
            id=document_id(flow.id, 1),
            interchange=flow.id,
            seq=1,
            name=flow.name,
            size=1,
            sha256=flow.sha256,
            route=route,
            header=header,
        )
        return flow, document

    @rule(elsewhere=st.booleans(), event=st.sampled_from(EVENTS))
    def come_back(self, event: Event, *, elsewhere: bool) -> None:
        """Deposit what the invoice waits for; where it waits for nothing, say something."""
        if self.status in COMES_BACK:
            self._come_back(elsewhere=elsewhere)
        else:
            self.say_one("ville", event, wise=True, complete=1, again=1)

    def _come_back(self, *, elsewhere: bool) -> None:
        event = COMES_BACK[self.status]
        self.world.clock.move(timedelta(seconds=1))
        resent = event is Event.RESEND
        if resent and elsewhere:
            self.recipient = "ville" if self.recipient == "hopital" else "hopital"
        hub, sheets = self.world.hub, self.world.hub.ledger.sheets()
        flow, document = self._dropped(next(self.flows), self.recipient)
        term = Change(term="BT-46", place="BT-46", expected="", found="x")
        paper = Attached(name="a.pdf", mime="application/pdf", payload=b"a")
        changes = Changes(
            bearer=self.borne[-1],
            changed=(term,) if resent else (),
            added=() if resent else (paper,),
        )
        back = Comeback(invoice=self.document.id, event=event, changes=changes)
        with hub.ledger.transaction() as tx:
            tx.record(flow, hub.by)
            tx.add_documents([(document, None)], hub.by, AT)
            come_back(hub, sheets, tx, flow, [(document, back)])
            make_available(hub, sheets, tx, [document])
        self.borne.append(document.id)
        self.taken[event, Actor.SUPPLIER] += 1
        self.status = Status.MISE_A_DISPOSITION if resent else Status.COMPLETEE
        self.lines += 2 if resent else 1
        self.told += resent
        self._compare()

    @rule(
        speaker=st.sampled_from(sorted(SPEAKERS)),
        event=st.sampled_from(EVENTS),
        wise=st.booleans(),
        complete=st.integers(0, 4),
        again=st.integers(0, 5),
    )
    def say(self, speaker: str, event: Event, *, wise: bool, complete: int, again: int) -> None:
        """Say something; now and then twice, without what it needs, or of what is not yours."""
        self.say_one(speaker, event, wise=wise, complete=complete, again=again)

    def say_one(
        self, speaker: str, event: Event, *, wise: bool, complete: int, again: int
    ) -> None:
        """Say it, and hold what became of it against the table."""
        actor = SPEAKERS[speaker]
        if wise and self.status is Status.A_RECYCLER and not self.taken[RESENT]:
            self._come_back(elsewhere=again == 0)
            return
        if wise:
            speaker, actor, event = self._something_allowed(event)
        wanted = everything(event)
        given = wanted if complete else Given()
        said_at = AT + timedelta(minutes=next(self.clock))
        mine = speaker in {"caterer", self.recipient}
        expected = step(self.status, event, actor, given) if mine else None
        for _ in range(2 if again == 0 else 1):
            self._apply(speaker, event, said_at, given)
        if isinstance(expected, Accepted):
            self.taken[event, actor] += 1
            self.status, self.lines = expected.to, self.lines + 1
            self.told += actor is Actor.RECIPIENT
        else:
            type(self).refused += 1
        self._compare()

    def _something_allowed(self, event: Event) -> tuple[str, Actor, Event]:
        """Return something that may be said now, chosen by what was drawn."""
        moves = [
            move
            for move in MOVES
            if self.status in move.before and (move.event, move.actor) in SAID
        ]
        # what was taken least first, and of that what can be said from fewest places
        rarest = sorted(
            moves, key=lambda move: (self.taken[move.event, move.actor], len(move.before))
        )
        fresh = not self.taken[rarest[0].event, rarest[0].actor]
        one = rarest[0 if fresh else len(event.value) % min(3, len(rarest))]
        name = self.recipient if one.actor is Actor.RECIPIENT else "caterer"
        return name, one.actor, one.event

    def _apply(self, speaker: str, event: Event, said_at: datetime, given: Given) -> None:
        hub, sheets = self.world.hub, self.world.hub.ledger.sheets()
        sheet: Connection = sheets.connections[speaker]
        saying = Saying(
            place="x",
            number=f"N{self.place}",
            issue_date=None,
            seller=SIREN,
            event=event,
            status=event.value,
            said_at=said_at,
            given=given,
        )
        with hub.ledger.transaction() as tx:
            flow = tx.interchange(self.document.interchange)
            assert flow is not None
            outcome = apply_sayings(hub, sheets, tx, sheet, flow, [saying])
            tx.live(outcome.register.before, outcome.register.entries)
            tell(hub, sheets, tx, outcome.documents, outcome.register.entries)

    def _compare(self) -> None:
        """Hold the ledger and the outbox against what the table says."""
        ledger = self.world.hub.ledger
        history = ledger.history(self.document.id)
        rows = {
            row.key: row
            for one in self.borne
            for row in ledger.outbox(document=one, kind=OutboxKind.STATUS)
        }.values()
        told = [
            (one["event"], one["said_at"])
            for row in rows
            if row.connection == "caterer"
            for one in json.loads(row.payload or b"{}")["statuses"]
        ]
        life = ledger.lives([self.document.id])[self.document.id]
        assert (life.status, life.bearer) == (self.status, self.borne[-1])
        assert (len(history), history[-1].after) == (self.lines, self.status)
        assert (len(told), len(set(told))) == (self.told, self.told)


@pytest.mark.parametrize(
    "examples", [pytest.param(8, id="few"), pytest.param(90, id="many", marks=pytest.mark.slow)]
)
def test_everybody_says_everything(tmp_path: Path, examples: int) -> None:
    """The ledger stands where the table leads, each row was taken, nothing is told twice."""
    with opened(tmp_path) as world:
        for name in ("caterer", "ville"):
            terms = StatusTerms(tell=True)
            world.connections[name] = replace(world.connections[name], statuses=terms)
        world.apply("ville", "hopital")
        Lives.world = world
        Lives.taken = Counter()
        Lives.refused = 0
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=examples,
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        broken = world.hub.ledger.verify()

    accepted = sum(Lives.taken.values())
    assert set(Lives.taken) >= ROWS
    assert set(Lives.taken) <= THEIRS
    assert accepted >= 0.3 * (accepted + Lives.refused)
    assert broken == []
