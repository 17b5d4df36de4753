"""Identifiers: always derived from content, never random, so every act may be repeated."""

from __future__ import annotations

from hashlib import sha256
from typing import NewType

InterchangeId = NewType("InterchangeId", str)
DocumentId = NewType("DocumentId", str)
#: Key of an outbox row.
OutboxKey = NewType("OutboxKey", str)


def derived(*parts: object, length: int = 16) -> str:
    """Return `length` upper-case hexadecimal digits that stand for `parts`."""
    text = "\0".join(str(part) for part in parts)
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length].upper()


def interchange_id(connection: str, name: str, digest: str, mtime: int) -> InterchangeId:
    """Name one file as received: the same file seen again gives the same id.

    Args:
        connection: Name of the connection it came through.
        name: Its name in the partner's folder (shown form).
        digest: SHA-256 of its bytes, in hexadecimal.
        mtime: Modification time at the partner's, seconds since the epoch.
    """
    return InterchangeId(f"F{derived(connection, name, digest, mtime)}")


def document_id(interchange: InterchangeId, seq: int) -> DocumentId:
    """Name the `seq`-th document (from 1) of an interchange.

    >>> document_id(InterchangeId("F00"), 7)
    'F00-0007'
    """
    return DocumentId(f"{interchange}-{seq:04d}")


def flow_of(document: DocumentId) -> InterchangeId:
    """Return the interchange that a document lies in, as its id says.

    >>> flow_of(DocumentId("F00-0007"))
    'F00'
    """
    return InterchangeId(document.rpartition("-")[0])


def outbox_key(
    kind: str, interchange: InterchangeId, connection: str, subject: str, generation: int = 1
) -> OutboxKey:
    """Name one file that is to leave: what, from which flow, to whom, which generation."""
    return OutboxKey(
        f"{kind[0].upper()}{derived(kind, interchange, connection, subject, generation)}"
    )
