"""Business terms and the fields that hold them."""

from __future__ import annotations

from collections import Counter

from pipeline.model.invoice import Invoice
from pipeline.model.terms import TERM_AT, TERMS, Kind, fields_of, is_value, steps_of

#: The norm has no BT-4.
NUMBERS = frozenset(range(1, 166)) - {4}


def _classes(kind: type, found: dict[type, None]) -> dict[type, None]:
    if kind not in found:
        found[kind] = None
        for step in fields_of(kind).values():
            if is_value(step.kind):
                _classes(step.kind, found)
    return found


def test_every_term_of_the_norm_has_its_field() -> None:
    """A term without a field would be lost by every conversion."""
    terms = {
        int(name.split("-")[1]) for name in TERMS if name.startswith("BT-") and "/" not in name
    }
    groups = {
        int(name.split("-")[1]) for name in TERMS if name.startswith("BG-") and "/" not in name
    }

    assert terms == NUMBERS
    assert groups == set(range(1, 33))


def test_every_field_of_the_model_is_on_the_path_of_a_term() -> None:
    """A field that is no term's would be written by nobody."""
    walked = {
        (kind, step.name)
        for term in TERMS.values()
        for kind, step in zip(
            (Invoice, *(step.kind for step in steps_of(term.path))),
            steps_of(term.path),
            strict=False,
        )
    }
    there = {(kind, name) for kind in _classes(Invoice, {}) for name in fields_of(kind)}

    assert walked == there


def test_no_two_terms_share_a_field() -> None:
    """Else one of them would be overwritten."""
    paths = Counter(term.path for term in TERMS.values() if term.kind is not Kind.GROUP)

    assert set(paths.values()) == {1}


def test_a_term_ends_in_a_plain_value_and_a_group_in_one_with_fields() -> None:
    """Whoever walks the terms need not ask what it has met."""
    ends = {
        name: is_value(([Invoice, *(step.kind for step in steps_of(term.path))])[-1])
        for name, term in TERMS.items()
    }

    assert ends == {name: term.kind is Kind.GROUP for name, term in TERMS.items()}


def test_what_occurs_several_times_is_told_within_its_group() -> None:
    """A line has one number, however many lines there are; it has several classifications."""
    told = {
        name: TERMS[name].many for name in ("BG-25", "BT-126", "BT-158", "BG-29", "BT-29", "BT-84")
    }

    assert told == {
        "BG-25": True,
        "BT-126": False,
        "BT-158": True,
        "BG-29": False,
        "BT-29": True,
        "BT-84": False,
    }
    assert (TERM_AT["lines"], TERM_AT["payments"]) == ("BG-25", "BG-16")
