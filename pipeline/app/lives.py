"""What becomes of invoices that were taken: lines of their history, and who hears of them.

Everything here belongs to the transaction that makes it happen: a status and the file that
tells of it are written together or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.app.hub import Hub
from pipeline.lifecycle.outbound import has_word
from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.connection import Connection, Environment, Naming
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId, InterchangeId, outbox_key
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Carries, Direction, Interface, subscribed
from pipeline.model.life import (
    Actor,
    Asked,
    Attached,
    Circuit,
    Entry,
    Event,
    Given,
    Life,
    entry_id,
    lived,
)
from pipeline.model.life_step import Refused, step
from pipeline.model.life_table import MISNAMED, WAITS
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.telling import StatusNews, Telling
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Ledger, Sheets, Transaction

#: The only status of interfaces that refuse a status.
REFUSALS = ("601",)
#: Told by the answer to the flow, or of no interest to anybody but the hub.
_UNTOLD = frozenset(
    {Event.DEPOSIT, Event.ROUTE, Event.REROUTE, Event.PROCESS_REJECT, Event.NAME_VALIDATOR}
)


@dataclass(slots=True)
class Register:
    """Lines that one transaction adds, each held against where its invoice then stands.

    Attributes:
        before: Where the invoices stood when it began.
        entries: The lines, in order.
    """

    before: Mapping[DocumentId, Life]
    entries: list[Entry] = field(default_factory=list)
    _now: dict[DocumentId, Life] = field(default_factory=dict)

    def standing(self, subject: DocumentId) -> Life | None:
        """Return where an invoice stands by now."""
        return self._now.get(subject) or self.before.get(subject)

    def add(
        self,
        subject: DocumentId,
        event: Event,
        actor: Actor,
        given: Given,
        *,
        by: str,
        said_at: datetime,
        taken_at: datetime,
        source: InterchangeId | None = None,
        bearer: DocumentId | None = None,
    ) -> Entry | Refused:
        """Add a line, or return why the table refuses it.

        Since then `bearer` bears the invoice.
        """
        life = self.standing(subject)
        asked = given.asked or _concerned(life, given)
        given = replace(given, circuit=_circuit(life, asked))
        said = step(life.status if life else None, event, actor, given)
        if isinstance(said, Refused):
            return said
        place = (life.entries if life else 0) + 1
        entry = Entry(
            id=entry_id(subject, event, actor, said_at, given, place),
            document=subject,
            place=place,
            event=event,
            actor=actor,
            by=by,
            before=life.status if life else None,
            after=said.to,
            said_at=said_at,
            taken_at=taken_at,
            source=source,
            reasons=given.reasons,
            comment=given.comment,
            cash=given.cash,
            warnings=said.warnings,
            bearer=bearer,
            asked=asked,
        )
        self.entries.append(entry)
        self._now[subject] = lived(life, [entry])
        return entry


def _circuit(life: Life | None, asked: Asked | None) -> Circuit:
    if asked is not None:
        return asked.circuit
    return life.circuit if life else Circuit.DIRECT


def _concerned(life: Life | None, given: Given) -> Asked | None:
    """Return who is asked to validate, where something is said of an invoice that waits for it."""
    if life is None or life.asked is None or life.status not in WAITS | MISNAMED:
        return None
    if not given.validator:
        return life.asked
    return replace(life.asked, validators=(*life.asked.validators, given.validator))


def begin_lives(hub: Hub, tx: Transaction, taken: Collection[Document]) -> None:
    """Write that invoices were taken and are on their way."""
    register = Register(tx.lives([one.id for one in taken]))
    for one in taken:
        if register.standing(one.id) is None:
            act(hub, register, one.id, Event.DEPOSIT)
            act(hub, register, one.id, Event.ROUTE)
    tx.live(register.before, register.entries)


def make_available(
    hub: Hub, sheets: Sheets, tx: Transaction, delivered: Sequence[Document]
) -> None:
    """Write that invoices stand at their recipients', and tell their suppliers.

    A document that no longer bears its invoice makes nothing available.
    """
    borne = tx.lives_borne([one.id for one in delivered])
    register = Register({life.id: life for life in borne.values()})
    for life in borne.values():
        act(hub, register, life.id, Event.MAKE_AVAILABLE)
    tx.live(register.before, register.entries)
    bearers = {borne[one.id].id: one for one in delivered if one.id in borne}
    tell(hub, sheets, tx, bearers, register.entries)


def reroute(hub: Hub, tx: Transaction, documents: Collection[Document], why: str) -> None:
    """Write that invoices go to another recipient than the one that had them, by an operator.

    Where the table has no place for it nothing happens: the copy is one more.
    """
    borne = tx.lives_borne([one.id for one in documents])
    register = Register({life.id: life for life in borne.values()})
    for life in borne.values():
        act(hub, register, life.id, Event.REROUTE, why)
    tx.live(register.before, register.entries)


def give_up(
    hub: Hub, tx: Transaction, withdrawn: Collection[Document], why: str
) -> Collection[DocumentId]:
    """Write that invoices were withdrawn in their supplier's name before they left.

    Returns:
        The invoices: their keys are free again.
    """
    borne = tx.lives_borne([one.id for one in withdrawn])
    register = Register({life.id: life for life in borne.values()})
    now = hub.clock.now()
    for subject in register.before:
        register.add(
            subject,
            Event.GIVE_UP,
            Actor.SUPPLIER,
            Given(comment=why, stopped=True),
            by=hub.by,
            said_at=now,
            taken_at=now,
        )
    tx.live(register.before, register.entries)
    return {one.document for one in register.entries}


def bearers_of(
    ledger: Transaction | Ledger, lives: Collection[Life], known: Iterable[Document] = ()
) -> Mapping[DocumentId, Document]:
    """Return by invoice the document that bears it; those at hand are not looked up."""
    found = {one.id: one for one in known}
    missing = {life.bearer for life in lives} - found.keys()
    if missing:
        found.update({one.id: one for one in ledger.documents_named(missing)})
    return {life.id: found[life.bearer] for life in lives}


def act(
    hub: Hub,
    register: Register,
    subject: DocumentId,
    event: Event,
    comment: str = "",
    asked: Asked | None = None,
) -> None:
    """Add an act of the hub's own; where the table has no place for it nothing happens."""
    now, given = hub.clock.now(), Given(comment=comment, asked=asked)
    register.add(subject, event, Actor.HUB, given, by=hub.by, said_at=now, taken_at=now)


