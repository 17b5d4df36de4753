"""Connection sheets: what was agreed with a partner about one technical door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from pipeline.model.limits import Limits


class Role(Enum):
    """What the partner does through this connection."""

    SENDER = "sender"
    RECEIVER = "receiver"


class Naming(Enum):
    """How the partner names its files."""

    GRAMMAR = "grammar"  #: Chorus Pro flow names (DSE §5.4.3.1)
    FREE = "free"


class Atomicity(Enum):
    """What a broken file takes down with it."""

    FLOW = "flow"
    INVOICE = "invoice"


class Envelope(Enum):
    """How documents travel to a receiver."""

    SINGLE = "single"
    TAR_GZ = "tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One SFTP account.

    Attributes:
        host: Name or address.
        port: TCP port.
        user: Account name.
        key: Path of our private key file, relative to the workspace.
        host_key: The server's public key as one OpenSSH line, ``type base64``.
        transports: Connections opened side by side.
        timeout_s: Wall-clock limit of connecting and of one answer.
        transfer_timeout_s: Wall-clock limit of one file.
    """

    host: str
    port: int
    user: str
    key: str
    host_key: str
    transports: int = 2
    timeout_s: float = 30.0
    transfer_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """When a remote file counts as whole.

    Attributes:
        marker: Suffix of the empty file that says "done" (``.done``), or None
            to judge by stability.
        stable_for: How long size and mtime must not change, by our clock.
        partial_wait: How long a stable file that does not look whole may wait
            before it is taken and refused.
    """

    marker: str | None = None
    stable_for: timedelta = timedelta(seconds=30)
    partial_wait: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The agreed waits between attempts, at least one; after the last a delivery is abandoned."""

    waits: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=8),
    )

    def __post_init__(self) -> None:
        if not self.waits:
            raise ValueError("a retry policy needs at least one wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection sheet.

    Attributes:
        name: Unique; what operators and logs call it.
        partner: Name of the party behind it.
        role: Sender or receiver.
        door: Where and as whom we log in.
        inbox: Folder where the sender drops files.
        archive: Folder where taken files are moved, on the partner's side.
        out: Folder where the partner fetches answers (sender) or invoices
            (receiver).
        application_code: Six characters of flow names, or None.
        naming: Flow-name grammar, or free names.
        interfaces: Codes that a grammar sender may use.
        atomicity: Overrides what the interface family says; None keeps it.
        profile: Overrides the family's validation profile; None keeps it.
        envelope: How documents travel to a receiver.
        completeness: When a dropped file is whole.
        retry: Waits between attempts.
        limits: Caps on what is accepted.
    """

    name: str
    partner: str
    role: Role
    door: Door
    inbox: str = "in"
    archive: str = "archive"
    out: str = "out"
    application_code: str | None = None
    naming: Naming = Naming.FREE
    interfaces: tuple[str, ...] = ()
    atomicity: Atomicity | None = None
    profile: str | None = None
    envelope: Envelope = Envelope.SINGLE
    completeness: Completeness = field(default_factory=Completeness)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One row of the interface table (``config/interfaces.toml``).

    Attributes:
        code: Eight characters, e.g. ``FSO1100A``.
        title: What it carries, in the reference's words.
        syntaxes: Syntaxes a deposit under it may use (`report.Syntax` values).
        refused_by: Code of the answer to an irrecevable flow.
        taken_by: Code of the answer to a recevable flow.
        atomicity: What a broken file takes down.
        profile: Validation profile.
        source: Where this was read.
    """

    code: str
    title: str
    syntaxes: tuple[str, ...]
    refused_by: str
    taken_by: str
    atomicity: Atomicity
    profile: str
    source: str

    @property
    def digits(self) -> str:
        """Return the four digits that flow names repeat.

        >>> Interface(code="FSO1100A", title="", syntaxes=(), refused_by="", taken_by="",
        ...     atomicity=Atomicity.FLOW, profile="", source="").digits
        '1100'
        """
        return self.code[3:7]
