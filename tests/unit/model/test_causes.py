"""The catalogue of causes: nothing waits without a row that says who acts, and how."""

from __future__ import annotations

from string import Formatter

import pytest

from pipeline.entry.cli import VERBS
from pipeline.model.causes import CAUSE, CAUSES, Acts, Cause
from pipeline.model.controls import CONTROLS, Actor
from pipeline.model.errors import PipelineError
from pipeline.model.report import Trouble

#: Errors that end a command, or are tried again at once: no file, flow or document waits for
#: them. A chain that cannot be sealed keeps nobody's invoice.
PASSING = {
    "PIPELINE",
    "LEDGER_CONFLICT",
    "FENCED",
    "ENGINE",
    "ENGINE_CLOSED",
    "SEAL",
    "EVIDENCE",
    "STILL_UNREAD",
    "UNREADABLE",
}


def errors(kind: type[PipelineError] = PipelineError) -> set[str]:
    """Return the codes of all errors of the hub."""
    return {kind.code}.union(*(errors(each) for each in kind.__subclasses__()))


def test_whatever_an_operator_has_to_act_on_has_a_cause() -> None:
    """A control that holds, and a check that could not be carried out."""
    held = {one.code for one in CONTROLS if one.acts is Actor.OPERATOR}

    assert held | {one.value for one in Trouble} <= set(CAUSE)
    assert len(held) > 8


def test_whatever_a_door_can_report_has_a_cause() -> None:
    """A row or a file that waits bears the code of an error: each is explained."""
    found = errors()

    assert len(found) > 15
    assert found - PASSING - set(CAUSE) == set()


@pytest.mark.parametrize("cause", CAUSES, ids=[one.code for one in CAUSES])
def test_a_cause_says_who_acts_and_how(cause: Cause) -> None:
    """In both languages; the command exists, and the ids it needs are known."""
    named = {name for _, name, _, _ in Formatter().parse(cause.command) if name}
    verb = cause.command.split()[1]

    assert all(cause.says[key] for key in ("fr", "en"))
    assert bool(cause.first["fr"]) is bool(cause.first["en"])
    assert cause.first["fr"] or cause.acts is not Acts.OPERATOR
    assert named <= {"id", "partner", "connection"}
    assert verb in VERBS
    assert cause.verb is None or verb == cause.verb.value


def test_each_code_stands_there_once() -> None:
    """Two rows of one code would explain it in two ways."""
    assert len(CAUSE) == len(CAUSES)
