"""What a bookkeeper looks for on the page, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

from pipeline.model.invoice import Binary, LineKind, Note, Support
from pipeline.model.labels import Language
from pipeline.syntax.readable.build import build_view
from pipeline.syntax.readable.plain import write_text
from pipeline.syntax.readable.write import write_html
from tests.unit.syntax.readable.examples import SOURCE, usual, wrong

FRENCH, ENGLISH = Language.FRENCH, Language.ENGLISH


def _text(page: str) -> str:
    plain = unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))
    return re.sub(r"\s+", " ", plain.replace("\u202f", " ").replace("\u00a0", " "))


def test_amounts_days_and_identifiers_are_written_as_the_reader_is_used_to() -> None:
    """French and English ways, and IBAN, SIREN, SIRET in groups."""
    french = _text(write_html(build_view(usual(100), SOURCE, FRENCH)))
    english = _text(write_html(build_view(usual(100), SOURCE, ENGLISH)))

    assert "09/03/2026" in french
    assert "9 Mar 2026" in english
    assert re.search(r"Net à payer BT-115 \d\d \d{3},\d\d EUR", french)
    assert re.search(r"Amount due BT-115 \d\d,\d{3}\.\d\d EUR", english)
    assert "FR76 3000 6000 0112 3456 7890 189" in french
    assert "732 829 320 00074" in french


def test_the_page_says_that_the_original_prevails_and_which_it_is() -> None:
    """Nobody takes the picture for the thing."""
    french = _text(write_html(build_view(usual(1), SOURCE, FRENCH)))
    english = _text(write_html(build_view(usual(1), SOURCE, ENGLISH)))

    assert french.count("l'original fait foi") >= 2
    assert "the original prevails" in english
    assert SOURCE.sha256 in french


def test_stated_and_recomputed_sums_stand_side_by_side() -> None:
    """A total that does not add up is seen at once, with what comes out."""
    right = build_view(usual(), SOURCE, FRENCH)
    amiss = build_view(wrong(), SOURCE, FRENCH)

    assert {total.agrees for total in right.totals} <= {True, None}
    (bad, after) = [total for total in amiss.totals if total.agrees is False]
    assert bad.item.value.startswith("999,99")
    assert bad.computed == next(t.computed for t in right.totals if t.item.term == "BT-112")
    assert after.item.term == "BT-115"  # worked out from the total as stated
    assert "≠" in write_text(amiss)


def test_the_three_statements_of_french_law_come_first_in_their_order() -> None:
    """PMT, PMD, AAB: a reader looks for these among all notes."""
    view = build_view(usual(), SOURCE, FRENCH)

    assert view.legal is not None
    assert [item.note for item in view.legal.items] == ["PMT", "PMD", "AAB"]
    assert view.notes is not None
    assert view.notes.items[0].value == "Livraison au service achats.\nMerci de votre confiance."


def test_an_attachment_is_listed_with_type_size_and_digest() -> None:
    """What travels with the invoice can be told from what somebody puts in its place."""
    support = Support(reference="A", attachment=Binary(b"abc", "text/csv", "a.csv"))

    page = _text(write_html(build_view(replace(usual(1), supports=(support,)), SOURCE, FRENCH)))

    assert "a.csv text/csv" in page
    assert "3 o" in page
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in page


def test_lines_within_lines_are_set_in() -> None:
    """And a circle of parents does no harm."""
    lines = [
        replace(line, id=name, parent=parent, kind=kind)
        for line, name, parent, kind in zip(
            usual(4).lines,
            "abcd",
            (None, "a", "b", "d"),
            (LineKind.GROUP, LineKind.DETAIL, LineKind.INFORMATION, LineKind.DETAIL),
            strict=True,
        )
    ]

    view = build_view(replace(usual(), lines=tuple(lines)), SOURCE, FRENCH)

    assert [row.depth for row in view.lines.rows] == [0, 1, 2, 6]
    assert [row.kind for row in view.lines.rows][:3] == ["group", "detail", "information"]


def test_an_empty_note_is_no_row() -> None:
    """A note without subject and text says nothing."""
    view = build_view(replace(usual(1), notes=(Note(),)), SOURCE, FRENCH)

    assert view.legal is None
    assert view.notes is None
