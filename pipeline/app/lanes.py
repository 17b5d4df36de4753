"""Do the same small act on many remote files, over as many transports as were agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TypeVar

from pipeline.app.hub import Hub
from pipeline.model.connection import Connection
from pipeline.model.errors import PipelineError
from pipeline.ports.outside import Session

T = TypeVar("T")
R = TypeVar("R")
Act = Callable[[Hub, Connection, Session, T], R]

#: Fewer files than this are not worth another login.
_WORTH_A_LANE = 8


def in_lanes(
    hub: Hub, connection: Connection, items: Sequence[T], act: Act[T, R], *, first: Session
) -> list[R | PipelineError]:
    """Return what `act` gave for each item, in order; an error is a result like others.

    Args:
        hub: Passed on.
        connection: Its `door.transports` bounds how many sessions work side by side.
        items: What to act on.
        act: Called once an item, with one session at a time to itself.
        first: A session already open; others are opened when there is enough to do.
    """
    count = max(1, min(connection.door.transports, len(items) // _WORTH_A_LANE))
    lanes = [items[start::count] for start in range(count)]

    def others(lane: Sequence[T]) -> list[R | PipelineError]:
        try:
            with hub.doors.open(connection) as session:
                return _one_by_one(hub, connection, session, lane, act)
        except PipelineError as error:
            return list(repeat(error, len(lane)))

    results: list[R | PipelineError] = [PipelineError("not tried")] * len(items)
    with ThreadPoolExecutor(max_workers=count) as pool:
        running = [pool.submit(others, lane) for lane in lanes[1:]]
        results[0::count] = _one_by_one(hub, connection, first, lanes[0], act)
        for start, lane in enumerate(running, 1):
            results[start::count] = lane.result()
    return results


def _one_by_one(
    hub: Hub, connection: Connection, session: Session, items: Sequence[T], act: Act[T, R]
) -> list[R | PipelineError]:
    results: list[R | PipelineError] = []
    for item in items:
        try:
            results.append(act(hub, connection, session, item))
        except PipelineError as error:
            results.append(error)
    return results
