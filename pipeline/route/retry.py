"""What becomes of a file that could not be put; sleeping and saving are someone else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.model.connection import RetryPolicy
from pipeline.model.errors import (
    EngineError,
    MasterKeyMissing,
    NotCarried,
    PipelineError,
    TransferError,
)
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState


def after_failure(
    row: OutboxRow, error: PipelineError, policy: RetryPolicy, now: datetime
) -> tuple[OutboxRow, OutboxState | None]:
    """Decide what becomes of an outbox row after one failed attempt.

    Args:
        row: The row as it was attempted.
        error: What went wrong. Trouble with the file itself that will not pass (its
            name is taken) is not tried again; trouble with the door is, since somebody
            can mend it: a key, a pin, a server.
        policy: The waits agreed for this connection.
        now: The moment of the failure (aware, UTC).

    Returns:
        The row with its attempt counted, and its next state: None to stay pending
        and be tried again when due, or abandoned. An acknowledgement is never
        abandoned: a sender without an answer would send again. A copy that cannot be made
        has said what it was made for: it is not tried again. Where this process does
        not know a master key, or its rule engine stopped before it could judge what is to
        leave, nothing was attempted at the partner's, and no attempt is counted.
    """
    if isinstance(error, MasterKeyMissing | EngineError):
        return replace(row, error=f"{error.code}: {error}", due=now + _wait(row, policy)), None
    tried = replace(row, attempts=row.attempts + 1, error=f"{error.code}: {error}")
    hopeless = isinstance(error, TransferError) and not error.transient
    spent = hopeless or row.attempts >= len(policy.waits)
    if row.kind is OutboxKind.COPY and isinstance(error, NotCarried):
        return tried, OutboxState.ABANDONED
    if spent and row.kind in {OutboxKind.DELIVERY, OutboxKind.COPY}:
        return tried, OutboxState.ABANDONED
    return replace(tried, due=now + _wait(row, policy)), None


def _wait(row: OutboxRow, policy: RetryPolicy) -> timedelta:
    return policy.waits[min(row.attempts, len(policy.waits) - 1)]
