"""The bytes of a document as received, wherever they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from pipeline.app.hub import Hub, sheet_of
from pipeline.app.open_flow import open_flow, spool_name
from pipeline.model.document import Document
from pipeline.model.errors import ArchiveError
from pipeline.ports.ledger import Sheets


def bytes_of(hub: Hub, sheets: Sheets, document: Document) -> bytes:
    """Return a document as received: from scratch space, the archive, or its flow once more."""
    name = spool_name(document.interchange, document.seq)
    places: tuple[Callable[[], bytes | None], ...] = (
        lambda: hub.spool.read(name),
        lambda: _from_archive(hub, document),
        lambda: _take_again(hub, sheets, document, name),
    )
    for look in places:
        payload = look()
        if payload is not None and sha256(payload).hexdigest() == document.sha256:
            return payload
    raise ArchiveError(f"{document.id}: its bytes are not those that were judged")


def _from_archive(hub: Hub, document: Document) -> bytes | None:
    """Return the bytes of a document that travelled alone; None if the archive lacks them."""
    try:
        with hub.archive.open(document.sha256) as stream:
            return stream.read()
    except ArchiveError:
        return None


def _take_again(hub: Hub, sheets: Sheets, document: Document, name: str) -> bytes | None:
    interchange = hub.ledger.interchange(document.interchange)
    if interchange is None:
        raise ArchiveError(f"{document.interchange}: no such interchange")
    open_flow(hub, interchange, sheet_of(sheets, interchange.connection))
    return hub.spool.read(name)
