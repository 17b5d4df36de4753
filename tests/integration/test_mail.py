"""Letters reach a real mail server, or say why not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.mail import SmtpMail
from pipeline.model.connection import Secret, SecretKind
from pipeline.model.errors import MailError
from pipeline.model.letter import Letter
from pipeline.model.settings import MailSecurity
from tests.authority import issue
from tests.clocks import NOON
from tests.mailbox import Mailbox, open_mailbox

LETTER = Letter("ops@hub.example", "Clé : prend fin / ends", "Bonjour, été.\n\nHello.\n")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on this machine."""
    with open_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side of an encrypted line, and the side of whoever believes it."""
    folder = tmp_path_factory.mktemp("tls")
    root = issue("Root", authority=True)
    own = issue("localhost", root, address="127.0.0.1")
    (folder / "own.pem").write_bytes(own.pem + own.private_pem())
    side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    side.load_cert_chain(folder / "own.pem")
    trust = ssl.create_default_context(cadata=root.pem.decode())
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return side, trust


def test_a_letter_arrives_as_it_was_written(mailbox: Mailbox, tmp_path: Path) -> None:
    """In French, with a name that tells it from every other."""
    SmtpMail(mailbox.settings(), tmp_path).send(LETTER, "L0123", NOON)

    (taken,) = mailbox.taken
    assert (taken["To"], taken["From"]) == ("ops@hub.example", "edi@hub.example")
    assert (taken["Subject"], taken["Message-ID"]) == (LETTER.subject, "<L0123@hub.example>")
    assert taken["Date"].datetime == NOON
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken.get_content().replace("\r\n", "\n") == LETTER.text


def test_a_letter_that_is_refused_says_what_the_server_said(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    """So that an operator can tell a full mailbox from a wrong address."""
    mailbox.refuses = "452 the mailbox is full"

    with pytest.raises(MailError, match="452 the mailbox is full"):
        SmtpMail(mailbox.settings(), tmp_path).send(LETTER, "L1", NOON)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    """It may be there again later: the error says that it can be tried again."""
    with open_mailbox() as box:
        settings = box.settings()

    with pytest.raises(MailError, match=f"127.0.0.1:{settings.port}.*refused") as told:
        SmtpMail(settings, tmp_path).send(LETTER, "L1", NOON)

    assert told.value.transient


def test_an_account_is_told_on_an_encrypted_line_alone(
    encrypted: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path
) -> None:
    """Its password is read where the settings say, when it is needed."""
    side, trust = encrypted
    (tmp_path / "mail").write_text("right\n")
    (tmp_path / "mail").chmod(0o600)
    how = {"user": "edi", "password": Secret(SecretKind.FILE, "mail")}
    with open_mailbox(tls_context=side, auth_required=True) as box:
        settings = box.settings(security=MailSecurity.STARTTLS, **how)
        SmtpMail(settings, tmp_path, trust).send(LETTER, "L1", NOON)
        with pytest.raises(MailError, match="certificate verify failed"):
            SmtpMail(settings, tmp_path).send(LETTER, "L1", NOON)

    assert (len(box.taken), box.logins) == (1, [("edi", "right")])


def test_a_server_that_offers_no_encryption_gets_no_letter(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    """Whoever stands between the two could have taken the offer out."""
    settings = mailbox.settings(security=MailSecurity.STARTTLS)

    with pytest.raises(MailError, match="STARTTLS"):
        SmtpMail(settings, tmp_path).send(LETTER, "L1", NOON)

    assert mailbox.taken == []


def test_a_line_may_be_encrypted_from_the_first_byte(
    encrypted: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path
) -> None:
    """Port 465 of many servers."""
    side, trust = encrypted
    with open_mailbox(ssl_context=side) as box:
        settings = box.settings(security=MailSecurity.TLS)
        SmtpMail(settings, tmp_path, trust).send(LETTER, "L1", NOON)

    assert len(box.taken) == 1
