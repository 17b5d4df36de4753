"""Certificates and keys for tests, made at run time: an authority, and what it issues."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.clocks import NOON

DAY = timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key it is for."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Return it as DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def private_pem(self, passphrase: str = "") -> bytes:
        """Return the private key as PEM."""
        hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


def issue(
    name: str,
    by: Issued | None = None,
    *,
    since: datetime = NOON - 10 * DAY,
    until: datetime = NOON + 365 * DAY,
    authority: bool = False,
    path_length: int | None = None,
    key: Key | None = None,
    address: str = "",
) -> Issued:
    """Issue a certificate; without `by` it signs itself. A server's bears its IP `address`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    )
    if address:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        builder = builder.add_extension(names, critical=False)
    return Issued(builder.sign(by.key if by else key, SHA256()), key)


def generate(path: Path, *options: str, kind: str = "ed25519") -> str:
    """Make an SSH key pair with ``ssh-keygen``; return the public line."""
    command = ["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_name(f"{path.name}.pub").read_text(encoding="ascii").strip()


def certify(
    authority: Path, key: Path, user: str, *, days: tuple[int, int], now: datetime = NOON
) -> Path:
    """Issue an OpenSSH certificate for a key pair, valid from and until days away from `now`."""
    begin, end = (f"{now + day * DAY:%Y%m%d%H%M%S}Z" for day in days)
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "edi", "-n", user, "-z", "42"]
    subprocess.run([*command, "-V", f"{begin}:{end}", f"{key}.pub"], check=True)
    return key.with_name(f"{key.name}-cert.pub")


def signed_with_sha1(one: Issued, by: Issued) -> bytes:
    """Return a certificate as authorities signed it in earlier days, as DER; `by` has an RSA key.

    The library that issues the others refuses to.
    """
    assert isinstance(by.key, rsa.RSAPrivateKey)
    found = asn1_x509.Certificate.load(one.der)
    for algorithm in (found["tbs_certificate"]["signature"], found["signature_algorithm"]):
        algorithm["algorithm"] = "sha1_rsa"
    body = found["tbs_certificate"].dump(force=True)
    found["signature_value"] = by.key.sign(body, PKCS1v15(), SHA1())
    written: bytes = found.dump(force=True)
    return written
