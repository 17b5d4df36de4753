"""Totals and gaps: what was announced, what is missing, what a day came to; real SFTP."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

PARIS = ZoneInfo("Europe/Paris")
SENDER = 'role = "sender"\nscanner = "none"\n'
GRAMMAR = SENDER + 'naming = "grammar"\napplication_code = "SUP001"\ninterfaces = ["FSO1100A"]\n'


def flow_name(sequence: int) -> str:
    """Name a flow of the supplier."""
    return f"FSO1100A_SUP001_SUP0011100{sequence:015d}"


def an_invoice(samples: Any, number: str, buyer: Any = None) -> Any:
    """Write a small sound UBL invoice."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return samples.to_ubl(
        samples.as_historical(samples.billed_to(model, buyer or samples.VILLE, number))
    )


def total_of(xml: bytes) -> Decimal:
    """Return the total with VAT as the file writes it."""
    text = xml.decode()
    return Decimal(text.partition("TaxInclusiveAmount")[2].partition(">")[2].partition("<")[0])


def manifest_of(files: Mapping[str, bytes], /, **changes: Any) -> bytes:
    """Announce some invoices in euros as they are, but for `changes`."""
    told = {
        "count": len(files),
        "sums": {"EUR": str(sum(total_of(one) for one in files.values()))},
        "files": [
            {"name": name, "sha256": sha256(one).hexdigest()} for name, one in files.items()
        ],
    }
    return json.dumps({**told, **changes}).encode()


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def run(world: Any) -> Any:
    """Do one pass."""
    ran = world.edi("run", "--once", "--json")
    assert "Traceback" not in ran.err, ran.err
    return ran


def agree(world: Any, name: str, text: str) -> None:
    """Put another sheet of a partner in force."""
    world.sheet(name, text)
    applied = world.edi("apply")
    assert applied.code == 0, applied.err


def answer(world: Any, supplier: str, name: str = "lot.tar.gz") -> Any:
    """Return the final JSON answer to a file that a supplier dropped."""
    found = (json.loads(p) for n, p in world.out(supplier).items() if n.endswith(".ack.json"))
    (told,) = (one for one in found if one["interchange"]["name"] == name)
    return told


def sql(world: Any, statement: str, *values: object) -> list[Any]:
    """Run one statement on the ledger, behind the hub's back."""
    with closing(sqlite3.connect(world.home / "ledger.sqlite")) as database, database:
        return database.execute(statement, values).fetchall()


def some_files(samples: Any, prefix: str) -> dict[str, bytes]:
    """Return three invoices to be packed."""
    return {f"{n}.xml": an_invoice(samples, f"{prefix}{n}") for n in range(1, 4)}


