"""Slots of scheduled jobs, and pauses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from pipeline.adapters.database.codec import dump
from pipeline.adapters.database.rows import Values
from pipeline.adapters.database.statements import ADD_PAUSE, ADD_RUN
from pipeline.adapters.database.tables import job_run, pause
from pipeline.model.run import JobRun, Pause, RunState


def begin(connection: Connection, runs: Sequence[JobRun]) -> list[JobRun]:
    """Write the rows whose slot nobody has yet; return those that were written."""
    statement = ADD_RUN[connection.dialect.name]
    # in one order for everybody, so that no two wait for each other
    ordered = sorted(runs, key=lambda run: (run.job, run.slot))
    return [one for one in ordered if connection.execute(statement, _values(one)).rowcount]


def end(connection: Connection, runs: Sequence[JobRun]) -> None:
    """Write how started passes ended."""
    for one in runs:
        connection.execute(
            update(job_run)
            .where(
                job_run.c.job == one.job,
                job_run.c.slot == one.slot,
                job_run.c.run == one.run,
                job_run.c.state == RunState.STARTED.value,
            )
            .values(_values(one))
        )


def break_off(connection: Connection, at: datetime, reason: str) -> int:
    """Mark every pass that was begun and never ended as failed; return how many."""
    statement = (
        update(job_run)
        .where(job_run.c.state == RunState.STARTED.value)
        .values(state=RunState.FAILED.value, ended_at=at, reason=reason)
    )
    return connection.execute(statement).rowcount


def last_slots(connection: Connection) -> Mapping[str, datetime]:
    """Return the newest slot of every job."""
    statement = select(job_run.c.job, func.max(job_run.c.slot)).group_by(job_run.c.job)
    return {job: slot for job, slot in connection.execute(statement).all()}  # noqa: C416  rows are no pairs to mypy


def find(connection: Connection, job: str | None, run: str | None, limit: int) -> list[JobRun]:
    """Return passes, newest first."""
    statement = select(job_run)
    if job is not None:
        statement = statement.where(job_run.c.job == job)
    if run is not None:
        statement = statement.where(job_run.c.run == run)
    newest = statement.order_by(job_run.c.started_at.desc(), job_run.c.job, job_run.c.slot.desc())
    return [_run_of(row) for row in connection.execute(newest.limit(limit))]


def forget(connection: Connection, before: datetime) -> int:
    """Remove passes that ended well before a moment, but for the newest of each job."""
    own = job_run.alias("own")
    newest = select(func.max(job_run.c.slot)).where(job_run.c.job == own.c.job).scalar_subquery()
    old = select(own.c.job, own.c.slot).where(
        own.c.state == RunState.DONE.value, own.c.slot < before, own.c.slot < newest
    )
    removed = 0
    for job, slot in connection.execute(old).all():
        statement = delete(job_run).where(job_run.c.job == job, job_run.c.slot == slot)
        removed += connection.execute(statement).rowcount
    return removed


def pauses(connection: Connection) -> list[Pause]:
    """Return what is paused, by partner."""
    rows = connection.execute(select(pause).order_by(pause.c.partner))
    return [
        Pause(partner=row.partner, since=row.since, by=row.actor, reason=row.reason)
        for row in rows
    ]


def set_pause(connection: Connection, one: Pause) -> bool:
    """Write a pause; False where it stands already."""
    values = {
        "partner": one.partner,
        "since": one.since,
        "actor": one.by,
        "reason": one.reason,
    }
    return bool(connection.execute(ADD_PAUSE[connection.dialect.name], values).rowcount)


def lift_pause(connection: Connection, partner: str) -> bool:
    """Remove a pause; False where there is none."""
    return bool(connection.execute(delete(pause).where(pause.c.partner == partner)).rowcount)


def _values(one: JobRun) -> Values:
    return {
        "job": one.job,
        "slot": one.slot,
        "run": one.run,
        "state": one.state.value,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "reason": one.reason,
        "summary": dump(dict(one.summary)),
    }


def _run_of(row: Row[Any]) -> JobRun:
    return JobRun(
        job=row.job,
        slot=row.slot,
        run=row.run,
        state=RunState(row.state),
        started_at=row.started_at,
        ended_at=row.ended_at,
        reason=row.reason,
        summary=json.loads(row.summary),
    )
