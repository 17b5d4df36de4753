"""Opening flows: what is taken, what is refused, and what is said of it."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.unwrap import EnvelopeRefused, Kind, Member, kind_of, unwrap
from pipeline.model.limits import Limits

RawEntry = Callable[..., bytes]
TarGz = Callable[..., bytes]

LIMITS = Limits()
FLOW = "FSO1100A_ABC123_ABC1231100000000000000001"
END = bytes(1024)
A, B = b"<a>1</a>", b"<b>2</b>"


def _open(data: bytes, limits: Limits = LIMITS) -> list[tuple[int, str, bytes | str]]:
    """Return place, name, and bytes or code of the fault, of each file."""
    return [
        (one.seq, one.name, one.fault.code if one.fault else b"".join(one.chunks))
        for one in unwrap(io.BytesIO(data), limits, FLOW)
    ]


def _refusal(data: bytes, limits: Limits = LIMITS) -> EnvelopeRefused:
    with pytest.raises(EnvelopeRefused) as caught:
        _open(data, limits)
    assert set(caught.value.message) == {"fr", "en"}
    assert all(caught.value.message.values())
    assert caught.value.place.startswith(FLOW)
    return caught.value


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", Kind.EMPTY),
        (b"<Invoice/>", Kind.XML),
        (b"\xef\xbb\xbf \n<a/>", Kind.XML),
        ("<a/>".encode("utf-16"), Kind.XML),
        ("<a/>".encode("utf-16-be"), Kind.XML),
        ("<a/>".encode("utf-32"), Kind.XML),
        (b"\x1f\x8b\x08", Kind.GZIP),
        (b"PK\x03\x04", Kind.ZIP),
        (b"PK\x05\x06", Kind.ZIP),
        (b"%PDF-1.7", Kind.PDF),
        (bytes.fromhex("3082010006092a864886f70d010702"), Kind.P7M),
        (b"-----BEGIN CMS-----\n", Kind.P7M),
        (b"\x30\x82\x01\x00", Kind.UNKNOWN),
        (b"\0\x05\x16\x07\0\x02", Kind.UNKNOWN),
        (b"   ", Kind.UNKNOWN),
        (b"a,b,c", Kind.UNKNOWN),
        (bytes(512), Kind.UNKNOWN),
    ],
)
def test_a_kind_is_told_by_the_first_bytes(head: bytes, kind: Kind) -> None:
    """Names lie; a flow has no extension anyway."""
    assert kind_of(head) is kind


def test_a_file_alone_is_a_flow_of_one() -> None:
    """It has no name inside: the flow's own is its name."""
    data = b"<a>" + b"x" * 200_000 + b"</a>"

    assert _open(data) == [(1, FLOW, data)]


def test_a_pdf_alone_is_a_flow_of_one() -> None:
    """Whether it carries an invoice is asked where it can do no harm."""
    assert _open(b"%PDF-1.7 rest") == [(1, FLOW, b"%PDF-1.7 rest")]


def test_pdfs_may_lie_beside_xml_files(tar_gz: TarGz) -> None:
    """By their suffix or without one."""
    pdf = b"%PDF-1.7 rest"

    found = _open(tar_gz(("a.PDF", pdf), ("b.xml", A), ("c", pdf)))

    assert found == [(1, "a.PDF", pdf), (2, "b.xml", A), (3, "c", pdf)]


