"""Put a file where its receiver looks for it, with what was agreed to stand beside it.

The sum comes before its file, so that whoever sees the file can check it; the marker comes
after it, so that whoever waits for markers never meets one without its file. Each may be
put again: a file of that name and those bytes counts as put.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pipeline.model.connection import Connection
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.pickup import Pickup
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.ports.outside import Session


@dataclass(frozen=True, slots=True)
class Placed:
    """What one attempt did.

    Attributes:
        sha256: Of the bytes that now stand at the partner's.
        size: How many they are.
        sent: False if they stood there already.
    """

    sha256: str
    size: int
    sent: bool


def folder_of(connection: Connection, row: OutboxRow) -> str:
    """Return the folder in which a file lies for its partner."""
    return row.folder or connection.out


def sum_line(digest: str, name: str) -> bytes:
    r"""Return what a file of sums says, as ``sha256sum -c`` reads it.

    >>> sum_line("ab12", "F-1.xml")
    b'ab12  F-1.xml\n'
    """
    return f"{digest}  {name}\n".encode()


def place(
    session: Session,
    connection: Connection,
    row: OutboxRow,
    payload: bytes,
    last_look: Callable[[], None],
) -> Placed:
    """Make a file appear for its partner, with its sum before it and its marker after it.

    Args:
        session: With the partner.
        connection: Its sheet.
        row: Names the file.
        payload: What it holds.
        last_look: Called before each rename; what it raises keeps the file from appearing.

    Raises:
        NameTaken: Other bytes stand under one of the names.
        TransferError: Not all of them are there.
    """
    folder, beside, digest = folder_of(connection, row), connection.handover, sha256(payload)
    if beside.done:
        _clear_marker(session, folder, row.name, beside.done)
    if beside.sums:
        line = sum_line(digest.hexdigest(), row.name)
        session.put(folder, row.name + beside.sums, line, last_look)
        failpoint("deliver.summed")
    sent = session.put(folder, row.name, payload, last_look)
    if beside.done:
        failpoint("deliver.unmarked")
        session.put(folder, row.name + beside.done, b"", last_look)
    return Placed(digest.hexdigest(), len(payload), sent)


def lay_out(tx: Transaction, sheets: Sheets, row: OutboxRow, placed: Placed, at: datetime) -> None:
    """Remember a delivery that lies for its receiver, where the sheet asks to watch it."""
    sheet = sheets.connections.get(row.connection)
    if sheet is None or sheet.handover.pickup is None or row.kind is not OutboxKind.DELIVERY:
        return
    lying = Pickup(
        key=row.key,
        connection=row.connection,
        folder=folder_of(sheet, row),
        name=row.name,
        size=placed.size,
        sha256=placed.sha256,
        since=at,
        at=at,
    )
    tx.lay_out(lying)


def _clear_marker(session: Session, folder: str, name: str, suffix: str) -> None:
    """Remove the marker of a file that is not there: it would stand before its file.

    It is left where a partner took the file alone, and the file is to come once more.
    """
    marker = session.find(folder, name + suffix)
    if marker is not None and not marker.size and session.find(folder, name) is None:
        session.remove(folder, marker)
