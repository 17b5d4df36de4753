"""What follows a validator's word, or its silence: the next one is asked, or the invoice leaves.

Everything here belongs to the transaction that writes the word: an invoice that was validated
is on its way, and one that was refused for good has stopped, or nothing was said at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from structlog import get_logger

from pipeline.app.asking import ask, ask_next
from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub, newest_sheet
from pipeline.app.lives import Register, act, bearers_of, sheets_of, tell
from pipeline.app.reminders import remind_validators
from pipeline.app.settle import close_if_done, send_off
from pipeline.model.connection import Environment
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.directory import day_of
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.life import Actor, Circuit, Entry, Event, Given, Life, Status
from pipeline.model.life_step import Refused, Why, asking, is_stopped, onward
from pipeline.model.life_table import MISNAMED
from pipeline.model.status import Step
from pipeline.model.validation import TACIT, Due, is_tacit
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

#: Invoices that one change lets go on by themselves; of more, the next look takes the others.
_AT_ONCE = 500
_TACIT_CIRCUITS = frozenset(Circuit) - {Circuit.COCONTRACT}
_CODE = "VALIDATOR_REFUSED"


def go_on(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    register: Register,
    bearers: Mapping[DocumentId, Document],
) -> None:
    """Add to lines of validators, or about them, what the hub does by itself then.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        tx: The transaction that writes the lines.
        register: The lines so far; the hub's own are added.
        bearers: By invoice, the document that bears it.
    """
    leaving: list[Document] = []
    stopped: list[tuple[Document, Entry]] = []
    last = {one.document: one for one in register.entries if one.asked is not None}
    for subject, entry in last.items():
        document = bearers[subject]
        _act_on(hub, register, subject, entry)
        life = register.standing(subject)
        if life is None or document.step is not Step.ACCEPTED:
            continue
        if life.status is Status.EN_COURS_ACHEMINEMENT:
            leaving.append(document)
        elif is_stopped(life.status, life.circuit):
            stopped.append((document, entry))
    _let_go(hub, sheets, tx, leaving)
    _stop(hub, tx, stopped)


def _act_on(hub: Hub, register: Register, subject: DocumentId, entry: Entry) -> None:
    """Ask another validator, or let it go; nothing where it waits or has stopped."""
    life = register.standing(subject)
    if life is None or life.asked is None:
        return
    if entry.event is Event.NAME_VALIDATOR and life.status in MISNAMED:
        ask(hub, register, subject, asking(life.status, life.circuit), life.asked)
        return
    event = onward(life.status, life.circuit)
    if event is Event.ASK_SECOND_VALIDATION:
        ask_next(hub, register, subject, life.asked)
    elif event is Event.ROUTE:
        act(hub, register, subject, event)


def _let_go(hub: Hub, sheets: Sheets, tx: Transaction, leaving: Sequence[Document]) -> None:
    """Plan how validated documents leave, as if they had just been accepted."""
    known = dict(sheets.connections)
    for name in {one.route or "" for one in leaving} - known.keys():
        known[name] = newest_sheet(hub, name)  # closed meanwhile: what is planned waits for it
    for _, documents in _by_flow(leaving):
        send_off(hub, known, tx, documents)
        failpoint("validation.routed")


def _stop(hub: Hub, tx: Transaction, stopped: Sequence[tuple[Document, Entry]]) -> None:
    """Reject what a validator refused for good; its number stays taken.

    What it was refused for is told by its status. It was an invoice: a corrected one takes
    another number, as after a reject by its recipient.
    """
    words = {one.id: entry for one, entry in stopped}
    for flow, documents in _by_flow([one for one, _ in stopped]):
        rejected = [replace(one, reasons=(_reason(one, words[one.id]),)) for one in documents]
        tx.move_documents(rejected, Step.REJECTED, by=hub.by, at=hub.clock.now())
        found = tx.interchange(flow)
        if found is not None:
            close_if_done(hub, tx, found)


def _reason(document: Document, entry: Entry) -> Reason:
    codes = " ".join(entry.reasons)
    said = " : ".join(part for part in (codes, entry.comment) if part)
    return reason(
        _CODE,
        document.name,
        f"refusée par son valideur : {said}",
        f"refused by its validator: {said}",
    )


def _by_flow(
    documents: Sequence[Document],
) -> Iterator[tuple[InterchangeId, list[Document]]]:
    found: dict[InterchangeId, list[Document]] = defaultdict(list)
    for one in documents:
        found[one.interchange].append(one)
    yield from sorted(found.items())


# -- who
def is_known(hub: Hub, sheets: Sheets, structure: str, environment: Environment) -> bool:
    """Tell whether a validator may be asked: where the directory holds everybody, it is there."""
    if not hub.settings.check_suppliers or sheets_of(sheets, structure, environment):
        return True
    found = sheets.directory.structures.get(structure)
    return found is not None and found.is_active(day_of(hub.clock.now()))


def unknown(structure: str) -> Refused:
    """Return why a validator that nobody knows is not asked."""
    return Refused(
        Why.VALIDATOR_MISSING,
        f"valideur {structure} : inconnu ou inactif dans l'annuaire",
        f"validator {structure}: unknown or inactive in the directory",
    )


# -- the clock
def look_after_validations(hub: Hub, sheets: Sheets) -> int:
    """Remind validators, and let go on what waited long enough; return how many did.

    Everything here may be done again at any time: what went on does not wait any more. The end
    is on record since the validator was asked, so a clock that is set back undoes nothing.
    """
    gone = 0
    remind_validators(hub, sheets)
    while lapsed := _lapse_some(hub, sheets):
        gone += lapsed
    if gone:
        log.info("validation.lapsed", invoices=gone)
    return gone


def _lapse_some(hub: Hub, sheets: Sheets) -> int:
    now = hub.clock.now()
    due = Due(statuses=TACIT, circuits=_TACIT_CIRCUITS, until=now, limit=_AT_ONCE)
    subjects = [one.id for one in hub.ledger.lives_due(due)]
    if not subjects:
        return 0
    return atomically(hub, lambda tx: _lapse(hub, sheets, tx, subjects, now), "validation.lapse")


def _lapse(
    hub: Hub, sheets: Sheets, tx: Transaction, subjects: Sequence[DocumentId], now: datetime
) -> int:
    """Write that validators said nothing, of those invoices that still wait."""
    register = Register(tx.lives(subjects))
    for subject, life in register.before.items():
        if life.asked is None or not is_tacit(life.status, life.asked):
            continue
        if life.asked.deadline <= now:
            register.add(
                subject,
                Event.LAPSE,
                Actor.CLOCK,
                Given(comment=_silence(hub, life)),
                by=hub.by,
                said_at=life.asked.deadline,
                taken_at=now,
            )
    lapsed = len(register.entries)
    bearers = bearers_of(tx, register.before.values())
    go_on(hub, sheets, tx, register, bearers)
    tx.live(register.before, register.entries)
    tell(hub, sheets, tx, bearers, register.entries)
    return lapsed


def _silence(hub: Hub, life: Life) -> str:
    days = hub.settings.validation.days(life.circuit)
    return (
        f"sans réponse du valideur dans le délai de {days} jours, la facture poursuit son"
        f" chemin / no answer from its validator within {days} days: the invoice goes on"
    )
