"""Each event has its sentence, and a level that means something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog import get_logger
from structlog.testing import capture_logs

from pipeline.app.levels import trouble
from pipeline.app.story import SENTENCES, Tally, did_something, opening, tell
from pipeline.model.errors import (
    CircuitOpen,
    ConfigError,
    ConnectError,
    HostKeyMismatch,
    LoginRefused,
    NameTaken,
    PipelineError,
    TransferError,
)

PIPELINE = Path(__file__).resolve().parents[3] / "pipeline"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged() -> Iterator[tuple[str, str]]:
    """Yield every event that the code logs, with the module that does."""
    for path in sorted(PIPELINE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "get_logger" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                yield from ((name, path.name) for name in _names(node))


def _names(call: ast.Call) -> Iterator[str]:
    """Yield the event that a call logs: by a level, `say` or `trouble`."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="log"), attr=attr) if attr in LEVELS:
            at = 0
        case ast.Name(id="say"):
            at = 0
        case ast.Name(id="trouble"):
            at = 1
        case _:
            return
    if isinstance(name := call.args[at], ast.Constant):
        yield str(name.value)


def a_line(event: str, **facts: object) -> dict[str, Any]:
    """Write a line of a run."""
    moment = "2026-11-24T02:31:19.123456Z"
    return {"event": event, **facts, "level": "info", "by": "run:1", "timestamp": moment}


def test_every_event_has_a_sentence_and_every_sentence_an_event() -> None:
    """Whoever logs something new says what it means in the story."""
    events = {event for event, _ in logged()}

    assert len(events) > 20
    assert set(SENTENCES) == events


@pytest.mark.parametrize("event", SENTENCES)
def test_a_sentence_can_be_told_whatever_is_missing(event: str) -> None:
    """A line of another version breaks no story."""
    sentence = tell(a_line(event))

    assert sentence.fr
    assert sentence.en
    assert "{" not in sentence.fr + sentence.en


def test_an_event_nobody_knows_is_told_by_its_fields() -> None:
    """Logs outlive versions."""
    assert tell(a_line("mars.landed", crew=3)).fr == "mars.landed crew=3"


@pytest.mark.parametrize(
    ("line", "fr", "en"),
    [
        (
            a_line(
                "interchange.settled",
                interchange="F1",
                file="lot.tar.gz",
                step="opened",
                reason=None,
                documents=3,
                steps={"routed": 2, "rejected": 1},
            ),
            "lot.tar.gz [F1] : décidé, 3 document(s) : 1 refusé(s), 2 accepté(s) et acheminé(s)",
            "decided, 3 document(s): 1 rejected, 2 accepted and routed",
        ),
        (
            a_line(
                "interchange.settled",
                interchange="F1",
                file="a.zip",
                step="refused",
                reason="IRR_EXTRAC",
                documents=0,
                steps={},
            ),
            "a.zip [F1] : irrecevable (IRR_EXTRAC), 0 document(s)",
            "refused, 0 document(s)",
        ),
        (
            a_line("deliver.done", connection="ville", row="D123", file="a.xml", sent=False),
            "remise a.xml → ville : y était déjà",
            "delivery stood there already",
        ),
        (
            a_line(
                "deliver.failed",
                connection="ville",
                file="a.xml",
                code="TRANSFER",
                error="disk full",
                abandoned=True,
            ),
            "a.xml → ville : échec (TRANSFER : disk full), abandonné",
            "failed, given up",
        ),
        (
            a_line("run.done", settled=2, tried=3, failed={"ville": "CONNECT"}),
            "fin du passage : 2 flux traité(s), 3 envoi(s) tenté(s) ; en échec : ville (CONNECT)",
            "end of the run: flows settled, files tried; failed as named",
        ),
        (
            a_line("pull.left", connection="{0.__class__}", file="{", code="X", error="}"),
            "{0.__class__} : { reste en place (X : })",
            "the file stays where it is",
        ),
    ],
)
def test_a_sentence_names_what_which_file_and_figures(
    line: dict[str, Any], fr: str, en: str
) -> None:
    """Partners' names are never taken for a template."""
    told = tell(line)

    assert (told.fr, told.en) == (fr, en)


@pytest.mark.parametrize(
    ("line", "something"),
    [
        (a_line("pull.listed", ready=0, waiting=4), False),
        (a_line("pull.listed", ready=1, waiting=0), True),
        (a_line("run.done", settled=0, tried=0, failed={}), False),
        (a_line("run.done", settled=0, tried=0, failed={"a": "CONNECT"}), True),
        (a_line("host.still_failed"), False),
        (a_line("interchange.received"), True),
    ],
)
def test_a_look_at_empty_folders_is_nothing(line: dict[str, Any], *, something: bool) -> None:
    """`edi log` without a name tells the last run that has something to tell."""
    assert did_something(line) is something


def test_a_tally_adds_up_what_was_sent_and_what_failed() -> None:
    """Kinds of files are told by their keys."""
    tally = Tally()
    for line in (
        a_line("deliver.done", row="D1"),
        a_line("deliver.done", row="A1"),
        a_line("deliver.done", row="A2"),
        a_line("run.done", settled=1, tried=3, failed={"ville": "CONNECT"}),
    ):
        tally.add(line)

    assert tally.sent == {"D": 1, "A": 2}
    assert (tally.failed, tally.ended) == ({"ville": "CONNECT"}, True)
    assert tally.levels == {"info": 4}


def test_a_story_opens_with_its_name() -> None:
    """Also where no pass of a job belongs to it."""
    assert list(opening("run:20261124T023119Z-ABCD", [])) == [
        "Passage / run 20261124T023119Z-ABCD"
    ]


@pytest.mark.parametrize(
    ("error", "final", "level"),
    [
        (ConnectError("a", "no route"), False, "warning"),
        (CircuitOpen("a", "failed a moment ago"), False, "warning"),
        (TransferError("a", "f", "disk full"), False, "warning"),
        (TransferError("a", "f", "disk full"), True, "error"),
        (LoginRefused("a", "no such key"), False, "error"),
        (HostKeyMismatch("a", "x", "y"), False, "error"),
        (NameTaken("a", "f", "other bytes"), False, "error"),
        (ConfigError("no sheet"), False, "error"),
    ],
)
def test_only_what_a_person_must_mend_is_an_error(
    error: PipelineError, level: str, *, final: bool
) -> None:
    """What is tried again is a warning, until nobody tries any more."""
    with capture_logs() as lines:
        trouble(get_logger(), "pull.failed", error, {"connection": "a"}, final=final)

    assert lines == [
        {
            "event": "pull.failed",
            "log_level": level,
            "connection": "a",
            "code": error.code,
            "error": str(error),
        }
    ]
