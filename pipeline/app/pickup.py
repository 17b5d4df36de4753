"""Notice that receivers took their files away, and remove what nobody came for.

What is known of a file stands in the ledger. Of two ways to know that it was picked up, the
server's transfer log comes first, since it tells when; a file that is gone was taken too.
A removal is announced, then on record, then done: where it breaks off it is done again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from structlog import get_logger

from pipeline.acknowledge.purge import PURGE_NOTICE, purge_notice
from pipeline.app.atomic import atomically
from pipeline.app.handover import sum_line
from pipeline.app.hub import Hub
from pipeline.app.jobs import stops_of
from pipeline.app.levels import trouble
from pipeline.app.notices import enqueue
from pipeline.app.pull import digest_of
from pipeline.app.sessions import Sessions
from pipeline.model.connection import Connection
from pipeline.model.errors import PipelineError
from pipeline.model.handover import Pickup as Watch
from pipeline.model.interchange import RemoteFile
from pipeline.model.outbox import OutboxKind
from pipeline.model.pickup import THERE, Known, Pickup, PickupState, Taken
from pipeline.model.status import OutboxState
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.ports.outside import Session

log = get_logger(__name__)

#: Files that one notice, and one change of the ledger, tell of.
_GROUP = 200
#: A server's clock may be behind ours, and its log tells whole seconds.
_SLACK = timedelta(minutes=1)
#: In these something is still to be done about a file.
_OPEN = (*THERE, PickupState.PURGING)
#: A notice in one of these has not reached its receiver.
_NOT_SENT = tuple(state for state in OutboxState if state is not OutboxState.SENT)


@dataclass(slots=True)
class Watched:
    """What one look at the receivers' folders came to.

    Attributes:
        picked_up: Files that were taken away since the last look.
        announced: Files whose removal was announced.
        purged: Files that were removed.
    """

    picked_up: int = 0
    announced: int = 0
    purged: int = 0


def look_after_pickups(hub: Hub, sheets: Sheets) -> Watched:
    """Notice what was picked up, announce what will be removed, remove what was announced.

    Trouble with one receiver, or with one log, is logged and waits for the next look.

    Args:
        hub: Of the one process that leads.
        sheets: The configuration in force.
    """
    watched = Watched()
    watches = _watches(hub, sheets)
    for path in sorted({watch.log for _, watch in watches.values() if watch.log is not None}):
        try:
            watched.picked_up += _read_log(hub, path, watches)
        except PipelineError as error:
            trouble(log, "pickup.failed", error, {"log": path})
    lying: dict[str, list[Pickup]] = {}
    for one in hub.ledger.pickups.standing(_OPEN):
        lying.setdefault(one.connection, []).append(one)
    with Sessions(hub.doors, hub.breaker, hub.clock, sheets.connections.values()) as sessions:
        at_work = replace(hub, doors=sessions)
        for name in sorted(lying.keys() & watches.keys()):
            try:
                _look_after(at_work, *watches[name], lying[name], watched)
            except PipelineError as error:
                trouble(log, "pickup.failed", error, {"connection": name})
    return watched


def _watches(hub: Hub, sheets: Sheets) -> dict[str, tuple[Connection, Watch]]:
    """Return the receivers to look after now: a paused one is left alone."""
    stops = stops_of(hub)
    return {
        name: (sheet, sheet.handover.pickup)
        for name, sheet in sheets.connections.items()
        if sheet.handover.pickup is not None and not stops.why_shut(sheet)
    }


def late(hub: Hub, sheets: Sheets, now: datetime) -> Sequence[Pickup]:
    """Return the files that lie there for longer than their sheet says, oldest first."""
    watches = {
        name: sheet.handover.pickup
        for name, sheet in sheets.connections.items()
        if sheet.handover.pickup is not None
    }
    return [
        one
        for one in hub.ledger.pickups.standing(THERE)
        if one.connection in watches and one.since + watches[one.connection].late_after <= now
    ]


def _look_after(
    hub: Hub, sheet: Connection, watch: Watch, files: Sequence[Pickup], watched: Watched
) -> None:
    """Look at one receiver's folders; `files` are those of which something may be to do."""
    with hub.doors.open(sheet) as session:
        there = {
            (folder, file.name): file
            for folder in sorted({one.folder for one in files})
            for file in session.list_files(folder)
        }
        now = hub.clock.now()
        gone = [one for one in files if one.state in THERE and _place(one) not in there]
        watched.picked_up += _note_taken(hub, [(one, now) for one in gone], Known.ABSENCE)
        lying = [one for one in files if one.state in THERE and _place(one) in there]
        if watch.purge_after is not None:
            watched.announced += _announce(hub, sheet, watch, watch.purge_after, lying)
            ripe = [one for one in lying if _is_ripe(one, watch, watch.purge_after, now)][:_GROUP]
            if ripe and _notice_waits(hub, sheet.name):
                ripe = []
            lying = _record(hub, session, [(one, there[_place(one)]) for one in ripe])
        broken_off = [one for one in files if one.state is PickupState.PURGING]
        for one in (*broken_off, *lying):
            if one.state is PickupState.PURGING:
                watched.purged += _remove(hub, sheet, session, one, there.get(_place(one)))


