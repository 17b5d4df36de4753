"""Each kind of difference, made for real: found, put right where it can be, found no more."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.app.caretaker import RECONCILE, Caretaker, report
from pipeline.app.deliver import deliver
from pipeline.app.hub import Hub
from pipeline.app.pull import pull
from pipeline.app.reconcile import Reconciled, look_for_differences, put_right
from pipeline.app.sessions import Sessions
from pipeline.model.difference import FOR_A_PERSON, Kind
from pipeline.model.document import Document
from pipeline.model.gauge import Gauge
from pipeline.model.identity import InterchangeId, OutboxKey, document_id, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.run import EVERYBODY, Pause
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query
from pipeline.ports.outside import Clock

BY = "run:before"
ALL = Query()
STRANGE = "F0123456789ABCDEF"
FLOW = "CSO1100A_SUP001_CPP0011100000000000000012"


class LaterClock:
    """The system's clock, set forward."""

    def __init__(self, clock: Clock, ahead: timedelta) -> None:
        self._clock, self._ahead = clock, ahead

    def now(self) -> datetime:
        return self._clock.now() + self._ahead

    def adopt(self) -> timedelta:
        return self._clock.adopt()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Site:
    """The settled workspace, opened in this process."""

    def __init__(self, world: Any, hub: Hub) -> None:
        self.world, self.hub = world, hub
        self.sheets = hub.ledger.sheets()

    def later(self, ahead: timedelta) -> None:
        """Let time pass."""
        self.hub = replace(self.hub, clock=LaterClock(self.hub.clock, ahead))

    def look(self) -> Reconciled:
        """Look everywhere."""
        return look_for_differences(self.hub, self.sheets, everywhere=True, read_back=True)

    def with_sessions(self, act: Callable[[Hub], object]) -> None:
        """Do something that needs partners' servers."""
        hub = self.hub
        with Sessions(
            hub.doors, hub.breaker, hub.clock, self.sheets.connections.values()
        ) as open_:
            act(replace(hub, doors=open_))

    def take_in(self, name: str = "a.xml", payload: bytes = b"<a/>") -> Interchange:
        """Take a file of the caterer's, judge nothing."""
        (self.world.folders["caterer"] / "in" / name).write_bytes(payload)
        self.with_sessions(lambda hub: pull(hub, self.sheets.connections["caterer"]))
        (taken,) = (one for one in self.hub.ledger.interchanges(ALL) if one.name == name)
        return taken

    def leave(self, name: str, payload: bytes = b"told") -> None:
        """Put a notice for the caterer into the outbox."""
        row = OutboxRow(
            key=OutboxKey(f"N-{name}"),
            kind=OutboxKind.NOTICE,
            interchange=None,
            connection="caterer",
            name=name,
            due=self.hub.clock.now(),
            payload=payload,
        )
        with self.hub.ledger.transaction() as tx:
            tx.enqueue(row, BY, row.due)

    def send(self, name: str) -> None:
        """Put a notice into the caterer's folder."""
        self.leave(name)
        self.with_sessions(lambda hub: deliver(hub, self.sheets, "caterer", self.hub.clock.now()))
        assert name in self.world.out("caterer")

    def opened(self) -> Interchange:
        """Record a flow that was opened and has no document left to wait for."""
        now = self.hub.clock.now()
        digest = sha256(b"<a/>").hexdigest()
        one = Interchange(
            id=interchange_id("caterer", "o.xml", digest, 1),
            connection="caterer",
            partner="caterer",
            name="o.xml",
            size=4,
            mtime=1,
            sha256="",
            received_at=now,
        )
        with self.hub.ledger.transaction() as tx:
            tx.record(one, BY)
            tx.move_interchange(one, InterchangeStep.OPENED, by=BY, at=now)
        return one

    def blob(self, payload: bytes) -> str:
        """Keep bytes that no row names, two hours ago."""
        received = self.hub.archive.receive([payload])
        self.hub.archive.keep([received])
        old = time.time() - 7200
        os.utime(self.world.original(received.sha256), (old, old))
        return received.sha256


