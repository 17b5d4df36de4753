"""Anything in any order: partners, runs, crashes, operators and the clock against a model.

``EDI_STATEFUL=thorough`` runs it for as long as a night allows.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from structlog.testing import capture_logs

from pipeline.app import operate
from pipeline.app.deliver import deliver
from pipeline.app.hub import Hub
from pipeline.app.pull import pull
from pipeline.app.run import run_once, start_run
from pipeline.app.sessions import Sessions
from pipeline.app.verify import verify
from pipeline.app.work import Desk
from pipeline.model.document import Document
from pipeline.model.errors import PipelineError
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import (
    FOLLOWS,
    INTERCHANGE_FOLLOWS,
    OUTBOX_FOLLOWS,
    InterchangeStep,
    OutboxState,
    Step,
    is_final,
)
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, invoice, make_world, samples
from tests.stateful.model import Drop, Model

Inside = tuple[tuple[str, str], ...]

ALL = 1_000_000
HOUR = 60 * MINUTE

#: Rows of the step tables that no verb of the product takes, and why.
PENDING: Mapping[tuple[str, str | None, str], str] = {
    ("document", "accepted", "rejected"): "accepted and routed are one change: no time between",
    ("document", "routed", "rejected"): "by `edi withdraw`",
    ("outbox", "pending", "paused"): "by `edi hold` of an accepted flow",
    ("outbox", "paused", "pending"): "by `edi release` of it",
    ("outbox", "pending", "cancelled"): "by `edi withdraw`",
    ("outbox", "paused", "cancelled"): "by `edi withdraw`",
    ("outbox", "abandoned", "pending"): "redelivery makes a row of its own, a new generation",
}


class Crash(BaseException):
    """The end of a process, as far as it can be had inside one that goes on."""


@dataclass(slots=True)
class Tally:
    """What all examples together did."""

    called: Counter[str]
    accepted: Counter[str]
    steps: set[tuple[str, str | None, str]]
    crashes: Counter[str]

    @property
    def share(self) -> float:
        """Return the part of all events that changed something."""
        return self.accepted.total() / max(1, self.called.total())


TALLY = Tally(Counter(), Counter(), set(), Counter())


def counted(act: Callable[..., bool]) -> Callable[..., None]:
    """Count an event, and whether there was anything for it to act on."""

    @wraps(act)
    def count(machine: Hubs, *arguments: Any, **named: Any) -> None:
        TALLY.called[act.__name__] += 1
        if act(machine, *arguments, **named):
            TALLY.accepted[act.__name__] += 1
        machine.observe()

    return count


NUMBERS = st.sampled_from(["N1", "N2", "N3", "N4"])
TIMES = st.sampled_from([1, 1, 1, 2])
BUYERS = st.sampled_from(["VILLE", "VILLE", "HOPITAL", "IMPRIMERIE"])
SENDERS = st.sampled_from(["caterer", "caterer", "supplier"])
NAMES = st.integers(1, 4)
RECEIVERS = ("ville", "hopital", "imprimerie")
WAITS = st.sampled_from([MINUTE, MINUTE, 2 * MINUTE, 6 * MINUTE, 70 * MINUTE, 26 * HOUR])
SPOILT = st.sampled_from(["", "", "", "half", "broken"])


class Hubs(RuleBasedStateMachine):
    """One hub on SQLite, two senders and three receivers in folders of this machine."""

    def __init__(self) -> None:
        super().__init__()
        fast = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  memory, not a name
        self.base = Path(tempfile.mkdtemp(prefix="edi-stateful-", dir=fast))
        self.world: World = make_world(self.base)
        self.model = Model()
        self.growing: dict[Path, tuple[bytes, Drop]] = {}
        #: By receiver and document: the names under which it was ever seen.
        self.seen: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.names: dict[tuple[str, str], str] = {}
        self.mtime = 1_700_000_000
        self.routed = {"ville", "hopital"}
        #: Documents that may have gone out before they were given up and sent anew.
        self.redelivered: set[str] = set()

    @property
    def hub(self) -> Hub:
        """Return the hub at work."""
        return self.world.hub

    # -- what partners do
    def _drop(self, sender: str, name: int, inside: Mapping[str, bytes], spoilt: str) -> Drop:
        """Leave a whole file; it replaces one of the same name that still stands there."""
        made, grammar = samples(), sender == "supplier"
        members = dict(inside)
        if spoilt == "broken":
            first = next(iter(members))
            members[first] = made.without_issue_date(members[first])
        alone = len(members) == 1 and not grammar
        payload = next(iter(members.values())) if alone else _pack(members)
        if spoilt == "half":
            payload = payload[: len(payload) * 2 // 3]
        digests = tuple((number, sha256(data).hexdigest()) for number, data in inside.items())
        return self._leave(sender, name, payload, digests, sound=not spoilt)

    def _leave(
        self, sender: str, name: int, payload: bytes, inside: Inside, *, sound: bool
    ) -> Drop:
        shown = f"FSO1100A_SUP001_SUP0011100{name:015d}"
        if sender == "caterer":
            shown = f"{name}{'.xml' if payload[:1] == b'<' else '.tar.gz'}"
        self.mtime += 1
        drop = Drop((sender, shown, self.mtime), payload, inside, sound, sender == "supplier")
        self._replaced(self.world.folder(sender, "in") / shown)
        self.world.drop(sender, shown, payload, self.mtime)
        self.model.drops[drop.place] = drop
        return drop

    def _is_up(self, partner: str) -> bool:
        return (self.world.root / partner).is_dir()

    def _replaced(self, path: Path) -> None:
        """Note that what stands under a name may never have been taken."""
        if path.exists():
            self.growing.pop(path, None)
            place = (path.parent.parent.name, path.name, int(path.stat().st_mtime))
            self.model.unsure.add(place)

    @rule(sender=SENDERS, name=NAMES, number=NUMBERS, times=TIMES, buyer=BUYERS, spoilt=SPOILT)
    @counted
    def drop(
        self, sender: str, name: int, number: str, times: int, buyer: str, spoilt: str
    ) -> bool:
        """A partner renames a whole file in: one invoice."""
        if not self._is_up(sender):
            return False
        self._drop(sender, name, {number: invoice(number, buyer, times)}, spoilt)
        return True

    @rule(sender=SENDERS, name=NAMES, buyer=BUYERS, spoilt=SPOILT)
    @counted
    def drop_many(self, sender: str, name: int, buyer: str, spoilt: str) -> bool:
        """A partner renames a whole archive in: two invoices."""
        if not self._is_up(sender):
            return False
        self._drop(sender, name, {n: invoice(n, buyer) for n in ("N3", "N5")}, spoilt)
        return True

    @rule(name=NAMES, number=NUMBERS)
    @counted
    def begin(self, name: int, number: str) -> bool:
        """A partner begins to write under the final name, and is slow."""
        if not self._is_up("caterer"):
            return False
        whole = invoice(number)
        inside = ((number, sha256(whole).hexdigest()),)
        drop = self._leave("caterer", name, whole[: len(whole) // 2], inside, sound=False)
        self.growing[self.world.folder("caterer", "in") / drop.place[1]] = (whole, drop)
        return True

    @rule()
    @counted
    def grow(self) -> bool:
        """The slow partner writes the rest, unless the half was taken meanwhile."""
        for path, (whole, half) in list(self.growing.items()):
            if not self._is_up("caterer"):
                return False
            del self.growing[path]
            if path.exists() and path.read_bytes() == half.payload:
                name = int(path.stem)
                self._leave("caterer", name, whole, half.inside, sound=True)
                return True
        return False

    @rule(data=st.data(), name=NAMES)
    @counted
    def resend(self, data: st.DataObject, name: int) -> bool:
        """The same bytes come again, under another name or the same."""
        up = sorted(place for place in self.model.drops if self._is_up(place[0]))
        if not up:
            return False
        old = data.draw(st.sampled_from(up))
        drop = self.model.drops[old]
        self._leave(old[0], name, drop.payload, drop.inside, sound=drop.sound)
        return True

    @rule(receiver=st.sampled_from(RECEIVERS))
    @counted
    def empty(self, receiver: str) -> bool:
        """A recipient takes everything away."""
        if not self._is_up(receiver):
            return False
        found = list(self.world.folder(receiver, "out").iterdir())
        for path in found:
            path.unlink()
        return bool(found)

    @rule(partner=st.sampled_from(["caterer", "supplier", "ville", "ville", "hopital"]))
    @counted
    def switch_server(self, partner: str) -> bool:
        """A partner's server goes down, or comes back."""
        up, down = self.world.root / partner, self.world.root / f"{partner}.down"
        (down if down.exists() else up).rename(up if down.exists() else down)
        return True

    # -- what the hub does
    def _try(self, act: Callable[[Hub], int]) -> bool:
        """Act with sessions of its own; trouble in the world is no fault of the hub's."""
        hub = self.hub
        sheets = hub.ledger.sheets().connections.values()
        with Sessions(hub.doors, hub.breaker, hub.clock, sheets) as sessions:
            try:
                return bool(act(replace(hub, doors=sessions)))
            except PipelineError:
                return False

    def _poll(self, sender: str) -> bool:
        sheet = self.hub.ledger.sheets().connections[sender]
        return self._try(lambda hub: pull(hub, sheet).listed)

    def _work(self) -> bool:
        def work(hub: Hub) -> int:
            with Desk(hub, hub.ledger.sheets()) as desk:
                return desk.step() + desk.step()

        return self._try(work)

    def _send(self) -> bool:
        def send(hub: Hub) -> int:
            now, sheets = hub.clock.now(), hub.ledger.sheets()
            due = hub.ledger.due_connections(now)
            return sum(deliver(hub, sheets, name, now).tried for name in due)

        return self._try(send)

    def _act(self, what: str) -> bool:
        if what.startswith("poll"):
            return self._poll(what.removeprefix("poll "))
        return self._work() if what == "work" else self._send()

    @rule(sender=SENDERS)
    @counted
    def poll(self, sender: str) -> bool:
        """A sender's folder is looked at."""
        return self._poll(sender)

    @rule(sender=SENDERS)
    @counted
    def poll_until_stable(self, sender: str) -> bool:
        """It is looked at twice, a minute apart."""
        self._poll(sender)
        self.world.clock.move(MINUTE)
        return self._poll(sender)

    @rule()
    @counted
    def work(self) -> bool:
        """A group of flows is judged and settled."""
        return self._work()

    @rule()
    @counted
    def send(self) -> bool:
        """What is due is tried once, by every connection."""
        return self._send()

    @rule(
        what=st.sampled_from(["poll caterer", "poll supplier", "work", "work", "send", "send"]),
        point=st.integers(1, 40),
        clean=st.booleans(),
    )
    @counted
    def crash(self, what: str, point: int, clean: bool) -> bool:  # noqa: FBT001  drawn
        """The process dies at a failpoint; another begins, at once or when the lease is over."""
        with crashing(point) as died:
            self._act(what)
        if died():
            self.world.stop()
            self.world.start()
            if clean:
                start_run(self.hub)
            else:
                self.world.clock.move(self.hub.settings.lease)
        return bool(died())

    @rule(files=st.booleans())
    @counted
    def die_with_claims(self, files: bool) -> bool:  # noqa: FBT001  drawn
        """Another worker claims what waits and is never heard of again."""
        now = self.world.clock.now()
        until, ledger = now + self.hub.settings.lease, self.hub.ledger
        if not files:
            return bool(ledger.claim_interchanges("dead", now, until, 5))
        due = ledger.due_connections(now)
        return any([ledger.claim_outbox("dead", now, until, 5, name) for name in due])

    @rule()
    @counted
    def expire_leases(self) -> bool:
        """Time passes until no claim of before holds."""
        self.world.clock.move(self.hub.settings.lease)
        return True

    @rule(by=WAITS)
    @counted
    def advance(self, by: timedelta) -> bool:
        """Time passes."""
        self.world.clock.move(by)
        return True

    # -- what is wrong on our side, and who mends it
    @rule()
    @counted
    def switch_engine(self) -> bool:
        """Workers cannot be started any more, or can again: whole flows are held."""
        self.world.engine.down = not self.world.engine.down
        return True

    @rule()
    @counted
    def switch_pack(self) -> bool:
        """A rule pack is gone, or back: documents are held."""
        gone = self.world.profiles["light"] is PACK_GONE
        self.world.judge_by(LIGHT if gone else PACK_GONE)
        return True

    @rule()
    @counted
    def switch_route(self) -> bool:
        """A recipient without a route gets one, or loses it."""
        self.routed ^= {"imprimerie"}
        self.world.apply(*sorted(self.routed))
        return True

    def _held(self) -> list[str]:
        ledger = self.hub.ledger
        flows = ledger.interchanges(Query(steps=("held",), limit=ALL))
        whole = {one.id for one in flows}
        documents = ledger.documents(Query(steps=("held",), limit=ALL))
        return sorted(whole | {one.id for one in documents if one.interchange not in whole})

    @rule(data=st.data())
    @counted
    def release(self, data: st.DataObject) -> bool:
        """An operator lets something held be judged again."""
        held = self._held()
        if not held:
            return False
        return self._release(data.draw(st.sampled_from(held)))

    def _release(self, subject: str) -> bool:
        def release(hub: Hub) -> int:
            operate.release(replace(hub, by="operator:test"), hub.ledger.sheets(), subject)
            return 1

        return self._try(release)

    @rule(data=st.data())
    @counted
    def reject(self, data: st.DataObject) -> bool:
        """An operator refuses something held."""
        held = self._held()
        if not held:
            return False
        subject = data.draw(st.sampled_from(held))
        flow = self.hub.ledger.interchange(subject.partition("-")[0])
        assert flow is not None
        place = (flow.connection, flow.name, flow.mtime)
        self.model.refused.update(self.model.drops[place].numbers)

        def reject(hub: Hub) -> int:
            operate.reject(replace(hub, by="operator:test"), hub.ledger.sheets(), subject, "non")
            return 1

        return self._try(reject)

    @rule()
    @counted
    def redeliver(self) -> bool:
        """An operator has everything that was given up sent anew."""
        return self._redeliver()

    def _redeliver(self) -> bool:
        given_up = self.hub.ledger.documents(Query(steps=("abandoned",), limit=ALL))
        for one in given_up:
            self.redelivered.add(one.sha256)

            def again(hub: Hub, subject: str = one.id) -> int:
                operate.redeliver(replace(hub, by="operator:test"), hub.ledger.sheets(), subject)
                return 1

            self._try(again)
        return bool(given_up)

    # -- what is seen, and what is promised
    def observe(self) -> None:
        """Look at what recipients find: nothing half, nothing that changes under its name."""
        for receiver in RECEIVERS:
            for path in self._finds(receiver):
                payload = path.read_bytes()
                digest = sha256(payload).hexdigest()
                assert self.names.setdefault((receiver, path.name), digest) == digest, path.name
                for document in _unpack(payload):
                    self.seen[receiver, sha256(document).hexdigest()].add(path.name)

    def _finds(self, receiver: str) -> Iterator[Path]:
        for base in (receiver, f"{receiver}.down"):
            out = self.world.root / base / "out"
            if out.is_dir():
                yield from (one for one in out.iterdir() if not one.name.startswith("."))

    def quiesce(self) -> None:
        """Mend everything, and let the hub run until nothing is left to do."""
        for down in self.world.root.glob("*.down"):
            down.rename(down.with_suffix(""))
        self.growing.clear()
        self.world.engine.down = False
        self.world.judge_by(LIGHT)
        self.world.apply("ville", "hopital", "imprimerie")
        for _ in range(12):
            # whoever failed a moment ago is left alone for ten minutes at most
            self.world.clock.move(65 * MINUTE)
            run_once(self.hub, insist=True)
            self.observe()
            for subject in self._held():
                self._release(subject)
            self._redeliver()
            if not self._left():
                return
        raise AssertionError(f"never quiet: {self._left()}")

    def _left(self) -> list[str]:
        ledger, left = self.hub.ledger, list[str]()
        left += [str(path) for path in self.world.root.glob("*/in/*")]
        left += [
            f"{one.id} {one.step.value}"
            for one in ledger.interchanges(Query(limit=ALL))
            if not is_final(INTERCHANGE_FOLLOWS, one.step) or not one.removed
        ]
        left += [row.key for row in ledger.outbox(states=(OutboxState.PENDING,))]
        return left

    def teardown(self) -> None:
        """Hold what came of everything against the model."""
        disarm()
        try:
            self.quiesce()
            self._check_promise()
            self._check_record()
        finally:
            self._collect_steps()
            self.world.stop()
            shutil.rmtree(self.base)

    def _check_promise(self) -> None:
        ledger = self.hub.ledger
        found: dict[tuple[str, str, int], list[str]] = {}
        delivered: set[tuple[str, str]] = set()
        for flow in ledger.interchanges(Query(limit=ALL)):
            place = (flow.connection, flow.name, flow.mtime)
            assert place not in found, f"{place}: taken twice"
            documents = ledger.documents(Query(interchange=flow.id, limit=ALL))
            found[place] = [_class_of(one) for one in documents]
            delivered |= {
                (one.route or "", one.sha256) for one in documents if one.step is Step.DELIVERED
            }
            rows = ledger.outbox(interchange=flow.id, kind=OutboxKind.ACKNOWLEDGEMENT)
            assert any(row.final and row.state is OutboxState.SENT for row in rows), place
            assert sum(1 for row in rows if row.final) == len(
                {row.name for row in rows if row.final}
            )
        assert list(self.model.faults(found)) == []
        assert set(self.seen) == delivered
        for (_, digest), names in self.seen.items():
            assert len(names) == 1 or digest in self.redelivered, names

    def _check_record(self) -> None:
        ledger = self.hub.ledger
        verified = verify(ledger, self.hub.archive)
        assert verified.sound, verified
        flows, documents = ledger.count_interchanges(), ledger.count_documents()
        assert sum(flows.values()) == ledger.count_events("interchange.received")
        assert sum(documents.values()) == ledger.count_events("document.received")
        ended = (Step.DELIVERED, Step.REJECTED, Step.DUPLICATE)
        assert sum(documents.values()) == sum(documents[step] for step in ended)

    def _collect_steps(self) -> None:
        last: dict[str, str] = {}
        for event in self.hub.ledger.events():
            kind, _, step = event.fact.what.partition(".")
            if kind in {"interchange", "document", "outbox"} and step not in {"removed", "retry"}:
                TALLY.steps.add((kind, last.get(event.fact.subject), step))
                last[event.fact.subject] = step


