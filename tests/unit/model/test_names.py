"""File names are any bytes: shown safely, never lost, never two for one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.model.names import raw_name, shown_name, slug

#: Names that have broken someone's program.
AWKWARD = [
    pytest.param(b"a\nb.xml", r"a\x0ab.xml", id="newline"),
    pytest.param(b"\x1b[2J.xml", r"\x1b[2J.xml", id="terminal-escape"),
    pytest.param(b"caf\xe9.xml", r"caf\xe9.xml", id="latin-1"),
    pytest.param("café.xml".encode(), "café.xml", id="utf-8"),
    pytest.param("a\u202exml.exe".encode(), r"a\xe2\x80\xaexml.exe", id="right-to-left-override"),
    pytest.param("a\u00a0b.xml".encode(), r"a\xc2\xa0b.xml", id="no-break-space"),
    pytest.param(rb"a\x0ab.xml", r"a\x5cx0ab.xml", id="looks-escaped-already"),
    pytest.param(b"-rf", "-rf", id="option"),
    pytest.param(b"\xed\xb2\x80.xml", r"\xed\xb2\x80.xml", id="surrogate-in-utf-8"),
    pytest.param(b"", "", id="empty"),
]


@pytest.mark.parametrize(("raw", "shown"), AWKWARD)
def test_a_name_is_shown_without_what_could_do_harm(raw: bytes, shown: str) -> None:
    """What is printable stays readable; the rest shows its bytes."""
    assert shown_name(raw) == shown


@given(st.binary(max_size=300))
@example(rb"\\x5c\x5c")
@example(b"\xff\\xff")
def test_any_name_comes_back_as_it_was(raw: bytes) -> None:
    """The remote file can still be addressed, whatever its name."""
    assert raw_name(shown_name(raw)) == raw


@given(st.binary(max_size=300))
def test_a_shown_name_is_one_printable_line(raw: bytes) -> None:
    """No name breaks a log line, a terminal or a page."""
    shown = shown_name(raw)

    assert shown.isprintable()
    assert shown.splitlines() in ([shown], [])


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_names_are_never_shown_as_one(one: bytes, other: bytes) -> None:
    """The ledger keys files by the shown form."""
    assert (shown_name(one) == shown_name(other)) is (one == other)


@given(st.text(max_size=200), st.integers(min_value=1, max_value=80))
def test_a_slug_is_a_name_that_any_file_system_takes(shown: str, limit: int) -> None:
    """Recipients run anything; no name of ours climbs out of a folder or hides."""
    made = slug(shown, limit)

    assert 1 <= len(made) <= limit
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert made[0] not in ".-_"


def test_a_slug_keeps_what_it_can() -> None:
    """People look for the invoice's number in the name."""
    assert slug("../../Facture n° 12/é.xml") == "Facture-n-12-.xml"
