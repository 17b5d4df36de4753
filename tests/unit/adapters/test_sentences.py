"""The table of sentences, as a workspace may write its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.adapters.sentences import read_sentences
from pipeline.model.errors import ConfigError
from pipeline.model.sentences import Sentences

SHIPPED = Path(__file__).parents[3] / "config" / "sentences.toml"


def test_the_shipped_table_says_rules_patterns_and_what_to_do() -> None:
    """One rule by its name, one by its pattern, one in English, one with advice."""
    said = read_sentences(SHIPPED.read_text(encoding="utf-8"))

    assert said.french("BR-02", "An Invoice shall…") == "Le numéro de facture (BT-1) manque."
    assert (
        said.french("BR-DEC-09", "… for the Sum of Invoice line net amount (BT-106) is 2.")
        == "Deux décimales au plus pour : somme des montants nets de ligne (BT-106)."
    )
    assert (
        said.french("BR-IC-05", "…")
        == "Une ligne de la catégorie de TVA « livraison intracommunautaire » (K) doit avoir un"
        " taux (BT-152) de 0."
    )
    assert said.english("BR-FR-12_BT-49", "…") == (
        "The buyer's electronic address (BT-49) is required."
    )
    assert said.what_to_do("BR-DEC-09") == {
        "fr": "Arrondissez à deux décimales, puis refaites les totaux.",
        "en": "Round to two decimals, then compute the totals again.",
    }
    assert said.what_to_do("BR-02") is None


def test_an_empty_table_leaves_the_packs_speaking_alone() -> None:
    """Nothing has to be said twice."""
    assert read_sentences("") == Sentences()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fr", "Expected"),
        ("[de]\nBR-02 = 'x'", "clé inconnue / unknown key: de"),
        ("[fr]\nBR-02 = ''", "fr.BR-02: un texte est attendu / a text is expected"),
        ("[fr]\nBR-02 = 2", "fr.BR-02: un texte est attendu / a text is expected"),
        ("[[pattern]]\nrule = '('\nfr = 'x'", "(: missing )"),
        ("[[pattern]]\nrule = 'A'\nfr = '{what}'", "A: 'what': no such group"),
        ("[[pattern]]\nrule = 'A'\nfr = '{'", "Single '{'"),
        ("[[pattern]]\nrule = 'A'", "fr"),
        ("[[advice]]\nrule = '['\nfr = 'x'\nen = 'x'", "[: unterminated"),
        ("[[advice]]\nrule = 'A'\nde = 'x'\nen = 'x'", "de"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_before_any_document(text: str, told: str) -> None:
    """A worker that met it at its first finding would have to hold the document."""
    with pytest.raises(ConfigError, match=r"sentences\.toml") as caught:
        read_sentences(text)

    assert told in str(caught.value)
