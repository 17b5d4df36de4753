"""Decide where the record and the world do not agree, from what was seen of both."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.model.difference import Difference, Kind
from pipeline.model.interchange import Interchange, RemoteFile
from pipeline.model.status import OutboxState
from pipeline.ports.upkeep import Held, Leaving

#: What was to be worked on for so long, and is not, is forgotten.
FORGOTTEN = timedelta(minutes=15)
#: A blob younger than this may belong to a file that is pulled just now.
GRACE = timedelta(hours=1)

#: An interchange's id, as it stands in names of ours.
_ID = "F[0-9A-F]{16}"
_ARCHIVED = re.compile(f"({_ID})-(.+)")
#: Names that the hub gives: with an id inside, or a flow's by the grammar.
_NAMED = re.compile(rf"(?:.*\.)?{_ID}[-.].*")
_FLOW = re.compile(
    "(?P<code>[A-Z]{3}(?P<digits>[0-9]{4})A)_[A-Z0-9]{6}_(?P<hub>[A-Z0-9]{6})(?P=digits)"
    "(?P<number>[0-9]{15})"
)
_PART = re.compile(r"\.(.+)\.part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """What was seen of one connection, and what the ledger knows of it.

    Attributes:
        connection: Its name.
        archive: Files in the folder where its taken files are kept.
        inbox: Files that wait to be taken.
        folder: Where `out` was listed.
        out: Files that wait to be picked up, temporary names included.
        beside: Ends of the names of what stands beside them: markers, sums.
        known: Those ids in the archive's names that an interchange has.
        removed: Interchanges marked removed whose bytes, under their name, stand in the inbox.
        leaving: Files of the names in `out`, or whose temporary names those are.
        digests: SHA-256 of what stands in `out`, by name, where it was read.
    """

    connection: str
    archive: Sequence[RemoteFile] = ()
    inbox: Sequence[RemoteFile] = ()
    folder: str = ""
    out: Sequence[RemoteFile] = ()
    beside: tuple[str, ...] = ()
    known: Collection[str] = ()
    removed: Sequence[Interchange] = ()
    leaving: Mapping[str, Leaving] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of the ledger and of the world, at about one moment.

    Attributes:
        at: That moment (aware, UTC).
        span: How long a claim lasts.
        hub_code: Our application code: whose numbers are ours.
        held: Claims that have not ended.
        received: RECEIVED interchanges.
        overdue: PENDING rows due long ago that nobody holds, whose door is open.
        unclosed: OPENED interchanges whose every document is final.
        orphans: When each kept blob was written that no row names.
        lost: Digests that rows need and that are not kept.
        unsent: DELIVERED documents that no SENT row carries.
        counters: The last number given, by series.
        highest: The highest number in a name, by series.
        folders: What was seen of partners' folders.
    """

    at: datetime
    span: timedelta
    hub_code: str
    held: Sequence[Held] = ()
    received: Sequence[Interchange] = ()
    overdue: Sequence[Leaving] = ()
    unclosed: Sequence[Interchange] = ()
    orphans: Mapping[str, datetime] = field(default_factory=dict)
    lost: Sequence[str] = ()
    unsent: Sequence[str] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    highest: Mapping[str, int] = field(default_factory=dict)
    folders: Sequence[Folders] = ()


def find_differences(seen: Seen) -> tuple[Difference, ...]:
    """Return every difference, by kind, then in the order of what was seen."""
    found = [*_in_ledger(seen), *_in_store(seen)]
    for one in seen.folders:
        found += [*_in_archive(one), *_in_inbox(one), *_in_out(one, seen)]
    order = list(Kind)
    return tuple(sorted(found, key=lambda one: order.index(one.kind)))


def numbers_in(names: Iterable[str], hub_code: str) -> Mapping[str, int]:
    """Return the highest number in names that the hub gave, by series.

    >>> numbers_in(["CSO1100A_SUP001_CPP0011100000000000000012", "a.xml"], "CPP001")
    {'CPP001:CSO1100A': 12}
    """
    highest: dict[str, int] = {}
    for name in names:
        match = _FLOW.fullmatch(name)
        if match is not None and match["hub"] == hub_code:
            series = f"{match['hub']}:{match['code']}"
            highest[series] = max(highest.get(series, 0), int(match["number"]))
    return highest


def archived_as(name: str) -> tuple[str, str] | None:
    """Return id and original name of a file that was set aside; None if it is none of ours."""
    match = _ARCHIVED.fullmatch(name)
    return (match[1], match[2]) if match else None


def is_temporary(name: str) -> str | None:
    """Return the name that a temporary one of ours stands for; None if it is none."""
    match = _PART.fullmatch(name)
    return match[1] if match else None


def leaving_as(name: str, beside: Collection[str]) -> str:
    """Return under which name of a row a file leaves that a partner's folder shows.

    >>> leaving_as(".F1.xml.done.part", [".done"]), leaving_as("F1.xml", [".done"])
    ('F1.xml', 'F1.xml')
    """
    whole = is_temporary(name) or name
    return next((whole.removesuffix(end) for end in beside if whole.endswith(end)), whole)


