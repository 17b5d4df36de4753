"""One event is one line that any tool reads and no field can break."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from pipeline.adapters import logs

HOSTILE = [
    pytest.param('a\n{"event": "forged"}', id="newline"),
    pytest.param("a\r\x1b[2J\x07", id="terminal-escape"),
    pytest.param("a\x9b2Jb", id="eight-bit-escape"),
    pytest.param("a\u2028b\u0085c", id="line-separators"),
    pytest.param("a\u202eb", id="right-to-left-override"),
    pytest.param("a\udcffb", id="lone-surrogate"),
    pytest.param('"}\\', id="quotes"),
]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close what a test opened, and leave structlog as it was."""
    with ExitStack() as stack:
        yield stack
    structlog.reset_defaults()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Read the logs as their tools do: a JSON object a line, one file a day."""
    text = "".join(path.read_text(encoding="ascii") for path in sorted(folder.glob("edi-*.jsonl")))
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_names_event_moment_level_and_who(opened: ExitStack, tmp_path: Path) -> None:
    """A reader can tell what happened, when, to what and in which run."""
    path = tmp_path / "logs"
    opened.enter_context(logs.logging_to(path, by="run:7"))

    structlog.get_logger().info("delivery.done", document="F1-0001", size=12)

    (line,) = lines(path)
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(datetime.now(UTC) - moment).total_seconds() < 60
    assert line == {
        "event": "delivery.done",
        "level": "info",
        "by": "run:7",
        "document": "F1-0001",
        "size": 12,
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_field_is_one_line_whatever_stands_in_it(
    opened: ExitStack, tmp_path: Path, text: str
) -> None:
    """Partners choose file names and servers choose error texts."""
    path = tmp_path
    opened.enter_context(logs.logging_to(path, by="run:7"))

    structlog.get_logger().warning("pull.left", file=text, facts={"nested": [text]})

    (line,) = lines(path)
    assert (line["file"], line["facts"]) == (text, {"nested": [text]})
    (file,) = path.iterdir()
    assert file.read_text(encoding="ascii").rstrip("\n").isprintable()


def test_an_error_that_quotes_a_document_is_cut(opened: ExitStack, tmp_path: Path) -> None:
    """Where it arose is told in whole, of its words only how they begin; so of its cause."""
    opened.enter_context(logs.logging_to(tmp_path, by="run:7"))

    try:
        try:
            raise KeyError("a" * 5_000)  # noqa: TRY301  # the traceback is what is tested
        except KeyError as cause:
            raise ValueError("b" * 5_000) from cause
    except ValueError:
        structlog.get_logger().exception("carry.failed", document="D1")

    (line,) = lines(tmp_path)
    told = line["exception"]
    assert "KeyError: 'aaa" in told
    assert told.index("KeyError") < told.index("ValueError: bbb")
    assert "test_an_error_that_quotes_a_document_is_cut" in told
    assert len(re.findall("[ab]{250,}", told)) == 2
    assert not re.findall("[ab]{400}", told)


def test_a_traceback_stays_on_its_line(opened: ExitStack, tmp_path: Path) -> None:
    """It is a field like any other."""
    path = tmp_path
    opened.enter_context(logs.logging_to(path, by="run:7"))

    try:
        raise ValueError("first\nsecond")  # noqa: TRY301  # the traceback is what is tested
    except ValueError:
        structlog.get_logger().exception("work.failed", interchange="F1")

    (line,) = lines(path)
    assert (line["event"], line["level"], line["interchange"]) == ("work.failed", "error", "F1")
    assert "ValueError: first\nsecond" in line["exception"]


def test_a_fact_of_any_kind_can_be_logged(opened: ExitStack, tmp_path: Path) -> None:
    """A log line never stops a run."""
    path = tmp_path
    opened.enter_context(logs.logging_to(path, by="run:7"))

    structlog.get_logger().info(
        "a", where=Path("x"), at=datetime(2026, 1, 1, tzinfo=UTC), b=b"\xff"
    )

    (line,) = lines(path)
    assert (line["where"], line["at"]) == ("x", "2026-01-01 00:00:00+00:00")


def test_a_full_disk_stops_no_work(
    opened: ExitStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be written down is told on standard error, where a supervisor keeps it."""
    full = tmp_path / f"edi-{datetime.now(UTC):%Y-%m-%d}.jsonl"
    full.symlink_to("/dev/full")
    opened.enter_context(logs.logging_to(tmp_path, by="run:7"))

    structlog.get_logger().info("pull.listed", connection="acme")
    full.unlink()
    structlog.get_logger().info("run.done")

    assert json.loads(capsys.readouterr().err)["event"] == "pull.listed"
    assert [line["event"] for line in lines(tmp_path)] == ["run.done"]


