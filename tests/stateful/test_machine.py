"""Anything in any order: partners, runs, crashes, operators and the clock against a model.

``EDI_STATEFUL=thorough`` runs it for as long as a night allows, ``EDI_STATEFUL=400`` so many
examples, new ones each time.
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
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from pipeline.adapters.database import open_ledger
from pipeline.app.clock import follow
from pipeline.app.deliver import deliver
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import find
from pipeline.app.operate.verbs import Ask, act
from pipeline.app.pull import pull
from pipeline.app.run import run_once, start_run
from pipeline.app.sessions import Sessions
from pipeline.app.verify import verify
from pipeline.app.work import Desk
from pipeline.model.bulk import Verb
from pipeline.model.document import Document
from pipeline.model.errors import PipelineError
from pipeline.model.outbox import OutboxKind
from pipeline.model.status import (
    FOLLOWS,
    INTERCHANGE_FOLLOWS,
    OUTBOX_FOLLOWS,
    OutboxState,
    Step,
    is_final,
)
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from tests.hubs import HOUR, LIGHT, MINUTE, PACK_GONE, World, invoice, make_world, samples
from tests.stateful.model import Drop, Model

Inside = tuple[tuple[str, str], ...]

ALL = 1_000_000
#: Walks of thirty examples: so many at least, and more until every row was taken.
_FEWEST_WALKS, _MOST_WALKS = 2, 8
#: Where thorough runs keep what failed.
_KEPT = ".hypothesis/examples"
#: New examples of a thorough run.
_THOROUGH = 5000

#: Events of a flow, document or file that leave it in its state.
NO_STATES = frozenset({"removed", "retry", "shortened"})
#: Rows of the step tables that no walk takes, and why.
PENDING: Mapping[tuple[str, str | None, str], str] = {
    ("document", "accepted", "rejected"): "accepted and routed are one change: no time between",
    ("document", "accepted", "tried"): "of a sender in qualification: test_qualification.py",
    ("outbox", "abandoned", "pending"): "redelivery makes a row of its own, a new generation",
    ("outbox", "abandoned", "cancelled"): "only erasing does, which no walk tries: test_erase.py",
}

#: Rows of the step tables that a walk takes by chance; tests/faults takes each for certain.
RARE = frozenset({("outbox", "abandoned", "sent"), ("outbox", "paused", "sent")})


def follow_back(hub: Hub, by: timedelta) -> int:
    """Put right what was written down before the clock was set back."""
    follow(hub, by)
    return 1


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


_VERBS = {verb.value: verb for verb in Verb if verb is not Verb.REPLAY}


class Databases:
    """Databases of a server, one an example, each with an empty ledger in it."""

    _empty = "walk_empty"

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = count(1)
        open_ledger(self._make(self._empty, "template1")).close()

    def url(self) -> str:
        """Return the address of a fresh one; the one before is gone."""
        number = next(self._numbers)
        self._do(f"DROP DATABASE IF EXISTS walk_{number - 1} WITH (FORCE)")
        return self._make(f"walk_{number}", self._empty)

    def _make(self, name: str, template: str) -> str:
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._address.replace("/postgres?", f"/{name}?")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self._address, autocommit=True) as admin:
            admin.execute(statement.encode())


class Hubs(RuleBasedStateMachine):
    """One hub, two senders and three receivers in folders of this machine."""

    #: Where ledgers are made; files of this machine where there is none.
    databases: ClassVar[Databases | None] = None

    def __init__(self) -> None:
        super().__init__()
        fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.base = Path(tempfile.mkdtemp(prefix="edi-stateful-", dir=fast))
        url = self.databases.url() if self.databases else None
        self.world: World = make_world(self.base, url=url)
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
        members, good = dict(inside), set(inside)
        if spoilt == "broken":
            first = next(iter(members))
            members[first] = made.without_issue_date(members[first])
            good -= set(inside) if grammar else {first}
        alone = len(members) == 1 and not grammar
        payload = next(iter(members.values())) if alone else _pack(members)
        if spoilt == "half":
            payload = payload[: len(payload) * 2 // 3]
            good.clear()
        digests = tuple((number, sha256(data).hexdigest()) for number, data in inside.items())
        return self._leave(sender, name, payload, digests, frozenset(good))

    def _leave(
        self, sender: str, name: int, payload: bytes, inside: Inside, good: frozenset[str]
    ) -> Drop:
        shown = f"FSO1100A_SUP001_SUP0011100{name:015d}"
        if sender == "caterer":
            shown = f"{name}{'.xml' if payload[:1] == b'<' else '.tar.gz'}"
        self.mtime += 1
        drop = Drop((sender, shown, self.mtime), payload, inside, good, sender == "supplier")
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
    def write_slowly(self, name: int, number: str) -> bool:
        """A partner begins to write under the final name, or goes on with what it began."""
        if not self._is_up("caterer"):
            return False
        if self.growing:
            return self._grow()
        whole = invoice(number)
        inside = ((number, sha256(whole).hexdigest()),)
        drop = self._leave("caterer", name, whole[: len(whole) // 2], inside, frozenset())
        self.growing[self.world.folder("caterer", "in") / drop.place[1]] = (whole, drop)
        return True

    def _grow(self) -> bool:
        """Write the rest, unless the half was taken meanwhile."""
        path, (whole, half) = self.growing.popitem()
        if not path.exists() or path.read_bytes() != half.payload:
            return False
        self._leave("caterer", int(path.stem), whole, half.inside, half.numbers)
        return True

    @rule(data=st.data(), name=NAMES)
    @counted
    def resend(self, data: st.DataObject, name: int) -> bool:
        """The same bytes come again, under another name or the same."""
        up = sorted(place for place in self.model.drops if self._is_up(place[0]))
        if not up:
            return False
        old = data.draw(st.sampled_from(up))
        drop = self.model.drops[old]
        self._leave(old[0], name, drop.payload, drop.inside, drop.good)
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

    def _pass(self) -> bool:
        done = [self._poll("caterer"), self._poll("supplier"), self._work(), self._send()]
        return any(done)

    @rule(count=st.integers(1, 4), gap=st.sampled_from([MINUTE, MINUTE, 6 * MINUTE, 15 * MINUTE]))
    @counted
    def run(self, count: int, gap: timedelta) -> bool:
        """What `edi run` does now and then, or one of its acts alone."""
        done = False
        for _ in range(count):
            self.world.clock.move(gap)
            done |= self._pass()
        return done

    @rule(what=st.sampled_from(["poll", "work", "send", "die with flows", "die with files"]))
    @counted
    def act(self, what: str) -> bool:
        """One act alone; or another worker claims what waits and is never heard of again."""
        match what:
            case "poll":
                return self._poll("caterer")
            case "work":
                return self._work()
            case "send":
                return self._send()
            case _:
                return self._die(what)

    def _die(self, what: str) -> bool:
        now = self.world.clock.now()
        until, ledger = now + self.hub.settings.lease, self.hub.ledger
        if what == "die with flows":
            return bool(ledger.claim_interchanges("dead", now, until, 5))
        due = ledger.due_connections(now)
        return bool([ledger.claim_outbox("dead", now, until, 5, name) for name in due])

    @rule(point=st.integers(1, 100), clean=st.booleans())
    @counted
    def crash(self, point: int, clean: bool) -> bool:
        """The process dies at a failpoint; another begins, at once or when the lease is over."""
        self.world.clock.move(MINUTE)
        with crashing(point) as died:
            self._pass()
        if died():
            self.world.stop()
            self.world.start()
            if clean:
                start_run(self.hub)
            else:
                self.world.clock.move(self.hub.settings.lease)
        return bool(died())

    @rule(by=st.sampled_from([15 * MINUTE, 70 * MINUTE, 26 * HOUR, -HOUR]))
    @counted
    def advance(self, by: timedelta) -> bool:
        """Time passes: no claim of before holds. Or somebody sets the clock back."""
        self.world.clock.move(by)
        if by < timedelta():
            self._try(lambda hub: follow_back(hub, by))
        return True

    # -- what goes wrong, and who mends it
    @rule(
        what=st.sampled_from(["engine", "pack", "route", "caterer", "ville", "ville", "hopital"])
    )
    @counted
    def mishap(self, what: str) -> bool:
        """Something is gone, or is back: workers, a rule pack, a route, a partner's server."""
        match what:
            case "engine":  # whole flows are held
                self.world.engine.down = not self.world.engine.down
            case "pack":  # documents are held
                gone = self.world.profiles["light"] is PACK_GONE
                self.world.judge_by(LIGHT if gone else PACK_GONE)
            case "route":
                self.routed ^= {"imprimerie"}
                self.world.apply(*sorted(self.routed))
            case _:
                up, down = self.world.root / what, self.world.root / f"{what}.down"
                (down if down.exists() else up).rename(up if down.exists() else down)
        return True

    def _held(self) -> list[str]:
        """Return what waits for an operator: flows and documents held, deliveries paused."""
        ledger = self.hub.ledger
        flows = ledger.interchanges(Query(steps=("held",), limit=ALL))
        whole = {one.id for one in flows}
        documents = ledger.documents(Query(steps=("held",), limit=ALL))
        paused = {row.interchange or "" for row in ledger.outbox(states=(OutboxState.PAUSED,))}
        return sorted(
            whole | paused | {one.id for one in documents if one.interchange not in whole}
        )

    def _on_their_way(self) -> list[str]:
        """Return what an operator may still keep back: flows, and documents by themselves."""
        ledger = self.hub.ledger
        flows = ledger.interchanges(Query(steps=("received", "held", "opened"), limit=ALL))
        documents = ledger.documents(Query(steps=("routed", "held"), limit=ALL))
        return sorted({one.id for one in flows} | {one.id for one in documents})

    @rule(data=st.data(), verb=st.sampled_from(list(_VERBS)))
    @counted
    def operate(self, data: st.DataObject, verb: str) -> bool:
        """An operator acts on something held or on its way, or on what was given up."""
        if verb == "redeliver":
            return self._redeliver()
        subjects = self._held() if verb in {"release", "reject"} else self._on_their_way()
        if not subjects:
            return False
        whole = [one for one in subjects if "-" not in one]
        subject = data.draw(st.sampled_from(whole or subjects))
        if verb in {"reject", "withdraw"}:
            self._count_out(subject)
        return self._ask(Ask(verb=_VERBS[verb], reason="motif"), subject)

    @rule(data=st.data(), verb=st.sampled_from(["hold", "withdraw", "withdraw"]))
    @counted
    def take_back(self, data: st.DataObject, verb: str) -> bool:
        """A sender asks for something back that was decided on and is not sent yet."""
        self.world.clock.move(MINUTE)
        self._poll("caterer")
        self._work()
        ledger = self.hub.ledger
        routed = {one.id for one in ledger.documents(Query(steps=("routed",), limit=ALL))}
        paused = {
            one for row in ledger.outbox(states=(OutboxState.PAUSED,)) for one in row.documents
        }
        if not routed:
            return False
        subject = data.draw(st.sampled_from(sorted(paused & routed or routed)))
        if verb == "withdraw":
            self._count_out(subject)
        return self._ask(Ask(verb=_VERBS[verb], reason="motif"), subject)

    def _count_out(self, subject: str) -> None:
        """Note that one of the numbers of a flow may end refused by us."""
        flow = self.hub.ledger.interchange(subject.partition("-")[0])
        assert flow is not None
        place = (flow.connection, flow.name, flow.mtime)
        self.model.refused.update(self.model.drops[place].numbers)

    def _release(self, subject: str) -> bool:
        return self._ask(Ask(verb=Verb.RELEASE), subject)

    def _ask(self, ask: Ask, subject: str) -> bool:
        def asked(hub: Hub) -> int:
            act(replace(hub, by="operator:test"), hub.ledger.sheets(), ask, find(hub, subject))
            return 1

        return self._try(asked)

    def _redeliver(self) -> bool:
        given_up = self.hub.ledger.documents(Query(steps=("abandoned",), limit=ALL))
        for one in given_up:
            self.redelivered.add(one.sha256)
            self._ask(Ask(verb=Verb.REDELIVER, reason="encore"), one.id)
        return bool(given_up)

    # -- what is seen, and what is promised
    def observe(self) -> None:
        """Look at what recipients find: nothing half, nothing that changes under its name."""
        for receiver in RECEIVERS:
            for path in self._finds(receiver):
                payload = path.read_bytes()
                digest = sha256(payload).hexdigest()
                assert self.names.setdefault((receiver, path.name), digest) == digest, path.name
                for document in unpack(payload):
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
        open_ = (OutboxState.PENDING, OutboxState.PAUSED)
        left += [row.key for row in ledger.outbox(states=open_)]
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
            if kind in {"interchange", "document", "outbox"} and step not in NO_STATES:
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


