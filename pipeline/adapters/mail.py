"""Hands letters to a mail server (SMTP)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from pipeline.adapters.secrets import reveal
from pipeline.model.errors import MailError
from pipeline.model.letter import Letter
from pipeline.model.settings import MailSecurity, MailSettings


class SmtpMail:
    """`ports.outside.Mail` through one server.

    Args:
        settings: Which, and as whom.
        workspace: Where a relative path of the password begins.
        trust: Whom to believe that a server is the one named; by default as the machine does.
    """

    def __init__(
        self, settings: MailSettings, workspace: Path, trust: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._trust = trust

    def send(self, letter: Letter, key: str, at: datetime) -> None:
        """Send one letter; `ports.outside.Mail` says how it may end."""
        message = self._message(letter, key, at)
        password = self._settings.password
        secret = reveal(password, self._workspace) if password else ""
        try:
            with self._server() as server:
                if self._settings.user:
                    server.login(self._settings.user, secret)
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise MailError(f"{self._named}: {letter.to}: {_words(error)}") from error

    @property
    def _named(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """Connect, and encrypt the line before anything is said on it that matters."""
        wanted = self._settings
        place, limit = (wanted.host, wanted.port), wanted.timeout_s
        if wanted.security is MailSecurity.TLS:
            with smtplib.SMTP_SSL(*place, timeout=limit, context=self._context()) as server:
                yield server
            return
        with smtplib.SMTP(*place, timeout=limit) as server:
            if wanted.security is MailSecurity.STARTTLS:
                server.starttls(context=self._context())
            yield server

    def _context(self) -> ssl.SSLContext:
        return self._trust or ssl.create_default_context()

    def _message(self, letter: Letter, key: str, at: datetime) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._settings.sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(at)
        # derived: a letter that is sent once more after a crash is known as the same one
        message["Message-ID"] = f"<{key}@{self._settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _words(error: Exception) -> str:
    """Return what a server said, of each recipient that it refuses its answer."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(said)}" for code, said in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
