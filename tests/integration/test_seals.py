"""Seals: a chain that was rewritten from end to end, hashes and all, is caught by them alone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from pipeline import bootstrap
from pipeline.app.hub import Hub
from pipeline.app.seal import SealsHeld, check_seals, seal_days, seal_now
from pipeline.entry.cli import command_line
from pipeline.model.errors import SealError
from pipeline.model.event import GENESIS, Fact, chain_hash
from pipeline.model.seal import Seal
from tests.clocks import SetClock

FIRST = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh workspace, made once."""
    home = tmp_path_factory.mktemp("ready") / "var"
    bootstrap.initialise(bootstrap.workspace(home))
    return home


@pytest.fixture
def home(ready: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(ready, tmp_path / "var")
    return tmp_path / "var"


@pytest.fixture
def hub(home: Path) -> Iterator[Hub]:
    """Its hub, on the morning after three days of which the second was quiet."""
    with bootstrap.open_hub(bootstrap.workspace(home), by="run:test") as found:
        with found.ledger.transaction() as tx:
            for offset, what in (
                (0, "interchange.received"),
                (1, "document.received"),
                (48, "interchange.received"),
                (49, "interchange.refused"),
            ):
                at = FIRST + timedelta(hours=offset)
                tx.append(Fact(at=at, subject=f"F{offset}", what=what, by="run:x", data={"n": 1}))
        yield at_(found, FIRST + 3 * DAY)


def at_(hub: Hub, moment: datetime) -> Hub:
    """Return the hub at another moment."""
    return replace(hub, clock=SetClock(moment))


def held(hub: Hub) -> SealsHeld:
    """Hold the chain against the seals."""
    return check_seals(hub.ledger, hub.seals, hub.clock.now().date())


def files(home: Path) -> dict[str, bytes]:
    """Return every seal's file."""
    return {path.name: path.read_bytes() for path in (home / "seals").glob("*.seal")}


def rewrite(home: Path, seq: int, data: str) -> None:
    """Change an event, and seal it and all that follow anew, as who owns the database can."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as file, file:
        file.execute("UPDATE event SET data = ? WHERE seq = ?", (data, seq))
        previous = GENESIS
        columns = "seq, at, subject, what, actor, data"
        for row in file.execute(f"SELECT {columns} FROM event ORDER BY seq").fetchall():
            number, at, subject, what, by, text = row
            moment = datetime.fromisoformat(at)
            fact = Fact(at=moment, subject=subject, what=what, by=by, data=json.loads(text))
            sealed = chain_hash(number, fact, previous)
            file.execute(
                "UPDATE event SET previous = ?, hash = ? WHERE seq = ?",
                (previous, sealed, number),
            )
            previous = sealed
        file.execute("UPDATE chain_head SET hash = ?", (previous,))


def test_every_day_that_is_over_is_sealed_once(hub: Hub, home: Path) -> None:
    """Quiet days too, so that a missing one shows; another run changes nothing."""
    assert seal_days(hub) == 3
    before = files(home)

    assert seal_days(hub) == 0

    assert files(home) == before
    seals = [found.seal for found in hub.seals.all()]
    assert [
        (one.day, one.after, one.seq, one.interchanges, one.documents) for one in seals if one
    ] == [
        (date(2026, 3, 1), 0, 2, 1, 1),
        (date(2026, 3, 2), 2, 2, 0, 0),
        (date(2026, 3, 3), 2, 4, 1, 0),
    ]
    assert held(hub) == SealsHeld(count=3)


def test_a_rewritten_chain_is_caught_by_its_seals_alone(hub: Hub, home: Path) -> None:
    """Every hash is right, the head too: only what was signed before tells."""
    seal_days(hub)

    rewrite(home, 1, '{"n":2}')

    assert hub.ledger.verify() == []
    assert [name for name, _ in held(hub).broken] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_a_chain_that_was_cut_is_caught_too(hub: Hub, home: Path) -> None:
    """The last events gone, and the head set back to fit."""
    seal_days(hub)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as file, file:
        file.execute("DELETE FROM event WHERE seq = 4")
        file.execute(
            "UPDATE chain_head SET seq = 3, hash = (SELECT hash FROM event WHERE seq = 3)"
        )

    assert hub.ledger.verify() == []
    assert [name for name, _ in held(hub).broken] == ["2026-03-03"]


def test_nothing_is_sealed_on_top_of_a_rewritten_chain(hub: Hub, home: Path) -> None:
    """The next run says so in the log, and goes on with its work."""
    seal_days(hub)
    rewrite(home, 3, '{"n":2}')

    with capture_logs() as lines:
        made = seal_days(at_(hub, FIRST + 5 * DAY))

    assert made == 0
    assert [(one["event"], one["code"], one["log_level"]) for one in lines] == [
        ("seal.failed", "SEAL", "error")
    ]
    assert len(files(home)) == 3


def test_a_missing_day_is_told(hub: Hub, home: Path) -> None:
    """Yesterday may still come; a day before that was taken away."""
    seal_days(hub)
    for name in ("2026-03-01", "2026-03-03"):
        (home / "seals" / f"{name}.seal").unlink()

    found = held(hub)

    assert (found.missing, found.due, found.sound) == ((date(2026, 3, 1),), True, False)


def test_a_seal_is_never_written_over(hub: Hub, home: Path) -> None:
    """Whatever stands there: it is evidence."""
    path = home / "seals" / "2026-03-01.seal"
    path.write_bytes(b"something else\n")
    seal = Seal(day=date(2026, 3, 1), after=0, seq=1, hash="a" * 64, interchanges=0, documents=0)

    with pytest.raises(SealError, match="nothing is overwritten"):
        hub.seals.write(seal)

    assert path.read_bytes() == b"something else\n"
    assert [path.name for path in (home / "seals").glob(".*")] == []


@pytest.mark.parametrize("line", [0, 1])
def test_a_seal_that_was_changed_is_not_believed(hub: Hub, home: Path, line: int) -> None:
    """Neither what it says nor its signature may differ by a letter."""
    seal_days(hub)
    path = home / "seals" / "2026-03-03.seal"
    lines = path.read_text().splitlines()
    lines[line] = lines[line].replace("3", "4") if line == 0 else f"AAAA{lines[line][4:]}"
    path.write_text("\n".join(lines) + "\n")

    assert [name for name, _ in held(hub).broken] == ["2026-03-03"]


def test_the_seal_of_another_key_is_not_believed_unless_it_is_trusted(
    hub: Hub, home: Path
) -> None:
    """Who can write into the folder cannot sign; a key that was replaced stays good."""
    seal_days(hub)
    (old,) = (home / "seals").glob("*.pub")
    key = home / "master" / "seal.key"
    key.write_text("ab" * 32)
    place = bootstrap.workspace(home)
    today = hub.clock.now().date()

    assert len(check_seals(hub.ledger, bootstrap.seals(place), today).broken) == 3

    settings = place.config / "pipeline.toml"
    text = settings.read_text("utf-8")
    trusting = text.replace("[seal]\n", f'[seal]\ntrusted = ["{old.stem}"]\n')
    assert trusting != text
    settings.write_text(trusting, "utf-8")
    assert check_seals(hub.ledger, bootstrap.seals(place), today).sound


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("point", ["seal.written", "seal.kept"])
def test_nothing_half_made_stays_beside_the_seals_of_a_killed_process(
    home: Path, point: str
) -> None:
    """The folder may be another's, who would have to guess what may be removed."""
    before = {path.name for path in (home / "seals").iterdir()}
    killed = seal_in_a_process(home, {"EDI_FAILPOINT": f"{point}:1"})
    assert killed.returncode == 137
    left = {path.name for path in (home / "seals").iterdir()} - before
    assert left - set(files(home)) != set()

    assert seal_in_a_process(home, {}).returncode == 0

    assert {path.name for path in (home / "seals").iterdir()} == before | set(files(home))
    assert len(files(home)) > 3


def seal_in_a_process(home: Path, armed: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run `edi seal`."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "seal"],
        check=False,
        capture_output=True,
        env={**os.environ, "EDI_HOME": str(home), **armed},
    )


def test_today_is_sealed_as_far_as_it_goes(hub: Hub, home: Path) -> None:
    """Before a restore, or an audit: the day's own seal comes later, under its own name."""
    busy = at_(hub, FIRST + 2 * DAY)

    made = seal_now(busy)

    assert made is not None
    assert (made.name, made.whole) == ("2026-03-03-000000000004", False)
    assert held(busy) == SealsHeld(count=3)
    assert seal_days(at_(hub, FIRST + 3 * DAY)) == 1
    assert held(hub) == SealsHeld(count=4)
    rewrite(home, 4, '{"n":2}')
    assert len(held(hub).broken) == 2


def test_an_empty_ledger_has_nothing_to_seal(home: Path) -> None:
    """A workspace that was made this minute is sound."""
    with bootstrap.open_hub(bootstrap.workspace(home), by="run:test") as found:
        assert (seal_days(found), seal_now(found), held(found)) == (0, None, SealsHeld())


def test_a_seal_can_be_checked_without_this_program(hub: Hub, home: Path, tmp_path: Path) -> None:
    """By OpenSSL, from the seal and the public key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("OpenSSL's command is not installed")
    seal_days(hub)
    text, signature = (home / "seals" / "2026-03-03.seal").read_bytes().splitlines(keepends=True)
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "signature").write_bytes(b64decode(signature))
    (key,) = (home / "seals").glob("*.pub")
    ran = subprocess.run(
        [
            *(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", key),
            *("-rawin", "-in", "text", "-sigfile", "signature"),
        ],
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(text)["key"] == key.stem


@pytest.mark.usefixtures("hub")
def test_seals_on_the_command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`edi seal` makes what is missing; `edi verify` counts it and names what is broken."""
    monkeypatch.setenv("EDI_HOME", str(home))
    runner = CliRunner()
    made = runner.invoke(command_line(()), ["seal", "--json"], catch_exceptions=False)
    assert json.loads(made.output)["seq"] == 4
    count = len(files(home))
    rewrite(home, 4, '{"n":2}')

    ran = runner.invoke(command_line(()), ["verify", "--json"], catch_exceptions=False)

    seals = json.loads(ran.output)["seals"]
    assert (ran.exit_code, json.loads(ran.output)["breaks"]) == (1, [])
    assert count - seals["count"] == len(seals["broken"]) > 0


def test_the_signing_key_is_made_once_and_its_public_half_published(home: Path) -> None:
    """Whoever checks needs only what lies beside the seals."""
    key = home / "master" / "seal.key"
    before = (key.read_bytes(), [path.name for path in (home / "seals").iterdir()])

    bootstrap.initialise(bootstrap.workspace(home))

    assert (key.read_bytes(), [path.name for path in (home / "seals").iterdir()]) == before
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(before[1]) == 1
    assert key.read_text().strip() not in str(before[1])
