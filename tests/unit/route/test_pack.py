"""A lot's bytes: any reader opens them, and packing again gives the same."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.connection import Envelope
from pipeline.model.errors import NotCarried
from pipeline.model.identity import DocumentId, OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.route.pack import pack, pack_tar_gz

names = st.text("abc-_.0123456789", min_size=1, max_size=120).map(lambda text: f"x{text}.xml")
members = st.lists(
    st.tuples(names, st.binary(max_size=2000)), max_size=5, unique_by=lambda one: one[0]
)


@given(members)
def test_what_was_packed_is_read_back_in_order(packed: list[tuple[str, bytes]]) -> None:
    """By Python's own reader, which is not ours."""
    with tarfile.open(fileobj=io.BytesIO(pack_tar_gz(packed)), mode="r:gz") as tar:
        read = [(one.name, _read(tar, one)) for one in tar.getmembers()]

    assert read == packed


def test_the_same_documents_make_the_same_bytes() -> None:
    """So a file at the recipient's is recognised as the one that was to be sent.

    No moment is in it, neither the archive's nor a member's, and nobody's name.
    """
    documents = [("a.xml", b"<a/>"), ("b.xml", b"<b/>" * 1000)]

    packed = pack_tar_gz(documents)

    assert packed == pack_tar_gz(iter(documents))
    assert struct.unpack("<4xI", packed[:8]) == (0,)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        facts = {(one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) for one in tar}
    assert facts == {(0, 0, 0, "", "", 0o644)}


def test_members_are_plain_files_packed_small() -> None:
    """Recipients refuse anything else, and 200 invoices look much alike."""
    packed = pack_tar_gz([("a.xml", b"<a/>" * 10_000)])

    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert all(one.isreg() for one in tar)
    assert len(packed) < len(gzip.decompress(packed)) / 20


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    assert stream is not None
    return stream.read()


def test_several_never_leave_as_one() -> None:
    """Taking the first would count the others as delivered."""
    row = OutboxRow(
        key=OutboxKey("D1"),
        kind=OutboxKind.DELIVERY,
        interchange=None,
        connection="city",
        name="a.xml",
        due=datetime(2026, 10, 2, tzinfo=UTC),
        documents=(DocumentId("F1-0001"), DocumentId("F1-0002")),
    )
    members = [("a.xml", b"<a/>"), ("b.xml", b"<b/>")]

    with pytest.raises(NotCarried, match="2 fichiers") as told:
        pack(row, members)

    assert told.value.documents == set(row.documents)
    assert pack(row, members[:1]) == b"<a/>"
    lot = replace(row, envelope=Envelope.TAR_GZ)
    assert pack(lot, members) == pack_tar_gz(members)
