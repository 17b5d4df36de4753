"""Judge received interchanges and settle each group of them in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from structlog import get_logger

from pipeline.app.agreed import agreed_on
from pipeline.app.answer import Findings, answer
from pipeline.app.arrived import Arrived, Read
from pipeline.app.atomic import atomically
from pipeline.app.comeback import knowing
from pipeline.app.hub import Hub, sheet_of, sheets_at
from pipeline.app.lease import Lease
from pipeline.app.levels import trouble
from pipeline.app.lost import tell_fenced, tell_taken_over
from pipeline.app.open_flow import Extracted, Opened, note_signature, open_flow
from pipeline.app.readers import read_flow
from pipeline.app.scan import (
    SCAN_STEP,
    Scanned,
    infected_flow,
    note_scan,
    scan_flows,
    scan_signed,
    still_silent,
    tell,
    unscanned,
    with_attachments,
)
from pipeline.app.settle import Candidate, Settled, settle_flow
from pipeline.ingest.admission import Admission, Earlier, admit, interface_of, may_be_text
from pipeline.ingest.unwrap import Kind, kind_of
from pipeline.model.acknowledgement import flow_outcome
from pipeline.model.comeback import Beside
from pipeline.model.connection import Connection
from pipeline.model.controls import CONTROL, reason
from pipeline.model.decision import Reason, Verdict
from pipeline.model.document import Document
from pipeline.model.duties import Work, is_done
from pipeline.model.errors import (
    ArchiveError,
    EngineClosed,
    Fenced,
    LedgerConflict,
    MasterKeyMissing,
    StillUnread,
)
from pipeline.model.finding import Layer
from pipeline.model.identity import DocumentId, InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Carries, Interface
from pipeline.model.report import Judged, Syntax
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.engine import Job
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Claim, Sheets, Transaction
from pipeline.syntax.recognise import guess_family

log = get_logger(__name__)

#: Interchanges judged together and settled by one commit: so many, or so many bytes as
#: received, which is about one flow of 200 invoices or sixteen files of one.
GROUP = 16
GROUP_BYTES = 100_000
_HEAD = 4096
#: Wait where a whole group waits for flows that others decide on, in seconds.
_PATIENCE_S = 0.5


@dataclass(slots=True)
class Case:
    """One interchange on its way through one round of work."""

    interchange: Interchange
    claim: Claim | None
    connection: Connection
    kind: Kind
    admission: Admission
    scanned: Scanned = field(default_factory=Scanned)
    opened: Opened | None = None
    read: Read | None = None
    judged: dict[int, Judged] = field(default_factory=dict)
    #: What its documents change of invoices under their numbers, as far as it was asked.
    beside: dict[DocumentId, Beside] = field(default_factory=dict)
    behind: bool = False  #: it repeats one that is not decided on: it is not judged yet


class Desk:
    """Judges received interchanges, a group at a time, while the group before is written down.

    A group keeps the workers busy for a few seconds at most: what arrives meanwhile waits
    no longer than that, whatever else is waiting.
    """

    def __init__(self, hub: Hub, sheets: Sheets) -> None:
        self._hub = hub
        self._sheets = sheets
        #: Why flows were put off, by connection: the first reason.
        self.put_off: dict[str, str] = {}
        self._settler = ThreadPoolExecutor(max_workers=1)
        self._settling: Future[None] | None = None

    def __enter__(self) -> Self:
        """Return the desk."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until the last group is written down."""
        self._settler.shutdown(wait=True)

    def step(self) -> int:
        """Claim and judge one group; return how many interchanges it has.

        Returns:
            0 when nothing waits; then everything before is written down.
        """
        hub, now = self._hub, self._hub.clock.now()
        until = now + hub.settings.lease
        claimed = hub.ledger.claim_interchanges(hub.by, now, until, GROUP, GROUP_BYTES)
        failpoint("work.claimed")
        mine = [one for one in claimed if self._is_ours(one[0])]
        self._put_off_foreign([one for one in claimed if one not in mine], until)
        if not mine:
            self._wait()
            return 0
        tell_taken_over([claim for _, claim in mine])
        lease = hub.hold([claim for _, claim in mine], until, hub.ledger.renew_interchanges)
        try:
            cases = _judge_safely(hub, self._sheets, mine, lease, self.put_off)
            self._wait()
            if self.put_off:
                # what waits for a flow that was put off is put off with it
                behind = [case.claim for case in cases if case.behind and case.claim]
                hub.ledger.release_interchanges(behind, hub.clock.now() + hub.settings.lease)
                cases = [case for case in cases if not case.behind]
            self._settling = self._settler.submit(self._settle, cases, lease)
        except BaseException:
            # else what is judged for nobody, the run having failed meanwhile, is held for ever
            lease.end()
            raise
        if cases and all(case.behind for case in cases):
            hub.clock.sleep(_PATIENCE_S)  # what they wait for is in another worker's hands
        return len(mine)

    def _is_ours(self, flow: Interchange) -> bool:
        known = flow.connection in self._sheets.connections
        return known and is_done(self._sheets.state(flow.connection), Work.JUDGE)

    def _put_off_foreign(
        self, claimed: Sequence[tuple[Interchange, Claim]], until: datetime
    ) -> None:
        """Leave flows for later that nothing is agreed about, nor anybody to answer to."""
        for interchange, _ in claimed:
            log.error("work.no_sheet", interchange=interchange.id)
        if claimed:
            self._hub.ledger.release_interchanges([claim for _, claim in claimed], until)

    def _settle(self, cases: Sequence[Case], lease: Lease) -> None:
        with lease:
            _settle_safely(self._hub, self._sheets, cases)

    def _wait(self) -> None:
        if self._settling is not None:
            self._settling.result()
            self._settling = None


