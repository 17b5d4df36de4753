"""The read side: what became of things, and whether all of them are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.model.acknowledgement import FlowOutcome, flow_outcome
from pipeline.model.connection import Scanning
from pipeline.model.conversion import Form, Lost
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Receipt
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Ledger, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What became of one file.

    Attributes:
        interchange: The file.
        outcome: Of the file as a whole.
        documents: What it held, as it stands.
        reasons: Codes, of the flow and then of its documents, each once.
        acknowledgement: Name of the answer's first file, or None if none is sent yet.
        answered: Whether every file of the final answer is sent, or there is none to give: what
            a receiver answered is taken in silence.
        told: How many things it says of what was delivered to its sender.
    """

    interchange: Interchange
    outcome: FlowOutcome
    documents: tuple[Document, ...]
    reasons: tuple[str, ...]
    acknowledgement: str | None
    answered: bool
    told: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a document leaves.

    Attributes:
        waits_until: When it leaves at the latest, while it waits for its group; else None.
        form: What it was last written in; None while it is as received.
        lost: What that form does not hold.
    """

    waits_until: datetime | None = None
    form: Form | None = None
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Conservation:
    """received = accepted + rejected + duplicate + held (+ waiting), counted two ways."""

    received: int
    accepted: int
    rejected: int
    duplicate: int
    held: int
    waiting: int

    @property
    def holds(self) -> bool:
        """Tell whether nothing is missing and nothing too many."""
        parts = self.accepted + self.rejected + self.duplicate + self.held + self.waiting
        return self.received == parts


def became(ledger: Ledger, interchange: Interchange) -> Became:
    """Return what became of `interchange`."""
    documents = tuple(ledger.documents(Query(interchange=interchange.id, limit=None)))
    rows = ledger.outbox(interchange=interchange.id, kind=OutboxKind.ACKNOWLEDGEMENT)
    final = [row for row in rows if row.final]
    sent = [row for row in rows if row.state is OutboxState.SENT]
    own = (interchange.reason,) if interchange.reason else ()
    codes = (*own, *(reason.code for one in documents for reason in one.reasons))
    return Became(
        interchange=interchange,
        outcome=flow_outcome(interchange.step, (one.step for one in documents)),
        documents=documents,
        reasons=tuple(dict.fromkeys(codes)),
        acknowledgement=_first_named(sent),
        answered=(bool(final) or _needs_none(interchange))
        and all(row.state is OutboxState.SENT for row in final),
        told=sum(one.interchange == interchange.id for one in _said_by(ledger, interchange)),
    )


def _said_by(ledger: Ledger, interchange: Interchange) -> Sequence[Receipt]:
    """Return what a flow without documents may have said."""
    return ledger.receipts(interchange=interchange.id) if _needs_none(interchange) else ()


def _needs_none(interchange: Interchange) -> bool:
    """Tell whether a flow carried no invoices, and was taken."""
    return interchange.step is InterchangeStep.CLOSED and not interchange.documents


def _first_named(rows: Sequence[OutboxRow]) -> str | None:
    """Return the flow branch's name, which has the lower number, or the JSON of a pair."""
    newest = max((row.generation for row in rows), default=1)
    final = [row for row in rows if row.final and row.generation == newest] or rows
    return min(
        (row.name for row in final), key=lambda n: (not n.endswith(".json"), n), default=None
    )


def ways_of(ledger: Ledger, documents: Sequence[Document]) -> Mapping[DocumentId, Way]:
    """Return how each of some documents leaves."""
    ids = [one.id for one in documents]
    waits: dict[DocumentId, datetime] = {}
    if any(one.step is Step.ROUTED for one in documents):
        for row in ledger.outbox(states=[OutboxState.WAITING]):
            waits.update(dict.fromkeys(row.documents, row.due))
    written = {subject: found[-1] for subject, found in ledger.conversions(ids).items()}
    return {
        one: Way(
            waits_until=waits.get(one),
            form=written[one].form if one in written else None,
            lost=written[one].lost if one in written else (),
        )
        for one in ids
    }


def scanned(ledger: Ledger, interchange: InterchangeId) -> str:
    """Return who looked for malware in a flow last and what was said, e.g. ``clamd: clean``.

    ``none`` where nobody looked.
    """
    told = [one.fact for one in ledger.events(interchange) if one.fact.what.startswith("scan.")]
    if not told:
        return Scanning.NONE.value
    last = told[-1]
    parts = (
        last.data.get("scanner"),
        last.what.removeprefix("scan."),
        last.data.get("found"),
        last.data.get("error"),
    )
    return ": ".join(str(part) for part in parts if part)


def conserve_documents(ledger: Ledger) -> Conservation:
    """Count documents; `received` is counted from the events, the parts from the steps."""
    steps = ledger.count_documents()
    accepted = (Step.ACCEPTED, Step.ROUTED, Step.DELIVERED, Step.ABANDONED, Step.TRIED)
    return Conservation(
        received=ledger.count_events("document.received"),
        accepted=sum(steps.get(step, 0) for step in accepted),
        rejected=steps.get(Step.REJECTED, 0),
        duplicate=steps.get(Step.DUPLICATE, 0),
        held=steps.get(Step.HELD, 0),
        waiting=steps.get(Step.RECEIVED, 0),
    )


def conserve_interchanges(ledger: Ledger) -> Conservation:
    """Count interchanges in the same way; opened and closed ones count as accepted."""
    steps = ledger.count_interchanges()
    return Conservation(
        received=ledger.count_events("interchange.received"),
        accepted=steps.get(InterchangeStep.OPENED, 0) + steps.get(InterchangeStep.CLOSED, 0),
        rejected=steps.get(InterchangeStep.REFUSED, 0),
        duplicate=steps.get(InterchangeStep.DUPLICATE, 0),
        held=steps.get(InterchangeStep.HELD, 0),
        waiting=steps.get(InterchangeStep.RECEIVED, 0),
    )
