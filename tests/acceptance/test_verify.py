"""`edi verify` against rows that were edited behind the hub's back, in a ledger that lived."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.model.event import GENESIS


def an_invoice(samples: Any, number: str, buyer: Any) -> Any:
    """Write a small sound UBL invoice."""
    return samples.to_ubl(samples.billed_to(samples.BY_KEY["ubl-380-une-ligne"], buyer, number))


def break_out(world: Any, recipient: str) -> None:
    """Let nothing be put into a recipient's folder any more."""
    out = world.folders[recipient] / "out"
    shutil.rmtree(out)
    out.write_bytes(b"in the way")


def live(world: Any, samples: Any) -> None:
    """Let flows be delivered, held, rejected, given up, redelivered, and one be tried again."""

    def drop(**invoices: Any) -> None:
        for number, buyer in invoices.items():
            payload = an_invoice(samples, number, buyer)
            (world.folders["caterer"] / "in" / f"{number}.xml").write_bytes(payload)

    def named(name: str) -> str:
        rows = world.edi("documents", "--json").json
        return str(next(row["id"] for row in rows if row["name"] == f"{name}.xml"))

    break_out(world, "ville-exemple")
    drop(late=samples.VILLE, held=samples.COLLEGE, refused=samples.COLLEGE)
    for _ in range(4):
        assert world.edi("run", "--once").code < 2
    assert world.edi("reject", named("refused"), "--reason", "Inconnu").code == 0
    assert world.edi("redeliver", named("late"), "--unseen", "--reason", "rétabli").code == 0
    (world.folders["ville-exemple"] / "out").unlink()
    (world.folders["ville-exemple"] / "out").mkdir()
    break_out(world, "hopital-exemple")
    drop(good=samples.VILLE, waiting=samples.HOPITAL)
    assert world.edi("run", "--once").code < 2


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the first test of this module leaves its workspace for the others."""
    return tmp_path_factory.mktemp("kept") / "var"


@pytest.fixture
def home(request: pytest.FixtureRequest, kept: Path, tmp_path: Path, samples: ModuleType) -> Path:
    """Give a workspace with a ledger that lived; its partners' server is gone."""
    own = tmp_path / "var"
    if not kept.exists():
        live(request.getfixturevalue("world"), samples)
        shutil.copytree(own, kept)
        shutil.rmtree(own)
    shutil.copytree(kept, own)
    return own


