"""Reads flows that carry statuses, and applies what they say: each once, or refused.

What a status says is held against who says it and where the invoice stands. One that may not
be said changes nothing and is answered; the others of its flow count. A flow of which nothing
counts is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from structlog import get_logger

from pipeline.app.arrived import Arrived, Message, Read, examine, is_table, payload_of
from pipeline.app.comeback import UnpreparedError
from pipeline.app.corrected import deposit_corrected, make_corrected
from pipeline.app.hub import Hub
from pipeline.app.lives import Register, bearers_of, refused_under, tell, told_under
from pipeline.app.validation import go_on, is_known, unknown
from pipeline.lifecycle.inbound import (
    REFUSED_STATUS,
    read_cdar,
    read_status_table,
    read_statut,
)
from pipeline.model.connection import Connection, Environment, Naming, Role
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.errors import ArchiveError, ConfigError
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId, outbox_key
from pipeline.model.interchange import Interchange
from pipeline.model.life import Actor, Attached, Entry, Event, Life, Saying, entry_id
from pipeline.model.life_step import Refused, Why, step
from pipeline.model.life_table import MISNAMED, REACHED, WAITS
from pipeline.model.limits import Limits
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader
from pipeline.model.status import Step
from pipeline.model.telling import Refusal, StatusNews
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.correcting import Correction
from pipeline.syntax.cpp_parties import foreign_id
from pipeline.syntax.parse import parse

log = get_logger(__name__)

#: Statuses that one flow may carry; faults told of one.
MOST, MOST_FAULTS = 10_000, 20
#: Whose statuses a partner says, by its part in the exchange.
_ACTOR = {Role.SENDER: Actor.SUPPLIER, Role.RECEIVER: Actor.RECIPIENT}
#: How a refusal of the machine is called in answers.
_CODES = {
    Why.NOT_YOURS: "ST_FORBIDDEN",
    Why.NOT_NOW: "ST_FORBIDDEN",
    Why.NOT_STOPPED: "ST_FORBIDDEN",
    Why.REASON_UNKNOWN: "ST_UNREADABLE",
}
_INCOMPLETE = "ST_INCOMPLETE"
#: What a validator says in words that others use too, and what it means of it.
_AS_VALIDATOR = {
    Event.APPROVE: Event.VALIDATE,
    Event.APPROVE_PARTLY: Event.REFUSE,
    Event.REJECT: Event.REFUSE,
    Event.VALIDATE: Event.VALIDATE,
    Event.REFUSE: Event.REFUSE,
    Event.NAME_WRONG_VALIDATOR: Event.NAME_WRONG_VALIDATOR,
}


@dataclass(slots=True)
class Outcome:
    """What one flow comes to.

    Attributes:
        register: Lines that are new.
        deposited: Lines whose papers went on with the invoice itself; a text says why not.
        to_deposit: Those whose papers have to go that way, each with its invoice.
        refusals: Statuses that change nothing.
        repeated: How many were known already.
        documents: By invoice that lines are added to, the document that bears it.
        files: What came with lines, by their id.
    """

    register: Register
    deposited: Mapping[str, str] = field(default_factory=dict)
    to_deposit: dict[str, tuple[DocumentId, Saying]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    repeated: int = 0
    documents: dict[DocumentId, Document] = field(default_factory=dict)
    files: dict[str, tuple[Attached, ...]] = field(default_factory=dict)


def read_statuses(hub: Hub, sheets: Sheets, arrived: Arrived) -> Read:
    """Read a flow of statuses: what it says is applied by the deciding transaction.

    Raises:
        ArchiveError: Scratch space was emptied meanwhile.
    """
    if is_table(arrived):
        said = list(_of_tables(hub, arrived))
    else:
        examined = examine(hub, arrived)
        if examined.refused or examined.held:
            return Read(refused=examined.refused, held=examined.held)
        said = [one for message in examined.messages for one in _sayings(arrived, message)]
    faults = tuple(one for one in said if isinstance(one, Reason))
    if faults:
        return Read(refused=faults[:MOST_FAULTS])
    every = [one for one in said if isinstance(one, Saying)]
    refused = [one for one in every if one.status == str(REFUSED_STATUS)]
    sayings = [one for one in every if one.status != str(REFUSED_STATUS)]
    if len(sayings) > MOST:
        fr = f"{len(sayings)} statuts ; au plus {MOST} par flux"
        en = f"{len(sayings)} statuses; {MOST} a flow at most"
        return Read(refused=(reason("IRR_TAILLE_F", arrived.interchange.name, fr, en),))

    deposited: dict[str, str] = {}

    def take(tx: Transaction) -> tuple[Reason, ...]:
        _note_refused(hub, tx, arrived.interchange, refused)
        return _take(hub, sheets, tx, arrived, sayings, deposited)

    return Read(take=take)


def _of_tables(hub: Hub, arrived: Arrived) -> Iterator[Saying | Reason]:
    received, forms = arrived.interchange.received_at, arrived.connection.replies
    for file in arrived.opened.files:
        payload = payload_of(hub, arrived, file)
        yield from read_status_table(payload, file.name, forms, MOST, received)


def _sayings(arrived: Arrived, message: Message) -> Iterator[Saying | Reason]:
    """Yield what one message says, or why it is not the message that was expected."""
    root = parse(message.payload, Limits())
    wanted = arrived.interface.form if arrived.interface else ""
    try:
        if root.tag == cdar.ROOT:
            found = [read_cdar(cdar.read(root), message.name)]
        else:
            numbering = arrived.connection.statuses.numbering
            found = list(read_statut(cpp_status.read(root), numbering, message.name))
    except (ValueError, ArithmeticError) as error:
        fr = f"message illisible : {error}"
        yield reason("IRR_SYNTAX", message.name, fr, f"message cannot be read: {error}")
        return
    is_cdar = root.tag == cdar.ROOT
    if wanted and (wanted == "CDAR") is not is_cdar:
        fr, en = f"{wanted} attendu sous ce code interface", f"{wanted} expected under this code"
        yield reason("IRR_TYPE_F", message.name, fr, en)
    elif not found:
        fr = "CPPFluxStatuts trouvé ; CPPFactureStatuts attendu : un statut par facture"
        en = "CPPFluxStatuts found; CPPFactureStatuts expected: one status an invoice"
        yield reason("IRR_SYNTAX", message.name, fr, en)
    else:
        yield from found


def _take(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    arrived: Arrived,
    sayings: Sequence[Saying],
    deposited: dict[str, str],
) -> tuple[Reason, ...]:
    """Apply what may be said, tell those who have to hear of it, answer what may not.

    Raises:
        UnpreparedError: Completed invoices have to be deposited first; `deposited` is told.
    """
    connection, flow = arrived.connection, arrived.interchange
    outcome = apply_sayings(hub, sheets, tx, connection, flow, sayings, deposited)
    if outcome.to_deposit:
        wanted = outcome.to_deposit
        raise UnpreparedError(lambda: _deposit(hub, sheets, flow, wanted, deposited))
    entries = outcome.register.entries
    by_message = arrived.interface is not None and arrived.interface.form == "CDAR"
    if outcome.refusals and not entries and not outcome.repeated and not by_message:
        return tuple(_reason_of(one) for one in outcome.refusals)
    applied = len(entries)
    go_on(hub, sheets, tx, outcome.register, outcome.documents)
    tx.live(outcome.register.before, entries)
    tell(hub, sheets, tx, outcome.documents, entries, outcome.files)
    if outcome.refusals:
        _answer(hub, tx, arrived, outcome.refusals)
    log.info(
        "status.applied",
        flow=arrived.interchange.id,
        applied=applied,
        repeated=outcome.repeated,
        refused=len(outcome.refusals),
    )
    return ()


def apply_sayings(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    connection: Connection,
    flow: Interchange,
    sayings: Sequence[Saying],
    deposited: Mapping[str, str] = MappingProxyType({}),
) -> Outcome:
    """Hold what a partner says against the invoices it speaks of; nothing is written.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        tx: Where it is looked up.
        connection: The partner's sheet.
        flow: The flow that says it.
        sayings: What it says.
        deposited: Lines whose papers went on with the invoice itself, or why they did not.
    """
    desk = _Desk(sheets, tx, connection, flow.environment, _ACTOR[connection.role])
    found = desk.match(sayings)
    outcome = Outcome(Register(desk.lives), deposited)
    ids = {
        entry_id(one.invoice, one.event, one.actor, saying.said_at, saying.given)
        for saying, one in zip(sayings, found, strict=True)
        if isinstance(one, _Meant) and one.event is not None
    }
    known = set(tx.entries_known(ids))
    for saying, one in zip(sayings, found, strict=True):
        if isinstance(one, Refusal):
            outcome.refusals.append(one)
        else:
            _apply(hub, sheets, outcome, saying, one, known, connection, flow)
    return outcome


def _apply(
    hub: Hub,
    sheets: Sheets,
    outcome: Outcome,
    saying: Saying,
    meant: _Meant,
    known: set[str],
    connection: Connection,
    flow: Interchange,
) -> None:
    """Add one line, unless it is known already or the machine refuses it."""
    event, actor = meant.event, meant.actor
    if event is None:
        outcome.refusals.append(_meaningless(saying))
        return
    invoice, document = meant.invoice, meant.bearer
    line = entry_id(invoice, event, actor, saying.said_at, saying.given)
    if line in known:
        outcome.repeated += 1
        return
    if saying.files and not _takes_files(hub, sheets, document):
        _hand_over(outcome, saying, meant, line)
        return
    life = outcome.register.standing(invoice)
    named = saying.given.validator
    if named and not is_known(hub, sheets, named, flow.environment):
        why = unknown(named)
        outcome.refusals.append(Refusal(saying=saying, code=_INCOMPLETE, fr=why.fr, en=why.en))
        return
    if actor is Actor.VALIDATOR and not meant.is_asked(life):
        outcome.refusals.append(_another_is_asked(saying))
        return
    given = replace(
        saying.given,
        late=life is not None and life.is_late(actor, saying.said_at),
        tells_payment=tells_payment(sheets, document.header),
    )
    said: Entry | Refused = outcome.register.add(
        invoice,
        event,
        actor,
        given,
        by=f"partner:{connection.partner}",
        said_at=saying.said_at,
        taken_at=hub.clock.now(),
        source=flow.id,
    )
    if isinstance(said, Refused):
        unseen = life is not None and life.status not in REACHED
        early = unseen and actor is Actor.RECIPIENT
        code = _CODES.get(said.code, _INCOMPLETE)
        if early and said.code is Why.NOT_NOW:
            code = "ST_EARLY"
        outcome.refusals.append(Refusal(saying=saying, code=code, fr=said.fr, en=said.en))
        return
    known.add(line)
    outcome.documents[invoice] = document
    if saying.files:
        outcome.files[said.id] = saying.files


def _hand_over(outcome: Outcome, saying: Saying, meant: _Meant, line: str) -> None:
    """Have the papers of a completion go on with the invoice: its deposit adds the line."""
    fault = outcome.deposited.get(line)
    life = outcome.register.standing(meant.invoice)
    completes = (meant.event, meant.actor) == (Event.COMPLETE, Actor.SUPPLIER)
    if fault is None and completes and life is not None:
        said = step(life.status, Event.COMPLETE, Actor.SUPPLIER, saying.given)
        if not isinstance(said, Refused):
            outcome.to_deposit[line] = meant.invoice, saying
            return
        fault = f"{said.fr} / {said.en}"
    if fault == "":
        outcome.repeated += 1
    else:
        outcome.refusals.append(_not_carried(saying, fault))


def _deposit(
    hub: Hub,
    sheets: Sheets,
    flow: Interchange,
    wanted: Mapping[str, tuple[DocumentId, Saying]],
    deposited: dict[str, str],
) -> None:
    """Deposit invoices with the papers that were said to complete them; tell `deposited`."""
    for line, (invoice, saying) in wanted.items():
        try:
            made = make_corrected(hub, sheets, invoice, Correction(papers=saying.files))
            deposit_corrected(hub, made, f"{flow.name} {saying.message}".strip())
            deposited[line] = ""
        except (ConfigError, ArchiveError) as error:
            deposited[line] = str(error)


def _takes_files(hub: Hub, sheets: Sheets, document: Document) -> bool:
    """Tell whether attachments of a status reach the recipient: only a CDAR carries them."""
    sheet = sheets.connections.get(document.route or "")
    if sheet is None or not sheet.statuses.tell:
        return False
    interface = told_under(hub, sheet)
    return interface is not None and interface.form == "CDAR"


def _not_carried(saying: Saying, fault: str | None) -> Refusal:
    if fault:
        fr, _, en = fault.partition(" / ")
        return Refusal(saying=saying, code="ST_FORBIDDEN", fr=fr, en=en or fr)
    fr = "pièces jointes : le destinataire de cette facture n'en reçoit pas avec un statut ;"
    en = "attachments: the recipient of this invoice gets none with a status; deposit the"
    return Refusal(
        saying=saying,
        code="ST_FORBIDDEN",
        fr=f"{fr} déposez la facture complétée, sous le même numéro",
        en=f"{en} completed invoice, under the same number",
    )


def tells_payment(sheets: Sheets, header: RoutingHeader) -> bool:
    """Tell whether a recipient announced that it says when it pays.

    Where the directory was not imported it knows of no such flags, and nothing is doubted.
    """
    directory = sheets.directory
    structure = directory.structures.get(header.buyer_siret or "")
    return not directory.imported or structure is None or structure.flags.payment_status


def _another_is_asked(saying: Saying) -> Refusal:
    return Refusal(
        saying=saying,
        code="ST_FORBIDDEN",
        fr="un autre valideur est désormais saisi de cette facture",
        en="another validator is asked about this invoice now",
    )


@dataclass(frozen=True, slots=True)
class _Meant:
    """An invoice that a partner speaks of.

    Attributes:
        invoice: The document that was taken first.
        bearer: The document that bears it.
        actor: In which part the partner speaks.
        event: What it says in that part.
        structures: SIRET of the partner.
    """

    invoice: DocumentId
    bearer: Document
    actor: Actor = Actor.SUPPLIER
    event: Event | None = None
    structures: frozenset[str] = frozenset()

    def is_asked(self, life: Life | None) -> bool:
        """Tell whether it is this partner that is asked to validate now."""
        return life is None or life.asked is None or life.asked.validator in self.structures


@dataclass(slots=True)
class _Desk:
    """Finds the invoice that a partner speaks of, among those that are its own.

    Whose an invoice is, the document says that bears it now. What belongs to somebody else is
    answered like what does not exist.
    """

    sheets: Sheets
    tx: Transaction
    connection: Connection
    environment: Environment
    actor: Actor
    lives: Mapping[DocumentId, Life] = field(default_factory=dict)
    _flows: dict[InterchangeId, Interchange | None] = field(default_factory=dict)

    def match(self, sayings: Sequence[Saying]) -> list[_Meant | Refusal]:
        """Return the invoice of each saying, or why there is none."""
        taken = self.tx.invoices_numbered({saying.number for saying in sayings})
        self.lives = self.tx.lives([one.id for one in taken])
        bearers = bearers_of(self.tx, self.lives.values(), taken)
        numbered: dict[str, list[_Meant]] = {}
        for one in taken:
            meant = _Meant(one.id, bearers[one.id])
            numbered.setdefault(one.header.number or "", []).append(meant)
        return [self._one(saying, numbered) for saying in sayings]

    def _one(self, saying: Saying, numbered: Mapping[str, Sequence[_Meant]]) -> _Meant | Refusal:
        found = [one for one in numbered.get(saying.number, ()) if is_meant(one.bearer, saying)]
        mine = [own for one in found if (own := self._own(one, saying.event)) is not None]
        if found and not mine:
            log.warning(
                "status.foreign",
                connection=self.connection.name,
                documents=[one.invoice for one in found],
            )
        # one that was withdrawn has freed its number for the one that then left
        meant = [one for one in mine if one.bearer.step is not Step.REJECTED] or mine
        dates = [one.bearer.header.issue_date for one in meant]
        years = {date.year for date in dates if date}
        if not meant or len(years) > 1:
            return _unknown(saying, ambiguous=len(years) > 1)
        return meant[-1]

    def _own(self, meant: _Meant, event: Event | None) -> _Meant | None:
        """Return in which part a partner says something of an invoice; None if it has none.

        Who is recipient and validator at once speaks as the one that the invoice waits for.
        """
        document, life = meant.bearer, self.lives[meant.invoice]
        if document.interchange not in self._flows:
            self._flows[document.interchange] = self.tx.interchange(document.interchange)
        flow = self._flows[document.interchange]
        if flow is None or flow.environment is not self.environment:
            return None
        asked = life.asked.validators if life.asked else ()
        mine = self._is_mine(document, flow)
        validates = not self._structures.isdisjoint(asked)
        waits = life.status in WAITS | MISNAMED and event in _AS_VALIDATOR
        if validates and (waits or not mine):
            said = _AS_VALIDATOR.get(event, event) if event is not None else None
            return replace(meant, actor=Actor.VALIDATOR, event=said, structures=self._structures)
        return replace(meant, actor=self.actor, event=event) if mine else None

    @property
    def _structures(self) -> frozenset[str]:
        """Return every SIRET that the partner's sheets of this environment name."""
        return frozenset(
            one.structure
            for one in self.sheets.connections.values()
            if one.partner == self.connection.partner
            and one.environment is self.environment
            and one.structure is not None
        )

    def _is_mine(self, document: Document, flow: Interchange) -> bool:
        """Tell whether an invoice was exchanged with this partner, as it speaks here."""
        if self.actor is Actor.SUPPLIER:
            return flow.partner == self.connection.partner
        sheet = self.sheets.connections.get(document.route or "")
        return sheet is not None and sheet.partner == self.connection.partner


