"""Two months of invoices, played by files alone, end where the story says, on both sides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.entry.two_months.story import STORY
from pipeline.model.life import Actor, Circuit, Status
from pipeline.model.outbox import OutboxKind


@pytest.mark.slow
def test_two_months_end_where_the_story_says(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Every invoice, by ledger, supplier and recipient; nobody typed a verb."""
    ran = edi("demo", "--scenario", "life-cycle", "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert told["consistent"] is True
    expected = {row.number: row.final.value for row in STORY if row.final}
    assert {one["number"]: one["final_status"] for one in told["documents"]} == expected
    assert [one["code"] for one in told["refused"]] == [
        row.refused for row in STORY if row.refused
    ]
    assert len(expected) + len(told["refused"]) >= 40
    assert len(set(expected.values())) >= 10
    for one in told["documents"]:
        moments = [datetime.fromisoformat(line["at"]) for line in one["history"]]
        assert one["history"][0]["status"] == "DEPOSEE"
        assert all(line["by"] for line in one["history"])
        assert max(moments) - min(moments) < _TWO_MONTHS
    _compare_with_the_ledger(tmp_path / "var/demo", expected)


_TWO_MONTHS = datetime(2026, 11, 1) - datetime(2026, 9, 1)  # noqa: DTZ001  # a length


def _compare_with_the_ledger(home: Path, expected: dict[str, str]) -> None:
    """Look for circuits, for what partners said, and for a second copy of what was told."""
    with bootstrap.reading(bootstrap.workspace(home)) as ledger:
        by = {event.fact.by for event in ledger.events() if event.fact.what.startswith("life.")}
        invoices = [one for number in expected for one in ledger.invoices_numbered([number])]
        lives = ledger.lives([one.id for one in invoices])
        lines = [line for one in lives for line in ledger.history(one)]
        rows = [row for row in ledger.outbox() if row.kind is OutboxKind.STATUS]
    assert not [one for one in by if one.startswith("operator:")]
    circuits = {one.circuit for one in lives.values()}
    assert circuits >= {
        Circuit.DIRECT,
        Circuit.SUBCONTRACT,
        Circuit.SUBCONTRACT_TWICE,
        Circuit.COCONTRACT,
        Circuit.WORKS_TWICE,
    }
    assert {line.actor for line in lines} == set(Actor)
    assert {line.after for line in lines} >= {
        Status.ABSENCE_VALIDATION_1_HORS_DELAI,
        Status.A_RECYCLER,
        Status.COMPLETEE,
        Status.VALIDEE_2,
    }
    assert len({(row.connection, row.name) for row in rows}) == len(rows)


def test_the_story_can_be_played() -> None:
    """Every row bills somebody known, in order of days; on all circuits, to enough ends."""
    ends = {row.final for row in STORY if row.final}

    assert len({row.number for row in STORY if row.final}) >= 40
    assert len(ends) >= 10
    assert {row.frame for row in STORY} >= {"A9", "S3", "S6", "A12", "A4", "A7"}
