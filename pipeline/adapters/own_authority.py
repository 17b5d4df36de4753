"""An authority of our own that issues certificates for demonstrations: nobody else trusts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class OwnAuthority:
    """An authority whose key is never written down.

    Attributes:
        pem: Its certificate, to be believed.
    """

    pem: bytes
    _name: x509.Name
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def found(cls, name: str, since: datetime) -> Self:
        """Make one, valid for ten years from `since` (aware)."""
        key, subject = ec.generate_private_key(ec.SECP256R1()), _named(name)
        made = _signed(key, subject, subject, key.public_key(), (since, since + _LIFE), ca=True)
        return cls(made, subject, key)

    def issue(self, name: str, since: datetime, until: datetime) -> bytes:
        """Return a certificate for `name` as PEM, valid between two moments (aware).

        The key that it is for is thrown away: nobody can sign with it.
        """
        theirs = ec.generate_private_key(ec.SECP256R1()).public_key()
        return _signed(self._key, self._name, _named(name), theirs, (since, until), ca=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    valid: tuple[datetime, datetime],
    *,
    ca: bool,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
