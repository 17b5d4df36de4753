"""Stop and resume the work for a partner, or for everybody; let what is in run dry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.run import RunSummary, may_leave
from pipeline.model.errors import ConfigError
from pipeline.model.run import EVERYBODY, INTAKE, Pause, RunState
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Query

log = get_logger(__name__)

#: Time between two looks at a run of another process that is to run dry, in seconds.
_LOOK_S = 1.0
#: What is due and has not moved for so long will not move by waiting: a door is shut.
_STILL_S = 60.0
_NEWEST = 1000


@dataclass(frozen=True, slots=True)
class Left:
    """What is still on its way.

    Attributes:
        coming: True while files are pulled or wait to be judged.
        due: Connections with files that are due and may leave: not those of paused
            partners, nor of receivers whose time has not come.
        pending: Files to leave, due or not.
    """

    coming: bool
    due: tuple[str, ...]
    pending: int

    @property
    def nothing(self) -> bool:
        """Tell whether everything that can move has moved."""
        return not self.coming and not self.due


def pause(hub: Hub, partner: str | None, reason: str) -> bool:
    """Leave a partner's connections alone, or everybody's; False where they are already.

    Raises:
        ConfigError: No sheet in force names this partner.
    """
    subject = _known(hub, partner)
    one = Pause(partner=subject, since=hub.clock.now(), by=hub.by, reason=reason)
    done = hub.ledger.pause(one)
    if done:
        log.info("partner.paused", partner=subject, by=hub.by)
    return done


def resume(hub: Hub, partner: str | None) -> bool:
    """Work for a partner again, or for everybody, intake included; False if nothing was paused.

    Raises:
        ConfigError: Nothing of this name is paused, nor in force.
    """
    paused = {one.partner for one in hub.ledger.pauses()}
    wanted = {EVERYBODY, INTAKE} if partner is None else {partner}
    if partner is not None and partner not in paused:
        _known(hub, partner)
    now = hub.clock.now()
    lifted = [one for one in sorted(wanted & paused) if hub.ledger.resume(one, hub.by, now)]
    for one in lifted:
        log.info("partner.resumed", partner=one, by=hub.by)
    return bool(lifted)


def drain(hub: Hub, run: Callable[[], RunSummary] | None) -> Left:
    """Take nothing new in, and return when nothing that can move is left.

    Args:
        hub: The hub.
        run: Makes a run without intake; None where a run of another process is at work,
            which then is watched.

    Returns:
        What is left: files due through a door that does not let them through, or nothing.
    """
    since = hub.clock.now()
    hub.ledger.pause(Pause(partner=INTAKE, since=since, by=hub.by, reason="edi drain"))
    if run is None:
        return _watch(hub)
    run()
    found, waited = _left(hub), 0.0
    # what other workers hold is theirs, and ours once their leases have run out
    while found.coming and waited < _STILL_S + hub.settings.lease.total_seconds():
        hub.clock.sleep(_LOOK_S)
        run()
        before, found = found, _left(hub)
        waited = waited + _LOOK_S if found == before else 0.0
    return found


def _watch(hub: Hub) -> Left:
    """Wait until the run of another process has run dry."""
    found, looks = _left(hub), 0
    while not found.nothing and looks * _LOOK_S < _STILL_S:
        hub.clock.sleep(_LOOK_S)
        before, found = found, _left(hub)
        looks = 0 if found.coming or found != before else looks + 1
    return found


def _left(hub: Hub) -> Left:
    ledger, sheets = hub.ledger, hub.ledger.sheets()
    pulling = any(one.state is RunState.STARTED for one in ledger.runs(limit=_NEWEST))
    received = ledger.interchanges(Query(steps=(InterchangeStep.RECEIVED.value,), limit=1))
    due = ledger.due_connections(hub.clock.now())
    return Left(
        coming=pulling or bool(received),
        due=tuple(name for name in due if may_leave(hub, sheets, name)),
        pending=ledger.count_outbox()[OutboxState.PENDING],
    )


def _known(hub: Hub, partner: str | None) -> str:
    if partner is None:
        return EVERYBODY
    partners = {one.partner for one in hub.ledger.sheets().connections.values()}
    if partner not in partners:
        listed = ", ".join(sorted(partners))
        raise ConfigError(
            f"{partner}: partenaire inconnu ; en vigueur : {listed}"
            f" / unknown partner; in force: {listed}"
        )
    return partner
