"""Opening zips: what common tools write is taken, what two readers may read as two is not."""

from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingest.unwrap import EnvelopeRefused, unwrap
from pipeline.model.limits import Limits

Zipped = Callable[..., bytes]
RawZip = Callable[..., bytes]

LIMITS = Limits()
FLOW = "FSO1100A_ABC123_ABC1231100000000000000001"
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
    assert caught.value.place.startswith(FLOW)
    return caught.value


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_its_files_in_order(zip_of: Zipped, method: int, streamed: bool) -> None:
    """Folders, deep and long names, accents, written to a file or to a pipe."""
    long = "factures/" + "b" * 200 + ".xml"
    big = b"<" + random.Random(1).randbytes(200_000)
    files = [("d/", b""), ("./a.xml", A), (long, B), ("été/f.XML", big), ("sans-extension", B)]

    found = _open(zip_of(*files, method=method, streamed=streamed))

    assert found == [
        (1, "a.xml", A),
        (2, long, B),
        (3, "été/f.XML", big),
        (4, "sans-extension", B),
    ]


def test_a_zip64_is_read_as_any_other() -> None:
    """Some tools write wide fields for small archives, too."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.xml", "w", force_zip64=True) as file:
            file.write(A)
        archive.writestr("b.xml", B)
    narrow = out.getvalue()
    end = narrow.rindex(b"PK\5\6")
    *_, count, size, offset, _ = struct.unpack_from("<4s4H2IH", narrow, end)
    wide = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset
    ) + struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    sentinels = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)

    assert _open(narrow[:end] + wide + sentinels) == [(1, "a.xml", A), (2, "b.xml", B)]
    # two counts, two archives
    other = sentinels.replace(b"\xff\xff\xff\xff", b"\1\0\1\0", 1)
    assert _refusal(narrow[:end] + wide + other).code == "IRR_EXTRAC"


def test_sizes_in_a_wide_field_are_read(raw_zip: RawZip, a_piece: Any) -> None:
    """Where the directory says that they stand elsewhere."""
    extra = struct.pack("<HHHHQQ", 0x5455, 0, 1, 16, len(A), len(A))
    wide = a_piece(data=A, size=2**32 - 1, zipped=2**32 - 1, extra=extra)

    assert _open(raw_zip(wide)) == [(1, "a.xml", A)]
    assert _refusal(raw_zip(replace(wide, extra=extra[:-8]))).code == "IRR_EXTRAC"


def test_a_comment_is_no_content(raw_zip: RawZip, a_piece: Any) -> None:
    """It is told in the end record, to the byte."""
    assert _open(raw_zip(a_piece(data=A), comment=b"x" * 65_535)) == [(1, "a.xml", A)]
    for told in (0, 3, 5):
        refusal = _refusal(raw_zip(a_piece(), comment=b"x" * 4, told_comment=told))
        assert refusal.code == "IRR_EXTRAC"


def test_an_empty_zip_is_told_as_empty(zip_of: Zipped) -> None:
    """IRR_VIDE: the sender's export made nothing; folders are nothing."""
    assert _refusal(zip_of()).code == "IRR_VIDE"
    assert _refusal(zip_of(("d/", b""))).code == "IRR_VIDE"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("vide.xml", b"", "IRR_VIDE_F"),
        ("saut\nde ligne.xml", A, "IRR_NOM_F"),
        ("a" * 1100, A, "IRR_NOM_F"),
        ("f.pdf", A, "IRR_TYPE_F"),
        ("f.xml", b"PK\x03\x04", "IRR_TYPE_F"),
        ("f.zip", b"PK\x03\x04", "IRR_TYPE_F"),
        ("f", b"\x1f\x8b\x08", "IRR_TYPE_F"),
        ("f.xml", b"<" + bytes(100), "IRR_TAILLE_F"),
    ],
)
def test_a_faulty_file_does_not_hide_the_others(
    zip_of: Zipped, name: str, data: bytes, code: str
) -> None:
    """The same codes as in a tar.gz; an archive inside is a file of a wrong type."""
    limits = replace(LIMITS, file_bytes=100)

    found = _open(zip_of(("a.xml", A), (name, data), ("b.xml", B)), limits)

    assert [(seq, what) for seq, _, what in found] == [(1, A), (2, code), (3, B)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": b"../a.xml"}, id="parent"),
        pytest.param({"name": b"d/../../a.xml"}, id="parent-inside"),
        pytest.param({"name": b"/etc/passwd"}, id="absolute"),
        pytest.param({"name": b"..\\a.xml"}, id="windows-parent"),
        pytest.param({"name": b"C:\\a.xml"}, id="windows-drive"),
        pytest.param({"mode": 0o120777}, id="symlink"),
        pytest.param({"mode": 0o020644}, id="device"),
        pytest.param({"mode": 0o120777, "made_by": 19}, id="symlink-of-mac"),
        pytest.param({"flags": 1}, id="encrypted"),
        pytest.param({"flags": 1 << 6 | 1}, id="strongly-encrypted"),
        pytest.param({"method": 12}, id="bzip2"),
        pytest.param({"method": 9}, id="deflate64"),
        pytest.param({"name": b"ok.xml"}, id="name-twice"),
        pytest.param({"name": b"./ok.xml"}, id="name-twice-in-other-words"),
        pytest.param({"name": b"d/"}, id="folder-with-content"),
        pytest.param({"disk": 1}, id="on-another-disk"),
        pytest.param({"local_name": b"b.xml"}, id="two-names"),
        pytest.param({"local_size": 3}, id="two-sizes"),
        pytest.param({"size": 3}, id="longer-than-announced"),
        pytest.param({"size": 30}, id="shorter-than-announced"),
        pytest.param({"crc": 1}, id="other-checksum"),
        pytest.param({"offset": 0}, id="overlapping"),
        pytest.param({"zipped": 3}, id="bytes-left-over"),
        pytest.param({"zipped": 100_000}, id="beyond-the-directory"),
        pytest.param({"before": b"PK\3\4" + bytes(90)}, id="something-between"),
        pytest.param({"behind": b"x"}, id="something-behind"),
        pytest.param({"behind": b"x" * 12}, id="descriptor-not-announced"),
        pytest.param({"behind": b"x" * 13, "flags": 8}, id="descriptor-too-long"),
        pytest.param({"method": 8}, id="not-deflated"),
        pytest.param({"method": 8, "body": zlib.compress(A, wbits=-15) + b"xx"}, id="tail"),
        pytest.param({"method": 8, "body": zlib.compress(A, wbits=-15)[:-1]}, id="no-last-block"),
    ],
)
def test_what_may_be_read_in_two_ways_refuses_the_flow(
    raw_zip: RawZip, a_piece: Any, changes: dict[str, Any]
) -> None:
    """The entry is named; the sound file before does not save the flow."""
    whole = raw_zip(a_piece(name=b"ok.xml", data=A), a_piece(**{"data": A, **changes}))

    refusal = _refusal(whole)

    assert refusal.code == "IRR_EXTRAC"
    assert refusal.place.startswith(f"{FLOW} / ")


