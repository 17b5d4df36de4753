"""Hold what was received against what became of it, by partner and day, counted two ways.

What was received is told by the chain of events, what became of it by the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from pipeline.app.report import DOCUMENT_OUTCOME, FLOW_OUTCOME
from pipeline.model.amount import exact_sum
from pipeline.model.conserved import OUTCOMES, Became, Conserved, Weighed
from pipeline.model.figures import Received
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Ledger, Query

_Counts = Mapping[str, Mapping[str, int]]


def balance(ledger: Ledger, query: Query, *, amounts: bool) -> tuple[Conserved, ...]:
    """Return the lines of every partner that sent something, by partner.

    Args:
        ledger: Where it is counted.
        query: Its partner and moments are looked at, nothing else.
        amounts: True to sum up amounts too, which reads every document of the query.
    """
    of = (query.partner, query.received_from, query.received_before)
    weighed = tuple(ledger.upkeep.weighed(*of)) if amounts else ()
    return lines_of(ledger.received(query), ledger.upkeep.became(*of), weighed)


def lines_of(
    received: Sequence[Received], became: Sequence[Became], weighed: Sequence[Weighed]
) -> tuple[Conserved, ...]:
    """Put what was received beside what became of it.

    Args:
        received: By the events, by partner.
        became: By the rows.
        weighed: Documents whose amount the events tell.

    Returns:
        By partner: flows, documents, then a line a currency.
    """
    flows = _counted(one for one in became if isinstance(one.step, InterchangeStep))
    documents = _counted(one for one in became if not isinstance(one.step, InterchangeStep))
    told = {one.partner: one for one in received}
    partners = sorted({*told, *flows, *documents, *(one.partner for one in weighed)})
    lines: list[Conserved] = []
    for partner in partners:
        one = told.get(partner, Received(partner, 0, 0))
        lines += [
            _line(partner, "flows", one.interchanges, flows.get(partner, {})),
            _line(partner, "documents", one.documents, documents.get(partner, {})),
            *_amounts(partner, [each for each in weighed if each.partner == partner]),
        ]
    return tuple(lines)


def is_balanced(lines: Iterable[Conserved]) -> bool:
    """Tell whether nothing is missing, and nothing too many."""
    return not any(line.difference for line in lines)


def _line(partner: str, line: str, received: int, counts: Mapping[str, int]) -> Conserved:
    became = {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}
    return Conserved(partner=partner, line=line, received=received, became=became)


def _counted(rows: Iterable[Became]) -> _Counts:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in rows:
        counts[one.partner][_outcome(one.step, follows=one.follows)] += one.count
    return counts


def _outcome(step: InterchangeStep | Step, *, follows: bool) -> str:
    if isinstance(step, InterchangeStep):
        return FLOW_OUTCOME[step]
    outcome = DOCUMENT_OUTCOME[step]
    return "again" if follows and outcome == "accepted" else outcome


def _amounts(partner: str, weighed: Sequence[Weighed]) -> Iterable[Conserved]:
    """Yield a line a currency; a document without a row, or with another amount, is missed."""
    by_currency: dict[str, list[Weighed]] = defaultdict(list)
    for one in weighed:
        by_currency[one.currency].append(one)
    for currency, documents in sorted(by_currency.items()):
        became: dict[str, list[Decimal]] = {outcome: [] for outcome in OUTCOMES}
        for one in documents:
            if one.step is not None and one.found is not None:
                became[_outcome(one.step, follows=one.follows)].append(one.found)
        yield Conserved(
            partner=partner,
            line=currency,
            received=exact_sum(one.told for one in documents),
            became={outcome: exact_sum(found) for outcome, found in became.items()},
        )
