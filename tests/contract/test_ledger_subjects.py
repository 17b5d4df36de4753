"""Every row beside its events: nothing that was done to one of them hides another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.model.document import Document
from pipeline.model.identity import document_id, interchange_id, outbox_key
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Ledger, Subject

pytestmark = pytest.mark.contract

NOW = datetime(2025, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def flow(number: int) -> Interchange:
    """Return a file as received."""
    name, digest = f"{number}.xml", f"{number:064x}"
    return Interchange(
        id=interchange_id("baker", name, digest, 0),
        connection="baker",
        partner="Baker",
        name=name,
        size=number,
        mtime=0,
        sha256=digest,
        received_at=NOW + timedelta(seconds=number),
    )


def inside(one: Interchange) -> Document:
    """Return the only document of a flow."""
    return Document(
        id=document_id(one.id, 1),
        interchange=one.id,
        seq=1,
        name=one.name,
        size=one.size,
        sha256=one.sha256,
    )


def leaving(one: Interchange) -> OutboxRow:
    """Return the delivery of that document."""
    return OutboxRow(
        key=outbox_key("delivery", one.id, "city", inside(one).id),
        kind=OutboxKind.DELIVERY,
        interchange=one.id,
        connection="city",
        name=one.name,
        due=NOW,
        documents=(inside(one).id,),
    )


def take_in(ledger: Ledger, number: int) -> None:
    """Record one flow, open it, accept its document, enqueue its delivery."""
    one = flow(number)
    with ledger.transaction() as tx:
        tx.record(one, "run:1")
        tx.move_interchange(one, InterchangeStep.OPENED, by="run:1", at=NOW)
        tx.add_documents([(inside(one), None)], "run:1", NOW)
        tx.move_documents([inside(one)], Step.ACCEPTED, by="run:1", at=NOW)
        tx.enqueue(leaving(one), "run:1", NOW)


def whats(subject: Subject) -> list[str]:
    """Return the names of a subject's events."""
    return [fact.what for fact in subject.facts]


def test_each_row_comes_with_what_happened_to_it(ledger: SqlLedger) -> None:
    """As it stands, its events in order."""
    take_in(ledger, 1)
    one = flow(1)

    found = [(one.kind, one.id, one.row, one.trouble, whats(one)) for one in ledger.subjects()]

    opened = replace(one, step=InterchangeStep.OPENED)
    accepted = replace(inside(one), step=Step.ACCEPTED)
    sent = leaving(one)
    assert found == [
        ("interchange", one.id, opened, "", ["interchange.received", "interchange.opened"]),
        ("document", accepted.id, accepted, "", ["document.received", "document.accepted"]),
        ("outbox", sent.key, sent, "", ["outbox.pending"]),
    ]
    assert ledger.count_events() == 5


def test_an_empty_ledger_has_no_subjects(ledger: SqlLedger) -> None:
    """Nothing was received."""
    assert (list(ledger.subjects()), ledger.count_events()) == ([], 0)


@pytest.mark.parametrize(
    ("table", "key", "column", "said"),
    [
        ("interchange", lambda one: one.id, "step", "'zzz' is not a valid InterchangeStep"),
        ("document", lambda one: inside(one).id, "header", "not a stored RoutingHeader"),
        ("outbox", lambda one: leaving(one).key, "envelope", "'zzz' is not a valid Envelope"),
    ],
    ids=["interchange", "document", "outbox"],
)
def test_rows_that_cannot_be_read_hide_no_other(
    database: Any,
    ledger: SqlLedger,
    table: str,
    key: Callable[[Interchange], str],
    column: str,
    said: str,
) -> None:
    """Two broken ones among more than are held at once."""
    for number in range(130):
        take_in(ledger, number)
    broken = sorted([key(flow(7)), key(flow(120))])
    name = "key" if table == "outbox" else "id"

    for one in broken:
        database.sql(f"UPDATE {table} SET {column} = 'zzz' WHERE {name} = '{one}'")

    found = [one for one in ledger.subjects() if one.kind == table]
    assert len({one.id for one in found}) == len(found) == 130
    troubled = sorted((one for one in found if one.trouble), key=lambda one: one.id)
    assert [(one.id, one.row) for one in troubled] == [(one, None) for one in broken]
    assert all(said in one.trouble for one in troubled)
    assert all(one.row is not None for one in found if not one.trouble)
    assert all(one.facts for one in found)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["DELETE FROM event"], [("interchange", True, 0)]),
        (["DELETE FROM interchange"], [("interchange", False, 1)]),
        (["DELETE FROM event", "DELETE FROM interchange"], []),
    ],
)
def test_a_row_or_its_events_may_be_missing(
    database: Any,
    ledger: SqlLedger,
    statements: Sequence[str],
    expected: Sequence[tuple[str, bool, int]],
) -> None:
    """Each is found without the other."""
    with ledger.transaction() as tx:
        tx.record(flow(1), "run:1")

    for statement in statements:
        database.sql(statement)

    found = [(one.kind, one.row is not None, len(one.facts)) for one in ledger.subjects()]
    assert found == expected


def test_subjects_are_those_of_one_moment_while_others_write(ledger: SqlLedger) -> None:
    """A check beside a running hub raises no false alarm."""
    for number in range(40):
        take_in(ledger, number)

    def write_on() -> None:
        for number in range(40, 100):
            take_in(ledger, number)

    writer = Thread(target=write_on)
    writer.start()
    counts: list[dict[str, int]] = []
    halves: list[Subject] = []
    while writer.is_alive():
        found = list(ledger.subjects())
        kinds = [one.kind for one in found]
        counts.append({kind: kinds.count(kind) for kind in kinds})
        halves += [one for one in found if one.row is None or not one.facts]
    writer.join()

    assert len(counts) > 1
    assert halves == []
    assert [one for one in counts if len(set(one.values())) != 1] == []
