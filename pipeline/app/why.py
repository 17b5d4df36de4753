"""Why something is where it is, who must act, and what they can type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.app.hub import Hub
from pipeline.app.operate.acting import find
from pipeline.app.operate.verbs import Ask, act
from pipeline.app.receipts import last_word, refused_answers
from pipeline.model.causes import CAUSE, Acts, Cause
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.duties import Work, is_done
from pipeline.model.errors import (
    ConversionLoss,
    NotCarried,
    PipelineError,
    ResultRefused,
    ResultUnjudged,
)
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.life_table import MISNAMED
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Receipt, Said
from pipeline.model.run import EVERYBODY, RunState
from pipeline.model.standing import SheetState
from pipeline.model.status import InterchangeStep, OutboxState, Step
from pipeline.ports.ledger import Ledger, Query, Sheets

_WAITING = (OutboxState.WAITING, OutboxState.PENDING, OutboxState.PAUSED, OutboxState.ABANDONED)
#: What the hub itself holds a delivery back for.
_OURS = frozenset(one.code for one in (NotCarried, ConversionLoss, ResultRefused, ResultUnjudged))
#: Sentences of a preview; of more only the number is told.
_SENTENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why something is where it is.

    Attributes:
        subject: Id, or file name in a partner's folder.
        state: Where it is.
        code: Of the catalogue of causes, or a reason of the control table; may be empty.
        cause: One sentence, French then English.
        who: Who must act: ``operator``, ``sender``, ``receiver`` or ``nobody``.
        first: What to do before the command, French then English; may be empty.
        command: What the operator can type, or empty.
        target: The id that the command acts on; empty where it takes none.
        preview: What the command would change, as a dry run tells it; empty unless asked.
    """

    subject: str
    state: str
    cause: str
    who: str
    code: str = ""
    first: str = ""
    command: str = ""
    target: str = ""
    preview: str = ""


def why(ledger: Ledger, subject: str) -> tuple[Why, ...]:
    """Tell why a file, flow or document waits, and who acts; empty if it is unknown.

    Args:
        ledger: Where it is looked up.
        subject: An interchange or document id, or a file name in a sender's folder.
    """
    document = ledger.document(subject)
    if document is not None:
        return tuple(_why_document(ledger, document))
    interchange = ledger.interchange(subject)
    if interchange is not None:
        return tuple(_why_interchange(ledger, interchange))
    found = [*_why_file(ledger, subject)]
    for one in ledger.interchanges(Query(text=subject, limit=20)):
        if one.name == subject:
            found.extend(_why_interchange(ledger, one))
    return tuple(found)


def with_previews(hub: Hub, sheets: Sheets, told: Iterable[Why]) -> tuple[Why, ...]:
    """Add to each cause that a verb ends what the verb would change: it is run dry.

    Nothing is judged for it: what a document would be found to be, `edi replay` tells.
    """
    return tuple(replace(one, preview=_preview(hub, sheets, one)) for one in told)


def _preview(hub: Hub, sheets: Sheets, one: Why) -> str:
    cause = CAUSE.get(one.code)
    if cause is None or cause.verb is None or not one.target:
        return ""
    try:
        told = act(hub, sheets, Ask(verb=cause.verb), find(hub, one.target), dry=True).told
    except PipelineError as error:
        return str(error)  # what the command would say
    said = [f"{name}: {text}" for name, text in (told.done or told.idle or told.refused).items()]
    more = f" (+{len(said) - _SENTENCES})" if len(said) > _SENTENCES else ""
    return "; ".join(said[:_SENTENCES]) + more


def _caused(
    cause: Cause, subject: str, state: str, target: str = "", detail: str = "", **names: str
) -> Why:
    """Explain one thing by the catalogue, ids filled in."""
    says = {key: text.format_map(names) for key, text in cause.says.items()}
    first = cause.first
    return Why(
        subject=subject,
        state=state,
        code=cause.code,
        cause=f"{detail}{says['fr']} / {says['en']}",
        who=cause.acts.value,
        first=f"{first['fr']} / {first['en']}" if first["fr"] else "",
        command=cause.command.format(id=target, **names),
        target=target,
    )


