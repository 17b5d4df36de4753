"""What becomes of a file that could not be put."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.model.connection import RetryPolicy
from pipeline.model.errors import (
    ConnectError,
    EngineError,
    HostKeyMismatch,
    MasterKeyMissing,
    NameTaken,
    PipelineError,
)
from pipeline.model.identity import InterchangeId, OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState
from pipeline.route.retry import after_failure

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = RetryPolicy((MINUTE, 5 * MINUTE, 30 * MINUTE))
DELIVERY = OutboxRow(
    key=OutboxKey("D1"),
    kind=OutboxKind.DELIVERY,
    interchange=InterchangeId("F1"),
    connection="ville",
    name="a.xml",
    due=NOON,
)
ANSWER = replace(DELIVERY, key=OutboxKey("A1"), kind=OutboxKind.ACKNOWLEDGEMENT)
AWAY = ConnectError("ville", "connection refused")
FOR_GOOD = [
    pytest.param(NameTaken("ville", "out/a.xml", "other bytes"), id="name-taken"),
]


def fail(row: OutboxRow, times: int, error: PipelineError = AWAY) -> list[datetime | OutboxState]:
    """Let a row fail at each moment it is due; tell when it is due next, or how it ended."""
    told: list[datetime | OutboxState] = []
    for _ in range(times):
        row, state = after_failure(row, error, POLICY, row.due)
        told.append(state or row.due)
    return told


def test_a_delivery_is_tried_again_after_each_agreed_wait_and_then_abandoned() -> None:
    """The first try and one for each wait; then a person must act."""
    assert fail(DELIVERY, 4) == [
        NOON + MINUTE,
        NOON + 6 * MINUTE,
        NOON + 36 * MINUTE,
        OutboxState.ABANDONED,
    ]


@pytest.mark.parametrize("error", FOR_GOOD)
def test_a_delivery_that_time_cannot_heal_is_abandoned_at_once(error: PipelineError) -> None:
    """To try again would do harm, or nothing."""
    row, state = after_failure(DELIVERY, error, POLICY, NOON)

    assert state is OutboxState.ABANDONED
    assert row == replace(DELIVERY, attempts=1, error=f"{error.code}: {error}")


def test_an_answer_is_tried_for_ever_at_the_last_wait() -> None:
    """A sender without an answer would send again."""
    assert fail(ANSWER, 5) == [
        NOON + MINUTE,
        NOON + 6 * MINUTE,
        NOON + 36 * MINUTE,
        NOON + 66 * MINUTE,
        NOON + 96 * MINUTE,
    ]


@pytest.mark.parametrize("error", FOR_GOOD)
def test_an_answer_outlives_what_time_cannot_heal(error: PipelineError) -> None:
    """An operator puts the world right, and the answer leaves."""
    assert fail(ANSWER, 2, error) == [NOON + MINUTE, NOON + 6 * MINUTE]


def test_a_failed_attempt_is_counted_and_says_why() -> None:
    """The wait runs from the failure, not from when the row was due."""
    late = NOON + timedelta(hours=3)

    row, state = after_failure(DELIVERY, AWAY, POLICY, late)

    assert state is None
    assert row == replace(
        DELIVERY, attempts=1, due=late + MINUTE, error="CONNECT: ville: connection refused"
    )


def test_a_door_that_somebody_can_mend_is_tried_again() -> None:
    """A changed host key is no fault of the file: it waits like any other trouble."""
    mismatch = HostKeyMismatch("ville", "one", "other")

    assert fail(DELIVERY, 4, mismatch) == [
        NOON + MINUTE,
        NOON + 6 * MINUTE,
        NOON + 36 * MINUTE,
        OutboxState.ABANDONED,
    ]


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        pytest.param(MasterKeyMissing("old.key"), "MASTER_KEY: old.key", id="master-key"),
        pytest.param(EngineError("exit code 1"), "ENGINE: exit code 1", id="engine"),
    ],
)
def test_what_fails_on_our_side_uses_up_no_attempt(ours: PipelineError, told: str) -> None:
    """Nothing was tried at the partner's; it may go on so until somebody restarts us."""
    row = replace(DELIVERY, attempts=3)

    for _ in range(9):
        row, state = after_failure(row, ours, POLICY, row.due)
        assert (row.attempts, state) == (3, None)

    assert row.error == told
    assert row.due == NOON + 9 * timedelta(minutes=30)
    assert after_failure(row, AWAY, POLICY, row.due)[1] is OutboxState.ABANDONED
