"""Decide on the documents of one interchange and write everything that follows from it.

Used for a flow judged for the first time and for one that an operator released: the
documents come in as they stand, RECEIVED or HELD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from types import MappingProxyType

from pipeline.app.agreed import Agreed, agreed_on
from pipeline.app.asking import ask_validators
from pipeline.app.comeback import UncomparedError, come_back, held_keys, process_rejects
from pipeline.app.hub import Hub, sheet_of, with_sheet
from pipeline.app.lives import begin_lives
from pipeline.app.manifest import ManifestCheck, check_manifest, keep_figures
from pipeline.app.registered import check_both
from pipeline.ingest.duplicate import Repeat, find_duplicates, may_come_back
from pipeline.ingest.sellers import check_seller
from pipeline.model.acknowledgement import Figure
from pipeline.model.calendar import moment
from pipeline.model.comeback import Beside, Changes, Comeback, Holder
from pipeline.model.connection import Atomicity, Connection, Environment
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.directory import Directory, day_of
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.profile import TIMEZONE
from pipeline.model.report import ValidationReport
from pipeline.model.standing import SheetState
from pipeline.model.status import FOLLOWS, InterchangeStep, Step, is_final
from pipeline.model.validation import Course, course_of
from pipeline.ports.ledger import Claim, Sheets, Transaction
from pipeline.route.choice import Receivers, choose, not_delivered, not_live
from pipeline.route.plan import (
    Planning,
    no_route,
    plan_copies,
    plan_deliveries,
)
from pipeline.route.registration import Standing
from pipeline.route.taking import check_taken
from pipeline.validate.decide import decide

_STEP = {
    Verdict.ACCEPT: Step.ACCEPTED,
    Verdict.REJECT: Step.REJECTED,
    Verdict.DUPLICATE: Step.DUPLICATE,
    Verdict.HOLD: Step.HELD,
}


#: Held since no sheet in production takes it; one in shadow has its copy all the same.
_NOT_LIVE = frozenset({"NOT_LIVE"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One document to decide on.

    Attributes:
        document: As it stands, RECEIVED or HELD.
        report: What the engine said; None if it was refused before it was judged.
        fault: That refusal (steps 8 and 9), or None.
        beside: What it changes of the invoice under its number; None where nobody asked.
    """

    document: Document
    report: ValidationReport | None = None
    fault: Reason | None = None
    beside: Beside | None = None

    @property
    def broken(self) -> bool:
        """Tell whether it fails at flow level (steps 8 to 10)."""
        return self.fault is not None or (self.report is not None and self.report.structure_broken)

    @property
    def unclear(self) -> bool:
        """Tell whether it is not known if it fails at flow level."""
        return self.report is not None and not self.report.structure_known

    def decide(self) -> Decision:
        """Return what its own checks recommend."""
        if self.fault is not None:
            return Decision(Verdict.REJECT, (self.fault,))
        if self.report is None:
            raise ValueError(f"{self.document.id} was neither refused nor judged")
        return decide(self.report, self.document.name)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a flow stands after a decision.

    Attributes:
        interchange: The flow.
        documents: Those that were decided on, by place.
        reasons: Of the flow as a whole.
        figures: Its manifest beside what was found; empty without one, or where it was
            checked at an earlier decision.
    """

    interchange: Interchange
    documents: tuple[Document, ...]
    reasons: tuple[Reason, ...] = ()
    figures: tuple[Figure, ...] = ()


def settle_flow(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    connection: Connection,
    interface: Interface | None,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    manifest: bytes | None,
    claim: Claim | None = None,
) -> Settled:
    """Decide on a flow whose documents are all judged, and move everything.

    In an atomic flow nothing is accepted before the structure of all is known, and
    one broken file takes the whole flow down. In any flow nothing is accepted before
    its manifest, given or required, was found to hold.

    Returns:
        How the flow and the documents it was given now stand.

    Raises:
        UncomparedError: What a document changes of the invoice under its number is not known.
    """
    check = ManifestCheck()
    if interchange.step is not InterchangeStep.OPENED:
        # it held when the flow was opened, and what is decided on later is not all of it
        documents = [one.document for one in candidates]
        unread = {one.document.id for one in candidates if one.unclear}
        check = check_manifest(connection, interchange, manifest, documents, unread)
        keep_figures(hub, tx, interchange.id, check.figures)
    agreed = agreed_on(hub, sheets, connection, interface, interchange.received_at)
    standing = standing_of(hub, interchange, interface)
    receivers = receivers_of(sheets, standing.environment, standing.day)
    candidates = [
        _named(one, interchange.partner, sheets, agreed, receivers) for one in candidates
    ]
    atomic = atomicity_of(connection, interface) is Atomicity.FLOW
    stopped = _stop_flow(hub, tx, interchange, candidates, check, claim, atomic=atomic)
    then = with_sheet(sheets, connection)
    settled = stopped or _open_flow(
        hub, then, tx, interchange, candidates, standing, agreed, claim
    )
    return replace(settled, figures=check.figures)


def _named(
    one: Candidate, sender: str, sheets: Sheets, agreed: Agreed, receivers: Receivers
) -> Candidate:
    """Name the agreement on a document, whatever becomes of it."""
    route = choose(one.document, sender, sheets.directory, receivers).route
    agreement = agreed.with_receiver(sheets.connections.get(route or ""))
    return replace(one, document=replace(one.document, agreement=agreement))


def close_if_done(hub: Hub, tx: Transaction, interchange: Interchange) -> Interchange:
    """Close an opened interchange when nothing in it can move any more."""
    if tx.finished([interchange.id]):
        return _move(hub, tx, interchange, InterchangeStep.CLOSED, None)
    return interchange


def _stop_flow(
    hub: Hub,
    tx: Transaction,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    check: ManifestCheck,
    claim: Claim | None,
    *,
    atomic: bool,
) -> Settled | None:
    """Refuse or hold a flow as a whole; None if its documents may be decided on one by one."""
    if interchange.step is InterchangeStep.OPENED:
        return None  # other documents of it went their way already
    broken = [one for one in candidates if one.broken]
    if check.refused is not None or (atomic and broken):
        return _refuse_flow(hub, tx, interchange, candidates, broken, check.refused, claim)
    unclear = [
        one for one in candidates if one.document.id in check.unclear or (atomic and one.unclear)
    ]
    if unclear:
        return _hold_flow(hub, tx, interchange, candidates, unclear, claim)
    return None


def _open_flow(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    standing: Standing,
    agreed: Agreed,
    claim: Claim | None,
) -> Settled:
    """Decide on each document for itself."""
    opened = interchange
    if interchange.step is not InterchangeStep.OPENED:
        # what it was held for is over
        opened = replace(interchange, reason=None, detail="")
        opened = _move(hub, tx, opened, InterchangeStep.OPENED, claim)
    decided, back = decide_all(tx, sheets, interchange, candidates, standing, agreed)
    documents = _write(hub, sheets, tx, interchange, decided, back, standing)
    _copy(hub, sheets, tx, interchange.partner, decided, standing)
    if all(is_final(FOLLOWS, one.step) for one in documents):
        opened = close_if_done(hub, tx, opened)
    return Settled(opened, documents)


def standing_of(hub: Hub, interchange: Interchange, interface: Interface | None) -> Standing:
    """Return by what a flow's documents are held against the directory."""
    return Standing(
        channel=interface.answers if interface else None,
        day=day_of(interchange.received_at),
        check_suppliers=hub.settings.check_suppliers,
        environment=interchange.environment,
    )


