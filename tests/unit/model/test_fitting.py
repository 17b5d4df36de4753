"""What a profile of Factur-X holds of an invoice, and that nothing else is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.facturx import FacturxProfile
from pipeline.model.fitting import MOST_VALUE, fit, shown, smallest_profile
from pipeline.model.invoice import (
    Contact,
    Identifier,
    Invoice,
    Line,
    Party,
    Payment,
    Preceding,
    Support,
    Totals,
)
from pipeline.model.terms import TERM_AT, TERMS, Kind, fields_of, is_value

NAMES = {name for name, term in TERMS.items() if term.kind is not Kind.GROUP}


def filled(kind: type, path: str = "") -> Any:
    """Return a value of the model in which every term stands."""
    if is_value(kind):
        found: dict[str, object] = {}
        for name, step in fields_of(kind).items():
            inner = f"{path}.{name}" if path else name
            if not is_value(step.kind) and inner not in TERM_AT:
                continue  # a field that no syntax fills there
            if is_value(step.kind) and not any(at.startswith(f"{inner}.") for at in TERM_AT):
                continue
            made = filled(step.kind, inner)
            found[name] = (made,) if step.many else made
        return kind(**found)
    if issubclass(kind, Enum):
        return next(iter(kind))
    if path == TERMS["BT-91"].path:
        return "FR7630006000011234567890189"
    return {str: "x", Decimal: Decimal(1), date: date(2026, 9, 1), bytes: b"x"}[kind]


#: What no profile holds.
NEVER = {"BG-6/department", "BG-9/department"}
FULL: Invoice = filled(Invoice)


def terms_in(value: Any, path: str = "") -> Iterator[str]:
    """Yield the term of everything that a value of the model holds."""
    kind: type = type(value)
    for name in fields_of(kind):
        inner = f"{path}.{name}" if path else name
        held = getattr(value, name)
        for each in held if isinstance(held, tuple) else (held,):
            if is_value(type(each)):
                yield from terms_in(each, inner)
            elif each is not None:
                yield TERM_AT[inner]


def test_the_full_invoice_is_full() -> None:
    """Otherwise the tests below would show nothing."""
    assert set(terms_in(FULL)) == NAMES


@pytest.mark.parametrize("profile", FacturxProfile)
def test_each_term_is_kept_or_told(profile: FacturxProfile) -> None:
    """And none both, none twice, in both languages."""
    left, lost = fit(FULL, profile)

    kept, told = sorted(terms_in(left)), sorted(each.term or "" for each in lost)
    assert sorted([*kept, *told]) == sorted(NAMES)
    assert all(profile.holds(term) for term in kept)
    assert all(profile.level in each.why["fr"] for each in lost)
    assert all(str(each.term) in each.why["en"] for each in lost)


def test_a_larger_profile_never_holds_less() -> None:
    """So that there is a smallest one that holds everything."""
    held = [{name for name in NAMES if profile.holds(name)} for profile in FacturxProfile]

    assert all(smaller < larger for smaller, larger in pairwise(held))
    assert NAMES - held[-1] == NEVER


def test_an_invoice_in_a_profile_claims_that_profile() -> None:
    """A reader chooses its rules by BT-24."""
    for profile in FacturxProfile:
        left, _ = fit(replace(FULL, specification="anything"), profile)

        assert left.specification == profile.urn


def test_a_profile_without_lines_has_none() -> None:
    """No empty ones either; each value of each line is told, with the line's number."""
    invoice = Invoice(number="F-1", lines=(Line(id="1", name="Chaise"), Line(id="2")))

    left, lost = fit(invoice, FacturxProfile.BASIC_WL)

    assert left.lines == ()
    assert [(each.place, each.value) for each in lost] == [
        ("BG-25[1]/BT-126", "1"),
        ("BG-25[1]/BT-153", "Chaise"),
        ("BG-25[2]/BT-126", "2"),
    ]


def test_what_a_profile_does_not_touch_is_the_very_same() -> None:
    """A thousand lines are not made anew for one contact."""
    invoice = Invoice(
        lines=(Line(name="Chaise"),), seller=Party(contacts=(Contact(name="A"), Contact(name="B")))
    )

    left, _ = fit(invoice, FacturxProfile.EN16931)

    assert left.lines[0] is invoice.lines[0]


