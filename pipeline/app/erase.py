"""Erase what a flow said: by an operator's word, or because its time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum
from functools import partial

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.model.errors import ArchiveError, ConfigError
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, members_of
from pipeline.model.retention import DEFAULT_CLASS, RetentionClass
from pipeline.model.status import INTERCHANGE_FOLLOWS, OutboxState, is_final
from pipeline.ports.ledger import Query, Sheets, Transaction

log = get_logger(__name__)

_MOVING = frozenset({OutboxState.WAITING, OutboxState.PENDING, OutboxState.PAUSED})
#: What is given up for good where it is: an answer is not, it is owed.
_GIVEN_UP = frozenset({OutboxKind.DELIVERY, OutboxKind.COPY})


class Obstacle(Enum):
    """Why a flow cannot be erased now."""

    LEGAL_HOLD = "conservation forcée / legal hold"
    IN_FLIGHT = "pas terminé / not finished"
    AT_SENDER = "encore dans le dossier de l'émetteur / still in the sender's folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasing did.

    Attributes:
        interchange: The flow.
        destroyed: Whether its bytes were destroyed now.
        shared_with: Flows with the same bytes that still need them.
    """

    interchange: Interchange
    destroyed: bool
    shared_with: tuple[InterchangeId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A flow past the end of its retention.

    Attributes:
        interchange: The flow.
        retention: Name of the class it is kept by.
        since: First day on which it might have been erased.
        obstacle: Why it cannot be erased now, or None.
    """

    interchange: Interchange
    retention: str
    since: date
    obstacle: Obstacle | None


def erase(hub: Hub, subject: str, reason: str) -> Erased:
    """Blank what the record says of a flow, then destroy its bytes.

    Done again on an erased flow it ends what a crash, or another flow with the same bytes,
    has left.

    Raises:
        ConfigError: There is no such flow, or it cannot be erased now: why.
        ArchiveError: Its bytes could not be destroyed: to be done again.
    """

    def act(tx: Transaction) -> Interchange:
        flow = tx.interchange(InterchangeId(subject))
        if flow is None:
            raise ConfigError(f"{subject}: aucun flux / no such interchange")
        if not flow.erased:
            obstacle = _obstacle(tx, flow)
            if obstacle is not None:
                raise ConfigError(f"{subject}: {obstacle.value}")
            _cancel_abandoned(hub, tx, flow)
            tx.erase(flow, by=hub.by, at=hub.clock.now(), reason=reason)
        return flow

    flow = atomically(hub, act, "erase.flow")
    log.info("flow.erased", interchange=flow.id, by=hub.by)
    hub.spool.clear(flow.id)
    return _destroy(hub, flow)


def _cancel_abandoned(hub: Hub, tx: Transaction, flow: Interchange) -> None:
    """Cancel deliveries that were given up: without bytes nobody can make them again.

    The file of a group still stands for what other flows have in it.

    Raises:
        ConfigError: One of them may be on its way after all.
    """
    rows = tx.outbox_of(flow.id)
    ours = {one.id for one in tx.documents_of(flow.id)}
    after, now = OutboxState.CANCELLED, hub.clock.now()
    for row in (one for one in rows if one.state is OutboxState.ABANDONED):
        if not row.is_group:
            tx.move_outbox(row, after, by=hub.by, at=now)
        elif not tx.leave_group(row, members_of(row, rows, ours), after, by=hub.by, at=now):
            raise ConfigError(f"{flow.id}: {Obstacle.IN_FLIGHT.value}")


def keep_by_law(hub: Hub, subject: str, reason: str, *, held: bool) -> bool:
    """Let nothing erase a flow until this is lifted, or lift it; False if it stood so already.

    Raises:
        ConfigError: There is no such flow, or it is erased already.
    """

    def act(tx: Transaction) -> bool:
        flow = tx.interchange(InterchangeId(subject))
        if flow is None:
            raise ConfigError(f"{subject}: aucun flux / no such interchange")
        if flow.erased:
            raise ConfigError(f"{subject}: déjà effacé / erased already")
        return tx.set_legal_hold(flow, held=held, by=hub.by, at=hub.clock.now(), reason=reason)

    return atomically(hub, act, "erase.keep_by_law")


def overdue(hub: Hub, sheets: Sheets) -> Iterator[Overdue]:
    """Yield every flow past the end of its retention, by connection, newest first.

    What no sheet speaks for any more is kept as invoices are.

    Raises:
        ConfigError: A sheet names a class that does not exist.
    """
    today = hub.clock.now().astimezone(UTC).date()
    for name in hub.ledger.connections_seen():
        sheet = sheets.connections.get(name)
        kept = class_of(hub, sheet.retention if sheet else DEFAULT_CLASS)
        before = datetime.combine(kept.may_end_before(today), time(), UTC)
        query = Query(connection=name, erased=False, received_before=before, limit=None)
        for flow in hub.ledger.interchanges(query):
            since = kept.ends(flow.received_at.astimezone(UTC).date())
            if since <= today:
                obstacle = atomically(hub, partial(_obstacle, flow=flow), "erase.find")
                yield Overdue(
                    interchange=flow, retention=kept.name, since=since, obstacle=obstacle
                )


def unfinished(hub: Hub) -> Iterator[Interchange]:
    """Yield erased flows whose bytes are still there and that nobody else needs."""
    kept = set(hub.archive.kept())
    for flow in hub.ledger.interchanges(Query(erased=True, limit=None)):
        if flow.sha256 in kept and not _holders(hub, flow):
            yield flow


def finish(hub: Hub) -> tuple[int, list[tuple[str, str]]]:
    """Destroy the bytes that interrupted erasings left.

    Returns:
        How many, and which flows' bytes could not be destroyed, each with the reason.
    """
    done, failed = 0, list[tuple[str, str]]()
    for flow in unfinished(hub):
        try:
            done += _destroy(hub, flow).destroyed
        except ArchiveError as error:
            failed.append((flow.id, str(error)))
    return done, failed


def class_of(hub: Hub, name: str) -> RetentionClass:
    """Return a retention class by name.

    Raises:
        ConfigError: It does not exist.
    """
    try:
        return hub.retention[name]
    except KeyError:
        known = ", ".join(sorted(hub.retention))
        raise ConfigError(f"retention: « {name} » inconnu / unknown ({known})") from None


def _destroy(hub: Hub, flow: Interchange) -> Erased:
    holders: list[InterchangeId] = []

    def still_needed() -> bool:
        holders[:] = _holders(hub, flow)
        return bool(holders)

    destroyed = bool(flow.sha256) and hub.archive.erase(flow.sha256, still_needed)
    if not destroyed and flow.sha256 and not holders and hub.archive.check(flow.sha256):
        raise ArchiveError(f"{flow.sha256}: pas détruit / not destroyed")
    return Erased(interchange=flow, destroyed=destroyed, shared_with=tuple(holders))


def _holders(hub: Hub, flow: Interchange) -> list[InterchangeId]:
    """Return the other flows with these bytes that are not erased."""
    same = atomically(hub, lambda tx: tx.same_bytes(flow.sha256, flow.id), "erase.find")
    return [one.id for one in same if not one.erased]


def _obstacle(tx: Transaction, flow: Interchange) -> Obstacle | None:
    if flow.legal_hold:
        return Obstacle.LEGAL_HOLD
    rows = [*tx.outbox_of(flow.id), *tx.telling_of(flow)]
    moving = any(row.state in _MOVING for row in rows)
    abandoned = any(
        row.state is OutboxState.ABANDONED and row.kind not in _GIVEN_UP for row in rows
    )
    if moving or abandoned or not is_final(INTERCHANGE_FOLLOWS, flow.step):
        return Obstacle.IN_FLIGHT
    return None if flow.removed else Obstacle.AT_SENDER
