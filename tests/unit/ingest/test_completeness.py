"""Whether a file that stopped growing looks whole."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest.completeness import gzip_whole, looks_whole, p7m_whole

ENDS = 4096
SAMPLES = Path(__file__).parents[3] / "samples" / "invoices"


def _looks_whole(data: bytes) -> bool:
    return looks_whole(data[:ENDS], data[-ENDS:])


def _long(text: str) -> str:
    return text.replace("BODY", "<b>x</b>" * 3000)


@pytest.mark.parametrize(
    "text",
    [
        "<a>BODY</a>",
        "<a>BODY</a >\r\n\n",
        '<?xml version="1.0"?>\n<!-- <c> -->\n<?pi <d> ?>\n<x:a k="v">BODY</x:a>',
        "<!DOCTYPE a [<!ENTITY x '<y>'>]>\n<a>BODY</a>",
        "<a>BODY</a><!-- made by <x> --><?end?>\n<!---->",
        "<été>BODY</été>",
        "<a.b-c>BODY</a.b-c>",
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_a_closed_document_looks_whole_until_a_byte_is_missing(text: str, codec: str) -> None:
    """Long or short, in every encoding; cut anywhere in its element it looks partial."""
    for whole in (_long(text), text.replace("BODY", "x")):
        data = whole.encode(codec)
        body = whole[: whole.rindex("</") + 1].encode(codec)

        assert _looks_whole(data)
        for cut in (len(body), len(body) - 1, len(body) // 2):
            assert not _looks_whole(data[:cut])


@pytest.mark.parametrize("text", ["<a/>", '<?xml version="1.0"?>\n<a k="v>"/>\n<!-- c -->\n'])
def test_a_root_that_closes_itself_is_whole(text: str) -> None:
    """Nothing an invoice would be, but nothing to wait for either."""
    assert _looks_whole(text.encode())


@pytest.mark.parametrize("text", ["<a><b/>", "<a><a/>", "<a>" + "<b/>" * 3000])
def test_another_element_that_closes_itself_is_no_end(text: str) -> None:
    """The root is still open."""
    assert not _looks_whole(text.encode())


def test_every_beginning_of_an_invoice_looks_partial() -> None:
    """What a listing between two packets shows."""
    data = (SAMPLES / "ubl-380-fournitures.xml").read_bytes().rstrip()

    assert _looks_whole(data)
    assert [cut for cut in range(1, len(data)) if _looks_whole(data[:cut])] == []


def test_an_empty_file_does_not_look_whole() -> None:
    """Many servers create the file before the first byte arrives."""
    assert not looks_whole(b"", b"")


@pytest.mark.parametrize("data", [b"0\x82\x01\x00", b"\x1f\x8b\x08\0", b"a;b;c"])
def test_of_other_kinds_the_ends_say_nothing(data: bytes) -> None:
    """They are taken when they are stable, and judged when they are opened."""
    assert _looks_whole(data)


def test_a_zip_is_whole_with_its_end_record(zip_of: Callable[..., bytes]) -> None:
    """Not a byte earlier; what follows it is no reason to wait."""
    whole = zip_of(("a.xml", random.Random(1).randbytes(9000)), ("b.xml", b"<b/>"))
    commented = whole[:-2] + b"\x05\0hello"

    assert [_looks_whole(one) for one in (whole, commented, whole + b"x")] == [True] * 3
    assert [cut for cut in range(4, len(whole)) if _looks_whole(whole[:cut])] == []
    assert not _looks_whole(commented[:-1])


def test_a_pdf_is_whole_with_its_end_mark() -> None:
    """Near its end, as some tools write behind it."""
    body = b"%PDF-1.7\n" + random.Random(1).randbytes(9000)

    assert _looks_whole(body + b"startxref\n9\n%%EOF\n")
    assert _looks_whole(body + b"%%EOF" + bytes(1000))
    assert not _looks_whole(body + b"startxref\n9\n%%EO")
    assert not _looks_whole(body + b"%%EOF" + body)


def test_a_signed_envelope_is_whole_when_its_end_is_reached(
    signed: Callable[..., bytes], streamed: Callable[..., bytes]
) -> None:
    """Its lengths say so; what is wrong otherwise is no reason to wait."""
    for whole in (signed(b"<a/>"), streamed(b"<a/>" * 9, 7)):
        assert p7m_whole(io.BytesIO(whole), 10**6)
        assert p7m_whole(io.BytesIO(whole + b"x"), 10**6)
        assert p7m_whole(io.BytesIO(whole[:-1]), len(whole) - 2)
        for cut in range(1, len(whole)):
            assert not p7m_whole(io.BytesIO(whole[:cut]), 10**6)
    assert p7m_whole(io.BytesIO(signed(None)), 10**6)


def test_a_prolog_longer_than_the_head_says_nothing() -> None:
    """A licence text in a comment may be longer than what is looked at."""
    assert _looks_whole(b"<!--" + b"x" * 5000 + b"-->\n<a>" + b"y" * 5000)


def test_a_file_preallocated_with_null_bytes_is_partial() -> None:
    """Some clients reserve the space before they fill it."""
    assert not _looks_whole(b"<a>" + bytes(5000))


@pytest.fixture(scope="module")
def zipped() -> bytes:
    """Half a megabyte that does not compress, in one gzip member."""
    return gzip.compress(random.Random(2).randbytes(500_000))


def test_a_gzip_is_whole_when_its_end_is_reached(zipped: bytes) -> None:
    """Its own checksum says so; one byte less and it does not."""
    assert gzip_whole(io.BytesIO(zipped), 10**9)
    assert gzip_whole(io.BytesIO(zipped + zipped), 10**9)
    for part in range(20):
        assert not gzip_whole(io.BytesIO(zipped[: len(zipped) * part // 20]), 10**9)
    assert not gzip_whole(io.BytesIO(zipped[:-1]), 10**9)


def test_a_gzip_with_holes_is_partial(zipped: bytes) -> None:
    """Written out of order, the middle comes last."""
    assert not gzip_whole(io.BytesIO(zipped[:100_000] + bytes(1000) + zipped[101_000:]), 10**9)


def test_a_gzip_with_something_behind_is_whole(zipped: bytes) -> None:
    """Waiting changes nothing: it is taken, opened and refused."""
    assert gzip_whole(io.BytesIO(zipped + b"x"), 10**9)


def test_a_bomb_is_not_unzipped_to_see_whether_it_is_whole() -> None:
    """Beyond the limit it counts as whole, and opening it decides."""
    bomb = gzip.compress(bytes(20_000_000))[:-8]

    stream = io.BytesIO(bomb)

    assert gzip_whole(stream, 1_000_000)
    assert not gzip_whole(io.BytesIO(bomb), 100_000_000)