def test_a_descriptor_behind_a_file_belongs_to_it(raw_zip: RawZip, a_piece: Any) -> None:
    """As many bytes as one has, where the entry says that there is one."""
    piece = a_piece(data=A, flags=8, behind=b"PK\7\x08" + bytes(12))

    assert _open(raw_zip(piece, a_piece(name=b"b.xml", data=B))) == [
        (1, "a.xml", A),
        (2, "b.xml", B),
    ]


def test_names_that_differ_by_case_or_form_are_two_files(zip_of: Zipped) -> None:
    """Names are told, never written: whatever a disk makes of them, both are taken."""
    names = ["a.xml", "A.xml", "\u00e9.xml", "e\u0301.xml", "con", "-rf", "d/con.xml"]

    found = _open(zip_of(*((name, A) for name in names)))

    assert [name for _, name, _ in found] == ["a.xml", "A.xml", *names[2:]]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"caf\x82.xml", "caf\\x82.xml"),
        ("\u202elmx.exe.xml".encode(), "\\xe2\\x80\\xaelmx.exe.xml"),
    ],
)
def test_names_are_shown_escaped(raw_zip: RawZip, a_piece: Any, raw: bytes, shown: str) -> None:
    """Of old code pages, and those that would turn a line around."""
    assert _open(raw_zip(a_piece(name=raw, data=A))) == [(1, shown, A)]


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda whole: b"PK\3\4" + bytes(100) + whole, id="something-before"),
        pytest.param(lambda whole: whole + whole, id="two-archives"),
        pytest.param(lambda whole: whole + b"x", id="something-after"),
        pytest.param(lambda whole: whole[:-22], id="no-end"),
        pytest.param(lambda whole: whole[:-1], id="short-end"),
        pytest.param(lambda whole: whole[:4], id="nothing"),
        pytest.param(lambda whole: whole[:4] + whole[4:].replace(b"PK\3\4", b"PK\3\5"), id="file"),
        pytest.param(lambda whole: whole.replace(b"PK\1\2", b"PK\1\3"), id="directory"),
    ],
)
def test_a_zip_that_is_not_whole_is_refused(
    zip_of: Zipped, build: Callable[[bytes], bytes]
) -> None:
    """What no entry names would be lost in silence."""
    assert _refusal(build(zip_of(("a.xml", A), ("b.xml", B)))).code == "IRR_EXTRAC"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_directory_that_counts_otherwise_is_refused(
    raw_zip: RawZip, a_piece: Any, count: int
) -> None:
    """Readers that count and readers that do not would see two archives."""
    pieces = (a_piece(), a_piece(name=b"b.xml"))

    assert _refusal(raw_zip(*pieces, count=count)).code == "IRR_EXTRAC"


