"""Identifiers are derived: the same thing has the same name, another thing another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.identity import (
    InterchangeId,
    derived,
    document_id,
    interchange_id,
    outbox_key,
)

FLOW = InterchangeId("F0123456789ABCDEF")
names = st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text)


def test_identifiers_never_change() -> None:
    """They are in partners' archives and in the ledger: a new formula would lose both."""
    assert interchange_id("papeterie", "a.xml", "ab" * 32, 1_700_000_000) == "FB466F2BB7EEDA94F"
    assert document_id(FLOW, 12) == "F0123456789ABCDEF-0012"
    assert outbox_key("delivery", FLOW, "ville", "a.xml", 2) == "D52BFE03B4B019250"


def test_the_same_file_seen_again_is_the_same_interchange() -> None:
    """A crash between record and removal must not make a second one."""
    seen = [interchange_id("papeterie", "a.xml", "ab" * 32, 7) for _ in range(2)]

    assert seen[0] == seen[1]


def test_every_part_of_an_interchange_tells_it_from_another() -> None:
    """Another sender, name, content or moment is another file."""
    made = {
        interchange_id("papeterie", "a.xml", "ab" * 32, 7),
        interchange_id("traiteur", "a.xml", "ab" * 32, 7),
        interchange_id("papeterie", "b.xml", "ab" * 32, 7),
        interchange_id("papeterie", "a.xml", "cd" * 32, 7),
        interchange_id("papeterie", "a.xml", "ab" * 32, 8),
    }

    assert len(made) == 5


def test_every_part_of_an_outbox_key_tells_it_from_another() -> None:
    """A redelivery is another row, and an answer is no delivery."""
    made = {
        outbox_key("delivery", FLOW, "ville", "a.xml"),
        outbox_key("acknowledgement", FLOW, "ville", "a.xml"),
        outbox_key("delivery", InterchangeId("F1"), "ville", "a.xml"),
        outbox_key("delivery", FLOW, "hopital", "a.xml"),
        outbox_key("delivery", FLOW, "ville", "b.xml"),
        outbox_key("delivery", FLOW, "ville", "a.xml", 2),
    }

    assert len(made) == 6


def test_documents_sort_by_their_place() -> None:
    """Lists in the order of ids are lists in the order of the flow."""
    made = [document_id(FLOW, seq) for seq in range(1, 501)]

    assert sorted(made) == made


@given(st.lists(names, min_size=2, max_size=4))
def test_parts_do_not_run_into_each_other(parts: list[str]) -> None:
    """`a`, `bc` and `ab`, `c` are not the same thing."""
    joined = ["".join(parts[:2]), *parts[2:]]

    assert derived(*parts) != derived(*joined)
