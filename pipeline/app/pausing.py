"""Stop and resume the work for a partner, or for everybody; let what is in run dry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.run import RunSummary
from pipeline.model.errors import ConfigError
from pipeline.model.run import EVERYBODY, INTAKE, Pause
from pipeline.ports.ledger import Query

log = get_logger(__name__)

#: Time between two looks at a run of another process that is to run dry, in seconds.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Left:
    """What is still on its way.

    Attributes:
        received: True while files wait to be judged.
        due: Connections with files that are due to leave.
    """

    received: bool
    due: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Tell whether everything that can move has moved."""
        return not self.received and not self.due


def pause(hub: Hub, partner: str | None, reason: str) -> bool:
    """Leave a partner's connections alone, or everybody's; False where they are already.

    Raises:
        ConfigError: No sheet in force names this partner.
    """
    subject = _known(hub, partner)
    one = Pause(partner=subject, since=hub.clock.now(), by=hub.by, reason=reason)
    log.info("partner.paused", partner=subject, by=hub.by)
    return hub.ledger.pause(one)


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
    lifted = [hub.ledger.resume(one, hub.by, now) for one in sorted(wanted & paused)]
    log.info("partner.resumed", partner=partner or EVERYBODY, by=hub.by)
    return any(lifted)


def left(hub: Hub) -> Left:
    """Return what is still on its way."""
    received = hub.ledger.interchanges(Query(steps=("received",), limit=1))
    return Left(bool(received), tuple(hub.ledger.due_connections(hub.clock.now())))


def drain(hub: Hub, run: Callable[[], RunSummary] | None) -> Left:
    """Take nothing new in, and return when nothing that can move is left.

    Args:
        hub: The hub.
        run: Makes a run without intake; None where a run of another process is at work,
            which then is watched.
    """
    since = hub.clock.now()
    hub.ledger.pause(Pause(partner=INTAKE, since=since, by=hub.by, reason="edi drain"))
    if run is not None:
        run()
        return left(hub)
    while not (found := left(hub)).nothing:
        hub.clock.sleep(_LOOK_S)
    return found


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