@pytest.mark.parametrize("data", [b"<a>" + b"x" * 200_000 + b"</a>", b"%PDF-1.7" + bytes(5000)])
def test_a_document_zipped_alone_is_a_flow_of_one(data: bytes) -> None:
    """Under its name without that of the zip."""
    flow = gzip.compress(data[:100]) + gzip.compress(data[100:])

    for name, inner in {"f.xml.GZ": "f.xml", "f.pdf": "f.pdf", ".gz": ".gz"}.items():
        (member,) = unwrap(io.BytesIO(flow), LIMITS, name)
        assert (member.seq, member.name, b"".join(member.chunks)) == (1, inner, data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(gzip.compress(A), "IRR_TYPE_F", id="gzip"),
        pytest.param(b"PK\x03\x04", "IRR_TYPE_F", id="zip"),
        pytest.param(b"<a>" + b"x" * 98, "IRR_TAILLE_F", id="large"),
    ],
)
def test_what_is_zipped_alone_is_judged_as_a_file(data: bytes, code: str) -> None:
    """An archive in it is one level too many; its size is counted, not believed."""
    limits = replace(LIMITS, file_bytes=100)

    assert _open(gzip.compress(data), limits) == [(1, FLOW, code)]
    assert _open(gzip.compress(data[:100]), limits) != [(1, FLOW, "IRR_TAILLE_F")]


def test_a_document_zipped_alone_is_refused_where_its_gzip_is() -> None:
    """Cut at every byte, nothing of it is taken; an empty one is told as empty."""
    whole = gzip.compress(A)

    assert {_refusal(whole[:cut]).code for cut in range(2, len(whole))} == {"IRR_EXTRAC"}
    assert _refusal(whole + b"x").code == "IRR_EXTRAC"
    assert _refusal(gzip.compress(b"")).code == "IRR_VIDE"
    assert _refusal(gzip.compress(b"<" * 20_000_000)).code == "IRR_EXTRAC"


def test_a_tar_whose_first_name_looks_like_xml_is_a_tar(tar_gz: TarGz) -> None:
    """Its header says so, with a checksum."""
    assert _open(tar_gz(("<a>.xml", A))) == [(1, "<a>.xml", A)]


def test_all_files_together_are_limited(tar_gz: TarGz) -> None:
    """A flow may not be larger unzipped than zipped; headers count."""
    flow = tar_gz(("a.xml", A), ("b.xml", B))

    assert len(_open(flow, replace(LIMITS, flow_bytes=10_240))) == 2
    assert _refusal(flow, replace(LIMITS, flow_bytes=10_239)).code == "IRR_EXTRAC"


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_archive_is_its_files_in_order(tar_gz: TarGz, format: int) -> None:  # noqa: A002  # tarfile's word
    """Long names, deep names, folders, accents: whatever common tools write."""
    long = "factures/" + "a" * 60 + "/" + "b" * 80 + ".xml"
    files = [("./a.xml", A), (long, B), ("été/f.XML", A), ("sans-extension", B), ("a.xml", B)]

    found = _open(tar_gz(*files, format=format))

    assert found == [
        (1, "a.xml", A),
        (2, long, B),
        (3, "été/f.XML", A),
        (4, "sans-extension", B),
        (5, "a.xml", B),
    ]


def test_big_files_come_through_whole(tar_gz: TarGz) -> None:
    """Chunk by chunk, over many blocks, padding left out."""
    noise = random.Random(7)
    files = [
        (f"{size}.xml", b"<" + noise.randbytes(size))
        for size in (510, 511, 512, 4095, 65_535, 300_001)
    ]

    assert [data for _, _, data in _open(tar_gz(*files))] == [data for _, data in files]


def test_what_is_not_read_is_passed_over(tar_gz: TarGz) -> None:
    """A reader may leave a file; the next one starts where it should."""
    flow = io.BytesIO(tar_gz(("a.xml", b"<" + bytes(100_000)), ("b.xml", B)))
    members = unwrap(flow, LIMITS, FLOW)

    first, second = next(members), next(members)

    assert b"".join(second.chunks) == B
    with pytest.raises(ValueError, match="before the next"):
        list(first.chunks)