def is_meant(document: Document, saying: Saying) -> bool:
    """Tell whether a saying speaks of a document: number, seller and year."""
    header = document.header
    names = {
        header.seller_siren,
        header.seller_siret,
        header.seller_vat,
        header.seller_name,
        foreign_id(header.seller_country or "", header.seller_name or ""),
    }
    siren = saying.seller[:9] if saying.seller.isdecimal() else None
    seller = saying.seller in names or (siren is not None and siren == header.seller_siren)
    dated, said = header.issue_date, saying.issue_date
    year = said is None or dated is None or said.year == dated.year
    return bool(saying.seller) and seller and year and header.number == saying.number


def _unknown(saying: Saying, *, ambiguous: bool) -> Refusal:
    number, seller = saying.number[:60], saying.seller[:60]
    if ambiguous:
        fr = f"facture {number} du vendeur {seller} : plusieurs années ; donnez la date (BT-2)"
        en = f"invoice {number} of seller {seller}: of several years; give the date (BT-2)"
    else:
        fr = f"facture {number} du vendeur {seller} : aucune de ce numéro, de ce vendeur et de"
        fr += " cette année n'a été échangée avec vous"
        en = f"invoice {number} of seller {seller}: none of this number, seller and year was"
        en += " exchanged with you"
    return Refusal(saying=saying, code="ST_UNKNOWN", fr=fr, en=en)