def test_several_volumes_are_refused(raw_zip: RawZip, a_piece: Any) -> None:
    """The rest of them is not here."""
    assert "volumes" in _refusal(raw_zip(a_piece(), disk=1)).message["en"]


def test_the_number_of_files_is_limited(zip_of: Zipped) -> None:
    """Faulty ones count, folders do not."""
    flow = zip_of(("d/", b""), ("d/a.xml", A), ("b.pdf", B), ("c.xml", A))

    assert len(_open(flow, replace(LIMITS, documents=3))) == 3
    assert _refusal(flow, replace(LIMITS, documents=2)).code == "IRR_EXTRAC"


def test_a_million_entries_are_refused_by_their_number(raw_zip: RawZip, a_piece: Any) -> None:
    """Told truly or not, nothing is built of them."""
    directory = raw_zip(a_piece(name=b""))[34:-22] * 1_000_000
    flows = [raw_zip(a_piece(name=b""), count=told, directory=directory) for told in (65_535, 1)]
    started = time.perf_counter()

    refusals = [_refusal(flow) for flow in flows]

    assert [one.code for one in refusals] == ["IRR_EXTRAC"] * 2
    assert ["46000000" in one.message["fr"] for one in refusals] == [True, True]
    assert time.perf_counter() - started < 0.5


def test_a_bomb_is_refused_before_anything_is_unzipped(zip_of: Zipped) -> None:
    """12 MB from 12 kB: the directory says so."""
    bomb = zip_of(*((f"{n}.xml", b"<" * 4_000_000) for n in range(3)))
    started = time.perf_counter()

    refusal = _refusal(bomb)

    assert (refusal.code, "100" in refusal.message["fr"]) == ("IRR_EXTRAC", True)
    assert time.perf_counter() - started < 0.1


def test_a_bomb_that_says_it_is_none_is_stopped_where_it_lies(
    raw_zip: RawZip, a_piece: Any
) -> None:
    """Not a byte more than announced is kept."""
    body = zlib.compress(b"<" * 12_000_000, wbits=-15)
    tracemalloc.start()

    refusal = _refusal(raw_zip(a_piece(data=A, body=body, method=8)))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (refusal.code, refusal.place) == ("IRR_EXTRAC", f"{FLOW} / a.xml")
    assert peak < 1_000_000


