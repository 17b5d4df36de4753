"""The machine's clock was set: what waits goes on waiting for as long as it should.

A file that has stood in a folder for a minute has not stood there for a day because the
clock says so; a file that is due in a minute is not due in an hour. So what was written
down by the old time is moved, and somebody is told, since events and answers bear the
times that the clock told.
"""

from __future__ import annotations

from datetime import timedelta

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.model.event import Fact

log = get_logger(__name__)

#: A clock that is a little off is put right by the machine, and nobody needs to know.
UNNOTICED = timedelta(seconds=10)


def follow(hub: Hub, by: timedelta) -> None:
    """Put right what was written down before the clock was set, and tell of it."""
    now, seconds = hub.clock.now(), round(by.total_seconds(), 3)
    log.error("clock.set", seconds=seconds)
    fact = Fact(at=now, subject="clock", what="clock.set", by=hub.by, data={"seconds": seconds})
    hub.ledger.follow_clock(by, now + hub.settings.lease, fact)


def follow_record(hub: Hub) -> None:
    """Do so where the record says that it is later than the clock does.

    A clock that was set forward while no hub was running cannot be told from time that
    has passed.
    """
    newest = hub.ledger.newest_event()
    if newest is not None and newest - hub.clock.now() > UNNOTICED:
        follow(hub, hub.clock.now() - newest)
