"""What a sender announces is held against what came, figure by figure."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.manifest import (
    MANIFEST_BYTES,
    MANIFEST_NAME,
    Manifest,
    ManifestFault,
    compare,
    difference,
    read_manifest,
)
from pipeline.ingest.unwrap import MANIFEST_SEQ, EnvelopeRefused, unwrap
from pipeline.model.acknowledgement import Figure
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.limits import Limits
from pipeline.model.report import RoutingHeader, Syntax

FLOW = InterchangeId("F1")
A, B = "a" * 64, "b" * 64


def a_document(
    seq: int = 1,
    total: str | None = "120.00",
    *,
    name: str | None = None,
    currency: str | None = "EUR",
    type_code: str = "380",
    syntax: Syntax = Syntax.CII,
    sha256: str = A,
) -> Document:
    """Build a document of the flow."""
    return Document(
        id=document_id(FLOW, seq),
        interchange=FLOW,
        seq=seq,
        name=name or f"{seq}.xml",
        size=10,
        sha256=sha256,
        syntax=syntax,
        header=RoutingHeader(
            type_code=type_code,
            currency=currency,
            total_with_vat=None if total is None else Decimal(total),
        ),
    )


def announced(**parts: object) -> Manifest:
    """Read a manifest with these parts, as a sender writes it."""
    return read_manifest(json.dumps(parts).encode())


def test_every_part_is_read() -> None:
    """Amounts stay as written; hashes are compared whatever their case."""
    data = json.dumps(
        {
            "count": 2,
            "sums": {"EUR": "1234.50", "USD": "-3"},
            "files": [{"name": "b.xml", "sha256": B.upper()}, {"name": "a.xml", "sha256": A}],
        }
    )

    found = read_manifest(b"\xef\xbb\xbf" + data.encode())

    assert found == Manifest(
        count=2, sums={"EUR": "1234.50", "USD": "-3"}, files={"b.xml": B, "a.xml": A}
    )


@pytest.mark.parametrize("part", [{"count": 0}, {"sums": {"EUR": "0"}}, {"files": []}])
def test_one_part_is_enough(part: dict[str, object]) -> None:
    """A sender may know only how many files it sent."""
    (key,) = part

    assert getattr(announced(**part), key) is not None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('{"count": 2', "1:12", id="cut-off"),
        pytest.param('{\n  "count": x}', "2:12", id="no-json"),
        pytest.param("[]", "", id="no-object"),
        pytest.param("{}", "", id="empty"),
        pytest.param("", "1:1", id="no-bytes"),
        pytest.param("\xff", "", id="not-utf-8"),
        pytest.param("[" * 100_000, "", id="nested"),
        pytest.param('{"count": ' + "9" * 5000 + "}", "", id="endless-number"),
        pytest.param('{"count": 2, "date": "x"}', "date", id="unknown-key"),
        pytest.param('{"count": 2, "count": 3}', "count", id="key-twice"),
        pytest.param('{"count": "2"}', "count", id="count-text"),
        pytest.param('{"count": 2.0}', "count", id="count-fraction"),
        pytest.param('{"count": true}', "count", id="count-flag"),
        pytest.param('{"count": -1}', "count", id="count-negative"),
        pytest.param('{"count": null}', "count", id="count-null"),
        pytest.param('{"sums": {}}', "sums", id="no-currency"),
        pytest.param('{"sums": [1]}', "sums", id="sums-list"),
        pytest.param('{"sums": {"eur": "1"}}', "sums.eur", id="currency-lower"),
        pytest.param('{"sums": {"EUR": 1.5}}', "sums.EUR", id="amount-number"),
        pytest.param('{"sums": {"EUR": "1,5"}}', "sums.EUR", id="amount-comma"),
        pytest.param('{"sums": {"EUR": "1e3"}}', "sums.EUR", id="amount-exponent"),
        pytest.param('{"sums": {"EUR": "NaN"}}', "sums.EUR", id="amount-nan"),
        pytest.param('{"sums": {"EUR": "1", "EUR": "2"}}', "EUR", id="currency-twice"),
        pytest.param('{"files": {}}', "files", id="files-object"),
        pytest.param('{"files": ["a.xml"]}', "files[0]", id="file-text"),
        pytest.param('{"files": [{"name": "a"}]}', "files[0].sha256", id="no-hash"),
        pytest.param(f'{{"files": [{{"sha256": "{A}"}}]}}', "files[0].name", id="no-name"),
        pytest.param(
            f'{{"files": [{{"name": "a", "sha256": "{A}0"}}]}}', "files[0].sha256", id="long-hash"
        ),
        pytest.param(
            f'{{"files": [{{"name": "a", "sha256": "{A}", "size": 1}}]}}',
            "files[0].size",
            id="unknown-key-of-a-file",
        ),
        pytest.param(
            json.dumps({"files": [{"name": "a", "sha256": A}] * 2}),
            "files[1].name",
            id="name-twice",
        ),
    ],
)
def test_what_is_no_manifest_is_refused_with_the_place(text: str, place: str) -> None:
    """Nothing is guessed: a figure that was misread would be worse than none."""
    with pytest.raises(ManifestFault) as caught:
        read_manifest(text.encode("latin-1"))

    assert caught.value.place == place
    reason = caught.value.reason
    assert (reason.code, reason.place) == ("MANIFEST", f"manifest.json {place}".strip())
    assert reason.message["fr"]
    assert reason.message["en"]


def test_a_key_written_twice_among_many_is_found_at_once() -> None:
    """A megabyte of keys must not cost an hour."""
    keys = ",".join(f'"{number}": 1' for number in range(60_000))

    with pytest.raises(ManifestFault) as caught:
        read_manifest(f'{{{keys}, "59999": 2}}'.encode()[:MANIFEST_BYTES])

    assert caught.value.place == "59999"


def test_all_figures_are_told_and_hold() -> None:
    """A sender reads in the answer that everything arrived."""
    flow = [
        a_document(1, "100.00"),
        a_document(2, "30.50", type_code="381"),
        a_document(3, "-5", syntax=Syntax.UBL_CREDIT_NOTE, sha256=B),
        a_document(4, "7.1", currency="USD"),
    ]
    manifest = announced(
        count=4,
        sums={"USD": "7.10", "EUR": "74.5"},
        files=[{"name": f"{n}.xml", "sha256": B if n == 3 else A} for n in (4, 3, 2, 1)],
    )

    figures = compare(manifest, flow)

    assert figures == (
        Figure("count", "4", "4"),
        Figure("sum EUR", "74.5", "74.5"),
        Figure("sum USD", "7.10", "7.10"),
        Figure("sha256 4.xml", A, A),
        Figure("sha256 3.xml", B, B),
        Figure("sha256 2.xml", A, A),
        Figure("sha256 1.xml", A, A),
    )
    assert difference(figures) is None


@pytest.mark.parametrize(
    ("parts", "flow", "wrong"),
    [
        pytest.param({"count": 2}, [a_document()], Figure("count", "2", "1"), id="one-missing"),
        pytest.param(
            {"sums": {"EUR": "120.01"}},
            [a_document()],
            Figure("sum EUR", "120.01", "120.00"),
            id="a-cent",
        ),
        pytest.param(
            {"sums": {"EUR": "120"}},
            [a_document(), a_document(2, "1.00", currency="USD")],
            Figure("sum USD", None, "1.00"),
            id="currency-not-announced",
        ),
        pytest.param(
            {"sums": {"EUR": "120", "USD": "1"}},
            [a_document()],
            Figure("sum USD", "1", "0"),
            id="currency-without-invoice",
        ),
        pytest.param(
            {"sums": {"EUR": "120.00"}},
            [a_document(), a_document(2, None)],
            Figure("sum EUR", "120.00", "120.00 + ? (2.xml)"),
            id="amount-not-read",
        ),
        pytest.param(
            {"sums": {"EUR": "120.00"}},
            [a_document(), a_document(2, None, currency=None)],
            Figure("sum EUR", "120.00", "120.00 + ? (2.xml)"),
            id="nothing-read",
        ),
        pytest.param(
            {"sums": {"EUR": "120.00"}},
            [a_document(), a_document(2, currency="€")],
            Figure("sum EUR", "120.00", "120.00 + ? (2.xml)"),
            id="no-currency-code",
        ),
        pytest.param(
            {"sums": {"EUR": "120.00"}},
            [a_document(), a_document(2, "1E+999999")],
            Figure("sum EUR", "120.00", "120.00 + ? (2.xml)"),
            id="no-amount-of-this-world",
        ),
        pytest.param(
            {"files": [{"name": "1.xml", "sha256": B}]},
            [a_document()],
            Figure("sha256 1.xml", B, A),
            id="other-bytes",
        ),
        pytest.param(
            {"files": [{"name": "1.xml", "sha256": A}]},
            [a_document(), a_document(2)],
            Figure("sha256 2.xml", None, A),
            id="file-not-announced",
        ),
        pytest.param(
            {"files": [{"name": "1.xml", "sha256": A}, {"name": "2.xml", "sha256": A}]},
            [a_document()],
            Figure("sha256 2.xml", A, None),
            id="file-missing",
        ),
        pytest.param(
            {"files": [{"name": "1.xml", "sha256": A}]},
            [a_document(), a_document(2, name="1.xml")],
            Figure("sha256 1.xml", A, f"{A}, {A}"),
            id="name-twice-in-the-flow",
        ),
        pytest.param(
            {"files": [{"name": "1.xml", "sha256": A}]},
            [a_document(sha256="")],
            Figure("sha256 1.xml", A, "?"),
            id="file-refused-unread",
        ),
    ],
)
def test_a_figure_that_differs_is_told_with_both_values(
    parts: dict[str, object], flow: Sequence[Document], wrong: Figure
) -> None:
    """The sender sees at a glance which side is wrong."""
    figures = compare(announced(**parts), flow)

    reason = difference(figures)

    assert [one for one in figures if not one.holds] == [wrong]
    assert reason is not None
    assert (reason.code, reason.place) == ("MANIFEST", "manifest.json")
    for text, nothing in ((reason.message["fr"], "rien"), (reason.message["en"], "nothing")):
        assert (wrong.announced or nothing) in text
        assert (wrong.found or nothing) in text


def test_many_differences_are_counted_and_the_first_ten_told() -> None:
    """A reason stays a sentence; the answer carries all figures."""
    flow = [a_document(seq, sha256=B) for seq in range(1, 13)]
    files = [{"name": one.name, "sha256": A} for one in flow]

    reason = difference(compare(announced(files=files), flow))

    assert reason is not None
    assert "10.xml" in reason.message["fr"]
    assert "11.xml" not in reason.message["fr"]
    assert "et 2 autre(s) écart(s)" in reason.message["fr"]
    assert "and 2 more difference(s)" in reason.message["en"]


def test_names_are_compared_as_they_are_shown() -> None:
    """A backslash in a name is escaped on every screen, and so in the comparison."""
    flow = [a_document(name="caf\u00e9\\x5c1.xml")]

    figures = compare(announced(files=[{"name": "caf\u00e9\\1.xml", "sha256": A}]), flow)

    assert figures == (Figure("sha256 caf\u00e9\\x5c1.xml", A, A),)


def taken(flow: bytes) -> list[tuple[int, str, bytes]]:
    """Unwrap a flow: place, name and bytes of each member."""
    members = unwrap(io.BytesIO(flow), Limits(), "lot")
    return [(one.seq, one.name, b"".join(one.chunks)) for one in members]


def a_zip(*files: tuple[str, bytes]) -> bytes:
    """Pack files as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_manifest_takes_no_place_wherever_it_lies_in_the_archive(
    tar_gz: Callable[..., bytes],
) -> None:
    """The documents around it keep theirs; one in a folder is no manifest."""
    files = (("a.xml", b"<a/>"), (MANIFEST_NAME, b"{}"), ("b.xml", b"<b/>"))
    members = [(1, "a.xml", b"<a/>"), (MANIFEST_SEQ, MANIFEST_NAME, b"{}"), (2, "b.xml", b"<b/>")]

    assert taken(tar_gz(*files)) == members
    assert sorted(taken(a_zip(*files))) == sorted(members)
    assert taken(tar_gz((f"x/{MANIFEST_NAME}", b"{}"))) == [(1, f"x/{MANIFEST_NAME}", b"")]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param([b"{}", b"{}"], "MANIFEST", id="two"),
        pytest.param([bytes(MANIFEST_BYTES + 1)], "MANIFEST", id="too-large"),
        pytest.param([b"{}"], "IRR_VIDE", id="nothing-else"),
    ],
)
def test_an_archive_that_cannot_be_held_against_its_manifest_is_refused(
    tar_gz: Callable[..., bytes], files: list[bytes], code: str
) -> None:
    """Which of two would count? And what is a manifest of nothing?"""
    told = [(MANIFEST_NAME, data) for data in files]
    sound = [] if code == "IRR_VIDE" else [("a.xml", b"<a/>")]

    with pytest.raises(EnvelopeRefused) as caught:
        taken(tar_gz(*told, *sound))

    assert caught.value.code == code


