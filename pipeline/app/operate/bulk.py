"""One verb on many things: a list is frozen first, looked at, and then carried out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Target, Told, settle_items
from pipeline.app.operate.hold import HELD_BACK
from pipeline.app.operate.replay import Replayed
from pipeline.app.operate.verbs import Ask, act
from pipeline.model.amount import exact_sum, signed_total
from pipeline.model.bulk import BulkId, BulkItem, BulkList, ItemState, Verb, bulk_id
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError, PipelineError
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Ledger, Query, Sheets

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Range:
    """What a verb takes of all that a query matches.

    Attributes:
        flows: Flows at these steps, as a whole.
        documents: Documents at these steps, of flows that are not among those.
        asked: Documents at these steps too, where the query names the step.
    """

    flows: tuple[InterchangeStep, ...] = ()
    documents: tuple[Step, ...] = ()
    asked: tuple[Step, ...] = ()


_HELD, _RECEIVED = InterchangeStep.HELD, InterchangeStep.RECEIVED
_RANGE: Mapping[Verb, _Range] = {
    Verb.HOLD: _Range((_RECEIVED,), (Step.ROUTED,)),
    Verb.RELEASE: _Range((_HELD,), (Step.HELD,)),
    Verb.REJECT: _Range((_HELD,), (Step.HELD,)),
    Verb.WITHDRAW: _Range(
        (_RECEIVED, _HELD), (Step.HELD, Step.ACCEPTED, Step.ROUTED, Step.ABANDONED)
    ),
    Verb.REDELIVER: _Range((), (Step.ABANDONED,), (Step.DELIVERED,)),
    Verb.REPLAY: _Range((_HELD,), tuple(step for step in Step if step is not Step.RECEIVED)),
}


def freeze(hub: Hub, ask: Ask, query: Query) -> BulkList:
    """Write down what a query matches now, and what is asked of it.

    Args:
        hub: The hub; `by` names the operator.
        ask: What is asked.
        query: Which; it narrows something.

    Returns:
        The list as it is kept: the one that was frozen before, if it is the same.

    Raises:
        ConfigError: No reason where one is needed, nothing is narrowed, or nothing matches.
    """
    if ask.verb is not Verb.RELEASE and not ask.reason.strip():
        raise ConfigError("donnez un motif / give a reason: --reason")
    found = matching(hub.ledger, ask.verb, query)
    last = hub.ledger.last_events([one.subject for one in found])
    items = tuple(replace(one, event=last.get(one.subject, 0)) for one in found)
    name = bulk_id(ask.verb, ask.reason, ask.options, items)
    made = BulkList(
        id=name,
        verb=ask.verb,
        reason=ask.reason,
        options=ask.options,
        made_at=hub.clock.now(),
        by=hub.by,
        items=items,
    )
    atomically(hub, lambda tx: tx.freeze(made), "bulk.freeze")
    return find_list(hub.ledger, name)


def matching(ledger: Ledger, verb: Verb, query: Query) -> tuple[BulkItem, ...]:
    """Return what a verb takes of what a query matches, by flow (newest first) and place.

    Raises:
        ConfigError: Nothing is narrowed, or nothing matches.
    """
    everything = replace(query, limit=None)
    if everything == Query(limit=None):
        raise ConfigError("donnez un identifiant ou un filtre / give an id or a filter")
    found = tuple(_select(ledger, verb, everything))
    if not found:
        raise ConfigError("rien ne correspond / nothing matches")
    return found


def targets_of(items: Iterable[BulkItem]) -> Iterator[Target]:
    """Yield what to act on: items of one flow together."""
    ordered = sorted(items, key=lambda one: one.interchange)
    for flow, each in groupby(ordered, key=lambda one: one.interchange):
        ids = {one.subject for one in each}
        alone = None if flow in ids else frozenset(map(DocumentId, ids))
        yield Target(InterchangeId(flow), alone)


def try_out(hub: Hub, sheets: Sheets, ask: Ask, items: Iterable[BulkItem]) -> Iterator[Replayed]:
    """Yield what a verb would do with each flow among items; nothing is written.

    A flow that it cannot be tried on is refused with why, and the others follow.
    """
    for target in targets_of(items):
        try:
            yield act(hub, sheets, ask, target, dry=True)
        except PipelineError as error:
            yield Replayed(_cannot(target, error))


def find_list(ledger: Ledger, name: str) -> BulkList:
    """Return a frozen list.

    Raises:
        ConfigError: There is none of that name.
    """
    found = ledger.bulk(BulkId(name))
    if found is None:
        raise ConfigError(f"{name}: aucune liste / no such list")
    return found


def carry_out(hub: Hub, sheets: Sheets, name: str) -> BulkList:
    """Do with each open item of a list what is asked, each once; return the list as it then is.

    What was done by an execution that broke off is not done again. What is not at the step
    any more at which it was frozen is skipped.

    Raises:
        ConfigError: There is no such list.
    """
    frozen = find_list(hub.ledger, name)
    ask = Ask.of(frozen)
    by_subject = {one.subject: one for one in frozen.open}
    for target in targets_of(frozen.open):
        _act_on(hub, sheets, ask, frozen.id, target, [by_subject[one] for one in target.subjects])
    after = find_list(hub.ledger, name)
    _tell(hub, frozen, after)
    return after


def _act_on(
    hub: Hub,
    sheets: Sheets,
    ask: Ask,
    bulk: BulkId,
    asked: Target,
    items: Sequence[BulkItem],
) -> None:
    """Do with the items of one flow what is asked; what cannot be done is written down."""
    standing = _standing(hub.ledger, asked.interchange, items)
    still = [one for one in items if standing.get(one.subject) == one.seen]
    if moved := [one for one in items if one not in still]:
        _skip(hub, bulk, moved, standing)
    if not still:
        return
    (target,) = targets_of(still)
    try:
        told = act(hub, sheets, ask, target, bulk=bulk).told
    except PipelineError as error:
        told = _cannot(target, error)
    # what was written with the effect is left alone; what had none is written here
    atomically(hub, lambda tx: settle_items(hub, tx, bulk, told), "bulk.settle")


def _cannot(target: Target, error: PipelineError) -> Told:
    return Told(target=target, refused=dict.fromkeys(target.subjects, str(error)))


def _standing(ledger: Ledger, flow: InterchangeId, items: Sequence[BulkItem]) -> dict[str, str]:
    """Return the step at which each item stands now."""
    found = ledger.interchange(flow)
    standing: dict[str, str] = {flow: found.step.value} if found else {}
    named = [DocumentId(one.subject) for one in items if one.subject != flow]
    return {**standing, **{one.id: one.step.value for one in ledger.documents_named(named)}}


def _skip(hub: Hub, bulk: BulkId, moved: Sequence[BulkItem], standing: Mapping[str, str]) -> None:
    now = hub.clock.now()
    by_note: dict[str, list[str]] = {}
    for one in moved:
        stands = standing.get(one.subject, "?")
        note = f"« {stands} » au lieu de / instead of « {one.seen} »"
        by_note.setdefault(note, []).append(one.subject)

    def skip(note: str, subjects: Collection[str]) -> None:
        state = ItemState.SKIPPED
        atomically(
            hub,
            lambda tx: tx.settle_items(bulk, subjects, state, note=note, by=hub.by, at=now),
            "bulk.settle",
        )

    for note, subjects in by_note.items():
        skip(note, subjects)


def _tell(hub: Hub, before: BulkList, after: BulkList) -> None:
    """Keep who carried a list out, and what it came to: nothing, for whoever comes second."""
    mine = {one.subject for one in before.open}
    counts = Counter(one.state.value for one in after.items if one.subject in mine)
    data: dict[str, object] = dict(sorted(counts.items())) or {"effect": ItemState.NOTHING.value}
    fact = Fact(at=hub.clock.now(), subject=after.id, what="bulk.executed", by=hub.by, data=data)
    atomically(hub, lambda tx: tx.append(fact), "bulk.executed")
    log.info("bulk.executed", list=after.id, verb=after.verb.value, counts=dict(counts))


def _select(ledger: Ledger, verb: Verb, query: Query) -> Iterator[BulkItem]:
    """Yield what a verb takes of what a query matches, by flow (newest first) and place."""
    wanted = _RANGE[verb]
    flows = _steps(query, wanted.flows)
    taken = ledger.interchanges(replace(query, steps=flows)) if flows else ()
    held = {one.id for one in ledger.interchanges(Query(steps=(_HELD.value,), limit=None))}
    for flow in taken:
        yield _flow_item(flow, ledger.documents(Query(interchange=flow.id, limit=None)))
    steps = _steps(query, (*wanted.documents, *(wanted.asked if query.steps else ())))
    if steps:
        for one in ledger.documents(replace(query, steps=steps)):
            if one.interchange not in held:
                yield _item(one)
    if verb is Verb.RELEASE and query.reason in {None, HELD_BACK}:
        yield from _held_back(ledger, query)


def _held_back(ledger: Ledger, query: Query) -> Iterator[BulkItem]:
    """Yield documents whose deliveries an operator holds back: their step does not show it."""
    paused = {one for row in ledger.outbox(states=[OutboxState.PAUSED]) for one in row.documents}
    steps = _steps(query, (Step.ROUTED, Step.DELIVERED))
    if paused and steps:
        matching = ledger.documents(replace(query, reason=None, steps=steps))
        yield from (_item(one) for one in matching if one.id in paused)


def _steps(query: Query, known: Iterable[Step | InterchangeStep]) -> tuple[str, ...]:
    """Return those steps of `known` that a query lets through."""
    return tuple(one.value for one in known if not query.steps or one.value in query.steps)


def _item(one: Document) -> BulkItem:
    amount = signed_total(one)
    return BulkItem(
        subject=one.id,
        interchange=one.interchange,
        seen=one.step.value,
        currency=one.header.currency if amount is not None else None,
        amount=amount if one.header.currency else None,
    )


def _flow_item(flow: Interchange, documents: Sequence[Document]) -> BulkItem:
    """Return the item of a whole flow; it has a sum where all of it is in one currency."""
    weighed = [one for one in map(_item, documents) if one.amount is not None]
    currencies = {one.currency for one in weighed}
    alone = len(currencies) == 1
    return BulkItem(
        subject=flow.id,
        interchange=flow.id,
        seen=flow.step.value,
        currency=next(iter(currencies)) if alone else None,
        amount=exact_sum(one.amount for one in weighed if one.amount) if alone else None,
    )
