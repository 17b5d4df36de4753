"""Documents that wait for each other, across flows, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.erase import erase
from pipeline.app.group import close_groups
from pipeline.app.operate.hold import hold
from pipeline.app.operate.redeliver import redeliver
from pipeline.app.operate.release import release
from pipeline.app.operate.withdraw import withdraw
from pipeline.app.settle import close_if_done, planning_of
from pipeline.app.views import ways_of
from pipeline.app.why import why
from pipeline.model.carriage import Carriage, Conversion, Grouping
from pipeline.model.connection import Envelope, Schedule
from pipeline.model.conversion import Form, Lost
from pipeline.model.errors import ConfigError
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState, Step
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Sheets, Waiting
from pipeline.route.plan import plan_parts
from tests.clocks import SetClock
from tests.contract.test_operators import CITY, Desk, open_desk, order, sound

pytestmark = pytest.mark.contract

#: A Friday, and the first cut-off after it that is no weekend.
FRIDAY = datetime(2026, 10, 2, 16, tzinfo=UTC)
MONDAY_CUTOFF = datetime(2026, 10, 5, 15, tzinfo=UTC)
SCHEDULE = Schedule(workdays=True, cutoff=time(17))
PIVOTS = Carriage(form=Form.PIVOT, group=Grouping.DAY)


class Group:
    """A desk at which the city takes groups, on a clock of the test's."""

    def __init__(self, desk: Desk, clock: SetClock) -> None:
        self.desk = desk
        self.hub = desk.hub
        self.clock = clock

    def close(self, *, at_end: bool = True) -> int:
        """Close what is ripe or full."""
        return close_groups(self.hub, self.desk.sheets, at_end=at_end)

    def rows(self, *states: OutboxState) -> list[OutboxRow]:
        """Return deliveries in some states, by name."""
        found = self.hub.ledger.outbox(kind=OutboxKind.DELIVERY, states=states)
        return sorted(found, key=lambda row: row.name)

    @property
    def files(self) -> list[OutboxRow]:
        """Return the files of groups, by name."""
        return [row for row in self.rows() if row.is_group]

    @property
    def numbers(self) -> list[int]:
        """Return the numbers that the files bear."""
        return [int(row.name[-15:] if row.recipe else row.name[:6]) for row in self.files]


@contextmanager
def taking(database: Any, home: Path, carriage: Carriage) -> Iterator[Group]:
    """Open a desk at which the city takes documents as `carriage` says."""
    with open_desk(home / "var", database.url) as desk:
        clock = SetClock(FRIDAY)
        city = replace(
            desk.sheets.connections["city"],
            envelope=Envelope.SINGLE if carriage.form is Form.PIVOT else Envelope.TAR_GZ,
            application_code="VIL750",
            carriage=carriage,
            schedule=SCHEDULE,
        )
        sheets = Sheets({**desk.sheets.connections, "city": city}, desk.sheets.directory)
        hub = replace(desk.hub, clock=clock)
        hub.ledger.apply(sheets, "operator:ada", clock.now())
        yield Group(Desk(hub, sheets), clock)


@pytest.fixture
def day(database: Any, tmp_path: Path) -> Iterator[Group]:
    """Let the city take one file a day, as received."""
    with taking(database, tmp_path, Carriage(group=Grouping.DAY)) as group:
        yield group


@pytest.fixture
def pivots(database: Any, tmp_path: Path) -> Iterator[Group]:
    """Let the city take one numbered pivot a day, of three invoices at most."""
    with taking(database, tmp_path, replace(PIVOTS, documents=3)) as group:
        yield group


def test_a_days_documents_leave_after_the_cutoff_in_one_file(day: Group) -> None:
    """Across flows; weekends do not count, and until then each is seen waiting."""
    flows = [day.desk.flow(name, CITY, CITY) for name in ("a.xml", "b.xml")]

    before = day.close()
    waits = day.hub.ledger.waiting()
    day.clock.moment = MONDAY_CUTOFF
    made = day.close()

    assert (before, made) == (0, 1)
    assert waits == {"city": Waiting(documents=4, bytes=20, due=MONDAY_CUTOFF)}
    (row,) = day.files
    carried = sorted(one.id for flow in flows for one in day.desk.documents(flow))
    assert (list(row.documents), row.state) == (carried, OutboxState.PENDING)
    assert [one.state for one in day.rows(OutboxState.GROUPED)] == [OutboxState.GROUPED] * 4
    day.desk.deliver()
    assert [day.desk.steps(flow) for flow in flows] == [["delivered"] * 2] * 2
    assert sound(day.desk)


