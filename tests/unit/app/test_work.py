"""Which of two flows that resemble one another came first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.app.work import comes_before
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.status import InterchangeStep as Step

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def flow(name: str, step: Step, minutes: int, first: str | None = None) -> Interchange:
    """Return a flow received some minutes after noon."""
    return Interchange(
        id=InterchangeId(name),
        connection="caterer",
        partner="caterer",
        name=name,
        size=1,
        mtime=1,
        sha256="0" * 64,
        received_at=NOON + timedelta(minutes=minutes),
        step=step,
        first=InterchangeId(first) if first else None,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (flow("a", Step.RECEIVED, 0), flow("z", Step.RECEIVED, 1)),
        (flow("a", Step.RECEIVED, 0), flow("z", Step.RECEIVED, 0)),
        (flow("z", Step.CLOSED, 9), flow("a", Step.RECEIVED, 0)),
        (flow("z", Step.HELD, 9), flow("a", Step.RECEIVED, 0)),
        (flow("z", Step.REFUSED, 9), flow("a", Step.RECEIVED, 0)),
        (flow("z", Step.OPENED, 9), flow("a", Step.HELD, 0)),
        (flow("a", Step.HELD, 0), flow("z", Step.HELD, 1)),
        (flow("a", Step.REFUSED, 0), flow("z", Step.HELD, 1)),
        (flow("z", Step.HELD, 9), flow("a", Step.DUPLICATE, 0, first="z")),
    ],
)
def test_one_of_two_comes_first(one: Interchange, other: Interchange) -> None:
    """What was decided on does, and else what was received first; never each of the two."""
    assert comes_before(one, other)
    assert not comes_before(other, one)
