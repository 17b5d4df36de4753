"""The ledger's contract: what one transaction may do, and what others see of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import product
from threading import Barrier
from typing import Any, TypeVar

import pytest

from pipeline.adapters.database import beside_others, is_led, leading
from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.carriage import Recipe
from pipeline.model.connection import Envelope, Environment
from pipeline.model.conversion import Form
from pipeline.model.decision import Reason
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import ConfigError, Fenced, LedgerConflict
from pipeline.model.event import Fact
from pipeline.model.finding import Finding, Layer, LayerResult, Severity
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey, document_id, outbox_key
from pipeline.model.interchange import Interchange, RemoteFile, Sighting
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import PackRun, RoutingHeader, Syntax, Trouble, ValidationReport
from pipeline.model.status import (
    FOLLOWS,
    INTERCHANGE_FOLLOWS,
    OUTBOX_FOLLOWS,
    InterchangeStep,
    OutboxState,
    Step,
)
from pipeline.ports.ledger import LEASE_TAKEN_OVER, Claim, Ledger, Query, Transaction

pytestmark = pytest.mark.contract

T = TypeVar("T")

NOW = datetime(2025, 3, 1, 8, 0, 0, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BY = "run:1"
#: How each step is reached from the first.
PATHS: dict[Step, tuple[Step, ...]] = {
    Step.RECEIVED: (),
    Step.ACCEPTED: (Step.ACCEPTED,),
    Step.REJECTED: (Step.REJECTED,),
    Step.DUPLICATE: (Step.DUPLICATE,),
    Step.HELD: (Step.HELD,),
    Step.ROUTED: (Step.ACCEPTED, Step.ROUTED),
    Step.DELIVERED: (Step.ACCEPTED, Step.ROUTED, Step.DELIVERED),
    Step.ABANDONED: (Step.ACCEPTED, Step.ROUTED, Step.ABANDONED),
    Step.TRIED: (Step.ACCEPTED, Step.TRIED),
}
FLOW_PATHS: dict[InterchangeStep, tuple[InterchangeStep, ...]] = {
    InterchangeStep.RECEIVED: (),
    InterchangeStep.HELD: (InterchangeStep.HELD,),
    InterchangeStep.REFUSED: (InterchangeStep.REFUSED,),
    InterchangeStep.DUPLICATE: (InterchangeStep.DUPLICATE,),
    InterchangeStep.OPENED: (InterchangeStep.OPENED,),
    InterchangeStep.CLOSED: (InterchangeStep.OPENED, InterchangeStep.CLOSED),
}


def flow(name: str = "a.xml", **changes: Any) -> Interchange:
    return replace(
        Interchange(
            id=InterchangeId(f"F-{name}"),
            connection="acme",
            partner="ACME",
            name=name,
            size=10,
            mtime=1_700_000_000,
            sha256=sha256(name.encode()).hexdigest(),
            received_at=NOW,
        ),
        **changes,
    )


def inside(one: Interchange, seq: int = 1, **changes: Any) -> Document:
    return replace(
        Document(
            id=document_id(one.id, seq),
            interchange=one.id,
            seq=seq,
            name=f"{seq}.xml",
            size=5,
            sha256=sha256(f"{one.id}{seq}".encode()).hexdigest(),
        ),
        **changes,
    )


def leaving(one: Interchange, name: str = "out.xml", **changes: Any) -> OutboxRow:
    return replace(
        OutboxRow(
            key=outbox_key("delivery", one.id, "city", name),
            kind=OutboxKind.DELIVERY,
            interchange=one.id,
            connection="city",
            name=name,
            due=NOW,
        ),
        **changes,
    )


def key(number: str = "F1") -> BusinessKey:
    return BusinessKey(seller="000000018", number=number, year=2025)


def record(ledger: Ledger, *flows: Interchange) -> None:
    with ledger.transaction() as tx:
        for one in flows:
            assert tx.record(one, BY)


def add(ledger: Ledger, *documents: Document) -> None:
    with ledger.transaction() as tx:
        tx.add_documents([(one, None) for one in documents], BY, NOW)


def enqueue(ledger: Ledger, *rows: OutboxRow) -> None:
    with ledger.transaction() as tx:
        for row in rows:
            tx.enqueue(row, BY, NOW)


def walk(tx: Transaction, one: Document, path: Sequence[Step]) -> Document:
    for after in path:
        tx.move_documents([one], after, by=BY, at=NOW)
        one = replace(one, step=after)
    return one


def whats(ledger: Ledger, subject: str | None = None) -> list[str]:
    return [event.fact.what for event in ledger.events(subject)]


def at_once(*acts: Callable[[], T]) -> list[T | Exception]:
    """Run acts side by side, each in its own thread; give what each returned or raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | Exception:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001  the test looks at it
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


# -- transactions


def test_a_transaction_that_raises_leaves_nothing(ledger: SqlLedger) -> None:
    """Rows, numbers and events go together, or not at all."""
    one = flow()

    def fail() -> None:
        with ledger.transaction() as tx:
            tx.record(one, BY)
            tx.add_documents([(inside(one), None)], BY, NOW)
            tx.enqueue(leaving(one), BY, NOW)
            assert tx.next_number("flow") == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert ledger.interchange(one.id) is None
    assert ledger.document(inside(one).id) is None
    assert (list(ledger.outbox()), whats(ledger), ledger.verify()) == ([], [], [])
    with ledger.transaction() as tx:
        assert tx.next_number("flow") == 1


def test_nothing_is_seen_before_the_commit(ledger: SqlLedger) -> None:
    """A reader sees the state before, at once, while a writer is at work."""
    one = flow()
    with ledger.transaction() as tx:
        tx.record(one, BY)
        began = time.monotonic()
        seen = ledger.interchange(one.id)
        waited = time.monotonic() - began

    assert seen is None
    assert waited < 20  # a writer waits 30 s
    assert ledger.interchange(one.id) == one


def test_a_fence_that_is_swallowed_still_leaves_nothing(ledger: SqlLedger) -> None:
    """Half of a group must never be committed, whatever the caller does."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 1), inside(one, 2))
    stale = inside(one, 2, step=Step.HELD)

    def swallow() -> None:
        with ledger.transaction() as tx, suppress(Fenced):
            tx.move_documents([inside(one, 1), stale], Step.REJECTED, by=BY, at=NOW)

    with pytest.raises(Fenced):
        swallow()
    assert ledger.count_documents()[Step.RECEIVED] == 2


def test_a_conflict_that_is_swallowed_still_leaves_nothing(ledger: SqlLedger) -> None:
    """A group of which one is there already is not half written."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 2))

    def swallow() -> None:
        with ledger.transaction() as tx, suppress(LedgerConflict):
            tx.add_documents([(inside(one, seq), None) for seq in (1, 2)], BY, NOW)

    with pytest.raises(LedgerConflict):
        swallow()
    assert ledger.count_documents()[Step.RECEIVED] == 1


