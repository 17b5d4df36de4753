"""The bytes of a delivery, always the same for the same documents."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable


def pack_tar_gz(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack named payloads into one tar.gz.

    No time, owner or path of ours goes in, so packing again gives the same bytes: a
    file found at the recipient's can be recognised as the one that was to be sent.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, payload in members:
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(payload))
    return packed.getvalue()
