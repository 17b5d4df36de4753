"""Two months of invoices, played by files alone, end on both sides as their table says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.entry.two_months.parties import PARTIES
from pipeline.entry.two_months.story import STORY, Row
from pipeline.model.life import Actor, Circuit
from pipeline.model.outbox import OutboxKind

#: What the story is to show at least.
MOST_STATUSES, LEAST_INVOICES = 10, 40
TAKEN = [row for row in STORY if not row.refused]
REFUSED = [row for row in STORY if row.refused]


@pytest.mark.slow
def test_two_months_of_files_end_as_their_table_says(
    edi: Callable[..., Any], tmp_path: Path
) -> None:
    """Each invoice where its row has it, by the ledger and by what each side read and said."""
    ran = edi("demo", "--scenario", "life-cycle", "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert told["consistent"] is True
    ends = {row.number: row.final.value for row in TAKEN if row.final}
    for seen in ("final_status", "supplier_sees", "recipient_sees"):
        assert {one["number"]: one[seen] for one in told["documents"]} == ends
    assert [(one["number"], one["code"], one["read"]) for one in told["refused"]] == [
        (row.number, row.refused, True) for row in REFUSED
    ]
    _holds_what_was_done(told)
    _was_done_by_files(tmp_path / "var/demo")


def _holds_what_was_done(told: dict[str, Any]) -> None:
    """Every act of the table is a line of the history, by that partner, on that day."""
    lines = {one["number"]: one["history"] for one in told["documents"]}
    begins = min(datetime.fromisoformat(one["at"]) for each in lines.values() for one in each)
    for row in TAKEN:
        done = [(one["event"], _day(one["at"], begins.date())) for one in lines[row.number]]
        wanted = [(act.event.value, act.day) for act in row.acts]
        assert [one for one in wanted if one not in done] == [], row.number
        assert done[0] == ("deposit", row.day)
        moments = [one["at"] for one in lines[row.number]]
        assert moments == sorted(moments)


def _day(moment: str, first: date) -> int:
    return (datetime.fromisoformat(moment).date() - first) // timedelta(days=1) + 1


def _was_done_by_files(home: Path) -> None:
    """By everybody but an operator, on every circuit; nothing was told twice or left unread."""
    with bootstrap.reading(bootstrap.workspace(home)) as ledger:
        taken = [one for row in TAKEN for one in ledger.invoices_numbered([row.number])]
        lives = ledger.lives([one.id for one in taken])
        lines = [line for one in lives for line in ledger.history(one)]
        by = {event.fact.by for event in ledger.events() if event.fact.what.startswith("life.")}
        told = [row for row in ledger.outbox() if row.kind is OutboxKind.STATUS]
    assert {line.actor for line in lines} == set(Actor)
    assert {one.circuit for one in lives.values()} == set(Circuit)
    assert by
    assert not [one for one in by if one.startswith("operator:")]
    assert len({(row.connection, row.name) for row in told}) == len(told) > len(TAKEN)
    left = [path for name in PARTIES for path in (home / "sftp" / name / "in").iterdir()]
    assert left == []


def test_the_table_shows_every_kind_of_end() -> None:
    """Enough invoices, of every supplier and recipient, enough ends, enough refusals."""
    ends = Counter(row.final for row in TAKEN)

    assert len(STORY) >= LEAST_INVOICES
    assert len(ends) >= MOST_STATUSES
    assert len({row.refused for row in REFUSED}) > 3
    assert {name for row in TAKEN for name in (row.supplier, row.recipient)} <= set(PARTIES)
    suppliers = {name for name, party in PARTIES.items() if party.vat}
    assert {row.supplier for row in TAKEN} == suppliers
    assert max(act.day for row in TAKEN for act in row.acts) > 40
    numbers = Counter(row.number for row in TAKEN)
    assert [number for number, count in numbers.items() if count > 1] == []


def test_days_of_a_row_come_in_order() -> None:
    """Nothing is said of an invoice before it is there."""

    def days(row: Row) -> list[int]:
        return [row.day, *(act.day for act in row.acts)]

    assert [row.number for row in STORY if days(row) != sorted(set(days(row)))] == []
