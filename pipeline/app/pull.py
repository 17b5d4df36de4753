"""Take whole files out of a sender's folder: blob, then row, then remote removal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.breaker import is_told
from pipeline.app.hub import Hub
from pipeline.app.lanes import in_lanes
from pipeline.app.notices import tell_links
from pipeline.ingest.completeness import gzip_whole, looks_whole, p7m_whole
from pipeline.ingest.selection import Selection, select, waited_enough, watch_links
from pipeline.ingest.unwrap import Kind, kind_of
from pipeline.model.connection import Connection
from pipeline.model.errors import ArchiveError, PipelineError, TransferError
from pipeline.model.identity import interchange_id
from pipeline.model.interchange import Interchange, RemoteFile, Sighting
from pipeline.model.names import raw_name, slug
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Transaction
from pipeline.ports.outside import Blob, Session

log = get_logger(__name__)

T = TypeVar("T")

#: Files whose blobs are synced together, before the one commit that names them.
GROUP = 32
#: Longest file name most servers take, in bytes.
_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pass over a sender's folder did.

    Attributes:
        listed: Files seen, temporary names left out.
        taken: Interchanges recorded for the first time.
        waiting: Files left for later.
        trouble: Why files that are whole were left, where it is for us to mend: the first
            reason, with its code; empty if there is none.
    """

    listed: int
    taken: int
    waiting: int
    trouble: str = ""


def pull(hub: Hub, connection: Connection) -> Pulled:
    """Take every file that is whole from a sender's inbox.

    A file that fails is left where it is, with a note in the ledger, and never
    keeps the others from being taken.

    Raises:
        ConnectError, HostKeyMismatch: The server could not be used at all.
    """
    with hub.doors.open(connection) as session:
        found = session.look(connection.inbox)
    listing = {file.name: file for file in found.files}
    failpoint("pull.listed")
    _finish_removals(hub, connection, listing)
    now, seen = hub.clock.now(), hub.ledger.sightings(connection.name)
    selection = select(listing.values(), seen, connection.completeness, now)
    links = watch_links(found.links, seen, now)
    tell_links(hub, connection, links.new, now)
    log.info(
        "pull.listed",
        connection=connection.name,
        ready=len(selection.ready),
        waiting=len(selection.waiting),
    )
    hub.ledger.note_sightings(
        connection.name, [*selection.ready, *selection.waiting, *links.standing]
    )
    taken, left, trouble = _take_all(hub, connection, selection, listing)
    still = [*left, *selection.waiting]
    hub.ledger.note_sightings(connection.name, [*still, *links.standing])
    failpoint("pull.ended")
    return Pulled(len(selection.ready) + len(selection.waiting), taken, len(still), trouble)


def _take_all(
    hub: Hub,
    connection: Connection,
    selection: Selection,
    listing: Mapping[str, RemoteFile],
) -> tuple[int, list[Sighting], str]:
    taken, trouble = 0, ""
    left: list[Sighting] = []
    for group in _groups(selection.ready):
        fetched = in_lanes(hub, connection, group, _fetch)
        blobs: list[tuple[Sighting, Blob]] = []
        for sighting, result in zip(group, fetched, strict=True):
            match result:
                case PipelineError():
                    if not is_told(result):
                        log.warning(
                            "pull.left",
                            connection=connection.name,
                            file=sighting.file.name,
                            code=result.code,
                            error=str(result),
                        )
                    note = f"{result.code}: {result}"
                    left.append(replace(sighting, note=note))
                    if isinstance(result, ArchiveError):
                        trouble = trouble or note
                case Blob():
                    blobs.append((sighting, result))
        whole, partial = _sort_by_wholeness(hub, connection, blobs)
        left.extend(partial)
        taken += _record(hub, connection, whole, listing)
    return taken, left, trouble


def _fetch(hub: Hub, connection: Connection, session: Session, sighting: Sighting) -> Blob:
    limit = connection.limits.flow_bytes
    if sighting.file.size > limit:
        # refused by its size alone: it gets a row and an answer, but no blob of ours
        return Blob(sha256="", size=sighting.file.size, head=b"", tail=b"", place="")
    return hub.archive.receive(session.fetch(connection.inbox, sighting.file, limit))


def _sort_by_wholeness(
    hub: Hub, connection: Connection, blobs: Sequence[tuple[Sighting, Blob]]
) -> tuple[list[tuple[Sighting, Blob]], list[Sighting]]:
    """Put aside what was only stable and does not look whole yet; its time is limited."""
    now = hub.clock.now()
    rules = connection.completeness
    whole: list[tuple[Sighting, Blob]] = []
    partial: list[Sighting] = []
    for sighting, blob in blobs:
        if rules.marker or waited_enough(sighting, rules, now) or _is_whole(hub, connection, blob):
            whole.append((sighting, blob))
            continue
        hub.archive.discard(blob)
        failpoint("pull.discarded")
        note = f"does not look whole; taken as it is after {rules.partial_wait}"
        partial.append(replace(sighting, note=note))
        log.info("pull.partial", connection=connection.name, file=sighting.file.name)
    return whole, partial


