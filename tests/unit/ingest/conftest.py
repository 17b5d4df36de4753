"""Builders of flows, sound and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest

#: Header and padded body of one entry.
RawEntry = Callable[..., bytes]
#: A whole tar.gz of some files, in pax format.
TarGz = Callable[..., bytes]

END = bytes(1024)


@pytest.fixture(scope="session")
def tar_gz() -> TarGz:
    """Make a tar.gz: ``tar_gz(("a.xml", b"<a/>"), ("b.xml", b"<b/>"), format=…)``."""

    def make(*files: tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002  # tarfile's word
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format) as archive:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return gzip.compress(out.getvalue())

    return make


@pytest.fixture(scope="session")
def raw_entry() -> RawEntry:
    """Make one tar entry, sound or not: ``raw_entry(name, data, type=b"2", link="/etc/passwd")``.

    ``size`` lies about the length of the data.
    """

    def make(
        name: str,
        data: bytes = b"",
        *,
        type: bytes = tarfile.REGTYPE,  # noqa: A002  # tarfile's word
        link: str = "",
        size: int | None = None,
    ) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = type, link
        info.size = len(data) if size is None else size
        return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)

    return make