def _in_ledger(seen: Seen) -> Iterator[Difference]:
    # what ran out is taken over at once where somebody is at work; and no claim that was
    # made or renewed by a sound clock ends so far ahead
    live = {
        one.subject
        for one in seen.held
        if seen.at - seen.span < one.until <= seen.at + 2 * seen.span
    }
    for one in seen.held:
        if one.subject not in live:
            yield Difference(
                kind=Kind.LEASE,
                subject=one.subject,
                fr=f"pris par {one.owner} jusqu'au {_moment(one.until)}, et laissé là",
                en=f"claimed by {one.owner} until {_moment(one.until)}, and left there",
                connection=one.connection,
                number=one.token,
            )
    flows = {one.subject for one in seen.held if one.is_flow} & live
    for flow in seen.received:
        if not flows and flow.received_at < seen.at - FORGOTTEN:
            yield Difference(
                kind=Kind.FORGOTTEN_FLOW,
                subject=flow.id,
                fr=f"reçu le {_moment(flow.received_at)}, et personne n'y travaille",
                en=f"received on {_moment(flow.received_at)}, and nobody is at work on it",
                connection=flow.connection,
            )
    for row in seen.overdue:
        yield Difference(
            kind=Kind.FORGOTTEN_ROW,
            subject=row.key,
            fr=f"{row.name} : dû le {_moment(row.due)}, porte ouverte, et pas tenté",
            en=f"{row.name}: due on {_moment(row.due)}, its door is open, and not tried",
            connection=row.connection,
        )
    for flow in seen.unclosed:
        yield Difference(
            kind=Kind.UNCLOSED,
            subject=flow.id,
            fr="tous ses documents sont à leur terme, le flux n'est pas clos",
            en="all its documents are final, the flow is not closed",
            connection=flow.connection,
        )


def _in_store(seen: Seen) -> Iterator[Difference]:
    for digest, at in sorted(seen.orphans.items()):
        if at < seen.at - GRACE:
            yield Difference(
                kind=Kind.ORPHAN_BLOB,
                subject=digest,
                fr=f"original écrit le {_moment(at)}, dans aucun flux",
                en=f"original written on {_moment(at)}, in no interchange",
            )
    for digest in seen.lost:
        yield Difference(
            kind=Kind.LOST_BLOB,
            subject=digest,
            fr="original absent des archives : à reprendre d'une sauvegarde",
            en="original missing from the archive: bring it back from a backup",
        )
    for subject in seen.unsent:
        yield Difference(
            kind=Kind.UNSENT,
            subject=subject,
            fr="marqué remis, mais aucun envoi fait ne le porte : voyez edi show",
            en="marked delivered, but no file that was sent carries it: see edi show",
        )
    for series, number in sorted(seen.highest.items()):
        if seen.counters.get(series, 0) < number:
            yield Difference(
                kind=Kind.COUNTER,
                subject=series,
                fr=f"compteur à {seen.counters.get(series, 0)}, numéro {number} déjà donné",
                en=f"counter at {seen.counters.get(series, 0)}, number {number} already given",
                number=number,
            )


def _in_archive(one: Folders) -> Iterator[Difference]:
    for file in one.archive:
        archived = archived_as(file.name)
        if archived is not None and archived[0] not in one.known:
            yield Difference(
                kind=Kind.STRANGER,
                subject=file.name,
                fr="archivé chez le partenaire par nous, dans aucun flux",
                en="archived at the partner's by us, in no interchange",
                connection=one.connection,
                file=file,
            )


def _in_inbox(one: Folders) -> Iterator[Difference]:
    there = set(one.inbox)
    for flow in one.removed:
        if RemoteFile(flow.name, flow.size, flow.mtime) in there:
            yield Difference(
                kind=Kind.NOT_REMOVED,
                subject=flow.id,
                fr=f"{flow.name} : noté retiré, toujours dans la boîte de dépôt",
                en=f"{flow.name}: marked removed, still in the inbox",
                connection=one.connection,
                file=RemoteFile(flow.name, flow.size, flow.mtime),
            )


def _in_out(one: Folders, seen: Seen) -> Iterator[Difference]:
    for file in one.out:
        leaving = leaving_as(file.name, one.beside)
        row = one.leaving.get(leaving)
        if is_temporary(file.name) is not None:
            # one that is tried again is written anew, and gone with that
            if row is not None and row.state is not OutboxState.PENDING:
                yield Difference(
                    kind=Kind.PART_LEFT,
                    subject=file.name,
                    fr="nom provisoire laissé par un envoi interrompu",
                    en="temporary name left by a transfer that broke off",
                    connection=one.connection,
                    folder=one.folder,
                    file=file,
                )
        elif row is not None and leaving != file.name:
            continue  # what stands beside a file of ours
        elif row is None:
            if _NAMED.fullmatch(file.name) or numbers_in([file.name], seen.hub_code):
                yield Difference(
                    kind=Kind.UNKNOWN_FILE,
                    subject=file.name,
                    fr="nom donné par le hub, que le registre ne connaît pas",
                    en="a name that the hub gives, which the ledger does not know",
                    connection=one.connection,
                    file=file,
                )
        elif row.state is OutboxState.SENT and _differs(one.digests.get(file.name), row.sha256):
            yield Difference(
                kind=Kind.OTHER_BYTES,
                subject=row.key,
                fr=f"{file.name} : ce n'est pas ce qui fut envoyé",
                en=f"{file.name}: not what was sent",
                connection=one.connection,
                file=file,
            )


def _differs(found: str | None, sent: str) -> bool:
    return found is not None and bool(sent) and found != sent


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
