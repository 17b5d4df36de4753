"""Reads X.509 certificates, OpenSSH keys and certificates: bytes in, facts out.

Of a private key only the public half is looked at. What is wrong with the bytes is told as
`Fault` of the credential; what a certificate is worth on a day, `model.credential` says.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_identity,
    pkcs7,
)

from pipeline.model.credential import (
    Chain,
    Credential,
    CredentialKind,
    Fault,
    Weight,
    fault,
)

#: What the library says of bytes that it cannot read, or of kinds that it does not know.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
#: Certificates between a partner's and an anchor, at most.
_DEEPEST = 8
#: Certificates that one file may hold.
_MOST = 10
#: Seconds since 1970 of the last moment that is told; an OpenSSH certificate may have no end.
_LAST = 253_402_300_799
_KINDS: Mapping[type, str] = {
    rsa.RSAPublicKey: "rsa",
    dsa.DSAPublicKey: "dsa",
    ec.EllipticCurvePublicKey: "ecdsa",
    ed25519.Ed25519PublicKey: "ed25519",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The certificates of one file: whom it is about, and those that go along."""

    leaf: x509.Certificate
    others: tuple[x509.Certificate, ...] = ()


def read_bundle(data: bytes) -> Bundle:
    """Read X.509 certificates: PEM, one or several, DER, or PKCS#7 of either kind.

    Raises:
        ValueError: There is a private key in it, no certificate, or no single one at its end.
    """
    if b"PRIVATE KEY-----" in data:
        raise ValueError(
            "une clé privée s'y trouve, retirez-la : seul le certificat est public"
            " / a private key is in it, take it out: only the certificate is public"
        )
    found = _certificates(data)
    issuers = {one.issuer.public_bytes() for one in found if one.issuer != one.subject}
    leaves = [one for one in found if one.subject.public_bytes() not in issuers]
    if len(leaves) != 1 or len(found) > _MOST:
        raise ValueError(
            f"{len(found)} certificats qui ne mènent pas à un seul"
            f" / {len(found)} certificates that do not lead to a single one"
        )
    return Bundle(leaves[0], tuple(one for one in found if one is not leaves[0]))


def read_certificate(kind: CredentialKind, bundle: Bundle) -> Credential:
    """Return what the certificate of a file says of itself; of its chain nothing."""
    one = bundle.leaf
    algorithm, bits = _strength(one.public_key())
    digest = one.signature_hash_algorithm
    return Credential(
        kind=kind,
        place="",
        subject=one.subject.rfc4514_string() or f"n° {one.serial_number:x}",
        issuer=one.issuer.rfc4514_string(),
        fingerprint=one.fingerprint(SHA256()).hex(),
        algorithm=algorithm,
        bits=bits,
        digest=digest.name if digest else "",
        since=one.not_valid_before_utc,
        until=one.not_valid_after_utc,
        is_authority=_is_authority(one),
    )


def with_chain(one: Credential, bundle: Bundle, anchors: Sequence[Bundle]) -> Credential:
    """Return a certificate with what the authorities that are believed say of it."""
    if not anchors:
        return replace(one, chain=Chain.UNCHECKED)
    believed = [anchor.leaf for anchor in anchors]
    for links in _ways(bundle.leaf, bundle.others, believed, _DEEPEST):
        ends = min((each.not_valid_after_utc for each in links), default=None)
        return replace(one, chain=Chain.TRUSTED, chain_until=ends)
    return replace(one, chain=Chain.UNTRUSTED)


def read_host_key(line: str) -> Credential:
    """Read a server's public key, one OpenSSH line.

    Raises:
        ValueError: It is none.
        TypeError: It is a certificate.
    """
    key = load_ssh_public_identity(line.encode())
    if isinstance(key, SSHCertificate):
        raise TypeError("certificat, et non clé publique / a certificate, no public key")
    return _ssh(CredentialKind.HOST_KEY, key)


def read_private_key(kind: CredentialKind, data: bytes) -> Credential:
    """Read a private key without passphrase, OpenSSH's or PEM.

    Raises:
        ValueError: It is none, or has a passphrase.
    """
    load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    return _ssh(kind, load(data, None).public_key())


