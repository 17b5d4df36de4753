"""Connection sheets: what was agreed with a partner about one technical door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import Enum

from pipeline.model.carriage import Carriage, Grouping, Recipe
from pipeline.model.conversion import Form
from pipeline.model.handover import Handover
from pipeline.model.life import Numbering
from pipeline.model.limits import Limits


class Role(Enum):
    """What the partner does through this connection."""

    SENDER = "sender"
    RECEIVER = "receiver"


class Environment(Enum):
    """Whether what goes through a connection counts."""

    PRODUCTION = "production"
    QUALIFICATION = "qualification"  #: a rehearsal with the partner: nothing of it counts

    def series(self, name: str) -> str:
        """Return what a series of numbers is called here: each environment counts for itself.

        >>> Environment.QUALIFICATION.series("CPP001:FEN0036A")
        'qualification:CPP001:FEN0036A'
        """
        return name if self is Environment.PRODUCTION else f"{self.value}:{name}"


class Copies(Enum):
    """What becomes of the copies that are made for a receiver in shadow."""

    TEST = "test"  #: they are put into the partner's test folder
    REPORT = "report"  #: they are made and judged, and only told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a receiver comes from shadow to production.

    Attributes:
        copies: What becomes of the copies made in shadow.
        folder: The partner's folder for them.
        suppliers: SIREN of the sellers whose invoices a pilot takes; empty for nobody's.
        documents_a_day: Most documents that a pilot takes of one day's receipts; None for any.
        clean_days: Days without fault that a promotion asks for.
    """

    copies: Copies = Copies.TEST
    folder: str = "test"
    suppliers: tuple[str, ...] = ()
    documents_a_day: int | None = None
    clean_days: int = 5


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


class Protocol(Enum):
    """How a partner's folders are reached."""

    SFTP = "sftp"
    LOCAL = "local"  #: folders on a disk of ours: a mount, a drop box of another program


class SecretKind(Enum):
    """Where a secret is kept. It is never in the configuration nor in the ledger."""

    FILE = "file"  #: a file of mode 0600, relative to the workspace
    ENV = "env"  #: a variable of the environment
    CREDENTIAL = "credential"  #: a systemd credential (``$CREDENTIALS_DIRECTORY``)


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret: where it is, never what it is."""

    kind: SecretKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One SFTP account, or one local folder.

    Attributes:
        protocol: Which of the two; SFTP needs `host`, `user`, `host_key` and a key or a
            password, a local door only `path`.
        host: Name or address.
        port: TCP port.
        user: Account name.
        key: Path of our private key file, relative to the workspace; empty with a password.
        certificate: Path of the OpenSSH certificate that goes with `key`, or None.
        password: Where the password is, or None.
        key_expires: Day on which `key` ends, excluded; a bare key knows of none.
        host_key: The server's public key as one OpenSSH line, ``type base64``.
        host_key_expires: Day on which `host_key` ends, excluded, where the partner named one.
        path: Folder that holds the partner's folders; only of a local door.
        transports: Connections opened side by side.
        timeout_s: Wall-clock limit of connecting and of one answer.
        transfer_timeout_s: Wall-clock limit of one file.
    """

    protocol: Protocol = Protocol.SFTP
    host: str = ""
    port: int = 22
    user: str = ""
    key: str = ""
    certificate: str | None = None
    password: Secret | None = None
    key_expires: date | None = None
    host_key: str = ""
    host_key_expires: date | None = None
    path: str = ""
    transports: int = 2
    timeout_s: float = 30.0
    transfer_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Successors:
    """What takes the place of keys and certificates of a sheet, each on its day.

    Until then both are valid: a server may show either host key. `app.rollover` makes the
    change, once the new one was seen to work.

    Attributes:
        certificate: File of the partner's next X.509 certificate, from the workspace on.
        certificate_from: First day it is the one in use; None for when an operator says so,
            or the other ends.
        key: File of our next private key.
        key_certificate: File of the OpenSSH certificate that goes with it.
        key_from: As `certificate_from`.
        key_expires: As `Door.key_expires`.
        host_key: The key that the server is going to show.
        host_key_from: As `certificate_from`.
        host_key_expires: As `Door.host_key_expires`.
    """

    certificate: str | None = None
    certificate_from: date | None = None
    key: str = ""
    key_certificate: str | None = None
    key_from: date | None = None
    key_expires: date | None = None
    host_key: str = ""
    host_key_from: date | None = None
    host_key_expires: date | None = None


