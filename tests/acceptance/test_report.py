"""A day in figures: they are the ledger's, they add up, and no one is fooled by a cell."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import etree, html

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def a_busy_day(world: Any, samples: Any) -> str:
    """Let two suppliers send what passes, what does not, and the same again; return the day."""
    model = samples.BY_KEY["ubl-380-une-ligne"]

    def invoice(number: str, buyer: Any = samples.VILLE) -> bytes:
        written: bytes = samples.to_ubl(
            samples.as_historical(samples.billed_to(model, buyer, number))
        )
        return written

    good = invoice("R1")
    wrong = re.sub(rb"(<cbc:TaxInclusiveAmount[^>]*>)[^<]+", rb"\g<1>7", invoice("R2"))
    files = {"1.xml": invoice("R3"), "2.xml": samples.without_issue_date(invoice("R4"))}
    drop(world, "caterer", "=cmd.xml", good)
    drop(world, "caterer", "fausse.xml", wrong)
    drop(world, "caterer", "vide.xml", b"")
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))
    drop(world, "caterer", "suspendue.xml", invoice("R5", samples.COLLEGE))
    drop(world, "supplier", "FSO1100A_SUP001_SUP0011100000000000000001", invoice("R6"))
    assert world.edi("run", "--once").code == 0
    drop(world, "caterer", "encore.xml", good)
    assert world.edi("run", "--once").code == 0
    (day,) = {one["received_at"][:10] for one in world.edi("interchanges", "--json").json}
    return str(day)


def sql(world: Any, statement: str) -> list[tuple[Any, ...]]:
    """Ask the database itself."""
    with closing(sqlite3.connect(world.home / "ledger.sqlite")) as database, database:
        return database.execute(statement).fetchall()


def test_the_totals_of_a_report_are_those_of_the_ledger(world: Any, samples: ModuleType) -> None:
    """Counted again by SQL: volumes, amounts, refusals, latency, conservation."""
    day = a_busy_day(world, samples)

    ran = world.edi("report", "--day", day, "--timezone", "UTC", "--format", "json")

    assert ran.code == 0, ran.err
    told = ran.json
    tables = told["tables"]
    assert (told["period"], told["balanced"]) == (day, True)
    volumes = {(row["what"], row["step"]): row["count"] for row in tables["volumes"]}
    assert volumes == {
        **{
            ("flux / flows", step): count
            for step, count in sql(world, "SELECT step, count(*) FROM interchange GROUP BY step")
        },
        **{
            ("documents", step): count
            for step, count in sql(world, "SELECT step, count(*) FROM document GROUP BY step")
        },
    }
    sums: Counter[tuple[str, str]] = Counter()
    for step, text in sql(world, "SELECT step, header FROM document"):
        header = json.loads(text)
        if "total_with_vat" in header:
            sums[header["currency"], step] += Decimal(header["total_with_vat"])  # type: ignore[assignment]  # a counter adds whatever adds
    amounts = {(row["currency"], row["step"]): row["total"] for row in tables["amounts"]}
    assert {key: Decimal(total) for key, total in amounts.items()} == sums
    rules = "SELECT count(DISTINCT document) FROM finding WHERE rule = 'BR-CO-15'"
    by_rule = {row["rule"]: row["documents"] for row in tables["rules"]}
    assert by_rule["BR-CO-15"] == sql(world, rules)[0][0] == 1
    refusals = {(row["partner"], row["code"]): row for row in tables["refusals"]}
    assert refusals["caterer", "IRR_VIDE"]["flows"] == 1
    assert refusals["caterer", "IRR_SYNTAX"]["documents"] == 1
    latency = {row["partner"]: row for row in tables["latency"]}
    assert (latency["caterer"]["flows"], latency["caterer"]["answered"]) == (6, 5)
    assert 0 < latency["caterer"]["p50_s"] <= latency["caterer"]["max_s"] < 600
    kept = [list(row.values()) for row in tables["conservation"]]
    assert kept == [
        ["caterer", "flux / flows", 6, 4, 1, 1, 0, 0, 0],
        ["caterer", "documents", 6, 2, 2, 1, 1, 0, 0],
        ["supplier", "flux / flows", 1, 1, 0, 0, 0, 0, 0],
        ["supplier", "documents", 1, 1, 0, 0, 0, 0, 0],
    ]
    assert sum(row["documents"] for row in tables["course"]) == 7
    assert len(tables["course"]) == 24


def test_every_format_tells_the_same(world: Any, samples: ModuleType, tmp_path: Path) -> None:
    """For people, spreadsheets and programs; a partner alone is a part of the whole."""
    day = a_busy_day(world, samples)
    of_day = ("report", "--month", day[:7], "--timezone", "UTC")

    text = world.edi(*of_day)
    table = world.edi(*of_day, "--format", "csv")
    page = world.edi(*of_day, "--format", "html", "-o", str(tmp_path / "r.html"))
    book = world.edi(*of_day, "--format", "xlsx", "-o", str(tmp_path / "r.xlsx"))
    alone = world.edi(*of_day, "--partner", "supplier", "--format", "json").json

    assert (text.code, table.code, page.code, book.code) == (0, 0, 0, 0)
    assert "Conservation" in text.out
    assert "remis / delivered" in text.out
    rows = list(csv.reader(io.StringIO(table.out.removeprefix("\ufeff")), delimiter=";"))
    assert rows[0] == ["table", "row", "column", "value"]
    assert ["conservation", "1", "received", "6"] in rows
    tree: Any = html.parse(str(tmp_path / "r.html")).getroot()
    assert "Le compte est bon" in tree.text_content()
    assert "remis delivered" in tree.text_content()
    assert not tree.xpath("//script | //img | //link | //@src | //@href | //@style")
    for chart in tree.xpath("//svg"):
        assert chart.get("role") == "img"
        assert [one.tag for one in chart][:2] == ["title", "desc"]
    with zipfile.ZipFile(tmp_path / "r.xlsx") as file:
        names = etree.fromstring(file.read("xl/workbook.xml")).iter("{*}sheet")
        sheets = [one.get("name") for one in names]
        assert not any(b"<f>" in file.read(name) for name in file.namelist())
    assert sheets == [
        "Volumes",
        "Montants",
        "Refus par règle",
        "Refus par partenaire",
        "Délai de réponse",
        "Réponses en retard",
        "Arrivées",
        "Conservation",
    ]
    assert [row["partner"] for row in alone["tables"]["conservation"]] == ["supplier"] * 2


def test_a_day_ends_at_midnight_in_paris(world: Any, samples: ModuleType) -> None:
    """A file of half past eleven in the evening, UTC, belongs to the next day there."""
    drop(world, "caterer", "nuit.xml", samples.to_ubl(samples.BY_KEY["ubl-380-une-ligne"]))
    world.edi("run", "--once")
    late = datetime(2026, 7, 14, 22, 30, tzinfo=UTC).isoformat(timespec="microseconds")
    sql(world, f"UPDATE interchange SET received_at = '{late}'")

    counts = [
        len(world.edi("report", "--day", *day, "--format", "json").json["tables"]["latency"])
        for day in (
            ("2026-07-14",),
            ("2026-07-15",),
            ("2026-07-14", "--timezone", "UTC"),
            ("2026-07-15", "--timezone", "UTC"),
        )
    ]

    assert counts == [0, 1, 1, 0]


def test_a_late_answer_is_listed_with_its_deadline(world: Any, samples: ModuleType) -> None:
    """As the sheet says it."""
    sheet = 'role = "sender"\nscanner = "none"\nanswer_within_h = 0.000001\n'
    world.sheet("caterer", sheet)
    applied = world.edi("apply")
    assert applied.code == 0, applied.err
    drop(world, "caterer", "a.xml", samples.to_ubl(samples.BY_KEY["ubl-380-une-ligne"]))
    world.edi("run", "--once")
    day = world.edi("interchanges", "--json").json[0]["received_at"][:10]

    report = world.edi("report", "--day", day, "--timezone", "UTC", "--format", "json").json

    (late,) = report["tables"]["late"]
    assert (late["partner"], late["name"]) == ("caterer", "a.xml")
    assert late["late_s"] > 0


def test_what_does_not_add_up_ends_with_one(world: Any, samples: ModuleType) -> None:
    """A document that was removed behind the hub's back is missed."""
    day = a_busy_day(world, samples)
    (gone, *_) = sql(world, "SELECT id FROM document WHERE step = 'held'")[0]
    for table, column in (("finding", "document"), ("report", "document"), ("document", "id")):
        sql(world, f"DELETE FROM {table} WHERE {column} = '{gone}'")

    ran = world.edi("report", "--day", day, "--timezone", "UTC")
    told = world.edi("report", "--day", day, "--timezone", "UTC", "--format", "json")

    assert (ran.code, told.code) == (1, 1)
    assert "le compte n'y est pas" in ran.err
    assert told.json["balanced"] is False
    differences = [row["difference"] for row in told.json["tables"]["conservation"]]
    assert differences == [0, 1, 0, 0]


