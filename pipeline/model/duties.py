"""What is done for a connection sheet, by where it stands: one table for all traffic.

Code asks this table and nothing else; a test closes it, and the documentation draws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from pipeline.model.connection import Role
from pipeline.model.standing import SheetState


class Work(Enum):
    """What may be done for a sheet."""

    PULL = "pull"  #: take files out of the partner's folder
    JUDGE = "judge"  #: open and judge what was taken, and decide on it
    DELIVER = "deliver"  #: put invoices where the partner picks them up
    ANSWER = "answer"  #: put answers and notices there


class Duty(Enum):
    """Whether it is done."""

    DONE = "done"
    LIMITED = "limited"  #: for the suppliers and the volume that the sheet names
    COPIED = "copied"  #: on a copy that does not count
    WAITS = "waits"  #: once the sheet goes on; until then nothing moves, and nothing is lost
    NOT = "not"  #: as if there were no such sheet


def _row(pull: Duty, judge: Duty, deliver: Duty, answer: Duty) -> Mapping[Work, Duty]:
    return MappingProxyType(
        {Work.PULL: pull, Work.JUDGE: judge, Work.DELIVER: deliver, Work.ANSWER: answer}
    )


_BEFORE = _row(Duty.NOT, Duty.NOT, Duty.NOT, Duty.NOT)

#: What is done in each state. What was taken in is judged whatever became of its sheet: others
#: are waiting for it.
DUTIES: Mapping[SheetState, Mapping[Work, Duty]] = MappingProxyType(
    {
        SheetState.DRAFT: _BEFORE,
        SheetState.TESTED: _BEFORE,
        SheetState.APPROVED: _BEFORE,
        SheetState.SHADOW: _row(Duty.DONE, Duty.DONE, Duty.COPIED, Duty.DONE),
        SheetState.PILOT: _row(Duty.DONE, Duty.DONE, Duty.LIMITED, Duty.DONE),
        SheetState.PRODUCTION: _row(Duty.DONE, Duty.DONE, Duty.DONE, Duty.DONE),
        SheetState.SUSPENDED: _row(Duty.WAITS, Duty.DONE, Duty.WAITS, Duty.WAITS),
        SheetState.CLOSED: _row(Duty.NOT, Duty.DONE, Duty.NOT, Duty.NOT),
    }
)

_OPEN = frozenset({Duty.DONE, Duty.LIMITED, Duty.COPIED})


def is_done(state: SheetState, work: Work) -> bool:
    """Tell whether some of a work is done for a sheet in this state.

    >>> is_done(SheetState.SHADOW, Work.DELIVER), is_done(SheetState.SUSPENDED, Work.PULL)
    (True, False)
    """
    return DUTIES[state][work] in _OPEN


def is_open(state: SheetState, role: Role) -> bool:
    """Tell whether anything may be put through a sheet's door: answers, or deliveries."""
    return is_done(state, Work.ANSWER if role is Role.SENDER else Work.DELIVER)
