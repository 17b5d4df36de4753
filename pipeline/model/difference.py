"""Where the record and the world do not agree, as the reconciler finds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pipeline.model.interchange import RemoteFile


class Kind(Enum):
    """What does not agree."""

    LEASE = "lease"  #: a claim that ran out, or ends when no claim can: nobody came back to it
    FORGOTTEN_FLOW = "forgotten_flow"  #: received long ago, and nobody is at work
    FORGOTTEN_ROW = "forgotten_row"  #: due long ago through an open door, and not tried
    UNCLOSED = "unclosed"  #: opened, and all its documents are final
    ORPHAN_BLOB = "orphan_blob"  #: kept, and no row names it
    LOST_BLOB = "lost_blob"  #: named by a row, and not kept
    UNSENT = "unsent"  #: a document marked delivered that no sent file carries
    COUNTER = "counter"  #: behind the numbers that were given: one would be given twice
    STRANGER = "stranger"  #: in the partner's archive under a name of ours, and in no row
    NOT_REMOVED = "not_removed"  #: marked removed, and still in the inbox
    PART_LEFT = "part_left"  #: a temporary name of ours that nobody is writing
    OTHER_BYTES = "other_bytes"  #: under the name of a file that was sent: not what was sent
    UNKNOWN_FILE = "unknown_file"  #: in a pick-up folder under a name of ours, and in no row


#: What nobody can put right without knowing more than the hub does.
FOR_A_PERSON = frozenset({Kind.LOST_BLOB, Kind.UNSENT, Kind.OTHER_BYTES, Kind.UNKNOWN_FILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which the record and the world do not agree.

    Attributes:
        kind: What it is.
        subject: Whom it is about: an id, a key, a SHA-256, a series, or a file's name.
        fr: What is there and what should be, in one sentence.
        en: The same in English.
        connection: Whose folders it was found in; empty if in none.
        folder: Which of the folders that files lie in; empty where it is another one.
        file: The remote file, as listed.
        number: The claim's token, or what the counter should stand at.
    """

    kind: Kind
    subject: str
    fr: str
    en: str
    connection: str = ""
    folder: str = ""
    file: RemoteFile | None = None
    number: int = 0