def _is_whole(hub: Hub, connection: Connection, blob: Blob) -> bool:
    if not blob.sha256:
        return True
    kind = kind_of(blob.head)
    if kind not in {Kind.GZIP, Kind.P7M}:
        return looks_whole(blob.head, blob.tail)
    with hub.archive.open_received(blob) as stream:
        if kind is Kind.P7M:
            return p7m_whole(stream, connection.limits.file_bytes)
        return gzip_whole(stream, connection.limits.flow_bytes)


def _record(
    hub: Hub,
    connection: Connection,
    whole: Sequence[tuple[Sighting, Blob]],
    listing: Mapping[str, RemoteFile],
) -> int:
    """Make blobs durable, then commit their rows, then move the remote files away."""
    if not whole:
        return 0
    with hub.archive.holding():
        hub.archive.keep([blob for _, blob in whole if blob.sha256])
        interchanges = _received(connection, whole, hub.clock.now())
        new = atomically(
            hub, lambda tx: [one for one in interchanges if tx.record(one, hub.by)], "pull.record"
        )
    for one in new:
        log.info(
            "interchange.received",
            interchange=one.id,
            connection=one.connection,
            file=one.name,
            size=one.size,
            sha256=one.sha256,
        )
    _remove(hub, connection, interchanges, listing)
    return len(new)


def _received(
    connection: Connection, whole: Sequence[tuple[Sighting, Blob]], now: datetime
) -> list[Interchange]:
    return [
        Interchange(
            id=interchange_id(
                connection.name, sighting.file.name, blob.sha256, sighting.file.mtime
            ),
            connection=connection.name,
            partner=connection.partner,
            name=sighting.file.name,
            size=blob.size,
            mtime=sighting.file.mtime,
            sha256=blob.sha256,
            received_at=now,
            environment=connection.environment,
        )
        for sighting, blob in whole
    ]


def _finish_removals(hub: Hub, connection: Connection, listing: dict[str, RemoteFile]) -> None:
    """Finish what a crash left: recorded files that still stand in the inbox.

    Meanwhile another file may have got the name, the size and the second of one: it is told
    by its bytes, and pulled.
    """
    for group in _groups(hub.ledger.still_there(connection.name)):
        standing = [one for one in group if listing.get(one.name) == as_listed(one)]
        read = in_lanes(hub, connection, standing, _read_again)
        found = {one.id: digest for one, digest in zip(standing, read, strict=True)}
        ours = [one for one in group if found.get(one.id, one.sha256) == one.sha256]
        _remove(hub, connection, ours, listing)
        for one in ours:
            if one.id in found:
                del listing[one.name]
        others = [one for one in standing if isinstance(found[one.id], str) and one not in ours]
        if others:
            atomically(hub, partial(_mark_removed, hub, gone=others), "pull.mark_removed")


def _read_again(_: Hub, connection: Connection, session: Session, one: Interchange) -> str | None:
    if not one.sha256:
        return ""  # too large to be read, then as now
    return digest_of(session, connection.inbox, as_listed(one))


def digest_of(session: Session, folder: str, file: RemoteFile) -> str | None:
    """Return the SHA-256 of what stands there; None if it is gone, or not as listed."""
    digest = sha256()
    try:
        for chunk in session.fetch(folder, file, file.size):
            digest.update(chunk)
    except TransferError:
        return None
    return digest.hexdigest()


def _remove(
    hub: Hub,
    connection: Connection,
    interchanges: Sequence[Interchange],
    listing: Mapping[str, RemoteFile],
) -> None:
    def set_aside(_: Hub, connection: Connection, session: Session, one: Interchange) -> bool:
        marker = listing.get(f"{one.name}{connection.completeness.marker}")
        if marker is not None:
            archived = archive_name(one) + (connection.completeness.marker or "")
            session.set_aside(connection.inbox, marker, connection.archive, archived)
            failpoint("pull.remove.marker")
        moved = session.set_aside(
            connection.inbox, as_listed(one), connection.archive, archive_name(one)
        )
        failpoint("pull.remove.file")
        return moved

    results = in_lanes(hub, connection, interchanges, set_aside)
    gone: list[Interchange] = []
    for one, result in zip(interchanges, results, strict=True):
        if isinstance(result, PipelineError):
            if not is_told(result):
                log.warning("pull.not_removed", interchange=one.id, error=str(result))
            continue
        gone.append(one)
        if not result:
            # another file took the name meanwhile: ours is gone from there all the same
            log.info("pull.replaced", interchange=one.id, file=one.name)
    if gone:
        atomically(hub, partial(_mark_removed, hub, gone=gone), "pull.mark_removed")


def _mark_removed(hub: Hub, tx: Transaction, *, gone: Sequence[Interchange]) -> None:
    for one in gone:
        tx.mark_removed(one.id, hub.by, hub.clock.now())


def as_listed(one: Interchange) -> RemoteFile:
    """Return the file that was taken, as its folder's list named it."""
    return RemoteFile(one.name, one.size, one.mtime)


def archive_name(one: Interchange) -> str:
    """Return the name a taken file gets in the partner's archive folder."""
    name = f"{one.id}-{one.name}"
    return name if len(raw_name(name)) <= _NAME_BYTES else f"{one.id}-{slug(one.name, 200)}"


def _groups(items: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while group := list(islice(rest, GROUP)):
        yield group