def atomicity_of(connection: Connection, interface: Interface | None) -> Atomicity:
    """Return what one broken file takes down: as the sheet asks, else as the interface says."""
    if connection.atomicity is not None:
        return connection.atomicity
    return interface.atomicity if interface else Atomicity.INVOICE


def _move(
    hub: Hub,
    tx: Transaction,
    interchange: Interchange,
    after: InterchangeStep,
    claim: Claim | None,
) -> Interchange:
    tx.move_interchange(interchange, after, by=hub.by, at=hub.clock.now(), claim=claim)
    return replace(interchange, step=after)


def _refuse_flow(
    hub: Hub,
    tx: Transaction,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    broken: Sequence[Candidate],
    manifest: Reason | None,
    claim: Claim | None,
) -> Settled:
    """Refuse a flow for its manifest, or for the first reason of every broken file."""
    own = () if manifest is None else (manifest,)
    reasons = (*own, *(one.decide().reasons[0] for one in broken))
    refused = replace(interchange, reason=reasons[0].code, detail=reasons[0].message["fr"])
    if interchange.step is InterchangeStep.RECEIVED:
        refused = _move(hub, tx, refused, InterchangeStep.OPENED, claim)
    refused = _move(hub, tx, refused, InterchangeStep.REFUSED, None)
    guilty = [*(one.place for one in own), *(one.document.name for one in broken)]
    names = ", ".join(guilty[:5])
    rejected = [
        replace(
            one.document,
            reasons=one.decide().reasons if one.broken else (flow_refused(one.document, names),),
        )
        for one in candidates
    ]
    return Settled(refused, _move_all(hub, tx, rejected, Step.REJECTED), reasons)