def test_numbers_have_no_gap_and_no_repeat(ledger: SqlLedger) -> None:
    """A number of a transaction that failed is given again; others wait for it."""

    def take(fails: bool) -> Callable[[], int]:
        def act() -> int:
            with ledger.transaction() as tx:
                number = tx.next_number("ACM001")
                if fails:
                    raise ZeroDivisionError
            return number

        return act

    taken = at_once(*(take(fails=index % 3 == 0) for index in range(12)))

    numbers = [one for one in taken if isinstance(one, int)]
    assert sorted(numbers) == list(range(1, 9))
    with ledger.transaction() as tx:
        assert [tx.next_number("other"), tx.next_number("other")] == [1, 2]


# -- interchanges


def test_a_recorded_interchange_reads_back_as_it_was(ledger: SqlLedger) -> None:
    """Names of any script, sizes beyond 32 bits, microseconds."""
    one = flow("caf\u00e9 \\xe9.xml", size=5_000_000_000, mtime=4_000_000_000)
    record(ledger, one)

    (event,) = ledger.events()

    assert ledger.interchange(one.id) == one
    assert event.fact == Fact(
        at=NOW,
        subject=one.id,
        what="interchange.received",
        by=BY,
        data={
            "connection": "acme",
            "partner": "ACME",
            "name": one.name,
            "size": one.size,
            "sha256": one.sha256,
            "environment": "production",
        },
    )


def test_recording_the_same_file_again_is_nothing_new(ledger: SqlLedger) -> None:
    """The same listing may be worked through twice; the first row stays."""
    one = flow()
    record(ledger, one)

    with ledger.transaction() as tx:
        new = tx.record(replace(one, received_at=LATER), BY)

    assert not new
    assert ledger.interchange(one.id) == one
    assert whats(ledger) == ["interchange.received"]


def test_two_workers_that_record_one_file_make_one_row(ledger: SqlLedger) -> None:
    """Only one of them is told that it is new."""

    def act() -> bool:
        with ledger.transaction() as tx:
            new = tx.record(flow(), BY)
            time.sleep(0.05)
            return new

    assert sorted(map(repr, at_once(act, act))) == ["False", "True"]
    assert whats(ledger) == ["interchange.received"]


def test_interchanges_move_by_the_table_and_no_other_way(ledger: SqlLedger) -> None:
    """Each allowed pair moves, each other pair is refused and moves nothing."""
    allowed: dict[InterchangeStep, set[InterchangeStep]] = {one: set() for one in InterchangeStep}
    for before, after in product(InterchangeStep, InterchangeStep):
        one = flow(f"{before.value}-{after.value}")
        record(ledger, one)
        with ledger.transaction() as tx:
            for step in FLOW_PATHS[before]:
                tx.move_interchange(one, step, by=BY, at=NOW)
                one = replace(one, step=step)
        try:
            with ledger.transaction() as tx:
                tx.move_interchange(one, after, by=BY, at=NOW)
        except ValueError:
            assert ledger.interchange(one.id) == one
        else:
            allowed[before].add(after)
            assert ledger.interchange(one.id) == replace(one, step=after)

    assert allowed == {before: set(INTERCHANGE_FOLLOWS[before]) for before in InterchangeStep}


def test_a_move_writes_what_the_value_says(ledger: SqlLedger) -> None:
    """Reason, detail, first and documents; the event tells the small ones."""
    first, second = flow("a.xml"), flow("b.xml")
    record(ledger, first, second)
    repeated = replace(
        second, reason="IRR_UNICITE", detail="déjà\0 reçu", first=first.id, documents=3
    )

    with ledger.transaction() as tx:
        tx.move_interchange(repeated, InterchangeStep.DUPLICATE, by=BY, at=LATER)

    *_, event = ledger.events()
    assert ledger.interchange(second.id) == replace(
        repeated, step=InterchangeStep.DUPLICATE, detail="déjà\ufffd reçu"
    )
    assert event.fact == Fact(
        at=LATER,
        subject=second.id,
        what="interchange.duplicate",
        by=BY,
        data={"reason": "IRR_UNICITE", "first": first.id, "documents": 3},
    )


def test_a_second_worker_that_moves_an_interchange_is_fenced(ledger: SqlLedger) -> None:
    """It looked at a step that is no longer true."""
    one = flow()
    record(ledger, one)
    with ledger.transaction() as tx:
        tx.move_interchange(one, InterchangeStep.OPENED, by=BY, at=NOW)

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.move_interchange(one, InterchangeStep.REFUSED, by=BY, at=NOW)

    assert whats(ledger) == ["interchange.received", "interchange.opened"]


def test_removal_is_noted_once(ledger: SqlLedger) -> None:
    """Removing again, after a crash, is not a second removal."""
    one, other = flow("a.xml"), flow("b.xml")
    record(ledger, one, other)
    for _ in range(2):
        with ledger.transaction() as tx:
            tx.mark_removed(one.id, BY, LATER)

    assert [still.id for still in ledger.still_there("acme")] == [other.id]
    assert ledger.still_there("city") == []
    assert ledger.interchange(one.id) == replace(one, removed=True)
    assert whats(ledger, one.id) == ["interchange.received", "interchange.removed"]


def test_removal_of_what_was_never_recorded_is_our_bug(ledger: SqlLedger) -> None:
    """Row before remote removal: the order that crash safety rests on."""
    with pytest.raises(ValueError, match="no such interchange"), ledger.transaction() as tx:
        tx.mark_removed(InterchangeId("F00"), BY, NOW)


def test_what_resembles_an_interchange_is_found_oldest_first(ledger: SqlLedger) -> None:
    """Same name on the same connection; same bytes on any."""
    own = flow("a.xml", id=InterchangeId("F5"), sha256="aa", received_at=LATER)
    named = flow("a.xml", id=InterchangeId("F4"), sha256="bb")
    elsewhere = flow("a.xml", id=InterchangeId("F3"), sha256="cc", connection="other")
    younger = flow("y.xml", id=InterchangeId("F1"), sha256="aa")
    older = flow("b.xml", id=InterchangeId("F2"), sha256="aa", connection="other")
    record(ledger, own, named, elsewhere, younger, older)

    with ledger.transaction() as tx:
        assert tx.same_name("acme", "a.xml", own.id) == [named]
        assert tx.same_bytes("aa", own.id) == [older, younger]
        assert tx.interchange(own.id) == own
        assert tx.interchange(InterchangeId("F0")) is None


def test_interchanges_without_bytes_do_not_resemble_each_other(ledger: SqlLedger) -> None:
    """A file refused by its size alone has no hash, which is not the same hash."""
    record(ledger, flow("a.xml", sha256=""), flow("b.xml", sha256=""))

    with ledger.transaction() as tx:
        assert tx.same_bytes("", flow("a.xml").id) == ()