def as_zip(files: Mapping[str, bytes]) -> bytes:
    """Pack files as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


# -- manifest
def test_flows_that_are_as_announced_are_delivered_and_the_manifest_is_no_document(
    world: Any, samples: ModuleType
) -> None:
    """Count, sum and hashes hold: the answer says so, figure by figure."""
    first, second = some_files(samples, "M"), some_files(samples, "Z")
    told = {"manifest.json": manifest_of(first), **first}
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(told))
    drop(world, "caterer", "lot.zip", as_zip({**second, "manifest.json": manifest_of(second)}))

    run(world)

    delivered = sorted(world.out("ville-exemple").values())
    assert delivered == sorted([*first.values(), *second.values()])
    for name in ("lot.tar.gz", "lot.zip"):
        answered = answer(world, "caterer", name)
        assert (answered["outcome"], answered["counts"]["received"]) == ("accepted", 3)
        figures = answered["manifest"]
        whats = ["count", "sum EUR", *(f"sha256 {n}" for n in first)]
        assert [one["what"] for one in figures] == whats
        assert [one["announced"] for one in figures] == [one["found"] for one in figures]


def figures_kept(world: Any) -> list[list[str | None]]:
    """Return the figures of the last check, as the chain of events keeps them."""
    rows = sql(world, "SELECT data FROM event WHERE what = 'manifest.checked' ORDER BY seq")
    figures: list[list[str | None]] = json.loads(rows[-1][0])["figures"]
    return figures


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "count": ({"count": 4}, "nombre de fichiers : annoncé 4, trouvé 3"),
    "sum": ({"sums": {"EUR": "1.00"}}, "somme EUR : annoncé 1.00, trouvé "),
    "file": (
        {"files": [{"name": "4.xml", "sha256": "0" * 64}]},
        f"SHA-256 de 4.xml : annoncé {'0' * 64}, trouvé rien",
    ),
    "key": ({"total": "1"}, "clé inconnue"),
}


def test_one_figure_that_does_not_hold_refuses_the_whole_flow(
    world: Any, samples: ModuleType
) -> None:
    """Whatever the atomicity: nothing is delivered, and the answer says which figure."""
    for place, (name, (changes, _)) in enumerate(WRONG.items()):
        files = some_files(samples, name)
        payload = samples.tar_gz({**files, "manifest.json": manifest_of(files, **changes)})
        drop(world, "caterer", f"{name}.tar.gz", payload)
        drop(world, "supplier", flow_name(place), payload)

    run(world)

    assert world.out("ville-exemple") == {}
    documents = world.edi("documents", "--limit", "99", "--json").json
    assert [one["step"] for one in documents] == ["rejected"] * 24
    flows = world.edi("interchanges", "--json").json
    assert [(one["step"], one["answered"]) for one in flows] == [("refused", True)] * 8
    historical = "".join(payload.decode() for payload in world.out("supplier").values())
    for name, (_, figure) in WRONG.items():
        (why,) = answer(world, "caterer", f"{name}.tar.gz")["reasons"]
        assert why["code"] == "MANIFEST"
        assert figure in why["message"]["fr"]
        assert figure in historical


def test_a_file_that_cannot_be_read_makes_the_sum_fail_and_is_named(
    world: Any, samples: ModuleType
) -> None:
    """It counts among the files; its amount is unknown, so no sum can hold."""
    files = {**some_files(samples, "U"), "4.xml": b"<Invoice>"}
    sums = {"EUR": str(sum(total_of(files[f"{n}.xml"]) for n in range(1, 4)))}
    manifest = json.dumps({"count": 4, "sums": sums}).encode()
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz({**files, "manifest.json": manifest}))

    run(world)

    assert world.out("ville-exemple") == {}
    told = answer(world, "caterer")
    assert told["outcome"] == "rejected"
    why = {one["code"]: one["message"]["fr"] for one in told["reasons"]}
    assert sorted(why) == ["IRR_SYNTAX", "MANIFEST"]
    assert "+ ? (4.xml)" in why["MANIFEST"]
    assert "nombre" not in why["MANIFEST"]


def test_a_refused_invoice_inside_does_not_change_what_was_announced(
    world: Any, samples: ModuleType
) -> None:
    """The manifest is about what was sent, not about what is accepted."""
    files = some_files(samples, "D")
    files["3.xml"] = files["3.xml"].replace(samples.VILLE.siret.encode(), b"99999999999999")
    drop(
        world,
        "caterer",
        "lot.tar.gz",
        samples.tar_gz({**files, "manifest.json": manifest_of(files)}),
    )

    run(world)

    told = answer(world, "caterer")
    assert (told["outcome"], told["reasons"]) == ("partly accepted", [])
    assert len(world.out("ville-exemple")) == 2


def test_a_manifest_that_was_agreed_and_is_not_there_refuses(
    world: Any, samples: ModuleType
) -> None:
    """A file alone cannot have one."""
    agree(world, "caterer", SENDER + 'manifest = "required"\n')
    files = some_files(samples, "Q")
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))
    drop(world, "caterer", "alone.xml", an_invoice(samples, "Q4"))

    run(world)

    assert world.out("ville-exemple") == {}
    for name in ("lot.tar.gz", "alone.xml"):
        told = answer(world, "caterer", name)
        (why,) = told["reasons"]
        assert (told["outcome"], why["code"]) == ("rejected", "MANIFEST")
        assert "aucun bordereau" in why["message"]["fr"]


@pytest.mark.parametrize("verb", ["release", "reject"])
def test_the_final_answer_after_a_hold_shows_the_figures_again(
    world: Any, samples: ModuleType, verb: str
) -> None:
    """The manifest held before anything was accepted; who waited for the rest sees it."""
    files = {
        "1.xml": an_invoice(samples, "H1"),
        "2.xml": an_invoice(samples, "H2", samples.COLLEGE),
    }
    drop(
        world,
        "caterer",
        "lot.tar.gz",
        samples.tar_gz({"manifest.json": manifest_of(files), **files}),
    )
    run(world)
    assert len(world.out("ville-exemple")) == 1
    (flow,) = world.edi("interchanges", "--json").json
    (held,) = world.edi("documents", "--step", "held", "--json").json
    routes = world.home / "config" / "directory" / "routes.toml"
    if verb == "release":
        route = (
            f'\n[[route]]\nconnection = "ville-exemple"\nbuyer_siret = "{samples.COLLEGE.siret}"\n'
        )
        routes.write_text(routes.read_text(encoding="utf-8") + route, encoding="utf-8")
        assert world.edi("apply").code == 0
        assert world.edi("release", flow["id"]).code == 0
    else:
        assert world.edi("reject", held["id"], "--reason", "Clos").code == 0

    run(world)

    told = answer(world, "caterer")
    assert told["final"] is True
    assert told["outcome"] == {"release": "accepted", "reject": "partly accepted"}[verb]
    assert [one["found"] for one in told["manifest"]] == [one[2] for one in figures_kept(world)]
    assert all(one["announced"] == one["found"] for one in told["manifest"])


# -- gaps
def test_a_missing_number_is_told_once_to_both_sides_and_closed_by_the_late_flow(
    world: Any, samples: ModuleType
) -> None:
    """After the delay, not before; the supplier has a file, the operator a line."""
    agree(world, "supplier", GRAMMAR + "gap_after_h = 1\n")
    for number in (1, 4):
        drop(world, "supplier", flow_name(number), an_invoice(samples, f"G{number}"))
    run(world)
    assert gaps_in(world) == []
    age(world, timedelta(hours=2))

    run(world)
    run(world)

    stem = "gap-FSO1100A_SUP001-2-3"
    assert gaps_in(world) == [f"{stem}.json", f"{stem}.txt"]
    told = json.loads(world.out("supplier")[f"{stem}.json"])
    assert (told["from"], told["to"], told["first_flow"]) == (2, 3, flow_name(2))
    assert told_of_gaps(world) == ["gap.found"]
    assert '"gap.found"' in logged(world)

    drop(world, "supplier", flow_name(2), an_invoice(samples, "G2"))
    run(world)
    assert told_of_gaps(world) == ["gap.found"]
    drop(world, "supplier", flow_name(3), an_invoice(samples, "G3"))
    run(world)
    run(world)

    assert told_of_gaps(world) == ["gap.found", "gap.closed"]
    assert len(gaps_in(world)) == 2


def gaps_in(world: Any) -> list[str]:
    """Return the notices of gaps that the supplier finds."""
    return sorted(name for name in world.out("supplier") if name.startswith("gap-"))


def logged(world: Any) -> str:
    """Return everything that was logged."""
    logs = sorted((world.home / "logs").rglob("*.jsonl"))
    return "".join(path.read_text(encoding="utf-8") for path in logs)


def told_of_gaps(world: Any) -> list[str]:
    """Return what the chain of events says of gaps."""
    rows = sql(world, "SELECT what FROM event WHERE what LIKE 'gap.%' ORDER BY seq")
    return [what for (what,) in rows]


def age(world: Any, by: timedelta) -> None:
    """Let every flow have been received earlier."""
    for subject, at in sql(world, "SELECT id, received_at FROM interchange"):
        earlier = (datetime.fromisoformat(at) - by).isoformat(timespec="microseconds")
        sql(world, "UPDATE interchange SET received_at = ? WHERE id = ?", earlier, subject)


# -- recapitulation
def test_a_day_is_summed_up_once_and_its_totals_are_the_ledgers(
    world: Any, samples: ModuleType
) -> None:
    """Accepted, refused, duplicate and a credit note; recomputed here from the tables."""
    agree(world, "caterer", SENDER + "recapitulation = true\n")
    credit = samples.to_ubl(
        samples.billed_to(samples.BY_KEY["ubl-381-avoir"], samples.VILLE, "A1")
    )
    files = {**some_files(samples, "J"), "credit.xml": credit}
    files["2.xml"] = files["2.xml"].replace(samples.VILLE.siret.encode(), b"99999999999999")
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))
    drop(world, "caterer", "copy.xml", files["1.xml"])
    drop(world, "caterer", "=broken.bin", b"\0\1\2")
    drop(world, "supplier", flow_name(1), an_invoice(samples, "S1"))
    run(world)
    assert recapitulations(world, "caterer") == []
    age(world, timedelta(days=1))

    run(world)
    run(world)

    day = (datetime.now(PARIS) - timedelta(days=1)).date()
    names = [f"recapitulation-{day}.csv", f"recapitulation-{day}.json"]
    assert recapitulations(world, "caterer") == names
    assert recapitulations(world, "supplier") == []
    told = json.loads(world.out("caterer")[names[1]])
    assert told["complete"] is True
    assert {one["name"] for one in told["flows"]} == {"lot.tar.gz", "copy.xml", "=broken.bin"}
    totals = {(t["currency"], t["outcome"]): (t["invoices"], t["amount"]) for t in told["totals"]}
    assert totals == totals_of_the_ledger(world, "caterer")
    assert len(totals) == 3
    text = world.out("caterer")[names[0]].decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))
    assert [row[0] for row in rows[1:]].count("facture / invoice") == 4
    assert {row[1] for row in rows[1:] if row[0] == "flux / flow"} == {"'=broken.bin"}
    assert {(row[9], Decimal(row[10].replace(",", "."))) for row in rows if row[0] == "total"} == {
        (currency, Decimal(amount)) for (currency, _), (_, amount) in totals.items()
    }


def totals_of_the_ledger(world: Any, connection: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Add up what the tables hold, without any code of the hub."""
    outcome = (
        "CASE d.step WHEN 'rejected' THEN 'rejected' WHEN 'duplicate' THEN 'duplicate'"
        " WHEN 'held' THEN 'held' ELSE 'accepted' END"
    )
    cents = (
        "sum(CAST(round(json_extract(d.header, '$.total_with_vat') * 100) AS INTEGER)"
        " * CASE WHEN json_extract(d.header, '$.type_code') = '381' THEN -1 ELSE 1 END)"
    )
    rows = sql(
        world,
        f"SELECT json_extract(d.header, '$.currency'), {outcome} AS outcome, count(*), {cents}"
        " FROM document d JOIN interchange i ON d.interchange = i.id WHERE i.connection = ?"
        " GROUP BY 1, 2",
        connection,
    )
    return {
        (currency, outcome): (count, f"{Decimal(sum_).scaleb(-2):f}")
        for currency, outcome, count, sum_ in rows
    }