def _why_file(ledger: Ledger, name: str) -> Iterator[Why]:
    for connection, sheet in ledger.sheets().connections.items():
        sighting = ledger.sightings(connection).get(name)
        if sighting is None:
            continue
        since = sighting.first_seen.strftime("%Y-%m-%d %H:%M:%SZ")
        note = sighting.note or "not looked at yet"
        cause = _cause_of_file(ledger, sheet, note)
        detail = f"vu depuis / seen since {since}, {note} : "
        yield _caused(
            cause,
            f"{connection}: {name}",
            "in the sender's folder",
            detail=detail,
            partner=sheet.partner,
            connection=connection,
        )


def _cause_of_file(ledger: Ledger, sheet: Connection, note: str) -> Cause:
    code = note.partition(":")[0]
    if code in CAUSE:
        return CAUSE[code]
    if stopped := _stopped(ledger, sheet) or _paused(ledger, sheet.partner):
        return stopped
    return CAUSE["FILE_PARTIAL" if "look whole" in note else "FILE_WAITS"]


def _why_interchange(ledger: Ledger, one: Interchange) -> Iterator[Why]:
    documents = ledger.documents(Query(interchange=one.id, limit=None))
    held = [document for document in documents if document.step is Step.HELD]
    if one.step is InterchangeStep.HELD or held:
        code = one.reason or held[0].reasons[0].code
        yield _why_held(one.id, code, len(held), one.detail)
    elif one.step is InterchangeStep.RECEIVED:
        yield _caused(
            _cause_of_received(ledger, one),
            one.id,
            one.step.value,
            partner=one.partner,
            connection=one.connection,
        )
    elif one.reason:
        cause = f"{one.reason}: {one.detail}"
        yield Why(subject=one.id, state=one.step.value, code=one.reason, cause=cause, who="sender")
    for row in _newest(ledger.outbox(interchange=one.id)):
        yield _why_row(ledger, row, one.id)
    for document in documents:
        if document.step is Step.REJECTED:
            yield _why_rejected(document)
    yield from _why_validated(ledger, [one for one in documents if one.step is Step.ACCEPTED])
    yield from _why_refused(ledger, [document.id for document in documents])
    for row, receipt in refused_answers(ledger, one.id):
        yield _caused(
            CAUSE["ANSWER_REFUSED"], row.key, receipt.said.value, one.id, _said(receipt, row.name)
        )


def _why_document(ledger: Ledger, one: Document) -> Iterator[Why]:
    if one.step is Step.HELD:
        yield _why_held(one.id, one.reasons[0].code, 1, "")
    elif one.step is Step.TRIED:
        yield _caused(CAUSE["TRIED_ONLY"], one.id, one.step.value)
    elif one.step is Step.ACCEPTED:
        yield from _why_validated(ledger, [one])
    elif one.reasons:
        yield _why_rejected(one)
    for row in _newest(ledger.outbox(document=one.id)):
        yield _why_row(ledger, row, one.id)
    yield from _why_refused(ledger, [one.id])
    if one.step is Step.DELIVERED:
        cause = f"remis à {one.route} / delivered to {one.route}"
        yield Why(subject=one.id, state=one.step.value, cause=cause, who=Acts.NOBODY.value)


def _why_validated(ledger: Ledger, documents: Sequence[Document]) -> Iterator[Why]:
    """Explain accepted documents that a validator has to look at before they leave."""
    for subject, life in ledger.lives([one.id for one in documents]).items():
        if life.asked is None:
            continue
        if life.status in MISNAMED:
            cause, until = CAUSE["VALIDATOR_WRONG"], ""
        else:
            cause = CAUSE["VALIDATION_WAITS"]
            until = f", au plus tard / until {life.asked.deadline:%Y-%m-%d %H:%M} UTC"
        detail = f"{life.status.value} : {life.asked.validator}{until} ; "
        yield _caused(cause, subject, Step.ACCEPTED.value, subject, detail)


def _why_refused(ledger: Ledger, documents: Sequence[DocumentId]) -> Iterator[Why]:
    """Explain documents that their receiver says it did not take: each waits for a person."""
    for subject, receipt in last_word(ledger, documents).items():
        if receipt.said is not Said.TAKEN:
            cause = CAUSE["RECEIPT_REFUSED"]
            yield _caused(cause, subject, receipt.said.value, subject, _said(receipt, ""))


def _said(receipt: Receipt, name: str) -> str:
    """Return what a partner said, with its reason."""
    told = (name, receipt.status, f"« {receipt.text} »" if receipt.text else "")
    return f"{' '.join(part for part in told if part)} ; "


