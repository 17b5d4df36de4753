"""Seal each day of the chain, and hold the chain against the seals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.levels import trouble
from pipeline.model.errors import PipelineError, SealError
from pipeline.model.event import Event
from pipeline.model.seal import Seal
from pipeline.ports.ledger import Ledger
from pipeline.ports.seals import Seals

log = get_logger(__name__)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealsHeld:
    """What the seals say of the chain.

    Attributes:
        count: Seals that can be believed and that the chain agrees with.
        broken: The others: name, and what is wrong.
        missing: Days that are over and have no seal, yesterday aside.
        due: Whether yesterday has none yet: the next run seals it.
    """

    count: int = 0
    broken: tuple[tuple[str, str], ...] = ()
    missing: tuple[date, ...] = ()
    due: bool = False

    @property
    def sound(self) -> bool:
        """Tell whether no seal is broken or gone."""
        return not (self.broken or self.missing)


def seal_days(hub: Hub) -> int:
    """Seal every day that is over and has no seal yet; return how many that were.

    What fails is logged, and tried again by the next run: invoices do not wait for it.
    """
    try:
        made = _seal_days(hub)
    except PipelineError as error:
        trouble(log, "seal.failed", error, {})
        return 0
    if made:
        log.info("seal.made", days=made)
    return made


def seal_now(hub: Hub) -> Seal | None:
    """Seal every day that is over, and today as far as it goes; None if nothing ever happened.

    Returns:
        The seal of today.

    Raises:
        SealError: A seal could not be made.
    """
    _seal_days(hub)
    head = hub.ledger.head_before()
    if head is None:
        return None
    seal = _seal(hub.ledger, _today(hub), _last(hub), head, whole=False)
    hub.seals.write(seal)
    return seal


def check_seals(ledger: Ledger, seals: Seals, today: date) -> SealsHeld:
    """Hold the chain against every seal that is there."""
    broken = [
        (found.name, trouble)
        for found in seals.all()
        if (trouble := found.trouble or _differs(ledger, found.seal))
    ]
    names = set(seals.names())
    first = ledger.event_at(1)
    start = first.fact.at.date() if first else today
    over = [start + _ONE_DAY * count for count in range((today - start).days)]
    missing = [day for day in over if day.isoformat() not in names]
    return SealsHeld(
        count=len(names) - len(broken),
        broken=tuple(broken),
        missing=tuple(day for day in missing if day != today - _ONE_DAY),
        due=today - _ONE_DAY in missing,
    )


def _seal_days(hub: Hub) -> int:
    today, last = _today(hub), _last(hub)
    if last is not None and last.day >= today - _ONE_DAY:
        return 0
    if last is None:
        first = hub.ledger.event_at(1)
        start = first.fact.at.date() if first else today
    else:
        start = last.day + _ONE_DAY
        if wrong := _differs(hub.ledger, last):
            raise SealError(f"{last.name}: {wrong} ; edi verify")
    made = 0
    for day in (start + _ONE_DAY * count for count in range((today - start).days)):
        end = datetime.combine(day + _ONE_DAY, time(), UTC)
        last = _seal(hub.ledger, day, last, hub.ledger.head_before(end))
        made += hub.seals.write(last)
    return made


def _seal(
    ledger: Ledger, day: date, last: Seal | None, head: Event | None, *, whole: bool = True
) -> Seal:
    """Return the seal that follows `last`; a head that `last` covers already changes nothing."""
    after, hash_ = (last.seq, last.hash) if last else (0, "")
    seq = after
    if head is not None and head.seq > after:
        seq, hash_ = head.seq, head.hash
    counts = ledger.count_between(after, seq)
    return Seal(
        day=day,
        after=after,
        seq=seq,
        hash=hash_,
        interchanges=counts.get("interchange.received", 0),
        documents=counts.get("document.received", 0),
        whole=whole,
    )


def _last(hub: Hub) -> Seal | None:
    """Return the newest seal of a whole day.

    Raises:
        SealError: It cannot be believed: nothing is sealed on top of it.
    """
    days = sorted(_days(hub.seals))
    if not days:
        return None
    found = hub.seals.read(days[-1])
    if found.seal is None:
        raise SealError(f"{found.name}: {found.trouble} ; edi verify")
    return found.seal


def _days(seals: Seals) -> Iterator[str]:
    for name in seals.names():
        try:
            date.fromisoformat(name)
        except ValueError:
            continue  # a moment of a day
        yield name


def _differs(ledger: Ledger, seal: Seal | None) -> str:
    """Return in what the chain contradicts a seal; empty if in nothing."""
    if seal is None or not seal.seq:
        return ""
    event = ledger.event_at(seal.seq)
    counts = ledger.count_between(seal.after, seal.seq)
    found = (
        event.hash if event else "",
        counts.get("interchange.received", 0),
        counts.get("document.received", 0),
    )
    if found != (seal.hash, seal.interchanges, seal.documents):
        return (
            f"la chaîne n'est plus celle qui fut scellée à l'événement {seal.seq}"
            f" / the chain is not the one that was sealed at event {seal.seq}"
        )
    return ""


def _today(hub: Hub) -> date:
    return hub.clock.now().astimezone(UTC).date()
