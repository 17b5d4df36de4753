"""Compose deliveries in the form their receivers asked for; let none leave that is not sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from structlog import get_logger

from pipeline.app.convert import Converted, fault_of, told
from pipeline.app.hub import Hub
from pipeline.ingest.admission import interface_of
from pipeline.model.carriage import Conversion, LossRule, Original, Recipe
from pipeline.model.connection import Envelope
from pipeline.model.conversion import Form
from pipeline.model.document import Document
from pipeline.model.errors import (
    ConversionLoss,
    EngineClosed,
    Fenced,
    LedgerConflict,
    NotCarried,
    PipelineError,
)
from pipeline.model.identity import InterchangeId, OutboxKey
from pipeline.model.outbox import OutboxRow
from pipeline.model.profile import Profile
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets
from pipeline.ports.outside import Scrap
from pipeline.route.pack import pack_tar_gz
from pipeline.route.plan import member_name

log = get_logger(__name__)

_FOLDER = "made"

#: Returns a document's bytes as received; may raise `ArchiveError`.
ReadBytes = Callable[[Document], bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """One delivery, composed.

    Attributes:
        members: The files it carries, by name and in order.
        converted: What was written anew, each with its document.
    """

    members: tuple[tuple[str, bytes], ...]
    converted: tuple[tuple[Document, Converted], ...]

    @property
    def conversions(self) -> tuple[Conversion, ...]:
        """Return what became of the documents that are not as received."""
        return tuple(
            Conversion(document=document.id, form=one.form, lost=one.lost)
            for document, one in self.converted
        )

    def payload(self, envelope: Envelope) -> bytes:
        """Return the bytes that leave."""
        return pack_tar_gz(self.members) if envelope is Envelope.TAR_GZ else self.members[0][1]


def carry(
    hub: Hub,
    sheets: Sheets,
    rows: Sequence[OutboxRow],
    documents: Mapping[str, Document],
    read: ReadBytes,
) -> tuple[dict[OutboxKey, tuple[Conversion, ...]], dict[OutboxKey, PipelineError]]:
    """Compose the deliveries that are not as received, and judge them.

    What may leave lies in scratch space then (`composed`).

    Returns:
        What became of the documents of each delivery, also of one that may not leave; and
        why those may not.
    """
    conversions: dict[OutboxKey, tuple[Conversion, ...]] = {}
    unfit: dict[OutboxKey, PipelineError] = {}
    to_judge: list[tuple[OutboxKey, Scrap, Profile]] = []
    profiles = _Profiles(hub, sheets)
    for row in (one for one in rows if one.recipe is not None):
        try:
            made = make(hub, row, documents, read)
            conversions[row.key] = made.conversions
            _demand_whole(row, made)
            hub.spool.write(_name(row), (made.payload(row.envelope),))
            for place, (document, one) in enumerate(made.converted):
                scrap = hub.spool.write(f"{_name(row)}.{place}", (one.payload,))
                to_judge.append((row.key, scrap, profiles.of(row, document)))
        except PipelineError as error:
            unfit[row.key] = error
        except Exception as error:
            # a bug of ours holds this one delivery, and stops no other
            log.exception("carry.failed", row=row.key)
            unfit[row.key] = NotCarried(f"{type(error).__name__}: {error}")
    failpoint("carry.written")
    unfit |= _judged(hub, to_judge)
    failpoint("carry.judged")
    return conversions, unfit


def _judged(
    hub: Hub, written: Sequence[tuple[OutboxKey, Scrap, Profile]]
) -> dict[OutboxKey, PipelineError]:
    """Return what keeps deliveries from leaving, of what the engine says of their documents."""
    unfit: dict[OutboxKey, PipelineError] = {}
    jobs = [(scrap, profile) for _, scrap, profile in written]
    try:
        for (key, _, _), judged in zip(written, hub.converter.judge(jobs), strict=True):
            fault = fault_of(judged.report)
            if fault is not None:
                unfit.setdefault(key, fault)
    except (LedgerConflict, EngineClosed, Fenced):
        raise
    except PipelineError as error:
        # it is the engine that failed: none of these was judged, all are tried again later
        return {key: error for key, _, _ in written}
    return unfit


def make(hub: Hub, row: OutboxRow, documents: Mapping[str, Document], read: ReadBytes) -> Made:
    """Write the documents of a delivery as its recipe says.

    Raises:
        ArchiveError: A document can no longer be taken out of its interchange.
    """
    if row.recipe is None:
        raise ValueError(f"{row.key} leaves as received")
    members: list[tuple[str, bytes]] = []
    converted: list[tuple[Document, Converted]] = []
    for document in (documents[one] for one in row.documents):
        data = read(document)
        one = _convert(hub, document, data, row.recipe)
        members.append((member_name(document, form=one.form), one.payload))
        if one.form is Form.AS_RECEIVED:
            continue
        converted.append((document, one))
        if row.recipe.original is Original.BESIDE:
            members.append((member_name(document, ".original"), data))
    return Made(tuple(members), tuple(converted))


def composed(hub: Hub, row: OutboxRow) -> bytes | None:
    """Return the bytes of a delivery that `carry` let go; None where they are not at hand."""
    return hub.spool.read(_name(row))


def forget(hub: Hub, connection: str) -> None:
    """Remove what was composed for one connection."""
    hub.spool.clear(f"{_FOLDER}/{connection}")


def _convert(hub: Hub, document: Document, data: bytes, recipe: Recipe) -> Converted:
    if document.syntax is None:
        raise ValueError(f"{document.id} was accepted without a syntax")
    return hub.converter.convert(data, document.syntax, recipe)


def _demand_whole(row: OutboxRow, made: Made) -> None:
    """Stop what is not all there, where the sheet does not allow that."""
    allowed = row.recipe is None or row.recipe.loss is LossRule.ALLOW
    for document, one in made.converted:
        if one.lost and not allowed:
            raise ConversionLoss(f"{document.name}: {told(one.lost)}")


def _name(row: OutboxRow) -> str:
    return f"{_FOLDER}/{row.connection}/{row.key}"


class _Profiles:
    """What documents are held against in their new form: what they kept in their old one.

    Unless the receiver's sheet names a profile of its own.
    """

    def __init__(self, hub: Hub, sheets: Sheets) -> None:
        self._hub = hub
        self._sheets = sheets
        self._known: dict[InterchangeId, Profile] = {}

    def of(self, row: OutboxRow, document: Document) -> Profile:
        """Return the profile of one document of a delivery."""
        receiver = self._sheets.connections.get(row.connection)
        if receiver is not None and receiver.profile in self._hub.profiles:
            return self._hub.profiles[receiver.profile]
        if document.interchange not in self._known:
            self._known[document.interchange] = self._senders(document.interchange)
        return self._known[document.interchange]

    def _senders(self, subject: InterchangeId) -> Profile:
        hub = self._hub
        flow = hub.ledger.interchange(subject)
        sender = self._sheets.connections.get(flow.connection) if flow else None
        if flow is None or sender is None:  # its sheet was closed meanwhile
            return hub.profiles[hub.settings.default_profile]
        return hub.profile_for(sender, interface_of(flow, sender, hub.interfaces))
