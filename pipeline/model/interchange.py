"""One file as a partner left it, and what it was taken for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.model.connection import Environment
from pipeline.model.identity import InterchangeId
from pipeline.model.status import InterchangeStep


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One regular file in a partner's folder, as listed.

    Attributes:
        name: Shown form (`model.names`), without folder.
        size: Bytes.
        mtime: Seconds since the epoch, by the partner's clock: evidence of
            change only, never compared with ours.
    """

    name: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What earlier listings say of one remote file.

    Attributes:
        file: As listed last.
        first_seen: First listing that showed this name.
        stable_since: First listing that showed this size and mtime.
        note: Why it was not taken last time; empty if it was never looked at.
    """

    file: RemoteFile
    first_seen: datetime
    stable_since: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interchange:
    """One file as received, with everything in it; its bytes lie in the archive.

    Attributes:
        id: Derived from connection, name, bytes and mtime.
        connection: Name of the sender's connection.
        partner: Name of the sender.
        name: File name, shown form.
        size: Bytes.
        mtime: As at the partner's.
        sha256: Of the bytes; the archive's key.
        received_at: When its row was written (aware, UTC).
        step: Where it is.
        removed: Whether the remote file was taken out of the partner's folder.
        reason: Code of the control table when held, refused or duplicate.
        detail: One sentence to that reason, French first.
        first: The interchange that this one repeats, if it is a duplicate.
        documents: How many documents were found inside (0: not opened).
        erased: Whether its bytes were destroyed and what its rows quoted was blanked.
        legal_hold: Whether it must not be erased, whatever its age.
        environment: That of its sender's sheet when it came.
    """

    id: InterchangeId
    connection: str
    partner: str
    name: str
    size: int
    mtime: int
    sha256: str
    received_at: datetime
    step: InterchangeStep = InterchangeStep.RECEIVED
    removed: bool = False
    reason: str | None = None
    detail: str = ""
    first: InterchangeId | None = None
    documents: int = 0
    erased: bool = False
    legal_hold: bool = False
    environment: Environment = Environment.PRODUCTION

    @property
    def party(self) -> str:
        """Return its sender as it is counted: qualification apart from production."""
        production = self.environment is Environment.PRODUCTION
        return self.partner if production else f"{self.partner} ({self.environment.value})"
