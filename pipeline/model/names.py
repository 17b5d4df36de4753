r"""File names as partners give them: any bytes, shown safely, never lost.

SFTP names are bytes. Everywhere in this project a name is a printable `str` that
maps one to one to those bytes: a backslash becomes ``\x5c`` and whatever is not
printable UTF-8 becomes ``\xNN``. So one bad name blinds nobody, no name can break
a log line or a terminal, and the remote file can still be addressed.

>>> shown_name(b"caf\xc3\xa9.xml"), shown_name(b"caf\xe9\n.xml")
('café.xml', 'caf\\xe9\\x0a.xml')
>>> raw_name(shown_name(b"caf\xe9\n\\.xml")) == b"caf\xe9\n\\.xml"
True
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def shown_name(raw: bytes) -> str:
    """Return the printable form of a file name's bytes."""
    text = raw.decode("utf-8", "surrogateescape")
    return "".join(
        char if char.isprintable() and char != "\\" else _escaped(char) for char in text
    )


def raw_name(shown: str) -> bytes:
    """Return the bytes that `shown_name` was given."""
    parts = _ESCAPE.split(shown)
    return b"".join(
        bytes.fromhex(part) if index % 2 else part.encode() for index, part in enumerate(parts)
    )


def slug(shown: str, limit: int = 60) -> str:
    """Return a name any file system takes: ASCII letters, digits, ``-_.``; not empty.

    >>> slug("../Facture n°1 é.xml"), slug("...")
    ('Facture-n-1-.xml', 'x')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", shown).lstrip(".-_")
    return safe[:limit] or "x"


def flow_name(code: str, application: str, hub: str, number: int) -> str:
    """Return the name of a flow of ours by the grammar (DSE §5.4.3.1).

    Args:
        code: Interface code, eight characters.
        application: The receiver's application code.
        hub: Ours.
        number: Place in the series of that interface, from 1.

    >>> flow_name("FEN0036A", "VIL750", "CPP001", 7)
    'FEN0036A_VIL750_CPP0010036000000000000007'
    """
    return f"{code}_{application}_{hub}{code[3:7]}{number:015d}"


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
