"""Hold the ledger against archive and partners' folders, and put right what can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.differences import (
    FORGOTTEN,
    GRACE,
    Folders,
    Seen,
    archived_as,
    find_differences,
    leaving_as,
    numbers_in,
)
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.jobs import stops_of
from pipeline.app.levels import trouble
from pipeline.app.pull import archive_name, as_listed, digest_of
from pipeline.app.run import may_leave, work_off
from pipeline.app.sessions import Sessions
from pipeline.model.connection import Connection
from pipeline.model.difference import FOR_A_PERSON, Difference, Kind
from pipeline.model.errors import ConfigError, PipelineError, TransferError
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange, RemoteFile
from pipeline.model.status import InterchangeStep
from pipeline.ports.ledger import Query, Sheets, Transaction
from pipeline.ports.outside import Session
from pipeline.ports.upkeep import Leaving

log = get_logger(__name__)

#: Files that were sent are read again so long afterwards, where they still stand.
WINDOW = timedelta(days=7)
#: Forgotten interchanges that are named.
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look found, and what became of it.

    Attributes:
        differences: What does not agree.
        unreachable: Why a connection's folders were not looked at, by connection.
        done: What was done about each difference, French first; empty if nothing was.
    """

    differences: tuple[Difference, ...]
    unreachable: Mapping[str, str]
    done: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """Count the differences that are still there."""
        done = self.done or ("",) * len(self.differences)
        return sum(not one for one in done)


def look_for_differences(
    hub: Hub, sheets: Sheets, *, everywhere: bool, read_back: bool = False
) -> Reconciled:
    """Hold the ledger against itself, and if asked against archive and partners' folders.

    Nothing is changed.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        everywhere: True to list the archive and partners' folders too.
        read_back: True to read what was sent and still stands there.
    """
    seen = _look(hub, sheets)
    unreachable: dict[str, str] = {}
    if everywhere:
        with Sessions(hub.doors, hub.breaker, hub.clock, sheets.connections.values()) as sessions:
            at_work = replace(hub, doors=sessions)
            folders = _look_at_partners(at_work, sheets, unreachable, read_back=read_back)
        seen = _look_everywhere(hub, sheets, seen, folders)
    return Reconciled(find_differences(seen), unreachable)


def put_right(hub: Hub, sheets: Sheets, found: Reconciled, *, alone: bool) -> Reconciled:
    """Do what can be done about each difference; every act may be repeated.

    Args:
        hub: The hub; its `by` names the operator.
        sheets: The configuration in force.
        found: What was found a moment ago.
        alone: True where nobody leads: then what was forgotten is worked off here.
    """
    with Sessions(hub.doors, hub.breaker, hub.clock, sheets.connections.values()) as sessions:
        mender = _Mender(replace(hub, doors=sessions), sheets)
        done = [mender.mend(one) for one in found.differences]
    forgotten = {Kind.LEASE, Kind.FORGOTTEN_FLOW, Kind.FORGOTTEN_ROW}
    if alone and any(one.kind in forgotten for one in found.differences):
        work_off(hub, sheets)
        again = {
            one.subject for one in look_for_differences(hub, sheets, everywhere=False).differences
        }
        done = [
            "traité / worked off" if one.kind in forgotten and one.subject not in again else told
            for one, told in zip(found.differences, done, strict=True)
        ]
    return replace(found, done=tuple(done))


# -- looking
def _look(hub: Hub, sheets: Sheets) -> Seen:
    now, upkeep = hub.clock.now(), hub.ledger.upkeep
    long_ago = now - FORGOTTEN
    received = Query(
        steps=(InterchangeStep.RECEIVED.value,), received_before=long_ago, limit=_LISTED
    )
    overdue = upkeep.overdue(long_ago)
    doors = {row.connection for row in overdue}
    open_doors = {name for name in doors if may_leave(hub, sheets, name)}
    return Seen(
        at=now,
        span=hub.settings.lease,
        hub_code=hub.settings.hub_code,
        held=upkeep.held(),
        received=hub.ledger.interchanges(received),
        overdue=[row for row in overdue if row.connection in open_doors],
        unclosed=upkeep.unclosed(),
    )


