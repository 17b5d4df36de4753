"""Business terms wherever they stand in a document."""

from __future__ import annotations

from lxml import etree

from pipeline.syntax import ubl
from pipeline.syntax.terms import TermReader

TWO_LINES = etree.fromstring(f"""
<Invoice xmlns="{ubl.INVOICE}" xmlns:cac="{ubl.CAC}" xmlns:cbc="{ubl.CBC}">
  <cbc:ID> F1 </cbc:ID>
  <cac:InvoiceLine><cbc:ID>1</cbc:ID>
    <cbc:LineExtensionAmount>1<!-- c -->0</cbc:LineExtensionAmount>
    <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>
      <cbc:Amount>3</cbc:Amount></cac:AllowanceCharge>
  </cac:InvoiceLine>
  <cac:InvoiceLine><cbc:ID>2</cbc:ID><cbc:LineExtensionAmount>20</cbc:LineExtensionAmount>
    <cbc:Note> </cbc:Note>
  </cac:InvoiceLine>
</Invoice>""")


def reader_and_lines() -> tuple[TermReader, etree._Element, etree._Element]:
    """Read the invoice of two lines; the first one has an allowance."""
    reader = TermReader(ubl.TABLE, TWO_LINES)
    first, second = reader.group("BG-25")
    return reader, first, second


def test_a_place_in_a_group_is_told_of_its_own_group_only() -> None:
    """What is wrong with the second line is not told with figures of the first."""
    reader, first, second = reader_and_lines()
    inside = first.find(f"{{{ubl.CBC}}}ID")
    assert inside is not None

    assert reader.texts("BT-131", TWO_LINES) == ["10", "20"]
    assert reader.texts("BT-131", inside) == ["10"]
    assert reader.texts("BT-131", second) == ["20"]


def test_a_group_within_a_group_is_that_of_the_same_line() -> None:
    """A line without allowances has none, whatever the line beside it has."""
    reader, first, second = reader_and_lines()

    assert reader.texts("BT-136", first) == ["3"]
    assert reader.texts("BT-136", second) == []
    assert reader.texts("BT-136", TWO_LINES) == ["3"]


def test_comments_white_space_and_unknown_terms_are_no_text() -> None:
    """Only what the rule packs see is told."""
    reader, first, second = reader_and_lines()

    assert reader.texts("BT-1", first) == ["F1"]
    assert reader.texts("BT-127", second) == []
    assert reader.texts("BT-9999", TWO_LINES) == []
    assert reader.group("BG-9999") == ()
