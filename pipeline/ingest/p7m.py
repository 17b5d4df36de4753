"""Takes the content out of a signed envelope (``.p7m``); the signature is not judged here.

The way to the content is walked element by element, in time that grows with the bytes alone:
a general ASN.1 reader copies the content once a level, and in indefinite lengths, as signing
tools stream them, once a piece.

Source:
    RFC 5652, 5.1 (SignedData) and 5.2 (EncapsulatedContentInfo); ITU-T X.690, 8.1 (BER);
    RFC 7468 (armour).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from pipeline.ingest.entry import ArchiveFault

#: Elements looked at; a content is streamed in pieces of some kilobytes.
MOST_ELEMENTS = 200_000
#: Nesting of elements.
MOST_LEVELS = 30

_SEQUENCE, _OID, _INTEGER, _EXPLICIT = 0x30, 0x06, 0x02, 0xA0
_OCTETS, _PIECES = 0x04, 0x24
_CONSTRUCTED, _LONG_TAG, _LONG_LENGTH = 0x20, 0x1F, 0x80
_END = b"\0\0"
#: Body of the object identifiers 1.2.840.113549.1.7.n; n = 2 is SignedData.
_PKCS7 = bytes.fromhex("2a864886f70d0107")
_SIGNED = _PKCS7 + b"\x02"
_ARMOUR = re.compile(
    rb"\s*-----BEGIN (?P<label>PKCS7|CMS|PKCS #7 SIGNED DATA)-----(?P<body>[^-]*)"
    rb"-----END (?P=label)-----\s*"
)
_ARMOUR_START = re.compile(rb"\s*-----BEGIN (PKCS7|CMS|PKCS #7 SIGNED DATA)-----")
_SPACE = b" \t\r\n"
#: Bytes of a file among which the identifier must stand, and as many signs of base 64.
_LOOKED_AT, _LOOKED_AT_TEXT = 32, 40


def is_p7m(head: bytes) -> bool:
    """Tell whether a file that starts with `head` is a CMS envelope, of whatever type.

    >>> is_p7m(bytes.fromhex("3080 0609 2a864886f70d010702 a080")), is_p7m(b"0;1;2")
    (True, False)
    """
    if head.startswith(b"0"):
        return _PKCS7 in head[:_LOOKED_AT]
    if _ARMOUR_START.match(head):
        return True
    text = head.lstrip()[: 2 * _LOOKED_AT_TEXT].translate(None, _SPACE)[:_LOOKED_AT_TEXT]
    try:
        start = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return start.startswith(b"0") and _PKCS7 in start


def take_content(data: bytes) -> bytes:
    """Return what a signed envelope holds, byte for byte.

    Args:
        data: The whole envelope: BER (DER is BER), base 64, or base 64 in armour.

    Raises:
        ArchiveFault: Damaged or truncated, followed by something else, not signed data
            (encrypted, say), or signed apart from its content.
    """
    ber = _Ber(_plain(data))
    ber.enter(_SEQUENCE)
    if ber.value(_OID) != _SIGNED:
        raise ArchiveFault(
            "enveloppe CMS d'un autre type que « signé » (chiffrée ?)",
            "CMS envelope of another type than 'signed' (encrypted?)",
        )
    ber.enter(_EXPLICIT)
    ber.enter(_SEQUENCE)
    ber.value(_INTEGER)
    ber.skip()  # digest algorithms
    ber.enter(_SEQUENCE)
    ber.value(_OID)
    if not ber.more():
        raise ArchiveFault(
            "signature détachée : l'enveloppe ne contient pas le document signé",
            "detached signature: the envelope does not hold the signed document",
        )
    ber.enter(_EXPLICIT)
    content = b"".join(ber.octets())
    ber.leave()
    ber.leave()
    while ber.more():
        ber.skip()  # certificates, revocations, signatures
    for _ in range(3):
        ber.leave()
    ber.finish()
    return content


def _plain(data: bytes) -> bytes:
    """Take the armour off."""
    if data.startswith(b"0"):
        return data
    armour = _ARMOUR.fullmatch(data)
    if armour is None and _ARMOUR_START.match(data):
        raise _malformed()
    text = armour["body"] if armour else data
    try:
        return base64.b64decode(text.translate(None, _SPACE), validate=True)
    except binascii.Error as error:
        raise _malformed() from error


class _Ber:
    """Walks a BER encoding, one element after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._elements = 0
        #: Where each element ends that was entered; None for one of indefinite length.
        self._ends: list[int | None] = []
        #: The innermost of them that is known.
        self._bound = [len(data)]

    def enter(self, tag: int) -> None:
        """Go into the next element, which must be a `tag`."""
        found, end = self._header()
        if found != tag or len(self._ends) == MOST_LEVELS:
            raise _malformed()
        self._ends.append(end)
        self._bound.append(self._bound[-1] if end is None else end)

    def more(self) -> bool:
        """Tell whether something is left of the element entered last."""
        end = self._ends[-1]
        if end is not None:
            return self._at < end
        return self._data[self._at : self._at + 2] != _END

    def leave(self) -> None:
        """Go out of the element entered last, of which nothing is left."""
        if self.more():
            raise _malformed()
        self._bound.pop()
        if self._ends.pop() is None:
            self._at += len(_END)
        if self._at > self._bound[-1]:
            raise _malformed()

    def value(self, tag: int) -> bytes:
        """Return the body of the next element, which must be a `tag`."""
        found, end = self._header()
        if found != tag or end is None:
            raise _malformed()
        start, self._at = self._at, end
        return self._data[start:end]

    def octets(self) -> Iterator[bytes]:
        """Yield the pieces of the next element, a string of octets."""
        if self._data[self._at : self._at + 1] != bytes([_PIECES]):
            yield self.value(_OCTETS)
            return
        self.enter(_PIECES)
        while self.more():
            yield from self.octets()
        self.leave()

    def skip(self) -> None:
        """Pass over the next element."""
        tag, end = self._header()
        if end is not None:
            self._at = end
            return
        self._at -= 2  # an indefinite length is one byte, as all tags here are
        self.enter(tag)
        while self.more():
            self.skip()
        self.leave()

    def finish(self) -> None:
        """Make sure that nothing follows."""
        if self._at != len(self._data):
            raise ArchiveFault(
                "contenu après la fin de l'enveloppe signée",
                "content after the end of the signed envelope",
            )

    def _header(self) -> tuple[int, int | None]:
        """Read a tag and a length; return the tag and where the element ends, if it says so."""
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise ArchiveFault(
                f"plus de {MOST_ELEMENTS} éléments dans l'enveloppe signée",
                f"more than {MOST_ELEMENTS} elements in the signed envelope",
            )
        tag, length = self._bytes(2)
        if tag & _LONG_TAG == _LONG_TAG:
            raise _malformed()
        if length == _LONG_LENGTH:
            if not tag & _CONSTRUCTED:
                raise _malformed()
            return tag, None
        if length > _LONG_LENGTH:
            length = int.from_bytes(self._bytes(length - _LONG_LENGTH))
        end = self._at + length
        if end > self._bound[-1]:
            raise _malformed()
        return tag, end

    def _bytes(self, count: int) -> bytes:
        if self._at + count > self._bound[-1]:
            raise _malformed()
        self._at += count
        return self._data[self._at - count : self._at]


def _malformed() -> ArchiveFault:
    return ArchiveFault(
        "enveloppe signée illisible ou tronquée",
        "signed envelope unreadable or truncated",
        partial=True,
    )
