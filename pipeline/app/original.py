"""Bytes as received, taken out of the archive by a person, or put back from a backup."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from structlog import get_logger

from pipeline.app.atomic import atomically
from pipeline.app.hub import Hub
from pipeline.model.errors import ConfigError
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange
from pipeline.ports.ledger import Ledger, Query

log = get_logger(__name__)

_PIECE = 1 << 20


@contextmanager
def original(hub: Hub, subject: str) -> Iterator[BinaryIO]:
    """Open the bytes of an interchange, or of the one that a document came in.

    Raises:
        ConfigError: There is no such thing, or it has no bytes.
        ArchiveError: They cannot be read.
    """
    flow = _flow(hub, subject)
    with hub.archive.open(flow.sha256) as stream:
        log.info("operator.original", subject=flow.id)
        yield stream


def put_back(hub: Hub, subject: str, stream: BinaryIO) -> Interchange:
    """Keep an original again that was lost; it must be the one that was received.

    Raises:
        ConfigError: There is no such flow, or these are other bytes; nothing is changed.
        ArchiveError: They cannot be stored.
    """
    flow = _flow(hub, subject)
    blob = hub.archive.receive(iter(lambda: stream.read(_PIECE), b""))
    if blob.sha256 != flow.sha256:
        hub.archive.discard(blob)
        raise ConfigError(
            f"{flow.id}: ce n'est pas l'original, SHA-256 {blob.sha256} au lieu de {flow.sha256}"
            f" / not the original, SHA-256 {blob.sha256} instead of {flow.sha256}"
        )
    with hub.archive.holding():
        try:
            _flow(hub, subject)  # again: it may have been erased while the bytes came in
        except ConfigError:
            hub.archive.discard(blob)
            raise
        hub.archive.keep([blob])
    fact = Fact(
        at=hub.clock.now(),
        subject=flow.id,
        what="operator.put_back",
        by=hub.by,
        data={"sha256": blob.sha256},
    )
    atomically(hub, lambda tx: tx.append(fact), "original.note")
    log.info("operator.put_back", subject=flow.id)
    return flow


def needed(ledger: Ledger) -> Collection[str]:
    """Return the SHA-256 of every original that a flow needs: all but those that are erased."""
    flows = ledger.interchanges(Query(erased=False, limit=sys.maxsize))
    return {flow.sha256 for flow in flows if flow.sha256}


def _flow(hub: Hub, subject: str) -> Interchange:
    document = hub.ledger.document(subject)
    flow = hub.ledger.interchange(document.interchange if document else subject)
    if flow is None:
        raise ConfigError(f"{subject}: aucun flux ni document / no such flow or document")
    if flow.erased:
        raise ConfigError(f"{flow.id}: effacé, ses octets sont détruits / erased")
    if not flow.sha256:
        raise ConfigError(f"{flow.id}: trop grand, jamais gardé / too large, never kept")
    return flow