def _why_rejected(one: Document) -> Why:
    first = one.reasons[0]
    cause = f"{first.code}: {first.message['fr']} / {first.message['en']}"
    return Why(
        subject=one.id, state=one.step.value, code=first.code, cause=cause, who=Acts.SENDER.value
    )


def _why_held(subject: str, code: str, count: int, detail: str) -> Why:
    said = f"{code}: {count} document(s) ; " + (f"{detail} ; " if detail else "")
    return _caused(CAUSE[code], subject, "held", subject, said)


def _newest(rows: Iterable[OutboxRow]) -> Iterator[OutboxRow]:
    """Yield rows that wait, but for those that a later delivery has replaced."""
    every = [row for row in rows if row.kind is not OutboxKind.COPY]
    last: dict[str, int] = {}
    for row in every:
        for one in row.documents if row.kind is OutboxKind.DELIVERY else ():
            last[one] = max(last.get(one, 0), row.generation)
    for row in every:
        delivery = row.kind is OutboxKind.DELIVERY
        replaced = (
            delivery and row.documents and all(last[one] > row.generation for one in row.documents)
        )
        if row.state in _WAITING and not replaced:
            yield row


def _why_row(ledger: Ledger, row: OutboxRow, target: str) -> Why:
    cause, sheet = _cause_of_row(ledger, row), ledger.sheets().connections.get(row.connection)
    error = f" ; {row.error}" if row.error else ""
    if row.state is OutboxState.WAITING:
        error = f" ; au plus tard / at the latest {row.due:%Y-%m-%d %H:%M} UTC"
    return _caused(
        cause,
        row.key,
        row.state.value,
        target if cause.verb else "",
        f"{row.name} : {row.attempts} essai(s) / attempt(s){error} ; ",
        partner=sheet.partner if sheet else row.connection,
        connection=row.connection,
    )


def _cause_of_row(ledger: Ledger, row: OutboxRow) -> Cause:
    """Find what keeps a file from leaving: a person, a pause, the last attempt, the door."""
    sheet = ledger.sheets().connections.get(row.connection)
    if row.state is OutboxState.PAUSED:
        code = row.error.partition(":")[0]
        return CAUSE[code if code in _OURS else "OPERATOR_HOLD"]
    if row.state is OutboxState.ABANDONED:
        return CAUSE["DELIVERY_ABANDONED"]
    if sheet is None:
        return CAUSE["SHEET_CLOSED"]
    waits = CAUSE["GROUP_WAITS"] if row.state is OutboxState.WAITING else None
    if stopped := _stopped(ledger, sheet, row) or waits or _paused(ledger, sheet.partner):
        return stopped
    code = row.error.partition(":")[0] or _failing(ledger, row.connection)
    # what is ours to mend would be paused, had no attempt of it begun
    return CAUSE["CUT_SHORT"] if code in _OURS else CAUSE.get(code, CAUSE["NOT_TRIED"])


def _cause_of_received(ledger: Ledger, one: Interchange) -> Cause:
    known = one.connection in ledger.sheets().connections
    return CAUSE["NOT_JUDGED" if known else "SHEET_CLOSED"]


def _stopped(ledger: Ledger, sheet: Connection, row: OutboxRow | None = None) -> Cause | None:
    """Return what of a sheet's standing keeps things waiting, at its partner's or here."""
    known = ledger.standing().get(sheet.name)
    state = known.state if known else SheetState.PRODUCTION
    if state is SheetState.SUSPENDED:
        return CAUSE["SHEET_SUSPENDED"]
    if state is SheetState.CLOSED:
        answer = row is not None and row.kind is not OutboxKind.DELIVERY
        return CAUSE["ANSWER_STAYS" if answer else "SHEET_OVER"]
    return None if is_done(state, Work.PULL) else CAUSE["SHEET_NOT_LIVE"]


def _paused(ledger: Ledger, partner: str) -> Cause | None:
    paused = {one.partner for one in ledger.pauses()}
    if partner in paused:
        return CAUSE["PARTNER_PAUSED"]
    return CAUSE["EVERYBODY_PAUSED"] if EVERYBODY in paused else None


def _failing(ledger: Ledger, connection: str) -> str:
    """Return the code with which the newest pass of a connection failed; empty if it did not."""
    for job in (f"deliver:{connection}", f"pull:{connection}"):
        for one in ledger.runs(job=job, limit=1):
            if one.state is RunState.FAILED:
                return one.reason.partition(":")[0]
    return ""
