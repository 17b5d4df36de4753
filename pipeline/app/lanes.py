"""Do the same small act on many remote files, over as many transports as were agreed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.app.hub import Hub
from pipeline.model.connection import Connection
from pipeline.model.errors import FileChanged, FileTooLarge, NameTaken, PipelineError
from pipeline.ports.outside import Session

T = TypeVar("T")
R = TypeVar("R")
Act = Callable[[Hub, Connection, Session, T], R]

#: Fewer files than this are not worth another login.
_WORTH_A_LANE = 8
#: Trouble of one file, after which its session can be trusted as before.
_OF_THE_FILE = (FileChanged, FileTooLarge, NameTaken)


def in_lanes(
    hub: Hub, connection: Connection, items: Sequence[T], act: Act[T, R]
) -> list[R | PipelineError]:
    """Return what `act` gave for each item, in order; an error is a result like others.

    Args:
        hub: Passed on.
        connection: Its `door.transports` bounds how many sessions work side by side.
        items: What to act on.
        act: Called once an item, with one session at a time to itself.
    """
    count = max(1, min(connection.door.transports, len(items) // _WORTH_A_LANE))
    if count == 1:
        return _one_by_one(hub, connection, items, act)
    results: list[R | PipelineError] = [PipelineError("not tried")] * len(items)
    with ThreadPoolExecutor(max_workers=count) as pool:
        lanes = [
            pool.submit(_one_by_one, hub, connection, items[start::count], act)
            for start in range(count)
        ]
        for start, lane in enumerate(lanes):
            results[start::count] = lane.result()
    return results


def _one_by_one(
    hub: Hub, connection: Connection, items: Sequence[T], act: Act[T, R]
) -> list[R | PipelineError]:
    """Act on items with one session, and with a new one after trouble that was not the file's."""
    results: list[R | PipelineError] = []
    rest = deque(items)
    while rest:
        logged_in = False
        try:
            with hub.doors.open(connection) as session:
                logged_in = True
                while rest:
                    results.append(_act(hub, connection, session, rest[0], act))
                    rest.popleft()
        except PipelineError as error:
            failed = 1 if logged_in else len(rest)
            results.extend([error] * failed)
            for _ in range(failed):
                rest.popleft()
    return results


def _act(
    hub: Hub, connection: Connection, session: Session, item: T, act: Act[T, R]
) -> R | PipelineError:
    try:
        return act(hub, connection, session, item)
    except _OF_THE_FILE as error:
        return error
