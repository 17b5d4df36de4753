"""Which listed files are whole and may be taken now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.model.connection import Completeness
from pipeline.model.interchange import RemoteFile, Sighting

#: Why a link is not taken, with the code of its cause.
LINK = "LINK: a symbolic link, which nobody follows"
#: Names that say "still being written", whatever was agreed.
_TEMPORARY = (".part", ".tmp", ".filepart")


@dataclass(frozen=True, slots=True)
class Selection:
    """What one listing allows.

    Attributes:
        ready: Sightings that may be taken, by first seen, then name.
        waiting: The others, each with a note that says what it waits for.
    """

    ready: tuple[Sighting, ...]
    waiting: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """What one listing says of links.

    Attributes:
        standing: Every link of the folder, by name.
        new: Those among them that no earlier listing showed as they are now.
    """

    standing: tuple[Sighting, ...]
    new: tuple[Sighting, ...]


def is_temporary(name: str) -> bool:
    """Tell whether a name is ignored: a leading dot or an agreed temporary ending.

    >>> is_temporary("a.xml.filepart"), is_temporary(".a.xml"), is_temporary("a.xml")
    (True, True, False)
    """
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


def select(
    listing: Iterable[RemoteFile],
    seen: Mapping[str, Sighting],
    rules: Completeness,
    now: datetime,
) -> Selection:
    """Sort a listing into files to take and files to wait for.

    Args:
        listing: Regular files of the folder, in any order.
        seen: What earlier listings said, by name.
        rules: How this partner marks a whole file.
        now: By our own clock; the partner's times are never compared with it.

    Returns:
        Every file that is not temporary and not a marker, once.
    """
    files = {file.name: file for file in listing if not is_temporary(file.name)}
    suffix = rules.marker
    markers = {name for name in files if suffix and name.endswith(suffix)}
    ready: list[Sighting] = []
    waiting: list[Sighting] = []
    for name, file in files.items():
        if name in markers:
            continue
        sighting = _sight(file, seen.get(name), now)
        note = _waits_for(sighting, rules, markers, now)
        if note:
            waiting.append(replace(sighting, note=note))
        else:
            ready.append(sighting)
    return Selection(_in_order(ready), _in_order(waiting))


def watch_links(links: Iterable[RemoteFile], seen: Mapping[str, Sighting], now: datetime) -> Links:
    """Tell the links of a folder that nobody was told of yet.

    Args:
        links: As listed, in any order; those under temporary names are nobody's business.
        seen: What earlier listings said, by name.
        now: By our own clock.
    """
    standing = [
        replace(_sight(link, seen.get(link.name), now), note=LINK)
        for link in links
        if not is_temporary(link.name)
    ]
    new = [one for one in standing if one != seen.get(one.file.name)]
    return Links(_in_order(standing), _in_order(new))


def waited_enough(sighting: Sighting, rules: Completeness, now: datetime) -> bool:
    """Tell whether a stable file that does not look whole has had its time."""
    return now - sighting.stable_since >= rules.partial_wait


def _sight(file: RemoteFile, before: Sighting | None, now: datetime) -> Sighting:
    if before is None:
        return Sighting(file=file, first_seen=now, stable_since=now)
    if before.file == file:
        return before
    return Sighting(file=file, first_seen=before.first_seen, stable_since=now)


def _waits_for(sighting: Sighting, rules: Completeness, markers: set[str], now: datetime) -> str:
    if rules.marker is not None:
        marker = sighting.file.name + rules.marker
        return "" if marker in markers else f"marker {marker}"
    if now - sighting.stable_since < rules.stable_for:
        return f"stable for {rules.stable_for.total_seconds():g} s"
    return ""


def _in_order(sightings: list[Sighting]) -> tuple[Sighting, ...]:
    return tuple(sorted(sightings, key=lambda seen: (seen.first_seen, seen.file.name)))