cents = st.integers(min_value=-(10**15), max_value=10**15)
lines = st.lists(
    st.tuples(cents, st.sampled_from(["EUR", "USD", "XPF"]), st.sampled_from(["380", "381"])),
    min_size=1,
    max_size=20,
)


def a_flow(rows: Sequence[tuple[int, str, str]]) -> list[Document]:
    """Build a flow of such amounts, in cents."""
    return [
        a_document(seq, f"{Decimal(amount).scaleb(-2):f}", currency=currency, type_code=kind)
        for seq, (amount, currency, kind) in enumerate(rows, 1)
    ]


def sums_of(rows: Sequence[tuple[int, str, str]]) -> dict[str, int]:
    """Add up in whole cents, independently of decimals."""
    sums: dict[str, int] = {}
    for amount, currency, kind in rows:
        sums[currency] = sums.get(currency, 0) + (-amount if kind == "381" else amount)
    return sums


def in_words(amount: int) -> str:
    """Write whole cents as an amount."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


@given(lines)
def test_sums_added_up_in_cents_hold(rows: list[tuple[int, str, str]]) -> None:
    """Exact to the cent for any amounts, of any sign, in any currency."""
    sums = {currency: in_words(amount) for currency, amount in sums_of(rows).items()}

    figures = compare(announced(count=len(rows), sums=sums), a_flow(rows))

    assert difference(figures) is None
    assert [one.announced for one in figures[1:]] == [sums[key] for key in sorted(sums)]


@given(lines, st.integers(min_value=1, max_value=10**15), st.data())
def test_one_cent_more_or_less_in_one_currency_is_the_only_difference(
    rows: list[tuple[int, str, str]], off: int, data: st.DataObject
) -> None:
    """No error hides another, none is invented."""
    sums = sums_of(rows)
    wrong = data.draw(st.sampled_from(sorted(sums)))
    told = {key: in_words(sum_ + off * (key == wrong)) for key, sum_ in sums.items()}

    figures = compare(announced(sums=told), a_flow(rows))

    assert [one.what for one in figures if not one.holds] == [f"sum {wrong}"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["count", "sums", "files", "name", "sha256", "EUR"]), inner
        )
    ),
    max_leaves=8,
)


@given(values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=99))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing a sender writes there is a crash of ours, and nothing read is empty."""
    try:
        found = read_manifest(data)
    except ManifestFault:
        return
    assert found != Manifest()
