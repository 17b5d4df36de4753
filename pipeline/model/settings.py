"""What the operator of a hub may set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from pipeline.model.connection import Secret, SecretKind
from pipeline.model.validation import ValidationTerms


class Encryption(Enum):
    """How the archive's files are written."""

    NONE = "none"  #: as received: for demonstrations
    AES_256_GCM = "aes-256-gcm"  #: each under a key of its own, wrapped by the master key


class Approval(Enum):
    """Who has to agree before a change of the configuration is in force."""

    NONE = "none"  #: whoever applies it
    FOUR_EYES = "four-eyes"  #: a second person


_MASTER_KEY = Secret(SecretKind.FILE, "master/archive.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """How originals lie on the disk.

    Attributes:
        encryption: In which form.
        master_key: What wraps the keys of blobs: where it is, never what it is. It belongs
            neither into the database nor into the backup.
        previous_master_key: Another one that still opens old keys, while they are rotated.
    """

    encryption: Encryption = Encryption.AES_256_GCM
    master_key: Secret = _MASTER_KEY
    previous_master_key: Secret | None = None


_SEAL_KEY = Secret(SecretKind.FILE, "master/seal.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSettings:
    """Where each day's head of the chain of events is signed and kept.

    Attributes:
        folder: Of the seals, relative to the workspace; best of another account, or elsewhere.
        key: What signs: where it is, never what it is.
        trusted: Fingerprints of earlier keys, whose seals are believed too.
    """

    folder: str = "seals"
    key: Secret = _SEAL_KEY
    trusted: tuple[str, ...] = ()


class MailSecurity(Enum):
    """How the way to the mail server is kept from others."""

    STARTTLS = "starttls"  #: begun in clear, encrypted before anything is said
    TLS = "tls"  #: encrypted from the first byte
    NONE = "none"  #: for a server on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Who is written to, and through which server.

    Attributes:
        host: Of the mail server; empty where nobody is written to.
        port: Where it listens.
        security: How the way there is kept from others.
        sender: Address that letters come from.
        operators: Addresses of those who look after this hub.
        user: Account there; empty to log in with none.
        password: Of that account: where it is, never what it is.
        timeout_s: Wall-clock limit of one answer of the server.
    """

    host: str = ""
    port: int = 587
    security: MailSecurity = MailSecurity.STARTTLS
    sender: str = ""
    operators: tuple[str, ...] = ()
    user: str = ""
    password: Secret | None = None
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one hub (``config/pipeline.toml``).

    Attributes:
        hub_code: Our own application code, six characters.
        matricule: Four digits that name us among platforms (scheme 0238).
        default_profile: Profile of free-name connections whose sheet names none.
        held_for: How long a person has to decide on what is held: the latest
            time of the final answer, as the interim notice states it.
        lease: How long a claim lasts unless it is renewed: what a worker that died held is
            taken over by another so much later.
        workers: Worker processes; 0 for one a processor.
        time_limit_s: Wall-clock limit of judging one document.
        memory_limit_mb: Resident memory at which a worker is killed.
        print_limit_s: Wall-clock limit of printing a large document; a small one has a part
            of it.
        every: How often `edi run` looks at connections whose sheet says nothing else.
        reconcile_every: How often `edi run` holds archive and partners' folders against the
            ledger, and the chain of events against itself.
        clamd: Where ClamAV's daemon listens: ``unix:PATH`` or ``tcp:HOST:PORT``.
        keep_logs_days: Days whose log files are kept, today among them.
        check_suppliers: Whether the directory holds every supplier, so that an invoice of one
            that it does not know is refused.
        approval: Who has to agree before a change of the configuration is in force.
        api_certificates_until: Agreements by certificate that began before this day existed
            before this hub, and may be brought into it; None where there is none.
        archive: How originals lie on the disk.
        seal: Where the chain of events is sealed.
        mail: Who is written to, and through which server.
        validation: Who validates invoices before their recipients get them, and until when.
    """

    hub_code: str = "CPP001"
    matricule: str = "9999"
    default_profile: str = "auto"
    held_for: timedelta = timedelta(days=2)
    lease: timedelta = timedelta(minutes=1)
    workers: int = 0
    time_limit_s: float = 60.0
    memory_limit_mb: int = 1000
    print_limit_s: float = 120.0
    every: timedelta = timedelta(minutes=1)
    reconcile_every: timedelta = timedelta(hours=1)
    clamd: str = "unix:/run/clamav/clamd.ctl"
    keep_logs_days: int = 90
    check_suppliers: bool = False
    approval: Approval = Approval.NONE
    api_certificates_until: date | None = None
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    seal: SealSettings = field(default_factory=SealSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    validation: ValidationTerms = field(default_factory=ValidationTerms)
