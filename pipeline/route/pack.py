"""The bytes of a delivery, always the same for the same documents."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Sequence

from pipeline.model.connection import Envelope
from pipeline.model.errors import NotCarried
from pipeline.model.outbox import OutboxRow

#: Half the time of the highest, for a file that is a twelfth larger; what is attached to invoices
#: does not compress at any.
_LEVEL = 6


def pack(row: OutboxRow, members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the bytes that leave for a row: its members by name, packed as it says.

    Raises:
        NotCarried: Several would have to leave in a file that holds one.
    """
    if row.envelope is Envelope.TAR_GZ:
        return pack_tar_gz(members)
    if len(members) != 1:
        raise NotCarried(
            f"{row.name}: {len(members)} fichiers dans un envoi qui n'en tient qu'un"
            " / files in a delivery that holds one",
            row.documents,
        )
    return members[0][1]


def pack_tar_gz(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack named payloads into one tar.gz.

    No time, owner or path of ours goes in, so packing again gives the same bytes: a
    file found at the recipient's can be recognised as the one that was to be sent.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_LEVEL, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, payload in members:
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(payload))
    return packed.getvalue()