def _judge_safely(
    hub: Hub,
    sheets: Sheets,
    group: Sequence[tuple[Interchange, Claim]],
    lease: Lease,
    put_off: dict[str, str],
) -> list[Case]:
    """Judge a group; one that fails is taken apart until the culprit is held.

    No bug of ours may stop the other flows, nor be taken for a partner's fault. Where only
    scratch space or a new master key is wanting nobody has to decide anything: the flow is let
    go, and tried again when a claim would have run out; `put_off` is told why.
    """
    try:
        cases = _gather(hub, sheets, group)
        failpoint("work.gathered")
        _scan(hub, cases)
        failpoint("work.scanned")
        _judge(hub, sheets, cases, lease.check)
    except (LedgerConflict, EngineClosed):
        raise
    except Fenced:
        tell_fenced(hub, [one.id for one, _ in group])
        return []
    except Exception as error:
        if len(group) > 1:
            return [
                case for one in group for case in _judge_safely(hub, sheets, [one], lease, put_off)
            ]
        ((interchange, claim),) = group
        if isinstance(error, ArchiveError) and _will_pass(hub, interchange, error):
            trouble(log, "work.put_off", error, {"interchange": interchange.id})
            put_off.setdefault(interchange.connection, f"{error.code}: {error}")
            hub.ledger.release_interchanges([claim], hub.clock.now() + hub.settings.lease)
            return []
        log.exception("work.failed", interchanges=[interchange.id])
        _hold(hub, sheets, interchange, claim, error)
        return []
    return cases


def _settle_safely(hub: Hub, sheets: Sheets, cases: Sequence[Case]) -> None:
    """Settle a group; one that fails is taken apart in the same way."""
    try:
        _settle_group(hub, sheets, cases)
    except (LedgerConflict, EngineClosed):
        raise
    except Fenced:
        if len(cases) == 1:
            tell_fenced(hub, [cases[0].interchange.id])
            return
        _settle_one_by_one(hub, sheets, cases)
    except Exception as error:
        if len(cases) == 1:
            log.exception("work.failed", interchanges=[cases[0].interchange.id])
            _hold(hub, sheets, cases[0].interchange, cases[0].claim, error)
            return
        _settle_one_by_one(hub, sheets, cases)


