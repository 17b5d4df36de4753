"""A run that fails gives back what it holds, and not only once its process ends."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.app.pull import pull
from pipeline.app.work import Desk
from pipeline.ports.failpoint import arm, disarm
from tests.hubs import MINUTE, invoice, opened

LEASE = timedelta(seconds=0.6)


def test_a_flow_that_is_judged_while_its_run_fails_is_claimed_by_the_next(tmp_path: Path) -> None:
    """The run goes, its desk with it, and a thread still judges: nobody keeps that claim alive."""
    with opened(tmp_path) as world:
        hub = replace(world.hub, settings=replace(world.hub.settings, lease=LEASE))
        world.drop("caterer", "1.xml", invoice("F1"))
        world.clock.move(MINUTE)
        sheets = hub.ledger.sheets()
        pull(hub, sheets.connections["caterer"])
        desk = Desk(hub, sheets)

        def fail(name: str) -> None:
            if name == "work.judged":
                desk.__exit__()

        arm(fail)
        with pytest.raises(RuntimeError):
            desk.step()
        disarm()
        world.clock.move(2 * LEASE)
        time.sleep(LEASE.total_seconds())  # by the clock that renewals go by

        assert hub.ledger.any_to_judge(world.clock.now())
