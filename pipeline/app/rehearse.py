"""Run a proposed change over archived traffic: whose documents would go another way.

Each flow is judged again as `replay` does, twice: by what is in force, and by a hub in which
one thing is as proposed. What differs is what the change does, whatever else has changed since
the flow came. Nothing is written but scratch space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import count

from pipeline.app.carry import carry, forget
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, Target, everything_in, sender_of
from pipeline.app.operate.replay import Compared, replay
from pipeline.app.proposal import Change, Touches
from pipeline.app.received import bytes_of
from pipeline.app.work import head_of
from pipeline.ingest.admission import admit, interface_of
from pipeline.ingest.unwrap import kind_of
from pipeline.model.amount import totals_of
from pipeline.model.carriage import Grouping
from pipeline.model.connection import Connection, Envelope, Role
from pipeline.model.decision import Verdict
from pipeline.model.document import Document
from pipeline.model.errors import EngineClosed, PipelineError
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query, Sheets
from pipeline.route.plan import Planning, plan_deliveries

#: Flows that are asked for at first, twice as many each further time.
_PAGE = 200
#: Flows that are looked at before it is said that a change touches none older.
LOOKED_AT = 20_000

_NOT_DECIDED = "pas encore contrôlé / not judged yet"
_ERASED = "effacé / erased"
_COPY = "copie d'un flux antérieur / copy of an earlier flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """One document that would go another way.

    Attributes:
        flow: What it came in.
        document: As it stands.
        before: What is decided by what is in force; None where that cannot be told.
        after: What would be decided.
        codes: Why, if it would not be accepted; else why it is not.
        rules: Rules that it would break and does not; else those the other way round.
        why: What its receiver's form has against it; empty where that is not the reason.
    """

    flow: Interchange
    document: Document
    before: Verdict | None
    after: Verdict | None
    codes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    why: str = ""

    @property
    def against(self) -> tuple[str, ...]:
        """Return what is said against it, shortest form; never empty."""
        return self.rules or self.codes or (self.why.partition(":")[0] or "?",)


@dataclass(frozen=True, slots=True)
class Summed:
    """Documents of one partner that go the same other way for the same rule.

    Attributes:
        partner: Whose flows they came in.
        before: As of `Differing`.
        after: As of `Differing`.
        rule: A rule with its weight, else a code; a document with several counts at each.
        documents: How many.
        amounts: Their totals with VAT by currency, credit notes taken off.
    """

    partner: str
    before: Verdict | None
    after: Verdict | None
    rule: str
    documents: int
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a change would do to archived traffic.

    Attributes:
        flows: How many were judged again.
        documents: How many of their documents.
        differing: What would go another way by the change, newest flow first.
        anyway: How many would go another way than they went without it too.
        left_out: Flows that could not be judged again, each with why.
    """

    flows: int
    documents: int
    differing: tuple[Differing, ...]
    anyway: int
    left_out: tuple[tuple[Interchange, str], ...]

    @property
    def summed(self) -> tuple[Summed, ...]:
        """Return what differs, counted by partner, by way and by what is said against it."""
        groups: dict[tuple[str, Verdict | None, Verdict | None, str], list[Document]] = {}
        for one in self.differing:
            for rule in one.against:
                key = (one.flow.partner, one.before, one.after, rule)
                groups.setdefault(key, []).append(one.document)
        return tuple(
            Summed(*key, len(documents), totals_of(documents)) for key, documents in groups.items()
        )

    @property
    def worse(self) -> bool:
        """Tell whether a document that went through would be stopped."""
        return any(
            one.before is Verdict.ACCEPT and one.after is not Verdict.ACCEPT
            for one in self.differing
        )


