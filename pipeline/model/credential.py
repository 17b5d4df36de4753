"""Certificates and keys: what is known of one, and what is wrong with it on a day.

What was found and what it is worth are two values: `Credential` holds facts, `faults_of` weighs
them at a moment, so that the same file may be sound today and expired tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

#: Days before the end at which operator and partner are warned, once each; 0 is the end itself.
THRESHOLDS = (90, 60, 30, 15, 7, 1, 0)

_DAY = timedelta(days=1)
#: What a key must have at least, in bits; of other kinds than these no length is asked.
_LEAST_BITS: Mapping[str, int] = MappingProxyType({"rsa": 2048, "ecdsa": 256})
#: Kinds of keys that nobody should use any more.
_WEAK_KEYS = frozenset({"dsa"})
#: Digests that a certificate must not be signed with.
_WEAK_DIGESTS = frozenset({"md5", "sha1"})


class CredentialKind(Enum):
    """What proves who somebody is."""

    CERTIFICATE = "certificate"  #: X.509 of a partner, as its sheet names it
    KEY = "key"  #: private key of ours, for one account
    KEY_CERTIFICATE = "key_certificate"  #: OpenSSH certificate that goes with such a key
    HOST_KEY = "host_key"  #: public key that a partner's server must show
    OWN_HOST_KEY = "own_host_key"  #: of our embedded server
    ANCHOR = "anchor"  #: X.509 of an authority that we believe

    @property
    def words(self) -> tuple[str, str]:
        """Return how people call it, in French and in English."""
        return _WORDS[self]


_WORDS: Mapping[CredentialKind, tuple[str, str]] = {
    CredentialKind.CERTIFICATE: ("certificat", "certificate"),
    CredentialKind.KEY: ("clé", "key"),
    CredentialKind.KEY_CERTIFICATE: ("certificat de clé", "key certificate"),
    CredentialKind.HOST_KEY: ("clé du serveur", "host key"),
    CredentialKind.OWN_HOST_KEY: ("notre clé de serveur", "our own host key"),
    CredentialKind.ANCHOR: ("autorité", "authority"),
}


class Turn(Enum):
    """Whether it is the one in use, or the one that takes over."""

    CURRENT = "current"
    NEXT = "next"


class Chain(Enum):
    """Whether a certificate leads to an authority that we believe."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"  #: there are anchors, and none of them has issued it
    UNCHECKED = "unchecked"  #: there are no anchors to hold it against


class Weight(Enum):
    """What a fault does to the sheet that names the credential."""

    REFUSED = "refused"  #: the sheet is not put in force, or does not stay so
    WARNED = "warned"  #: it works, and somebody should look


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a credential.

    Attributes:
        code: Stable name.
        weight: What it does.
        says: What was found, what was expected and what to do: ``fr`` and ``en``.
    """

    code: str
    weight: Weight
    says: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.code}: {self.says['fr']} / {self.says['en']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One certificate or key, as it was found.

    Attributes:
        kind: What it is.
        turn: In use, or to come.
        place: Its file; of a host key the key of the sheet that holds it.
        subject: Whom it names, or its comment; may be empty.
        issuer: Who vouches for it; empty for a bare key.
        fingerprint: ``SHA256:…`` of an SSH key, hexadecimal SHA-256 of an X.509 certificate;
            empty where it could not be read.
        algorithm: ``rsa``, ``ecdsa``, ``ed25519``, …; empty where it could not be read.
        bits: Length of the key.
        digest: What its issuer hashed it with, ``sha256`` and so on; empty for a bare key.
        since: First moment of its life (aware); None where it has none.
        until: End of its life (aware); None where it has none.
        is_authority: Whether it may issue others.
        chain: Whether an anchor vouches for it; None for what has no chain.
        chain_until: When the first of those that vouch for it ends; None without a chain.
        found: What is wrong with it whatever the day.
    """

    kind: CredentialKind
    place: str
    turn: Turn = Turn.CURRENT
    subject: str = ""
    issuer: str = ""
    fingerprint: str = ""
    algorithm: str = ""
    bits: int | None = None
    digest: str = ""
    since: datetime | None = None
    until: datetime | None = None
    is_authority: bool = False
    chain: Chain | None = None
    chain_until: datetime | None = None
    found: tuple[Fault, ...] = field(default=())

    @property
    def ends(self) -> datetime | None:
        """Return when it can no longer be used: its own end, or that of who vouches for it."""
        ends = [moment for moment in (self.until, self.chain_until) if moment is not None]
        return min(ends, default=None)

    def days_left(self, now: datetime) -> int | None:
        """Return whole days until it ends, negative once it has; None if it never does."""
        return None if self.ends is None else (self.ends - now) // _DAY

    @property
    def part(self) -> CredentialKind:
        """Return what it gives way with: a key takes its certificate along."""
        together = self.kind is CredentialKind.KEY_CERTIFICATE
        return CredentialKind.KEY if together else self.kind