def test_folders_and_shared_headers_are_no_files(raw_entry: RawEntry) -> None:
    """``tar`` writes folders, ``git archive`` a comment for all that follows."""
    comment = b"19 comment=release\n14 path=x.xml\n"
    tar = raw_entry("d/", type=tarfile.DIRTYPE) + raw_entry("pax", comment, type=b"g")
    tar += raw_entry("d/a.xml", A) + END

    assert _open(gzip.compress(tar)) == [(1, "d/a.xml", A)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="no-byte"),
        pytest.param(gzip.compress(END), id="no-file"),
        pytest.param(gzip.compress(bytes(10_240)), id="no-file-padded"),
    ],
)
def test_an_empty_flow_is_told_as_empty(data: bytes) -> None:
    """IRR_VIDE: the sender's export made nothing."""
    assert _refusal(data).code == "IRR_VIDE"


@pytest.mark.parametrize("data", [b"\x89PNG\r\n", b"\x30\x82\x01\x00", b"a;b;c"])
def test_other_types_are_refused_by_name(data: bytes) -> None:
    """The answer says what is taken instead."""
    refusal = _refusal(data)

    assert refusal.code == "IRR_TYPE"
    assert "tar.gz" in refusal.message["fr"]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("vide.xml", b"", "IRR_VIDE_F"),
        ("saut\nde ligne.xml", A, "IRR_NOM_F"),
        ("echap\x1b[31m.xml", A, "IRR_NOM_F"),
        ("a" * 1100, A, "IRR_NOM_F"),
        ("./", A, "IRR_NOM_F"),
        ("f.pdf", A, "IRR_TYPE_F"),
        ("f.xml.exe", A, "IRR_TYPE_F"),
        ("f.xml", b"%PDF-1.7", "IRR_TYPE_F"),
        ("f.p7m", A, "IRR_TYPE_F"),
        ("f.", A, "IRR_TYPE_F"),
        ("f.xml", b"PK\x03\x04", "IRR_TYPE_F"),
        ("f.xml", b"\x1f\x8b\x08", "IRR_TYPE_F"),
        ("f.zip", b"PK\x03\x04", "IRR_TYPE_F"),
        ("f.tar.gz", b"\x1f\x8b\x08", "IRR_TYPE_F"),
        ("._f.xml", b"\0\x05\x16\x07", "IRR_TYPE_F"),
        ("f.xml", b"<" + bytes(100), "IRR_TAILLE_F"),
    ],
)
def test_a_faulty_file_does_not_hide_the_others(
    tar_gz: TarGz, name: str, data: bytes, code: str
) -> None:
    """An atomic flow's answer lists every broken file, not the first one."""
    limits = replace(LIMITS, file_bytes=100)

    found = _open(tar_gz(("a.xml", A), (name, data), ("b.xml", B)), limits)

    assert [(seq, what) for seq, _, what in found] == [(1, A), (2, code), (3, B)]


def test_a_fault_is_told_with_its_place(tar_gz: TarGz) -> None:
    """In words that the sender can act on, and with a name that cannot break a log."""
    (member,) = unwrap(io.BytesIO(tar_gz(("dos\x07sier/vide.xml", b""))), LIMITS, FLOW)

    assert isinstance(member, Member)
    assert member.fault is not None
    assert (member.name, member.fault.place) == ("dos\\x07sier/vide.xml",) * 2
    assert member.fault.message["fr"].startswith("fichier de 0 octet. Corrigez ce fichier")
    assert member.fault.message["en"].startswith("file of 0 bytes. Correct this file")
    assert list(member.chunks) == []


def test_an_endless_name_is_cut(tar_gz: TarGz) -> None:
    """It is refused, and told, but not carried into every table and page."""
    (member,) = unwrap(io.BytesIO(tar_gz(("a" * 5000 + ".xml", A))), LIMITS, FLOW)

    assert member.name == "a" * 1024


@pytest.mark.parametrize("alone", [True, False])
def test_the_size_limit_of_a_file_is_kept_to_the_byte(tar_gz: TarGz, alone: bool) -> None:
    """At the limit it is taken; one more is IRR_TAILLE_F, alone or in an archive."""
    data = b"<a>" + b"x" * 93 + b"</a>"
    flow = data if alone else tar_gz(("a.xml", data))

    assert [what for *_, what in _open(flow, replace(LIMITS, file_bytes=100))] == [data]
    assert [what for *_, what in _open(flow, replace(LIMITS, file_bytes=99))] == ["IRR_TAILLE_F"]


