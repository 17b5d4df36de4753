"""Erasing: what a flow said is gone everywhere, what happened to it is still told and proven."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.erase import Obstacle, erase, finish, keep_by_law, overdue, unfinished
from pipeline.app.hub import Hub
from pipeline.app.original import put_back
from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.app.views import conserve_documents, conserve_interchanges
from pipeline.entry.cli import command_line
from pipeline.model.errors import ArchiveError, ConfigError
from pipeline.model.identity import InterchangeId
from pipeline.model.status import InterchangeStep, OutboxState
from pipeline.ports.ledger import Query
from tests.clocks import SetClock

ROOT = Path(__file__).resolve().parents[2]
SHEET = """name = "{name}"
partner = "{name}"
role = "{role}"
{more}
[door]
protocol = "local"
path = "{path}"
[completeness]
stable_s = 0
partial_wait_s = 0
"""
#: Gives the id of a flow by its file name.
Named = Callable[[str], InterchangeId]
SENDER = 'scanner = "none"\nretention = "test"'


@pytest.fixture(scope="module")
def samples() -> ModuleType:
    """Return the makers of samples."""
    sys.path.insert(0, str(ROOT / "samples"))
    try:
        import build
    finally:
        sys.path.remove(str(ROOT / "samples"))
    return build


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, samples: ModuleType) -> Path:
    """A workspace that took a good invoice, a refused one, and the good one once more."""
    base = tmp_path_factory.mktemp("lived")
    place = bootstrap.workspace(base / "var")
    bootstrap.initialise(place)
    for name, role, more in (
        ("caterer", "sender", SENDER),
        ("printer", "sender", SENDER),
        ("ville-exemple", "receiver", ""),
    ):
        path = base / "partners" / name
        for folder in ("in", "out", "archive"):
            (path / folder).mkdir(parents=True)
        sheet = place.config / "connections" / f"{name}.toml"
        sheet.write_text(SHEET.format(name=name, role=role, more=more, path=path), "utf-8")
    for table in ("structures.csv", "services.csv"):
        shutil.copyfile(ROOT / "samples/directory" / table, place.config / "directory" / table)
    routes = '[[route]]\nconnection = "ville-exemple"\n'
    (place.config / "directory" / "routes.toml").write_text(routes, "utf-8")
    model = samples.BY_KEY["ubl-380-une-ligne"]
    good = samples.to_ubl(samples.billed_to(model, samples.VILLE, "E1"))
    bad = (ROOT / "samples/broken/br-co-15.xml").read_bytes()
    drops = {"caterer/in/good.xml": good, "caterer/in/bad.xml": bad}
    with opened(place) as hub:
        apply(hub, bootstrap.proposed_sheets(place))
        for again in (drops, {"printer/in/again.xml": good}):
            for name, payload in again.items():
                (base / "partners" / name).write_bytes(payload)
            for _ in range(2):
                run_once(hub, insist=True)
    return base / "var"


@contextmanager
def opened(place: bootstrap.Workspace) -> Iterator[Hub]:
    """Open the hub of a workspace as an operator."""
    with bootstrap.open_hub(place, by="operator:tests") as hub:
        yield hub


@pytest.fixture
def hub(lived: Path, tmp_path: Path) -> Iterator[Hub]:
    """The hub of a copy of that workspace."""
    shutil.copytree(lived, tmp_path / "var")
    with opened(bootstrap.workspace(tmp_path / "var")) as found:
        yield found


@pytest.fixture
def named(hub: Hub) -> Named:
    """Return the id of a flow by its file name."""
    flows = {one.name: one.id for one in hub.ledger.interchanges(Query())}
    return lambda name: flows[name]


def everything(home: Path) -> bytes:
    """Return all bytes of the ledger's file, freed pages and the write-ahead log among them."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"".join(path.read_bytes() for path in sorted(home.glob("ledger.sqlite*")))


def test_the_workspace_has_what_is_to_be_erased(hub: Hub, named: Named) -> None:
    """Else the tests below would prove nothing."""
    flows = hub.ledger.interchanges(Query())
    assert {one.step for one in flows} == {InterchangeStep.CLOSED}
    assert (len(flows), len({one.sha256 for one in flows})) == (3, 2)
    bad = hub.ledger.documents(Query(interchange=named("bad.xml")))
    report = hub.ledger.report(bad[0].id)
    assert report is not None
    assert list(report.findings)