def _look_everywhere(hub: Hub, sheets: Sheets, seen: Seen, folders: Sequence[Folders]) -> Seen:
    upkeep = hub.ledger.upkeep
    # first what is kept, then what is named: a blob comes before its row
    kept = set(hub.archive.kept())
    named = set(upkeep.named_blobs())
    highest = dict(upkeep.highest_numbers())
    for one in folders:
        found = numbers_in((file.name for file in one.out), hub.settings.hub_code)
        for name, number in found.items():
            series = sheets.connections[one.connection].environment.series(name)
            highest[series] = max(highest.get(series, 0), number)
    lost = sorted(set(upkeep.needed_blobs()) - kept)  # what was erased is to be missing
    return replace(
        seen,
        orphans={digest: hub.archive.kept_at(digest) for digest in sorted(kept - named)},
        # one that came meanwhile is there now
        lost=[digest for digest in lost if not hub.archive.check(digest)],
        unsent=upkeep.unsent(),
        counters=upkeep.counters(),
        highest=highest,
        folders=folders,
    )


def _look_at_partners(
    hub: Hub, sheets: Sheets, unreachable: dict[str, str], *, read_back: bool
) -> list[Folders]:
    found: list[Folders] = []
    stops = stops_of(hub)
    for name, connection in sorted(sheets.connections.items()):
        if why := stops.why_shut(connection):
            unreachable[name] = why
            continue
        try:
            with hub.doors.open(connection) as session:
                found += _look_at(hub, connection, session, read_back=read_back)
        except PipelineError as error:
            unreachable[name] = f"{error.code}: {error}"
    return found


def _look_at(
    hub: Hub, connection: Connection, session: Session, *, read_back: bool
) -> Iterator[Folders]:
    """Look at what was taken in, then at each folder that files lie in."""
    yield _look_at_taken(hub, connection, session)
    upkeep, name, handover = hub.ledger.upkeep, connection.name, connection.handover
    beside = tuple(one for one in (handover.done, handover.sums) if one is not None)
    for folder in connection.outgoing:
        out = session.list_files(folder)
        leaving = upkeep.leaving(name, {leaving_as(file.name, beside) for file in out})
        yield Folders(
            connection=name,
            folder=folder,
            out=out,
            beside=beside,
            leaving=leaving,
            digests=_digests(hub, folder, session, out, leaving) if read_back else {},
        )


def _look_at_taken(hub: Hub, connection: Connection, session: Session) -> Folders:
    upkeep, name = hub.ledger.upkeep, connection.name
    archive: Sequence[RemoteFile] = ()
    inbox: Sequence[RemoteFile] = ()
    if connection.drops_files:
        archive = _listed(session, connection.archive)
        inbox = session.list_files(connection.inbox)
    names = {file.name for file in inbox}
    ids = {archived[0] for file in archive if (archived := archived_as(file.name)) is not None}
    return Folders(
        connection=name,
        archive=archive,
        inbox=inbox,
        known=upkeep.known_flows(ids),
        removed=_still_there(connection, session, inbox, upkeep.removed(name, names)),
    )


def _listed(session: Session, folder: str) -> Sequence[RemoteFile]:
    """List the archive folder, which is made when the first file is set aside."""
    try:
        return session.list_files(folder)
    except TransferError:
        return ()


def _still_there(
    connection: Connection,
    session: Session,
    inbox: Sequence[RemoteFile],
    removed: Sequence[Interchange],
) -> Sequence[Interchange]:
    """Return those whose very bytes stand in the inbox: a name, a size and a time tell little.

    Another file of that name is to be pulled; so is what was too large to be read at all.
    """
    there = set(inbox)
    return [
        flow
        for flow in removed
        if (file := as_listed(flow)) in there
        and digest_of(session, connection.inbox, file) == flow.sha256
    ]


def _digests(
    hub: Hub,
    folder: str,
    session: Session,
    out: Sequence[RemoteFile],
    leaving: Mapping[str, Leaving],
) -> Mapping[str, str]:
    """Read what was sent lately and still stands there; what is taken meanwhile is gone."""
    oldest = hub.clock.now() - WINDOW
    digests: dict[str, str] = {}
    for file in out:
        row = leaving.get(file.name)
        if row is None or row.sent_at is None or row.sent_at < oldest:
            continue
        digest = digest_of(session, folder, file)
        if digest is not None:
            digests[file.name] = digest
    return digests