def test_the_number_of_files_is_limited(tar_gz: TarGz) -> None:
    """Faulty ones count: they cost as much."""
    flow = tar_gz(("a.xml", A), ("b.pdf", B), ("c.xml", A))

    assert len(_open(flow, replace(LIMITS, documents=3))) == 3
    assert _refusal(flow, replace(LIMITS, documents=2)).code == "IRR_EXTRAC"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("../a.xml", {}, id="parent"),
        pytest.param("d/../../a.xml", {}, id="parent-inside"),
        pytest.param("d/..", {"type": tarfile.DIRTYPE}, id="parent-folder"),
        pytest.param("/etc/passwd", {}, id="absolute"),
        pytest.param("..\\a.xml", {}, id="windows-parent"),
        pytest.param("C:\\a.xml", {}, id="windows-drive"),
        pytest.param("\\\\host\\a.xml", {}, id="windows-share"),
        pytest.param("a.xml", {"type": tarfile.SYMTYPE, "link": "/etc/passwd"}, id="symlink"),
        pytest.param("a.xml", {"type": tarfile.LNKTYPE, "link": "../b.xml"}, id="hard-link"),
        pytest.param("a.xml", {"type": tarfile.CHRTYPE}, id="device"),
        pytest.param("a.xml", {"type": tarfile.BLKTYPE}, id="disk"),
        pytest.param("a.xml", {"type": tarfile.FIFOTYPE}, id="pipe"),
        pytest.param("a.xml", {"type": tarfile.GNUTYPE_SPARSE}, id="sparse"),
        pytest.param("a.xml", {"type": tarfile.GNUTYPE_LONGLINK}, id="long-link"),
        pytest.param("a.xml", {"type": b"M"}, id="volume"),
        pytest.param("a.xml", {"type": b"?"}, id="unknown"),
    ],
)
def test_what_is_no_plain_file_refuses_the_flow(
    raw_entry: RawEntry, name: str, options: dict[str, object]
) -> None:
    """No honest export makes these; the sound file before does not save the flow."""
    tar = raw_entry("ok.xml", A) + raw_entry(name, **options) + END

    refusal = _refusal(gzip.compress(tar))

    assert refusal.code == "IRR_EXTRAC"
    assert refusal.place != FLOW  # the entry is named


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(b"22 GNU.sparse.major=1\n", id="sparse"),
        pytest.param(b"18 path=../../a.xml\n", id="length-lies"),
        pytest.param(b"20 path=../../a.xml\n", id="parent"),
        pytest.param(b"99999 path=a.xml\n", id="too-long"),
        pytest.param(b"5 path=a.xml\n", id="too-short"),
        pytest.param(b"path=a.xml\n", id="no-length"),
        pytest.param(b"14 path=a.xml\n\n", id="no-record"),
        pytest.param(b"14 path=a.xml ", id="no-line-end"),
        pytest.param(b"11 size=-1\n", id="negative-size"),
        pytest.param(b"12 size=1e3\n", id="size-in-words"),
        pytest.param(b"9" * 30 + b" path=a\n", id="endless-length"),
    ],
)
def test_odd_extended_headers_refuse_the_flow(raw_entry: RawEntry, records: bytes) -> None:
    """Two readers that understand a header differently see two archives."""
    tar = raw_entry("pax", records, type=tarfile.XHDTYPE) + raw_entry("a.xml", A) + END

    assert _refusal(gzip.compress(tar)).code == "IRR_EXTRAC"