def threshold(ends: datetime | None, now: datetime) -> int | None:
    """Return the nearest of `THRESHOLDS` that is reached; None where none is, or nothing ends.

    >>> from datetime import UTC
    >>> end = datetime(2027, 1, 31, tzinfo=UTC)
    >>> [threshold(end, end - timedelta(days=left)) for left in (91, 90, 16, 15, 0.5, -4)]
    [None, 90, 30, 15, 1, 0]
    """
    if ends is None:
        return None
    reached = [days for days in THRESHOLDS if ends - now <= timedelta(days=days)]
    return min(reached, default=None)


def fault(code: str, weight: Weight, fr: str, en: str) -> Fault:
    """Make a fault out of its two sentences."""
    return Fault(code, weight, MappingProxyType({"fr": fr, "en": en}))


def faults_of(one: Credential, now: datetime) -> tuple[Fault, ...]:
    """Return everything wrong with a credential at a moment, what is refused first.

    Args:
        one: The credential.
        now: The moment (aware).
    """
    found = (*one.found, *_of_dates(one, now), *_of_strength(one), *_of_trust(one, now))
    return tuple(sorted(found, key=lambda each: each.weight is not Weight.REFUSED))


def refusals(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Return those faults for which a sheet is refused."""
    return tuple(each for each in faults if each.weight is Weight.REFUSED)


#: Fault of what is not there, or cannot be read: it may still be brought.
ABSENT = "ABSENT"
#: Faults that come with a day, and not with a change.
ENDED = frozenset({"EXPIRED", "CHAIN_EXPIRED"})


def _of_dates(one: Credential, now: datetime) -> Iterator[Fault]:
    if one.until is not None and one.until <= now:
        end = f"{one.until:%Y-%m-%d %H:%M} UTC"
        yield fault(
            "EXPIRED",
            Weight.REFUSED,
            f"expiré le {end} ; faites-en établir un autre et inscrivez-le dans la fiche",
            f"expired on {end}; get another one and put it into the sheet",
        )
    if one.since is not None and now < one.since and one.turn is Turn.CURRENT:
        start = f"{one.since:%Y-%m-%d %H:%M} UTC"
        yield fault(
            "NOT_YET_VALID",
            Weight.REFUSED,
            f"valable seulement à partir du {start} ; jusque-là sa place est sous [next]",
            f"valid only from {start} on; until then it belongs under [next]",
        )


def _of_strength(one: Credential) -> Iterator[Fault]:
    least = _LEAST_BITS.get(one.algorithm, 0)
    if one.algorithm in _WEAK_KEYS or (one.bits or least) < least:
        found = f"{one.algorithm} {one.bits} bits"
        yield fault(
            "WEAK_KEY",
            Weight.REFUSED,
            f"clé trop faible, {found} ; attendu au moins : ed25519, ECDSA 256 ou RSA 2048 bits",
            f"key too weak, {found}; expected at least: ed25519, ECDSA 256 or RSA 2048 bits",
        )
    if one.digest in _WEAK_DIGESTS and one.kind is not CredentialKind.ANCHOR:
        yield fault(
            "WEAK_DIGEST",
            Weight.REFUSED,
            f"signé avec {one.digest} ; attendu : sha256 ou mieux, à refaire par son émetteur",
            f"signed with {one.digest}; expected: sha256 or better, to be issued again",
        )


def _of_trust(one: Credential, now: datetime) -> Iterator[Fault]:
    if one.kind is CredentialKind.CERTIFICATE and one.is_authority:
        yield fault(
            "AUTHORITY",
            Weight.REFUSED,
            "certificat d'une autorité ; attendu : celui du partenaire lui-même",
            "the certificate of an authority; expected: that of the partner itself",
        )
    if one.kind is CredentialKind.ANCHOR and not one.is_authority and one.fingerprint:
        yield fault(
            "NO_AUTHORITY",
            Weight.WARNED,
            "ce certificat n'est pas celui d'une autorité : il ne garantit que lui-même",
            "this certificate is not an authority's: it vouches for itself alone",
        )
    if one.chain is Chain.UNTRUSTED:
        yield fault(
            "UNTRUSTED",
            Weight.REFUSED,
            f"aucune autorité de config/anchors ne garantit {one.issuer} (par SHA-256 ou mieux) ;"
            " ajoutez-la, et ses intermédiaires au fichier du partenaire",
            f"no authority of config/anchors vouches for {one.issuer} (with SHA-256 or better);"
            " add it, and its intermediates to the partner's file",
        )
    if one.chain is Chain.UNCHECKED:
        yield fault(
            "UNCHECKED",
            Weight.WARNED,
            f"config/anchors est vide : personne ne garantit {one.issuer}",
            f"config/anchors is empty: nobody vouches for {one.issuer}",
        )
    if one.chain_until is not None and one.chain_until <= now:
        yield fault(
            "CHAIN_EXPIRED",
            Weight.REFUSED,
            f"une autorité qui le garantit a expiré le {one.chain_until:%Y-%m-%d %H:%M} UTC",
            f"an authority that vouches for it expired on {one.chain_until:%Y-%m-%d %H:%M} UTC",
        )