def _hold_flow(
    hub: Hub,
    tx: Transaction,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    unclear: Sequence[Candidate],
    claim: Claim | None,
) -> Settled:
    """Hold a flow while some of its files are not known well enough to let any go."""
    reasons = tuple(one.decide().reasons[0] for one in unclear)
    held = replace(interchange, reason=reasons[0].code, detail=reasons[0].message["fr"])
    if interchange.step is InterchangeStep.HELD:
        return Settled(interchange, tuple(one.document for one in candidates), reasons)
    held = _move(hub, tx, held, InterchangeStep.HELD, claim)
    documents = [
        replace(one.document, reasons=one.decide().reasons if one.unclear else reasons[:1])
        for one in candidates
    ]
    return Settled(held, _move_all(hub, tx, documents, Step.HELD), reasons)


def _move_all(
    hub: Hub, tx: Transaction, documents: Sequence[Document], after: Step
) -> tuple[Document, ...]:
    tx.move_documents(documents, after, by=hub.by, at=hub.clock.now())
    return tuple(replace(one, step=after) for one in documents)


def flow_refused(document: Document, names: str) -> Reason:
    """Return why a sound file is lost: others broke its flow."""
    return reason(
        "FLOW_IRR",
        document.name,
        f"facture non intégrée : le flux est irrecevable à cause de {names}",
        f"invoice not taken: the flow is refused because of {names}",
    )


def decide_all(
    tx: Transaction,
    sheets: Sheets,
    interchange: Interchange,
    candidates: Sequence[Candidate],
    standing: Standing,
    agreed: Agreed,
) -> tuple[list[tuple[Document, Decision]], Mapping[DocumentId, Comeback]]:
    """Decide on each document: its own checks, seller, recipient, route, agreement, uniqueness.

    Nothing is written. A document that holds its key already is no duplicate of itself.

    Returns:
        The decisions, and which of the accepted ones put right or complete an invoice.

    Raises:
        UncomparedError: What one changes of the invoice under its number is not known.
    """
    decided: dict[DocumentId, tuple[Document, Decision]] = {}
    sender, sellers = interchange.partner, sheet_of(sheets, interchange.connection).sellers
    taken = Counter(_taken(tx, sheets, interchange))
    receivers = receivers_of(sheets, standing.environment, standing.day, taken)
    for one in candidates:
        decision = one.decide()
        document = replace(one.document, first=None)
        if decision.verdict is Verdict.ACCEPT:
            decision = check_seller(document, sellers)
        if decision.verdict is Verdict.ACCEPT:
            document, decision = direct(document, sender, sheets.directory, standing, receivers)
        if decision.verdict is Verdict.ACCEPT and document.route is not None:
            document, decision = _hold_against(document, one.report, sheets, agreed)
        if document.route not in {None, one.document.route}:
            taken[document.route or ""] += 1
        decided[document.id] = (document, decision)
    accepted = [d for d, decision in decided.values() if decision.verdict is Verdict.ACCEPT]
    back: dict[DocumentId, Comeback] = {}
    repeats = _repeats(tx, candidates, accepted, sender, standing.environment)
    for subject, repeat in repeats.items():
        document = replace(decided[subject][0], first=repeat.first)
        if repeat.comeback is None:
            document = replace(document, route=None)
        else:
            back[subject] = repeat.comeback
        decided[subject] = (document, repeat.decision)
    return list(decided.values()), back