# -- documents


HEADER = RoutingHeader(
    number="F-2025/1",
    issue_date=date(2025, 2, 28),
    type_code="380",
    currency="EUR",
    seller_name="Acmé",
    seller_siren="000000018",
    buyer_siret="00000000000018",
    total_without_vat=Decimal("100.00"),
    total_with_vat=Decimal("120.0"),
    amount_due=Decimal("-0"),
)
FATAL = Finding(
    rule="BR-CO-15",
    severity=Severity.FATAL,
    term="BT-112",
    xpath="/Invoice/x[1]",
    line=12,
    value="caf\u00e9",
    expected="12.00",
    message={"fr": "à corriger", "en": "to correct"},
)
WARNING = replace(FATAL, rule="W", severity=Severity.WARNING, term=None, line=None, value=None)
REPORT = ValidationReport(
    syntax=Syntax.UBL_INVOICE,
    layers=(
        LayerResult.of(Layer.SYNTAX, ()),
        LayerResult.of(Layer.STRUCTURE, (WARNING,)),
        LayerResult.of(Layer.SEMANTICS, (FATAL, WARNING, FATAL)),
        LayerResult.skipped(Layer.PROFILE),
    ),
    packs=(PackRun("en16931-ubl", "1.3.16", "00", 979),),
)


def test_documents_and_reports_read_back_as_they_were(ledger: SqlLedger) -> None:
    """Terms, findings with their order and layer, packs; the event tells the amount too."""
    one = flow()
    record(ledger, one)
    judged = inside(one, 1, syntax=Syntax.UBL_INVOICE, header=HEADER)
    with ledger.transaction() as tx:
        tx.add_documents([(inside(one, 2), None), (judged, REPORT)], BY, LATER)
        assert tx.documents_of(one.id) == [judged, inside(one, 2)]
        assert tx.document(judged.id) == judged
        assert tx.document(DocumentId("F0-0001")) is None

    assert ledger.document(judged.id) == judged
    assert ledger.report(judged.id) == REPORT
    assert ledger.report(inside(one, 2).id) is None
    (_, _, event) = ledger.events()
    assert event.fact == Fact(
        at=LATER,
        subject=judged.id,
        what="document.received",
        by=BY,
        data={
            "name": "1.xml",
            "size": 5,
            "sha256": judged.sha256,
            "currency": "EUR",
            "total": "120.0",
        },
    )


def test_a_newer_report_takes_the_place_of_the_older(ledger: SqlLedger) -> None:
    """Judged again after a crash of the engine; nothing of the old is left."""
    one = flow()
    record(ledger, one)
    crashed = replace(REPORT, trouble=Trouble.ENGINE_CRASH, trouble_detail="signal 9")
    with ledger.transaction() as tx:
        tx.add_documents([(inside(one), crashed)], BY, NOW)
    fewer = replace(REPORT, layers=(LayerResult.of(Layer.SYNTAX, (FATAL,)),))

    with ledger.transaction() as tx:
        tx.replace_report(inside(one).id, fewer)

    assert ledger.report(inside(one).id) == fewer


def test_documents_move_by_the_table_and_no_other_way(ledger: SqlLedger) -> None:
    """Each allowed pair moves, each other pair is refused and moves nothing."""
    own = flow()
    record(ledger, own)
    allowed: dict[Step, set[Step]] = {one: set() for one in Step}
    for seq, (before, after) in enumerate(product(Step, Step), 1):
        add(ledger, inside(own, seq))
        with ledger.transaction() as tx:
            one = walk(tx, inside(own, seq), PATHS[before])
        try:
            with ledger.transaction() as tx:
                tx.move_documents([one], after, by=BY, at=NOW)
        except ValueError:
            assert ledger.document(one.id) == one
        else:
            allowed[before].add(after)
            assert ledger.document(one.id) == replace(one, step=after)

    assert allowed == {before: set(FOLLOWS[before]) for before in Step}


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.RECEIVED])
def test_a_document_begins_as_received(ledger: SqlLedger, step: Step) -> None:
    """Every document passes the first row of the table, so every one is counted."""
    one = flow()
    record(ledger, one)

    with pytest.raises(ValueError, match="cannot follow nothing"):
        add(ledger, inside(one, step=step))


def test_a_move_writes_reasons_route_first_syntax_and_header(ledger: SqlLedger) -> None:
    """As they are in the value; the event tells the codes, no content."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 1), inside(one, 2))
    why = Reason(code="DOUBLON", place="1.xml", message={"fr": "déjà là", "en": "known"})
    moved = inside(
        one,
        2,
        syntax=Syntax.CII,
        header=HEADER,
        reasons=(why, why),
        route="city",
        first=document_id(one.id, 1),
    )

    with ledger.transaction() as tx:
        tx.move_documents([moved], Step.HELD, by=BY, at=LATER)

    *_, event = ledger.events()
    assert ledger.document(moved.id) == replace(moved, step=Step.HELD)
    assert event.fact == Fact(
        at=LATER,
        subject=moved.id,
        what="document.held",
        by=BY,
        data={"reasons": ["DOUBLON", "DOUBLON"], "route": "city", "first": moved.first},
    )


def test_a_group_moves_whole_or_not_at_all(ledger: SqlLedger) -> None:
    """One document that somebody else moved stops all of them."""
    one = flow()
    record(ledger, one)
    group = [inside(one, seq) for seq in range(1, 6)]
    add(ledger, *group)
    with ledger.transaction() as tx:
        tx.move_documents(group[2:3], Step.HELD, by="operator:zoe", at=NOW)

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.move_documents(group, Step.ACCEPTED, by=BY, at=NOW)

    assert [ledger.count_documents()[step] for step in (Step.RECEIVED, Step.HELD)] == [4, 1]
    assert "document.accepted" not in whats(ledger)


# -- business keys


def test_keys_are_held_until_they_are_freed(ledger: SqlLedger) -> None:
    """A key is the seller, the number and the year together."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 1), inside(one, 2))
    first, second = inside(one, 1).id, inside(one, 2).id
    near = [replace(key("F1"), year=2024), replace(key("F2"), seller="000000026")]
    with ledger.transaction() as tx:
        tx.hold_keys({key("F1"): first, key("F2"): second})
        assert tx.holders([key("F1"), key("F2"), key("F3"), *near]) == {
            key("F1"): first,
            key("F2"): second,
        }

    with ledger.transaction() as tx:
        tx.free_keys([first])
        assert tx.holders([key("F1"), key("F2")]) == {key("F2"): second}
        tx.hold_keys({key("F1"): second})
        assert tx.holders([key("F1")]) == {key("F1"): second}


