"""Do the same small act on many remote files, over as many transports as were agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.app.hub import Hub
from pipeline.model.connection import Connection
from pipeline.model.errors import PipelineError, TransferError
from pipeline.ports.outside import Session

T = TypeVar("T")
R = TypeVar("R")
Act = Callable[[Hub, Connection, Session, T], R]

#: Fewer files than this are not worth another login.
_WORTH_A_LANE = 8


def in_lanes(
    hub: Hub, connection: Connection, items: Sequence[T], act: Act[T, R]
) -> list[R | PipelineError]:
    """Return what `act` gave for each item, in order; an error is a result like others.

    Args:
        hub: Its doors must keep sessions (`app.sessions`): one is asked for each item.
        connection: Its `door.transports` bounds how many sessions work side by side.
        items: What to act on.
        act: Called once an item, with one session at a time to itself.
    """
    count = max(1, min(connection.door.transports, len(items) // _WORTH_A_LANE))

    def one_by_one(start: int) -> list[R | PipelineError]:
        return [_tried(hub, connection, item, act) for item in items[start::count]]

    if count == 1:
        return one_by_one(0)
    results: list[R | PipelineError] = [PipelineError("not tried")] * len(items)
    with ThreadPoolExecutor(max_workers=count) as pool:
        for start, lane in enumerate([pool.submit(one_by_one, n) for n in range(count)]):
            results[start::count] = lane.result()
    return results


def _tried(hub: Hub, connection: Connection, item: T, act: Act[T, R]) -> R | PipelineError:
    try:
        with hub.doors.open(connection) as session:
            try:
                return act(hub, connection, session, item)
            except TransferError as error:
                return error  # trouble of the file: its session is as good as before
    except PipelineError as error:
        return error
