"""Seals as files, ``DAY.seal``, written once: a line of JSON, and a line that signs it.

They can be checked without this program: the second line is the Ed25519 signature of the
first, in base 64; the public key is the file ``KEY.pub`` (PEM) beside them, KEY being the
first half of its SHA-256.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from pipeline.adapters.files import sync, write_new
from pipeline.adapters.owned import OwnedFolder
from pipeline.model.errors import ConfigError, PipelineError, SealError
from pipeline.model.seal import Seal
from pipeline.ports.failpoint import failpoint
from pipeline.ports.seals import FoundSeal, Signed

_ENDING = ".seal"
_FINGERPRINT = 32


class SealFolder:
    """`ports.seals.Seals` in one folder.

    Args:
        folder: Where they lie; it may belong to another account that lets us add files.
        secret: Returns the signing key, 32 bytes.
        trusted: Fingerprints of other keys whose seals are believed.
    """

    def __init__(
        self, folder: Path, secret: Callable[[], bytes], trusted: Collection[str] = ()
    ) -> None:
        self._folder = folder
        self._secret = secret
        self._trusted = frozenset(trusted)

    def names(self) -> Collection[str]:
        """Return what all seals are called, believed or not."""
        try:
            return sorted(path.stem for path in self._folder.iterdir() if _is_seal(path))
        except OSError as error:
            raise SealError(f"{self._folder}: {error.strerror}") from error

    def read(self, name: str) -> FoundSeal:
        """Return one seal, its signature checked."""
        try:
            text, signature = _lines(self._folder / f"{name}{_ENDING}")
            seal, key = Seal.read(text)
            self._public_key(key).verify(signature, text)
        except OSError as error:
            return FoundSeal(name=name, seal=None, trouble=f"{error.filename}: {error.strerror}")
        except InvalidSignature:
            return FoundSeal(name=name, seal=None, trouble="signature fausse / wrong signature")
        except (ValueError, PipelineError) as error:
            return FoundSeal(name=name, seal=None, trouble=str(error))
        if seal.name != name:
            return FoundSeal(name=name, seal=None, trouble=f"c'est celui de / it is {seal.name}")
        return FoundSeal(name=name, seal=seal)

    def all(self) -> Iterator[FoundSeal]:
        """Yield every seal by name."""
        for name in self.names():
            yield self.read(name)

    def signed(self, seal: Seal) -> Signed:
        """Return a seal that was read, as anybody can check it."""
        try:
            content = (self._folder / f"{seal.name}{_ENDING}").read_bytes()
            key = Seal.read(content.partition(b"\n")[0] + b"\n")[1]
            return Signed(content, key, (self._folder / f"{key}.pub").read_bytes())
        except OSError as error:
            raise SealError(f"{error.filename}: {error.strerror}") from error

    def write(self, seal: Seal) -> bool:
        """Sign and keep a seal for ever; False if it is there already."""
        text = seal.text(self.fingerprint)
        signature = b64encode(self._key.sign(text)) + b"\n"
        return self._keep(f"{seal.name}{_ENDING}", text + signature)

    def publish(self) -> Path:
        """Write the public key beside the seals, if it is not there; return its file."""
        name = f"{self.fingerprint}.pub"
        pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._keep(name, pem)
        return self._folder / name

    @cached_property
    def fingerprint(self) -> str:
        """Return the fingerprint of the signing key.

        Raises:
            ConfigError: There is no such key.
        """
        return _fingerprint(self._key.public_key())

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secret())

    def _public_key(self, fingerprint: str) -> Ed25519PublicKey:
        """Return a key that is believed.

        Raises:
            SealError: It is none of ours, or its file is not what its name says.
        """
        try:
            if fingerprint == self.fingerprint:
                return self._key.public_key()
        except ConfigError:
            if fingerprint not in self._trusted:
                raise SealError(
                    "la clé n'est pas ici, ni sa moitié publique parmi [seal] trusted"
                    " / the key is not here, nor its public half among [seal] trusted"
                ) from None
        if fingerprint not in self._trusted:
            raise SealError(f"clé inconnue / unknown key {fingerprint[:_FINGERPRINT]!r}")
        path = self._folder / f"{fingerprint}.pub"
        key = serialization.load_pem_public_key(path.read_bytes())
        if not isinstance(key, Ed25519PublicKey) or _fingerprint(key) != fingerprint:
            raise SealError(f"{path}: n'est pas cette clé / is not that key")
        return key

    def _keep(self, name: str, content: bytes) -> bool:
        """Make a file appear, whole and durable, never in place of other content."""
        path = self._folder / name
        try:
            mine = OwnedFolder(self._folder)  # what a crash leaves in it, the next one removes
            try:
                return self._link(_written(mine.path / name, content), path)
            finally:
                mine.close()
        except OSError as error:
            raise SealError(f"{error.filename or path}: {error.strerror}") from error

    def _link(self, part: Path, path: Path) -> bool:
        failpoint("seal.written")
        try:
            os.link(part, path)
        except FileExistsError:
            if path.read_bytes() == part.read_bytes():
                return False
            raise SealError(
                f"{path}: un autre contenu s'y trouve, rien n'est écrasé"
                " / other content is there, nothing is overwritten"
            ) from None
        failpoint("seal.kept")
        sync(self._folder)
        return True


def key_named(public: bytes) -> tuple[str, Ed25519PublicKey]:
    """Return the fingerprint of a public key (PEM), and the key.

    Raises:
        ValueError: It is none of this kind.
    """
    try:
        key = serialization.load_pem_public_key(public)
    except (UnsupportedAlgorithm, ValueError) as error:
        raise ValueError("PEM attendu / PEM expected") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("n'est pas une clé Ed25519 / is no Ed25519 key")  # noqa: TRY004  # said
    return _fingerprint(key), key


def read_signed(content: bytes, key: Ed25519PublicKey) -> Seal:
    """Read a seal that a key has signed.

    Raises:
        ValueError: It is no seal, or this key did not sign it.
    """
    text, _, signature = content.partition(b"\n")
    seal, named = Seal.read(text + b"\n")
    try:
        key.verify(b64decode(signature.strip(), validate=True), text + b"\n")
    except InvalidSignature:
        raise ValueError("signature fausse / wrong signature") from None
    if named != _fingerprint(key):
        raise ValueError("clé d'un autre nom / key of another name")
    return seal


def _written(part: Path, content: bytes) -> Path:
    write_new(part, content)
    sync(part)
    return part


def _is_seal(path: Path) -> bool:
    return path.suffix == _ENDING and not path.name.startswith(".")


def _lines(path: Path) -> tuple[bytes, bytes]:
    """Return what is signed, and the signature.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no seal.
    """
    text, _, signature = path.read_bytes().partition(b"\n")
    return text + b"\n", b64decode(signature.strip(), validate=True)


def _fingerprint(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).hexdigest()[:_FINGERPRINT]
