"""What counts as a difference, and what is just on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.app.differences import FORGOTTEN, GRACE, Folders, Seen, find_differences
from pipeline.model.difference import Kind
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange, RemoteFile
from pipeline.model.status import OutboxState
from pipeline.ports.upkeep import Held, Leaving

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPAN = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
NOTHING = Seen(at=NOW, span=SPAN, hub_code="CPP001")
FLOW = Interchange(
    id=InterchangeId("F0123456789ABCDEF"),
    connection="caterer",
    partner="caterer",
    name="a.xml",
    size=4,
    mtime=1,
    sha256="0",
    received_at=NOW,
)
ROW = Leaving(
    key="A1", connection="caterer", name="told.txt", state=OutboxState.SENT, due=NOW, sha256="aa"
)


def kinds(seen: Seen) -> list[Kind]:
    """Return the kinds that are found."""
    return [one.kind for one in find_differences(seen)]


def held(until: datetime, *, is_flow: bool = True) -> Held:
    """Hold something until a moment."""
    return Held(
        subject="F1", connection="caterer", owner="run:1", token=1, until=until, is_flow=is_flow
    )


def out(name: str, **known: Any) -> Seen:
    """Have a file of that name in a pick-up folder."""
    folders = Folders(connection="caterer", out=(RemoteFile(name, 4, 1),), **known)
    return replace(NOTHING, folders=(folders,))


@pytest.mark.parametrize(
    ("until", "found"),
    [
        pytest.param(NOW + SPAN, [], id="just-renewed"),
        pytest.param(NOW - SPAN + TICK, [], id="ran-out-and-will-be-taken-over"),
        pytest.param(NOW - SPAN, [Kind.LEASE], id="left-for-as-long-again"),
        pytest.param(NOW + 2 * SPAN, [], id="by-a-clock-a-little-ahead"),
        pytest.param(NOW + 2 * SPAN + TICK, [Kind.LEASE], id="by-a-clock-that-jumped"),
    ],
)
def test_a_claim_is_a_difference_when_nobody_comes_for_it(
    until: datetime, found: list[Kind]
) -> None:
    """One that just ran out is taken over at the next look of whoever is at work."""
    assert kinds(replace(NOTHING, held=(held(until),))) == found


def test_a_flow_is_forgotten_when_it_is_old_and_nobody_is_at_work() -> None:
    """A backlog that is being worked on is none."""
    old = replace(FLOW, received_at=NOW - FORGOTTEN - TICK)
    young = replace(FLOW, received_at=NOW - FORGOTTEN)
    at_work = held(NOW + SPAN)

    assert kinds(replace(NOTHING, received=(young,))) == []
    assert kinds(replace(NOTHING, received=(old,))) == [Kind.FORGOTTEN_FLOW]
    assert kinds(replace(NOTHING, received=(old,), held=(at_work,))) == []
    sending = held(NOW + SPAN, is_flow=False)
    assert kinds(replace(NOTHING, received=(old,), held=(sending,))) == [Kind.FORGOTTEN_FLOW]


def test_a_blob_is_an_orphan_after_its_grace_and_never_sooner() -> None:
    """A pull may be between blob and row."""
    assert kinds(replace(NOTHING, orphans={"aa": NOW - GRACE})) == []
    assert kinds(replace(NOTHING, orphans={"aa": NOW - GRACE - TICK})) == [Kind.ORPHAN_BLOB]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (OutboxState.PENDING, []),
        (OutboxState.SENT, [Kind.PART_LEFT]),
        (OutboxState.ABANDONED, [Kind.PART_LEFT]),
        (OutboxState.CANCELLED, [Kind.PART_LEFT]),
    ],
)
def test_a_temporary_name_is_left_when_nobody_will_write_it_anew(
    state: OutboxState, found: list[Kind]
) -> None:
    """Where the file is tried again, that attempt begins with this very name."""
    known = {"told.txt": replace(ROW, state=state)}

    assert kinds(out(".told.txt.part", leaving=known)) == found
    assert kinds(out(".told.txt.part")) == [], "somebody else's"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("notes.txt", []),
        ("CSO1100A_SUP001_CPP0011100000000000000012", [Kind.UNKNOWN_FILE]),
        ("CSO1100A_SUP001_OTHER11100000000000000012", []),
        ("CSO1100A_SUP001_CPP0011106000000000000012", []),
        ("B1.F0123456789ABCDEF-0001.xml", [Kind.UNKNOWN_FILE]),
        ("F0123456789ABCDEF.0001-0009.g2.tar.gz", [Kind.UNKNOWN_FILE]),
        ("F0123456789ABCDE.xml", []),
    ],
)
def test_only_names_that_the_hub_gives_are_missed_in_the_ledger(
    name: str, found: list[Kind]
) -> None:
    """What a partner keeps in its own folder is its own."""
    assert kinds(out(name)) == found


def test_bytes_are_compared_where_they_were_read() -> None:
    """A file that was sent and is gone, or was not read, says nothing."""
    known = {"told.txt": ROW}

    assert kinds(out("told.txt", leaving=known)) == []
    assert kinds(out("told.txt", leaving=known, digests={"told.txt": "aa"})) == []
    assert kinds(out("told.txt", leaving=known, digests={"told.txt": "bb"})) == [Kind.OTHER_BYTES]
    pending = {"told.txt": replace(ROW, state=OutboxState.PENDING, sha256="")}
    assert kinds(out("told.txt", leaving=pending, digests={"told.txt": "bb"})) == []


def test_a_file_that_came_again_under_an_old_name_is_none_that_was_not_removed() -> None:
    """It has another size or moment: the next pull takes it."""
    removed = (replace(FLOW, removed=True),)
    for file, found in (
        (RemoteFile("a.xml", 4, 1), [Kind.NOT_REMOVED]),
        (RemoteFile("a.xml", 4, 2), []),
        (RemoteFile("a.xml", 5, 1), []),
    ):
        folders = Folders(connection="caterer", inbox=(file,), removed=removed)
        assert kinds(replace(NOTHING, folders=(folders,))) == found


def test_an_archived_file_is_known_by_its_id() -> None:
    """Markers are kept beside their file, under the same id."""
    names = (f"{FLOW.id}-a.xml", f"{FLOW.id}-a.xml.done", "read me.txt", "F00-a.xml")
    archive = tuple(RemoteFile(name, 4, 1) for name in names)
    folders = Folders(connection="caterer", archive=archive)

    assert kinds(replace(NOTHING, folders=(folders,))) == [Kind.STRANGER] * 2
    known = replace(folders, known={FLOW.id})
    assert kinds(replace(NOTHING, folders=(known,))) == []


def test_a_counter_may_be_ahead_of_the_names_never_behind() -> None:
    """A number taken by a transaction that failed is given again; one given is not."""
    behind = replace(NOTHING, counters={"CPP001:CSO1100A": 11}, highest={"CPP001:CSO1100A": 12})

    (one,) = find_differences(behind)
    assert (one.kind, one.number) == (Kind.COUNTER, 12)
    assert kinds(replace(behind, counters={"CPP001:CSO1100A": 12})) == []
    assert kinds(replace(behind, counters={})) == [Kind.COUNTER]
