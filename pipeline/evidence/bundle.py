"""One zip that tells everything of one invoice, and its manifest.

The same content gives the same bytes, on any machine: files are stored, not compressed, in
the order of their names, without a time. So a byte that was changed shows, wherever it is.

Source:
    PKWARE, APPNOTE.TXT 6.3.10, 4.3.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from pipeline.model.errors import EvidenceFault

SCHEMA = "edi-evidence/1"
MANIFEST, RECORD, PROOF, README = "manifest.json", "record.json", "proof.json", "LISEZMOI.html"
#: Where the files of the invoice lie, and what the chain was signed with.
INVOICE, DELIVERED, ANSWERED, TOLD, SAID, SEALS = (
    "invoice/",
    "delivered/",
    "answered/",
    "told/",
    "said/",
    "seals/",
)
#: The first moment that a zip can tell.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is in it, by name; the manifest is made of that.

    Attributes:
        record: What the hub tells of the invoice, JSON values.
        proof: Events, and how they hang together, JSON values.
        files: Bytes of everything else, by name.
    """

    record: Mapping[str, object]
    proof: Mapping[str, object]
    files: Mapping[str, bytes]

    def write(self) -> bytes:
        """Write the zip."""
        files = {**self.files, RECORD: _json(self.record), PROOF: _json(self.proof)}
        return pack({**files, MANIFEST: _json(_manifest(files))})


def read(payload: bytes, files: Mapping[str, bytes]) -> Bundle:
    """Return what a zip holds, once it is known to be what was written.

    Args:
        payload: The zip.
        files: Its files, by name.

    Raises:
        EvidenceFault: It is no such zip, or a byte of it was changed.
    """
    try:
        manifest = json.loads(files[MANIFEST])
        record, proof = json.loads(files[RECORD]), json.loads(files[PROOF])
    except (KeyError, ValueError, RecursionError):
        raise EvidenceFault(
            "ce n'est pas un dossier de preuve complet", "not a whole evidence file"
        ) from None
    others = {name: content for name, content in files.items() if name != MANIFEST}
    if not (isinstance(record, dict) and isinstance(proof, dict)) or not isinstance(
        manifest, dict
    ):
        raise EvidenceFault("ce n'est pas un dossier de preuve", "not an evidence file")
    if manifest.get("schema") != SCHEMA:
        found = str(manifest.get("schema"))[:40]
        raise EvidenceFault(
            f"version « {found} » inconnue ; attendue : {SCHEMA}",
            f"version '{found}' unknown; expected: {SCHEMA}",
        )
    if manifest != _manifest(others):
        raise EvidenceFault(
            "un fichier n'est pas celui que le manifeste nomme",
            "a file is not the one that the manifest names",
        )
    if pack(files) != payload:
        raise EvidenceFault(
            "l'archive n'est pas telle qu'elle fut écrite", "the archive is not as it was written"
        )
    left = {name: content for name, content in others.items() if name not in {RECORD, PROOF}}
    return Bundle(record, proof, left)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Write files into one zip, stored, by name."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, files[name])
    return written.getvalue()


def _manifest(files: Mapping[str, bytes]) -> dict[str, object]:
    listed = [
        {"name": name, "size": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    return {"schema": SCHEMA, "files": listed}


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1)
    return text.encode("ascii") + b"\n"
