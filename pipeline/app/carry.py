"""Compose deliveries in the form their receivers asked for; let none leave that is not sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from structlog import get_logger

from pipeline.app.convert import Converted, Source, envelope_of, fault_of, told
from pipeline.app.hub import Hub
from pipeline.ingest.admission import interface_of
from pipeline.ingest.naming import read_flow_name
from pipeline.model.carriage import Conversion, LossRule, Original, Recipe
from pipeline.model.conversion import Form
from pipeline.model.document import Document
from pipeline.model.errors import (
    ConfigError,
    ConversionLoss,
    EngineClosed,
    NotCarried,
    PipelineError,
)
from pipeline.model.identity import DocumentId, InterchangeId, OutboxKey
from pipeline.model.interchange import Interchange
from pipeline.model.life import Event
from pipeline.model.outbox import OutboxRow
from pipeline.model.profile import Profile
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets
from pipeline.ports.outside import Scrap
from pipeline.route.lisible import Origin, origin_of
from pipeline.route.pack import pack
from pipeline.route.plan import member_name
from pipeline.syntax.pivot import PivotInvoice
from pipeline.syntax.pivot_subject import Resubmission

log = get_logger(__name__)

_FOLDER = "made"
#: What a pivot says of a document, by what it did to its invoice.
_RESUBMITTED = {
    Event.RESEND: Resubmission.RECYCLED,
    Event.COMPLETE: Resubmission.COMPLETED,
}

#: Returns a document's bytes as received; may raise `ArchiveError`.
ReadBytes = Callable[[Document], bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """One delivery, composed as far as its documents could be written.

    Attributes:
        members: The files it carries, by name and in order.
        converted: What was written anew, each with its document.
        faults: Why documents could not be written, or not as a whole, by id.
    """

    members: tuple[tuple[str, bytes], ...]
    converted: tuple[tuple[Document, Converted], ...]
    faults: Mapping[DocumentId, NotCarried]

    @property
    def conversions(self) -> tuple[Conversion, ...]:
        """Return what became of the documents that are not as received."""
        return tuple(
            Conversion(document=document.id, form=one.form, lost=one.lost)
            for document, one in self.converted
        )

    def payload(self, row: OutboxRow) -> bytes:
        """Return the bytes that leave.

        Raises:
            NotCarried: A document could not be written, or the file holds one alone.
        """
        if self.faults:
            raise together(self.faults)
        return pack(row, self.members)


@dataclass(slots=True)
class Carried:
    """What became of a group of deliveries on their way to another form.

    Attributes:
        conversions: Of the documents of each delivery, also of one that may not leave.
        unfit: Why deliveries may not leave, or not now.
    """

    conversions: dict[OutboxKey, tuple[Conversion, ...]] = field(default_factory=dict)
    unfit: dict[OutboxKey, PipelineError] = field(default_factory=dict)


def carry(
    hub: Hub,
    sheets: Sheets,
    rows: Sequence[OutboxRow],
    documents: Mapping[str, Document],
    read: ReadBytes,
) -> Carried:
    """Compose the deliveries that are not as received, and judge them.

    What may leave lies in scratch space then (`composed`).
    """
    carried, written = Carried(), list[_Written]()
    profiles = _Profiles(hub, sheets)
    for row in (one for one in rows if one.recipe is not None):
        try:
            made = make(hub, row, documents, read)
            carried.conversions[row.key] = made.conversions
            written += _put_aside(hub, row, made, profiles)
        except PipelineError as error:
            carried.unfit[row.key] = error
    failpoint("carry.written")
    carried.unfit |= _judged(hub, written)
    failpoint("carry.judged")
    return carried


@dataclass(frozen=True, slots=True)
class _Written:
    """One converted document in scratch space."""

    row: OutboxRow
    document: DocumentId
    scrap: Scrap
    profile: Profile


def _put_aside(hub: Hub, row: OutboxRow, made: Made, profiles: _Profiles) -> Iterator[_Written]:
    """Write a delivery and its converted documents to scratch space."""
    hub.spool.write(_name(row), (made.payload(row),))
    for place, (document, one) in enumerate(made.converted):
        if one.form is Form.PIVOT:
            continue  # its schema is all there is, and it was held against that
        scrap = hub.spool.write(f"{_name(row)}.{place}", (one.payload,))
        yield _Written(row, document.id, scrap, profiles.of(row, document))


def _judged(hub: Hub, written: Sequence[_Written]) -> dict[OutboxKey, PipelineError]:
    """Return what keeps deliveries from leaving, of what the engine says of their documents."""
    faults: dict[OutboxKey, dict[DocumentId, NotCarried]] = {}
    try:
        judged = hub.converter.judge((one.scrap, one.profile) for one in written)
        for one, said in zip(written, judged, strict=True):
            fault = fault_of(said.report)
            if fault is not None:
                faults.setdefault(one.row.key, {})[one.document] = fault
    except EngineClosed:
        raise
    except PipelineError as error:
        # it is the engine that failed: none of these was judged, all are tried again later
        return {one.row.key: error for one in written}
    return {key: together(found) for key, found in faults.items()}


def make(hub: Hub, row: OutboxRow, documents: Mapping[str, Document], read: ReadBytes) -> Made:
    """Write the documents of a delivery as its recipe says.

    Raises:
        ArchiveError: A document can no longer be taken out of its interchange.
    """
    if row.recipe is None:
        raise ValueError(f"{row.key} leaves as received")
    bench = _Bench(hub, row, row.recipe)
    for document in (documents[one] for one in row.documents):
        bench.add(document, read(document))
    return bench.done()


class _Bench:
    """Where the documents of one delivery are written, one after the other."""

    def __init__(self, hub: Hub, row: OutboxRow, recipe: Recipe) -> None:
        self._hub = hub
        self._row = row
        self._recipe = recipe
        self._planned = row.planned or row.due
        self._members: list[tuple[str, bytes]] = []
        self._converted: list[tuple[Document, Converted]] = []
        self._faults: dict[DocumentId, NotCarried] = {}
        self._pivot: list[tuple[DocumentId, PivotInvoice]] = []
        self._flows: dict[InterchangeId, Interchange | None] = {}

    def add(self, document: Document, data: bytes) -> None:
        """Write one document, or keep in mind why it cannot be."""
        try:
            one = self._write(document, data)
        except NotCarried as error:
            self._faults[document.id] = error
            return
        except Exception as error:
            # a bug of ours holds this one document, and stops no other
            log.exception("carry.failed", document=document.id)
            self._faults[document.id] = _broken(error)
            return
        if one.form is not Form.AS_RECEIVED:
            self._converted.append((document, one))
        if one.lost and self._recipe.loss is LossRule.HOLD:
            self._faults[document.id] = ConversionLoss(f"{document.name}: {told(one.lost)}")

    def done(self) -> Made:
        """Return the delivery."""
        if self._recipe.form is Form.PIVOT and not self._faults:
            try:
                payload = self._flow_of([one for _, one in self._pivot])
                self._members = [(f"{self._row.name}.xml", payload)]
            except Exception as error:
                # a bug of ours holds what it is about, and stops no other
                log.exception("carry.failed", row=self._row.key)
                self._faults = self._culprits(error)
        return Made(tuple(self._members), tuple(self._converted), self._faults)

    def _flow_of(self, invoices: Sequence[PivotInvoice]) -> bytes:
        envelope = envelope_of(self._row.name, self._planned, self._hub.settings.hub_code)
        return self._hub.converter.write_pivot(invoices, envelope).payload

    def _culprits(self, error: Exception) -> dict[DocumentId, NotCarried]:
        """Return what makes no pivot by itself; everything, where each alone would."""
        found: dict[DocumentId, NotCarried] = {}
        for document, invoice in self._pivot:
            try:
                self._flow_of([invoice])
            except Exception as own:
                log.exception("carry.failed", document=document)
                found[document] = _broken(own)
        return found or {document: _broken(error) for document, _ in self._pivot}

    def _write(self, document: Document, data: bytes) -> Converted:
        source, converter = self._source(document, data), self._hub.converter
        if self._recipe.form is Form.PIVOT:
            made, lost = converter.prepare(source, self._recipe)
            self._pivot.append((document.id, made))
            return Converted(b"", Form.PIVOT, lost)
        one = converter.convert(source, self._recipe, self._planned)
        self._members.append((member_name(document, form=one.form), one.payload))
        # a Factur-X holds its original itself
        alone = one.form in {Form.AS_RECEIVED, Form.FACTURX}
        if self._recipe.original is Original.BESIDE and not alone:
            self._members.append((member_name(document, ".original"), data))
        return one

    def _source(self, document: Document, data: bytes) -> Source:
        flow = self._flow(document.interchange)
        if document.syntax is None or flow is None:
            raise ValueError(f"{document.id} was accepted without a syntax, or a flow")
        return Source(
            data=data,
            syntax=document.syntax,
            name=document.name,
            received_on=flow.received_at.date(),
            origin=self._origin(flow.name),
            resubmission=self._resubmission(document),
        )

    def _resubmission(self, document: Document) -> Resubmission:
        """Tell whether a document puts right or completes an invoice that was there before."""
        if document.first is None:
            return Resubmission.NONE
        history = self._hub.ledger.history(document.first)
        events = (one.event for one in history if one.bearer == document.id)
        return next((_RESUBMITTED[one] for one in events), Resubmission.NONE)

    def _flow(self, subject: InterchangeId) -> Interchange | None:
        """Return a flow; the ledger is asked once for all documents that came in it."""
        if subject not in self._flows:
            self._flows[subject] = self._hub.ledger.interchange(subject)
        return self._flows[subject]

    def _origin(self, flow: str) -> Origin:
        """Tell a family of formats by the name of a flow.

        That stays the same at each attempt; the sender's sheet may be closed meanwhile.
        """
        named = read_flow_name(flow)
        return origin_of(self._hub.interfaces.get(named.code) if named else None)


def _broken(error: Exception) -> NotCarried:
    """Tell what broke; not in words that quote the document, since the record keeps them."""
    if isinstance(error, NotCarried):
        return error
    if isinstance(error, ConfigError):
        return NotCarried(f"{error.code}: {error}")
    return NotCarried(f"{type(error).__name__} (journal / log: carry.failed)")


def together(faults: Mapping[DocumentId, NotCarried]) -> NotCarried:
    """Return the first fault, as that of all the documents that have one."""
    first = next(iter(faults.values()))
    more = f" (+{len(faults) - 1})" if len(faults) > 1 else ""
    return type(first)(f"{first}{more}", faults.keys())


def composed(hub: Hub, row: OutboxRow) -> bytes | None:
    """Return the bytes of a delivery that `carry` let go; None where they are not at hand."""
    return hub.spool.read(_name(row))


def forget(hub: Hub, connection: str) -> None:
    """Remove what was composed for one connection."""
    hub.spool.clear(f"{_FOLDER}/{connection}")


def _name(row: OutboxRow) -> str:
    return f"{_FOLDER}/{row.connection}/{row.key}"


class _Profiles:
    """What documents are held against in their new form: what they kept in their old one.

    Unless the receiver's sheet names a profile of its own.
    """

    def __init__(self, hub: Hub, sheets: Sheets) -> None:
        self._hub = hub
        self._sheets = sheets
        self._known: dict[tuple[InterchangeId, str | None], Profile] = {}

    def of(self, row: OutboxRow, document: Document) -> Profile:
        """Return the profile of one document of a delivery."""
        receiver = self._sheets.connections.get(row.connection)
        own = receiver.profile if receiver else None
        known = (document.interchange, own if own in self._hub.profiles else None)
        if known not in self._known:
            self._known[known] = self._in_force(*known)
        return self._known[known]

    def _in_force(self, subject: InterchangeId, own: str | None) -> Profile:
        """Return the version of the day the document came: it has been judged by no other."""
        hub = self._hub
        flow = hub.ledger.interchange(subject)
        sender = self._sheets.connections.get(flow.connection) if flow else None
        if flow is None:
            return hub.profiles[own or hub.settings.default_profile]
        if own is not None or sender is None:  # sender's sheet was closed meanwhile
            return hub.profiles[own or hub.settings.default_profile].at(flow.received_at)
        return hub.profile_for(
            sender, interface_of(flow, sender, hub.interfaces), flow.received_at
        )