def _settle_one_by_one(hub: Hub, sheets: Sheets, cases: Sequence[Case]) -> None:
    for case in cases:
        _settle_safely(hub, sheets, [case])


def _hold(
    hub: Hub, sheets: Sheets, interchange: Interchange, claim: Claim | None, error: Exception
) -> None:
    """Hold a flow that could not be worked on, and tell its sender that it is safe."""
    connection = sheet_of(sheets, interchange.connection)
    why = _cause(hub, interchange, error)
    interface = interface_of(interchange, connection, hub.interfaces)

    def hold(tx: Transaction) -> None:
        held = replace(interchange, reason=why.code, detail=why.message["fr"])
        now = hub.clock.now()
        tx.move_interchange(held, InterchangeStep.HELD, by=hub.by, at=now, claim=claim)
        held = replace(held, step=InterchangeStep.HELD)
        answer(hub, tx, connection, interface, Settled(held, (), (why,)), {}, was_held=True)

    try:
        atomically(hub, hold, "work.hold")
    except Fenced:
        tell_fenced(hub, [interchange.id])


def _will_pass(hub: Hub, interchange: Interchange, error: ArchiveError) -> bool:
    """Tell whether the original is whole, so that a flow can be worked on later as it is."""
    if isinstance(error, MasterKeyMissing):
        return True  # whole for a process that was started after the key was changed
    return hub.archive.check(interchange.sha256)


def _cause(hub: Hub, interchange: Interchange, error: Exception) -> Reason:
    """Tell a lost original, which a backup brings back, from a defect of ours."""
    if isinstance(error, ArchiveError) and not hub.archive.check(interchange.sha256):
        return reason(
            "ARCHIVE_LOST",
            interchange.name,
            "l'original n'est plus lisible dans les archives du hub",
            "the original cannot be read in the hub's archive any more",
        )
    return reason(
        "ENGINE_CRASH",
        interchange.name,
        f"le flux n'a pas pu être traité ({type(error).__name__})",
        f"the flow could not be worked on ({type(error).__name__})",
    )


def jobs_for(
    hub: Hub,
    opened: Opened,
    connection: Connection,
    interface: Interface | None,
    received_at: datetime,
    sheets: Sheets | None = None,
) -> Iterator[tuple[int, Job]]:
    """Yield the place and the job of every file of a flow that is to be judged.

    Args:
        hub: The hub.
        opened: The flow.
        connection: Its sender's sheet.
        interface: Of the flow, or None.
        received_at: When it came.
        sheets: The configuration in force, for XSDs of receivers; None to ask none.
    """
    profile = hub.profile_for(connection, interface, received_at)
    receivers = (
        agreed_on(hub, sheets, connection, interface, received_at).receivers(sheets)
        if sheets
        else ()
    )
    allowed = interface.syntaxes if interface else ()
    for file in opened.files:
        if file.scrap is not None:
            yield (
                file.seq,
                Job(
                    path=file.scrap.path,
                    profile=profile,
                    limits=connection.limits,
                    layers=frozenset(Layer),
                    syntaxes=tuple(Syntax(name) for name in allowed),
                    affinity=guess_family(file.scrap.head),
                    scanner=connection.scanner,
                    receivers=receivers,
                ),
            )


def admission_of(
    hub: Hub,
    tx: Transaction,
    interchange: Interchange,
    connection: Connection,
    kind: Kind,
    *,
    unique: bool = False,
) -> Admission:
    """Gather what resembles an interchange, and hold it against what was agreed.

    Args:
        hub: The hub.
        tx: Where it is looked up.
        interchange: The file.
        connection: Its sender's sheet.
        kind: What its first bytes say it is.
        unique: True where it is known that nothing resembles it.
    """
    if unique:
        return admit(interchange, connection, kind, hub.interfaces, ())
    others = {
        one.id: one
        for one in (
            *tx.same_name(connection.name, interchange.name, interchange.id),
            *tx.same_bytes(interchange.sha256, interchange.id),
        )
        if comes_before(one, interchange)
    }
    earlier = [
        Earlier(
            interchange=one,
            outcome=flow_outcome(one.step, (d.step for d in tx.documents_of(one.id))),
        )
        for one in sorted(others.values(), key=_by_age)
    ]
    return admit(interchange, connection, kind, hub.interfaces, earlier)


