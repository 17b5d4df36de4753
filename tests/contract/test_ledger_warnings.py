"""The ledger's contract: a warning is given once, whoever gives it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.open import open_ledger
from pipeline.model.event import Fact

pytestmark = pytest.mark.contract

NOW = datetime(2026, 10, 5, 8, tzinfo=UTC)


def test_a_warning_is_noted_once(ledger: SqlLedger) -> None:
    """The nearest of those given is told back; of another end nothing is known."""
    with ledger.transaction() as tx:
        first = [tx.warn_once("a", 90, NOW), tx.warn_once("a", 90, NOW)]
    with ledger.transaction() as tx:
        later = [tx.warn_once("a", 30, NOW), tx.warn_once("a", 90, NOW), tx.warn_once("b", 7, NOW)]

    assert (first, later) == ([True, False], [True, False, True])
    assert ledger.warned() == {"a": 30, "b": 7}


def test_a_warning_that_did_not_commit_was_not_given(ledger: SqlLedger) -> None:
    """Its letters are not there either."""

    def interrupted() -> None:
        with ledger.transaction() as tx:
            tx.warn_once("a", 90, NOW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert ledger.warned() == {}


def test_of_two_processes_one_gives_it(ledger: SqlLedger, database: Any) -> None:
    """Whoever comes second waits for the first, and finds it given."""
    second = open_ledger(database.url)
    given: list[str] = []
    begun = threading.Event()

    def warn(by: SqlLedger, name: str, *, wait: bool) -> None:
        with by.transaction() as tx:
            if tx.warn_once("a", 90, NOW):
                tx.append(Fact(at=NOW, subject="a", what="warned", by=name, data={}))
                given.append(name)
            begun.set()
            if wait:
                threading.Event().wait(0.2)

    thread = threading.Thread(target=warn, args=(ledger, "first"), kwargs={"wait": True})
    thread.start()
    begun.wait(5)
    warn(second, "second", wait=False)
    thread.join()
    second.close()

    assert given == ["first"]
    assert ledger.count_events("warned") == 1
