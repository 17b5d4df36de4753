"""Which listed files are whole: judged by our clock alone, and nothing is overlooked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.selection import Selection, is_temporary, select, waited_enough
from pipeline.model.connection import Completeness
from pipeline.model.interchange import RemoteFile, Sighting

NOON = datetime(2026, 10, 25, 12, tzinfo=UTC)
STABLE = Completeness(stable_for=timedelta(seconds=30), partial_wait=timedelta(hours=1))
MARKED = Completeness(marker=".done")


def a_file(name: str = "a.xml", size: int = 100, mtime: int = 1_700_000_000) -> RemoteFile:
    """Build a listed file."""
    return RemoteFile(name, size, mtime)


def listings(
    rules: Completeness, *steps: tuple[int, Iterable[RemoteFile]]
) -> tuple[Selection, ...]:
    """Select from listings made some seconds after noon, each knowing the one before."""
    seen: Mapping[str, Sighting] = {}
    made: list[Selection] = []
    for seconds, files in steps:
        selection = select(files, seen, rules, NOON + timedelta(seconds=seconds))
        seen = {one.file.name: one for one in (*selection.ready, *selection.waiting)}
        made.append(selection)
    return tuple(made)


def ready(selection: Selection) -> list[str]:
    """Return the names that may be taken."""
    return [one.file.name for one in selection.ready]


def waiting(selection: Selection) -> dict[str, str]:
    """Return what waits, and for what."""
    return {one.file.name: one.note for one in selection.waiting}


@pytest.mark.parametrize(
    "name", [".a.xml", ".", "a.part", "a.xml.PART", "a.tmp", "a.xml.filepart", ".tmp"]
)
def test_a_name_that_says_it_is_being_written_is_never_touched(name: str) -> None:
    """Not taken, not waited for, however long it stands there."""
    first, later = listings(STABLE, (0, [a_file(name)]), (7200, [a_file(name)]))

    assert is_temporary(name)
    assert (first, later) == (Selection((), ()), Selection((), ()))


@pytest.mark.parametrize("name", ["a.xml", "part", "tmp", "a.part.xml", "FSO1100A_X_Y"])
def test_other_names_are_not_temporary(name: str) -> None:
    """Only the ending and the leading dot speak."""
    assert not is_temporary(name)


def test_a_file_renamed_when_whole_is_taken_under_its_last_name() -> None:
    """What the temporary name was waiting for."""
    whole = a_file("a.xml")

    *_, last = listings(STABLE, (0, [a_file("a.xml.part")]), (10, [whole]), (40, [whole]))

    assert ready(last) == ["a.xml"]


def test_a_file_is_taken_when_it_has_not_changed_for_the_agreed_time() -> None:
    """Two listings at least, and no second too early."""
    file = a_file()

    first, early, due = listings(STABLE, (0, [file]), (29, [file]), (30, [file]))

    assert waiting(first) == {"a.xml": "stable for 30 s"}
    assert waiting(early) == {"a.xml": "stable for 30 s"}
    assert ready(due) == ["a.xml"]
    assert due.ready[0].first_seen == NOON


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(a_file(size=101), id="grown"),
        pytest.param(a_file(size=99), id="shrunk"),
        pytest.param(a_file(mtime=1_700_000_001), id="touched"),
    ],
)
def test_a_file_that_changes_starts_to_wait_again(changed: RemoteFile) -> None:
    """It is still being written; its place in the queue is kept."""
    file = a_file()

    _, grown, early, due = listings(
        STABLE, (0, [file]), (29, [changed]), (58, [changed]), (59, [changed])
    )

    assert (ready(grown), ready(early), ready(due)) == ([], [], ["a.xml"])
    assert due.ready == (
        Sighting(
            file=changed,
            first_seen=NOON,
            stable_since=NOON + timedelta(seconds=29),
            note="stable for 30 s",
        ),
    )


@pytest.mark.parametrize(
    "mtime",
    [
        pytest.param(0, id="1970"),
        pytest.param(4_070_908_800, id="2099"),
        pytest.param(-1, id="before-1970"),
    ],
)
def test_the_partner_s_clock_does_not_matter(mtime: int) -> None:
    """Its times are evidence of change, never compared with ours."""
    file = a_file(mtime=mtime)

    early, due = listings(STABLE, (0, [file]), (30, [file]))

    assert (ready(early), ready(due)) == ([], ["a.xml"])


def test_a_marked_file_is_taken_at_once() -> None:
    """The partner said that it is whole; the marker itself is no flow."""
    (only,) = listings(MARKED, (0, [a_file("a.xml"), a_file("a.xml.done", size=0)]))

    assert (ready(only), waiting(only)) == (["a.xml"], {})


def test_a_file_without_its_marker_waits_however_old_it_is() -> None:
    """Stability says nothing where a marker was agreed."""
    first, later = listings(MARKED, (0, [a_file("a.xml")]), (86_400, [a_file("a.xml")]))

    assert waiting(first) == waiting(later) == {"a.xml": "marker a.xml.done"}


def test_a_marker_without_its_file_is_nothing() -> None:
    """It came first; the file will come."""
    (only,) = listings(MARKED, (0, [a_file("a.xml.done", size=0)]))

    assert only == Selection((), ())


def test_a_marker_counts_for_its_own_file_only() -> None:
    """One whole file says nothing of its neighbours."""
    files = [a_file("a.xml"), a_file("a.xml.done"), a_file("b.xml")]

    (only,) = listings(MARKED, (0, files))

    assert (ready(only), waiting(only)) == (["a.xml"], {"b.xml": "marker b.xml.done"})


def test_where_no_marker_was_agreed_its_ending_means_nothing() -> None:
    """A partner may call a flow what it likes."""
    file = a_file("report.done")

    *_, due = listings(STABLE, (0, [file]), (30, [file]))

    assert ready(due) == ["report.done"]


def test_files_are_taken_by_first_seen_then_name() -> None:
    """In the order in which the partner left them, as far as it can be known."""
    a, b, c = (a_file(f"{letter}.xml") for letter in "abc")

    *_, due = listings(STABLE, (0, [c]), (1, [b, a, c]), (60, [a, c, b]))

    assert ready(due) == ["c.xml", "a.xml", "b.xml"]


def test_a_file_that_does_not_look_whole_waits_only_so_long() -> None:
    """Then it is taken as it is, and answered."""
    sighting = Sighting(file=a_file(), first_seen=NOON - timedelta(days=1), stable_since=NOON)
    hour = timedelta(hours=1)

    assert not waited_enough(sighting, STABLE, NOON + hour - timedelta(seconds=1))
    assert waited_enough(sighting, STABLE, NOON + hour)


file_names = st.text("ab.", min_size=1, max_size=3).flatmap(
    lambda stem: st.sampled_from([stem, f"{stem}.done", f"{stem}.tmp", f".{stem}", f"{stem}.xml"])
)
files = st.builds(RemoteFile, file_names, st.integers(0, 3), st.integers(0, 3))
moments = st.integers(0, 100).map(lambda seconds: NOON - timedelta(seconds=seconds))
sightings = st.builds(Sighting, file=files, first_seen=moments, stable_since=moments)


@given(
    st.lists(files, unique_by=lambda file: file.name, max_size=8),
    st.lists(sightings, max_size=8),
    st.sampled_from([STABLE, MARKED, replace(STABLE, stable_for=timedelta())]),
)
def test_every_flow_of_a_listing_is_ready_or_waits_and_never_both(
    listing: list[RemoteFile], before: list[Sighting], rules: Completeness
) -> None:
    """Nothing is overlooked, nothing is made up, whatever was seen before."""
    selection = select(listing, {one.file.name: one for one in before}, rules, NOON)

    flows = [
        file
        for file in listing
        if not is_temporary(file.name) and not (rules.marker and file.name.endswith(rules.marker))
    ]
    sorted_out = [one.file for one in (*selection.ready, *selection.waiting)]
    assert sorted(sorted_out, key=str) == sorted(flows, key=str)
    assert all(one.note for one in selection.waiting)