def _repeats(
    tx: Transaction,
    candidates: Sequence[Candidate],
    accepted: Sequence[Document],
    sender: str,
    environment: Environment,
) -> Mapping[DocumentId, Repeat]:
    """Return which documents bear a number that is taken, and what becomes of each."""
    holders = held_keys(tx, accepted, environment)
    others = _of_others(tx, [one.document for one in holders.values()], sender)
    beside = _beside(candidates, accepted, holders, others)
    return find_duplicates(accepted, holders, others, beside)


def _beside(
    candidates: Sequence[Candidate],
    accepted: Sequence[Document],
    holders: Mapping[BusinessKey, Holder],
    others: Collection[DocumentId],
) -> Mapping[DocumentId, Beside]:
    """Return what is known of deposits under taken numbers; all that decides has to be."""
    beside = {one.document.id: one.beside for one in candidates if one.beside is not None}
    missing: list[tuple[Document, Document]] = []
    for document in accepted:
        held = holders.get(document.business_key) if document.business_key else None
        if held is None or held.document.id in others or not may_come_back(document, held):
            continue
        known = beside.get(document.id)
        if known is None or (isinstance(known, Changes) and known.bearer != held.bearer.id):
            missing.append((document, held.bearer))
    if missing:
        raise UncomparedError(missing)
    return beside


def receivers_of(
    sheets: Sheets,
    environment: Environment,
    day: date,
    taken: Mapping[str, int] = MappingProxyType({}),
) -> Receivers:
    """Return what is known of where a flow's documents may go.

    Args:
        sheets: The configuration in force.
        environment: Of the flow.
        day: On which it was received.
        taken: Documents of its day that pilots took already, by sheet.
    """
    return Receivers(
        sheets=sheets.connections,
        states={name: one.agreed for name, one in sheets.standing.items()},
        environment=environment,
        day=day,
        taken=taken,
    )


def _taken(tx: Transaction, sheets: Sheets, interchange: Interchange) -> Mapping[str, int]:
    """Count what pilots of a limited volume took of the documents of a flow's day."""
    day = day_of(interchange.received_at)
    since, before = (moment(one, time(), TIMEZONE) for one in (day, day + timedelta(days=1)))
    return {
        name: tx.count_routed(name, since, before)
        for name, sheet in sheets.connections.items()
        if sheets.agreed(name) is SheetState.PILOT and sheet.trial.documents_a_day is not None
    }


def direct(
    document: Document,
    sender: str,
    directory: Directory,
    standing: Standing,
    receivers: Receivers,
) -> tuple[Document, Decision]:
    """Decide by the directory alone: supplier, recipient, what it asks for, and the route."""
    decision = check_both(document, directory, standing)
    if decision.verdict is not Verdict.ACCEPT:
        return document, decision
    choice = choose(document, sender, directory, receivers)
    document = replace(document, route=choice.route)
    if choice.route is not None:
        return document, decision
    if standing.environment is Environment.QUALIFICATION:
        return document, not_delivered(document)
    return document, not_live(document, choice, receivers) if choice.passed else no_route(document)


def _hold_against(
    document: Document, report: ValidationReport | None, sheets: Sheets, agreed: Agreed
) -> tuple[Document, Decision]:
    """Hold a document that has a route against what its receiver takes, and name that."""
    receiver = sheets.connections.get(document.route or "")
    document = replace(document, agreement=agreed.with_receiver(receiver))
    takes = agreed.taken_by(receiver)
    if takes is None or report is None:
        return document, Decision(Verdict.ACCEPT)
    decision = check_taken(document.name, document.header, report, takes)
    taken = decision.verdict is Verdict.ACCEPT
    return document if taken else replace(document, route=None), decision


def _of_others(
    tx: Transaction, holders: Collection[Document], sender: str
) -> Collection[DocumentId]:
    """Return those documents that another partner sent: they are not `sender`'s to know of."""
    flows = {flow: tx.interchange(flow) for flow in {one.interchange for one in holders}}
    own = {name for name, flow in flows.items() if flow is not None and flow.partner == sender}
    return {one.id for one in holders if one.interchange not in own}