def test_all_files_together_are_limited(zip_of: Zipped) -> None:
    """By the limit of a flow, to the byte."""
    noise = random.Random(1)
    flow = zip_of(*((f"{n}.xml", b"<" + noise.randbytes(999)) for n in range(3)))

    assert len(_open(flow, replace(LIMITS, flow_bytes=3000))) == 3
    assert _refusal(flow, replace(LIMITS, flow_bytes=2999)).code == "IRR_EXTRAC"


def test_a_file_too_large_by_its_own_word_is_held_to_it(raw_zip: RawZip, a_piece: Any) -> None:
    """It is passed over, and found to be shorter than it said."""
    piece = a_piece(data=A, size=100_000_001)

    assert _refusal(raw_zip(piece), replace(LIMITS, ratio=10**9)).code == "IRR_EXTRAC"


def test_a_zip_truncated_anywhere_is_refused(zip_of: Zipped) -> None:
    """At every byte."""
    noise = random.Random(3)
    for streamed in (False, True):
        whole = zip_of(*((f"{n}.xml", b"<" + noise.randbytes(50)) for n in range(3)))
        whole = zip_of(("a.xml", A), ("b.xml", B), streamed=True) if streamed else whole

        codes = {_refusal(whole[:cut]).code for cut in range(4, len(whole))}

        assert codes == {"IRR_EXTRAC"}


def test_a_zip_with_one_wrong_byte_is_refused_or_the_same(zip_of: Zipped) -> None:
    """Checksums cover every document; times and versions may say what they like."""
    noise = random.Random(5)
    whole = zip_of(("a.xml", b"<" + noise.randbytes(300)), ("b.xml", B))
    sound = [data for _, _, data in _open(whole)]

    for at in range(4, len(whole)):
        broken = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        try:
            found = [data for _, _, data in _open(broken)]
        except EnvelopeRefused as refusal:
            assert refusal.code == "IRR_EXTRAC"  # noqa: PT017  # either is right
        else:
            assert [one for one in found if isinstance(one, bytes)] in (sound, sound[:1])


def _deflated(piece: Any) -> Any:
    return replace(piece, method=8, body=zlib.compress(piece.data, wbits=-15))


@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_zip_is_read_as_another_reader_does_or_refused(
    raw_zip: RawZip, a_piece: Any, data: st.DataObject
) -> None:
    """What is taken, the standard library takes alike; and nothing is a crash."""
    wild = st.sampled_from([None] * 20 + [0, 1, 5, 40, 2**32 - 1])
    pieces = data.draw(
        st.lists(
            st.builds(
                a_piece,
                name=st.sampled_from([b"a", b"b.xml", b"c/", b"d/e.xml", b"\xff"]),
                data=st.binary(max_size=20).map(lambda body: b"<" + body),
                method=st.just(0),
                flags=st.sampled_from([0, 0, 8, 2]),
                size=wild,
                zipped=wild,
                offset=wild,
                before=st.sampled_from([b"", b"", b"x"]),
                behind=st.sampled_from([b"", b"", bytes(12), bytes(16)]),
            ),
            max_size=3,
        )
    )
    pieces = [_deflated(one) if data.draw(st.booleans()) else one for one in pieces]
    flow = raw_zip(*pieces, comment=data.draw(st.sampled_from([b"", b"PK\5\6", b"c"])))
    try:
        found = [one for *_, one in _open(flow, replace(LIMITS, file_bytes=30))]
    except EnvelopeRefused as refusal:
        assert refusal.code in {"IRR_VIDE", "IRR_TYPE", "IRR_EXTRAC"}  # noqa: PT017  # any is right
        return
    with zipfile.ZipFile(io.BytesIO(flow)) as other:
        names = [one for one in other.infolist() if not one.is_dir()]
        assert found == [other.read(one) for one in names]