def test_what_a_flow_said_is_gone_and_what_happened_is_told(
    hub: Hub, named: Named, tmp_path: Path
) -> None:
    """Bytes, key, quoted values, names, answers: gone; steps, numbers, hashes, events: there."""
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    (document,) = hub.ledger.documents(Query(interchange=flow.id))
    seller, number = document.header.seller_name, document.header.number
    assert seller
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        # as a finding of the structure quotes what it found
        file.execute("UPDATE finding SET value = 'Jeanne' WHERE document = ?", (document.id,))
    before = (conserve_interchanges(hub.ledger), conserve_documents(hub.ledger))

    done = erase(hub, flow.id, "demande de la personne")

    assert (done.destroyed, done.shared_with) == (True, ())
    with pytest.raises(ArchiveError):
        hub.archive.open(flow.sha256)
    (left,) = hub.ledger.documents(Query(interchange=flow.id))
    assert (left.header.number, left.step, left.sha256) == (number, document.step, document.sha256)
    assert (left.header.seller_name, left.header.buyer_name, left.header.buyer_siret) == (
        None,
        None,
        None,
    )
    assert [one.code for one in left.reasons] == [one.code for one in document.reasons]
    report = hub.ledger.report(document.id)
    assert report is not None
    assert {one.value for one in report.findings} == {None}
    assert {one.message["en"] for one in report.findings} == {"(erased)"}
    assert {row.payload for row in hub.ledger.outbox(interchange=flow.id)} == {b""}
    told = [one.fact for one in hub.ledger.events(flow.id)]
    assert told[-1].what == "interchange.erased"
    assert told[-1].data == {"reason": "demande de la personne"}
    assert (conserve_interchanges(hub.ledger), conserve_documents(hub.ledger)) == before


def test_the_ledger_s_file_holds_no_trace_of_it(hub: Hub, named: Named, tmp_path: Path) -> None:
    """A row that was changed leaves its old text in the file, unless it is overwritten."""
    flow = named("bad.xml")
    answers = [row.payload for row in hub.ledger.outbox(interchange=flow)]
    excerpts = [payload[:60] for payload in answers if payload]
    assert excerpts
    assert all(one in everything(tmp_path / "var") for one in excerpts)

    for one in hub.ledger.interchanges(Query()):
        erase(hub, one.id, "essai")

    found = everything(tmp_path / "var")
    assert not [one for one in excerpts if one in found]


def test_an_erased_record_is_sound(hub: Hub, named: Named) -> None:
    """The chain holds, and nothing that was erased counts as lost."""
    erase(hub, named("bad.xml"), "essai")

    found = verify(hub.ledger, hub.archive)

    assert found.sound
    assert (found.erased, found.lost, found.remains) == (1, (), ())


def test_bytes_that_two_flows_share_go_with_the_last(hub: Hub, named: Named) -> None:
    """The other flow's proof must not vanish with the first."""
    first, second = named("good.xml"), named("again.xml")
    flow = hub.ledger.interchange(first)
    assert flow is not None

    early = erase(hub, first, "essai")

    assert (early.destroyed, early.shared_with) == (False, (second,))
    assert hub.archive.check(flow.sha256)
    assert verify(hub.ledger, hub.archive).sound
    assert erase(hub, second, "essai").destroyed
    assert not hub.archive.check(flow.sha256)
    assert verify(hub.ledger, hub.archive).sound


def test_legal_hold_wins_until_it_is_lifted(hub: Hub, named: Named) -> None:
    """By whatever way the erasing is asked."""
    flow = named("bad.xml")
    assert keep_by_law(hub, flow, "litige", held=True)
    assert not keep_by_law(hub, flow, "litige", held=True)

    with pytest.raises(ConfigError, match="legal hold"):
        erase(hub, flow, "essai")

    assert verify(hub.ledger, hub.archive).sound
    assert keep_by_law(hub, flow, "jugé", held=False)
    assert verify(hub.ledger, hub.archive).sound
    assert erase(hub, flow, "essai").destroyed
    with pytest.raises(ConfigError, match="erased already"):
        keep_by_law(hub, flow, "trop tard", held=True)


