"""``verify`` against histories that were edited, cut, added to, or filled again once erased."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.archive import FileArchive
from pipeline.adapters.database import open_ledger
from pipeline.app.erase import erase
from pipeline.app.verify import Verified, verify
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, opened
from tests.statuses import STATUT, Said, deliver, document, run, statut, subscribe

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
LEFT = "effacé, mais des valeurs y sont / erased, but values are there"
#: The line by which the recipient suspended the invoice in words; the next one says service done.
SUSPENDED = "comment <> '' AND place = 4"

WORDS_BACK = """UPDATE life_entry
SET comment = (SELECT comment FROM before.life_entry AS whole WHERE whole.id = life_entry.id)
WHERE place = 4"""
FILES_BACK = """UPDATE outbox
SET payload = (SELECT payload FROM before.outbox AS whole WHERE whole.key = outbox.key)
WHERE kind = 'status' AND payload = x''"""


def live(world: World) -> None:
    """Deliver one invoice; let its recipient suspend it in words, then say service done."""
    subscribe(world)
    deliver(world, "A1")
    for place, (status, words) in enumerate(((6, "Mme Berthelot absente"), (7, None)), 1):
        said = Said(number="A1", status=status, at=AT + place * MINUTE, comment=words)
        world.drop("ville", STATUT.format(place), statut([said]))
        run(world)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with that invoice, and one of which nothing was said."""
    with opened(tmp_path_factory.mktemp("lived")) as world:
        live(world)
        deliver(world, "A2")
        return world.home


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same; the flow that suspended the first, and that of the second, are erased since."""
    with opened(tmp_path_factory.mktemp("erased")) as world:
        live(world)
        deliver(world, "A2")
        with closing(sqlite3.connect(world.home / "ledger.sqlite")) as file:
            file.execute(f"VACUUM INTO '{world.home / 'before.sqlite'}'")
        world.clock.move(MINUTE)
        (said,) = world.hub.ledger.interchanges(Query(text=STATUT.format(1)))
        for flow in (said.id, document(world, "A2").interchange):
            erase(world.hub, flow, "demandé")
        return world.home


def tampered(home: Path, tmp_path: Path, *statements: str) -> Verified:
    """Change a copy of a workspace as whoever has its files can; verify it."""
    own = tmp_path / "var"
    shutil.copytree(home, own)
    with closing(sqlite3.connect(own / "ledger.sqlite", isolation_level=None)) as file:
        file.execute("ATTACH ? AS before", (str(own / "before.sqlite"),))
        for statement in statements:
            assert file.execute(statement).rowcount, statement
    ledger = open_ledger(f"sqlite:///{own / 'ledger.sqlite'}")
    try:
        return verify(ledger, FileArchive(own / "archive"))
    finally:
        ledger.close()


def told(found: Verified) -> list[str]:
    """Return what is wrong, without the ids of whose it is."""
    return [one.partition(": ")[2] for one in found.differences]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            f"UPDATE life_entry SET comment = 'tout va bien' WHERE {SUSPENDED}",
            ["ligne / line 4: modifiée / edited (suspend, partner:ville)"],
        ),
        (
            "UPDATE life_entry SET by = 'operator:eve' WHERE place = 5",
            ["ligne / line 5: modifiée / edited (service-done, operator:eve)"],
        ),
        (
            f"UPDATE life_entry SET comment = '' WHERE {SUSPENDED}",
            ["ligne / line 4: modifiée / edited (suspend, partner:ville)"],
        ),
        (f"DELETE FROM life_entry WHERE {SUSPENDED}", ["ligne / line 4: absente / missing"]),
        (
            "UPDATE life_entry SET place = 9 WHERE place = 5",
            [
                "ligne / line 5: absente / missing",
                *[f"ligne / line {place}: absente / missing" for place in (6, 7, 8)],
                "ligne / line 9: aucun événement / no event",
            ],
        ),
        (
            "UPDATE life_entry SET event = 'zzz' WHERE place = 5",
            ["ligne illisible / row cannot be read: 'zzz' is not a valid Event"],
        ),
        (
            "UPDATE life SET actor = 'supplier' WHERE entries = 5",
            ["acteur / actor « Actor.SUPPLIER », lignes / lines « Actor.RECIPIENT »"],
        ),
        (
            "UPDATE life SET since = '2020-01-01T00:00:00.000000+00:00' WHERE entries = 5",
            ["depuis / since « 2020-01-01 00:00:00+00:00 »"],
        ),
    ],
)
def test_what_was_said_of_an_invoice_is_held_against_the_chain(
    lived: Path, tmp_path: Path, statement: str, expected: Sequence[str]
) -> None:
    """Who can write to the database cannot make a partner say what it never said."""
    found = tampered(lived, tmp_path, statement)

    assert not found.sound
    assert [line[: len(start)] for line, start in zip(told(found), expected, strict=True)] == [
        *expected
    ]


def test_a_line_of_an_invoice_that_was_never_taken_is_a_stranger(
    lived: Path, tmp_path: Path
) -> None:
    """A history without a life tells of nothing that happened."""
    statements = ("DELETE FROM life_entry WHERE place < 4", "DELETE FROM life WHERE entries = 5")

    found = tampered(lived, tmp_path, *statements)

    assert "ligne absente / row missing" in told(found)
    assert not found.sound


def test_what_is_erased_leaves_a_history_that_holds(erased: Path, tmp_path: Path) -> None:
    """Its words are gone, so that their hash is of no use; no alarm is raised for that."""
    found = tampered(erased, tmp_path)

    assert (found.sound, found.differences, found.erased) == (True, (), 2)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            WORDS_BACK,
            [f"ligne / line 4: {LEFT}"],
        ),
        (
            "UPDATE life_entry SET comment = 'autre' WHERE place = 4",
            [
                f"ligne / line 4: {LEFT}",
                "ligne / line 4: modifiée / edited (suspend, partner:ville)",
            ],
        ),
        (
            "UPDATE life_entry SET id = 'SFFFF' WHERE place = 4",
            ["ligne / line 4: modifiée / edited (suspend, partner:ville)"],
        ),
        (
            "UPDATE life_entry SET after = 'REJETEE' WHERE place = 4",
            ["les lignes ne se suivent pas / the lines do not follow each other"],
        ),
        (
            FILES_BACK,
            [LEFT] * 3,
        ),
    ],
)
def test_words_that_come_back_into_an_erased_history_are_found(
    erased: Path, tmp_path: Path, statement: str, expected: Sequence[str]
) -> None:
    """From a backup of one table, or by somebody's hand; in what told others of it too."""
    found = tampered(erased, tmp_path, statement)

    assert not found.sound
    assert [line[: len(start)] for line, start in zip(told(found), expected, strict=True)] == [
        *expected
    ]