class Scanning(Enum):
    """Who looks for malware in what a sender drops."""

    NONE = "none"  #: nobody: written in the sheet, and shown in every report
    CLAMD = "clamd"  #: ClamAV's daemon; silence of it holds
    EICAR = "eicar"  #: knows the EICAR test file only: for demonstrations


class AnswerFormat(Enum):
    """A form in which an answer may be asked for, besides that of the interface family."""

    JSON = "json"
    HTML = "html"


class ReplyForm(Enum):
    """A form in which a partner may answer that has no writer of CPPStatut or CDAR."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class StatusTerms:
    """What was agreed about the statuses of invoices.

    Attributes:
        tell: Whether the partner hears of them.
        numbering: What the numbers of a CPPStatut mean, both ways.
        within: How long the partner may take for the next word, where it owes it; None for
            as long as it likes.
    """

    tell: bool = False
    numbering: Numbering = Numbering.N1
    within: timedelta | None = None


class AnswerFamily(Enum):
    """Which flows answer a deposit, and how they are written."""

    HISTORICAL = "historical"  #: CPPStatut: a flow status, and one status an invoice taken
    AFNOR = "afnor"  #: CDAR to a platform: 500 or 501 for the flow, 202 or 213 an invoice
    G2B = "g2b"  #: CDAR to a public sender: 501 for the flow, 200 or 213 an invoice


class ManifestRule(Enum):
    """Whether a flow must come with a manifest; one that is there is always checked."""

    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a connection is worked on.

    Attributes:
        every: Time between two passes; None for the hub's own.
        at: Fixed times of day instead of `every`, by the clock of `timezone`.
        timezone: IANA name; only `at`, `cutoff` and the calendar's days are read in it.
        workdays: True to keep weekends and French public holidays free.
        cutoff: Time of day until which what was dropped is answered on the same day.
    """

    every: timedelta | None = None
    at: tuple[time, ...] = ()
    timezone: str = "Europe/Paris"
    workdays: bool = False
    cutoff: time | None = None


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
        certificate: File of the partner's X.509 certificate, from the workspace on, or None.
        next: What takes the place of its keys and certificates; None where nothing does.
        inbox: Folder where the partner drops files; of a receiver, what it answers.
        archive: Folder where taken files are moved, on the partner's side.
        out: Folder where the partner fetches answers (sender) or invoices
            (receiver).
        application_code: Six characters of flow names, or None.
        matricule: Four digits that name a platform (scheme 0238), or None.
        siren: Of a sender that is no platform, or None.
        sellers: SIREN of each seller whose invoices a sender may send; None for any.
        naming: Flow-name grammar, or free names.
        interfaces: Codes of the principal interfaces that were subscribed; each brings its
            secondary ones.
        atomicity: Overrides what the interface family says; None keeps it.
        profile: Overrides the family's validation profile; None keeps it.
        takes: Of a receiver: what it takes, by its name in ``profiles.toml``; None for any
            document that its sender may send.
        envelope: How documents travel to a receiver.
        carriage: In which form they do, and how many in one file.
        handover: How files lie for a receiver, and for how long.
        completeness: When a dropped file is whole.
        retry: Waits between attempts.
        limits: Caps on what is accepted.
        scanner: Who looks for malware.
        answers: Forms of the answer besides that of the family.
        answer_within: Agreed time from receipt to final answer; None if none was agreed.
        manifest: Whether a manifest must come with each flow.
        recapitulation: Whether each day is summed up in `out`.
        gap_after: Time after which a missing sequence number of the flow grammar is
            reported to both sides; None never.
        replies: Forms besides those of its interfaces in which a receiver may answer; a sender
            with free names may say statuses in them.
        acknowledge_within: Agreed time in which a receiver says that it took a delivery; None
            if none was agreed.
        statuses: What was agreed about the statuses of invoices.
        schedule: When it is worked on.
        retention: Class that says how long what comes through it is kept.
        structure: SIRET of the partner's structure, or None.
        environment: Production, or a rehearsal of it.
        start_date: First day of the agreement, in France; None for ever before.
        end_date: Day on which it ends, excluded; None for no end.
        contact: E-mail address of those who look after the partner's side, or None.
        private: Whether a receiver is a private company: the B2B pilot takes only those that
            registered for it.
        trial: How a receiver comes from shadow to production.
    """

    name: str
    partner: str
    role: Role
    door: Door
    certificate: str | None = None
    next: Successors | None = None
    inbox: str = "in"
    archive: str = "archive"
    out: str = "out"
    application_code: str | None = None
    matricule: str | None = None
    siren: str | None = None
    sellers: tuple[str, ...] | None = None
    naming: Naming = Naming.FREE
    interfaces: tuple[str, ...] = ()
    atomicity: Atomicity | None = None
    profile: str | None = None
    takes: str | None = None
    envelope: Envelope = Envelope.SINGLE
    carriage: Carriage = field(default_factory=Carriage)
    handover: Handover = field(default_factory=Handover)
    completeness: Completeness = field(default_factory=Completeness)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limits: Limits = field(default_factory=Limits)
    scanner: Scanning = Scanning.NONE
    answers: tuple[AnswerFormat, ...] = ()
    answer_within: timedelta | None = None
    manifest: ManifestRule = ManifestRule.OPTIONAL
    recapitulation: bool = False
    gap_after: timedelta | None = None
    replies: tuple[ReplyForm, ...] = ()
    acknowledge_within: timedelta | None = None
    statuses: StatusTerms = field(default_factory=StatusTerms)
    schedule: Schedule = field(default_factory=Schedule)
    retention: str = "invoice"
    structure: str | None = None
    environment: Environment = Environment.PRODUCTION
    start_date: date | None = None
    end_date: date | None = None
    contact: str | None = None
    private: bool = False
    trial: Trial = field(default_factory=Trial)

    def agreed_on(self, day: date) -> bool:
        """Tell whether the agreement covers a day.

        >>> sheet = Connection(name="a", partner="A", role=Role.SENDER, door=Door(),
        ...     start_date=date(2026, 9, 1), end_date=date(2027, 1, 1))
        >>> [sheet.agreed_on(date(2026, 8, 31)), sheet.agreed_on(date(2026, 9, 1)),
        ...     sheet.agreed_on(date(2027, 1, 1))]
        [False, True, False]
        """
        return (self.start_date is None or self.start_date <= day) and (
            self.end_date is None or day < self.end_date
        )

    @property
    def drops_files(self) -> bool:
        """Tell whether the partner leaves files here for us to take."""
        return self.role is Role.SENDER or bool(self.interfaces or self.replies)

    @property
    def recipe(self) -> Recipe | None:
        """Return what is made of documents for this receiver; None where they stay as received.

        A public recipient's pivot, and UBL to a platform, hold a page that people can read.
        """
        asked = self.carriage
        if asked.form is Form.AS_RECEIVED:
            return None
        to_platform = asked.form is Form.UBL and self.application_code is not None
        return Recipe(
            form=asked.form,
            facturx_profile=asked.facturx_profile,
            original=asked.original,
            loss=asked.loss,
            readable=asked.form is Form.PIVOT or to_platform,
        )

    @property
    def grouping(self) -> Grouping:
        """Return how many documents one file for this receiver may hold."""
        if self.carriage.group is not None:
            return self.carriage.group
        return Grouping.FLOW if self.envelope is Envelope.TAR_GZ else Grouping.INVOICE

    @property
    def outgoing(self) -> tuple[str, ...]:
        """Return every folder in which files lie for the partner, `out` first."""
        return tuple(dict.fromkeys((self.out, *(one.folder for one in self.handover.filters))))