def test_each_environment_has_keys_of_its_own(ledger: SqlLedger) -> None:
    """A trial neither takes a number nor finds it taken."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 1), inside(one, 2))
    real, trial = inside(one, 1).id, inside(one, 2).id
    test = Environment.QUALIFICATION
    with ledger.transaction() as tx:
        tx.hold_keys({key("F1"): real})
        tx.hold_keys({key("F1"): trial}, test)
        assert tx.holders([key("F1")], test) == {key("F1"): trial}

    with ledger.transaction() as tx:
        assert tx.holders([key("F1")]) == {key("F1"): real}
        assert tx.holders([key("F1")], test) == {key("F1"): trial}
        tx.free_keys([trial])
        assert tx.holders([key("F1")]) == {key("F1"): real}
        assert tx.holders([key("F1")], test) == {}


def test_what_goes_to_a_connection_is_counted_by_the_moment_it_came(ledger: SqlLedger) -> None:
    """Of one transaction too, before anything of it is written."""
    one = flow(received_at=NOW)
    record(ledger, one)
    tomorrow = NOW + timedelta(days=1)
    with ledger.transaction() as tx:
        routed = [replace(inside(one, seq), route="ville") for seq in (1, 2)]
        tx.add_documents([(document, None) for document in routed], BY, NOW)
        tx.add_documents([(replace(inside(one, 3), route="port"), None)], BY, NOW)

        assert tx.count_routed("ville", NOW, tomorrow) == 2
        assert tx.count_routed("ville", tomorrow, tomorrow + timedelta(days=1)) == 0


def test_thousands_of_keys_are_looked_up_at_once(ledger: SqlLedger) -> None:
    """A flow's limit is a sheet's business; the database's limit must not show."""
    one = flow()
    record(ledger, one)
    documents = [inside(one, seq) for seq in range(1, 2502)]
    add(ledger, *documents)
    keys = {key(f"N{document.seq}"): document.id for document in documents}

    with ledger.transaction() as tx:
        tx.hold_keys(keys)
        held = tx.holders(keys)
        tx.free_keys(list(keys.values()))
        freed = tx.holders(keys)

    assert (held, freed) == (keys, {})


def test_two_workers_that_want_one_key_do_not_both_get_it(ledger: SqlLedger) -> None:
    """The later one is told, leaves nothing, and finds the holder when it runs again."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one, 1), inside(one, 2))

    def accept(document: Document) -> Callable[[], DocumentId]:
        def act() -> DocumentId:
            with ledger.transaction() as tx:
                tx.move_documents([document], Step.ACCEPTED, by=BY, at=NOW)
                tx.hold_keys({key(): document.id})
                time.sleep(0.1)
            return document.id

        return act

    results = at_once(accept(inside(one, 1)), accept(inside(one, 2)))

    (winner,) = (result for result in results if isinstance(result, str))
    (loser,) = (result for result in results if isinstance(result, Exception))
    assert type(loser) is LedgerConflict
    assert whats(ledger).count("document.accepted") == 1
    assert ledger.count_documents()[Step.RECEIVED] == 1
    with ledger.transaction() as tx:
        assert tx.holders([key()]) == {key(): winner}


def test_facts_hold_until_the_transaction_ends(ledger: SqlLedger) -> None:
    """Of two workers that each finish a part of one flow, the later sees the whole done.

    Else both would find the other's part open, and nobody would close the flow.
    """
    one = flow()
    record(ledger, one)
    rows = [leaving(one, f"{door}.xml", connection=door) for door in ("north", "south")]
    enqueue(ledger, *rows)
    claims = {row.key: claim for door in ("north", "south") for row, claim in _claim(ledger, door)}

    def settle(row: OutboxRow) -> Callable[[], list[OutboxState]]:
        def act() -> list[OutboxState]:
            with ledger.transaction() as tx:
                tx.settle_outbox(
                    replace(row, attempts=1),
                    OutboxState.SENT,
                    claim=claims[row.key],
                    by=BY,
                    at=NOW,
                )
                time.sleep(0.1)
                states = [found.state for found in tx.outbox_of(one.id)]
                # long enough for the other to look before this one commits
                time.sleep(0.2)
                return states

        return act

    seen = at_once(*(settle(row) for row in rows))

    assert [OutboxState.SENT, OutboxState.SENT] in seen


# -- claims


def _claim(ledger: Ledger, door: str = "city", limit: int = 100) -> list[tuple[OutboxRow, Claim]]:
    return list(ledger.claim_outbox("me", NOW, LATER, limit, door))


def test_received_interchanges_are_claimed_oldest_first(ledger: SqlLedger) -> None:
    """Files of one moment by name; what is not RECEIVED is nobody's."""
    old = flow("z.xml", received_at=NOW - timedelta(seconds=1))
    opened = flow("0.xml")
    record(ledger, flow("b.xml"), flow("a.xml"), opened, old)
    with ledger.transaction() as tx:
        tx.move_interchange(opened, InterchangeStep.OPENED, by=BY, at=NOW)

    claimed = ledger.claim_interchanges("me", NOW, LATER, 2)

    assert [(one, claim.subject) for one, claim in claimed] == [
        (old, old.id),
        (flow("a.xml"), flow("a.xml").id),
    ]
    rest = ledger.claim_interchanges("other", NOW, LATER, 9)
    assert [one.name for one, _ in rest] == ["b.xml"]


def test_a_claim_lasts_until_its_deadline(ledger: SqlLedger) -> None:
    """Then another worker may have it, and the first one is fenced."""
    one = flow()
    record(ledger, one)
    ((_, slow),) = ledger.claim_interchanges("slow", NOW, LATER, 1)

    before = ledger.claim_interchanges("quick", LATER - timedelta(microseconds=1), LATER, 1)
    ((_, quick),) = ledger.claim_interchanges("quick", LATER, LATER + timedelta(hours=1), 1)

    assert before == []
    assert quick.token > slow.token
    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.move_interchange(one, InterchangeStep.OPENED, by=BY, at=NOW, claim=slow)
    with ledger.transaction() as tx:
        tx.move_interchange(one, InterchangeStep.OPENED, by=BY, at=NOW, claim=quick)


def test_a_claim_is_handed_to_one_worker_only(ledger: SqlLedger) -> None:
    """Four workers that grab at once get every flow and every file once."""
    flows = [flow(f"{number:03}.xml") for number in range(40)]
    record(ledger, *flows)
    enqueue(ledger, *(leaving(one) for one in flows))

    def grab() -> list[str]:
        got: list[str] = []
        while True:
            some = ledger.claim_interchanges("me", NOW, LATER, 3)
            rows = _claim(ledger, limit=3)
            got += [one.id for one, _ in some] + [row.key for row, _ in rows]
            # rows that another worker looks at just now are skipped, so an empty hand
            # is no proof that nothing is left
            if not some and not rows:
                return got

    shares = at_once(grab, grab, grab, grab)
    rest = grab()

    got = Counter([*rest, *(one for share in shares if isinstance(share, list) for one in share)])
    expected = [one.id for one in flows] + [leaving(one).key for one in flows]
    assert got == Counter(expected)


