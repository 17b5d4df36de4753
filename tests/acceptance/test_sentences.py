"""What ``edi validate`` says of a broken rule, and how a site says it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def test_a_site_says_a_rule_in_its_own_words(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Its table of sentences wins over the packaged one; a mistake in it is told at once."""
    own = tmp_path / "var" / "config" / "sentences.toml"
    own.parent.mkdir(parents=True)
    broken = str(ROOT / "samples" / "broken" / "br-co-15.xml")

    shipped = edi("validate", "--jobs", "1", broken)
    own.write_text('[fr]\nBR-CO-15 = "Appelez Odile."\n', encoding="utf-8")
    replaced = edi("validate", "--jobs", "1", broken)
    own.write_text("[fr]\nBR-CO-15 = 1\n", encoding="utf-8")
    mistaken = edi("validate", "--jobs", "1", broken)

    figures = "BT-112 trouvé 209,80 ; attendu 208,80 (BT-109 174,00 + BT-110 34,80)."
    assert "Le montant total TTC (BT-112) doit être égal au montant total HT" in shipped.out
    assert figures in shipped.out
    assert f"BR-CO-15 BT-112 ligne 95 : Appelez Odile. {figures}\n" in replaced.out
    assert (mistaken.code, "Traceback" in mistaken.err) == (2, False)
    assert "sentences.toml: fr.BR-CO-15: un texte est attendu" in mistaken.err