# -- telling
def tell(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    documents: Mapping[DocumentId, Document],
    entries: Iterable[Entry],
    files: Mapping[str, tuple[Attached, ...]] | None = None,
) -> None:
    """Put files into the outbox for all who agreed to hear of some lines.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        tx: The transaction that writes the lines.
        documents: By invoice, the document that bears it.
        entries: The lines, in order.
        files: What came with lines, by their id.
    """
    flows: dict[InterchangeId, Interchange] = {}
    heard: dict[tuple[str, Environment], list[Telling]] = {}
    for entry in entries:
        document = documents[entry.document]
        if document.interchange not in flows:
            found = tx.interchange(document.interchange)
            if found is None:
                raise ValueError(f"{document.id} came in no flow")
            flows[document.interchange] = found
        flow = flows[document.interchange]
        for sheet in _concerning(sheets, entry, document, flow):
            if hears(hub, sheet, entry):
                said = (files or {}).get(entry.id, ())
                telling = Telling(entry=entry, document=document, flow=flow, files=said)
                heard.setdefault((sheet.name, flow.environment), []).append(telling)
    for (name, environment), tellings in heard.items():
        _enqueue(hub, tx, sheets.connections[name], environment, tellings)


def _concerning(
    sheets: Sheets, entry: Entry, document: Document, flow: Interchange
) -> Sequence[Connection]:
    """Return the sheets of those whom a line concerns: the other side, and who validates.

    A recipient does not hear of what it has not had yet.
    """
    supplier = sheets.connections.get(flow.connection)
    if entry.asked is None:
        to_recipient = entry.actor is Actor.SUPPLIER
        sheet = sheets.connections.get(document.route or "") if to_recipient else supplier
        return [] if sheet is None else [sheet]
    found = [] if supplier is None or entry.actor is Actor.SUPPLIER else [supplier]
    if entry.actor is not Actor.VALIDATOR:
        found += sheets_of(sheets, entry.asked.validator, flow.environment)
    return list({one.name: one for one in found}.values())


def sheets_of(sheets: Sheets, structure: str, environment: Environment) -> list[Connection]:
    """Return the sheets of whoever has a structure (SIRET), in one environment, by name."""
    return [
        one
        for _, one in sorted(sheets.connections.items())
        if one.structure == structure and one.environment is environment
    ]


def hears(hub: Hub, sheet: Connection, entry: Entry) -> bool:
    """Tell whether a partner agreed to hear of a line, in a form that has a word for it."""
    if not sheet.statuses.tell or entry.event in _UNTOLD:
        return False
    if sheet.naming is Naming.FREE:
        return True
    interface = told_under(hub, sheet)
    if interface is None:
        return False
    return has_word(entry, sheet, interface.statuses, cdar=interface.form == "CDAR")


def told_under(hub: Hub, sheet: Connection) -> Interface | None:
    """Return under which interface a partner hears of statuses; None where it has none."""
    return next((one for one in _outgoing(hub, sheet) if one.statuses != REFUSALS), None)


def refused_under(hub: Hub, sheet: Connection) -> Interface | None:
    """Return under which interface a partner hears that its statuses were refused."""
    return next((one for one in _outgoing(hub, sheet) if one.statuses == REFUSALS), None)


def _outgoing(hub: Hub, sheet: Connection) -> Iterator[Interface]:
    if sheet.naming is Naming.FREE:
        return
    for one in subscribed(sheet, hub.interfaces):
        goes_out = one.direction is Direction.OUT and not one.unserved
        if goes_out and one.carries is Carries.STATUSES:
            yield one


def _enqueue(
    hub: Hub,
    tx: Transaction,
    sheet: Connection,
    environment: Environment,
    tellings: Sequence[Telling],
) -> None:
    news = StatusNews(
        addressee=sheet,
        interface=told_under(hub, sheet),
        hub_code=hub.settings.hub_code,
        at=hub.clock.now(),
        tellings=tuple(tellings),
    )
    # the document it was taken by, and the one that bears it: whoever erases either finds it
    spoken_of = (one for each in tellings for one in (each.entry.document, each.document.id))
    documents = tuple(dict.fromkeys(spoken_of))
    for file in hub.tell(news, lambda series: tx.next_number(environment.series(series))):
        tx.enqueue(status_row(sheet, file, news.at, documents), hub.by, news.at)
        failpoint("status.told")


def status_row(
    sheet: Connection, file: AnswerFile, at: datetime, documents: tuple[DocumentId, ...]
) -> OutboxRow:
    """Return the outbox row of a file that tells of statuses."""
    return OutboxRow(
        key=outbox_key(OutboxKind.STATUS.value, InterchangeId(""), sheet.name, file.name),
        kind=OutboxKind.STATUS,
        interchange=None,
        connection=sheet.name,
        name=file.name,
        due=at,
        payload=file.payload,
        documents=documents,
    )