def test_voided_claims_may_be_taken_at_once(ledger: SqlLedger) -> None:
    """After a crash nobody waits for a deadline; whoever held one is fenced."""
    one = flow()
    record(ledger, one, flow("b.xml"))
    enqueue(ledger, leaving(one))
    ((_, lost), _) = ledger.claim_interchanges("dead", NOW, LATER, 9)
    ((row, gone),) = _claim(ledger)

    assert ledger.void_claims() == 3
    assert ledger.void_claims() == 0

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.move_interchange(one, InterchangeStep.OPENED, by=BY, at=NOW, claim=lost)
    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.settle_outbox(row, OutboxState.SENT, claim=gone, by=BY, at=NOW)
    assert len(ledger.claim_interchanges("me", NOW, LATER, 9)) == 2
    assert len(_claim(ledger)) == 1


def test_a_claim_that_ran_out_is_taken_over_with_an_event(ledger: SqlLedger) -> None:
    """The record says who let go of what, and who has it since; a claim that ended is none."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((_, first),) = ledger.claim_interchanges("dead", NOW, LATER, 1)
    ledger.claim_outbox("dead", NOW, LATER, 1, "city")

    ((_, taken),) = ledger.claim_interchanges("me", LATER, LATER + timedelta(hours=1), 1)
    ((row, _),) = ledger.claim_outbox("me", LATER, LATER + timedelta(hours=1), 1, "city")

    assert (first.taken_from, taken.taken_from) == ("", "dead")
    told = [event.fact for event in ledger.events() if event.fact.what == LEASE_TAKEN_OVER]
    assert [(fact.subject, fact.by, fact.data) for fact in told] == [
        (one.id, "me", {"from": "dead"}),
        (row.key, "me", {"from": "dead"}),
    ]
    ledger.release_interchanges([taken])
    ((_, again),) = ledger.claim_interchanges("you", NOW, LATER, 1)
    assert again.taken_from == ""
    assert ledger.verify() == []


def test_what_is_put_off_is_nobody_s_and_claimed_by_none_before_its_time(
    ledger: SqlLedger,
) -> None:
    """It waits for a disk or a sheet: no worker died over it, and none has it meanwhile."""
    record(ledger, flow())
    much_later = LATER + timedelta(hours=1)
    ((_, claim),) = ledger.claim_interchanges("me", NOW, much_later, 1)
    ledger.release_interchanges([claim], LATER)

    assert ledger.upkeep.held() == []
    assert not ledger.any_to_judge(NOW)
    assert ledger.claim_interchanges("you", NOW, LATER, 1) == []
    ((_, again),) = ledger.claim_interchanges("you", LATER, much_later, 1)
    assert again.taken_from == ""
    assert ledger.count_events(LEASE_TAKEN_OVER) == 0


def test_a_new_leader_waits_for_nothing_that_was_put_off(ledger: SqlLedger) -> None:
    """It may have been started because the disk was made larger."""
    record(ledger, flow())
    ((_, claim),) = ledger.claim_interchanges("me", NOW, LATER, 1)
    ledger.release_interchanges([claim], LATER)

    assert ledger.void_claims() == 0
    assert ledger.any_to_judge(NOW)


def test_a_claim_is_renewed_as_long_as_it_is_held(ledger: SqlLedger) -> None:
    """One that was taken over, settled or voided is not: its holder learns that it is lost."""
    flows = [flow(f"{name}.xml") for name in "abc"]
    record(ledger, *flows)
    enqueue(ledger, *(leaving(one) for one in flows))
    much_later = LATER + timedelta(hours=1)
    mine = [claim for _, claim in ledger.claim_interchanges("me", NOW, LATER, 9)]
    rows = [claim for _, claim in _claim(ledger)]
    with ledger.transaction() as tx:
        tx.move_interchange(flows[0], InterchangeStep.OPENED, by=BY, at=NOW, claim=mine[0])

    assert ledger.renew_interchanges(mine, much_later) == mine[1:]
    assert ledger.renew_outbox(rows, much_later) == rows

    assert ledger.claim_interchanges("other", LATER, much_later, 9) == []
    assert ledger.claim_outbox("other", LATER, much_later, 9, "city") == ()
    ((_, other), _) = ledger.claim_interchanges("other", much_later, much_later, 9)
    assert ledger.renew_interchanges([mine[1]], much_later) == []
    assert ledger.renew_interchanges([other], much_later) == [other]
    ledger.void_claims()
    assert ledger.renew_outbox(rows, much_later) == []


def test_a_connection_is_served_by_one_owner_at_a_time(ledger: SqlLedger) -> None:
    """Its server meets no more sessions than its sheet agrees to, however many workers work."""
    one = flow()
    record(ledger, one)
    enqueue(
        ledger,
        leaving(one, key=OutboxKey("D1")),
        leaving(one, key=OutboxKey("D2")),
        leaving(one, key=OutboxKey("D3"), connection="north"),
    )
    ((_, held),) = _claim(ledger, limit=1)

    assert ledger.claim_outbox("other", NOW, LATER, 9, "city") == ()
    assert ledger.due_connections(NOW, "other") == ["north"]
    assert ledger.due_connections(NOW, "me") == ledger.due_connections(NOW) == ["city", "north"]

    assert len(ledger.claim_outbox("other", NOW, LATER, 9, "north")) == 1
    ledger.release_outbox([held])
    assert len(ledger.claim_outbox("other", NOW, LATER, 9, "city")) == 2


def test_what_waits_to_be_judged_is_seen_until_somebody_has_it(ledger: SqlLedger) -> None:
    """A worker that has nothing to do asks no more than that."""
    assert not ledger.any_to_judge(NOW)
    record(ledger, flow())
    assert ledger.any_to_judge(NOW)

    ledger.claim_interchanges("me", NOW, LATER, 1)

    assert not ledger.any_to_judge(NOW)
    assert ledger.any_to_judge(LATER)


def test_claims_are_voided_unless_workers_are_beside_the_leader(
    database: Any, ledger: SqlLedger
) -> None:
    """A leader that starts leaves to a living worker what it holds."""
    record(ledger, flow())
    ledger.claim_interchanges("worker", NOW, LATER, 1)
    if database.kind == "sqlite":
        with pytest.raises(ConfigError, match="one writing process"), beside_others(database.url):
            pass
        assert ledger.void_claims() == 1
        return

    with beside_others(database.url) as seat, beside_others(database.url):
        seat.check()
        assert ledger.void_claims() == 0
        assert not ledger.any_to_judge(NOW)

    assert ledger.void_claims() == 1


def test_asking_who_leads_takes_nothing_from_who_begins_to(database: Any) -> None:
    """A status page that looks each second keeps no leader from starting."""
    assert not is_led(database.url)
    with leading(database.url):
        assert is_led(database.url) is (database.kind != "sqlite")  # there the workspace knows
    assert not is_led(database.url)


def test_a_place_at_work_outlives_the_session_that_holds_it(database: Any) -> None:
    """Who leads goes on leading after the database was away, unless another one took over."""
    if database.kind == "sqlite":
        pytest.skip("the lock of the workspace guards a SQLite file")
    hang_up = (
        "SELECT pg_terminate_backend(pid) FROM pg_locks"
        " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
    )
    with leading(database.url) as seat:
        with pytest.raises(ConfigError, match="another hub"), leading(database.url):
            pass
        assert database.sql(hang_up) == [(True,)]
        seat.check()
        with pytest.raises(ConfigError, match="another hub"), leading(database.url):
            pass

        database.sql(hang_up)
        with leading(database.url), pytest.raises(ConfigError, match="another hub"):
            seat.check()
        seat.check()


# -- outbox


def test_an_outbox_row_reads_back_as_it_was(ledger: SqlLedger) -> None:
    """Payload bytes, documents in their order, every mark."""
    one = flow()
    record(ledger, one)
    add(ledger, *(inside(one, seq) for seq in range(1, 4)))
    delivery = leaving(
        one,
        documents=tuple(document_id(one.id, seq) for seq in (3, 1, 2)),
        envelope=Envelope.TAR_GZ,
        generation=2,
    )
    answer = leaving(
        one,
        "cr.xml",
        key=outbox_key("acknowledgement", one.id, "acme", "cr.xml"),
        kind=OutboxKind.ACKNOWLEDGEMENT,
        connection="acme",
        payload=bytes(range(256)),
        final=False,
    )
    with ledger.transaction() as tx:
        tx.enqueue(delivery, BY, LATER)
        tx.enqueue(answer, BY, LATER)
        assert tx.outbox_of(one.id) == sorted([delivery, answer], key=lambda row: row.key)

    assert ledger.outbox(kind=OutboxKind.DELIVERY) == [delivery]
    assert ledger.outbox(kind=OutboxKind.ACKNOWLEDGEMENT) == [answer]
    assert ledger.outbox(document=document_id(one.id, 1)) == [delivery]
    assert ledger.outbox(interchange=InterchangeId("F0")) == []
    assert len(ledger.outbox(states=[OutboxState.PENDING, OutboxState.SENT])) == 2
    assert ledger.outbox(states=[OutboxState.SENT]) == []
    (event,) = (event for event in ledger.events() if event.fact.subject == delivery.key)
    assert event.fact.data == {
        "kind": "delivery",
        "interchange": one.id,
        "connection": "city",
        "name": "out.xml",
        "documents": 3,
        "generation": 2,
        "final": True,
    }


def test_a_row_is_enqueued_once(ledger: SqlLedger) -> None:
    """The name and the bytes of the first stay, for ever."""
    one = flow()
    record(ledger, one)
    add(ledger, inside(one))
    row = leaving(one, documents=(inside(one).id,))
    enqueue(ledger, row)

    enqueue(ledger, replace(row, name="other.xml"))

    assert ledger.outbox() == [row]
    assert whats(ledger).count("outbox.pending") == 1


def test_due_rows_come_in_order_of_due_then_key(ledger: SqlLedger) -> None:
    """Of one connection, and no row before its time."""
    one = flow()
    record(ledger, one)
    rows = [
        leaving(one, key=OutboxKey("D3"), due=NOW - timedelta(seconds=2)),
        leaving(one, key=OutboxKey("D2")),
        leaving(one, key=OutboxKey("D1")),
        leaving(one, key=OutboxKey("D0"), due=NOW + timedelta(microseconds=1)),
        leaving(one, key=OutboxKey("D4"), connection="acme", due=LATER),
    ]
    enqueue(ledger, *rows)

    assert ledger.due_connections(NOW) == ["city"]
    assert ledger.due_connections(LATER) == ["acme", "city"]
    assert [row for row, _ in _claim(ledger)] == [rows[0], rows[2], rows[1]]
    assert _claim(ledger) == []


def test_a_row_that_was_not_tried_is_let_go_as_it_was(database: Any, ledger: SqlLedger) -> None:
    """Its server was down: no attempt is used up, and it is due at once."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one, key=OutboxKey("D1")), leaving(one, key=OutboxKey("D2")))
    (first, old), (second, _) = _claim(ledger)

    ledger.release_outbox([old])
    ((again, held),) = _claim(ledger)
    ledger.release_outbox([old])

    assert (again, first.key, second.key) == (first, "D1", "D2")
    assert _claim(ledger) == [], "a claim of before ends no later one"
    assert held.token > old.token
    assert database.sql("SELECT count(*) FROM attempt") == [(0,)]