def tamper(home: Path, *statements: str) -> list[Any]:
    """Change the ledger as whoever has its file can; return what the last statement found."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as file, file:
        return [file.execute(statement).fetchall() for statement in statements][-1]


def the_id(home: Path, table: str, where: str) -> Any:
    """Return the id of the only row that matches."""
    key = "key" if table == "outbox" else "id"
    ((found,),) = tamper(home, f"SELECT {key} FROM {table} WHERE {where}")
    return found


def test_a_ledger_that_lived_is_sound(home: Path, edi: Any) -> None:
    """Hold, reject, redeliver and a second try leave rows as their events say."""
    whats = {row[0] for row in tamper(home, "SELECT DISTINCT what FROM event")}
    assert whats >= {
        "operator.reject",
        "operator.redeliver",
        "document.held",
        "document.abandoned",
        "document.delivered",
        "interchange.removed",
        "outbox.abandoned",
        "outbox.retry",
        "outbox.sent",
    }
    events = tamper(home, "SELECT count(*) FROM event")[0][0]

    ran = edi("verify", "--json")

    assert (ran.code, ran.json) == (
        0,
        {
            "sound": True,
            "events": events,
            "blobs": 5,
            "breaks": [],
            "lost": [],
            "differences": [],
            "erased": 0,
            "remains": [],
            "orphans": [],
            "seals": {"count": 0, "broken": [], "missing": [], "due": False},
        },
    )
    assert "La chaîne tient / the chain holds." in edi("verify").out


GOOD = "name = 'good.xml'"
SENT = "kind = 'delivery' AND state = 'sent' AND generation = 2"

#: Which row; what is set in it; how the differences about it begin, its id taken off.
EDITS: Sequence[tuple[str, str, str, Sequence[str]]] = (
    # what cannot be read
    ("document", GOOD, "step = 'zzz'", ["ligne illisible / row cannot be read: 'zzz'"]),
    ("document", GOOD, "header = '{'", ["ligne illisible"]),
    ("document", GOOD, "reasons = '[7]'", ["ligne illisible"]),
    ("document", GOOD, f"header = '{'[' * 100_000}'", ["ligne illisible"]),
    ("interchange", GOOD, "received_at = 'hier'", ["ligne illisible"]),
    ("interchange", GOOD, "step = 'zzz'", ["ligne illisible"]),
    ("interchange", GOOD, "name = CAST(x'ff' AS TEXT)", ["ligne illisible"]),
    ("outbox", SENT, "due = 0", ["ligne illisible"]),
    # what is no longer what was recorded
    (
        "interchange",
        GOOD,
        "step = 'refused'",
        ["étape / step « refused », événement / event « cl"],
    ),
    ("interchange", GOOD, f"sha256 = '{'0' * 64}'", [f"SHA-256 « {'0' * 64} », événement"]),
    (
        "interchange",
        GOOD,
        "name = 'bad.xml'",
        ["nom / name « bad.xml », événement / event « good"],
    ),
    ("interchange", GOOD, "size = size + 1", ["taille / size «"]),
    (
        "interchange",
        GOOD,
        "connection = 'x'",
        ["connexion / connection « x », événement / event « ca"],
    ),
    ("interchange", GOOD, "partner = 'x'", ["partenaire / partner « x », événement / event « ca"]),
    (
        "interchange",
        GOOD,
        "removed = 0",
        ["retiré / removed « None », événement / event « True »"],
    ),
    (
        "interchange",
        GOOD,
        "received_at = '2020-01-01T00:00:00.000000+00:00'",
        ["reçu / received « 2020-01-01 00:00:00+00:00 »"],
    ),
    ("interchange", GOOD, "documents = 2", ["documents « 2 », événement / event « 1 »"]),
    (
        "document",
        GOOD,
        "step = 'abandoned'",
        ["étape / step « abandoned », événement / event « de"],
    ),
    ("document", GOOD, f"sha256 = '{'0' * 64}'", [f"SHA-256 « {'0' * 64} », événement"]),
    (
        "document",
        GOOD,
        "name = 'bad.xml'",
        ["nom / name « bad.xml », événement / event « good.xml"],
    ),
    ("document", GOOD, "size = 'much'", ["taille / size « much », événement / event «"]),
    ("document", GOOD, "route = 'hopital-exemple'", ["route « hopital-exemple », événement"]),
    (
        "document",
        GOOD,
        "interchange = (SELECT id FROM interchange WHERE name = 'late.xml'), seq = 2",
        ["flux / interchange «", "place « 2 », événement / event « 1 »"],
    ),
    ("document", "name = 'held.xml'", "reasons = '[]'", ["motifs / reasons « None », événement"]),
    (
        "outbox",
        SENT,
        "state = 'pending'",
        ["état / state « pending », événement / event « sent »"],
    ),
    ("outbox", SENT, "kind = 'acknowledgement'", ["sorte / kind « acknowledgement », événement"]),
    ("outbox", SENT, "connection = 'caterer'", ["connexion / connection « caterer », événement"]),
    ("outbox", SENT, "name = 'x'", ["nom / name « x », événement"]),
    (
        "outbox",
        SENT,
        "interchange = (SELECT id FROM interchange WHERE name = 'good.xml')",
        ["flux / interchange «"],
    ),
    ("outbox", SENT, "generation = 1", ["génération / generation « 1 », événement / event « 2 »"]),
    ("outbox", SENT, "final = 0", ["final « None », événement / event « True »"]),
    (
        "interchange",
        GOOD,
        "reason = 'VIDE'",
        ["motif / reason « VIDE », événement / event « None"],
    ),
    (
        "outbox",
        "state = 'pending'",
        "state = 'sent'",
        ["état / state « sent », événement / event « pending »"],
    ),
)


@pytest.mark.parametrize(
    ("table", "where", "change", "differences"),
    EDITS,
    ids=[f"{table}-{change[:40]}" for table, _, change, _ in EDITS],
)
def test_an_edited_row_is_named_with_what_its_events_say(
    home: Path, edi: Any, table: str, where: str, change: str, differences: Sequence[str]
) -> None:
    """One row, one edit: that row and nothing else is reported, whatever stands in it."""
    key = the_id(home, table, where)

    tamper(home, f"UPDATE {table} SET {change} WHERE {where}")

    ran = edi("verify", "--json")
    found = ran.json
    told = [line.removeprefix(f"{key}: ") for line in found.pop("differences")]
    assert [line[: len(start)] for line, start in zip(told, differences, strict=True)] == [
        *differences
    ]
    assert (ran.code, found["sound"], ran.err) == (1, False, "")
    assert (found["blobs"], found["breaks"], found["lost"], found["orphans"]) == (5, [], [], [])


def test_what_is_printed_names_rows_and_originals(home: Path, edi: Any) -> None:
    """A person reads on standard error what a machine reads as JSON."""
    key = the_id(home, "document", GOOD)
    orphan = "ab" + "0" * 62
    (home / "archive" / "blobs" / "ab" / orphan).write_bytes(b"<a/>")
    tamper(home, f"UPDATE document SET step = 'zzz' WHERE {GOOD}")

    ran = edi("verify")

    assert ran.code == 1
    assert ran.out.endswith(", 5 originaux / originals, 1 orphelin(s) / orphan(s)\n")
    assert ran.err.splitlines() == [
        f"{key}: ligne illisible / row cannot be read: 'zzz' is not a valid Step",
        f"original {orphan}: orphelin, dans aucun flux / orphan, in no interchange",
    ]


@pytest.mark.parametrize(
    ("table", "where"), [("interchange", GOOD), ("document", GOOD), ("outbox", SENT)]
)
def test_a_row_that_was_taken_away_is_missed(home: Path, edi: Any, table: str, where: str) -> None:
    """Its events still tell of it, and of its original."""
    key = the_id(home, table, where)

    tamper(home, f"DELETE FROM {table} WHERE {where}")

    found = edi("verify", "--json").json
    assert found["differences"] == [f"{key}: ligne absente / row missing"]
    assert (found["sound"], found["blobs"], found["orphans"]) == (False, 5, [])


def test_a_row_that_was_slipped_in_has_no_event(home: Path, edi: Any) -> None:
    """A second delivery that nobody decided on."""
    columns = [row[1] for row in tamper(home, "PRAGMA table_info(outbox)")]
    copied = ["'D0'" if name == "key" else f'"{name}"' for name in columns]

    tamper(home, f"INSERT INTO outbox SELECT {', '.join(copied)} FROM outbox WHERE {SENT}")

    ran = edi("verify", "--json")
    assert (ran.code, ran.json["differences"]) == (
        1,
        ["D0: aucun événement / no event"],
    )


def test_an_id_that_is_no_text_any_more_hides_nothing(home: Path, edi: Any) -> None:
    """The row is a stranger under its new id, and missed under the old one."""
    key = the_id(home, "document", GOOD)

    tamper(home, f"UPDATE document SET id = x'00' WHERE {GOOD}")

    ran = edi("verify", "--json")
    assert (ran.code, ran.json["differences"]) == (
        1,
        [f"{key}: ligne absente / row missing", "b'\\x00': aucun événement / no event"],
    )


def test_an_invoice_taken_out_of_a_delivery_is_missed(home: Path, edi: Any) -> None:
    """The event says how many documents a delivery carries."""
    key = the_id(home, "outbox", SENT)

    tamper(home, f"DELETE FROM outbox_document WHERE key = '{key}'")

    told = edi("verify", "--json").json["differences"]
    assert told == [f"{key}: documents « None », événement / event « 1 »"]


def test_rows_whose_whole_chain_was_taken_away_are_all_strangers(home: Path, edi: Any) -> None:
    """An empty chain holds, but tells of nothing."""
    rows = sum(
        tamper(home, f"SELECT count(*) FROM {table}")[0][0]
        for table in ("interchange", "document", "outbox", "life")
    )

    tamper(home, "DELETE FROM event", f"UPDATE chain_head SET seq = 0, hash = '{GENESIS}'")

    ran = edi("verify", "--json")
    assert (ran.code, ran.json["events"], ran.json["breaks"]) == (1, 0, [])
    assert len(ran.json["differences"]) == rows
    assert all(line.endswith(": aucun événement / no event") for line in ran.json["differences"])


@pytest.mark.parametrize(
    "column", ["seq", "at", "subject", "what", "actor", "data", "previous", "hash"]
)
def test_an_event_that_holds_no_text_any_more_is_a_break(
    home: Path, edi: Any, column: str
) -> None:
    """Bytes where the chain had words, or its place."""
    tamper(home, f"UPDATE event SET {column} = x'00' WHERE seq = 3")

    ran = edi("verify", "--json")

    assert (ran.code, ran.json["sound"]) == (1, False)
    assert ran.json["breaks"][0]["seq"] == 3


def test_an_emptied_ledger_beside_a_full_archive_is_not_sound(home: Path, edi: Any) -> None:
    """Nothing contradicts itself there, but five originals came from somewhere."""
    originals = sorted(row[0] for row in tamper(home, "SELECT DISTINCT sha256 FROM interchange"))
    for path in home.glob("ledger.sqlite*"):
        path.unlink()
    assert edi("init").code == 0

    ran = edi("verify", "--json")

    assert (ran.code, ran.json) == (
        1,
        {
            "sound": False,
            "events": 0,
            "blobs": 0,
            "breaks": [],
            "lost": [],
            "differences": [],
            "erased": 0,
            "remains": [],
            "orphans": originals,
            "seals": {"count": 0, "broken": [], "missing": [], "due": False},
        },
    )
    assert len(ran.json["orphans"]) == 5
    printed = edi("verify")
    assert printed.code == 1
    assert "5 orphelin(s) / orphan(s)" in printed.out
    assert "the ledger was emptied, or is another one" in printed.err


def test_an_original_that_a_crash_left_is_told_and_is_no_fault(home: Path, edi: Any) -> None:
    """Blob before row: a crash between the two leaves a blob that no interchange names."""
    folder = home / "archive" / "blobs" / "ab"
    orphan = "ab" + "0" * 62
    (folder / orphan).write_bytes(b"<a/>")
    (folder / "README").write_bytes(b"no blob")

    ran = edi("verify", "--json")

    assert (ran.code, ran.json["sound"], ran.json["orphans"]) == (0, True, [orphan])
    printed = edi("verify")
    assert (printed.code, printed.out.splitlines()[-1]) == (
        0,
        "La chaîne tient / the chain holds.",
    )
    assert (
        printed.err
        == f"original {orphan}: orphelin, dans aucun flux / orphan, in no interchange\n"
    )


def test_an_original_that_was_taken_away_is_lost(
    home: Path, edi: Any, original_file: Callable[[Path, str], Path]
) -> None:
    """It is looked for under the hash that the event tells, whatever the row says now."""
    ((digest,),) = tamper(home, f"SELECT sha256 FROM interchange WHERE {GOOD}")
    original_file(home, digest).unlink()
    tamper(home, f"UPDATE interchange SET sha256 = '' WHERE {GOOD}")

    ran = edi("verify", "--json")

    assert (ran.code, ran.json["lost"], len(ran.json["differences"])) == (1, [digest], 1)