@pytest.mark.parametrize("type", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_an_extended_header_is_bounded(raw_entry: RawEntry, type: bytes) -> None:  # noqa: A002  # tarfile's word
    """It is held in memory: 64 kB are enough for any name."""
    tar = raw_entry("x", b"x" * 65_537, type=type) + raw_entry("a.xml", A) + END

    refusal = _refusal(gzip.compress(tar))

    assert (refusal.code, "65537" in refusal.message["fr"]) == ("IRR_EXTRAC", True)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda whole: b"?" + whole[1:], id="no-tar"),
        pytest.param(lambda whole: whole[:1024] + b"?" + whole[1025:], id="damaged-header"),
        pytest.param(lambda whole: whole[:1024], id="no-end"),
        pytest.param(lambda whole: whole[:1500], id="short-header"),
        pytest.param(lambda whole: whole[:514], id="short-data"),
        pytest.param(lambda whole: whole + whole, id="two-archives"),
        pytest.param(lambda whole: whole + b"<c/>", id="something-behind"),
    ],
)
def test_a_tar_that_is_not_whole_is_refused(
    raw_entry: RawEntry, build: Callable[[bytes], bytes]
) -> None:
    """What lies behind a damage would be lost in silence."""
    whole = raw_entry("a.xml", A) + raw_entry("b.xml", B) + END

    assert _refusal(gzip.compress(build(whole))).code == "IRR_EXTRAC"


@pytest.mark.parametrize("size", [1500, 10**7, 2**70, -1])
def test_a_lying_size_is_found(raw_entry: RawEntry, size: int) -> None:
    """The header says more than there is: the flow ends within the file."""
    tar = raw_entry("a.xml", A, size=size) + END

    assert _refusal(gzip.compress(tar)).code == "IRR_EXTRAC"