def test_only_answers_are_hastened(ledger: SqlLedger) -> None:
    """A delivery keeps the waits of its sheet: each of its attempts counts."""
    one = flow()
    record(ledger, one)
    answer = replace(leaving(one, key=OutboxKey("A1"), due=LATER), kind=OutboxKind.ACKNOWLEDGEMENT)
    enqueue(ledger, leaving(one, key=OutboxKey("D1"), due=LATER), answer)

    assert ledger.hasten(NOW) == 1
    assert [row.key for row, _ in _claim(ledger)] == ["A1"]


def test_a_failed_attempt_is_tried_again_when_due(database: Any, ledger: SqlLedger) -> None:
    """Every attempt leaves a row and an event; the last one is what the row tells."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))

    ((row, claim),) = _claim(ledger)
    failed = replace(row, attempts=1, due=LATER, error="CONNECT: no route\0")
    with ledger.transaction() as tx:
        tx.settle_outbox(failed, None, claim=claim, by=BY, at=NOW)
    too_early = _claim(ledger)
    ((again, second),) = ledger.claim_outbox("me", LATER, LATER + timedelta(hours=1), 9, "city")
    sent = replace(again, attempts=2, error="")
    with ledger.transaction() as tx:
        tx.settle_outbox(sent, OutboxState.SENT, claim=second, by=BY, at=LATER, sha256="abc")

    assert too_early == []
    assert again == replace(failed, error="CONNECT: no route\ufffd")
    assert ledger.outbox() == [replace(sent, state=OutboxState.SENT)]
    assert database.sql("SELECT number, error, sha256 FROM attempt ORDER BY number") == [
        (1, "CONNECT: no route\ufffd", ""),
        (2, "", "abc"),
    ]
    told = [(event.fact.what, event.fact.data) for event in ledger.events(row.key)]
    assert told[1:] == [
        (
            "outbox.retry",
            {"attempt": 1, "error": "CONNECT: no route\0", "due": LATER.isoformat()},
        ),
        ("outbox.sent", {"attempt": 2, "sha256": "abc"}),
    ]
    assert ledger.due_connections(LATER) == []


def test_a_row_that_was_not_attempted_is_put_off_and_counts_no_attempt(
    database: Any, ledger: SqlLedger
) -> None:
    """Its trouble is told, and it is left alone until its moment; what is fenced stays so."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((row, claim),) = _claim(ledger)
    waiting = replace(row, due=LATER, error="MASTER_KEY: not here")

    with ledger.transaction() as tx:
        tx.put_off_outbox(waiting, claim=claim, by=BY, at=NOW)

    assert _claim(ledger) == []
    assert ledger.outbox() == [waiting]
    assert database.sql("SELECT number FROM attempt") == []
    assert database.sql("SELECT begun FROM outbox") == [(None,)]
    told = [(event.fact.what, event.fact.data) for event in ledger.events(row.key)]
    assert told[1:] == [
        ("outbox.put_off", {"error": "MASTER_KEY: not here", "due": LATER.isoformat()})
    ]
    ledger.claim_outbox("me", LATER, LATER + timedelta(hours=1), 9, "city")
    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.put_off_outbox(waiting, claim=claim, by=BY, at=LATER)


