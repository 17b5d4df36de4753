"""How a receiver in shadow, or in pilot, has fared: the days on which nothing went wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.model.connection import Connection
from pipeline.model.directory import day_of
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.standing import SheetState, Standing
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Ledger, Query

#: Reason of documents that a receiver does not take.
_NOT_TAKEN = "NOT_TAKEN"
#: A promotion from here needs clean days.
ON_TRIAL = frozenset({SheetState.SHADOW, SheetState.PILOT})
_OVER = frozenset({OutboxState.ABANDONED, OutboxState.PAUSED, OutboxState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Day:
    """What one day brought.

    Attributes:
        day: By the clock of Paris.
        done: Files that were made, judged and put, or told of.
        documents: What they carry.
        open: Files that are still on their way.
        faults: What stood against it: file or document, and why.
    """

    day: date
    done: int = 0
    documents: int = 0
    open: int = 0
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def clean(self) -> bool:
        """Tell whether the day had traffic, and nothing stood against it."""
        return bool(self.done) and not self.open and not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanDays:
    """How a sheet has fared since it came where it stands.

    Attributes:
        standing: Where it stands.
        needed: Clean days that its promotion asks for; none where it is not on trial.
        days: Days with traffic, oldest first.
    """

    standing: Standing
    needed: int
    days: tuple[Day, ...]

    @property
    def clean(self) -> int:
        """Count the clean days since the last one that was not; days without traffic are none."""
        count = 0
        for one in reversed(self.days):
            if not one.clean:
                break
            count += 1
        return count

    @property
    def enough(self) -> bool:
        """Tell whether nothing stands against a promotion."""
        return self.clean >= self.needed


def clean_days(ledger: Ledger, sheet: Connection, standing: Standing) -> CleanDays:
    """Return the days of a sheet since it came where it stands.

    In shadow its copies count, else its deliveries. A refusal by its form or by what it takes,
    a loss that is held, and a file that was given up stand against a day.

    Args:
        ledger: Where they are looked up.
        sheet: A receiver's.
        standing: Where it stands.
    """
    kind = OutboxKind.COPY if standing.state is SheetState.SHADOW else OutboxKind.DELIVERY
    rows = ledger.outbox(kind=kind, connection=sheet.name, planned_from=standing.since)
    faults = _refused(ledger, sheet.name, standing.since)
    needed = sheet.trial.clean_days if standing.state in ON_TRIAL else 0
    return CleanDays(standing=standing, needed=needed, days=tuple(_days(rows, faults)))


def _refused(ledger: Ledger, name: str, since: datetime) -> Mapping[date, list[tuple[str, str]]]:
    """Return the documents that were refused since the receiver does not take them, by day."""
    found: dict[date, list[tuple[str, str]]] = defaultdict(list)
    query = Query(reason=_NOT_TAKEN, received_from=since, limit=None)
    for one in ledger.documents(query):
        flow = ledger.interchange(one.interchange)
        if flow is not None and one.agreement is not None and one.agreement.receiver == name:
            message = one.reasons[0].message
            why = f"{_NOT_TAKEN}: {message['fr']} / {message['en']}"
            found[day_of(flow.received_at)].append((one.name, why))
    return found


def _days(
    rows: Iterable[OutboxRow], refused: Mapping[date, list[tuple[str, str]]]
) -> Iterable[Day]:
    by_day: dict[date, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        if row.state is not OutboxState.GROUPED:  # its file is another row
            by_day[day_of(row.planned or row.due)].append(row)
    for day in sorted({*by_day, *refused}):
        files = by_day.get(day, [])
        done = [row for row in files if row.state is OutboxState.SENT]
        faults = [(row.name, row.error or row.state.value) for row in files if row.state in _OVER]
        yield Day(
            day=day,
            done=len(done),
            documents=sum(len(row.documents) for row in done),
            open=len(files) - len(done) - len(faults),
            faults=(*faults, *refused.get(day, ())),
        )