def comes_before(one: Interchange, other: Interchange) -> bool:
    """Tell whether `one`, of the same partner, counts as the earlier of two alike.

    What was decided on is earlier than what was not, whatever the clock said when each was
    received: it may have been set meanwhile. And nothing is a copy of its own copy.
    """
    apart = one.partner != other.partner or one.environment is not other.environment
    if apart or one.first == other.id:
        return False
    return other.first == one.id or _by_age(one) < _by_age(other)


#: What may have been delivered comes before what a person may still decide on, and that
#: before what waits to be judged.
_RANK = {
    InterchangeStep.OPENED: 0,
    InterchangeStep.CLOSED: 0,
    InterchangeStep.HELD: 1,
    InterchangeStep.REFUSED: 1,
    InterchangeStep.DUPLICATE: 1,
    InterchangeStep.RECEIVED: 2,
}


def _by_age(one: Interchange) -> tuple[int, datetime, str]:
    return _RANK[one.step], one.received_at, one.name


def _is_behind(
    sheets: Sheets,
    tx: Transaction,
    interchange: Interchange,
    group: Collection[InterchangeId] = (),
) -> bool:
    """Tell whether an earlier flow of the same bytes is not decided on yet, but will be.

    Whether a received one is a duplicate hangs on that: it waits. Flows of `group` are
    decided on together, in order.
    """
    return interchange.step is InterchangeStep.RECEIVED and any(
        one.step is InterchangeStep.RECEIVED
        and one.id not in group
        and one.connection in sheets.connections
        and comes_before(one, interchange)
        for one in tx.same_bytes(interchange.sha256, interchange.id)
    )


def rework(
    hub: Hub, sheets: Sheets, interchange: Interchange, note: Callable[[Transaction], None]
) -> None:
    """Work on a flow that is held as a whole before it was ever opened.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        interchange: The flow.
        note: Written first, by the transaction that decides.

    Raises:
        ScannerSilent: The required scanner is still silent; nothing has changed.
        ArchiveError: Its bytes are gone.
    """
    cases = _gather(hub, sheets, [(interchange, None)])
    _scan(hub, cases)
    _judge(hub, sheets, cases, lambda: None)
    _settle_group(hub, sheets, cases, note)


def _gather(
    hub: Hub, sheets: Sheets, group: Sequence[tuple[Interchange, Claim | None]]
) -> list[Case]:
    """Look at the first bytes of each file, and at what the ledger knows of its like."""
    kinds = [kind_of(head_of(hub, interchange)) for interchange, _ in group]
    agreed = sheets_at(hub, sheets, [interchange for interchange, _ in group])
    ids = {interchange.id for interchange, _ in group}

    def gather(tx: Transaction) -> list[Case]:
        repeated = tx.repeated(ids)
        cases: list[Case] = []
        for (interchange, claim), kind, connection in zip(group, kinds, agreed, strict=True):
            known = interchange.id not in repeated
            admission = admission_of(hub, tx, interchange, connection, kind, unique=known)
            behind = not known and _is_behind(sheets, tx, interchange, ids)
            cases.append(Case(interchange, claim, connection, kind, admission, behind=behind))
        return cases

    return atomically(hub, gather, "work.gather")


def head_of(hub: Hub, interchange: Interchange) -> bytes:
    """Return the first bytes of a flow; none where it was too large to be kept."""
    if not interchange.sha256:
        return b""  # too large to be kept; its size alone refuses it
    with hub.archive.open(interchange.sha256) as stream:
        return stream.read(_HEAD)


def _scan(hub: Hub, cases: Sequence[Case]) -> None:
    """Have every case looked at that no earlier step refuses."""
    wanted = [case for case in cases if _reaches_scan(case.admission) and not case.behind]
    said = scan_flows(hub, [(case.interchange, case.connection) for case in wanted])
    for case, scanned in zip(wanted, said, strict=True):
        case.scanned = scanned


