"""Where signed heads of the chain are kept, out of reach of who owns the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.model.seal import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeal:
    """One file that is called a seal.

    Attributes:
        name: What it is called.
        seal: What it says, if it can be believed; None if not.
        trouble: Why it cannot be believed; empty if it can.
    """

    name: str
    seal: Seal | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What proves a seal to others.

    Attributes:
        content: The file: the line that is signed, and its signature.
        key: Fingerprint of the key.
        public: The key's public half, PEM.
    """

    content: bytes
    key: str
    public: bytes


class Seals(Protocol):
    """The folder of seals."""

    def names(self) -> Collection[str]:
        """Return what all seals are called, believed or not.

        Raises:
            SealError: The folder cannot be read.
        """

    def read(self, name: str) -> FoundSeal:
        """Return one seal, its signature checked."""

    def all(self) -> Iterator[FoundSeal]:
        """Yield every seal by name."""

    def signed(self, seal: Seal) -> Signed:
        """Return a seal that was read, as anybody can check it.

        Raises:
            SealError: Its file, or the public key, is gone.
        """

    def write(self, seal: Seal) -> bool:
        """Sign and keep a seal for ever; False if it is there already.

        Raises:
            SealError: It could not be signed or kept, or another one has its name.
        """
