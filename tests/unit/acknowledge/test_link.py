"""What a sender is told of links in its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pipeline.acknowledge.link import NAMED, link_notice
from pipeline.model.interchange import RemoteFile

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def link(name: str, mtime: int = 1) -> RemoteFile:
    """Return a link as listed."""
    return RemoteFile(name, 0, mtime)


def test_a_program_and_a_person_are_told_the_same() -> None:
    """Which names, that nothing was taken, and what to do; French first."""
    data, text = link_notice([link("a.xml"), link("b.xml")], NOON)

    assert json.loads(data.payload) == {
        "schema": "edi-link/1",
        "count": 2,
        "links": ["a.xml", "b.xml"],
        "found_at": "2026-03-31T12:00:00Z",
    }
    told = text.payload.decode()
    assert told.index("déposez les fichiers eux-mêmes") < told.index("drop the files themselves")
    assert told.count("  a.xml\n") == told.count("  b.xml\n") == 2
    assert data.name.removesuffix(".json") == text.name.removesuffix(".txt")


def test_the_same_links_make_one_notice_and_others_another() -> None:
    """Told again after a crash it is the same file; a link made anew is another one."""
    names = [
        link_notice(links, NOON)[0].name
        for links in (
            [link("a")],
            [link("a")],
            [link("a", 2)],
            [link("b")],
            [link("a"), link("b")],
        )
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_of_very_many_it_is_told_how_many() -> None:
    """Nobody reads ten thousand names."""
    data, text = link_notice([link(f"{n:05}.xml") for n in range(10_000)], NOON)

    notice = json.loads(data.payload)
    assert (notice["count"], len(notice["links"])) == (10_000, NAMED)
    assert "… +9900" in text.payload.decode()
