"""One event is one line that any tool reads and no field can break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

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


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a log file as its tools do: a JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_a_line_names_event_moment_level_and_who(opened: ExitStack, tmp_path: Path) -> None:
    """A reader can tell what happened, when, to what and in which run."""
    path = tmp_path / "logs" / "edi.jsonl"
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
    path = tmp_path / "edi.jsonl"
    opened.enter_context(logs.logging_to(path, by="run:7"))

    structlog.get_logger().warning("pull.left", file=text, facts={"nested": [text]})

    (line,) = lines(path)
    assert (line["file"], line["facts"]) == (text, {"nested": [text]})
    assert path.read_text(encoding="ascii").rstrip("\n").isprintable()


def test_a_traceback_stays_on_its_line(opened: ExitStack, tmp_path: Path) -> None:
    """It is a field like any other."""
    path = tmp_path / "edi.jsonl"
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
    path = tmp_path / "edi.jsonl"
    opened.enter_context(logs.logging_to(path, by="run:7"))

    structlog.get_logger().info(
        "a", where=Path("x"), at=datetime(2026, 1, 1, tzinfo=UTC), b=b"\xff"
    )

    (line,) = lines(path)
    assert (line["where"], line["at"]) == ("x", "2026-01-01 00:00:00+00:00")


def test_a_new_run_appends_to_what_is_there(opened: ExitStack, tmp_path: Path) -> None:
    """And only its owner reads it."""
    path = tmp_path / "edi.jsonl"
    for run in ("run:1", "run:2"):
        opened.enter_context(logs.logging_to(path, by=run))
        structlog.get_logger().info("run.started")
        structlog.get_config()["logger_factory"]._file.close()

    assert [line["by"] for line in lines(path)] == ["run:1", "run:2"]
    assert path.stat().st_mode & 0o777 == 0o600


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
