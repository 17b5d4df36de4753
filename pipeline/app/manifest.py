"""Check a flow against its manifest before anything in it is accepted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.app.hub import Hub
from pipeline.ingest.manifest import (
    ManifestFault,
    compare,
    difference,
    is_sum,
    missing,
    read_manifest,
)
from pipeline.model.acknowledgement import Figure
from pipeline.model.connection import Connection, ManifestRule
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.ports.ledger import Ledger, Transaction

#: Event that keeps the figures, so that later answers can show them without the bytes.
CHECKED = "manifest.checked"


@dataclass(frozen=True, slots=True)
class ManifestCheck:
    """What a manifest says of its flow.

    Attributes:
        figures: Announced beside found; empty without a manifest.
        refused: Why the flow is refused, or None.
        unclear: Documents whose amounts are not known for a cause on our side, where a
            sum depends on them: nothing can be said yet.
    """

    figures: tuple[Figure, ...] = ()
    refused: Reason | None = None
    unclear: frozenset[DocumentId] = frozenset()


def check_manifest(
    connection: Connection,
    interchange: Interchange,
    manifest: bytes | None,
    documents: Sequence[Document],
    unread: Collection[DocumentId],
) -> ManifestCheck:
    """Hold a flow against its manifest.

    Args:
        connection: The sender's sheet; it may require a manifest.
        interchange: The flow.
        manifest: Its bytes; None where there is none.
        documents: Everything found in the flow, in order.
        unread: Those whose structure could not be looked at for a cause on our side.
    """
    if manifest is None:
        required = connection.manifest is ManifestRule.REQUIRED
        return ManifestCheck(refused=missing(interchange.name) if required else None)
    try:
        announced = read_manifest(manifest)
    except ManifestFault as fault:
        return ManifestCheck(refused=fault.reason)
    figures = compare(announced, documents)
    blank = {one.id for one in documents if one.header.total_with_vat is None}
    unclear = frozenset(blank.intersection(unread))
    wrong = [one for one in figures if not one.holds]
    if unclear and wrong and all(is_sum(one) for one in wrong):
        return ManifestCheck(figures, unclear=unclear)
    return ManifestCheck(figures, refused=difference(figures))


def keep_figures(
    hub: Hub, tx: Transaction, interchange: InterchangeId, figures: Sequence[Figure]
) -> None:
    """Write what was announced and found down in the chain of events."""
    if figures:
        data = {"figures": [[one.what, one.announced, one.found] for one in figures]}
        tx.append(
            Fact(at=hub.clock.now(), subject=interchange, what=CHECKED, by=hub.by, data=data)
        )


def kept_figures(ledger: Ledger, interchange: InterchangeId) -> tuple[Figure, ...]:
    """Return the figures of an interchange as they were checked last."""
    figures: tuple[Figure, ...] = ()
    for event in ledger.events(interchange):
        rows = event.fact.data.get("figures")
        if event.fact.what == CHECKED and isinstance(rows, list):
            figures = tuple(Figure(*row) for row in rows)
    return figures