def _class_of(document: Document) -> str:
    return f"{document.step.value} {document.header.number or ''}"


@contextmanager
def crashing(point: int) -> Iterator[Callable[[], str]]:
    """Die at the `point`-th failpoint that is reached inside, if so many are."""
    reached, died = 0, ""

    def hook(name: str) -> None:
        nonlocal reached, died
        reached += 1
        if reached == point:
            died = name
            TALLY.crashes[name] += 1
        if died:
            raise Crash(name)  # and what other threads do comes to an end as well

    arm(hook)
    try:
        with suppress(Crash):
            yield lambda: died
    finally:
        disarm()


def _pack(members: Mapping[str, bytes]) -> bytes:
    packed: bytes = samples().tar_gz({f"{name}.xml": data for name, data in members.items()})
    return packed


def _unpack(payload: bytes) -> Iterator[bytes]:
    """Yield the documents of a delivery; one that is not whole is an error."""
    if payload[:1] == b"<":
        assert payload.rstrip().endswith(b">")
        yield payload
        return
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(payload))) as lot:
        for member in lot:
            content = lot.extractfile(member)
            assert content is not None
            yield content.read()


def _rows() -> set[tuple[str, str | None, str]]:
    tables: tuple[tuple[str, Mapping[Any, frozenset[Any]]], ...] = (
        ("document", FOLLOWS),
        ("interchange", INTERCHANGE_FOLLOWS),
        ("outbox", OUTBOX_FOLLOWS),
    )
    return {
        (kind, before.value if isinstance(before, Enum) else None, after.value)
        for kind, follows in tables
        for before, afters in follows.items()
        for after in afters
    }


def test_the_hub_keeps_its_promise_whatever_happens(capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of the step tables is taken on the way, and three events in ten do something."""
    thorough = os.environ.get("EDI_STATEFUL") == "thorough"
    with capture_logs():
        run_state_machine_as_test(
            Hubs,
            settings=settings(
                max_examples=5000 if thorough else int(os.environ.get("N", "100")),
                stateful_step_count=60 if thorough else 40,
                deadline=None,
                derandomize=not thorough,
                phases=tuple(Phase) if thorough else (Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            ),
        )
    with capsys.disabled():
        print(  # noqa: T201  figures for who runs it
            f"\n{TALLY.called.total()} events, {TALLY.share:.0%} accepted,"
            f" {TALLY.crashes.total()} crashes at {len(TALLY.crashes)} places,"
            f" {len(TALLY.steps)} rows of the step tables"
        )

    assert TALLY.share >= 0.3
    assert TALLY.steps == _rows() - PENDING.keys()
