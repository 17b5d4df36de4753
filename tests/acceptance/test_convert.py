"""``edi convert``: a file of one's own in another form, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.limits import Limits
from pipeline.model.report import Syntax
from pipeline.syntax.parse import parse
from pipeline.syntax.recognise import recognise

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
INVOICES = ROOT / "samples" / "invoices"
UBL, CII = INVOICES / "ubl-380-fournitures.xml", INVOICES / "cii-380-fournitures.xml"


@pytest.mark.parametrize(
    ("source", "to", "syntax"),
    [
        pytest.param(UBL, "cii", Syntax.CII, id="ubl-to-cii"),
        pytest.param(CII, "ubl", Syntax.UBL_INVOICE, id="cii-to-ubl"),
    ],
)
def test_an_invoice_changes_its_syntax_and_loses_nothing(
    edi: Callable[..., Any], tmp_path: Path, source: Path, to: str, syntax: Syntax
) -> None:
    """The verdict is that of the target's packs, on the file that was written."""
    made = tmp_path / "out.xml"

    ran = edi("convert", str(source), "--to", to, "-o", str(made), "--json")

    told = ran.json
    assert (ran.code, told["outcome"], told["lost"]) == (0, "valid", [])
    assert [pack["name"] for pack in told["result"]["packs"]] == [f"en16931-{to}"]
    assert told["bytes"] == made.stat().st_size
    assert recognise(parse(made.read_bytes(), Limits())) is syntax


def test_a_pivot_tells_what_it_does_not_hold(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Term by term, with the value and the reason in both languages."""
    made = tmp_path / "out.xml"

    ran = edi("convert", str(UBL), "--to", "pivot", "-o", str(made), "--json")

    assert (ran.code, ran.json["outcome"]) == (0, "valid")
    (due,) = [one for one in ran.json["lost"] if one["term"] == "BT-9"]
    assert due["value"] == "2026-10-01"
    assert all(due["why"][language] for language in ("fr", "en"))
    assert parse(made.read_bytes(), Limits()).tag == "CPPFacturePivot"


def test_a_result_that_breaks_a_rule_ends_with_1(edi: Callable[..., Any], tmp_path: Path) -> None:
    """What was wrong stays wrong in the other syntax, under the same rule."""
    broken = ROOT / "samples" / "broken" / "br-co-15.xml"

    ran = edi("convert", str(broken), "--to", "cii", "-o", str(tmp_path / "out.xml"), "--json")

    found = {one["rule"] for one in ran.json["result"]["findings"]}
    assert (ran.code, ran.json["outcome"]) == (1, "invalid")
    assert "BR-CO-15" in found


def test_a_pivot_of_an_invoice_that_breaks_a_rule_is_not_called_valid(
    edi: Callable[..., Any], tmp_path: Path
) -> None:
    """The pivot has no rules of its own: whoever only looks at the code must not be misled."""
    broken = ROOT / "samples" / "broken" / "br-co-15.xml"

    told = edi("convert", str(broken), "--to", "pivot", "-o", str(tmp_path / "1.xml"), "--json")
    said = edi("convert", str(broken), "--to", "pivot", "-o", str(tmp_path / "2.xml"))

    assert (told.code, told.json["outcome"]) == (said.code, "invalid") == (1, "invalid")
    assert "BR-CO-15: Le montant total TTC" in said.err
    assert "origine / source: invalid" in said.err


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(b"<a/>", "SYNTAX-UNKNOWN", id="no-invoice"),
        pytest.param(b"<Invoice", "XML-WF", id="cut-off"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_leaves_nothing(
    edi: Callable[..., Any], tmp_path: Path, content: bytes, rule: str
) -> None:
    """No half of a file, and no empty one; why is said as `edi validate` says it."""
    source, made = tmp_path / "in.xml", tmp_path / "out.xml"
    source.write_bytes(content)

    ran = edi("convert", str(source), "--to", "cii", "-o", str(made))

    assert ran.code == 2
    assert rule in ran.err
    assert sorted(tmp_path.glob("*out*")) == []


def test_a_profile_is_not_promised_of_a_factur_x_that_stays_as_it_is(
    edi: Callable[..., Any], tmp_path: Path
) -> None:
    """A Factur-X is carried as received: its page is the supplier's, whatever is asked for."""
    source, made = tmp_path / "in.pdf", tmp_path / "out.pdf"
    assert edi("convert", str(UBL), "--to", "factur-x", "-o", str(source)).code == 0

    told = edi("convert", str(source), "--to", "factur-x", "--profile", "minimum", "-o", str(made))
    kept = edi("convert", str(source), "--to", "factur-x", "-o", str(made))

    assert (told.code, kept.code) == (2, 0)
    assert "--profile" in told.err
    assert "tel que reçu / as received" in kept.err
    assert made.read_bytes() == source.read_bytes()


def test_no_file_is_written_over(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Whatever stands under that name stays as it is."""
    made = tmp_path / "out.xml"
    made.write_bytes(b"mine")

    ran = edi("convert", str(UBL), "--to", "cii", "-o", str(made))

    assert (ran.code, made.read_bytes()) == (2, b"mine")
    assert "existe déjà" in ran.err


def test_without_a_file_the_document_goes_to_standard_output(edi: Callable[..., Any]) -> None:
    """Nothing else does: what is said of it goes beside."""
    ran = edi("convert", str(UBL), "--to", "cii")

    assert ran.code == 0
    assert recognise(parse(ran.out.encode(), Limits())) is Syntax.CII
    assert "résultat / result: valid" in ran.err