def read_key_certificate(data: bytes, user: str, key: Credential) -> Credential:
    """Read an OpenSSH certificate, and hold it against the key and account it is for.

    Raises:
        ValueError: It is none, or its signature is false.
        TypeError: It is a key without certificate.
    """
    one = load_ssh_public_identity(data.strip())
    if not isinstance(one, SSHCertificate):
        raise TypeError("clé sans certificat / a key without certificate")
    try:
        one.verify_cert_signature()
    except InvalidSignature:
        raise ValueError("signature fausse / its signature is false") from None
    kind = CredentialKind.KEY_CERTIFICATE
    found = _ssh(kind, one.public_key())
    names = [name.decode("utf-8", "replace") for name in one.valid_principals]
    return replace(
        found,
        subject=f"{one.key_id.decode('utf-8', 'replace')} ({', '.join(names)})",
        issuer=_ssh(kind, one.signature_key()).fingerprint,
        since=_moment(one.valid_after),
        until=_moment(one.valid_before),
        found=tuple(_misfits(one, names, found.fingerprint, user, key)),
    )


def _misfits(
    one: SSHCertificate, names: Sequence[str], fingerprint: str, user: str, key: Credential
) -> Iterator[Fault]:
    """Yield why a certificate will not open the account it is for."""
    if one.type is not SSHCertificateType.USER:
        yield fault(
            "NOT_A_USERS",
            Weight.REFUSED,
            "certificat d'un serveur ; attendu : celui d'un utilisateur",
            "the certificate of a host; expected: a user's",
        )
    if key.fingerprint and fingerprint != key.fingerprint:
        yield fault(
            "OF_ANOTHER_KEY",
            Weight.REFUSED,
            f"établi pour la clé {fingerprint} ; attendu : {key.fingerprint}",
            f"issued for the key {fingerprint}; expected: {key.fingerprint}",
        )
    if user not in names:
        told = ", ".join(names) or "–"
        yield fault(
            "OF_ANOTHER_USER",
            Weight.REFUSED,
            f"établi pour {told} ; attendu : le compte {user} de la fiche",
            f"issued for {told}; expected: the account {user} of the sheet",
        )


# -- X.509
def _certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file in whatever form it has, in its order."""
    if b"-----BEGIN CERTIFICATE" in data:
        return tuple(x509.load_pem_x509_certificates(data))
    if b"-----BEGIN PKCS7" in data:
        return tuple(pkcs7.load_pem_pkcs7_certificates(data))
    try:
        return (x509.load_der_x509_certificate(data),)
    except ValueError:
        return tuple(pkcs7.load_der_pkcs7_certificates(data))


def _ways(
    one: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    deepest: int,
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Yield the chains of those that vouch for `one`, each up to an anchor."""
    if one in anchors:
        yield ()
    for issuer in (*anchors, *others):
        if deepest and issuer != one and _has_issued(issuer, one, _DEEPEST - deepest):
            if issuer in anchors:
                yield (issuer,)
            else:
                further = [each for each in others if each != issuer]  # no way leads in a circle
                rest = _ways(issuer, further, anchors, deepest - 1)
                yield from ((issuer, *more) for more in rest)


def _has_issued(issuer: x509.Certificate, one: x509.Certificate, below: int) -> bool:
    """Tell whether `issuer` has, and may have, issued a certificate with `below` others between.

    A signature over SHA-1 counts for nothing: the library checks none.

    Raises:
        ValueError: Its extensions cannot be read.
    """
    if issuer.subject != one.issuer or not _may_issue(issuer):
        return False
    length = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if length is not None and below > length:
        return False
    try:
        one.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _is_authority(one: x509.Certificate) -> bool:
    """Tell whether a certificate says that it is an authority's."""
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _may_issue(one: x509.Certificate) -> bool:
    """Tell whether it is an authority's that may sign certificates."""
    try:
        usage = one.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return _is_authority(one)
    return _is_authority(one) and usage.key_cert_sign


# -- SSH
def _ssh(kind: CredentialKind, key: PublicKeyTypes) -> Credential:
    """Return what is told of a public key: its fingerprint as OpenSSH writes it, its strength."""
    algorithm, bits = _strength(key)
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = b64encode(sha256(b64decode(line.split()[1])).digest()).decode().rstrip("=")
    return Credential(
        kind=kind, place="", fingerprint=f"SHA256:{digest}", algorithm=algorithm, bits=bits
    )


def _moment(seconds: int) -> datetime | None:
    """Return a moment of an OpenSSH certificate; None for its beginning and its end of time."""
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _LAST else None


# -- both
def _strength(key: PublicKeyTypes) -> tuple[str, int | None]:
    """Return the kind of a key, and its length in bits where it has one."""
    name = next((name for kind, name in _KINDS.items() if isinstance(key, kind)), "")
    other = type(key).__name__.removesuffix("PublicKey").lower()
    return name or other, getattr(key, "key_size", None)