@pytest.fixture
def site(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a site on which nothing differs."""
    monkeypatch.setenv("EDI_HOME", str(world.home))
    with bootstrap.open_hub(bootstrap.workspace(), by="operator:me", log_to_file=True) as hub:
        site = Site(world, hub)
        assert site.look() == Reconciled((), {})
        yield site


def a_claim_nobody_came_back_to(site: Site) -> str:
    flow = site.take_in()
    now = site.hub.clock.now()
    site.hub.ledger.claim_interchanges("run:dead", now, now + timedelta(seconds=1), 1)
    site.later(timedelta(minutes=5))
    return flow.id


def a_claim_that_ends_when_none_can(site: Site) -> str:
    flow = site.take_in()
    now = site.hub.clock.now()
    site.hub.ledger.claim_interchanges("run:ahead", now, now + timedelta(days=1), 1)
    return flow.id


def a_row_nobody_tried(site: Site) -> str:
    site.leave("late.txt")
    site.later(timedelta(minutes=16))
    return "N-late.txt"


def a_flow_left_open(site: Site) -> str:
    return site.opened().id


def a_blob_without_row(site: Site) -> str:
    return site.blob(b"nobody's")


def a_row_without_blob(site: Site) -> str:
    flow = site.take_in()
    site.world.original(flow.sha256).unlink()
    return flow.sha256


def a_document_marked_too_early(site: Site) -> str:
    flow, now = site.opened(), site.hub.clock.now()
    one = Document(
        id=document_id(flow.id, 1), interchange=flow.id, seq=1, name="1.xml", size=1, sha256="0"
    )
    with site.hub.ledger.transaction() as tx:
        tx.add_documents([(one, None)], BY, now)
        for before, after in (
            (Step.RECEIVED, Step.ACCEPTED),
            (Step.ACCEPTED, Step.ROUTED),
            (Step.ROUTED, Step.DELIVERED),
        ):
            tx.move_documents([replace(one, step=before)], after, by=BY, at=now)
        opened = replace(flow, step=InterchangeStep.OPENED)
        tx.move_interchange(opened, InterchangeStep.CLOSED, by=BY, at=now)
    return one.id


def a_number_given_twice(site: Site) -> str:
    site.send(FLOW)
    return "CPP001:CSO1100A"


def a_taken_file_nobody_remembers(site: Site) -> str:
    name = f"{STRANGE}-lost.xml"
    (site.world.folders["caterer"] / "archive" / name).write_bytes(b"<a/>")
    return name


def a_removed_file_that_stands_there(site: Site) -> str:
    flow = site.take_in()
    (archived,) = (site.world.folders["caterer"] / "archive").iterdir()
    shutil.copy2(archived, site.world.folders["caterer"] / "in" / flow.name)
    return flow.id


def a_temporary_name_left(site: Site) -> str:
    site.send("told.txt")
    (site.world.folders["caterer"] / "out" / ".told.txt.part").write_bytes(b"to")
    return ".told.txt.part"


def other_bytes_under_a_sent_name(site: Site) -> str:
    site.send("told.txt")
    (site.world.folders["caterer"] / "out" / "told.txt").write_bytes(b"lied")
    return "N-told.txt"


def a_file_of_ours_nobody_remembers(site: Site) -> str:
    name = f"B1.{STRANGE}-0001.xml"
    (site.world.folders["ville-exemple"] / "out" / name).write_bytes(b"<a/>")
    return name


CASES = [
    (Kind.LEASE, a_claim_nobody_came_back_to),
    (Kind.LEASE, a_claim_that_ends_when_none_can),
    (Kind.FORGOTTEN_ROW, a_row_nobody_tried),
    (Kind.UNCLOSED, a_flow_left_open),
    (Kind.ORPHAN_BLOB, a_blob_without_row),
    (Kind.LOST_BLOB, a_row_without_blob),
    (Kind.UNSENT, a_document_marked_too_early),
    (Kind.COUNTER, a_number_given_twice),
    (Kind.STRANGER, a_taken_file_nobody_remembers),
    (Kind.NOT_REMOVED, a_removed_file_that_stands_there),
    (Kind.PART_LEFT, a_temporary_name_left),
    (Kind.OTHER_BYTES, other_bytes_under_a_sent_name),
    (Kind.UNKNOWN_FILE, a_file_of_ours_nobody_remembers),
]


@pytest.mark.parametrize(("kind", "make"), CASES, ids=[make.__name__ for _, make in CASES])
def test_a_difference_is_found_and_put_right(
    site: Site, kind: Kind, make: Callable[[Site], str]
) -> None:
    """What only a person can settle stays, and is told each time."""
    subject = make(site)

    found = site.look()
    assert [(one.kind, one.subject) for one in found.differences] == [(kind, subject)]
    mended = put_right(site.hub, site.sheets, found, alone=True)

    still = site.look()
    if kind in FOR_A_PERSON:
        assert (mended.left, mended.done) == (1, ("",))
        assert still.differences == found.differences
    else:
        assert mended.left == 0
        assert mended.done[0]
        assert still == Reconciled((), {})
    assert site.hub.ledger.verify() == []


def test_every_kind_has_a_case() -> None:
    """Of forgotten flows the command line has one."""
    assert {kind for kind, _ in CASES} | {Kind.FORGOTTEN_FLOW} == set(Kind)


def test_a_taken_file_that_is_put_back_is_taken_anew(site: Site) -> None:
    """After a restored backup, what was taken since is in the partner's archive only."""
    a_taken_file_nobody_remembers(site)

    put_right(site.hub, site.sheets, site.look(), alone=False)
    site.with_sessions(lambda hub: pull(hub, site.sheets.connections["caterer"]))

    (flow,) = site.hub.ledger.interchanges(ALL)
    assert (flow.name, flow.removed) == ("lost.xml", True)


def test_a_file_is_not_put_back_over_one_that_waits(site: Site) -> None:
    """It has the same name, and nobody knows whether the same bytes."""
    a_taken_file_nobody_remembers(site)
    (site.world.folders["caterer"] / "in" / "lost.xml").write_bytes(b"another")

    mended = put_right(site.hub, site.sheets, site.look(), alone=False)

    assert mended.left == 1
    waiting = site.world.folders["caterer"] / "in" / "lost.xml"
    assert waiting.read_bytes() == b"another"


def test_a_number_is_not_given_again_once_the_counter_is_raised(site: Site) -> None:
    """Else two answers would want one name."""
    a_number_given_twice(site)

    put_right(site.hub, site.sheets, site.look(), alone=False)

    with site.hub.ledger.transaction() as tx:
        assert tx.next_number("CPP001:CSO1100A") == 13


def test_a_blob_that_is_pulled_just_now_stays(site: Site) -> None:
    """A pull may be between its blob and its row: an hour is left to it."""
    digest = site.blob(b"nobody's")
    found = site.look()
    os.utime(site.world.original(digest))

    assert put_right(site.hub, site.sheets, found, alone=False).left == 1
    assert site.hub.archive.check(digest)
    assert site.look() == Reconciled((), {})


def test_who_is_paused_or_down_is_named_and_the_others_are_looked_at(site: Site) -> None:
    """A look never waits for a server that was told to be left alone."""
    a_file_of_ours_nobody_remembers(site)
    site.hub.ledger.pause(Pause(partner="caterer", since=site.hub.clock.now(), by=BY))

    found = site.look()
    site.hub.ledger.pause(Pause(partner=EVERYBODY, since=site.hub.clock.now(), by=BY))

    assert found.unreachable == {"caterer": "en pause / paused"}
    assert [one.kind for one in found.differences] == [Kind.UNKNOWN_FILE]
    assert len(site.look().unreachable) == len(site.sheets.connections)


def test_the_command_finds_what_was_forgotten_and_works_it_off(
    site: Site, samples: ModuleType
) -> None:
    """Exit 1 while something is left, as `edi status` says too; 0 once nothing is."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    flow = site.take_in("a.xml", samples.to_ubl(samples.billed_to(model, samples.VILLE, "R1")))
    _received_long_ago(site, flow.id)

    found = site.world.edi("reconcile", "--json")
    status = site.world.edi("status", "--json")
    fixed = site.world.edi("reconcile", "--fix")

    assert (found.code, found.err) == (1, "")
    (one,) = found.json["differences"]
    assert (one["kind"], one["subject"], one["done"]) == ("forgotten_flow", flow.id, "")
    assert status.code == 1
    commands = {act["command"] for act in status.json["to_do"]}
    assert "edi reconcile" in commands
    assert fixed.code == 0, fixed.out
    assert "worked off" in fixed.out
    assert len(site.world.out("ville-exemple")) == 1
    again = site.world.edi("reconcile")
    assert (again.code, again.out.strip()) == (0, "Aucun écart / no difference")


def _received_long_ago(site: Site, subject: InterchangeId) -> None:
    """Set the moment of a receipt back, behind the ledger's back."""
    with closing(sqlite3.connect(site.world.home / "ledger.sqlite")) as file, file:
        file.execute(
            "UPDATE interchange SET received_at = '2026-01-01T00:00:00.000000+00:00' WHERE id = ?",
            [subject],
        )


def test_the_caretaker_reports_and_touches_nothing(site: Site) -> None:
    """Each minute it looks at the ledger, each hour everywhere; what it finds is counted."""
    written: list[dict[str, Gauge]] = []
    caretaker = Caretaker(
        lambda: site.hub, lambda gauges: written.append({one.name: one for one in gauges})
    )
    a_file_of_ours_nobody_remembers(site)
    site.opened()

    caretaker.look_after()
    cheap = site.hub.ledger.upkeep.pulses()[RECONCILE].data
    caretaker._since -= timedelta(hours=2)
    caretaker.look_after()
    everywhere = site.hub.ledger.upkeep.pulses()[RECONCILE].data
    caretaker.look_after()

    assert (cheap["unclosed"], cheap["unknown_file"]) == (1, 0)
    assert (everywhere["unclosed"], everywhere["unknown_file"]) == (1, 1)
    assert site.hub.ledger.upkeep.pulses()[RECONCILE].data == everywhere
    assert "edi_chain_ok" not in written[0]
    assert written[1]["edi_chain_ok"].values == {(): 1.0}
    assert written[1]["edi_reconcile_differences"].values[("unknown_file",)] == 1
    found = [line for line in site.world.log() if line["event"] == "reconcile.found"]
    assert [(line["kind"], line["count"]) for line in found] == [
        ("unclosed", 1),
        ("unknown_file", 1),
    ]
    report(site.hub, Reconciled((), {}), everywhere=True)
    assert not any(site.hub.ledger.upkeep.pulses()[RECONCILE].data.values())