def _write(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    interchange: Interchange,
    decided: Sequence[tuple[Document, Decision]],
    back: Mapping[DocumentId, Comeback],
    standing: Standing,
) -> tuple[Document, ...]:
    """Move every document, and for the accepted ones hold their keys and plan deliveries."""
    groups: dict[Step, list[Document]] = {}
    for document, decision in decided:
        after = _after(document.step, decision.verdict)
        groups.setdefault(after, []).append(replace(document, reasons=decision.reasons))
    settled: list[Document] = []
    for after, documents in groups.items():
        moving = [one for one in documents if one.step is not after]
        settled.extend(one for one in documents if one.step is after)
        moved = _move_all(hub, tx, moving, after)
        taken = after is Step.ACCEPTED
        settled.extend(_route(hub, sheets, tx, moved, back, standing) if taken else moved)
    returned = [(one, back[one.id]) for one in settled if one.id in back]
    if returned:
        come_back(hub, sheets, tx, interchange, returned)
    going = {Step.ACCEPTED, Step.ROUTED}
    new = [one for one in settled if one.step in going and one.id not in back]
    process_rejects(hub, tx, interchange, new)
    return tuple(sorted(settled, key=lambda one: one.seq))


def _route(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    accepted: Sequence[Document],
    back: Container[DocumentId],
    standing: Standing,
) -> tuple[Document, ...]:
    """Hold the keys of accepted documents, and plan how they leave: in trials some do not.

    The key of an invoice that comes back stays with the document that was taken first.
    """
    first = [one for one in accepted if one.id not in back]
    keys = {key: one.id for one in first if (key := one.business_key)}
    tx.hold_keys(keys, standing.environment)
    tried = _move_all(hub, tx, [one for one in accepted if one.route is None], Step.TRIED)
    waiting = _waiting(hub, first)
    held_back = {one.id for one, _ in waiting}
    leaving = [one for one in accepted if one.route is not None and one.id not in held_back]
    routed = send_off(hub, sheets.connections, tx, leaving)
    begin_lives(hub, tx, [one for one in routed if one.id not in back])
    if waiting:
        ask_validators(hub, sheets, tx, waiting)
    return (*routed, *tried, *(one for one, _ in waiting))


def _waiting(hub: Hub, accepted: Sequence[Document]) -> list[tuple[Document, Course]]:
    """Return what has a validator to wait for, with whom that is.

    What comes back has its validation behind it, and what is only tried has none before it.
    """
    terms = hub.settings.validation
    courses = [(one, course_of(one.header, terms)) for one in accepted if one.route is not None]
    return [(one, course) for one, course in courses if course.validators]


def send_off(
    hub: Hub,
    connections: Mapping[str, Connection],
    tx: Transaction,
    accepted: Sequence[Document],
) -> tuple[Document, ...]:
    """Let accepted documents of one flow leave by their routes; return them ROUTED."""
    now = hub.clock.now()
    routed = _move_all(hub, tx, accepted, Step.ROUTED)
    for row in plan_deliveries(routed, connections, planning_of(hub, tx)):
        tx.enqueue(row, hub.by, now)
    return routed


def _copy(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    sender: str,
    decided: Sequence[tuple[Document, Decision]],
    standing: Standing,
) -> None:
    """Plan the copies for sheets in shadow that a route leads to: each document gets one, once."""
    receivers = receivers_of(sheets, standing.environment, standing.day)
    if SheetState.SHADOW not in receivers.states.values():
        return
    copied = [
        replace(document, route=name)
        for document, decision in decided
        if _is_copied(document, decision)
        for name in choose(document, sender, sheets.directory, receivers).copies
    ]
    for row in plan_copies(copied, sheets.connections, planning_of(hub, tx)):
        tx.enqueue(row, hub.by, hub.clock.now())


def _is_copied(document: Document, decision: Decision) -> bool:
    """Tell whether a document is good, and was not copied when it was held."""
    before = {why.code for why in document.reasons}
    now = {why.code for why in decision.reasons}
    good = decision.verdict is Verdict.ACCEPT or now == _NOT_LIVE
    return good and before.isdisjoint(_NOT_LIVE)


def planning_of(hub: Hub, tx: Transaction) -> Planning:
    """Return what deliveries are planned with, numbers by this transaction."""
    return Planning(
        now=hub.clock.now(),
        hub_code=hub.settings.hub_code,
        next_number=tx.next_number,
        holidays=hub.holidays,
    )


def _after(before: Step, verdict: Verdict) -> Step:
    """Return the step a verdict leads to; a held document that repeats another is rejected."""
    after = _STEP[verdict]
    if before is Step.HELD and after is Step.DUPLICATE:
        return Step.REJECTED
    return after
