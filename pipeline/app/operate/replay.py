"""Judge again from the archived bytes, and say which verdicts would change.

What was decided stays: a document that is held is settled, as `release` does; any other is
only compared, with an event that keeps what was found. A stored report is always the one
that the standing decision rests on, so that of a decided document is not replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from structlog import get_logger

from pipeline.app.agreed import agreed_on
from pipeline.app.atomic import atomically
from pipeline.app.comeback import knowing
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import (
    MOVED,
    ORIGINAL_GONE,
    Order,
    Sender,
    Target,
    Told,
    demand_reason,
    held_as_a_whole,
    logged,
    now_standing,
    record_alone,
    sender_of,
    settle_items,
)
from pipeline.app.operate.again import Looked, candidates, found_in, look_again
from pipeline.app.operate.release import Held, held_of, settle_again
from pipeline.app.scan import infected_flow, still_silent
from pipeline.app.settle import (
    Candidate,
    atomicity_of,
    decide_all,
    flow_refused,
    standing_of,
)
from pipeline.app.work import rework
from pipeline.model.bulk import Verb
from pipeline.model.comeback import Beside
from pipeline.model.connection import Atomicity
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.document import Document
from pipeline.model.errors import Fenced
from pipeline.model.event import Fact
from pipeline.model.finding import Severity
from pipeline.model.identity import DocumentId
from pipeline.model.report import ValidationReport
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

_NOT_JUDGED = "pas encore contrôlé / not judged yet"
_SETTLED = "rejugé et tranché / judged again and settled"
_SHOWN = "rejugé, sans effet / judged again, without effect"
_PERSON = "une personne a tranché, cela reste / a person decided, that stays"
_NO_REPORT = "jamais jugé : rejouez depuis « judge » / never judged: replay from 'judge'"
_VERDICT: Mapping[Step, Verdict] = {
    Step.ACCEPTED: Verdict.ACCEPT,
    Step.ROUTED: Verdict.ACCEPT,
    Step.DELIVERED: Verdict.ACCEPT,
    Step.ABANDONED: Verdict.ACCEPT,
    Step.TRIED: Verdict.ACCEPT,
    Step.REJECTED: Verdict.REJECT,
    Step.DUPLICATE: Verdict.DUPLICATE,
    Step.HELD: Verdict.HOLD,
}
_PERSONS = frozenset({"OPERATOR", "WITHDRAWN"})


class Stage(Enum):
    """From where on a flow is gone through again."""

    OPEN = "open"  #: take the documents out of the original, and compare them too
    JUDGE = "judge"  #: judge the documents that are known
    DECIDE = "decide"  #: recipient, route and uniqueness, from the reports as they are stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One document before and after.

    Attributes:
        document: As it stands.
        after: What would be decided now; None where that cannot be told.
        codes: Why, if it would not be accepted.
        appeared: Rules that are broken now and were not, ``RULE severity``.
        vanished: The other way round.
        note: What a person should know beside; empty, or French first.
    """

    document: Document
    after: Verdict | None
    codes: tuple[str, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    note: str = ""

    @property
    def before(self) -> Verdict | None:
        """Return the verdict that stands; None for what was not decided on by itself."""
        return _VERDICT.get(self.document.step)

    @property
    def changes(self) -> bool:
        """Tell whether another verdict would be given now."""
        return self.after is not None and self.after is not self.before


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found, and what it did.

    Attributes:
        told: What was settled; the rest stands as it did.
        compared: Each document before and after, by place.
    """

    told: Told
    compared: tuple[Compared, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a replay goes by."""

    held: Held
    sender: Sender
    stage: Stage
    looked: Looked | None
    documents: tuple[Document, ...]
    notes: Mapping[str, str] = field(default_factory=dict)


def replay(
    hub: Hub,
    sheets: Sheets,
    target: Target,
    order: Order,
    stage: Stage = Stage.JUDGE,
    *,
    dry: bool = False,
) -> Replayed:
    """Go through what a flow holds once more, from a stage on.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force: packs, limits, directory of now; of a profile, the
            version of the day on which the flow was received.
        target: A flow or some of its documents.
        order: Why; not needed for a dry run.
        stage: Where to begin. From `DECIDE` on nothing is judged, so nothing is settled.
        dry: True to say what would change, and write nothing at all.

    Raises:
        ConfigError: No reason, no such flow, or its sender has no sheet any more.
        ScannerSilent: Nobody could look for malware; nothing changed.
        ArchiveError: The original is gone; nothing changed.
    """
    if not dry:
        demand_reason(order)
    held = atomically(hub, lambda tx: held_of(tx, target), "operator.find")
    if held.flow.step is InterchangeStep.RECEIVED:
        return Replayed(Told(target=target, refused={held.flow.id: _NOT_JUDGED}))
    if held.flow.erased:
        return Replayed(Told(target=target, refused=dict.fromkeys(target.subjects, ORIGINAL_GONE)))
    scene = _scene(hub, sheets, target, held, stage)
    compared = _compare_all(hub, sheets, scene, target)
    if dry:
        hub.spool.clear(held.flow.id)
        shown: dict[str, str] = {one.document.id: _SHOWN for one in compared}
        return Replayed(Told(target=target, idle=shown, documents=held.meant), compared)
    try:
        told = _write(hub, sheets, scene, target, order, compared)
    except Fenced:
        told = Told(target=target, refused=dict.fromkeys(target.subjects, MOVED))
        record_alone(hub, Verb.REPLAY, told, order)
    log.info("operator.replay", **logged(told))
    return Replayed(replace(told, documents=now_standing(hub, target)), compared)


def _scene(hub: Hub, sheets: Sheets, target: Target, held: Held, stage: Stage) -> _Scene:
    """Look at the original once more, if the stage needs it."""
    sender = sender_of(hub, sheets, held.flow)
    if stage is Stage.DECIDE and held.meant:
        return _Scene(held, sender, stage, None, held.meant)
    wanted = None if target.documents is None else {one.seq for one in held.meant}
    looked = look_again(hub, held.flow, sender, wanted, sheets)
    if looked.scanned.silent:
        raise still_silent(looked.scanned)
    now = found_in(held.flow, looked.opened)
    if not held.meant:
        return _Scene(held, sender, stage, looked, now)
    notes = _differences(held.meant, now, wanted) if stage is Stage.OPEN else {}
    return _Scene(held, sender, stage, looked, held.meant, notes)


def _differences(
    known: Sequence[Document], now: Sequence[Document], wanted: set[int] | None
) -> dict[str, str]:
    """Say of each document whether the original still gives the same bytes for it."""
    found = {one.seq: one for one in now}
    notes: dict[str, str] = {}
    for one in known:
        again = found.pop(one.seq, None)
        if again is None:
            notes[one.id] = "ne s'y trouve plus / is not found any more"
        elif (again.sha256, again.name) != (one.sha256, one.name):
            notes[one.id] = f"y est maintenant / is now: {again.name}, SHA-256 {again.sha256}"
    if wanted is None:
        notes |= {one.id: "jamais vu avant / never seen before" for one in found.values()}
    return notes


def _compare_all(hub: Hub, sheets: Sheets, scene: _Scene, target: Target) -> tuple[Compared, ...]:
    """Decide on each document by what was found now, and hold it against what stands."""
    stored = {one.id: hub.ledger.report(one.id) for one in scene.documents}
    whole = _refused_whole(scene)
    if whole is not None:
        no = Decision(Verdict.REJECT, (whole,))
        said = tuple(_compared(scene, one, no, None, None) for one in scene.documents)
        return said or (_flow_alone(scene, whole),)
    judged = _candidates(scene, stored)
    beside: dict[DocumentId, Beside] = {}

    def decide(tx: Transaction) -> Mapping[DocumentId, Decision]:
        known = [replace(one, beside=beside.get(one.document.id)) for one in judged]
        return _decide(hub, tx, sheets, scene, target, known)

    decided = knowing(hub, sheets, beside, lambda: atomically(hub, decide, "operator.compare"))
    reports = {one.document.id: one.report for one in judged}
    return tuple(
        _compared(scene, one, decided.get(one.id), stored[one.id], reports.get(one.id))
        for one in scene.documents
    )


def _refused_whole(scene: _Scene) -> Reason | None:
    if scene.looked is None:
        return None
    if scene.looked.scanned.found is not None:
        return infected_flow(scene.held.flow, scene.looked.scanned.found)
    return scene.looked.opened.refused


def _flow_alone(scene: _Scene, why: Reason) -> Compared:
    """Compare a flow that cannot be opened, as if it were one document."""
    flow = scene.held.flow
    stands = Document(
        id=DocumentId(flow.id),
        interchange=flow.id,
        seq=0,
        name=flow.name,
        size=flow.size,
        sha256=flow.sha256,
        step=Step.HELD if flow.step is InterchangeStep.HELD else Step.REJECTED,
    )
    return Compared(document=stands, after=Verdict.REJECT, codes=(why.code,))


def _candidates(
    scene: _Scene, stored: Mapping[DocumentId, ValidationReport | None]
) -> tuple[Candidate, ...]:
    """Return what can be decided on: by the reports of now, or by the stored ones."""
    if scene.looked is None:
        return tuple(
            Candidate(one, report) for one in scene.documents if (report := stored[one.id])
        )
    there = {file.seq for file in scene.looked.opened.files}
    return candidates([one for one in scene.documents if one.seq in there], scene.looked)


def _decide(
    hub: Hub,
    tx: Transaction,
    sheets: Sheets,
    scene: _Scene,
    target: Target,
    judged: Sequence[Candidate],
) -> Mapping[DocumentId, Decision]:
    """Decide on documents as a new flow would be decided on; nothing is written."""
    sender = scene.sender
    atomic = atomicity_of(sender.connection, sender.interface) is Atomicity.FLOW
    broken = [one.document.name for one in judged if one.broken]
    if atomic and broken and target.documents is None:
        names = ", ".join(broken[:5])
        lost = {
            one.document.id: Decision(Verdict.REJECT, (flow_refused(one.document, names),))
            for one in judged
        }
        return lost | {one.document.id: one.decide() for one in judged if one.broken}
    standing = standing_of(hub, scene.held.flow, sender.interface)
    agreed = agreed_on(
        hub, sheets, sender.connection, sender.interface, scene.held.flow.received_at
    )
    decided, _ = decide_all(tx, sheets, scene.held.flow, judged, standing, agreed)
    return {document.id: decision for document, decision in decided}


def _compared(
    scene: _Scene,
    one: Document,
    decision: Decision | None,
    before: ValidationReport | None,
    after: ValidationReport | None,
) -> Compared:
    was, now = _rules(before), _rules(after)
    note = scene.notes.get(one.id, "")
    if any(reason.code in _PERSONS for reason in one.reasons):
        note = note or _PERSON
    elif decision is None and not note:
        note = _NO_REPORT
    return Compared(
        document=one,
        after=decision.verdict if decision else None,
        codes=tuple(dict.fromkeys(why.code for why in decision.reasons)) if decision else (),
        appeared=tuple(sorted(now - was)) if after else (),
        vanished=tuple(sorted(was - now)) if after else (),
        note=note,
    )


def _rules(report: ValidationReport | None) -> set[str]:
    findings = report.findings if report else ()
    return {
        f"{one.rule} {'fatal' if one.severity is Severity.FATAL else 'warning'}"
        for one in findings
    }


def _write(
    hub: Hub,
    sheets: Sheets,
    scene: _Scene,
    target: Target,
    order: Order,
    compared: Sequence[Compared],
) -> Told:
    """Settle what is held, and keep what was found in the chain of events."""
    held = scene.held
    settling = scene.stage is not Stage.DECIDE and (held.whole or bool(held.documents))
    if settling and (why := held_as_a_whole(held.flow, target)):
        return Told(target=target, refused=dict.fromkeys(target.subjects, why))
    moved = {one.id for one in held.documents} if settling else set()
    if settling and held.whole:
        moved.add(DocumentId(held.flow.id))
    shown = {one.document.id for one in compared} - moved
    told = Told(
        target=target,
        done=dict.fromkeys(sorted(moved), _SETTLED),
        idle=dict.fromkeys(sorted(shown), _SHOWN),
    )

    def note(tx: Transaction) -> None:
        if order.bulk is not None and not settle_items(hub, tx, order.bulk, told):
            return  # another execution of the list has told it
        for fact in _facts(hub, scene, order, compared):
            tx.append(fact)

    if settling and held.unopened:
        rework(hub, sheets, held.flow, note)
    elif settling and scene.looked is not None:
        settle_again(hub, sheets, held, scene.sender, scene.looked, note)
    else:
        atomically(hub, note, "operator.replay")
        hub.spool.clear(held.flow.id)
    return told


def _facts(hub: Hub, scene: _Scene, order: Order, compared: Iterable[Compared]) -> Iterable[Fact]:
    """Say what was found of each document; of a flow that was never opened, of the flow."""
    now = hub.clock.now()
    for one in compared:
        data: dict[str, object] = {
            "document": None if scene.held.meant else one.document.id,
            "from": scene.stage.value,
            "reason": order.reason,
            "list": order.bulk,
            "before": one.before.value if one.before else None,
            "after": one.after.value if one.after else None,
            "codes": list(one.codes) or None,
            "appeared": list(one.appeared) or None,
            "vanished": list(one.vanished) or None,
        }
        subject = one.document.id if scene.held.meant else scene.held.flow.id
        known = {name: value for name, value in data.items() if value is not None}
        yield Fact(at=now, subject=subject, what="operator.replay", by=hub.by, data=known)