def test_a_flow_truncated_anywhere_is_refused(tar_gz: TarGz) -> None:
    """At every twentieth of it, and one byte before its end."""
    noise = random.Random(3)
    whole = tar_gz(*((f"{n}.xml", b"<" + noise.randbytes(5000)) for n in range(5)))

    cuts = [len(whole) * part // 20 for part in range(1, 20)] + [len(whole) - 1]
    codes = {_refusal(whole[:cut]).code for cut in cuts}

    assert codes == {"IRR_EXTRAC"}


def test_a_flow_with_one_wrong_byte_is_refused_or_the_same(tar_gz: TarGz) -> None:
    """Gzip's checksum covers every byte of every document."""
    noise = random.Random(5)
    whole = tar_gz(("a.xml", b"<" + noise.randbytes(3000)))
    sound = _open(whole)

    for at in noise.sample(range(10, len(whole)), 200):
        broken = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        try:
            assert _open(broken) == sound
        except EnvelopeRefused as refusal:
            assert refusal.code == "IRR_EXTRAC"  # noqa: PT017  # either is right


def test_several_gzip_members_are_one_stream(raw_entry: RawEntry) -> None:
    """RFC 1952 says so, and ``cat a.gz b.gz`` and parallel zippers make them."""
    tar = raw_entry("a.xml", A) + raw_entry("b.xml", B) + END

    flow = b"".join(gzip.compress(tar[at : at + 700]) for at in range(0, len(tar), 700))

    assert _open(flow) == [(1, "a.xml", A), (2, "b.xml", B)]
    assert _open(flow + bytes(100_000)) == [(1, "a.xml", A), (2, "b.xml", B)]


def test_a_gzip_member_may_begin_at_the_end_of_what_was_read(raw_entry: RawEntry) -> None:
    """Its two first bytes need not come together."""
    tar = raw_entry("a.xml", A) + END
    first, second = gzip.compress(tar[:700]), gzip.compress(tar[700:])
    # a file name in the gzip header fills the first read but for one byte
    name = b"n" * (65_536 - 1 - len(first) - 1) + b"\0"
    named = first[:3] + b"\x08" + first[4:10] + name + first[10:]

    assert len(named) == 65_535
    assert _open(named + second) == [(1, "a.xml", A)]


@pytest.mark.parametrize(
    "tail", [b"x", b"\x1f", b"\0\0\x1f\x8b", bytes(100_000) + b"x", gzip.compress(b"") * 1000]
)
def test_anything_else_behind_the_gzip_is_refused(tar_gz: TarGz, tail: bytes) -> None:
    """Null bytes pad; other bytes are something that was not looked at."""
    assert _refusal(tar_gz(("a.xml", A)) + tail).code == "IRR_EXTRAC"


def _bomb(megabytes: int, raw_entry: RawEntry, part: bytes) -> bytes:
    size = megabytes * 1_000_000
    header = raw_entry("a.xml", size=size)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as zipped:
        zipped.write(header)
        for _ in range(megabytes):
            zipped.write(part)
        zipped.write(bytes(-size % 512) + END)
    return out.getvalue()


def test_a_bomb_is_stopped_early_and_in_little_memory(raw_entry: RawEntry) -> None:
    """30 MB from 30 kB: given up when ten are made."""
    bomb = _bomb(30, raw_entry, b"<" * 1_000_000)
    tracemalloc.start()
    started = time.perf_counter()

    refusal = _drain(bomb)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refusal is not None
    assert (refusal.code, "100" in refusal.message["fr"]) == ("IRR_EXTRAC", True)
    assert time.perf_counter() - started < 2
    assert peak < 3_000_000


def _drain(flow: bytes, limits: Limits = LIMITS) -> EnvelopeRefused | None:
    try:
        for member in unwrap(io.BytesIO(flow), limits, FLOW):
            for _ in member.chunks:
                pass
    except EnvelopeRefused as refusal:
        return refusal
    return None


def test_empty_gzip_members_do_not_feed_the_ratio(raw_entry: RawEntry) -> None:
    """Every byte that came is counted once."""
    bomb = _bomb(30, raw_entry, b"<" * 1_000_000)

    assert _drain(gzip.compress(b"") * 900 + bomb) is not None


def test_the_ratio_is_not_asked_of_small_flows(raw_entry: RawEntry) -> None:
    """Two hundred invoices of one month resemble each other."""
    assert _drain(_bomb(9, raw_entry, b"<" * 1_000_000)) is None


def test_the_ratio_is_a_setting(raw_entry: RawEntry) -> None:
    """At most so many bytes for each one that came."""
    noise = random.Random(1).randbytes(20_000)
    flow = _bomb(12, raw_entry, noise + b"<" * 980_000)  # about 46 to 1

    assert _drain(flow, replace(LIMITS, ratio=60)) is None
    assert _drain(flow, replace(LIMITS, ratio=30)) is not None


def test_thousands_of_folders_are_no_way_around_the_ratio(raw_entry: RawEntry) -> None:
    """Headers are bytes that were made, too."""
    folder = raw_entry("d/", type=tarfile.DIRTYPE)

    assert _refusal(gzip.compress(folder * 20_000 + END)).code == "IRR_EXTRAC"


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_opened_or_refused(
    tar_gz: TarGz, raw_entry: RawEntry, data: st.DataObject
) -> None:
    """Whatever a partner sends, it is an answer and never a crash."""
    bodies = st.binary(max_size=40)
    piece = st.builds(
        lambda name, body, kind: raw_entry(name, body, type=kind),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
        bodies,
        st.sampled_from([b"0", b"0", b"0", b"5", b"x", b"g", b"L", b"2", b"S"]),
    )
    tar = b"".join(data.draw(st.lists(piece | bodies, max_size=4)))
    flow = data.draw(
        st.sampled_from(
            [gzip.compress(tar + END), gzip.compress(tar), tar, tar_gz(("a.xml", A)) + tar]
        )
    )

    refused = _drain(flow, replace(LIMITS, documents=2, file_bytes=30))

    assert refused is None or refused.code in {"IRR_VIDE", "IRR_TYPE", "IRR_EXTRAC"}