def _reaches_scan(admission: Admission) -> bool:
    """Tell whether steps 1 to 3 let a flow pass; what steps 5 and 6 say comes later."""
    return all(CONTROL[why.code].step > SCAN_STEP for why in admission.decision.reasons)


def _judge(
    hub: Hub, sheets: Sheets, cases: Sequence[Case], still_ours: Callable[[], None]
) -> None:
    """Open and judge every admitted, clean case; results arrive in the order of the jobs.

    What carries no invoices is read by the reader of its kind.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        cases: What to judge.
        still_ours: Asked before each document; raises `Fenced` where it is in vain.
    """
    places: list[tuple[Case, Extracted]] = []

    def jobs() -> Iterator[Job]:
        for case in cases:
            admitted = case.admission.decision.verdict is Verdict.ACCEPT
            if not admitted or case.behind or not case.scanned.clean:
                continue
            text = may_be_text(case.connection, case.admission.about)
            opened = open_flow(hub, case.interchange, case.connection, text=text)
            case.opened = opened
            failpoint("work.opened")
            flow, connection = case.interchange, case.connection
            case.scanned = scan_signed(hub, flow, connection, opened, case.scanned)
            if not case.scanned.clean:
                continue
            if case.admission.about is not Carries.INVOICES:
                case.read = read_flow(hub, sheets, _arrived(case, opened))
                continue
            known = case.connection, case.admission.interface, flow.received_at
            for seq, job in jobs_for(hub, opened, *known, sheets):
                still_ours()
                places.append((case, opened.files[seq - 1]))
                yield job

    for index, judged in enumerate(hub.engine.judge(jobs())):
        case, file = places[index]
        case.judged[file.seq] = judged
        failpoint("work.judged")
        case.scanned = with_attachments(case.scanned, file.name, judged)
    for case in cases:
        tell(case.interchange, case.scanned)


def _settle_group(
    hub: Hub,
    sheets: Sheets,
    cases: Sequence[Case],
    note: Callable[[Transaction], None] = lambda _: None,
) -> None:
    """Settle cases by one commit, after what is to be noted with it."""
    in_order = sorted(cases, key=lambda one: (one.interchange.received_at, one.interchange.name))

    def settle(tx: Transaction) -> list[Settled]:
        note(tx)
        repeated = tx.repeated([case.interchange.id for case in cases])
        return [
            Settled(case.interchange, ())
            if case.interchange.id in repeated and _is_behind(sheets, tx, case.interchange)
            else _settle(hub, sheets, tx, case, repeated)
            for case in in_order
        ]

    beside: dict[DocumentId, Beside] = {}
    for case in cases:
        case.beside = beside
    every = knowing(hub, sheets, beside, lambda: atomically(hub, settle, "work.settle"))
    left: list[Claim] = []
    for case, settled in zip(in_order, every, strict=True):
        if settled.interchange.step is InterchangeStep.RECEIVED:
            left += [case.claim] if case.claim else []
        else:
            _tell(case, settled)
    if left:
        hub.ledger.release_interchanges(left)


def _tell(case: Case, settled: Settled) -> None:
    """Log what was decided; what is held waits for a person."""
    flow = settled.interchange
    steps = Counter(one.step.value for one in settled.documents)
    held = flow.step is InterchangeStep.HELD or steps[Step.HELD.value]
    say = log.error if held else log.info
    say(
        "interchange.settled",
        interchange=flow.id,
        file=case.interchange.name,
        step=flow.step.value,
        reason=flow.reason,
        documents=flow.documents,
        steps=dict(steps),
    )