def recapitulations(world: Any, supplier: str) -> list[str]:
    """Return the recapitulations that a supplier finds."""
    return sorted(name for name in world.out(supplier) if name.startswith("recapitulation-"))


def test_a_day_with_something_open_waits_a_day_and_then_says_so(
    world: Any, samples: ModuleType
) -> None:
    """What an operator has not decided is marked; days that were missed are caught up."""
    agree(world, "caterer", SENDER + "recapitulation = true\n")
    drop(world, "caterer", "college.xml", an_invoice(samples, "O1", samples.COLLEGE))
    run(world)
    age(world, timedelta(days=1))
    run(world)
    assert recapitulations(world, "caterer") == []
    age(world, timedelta(days=1))

    run(world)

    today = datetime.now(PARIS).date()
    names = recapitulations(world, "caterer")
    wanted = [f"recapitulation-{today - timedelta(days=back)}.json" for back in (2, 1)]
    assert [name for name in names if name.endswith("json")] == wanted
    first, second = (json.loads(world.out("caterer")[name]) for name in wanted)
    assert (first["complete"], first["flows"][0]["open"]) == (False, True)
    assert (second["complete"], second["flows"]) == (True, [])
    table = world.out("caterer")[f"recapitulation-{today - timedelta(days=2)}.csv"]
    assert "en cours / open" in table.decode("utf-8-sig")