def test_the_norm_admits_one_contact() -> None:
    """The first stays, whole; the others are told."""
    first, second = Contact(name="A", phone="1"), Contact(name="B", email="b@b.fr")
    invoice = Invoice(buyer=Party(contacts=(first, second)))

    left, lost = fit(invoice, FacturxProfile.EN16931)

    assert left.buyer.contacts == (first,)
    assert [(each.term, each.place, each.value) for each in lost] == [
        ("BT-56", "BG-9[2]/BT-56", "B"),
        ("BT-58", "BG-9[2]/BT-58", "b@b.fr"),
    ]
    assert fit(invoice, FacturxProfile.EXTENDED)[0].buyer == invoice.buyer


@pytest.mark.parametrize(
    ("profile", "kept"),
    [
        pytest.param(FacturxProfile.EN16931, ["A", "1"], id="one-of-each"),
        pytest.param(FacturxProfile.EXTENDED, ["A", "1", "2"], id="one-without-a-scheme"),
    ],
)
def test_a_buyer_has_as_many_identifiers_as_its_profile_admits(
    profile: FacturxProfile, kept: list[str]
) -> None:
    """SIRET and service are two: the second of them needs EXTENDED."""
    identifiers = (
        Identifier("A"),
        Identifier("1", "0009"),
        Identifier("B"),
        Identifier("2", "0224"),
    )
    invoice = Invoice(buyer=Party(identifiers=identifiers), seller=Party(identifiers=identifiers))

    left, lost = fit(invoice, profile)

    assert [each.value for each in left.buyer.identifiers] == kept
    assert left.seller.identifiers == identifiers
    assert lost[0].place == "BT-46[3]/BT-46"
    assert {each.value for each in lost if each.term == "BT-46"} == {"A", "B", "1", "2"} - {*kept}


def test_only_an_iban_can_be_debited() -> None:
    """No profile has an element for any other account there."""
    invoice = Invoice(payments=(Payment(means="59", debited="12345"),))

    left, lost = fit(invoice, FacturxProfile.EXTENDED)

    assert left.payments == (Payment(means="59"),)
    assert [(each.place, each.value) for each in lost] == [("BG-16[1]/BT-91", "12345")]


def test_a_line_refers_to_one_earlier_invoice() -> None:
    """Even in the largest profile."""
    line = Line(preceding=(Preceding(number="F-1"), Preceding(number="F-2")))

    left, lost = fit(Invoice(lines=(line,)), FacturxProfile.EXTENDED)

    assert left.lines[0].preceding == line.preceding[:1]
    assert [each.place for each in lost] == ["BG-25[1]/EXT-FR-FE-BG-06[2]/EXT-FR-FE-136"]


def test_a_party_that_is_never_missing_may_be_empty() -> None:
    """Whoever writes the invoice asks it for its name."""
    left, _ = fit(Invoice(seller=Party(trading_name="ACME")), FacturxProfile.MINIMUM)

    assert (left.seller, left.buyer, left.totals) == (Party(), Party(), Totals())


@pytest.mark.parametrize(
    ("term", "profile"),
    [
        pytest.param({"totals": Totals(due=Decimal(1))}, FacturxProfile.MINIMUM, id="BT-115"),
        pytest.param({"due_date": date(2026, 9, 1)}, FacturxProfile.BASIC_WL, id="BT-9"),
        pytest.param({"lines": (Line(name="x"),)}, FacturxProfile.BASIC, id="BT-153"),
        pytest.param({"supports": (Support(reference="x"),)}, FacturxProfile.EN16931, id="BT-122"),
        pytest.param({"lines": (Line(parent="1"),)}, FacturxProfile.EXTENDED, id="EXT-FR-FE-162"),
    ],
)
def test_the_smallest_profile_is_the_first_that_holds_everything(
    term: dict[str, Any], profile: FacturxProfile
) -> None:
    """One term may ask for a larger one."""
    assert smallest_profile(Invoice(number="F-1", **term)) is profile


@given(st.text())
def test_a_lost_value_is_one_line_and_cut(text: str) -> None:
    """A page of text is no help in a report."""
    line = " ".join(text.split())

    assert shown(text)[: MOST_VALUE - 1] == line[: MOST_VALUE - 1]
    assert len(shown("x" * MOST_VALUE + text + "x")) == MOST_VALUE