def _settle(
    hub: Hub, sheets: Sheets, tx: Transaction, case: Case, repeated: Collection[InterchangeId]
) -> Settled:
    unique = case.interchange.id not in repeated
    admission = admission_of(hub, tx, case.interchange, case.connection, case.kind, unique=unique)
    note_scan(hub, tx, case.interchange, case.scanned)
    why = _refusal(case, admission)
    if why is not None:
        return _refuse(hub, tx, case, admission, why)
    if admission.decision.verdict is Verdict.DUPLICATE:
        return _duplicate(hub, tx, case, admission)
    return _settle_admitted(hub, sheets, tx, case, admission)


def _settle_admitted(
    hub: Hub, sheets: Sheets, tx: Transaction, case: Case, admission: Admission
) -> Settled:
    if case.scanned.silent:
        # only here: what is refused for another reason is not opened, so it needs no scanner
        return _hold_unscanned(hub, tx, case, admission)
    if case.opened is None:
        # the flow it repeated was refused meanwhile: it is judged in the next round
        return Settled(case.interchange, ())
    if case.read is not None:
        return _take(hub, tx, case, admission, case.read)
    if case.opened.refused is not None:
        return _refuse(hub, tx, case, admission, case.opened.refused)
    return _open(hub, sheets, tx, case, admission, case.opened)


def _arrived(case: Case, opened: Opened) -> Arrived:
    return Arrived(
        interchange=case.interchange,
        connection=case.connection,
        interface=case.admission.interface,
        about=case.admission.about,
        opened=opened,
    )


def _refusal(case: Case, admission: Admission) -> Reason | None:
    """Return why a flow is refused unopened: what was found in it comes before steps 5 and 6."""
    if case.scanned.found is not None:
        return infected_flow(case.interchange, case.scanned.found)
    verdict = admission.decision.verdict
    held = case.interchange.step is InterchangeStep.HELD
    if verdict is Verdict.REJECT or (held and verdict is Verdict.DUPLICATE):
        return admission.decision.reasons[0]
    return None


def _refuse(hub: Hub, tx: Transaction, case: Case, admission: Admission, why: Reason) -> Settled:
    return _refuse_for(hub, tx, case, admission, (why,))


def _refuse_for(
    hub: Hub, tx: Transaction, case: Case, admission: Admission, reasons: tuple[Reason, ...]
) -> Settled:
    why = reasons[0]
    first = admission.first.id if admission.first else None
    refused = replace(case.interchange, reason=why.code, detail=why.message["fr"], first=first)
    return _close_with(hub, tx, case, admission, refused, InterchangeStep.REFUSED, reasons)


def _take(hub: Hub, tx: Transaction, case: Case, admission: Admission, read: Read) -> Settled:
    """Take what a flow without invoices tells: all of it, or nothing."""
    if read.held:
        return _hold_unread(hub, tx, case, admission, read.held)
    reasons = read.refused or read.take(tx)
    if reasons:
        return _refuse_for(hub, tx, case, admission, reasons)
    opened, by = replace(case.interchange, reason=None, detail=""), hub.by
    after = InterchangeStep.OPENED
    tx.move_interchange(opened, after, by=by, at=hub.clock.now(), claim=case.claim)
    opened = replace(opened, step=after)
    tx.move_interchange(opened, InterchangeStep.CLOSED, by=by, at=hub.clock.now())
    settled = Settled(replace(opened, step=InterchangeStep.CLOSED), ())
    _answer(hub, tx, case, admission, settled, {})
    return settled


def _hold_unread(
    hub: Hub, tx: Transaction, case: Case, admission: Admission, reasons: tuple[Reason, ...]
) -> Settled:
    """Hold a flow that could not be held against its rules, for a cause on our side."""
    why = reasons[0]
    if case.interchange.step is InterchangeStep.HELD:
        raise StillUnread(f"{why.code}: {' / '.join(why.message.values())}")
    held = replace(case.interchange, reason=why.code, detail=why.message["fr"])
    return _close_with(hub, tx, case, admission, held, InterchangeStep.HELD, reasons)