def test_a_flow_is_listed_from_the_day_after_its_time(hub: Hub, named: Named) -> None:
    """Thirty days for trials; what no sheet speaks for is kept as invoices are."""
    sheets = hub.ledger.sheets()
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    received = flow.received_at.astimezone(UTC)

    def due(year: int, month: int, day: int) -> set[str]:
        late = replace(hub, clock=SetClock(datetime(year, month, day, tzinfo=UTC)))
        return {one.interchange.id for one in overdue(late, sheets)}

    end = received.date().toordinal() + 30
    last, first = datetime.fromordinal(end), datetime.fromordinal(end + 1)
    assert due(last.year, last.month, last.day) == set()
    assert flow.id in due(first.year, first.month, first.day)
    closed = replace(sheets, connections={})
    hub_then = replace(hub, clock=SetClock(datetime(received.year + 10, 12, 31, tzinfo=UTC)))
    assert list(overdue(hub_then, closed)) == []
    hub_then = replace(hub, clock=SetClock(datetime(received.year + 11, 1, 1, tzinfo=UTC)))
    assert len(list(overdue(hub_then, closed))) == 3


def test_what_is_not_finished_is_not_erased(hub: Hub, named: Named, tmp_path: Path) -> None:
    """An answer that waits would leave blank, or not at all."""
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute("UPDATE outbox SET state = 'pending' WHERE interchange = ?", (flow.id,))

    with pytest.raises(ConfigError, match="not finished"):
        erase(hub, flow.id, "essai")

    late = replace(hub, clock=SetClock(datetime(2099, 1, 1, tzinfo=UTC)))
    listed = {one.interchange.id: one.obstacle for one in overdue(late, hub.ledger.sheets())}
    assert listed[flow.id] is Obstacle.IN_FLIGHT
    assert hub.archive.check(flow.sha256)


def test_an_interrupted_erasing_is_found_and_finished(hub: Hub, named: Named) -> None:
    """The record says so first; a crash before the bytes are gone leaves them for the next."""
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    with hub.ledger.transaction() as tx:
        tx.erase(flow, by=hub.by, at=hub.clock.now(), reason="essai")
    found = verify(hub.ledger, hub.archive)
    assert (found.sound, found.remains) == (False, (flow.sha256,))
    assert [one.id for one in unfinished(hub)] == [flow.id]

    assert finish(hub) == (1, [])

    assert verify(hub.ledger, hub.archive).sound
    assert finish(hub) == (0, [])
    assert not erase(hub, flow.id, "encore").destroyed


def test_rows_that_were_blanked_without_an_event_are_found(
    hub: Hub, named: Named, tmp_path: Path
) -> None:
    """Who can write to the database cannot pass a theft off as an erasing."""
    flow = named("bad.xml")
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute("UPDATE interchange SET erased = 1 WHERE id = ?", (flow,))

    found = verify(hub.ledger, hub.archive)

    assert len(found.differences) == 1
    assert "effacé / erased" in found.differences[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE interchange SET detail = 'x' WHERE id = :id",
        "UPDATE document SET header = :header WHERE interchange = :id",
        "UPDATE outbox SET payload = x'00' WHERE interchange = :id",
    ],
)
def test_values_that_come_back_into_erased_rows_are_found(
    hub: Hub, named: Named, tmp_path: Path, statement: str
) -> None:
    """From a backup of one table, or by somebody's hand."""
    flow = named("bad.xml")
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        columns = "SELECT header FROM document WHERE interchange = ?"
        ((header,),) = file.execute(columns, (flow,)).fetchall()
    erase(hub, flow, "essai")
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute(statement, {"id": flow, "header": header})

    found = verify(hub.ledger, hub.archive)

    assert not found.sound
    assert {one.partition("/ ")[2] for one in found.differences} == {
        "erased, but values are there"
    }


