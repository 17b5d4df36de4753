"""What the leader does each minute: look for differences, be watched, see to what ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from structlog import get_logger

from pipeline.app.conserve import balance
from pipeline.app.expiry import look_after_ends
from pipeline.app.hub import Hub
from pipeline.app.reconcile import Reconciled, look_for_differences
from pipeline.app.validation import look_after_validations
from pipeline.app.waiting import overdue
from pipeline.model.difference import Kind
from pipeline.model.gauge import Gauge
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import LEASE_LOST, LEASE_TAKEN_OVER, Query
from pipeline.ports.upkeep import Pulse

log = get_logger(__name__)

#: Names of signs of life.
RUN, RECONCILE, CHAIN = "run", "reconcile", "chain"
#: Conservation is watched over what was received in this time.
_BALANCED = timedelta(days=2)
#: Invoices of each kind that are looked at each minute: those that have waited longest.
_WATCHED = 1_000
#: Subjects that a log line names of each kind.
_NAMED = 5
#: What is found in the ledger alone; the rest takes a look at archive and folders.
_CHEAP = frozenset({Kind.LEASE, Kind.FORGOTTEN_FLOW, Kind.FORGOTTEN_ROW, Kind.UNCLOSED})


class Caretaker:
    """Looks after a hub, once a minute: it reports differences, and puts none of them right.

    What time itself changes it does: what ends stops, what waited long enough goes on.

    Args:
        hub: Returns the hub of the process that leads, as it is now.
        write: Where figures go that others watch it by.
    """

    def __init__(self, hub: Callable[[], Hub], write: Callable[[Sequence[Gauge]], None]) -> None:
        self._hub = hub
        self._write = write
        self._since = hub().clock.now()

    def look_after(self) -> None:
        """Look for differences, note that the hub lives, write the figures."""
        hub = self._hub()
        now, sheets = hub.clock.now(), hub.ledger.sheets()
        last = hub.ledger.upkeep.pulses().get(CHAIN)
        since = last.at if last else self._since
        # what was looked at by a clock that was set back since was looked at nobody knows when
        due = not timedelta() <= now - since < hub.settings.reconcile_every
        if due:
            hub.ledger.upkeep.beat(CHAIN, Pulse(now, {"breaks": len(hub.ledger.verify())}))
        report(hub, look_for_differences(hub, sheets, everywhere=due), everywhere=due)
        hub.ledger.upkeep.beat(RUN, Pulse(now, {}))
        self._write(measure(hub))
        look_after_validations(hub, look_after_ends(hub, sheets))


def report(hub: Hub, found: Reconciled, *, everywhere: bool) -> None:
    """Note how many differences there are; what is new about that is logged."""
    upkeep = hub.ledger.upkeep
    before = upkeep.pulses().get(RECONCILE)
    told = dict(before.data) if before else {}
    done = found.done or ("",) * len(found.differences)
    left = [one for one, what in zip(found.differences, done, strict=True) if not what]
    counts = Counter(one.kind.value for one in left)
    seen = Kind if everywhere else _CHEAP
    now = {
        kind.value: counts[kind.value] if kind in seen else told.get(kind.value, 0)
        for kind in Kind
    }
    upkeep.beat(RECONCILE, Pulse(hub.clock.now(), now))
    for kind, count in now.items():
        if count and count != told.get(kind, 0):
            subjects = [one.subject for one in left if one.kind.value == kind][:_NAMED]
            log.warning("reconcile.found", kind=kind, count=count, subjects=subjects)


def differences_of(pulses: Mapping[str, Pulse]) -> Mapping[str, int]:
    """Return how many differences the last looks found, by kind; kinds without any left out."""
    found = pulses.get(RECONCILE)
    return {kind: count for kind, count in found.data.items() if count} if found else {}


def measure(hub: Hub) -> tuple[Gauge, ...]:
    """Return the figures by which others watch the hub."""
    now, ledger = hub.clock.now(), hub.ledger
    pulses = ledger.upkeep.pulses()
    outbox = ledger.count_outbox()
    oldest = ledger.oldest_open()
    return (
        _single(
            "edi_heartbeat_timestamp_seconds",
            "When edi run last looked, Unix time.",
            now.timestamp(),
        ),
        _balanced(hub, now),
        _single(
            "edi_oldest_waiting_age_seconds",
            "Since when the oldest interchange waits to be judged; 0 if none does.",
            _age(ledger.upkeep.oldest_received(), now),
        ),
        _single(
            "edi_oldest_open_age_seconds",
            "Since when the oldest interchange waits to be closed, held ones among them.",
            _age(oldest.received_at if oldest else None, now),
        ),
        _single(
            "edi_outbox_oldest_age_seconds",
            "Since when the oldest file that is due waits to leave; 0 if none does.",
            _age(ledger.upkeep.oldest_due(now), now),
        ),
        Gauge(
            "edi_outbox_rows",
            "Files to leave, by state; those abandoned wait for a person.",
            ("state",),
            {(state.value,): outbox[state] for state in OutboxState},
        ),
        _single(
            "edi_leases_taken_over_total",
            "Claims that ran out in the hands of a worker and went to another.",
            ledger.count_events(LEASE_TAKEN_OVER),
        ),
        _single(
            "edi_leases_lost_total",
            "Claims that their holder found lost when it came back to them.",
            ledger.count_events(LEASE_LOST),
        ),
        _overdue(hub, now),
        _differences(pulses),
        *_chain(pulses),
    )


def _chain(pulses: Mapping[str, Pulse]) -> Iterator[Gauge]:
    """Yield what is known of the chain: nothing before it was recomputed for the first time."""
    if CHAIN in pulses:
        sound = not pulses[CHAIN].data["breaks"]
        text = "1 if the chain of events held when it was last recomputed, else 0."
        yield _single("edi_chain_ok", text, float(sound))


def _overdue(hub: Hub, now: datetime) -> Gauge:
    late = overdue(hub.ledger, hub.ledger.sheets(), now, _WATCHED)
    return Gauge(
        "edi_overdue",
        "Words about invoices that did not come within the agreed time, by who owes them.",
        ("owner",),
        {(owner,): count for owner, count in Counter(one.owner for one in late).items()},
    )


def _differences(pulses: Mapping[str, Pulse]) -> Gauge:
    found = differences_of(pulses)
    return Gauge(
        "edi_reconcile_differences",
        "Where the record and the world do not agree, by kind.",
        ("kind",),
        {(kind.value,): found.get(kind.value, 0) for kind in Kind},
    )


def _balanced(hub: Hub, now: datetime) -> Gauge:
    lines = balance(hub.ledger, Query(received_from=now - _BALANCED), amounts=False)
    return Gauge(
        "edi_conservation_difference",
        "Received in two days, less what became of it; anything but 0 is a loss or a copy.",
        ("partner", "line"),
        {(one.partner, one.line): float(one.difference) for one in lines},
    )


def _single(name: str, text: str, value: float) -> Gauge:
    return Gauge(name, text, (), {(): value})


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