def test_putting_a_row_off_forgets_no_attempt_that_was_cut_short(
    database: Any, ledger: SqlLedger
) -> None:
    """Its file may stand at the recipient's: nobody may take it back unseen."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((_, first),) = _claim(ledger)
    ledger.void_claims()
    ((row, claim),) = _claim(ledger)

    with ledger.transaction() as tx:
        tx.put_off_outbox(replace(row, due=LATER), claim=claim, by=BY, at=NOW)

    assert database.sql("SELECT begun FROM outbox") == [(first.token,)]
    with ledger.transaction() as tx:
        assert not tx.stop_outbox(row, OutboxState.PAUSED, by=BY, at=NOW)


def test_an_attempt_at_another_form_begins_when_that_is_written(
    database: Any, ledger: SqlLedger
) -> None:
    """Whoever dies while writing has put nothing: the row may be stopped; later it may not."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, replace(leaving(one), recipe=Recipe(form=Form.CII)))
    _claim(ledger)
    ledger.void_claims()
    ((row, claim),) = _claim(ledger)
    before = database.sql("SELECT begun FROM outbox")

    ledger.begin_outbox([claim, replace(claim, token=claim.token + 1)])
    ledger.void_claims()

    assert before == [(None,)]
    assert database.sql("SELECT begun FROM outbox") == [(claim.token,)]
    with ledger.transaction() as tx:
        assert not tx.stop_outbox(row, OutboxState.PAUSED, by=BY, at=NOW)


def test_an_attempt_is_settled_by_its_claim_only(ledger: SqlLedger) -> None:
    """Settled once; a worker that comes back late writes nothing."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((row, claim),) = _claim(ledger)
    tried = replace(row, attempts=1)
    stale = Claim(claim.subject, claim.token - 1)
    for wrong in (stale, Claim(claim.subject, claim.token + 1)):
        with pytest.raises(Fenced), ledger.transaction() as tx:
            tx.settle_outbox(tried, OutboxState.SENT, claim=wrong, by=BY, at=NOW)
    with ledger.transaction() as tx:
        tx.settle_outbox(tried, OutboxState.ABANDONED, claim=claim, by=BY, at=NOW)

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.settle_outbox(tried, OutboxState.SENT, claim=claim, by=BY, at=NOW)

    assert whats(ledger, row.key) == ["outbox.pending", "outbox.abandoned"]


def test_a_row_that_is_not_pending_cannot_be_settled(ledger: SqlLedger) -> None:
    """Neither sent nor kept for later: our bug."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((row, claim),) = _claim(ledger)
    cancelled = replace(row, state=OutboxState.CANCELLED)

    for after in (OutboxState.SENT, None):
        with pytest.raises(ValueError, match="cannot follow"), ledger.transaction() as tx:
            tx.settle_outbox(cancelled, after, claim=claim, by=BY, at=NOW)


def test_rows_move_by_the_table_and_no_other_way(ledger: SqlLedger) -> None:
    """Each allowed pair moves, each other pair is refused and moves nothing."""
    one = flow()
    record(ledger, one)
    allowed: dict[OutboxState, set[OutboxState]] = {state: set() for state in OutboxState}
    for before, after in product(OutboxState, OutboxState):
        waits = before in {OutboxState.WAITING, OutboxState.GROUPED}
        first = OutboxState.WAITING if waits else OutboxState.PENDING
        row = replace(leaving(one, f"{before.value}-{after.value}"), state=first)
        enqueue(ledger, row)
        if before is not first:
            with ledger.transaction() as tx:
                tx.move_outbox(row, before, by=BY, at=NOW)
            row = replace(row, state=before)
        try:
            with ledger.transaction() as tx:
                tx.move_outbox(row, after, by=BY, at=NOW)
        except ValueError:
            assert row in ledger.outbox()
        else:
            allowed[before].add(after)
            assert replace(row, state=after) in ledger.outbox()

    assert allowed == {before: set(OUTBOX_FOLLOWS[before]) for before in OutboxState}