def unpack(payload: bytes) -> Iterator[bytes]:
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
    """Return the rows of the step tables but those of groups: no receiver of a walk groups.

    These are taken by ``tests/contract/test_groups.py``.
    """
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
        if not {before, after} & {OutboxState.WAITING, OutboxState.GROUPED}
    }


def _walk(examples: int, steps: int, number: int | None) -> None:
    """Try some examples: those of a number are always the same, without one they are new."""
    with capture_logs():
        run_state_machine_as_test(
            Hubs if number is None else seed(number)(Hubs),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None if number is not None else DirectoryBasedExampleDatabase(_KEPT),
                phases=(Phase.generate,) if number is not None else tuple(Phase),
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.fixture
def tally() -> Tally:
    """What the walks of one test did: nothing yet."""
    for counter in (TALLY.called, TALLY.accepted, TALLY.crashes, TALLY.steps):
        counter.clear()
    return TALLY


@pytest.fixture
def on_postgresql(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Walk on ledgers of a PostgreSQL server."""
    monkeypatch.setattr(Hubs, "databases", Databases(postgresql))


def _tell(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(  # noqa: T201  figures for who runs it
            f"\n{tally.called.total()} events, {tally.share:.0%} accepted,"
            f" {tally.crashes.total()} crashes at {len(tally.crashes)} places,"
            f" {len(tally.steps)} rows of the step tables"
        )


def _asked() -> int:
    """Return how many new examples are asked for; 0 for the few that are always the same."""
    asked = os.environ.get("EDI_STATEFUL", "0")
    return _THOROUGH if asked == "thorough" else int(asked)


@pytest.mark.slow
def test_the_hub_keeps_its_promise_whatever_happens(
    tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row of the step tables is taken on the way, and three events in ten do something."""
    wanted = _rows() - PENDING.keys() - RARE
    if _asked():
        _walk(_asked(), 60, None)
    else:
        for number in range(_MOST_WALKS):
            _walk(30, 40, number)
            if number >= _FEWEST_WALKS and wanted <= tally.steps:
                break
    _tell(tally, capsys)

    assert tally.share >= 0.3
    assert tally.steps <= wanted | RARE
    if _asked() in {0, _THOROUGH}:  # a few new ones go where they go
        assert wanted <= tally.steps


@pytest.mark.slow
@pytest.mark.usefixtures("on_postgresql")
def test_on_postgresql_it_keeps_its_promise_as_well(
    tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same walks through the other ledger: a few, since each of them costs twice as much."""
    if _asked():
        _walk(_asked(), 60, None)
    else:
        _walk(10, 40, 0)
    _tell(tally, capsys)

    assert tally.share >= 0.3
    assert tally.steps <= _rows() - PENDING.keys()