def test_what_fills_a_file_leaves_at_once(pivots: Group) -> None:
    """Up to the limit; the rest waits on, and the numbers follow each other."""
    for name in ("a.xml", "b.xml", "c.xml"):
        pivots.desk.flow(name, CITY, CITY, CITY)

    full = pivots.close(at_end=False)
    pivots.desk.flow("d.xml", CITY)
    none = pivots.close(at_end=False)
    pivots.clock.moment = MONDAY_CUTOFF
    rest = pivots.close()

    assert (full, none, rest) == (3, 0, 1)
    assert [len(row.documents) for row in pivots.files] == [3, 3, 3, 1]
    assert pivots.numbers == [1, 2, 3, 4]
    assert pivots.files[0].name == "FEN0036A_VIL750_CPP0010036000000000000001"


def test_a_runs_documents_leave_when_it_has_nothing_left_to_decide(
    database: Any, tmp_path: Path
) -> None:
    """Not before: the group is not complete."""
    with taking(database, tmp_path, Carriage(group=Grouping.RUN)) as group:
        group.desk.flow("a.xml", CITY)
        group.desk.flow("b.xml", CITY)

        assert (group.close(at_end=False), group.close()) == (0, 1)

        (row,) = group.files
        assert len(row.documents) == 2


@pytest.mark.parametrize("phase", ["before", "inside", "after"])
def test_a_crash_while_a_group_is_closed_neither_skips_a_number_nor_repeats_one(
    pivots: Group, phase: str
) -> None:
    """The number is taken by the transaction that writes the file's row."""
    for name in ("a.xml", "b.xml", "c.xml"):
        pivots.desk.flow(name, CITY)
    pivots.clock.moment = MONDAY_CUTOFF

    def die(name: str) -> None:
        if name == f"group.close.{phase}":
            raise KeyboardInterrupt

    arm(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            pivots.close()
    finally:
        disarm()
    pivots.close()
    pivots.desk.flow("d.xml", CITY)
    pivots.clock.move(timedelta(days=1))
    pivots.close()

    assert [len(row.documents) for row in pivots.files] == [3, 1]
    assert pivots.numbers == [1, 2]
    assert sound(pivots.desk)


def test_a_document_is_taken_back_while_it_waits(day: Group) -> None:
    """The others leave without it, and its flow is answered anew."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    first, second = day.desk.documents(flow)

    told = withdraw(day.hub, day.desk.sheets, day.desk.target(first.id), order())
    day.clock.moment = MONDAY_CUTOFF
    day.close()

    assert set(told.done) == {first.id}
    (row,) = day.files
    assert row.documents == (second.id,)
    assert day.desk.steps(flow) == ["rejected", "routed"]
    assert sound(day.desk)


def test_a_document_leaves_its_group_before_that_is_sent(day: Group) -> None:
    """Withdrawn while its file waits for the recipient's server: the file goes without it."""
    flow, other = day.desk.flow("a.xml", CITY, CITY), day.desk.flow("b.xml", CITY)
    first, second = day.desk.documents(flow)
    day.clock.moment = MONDAY_CUTOFF
    day.close()

    told = withdraw(day.hub, day.desk.sheets, day.desk.target(first.id), order())

    assert set(told.done) == {first.id}
    (row,) = day.files
    assert set(row.documents) == {second.id, day.desk.documents(other)[0].id}
    day.desk.deliver()
    assert day.desk.steps(flow) == ["rejected", "delivered"]
    assert sound(day.desk)


def test_a_group_without_documents_is_cancelled(day: Group) -> None:
    """There is nothing left to send; the number is told, and not given again."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    day.clock.moment = MONDAY_CUTOFF
    day.close()

    withdraw(day.hub, day.desk.sheets, day.desk.target(flow.id), order())

    assert [row.state for row in day.files] == [OutboxState.CANCELLED]
    assert day.desk.claim() == []
    assert sound(day.desk)


def test_what_a_worker_has_in_hand_does_not_leave_its_group(day: Group) -> None:
    """Its file may be on its way with the document inside."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    first = day.desk.documents(flow)[0]
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    day.desk.claim()

    told = withdraw(day.hub, day.desk.sheets, day.desk.target(first.id), order(), unseen=True)
    held = hold(day.hub, day.desk.sheets, day.desk.target(first.id), order())

    assert (set(told.refused), set(held.refused)) == ({first.id}, {first.id})
    (row,) = day.files
    assert first.id in row.documents


@pytest.mark.parametrize("closed", [False, True], ids=["waiting", "in-a-closed-group"])
def test_a_document_is_held_alone_and_joins_a_later_group(day: Group, *, closed: bool) -> None:
    """Held before or after its group was closed; the others do not wait for it."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    first, second = day.desk.documents(flow)
    if closed:
        day.clock.moment = MONDAY_CUTOFF
        day.close()

    told = hold(day.hub, day.desk.sheets, day.desk.target(first.id), order())
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    day.desk.deliver()
    left = day.desk.steps(flow)
    release(day.hub, day.desk.sheets, day.desk.target(first.id), order())
    day.close()
    day.desk.deliver()

    assert set(told.done) == {first.id}
    assert left == ["routed", "delivered"]
    assert day.desk.steps(flow) == ["delivered", "delivered"]
    assert [row.documents for row in day.files] == [(second.id,), (first.id,)]
    assert sound(day.desk)


def test_a_second_copy_waits_for_no_day(day: Group) -> None:
    """Whoever lost a file wants its documents now: they leave in a group of their own."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    day.desk.deliver()
    later = day.desk.flow("b.xml", CITY)

    redeliver(day.hub, day.desk.sheets, day.desk.target(flow.id), order())
    made = day.close()
    day.desk.deliver()

    assert made == 1
    first, second = day.files
    assert (first.generation, second.generation) == (1, 2)
    assert second.documents == first.documents
    assert day.desk.steps(later) == ["routed"]
    assert sound(day.desk)


def test_a_group_that_was_given_up_is_delivered_again_document_by_document(day: Group) -> None:
    """Each document can be chosen; what is chosen joins a new file."""
    flow = day.desk.flow("a.xml", CITY, CITY)
    first = day.desk.documents(flow)[0]
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    day.desk.give_up()

    redeliver(day.hub, day.desk.sheets, day.desk.target(first.id), order(), unseen=True)
    day.close()
    day.desk.deliver()

    assert day.desk.steps(flow) == ["delivered", "abandoned"]
    assert day.files[1].documents == (first.id,)
    assert sound(day.desk)


def test_a_flow_is_not_erased_while_something_of_it_waits(day: Group) -> None:
    """Neither before its group is closed nor after; once all is sent, it is."""
    flow = day.desk.flow("a.xml", CITY)
    with day.hub.ledger.transaction() as tx:
        tx.mark_removed(flow.id, "run:1", FRIDAY)

    with pytest.raises(ConfigError, match="pas terminé"):
        erase(day.hub, flow.id, "demandé")
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    with pytest.raises(ConfigError, match="pas terminé"):
        erase(day.hub, flow.id, "demandé")

    assert day.desk.steps(flow) == [Step.ROUTED.value]


def test_what_waits_for_its_group_says_so(day: Group) -> None:
    """Nobody has to act; the moment is told."""
    flow = day.desk.flow("a.xml", CITY)
    one = day.desk.documents(flow)[0]

    (told,) = why(day.hub.ledger, one.id)

    assert (told.code, told.who, told.state) == ("GROUP_WAITS", "nobody", "waiting")
    assert "2026-10-05 15:00" in told.cause


def test_what_waits_is_listed_with_its_moment(day: Group) -> None:
    """Until its group is closed; what is then on its way waits for nothing."""
    flow = day.desk.flow("a.xml", CITY)
    (one,) = day.desk.documents(flow)

    waiting = ways_of(day.hub.ledger, [one])[one.id]
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    leaving = ways_of(day.hub.ledger, [one])[one.id]

    assert (waiting.waits_until, leaving.waits_until) == (MONDAY_CUTOFF, None)


def test_what_a_form_does_not_hold_is_on_record_until_the_flow_is_erased(day: Group) -> None:
    """The newest delivery's word counts; once erased nothing of it is quoted any more."""
    flow = day.desk.flow("a.xml", CITY)
    (one,) = day.desk.documents(flow)
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    (row,) = day.files
    lost = Lost(term="BT-22", place="/Invoice", value="Jean Martin", why={"fr": "a", "en": "b"})
    told = Conversion(document=one.id, form=Form.PIVOT, lost=(lost,))
    for said in (replace(told, lost=()), told):
        with day.hub.ledger.transaction() as tx:
            tx.note_conversions(row.key, [said])
    way = ways_of(day.hub.ledger, [one])[one.id]
    day.desk.deliver()
    with day.hub.ledger.transaction() as tx:
        tx.mark_removed(flow.id, "run:1", FRIDAY)
        close_if_done(day.hub, tx, flow)
        for answer in day.desk.rows(flow, OutboxKind.ACKNOWLEDGEMENT):
            tx.move_outbox(answer, OutboxState.CANCELLED, by="run:1", at=FRIDAY)

    erase(day.hub, flow.id, "demandé")

    assert (way.form, way.lost) == (Form.PIVOT, (lost,))
    assert day.hub.ledger.conversions([one.id]) == {}


def asks(group: Group, **more: Any) -> None:
    """Have the city's sheet ask for something else from now on."""
    sheets = group.desk.sheets
    city = replace(sheets.connections["city"], **more)
    group.desk = Desk(group.hub, Sheets({**sheets.connections, "city": city}, sheets.directory))
    group.hub.ledger.apply(group.desk.sheets, "operator:ada", group.clock.now())


def carried(group: Group) -> list[str]:
    """Return what each file that leaves or left carries, in order."""
    states = (OutboxState.PENDING, OutboxState.SENT)
    return sorted(one for row in group.rows(*states) for one in row.documents)


@pytest.mark.parametrize("envelope", list(Envelope), ids=["alone", "in-a-lot"])
def test_what_was_held_with_a_file_of_its_own_leaves_in_that_file(
    database: Any, tmp_path: Path, envelope: Envelope
) -> None:
    """The sheet asks for groups meanwhile: none of them may be taken for one that waits."""
    with taking(database, tmp_path, Carriage()) as group:
        asks(group, envelope=envelope)
        flows = [group.desk.flow(name, CITY, CITY) for name in ("a.xml", "b.xml")]
        everything = sorted(one.id for flow in flows for one in group.desk.documents(flow))
        planned = group.rows()
        for flow in flows:
            hold(group.hub, group.desk.sheets, group.desk.target(flow.id), order())
        asks(group, carriage=Carriage(group=Grouping.DAY), envelope=Envelope.TAR_GZ)

        for flow in flows:
            release(group.hub, group.desk.sheets, group.desk.target(flow.id), order())
        group.clock.moment = MONDAY_CUTOFF
        group.close()

        leaving = group.rows(OutboxState.PENDING)
        assert carried(group) == everything
        assert [(row.name, row.documents) for row in leaving] == [
            (row.name, row.documents) for row in planned
        ]
        group.desk.deliver()
        assert sound(group.desk)


@pytest.mark.parametrize("grouping", [Grouping.INVOICE, Grouping.FLOW])
def test_what_waited_for_a_group_gets_a_file_where_the_sheet_asks_for_none_by_now(
    day: Group, grouping: Grouping
) -> None:
    """What it waited under is no file's name: it is planned anew."""
    flow = day.desk.flow("a.xml", CITY)
    (one,) = day.desk.documents(flow)
    hold(day.hub, day.desk.sheets, day.desk.target(flow.id), order())
    envelope = Envelope.TAR_GZ if grouping is Grouping.FLOW else Envelope.SINGLE
    asks(day, carriage=Carriage(group=grouping), envelope=envelope)

    release(day.hub, day.desk.sheets, day.desk.target(flow.id), order())

    (row,) = day.rows(OutboxState.PENDING)
    assert (row.documents, row.envelope, row.generation) == ((one.id,), envelope, 2)
    assert row.name.endswith(".tar.gz" if grouping is Grouping.FLOW else ".g2.xml")
    day.desk.deliver()
    assert sound(day.desk)


def test_what_was_held_out_of_a_file_of_its_own_group_is_found_again(day: Group) -> None:
    """The file is cancelled with it; its row, which still names the document, hides no other."""
    flows = [day.desk.flow(f"{n}.xml", CITY) for n in range(6)]
    day.clock.moment = MONDAY_CUTOFF
    asks(day, carriage=Carriage(group=Grouping.DAY, documents=1))
    day.close()
    for flow in flows:
        hold(day.hub, day.desk.sheets, day.desk.target(flow.id), order())

    told = [release(day.hub, day.desk.sheets, day.desk.target(flow.id), order()) for flow in flows]
    made = day.close()
    day.desk.deliver()
    again = [
        redeliver(day.hub, day.desk.sheets, day.desk.target(flow.id), order()) for flow in flows
    ]

    assert [len(one.done) for one in told] == [1] * 6
    assert (made, [day.desk.steps(flow) for flow in flows]) == (6, [["delivered"]] * 6)
    assert [len(one.done) for one in again] == [1] * 6
    assert sound(day.desk)


def test_documents_part_from_the_others_of_their_file_unless_it_may_be_on_its_way(
    day: Group,
) -> None:
    """Each waits, paused, for a file of its own; a file that somebody has in hand stays whole."""
    asks(day, carriage=Carriage(group=Grouping.FLOW))
    flow = day.desk.flow("a.xml", CITY, CITY, CITY)
    first, second, third = day.desk.documents(flow)
    (row,) = day.rows()
    with day.hub.ledger.transaction() as tx:
        planning = planning_of(day.hub, tx)
    city = day.desk.sheets.connections["city"]
    parts = plan_parts(row, [first, third], city, planning)
    ((_, claim),) = day.desk.claim("city")

    def split() -> bool:
        with day.hub.ledger.transaction() as tx:
            return tx.split_outbox(row, parts, OutboxState.PAUSED, by="run:1", at=day.clock.now())

    late = split()
    day.hub.ledger.release_outbox([claim])
    done = split()

    assert (late, done) == (False, True)
    assert [one.documents for one in day.rows(OutboxState.PENDING)] == [(second.id,)]
    assert [one.documents for one in day.rows(OutboxState.PAUSED)] == [(first.id,), (third.id,)]
    assert sound(day.desk)


def test_erasing_a_flow_takes_no_other_out_of_a_group_that_was_given_up(day: Group) -> None:
    """The other's second copy stays one to be made again, and is still told."""
    gone, kept = day.desk.flow("a.xml", CITY), day.desk.flow("b.xml", CITY)
    (other,) = day.desk.documents(kept)
    day.clock.moment = MONDAY_CUTOFF
    day.close()
    day.desk.deliver()
    for flow in (gone, kept):
        redeliver(day.hub, day.desk.sheets, day.desk.target(flow.id), order())
    day.close()
    day.desk.give_up()
    with day.hub.ledger.transaction() as tx:
        tx.mark_removed(gone.id, "run:1", FRIDAY)
        close_if_done(day.hub, tx, day.desk.again(gone))
        for answer in day.desk.rows(gone, OutboxKind.ACKNOWLEDGEMENT):
            tx.move_outbox(answer, OutboxState.CANCELLED, by="run:1", at=FRIDAY)

    erase(day.hub, gone.id, "demandé")

    (row,) = [one for one in day.files if one.generation > 1]
    assert (row.state, row.documents) == (OutboxState.ABANDONED, (other.id,))
    assert "DELIVERY_ABANDONED" in [one.code for one in why(day.hub.ledger, other.id)]
    assert sound(day.desk)