def test_an_empty_period_is_a_report_that_says_so(edi: Any, tmp_path: Path) -> None:
    """It is not an error, in any format."""
    assert edi("init").code == 0

    text = edi("report", "--day", "2020-02-29")
    told = edi("report", "--month", "2020-02", "--format", "json")
    page = edi("report", "--month", "2020-02", "--format", "html")
    book = edi("report", "--day", "2020-02-29", "--format", "xlsx", "-o", str(tmp_path / "r.xlsx"))
    table = edi("report", "--day", "2020-02-29", "--format", "csv")

    assert [ran.code for ran in (text, told, page, book, table)] == [0] * 5
    assert "Rien reçu / nothing received" in text.out
    assert set(map(len, told.json["tables"].values())) == {0}
    assert "Rien reçu" in page.out
    assert table.out.removeprefix("\ufeff").splitlines() == ['"table";"row";"column";"value"']


def test_a_period_that_is_none_is_said(edi: Any) -> None:
    """One of the two, and a date of the calendar."""
    assert edi("init").code == 0
    for arguments in (
        (),
        ("--day", "2026-11-24", "--month", "2026-11"),
        ("--day", "2026-02-30"),
        ("--day", "24/11/2026"),
        ("--month", "2026-13"),
        ("--month", "9999-12"),
        ("--day", "2026-11-24", "--timezone", "Europe/Lutece"),
        ("--day", "2026-11-24", "--timezone", "../etc/passwd"),
        ("--day", "2026-11-24", "--format", "xlsx"),
    ):
        ran = edi("report", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert "Traceback" not in ran.err
        assert ran.err


def test_a_report_that_cannot_be_written_leaves_nothing(edi: Any, tmp_path: Path) -> None:
    """Neither a part of it."""
    assert edi("init").code == 0
    (tmp_path / "there").mkdir()
    at = str(tmp_path / "there")

    ran = edi("report", "--day", "2026-11-24", "--format", "html", "-o", at)

    assert ran.code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "var"]