# -- putting right
class _Mender:
    """Does what can be done about one difference at a time, and says what it did.

    Each act leaves an event: who put what right. One inside the ledger is told by the
    transaction that does it. One outside of it is told just before, so that nothing is
    moved or removed of which a crash leaves no trace.
    """

    def __init__(self, hub: Hub, sheets: Sheets) -> None:
        self._hub = hub
        self._sheets = sheets
        self._how: Mapping[Kind, Callable[[Difference], str]] = {
            Kind.LEASE: self._end_claim,
            Kind.UNCLOSED: self._close,
            Kind.ORPHAN_BLOB: self._remove_blob,
            Kind.COUNTER: self._raise_counter,
            Kind.STRANGER: self._put_back,
            Kind.NOT_REMOVED: self._set_aside,
            Kind.PART_LEFT: self._remove_part,
        }

    def mend(self, one: Difference) -> str:
        """Do what can be done; return what that was, empty if nothing was done."""
        act = self._how.get(one.kind)
        if act is None or one.kind in FOR_A_PERSON:
            return ""
        facts = {"kind": one.kind.value, "subject": one.subject}
        try:
            done = act(one)
        except PipelineError as error:
            trouble(log, "reconcile.failed", error, facts)
            return ""
        if done:
            log.info("reconcile.done", **facts)
        return done

    def _end_claim(self, one: Difference) -> str:
        upkeep = self._hub.ledger.upkeep
        for held in upkeep.held():
            if (held.subject, held.token) == (one.subject, one.number):
                ended = upkeep.end_claim(held, self._fact(one))
                return "libéré / let go" if ended else ""
        return "déjà repris / taken over already"

    def _close(self, one: Difference) -> str:
        hub = self._hub
        flow = hub.ledger.interchange(one.subject)
        if flow is None:
            return ""

        def close(tx: Transaction) -> bool:
            finished = tx.finished([flow.id])
            for found in finished:
                now = hub.clock.now()
                tx.move_interchange(found, InterchangeStep.CLOSED, by=hub.by, at=now)
                tx.append(self._fact(one))
            return bool(finished)

        closed = atomically(hub, close, "reconcile.close")
        return "clos / closed" if closed else "déjà clos / closed already"

    def _remove_blob(self, one: Difference) -> str:
        hub = self._hub

        def still_needed() -> bool:
            young = hub.archive.kept_at(one.subject) >= hub.clock.now() - GRACE
            return young or one.subject in hub.ledger.upkeep.named_blobs()

        if still_needed():
            return ""
        self._note(one)
        gone = hub.archive.erase(one.subject, still_needed)
        return "ôté / removed" if gone else ""

    def _raise_counter(self, one: Difference) -> str:
        number = one.number
        if self._hub.ledger.upkeep.raise_counter(one.subject, number, self._fact(one)):
            return f"porté à {number} / raised to {number}"
        return "déjà au-delà / beyond it already"

    def _put_back(self, one: Difference) -> str:
        """Let a file that nobody remembers be taken again, under its own name."""
        connection, file = sheet_of(self._sheets, one.connection), _file_of(one)
        archived = archived_as(file.name)
        if archived is None:
            return ""
        with self._hub.doors.open(connection) as session:
            if any(other.name == archived[1] for other in session.list_files(connection.inbox)):
                return ""  # another file of that name waits there
            self._note(one)
            moved = session.set_aside(connection.archive, file, connection.inbox, archived[1])
        return "remis dans la boîte de dépôt / put back into the inbox" if moved else ""

    def _set_aside(self, one: Difference) -> str:
        """Move a file whose bytes are those that were taken; any other is left to be pulled."""
        connection, file = sheet_of(self._sheets, one.connection), _file_of(one)
        flow = self._hub.ledger.interchange(one.subject)
        if flow is None:
            return ""
        name = archive_name(flow)
        with self._hub.doors.open(connection) as session:
            replaced = [
                other for other in _listed(session, connection.archive) if other.name == name
            ]
            alike = [digest_of(session, connection.archive, other) for other in replaced]
            alike.append(digest_of(session, connection.inbox, file))
            if any(digest != flow.sha256 for digest in alike):
                return ""
            self._note(one)
            moved = session.set_aside(connection.inbox, file, connection.archive, name)
        return "archivé chez le partenaire / archived at the partner's" if moved else ""

    def _remove_part(self, one: Difference) -> str:
        connection, file = sheet_of(self._sheets, one.connection), _file_of(one)
        with self._hub.doors.open(connection) as session:
            self._note(one)
            gone = session.remove(one.folder, file)
        return "ôté / removed" if gone else ""

    def _fact(self, one: Difference) -> Fact:
        return Fact(
            at=self._hub.clock.now(),
            subject=one.subject,
            what=f"reconcile.{one.kind.value}",
            by=self._hub.by,
            data={"connection": one.connection} if one.connection else {},
        )

    def _note(self, one: Difference) -> None:
        """Tell what is about to be done outside of the ledger."""
        fact = self._fact(one)
        atomically(self._hub, lambda tx: tx.append(fact), "reconcile.note")


def _file_of(one: Difference) -> RemoteFile:
    if one.file is None:
        raise ConfigError(f"{one.subject}: aucun fichier / no file")
    return one.file