def _place(one: Pickup) -> tuple[str, str]:
    return one.folder, one.name


# -- picked up
def _read_log(hub: Hub, path: str, watches: Mapping[str, tuple[Connection, Watch]]) -> int:
    """Note what a transfer log says was read whole; return how many files that were.

    A line about a file whose attempt is not marked yet keeps the log's place where it was:
    what was noted is noted once, however often it is read.
    """
    pickups = hub.ledger.pickups
    users = {watch.user: name for name, (_, watch) in watches.items() if watch.log == path}
    place = pickups.place(path)
    read = hub.transfer_log.read(path, place, hub.clock.now())
    lying = {(one.connection, _last(one.folder), one.name): one for one in pickups.standing(THERE)}
    found: dict[str, tuple[Pickup, datetime]] = {}
    unknown: dict[str, set[str]] = {}
    for taken in read.taken:
        name = users.get(taken.user)
        if name is None:
            continue
        one = lying.get((name, _last(taken.folder), taken.name))
        if one is None:
            unknown.setdefault(name, set()).add(taken.name)
        elif _is_whole(taken, one):
            found.setdefault(one.key, (one, taken.at or hub.clock.now()))
    noted = _note_taken(hub, list(found.values()), Known.LOG)
    failpoint("pickup.noted")
    if read.place != place and not _any_on_its_way(hub, unknown):
        pickups.note_place(path, read.place)
    return noted


def _any_on_its_way(hub: Hub, names: Mapping[str, Collection[str]]) -> bool:
    """Tell whether a file of these names, by connection, may stand there and is not marked."""
    return any(
        one.state is OutboxState.PENDING
        for connection, some in names.items()
        for one in hub.ledger.upkeep.leaving(connection, some).values()
    )


def _last(folder: str) -> str:
    """Return the last step of a folder: accounts see different ones above it."""
    return folder.rstrip("/").rpartition("/")[2]


def _is_whole(taken: Taken, one: Pickup) -> bool:
    """Tell whether all of a file was read, and not before it was put."""
    return taken.bytes >= one.size and (taken.at is None or taken.at >= one.since - _SLACK)


def _note_taken(hub: Hub, found: Sequence[tuple[Pickup, datetime]], known: Known) -> int:
    if not found:
        return 0

    def note(tx: Transaction) -> int:
        now = hub.clock.now()
        return sum(
            tx.move_pickup(
                one,
                replace(one, state=PickupState.PICKED_UP, at=at, known=known),
                by=hub.by,
                at=now,
                data={"known": known.value, "picked_up_at": at.isoformat()},
            )
            for one, at in found
        )

    noted = atomically(hub, note, "pickup.note")
    for one, _ in found:
        log.info("delivery.picked_up", connection=one.connection, file=one.name, known=known.value)
    return noted


