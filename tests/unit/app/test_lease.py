"""A lease is renewed while its work goes on, and tells who acts on it that it is lost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from pipeline.app.lease import Keeper, Lease
from pipeline.model.errors import Fenced, LedgerConflict
from pipeline.ports.ledger import Claim
from tests.clocks import SetClock

MINUTE = timedelta(minutes=1)
ONE, OTHER = Claim("one", 1), Claim("other", 1)


class Rows:
    """What a ledger would say of claims: `taken` are another worker's by now."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []
        self.taken: set[str] = set()
        self.away = False

    def renew(self, claims: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        self.asked.append(until)
        if self.away:
            raise LedgerConflict("no answer")
        return [claim for claim in claims if claim.subject not in self.taken]


def held(clock: SetClock, rows: Rows, span: timedelta = MINUTE) -> Lease:
    """Hold two claims from now on."""
    return Lease(
        (ONE, OTHER),
        clock.now() + span,
        span=span,
        clock=clock,
        renew=rows.renew,
        keeper=Keeper(),
    )


def test_within_its_time_the_ledger_is_not_asked() -> None:
    """A look before each file must cost nothing."""
    clock, rows = SetClock(), Rows()
    with held(clock, rows) as lease:
        clock.sleep(45)
        lease.check("one")
        lease.check()

    assert rows.asked == []


def test_near_its_end_it_is_renewed_before_it_is_trusted() -> None:
    """Whoever slept for long learns now what became of its claims."""
    clock, rows = SetClock(), Rows()
    with held(clock, rows) as lease:
        clock.sleep(3600)
        rows.taken = {"one"}

        lease.check("other")
        with pytest.raises(Fenced, match="one"):
            lease.check("one")
        lease.check()

        assert (lease.holds("one"), lease.holds("other")) == (False, True)
        assert rows.asked == [clock.now() + MINUTE]
        clock.sleep(3600)
        rows.taken = {"one", "other"}
        with pytest.raises(Fenced):
            lease.check()


def test_a_ledger_that_does_not_answer_leaves_it_untold() -> None:
    """Nobody acts on a claim that may be another's, nor is it given up."""
    clock, rows = SetClock(), Rows()
    with held(clock, rows) as lease:
        clock.sleep(3600)
        rows.away = True
        with pytest.raises(LedgerConflict):
            lease.check("one")

        rows.away = False
        lease.check("one")


def test_the_keeper_renews_in_time_and_stops_at_the_end() -> None:
    """Work may take longer than a lease; what is done is left alone."""
    rows = Rows()
    with capture_logs() as logs, held(SetClock(), rows, timedelta(seconds=0.15)):
        wait_for(rows, 2)
        rows.away = True
        wait_for(rows, 4)
    asked = len(rows.asked)
    time.sleep(0.2)

    assert len(rows.asked) == asked
    assert {line["event"] for line in logs} == {"lease.not_renewed"}


def wait_for(rows: Rows, count: int) -> None:
    """Wait until the claims were renewed so often."""
    end = time.monotonic() + 20
    while len(rows.asked) < count:
        assert time.monotonic() < end, "nobody renewed it"
        time.sleep(0.01)