def test_retention_on_the_command_line(
    hub: Hub, named: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed first, erased only when asked; what is on legal hold stays, and says so."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute("UPDATE interchange SET received_at = '2020-01-01T00:00:00.000000+00:00'")
    runner = CliRunner()

    def typed(*arguments: str) -> Any:
        ran = runner.invoke(command_line(()), [*arguments], catch_exceptions=False)
        assert ran.exit_code == 0
        return json.loads(ran.output) if "--json" in arguments else ran.output

    assert "legal hold" in typed("legal-hold", named("good.xml"), "--reason", "litige")
    listed = typed("retention", "--json")
    assert {one["name"]: one["obstacle"] for one in listed["due"]} == {
        "good.xml": Obstacle.LEGAL_HOLD.value,
        "bad.xml": None,
        "again.xml": None,
    }
    assert not any(one["erased"] for one in listed["due"])
    applied = typed("retention", "--apply", "--json")
    assert {one["name"] for one in applied["due"] if one["erased"]} == {"bad.xml", "again.xml"}
    assert [one["name"] for one in typed("retention", "--json")["due"]] == ["good.xml"]
    assert "lifted" in typed("legal-hold", named("good.xml"), "--lift", "--reason", "jugé")
    assert typed("erase", named("good.xml"), "--reason", "fini", "--json")["destroyed"]
    assert "nothing is past its time" in typed("retention")
    assert list(hub.archive.kept()) == []


def test_the_key_of_an_original_that_is_missing_waits_for_it(
    hub: Hub, named: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation while half of a backup is back must not make the other half useless."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    erase(hub, named("good.xml"), "essai")
    erase(hub, named("again.xml"), "essai")
    (blob,) = (tmp_path / "var" / "archive" / "blobs").glob("??/*")
    away = blob.rename(tmp_path / "away")
    runner = CliRunner()

    early = runner.invoke(command_line(()), ["keys", "rotate"], catch_exceptions=False)
    away.rename(blob)
    late = runner.invoke(command_line(()), ["keys", "rotate", "--json"], catch_exceptions=False)

    assert early.exit_code == 1
    assert flow.sha256 in early.output
    assert (late.exit_code, json.loads(late.output)["missing"]) == (0, [])
    assert hub.archive.check(flow.sha256)


def test_what_is_erased_while_it_is_put_back_stays_erased(hub: Hub, named: Named) -> None:
    """The bytes of a big original come in for minutes; the record may say otherwise by then."""
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    with hub.archive.open(flow.sha256) as stream:
        content = stream.read()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            erase(hub, named("bad.xml"), "demande de la personne")
            return super().read(size)

    with pytest.raises(ConfigError, match="erased"):
        put_back(hub, flow.id, Slow(content))

    assert verify(hub.ledger, hub.archive).sound
    assert not hub.archive.check(flow.sha256)


def test_one_flow_that_cannot_be_erased_does_not_keep_the_others(
    hub: Hub, named: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One damaged folder must not stop what the law wants gone; it is named, with exit code 1."""
    monkeypatch.setenv("EDI_HOME", str(tmp_path / "var"))
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute("UPDATE interchange SET received_at = '2020-01-01T00:00:00.000000+00:00'")
    flow = hub.ledger.interchange(named("bad.xml"))
    assert flow is not None
    (blob,) = (p for d, p in _files(tmp_path / "var") if d == flow.sha256)
    blob.unlink()
    blob.mkdir()

    ran = CliRunner().invoke(command_line(()), ["retention", "--apply"])

    assert ran.exit_code == 1
    assert flow.id in ran.output
    flows = hub.ledger.interchanges(Query())
    assert all(one.erased for one in flows)
    assert flow.sha256 in set(hub.archive.kept())
    assert len(set(hub.archive.kept())) == 1


def test_a_delivery_that_was_given_up_ends_with_the_erasing(
    hub: Hub, named: Named, tmp_path: Path
) -> None:
    """Nobody can make it again: it must not stay among what a person has to do."""
    flow = named("good.xml")
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite")) as file, file:
        file.execute(
            "UPDATE outbox SET state = 'abandoned' WHERE kind = 'delivery' AND interchange = ?",
            (flow,),
        )

    erase(hub, flow, "essai")

    rows = [row for row in hub.ledger.outbox(interchange=flow) if row.kind.value == "delivery"]
    assert [row.state for row in rows] == [OutboxState.CANCELLED]


def _files(home: Path) -> list[tuple[str, Path]]:
    archive = bootstrap.archive(bootstrap.workspace(home))
    return list(archive.files(archive._form))
