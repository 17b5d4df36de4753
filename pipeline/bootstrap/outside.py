"""Opens the ways out: partners' servers, certificates, mailboxes, scanners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.model.connection import Protocol, Scanning
from pipeline.model.settings import MailSettings
from pipeline.ports.credentials import Credentials
from pipeline.ports.outside import Doors, Mail, Scanner


def doors(home: Path) -> Doors:
    """Return the way to partners' servers and folders, with the secrets of a workspace."""
    from pipeline.adapters.doors import DoorsByProtocol
    from pipeline.adapters.local import LocalDoors
    from pipeline.adapters.sftp import SftpDoors

    return DoorsByProtocol({Protocol.SFTP: SftpDoors(home), Protocol.LOCAL: LocalDoors(home)})


def credentials(home: Path) -> Credentials:
    """Return what reads the certificates and keys of a workspace."""
    from pipeline.adapters.credential_files import CredentialFiles

    return CredentialFiles(home, home / "config" / "anchors", home / "host_key")


def mail(home: Path, wanted: MailSettings) -> Mail | None:
    """Return the way to people's mailboxes, or None where nobody is written to."""
    from pipeline.adapters.mail import SmtpMail

    return SmtpMail(wanted, home) if wanted.host else None


def scanners(clamd: str, patience_s: float = 150.0) -> Mapping[Scanning, Scanner]:
    """Return who can look for malware; nobody for ``none``.

    Args:
        clamd: Where ClamAV's daemon listens.
        patience_s: How long it is waited for; its own limit for one scan is 120 s.

    Raises:
        ConfigError: `clamd` is no address.
    """
    from pipeline.adapters.clamd import ClamdScanner
    from pipeline.adapters.eicar import EicarScanner

    return {Scanning.CLAMD: ClamdScanner(clamd, patience_s), Scanning.EICAR: EicarScanner()}