@pytest.mark.parametrize("at", [NOW, LATER], ids=["in-its-hands", "claim-run-out"])
def test_a_row_is_not_paused_while_nobody_knows_whether_it_was_sent(
    ledger: SqlLedger, at: datetime
) -> None:
    """A worker may be sending it just now, or may have died with it after it was put."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    ((row, claim),) = _claim(ledger)

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.move_outbox(row, OutboxState.PAUSED, by=BY, at=at)
    tried = replace(row, attempts=1, error="CONNECT: no answer")
    with ledger.transaction() as tx:
        tx.settle_outbox(tried, None, claim=claim, by=BY, at=at)
        tx.move_outbox(tried, OutboxState.PAUSED, by=BY, at=at)
        tx.move_outbox(replace(tried, state=OutboxState.PAUSED), OutboxState.PENDING, by=BY, at=at)

    assert [one.key for one, _ in _claim(ledger)] == [row.key]


@pytest.mark.parametrize("dead", [False, True], ids=["nobody-before", "one-died-before"])
def test_a_claim_that_is_given_back_untried_tells_nothing_new(
    ledger: SqlLedger, *, dead: bool
) -> None:
    """Whether the file was sent is as well known as before."""
    one = flow()
    record(ledger, one)
    enqueue(ledger, leaving(one))
    if dead:
        _claim(ledger)
        ledger.void_claims()
    ((row, claim),) = _claim(ledger)
    ledger.release_outbox([claim])

    with ledger.transaction() as tx:
        assert tx.stop_outbox(row, OutboxState.PAUSED, by=BY, at=NOW) is not dead


# -- intake


def test_sightings_are_those_of_the_last_listing(ledger: SqlLedger) -> None:
    """Each connection has its own; what was not seen any more is forgotten."""
    one = Sighting(
        file=RemoteFile("caf\u00e9 \\x0a.xml", 5_000_000_000, 1),
        first_seen=NOW,
        stable_since=LATER,
        note="IRR: nul\0",
    )
    other = replace(one, file=RemoteFile("b.xml", 1, 2))
    ledger.note_sightings("acme", [other])
    ledger.note_sightings("city", [other])

    ledger.note_sightings("acme", [one])

    assert ledger.sightings("acme") == {one.file.name: replace(one, note="IRR: nul\ufffd")}
    assert ledger.sightings("city") == {"b.xml": replace(other, note="IRR: nul\ufffd")}
    ledger.note_sightings("city", [])
    assert ledger.sightings("city") == {}


# -- reading


@pytest.fixture
def stocked(ledger: SqlLedger) -> SqlLedger:
    """Give a ledger of three flows with documents at several steps.

    ``a`` (ACME, oldest) holds 1 accepted and 2 rejected for DOUBLON; ``b%_`` (Bolt) holds
    one received; ``c`` (ACME) is refused.
    """
    a = flow("a.xml", received_at=NOW)
    b = flow("b%_.xml", received_at=NOW + timedelta(seconds=1), partner="Bolt")
    c = flow("c.xml", received_at=NOW + timedelta(seconds=2), reason="IRR_VIDE")
    record(ledger, a, b, c)
    doubled = (Reason(code="DOUBLON", place="", message={"fr": "ABSENT", "en": "ABSENT"}),)
    with ledger.transaction() as tx:
        tx.move_interchange(c, InterchangeStep.REFUSED, by=BY, at=NOW)
        documents = [
            inside(a, 1, header=RoutingHeader(number="F-1")),
            inside(a, 2, header=RoutingHeader(number="F/2"), reasons=doubled),
            inside(b, 1, header=RoutingHeader(number="G%1")),
        ]
        tx.add_documents([(one, None) for one in documents], BY, NOW)
        tx.move_documents(documents[:1], Step.ACCEPTED, by=BY, at=NOW)
        tx.move_documents(documents[1:2], Step.REJECTED, by=BY, at=NOW)
        tx.enqueue(leaving(a), BY, NOW)
    return ledger


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param(Query(), ["c.xml", "b%_.xml", "a.xml"], id="all-newest-first"),
        pytest.param(Query(limit=1), ["c.xml"], id="limit"),
        pytest.param(Query(partner="ACME"), ["c.xml", "a.xml"], id="partner"),
        pytest.param(Query(steps=("received",)), ["b%_.xml", "a.xml"], id="step"),
        pytest.param(Query(interchange=flow("a.xml").id), ["a.xml"], id="id"),
        pytest.param(Query(text="F-A.X"), ["a.xml"], id="part-of-an-id"),
        pytest.param(Query(text="c.x"), ["c.xml"], id="part-of-a-name"),
        pytest.param(Query(text="%_"), ["b%_.xml"], id="wildcards-are-letters"),
        pytest.param(Query(text="F/2"), ["a.xml"], id="invoice-number"),
        pytest.param(Query(text="irr_v"), ["c.xml"], id="reason"),
        pytest.param(Query(text=flow("c.xml").sha256[9:40]), ["c.xml"], id="hash"),
        pytest.param(Query(text="' OR 1=1 --"), [], id="injection"),
        pytest.param(Query(partner="ACME", text="b%"), [], id="both-must-match"),
    ],
)
def test_interchanges_are_found(stocked: SqlLedger, query: Query, names: list[str]) -> None:
    """By partner, step, id, and part of anything an operator may have in hand."""
    assert [one.name for one in stocked.interchanges(query)] == names


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param(Query(), ["G%1", "F-1", "F/2"], id="all-newest-flow-first"),
        pytest.param(Query(limit=2), ["G%1", "F-1"], id="limit"),
        pytest.param(Query(partner="ACME"), ["F-1", "F/2"], id="partner"),
        pytest.param(Query(steps=("accepted", "received")), ["G%1", "F-1"], id="steps"),
        pytest.param(Query(interchange=flow("a.xml").id), ["F-1", "F/2"], id="interchange"),
        pytest.param(Query(text="f-1"), ["F-1"], id="number"),
        pytest.param(Query(text="%"), ["G%1"], id="wildcards-are-letters"),
        pytest.param(Query(text="doubl"), ["F/2"], id="reason-code"),
        pytest.param(Query(text="absent"), [], id="not-the-message"),
        pytest.param(Query(text="-0002"), ["F/2"], id="id"),
        pytest.param(Query(text="1.xml"), ["G%1", "F-1"], id="name"),
        pytest.param(Query(text=inside(flow("a.xml"), 2).sha256[:12]), ["F/2"], id="hash"),
    ],
)
def test_documents_are_found(stocked: SqlLedger, query: Query, numbers: list[str]) -> None:
    """By flow (newest first) and place."""
    assert [one.header.number for one in stocked.documents(query)] == numbers


def test_a_query_without_a_limit_lists_all(ledger: SqlLedger) -> None:
    """Whoever sums up, erases or judges a deadline must not miss what comes after a number."""
    record(ledger, *(flow(f"{number}.xml") for number in range(101)))

    assert len(ledger.interchanges(Query())) == 100
    assert len(ledger.interchanges(Query(limit=None))) == 101


def test_counts_conserve(stocked: SqlLedger) -> None:
    """Every step is counted, with 0 too, and what came in is what is somewhere."""
    documents, flows = stocked.count_documents(), stocked.count_interchanges()

    counted = {step: count for step, count in documents.items() if count}
    assert counted == {Step.RECEIVED: 1, Step.ACCEPTED: 1, Step.REJECTED: 1}
    assert set(documents) == set(Step)
    assert flows == dict.fromkeys(InterchangeStep, 0) | {
        InterchangeStep.RECEIVED: 2,
        InterchangeStep.REFUSED: 1,
    }
    assert stocked.count_events("document.received") == sum(documents.values())
    assert stocked.count_events("interchange.received") == sum(flows.values())
    assert stocked.count_events("nothing") == 0


def test_events_of_a_flow_are_those_of_all_that_lies_inside(stocked: SqlLedger) -> None:
    """In the order in which they happened; those of one document are its own."""
    a = flow("a.xml")

    assert whats(stocked, a.id) == [
        "interchange.received",
        "document.received",
        "document.received",
        "document.accepted",
        "document.rejected",
        "outbox.pending",
    ]
    assert whats(stocked, document_id(a.id, 2)) == ["document.received", "document.rejected"]
    assert whats(stocked, "F0") == []


def test_what_nobody_recorded_is_not_found(ledger: SqlLedger) -> None:
    """None, not an error."""
    assert ledger.interchange("F0") is None
    assert ledger.document("F0-0001") is None
    assert ledger.report(DocumentId("F0-0001")) is None
