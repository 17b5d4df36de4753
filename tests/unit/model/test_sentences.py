"""Which sentence a rule is told with."""

from __future__ import annotations

import pytest

from pipeline.model.sentences import Pattern, Sentences

SAID = Sentences(
    fr={"BR-02": "Le numéro manque.", "BR-02_BT-1": "Le numéro (BT-1) manque."},
    patterns=(
        Pattern(rule="BR-DEC-.*", text=r"\((?P<term>BT-\d+)\)", fr="Deux décimales : {term}."),
        Pattern(rule="BR-.*", fr="Règle non respectée.", en="Rule not met."),
    ),
    terms={"BT-92": "remise (BT-92)"},
)


@pytest.mark.parametrize(
    ("rule", "words", "french"),
    [
        ("BR-02", "", "Le numéro manque."),
        ("BR-02_BT-1", "", "Le numéro (BT-1) manque."),
        ("BR-02_BT-1-1", "", "Le numéro (BT-1) manque."),
        ("BR-02_BT-25", "", "Le numéro manque."),
        ("BR-DEC-01", "decimals of the amount (BT-92) is 2", "Deux décimales : remise (BT-92)."),
        ("BR-DEC-02", "decimals of the amount (BT-93) is 2", "Deux décimales : BT-93."),
        ("BR-DEC-03", "no term", "Règle non respectée."),
        ("UBL-CR-1", "", None),
    ],
)
def test_the_longest_name_wins_then_the_first_pattern(
    rule: str, words: str, french: str | None
) -> None:
    """French packs number one rule place by place; one sentence serves all of them."""
    assert SAID.french(rule, words) == french


def test_english_comes_from_a_pattern_that_has_some() -> None:
    """Where the pack's own words are English already, nothing stands in for them."""
    assert SAID.english("BR-DEC-01", "(BT-92)") == "Rule not met."
    assert SAID.english("UBL-CR-1", "") is None
