"""A real mail server that keeps what it is given: aiosmtpd, on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from pipeline.model.settings import MailSecurity, MailSettings


@dataclass
class Mailbox:
    """What a mail server has taken, and how it behaves.

    Attributes:
        port: Where it listens.
        taken: The letters, in order.
        refuses: What it answers to every letter in place of taking it.
        logins: Accounts and passwords that it was shown.
    """

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  as aiosmtpd calls it
        """Take one letter."""
        if self.refuses:
            return self.refuses
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(message_from_bytes(content, policy=policy.default))
        return "250 taken"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, shown: object
    ) -> AuthResult:
        """Let one account in."""
        assert isinstance(shown, LoginPassword)
        self.logins.append((shown.login.decode(), shown.password.decode()))
        return AuthResult(success=shown.password == b"right")

    def settings(self, **more: object) -> MailSettings:
        """Return settings that lead here."""
        given: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "security": MailSecurity.NONE,
            "sender": "edi@hub.example",
            "operators": ("ops@hub.example",),
            "timeout_s": 5.0,
            **more,
        }
        return MailSettings(**given)  # type: ignore[arg-type]  # as the caller says


@contextmanager
def open_mailbox(**how: object) -> Iterator[Mailbox]:
    """Run a mail server; `how` goes to aiosmtpd."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Mailbox(port)
    given: dict[str, object] = {"authenticator": box.authenticate, **how}
    server = Controller(box, hostname="127.0.0.1", port=port, **given)  # type: ignore[arg-type]  # as the caller says
    server.start()
    try:
        yield box
    finally:
        server.stop()