# -- removal
def _announce(
    hub: Hub, sheet: Connection, watch: Watch, age: timedelta, lying: Sequence[Pickup]
) -> int:
    """Tell a receiver which files will be removed, and when; return how many they are."""
    now = hub.clock.now()
    due = [
        one
        for one in lying
        if one.state is PickupState.LYING and one.since + age - watch.notice <= now
    ][:_GROUP]
    if not due:
        return 0
    removals = [(one, max(one.since + age, now + watch.notice)) for one in due]
    files = purge_notice(removals, now)

    def announce(tx: Transaction) -> int:
        told = 0
        for one, when in removals:
            after = replace(one, state=PickupState.ANNOUNCED, at=now)
            data = {"removed_from": when.isoformat(), "notice": files[0].name}
            told += tx.move_pickup(one, after, by=hub.by, at=now, data=data)
        enqueue(hub, tx, sheet, files, now)
        return told

    told = atomically(hub, announce, "pickup.announce")
    log.warning("delivery.announced", connection=sheet.name, files=told, notice=files[0].name)
    return told


def _is_ripe(one: Pickup, watch: Watch, age: timedelta, now: datetime) -> bool:
    """Tell whether a file lies there long enough, and was announced long enough ago."""
    announced = one.state is PickupState.ANNOUNCED
    return announced and one.since + age <= now and one.at + watch.notice <= now


def _notice_waits(hub: Hub, connection: str) -> bool:
    """Tell whether an announcement to a receiver has not reached it: nothing is removed then."""
    notices = hub.ledger.outbox(connection=connection, kind=OutboxKind.NOTICE, states=_NOT_SENT)
    return any(one.name.startswith(PURGE_NOTICE) for one in notices)


def _record(hub: Hub, session: Session, ripe: Sequence[tuple[Pickup, RemoteFile]]) -> list[Pickup]:
    """Write down what is about to be removed, of what is still as it was put.

    Returns:
        What may be removed now.
    """
    seen = {one.key: digest_of(session, one.folder, file) for one, file in ripe}
    ours = [one for one, file in ripe if (file.size, seen[one.key]) == (one.size, one.sha256)]
    others = [one for one, _ in ripe if one not in ours and seen[one.key] is not None]
    if not ours and not others:
        return []

    def record(tx: Transaction) -> list[Pickup]:
        now, purging = hub.clock.now(), []
        for one in ours:
            after = replace(one, state=PickupState.PURGING, at=now)
            if tx.move_pickup(one, after, by=hub.by, at=now, data={"sha256": one.sha256}):
                purging.append(after)
        for one in others:
            _leave(hub, tx, one, seen[one.key] or "")
        return purging

    purging = atomically(hub, record, "pickup.purge")
    for one in others:
        log.warning("delivery.changed", connection=one.connection, file=one.name)
    failpoint("purge.recorded")
    return purging


def _leave(hub: Hub, tx: Transaction, one: Pickup, found: str) -> None:
    """Note that other bytes stand where ours stood: they are not ours to remove."""
    now = hub.clock.now()
    after = replace(one, state=PickupState.CHANGED, at=now)
    tx.move_pickup(one, after, by=hub.by, at=now, data={"found": found})


def _remove(
    hub: Hub, sheet: Connection, session: Session, one: Pickup, file: RemoteFile | None
) -> int:
    """Remove a file that is on record as removed, its marker first; return 1 if it is gone."""
    beside = sheet.handover
    if file is not None and digest_of(session, one.folder, file) not in {one.sha256, None}:
        atomically(hub, lambda tx: _leave(hub, tx, one, ""), "pickup.changed")
        return 0
    if beside.done:
        _remove_beside(session, one.folder, one.name + beside.done, 0)
    gone = file is None or session.remove(one.folder, file)
    failpoint("purge.removed")
    if not gone:
        return 0  # replaced in this moment: the next look sees by what
    if beside.sums:
        size = len(sum_line(one.sha256, one.name))
        _remove_beside(session, one.folder, one.name + beside.sums, size)

    def done(tx: Transaction) -> bool:
        now = hub.clock.now()
        after = replace(one, state=PickupState.PURGED, at=now)
        data = {"absent": True} if file is None else {}
        return tx.move_pickup(one, after, by=hub.by, at=now, data=data)

    atomically(hub, done, "pickup.purged")
    log.info("delivery.purged", connection=one.connection, file=one.name)
    return 1


def _remove_beside(session: Session, folder: str, name: str, size: int) -> None:
    found = session.find(folder, name)
    if found is not None and found.size == size:
        session.remove(folder, found)