def test_a_new_run_appends_to_what_is_there(tmp_path: Path) -> None:
    """And only its owner reads it."""
    for run in ("run:1", "run:2"):
        with logs.logging_to(tmp_path, by=run):
            structlog.get_logger().info("run.started")

    assert [line["by"] for line in lines(tmp_path)] == ["run:1", "run:2"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_runs_of_one_process_have_names_of_their_own(
    opened: ExitStack, tmp_path: Path
) -> None:
    """A process that runs for weeks is not one run."""
    opened.enter_context(logs.logging_to(tmp_path, by="run:1"))

    with logs.acting_as("run:2"):
        structlog.get_logger().info("run.done")
    structlog.get_logger().info("run.done")

    assert [line["by"] for line in lines(tmp_path)] == ["run:2", "run:1"]


def test_a_line_goes_to_the_file_of_its_day(tmp_path: Path) -> None:
    """One that another thread began before midnight stays with those written after it."""
    days = logs._Days(tmp_path, keep_days=90)
    for day, line in (
        ("2026-11-23", "1"),
        ("2026-11-24", "2"),
        ("2026-11-23", "3"),
        ("2026-11-24", "4"),
    ):
        days.write(day, line)
    days.close()

    found = {path.name: path.read_text(encoding="ascii") for path in tmp_path.iterdir()}
    assert found == {"edi-2026-11-23.jsonl": "1\n", "edi-2026-11-24.jsonl": "2\n3\n4\n"}


def test_days_that_are_too_old_go_when_a_new_one_is_begun(tmp_path: Path) -> None:
    """Today counts as one; what is no day's log is left alone."""
    for name in ("edi-2026-08-01.jsonl", "edi-2026-11-22.jsonl", "edi-2026-11-23.jsonl"):
        (tmp_path / name).touch()
    for name in ("edi.jsonl", "edi-2026-08-01.jsonl.gz", "notes.txt"):
        (tmp_path / name).touch()

    days = logs._Days(tmp_path, keep_days=2)
    days.write("2026-11-24", "{}")
    days.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "edi-2026-08-01.jsonl.gz",
        "edi-2026-11-23.jsonl",
        "edi-2026-11-24.jsonl",
        "edi.jsonl",
        "notes.txt",
    ]


def test_a_line_that_was_cut_off_spoils_no_other(opened: ExitStack, tmp_path: Path) -> None:
    """A process that was killed while it wrote leaves half a line behind."""
    today = datetime.now(UTC).date().isoformat()
    file = tmp_path / f"edi-{today}.jsonl"
    file.write_text('{"event": "pull.li', encoding="ascii")

    opened.enter_context(logs.logging_to(tmp_path, by="run:2"))
    structlog.get_logger().info("run.done")

    torn, whole = file.read_text(encoding="ascii").splitlines()
    assert torn == '{"event": "pull.li'
    assert json.loads(whole)["by"] == "run:2"


def test_lines_of_many_threads_do_not_mix(opened: ExitStack, tmp_path: Path) -> None:
    """Pulls, judging and deliveries log side by side."""
    opened.enter_context(logs.logging_to(tmp_path, by="run:7"))
    log = structlog.get_logger()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.info("a", n=n, text="x" * 5000), range(200)))

    assert sorted(line["n"] for line in lines(tmp_path)) == list(range(200))


def test_without_a_file_only_trouble_is_shown(
    opened: ExitStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person who types a verb reads its output, not its log."""
    opened.enter_context(logs.logging_to(None, by="operator:ada"))
    log = structlog.get_logger()

    log.info("pull.listed")
    log.warning("pull.left", file="a.xml")

    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert shown.out == ""
    assert (json.loads(line)["event"], json.loads(line)["by"]) == ("pull.left", "operator:ada")
    assert list(tmp_path.iterdir()) == []


def test_afterwards_lines_go_where_they_went_before(
    opened: ExitStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One hub is opened while another is at work: neither takes the other's lines along."""
    opened.enter_context(logs.logging_to(tmp_path, by="run:7"))
    log = structlog.get_logger()

    for folder in (None, tmp_path / "inner"):
        with logs.logging_to(folder, by="run:8"):
            log.warning("inside")
        log.info("after")

    assert [(one["event"], one["by"]) for one in lines(tmp_path)] == [("after", "run:7")] * 2
    assert [one["event"] for one in lines(tmp_path / "inner")] == ["inside"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_before_and_after_nothing_of_ours_is_configured(tmp_path: Path) -> None:
    """Whoever imports the hub keeps their own logging."""
    structlog.reset_defaults()
    before = structlog.get_config()

    for folder in (None, tmp_path):
        with logs.logging_to(folder, by="run:7"):
            assert structlog.get_config() != before

        assert structlog.get_config() == before
    structlog.reset_defaults()


def test_whoever_listens_hears_all_even_where_only_trouble_is_shown(opened: ExitStack) -> None:
    """What is shown is a matter of where it is shown."""
    opened.enter_context(logs.logging_to(None, by="operator:ada"))

    with capture_logs() as heard:
        structlog.get_logger().info("pull.listed")

    assert [one["event"] for one in heard] == ["pull.listed"]