def _meaningless(saying: Saying) -> Refusal:
    fr = f"statut {saying.status} : aucun statut de facture que l'on puisse poser"
    en = f"status {saying.status}: no status of an invoice that may be set"
    return Refusal(saying=saying, code="ST_UNREADABLE", fr=fr, en=en)


def _reason_of(one: Refusal) -> Reason:
    place = f"{one.saying.place}, {one.saying.number[:60]}"
    return reason(one.code, place, one.fr, one.en)


def _answer(hub: Hub, tx: Transaction, arrived: Arrived, refusals: Sequence[Refusal]) -> None:
    """Tell a partner which of its statuses were not taken."""
    connection, flow, now = arrived.connection, arrived.interchange, hub.clock.now()
    interface = None
    if connection.naming is not Naming.FREE and arrived.interface is not None:
        refused_by = hub.interfaces.get(arrived.interface.refused_by)
        interface = refused_under(hub, connection) or refused_by
    news = StatusNews(
        addressee=connection,
        interface=interface,
        hub_code=hub.settings.hub_code,
        at=now,
        refusals=tuple(refusals),
        source=flow,
    )
    numbers = connection.environment.series
    for file in hub.tell(news, lambda series: tx.next_number(numbers(series))):
        key = outbox_key(OutboxKind.STATUS.value, flow.id, connection.name, file.name)
        row = OutboxRow(
            key=key,
            kind=OutboxKind.STATUS,
            interchange=flow.id,
            connection=connection.name,
            name=file.name,
            due=now,
            payload=file.payload,
        )
        tx.enqueue(row, hub.by, now)
        failpoint("status.refused")


def _note_refused(hub: Hub, tx: Transaction, flow: Interchange, refused: Sequence[Saying]) -> None:
    """Note that a partner does not take statuses of ours: they stay as they are."""
    for one in refused:
        # its words stay in the flow: an event can never be blanked
        data = {"message": one.number, "reasons": list(one.given.reasons)}
        now = hub.clock.now()
        tx.append(Fact(at=now, subject=flow.id, what="status.not_taken", by=hub.by, data=data))
        log.error("status.not_taken", flow=flow.id, message=one.number)