# -- deadlines
def test_a_flow_past_its_deadline_is_late_until_its_final_answer_is_sent(
    world: Any, samples: ModuleType
) -> None:
    """The time was agreed on the sheet; an interim notice does not stop the clock."""
    from pipeline.app.deadlines import answer_delays, late_answers
    from pipeline.bootstrap import reading, workspace

    agree(world, "caterer", SENDER + "answer_within_h = 1\n")
    drop(world, "caterer", "held.xml", an_invoice(samples, "L1", samples.COLLEGE))
    drop(world, "caterer", "good.xml", an_invoice(samples, "L2"))
    run(world)
    (held,) = world.edi("documents", "--step", "held", "--json").json
    now = datetime.now(UTC)

    with reading(workspace(world.home)) as ledger:
        sheets = ledger.sheets()
        assert late_answers(ledger, sheets, now) == []
        (late,) = late_answers(ledger, sheets, now + timedelta(hours=1))
    assert (late.interchange.name, late.answered_at, late.latency) == ("held.xml", None, None)
    assert late.is_late(now + timedelta(hours=1))
    assert not late.is_late(now)

    assert world.edi("reject", held["id"], "--reason", "Clos").code == 0
    age(world, timedelta(hours=2))
    run(world)

    with reading(workspace(world.home)) as ledger:
        assert late_answers(ledger, sheets, now + timedelta(days=1)) == []
        delays = answer_delays(ledger, sheets, now - timedelta(days=1), now)
    assert {one.interchange.name for one in delays} == {"held.xml", "good.xml"}
    assert all(one.is_late(now) for one in delays)
    assert all(one.latency and one.latency > timedelta(hours=2) for one in delays)