def _hold_unscanned(hub: Hub, tx: Transaction, case: Case, admission: Admission) -> Settled:
    """Hold a flow whose scanner is silent, with the scanner's words for the operator."""
    if case.interchange.step is InterchangeStep.HELD:
        raise still_silent(case.scanned)
    why = unscanned(case.interchange.name)
    held = replace(
        case.interchange, reason=why.code, detail=f"{why.message['fr']} ({case.scanned.silent})"
    )
    return _close_with(hub, tx, case, admission, held, InterchangeStep.HELD, (why,))


def _duplicate(hub: Hub, tx: Transaction, case: Case, admission: Admission) -> Settled:
    """Answer a repeated flow; its documents are counted, as duplicates of the first's."""
    why = admission.decision.reasons[0]
    first = admission.first
    if first is None:
        raise ValueError(f"{case.interchange.id} repeats nothing")
    copies = [
        replace(
            one,
            id=document_id(case.interchange.id, one.seq),
            interchange=case.interchange.id,
            step=Step.RECEIVED,
            reasons=(why,),
            route=None,
            first=one.id,
        )
        for one in tx.documents_of(first.id)
    ]
    now = hub.clock.now()
    tx.add_documents([(copy, None) for copy in copies], hub.by, now)
    tx.move_documents(copies, Step.DUPLICATE, by=hub.by, at=now)
    documents = tuple(replace(copy, step=Step.DUPLICATE) for copy in copies)
    repeated = replace(
        case.interchange,
        reason=why.code,
        detail=why.message["fr"],
        first=first.id,
        documents=len(copies),
    )
    after = InterchangeStep.DUPLICATE
    return _close_with(hub, tx, case, admission, repeated, after, (why,), documents)


def _close_with(
    hub: Hub,
    tx: Transaction,
    case: Case,
    admission: Admission,
    interchange: Interchange,
    after: InterchangeStep,
    reasons: tuple[Reason, ...],
    documents: tuple[Document, ...] = (),
) -> Settled:
    tx.move_interchange(interchange, after, by=hub.by, at=hub.clock.now(), claim=case.claim)
    settled = Settled(replace(interchange, step=after), documents, reasons)
    _answer(hub, tx, case, admission, settled, {})
    return settled


def _open(
    hub: Hub, sheets: Sheets, tx: Transaction, case: Case, admission: Admission, opened: Opened
) -> Settled:
    candidates = [
        _candidate(case, file.seq, file.name, file.fault, opened) for file in opened.files
    ]
    now = hub.clock.now()
    tx.add_documents([(one.document, one.report) for one in candidates], hub.by, now)
    interchange = replace(case.interchange, documents=len(candidates))
    settled = settle_flow(
        hub,
        sheets,
        tx,
        case.connection,
        admission.interface,
        interchange,
        candidates,
        opened.manifest,
        case.claim,
    )
    _answer(hub, tx, case, admission, settled, findings_of(candidates))
    return settled


def _answer(
    hub: Hub,
    tx: Transaction,
    case: Case,
    admission: Admission,
    settled: Settled,
    findings: Findings,
) -> None:
    answer(
        hub,
        tx,
        case.connection,
        admission.interface,
        settled,
        findings,
        was_held=case.interchange.step is InterchangeStep.HELD,
    )


def findings_of(candidates: Sequence[Candidate]) -> Findings:
    """Return the findings of judged candidates, by document."""
    return {
        one.document.id: tuple(one.report.findings) for one in candidates if one.report is not None
    }


def _candidate(case: Case, seq: int, name: str, fault: Reason | None, opened: Opened) -> Candidate:
    scrap = opened.files[seq - 1].scrap
    judged = case.judged.get(seq)
    document = Document(
        id=document_id(case.interchange.id, seq),
        interchange=case.interchange.id,
        seq=seq,
        name=name,
        size=scrap.size if scrap else 0,
        sha256=scrap.sha256 if scrap else "",
    )
    if judged is None:
        return Candidate(document, fault=fault)
    judged_as = replace(document, syntax=judged.report.syntax, header=judged.header)
    report = note_signature(judged.report, signed=opened.files[seq - 1].signed)
    return Candidate(judged_as, report, fault, case.beside.get(document.id))