def rehearse(change: Change, last: int) -> Rehearsal:
    """Judge the newest documents that a change touches as if it had been made.

    Args:
        change: What is proposed beside what is in force.
        last: How many documents, at least, if there are so many: flows are taken whole where
            their sender is concerned.
    """
    flows = documents = anyway = 0
    differing: list[Differing] = []
    left_out: list[tuple[Interchange, str]] = []
    for flow, target in _touched(change):
        if documents >= last:
            break
        try:
            judged = _differing(change, flow, target)
        except EngineClosed:
            raise
        except PipelineError as error:
            left_out.append((flow, f"{error.code}: {error}"))
            continue
        if isinstance(judged, str):
            left_out.append((flow, judged))
            continue
        flows, documents = flows + 1, documents + judged.seen
        anyway += judged.anyway
        differing += judged.differing
    return Rehearsal(
        flows=flows,
        documents=documents,
        differing=tuple(differing),
        anyway=anyway,
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of one flow."""

    seen: int
    differing: tuple[Differing, ...]
    anyway: int


def _differing(change: Change, flow: Interchange, target: Target) -> _Judged | str:
    """Judge one flow as it is and as proposed, or say why it is left out."""
    if why := _unfit(flow):
        return why
    does = _ways(change.hub, change.sheets, flow, target)
    would = _ways(change.new_hub, change.new_sheets, flow, target)
    differing: list[Differing] = []
    anyway = 0
    for subject, after in would.items():
        before = does.get(subject)
        if before is None or before.verdict is not after.verdict:
            differing.append(_told(flow, before, after))
        elif after.compared.changes:
            anyway += 1
    return _Judged(len(would), tuple(differing), anyway)


def _unfit(flow: Interchange) -> str:
    if flow.erased:
        return _ERASED
    if flow.step is InterchangeStep.RECEIVED:
        return _NOT_DECIDED
    return _COPY if flow.step is InterchangeStep.DUPLICATE else ""


@dataclass(frozen=True, slots=True)
class _Way:
    """How one document goes: what is decided on it, and what keeps it from leaving then."""

    compared: Compared
    stopped: str = ""

    @property
    def verdict(self) -> Verdict | None:
        return Verdict.HOLD if self.stopped else self.compared.after


def _told(flow: Interchange, before: _Way | None, after: _Way) -> Differing:
    """Tell what stops a document, or what stops it no more."""
    stops, lets = after, before
    if before is not None and after.verdict is Verdict.ACCEPT:
        stops, lets = before, after
    return Differing(
        flow=flow,
        document=after.compared.document,
        before=before.verdict if before else None,
        after=after.verdict,
        codes=stops.compared.codes,
        rules=_broken_by(stops.compared, lets.compared if lets else None),
        why=stops.stopped,
    )


def _broken_by(one: Compared, other: Compared | None) -> tuple[str, ...]:
    """Return the rules that are broken the one way and not the other.

    Each tells how it differs from the stored report.
    """
    appeared = set(one.appeared) - set(other.appeared if other else ())
    still = set(other.vanished if other else ()) - set(one.vanished)
    return tuple(sorted(appeared | still))


def _ways(hub: Hub, sheets: Sheets, flow: Interchange, target: Target) -> dict[DocumentId, _Way]:
    """Return how each document of a flow goes, by one configuration."""
    compared = _judge(hub, sheets, flow, target)
    stopped = _leave(hub, sheets, flow, compared)
    return {one.document.id: _Way(one, stopped.get(one.document.id, "")) for one in compared}


def _judge(hub: Hub, sheets: Sheets, flow: Interchange, target: Target) -> tuple[Compared, ...]:
    """Hold a flow against what was agreed, then judge what it holds; nothing is written."""
    sender = sender_of(hub, sheets, flow)
    kind = kind_of(head_of(hub, flow))
    admission = admit(flow, sender.connection, kind, hub.interfaces, ()).decision
    if admission.verdict is Verdict.REJECT:
        codes = tuple(why.code for why in admission.reasons)
        documents = target.of(everything_in(hub, flow)) or (_as_document(flow),)
        return tuple(
            Compared(document=one, after=Verdict.REJECT, codes=codes) for one in documents
        )
    return replay(hub, sheets, target, Order(), dry=True).compared


def _as_document(flow: Interchange) -> Document:
    """Return a flow that was never opened as if it were one document."""
    return Document(
        id=DocumentId(flow.id),
        interchange=flow.id,
        seq=0,
        name=flow.name,
        size=flow.size,
        sha256=flow.sha256,
        step=Step.HELD if flow.step is InterchangeStep.HELD else Step.REJECTED,
    )


def _leave(
    hub: Hub, sheets: Sheets, flow: Interchange, compared: Sequence[Compared]
) -> dict[DocumentId, str]:
    """Return why accepted documents could not leave in the form their receiver asks for."""
    known = {one.id: one for one in everything_in(hub, flow)}
    leaving = {
        one.document.id: known[one.document.id]
        for one in compared
        if one.after is Verdict.ACCEPT and one.document.id in known
    }
    routed: dict[str, Document] = {
        key: one for key, one in leaving.items() if one.route in sheets.connections
    }
    alone = {name: _one_by_one(one) for name, one in sheets.connections.items()}
    rows = [
        row
        for row in plan_deliveries(tuple(routed.values()), alone, _planning(hub))
        if row.recipe is not None
    ]
    read = partial(bytes_of, hub, sheets)
    unfit = (
        carry(hub, replace(sheets, connections=alone), rows, routed, read).unfit if rows else {}
    )
    for name in {row.connection for row in rows}:
        forget(hub, name)
    hub.spool.clear(flow.id)
    return {
        row.documents[0]: f"{unfit[row.key].code}: {unfit[row.key]}"
        for row in rows
        if row.key in unfit
    }


def _one_by_one(sheet: Connection) -> Connection:
    """Return a sheet whose every document leaves alone: none is blamed for another."""
    return replace(
        sheet,
        envelope=Envelope.SINGLE,
        carriage=replace(sheet.carriage, group=Grouping.INVOICE),
    )


def _planning(hub: Hub) -> Planning:
    """Return what deliveries are planned with that never leave: no number is taken."""
    numbers = count(1)
    return Planning(
        now=hub.clock.now(),
        hub_code=hub.settings.hub_code,
        next_number=lambda _: next(numbers),
        holidays=hub.holidays,
    )


# -- what a change touches


def _touched(change: Change) -> Iterator[tuple[Interchange, Target]]:
    """Yield the flows that a change touches, newest first, with what of them it touches."""
    touch = _TOUCH[change.kind]
    query = Query(
        connection=change.name if change.kind is Touches.SENDER else None,
        route=change.name if change.kind is Touches.RECEIVER else None,
    )
    for flow in _newest(change.hub, query):
        found = touch(change, flow)
        if found is None or found:
            yield flow, Target(flow.id, found)


def _newest(hub: Hub, query: Query) -> Iterator[Interchange]:
    """Yield flows, newest first, without asking for all that ever came."""
    seen: set[InterchangeId] = set()
    limit = _PAGE
    while len(seen) < LOOKED_AT:
        flows = hub.ledger.interchanges(replace(query, limit=limit))
        fresh = [one for one in flows if one.id not in seen]
        yield from fresh
        seen.update(one.id for one in fresh)
        if len(flows) < limit:
            return
        limit *= 2


def _whole(_change: Change, _flow: Interchange) -> frozenset[DocumentId] | None:
    return None


def _routed(change: Change, flow: Interchange) -> frozenset[DocumentId] | None:
    return _ids(one for one in everything_in(change.hub, flow) if one.route == change.name)


def _of_profile(change: Change, flow: Interchange) -> frozenset[DocumentId] | None:
    """Return all of a flow whose sender is held to a profile, or what its receivers hold to it."""
    hub, sheets = change.hub, change.sheets
    sender = sheets.connections.get(flow.connection)
    if sender is None:
        return frozenset()
    interface = interface_of(flow, sender, hub.interfaces)
    if hub.profile_for(sender, interface, flow.received_at).name == change.name:
        return None
    receivers = {
        one.name
        for one in sheets.connections.values()
        if one.role is Role.RECEIVER and one.profile == change.name
    }
    return _ids(one for one in everything_in(hub, flow) if one.route in receivers)


def _of_pack(change: Change, flow: Interchange) -> frozenset[DocumentId] | None:
    """Return all of a flow if the pack ran on a document of it."""
    for one in everything_in(change.hub, flow):
        report = change.hub.ledger.report(one.id)
        if report is not None and any(run.name == change.name for run in report.packs):
            return None
    return frozenset()


def _ids(documents: Iterable[Document]) -> frozenset[DocumentId]:
    return frozenset(one.id for one in documents)


#: What of a flow a change of each kind touches: None for all of it, an empty set for nothing.
_TOUCH: Mapping[Touches, Callable[[Change, Interchange], frozenset[DocumentId] | None]] = {
    Touches.SENDER: _whole,
    Touches.RECEIVER: _routed,
    Touches.PROFILE: _of_profile,
    Touches.PACK: _of_pack,
    Touches.SCHEMA: _whole,
}
