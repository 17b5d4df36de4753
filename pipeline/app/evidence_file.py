"""Open an evidence file that anybody may have written, and check it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from pipeline.evidence.bundle import SEALS, Bundle, read
from pipeline.evidence.check import Checked, check
from pipeline.ingest.entry import ArchiveFault
from pipeline.ingest.zip import entries
from pipeline.model.errors import EvidenceFault
from pipeline.model.limits import Limits
from pipeline.model.seal import Seal

#: Returns the reader of seals that a public key (PEM) believes, and the key's fingerprint.
#: Raises ValueError where it is no such key.
Trust = Callable[[bytes], tuple[str, Callable[[bytes], Seal]]]

#: More than any invoice is told by; an invoice is 100 MB at most, and a busy day's chain as much.
_LIMITS = Limits(documents=10_000, flow_bytes=2_000_000_000, file_bytes=2_000_000_000)
_PUBLIC = ".pub"


def open_evidence(stream: BinaryIO) -> Bundle:
    """Read an evidence file.

    Raises:
        EvidenceFault: It is none, or a byte of it was changed.
    """
    try:
        files = {
            one.name.decode("utf-8", "backslashreplace"): b"".join(one.body)
            for one in entries(stream, _LIMITS)
        }
    except ArchiveFault as fault:
        raise EvidenceFault(fault.fr, fault.en) from fault
    stream.seek(0)
    return read(stream.read(), files)


def check_evidence(bundle: Bundle, trust: Trust, public: bytes | None) -> tuple[Checked, str]:
    """Check an evidence file.

    Args:
        bundle: What it holds.
        trust: Makes a reader of seals out of a public key.
        public: The key that is trusted (PEM); None to take the one inside.

    Returns:
        What it proves, and the fingerprint of the key; empty where nothing is sealed.

    Raises:
        EvidenceFault: It cannot be read as one, or the key is none.
    """
    named = sorted(
        name for name in bundle.files if name.startswith(SEALS) and name.endswith(_PUBLIC)
    )
    inside = bundle.files[named[-1]] if named else None
    key = public or inside
    if key is None:
        return check(bundle, _unsigned), ""
    try:
        fingerprint, read_seal = trust(key)
    except ValueError as error:
        raise EvidenceFault(f"clé publique : {error}", f"public key: {error}") from error

    def believed(content: bytes) -> Seal:
        try:
            return read_seal(content)
        except ValueError as error:
            raise EvidenceFault(f"sceau : {error}", f"seal: {error}") from error

    return check(bundle, believed), fingerprint


def _unsigned(_: bytes) -> Seal:
    raise EvidenceFault("un sceau sans clé publique", "a seal without a public key")
